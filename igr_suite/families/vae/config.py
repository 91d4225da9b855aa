"""Configuration of one VAE training run (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from igr_suite.errors import UserError, nearest
from igr_suite.families.vae import original as original_keys
from igr_suite.families.vae.monitor_config import MonitorConfig
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.options import Option, WithOptions, by_choice
from igr_suite.networks.image_sides import SIDES, misfit
from igr_suite.training.config_parts import (
    DataConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainingRun,
    check_output_activation,
    truncated_by_batch,
)
from igr_suite.training.ranges import check_at_least, check_positive

DiscreteName = Literal[
    "GS_Dis", "IGR_I_Dis", "IGR_Planar_Dis", "IGR_SB_Finite_Dis", "IGR_SB_Dis", "IGR_SB_Log_Dis", "IGSM_Dis", "GSP_Dis"
]
# with continuous latents beside the discrete ones
JointName = Literal["GS", "IGR_I", "IGR_Planar", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGSM", "GSP"]
ModelName = Literal[DiscreteName, "VAE", JointName]

# Model -> the options that it reads and the values that they take when none is given. An option that is given to
# another model is an error.
OPTIONS_OF_MODEL = {
    "GS_Dis": {"prior_temperature": "posterior"},
    "IGR_I_Dis": {"delta": 1.0, "prior": "uniform"},
    "IGR_Planar_Dis": {"delta": 1.0, "prior": "uniform", "planar_norm": "squared", "planar_prior": "shared_flow"},
    "IGR_SB_Finite_Dis": {"delta": 1.0, "prior": "uniform"},
    "IGR_SB_Dis": {"delta": 1.0, "prior": "uniform", "threshold": 0.9, "quantile": 50.0, "truncation": "batch"},
    "IGR_SB_Log_Dis": {"prior": "uniform"},
    "IGSM_Dis": {},  # the prior of IGSM and GSP is N(0, I), which is both the uniform and the standard one
    "GSP_Dis": {},
    "VAE": {"latent_dim": 10},
}
JOINT = get_args(JointName)
OPTIONS_OF_MODEL |= {
    name: OPTIONS_OF_MODEL[f"{name}_Dis"] | {"latent_dim": 10, "continuous_kl": "closed", "capacity": None}
    for name in JOINT
}
# Models for which the distribution of the one-hot codes is known in closed form or computed by quadrature.
EXACT_ARGMAX = ("GS_Dis", "IGR_I_Dis", "IGSM_Dis", "GSP_Dis", "GS", "IGR_I", "IGSM", "GSP")
DISCRETE_OPTIONS = {"variables": 20, "categories": 10}
JOINT_OPTIONS = {"variables": 1, "categories": 10}
# Temperatures of the G3 runs (docs/papers/igr.md, section 3.4); the stick-breaking distributions need lower ones. IGSM
# and GSP take the temperature of the IGR models in the figures of G1, the only code that had them; its low one was 0.1.
TEMPERATURES = {
    "GS_Dis": 0.67,
    "IGR_I_Dis": 0.15,
    "IGR_Planar_Dis": 0.15,
    "IGR_SB_Finite_Dis": 0.15,
    "IGR_SB_Dis": 0.15,
    "IGR_SB_Log_Dis": 0.5,
    "IGSM_Dis": 0.5,
    "GSP_Dis": 0.5,
}
TEMPERATURES |= {name: TEMPERATURES[f"{name}_Dis"] for name in JOINT}


def default_options(name: ModelName) -> dict[str, object]:
    """The options that a model reads, with the values they take when none is given.

    Raises:
      UserError: there is no such model.
    """
    if name not in OPTIONS_OF_MODEL:
        raise UserError(f"unknown model '{name}': {nearest(str(name), OPTIONS_OF_MODEL)}")
    if name == "VAE":
        return OPTIONS_OF_MODEL[name]
    sizes = JOINT_OPTIONS if name in JOINT else DISCRETE_OPTIONS
    if name == "IGR_SB":
        sizes = sizes | {"categories": 50}  # the truncation picks how many of them are used
    return OPTIONS_OF_MODEL[name] | sizes | {"temperature": TEMPERATURES[name]}


@dataclass(frozen=True, kw_only=True)
class CapacityConfig:
    """The JointVAE loss: each KL is held at a capacity C that rises from `lo` to `hi` over `n` steps of training and
    stays there.

        -mean [log p(x | z) - gamma |KL_continuous - C_z(t)| - gamma |KL_discrete - C_c(t)|],
        C(t) = linspace(lo, hi, n)[t]

    `continuous` and `discrete` are (lo, hi, n); the defaults are those of the authors' README runs on MNIST.
    """

    gamma: float = 30.0
    """Weight of the distance between a KL and its capacity."""
    continuous: tuple[float, float, int] = (0.0, 5.0, 25_000)
    """(lo, hi, n) of the capacity of the continuous latents' KL, in nats and steps."""
    discrete: tuple[float, float, int] = (0.0, 5.0, 25_000)
    """(lo, hi, n) of the capacity of the discrete latents' KL, in nats and steps."""

    def __post_init__(self):
        check_positive(self, "model.capacity", "gamma")
        for key in ("continuous", "discrete"):
            lo, hi, steps = getattr(self, key)
            if min(lo, hi) < 0 or steps < 2:
                raise UserError(
                    f"model.capacity.{key} is (lo, hi, n) with lo and hi at least 0 and n at least 2 steps, got "
                    f"{lo},{hi},{steps}"
                )


