"""Identities between estimators on shared noise, in float64 (docs/papers/rebar.md, section 8)."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators import get
from igr_suite.estimators.arms import antithetic_samples, debiasing
from igr_suite.estimators.conformance import enumerable_problem, perturbed
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.estimators.muprop import muprop_residual
from igr_suite.randomness import at_step, run_seed, uniform

BATCH = 500
SEED = run_seed(5, "identities")
F64 = tf.float64


def problem_of(support):
    """The enumerable objective and BATCH different examples."""
    problem = enumerable_problem(support)
    return problem.objective, tf.constant(
        problem.logits + np.random.default_rng(1).normal(size=(BATCH, *problem.logits.shape)), F64
    )


def numbers(**values):
    return {name: tf.constant(value, F64) for name, value in values.items()}


def close(first, second, tolerance=1e-12):
    """Equal up to the tolerance, relative to the larger values."""
    np.testing.assert_allclose(first, second, rtol=tolerance, atol=tolerance * np.max(np.abs(second)))


@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_without_control_variate_rebar_and_relax_are_reinforce(support):
    """Bit for bit, with the same baseline."""
    objective, logits = problem_of(support)
    noise = get("reinforce").noise(logits.shape, SEED, F64)
    plain = get("reinforce", baseline=0.7).estimate(objective, logits, noise).gradient.numpy()
    rebar = get("rebar").estimate(objective, logits, noise, numbers(eta=0.0, baseline=0.7)).gradient.numpy()
    assert np.array_equal(rebar, plain)
    relax = get("relax", control="net")
    silent = {
        name: value * 0.0 if "output" in name else value for name, value in relax.parameters(logits.shape, F64).items()
    }
    without = get("reinforce").estimate(objective, logits, noise).gradient.numpy()
    assert np.array_equal(relax.estimate(objective, logits, noise, silent).gradient.numpy(), without)
    assert not np.array_equal(relax.estimate(objective, logits, noise).gradient.numpy(), without)


def coupled_uniforms(support, logits, u):
    """v for which the conditional sample given b(u) is the free one."""
    if support == "bernoulli":
        b, theta = bernoulli.hard_sample(logits, u), tf.sigmoid(logits)
        return tf.where(b > 0.5, (u - (1 - theta)) / theta, u / (1 - theta))
    z = categorical.noisy_logits(logits, u)
    b = categorical.hard_sample(logits, u)
    chosen = tf.reduce_sum(b * tf.exp(-z), -1, keepdims=True)
    return tf.exp(-tf.where(b > 0.5, chosen, tf.nn.softmax(logits) * (tf.exp(-z) - chosen)))


@pytest.mark.parametrize("relaxation", ["improved", "concrete"])
@pytest.mark.parametrize("support", ["bernoulli", "categorical"])
def test_closed_form_is_automatic_differentiation_of_the_coupled_form(support, relaxation):
    """The one-pass form with r against two passes whose conditional noise is pinned to the free one, v without a
    gradient."""
    objective, logits = problem_of(support)
    u = uniform(logits.shape, SEED, F64)
    noise = {"u": u, "v": coupled_uniforms(support, logits, u)}
    for name in ("rebar", "relax"):
        closed = get(name, relaxation=relaxation)
        parameters = perturbed(closed, logits.shape)
        two_passes = get(name, relaxation=relaxation, coupling="independent")
        estimate = closed.estimate(objective, logits, noise, parameters)
        close(estimate.control, two_passes.estimate(objective, logits, noise, parameters).control, 1e-12)


def test_conditional_noise_given_its_own_sample_is_the_free_noise():
    """z~ = z at the coupled v, and z~ always leads to the sample that it is conditioned on."""
    for kind, support in ((bernoulli, "bernoulli"), (categorical, "categorical")):
        _, logits = problem_of(support)
        u, v = uniform(logits.shape, SEED, F64), uniform(logits.shape, at_step(SEED, 1), F64)
        samples = kind.hard_sample(logits, u)
        close(
            kind.conditional_noisy_logits(logits, samples, coupled_uniforms(support, logits, u)),
            kind.noisy_logits(logits, u),
            1e-9,
        )
        z = kind.conditional_noisy_logits(logits, samples, v)
        hard = tf.cast(z > 0, F64) if support == "bernoulli" else tf.one_hot(tf.argmax(z, -1), 3, dtype=F64)
        np.testing.assert_array_equal(hard, samples)


def test_limits_of_the_improved_relaxation():
    _, logits = problem_of("bernoulli")
    u = uniform(logits.shape, SEED, F64)
    z = bernoulli.noisy_logits(logits, u)
    close(bernoulli.relaxed_sample(logits, z, 1e6), tf.sigmoid(logits), 1e-5)
    away = np.abs(z) > 0.05
    np.testing.assert_allclose(
        bernoulli.relaxed_sample(logits, z, 1e-3)[away], bernoulli.hard_sample(logits, u)[away], atol=1e-12
    )
    t = 0.37
    other = tf.sigmoid(((t * t + t + 1) / (t + 1) * logits + bernoulli.logit(u)) / t)
    close(bernoulli.relaxed_sample(logits, z, t), other)
    np.testing.assert_allclose(bernoulli.relaxed_sample(logits, z, 1e9, "concrete"), 0.5, atol=1e-6)


def test_rebar_at_infinite_temperature_is_simple_muprop():
    objective, logits = problem_of("bernoulli")
    noise = get("rebar").noise(logits.shape, SEED, F64)
    parameters = numbers(eta=0.8, baseline=0.4)
    hot = get("rebar", temperature=1e7).estimate(objective, logits, noise, parameters).gradient
    close(hot, get("simple_muprop").estimate(objective, logits, noise, parameters).gradient, 1e-5)
    cold = get("rebar", temperature=10.0).estimate(objective, logits, noise, parameters).gradient
    assert not np.allclose(cold, hot, rtol=1e-3)


def test_muprop_residual_of_a_quadratic_is_its_second_order_term():
    mean, samples = tf.constant([[0.3], [0.8]], F64), tf.constant([[1.0], [0.0]], F64)
    value, centre, slope = (3 * samples[:, 0] - 2) ** 2, (3 * mean[:, 0] - 2) ** 2, 6 * (3 * mean - 2)
    close(muprop_residual(value, centre, slope, samples, mean), 9 * (samples - mean)[:, 0] ** 2)


def test_two_samples_of_rloo_are_the_product_of_differences():
    objective, logits = problem_of("bernoulli")
    estimate = get("rloo").estimate(objective, logits, get("rloo").noise(logits.shape, SEED, F64))
    f1, f2 = (objective(b)[:, None] for b in estimate.samples)
    close(estimate.gradient, (f1 - f2) * (estimate.samples[0] - estimate.samples[1]) / 2)


def test_two_antithetic_samples_are_disarm():
    """Their copula's w is the uniform of the pair: DisARM at that uniform gives the same gradient."""
    objective, logits = problem_of("bernoulli")
    arms = get("arms", samples=2)
    noise = arms.noise(logits.shape, SEED, F64)
    first, second = -tf.math.log(noise["u"])
    share = first / (first + second)
    pair = {"u": tf.where(logits < 0, share, 1 - share)}
    close(arms.estimate(objective, logits, noise).gradient, get("disarm").estimate(objective, logits, pair).gradient)


