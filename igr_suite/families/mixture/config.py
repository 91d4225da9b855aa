"""Configuration of one training run of a stick-breaking mixture VAE, DLGMM (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError
from igr_suite.families.mixture import original as mixture_keys
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.training.config_parts import DataConfig, OptimiserConfig, ScheduleConfig, TrainingRun, truncated_by_batch
from igr_suite.training.ranges import check_at_least

KUMARASWAMY = ("DLGMM", "DLGMM_Var")  # the sticks of the other models are LogitNormal
TRUNCATED = {
    "DLGMM_IGR_SB": {"threshold": 0.9999, "truncation": "sample"},
    "DLGMM_Var": {"threshold": 0.9999, "truncation": "sample"},
}
# the quantile that is in effect in the authors' code, which declares 75 (docs/papers/igr.md, section 1.5)
HISTORICAL_QUANTILE = 70.0


def _truncated(config) -> bool:
    return config.name in TRUNCATED


def _only_truncated(config) -> str:
    return f"is not used by {config.name}, only by {', '.join(TRUNCATED)}"


@dataclass(frozen=True, kw_only=True)
class MixtureModelConfig(WithOptions):
    """The mixture: distribution of its sticks, its size, its networks and the bound that it is trained on.

    `name` is DLGMM (Kumaraswamy sticks) or DLGMM_IGR (LogitNormal sticks); DLGMM_Var (Kumaraswamy) and DLGMM_IGR_SB
    (LogitNormal) are truncated at `threshold`. `objective` is "mixture" (the component is summed out of both
    distributions), "joint" (the component is a latent variable; a lower bound) or "historical" (the authors' loss with
    clipped sticks and, for DLGMM_Var, a second sigmoid; not a bound). `stick_the_landing` is false by default; with the
    historical objective it is what the authors did. `truncation` is "sample" (a number of components for every draw) or
    "batch" (one number, the `quantile` over draws).
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = {
        "stick_the_landing": Option(lambda config: config.objective == "historical" and not _truncated(config)),
        "threshold": Option(
            lambda config: TRUNCATED[config.name]["threshold"], read=_truncated, unread=_only_truncated
        ),
        "truncation": Option(
            lambda config: "batch" if config.objective == "historical" else TRUNCATED[config.name]["truncation"],
            read=_truncated,
            unread=_only_truncated,
        ),
        "quantile": Option(
            HISTORICAL_QUANTILE,
            read=lambda config: config.truncation == "batch",
            unread=lambda config: (
                "is read with model.truncation=batch only" if _truncated(config) else _only_truncated(config)
            ),
        ),
    }

    name: Literal["DLGMM", "DLGMM_IGR", "DLGMM_IGR_SB", "DLGMM_Var"] = "DLGMM"
    """Mixture: Kumaraswamy or LogitNormal sticks; the last two are truncated at `threshold`."""
    architecture: Literal["dlgmm_dense", "dlgmm_conv"] = "dlgmm_dense"
    """Layers of encoder and decoder."""
    components: int = 20
    """Greatest number of components."""
    dimensions: int = 50
    """Number of continuous latents of a component."""
    objective: Literal["mixture", "joint", "historical"] = "mixture"
    """Objective: the component is summed out of both distributions or kept as a latent variable, or the authors' loss,
    which is no bound."""
    stick_the_landing: bool | None = None
    """Whether the gradient leaves out the score term, whose mean is 0."""
    threshold: float | None = None
    """Share of the sticks' mass that is kept."""
    truncation: Literal["sample", "batch"] | None = None
    """One number of components for every draw, or one for the batch."""
    quantile: float | None = None
    """Percentile, over draws, of the number of components that a batch keeps."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, "model", components=2, dimensions=1)
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(f"model.threshold must lie between 0 and 1, got {self.threshold} (the authors take 0.9999)")
        if self.quantile is not None and not 0 <= self.quantile <= 100:
            raise UserError(f"model.quantile is a percentile between 0 and 100, got {self.quantile}")


@dataclass(frozen=True, kw_only=True)
class MixtureEvaluationConfig:
    """The importance-weighted log-likelihood at the end of a run, and whether the run stores pictures.npz."""

    importance_samples: int = 100
    """Number of samples of the log-likelihood at the end; each decodes every component."""
    pictures: bool = False
    """Whether the run stores pictures.npz."""

    def __post_init__(self):
        check_at_least(self, "evaluation", importance_samples=1)


@dataclass(frozen=True, kw_only=True)
class TrainMixture(TrainingRun):
    """One stick-breaking mixture VAE trained with one seed. The defaults are the authors': 20 components of 50
    dimensions, batches of 100, Adam with step size 3e-4, 300 epochs."""

    executor: ClassVar[str] = "igr_suite.families.mixture.train:execute"

    model: MixtureModelConfig = field(default_factory=MixtureModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(epochs=300, evaluate_every=10))
    evaluation: MixtureEvaluationConfig = field(default_factory=MixtureEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        if self.data.resize is not None:
            raise UserError(
                f"data.resize={self.data.resize} is not used by the mixtures, whose networks take the data's own "
                f"shape; leave it out"
            )
        if recipe_of(self.data.name).likelihood != "bernoulli":
            raise UserError(
                f"data.name={self.data.name} has a Gaussian likelihood, and the mixtures have a Bernoulli one; take "
                f"mnist or omniglot"
            )

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return tuple(mixture_keys.KEYS)

    def translate(self, settings: Mapping) -> Mapping:
        return mixture_keys.translate(settings)

    def data_parallel_obstacle(self) -> str | None:
        return truncated_by_batch(self.model, "components")

    @property
    def evaluations_per_step(self) -> int:
        # one sample decodes every component
        return self.schedule.batch_size * self.schedule.samples * self.model.components

    def slug(self) -> str:
        return f"{self.data.name}-{self.model.name}-c{self.model.components}-s{self.seed}"
