"""The contract of every relaxation: `check(distribution)` asserts it, for distributions of the suite and of its
users."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.errors import UserError
from igr_suite.precision import HALVES
from igr_suite.relaxations.base import Relaxation
from igr_suite.relaxations.gaussian import GaussianNoise, GaussianRelaxation, normal_log_density
from igr_suite.relaxations.kl import sampled_kl

SAMPLES, BATCH, VARIABLES, CATEGORIES = 3, 2, 4, 5
FLOATS = (tf.float32, tf.float64)
TEMPERATURE = 0.3

Distribution = type[Relaxation]
Options = Callable[[tf.DType], Mapping[str, Any]]


def no_options(dtype: tf.DType) -> Mapping[str, Any]:
    """No options, for distributions whose constructors need only parameters and a temperature."""
    return {}


def check(distribution: Distribution, options: Options = no_options, truncates: bool = False) -> None:
    """Asserts the contract of `Relaxation` on small batches, in both precisions, eager, as a graph and under XLA.

    Args:
      distribution: the class.
      options: maps a dtype to further arguments of the constructor and of `uniform_prior`.
      truncates: whether samples may have exact zeros, outside the support of the density on the simplex.
    Raises:
      AssertionError: one of the checks fails.
    """
    for assert_contract in CHECKS:
        assert_contract(distribution, options)
    densities_in_a_graph_are_the_eager_ones(distribution, options, truncates)
    if not truncates:
        a_draws_density_is_that_of_its_log_sample(distribution, options)
        if issubclass(distribution, GaussianRelaxation):
            density_is_the_change_of_variables(distribution, options)


def network_output(distribution: Distribution, scale: float = 1.0, seed: int = 7) -> np.ndarray:
    """Normal numbers in place of a network's output, [BATCH, VARIABLES, parameters]."""
    size = sum(distribution.parameter_blocks(CATEGORIES).values())
    return scale * np.random.default_rng(seed).normal(size=(BATCH, VARIABLES, size))


def posterior_of(distribution: Distribution, options: Options, dtype: tf.DType) -> Relaxation:
    """A distribution with batch shape [BATCH, VARIABLES]."""
    return distribution.from_network(tf.constant(network_output(distribution), dtype), TEMPERATURE, **options(dtype))


def shapes_dtypes_and_simplex(distribution: Distribution, options: Options = no_options) -> None:
    """Samples lie on the simplex with the categories last, and the parts of a draw have the shapes that `Draw`
    states."""
    for dtype, tolerance in zip(FLOATS, (1e-6, 1e-14)):
        posterior = posterior_of(distribution, options, dtype)
        assert posterior.batch_shape == (BATCH, VARIABLES) and posterior.event_shape == (CATEGORIES,)
        assert tuple(posterior.batch_shape_tensor()) == (BATCH, VARIABLES) and tuple(
            posterior.event_shape_tensor()
        ) == (CATEGORIES,)
        draw = posterior.draw(SAMPLES, [1, 2])
        assert draw.sample.shape == (SAMPLES, BATCH, VARIABLES, CATEGORIES) == draw.log_sample.shape
        assert draw.preimage.shape == draw.noise.shape == draw.scores.shape
        assert {x.dtype for x in draw[:5]} == {dtype}
        assert posterior.draw((), [1, 2]).sample.shape == (BATCH, VARIABLES, CATEGORIES)
        np.testing.assert_allclose(np.sum(draw.sample, axis=-1), 1.0, atol=tolerance, err_msg="samples on the simplex")
        np.testing.assert_allclose(np.exp(draw.log_sample), draw.sample, atol=tolerance, err_msg="log_sample")
        noiseless = posterior.without_noise()
        assert noiseless.shape == (BATCH, VARIABLES, CATEGORIES) and noiseless.dtype == dtype
        np.testing.assert_allclose(np.sum(noiseless, axis=-1), 1.0, atol=tolerance, err_msg="the sample without noise")
        assert posterior.log_prob_of(draw).shape == (SAMPLES, BATCH, VARIABLES)
        np.testing.assert_array_equal(posterior.sample(SAMPLES, seed=tf.constant([1, 2])), draw.sample)


def draws_repeat_with_their_seed(distribution: Distribution, options: Options = no_options) -> None:
    """Equal seeds give equal draws; every sample, example and variable has its own noise."""
    posterior = posterior_of(distribution, options, tf.float32)
    first, again, other = (posterior.draw(2, seed).sample.numpy() for seed in ([1, 2], tf.constant([1, 2]), [1, 3]))
    np.testing.assert_array_equal(first, again)
    assert np.all(np.any(first != other, axis=-1)), "another seed gives other draws"
    assert len(np.unique(first[..., 0])) == first[..., 0].size, "noise is shared among samples, examples or variables"


