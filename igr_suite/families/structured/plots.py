"""Tables and figures of structured output prediction: bounds by training samples, paired differences, checks of the
runs, completions."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.families.structured.presets import SHORT_NAMES
from igr_suite.lab.analysis.paired import CONFIDENCE, paired_difference
from igr_suite.lab.analysis.selection import NLL
from igr_suite.lab.runs import picture_file
from igr_suite.plotting.curves import number_of_seeds
from igr_suite.plotting.names import DATA_NAMES, likelihood_columns
from igr_suite.plotting.pictures import LARGE, Panel, draw_panels
from igr_suite.plotting.style import colour, figure, look, save
from igr_suite.plotting.tables import over_seeds, save_table

CELL = ["data", "setting", "training S", "model", "temperature"]
SEARCHED = f"{NLL}_discrete"
DEGENERATE = "IGR-SB"  # its rounded units are all one: far outside the others' range
BASELINE = "GS"
AUTHORS_NORM = ", authors' norm"  # of IGR-Planar's layers: model.planar_norm=historical


def named_runs(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds readable columns, and the negative log-likelihoods `discrete_<S>` and `relaxed_<S>` for every number S of
    test samples."""
    data = frame["data.name"].map(DATA_NAMES)
    architecture = frame["model.architecture"].str.replace("_", " ")
    names = frame["model.name"].map(SHORT_NAMES)
    more = {
        "data": data.where(frame["data.train_limit"].isna(), data + " (cut)"),
        "setting": architecture,
        "model": names.where(frame["model.planar_norm"] != "historical", names + AUTHORS_NORM),
        "temperature": frame["model.temperature"],
        "training S": frame["schedule.samples"],
    }
    for units in ("discrete", "relaxed"):
        more |= {f"{units}_{column.rsplit('_', 1)[1]}": -frame[column] for column in likelihood_columns(frame, units)}
    return frame.assign(**more)


