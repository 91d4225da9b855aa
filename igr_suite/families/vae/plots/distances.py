"""Posterior distances of trained VAEs: boxes over images, statistics over codes, IGR against GS."""

from pathlib import Path

import pandas as pd

from igr_suite.families.vae.plots.curves import named
from igr_suite.families.vae.presets import G2_CV_TEMPERATURES
from igr_suite.measuring.distances import NEAR
from igr_suite.plotting.boxes import CAPTION, draw_boxes
from igr_suite.plotting.curves import number_of_seeds
from igr_suite.plotting.paired import compare
from igr_suite.plotting.style import figure, save
from igr_suite.plotting.tables import over_seeds, save_table

SETS = {"cv": "cross-validated temperatures", "near": 'near-vertex ("_20") temperatures'}
COLUMNS = {
    "image.p50": "median over images",
    "sample.p75": "p75 over codes",
    f"sample.below_{NEAR}": f"P(d < {NEAR:g})",
}


def temperature_set(frame: pd.DataFrame) -> pd.Series:
    """ "cv" where a run has its model's cross-validated temperature, "near" elsewhere."""
    return (frame["temperature"] == frame["model.name"].map(G2_CV_TEMPERATURES)).map({True: "cv", False: "near"})


def measured(results) -> pd.DataFrame:
    """One row a measured run, with the config of the run that was trained; columns `set`, `model`, `temperature`."""
    runs = results.runs[results.runs["kind"] == "PosteriorDistance"].dropna(axis="columns", how="all")
    runs = runs.loc[:, [c for c in runs if c.startswith("trained.") or f"trained.{c}" not in runs]]
    frame = runs.rename(columns=lambda name: name.removeprefix("trained."))
    if "data.train_limit" not in frame:  # None everywhere
        frame = frame.assign(**{"data.train_limit": None})
    frame = named(frame)
    return frame.assign(set=temperature_set(frame))


def distance_boxes(frame: pd.DataFrame, out: Path) -> list[Path]:
    """Draws a panel a temperature set: boxes over images, one a seed, grouped by model."""
    models = list(dict.fromkeys(frame["model"]))
    with figure(width=9.2, height=3.9, columns=2, sharey=True) as (fig, axes):
        for axis, (name, title) in zip(axes, SETS.items()):
            labels = []
            for place, model in enumerate(models):
                boxes = frame[(frame["set"] == name) & (frame["model"] == model)].sort_values("seed")
                boxes = boxes.rename(columns={f"image.{p}": p for p in ("p05", "p25", "p50", "p75", "p95")})
                step = 0.75 / max(len(boxes), 1)
                places = [place + step * (i - (len(boxes) - 1) / 2) for i in range(len(boxes))]
                draw_boxes(axis, boxes, [""] * len(boxes), model, width=0.85 * step, places=places)
                shown = "".join(rf"$\tau$ = {t:g}" for t in boxes["temperature"].unique())
                labels.append(f"{model}\n{shown}")
            axis.set_xticks(range(len(models)), labels)
            axis.set(title=title, ylim=(0, 1), xlim=(-0.6, len(models) - 0.4))
            near = axis.axhline(NEAR, color="black", linewidth=0.8, linestyle=":", label=f"{NEAR:g}: near a vertex")
            axis.title.set_fontsize("medium")
            axis.grid(visible=False, axis="x")
        axes[1].legend(handles=[near], fontsize="small", loc="upper right")
        axes[0].set_ylabel("distance to the nearest vertex")
        seeds = number_of_seeds(frame, ["model", "set"]).removesuffix("s").removesuffix(" seed")
        what = f"{frame['data'].iloc[0]}, {frame['images'].iloc[0]:,.0f} images; one box a seed ({seeds})"
        fig.supxlabel(f"{CAPTION}, over images; {what}", fontsize="small")
        paths = save(fig, out)
    columns = [
        "data",
        "set",
        "model",
        "temperature",
        "seed",
        *(c for c in frame if c.startswith(("image.", "sample."))),
    ]
    frame[columns].to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def distance_tables(frame: pd.DataFrame, out: Path) -> list[Path]:
    """Writes table.* (statistics of every model) and table_comparison.* (each IGR model against GS, paired over
    seeds)."""
    texts, numbers = over_seeds(frame, ["data", "set", "model", "temperature"], COLUMNS, digits=3)
    note = (
        "Distance to the nearest vertex, mean ± standard deviation over seeds. Over images: of the median over samples "
        "of the mean over "
        f"variables; over codes: all images, samples and variables. The near set was chosen by its authors so that p75 "
        f"is at most {NEAR:g}."
    )
    rows, files = [], []
    for (data, name), group in frame.groupby(["data", "set"], sort=False):
        sides = {model: part.set_index("seed") for model, part in group.groupby("model", sort=False)}
        for model in (other for other in sides if other != "GS" and "GS" in sides):
            for column, heading in COLUMNS.items():
                words = {"data": data, "set": name, "comparison": f"{model} - GS", "quantity": heading}
                text, number = compare(sides[model][column], sides["GS"][column], (model, "GS"))
                rows.append(words | text)
                files.append(words | number)
    said = (
        "Paired over seeds: mean difference ± half-width of its 95% interval (Student's t). Lower distance: nearer "
        "to discrete."
    )
    more = save_table(out, pd.DataFrame(rows), pd.DataFrame(files), said, "table_comparison") if rows else []
    return [*save_table(out, texts, numbers, note), *more]
