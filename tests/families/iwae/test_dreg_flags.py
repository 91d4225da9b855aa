"""`igr dreg-train` and the config behind it: flags under their first names, and a sentence for what cannot be run."""

import argparse
import json

import pytest

from igr_suite.cli import dreg_train
from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.families.iwae.config import DReGConfig, TrainDReG
from igr_suite.families.iwae.original import OF_ALL, UNREAD, config_of, folder_name
from igr_suite.training import checkpoints


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    dreg_train.add(parser.add_subparsers())
    flags = parser.parse_args(["dreg-train", *words])
    return argparse.Namespace(**{**vars(flags), "run": flags.run_number})


def test_without_flags_it_is_the_authors_run():
    config = config_of(parsed())
    assert (config.model.estimator, config.model.samples, config.model.latents, config.model.sigma_min) == (
        "iwae",
        64,
        50,
        0.0,
    )
    assert (config.optimiser.learning_rate, config.optimiser.epsilon, config.schedule.batch_size) == (3e-4, 1e-8, 32)
    assert (config.schedule.steps, config.data.name, config.data.binarisation) == (5_000_000, "mnist", "dynamic")
    assert folder_name(parsed(), config) == "iwae.lr-0.0003.n_samples-64.alpha-0.9.dataset-mnist.run-0"


def test_every_flag_reaches_the_config(tmp_path):
    words = (
        "--estimator dreg-alpha --alpha 0.3 --batch_size 8 --num_samples 6 --latent_dim 3 --learning_rate 0.01 "
        "--max_steps 7 --run 4"
    )
    more = (
        "--var_calc iwae,stl --dataset struct_mnist --image_summary --sigma_min 1e-6 --struct_layout legacy "
        "--prior_gradient gdreg "
        "--binarization static --antithetic --eval_every 3 --eval_samples 2,9 --likelihood_samples 11 "
        "--likelihood_images 5 --stats exact "
        "--stat_repeats 12 --precision bfloat16 --keep_optimizer --train_limit 90 --evaluation_limit 50 "
        f"--initial_checkpoint_dir {tmp_path}"
    )
    config = config_of(parsed(*words.split(), *more.split())).to_dict()
    assert config["seed"] == 4 and config["optimiser"]["learning_rate"] == 0.01
    model = {
        "estimator": "dreg-alpha",
        "alpha": 0.3,
        "samples": 6,
        "latents": 3,
        "task": "structured",
        "struct_layout": "legacy",
    }
    assert (
        config["model"].items() >= (model | {"prior_gradient": "gdreg", "sigma_min": 1e-6, "antithetic": True}).items()
    )
    assert config["data"] == {"name": "mnist", "binarisation": "once", "train_limit": 90, "evaluation_limit": 50}
    assert config["schedule"] == {
        "epochs": None,
        "steps": 7,
        "batch_size": 8,
        "evaluate_every": 3,
        "precision": "bfloat16",
    }
    assert config["statistics"] == {"stats": "exact", "var_calc": ["iwae", "stl"], "repeats": 12}
    assert config["evaluation"] == {
        "samples": [2, 9],
        "likelihood_samples": 11,
        "likelihood_images": 5,
        "pictures": True,
    }
    assert config["start"] == {"checkpoint": str(tmp_path), "train": "inference", "keep_optimizer": True}
    assert config_of(parsed("--seed", "8", "--run", "4")).seed == 8


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--estimator jk --jvi_order 2 --num_samples 4", "order", 2),
        ("--estimator miwae --groups 4", "groups", 4),
        ("--estimator ciwae --beta 0.2", "beta", 0.2),
        ("--estimator ovis --gamma 0", "gamma", 0.0),
        ("--estimator vr-iwae-dreg --alpha 0.3", "alpha", 0.3),
    ],
)
def test_options_of_objectives(words, name, value):
    assert getattr(config_of(parsed(*words.split())).model, name) == value


