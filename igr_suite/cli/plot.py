"""`igr plot`: draws figure and table from saved results, without TensorFlow."""

import argparse
import multiprocessing
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from igr_suite.cli.options import (
    add_experiment,
    add_only,
    add_verb,
    command,
    refuse_sweep,
    results_of,
    say_left_out,
    shorten,
)
from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.environment import cores
from igr_suite.lab.runs.outputs import staged
from igr_suite.terminal import guard, say

EXAMPLES = """  igr plot igr/table_1_vae_likelihood
  igr plot igr/table_1_vae_likelihood --scale paper --results ~/from_cluster
  igr plot --all
  igr plot igr/figure_3_elbo_curves --out thesis --style thesis.mplstyle --size 3.3x2.4 --no-title
  igr plot igr/figure_3_elbo_curves --out thesis --only 'GS_Dis*' --overlay mine.csv --colour mine=black"""

OWN = ("only", "style", "size", "overlay", "colour", "label", "no_title")  # options that change what a figure shows
PAIRS = {"--colour": "IGR-I=black", "--label": "'IGR-I=Gaussian softmax'"}
UNDRAWABLE = (KeyError, IndexError, ValueError)  # raised by a plot for which the finished runs are not enough


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "plot", "draw an experiment's figure and table from its finished runs", EXAMPLES)
    add_experiment(parser, optional=True)
    parser.add_argument(
        "--all", action="store_true", help="every experiment with a finished run at this scale, without printing tables"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where to write figure and table (default: beside the results)")
    look = parser.add_argument_group("a figure of one's own", "each of these needs --out")
    add_only(look)
    look.add_argument(
        "--style", metavar="FILE", help="a .mplstyle file, or a style of matplotlib, over the suite's own"
    )
    look.add_argument("--size", metavar="WxH", help="width and height in inches, such as 3.3x2.4")
    look.add_argument(
        "--overlay", metavar="FILE", help="a .csv of further curves: method, the columns of the axes, and seed"
    )
    for name, words in (("--colour", "draw a method in this colour"), ("--label", "show another name than this one")):
        look.add_argument(name, action="append", default=[], metavar="NAME=VALUE", help=f"{words}; may be repeated")
    look.add_argument("--no-title", action="store_true", help="leave the figure's heading out")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws and prints what was drawn; returns 1 when a run that is not whole was left out."""
    if arguments.all == (arguments.name is not None):
        raise UserError("say what to draw: a NAME from `igr list`, or --all")
    own = [f"--{name.replace('_', '-')}" for name in OWN if getattr(arguments, name)]
    if arguments.all and (own or arguments.out):
        raise UserError(f"{(own or ['--out'])[0]} belongs to one experiment: give its NAME instead of --all")
    if own and not arguments.out:
        raise UserError(f"{own[0]} makes a figure of your own: say with --out FOLDER where it goes")
    if not arguments.all:
        results = results_of(arguments)
        results.only = tuple(arguments.only)
        return draw(results, Path(arguments.out).expanduser() if arguments.out else None, arguments)
    if arguments.settings or arguments.config or arguments.data:
        raise UserError("--set, --config and --data belong to one experiment: give its NAME instead of --all")
    return _draw_all(arguments)


def _appearance(arguments: argparse.Namespace):
    """Returns the appearance that the options ask for.

    Raises:
      UserError: a file cannot be read, or a value is wrong.
    """
    from igr_suite.plotting import appearance, overlay

    colours = _pairs("--colour", arguments.colour)
    return appearance.Appearance(
        style=appearance.read_style(arguments.style) if arguments.style else {},
        size=_size(arguments.size) if arguments.size else None,
        colours={name: appearance.check_colour(name, value) for name, value in colours.items()},
        labels=_pairs("--label", arguments.label),
        titles=not arguments.no_title,
        overlay=overlay.read(Path(arguments.overlay).expanduser()) if arguments.overlay else None,
    )


def _size(text: str) -> tuple[float, float]:
    try:
        width, height = map(float, text.lower().split("x"))
    except ValueError:
        raise UserError(f"--size takes width and height in inches, such as 3.3x2.4, got '{text}'") from None
    if not all(0.5 <= side <= 100 for side in (width, height)):
        raise UserError(f"--size takes sides from 0.5 to 100 inches, got '{text}'")
    return width, height


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UserError(f"{option} takes NAME=VALUE, such as {option} {PAIRS[option]}, got '{text}'")
        pairs[name] = value
    return pairs


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


def draw(results: Results, out: Path | None = None, look: argparse.Namespace | None = None) -> int:
    """Calls the reproduction's `plot(results, out)`, prints its Markdown tables and the paths of all files.

    Args:
      results: what to draw.
      out: the folder for the files; by default that of the results.
      look: the options that change what the figure shows; None leaves it as its plot.py has it.
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
        paths = _paths(results, out or results.folder, look)
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


def _paths(results: Results, out: Path, look: argparse.Namespace | None = None) -> list[Path]:
    module = discovery.plot_module(results.experiment.name)
    if module is None:
        raise UserError(f"{results.experiment.name} has no plot.py")
    from igr_suite.plotting.appearance import PLAIN, applied
    from igr_suite.plotting.tables import captioned

    experiment = results.experiment
    appearance = PLAIN if look is None else _appearance(look)
    heading = captioned(experiment.title, experiment.name.replace("/", "-"))
    with staged(out) as staging, heading, applied(appearance):
        paths = module.plot(results, staging.path)
        if look is not None:
            appearance.check_used()
    return staging.at_their_place(paths)
