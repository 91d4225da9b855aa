"""`igr check`: published values beside ours, with verdicts."""

import argparse
from collections import Counter
from pathlib import Path

from igr_suite.cli.options import add_experiment, add_verb, command, results_of, say_left_out, shorten, table
from igr_suite.errors import UserError
from igr_suite.experiments import discovery
from igr_suite.experiments.files import write_section

EXAMPLES = """  igr check                                        one line an experiment
  igr check igr/table_1_vae_likelihood --scale paper
  igr check --write README.md                      the lines as a table between <!-- igr check --> and <!-- end of igr check -->"""
SECTION = "igr check"
VERDICTS = ("pass", "fail", "not comparable")


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "check", "compare an experiment's results with the published values", EXAMPLES)
    add_experiment(parser, optional=True)
    parser.add_argument("--write", metavar="FILE", help="without NAME: write the lines as a Markdown table into FILE, between its markers")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints the verdicts and writes ledger.csv; returns 1 when one of them is 'fail', or a run that is not whole is left out."""
    from igr_suite.experiments import ledger

    if arguments.name is None:
        return _overview(arguments)
    if arguments.write:
        raise UserError("--write writes the lines of all experiments: leave NAME out")
    results = results_of(arguments)
    name = results.experiment.name
    published = ledger.read_published(discovery.folder_of(name) / "published.csv")
    if not published:
        print(f"{name} has no published values to compare with; its README says why")
        return say_left_out(results.faults)
    module = discovery.plot_module(name)
    if not hasattr(module, "ours"):
        raise UserError(f"{shorten(discovery.folder_of(name) / 'plot.py')} defines no ours(results), so there is nothing to compare")
    code = say_left_out(results.faults)
    if len(results.runs) == 0:
        raise UserError(f"no finished run in {shorten(results.folder)}; start them with `{command('run', results)}`")
    verdicts = ledger.judge(published, module.ours(results))
    rows = [["quantity", "setting", "published", "ours", "seeds", "verdict", "reason"]]
    for row in verdicts:
        numbers = [_number(row.published, row.published_spread), _number(row.ours, row.our_spread), str(row.seeds)]
        rows.append([row.quantity, row.setting, *numbers, row.verdict, row.reason])
    print(table(rows, right=(2, 3, 4)))
    counts = Counter(row.verdict for row in verdicts)
    path = results.folder / "ledger.csv"
    ledger.write_ledger(path, verdicts)
    tally = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    print(f"\n{tally}; written to {shorten(path)}")
    return 1 if counts["fail"] else code


def _overview(arguments: argparse.Namespace) -> int:
    """Prints, and writes where asked to, how many published values every experiment meets; returns 1 when one of them is missed."""
    from igr_suite.experiments.verdicts import verdicts_of

    if arguments.settings or arguments.config or arguments.data:
        raise UserError("--set, --config and --data belong to one experiment: give its NAME")
    rows, totals, faults = [["experiment", *VERDICTS]], Counter(), {}
    for name in discovery.names():
        arguments.name = name
        results = results_of(arguments)
        faults |= {f"{name}/{run_id}": fault for run_id, fault in results.faults.items()}
        verdicts, _ = verdicts_of(results)
        counts = Counter(row.verdict for row in verdicts)
        totals += counts
        if verdicts:
            rows.append([name, *(str(counts[verdict]) for verdict in VERDICTS)])
    rows.append(["all", *(str(totals[verdict]) for verdict in VERDICTS)])
    print(table(rows, right=(1, 2, 3)))
    if arguments.write:
        path = Path(arguments.write).expanduser()
        write_section(path, SECTION, _section(rows, arguments.scale))
        print(f"\nwritten to {shorten(path)}")
    print("\nexperiments without a finished run or a published value are not listed; `igr check NAME` has every value and the reasons")
    return max(say_left_out(faults), 1 if totals["fail"] else 0)


def _section(rows: list[list[str]], scale: str) -> str:
    import pandas as pd

    from igr_suite.plotting.tables import markdown

    source = f"Scale {scale}; written by `igr check --scale {scale} --write README.md`."
    return f"\n{markdown(pd.DataFrame(rows[1:], columns=rows[0]))}\n{source}\n\n"


def _number(value: float | None, spread: float | None) -> str:
    from igr_suite.experiments.paired import with_spread  # needs numpy, which a login node may not have

    return "-" if value is None else with_spread(value, spread)
