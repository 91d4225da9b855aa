"""The authors' `--hparams` string in this suite's terms (never imports TensorFlow).

| hparam (default)                         | here                                                                      |
|------------------------------------------|---------------------------------------------------------------------------|
| model=SBNGumbel                          | model.estimator, see MODELS                                               |
| task=sbn                                 | sbn: binarized_mnist; omni: omniglot, drawn once; sp: binarized_mnist and |
|                                          | model.task=sp                                                             |
| dynamic_b=False                          | True: mnist (omniglot), drawn anew for every batch                        |
| n_layer=1, n_hidden=200, nonlinear=False | model.layers, model.hidden, model.nonlinear                               |
| learning_rate=0.001, beta2=0.99999       | optimiser.learning_rate, optimiser.beta_2                                 |
| temperature=0.5, muprop_relaxation=True  | model.temperature, model.relaxation (True is "improved")                  |
| quadratic=True                           | model.multilayer_cv: True is "corrected" or with `historical` the         |
|                                          | authors', False is "joint"                                                |
| n_samples=1, batch_size=24               | model.samples, schedule.batch_size                                        |
| trial=1                                  | seed                                                                      |
| n_input=784                              | follows from the data; another value is refused                           |

`historical` also takes the authors' generator for task sp and their EMA, which starts at 0 without correction. Source:
docs/papers/rebar.md, section 3.5.
"""

from dataclasses import dataclass
from typing import Any

from igr_suite.errors import UserError, nearest
from igr_suite.families.sbn.config import REBARS, RELAXED, TrainSBN
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

MODELS = {
    "SBN": "reinforce",
    "SBNNVIL": "nvil",
    "SBNMuProp": "muprop",
    "SBNSimpleMuProp": "simple_muprop",
    "SBNRebar": "rebar",
    "SBNDynamicRebar": "dynamic_rebar",
    "SBNGumbel": "concrete",
    "SBNTrackGradVariances": "track",
}
READERS = {"temperature": RELAXED, "muprop_relaxation": RELAXED, "quadratic": REBARS}  # estimators that read a hparam
STEPS = 2_000_001  # the authors stop at the first end of an epoch past 2,000,000 steps


@dataclass(frozen=True)
class Run:
    """What keys may look at: all hparams, the estimator, whether defects of the original are wanted, another data set
    than the task's."""

    hparams: dict[str, Any]
    historical: bool
    data: str | None

    @property
    def estimator(self) -> str:
        return MODELS[self.hparams["model"]]


def _where_read(name: str, path: str, ours: Any = lambda value, run: value):
    """Sets the path where the estimator reads the hparam."""
    return lambda value, run: {path: ours(value, run)} if run.estimator in READERS[name] else {}


def _task(task: str, run: Run) -> dict[str, Any]:
    omniglot, dynamic = task == "omni", run.hparams["dynamic_b"]
    data = run.data or ("omniglot" if omniglot else "mnist" if dynamic else "binarized_mnist")
    binarisation = "dynamic" if dynamic else "once" if data.startswith("omniglot") else "static"
    paths = {"model.task": "density", "data.name": data, "data.binarisation": binarisation}
    if task == "sp":
        paths |= {"model.task": "sp", "model.sp_generator": "historical" if run.historical else "hierarchical"}
    return paths


def _multilayer_cv(quadratic: bool, run: Run) -> str:
    return ("historical" if run.historical else "corrected") if quadratic else "joint"


KEYS: translator.Keys = {
    "model": Key(str, lambda name, run: {"model.estimator": run.estimator}, default="SBNGumbel"),
    "task": Key(str, _task, default="sbn"),
    "n_hidden": Key(int, "model.hidden", default=200),
    "n_input": Key(int, must=lambda config: ((784,), "it is the number of pixels of the data"), default=784),
    "n_layer": Key(int, "model.layers", default=1),
    "nonlinear": Key(bool, "model.nonlinear", default=False),
    "learning_rate": Key(float, "optimiser.learning_rate", default=0.001),
    "temperature": Key(float, _where_read("temperature", "model.temperature"), default=0.5),
    "n_samples": Key(int, "model.samples", default=1),
    "batch_size": Key(int, "schedule.batch_size", default=24),
    "trial": Key(int, "seed", default=1),
    "muprop_relaxation": Key(
        bool,
        _where_read(
            "muprop_relaxation", "model.relaxation", lambda improved, run: "improved" if improved else "concrete"
        ),
        default=True,
    ),
    "dynamic_b": Key(bool, default=False),
    "quadratic": Key(bool, _where_read("quadratic", "model.multilayer_cv", _multilayer_cv), default=True),
    "beta2": Key(float, "optimiser.beta_2", default=0.99999),
}


def parse(text: str) -> dict[str, object]:
    """Returns the hparams that "name=value,name=value" sets, by name and of their types.

    Raises:
      UserError: a pair without "=", an unknown name (the nearest is named), a name twice, or a value of another type.
    """
    hparams: dict[str, object] = {}
    for pair in [pair.strip() for pair in text.split(",") if pair.strip()]:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not value:
            raise UserError(f"--hparams takes name=value pairs with commas between them, got '{pair}'")
        if name not in KEYS:
            raise UserError(f"unknown hparam '{name}': {nearest(name, KEYS)}")
        if name in hparams:
            raise UserError(f"the hparam '{name}' is set twice; keep one of them")
        hparams[name] = translator.read(value, KEYS[name].kind, f"hparam {name}")
    for name, known in (("model", MODELS), ("task", ("sbn", "omni", "sp"))):
        if name in hparams and hparams[name] not in known:
            raise UserError(f"unknown {name} '{hparams[name]}' in --hparams: {nearest(str(hparams[name]), known)}")
    return hparams


def config_of(
    text: str, *, historical: bool = False, evaluate_every: int = 20, steps: int | None = None, data: str | None = None
) -> TrainSBN:
    """Returns the run that an `--hparams` string describes.

    Args:
      text: "model=SBNDynamicRebar,learning_rate=0.0003,n_layer=2,task=sbn".
      historical: the authors' estimator, generator and variance, defects included, in place of the corrected ones.
      evaluate_every: epochs between evaluations.
      steps: training steps; by default the authors'.
      data: data set instead of the task's.
    Raises:
      UserError: see `parse`; a hparam that the model does not read; a value out of range.
    """
    given = parse(text)
    run = Run({name: key.default for name, key in KEYS.items()} | given, historical, data)
    for name, readers in READERS.items():
        if name in given and run.estimator not in readers:
            models = ", ".join(model for model, estimator in MODELS.items() if estimator in readers)
            raise UserError(
                f"the hparam {name}={given[name]} is not read by {run.hparams['model']}, only by {models}; leave it out"
            )
    translator.check_implied(run.hparams, KEYS)
    paths = translator.translate(run.hparams, KEYS, run)
    paths |= {"schedule.steps": steps or STEPS, "schedule.evaluate_every": evaluate_every}
    return translator.config_of(TrainSBN, paths | {"model.ema_debias": not historical})
