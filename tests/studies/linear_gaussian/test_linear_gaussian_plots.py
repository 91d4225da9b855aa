"""Rates fitted to known powers of K, and what is left out of the fits."""

import numpy as np
import pandas as pd
import pytest

from igr_suite.studies.linear_gaussian.plots import draw, ledger, rate_table, rows_of, slopes


@pytest.fixture
def runs():
    """DReG with SNR 2 K^.5, variance K^-3, signal K^-1; IWAE with SNR K^-.5 to K = 32 and noise above; JVI."""
    found = []
    for k in (2, 8, 32, 128):
        run = {"samples": k, "repetitions": 100, "noise_floor": 0.08}
        dreg = {
            "snr": 2 * k**0.5,
            "variance": k**-3.0,
            "signal": 1 / k,
            "squared_bias": 1e-6,
            "squared_bias_noise": 1e-6,
            "t": 0.8,
        }
        iwae = {"snr": k**-0.5 if k <= 32 else 5.0, "variance": 1 / k, "signal": 1.0}
        parts = {
            "b.dreg": dreg,
            "b.iwae": iwae,
            "b.jk": iwae,
            "theta.weights": {"snr": 3 * k**0.5, "variance": 1 / k, "signal": 1.0},
        }
        found.append(run | {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()})
    return pd.DataFrame(found[::-1])


def test_rates(runs):
    rows = rows_of(runs)
    assert list(rows[rows["method"] == "DReG"]["samples"]) == [2, 8, 32, 128]
    found = slopes(rows)
    for quantity, power in (("snr", 0.5), ("variance", -3), ("signal", -1)):
        assert found[quantity, "DReG"] == pytest.approx(power)
    assert found["snr", "IWAE"] == pytest.approx(-0.5), "fitted where its signal shows"
    assert found["snr", "theta, w"] == pytest.approx(0.5)
    assert ("snr", "JVI") not in found and ("signal", "IWAE") not in found
    mine = ledger(rows, points=64)
    assert mine["slope of variance", "DReG"][0] == pytest.approx(-3)
    assert mine["log10 variance, K = 8, N = 64", "DReG"][0] == pytest.approx(-3 * np.log10(8))
    assert np.isnan(mine["mean |t| of the bias, K = 8, N = 64", "IWAE"][0]), "its own target"


def test_figure_and_table(runs, tmp_path):
    rows = rows_of(runs)
    assert all(path.exists() for path in draw(rows, tmp_path, "a model"))
    rate_table(rows, tmp_path)
    table = (tmp_path / "table.md").read_text()
    assert "-3.00 (-3)" in table and "- (-1.5)" in table
