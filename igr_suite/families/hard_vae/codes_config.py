"""Configuration of one VAE of hard codes that a registered estimator trains (never imports TensorFlow)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from igr_suite.data.catalogue import recipe_of
from igr_suite.discrete.config import (
    ESTIMATION,
    EstimatedRun,
    EstimationConfig,
    check_estimation,
    check_estimator,
    evaluations,
    slug_of,
)
from igr_suite.errors import UserError
from igr_suite.estimators.names import KNOWN
from igr_suite.lab.runs.config import added_later
from igr_suite.lab.runs.options import Option, WithOptions, by_choice
from igr_suite.training.config_parts import DataConfig, OptimiserConfig, ScheduleConfig
from igr_suite.training.ranges import check_at_least, check_positive

# Codes -> the options that they read and the values that these take when none is given.
OPTIONS_OF_CODES = {
    "bernoulli": {"variables": 200},
    "categorical": {"variables": 20, "categories": 10},
    "gaussian_argmax": {"variables": 20, "categories": 10, "points": 16},
}
SUPPORT = {"bernoulli": "bernoulli", "categorical": "categorical", "gaussian_argmax": "categorical"}


@dataclass(frozen=True, kw_only=True)
class HardVAEConfig(WithOptions):
    """The model, p(x | h_0) p(h_0 | h_1) ... p(h_{L-1}), and the gradient estimator of its inference network."""

    group: ClassVar[str] = "model"
    general: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Option]] = by_choice("codes", OPTIONS_OF_CODES, dropped=("categories", "points"))

    estimator: str = "rloo"
    """Gradient estimator of the inference network: a registered one, or my_package.my_file:MyEstimator."""
    estimator_options: tuple[str, ...] = ()
    """Options of the estimator, name=value each; `--set model.options.samples=4` adds one."""
    codes: Literal["bernoulli", "categorical", "gaussian_argmax"] = "categorical"
    """Distribution of every layer's code: binary units, categorical variables, or the argmax of a Gaussian."""
    layers: int = 1
    """Number of layers of codes, 1 to 3."""
    architecture: Literal["linear", "nonlinear", "dense_relax", "leaky", "leaky_200"] = "nonlinear"
    """Layers of encoder and decoder; the networks between codes are affine with "linear" and else have one hidden layer
    of 200 units."""
    centred: bool = added_later(False)
    """Whether the encoder reads x less the mean training image, the decoder 2 b - 1, and the logits of that image are
    added to the decoder's (binary pixels)."""
    likelihood: Literal["data", "bernoulli"] = added_later("data")
    """Distribution of a pixel given the code: that of the data set (`igr data list`), or Bernoulli, with which grey images
    such as Fashion-MNIST's are binarised as data.binarisation says."""
    initialisation: Literal["glorot", "torch_linear"] = added_later("glorot")
    """Initial weights of all networks: "glorot" has Glorot-uniform kernels and biases of 0; "torch_linear" draws both from
    U(-n^-1/2, n^-1/2), n the layer's number of inputs, as torch.nn.Linear does."""
    prior: Literal["uniform", "fixed", "trained"] = "uniform"
    """Distribution of the uppermost code: uniform, or independent variables whose logits `prior_logits` stay or are
    trained."""
    kl: Literal["sampled", "analytic"] = "sampled"
    """Whether log q - log p of the code is evaluated at the sample, or its mean is (one layer)."""
    baseline: Literal["none", "constant", "network"] = "constant"
    """What the baseline of an estimator is that has one: 0, one trained number a layer, or a network that reads the
    image."""
    variance_of: Literal["logits", "weights"] = "logits"
    """Gradient whose variance trains the parameters of an estimator that has no loss of its own."""
    eta: Literal["estimator", "weights"] = added_later("estimator")
    """What has a scale of the control variate of its own: what the estimator's options say, or each tensor of the
    inference network's weights (with `variance_of` "weights")."""
    generator_samples: Literal["all", "own"] = "all"
    """Samples that train the generator: all of the estimator's, or those of one chain."""
    variables: int | None = None
    """Number of variables of each code."""
    categories: int | None = None
    """Number of categories of each variable."""
    points: int | None = None
    """Number of quadrature points for the probabilities of the argmax of a Gaussian."""
    prior_logits: tuple[float, ...] = added_later(())
    """Logits of the prior, the same for all variables: one number for binary units, else one for each category; where
    the prior is trained, their start, which is 0 where they are not given."""

    def __post_init__(self):
        super().__post_init__()
        check_estimator(self.estimator, self.estimator_options, self.support)
        check_at_least(self, "model", variables=1, categories=2, points=4)
        if not 1 <= self.layers <= 3:
            raise UserError(f"model.layers must be 1, 2 or 3, got {self.layers}")
        self._check_prior()
        if self.centred and self.architecture == "dense_relax":
            raise UserError(
                "model.centred=true is not for model.architecture=dense_relax, which maps inputs to 2 x - 1"
            )
        if self.eta == "weights" and self.variance_of != "weights":
            raise UserError("model.eta=weights needs model.variance_of=weights, which its scales minimise")
        if self.kl == "analytic" and self.layers > 1:
            raise UserError(f"model.kl=analytic is for one layer, and model.layers={self.layers}; set model.kl=sampled")
        if self.kl == "analytic" and self.estimator in KNOWN:
            check_analytic(self.estimator, KNOWN[self.estimator].target)

    def _check_prior(self) -> None:
        if self.prior == "uniform" and self.prior_logits:
            raise UserError(
                "model.prior_logits is not read with model.prior=uniform; set model.prior=fixed or trained, or leave it out"
            )
        if self.prior == "fixed" and not self.prior_logits:
            raise UserError("model.prior=fixed needs model.prior_logits; model.prior=uniform has none")
        number = 1 if self.support == "bernoulli" else self.categories
        if self.prior_logits and len(self.prior_logits) != number:
            raise UserError(
                f"model.prior_logits must be {number} number{'s' * (number > 1)} for these codes, "
                f"got {len(self.prior_logits)}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example's logits in each layer, (D,) or (V, C)."""
        return tuple(size for size in (self.variables, self.categories) if size is not None)

    @property
    def support(self) -> str:
        """Kind of the codes' variables, for estimators."""
        return SUPPORT[self.codes]


def check_analytic(estimator: str, target: str) -> None:
    """Raises UserError where an estimator's target needs the sampled KL: log-weights of several samples hold log q."""
    if target != "expectation":
        raise UserError(
            f"model.estimator={estimator} weighs several samples against each other, which needs model.kl=sampled"
        )


@dataclass(frozen=True, kw_only=True)
class HardVAEEvaluationConfig:
    """What is measured at evaluations, and the multi-sample bounds of test images at the end."""

    importance_samples: int = 100
    """Number of samples of the bound L_K of test images."""
    every_time: bool = False
    """Whether L_K of test images is measured at every evaluation, not only at the end."""
    validation: bool = added_later(True)
    """Whether the ELBO of validation images is measured, too; without it, that of test images alone."""

    def __post_init__(self):
        check_at_least(self, "evaluation", importance_samples=1)


@dataclass(frozen=True, kw_only=True)
class HardVAEOptimiserConfig(OptimiserConfig):
    """The optimiser of the networks; that of the estimator's own parameters has `control_factor` times the step size."""

    name: Literal["adam", "radam"] = added_later("adam")
    """Adam, or RAdam, which shortens the first steps."""
    control_factor: float = 10.0
    """Factor of the step size for the estimator's own parameters."""
    prior_learning_rate: float | None = added_later(None)
    """Step size of plain gradient descent for the logits of a trained prior; where it is not given, Adam moves them with
    the networks' weights."""

    def __post_init__(self):
        super().__post_init__()
        check_positive(self, "optimiser", "control_factor")
        if self.prior_learning_rate is not None:
            check_positive(self, "optimiser", "prior_learning_rate")


def estimation_of(model: HardVAEConfig) -> dict[str, Any]:
    """What a model's own fields say of the group `estimation`; its baseline "none" is "zero" there."""
    given = {key: getattr(model, key) for key in ESTIMATION}
    return given | ({"baseline": "zero"} if model.baseline == "none" else {})


@dataclass(frozen=True, kw_only=True)
class TrainHardVAE(EstimatedRun):
    """One VAE of hard codes trained with one estimator and one seed."""

    executor: ClassVar[str] = "igr_suite.families.hard_vae.train_codes:execute"
    subject: ClassVar[str] = "igr_suite.families.hard_vae.codes_subject"

    model: HardVAEConfig = field(default_factory=HardVAEConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: HardVAEOptimiserConfig = field(default_factory=HardVAEOptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    evaluation: HardVAEEvaluationConfig = field(default_factory=HardVAEEvaluationConfig)
    seed: int = 0
    """Seed of weights, order of images and noise."""

    @property
    def estimation_defaults(self) -> Mapping[str, Any]:
        """The fields of the group `model` with these names."""
        return estimation_of(self.model)

    def check_own(self, estimator: Any) -> None:
        super().check_own(estimator)
        network = "network" if self.model.baseline == "network" else None  # the others suit every estimator
        check_estimation(EstimationConfig(baseline=network, eta=self.model.eta), estimator, "model")

    def validate(self) -> None:
        for key in ESTIMATION:
            if getattr(self.estimation, key) is not None:
                raise UserError(f"estimation.{key} is set by model.{key} with hard codes; leave it out")
        if self.schedule.matmul_precision != "float32":
            raise UserError(
                f"schedule.matmul_precision={self.schedule.matmul_precision} is not supported with hard codes; leave it "
                f"out"
            )
        if self.schedule.samples != 1:
            raise UserError(
                f"schedule.samples must be 1 with hard codes, got {self.schedule.samples}; the number of samples is an "
                f"option of the estimator: model.options.samples"
            )
        if self.data.resize is not None:
            raise UserError(f"data.resize={self.data.resize} is not supported with hard codes; leave it out")
        if self.model.centred and self.likelihood != "bernoulli":
            raise UserError(
                f"model.centred=true is for binary pixels, and {self.data.name} has grey or colour ones; "
                f"model.likelihood=bernoulli takes them as binary"
            )
        if self.optimiser.prior_learning_rate is not None and self.model.prior != "trained":
            raise UserError(
                f"optimiser.prior_learning_rate={self.optimiser.prior_learning_rate} needs model.prior=trained"
            )

    @property
    def likelihood(self) -> str:
        """Distribution of a pixel, "bernoulli" or "gaussian"."""
        return recipe_of(self.data.name).likelihood if self.model.likelihood == "data" else self.model.likelihood

    @property
    def evaluations_per_step(self) -> int | None:
        model = self.model
        number = evaluations(model.estimator, model.estimator_options, model.layers, model.shape)
        return None if number is None else self.schedule.batch_size * number

    def slug(self) -> str:
        method = slug_of(self.model.estimator, self.model.estimator_options)
        size = "x".join(str(n) for n in (self.model.variables, self.model.categories) if n is not None)
        depth = "" if self.model.layers == 1 else f"-L{self.model.layers}"
        return f"{self.data.name}-{self.model.codes}{size}{depth}-{method}-s{self.seed}"
