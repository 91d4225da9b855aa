"""Configuration of one run of structured output prediction (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple

from igr_suite.data.catalogue import recipe_of
from igr_suite.data.halves import IMAGE_SHAPE
from igr_suite.errors import UserError
from igr_suite.families.structured import original as structured_keys
from igr_suite.lab.runs.options import Option, WithOptions, by_choice
from igr_suite.training.config_parts import DataConfig, OptimiserConfig, ScheduleConfig, TrainingRun, check_pictured
from igr_suite.training.ranges import check_at_least, check_positive


class Architecture(NamedTuple):
    """Layers around the stochastic units.

    Attributes:
      units: width of a stochastic layer.
      stochastic_layers: number of stochastic layers.
      hidden: whether a tanh layer stands before each linear one.
      signed: whether units take values 2 psi - 1 in (-1, 1) instead of psi in (0, 1).
      scale: default of `StructuredModelConfig.scale`.
    """

    units: int
    stochastic_layers: int
    hidden: bool
    signed: bool
    scale: str


# g2_linear is from the README's generation of the code, the others are from the NeurIPS code: docs/papers/igr.md,
# section 4.
ARCHITECTURES = {
    "g2_linear": Architecture(200, 2, hidden=False, signed=False, scale="learned"),
    "double_linear": Architecture(240, 2, hidden=False, signed=True, scale="unit"),
    "triple_linear": Architecture(240, 3, hidden=False, signed=True, scale="unit"),
    "nonlinear": Architecture(240, 2, hidden=True, signed=True, scale="unit"),
}
IGR_OPTIONS = {"temperature_use": "applied", "scale": None}  # the default scale is the architecture's
# Relaxation -> the options that it reads and the values that they take when none is given.
OPTIONS_OF_RELAXATION = {
    "GS": {"noise": "logistic"},
    "IGR_I": IGR_OPTIONS,
    "IGR_Planar": {**IGR_OPTIONS, "planar_norm": "squared"},
    "IGR_SB": IGR_OPTIONS,
}
BY_NAME = by_choice("name", OPTIONS_OF_RELAXATION, dropped=("noise", *IGR_OPTIONS, "planar_norm"))


@dataclass(frozen=True, kw_only=True)
class StructuredModelConfig(WithOptions):
    """The distribution of the binary units and the network around them.

    `units` is the width of a stochastic layer, by default the architecture's. `noise` (GS) is "logistic" or
    "historical" (Gumbel noise, with which rounded units are not Bernoulli(sigmoid(logit))). `temperature_use` (IGR) is
    "applied" or "historical" (G3 does not divide by the temperature, which is then not an option). `scale` (IGR) is
    "learned" (two parameters a unit) or "unit", by default the architecture's.
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = BY_NAME | {
        "scale": replace(BY_NAME["scale"], default=lambda config: ARCHITECTURES[config.architecture].scale),
        "units": Option(lambda config: ARCHITECTURES[config.architecture].units),
        "temperature": Option(
            1.0,  # that of G3 for all relaxations
            read=lambda config: config.temperature_use != "historical",
            unread="is not used with model.temperature_use=historical; leave one of them out",
            dropped=True,
        ),
    }

    name: Literal["GS", "IGR_I", "IGR_Planar", "IGR_SB"] = "IGR_I"
    """Relaxation of the binary units."""
    architecture: Literal["g2_linear", "double_linear", "triple_linear", "nonlinear"] = "double_linear"
    """Layers around the stochastic units."""
    units: int | None = None
    """Width of a stochastic layer; that of the architecture where it is not given."""
    temperature: float | None = None
    """Temperature of the relaxation."""
    noise: Literal["logistic", "historical"] | None = None
    """Noise of GS; with "historical", the authors' Gumbel noise, rounded units are not Bernoulli(sigmoid(logit))."""
    temperature_use: Literal["applied", "historical"] | None = None
    """Whether IGR divides by the temperature; the authors' code does not."""
    scale: Literal["learned", "unit"] | None = None
    """Whether IGR's scale is learned, with two parameters a unit, or 1."""
    planar_norm: Literal["squared", "historical"] | None = None
    """Normalisation of the planar flow's vector: the correct "squared" one or the authors'."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "model", "temperature")
        check_at_least(self, "model", units=1)

    @property
    def shape(self) -> Architecture:
        """The architecture's row of `ARCHITECTURES`."""
        return ARCHITECTURES[self.architecture]


