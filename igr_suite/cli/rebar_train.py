"""`igr rebar-train`: trains a sigmoid belief network from the `--hparams` string of the authors' script."""

import argparse
import math
from collections.abc import Iterable, Mapping

from igr_suite.cli.options import add_one_run, add_results, add_verb
from igr_suite.cli.run import start_script
from igr_suite.families.sbn.config import TrainSBN
from igr_suite.families.sbn.original import config_of
from igr_suite.families.sbn.original_log import entries_of, format_entry
from igr_suite.lab.analysis.epoch_means import epoch_means
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.runs.store import RunFolder

EXAMPLES = """  igr rebar-train --hparams="model=SBNDynamicRebar,learning_rate=0.0003,n_layer=2,task=sbn"
  igr rebar-train --hparams="model=SBNTrackGradVariances,n_layer=2,task=omni" --working_dir /tmp/rebar --eval_freq 5
  igr rebar-train --hparams="model=SBNRebar,n_layer=2" --historical --steps 4168 --data mnist_5k
  igr rebar-train --hparams="model=SBNNVIL" --log suite
When it ends it prints every epoch as the script does: "Step N: [means over the epoch]", the log of the gradient's variance, and "Valid N:"
and "Test N:" with the 100-sample bounds; --log suite names the values instead.
Start the same command again after a stop: it goes on from its checkpoint."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "rebar-train", "train a sigmoid belief network as the REBAR authors' script does", EXAMPLES
    )
    parser.add_argument(
        "--hparams", default="", metavar="K=V,K=V", help="the script's hyperparameters (default: its defaults)"
    )
    add_results(parser, "--working_dir")
    parser.add_argument(
        "--eval_freq", type=int, default=20, metavar="N", help="epochs between evaluations (default 20)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="training steps, rounded up to whole epochs (default: the script's 2,000,000)",
    )
    parser.add_argument(
        "--historical", action="store_true", help="the authors' biased multilayer control variate, sp generator and EMA"
    )
    parser.add_argument("--data", metavar="NAME", help="data set instead of the task's; see `igr data list`")
    parser.add_argument(
        "--log",
        choices=("script", "suite", "both"),
        default="script",
        help="lines of the script, named values, or both (default: script)",
    )
    add_one_run(parser, "threads (default 1, with which it is fastest)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Trains and prints the epochs; returns the exit code."""
    config = config_of(
        arguments.hparams,
        historical=arguments.historical,
        evaluate_every=arguments.eval_freq,
        steps=arguments.steps,
        data=arguments.data,
    )
    experiment = Experiment(
        paper="rebar", item="train", title="One run of the authors' script", runs=lambda scale: [config]
    )
    results, code = start_script(experiment, arguments, arguments.working_dir)
    folder = RunFolder(results.folder / config.run_id)
    if not arguments.dry_run:
        for line in epoch_lines(config, folder.metrics.rows(), arguments.log):
            print(line)
    return code


def epoch_lines(config: TrainSBN, rows: Iterable[Mapping], log: str) -> list[str]:
    """Returns the lines that `--log` asks for, in the order of the steps.

    Args:
      config: the run.
      rows: its metrics rows.
      log: "script", "suite" or "both".
    """
    rows = list(rows)
    theirs = [(entry.step, format_entry(entry)) for entry in entries_of(config.model, rows)] if log != "suite" else []
    ours = [(row["step"], epoch_line(row)) for row in epoch_means(rows)] if log != "script" else []
    return [text for _, text in sorted([*theirs, *ours], key=lambda line: line[0])]


def epoch_line(row: dict) -> str:
    """Returns "Step 2084: elbo -231.03, temperature 0.371, ..., log variance -3.647": means over the epoch, and the log
    of the mean variance."""
    values = {name.removeprefix("train_"): value for name, value in row.items() if name.startswith("train_")}
    parts = [
        f"{name} {value:.4g}" for name, value in values.items() if not name.startswith(("variance", "mean_square"))
    ]
    logs = [
        f"{name.replace('log_train_', 'log ')} {value:.3f}"
        for name, value in row.items()
        if name.startswith("log_") and math.isfinite(value)
    ]
    return f"Step {row['step']}: " + ", ".join([*parts, *logs])
