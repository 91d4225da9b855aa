"""The linear-Gaussian model: closed forms, the vectorised gradients against tapes, what many samples lead to, training,
runs, settings."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.lab.runs.store import RunFolder
from igr_suite.objectives.leaf import Sampled, leaf_gradients
from igr_suite.objectives.registry import build
from igr_suite.randomness import at_step, standard_normal
from igr_suite.relaxations.gaussian import normal_log_density
from igr_suite.studies.linear_gaussian.config import LinearGaussianGradients
from igr_suite.studies.linear_gaussian.gradients import ClosedFormEstimator
from igr_suite.studies.linear_gaussian.problem import make, optimum
from igr_suite.studies.linear_gaussian.train import estimator_of, execute

NAMES = ("iwae", "stl", "dreg", "rws", "rws-dreg", "jk", "jk-dreg", "vimco")


class Taped:
    """The model with variables, for tapes; one theta, A and b."""

    def __init__(self, problem):
        self.x, self.scale = tf.constant(problem.x), problem.scale
        self.a, self.b, self.theta = (tf.Variable(part) for part in (problem.a, problem.b, problem.theta))

    def sample(self, eps):
        mean = tf.matmul(self.x, self.a, transpose_b=True) + self.b
        log_scale = tf.constant(np.log(self.scale))
        return Sampled(mean + self.scale * eps, lambda z: normal_log_density((z - mean) / self.scale, log_scale))

    def log_joint(self, z):
        zero = tf.zeros_like(z)
        return normal_log_density(z - self.theta, zero) + normal_log_density(self.x - z, zero)


@pytest.fixture(scope="module")
def small():
    return make(dimension=3, points=5, perturbation=0.05, proposal_variance=2 / 3, seed=1)


def test_closed_forms_of_the_gradients_are_those_of_tapes(small):
    """Every objective's d/db and d/dtheta, the bound and the effective sample size, two repetitions apart."""
    objectives = [build(name) for name in NAMES]
    estimator = ClosedFormEstimator(small, objectives, samples=4, dtype=tf.float64)
    eps = standard_normal([2, 4, 5, 3], tf.constant([1, 2]), tf.float64)
    found = estimator.estimate(eps)
    assert [family[0] for family in estimator.families] == ["weights", "jackknife"]
    taped = Taped(small)
    for r in range(2):
        expected = leaf_gradients(
            objectives, lambda r=r: taped.sample(eps[r]), taped.log_joint, [taped.b], [taped.theta]
        )
        np.testing.assert_allclose(
            found["b"][r], [gradient[0] for gradient in expected.inference], rtol=1e-9, atol=1e-11
        )
        np.testing.assert_allclose(found["theta"][r, 0], expected.generative[0], rtol=1e-9)
        np.testing.assert_allclose(found["bound"][r], tf.reduce_mean(log_mean_exp(expected.log_weights)), rtol=1e-11)
        jackknife = leaf_gradients(
            objectives[5:], lambda r=r: taped.sample(eps[r]), taped.log_joint, [taped.b], [taped.theta]
        )
        np.testing.assert_allclose(found["theta"][r, 1], jackknife.generative[0], rtol=1e-9)


def test_closed_forms_of_the_model(small):
    """The ELBO's gap and chi^2 + 1 at the optimum for D = 20 (docs/papers/dreg.md, section 6.1); evidence and ELBO by
    Gauss-Hermite.
    """
    best = optimum(make(20, 16, 0.01, 2 / 3, 0).x, np.sqrt(2 / 3))
    np.testing.assert_allclose(best.gap, 0.0, atol=1e-12)
    np.testing.assert_allclose(best.log_evidence - best.elbo, 0.456513, atol=1e-6)
    np.testing.assert_allclose(best.second_moment, 1.90672, atol=1e-5)

    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    z = small.mean[..., None] + small.scale * nodes  # dimensions are independent
    x, theta = small.x[..., None], small.theta[:, None]
    log_ratio = (
        -0.5 * (z - theta) ** 2 - 0.5 * (x - z) ** 2 + 0.5 * nodes**2 + np.log(small.scale) - 0.5 * np.log(2 * np.pi)
    )
    np.testing.assert_allclose(small.elbo, (log_ratio @ weights).sum(1), rtol=1e-10)
    np.testing.assert_allclose(small.log_evidence, np.log(np.exp(log_ratio) @ weights).sum(1), rtol=1e-8)
    second = np.log(np.exp(2 * log_ratio) @ weights).sum(1) - 2 * small.log_evidence
    np.testing.assert_allclose(small.second_moment, np.exp(second), rtol=1e-6)


def test_many_samples_lead_to_the_known_limits(small):
    """K = 512: L_K = log p - chi^2/2K, grad L_K = -(chi^2 + 1) gap/(K (2 s^2 - 1/2)), RWS and STL -gap/s^2.

    Within 3% and 4 standard errors.
    """
    samples, repetitions = 512, 400
    objectives = [build(name) for name in ("dreg", "rws-dreg", "stl")]
    draw = tf.function(
        lambda seed: ClosedFormEstimator(small, objectives, samples).draw(repetitions, seed), autograph=False
    )
    found = {name: value.numpy().astype(np.float64) for name, value in draw(tf.constant([3, 4])).items()}
    mean, error = found["b"].mean(0), found["b"].std(0, ddof=1) / np.sqrt(repetitions)
    signal = -(small.second_moment[:, None] * small.gap).mean(0) / (samples * (2 * small.scale**2 - 0.5))
    wake = -small.gap.mean(0) / small.scale**2
    for row, expected in zip(range(3), (signal, wake, wake)):
        assert np.all(np.abs(mean[row] - expected) < 0.03 * np.abs(expected) + 4 * error[row])
    assert np.max(4 * error[0] / np.abs(signal)) < 0.2, "errors are small beside what they are compared with"
    gap = (small.log_evidence - (small.second_moment - 1) / (2 * samples)).mean() - found["bound"].mean()
    assert abs(gap) < 0.05 * (small.second_moment - 1).mean() / (2 * samples) + 4 * found["bound"].std(
        ddof=1
    ) / np.sqrt(repetitions)


