"""Options of the original's three half-and-half MNIST scripts in this suite's terms (never imports TensorFlow).

| option (default)                                 | here                                                     |
|--------------------------------------------------|----------------------------------------------------------|
| estimator=SF, latent_type=disc, sample_style=0   | model.estimator, see ESTIMATORS                          |
| bn_type=1                                        | model.batch_norm: 1 output, 0 input                      |
| repeat=1                                         | model.samples                                            |
| var_red=cmr                                      | model.baseline; none is off                              |
| clip_probs=0                                     | model.clip_probs                                         |
| learning_rate, slash_rate, epoch_rate            | optimiser.learning_rate, .slash_rate, .slash_every       |
| regularization=0                                 | optimiser.l2                                             |
| main_update_freq=1, sub_update_freq=1            | optimiser.update_every, sg.update_every                  |
| sg_type=lin_deep, sg_inp=1111100                 | sg.kind, sg.inputs                                       |
| update_style, target, max_grad                   | sg.update_style, sg.target, sg.max_grad                  |
| use_exp_reward=0, exptemp=100                    | sg.reward_temperature                                    |
| sg_learning_rate, sg_slash_rate, sg_epoch_rate   | sg.learning_rate, .slash_rate, .slash_every              |
| batch_size=100, num_epochs                       | schedule.batch_size, .epochs                             |
| term_condition=epochs, min_cost=55               | schedule.least_loss, in nats per image (see below)       |
| random_seed=42                                   | seed, of everything (there: of the sampling only)        |

`min_cost` was chosen when the original's loss was a sum over pixels; its last version compares 55 with a mean and stops
at once. `historical` takes the original's Adam, ReLU baseline, hard codes of Gumbel-Softmax, scale of the regression,
and all 60,000 images. Source: docs/papers/half_mnist.md, section 1.6.
"""

from dataclasses import dataclass

from igr_suite.errors import UserError
from igr_suite.families.half_mnist.config import (
    BASELINE_INPUT,
    HalfMNISTDataConfig,
    HalfMNISTEvaluationConfig,
    HalfMNISTModelConfig,
    HalfMNISTOptimiserConfig,
    HalfMNISTScheduleConfig,
    SyntheticGradientConfig,
    TrainHalfMNIST,
)

SCRIPTS = ("baselines", "sdni", "comparison")
_COMMON = {
    "repeat": 1,
    "bn_type": 1,
    "learning_rate": 2e-4,
    "batch_size": 100,
    "term_condition": "epochs",
    "num_epochs": 1000,
    "min_cost": 55.0,
    "random_seed": 42,
}
_SHARED = _COMMON | {"var_red": "cmr", "clip_probs": 0, "slash_rate": 1.0}
# Each script's options with their defaults; what it is called and where it stores things is the command's
# (cli/half_mnist_train.py).
DEFAULTS = {
    "baselines": _SHARED | {"estimator": "SF", "latent_type": "disc", "sample_style": 0, "regularization": 0.0},
    "sdni": _SHARED
    | {
        "num_epochs": 100,
        "target": "REINFORCE",
        "sg_type": "lin_deep",
        "sg_inp": "1111100",
        "max_grad": 0.0,
        "main_update_freq": 1,
        "sub_update_freq": 1,
        "update_style": "fixed",
        "use_exp_reward": 0,
        "exptemp": 100.0,
        "sg_learning_rate": 1e-4,
        "sg_slash_rate": 1.0,
        "epoch_rate": 20,
        "sg_epoch_rate": 20,
    },
    "comparison": _COMMON | {"repeat": 250, "learning_rate": 1e-4, "sg_type": "lin_deep"},
}
CHOICES = {
    "estimator": ("SF", "PD", "ST"),
    "latent_type": ("disc", "cont"),
    "sample_style": (0, 1),
    "var_red": ("cmr", "mr", "none"),
    "bn_type": (0, 1),
    "clip_probs": (0, 1),
    "term_condition": ("epochs", "mincost"),
    "target": ("REINFORCE", "ST"),
    "sg_type": ("lin", "deep", "lin_deep", "custom"),
    "update_style": ("fixed", "decay"),
    "use_exp_reward": (0, 1),
}
# Options that the scripts take and that have no counterpart here, with the reason.
REFUSED = {
    "load": "a run goes on from its own checkpoint when the same command is started again",
    "save_freq": "checkpoints are written by the clock and at the end",
    "sg_reg": "the script does not read it either",
    "dropout_prob": "the script does not read it either",
    "exptemp": "the script reads it nowhere but in its stochastic-DNI version, with use_exp_reward 1",
}
ESTIMATORS = {
    ("SF", "disc", 0): "reinforce",
    ("SF", "cont", 0): "gaussian_reinforce",
    ("PD", "cont", 0): "gaussian",
    ("PD", "disc", 0): "gumbel_softmax",
    ("PD", "disc", 1): "gumbel_softmax_hard",
    ("ST", "disc", 0): "straight_through",
}
READERS = {
    "var_red": ("SF",),
    "regularization": ("SF",),
    "repeat": ("SF", "ST"),
    "sample_style": ("PD",),
    "clip_probs": ("SF", "PD", "ST"),
}


