"""Configuration of one run of the Gaussian-latent VAE on a K-sample objective (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError
from igr_suite.families.iwae.start import DReGStartConfig
from igr_suite.lab.runs.options import Option, WithOptions
from igr_suite.objectives import names
from igr_suite.training.config_parts import BinaryDataConfig, OptimiserConfig, StepScheduleConfig, TrainingRun
from igr_suite.training.ranges import check_at_least


def _structured(default: str) -> Option:
    return Option(
        default,
        read=lambda config: config.task == "structured",
        unread="is read by model.task=structured only",
        dropped=True,
    )


@dataclass(frozen=True, kw_only=True)
class DReGConfig(WithOptions):
    """Networks, objective and number of samples.

    The fields from `alpha` on are options of objectives; giving one to an objective that does not read it is an error.
    """

    group: ClassVar[str] = "model"
    options: ClassVar[Mapping[str, Option]] = {
        "struct_layout": _structured("paper"),
        "prior_gradient": _structured("score"),
    }

    estimator: str = "iwae"
    """Objective and gradient, one of docs/objectives.md."""
    samples: int = 64
    """Number K of samples of the latents for each image."""
    latents: int = 50
    """Number of latents."""
    hidden: int = 200
    """Width of the hidden layers."""
    task: Literal["density", "structured"] = "density"
    """"density" models whole images, "structured" predicts one half of an image from the other."""
    struct_layout: Literal["paper", "legacy"] | None = None
    """"paper" predicts the lower half; "legacy", the authors' code, the upper one with mean images of wrong halves."""
    prior_gradient: Literal["score", "gdreg"] | None = None
    """Gradient of the conditional prior: the plain score, or the doubly reparameterised "gdreg"."""
    sigma_min: float = 0.0
    """Floor of the standard deviations; 0 in the original, 1e-6 is advised for long runs."""
    antithetic: bool = False
    """Whether half of the samples mirror the others, which voids every claim of unbiasedness."""
    alpha: float | None = None
    """Weight of RWS-DReG beside DReG in their mixture (dreg-alpha), or the order of the Rényi bound (VR-IWAE)."""
    order: int | None = None
    """Order of the jackknife."""
    form: str | None = None
    """How the jackknife leaves samples out: by masks for any order, or in closed form for order 1."""
    groups: int | None = None
    """Number of equal groups that the samples fall into (MIWAE, PIWAE)."""
    beta: float | None = None
    """Weight of the ELBO beside the importance-weighted bound (CIWAE)."""
    mean: str | None = None
    """Mean of the other samples' weights that stands in for a sample's own (VIMCO)."""
    gamma: float | None = None
    """Which of its two limits the control variate is closer to, 0 or 1 (OVIS~)."""
    auxiliary: int | None = None
    """Number of auxiliary samples of the control variate (OVIS-MC)."""
    partitions: int | None = None
    """Number of intervals of the thermodynamic integral."""
    first: float | None = None
    """First positive point of the thermodynamic integral."""
    rule: str | None = None
    """Quadrature rule of the thermodynamic integral."""

    def __post_init__(self):
        check_at_least(self, "model", samples=1, latents=1, hidden=1)
        if self.sigma_min < 0:
            raise UserError(f"model.sigma_min must not be negative, got {self.sigma_min}")
        given = {option: getattr(self, option) for option in names.OPTION_NAMES}
        for option, value in names.resolve(self.estimator, given).items():
            object.__setattr__(self, option, value)
        super().__post_init__()

    def options_of(self, name: str) -> dict[str, object]:
        """The options given here that an objective reads; of another one than the trained one, those that mean the same
        to both."""
        shared = names.shared_options(name, self.estimator)
        return {option: getattr(self, option) for option in shared if getattr(self, option) is not None}


@dataclass(frozen=True, kw_only=True)
class DReGDataConfig(BinaryDataConfig):
    """Which images, and how they become binary, in training and evaluation alike; dynamic evaluations always use the
    same draws. The mean image is grey."""

    name: str = "mnist"
    """Data set, one of `igr data list`; its pixels have to be binary or binarisable."""
    binarisation: Literal["static", "once", "dynamic"] = "dynamic"
    """"dynamic" draws a pixel from Bernoulli(x / 255) whenever an image is used, "once" draws once, "static" is x >=
    128."""

    def __post_init__(self):
        if recipe_of(self.name).likelihood != "bernoulli":
            raise UserError(f"the decoder models binary pixels, and {self.name} has grey or colour ones; take mnist")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class DReGOptimiserConfig(OptimiserConfig):
    """Adam for all networks, with the papers' epsilon."""

    epsilon: float = 1e-8
    """What Adam adds to the root of the mean square."""


@dataclass(frozen=True, kw_only=True)
class DReGScheduleConfig(StepScheduleConfig):
    """How long to train: whole epochs, or the whole epochs that hold `steps` steps; the last batch of an epoch is
    filled up."""

    batch_size: int = 32
    """Number of images in a step."""
    evaluate_every: int = 10
    """Number of epochs between evaluations."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Type of the operands of the decoder's products; weights, log weights and evaluation stay float32."""


