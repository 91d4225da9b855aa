"""Configuration of a run of polynomial programming (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.estimators.names import KNOWN
from igr_suite.lab.runs.config import RunConfig

EXACT = "exact"  # the gradient of the expected loss
# Estimators for categorical variables that have no parameters of their own; a test compares this with the registry.
ESTIMATORS = (
    "reinforce",
    "rloo",
    "straight_through",
    "st_gumbel_softmax",
    "gumbel_rao",
    "gst",
    "reinmax",
    "reinmax_rao",
)


@dataclass(frozen=True, kw_only=True)
class PolynomialRun(RunConfig):
    """Minimises E[mean_i |b_i - target|^power] over the logits of binary variables b_i, for several seeds side by side.

    Each variable is categorical with two logits, which start uniform in +-0.01; Adam moves them along the mean gradient
    of a batch of samples. The optimum is b = 0 for a target below 1/2.

    Source: Liu et al. (2023), code; docs/papers/reinmax.md, section 1.2.
    """

    executor: ClassVar[str] = "igr_suite.studies.polynomial.train:execute"

    estimator: Literal[EXACT, *ESTIMATORS]
    """Registered estimator, or "exact" for the gradient of the expected loss."""
    temperature: float | None = None
    """Temperature, for an estimator that has one."""
    samples: int | None = None
    """Number of the estimator's samples, where it has this setting."""
    power: float = 2.0
    """Exponent of the loss, 1 or more."""
    target: float = 0.45
    """Number in (0, 1) that no sample can reach."""
    units: int = 128
    """Number of variables."""
    batch_size: int = 64
    """Number of samples of all variables in a step."""
    learning_rate: float = 1e-3
    """Step size of Adam."""
    epochs: int = 40
    """Number of rows, each of `steps_per_epoch` steps."""
    steps_per_epoch: int = 200
    """Number of steps between rows."""
    seeds: int = 3
    """Number of independent repetitions, side by side."""
    seed: int = 0
    """Seed of the first repetition."""

    def validate(self) -> None:
        settings = {} if self.estimator == EXACT else KNOWN[self.estimator].settings
        for name in ("temperature", "samples"):
            value = getattr(self, name)
            if (value is None) == (name in settings):
                reason = "it needs this setting" if name in settings else "it has no such setting; leave it out"
                raise UserError(f"{name}={value} with {self.estimator}: {reason}")
        for name in ("temperature", "samples", "learning_rate", "units", "batch_size", "epochs", "steps_per_epoch"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name} must be greater than 0, got {value}")
        if self.power < 1.0:
            raise UserError(f"power must be 1 or more, got {self.power}; the loss has no slope at its target else")
        if not 0.0 < self.target < 1.0:
            raise UserError(f"target must lie between 0 and 1, got {self.target}")
        if self.seeds < 1 or (self.estimator == EXACT and self.seeds != 1):
            raise UserError(
                f"seeds={self.seeds} with {self.estimator}: "
                + (
                    "give at least 1"
                    if self.seeds < 1
                    else "repetitions would differ by their start alone; set seeds=1"
                )
            )

    @property
    def evaluations_per_step(self) -> int | None:
        if self.estimator == EXACT:
            return None
        number = KNOWN[self.estimator].evaluations(
            1, {"samples": self.samples} if self.samples else {}, (self.units, 2)
        )
        return self.seeds * self.batch_size * number

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        expected, steps = self.epochs + 1, self.epochs * self.steps_per_epoch
        if rows != expected or last["step"] != steps:
            return f"metrics.jsonl has {rows} rows, not {expected} to step {steps}"
        final = {name: value for name, value in last.items() if name not in ("schema", "step")}
        return "" if summary.get("final") == final else "summary.json and the last row of metrics.jsonl are of two runs"

    def slug(self) -> str:
        temperature = "" if self.temperature is None else f"-t{self.temperature:g}"
        samples = "" if self.samples is None else f"-K{self.samples}"
        return f"{self.estimator}{samples}{temperature}-p{self.power:g}-{self.seeds}seeds-s{self.seed}"
