"""Derivatives that are missing and latents of any axes: named in a sentence, never taken for zero."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.objectives.control_variate import SCALARS, scalar_gradients
from igr_suite.objectives.gdreg import Gaussian, direction, prior_gradients, vjp
from igr_suite.objectives.leaf import Sampled, leaf_gradients
from igr_suite.objectives.registry import build
from igr_suite.relaxations.gaussian import normal_log_density

K, B, D = 4, 3, 2


class Model:
    """q = N(loc, e^log_scale), p(z) = N(shift, 1), p(x | z) = N(z, 1); latents of any axes behind [K, B]."""

    def __init__(self, axes=(D,), batch=B):
        generator = np.random.default_rng(0)
        self.loc = tf.Variable(generator.normal(size=(batch, *axes)), name="loc")
        self.log_scale = tf.Variable(generator.normal(size=(batch, *axes)), name="log_scale")
        self.shift = tf.Variable(generator.normal(size=axes), name="shift")
        self.eps = tf.constant(generator.normal(size=(K, batch, *axes)))
        self.x = tf.constant(generator.normal(size=axes))

    @staticmethod
    def log_normal(z, loc, log_scale):
        terms = -0.5 * tf.square((z - loc) * tf.exp(-log_scale)) - log_scale + tf.zeros_like(z)
        return tf.reduce_sum(terms, list(range(2, len(z.shape))))

    def sample(self, stop=False, foreign=None):
        z = self.loc + tf.exp(self.log_scale) * self.eps
        loc, log_scale = self.loc, self.log_scale
        if foreign == "parameters":
            loc, log_scale = tf.stop_gradient(loc), tf.stop_gradient(log_scale)
        hold = tf.stop_gradient if foreign == "samples" else tf.identity
        return Sampled(tf.stop_gradient(z) if stop else z, lambda z: self.log_normal(hold(z), loc, log_scale))

    def log_likelihood(self, z):
        return self.log_normal(z, self.x, tf.zeros([], tf.float64))

    def log_prior(self, z):
        return self.log_normal(z, self.shift, tf.zeros([], tf.float64))

    def log_joint(self, z):
        return self.log_likelihood(z) + self.log_prior(z)

    def outside(self, function):
        """A function of z computed outside TensorFlow."""
        return lambda z: tf.ensure_shape(tf.numpy_function(lambda z: function(z).numpy(), [z], tf.float64), z.shape[:2])

    def gradients(self, name, sample=None, log_joint=None, inference=None, generative=None):
        inference = [self.loc, self.log_scale] if inference is None else inference
        generative = [self.shift] if generative is None else generative
        return leaf_gradients([build(name)], sample or self.sample, log_joint or self.log_joint, inference, generative)


PATHS = ("iwae", "stl", "dreg", "rws-dreg", "dreg-alpha", "jk-dreg", "ciwae")
SCORES = ("rws", "vimco", "ovis", "tvo", "vargrad")


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_is_missing_is_no_zero(name):
    """Samples that are not reparameterised and densities without a derivative, with the objectives that need none."""
    model = Model()
    cases = (
        ({"sample": lambda: model.sample(stop=True)}, "the samples z do not depend on the inference variables"),
        ({"log_joint": model.outside(model.log_joint), "generative": []}, "log_joint has no derivative"),
        (
            {"log_joint": lambda z: [model.outside(model.log_likelihood)(z), model.log_prior(z)]},
            "term 0 of log_joint has no derivative with respect to the samples z",
        ),
        (
            {"sample": lambda: model.sample(foreign="samples")},
            "log_prob has no derivative with respect to the samples z",
        ),
    )
    for changed, sentence in cases:
        with pytest.raises(UserError, match=sentence) as caught:
            model.gradients(name, **changed)
        assert "ovis, ovis-mc, rws, tvo, vargrad, vimco" in str(caught.value)


@pytest.mark.parametrize("name", SCORES)
def test_score_objectives_need_no_path(name):
    """Hard samples and a likelihood from outside TensorFlow: the same gradients as with derivatives there."""
    model = Model()
    wanted = model.gradients(name)

    def log_joint(z):
        return [model.outside(model.log_likelihood)(z), model.log_prior(z)]

    given = model.gradients(name, lambda: model.sample(stop=True), log_joint)
    pairs = zip([*wanted.inference[0], *wanted.generative], [*given.inference[0], *given.generative])
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        assert np.any(ours != 0)


@pytest.mark.parametrize("name", ["iwae", *SCORES])
def test_a_score_that_is_missing_is_no_zero(name):
    """log q of held parameters: the tape is still connected to the variables, through the samples."""
    model = Model()
    sentence = "log_prob of the samples does not depend on the inference variable 'loc"
    with pytest.raises(UserError, match=sentence) as caught:
        model.gradients(name, lambda: model.sample(foreign="parameters"))
    assert "dreg, " in str(caught.value) and "stl" in str(caught.value)


def test_held_parameters_are_right_for_path_objectives():
    """STL's usual implementation stops log q's parameters; that derivative is not needed there."""
    model = Model()
    for name in ("stl", "dreg"):
        ours, theirs = model.gradients(name), model.gradients(name, lambda: model.sample(foreign="parameters"))
        for one, other in zip(ours.inference[0], theirs.inference[0]):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_layer_or_a_variable_without_a_path_is_named():
    """One of two layers is not reparameterised: the tape is connected through the other, the gradient lacks a part."""
    model, second = Model(), Model()

    def sample(stop_first):
        z = [model.loc + tf.exp(model.log_scale) * model.eps, second.loc + tf.exp(second.log_scale) * second.eps]
        z[0] = tf.stop_gradient(z[0]) if stop_first else z[0]
        z[1] = z[1] if stop_first else model.loc + tf.stop_gradient(z[1])

        def log_prob(z):
            first = model.log_normal(z[0], model.loc, model.log_scale)
            return first + second.log_normal(z[1], second.loc, second.log_scale)

        return Sampled(z, log_prob)

    def log_joint(z):
        return model.log_joint(z[0]) + second.log_prior(z[1])

    variables = [model.loc, model.log_scale, second.loc, second.log_scale]
    sentences = (
        (True, "the samples z of layer 0 do not depend"),
        (False, "log q depends on the inference variable 'loc"),
    )
    for stop_first, sentence in sentences:
        with pytest.raises(UserError, match=sentence):
            leaf_gradients([build("dreg")], lambda stop=stop_first: sample(stop), log_joint, variables, [])
    with pytest.raises(UserError, match="log_joint has no derivative with respect to the samples z of layer 1"):
        leaf_gradients([build("dreg")], lambda: sample(True), lambda z: model.log_joint(z[0]), variables, [])


def test_variables_that_do_not_matter_are_named():
    model, other = Model(), tf.Variable(1.0, name="elsewhere")
    with pytest.raises(UserError, match="neither the samples nor log q depend on the inference variable 'elsewhere"):
        model.gradients("dreg", inference=[model.loc, model.log_scale, other])
    with pytest.raises(UserError, match="log_joint does not depend on the generative variable 'elsewhere"):
        model.gradients("rws", generative=[model.shift, other])


@pytest.mark.parametrize("name", ["dreg", "iwae", "jk-dreg", "rws"])
@pytest.mark.parametrize("axes", [(), (D,), (2, 3), (B,), (K,)])
@pytest.mark.parametrize("batch", [B, K])
def test_latents_of_any_axes(name, axes, batch):
    """[K, B], [K, B, D], [K, B, H, W], also where sizes are equal, against the same latents laid out flat."""
    model = Model(axes, batch)
    found = model.gradients(name)
    flat = Model((int(np.prod(axes)),), batch)
    for attribute in ("loc", "log_scale", "shift"):
        given = getattr(model, attribute)
        shape = [-1] if attribute == "shift" else [batch, -1]
        setattr(flat, attribute, tf.Variable(tf.reshape(given, shape), name=attribute))
    flat.eps, flat.x = tf.reshape(model.eps, [K, batch, -1]), tf.reshape(model.x, [-1])
    wanted = flat.gradients(name)
    for ours, theirs in zip([*found.inference[0], *found.generative], [*wanted.inference[0], *wanted.generative]):
        np.testing.assert_allclose(np.ravel(ours), np.ravel(theirs), rtol=1e-10)


def test_densities_and_samples_of_other_axes_are_refused():
    model = Model()
    wide = normal_log_density(tf.zeros([K, B, D], tf.float64), tf.zeros([], tf.float64))
    z = model.sample().z
    cases = (
        ({"log_joint": lambda z: tf.reduce_sum(z, -1, keepdims=True)}, r"what log_joint returns must be \[K, B\]"),
        ({"log_joint": lambda z: tf.reduce_sum(z)}, r"what log_joint returns must be \[K, B\]"),
        ({"log_joint": lambda z: z[:, :1, 0]}, r"log_joint returns the shape \(4, 1\), but .* has \(4, 3\)"),
        ({"log_joint": lambda z: tf.cast(z[..., 0], tf.float32)}, "log_joint returns float32, but .* is float64"),
        ({"sample": lambda: Sampled(z, lambda z: -tf.square(z))}, r"what log_prob returns must be \[K, B\]"),
        ({"sample": lambda: Sampled(z[0], lambda z: wide)}, r"samples of layer 0 have the shape \(3, 2\)"),
        ({"sample": lambda: Sampled(tf.transpose(z, [1, 0, 2]), lambda z: wide)}, r"have the shape \(3, 4, 2\)"),
        ({"sample": lambda: Sampled(tf.cast(z > 0, tf.int32), lambda z: wide)}, "are int32; latents must be floats"),
    )
    for changed, sentence in cases:
        with pytest.raises(UserError, match=sentence):
            model.gradients("dreg", **changed)


def test_no_examples_give_no_gradient():
    model = Model(batch=0)
    found = model.gradients("iwae")
    assert all(np.all(np.isfinite(g)) for g in [*found.inference[0], *found.generative])
    np.testing.assert_array_equal(found.generative[0], np.zeros(D))


def test_gdreg_derivatives_that_are_missing_are_named():
    """Each density by itself, since their sum stays connected; and variables that the prior does not read."""
    model, z = Model(), tf.constant(Model().eps)
    given = {
        "log_likelihood": model.log_likelihood,
        "log_prior": model.log_prior,
        "log_q": lambda z: model.log_normal(z, model.loc, model.log_scale),
    }

    def prior():
        return Gaussian(model.shift, tf.ones([D], tf.float64))

    def gradients(z=z, variables=(model.shift,), **changed):
        return prior_gradients(z, **(given | changed), prior=prior, variables=variables)

    assert np.all(gradients()[0] != 0)
    for name, function in given.items():
        with pytest.raises(UserError, match=f"{name} has no derivative with respect to the samples z"):
            gradients(**{name: model.outside(function)})
        with pytest.raises(UserError, match=r"\[K, B\]"):
            gradients(**{name: lambda z, function=function: function(z)[..., tf.newaxis]})
    with pytest.raises(UserError, match="the prior's loc and scale do not depend on the prior variable 'loc"):
        gradients(variables=[model.shift, model.loc])
    flat = Model(())
    with pytest.raises(UserError, match=r"z must be \[K, B, D\]"):
        prior_gradients(flat.eps, flat.log_likelihood, flat.log_prior, flat.log_prior, prior, [])
    wide = model.shift * tf.ones([5, K, B, D], tf.float64)
    with pytest.raises(UserError, match="do not broadcast against samples"):
        vjp(z, z, lambda: Gaussian(wide, tf.ones([], tf.float64)), [model.shift])
    with pytest.raises(UserError, match=r"likelihood must be \[K, B, D\]"):
        direction(tf.zeros([K, B]), tf.zeros([K, B]), tf.zeros([K, B, D]))


def test_scalar_gradients_of_missing_or_other_gradients_are_refused():
    one, other = tf.ones([3]), tf.ones([1])
    assert len(scalar_gradients([one], [[one]] * len(SCALARS))) == len(SCALARS)
    with pytest.raises(UserError, match="a gradient is None"):
        scalar_gradients([None], [[one]])
    with pytest.raises(UserError, match="not those of the objective"):
        scalar_gradients([one], [[other]])
