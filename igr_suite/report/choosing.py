"""Writes docs/choose_an_estimator.md from the registry and from committed measurements: `python -m
igr_suite.report.choosing`.

The measurements are those of `results/suite/estimators`, `results/suite/training` and `results/rebar/tracking` at quick
scale; "-" stands where nothing was measured.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from igr_suite.estimators.base import registered
from igr_suite.estimators.names import KNOWN, TARGETS, Known
from igr_suite.lab.analysis.paired import with_spread
from igr_suite.lab.runs.files import write_atomically
from igr_suite.plotting.estimators import label
from igr_suite.plotting.tables import markdown
from igr_suite.studies.comparison.rows import comparison_rows

MODELS = {
    "nonlinear": "Belief network, one nonlinear layer",
    "2 linear": "Belief network, two linear layers",
    "categorical": "VAE of categorical codes",
}
REPOSITORY = Path(__file__).parents[2]
PLACE = REPOSITORY / "docs" / "choose_an_estimator.md"
MEASURED = REPOSITORY / "results" / "suite" / "estimators" / "quick"
TRACKED = REPOSITORY / "results" / "rebar" / "tracking" / "quick" / "table.csv"
TRAINED = REPOSITORY / "results" / "suite" / "training" / "quick" / "table.csv"
COLUMNS = ["relative_variance", "relative_cost", "parameters_relative_bias"]

HEAD = """# Choosing an estimator

What every estimator of the suite needs, costs and gains; [Estimators](estimators.md) explains the terms. *Variance* of the batch
gradient and processor *time* of one estimate are relative to those of REINFORCE with the best baseline for each image (the row `nvil`)
on the same model: B a belief network of 200 Bernoulli variables, C a VAE with 20 variables of 10 categories, both briefly trained
(reproductions/suite/estimators). Own parameters are trained at these weights. A product variance x time below 1 is a gain over
REINFORCE at equal computing time; times are without the model's own gradient.

"""
PICTURE = (
    "![Processor time of an estimate against the variance of the gradient, every estimator by name; biased ones are "
    "hollow](../results/suite/estimators/quick/choosing.png)\n\n"
)
TRACKING = """
## In networks of several layers

Log variance of the gradient of a belief network with two layers, five estimators on one path with their own parameters and baselines
trained alongside (`results/rebar/tracking`, quick scale, corrected control variate, epoch {epoch}, mean over {seeds} seeds):

"""
TRAINING = """
## In training

Bounds that training runs with equal numbers of evaluations reached (`results/suite/training`, quick scale): the test images' L_100 at
the end in nats per image, mean and standard deviation over seeds, best first. An estimator that needs K evaluations takes K times fewer
steps. Minutes are those of the machine that made the runs.
"""
ADVICE = """
## Which one

**Bernoulli variables, f is a black box (no derivative).**
Take `disarm`: unbiased without anything to tune, two evaluations{disarm}.
With more evaluations to spend, `arms` or `rloo` with K samples{rloo}; with one only, `nvil`{nvil}.
Never `reinforce` without a baseline{reinforce}.

**Bernoulli variables, f differentiable at fractional values.**
Take `dynamic_rebar`{dynamic_rebar}; `rebar` where its temperature is known{rebar}.
`double_cv` needs df/db at discrete samples only{double_cv}; `relax` where f relaxed is a poor guide to f{relax}.
`muprop` needs df/db at the mean only, and no temperature{muprop}.

**Categorical variables.**
Unbiased: `dynamic_rebar`{dynamic_rebar_c} or `relax`{relax_c} where f can be relaxed.
Otherwise `carms`{carms_c}, whose K samples are antithetic, or `rloo`{rloo_c}, whose K samples are independent.
`disarm_sb`{disarm_sb_c} and `disarm_tree`{disarm_tree_c} are for two evaluations; `ars` and `arsm` are baselines.
With the derivative at discrete samples only, `double_cv`; `arm`, `disarm` and `arms` are for Bernoulli variables only.
For VAEs the relaxations (docs/add_a_relaxation.md) train through relaxed codes instead, which is another objective.

**Bias is acceptable, variance is not (early training, search).**
`st_gumbel_softmax`{st_gumbel_softmax_c}, or `straight_through`{straight_through_c}, which has no temperature to tune.
`concrete` at a tuned temperature{concrete_c}: its gradient is exact for the relaxed objective, which may be what is wanted.
Check at the end: `igr variance RUN_FOLDER` measures the bias at the weights that were reached.

**The objective is a bound with K samples, log mean_k exp f(b_k).**
`vimco` or `ovis` for any variables, `local_disarm` for Bernoulli ones; all unbiased for the bound itself. `ovis` with
gamma=1 adds the gradient of `rws`, which follows the posterior instead, and `tvo` takes a path between the two.
`ovis_mc` spends further samples on its baselines.
The estimators above are of E[f(b)], K = 1: with them the same K evaluations average K gradients.
For Gaussian latents see [objectives.md](objectives.md).

