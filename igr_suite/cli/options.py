"""Options that several verbs share, and what verbs make of them: results, orders, messages."""

import argparse
import os
import shlex
import shutil
import sys
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import discovery
from igr_suite.lab.running.experiment import SCALES, check_scale
from igr_suite.lab.running.places import parse_settings, results_root
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.own_settings import pin
from igr_suite.lab.runs.store import RunFolder
from igr_suite.terminal import line, say

if TYPE_CHECKING:
    from igr_suite.lab.running.order import Order


def add_verb(verbs, name: str, help: str, examples: str) -> argparse.ArgumentParser:
    """Returns the parser of a new verb; `examples` ends its help."""
    texts = {"help": help, "description": help[0].upper() + help[1:] + ".", "epilog": "examples:\n" + examples}
    return verbs.add_parser(name, **texts, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_experiment(
    parser: argparse.ArgumentParser, scale: str | None = "quick", optional: bool = False, many: bool = False
) -> None:
    """Adds NAME, --scale, --set, --config, --data and --results.

    Args:
      parser: of the verb.
      scale: the default of --scale.
      optional: whether NAME may be left out.
      many: whether several names may be given, as `names`.
    """
    meaning = "smoke takes seconds, quick minutes, paper the paper's budget" + (f" (default {scale})" if scale else "")
    number = "+" if many else "?" if optional else None
    parser.add_argument(
        "names" if many else "name",
        metavar="NAME",
        nargs=number,
        help="experiment, such as igr/table_1_vae_likelihood; see `igr list`",
    )
    parser.add_argument("--scale", default=scale, metavar="|".join(SCALES), help=meaning)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        dest="settings",
        help="change a config value of every run, such as schedule.epochs=3; may be repeated; results go to a folder "
        "of their own. Several values, model.temperature=0.3,0.7, or one path several times, make a sweep: a run at "
        "every point of the grid",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="JSON, TOML or YAML file of such values, the original repository's keys included",
    )
    parser.add_argument(
        "--data", metavar="NAME[,NAME]", help="data sets instead of the experiment's own; see `igr data list`"
    )
    add_results(parser)


def add_results(parser: argparse.ArgumentParser, name: str = "--results") -> None:
    """Adds --results, or the same option under the name that it has in an original script."""
    parser.add_argument(
        name, metavar="PATH", help="results folder (default: $IGR_RESULTS, else results/ of the checkout)"
    )


def add_one_run(parser: argparse.ArgumentParser, threads: str = "threads (default 1)") -> None:
    """Adds --threads, --dry-run and --data-dir, for verbs that start one run from the options of an original script.

    Args:
      parser: of the verb.
      threads: the help of --threads.
    """
    parser.add_argument("--threads", type=int, metavar="N", help=threads)
    parser.add_argument("--dry-run", action="store_true", help="show the run and its state, start nothing")
    add_data_dir(parser)


def add_only(parser: argparse.ArgumentParser) -> None:
    """Adds --only."""
    meaning = "only runs whose id contains this text or fits this pattern; may be repeated"
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help=meaning)


