"""Registered estimators at the frozen weights of a trained model, with the best baselines and trained own
parameters."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from igr_suite import estimators
from igr_suite.estimators import costs
from igr_suite.measuring.estimator_variance import Source
from igr_suite.measuring.gradients import Gradients
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.adam import FusedAdam

OWN_RATE = 0.01  # Adam's, where own parameters are trained
WARM_UP = 100  # draws from which the baselines of untrained methods are computed


def registered_names(support: str) -> tuple[str, ...]:
    """Registered estimators of E[f(b)] for one kind of variable."""
    return tuple(name for name, cls in estimators.registered(support).items() if cls.facts.target == "expectation")


def registered_source(
    name: str,
    logits: tf.Tensor,
    objective: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    vjp: Callable[[tf.Tensor], Sequence[tf.Tensor]],
    own_steps: int = 0,
) -> Source:
    """A registered estimator on the logits of some images, with the best baseline for each image; its other own
    parameters have their initial or trained values.

    Args:
      name: from `registered_names`.
      logits: [N, D] or [N, V, C].
      objective: maps (samples [S, *logits.shape], logits) to the bound of each sample and image [S, N].
      vjp: maps the gradient of the mean bound with respect to the logits to gradients with respect to q's weights.
      own_steps: number of steps for which own parameters are trained at these weights.
    """
    estimator = estimators.get(name)
    parameters = dict(estimator.parameters(logits.shape, logits.dtype))
    rows = tf.cast(logits.shape[0], logits.dtype)

    def estimate(seed: tf.Tensor, own: dict) -> estimators.Estimate:
        watched = tf.identity(logits)

        def bound(h):
            flat = tf.reshape(h, (-1, *logits.shape))  # models want one leading axis
            return tf.reshape(objective(flat, watched), h.shape[: h.shape.rank - logits.shape.rank + 1])

        return estimator.estimate(bound, watched, estimator.noise(logits.shape, seed, logits.dtype), own)

    def logit_gradient(seed: tf.Tensor, own: dict) -> tf.Tensor:
        return estimate(seed, own).gradient

    def with_best_baseline() -> dict:
        if "baseline" not in parameters:
            return parameters
        best = _best_baseline(lambda seed, baseline: logit_gradient(seed, parameters | {"baseline": baseline}), logits)
        return parameters | {"baseline": best}

    parameters = with_best_baseline()
    if own_steps and parameters.keys() - {"baseline"}:
        parameters = _trained(estimate, parameters, own_steps)
        parameters = with_best_baseline()

    def gradients(seed: tf.Tensor) -> Gradients:
        gradient = logit_gradient(seed, parameters)
        return {"parameters": vjp(gradient / rows), "logits": [gradient]}

    hard = costs.evaluate(estimator.facts.hard, getattr(estimator, "samples", 1), logits.shape[1:])
    return Source(gradients, hard, estimator.facts.relaxed)


def _trained(estimate: Callable[[tf.Tensor, dict], estimators.Estimate], parameters: dict, steps: int) -> dict:
    """Own parameters after steps of Adam, which do not change the baseline, on the estimator's own loss or else on the
    mean square of the logit gradient."""
    variables = {name: tf.Variable(value) for name, value in parameters.items() if name != "baseline"}
    optimiser = FusedAdam(OWN_RATE)
    optimiser.build(list(variables.values()))

    @tf.function(autograph=False)
    def train(step):
        with tf.GradientTape() as tape:
            result = estimate(at_step(run_seed(0, "own parameters"), step), parameters | dict(variables))
            loss = tf.reduce_mean(tf.square(result.gradient)) if result.loss is None else result.loss
        optimiser.apply(tape.gradient(loss, list(variables.values()), unconnected_gradients="zero"))

    for step in range(steps):
        train(tf.constant(step))
    return parameters | {name: tf.convert_to_tensor(variable) for name, variable in variables.items()}


def _best_baseline(gradient: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], logits: tf.Tensor) -> tf.Tensor:
    """Each image's baseline [N] with the least E|g|^2, from warm-up draws.

    B = E<g(0), s> / E<s, s>,  s = g(0) - g(1),  since the gradient is affine in the baseline, g(B) = g(0) - B s
    """
    axes = list(range(1, logits.shape.rank))
    zeros = tf.zeros(logits.shape[:1], logits.dtype)

    @tf.function(autograph=False)
    def sums():
        def draw(i):
            seed = at_step(run_seed(0, "baseline"), i)
            without = gradient(seed, zeros)
            step = without - gradient(seed, zeros + 1.0)
            return tf.reduce_sum(without * step, axes), tf.reduce_sum(step * step, axes)

        parts = tf.map_fn(draw, tf.range(WARM_UP), fn_output_signature=(logits.dtype, logits.dtype))
        return [tf.reduce_sum(values, 0) for values in parts]

    products, squares = sums()
    return tf.math.divide_no_nan(products, squares)
