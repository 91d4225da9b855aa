"""Paired table, usage and pictures of the mixtures, from frames whose numbers are known."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from igr_suite.families.mixture.plots import draw_pictures, draw_usage, named, paired_table
from igr_suite.lab.runs import picture_file


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    rows = []
    for model, gain in (("DLGMM", 0.0), ("DLGMM_IGR", 2.0)):
        for seed in (1, 2, 3):
            weights = {f"test_weight_{k}": 0.5**k for k in range(1, 13)}
            elbo = -100.0 + 10 * seed + gain + 0.1 * (seed - 2) * gain
            row = {
                "run_id": f"{model}-{seed}",
                "data.name": "mnist",
                "data.train_limit": None,
                "model.name": model,
                "seed": seed,
            }
            rows.append(row | {"test_elbo": elbo, "test_noise": rng.normal()} | weights)
    return named(pd.DataFrame(rows))


def test_differences_are_paired_by_seed(frame, tmp_path):
    paired_table(frame, {"test_elbo": "test ELBO"}, "DLGMM", tmp_path)
    row = pd.read_csv(tmp_path / "table_paired.csv").iloc[0]
    assert (row["model"], row["pairs"]) == ("DLGMM-IGR", 3)
    assert row["test_elbo_difference"] == pytest.approx(2.0)
    # unpaired it would be 25 wide
    assert row["test_elbo_low"] == pytest.approx(2.0 - 4.302653 * 0.2 / 3**0.5, abs=1e-4)
    assert "+2.00 [+1.50, +2.50]" in (tmp_path / "table_paired.md").read_text()


def test_usage_draws_every_seed_in_order_of_components(frame):
    figure, axes = plt.subplots()
    drawn = draw_usage(axes, frame)
    plt.close(figure)
    assert len(drawn) == 2 * 3 * 12
    tenth = drawn[(drawn["model"] == "DLGMM") & (drawn["component"] == 10)]
    np.testing.assert_allclose(tenth["weight"].astype(float), 0.5**10)
    assert len(axes.patches) == 24


def test_pictures_are_drawn_of_the_runs_that_stored_some(frame, tmp_path):
    assert draw_pictures(tmp_path, frame, tmp_path) == []
    image = np.zeros((2, 4, 4, 1), np.uint8)
    for run in ("DLGMM-1", "DLGMM_IGR-1"):
        (tmp_path / run).mkdir()
        arrays = {
            "originals": image,
            "reconstructions": image,
            "component": np.zeros(2, np.int32),
            "prior": np.zeros((3, 8, 4, 4, 1), np.uint8),
        }
        picture_file.save(tmp_path / run, arrays)
    names = {path.name for path in draw_pictures(tmp_path, frame, tmp_path)}
    assert names == {
        f"{name}.{kind}" for name in ("reconstructions", "prior_samples") for kind in ("png", "pdf", "svg")
    }