@dataclass(frozen=True)
class Beyond:
    """What the scripts have no option for: the data set, the number of latents (an edit of their source), the
    original's defects."""

    data: str = "mnist"
    latents: int = 50
    historical: bool = False
    evaluate_every: int = 1


def config_of(script: str, given: dict[str, object], beyond: Beyond) -> TrainHalfMNIST:
    """The run that a script's options describe.

    Args:
      script: of SCRIPTS.
      given: options that were named, of the script and of the types of DEFAULTS.
      beyond: the rest.
    Raises:
      UserError: an option that the other ones leave without a reader, or a value out of range.
    """
    options = DEFAULTS[script] | given
    estimator = _estimator(script, options, given)
    kind = "sdni" if script != "baselines" else estimator
    model = {"estimator": kind, "latents": beyond.latents, "samples": options["repeat"]}
    model |= {"batch_norm": "output" if options["bn_type"] else "input"}
    if kind not in ("gaussian", "gaussian_reinforce"):
        model["clip_probs"] = bool(options.get("clip_probs"))
    elif given.get("clip_probs"):
        raise UserError("--clip_probs clips Bernoulli probabilities; leave it out with --latent_type cont")
    baseline = _baseline(kind, options, given)
    if baseline is not None:
        model["baseline"] = baseline
    if baseline == "cmr":
        model["baseline_activation"] = "relu" if beyond.historical else "linear"
    if kind == "gumbel_softmax_hard" and beyond.historical:
        model["hard_rule"] = "historical"
    return TrainHalfMNIST(
        model=HalfMNISTModelConfig(**model),
        sg=None if script == "baselines" else _synthetic(script, options, beyond),
        data=HalfMNISTDataConfig(name=beyond.data, train_split="all" if beyond.historical else "train"),
        optimiser=HalfMNISTOptimiserConfig(
            name="legacy_adam" if beyond.historical else "adam",
            learning_rate=options["learning_rate"],
            slash_rate=options.get("slash_rate", 1.0),
            slash_every=options.get("epoch_rate", 20),
            update_every=options.get("main_update_freq", 1),
            l2=options.get("regularization", 0.0),
        ),
        schedule=HalfMNISTScheduleConfig(
            epochs=options["num_epochs"],
            batch_size=options["batch_size"],
            evaluate_every=beyond.evaluate_every,
            least_loss=_least_loss(options, given),
        ),
        evaluation=HalfMNISTEvaluationConfig(gradient_samples=250 if script == "comparison" else 0),
        seed=options["random_seed"],
    )


def _estimator(script: str, options: dict, given: dict) -> str | None:
    if script != "baselines":
        return None
    key = options["estimator"], options["latent_type"], options["sample_style"]
    for name, readers in READERS.items():
        if name in given and given[name] != DEFAULTS[script][name] and options["estimator"] not in readers:
            raise UserError(
                f"--{name} {given[name]} is read with --estimator {' or '.join(readers)} only; leave it out"
            )
    if key not in ESTIMATORS:
        raise UserError(
            f"--estimator {key[0]} does not go with --latent_type {key[1]} and --sample_style {key[2]}: there is no "
            f"such estimator"
        )
    return ESTIMATORS[key]


def _baseline(kind: str, options: dict, given: dict) -> str | None:
    if (
        kind == "sdni"
        and options.get("target") == "ST"
        and options["sg_inp"][BASELINE_INPUT : BASELINE_INPUT + 1] != "1"
    ):
        if given.get("var_red", "none") != "none":
            raise UserError(f"--var_red {given['var_red']} is not read with --target ST; leave it out")
        return "off"
    if kind == "gaussian_reinforce" and "var_red" not in given:
        return "off"  # the original has none there
    if kind not in ("reinforce", "gaussian_reinforce", "sdni"):
        return None
    return {"none": "off"}.get(options.get("var_red", "cmr"), options.get("var_red", "cmr"))


def _synthetic(script: str, options: dict, beyond: Beyond) -> SyntheticGradientConfig:
    scale = "batch" if beyond.historical else "example"
    if script == "comparison":
        return SyntheticGradientConfig(
            kind=options["sg_type"], scale=scale, learning_rate=options["learning_rate"], applied=False
        )
    if options["exptemp"] != DEFAULTS["sdni"]["exptemp"] and not options["use_exp_reward"]:
        raise UserError(f"--exptemp {options['exptemp']:g} is read with --use_exp_reward 1 only; leave it out")
    return SyntheticGradientConfig(
        kind=options["sg_type"],
        inputs=options["sg_inp"],
        target="straight_through" if options["target"] == "ST" else "reinforce",
        scale=scale,
        max_grad=options["max_grad"],
        reward_temperature=options["exptemp"] if options["use_exp_reward"] else None,
        learning_rate=options["sg_learning_rate"],
        slash_rate=options["sg_slash_rate"],
        slash_every=options["sg_epoch_rate"],
        update_every=options["sub_update_freq"],
        update_style=options["update_style"],
    )


def _least_loss(options: dict, given: dict) -> float | None:
    if options["term_condition"] == "mincost":
        return options["min_cost"]
    if "min_cost" in given:
        raise UserError(f"--min_cost {given['min_cost']:g} is read with --term_condition mincost only; leave it out")
    return None
