"""Engines of `every_estimator_step.py`: `build_MODEL_ESTIMATOR` is the function that builds one, for every run of
`suite/training`."""

from collections.abc import Callable
from functools import cache, partial

import _problem
import _sbn_problem

from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.config import RunConfig

MODELS = {"nonlinear": "Belief network, one nonlinear layer", "categorical": "VAE, 20 variables of 10 categories"}


@cache
def configs(model: str) -> dict[str, RunConfig]:
    """Returns the estimators of a model with the settings of their runs, by name."""
    first = discovery.find("suite/training").stages[0]("paper", _Data())
    found = {config.model.estimator: config for config in reversed(first) if _model(config) == model}
    return dict(sorted(found.items()))


class _Data:
    datasets = ("mnist_5k",)  # embedded in the package; times do not depend on the images


def _model(config: RunConfig) -> str:
    if isinstance(config, TrainHardVAE):
        return "categorical"
    return "nonlinear" if config.model.nonlinear else "linear"


def __getattr__(name: str) -> Callable[[int, int], Callable[[int], float]]:
    _, model, estimator = name.split("_", 2)
    return partial(build, model, estimator)


def build(model: str, estimator: str, threads: int, samples: int) -> Callable[[int], float]:
    """Returns a function that trains a number of steps and returns the last chunk's mean bound."""
    del samples
    config = configs(model)[estimator]
    if model == "categorical":
        import _suite_codes

        from igr_suite.families.hard_vae import train_codes

        return _suite_codes.trained(threads, train_codes, config)
    import _suite_sbn
    from _suite_loop import training

    return training(_sbn_problem, _suite_sbn.network(threads, config.model), _problem.load_images() * 255, "elbo")
