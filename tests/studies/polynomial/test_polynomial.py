"""Polynomial programming: the points at which biased estimators are at rest, by quadrature and by training; exact
trajectories, settings, rows."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, logit

from igr_suite.errors import UserError
from igr_suite.estimators import get, registered
from igr_suite.lab.runs.store import RunFolder
from igr_suite.studies.polynomial.config import ESTIMATORS, EXACT, PolynomialRun
from igr_suite.studies.polynomial.train import Polynomial, execute

TARGET = 0.45
# Loss at the stable point of each estimator at temperature 1, for p = 1.5, 2 and 3; the optimum for ReinMax.
AT_REST = {
    "straight_through": (0.352223, 0.2475, 0.1213),
    "st_gumbel_softmax": (0.351338, 0.245841, 0.118863),
    "gst": (0.352223, 0.2475, 0.1213),
    "reinmax": (0.301869, 0.2025, 0.091125),
    "reinmax_rao": (0.348132, 0.240297, 0.112413),
}
POWERS = (1.5, 2.0, 3.0)


PLACES, MASSES = np.polynomial.legendre.leggauss(200)
NODES = ((PLACES + 1.0) / 2.0) ** 2 * (2.0 - PLACES)  # 3 y^2 - 2 y^3 for y in (0, 1), smooth at both ends
WEIGHTS = 0.75 * MASSES * (1.0 - PLACES**2)


def mean_slopes(name: str, logits, power: float) -> np.ndarray:
    """The mean gradient of one variable's loss with respect to its logit, for several logits, by quadrature over the
    noise of both samples."""
    logits = np.asarray(logits, float)[:, np.newaxis, np.newaxis]
    value, theta = np.array([1.0, 0.0])[:, np.newaxis], expit(logits)
    u = np.where(value, (1.0 - theta) + theta * NODES, (1.0 - theta) * NODES)
    slopes = power * np.abs(value - TARGET) ** (power - 1.0) * np.sign(value - TARGET)
    column = lambda part: tf.constant(np.broadcast_to(part, u.shape).reshape(-1, 1))  # noqa: E731
    estimator = get(name, temperature=1.0, **({"samples": 1} if "rao" in name else {}))
    noise = {"u": column(u), "v": column(NODES)[tf.newaxis]}
    gradient = estimator.vjp(column(logits), noise, column(slopes)).numpy().reshape(u.shape)
    return np.sum(np.where(value, theta, 1.0 - theta) * WEIGHTS * gradient, axis=(1, 2))


@pytest.mark.parametrize("name", AT_REST)
def test_estimators_are_at_rest_where_the_quadrature_has_it(name):
    """Only ReinMax's mean slope is positive everywhere: those of the others vanish at a wrong place, where they rise
    with the logit."""
    for power, loss in zip(POWERS, AT_REST[name]):
        low, high = TARGET**power, (1.0 - TARGET) ** power
        if name == "reinmax":
            assert loss == pytest.approx(low, abs=1e-6)
            assert np.all(mean_slopes(name, [-8.0, -4.0, -2.0, -1.0, -0.5, 0.0], power) > 0.0)
        else:
            rest = logit((loss - low) / (high - low))
            below, above = mean_slopes(name, [rest - 1e-3, rest + 1e-3], power)
            assert below < 0.0 < above


def test_the_mean_slope_of_reinmax_has_the_known_ratio_to_the_true_one():
    for power, ratio in zip(POWERS, (0.50084, 1.0, 1.99336)):
        true = expit(0.4) * expit(-0.4) * ((1.0 - TARGET) ** power - TARGET**power)
        assert mean_slopes("reinmax", [0.4], power)[0] / true == pytest.approx(ratio, abs=1e-5)


def executed(config, path):
    with RunFolder(path / config.run_id).open(config) as folder:
        execute(config, folder)
    return folder


def test_training_ends_at_rest(tmp_path):
    """p = 2, with a larger step size so that 1,600 steps are enough."""
    quick = {"units": 16, "epochs": 4, "steps_per_epoch": 400, "learning_rate": 0.01, "seeds": 2}
    for name, tolerance in (("straight_through", 1e-3), ("st_gumbel_softmax", 1.5e-3), ("reinmax", 1e-3)):
        folder = executed(PolynomialRun(estimator=name, temperature=1.0, **quick), tmp_path)
        rows = list(folder.metrics.rows())
        assert len(rows) == 5 and rows[-1]["step"] == 1600 and "loss" not in rows[0]
        assert rows[0]["expected_loss"] == pytest.approx([0.2525] * 2, abs=1e-3)
        assert rows[-1]["expected_loss"] == pytest.approx([AT_REST[name][1]] * 2, abs=tolerance)
        assert rows[-1]["loss"] == pytest.approx(rows[-1]["expected_loss"], abs=2e-3)
        assert folder.summary()["final"] == {k: v for k, v in rows[-1].items() if k not in ("schema", "step")}
        assert not folder.fault()


def test_the_exact_gradient_is_that_of_an_unbiased_estimator():
    """The mean over 4,096 samples is within 5 standard errors of it."""
    config = PolynomialRun(estimator="rloo", samples=2, power=3.0, units=4, batch_size=4096, seeds=2)
    problem, exact = Polynomial(config), Polynomial(PolynomialRun(estimator=EXACT, power=3.0, units=4, seeds=1))
    logits = problem.initial().logits + tf.constant([[[0.3, -0.2]], [[-1.0, 0.4]]])
    gradient, loss = problem.gradient(logits, tf.constant([1, 2]))
    expected, expected_loss = exact.gradient(logits, tf.constant([1, 2]))
    np.testing.assert_allclose(gradient, expected, atol=5.0 * 0.05 / 4.0 / 4096**0.5)
    np.testing.assert_allclose(loss, expected_loss, atol=5.0 * 0.03 / 2.0 / 4096**0.5)
    np.testing.assert_allclose(tf.reduce_sum(expected, -1), 0.0, atol=1e-8)


def test_the_estimators_are_those_without_parameters_of_their_own():
    fitting = {
        name
        for name, cls in registered("categorical").items()
        if cls.facts.target == "expectation" and not cls.facts.parameters and name != "concrete"
    }
    assert set(ESTIMATORS) <= fitting


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"estimator": "reinmx"}, "did you mean 'reinmax'"),
        ({"estimator": "reinmax"}, "temperature=None with reinmax: it needs this setting"),
        ({"estimator": EXACT, "seeds": 1, "temperature": 1.0}, "temperature=1.0 with exact: it has no such setting"),
        ({"temperature": 1.0, "samples": 3}, "samples=3 with reinmax: it has no such setting"),
        ({"temperature": 0.0}, "temperature must be greater than 0, got 0.0"),
        ({"temperature": 1.0, "power": 0.5}, "power must be 1 or more, got 0.5"),
        ({"temperature": 1.0, "target": 1.0}, "target must lie between 0 and 1, got 1.0"),
        ({"temperature": 1.0, "epochs": 0}, "epochs must be greater than 0, got 0"),
        ({"temperature": 1.0, "seeds": 0}, "seeds=0 with reinmax: give at least 1"),
        ({"estimator": EXACT, "seeds": 2}, "seeds=2 with exact: repetitions would differ by their start alone"),
    ],
)
def test_a_wrong_setting_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        PolynomialRun(**({"estimator": "reinmax"} | settings))


def test_evaluations_are_those_of_all_samples():
    assert PolynomialRun(estimator="rloo", samples=3, seeds=2).evaluations_per_step == 2 * 64 * 3
    assert PolynomialRun(estimator="gumbel_rao", samples=10, temperature=1.0, seeds=2).evaluations_per_step == 128
    assert PolynomialRun(estimator=EXACT, seeds=1).evaluations_per_step is None
