"""Configuration of one sigmoid-belief-network run (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.discrete.config import EstimatedRun, check_estimator, evaluations, slug_of
from igr_suite.errors import UserError
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.options import Option, WithOptions, by_reader
from igr_suite.training.config_parts import BinaryDataConfig, StepScheduleConfig
from igr_suite.training.ranges import check_adam, check_at_least, check_not_negative, check_positive

# Estimators that have a fast path of their own with the options below; all others, and these with estimator options of
# their own, take the general path (`discrete`).
FUSED = ("reinforce", "nvil", "simple_muprop", "muprop", "concrete", "rebar", "dynamic_rebar", "relax", "track")
TRACKED = ("nvil", "simple_muprop", "muprop", "dynamic_rebar", "rebar")
# Estimators whose fast paths share the passes of tracking; others take the general path there.
FUSED_WHEN_TRACKED = (*TRACKED, "reinforce")
FOLLOWED = "simple_muprop"  # trains the networks while these five are tracked; docs/papers/rebar.md, section 3.3
SHORT_NAMES = {
    "reinforce": "REINFORCE",
    "nvil": "NVIL",
    "simple_muprop": "SimpleMuProp",
    "muprop": "MuProp",
    "concrete": "Concrete",
    "rebar": "REBAR",
    "dynamic_rebar": "DynamicREBAR",
    "relax": "RELAX",
    "track": "tracking of five",
}
REBARS = ("rebar", "dynamic_rebar", "track")
RELAXED = (*REBARS, "concrete")

# Options that only some estimators read: (these estimators, the default); for the others they are an error.
MODEL_OPTIONS = {
    "surrogate": (("relax",), "add"),  # stands before the options that depend on it
    "temperature": ((*RELAXED, "relax"), 0.5),
    "relaxation": (RELAXED, "improved"),
    "eta_scope": (REBARS, "variable"),
    "multilayer_cv": (REBARS, "corrected"),
    "net_layers": (("relax",), 4),  # this and the next two: the best of RELAX's grid, docs/papers/rebar.md, section 2.8
    "net_decay": (("relax",), 1e-3),
    "warmup_steps": (("relax",), 1000),
}
# Options of RELAX that some of its surrogates do not read.
UNREAD = {"net": ("temperature",), "relaxed": ("net_layers", "net_decay")}


def _of_fused(key: str, option: Option) -> Option:
    """The option of a fused estimator, refused also where RELAX's surrogate or the general path does not read it."""
    surrogates = [surrogate for surrogate, keys in UNREAD.items() if key in keys]

    def unread(config) -> bool:
        return config.estimator == "relax" and config.surrogate in surrogates

    def sentence(config) -> str:
        if config.estimator_options:
            return f"is not used with model.options, which {config.estimator} takes instead; set model.options.{key}"
        return f"is not used by model.surrogate={config.surrogate}" if unread(config) else option.unread(config)

    return replace(
        option,
        read=lambda config: option.read(config) and not config.estimator_options and not unread(config),
        unread=sentence,
        dropped=True,
    )


