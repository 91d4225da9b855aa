"""The executors of comparisons of gradient estimators at the weights of a trained run: variances and biases, or
time."""

import importlib
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.estimator_variance import Source, Subject, measure
from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.comparison.config import EstimatorCost, EstimatorVariance
from igr_suite.studies.comparison.rows import COST_OF

REPORTS = 4  # progress lines of `measure` for each estimator


def subject_of(
    config: EstimatorVariance | EstimatorCost, folder: RunFolder, seed: tf.Tensor
) -> tuple[Subject, tuple[str, ...]]:
    """The trained run beside this one as a subject, and the names of the estimators to measure.

    Raises:
      UserError: the trained run is not finished, has no checkpoint or is of a family without discrete variables, or an
        estimator does not apply to it.
    """
    trained = RunFolder(folder.path.parent / config.trained)
    trained_config = trained.config()
    reason = "is not finished" if trained_config is None else trained.unfinished()
    if reason:
        raise UserError(f"{trained.path} is to be measured and {reason}; run it first")
    if not trained_config.subject:
        raise UserError(
            f"{config.trained} is a {type(trained_config).__name__} run; estimators are compared on runs with discrete "
            f"variables"
        )
    subject = importlib.import_module(trained_config.subject).load(trained, trained_config, config.images, seed)
    subject.own_steps = config.own_steps
    for name in config.estimators:
        if name not in subject.names:
            raise UserError(
                f"estimators names '{name}', which does not apply to {config.trained}; {nearest(name, subject.names)}"
            )
    return subject, config.estimators or subject.names


def measure_variance(config: EstimatorVariance, folder: RunFolder) -> None:
    """Writes the rows of `estimator_variance.measure`, without their times: {"estimators": {name: ...}}."""
    seed = run_seed(config.seed, "variance draws")
    subject, names = subject_of(config, folder, seed)
    reports = []
    with Progress(folder) as progress:

        def say(text: str) -> None:
            reports.append(text)
            progress.update(len(reports), REPORTS * (1 + len(names)))

        rows = measure(subject, names, config.draws, config.reference, seed, say)
    measured = {
        row["estimator"]: {key: value for key, value in row.items() if key not in ("estimator", "seconds")}
        for row in rows
    }
    folder.write_summary({"support": support_of(subject), "estimators": measured})


def measure_cost(config: EstimatorCost, folder: RunFolder) -> None:
    """Writes processor and wall time of an estimate, and the former relative to REINFORCE's: medians over rounds.

    An estimate is one gradient with respect to q's weights, without the gradient of the model's own. The rounds
    interleave the estimators, so other load of the machine affects all of them; processor time excludes most of it.
    """
    seed = run_seed(config.seed, "cost draws")
    subject, names = subject_of(config, folder, seed)
    windows = {name: window(subject.source(name), config.draws, seed, subject.jit) for name in names}
    for run in windows.values():  # compiles
        run()
    processor = {name: [] for name in windows}
    wall = {name: [] for name in windows}
    with Progress(folder) as progress:
        for number in range(config.rounds):
            for name, run in windows.items():
                began = time.process_time(), time.perf_counter()
                run()
                processor[name].append((time.process_time() - began[0]) / config.draws)
                wall[name].append((time.perf_counter() - began[1]) / config.draws)
            progress.update(number + 1, config.rounds)
    measured = {}
    for name in windows:
        ratios = np.array(processor[name]) / np.array(processor[COST_OF])
        measured[name] = {
            "processor_seconds": float(np.median(processor[name])),
            "wall_seconds": float(np.median(wall[name])),
            "relative_cost": float(np.median(ratios)),
            "relative_cost_low": float(np.min(ratios)),
            "relative_cost_high": float(np.max(ratios)),
        }
    folder.write_summary({"support": support_of(subject), "estimators": measured})


def window(source: Source, draws: int, seed: tf.Tensor, jit: bool) -> Callable[[], None]:
    """A function that draws `draws` gradients with respect to q's weights, one in each compiled call: in a compiled
    loop XLA would compute the parts without noise only once."""

    @tf.function(jit_compile=jit, autograph=False)
    def gradients_of(number):
        return source.gradients(at_step(seed, number))["parameters"]

    numbers = [tf.constant(number) for number in range(draws)]

    def run():
        for number in numbers:
            gradients = gradients_of(number)
        gradients[0].numpy()  # waits until they are computed

    return run


def support_of(subject: Subject) -> str:
    """ "bernoulli" or "categorical": belief networks are of the first kind, VAEs have the attribute."""
    return getattr(subject, "support", "bernoulli")
