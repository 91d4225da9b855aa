"""Configurations of runs that compare gradient estimators: at the weights of a trained model, or the time of their
training steps (never imports TensorFlow)."""

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig


@dataclass(frozen=True, kw_only=True)
class _Comparison(RunConfig):
    """The fields that both comparisons have.

    Fields:
      trained: run id of the measured run, whose folder is beside this one's.
      estimators: names of the estimators; by default all that apply.
      images: number of images, the first of its training images.
      own_steps: number of steps for which the estimators' own parameters are trained at these weights.
      seed: seed of the draws.
    """

    least: ClassVar[dict[str, int]] = {"images": 2, "own_steps": 0}  # a baseline from the other images needs one

    trained: str
    estimators: tuple[str, ...] = ()
    images: int = 24
    own_steps: int = 500
    seed: int = 0

    def validate(self) -> None:
        for name, least in self.least.items():
            if getattr(self, name) < least:
                raise UserError(f"{name} must be at least {least}, got {getattr(self, name)}")

    def slug(self) -> str:
        return f"{type(self).__name__.removeprefix('Estimator').lower()}-{self.trained.rpartition('-')[0]}"


@dataclass(frozen=True, kw_only=True)
class EstimatorVariance(_Comparison):
    """Variance and bias of every estimator: `draws` estimates of each, `reference` of the unbiased one that biases are
    measured against."""

    executor: ClassVar[str] = "igr_suite.studies.comparison.train:measure_variance"
    least: ClassVar[dict[str, int]] = _Comparison.least | {"draws": 40, "reference": 40}

    draws: int = 1_000
    """Number of estimates of every estimator."""
    reference: int = 4_000
    """Number of estimates of the unbiased estimator that biases are measured against."""


@dataclass(frozen=True, kw_only=True)
class EstimatorCost(_Comparison):
    """Time of one estimate of every estimator: `rounds` of windows of `draws` estimates, all estimators in turn in each
    round."""

    executor: ClassVar[str] = "igr_suite.studies.comparison.train:measure_cost"
    least: ClassVar[dict[str, int]] = _Comparison.least | {"draws": 1, "rounds": 1}

    own_steps: int = 0  # an estimate takes equally long at any parameters
    draws: int = 50
    """Number of estimates in a window that is timed."""
    rounds: int = 11
    """Number of windows of every estimator, all estimators in turn in each round."""


@dataclass(frozen=True, kw_only=True)
class StepTime(RunConfig):
    """Time of a training step of several runs, in windows that alternate between them."""

    executor: ClassVar[str] = "igr_suite.studies.comparison.step_time:execute"

    runs: tuple[str, ...]
    """Run ids, whose folders are beside this one's; times are relative to the first one's."""
    together: int = 6
    """Number of the other runs that are timed in turn with the first: all at once would not fit into the memory."""
    windows: int = 7
    """Number of windows of every run."""
    seconds: float = 0.4
    """About how long a window lasts."""

    def validate(self) -> None:
        if len(self.runs) < 2 or len(set(self.runs)) < len(self.runs):
            raise UserError(f"runs must name at least two runs, each once, got {', '.join(self.runs) or 'none'}")
        for name in ("together", "windows"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.seconds < math.inf:
            raise UserError(f"seconds must be above 0, got {self.seconds}")

    def slug(self) -> str:
        return f"{super().slug()}-{self.runs[0].rpartition('-')[0]}"


TIMED: dict[str, dict] = {"smoke": {"windows": 2, "seconds": 0.01}, "quick": {}, "paper": {"windows": 15}}


def step_times(runs: Iterable[RunConfig], model_of: Callable[[RunConfig], Hashable], scale: str) -> list[StepTime]:
    """Returns one run for each model, which times a step of all of its estimators, REINFORCE's first if it is there.

    Args:
      runs: one for each model and method.
      model_of: what the runs of a model have in common.
      scale: decides how long is timed.
    """
    groups: dict[Hashable, list[RunConfig]] = {}
    for run in runs:
        groups.setdefault(model_of(run), []).append(run)
    ordered = [sorted(group, key=lambda run: run.model.estimator != "reinforce") for group in groups.values()]
    return [StepTime(runs=tuple(run.run_id for run in group), **TIMED[scale]) for group in ordered]
