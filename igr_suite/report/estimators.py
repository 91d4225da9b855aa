"""Writes docs/estimators.md and docs/api/formulas.md from the registry: `python -m igr_suite.report.estimators`."""

from pathlib import Path

import pandas as pd

from igr_suite.estimators.base import Estimator, registered
from igr_suite.estimators.names import KNOWN, TARGETS
from igr_suite.lab.runs.files import write_atomically
from igr_suite.plotting.tables import markdown
from igr_suite.report.docstrings import first_paragraph

PLACE = Path(__file__).parents[2] / "docs" / "estimators.md"
PLACE_OF_FORMULAS = PLACE.parent / "api" / "formulas.md"
FORMULAS, TABLE = PLACE_OF_FORMULAS.relative_to(PLACE.parent).as_posix(), f"../{PLACE.name}"  # as links
HEAD = f"""# Gradient estimators

Written from the registry by `python -m igr_suite.report.estimators`; do not edit. All estimate the gradient of a target
with respect to the logits of b: `E[f]`; `bound`, E[log mean_k exp f(b_k)]; `posterior`, -KL(p || q) for the
distribution p(b) ~ q(b) exp f(b); or `path`, the sum of the means of f under distributions q exp(beta f) on the way
from q to p. The last two are self-normalised with K samples, and their mean at this K counts as exact. `unbiased` is
proved either way by tests/statistical/test_conformance.py, and on models by tests/families/sbn/test_sbn_estimators.py
and its neighbours.
`hard` and `relaxed` count evaluations of f for one gradient, at discrete and at fractional b; `L layers` those of a
model with L layers, each counted once; `df/db`: whether f is differentiated with respect to b. Own parameters are
trained on the gradient's variance, or, with *, on a loss of their own. [Their formulas]({FORMULAS}) are in the
classes' docstrings.

"""
FOOT = """
Evaluations are those of the default settings: REBAR and RELAX with `coupling="independent"` take two relaxed ones.
Concrete evaluates one hard sample more where its value is read.

Each of them trains the models that have its kind of variables: sigmoid belief networks and half-and-half MNIST
Bernoulli ones, VAEs of hard codes either kind:

    igr run suite/training --scale smoke --only '*L1nl*' --set model.estimator=arms --set model.options.samples=3

`suite/training` compares them with equal evaluations, [choose_an_estimator.md](choose_an_estimator.md) says which one
to take. How to add one, in the package or in a file of your own: [add_an_estimator.md](add_an_estimator.md).
"""
HEAD_OF_FORMULAS = f"""# Formulas of the estimators

Written from the registry by `python -m igr_suite.report.estimators`; do not edit. Every registered estimator, in
alphabetical order of their names, which are those of [the table of estimators]({TABLE}). The arguments are
settings: `get("rebar", temperature=0.3)`. All have the methods of `Estimator` ([igr_suite.estimators](estimators.md)).

In the formulas theta = sigmoid(logits), u and v are uniform noise, f is the objective, and score is the derivative of
log q(b) with respect to the logits.
"""
# Evaluations of a model of L layers, by route; H is `hard` and R `relaxed` of one layer.
LAYERED = {"chains": "{hard}", "pairs": "(L + 1) K", "path": "1"}


def layered(cls: type[Estimator]) -> str:
    """Returns the evaluations that a gradient of a model of L layers needs: "K", "1 + L"."""
    facts = cls.facts
    if cls.route in LAYERED:
        return LAYERED[cls.route].format(hard=facts.hard)
    shared = KNOWN[facts.name].shared if facts.name in KNOWN else 1
    if not shared:
        return f"L {facts.hard}"
    return f"1 + {_further(facts.hard, facts.relaxed)}"


def _further(hard: int | str, relaxed: int) -> str:
    """The evaluations of each layer beside the common one, times L."""
    if isinstance(hard, str):
        return f"{hard.removesuffix('+1')} L" if hard.endswith("+1") else f"({hard} - 1) L"
    number = hard - 1 + relaxed
    return "L" if number == 1 else f"{number} L"


def row(cls: type[Estimator], summary: str) -> dict[str, str]:
    """Returns one row of the table, from an estimator and the first paragraph of its docstring."""
    facts = cls.facts
    return {
        "name": f"`{facts.name}`",
        "what it does": summary,
        "variables": ", ".join(facts.support),
        "target": TARGETS[facts.target],
        "unbiased": "yes" if facts.unbiased else "NO",
        "hard": str(facts.hard),
        "relaxed": str(facts.relaxed),
        "L layers": layered(cls),
        "df/db": "yes" if facts.differentiates else "no",
        "own parameters": ", ".join(facts.parameters) + (" *" if facts.own_loss else "") or "-",
        "source": facts.source,
    }


def document() -> str:
    """Returns the text of docs/estimators.md."""
    rows = [row(cls, first_paragraph(cls)) for _, cls in sorted(registered().items())]
    return HEAD + markdown(pd.DataFrame(rows)) + FOOT


def formulas() -> str:
    """Returns the text of docs/api/formulas.md, into which the site puts the docstrings of the named classes."""
    return HEAD_OF_FORMULAS + "".join(
        f"\n## {name}\n\n::: {cls.__module__}.{cls.__name__}\n"
        "    options: {members: false, heading_level: 3, inherited_members: false}\n"
        for name, cls in sorted(registered().items())
    )


if __name__ == "__main__":
    for place, text in ((PLACE, document()), (PLACE_OF_FORMULAS, formulas())):
        write_atomically(place, text.encode())
        print(f"wrote {place}")
