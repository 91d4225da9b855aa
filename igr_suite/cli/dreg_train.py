"""`igr dreg-train`: trains a VAE on a K-sample objective from the flags of the authors' script; also their bias check
and toy problem."""

import argparse
import json
import os
import sys
from collections.abc import Mapping

from igr_suite.cli.options import add_one_run, add_results, add_strategy, add_verb, prepare_process, shorten
from igr_suite.cli.run import start_script
from igr_suite.errors import UserError
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.iwae.original import (
    BINARISATIONS,
    check_all_read,
    config_of,
    data_dir_of,
    folder_name,
    names_in,
)
from igr_suite.lab.running.experiment import Experiment
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs import values
from igr_suite.lab.runs.files import write_json
from igr_suite.lab.runs.quiet import quiet
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import one_operation_a_thread, thread_variables
from igr_suite.studies.linear_gaussian.config import LinearGaussianGradients

BIASED = 3  # exit code of --bias_check
EXAMPLES = """  igr dreg-train --estimator dreg --max_steps 20000 --var_calc iwae,stl
  igr dreg-train --estimator jk-dreg --dataset struct_mnist --run 1
  igr dreg-train --estimator stl --initial_checkpoint_dir RUN_FOLDER --max_steps 5000    the inference network alone
  igr dreg-train --estimator dreg --bias_check --init_from RUN_FOLDER                    exit code 3: a bias was found
  igr dreg-train --mode toy --estimator dreg --var_calc iwae,stl --toy_samples 2,8,32
Start the same command again after a stop: it goes on from its checkpoint, and the result is the same bit by bit."""


def add(verbs) -> None:
    """Adds the verb."""
    parser = add_verb(
        verbs, "dreg-train", "train a VAE on a K-sample objective as the DReG authors' script does", EXAMPLES
    )
    theirs = parser.add_argument_group("flags of the authors' script")
    theirs.add_argument(
        "--estimator",
        default="iwae",
        metavar="NAME",
        help="objective and gradient, see docs/objectives.md (default iwae)",
    )
    theirs.add_argument(
        "--alpha",
        type=float,
        metavar="A",
        help="weight of RWS-DReG in dreg-alpha (default 0.9), or order of vr-iwae (default 0.5)",
    )
    theirs.add_argument("--batch_size", type=int, default=32, metavar="B")
    theirs.add_argument("--num_samples", type=int, default=64, metavar="K", help="samples of an image (default 64)")
    theirs.add_argument("--latent_dim", type=int, default=50, metavar="D")
    theirs.add_argument("--learning_rate", type=float, default=3e-4, metavar="RATE")
    theirs.add_argument(
        "--max_steps", type=int, default=5_000_000, metavar="N", help="rounded up to whole epochs (default 5,000,000)"
    )
    theirs.add_argument(
        "--summarize_every", type=int, default=100, metavar="N", help="least steps between printed lines (default 100)"
    )
    add_results(theirs, "--logdir")
    theirs.add_argument(
        "--bias_check", action="store_true", help="compare the estimator's mean gradient with its reference's"
    )
    theirs.add_argument(
        "--initial_checkpoint_dir", metavar="PATH", help="train the inference network alone, from this checkpoint"
    )
    theirs.add_argument(
        "--run", type=int, default=0, metavar="N", dest="run_number", help="trial: part of the name, and the seed"
    )
    theirs.add_argument(
        "--var_calc", metavar="A,B", help="objectives whose gradients are measured beside the trained one's"
    )
    theirs.add_argument(
        "--dataset", default="mnist", metavar="NAME", help="mnist, struct_mnist, omniglot, or any of `igr data list`"
    )
    theirs.add_argument("--image_summary", action="store_true", help="store reconstructions as pictures.npz")
    theirs.add_argument("--MNIST_LOCATION", metavar="PATH", help="folder of prepared data")
    theirs.add_argument("--OMNIGLOT_LOCATION", metavar="PATH", help="chardata.mat or its folder")
    _add_new(parser.add_argument_group("further flags"))
    parser.set_defaults(run=run, default_of=parser.get_default)


