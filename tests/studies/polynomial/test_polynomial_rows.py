"""Rows of polynomial programming: one a seed, and labels."""

import math

import pandas as pd

from igr_suite.studies.polynomial.plots import label, last_rows, seed_rows


def test_rows_are_one_a_seed():
    shared = {"estimator": "reinmax", "temperature": 1.0, "power": 2.0}
    metrics = pd.DataFrame(
        [
            {**shared, "step": 0, "expected_loss": [0.25, 0.26], "probability": [0.5, 0.6]},
            {**shared, "step": 10, "loss": [0.24, 0.25], "expected_loss": [0.23, 0.24], "probability": [0.3, 0.4]},
        ]
    )
    rows = seed_rows(metrics)
    assert rows["seed"].tolist() == [0, 1, 0, 1] and rows["step"].tolist() == [0, 0, 10, 10]
    assert rows["loss"].isna().tolist() == [True, True, False, False]
    assert rows["expected_loss"].tolist() == [0.25, 0.26, 0.23, 0.24]
    last = last_rows(metrics)
    assert last["loss"].tolist() == [0.24, 0.25] and set(last["method"]) == {"ReinMax"}


def test_labels():
    assert label("st_gumbel_softmax", 0.1) == "ST-GS(0.1)" and label("st_gumbel_softmax", 1.0) == "ST-GS"
    assert label("gst", 1.0) == "GST-1.0" and label("exact", math.nan) == label("exact", None) == "exact"
