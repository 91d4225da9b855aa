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
from typing import Any

from igr_suite.errors import UserError
from igr_suite.families.half_mnist.config import BASELINE_INPUT, TrainHalfMNIST
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

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


@dataclass(frozen=True)
class Run:
    """What options may look at: the script, all of its options with their values, those that were named, the rest."""

    script: str
    options: dict[str, Any]
    given: dict[str, Any]
    beyond: Beyond

    @property
    def estimator(self) -> str:
        """Of the suite."""
        if self.script != "baselines":
            return "sdni"
        return ESTIMATORS[tuple(self.options[name] for name in ("estimator", "latent_type", "sample_style"))]


def config_of(script: str, given: dict[str, object], beyond: Beyond) -> TrainHalfMNIST:
    """Returns the run that a script's options describe.

    Args:
      script: of SCRIPTS.
      given: options that were named, of the script and of the types of DEFAULTS.
      beyond: the rest.
    Raises:
      UserError: an option that the other ones leave without a reader, or a value out of range.
    """
    run = Run(script, DEFAULTS[script] | given, given, beyond)
    if script == "baselines":
        _check_baselines(run.options, given)
    paths = translator.translate(run.options, KEYS, run, name_of="--{}".format)
    return translator.config_of(TrainHalfMNIST, paths | _beyond(run))


def _check_baselines(options: dict, given: dict) -> None:
    for name, readers in READERS.items():
        if name in given and given[name] != DEFAULTS["baselines"][name] and options["estimator"] not in readers:
            raise UserError(
                f"--{name} {given[name]} is read with --estimator {' or '.join(readers)} only; leave it out"
            )
    key = options["estimator"], options["latent_type"], options["sample_style"]
    if key not in ESTIMATORS:
        raise UserError(
            f"--estimator {key[0]} does not go with --latent_type {key[1]} and --sample_style {key[2]}: there is no "
            f"such estimator"
        )


def _beyond(run: Run) -> dict[str, Any]:
    """What follows from the script and from what it has no option for."""
    historical = run.beyond.historical
    paths = {
        "model.estimator": run.estimator,
        "model.latents": run.beyond.latents,
        "data.name": run.beyond.data,
        "data.train_split": "all" if historical else "train",
        "optimiser.name": "legacy_adam" if historical else "adam",
        "schedule.evaluate_every": run.beyond.evaluate_every,
    }
    if run.estimator == "gumbel_softmax_hard" and historical:
        paths["model.hard_rule"] = "historical"
    if run.script != "baselines":
        paths["sg.scale"] = "batch" if historical else "example"
    if run.script == "comparison":
        paths |= {**_baseline("cmr", run), "model.clip_probs": False, "sg.applied": False}
        paths |= {"sg.learning_rate": run.options["learning_rate"], "evaluation.gradient_samples": 250}
    return paths


def _baseline(kind: str, run: Run) -> dict[str, str]:
    """The path of `var_red`."""
    if run.script == "sdni" and run.options["target"] == "ST" and run.options["sg_inp"][BASELINE_INPUT:][:1] != "1":
        if run.given.get("var_red", "none") != "none":
            raise UserError(f"--var_red {kind} is not read with --target ST; leave it out")
        kind = "none"
    if run.estimator == "gaussian_reinforce" and "var_red" not in run.given:
        kind = "none"  # the original has no baseline there
    if run.estimator not in ("reinforce", "gaussian_reinforce", "sdni"):
        return {}
    if kind == "cmr":
        return {"model.baseline": kind, "model.baseline_activation": "relu" if run.beyond.historical else "linear"}
    return {"model.baseline": "off" if kind == "none" else kind}


def _clip_probs(clip: int, run: Run) -> dict[str, bool]:
    if run.estimator not in ("gaussian", "gaussian_reinforce"):
        return {"model.clip_probs": bool(clip)}
    if run.given.get("clip_probs"):
        raise UserError("--clip_probs clips Bernoulli probabilities; leave it out with --latent_type cont")
    return {}


def _reward_temperature(temperature: float, run: Run) -> dict[str, float]:
    if run.options["use_exp_reward"]:
        return {"sg.reward_temperature": temperature}
    if temperature != DEFAULTS["sdni"]["exptemp"]:
        raise UserError(f"--exptemp {temperature:g} is read with --use_exp_reward 1 only; leave it out")
    return {}


def _least_loss(loss: float, run: Run) -> dict[str, float]:
    if run.options["term_condition"] == "mincost":
        return {"schedule.least_loss": loss}
    if "min_cost" in run.given:
        raise UserError(f"--min_cost {loss:g} is read with --term_condition mincost only; leave it out")
    return {}


KEYS: translator.Keys = {
    "repeat": Key(to="model.samples"),
    "bn_type": Key(to=lambda kind, run: {"model.batch_norm": "output" if kind else "input"}),
    "var_red": Key(to=_baseline),
    "clip_probs": Key(to=_clip_probs),
    "learning_rate": Key(to="optimiser.learning_rate"),
    "slash_rate": Key(to="optimiser.slash_rate"),
    "epoch_rate": Key(to="optimiser.slash_every"),
    "regularization": Key(to="optimiser.l2"),
    "main_update_freq": Key(to="optimiser.update_every"),
    "sub_update_freq": Key(to="sg.update_every"),
    "sg_type": Key(to="sg.kind"),
    "sg_inp": Key(to="sg.inputs"),
    "update_style": Key(to="sg.update_style"),
    "target": Key(to=lambda target, run: {"sg.target": "straight_through" if target == "ST" else "reinforce"}),
    "max_grad": Key(to="sg.max_grad"),
    "exptemp": Key(to=_reward_temperature),
    "sg_learning_rate": Key(to="sg.learning_rate"),
    "sg_slash_rate": Key(to="sg.slash_rate"),
    "sg_epoch_rate": Key(to="sg.slash_every"),
    "batch_size": Key(to="schedule.batch_size"),
    "num_epochs": Key(to="schedule.epochs"),
    "min_cost": Key(to=_least_loss),
    "random_seed": Key(to="seed"),
    # These set nothing by themselves; other keys look at them.
    **dict.fromkeys(("estimator", "latent_type", "sample_style", "use_exp_reward", "term_condition"), Key()),
}
