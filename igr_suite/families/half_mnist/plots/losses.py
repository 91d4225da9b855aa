"""Tables and figures of half-and-half MNIST's losses by epoch, paired differences, and completed digits."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from igr_suite.families.half_mnist.presets import PRESETS
from igr_suite.lab.analysis.paired import paired_by
from igr_suite.lab.runs import picture_file
from igr_suite.plotting.curves import draw_curves, seeds_along, seeds_at, seeds_caption
from igr_suite.plotting.looks import register_looks, register_same
from igr_suite.plotting.names import data_names
from igr_suite.plotting.pictures import SMALL, Panel, draw_panels
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import by_seed, mean_of_seeds, save_table, summary_text

register_looks("brown", ["Gaussian"])
register_looks("olive", ["Gaussian REINFORCE"])
register_looks("magenta", ["GS hard"])
register_looks("magenta", ["GS hard, historical"], "--")
register_looks("orange", ["REINFORCE, mr"])
register_looks("red", ["REINFORCE, no baseline"])
register_looks("blue", ["SDNI lin"])
register_looks("blue", ["SDNI lin, no z"], "--")
register_looks("navy", ["SDNI lin_deep"])
register_looks("navy", ["SDNI lin_deep, no z"], "--")
register_looks("teal", ["SDNI lin, Adam"])
register_looks("black", ["frozen"])
register_same({"SDNI": "SDNI lin"})
LOSS = "test_bce"
LOSS_LABEL = "test loss, nats per pixel"
REFERENCE = "REINFORCE"
# The settings in which presets differ; columns that a run lacks are absent in a frame and count as None.
KEY_SETTINGS = ("model.estimator", "model.baseline", "model.hard_rule", "sg.kind", "sg.inputs", "sg.optimiser")
LOOKS = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (1, 4)))
GROUPS = {  # of `grouped_figure`
    "continuous and relaxed codes": ("Gaussian", "Gaussian REINFORCE", "GS", "GS hard", "GS hard, historical"),
    "binary codes": ("ST", "REINFORCE, mr", "REINFORCE, no baseline"),
    "synthetic gradients": ("SDNI lin", "SDNI lin, no z", "SDNI lin, Adam", "SDNI lin_deep", "SDNI lin_deep, no z"),
}
REFERENCES = ("REINFORCE", "frozen")  # in every panel of it


def _key(values: dict) -> tuple:
    settings = [values.get(name) for name in KEY_SETTINGS]
    return tuple(None if value is None or value != value else value for value in settings)


def _preset_key(parts: dict) -> tuple:
    values = {f"model.{name}": value for name, value in parts["model"].items()}
    if "sg" in parts:
        values |= {"sg.optimiser": "sgd"} | {f"sg.{name}": value for name, value in parts["sg"].items()}
    if values["model.estimator"] == "gumbel_softmax_hard":
        values = {"model.hard_rule": "corrected"} | values
    return _key(values)


NAMES = {_preset_key(parts): name for name, parts in PRESETS.items()}


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds "method", the preset's name, to runs or metrics; where the settings are no preset, it is the estimator's
    name."""
    keys = [_key(row) for row in frame.reindex(columns=KEY_SETTINGS).to_dict("records")]
    return frame.assign(method=[NAMES.get(key, key[0]) for key in keys])


def evaluations(metrics: pd.DataFrame, column: str = LOSS) -> pd.DataFrame:
    """The rows in which a column was measured, with "method" and whole epochs."""
    rows = named(metrics).dropna(subset=[column])
    return rows.assign(epoch=rows["epoch"].round().astype(int))


