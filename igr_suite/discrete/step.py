"""A training step of a chain with an estimator: gradients of all of the model's tensors and of the estimator's own
parameters."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.discrete.chain import Chain
from igr_suite.discrete.own import OwnParameters
from igr_suite.discrete.routes import Estimated, GeneratorSamples, estimate
from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimator, Noise
from igr_suite.randomness import at_step


class Step(NamedTuple):
    """Gradients of one batch.

    Attributes:
      value: estimate of each example's target [B], nats.
      elbo: mean of F over the samples [B], nats.
      recognition, generator: ascent gradients of the batch's mean target, in the order of the chain's tensors.
      cotangents: ascent gradients of each example's target with respect to the logits of each layer, [B, D] or
        [K, B, D].
      own: gradients to descend, of what the estimator's own parameters minimise, in the order of `Own.trained`.
    """

    value: tf.Tensor
    elbo: tf.Tensor
    recognition: list[tf.Tensor]
    generator: list[tf.Tensor]
    cotangents: list[tf.Tensor]
    own: list[tf.Tensor]


def noise_of(estimator: Estimator, shapes: Sequence[Sequence[int]], seed: tf.Tensor, dtype: tf.DType) -> list[Noise]:
    """Returns the noise of each layer.

    Args:
      estimator: any registered one.
      shapes: of each layer's logits, [B, D] or [B, V, C].
      seed: int32 [2], the step's.
      dtype: of the logits.
    """
    return [estimator.noise(shape, at_step(seed, tf.constant(k + 1)), dtype) for k, shape in enumerate(shapes)]


def estimate_step(
    chain: Chain,
    estimator: Estimator,
    noise: Sequence[Noise],
    own: OwnParameters,
    variance_of: Literal["logits", "weights"] = "logits",
    generator_samples: GeneratorSamples = "all",
    whole: bool = False,
) -> Step:
    """Estimates the gradients of the batch's mean target.

    The estimator's own parameters minimise its own loss where it has one, and otherwise the variance of its gradient:
    since its mean does not depend on them, the gradient of a square estimates that of the variance.

        logits:   V = mean over layers, examples and variables of g^2,   g the cotangents
        weights:  V = |G|^2 / P,   G the gradients of the P recognition weights, dV = (2 / P) <G, dG>

    Where `own.weight_etas` gives an eta to each recognition tensor w, G_w = J_w' signal / B + eta_w J_w' control / B, and
    these trained numbers, too, minimise the variance of the weights' gradient.

    Args:
      chain: the model's batch.
      estimator: any registered one.
      noise: of each layer, see `noise_of`.
      own: the estimator's own parameters.
      variance_of: what has the variance that parameters without a loss of their own minimise.
      generator_samples, whole: see `routes.estimate`.
    """
    recognition, generator, trained = list(chain.recognition), list(chain.generator), own.trained
    with tf.GradientTape(watch_accessed_variables=False) as own_tape:
        own_tape.watch(trained)
        parameters = own.parameters(chain.context)
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch([*recognition, *generator])
            estimated = estimate(chain, estimator, noise, parameters, generator_samples, whole)
            analytic = chain.analytic(estimated.logits)
            target = estimated.generated + (0.0 if analytic is None else tf.reduce_mean(analytic))
        examples = tf.cast(tf.shape(estimated.value)[0], estimated.value.dtype)

        def vjp(cotangents: Sequence[tf.Tensor]) -> list[tf.Tensor]:
            return tape.gradient(
                estimated.logits, recognition, cotangents, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )

        exact = None if analytic is None else [tf.stop_gradient(g) for g in tape.gradient(analytic, estimated.logits)]
        by_logits = _plus(estimated.cotangents, exact)
        cotangents = [tf.stop_gradient(cotangent) for cotangent in by_logits]
        etas = own.weight_etas
        if etas:
            parts = _parts(estimated, exact, estimator, variance_of)
            gradients, minimised = _weighed(vjp, parts, etas, examples)
        else:
            gradients = vjp([cotangent / examples for cotangent in cotangents])
            if not trained:
                minimised = tf.zeros([], estimated.value.dtype)
            elif estimator.facts.own_loss:
                minimised = tf.add_n(estimated.losses)
            elif variance_of == "logits":
                minimised = tf.add_n([tf.reduce_mean(tf.square(g)) for g in by_logits]) / len(cotangents)
            else:
                minimised = _inner_product(vjp, gradients, by_logits) / (_size(gradients) * examples)
    zero = tf.UnconnectedGradients.ZERO
    return Step(
        estimated.value if analytic is None else estimated.value + analytic,
        estimated.elbo if analytic is None else estimated.elbo + analytic,
        gradients,
        tape.gradient(target, generator, unconnected_gradients=zero),
        cotangents,
        own_tape.gradient(minimised, trained, unconnected_gradients=zero) if trained else [],
    )


VJP = Callable[[Sequence[tf.Tensor]], list[tf.Tensor]]


def _plus(cotangents: Sequence[tf.Tensor], exact: Sequence[tf.Tensor] | None) -> list[tf.Tensor]:
    return list(cotangents) if exact is None else [cotangent + part for cotangent, part in zip(cotangents, exact)]


def _parts(estimated: Estimated, exact: Sequence[tf.Tensor] | None, estimator: Estimator, variance_of: str):
    """(signals, controls) of all layers; raises UserError where there are none, or no variance of weights is asked for."""
    if len(estimated.parts) != len(estimated.logits):
        raise UserError(f"{estimator.facts.name} has no control variate whose scale could differ between weights")
    if variance_of != "weights":
        raise UserError(
            "scales of single weights minimise the variance of the weights' gradient: variance_of='weights'"
        )
    signals, controls = zip(*estimated.parts)
    return _plus(signals, exact), list(controls)


def _weighed(vjp: VJP, parts, etas: Sequence[tf.Tensor], examples: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
    """(gradients of the weights, what the own parameters minimise) with an eta for each weight tensor."""
    signals, controls = parts
    backward = [vjp([tf.stop_gradient(part) / examples for part in side]) for side in (signals, controls)]
    held = [tf.stop_gradient(eta) for eta in etas]
    gradients = [signal + eta * control for signal, control, eta in zip(*backward, held)]
    scaled = [eta * gradient for eta, gradient in zip(held, gradients)]
    by_eta = [eta * tf.reduce_sum(g * control) for eta, g, control in zip(etas, gradients, backward[1])]
    products = _inner_product(vjp, gradients, signals) + _inner_product(vjp, scaled, controls)
    return gradients, (2.0 * tf.add_n(by_eta) + products / examples) / _size(gradients)


def _size(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.cast(sum(tf.size(gradient) for gradient in gradients), gradients[0].dtype)


def _inner_product(vjp: VJP, tangents: Sequence[tf.Tensor], cotangents: Sequence[tf.Tensor]) -> tf.Tensor:
    """2 sum_k <J_k G, g_k> for tangents G and the cotangents g_k of all layers, differentiable by g_k alone."""
    directions = _jvp(vjp, [tf.stop_gradient(cotangent) for cotangent in cotangents], tangents)
    products = [tf.reduce_sum(tf.stop_gradient(t) * g) for t, g in zip(directions, cotangents)]
    return 2.0 * tf.add_n(products)


def _jvp(
    vjp: VJP,
    cotangents: Sequence[tf.Tensor],
    tangents: Sequence[tf.Tensor],
) -> list[tf.Tensor]:
    """Returns J G of each layer: the derivative of <J' v, G> with respect to v, since J' v is linear in v."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        zeros = [tf.zeros_like(cotangent) for cotangent in cotangents]
        tape.watch(zeros)
        backward = vjp(zeros)
    return tape.gradient(backward, zeros, [tf.stop_gradient(tangent) for tangent in tangents])
