"""Parts that the configs of several families have: data, optimiser and schedule (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from igr_suite import data
from igr_suite.data.catalogue import recipe_of
from igr_suite.data.halves import PICTURED
from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, added_later
from igr_suite.training.ranges import check_adam, check_at_least, check_limits, check_positive


@dataclass(frozen=True, kw_only=True)
class TrainingRun(RunConfig):
    """The common part of the configs of all runs that train on a data set; a subclass has the fields `data` and
    `schedule`."""

    fitted: ClassVar[bool] = True

    def check_inputs(self, data_dir: str | None) -> None:
        data.require_prepared(self.data.name, data_dir)

    def adapt(self, changed: dict[str, Any], settings: Mapping[str, Any]) -> None:
        super().adapt(changed, settings)
        # If one of the two lengths is given, it replaces the other.
        for key, other in (("steps", "epochs"), ("epochs", "steps")):
            if f"schedule.{key}" in settings and f"schedule.{other}" not in settings and other in changed["schedule"]:
                changed["schedule"][other] = None


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, how they are binarised, and (smoke scale only) how many of them.

    `train_split` "all" trains on the validation images too, as the authors did; validation numbers then measure
    training images. `resize` is the side of the square that images are enlarged or shrunk to after the binarisation
    (grey values appear).
    """

    name: str = "mnist_5k"
    """Data set, one of `igr data list`."""
    binarisation: Literal["none", "static", "dynamic"] = "static"
    """"static" makes a pixel 1 where x >= 128, "dynamic" draws it from Bernoulli(x / 255) for every batch."""
    train_split: Literal["train", "all"] = "train"
    """"all" trains on the validation images too, as the authors did; validation numbers then measure training
    images."""
    train_limit: int | None = None
    """Number of training images that are kept, for the smoke scale; all of them where it is not given."""
    evaluation_limit: int | None = None
    """Number of validation and of test images that are kept, for the smoke scale; all where it is not given."""
    resize: int | None = added_later(None)
    """Side in pixels of the square that images are enlarged or shrunk to after the binarisation; grey values appear."""

    def __post_init__(self):
        check_limits(self)
        shape = recipe_of(self.name).image_shape  # an unknown name fails here, before anything starts
        if self.resize is not None and self.resize < 1:
            raise UserError(f"data.resize is the side of an image in pixels, got {self.resize}")
        if (self.resize, self.resize) == shape[:2]:
            raise UserError(f"data.resize={self.resize} is what {self.name} has already; leave it out")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images that a model sees."""
        height, width, channels = recipe_of(self.name).image_shape
        return (self.resize or height, self.resize or width, channels)


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam; epsilon is Keras's default, which the authors' TensorFlow 2 code used too."""

    learning_rate: float = 3e-4
    """Step size of Adam."""
    beta_1: float = 0.9
    """Decay of Adam's mean of gradients."""
    beta_2: float = 0.999
    """Decay of Adam's mean of squared gradients."""
    epsilon: float = 1e-7
    """What Adam adds to the root of the mean square."""

    def __post_init__(self):
        check_positive(self, "optimiser", "learning_rate")
        check_adam(self)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long to train, on how many images and samples a step, and how often to evaluate."""

    epochs: int = 100
    """Number of passes through the training images."""
    batch_size: int = 100
    """Number of images in a step."""
    samples: int = 1
    """Number of samples of the latent variables for each image in a training step."""
    evaluate_every: int = 5
    """Number of epochs between evaluations."""
    matmul_precision: Literal["float32", "bfloat16"] = "float32"
    """Type in which matrix products take their operands; sums and weights stay float32."""

    def __post_init__(self):
        check_at_least(self, "schedule", epochs=1, batch_size=1, samples=1, evaluate_every=1)


@dataclass(frozen=True, kw_only=True)
class BinaryDataConfig:
    """Which images and how they become binary; limits are for the smoke scale.

    `binarisation`: "static", x >= 128; "once", one draw from Bernoulli(x / 255) that is the same for all runs;
    "dynamic", a draw for every batch, where validation and test images are drawn once and the networks' mean image is
    the grey one.
    """

    name: str = "mnist_5k"
    """Data set, one of `igr data list`; its pixels have to be binary or binarisable."""
    binarisation: Literal["static", "once", "dynamic"] = "static"
    """How pixels become binary: by a threshold, by one draw, or by a draw for every batch."""
    train_limit: int | None = None
    """Number of training images that are kept, for the smoke scale; all of them where it is not given."""
    evaluation_limit: int | None = None
    """Number of validation and of test images that are kept, for the smoke scale; all where it is not given."""

    def __post_init__(self):
        check_limits(self)
        recipe = recipe_of(self.name)
        if recipe.likelihood != "bernoulli":
            raise UserError(
                f"binary pixels are modelled here, and {self.name} has grey or colour ones; take binarized_mnist"
            )
        if recipe.binary and self.binarisation != "static":
            raise UserError(
                f"data.binarisation={self.binarisation} draws from grey levels, and {self.name} is binary; leave it "
                f"static, or take mnist"
            )


@dataclass(frozen=True, kw_only=True)
class StepScheduleConfig:
    """How long to train: whole epochs, or the whole epochs that hold `steps` steps; the last batch of an epoch is
    filled up."""

    DEFAULT_EPOCHS: ClassVar[int] = 20

    epochs: int | None = None
    """Number of passes through the training images, unless `steps` is given."""
    steps: int | None = None
    """Number of steps, rounded up to whole epochs, in place of `epochs`."""
    batch_size: int = 24
    """Number of images in a step."""
    evaluate_every: int = 20
    """Number of epochs between evaluations."""

    def __post_init__(self):
        if self.epochs is not None and self.steps is not None:
            raise UserError(
                f"schedule.epochs={self.epochs} and schedule.steps={self.steps} exclude each other; give one of them"
            )
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", self.DEFAULT_EPOCHS)
        check_at_least(self, "schedule", epochs=1, steps=1, batch_size=1, evaluate_every=1)


SEEDS = (5328, 5945, 8965, 49, 9337)  # the authors' G3 seeds: numpy seed 21, randint(1, 10^4, 5)


def check_output_activation(config: RunConfig) -> None:
    """Raises UserError for an activation of the encoder's output that the likelihood of the data does not read."""
    if config.model.output_activation == "elu" and recipe_of(config.data.name).likelihood == "bernoulli":
        raise UserError(
            f"model.output_activation=elu is read by the Gaussian likelihood only, and {config.data.name} has a "
            f"Bernoulli one"
        )


def check_pictured(config: RunConfig) -> None:
    """Raises UserError where the run stores completions of test images and too few test images are kept."""
    size = recipe_of(config.data.name).sizes[2]
    images = min(size, config.data.evaluation_limit or size)
    if config.evaluation.pictures and images <= max(PICTURED):
        raise UserError(
            f"evaluation.pictures={config.evaluation.pictures} shows test image {max(PICTURED)}, and there are "
            f"{images}; set data.evaluation_limit to at least {max(PICTURED) + 1}"
        )


def truncated_by_batch(model, parts: str) -> str | None:
    """The reason why a batch cannot be divided, for `RunConfig.data_parallel_obstacle`: the model keeps the parts that
    the whole batch needs. None if it can."""
    if model.truncation in (None, "sample"):
        return None
    kept = f"model.truncation={model.truncation} keeps the {parts} of {model.name} that a whole batch needs"
    return f"{kept}; leave --strategy out, or set model.truncation=sample (another run)"
