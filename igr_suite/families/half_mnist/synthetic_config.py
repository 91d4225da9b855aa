"""Configuration of half-and-half MNIST's synthetic gradient: network, inputs, target, step sizes (never imports
TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.discrete.config import check_estimator
from igr_suite.errors import UserError
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.training.ranges import check_at_least, check_positive

INPUTS = ("upper half", "lower half", "p", "dC/dz", "z", "b(x)", "1 - p")  # what the characters of `sg.inputs` select
SIZES = (HALF_PIXELS, HALF_PIXELS, None, None, None, 1, None)  # lengths of these inputs; None is the number of latents
OWN_TARGETS = ("reinforce", "straight_through")  # gradients at the codes of the step itself
BASELINE_INPUT = INPUTS.index("b(x)")


@dataclass(frozen=True, kw_only=True)
class SyntheticGradientConfig(WithOptions):
    """The network that regresses the encoder's noisy logit gradient on images, codes and slopes
    (docs/papers/half_mnist.md, section 1.7)."""

    group: ClassVar[str] = "sg"
    options: ClassVar[Mapping[str, Option]] = {
        "width": Option(
            1024,
            read=lambda config: config.kind != "lin",
            unread="is read by networks with hidden layers, and sg.kind=lin has none",
            dropped=True,
        )
    }

    kind: Literal["lin", "deep", "lin_deep", "custom"] = "lin_deep"
    """Network: linear, "deep" (two hidden layers of `width`), the sum of both, or "custom"."""
    inputs: str = "1111100"
    """Mask of seven characters 0 or 1: upper half, lower half, p, dC/dz, z, b(x), 1 - p."""
    target: str = "reinforce"
    """Gradient that the network learns: of "reinforce" or "straight_through" at the step's own codes, or of a registered
    estimator, or my_package.my_file:MyEstimator, with evaluations of its own."""
    target_options: tuple[str, ...] = added_later(())
    """Options of a registered target, name=value each."""
    width: int | None = None
    """Width of the hidden layers."""
    scale: Literal["batch", "example", "image"] = "example"
    """Unit of targets and dC/dz: the batch's mean loss, each image's own, or that in nats per image instead of per
    pixel."""
    max_grad: float = 0.0
    """Mean square that targets are rescaled to; 0 leaves them as they are."""
    reward_temperature: float | None = None
    """Temperature T with which it learns from -exp(-loss / T) in place of the loss."""
    optimiser: Literal["sgd", "adam"] = "sgd"
    """Optimiser of the network."""
    learning_rate: float = 1e-4
    """Its step size."""
    slash_rate: float = 1.0
    """What the step size is divided by every `slash_every` epochs."""
    slash_every: int = 20
    """Number of epochs between two such divisions."""
    update_every: int = 1
    """Number of batches between two steps of the network."""
    update_style: Literal["fixed", "decay"] = "fixed"
    """"decay" trains it ever more seldom: every 2, 5, 10, 50, 100 steps from step 2,000, 5,000, 10,000, 20,000, 30,000
    on."""
    average_samples: int = 1
    """Number of fresh codes over which its predictions are averaged."""
    applied: bool = True
    """Whether the encoder follows it; otherwise it is trained beside an encoder that follows the target's estimator."""

    def __post_init__(self):
        if len(self.inputs) != len(INPUTS) or set(self.inputs) - {"0", "1"} or "1" not in self.inputs:
            raise UserError(
                f"sg.inputs is a mask of seven characters 0 or 1 for {', '.join(INPUTS)}, not all 0; got "
                f"'{self.inputs}'"
            )
        super().__post_init__()
        check_at_least(self, "sg", width=1)
        if self.max_grad < 0:
            raise UserError(f"sg.max_grad must not be negative, got {self.max_grad}; 0 leaves targets as they are")
        if self.reward_temperature is not None and not self.reward_temperature > 0:
            raise UserError(
                f"sg.reward_temperature must be positive, got {self.reward_temperature}; leave it out to learn from "
                f"the loss"
            )
        if self.reward_temperature is not None and self.target != "reinforce":
            raise UserError(
                f"sg.reward_temperature changes the REINFORCE target; leave it out with sg.target={self.target}"
            )
        if self.registered_target:
            check_estimator(self.target, self.target_options, "bernoulli", "sg.target")
        if self.update_style == "decay" and self.update_every != 1:
            raise UserError(f"sg.update_every={self.update_every} is not used with sg.update_style=decay; leave it out")
        check_rates("sg", self)
        check_at_least(self, "sg", update_every=1, average_samples=1)

    @property
    def registered_target(self) -> bool:
        """Whether the target is a registered estimator's gradient, on the general path."""
        return self.target not in OWN_TARGETS or bool(self.target_options)

    @property
    def selected(self) -> tuple[int, ...]:
        """Numbers of the inputs that the mask selects, ascending."""
        return tuple(i for i, character in enumerate(self.inputs) if character == "1")

    def input_size(self, latents: int) -> int:
        """Length of the network's input."""
        return sum(SIZES[i] or latents for i in self.selected)


def check_rates(group: str, config) -> None:
    """Raises UserError for a learning rate or a schedule of it that is out of range."""
    check_positive(config, group, "learning_rate", "slash_rate")
    if config.slash_rate < 1:
        raise UserError(
            f"{group}.slash_rate divides the learning rate and must be at least 1 (which is off), got "
            f"{config.slash_rate}"
        )
    if config.slash_every < 1:
        raise UserError(f"{group}.slash_every must be at least 1 epoch, got {config.slash_every}")
