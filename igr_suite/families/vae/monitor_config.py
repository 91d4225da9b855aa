"""Configuration of the gradient monitor of a VAE run (never imports TensorFlow)."""

from dataclasses import dataclass
from typing import Literal

from igr_suite.errors import UserError
from igr_suite.training.ranges import check_at_least

# a change of a parameter by 1 moves the code by less than a thousandth of the distance between two vertices
VANISHED_JACOBIAN = 1e-3
VANISHED_GRADIENT = 1e-3  # times the untrained model's median norm: gradients have units, so only a ratio has a meaning
ORIGINAL_LIMIT = 1e-10  # what the authors count as vanished


@dataclass(frozen=True, kw_only=True)
class MonitorConfig:
    """What is measured on a fixed batch of training images at every evaluation, in addition to the bounds.

    The metric "gradients" measures the gradients of the bound and of its reconstruction term with respect to the
    posterior's parameters, the Jacobian of the code with respect to them, and the variance of the bound's gradient
    across `draws` noise draws. "historical" is the authors' number, the gradient of sum_k softmax_k, which is zero for
    every model, so that only rounding errors are counted. "both" measures all of these.
    """

    metric: Literal["gradients", "historical", "both"] = "gradients"
    """Gradients, Jacobian and variance, the authors' number (which counts rounding errors), or both."""
    images: int = 64
    """Number of training images that are measured."""
    draws: int = 32
    """Number of noise draws for the variance."""

    def __post_init__(self):
        check_at_least(self, "monitor", images=1)
        if self.draws < 2:
            raise UserError(f"monitor.draws must be at least 2, got {self.draws}: a variance needs two")