def of_one_budget(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per (method, seed, epoch); where a seed has runs of two lengths, that of the longer run, which begins as
    the shorter one does."""
    return (
        rows.sort_values("schedule.epochs", ascending=False, kind="stable")
        .drop_duplicates(["method", "seed", "epoch"])
        .sort_index()
    )


def by_epoch(
    rows: pd.DataFrame, epochs: tuple[int, ...], column: str = LOSS
) -> dict[tuple[str, str], tuple[float, float, int]]:
    """For the ledger: ("test_bce epoch 5", method) -> (mean, standard deviation over seeds, seeds)."""
    values = {}
    for (method, epoch), group in rows[rows["epoch"].isin(epochs)].groupby(["method", "epoch"], sort=False):
        if (value := mean_of_seeds(group, column)) is not None:
            values[f"{column} epoch {epoch}", method] = value
    return values


def losses_table(
    rows: pd.DataFrame, epochs: tuple[int, ...], out: Path, note: str, column: str = LOSS, by: str = "method"
) -> list[Path]:
    """Writes table: a row per method, the loss at those of the epochs that some run reached, and the loss in nats per
    image at the last epoch that every method reached.

    Args:
      rows: one row per (method, seed, epoch).
      epochs: numbers of epochs.
      out: folder.
      note: sentence below the table.
      column: which loss.
      by: column that names the rows of the table.
    Returns:
      The paths.
    """
    shown = [epoch for epoch in epochs if (rows["epoch"] == epoch).any()]
    counts = {name: seeds_at(group, "seed", "epoch", column) for name, group in rows.groupby(by, sort=False)}
    falls = any(
        seeds.nunique() > 1 for seeds in counts.values()
    )  # whether a row's number of seeds depends on the epoch
    common = int(rows.groupby(by)["epoch"].max().min())
    texts, numbers = [], []
    for name, group in rows.groupby(by, sort=False):
        cells = {epoch: by_seed(group[group["epoch"] == epoch], column) for epoch in shown}
        last = by_seed(group[group["epoch"] == group["epoch"].max()], "test_nll")
        compared = by_seed(group[group["epoch"] == common], "test_nll")
        words = {f"epoch {e}": summary_text(v, 4) for e, v in cells.items()} | {
            f"nats per image, epoch {common}": summary_text(compared, 1)
        }
        texts.append({by: name, **words} | ({"seeds": seeds_along(counts[name], "epoch")} if falls else {}))
        spreads = {
            f"epoch_{e}_{k}": (v.mean() if k == "mean" else v.std(ddof=1)) if len(v) > (k != "mean") else np.nan
            for e, v in cells.items()
            for k in ("mean", "sd")
        }
        measured = (
            {f"epoch_{e}_seeds": len(v) for e, v in cells.items()} | {"last_seeds": len(last)}
            if falls
            else {"seeds": len(last)}
        )
        numbers.append({by: name, **spreads, "last_nll": last.mean(), "last_epoch": group["epoch"].max(), **measured})
    return save_table(out, pd.DataFrame(texts), pd.DataFrame(numbers), note)


def paired_table(rows: pd.DataFrame, epochs: tuple[int, ...], out: Path, column: str = LOSS) -> list[Path]:
    """Writes table_paired: every method minus REINFORCE at equal seed and epoch, with 95% intervals over seeds; returns
    the paths."""
    texts, numbers = [], []
    for method in [m for m in dict.fromkeys(rows["method"]) if m != REFERENCE]:
        text = {"method": method}
        for epoch in epochs:
            part = rows[rows["epoch"] == epoch]
            difference = paired_by(part, column, {"method": method}, {"method": REFERENCE})
            if difference.pairs:
                text[f"epoch {epoch}"] = difference.text()
                numbers.append({"method": method, "epoch": epoch, **difference._asdict()})
        texts.append(text)
    if not numbers:
        return []
    note = (
        f"{LOSS_LABEL}, minus that of {REFERENCE} at equal seed [95% interval over seeds]; negative is better than "
        f"{REFERENCE}."
    )
    return save_table(out, pd.DataFrame(texts).fillna("-"), pd.DataFrame(numbers), note, "table_paired")


def curves_figure(
    rows: pd.DataFrame, panels: list[tuple[str, str]], out: Path, *, by: str = "method", log: tuple[str, ...] = ()
) -> list[Path]:
    """One panel per (column, label) with one curve per method by epoch; figure.png, .pdf, .csv.

    Args:
      rows: one row per (method, seed, epoch); with "run" and "look" where curves go by run.
      panels: columns and their labels.
      out: folder.
      by: "method", or "run" for curves with their own names and line styles.
      log: columns whose values are drawn logarithmically.
    Returns:
      The paths.
    """
    margin, width, height = (2.4, 3.9, 4.0) if by == "run" else (2.2, 4.6, 4.2)
    looks = {"style": "look", "label": "{run}"} if by == "run" else {}
    drawn = []
    with figure(width=margin + width * len(panels), height=height, columns=len(panels), squeeze=False) as (fig, axes):
        for axis, (column, label) in zip(axes[0], panels):
            part = rows.dropna(subset=[column])
            curves = draw_curves(axis, part, "epoch", column, method="method", seed="seed", **looks)
            drawn.append(curves.assign(quantity=column))
            axis.set_ylabel(label)
            epoch_axis(axis)
            if column in log:
                axis.set_yscale("log")
        axes[0][-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        seeds = seeds_caption(rows, "seed", [by], "epoch")
        fig.suptitle(f"{data_names(rows['data.name'])}; {seeds}", fontsize="medium")
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def grouped_figure(rows: pd.DataFrame, column: str, label: str, out: Path) -> list[Path]:
    """A panel for each of GROUPS with one curve per method by epoch, and the REFERENCES in all; figure.png, .pdf, .csv.

    Args:
      rows: one row per (method, seed, epoch).
      column, label: what is drawn, and its label.
      out: folder.
    Returns:
      The paths.
    """
    drawn, known = [], {name for names in GROUPS.values() for name in names} | set(REFERENCES)
    others = {"others": tuple(name for name in dict.fromkeys(rows["method"]) if name not in known)}
    groups = {title: names for title, names in (GROUPS | others).items() if rows["method"].isin(names).any()}
    shape = {"width": 1.0 + 4.0 * len(groups), "height": 4.6, "columns": len(groups)}
    with figure(**shape, squeeze=False, sharex=True, sharey=True) as (fig, axes):
        for axis, (title, names) in zip(axes[0], groups.items()):
            part = rows[rows["method"].isin((*names, *REFERENCES))].dropna(subset=[column])
            curves = draw_curves(axis, part, "epoch", column, method="method", seed="seed")
            drawn.append(curves.assign(quantity=column))
            axis.set(title=title, xlabel="epoch", xscale="log")
            axis.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:g}"))
            axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        axes[0][0].set_ylabel(label)
        seeds = seeds_caption(rows, "seed", ["method"], "epoch")
        words = f"thinner lines: fewer seeds; {' and '.join(REFERENCES)} are in every panel"
        fig.suptitle(f"{data_names(rows['data.name'])}; {seeds}; {words}", fontsize="medium")
        paths = save(fig, out)
    order = list(dict.fromkeys([*rows["method"], *(name for curves in drawn for name in curves["method"])]))
    values = pd.concat(drawn).drop_duplicates(["method", "epoch"])
    values = values.sort_values("method", key=lambda names: names.map(order.index), kind="stable")
    values.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def labelled(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds "run", the method and its changed settings ('REINFORCE, R=5', 'SDNI lin, max_grad 2'), and "look", a line
    style for each number of codes or, where that is one number, for each max_grad."""
    levels = rows["sg.max_grad"].fillna(0.0) if "sg.max_grad" in rows else pd.Series(0.0, rows.index)
    several = rows["model.samples"].nunique() > 1
    samples = [
        f", R={count}" if several and method != "frozen" else ""
        for method, count in zip(rows["method"], rows["model.samples"])
    ]
    names = rows["method"] + samples + levels.map(lambda level: f", max_grad {level:g}" if level else "")
    setting = rows["model.samples"] if several else levels
    looks = {value: LOOKS[i % len(LOOKS)] for i, value in enumerate(sorted(setting.unique()))}
    return rows.assign(run=names, look=setting.map(looks))


def samples_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """`evaluations` with the columns of `labelled`."""
    return labelled(evaluations(metrics))


def samples_figure(rows: pd.DataFrame, out: Path) -> list[Path]:
    """Draws the test loss by epoch, a colour per method, a line style per number of codes; figure.png, .pdf, .csv."""
    return curves_figure(rows, [(LOSS, LOSS_LABEL)], out, by="run")


def pictures_figure(runs: pd.DataFrame, folder: Path, out: Path) -> list[Path]:
    """Draws the stored completions: the upper half is given, and each row holds draws of the lower one by a method."""
    chosen = (
        named(runs[runs["evaluation.pictures"] > 0])
        .sort_values("schedule.epochs", ascending=False, kind="stable")
        .drop_duplicates("method")
    )
    chosen = chosen.sort_index()
    images, labels = [], ["digit"]
    for run_id, method in zip(chosen["run_id"], chosen["method"]):
        stored = picture_file.load(folder / run_id)
        images = images or [stored["truth"]]
        images += list(stored["completions"])
        labels += [method, *[""] * (len(stored["completions"]) - 1)]
    if not images:
        return []
    panel = Panel(np.stack(images), f"{data_names(chosen['data.name'])}: upper half given, lower half sampled", labels)
    return draw_panels([[panel]], SMALL, out, "pictures")
