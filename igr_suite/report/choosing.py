"""Writes docs/choose_an_estimator.md from the registry and from committed measurements: `python -m
igr_suite.report.choosing`.

The measurements are those of `results/suite/estimators`, `results/suite/training` and `results/rebar/tracking` at quick
scale; "-" stands where nothing was measured.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from igr_suite.estimators.base import Facts, registered
from igr_suite.estimators.names import KNOWN, TARGETS, Known
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import expand
from igr_suite.lab.runs.config import flatten
from igr_suite.lab.runs.files import write_atomically
from igr_suite.plotting.equal_evaluations import about_minutes
from igr_suite.plotting.estimators import label
from igr_suite.plotting.tables import decimals, markdown
from igr_suite.studies.comparison.rows import comparison_rows

TRAINING_RUNS = "suite/training"
SEEDS = 3  # fewer are named as few
REPOSITORY = Path(__file__).parents[2]
PLACE = REPOSITORY / "docs" / "choose_an_estimator.md"
MEASURED = REPOSITORY / "results" / "suite" / "estimators" / "quick"
TRACKED = REPOSITORY / "results" / "rebar" / "tracking" / "quick" / "table.csv"
TRAINED = REPOSITORY / "results" / "suite" / "training" / "quick" / "table.csv"
WIDTH = 120  # of prose in docs/
LEADERS = 4  # estimators that the advice names from the training runs, for each case and model
BERNOULLI, CATEGORICAL = ("nonlinear", "2 linear"), ("categorical",)  # models of `suite/training`
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

Bounds that training runs with equal numbers of evaluations reached (`results/suite/training`, quick scale): the test
images' L_100 at the end in nats per image, mean and standard deviation over seeds, best first. An estimator that needs K
evaluations takes K times fewer steps, so that estimators with equal evaluations a step have equal numbers of steps, too.
{times}

Whether variance predicts this order, and what seems to decide it: [suite/training](../reproductions/suite/training/README.md).
"""
ADVICE = """
## Which one

**Bernoulli variables, f is a black box (no derivative).**
Take `disarm`{disarm}: unbiased without anything to tune, two evaluations.
With one evaluation take `nvil`{nvil}, with K of them `rloo`{rloo} or `arms`{arms}.
In networks of several layers K evaluations of `rloo` serve all layers, while `disarm` and `arms` need further ones for each layer.
Never `reinforce` without a baseline{reinforce}.
{black_box}
**Bernoulli variables, f differentiable at fractional values.**
Take `dynamic_rebar`{dynamic_rebar}; `rebar` where its temperature is known{rebar}.
`double_cv` needs df/db at discrete samples only{double_cv}; `relax` where f relaxed is a poor guide to f{relax}.
`muprop` needs df/db at the mean only, and no temperature{muprop}.
{differentiable}
**Categorical variables.**
Unbiased: `dynamic_rebar`{dynamic_rebar_c} or `relax`{relax_c} where f can be relaxed.
Otherwise `nvil`{nvil_c} with one evaluation, `disarm_tree`{disarm_tree_c} or `disarm_sb`{disarm_sb_c} with two,
and `rloo`{rloo_c} or `carms`{carms_c}, whose samples are antithetic, with K of them.
`ars` and `arsm` are baselines. With the derivative at discrete samples only, `double_cv`; `arm`, `disarm` and `arms` are for Bernoulli
variables only. For VAEs the relaxations (docs/add_a_relaxation.md) train through relaxed codes instead, which is another objective.
{categorical}
**Bias is acceptable, variance is not (early training, search).**
Take `reinmax`{reinmax_c},
which is a second-order straight-through estimator, or `gumbel_rao`{gumbel_rao_c},
which is `st_gumbel_softmax`{st_gumbel_softmax_c}
averaged over the noise that gives the same sample.
`straight_through`{straight_through_c}
has no temperature to tune.
`concrete` at a tuned temperature{concrete_c}: its gradient is exact for the relaxed objective, which may be what is wanted.
Check at the end: `igr variance RUN_FOLDER` measures the bias at the weights that were reached.
{biased}
**The objective is a bound with K samples, log mean_k exp f(b_k).**
`vimco` or `ovis` for any variables, `local_disarm` for Bernoulli ones; all unbiased for the bound itself. `ovis` with
gamma=1 adds the gradient of `rws`, which follows the posterior instead, and `tvo` takes a path between the two.
`ovis_mc` spends further samples on its baselines.
The estimators above are of E[f(b)], K = 1: with them the same K evaluations average K gradients.
For Gaussian latents see [objectives.md](objectives.md).
{bound}
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
    titles, planned = discovery.plot_module(TRAINING_RUNS).MODELS, planned_estimators()
    text = [TRAINING.format(times=about_minutes(rows))]
    for model, part in rows.groupby("model", sort=False):
        ranked = part.sort_values("bound_mean", ascending=False, kind="stable")
        shown = pd.DataFrame(
            {
                "estimator": ranked["method"],
                "unbiased": [_unbiased(facts.get(name)) for name in ranked["method"]],
                "evaluations a step": ranked["evaluations a step"],
                "test L_100": [
                    f"{mean:.2f}" if pd.isna(spread) else f"{mean:.2f} ± {spread:.2f}"
                    for mean, spread in zip(ranked["bound_mean"], ranked["bound_sd"])
                ],
                "seeds": ranked["seeds"],
                "minutes": [decimals(minutes, 1) for minutes in ranked["minutes_mean"]],
            }
        )
        if "relative_step_time" in ranked:
            times = [decimals(value, 2) for value in ranked["relative_step_time"]]
            shown.insert(shown.columns.get_loc("minutes"), "time of a step", times)
        sentences = [best(ranked, facts), by_evaluations(ranked, facts), completeness(ranked, planned.get(model, 0))]
        title = titles.get(model, model)
        text += [
            f"\n### {title[:1].upper()}{title[1:]}\n\n",
            " ".join(filter(None, sentences)),
            "\n\n",
            markdown(shown),
        ]
    return "".join(text)


def _unbiased(known: Known | None) -> str:
    """An estimator from outside the registry states nothing here."""
    return "-" if known is None else "yes" if known.unbiased else "NO"


def planned_estimators() -> dict[str, int]:
    """Returns the number of estimators that `suite/training` runs at quick scale, by model."""
    experiment, model_of = discovery.find(TRAINING_RUNS), discovery.plot_module(TRAINING_RUNS).model_of
    planned: dict[str, set[str]] = {}
    for config in expand(experiment, "quick", TRAINED.parent).runs.values():
        row = {"kind": type(config).__name__} | flatten(config.to_dict())
        if "model.estimator" in row:  # a run that trains; the others measure variances
            planned.setdefault(model_of(row), set()).add(row["model.estimator"])
    return {model: len(names) for model, names in planned.items()}


def of_elbo(ranked: pd.DataFrame, facts: Mapping[str, Known]) -> pd.DataFrame:
    """Returns the rows of estimators that train the ELBO, with a column `unbiased`; those of other objectives and those
    from outside the registry are left out."""
    known = ranked["method"].map(facts)
    kept = ranked[[isinstance(each, Known) and each.target == "expectation" for each in known]]
    return kept.assign(unbiased=pd.Series([facts[name].unbiased for name in kept["method"]], kept.index, dtype=bool))


def best(ranked: pd.DataFrame, facts: Mapping[str, Known]) -> str:
    """Returns the sentence on the best unbiased and the best biased estimator of a model's ranked rows."""
    rows = of_elbo(ranked, facts)
    unbiased, biased = rows[rows["unbiased"]], rows[~rows["unbiased"]]
    if unbiased.empty or biased.empty:
        return f"{ranked['method'].iloc[0]} reached the best bound."
    gap = unbiased["bound_mean"].iloc[0] - biased["bound_mean"].iloc[0]
    words = f"{abs(gap):.2f} nats {'ahead of' if gap > 0 else 'behind'}"
    return (
        f"Of the estimators that train the ELBO, the best unbiased one is {unbiased['method'].iloc[0]}, {words} the best "
        f"biased one, {biased['method'].iloc[0]}."
    )


