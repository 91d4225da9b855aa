"""What every registered relaxation has to offer; a new distribution is tested the moment it is registered."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.relaxations import (
    IGRI,
    RELAXATIONS,
    IGRSBFinite,
    argmax_log_probs,
    conformance,
    initial_planar_flow,
    relaxation,
    uniform_stick_loc,
)

TRUNCATES = ("IGR_SB",)
WHOLE = [name for name in RELAXATIONS if name not in TRUNCATES]
GAUSSIAN = [name for name in WHOLE if issubclass(relaxation(name), conformance.GaussianRelaxation)]


def options_of(name):
    def of(dtype):
        size = conformance.CATEGORIES, conformance.VARIABLES
        return {"flow": initial_planar_flow(*size, [1, 2], dtype=dtype)} if name == "IGR_Planar" else {}

    return of


def test_registered_names():
    assert set(RELAXATIONS) == {"GS", "IGR_I", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGR_Planar", "IGSM", "GSP"}
    with pytest.raises(UserError, match="unknown relaxation 'IGR_Plan'; did you mean 'IGR_Planar'"):
        relaxation("IGR_Plan")


@pytest.mark.parametrize("holds", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", few(RELAXATIONS, lambda name: name not in ("IGR_SB_Log", "IGSM")))
def test_contract(name, holds):
    holds(relaxation(name), options_of(name))


@pytest.mark.parametrize("name", RELAXATIONS)
def test_densities_in_a_graph_are_the_eager_ones(name):
    conformance.densities_in_a_graph_are_the_eager_ones(relaxation(name), options_of(name), name in TRUNCATES)


@pytest.mark.parametrize("name", WHOLE)
def test_a_draws_density_is_that_of_its_log_sample(name):
    conformance.a_draws_density_is_that_of_its_log_sample(relaxation(name), options_of(name))


@pytest.mark.parametrize("name", GAUSSIAN)
def test_density_is_the_change_of_variables(name):
    conformance.density_is_the_change_of_variables(relaxation(name), options_of(name))


@pytest.mark.parametrize("dtype", conformance.FLOATS)
@pytest.mark.parametrize("name", ["GS", "IGR_I", "IGSM", "GSP"])
def test_distributions_of_the_argmax_in_a_graph_are_the_eager_ones(name, dtype):
    posterior = conformance.posterior_of(relaxation(name), options_of(name), dtype)
    tolerance = {"rtol": 1e-10} if dtype == tf.float64 else {"rtol": 2e-3, "atol": 2e-3}
    for split in (False, True):
        in_a_graph = tf.function(lambda split=split: argmax_log_probs(posterior, split=split), autograph=False)()
        np.testing.assert_allclose(in_a_graph, argmax_log_probs(posterior, split=split), **tolerance)


class Wrong(IGRI):
    """Base of distributions with one defect each."""


class SharedNoise(Wrong):
    def draw(self, sample_shape, seed):
        draw = super().draw(sample_shape, seed)
        return draw._replace(sample=tf.ones_like(draw.sample) * draw.sample[..., :1, :])


class OffTheSimplex(Wrong):
    def draw(self, sample_shape, seed):
        draw = super().draw(sample_shape, seed)
        return draw._replace(sample=1.001 * draw.sample)


class WrongJacobian(Wrong):
    def _log_density(self, kappa):
        return super()._log_density(kappa) + 0.01 * tf.reduce_sum(kappa, -1)


class WrongInverse(Wrong):
    def log_prob_of_log_sample(self, log_sample):
        return super().log_prob_of_log_sample(1.01 * log_sample)


class Overflows(Wrong):
    def draw(self, sample_shape, seed):
        draw = super().draw(sample_shape, seed)
        wide = tf.exp(2.0 * tf.abs(draw.preimage))
        return draw._replace(sample=draw.sample * (wide[..., :1] / wide[..., :1]))


class AnyTemperature(Wrong):
    def __init__(self, loc, log_scale, temperature, delta=1.0, name="AnyTemperature"):
        super().__init__(
            loc, log_scale, temperature if isinstance(temperature, tf.Tensor) else temperature or 1.0, delta, name
        )


@pytest.mark.parametrize(
    ("distribution", "finds"),
    [
        (SharedNoise, conformance.draws_repeat_with_their_seed),
        (OffTheSimplex, conformance.shapes_dtypes_and_simplex),
        (WrongJacobian, conformance.density_is_the_change_of_variables),
        (WrongInverse, conformance.a_draws_density_is_that_of_its_log_sample),
        (Overflows, conformance.training_step_is_finite_for_confident_networks),
        (AnyTemperature, conformance.wrong_temperature_seed_and_width_are_refused),
    ],
)
def test_a_defect_is_found(distribution, finds):
    """It is not found in the distribution without it, on which `test_contract` runs the same checks."""
    with pytest.raises(AssertionError):
        finds(distribution)


def test_blocks_are_split_in_order():
    distribution = IGRSBFinite.from_network(tf.constant([[1.0, 2.0, 3.0, 4.0]]), 0.1)
    np.testing.assert_array_equal(distribution.loc, [[1.0, 2.0]])
    np.testing.assert_array_equal(distribution.log_scale, [[3.0, 4.0]])


def test_python_temperature_keeps_float64_digits():
    distribution = relaxation("IGR_I")(tf.zeros([2], tf.float64), tf.zeros([2], tf.float64), 0.1)
    assert float(distribution.temperature) == 0.1


def test_stick_prior_has_equal_expected_pieces():
    """E[eta_k] = 1/K from independent sticks; the means are checked by 400-point quadrature, not by the solver's
    own."""
    z, w = np.polynomial.legendre.leggauss(400)
    density = 10 * w * np.exp(-50 * z**2) / np.sqrt(2 * np.pi)
    means = expit(uniform_stick_loc(10, tf.float64).numpy()[:, None] + 10 * z) @ density
    pieces = means * np.cumprod(np.concatenate([[1.0], 1 - means[:-1]]))
    np.testing.assert_allclose(pieces, np.full(9, 0.1), atol=1e-10)
