"""The part of `Estimator` for training loops of one's own: a value whose gradient an ordinary `tf.GradientTape` takes.

The gradient of the logits is put into the value, not computed by differentiating it: the objective is evaluated at
samples, which do not depend on the logits.
"""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.inputs import as_logits, known_sizes, mean_square, working_dtype
from igr_suite.estimators.variables import kind_of, per_variable
from igr_suite.precision import check_float
from igr_suite.randomness import run_seed

if TYPE_CHECKING:
    from igr_suite.estimators.base import Objective

Seed: TypeAlias = int | keras.random.SeedGenerator | tf.Tensor | None


class SurrogateObjective(NamedTuple):
    """What a training loop differentiates.

    Attributes:
      value: the objective's mean over the estimator's discrete samples, or the bound of these samples [B]; ascend it.
      own_loss: scalar whose gradient trains the estimator's own parameters, and nothing else; descend it. It is 0 where
        there are none, and float32 for logits of half precision.
    """

    value: tf.Tensor
    own_loss: tf.Tensor


class OnTape:
    """Methods of an estimator that are meant for a loop with `tf.GradientTape`."""

    facts: ClassVar[Any]  # `base.Facts`, which this file cannot import
    # of `Estimator`, which inherits from this class
    noise: Callable[..., Any]
    parameters: Callable[..., Any]
    estimate: Callable[..., Any]

    def trainable(self, shape: Sequence[int], dtype: str | None = None) -> list[keras.Variable]:
        """Creates the estimator's own parameters as variables, in the order of `parameters`.

        Args:
          shape: of one example's logits, [D] or [V, C], without the batch's axis.
          dtype: of the logits, Keras's `floatx` by default; float32 variables serve logits of half precision, too.
        Returns:
          The variables at their initial values; an empty list for an estimator without parameters.
        Raises:
          UserError: a size that is not known.
        """
        working = working_dtype(check_float(dtype or keras.config.floatx(), "dtype"))
        sizes = known_sizes(shape, "the shape of one example's logits")
        initial = self.parameters((1, *sizes), working)
        prefix = self.facts.name
        return [
            keras.Variable(value, dtype=working.name, name=f"{prefix}_{name.replace('.', '_')}")
            for name, value in initial.items()
        ]

    def surrogate(
        self,
        objective: "Objective",
        logits: tf.Tensor,
        trained: Sequence[keras.Variable] | None = None,
        seed: Seed = None,
        holds_log_q: bool = True,
    ) -> SurrogateObjective:
        """Evaluates the objective so that an ordinary gradient of `value` is the estimator's.

            d value / d logits = the estimate;   d value / d anything else = that of f at the samples

        Call it where a `tf.GradientTape` records. The objective holds the logits fixed: log q(b | logits) is computed
        from tf.stop_gradient(logits), and a term that depends on the logits without the samples, such as an analytic
        KL, is added to the loss beside `value`. For E[f(b)] nothing else is needed, since the gradient of log q at
        fixed samples has mean 0. For a bound L = log mean_k exp f(b_k) it has not: where f holds -log q(b | logits), as
        the log-weight log p(x, b) - log q(b | x) does, the gradient has the direct term -sum_k w_k score_k, w the
        normalised weights, which `holds_log_q` adds.

        Args:
          objective: as for `estimate`: samples [..., B, D] or [..., B, V, C] -> [..., B]. It may read anything else
            that is differentiable, such as a decoder's weights.
          logits: [B, D], or [B, V, C] for categorical variables; the size of the batch need not be known.
          trained: from `trainable`, whose gradient `own_loss` has; None holds own parameters at their initial values.
          seed: an int for the same noise at every call, a `keras.random.SeedGenerator`, a stateless seed int32 [2], or
            None for Keras's global generator, which draws anew at every call, also inside a `tf.function`.
          holds_log_q: whether the objective contains -log q(b | logits); matters only for estimators of a bound and for
            TVO (`facts.target`), whose factors are the derivatives of its own sum by f_k in place of w_k.
        Returns:
          The value, in the logits' type, and the loss of the estimator's own parameters: the estimator's own where it
          has one, and otherwise the mean square of the gradient of the logits, whose gradient is that of the variance.
        Raises:
          UserError: as `estimate`; the objective differentiates the logits; the variables are not those of `trainable`;
            a seed of another kind.
        """
        sources, logits = _sources(logits), as_logits(logits)
        dtype = working_dtype(logits.dtype)
        own = self._own(logits.shape, trained, dtype)
        if holds_log_q and self.facts.target in ("multi_sample_bound", "thermodynamic"):
            objective = _with_direct_term(objective, logits)
        noise = self.noise(_shape(logits), stateless_seed(seed), logits.dtype)
        with tf.GradientTape(watch_accessed_variables=False) as own_tape:
            own_tape.watch(own)
            with tf.GradientTape(watch_accessed_variables=False) as logits_tape:
                logits_tape.watch([logits, *sources])
                estimate = self.estimate(objective, tf.stop_gradient(logits), noise, own)
            _require_held(logits_tape, estimate.value, [logits, *sources])
            minimised = estimate.loss if estimate.loss is not None else mean_square(tf.cast(estimate.gradient, dtype))
        value = _with_gradients(
            estimate.value, [logits], lambda upstream: [per_variable(upstream, logits) * estimate.gradient]
        )
        if not trained:
            return SurrogateObjective(value, tf.zeros([], dtype))
        parameters = list(own.values())
        slopes = own_tape.gradient(minimised, parameters, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        own_loss = _with_gradients(
            tf.stop_gradient(minimised), parameters, lambda upstream: [upstream * slope for slope in slopes]
        )
        return SurrogateObjective(value, own_loss)

    def _own(self, shape, trained: Sequence[keras.Variable] | None, dtype: tf.DType) -> dict[str, tf.Tensor]:
        """The present values of own parameters for logits of this shape."""
        with tf.init_scope():  # initial values belong to the whole model, on several replicas too
            initial = {name: tf.convert_to_tensor(value) for name, value in self.parameters(shape, dtype).items()}
        if trained is None:
            return initial
        wanted = {name: tuple(value.shape) for name, value in initial.items()}
        if not isinstance(trained, (list, tuple)) or not all(hasattr(variable, "shape") for variable in trained):
            raise UserError(f"trained must be the list of variables that estimator.trainable made, got {trained!r}")
        if [tuple(variable.shape) for variable in trained] != list(wanted.values()):
            owns = ", ".join(f"{name} {size}" for name, size in wanted.items()) or "nothing"
            got = ", ".join(str(tuple(variable.shape)) for variable in trained) or "nothing"
            raise UserError(
                f"{self.facts.name} trains {owns} for logits of shape {shape}, got variables of the shapes {got}; pass "
                "trained=estimator.trainable(shape), with the shape of one example's logits"
            )
        return {name: tf.cast(tf.convert_to_tensor(variable), dtype) for name, variable in zip(wanted, trained)}


def _with_direct_term(objective: "Objective", logits: tf.Tensor) -> "Objective":
    """The objective with the gradient of -log q(b | logits) at fixed samples b, as if it had not held the logits.

    The target's derivative by f_k, w_k of a bound, is the factor of -score_k that arrives at the logits. The posterior
    that RWS follows is held and has no such term.
    """
    live = tf.cast(tf.identity(logits), working_dtype(logits.dtype))  # apart from what `_require_held` watches

    def with_score(samples: tf.Tensor) -> tf.Tensor:
        values = tf.cast(objective(samples), live.dtype)
        score = tf.stop_gradient(kind_of(logits).score(live, tf.cast(samples, live.dtype)))

        def direct(upstream: tf.Tensor) -> list[tf.Tensor]:
            leading = list(range(score.shape.rank - live.shape.rank))
            return [-tf.reduce_sum(tf.math.multiply_no_nan(per_variable(upstream, score), score), leading)]

        return _with_gradients(values, [live], direct)

    return with_score


def _sources(logits) -> list[tf.Variable]:
    """The variable that is given as logits, if it is one: the objective may read it again."""
    variable = logits.value if isinstance(logits, keras.Variable) else logits
    return [variable] if isinstance(variable, tf.Variable) else []


def _require_held(tape: tf.GradientTape, value: tf.Tensor, sources: Sequence[tf.Tensor | tf.Variable]) -> None:
    """Refuses an objective that depends on the logits beside its samples: a tape would add this to the estimate."""
    if any(gradient is not None for gradient in tape.gradient(value, list(sources))):
        raise UserError(
            "the objective reads the logits with their gradient, which would be added to the estimate; read "
            "tf.stop_gradient(logits) in it, as for log q(b | logits), and add what depends on the logits alone, such "
            "as an analytic KL, to the loss beside surrogate.value"
        )


def _with_gradients(
    value: tf.Tensor, sources: Sequence[tf.Tensor], vjp: Callable[[tf.Tensor], Sequence[tf.Tensor]]
) -> tf.Tensor:
    """The value, with its own gradient and with those that `vjp` gives to the sources for an upstream gradient."""

    @tf.custom_gradient
    def joined(value: tf.Tensor, *sources: tf.Tensor):
        return tf.identity(value), lambda upstream: [upstream, *(tf.stop_gradient(g) for g in vjp(upstream))]

    return joined(value, *sources)


def _shape(logits: tf.Tensor):
    return logits.shape if logits.shape.is_fully_defined() else tf.shape(logits)


def stateless_seed(seed: Seed) -> tf.Tensor:
    """The stateless seed, int32 [2], of one call."""
    if seed is None or isinstance(seed, keras.random.SeedGenerator):
        return keras.random.randint((2,), 0, 2**31 - 1, dtype="int32", seed=seed)
    if isinstance(seed, Integral) and not isinstance(seed, bool):
        return run_seed(int(seed), "surrogate")
    tensor: Any = seed
    if tf.is_tensor(tensor) and tensor.dtype == tf.int32 and tensor.shape == [2]:
        return tensor
    raise UserError(
        f"seed must be an int, a keras.random.SeedGenerator, an int32 tensor of shape [2] or None, got {seed!r}"
    )
