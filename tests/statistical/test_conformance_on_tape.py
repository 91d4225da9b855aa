"""What a tape takes from `Estimator.surrogate` has the enumerated mean: logits and a decoder's parameter, one layer of
latents and two; wrong surrogates are found out.

One draw is one gradient of scale * f(b) - log q(b | logits), f that of docs/papers/rebar.md, section 8, the logits held
in log q as in docs/use_an_estimator.md. False alarm and power as in test_conformance.py, with 20,000 draws.
"""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from enumerated_targets import enumerated_target

from igr_suite.estimators import get, registered, tape
from igr_suite.estimators.conformance import LARGEST_Z, SMALLEST_BIAS_Z, enumerable_problem
from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.enumeration import multi_sample_bound, states
from igr_suite.estimators.variables import kind_of

DRAWS, SCALE = 20_000, 1.3
CASES = [
    pytest.param(name, support, id=f"{name}-{support}")
    for name, cls in registered().items()
    for support in cls.facts.support
    if cls.facts.unbiased
]


class Target(NamedTuple):
    """The objective of a loop, as a function of samples, logits and scale, and whether it holds -log q."""

    support: str
    holds_log_q: bool = True

    def __call__(self, samples, logits, scale):
        value = scale * enumerable_problem(self.support).objective(samples)
        return (
            value - tf.reduce_sum(kind_of(logits).log_probability(logits, samples), -1) if self.holds_log_q else value
        )

    def exact(self, estimator) -> np.ndarray:
        """The derivative of the enumerated target by logits and scale, flat; of all that depends on them."""
        logits = tf.constant(enumerable_problem(self.support).logits, tf.float64)[tf.newaxis]
        scale = tf.constant([SCALE], tf.float64)
        samples = 1 if estimator.facts.target == "expectation" else estimator.samples
        with tf.GradientTape() as outer:
            outer.watch([logits, scale])
            if estimator.facts.target in ("posterior", "thermodynamic"):
                every = states(logits)[:, tf.newaxis]
                log_q = tf.reduce_sum(kind_of(logits).log_probability(logits, every), -1)
                value = enumerated_target(estimator, log_q, self(every, logits, scale), self.holds_log_q)
            else:
                value = multi_sample_bound(lambda b: self(b, logits, scale), logits, samples)[0]
        return np.concatenate([gradient.numpy().ravel() for gradient in outer.gradient(value, [logits, scale])])


def gradients(estimator, target, draws=DRAWS, read=tf.stop_gradient, seed=3, **settings) -> np.ndarray:
    """Gradients by logits and scale of every draw, flat; `read` is what the objective makes of the logits."""
    problem = enumerable_problem(target.support)
    logits = tf.constant(np.broadcast_to(problem.logits, (draws, *problem.logits.shape)))
    scale = tf.fill([draws], tf.constant(SCALE, tf.float64))
    with tf.GradientTape() as outer:
        outer.watch([logits, scale])
        value = estimator.surrogate(lambda b: target(b, read(logits), scale), logits, seed=seed, **settings).value
    return rows_of(outer.gradient(value, [logits, scale]))


def rows_of(parts) -> np.ndarray:
    """Tensors [N, ...] side by side [N, P]."""
    return np.concatenate([part.numpy().reshape(len(part), -1) for part in parts], 1)


def z_of(rows: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """(mean - exact) / standard error of each coordinate."""
    return (rows.mean(0) - exact) / np.maximum(rows.std(0, ddof=1) / np.sqrt(len(rows)), 1e-9)


def z_scores(estimator, target, *arguments, **settings) -> np.ndarray:
    """z of the gradients by logits and scale."""
    return z_of(gradients(estimator, target, *arguments, **settings), target.exact(estimator))


def enumerable(name):
    """The estimator with its default options, but with two samples where its target is enumerated for two."""
    pairs = registered()[name].facts.target in ("posterior", "thermodynamic")
    return get(name, **({"samples": 2} if pairs else {}))


@pytest.mark.parametrize(("name", "support"), CASES)
def test_the_mean_of_a_tape_s_gradients_is_the_enumerated_one(name, support):
    z = z_scores(enumerable(name), Target(support))
    assert np.max(np.abs(z)) < LARGEST_Z, z


@pytest.mark.sweep
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("name", "support"), CASES)
def test_the_mean_is_the_enumerated_one_in_300_000_draws(name, support, seed):
    for holds_log_q in (True, False):
        z = z_scores(enumerable(name), Target(support, holds_log_q), 300_000, seed=seed, holds_log_q=holds_log_q)
        assert np.max(np.abs(z)) < LARGEST_Z, z