def test_antithetic_samples_have_the_stated_joint_probability():
    """D is theta (1 - theta) / (theta - P(b_j = b_k = 1)) for empirical joint frequencies; 200,000 draws, 5 standard
    errors."""
    number = 200_000
    for samples in (3, 4):
        logits = tf.constant([[-2.0, -0.3, 0.0, 0.6, 2.5]], F64)
        u = get("arms", samples=samples).noise((number, 5), SEED, F64)["u"]
        b = antithetic_samples(tf.broadcast_to(logits, [number, 5]), u).numpy()
        theta = tf.sigmoid(logits)[0].numpy()
        joint = (b[0] * b[1]).mean(0)
        stated = theta - theta * (1 - theta) / debiasing(logits, samples)[0].numpy()
        assert np.all(np.abs(joint - stated) < 5 * np.sqrt(np.maximum(joint * (1 - joint), 1e-6) / number))
        assert np.all(np.abs(b.mean((0, 1)) - theta) < 5 * np.sqrt(theta * (1 - theta) / number))


def test_double_cv_without_scale_is_rloo():
    objective, logits = problem_of("bernoulli")
    noise = get("rloo", samples=3).noise(logits.shape, SEED, F64)
    plain = get("rloo", samples=3).estimate(objective, logits, noise).gradient
    close(get("double_cv", samples=3).estimate(objective, logits, noise).gradient, plain)
    assert not np.allclose(
        get("double_cv", samples=3).estimate(objective, logits, noise, numbers(scale=-0.5)).gradient, plain
    )


def test_double_cv_of_a_quadratic_has_its_best_scale_below_zero():
    """E|g|^2 is a parabola in a; autodiff's derivative vanishes at -<signal, control> / <control, control>."""
    _, logits = problem_of("bernoulli")

    def objective(b):
        return tf.square(tf.reduce_sum(b, -1) + 0.4)

    estimator = get("double_cv")
    noise = estimator.noise(logits.shape, SEED, F64)
    estimate = estimator.estimate(objective, logits, noise)
    best = -tf.reduce_sum(estimate.signal * estimate.control) / tf.reduce_sum(estimate.control**2)

    def slope(scale):
        scale = tf.constant(scale, F64)
        with tf.GradientTape() as tape:
            tape.watch(scale)
            second_moment = tf.reduce_mean(estimator.estimate(objective, logits, noise, {"scale": scale}).gradient ** 2)
        return float(tape.gradient(second_moment, scale))

    assert -1.5 < float(best) < 0
    assert abs(slope(float(best))) < 1e-12
    assert slope(0.0) > 1e-3


