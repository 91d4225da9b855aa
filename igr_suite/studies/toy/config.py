"""Configuration of a run on REBAR's toy problem (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig

EXACT = "exact"  # the enumerated gradient
# Estimators with their own parameters that can be trained; a test compares this with the registry, which needs
# TensorFlow.
PARAMETERS = {
    EXACT: (),
    "reinforce": (),
    "nvil": ("baseline",),
    "simple_muprop": ("eta", "baseline"),
    "muprop": ("eta_centre", "eta_slope", "baseline"),
    "concrete": (),
    "rebar": ("eta", "baseline"),
    "dynamic_rebar": ("eta", "baseline", "log_temperature"),
    "relax": ("log_temperature", "eta", "net"),
    "lax": ("log_temperature", "eta", "net"),
    "arm": (),
    "disarm": (),
    "rloo": (),
    "double_cv": ("scale",),
    "straight_through": (),
    "st_gumbel_softmax": (),
}
# Evaluations of f for one gradient, at discrete and relaxed values, with the default number of samples (2 for rloo and
# double_cv) and without those of the reported value (concrete); a test counts them.
EVALUATIONS = {
    EXACT: 2,
    "reinforce": 1,
    "nvil": 1,
    "simple_muprop": 2,
    "muprop": 2,
    "concrete": 1,
    "rebar": 2,
    "dynamic_rebar": 2,
    "relax": 2,
    "lax": 2,
    "arm": 2,
    "disarm": 2,
    "rloo": 2,
    "double_cv": 2,
    "straight_through": 1,
    "st_gumbel_softmax": 1,
}
TEMPERED = ("concrete", "rebar", "dynamic_rebar", "relax", "lax", "straight_through", "st_gumbel_softmax")


@dataclass(frozen=True, kw_only=True)
class ToyRun(RunConfig):
    """Minimises E[(b - target)^2] over the logit of b ~ Bernoulli, from probability 1/2, with one gradient a step, for
    many seeds at once.

    The optimum is probability 0 for a target below 1/2; the gain is small when the target is near 1/2, and noise hides
    it.

    Fields:
      estimator: registered name, or "exact" for the enumerated gradient.
      temperature: temperature of a relaxation, or its initial value; None without a relaxation.
      surrogate: surrogate of relax and lax, see `LearnedSurrogate`; None for other estimators.
      trained: the estimator's own parameters that are trained, on the squared residual if the estimator has such a
        loss, else on the gradient's variance; the others keep their initial values.
      target: t of the objective (b - t)^2.
      steps: number of training steps.
      seed: seed of the first repetition.
      optimiser: optimiser of the logit and of the trained parameters.
      learning_rate: its step size.
      seeds: number of independent repetitions of this run, side by side.
      fresh_samples: number of gradients drawn at fixed parameters for the variance of a row.
      row_every: number of steps between rows.

    Source: Tucker et al. (2017), section 4.1; docs/papers/rebar.md, section 6, T1.
    """

    executor: ClassVar[str] = "igr_suite.studies.toy.train:execute"

    estimator: Literal[*PARAMETERS]
    temperature: float | None = None
    surrogate: Literal["add", "net"] | None = None
    trained: tuple[str, ...] = ()
    target: float = 0.45
    optimiser: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    steps: int = 5000
    row_every: int = 100
    fresh_samples: int = 1000
    seeds: int = 20
    seed: int = 0

    def validate(self) -> None:
        name = self.estimator
        if (self.temperature is None) == (name in TEMPERED):
            raise UserError(
                f"temperature={self.temperature} with {name}: "
                + ("it needs one" if name in TEMPERED else "it has none")
            )
        if self.temperature is not None and not self.temperature > 0:
            raise UserError(f"temperature must be positive, got {self.temperature}")
        if (self.surrogate is None) == (name in ("relax", "lax")):
            raise UserError(
                f"surrogate={self.surrogate} with {name}: relax and lax have one, add or net; the others have none"
            )
        for parameter in self.trained:
            if parameter not in PARAMETERS[name]:
                known = ", ".join(PARAMETERS[name]) or "none"
                raise UserError(f"trained names '{parameter}', which {name} does not have; its parameters: {known}")
        for field, least in (
            ("learning_rate", 0.0),
            ("steps", 0),
            ("row_every", 0),
            ("seeds", 0),
            ("fresh_samples", 1),
        ):
            if not getattr(self, field) > least:
                raise UserError(f"{field} must be greater than {least}, got {getattr(self, field)}")
        if self.steps % self.row_every:
            raise UserError(
                f"steps={self.steps} is not a multiple of row_every={self.row_every}; the last row would not be the end"
            )
        if name == EXACT and self.seeds != 1:
            raise UserError(f"seeds={self.seeds} with the exact gradient, which is the same for all; set seeds=1")

    @property
    def evaluations_per_step(self) -> int:
        relaxed = 1 if self.surrogate == "net" else 0  # a surrogate without f has no relaxed evaluation
        return self.seeds * (EVALUATIONS[self.estimator] - relaxed)

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        expected, steps = self.steps // self.row_every + 1, self.steps
        if rows != expected or last["step"] != steps:
            return f"metrics.jsonl has {rows} rows, not {expected} to step {steps}"
        final = {name: value for name, value in last.items() if name not in ("schema", "step")}
        return "" if summary.get("final") == final else "summary.json and the last row of metrics.jsonl are of two runs"

    def slug(self) -> str:
        temperature = "" if self.temperature is None else f"-t{self.temperature:g}"
        return f"{self.estimator}{temperature}-target{self.target:g}-{self.optimiser}{self.learning_rate:g}-{self.seeds}seeds-s{self.seed}"
