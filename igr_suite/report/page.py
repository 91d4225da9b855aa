"""The page: an index, and for every experiment its figures, tables, reference values beside ours, and runs."""

import base64
import html
import math
from collections import Counter
from pathlib import Path

from igr_suite import __version__
from igr_suite.experiments.ledger import RECALLED, SOURCES, VERDICTS, tally
from igr_suite.experiments.progress import clock
from igr_suite.experiments.reading import read_regular
from igr_suite.report.assets import SCRIPT, STYLE
from igr_suite.report.collect import EVALUATIONS, ItemReport, RunRow, ScaleReport

MIME = {".svg": "image/svg+xml", ".png": "image/png"}
LONG = 45  # characters of a cell that may be broken into lines
COUNTED = (
    f"{EVALUATIONS}: function evaluations of training, in millions. One is the likelihood of one image at one value of its latent "
    "variables (a row of a decoder's forward pass; on the toy problem, one value of f): steps × batch × samples × those that one gradient "
    "of the estimator takes. Not counted are encoders, baselines, backward passes, and what evaluates or measures a model."
)
COUNTS = "pass / fail / not comparable"


def page(items: list[ItemReport], source: str) -> str:
    """Returns the whole HTML document.

    Args:
      items: what `collect` found.
      source: the results folder, in words.
    """
    shown, others = [item for item in items if item.scales], [item for item in items if not item.scales]
    states = sum((scale.states for item in shown for scale in item.scales), Counter())
    seconds = sum(row.cost.get("wall s", 0.0) for item in shown for scale in item.scales for row in scale.runs)
    lead = (
        f"{states['finished']} finished runs of {len(shown)} experiments, {clock(seconds)} of computing in all. "
        f"Drawn from {source} by igr-suite {__version__}; needs no network."
    )
    waiting = f"<p>Not run yet: {', '.join(_text(item.name) for item in others)}.</p>" if others else ""
    body = [f'<header id="top"><h1>igr_suite: results</h1><p>{_text(lead)}</p>{waiting}</header>', _index(shown)]
    body += [_item(item) for item in shown]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>igr_suite: results</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(body)
        + f"\n<script>{SCRIPT}</script>\n</body></html>\n"
    )


def _index(items: list[ItemReport]) -> str:
    labels = list(tally(verdict for item in items for scale in item.scales for verdict in scale.verdicts))
    rows = []
    for item in items:
        for scale in item.scales:
            counts = tally(scale.verdicts)
            link = f'<a href="#{_anchor(item, scale)}">{_text(item.name)}</a>'
            total = sum(scale.states.values())
            done = f"{scale.states['finished']}/{total}{'+' * (scale.waiting is not None)}"
            wall = sum(row.cost.get("wall s", 0.0) for row in scale.runs)
            cells = [
                _cell(link, item.name, raw=True),
                _cell(item.title),
                _cell(scale.scale),
                _cell(done, scale.states["finished"]),
            ]
            cells += [_counts(counts.get(label)) for label in labels]
            rows.append("".join([*cells, _cell(clock(wall), wall)]))
    heads = ["experiment", "what", "scale", "runs", *labels, "time"]
    index = _table(heads, rows, numeric=tuple(range(3, len(heads))), kind="index")
    note = f"<p>Reference values beside ours by the kind of their source: {COUNTS}.</p>" if labels else ""
    return f"<nav><h2>Experiments</h2>{note}{index}</nav>{_sources(items, labels)}"


def _sources(items: list[ItemReport], labels: list[str]) -> str:
    """What every kind of source means, and what came out of its values at each scale."""
    if not labels:
        return ""
    scales = {name: [] for item in items for name in (scale.scale for scale in item.scales)}
    for item in items:
        for scale in item.scales:
            scales[scale.scale] += scale.verdicts
    totals, kinds, rows = (
        {name: tally(verdicts) for name, verdicts in scales.items()},
        {kind.name: kind for kind in SOURCES.values()},
        [],
    )
    for label in labels:
        heading, meaning = (kinds[label].heading, kinds[label].meaning) if label in kinds else (label, RECALLED)
        rows.append("".join([_cell(heading), _cell(meaning), *(_counts(totals[name].get(label)) for name in scales)]))
    heads = ["source", "which is", *(f"{name} scale" for name in scales)]
    return (
        f"<aside><h2>Sources of reference values</h2><p>The last columns: {COUNTS}. "
        "Ranks and signs are judged at 95% confidence over seeds.</p>"
        f"{_table(heads, rows, numeric=tuple(range(2, len(heads))), kind='sources')}</aside>"
    )


