"""`igr temperature`: searches a model's temperature by a criterion; candidates that are already trained are not trained
again."""

import argparse

from igr_suite.cli.options import add_results, add_verb
from igr_suite.cli.run import add_running, start
from igr_suite.errors import UserError
from igr_suite.families.vae import temperature_search
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running.experiment import SCALES, check_scale
from igr_suite.lab.running.places import results_root

EXAMPLES = """  igr temperature                                        all four models, both criteria
  igr temperature --model GS_Dis --refine 3              the interval that is left, halved three times
  igr temperature --model IGR_I_Dis --grid 0.05,0.1,0.2  other candidates
  igr temperature --criterion validation --preset default --data mnist_5k
The outcome is printed and written with the run ids it rests on; start the same command again to go on after a stop."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "temperature", "search the temperature of a model", EXAMPLES)
    models = ",".join(temperature_search.BUDGETS["quick"].models)
    parser.add_argument("--model", metavar="NAME[,NAME]", help=f"models, of {models} (default: all of the scale's)")
    parser.add_argument(
        "--preset", metavar="|".join(temperature_search.PRESETS), default="g2", help="training setting (default g2)"
    )
    meaning = (
        "near_vertex: highest with 75%% of codes within 0.2 of a vertex; validation: best validation ELBO "
        "(default both)"
    )
    parser.add_argument("--criterion", metavar="|".join(temperature_search.CRITERIA), default="both", help=meaning)
    parser.add_argument("--grid", metavar="T[,T]", help="candidates, for every model named (default: the scale's)")
    parser.add_argument(
        "--refine", type=int, metavar="N", help="halve the interval above the highest near candidate N times"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="training epochs of a candidate (default: the scale's)")
    parser.add_argument("--data", metavar="NAME[,NAME]", help="data sets; see `igr data list`")
    parser.add_argument(
        "--scale",
        default="quick",
        metavar="|".join(SCALES),
        help="smoke, quick (default) or paper: epochs, seeds, grids",
    )
    add_results(parser)
    add_running(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Searches, prints and writes; returns the exit code."""
    scale = check_scale(arguments.scale)
    search, settings = search_of(arguments, scale)
    datasets = {scale: tuple(arguments.data.split(","))} if arguments.data else temperature_search.DATASETS
    experiment = temperature_search.experiment({scale: search}, datasets)
    results = Results(experiment, scale, results_root(arguments.results))
    return start(results, arguments, results.folder / "searches" / "+".join(settings) if settings else None)


def search_of(arguments: argparse.Namespace, scale: str) -> tuple[temperature_search.Search, list[str]]:
    """Returns the search that the options describe, and the options that differ from those of the scale's search, as
    words."""
    budget = temperature_search.BUDGETS[scale]
    models = tuple(arguments.model.split(",")) if arguments.model else budget.models
    grid = {} if arguments.grid is None else dict.fromkeys(models, _grid(arguments.grid))
    refine = arguments.refine if arguments.refine is not None else budget.refine * (arguments.criterion != "validation")
    search = temperature_search.changed(
        scale,
        models=models,
        preset=arguments.preset,
        criterion=arguments.criterion,
        grids=temperature_search.GRIDS[scale] | grid,
        refine=refine,
        epochs=budget.epochs if arguments.epochs is None else arguments.epochs,
    )
    words = {"preset": "g2", "criterion": "both"}
    names = ("data", "model", "preset", "criterion", "grid", "refine", "epochs")
    given = {name: getattr(arguments, name) for name in names}
    return search, [f"{name}={value}" for name, value in given.items() if value not in (None, words.get(name))]


def _grid(text: str) -> tuple[float, ...]:
    try:
        return tuple(sorted({float(word) for word in text.split(",")}))
    except ValueError:
        raise UserError(f"--grid takes numbers, such as 0.1,0.3,1, got '{text}'") from None
