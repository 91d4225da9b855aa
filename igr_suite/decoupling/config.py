"""Settings of how the modules of a decoupled network learn from each other (never imports TensorFlow)."""

from dataclasses import dataclass
from typing import Literal

from igr_suite.checks import check_fields
from igr_suite.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Decoupling:
    """Settings of decoupled training; the symbols are those of `DecoupledModel`.

    With `target` "bootstrap", M_i learns the gradient that f_(i+1) sends down when it is itself driven by a synthetic
    one; with "true", that of back-propagation through all modules above (for analysis: nothing is unlocked); with
    "lambda", BP(lambda): f_i is driven by lambda delta_i + (1 - lambda) synthetic, and the result is passed down.

    With `sg_scale` "example", M_i predicts gradients of the examples' own losses; with "batch", gradients of the batch
    mean, which are N times smaller and which Adam hardly learns. With `reduction` "sum" the two coincide, and
    `sg_scale` is None.

    With `p_update`, f_i and M_(i-1) (and I_i) are updated together, independently for each i. During `warmup_steps`,
    `warmup` "backprop" drives the modules by back-propagation, and "hold" updates only the uppermost. `l2` and `l1` add
    l2/2 ||w||^2 + l1 ||w||_1 to the loss, where w are the modules' weights and biases.
    """

    target: Literal["bootstrap", "true", "lambda"] = "bootstrap"
    """What a synthesiser learns: the gradient that the next module sends down, the true one, or BP(lambda)."""
    bp_lambda: float | None = None
    """Share of the arriving gradient that drives a module with target="lambda"."""
    labels: bool = False
    """Whether synthesisers see the labels in addition to the activations."""
    sg_scale: Literal["example", "batch"] | None = None
    """Unit of the predictions: gradients of each example's own loss, or of the batch mean."""
    reduction: Literal["mean", "sum"] = "mean"
    """Whether losses are averaged or added over the batch."""
    sg_weight: float = 1.0
    """Factor of the synthesisers' loss."""
    sg_use_factor: float = 1.0
    """Factor of the synthetic gradient where it is used."""
    p_update: float = 1.0
    """Probability that a module is updated after a forward pass."""
    warmup_steps: int = 0
    """Number of first steps in which synthesisers are trained but not used."""
    warmup: Literal["backprop", "hold"] | None = None
    """What drives the modules in these steps: back-propagation, or nothing ("hold")."""
    l2: float = 0.0
    """Factor of half the squared norm of the modules' weights in the loss."""
    l1: float = 0.0
    """Factor of the absolute norm of the modules' weights in the loss."""

    def __post_init__(self):
        check_fields(self)
        if self.target == "lambda":
            share = 0.5 if self.bp_lambda is None else self.bp_lambda
            if not 0 <= share <= 1:
                raise UserError(
                    f"bp_lambda must be between 0 (synthetic gradients) and 1 (back-propagation), got {share}"
                )
            object.__setattr__(self, "bp_lambda", share)
        elif self.bp_lambda is not None:
            raise UserError(
                f"bp_lambda={self.bp_lambda} is read by target=lambda only, and target is {self.target}; leave it out"
            )
        if self.reduction == "sum" and self.sg_scale is not None:
            raise UserError(f"sg_scale={self.sg_scale} makes no difference where losses are sums; leave it out")
        if self.reduction == "mean" and self.sg_scale is None:
            object.__setattr__(self, "sg_scale", "example")
        if not 0 <= self.p_update <= 1:
            raise UserError(f"p_update is a probability, got {self.p_update}")
        if self.warmup_steps < 0:
            raise UserError(f"warmup_steps must not be negative, got {self.warmup_steps}")
        if self.warmup is not None and not self.warmup_steps:
            raise UserError(f"warmup={self.warmup} is read with warmup_steps above 0 only; leave it out")
        if self.warmup_steps and self.warmup is None:
            object.__setattr__(self, "warmup", "backprop")
        if self.p_update < 1 and (self.target != "bootstrap" or self.warmup_steps):
            raise UserError(
                f"p_update={self.p_update} updates modules apart from each other, which only target=bootstrap without "
                f"warm-up allows"
            )
        for key in ("sg_weight", "l2", "l1"):
            if getattr(self, key) < 0:
                raise UserError(f"{key} must not be negative, got {getattr(self, key)}")
