"""How the compiled loop of a run's steps is made: by XLA as one program, or as TensorFlow's graph (never imports
TensorFlow).

Each family has the choice that was faster where it was measured (docs/performance.md); which is faster depends on the
processor. `training/compiling.py` carries the choice out. Like threads, it belongs to the machine and is not part of a
run's config or name, but the two round differently, so it is written to meta.json and to the checkpoints.
"""

import os
from collections.abc import Mapping

from igr_suite.errors import UserError, nearest

CHOICES = {
    "xla": "one program by XLA",
    "graph": "TensorFlow's graph, whose products are oneDNN's",
    "measure": "whichever is faster in a few seconds before the first step",
}
VARIABLE = "IGR_COMPILER"  # environment variable


def chosen(environment: Mapping[str, str] = os.environ) -> str | None:
    """Returns the choice that the environment asks for, None where it leaves it to the family.

    Raises:
      UserError: it is none of `CHOICES`.
    """
    name = environment.get(VARIABLE) or None
    if name is not None and name not in CHOICES:
        raise UserError(f"{VARIABLE} is '{name}': {nearest(name, CHOICES)}")
    return name


def check(strategy: str | None, environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where the choice is none of `CHOICES`, or needs XLA on several devices."""
    name = chosen(environment)
    if strategy is not None and name not in (None, "graph"):
        raise UserError(
            f"{VARIABLE} is '{name}', and XLA compiles the steps for one device only; leave --strategy out, or unset "
            f"{VARIABLE}"
        )
