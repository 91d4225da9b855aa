"""Leaf gradients against surrogate losses on networks, identities between estimators draw by draw, and layers of
latents by quadrature."""

import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import normals

from igr_suite.errors import UserError
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.objectives import leaf
from igr_suite.objectives.control_variate import SCALARS, ControlVariateDReG, scalar_gradients
from igr_suite.objectives.leaf import Sampled, leaf_gradients
from igr_suite.objectives.names import NAMES
from igr_suite.objectives.registry import build
from igr_suite.relaxations.gaussian import normal_log_density

SAMPLES, BATCH, LATENTS, PIXELS, HIDDEN = 6, 4, 3, 7, 5
OPTIONS = {
    "miwae": {"groups": 2},
    "miwae-dreg": {"groups": 3},
    "piwae": {"groups": 2},
    "piwae-dreg": {"groups": 2},
    "ovis-mc": {"auxiliary": 2},
}


def objective_of(name):
    return build(name, **OPTIONS.get(name, {}))


class Network:
    """A small VAE with a learned prior, at fixed noise and images."""

    def __init__(self, dtype=np.float64):
        generator = np.random.default_rng(1)

        def variables(*shapes):
            return [tf.Variable((generator.normal(size=shape) * 0.7).astype(dtype)) for shape in shapes]

        self.inference = variables((PIXELS, HIDDEN), (HIDDEN, 2 * LATENTS))
        self.generative = variables((LATENTS, HIDDEN), (HIDDEN, PIXELS), (LATENTS,))
        self.x = tf.constant(generator.integers(0, 2, (BATCH, PIXELS)).astype(dtype))
        self.eps = tf.constant(generator.normal(size=(SAMPLES, BATCH, LATENTS)).astype(dtype))

    def posterior(self):
        loc, log_scale = tf.split(tf.tanh(self.x @ self.inference[0]) @ self.inference[1], 2, -1)
        return loc, log_scale

    @staticmethod
    def log_q(z, loc, log_scale):
        return normal_log_density((z - loc) * tf.exp(-log_scale), log_scale)

    def log_joint(self, z):
        logits = tf.tensordot(tf.tanh(tf.tensordot(z, self.generative[0], 1)), self.generative[1], 1)
        log_likelihood = -tf.reduce_sum(
            tf.nn.sigmoid_cross_entropy_with_logits(tf.broadcast_to(self.x, logits.shape), logits), -1
        )
        return log_likelihood + normal_log_density(z - self.generative[2], tf.zeros_like(z))

    def sample(self):
        loc, log_scale = self.posterior()
        return Sampled(loc + tf.exp(log_scale) * self.eps, lambda z: self.log_q(z, loc, log_scale))

    def leaf(self, *names):
        objectives = [objective_of(name) if isinstance(name, str) else name for name in names]
        return leaf_gradients(objectives, self.sample, self.log_joint, self.inference, self.generative)

    def surrogate(self, objective):
        """Inference and generative gradients from losses with stopped tensors, one backward pass each: an independent
        way."""
        with tf.GradientTape(persistent=True) as tape:
            loc, log_scale = self.posterior()
            z = loc + tf.exp(log_scale) * self.eps
            stopped = self.log_joint(z) - self.log_q(z, tf.stop_gradient(loc), tf.stop_gradient(log_scale))
            weights = objective.coefficients(stopped)
            loss = tf.zeros([], z.dtype)
            if weights.path is not None:
                loss += tf.reduce_sum(weights.path * stopped) / BATCH
            if weights.score is not None:
                loss += tf.reduce_sum(weights.score * self.log_q(tf.stop_gradient(z), loc, log_scale)) / BATCH
            model_loss = tf.reduce_sum(weights.generative * stopped) / BATCH
        return tape.gradient(loss, self.inference), tape.gradient(model_loss, self.generative)


def assert_close(found, expected, tolerance=1e-10):
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def network():
    return Network()


@pytest.fixture(scope="module")
def gradients(network):
    """Inference gradients of every objective from one leaf pass."""
    found = network.leaf(*NAMES)
    return dict(zip(NAMES, found.inference))


def test_every_objective_in_one_pass(network, gradients):
    """Against the surrogate of each, to 1e-10."""
    for name in NAMES:
        assert_close(gradients[name], network.surrogate(objective_of(name))[0])


