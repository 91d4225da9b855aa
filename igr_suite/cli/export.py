"""`igr export`: finished runs as a tidy CSV or Parquet table, or as TensorBoard's event files."""

import argparse
from pathlib import Path

from igr_suite.cli.options import add_experiment, add_only, add_verb, results_of, say_left_out, shorten
from igr_suite.errors import UserError
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running import sweeps
from igr_suite.lab.running.places import results_root

WHAT = ("summaries", "metrics", "configs")
EXAMPLES = """  igr export igr/table_1_vae_likelihood --out runs.csv                             one row per finished run
  igr export igr/table_1_vae_likelihood --where model.name=IGR_I_Dis --out runs.parquet
  igr export igr/figure_3_elbo_curves --what metrics --out curves.csv              one row per run, step and quantity
  igr export rebar/figure_2_log_variance rebar/tracking --where seed=1 --where seed=2 --out seeds_1_and_2.csv
  igr export igr/discrete_vae --scale smoke --sweep --out sweep.csv                what --set model.temperature=0.3,0.7 ran
  igr export igr/figure_3_elbo_curves --tensorboard logs                           then: tensorboard --logdir logs"""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "export", "write finished runs to a CSV or Parquet table, or to TensorBoard's event files", EXAMPLES
    )
    add_experiment(parser, many=True)
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="only runs with this config value, such as model.name=GS_Dis; of several values for one PATH a run must "
        "have one, and conditions on several PATHs must all hold",
    )
    add_only(parser)
    parser.add_argument(
        "--what",
        choices=WHAT,
        default=WHAT[0],
        help="summaries: one row per run; metrics: one row per run, step and quantity; both with the config values in "
        "which the runs differ; configs: one row per run with all config values (default: summaries)",
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="the runs of sweeps, of all at this scale or of the one that --set names; the columns begin with what was "
        "varied",
    )
    parser.add_argument("--out", metavar="FILE", help="table to write, .csv or .parquet (which needs pyarrow)")
    parser.add_argument(
        "--spreadsheet",
        action="store_true",
        help="for a .csv that a spreadsheet opens: put a quote before texts that it would take for formulas (they "
        "begin with = + - @)",
    )
    parser.add_argument(
        "--tensorboard",
        metavar="FOLDER",
        help="write event files there, one folder per run (tensorboard, of the extra [track], shows them)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Writes the table or event files and prints where they are; returns 1 when a run that is not whole is left out."""
    from igr_suite.lab.analysis import event_files, export, table_files

    if not arguments.out and not arguments.tensorboard:
        raise UserError("say where to write: --out runs.csv, --out runs.parquet or --tensorboard FOLDER")
    out = Path(arguments.out).expanduser() if arguments.out else None
    if out is not None:
        table_files.check_path(out)
    if arguments.spreadsheet and (out is None or out.suffix != ".csv"):
        raise UserError("--spreadsheet applies to the cells of a .csv file: name one with --out")
    left_out: dict[str, str] = {}
    try:
        runs = export.select(_results(arguments), _conditions(arguments.where), arguments.only, left_out)
    finally:
        code = say_left_out(left_out)
    if out is not None:
        rows = export.TABLES[arguments.what](runs)
        cell = table_files.for_spreadsheet if arguments.spreadsheet else table_files.as_it_is
        (table_files.write_blocks if arguments.what == "metrics" else table_files.write_table)(out, rows, cell)
        print(f"{shorten(out)}: {arguments.what} of {len(runs)} runs, {len(rows)} rows")
    if arguments.tensorboard:
        folder = Path(arguments.tensorboard).expanduser()
        written = event_files.write_event_files(folder, runs)
        print(
            f"{shorten(folder)}: event files of {len(written)} runs; look with: tensorboard --logdir {shorten(folder)}"
        )
    return code


def _results(arguments: argparse.Namespace) -> list:
    results = []
    for name in dict.fromkeys(arguments.names):
        arguments.name = name
        own = results_of(arguments)
        results += _sweeps(own, results_root(arguments.results)) if arguments.sweep else [own]
    return results


def _sweeps(results: Results, root: Path) -> list[Results]:
    """Returns the results of the sweeps of an experiment at a scale, or of the one with these settings."""
    experiment, scale = results.experiment, results.scale
    if results.settings:
        if not results.grid:
            raise UserError(
                "--sweep takes settings with several values, such as --set seed=1,2, or none for all sweeps"
            )
        return [results]
    found = [Results(experiment, scale, root, sweep.settings) for sweep in sweeps.sweeps_of(root, experiment, scale)]
    if not found:
        place = shorten(results.folder.parent)
        raise UserError(f"no sweep at scale {scale} in {place}; `igr run {experiment.name} --set PATH=A,B` makes one")
    return found


def _conditions(pairs: list[str]) -> dict[str, list[str]]:
    """Returns {"seed": ["1", "2"]} from `--where seed=1 --where seed=2`."""
    conditions: dict[str, list[str]] = {}
    for pair in pairs:
        path, equals, value = pair.partition("=")
        if not equals or not path:
            raise UserError(f"--where takes path=value, such as --where seed=3, got '{pair}'")
        conditions.setdefault(path, []).append(value)
    return conditions
