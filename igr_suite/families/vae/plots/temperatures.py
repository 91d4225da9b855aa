"""What a temperature search found: statistics of every candidate, the choices beside the authors', and their figure."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import FuncFormatter

from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.plots.curves import named
from igr_suite.families.vae.presets import G2_CV_TEMPERATURES, G2_NEAR_TEMPERATURES
from igr_suite.families.vae.selection import NEAR_SHARE, highest_near
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.analysis.selection import CRITERION
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.distances import NEAR
from igr_suite.plotting.style import figure, look, save
from igr_suite.plotting.tables import save_table

DISTANCE = f"sample.p{NEAR_SHARE}"
SHARE = f"sample.below_{NEAR}"
CELL = ["data", "model"]


def candidates(results: Results) -> pd.DataFrame:
    """One row a data set, model and temperature, rising: means over seeds, the run ids they rest on, how many seeds
    diverged."""
    runs = results.runs
    trained = named(runs[runs["kind"] == "TrainVAE"])
    measured = runs[runs["kind"] == "PosteriorDistance"]
    trained = trained.drop(columns=[c for c in (DISTANCE, SHARE) if c in trained])
    if len(measured):
        found = measured.set_index("trained_run")[[DISTANCE, SHARE, "run_id"]].rename(
            columns={"run_id": "measured_run"}
        )
        trained = trained.join(found, on="run_id")
    rows = []
    for (*cell, temperature), group in trained.groupby([*CELL, "temperature"], sort=False):
        row = dict(zip(CELL, cell)) | {"temperature": temperature, "model.name": group["model.name"].iloc[0]}
        row |= {"data.name": group["data.name"].iloc[0], "epochs": group["schedule.epochs"].iloc[0]}
        row["authors_setting"] = row["data.name"] == "mnist" and group["model.architecture"].iloc[0] == "dense_g2"
        row |= {name: group[name].mean() for name in (CRITERION, DISTANCE, SHARE) if name in group}
        row |= {"seeds": group["seed"].nunique(), "diverged": 0, "trained_runs": " ".join(group["run_id"])}
        rows.append(
            row | ({"measured_runs": " ".join(group["measured_run"].dropna())} if "measured_run" in group else {})
        )
    frame = pd.concat([pd.DataFrame(rows), _diverged(results, trained)], ignore_index=True)
    order = list(dict.fromkeys(zip(frame["data"], frame["model"])))
    place = [order.index(cell) for cell in zip(frame["data"], frame["model"])]
    return (
        frame.assign(place=place)
        .sort_values(["place", "temperature"], kind="stable")
        .drop(columns="place")
        .reset_index(drop=True)
    )


def _diverged(results: Results, trained: pd.DataFrame) -> pd.DataFrame:
    """Candidates that have no finished run because all of theirs diverged."""
    lost: dict[tuple, int] = {}
    for run_id, config in results.configs.items():
        if isinstance(config, TrainVAE) and RunFolder(results.folder / run_id).diverged:
            key = (config.data.name, config.model.name, config.model.temperature)
            lost[key] = lost.get(key, 0) + 1
    rows = []
    for (data, model, temperature), number in lost.items():
        like = trained[(trained["data.name"] == data) & (trained["model.name"] == model)]
        if len(like):
            row = {name: like[name].iloc[0] for name in (*CELL, "data.name", "model.name")}
            rows.append(row | {"temperature": temperature, "authors_setting": False, "seeds": 0, "diverged": number})
    return pd.DataFrame(rows)


def choices(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a data set and model: what both criteria choose from `candidates`, the authors' choices on MNIST, and
    notes."""
    rows = []
    for cell, group in frame.groupby(CELL, sort=False):
        theirs = group["authors_setting"].any()
        model = group["model.name"].iloc[0]
        row = dict(zip(CELL, cell)) | {"candidates": " ".join(f"{t:g}" for t in group["temperature"])}
        notes = [f"diverged at {t:g}" for t in group.loc[group["diverged"] > 0, "temperature"]]
        if DISTANCE in group and group[DISTANCE].notna().any():
            near = group.dropna(subset=[DISTANCE]).set_index("temperature")[DISTANCE]
            row["near_vertex"] = highest_near(near.to_dict())
            row["near_vertex_authors"] = G2_NEAR_TEMPERATURES.get(model) if theirs else None
            notes += _near_notes(near, row["near_vertex"])
        if group[CRITERION].notna().any():
            row["validation"] = group.loc[group[CRITERION].idxmax(), "temperature"]
            row["validation_authors"] = G2_CV_TEMPERATURES.get(model) if theirs else None
            if row["validation"] == group["temperature"].max():
                notes.append("best ELBO at the end of the grid")
        rows.append(row | {"notes": "; ".join(notes)})
    return pd.DataFrame(rows)


