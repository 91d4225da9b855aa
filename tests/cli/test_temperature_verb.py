"""`igr temperature`: wrong options are sentences; the options become a search."""

import argparse

import pytest

from igr_suite.cli import temperature
from igr_suite.cli.main import main
from igr_suite.families.vae.temperature_search import BUDGETS
from igr_suite.training.config_parts import SEEDS


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    temperature.add(parser.add_subparsers())
    return parser.parse_args(["temperature", *words])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--model", "GS_Di"], "unknown model 'GS_Di': did you mean 'GS_Dis'"),
        (["--preset", "g4"], "unknown preset 'g4'"),
        (["--criterion", "elbo"], "unknown criterion 'elbo'"),
        (["--grid", "0.1,low"], "--grid takes numbers, such as 0.1,0.3,1, got '0.1,low'"),
        (["--grid", "0,1"], "temperatures must be positive, got 0"),
        (["--refine", "-1"], "--refine must be at least 0, got -1"),
        (["--refine", "2", "--criterion", "validation"], "leave it out with --criterion validation"),
        (["--epochs", "0"], "schedule.epochs must be at least 1, got 0"),
        (["--scale", "quik"], "unknown scale 'quik': did you mean 'quick'"),
        (["--data", "mnits"], "unknown dataset 'mnits'"),
        (["--only", "zzz"], "matches --only 'zzz'"),
    ],
)
def test_a_wrong_option_is_one_sentence(words, sentence, tmp_path, capsys):
    scale = [] if "--scale" in words else ["--scale", "smoke"]
    assert main(["temperature", *scale, *words, "--results", str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("igr: ") and sentence in shown and len(shown.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("config.json")), "nothing was started"


def test_without_options_it_is_the_scales_search_in_its_folder():
    search, words = temperature.search_of(parsed(), "quick")
    assert search == BUDGETS["quick"] and words == []


def test_options_name_the_folder_of_the_outcome():
    search, words = temperature.search_of(
        parsed("--model", "GS_Dis", "--grid", "0.3,0.1", "--criterion", "validation"), "quick"
    )
    assert words == ["model=GS_Dis", "criterion=validation", "grid=0.3,0.1"]
    assert (search.models, search.grids["GS_Dis"], search.refine, search.seeds) == (
        ("GS_Dis",),
        (0.1, 0.3),
        0,
        SEEDS[:1],
    )


def test_a_dry_run_lists_the_candidates(tmp_path, capsys):
    words = [
        "temperature",
        "--scale",
        "smoke",
        "--model",
        "GS_Dis",
        "--grid",
        "0.2,0.7",
        "--dry-run",
        "--results",
        str(tmp_path),
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "mnist_5k-GS_Dis-t0.2-" in shown and "mnist_5k-GS_Dis-t0.7-" in shown and "2 of 2 runs to do" in shown
    assert "stage 2 follows" in shown