Measured at the weights of two small models; `igr variance` measures at yours. How to add one: [add_an_estimator.md](add_an_estimator.md).
This page is written from the registry and from committed results by `python -m igr_suite.report.choosing`.
"""


def measured() -> pd.DataFrame:
    """Returns the rows of the committed comparison, indexed by (kind of variables, estimator); empty without results."""
    rows = comparison_rows(MEASURED, sorted(path.parent.name for path in MEASURED.glob("*/summary.json")))
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS, index=pd.MultiIndex.from_arrays([[], []]))
    return rows.set_index(["variables", "estimator"])[COLUMNS]


def number(rows: pd.DataFrame, kind: str, name: str, column: str) -> str:
    """Returns a measured number with two digits, "-" where there is none."""
    if (kind, name) not in rows.index or pd.isna(rows.loc[(kind, name), column]):
        return "-"
    value = float(rows.loc[(kind, name), column])
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def table(measurements: pd.DataFrame) -> str:
    """Returns one row per estimator: its facts, then measured variance and time for both kinds of variables."""
    rows = []
    for name, cls in sorted(registered().items()):
        facts = cls.facts
        rows.append(
            {
                "name": f"`{name}`",
                "unbiased": "yes" if facts.unbiased else "NO",
                "target": TARGETS[facts.target],
                "variables": ", ".join(facts.support),
                "f at hard + relaxed": f"{facts.hard} + {facts.relaxed}",
                "needs df/db": "yes" if facts.differentiates else "no",
                "to train": ", ".join(facts.parameters) or "-",
                "variance B": number(measurements, "bernoulli", name, "relative_variance"),
                "time B": number(measurements, "bernoulli", name, "relative_cost"),
                "variance C": number(measurements, "categorical", name, "relative_variance"),
                "time C": number(measurements, "categorical", name, "relative_cost"),
            }
        )
    return markdown(pd.DataFrame(rows))


def tracking() -> str:
    """Returns the section on deeper networks, empty without its results."""
    if not TRACKED.exists():
        return ""
    rows = pd.read_csv(TRACKED)
    rows = rows[rows["control"] == "corrected"]
    last = rows[rows["epoch"] == rows["epoch"].max()].sort_values("log_variance_mean")
    shown = pd.DataFrame({"estimator": last["method"], "log variance": last["log_variance_mean"].map("{:.2f}".format)})
    return TRACKING.format(epoch=int(last["epoch"].iloc[0]), seeds=int(last["seeds"].iloc[0])) + markdown(shown)


def training(rows: pd.DataFrame) -> str:
    """Returns the section on training runs: a table for each model and a sentence on its best estimators, unbiased and
    biased, that train the ELBO; empty without rows.

    Args:
      rows: table.csv of `suite/training`, one row for each model and method, with mean, standard deviation and number of
        seeds of the last bound.
    """
    if rows.empty:
        return ""
    facts = {label(name): known for name, known in KNOWN.items()}
    text = [TRAINING]
    for model, part in rows.groupby("model", sort=False):
        ranked = part.sort_values("bound_mean", ascending=False, kind="stable")
        support = "categorical" if model == "categorical" else "bernoulli"
        possible = sum(support in known.support for known in KNOWN.values())
        shown = pd.DataFrame(
            {
                "estimator": ranked["method"],
                "unbiased": ["yes" if facts[name].unbiased else "NO" for name in ranked["method"]],
                "evaluations a step": ranked["evaluations a step"],
                "test L_100": [
                    with_spread(mean, None if pd.isna(spread) else spread)
                    for mean, spread in zip(ranked["bound_mean"], ranked["bound_sd"])
                ],
                "seeds": ranked["seeds"],
                "minutes": ranked["minutes_mean"].map("{:.1f}".format),
            }
        )
        missing = f" Runs of {len(ranked)} of the {possible} estimators for its variables are here."
        text += [f"\n### {MODELS.get(model, model)}\n\n{best(ranked, facts)}{missing}\n\n", markdown(shown)]
    return "".join(text)


def best(ranked: pd.DataFrame, facts: Mapping[str, Known]) -> str:
    """Returns the sentence on the best unbiased and the best biased estimator of a model's ranked rows."""
    bounds = dict(zip(ranked["method"], ranked["bound_mean"]))
    of_elbo = [name for name in bounds if facts[name].target == "expectation"]
    first = {kind: next((name for name in of_elbo if facts[name].unbiased is kind), None) for kind in (True, False)}
    if first[True] is None or first[False] is None:
        return f"{next(iter(bounds))} reached the best bound."
    gap = bounds[first[True]] - bounds[first[False]]
    words = f"{abs(gap):.2f} nats {'ahead of' if gap > 0 else 'behind'}"
    return f"Of the estimators that train the ELBO, the best unbiased one is {first[True]}, {words} the best biased one, {first[False]}."


def trained() -> pd.DataFrame:
    """Returns the committed table of `suite/training`, empty without it."""
    return pd.read_csv(TRAINED) if TRAINED.exists() else pd.DataFrame()


def advice(measurements: pd.DataFrame) -> str:
    """Returns the advice with its numbers: {name} holds those for Bernoulli variables, {name_c} for categorical ones."""

    def beside(name: str, kind: str) -> str:
        variance, time, bias = (number(measurements, kind, name, column) for column in COLUMNS)
        shown = [f"variance {variance}", f"time {time}"]
        shown += [] if registered()[name].facts.unbiased else [f"bias {bias} of the gradient's norm"]
        return "" if variance == "-" else f" ({', '.join(shown)})"

    texts = {
        f"{name}{suffix}": beside(name, kind)
        for suffix, kind in (("", "bernoulli"), ("_c", "categorical"))
        for name in registered()
    }
    return ADVICE.format(**texts)


def document() -> str:
    """Returns the text of docs/choose_an_estimator.md."""
    measurements = measured()
    return HEAD + PICTURE + table(measurements) + training(trained()) + tracking() + advice(measurements)


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
    print(f"wrote {PLACE}")