def _counts(counts: Counter | None) -> str:
    """A cell '6 / 0 / 12', sorted by what passes; '-' where there is no value."""
    if not counts:
        return _cell("-", -1)
    colour = "fail" if counts["fail"] else "pass" if counts["pass"] else "not comparable"
    return _cell(" / ".join(str(counts[word]) for word in VERDICTS), counts["pass"], colour)


def _item(item: ItemReport) -> str:
    scales = "".join(_scale(item, scale) for scale in item.scales)
    return f'<article><h2>{_text(item.name)}</h2><p>{_text(item.title)} <a class="up" href="#top">to the top</a></p>{scales}</article>'


def _scale(item: ItemReport, scale: ScaleReport) -> str:
    states = ", ".join(f"{count} {state}" for state, count in scale.states.items())
    more = f"; stage {scale.waiting} is not known yet" if scale.waiting is not None else ""
    parts = [f'<section id="{_anchor(item, scale)}"><h3>{scale.scale} scale</h3><p>Runs: {states}{more}.</p>']
    if scale.faults:
        runs = "; ".join(f"{run_id}: {fault}" for run_id, fault in scale.faults.items())
        parts.append(f"<p>Not whole, and left out of the numbers below (figures and tables are as they were drawn): {_text(runs)}.</p>")
    for path in (*scale.figures, *scale.tables):
        try:
            parts.append(_drawn_table(path) if path in scale.tables else _figure(path, item, scale))
        except OSError as error:  # one that cannot be read hides nothing else
            parts.append(f"<p>{_text(path.name)} cannot be read: {_text(error.strerror or str(error))}.</p>")
    parts.append(_ledger(scale))
    parts.append(_runs(scale))
    parts.append(_environments(scale))
    return "".join([*parts, "</section>"])


def _drawn_table(path: Path) -> str:
    text = read_regular(path).decode(errors="replace")
    return f"<h4>{_text(path.stem.replace('_', ' '))}</h4>{_markdown(text)}"


def _figure(path: Path, item: ItemReport, scale: ScaleReport) -> str:
    content = base64.b64encode(read_regular(path)).decode()
    label = f"{item.name}, {scale.scale}: {path.stem.replace('_', ' ')}"
    return (
        f'<figure><img alt="{_text(label)}" src="data:{MIME[path.suffix]};base64,{content}">'
        f"<figcaption>{_text(label)}</figcaption></figure>"
    )


def _markdown(text: str) -> str:
    """The tables and paragraphs that `plotting.tables` writes."""
    parts, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not all(set(cell) <= set("-: ") and cell for cell in cells):
                rows.append(cells)
            continue
        if rows:
            right = _numeric(rows[1:])
            body = ["".join(_cell(cell, _number(cell), "number" * (i in right)) for i, cell in enumerate(row)) for row in rows[1:]]
            parts.append(_table(rows[0], body, right))
            rows = []
        if line.strip():
            parts.append(f"<p>{_text(line.strip().lstrip('# '))}</p>")
    return "".join(parts)


def _ledger(scale: ScaleReport) -> str:
    if not scale.verdicts:
        return f"<h4>reference values beside ours</h4><p>{_text(scale.no_verdicts)}</p>"
    rows = []
    for row in scale.verdicts:
        theirs = row.reference
        cells = [_cell(theirs.quantity), _cell(theirs.setting), _cell(theirs.label), _cell(theirs.text, theirs.value)]
        cells += [
            _cell(row.our_text, row.ours, "number"),
            _cell(str(row.seeds), row.seeds),
            _cell(row.verdict, kind=row.verdict),
            _cell(row.reason),
        ]
        rows.append("".join([*cells, _cell(theirs.source)]))
    heads = ["quantity", "setting", "kind of source", "reference", "ours", "seeds", "verdict", "why", "source"]
    return f"<h4>reference values beside ours</h4>{_table(heads, rows, numeric=(3, 4, 5), kind='ledger')}"


