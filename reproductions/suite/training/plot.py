"""Test bounds against evaluations, steps and time, a table of the last ones, and whether variance foretells their
order."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from igr_suite.lab.runs.store import RunFolder
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.estimators import LABELS
from igr_suite.plotting.style import figure, save
from igr_suite.plotting.tables import over_seeds, save_table

MODELS = {
    "nonlinear": "belief network, one nonlinear layer",
    "2 linear": "belief network, two linear layers",
    "categorical": "VAE, categorical codes",
}
AXES = {
    "evaluations": "evaluations of training, millions",
    "steps": "training steps, thousands",
    "minutes": "minutes of training, one thread",
}
NOTE = (
    "Test images' L_K at the end, nats per image, mean and standard deviation over seeds; K = 100 (5 at the smoke "
    "scale). Every estimator has the same number of evaluations of the bound in training; `evaluations a step` are those "
    "of one image. VIMCO, OVIS and local DisARM train a bound of several samples, RWS follows the posterior, TVO the "
    "thermodynamic path, and all others train the ELBO. Times are those of the "
    "machine that made the runs."
)


def rows_of(results) -> pd.DataFrame:
    """One row per run and evaluation: model, method, seed, bound, and the three quantities it is drawn against."""
    frames = []
    for run_id, group in results.metrics.groupby("run_id", sort=False):
        first, config = group.iloc[0], results.configs[run_id]
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
                    "method": LABELS.get(first["model.estimator"], first["model.estimator"]),
                    "seed": first["seed"],
                    "evaluations a step": f"{each / config.schedule.batch_size:g}" if each else "-",
                    "bound": measured[column],
                    "evaluations": measured["step"] * (each or float("nan")) / 1e6,
                    "steps": measured["step"] / 1e3,
                    "minutes": seconds / 60 * measured["step"] / group["step"].max(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def plot(results, out):
    """Returns the paths of what was drawn."""
    rows = rows_of(results)
    models = [model for model in MODELS if model in set(rows["model"])]
    drawn = []
    with figure(width=4.2 * len(AXES), height=3.4 * len(models), rows=len(models), columns=len(AXES)) as (fig, axes):
        for line, model in zip(axes.reshape(len(models), len(AXES)), models):
            part = rows[rows["model"] == model]
            spread = part["bound"].max() - part["bound"].quantile(0.05)
            for ax, (x, label) in zip(line, AXES.items()):
                curves = draw_curves(ax, part, x, "bound", method="method", seed="seed")
                drawn.append(curves.rename(columns={x: "x"}).assign(model=model, quantity=x))
                ax.set(xlabel=label, title=MODELS[model] if ax is line[0] else "")
                ax.set_ylim(part["bound"].max() - 1.1 * spread, part["bound"].max() + 0.05 * spread)
                ax.xaxis.set_major_locator(MaxNLocator(5))
            line[0].set_ylabel("test L_K, nats per image")
            line[-1].legend(fontsize=6, ncols=2, loc="lower right")
        fig.suptitle(seeds_caption(rows, "seed", ["model", "method"]))
        paths = save(fig, out)
    pd.concat(drawn, ignore_index=True).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv", *save_table(out, *table(rows), NOTE)]


def table(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Last bounds and minutes of every model and estimator, best first."""
    last = rows.sort_values("steps").groupby(["model", "method", "seed"], sort=False).tail(1)
    order = last.groupby(["model", "method"])["bound"].transform("mean")
    last = last.assign(place=[list(MODELS).index(model) for model in last["model"]], mean=order)
    last = last.sort_values(["place", "mean"], ascending=[True, False])
    columns = {"bound": "test L_K", "minutes": "minutes"}
    return over_seeds(last, ["model", "method", "evaluations a step"], columns)


def _model_of(row: pd.Series) -> str:
    if row["kind"] == "TrainHardVAE":
        return "categorical"
    return "nonlinear" if row["model.nonlinear"] else f"{row['model.layers']:g} linear"
