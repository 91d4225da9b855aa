"""Texts for LaTeX: characters that it would take for commands are escaped, and names of bounds become formulas."""

import re

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: "\\" + character for character in "&%$#_{}"},
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "²": r"$^2$",
    "³": r"$^3$",
    "°": r"$^\circ$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "−": r"$-$",
    "τ": r"$\tau$",
    "θ": r"$\theta$",
    "α": r"$\alpha$",
    "–": "--",
    "—": "---",
}
FORMULA = re.compile(r"(?<!\\)\$[^$]*(?<!\\)\$")
# what stands for a formula in plain texts -> the formula
PLAIN = (
    (re.compile(r"(?<![\w-])(-?)L_(\w+)"), r"$\1L_{\2}$"),
    (re.compile(r"\blog10\b"), r"$\\log_{10}$"),
)


def escaped(text: str) -> str:
    """Returns a text that LaTeX sets as it stands; what lies between dollars is a formula and stays."""
    parts, end = [], 0
    for formula in FORMULA.finditer(text):
        parts += [_escaped(text[end : formula.start()]), formula.group()]
        end = formula.end()
    return "".join([*parts, _escaped(text[end:])])


def with_formulas(text: str) -> str:
    """Returns a text with plain names of formulas in mathematical type: 'test L_64' -> 'test $L_{64}$'."""
    for plain, formula in PLAIN:
        text = plain.sub(formula, text)
    return text


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in text)
