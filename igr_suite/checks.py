"""What a caller may have given where a number is asked for (never imports TensorFlow or Keras)."""

from numbers import Integral


def number(value) -> float:
    """Returns a real number as a float, and NaN, which no comparison lets pass, for truth values, texts, lists and
    whatever else is none; arrays and tensors without axes are numbers."""
    of_array = getattr(getattr(value, "dtype", None), "name", None)
    if isinstance(value, (bool, str, bytes, type(None))) or of_array == "bool":
        return float("nan")
    try:
        return float("nan") if len(getattr(value, "shape", ())) else float(value)
    except (TypeError, ValueError):
        return float("nan")
    except OverflowError:  # an integer that no float holds
        return float("inf") if value > 0 else float("-inf")


def is_whole(value, least: int | None = None) -> bool:
    """Whether this is an integer, not a truth value, of at least `least`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and (least is None or value >= least)
