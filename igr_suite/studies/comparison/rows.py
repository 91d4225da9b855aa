"""Results of comparisons of gradient estimators as rows (never imports TensorFlow)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.lab.analysis.results import Results
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.estimators import label
from igr_suite.studies.comparison.config import StepTime

COST_OF = "reinforce"  # the estimator to which times are relative
VARIANCE_OF = "nvil"  # the one to which variances are relative: REINFORCE with the best baseline for each image
KINDS = ("EstimatorVariance", "EstimatorCost")


def comparison_rows(folder: Path, run_ids: Iterable[str]) -> pd.DataFrame:
    """One row for each (kind of variables, estimator) from the finished comparisons in a folder; values that have not
    been measured are NaN.

    Args:
      folder: results/<paper>/<item>/<scale>.
      run_ids: names of the runs; runs of other kinds are skipped.
    Returns:
      Columns variables, estimator, method, relative_variance, and the entries of the runs' summaries for each
      estimator.
    """
    measured: dict[tuple[str, str], dict] = {}
    for run_id in run_ids:
        run = RunFolder(folder / run_id)
        if not run.whole or type(run.config()).__name__ not in KINDS:
            continue
        summary = run.summary()
        for name, values in summary["estimators"].items():
            measured.setdefault((summary["support"], name), {}).update(values)
    rows = [
        {
            "variables": support,
            "estimator": name,
            "method": label(name),
            **_relative(measured, support, values),
            **values,
        }
        for (support, name), values in measured.items()
    ]
    columns = ["relative_variance", "relative_cost", "parameters_relative_bias", "parameters_p", "biased"]
    return pd.DataFrame(rows).reindex(columns=list(dict.fromkeys([*(rows[0] if rows else ()), *columns])))


def step_seconds(results: Results) -> dict[str, float]:
    """Returns seconds of processor time of a step of each run that a `StepTime` run has timed, by run id: the first
    run's, times the ratio to it of neighbouring windows, which a machine that is slower for some minutes leaves alone."""
    timed = [
        RunFolder(results.folder / run_id) for run_id, config in results.configs.items() if isinstance(config, StepTime)
    ]
    measured = [(run.config().runs[0], run.summary()["runs"]) for run in timed if run.whole]
    return {
        run_id: times["relative_time"] * of_runs[first]["processor_seconds"]
        for first, of_runs in measured
        for run_id, times in of_runs.items()
    }


def _relative(measured: dict, support: str, values: dict) -> dict[str, float]:
    reference = measured.get((support, VARIANCE_OF), {}).get("parameters_variance")
    known = reference is not None and "parameters_variance" in values
    return {"relative_variance": values["parameters_variance"] / reference if known else np.nan}
