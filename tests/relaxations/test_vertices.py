"""Distances to the vertices, in the limits and in a table (docs/papers/igr.md, sections 7.10, 7.17 and 2.4)."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.relaxations import (
    IGRI,
    GumbelSoftmax,
    IGRPlanar,
    IGRSBFinite,
    IGRSBLog,
    PlanarFlow,
    distance_to_vertex,
    nearest_vertex,
)

F64 = tf.float64
RNG = np.random.default_rng(6)
LOC, LOG_SCALE = tf.constant(RNG.normal(size=(3, 4))), tf.constant(RNG.normal(-0.5, 0.3, size=(3, 4)))
FLOW = PlanarFlow(*(tf.constant(RNG.normal(size=shape)) for shape in ((2, 3, 4), (2, 3, 4), (2, 3))))
DISTRIBUTIONS = {
    "gs": lambda temperature: GumbelSoftmax(tf.concat([LOC, LOG_SCALE[:, :1]], -1), temperature),
    "igr_i": lambda temperature: IGRI(LOC, LOG_SCALE, temperature),
    "igr_sb_log": lambda temperature: IGRSBLog(LOC, LOG_SCALE, temperature),
    "igr_planar": lambda temperature: IGRPlanar(LOC, LOG_SCALE, temperature, flow=FLOW),
    "igr_sb_finite": lambda temperature: IGRSBFinite(LOC, LOG_SCALE, temperature),
}


def test_distance():
    psi = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.05, 0.9, 0.05]])
    expected = [np.sqrt(0.2**2 + 0.3**2 + 0.5**2), 0.0, np.sqrt(2 * 0.05**2 + 0.1**2)]
    np.testing.assert_allclose(distance_to_vertex(tf.constant(psi)), expected, rtol=1e-12)
    np.testing.assert_array_equal(nearest_vertex(tf.constant(psi)), [[0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_distance_keeps_its_digits_near_a_vertex():
    near = tf.constant([1.0 - 2.0**-20, 2.0**-20], tf.float32)
    np.testing.assert_allclose(distance_to_vertex(near), np.sqrt(2) * 2.0**-20, rtol=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_cold_samples_are_vertices_and_sharpen_monotonically(distribution):
    """Equal seeds give equal noise at every temperature; the winner never changes (at delta = 1 scores are compared
    with 0)."""
    draws = [distribution(temperature).draw(50, [1, 2]) for temperature in (3.0, 1.0, 0.3, 0.1, 1e-4)]
    largest = [np.max(draw.sample, axis=-1) for draw in draws]
    assert all(np.all(warm <= cold + 1e-12) for warm, cold in zip(largest, largest[1:]))
    assert np.median(distance_to_vertex(draws[-1].sample)) < 1e-12
    scores = draws[0].scores.numpy()
    if scores.shape[-1] == 4:
        scores = np.concatenate([scores, np.zeros((50, 3, 1))], -1)
    np.testing.assert_array_equal(nearest_vertex(draws[-1].sample), nearest_vertex(tf.constant(scores)))


def test_hot_samples_forget_their_parameters():
    np.testing.assert_allclose(DISTRIBUTIONS["gs"](1e9).draw(5, [1, 2]).sample, np.full((5, 3, 5), 0.2), atol=1e-7)
    weights = np.array([1, 1, 1, 1, 0.3]) / 4.3
    np.testing.assert_allclose(
        IGRI(LOC, LOG_SCALE, 1e9, 0.3).draw((), [1, 2]).sample, np.tile(weights, (3, 1)), atol=1e-7
    )


@pytest.mark.parametrize(
    ("temperature", "floor"), [(0.10, 0.0004), (0.15, 0.012), (0.25, 0.149), (0.5, 0.579), (1.0, 0.810)]
)
def test_sharpest_stick_breaking_sample(temperature, floor):
    loc = tf.constant([60.0] + [0.0] * 8, F64)  # the first stick takes everything
    sample = IGRSBFinite(loc, tf.fill([9], tf.constant(-60.0, F64)), temperature).draw((), [1, 2]).sample
    np.testing.assert_allclose(sample[0], np.exp(1 / temperature) / (np.exp(1 / temperature) + 9), rtol=1e-12)
    np.testing.assert_allclose(distance_to_vertex(sample), floor, atol=6e-4)


def test_last_category_of_stick_breaking_never_wins():
    for delta in (0.3, 1.0, 5.0):
        sample = IGRSBFinite(2 * LOC, LOG_SCALE, 0.05, delta).draw(2000, [3, 4]).sample.numpy()
        assert np.all(sample[..., -1] <= delta / (delta + 4) + 1e-12)


def test_log_variant_reaches_every_category():
    winners = np.argmax(IGRSBLog.uniform_prior(10, 0.1).draw(5000, [3, 4]).sample, axis=-1)
    assert set(winners) == set(range(10))


TEMPERATURES = (0.05, 0.10, 0.15, 0.25, 0.50, 0.67, 1.00)
TABLE = {  # docs/papers/igr.md, section 2.4: p10, p20, median, p75, P(d < .2) at K = 50
    "gs": (
        (0, 0, 0, 0.004, 0.913),
        (0, 0, 0.0014, 0.080, 0.829),
        (0, 0, 0.015, 0.200, 0.750),
        (0.0002, 0.003, 0.104, 0.401, 0.599),
        (0.025, 0.095, 0.415, 0.645, 0.306),
        (0.096, 0.233, 0.569, 0.731, 0.176),
        (0.343, 0.518, 0.747, 0.838, 0.048),
    ),
    "igr_i": (
        (0, 0, 0.005, 0.127, 0.797),
        (0.0003, 0.003, 0.096, 0.379, 0.615),
        (0.006, 0.030, 0.247, 0.527, 0.453),
        (0.079, 0.186, 0.494, 0.679, 0.212),
        (0.484, 0.607, 0.767, 0.840, 0.012),
        (0.673, 0.750, 0.844, 0.887, 0.001),
        (0.835, 0.868, 0.910, 0.930, 0),
    ),
}


@pytest.mark.parametrize(("name", "distribution"), [("gs", GumbelSoftmax), ("igr_i", IGRI)])
@pytest.mark.parametrize("row", range(7))
def test_simplex_proximity_table(name, distribution, row):
    """100,000 samples: standard errors of median and p75 are at most .002 (at 10,000, up to .006, as much as the
    tolerance)."""
    distance = distance_to_vertex(
        distribution.uniform_prior(50, TEMPERATURES[row]).draw(100_000, [11, row]).sample
    ).numpy()
    _, _, median, p75, below = TABLE[name][row]
    np.testing.assert_allclose(np.percentile(distance, [50, 75]), (median, p75), atol=0.01)
    np.testing.assert_allclose(np.mean(distance < 0.2), below, atol=0.01)
    np.testing.assert_allclose(np.percentile(distance, [10, 20]), TABLE[name][row][:2], atol=0.01)
