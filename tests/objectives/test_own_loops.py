"""Objectives in a loop of one's own: Keras variables, log-probabilities of any axes, and the gradients of the scalar
model at quadrature nodes for every objective."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from objective_quadrature import M, OneLayer, S

from igr_suite import objectives
from igr_suite.errors import UserError
from igr_suite.objectives import Sampled, build, leaf_gradients
from igr_suite.objectives.names import NAMES

OPTIONS = {
    "miwae": {"groups": 2},
    "miwae-dreg": {"groups": 2},
    "piwae": {"groups": 2},
    "piwae-dreg": {"groups": 2},
    "ovis-mc": {"auxiliary": 1},
}
LAYOUTS = {"[B, K]": ([1, 0], 1, None), "[K, B1, B2]": ([0, 1], 0, 5), "[B1, B2, K]": ([1, 0], -1, 5)}


def log_normal(z, loc, scale):
    scale = tf.cast(scale, z.dtype)
    return -0.5 * tf.square((z - loc) / scale) - tf.math.log(scale) - 0.5 * np.log(2 * np.pi)


class NodeVariables:
    """The scalar model with every node of the quadrature as an example that has parameters of its own, in Keras
    variables: z ~ N(theta, 1), x | z ~ N(z, 1), q = N(m, s^2)."""

    def __init__(self, layer: OneLayer, axes=(0, 1), sample_axis=None, split=None):
        self.layer, self.sample_axis = layer, sample_axis
        self.eps, count = tf.transpose(tf.constant(layer.eps), axes), layer.eps.shape[1]
        if split is not None:
            sizes = [split, -1]
            self.eps = tf.reshape(self.eps, [len(layer.eps), *sizes] if sample_axis == 0 else [*sizes, len(layer.eps)])
        shape = [size for axis, size in enumerate(self.eps.shape) if axis != (sample_axis or 0) % self.eps.shape.rank]
        self.m, self.log_s, self.theta = (
            keras.Variable(np.full(shape, value), dtype="float64") for value in (M, np.log(S), layer.theta)
        )
        assert np.prod(shape) == count

    def beside_samples(self, variable):
        return tf.expand_dims(tf.convert_to_tensor(variable), self.sample_axis or 0)

    def gradients(self, objective):
        """`LeafGradients` with the gradients of each node's own value, flat."""

        def sample():
            m, s = self.beside_samples(self.m), tf.exp(self.beside_samples(self.log_s))
            return Sampled(m + s * self.eps, lambda z: log_normal(z, m, s))

        def log_joint(z):
            return log_normal(z, self.beside_samples(self.theta), 1.0) + log_normal(z, 1.2, 1.0)

        found = leaf_gradients(
            [objective], sample, log_joint, [self.m, self.log_s], [self.theta], sample_axis=self.sample_axis
        )
        assert found.log_weights.shape == self.eps.shape and found.values[0].shape == self.m.shape
        by_node = [gradient * self.layer.eps.shape[1] for gradient in [*found.inference[0], *found.generative]]
        return [np.ravel(part) for part in (found.values[0], *by_node)]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_at_quadrature_nodes_with_keras_variables(name):
    """Value and derivatives by m, log s and theta at every node, through the tape, for every objective."""
    objective = build(name, **OPTIONS.get(name, {}))
    samples = max(2, objective.minimum_samples)
    layer = OneLayer(samples, 24 if samples == 2 else 8)
    for found, exact in zip(NodeVariables(layer).gradients(objective), layer.of(objective)):
        np.testing.assert_allclose(found, exact, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("name", "mean"), [("iwae", 0.1794735824), ("dreg", 0.1794735824), ("rws-dreg", 0.1978558133)])
def test_means_over_the_quadrature_are_those_of_the_paper_s_page(name, mean):
    """docs/papers/dreg.md, section 6.2, d/dm with two samples."""
    layer = OneLayer(2, 48)
    assert layer.weights @ NodeVariables(layer).gradients(build(name))[1] == pytest.approx(mean, abs=1e-8)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["dreg", "jk-dreg", "rws", "iwae"])
def test_log_probabilities_of_other_axes(name, layout):
    """The axis of the samples is stated; the others are examples."""
    layer, objective = OneLayer(3, 5), build(name)
    axes, sample_axis, split = LAYOUTS[layout]
    expected = NodeVariables(layer).gradients(objective)
    for found, exact in zip(NodeVariables(layer, axes, sample_axis, split).gradients(objective), expected):
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-14)


def test_one_example_and_latents_with_axes_of_their_own():
    """[K] log-probabilities of latents [K, 2, 3], as [K, 1] ones of latents [K, 1, 2, 3]."""
    eps, loc = tf.random.stateless_normal([4, 1, 2, 3], [1, 2], dtype=tf.float64), tf.Variable(0.3, dtype=tf.float64)

    def gradient(eps, sample_axis):
        axes = [-2, -1]
        return leaf_gradients(
            [build("dreg")],
            lambda: Sampled(loc + eps, lambda z: tf.reduce_sum(log_normal(z, loc, 1.0), axes)),
            lambda z: -tf.reduce_sum(tf.square(z - 1.0), axes),
            [loc],
            [],
            sample_axis=sample_axis,
        ).inference[0][0]

    np.testing.assert_allclose(gradient(eps[:, 0], 0), gradient(eps, None), rtol=1e-12)


def test_batches_of_unknown_size_in_a_traced_function():
    loc = keras.Variable(np.zeros(3, np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 3])], autograph=False)
    def values(eps):
        gradients = leaf_gradients(
            [build("dreg")],
            lambda: Sampled(loc + eps, lambda z: tf.reduce_sum(log_normal(z, loc, 1.0), -1)),
            lambda z: -tf.reduce_sum(tf.square(z - 1.0), -1),
            [loc],
            [],
            sample_axis=1,
        )
        return gradients.values[0], gradients.inference[0][0]

    value, gradient = values(tf.random.stateless_normal([5, 4, 3], [1, 2]))
    assert value.shape == (5,) and np.all(gradient > 0)


@pytest.mark.parametrize(
    ("sample_axis", "log_q", "log_joint", "sentence"),
    [
        (2, [4, 3], [4, 3], r"what log_prob returns has the shape \(4, 3\), which has no sample axis 2"),
        (1, [4, 3], [3, 4], r"log_joint returns the shape \(3, 4\), but the samples' log q has \(4, 3\)"),
        (1, [4, 3], [4], "what log_joint returns has the shape .* no sample axis 1"),
        (0, [3, 4], [3, 4], r"samples of layer 0 have the shape \(4, 3, 2\) beside log-weights \(3, 4\)"),
        (None, [4, 3, 2], [4, 3, 2], r"must be \[K, B\]"),
    ],
)
def test_axes_that_do_not_fit_are_a_sentence(sample_axis, log_q, log_joint, sentence):
    loc = tf.Variable(0.0)
    with pytest.raises(UserError, match=sentence):
        leaf_gradients(
            [build("dreg")],
            lambda: Sampled(loc + tf.zeros([4, 3, 2]), lambda z: loc + tf.zeros(log_q)),
            lambda z: tf.zeros(log_joint),
            [loc],
            [],
            sample_axis=sample_axis,
        )


def test_the_package_exports_its_parts_without_importing_tensorflow_before_they_are_used():
    code = "import sys, igr_suite.objectives, igr_suite.objectives.names; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="has no attribute 'bild'"):
        getattr(objectives, "bild")  # noqa: B009
