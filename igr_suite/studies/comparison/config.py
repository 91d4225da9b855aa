"""Configurations of runs that compare gradient estimators at the weights of a trained model (never imports
TensorFlow)."""

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
