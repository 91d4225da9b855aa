"""`igr check`: reference values beside ours, with verdicts, by the kind of their source."""

import argparse
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from igr_suite.cli.options import (
    add_experiment,
    add_verb,
    command,
    paragraph,
    refuse_sweep,
    results_of,
    say_left_out,
    shorten,
    table,
)
from igr_suite.errors import UserError
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.files import write_section

if TYPE_CHECKING:
    from igr_suite.lab.analysis.ledger import Verdict

EXAMPLES = """  igr check                                        every experiment's tally, by kind of source
  igr check igr/table_1_vae_likelihood --scale paper
  igr check --write docs/published_values.md       the tally as a table, between <!-- igr check --> and its end"""
SECTION = "igr check"
HEADS = ("setting", "reference", "ours", "seeds", "verdict")
RIGHT = (1, 2, 3)  # of HEADS
INDENT = "  "


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "check", "compare results with reference values: published, of the authors' code, or computed", EXAMPLES
    )
    add_experiment(parser, optional=True)
    parser.add_argument(
        "--write",
        metavar="FILE",
        help="without NAME: write the tally as a Markdown table into FILE, between its markers",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the verdicts and writes ledger.csv; returns 1 when one of them is "fail" or a run that is not whole is left
    out."""
    from igr_suite.lab.analysis import ledger  # needs numpy, which a login node may not have
    from igr_suite.lab.analysis.references import read_references
    from igr_suite.lab.analysis.verdicts import no_reference

    if arguments.name is None:
        return _overview(arguments)
    if arguments.write:
        raise UserError("--write writes the lines of all experiments: leave NAME out")
    results = results_of(arguments)
    refuse_sweep(results)
    name = results.experiment.name
    references = read_references(discovery.folder_of(name) / "published.csv")
    if not references:
        print(paragraph(f"{name}: {no_reference(results.experiment)}", width=shutil.get_terminal_size().columns))
        return say_left_out(results.faults)
    module = discovery.plot_module(name)
    if not hasattr(module, "ours"):
        raise UserError(
            f"{shorten(discovery.folder_of(name) / 'plot.py')} defines no ours(results), so there is nothing to compare"
        )
    code = say_left_out(results.faults)
    if len(results.runs) == 0:
        raise UserError(f"no finished run in {shorten(results.folder)}; start them with `{command('run', results)}`")
    verdicts = ledger.judge(references, module.ours(results))
    print(listing(verdicts, shutil.get_terminal_size().columns))
    path = results.folder / "ledger.csv"
    ledger.write_ledger(path, verdicts)
    totals = ledger.tally(verdicts)
    if len(totals) > 1:
        totals["together"] = sum(totals.values(), Counter())
    for label, counts in totals.items():
        print(f"{label}: " + ", ".join(f"{counts[word]} {word}" for word in ledger.VERDICTS))
    print(f"written to {shorten(path)}")
    return 1 if any(row.verdict == "fail" for row in verdicts) else code


def listing(verdicts: list["Verdict"], width: int) -> str:
    """Returns a listing of all values, grouped by quantity and source, in lines of at most `width` columns."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for row in verdicts:
        groups.setdefault((row.reference.quantity, row.reference.heading), []).append(row)
    lines = []
    for (quantity, heading), rows in groups.items():
        lines += [quantity, paragraph(heading, INDENT, width=width), *_group(rows, width), ""]
    return "\n".join(lines)


def _group(rows: list["Verdict"], width: int) -> list[str]:
    """Returns the lines of the values of one quantity and source.

    Reasons follow their values on the same line where all of them fit, otherwise on lines below; a reason that all
    values share for being not comparable comes once, above them. Settings come above their values where they do not fit
    beside them.
    """
    cells = [[row.reference.setting, row.reference.text, row.our_text, str(row.seeds), row.verdict] for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADS, *cells)]
    full = len(INDENT) + sum(widths) + 2 * (len(widths) - 1)
    shared, above = _shared_reason(rows), full > width
    behind = not shared and full + 2 + max(len(row.reason) for row in rows) <= width
    lines = [paragraph(shared, INDENT, width=width)] * bool(shared) + _lines(HEADS, widths, above)[-1:]
    lines[-1] += "  reason" * behind
    for row, own in zip(rows, cells):
        lines += _lines(own, widths, above)
        if behind:
            lines[-1] = f"{lines[-1].ljust(full)}  {row.reason}"
        elif not shared:
            lines.append(paragraph(row.reason, 3 * INDENT, width=width))
    return lines


def _shared_reason(rows: list["Verdict"]) -> str:
    """Returns 'not comparable: why' where this holds for all of several rows, "" elsewhere."""
    same = {(row.verdict, row.reason) for row in rows} == {("not comparable", rows[0].reason)}
    return f"not comparable: {rows[0].reason}" if same and len(rows) > 1 else ""


def _lines(cells: Sequence[str], widths: list[int], above: bool) -> list[str]:
    """Returns the cells in one line, or the first above the others."""
    aligned = [
        cell.rjust(size) if i in RIGHT else cell.ljust(size) for i, (cell, size) in enumerate(zip(cells, widths))
    ]
    if above:
        return [INDENT + cells[0], 2 * INDENT + "  ".join(aligned[1:]).rstrip()]
    return [INDENT + "  ".join(aligned).rstrip()]


def _overview(arguments: argparse.Namespace) -> int:
    """Prints, and with --write also writes, every experiment's tally by kind of source; returns 1 when a verdict is
    "fail" or a run that is not whole is left out."""
    from igr_suite.lab.analysis.ledger import VERDICTS, tally
    from igr_suite.lab.analysis.verdicts import verdicts_of

    if arguments.settings or arguments.config or arguments.data:
        raise UserError("--set, --config and --data belong to one experiment: give its NAME")
    rows, verdicts, faults = [["experiment", "kind of source", *VERDICTS]], [], {}
    for name in discovery.names():
        arguments.name = name
        results = results_of(arguments)
        faults |= {f"{name}/{run_id}": fault for run_id, fault in results.faults.items()}
        own, _ = verdicts_of(results)
        verdicts += own
        rows += _tally_rows(name, tally(own))
    totals = tally(verdicts)
    rows += _tally_rows("all", {**totals, "together": sum(totals.values(), Counter())})
    print(table(rows, right=(2, 3, 4)))
    if arguments.write:
        path = Path(arguments.write).expanduser()
        write_section(path, SECTION, _section(rows, arguments.scale))
        print(f"\nwritten to {shorten(path)}")
    print("\nnot listed: experiments without a finished run or a reference value")
    print("`igr check NAME` lists every value, its source and the reason")
    return max(say_left_out(faults), 1 if any(row.verdict == "fail" for row in verdicts) else 0)


def _tally_rows(name: str, counts: dict[str, Counter]) -> list[list[str]]:
    """Returns one row per kind of source, with the name in the first."""
    from igr_suite.lab.analysis.ledger import VERDICTS

    rows = [[label, *(str(numbers[word]) for word in VERDICTS)] for label, numbers in counts.items()]
    return [["" if i else name, *row] for i, row in enumerate(rows)]


def _section(rows: list[list[str]], scale: str) -> str:
    import pandas as pd

    from igr_suite.plotting.tables import markdown

    source = f"Scale {scale}; written by `igr check --scale {scale} --write docs/published_values.md`."
    return f"\n{markdown(pd.DataFrame(rows[1:], columns=rows[0]))}\n{source}\n\n"