def test_one_pair_of_local_disarm_is_disarm():
    objective, logits = problem_of("bernoulli")
    noise = get("disarm").noise(logits.shape, SEED, F64)
    one = get("local_disarm", samples=1).estimate(objective, logits, {"u": noise["u"][None]})
    close(one.gradient, get("disarm").estimate(objective, logits, noise).gradient)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("reinforce", {"baseline": 0.3}),
        ("reinforce", {"baseline": "batch"}),
        ("nvil", {}),
        ("rloo", {"samples": 3}),
        ("vimco", {"samples": 3}),
        ("ovis", {"samples": 3, "gamma": 0.7}),
        ("ovis_mc", {"samples": 2, "auxiliary": 2}),
        ("rws", {"samples": 3}),
        ("tvo", {"samples": 3}),
        ("concrete", {}),
        ("concrete", {"relaxation": "improved"}),
        ("rebar", {}),
        ("rebar", {"relaxation": "concrete"}),
        ("dynamic_rebar", {}),
        ("muprop", {}),
        ("simple_muprop", {}),
        ("double_cv", {"samples": 3}),
        ("rodeo", {"samples": 3}),
        ("straight_through", {"temperature": 0.7}),
        ("st_gumbel_softmax", {}),
        ("reinmax", {}),
        ("reinmax", {"temperature": 1.3}),
        ("gst", {"gap": 0.6}),
        ("gst", {"gap": "p", "temperature": 0.7}),
        ("gumbel_rao", {}),
        ("reinmax_rao", {}),
        ("rebar", {"coupling": "independent"}),
    ],
)
def test_two_categories_are_a_bernoulli_variable(name, settings):
    """With E0 / (E0 + E1) in place of the uniforms exp(-E0) and exp(-E1), for the sample's noise and for that given the
    sample, the gradients with respect to (l0, l1) are (-g, g), draw by draw."""
    bernoulli_objective, logits = problem_of("bernoulli")
    estimator = get(name, **settings)
    pairs = tf.stack([0.3 * logits, 1.3 * logits], -1)
    noise = estimator.noise(pairs.shape, SEED, F64)
    exponentials = {name: -tf.math.log(uniforms) for name, uniforms in noise.items()}
    single = {name: e[..., 0] / (e[..., 0] + e[..., 1]) for name, e in exponentials.items()}
    parameters = perturbed(estimator, logits.shape)
    both = estimator.estimate(lambda b: bernoulli_objective(b[..., 1]), pairs, noise, parameters)
    one = estimator.estimate(bernoulli_objective, logits, single, parameters)
    np.testing.assert_array_equal(both.samples[..., 1], one.samples)
    close(both.gradient[..., 1], one.gradient, 1e-10)
    close(both.gradient[..., 0], -one.gradient, 1e-10)


@pytest.mark.parametrize(
    ("name", "support"),
    [(n, s) for n in ("rebar", "dynamic_rebar", "relax", "lax", "rodeo") for s in ("bernoulli", "categorical")],
)
def test_variance_gradients_are_finite_differences(name, support):
    """dV/d(own parameters), V = mean g^2 at fixed noise, through the estimate, whose control variate holds a derivative
    already."""
    objective, logits = problem_of(support)
    logits = logits[:50]
    estimator = get(name)
    noise = estimator.noise(logits.shape, SEED, F64)
    parameters = {key: tf.constant(value) for key, value in perturbed(estimator, logits.shape).items()}

    def variance(values):
        return tf.reduce_mean(estimator.estimate(objective, logits, noise, values).gradient ** 2)

    with tf.GradientTape() as tape:
        tape.watch(list(parameters.values()))
        loss = variance(parameters)
    gradients = tape.gradient(loss, parameters)
    for key, value in parameters.items():
        direction = tf.constant(np.random.default_rng(0).normal(size=value.shape), F64)
        step = 1e-7 if name == "rodeo" else 1e-5  # its net has kinks
        up, down = (float(variance({**parameters, key: value + sign * step * direction})) for sign in (1, -1))
        along = float(tf.reduce_sum(gradients[key] * direction))
        assert along == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-7), key


def test_a_baseline_learns_by_least_squares():
    """NVIL's, SimpleMuProp's and MuProp's loss is the mean squared residual that multiplies the score."""
    objective, logits = problem_of("bernoulli")
    for name in ("nvil", "simple_muprop", "muprop"):
        estimator = get(name)
        noise = estimator.noise(logits.shape, SEED, F64)
        for own in (
            perturbed(estimator, logits.shape),
            {**perturbed(estimator, logits.shape), "baseline": tf.linspace(-1.0, 1.0, BATCH)},
        ):
            own = {key: tf.cast(value, F64) for key, value in own.items()}
            estimate = estimator.estimate(objective, logits, noise, own)
            signal = estimate.signal
            if name == "muprop":
                with tf.GradientTape() as tape:
                    mean = tf.sigmoid(logits)
                    tape.watch(mean)
                    centre = objective(mean)
                signal -= own["eta_slope"] * tape.gradient(centre, mean) * mean * (1 - mean)
            residual = (signal / bernoulli.score(logits, estimate.samples))[:, 0]
            close(estimate.loss, tf.reduce_mean(residual**2), 1e-10)
