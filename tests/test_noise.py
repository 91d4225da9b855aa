"""The noise of all draws: its distribution, its extremes, and seeds that never repeat within a run."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from igr_suite.randomness import at_step, run_seed, standard_normal, uniform, unit_interval

SEED = tf.constant([3, 4])


def test_the_extreme_bits_stay_inside_the_interval_and_give_finite_noise():
    ends = unit_interval(tf.constant([0, 2**32 - 1], tf.uint32)).numpy()
    assert ends[0] > 0
    assert ends[1] < 1
    assert ends[0] == 1 - ends[1]
    assert np.isfinite(tf.math.erfinv(2 * ends - 1)).all()
    assert np.isfinite(-np.log(-np.log(ends))).all()


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("jit", [False, True])
def test_noise_follows_its_distribution(dtype, jit):
    """Kolmogorov-Smirnov on 200,000 values; false alarm 1e-6; finds a shift or a stretch of 0.02 with certainty."""
    compiled = tf.function(
        lambda: (uniform([200_000], SEED, dtype), standard_normal([200_000], SEED, dtype)), jit_compile=jit
    )
    u, eps = compiled()
    assert u.dtype == eps.dtype == dtype
    assert scipy.stats.kstest(u.numpy(), "uniform").pvalue > 1e-6
    assert scipy.stats.kstest(eps.numpy(), "norm").pvalue > 1e-6
    assert scipy.stats.kstest(eps.numpy() + 0.02, "norm").pvalue < 1e-6
    assert abs(np.corrcoef(eps[:-1], eps[1:])[0, 1]) < 5 / np.sqrt(200_000)


@pytest.mark.parametrize("draw", [uniform, standard_normal])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_noise_is_the_same_under_xla(draw, dtype):
    """Otherwise a run would be another draw of its experiment with another compiler or a strategy."""
    plain, compiled = (tf.function(lambda: draw((70, 11), SEED, dtype), jit_compile=xla)() for xla in (False, True))
    np.testing.assert_allclose(tf.cast(compiled, tf.float64), tf.cast(plain, tf.float64), rtol=1e-6)


def test_every_step_and_site_of_a_run_has_its_own_noise():
    sites = [run_seed(5, "train"), run_seed(5, "test"), run_seed(6, "train")]
    keys = [tuple(at_step(seed, tf.constant(step)).numpy()) for seed in sites for step in range(2_000)]
    assert len(set(keys)) == len(keys)
    draws = np.array([standard_normal([4], tf.constant(key)).numpy() for key in keys[:300]])
    assert len(np.unique(draws)) == draws.size
