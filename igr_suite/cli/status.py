"""`igr status`: how far every run of an experiment is."""

import argparse
from collections import Counter

from igr_suite.cli.options import add_experiment, add_verb, command, results_of, shorten, table
from igr_suite.errors import UserError
from igr_suite.experiments.experiment import SCALES, expand
from igr_suite.experiments.progress import clock
from igr_suite.experiments.results import Results
from igr_suite.experiments.store import RunFolder

EXAMPLES = "  igr status igr/table_1_vae_likelihood\n  igr status igr/table_1_vae_likelihood --scale paper"


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "status", "show the state, last step and wall time of every run (all scales by default)", EXAMPLES)
    add_experiment(parser, scale=None)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one table a scale that has been started; returns 2 when a run's files are damaged."""
    scales, damaged = [arguments.scale] if arguments.scale else list(SCALES), 0
    for scale in scales:
        arguments.scale = scale
        results = results_of(arguments)
        if results.settings or len(scales) == 1 or results.folder.exists():
            damaged += _show(results)
    root = results.folder.parent
    if not root.exists():
        print(f"nothing has been run yet; start with `{command('run', results).replace(f'--scale {results.scale}', '--scale smoke')}`")
    changed = sorted(folder.name for folder in root.glob("*+*")) if not results.settings else []
    if changed:
        print(f"also there, with --set: {', '.join(changed)}")
    return 2 if damaged else 0


def _show(results: Results) -> int:
    expansion = expand(results.experiment, results.scale, results.folder, results.settings, lenient=True)
    rows, notes = [["run", "state", "step", "time"]], []
    for run_id in expansion.runs:
        folder = RunFolder(results.folder / run_id)
        meta = folder.meta()
        try:
            state, step = folder.status()
        except UserError as error:
            state, step = "damaged", None
            notes.append(f"{run_id}: {error}")
        seconds = meta.get("wall_seconds")
        rows.append([run_id, state, "-" if step is None else str(step), "-" if seconds is None else clock(seconds)])
        if state == "failed":
            notes.append(f"{run_id}: {(meta.get('exit') or {}).get('message')}")
    counts = Counter(row[1] for row in rows[1:])
    print(f"{results.experiment.name}, {results.scale}: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    print(table(rows, right=(2, 3)))
    if expansion.waiting is not None:
        print(f"stage {expansion.waiting} follows when these are finished")
    for note in notes:
        print(note)
    strangers = {path.parent.name for path in results.folder.glob("*/config.json")} - set(expansion.runs)
    if strangers:
        print(f"{len(strangers)} other run folders in {shorten(results.folder)} belong to other code or settings and are not drawn")
    if set(counts) - {"finished"} or expansion.waiting is not None:
        print(f"go on with: {command('run', results)}")
    print()
    return counts["damaged"]
