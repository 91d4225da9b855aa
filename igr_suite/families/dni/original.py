"""The options of the original scripts in this suite's terms (never imports TensorFlow).

| script's option (default)             | here                                                                         |
|---------------------------------------|------------------------------------------------------------------------------|
| full (off)                            | all images; without it the first 2,000 training and 1,000 test images        |
| condition (off; B-dni)                | model.method=cdni with linear synthesisers, else dni                         |
| learningRate (0.05), batchSize (10)   | optimiser.learning_rate, schedule.batch_size; here by default what the       |
|                                       | README reports                                                               |
| momentum (0; SGD), coefL2, coefL1 (0) | optimiser.momentum, decoupling.l2, decoupling.l1 (B-simple)                  |
| seed (1)                              | seed                                                                         |
| train_rou=synthetic or backprop (A)   | A-dni or A-bp                                                                |

Source: docs/papers/dni.md, section 2.4.
"""

from collections.abc import Mapping
from typing import Any

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError, nearest
from igr_suite.families.dni.config import TrainDNI
from igr_suite.families.dni.presets import named
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

# script -> epochs that its README reports
SCRIPTS = {"B-simple": 46, "B-relu": 21, "B-dni": 249, "B-cdni": 80, "A-dni": 1000, "A-bp": 1000}
TRAIN, TEST = 2000, 1000  # images without --full


SYNTHESISERS = ("B-dni", "B-cdni")
# option -> scripts that have it, and the reason where the option's name does not give it
READERS: dict[str, tuple[tuple[str, ...], str]] = {
    "condition": (SYNTHESISERS, "is an option of B-dni only"),
    "train_rou": (("A-dni", "A-bp"), "is an option of A-dni and A-bp only"),
    "coefL1": (("B-simple",), "is an option of B-simple only"),
    "coefL2": (
        tuple(script for script in SCRIPTS if script.startswith("B-")),
        "is an option of the B scripts, and the A scripts have their penalty fixed at 1/2 ||w||^2",
    ),
    "historical": (SYNTHESISERS, "changes what synthesisers of B-dni and B-cdni predict"),
}
KEYS: translator.Keys = {
    "learningRate": Key(to="optimiser.learning_rate"),
    "batchSize": Key(to="schedule.batch_size"),
    "momentum": Key(to="optimiser.momentum"),
    "coefL2": Key(to="decoupling.l2"),
    "coefL1": Key(to="decoupling.l1"),
    "full": Key(to=lambda full, data: {} if full else _few(data)),
    # These choose the configuration that the others change.
    **dict.fromkeys(("condition", "train_rou", "historical", "seed", "epochs", "data"), Key()),
}


def config_of(script: str, options: Mapping[str, Any]) -> TrainDNI:
    """Returns the run that a script's options describe.

    Args:
      script: of SCRIPTS.
      options: of KEYS; those that are absent or None have the configuration's own value. `historical` makes the
        synthesisers of the Torch scripts predict the gradient of the batch mean, as there; `data` names a data set in
        place of MNIST.
    Raises:
      UserError: an unknown script, or an option that it does not have.
    """
    if script not in SCRIPTS:
        raise UserError(f"unknown configuration '{script}': {nearest(script, SCRIPTS)}")
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    for name, (scripts, reason) in READERS.items():
        if name in given and script not in scripts:
            raise UserError(f"--{name} {reason}, and this is {script}; leave it out")
    if "condition" in given:
        script = "B-cdni"
    if "train_rou" in given:
        script = {"synthetic": "A-dni", "backprop": "A-bp"}[given["train_rou"]]
    data = given.get("data", "mnist")
    config = named(
        script,
        data=data,
        seed=given.get("seed", 1),
        epochs=given.get("epochs") or SCRIPTS[script],
        sg_scale="batch" if "historical" in given else None,
    )
    return config.with_values(translator.translate({"full": False} | given, KEYS, data))


def _few(data: str) -> dict[str, Any]:
    """The first images of each split; of smaller splits all."""
    train, validation, test = recipe_of(data).sizes
    return {
        "data.train_split": "train",
        "data.train_limit": min(TRAIN, train),
        "data.evaluation_limit": min(TEST, validation, test),
    }
