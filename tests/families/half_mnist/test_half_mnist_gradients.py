"""The gradient study of half-and-half digits against sums over all codes."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))

from half_mnist_problems import a_model, enumerated, some_images, true_gradient  # noqa: E402

from igr_suite.families.half_mnist.gradients import GradientStudy  # noqa: E402

SAMPLES = 3000


@pytest.fixture(scope="module")
def study():
    settings = {
        "sg.kind": "lin",
        "evaluation.gradient_samples": SAMPLES,
        "evaluation.gradient_images": 2,
        "model.baseline": "mr",
    }
    model = a_model("sdni", batch=2, latents=3, **settings)
    model.synthetic.net.layers[0].bias.assign([0.01, -0.02, 0.03])
    images = some_images(2).numpy()
    before = [v.numpy().copy() for v in model.state_variables()]
    study = GradientStudy(model, images, model.config)
    row = study.beside(lambda step: {"step": step})(7)
    assert row.pop("step") == 7
    assert all(np.array_equal(a, v.numpy()) for a, v in zip(before, model.state_variables())), "it touches nothing"
    rows = study.rows()
    found = enumerated(model, rows)
    return row, found, true_gradient(found) / 2, float(rows.baseline[0])


def test_reinforce_has_no_bias_and_the_enumerated_variance(study):
    """3,000 draws twice: the variance within 8%, |T|^2 within 5 standard errors of its own noise, no bias within 4."""
    row, found, exact, baseline = study
    each = (found["losses"] - baseline)[..., None] * (found["codes"] - found["probabilities"]) / 2
    variance = (np.einsum("s,snd->nd", found["weights"], each**2) - exact**2).sum()
    assert row["gradient_reinforce_variance"] == pytest.approx(variance, rel=0.08)
    square = (exact**2).sum()
    error = 2 * np.sqrt(square * variance / SAMPLES)
    assert row["gradient_true_square"] == pytest.approx(square, abs=5 * error)
    assert abs(row["gradient_reinforce_bias_square"]) < 4 * 2 * variance / SAMPLES
    assert row["gradient_reinforce_snr"] == pytest.approx(
        (row["gradient_reinforce_square"] / row["gradient_reinforce_variance"]) ** 0.5
    )


def test_straight_through_has_its_enumerated_bias(study):
    row, found, exact, _ = study
    p = found["probabilities"]
    mean = p * (1 - p) * np.einsum("s,snd->nd", found["weights"], found["slopes"]) / 2
    bias = ((mean - exact) ** 2).sum()
    noise = row["gradient_reinforce_variance"] / SAMPLES
    assert row["gradient_straight_through_bias_square"] == pytest.approx(
        bias, abs=5 * np.sqrt(bias * noise) + 4 * noise
    )
    assert row["gradient_straight_through_square"] == pytest.approx((mean**2).sum(), rel=0.1)


def test_a_constant_prediction_has_no_variance_and_the_half_space_of_its_images(study):
    row, _, exact, _ = study
    constant = np.tile([[0.01, -0.02, 0.03]], (2, 1)) / 2
    assert row["gradient_synthetic_variance"] < 1e-10
    assert row["gradient_synthetic_square"] == pytest.approx((constant**2).sum(), rel=1e-4)
    products = (constant * exact).sum(1)
    assert np.abs(products).min() > 1e-6, "an image on the border would be decided by noise"
    assert row["gradient_synthetic_agreement"] == pytest.approx((products > 0).mean())
    cosine = (constant * exact).sum() / np.linalg.norm(constant) / np.linalg.norm(exact)
    assert row["gradient_synthetic_cosine"] == pytest.approx(cosine, abs=0.15)