def _near_notes(near: pd.Series, chosen: float | None) -> list[str]:
    if chosen is None:
        return [f"none of the candidates is near: at {near.index[0]:g} p{NEAR_SHARE} is {near.iloc[0]:.3g}"]
    notes = []
    if chosen == near.index.max():
        notes.append("the highest candidate is near: a higher one may be too")
    if not (near[near.index <= chosen] <= NEAR).all():
        notes.append("not monotone: a lower candidate is not near")
    return notes


HEADINGS = {
    "near_vertex": f"p{NEAR_SHARE} <= {NEAR:g}",
    "near_vertex_authors": 'authors\' "_20"',
    "validation": "best validation ELBO",
    "validation_authors": "authors' CV",
}


def search_tables(results: Results, out: Path) -> list[Path]:
    """Writes table.* (the choices) and temperatures.* (every candidate's statistics and run ids)."""
    frame, chosen = candidates(results), choices(candidates(results))
    texts = chosen[CELL].copy()
    for column, heading in HEADINGS.items():
        if column in chosen:
            texts[heading] = ["-" if pd.isna(value) else f"{value:g}" for value in chosen[column]]
    texts["candidates"], texts["notes"] = chosen["candidates"], chosen["notes"].replace("", "-")
    epochs, counts = int(frame["epochs"].max()), frame.loc[frame["seeds"] > 0, "seeds"]
    seeds = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    seeds += " seed" if counts.max() == 1 else " seeds"
    note = (
        f"Temperatures after {epochs} epochs, mean over {seeds}. p{NEAR_SHARE} <= {NEAR:g}: the highest "
        f"candidate at which {NEAR_SHARE}% of all posterior codes of validation images lie within {NEAR:g} of a "
        f"vertex. Statistics and "
        "run ids of every candidate: temperatures.csv."
    )
    shown = frame[[*CELL, "temperature"]].assign(temperature=frame["temperature"].map("{:g}".format))
    for column, heading, digits in (
        (DISTANCE, f"p{NEAR_SHARE} of distance", 3),
        (SHARE, f"P(d < {NEAR:g})", 3),
        (CRITERION, "validation ELBO", 2),
    ):
        if column in frame:
            shown[heading] = ["-" if pd.isna(value) else f"{value:.{digits}f}" for value in frame[column]]
    shown["seeds"] = frame["seeds"].astype(str) + frame["diverged"].map(lambda n: f" ({n} diverged)" if n else "")
    below = f"Distances: all codes of validation images; ELBO: nats per image, relaxed codes; {epochs} epochs."
    return [*save_table(out, texts, chosen, note), *save_table(out, shown, frame, below, "temperatures")]


def search_figure(results: Results, out: Path) -> list[Path]:
    """Draws distance and validation ELBO against the temperature, a line a model; triangles mark the authors'
    choices."""
    frame = candidates(results)
    panels = (
        [(DISTANCE, f"p{NEAR_SHARE} of the distance to a vertex", G2_NEAR_TEMPERATURES)] if DISTANCE in frame else []
    )
    panels.append((CRITERION, "validation ELBO (nats per image)", G2_CV_TEMPERATURES))
    sets = list(dict.fromkeys(frame["data"]))
    with figure(
        width=4.6 * len(panels), height=0.5 + 3.7 * len(sets), columns=len(panels), rows=len(sets), squeeze=False
    ) as (fig, axes):
        for row, data in zip(axes, sets):
            part = frame[frame["data"] == data]
            for axis, (column, label, theirs) in zip(row, panels):
                for model, line in part.groupby("model", sort=False):
                    shade, marker, _ = look(model)
                    axis.plot(line["temperature"], line[column], marker=marker, color=shade, label=model)
                    if line["authors_setting"].any() and line["model.name"].iloc[0] in theirs:
                        place = theirs[line["model.name"].iloc[0]]
                        axis.plot(
                            [place],
                            [0.02],
                            "^",
                            color=shade,
                            markersize=7,
                            fillstyle="none",
                            transform=axis.get_xaxis_transform(),
                            clip_on=False,
                        )
                if column == DISTANCE:
                    axis.axhline(
                        NEAR, color="black", linewidth=0.8, linestyle=":", label=f"{NEAR:g}, the largest that is near"
                    )
                axis.set(xlabel="temperature", ylabel=label, title=data, xscale="log")
                axis.xaxis.set_major_formatter(FuncFormatter(lambda temperature, _: f"{temperature:g}"))
        if frame["authors_setting"].any():
            axes[0][0].plot([], [], "^", color="0.3", markersize=7, fillstyle="none", label="the authors' choice")
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
        counts = frame.loc[frame["seeds"] > 0, "seeds"]
        seeds = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
        epochs = int(frame["epochs"].max())
        fig.suptitle(
            f"mean over {seeds} seed{'s' if counts.max() > 1 else ''} after {epochs} epochs", fontsize="medium"
        )
        paths = save(fig, out)
    columns = [*CELL, "temperature", *(column for column, _, _ in panels), "seeds"]
    frame[columns].to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]
