"""RELAX: the gradient of an expectation over discrete codes with a learnt control variate, and what trains that control
variate.

With f the loss of a hard code and c any function of the noise z behind it,

    g = (f(b) - c(z~)) d log q(b) + J^T dc(z) - J~^T dc(z~) + df

where z ~ q(z), b = b(z), z~ ~ q(z | b), J = dz/d parameters, J~ = dz~/d parameters at a fixed b. How the terms arise:

* f(b) d log q(b): the score function. df is the derivative of f at a fixed b: f holds log q(b) (its KL part), so df = d
  log q(b), which has mean 0; it is the "+ grad log q" of the authors' code.
* z and z~ have the same distribution, so E c(z) = E_b E[c(z~) | b]. Its derivative is E J^T dc(z) on the left and
  E [c(z~) d log q(b) + J~^T dc(z~)] on the right: the other three terms add 0. The direct dependence of c on the
  parameters has the same mean on both sides and is left out.

For IGR the authors take one independent z1 for both: c(z1) d log q(b), whose mean is 0, and J^T dc(z1) without its
counterpart. This adds d E c(z1) to the gradient ("historical" here), which is therefore biased. A control variate that
is trained to make the gradient small then learns to cancel the gradient itself, which is smallest where
d E c(z1) = -d E f.

Source: Grathwohl et al. (2018), eq. 8; Tucker et al. (2017); docs/papers/igr.md, section 3.5.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.estimators.derivatives import derivative
from igr_suite.families.hard_vae.distributions import CodeSample, Coupling, Distribution

Estimator = Literal["relax", "historical"]


class Control(NamedTuple):
    """c and dc/dz at z and at z~: value [S, ...], slope [S, ..., V, M]; S is 1 where z~ = z, otherwise 2."""

    value: tf.Tensor
    slope: tf.Tensor


def evaluate_control(function: Callable[[tf.Tensor], tf.Tensor], draw: CodeSample, coupling: Coupling) -> Control:
    """c and its slope at a draw.

    Args:
      function: z [S, ..., V, M] -> c [S, ...], example by example.
      draw: a draw of a distribution.
      coupling: coupling of the draw; only "independent" needs two evaluations.
    Raises:
      UserError: TensorFlow has no derivative of the function. A function that is differentiable only in part, such as a
        sum with a rounded summand, cannot be detected and makes RELAX biased.
    """
    points = tf.stack([draw.z, draw.conditional]) if coupling == "independent" else draw.z[tf.newaxis]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(points)
        value = function(points)
    return Control(value, derivative(tape, value, points, "the control variate"))


def relax_gradient(
    distribution: Distribution,
    draw: CodeSample,
    value: tf.Tensor,
    control: Control,
    direct: float = 1.0,
    estimator: Estimator = "relax",
) -> tf.Tensor:
    """g of each draw with respect to the distribution's parameters; see the docstring of the module.

    Args:
      distribution: distribution of the draw.
      draw: codes and noise with leading axes [...].
      value: f(b) [...].
      control: the control variate at the draw.
      direct: df / d log q at fixed b: 1 where f holds log q(b), 0 to leave that term out ("stick the landing"; it has
        mean 0).
      estimator: "relax", or "historical" (biased; needs a draw with coupling "unrelated").
    Returns:
      [..., V, P].
    """
    conditional_cotangent = tf.zeros_like(control.slope[0]) if estimator == "historical" else control.slope[-1]
    weight = (value - control.value[-1] + direct)[..., tf.newaxis, tf.newaxis]
    return weight * draw.score + distribution.vjp(draw, control.slope[0], conditional_cotangent)


def reinforce_gradient(draw: CodeSample, value: tf.Tensor, direct: float = 1.0) -> tf.Tensor:
    """f(b) d log q(b) + df, the score function without a baseline; arguments as in `relax_gradient`."""
    return (value + direct)[..., tf.newaxis, tf.newaxis] * draw.score


def variance_direction(
    distribution: Distribution, draw: CodeSample, control: Control, direction: tf.Tensor, estimator: Estimator = "relax"
) -> tf.Tensor:
    """The sum over draws of the part of <g, direction> that depends on the control variate.

        -c(z~) <d log q, direction> + <dc(z), J direction> - <dc(z~), J~ direction>

    Since d |G|^2 = 2 <G, dG>, its derivative with respect to the control variate's own parameters, at direction = G
    held fixed, is half that of |G|^2: second derivatives are needed of c only, not of the distribution or the encoder.

    Args:
      distribution, draw, control, estimator: as in `relax_gradient`.
      direction: [..., V, P], held fixed.
    Returns:
      Scalar, differentiable with respect to what `control` depends on.
    """
    direction = tf.stop_gradient(direction)
    by_score = tf.stop_gradient(tf.reduce_sum(draw.score * direction, [-2, -1]))
    by_z, by_conditional = (tf.stop_gradient(x) for x in distribution.jvp(draw, direction))
    result = tf.reduce_sum(control.slope[0] * by_z) - tf.reduce_sum(control.value[-1] * by_score)
    return result if estimator == "historical" else result - tf.reduce_sum(control.slope[-1] * by_conditional)


def sampling_variance(gradients: tf.Tensor) -> tf.Tensor:
    """Variance over draws, summed over parameters and averaged over examples: [N, B, V, P] -> scalar."""
    count = tf.cast(tf.shape(gradients)[0], gradients.dtype)
    deviations = gradients - tf.reduce_mean(gradients, 0)
    return tf.reduce_mean(tf.reduce_sum(tf.square(deviations), [0, 2, 3])) / (count - 1.0)
