"""Test bounds against evaluations, steps and time, their ranking, and whether variance foretells it."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from igr_suite.estimators.names import KNOWN
from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.estimators import label
from igr_suite.plotting.style import colour, figure, save
from igr_suite.plotting.tables import over_seeds, save_table
from igr_suite.studies.comparison.rows import comparison_rows

MODELS = {
    "nonlinear": "belief network, one nonlinear layer",
    "2 linear": "belief network, two linear layers",
    "categorical": "VAE, categorical codes",
}
VARIABLES = {"nonlinear": "bernoulli", "categorical": "categorical"}  # models at which variances are measured
AXES = {
    "evaluations": "evaluations of training, millions",
    "steps": "training steps, thousands",
    "minutes": "minutes of training, one thread",
}
COLOURED = 6  # estimators with the best bounds, whose curves have a colour
ALWAYS = ("NVIL", "ST")  # and these
NOTE = (
    "Test images' L_K at the end, nats per image, mean and standard deviation over seeds; K = 100 (5 at the smoke "
    "scale). Every estimator has the same number of evaluations of the bound in training; `evaluations a step` are those "
    "of one image. VIMCO and local DisARM train a bound of several samples, most others the ELBO. Times are those of the "
    "machine that made the runs."
)
TRAINED = ("TrainSBN", "TrainHardVAE")
BIASED = [name for name, known in KNOWN.items() if not known.unbiased]


def rows_of(results) -> pd.DataFrame:
    """One row per run and evaluation: model, method, seed, bound, and the three quantities it is drawn against."""
    frames = []
    for run_id, group in results.metrics.groupby("run_id", sort=False):
        first, config = group.iloc[0], results.configs[run_id]
        if first["kind"] not in TRAINED:
            continue
        kind = "one_hot" if first["kind"] == "TrainHardVAE" else "bound"
        column = f"test_iw_{kind}_{config.evaluation.importance_samples}"
        each = config.evaluations_per_step  # None for an estimator from outside, which does not say it
        measured = group[group[column].notna()]
        seconds = RunFolder(results.folder / run_id).meta().get("train_seconds", float("nan"))
        frames.append(
            pd.DataFrame(
                {
                    "model": _model_of(first),
                    "estimator": first["model.estimator"],
                    "method": label(first["model.estimator"]),
                    "seed": first["seed"],
                    "evaluations a step": f"{each / config.schedule.batch_size:g}" if each else "-",
                    "bound": measured[column],
                    "evaluations": measured["step"] * (each or float("nan")) / 1e6,
                    "steps": measured["step"] / 1e3,
                    "minutes": seconds / 60 * measured["step"] / group["step"].max(),
                }
            )
        )
    rows = pd.concat(frames, ignore_index=True)
    # seeds at one step are drawn at one time, the mean of theirs
    rows["minutes"] = rows.groupby(["model", "method", "steps"])["minutes"].transform("mean")
    return rows


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results)
    models = [model for model in MODELS if model in set(rows["model"])]
    last = last_of(rows)
    paths, drawn = draw_training(rows, last, models, out)
    drawn.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    paths += draw_ranking(last, models, out)
    foretold = beside_variance(last, comparison_rows(results.folder, results.configs))
    if not foretold.empty:
        paths += draw_foretold(foretold, out)
        foretold.to_csv(out / "variance.csv", index=False, float_format="%.6g")
        paths.append(out / "variance.csv")
    return [*paths, out / "figure.csv", *save_table(out, *table(last), NOTE)]


def last_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The last evaluation of every run, with the mean over seeds in the column "mean"; best first in each model."""
    last = rows.sort_values("steps").groupby(["model", "method", "seed"], sort=False).tail(1)
    order = last.groupby(["model", "method"])["bound"].transform("mean")
    last = last.assign(place=[list(MODELS).index(model) for model in last["model"]], mean=order)
    return last.sort_values(["place", "mean"], ascending=[True, False], kind="stable")


def draw_training(rows: pd.DataFrame, last: pd.DataFrame, models: list[str], out):
    """Curves: the best estimators of each model in colour, the others grey. Returns (paths, drawn values)."""
    drawn = []
    size = {"width": 4.2 * len(AXES), "height": 3.6 * len(models)}
    with figure(**size, rows=len(models), columns=len(AXES), squeeze=False) as (fig, axes):
        for line, model in zip(axes, models):
            part = rows[rows["model"] == model]
            best = list(dict.fromkeys(last[last["model"] == model]["method"]))
            coloured = [*best[:COLOURED], *(name for name in ALWAYS if name in best[COLOURED:])]
            spread = part["bound"].max() - part["bound"].quantile(0.05)
            for ax, (x, words) in zip(line, AXES.items()):
                for (_, _), run in part[~part["method"].isin(coloured)].groupby(["method", "seed"]):
                    ax.plot(run[x], run["bound"], color="0.8", linewidth=0.7, zorder=0)
                shown = pd.concat([part[part["method"] == name] for name in coloured])
                curves = draw_curves(ax, shown, x, "bound", method="method", seed="seed")
                drawn.append(curves.rename(columns={x: "x"}).assign(model=model, quantity=x))
                ax.set(xlabel=words, title=MODELS[model] if ax is line[0] else "")
                ax.set_ylim(part["bound"].max() - 1.1 * spread, part["bound"].max() + 0.05 * spread)
                ax.xaxis.set_major_locator(MaxNLocator(5))
            line[0].set_ylabel("test L_K, nats per image")
            others = len(best) - len(coloured)
            title = f"grey: {others} more" if others else None
            line[-1].legend(fontsize=7, title=title, title_fontsize=7, loc="lower right")
        fig.suptitle(seeds_caption(rows, "seed", ["model", "method"]))
        return save(fig, out), pd.concat(drawn, ignore_index=True)


