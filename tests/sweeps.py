"""Parameters of tests of which some are met at every change, and all in `make sweep`."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def few(cases: Iterable[Any], met: Callable[[Any], bool]) -> list:
    """Returns the cases, those that are not `met` at every change marked for the sweep.

    Args:
      cases: as for `pytest.mark.parametrize`; a tuple holds the values of several parameters.
      met: whether a case is run at every change.
    """
    return [
        case if met(case) else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.sweep)
        for case in cases
    ]
