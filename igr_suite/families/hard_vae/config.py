"""Configuration of one VAE trained with RELAX (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.families.hard_vae import original as relax_keys
from igr_suite.lab.runs.options import Option, WithOptions, by_choice
from igr_suite.training.config_parts import (
    DataConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainingRun,
    check_output_activation,
)
from igr_suite.training.ranges import check_at_least, check_positive

ModelName = Literal["Relax_GS_Dis", "Relax_IGR", "Relax_Ber_Dis"]

# Model -> the options that it reads and the values that they take when none is given. Temperatures are the authors'
# initial ones.
OPTIONS_OF_MODEL = {
    "Relax_GS_Dis": {
        "temperature": 5.0,
        "variables": 20,
        "categories": 10,
        "coupling": "coupled",
        "relaxation": "standard",
    },
    "Relax_IGR": {
        "temperature": 0.15,
        "variables": 20,
        "categories": 10,
        "estimator": "relax",
        "parameters": "free",
        "kl_sign": "correct",
        "points": 12,
    },
    "Relax_Ber_Dis": {"temperature": 5.0, "variables": 200, "coupling": "coupled"},
}


@dataclass(frozen=True, kw_only=True)
class RelaxModelConfig(WithOptions):
    """The VAE, its discrete distribution and its control variate c(z) = loss at the relaxed code + net(relaxed code).

    `temperature` is the initial temperature of every latent; temperatures are trained. `coupling` (GS, Bernoulli)
    "coupled" takes z itself as the noise given the code, "independent" draws that noise anew, as the authors do; both
    are unbiased. `relaxation` (GS) is softmax(z / t), or softmax(z / t + log pi) if "historical". `estimator` (IGR)
    "historical" is the authors' and biased (families/hard_vae/gradients.py). `parameters` (IGR) "free" allows any loc
    and scales from 0.05 to 20, "bounded" is the authors' loc = tanh, scale = 0.5 + 0.5 sigmoid. `kl_sign` (IGR)
    "historical" rewards the KL. `points` (IGR) is the number of quadrature points of log q on either side of the
    sample. `stick_the_landing` leaves out the term d log q(code), whose mean is 0. `control_objective` is what trains
    the control variate: the squared norm of the gradient of the encoder's "parameters", or of its "outputs".
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = by_choice("name", OPTIONS_OF_MODEL)

    name: ModelName = "Relax_IGR"
    """Distribution of the hard codes: categorical, Bernoulli, or the argmax of a Gaussian."""
    architecture: Literal["linear", "nonlinear", "dense_relax"] = "nonlinear"
    """Layers of encoder and decoder."""
    output_activation: Literal["linear", "elu"] = "linear"
    """Activation of the encoder's last layer."""
    stick_the_landing: bool = False
    """Whether the term d log q(code), whose mean is 0, is left out."""
    control_units: int = 50
    """Width of the control variate's network."""
    control_objective: Literal["parameters", "outputs"] = "parameters"
    """Gradient whose squared norm trains the control variate: of the encoder's weights or of its outputs."""
    temperature: float | None = None
    """Initial temperature of every latent; temperatures are trained."""
    variables: int | None = None
    """Number of latent variables."""
    categories: int | None = None
    """Number of categories of each."""
    coupling: Literal["coupled", "independent"] | None = None
    """Noise of the conditional relaxation: that of the code, or noise that is drawn anew; both are unbiased."""
    relaxation: Literal["standard", "historical"] | None = None
    """Relaxed code: softmax(z / t), or the authors' softmax(z / t + log pi)."""
    estimator: Literal["relax", "historical"] | None = None
    """RELAX, or the authors' biased estimator."""
    parameters: Literal["free", "bounded"] | None = None
    """Range of the parameters: any loc and scales from 0.05 to 20, or the authors' tanh and 0.5 + 0.5 sigmoid."""
    kl_sign: Literal["correct", "historical"] | None = None
    """Sign of the KL: the correct one, or the authors', which rewards the KL."""
    points: int | None = None
    """Number of quadrature points of log q on either side of the sample."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "model", "temperature")
        check_at_least(self, "model", variables=1, categories=2, control_units=1, points=4)


@dataclass(frozen=True, kw_only=True)
class RelaxEvaluationConfig:
    """The importance-weighted log-likelihood at the end, and the gradient's variance at every evaluation, over
    `variance_draws` draws of the noise for each of the first `variance_images` training images."""

    importance_samples: int = 100
    """Number of samples of the log-likelihood at the end."""
    variance_draws: int = 32
    """Number of draws of the gradient for its variance at every evaluation."""
    variance_images: int = 50
    """Number of the first training images whose gradients are drawn."""

    def __post_init__(self):
        check_at_least(self, "evaluation", importance_samples=1, variance_draws=2, variance_images=1)


@dataclass(frozen=True, kw_only=True)
class TrainRelax(TrainingRun):
    """One VAE trained with RELAX and one seed; the three optimisers (encoder, decoder, control variate) have the same
    settings."""

    executor: ClassVar[str] = "igr_suite.families.hard_vae.train:execute"
    subject: ClassVar[str] = "igr_suite.families.hard_vae.subject"

    model: RelaxModelConfig = field(default_factory=RelaxModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(learning_rate=1e-4))
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: RelaxEvaluationConfig = field(default_factory=RelaxEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        if self.schedule.samples != 1:
            raise UserError(
                f"schedule.samples must be 1 with RELAX, got {self.schedule.samples}; take a larger schedule.batch_size"
            )
        if self.schedule.matmul_precision != "float32":
            raise UserError(
                f"schedule.matmul_precision={self.schedule.matmul_precision} is not supported with RELAX; leave it out"
            )
        if self.data.resize is not None:
            raise UserError(f"data.resize={self.data.resize} is not supported with RELAX; leave it out")
        check_output_activation(self)

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return tuple(relax_keys.KEYS)

    def translate(self, settings: Mapping) -> Mapping:
        return relax_keys.translate(settings, self.model.name)

    @property
    def evaluations_per_step(self) -> int:
        # evaluations of the control variate, see `gradients.evaluate_control`
        relaxed = 2 if self.model.coupling == "independent" else 1
        return self.schedule.batch_size * (1 + relaxed)

    def slug(self) -> str:
        historical = [key for key in ("estimator", "kl_sign", "relaxation") if getattr(self.model, key) == "historical"]
        return "-".join(
            [self.data.name, self.model.name, *(f"historical-{key}" for key in historical), f"s{self.seed}"]
        )
