"""ReinMax: what the published runs of its VAE benchmark say, what follows for polynomial programming, and the
comparisons of runs that test both.

igr findings reinmax --scale paper
"""

from functools import partial

from igr_suite.families.hard_vae.plots import last_epochs
from igr_suite.families.hard_vae.presets import CODES
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis
from igr_suite.studies.polynomial.plots import last_rows

TITLE = "What ReinMax's benchmarks claim, and what the runs here say"
INTRODUCTION = """Written by `igr findings reinmax --scale {scale}` from finished runs.
The published numbers are those of others who ran the ReinMax code with all estimators, one to three seeds each
(docs/papers/reinmax.md, section 4). A claim predicts the sign of paired differences (equal seeds); with m comparisons
an interval covers 1 - 0.05/m, so that all of a claim hold together with 95% confidence. *confirmed*: every comparison
lies clearly where the claim has it; *not confirmed*: at least one lies clearly on the other side; *undecided*: none
contradicts, not all support; *not measured*: runs are missing. Losses are -ELBO of training images, mean over the last
epoch, nats per image; codes are categories x variables."""
VAE, POLYNOMIAL = "reinmax/mnist_vae", "reinmax/polynomial"
SMALL, OTHERS = CODES[:2], CODES[2:]
TUNED = ("Gumbel-Rao", "ST-GS", "GST-1.0", "ST")


def raised(metrics, nats):
    """The last epochs, with ReinMax's losses raised by so many nats."""
    rows = last_epochs(metrics)
    return rows.assign(train=rows["train"] + nats * (rows["method"] == "ReinMax"))


def losses(codes, pairs, nats=0.0, expected="lower"):
    """One comparison of training losses a code and pair."""
    words = f" + {nats:g} nats" if nats else ""
    return tuple(
        Evidence(
            item=VAE,
            what=f"{code}: {method} minus ({other}{words})" if nats else f"{code}: {method} minus {other}",
            value="train",
            of={"method": method, "code": code},
            against={"method": other, "code": code},
            expected=expected,
            prepare=partial(raised, nats=nats),
            rows="metrics",
        )
        for code in codes
        for method, other in pairs
    )


def polynomials(power, pairs):
    """One comparison of the last epoch's loss a pair."""
    return tuple(
        Evidence(
            item=POLYNOMIAL,
            what=f"p = {power:g}: {method} minus {other}",
            value="loss",
            of={"method": method, "power": power},
            against={"method": other, "power": power},
            expected="lower",
            prepare=last_rows,
            rows="metrics",
        )
        for method, other in pairs
    )


HYPOTHESES = (
    Hypothesis(
        claim="On 8x4 and 4x24 ReinMax ends below Gumbel-Rao, and Gumbel-Rao below ST-GS.",
        source="published runs (docs/papers/reinmax.md, section 4.1)",
        evidence=losses(SMALL, (("ReinMax", "Gumbel-Rao"), ("Gumbel-Rao", "ST-GS"))),
        remark="Published differences are .3 and 1.2 nats on 8x4, .2 and 1.6 on 4x24.",
    ),
    Hypothesis(
        claim="Straight-through ends 10 to 15 nats above ReinMax on 8x4 and 4x24.",
        source="published runs (docs/papers/reinmax.md, section 4.1)",
        evidence=(
            *losses(SMALL, (("ST", "ReinMax"),), 9.5, "higher"),
            *losses(SMALL, (("ST", "ReinMax"),), 15.5, "lower"),
        ),
        remark="Bounds are those of whole nats; published differences are 10.2 on 8x4 and 12.2 on 4x24.",
    ),
    Hypothesis(
        claim="ReinMax is the best of the five tuned estimators on 8x4 and 4x24.",
        source="published runs (docs/papers/reinmax.md, section 4.1)",
        evidence=losses(SMALL, tuple(("ReinMax", other) for other in TUNED)),
    ),
    Hypothesis(
        claim="ReinMax is the best of the five tuned estimators on the four larger codes.",
        source="published runs (docs/papers/reinmax.md, section 4.1)",
        evidence=losses(OTHERS, tuple(("ReinMax", other) for other in TUNED)),
        remark="No published run of ST was read for 10x30.",
    ),
    Hypothesis(
        claim="In polynomial programming ReinMax ends below all others at temperature 1, for p = 1.5, 2 and 3.",
        source="derived (docs/papers/reinmax.md, section 5)",
        evidence=tuple(
            comparison
            for power in (1.5, 2.0, 3.0)
            for comparison in polynomials(power, tuple(("ReinMax", other) for other in (*TUNED, "ReinMax-Rao")))
        ),
        remark="Their mean gradients vanish away from the optimum, for p = 2 straight-through's at a loss of .2475.",
    ),
)
