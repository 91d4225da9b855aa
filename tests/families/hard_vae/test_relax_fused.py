"""RELAX of the VAE class of the IGR paper is the registered estimator `relax` on the general path."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.discrete.step import estimate_step
from igr_suite.estimators import get
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.families.hard_vae.distributions import Bernoulli, Categorical
from igr_suite.families.hard_vae.gradients import evaluate_control, relax_gradient, variance_direction
from igr_suite.randomness import at_step, uniform

ROWS, INPUTS, VARIABLES, CATEGORIES = 4, 3, 2, 3
SEED = tf.constant([3, 5])
GENERATOR = np.random.default_rng(0)
X = tf.constant(GENERATOR.normal(size=(ROWS, INPUTS)))
KERNEL = tf.constant(GENERATOR.normal(size=(INPUTS, VARIABLES * CATEGORIES)))
READ = tf.constant(GENERATOR.normal(size=VARIABLES * CATEGORIES))
NET = tf.constant(0.3 * GENERATOR.normal(size=VARIABLES * CATEGORIES))
LOG_TEMPERATURE = tf.constant(0.2 * GENERATOR.normal(size=(VARIABLES, CATEGORIES)))


class Case:
    """The distribution of the class, and shapes: parameters [B, V, P], logits [B, V] or [B, V, C]."""

    def __init__(self, name: str):
        self.kind = bernoulli if name == "bernoulli" else categorical
        self.categories = 1 if name == "bernoulli" else CATEGORIES
        self.distribution = Bernoulli() if name == "bernoulli" else Categorical()
        self.shape = (VARIABLES,) if name == "bernoulli" else (VARIABLES, CATEGORIES)
        self.log_temperature = LOG_TEMPERATURE[:, : self.categories]

    def loss(self, code: tf.Tensor) -> tf.Tensor:
        """A loss that is neither linear nor symmetric, [..., *code] -> [...]."""
        number = code.shape.rank - len(self.shape)
        flat = tf.reshape(code, (*code.shape[:number], -1))
        score = tf.linalg.matvec(flat, READ[: flat.shape[-1]])
        return tf.square(score - 0.4) + tf.exp(0.3 * score)

    def net(self, relaxed: tf.Tensor) -> tf.Tensor:
        """The learned part of the control variate."""
        number = relaxed.shape.rank - len(self.shape)
        flat = tf.reshape(relaxed, (*relaxed.shape[:number], -1))
        return tf.tanh(tf.linalg.matvec(2.0 * flat - 1.0, NET[: flat.shape[-1]]))

    def logits(self, kernel: tf.Tensor) -> tf.Tensor:
        return tf.reshape(X @ kernel[:, : VARIABLES * self.categories], (ROWS, *self.shape))


class MinusNet:
    """The net of the general estimator, which ascends minus the loss."""

    def __init__(self, case: Case):
        self.case = case

    def parameters(self, shape, dtype=tf.float32):
        return {}

    def __call__(self, parameters, z, relaxed, axes):
        return -self.case.net(relaxed)


class OneLayer:
    """A chain whose term is minus the loss; see `discrete.chain.Chain`."""

    holds_log_q = False
    context = X

    def __init__(self, case: Case):
        self.case, self.kinds, self.recognition, self.generator = case, [case.kind], [KERNEL], []

    def logits(self, layer, below):
        return self.case.logits(self.recognition[0])

    def term(self, layer, values, below, logits):
        return -self.case.loss(values)

    def analytic(self, logits):
        return None


class Trained:
    """The temperatures and eta = 1 as the estimator's own parameters."""

    weight_etas = ()

    def __init__(self, case: Case):
        self.trained = [tf.reshape(case.log_temperature, case.shape)]

    def parameters(self, context):
        return [{"log_temperature": self.trained[0], "eta": tf.ones([], tf.float64)}]


@pytest.mark.parametrize("coupling", ["coupled", "independent"])
@pytest.mark.parametrize("name", ["bernoulli", "categorical"])
def test_gradients_and_what_trains_the_temperatures_are_equal(name, coupling):
    """Logits and weights to 1e-10, the slope of the temperatures to 1e-8 (times the number of weights, by which the
    general path divides the squared norm)."""
    case = Case(name)
    parameters = tf.reshape(case.logits(KERNEL), (ROWS, VARIABLES, case.categories))
    draw = case.distribution.draw(parameters, SEED, coupling)
    value = case.loss(tf.reshape(draw.code, (ROWS, *case.shape)))
    with tf.GradientTape() as tape:
        tape.watch(case.log_temperature)

        def control_variate(z):
            relaxed = case.distribution.relaxed(z, tf.exp(case.log_temperature), parameters)
            relaxed = tf.reshape(relaxed, (*relaxed.shape[:-2], *case.shape))
            return case.loss(relaxed) + case.net(relaxed)

        control = evaluate_control(control_variate, draw, coupling)
        fused = relax_gradient(case.distribution, draw, value, control, direct=0.0)
        by_logits = tf.reshape(fused, (ROWS, -1)) / ROWS
        by_weights = tf.stop_gradient(tf.matmul(X, by_logits, transpose_a=True))
        direction = tf.reshape(X @ by_weights, fused.shape)
        squared_norm = 2.0 * variance_direction(case.distribution, draw, control, direction) / ROWS
    slope = tape.gradient(squared_norm, case.log_temperature)

    estimator = get("relax", relaxation="concrete", net=MinusNet(case), coupling=coupling)
    noise = {
        key: tf.reshape(
            uniform(tf.shape(parameters), at_step(SEED, tf.constant(number)), tf.float64), (ROWS, *case.shape)
        )
        for number, key in ((1, "u"), (2, "v"))
    }
    step = estimate_step(OneLayer(case), estimator, [noise], Trained(case), variance_of="weights")
    np.testing.assert_allclose(-tf.reshape(step.cotangents[0], fused.shape), fused, atol=1e-10)
    used = VARIABLES * case.categories
    np.testing.assert_allclose(-step.recognition[0][:, :used], by_weights, atol=1e-10)
    own = tf.reshape(step.own[0], slope.shape) * tf.size(KERNEL, tf.int64).numpy()
    np.testing.assert_allclose(own, slope, atol=1e-8)
    assert np.abs(slope).max() > 1e-3
