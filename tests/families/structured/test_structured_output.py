"""Structured output prediction: the multi-sample loss by hand, its order in S, layout, counts, schedule,
determinism."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logsumexp

from igr_suite.families.structured.config import StructuredModelConfig, StructuredOptimiserConfig
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.families.structured.stochastic_binary import unit_noise
from igr_suite.randomness import run_seed
from igr_suite.training.schedules import FlooredInverseTime

SEED = run_seed(0, "test")
DISTRIBUTIONS = ("GS", "IGR_I", "IGR_Planar", "IGR_SB")


def a_model(
    name="GS", *, samples=1, seed=0, units=4, architecture="double_linear", rate=0.01, **options
) -> StructuredOutput:
    return StructuredOutput(
        StructuredModelConfig(name=name, units=units, architecture=architecture, **options),
        optimiser=StructuredOptimiserConfig(learning_rate=rate),
        samples=samples,
        evaluation_samples=25,
        seed=seed,
    )


def some_images(count: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (count, 784), dtype=np.uint8))


def trained(model: StructuredOutput, steps: int = 40) -> StructuredOutput:
    step = tf.function(model.train_step, autograph=False)
    for i in range(steps):
        step(some_images(16), run_seed(i, "train"))
    return model


@pytest.fixture(scope="module", params=DISTRIBUTIONS)
def distribution(request) -> tuple[StructuredOutput, dict[str, np.ndarray]]:
    """A trained model of each distribution, and its evaluation of the training batch before training."""
    model = a_model(request.param)
    before = model.eval_step(some_images(16), SEED)
    return trained(model), {name: values.numpy() for name, values in before.items()}


@pytest.fixture(scope="module")
def fitted() -> StructuredOutput:
    return a_model("GS")


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_the_loss_is_the_direct_one_in_float64(fitted, samples):
    """-mean_b log mean_s prod_d Bernoulli pmf from the model's logits; the product of 392 pmfs is above the least
    float64."""
    batch = some_images(3, seed=1)
    fitted.samples = samples
    upper, lower = (half.numpy().astype(np.float64) for half in fitted.halves(batch))
    logits = fitted.logits(tf.constant(upper, tf.float32), samples, SEED).numpy().astype(np.float64)
    pmf = np.where(lower == 1, expit(logits), expit(-logits)).prod(axis=-1)
    assert float(fitted.loss_of(batch, SEED)) == pytest.approx(-np.mean(np.log(pmf.mean(axis=0))), rel=1e-6)
    if samples == 1:
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(lower, logits[0]).numpy().sum(-1).mean()
        assert float(fitted.loss_of(batch, SEED)) == pytest.approx(cross_entropy, rel=1e-6)


def test_halves_are_the_upper_and_the_lower_rows():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, :14], image[0, 13, 0], image[0, 14, 5] = 128, 127, 255
    upper, lower = a_model().halves(tf.constant(image.reshape(1, 784)))
    assert upper.shape == lower.shape == (1, 392)
    assert upper.numpy().sum() == 391
    assert np.flatnonzero(lower.numpy()[0]).tolist() == [5]


def test_the_bound_does_not_rise_with_the_samples_in_expectation(distribution):
    """Mean over disjoint groups of the S-sample bound, S = 1, 5, 20, from the same 2,000 draws an image.

    A group's bound is at most the mean of the bounds of the groups inside it, draw by draw (Jensen), so no tolerance is
    needed beyond rounding; for distributions with noise the fall from 1 to 20 is more than .01 nats.
    """
    model, batch = distribution[0], some_images(4, seed=2)
    for estimator in ("discrete", "relaxed"):
        weights = model.log_weights(batch, 2_000, SEED, estimator).numpy().astype(np.float64)
        bounds = [-(logsumexp(weights.reshape(-1, s, 4), axis=1) - math.log(s)).mean() for s in (1, 5, 20)]
        assert bounds[0] >= bounds[1] - 1e-9
        assert bounds[1] >= bounds[2] - 1e-9
        if not (model.config.name == "IGR_SB" and estimator == "discrete"):
            assert bounds[0] > bounds[2] + 0.01


def test_training_with_more_samples_reaches_a_lower_loss():
    """S=1 against S=20 after 40 steps on one batch, 20 draws: the loss of more samples is a tighter bound of the same
    quantity."""
    losses = []
    for samples in (1, 20):
        model = trained(a_model("IGR_I", samples=samples))
        loss_of = tf.function(model.loss_of, autograph=False)
        losses.append(np.mean([float(loss_of(some_images(16), run_seed(i, "after"))) for i in range(20)]))
    assert losses[0] >= losses[1]


def test_every_distribution_learns(distribution):
    """The relaxed bound of the training batch falls by more than 5 nats in 40 steps."""
    model, before = distribution
    after = model.eval_step(some_images(16), SEED)["nll_relaxed"].numpy()
    assert after.mean() < before["nll_relaxed"].mean() - 5
    assert np.isfinite(after).all()


@pytest.mark.parametrize("architecture", ["g2_linear", "double_linear", "triple_linear", "nonlinear"])
def test_samples_images_and_units_are_not_mixed_up(architecture):
    """S=5, B=2, units 3: the logits of a sample and image are those of its own noise, computed one by one."""
    model = a_model("IGR_I", units=3, architecture=architecture)
    upper = model.halves(some_images(2))[0]
    together = model.logits(upper, 5, SEED).numpy()
    assert together.shape == (5, 2, 392)
    layers = len(model.binary)
    noise = unit_noise(model.config, [layers, 5, 2, 3], SEED)
    for s, b in itertools.product(range(5), range(2)):
        parameters = model.mappings[0](upper[b : b + 1])
        for i, layer in enumerate(model.binary):
            parameters = model.mappings[i + 1](layer(parameters, noise[i, s : s + 1, b : b + 1])[0])
        np.testing.assert_allclose(together[s, b], parameters[0], rtol=1e-4, atol=1e-5)


def test_parameter_counts():
    """docs/papers/igr.md, section 4: 94,320, 57,840 and 94,472 for the three mappings of 240 units; the others follow
    from their widths.
    """
    full = StructuredOutput(StructuredModelConfig(name="IGR_I"), optimiser=StructuredOptimiserConfig())
    assert [mapping.count_params() for mapping in full.mappings] == [94_320, 57_840, 94_472]
    assert full.count_params() == 246_632
    expected = {
        "triple_linear": 246_632 + 57_840,
        "nonlinear": 246_632 + 3 * 57_840,
        "g2_linear": 393 * 400 + 201 * 400 + 201 * 392,
    }
    for architecture, count in expected.items():
        config = StructuredModelConfig(name="IGR_I", architecture=architecture)
        assert StructuredOutput(config, optimiser=StructuredOptimiserConfig()).count_params() == count
    planar = StructuredOutput(StructuredModelConfig(name="IGR_Planar"), optimiser=StructuredOptimiserConfig())
    assert planar.count_params() == 246_632 + 2 * 2 * 3 * 240  # layers of units, planar layers, (w, u, b)


def test_the_learning_rate_falls_to_its_floor_and_adam_follows_it():
    schedule = FlooredInverseTime(1e-3, 1e-3, 1e-4)
    rates = [float(schedule(tf.constant(t))) for t in (0, 1000, 8999, 9001, 100_000)]
    assert rates == pytest.approx([1e-3, 5e-4, 1e-3 / 9.999, 1e-4, 1e-4])
    model = a_model(rate=0.01)
    weight = model.trained[0]
    moves = []
    for steps_before in (0, 1000):
        model.optimiser.iterations.assign(steps_before)
        for variable in (*model.optimiser._momentums, *model.optimiser._velocities):
            variable.assign(tf.zeros_like(variable))
        before = weight.numpy()
        model.optimiser.apply([tf.ones_like(v) for v in model.trained], model.trained)
        moves.append(float(np.mean(before - weight.numpy())))
    # first moments of one gradient: lr sqrt(1 - b2^t) / (1 - b1^t) (1 - b1) / sqrt(1 - b2), with t = steps before + 1
    expected = [0.01, 0.005 * math.sqrt(1 - 0.999**1001) * 0.1 / math.sqrt(1e-3)]
    assert moves == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["GS", "IGR_Planar"])
def test_equal_seeds_give_equal_bits(name):
    first, second, other = (trained(a_model(name, seed=seed, units=2), steps=2) for seed in (1, 1, 2))
    for a, b in zip(first.state_variables(), second.state_variables()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert not np.array_equal(first.trained[0].numpy(), other.trained[0].numpy())
    one, two = (model.log_weights(some_images(4), 5, SEED, "discrete").numpy() for model in (first, second))
    np.testing.assert_array_equal(one, two)


def test_evaluation_in_chunks_covers_all_samples():
    """25 samples in chunks of 10, 10 and 5: the bound of every weight together."""
    model, batch = a_model("IGR_SB"), some_images(3)
    result = model.eval_step(batch, SEED)
    # rounded IGR-SB units are constant, so every weight is equal
    exact = -model.log_weights(batch, 1, SEED, "discrete").numpy()[0]
    np.testing.assert_allclose(result["nll_discrete"], exact, rtol=1e-6)
    assert result["nll_relaxed"].shape == (3,)


def test_bfloat16_steps_are_near_float32_ones():
    """8 bits: one step's loss within 1%, and not equal."""
    losses = []
    for precision in ("float32", "bfloat16"):
        model = a_model("IGR_I")
        model.matmul_precision = precision
        losses.append(float(model.train_step(some_images(8), SEED)["loss"]))
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