def _runs(scale: ScaleReport) -> str:
    def columns(part) -> list[str]:
        return list(dict.fromkeys(key for row in scale.runs for key in part(row)))

    settings, measured, cost = (
        columns(lambda row: row.settings),
        columns(lambda row: row.measured),
        columns(lambda row: row.cost),
    )

    def cells(row: RunRow) -> str:
        parts = [_cell(row.run_id), _cell(row.state)]
        parts += [_cell(_setting(row.settings.get(key)), _number(_setting(row.settings.get(key)))) for key in settings]
        for key in [*measured, *cost]:
            value = row.measured.get(key, row.cost.get(key))
            parts.append(_cell("-" if value is None else _measure(value), value, "number"))
        return "".join(parts)

    numeric = tuple(range(2 + len(settings), 2 + len(settings) + len(measured) + len(cost)))
    shared = "".join(f"<tr>{_cell(key)}{_cell(_setting(value))}</tr>" for key, value in scale.shared.items() if value is not None)
    return (
        f"<details><summary>{len(scale.runs)} runs: settings that differ, measures, cost</summary>"
        f"{_table(['run', 'state', *settings, *measured, *cost], [cells(row) for row in scale.runs], numeric, kind='runs')}"
        f"{f'<p>{_text(COUNTED)}</p>' if EVALUATIONS in cost else ''}</details>"
        "<details><summary>settings that all of them share</summary>"
        f'<div class="wide"><table><tbody>{shared}</tbody></table></div></details>'
    )


def _environments(scale: ScaleReport) -> str:
    lines = "".join(f"<li>{count} runs: {_text(words)}</li>" for words, count in scale.environments.most_common())
    return f"<details><summary>environment</summary><ul>{lines}</ul></details>"


def _table(heads: list[str], rows: list[str], numeric: tuple[int, ...] = (), kind: str = "") -> str:
    """A sortable table; rows are cells already in HTML, `numeric` columns are aligned to the right."""
    head = "".join(
        f'<th scope="col"{" class=number" if i in numeric else ""}><button type="button">{_text(text)}</button></th>'
        for i, text in enumerate(heads)
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table class="sortable {kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str, value: float | str | None = None, kind: str = "", raw: bool = False) -> str:
    """A cell; `value` is what it is sorted by when that is not its text."""
    number = isinstance(value, (int, float)) and math.isfinite(value)
    sort = f' data-value="{value}"' if number else ""
    long = "long" if not raw and len(text) > LONG else ""
    classes = " ".join(dict.fromkeys(filter(None, [kind.replace(" ", "-"), "number" if number else "", long])))
    return f"<td{sort}{f' class={chr(34)}{classes}{chr(34)}' if classes else ''}>{text if raw else _text(text)}</td>"


def _numeric(rows: list[list[str]]) -> tuple[int, ...]:
    width = max((len(row) for row in rows), default=0)
    columns = [[row[i] for row in rows if i < len(row) and row[i] not in ("-", "")] for i in range(width)]
    return tuple(i for i, cells in enumerate(columns) if cells and all(_number(cell) is not None for cell in cells))


def _number(text: str) -> float | None:
    """The number that a cell begins with: '-98.2 ± 0.3' and '18 s' have one, 'MNIST' and '2-5-S' have none."""
    first = text.split(" ")[0].replace(",", "").rstrip("%")
    try:
        return float(first)
    except ValueError:
        return None


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_setting, value))
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _measure(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and 1e4 <= abs(value) < 1e12 else f"{value:.5g}"


def _anchor(item: ItemReport, scale: ScaleReport) -> str:
    return f"{item.name.replace('/', '-')}-{scale.scale}"


def _text(text: str) -> str:
    return html.escape(str(text), quote=True)
