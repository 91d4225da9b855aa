"""A VAE of one's own networks in Keras's life: fit, evaluate, save, go on from a file, predict; and its numbers against
enumeration."""

import itertools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.estimators import Estimator, Facts, get
from igr_suite.models import VAE
from igr_suite.objectives import build
from igr_suite.relaxations import IGRI

# Keras's writing of files on NumPy 2
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

PIXELS = 6
X = (np.random.default_rng(0).uniform(size=(24, PIXELS)) > 0.5).astype(np.float32)
LATENTS = {
    "bernoulli": {"latent": "bernoulli", "gradient": "disarm", "variables": 3},
    "own parameters": {"latent": "categorical", "gradient": "relax", "variables": 2, "categories": 3},
    "bound": {"latent": "bernoulli", "gradient": "vimco", "variables": 3, "samples": 5},
    "planar": {"latent": "categorical", "gradient": "IGR_Planar", "variables": 2, "categories": 3, "prior": "learned"},
    "gaussian": {"latent": "gaussian", "gradient": "dreg", "variables": 2, "samples": 4, "prior": "learned"},
}


def make(words="bernoulli", **settings) -> VAE:
    """A small VAE whose encoder knows the size of its data."""
    settings = {**LATENTS[words], **settings}
    encoder = keras.Sequential([keras.Input((PIXELS,)), keras.layers.Dense(5, "tanh")])
    return VAE(encoder, keras.Sequential([keras.layers.Dense(5, "tanh"), keras.layers.Dense(PIXELS)]), **settings)


def compiled(vae: VAE, **options) -> VAE:
    """Ready to train step by step, which for so few steps is faster than tracing them."""
    vae.compile(keras.optimizers.Adam(0.05), **{"run_eagerly": True, "jit_compile": False, **options})
    return vae


def fit(vae: VAE, epochs=2, **options) -> dict:
    return vae.fit(X, batch_size=12, epochs=epochs, shuffle=False, verbose=0, **options).history


@pytest.mark.parametrize("words", few(LATENTS, {"bernoulli", "gaussian"}.__contains__))
def test_training_goes_on_from_a_file_as_it_would_have(words, tmp_path):
    """Weights, the estimator's own parameters, the optimiser and the noise: equal losses, equal evaluations."""
    keras.utils.set_random_seed(1)
    vae = compiled(make(words), run_eagerly=words != "own parameters")
    history = fit(vae, validation_data=(X[:8],))
    assert set(history) == {"loss", "bound", "val_loss", "val_bound"}
    assert history["bound"][-1] > history["bound"][0] and history["loss"] == [-bound for bound in history["bound"]]
    vae.save(tmp_path / "vae.keras")
    again = keras.models.load_model(tmp_path / "vae.keras")
    assert again.evaluate(X, verbose=0) == vae.evaluate(X, verbose=0) == vae.evaluate(X, verbose=0)
    np.testing.assert_array_equal(again.log_likelihood(X, 3), vae.log_likelihood(X, 3))
    assert fit(again) == fit(vae)
    for one, other in zip(again.weights, vae.weights):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_xla_data_sets_and_callbacks(tmp_path):
    """A data set without a validation's size, weights files written by a callback, and the end of training on NaN."""
    vae = compiled(make("own parameters"), jit_compile=True, run_eagerly=False, steps_per_execution=2)
    data = tf.data.Dataset.from_tensor_slices(X).shuffle(24, seed=1).batch(6)
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_bound", mode="max", save_best_only=True)
    stop = keras.callbacks.TerminateOnNaN()
    options = {"callbacks": [best, stop], "shuffle": False, "verbose": 0}
    history = vae.fit(data, epochs=2, validation_data=data.map(lambda x: (x,)), **options)
    assert len(history.history["val_bound"]) == 2 and (tmp_path / "best.keras").exists()
    vae.decoder.layers[-1].bias.assign(np.full(PIXELS, np.nan))
    assert len(vae.fit(data, epochs=3, callbacks=[stop], shuffle=False, verbose=0).history["loss"]) == 1
    with pytest.raises(UserError, match="got y as well"):
        vae.fit(X, X, verbose=0)
    with pytest.raises(UserError, match="got sample_weight as well"):
        vae.evaluate(X, sample_weight=np.ones(24), verbose=0)
    with pytest.raises(UserError, match="got y as well"):
        vae.evaluate(tf.data.Dataset.from_tensor_slices((X, X)).batch(6), verbose=0)


