"""Averages in ten steps at a time against those at every step, on the same gradients."""

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.measuring.gradient_ema import GradientEMA
from igr_suite.measuring.product_ema import ProductEMA

ROWS, ESTIMATORS = 4, 3
SHAPES = [(5, 3), (3,), (3, 2), (2,)]
COMMON = [(4,), (2, 2)]


@pytest.mark.parametrize("debias", few([True, False], lambda debias: debias))
def test_what_is_logged_is_the_same(debias):
    """Every number at each of 45 steps, which hold the steps one by one, the first ten together and an unfinished ten;
    float64, 1e-9."""
    arguments = [*SHAPES, *COMMON], len(SHAPES), ESTIMATORS, debias, tf.float64
    plain, products = GradientEMA(*arguments), ProductEMA(*arguments, rows=ROWS)
    generator = np.random.default_rng(0)

    @tf.function(autograph=False)
    def both(layer_inputs, deltas, common):
        gradients = [
            [g for a, (d, e) in zip(layer_inputs, pairs) for g in (tf.transpose(a) @ d, tf.reduce_sum(e, 0))]
            for pairs in deltas
        ]
        return plain.update(gradients, common), products.update_products(layer_inputs, deltas, common)

    for step in range(45):
        draw = lambda *shape: tf.constant(generator.normal(0.3, 1.0, shape))  # noqa: E731
        layer_inputs = [draw(ROWS, shape[0]) for shape in SHAPES[::2]]
        deltas = [[(draw(ROWS, n), draw(ROWS, n)) for _, n in SHAPES[::2]] for _ in range(ESTIMATORS)]
        expected, found = both(layer_inputs, deltas, [draw(*shape) for shape in COMMON])
        assert set(found) == {"variance", "deviation", "mean_square"}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-15, err_msg=f"{name} at step {step + 1}")
    assert np.min(np.abs(expected["deviation"])) > 1e-6
