"""Configuration of one VAE training run (never imports TensorFlow)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite import data
from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError
from igr_suite.experiments.config import RunConfig
from igr_suite.models import original_keys

ModelName = Literal["GS_Dis", "IGR_I_Dis", "IGR_Planar_Dis", "IGR_SB_Finite_Dis", "IGR_SB_Dis", "IGR_SB_Log_Dis", "VAE"]

# Options that only some models read, with the value taken when none is given. An option set for another model is an error.
OPTIONS = {
    "GS_Dis": {"prior_temperature": "posterior"},
    "IGR_I_Dis": {"delta": 1.0, "prior": "uniform"},
    "IGR_Planar_Dis": {"delta": 1.0, "prior": "uniform", "planar_norm": "squared", "planar_prior": "shared_flow"},
    "IGR_SB_Finite_Dis": {"delta": 1.0, "prior": "uniform"},
    "IGR_SB_Dis": {"delta": 1.0, "prior": "uniform", "threshold": 0.9, "quantile": 50.0, "truncation": "batch"},
    "IGR_SB_Log_Dis": {"prior": "uniform"},
    "VAE": {"latent_dim": 10},
}
EXACT_ARGMAX = ("GS_Dis", "IGR_I_Dis")  # models whose one-hot codes have a law in closed form or by quadrature
DISCRETE_OPTIONS = {"variables": 20, "categories": 10}
# Temperatures of the G3 runs (spec/igr.md section 3.4); the stick-breaking laws need lower ones.
TEMPERATURES = {
    "GS_Dis": 0.67,
    "IGR_I_Dis": 0.15,
    "IGR_Planar_Dis": 0.15,
    "IGR_SB_Finite_Dis": 0.15,
    "IGR_SB_Dis": 0.15,
    "IGR_SB_Log_Dis": 0.5,
}


def default_options(name: ModelName) -> dict[str, object]:
    """The options that a model reads, with the values they take when none is given."""
    return OPTIONS[name] | ({} if name == "VAE" else DISCRETE_OPTIONS | {"temperature": TEMPERATURES[name]})


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, how they are binarised, and (smoke scale only) how many of them.

    `train_split` "all" trains on the validation images too, as the authors did; validation numbers then measure training images.
    """

    name: str = "mnist_5k"
    binarisation: Literal["none", "static", "dynamic"] = "static"
    train_split: Literal["train", "all"] = "train"
    train_limit: int | None = None
    evaluation_limit: int | None = None

    def __post_init__(self):
        recipe_of(self.name)  # an unknown name fails here, before anything starts


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The VAE: its latent law, its networks and the estimator of its KL.

    `kl` is "sampled" (log q - log p at the sample) or "closed" (the Gaussians' closed form; not for GS). `prior_temperature` is a
    positive number or "posterior"; G3 fixes it at 0.5. `prior` is "uniform" (argmax close to uniform), "standard" (N(0, 1)) or
    "logistic" (G2's: loc = logit(1/(K-1)), log scale = 0.541325). `planar_prior` is "shared_flow" (the KL has a closed form) or
    "after_flow" (G3's).
    """

    name: ModelName = "IGR_I_Dis"
    architecture: Literal["linear", "dense_g2", "nonlinear", "conv_jointvae"] = "nonlinear"
    output_activation: Literal["linear", "elu"] = "linear"
    kl: Literal["sampled", "closed"] = "sampled"
    stick_the_landing: bool = False
    temperature: float | None = None
    variables: int | None = None
    categories: int | None = None
    latent_dim: int | None = None
    prior: Literal["uniform", "standard", "logistic"] | None = None
    prior_temperature: float | Literal["posterior"] | None = None
    delta: float | None = None
    threshold: float | None = None
    quantile: float | None = None
    truncation: Literal["batch", "sample", "historical"] | None = None
    planar_norm: Literal["squared", "historical"] | None = None
    planar_prior: Literal["shared_flow", "after_flow"] | None = None

    def __post_init__(self):
        allowed = default_options(self.name)
        optional = {f.name for f in dataclasses.fields(self) if f.default is None}
        for key in optional:
            value = getattr(self, key)
            if value is not None and key not in allowed:
                readers = [
                    name for name in OPTIONS if key in OPTIONS[name] or (name != "VAE" and key in (*DISCRETE_OPTIONS, "temperature"))
                ]
                raise UserError(
                    f"model.{key}={value} is not used by {self.name}, only by {', '.join(readers)}; leave it out, or pick runs with --only"
                )
            if value is None and key in allowed:
                object.__setattr__(self, key, allowed[key])
        self._check_ranges()

    def _check_ranges(self) -> None:
        for key in ("temperature", "delta", "prior_temperature"):
            value = getattr(self, key)
            if isinstance(value, (int, float)) and not value > 0:
                hint = " (IGR-SB works from about 0.01)" if key == "temperature" else ""
                raise UserError(f"model.{key} must be positive, got {value}{hint}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(f"model.threshold must lie between 0 and 1, got {self.threshold} (the papers use 0.9 and 0.99)")
        if self.quantile is not None and not 0 <= self.quantile <= 100:
            raise UserError(f"model.quantile is a percentile between 0 and 100, got {self.quantile}")
        for key, least in (("variables", 1), ("categories", 2), ("latent_dim", 1)):
            value = getattr(self, key)
            if value is not None and value < least:
                raise UserError(f"model.{key} must be at least {least}, got {value}")
        if self.kl == "closed" and self.name == "GS_Dis":
            raise UserError("model.kl=closed does not exist for GS_Dis: two Concrete laws have no closed-form KL; set model.kl=sampled")
        if self.kl == "closed" and self.planar_prior == "after_flow":
            raise UserError("model.kl=closed needs model.planar_prior=shared_flow: behind the flow the prior has no closed-form KL")
        if self.kl == "closed" and self.stick_the_landing:
            raise UserError("model.stick_the_landing needs model.kl=sampled: the closed form has no score term to drop")


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam; epsilon is Keras's default, which the authors' TensorFlow 2 code used too."""

    learning_rate: float = 3e-4
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self):
        if not self.learning_rate > 0:
            raise UserError(f"optimiser.learning_rate must be positive, got {self.learning_rate}")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long to train, on how many images and samples a step, and how often to evaluate."""

    epochs: int = 100
    batch_size: int = 100
    samples: int = 1
    evaluate_every: int = 5
    matmul_precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self):
        for key in ("epochs", "batch_size", "samples", "evaluate_every"):
            if getattr(self, key) < 1:
                raise UserError(f"schedule.{key} must be at least 1, got {getattr(self, key)}")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The importance-weighted log-likelihood at the end of a run.

    `historical_likelihood` adds the authors' estimator, which is not a bound (it can exceed the log-likelihood).
    """

    importance_samples: int = 100
    historical_likelihood: bool = False

    def __post_init__(self):
        if self.importance_samples < 1:
            raise UserError(f"evaluation.importance_samples must be at least 1, got {self.importance_samples}")


@dataclass(frozen=True, kw_only=True)
class TrainVAE(RunConfig):
    """One VAE trained with one seed."""

    executor: ClassVar[str] = "igr_suite.training.train_vae:execute"
    family: ClassVar[str] = "discrete_vae"

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0

    def validate(self) -> None:
        if self.evaluation.historical_likelihood and self.model.name not in EXACT_ARGMAX:
            raise UserError(
                f"evaluation.historical_likelihood needs the law of the argmax, which {self.model.name} has not in closed form; "
                f"it exists for {', '.join(EXACT_ARGMAX)}"
            )
        height, width, _ = recipe_of(self.data.name).image_shape
        if self.model.architecture == "conv_jointvae" and (height, width) not in ((32, 32), (64, 64)):
            raise UserError(
                f"model.architecture=conv_jointvae takes square images of side 32 or 64, and {self.data.name} has {height}x{width}; "
                "take one of the dense ones: linear, nonlinear, dense_g2"
            )
        if self.model.output_activation == "elu" and recipe_of(self.data.name).likelihood == "bernoulli":
            raise UserError(
                f"model.output_activation=elu is read by the Gaussian likelihood only, and {self.data.name} has a Bernoulli one"
            )

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return tuple(original_keys.KEYS)

    def translate(self, settings: Mapping) -> Mapping:
        return original_keys.translate(settings, self)

    def adapt(self, changed: dict, settings: Mapping) -> None:
        if "model.name" not in settings:
            return
        for key, value in default_options(self.model.name).items():  # another model takes its own defaults
            if f"model.{key}" not in settings and changed["model"][key] == value:
                changed["model"][key] = None

    def check_inputs(self, data_dir: str | None) -> None:
        found = data.status(self.data.name, data_dir)
        if not found.prepared:
            raise UserError(found.note)

    def slug(self) -> str:
        temperature = "" if self.model.temperature is None else f"-t{self.model.temperature:g}"
        return f"{self.data.name}-{self.model.name}{temperature}-s{self.seed}"