def every_code(vae: VAE) -> tuple[np.ndarray, np.ndarray]:
    """All codes of Bernoulli latents [S, V], and log p(x, z) of each [S, N]."""
    codes = np.array(list(itertools.product([0.0, 1.0], repeat=3)), np.float32)
    likelihood = vae.log_likelihood_of(tf.constant(X), tf.repeat(tf.constant(codes)[:, tf.newaxis], len(X), 1))
    prior = tf.convert_to_tensor(vae.latent.prior)
    log_prior = tf.reduce_sum(codes * prior - tf.nn.softplus(prior), -1)
    return codes, likelihood.numpy() + log_prior.numpy()[:, np.newaxis]


def test_the_numbers_are_those_of_enumeration():
    """log p(x), the bound of one sample and of five, with a fixed prior; means over 100 evaluations, within 5 standard
    errors."""
    logits = [0.5, -1.0, 0.2]
    vae, bound = make(prior=logits), make("bound", prior=logits)
    for model in (vae, bound):
        for number, weight in enumerate(model.weights[:8]):
            weight.assign(np.random.default_rng(number).normal(size=weight.shape))
        model.latent.prior.assign(logits)
    codes, log_joint = every_code(vae)
    exact = np.logaddexp.reduce(log_joint, 0)
    np.testing.assert_allclose(vae.log_likelihood(X, 5_000), exact, atol=0.1)
    assert np.all(vae.log_likelihood(X[:2], 70, seed=3) != vae.log_likelihood(X[:2], 70, seed=4))
    q = vae.posterior_parameters(tf.constant(X)).numpy()
    log_q = np.sum(codes[:, np.newaxis] * q - np.logaddexp(0.0, q), -1)
    elbo = np.sum(np.exp(log_q) * (log_joint - log_q), 0)
    for model, lower, upper in ((vae, elbo, elbo), (bound, elbo, exact)):
        draws = np.array([model.latent.bound(model, tf.constant(X), tf.constant([1, i])).numpy() for i in range(100)])
        error = 5.0 * draws.std(0) / 10.0 + 1e-5
        assert np.all(draws.mean(0) > lower - error) and np.all(draws.mean(0) < upper + error)


@pytest.mark.parametrize("words", LATENTS)
def test_codes_reconstructions_and_samples(words):
    """Shapes, values and seeds; images keep their axes, and `predict` gives what `call` gives."""
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)])
    vae = compiled(VAE(encoder, keras.layers.Dense(PIXELS), **LATENTS[words]))
    images = X.reshape(-1, 3, 2, 1)
    with pytest.raises(UserError, match="does not know the shape of its data"):
        vae.sample(2)
    vae.fit(images, batch_size=24, verbose=0)
    codes = vae.encode(images)
    assert codes.shape == (24, 2) if words == "gaussian" else codes.shape[1:] in [(3,), (2, 3)]
    if words in ("bernoulli", "bound", "own parameters"):
        assert set(np.unique(codes)) <= {0.0, 1.0}
    np.testing.assert_array_equal(codes, vae.encode(images))
    assert np.any(vae.encode(images, seed=None) != vae.encode(images, seed=None))
    assert vae.reconstruct(images[:3]).shape == (3, 3, 2, 1) == vae.predict(images[:3], verbose=0).shape
    np.testing.assert_allclose(vae.predict(images, verbose=0), vae(images), rtol=1e-5)
    drawn = vae.sample(5, seed=1)
    assert drawn.shape == (5, 3, 2, 1) and np.all((drawn > 0) & (drawn < 1))
    np.testing.assert_array_equal(drawn, vae.sample(5, seed=1))
    assert np.any(vae.sample(5) != vae.sample(5))


@keras.saving.register_keras_serializable("tests")
def laplace(x, output):
    """log p(x | z) [S, B] of a Laplace distribution, the decoder's output [S, B, D] its mean."""
    return -tf.reduce_sum(tf.abs(x - output), -1) - PIXELS * np.log(2.0)


def test_likelihoods():
    """Gaussian, and one's own, which is saved by its registered name."""
    x = np.random.default_rng(1).normal(size=(24, PIXELS)).astype(np.float32)
    gaussian = VAE(keras.layers.Dense(4), keras.layers.Dense(2 * PIXELS), **LATENTS["gaussian"], likelihood="gaussian")
    own = VAE(keras.layers.Dense(4), keras.layers.Dense(PIXELS), **LATENTS["gaussian"], likelihood=laplace)
    for vae in (compiled(gaussian), compiled(own)):
        bounds = vae.fit(x, batch_size=8, epochs=4, verbose=0).history["bound"]
        assert bounds[-1] > bounds[0] and vae.reconstruct(x[:2]).shape == (2, PIXELS)
    codes = tf.constant(gaussian.encode(x))[tf.newaxis]
    mean, raw = tf.split(gaussian.decoder(codes[0]), 2, -1)
    scale = tf.nn.softplus(raw) + 1e-4
    exact = -0.5 * ((x - mean) / scale) ** 2 - tf.math.log(scale) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(gaussian.log_likelihood_of(x, codes)[0], tf.reduce_sum(exact, -1), rtol=1e-4)
    copy = VAE.from_config(own.get_config())
    copy.build((None, PIXELS))
    assert copy.likelihood_choice is laplace


