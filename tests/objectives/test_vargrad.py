"""VarGrad: exact moments by quadrature, and what it is draw by draw."""

import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import M, S, layer, moments

from igr_suite.estimators import get
from igr_suite.objectives.registry import build

MEANS = (0.5, -0.62)  # of the gradient of L_1 by m and log s, docs/papers/dreg.md, section 6.2
TABLE = {  # K: variances of the total derivative of L_1, of STL, of VarGrad
    2: {"ciwae": (1.62, 2.72565), "ciwae-dreg": (0.237284, 0.48565), "vargrad": (1.21185, 4.2902)},
    3: {"ciwae": (1.08, 1.8171), "ciwae-dreg": (0.158189, 0.323767), "vargrad": (0.685021, 2.6645)},
}


@pytest.mark.parametrize("samples", TABLE)
def test_means_and_variances(samples):
    for name, variances in TABLE[samples].items():
        options = {} if name == "vargrad" else {"beta": 1.0}
        value, by_m, by_log_s, by_theta = moments(name, samples, **options)
        assert value[0] == pytest.approx(-1.5992990489, abs=1e-9)
        assert (by_m[0], by_log_s[0]) == pytest.approx(MEANS, abs=1e-8)
        assert (by_m[1], by_log_s[1]) == pytest.approx(variances, rel=2e-5)
        assert by_theta[0] == pytest.approx(0.2, abs=1e-9)  # E_q[z] - theta


def test_it_is_the_gradient_of_half_the_sample_variance():
    """Of log q - log p with the samples held, with the opposite sign."""
    eps, log_joint = (tf.constant(x) for x in np.random.default_rng(3).normal(size=(2, 3, 50)))
    m, log_s = tf.fill([50], tf.constant(M, tf.float64)), tf.fill([50], tf.constant(np.log(S), tf.float64))
    z = m + tf.exp(log_s) * eps
    with tf.GradientTape() as tape:
        tape.watch([m, log_s])
        ratio = -0.5 * tf.square((z - m) * tf.exp(-log_s)) - log_s - log_joint  # but for a constant
        half = 0.5 * tf.reduce_sum(tf.square(ratio - tf.reduce_mean(ratio, 0)), 0) / 2.0
    by_m, by_log_s = tape.gradient(half, [m, log_s])
    score = build("vargrad").coefficients(-ratio).score
    np.testing.assert_allclose(tf.reduce_sum(score * eps / S, 0), -by_m, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tf.reduce_sum(score * (eps**2 - 1.0), 0), -by_log_s, rtol=1e-9, atol=1e-12)


def test_it_is_rloo_on_the_log_weights():
    log_weights = tf.constant(np.random.default_rng(4).normal(size=(4, 7)))
    score = build("vargrad").coefficients(log_weights).score
    np.testing.assert_allclose(score, get("rloo", samples=4).weigh(log_weights, {}).coefficients, rtol=1e-12)


def test_at_the_posterior_every_draw_is_zero():
    at = layer(3, m=0.75, s=np.sqrt(0.5))
    _, by_m, by_log_s, _ = at.of(build("vargrad"))
    assert np.max(np.abs([by_m, by_log_s])) < 1e-11
