"""The mixture VAE as a whole: its parts add up, it learns, it repeats, its options are checked, the original's keys are
understood."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.families.mixture.config import MixtureModelConfig, TrainMixture
from igr_suite.families.mixture.model import MixtureVAE, component_means
from igr_suite.families.mixture.train import usage
from igr_suite.randomness import run_seed
from igr_suite.training.config_parts import OptimiserConfig
from igr_suite.training.evaluation import Evaluator
from igr_suite.training.loop import LONGEST_CALL, compiled_steps

IMAGES = (np.random.default_rng(0).random((40, 16)) < np.linspace(0.1, 0.9, 16)).astype(np.uint8) * 255
SETTINGS = {"DLGMM": {}, "DLGMM_IGR": {}, "DLGMM_IGR_SB": {"threshold": 0.8}, "DLGMM_Var": {"threshold": 0.8}}


def build(name, seed=0, **options):
    config = MixtureModelConfig(name=name, components=6, dimensions=3, **SETTINGS[name], **options)
    rate = OptimiserConfig(learning_rate=3e-3)
    return MixtureVAE(config, image_shape=(4, 4, 1), binarisation="static", optimiser=rate, samples=2, seed=seed)


def train(model, steps, seed=0, xla=False):
    """Steps of the compiled loop; XLA, which takes seconds to compile, only where a test is about it."""
    model.jit_steps = model.jit_steps and xla
    orders = np.random.default_rng(seed).integers(0, len(IMAGES), (LONGEST_CALL, 20)).astype(np.int32)
    run = compiled_steps(model, tf.constant(IMAGES), 20)
    sums = run(orders, steps, 0, run_seed(seed, "train"))
    return {name: float(value) / steps for name, value in sums.items()}


@pytest.fixture(scope="module", params=few(SETTINGS, {"DLGMM", "DLGMM_IGR_SB"}.__contains__))
def trained(request):
    """(model, its bounds before and after 60 compiled steps)."""
    model = build(request.param)
    evaluator = Evaluator(model, IMAGES, "test", 0, usage=True)
    before = evaluator.elbos()
    train(model, 60, xla=request.param == "DLGMM_IGR_SB")
    return model, before, evaluator.elbos()


def test_it_learns_and_its_parts_add_up(trained):
    model, before, after = trained
    assert after["test_elbo"] > before["test_elbo"] + 0.5
    parts = after["test_reconstruction"] - after["test_kl_components"] - after["test_kl_sticks"]
    assert after["test_elbo"] == pytest.approx(parts, abs=1e-4)
    assert after["test_elbo"] < Evaluator(model, IMAGES, "test", 0).log_likelihoods(20, "mixture")["test_iw_mixture_20"]


def test_weights_and_truncation_show(trained):
    model, _, after = trained
    weights = [after[f"test_weight_{k + 1}"] for k in range(6)]
    assert sum(weights) == pytest.approx(1.0, abs=1e-5)
    row = usage(after, 6)
    assert row["test_components_used"] == sum(w > 0.01 for w in weights)
    assert 1.0 <= row["test_components_effective"] <= 6.0
    assert ("test_kept" in after) == (model.config.threshold is not None)
    if model.config.threshold is not None:
        assert 1.0 <= after["test_kept"] < 6.0
        assert after["test_cut_share"] == pytest.approx(1 - after["test_kept"] / 6, abs=1e-6)


def test_truncation_is_nested_and_follows_the_threshold():
    """The same weights and noise under a rising threshold: every draw keeps at least as many components."""
    images, before = tf.constant(IMAGES / 255, tf.float32), None
    for threshold in (0.2, 0.5, 0.8, 0.99):
        model = build("DLGMM_IGR_SB")
        model.config = dataclasses.replace(model.config, threshold=threshold)
        kept = model.sample(images, 3, run_seed(0, "test")).kept.numpy()
        assert before is None or np.all(kept >= before)
        assert before is None or kept.mean() > before.mean()
        before = kept


def test_equal_seeds_repeat_bitwise_and_others_do_not():
    first, again, other = build("DLGMM"), build("DLGMM"), build("DLGMM", seed=1)
    assert train(first, 3) == train(again, 3)
    for a, b in zip(first.state_variables(), again.state_variables()):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert not np.array_equal(np.asarray(first.trained[0]), np.asarray(other.trained[0]))


@pytest.mark.parametrize("name", few(["DLGMM", "DLGMM_Var"], lambda name: name == "DLGMM"))
def test_the_historical_objective_trains_and_is_measured_beside_the_bound(name):
    model = build(name, objective="historical")
    assert model.config.stick_the_landing == (name == "DLGMM")
    assert all(np.isfinite(value) for value in train(model, 10).values())
    found = Evaluator(model, IMAGES, "test", 0).elbos()
    assert found["test_objective_historical"] != found["test_elbo"]


@pytest.mark.parametrize("objective", ["mixture", "joint"])
def test_stick_the_landing_keeps_the_mean_gradient(objective):
    """4,000 draws of one image; no coordinate of the mean difference beyond 5.5 standard errors (false alarm 1e-5 over
    200 coordinates)."""
    images = tf.constant(IMAGES[:1] / 255, tf.float32)
    model = build("DLGMM_IGR", objective=objective)
    parameters = model.encoder(images)

    @tf.function(autograph=False)
    def gradients(seed):
        repeated = tf.repeat(parameters, 4000, 0)
        found = []
        for hold in (False, True):
            with tf.GradientTape() as tape:
                tape.watch(repeated)
                original, model.encoder = model.encoder, lambda _: repeated
                draw = model.sample(tf.repeat(images, 4000, 0), 1, seed)
                model.encoder = original
                bound = model.bound(draw, model.log_likelihood(draw.components.z, images), objective, hold)
                total = tf.reduce_sum(bound.elbo)
            found.append(tape.gradient(total, repeated))
        return found

    plain, held = (g.numpy().astype(float) for g in gradients(run_seed(1, "test")))
    difference = plain - held
    errors = difference.std(0) / np.sqrt(len(difference))
    assert np.max(errors) > 1e-4, "the two differ draw by draw"
    assert np.max(np.abs(difference.mean(0)) / np.maximum(errors, 1e-7)) < 5.5


def test_the_convolutional_network_trains_without_xla():
    """One step on 28x28 moves every weight; the loop is not compiled by XLA, which is slow on convolutions."""
    config = MixtureModelConfig(architecture="dlgmm_conv", components=3, dimensions=2)
    model = MixtureVAE(config, image_shape=(28, 28, 1), binarisation="static", optimiser=OptimiserConfig())
    assert not model.jit_steps
    before = [np.asarray(v) for v in model.trained]
    batch = tf.constant(np.random.default_rng(0).integers(0, 256, (2, 784), dtype=np.uint8))
    assert np.isfinite(float(model.train_step(batch, run_seed(0, "test"))["elbo"]))
    assert all(np.any(np.asarray(v) != b) for v, b in zip(model.trained, before))


def test_component_means_are_fixed():
    means = component_means(5, 8).numpy()
    assert np.all(means[0] == 0)
    np.testing.assert_allclose(np.abs(means[1:]), 8**-0.5, rtol=1e-6)
    assert len({tuple(m) for m in means}) == 5
    np.testing.assert_array_equal(means, component_means(5, 8))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"model.threshold": "0.9"}, "model.threshold=0.9 is not used by DLGMM"),
        ({"model.name": "DLGMM_IGR_SB", "model.threshold": "1.5"}, "between 0 and 1, got 1.5"),
        ({"model.name": "DLGMM_IGR_SB", "model.quantile": "50"}, "read with model.truncation=batch only"),
        ({"model.components": "1"}, "model.components must be at least 2, got 1"),
        ({"model.objectiv": "joint"}, "did you mean 'model.objective'"),
        ({"data.name": "fashion_mnist"}, "has a Gaussian likelihood"),
        ({"evaluation.importance_samples": "0"}, "must be at least 1, got 0"),
        ({"temp": "0.5"}, "temp must be 1.0 here, got 0.5"),
        ({"model_type": "DLGMM_IGR", "model.name": "DLGMM"}, "model.name is set twice"),
    ],
)
def test_bad_configs_are_sentences(options, sentence):
    with pytest.raises(UserError, match=sentence.replace("(", r"\(")):
        TrainMixture().with_values(options)


def test_another_model_or_objective_takes_its_own_defaults_and_the_original_s_keys_are_understood():
    changed = TrainMixture().with_values({"model.name": "DLGMM_Var"})
    assert (changed.model.threshold, changed.model.truncation, changed.model.quantile) == (0.9999, "sample", None)
    historical = changed.with_values({"model.objective": "historical"})
    assert (historical.model.truncation, historical.model.quantile, historical.model.stick_the_landing) == (
        "batch",
        70.0,
        False,
    )
    back = historical.with_values({"model.name": "DLGMM"})
    assert (back.model.threshold, back.model.truncation, back.model.stick_the_landing) == (None, None, True)
    translated = TrainMixture().with_values(
        {"model_type": "DLGMM_IGR", "n_required": "15", "num_of_discrete_var": 40, "temp": "1.0", "batch_n": 50}
    )
    assert (translated.model.name, translated.model.components, translated.model.dimensions) == ("DLGMM_IGR", 15, 40)
    assert translated.schedule.batch_size == 50
