"""Writes docs/objectives.md from the registry: `python -m igr_suite.report.objectives`."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from igr_suite.lab.runs.files import write_atomically
from igr_suite.objectives.names import Facts, minimum_samples, references
from igr_suite.objectives.registry import OBJECTIVES, build
from igr_suite.plotting.tables import markdown
from igr_suite.report.docstrings import first_paragraph

PLACE = Path(__file__).parents[2] / "docs" / "objectives.md"
HEAD = """# Importance-weighted objectives

Written from the registry by `python -m igr_suite.report.objectives`; do not edit. With K samples of q and their log-weights an objective
gives coefficients c, d, a (formulas in the classes' docstrings) of the one form of all gradients here,

    g_phi = sum_k c_k v_k dz_k/dphi + sum_k d_k dlog q(z_k)/dphi,   g_theta = sum_k a_k dlog p(x, z_k)/dtheta

with v_k the gradient of log-weight k with respect to z_k. `mean of` names the objective whose inference gradient its own has as mean; `NO`:
it only stands for it. `bound`: the reported value is a lower bound of log p(x). `K`: the least number of samples
at default options. `igr_suite/objectives/leaf.py` takes the gradients of any of them, with layers of latents too; `gdreg.py` those of a
learned prior.

"""


def row(name: str) -> dict[str, str]:
    """Returns one row of the table, from an objective's facts and the first paragraph of its docstring."""
    facts, objective = OBJECTIVES[name].facts, build(name)
    stands_for = " + ".join(_described(target, options, facts) for target, options, _ in references(name))
    mean = "itself" if stands_for == name else stands_for if objective.unbiased else f"{stands_for}: NO"
    options = ", ".join(f"{option}={value}" for option, value in facts.options.items())
    return {
        "name": f"`{name}`",
        "title": facts.title,
        "what it does": first_paragraph(OBJECTIVES[name]),
        "mean of": mean,
        "bound": "yes" if facts.bound else "NO",
        "K": str(minimum_samples(name)),
        "options": options or "-",
        "source": facts.source + (" (experimental)" if facts.experimental else ""),
    }


def _described(target: str, options: Mapping[str, object], facts: Facts) -> str:
    """The name of a target, with the options that do not follow from those of the objective that stands for it."""
    fixed = [f"{option}={value}" for option, value in options.items() if option not in facts.options]
    return f"{target} at {', '.join(fixed)}" if fixed else target


def document() -> str:
    """Returns the text of docs/objectives.md."""
    return HEAD + markdown(pd.DataFrame([row(name) for name in sorted(OBJECTIVES)]))


if __name__ == "__main__":
    write_atomically(PLACE, document().encode())
    print(f"wrote {PLACE}")
