"""The executor of `LinearGaussianGradients`: draws in compiled chunks, statistics in float64 at the end."""

import numpy as np
import tensorflow as tf

from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.objectives.names import FACTS, references
from igr_suite.objectives.registry import build
from igr_suite.randomness import at_step, run_seed
from igr_suite.studies.linear_gaussian.config import LinearGaussianGradients
from igr_suite.studies.linear_gaussian.gradients import ClosedFormEstimator
from igr_suite.studies.linear_gaussian.problem import make
from igr_suite.studies.linear_gaussian.statistics import bias, noise_floor, signal_and_noise

CHUNK = 2**21  # normal numbers drawn at once: 8 MB, near the cache


def estimator_of(config: LinearGaussianGradients) -> ClosedFormEstimator:
    """The closed-form estimator of the config's problem and objectives."""
    problem = make(config.dimension, config.points, config.perturbation, config.proposal_variance, config.seed)
    objectives = [build(name, **({"form": "closed"} if name.startswith("jk") else {})) for name in config.objectives]
    return ClosedFormEstimator(problem, objectives, config.samples)


def measure(config: LinearGaussianGradients, gradients: dict[str, np.ndarray], families: list[tuple]) -> dict:
    """Statistics of all estimates.

    Args:
      gradients: the results of `ClosedFormEstimator.estimate` for all repetitions.
      families: of the "theta" among them.
    Returns:
      "b" and "theta", each statistics by name; "bound", "ess", "noise_floor".
    """
    b = {name: gradients["b"][:, i].astype(np.float64) for i, name in enumerate(config.objectives)}
    statistics = {}
    for name, values in b.items():
        statistics[name] = signal_and_noise(values)
        targets = references(name)
        measured = all(
            target in b and options.items() <= FACTS[target].options.items() for target, options, _ in targets
        )
        if [target for target, _, _ in targets] != [name] and measured:
            statistics[name] |= bias(values, sum(weight * b[target] for target, _, weight in targets))
    theta = {
        family[0]: signal_and_noise(gradients["theta"][:, i].astype(np.float64)) for i, family in enumerate(families)
    }
    means = {name: float(gradients[name].mean(dtype=np.float64)) for name in ("bound", "ess")}
    return _plain({"b": statistics, "theta": theta, **means, "noise_floor": noise_floor(config.repetitions)})


def execute(config: LinearGaussianGradients, folder: RunFolder) -> None:
    """Draws and measures; a run takes at most minutes, so an interrupted one starts again."""
    estimator, seed = estimator_of(config), run_seed(config.seed, f"linear gaussian, K = {config.samples}")
    each = max(1, min(config.repetitions, CHUNK // (config.samples * config.points * config.dimension)))
    draw = tf.function(lambda seed: estimator.draw(each, seed), jit_compile=True, autograph=False)
    chunks = []
    with Interrupts() as interrupts, Progress(folder) as progress:
        for done in range(0, config.repetitions, each):
            chunks.append({name: value.numpy() for name, value in draw(at_step(seed, tf.constant(done))).items()})
            progress.update(min(done + each, config.repetitions), config.repetitions)
            if interrupts.requested:
                interrupts.stop()
    gradients = {name: np.concatenate([chunk[name] for chunk in chunks])[: config.repetitions] for name in chunks[0]}
    summary = measure(config, gradients, estimator.families)
    folder.metrics.cut_after(-1)
    folder.metrics.append(config.repetitions, bound=summary["bound"], ess=summary["ess"])
    folder.write_summary(summary)


def _plain(value):
    """Rounds the numbers of nested dicts to six digits."""
    return (
        {name: _plain(part) for name, part in value.items()}
        if isinstance(value, dict)
        else float(f"{float(value):.6g}")
    )
