"""Estimators that train models with equal numbers of evaluations: test bounds against evaluations, steps and time, and a
table of the last ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from igr_suite.estimators.names import KNOWN
from igr_suite.lab.analysis.epoch_means import epoch_means_of
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.style import figure, look, save
from igr_suite.plotting.tables import decimals, over_seeds

AXES = {"evaluations": "evaluations of training, millions", "steps": "training steps, thousands"}
# what "minutes" are, by the column "clock"
MINUTES = {"processor": "minutes of training, one thread", "wall": "minutes of training as the runs took"}
TIMES = {
    "processor": "Minutes are the number of steps times a step's processor time with one thread, which was measured for "
    "all estimators of a model in turn.",
    "wall": "Minutes are those that the runs took, mean over seeds, beside whatever else their machines did.",
}
KINDS = ("one_hot", "bound")  # of the bound of K samples, in the names of metrics
FAR = 3.0  # a mean this many times as far below the median as the best is above it lies outside the ranking's axis
COLOURED = 6  # methods with the best bounds, whose curves have a colour
ALWAYS = ("NVIL", "ST")  # and these
BESIDE = "REINFORCE"  # times of steps are relative to its
BIASED = [name for name, known in KNOWN.items() if not known.unbiased]


def rows_of(
    results: Results,
    model_of: Callable[[pd.Series], str],
    method_of: Callable[[pd.Series], str],
    step_seconds: Mapping[str, float],
) -> pd.DataFrame:
    """Returns one row per run and evaluation of test images: model, method, seed, "bound" (the test images' L_K) with K,
    its "samples", "elbo" (of the training images in the epoch that ends there), what the bound is drawn against, and
    "clock", a key of `MINUTES`.

    Args:
      results: runs with `evaluation.importance_samples` and an estimator.
      model_of, method_of: names for a row with a run's config values.
      step_seconds: processor time of a step by run id, of one run for each model and method
        (`studies.comparison.rows.step_seconds`); where it is empty, minutes are those that the runs took.
    """
    frames = []
    for run_id, group in results.metrics.groupby("run_id", sort=False):
        first, config = group.iloc[0], results.configs[run_id]
        if not hasattr(config, "evaluation"):
            continue  # a measurement of a trained model
        samples = config.evaluation.importance_samples
        names = [f"test_iw_{kind}_{samples}" for kind in KINDS]
        column = next(name for name in names if name in group and group[name].notna().any())
        each = config.evaluations_per_step  # None for an estimator from outside, which does not say it
        measured = group[group[column].notna()]
        elbos = {epoch["step"]: epoch["train_elbo"] for epoch in epoch_means_of(group)}
        seconds = RunFolder(results.folder / run_id).meta().get("train_seconds", float("nan"))
        frames.append(
            pd.DataFrame(
                {
                    "model": model_of(first),
                    "estimator": first["model.estimator"],
                    "method": method_of(first),
                    "seed": first["seed"],
                    "evaluations a step": f"{each / config.schedule.batch_size:g}" if each else "-",
                    "bound": measured[column],
                    "samples": samples,
                    "elbo": measured["step"].map(elbos),
                    "evaluations": measured["step"] * (each or float("nan")) / 1e6,
                    "steps": measured["step"] / 1e3,
                    "minutes": measured["step"] * step_seconds.get(run_id, float("nan")) / 60
                    if step_seconds
                    else seconds / 60 * measured["step"] / group["step"].max(),
                    "clock": "processor" if step_seconds else "wall",
                }
            )
        )
    rows = pd.concat(frames, ignore_index=True)
    # Seeds at one step are drawn at one time: the timed one's, or the mean of theirs.
    rows["minutes"] = rows.groupby(["model", "method", "steps"])["minutes"].transform("mean")
    return rows


def draw(rows: pd.DataFrame, titles: Mapping[str, str], out: Path) -> list[Path]:
    """Draws curves of the bounds and their ranking at the end; returns the paths of figures and drawn values.

    Args:
      rows: of `rows_of`.
      titles: model -> title of its panels, in their order.
      out: folder.
    """
    last, models = last_of(rows, titles), [model for model in titles if model in set(rows["model"])]
    return [*_draw_curves(rows, last, models, titles, out), *_draw_ranking(last, models, titles, out)]


def _draw_curves(rows: pd.DataFrame, last: pd.DataFrame, models: list[str], titles, out: Path) -> list[Path]:
    """A row of panels for each model: the best methods in colour, the others grey."""
    against = AXES | {"minutes": MINUTES[_clock_of(rows)]}
    drawn, size = [], {"width": 4.2 * len(against), "height": 3.6 * len(models)}
    with figure(**size, rows=len(models), columns=len(against), squeeze=False) as (fig, axes):
        for line, model in zip(axes, models):
            part = rows[rows["model"] == model]
            best = list(dict.fromkeys(last[last["model"] == model]["method"]))
            coloured = [*best[:COLOURED], *(name for name in ALWAYS if name in best[COLOURED:])]
            spread = part["bound"].max() - part["bound"].quantile(0.05)
            for ax, (x, words) in zip(line, against.items()):
                for _, run in part[~part["method"].isin(coloured)].groupby(["method", "seed"]):
                    ax.plot(run[x], run["bound"], color="0.5", alpha=0.4, linewidth=0.7, zorder=0)
                shown = pd.concat([part[part["method"] == name] for name in coloured])
                curves = draw_curves(ax, shown, x, "bound", method="method", seed="seed")
                drawn.append(curves.rename(columns={x: "x"}).assign(model=model, quantity=x))
                ax.set(xlabel=words, title=titles[model] if ax is line[0] else "")
                ax.set_ylim(part["bound"].max() - 1.1 * spread, part["bound"].max() + 0.05 * spread)
                ax.xaxis.set_major_locator(MaxNLocator(5))
            line[0].set_ylabel(f"test ${bound_name(part)}$, nats per image")
            others = len(best) - len(coloured)
            title = f"grey: {others} more" if others else None
            line[-1].legend(fontsize="x-small", title=title, title_fontsize="x-small", loc="lower right")
        fig.suptitle(seeds_caption(rows, "seed", ["model", "method"]))
        paths = save(fig, out)
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def _draw_ranking(last: pd.DataFrame, models: list[str], titles, out: Path) -> list[Path]:
    """Every method's last bound, a marker a seed and a bar at their mean; biased estimators have hollow markers. A method
    far below all others is an arrow with its mean, see `FAR`."""
    most = max(last[last["model"] == model]["method"].nunique() for model in models)
    size = {"width": max(4.8, 4.2 * len(models)), "height": 1.4 + 0.19 * most}
    with figure(**size, columns=len(models), squeeze=False) as (fig, axes):
        for ax, model in zip(axes[0], models):
            part = last[last["model"] == model]
            names, floor = list(dict.fromkeys(part["method"]))[::-1], floor_of(part.drop_duplicates("method")["mean"])
            for height, name in enumerate(names):
                seeds, (shade, marker, _) = part[part["method"] == name], look(name)
                if seeds["mean"].iloc[0] < floor:
                    words, place = f"← {seeds['mean'].iloc[0]:.0f}".replace("-", "−"), ax.get_yaxis_transform()
                    ax.text(0.02, height, words, transform=place, fontsize="x-small", va="center")
                    continue
                face = "none" if seeds["estimator"].iloc[0] in BIASED else shade
                ax.plot(seeds["bound"], [height] * len(seeds), marker, color=shade, markerfacecolor=face)
                ax.plot(seeds["mean"].iloc[0], height, "|", color="0.2", markersize=9)
            ax.set_yticks(range(len(names)), names, fontsize="x-small")
            ax.set_ylim(-0.8, len(names) - 0.2)
            ax.set(xlabel=f"test ${bound_name(part)}$ at the end, nats per image", title=titles[model])
            ax.xaxis.set_major_locator(MaxNLocator(5))
            ax.grid(axis="y", linewidth=0.3)
        words = seeds_caption(last, "seed", ["model", "method"])
        fig.suptitle(f"equal evaluations; bar: mean, markers: seeds, hollow: biased; {words}", fontsize="small")
        return save(fig, out, "ranking")


def floor_of(means: pd.Series) -> float:
    """Returns the mean below which a method is not drawn to scale, see `FAR`."""
    return means.median() - FAR * (means.max() - means.median())


def bound_name(rows: pd.DataFrame) -> str:
    """Returns the symbol of the rows' bounds, "L_{100}" where all have 100 samples."""
    numbers = set(rows["samples"])
    return f"L_{{{numbers.pop()}}}" if len(numbers) == 1 else "L_K"


def last_of(rows: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The last evaluation of every run, with the mean over seeds in the column "mean"; best first in each model."""
    last = rows.sort_values("steps").groupby(["model", "method", "seed"], sort=False).tail(1)
    order = last.groupby(["model", "method"])["bound"].transform("mean")
    last = last.assign(place=[list(titles).index(model) for model in last["model"]], mean=order)
    return last.sort_values(["place", "mean"], ascending=[True, False], kind="stable")


def table(
    rows: pd.DataFrame, titles: Mapping[str, str], further: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the last bounds and minutes of every model and method, best bound first, as texts and as numbers; where
    REINFORCE is one of them and steps were timed, the time of a step beside its step, too.

    Args:
      rows, titles: as in `draw`.
      further: column of the rows -> heading, shown between the two.
    """
    columns = {
        "bound": f"test {bound_name(rows)}".replace("{", "").replace("}", ""),
        **(further or {}),
        "minutes": "minutes",
    }
    last = last_of(rows, titles)
    texts, numbers = over_seeds(last, ["model", "method", "evaluations a step"], columns)
    texts["minutes"] = [decimals(minutes, 1) for minutes in numbers["minutes_mean"]]
    if _has_times_of_steps(rows):
        times = (last["minutes"] / last["steps"]).groupby([last["model"], last["method"]]).first()
        keys = zip(numbers["model"], numbers["method"])
        numbers["relative_step_time"] = [times[key] / times.get((key[0], BESIDE), float("nan")) for key in keys]
        relative = [decimals(value, 2) for value in numbers["relative_step_time"]]
        texts.insert(texts.columns.get_loc("minutes"), "time of a step", relative)
    return texts, numbers.drop(columns="minutes_sd").assign(clock=_clock_of(rows))  # seeds have one time


def about_minutes(rows: pd.DataFrame) -> str:
    """Returns the sentences that say what the minutes and times of steps of rows, or of a table's numbers, are."""
    relative = f" The time of a step is relative to {BESIDE}'s." if _has_times_of_steps(rows) else ""
    return f"{TIMES[_clock_of(rows)]}{relative}"


def _has_times_of_steps(rows: pd.DataFrame) -> bool:
    return _clock_of(rows) == "processor" and BESIDE in set(rows["method"])


def _clock_of(rows: pd.DataFrame) -> str:
    return str(rows["clock"].iloc[0])
