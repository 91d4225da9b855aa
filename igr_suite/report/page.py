"""The page: contents by paper, what is found of each, and every experiment's figures, tables, reference values, runs."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from igr_suite import __version__
from igr_suite.lab.analysis.ledger import VERDICTS, tally
from igr_suite.lab.analysis.references import RECALLED, SOURCES
from igr_suite.lab.running.estimates import hours
from igr_suite.lab.runs.reading import read_regular
from igr_suite.plotting.tables import cells_of
from igr_suite.report.assets import SCRIPT, STYLE
from igr_suite.report.collect import EVALUATIONS, ItemReport, PaperReport, RunRow, ScaleReport
from igr_suite.report.figures import figure
from igr_suite.report.findings import findings
from igr_suite.report.markup import Html, cell, columns_of_numbers, fill, joined, leading_number, table
from igr_suite.report.papers import caption, paper_title

COUNTED = (
    f"{EVALUATIONS}: function evaluations of training, in millions. One is the likelihood of one image at one value of "
    f"its latent "
    "variables (a row of a decoder's forward pass; on the toy problem, one value of f): steps × batch × samples × "
    "those that one gradient "
    "of the estimator takes. Not counted are encoders, baselines, backward passes, and what evaluates or measures a "
    "model."
)
NO_SCRIPT = Html("<noscript><p>The figures are compressed: they appear where scripts may run.</p></noscript>")
COUNTS = "pass / fail / not comparable"


def page(papers: list[PaperReport], source: str) -> Html:
    """Returns the whole HTML document.

    Args:
      papers: the result of `collect`.
      source: the path of the results folder, for people.
    """
    items = [item for paper in papers for item in paper.items]
    begun, others = [item for item in items if item.scales], [item for item in items if not item.scales]
    scales = [scale for item in begun for scale in item.scales]
    states = sum((scale.states for scale in scales), Counter())
    ended = max((scale.ended for scale in scales), default="")
    lead = (
        f"{states['finished']} finished runs of {len(begun)} experiments, {hours(_seconds(scales))} of computing in all"
        f"{f'; the last one ended on {ended}' if ended else ''}. Drawn from {source} by igr-suite {__version__}; needs "
        f"no network."
    )
    waiting = fill("<p>Not run yet: {}.</p>", ", ".join(item.name for item in others)) if others else Html()
    shown = [paper for paper in papers if any(item.scales for item in paper.items)]
    body = [
        fill('<header id="top"><h1>igr_suite: results</h1><p>{}</p>{}{}</header>', lead, waiting, NO_SCRIPT),
        _contents(shown),
        *map(_paper, shown),
    ]
    return fill(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width, initial-scale=1">'
        '<title>igr_suite: results</title><link rel="icon" '
        'href="data:,"><style>{}</style></head>\n<body>\n{}\n<script>{}</script>\n'
        "</body></html>\n",
        Html(STYLE),
        joined(body, "\n"),
        Html(SCRIPT),
    )


def _seconds(scales: Iterable[ScaleReport]) -> float:
    return sum(row.cost.get("wall s", 0.0) for scale in scales for row in scale.runs)


def _contents(papers: list[PaperReport]) -> Html:
    """Returns the table of contents: the experiments of every paper with their runs, verdicts and times."""
    items = [item for paper in papers for item in paper.items]
    labels = _labels(items)
    note = fill("<p>Reference values beside ours by the kind of their source: {}.</p>", COUNTS) if labels else Html()
    parts = joined(
        fill('<h3><a href="#{}">{}</a></h3>{}', _word(paper.paper), paper_title(paper.paper), _index(paper))
        for paper in papers
    )
    return fill("<nav><h2>Contents</h2>{}{}</nav>{}", note, parts, _sources(items, labels))


def _labels(items: list[ItemReport]) -> list[str]:
    """Returns the kinds of sources from which these experiments have reference values."""
    return list(tally(verdict for item in items for scale in item.scales for verdict in scale.verdicts))


def _index(paper: PaperReport) -> Html:
    labels, rows = _labels(paper.items), []
    for item in paper.items:
        for scale in item.scales:
            counts = tally(scale.verdicts)
            link = fill('<a href="#{}">{}</a>', _anchor(item, scale), item.name.removeprefix(f"{paper.paper}/"))
            total = sum(scale.states.values())
            done = f"{scale.states['finished']}/{total}{'+' * (scale.waiting is not None)}"
            cells = [cell(link), cell(item.title), cell(scale.scale), cell(done, scale.states["finished"])]
            cells += [_counts(counts.get(label)) for label in labels]
            rows.append(joined([*cells, cell(hours(_seconds([scale])), _seconds([scale]))]))
    heads = ["experiment", "what", "scale", "runs", *labels, "time"]
    return table(heads, rows, numeric=tuple(range(3, len(heads))), kind="index")


def _paper(paper: PaperReport) -> Html:
    items = joined(_item(item) for item in paper.items if item.scales)
    template = '<section class="paper" id="{}"><h2>{}</h2>{}{}</section>'
    return fill(template, _word(paper.paper), paper_title(paper.paper), findings(paper), items)


def _sources(items: list[ItemReport], labels: list[str]) -> Html:
    """Returns a table of the kinds of sources: their meaning, and the verdicts on their values at each scale."""
    if not labels:
        return Html()
    scales = {name: [] for item in items for name in (scale.scale for scale in item.scales)}
    for item in items:
        for scale in item.scales:
            scales[scale.scale] += scale.verdicts
    totals = {name: tally(verdicts) for name, verdicts in scales.items()}
    kinds, rows = {kind.name: kind for kind in SOURCES.values()}, []
    for label in labels:
        heading, meaning = (kinds[label].heading, kinds[label].meaning) if label in kinds else (label, RECALLED)
        rows.append(joined([cell(heading), cell(meaning), *(_counts(totals[name].get(label)) for name in scales)]))
    heads = ["source", "which is", *(f"{name} scale" for name in scales)]
    return fill(
        "<aside><h2>Sources of reference values</h2><p>The last columns: {}. "
        "Ranks and signs are judged at 95% confidence over seeds.</p>{}</aside>",
        COUNTS,
        table(heads, rows, numeric=tuple(range(2, len(heads))), kind="sources"),
    )


def _counts(counts: Counter | None) -> Html:
    """Returns a cell '6 / 0 / 12', sorted by the number that pass; '-' where there is no value."""
    if not counts:
        return cell("-", -1)
    colour = "fail" if counts["fail"] else "pass" if counts["pass"] else "not comparable"
    return cell(" / ".join(str(counts[word]) for word in VERDICTS), counts["pass"], colour)


def _item(item: ItemReport) -> Html:
    scales = joined(_scale(item, scale) for scale in item.scales)
    return fill(
        '<article><h3>{}</h3><p>{} <a class="up" href="#top">to the top</a></p>{}</article>',
        item.title,
        fill("<code>{}</code>", item.name),
        scales,
    )


def _scale(item: ItemReport, scale: ScaleReport) -> Html:
    states = ", ".join(f"{count} {state}" for state, count in scale.states.items())
    more = f"; stage {scale.waiting} is not known yet" if scale.waiting is not None else ""
    parts = [
        fill('<section id="{}"><h4>{} scale</h4><p>Runs: {}{}.</p>', _anchor(item, scale), scale.scale, states, more)
    ]
    if scale.faults:
        runs = "; ".join(f"{run_id}: {fault}" for run_id, fault in scale.faults.items())
        words = "Not whole, and left out of the numbers below (figures and tables are as they were drawn)"
        parts.append(fill("<p>{}: {}.</p>", words, runs))
    for path in (*scale.figures, *scale.tables):
        try:
            parts.append(_drawn_table(path) if path in scale.tables else _figure(path, item, scale))
        except OSError as error:  # an unreadable file must not hide the others
            parts.append(fill("<p>{} cannot be read: {}.</p>", path.name, error.strerror or str(error)))
    parts.append(_ledger(scale))
    parts.append(_runs(scale))
    parts.append(_environments(scale))
    return joined([*parts, Html("</section>")])


def _drawn_table(path: Path) -> Html:
    text = read_regular(path).decode(errors="replace")
    return fill("<h5>{}</h5>{}", caption("Results", path.stem), _markdown(text))


def _figure(path: Path, item: ItemReport, scale: ScaleReport) -> Html:
    section = _anchor(item, scale)
    words = f"{caption(item.title, path.stem)}. {scale.scale.capitalize()} scale."
    return figure(path, words, f"{section}-{_word(path.stem)}", section)


def _markdown(text: str) -> Html:
    """Returns the markup of the tables and paragraphs that `plotting.tables` writes."""
    parts, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            cells = cells_of(line)
            if not all(set(part) <= set("-: ") and part for part in cells):
                rows.append(cells)
            continue
        if rows:
            right = columns_of_numbers(rows[1:])
            body = [
                joined(cell(text, leading_number(text), "number" * (i in right)) for i, text in enumerate(row))
                for row in rows[1:]
            ]
            parts.append(table(rows[0], body, right))
            rows = []
        if line.strip():
            parts.append(fill("<p>{}</p>", line.strip().lstrip("# ")))
    return joined(parts)


def _ledger(scale: ScaleReport) -> Html:
    if not scale.verdicts:
        return fill("<h5>Reference values beside ours</h5><p>{}</p>", scale.no_verdicts)
    rows = []
    for row in scale.verdicts:
        theirs = row.reference
        cells = [cell(theirs.quantity), cell(theirs.setting), cell(theirs.label), cell(theirs.text, theirs.value)]
        cells += [
            cell(row.our_text, row.ours, "number"),
            cell(str(row.seeds), row.seeds),
            cell(row.verdict, kind=row.verdict),
            cell(row.reason),
        ]
        rows.append(joined([*cells, cell(theirs.source)]))
    heads = ["quantity", "setting", "kind of source", "reference", "ours", "seeds", "verdict", "why", "source"]
    return fill("<h5>Reference values beside ours</h5>{}", table(heads, rows, numeric=(3, 4, 5), kind="ledger"))


def _runs(scale: ScaleReport) -> Html:
    def columns(part) -> list[str]:
        return list(dict.fromkeys(key for row in scale.runs for key in part(row)))

    settings, measured = columns(lambda row: row.settings), columns(lambda row: row.measured)
    cost = columns(lambda row: row.cost)

    def cells(row: RunRow) -> Html:
        parts = [cell(row.run_id), cell(row.state)]
        parts += [
            cell(_setting(row.settings.get(key)), leading_number(_setting(row.settings.get(key)))) for key in settings
        ]
        for key in [*measured, *cost]:
            value = row.measured.get(key, row.cost.get(key))
            parts.append(cell("-" if value is None else _measure(value), value, "number"))
        return joined(parts)

    numeric = tuple(range(2 + len(settings), 2 + len(settings) + len(measured) + len(cost)))
    shared = [
        fill("<tr>{}{}</tr>", cell(key), cell(_setting(value)))
        for key, value in scale.shared.items()
        if value is not None
    ]
    return fill(
        "<details><summary>{} runs: settings that differ, measures, cost</summary>{}{}</details>"
        "<details><summary>settings that all of them share</summary>"
        '<div class="wide"><table><tbody>{}</tbody></table></div></details>',
        len(scale.runs),
        table(["run", "state", *settings, *measured, *cost], [cells(row) for row in scale.runs], numeric, kind="runs"),
        fill("<p>{}</p>", COUNTED) if EVALUATIONS in cost else Html(),
        joined(shared),
    )


def _environments(scale: ScaleReport) -> Html:
    lines = joined(fill("<li>{} runs: {}</li>", count, words) for words, count in scale.environments.most_common())
    return fill("<details><summary>environment</summary><ul>{}</ul></details>", lines)


def _setting(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_setting, value))
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _measure(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and 1e4 <= abs(value) < 1e12 else f"{value:.5g}"


def _anchor(item: ItemReport, scale: ScaleReport) -> str:
    return _word(f"{item.name.replace('/', '-')}-{scale.scale}")


def _word(name: str) -> str:
    """Returns a word that serves as an id and, after #, as a link to it: other characters than letters, digits, '_',
    '-' and '.' are replaced by their numbers."""
    return re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"_{ord(match[0]):x}_", name)
