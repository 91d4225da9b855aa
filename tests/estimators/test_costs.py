"""Formulas of numbers of evaluations."""

import pytest

from igr_suite.errors import UserError
from igr_suite.estimators.costs import evaluate


@pytest.mark.parametrize(
    ("formula", "shape", "expected"),
    [
        (2, (3,), 2),
        ("K", (3,), 5),
        ("2K", (3,), 10),
        ("V(C-1)+1", (3,), 4),
        ("V(C-1)+1", (2, 4), 7),
        ("C(C-1)/2+1", (2, 4), 7),
        ("C", (2, 4), 4),
    ],
)
def test_formulas(formula, shape, expected):
    assert evaluate(formula, 5, shape) == expected


def test_auxiliary_samples_count():
    assert evaluate("K+S", 5, (3,), auxiliary=8) == 13


@pytest.mark.parametrize("formula", ["D + 1", "K)", "__import__('os')", "K ** 2"])
def test_other_formulas_are_refused(formula):
    with pytest.raises(UserError, match="is not a number of evaluations"):
        evaluate(formula, 5, (3,))
