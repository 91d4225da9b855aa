"""The contract of gradient estimators for expectations over discrete variables, and their registry."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from types import ModuleType
from typing import ClassVar, Literal, NamedTuple

import tensorflow as tf

from igr_suite.errors import UserError, nearest
from igr_suite.estimators.derivatives import MissingDerivative, Traced
from igr_suite.estimators.inputs import Named, Valued, as_logits, in_dtype, uniforms, working_dtype
from igr_suite.estimators.names import Route, Target
from igr_suite.estimators.settings import check_samples
from igr_suite.estimators.tape import OnTape
from igr_suite.estimators.variables import support_of

# samples -> values; in `_estimate` it also takes the keyword `above`, for the layers above those of the samples
Objective = Callable[..., tf.Tensor]
# (kind of the variables, logits of a layer above, its uniforms) -> values of that layer
Above = Callable[[ModuleType, tf.Tensor, tf.Tensor], tf.Tensor]
Noise = Mapping[str, tf.Tensor]
Parameters = Mapping[str, tf.Tensor]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts about an estimator that tests, docs, the CLI and the variance tool read.

    Attributes:
      name: in configs, tables and on the command line.
      source: paper.
      support: the kinds of variables that it supports.
      unbiased: whether its mean is the gradient of its target for every objective; the conformance tests prove either
        answer.
      hard: evaluations of the objective at discrete samples, for one gradient: a number, or a formula of
        `costs.evaluate`, such as "K" where it is the number of samples.
      relaxed: evaluations at relaxed or mean-field values.
      differentiates: whether it needs df/db, with the default settings.
      target: "expectation", E[f(b)]; "multi_sample_bound", E[log mean_k exp f(b_k)]; "posterior", -KL(p || q) for the
        distribution p(b) ~ q(b) exp f(b), which is held; or "thermodynamic", sum_p D_p E_{pi_p}[f] for distributions
        pi_b ~ q exp(b f) on the path from q to p. Gradients of the last two are of self-normalised weights of K samples
        of q, and what counts as exact is the mean for this K.
      parameters: names of its own parameters, trained or tuned; "net" stands for all names that begin with "net.".
      own_loss: whether `Estimate.loss` trains these parameters, and nothing else; otherwise they minimise the
        gradient's variance.
      experimental: whether it is published without the evidence that the others have; tables say so.
    """

    name: str
    source: str
    support: tuple[Literal["bernoulli", "categorical"], ...]
    unbiased: bool
    hard: int | str
    relaxed: int = 0
    differentiates: bool = False
    target: Target = "expectation"
    parameters: tuple[str, ...] = field(default=())
    own_loss: bool = False
    experimental: bool = False


class Estimate(NamedTuple):
    """The result of one evaluation; the logit gradient is signal + eta control.

    Attributes:
      value: the objective's mean over the discrete samples, or the multi-sample bound; its expectation is the target
        [B].
      samples: discrete samples, [B, D] or [K, B, D] (categorical: [..., V, C] one-hot).
      signal: the gradient without its control variate, shape of the logits.
      control: the zero-mean control variate's gradient, or None; separate from the signal, so that a model can
        backpropagate both through its network once and choose eta for each of its weights.
      eta: scale of the control, broadcasting against it.
      loss: scalar whose gradient trains the estimator's own parameters where they are not trained on the gradient's
        variance. It trains nothing else, neither the logits nor the objective's parameters, so it can be added to a
        model's loss. It is float32 where the logits have half precision, whose squares would overflow.
    """

    value: tf.Tensor
    samples: tf.Tensor
    signal: tf.Tensor
    control: tf.Tensor | None = None
    eta: tf.Tensor | float = 1.0
    loss: tf.Tensor | None = None

    @property
    def gradient(self) -> tf.Tensor:
        """The estimate of d target / d logits, shape of the logits."""
        return self.signal if self.control is None else self.signal + self.eta * self.control


