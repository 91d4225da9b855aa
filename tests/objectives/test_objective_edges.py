"""Log-weights as they come (zero weights, other axes, half precision, no examples), and derivatives that are
missing."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.objectives.base import effective_sample_size
from igr_suite.objectives.control_variate import SCALARS, ControlVariateDReG, scalar_gradients
from igr_suite.objectives.gdreg import Gaussian, direction, prior_gradients, vjp
from igr_suite.objectives.leaf import Sampled, leaf_gradients
from igr_suite.objectives.names import NAMES
from igr_suite.objectives.registry import build
from igr_suite.relaxations.gaussian import normal_log_density

GROUPED = ("miwae", "miwae-dreg", "piwae", "piwae-dreg")
OBJECTIVES = [
    *(build(name) for name in NAMES if name not in (*GROUPED, "ovis-mc", "jk", "jk-dreg", "tvo", "dreg-cv")),
    *(build(name, groups=groups) for name in GROUPED for groups in (1, 2, 4)),
    *(build(name, order=1, form="closed") for name in ("jk", "jk-dreg")),
    *(build(name, order=order) for name in ("jk", "jk-dreg") for order in (0, 1, 2, 3)),
    *(build("tvo", rule=rule, partitions=p) for rule in ("left", "right", "trapezoid") for p in (1, 5)),
    *(build("ciwae", beta=beta) for beta in (0.0, 1.0)),
    build("ovis-mc", auxiliary=2),
    build("vimco", mean="arithmetic"),
    ControlVariateDReG(),
    ControlVariateDReG(alpha=0.3, beta=0.5, gamma=1.0, delta=0.2),
]
PATTERNS = [[0.3, -np.inf, -1.0, 0.5], [-np.inf, -np.inf, -1.0, 0.5], [0.3, -1.0, 0.2, -np.inf]]
PATTERNS += [[-np.inf, 0.4, -np.inf, -np.inf], [-np.inf] * 4]


def described(objective):
    return objective.facts.name + "".join(
        f"-{value:g}" if isinstance(value, float) else f"-{value}" for value in objective.options.values()
    )


def parts_of(objective, log_weights):
    coefficients = objective.coefficients(log_weights)
    return {
        "value": objective.value(log_weights),
        **{name: part for name, part in coefficients._asdict().items() if part is not None},
    }


@pytest.mark.parametrize("objective", OBJECTIVES, ids=described)
@pytest.mark.parametrize("jit", [False, True])
def test_weights_of_zero_are_the_limit_of_small_ones(objective, jit):
    """log-weights -inf against -1e5 and -1e6: equal where those agree, infinite where they grow; never NaN."""
    exact, near, nearer = (tf.constant(np.maximum(np.array(PATTERNS).T, least)) for least in (-np.inf, -1e5, -1e6))
    compute = tf.function(lambda x: parts_of(objective, x), jit_compile=jit, autograph=False)
    found, near, nearer = compute(exact), compute(near), compute(nearer)
    for name, part in found.items():
        part, one, other = (x.numpy() for x in (part, near[name], nearer[name]))
        assert not np.any(np.isnan(part)), name
        grows = np.abs(other - one) > 1e-3 * (1.0 + np.abs(one))
        if objective.facts.name == "rws-dreg-norm" and name == "path":  # 0/0 where one sample has all the weight: 0
            np.testing.assert_array_equal(part[:, 3], np.zeros(4))
            part, one, grows = (np.delete(x, 3, axis=1) for x in (part, one, grows))
            other = np.delete(other, 3, axis=1)
        if name != "value":  # an example of weights that are all 0 is one of equal weights: dreg-cv sees the shift
            equal = parts_of(objective, tf.zeros([4, 1], tf.float64))[name]
            np.testing.assert_allclose(part[:, -1], equal[:, 0], atol=1e-12)
            part, one, other, grows = (x[:, :-1] for x in (part, one, other, grows))
        np.testing.assert_allclose(part[~grows], one[~grows], rtol=1e-3, atol=2e-4, err_msg=name)
        np.testing.assert_array_equal(part[grows], np.sign(other[grows]) * np.inf, err_msg=name)


def small(name):
    return build(name, **({"groups": 2} if name in GROUPED else {"auxiliary": 2} if name == "ovis-mc" else {}))


@pytest.mark.parametrize("name", NAMES)
def test_log_weights_of_other_axes_are_refused(name):
    objective = small(name)
    for wrong, sentence in (
        (tf.zeros([6]), r"must be \[K, B\], samples by examples, got the shape \(6,\); add an axis"),
        (tf.zeros([6, 2, 3]), r"must be \[K, B\], samples by examples, got the shape \(6, 2, 3\)"),
        (tf.zeros([]), r"got the shape \(\)"),
        (tf.constant([["a"]]), "must be floats, got string"),
        (None, r"must be a tensor or an array \[K, B\], got NoneType"),
    ):
        for method in (objective.value, objective.coefficients):
            with pytest.raises(UserError, match=sentence):
                method(wrong)
    with pytest.raises(UserError, match="needs at least"):
        objective.coefficients(tf.zeros([0, 3]))
    unknown = tf.function(objective.coefficients, [tf.TensorSpec([None, 3])], autograph=False)
    with pytest.raises(UserError, match="known number of samples"):
        unknown(tf.zeros([6, 3]))


@pytest.mark.parametrize("name", NAMES)
def test_log_weights_of_any_kind(name):
    """Arrays, lists and integers; half precision is float32 rounded once; graphs of unknown batch size; no examples."""
    objective = small(name)
    numbers = np.random.default_rng(0).integers(-3, 3, size=(6, 3))
    single = parts_of(objective, tf.constant(numbers, tf.float32))
    for given in (numbers, numbers.tolist(), numbers.astype(np.float32)):
        for key, part in parts_of(objective, given).items():
            assert part.dtype == tf.float32
            np.testing.assert_array_equal(part, single[key])
    for dtype, digit in ((tf.float16, 2.0**-10), (tf.bfloat16, 2.0**-7)):
        for key, part in parts_of(objective, tf.constant(numbers, dtype)).items():
            assert part.dtype == dtype
            np.testing.assert_allclose(tf.cast(part, tf.float32), single[key], rtol=digit, atol=1e-6)
    compute = tf.function(lambda x: parts_of(objective, x), [tf.TensorSpec([6, None])], autograph=False)
    for key, part in compute(tf.constant(numbers, tf.float32)).items():
        np.testing.assert_allclose(part, single[key], rtol=1e-5, atol=1e-6)
    for key, part in compute(tf.zeros([6, 0])).items():
        assert part.shape == ((0,) if key == "value" else (6, 0))


def test_effective_sample_size_of_other_axes_is_refused():
    with pytest.raises(UserError, match="samples by examples"):
        effective_sample_size(tf.zeros([5]))
    np.testing.assert_allclose(effective_sample_size([[0, 0], [0, -100]]), [2.0, 1.0])


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
SCORES = ("rws", "vimco", "ovis", "tvo")


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
        assert "ovis, ovis-mc, rws, tvo, vimco" in str(caught.value)


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