def by_evaluations(ranked: pd.DataFrame, facts: Mapping[str, Known]) -> str:
    """Returns the sentence on the best unbiased estimators of each number of evaluations a step."""
    rows = of_elbo(ranked, facts)
    groups = rows[rows["unbiased"]].groupby("evaluations a step", sort=True)
    firsts = [f"{each:g}: {part['method'].iloc[0]} ({part['bound_mean'].iloc[0]:.1f})" for each, part in groups]
    return f"Best unbiased ones by evaluations a step: {'; '.join(firsts)}." if len(firsts) > 1 else ""


def completeness(ranked: pd.DataFrame, planned: int) -> str:
    """Returns the sentences on estimators and seeds that are missing; empty where none is."""
    few = ranked[ranked["seeds"] < SEEDS]["method"].tolist()
    text = f"Runs of {len(ranked)} of {planned} estimators are here." if len(ranked) < planned else ""
    if few:
        who = "all of them" if len(few) == len(ranked) else ", ".join(few)
        text += f" The order may still change, since fewer than {SEEDS} seeds are finished: {who}."
    return text.strip()


def leaders(rows: pd.DataFrame, models: Sequence[str], asked: Callable[[Facts], bool]) -> str:
    """Returns the list of the estimators that reached the best bounds of some models; empty where none was trained.

    Args:
      rows: as in `training`.
      models: their names in the rows.
      asked: whether the case of the advice is one for an estimator.
    """
    facts = {label(name): cls.facts for name, cls in registered().items()}
    titles, found = discovery.plot_module(TRAINING_RUNS).MODELS, []
    for model in models if len(rows) else ():
        part = rows[rows["model"] == model].sort_values("bound_mean", ascending=False, kind="stable")
        fitting = [row for row in part.itertuples() if row.method in facts and asked(facts[row.method])]
        names = [f"`{facts[row.method].name}` {row.bound_mean:.1f}" for row in fitting[:LEADERS]]
        found += [f"- {titles[model]}: {', '.join(names)}\n"] if names else []
    return "".join(["\nBest in training with equal evaluations, by test L_100:\n\n", *found]) if found else ""


