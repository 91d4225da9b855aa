"""Fits start where the paper's do, converge, stop when they should and repeat; all kinds of distributions can be
fitted."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.relaxations import argmax_log_probs
from igr_suite.studies.fits import distributions
from igr_suite.studies.fits.config import DISTRIBUTION_NAMES, FitDiscrete
from igr_suite.studies.fits.fit import compared_entries, fit, sampled_loss, should_stop
from igr_suite.studies.fits.histograms import argmax_counter, moments
from igr_suite.studies.fits.train import execute

DISCRETE = FitDiscrete(target="discrete", model="GS", categories=10)


def test_initial_values_are_the_papers():
    np.testing.assert_allclose(distributions.initial_values(DISCRETE)["logits"], np.log(0.1), rtol=1e-6)
    sticks = distributions.initial_values(FitDiscrete(target="poisson", model="IGR_SB", categories=200))
    np.testing.assert_allclose(sticks["loc"], -np.log(198.0), rtol=1e-6)  # logit(1/199)
    assert abs(np.mean(sticks["log_scale"]) - 0.541325) < 0.004 and abs(np.std(sticks["log_scale"]) - 0.01) < 0.003
    igr = distributions.initial_values(FitDiscrete(target="uniform", model="IGR_I", categories=10))
    assert not np.any(igr["loc"]) and not np.any(igr["log_scale"])
    uniform = distributions.initial_values(FitDiscrete(target="uniform", model="IGR_I", categories=10, start="uniform"))
    np.testing.assert_allclose(uniform["loc"], -0.752962, atol=1e-6)  # docs/papers/igr.md, section 1.4


@pytest.mark.parametrize(
    ("model", "loss"), [*((model, "squared") for model in DISTRIBUTION_NAMES), ("GS", "kl"), ("IGR_SB", "kl")]
)
def test_every_distribution_learns_with_either_loss(model, loss):
    config = FitDiscrete(
        target="binomial", model=model, categories=6, loss=loss, samples=200, iterations=40, learning_rate=0.05
    )
    outcome = fit(config)
    assert outcome.loss < 0.6 * outcome.first_loss, outcome
    assert set(outcome.fitted) == set(outcome.initial)
    assert all(np.isfinite(value).all() for value in outcome.fitted.values())


def test_gumbel_softmax_reaches_the_discrete_target():
    """Oracle of docs/papers/igr.md, section 7.18: the KL after 200 iterations is below 0.02 (0.007 +- 0.001 over
    seeds).
    """
    outcome = fit(DISCRETE)
    assert outcome.loss < 0.02
    probabilities = np.exp(argmax_log_probs(distributions.build(DISCRETE, outcome.fitted)))
    assert 0.5 * np.abs(probabilities - np.exp(DISCRETE.log_target())).sum() < 0.05


def test_sticks_reach_the_mean_of_a_poisson_distribution():
    """Oracle of docs/papers/igr.md, section 2.3, cut to 60 iterations: mean 50 +- 2 over the sampled argmax, at 0.3
    over seeds six deviations away.
    """
    config = FitDiscrete(target="poisson", model="IGR_SB", categories=200, iterations=60, samples=500)
    counts = argmax_counter(config, 2_000)(fit(config).fitted, "test")
    assert abs(moments(counts)["mean"] - 50.0) < 2.0


def test_equal_configs_give_equal_fits_and_seeds_matter():
    config = dataclasses.replace(DISCRETE, iterations=20, samples=50)
    first, again, other = fit(config), fit(config), fit(dataclasses.replace(config, seed=1))
    np.testing.assert_array_equal(first.fitted["logits"], again.fitted["logits"])
    assert np.any(first.fitted["logits"] != other.fitted["logits"])


def test_the_stopping_rule_looks_at_the_mean_of_the_last_ten():
    assert should_stop(np.full(10, 1e-5), 1e-5) and not should_stop(np.full(10, 1.1e-5), 1e-5)
    assert should_stop(np.array([1.0] + [0.0] * 10), 1e-5)
    assert should_stop(np.array([1e-3, -1e-3] * 5), 1e-5), "a sampled KL against a truncated target may be negative"
    stopped = fit(dataclasses.replace(DISCRETE, samples=50, tolerance=1.0))
    assert (stopped.iterations, stopped.reason) == (10, "tolerance")
    assert fit(dataclasses.replace(DISCRETE, samples=50, iterations=20)).reason == "iterations"


def test_truncated_sticks_are_compared_up_to_their_extra_category():
    config = FitDiscrete(target="poisson", model="IGR_SB", categories=50, samples=100)
    draw = distributions.build(config, distributions.initial_values(config)).draw(100, run_seed(0, "test"))
    compared = compared_entries(config, draw).numpy()
    assert compared.sum() == int(draw.info["n_required"]) + 1
    assert np.all(draw.sample.numpy()[:, ~compared] == 0)
    loss, info = sampled_loss(
        config, distributions.initial_values(config), tf.constant(config.log_target(), tf.float32), run_seed(0, "test")
    )
    mean = draw.sample.numpy().mean(0)[compared]
    assert float(loss) == pytest.approx(np.sum((mean - np.exp(config.log_target())[compared]) ** 2), rel=1e-4)
    assert set(info) == {"n_required", "never_exceeds"}


def test_counts_of_a_known_distribution():
    """Gumbel-Softmax counts are multinomial: false alarm of the chi-squared bound below 1e-6 a seed, and the seed is
    fixed."""
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    config = FitDiscrete(target="uniform", model="GS", categories=4)
    counts = argmax_counter(config, 25_000)({"logits": np.log(probabilities).astype(np.float32)}, "test")
    assert counts.sum() == 25_000, "two whole calls and a part of a third"
    assert np.sum((counts - 25_000 * probabilities) ** 2 / (25_000 * probabilities)) < 30.7
    found = moments(counts)
    assert found["mean"] == pytest.approx(0.75, abs=0.03) and (found["min"], found["max"]) == (0, 3)


def test_a_diverging_fit_is_a_sentence():
    with pytest.raises(UserError, match="diverged near iteration .* try a smaller learning_rate"):
        fit(dataclasses.replace(DISCRETE, samples=10, learning_rate=1e38))


def test_a_run_writes_rows_and_a_summary_that_plots_redraw_from(tmp_path, golden):
    config = dataclasses.replace(DISCRETE, iterations=20, samples=50, evaluation_samples=500)
    with RunFolder(tmp_path / "run").open(config) as folder:
        folder.metrics.append(10, loss=9.0)  # what an interrupted run left
        execute(config, folder)
    golden("fit_discrete", folder)
    rows, summary = folder.metrics.rows(), folder.summary()
    assert [row["step"] for row in rows] == [10, 20] and rows[0]["loss"] != 9.0
    assert rows[-1]["loss"] == pytest.approx(summary["final_loss"], rel=1e-6)
    assert sum(summary["fitted"]["counts"]) == sum(summary["drawn_target"]["counts"]) == 500
    assert 0 < summary["fitted"]["total_variation"] < 1
