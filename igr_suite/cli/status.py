"""`igr status`: shows the state of every run, its last metrics, and why it stopped."""

import argparse
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from igr_suite.cli.options import add_experiment, add_verb, command, fitting, paragraph, results_of, shorten, table
from igr_suite.cluster import submission
from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results, renamed
from igr_suite.lab.running import discovery, sweeps
from igr_suite.lab.running.estimates import estimate, measured_runs
from igr_suite.lab.running.experiment import SCALES, expand
from igr_suite.lab.running.order import matches
from igr_suite.lab.running.places import results_root
from igr_suite.lab.running.sweeps import sweeps_of
from igr_suite.lab.runs.progress import clock, read_progress, show
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import share
from igr_suite.lab.runs.wholeness import WAY_OUT, remembered
from igr_suite.terminal import say

EXAMPLES = """  igr status                                             one line an experiment and scale, and one a sweep
  igr status igr/table_1_vae_likelihood                  every run of all scales
  igr status igr/table_1_vae_likelihood --scale paper    submitted runs too: queued, running on which node, how they ended"""
SHOWN = 1  # number of metrics of the last row that the table shows
WRONG = {"not whole": 1, "damaged": 2}  # exit codes


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "status", "show state, last metrics, time and time left of every run, and why one failed", EXAMPLES
    )
    add_experiment(parser, scale=None, optional=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one table per scale that has been started; returns 2 when an unfinished run's files are damaged, 1 when a
    run is not whole."""
    if arguments.name is None:
        return _overview(arguments)
    scales, code = [arguments.scale] if arguments.scale else list(SCALES), 0
    for scale in scales:
        arguments.scale = scale
        results = results_of(arguments)
        if results.settings or len(scales) == 1 or results.folder.exists():
            code = max(code, _show(results, results_root(arguments.results)))
    root = results.folder.parent
    if not root.exists():
        print(
            f"nothing has been run yet; start with "
            f"`{command('run', results).replace(f'--scale {results.scale}', '--scale smoke')}`"
        )
    swept = [] if results.settings else [sweep for scale in scales for sweep in _sweeps(arguments, scale)]
    names = {sweep.folder.name for sweep in swept}
    changed = [] if results.settings else sorted({folder.name for folder in root.glob("*+*")} - names)
    if changed:
        say(f"also there, with --set: {', '.join(changed)}")
    for sweep in swept:
        say(f"also there, a sweep: {command('status', sweep)}")
    return code


def _sweeps(arguments: argparse.Namespace, scale: str) -> list[Results]:
    """Returns the results of the sweeps of an experiment at a scale."""
    experiment, root = discovery.find(arguments.name), results_root(arguments.results)
    return [Results(experiment, scale, root, sweep.settings) for sweep in sweeps_of(root, experiment, scale)]


def _overview(arguments: argparse.Namespace) -> int:
    """Prints one line per experiment and scale that has been started; returns the exit code."""
    if arguments.settings or arguments.config or arguments.data:
        raise UserError("--set, --config and --data belong to one experiment: give its NAME")
    scales = [arguments.scale] if arguments.scale else SCALES
    rows, code, wrong = [["experiment", "scale", "finished", "running", "queued", "failed", "missing"]], 0, []
    for name in discovery.names():
        for scale in scales:
            arguments.name, arguments.scale = name, scale
            plain = results_of(arguments)
            for results in (*([plain] if plain.folder.exists() else []), *_sweeps(arguments, scale)):
                sweep = sweeps.read(results.folder)
                title = f"{scale}, {sweep.words}" if results.settings and sweep else scale
                runs, notes, waiting = _look(results)
                counts = Counter(row[1] for row in runs)
                code = max(code, _code(notes))
                wrong += [
                    f"{name}, {title}: {note.run_id} is {note.state}: {note.words}"
                    for note in notes
                    if note.state in WRONG
                ]
                missing = sum(counts[state] for state in ("absent", "partial", *WRONG))
                numbers = [counts["finished"], counts["running"], counts["queued"], counts["failed"]]
                rows.append([name, title, *map(str, numbers), f"{missing}{'+' * (waiting is not None)}"])
    if len(rows) == 1:
        print(f"nothing has been run yet in {shorten(results_root(arguments.results))}; `igr list` says what there is")
    else:
        rows = _without_zeros(rows)
        print(table(rows, right=range(2, len(rows[0]))))
        print()
        print(
            paragraph(
                "3+: a later stage follows; `igr status NAME` shows every run, `igr run` or `igr submit --missing` starts "
                "what is missing"
            )
        )
        for line in wrong:
            say(line)
    return code


def _without_zeros(rows: list[list[str]]) -> list[list[str]]:
    """Returns the table without the columns "running", "queued" and "failed" where no experiment has such runs."""
    shown = [i for i in range(len(rows[0])) if i not in (3, 4, 5) or any(row[i] != "0" for row in rows[1:])]
    return [[row[i] for i in shown] for row in rows]


class Note(NamedTuple):
    """A note about a run that failed, stopped or is not whole."""

    run_id: str
    state: str
    words: str


def _code(notes: list[Note]) -> int:
    return max((WRONG.get(note.state, 0) for note in notes), default=0)


def _look(results: Results) -> tuple[list[list[str]], list[Note], int | None]:
    """Returns the rows of the table, notes on runs that stopped, are not whole or lie in a renamed folder, and the
    stage that waits."""
    with remembered(results.folder):
        return _look_at_runs(results)


def _look_at_runs(results: Results) -> tuple[list[list[str]], list[Note], int | None]:
    sweep = sweeps.read(results.folder)

    def wanted(run_id: str) -> bool:  # a sweep of some runs only is not one that lacks the others
        return sweep is None or matches(run_id, sweep.only) or (results.folder / run_id).exists()

    expansion = expand(results.experiment, results.scale, results.folder, results.settings, wanted, lenient=True)
    rows, notes = [], []
    try:
        fates = submission.fates(results.folder)
    except UserError as error:  # a damaged submission must not hide the runs
        fates = {}
        notes.append(Note("jobs", "damaged", str(error)))
    for run_id, config in expansion.runs.items():
        folder, fate = RunFolder(results.folder / run_id), fates.get(run_id)
        meta = folder.meta()
        try:
            fault = folder.fault(config=config)
            state, row = ("not whole", None) if fault else (folder.state, folder.metrics.last_row())
        except UserError as error:
            state, row, fault = "damaged", None, str(error)
        if fault:
            notes.append(Note(run_id, state, fault if state == "damaged" else f"{fault}; {WAY_OUT}"))
        elif fate is not None and fate.state != "ended" and state != "finished":
            state = fate.state
        if state == "failed":
            notes.append(Note(run_id, state, (meta.get("exit") or {}).get("message")))
        elif fate is not None and state in ("partial", "absent", "queued"):
            notes.append(Note(run_id, state, fate.words))
        rows.append([run_id, state, *_measured(row), *_times(folder.path, state, meta.get("wall_seconds"))])
    notes += [
        Note(name, "not whole", f"{fault}; {WAY_OUT}")
        for name, fault in renamed(results.folder, expansion.runs).items()
    ]
    return rows, notes, expansion.waiting


def _measured(row: dict | None) -> list[str]:
    """Returns the step and the first metrics of a row."""
    if row is None:
        return ["-", ""]
    scalars = {
        name: value for name, value in row.items() if name not in ("step", "epoch") and isinstance(value, (int, float))
    }
    return [str(row["step"]), show(dict(list(scalars.items())[:SHOWN]))]


def _times(path: Path, state: str, seconds: float | None) -> list[str]:
    """Returns the time so far and the time left."""
    progress = read_progress(path) if state == "running" else None
    return ["-" if seconds is None else clock(seconds), "" if progress is None else clock(progress.get("left"))]


def _left(results: Results, rows: list[list[str]], root: Path) -> str:
    """Returns the time that the unfinished runs need, in words."""
    configs = expand(results.experiment, results.scale, results.folder, results.settings, lenient=True).runs
    steps = {row[0]: None if row[2] == "-" else int(row[2]) for row in rows if row[1] not in ("finished", *WRONG)}
    left = {run_id: configs[run_id] for run_id in steps}
    return estimate(left, steps, measured_runs(results.experiment, root)).words(
        share(list(left.values()), None, None)[0]
    )


def _show(results: Results, root: Path) -> int:
    rows, notes, waiting = _look(results)
    counts = Counter(row[1] for row in rows)
    print(
        f"{results.experiment.name}, {results.scale}: "
        + ", ".join(f"{count} {state}" for state, count in counts.items())
    )
    heads = ["run", "state", "step", "last metrics", "time", "left"]
    print(fitting([heads, *rows], least=3, right=(2, 4, 5)))
    if waiting is not None:
        print(f"stage {waiting} follows when these are finished")
    for note in notes:
        say(f"{note.run_id}: {note.words}")
    strangers = {path.parent.name for path in results.folder.glob("*/config.json")} - {row[0] for row in rows}
    if strangers:
        print(
            f"{len(strangers)} other run folders in {shorten(results.folder)} belong to other code or settings and are "
            f"not drawn"
        )
    if set(counts) - {"finished", *WRONG}:
        print(f"left: {_left(results, rows, root)}")
    if set(counts) - {"finished", "queued", "running"} or waiting is not None:
        submitted = (results.folder / "jobs").exists()
        print(
            f"go on with: {command('submit', results)} --missing"
            if submitted
            else f"go on with: {command('run', results)}"
        )
    print()
    return _code(notes)