def other_checkpoint(folder):
    """A run's folder whose checkpoint is of another architecture."""
    import numpy as np

    (folder / "run").mkdir(exist_ok=True)
    checkpoints.save(folder / "run" / "checkpoints", checkpoints.State(3, [np.zeros((2, 3))], {}))
    return str(folder / "run")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--estimator dregg", "unknown objective 'dregg': did you mean 'dreg'"),
        ("--estimator jk --num_samples 1", "jk with order=1 needs at least 2 samples, got 1"),
        ("--estimator jk --jvi_order 3 --num_samples 3", "needs at least 4 samples, got 3"),
        ("--estimator dreg --var_calc jk --num_samples 1", "jk with order=1 needs at least 2 samples"),
        ("--estimator miwae --groups 5", "5 equal groups, which 64 samples do not allow"),
        ("--antithetic --num_samples 5", "must be even, got 5"),
        ("--estimator dreg-alpha --alpha 1.5", "alpha of dreg-alpha must lie between 0 and 1, got 1.5"),
        ("--estimator iwae --alpha 0.5", "iwae does not read alpha=0.5; alpha is for dreg-alpha"),
        ("--estimator vr-iwae --alpha 1", "alpha of vr-iwae must be at least 0 and less than 1, got 1.0"),
        ("--estimator vargrad --num_samples 1", "vargrad needs at least 2 samples, got 1"),
        ("--struct_layout legacy", "read by model.task=structured only"),
        ("--prior_gradient gdreg --dataset struct_mnist_5k --estimator jk", "which jk does not follow"),
        ("--stats off --var_calc stl", "is not measured with statistics.stats=off"),
        ("--eval_samples 0", "evaluation.samples must be at least 1, got 0"),
        ("--eval_samples x", "--eval_samples must be a list"),
        ("--dataset mnits", "unknown dataset 'mnits'"),
        ("--dataset omniglot --OMNIGLOT_LOCATION TMP", "there is no"),
        ("--dataset omniglot --OMNIGLOT_LOCATION TMP/no.mat", "is not there"),
        ("--init_from TMP/none", "there is no checkpoint"),
        ("--init_from OTHER", "is of another architecture"),
        ("--initial_checkpoint_dir OTHER --init_from OTHER", "give one of them"),
        ("--keep_optimizer", "name one with start.checkpoint"),
        ("--bias_check --bias_check_samples 3", "must be at least 10, got 3"),
        ("--bias_check --bias_check_warmup -1", "must not be negative, got -1"),
        ("--mode toy --toy_repetitions 1", "repetitions must be at least 2, got 1"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(words, sentence, tmp_path, capsys):
    dataset = [] if "--dataset" in words or "--mode toy" in words else ["--dataset", "mnist_5k"]
    words = words.replace("OTHER", other_checkpoint(tmp_path)).replace("TMP", str(tmp_path)).split()
    assert main(["dreg-train", *words, *dataset, "--logdir", str(tmp_path / "log")]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("igr: ") and sentence in shown and len(shown.strip().splitlines()) == 1
    assert not (tmp_path / "log").exists(), "nothing was started"


def test_a_dry_run_shows_the_run(tmp_path, capsys):
    words = ["--estimator", "dreg", "--dataset", "mnist_5k", "--logdir", str(tmp_path)]
    assert main(["dreg-train", *words, "--dry-run"]) == 0
    assert "mnist_5k-dreg-K64-lr0.0003-s0" in capsys.readouterr().out
    assert main(["dreg-train", *words, "--bias_check", "--dry-run"]) == 0
    assert "10000 draws after 1001 steps" in capsys.readouterr().out


@pytest.mark.parametrize(("biased", "code"), [(True, 3), (False, 0)])
def test_the_bias_checks_verdict_is_the_exit_code(biased, code, tmp_path, capsys, monkeypatch):
    asked = []

    def check(config, samples, warmup, reference, say):
        asked.append((config.model.estimator, samples, warmup, reference))
        return {"biased": biased, "max_t": 2.0}

    monkeypatch.setattr("igr_suite.families.iwae.check_bias.check", check)
    words = [
        "--estimator",
        "stl",
        "--dataset",
        "mnist_5k",
        "--bias_check",
        "--bias_check_samples",
        "20",
        "--reference",
        "rws",
    ]
    assert main(["dreg-train", *words, "--logdir", str(tmp_path)]) == code
    assert asked == [("stl", 20, 1_001, "rws")]
    (written,) = tmp_path.rglob("bias_check-*.json")
    assert json.loads(written.read_text()) == {"biased": biased, "max_t": 2.0}


def test_lines_are_evaluations_and_thinned_training_rows():
    rows = [{"step": step, "epoch": 1.0, "train_objective": -100.0 - step} for step in (1, 50, 101, 150)]
    rows.insert(2, {"step": 60, "epoch": 1.0, "test_iw_64": -90.0})
    assert dreg_train.lines(rows, 100) == [
        "Step 1: train_objective -101",
        "Step 60: test_iw_64 -90",
        "Step 101: train_objective -201",
    ]


def test_another_estimator_takes_its_own_options():
    config = TrainDReG(model=DReGConfig(estimator="dreg-alpha", alpha=0.2, samples=4))
    changed = config.with_values({"model.estimator": "jk"})
    assert (changed.model.alpha, changed.model.order) == (None, 1)
    assert changed.with_values({"schedule.epochs": "2"}).schedule.epochs == 2
    with pytest.raises(UserError, match="does not read alpha"):
        config.with_values({"model.estimator": "jk", "model.alpha": "0.2"})


def test_options_of_one_name_and_two_meanings_do_not_pass_from_objective_to_objective():
    """alpha is a weight for dreg-alpha and an order for vr-iwae; tvo and tvo-dreg have the same nodes."""
    mixture = TrainDReG(model=DReGConfig(estimator="dreg-alpha", alpha=0.2, samples=4))
    renyi = mixture.with_values({"model.estimator": "vr-iwae"})
    assert renyi.model.alpha == 0.5
    assert renyi.with_values({"model.estimator": "vr-iwae-dreg", "model.alpha": "0.1"}).model.alpha == 0.1
    assert renyi.model.options_of("dreg-alpha") == {} and renyi.model.options_of("vr-iwae-dreg") == {"alpha": 0.5}
    path = TrainDReG(model=DReGConfig(estimator="tvo", partitions=3, samples=4))
    assert path.with_values({"model.estimator": "tvo-dreg"}).model.partitions == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--mode toy --dataset omniglot",
            "--mode toy does not read --dataset; leave it out, or take --bias_check and --mode train",
        ),
        ("--mode toy --data-dir /tmp --bias_check", "--mode toy does not read --data-dir, --bias_check"),
        (
            "--toy_points 5",
            "--mode train does not read --toy_points; leave it out, or take --mode toy, which reads --toy_points",
        ),
        ("--reference rws", "--mode train does not read --reference; leave it out, or take --bias_check, which"),
        (
            "--bias_check --estimator dreg --var_calc stl",
            "--bias_check does not read --var_calc; leave it out, or take --mode toy and",
        ),
        ("--bias_check --estimator dreg --max_steps 9", "--bias_check does not read --max_steps"),
        ("--bias_check --dataset mnist_5k", "iwae is its own reference, so there is nothing to compare"),
        ("--bias_check --dataset mnist_5k --estimator dreg --reference dreg", "dreg is its own reference"),
    ],
)
def test_a_flag_that_the_mode_ignores_is_refused(capsys, tmp_path, words, sentence):
    assert main(["dreg-train", *words.split(), "--logdir", str(tmp_path)]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_of_every_flag_it_is_known_who_reads_it():
    flags = set(vars(parsed())) - {"run", "default_of"}
    known = {*OF_ALL, *(name for unread in UNREAD.values() for name in unread)}
    assert flags == known, "a new flag belongs in OF_ALL or in the lists of those who read it"
    for mode, unread in UNREAD.items():
        assert len(set(unread)) == len(unread), f"{mode} has a flag twice"
