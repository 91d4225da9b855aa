"""Signal, noise and bias of gradients against the number of samples: figure, rates of change, table."""

from pathlib import Path

import numpy as np
import pandas as pd

from igr_suite.objectives.names import FACTS
from igr_suite.plotting.style import colour, figure, look, save
from igr_suite.plotting.tables import save_table

GENERATIVE = {"weights": "theta, w", "jackknife": "theta, JVI"}  # family -> label
STATISTICS = ("snr", "variance", "signal", "dsnr", "squared_bias", "squared_bias_noise", "t", "t_max", "p")
# IWAE's signal is below the noise above FEW samples; the other rates are asymptotic and are fitted from MANY on.
FEW, MANY = 32, 32
# Powers of K that docs/papers/dreg.md, section 4, derives: SNR, variance, signal.
RATES = {
    "IWAE": (-0.5, -1, -1),
    "STL": (0.5, -1, 0),
    "DReG": (0.5, -3, -1),
    "RWS": (0.5, -1, 0),
    "RWS-DReG": (0.5, -1, 0),
    "JVI": (-1.5, -1, -2),
    "JVI-DReG": (0.5, -5, -2),
    GENERATIVE["weights"]: (0.5, -1, 0),
}
QUANTITIES = {"snr": "SNR", "variance": "variance", "signal": "signal"}
# Below the noise at any affordable number of repetitions.
DROWNED = {("IWAE", "signal"), ("JVI", "snr"), ("JVI", "signal")}
NOTE = (
    "Slopes of log-log fits, in brackets the rate derived for large K; IWAE's SNR from K <= 32, all others from K >= "
    "32; '-': below the noise floor sqrt(2 / (pi R)). Mean |t| of the bias over the parameters: 0.80 without bias, "
    "from paired draws against the target."
)


