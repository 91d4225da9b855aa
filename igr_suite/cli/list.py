"""`igr list`: lists all reproductions, with their costs and the number of finished runs."""

import argparse
import itertools
from pathlib import Path

from igr_suite.cli.options import add_results, add_verb, paragraph, table
from igr_suite.errors import UserError
from igr_suite.lab.running import discovery
from igr_suite.lab.running.estimates import Measured, estimate, hours, measured_runs
from igr_suite.lab.running.experiment import SCALES, Experiment, expand
from igr_suite.lab.running.places import results_root, scale_folder
from igr_suite.lab.runs.store import RunFolder
from igr_suite.terminal import say

HELP = (
    "finished/all runs and the time of a whole scale: measured where it has no ~, else estimated for one thread; "
    "3/5+: a later stage will add more runs"
)


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs,
        "list",
        "list the experiments, with finished/all runs and the time of each scale",
        "  igr list\n  igr list rebar",
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="show only names that contain all these words")
    add_results(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints every experiment's runs and title, by paper; returns 2 when one cannot be loaded."""
    rows, titles, broken = [], [], []
    for name in discovery.names():
        if not all(word in name for word in arguments.words):
            continue
        try:
            experiment = discovery.find(name)
            root = results_root(arguments.results)
            measured = measured_runs(experiment, root)
            rows.append([name, *(_state(experiment, scale, root, measured) for scale in SCALES)])
            titles.append(experiment.title)
        except Exception as error:  # one broken run.py must not hide the others
            reason = "" if isinstance(error, UserError) else f"{name} cannot be loaded: {type(error).__name__}: "
            broken.append(f"{reason}{error}")
    if rows:
        _print(rows, titles)
    elif not broken:
        print("no experiment found")
    for reason in broken:
        say(reason)
    if rows:
        print(f"\n{paragraph(HELP)}\nrun one: igr run {rows[0][0]} --scale smoke")
    return 2 if broken else 0


def _print(rows: list[list[str]], titles: list[str]) -> None:
    """Prints a block for each paper: two lines or more for each experiment, its runs and then its title."""
    heading, *lines = table([["experiment", *SCALES], *rows]).splitlines()
    print(heading)
    for _, group in itertools.groupby(zip(rows, lines, titles), lambda entry: entry[0][0].partition("/")[0]):
        print()
        for _, states, title in group:
            print(states)
            print(paragraph(title, "    "))


def _state(experiment: Experiment, scale: str, root: Path, measured: list[Measured]) -> str:
    """Returns '3/5+ 12 min', or '3/5+ ~2.4 h' where the time is estimated from finished runs."""
    folder = scale_folder(root, experiment, scale)
    expansion = expand(experiment, scale, folder)
    finished = sum(RunFolder(folder / run_id).finished for run_id in expansion.runs)
    minutes = experiment.minutes.get(scale)
    cost = "" if minutes is None else hours(60 * minutes)
    if minutes is None and expansion.runs:
        whole = estimate(expansion.runs, {}, measured)
        cost = f"~{hours(whole.seconds)}" if 2 * whole.unknown < whole.runs else ""
    return f"{finished}/{len(expansion.runs)}{'+' * (expansion.waiting is not None)} {cost}".rstrip()
