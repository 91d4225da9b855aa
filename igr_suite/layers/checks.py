"""Checks of the layers' arguments, each with an error message."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from igr_suite.checks import is_whole
from igr_suite.errors import UserError, nearest


def check_backend(layer: str) -> None:
    """Raises UserError unless Keras runs on TensorFlow."""
    if keras.config.backend() != "tensorflow":
        raise UserError(
            f"{layer} needs Keras on TensorFlow, and Keras runs on {keras.config.backend()}; set "
            f"KERAS_BACKEND=tensorflow before Python starts"
        )


def check_seed(seed) -> int | None:
    """Returns the seed; raises UserError unless it is an integer or None."""
    if seed is None:
        return None
    if not is_whole(seed):
        raise UserError(f"seed must be an integer, or None for a random one, got {seed!r}")
    return int(seed)


def check_name(argument: str, value, known: tuple[str, ...]) -> str:
    """Returns the value; raises UserError unless it is one of the known names."""
    if value not in known:
        raise UserError(f"unknown {argument} {value!r}; {nearest(str(value), known)}")
    return value


def check_prior(prior, default: str, shapes: Mapping[str, tuple[int, ...]]) -> str | dict[str, Any]:
    """Returns the name of a prior, or its given parameters as numbers and nested lists.

    Args:
      prior: the layer's argument.
      default: name of the prior that has no weights.
      shapes: of the parameters, by name.
    Raises:
      UserError: an unknown name, parameters that are missing or unknown, not numbers, or of the wrong shape.
    """
    if not isinstance(prior, Mapping):
        return check_name("prior", prior, (default, "learned"))
    if set(prior) != set(shapes):
        raise UserError(
            f"a given prior needs exactly the parameters {', '.join(shapes)}, got {', '.join(map(str, prior))}; or "
            f"take '{default}' or 'learned'"
        )
    given = {}
    for name, shape in shapes.items():
        try:
            array = np.asarray(prior[name], np.float64)
            np.broadcast_to(array, shape)
        except (TypeError, ValueError):
            raise UserError(
                f"the prior's {name} must be numbers that broadcast to the shape {shape}, got {prior[name]!r}"
            ) from None
        if not np.isfinite(array).all():
            raise UserError(f"the prior's {name} must be finite, got {array[~np.isfinite(array)].flat[0]}")
        given[name] = array.tolist()
    return given
