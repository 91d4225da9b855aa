"""How an estimator's gradient passes through a chain of layers.

| route    | estimators                                             | evaluations of F for L layers              |
|----------|--------------------------------------------------------|--------------------------------------------|
| chains   | those that need only values and scores                 | K, whatever L                              |
| pairs    | local DisARM, which mirrors one of K samples of a bound | (L + 1) K                                  |
| path     | straight-through ones, Concrete                        | 1: a forward and a backward pass           |
| branches | all others: several samples of one layer's logits      | L times those of one layer                 |

On branches each layer is estimated by itself: the layers below are those of one hard pass, the ones above are drawn
anew for every evaluation with the uniforms of that pass. Where F holds -log q, a target T of K samples together, such
as the multi-sample bound log mean_k exp F_k, depends on the logits through it, too: its gradient has the direct part
-sum_k a_k score_k with a_k = dT/dF_k, the bound's normalised weights, and its mean is not zero. That of E[F] is. The
posterior that RWS follows is held, and so has no such part. The samples train the generator with the same a_k.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import tensorflow as tf

from igr_suite.discrete.chain import Chain, LocalObjective, hard_pass
from igr_suite.estimators.arm import antithetic_pair
from igr_suite.estimators.base import Estimator, Noise, Parameters
from igr_suite.estimators.distributions.bernoulli import antithetic_factor
from igr_suite.estimators.formulas import log_mean_exp, normalised
from igr_suite.estimators.local_disarm import LocalDisARM
from igr_suite.estimators.reinforce import ScoreEstimator, score_term
from igr_suite.estimators.straight_through import PathwiseEstimator

GeneratorSamples = Literal["all", "own"]


class Estimated(NamedTuple):
    """What a route makes of a batch; lists hold one item for each layer.

    Attributes:
      value: estimate of the target [B]: E[F], the multi-sample bound, or what the estimator reports in its place.
      elbo: mean of F over the samples [B]; at relaxed samples where these are the estimator's.
      logits: differentiable with respect to the recognition tensors, [B, D] or [K, B, D].
      cotangents: ascent gradients of each example's target with respect to these logits, same shapes. Functions of the
        estimator's own parameters.
      generated: scalar whose gradient with respect to the generator's tensors estimates that of the batch's mean
        target.
      losses: of estimators that train their own parameters on a loss.
      parts: (signal, control) of each layer's cotangent, signal + eta control, of estimators with a control variate.
    """

    value: tf.Tensor
    elbo: tf.Tensor
    logits: list[tf.Tensor]
    cotangents: list[tf.Tensor]
    generated: tf.Tensor
    losses: list[tf.Tensor]
    parts: Sequence[tuple[tf.Tensor, tf.Tensor]] = ()


def estimate(
    chain: Chain,
    estimator: Estimator,
    noise: Sequence[Noise],
    parameters: Sequence[Parameters],
    generator_samples: GeneratorSamples = "all",
    whole: bool = False,
) -> Estimated:
    """Estimates the gradient of the bound of each example with respect to all layers' logits.

    Args:
      chain: the model's batch.
      estimator: any registered one.
      noise: for each layer, of `Estimator.noise` for its logits.
      parameters: for each layer, the estimator's own.
      generator_samples: "all" samples of the estimator train the generator, or those of one chain, "own". A target of K
        samples together always takes all of them.
      whole: whether every layer's signal is the whole of F, not the part that depends on the layer; unbiased, too, and
        as in the code of NVIL, MuProp and REBAR.
    """
    if estimator.route == "chains":
        return _chains(chain, estimator, noise, parameters, generator_samples, whole)
    if estimator.route == "pairs":
        return _pairs(chain, estimator, noise)
    if estimator.route == "path":
        return _path(chain, estimator, noise)
    return _branches(chain, estimator, noise, parameters, generator_samples, whole)


def _chains(
    chain: Chain,
    estimator: ScoreEstimator,
    noise: Sequence[Noise],
    parameters: Sequence[Parameters],
    generator_samples: GeneratorSamples,
    whole: bool,
) -> Estimated:
    hard = hard_pass(chain, [layer["u"] for layer in noise])
    values, together = hard.value, estimator.facts.target != "expectation"
    cotangents, losses = [], []
    for layer, kind in enumerate(chain.kinds):
        signals = values if together or whole else hard.local_value(layer)
        weighted = estimator.weigh(tf.stop_gradient(signals), parameters[layer])
        coefficients = weighted.coefficients
        if together:
            weights = tf.stop_gradient(normalised(values) if weighted.weights is None else weighted.weights)
            coefficients -= direct_weights(chain, estimator, weights)
        scores = kind.score(hard.logits[layer], hard.samples[layer])
        cotangents.append(_like(hard.logits[layer], score_term(coefficients, scores)))
        losses += [] if weighted.loss is None else [weighted.loss]
    elbo = value = values if values.shape.rank == 1 else tf.reduce_mean(values, 0)
    if together:
        generated = tf.reduce_mean(tf.reduce_sum(tf.math.multiply_no_nan(values, weights), 0))
        return Estimated(weighted.value, elbo, hard.logits, cotangents, generated, losses)
    if values.shape.rank == 2 and generator_samples == "own":
        value = values[0]
    return Estimated(value, elbo, hard.logits, cotangents, tf.reduce_mean(value), losses)


def _pairs(chain: Chain, estimator: LocalDisARM, noise: Sequence[Noise]) -> Estimated:
    uniforms = [layer["u"] for layer in noise]
    hard = hard_pass(chain, uniforms)
    values = hard.value
    weights = direct_weights(chain, estimator, tf.stop_gradient(normalised(values)))
    cotangents = []
    for layer, kind in enumerate(chain.kinds):
        held = tf.stop_gradient(hard.logits[layer])
        samples, mirrored = tf.unstack(antithetic_pair(held, uniforms[layer]))
        mirrored_values = LocalObjective(chain, layer, hard, uniforms, whole=True)(mirrored)
        gaps = estimator.weigh_pairs(values, mirrored_values)[1]
        direct = score_term(weights, kind.score(held, samples))
        cotangent = score_term(gaps, antithetic_factor(held, samples, mirrored)) - direct
        cotangents.append(_like(held, tf.stop_gradient(cotangent)))
    value = log_mean_exp(values)
    return Estimated(value, tf.reduce_mean(values, 0), hard.logits, cotangents, tf.reduce_mean(value), [])


def _path(chain: Chain, estimator: PathwiseEstimator, noise: Sequence[Noise]) -> Estimated:
    logits, passed, terms, below = [], [], [], None
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for layer, layer_noise in enumerate(noise):
            # The recognition tensors are reached from logits at held values: what passes through the values is in the
            # cotangents of the layers below.
            logits.append(chain.logits(layer, None if below is None else tf.stop_gradient(below)))
            passed.append(logits[-1] if below is None else chain.logits(layer, below))
            tape.watch(passed[-1])
            values = estimator.sample(passed[-1], layer_noise)
            read = passed[-1] if estimator.reads_logits else tf.stop_gradient(passed[-1])
            terms.append(chain.term(layer, values, below, read))
            below = values
        value = tf.add_n(terms)
    cotangents = [tf.stop_gradient(cotangent) for cotangent in tape.gradient(value, passed)]
    return Estimated(value, value, logits, cotangents, tf.reduce_mean(value), [])


def _branches(
    chain: Chain,
    estimator: Estimator,
    noise: Sequence[Noise],
    parameters: Sequence[Parameters],
    generator_samples: GeneratorSamples,
    whole: bool,
) -> Estimated:
    hard_noise = [estimator.uniforms_of_pass(layer) for layer in noise]
    hard = hard_pass(chain, hard_noise, estimator.sample_of_pass)
    cotangents, losses, generated, parts = [], [], [], []
    for layer in range(len(chain.kinds)):
        objective = LocalObjective(chain, layer, hard, hard_noise, whole, estimator.sample_of_pass)
        logits = tf.stop_gradient(hard.logits[layer])
        estimated = estimator.estimate(objective, logits, noise[layer], parameters[layer])
        cotangents.append(estimated.gradient)
        losses += [] if estimated.loss is None else [estimated.loss]
        parts += [] if estimated.control is None else [(estimated.signal, estimated.control)]
        generated.append(estimated.value if whole else estimated.value + hard.below(layer))
    value = hard.value if generator_samples == "own" else tf.add_n(generated) / len(generated)
    return Estimated(value, value, hard.logits, cotangents, tf.reduce_mean(value), losses, parts)


def direct_weights(chain: Chain, estimator: Estimator, weights: tf.Tensor) -> tf.Tensor:
    """Returns what the coefficients of the scores lose by the direct part [K, B]: the derivatives a_k of a target of K
    samples by F_k, `weights`, or zeros where F holds no log q or the target is held."""
    depends = chain.holds_log_q and estimator.facts.target != "posterior"
    return weights if depends else tf.zeros_like(weights)


def _like(logits: tf.Tensor, cotangent: tf.Tensor) -> tf.Tensor:
    """The cotangent of K chains as that of their common logits, where they have these."""
    return cotangent if cotangent.shape.rank == logits.shape.rank else tf.reduce_sum(cotangent, 0)
