"""DReG: the claims of the abstract and, as far as they are recalled, of the figures, and the comparisons of runs that
test them.

igr findings dreg --scale quick --write docs/dreg_findings.md
"""

from igr_suite.families.iwae.plots.rows import epochs_of, last_bounds, last_epochs, tracked_rows
from igr_suite.families.iwae.plots.tables import DOUBLY
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis

TITLE = "What the DReG paper claims, and what the runs here say"
INTRODUCTION = """Written by `igr findings dreg --scale {scale} --write docs/dreg_findings.md` from finished runs on full MNIST, dynamic
binarisation. The paper shows curves and no table: its claims are signs. Those of the abstract were read; those of the figures are recalled
(docs/papers/dreg.md, section 4) and are tested as hypotheses, not assumed. The paper trains for 5,000,000 steps, scale
quick for up to 31,260: there a verdict is about the first epochs, not about convergence.

A claim predicts the sign of paired differences (equal seeds: weights, images, binarisation and noise). With m comparisons an interval
covers 1 - 0.05/m (Bonferroni), so that all intervals of a claim hold together with 95% confidence. *confirmed*: every comparison lies
clearly where the claim has it; *not confirmed*: at least one lies clearly on the other side; *undecided*: neither; *not
measured*: runs are missing. Bounds are L_64 of the test images, in nats an image; variances are those of the inference network's
gradient, moving averages, log10 of the mean over the last epoch."""

FIGURE_2, FIGURE_3, FIGURE_4 = "dreg/figure_2_mnist", "dreg/figure_3_samples_and_mixtures", "dreg/figure_4_structured"
FIXED, TRAJECTORY = "dreg/appendix_fixed_model", "dreg/variance_along_trajectory"


def inference(metrics):
    """Rows of the runs that train the inference network alone."""
    return metrics[metrics["start.train"] == "inference"]


def last_tracked(metrics):
    """The last epoch of every tracked estimator."""
    return tracked_rows(epochs_of(metrics).groupby("run_id").tail(1))


def bounds(item, pairs, words="test bound", prepare=last_bounds, **where):
    """One comparison of bounds a pair; `where` fixes other columns on both sides."""
    return [
        Evidence(
            item=item, what=f"{words}: {method} - {other}", value="bound", expected="higher", prepare=prepare, rows="metrics",
            of={"method": method, **where}, against={"method": other, **where},
        )
        for method, other in pairs
    ]  # fmt: skip


def variances(item, pairs=DOUBLY, prepare=last_epochs):
    """One comparison of log10 variances a pair."""
    return [
        Evidence(
            item=item, what=f"log10 variance: {method} - {other}", value="log_variance", expected="lower", prepare=prepare, rows="metrics",
            of={"method": method}, against={"method": other},
        )
        for method, other in pairs
    ]  # fmt: skip


HYPOTHESES = [
    Hypothesis(
        claim="DReG lowers the variance of the inference gradient of IWAE, RWS and JVI",
        source="abstract; Figure 2",
        evidence=variances(FIGURE_2),
        remark="Each method along its own training.",
    ),
    Hypothesis(
        claim="It does so at the same weights: all estimators along one trajectory of IWAE",
        source="the authors' README (var_calc)",
        evidence=variances(TRAJECTORY, prepare=last_tracked),
    ),
    Hypothesis(
        claim="DReG improves the test bound of IWAE, RWS and JVI on MNIST",
        source="abstract; Figure 2",
        evidence=bounds(FIGURE_2, DOUBLY),
        remark="The bound is L_64 for all, for JVI too, whose own value is an estimate and no bound.",
    ),
    Hypothesis(
        claim="On MNIST the biased STL and RWS-DReG do best, RWS-DReG slightly ahead",
        source="Figure 3, recalled",
        evidence=bounds(FIGURE_2, (("STL", "DReG"), ("RWS-DReG", "DReG"), ("RWS-DReG", "STL"))),
    ),
    Hypothesis(
        claim="RWS gains on IWAE as the number of samples grows",
        source="Figure 3, recalled",
        evidence=[
            Evidence(
                item=FIGURE_3,
                what="gain of RWS on IWAE: K = 64 less K = 8",
                value="gain_iwae",
                expected="higher",
                prepare=last_bounds,
                rows="metrics",
                of={"method": "RWS", "samples": 64},
                against={"method": "RWS", "samples": 8},
            )
        ],
    ),  # fmt: skip
    Hypothesis(
        claim="On MNIST mixtures with much RWS-DReG beat DReG",
        source="Figure 3, recalled",
        evidence=bounds(FIGURE_3, (("DReG(0.75)", "DReG"), ("DReG(0.9)", "DReG")), "test bound, K = 8", samples=8),
    ),
    Hypothesis(
        claim="DReG improves IWAE, RWS and JVI in structured prediction",
        source="abstract; Figure 4, recalled",
        evidence=bounds(FIGURE_4, DOUBLY, "test bound, lower half given the upper"),
    ),
    Hypothesis(
        claim="At a fixed model the estimators with less variance train a better inference network",
        source="appendix, recalled",
        evidence=bounds(
            FIXED, DOUBLY[:2], "test bound, q alone trained", prepare=lambda rows: last_bounds(inference(rows))
        ),
    ),
]
