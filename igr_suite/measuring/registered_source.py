"""Registered estimators at the frozen weights of a trained model, with the best baselines and trained own
parameters."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from igr_suite import estimators
from igr_suite.discrete.chain import Chain
from igr_suite.discrete.routes import estimate
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.estimators import costs
from igr_suite.estimators.names import KNOWN, Known
from igr_suite.measuring.estimator_variance import Source
from igr_suite.measuring.gradients import Gradients
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.adam import FusedAdam

OWN_RATE = 0.01  # Adam's, where own parameters are trained
WARM_UP = 100  # draws from which the baselines of untrained methods are computed

Parameters = Mapping[str, tf.Tensor]
# (seed, parameters of each layer) -> gradients of each layer's logits, and the losses of the own parameters
Estimates = Callable[[tf.Tensor, Sequence[Parameters]], tuple[list[tf.Tensor], list[tf.Tensor]]]


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
    rows = tf.cast(logits.shape[0], logits.dtype)

    def estimates(seed: tf.Tensor, own: Sequence[Parameters]) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        watched = tf.identity(logits)

        def bound(h):
            flat = tf.reshape(h, (-1, *logits.shape))  # models want one leading axis
            return tf.reshape(objective(flat, watched), h.shape[: h.shape.rank - logits.shape.rank + 1])

        single = estimator.estimate(bound, watched, estimator.noise(logits.shape, seed, logits.dtype), own[0])
        return [single.gradient], [] if single.loss is None else [single.loss]

    parameters = _own_parameters(estimator, estimates, [logits.shape], logits.dtype, own_steps)

    def gradients(seed: tf.Tensor) -> Gradients:
        gradient = estimates(seed, parameters)[0][0]
        return {"parameters": vjp(gradient / rows), "logits": [gradient]}

    hard = costs.evaluate(estimator.facts.hard, getattr(estimator, "samples", 1), logits.shape[1:])
    return Source(gradients, hard, estimator.facts.relaxed)


class _Held:
    """Parameters of each layer, as `estimate_step` reads them where it trains none."""

    trained, weight_etas = (), ()

    def __init__(self, parameters: Sequence[Parameters]):
        self._parameters = parameters

    def parameters(self, context: tf.Tensor) -> Sequence[Parameters]:
        del context
        return self._parameters


def chain_source(
    name: str, chain: Chain, shapes: Sequence[tf.TensorShape], dtype: tf.DType, own_steps: int = 0
) -> Source:
    """As `registered_source`, for a model of any number of layers, by the route on which the estimator trains it.

    Args:
      name: from `registered_names`.
      chain: the model at some images.
      shapes: of each layer's logits.
      dtype: of these.
      own_steps: number of steps for which own parameters are trained at these weights.
    """
    estimator = estimators.get(name)

    def noise_at(seed: tf.Tensor) -> list[estimators.base.Noise]:
        return noise_of(estimator, shapes, seed, dtype)

    def estimates(seed: tf.Tensor, own: Sequence[Parameters]) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        estimated = estimate(chain, estimator, noise_at(seed), own)
        return _of_examples(estimated.cotangents, shapes), estimated.losses

    parameters = _own_parameters(estimator, estimates, shapes, dtype, own_steps)

    def gradients(seed: tf.Tensor) -> Gradients:
        step = estimate_step(chain, estimator, noise_at(seed), _Held(parameters))
        return {"parameters": step.recognition, "logits": _of_examples(step.cotangents, shapes)}

    facts, layers = estimator.facts, len(shapes)
    known = KNOWN.get(name) or Known(facts.support, estimator.route, facts.hard, facts.relaxed)
    evaluations = known.evaluations(layers, {"samples": getattr(estimator, "samples", 1)}, shapes[0][1:])
    relaxed = known.relaxed * (1 if estimator.route == "path" else layers)
    return Source(gradients, evaluations - relaxed, relaxed)


def _of_examples(cotangents: Sequence[tf.Tensor], shapes: Sequence[Sequence[int]]) -> list[tf.Tensor]:
    """The gradients of each example's bound by its logits; of K chains their sum."""
    return [g if g.shape.rank == len(shape) else tf.reduce_sum(g, 0) for g, shape in zip(cotangents, shapes)]


