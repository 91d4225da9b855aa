"""RELAX against enumeration: one variable with three categories (binary: two units), a loss that is not linear in the
code, float64.

100,000 draws an estimator, vectorised over the batch axis. Right estimators fail with probability below 1e-4 in the
whole file (4.9 standard errors: 1e-6 a coordinate, fewer than 100 coordinates); a bias of 0.05 is detected with
certainty.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.families.hard_vae.distributions import Bernoulli, Categorical
from igr_suite.families.hard_vae.gaussian_argmax import GaussianArgmax
from igr_suite.families.hard_vae.gradients import (
    evaluate_control,
    reinforce_gradient,
    relax_gradient,
    sampling_variance,
    variance_direction,
)
from igr_suite.randomness import run_seed
from igr_suite.relaxations import gaussian_argmax_log_probs

DRAWS, LIMIT = 100_000, 4.9
LOSS = tf.constant([1.3, -0.4, 2.2], tf.float64)
BEND = tf.constant([0.7, -1.1, 0.4], tf.float64)
CASES = [
    ("gs", "coupled"),
    ("gs", "independent"),
    ("gs historical relaxation", "coupled"),
    ("gs historical relaxation", "independent"),
    ("bernoulli", "coupled"),
    ("bernoulli", "independent"),
    ("igr", "coupled"),
]
DISTRIBUTIONS = {
    "gs": (Categorical(), [[0.4, -0.7, 0.1]]),
    "gs historical relaxation": (Categorical("historical"), [[0.4, -0.7, 0.1]]),
    "bernoulli": (Bernoulli(), [[0.6], [-0.8]]),
    "igr": (GaussianArgmax(12), [[0.3, -0.5, -0.2, 0.25]]),
}


def loss(code: tf.Tensor) -> tf.Tensor:
    """-log p(x | code) of the toy: [..., V, K] -> [...], cubic between the hard codes."""
    flat = tf.reshape(code, (*code.shape[:-2], -1))
    size = flat.shape[-1]
    return tf.reduce_sum(flat * LOSS[:size] + 0.5 * (flat - 0.3) ** 3 * BEND[:size], -1)


def enumerate_codes(name: str, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(codes [N, V, K], log q(code) [N])."""
    if name == "bernoulli":
        codes = tf.constant(list(itertools.product([0.0, 1.0], repeat=2)), tf.float64)[..., tf.newaxis]
        return codes, tf.reduce_sum(tf.math.log_sigmoid((2.0 * codes - 1.0) * parameters), [-2, -1])
    if name == "igr":
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        return tf.eye(3, dtype=tf.float64)[:, tf.newaxis], gaussian_argmax_log_probs(loc, log_scale, points=256)[0]
    return tf.eye(3, dtype=tf.float64)[:, tf.newaxis], tf.nn.log_softmax(parameters)[0]