@dataclass(frozen=True, kw_only=True)
class ModelConfig(WithOptions):
    """The VAE: its latent distribution, its networks and the estimator of its KL.

    `kl` is "sampled" (log q - log p at the sample) or "closed" (the Gaussians' closed form; not for GS); joint models
    read it for their discrete part and `continuous_kl` for the continuous one. `capacity` trains joint models on the
    JointVAE loss. `prior_temperature` is a positive number or "posterior"; G3 fixes it at 0.5. `prior` is "uniform"
    (argmax close to uniform), "standard" (N(0, 1)), "logistic" (G2's: loc = logit(1/(K-1)), log scale = 0.541325) or
    "fitted" (relaxed samples with a uniform mean; fitted when it is first needed, see `studies.fits.priors.vae_prior`).
    `planar_prior` is "shared_flow" (the KL has a closed form) or "after_flow" (G3's).
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = by_choice(
        "name", {name: default_options(name) for name in OPTIONS_OF_MODEL}
    )

    name: ModelName = "IGR_I_Dis"
    """Model, named for its relaxation. Names that end in "_Dis" have discrete latents only, "VAE" has continuous ones
    only, and the others have both."""
    architecture: Literal["linear", "dense_g2", "nonlinear", "conv_jointvae", "conv"] = "nonlinear"
    """Layers of encoder and decoder."""
    output_activation: Literal["linear", "elu"] = "linear"
    """Activation of the encoder's last layer, whose outputs are the parameters of the latents."""
    kl: Literal["sampled", "closed"] = "sampled"
    """"sampled" is log q - log p at the sample, "closed" the closed form of the Gaussians, which GS does not have."""
    stick_the_landing: bool = False
    """Whether the gradient leaves out the score term of log q, whose mean is 0."""
    temperature: float | None = None
    """Temperature of the relaxation."""
    variables: int | None = None
    """Number of discrete latent variables."""
    categories: int | None = None
    """Number of categories of each; for IGR_SB the largest number."""
    latent_dim: int | None = None
    """Number of continuous latents."""
    prior: Literal["uniform", "standard", "logistic", "fitted"] | None = None
    """"uniform" has an argmax that is close to uniform, "standard" is N(0, 1), "logistic" has loc = logit(1/(K-1)) and
    log scale = 0.541325, "fitted" gives relaxed samples a uniform mean."""
    prior_temperature: float | Literal["posterior"] | None = None
    """Temperature of the prior: a positive number, or "posterior" for that of the model."""
    delta: float | None = None
    """Constant that IGR's softmax adds to its denominator."""
    threshold: float | None = None
    """Share of the sticks' mass that IGR_SB keeps."""
    quantile: float | None = None
    """Percentile, over the draws of a batch, of the number of sticks that IGR_SB keeps."""
    truncation: Literal["batch", "sample", "historical"] | None = None
    """Whether IGR_SB keeps one number of sticks for a batch, one for every sample, or that of the authors' code."""
    planar_norm: Literal["squared", "historical"] | None = None
    """Normalisation of the planar flow's vector: the correct "squared" one or the authors'."""
    planar_prior: Literal["shared_flow", "after_flow"] | None = None
    """"shared_flow" puts the prior before the flow, so that the KL has a closed form, "after_flow" behind it."""
    continuous_kl: Literal["closed", "sampled"] | None = added_later(None)
    """As `kl`, for the continuous latents of joint models."""
    capacity: CapacityConfig | None = added_later(None)
    """Capacities of the JointVAE loss, on which a joint model is then trained."""

    def __post_init__(self):
        if self.capacity is not None and self.name not in JOINT:
            raise UserError(
                f"model.capacity needs continuous and discrete latents, and {self.name} does not have both; take one "
                f"of {', '.join(JOINT)}"
            )
        super().__post_init__()
        self._check_ranges()

    @property
    def distribution(self) -> str:
        """Name of the relaxation of the discrete latents; "VAE" has none."""
        return self.name.removesuffix("_Dis")

    @property
    def joint(self) -> bool:
        """Whether there are continuous latents beside discrete ones."""
        return self.name in JOINT

    def _check_ranges(self) -> None:
        for key in ("temperature", "delta", "prior_temperature"):
            value = getattr(self, key)
            if isinstance(value, (int, float)) and not value > 0:
                hint = " (IGR-SB works from about 0.01)" if key == "temperature" else ""
                raise UserError(f"model.{key} must be positive, got {value}{hint}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(
                f"model.threshold must lie between 0 and 1, got {self.threshold} (the papers use 0.9 and 0.99)"
            )
        if self.quantile is not None and not 0 <= self.quantile <= 100:
            raise UserError(f"model.quantile is a percentile between 0 and 100, got {self.quantile}")
        check_at_least(self, "model", variables=1, categories=2, latent_dim=1)
        if self.kl == "closed" and self.distribution == "GS":
            raise UserError(
                f"model.kl=closed does not exist for {self.name}: two Concrete distributions have no closed-form KL; "
                f"set model.kl=sampled"
            )
        if self.kl == "closed" and self.planar_prior == "after_flow":
            raise UserError(
                "model.kl=closed needs model.planar_prior=shared_flow: behind the flow the prior has no closed-form KL"
            )
        if self.kl == "closed" and self.stick_the_landing:
            raise UserError("model.stick_the_landing needs model.kl=sampled: the closed form has no score term to drop")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """The importance-weighted log-likelihood at the end of a run, and what else is measured and kept.

    For IGR-I and its relatives the exact distribution of the argmax is an integral, which takes 14 s for 10,000 images;
    the other bounds take half a second.
    """

    importance_samples: int = 100
    """Number of samples of the importance-weighted log-likelihood at the end of the run."""
    historical_likelihood: bool = False
    """Whether the authors' estimator is measured too; it is no bound and can exceed the log-likelihood."""
    pictures: bool = added_later(False)
    """Whether reconstructions, prior samples and latent traversals are kept, for `igr pictures` and figures."""
    exact_one_hot: Literal["always", "last"] = added_later("always")
    """When the bounds with the exact distribution of the argmax are measured: at every evaluation, or at the last."""

    def __post_init__(self):
        check_at_least(self, "evaluation", importance_samples=1)


