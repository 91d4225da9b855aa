"""Griffe reads the package's docstrings as Google style; this extension writes some of their habits so that it can."""

import re
import textwrap

import griffe

BLOCK = r"\n((?:[ ]{2}.*\n|\n)+)"
EXAMPLE = re.compile(rf"^Example:{BLOCK}", re.MULTILINE)
RETURNS = re.compile(rf"^Returns:{BLOCK}", re.MULTILINE)
SECTION = re.compile(r"^(?=(?:Args|Attributes|Raises|Returns|Yields):\n)", re.MULTILINE)
SOURCE = re.compile(r"^Source: ", re.MULTILINE)
SEVERAL = re.compile(r"^([ ]+)((?:\*{0,2}\w+, )+\*{0,2}\w+): (.*\n(?:\1[ ]+.*\n)*)", re.MULTILINE)


def rewritten(text: str) -> str:
    """A docstring, without the indentation of its code, as griffe is to read it.

    Every section begins behind a blank line. An example becomes a block of code, the source is set off, `a, b: meaning`
    stands for both arguments, and what is returned becomes prose, in which a colon introduces no type.
    """
    text = SECTION.sub("\n", text.strip() + "\n")
    text = EXAMPLE.sub(
        lambda found: "**Example**\n\n" + textwrap.indent(textwrap.dedent(found[1]), "    ") + "\n", text
    )
    text = RETURNS.sub(lambda found: "\n**Returns:** " + textwrap.dedent(found[1]).strip() + "\n\n", text)
    text = SEVERAL.sub(lambda found: "".join(f"{found[1]}{name}: {found[3]}" for name in found[2].split(", ")), text)
    return SOURCE.sub("\n**Source:** ", text).strip()


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **options) -> None:
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)
