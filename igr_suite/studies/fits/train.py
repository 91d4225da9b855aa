"""The executor of `FitDiscrete`: the fit with its metrics rows, then histograms and moments for the summary."""

import numpy as np

from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.studies.fits import targets
from igr_suite.studies.fits.config import FitDiscrete
from igr_suite.studies.fits.fit import fit
from igr_suite.studies.fits.histograms import argmax_counter, description


def execute(config: FitDiscrete, folder: RunFolder) -> None:
    """Fits and measures; a run takes seconds, so an interrupted one starts again instead of resuming from a
    checkpoint."""
    folder.metrics.cut_after(0)
    with Interrupts() as interrupts, Progress(folder) as progress:

        def on_row(step: int, row: dict[str, float]) -> None:
            folder.metrics.append(step, **row)
            progress.update(step, config.iterations, loss=row["loss"])
            if interrupts.requested:
                interrupts.stop()

        outcome = fit(config, on_row)
        counts = argmax_counter(config, config.evaluation_samples)
        log_target = config.log_target()
        target = targets.sample(
            config.target, config.trials or config.categories, config.evaluation_samples, config.seed
        )
        folder.write_summary(
            {
                "iterations_done": outcome.iterations,
                "ended_by": outcome.reason,
                "first_loss": outcome.first_loss,
                "final_loss": outcome.loss,
                "initial": description(counts(outcome.initial, "initial histogram"), log_target),
                "fitted": description(counts(outcome.fitted, "fitted histogram"), log_target),
                "drawn_target": description(np.bincount(target)),
                "parameter_means": {name: float(np.mean(values)) for name, values in outcome.fitted.items()},
            }
        )