def draw_ranking(last: pd.DataFrame, models: list[str], out):
    """Every estimator's last bound, a dot a seed and a bar at their mean; biased ones have hollow dots."""
    most = max(last[last["model"] == model]["method"].nunique() for model in models)
    size = {"width": 4.2 * len(models), "height": 1.2 + 0.19 * most}
    with figure(**size, columns=len(models), squeeze=False) as (fig, axes):
        for ax, model in zip(axes[0], models):
            part = last[last["model"] == model]
            names = list(dict.fromkeys(part["method"]))[::-1]
            for height, name in enumerate(names):
                seeds = part[part["method"] == name]
                face = "none" if seeds["estimator"].iloc[0] in BIASED else colour(name)
                ax.plot(
                    seeds["bound"], [height] * len(seeds), "o", color=colour(name), markerfacecolor=face, markersize=4
                )
                ax.plot(seeds["mean"].iloc[0], height, "|", color="0.2", markersize=9)
            ax.set_yticks(range(len(names)), names, fontsize=7)
            ax.set(xlabel="test L_K at the end, nats per image", title=MODELS[model])
            ax.xaxis.set_major_locator(MaxNLocator(5))
            ax.grid(axis="y", linewidth=0.3)
        words = seeds_caption(last, "seed", ["model", "method"])
        fig.suptitle(f"equal evaluations; hollow dots: biased;\n{words}", fontsize=9)
        return save(fig, out, "ranking")


def beside_variance(last: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """One row for each model and estimator of E[F] with its mean last bound and, relative to NVIL's, its variance at
    equal evaluations: variance times evaluations a step."""
    rows = []
    for model, variables in VARIABLES.items():
        of_model = measured[measured["variables"] == variables].set_index("estimator") if len(measured) else measured
        for (name, method), seeds in last[last["model"] == model].groupby(["estimator", "method"], sort=False):
            if name in of_model.index and of_model.loc[name, "relative_variance"] > 0:
                each = float(seeds["evaluations a step"].iloc[0])
                variance = float(of_model.loc[name, "relative_variance"]) * each
                mean, bias = float(seeds["bound"].mean()), float(of_model.loc[name, "parameters_relative_bias"])
                biased = name in BIASED
                rows.append((model, name, method, variance, mean, biased, bias))
    return pd.DataFrame(rows, columns=["model", "estimator", "method", "variance", "bound", "biased", "relative_bias"])


def rank_correlation(part: pd.DataFrame) -> float:
    """Spearman's: 1 where the estimator with less variance always has the higher bound."""
    ranks = part[["variance", "bound"]].rank()
    return -float(ranks["variance"].corr(ranks["bound"])) if len(part) > 2 else float("nan")


def draw_foretold(rows: pd.DataFrame, out):
    """Last bound against variance at frozen weights, a panel a model."""
    models = [model for model in MODELS if model in set(rows["model"])]
    with figure(width=4.8 * len(models), height=4.0, columns=len(models), squeeze=False) as (fig, axes):
        for ax, model in zip(axes[0], models):
            part = rows[rows["model"] == model]
            for _, row in part.iterrows():
                face = "none" if row["biased"] else colour(row["method"])
                ax.plot(
                    row["variance"], row["bound"], "o", color=colour(row["method"]), markerfacecolor=face, markersize=5
                )
                ax.annotate(
                    row["method"], (row["variance"], row["bound"]), (3, 3), textcoords="offset points", fontsize=6
                )
            fair = rank_correlation(part[~part["biased"]])
            ax.set(xscale="log", xlabel="variance x evaluations a step, NVIL's = 1", title=MODELS[model])
            if fair == fair:
                words = f"rank correlation of the unbiased: {fair:.2f}"
                ax.text(0.03, 0.04, words, transform=ax.transAxes, fontsize=8)
            ax.margins(x=0.12)
        axes[0][0].set_ylabel("test L_K at the end, nats per image")
        fig.suptitle(
            "variance at the weights of NVIL's first seed,\nbound: mean over seeds; hollow: biased", fontsize=9
        )
        return save(fig, out, "variance")


def table(last: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Last bounds and minutes of every model and estimator, best first."""
    columns = {"bound": "test L_K", "minutes": "minutes"}
    return over_seeds(last, ["model", "method", "evaluations a step"], columns)


def _model_of(row: pd.Series) -> str:
    if row["kind"] == "TrainHardVAE":
        return "categorical"
    return "nonlinear" if row["model.nonlinear"] else f"{row['model.layers']:g} linear"
