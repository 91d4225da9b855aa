"""`igr dni-train`: the scripts' options, a short run, its lines and figures, and sentences for bad input."""

import re

import pytest

from igr_suite.cli.dni_train import epoch_lines
from igr_suite.cli.main import main


def test_a_short_run_prints_accuracies_and_draws(tmp_path, capfd):
    words = [
        "dni-train",
        "B-relu",
        "--data",
        "mnist_5k",
        "--epochs",
        "2",
        "--save",
        str(tmp_path),
        "--plot",
        "--seed",
        "3",
    ]
    assert main(words) == 0
    printed = capfd.readouterr().out
    lines = re.findall(r"epoch (\d): accuracy of training images ([\d.]+)%, of test images ([\d.]+)%", printed)
    assert [line[0] for line in lines] == ["1", "2"]
    assert float(lines[1][1]) > float(lines[0][1]) > 20
    assert len(list(tmp_path.rglob("figure.png"))) == 1
    assert main([*words, "--dry-run"]) == 0
    assert "0 of 1 runs to do" in capfd.readouterr().out


def test_training_errors_are_means_over_the_epoch():
    rows = [
        {"step": 1, "epoch": 0.25, "train_error": 0.9},
        {"step": 4, "epoch": 1.0, "train_error": 0.5},
        {"step": 4, "epoch": 1.0, "test_error": 0.3},
        {"step": 8, "epoch": 2.0, "train_error": 0.2},
        {"step": 8, "epoch": 2.0, "test_error": 0.25},
    ]
    assert epoch_lines(rows) == [
        "epoch 1: accuracy of training images 40.00%, of test images 70.00%",
        "epoch 2: accuracy of training images 80.00%, of test images 75.00%",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["B-relu", "--condition"], "--condition is an option of B-dni only"),
        (["B-dni", "--momentum", "0.5"], "optimiser.momentum=0.5 is not used by adam"),
        (["B-dni", "--data", "mnits"], "unknown dataset 'mnits'"),
        (["B-dni", "--data", "binarized_mnist", "--data-dir", "/nowhere"], "binarized_mnist"),
        (["B-dni", "--learningRate", "0"], "optimiser.learning_rate must be positive, got 0.0"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(tmp_path, capfd, words, sentence):
    assert main(["dni-train", *words, "--save", str(tmp_path)]) == 2
    errors = capfd.readouterr().err
    assert sentence in errors and len(errors.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("config.json"))
