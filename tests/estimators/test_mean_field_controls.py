"""MuProp, SimpleMuProp and Double CV of both kinds of variables, by enumeration of all samples."""

import numpy as np
import pytest
from exact_moments import EXACT, PROBLEMS, gradients_at, moments, one_hot

from igr_suite.estimators import get


@pytest.mark.parametrize("problem", PROBLEMS, ids="-".join)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("muprop", {}),
        ("muprop", {"eta_centre": 0.3, "eta_slope": 0.6, "baseline": -0.8}),
        ("simple_muprop", {"eta": 0.7, "baseline": 0.4}),
        ("double_cv", {"scale": 0.0}),
        ("double_cv", {"scale": -0.5}),
        ("double_cv", {"scale": -1.0}),
    ],
)
def test_the_mean_is_exact(name, parameters, problem):
    np.testing.assert_allclose(moments(get(name), problem, parameters)[0], EXACT[problem], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("muprop", {}, 0.179744),
        ("double_cv", {"scale": 0.0}, 0.761291),
        ("double_cv", {"scale": -0.5}, 0.165891),
        ("double_cv", {"scale": -1.0}, 0.317851),
    ],
)
def test_variances_of_categorical_variables(name, parameters, expected):
    """Sums over all logits, of the exponential objective."""
    assert moments(get(name), ("C23", "fE"), parameters)[1].sum() == pytest.approx(expected, abs=5e-7)


def test_draws_of_categorical_variables():
    pair = np.stack([one_hot(0, 2), one_hot(1, 0)])[:, np.newaxis]
    np.testing.assert_allclose(
        gradients_at(get("double_cv"), ("C23", "fE"), pair, {"scale": -0.5})[0],
        [[0.3468531909, -0.2288965929, -0.1179565980], [-0.3446100587, -0.0290348077, 0.3736448664]],
        atol=1e-9,
    )
    np.testing.assert_allclose(
        gradients_at(get("muprop"), ("C23", "fE"), one_hot(0, 2)[np.newaxis])[0],
        [[0.4118384409, -0.0629231295, -0.3489153114], [-0.2924935926, -0.1734253650, 0.4659189576]],
        atol=1e-9,
    )