BOUNDS = [case for case in CASES if registered()[case.values[0]].facts.target == "multi_sample_bound"]


@pytest.mark.parametrize(("name", "support"), BOUNDS)
def test_the_direct_term_of_a_bound_is_that_of_log_q(name, support, monkeypatch):
    """Right where log q is said to be in the objective and where it is said not to be; a surrogate that forgets the
    term, adds one too many, or differentiates log q beside it, is found out."""
    bound = get(name)
    assert np.max(np.abs(z_scores(bound, Target(support, holds_log_q=False), holds_log_q=False))) < LARGEST_Z
    for target, holds_log_q in ((Target(support), False), (Target(support, holds_log_q=False), True)):
        assert np.max(np.abs(z_scores(bound, target, holds_log_q=holds_log_q))) > SMALLEST_BIAS_Z
    monkeypatch.setattr(tape, "_require_held", lambda *arguments: None)
    assert np.max(np.abs(z_scores(bound, Target(support), read=tf.identity))) > SMALLEST_BIAS_Z


@pytest.mark.parametrize(
    ("below", "above"), [("disarm", "disarm"), ("rebar", "rloo"), ("reinforce", "relax"), ("double_cv", "local_disarm")]
)
def test_a_surrogate_within_another_trains_two_layers(below, above):
    """h ~ q(h), b ~ q(b | h): the objective of h is the value of a surrogate for b. Mean gradients of h's logits, of
    the weights that b's logits are made with, and of the scale; bounds with one sample, which are E[F]."""
    logits, weights = np.array([0.4, -0.7]), np.array([[0.8, -0.5], [-1.2, 0.9]])
    first, second = get(below), get(above, **({"samples": 1} if above == "local_disarm" else {}))
    slopes = tf.constant([[1.3, -0.7], [0.4, 2.0]], tf.float64)

    def logits_above(h, weights):  # [..., B, 2], [B, 2, 2] -> [..., B, 2]
        return tf.reduce_sum(h[..., tf.newaxis] * weights, -2) - 0.2

    def whole(h, b, logits, upper, scale):
        log_q = [tf.reduce_sum(bernoulli.log_probability(*pair), -1) for pair in ((logits, h), (upper, b))]
        joint = tf.reduce_sum(tf.tensordot(h, slopes, 1) * b, -1) + tf.square(tf.reduce_sum(h + 2.0 * b, -1) - 1.2)
        return scale * joint - log_q[0] - log_q[1]

    def exact():
        parts = [tf.constant(part, tf.float64)[tf.newaxis] for part in (logits, weights, SCALE)]
        with tf.GradientTape() as outer:
            outer.watch(parts)
            pairs = tf.repeat(states(parts[0]), 4, 0), tf.tile(states(parts[0]), [4, 1])
            h, b = (values[:, tf.newaxis] for values in pairs)
            upper = logits_above(h, parts[1])
            log_q = tf.reduce_sum(bernoulli.log_probability(parts[0], h), -1)
            log_q += tf.reduce_sum(bernoulli.log_probability(upper, b), -1)
            value = tf.reduce_sum(tf.exp(log_q) * whole(h, b, parts[0], upper, parts[2]))
        return rows_of(outer.gradient(value, parts))[0]

    parts = [
        tf.constant(np.broadcast_to(part, (DRAWS, *np.shape(part))), tf.float64) for part in (logits, weights, SCALE)
    ]
    with tf.GradientTape() as outer:
        outer.watch(parts)

        def objective(h):
            leading = tf.shape(h)[:-1]
            h = tf.reshape(h, [-1, DRAWS, 2])
            upper = tf.reshape(logits_above(h, parts[1]), [-1, 2])

            def inner(b):
                b = tf.reshape(b, tf.concat([tf.shape(b)[:-2], tf.shape(h)], 0))
                held = tf.stop_gradient(tf.reshape(upper, tf.shape(h)))
                values = whole(h + tf.zeros_like(b), b, tf.stop_gradient(parts[0]), held, parts[2])
                return tf.reshape(values, tf.concat([tf.shape(b)[:-3], [-1]], 0))

            return tf.reshape(second.surrogate(inner, upper, seed=5).value, leading)

        value = first.surrogate(objective, parts[0], seed=3).value
    z = z_of(rows_of(outer.gradient(value, parts)), exact())
    assert np.max(np.abs(z)) < LARGEST_Z, z