def test_float32_is_enough_for_the_smallest_variances():
    """JVI-DReG at K = 128: float32 estimates differ from float64 ones, on the same noise, by less than 1% of their
    standard deviation."""
    problem = make(20, 64, 0.01, 2 / 3, 0)
    objectives = [build(name, **({"form": "closed"} if name == "jk-dreg" else {})) for name in ("dreg", "jk-dreg")]
    eps = standard_normal([24, 128, 64, 20], tf.constant([5, 6]))
    single = ClosedFormEstimator(problem, objectives, 128).estimate(eps)["b"].numpy().astype(np.float64)
    double = ClosedFormEstimator(problem, objectives, 128, tf.float64).estimate(tf.cast(eps, tf.float64))["b"].numpy()
    assert np.all(np.abs(single - double).max((0, 2)) < 0.01 * double.std(0, ddof=1).mean(1))


@pytest.mark.parametrize("name", few(["iwae", "dreg", "rws"], "dreg".__eq__))
def test_training_q_reaches_the_optimum(name):
    """A -> I/2 and b -> theta/2 with theta fixed: 1,500 full-batch steps of decreasing size, the last half averaged;
    within .03."""
    problem = make(2, 64, 0.01, 2 / 3, 2)
    problem = dataclasses.replace(problem, theta=problem.x.mean(0))
    taped, objective, steps = Taped(problem), build(name), 1500

    @tf.function(jit_compile=True, autograph=False)
    def gradients(i):
        eps = standard_normal([8, 64, 2], at_step(tf.constant([7, 8]), i), tf.float64)
        return leaf_gradients(
            [objective], lambda: taped.sample(eps), taped.log_joint, [taped.a, taped.b], []
        ).inference[0]

    taped.a.assign(tf.zeros_like(taped.a))
    taped.b.assign(tf.zeros_like(taped.b) + 1.0)
    mean_a, mean_b = np.zeros([2, 2]), np.zeros(2)
    for i in range(steps):
        rate = 0.5 / (1.0 + i / 100)
        by_a, by_b = gradients(tf.constant(i))
        taped.a.assign_add(rate * by_a)
        taped.b.assign_add(rate * by_b)
        if i >= steps // 2:
            mean_a += taped.a.numpy() / (steps - steps // 2)
            mean_b += taped.b.numpy() / (steps - steps // 2)
    np.testing.assert_allclose(mean_a, 0.5 * np.eye(2), atol=0.03)
    np.testing.assert_allclose(mean_b, 0.5 * problem.theta, atol=0.03)


def test_a_run_repeats_itself(tmp_path, golden):
    """Also in chunks that do not divide the repetitions; every number is finite."""
    config = LinearGaussianGradients(
        samples=3, repetitions=7, points=16, dimension=4, objectives=("iwae", "stl", "dreg", "jk", "jk-dreg")
    )

    def executed(place):
        with RunFolder(tmp_path / place / config.run_id).open(config) as folder:
            execute(config, folder)
        golden("linear_gaussian", folder)
        return folder.summary()

    first, second = executed("a"), executed("b")
    assert first == second
    assert set(first["b"]) == set(config.objectives) and set(first["theta"]) == {"weights", "jackknife"}
    assert "t" in first["b"]["stl"] and "t" in first["b"]["jk-dreg"] and "t" not in first["b"]["iwae"]
    assert np.all(np.isfinite([*first["b"]["dreg"].values(), first["bound"], first["ess"]]))
    assert 1.0 < first["ess"] < 3.0


def test_the_problem_does_not_depend_on_the_number_of_samples():
    few, many = (estimator_of(LinearGaussianGradients(samples=k, points=8, dimension=3)).problem for k in (2, 64))
    np.testing.assert_array_equal(few.x, many.x)
    np.testing.assert_array_equal(few.b, many.b)
    assert not np.array_equal(few.x, estimator_of(LinearGaussianGradients(points=8, dimension=3, seed=1)).problem.x)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 1}, "jk with order=1 needs at least 2 samples, got 1"),
        ({"objectives": ("iwae", "drag")}, "unknown objective 'drag'"),
        ({"objectives": ("iwae", "iwae")}, "name each objective once"),
        ({"objectives": ()}, "got none"),
        ({"repetitions": 1}, "repetitions must be at least 2"),
        ({"perturbation": 0.0}, "perturbation must be positive"),
    ],
)
def test_a_wrong_setting_is_a_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        LinearGaussianGradients(**changes)


def test_noise_of_other_axes_is_refused(small):
    estimator = ClosedFormEstimator(small, [build("dreg")], samples=4)
    assert estimator.draw(0, tf.constant([1, 2]))["b"].shape == (0, 1, 3)
    for shape in ([4, 5, 3], [2, 5, 4, 3], [2, 4, 5, 1]):
        with pytest.raises(UserError, match=r"noise must be \[R, K, N, D\] with K, N, D = \(4, 5, 3\)"):
            estimator.estimate(tf.zeros(shape))
