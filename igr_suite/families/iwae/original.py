"""The flags of the DReG authors' script in this suite's terms (never imports TensorFlow).

| flag (default)                               | here                                                                  |
|----------------------------------------------|-----------------------------------------------------------------------|
| estimator=iwae, alpha=0.9                    | model.estimator, model.alpha (read by dreg-alpha and VR-IWAE)         |
| batch_size=32, num_samples=64, latent_dim=50 | schedule.batch_size, model.samples, model.latents                     |
| learning_rate=3e-4, max_steps=5000000        | optimiser.learning_rate, schedule.steps, rounded up to whole epochs   |
| dataset=mnist                                | data.name; struct_NAME is NAME with model.task=structured; any set of |
|                                              | `igr data`                                                            |
| run=0                                        | part of the folder's name, and the seed unless --seed is given (it    |
|                                              | was none)                                                             |
| var_calc, image_summary                      | statistics.var_calc, evaluation.pictures                              |
| initial_checkpoint_dir                       | start.checkpoint with start.train=inference; optimiser and step start |
|                                              | afresh                                                                |
| MNIST_LOCATION, OMNIGLOT_LOCATION            | folder of prepared data, the .mat file or its folder                  |

Resuming needs no flag: the same command goes on from its checkpoint. Neither do compiled calls: one holds up to
LONGEST_CALL steps, and whether XLA compiles it is measured for each family (`jit_steps`).

Source: docs/papers/dreg.md, section 3.4.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from igr_suite.errors import UserError
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.iwae.start import DReGStartConfig
from igr_suite.lab.runs import translator
from igr_suite.lab.runs.translator import Key

STRUCTURED = "struct_"
OMNIGLOT_FILE = "chardata.mat"
BINARISATIONS = {"dynamic": "dynamic", "static": "once"}
# Who reads what; a test knows that no flag of the command line is missing.
OF_ALL = ["estimator", "seed", "run_number", "logdir", "threads", "dry_run", "mode"]
OF_RUNS = [
    "summarize_every",
    "max_steps",
    "eval_every",
    "eval_samples",
    "likelihood_samples",
    "likelihood_images",
    "evaluation_limit",
    "image_summary",
    "stats",
    "stat_repeats",
    "strategy",
]
OF_BIAS_CHECKS = ["bias_check_samples", "bias_check_warmup", "reference"]
OF_TOYS = ["toy_samples", "toy_repetitions", "toy_dimension", "toy_points", "toy_perturbation"]
OF_MODELS = [
    "alpha",
    "batch_size",
    "num_samples",
    "latent_dim",
    "learning_rate",
    "dataset",
    "MNIST_LOCATION",
    "OMNIGLOT_LOCATION",
    "sigma_min",
    "struct_layout",
    "prior_gradient",
    "binarization",
    "antithetic",
    "jvi_order",
    "groups",
    "beta",
    "gamma",
    "precision",
    "initial_checkpoint_dir",
    "init_from",
    "train",
    "keep_optimizer",
    "train_limit",
    "data_dir",
]
UNREAD = {
    "--mode toy": (*OF_MODELS, *OF_RUNS, *OF_BIAS_CHECKS, "bias_check"),
    "--bias_check": (*OF_RUNS, *OF_TOYS, "var_calc"),
    "--mode train": (*OF_TOYS, *OF_BIAS_CHECKS),
}


def check_all_read(flags: argparse.Namespace, default_of: Callable[[str], object]) -> None:
    """Refuses a flag that the chosen mode would ignore.

    Args:
      flags: parsed by `cli.dreg_train`.
      default_of: flag -> its default.
    Raises:
      UserError: one was given another value than its default.
    """
    mode = "--mode toy" if flags.mode == "toy" else "--bias_check" if flags.bias_check else "--mode train"
    ignored = [
        f"--{name}".replace("data_dir", "data-dir") for name in UNREAD[mode] if getattr(flags, name) != default_of(name)
    ]
    if ignored:
        readers = " and ".join(
            other for other, unread in UNREAD.items() if ignored[0].lstrip("-").replace("-", "_") not in unread
        )
        raise UserError(
            f"{mode} does not read {', '.join(ignored)}; leave it out, or take {readers}, which reads {ignored[0]}"
        )


def _dataset(name: str, flags: argparse.Namespace) -> dict[str, str]:
    task = "structured" if name.startswith(STRUCTURED) else "density"
    data = name.removeprefix(STRUCTURED)
    return {
        "model.task": task,
        "data.name": data,
        "data.binarisation": binarisation_of(flags.binarization, data),
    }


KEYS: translator.Keys = {
    "estimator": Key(to="model.estimator"),
    "num_samples": Key(to="model.samples"),
    "latent_dim": Key(to="model.latents"),
    "struct_layout": Key(to="model.struct_layout"),
    "prior_gradient": Key(to="model.prior_gradient"),
    "sigma_min": Key(to="model.sigma_min"),
    "antithetic": Key(to="model.antithetic"),
    "alpha": Key(to="model.alpha"),
    "jvi_order": Key(to="model.order"),
    "groups": Key(to="model.groups"),
    "beta": Key(to="model.beta"),
    "gamma": Key(to="model.gamma"),
    "dataset": Key(to=_dataset),
    "train_limit": Key(to="data.train_limit"),
    "evaluation_limit": Key(to="data.evaluation_limit"),
    "learning_rate": Key(to="optimiser.learning_rate"),
    "max_steps": Key(to="schedule.steps"),
    "batch_size": Key(to="schedule.batch_size"),
    "eval_every": Key(to="schedule.evaluate_every"),
    "precision": Key(to="schedule.precision"),
    "stats": Key(to="statistics.stats"),
    "var_calc": Key(to=lambda names, flags: {"statistics.var_calc": names_in(names)}),
    "stat_repeats": Key(to="statistics.repeats"),
    "eval_samples": Key(tuple[int, ...], "evaluation.samples"),
    "likelihood_samples": Key(to="evaluation.likelihood_samples"),
    "likelihood_images": Key(to="evaluation.likelihood_images"),
    "image_summary": Key(to="evaluation.pictures"),
    "run": Key(to=lambda run, flags: {"seed": run if flags.seed is None else flags.seed}),
}


def config_of(flags: argparse.Namespace) -> TrainDReG:
    """Returns the run that the flags describe.

    Args:
      flags: parsed by `cli.dreg_train`.
    Raises:
      UserError: flags that contradict each other, or a value that the config refuses.
    """
    settings = {name: getattr(flags, name) for name in KEYS}
    paths = translator.translate(settings, KEYS, flags, name_of="--{}".format)
    return translator.config_of(TrainDReG, paths | {"start": start_of(flags)})


def binarisation_of(flag: str, dataset: str) -> str:
    """How images become binary: those of binarized_mnist are, and "static" draws once from grey ones."""
    return "static" if dataset == "binarized_mnist" and flag == "static" else BINARISATIONS[flag]


def names_in(text: str | None) -> tuple[str, ...]:
    """ "iwae, dreg" -> ("iwae", "dreg")."""
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()


def start_of(flags: argparse.Namespace) -> DReGStartConfig:
    """Where the weights come from; the authors' flag trains the inference network alone.

    Raises:
      UserError: both flags name a checkpoint, or it is not there.
    """
    if flags.initial_checkpoint_dir is not None and flags.init_from is not None:
        raise UserError("--initial_checkpoint_dir and --init_from both name a checkpoint; give one of them")
    named = flags.init_from or flags.initial_checkpoint_dir
    if named is not None and not Path(named).expanduser().exists():
        raise UserError(f"there is no checkpoint {named}; give a .ckpt file or the folder of a run")
    train = flags.train or ("inference" if flags.initial_checkpoint_dir is not None else "all")
    checkpoint = None if named is None else str(Path(named).expanduser().resolve())
    return DReGStartConfig(checkpoint=checkpoint, train=train, keep_optimizer=flags.keep_optimizer)


def data_dir_of(flags: argparse.Namespace) -> str | None:
    """The folder of prepared data that --data-dir or the location of the data set names.

    Raises:
      UserError: the location is not there, or is a file that the loader does not read.
    """
    omniglot = flags.dataset.removeprefix(STRUCTURED) == "omniglot"
    location = flags.OMNIGLOT_LOCATION if omniglot else flags.MNIST_LOCATION
    if location is None:
        return flags.data_dir
    path, flag = Path(location).expanduser(), "OMNIGLOT_LOCATION" if omniglot else "MNIST_LOCATION"
    if omniglot and path.name == OMNIGLOT_FILE:
        path = path.parent
    if path.is_file():
        what = f"the folder that holds {OMNIGLOT_FILE}, or that file" if omniglot else "a folder of tensorflow-datasets"
        raise UserError(f"--{flag} must be {what}, got the file {location}")
    if not path.is_dir():
        raise UserError(f"--{flag}={location} is not there")
    return str(path)


def folder_name(flags: argparse.Namespace, config: TrainDReG) -> str:
    """The authors' name of a run: "dreg.lr-0.0003.n_samples-64.alpha-0.9.dataset-mnist.run-0"."""
    alpha = 0.9 if config.model.alpha is None else config.model.alpha
    return (
        f"{config.model.estimator}.lr-{config.optimiser.learning_rate:g}.n_samples-{config.model.samples}.alpha-{alpha:g}"
        f".dataset-{flags.dataset}.run-{flags.run}"
    )