def test_float_types_and_policies():
    """float64 throughout; with a mixed policy of the networks the bound and the latents stay float32."""
    for dtype in ("float64", "mixed_bfloat16", "mixed_float16"):
        layers = [keras.layers.Dense(5, dtype=dtype), keras.layers.Dense(PIXELS, dtype=dtype)]
        vae = compiled(VAE(*layers, **LATENTS["own parameters"], dtype=dtype))
        bounds = fit(vae)["bound"]
        assert np.isfinite(bounds).all() and bounds[-1] > bounds[0] - 0.5
        wanted = "float64" if dtype == "float64" else "float32"
        assert {v.dtype for v in vae.latent.weights} == {wanted} and vae.log_likelihood(X[:2], 3).dtype == wanted


def test_regularisers_of_weights_are_trained_and_of_activations_refused():
    def network(**options):
        return keras.layers.Dense(5, **options)

    plain, heavy = (
        compiled(VAE(network(kernel_regularizer=regulariser), keras.layers.Dense(PIXELS), **LATENTS["bernoulli"]))
        for regulariser in (None, keras.regularizers.L2(1.0))
    )
    for vae in (plain, heavy):
        vae.build((None, PIXELS))
    heavy.encoder.kernel.assign(plain.encoder.kernel)
    histories = [fit(vae, epochs=10) for vae in (plain, heavy)]
    assert np.sum(np.square(heavy.encoder.kernel)) < 0.5 * np.sum(np.square(plain.encoder.kernel))
    assert histories[1]["loss"][0] > -histories[1]["bound"][0] and histories[0]["loss"][0] == -histories[0]["bound"][0]
    active = compiled(VAE(network(activity_regularizer="l2"), keras.layers.Dense(PIXELS), **LATENTS["bernoulli"]))
    with pytest.raises(UserError, match="a layer adds a loss of its activations"):
        fit(active, epochs=1)


