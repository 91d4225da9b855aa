"""Table and figure that compare estimators at the weights of one model."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.plotting.estimators import label
from igr_suite.plotting.style import figure, look, save
from igr_suite.plotting.tables import save_table

LEVELS = {"parameters": "batch gradient of q's weights", "logits": "each image's gradient of q's logits"}
NOTE = (
    "Variance: mean over entries, sampling noise alone, with its 95% interval. SNR: norm of the expected gradient over "
    "the root of the "
    "summed variances. Bias: norm relative to that of the gradient, p by random signs; * where p is below 0.001. "
    "Evaluations: of the bound "
    "at hard + relaxed samples. Time an estimate includes the averaging. "
    "Networks of one layer and VAEs: own parameters are initial ones but for each image's baseline, which is the best "
    "one for these "
    "weights. Deeper networks: as the run trained them; for methods that it did not train initial, with the mean bound "
    "as baseline "
    "(REBAR: 0, which costs it)."
)


def draw(rows: list[dict], out: Path, title: str, against: str) -> list[Path]:
    """Writes variance.csv, .md, .tex, .png and .pdf; returns their paths.

    Args:
      rows: the result of `measuring.estimator_variance.measure`.
      out: folder for the files.
      title: the model and the images that were measured.
      against: name of the estimator that biases were measured against.
    """
    numbers = pd.DataFrame(rows).sort_values("parameters_variance", ignore_index=True)
    levels = [level for level in LEVELS if f"{level}_variance" in numbers]
    with figure(
        width=5.2 * len(levels), height=1.5 + 0.3 * len(numbers), columns=len(levels), sharey=True, squeeze=False
    ) as (fig, axes):
        for axis, level in zip(axes[0], levels):
            for height, row in numbers.iterrows():
                if not np.isfinite(row[f"{level}_variance"]):
                    continue
                shade, marker, _ = look(label(row["estimator"]))
                face = "white" if row["biased"] else shade
                axis.plot(row[f"{level}_variance"], height, marker, color=shade, markerfacecolor=face, zorder=3)
                ends = np.maximum(
                    row[[f"{level}_variance_low", f"{level}_variance_high"]].astype(float),
                    1e-3 * row[f"{level}_variance"],
                )
                axis.plot(ends, [height, height], color=shade, linewidth=1.5)
            axis.set(xscale="log", xlabel="variance", title=LEVELS[level])
            axis.title.set_fontsize("medium")
        axes[0][0].set_yticks(range(len(numbers)), [label(name) for name in numbers["estimator"]])
        fig.suptitle(
            f"{title}; 95% intervals over {numbers['draws'].iloc[0]:,} draws; hollow: biased", fontsize="small"
        )
        paths = save(fig, out, "variance")
    texts = pd.DataFrame([_texts(row, levels) for row in numbers.to_dict("records")])
    return [*paths, *save_table(out, texts, numbers, f"{NOTE} Biases: against {label(against)}.", name="variance")]


def _texts(row: dict, levels: list[str]) -> dict[str, str]:
    cells = {"estimator": label(row["estimator"])}
    for level in levels:
        short = {"parameters": "weights", "logits": "logits"}[level]
        if not np.isfinite(row[f"{level}_variance"]):
            cells |= dict.fromkeys((f"variance, {short}", f"SNR, {short}", f"bias, {short}"), "-")
            continue
        low, high = row[f"{level}_variance_low"], row[f"{level}_variance_high"]
        star = "*" if row[f"{level}_p"] < 1e-3 else ""
        cells[f"variance, {short}"] = f"{row[f'{level}_variance']:.3g} [{low:.3g}, {high:.3g}]"
        cells[f"SNR, {short}"] = f"{row[f'{level}_snr']:.3g}"
        cells[f"bias, {short}"] = (
            f"{row[f'{level}_relative_bias']:.2g} (z {row[f'{level}_z']:.1f}, p {row[f'{level}_p']:.2g}){star}"
        )
    return cells | {"evaluations": f"{row['hard']:.0f} + {row['relaxed']:.0f}", "ms": f"{1e3 * row['seconds']:.2g}"}
