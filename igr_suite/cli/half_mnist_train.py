"""`igr half-mnist-train`: one run of half-and-half MNIST from the options of the original's three scripts."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from igr_suite.cli.options import add_one_run, add_results, add_verb
from igr_suite.cli.run import start_script
from igr_suite.errors import UserError
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.original import CHOICES, DEFAULTS, REFUSED, SCRIPTS, Beyond, config_of
from igr_suite.lab.analysis.epoch_means import epoch_means
from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.files import writing
from igr_suite.lab.runs.store import RunFolder

EXAMPLES = """  igr half-mnist-train baselines --estimator ST --num_epochs 20
  igr half-mnist-train baselines --estimator PD --latent_type cont --slash_rate 2
  igr half-mnist-train sdni --sg_type lin --sg_inp 1110000 --historical
  igr half-mnist-train comparison --sg_type lin --repeat 10 --num_epochs 5 --data mnist_5k
  igr half-mnist-train sdni --mode test --val_file losses.txt    the test loss of that finished run, added to a file
The scripts' options have their names and defaults; --latents is an edit of their source (50 early on, 1000 at the last commit).
Start the same command again after a stop: it goes on from its checkpoint."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(verbs, "half-mnist-train", "train on half-and-half MNIST as the original's scripts do", EXAMPLES)
    parser.add_argument("script", choices=SCRIPTS, help="which of the three scripts' options are taken")
    for name in dict.fromkeys(name for script in SCRIPTS for name in DEFAULTS[script]):
        kind, default = type(next(DEFAULTS[s][name] for s in SCRIPTS if name in DEFAULTS[s])), _defaults(name)
        choices = {"choices": CHOICES[name]} if name in CHOICES else {"metavar": "X"}
        parser.add_argument(f"--{name}", type=kind, default=None, help=default, **choices)
    for name in (name for name in REFUSED if not any(name in DEFAULTS[script] for script in SCRIPTS)):
        parser.add_argument(f"--{name}", default=None, help=argparse.SUPPRESS)
    parser.add_argument(
        "--mode", choices=("train", "test"), default="train", help="test: the loss of that finished run (default train)"
    )
    parser.add_argument(
        "--val_file", type=Path, metavar="FILE", help="with --mode test: add the loss to this file, one line per run"
    )
    parser.add_argument(
        "--base_code", default="", metavar="TAG", help="folder of its own for the run, half_mnist/train-TAG"
    )
    parser.add_argument("--latents", type=int, default=50, metavar="N", help="number of latent variables (default 50)")
    parser.add_argument(
        "--historical",
        action="store_true",
        help="the original's Adam, ReLU baseline, hard codes, regression scale, data split",
    )
    parser.add_argument(
        "--data", default="mnist", metavar="NAME", help="data set (default mnist); mnist_5k needs no download"
    )
    parser.add_argument("--eval_every", type=int, default=1, metavar="N", help="epochs between test losses (default 1)")
    add_results(parser)
    add_one_run(parser, "threads (default 1, with which it is fastest)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints the epochs, or tests; returns the exit code."""
    config = config_of_arguments(arguments)
    item = f"train-{arguments.base_code}" if arguments.base_code else "train"
    experiment = Experiment(
        paper="half_mnist", item=item, title="One run of the original's scripts", runs=lambda scale: [config]
    )
    if arguments.mode == "test":
        results = Results(experiment, "paper", results_root(arguments.results))
        return _test(RunFolder(results.folder / config.run_id), arguments.val_file)
    results, code = start_script(experiment, arguments, arguments.results)
    if not arguments.dry_run:
        for line in epoch_lines(RunFolder(results.folder / config.run_id).metrics.rows()):
            print(line)
    return code


def config_of_arguments(arguments: argparse.Namespace) -> TrainHalfMNIST:
    """Returns the run that the command line describes.

    Raises:
      UserError: an option of another script, one without a counterpart, or as in `config_of`.
    """
    script = arguments.script
    named = {name: value for name, value in vars(arguments).items() if value is not None}
    for name, reason in REFUSED.items():
        if name in named and name not in DEFAULTS[script]:
            raise UserError(f"--{name} has no counterpart here: {reason}; leave it out")
    known = {name for each in SCRIPTS for name in DEFAULTS[each]}
    for name in sorted(known & set(named) - set(DEFAULTS[script])):
        readers = [each for each in SCRIPTS if name in DEFAULTS[each]]
        raise UserError(f"--{name} is an option of the script {' and '.join(readers)}, not of {script}; leave it out")
    if arguments.val_file is not None and arguments.mode != "test":
        raise UserError(f"--val_file {arguments.val_file} is written with --mode test only; leave it out")
    given = {name: value for name, value in named.items() if name in DEFAULTS[script]}
    beyond = Beyond(arguments.data, arguments.latents, arguments.historical, arguments.eval_every)
    return config_of(script, given, beyond)


def epoch_lines(rows: Iterable[Mapping]) -> list[str]:
    """Returns "Epoch 3: cost 144.52, sg cost 0.0012, test 0.2213": sums over the epoch's batches, as in the scripts, and
    the test loss per pixel."""
    rows = list(rows)
    tests = {round(row["epoch"]): row["test_bce"] for row in rows if "test_bce" in row}
    lines, last = [], 0
    for row in epoch_means(rows):
        steps, last = row["step"] - last, row["step"]
        parts = [f"cost {steps * row['train_loss']:.4g}"]
        parts += [f"sg cost {steps * row['train_sg_loss']:.4g}"] if "train_sg_loss" in row else []
        parts += [f"test {tests[row['epoch']]:.4f}"] if row["epoch"] in tests else []
        lines.append(f"Epoch {row['epoch']}: " + ", ".join(parts))
    return lines


def _test(folder: RunFolder, file: Path | None) -> int:
    if reason := folder.unfinished():
        raise UserError(f"{folder.path} {reason}; start the same command with --mode train first")
    line = f"{folder.summary()['test_bce']:.6f}"
    if file is None:
        print(f"test loss {line} nats per pixel, {folder.summary()['test_nll']:.3f} per image")
    else:
        with writing(file), file.open("a", encoding="utf-8", newline="\n") as text:
            text.write(line + "\n")
    return 0


def _defaults(name: str) -> str:
    """Returns "baselines: default 1000; sdni: default 100", the scripts that read an option and their defaults."""
    values = {script: DEFAULTS[script][name] for script in SCRIPTS if name in DEFAULTS[script]}
    return "; ".join(f"{script}: default {value}" for script, value in values.items())
