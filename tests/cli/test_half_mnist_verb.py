"""`igr half-mnist-train`: what it refuses, what it would run, its lines and its test mode."""

import argparse

import pytest

from igr_suite.cli import half_mnist_train
from igr_suite.cli.main import main
from igr_suite.lab.running.places import results_root
from igr_suite.lab.runs.store import RunFolder


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    half_mnist_train.add(parser.add_subparsers())
    return parser.parse_args(["half-mnist-train", *words])


def test_options_reach_the_config():
    config = half_mnist_train.config_of_arguments(
        arguments(
            "sdni",
            "--sg_type",
            "lin",
            "--sg_inp",
            "1110000",
            "--historical",
            "--latents",
            "8",
            "--data",
            "mnist_5k",
            "--random_seed",
            "3",
        )
    )
    assert (config.sg.kind, config.sg.inputs, config.sg.scale, config.model.latents, config.seed) == (
        "lin",
        "1110000",
        "batch",
        8,
        3,
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["baselines", "--sg_type", "lin"],
            "--sg_type is an option of the script sdni and comparison, not of baselines",
        ),
        (["comparison", "--estimator", "ST"], "--estimator is an option of the script baselines"),
        (["sdni", "--load", "x.npz"], "goes on from its own checkpoint"),
        (["baselines", "--exptemp", "3"], "has no counterpart here"),
        (["sdni", "--dropout_prob", "0.5"], "does not read it either"),
        (["sdni", "--val_file", "x.txt"], "written with --mode test only"),
        (["sdni", "--sg_inp", "11"], "mask of seven characters"),
        (["sdni", "--mode", "test"], "is not finished; start the same command with --mode train"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(words, sentence, tmp_path, capsys):
    assert main(["half-mnist-train", *words, "--results", str(tmp_path), "--data", "mnist_5k"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_dry_run_shows_the_run(tmp_path, capsys):
    words = [
        "half-mnist-train",
        "baselines",
        "--estimator",
        "ST",
        "--data",
        "mnist_5k",
        "--results",
        str(tmp_path),
        "--base_code",
        "try",
    ]
    assert main([*words, "--dry-run"]) == 0
    assert "mnist_5k-straight_through-L50-R1-s42" in capsys.readouterr().out


def test_test_mode_reads_the_finished_run(tmp_path, capsys):
    words = ["baselines", "--estimator", "ST", "--data", "mnist_5k", "--results", str(tmp_path)]
    config = half_mnist_train.config_of_arguments(arguments(*words))
    with RunFolder(results_root(str(tmp_path)) / "half_mnist" / "train" / "paper" / config.run_id).open(
        config
    ) as folder:
        folder.write_summary({"test_bce": 0.25, "test_nll": 98.0})
    assert main(["half-mnist-train", *words, "--mode", "test"]) == 0
    assert "test loss 0.250000 nats per pixel, 98.000 per image" in capsys.readouterr().out
    for _ in range(2):
        assert main(["half-mnist-train", *words, "--mode", "test", "--val_file", str(tmp_path / "losses.txt")]) == 0
    assert (tmp_path / "losses.txt").read_text() == "0.250000\n0.250000\n"


def test_epochs_are_sums_over_batches_as_the_scripts_print_them():
    rows = [
        {"step": 5, "epoch": 0.5, "train_loss": 0.3, "train_sg_loss": 0.02},
        {"step": 10, "epoch": 1.0, "train_loss": 0.2, "train_sg_loss": 0.01},
        {"step": 10, "epoch": 1.0, "test_bce": 0.25},
        {"step": 20, "epoch": 2.0, "train_loss": 0.1, "train_sg_loss": 0.01},
    ]
    assert half_mnist_train.epoch_lines(rows) == [
        "Epoch 1: cost 2.5, sg cost 0.15, test 0.2500",
        "Epoch 2: cost 1, sg cost 0.1",
    ]
