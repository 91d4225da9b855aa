"""Joint models: the JointVAE objective's oracles (docs/papers/igr.md, sections 7.13 and 7.21), sums of the two KLs,
layout, evaluation against quadrature, and a bitwise resume.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.families.vae.config import JOINT, CapacityConfig, ModelConfig
from igr_suite.families.vae.joint_objective import capacity_at, jointvae_objective
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.randomness import run_seed
from igr_suite.training.config_parts import OptimiserConfig
from igr_suite.training.evaluation import log_mean_exp

SEED = run_seed(0, "test")
RAMP = CapacityConfig(gamma=30.0, continuous=(0.0, 5.0, 11), discrete=(1.0, 3.0, 5))


def a_model(name="IGR_I", *, samples=1, resize=None, seed=0, **options) -> DiscreteVAE:
    config = ModelConfig(
        name=name, architecture="linear", **({"variables": 2, "categories": 3, "latent_dim": 2} | options)
    )
    optimiser = OptimiserConfig(learning_rate=0.05)
    shape = (3, 2, 1)
    return DiscreteVAE(
        config,
        image_shape=shape,
        likelihood="bernoulli",
        binarisation="static",
        resize=resize,
        optimiser=optimiser,
        samples=samples,
        seed=seed,
    )


def some_images(count: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (count, 6), dtype=np.uint8))


def train(model, steps, first=0):
    step = tf.function(model.train_step)
    for i in range(first, first + steps):
        step(some_images(16), run_seed(i, "train"))
    return model


@pytest.fixture(scope="module")
def perturbed():
    """Joint models with random biases on the encoder's output, made when first asked for: posteriors away from 0."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = a_model(name)
            bias = made[name].encoder.layers[-1].bias
            bias.assign(0.7 * np.random.default_rng(3).standard_normal(bias.shape))
        return made[name]

    return of


def test_capacities_equal_to_the_kls_leave_the_reconstruction():
    """Oracle 13."""
    log_likelihood = tf.constant([[-100.0, -90.0], [-80.0, -70.0]])
    config = CapacityConfig(gamma=30.0, continuous=(4.0, 4.0, 2), discrete=(2.5, 2.5, 2))
    kls = tf.fill((2,), 4.0), tf.fill((2, 2), 2.5)
    np.testing.assert_array_equal(jointvae_objective(log_likelihood, *kls, config, tf.constant(0)), log_likelihood)


def test_gamma_1_and_no_capacity_is_the_elbo():
    """Oracle 13; KLs that are not negative."""
    config = CapacityConfig(gamma=1.0, continuous=(0.0, 0.0, 2), discrete=(0.0, 0.0, 2))
    log_likelihood, continuous, discrete = (
        tf.constant([-100.0, -90.0]),
        tf.constant([4.0, 0.0]),
        tf.constant([2.5, 1.5]),
    )
    objective = jointvae_objective(log_likelihood, continuous, discrete, config, tf.constant(7))
    np.testing.assert_array_equal(objective, log_likelihood - continuous - discrete)
    above = jointvae_objective(log_likelihood, tf.constant([-1.0, 0.0]), discrete, config, tf.constant(7))
    assert float(above[0]) == -100.0 - 1.0 - 2.5, "a negative sampled KL is penalised too"


