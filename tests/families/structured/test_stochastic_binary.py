"""Binary units: the distribution of the rounded unit, the relaxed formulas by hand, layout, and the historical
switches."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import expit

from igr_suite.families.structured.config import StructuredModelConfig
from igr_suite.families.structured.stochastic_binary import StochasticBinary, unit_noise
from igr_suite.randomness import run_seed

SEED = run_seed(0, "test")
LOGITS = np.array([-2.0, -0.7, 0.0, 0.4, 1.5], np.float32)
DRAWS = 200_000


def a_layer(name, units=5, **options) -> StochasticBinary:
    return StochasticBinary(StructuredModelConfig(name=name, units=units, **options), SEED)


def share_of_ones(layer: StochasticBinary, parameters: np.ndarray) -> np.ndarray:
    """Share of rounded units that are one, by unit: float64 [units]."""
    noise = unit_noise(layer.config, [DRAWS, 1, layer.units], SEED)
    ones = layer(tf.constant(parameters[None]), noise, rounded=True).numpy()[:, 0]
    return (ones > 0).mean(0, dtype=np.float64)


def p_value(shares: np.ndarray, probabilities: np.ndarray) -> float:
    """Chi-square with one degree of freedom a unit, of DRAWS independent draws."""
    statistic = np.sum(DRAWS * (shares - probabilities) ** 2 / (probabilities * (1 - probabilities)))
    return stats.chi2.sf(statistic, len(shares))


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_rounded_gumbel_softmax_units_are_bernoulli_of_the_logits(temperature):
    """False alarm 1e-6; 200,000 draws detect a probability off by .01 with probability above .99."""
    assert p_value(share_of_ones(a_layer("GS", temperature=temperature), LOGITS), expit(LOGITS)) > 1e-6


def test_historical_noise_is_not_bernoulli_of_the_logits():
    """P(log a + Gumbel > 0) = 1 - exp(-a); at a = 1 it is .632 and not .5."""
    shares = share_of_ones(a_layer("GS", noise="historical"), LOGITS)
    assert p_value(shares, -np.expm1(-np.exp(LOGITS.astype(float)))) > 1e-6
    assert p_value(shares, expit(LOGITS.astype(float))) < 1e-12


def test_rounded_gaussian_units_follow_the_normal_cdf():
    """False alarm 1e-6; detects a probability off by .01 with probability above .99."""
    assert p_value(share_of_ones(a_layer("IGR_I"), LOGITS), stats.norm.cdf(LOGITS)) > 1e-6
    parameters = np.concatenate([LOGITS, np.log([0.5, 2.0, 1.0, 0.25, 3.0])]).astype(np.float32)
    shares = share_of_ones(a_layer("IGR_I", scale="learned"), parameters)
    assert p_value(shares, stats.norm.cdf(LOGITS / np.array([0.5, 2.0, 1.0, 0.25, 3.0]))) > 1e-6


def test_stick_breaking_units_always_round_to_one():
    layer = a_layer("IGR_SB", architecture="g2_linear", scale="unit")
    parameters, noise = tf.constant(40.0 * LOGITS[None]), unit_noise(layer.config, [1000, 1, 5], SEED)
    assert (layer(parameters, noise, rounded=True).numpy() == 1).all()
    relaxed = layer(tf.constant(LOGITS[None]), noise).numpy()
    assert relaxed.min() > 0.5
    assert relaxed.max() < 0.7310586  # sigmoid(1)


def test_relaxed_units_are_the_formulas():
    """One unit by hand, float32."""
    noise, location = np.float32(0.3), np.float32(-0.8)

    def unit(name, parameters=(location,), **options):
        layer = a_layer(name, units=1, architecture="g2_linear", **options)
        return float(layer(tf.constant([parameters], tf.float32), tf.constant([[[noise]]]))[0, 0, 0])

    assert unit("GS", temperature=0.5) == pytest.approx(expit(-0.5 / 0.5), rel=1e-6)
    assert unit("IGR_I", scale="unit", temperature=0.5) == pytest.approx(expit(-0.5 / 0.5), rel=1e-6)
    assert unit("IGR_I", (location, math.log(2.0)), temperature=0.5) == pytest.approx(expit(-0.2 / 0.5), rel=1e-6)
    assert unit("IGR_I", scale="unit", temperature_use="historical") == pytest.approx(expit(-0.5), rel=1e-6)
    assert unit("IGR_SB", scale="unit", temperature=0.5) == pytest.approx(expit(expit(-0.5) / 0.5), rel=1e-6)


def test_planar_units_go_through_two_planar_layers_of_dimension_1():
    """Weights set by hand, the correct normalisation: u_hat = u + (softplus(w u) - 1 - w u) / w."""
    layer = a_layer("IGR_Planar", units=2, architecture="g2_linear", scale="unit", temperature=0.7)
    w, u, b = [[0.5, -1.0], [1.5, 2.0]], [[1.0, 0.3], [-0.7, 0.2]], [[0.2, 0.0], [-0.4, 0.1]]
    for variable, values in zip(layer.flow, (np.array(w)[..., None], np.array(u)[..., None], b)):
        variable.assign(values)
    z = np.array([0.3, -0.8]) + np.array([0.4, 0.1])
    for w_l, u_l, b_l in zip(*map(np.array, (w, u, b))):
        u_hat = u_l + (np.log1p(np.exp(w_l * u_l)) - 1 - w_l * u_l) / w_l
        z = z + u_hat * np.tanh(w_l * z + b_l)
    found = layer(tf.constant([[0.3, -0.8]]), tf.constant([[[0.4, 0.1]]]))[0, 0]
    np.testing.assert_allclose(found, expit(z / 0.7), rtol=1e-5)
    assert len(layer.trainable_variables) == 3


def test_signed_units_are_twice_psi_minus_one():
    unsigned, signed = (a_layer("GS", architecture=name) for name in ("g2_linear", "double_linear"))
    noise, parameters = unit_noise(signed.config, [20, 3, 5], SEED), tf.constant(np.tile(LOGITS, (3, 1)))
    for rounded in (False, True):
        psi = unsigned(parameters, noise, rounded=rounded).numpy()
        np.testing.assert_allclose(signed(parameters, noise, rounded=rounded).numpy(), 2 * psi - 1, atol=1e-6)
        assert psi.shape == (20, 3, 5)


def test_parameters_with_and_without_samples_agree():
    layer = a_layer("IGR_I")
    parameters, noise = tf.constant(np.stack([LOGITS, LOGITS[::-1]])), unit_noise(layer.config, [7, 2, 5], SEED)
    np.testing.assert_array_equal(layer(parameters, noise), layer(tf.repeat(parameters[None], 7, 0), noise))
