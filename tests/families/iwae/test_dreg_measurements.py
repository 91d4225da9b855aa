"""Measurements of the DReG VAE: bounds in chunks, exact gradient statistics, the scalars of the control variate."""

import numpy as np
import tensorflow as tf

from igr_suite.families.iwae.config import (
    DReGConfig,
    DReGOptimiserConfig,
    DReGScheduleConfig,
    DReGStatisticsConfig,
    TrainDReG,
)
from igr_suite.families.iwae.evaluation import Bounds, RunningLogSum
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.iwae.statistics import GENERATIVE, GradientStatistics


def tiny_model(**options):
    settings = {"samples": 5, "latents": 2, "hidden": 4} | options
    return DReGVAE(DReGConfig(**settings), DReGOptimiserConfig(), np.full(12, 0.4), seed=1)


def test_bounds_do_not_depend_on_chunks():
    log_weights = np.random.default_rng(0).normal(scale=40.0, size=(23, 6))
    whole, pieces = RunningLogSum(), RunningLogSum()
    whole.add(log_weights)
    for chunk in (log_weights[:1], log_weights[1:9], log_weights[9:]):
        pieces.add(chunk)
    np.testing.assert_allclose(whole.bound, pieces.bound, rtol=1e-12)
    np.testing.assert_allclose(whole.effective_samples, pieces.effective_samples, rtol=1e-10)
    weights = np.exp(log_weights - log_weights.max(0))
    np.testing.assert_allclose(whole.effective_samples, weights.sum(0) ** 2 / (weights**2).sum(0), rtol=1e-10)
    np.testing.assert_allclose(whole.bound, log_weights.max(0) + np.log(weights.mean(0)), rtol=1e-12)


def test_bounds_are_means_over_images_whatever_the_batches(monkeypatch):
    """21 images in batches of 2 or all at once: the same images, and the last, smaller batch counts as many images as
    it has."""
    model = tiny_model(estimator="jk", samples=5)
    images = np.random.default_rng(0).choice(np.uint8([0, 255]), (21, 12))
    monkeypatch.setattr(DReGVAE, "noise", lambda self, samples, batch, seed: tf.ones((samples, batch, 2)))
    bounds = []
    for rows in (10, 6_400):
        monkeypatch.setattr("igr_suite.families.iwae.evaluation.DECODED_ROWS", rows)
        bounds.append(Bounds(model, images, "test", 0)([1, 5, 7]))
    assert bounds[0].keys() == {f"test_{kind}" for k in (1, 5, 7) for kind in (f"iw_{k}", f"iw_{k}_se", f"ess_{k}")} | {
        "test_objective"
    }
    for name, value in bounds[0].items():
        np.testing.assert_allclose(value, bounds[1][name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(bounds[0]["test_objective"], bounds[0]["test_iw_1"], rtol=1e-5)  # equal weights: J = L
    np.testing.assert_allclose(bounds[0]["test_ess_7"], 7.0, rtol=1e-5)


def test_the_scalars_of_the_control_variate_are_trained():
    model = tiny_model(estimator="dreg-cv")
    batch = tf.constant(np.random.default_rng(0).integers(0, 256, (6, 12)), tf.uint8)
    for step in range(2):  # beta comes off 0 in the first step, and with it gamma's and delta's gradients
        model.train_step(batch, tf.constant([0, step]))
    moved = [abs(float(control)) for control in model.controls]
    assert all(value > 1e-6 for value in moved), moved
    assert any(control is variable for control in model.controls for variable in model.state_variables())


def test_exact_statistics_are_those_of_the_draws():
    """Means and variances against NumPy over the same 12 draws of a tiny network; references of a biased and of an
    unbiased estimator."""
    model = DReGVAE(
        DReGConfig(estimator="dreg", samples=3, latents=2, hidden=3),
        DReGOptimiserConfig(),
        np.full(12, 0.4),
        track=("stl", "rws"),
    )
    config = TrainDReG(schedule=DReGScheduleConfig(steps=1, batch_size=4), statistics=DReGStatisticsConfig(repeats=12))
    images = np.random.default_rng(0).integers(0, 256, (30, 12), np.uint8)
    statistics = GradientStatistics(model, images, config)
    measured = statistics()
    for kind, fixed in (("fixed", True), ("batches", False)):
        draws = [
            {name: g.numpy() for name, g in statistics._gradients(tf.constant(i), fixed)[0].items()} for i in range(12)
        ]
        means = {name: np.mean([draw[name] for draw in draws], 0) for name in draws[0]}
        for name in ("dreg", "stl", GENERATIVE):
            variance = np.var([draw[name] for draw in draws], 0, ddof=1)
            np.testing.assert_allclose(measured[f"exact_{kind}_variance_{name}"], variance.mean(), rtol=1e-4)
            np.testing.assert_allclose(measured[f"exact_{kind}_mean_{name}"], np.abs(means[name]).mean(), rtol=1e-4)
            noisy = variance > 1e-15
            np.testing.assert_allclose(
                measured[f"exact_{kind}_snr_{name}"],
                np.mean(np.abs(means[name][noisy]) / np.sqrt(variance[noisy])),
                rtol=1e-3,
            )
            unit = means[name] / np.linalg.norm(means[name])
            along = np.array([draw[name] @ unit for draw in draws])
            apart = np.array([np.linalg.norm(draw[name] - a * unit) for draw, a in zip(draws, along)])
            np.testing.assert_allclose(measured[f"exact_{kind}_dsnr_{name}"], np.mean(np.abs(along) / apart), rtol=1e-3)
        cosine = means["stl"] @ means["iwae"] / np.linalg.norm(means["stl"]) / np.linalg.norm(means["iwae"])
        np.testing.assert_allclose(measured[f"exact_{kind}_cosine_stl"], cosine, rtol=1e-4)
        np.testing.assert_allclose(measured[f"exact_{kind}_cosine_rws"], 1.0, rtol=1e-9)
    np.testing.assert_allclose(measured["exact_noise_floor"], np.sqrt(2 / (np.pi * 12)))
    assert measured["exact_batches_variance_dreg"] != measured["exact_fixed_variance_dreg"]
