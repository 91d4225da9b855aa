"""Temperature selection on the validation split: the stage that picks it, and the same rule for plots."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from igr_suite.experiments.config import RunConfig
from igr_suite.experiments.experiment import StageResults

if TYPE_CHECKING:
    import pandas as pd

CRITERION = "validation_elbo_relaxed"  # nats per image, higher is better


def best_temperature(results: StageResults, candidates: Mapping[float, RunConfig]) -> float:
    """Returns the temperature whose run has the highest validation ELBO; ends the stage until all candidates are finished.

    A run that diverged never finishes, so the stage goes on without it only when the experiment leaves its temperature out.
    """
    summaries = dict(zip(candidates, results.all(list(candidates.values()))))
    return max(candidates, key=lambda temperature: summaries[temperature][CRITERION])


def selected_runs(frame: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    """Keeps, for each data set and model, the runs at the temperature that `best_temperature` picks.

    Args:
      frame: one row a finished run, with columns data.name, model.name, model.temperature, seed and CRITERION.
      seed: the seed of the search runs.
    """
    keep = []
    for _, group in frame.groupby(["data.name", "model.name"], sort=False):
        searched = group[group["seed"] == seed]
        if len(searched):
            best = searched.loc[searched[CRITERION].idxmax(), "model.temperature"]
            keep.extend(group.index[group["model.temperature"] == best])
    return frame.loc[keep]
