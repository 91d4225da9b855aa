"""RelaxVAE: it learns, its bounds hold against enumeration, what trains what, equal seeds give equal weights."""

import functools
import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.families.hard_vae.config import OPTIONS_OF_MODEL, RelaxModelConfig
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.config_parts import OptimiserConfig
from igr_suite.training.evaluation import log_mean_exp

SEED = run_seed(0, "test")
SMALL = {
    "Relax_GS_Dis": {"variables": 2, "categories": 3},
    "Relax_IGR": {"variables": 2, "categories": 3},
    "Relax_Ber_Dis": {"variables": 3},
}


def a_model(name: str, likelihood: str = "bernoulli", architecture: str = "linear", **options) -> RelaxVAE:
    return RelaxVAE(
        RelaxModelConfig(name=name, architecture=architecture, control_units=4, **(SMALL[name] | options)),
        image_shape=(3, 2, 1),
        likelihood=likelihood,
        binarisation="static" if likelihood == "bernoulli" else "none",
        optimiser=OptimiserConfig(learning_rate=0.05),
    )


def some_images(count: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, 6), dtype=np.uint8))


def train(model: RelaxVAE, steps: int, step=None) -> list[dict[str, float]]:
    step, batch = step or tf.function(model.train_step, autograph=False), some_images(16)
    return [{k: float(v) for k, v in step(batch, tf.stack([1, tf.constant(i)])).items()} for i in range(steps)]


class Trained(NamedTuple):
    model: RelaxVAE
    step: Callable
    before: float


@functools.cache
def trained_model(name: str) -> Trained:
    model = a_model(name)
    before = model.eval_step(some_images(16), SEED)["elbo_one_hot_exact"].numpy().mean()
    step = tf.function(model.train_step, autograph=False)
    assert set(train(model, 80, step)[-1]) == set(model.scalars)
    return Trained(model, step, before)


@pytest.fixture(params=OPTIONS_OF_MODEL)
def trained(request) -> Trained:
    return trained_model(request.param)


def test_it_learns(trained):
    assert trained.model.eval_step(some_images(16), SEED)["elbo_one_hot_exact"].numpy().mean() > trained.before + 0.1


def exact_log_likelihood(model: RelaxVAE, batch: tf.Tensor) -> np.ndarray:
    variables, categories = model.config.variables, model.config.categories
    if categories is None:
        codes = np.array(list(itertools.product([0.0, 1.0], repeat=variables)), np.float32)[..., None]
    else:
        codes = np.eye(categories, dtype=np.float32)[list(itertools.product(range(categories), repeat=variables))]
    codes = np.repeat(codes[:, None], len(batch), 1)
    log_joint = model.log_likelihood(tf.constant(codes), tf.cast(batch >= 128, tf.float32)).numpy().astype(
        float
    ) - math.log(len(codes))
    return np.log(np.exp(log_joint).sum(0))


def test_bounds_hold_against_enumeration(trained):
    """E[1-sample bound] < E[10-sample bound] < log p(x), tight at 2,000 samples; the ELBO with the exact KL has the
    first one's mean."""
    model, batch = trained.model, some_images(6)
    draws = model.log_weights(batch, 20_000, SEED, "one_hot").numpy().astype(float)
    ten, many = (log_mean_exp(draws.reshape(n, -1, 6)).mean(0) for n in (10, 2_000))
    exact = exact_log_likelihood(model, batch)
    assert (draws.mean(0) < ten).all()
    assert (ten < many).all()
    np.testing.assert_allclose(many, exact, atol=0.02)
    elbo = model.eval_step(tf.repeat(batch, 5_000, 0), SEED)["elbo_one_hot_exact"].numpy().reshape(6, -1)
    error = np.sqrt(elbo.var(1) / 5_000 + draws.var(0) / 20_000)
    assert (np.abs(elbo.mean(1) - draws.mean(0)) < 5 * error).all()


def test_relax_varies_less_than_reinforce(trained):
    variance = trained.model.gradient_variance(some_images(8), 64, SEED)
    assert 0 < float(variance["gradient_variance"]) < float(variance["reinforce_variance"])


