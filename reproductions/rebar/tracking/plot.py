"""Log variance of five estimators epoch by epoch on one path, and their ranks and gaps for the ledger."""

import pandas as pd

from igr_suite.families.sbn.plots import at_steps, epoch_rows, followed, tracked_rows
from igr_suite.lab.analysis.ledger import OurValue
from igr_suite.plotting.curves import draw_curves, seeds_caption
from igr_suite.plotting.names import data_names
from igr_suite.plotting.style import epoch_axis, figure, save
from igr_suite.plotting.tables import over_seeds, save_table

GAPS = (("MuProp", "REBAR"), ("SimpleMuProp", "REBAR"), ("NVIL", "MuProp"), ("NVIL", "SimpleMuProp"))
JUDGED = 2  # the epoch whose ranks and gaps are compared with the README's


def gaps(wide):
    """From log variances of one setting, one row a seed and one column a method, to the ledger's gaps, a column
    each."""
    pairs = [(high, low) for high, low in GAPS if {high, low} <= set(wide)]
    differences = {f"{high} - {low}": wide[high] - wide[low] - 2.0 for high, low in pairs}
    equal = 0.5 - (wide["MuProp"] - wide["SimpleMuProp"]).abs() if {"MuProp", "SimpleMuProp"} <= set(wide) else None
    return pd.DataFrame(differences), equal


def summary(values):
    """Mean, standard deviation and number over seeds, and the value of each."""
    return OurValue(
        float(values.mean()), float(values.std()) if len(values) > 1 else 0.0, len(values), values.to_dict()
    )


def ours(results):
    """(quantity, setting) -> (mean, standard deviation over seeds, seeds)."""
    epochs = epoch_rows(results.metrics)
    rows = tracked_rows(epochs)

    def place(row):
        return f"{row['data']}, {row['control']}, step {row['step']}"

    values = at_steps(epochs, ["train_elbo", "temperature"], place)
    values |= at_steps(rows, ["log_variance", "deviation"], lambda r: f"{place(r)}, {r['method']}")
    first = epochs["data"].iloc[0]
    for control, part in rows[(rows["epoch"] == JUDGED) & (rows["data"] == first)].groupby("control"):
        wide = part.pivot(index="seed", columns="method", values="log_variance")
        values |= {(f"log variance, epoch {JUDGED}, {control}", method): summary(wide[method]) for method in wide}
        apart, equal = gaps(wide)
        values |= {
            (f"log variance gap less 2 nats, epoch {JUDGED}, {control}", pair): summary(apart[pair]) for pair in apart
        }
        if equal is not None:
            quantity = f"0.5 nats less the log variance gap, epoch {JUDGED}, {control}"
            values[quantity, "MuProp and SimpleMuProp"] = summary(equal)
        course = epochs[(epochs["control"] == control) & (epochs["data"] == first)]
        course = course.pivot(index="seed", columns="epoch", values="temperature")
        for epoch in course:
            start = course[epoch - 1] if epoch > 1 else 0.5
            values[f"change of the temperature, {control}", f"epoch {epoch}"] = summary(course[epoch] - start)
    return values


def plot(results, out):
    """Returns the paths of what was drawn."""
    epochs = epoch_rows(results.metrics)
    rows = tracked_rows(epochs)
    cases = list(rows[["data", "control"]].drop_duplicates().itertuples(index=False))
    titles = {
        "historical": "authors' control variate, averages not debiased",
        "corrected": "corrected control variate, averages debiased",
    }
    with figure(width=4.8 * len(cases), height=4.0, columns=len(cases), sharey=True, squeeze=False) as (fig, axes):
        drawn = []
        for axis, (data, control) in zip(axes[0], cases):
            part = rows[(rows["data"] == data) & (rows["control"] == control)]
            drawn.append(
                draw_curves(axis, part, "epoch", "log_variance", method="method", seed="seed").assign(
                    data=data, control=control
                )
            )
            axis.set_title(titles[control], fontsize="medium")
            epoch_axis(axis)
        axes[0][0].set_ylabel("log variance of the gradient")
        fig.legend(
            *axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5 if len(cases) > 1 else 3
        )
        data = data_names(rows["data"])
        seeds = seeds_caption(rows, "seed", ["data", "control"], "epoch")
        fig.suptitle(
            f"{data}, two linear layers, at the weights that {followed(results.metrics)} passes; {seeds}",
            fontsize="medium",
        )
        paths = save(fig, out)
    pd.concat(drawn).to_csv(out / "figure.csv", index=False, float_format="%.6g")
    order = rows.sort_values(["data", "control", "epoch"], ascending=[True, False, True], kind="stable")
    texts, numbers = over_seeds(order, ["data", "control", "epoch", "method"], {"log_variance": "log variance"}, 3)
    note = (
        "Log of the epoch's mean variance (natural), mean ± standard deviation over seeds. Historical: the authors' "
        "defects included."
    )
    return [*paths, out / "figure.csv", *save_table(out, texts, numbers, note)]
