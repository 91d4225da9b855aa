"""Configuration of one half-and-half MNIST run: lower halves of digits from upper ones (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from igr_suite.discrete.config import (
    EstimatedRun,
    build_estimator,
    check_estimator,
    evaluations,
    gather_options,
    slug_of,
)
from igr_suite.errors import UserError
from igr_suite.families.half_mnist.config_parts import (
    HalfMNISTDataConfig,
    HalfMNISTEvaluationConfig,
    HalfMNISTOptimiserConfig,
    HalfMNISTScheduleConfig,
)
from igr_suite.families.half_mnist.synthetic_config import BASELINE_INPUT, SyntheticGradientConfig
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.options import Option, WithOptions, by_reader
from igr_suite.training.config_parts import check_pictured
from igr_suite.training.ranges import check_at_least

# Estimators of the family itself; all other registered ones of Bernoulli variables, and `reinforce` and
# `straight_through` with options of their own, take the general path (`discrete`).
OWN = (
    "gaussian",
    "gaussian_reinforce",
    "reinforce",
    "straight_through",
    "gumbel_softmax",
    "gumbel_softmax_hard",
    "sdni",
    "oracle",
    "frozen",
)
GAUSSIAN = ("gaussian", "gaussian_reinforce")
RELAXED = ("gumbel_softmax", "gumbel_softmax_hard")
SCORED = ("gaussian_reinforce", "reinforce", "sdni", "oracle")  # estimators that subtract a baseline from the loss
# Options that only some estimators read: (these estimators, the default); for the others they are an error.
MODEL_OPTIONS = {
    "baseline": (SCORED, "cmr"),
    "hard_rule": (("gumbel_softmax_hard",), "corrected"),
    "oracle_samples": (("oracle",), 250),
    "clip_probs": (tuple(name for name in OWN if name not in GAUSSIAN), False),
}


def _of_own(key: str, option: Option) -> Option:
    """The option of an estimator of the family, which the general path does not read."""
    return replace(
        option,
        read=lambda config: option.read(config) and not config.estimator_options,
        unread=lambda config: (
            f"is not used with model.options of {config.estimator}"
            if config.estimator_options
            else option.unread(config)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class HalfMNISTModelConfig(WithOptions):
    """The latent variables, the gradient estimator of the encoder, and options of the networks."""

    group: ClassVar[str] = "model"
    support: ClassVar[str] = "bernoulli"
    options: ClassVar[Mapping[str, Option]] = {
        **{key: _of_own(key, option) for key, option in by_reader("estimator", MODEL_OPTIONS).items()},
        "baseline_activation": Option(
            "linear",
            read=lambda config: config.baseline == "cmr",
            unread="is read with model.baseline=cmr only",
            dropped=True,
        ),
    }

    estimator: str = "reinforce"
    """Gradient of the encoder: "gaussian" (reparameterised) and "gaussian_reinforce" have Gaussian latents, all others
    Bernoulli ones; "sdni" applies synthetic gradients (group `sg`); "frozen" never trains the encoder; or a registered
    estimator, or my_package.my_file:MyEstimator."""
    latents: int = 50
    """Number of latent variables."""
    samples: int = 1
    """Number of codes drawn for each image."""
    batch_norm: Literal["output", "input"] = "output"
    """Whether batch normalisation stands behind a layer's matrix product or before it."""
    baseline: Literal["cmr", "mr", "loo", "off"] | None = None
    """"cmr" is a trained b(x), "mr" the mean loss of the batch, "loo" that of the batch's other rows, "off" none."""
    baseline_activation: Literal["linear", "relu"] | None = None
    """Activation of b(x); "relu" is dead where it begins negative."""
    temperature: float | None = None
    """Temperature of Gumbel-Softmax; not given, it falls from 1 to 0.5 over 24,000 steps and is 0.5 in tests."""
    hard_rule: Literal["corrected", "historical"] | None = None
    """Hard codes: corrected, or the original's y + [y > 1/4], which is not binary."""
    oracle_samples: int | None = None
    """Number of gradients from fresh codes whose mean the "oracle" applies."""
    clip_probs: bool | None = None
    """Whether probabilities are kept in [1e-7, 1 - 1e-7]."""

    oracle_of: str = added_later("reinforce")
    """Estimator whose gradients the "oracle" averages: "reinforce" of the family, a registered one with its default
    options, or my_package.my_file:MyEstimator."""
    estimator_options: tuple[str, ...] = added_later(())
    """Options of a registered estimator, name=value each; `--set model.options.samples=4` adds one."""

    def __post_init__(self):
        super().__post_init__()
        if self.general:
            check_estimator(self.estimator, self.estimator_options, self.support)
            if self.samples != 1:
                raise UserError(
                    f"model.samples={self.samples} is not read with model.estimator={self.estimator}; the number of its "
                    f"samples is an option of the estimator: model.options.samples"
                )
        if self.oracle_of != "reinforce":
            if self.estimator != "oracle":
                raise UserError(
                    f"model.oracle_of is read by model.estimator=oracle only, not by {self.estimator}; leave it out"
                )
            check_estimator(self.oracle_of, (), self.support, "model.oracle_of")
            if self.baseline not in (None, "off"):
                raise UserError(
                    f"model.baseline={self.baseline} is not read with model.oracle_of={self.oracle_of}; set model.baseline=off"
                )
        if self.temperature is not None and self.estimator not in RELAXED:
            raise UserError(
                f"model.temperature={self.temperature:g} is not used by {self.estimator}, only by {', '.join(RELAXED)}"
            )
        if self.temperature is not None and not self.temperature > 0:
            raise UserError(
                f"model.temperature must be positive, got {self.temperature}; leave it out for the schedule from 1 to "
                f"0.5"
            )
        check_at_least(self, "model", latents=1, samples=1, oracle_samples=1)

    @property
    def general(self) -> bool:
        """Whether the estimator trains on the general path (`discrete`)."""
        return self.estimator not in OWN or bool(self.estimator_options)

    @property
    def gaussian(self) -> bool:
        """Whether the latents are Gaussian."""
        return self.estimator in GAUSSIAN


