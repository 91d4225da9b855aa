"""Half-and-half MNIST: the claims of the original's README and series, and the comparisons of runs that test them
(docs/papers/half_mnist.md, section 1).

igr findings half_mnist --scale quick --write docs/half_mnist_findings.md
"""

from igr_suite.families.half_mnist.plots.losses import LOSS, evaluations
from igr_suite.lab.analysis.hypotheses import Evidence, Hypothesis

TITLE = "What the half-and-half MNIST code claims, and what the runs here say"
INTRODUCTION = """Written by `igr findings half_mnist --scale {scale} --write docs/half_mnist_findings.md` from finished runs. The authors
published sentences and no numbers. A claim predicts the sign of paired differences (equal seeds); with m comparisons an interval covers
1 - 0.05/m, so that all of a claim hold together with 95% confidence. *confirmed*: every comparison lies clearly where the claim has it;
*not confirmed*: at least one lies clearly on the other side; *undecided*: none contradicts, not all support; *not measured*: runs are
missing. Losses are test losses of one code an image, nats per pixel of the lower half."""
ITEM = "half_mnist/estimator_comparison"


def at_epoch(epoch):
    """The test losses after so many epochs, of the runs of the shorter budget, which have several seeds."""

    def pick(metrics):
        rows = evaluations(metrics)
        return rows[(rows["epoch"] == epoch) & (rows["schedule.epochs"] == rows["schedule.epochs"].min())]

    return pick


def lower(method, than, *epochs):
    """A method's loss is lower than another's after each of these numbers of epochs."""
    return tuple(
        Evidence(
            item=ITEM,
            what=f"test loss after {epoch} epoch{'s' if epoch > 1 else ''}, {method} minus {than}",
            value=LOSS,
            of={"method": method},
            against={"method": than},
            expected="lower",
            prepare=at_epoch(epoch),
            rows="metrics",
        )
        for epoch in epochs
    )


HYPOTHESES = (
    Hypothesis(
        claim="Synthetic gradients train faster than the REINFORCE gradients that they learn from.",
        source="README of the original",
        evidence=(*lower("SDNI lin", "REINFORCE", 5, 10, 20), *lower("SDNI lin, Adam", "REINFORCE", 1, 5, 20)),
        remark="At the very first epochs the regression begins at zero: with its SGD it starts behind, with Adam it "
        "does not.",
    ),
    Hypothesis(
        claim="The encoder is trained by them at all: the loss is below that of an encoder left as it began.",
        source="control of this suite",
        evidence=(
            *lower("SDNI lin", "frozen", 5, 20),
            *lower("SDNI lin, no z", "frozen", 5, 20),
            *lower("REINFORCE", "frozen", 5, 20),
        ),
    ),
    Hypothesis(
        claim="Inputs that hold the code and its slope help the synthetic gradient.",
        source="series of the original (inputs 11111 against 11100)",
        evidence=lower("SDNI lin", "SDNI lin, no z", 5, 10, 20),
    ),
    Hypothesis(
        claim="Biased estimators with little noise (straight-through, Gumbel-Softmax) learn faster than both.",
        source="docs/papers/half_mnist.md, section 1.9",
        evidence=(*lower("ST", "SDNI lin", 5, 20), *lower("GS", "SDNI lin", 5, 20), *lower("Gaussian", "GS", 5, 20)),
    ),
    Hypothesis(
        claim="A trained baseline is no better than the batch's mean loss in the first epochs, and better than none.",
        source="docs/papers/half_mnist.md, section 4.1",
        evidence=(*lower("REINFORCE, mr", "REINFORCE", 1, 5), *lower("REINFORCE", "REINFORCE, no baseline", 1, 5, 20)),
        remark="b(x) has the original's ReLU output here, which is dead where it begins negative.",
    ),
)