@pytest.mark.parametrize("name", NAMES)
def test_alone_each_objective_trains_both_networks(name, network):
    """The first objective's generative gradient, and its own inference gradient whichever pass it shares."""
    found = network.leaf(name)
    inference, generative = network.surrogate(objective_of(name))
    assert_close(found.inference[0], inference)
    assert_close(found.generative, generative)
    np.testing.assert_allclose(found.values[0], objective_of(name).value(found.log_weights), rtol=1e-12)


@pytest.mark.parametrize("name", ["iwae", "dreg", "jk-dreg", "tvo"])
def test_float32(name):
    network = Network(np.float32)
    found = network.leaf(name)
    inference, generative = network.surrogate(objective_of(name))
    assert_close([*found.inference[0], *found.generative], [*inference, *generative], 1e-5)


@pytest.mark.parametrize("name", ["iwae", "jk", "miwae", "ciwae", "vr-iwae"])
def test_total_derivatives_are_those_of_the_reported_value(name, network):
    """Plain differentiation of the value, with nothing stopped, by both networks."""
    with tf.GradientTape() as tape:
        sampled = network.sample()
        loss = tf.reduce_mean(objective_of(name).value(network.log_joint(sampled.z) - sampled.log_prob(sampled.z)))
    expected = tape.gradient(loss, network.inference + network.generative)
    found = network.leaf(name)
    assert_close([*found.inference[0], *found.generative], expected)