class Estimator(OnTape):
    """Estimates the gradient of E[f(b)] with respect to logits from explicit noise.

    A subclass is a frozen dataclass of its settings with `facts` and `_estimate`. It is a pure function of (objective,
    logits, noise, parameters), independent of any network: equal noise gives equal estimates, two estimators that take
    the same noise can be compared on it, and quadrature can replace draws. Bernoulli logits are [B, D], categorical
    ones [B, V, C].

    Example:
      estimator = get("disarm")
      noise = estimator.noise(tf.shape(logits), seed, logits.dtype)
      estimate = estimator.estimate(objective, logits, noise, estimator.parameters(logits.shape, logits.dtype))

    `trainable` and `surrogate` (`tape.OnTape`) serve training loops with a `tf.GradientTape`.
    """

    facts: ClassVar[Facts]
    route: ClassVar[Route] = "branches"

    @property
    def unbiased(self) -> bool:
        """Whether its mean is the gradient of its target with its present settings."""
        return self.facts.unbiased

    @property
    def differentiates(self) -> bool:
        """Whether it needs df/db with its present settings."""
        return self.facts.differentiates

    def noise(self, shape, seed: tf.Tensor, dtype: tf.DType = tf.float32) -> Noise:
        """Independent standard noise for logits of this shape; by default one uniform for each logit, {"u": [B, D]}.

        Args:
          shape: of the logits; tf.shape(logits) where the size of a batch is not known while a function is traced.
          seed: stateless, int32 [2].
          dtype: of the logits; the noise for half precision is float32, since half-precision uniforms round to 0 and 1.
        Raises:
          UserError: a size that is not known.
        """
        return {"u": uniforms(shape, seed, dtype)}

    def uniforms_of_pass(self, noise: Noise) -> tf.Tensor:
        """The uniforms of its noise from which a model of several layers draws one sample of the layer."""
        return noise["u"]

    def sample_of_pass(self, kind: ModuleType, logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """The sample of these uniforms, for any logits [..., B, D] or [..., B, V, C] of a layer.

        Args:
          kind: of the variables, module `bernoulli` or `categorical`.
          logits: given the sample of the layer below.
          u: from `uniforms_of_pass`; leading axes of the logits may be missing.
        """
        return kind.hard_sample(logits, u)

    def parameters(self, shape, dtype: tf.DType = tf.float32) -> Parameters:
        """Initial values of the estimator's own parameters; none by default."""
        return {}

    def estimate(
        self, objective: Objective, logits: tf.Tensor, noise: Noise, parameters: Parameters | None = None
    ) -> Estimate:
        """Estimates the gradient for each example.

        Args:
          objective: maps samples of the logits' shape and type, with any leading axes, to values without the variables'
            axes ([B], [K, B]); it also takes fractional samples when `facts.relaxed` is not 0. It must not mix
            examples. Where the estimator differentiates it, all of it must be differentiable with respect to the
            samples: a part without a derivative (tf.round(b) + b), a derivative that is zero by definition (tf.sign)
            and one that is stopped inside a loop of a traced function cannot be detected, and make the estimate biased.
            It may have a method `at_neighbours` for values in which one variable differs (`estimators.neighbours`).
          logits: [B, D], or [B, V, C] for categorical variables, of any floating type; calculations for half precision
            are done in float32. A category whose logit is -inf is masked.
          noise: from `noise`, for logits of this shape.
          parameters: from `parameters`, or their present values; None means the initial ones.
        Returns:
          The estimate, in the logits' type (but see `Estimate.loss`).
        Raises:
          UserError: the estimator does not support this kind of variables; it needs a derivative of the objective that
            TensorFlow does not have; the objective's values have the wrong shape; the noise is that of another
            estimator, of other settings or for other logits.
        """
        logits = as_logits(logits)
        if not isinstance(noise, Mapping):
            raise UserError(f"noise must be what estimator.noise(...) returns, got {type(noise).__name__}")
        support = support_of(logits)
        if support not in self.facts.support:
            kinds = " or ".join(self.facts.support)
            raise UserError(
                f"{self.facts.name} is for {kinds} variables, got logits of shape {logits.shape} ({support})"
            )
        working = working_dtype(logits.dtype)
        given = self.parameters(logits.shape, working) if parameters is None else parameters
        own = Named(f"the parameters of {self.facts.name}", in_dtype(given, working), "estimator.parameters(...)")
        drawn = Named(f"the noise of {self.facts.name}", in_dtype(noise, working), "estimator.noise(...)")
        self._check_noise(drawn, logits.shape)
        evaluate = Valued(objective, logits.dtype, working, logits.shape.rank - 1)
        traced = Traced(evaluate) if self.differentiates else None
        try:
            estimate = self._estimate(evaluate if traced is None else traced, tf.cast(logits, working), drawn, own)
            if traced is not None:
                traced.require()
        except MissingDerivative as error:
            way_out = self._way_out(support) if error.function == "the objective" else ""
            raise UserError(f"{self.facts.name} needs a derivative, but {error}{way_out}") from error
        return estimate if logits.dtype == working else _in_dtype_of_logits(estimate, logits.dtype)

    def _check_noise(self, given: Noise, shape: tf.TensorShape) -> None:
        """Refuses noise of the wrong shape, which would broadcast or be taken for another number of samples.

        Args:
          given: tensors by name.
          shape: of the logits; where it is not known while a function is traced, nothing is checked.
        """
        if not shape.is_fully_defined():
            return
        sizes = tuple(shape)
        if sizes not in self._noise_shapes:
            with tf.init_scope():
                needed = self.noise(sizes, tf.zeros([2], tf.int32))
            self._noise_shapes[sizes] = {name: tensor.shape for name, tensor in needed.items()}
        for name, expected in self._noise_shapes[sizes].items():
            found = tf.TensorShape(given[name].shape)
            if not found.is_compatible_with(expected):
                raise UserError(
                    f"the noise '{name}' of {self.facts.name} must have shape {expected} with its settings and logits "
                    f"of shape {shape}, got {found}; draw it by estimator.noise(tf.shape(logits), seed)"
                )

    @functools.cached_property
    def _noise_shapes(self) -> dict[tuple[int, ...], dict[str, tf.TensorShape]]:
        """Shape of the logits -> shapes of the noise, of the shapes that were asked for."""
        return {}

    def _way_out(self, support: str) -> str:
        """The end of the error message: alternatives where the objective has no derivative."""
        target = self.facts.target
        all_facts = [cls.facts for cls in registered(support).values()]
        others = [facts.name for facts in all_facts if not facts.differentiates and facts.target == target]
        return (
            f". Estimators that need none: {', '.join(others)}; and relax and lax with control='net'. "
            "To an objective that is constant in its samples add 0 times their sum"
        )

    def _estimate(self, objective: Objective, logits: tf.Tensor, noise: Noise, parameters: Parameters) -> Estimate:
        """`estimate` for logits of its support, with parameters filled in; every subclass implements it."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class MultiSampleEstimator(Estimator):
    """An estimator from K samples, with noise {"u": [K, *shape of the logits]}.

    Args:
      samples: K.
    """

    samples: int

    def __post_init__(self):
        check_samples(self.facts.name, self.samples)

    def noise(self, shape, seed, dtype=tf.float32):
        return {"u": uniforms(shape, seed, dtype, self.samples)}

    def uniforms_of_pass(self, noise):
        return noise["u"][0]


def _in_dtype_of_logits(estimate: Estimate, dtype: tf.DType) -> Estimate:
    """The estimate in half precision, except for its loss."""
    parts = {name: part for name, part in estimate._asdict().items() if name != "loss" and tf.is_tensor(part)}
    return estimate._replace(**{name: tf.cast(part, dtype) for name, part in parts.items()})


_registry: dict[str, type[Estimator]] = {}


@functools.cache
def _import_all() -> None:
    """Imports every file of this folder, so that its estimators register themselves."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")


