"""What the VAE figures and tables share: readable model names, chosen columns, the table of bounds."""

from pathlib import Path

import pandas as pd

from igr_suite.families.vae.presets import SHORT_NAMES
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running.experiment import DATA_KEY
from igr_suite.plotting.curves import number_of_seeds
from igr_suite.plotting.names import DATA_NAMES, likelihood_columns
from igr_suite.plotting.style import colour, figure, look, save
from igr_suite.plotting.tables import over_seeds, save_table

CODES = {"relaxed": "relaxed", "one_hot": "one-hot", "historical": "one-hot, historical: not a bound"}


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the columns `data` and `model` with the names that people read; a cut data set keeps its limits in its
    name."""
    names = frame["data.name"].map(DATA_NAMES).fillna(frame["data.name"])
    cut = frame["data.train_limit"].notna()
    return frame.assign(
        data=names.where(~cut, names + " (cut)"),
        model=frame["model.name"].map(SHORT_NAMES),
        temperature=frame["model.temperature"],
    )


def not_run(results: Results) -> str:
    """Says which data sets of the paper's scale have no finished run, and why: "CelebA: not run, ..."; empty when all
    have."""
    experiment, found = results.experiment, set(results.runs["data.name"])
    missing = (
        [] if DATA_KEY in results.settings else [name for name in experiment.datasets["paper"] if name not in found]
    )
    absent = {True: "its images were not prepared", False: "it is part of scale paper only"}
    return " ".join(
        f"{DATA_NAMES.get(name, name)}: not run, {absent[name in experiment.datasets[results.scale]]}."
        for name in missing
    )


def bounds_table(frame: pd.DataFrame, folder: Path, note: str, name: str = "table") -> list[Path]:
    """Writes the table of test bounds: one row a data set, model and temperature; mean +- standard deviation over
    seeds.

    Args:
      frame: finished runs, from `named`.
      folder: where to.
      note: below the table.
      name: of the files.
    """
    columns = {"test_elbo_relaxed": "test ELBO", "test_elbo_one_hot": "ELBO, one-hot"}
    for estimator, words in (("relaxed", "log-lik. (IW, relaxed, S={})"), ("one_hot", "log-lik. (IW, one-hot, S={})")):
        found = likelihood_columns(frame, estimator)
        if found:
            columns[found[-1]] = words.format(found[-1].rsplit("_", 1)[1])
    texts, numbers = over_seeds(frame, ["data", "model", "temperature"], columns)
    return save_table(folder, texts, numbers, note, name)


def importance_table(frame: pd.DataFrame, folder: Path, name: str = "table_importance") -> list[Path]:
    """Writes how the importance-weighted log-likelihood rises with S: mean over seeds +- its standard error over test
    images.

    Args:
      frame: finished runs, from `named`.
      folder: where to.
      name: of the files.
    """
    texts, numbers = [], []
    for (data, model, temperature), group in frame.groupby(["data", "model", "temperature"], sort=False, dropna=False):
        for estimator in ("relaxed", "one_hot", "historical"):
            columns = [c for c in likelihood_columns(frame, estimator) if group[c].notna().all()]
            if not columns:
                continue
            row = {"data": data, "model": model, "temperature": temperature, "codes": CODES[estimator]}
            elbo = "test_elbo_relaxed" if estimator == "relaxed" else "test_elbo_one_hot_exact"
            numbers.append(
                row | {column: group[column].mean() for column in (elbo, *columns, *(f"{c}_se" for c in columns))}
            )
            cells = {
                f"S={c.rsplit('_', 1)[1]}": f"{group[c].mean():.2f} ± {group[f'{c}_se'].mean():.2f}" for c in columns
            }
            texts.append(row | {"ELBO": f"{group[elbo].mean():.2f}"} | cells | {"seeds": group["seed"].nunique()})
    note = (
        "Test split, nats per image; mean over seeds ± standard error over images. S-sample bounds use the first S "
        "of the same samples."
    )
    return save_table(folder, pd.DataFrame(texts).astype(object).fillna("-"), pd.DataFrame(numbers), note, name)


def bounds_figure(frame: pd.DataFrame, folder: Path, column: str, label: str) -> list[Path]:
    """Draws one panel a data set: every seed a dot, the mean a bar across them, a colour a model."""
    sets = list(dict.fromkeys(frame["data"]))
    models = list(dict.fromkeys(frame["model"]))
    drawn = []
    with figure(width=max(4.2, 3.4 * len(sets)), height=3.4, columns=len(sets), squeeze=False) as (fig, axes):
        for axis, data in zip(axes[0], sets):
            for place, model in enumerate(models):
                cell = frame[(frame["data"] == data) & (frame["model"] == model)]
                if cell.empty:
                    continue
                mean = cell[column].mean()
                axis.plot(
                    [place - 0.28, place + 0.28],
                    [mean, mean],
                    color=colour(model),
                    linewidth=2.5,
                    solid_capstyle="round",
                )
                axis.plot([place] * len(cell), cell[column], look(model).marker, color=colour(model), alpha=0.55)
                axis.annotate(
                    f"{mean:.1f}",
                    (place, cell[column].max()),
                    (0, 5),
                    textcoords="offset points",
                    fontsize="small",
                    ha="center",
                )
                drawn.append(cell[["data", "model", "temperature", "seed", column]])
            axis.set_xticks(range(len(models)), models, rotation=20, ha="right")
            axis.set_xlim(-0.6, len(models) - 0.4)
            axis.margins(y=0.1)
            axis.set_title(data, fontsize="medium")
        axes[0][0].set_ylabel(f"{label}\n(nats per image)")
        fig.supxlabel(f"bar: mean; markers: each of {number_of_seeds(frame, ['data', 'model'])}", fontsize="small")
        paths = save(fig, folder)
    table = folder / "figure.csv"
    pd.concat(drawn).to_csv(table, index=False, float_format="%.6g")
    return [*paths, table]