def _add_new(parser) -> None:
    parser.add_argument(
        "--mode", choices=("train", "toy"), default="train", help="toy: gradients on the linear-Gaussian model"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="default: the number of the run")
    parser.add_argument(
        "--sigma_min", type=float, default=0.0, metavar="S", help="floor of standard deviations (default 0)"
    )
    parser.add_argument(
        "--struct_layout", choices=("paper", "legacy"), help="which half is predicted; legacy: as the authors' code"
    )
    parser.add_argument(
        "--prior_gradient", choices=("score", "gdreg"), help="of the conditional prior of struct_ sets (default score)"
    )
    parser.add_argument(
        "--binarization",
        choices=tuple(BINARISATIONS),
        default="dynamic",
        help="static: one draw for all uses of an image",
    )
    parser.add_argument(
        "--antithetic", action="store_true", help="mirror half of the samples; unbiasedness is then not claimed"
    )
    parser.add_argument("--jvi_order", type=int, metavar="M", help="order of jk and jk-dreg (default 1)")
    parser.add_argument("--groups", type=int, metavar="M", help="groups of miwae and piwae (default 8)")
    parser.add_argument("--beta", type=float, metavar="B", help="weight of L_1 in ciwae (default 0.05)")
    parser.add_argument("--gamma", type=float, metavar="G", help="of ovis (default 1)")
    parser.add_argument(
        "--eval_every", type=int, default=10, metavar="N", help="epochs between evaluations (default 10)"
    )
    parser.add_argument(
        "--eval_samples", default="64", metavar="K,K", help="samples of bounds beside num_samples (default 64)"
    )
    parser.add_argument(
        "--likelihood_samples", type=int, default=5_000, metavar="N", help="of the last bound; 0: none (default 5000)"
    )
    parser.add_argument(
        "--likelihood_images", type=int, metavar="N", help="test images of the last bound (default: all)"
    )
    parser.add_argument(
        "--stats", choices=("ema", "exact", "off"), default="ema", help="gradient statistics (default ema)"
    )
    parser.add_argument(
        "--stat_repeats", type=int, default=200, metavar="R", help="draws of exact statistics (default 200)"
    )
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32", help="of the decoder's products in training"
    )
    parser.add_argument("--init_from", metavar="PATH", help="checkpoint file or run folder to start from")
    parser.add_argument("--train", choices=("all", "inference"), help="which networks (default all)")
    parser.add_argument("--keep_optimizer", action="store_true", help="take Adam's state over from the checkpoint")
    parser.add_argument(
        "--bias_check_samples", type=int, default=10_000, metavar="N", help="paired draws (default 10000)"
    )
    parser.add_argument(
        "--bias_check_warmup", type=int, metavar="N", help="training steps before them (1001, or 0 with --init_from)"
    )
    parser.add_argument(
        "--reference", metavar="NAME", help="objective that the bias check compares with (default: the estimator's own)"
    )
    parser.add_argument(
        "--toy_samples", default="2,8,32,128", metavar="K,K", help="numbers of samples of the toy problem"
    )
    parser.add_argument("--toy_repetitions", type=int, default=1_000, metavar="R")
    parser.add_argument("--toy_dimension", type=int, default=20, metavar="D")
    parser.add_argument("--toy_points", type=int, default=1_024, metavar="N")
    parser.add_argument("--toy_perturbation", type=float, default=0.01, metavar="E")
    parser.add_argument("--train_limit", type=int, metavar="N", help="first training images only")
    parser.add_argument("--evaluation_limit", type=int, metavar="N", help="first validation and test images only")
    add_one_run(parser)
    add_strategy(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, checks or measures, and prints the results; returns the exit code."""
    flags = argparse.Namespace(**{**vars(arguments), "run": arguments.run_number})
    check_all_read(flags, arguments.default_of)
    if flags.mode == "toy":
        return _toy(flags)
    config = config_of(flags)
    flags.data_dir = data_dir_of(flags)
    config.check_inputs(flags.data_dir)
    if flags.bias_check:
        return _check_bias(flags, config)
    experiment = Experiment(
        paper="dreg",
        item=folder_name(flags, config),
        title="One run of the authors' script",
        runs=lambda scale: [config],
    )
    results, code = start_script(experiment, flags, flags.logdir)
    if not flags.dry_run:
        for line in lines(RunFolder(results.folder / config.run_id).metrics.rows(), flags.summarize_every):
            print(line)
    return code


def lines(rows: list[Mapping], least: int) -> list[str]:
    """Returns "Step 1563: train_objective -98.2, ..." for every evaluation, and for training rows at least `least`
    steps apart."""
    shown, last = [], -least
    for row in rows:
        values_ = {name: value for name, value in row.items() if name not in ("step", "epoch")}
        if "train_objective" in values_ and row["step"] - last < least:
            continue
        last = row["step"] if "train_objective" in values_ else last
        shown.append(f"Step {row['step']}: " + ", ".join(f"{name} {value:.4g}" for name, value in values_.items()))
    return shown


def _toy(flags: argparse.Namespace) -> int:
    """Measures gradients on the linear-Gaussian model, with one run for each number of samples."""
    objectives = tuple(dict.fromkeys((flags.estimator, *names_in(flags.var_calc))))
    runs = [
        LinearGaussianGradients(
            objectives=objectives,
            samples=samples,
            repetitions=flags.toy_repetitions,
            dimension=flags.toy_dimension,
            points=flags.toy_points,
            perturbation=flags.toy_perturbation,
            seed=flags.run if flags.seed is None else flags.seed,
        )
        for samples in values.parse(flags.toy_samples, tuple[int, ...], "--toy_samples")
    ]
    experiment = Experiment(paper="dreg", item="toy", title="Gradients on the toy problem", runs=lambda scale: runs)
    results, code = start_script(experiment, flags, flags.logdir)
    for config in runs:
        summary = None if flags.dry_run else RunFolder(results.folder / config.run_id).summary()
        if summary is not None:
            print(f"K={config.samples}: {json.dumps(summary)}")
    return code


def _check_bias(flags: argparse.Namespace, config: TrainDReG) -> int:
    """Measures the bias at frozen weights, writes and prints it as JSON; returns BIASED where one was found, else 0."""
    if flags.bias_check_samples < 10:
        raise UserError(f"--bias_check_samples must be at least 10, got {flags.bias_check_samples}")
    warmup = flags.bias_check_warmup
    if warmup is None:
        warmup = 0 if config.start.checkpoint else 1_001
    if warmup < 0:
        raise UserError(f"--bias_check_warmup must not be negative, got {warmup}")
    path = results_root(flags.logdir) / "dreg" / folder_name(flags, config) / f"bias_check-{config.run_id}.json"
    if flags.dry_run:
        print(f"a bias check of {flags.bias_check_samples} draws after {warmup} steps; it would write {shorten(path)}")
        return 0
    threads = flags.threads or config.useful_threads
    os.environ |= thread_variables(threads)
    one_operation_a_thread(config)
    prepare_process(flags.data_dir)
    with quiet():
        from igr_suite.families.iwae.check_bias import check

    outcome = check(
        config, flags.bias_check_samples, warmup, flags.reference, say=lambda text: print(text, file=sys.stderr)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, outcome)
    print(json.dumps(outcome, indent=2))
    print(shorten(path))
    return BIASED if outcome["biased"] else 0
