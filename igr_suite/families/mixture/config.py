"""Configuration of one training run of a stick-breaking mixture VAE, DLGMM (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite import data
from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError
from igr_suite.families.mixture import original as mixture_keys
from igr_suite.lab.runs.config import RunConfig
from igr_suite.training.config_parts import DataConfig, OptimiserConfig, ScheduleConfig, truncated_by_batch

KUMARASWAMY = ("DLGMM", "DLGMM_Var")  # the others' sticks are LogitNormal
TRUNCATED = {"DLGMM_IGR_SB": {"threshold": 0.9999, "truncation": "sample"}, "DLGMM_Var": {"threshold": 0.9999, "truncation": "sample"}}
HISTORICAL_QUANTILE = 70.0  # the one in effect in the authors' code, which declares 75 (docs/papers/igr.md, section 1.5)


@dataclass(frozen=True, kw_only=True)
class MixtureModelConfig:
    """The mixture: law of its sticks, its size, its networks and the bound that it is trained on.

    `name` is DLGMM (Kumaraswamy sticks), DLGMM_IGR (LogitNormal), and truncated at `threshold` DLGMM_Var (Kumaraswamy) and DLGMM_IGR_SB
    (LogitNormal). `objective` is "mixture" (the component summed out of both laws), "joint" (the component is a latent variable; a lower
    bound) or "historical" (the authors' loss, clipped sticks and, for DLGMM_Var, a second sigmoid; not a bound). `stick_the_landing`
    defaults to false, with the historical objective to what the authors did. `truncation` is "sample" (every draw its own number of
    components) or "batch" (one number, the `quantile` over draws).
    """

    name: Literal["DLGMM", "DLGMM_IGR", "DLGMM_IGR_SB", "DLGMM_Var"] = "DLGMM"
    architecture: Literal["dlgmm_dense", "dlgmm_conv"] = "dlgmm_dense"
    components: int = 20
    dimensions: int = 50
    objective: Literal["mixture", "joint", "historical"] = "mixture"
    stick_the_landing: bool | None = None
    threshold: float | None = None
    truncation: Literal["sample", "batch"] | None = None
    quantile: float | None = None

    def __post_init__(self):
        historical, truncated = self.objective == "historical", self.name in TRUNCATED
        for key in ("threshold", "truncation", "quantile"):
            if getattr(self, key) is not None and not truncated:
                raise UserError(
                    f"model.{key}={getattr(self, key)} is not used by {self.name}, only by {', '.join(TRUNCATED)}; leave it out"
                )
        self._default("stick_the_landing", historical and not truncated)
        if truncated:
            self._default("threshold", TRUNCATED[self.name]["threshold"])
            self._default("truncation", "batch" if historical else TRUNCATED[self.name]["truncation"])
            if self.truncation == "batch":
                self._default("quantile", HISTORICAL_QUANTILE)
            elif self.quantile is not None:
                raise UserError(f"model.quantile={self.quantile} is read with model.truncation=batch only; leave it out")
        self._check_ranges()

    def _default(self, key: str, value: object) -> None:
        if getattr(self, key) is None:
            object.__setattr__(self, key, value)

    def _check_ranges(self) -> None:
        for key, least in (("components", 2), ("dimensions", 1)):
            if getattr(self, key) < least:
                raise UserError(f"model.{key} must be at least {least}, got {getattr(self, key)}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UserError(f"model.threshold must lie between 0 and 1, got {self.threshold} (the authors take 0.9999)")
        if self.quantile is not None and not 0 <= self.quantile <= 100:
            raise UserError(f"model.quantile is a percentile between 0 and 100, got {self.quantile}")


@dataclass(frozen=True, kw_only=True)
class MixtureEvaluationConfig:
    """The importance-weighted log-likelihood at the end of a run, and whether the run stores pictures.npz.

    One importance sample decodes every component.
    """

    importance_samples: int = 100
    pictures: bool = False

    def __post_init__(self):
        if self.importance_samples < 1:
            raise UserError(f"evaluation.importance_samples must be at least 1, got {self.importance_samples}")


@dataclass(frozen=True, kw_only=True)
class TrainMixture(RunConfig):
    """One stick-breaking mixture VAE trained with one seed; the authors' 20 components, 50 dimensions, batch 100, Adam 3e-4, 300 epochs."""

    executor: ClassVar[str] = "igr_suite.families.mixture.train:execute"
    fitted: ClassVar[bool] = True

    model: MixtureModelConfig = field(default_factory=MixtureModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(epochs=300, evaluate_every=10))
    evaluation: MixtureEvaluationConfig = field(default_factory=MixtureEvaluationConfig)
    seed: int = 0

    def validate(self) -> None:
        if self.data.resize is not None:
            raise UserError(
                f"data.resize={self.data.resize} is not used by the mixtures, whose networks take the data's own shape; leave it out"
            )
        if recipe_of(self.data.name).likelihood != "bernoulli":
            raise UserError(
                f"data.name={self.data.name} has a Gaussian likelihood, and the mixtures have a Bernoulli one; take mnist or omniglot"
            )

    @classmethod
    def aliases(cls) -> tuple[str, ...]:
        return mixture_keys.KEYS

    def translate(self, settings: Mapping) -> Mapping:
        return mixture_keys.translate(settings)

    def adapt(self, changed: dict, settings: Mapping) -> None:
        if not {"model.name", "model.objective", "model.truncation"} & set(settings):
            return
        for key in ("stick_the_landing", "threshold", "truncation", "quantile"):  # another model or objective takes its own defaults
            if f"model.{key}" not in settings and changed["model"][key] == getattr(self._plain_model(), key):
                changed["model"][key] = None

    def _plain_model(self) -> MixtureModelConfig:
        """The model with the defaults that follow from its name and objective."""
        return MixtureModelConfig(name=self.model.name, objective=self.model.objective)

    def check_inputs(self, data_dir: str | None) -> None:
        data.require_prepared(self.data.name, data_dir)

    def undivided(self) -> str | None:
        return truncated_by_batch(self.model, "components")

    @property
    def evaluations_per_step(self) -> int:
        return self.schedule.batch_size * self.schedule.samples * self.model.components  # one sample decodes every component

    def slug(self) -> str:
        return f"{self.data.name}-{self.model.name}-c{self.model.components}-s{self.seed}"