def training_step_is_finite_for_confident_networks(
    distribution: Distribution, options: Options = no_options, jit: bool | None = None
) -> None:
    """Draws, sampled KLs and their gradients are finite in compiled float32 functions, for network outputs of standard
    deviation 8 (scales up to e^3).

    Args:
      distribution, options: as in `check`.
      jit: whether XLA compiles; None checks both.
    """
    for compiled in (False, True) if jit is None else (jit,):
        _confident_step(distribution, options(tf.float32), compiled)


def _confident_step(distribution: Distribution, options: Mapping[str, Any], jit: bool) -> None:
    blocks = distribution.parameter_blocks(CATEGORIES)
    output = np.clip(network_output(distribution, 8.0), -15, 15)
    if "log_scale" in blocks:
        scales = slice(blocks["loc"], None)
        output[..., scales] = np.clip(output[..., scales], -8, 3)

    @tf.function(jit_compile=jit, autograph=False)
    def step(output, temperature, seed):
        with tf.GradientTape() as tape:
            tape.watch(output)
            posterior = distribution.from_network(output, temperature, **options)
            prior = distribution.uniform_prior(CATEGORIES, temperature, **options)
            draw = posterior.draw(SAMPLES, seed)
            kl = sampled_kl(posterior, prior, draw)
            loss = tf.reduce_sum(kl) + tf.reduce_sum(draw.sample * tf.range(float(CATEGORIES)))
        return kl, draw.sample, tape.gradient(loss, output)

    for temperature in (0.02, 0.5):
        kl, sample, gradient = step(tf.constant(output, tf.float32), tf.constant(temperature), tf.constant([1, 2]))
        assert kl.shape == (SAMPLES, BATCH, VARIABLES)
        for name, value in (("KL", kl), ("sample", sample), ("gradient", gradient)):
            assert np.all(np.isfinite(value)), (
                f"{distribution.__name__}: the {name} is not finite at temperature {temperature}, XLA {jit}"
            )
        assert np.any(gradient.numpy() != 0)


def densities_in_a_graph_are_the_eager_ones(
    distribution: Distribution, options: Options = no_options, truncates: bool = False
) -> None:
    """Every density is the same in a graph, which types Python numbers by position, as in eager code, in both
    precisions."""
    for dtype, tolerance, absolute in zip(FLOATS, (2e-3, 1e-10), (2e-3, 0.0)):
        given = options(dtype)

        def densities(output, given=given, dtype=dtype):
            posterior = distribution.from_network(output, TEMPERATURE, **given)
            prior = distribution.uniform_prior(CATEGORIES, TEMPERATURE, dtype, **given)
            draw = posterior.draw(SAMPLES, [1, 2])
            values = [posterior.log_prob_of(draw), sampled_kl(posterior, prior, draw, stick_the_landing=True)]
            return values if truncates else [*values, posterior.log_prob_of_log_sample(draw.log_sample)]

        output = tf.constant(network_output(distribution), dtype)
        for ours, eager in zip(tf.function(densities, autograph=False)(output), densities(output)):
            np.testing.assert_allclose(ours, eager, rtol=tolerance, atol=absolute)


def a_draws_density_is_that_of_its_log_sample(distribution: Distribution, options: Options = no_options) -> None:
    """`log_prob_of`, from the parts of the draw, equals `log_prob_of_log_sample`, by inversion; `log_prob` is less by
    sum_k log psi_k."""
    posterior = posterior_of(distribution, options, tf.float64)
    draw = posterior.draw(SAMPLES, [1, 2])
    density = posterior.log_prob_of(draw).numpy()
    np.testing.assert_allclose(posterior.log_prob_of_log_sample(draw.log_sample), density, rtol=1e-6, atol=1e-6)
    whole = np.all(draw.sample.numpy() > 1e-12, axis=-1)
    on_the_simplex = posterior.log_prob(draw.sample).numpy()
    np.testing.assert_allclose(
        on_the_simplex[whole], (density - np.sum(draw.log_sample, -1))[whole], rtol=1e-6, atol=1e-6
    )


