"""RODEO: exact moments over all pairs of samples for a net in closed form, and what it is at alpha = beta = 0."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from exact_moments import EXACT, FUNCTIONS, LOGITS, PROBLEMS, gradients_at, moments

from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.estimators.conformance import perturbed
from igr_suite.estimators.enumeration import log_probabilities, states
from igr_suite.estimators.rodeo import rodeo_gradient
from igr_suite.estimators.straight_through import value_and_slope
from igr_suite.randomness import run_seed

SEED = run_seed(4, "rodeo")


def closed_form(s, value):
    """H0 = tanh(s) + .1 F, H1 = .5 s - .2 F."""
    return tf.tanh(s) + 0.1 * value, 0.5 * s - 0.2 * value


def closed_form_gradients(problem, samples: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """With the net above at samples [K, N, ...]."""
    logits = tf.constant(np.broadcast_to(LOGITS[problem[0]], samples.shape[1:]))
    given = tf.constant(samples)
    values, slopes = value_and_slope(lambda b, above: FUNCTIONS[problem](b), given)
    return rodeo_gradient(values, slopes, given, logits, closed_form, alpha, beta).numpy()


def all_samples(problem, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every combination of `count` states [K, N, ...], and its probability [N]."""
    logits = tf.constant(LOGITS[problem[0]])[tf.newaxis]
    grid = states(logits)
    probability = np.exp(log_probabilities(logits, grid)[:, 0])
    chosen = np.array(list(itertools.product(range(len(grid)), repeat=count))).T
    return grid.numpy()[chosen], probability[chosen].prod(0)


@pytest.mark.parametrize("problem", PROBLEMS, ids="-".join)
@pytest.mark.parametrize("count", [2, 3])
def test_the_mean_is_exact_for_every_scale(problem, count):
    """All pairs, and all triples of the Bernoulli problem."""
    if count == 3 and problem[0] == "C23":
        problem = ("B3", "fE")
    samples, probability = all_samples(problem, count)
    for scales in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.3), (0.4, -0.3)):
        gradients = closed_form_gradients(problem, samples, *scales).reshape(len(probability), -1)
        np.testing.assert_allclose(probability @ gradients, EXACT[problem], atol=1e-9)


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [
        (0.0, 0.0, 0.8097233),
        (0.5, 0.0, 0.7493355),
        (0.0, 0.5, 0.5599812),
        (0.4, 0.3, 0.6062269),
        (0.4, -0.3, 0.9391893),
    ],
)
def test_variances_of_pairs(alpha, beta, expected):
    """Sums over the units, from an enumeration that applies the operator to functions, written apart."""
    samples, probability = all_samples(("B3", "fE"), 2)
    gradients = closed_form_gradients(("B3", "fE"), samples, alpha, beta)
    variance = probability @ gradients**2 - (probability @ gradients) ** 2
    assert variance.sum() == pytest.approx(expected, abs=1e-7)


def test_a_draw():
    pair = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])[:, np.newaxis]
    with_net = closed_form_gradients(("B3", "fE"), pair, 0.4, 0.3)[0]
    np.testing.assert_allclose(with_net, [0.6363942715, -0.0504909125, 0.0777435825], atol=1e-9)
    np.testing.assert_allclose(closed_form_gradients(("B3", "fE"), pair, 0.0, 0.0)[0], [0.7218778696, 0, 0], atol=1e-9)
    np.testing.assert_allclose(gradients_at(get("rodeo"), ("B3", "fE"), pair)[0], [0.7218778696, 0, 0], atol=1e-9)


@pytest.mark.parametrize("problem", [("B3", "fE"), ("C23", "fE")], ids="-".join)
def test_the_mean_with_its_own_net_is_exact(problem):
    """At the perturbed parameters of the conformance test."""
    estimator = get("rodeo")
    own = perturbed(estimator, (1, *LOGITS[problem[0]].shape))
    np.testing.assert_allclose(moments(estimator, problem, own)[0], EXACT[problem], atol=1e-9)


@pytest.mark.parametrize("kind", ["B3", "C23"])
@pytest.mark.parametrize("count", [2, 3])
def test_without_scales_it_is_rloo_and_double_cv(kind, count):
    logits = tf.constant(LOGITS[kind] + np.random.default_rng(0).normal(size=(50, *LOGITS[kind].shape)))
    noise = get("rloo", samples=count).noise(logits.shape, SEED, tf.float64)
    plain = get("rloo", samples=count).estimate(FUNCTIONS[kind, "fE"], logits, noise).gradient
    for name in ("rodeo", "double_cv"):
        gradient = get(name, samples=count).estimate(FUNCTIONS[kind, "fE"], logits, noise).gradient
        np.testing.assert_allclose(gradient, plain, atol=1e-13)


def test_training_on_the_variance_lowers_it():
    """100 steps of Adam on 200 draws of one example; other draws, with a factor of .9 or less."""
    estimator = get("rodeo", hidden=20)
    logits = tf.constant(np.broadcast_to(LOGITS["B3"], (200, 3)))
    own = {name: tf.Variable(value) for name, value in estimator.parameters(logits.shape, tf.float64).items()}

    def second_moment(seed):
        noise = estimator.noise(logits.shape, run_seed(seed, "rodeo"), tf.float64)
        return tf.reduce_mean(estimator.estimate(FUNCTIONS["B3", "fE"], logits, noise, own).gradient ** 2)

    before = np.mean([second_moment(seed) for seed in range(10)])
    optimiser = tf.keras.optimizers.Adam(0.05)
    optimiser.build(list(own.values()))

    @tf.function(autograph=False)
    def train(seed):
        noise = estimator.noise(logits.shape, seed, tf.float64)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(estimator.estimate(FUNCTIONS["B3", "fE"], logits, noise, own).gradient ** 2)
        optimiser.apply_gradients(zip(tape.gradient(loss, list(own.values())), own.values()))

    for number in range(100):
        train(tf.constant([number, 7]))
    assert np.mean([second_moment(seed) for seed in range(10)]) < 0.9 * before


def test_a_net_without_units_is_refused():
    with pytest.raises(UserError, match="rodeo needs at least 1 hidden unit, got 0"):
        get("rodeo", hidden=0)
