"""REBAR and RELAX: the claims of the two papers, and the comparisons of runs that test them.

igr findings rebar --scale quick --write docs/rebar_findings.md
"""

import numpy as np

from igr_suite.families.sbn.plots import epoch_rows, tracked_rows
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis
from igr_suite.studies.toy.plots import seed_rows

TITLE = "What the REBAR and RELAX papers claim, and what the runs here say"
INTRODUCTION = """Written by `igr findings rebar --scale {scale} --write docs/rebar_findings.md` from finished runs.
The claims are those of docs/papers/rebar.md, section 5. A claim predicts the sign of paired differences: on the toy
problem of one coin of runs with equal seeds, in belief networks of estimators on one path of the weights or of runs
with equal seeds. With m comparisons an interval covers 1 - 0.05/m (Bonferroni), so that all intervals of a claim hold
together with 95% confidence. *confirmed*: every comparison lies clearly where the claim has it; *not confirmed*: at
least one lies clearly on the other side; *undecided*: neither; *not measured*: runs are missing, or there is one seed
only. REBAR is the one with an adapted temperature, which the suite calls DynamicREBAR; REBAR(0.1) keeps its
temperature. Variances are natural logarithms. Bounds are training bounds F in nats an image, of the best epoch; the
papers train for 2,000,000 steps, scale quick for 4,168, where a verdict is about the first epochs."""

TOY, TRACKING, TABLE, RELAX = "rebar/figure_1_toy", "rebar/tracking", "rebar/table_1_final_bounds", "rebar/relax_table"
DEPTHS = ("1 linear", "2 linear", "nonlinear")
NEAR_HALF, EASY = "Adam 0.01, t=0.499", ("SGD 0.1, t=0.45", "Adam 0.01, t=0.45")
UNBIASED = ("REINFORCE", "SimpleMuProp", "MuProp", "REBAR(0.1)", "DynamicREBAR")


def last_of_toy(metrics):
    """One row a method, setting and seed: loss and log variance at the last step."""
    rows = seed_rows(metrics)
    last = rows[rows["step"] == rows.groupby("setting")["step"].transform("max")]
    return last.assign(log_variance=np.log(last["variance"].where(last["variance"] > 0)))


def last_tracked(metrics):
    """The last epoch of every tracked estimator with the corrected control variate."""
    epochs = epoch_rows(metrics)
    last = epochs[epochs["epoch"] == epochs["epoch"].max()]
    return tracked_rows(last[last["control"] == "corrected"])


def best_epoch(metrics):
    """The best epoch of every run of a belief network that models images."""
    epochs = epoch_rows(metrics[metrics["model.task"] != "sp"])
    return epochs.loc[epochs.groupby("run_id")["train_elbo"].idxmax()]


def best_of_relax(metrics):
    """The best epoch of every run of RELAX's table, by the names of its methods."""
    bests = best_epoch(metrics)
    surrogate = metrics.groupby("run_id")["model.surrogate"].first()
    return bests.assign(method=bests["run_id"].map(surrogate).map({"relaxed": "REBAR"}).fillna("RELAX"))


def toy(setting, pairs, value, expected):
    """One comparison at the end of the toy problem a pair."""
    words = {"loss": "expected loss", "log_variance": "log variance"}[value]
    return tuple(
        Evidence(
            item=TOY,
            what=f"{words}, {setting}: {method} - {other}",
            value=value,
            of={"method": method, "setting": setting},
            against={"method": other, "setting": setting},
            expected=expected,
            pair_on=("repetition",),
            prepare=last_of_toy,
            rows="metrics",
        )
        for method, other in pairs
    )


def tracked(pairs):
    """One comparison of log variances on one path a pair."""
    return tuple(
        Evidence(
            item=TRACKING,
            what=f"log variance: {method} - {other}",
            value="log_variance",
            of={"method": method},
            against={"method": other},
            expected="lower",
            prepare=last_tracked,
            rows="metrics",
        )
        for method, other in pairs
    )


def bounds(item, pairs, prepare):
    """One comparison of training bounds a depth and pair, on MNIST."""
    return tuple(
        Evidence(
            item=item,
            what=f"training bound, MNIST, {depth}: {method} - {other}",
            value="train_elbo",
            of={"method": method, "depth": depth, "data": "binarized_mnist"},
            against={"method": other, "depth": depth, "data": "binarized_mnist"},
            expected="higher",
            prepare=prepare,
            rows="metrics",
        )
        for depth in DEPTHS
        for method, other in pairs
    )


HYPOTHESES = [
    Hypothesis(
        claim="At the same weights REBAR's gradient has a lower variance than MuProp's, SimpleMuProp's and NVIL's",
        source="REBAR, Figure 2; the authors' README",
        evidence=tracked((("DynamicREBAR", "MuProp"), ("DynamicREBAR", "SimpleMuProp"), ("DynamicREBAR", "NVIL"))),
    ),
    Hypothesis(
        claim="An adapted temperature is at least as good as a tuned one",
        source="REBAR, Figure 2; the authors' README",
        evidence=tracked((("DynamicREBAR", "REBAR"),)),
        remark="The tuned temperature of the tracking is 0.5.",
    ),
    Hypothesis(
        claim="MuProp and SimpleMuProp lie between REBAR and NVIL",
        source="the authors' README",
        evidence=tracked(
            (("MuProp", "NVIL"), ("SimpleMuProp", "NVIL"), ("REBAR", "MuProp"), ("REBAR", "SimpleMuProp"))
        ),
    ),
    Hypothesis(
        claim="Concrete, which is biased, ends above the losses of the unbiased estimators on the toy problem",
        source="REBAR, Figure 1",
        evidence=[
            evidence
            for setting in EASY
            for evidence in toy(setting, [("Concrete", other) for other in UNBIASED], "loss", "higher")
        ],
    ),
    Hypothesis(
        claim="REBAR's variance ends below REINFORCE's, SimpleMuProp's and MuProp's on the toy problem",
        source="REBAR, Figure 1",
        evidence=[
            evidence
            for setting in EASY
            for evidence in toy(
                setting,
                [("DynamicREBAR", other) for other in ("REINFORCE", "SimpleMuProp", "MuProp")],
                "log_variance",
                "lower",
            )
        ],
        remark="Each estimator is measured at the weights of its own training. With SGD, all of them come close to a coin "
        "that never shows heads, where every variance vanishes.",
    ),
    Hypothesis(
        claim="RELAX solves the toy problem at t = 0.499 sooner than REBAR and REINFORCE",
        source="RELAX, Figure 1",
        evidence=toy(
            NEAR_HALF, (("RELAX", "DynamicREBAR"), ("RELAX", "REBAR(0.1)"), ("RELAX", "REINFORCE")), "loss", "lower"
        ),
        remark="Losses at the end of the runs, which all have equal lengths.",
    ),
    Hypothesis(
        claim="REBAR reaches a better training bound than NVIL and MuProp",
        source="REBAR, Table 1",
        evidence=bounds(TABLE, (("DynamicREBAR", "NVIL"), ("DynamicREBAR", "MuProp")), best_epoch),
    ),
    Hypothesis(
        claim="RELAX's training bound is at least REBAR's",
        source="RELAX, appendix",
        evidence=bounds(RELAX, (("RELAX", "REBAR"),), best_of_relax),
    ),
]
