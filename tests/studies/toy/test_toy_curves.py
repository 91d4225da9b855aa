"""Toy curves: lists over seeds become rows, medians are found again, negative moving averages leave gaps."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from igr_suite.plotting.estimators import LABELS, label
from igr_suite.plotting.looks import LOOKS
from igr_suite.studies.toy.plots import draw_losses, draw_variances, medians, seed_rows


def metrics():
    shared = {"target": 0.45, "optimiser": "sgd", "learning_rate": 0.1}
    rebar, exact = ({**shared, "estimator": name, "temperature": t} for name, t in (("rebar", 0.1), ("exact", np.nan)))
    return pd.DataFrame(
        [
            {**rebar, "step": 0, "p": [0.5, 0.5, 0.5], "loss": [0.2] * 3, "variance": [1.0, 2.0, 6.0]},
            {
                **rebar,
                "step": 10,
                "p": [0.1, 0.2, 0.9],
                "loss": [0.1, 0.3, 0.2],
                "variance": [1.0] * 3,
                "ema_variance": [-1.0, 2.0, 2.0],
            },
            {**exact, "step": 10, "p": [0.4], "loss": [0.3], "variance": [0.0], "ema_variance": [-1.0]},
        ]
    )


def test_rows_and_medians():
    rows = seed_rows(metrics())
    assert len(rows) == 7
    assert list(rows["repetition"]) == [0, 1, 2, 0, 1, 2, 0]
    assert medians(rows, "p", "REBAR(0.1)", "SGD 0.1, t=0.45", 10)[::2] == (0.2, 3)
    assert medians(rows, "p", "exact", "SGD 0.1, t=0.45", 0) is None
    assert rows["ema_variance"].isna().sum() == 3, "a row before the first step has no moving average"


def test_curves():
    rows = seed_rows(metrics())
    _, axes = plt.subplots()
    losses = draw_losses(axes, rows)
    assert losses.set_index(["method", "step"])["mean"].round(6).to_dict() == {
        ("REBAR(0.1)", 0): 0.2,
        ("REBAR(0.1)", 10): 0.2,
        ("exact", 10): 0.3,
    }
    fresh = draw_variances(axes, rows, "variance", "log variance", -14)
    np.testing.assert_allclose(fresh["mean"], np.log([3.0, 1.0]))
    moving = draw_variances(axes, rows, "ema_variance", "log variance", -14)
    np.testing.assert_allclose(moving["mean"], np.log([1.0]))
    plt.close("all")


def test_labels():
    assert (
        label("rebar", 0.1) == "REBAR(0.1)"
        and label("rebar", 0.5) == "REBAR"
        and label("dynamic_rebar", 0.5) == "DynamicREBAR"
    )
    assert label("mine") == "mine"
    for name in (
        "REINFORCE",
        "NVIL",
        "SimpleMuProp",
        "MuProp",
        "REBAR",
        "REBAR(0.1)",
        "DynamicREBAR",
        "RELAX",
        "ARM",
        "DisARM",
        "RLOO",
    ):
        assert name in LOOKS
    assert len(set(LABELS.values())) == len(LABELS)