def test_gradients_as_objects_and_their_files(tmp_path):
    """Objects and names make the same model; what a file cannot hold is refused when it is saved."""
    objects = {"relax": get("relax", temperature=0.3), "dreg": build("dreg-alpha", alpha=0.5), "igr": IGRI}
    words = {"relax": "own parameters", "dreg": "gaussian", "igr": "own parameters"}
    for name, gradient in objects.items():
        settings = (
            {"gradient": gradient, "options": {"temperature": 0.3, "delta": 0.5}}
            if name == "igr"
            else {"gradient": gradient}
        )
        vae = make(words[name], **settings)
        copy = VAE.from_config(vae.get_config())
        assert copy.choice == vae.choice and copy.get_config().keys() == vae.get_config().keys()

    @dataclass(frozen=True, kw_only=True)
    class Mine(type(get("disarm"))):
        facts: ClassVar[Facts] = Facts(name="mine", source="", support=("bernoulli",), unbiased=True, hard=2)

    assert issubclass(Mine, Estimator)
    with pytest.raises(UserError, match="Mine cannot be saved: it has no registered name"):
        make(gradient=Mine()).get_config()
    make().save(tmp_path / "vae.keras")
    before = (tmp_path / "vae.keras").read_bytes()
    with pytest.raises(UserError, match="Mine cannot be saved"):
        make(gradient=Mine()).save(tmp_path / "vae.keras")
    assert (tmp_path / "vae.keras").read_bytes() == before, "what was there is not lost"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"latent": "bernouli"}, "unknown latent 'bernouli': did you mean 'bernoulli'"),
        ({"gradient": "disarmm"}, "no gradient 'disarmm' for bernoulli latents: did you mean 'disarm'"),
        (
            {"latent": "categorical", "categories": 3},
            "disarm is for bernoulli variables, not for categorical ones; for",
        ),
        ({"latent": "gaussian"}, "gaussian latents are trained by an objective, got gradient='disarm'"),
        ({"gradient": "GS"}, "the relaxation GS is for categorical variables; take latent='categorical'"),
        ({"gradient": 3}, "no gradient 3 for bernoulli latents: known: arm,"),
        ({"samples": 4}, "samples=4, but disarm takes 1"),
        ({"samples": 0}, "samples must be an integer of at least 1, got 0"),
        ({"gradient": get("rloo", samples=2), "options": {"samples": 3}}, "are for a gradient given by its name"),
        ({"gradient": "rloo", "options": {"sample": 3}}, "rloo has no setting 'sample': did you mean 'samples'"),
        ({"latent": "categorical"}, "latent='categorical' needs categories, their number"),
        ({"categories": 3}, "latent='bernoulli' reads no categories"),
        ({"variables": 0}, "variables must be an integer of at least 1, got 0"),
        ({"latent": "categorical", "categories": 1}, "categories must be an integer of at least 2, got 1"),
        ({"prior": "standard"}, r"prior must be 'uniform', 'learned' or an array of shape \(3,\), its param"),
        ({"prior": [0.0]}, r"an array of shape \(3,\), got an array of shape \(1,\)"),
        ({"prior": ["a", "b", "c"]}, r"an array of shape \(3,\), got \['a', 'b', 'c'\]"),
        ({"prior": [[0.0], [0.0, 1.0]]}, r"an array of shape \(3,\), got \[\[0.0\], \[0.0, 1.0\]\]"),
        ({"prior": [0.0, float("nan"), 1.0]}, r"an array of shape \(3,\), got the number nan"),
        ({"options": 3}, "options must be a dictionary of the gradient's own settings, got 3"),
        ({"seed": 0.5}, "seed must be an integer, got 0.5"),
        ({"seed": None}, "seed must be an integer, got None"),
        ({"latent": "gaussian", "gradient": "dreg", "prior": "uniform"}, "prior must be 'standard', 'learned' or the"),
        ({"latent": "gaussian", "gradient": "dreg", "prior": ([0] * 3, [1, 0, 1])}, "got the scale 0.0"),
        ({"latent": "gaussian", "gradient": "dreg", "prior": ([0] * 3, [1] * 2)}, "with positive scales, got"),
        ({"latent": "gaussian", "gradient": "dreg", "prior": ([0] * 3, [1, np.inf, 1])}, "got the number inf"),
        ({"latent": "gaussian", "gradient": "dreg", "kl": "closed"}, "kl='closed' is for discrete latents"),
        ({"kl": "analytic"}, "unknown kl 'analytic'"),
        ({"gradient": "vimco", "kl": "closed"}, "kl='closed' does not go with vimco"),
        (
            {"latent": "categorical", "categories": 3, "gradient": "GS", "kl": "closed"},
            "the KL of GumbelSoftmax has no closed form",
        ),
        (
            {"latent": "categorical", "categories": 3, "gradient": "IGR_I", "options": {"temp": 3}},
            "IGRI has no option 'temp': did you mean 'temperature'",
        ),
        ({"likelihood": "normal"}, "likelihood must be a name or a function"),
        ({"likelihood": "gaussian"}, r"the decoder returns \(6,\) for data \(6,\); likelihood='gaussian' needs a mean"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        make(**settings)


def test_wrong_data_and_compile_are_a_sentence():
    vae = make()
    with pytest.raises(UserError, match="compile takes no loss; got 'mse'"):
        vae.compile("adam", loss="mse")
    with pytest.raises(UserError, match="x is int64; make it floats"):
        compiled(vae).fit(X.astype(int), verbose=0)
    with pytest.raises(UserError, match=r"x must be \[N, 6\], got the shape \(24, 3\)"):
        vae.encode(X[:, :3])
    for name, call in {
        "samples": lambda: vae.log_likelihood(X, samples=0),
        "batch_size": lambda: vae.log_likelihood(X, batch_size=2.5),
        "count": lambda: vae.sample(0),
    }.items():
        with pytest.raises(UserError, match=f"{name} must be an integer of at least 1"):
            call()
    assert vae.log_likelihood(X[:0]).shape == (0,)
    for wrong, sentence in ((None, "got NoneType"), ("a", "x is string"), ([["a"] * PIXELS], "x is string")):
        with pytest.raises(UserError, match=sentence):
            vae.encode(wrong)
    with pytest.raises(UserError, match="the encoder must be a Keras model or layer, got None"):
        VAE(None, vae.decoder, "bernoulli", "disarm", variables=3)
    with pytest.raises(UserError, match="the decoder must be a Keras model or layer, got <function"):
        VAE(vae.encoder, lambda codes: codes, "bernoulli", "disarm", variables=3)
    shared = keras.Sequential([keras.Input((PIXELS,)), keras.layers.Dense(PIXELS)])
    with pytest.raises(UserError, match="encoder and decoder share a weight"):
        VAE(shared, shared, "bernoulli", "disarm", variables=PIXELS)


@pytest.mark.sweep
@pytest.mark.parametrize("gradient", ["relax", "vimco", "IGR_I", "dreg"])
def test_two_replicas_make_the_steps_of_the_whole_batch(gradient):
    """Two logical CPU devices against one: losses, weights and own parameters to 1e-4."""
    program = Path(__file__).parent / "own_vae_two_devices.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), gradient],
        cwd=program.parents[2],
        env={"PYTHONPATH": str(program.parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert float(done.stdout.splitlines()[-1]) < 1e-4, done.stdout
