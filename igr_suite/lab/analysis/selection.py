"""Chooses among finished runs by a number in their summaries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from igr_suite.errors import UserError
from igr_suite.lab.running.experiment import StageResults
from igr_suite.lab.runs.config import RunConfig

if TYPE_CHECKING:
    import pandas as pd

CRITERION = "validation_elbo_relaxed"  # nats per image, higher is better
NLL = "validation_nll"  # nats per image, lower is better


def best_temperature(results: StageResults, candidates: Mapping[float, RunConfig], criterion: str = CRITERION) -> float:
    """Returns the temperature whose run is best on validation images; ends the stage until all candidates have ended.

    A candidate that diverged is left out.

    Args:
      criterion: the number of the summary to maximise; a name that begins with "validation_nll" is minimised.
    Raises:
      UserError: all candidates diverged.
    """
    finished = finished_by_temperature(results, candidates)
    sign = -1 if criterion.startswith(NLL) else 1
    return max(finished, key=lambda temperature: sign * results.summary(finished[temperature])[criterion])


def finished_by_temperature(results: StageResults, candidates: Mapping[float, RunConfig]) -> dict[float, RunConfig]:
    survivors = results.survivors(list(candidates.values()))
    if not survivors:
        raise UserError(
            f"{next(iter(candidates.values())).model.name} diverged at every temperature of "
            f"{', '.join(f'{t:g}' for t in candidates)}; "
            "try other temperatures or a smaller optimiser.learning_rate"
        )
    return {temperature: run for temperature, run in candidates.items() if run in survivors}


def selected_runs(frame: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    """Keeps, for each data set and model, the runs at the temperature that `best_temperature` picks.

    Args:
      frame: one row per finished run, with columns data.name, model.name, model.temperature, seed and CRITERION.
      seed: the seed of the search runs.
    """
    keep = []
    for _, group in frame.groupby(["data.name", "model.name"], sort=False):
        searched = group[group["seed"] == seed]
        if len(searched):
            best = searched.loc[searched[CRITERION].idxmax(), "model.temperature"]
            keep.extend(group.index[group["model.temperature"] == best])
    return frame.loc[keep]
