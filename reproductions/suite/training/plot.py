"""Test bounds against evaluations, steps and time, their ranking, and whether variance predicts it."""

import pandas as pd

from igr_suite.plotting.equal_evaluations import (
    BIASED,
    about_minutes,
    bound_name,
    draw,
    floor_of,
    last_of,
    rows_of,
    table,
)
from igr_suite.plotting.estimators import label
from igr_suite.plotting.labels import label_points
from igr_suite.plotting.style import figure, look, save
from igr_suite.plotting.tables import save_table
from igr_suite.studies.comparison.rows import comparison_rows, step_seconds

MODELS = {
    "nonlinear": "belief network, one nonlinear layer",
    "2 linear": "belief network, two linear layers",
    "categorical": "VAE, categorical codes",
}
VARIABLES = {"nonlinear": "bernoulli", "categorical": "categorical"}  # models at which variances are measured
# Trained with the mean of the batch's other signals as its baseline, and measured without one.
OTHERWISE_MEASURED = ("reinforce",)
NOTE = (
    "Test images' bound of K samples, L_K, at the end, nats per image, mean and standard deviation over seeds. Every "
    "estimator has the same number of evaluations of the bound in training; `evaluations a step` are those of one image. "
    "VIMCO, OVIS and local DisARM train a bound of several samples, RWS follows the posterior, TVO the thermodynamic "
    "path, and all others train the ELBO."
)


def model_of(row) -> str:
    """The row's model, a key of `MODELS`."""
    if row["kind"] == "TrainHardVAE":
        return "categorical"
    return "nonlinear" if row["model.nonlinear"] else f"{row['model.layers']:g} linear"


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results, model_of, lambda row: label(row["model.estimator"]), step_seconds(results))
    paths = draw(rows, MODELS, out)
    predicted = beside_variance(last_of(rows, MODELS), comparison_rows(results.folder, results.configs))
    if not predicted.empty:
        paths += draw_prediction(predicted, out)
        predicted.to_csv(out / "variance.csv", index=False, float_format="%.6g")
        paths.append(out / "variance.csv")
    return [*paths, *save_table(out, *table(rows, MODELS), f"{NOTE} {about_minutes(rows)}")]


def beside_variance(last: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """One row for each model and estimator of E[F] with its mean last bound and, relative to NVIL's, its variance at
    equal evaluations: variance times evaluations a step. `OTHERWISE_MEASURED` is left out."""
    rows = []
    for model, variables in VARIABLES.items():
        of_model = measured[measured["variables"] == variables].set_index("estimator") if len(measured) else measured
        for (name, method), seeds in last[last["model"] == model].groupby(["estimator", "method"], sort=False):
            if name in OTHERWISE_MEASURED:
                continue
            if name in of_model.index and of_model.loc[name, "relative_variance"] > 0:
                each = float(seeds["evaluations a step"].iloc[0])
                variance = float(of_model.loc[name, "relative_variance"]) * each
                mean, bias = float(seeds["bound"].mean()), float(of_model.loc[name, "parameters_relative_bias"])
                biased = name in BIASED
                rows.append((model, name, method, variance, mean, seeds["samples"].iloc[0], biased, bias))
    columns = ["model", "estimator", "method", "variance", "bound", "samples", "biased", "relative_bias"]
    return pd.DataFrame(rows, columns=columns)


def rank_correlation(part: pd.DataFrame) -> float:
    """Spearman's, NaN for fewer than three: 1 where the estimator with less variance always has the higher bound."""
    ranks = part[["variance", "bound"]].rank()
    return -float(ranks["variance"].corr(ranks["bound"])) if len(part) > 2 else float("nan")


def draw_prediction(rows: pd.DataFrame, out):
    """Last bound against variance at frozen weights, a panel a model."""
    models = [model for model in MODELS if model in set(rows["model"])]
    with figure(width=4.8 * len(models), height=4.4, columns=len(models), squeeze=False) as (fig, axes):
        parts = {}
        for ax, model in zip(axes[0], models):
            part = rows[rows["model"] == model]
            parts[model] = shown = part[part["bound"] >= floor_of(part["bound"])]
            below = [f"{row.method} {row.bound:.0f}" for row in part.drop(shown.index).itertuples()]
            if below:
                words = f"below: {', '.join(below)}".replace("-", "−")
                ax.text(0.97, 0.03, words, transform=ax.transAxes, ha="right", fontsize="x-small")
            for row in shown.to_dict("records"):
                shade, marker, _ = look(row["method"])
                face = "white" if row["biased"] else shade
                ax.plot(row["variance"], row["bound"], marker, color=shade, markerfacecolor=face)
            known = {
                kind: rank_correlation(part[part["biased"] == biased])
                for kind, biased in (("unbiased", False), ("biased", True))
            }
            numbers = ", ".join(f"{kind} {value:.2f}" for kind, value in known.items() if value == value)
            words = f"\nrank correlation: {numbers}" if numbers else ""
            ax.set_title(f"{MODELS[model]}{words}", fontsize="medium")
            ax.set(xscale="log", xlabel="variance times evaluations a step,\nrelative to NVIL's")
            ax.margins(x=0.12, y=0.12)
        axes[0][0].set_ylabel(f"test ${bound_name(rows)}$ at the end, nats per image")
        fig.suptitle(
            "variance at the weights of NVIL's first seed; bound: mean over seeds; hollow: biased", fontsize="small"
        )
        for ax, part in zip(axes[0], parts.values()):
            shades = [look(method).colour for method in part["method"]]
            label_points(ax, part["variance"], part["bound"], list(part["method"]), shades)
        return save(fig, out, "variance")
