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

from igr_suite.data.catalogue import recipe_of
from igr_suite.errors import UserError, nearest
from igr_suite.families.dni.config import TrainDNI
from igr_suite.families.dni.presets import named
from igr_suite.lab.runs.config import replace_parts

# script -> epochs that its README reports
SCRIPTS = {"B-simple": 46, "B-relu": 21, "B-dni": 249, "B-cdni": 80, "A-dni": 1000, "A-bp": 1000}
TRAIN, TEST = 2000, 1000  # images without --full


def config_of(
    script: str,
    *,
    full: bool = False,
    condition: bool = False,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    momentum: float | None = None,
    l2: float | None = None,
    l1: float | None = None,
    train_rou: str | None = None,
    seed: int = 1,
    epochs: int | None = None,
    historical: bool = False,
    data: str = "mnist",
) -> TrainDNI:
    """Returns the run that a script's options describe; None is the configuration's own value.

    Args:
      script: of SCRIPTS.
      historical: synthesisers of the Torch scripts predict the gradient of the batch mean, as there.
      data: set in place of MNIST.
    Raises:
      UserError: an unknown script, or an option that it does not have.
    """
    if script not in SCRIPTS:
        raise UserError(f"unknown configuration '{script}': {nearest(script, SCRIPTS)}")
    if condition and script not in ("B-dni", "B-cdni"):
        raise UserError(f"--condition is an option of B-dni only, and this is {script}; leave it out")
    if train_rou is not None and not script.startswith("A-"):
        raise UserError(f"--train_rou is an option of A-dni and A-bp only, and this is {script}; leave it out")
    if l1 is not None and script != "B-simple":
        raise UserError(f"--coefL1 is an option of B-simple only, and this is {script}; leave it out")
    if l2 is not None and script.startswith("A-"):
        raise UserError(
            f"--coefL2 is an option of the B scripts, and {script} has its penalty fixed at 1/2 ||w||^2; leave it out"
        )
    if historical and script not in ("B-dni", "B-cdni"):
        raise UserError(
            f"--historical changes what synthesisers of B-dni and B-cdni predict, and this is {script}; leave it out"
        )
    script = "B-cdni" if condition else script
    if train_rou is not None:
        script = {"synthetic": "A-dni", "backprop": "A-bp"}[train_rou]
    config = named(
        script, data=data, seed=seed, epochs=epochs or SCRIPTS[script], sg_scale="batch" if historical else None
    )
    changes = {
        "optimiser": {"learning_rate": learning_rate, "momentum": momentum},
        "schedule": {"batch_size": batch_size},
        "decoupling": {"l2": l2, "l1": l1},
        "data": {} if full else _few(data),
    }
    given = {
        part: {key: value for key, value in values.items() if value is not None} for part, values in changes.items()
    }
    return replace_parts(config, **given)


def _few(data: str) -> dict[str, object]:
    """The first images of each split; of smaller splits all."""
    train, validation, test = recipe_of(data).sizes
    return {"train_split": "train", "train_limit": min(TRAIN, train), "evaluation_limit": min(TEST, validation, test)}
