"""Results of comparisons of gradient estimators as rows (never imports TensorFlow)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.estimators import label

COST_OF = "reinforce"  # that times are relative to
VARIANCE_OF = "nvil"  # that variances are relative to: REINFORCE with the best baseline for each image
KINDS = ("EstimatorVariance", "EstimatorCost")


def comparison_rows(folder: Path, run_ids: Iterable[str]) -> pd.DataFrame:
    """One row a (kind of variables, estimator) from the finished comparisons in a folder; what has not been measured is
    absent (NaN).

    Args:
      folder: results/<paper>/<item>/<scale>.
      run_ids: names of the runs; those of other kinds are passed over.
    Returns:
      Columns variables, estimator, method, relative_variance, and what the runs' summaries hold of each estimator.
    """
    found: dict[tuple[str, str], dict] = {}
    for run_id in run_ids:
        run = RunFolder(folder / run_id)
        if not run.whole or type(run.config()).__name__ not in KINDS:
            continue
        summary = run.summary()
        for name, values in summary["estimators"].items():
            found.setdefault((summary["support"], name), {}).update(values)
    rows = [
        {"variables": support, "estimator": name, "method": label(name), **_relative(found, support, values), **values}
        for (support, name), values in found.items()
    ]
    columns = ["relative_variance", "relative_cost", "parameters_relative_bias", "parameters_p", "biased"]
    return pd.DataFrame(rows).reindex(columns=list(dict.fromkeys([*(rows[0] if rows else ()), *columns])))


def _relative(found: dict, support: str, values: dict) -> dict[str, float]:
    reference = found.get((support, VARIANCE_OF), {}).get("parameters_variance")
    known = reference is not None and "parameters_variance" in values
    return {"relative_variance": values["parameters_variance"] / reference if known else np.nan}
