"""`igr plot`: draws figure and table from saved results, without TensorFlow."""

import argparse
import multiprocessing
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from igr_suite.cli.options import add_experiment, add_verb, command, refuse_sweep, results_of, say_left_out, shorten
from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.environment import cores
from igr_suite.lab.runs.outputs import staged
from igr_suite.terminal import guard, say

EXAMPLES = """  igr plot igr/table_1_vae_likelihood
  igr plot igr/table_1_vae_likelihood --scale paper --results ~/from_cluster
  igr plot --all"""

UNDRAWABLE = (KeyError, IndexError, ValueError)  # raised by a plot for which the finished runs are not enough


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "plot", "draw an experiment's figure and table from its finished runs", EXAMPLES)
    add_experiment(parser, optional=True)
    parser.add_argument(
        "--all", action="store_true", help="every experiment with a finished run at this scale, without printing tables"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws and prints what was drawn; returns 1 when a run that is not whole was left out."""
    if arguments.all == (arguments.name is not None):
        raise UserError("say what to draw: a NAME from `igr list`, or --all")
    if not arguments.all:
        return draw(results_of(arguments))
    if arguments.settings or arguments.config or arguments.data:
        raise UserError("--set, --config and --data belong to one experiment: give its NAME instead of --all")
    return _draw_all(arguments)


def _draw_all(arguments: argparse.Namespace) -> int:
    """Draws all experiments, as many at once as there are cores; returns 2 when one cannot be drawn, 1 when a run that
    is not whole was left out."""
    names = discovery.names()
    # Fresh interpreters, because a process with threads, which matplotlib and numpy may start, must not be forked.
    context = multiprocessing.get_context("spawn")
    failed, faults = False, {}
    with ProcessPoolExecutor(max(1, min(cores(), len(names))), mp_context=context, initializer=guard) as pool:
        for line, drawn, left_out in pool.map(_draw_one, [arguments] * len(names), names):
            faults |= left_out
            if line:
                say(line, error=not drawn)
            failed |= not drawn
    return max(say_left_out(faults), 2 if failed else 0)


def _draw_one(arguments: argparse.Namespace, name: str) -> tuple[str, bool, dict[str, str]]:
    """Draws one experiment; returns a message ("" where nothing is finished), whether that succeeded, and the faults of
    the runs that were left out."""
    arguments.name = name
    began, faults = time.monotonic(), {}
    try:
        results = results_of(arguments)
        faults = {f"{name}/{run_id}": fault for run_id, fault in results.faults.items()}
        if not results.folder.exists() or len(results.runs) == 0:
            return "", True, faults
        paths = _paths(results, results.folder)
    except UserError as error:
        return f"igr: {name}: {error}", False, faults
    except UNDRAWABLE as error:
        partial = f"{len(results.runs)} of {len(results.configs)} runs are finished and whole"
        return f"igr: {name} cannot be drawn ({partial}): {type(error).__name__} {error}", False, faults
    except Exception:  # a defect of one plot.py must not hide the others
        return f"{traceback.format_exc()}igr: {name} cannot be drawn: its plot.py has a defect", False, faults
    return f"{name}: {len(paths)} files in {shorten(results.folder)}, {time.monotonic() - began:.1f} s", True, faults


def draw(results: Results, out: Path | None = None) -> int:
    """Calls the reproduction's `plot(results, out)`, prints its Markdown tables and the paths of all files.

    Args:
      results: what to draw.
      out: the folder for the files; by default that of the results.
    Returns:
      The exit code: 1 where a run that is not whole is left out, 0 elsewhere.
    Raises:
      UserError: there is no plot.py, nothing is finished yet, or what is finished is not enough for this plot.
    """
    refuse_sweep(results)
    code = say_left_out(results.faults)
    if len(results.runs) == 0:
        raise UserError(f"no finished run in {shorten(results.folder)}; start them with `{command('run', results)}`")
    if len(results.runs) < len(results.configs):
        print(f"{len(results.runs)} of {len(results.configs)} runs are finished; drawing those", file=sys.stderr)
    try:
        paths = _paths(results, out or results.folder)
    except UNDRAWABLE as error:
        if len(results.runs) == len(results.configs):
            raise
        partial = f"{len(results.runs)} of {len(results.configs)} runs are finished and whole"
        raise UserError(
            f"{results.experiment.name} cannot be drawn ({partial}): {type(error).__name__} {error}"
        ) from error
    for path in paths:
        if path.suffix == ".md":
            print("\n" + path.read_text(encoding="utf-8").strip() + "\n")
    for path in paths:
        print(shorten(path))
    return code


def _paths(results: Results, out: Path) -> list[Path]:
    module = discovery.plot_module(results.experiment.name)
    if module is None:
        raise UserError(f"{results.experiment.name} has no plot.py")
    with staged(out) as staging:
        paths = module.plot(results, staging.path)
    return staging.at_their_place(paths)
