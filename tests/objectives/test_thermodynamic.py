"""The reparameterised thermodynamic objective: exact moments of one node by quadrature, its slopes, and its limits."""

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import M, OneLayer, S, moments, moments_of

from igr_suite.estimators.tvo import Node
from igr_suite.objectives.base import Coefficients
from igr_suite.objectives.registry import build
from igr_suite.objectives.thermodynamic import ReparameterisedTVO, slopes

LOG_WEIGHTS = tf.constant(np.random.default_rng(2).normal(size=(4, 6)) * 2.0)
TABLE = {  # K: value, means by m and log s, variances of the total derivative and of the reparameterised one
    2: (-1.5424126799, (0.2717429749, -0.2883721609), (1.29133, 1.49542), (0.0940345, 0.109090)),
    3: (-1.5279708010, (0.2152387450, -0.2188639739), (0.789911, 0.850271), (0.0410304, 0.0407529)),
}


@dataclass(frozen=True, kw_only=True)
class OneNode(ReparameterisedTVO):
    """A_b at the node b = .3 alone."""

    def _nodes(self):
        return [(0.3, 1.0)]


@dataclass(frozen=True, kw_only=True)
class Total(OneNode):
    """The total derivative of the same."""

    def _coefficients(self, log_weights):
        slope, _ = slopes(0.3, log_weights)
        return Coefficients(slope, -slope, slope)


@dataclass(frozen=True, kw_only=True)
class WithoutCurvature(OneNode):
    """c = h, which leaves the score out."""

    def _coefficients(self, log_weights):
        slope, _ = slopes(0.3, log_weights)
        return Coefficients(slope, None, slope)


@pytest.mark.parametrize("samples", TABLE)
def test_means_and_variances_of_one_node(samples):
    value, means, *variances = TABLE[samples]
    for objective, variance in zip((Total(), OneNode()), variances):
        by_value, by_m, by_log_s, _ = moments_of(objective, samples)
        assert by_value[0] == pytest.approx(value, abs=1e-8)
        assert (by_m[0], by_log_s[0]) == pytest.approx(means, abs=1e-8)
        assert (by_m[1], by_log_s[1]) == pytest.approx(variance, rel=2e-5)
    assert abs(moments_of(WithoutCurvature(), samples)[1][0] - means[0]) > 0.02


@pytest.mark.parametrize("rule", ["left", "right", "trapezoid"])
def test_its_mean_is_the_gradient_of_its_value(rule):
    """Against central differences of the quadrature value; any number of nodes does."""
    objective, h = build("tvo-dreg", partitions=2, first=0.3, rule=rule), 1e-4

    def value(m=M, s=S):
        at = OneLayer(2, 30, m=m, s=s)
        return at.weights @ at.of(objective)[0]

    _, by_m, by_log_s, _ = moments("tvo-dreg", 2, partitions=2, first=0.3, rule=rule)
    assert by_m[0] == pytest.approx((value(m=M + h) - value(m=M - h)) / (2 * h), abs=1e-6)
    assert by_log_s[0] == pytest.approx((value(s=S * np.exp(h)) - value(s=S * np.exp(-h))) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.02, 0.3, 1.0])
def test_slopes_are_the_derivatives_of_the_node(beta):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(LOG_WEIGHTS)
        mean = Node.of(beta, LOG_WEIGHTS).mean
        by_weight = tape.gradient(mean, LOG_WEIGHTS)
        entries = tf.unstack(by_weight)
    slope, curvature = slopes(beta, LOG_WEIGHTS)
    np.testing.assert_allclose(slope, by_weight, rtol=1e-9, atol=1e-12)
    for k, entry in enumerate(entries):
        by_itself = tape.gradient(entry, LOG_WEIGHTS)
        expected = np.zeros(6) if by_itself is None else by_itself[k]
        np.testing.assert_allclose(curvature[k], expected, rtol=1e-8, atol=1e-12)


def test_its_value_is_that_of_tvo_and_one_partition_is_stl_of_the_elbo():
    for rule in ("left", "right", "trapezoid"):
        values = [build(name, rule=rule).value(LOG_WEIGHTS) for name in ("tvo", "tvo-dreg")]
        np.testing.assert_array_equal(*values)
    ours = build("tvo-dreg", partitions=1).coefficients(LOG_WEIGHTS)
    elbo = build("ciwae-dreg", beta=1.0).coefficients(LOG_WEIGHTS)
    np.testing.assert_allclose(ours.path, elbo.path, rtol=1e-12)
    np.testing.assert_allclose(ours.generative, elbo.generative, rtol=1e-12)
    one_sample = build("tvo-dreg").coefficients(LOG_WEIGHTS[:1])
    np.testing.assert_allclose(one_sample.path, np.ones([1, 6]), rtol=1e-12)