@dataclass(frozen=True, kw_only=True)
class SBNConfig(WithOptions):
    """The model and its gradient estimator; the last four fields are those of RELAX."""

    group: ClassVar[str] = "model"
    support: ClassVar[str] = "bernoulli"
    options: ClassVar[Mapping[str, Option]] = {
        **{key: _of_fused(key, option) for key, option in by_reader("estimator", MODEL_OPTIONS).items()},
        "sp_generator": Option(
            "hierarchical",
            read=lambda config: config.task == "sp",
            unread="is read by model.task=sp only",
            dropped=True,
        ),
    }

    estimator: str = "dynamic_rebar"
    """Gradient estimator of the inference network: a registered one, my_package.my_file:MyEstimator, or "track", which
    measures five on one path, which follows SimpleMuProp."""
    layers: int = 2
    """Number of stochastic layers, 1 to 3."""
    hidden: int = 200
    """Number of binary units in each."""
    nonlinear: bool = False
    """Whether two tanh layers stand before every output, in place of one affine map."""
    task: Literal["density", "sp"] = "density"
    """"density" models whole images, "sp" (structured prediction) lower halves given upper ones."""
    sp_generator: Literal["hierarchical", "historical"] | None = None
    """A generator with as many layers as the inference network, or the authors' with a single map."""
    samples: int = 1
    """Number of single-sample gradients that are averaged."""
    temperature: float | None = None
    """Temperature of the relaxation; where it is trained, its start."""
    relaxation: Literal["improved", "concrete"] | None = None
    """"improved" is REBAR's relaxation, "concrete" the plain one."""
    eta_scope: Literal["variable", "network", "layer", "unit"] | None = None
    """What shares one scale of the control variate: a variable, a network, a layer or a unit."""
    multilayer_cv: Literal["corrected", "historical", "joint"] | None = None
    """Control variate of several layers: unbiased, the authors' biased one, or one relaxed pass through all."""
    ema_debias: bool = True
    """Whether moving averages are corrected for their start at 0."""
    surrogate: Literal["add", "net", "relaxed"] | None = added_later(None)
    """RELAX's control variate: F at relaxed samples and a network, the network alone, or F at relaxed samples alone,
    which is REBAR as RELAX's authors compare with."""
    net_layers: int | None = added_later(None)
    """Number of hidden layers of RELAX's network, each of 200 units."""
    net_decay: float | None = added_later(None)
    """Weight decay of RELAX's network."""
    warmup_steps: int | None = added_later(None)
    """Number of first steps in which RELAX's control variate is trained alone."""

    estimator_options: tuple[str, ...] = added_later(())
    """Options of the estimator, name=value each; `--set model.options.samples=4` adds one."""
    tracked: tuple[str, ...] = added_later(())
    """Estimators that "track" measures on one path, with their default options; the first one trains the networks. None
    stands for the five."""

    def __post_init__(self):
        super().__post_init__()
        if self.estimator == "track" and self.estimator_options:
            raise UserError("model.estimator=track has no options; leave model.options out")
        if self.tracked and self.estimator != "track":
            raise UserError(
                f"model.tracked is read by model.estimator=track only, not by {self.estimator}; leave it out"
            )
        if len(set(self.tracked)) < len(self.tracked):
            raise UserError(f"model.tracked names an estimator twice: {', '.join(self.tracked)}")
        for name in self.tracked:
            if name == "track":
                raise UserError("model.tracked names estimators, and track is none; leave it out")
            check_estimator(name, (), self.support)
        if self.general:
            check_estimator(self.estimator, self.estimator_options, self.support)
        if not 1 <= self.layers <= 3:
            raise UserError(f"model.layers must be 1, 2 or 3, got {self.layers}")
        check_at_least(self, "model", hidden=1, samples=1)
        if self.temperature is not None and not self.temperature > 0:
            raise UserError(f"model.temperature must be positive, got {self.temperature} (the papers use 0.1 and 0.5)")
        if self.net_layers is not None and self.net_layers < 1:
            raise UserError(f"model.net_layers must be at least 1, got {self.net_layers} (RELAX takes 2 or 4)")
        check_not_negative(self, "model", "net_decay", "warmup_steps")

    @property
    def general(self) -> bool:
        """Whether the estimator trains on the general path (`discrete`), not on a fast path of its own."""
        return self.estimator not in FUSED or bool(self.estimator_options)

    @property
    def tracked_estimators(self) -> tuple[str, ...]:
        """The estimators of one path, more than one where they are tracked."""
        return (self.tracked or TRACKED) if self.estimator == "track" else (self.estimator,)

    @property
    def followed(self) -> str:
        """The estimator that trains the networks."""
        return (*self.tracked, FOLLOWED)[0] if self.estimator == "track" else self.estimator

    @property
    def evaluations(self) -> int | None:
        """Number of bounds of one example that one gradient evaluates: at hard samples, at means, and relaxed ones
        (`passes`).

        A control variate for each layer needs a relaxed pass for each. The tracked estimators share the hard pass and
        the one at means. None for an estimator from outside.
        """
        if self.general:
            return evaluations(self.estimator, self.estimator_options, self.layers, (self.hidden,))
        if self.tracked:
            numbers = [evaluations(name, (), self.layers, (self.hidden,)) for name in self.tracked]
            shared = len(numbers) - 1  # the first sample of all of them is that of one pass
            return None if None in numbers else sum(numbers) - shared
        relaxed = 1 if self.multilayer_cv == "joint" else self.layers
        beside_the_hard_pass = {
            "reinforce": 0,
            "nvil": 0,
            "simple_muprop": 1,
            "muprop": 1,
            "concrete": 1,
            "rebar": relaxed,
            "dynamic_rebar": relaxed,
            "relax": 0 if self.surrogate == "net" else self.layers,
            "track": 1 + 2 * relaxed,
        }
        return 1 + beside_the_hard_pass[self.estimator]


