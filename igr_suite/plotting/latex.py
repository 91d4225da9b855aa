"""Texts and tables for LaTeX: characters that it would take for commands are escaped, names of bounds become formulas,
and numbers of a column stand with their points one below the other."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

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


def table(cells: pd.DataFrame, caption: str, label: str) -> str:
    """Returns a table in the style of the package booktabs, with caption and label; no other package is needed.

    In a column of numbers, also with spreads ("-98.21 ± 0.34") and words behind them, points and ± stand one below the
    other: what a number lacks on either side is filled with phantoms.

    Args:
      cells: numbers and texts for people.
      caption, label: plain texts; the label follows "tab:".
    """
    columns = [_column([str(value) for value in cells.iloc[:, i]]) for i in range(cells.shape[1])]
    heads = [_text(str(name)) for name in cells.columns]
    rows = [" & ".join(cell) + r" \\" for cell in zip(*columns)]
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_text(' '.join(caption.split()))}}}",
        rf"  \label{{tab:{label}}}",
        rf"  \begin{{tabular}}{{{'l' * len(heads)}}}",
        r"    \toprule",
        "    " + " & ".join(heads) + r" \\",
        r"    \midrule",
        *(f"    {row}" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(["% in the preamble: \\usepackage{booktabs}", *lines]) + "\n"


class _Number(NamedTuple):
    """A cell '-98.21 ± 0.34 (2 seeds)' in parts: '-98', '.21', '0', '.34', ' (2 seeds)'."""

    whole: str
    part: str
    spread: str
    spread_part: str
    words: str


NUMBER = re.compile(r"([-+]?\d+)(\.\d+)?(?: ± (\d+)(\.\d+)?)?((?:(?: [(\[]|\*)[^±]*)?)")


def _column(cells: Sequence[str]) -> list[str]:
    """The cells of a column as LaTeX; aligned if all of them are numbers or '-' for none."""
    found = [NUMBER.fullmatch(cell) for cell in cells]
    numbers = [_Number(*(part or "" for part in match.groups())) for match in found if match]
    if not numbers or any(match is None and cell not in ("-", "") for match, cell in zip(found, cells)):
        return [_text(cell) for cell in cells]
    widest = _Number(*(max((number[i] for number in numbers), key=len) for i in range(5)))
    signed = any(number.whole[0] in "+-" for number in numbers)
    digits = max(len(number.whole.lstrip("+-")) for number in numbers)
    aligned = (
        _aligned(_Number(*(part or "" for part in m.groups())), widest, digits, signed) if m else "" for m in found
    )
    return [cell or _text(text) for cell, text in zip(aligned, cells)]


def _aligned(number: _Number, widest: _Number, digits: int, signed: bool) -> str:
    sign = number.whole[0] if number.whole[0] in "+-" else ""
    missing = "0" * (digits - len(number.whole) + len(sign))
    before = _phantom(("{-}" if signed and not sign else "") + missing)
    whole = f"{{{sign}}}{number.whole[1:]}" if sign else number.whole  # braces: no operator between two terms
    after = _phantom(widest.part[len(number.part) :])
    spread = ""
    if number.spread:
        lacking = "0" * (len(widest.spread) - len(number.spread))
        spread = rf" \pm {_phantom(lacking)}{number.spread}{number.spread_part}"
        after_spread = _phantom(widest.spread_part[len(number.spread_part) :]) if number.words else ""
        spread += after_spread
    elif widest.spread and number.words:
        spread = rf" \phantom{{{{}} \pm {widest.spread}{widest.spread_part}}}"
    return f"${before}{whole}{number.part}{after if spread else ''}{spread}${_text(number.words)}"


def _phantom(text: str) -> str:
    return rf"\phantom{{{text}}}" if text else ""


def _text(text: str) -> str:
    return escaped(with_formulas(text))


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in text)
