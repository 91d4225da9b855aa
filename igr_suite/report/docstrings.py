"""Reads the texts of generated pages from source: first paragraphs of docstrings, and descriptions of fields."""

import ast
import inspect
import re
import textwrap
from dataclasses import is_dataclass


def first_paragraph(thing: object) -> str:
    """Returns the first paragraph of a docstring as one line; "" without a docstring."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def sentences(cls: type) -> dict[str, str]:
    """Returns field -> its description in the source of a dataclass or of one of its bases.

    The description is the text below the field, or its entry under "Fields:" in the class's docstring.
    """
    texts: dict[str, str] = {}
    for base in reversed([base for base in cls.__mro__ if is_dataclass(base)]):
        listed = (inspect.getdoc(base) or "").partition("Fields:\n")[2].partition("\n\n")[0]
        for entry in re.findall(r"^  (\S.*(?:\n    .*)*)", listed, re.MULTILINE):
            names, _, text = entry.partition(": ")
            texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body
        for field, text in zip(body, body[1:]):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                texts[field.target.id] = " ".join(text.value.value.split())
    return texts
