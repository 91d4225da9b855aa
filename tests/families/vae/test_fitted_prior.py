"""model.prior=fitted: which fit is used, that it is made once and before anything is traced, and its effect on the
bounds."""

import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.latents import DiscreteLatent
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.randomness import run_seed
from igr_suite.studies.fits import fit as fitting
from igr_suite.studies.fits import priors
from igr_suite.training.config_parts import OptimiserConfig

V, K = 2, 4
SEED = run_seed(0, "test")
NAMES = ("IGR_I_Dis", "IGR_Planar_Dis", "IGR_SB_Finite_Dis", "IGR_SB_Dis", "IGR_SB_Log_Dis")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Results folder of the whole file, and fits of a second instead of ten."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IGR_RESULTS", str(folder))
        patch.setattr(priors, "UNIFORM_FIT", {"samples": 500, "iterations": 20, "loss": "squared"})
        yield folder


def config(name, **options):
    joint = {} if name.endswith("_Dis") else {"latent_dim": 2}
    return ModelConfig(name=name, architecture="linear", variables=V, categories=K, prior="fitted", **(joint | options))


@pytest.mark.parametrize("name", NAMES)
def test_the_prior_is_the_fitted_one_and_the_kl_to_it_is_zero(root, name):
    """A posterior with the prior's parameters: closed KL 0, and log q = log p at every sample, up to float32."""
    latent = DiscreteLatent(config(name), seed=0)
    fit = priors.vae_prior(name.removesuffix("_Dis"), K, latent.config.delta, root)
    prior = latent.prior()
    np.testing.assert_array_equal(prior.loc, fit.values["loc"])
    np.testing.assert_array_equal(prior.log_scale, fit.values["log_scale"])
    assert (
        latent.records["prior"]["fit"] == fit.run_id
        and latent.records["prior"]["final_loss"] == fit.metadata["final_loss"] > 0
    )
    same = tf.tile(tf.concat([prior.loc, prior.log_scale], 0)[tf.newaxis], [3, V])
    drawn = latent.sample(same, 50, SEED)
    np.testing.assert_allclose(latent.closed_kl(drawn), 0, atol=1e-6)
    np.testing.assert_allclose(latent.sampled_kl(drawn), 0, atol=1e-5)
    other = latent.sample(same + 0.5, 50, SEED)
    assert (latent.closed_kl(other).numpy() > 0.1).all()


def test_which_fit_serves_which_distribution(root):
    fits = {name: DiscreteLatent(config(name), seed=0).records["prior"]["fit"] for name in NAMES}
    assert fits["IGR_Planar_Dis"] == fits["IGR_I_Dis"]
    assert fits["IGR_SB_Dis"] == fits["IGR_SB_Finite_Dis"]
    assert len(set(fits.values())) == 3
    averaged = DiscreteLatent(config("IGR_Planar_Dis"), seed=0).prior()
    assert np.ptp(averaged.loc) == np.ptp(averaged.log_scale) == 0
    sticks = DiscreteLatent(config("IGR_SB_Dis"), seed=0).prior()
    assert np.ptp(sticks.loc) > 0.1
    assert DiscreteLatent(config("IGR_I_Dis", temperature=0.7), seed=0).records["prior"]["fit"] == fits["IGR_I_Dis"]
    assert DiscreteLatent(config("IGR_I_Dis", delta=0.5), seed=0).records["prior"]["fit"] != fits["IGR_I_Dis"]


@pytest.mark.parametrize("name", ["IGR_SB_Dis", "IGR_Planar_Dis", "IGR_I"])
def test_a_model_is_traced_and_trained_with_it(root, name, monkeypatch):
    DiscreteLatent(config(name), seed=0)
    monkeypatch.setattr(fitting, "fit", lambda fit: pytest.fail("fitted again"))
    model = DiscreteVAE(
        config(name),
        image_shape=(3, 2, 1),
        likelihood="bernoulli",
        binarisation="static",
        optimiser=OptimiserConfig(),
        seed=0,
    )
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (8, 6), dtype=np.uint8))
    scalars = tf.function(model.train_step, autograph=False)(images, SEED)
    assert np.isfinite([float(value) for value in scalars.values()]).all()
    assert np.isfinite(model.eval_step(images, SEED, discrete=False)["elbo_relaxed"]).all()
    assert "prior" in model.latent.records


def test_behind_the_flow_and_after_it_the_prior_is_one_gaussian(root):
    shared, after = (
        DiscreteLatent(config("IGR_Planar_Dis", planar_prior=place), seed=0).prior()
        for place in ("shared_flow", "after_flow")
    )
    np.testing.assert_array_equal(shared.loc, after.loc)
    assert type(shared).__name__ == "IGRPlanar" and type(after).__name__ == "IGRI"


def test_others_have_no_fitted_prior():
    for name in ("GS_Dis", "VAE"):
        with pytest.raises(UserError, match=f"model.prior=fitted is not used by {name}"):
            ModelConfig(name=name, prior="fitted")
    assert DiscreteLatent(ModelConfig(name="IGR_I_Dis"), seed=0).records == {}


def test_of_those_who_ask_at_the_same_time_one_fits(tmp_path, monkeypatch):
    """Locks are of open files, so threads stand for processes here; all four start before the first fit can end."""
    asked, fits, found = threading.Barrier(4), [], []

    def slow(config):
        fits.append(threading.get_ident())
        time.sleep(0.3)
        values = {"loc": np.full(K - 1, len(fits), np.float32), "log_scale": np.zeros(K - 1, np.float32)}
        return fitting.Fit(values, values, 10, 1.0, 0.5, "iterations")

    def ask():
        asked.wait()
        found.append(priors.vae_prior("IGR_SB_Finite", K, 1.0, tmp_path))

    monkeypatch.setattr(fitting, "fit", slow)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fits) == 1 and len(found) == 4
    assert all((prior.values["loc"] == 1).all() and prior.metadata["final_loss"] == 0.5 for prior in found)
    assert len(list((tmp_path / "priors").iterdir())) == 2


def test_an_interrupted_fit_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "fit", lambda config: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        priors.vae_prior("IGR_I", K, 1.0, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(priors, "UNIFORM_FIT", {"samples": 50, "iterations": 10, "loss": "squared"})
    assert priors.vae_prior("IGR_I", K, 1.0, tmp_path).values["loc"].shape == (K - 1,)
