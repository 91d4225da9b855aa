"""Configuration of one classifier trained with synthetic gradients, or with back-propagation (never imports
TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.decoupling.config import Decoupling
from igr_suite.errors import UserError
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.training.config_parts import StepScheduleConfig, TrainingRun
from igr_suite.training.ranges import check_decays, check_limits, check_positive

CLASSES = 10
SYNTHETIC_METHODS = ("dni", "cdni")


@dataclass(frozen=True, kw_only=True)
class DNIDataConfig:
    """Which images, and how their pixels enter the network. `scaling` "separately" is what the Torch code did."""

    name: str = "mnist_5k"
    """Data set with labels."""
    pad32: bool = False
    """Whether two pixels of zeros are put on each side."""
    scaling: Literal["unit", "raw", "standardised", "separately"] = "unit"
    """Pixels: x / 255, 0 to 255, standardised by all training pixels, or by each split's own."""
    file_order: bool = False
    """Whether batches come in the stored order, the same every epoch."""
    train_split: Literal["train", "all"] = "train"
    """"all" trains on the validation images too, as the authors did."""
    train_limit: int | None = None
    """Number of training images that are kept, for the smoke scale; all of them where it is not given."""
    evaluation_limit: int | None = None
    """Number of validation and of test images that are kept, for the smoke scale; all where it is not given."""

    def __post_init__(self):
        check_limits(self)
        recipe = recipe_of(self.name)
        if getattr(recipe.source, "label", "") is None:
            raise UserError(f"{self.name} has no labels, which a classifier needs; take mnist")
        shape = recipe.image_shape
        if self.pad32 and shape[:2] != (28, 28):
            raise UserError(
                f"data.pad32 pads images of 28x28 to 32x32, and those of {self.name} are {shape[0]}x{shape[1]}; leave "
                f"it out"
            )


def _synthetic(config) -> bool:
    return config.method in SYNTHETIC_METHODS


def _readers(config) -> str:
    return f"is read with {'model.synthetic_inputs' if _synthetic(config) else 'model.method=dni or cdni'} only"


@dataclass(frozen=True, kw_only=True)
class DNIModelConfig(WithOptions):
    """The network, where it is cut, and what predicts the gradients there.

    `network` "cnn" takes 3x3 maxima after the first convolution and 3x3 averages after the others. `initial`: "glorot"
    has biases 0; "fan_in" and "uniform" draw all weights from U(-r, r), with r = 1 / sqrt(fan in) and r =
    `initial_range`; "orthogonal" has orthogonal square matrices, other matrices U(-0.1, 0.1), and biases 0.
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = {
        "sg_hidden": Option((), read=_synthetic, unread=_readers, dropped=True),
        "input_hidden": Option(
            (1024,), read=lambda config: _synthetic(config) and config.synthetic_inputs, unread=_readers, dropped=True
        ),
        "initial_range": Option(
            0.07, read=lambda config: config.initial == "uniform", unread="is read by model.initial=uniform only"
        ),
    }

    network: Literal["fcn", "cnn"] = "fcn"
    """Dense layers, or 5x5 convolutions with pooling."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the dense layers, or numbers of filters."""
    activation: Literal["relu", "tanh"] = "relu"
    """Activation of the hidden layers."""
    batch_norm: Literal["none", "plain", "affine"] = "affine"
    """Batch normalisation of the hidden layers; "plain" has no trained scale and shift."""
    bn_momentum: float = 0.9
    """Decay of batch normalisation's moving averages."""
    initial: Literal["glorot", "fan_in", "uniform", "orthogonal"] = "glorot"
    """Distribution of the initial weights."""
    initial_range: float | None = None
    """Range r of initial="uniform", U(-r, r)."""
    method: Literal["bp", "no_bp", "dni", "cdni"] = "cdni"
    """Back-propagation, training of the uppermost layer alone, or synthetic gradients without and with labels."""
    cuts: tuple[int, ...] | None = None
    """Numbers of the hidden layers behind which the network is cut; all of them where it is not given."""
    sg_hidden: tuple[int, ...] | None = None
    """Widths of a synthesiser's hidden layers; a linear one has none."""
    synthetic_inputs: bool = False
    """Whether a layer's input is predicted too."""
    input_hidden: tuple[int, ...] | None = None
    """Widths of the hidden layers of the networks that predict inputs."""

    def __post_init__(self):
        if not self.hidden or min(self.hidden) < 1:
            raise UserError(f"model.hidden needs at least one width, each at least 1, got {self.hidden}")
        if self.method == "bp" and self.cuts is not None:
            raise UserError(f"model.cuts={self.cuts} is not used by model.method=bp, which cuts nothing; leave it out")
        super().__post_init__()
        if self.synthetic_inputs and self.method not in SYNTHETIC_METHODS:
            raise UserError("model.synthetic_inputs is read by model.method=dni and cdni only; leave it out")
        if self.synthetic_inputs and self.network == "cnn":
            raise UserError("model.synthetic_inputs predicts activations of dense layers; take model.network=fcn")
        for cut in self.cuts or ():
            if not 1 <= cut <= len(self.hidden):
                count = len(self.hidden)
                raise UserError(
                    f"model.cuts={self.cuts} names hidden layer {cut}, and there are {count}; take numbers from 1 to "
                    f"{count}"
                )
        if self.cuts is not None and list(self.cuts) != sorted(set(self.cuts)):
            raise UserError(f"model.cuts={self.cuts} must be in ascending order and without repetition")
        if not 0 <= self.bn_momentum < 1:
            raise UserError(f"model.bn_momentum must be in [0, 1), got {self.bn_momentum}")

    @property
    def cut_layers(self) -> tuple[int, ...]:
        """Numbers of the hidden layers, from 1, behind which the network is cut."""
        if self.method == "bp":
            return ()
        return tuple(range(1, len(self.hidden) + 1)) if self.cuts is None else self.cuts