@pytest.mark.parametrize("ramp", [(0.0, 5.0, 25_000), (1.0, 3.0, 5), (0.0, 50.0, 100_000), (5.0, 1.0, 2)])
def test_a_capacity_is_a_linspace_that_is_held(ramp):
    """Oracle 13: C(n - 1) = hi exactly, and it stays; in between numpy's linspace."""
    lo, hi, count = ramp
    want = np.linspace(lo, hi, count)
    for step in {0, 1, count // 3, count - 2, count - 1}:
        assert float(capacity_at(ramp, tf.constant(step))) == pytest.approx(want[step], rel=1e-6, abs=1e-9)
    assert float(capacity_at(ramp, tf.constant(count - 1))) == hi
    assert float(capacity_at(ramp, tf.constant(10 * count, tf.int64))) == hi


@pytest.mark.parametrize("name", JOINT)
def test_kls_are_sums_of_both_parts_and_closed_ones_the_means_of_sampled_ones(name, perturbed):
    """5 standard errors of 20,000 draws; GS has no closed form of its discrete part."""
    model, batch = perturbed(name), some_images(3)
    latent = model.latent.sample(model.encoder(tf.cast(batch >= 128, tf.float32)), 20_000, SEED)
    (continuous, first), (discrete, second) = model.latent.parts(latent)
    assert latent.code.shape == (20_000, 3, 2 + 6)
    np.testing.assert_array_equal(latent.code, np.concatenate([first.code, second.code], -1))
    total = model.latent.sampled_kl(latent).numpy()
    np.testing.assert_allclose(total, continuous.sampled_kl(first) + discrete.sampled_kl(second), rtol=1e-6, atol=1e-6)
    closed = model.latent.closed_kl(latent)
    assert (closed is None) == (name == "GS")
    if closed is not None:
        np.testing.assert_allclose(closed, continuous.closed_kl(first) + discrete.closed_kl(second), rtol=1e-6)
        assert (np.abs(total.mean(0) - closed.numpy()) < 5 * total.std(0) / math.sqrt(20_000)).all()
    correlation = [
        np.corrcoef(first.code[:, b, i], second.code[:, b, j])[0, 1] for b in range(3) for i in range(2) for j in (0, 4)
    ]
    assert np.max(np.abs(correlation)) < 5 / math.sqrt(20_000), "the two parts share noise"


@pytest.mark.parametrize("name", ["GS", "IGR_SB", "IGR_Planar"])
def test_samples_parts_variables_and_categories_are_not_mixed_up(name):
    """Oracle 21: B, K, S, V = 2, 5, 3, 4 and 7 continuous latents; all samples at once equal one by one."""
    model = a_model(name, variables=4, categories=5, latent_dim=7)
    images = tf.cast(some_images(2) >= 128, tf.float32)
    latent = model.latent.sample(model.encoder(images), 3, SEED)
    assert latent.code.shape == (3, 2, 7 + 20)
    np.testing.assert_array_equal(latent.code[..., :7], latent.continuous.code)
    np.testing.assert_array_equal(latent.code[..., 7:].numpy().reshape(3, 2, 4, 5), latent.draw.sample)
    np.testing.assert_allclose(latent.draw.sample.numpy().sum(-1), 1, rtol=1e-5)
    loc, log_scale = latent.continuous.posterior
    np.testing.assert_array_equal(tf.concat([loc, log_scale], -1), model.encoder(images)[:, :14])
    one_hot = model.latent.one_hot(latent).numpy()
    np.testing.assert_array_equal(one_hot[..., :7], latent.continuous.code)
    np.testing.assert_array_equal(
        one_hot[..., 7:].reshape(3, 2, 4, 5).argmax(-1), latent.draw.sample.numpy().argmax(-1)
    )
    together = model.log_likelihood(latent.code, images).numpy()
    apart = np.concatenate([model.log_likelihood(latent.code[s : s + 1], images).numpy() for s in range(3)])
    np.testing.assert_allclose(together, apart, rtol=1e-5)
    assert model.latent.sampled_kl(latent).shape == (3, 2)


def quadrature_log_likelihood(model: DiscreteVAE, batch: tf.Tensor) -> np.ndarray:
    """log p(x) of the one-hot joint model with one Gaussian latent: 60-point Gauss-Hermite times all K^V codes."""
    variables, categories = model.config.variables, model.config.categories
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    vertices = np.stack(np.meshgrid(*[np.arange(categories)] * variables, indexing="ij"), -1).reshape(-1, variables)
    codes = [np.concatenate([[z], np.eye(categories)[vertex].ravel()]) for z in points for vertex in vertices]
    log_prior = np.repeat(np.log(weights / math.sqrt(2 * math.pi)), len(vertices)) - variables * math.log(categories)
    codes = tf.repeat(tf.constant(np.array(codes), tf.float32)[:, None], len(batch), 1)
    log_joint = (
        model.log_likelihood(codes, tf.cast(batch >= 128, tf.float32)).numpy().astype(float) + log_prior[:, None]
    )
    return np.log(np.exp(log_joint).sum(0))


@pytest.mark.parametrize("name", few(["GS", "IGR_I"], "IGR_I".__eq__))
def test_one_hot_bounds_hold_against_quadrature(name):
    """E[one-hot ELBO] <= E[10-sample bound] <= log p(x), tight at S = 2,000 (standard error 0.006)."""
    model, batch = train(a_model(name, latent_dim=1), 60), some_images(2)
    assert model.weight_estimators() == ["relaxed", "one_hot"]
    exact = quadrature_log_likelihood(model, batch)
    draws = model.log_weights(batch, 20_000, SEED, "one_hot").numpy().astype(float)
    ten, many = (log_mean_exp(draws.reshape(count, -1, 2)).mean(0) for count in (10, 2_000))
    error = draws.std(0) / math.sqrt(len(draws))
    assert (draws.mean(0) < ten).all() and (ten < many).all() and (many < exact + 4 * error).all()
    np.testing.assert_allclose(many, exact, atol=0.02)
    repeated = model.eval_step(tf.repeat(batch, 2_000, 0), SEED)["elbo_one_hot_exact"].numpy().reshape(2, -1)
    spread = np.sqrt(repeated.var(1) / 2_000 + draws.var(0) / 20_000)
    assert (np.abs(repeated.mean(1) - draws.mean(0)) < 5 * spread).all(), (
        "the one-sample weight's mean is the exact one-hot ELBO"
    )


def test_the_relaxed_weight_is_the_relaxed_elbo_of_both_parts(perturbed):
    model, batch = perturbed("IGR_SB"), some_images(4)
    assert model.weight_estimators() == ["relaxed"]
    weights = model.log_weights(batch, 10_000, SEED, "relaxed").numpy()
    elbos = model.eval_step(tf.repeat(batch, 10_000, 0), SEED)["elbo_relaxed"].numpy().reshape(4, -1)
    spread = np.sqrt(elbos.var(1) / 10_000 + weights.var(0) / 10_000)
    assert (np.abs(elbos.mean(1) - weights.mean(0)) < 5 * spread).all()


def test_training_raises_the_objective_at_the_steps_own_capacity():
    """The reported objective is the formula at t = steps done so far, and evaluation uses the capacity reached."""
    model, batch = a_model("IGR_I", kl="closed", capacity=RAMP), some_images(16)
    assert set(model.scalars) == set(model.bounds(batch, SEED))
    for step in (0, 3, 12):
        train(model, step - int(model.optimiser.iterations), first=int(model.optimiser.iterations))
        bounds = {name: float(value) for name, value in model.bounds(batch, SEED).items()}
        images = model.observe(batch, SEED)
        at = model.eval_step(batch, SEED)
        c_z, c_c = np.interp(step, (0, 10), (0, 5)), np.interp(step, (0, 4), (1, 3))
        latent = model.latent.sample(model.encoder(images), 1, tf.constant([1, 2]))
        (continuous, first), (discrete, second) = model.latent.parts(latent)
        missed = np.abs(continuous.closed_kl(first) - c_z).mean() + np.abs(discrete.closed_kl(second) - c_c).mean()
        assert bounds["jointvae"] == pytest.approx(bounds["reconstruction"] - 30 * missed, rel=1e-4)
        mean = {name: float(tf.reduce_mean(value)) for name, value in at.items()}
        reconstruction = (
            mean["elbo_relaxed_closed"] + mean["kl_continuous"] + float(tf.reduce_mean(discrete.closed_kl(second)))
        )
        assert mean["jointvae_closed"] == pytest.approx(reconstruction - 30 * missed, rel=1e-4)
        assert mean["jointvae"] < mean["jointvae_closed"], "sampled KLs enter with their noise, 30 times"
        assert bounds["kl"] == pytest.approx(bounds["kl_continuous"] + bounds["kl_discrete"], rel=1e-5)


def test_kls_follow_their_capacities():
    """With gamma 30 the closed KLs end within 0.3 nats of (1.5, 1.0), from a start near 0.2."""
    capacity = CapacityConfig(continuous=(0.0, 1.5, 100), discrete=(0.0, 1.0, 100))
    model = train(a_model("IGR_I", kl="closed", capacity=capacity), 300)
    bounds = model.bounds(some_images(16), SEED)
    assert float(bounds["kl_continuous"]) == pytest.approx(1.5, abs=0.3)
    assert float(bounds["kl_discrete"]) == pytest.approx(1.0, abs=0.3)


def test_a_resumed_model_is_bitwise_the_uninterrupted_one():
    """The step of the capacities is part of the state: half way up the ramp, weights and optimiser are put into a fresh
    model."""
    whole = train(a_model("GS", capacity=RAMP), 8)
    half = train(a_model("GS", capacity=RAMP), 4)
    resumed = a_model("GS", capacity=RAMP, seed=3)
    for variable, saved in zip(resumed.state_variables(), half.state_variables()):
        variable.assign(saved)
    assert int(resumed.optimiser.iterations) == 4
    train(resumed, 4, first=4)
    for a, b in zip(resumed.state_variables(), whole.state_variables()):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    for name, value in whole.eval_step(some_images(4), SEED).items():
        np.testing.assert_array_equal(value, resumed.eval_step(some_images(4), SEED)[name], err_msg=name)


def test_the_continuous_kl_is_closed_unless_it_is_asked_for_sampled():
    """GS: equal draws, so only the continuous part differs, and on average it does not (5 standard errors of 4,000
    images)."""
    closed, sampled = a_model("GS"), a_model("GS", continuous_kl="sampled")
    batch = tf.repeat(some_images(1), 4_000, 0)
    one, other = closed.bounds(batch, SEED), sampled.bounds(batch, SEED)
    assert float(one["kl_discrete"]) == float(other["kl_discrete"])
    latent = closed.latent.continuous.sample(closed.encoder(closed.observe(batch, SEED))[:, :4], 1, SEED)
    error = closed.latent.continuous.sampled_kl(latent).numpy().std() / math.sqrt(4_000)
    assert 0 < abs(float(one["kl_continuous"]) - float(other["kl_continuous"])) < 5 * error
