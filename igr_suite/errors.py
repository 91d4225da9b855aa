"""The one exception that users meet: a sentence that names the thing, the value found and the way out."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input or a bad environment; the CLI prints the sentence without a traceback and exits with 2.

    Attributes:
      reason: what meta.json calls the end of a run that raised it.
    """

    reason = "user_error"


def nearest(name: object, known: Iterable[str]) -> str:
    """Returns the part of a sentence that points from a wrong name to the nearest known ones."""
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}known: {', '.join(known)}"