def test_the_control_variate_follows_the_gradients_squared_norm(monkeypatch):
    """What its optimiser gets is d |G|^2, by central differences along the signs of every variable's gradient; 2
    percent."""
    model, batch, seed = a_model("Relax_GS_Dis"), some_images(5), tf.constant([4, 5])
    images = tf.cast(batch >= 128, tf.float32)
    weights = [v.value if isinstance(v, keras.Variable) else v for v in model.groups[0]]

    def squared() -> float:
        with tf.GradientTape() as tape:
            parameters = model.encode(images)
        draw = model.distribution.draw(parameters, at_step(seed, tf.constant(2)), model.coupling)
        value = draw.log_prob - model.log_prior - model.log_likelihood(draw.code[tf.newaxis], images)[0]
        gradient = model.gradient(draw, value, model.control(draw, parameters, images)) / 5.0
        return sum(float(tf.reduce_sum(g**2)) for g in tape.gradient(parameters, weights, output_gradients=gradient))

    found = []
    for optimiser in model.optimisers:
        monkeypatch.setattr(optimiser, "apply", lambda gradients, group: found.append(gradients))
    scalars = model.train_step(batch, seed)
    before = squared()
    assert float(scalars["squared_gradient"]) == pytest.approx(before, rel=1e-4)
    for variable, gradient in zip(model.groups[2], found[2]):
        direction, value, ends = np.sign(np.asarray(gradient)) * 1e-3, np.asarray(variable), []
        for sign in (1, -1):
            variable.assign(value + sign * direction)
            ends.append(squared())
        variable.assign(value)
        assert ends[0] - ends[1] == pytest.approx(2 * float(np.sum(direction * gradient)), rel=0.02, abs=2e-5 * before)


@pytest.mark.parametrize(
    "options", [{"estimator": "historical", "control_objective": "outputs"}, {"parameters": "bounded"}]
)
def test_variants_of_igr_train_and_stay_finite(options):
    model = a_model("Relax_IGR", **options)
    rows = train(model, 5)
    assert all(math.isfinite(value) for row in rows for value in row.values())
    if "parameters" in options:
        loc, log_scale = np.split(model.encode(tf.ones((4, 6)) * 50.0).numpy(), 2, -1)
        assert (np.abs(loc) <= 1).all()
        assert (log_scale >= math.log(0.5) - 1e-6).all()
        assert (log_scale <= 1e-6).all()


def test_rewarding_the_kl_raises_it():
    rewarded = a_model("Relax_IGR", kl_sign="historical")
    train(rewarded, 80)
    models = rewarded, trained_model("Relax_IGR").model
    kl = [model.eval_step(some_images(16), SEED)["discrete_kl"].numpy().mean() for model in models]
    assert kl[0] > kl[1] + 0.3


def test_grey_images():
    rows = train(a_model("Relax_GS_Dis", likelihood="gaussian", output_activation="elu"), 30)
    assert rows[-1]["elbo"] > rows[0]["elbo"]


def test_equal_states_and_seeds_give_equal_weights(trained):
    """What a resume relies on: the state variables are all of the state, bitwise. The initial weights follow from the
    seed."""
    model = trained.model
    begin = [np.asarray(v).copy() for v in model.state_variables()]
    ends = []
    for _ in range(2):
        for variable, value in zip(model.state_variables(), begin):
            variable.assign(value)
        train(model, 3, trained.step)
        ends.append([np.asarray(v).copy() for v in model.state_variables()])
    assert all((a == b).all() for a, b in zip(*ends))
    assert any((a != b).any() for a, b in zip(begin, ends[0]))
    first, second = (a_model(model.config.name).state_variables() for _ in range(2))
    assert all((np.asarray(a) == np.asarray(b)).all() for a, b in zip(first, second))


def test_dense_relax_networks_take_signed_inputs():
    """Encoder and decoder see 2 x - 1: equal to the same layers behind it."""
    model = a_model("Relax_GS_Dis", architecture="dense_relax")
    for network, size in ((model.encoder, 6), (model.decoder, 6)):
        inputs = tf.random.stateless_uniform((3, size), (1, 2))
        hidden = 2.0 * inputs - 1.0
        for layer in [one for one in network.layers if isinstance(one, keras.layers.Dense)]:
            hidden = layer(hidden)
        assert [layer.units for layer in network.layers[1:-1]] == [200, 200]
        np.testing.assert_allclose(network(inputs), hidden, atol=1e-5)