@dataclass(frozen=True, kw_only=True)
class DNIOptimiserConfig(WithOptions):
    """One optimiser for each module and each synthesiser."""

    group: ClassVar[str] = "optimiser"
    options: ClassVar[Mapping[str, Option]] = {
        "momentum": Option(
            0.0, read=lambda config: config.name == "sgd", unread=lambda config: f"is not used by {config.name}"
        ),
        "epsilon": Option(
            1e-8, read=lambda config: config.name != "sgd", unread=lambda config: f"is not used by {config.name}"
        ),
    }

    name: Literal["sgd", "adam", "legacy_adam"] = "adam"
    """Optimiser; "legacy_adam" corrects Adam's start with swapped factors, as the Theano code did."""
    learning_rate: float = 1e-3
    """Step size of the modules."""
    sg_learning_rate: float | None = None
    """Step size of the synthesisers; that of the modules where it is not given."""
    momentum: float | None = None
    """Momentum of gradient descent."""
    decay: float = 0.0
    """Divides the step size by 1 + decay t at step t."""
    drops: tuple[int, ...] = ()
    """Steps after each of which the step size is divided by 10."""
    epsilon: float | None = None
    """What Adam adds to the root of the mean square."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "optimiser", "learning_rate", "sg_learning_rate", "epsilon")
        check_decays(self, "optimiser", "momentum")
        if self.decay < 0:
            raise UserError(f"optimiser.decay must not be negative, got {self.decay}")
        if self.decay and self.drops:
            raise UserError(
                f"optimiser.decay={self.decay} and optimiser.drops={self.drops} are two schedules of one rate; keep one"
            )


@dataclass(frozen=True, kw_only=True)
class DNIScheduleConfig(StepScheduleConfig):
    """How long to train: whole epochs, or the whole epochs that hold `steps` steps; images that do not fill the last
    batch are left out."""

    DEFAULT_EPOCHS: ClassVar[int] = 5

    batch_size: int = 250
    """Number of images in a step."""
    evaluate_every: int = 1
    """Number of epochs between evaluations."""


@dataclass(frozen=True, kw_only=True)
class DNIEvaluationConfig:
    """How networks are tested, and on how many images synthetic gradients are compared with true ones at every
    evaluation."""

    batch_statistics: bool = False
    """Whether networks are tested with the statistics of batches, as the Torch baselines were."""
    audit: int = 250
    """Number of validation images on which synthetic gradients are compared with true ones; 0 for none."""

    def __post_init__(self):
        if self.audit < 0:
            raise UserError(f"evaluation.audit must not be negative, got {self.audit}")


@dataclass(frozen=True, kw_only=True)
class TrainDNI(TrainingRun):
    """One classifier trained with one seed."""

    executor: ClassVar[str] = "igr_suite.families.dni.train:execute"

    model: DNIModelConfig = field(default_factory=DNIModelConfig)
    decoupling: Decoupling = field(default_factory=Decoupling)
    data: DNIDataConfig = field(default_factory=DNIDataConfig)
    optimiser: DNIOptimiserConfig = field(default_factory=DNIOptimiserConfig)
    schedule: DNIScheduleConfig = field(default_factory=DNIScheduleConfig)
    evaluation: DNIEvaluationConfig = field(default_factory=DNIEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        conditional = self.model.method == "cdni"
        if self.decoupling.labels != conditional:
            object.__setattr__(self, "decoupling", replace(self.decoupling, labels=conditional))  # follows the method
        synthetic = self.model.method in SYNTHETIC_METHODS
        plain = Decoupling(reduction=self.decoupling.reduction)
        for setting in fields(Decoupling):
            value = getattr(self.decoupling, setting.name)
            if (
                not synthetic
                and setting.name not in ("labels", "reduction", "l2", "l1")
                and value != getattr(plain, setting.name)
            ):
                raise UserError(
                    f"decoupling.{setting.name}={value} is read by model.method=dni and cdni only; leave it out"
                )
        if not synthetic and self.optimiser.sg_learning_rate is not None:
            raise UserError("optimiser.sg_learning_rate is read by model.method=dni and cdni only; leave it out")
        if self.model.network == "cnn" and self.data.pad32:
            raise UserError("data.pad32 is for the fully connected networks; leave it out with model.network=cnn")
        if self.evaluation.batch_statistics and self.model.batch_norm == "none":
            raise UserError(
                "evaluation.batch_statistics is read by networks with batch normalisation only; leave it out"
            )

    def slug(self) -> str:
        kind = f"{self.model.network}{len(self.model.hidden) + 1}-{self.model.method}"
        sparse = f"-p{self.decoupling.p_update:g}" if self.decoupling.p_update < 1 else ""
        unlocked = "-unlocked" if self.model.synthetic_inputs else ""
        scale = "-batchscale" if self.decoupling.sg_scale == "batch" and self.model.method in SYNTHETIC_METHODS else ""
        return f"{self.data.name}-{kind}{unlocked}{sparse}{scale}-lr{self.optimiser.learning_rate:g}-s{self.seed}"