@dataclass(frozen=True, kw_only=True)
class TrainVAE(TrainingRun):
    """One VAE trained with one seed; `monitor` adds measurements of its gradients to every evaluation."""

    executor: ClassVar[str] = "igr_suite.families.vae.train:execute"
    subject: ClassVar[str] = "igr_suite.families.vae.subject"

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""
    monitor: MonitorConfig | None = added_later(None)

    def validate(self) -> None:
        if self.monitor is not None and not self.model.name.endswith("_Dis"):
            raise UserError(
                f"monitor is for models with discrete latents only (their names end in _Dis), not for {self.model.name}"
            )
        if self.evaluation.historical_likelihood and self.model.name not in EXACT_ARGMAX:
            raise UserError(
                f"evaluation.historical_likelihood needs the distribution of the argmax, which is not known for "
                f"{self.model.name}; take one of {', '.join(EXACT_ARGMAX)}"
            )
        problem = misfit(self.model.architecture, self.data.image_shape)
        if problem:
            height, width, _ = self.data.image_shape
            raise UserError(
                f"model.architecture={self.model.architecture} {problem}, and {self.data.name} has {height}x{width}; "
                f"set data.resize={SIDES[self.model.architecture][0]}, or take one of the dense ones: linear, "
                f"nonlinear, dense_g2"
            )
        check_output_activation(self)

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return tuple(original_keys.KEYS)

    def translate(self, settings: Mapping) -> Mapping:
        translated = original_keys.translate(settings, self)
        if self.model.capacity is None and any(path.startswith("model.capacity.") for path in translated):
            return {"model.capacity": {}} | translated  # to set a part of the JointVAE loss is to ask for it
        return translated

    def data_parallel_obstacle(self) -> str | None:
        return truncated_by_batch(self.model, "sticks")

    @property
    def evaluations_per_step(self) -> int:
        return self.schedule.batch_size * self.schedule.samples

    def slug(self) -> str:
        temperature = "" if self.model.temperature is None else f"-t{self.model.temperature:g}"
        return f"{self.data.name}-{self.model.name}{temperature}-s{self.seed}"
