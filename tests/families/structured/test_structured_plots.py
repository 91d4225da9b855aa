"""Tables of structured output prediction: paired differences by hand, checks that can fail, runs without a
temperature."""

import numpy as np
import pandas as pd
import pytest

from igr_suite.families.structured.plots import (
    bounds_table,
    checks_table,
    chosen_runs,
    named_runs,
    paired_table,
    samples_figure,
)


def runs(**changes) -> pd.DataFrame:
    """Two distributions, S = 1 and 50, two seeds; test bounds with 1, 100 and 1,000 samples."""
    rows = []
    for model, temperature, shift in (("GS", 0.67, 0.0), ("IGR_I", 0.5, -1.0)):
        for samples in (1, 50):
            for seed in (1, 2):
                nll = 80.0 + shift * seed - 0.1 * samples
                row = {
                    "data.name": "mnist",
                    "data.train_limit": None,
                    "model.architecture": "double_linear",
                    "model.name": model,
                }
                row |= {
                    "model.planar_norm": None,
                    "model.temperature": temperature,
                    "schedule.samples": samples,
                    "seed": seed,
                    "train_loss_last_epoch": nll,
                }
                for count, gain in ((1, 0.0), (100, 5.0), (1000, 6.0)):
                    row |= {f"test_iw_discrete_{count}": gain - nll, f"test_iw_discrete_{count}_se": 0.2}
                row |= {"test_iw_relaxed_100": 7.0 - nll, "test_iw_relaxed_100_se": 0.2}
                rows.append(row | changes)
    return named_runs(pd.DataFrame(rows))


def test_bounds_are_negative_log_likelihoods_by_number_of_samples(tmp_path):
    table = pd.read_csv(next(p for p in bounds_table(runs(), tmp_path, "note") if p.suffix == ".csv"))
    first = table.iloc[0]
    assert (first["model"], first["training S"], first["seeds"]) == ("GS", 1, 2)
    assert first["discrete_1_mean"] == pytest.approx(79.9)
    assert first["discrete_1000_mean"] == pytest.approx(73.9)
    assert first["test_iw_discrete_1000_se"] == pytest.approx(0.2)
    assert "rounded, S=1000" in (tmp_path / "table.md").read_text()


def test_differences_are_paired_by_seed_and_samples(tmp_path):
    """IGR-I minus GS is -1 and -2 for the two seeds: mean -1.5, t(1, .975) = 12.7062, standard error .5."""
    table = pd.read_csv(next(p for p in paired_table(runs(), tmp_path) if p.suffix == ".csv"))
    assert set(table["training S"]) == {1, 50}
    np.testing.assert_allclose(table["difference"], -1.5, rtol=1e-5)
    np.testing.assert_allclose(table["high"] - table["low"], 2 * 12.7062 * 0.5, rtol=1e-4)
    assert (table["pairs"] == 2).all()


def test_the_temperature_is_chosen_on_validation_images_and_for_many_samples_taken_from_fewer(tmp_path):
    """0.5 is best with one sample of both distributions; 50 samples have no search of their own."""
    searched = [
        runs(**{"model.temperature": t, "validation_nll_discrete": nll})
        for t, nll in ((0.25, 3.0), (0.5, 1.0), (1.0, 2.0))
    ]
    frame = pd.concat(searched, ignore_index=True)
    frame = frame[(frame["training S"] == 1) & (frame["seed"] == 1) | (frame["temperature"] == 0.5)]
    chosen = chosen_runs(frame, 1)
    assert set(chosen["temperature"]) == {0.5} and len(chosen) == 8
    frame.loc[frame["temperature"] == 1.0, "validation_nll_discrete"] = 0.5
    assert set(chosen_runs(frame, 1)["temperature"]) == {1.0}


def test_checks_say_no_where_something_does_not_hold(tmp_path):
    good = checks_table(runs(), tmp_path)[0].read_text()
    assert "NO" not in good
    frame = runs()
    frame.loc[frame["training S"] == 50, "train_loss_last_epoch"] += 20.0
    frame.loc[0, "discrete_1000"] = 99.0
    bad = pd.read_csv(next(p for p in checks_table(frame, tmp_path) if p.suffix == ".csv"))
    assert list(bad["falls"]) == ["NO", "NO"]
    assert list(bad["never rises"]) == ["NO", "yes"]


def test_runs_without_a_temperature_are_drawn(tmp_path):
    frame = runs(**{"model.temperature": np.nan})
    assert len(pd.read_csv(next(p for p in bounds_table(frame, tmp_path, "") if p.suffix == ".csv"))) == 4
    paths = samples_figure(frame, tmp_path)
    assert len(pd.read_csv(next(p for p in paths if p.suffix == ".csv"))) == 8
