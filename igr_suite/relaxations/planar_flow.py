"""Planar flow: f(z) = z + u_hat tanh(w.z + b), its log-determinant and its inverse, and the weights that parameterise
it."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from igr_suite.checks import check_count
from igr_suite.errors import UserError, nearest
from igr_suite.randomness import check_seed
from igr_suite.relaxations.base import check_categories

NORMS = ("squared", "historical")


class PlanarFlow(NamedTuple):
    """Weights of a chain of planar layers, one set for each discrete variable; tensors or variables.

    w: [L, V, K-1], L layers applied first to last; with V = 1 or without that axis all variables share one flow.
    u: [L, V, K-1].
    b: [L, V].
    """

    w: tf.Tensor
    u: tf.Tensor
    b: tf.Tensor


def initial_planar_flow(
    categories: int,
    variables: int,
    seed: tf.Tensor,
    layers: int = 2,
    stddev: float = 0.05,
    dtype: tf.DType = tf.float32,
) -> PlanarFlow:
    """Random weights: w, u ~ N(0, stddev^2), b = 0.

    Args:
      categories: K of the samples; the flow works in K-1 dimensions.
      variables: V, the number of discrete variables with a flow of their own; 1 is a flow that all share.
      seed: stateless seed, int32 [2].
      layers: planar layers in the chain.
      stddev: 0.05 as in the authors' code.
      dtype: of the weights.
    Returns:
      PlanarFlow of tensors; a model wraps them: PlanarFlow(*map(tf.Variable, flow)).
    Raises:
      UserError: a number that is no positive integer, or a seed that is no pair.
    Source: Potapczynski et al. (2020), section 3.3; Rezende & Mohamed (2015), eq. 10.
    """
    layers, variables = check_count("layers", layers), check_count("variables", variables)
    shape = [2, layers, variables, check_categories(categories) - 1]
    w, u = tf.unstack(tf.random.stateless_normal(shape, check_seed(seed), stddev=stddev, dtype=dtype))
    return PlanarFlow(w=w, u=u, b=tf.zeros([layers, variables], dtype))


def invertible_u(w: tf.Tensor, u: tf.Tensor, norm: str = "squared") -> tf.Tensor:
    """u_hat = u + (m(w.u) - w.u) w / |w|^2, m(x) = softplus(x) - 1, which gives w.u_hat = m(w.u) > -1.

    Args:
      w: [V, K-1].
      u: [V, K-1].
      norm: "squared", or "historical": the authors' code divides by |w| taken over all variables at once, which does
        not keep w.u_hat above -1, so the map may fail to be a bijection.
    Returns:
      [V, K-1].
    Source: Rezende & Mohamed (2015), appendix A.1.
    """
    product = tf.reduce_sum(w * u, axis=-1, keepdims=True)
    if norm == "historical":
        scale = tf.sqrt(tf.reduce_sum(tf.square(w)))
    else:
        scale = tf.reduce_sum(tf.square(w), axis=-1, keepdims=True)
    return u + tf.math.divide_no_nan((tf.nn.softplus(product) - 1.0 - product) * w, scale)


def solve_monotone(target: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    """Solves a + slope tanh(a) = target for a, slope > -1.

    Bisection on [target - |slope|, target + |slope|] with a fixed number of halvings (static in graphs and XLA), then
    two Newton steps. The gradient is that of the implicit function, which one Newton step at the solution has.

    Args:
      target: any shape.
      slope: broadcasts against target.
    Returns:
      a, the shape of target.
    """
    halvings = 52 if target.dtype == tf.float64 else 26
    target, slope = target + tf.zeros_like(slope), slope + tf.zeros_like(target)
    fixed_target, fixed_slope = tf.stop_gradient(target), tf.stop_gradient(slope)

    def halve(low, high):
        middle = 0.5 * (low + high)
        below = middle + fixed_slope * tf.tanh(middle) < fixed_target
        return tf.where(below, middle, low), tf.where(below, high, middle)

    bracket = (fixed_target - tf.abs(fixed_slope), fixed_target + tf.abs(fixed_slope))
    low, high = tf.while_loop(lambda *_: True, halve, bracket, maximum_iterations=halvings)
    root = tf.stop_gradient(0.5 * (low + high))
    for _ in range(2):
        fixed = tf.stop_gradient(root)
        bend = tf.tanh(fixed)
        # Where the map is flat (slope near -1, root near 0) bisection is the better answer than a division by nearly 0.
        derivative = tf.maximum(1.0 + fixed_slope * (1.0 - tf.square(bend)), 1e-3)
        root = fixed - (fixed + slope * bend - target) / derivative
    return root


class Planar(tfb.Bijector):
    """Chain of planar layers R^(K-1) -> R^(K-1), one chain for each discrete variable.

        f(z) = z + u_hat tanh(w.z + b)
        log |det df/dz| = log |1 + (1 - tanh^2(w.z + b)) w.u_hat|, summed over layers

    Args:
      flow: weights, see PlanarFlow.
      norm: "squared" (a bijection for all weights) or "historical", see `invertible_u`.
    Raises:
      UserError: unknown norm.
    Source: Rezende & Mohamed (2015), eq. 10-12 and appendix A.1.
    """

    def __init__(self, flow: PlanarFlow, norm: str = "squared", name: str = "planar"):
        if norm not in NORMS:
            raise UserError(f"unknown norm '{norm}' of a planar flow; {nearest(norm, NORMS)}")
        parameters = dict(locals())
        if not isinstance(flow, Sequence) or isinstance(flow, str) or len(flow) != len(PlanarFlow._fields):
            raise UserError(f"flow must be a PlanarFlow, such as initial_planar_flow makes, got {flow!r}")
        w, u, b = (tf.convert_to_tensor(weights) for weights in flow)
        self.layers = [(w_l, invertible_u(w_l, u_l, norm), b_l) for w_l, u_l, b_l in zip(*map(tf.unstack, (w, u, b)))]
        super().__init__(forward_min_event_ndims=1, parameters=parameters, dtype=w.dtype, name=name)

    @classmethod
    def _is_increasing(cls):
        return None

    def _forward(self, x):
        for w, u_hat, b in self.layers:
            x = x + u_hat * tf.tanh(_project(x, w) + b)[..., tf.newaxis]
        return x

    def _forward_log_det_jacobian(self, x):
        log_det = tf.zeros(tf.shape(x)[:-1], x.dtype)
        for w, u_hat, b in self.layers:
            bend = tf.tanh(_project(x, w) + b)
            log_det += tf.math.log(tf.abs(1.0 + (1.0 - tf.square(bend)) * tf.reduce_sum(w * u_hat, axis=-1)))
            x = x + u_hat * bend[..., tf.newaxis]
        return log_det

    def _inverse(self, y):
        for w, u_hat, b in reversed(self.layers):
            activation = solve_monotone(_project(y, w) + b, tf.reduce_sum(w * u_hat, axis=-1))
            y = y - u_hat * tf.tanh(activation)[..., tf.newaxis]
        return y


def _project(z: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(z * w, axis=-1)