@dataclass(frozen=True, kw_only=True)
class StructuredOptimiserConfig(OptimiserConfig):
    """Adam, with a constant learning rate or that of G3, max(least_learning_rate, learning_rate / (1 + decay t)) at
    step t."""

    learning_rate: float = 1e-3
    """Step size of Adam at the start."""
    decay: float | None = 1e-3
    """Divides the step size by 1 + decay t at step t; none leaves it constant."""
    least_learning_rate: float | None = 1e-4
    """Floor of the step size."""

    def __post_init__(self):
        super().__post_init__()
        if (self.decay is None) != (self.least_learning_rate is None):
            raise UserError(
                f"optimiser.decay={self.decay} and optimiser.least_learning_rate={self.least_learning_rate} go "
                f"together: give both, or none for a constant learning rate"
            )
        for key in ("decay", "least_learning_rate"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise UserError(
                    f"optimiser.{key} must be positive, got {value}; none (for both of the schedule's) makes it "
                    f"constant"
                )


@dataclass(frozen=True, kw_only=True)
class StructuredEvaluationConfig:
    """How the negative log-likelihood of the test split is measured."""

    samples_while_training: int = 100
    """Number of samples of the negative log-likelihood at each evaluation."""
    samples: int = 1000
    """Number of samples of rounded units at the end."""
    relaxed_samples: int = 100
    """Number of samples of relaxed units at the end."""
    pictures: int = 0
    """Number of sampled completions of each pictured image that the run stores; 0 for none."""

    def __post_init__(self):
        check_at_least(self, "evaluation", samples_while_training=1, samples=1, relaxed_samples=1, pictures=0)


@dataclass(frozen=True, kw_only=True)
class TrainStructured(TrainingRun):
    """One model that predicts the lower half of digits from the upper half through layers of binary units, trained with
    one seed."""

    executor: ClassVar[str] = "igr_suite.families.structured.train:execute"

    model: StructuredModelConfig = field(default_factory=StructuredModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: StructuredOptimiserConfig = field(default_factory=StructuredOptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: StructuredEvaluationConfig = field(default_factory=StructuredEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        recipe = recipe_of(self.data.name)
        if recipe.image_shape != IMAGE_SHAPE or recipe.likelihood != "bernoulli":
            raise UserError(
                f"structured output prediction takes 28x28 images of black and white pixels, and {self.data.name} has "
                f"others; take mnist"
            )
        if self.data.binarisation != "static":
            raise UserError(
                f"data.binarisation={self.data.binarisation} is not possible here: both halves are thresholded at 0.5; "
                f"leave it out"
            )
        check_pictured(self)

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return tuple(structured_keys.KEYS)

    def translate(self, settings: Mapping) -> Mapping:
        return structured_keys.translate(settings)

    def data_parallel_obstacle(self) -> str | None:
        return None

    @property
    def evaluations_per_step(self) -> int:
        return self.schedule.batch_size * self.schedule.samples

    def slug(self) -> str:
        temperature = "" if self.model.temperature is None else f"-t{self.model.temperature:g}"
        historical = (
            "-historical"
            if "historical" in (self.model.noise, self.model.temperature_use, self.model.planar_norm)
            else ""
        )
        distribution = f"{self.model.architecture}-{self.model.name}{historical}{temperature}"
        return f"{self.data.name}-{distribution}-S{self.schedule.samples}-s{self.seed}"
