"""Markup of the page: `fill` makes all of it and escapes every text that it is given."""

import html
import math
from collections.abc import Iterable

from igr_suite.terminal import shown

LONG = 45  # characters of a cell that may be broken into lines


class Html(str):
    """Markup, as opposed to text, which may contain anything."""


def fill(template: str, *values: object) -> Html:
    """Returns a template with values in its places `{}`; the only function that makes markup.

    Args:
      template: markup from the source code, with attributes in double quotes.
      *values: `Html` is inserted as it is. Everything else is text that may come from a file: markup in it is escaped,
        and control characters are shown by their numbers.
    """
    return Html(
        template.format(
            *(value if isinstance(value, Html) else html.escape(shown(value), quote=True) for value in values)
        )
    )


def joined(parts: Iterable[Html], between: str = "") -> Html:
    """Returns pieces of markup one after another."""
    return Html(between.join(parts))


def table(heads: list[str], rows: list[Html], numeric: tuple[int, ...] = (), kind: str = "") -> Html:
    """Returns a sortable table; rows are cells in HTML, `numeric` columns are aligned to the right."""
    head = joined(
        fill(
            '<th scope="col"{}><button type="button">{}</button></th>',
            Html(" class=number" if i in numeric else ""),
            text,
        )
        for i, text in enumerate(heads)
    )
    body = joined(fill("<tr>{}</tr>", row) for row in rows)
    template = '<div class="wide"><table class="sortable {}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    return fill(template, kind, head, body)


def cell(text: str, value: float | None = None, kind: str = "") -> Html:
    """Returns a cell; it is sorted by its text, or by `value` where that is given."""
    number = isinstance(value, (int, float)) and math.isfinite(value)
    sort = fill(' data-value="{}"', value) if number else Html()
    long = "long" if not isinstance(text, Html) and len(text) > LONG else ""
    classes = " ".join(dict.fromkeys(filter(None, [kind.replace(" ", "-"), "number" if number else "", long])))
    return fill("<td{}{}>{}</td>", sort, fill(' class="{}"', classes) if classes else Html(), text)


def columns_of_numbers(rows: list[list[str]]) -> tuple[int, ...]:
    """Returns the columns whose cells all begin with a number; "-" and empty cells do not count."""
    width = max((len(row) for row in rows), default=0)
    columns = [[row[i] for row in rows if i < len(row) and row[i] not in ("-", "")] for i in range(width)]
    return tuple(
        i for i, cells in enumerate(columns) if cells and all(leading_number(text) is not None for text in cells)
    )


def leading_number(text: str) -> float | None:
    """Returns the number that a cell begins with, as '-98.2 ± 0.3' and '18 s' do; None for 'MNIST' and '2-5-S'."""
    first = text.split(" ")[0].replace(",", "").rstrip("%")
    try:
        return float(first)
    except ValueError:
        return None
