"""`igr dni-train`: trains a classifier with synthetic gradients with the options of the original scripts."""

import argparse
from collections.abc import Iterable, Mapping

from igr_suite.cli.options import add_one_run, add_results, add_verb, shorten
from igr_suite.cli.run import start_script
from igr_suite.families.dni.original import KEYS, SCRIPTS, config_of
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.runs.outputs import staged
from igr_suite.lab.runs.store import RunFolder

EXAMPLES = """  igr dni-train B-dni --condition --full --epochs 80         # linear, label-conditioned synthesisers
  igr dni-train B-dni --full --learningRate 1e-4 --historical # as the Torch code: gradients of the batch mean
  igr dni-train B-relu --full --batchSize 250 --plot
  igr dni-train A-dni --full --train_rou backprop --epochs 20
  igr dni-train B-cdni --data mnist_5k --epochs 3             # embedded digits, no download
Without --full it takes the first 2,000 training and 1,000 test images, as the Torch scripts do. It prints both accuracies after every
epoch when it ends. Start the same command again after a stop: it goes on from its checkpoint."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "dni-train", "train a classifier with synthetic gradients as the original scripts do", EXAMPLES
    )
    parser.add_argument(
        "configuration", choices=SCRIPTS, help="network and training of docs/papers/dni.md, section 2.4"
    )
    parser.add_argument("--full", action="store_true", help="all images")
    parser.add_argument("--condition", action="store_true", help="synthesisers see the label (B-dni)")
    parser.add_argument("--learningRate", type=float, metavar="X", help="default: the configuration's (scripts: 0.05)")
    parser.add_argument(
        "--batchSize", type=int, metavar="N", help="default: the configuration's, 250 or 100 (scripts: 10)"
    )
    parser.add_argument("--momentum", type=float, metavar="X", help="of SGD (default 0)")
    parser.add_argument("--coefL2", type=float, metavar="X", help="X/2 ||w||^2 is added to the loss (default 0)")
    parser.add_argument(
        "--coefL1", type=float, metavar="X", help="X ||w||_1 is added to the loss (B-simple, default 0)"
    )
    parser.add_argument("--train_rou", choices=("synthetic", "backprop"), help="of the A configurations")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="default: those that the README reports (46, 21, 249, 80; 1,000)"
    )
    parser.add_argument(
        "--historical",
        action="store_true",
        help="synthesisers predict the gradient of the batch mean, as the Torch code's",
    )
    parser.add_argument("--data", default="mnist", metavar="NAME", help="data set; see `igr data list` (default mnist)")
    parser.add_argument(
        "--plot", action="store_true", help="draw errors and the synthetic gradients' agreement beside the run"
    )
    add_results(parser, "--save")
    add_one_run(parser, "threads (default 1; scripts: 4)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints the epochs; returns the exit code."""
    config = config_of(arguments.configuration, {name: getattr(arguments, name) for name in KEYS})
    experiment = Experiment(
        paper="dni", item="train", title="One run of the original scripts", runs=lambda scale: [config]
    )
    results, code = start_script(experiment, arguments, arguments.save)
    folder = RunFolder(results.folder / config.run_id)
    if arguments.dry_run or not folder.finished:
        return code
    for line in epoch_lines(folder.metrics.rows()):
        print(line)
    if arguments.plot:
        from igr_suite.families.dni.plots import agreement_figure, error_curves, evaluated

        rows = evaluated(results.metrics)
        with staged(folder.path) as staging:
            paths = [*error_curves(rows, staging.path, panels="network"), *agreement_figure(rows, staging.path)]
        for path in staging.at_their_place(paths):
            print(shorten(path))
    return code


def epoch_lines(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """Returns "epoch 1: accuracy of training images 95.12%, of test images 95.40%", a line per evaluation.

    The accuracy of training images is measured during the epoch, while the weights change, as in the scripts.
    """
    lines, wrong, counted, before = [], 0.0, 0, 0
    for row in rows:
        if "train_error" in row:  # the mean since the row before
            steps, before = row["step"] - before, row["step"]
            wrong, counted = wrong + row["train_error"] * steps, counted + steps
        if "test_error" in row:
            train, test = 100 * (1 - wrong / max(counted, 1)), 100 * (1 - row["test_error"])
            lines.append(
                f"epoch {row['epoch']:g}: accuracy of training images {train:.2f}%, of test images {test:.2f}%"
            )
            wrong, counted = 0.0, 0
    return lines