def exact_gradient(name: str, kl_weight: float = 1.0) -> np.ndarray:
    """Of E_q[loss + kl_weight (log q - log uniform)]."""
    parameters = tf.constant(DISTRIBUTIONS[name][1], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        codes, log_q = enumerate_codes(name, parameters)
        objective = tf.reduce_sum(tf.exp(log_q) * (loss(codes) + kl_weight * (log_q + np.log(float(len(codes))))))
    return tape.gradient(objective, parameters).numpy()


def draws(
    name: str,
    coupling: str,
    estimator: str = "relax",
    kl_weight: float = 1.0,
    direct: float | None = None,
    scale: float = 1.0,
):
    """(RELAX's and REINFORCE's gradients [DRAWS, V, P]); c = the loss at the relaxed code and a term of another
    shape."""
    distribution, parameters = DISTRIBUTIONS[name]
    parameters = tf.tile(tf.constant([parameters], tf.float64), (DRAWS, 1, 1))
    draw = distribution.draw(parameters, run_seed(7, name), coupling)
    log_prior = -np.log(4.0 if name == "bernoulli" else 3.0)
    temperature = tf.constant([[0.7, 1.1, 0.9][: draw.z.shape[-1]]], tf.float64)

    def control(z):
        relaxed = distribution.relaxed(z, temperature, parameters)
        kl = kl_weight * (distribution.log_prob(relaxed, parameters) - log_prior)
        return scale * (loss(relaxed) + kl + tf.sin(2.0 * tf.reduce_sum(relaxed * BEND[: relaxed.shape[-1]], [-2, -1])))

    value = loss(draw.code) + kl_weight * (draw.log_prob - log_prior)
    direct = kl_weight if direct is None else direct
    relax = relax_gradient(distribution, draw, value, evaluate_control(control, draw, coupling), direct, estimator)
    return relax.numpy(), reinforce_gradient(draw, value, direct).numpy()


def z_scores(gradients: np.ndarray, exact: np.ndarray) -> np.ndarray:
    return (gradients.mean(0) - exact) / (gradients.std(0) / np.sqrt(len(gradients)))


@pytest.mark.parametrize(("name", "coupling"), CASES)
def test_the_mean_is_the_enumerated_gradient_and_varies_less_than_reinforce(name, coupling):
    relax, reinforce = draws(name, coupling)
    exact = exact_gradient(name)
    assert np.abs(z_scores(relax, exact)).max() < LIMIT
    assert np.abs(z_scores(reinforce, exact)).max() < LIMIT
    assert relax.var(0).sum() < 0.8 * reinforce.var(0).sum()  # 0.3 to 0.5 measured


def test_the_authors_form_for_igr_is_biased():
    """Its path term has no counterpart: the mean is off by d E c(z), hundreds of standard errors here."""
    gradients, _ = draws("igr", "unrelated", "historical")
    assert np.abs(z_scores(gradients, exact_gradient("igr"))).max() > 50


def test_a_control_variate_can_cancel_the_authors_gradient():
    """c with d E c(z) = -d E f makes the authors' gradient small and its mean 0: what minimising its size leads to.

    Here c = -s (f at the relaxed code): the mean of the gradient falls below half of the exact one's norm, RELAX's
    stays.
    """
    exact = exact_gradient("igr")
    historical = draws("igr", "unrelated", "historical", scale=-0.75)[0].mean(0)
    right = draws("igr", "coupled", scale=-0.75)[0].mean(0)
    assert np.linalg.norm(historical) < 0.5 * np.linalg.norm(exact)
    np.testing.assert_allclose(right, exact, atol=0.05)


def test_the_kl_sign():
    """Rewarding the KL is the gradient of another objective; both are met where they are asked for, and they differ."""
    for weight in (1.0, -1.0):
        relax, _ = draws("igr", "coupled", kl_weight=weight)
        assert np.abs(z_scores(relax, exact_gradient("igr", weight))).max() < LIMIT
        assert np.abs(z_scores(relax, exact_gradient("igr", -weight))).max() > 50


@pytest.mark.parametrize("name", ["gs", "bernoulli", "igr"])
def test_stick_the_landing_keeps_the_mean(name):
    relax, _ = draws(name, "coupled", direct=0.0)
    assert np.abs(z_scores(relax, exact_gradient(name))).max() < LIMIT


@pytest.mark.parametrize("distribution", [Categorical(), Bernoulli()], ids=["gs", "bernoulli"])
def test_the_kl_part_is_exactly_zero_at_the_prior(distribution):
    """Path-only gradient of log q - log p where q = p: 0 at every draw, not only on average."""
    parameters = tf.zeros((1_000, 2, 4) if isinstance(distribution, Categorical) else (1_000, 2, 1), tf.float64)
    draw = distribution.draw(parameters, run_seed(3, "prior"), "coupled")
    log_prior = -2.0 * np.log(4.0 if isinstance(distribution, Categorical) else 2.0)

    def control(z):
        return (
            distribution.log_prob(distribution.relaxed(z, tf.constant(0.7, tf.float64), parameters), parameters)
            - log_prior
        )

    gradient = relax_gradient(
        distribution, draw, draw.log_prob - log_prior, evaluate_control(control, draw, "coupled"), direct=0.0
    )
    np.testing.assert_allclose(gradient, 0.0, atol=1e-14)


@pytest.mark.parametrize(("name", "coupling"), [*CASES, ("igr", "unrelated")])
def test_variance_direction_is_the_part_of_the_gradient_that_the_control_variate_decides(name, coupling):
    """<g, d> = <REINFORCE, d> + variance_direction, which is why it trains the control variate on |g|^2."""
    distribution, parameters = DISTRIBUTIONS[name]
    parameters = tf.tile(tf.constant([parameters], tf.float64), (50, 1, 1))
    estimator = "historical" if coupling == "unrelated" else "relax"
    draw = distribution.draw(parameters, run_seed(1, name), coupling)
    control = evaluate_control(
        lambda z: loss(distribution.relaxed(z, tf.constant(0.9, tf.float64), parameters)), draw, coupling
    )
    value = loss(draw.code)
    direction = tf.random.stateless_normal(parameters.shape, (1, 2), dtype=tf.float64)
    gap = relax_gradient(distribution, draw, value, control, 1.0, estimator) - reinforce_gradient(draw, value)
    np.testing.assert_allclose(
        variance_direction(distribution, draw, control, direction, estimator), tf.reduce_sum(gap * direction), rtol=1e-9
    )


def test_the_winners_probability_is_the_quadratures():
    """log q and its gradient at the default 12 points against 192, over 100 distributions of 10 categories whose scales
    differ by factors of 3."""
    noise = np.random.default_rng(0)
    parameters = tf.constant(np.concatenate([noise.normal(0, 1, (100, 1, 9)), noise.normal(0, 0.5, (100, 1, 9))], -1))
    draw = GaussianArgmax().draw(parameters, run_seed(0, "q"), "coupled")
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        log_q = tf.reduce_sum(gaussian_argmax_log_probs(loc, log_scale, points=192) * draw.code, [-2, -1])
    errors = np.abs(draw.log_prob - log_q), np.abs(draw.score - tape.gradient(log_q, parameters)).max((1, 2))
    assert np.median(errors[0]) < 1e-6
    assert np.median(errors[1]) < 1e-5
    assert np.quantile(errors[0], 0.95) < 1e-3
    assert np.quantile(errors[1], 0.95) < 1e-2


def test_sampling_variance_is_the_trace_of_the_covariance():
    gradients = np.random.default_rng(0).normal(size=(6, 3, 2, 4))
    traces = [np.trace(np.cov(gradients[:, i].reshape(6, -1), rowvar=False)) for i in range(3)]
    assert float(sampling_variance(tf.constant(gradients))) == pytest.approx(np.mean(traces))


def test_the_toy_of_the_authors_finds_its_minimum():
    """sum (b - t)^2 with t = 0.4: E is p (1 - 2 t) + t^2, least at b = 0, a slope of 0.2 that REINFORCE has to find
    below its noise."""
    distribution, logit, temperature = Bernoulli(), tf.Variable([[0.0]]), tf.constant(1.0)

    @tf.function(autograph=False)
    def step(i):
        parameters = tf.tile(logit[tf.newaxis], (4, 1, 1))
        draw = distribution.draw(parameters, tf.stack([0, i]), "coupled")
        control = evaluate_control(
            lambda z: tf.reduce_sum(tf.square(distribution.relaxed(z, temperature, parameters) - 0.4), [-2, -1]),
            draw,
            "coupled",
        )
        value = tf.reduce_sum(tf.square(draw.code - 0.4), [-2, -1])
        logit.assign_sub(0.3 * tf.reduce_mean(relax_gradient(distribution, draw, value, control, 0.0), 0))

    for i in range(1_000):
        step(tf.constant(i))
    assert float(tf.sigmoid(logit)[0, 0]) < 0.1
