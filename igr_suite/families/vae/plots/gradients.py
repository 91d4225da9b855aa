"""The gradient monitor's numbers: shares of vanished gradients, variance and signal-to-noise ratio, IGR against GS."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.families.vae.plots.curves import named
from igr_suite.families.vae.plots.distances import SETS, temperature_set
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.paired import compare
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

PANELS = {
    "jacobian": "Jacobian of the code\nvanished (%)",
    "reconstruction": "reconstruction's gradient\nvanished (%)",
    "variance": "gradient variance,\nencoder weights",
    "snr": "signal / noise,\nencoder weights",
}
COLUMNS = {
    "jacobian": "Jacobian vanished (%)",
    "reconstruction": "reconstruction vanished (%)",
    "gradient": "ELBO gradient vanished (%)",
    "log_variance": "log10 variance, weights",
    "log_variance_none": "log10 variance without KL",
    "snr": "signal/noise, weights",
    "snr_parameters": "signal/noise, parameters",
}
# (name, IGR trained on, column, heading)
QUESTIONS = (
    ("as trained", "closed", "jacobian", "Jacobian vanished (%)"),
    ("as trained", "closed", "reconstruction", "reconstruction vanished (%)"),
    ("as trained", "closed", "log_variance", "log10 variance, own KL"),
    ("as trained", "closed", "snr", "signal/noise, own KL"),
    ("same KL", "sampled", "log_variance", "log10 variance, sampled KL"),
    ("same KL", "sampled", "snr", "signal/noise, sampled KL"),
    ("no KL", "closed", "log_variance_none", "log10 variance, reconstruction only"),
)


def monitored(results) -> pd.DataFrame:
    """One row an evaluation of a monitored run: percentages, variances and ratios under short names, `set`, `kl` and
    the line style."""
    rows = named(results.metrics)
    rows = rows[[c for c in rows if not c.startswith("train_")]]
    rows = rows.dropna(subset=["monitor_jacobian_vanished"])
    kl = rows["model.kl"]
    own = {
        n: rows[f"monitor_weights_{n}_sampled"].where(kl == "sampled", rows[f"monitor_weights_{n}_closed"])
        for n in ("variance", "signal")
    }
    by_parameter = {
        n: rows[f"monitor_parameters_{n}_sampled"].where(kl == "sampled", rows[f"monitor_parameters_{n}_closed"])
        for n in ("variance", "signal")
    }
    shares = {name: 100 * rows[f"monitor_{name}_vanished"] for name in ("jacobian", "reconstruction", "gradient")}
    return rows.assign(
        **shares,
        historical=100 * rows["monitor_historical_vanished"] if "monitor_historical_vanished" in rows else np.nan,
        variance=own["variance"],
        snr=own["signal"] / own["variance"],
        snr_parameters=by_parameter["signal"] / by_parameter["variance"],
        log_variance=np.log10(own["variance"]),
        log_variance_none=np.log10(rows["monitor_weights_variance_none"]),
        set=temperature_set(rows),
        kl=kl,
        line=np.where((kl == "sampled") & (rows["model"] != "GS"), "--", "-"),
    )


def gradient_figure(frame: pd.DataFrame, out: Path) -> list[Path]:
    """Draws shares, variance and signal-to-noise ratio over epochs: a row a temperature set, dashed: IGR trained on the
    sampled KL."""
    drawn = []
    with figure(width=13.6, height=6.6, columns=len(PANELS), rows=len(SETS), squeeze=False) as (fig, axes):
        for row, (name, title) in zip(axes, SETS.items()):
            part = frame[frame["set"] == name]
            for axis, (column, label) in zip(row, PANELS.items()):
                curves = draw_curves(axis, part, "epoch", column, method="model", seed="seed", style="line")
                drawn.append(curves.assign(set=name, quantity=column))
                epoch_axis(axis)
                axis.set_ylabel(label)
                if column == "variance":
                    axis.set_yscale("log")
                elif column == "snr":
                    axis.set_yscale("symlog", linthresh=0.01)  # the unbiased signal may be negative
                elif part[column].max() > 0:
                    axis.set_ylim(0, 1.15 * part[column].max())
                else:
                    axis.set(ylim=(0, 1), yticks=[0])
                    axis.text(0.5, 0.5, "none in any run", transform=axis.transAxes, ha="center")
            row[0].set_title(title, fontsize="medium", loc="left")
        handles, labels = axes[0][-1].get_legend_handles_labels()
        solid = {label: handle for handle, label in zip(handles, labels) if handle.get_linestyle() == "-"}
        seeds = seeds_caption(frame, "seed", ["set", "kl", "model"], "epoch")
        title = (
            f"{frame['data'].iloc[0]}; {seeds}; solid: GS trained on the sampled KL, IGR on the closed one; dashed: "
            "IGR trained on the sampled KL; vanished: norm at most 1e-3 (Jacobian), or at most 1e-3 of the untrained "
            "model's median (gradient)"
        )
        fig.suptitle(title, fontsize="medium")
        fig.legend(solid.values(), solid.keys(), loc="outside lower center", ncols=4, fontsize="small")
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def historical_figure(frame: pd.DataFrame, out: Path) -> list[Path]:
    """Draws the authors' percentage over epochs, which counts round-off."""
    if frame["historical"].isna().all():
        return []
    shown = frame.dropna(subset=["historical"])
    with figure(width=9.2, height=3.9, columns=len(SETS), sharey=True) as (fig, axes):
        for axis, (name, title) in zip(axes, SETS.items()):
            part = shown[(shown["set"] == name) & (shown["line"] == "-")]
            draw_curves(axis, part, "epoch", "historical", method="model", seed="seed", style="line")
            epoch_axis(axis)
            axis.set(title=title, ylim=(0, 100))
            axis.title.set_fontsize("medium")
        axes[0].set_ylabel("norms at most 1e-10 (%)")
        axes[0].legend(fontsize="small")
        largest = shown["monitor_historical_max"].max()
        seeds = seeds_caption(shown, "seed", ["set", "kl", "model"], "epoch")
        fig.supxlabel(
            f"{frame['data'].iloc[0]}; {seeds}; historical metric: the gradient of a sum that is 1 whatever the parameters, "
            "zero in exact arithmetic; "
            f"all that is seen is float32 round-off (largest norm {largest:.1e})",
            fontsize="small",
        )
        return save(fig, out, "historical")