@dataclass(frozen=True, kw_only=True)
class TrainHalfMNIST(EstimatedRun):
    """One encoder and decoder of half-and-half digits, trained with one estimator and one seed."""

    executor: ClassVar[str] = "igr_suite.families.half_mnist.train:execute"

    model: HalfMNISTModelConfig = field(default_factory=HalfMNISTModelConfig)
    sg: SyntheticGradientConfig | None = None
    data: HalfMNISTDataConfig = field(default_factory=HalfMNISTDataConfig)
    optimiser: HalfMNISTOptimiserConfig = field(default_factory=HalfMNISTOptimiserConfig)
    schedule: HalfMNISTScheduleConfig = field(default_factory=HalfMNISTScheduleConfig)
    evaluation: HalfMNISTEvaluationConfig = field(default_factory=HalfMNISTEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    def validate(self) -> None:
        if self.sg is not None and self.model.estimator != "sdni":
            raise UserError(f"sg.* is read by model.estimator=sdni, not by {self.model.estimator}; leave it out")
        if self.model.estimator == "sdni":
            if self.sg is None:
                object.__setattr__(self, "sg", SyntheticGradientConfig())
            self._check_synthetic()
        if self.evaluation.gradient_samples and (
            self.model.gaussian or self.model.general or self.model.estimator in RELAXED
        ):
            raise UserError(
                f"evaluation.gradient_samples compares the gradients that the family's own estimators give at hard codes; "
                f"{self.model.estimator} is not one of them; leave it out"
            )
        check_pictured(self)

    def _check_synthetic(self) -> None:
        baseline, sg = self.model.baseline, self.sg
        if BASELINE_INPUT in sg.selected and baseline != "cmr":
            raise UserError(f"sg.inputs={sg.inputs} takes b(x), which needs model.baseline=cmr, got {baseline}")
        if sg.reward_temperature is not None and baseline != "cmr":
            raise UserError(f"sg.reward_temperature needs model.baseline=cmr, which learns the reward, got {baseline}")
        if (
            (sg.target != "reinforce" or sg.registered_target)
            and baseline != "off"
            and BASELINE_INPUT not in sg.selected
        ):
            raise UserError(f"model.baseline={baseline} is not read with sg.target={sg.target}; set model.baseline=off")
        if not sg.applied and sg.average_samples > 1:
            raise UserError(
                "sg.average_samples averages the gradient that is applied; leave it out with sg.applied=false"
            )

    def adapt(self, changed: dict, settings) -> None:
        super().adapt(changed, settings)
        if changed["model"]["estimator"] != "sdni" and not any(key.startswith("sg.") for key in settings):
            changed["sg"] = None

    @property
    def evaluations_per_step(self) -> int | None:
        if self.model.general:
            number = evaluations(self.model.estimator, self.model.estimator_options, 1, (self.model.latents,))
            return None if number is None else self.schedule.batch_size * number
        fresh_codes = self.model.oracle_samples or 0
        if self.sg is not None and self.sg.average_samples > 1:
            fresh_codes = self.sg.average_samples
        if self.wrapped is not None:
            number = evaluations(*self.wrapped[:2], 1, (self.model.latents,))
            if number is None:
                return None
            fresh_codes = number * fresh_codes if self.sg is None else number + fresh_codes
        return self.schedule.batch_size * (self.model.samples + fresh_codes)

    @property
    def wrapped(self) -> tuple[str, tuple[str, ...], str] | None:
        """Name, options and path of the registered estimator whose gradients a synthetic gradient learns or an oracle
        averages; None where they are the family's own."""
        if self.sg is not None and self.sg.registered_target:
            return self.sg.target, self.sg.target_options, "sg.target"
        if self.model.oracle_of != "reinforce":
            return self.model.oracle_of, (), "model.oracle_of"
        return None

    def translate(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        present = self.sg.target_options if self.sg is not None else ()
        return gather_options(super().translate(settings), present, "sg.target")

    def check_inputs(self, data_dir: str | None) -> None:
        super().check_inputs(data_dir)
        if self.wrapped is not None:
            build_estimator(*self.wrapped[:2], self.model.support, self.wrapped[2])

    def slug(self) -> str:
        estimator = slug_of(self.model.estimator, self.model.estimator_options)
        if self.model.baseline is not None and estimator != "sdni":
            estimator += f"-{self.model.baseline}"
        if self.model.oracle_of != "reinforce":
            estimator += f"-of-{slug_of(self.model.oracle_of, ())}"
        if self.sg is not None:
            shape = "" if self.sg.scale == "batch" else f"-{self.sg.scale}"
            if self.sg.registered_target:
                estimator += f"-of-{slug_of(self.sg.target, self.sg.target_options)}"
            estimator += f"-{self.sg.kind}-{self.sg.inputs}{shape}{'' if self.sg.applied else '-beside'}"
        historical = "-historical" if self.model.hard_rule == "historical" else ""
        return f"{self.data.name}-{estimator}{historical}-L{self.model.latents}-R{self.model.samples}-s{self.seed}"