@dataclass(frozen=True, kw_only=True)
class DReGStatisticsConfig:
    """What is measured of the gradients during training."""

    stats: Literal["ema", "exact", "off"] = "ema"
    """Whether the gradients' moments are moving averages, those and exact means over draws, or not measured."""
    var_calc: tuple[str, ...] = ()
    """Objectives that are measured beside the trained one."""
    repeats: int = 200
    """Number of draws of the exact statistics."""

    def __post_init__(self):
        for name in self.var_calc:
            names.facts_of(name)
        if self.var_calc and self.stats == "off":
            raise UserError(
                f"statistics.var_calc={','.join(self.var_calc)} is not measured with statistics.stats=off; take ema or "
                f"exact"
            )
        check_at_least(self, "statistics", repeats=2)


@dataclass(frozen=True, kw_only=True)
class DReGEvaluationConfig:
    """Bounds of validation and test images."""

    samples: tuple[int, ...] = (64,)
    """Numbers of samples of the bounds at every evaluation, beside that of training."""
    likelihood_samples: int = 0
    """Number of samples of the bound at the end; the literature takes 5,000, and 0 leaves it out."""
    likelihood_images: int | None = None
    """Number of the first test images for that bound, which the metric's name carries; all where not given."""
    pictures: bool = False
    """Whether reconstructions by the sample of highest weight are stored."""

    def __post_init__(self):
        if any(count < 1 for count in self.samples):
            raise UserError(f"evaluation.samples must be at least 1, got {','.join(map(str, self.samples))}")
        if self.likelihood_samples < 0:
            raise UserError(
                f"evaluation.likelihood_samples must be 0 (not measured) or more, got {self.likelihood_samples}"
            )
        check_at_least(self, "evaluation", likelihood_images=1)


@dataclass(frozen=True, kw_only=True)
class TrainDReG(TrainingRun):
    """One VAE trained on one objective with one seed."""

    executor: ClassVar[str] = "igr_suite.families.iwae.train:execute"
    parts_side_by_side: ClassVar[int] = 2
    # the step size is constant, and noise depends on the step only
    extendable_by: ClassVar[tuple[str, ...]] = ("schedule.epochs", "schedule.steps")

    model: DReGConfig = field(default_factory=DReGConfig)
    data: DReGDataConfig = field(default_factory=DReGDataConfig)
    optimiser: DReGOptimiserConfig = field(default_factory=DReGOptimiserConfig)
    schedule: DReGScheduleConfig = field(default_factory=DReGScheduleConfig)
    statistics: DReGStatisticsConfig = field(default_factory=DReGStatisticsConfig)
    evaluation: DReGEvaluationConfig = field(default_factory=DReGEvaluationConfig)
    start: DReGStartConfig = field(default_factory=DReGStartConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        batch = {"batch_size": self.schedule.batch_size, "antithetic": self.model.antithetic}
        for name in (self.model.estimator, *self.statistics.var_calc):
            names.check_samples(name, self.model.samples, self.model.options_of(name), **batch)
        if self.model.prior_gradient == "gdreg" and names.facts_of(self.model.estimator).target not in (
            "iwae",
            "rws",
            "iwae+rws",
        ):
            raise UserError(
                f"model.prior_gradient=gdreg is derived for the gradient of L_K, which {self.model.estimator} does not "
                f"follow"
            )
        if self.model.task == "structured" and self.pixels % 2:
            raise UserError(
                f"model.task=structured halves images, and those of {self.data.name} have an odd number of pixels"
            )

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        height, width, channels = recipe_of(self.data.name).image_shape
        return height * width * channels

    def adapt(self, changed: dict, settings) -> None:
        kept = names.shared_options(changed["model"]["estimator"], self.model.estimator)
        for option in names.OPTION_NAMES:  # another estimator takes its own defaults
            if option in changed["model"] and option not in kept and f"model.{option}" not in settings:
                changed["model"][option] = None
        super().adapt(changed, settings)

    def check_inputs(self, data_dir: str | None) -> None:
        super().check_inputs(data_dir)
        self.start.check([shape for chain in weight_shapes(self.model, self.pixels).values() for shape in chain])

    def data_parallel_obstacle(self) -> str | None:
        return None

    @property
    def evaluations_per_step(self) -> int:
        return self.schedule.batch_size * self.model.samples  # all objectives' gradients come from one pass

    def slug(self) -> str:
        options = self.model.options_of(self.model.estimator)
        shown = "".join(
            f"-{value:g}" for name, value in options.items() if name in ("alpha", "beta", "gamma", "groups")
        )
        if options.get("order", 1) != 1:
            shown += f"-o{options['order']}"
        task = (
            ""
            if self.model.task == "density"
            else f"-struct{'-legacy' if self.model.struct_layout == 'legacy' else ''}"
        )
        start = "-phi" if self.start.train == "inference" else ""
        parts = (f"K{self.model.samples}{start}", f"lr{self.optimiser.learning_rate:g}", f"s{self.seed}")
        return "-".join((f"{self.data.name}{task}", f"{self.model.estimator}{shown}", *parts))


def weight_shapes(model: DReGConfig, pixels: int) -> dict[str, list[tuple[int, ...]]]:
    """Shapes of all weights by chain, the encoder's first; see `networks`."""
    hidden, structured = (model.hidden, model.hidden), model.task == "structured"
    context = pixels // 2 if structured else 0
    widths = {
        "encoder": (pixels, *hidden, 2 * model.latents),
        "decoder": (model.latents + context, *hidden, pixels - context),
    }
    if structured:
        widths["prior"] = (context, *hidden, 2 * model.latents)
    return {name: [shape for pair in zip(w, w[1:]) for shape in (pair, pair[1:])] for name, w in widths.items()}
