"""The registry of relaxations, in which configs, the command line and the tests find a distribution by its name."""

from collections.abc import Callable

from igr_suite.errors import UserError, nearest

RELAXATIONS: dict[str, type] = {}


def register(name: str) -> Callable[[type], type]:
    """Class decorator that registers a relaxation under a name."""

    def enter(distribution: type) -> type:
        RELAXATIONS[name] = distribution
        return distribution

    return enter


def relaxation(name: str) -> type:
    """Returns the class of a relaxation.

    Args:
      name: "GS", "IGR_I", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGR_Planar", "IGSM" or "GSP".
    Raises:
      UserError: unknown name; the message names the nearest one.
    """
    if name not in RELAXATIONS:
        raise UserError(f"unknown relaxation '{name}'; {nearest(name, RELAXATIONS)}")
    return RELAXATIONS[name]
