"""`igr plot`: draws figure and table from saved results, without TensorFlow."""

import argparse
import sys
from pathlib import Path

from igr_suite.cli.options import add_experiment, add_verb, command, results_of, shorten
from igr_suite.errors import UserError
from igr_suite.experiments import discovery
from igr_suite.experiments.files import writing
from igr_suite.experiments.results import Results

EXAMPLES = "  igr plot igr/table_1_vae_likelihood\n  igr plot igr/table_1_vae_likelihood --scale paper --results ~/from_cluster"


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "plot", "draw an experiment's figure and table from its finished runs", EXAMPLES)
    add_experiment(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draws and prints what was drawn."""
    draw(results_of(arguments))
    return 0


def draw(results: Results, out: Path | None = None) -> None:
    """Calls the reproduction's `plot(results, out)`, prints its Markdown tables and the paths of all files.

    Args:
      results: what to draw.
      out: where to; by default the results' own folder.
    Raises:
      UserError: there is no plot.py, or nothing is finished yet.
    """
    module = discovery.plot_module(results.experiment.name)
    if module is None:
        raise UserError(f"{results.experiment.name} has no plot.py")
    if len(results.runs) == 0:
        raise UserError(f"no finished run in {shorten(results.folder)}; start them with `{command('run', results)}`")
    if len(results.runs) < len(results.configs):
        print(f"{len(results.runs)} of {len(results.configs)} runs are finished; drawing those", file=sys.stderr)
    out = out or results.folder
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        paths = module.plot(results, out)
    for path in paths:
        if path.suffix == ".md":
            print("\n" + path.read_text().strip() + "\n")
    for path in paths:
        print(shorten(path))