def gradient_tables(frame: pd.DataFrame, out: Path) -> list[Path]:
    """Writes table.* (last epoch) and table_comparison.* (each IGR model against GS, paired over seeds)."""
    last = frame[frame["epoch"] == frame["epoch"].max()]
    columns = COLUMNS | ({"historical": "historical (%): round-off"} if last["historical"].notna().any() else {})
    texts, numbers = over_seeds(last, ["data", "set", "model", "temperature", "kl"], columns, digits=2)
    note = (
        f"Epoch {last['epoch'].max():g}, mean ± standard deviation over seeds; a fixed batch of training images. kl: "
        f"what the run trains "
        "on, and what `variance` and `signal/noise` use. Vanished: Jacobian norm at most 1e-3; gradient norm at most "
        "1e-3 of the untrained "
        "model's median. Variance: trace of the covariance, across noise draws, of the batch's mean gradient; "
        "signal/noise: squared norm "
        "of its expectation over that."
    )
    if "historical" in columns:
        note += " The historical column is identically zero in exact arithmetic: it counts how often float32 round-off cancels."
    rows, files = [], []
    for (data, name), group in last.groupby(["data", "set"], sort=False):
        base = group[group["model"] == "GS"].set_index("seed")
        for model in (m for m in dict.fromkeys(group["model"]) if m != "GS" and len(base)):
            for footing, kl, column, heading in QUESTIONS:
                side = group[(group["model"] == model) & (group["kl"] == kl)].set_index("seed")[column]
                words = {
                    "data": data,
                    "set": name,
                    "comparison": f"{model} - GS",
                    "footing": footing,
                    "quantity": heading,
                }
                text, number = compare(side, base[column], (model, "GS"))
                rows.append(words | text)
                files.append(words | number)
    said = (
        "Last epoch, paired over seeds: mean difference ± half-width of its 95% interval (Student's t). As trained: GS "
        "on the sampled, IGR "
        "on the closed KL. Same KL: both trained and measured on the sampled one. No KL: the reconstruction term's "
        "gradient at the weights "
        "of `as trained`. Variances depend on how a model is parameterised; ratios do not depend on its scale."
    )
    more = save_table(out, pd.DataFrame(rows), pd.DataFrame(files), said, "table_comparison") if rows else []
    return [*save_table(out, texts, numbers, note), *more]
