"""Configuration of one fit of a relaxation to a discrete target (never imports TensorFlow)."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, two_values
from igr_suite.lab.runs.options import Option, WithOptions, by_choice, resolve
from igr_suite.studies.fits.targets import TARGETS, has_mass_everywhere, log_pmf

TargetName = Literal["poisson", "binomial", "negative_binomial", "discrete", "uniform", "uniform_mix", "geometric"]
DistributionName = Literal["GS", "IGR_I", "IGR_SB", "IGR_SB_Finite", "IGR_SB_Log", "IGR_Planar"]

# Options that only some distributions read, with their defaults. An option that is set for another distribution is an
# error.
FIT_OPTIONS = {
    "GS": {},
    "IGR_I": {"delta": 1.0, "start": "paper"},
    "IGR_SB": {"delta": 1.0, "start": "paper", "threshold": 0.9, "quantile": 70.0},
    "IGR_SB_Finite": {"delta": 1.0, "start": "paper"},
    "IGR_SB_Log": {"start": "paper"},
    "IGR_Planar": {"delta": 1.0, "start": "paper"},
}
# Temperature and loss of the paper's fits (docs/papers/igr.md, section 2.1); IGR-I and IGR-Planar as in its newest
# prior fits.
DEFAULTS = {
    "GS": {"temperature": 0.1, "loss": "kl"},
    "IGR_I": {"temperature": 0.05, "loss": "squared"},
    "IGR_SB": {"temperature": 0.01, "loss": "squared"},
    "IGR_SB_Finite": {"temperature": 0.01, "loss": "squared"},
    "IGR_SB_Log": {"temperature": 0.1, "loss": "squared"},
    "IGR_Planar": {"temperature": 0.05, "loss": "squared"},
}
DISTRIBUTION_NAMES = {
    "GS": "GS",
    "IGR_I": "IGR-I",
    "IGR_SB": "IGR-SB",
    "IGR_SB_Finite": "IGR-SB-Finite",
    "IGR_SB_Log": "IGR-SB-Log",
    "IGR_Planar": "IGR-Planar",
}


@dataclass(frozen=True, kw_only=True)
class FitDiscrete(RunConfig, WithOptions):
    """One distribution fitted to one target with one seed, by Adam on the mean of relaxed samples.

    `loss` is "kl" (KL(m || p)) or "squared"; `start` is "paper" (the authors' initial values) or "uniform" (the
    distribution whose argmax treats all categories alike; IGR-I with many categories hardly gets there from the
    paper's values). The fit ends after `iterations`, or once the mean loss over 10 of them is at most `tolerance`.
    `trials` is that of the binomial; by default it is the number of categories.
    """

    executor: ClassVar[str] = "igr_suite.studies.fits.train:execute"
    options: ClassVar[Mapping[str, Option]] = {
        **by_choice("model", {name: {**DEFAULTS[name], **FIT_OPTIONS[name]} for name in FIT_OPTIONS}, hint=""),
        "trials": Option(
            lambda config: config.categories,
            read=lambda config: config.target == "binomial",
            unread=lambda config: f"is not used by the target {config.target}, only by binomial",
        ),
    }

    target: TargetName
    """Discrete distribution that is fitted."""
    model: DistributionName
    """Relaxation that is fitted to it."""
    categories: int
    """Number of categories."""
    trials: int | None = None
    """Number of trials of the binomial; that of the categories where it is not given."""
    temperature: float | None = None
    """Temperature of the relaxation."""
    loss: Literal["kl", "squared"] | None = None
    """KL(m || p) of the mean m of relaxed samples, or the squared distance."""
    samples: int = 1000
    """Number of relaxed samples of an iteration."""
    iterations: int = 200
    """Greatest number of iterations."""
    learning_rate: float = 0.01
    """Step size of Adam."""
    tolerance: float = 1e-5
    """Mean loss of 10 iterations at which the fit ends."""
    delta: float | None = None
    """Constant that IGR's softmax adds to its denominator."""
    start: Literal["paper", "uniform"] | None = None
    """The authors' initial values, or the distribution whose argmax treats all categories alike."""
    threshold: float | None = None
    """Share of the sticks' mass that IGR_SB keeps."""
    quantile: float | None = None
    """Percentile, over samples, of the number of sticks that IGR_SB keeps."""
    evaluation_samples: int = 10_000
    """Number of samples that the fit is judged by."""
    seed: int = 0
    """Seed of the noise."""

    def __post_init__(self):
        resolve(self)
        super().__post_init__()

    def validate(self) -> None:
        for key in ("temperature", "learning_rate", "delta"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                hint = (
                    " (stick-breaking works from about 0.01, the others from about 0.05)"
                    if key == "temperature"
                    else ""
                )
                raise UserError(f"{key} must be positive, got {value}{hint}")
        for key in ("samples", "iterations", "evaluation_samples", "trials"):
            if getattr(self, key) is not None and getattr(self, key) < 1:
                raise UserError(f"{key} must be at least 1, got {getattr(self, key)}")
        if self.iterations % 10:
            raise UserError(
                f"iterations must be a multiple of 10, as the loss is checked every 10 of them, got {self.iterations}"
            )
        if not self.tolerance >= 0:
            raise UserError(f"tolerance must not be negative, got {self.tolerance} (0 runs all iterations)")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(f"threshold must lie between 0 and 1, got {self.threshold} (the paper's fits use 0.9)")
        if self.quantile is not None and not 0 <= self.quantile <= 100:
            raise UserError(f"quantile is a percentile between 0 and 100, got {self.quantile}")
        least = TARGETS[self.target].least
        if self.categories < least:
            raise UserError(f"categories must be at least {least} for the target {self.target}, got {self.categories}")
        if self.loss == "kl" and not has_mass_everywhere(self.target, self.categories, self.trials):
            raise UserError(
                f"loss=kl is infinite here: {self.target} has categories without mass among its first "
                f"{self.categories}; take loss=squared or fewer categories"
            )

    def log_target(self) -> np.ndarray:
        """Log-probabilities of the target, float64 [K]."""
        return log_pmf(self.target, self.categories, self.trials)

    def contradiction(self, summary: Mapping, last: Mapping | None, rows: int) -> str:
        done = summary.get("iterations_done", 0)
        if rows != done // 10 or last["step"] != done:  # a row is the mean of 10 iterations
            return f"metrics.jsonl has {rows} rows, and summary.json is of {done} iterations"
        # Rows hold numbers with the digits of a float32.
        near = math.isclose(summary.get("final_loss", math.nan), last["loss"], rel_tol=1e-6)
        return "" if near else two_values("the loss", summary.get("final_loss"), last["loss"])

    def slug(self) -> str:
        return f"{self.target}-{self.model}-K{self.categories}-n{self.iterations}-s{self.seed}"


def replace(config: FitDiscrete, **changes) -> FitDiscrete:
    """Returns the config with fields changed."""
    return dataclasses.replace(config, **changes)