def _own_parameters(
    estimator: estimators.Estimator,
    estimates: Estimates,
    shapes: Sequence[Sequence[int]],
    dtype: tf.DType,
    own_steps: int,
) -> list[Parameters]:
    """Parameters of each layer, trained for some steps, with the best baselines before and after."""
    parameters = [dict(estimator.parameters(shape, dtype)) for shape in shapes]

    def with_best_baselines() -> list[Parameters]:
        if "baseline" not in parameters[0]:
            return parameters

        def gradients(seed, baselines):
            return estimates(seed, [own | {"baseline": b} for own, b in zip(parameters, baselines)])[0]

        best = _best_baselines(gradients, shapes, dtype)
        return [own | {"baseline": baseline} for own, baseline in zip(parameters, best)]

    parameters = with_best_baselines()
    if own_steps and parameters[0].keys() - {"baseline"}:
        parameters = _trained(estimates, parameters, own_steps)
        parameters = with_best_baselines()
    return parameters


def _trained(estimates: Estimates, parameters: list[Parameters], steps: int) -> list[Parameters]:
    """Own parameters after steps of Adam, which do not change the baselines, on the estimator's own loss or else on the
    mean square of the logit gradient."""
    variables = [{name: tf.Variable(v) for name, v in own.items() if name != "baseline"} for own in parameters]
    trained = [variable for own in variables for variable in own.values()]
    optimiser = FusedAdam(OWN_RATE)
    optimiser.build(trained)

    @tf.function(autograph=False)
    def train(step):
        with tf.GradientTape() as tape:
            own = [fixed | present for fixed, present in zip(parameters, variables)]
            gradients, losses = estimates(at_step(run_seed(0, "own parameters"), step), own)
            loss = tf.add_n(losses or [tf.reduce_mean(tf.square(gradient)) for gradient in gradients])
        optimiser.apply(tape.gradient(loss, trained, unconnected_gradients="zero"), trained)

    for step in range(steps):
        train(tf.constant(step))
    return [
        fixed | {name: tf.convert_to_tensor(variable) for name, variable in present.items()}
        for fixed, present in zip(parameters, variables)
    ]


def _best_baselines(
    gradients: Callable[[tf.Tensor, Sequence[tf.Tensor]], list[tf.Tensor]],
    shapes: Sequence[Sequence[int]],
    dtype: tf.DType,
) -> list[tf.Tensor]:
    """Each image's baseline [N] for every layer with the least E|g|^2, from warm-up draws.

    B = E<g(0), s> / E<s, s>,  s = g(0) - g(1),  since the gradient is affine in the baseline, g(B) = g(0) - B s
    """
    zeros = [tf.zeros(shape[:1], dtype) for shape in shapes]
    ones = [tf.ones(shape[:1], dtype) for shape in shapes]

    @tf.function(autograph=False)
    def sums():
        def draw(i):
            seed = at_step(run_seed(0, "baseline"), i)
            products, squares = [], []
            for without, with_one in zip(gradients(seed, zeros), gradients(seed, ones)):
                step, axes = without - with_one, list(range(1, without.shape.rank))
                products.append(tf.reduce_sum(without * step, axes))
                squares.append(tf.reduce_sum(step * step, axes))
            return tf.stack(products), tf.stack(squares)

        parts = tf.map_fn(draw, tf.range(WARM_UP), fn_output_signature=(dtype, dtype))
        return [tf.reduce_sum(values, 0) for values in parts]

    products, squares = sums()
    return tf.unstack(tf.math.divide_no_nan(products, squares))
