"""`igr run`: runs what is unfinished in an experiment, then draws its figure and table."""

import argparse
import sys
from pathlib import Path

from igr_suite.cli.options import (
    add_data_dir,
    add_experiment,
    add_only,
    add_strategy,
    add_verb,
    command,
    order_of,
    results_of,
    say_left_out,
    shorten,
    table,
)
from igr_suite.cli.plot import draw
from igr_suite.extras import installed
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.lab.running.estimates import estimate, measured_runs
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import share
from igr_suite.terminal import say

EXAMPLES = """  igr run igr/table_1_vae_likelihood                         quick scale: minutes on a laptop
  igr run igr/table_1_vae_likelihood --scale paper --jobs 4  four processes at once
  igr run igr/table_1_vae_likelihood --dry-run               what would run, and what is finished
  igr run igr/table_1_vae_likelihood --only 'GS*-s5328'      some of the runs
  igr run igr/table_1_vae_likelihood --set schedule.epochs=3 changed runs, in a folder of their own
  igr run igr/discrete_vae --set model.temperature=0.3,0.7   a sweep: every run at every value
  igr run igr/discrete_vae --config mine.json                a settings dictionary of the original repository
Start the same command again after Ctrl-C, a crash or a reboot: finished runs are skipped, others go on from their checkpoint."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "run", "run an experiment (or what is missing of it), then draw it", EXAMPLES)
    add_experiment(parser)
    add_running(parser)
    parser.set_defaults(run=run)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose the runs, how many run at once, and what follows."""
    add_only(parser)
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at once (default: as many as the cores allow)")
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads per process (default: cores / jobs, at most what the model can use)",
    )
    add_strategy(parser)
    add_data_dir(parser)
    parser.add_argument(
        "--track",
        metavar="tensorboard|wandb|mlflow",
        help="send the metrics of running runs there (docs/running.md says how each is set up)",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the runs and their state, start nothing")
    parser.add_argument("--no-plot", action="store_true", help="do not draw at the end")


def run(arguments: argparse.Namespace) -> int:
    """Runs, reports and draws; returns the exit code."""
    return start(results_of(arguments), arguments)


def start(results: Results, arguments: argparse.Namespace, out: Path | None = None) -> int:
    """Runs what is unfinished in `results` with the options of `add_running`, reports and draws (into `out`); returns
    the exit code."""
    from igr_suite.lab.running import runner
    from igr_suite.lab.running.reporter import make_reporter
    from igr_suite.lab.running.worker import LOG

    order = order_of(results, arguments)
    if arguments.dry_run:
        return _dry_run(order)
    report = runner.run(order, make_reporter())
    failed = [outcome for outcome in report.outcomes if outcome.reason not in ("finished", "interrupted")]
    for outcome in failed:
        log = "" if outcome.reason == "user_error" else f"; its log is {shorten(order.folder / outcome.run_id / LOG)}"
        say(f"igr: {outcome.run_id} failed: {outcome.message}{log}", error=True)
    if report.interrupted:
        print("igr: stopped and saved; start the same command again to go on", file=sys.stderr)
        return report.exit_code
    if report.waiting is not None and not failed:
        print(f"igr: stage {report.waiting} waits for runs that --only left out", file=sys.stderr)
    if failed:
        print("igr: finished runs are kept; start the same command again to try the failed ones again", file=sys.stderr)
    if results.grid:
        print(f"results in {shorten(order.folder)}; as a table: {command('export', results)} --sweep --out sweep.csv")
    elif not arguments.no_plot and not installed("matplotlib"):
        way_out = f"pip install 'igr-suite[plot]', then {command('plot', results)}"
        print(f"results in {shorten(order.folder)}; drawing them needs matplotlib: {way_out}")
    elif not arguments.no_plot and discovery.plot_module(results.experiment.name) is not None:
        drawn = Results(results.experiment, results.scale, results_root(arguments.results), results.settings)
        return max(report.exit_code, _draw_finished(drawn, bool(failed), out))
    elif not failed:
        print(f"results in {shorten(order.folder)}")
    return report.exit_code


def _draw_finished(results: Results, failed: bool, out: Path | None) -> int:
    if failed and len(results.runs) == 0:
        return 1
    code = draw(results, out)
    if not failed and out is None:
        print(f"draw again: {command('plot', results)}; compare with the paper: {command('check', results)}")
    return code


def _dry_run(order) -> int:
    expansion = order.expand()
    if order.only:
        order.check_matches(expansion)
    rows, steps, faults = [["run", "stage", "state"]], {}, {}
    for run_id, config in expansion.runs.items():
        folder = RunFolder(order.folder / run_id)
        if fault := folder.fault(config=config):
            faults[run_id] = fault
            rows.append([run_id, str(expansion.stages[run_id]), "not whole"])
            continue
        state = folder.status()
        if state.state != "finished":
            steps[run_id] = state.step
        rows.append([run_id, str(expansion.stages[run_id]), "to do" if state.state == "absent" else state.state])
    if len(rows) > 1:
        print(table(rows))
    print(f"{len(steps)} of {len(rows) - 1} runs to do; results in {shorten(order.folder)}")
    if steps:
        left = {run_id: expansion.runs[run_id] for run_id in steps}
        jobs, _ = share(list(left.values()), order.jobs, order.threads)
        print(estimate(left, steps, measured_runs(order.experiment, order.root)).words(min(jobs, len(left))))
    if expansion.waiting is not None:
        print(f"stage {expansion.waiting} follows when the runs before it are finished")
    for name in expansion.left_out:
        print(f"{name} is left out because it is not prepared; `igr data fetch {name}`, or insist on it with --data")
    minutes = order.experiment.minutes.get(order.scale)
    if minutes is not None and not order.settings:
        print(f"the whole of this scale was measured at {minutes:g} min")
    return say_left_out(faults)


def start_script(experiment: Experiment, arguments: argparse.Namespace, place: str | None) -> tuple[Results, int]:
    """Starts the run of a verb that takes an original script's options: one process, nothing drawn.

    Args:
      experiment: the experiment that holds the run.
      arguments: the verb's arguments.
      place: results folder, None for the usual one.
    Returns:
      (the experiment's results, exit code).
    """
    results = Results(experiment, "paper", results_root(place))
    options = {"results": place, "only": [], "jobs": 1, "no_plot": True}
    return results, start(results, argparse.Namespace(**{"strategy": None, **vars(arguments), **options}))