def test_identities_draw_by_draw(gradients):
    """iwae = stl - rws, stl = dreg + rws-dreg, dreg-alpha(.9) = .1 dreg + .9 rws-dreg."""
    for position in range(2):
        iwae, stl, dreg, rws, rws_dreg, mixed = (
            gradients[name][position].numpy() for name in ("iwae", "stl", "dreg", "rws", "rws-dreg", "dreg-alpha")
        )
        np.testing.assert_allclose(iwae, stl - rws, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(stl, dreg + rws_dreg, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(mixed, 0.1 * dreg + 0.9 * rws_dreg, rtol=1e-10, atol=1e-12)
        assert np.max(np.abs(iwae - dreg)) > 1e-3, "equal in the mean, not in a draw"


def test_backward_passes(network, monkeypatch):
    """One pass through the generative model for all weight-based objectives, none to the samples for scores, two with
    JVI-DReG."""

    def passes(*names):
        counted = []
        for method in ("weighted", "to_samples"):
            original = getattr(leaf._Passes, method)

            def counting(*arguments, original=original, method=method, **options):
                counted.append((method, options.get("to_samples")))
                return original(*arguments, **options)

            monkeypatch.setattr(leaf._Passes, method, counting)
        network.leaf(*names)
        monkeypatch.undo()
        return counted

    assert passes("iwae", "stl", "dreg", "rws", "rws-dreg", "dreg-alpha", "dreg-norm", "dreg-cv") == [
        ("weighted", True)
    ]
    assert passes("rws", "dreg") == [("weighted", True)]
    assert passes("rws", "ovis", "vimco") == [("weighted", False)]
    assert passes("vargrad") == [("weighted", False)]
    assert passes("vr-iwae", "vr-iwae-dreg") == [("weighted", True)]
    assert passes("jk") == [("weighted", True)]
    assert passes("jk-dreg") == [("weighted", False), ("to_samples", None)]


def test_compiled_and_not(network):
    compiled = tf.function(lambda: network.leaf("iwae", "jk-dreg", "rws"), jit_compile=True, autograph=False)()
    plain = network.leaf("iwae", "jk-dreg", "rws")
    for one, other in zip(compiled.inference, plain.inference):
        assert_close(one, other)
    assert_close(compiled.generative, plain.generative)


def test_scalars_follow_the_squared_gradient(network):
    """Derivatives of the mean squared gradient by the four scalars, against central differences."""
    at = {"alpha": 0.4, "beta": 0.7, "gamma": 0.3, "delta": 0.2}

    def mean_square(**scalars):
        flat = np.concatenate([g.numpy().ravel() for g in network.leaf(ControlVariateDReG(**scalars)).inference[0]])
        return np.mean(flat**2)

    objective = ControlVariateDReG(**{scalar: tf.Variable(value, dtype=tf.float64) for scalar, value in at.items()})
    gradient, *directions = network.leaf(objective, *objective.directions()).inference
    h = 1e-6
    for scalar, found in zip(SCALARS, scalar_gradients(gradient, directions)):
        slope = (mean_square(**at | {scalar: at[scalar] + h}) - mean_square(**at | {scalar: at[scalar] - h})) / (2 * h)
        assert float(found) == pytest.approx(slope, rel=1e-5, abs=1e-9)


class TwoLayers:
    """p(z2) = N(0, 1), p(z1|z2) = N(.8 z2, 1), p(x|z1) = N(z1, 1), x = 1.2; q(z1) = N(m1, .9^2), q(z2|z1) = N(.6 z1 -
    .2, .8^2); K = 2.

    One m1 a quadrature node, so that nodes can be weighted afterwards (docs/papers/dreg.md, section 6.2).
    """

    def __init__(self, nodes=22):
        eps, self.weights = normals(4, nodes)
        self.eps = [tf.constant(eps[:2, :, np.newaxis]), tf.constant(eps[2:, :, np.newaxis])]
        self.m1 = tf.Variable(np.full([len(self.weights), 1], 0.5))

    @staticmethod
    def log_normal(z, loc, scale):
        return tf.reduce_sum(-0.5 * tf.square((z - loc) / scale), -1) - np.log(scale) - 0.5 * np.log(2 * np.pi)

    def log_joint(self, z):
        zeros = tf.zeros_like(z[0])
        return (
            self.log_normal(z[1], zeros, 1.0)
            + self.log_normal(z[0], 0.8 * z[1], 1.0)
            + self.log_normal(z[0], zeros + 1.2, 1.0)
        )

    def sample(self, indirect=True):
        z1 = self.m1 + 0.9 * self.eps[0]
        z2 = 0.6 * z1 - 0.2 + 0.8 * self.eps[1]

        def log_prob(z):
            given = z[0] if indirect else tf.stop_gradient(z1)
            return self.log_normal(z[0], self.m1, 0.9) + self.log_normal(z[1], 0.6 * given - 0.2, 0.8)

        return Sampled([z1, z2], log_prob)

    def moments(self, names, indirect=True):
        found = leaf_gradients(
            [build(name) for name in names], lambda: self.sample(indirect), self.log_joint, [self.m1], []
        )
        for (gradient,) in found.inference:
            values = len(self.weights) * gradient.numpy()[:, 0]
            mean = self.weights @ values
            yield mean, self.weights @ values**2 - mean**2


def test_layers_keep_the_indirect_score():
    """Means and variances of d/dm1; a density whose second layer ignores the samples given is biased
    (docs/papers/dreg.md, section 6.2).
    """
    layers = TwoLayers()
    iwae, dreg, stl = layers.moments(["iwae", "dreg", "stl"])
    assert iwae == (pytest.approx(0.1684958426, abs=1e-6), pytest.approx(0.96320, rel=1e-4))
    assert dreg == (pytest.approx(0.1684958426, abs=1e-6), pytest.approx(0.021098, rel=1e-4))
    assert stl[0] == pytest.approx(0.3509590725, abs=1e-6)
    (naive,) = layers.moments(["dreg"], indirect=False)
    assert naive[0] == pytest.approx(0.2235166721, abs=1e-6)


def test_no_gradient_leaks_from_one_network_to_the_other(network):
    """DReG's generative gradient is that of the bound: its own coefficients w^2 do not weight the decoder."""
    with tf.GradientTape() as tape:
        sampled = network.sample()
        loss = tf.reduce_mean(log_mean_exp(network.log_joint(sampled.z) - sampled.log_prob(sampled.z)))
    assert_close(network.leaf("dreg").generative, tape.gradient(loss, network.generative))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sample": None}, "sample must be a function, got None"),
        ({"log_joint": 3}, "log_joint must be a function, got 3"),
        ({"inference_variables": None}, "inference_variables must be a list of variables, got None"),
        ({"generative_variables": ["a"]}, r"generative_variables must be a list of variables, got \['a'\]"),
        ({"sample": lambda: 3}, r"sample must return a Sampled\(z, log_prob\), got int"),
    ],
)
def test_what_is_no_network_is_a_sentence(change, sentence):
    z = tf.zeros([4, 2, 3])
    given = {
        "objectives": [build("dreg")],
        "sample": lambda: Sampled(z, lambda z: tf.reduce_sum(z, -1)),
        "log_joint": lambda z: -tf.reduce_sum(z, -1),
        "inference_variables": [],
        "generative_variables": [],
    }
    with pytest.raises(UserError, match=sentence):
        leaf_gradients(**given | change)
