"""`igr list`: lists all reproductions, with their costs and the number of finished runs."""

import argparse

from igr_suite.cli.options import add_results, add_verb, table
from igr_suite.errors import UserError
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import SCALES, Experiment, expand
from igr_suite.lab.running.places import results_root, scale_folder
from igr_suite.lab.runs.store import RunFolder
from igr_suite.terminal import say


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs,
        "list",
        "list the experiments, with finished/all runs and minutes per scale",
        "  igr list\n  igr list rebar",
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="show only names that contain all these words")
    add_results(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one line per experiment; returns 2 when one cannot be loaded."""
    rows, broken = [["name", *SCALES, "title"]], []
    for name in discovery.names():
        if not all(word in name for word in arguments.words):
            continue
        try:
            experiment = discovery.find(name)
            rows.append([name, *(_state(experiment, scale, arguments.results) for scale in SCALES), experiment.title])
        except Exception as error:  # one broken run.py must not hide the others
            reason = "" if isinstance(error, UserError) else f"{name} cannot be loaded: {type(error).__name__}: "
            broken.append(f"{reason}{error}")
    if len(rows) > 1 or not broken:
        print(table(rows) if len(rows) > 1 else "no experiment found")
    for line in broken:
        say(line)
    if len(rows) > 1:
        print("\nfinished/all runs and measured minutes of each scale; 3/5+: a later stage will add more runs")
        print(f"run one: igr run {rows[1][0]} --scale smoke")
    return 2 if broken else 0


def _state(experiment: Experiment, scale: str, results: str | None) -> str:
    folder = scale_folder(results_root(results), experiment, scale)
    expansion = expand(experiment, scale, folder)
    finished = sum(RunFolder(folder / run_id).finished for run_id in expansion.runs)
    minutes = experiment.minutes.get(scale)
    cost = "" if minutes is None else f" {minutes:g} min"
    return f"{finished}/{len(expansion.runs)}{'+' * (expansion.waiting is not None)}{cost}"