def rows_of(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each number of samples and estimator.

    Returns:
      Columns group ("b" or "theta"), method, samples, repetitions, noise_floor and STATISTICS.
    """
    rows = []
    labels = {("b", name): FACTS[name].title for name in FACTS} | {
        ("theta", family): label for family, label in GENERATIVE.items()
    }
    for run in runs.to_dict("records"):
        for (group, name), method in labels.items():
            if f"{group}.{name}.snr" not in run:
                continue
            values = {statistic: run.get(f"{group}.{name}.{statistic}", np.nan) for statistic in STATISTICS}
            kept = {column: run[column] for column in ("samples", "repetitions", "noise_floor")}
            rows.append({"group": group, "method": method, **kept, **values})
    return pd.DataFrame(rows).sort_values(["group", "samples"], kind="stable", ignore_index=True)


def slopes(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Maps (quantity, method) to the power of K, from a straight line through logarithms; methods below the noise or
    with a single point are left out."""
    powers = {}
    for method, quantity in [(method, quantity) for method in RATES for quantity in QUANTITIES]:
        part = rows[rows["method"] == method]
        few = method == "IWAE" and quantity == "snr"
        part = part[part["samples"] <= FEW] if few else part[part["samples"] >= MANY]
        if len(part) > 1 and (method, quantity) not in DROWNED:
            powers[quantity, method] = float(np.polyfit(np.log(part["samples"]), np.log(part[quantity]), 1)[0])
    return powers


def ledger(rows: pd.DataFrame, points: int) -> dict[tuple[str, str], tuple[float, float, int]]:
    """Our values for `igr check`: slopes, such as ('slope of SNR', 'DReG'), and values at the size of the problem, such
    as ('SNR, K = 128, N = 1024', 'DReG')."""
    ours = {
        (f"slope of {QUANTITIES[quantity]}", method): (value, np.nan, 1)
        for (quantity, method), value in slopes(rows).items()
    }
    for row in rows.to_dict("records"):
        values = {"SNR": row["snr"], "log10 variance": np.log10(row["variance"]), "mean |t| of the bias": row["t"]}
        for quantity, value in values.items():
            ours[f"{quantity}, K = {row['samples']}, N = {points}", row["method"]] = (value, np.nan, 1)
    return ours


def draw(rows: pd.DataFrame, out: Path, title: str) -> list[Path]:
    """SNR, squared bias and variance against K; originals dashed, doubly reparameterised ones (and STL) solid."""
    with figure(width=12.5, height=4.4, columns=3) as (fig, axes):
        for axis, quantity in zip(axes, ("snr", "squared_bias", "variance")):
            for method, part in rows[rows["group"] == "b"].groupby("method", sort=False):
                part = part[part[quantity] > 0]
                shade, marker, _ = look(method)
                line = "-" if "DReG" in method or method == "STL" else "--"
                axis.plot(part["samples"], part[quantity], line, marker=marker, color=shade, label=method)
            axis.set(xscale="log", yscale="log", xlabel="samples K")
            axis.set_xticks(sorted(rows["samples"].unique()), [str(k) for k in sorted(rows["samples"].unique())])
            axis.minorticks_off()
        theta = rows[rows["method"] == GENERATIVE["weights"]]
        axes[0].plot(theta["samples"], theta["snr"], ":", color="black", label="model's gradient (weights w)")
        floor = theta.drop_duplicates("samples")
        axes[0].fill_between(floor["samples"], 1e-9, floor["noise_floor"], color="#bbbbbb", alpha=0.5, linewidth=0)
        name = r" noise floor $\sqrt{2 / (\pi R)}$"
        axes[0].text(
            floor["samples"].min(), 0.7 * floor["noise_floor"].iloc[0], name, fontsize="small", va="top", color="0.3"
        )
        axes[0].set_ylim(0.3 * floor["noise_floor"].min(), None)
        for method, part in rows[rows["squared_bias"].notna()].groupby("method", sort=False):
            axes[1].plot(part["samples"], part["squared_bias_noise"], ":", linewidth=0.9, color=colour(method))
        for axis, label in zip(
            axes, ("signal-to-noise ratio", "squared bias\n(dotted: expected without bias)", "variance")
        ):
            axis.set_ylabel(label)
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8)
        repetitions = rows["repetitions"]
        counts = f"{repetitions.min():,}" + (
            f" to {repetitions.max():,}" if repetitions.min() < repetitions.max() else ""
        )
        words = "dashed: originals, solid: doubly reparameterised and STL"
        fig.suptitle(f"{title}; means over the entries of d/db, {counts} repetitions; {words}", fontsize="medium")
        paths = save(fig, out)
    rows.to_csv(out / "figure.csv", index=False, float_format="%.6g")
    return [*paths, out / "figure.csv"]


def rate_table(rows: pd.DataFrame, out: Path) -> list[Path]:
    """Fitted powers of K beside the derived ones, and the bias's mean |t| at the smallest and at the largest K."""
    powers, texts, numbers = slopes(rows), [], []
    ends = (rows["samples"].min(), rows["samples"].max())
    for method, derived in RATES.items():
        part = rows[rows["method"] == method]
        if not len(part):
            continue
        text, number = {"gradient": method}, {"gradient": method}
        for (quantity, heading), rate in zip(QUANTITIES.items(), derived):
            value = powers.get((quantity, method), np.nan)
            text[heading] = f"{value:+.2f} ({rate:+g})" if np.isfinite(value) else f"- ({rate:+g})"
            number |= {f"{quantity}_slope": value, f"{quantity}_rate": rate}
        for samples in ends:
            value = part.loc[part["samples"] == samples, "t"].iloc[0]
            text[f"|t| of bias, K = {samples}"] = f"{value:.2f}" if np.isfinite(value) else "-"
            number[f"t_{samples}"] = value
        texts.append(text)
        numbers.append(number)
    return save_table(out, pd.DataFrame(texts), pd.DataFrame(numbers), NOTE)