@dataclass(frozen=True, kw_only=True)
class SBNOptimiserConfig:
    """Adam for the networks, and Adam with `control_factor` times the step size for baselines, scales and the
    temperature."""

    learning_rate: float = 3e-4
    """Step size of the networks."""
    control_factor: float = 10.0
    """Factor of that step size for baselines, scales and the temperature."""
    beta_1: float = 0.9
    """Decay of Adam's mean of gradients."""
    beta_2: float = 0.99999
    """Decay of Adam's mean of squared gradients, that of REBAR's code (docs/papers/rebar.md, section 1.4)."""
    epsilon: float = 1e-8
    """What Adam adds to the root of the mean square."""

    def __post_init__(self):
        check_positive(self, "optimiser", "learning_rate", "control_factor")
        check_adam(self)


@dataclass(frozen=True, kw_only=True)
class SBNEvaluationConfig:
    """Multi-sample bounds of validation and test images, and the variance of the gradient at frozen weights."""

    importance_samples: int = 100
    """Number of samples of the bounds of validation and test images."""
    variance_draws: int = 0
    """Number of draws of the gradient at frozen weights for its variance; 0 for none."""
    likelihood_samples: int = added_later(0)
    """Number of samples of the bound of test images at the end; the literature takes 5,000, and 0 leaves it out."""

    def __post_init__(self):
        check_at_least(self, "evaluation", importance_samples=1, likelihood_samples=0)
        if self.variance_draws < 0 or self.variance_draws == 1:
            raise UserError(
                f"evaluation.variance_draws must be 0 (not measured) or at least 2, got {self.variance_draws}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainSBN(EstimatedRun):
    """One sigmoid belief network trained with one seed."""

    executor: ClassVar[str] = "igr_suite.families.sbn.train:execute"
    subject: ClassVar[str] = "igr_suite.families.sbn.subject"

    model: SBNConfig = field(default_factory=SBNConfig)
    data: BinaryDataConfig = field(default_factory=BinaryDataConfig)
    optimiser: SBNOptimiserConfig = field(default_factory=SBNOptimiserConfig)
    schedule: StepScheduleConfig = field(default_factory=StepScheduleConfig)
    evaluation: SBNEvaluationConfig = field(default_factory=SBNEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        if self.model.estimator == "reinforce" and self.model.samples * self.schedule.batch_size < 2:
            raise UserError(
                "the estimator reinforce centres an example's signal by the others'; schedule.batch_size must be at "
                "least 2"
            )
        height, width, channels = recipe_of(self.data.name).image_shape
        if self.model.task == "sp" and height * width * channels % 2:
            raise UserError(f"model.task=sp halves images, and those of {self.data.name} have an odd number of pixels")

    @property
    def evaluations_per_step(self) -> int | None:
        evaluations = self.model.evaluations
        return None if evaluations is None else self.schedule.batch_size * self.model.samples * evaluations

    def slug(self) -> str:
        depth = f"L{self.model.layers}{'nl' if self.model.nonlinear else ''}"
        task = "" if self.model.task == "density" else "-sp"
        fixed = self.model.estimator in ("rebar", "concrete") and self.model.temperature is not None
        temperature = f"-t{self.model.temperature:g}" if fixed else ""
        surrogate = f"-{self.model.surrogate}" if self.model.surrogate not in (None, "add") else ""
        name = slug_of(self.model.estimator, self.model.estimator_options)
        method = f"{name}{surrogate}{temperature}"
        return f"{self.data.name}{task}-{method}-{depth}-lr{self.optimiser.learning_rate:g}-s{self.seed}"
