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

from igr_suite.errors import UserError, nearest
from igr_suite.families.sbn.config import REBARS, RELAXED, SBNConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.lab.runs import values
from igr_suite.training.config_parts import BinaryDataConfig, StepScheduleConfig

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
DEFAULTS = {
    "model": "SBNGumbel",
    "task": "sbn",
    "n_hidden": 200,
    "n_input": 784,
    "n_layer": 1,
    "nonlinear": False,
    "learning_rate": 0.001,
    "temperature": 0.5,
    "n_samples": 1,
    "batch_size": 24,
    "trial": 1,
    "muprop_relaxation": True,
    "dynamic_b": False,
    "quadratic": True,
    "beta2": 0.99999,
}
READERS = {"temperature": RELAXED, "muprop_relaxation": RELAXED, "quadratic": REBARS}  # estimators that read a hparam
STEPS = 2_000_001  # the authors stop at the first end of an epoch past 2,000,000 steps


def parse(text: str) -> dict[str, object]:
    """Returns the hparams that "name=value,name=value" sets, by name and of their types.

    Raises:
      UserError: a pair without "=", an unknown name (the nearest is named), a name twice, or a value of another type.
    """
    found: dict[str, object] = {}
    for pair in [pair.strip() for pair in text.split(",") if pair.strip()]:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not value:
            raise UserError(f"--hparams takes name=value pairs with commas between them, got '{pair}'")
        if name not in DEFAULTS:
            raise UserError(f"unknown hparam '{name}': {nearest(name, DEFAULTS)}")
        if name in found:
            raise UserError(f"the hparam '{name}' is set twice; keep one of them")
        found[name] = values.parse(value, type(DEFAULTS[name]), f"hparam {name}")
    for name, known in (("model", MODELS), ("task", ("sbn", "omni", "sp"))):
        if found.get(name, DEFAULTS[name]) not in known:
            raise UserError(f"unknown {name} '{found[name]}' in --hparams: {nearest(str(found[name]), known)}")
    return found


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
    hparams = DEFAULTS | given
    estimator = MODELS[hparams["model"]]
    for name, readers in READERS.items():
        if name in given and estimator not in readers:
            models = ", ".join(model for model, read in MODELS.items() if read in readers)
            raise UserError(
                f"the hparam {name}={given[name]} is not read by {hparams['model']}, only by {models}; leave it out"
            )
    if hparams["n_input"] != 784:
        raise UserError(f"the hparam n_input must be 784, the pixels of the data, got {hparams['n_input']}")
    rebar, relaxed, sp = estimator in REBARS, estimator in RELAXED, hparams["task"] == "sp"
    multilayer_cv = ("historical" if historical else "corrected") if hparams["quadratic"] else "joint"
    return TrainSBN(
        model=SBNConfig(
            estimator=estimator,
            layers=hparams["n_layer"],
            hidden=hparams["n_hidden"],
            nonlinear=hparams["nonlinear"],
            task="sp" if sp else "density",
            sp_generator=("historical" if historical else "hierarchical") if sp else None,
            samples=hparams["n_samples"],
            temperature=hparams["temperature"] if relaxed else None,
            relaxation=("improved" if hparams["muprop_relaxation"] else "concrete") if relaxed else None,
            multilayer_cv=multilayer_cv if rebar else None,
            ema_debias=not historical,
        ),
        data=_data(hparams, data),
        optimiser=SBNOptimiserConfig(learning_rate=hparams["learning_rate"], beta_2=hparams["beta2"]),
        schedule=StepScheduleConfig(
            steps=steps or STEPS, batch_size=hparams["batch_size"], evaluate_every=evaluate_every
        ),
        seed=hparams["trial"],
    )


def _data(hparams: dict, name: str | None) -> BinaryDataConfig:
    omniglot = hparams["task"] == "omni"
    if name is None:
        name = "omniglot" if omniglot else "mnist" if hparams["dynamic_b"] else "binarized_mnist"
    if hparams["dynamic_b"]:
        return BinaryDataConfig(name=name, binarisation="dynamic")
    return BinaryDataConfig(name=name, binarisation="once" if name.startswith("omniglot") else "static")
