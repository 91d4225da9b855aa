"""Test bounds along training, a panel for each number of samples, and a table of the last ones."""

import pandas as pd

from igr_suite.plotting.curves import draw_curves, number_of_seeds
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.style import figure, save, step_axis
from igr_suite.plotting.tables import over_seeds, save_table

NOTE = (
    "Test images' bounds L_S of S samples at the end, nats per image, higher is better; mean and standard deviation "
    "over seeds. K: samples of an image in training; OVIS-MC evaluates 10 more for its baselines. RLOO trains the ELBO "
    "from K samples. OVIS: gamma = 0, OVIS(1): gamma = 1."
)


def method_of(model) -> str:
    """'OVIS(1)', 'VIMCO'."""
    options = dict(option.partition("=")[::2] for option in model.estimator_options)
    gamma = float(options.get("gamma", 0.0))
    return LABELS[model.estimator] + (f"({gamma:g})" if gamma else "")


def samples_of(model) -> int:
    """K."""
    return int(next(option for option in model.estimator_options if option.startswith("samples=")).partition("=")[2])


def named(frame: pd.DataFrame, configs) -> pd.DataFrame:
    """Adds the columns "method" and "K" to runs or metrics."""
    models = [configs[run_id].model for run_id in frame["run_id"]]
    return frame.assign(method=[method_of(model) for model in models], K=[samples_of(model) for model in models])


def bounds_of(frame: pd.DataFrame) -> dict[int, str]:
    """S -> the column of the test bound of S samples, in ascending order."""
    prefix = "test_iw_bound_"
    counts = [c.removeprefix(prefix) for c in frame if c.startswith(prefix) and not c.endswith("_se")]
    return {count: f"{prefix}{count}" for count in sorted(map(int, counts))}


def plot(results, out):
    """Returns the paths of what was drawn."""
    bounds = bounds_of(results.metrics)
    samples, column = max(bounds.items())
    rows = named(results.metrics[results.metrics[column].notna()], results.configs)
    rows = rows.assign(bound=rows[column])
    panels = sorted(rows["K"].unique())
    drawn = []
    with figure(width=1.8 + 3.8 * len(panels), height=4.2, columns=len(panels), squeeze=False, sharey=True) as (
        fig,
        axes,
    ):
        for axis, count in zip(axes[0], panels):
            curves = draw_curves(axis, rows[rows["K"] == count], "step", "bound", method="method", seed="seed")
            drawn.append(curves.assign(K=count))
            axis.set_title(f"K = {count}")
            step_axis(axis)
        axes[0][0].set_ylabel(f"test $L_{{{samples}}}$, nats per image")
        axes[0][-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        fig.suptitle(number_of_seeds(rows, ["K", "method"]), fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv", *save_table(out, *table(results), NOTE)]


def table(results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last bounds of every method, by number of samples, and its training bound of K samples."""
    runs = named(results.runs, results.configs)
    bounds = bounds_of(runs)
    runs = runs.sort_values(["K", max(bounds.items())[1]], ascending=[True, False])
    columns = {bounds[count]: f"test L_{count}" for count in bounds} | {"train_elbo": "training ELBO"}
    return over_seeds(runs, ["K", "method"], columns)
