"""Bias tests with their power, and the rates at which signal and noise change with K, on the linear-Gaussian model."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.studies.linear_gaussian.config import LinearGaussianGradients
from igr_suite.studies.linear_gaussian.statistics import bias, noise_floor, signal_and_noise
from igr_suite.studies.linear_gaussian.train import estimator_of, measure

UNBIASED = ("dreg", "rws-dreg", "jk-dreg")


def measured(samples, repetitions, each, **settings):
    """Statistics of a config's run, drawn in chunks of `each`."""
    config = LinearGaussianGradients(samples=samples, repetitions=repetitions, **settings)
    estimator = estimator_of(config)
    # compiling takes longer than these few draws
    draw = tf.function(lambda seed: estimator.draw(each, seed), autograph=False)
    chunks = [draw(tf.constant([samples, i])) for i in range(-(-repetitions // each))]
    gradients = {name: np.concatenate([chunk[name].numpy() for chunk in chunks])[:repetitions] for name in chunks[0]}
    return measure(config, gradients, estimator.families)


def test_bias_is_found_where_it_is():
    """K = 2, 64 points, D = 20, a thousand repetitions, 20 parameters, perturbation .04 (so STL's bias is as large as
    with 1,024 points).

    No unbiased estimator is rejected at 1e-4 (false alarm 1e-4 each, Bonferroni over parameters); STL is, at any level:
    the mean |t| over parameters, .80 without bias, exceeds 5.
    """
    found = measured(2, 1000, 500, points=64, perturbation=0.04)["b"]
    for name in UNBIASED:
        assert found[name]["p"] > 1e-4, name
        assert found[name]["t"] < 1.4, name
    assert found["stl"]["p"] < 1e-12
    assert found["stl"]["t"] > 5


def test_statistics_of_known_gradients():
    """Signal 1, 2 and noise .5, 4 in two parameters; a shift of .1 in one of them; exact up to sampling errors of 1e5
    repetitions."""
    generator = np.random.default_rng(0)
    gradients = np.array([1.0, -2.0]) + generator.normal(size=(100_000, 2)) * [0.5, 4.0]
    found = signal_and_noise(gradients)
    assert found["snr"] == pytest.approx((2.0 + 0.5) / 2, rel=0.01)
    assert found["variance"] == pytest.approx((0.25 + 16.0) / 2, rel=0.02)
    assert found["signal"] == pytest.approx(1.5, rel=0.01)
    shifted = gradients + generator.normal(size=gradients.shape) + [0.1, 0.0]
    wrong, right = bias(shifted, gradients), bias(shifted - [0.1, 0.0], gradients)
    assert wrong["squared_bias"] == pytest.approx(0.005, rel=0.2) and wrong["p"] < 1e-12 and wrong["t_max"] > 20
    assert right["p"] > 1e-4 and right["squared_bias"] < 10 * right["squared_bias_noise"]
    assert bias(gradients, gradients)["p"] == 1.0


def test_noise_floor():
    """The SNR of 2,000 parameters of pure noise from R = 50 repetitions; its error is about 2%."""
    noise = np.random.default_rng(1).normal(size=(50, 2000))
    assert signal_and_noise(noise)["snr"] == pytest.approx(noise_floor(50), rel=0.06)


def slope(samples, values):
    return np.polyfit(np.log(samples), np.log(values), 1)[0]


def assert_rates(found, low, high):
    """Rates of docs/papers/dreg.md, section 4: the asymptotic ones within .2 for SNR, .1 for the signal and .35 for the
    variance.
    """

    def rate(name, kind, grid, part="b"):
        return slope(grid, [found[samples][part][name][kind] for samples in grid])

    assert rate("iwae", "snr", low) == pytest.approx(-0.5, abs=0.2)
    for name in ("dreg", "stl", "rws", "rws-dreg", "jk-dreg"):
        assert rate(name, "snr", high) == pytest.approx(0.5, abs=0.2), name
    assert rate("weights", "snr", high, "theta") == pytest.approx(0.5, abs=0.2)
    for name, power in (
        ("iwae", -1),
        ("rws", -1),
        ("stl", -1),
        ("jk", -1),
        ("rws-dreg", -1),
        ("dreg", -3),
        ("jk-dreg", -5),
    ):
        assert rate(name, "variance", high) == pytest.approx(power, abs=0.35), name
    for name, power in (("dreg", -1), ("jk-dreg", -2), ("rws-dreg", 0), ("stl", 0)):
        assert rate(name, "signal", high) == pytest.approx(power, abs=0.1), name


def test_rates():
    """Few points and larger perturbations in place of many points: SNRs stay above their noise floors with 400
    repetitions."""
    settings = {"points": 64, "dimension": 4, "perturbation": 0.05}
    low, high = (2, 16), (32, 128)
    found = {samples: measured(samples, 400, 400, **settings) for samples in sorted({*low, *high})}
    assert_rates(found, low, high)
    for samples in found:
        b = found[samples]["b"]
        assert b["dreg"]["variance"] < b["iwae"]["variance"] and b["jk-dreg"]["variance"] < b["jk"]["variance"]
        assert b["rws-dreg"]["variance"] < b["rws"]["variance"]


@pytest.mark.sweep
def test_rates_at_full_size():
    """The figure's own problem (D = 20, N = 1,024), R = 2,000 to K = 32 and 300 above: three minutes."""
    low, high = (2, 8, 32), (32, 64, 128)
    found = {
        samples: measured(samples, 2000 if samples <= 32 else 300, 2 if samples > 32 else 64 // samples * 2)
        for samples in {*low, *high}
    }
    assert_rates(found, low, high)
    for samples in (2, 8):
        assert found[samples]["b"]["stl"]["t"] > 8
        assert all(found[samples]["b"][name]["t"] < 1.4 for name in UNBIASED)
