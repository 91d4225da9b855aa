"""Estimators that train models with equal numbers of evaluations: test bounds against evaluations, steps and time, and a
table of the last ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import figure, save
from igr_suite.plotting.tables import over_seeds

AXES = {
    "evaluations": "evaluations of training, millions",
    "steps": "training steps, thousands",
    "minutes": "minutes of training, one thread",
}
KINDS = ("one_hot", "bound")  # of the bound of K samples, in the names of metrics


def rows_of(
    results: Results, model_of: Callable[[pd.Series], str], method_of: Callable[[pd.Series], str]
) -> pd.DataFrame:
    """Returns one row per run and evaluation of test images: model, method, seed, "bound" (the test images' L_K), "elbo"
    (of the training images in the epoch that ends there), and what the bound is drawn against.

    Args:
      results: runs with `evaluation.importance_samples` and an estimator.
      model_of, method_of: names for a row with a run's config values.
    """
    frames = []
    for run_id, group in results.metrics.groupby("run_id", sort=False):
        first, config = group.iloc[0], results.configs[run_id]
        names = [f"test_iw_{kind}_{config.evaluation.importance_samples}" for kind in KINDS]
        column = next(name for name in names if name in group and group[name].notna().any())
        each = config.evaluations_per_step  # None for an estimator from outside, which does not say it
        measured = group[group[column].notna()]
        elbos = {epoch["step"]: epoch["train_elbo"] for epoch in epoch_means_of(group)}
        seconds = RunFolder(results.folder / run_id).meta().get("train_seconds", float("nan"))
        frames.append(
            pd.DataFrame(
                {
                    "model": model_of(first),
                    "method": method_of(first),
                    "seed": first["seed"],
                    "evaluations a step": f"{each / config.schedule.batch_size:g}" if each else "-",
                    "bound": measured[column],
                    "elbo": measured["step"].map(elbos),
                    "evaluations": measured["step"] * (each or float("nan")) / 1e6,
                    "steps": measured["step"] / 1e3,
                    "minutes": seconds / 60 * measured["step"] / group["step"].max(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def draw(rows: pd.DataFrame, titles: Mapping[str, str], out: Path) -> list[Path]:
    """Draws the bounds of every model, a row of panels for each; returns the paths of figure and drawn values.

    Args:
      rows: of `rows_of`.
      titles: model -> title of its panels, in their order.
      out: folder.
    """
    models = [model for model in titles if model in set(rows["model"])]
    drawn = []
    with figure(width=4.2 * len(AXES), height=3.4 * len(models), rows=len(models), columns=len(AXES)) as (fig, axes):
        for line, model in zip(axes.reshape(len(models), len(AXES)), models):
            part = rows[rows["model"] == model]
            spread = part["bound"].max() - part["bound"].quantile(0.05)
            for ax, (x, label) in zip(line, AXES.items()):
                curves = draw_curves(ax, part, x, "bound", method="method", seed="seed")
                drawn.append(curves.rename(columns={x: "x"}).assign(model=model, quantity=x))
                ax.set(xlabel=label, title=titles[model] if ax is line[0] else "")
                ax.set_ylim(part["bound"].max() - 1.1 * spread, part["bound"].max() + 0.05 * spread)
                ax.xaxis.set_major_locator(MaxNLocator(5))
            line[0].set_ylabel("test L_K, nats per image")
            line[-1].legend(fontsize=6, ncols=2, loc="lower right")
        fig.suptitle(seeds_caption(rows, "seed", ["model", "method"]))
        paths = save(fig, out)
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def table(
    rows: pd.DataFrame, titles: Mapping[str, str], further: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the last bounds and minutes of every model and method, best bound first, as texts and as numbers.

    Args:
      rows, titles: as in `draw`.
      further: column of the rows -> heading, shown between the two.
    """
    last = rows.sort_values("steps").groupby(["model", "method", "seed"], sort=False).tail(1)
    order = last.groupby(["model", "method"])["bound"].transform("mean")
    last = last.assign(place=[list(titles).index(model) for model in last["model"]], mean=order)
    last = last.sort_values(["place", "mean"], ascending=[True, False])
    columns = {"bound": "test L_K", **(further or {}), "minutes": "minutes"}
    return over_seeds(last, ["model", "method", "evaluations a step"], columns)