def density_is_the_change_of_variables(distribution: Distribution, options: Options = no_options) -> None:
    """log q(log psi) = log N(kappa; loc, scale) - log |det d psi_{1..K-1} / d kappa| + sum_k log psi_k, the determinant
    by autodiff.

    Draws whose determinant is lost in rounding (psi within 1e-8 of a face) are skipped.
    """
    given = options(tf.float64)
    output = tf.constant(network_output(distribution), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(output)
        posterior = distribution.from_network(output, 1.0, **given)  # a temperature at which draws are inside
        draw = posterior.draw((), [1, 2])
        free = tf.reshape(draw.sample[..., :-1], [BATCH, -1])
    jacobian = tape.jacobian(free, output).numpy()
    size = CATEGORIES - 1
    for b in range(BATCH):
        for v in range(VARIABLES):
            if np.min(draw.sample[b, v]) < 1e-8:
                continue
            by_loc = jacobian[b, v * size : (v + 1) * size, b, v, :size]
            standard = draw.noise[b, v]
            expected = normal_log_density(standard, posterior.log_scale[b, v]) + tf.reduce_sum(draw.log_sample[b, v])
            expected -= np.linalg.slogdet(by_loc)[1]
            np.testing.assert_allclose(
                posterior.log_prob_of(draw)[b, v], expected, rtol=1e-5, atol=1e-5, err_msg="log_prob_of"
            )


def shared_parameters_are_drawn_for_every_element(distribution: Distribution, options: Options = no_options) -> None:
    """A prior with the parameters of one variable serves the posterior's whole batch: where there is a closed-form KL,
    it broadcasts."""
    posterior = posterior_of(distribution, options, tf.float32)
    prior = distribution.uniform_prior(CATEGORIES, TEMPERATURE, **options(tf.float32))
    assert prior.event_shape == (CATEGORIES,)
    if issubclass(distribution, GaussianNoise):
        assert tfp.distributions.kl_divergence(posterior, prior).shape == (BATCH, VARIABLES)


def half_precision_is_float32_rounded(distribution: Distribution, options: Options = no_options) -> None:
    """With float16 or bfloat16 parameters, a draw is the float32 distribution's with its sample rounded, and densities
    are computed from it."""
    for dtype in HALVES:
        half = posterior_of(distribution, options, dtype)
        draw, wide = half.draw(SAMPLES, [1, 2]), half.in_float32()
        single = wide.draw(SAMPLES, [1, 2])
        assert half.dtype == draw.sample.dtype == dtype and wide.dtype == single.sample.dtype == tf.float32
        assert {x.dtype for x in draw[1:5]} == {tf.float32}
        np.testing.assert_array_equal(
            tf.cast(draw.sample, tf.float32), tf.cast(tf.cast(single.sample, dtype), tf.float32)
        )
        np.testing.assert_array_equal(
            tf.cast(half.without_noise(), tf.float32), tf.cast(tf.cast(wide.without_noise(), dtype), tf.float32)
        )
        density = half.log_prob_of(draw)
        assert density.dtype == dtype
        np.testing.assert_allclose(
            tf.cast(density, tf.float32), wide.log_prob_of(single), rtol=1e-2, err_msg="log_prob_of"
        )


def temperatures_widen_the_batch(distribution: Distribution, options: Options = no_options) -> None:
    """Parameters of one variable with VARIABLES temperatures make as many variables, each with its own noise."""
    output = tf.constant(network_output(distribution)[0, 0], tf.float64)
    temperatures = tf.constant(np.linspace(0.2, 0.8, VARIABLES))
    posterior = distribution.from_network(output, temperatures, **options(tf.float64))
    assert posterior.batch_shape == (VARIABLES,) == tuple(posterior.batch_shape_tensor())
    draw = posterior.draw(VARIABLES, [1, 2])
    assert draw.sample.shape == (VARIABLES, VARIABLES, CATEGORIES)
    assert len(np.unique(draw.noise[..., 0])) == VARIABLES**2, "variables share their noise"
    assert posterior.log_prob_of(draw).shape == (VARIABLES, VARIABLES)


def wrong_temperature_seed_and_width_are_refused(distribution: Distribution, options: Options = no_options) -> None:
    """Each of them raises a UserError."""
    output, given = tf.constant(network_output(distribution), tf.float32), options(tf.float32)
    _refuses(lambda: distribution.from_network(output, 0.0, **given), "temperature must be positive, got 0.0")
    posterior = distribution.from_network(output, 0.1, **given)
    wrong_seeds: tuple[Any, ...] = (None, 3, [1, 2, 3], [0.5, 1.0])
    for seed in wrong_seeds:
        _refuses(partial(posterior.draw, 1, seed), "seed must be a stateless pair")
    if len(distribution.parameter_blocks(CATEGORIES)) == 2:
        _refuses(lambda: distribution.from_network(output[..., :-1], 0.1, **given), "needs 2 equal parameter blocks")


def _refuses(call: Callable[[], object], sentence: str) -> None:
    try:
        call()
    except UserError as error:
        assert sentence in str(error), f"expected '{sentence}', got '{error}'"
    else:
        raise AssertionError(f"no error; expected '{sentence}'")


CHECKS = (
    shapes_dtypes_and_simplex,
    draws_repeat_with_their_seed,
    training_step_is_finite_for_confident_networks,
    shared_parameters_are_drawn_for_every_element,
    half_precision_is_float32_rounded,
    temperatures_widen_the_batch,
    wrong_temperature_seed_and_width_are_refused,
)