def register(cls: type[Estimator]) -> type[Estimator]:
    """Class decorator that registers an estimator under its facts' name, for tests, docs, the CLI and the variance
    tool.

    Raises:
      UserError: the name is taken, or a setting has the name of a method.
    """
    name = cls.facts.name
    settings: list[str] = [setting.name for setting in fields(cls)] if is_dataclass(cls) else []
    hidden = [setting for setting in settings if hasattr(Estimator, setting)]
    if hidden:
        raise UserError(f"the setting '{hidden[0]}' of {name} would hide a method of all estimators; rename it")
    if name in _registry and _registry[name].__qualname__ != cls.__qualname__:
        raise UserError(
            f"an estimator '{name}' is registered already ({_registry[name].__module__}); choose another facts.name"
        )
    _registry[name] = cls
    return cls


def registered(support: str | None = None) -> dict[str, type[Estimator]]:
    """Returns the registered estimators by name, those of this package in alphabetical order and then others in order of
    registration; only those for one kind of variable if `support` names it."""
    _import_all()
    own = sorted(name for name, cls in _registry.items() if cls.__module__.startswith(f"{__package__}."))
    ordered = {name: _registry[name] for name in (*own, *_registry)}
    return {name: cls for name, cls in ordered.items() if support is None or support in cls.facts.support}


def get(name: str, **settings) -> Estimator:
    """Returns a registered estimator with these settings.

    Raises:
      UserError: unknown name, unknown setting, or a setting's value that the estimator refuses.
    """
    cls = registered().get(name)
    if cls is None:
        raise UserError(f"unknown estimator '{name}': {nearest(name, list(_registry))}")
    known = [setting.name for setting in fields(cls)]  # type: ignore[arg-type]  # every registered class is a dataclass
    for setting in settings:
        if setting not in known:
            way_out = nearest(setting, known) if known else "it has none"
            raise UserError(f"{name} has no setting '{setting}': {way_out}")
    return cls(**settings)