def chosen_runs(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Keeps the runs at the temperature that is best on validation images, for every distribution and number of
    training samples.

    A number of samples for which no temperatures were searched takes the choice of the next smaller number for which
    they were. Runs without a temperature are kept.

    Args:
      frame: finished runs, from `named_runs`.
      seed: seed of the search.
    """
    keep = []
    for _, group in frame.groupby(["data", "setting", "model"], sort=False):
        tried = group[group["seed"] == seed]
        counts = tried.groupby("training S")["temperature"].nunique()
        searched = counts.index[counts == counts.max()]
        for samples, rows in group.groupby("training S"):
            source = tried[tried["training S"] == max([s for s in searched if s <= samples], default=searched[0])]
            best = source.loc[source[SEARCHED].idxmin(), "temperature"]
            keep.extend(rows.index[rows["temperature"].isna() | (rows["temperature"] == best)])
    return frame.loc[sorted(keep)]


def search_table(frame: pd.DataFrame, folder: Path, seed: int) -> list[Path]:
    """Writes table_search: the validation NLL of rounded units at every temperature that was tried."""
    tried = frame[frame["seed"] == seed]
    texts, numbers = over_seeds(tried, CELL, {SEARCHED: "validation NLL, rounded"})
    return save_table(folder, texts, numbers, f"Seed {seed}, nats per image.", "table_search")


def columns_of(frame: pd.DataFrame, units: str) -> list[str]:
    """Columns of `named_runs` by the number of test samples, ascending."""
    return sorted((c for c in frame.columns if c.startswith(f"{units}_")), key=lambda c: int(c.split("_")[1]))


def bounds_table(frame: pd.DataFrame, folder: Path, note: str) -> list[Path]:
    """Writes table: the test bounds of rounded units with 1, 100 and the largest number of samples, that of relaxed
    units with the largest number, and the training loss."""
    discrete = columns_of(frame, "discrete")
    shown = [c for c in discrete if c in ("discrete_1", "discrete_100", discrete[-1])]
    headings = {c: f"rounded, S={c.split('_')[1]}" for c in shown}
    relaxed = columns_of(frame, "relaxed")[-1]
    headings |= {relaxed: f"relaxed, S={relaxed.split('_')[1]}", "train_loss_last_epoch": "training loss"}
    texts, numbers = over_seeds(frame, CELL, headings)
    errors = (
        frame.groupby(CELL, sort=False, dropna=False)[[f"test_iw_{c}_se" for c in (*discrete, relaxed)]]
        .mean()
        .reset_index(drop=True)
    )
    return save_table(folder, texts, pd.concat([numbers, errors], axis=1), note)


def paired_table(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes table_paired: the differences to GS at equal seed, their means and confidence intervals over seeds
    (Student's t)."""
    rows, where = [], ["data", "setting", "training S"]
    for units in (columns_of(frame, "discrete")[-1], columns_of(frame, "relaxed")[-1]):
        kind, test_samples = units.split("_")
        base = frame[frame["model"] == BASELINE].rename(columns={units: "base"})[[*where, "seed", "base"]]
        for keys, group in frame[frame["model"] != BASELINE].groupby([*where, "model"], sort=False):
            both = group.merge(base, on=[*where, "seed"])
            if both.empty:
                continue
            paired = paired_difference(both[units], both["base"])
            row = dict(zip([*where, "model"], keys)) | {
                "units": "rounded" if kind == "discrete" else kind,
                "test S": int(test_samples),
            }
            rows.append(
                row | {"difference": paired.mean, "low": paired.low, "high": paired.high, "pairs": paired.pairs}
            )
    numbers = pd.DataFrame(rows)
    if numbers.empty:
        return []
    interval = [
        f"{low:+.2f} to {high:+.2f}" if np.isfinite(low) else "-" for low, high in zip(numbers["low"], numbers["high"])
    ]
    texts = numbers.drop(columns=["low", "high"]).assign(difference=numbers["difference"].map("{:+.2f}".format))
    texts.insert(7, f"{CONFIDENCE:.0%} interval", interval)
    note = (
        f"Test NLL minus that of {BASELINE} at equal seed, nats per image: negative is better than {BASELINE}. "
        f"Student's t over pairs."
    )
    return save_table(folder, texts, numbers, note, "table_paired")


def checks_table(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes table_checks: what holds for every correct run, with the numbers that show it."""
    rows, discrete = [], columns_of(frame, "discrete")
    for keys, group in frame.groupby([c for c in CELL if c != "training S"], sort=False, dropna=False):
        few, many = group["training S"].min(), group["training S"].max()
        if few == many:
            continue
        losses = group.groupby("training S")["train_loss_last_epoch"].mean()
        largest_rise = float(group[discrete].diff(axis=1).iloc[:, 1:].max().max()) if len(discrete) > 1 else 0.0
        rows.append(
            dict(zip([c for c in CELL if c != "training S"], keys))
            | {
                "training loss, few samples": f"{losses[few]:.2f} (S={few})",
                "many": f"{losses[many]:.2f} (S={many})",
                "falls": "yes" if losses[few] >= losses[many] else "NO",
                "largest rise of a run's test bound in S": f"{largest_rise:+.3f}",
                "never rises": "yes" if largest_rise <= 1e-6 else "NO",
            }
        )
    table = pd.DataFrame(rows)
    return save_table(
        folder,
        table,
        table,
        "Nats per image. A rise of at most 1e-6 counts as none: IGR-SB's bound is constant.",
        "table_checks",
    )


def samples_figure(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Draws test bounds by the number of training samples, rounded units beside relaxed ones: dots are seeds, markers
    their mean."""
    settings = list(dict.fromkeys(zip(frame["data"], frame["setting"])))
    units = [columns_of(frame, kind)[-1] for kind in ("discrete", "relaxed")]
    positions = {samples: place for place, samples in enumerate(sorted(frame["training S"].unique()))}
    models = list(dict.fromkeys(frame["model"]))
    with figure(width=8.6, height=3.5 * len(settings), columns=2, rows=len(settings), squeeze=False) as (fig, axes):
        for row, (data, setting) in zip(axes, settings):
            group = frame[(frame["data"] == data) & (frame["setting"] == setting)]
            for axis, column in zip(row, units):
                kind, samples = column.split("_")
                outside = kind == "discrete" and len(models) > 1
                for model in models:
                    cell = group[group["model"] == model]
                    if cell.empty or (outside and model == DEGENERATE):
                        continue
                    mean = cell.groupby("training S")[column].mean()
                    shade, marker, _ = look(model.removesuffix(AUTHORS_NORM))
                    authors = model.endswith(AUTHORS_NORM)
                    axis.plot(
                        [positions[s] for s in mean.index],
                        mean,
                        linestyle=("--" if authors else "-") if len(mean) > 1 else "",
                        color=shade,
                        marker=marker,
                        markerfacecolor="white" if authors else shade,
                        linewidth=1.5,
                        label=model,
                    )
                    axis.plot(cell["training S"].map(positions), cell[column], ".", color=shade, alpha=0.4)
                left_out = group.loc[group["model"] == DEGENERATE, column]
                if outside and len(left_out):
                    axis.text(
                        0.98, 0.97, f"{DEGENERATE}: {left_out.mean():.0f}, above", color=colour(DEGENERATE), fontsize="small",
                        ha="right", va="top", transform=axis.transAxes,
                    )  # fmt: skip
                axis.set_xticks(list(positions.values()), list(positions))
                axis.set_xlim(-0.4, len(positions) - 0.6)
                axis.set_xlabel("training samples S")
                axis.set_title(
                    f"{setting}: {'rounded' if kind == 'discrete' else kind} units, S={int(samples):,} at test",
                    fontsize="medium",
                )
                axis.margins(y=0.12)
            row[0].set_ylabel(f"{data} test NLL of the lower half\n(nats per image)")
        axes[0][1].legend(fontsize="small")
        fig.supxlabel(f"marker: mean; dots: each of {number_of_seeds(frame, CELL)}", fontsize="small")
        paths = save(fig, folder)
    table = folder / "figure.csv"
    frame[
        [*CELL, "seed", *columns_of(frame, "discrete"), *columns_of(frame, "relaxed"), "train_loss_last_epoch"]
    ].to_csv(table, index=False, float_format="%.6g")
    return [*paths, table]


def pictures_figure(frame: pd.DataFrame, folder: Path, out: Path) -> list[Path]:
    """Draws the completions that the runs with most training samples stored in `folder`; the upper half is given."""
    chosen = frame[(frame["evaluation.pictures"] > 0) & (frame["training S"] == frame["training S"].max())]
    chosen = chosen[chosen["setting"] == chosen["setting"].iloc[0]].drop_duplicates("model") if len(chosen) else chosen
    if chosen.empty:
        return []
    images, labels = [], ["image"]
    for run in chosen.itertuples():
        stored = picture_file.load(folder / run.run_id)
        images = images or [stored["truth"]]
        images += list(stored["completions"])
        labels += [f"{run.model}, draw {i + 1}" for i in range(len(stored["completions"]))]
    samples = chosen["training S"].iloc[0]
    title = f"{chosen['data'].iloc[0]}: upper half given, lower half completed; trained with S = {samples}"
    return draw_panels([[Panel(np.stack(images), title, labels)]], LARGE, out, "pictures")