def add_strategy(parser: argparse.ArgumentParser) -> None:
    """Adds --strategy."""
    meaning = (
        "divide every run's batches among the devices of this machine, or of several; batches stay as large as they are"
    )
    parser.add_argument("--strategy", metavar="mirrored|multi_worker", help=meaning)


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Adds --data-dir."""
    default = "$TFDS_DATA_DIR, else ~/tensorflow_datasets"
    parser.add_argument("--data-dir", metavar="PATH", help=f"folder of tensorflow-datasets (default: {default})")


def results_of(arguments: argparse.Namespace) -> Results:
    """Returns the results that NAME, --scale, --set, --config, --data and --results point to."""
    from igr_suite.families.vae.original import rename_data  # needs numpy, which a login node may not have
    from igr_suite.lab.runs.settings_file import read_pairs

    from_file = [rename_data(pair) for pair in (read_pairs(arguments.config) if arguments.config else ())]
    settings = parse_settings([rename_data(pair) for pair in arguments.settings], arguments.data, from_file)
    return Results(
        discovery.find(arguments.name), check_scale(arguments.scale), results_root(arguments.results), settings
    )


def refuse_sweep(results: Results) -> None:
    """Refuses to draw or judge a sweep, whose points would be taken for repetitions.

    Raises:
      UserError: the settings have several values.
    """
    if results.grid:
        paths = " and ".join(results.grid)
        point = " ".join(f"--set {shlex.quote(f'{path}={texts[0]}')}" for path, texts in results.grid.items())
        raise UserError(
            f"{paths} {'have' if len(results.grid) > 1 else 'has'} several values, and a figure or a comparison is of "
            f"one setting: `{command('export', results)} --sweep --out sweep.csv` writes the table of the sweep, and "
            f"`igr run {results.experiment.name} --scale {results.scale} {point}` draws one point without training "
            f"it again"
        )


def order_of(results: Results, arguments: argparse.Namespace) -> "Order":
    """Returns the order for the runs of `results` that the options of `igr run` or `igr submit` ask for."""
    from igr_suite.lab.running.order import Order

    names = ("only", "jobs", "threads", "data_dir", "strategy", "track")
    options = {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
    root = results_root(arguments.results)
    return Order(experiment=results.experiment, scale=results.scale, root=root, settings=results.settings, **options)


def config_in(folder: RunFolder) -> RunConfig:
    """Returns the config of the run in a folder that the user named.

    Raises:
      UserError: the folder is no run's, or its config cannot be read.
    """
    config = folder.config()
    if config is None:
        raise UserError(f"{folder.path} is not a run's folder: it has no config.json")
    return config


def prepare_process(data_dir: str | None) -> None:
    """Gives this process the environment of a run; it takes effect before Keras, TensorFlow and numpy are imported."""
    if data_dir is not None:
        os.environ["TFDS_DATA_DIR"] = data_dir
    pin()


def say_left_out(faults: Mapping[str, str]) -> int:
    """Names on stderr the runs that are not whole; returns the exit code: 1 where there is one, 0 elsewhere.

    Args:
      faults: run folder -> its fault, as in `Results.faults`.
    """
    from igr_suite.lab.runs.wholeness import WAY_OUT

    for name, fault in faults.items():
        say(f"igr: {name} is not whole and is left out: {fault}", error=True)
    if faults:
        say(f"igr: {len(faults)} run{'s' * (len(faults) > 1)} left out; {WAY_OUT}", error=True)
    return 1 if faults else 0


def command(verb: str, results: Results) -> str:
    """Returns the command line of another verb on the same results."""
    texts = {path: (text,) if isinstance(text, str) else text for path, text in results.settings.items()}
    pairs = [f" --set {shlex.quote(f'{path}={text}')}" for path, own in texts.items() for text in own]
    return f"igr {verb} {results.experiment.name} --scale {results.scale}{''.join(pairs)}"


def shorten(path: Path) -> str:
    """Returns the path for a message: relative to the working folder when it is below it, with control characters
    escaped."""
    path = path.resolve()
    return line(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def paragraph(text: str, indent: str = "", first: str | None = None, width: int = 80) -> str:
    """Returns a text in lines of at most `width` columns, but of 20 beside the indent where the terminal is narrower.

    Args:
      text: one paragraph; its control characters are escaped.
      indent: what every line begins with.
      first: what the first line begins with instead.
      width: columns of the terminal.
    """
    return textwrap.fill(
        line(text),
        max(width, 20 + len(indent)),
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
    )


def fitting(rows: list[list[str]], least: int, right: Collection[int] = ()) -> str:
    """Returns `table` in lines of at most the terminal's width, where there is a terminal: first without the column
    `least`, then with the first column's names cut in their middles; elsewhere the whole table."""
    width = shutil.get_terminal_size().columns
    drawn = table(rows, right)
    if (not sys.stdout.isatty() and "COLUMNS" not in os.environ) or _widest(drawn) <= width:
        return drawn
    rows = [row[:least] + row[least + 1 :] for row in rows]
    right = [i - (i > least) for i in right if i != least]
    too_many = _widest(table(rows, right)) - width
    allowed = max(24, max(len(row[0]) for row in rows) - max(0, too_many))
    return table([[shortened(row[0], allowed), *row[1:]] for row in rows], right)


def shortened(text: str, width: int) -> str:
    """Returns a text of at most `width` characters, its middle replaced by an ellipsis where it is longer."""
    if len(text) <= width:
        return text
    before = (width - 1) // 2
    return f"{text[:before]}…{text[len(text) - (width - 1 - before) :]}"


def _widest(drawn: str) -> int:
    return max(map(len, drawn.splitlines()))


def table(rows: list[list[str]], right: Collection[int] = ()) -> str:
    """Returns aligned columns; the first row is the heading. Control characters in cells are escaped, so that every row
    stays one line.

    Args:
      rows: cells.
      right: indices of the columns that are aligned to the right.
    """
    rows = [[line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = [
        [cell.rjust(width) if i in right else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        for row in rows
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)
