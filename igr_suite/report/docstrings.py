"""What a generated page says of a class: the first paragraph of its docstring."""

import inspect


def first_paragraph(thing: object) -> str:
    """Returns the first paragraph of a docstring as one line; "" without a docstring."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
