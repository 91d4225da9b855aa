"""Parts of the configuration of half-and-half MNIST: optimiser, data, schedule, evaluation (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.data.halves import IMAGE_SHAPE
from igr_suite.errors import UserError
from igr_suite.families.half_mnist.synthetic_config import check_rates
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.training.ranges import check_at_least, check_limits


@dataclass(frozen=True, kw_only=True)
class HalfMNISTOptimiserConfig:
    """Adam for encoder, baseline and decoder together."""

    name: Literal["adam", "legacy_adam"] = "adam"
    """"legacy_adam" has the original's bias correction, with longer first steps."""
    learning_rate: float = 2e-4
    """Step size."""
    slash_rate: float = 1.0
    """What the step size is divided by every `slash_every` epochs while it is above 1e-7."""
    slash_every: int = 20
    """Number of epochs between two such divisions."""
    update_every: int = 1
    """Number of batches between two steps of the networks."""
    l2: float = 0.0
    """Factor of the squared weights of encoder and decoder in the loss."""

    def __post_init__(self):
        check_rates("optimiser", self)
        check_at_least(self, "optimiser", update_every=1)
        if self.l2 < 0:
            raise UserError(f"optimiser.l2 must not be negative, got {self.l2}")


@dataclass(frozen=True, kw_only=True)
class HalfMNISTDataConfig:
    """Which digits, and how their pixels become binary."""

    name: str = "mnist_5k"
    """Data set of digits."""
    threshold: int = 100
    """Grey level from which on a pixel is 1."""
    train_split: Literal["train", "all"] = "train"
    """"all" trains on the validation images too, as the authors did."""
    train_limit: int | None = None
    """Number of training images that are kept, for the smoke scale; all of them where it is not given."""
    evaluation_limit: int | None = None
    """Number of validation and of test images that are kept, for the smoke scale; all where it is not given."""

    def __post_init__(self):
        check_limits(self)
        recipe = recipe_of(self.name)
        if recipe.image_shape != IMAGE_SHAPE or recipe.likelihood != "bernoulli":
            raise UserError(
                f"half-and-half digits are 28x28 images of black and white pixels; data.name={self.name} is not"
            )
        if not 1 <= self.threshold <= 255:
            raise UserError(f"data.threshold is a grey level from 1 to 255, got {self.threshold}")


@dataclass(frozen=True, kw_only=True)
class HalfMNISTScheduleConfig:
    """How long to train; `least_loss` ends training earlier, after the first epoch whose mean training loss is at most
    this."""

    epochs: int = 100
    """Number of passes through the training images."""
    batch_size: int = 100
    """Number of images in a step."""
    evaluate_every: int = 1
    """Number of epochs between evaluations."""
    least_loss: float | None = None
    """Mean training loss of an epoch, in nats per image, at which training ends early."""

    def __post_init__(self):
        check_at_least(self, "schedule", epochs=1, batch_size=1, evaluate_every=1)
        if self.batch_size < 2:
            raise UserError("schedule.batch_size must be at least 2: the networks normalise by the batch's statistics")


@dataclass(frozen=True, kw_only=True)
class HalfMNISTEvaluationConfig(WithOptions):
    """What is measured and stored at evaluations. Bias and variance of the estimators' gradients are measured against
    the mean of as many other gradients."""

    group: ClassVar[str] = "evaluation"
    options: ClassVar[Mapping[str, Option]] = {
        "gradient_images": Option(
            100, read=lambda config: config.gradient_samples > 0, unread="is read with evaluation.gradient_samples"
        )
    }

    pictures: int = 0
    """Number of sampled completions of each pictured test image; 0 for none."""
    gradient_samples: int = 0
    """Number of gradients an image, of which bias and variance are measured at evaluations; 0 for none."""
    gradient_images: int | None = None
    """Number of images whose gradients are measured."""

    def __post_init__(self):
        if self.pictures < 0:
            raise UserError(f"evaluation.pictures must not be negative, got {self.pictures}")
        if self.gradient_samples < 0 or self.gradient_samples == 1:
            raise UserError(
                f"evaluation.gradient_samples must be 0 (not measured) or at least 2, got {self.gradient_samples}"
            )
        super().__post_init__()
        check_at_least(self, "evaluation", gradient_images=2)
