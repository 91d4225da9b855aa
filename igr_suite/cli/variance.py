"""`igr variance`: compares gradient estimators at the weights of a trained model."""

import argparse
import importlib
import sys
from pathlib import Path

from igr_suite.cli.options import add_data_dir, add_verb, config_in, prepare_process, shorten
from igr_suite.errors import UserError
from igr_suite.estimators.names import REFERENCE
from igr_suite.lab.runs.outputs import staged
from igr_suite.lab.runs.quiet import quiet
from igr_suite.lab.runs.store import RunFolder

EXAMPLES = """  igr variance results/rebar/readme_traces/quick/*-dynamic_rebar-L2-*-s5328-*
  igr variance RUN_FOLDER --estimators rebar,disarm --draws 10000 --reference 100000
Belief networks and VAEs of discrete codes take every registered estimator of their variables, deeper belief networks as
they train with it (without RELAX). Biases are measured against many draws of an unbiased estimator, local expectation
gradients unless --against names another. Writes variance.csv, .md, .tex, .png and .pdf beside the run."""
# A draw of the local expectation takes as long as 20 to 40 of other estimators at 200 binary variables.
REFERENCE_DRAWS = {REFERENCE: 200}
OTHER_DRAWS = 4_000
# the least values: two draws in each of twenty groups; centring by the other images needs a second one
LEAST = {"draws": 40, "reference": 40, "images": 2}


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs,
        "variance",
        "compare gradient estimators at the weights of a finished run with discrete variables",
        EXAMPLES,
    )
    parser.add_argument("folder", type=Path, metavar="RUN_FOLDER", help="folder of a finished run, with its checkpoint")
    parser.add_argument("--estimators", metavar="A[,B]", help="names from docs/estimators.md (default: all that apply)")
    parser.add_argument(
        "--draws", type=int, default=1_000, metavar="R", help="estimates of each, the same noise for all (default 1000)"
    )
    parser.add_argument(
        "--against",
        default=REFERENCE,
        metavar="NAME",
        help=f"unbiased estimator that biases are measured against (default {REFERENCE})",
    )
    parser.add_argument(
        "--reference",
        type=int,
        metavar="N",
        help=f"draws of it (default {REFERENCE_DRAWS[REFERENCE]}, of any other estimator {OTHER_DRAWS})",
    )
    parser.add_argument("--images", type=int, default=24, metavar="B", help="the first B training images (default 24)")
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures, prints the table and the paths of what was written."""
    if arguments.reference is None:
        arguments.reference = REFERENCE_DRAWS.get(arguments.against, OTHER_DRAWS)
    for name, least in LEAST.items():
        if getattr(arguments, name) < least:
            raise UserError(f"--{name} must be at least {least}, got {getattr(arguments, name)}")
    folder = RunFolder(arguments.folder)
    config = config_in(folder)
    if not config.subject:
        raise UserError(
            f"{folder.path} is a {type(config).__name__} run; estimators are compared on belief networks and on VAEs "
            f"of discrete codes"
        )
    if reason := folder.unfinished(named=False):
        raise UserError(f"{folder.path} {reason}; run it to its end first")
    config.check_inputs(arguments.data_dir)
    prepare_process(arguments.data_dir)
    with quiet():
        from igr_suite.measuring import estimator_variance
        from igr_suite.randomness import run_seed
    from igr_suite.plotting.variance import draw

    seed = run_seed(config.seed, "variance draws")
    subject = importlib.import_module(config.subject).load(folder, config, arguments.images, seed)
    names = arguments.estimators.split(",") if arguments.estimators else subject.names
    rows = estimator_variance.measure(
        subject,
        names,
        arguments.draws,
        arguments.reference,
        seed,
        say=lambda text: print(text, file=sys.stderr),
        against=arguments.against,
    )
    with staged(folder.path) as staging:
        paths = draw(rows, staging.path, f"{config.slug()}, {arguments.images} images", arguments.against)
    paths = staging.at_their_place(paths)
    for path in paths:
        if path.suffix == ".md":
            print(path.read_text(encoding="utf-8"))
    for path in paths:
        print(shorten(path))
    return 0
