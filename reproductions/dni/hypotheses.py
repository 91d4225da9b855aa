"""DNI: the claims of the paper and of the Torch code's README, and the comparisons of runs that test them.

igr findings dni --scale quick --write docs/dni_findings.md
"""

from igr_suite.families.dni.plots import copy_named, evaluated, named
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis

TITLE = "What is claimed of synthetic gradients, and what the runs here say"
INTRODUCTION = """Written by `igr findings dni --scale {scale} --write docs/dni_findings.md` from finished runs on full MNIST. Claims of
the paper are recalled (docs/papers/dni.md, sections 3.1 to 3.3), those of the Torch code's README were read. The paper
trains for 500,000 steps; scale quick for 585 (3 epochs): there a verdict on its networks is about the beginning of
training.

A claim predicts the sign of paired differences (equal seeds). With m comparisons an interval covers 1 - 0.05/m (Bonferroni), so that all
intervals of a claim hold together with 95% confidence. *confirmed*: every comparison lies clearly where the claim has it; *not
confirmed*: at least one lies clearly on the other side; *undecided*: neither; *not measured*: runs are missing. Errors are of the test
images, in per cent."""

TABLE, TORCH, COPY = "dni/table_1", "dni/torch_dni", "dni/rnn_copy"


def connected(runs):
    """Fully connected networks after equally many steps."""
    runs = every_length(runs)
    return runs[runs["steps"] == runs["steps"].min()]


def every_length(runs):
    """Fully connected networks."""
    runs = named(runs)
    return runs[runs["network"].str.startswith("FCN")]


def longest(runs):
    """Those that were trained for longest."""
    runs = every_length(runs)
    return runs[runs["steps"] == runs["steps"].max()]


def growth(runs):
    """Error at six layers minus that at three, by method: column `growth`."""
    errors = connected(runs).pivot_table(index=["method", "seed"], columns="depth", values="test error")
    return (errors[6] - errors[3]).rename("growth").dropna().reset_index()


def epochs(number):
    """The evaluation after so many epochs."""

    def pick(metrics):
        rows = evaluated(metrics)
        return rows[rows["epoch"] == number]

    return pick


def error(what, of, against, expected, item=TABLE, prepare=connected, rows="runs"):
    """One comparison of test errors."""
    return Evidence(
        item=item, what=what, value="test error", of=of, against=against, expected=expected, prepare=prepare, rows=rows
    )


HYPOTHESES = [
    Hypothesis(
        claim="Unconditional DNI suffers from depth, cDNI less",
        source="DNI paper, Table 1, recalled",
        evidence=[
            error("error of DNI, 6 - 3 layers", {"method": "DNI", "depth": 6}, {"method": "DNI", "depth": 3}, "higher"),
            Evidence(
                item=TABLE,
                what="growth of the error from 3 to 6 layers, cDNI - DNI",
                value="growth",
                prepare=growth,
                of={"method": "cDNI"},
                against={"method": "DNI"},
                expected="lower",
            ),
        ],
    ),  # fmt: skip
    Hypothesis(
        claim="Label-conditioned DNI does not suffer from depth",
        source="DNI paper, Table 1, recalled: 2.2% at 3 layers, 1.6% at 6",
        remark="Judged for the longest runs of cDNI, 5,850 steps (30 epochs) at scale quick; after 585 steps it still "
        "does (see 1).",
        evidence=[
            error(
                "error of cDNI, 6 - 3 layers",
                {"method": "cDNI", "depth": 6},
                {"method": "cDNI", "depth": 3},
                "lower",
                prepare=longest,
            )
        ],
    ),
    Hypothesis(
        claim="Decoupled hidden layers learn: both DNI and cDNI beat training the last layer alone",
        source="DNI paper, Table 1, recalled",
        evidence=[
            error(
                f"error, {method} - no Bprop, {depth} layers",
                {"method": method, "depth": depth},
                {"method": "no Bprop", "depth": depth},
                "lower",
            )
            for method in ("DNI", "cDNI")
            for depth in (3, 6)
        ],
    ),
    Hypothesis(
        claim="Synthesisers of examples' gradients learn better than those of the batch mean's",
        source="docs/papers/dni.md, section 4.2, one seed of a replication",
        evidence=[
            error(
                f"error of B-cdni at epoch {number}, per example - per batch",
                {"scale": "example", "model.method": "cdni"},
                {"scale": "batch", "model.method": "cdni"},
                "lower",
                TORCH,
                epochs(number),
                "metrics",
            )
            for number in (5, 30)
        ],
    ),
    Hypothesis(
        claim="An LSTM learns longer sequences with synthetic gradients than by truncated back-propagation with the "
        "same window",
        source="DNI paper, RNN table, recalled",
        evidence=[
            Evidence(
                item=COPY,
                what=f"length mastered, T = {window}, DNI - BPTT",
                value="mastered",
                prepare=copy_named,
                of={"method": "DNI", "T": window},
                against={"method": "BPTT", "T": window},
                expected="higher",
            )
            for window in (2, 3, 4, 5)
        ],
    ),  # fmt: skip
]