def trained() -> pd.DataFrame:
    """Returns the committed table of `suite/training`, empty without it."""
    return pd.read_csv(TRAINED) if TRAINED.exists() else pd.DataFrame()


def advice(measurements: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Returns the advice with its numbers: {name} holds those for Bernoulli variables, {name_c} for categorical ones,
    and the name of a case the list of its best estimators in training, see `leaders`."""

    def beside(name: str, kind: str) -> str:
        variance, time, bias = (number(measurements, kind, name, column) for column in COLUMNS)
        facts, samples = registered()[name].facts, KNOWN[name].settings.get("samples")
        shown = [f"K = {samples}"] if facts.hard == "K" else []
        shown += [f"variance {variance}", f"time {time}"]
        if not facts.unbiased:
            shown.append("bias too small to measure" if bias == "0" else f"bias {bias} of the gradient's norm")
        return "" if variance == "-" else f" ({', '.join(shown)})"

    texts = {
        f"{name}{suffix}": beside(name, kind)
        for suffix, kind in (("", "bernoulli"), ("_c", "categorical"))
        for name in registered()
    }
    of_mean = {
        "black_box": (BERNOULLI, lambda facts: facts.unbiased and not (facts.differentiates or facts.relaxed)),
        "differentiable": (BERNOULLI, lambda facts: facts.unbiased and bool(facts.differentiates or facts.relaxed)),
        "categorical": (CATEGORICAL, lambda facts: facts.unbiased),
        "biased": ((*BERNOULLI, *CATEGORICAL), lambda facts: not facts.unbiased),
    }
    cases = {
        case: leaders(rows, models, lambda facts, asked=asked: facts.target == "expectation" and asked(facts))
        for case, (models, asked) in of_mean.items()
    }
    cases["bound"] = leaders(rows, (*BERNOULLI, *CATEGORICAL), lambda facts: facts.target != "expectation")
    return ADVICE.format(**texts, **cases)


def document() -> str:
    """Returns the text of docs/choose_an_estimator.md."""
    measurements, rows = measured(), trained()
    text = HEAD + PICTURE + table(measurements) + training(rows) + tracking() + advice(measurements, rows)
    return "\n\n".join(map(_in_width, text.split("\n\n")))


def _in_width(block: str) -> str:
    """The block with prose filled to the width of the documentation; headings, lists, pictures and tables stay."""
    first, _, rest = block.partition("\n")
    if first.startswith("**"):
        return f"{first}\n{_in_width(rest)}"
    if not block or block.startswith(("#", "|", "- ", "![", "\n")):
        return block
    filled = textwrap.fill(block, WIDTH, break_long_words=False, break_on_hyphens=False)
    return f"{filled}\n" if block.endswith("\n") else filled


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
    print(f"wrote {PLACE}")
