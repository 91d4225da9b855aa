"""Writes docs/estimators.md from the registry: `python -m igr_suite.report.estimators`."""

from pathlib import Path

import pandas as pd

from igr_suite.estimators.base import Facts, registered
from igr_suite.lab.runs.files import write_atomically
from igr_suite.plotting.tables import markdown
from igr_suite.report.docstrings import first_paragraph

PLACE = Path(__file__).parents[2] / "docs" / "estimators.md"
HEAD = """# Gradient estimators

Written from the registry by `python -m igr_suite.report.estimators`; do not edit. All estimate the gradient of E[f(b)] (bound: of
E[log mean_k exp f(b_k)]) with respect to the logits of b. `unbiased` is proved either way by tests/statistical/test_conformance.py. `hard`
and `relaxed` count evaluations of f for one gradient, at discrete and at fractional b; `df/db`: whether f is differentiated with respect
to b. Own parameters are trained on the gradient's variance, or, with *, on a loss of their own. Formulas are in the classes' docstrings.

"""
FOOT = """
Evaluations are those of the default settings: REBAR and RELAX with `coupling="independent"` take two relaxed ones. Concrete evaluates one
hard sample more where its value is read. How to add one: [add_an_estimator.md](add_an_estimator.md).
"""


def row(facts: Facts, summary: str) -> dict[str, str]:
    """Returns one row of the table, from an estimator's facts and the first paragraph of its docstring."""
    return {
        "name": f"`{facts.name}`",
        "what it does": summary,
        "variables": ", ".join(facts.support),
        "target": "E[f]" if facts.target == "expectation" else "bound",
        "unbiased": "yes" if facts.unbiased else "NO",
        "hard": str(facts.hard),
        "relaxed": str(facts.relaxed),
        "df/db": "yes" if facts.differentiates else "no",
        "own parameters": ", ".join(facts.parameters) + (" *" if facts.own_loss else "") or "-",
        "source": facts.source,
    }


def document() -> str:
    """Returns the text of docs/estimators.md."""
    rows = [row(cls.facts, first_paragraph(cls)) for _, cls in sorted(registered().items())]
    return HEAD + markdown(pd.DataFrame(rows)) + FOOT


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
    print(f"wrote {PLACE}")
