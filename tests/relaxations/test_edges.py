"""Inputs as they come: half precision, unknown sizes, lists, one category, no draws, many temperatures, masks."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import gammaln

from igr_suite.errors import UserError
from igr_suite.randomness import rounded_inside, standard_normal, uniform, unit_interval
from igr_suite.relaxations import (
    GSP,
    IGRI,
    IGRSB,
    IGSM,
    RELAXATIONS,
    GumbelSoftmax,
    IGRPlanar,
    IGRSBFinite,
    IGRSBLog,
    argmax_log_probs,
    categorical_kl,
    closed_form_kl,
    distance_to_vertex,
    gaussian_kl,
    initial_planar_flow,
    monte_carlo_kl,
    relaxation,
    sampled_argmax_probs,
    sampled_kl,
    uniform_loc,
)

NAMES = sorted(RELAXATIONS)
HALVES = (tf.float16, tf.bfloat16)
DIGITS = {tf.float16: 2.0**-10, tf.bfloat16: 2.0**-7}
SEED = tf.constant([1, 2])
CATEGORIES, VARIABLES, BATCH = 4, 3, 2


def options(name, dtype, categories=CATEGORIES):
    return {"flow": initial_planar_flow(categories, VARIABLES, [1, 2], dtype=dtype)} if name == "IGR_Planar" else {}


def network_output(name, dtype=tf.float32, batch=BATCH, categories=CATEGORIES):
    size = sum(relaxation(name).parameter_blocks(categories).values())
    return tf.cast(np.random.default_rng(0).normal(size=(batch, VARIABLES, size)), dtype)


def finite(*values):
    return all(np.all(np.isfinite(np.asarray(tf.cast(value, tf.float64)))) for value in values)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_the_float32_distribution_rounded_once(name, dtype):
    """Samples, densities and KLs, eager and in a graph of unknown batch size; a draw's other parts are float32."""
    output, flow = network_output(name, dtype), options(name, dtype)
    half = relaxation(name).from_network(output, 0.3, **flow)
    flow32 = {key: tf.nest.map_structure(lambda w: tf.cast(w, tf.float32), value) for key, value in flow.items()}
    single = relaxation(name).from_network(tf.cast(output, tf.float32), 0.3, **flow32)
    prior, prior32 = half.uniform_prior(CATEGORIES, 0.3, dtype, **flow), single.uniform_prior(CATEGORIES, 0.3, **flow32)
    draw, draw32 = half.draw(5, SEED), single.draw(5, SEED)
    assert draw.sample.dtype == half.dtype == prior.dtype == dtype
    np.testing.assert_array_equal(tf.cast(draw.sample, tf.float32), tf.cast(tf.cast(draw32.sample, dtype), tf.float32))
    for part, part32 in zip(draw[1:5], draw32[1:5]):
        np.testing.assert_array_equal(part, part32)
    pairs = [
        (half.log_prob_of(draw), single.log_prob_of(draw32)),
        (sampled_kl(half, half, draw, stick_the_landing=True), np.zeros([5, BATCH, VARIABLES])),
        (sampled_kl(half, prior, draw), sampled_kl(single, prior32, draw32)),
        (monte_carlo_kl(half, prior, 5, SEED), monte_carlo_kl(single, prior32, 5, SEED)),
        (sampled_argmax_probs(half, 500, SEED), sampled_argmax_probs(single, 500, SEED)),
    ]
    if name != "GS":
        pairs.append((closed_form_kl(half, prior), closed_form_kl(single, prior32)))
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        pairs.append((argmax_log_probs(half), argmax_log_probs(single)))
    for ours, wanted in pairs:
        assert ours.dtype == dtype
        np.testing.assert_allclose(tf.cast(ours, tf.float32), wanted, rtol=4 * DIGITS[dtype], atol=0.06)

    @tf.function(input_signature=[tf.TensorSpec([None, VARIABLES, output.shape[-1]], dtype)], autograph=False)
    def in_a_graph(output):
        distribution = relaxation(name).from_network(output, 0.3, **flow)
        with tf.GradientTape() as tape:
            tape.watch(output)
            distribution = relaxation(name).from_network(output, 0.3, **flow)
            draw = distribution.draw(5, SEED)
            kl = sampled_kl(distribution, distribution.uniform_prior(CATEGORIES, 0.3, dtype, **flow), draw)
            loss = tf.reduce_sum(kl) + tf.reduce_sum(tf.square(draw.sample))
        return draw.sample, kl, tape.gradient(loss, output)

    sample, kl, gradient = in_a_graph(output)
    np.testing.assert_allclose(tf.cast(sample, tf.float32), draw32.sample, atol=2 * DIGITS[dtype])
    assert kl.dtype == gradient.dtype == dtype and finite(kl, gradient)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_batch_and_empty_batch(name):
    """Draws, densities, KLs and gradients in a graph that does not know how many examples there are: 2, and none."""
    size, given = network_output(name).shape[-1], options(name, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, VARIABLES, size])], autograph=False)
    def step(output):
        with tf.GradientTape() as tape:
            tape.watch(output)
            distribution = relaxation(name).from_network(output, 0.3, **given)
            draw = distribution.draw(3, SEED)
            kl = sampled_kl(distribution, distribution.uniform_prior(CATEGORIES, 0.3, **given), draw)
        return draw.sample, distribution.log_prob_of(draw), kl, tape.gradient(kl, output), dict(draw.info)

    for batch in (BATCH, 0):
        output = network_output(name, batch=batch)
        sample, density, kl, gradient, info = step(output)
        assert sample.shape == (3, batch, VARIABLES, CATEGORIES) and density.shape == kl.shape == (3, batch, VARIABLES)
        assert gradient.shape == output.shape and finite(sample, density, kl, gradient, *info.values())
        wanted = relaxation(name).from_network(output, 0.3, **given).draw(3, SEED)
        np.testing.assert_allclose(sample, wanted.sample, atol=1e-6)
        for key, value in wanted.info.items():
            np.testing.assert_allclose(info[key], value)


@pytest.mark.parametrize("name", NAMES)
def test_one_category_is_certain(name):
    """psi = 1 with density 1, from a network and as a uniform prior; the KL on the simplex is 0."""
    distribution_class, given = relaxation(name), options(name, tf.float32, 1)
    prior = distribution_class.uniform_prior(1, 0.5, **given)
    draw = prior.draw(3, SEED)
    np.testing.assert_array_equal(draw.sample, np.ones_like(draw.sample))
    np.testing.assert_allclose(prior.log_prob_of(draw), np.zeros(draw.sample.shape[:-1]), atol=1e-5)
    np.testing.assert_allclose(sampled_argmax_probs(prior, 3, SEED), np.ones(draw.sample.shape[1:]))
    posterior = distribution_class.from_network(network_output(name, categories=1), 0.5, **given)
    draw = posterior.draw(2, SEED)
    np.testing.assert_array_equal(draw.sample, np.ones([2, BATCH, VARIABLES, 1]))
    kl = monte_carlo_kl(posterior, prior, 4, SEED)
    np.testing.assert_allclose(kl, np.zeros([BATCH, VARIABLES]), atol=1e-5)
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        np.testing.assert_allclose(argmax_log_probs(posterior), np.zeros([BATCH, VARIABLES, 1]), atol=1e-6)
    for wrong in (0, -2, 2.5, None):
        with pytest.raises(UserError, match="number of categories must be a positive integer"):
            distribution_class.uniform_prior(wrong, 0.5, **given)


def test_no_draws():
    distribution = GumbelSoftmax(tf.zeros([2, 3]), 0.5)
    assert distribution.draw(0, SEED).sample.shape == (0, 2, 3)
    for call in (
        lambda: monte_carlo_kl(distribution, distribution, 0, SEED),
        lambda: sampled_argmax_probs(distribution, 0, SEED),
    ):
        with pytest.raises(UserError, match="needs at least 1, got samples=0"):
            call()
    with pytest.raises(UserError, match="smoothing must not be negative"):
        sampled_argmax_probs(distribution, 5, SEED, smoothing=-1.0)
    assert finite(*IGRSB(tf.zeros([2, 3, 4]), tf.zeros([2, 3, 4]), 0.5).draw(0, SEED).info.values())


NUMBERS = [[0, 1, 2], (0.0, 1.0, 2.0), np.arange(3), np.arange(3.0), tf.range(3), tf.Variable([0.0, 1.0, 2.0])]
SAME = [
    0.5,
    np.float32(0.5),
    np.float64(0.5),
    np.array(0.5),
    tf.constant(0.5),
    tf.constant(0.5, tf.float64),
    tf.Variable(0.5),
]


@pytest.mark.parametrize("given", NUMBERS, ids=lambda given: type(given).__name__)
def test_parameters_of_any_kind(given):
    """Integers become float32, float64 arrays stay float64."""
    dtype = tf.float64 if getattr(given, "dtype", None) == np.float64 else tf.float32
    wanted = tf.constant([0.0, 1.0, 2.0], dtype)
    for temperature in SAME:
        for distribution, same in (
            (GumbelSoftmax(given, temperature), GumbelSoftmax(wanted, 0.5)),
            (IGRI(given, given, temperature), IGRI(wanted, wanted, 0.5)),
            (IGSM(given, temperature), IGSM(wanted, 0.5)),
            (GSP(given, [0, 0, 0], temperature), GSP(wanted, tf.zeros([3], dtype), 0.5)),
        ):
            assert distribution.dtype == dtype
            np.testing.assert_array_equal(distribution.draw(2, SEED).sample, same.draw(2, SEED).sample)
    assert GumbelSoftmax([0, 0], 1).temperature.dtype == tf.float32


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: GumbelSoftmax(0.5, 0.5), "needs an axis of categories"),
        (lambda: GumbelSoftmax(tf.zeros([2, 0]), 0.5), "needs at least one category"),
        (lambda: IGSM(tf.zeros([2, 0]), 0.5), "needs at least one category"),
        (lambda: GumbelSoftmax(["a", "b"], 0.5), "float16, bfloat16, float32 or float64, got string"),
        (lambda: GumbelSoftmax([True, False], 0.5), "got bool"),
        (lambda: GumbelSoftmax(None, 0.5), "must be numbers, an array or a tensor, got NoneType"),
        (lambda: GumbelSoftmax([[0.0], [0.0, 1.0]], 0.5), "must be numbers, an array or a tensor"),
        (
            lambda: IGRI(tf.zeros([2]), tf.zeros([2], tf.float64), 0.5),
            "log_scale is float64 beside parameters of float32",
        ),
        (lambda: IGRI(tf.zeros([3, 2]), tf.zeros([2, 2]), 0.5), r"do not broadcast: loc \(3, 2\), log_scale \(2, 2\)"),
        (lambda: GumbelSoftmax(tf.zeros([3, 2]), tf.ones([2])), "do not broadcast"),
        (
            lambda: IGRPlanar(tf.zeros([4, 2]), tf.zeros([4, 2]), 0.5, initial_planar_flow(3, 3, SEED)),
            "do not broadcast",
        ),
        (lambda: uniform(3, SEED, tf.int32), "noise must be float16"),
        (lambda: standard_normal(3, SEED, "complex64"), "noise must be float16"),
        (lambda: uniform(tf.TensorShape([None, 3]), SEED), "a size is not known"),
    ],
)
def test_what_cannot_be_is_said(build, sentence):
    with pytest.raises(UserError, match=sentence):
        build()


NOT_POSITIVE = [0, 0.0, -1, np.float32(0.0), np.float64(-0.5), np.array([1.0, 0.0]), tf.constant(0.0), [0.5, 0.0]]
NOT_POSITIVE += [float("nan"), np.inf, 1e-60, None, "low"]


@pytest.mark.parametrize("temperature", NOT_POSITIVE)
@pytest.mark.parametrize("name", NAMES)
def test_a_temperature_that_is_not_positive(name, temperature):
    with pytest.raises(UserError, match="temperature must be "):
        size = network_output(name).shape[-1]
        relaxation(name).from_network(tf.zeros([3, size]), temperature, **options(name, tf.float32))


@pytest.mark.parametrize("name", NAMES)
def test_a_temperature_for_each_variable(name):
    """Three temperatures make three variables with noise of their own, each the distribution at its temperature."""
    given, temperatures = options(name, tf.float64), [0.2, 0.5, 1.0]
    size = sum(relaxation(name).parameter_blocks(CATEGORIES).values())
    output = tf.constant(np.random.default_rng(1).normal(size=size))
    distribution = relaxation(name).from_network(output, np.array(temperatures), **given)
    assert distribution.batch_shape == (3,) and tuple(distribution.batch_shape_tensor()) == (3,)
    for samples in (3, 5, ()):
        draw = distribution.draw(samples, SEED)
        assert draw.sample.shape[-2:] == (3, CATEGORIES)
        assert len(np.unique(draw.noise.numpy()[..., 0])) == draw.noise.numpy()[..., 0].size
    draw = distribution.draw(5, SEED)
    density = distribution.log_prob_of(draw)
    prior = relaxation(name).uniform_prior(CATEGORIES, distribution.temperature, tf.float64, **given)
    same = relaxation(name).from_network(output, distribution.temperature, **given)
    kl = sampled_kl(same, prior, draw)
    assert kl.shape == (5, 3)
    for v, temperature in enumerate(temperatures):
        own = {key: type(flow)(*(w[:, v : v + 1] for w in flow)) for key, flow in given.items()}
        alone = relaxation(name).from_network(output[tf.newaxis], temperature, **own)
        part = type(draw)(*(x[:, v : v + 1] for x in draw[:5]), draw.info)
        np.testing.assert_allclose(alone.log_prob_of(part)[:, 0], density[:, v], rtol=1e-9)
        if name == "IGR_SB":
            continue  # its default truncation looks at all variables
        tempered = {"GS": draw.preimage, "IGSM": draw.preimage}.get(name)
        if tempered is not None:
            np.testing.assert_allclose(tf.nn.softmax(tempered[:, v] / temperature), draw.sample[:, v], rtol=1e-9)
    if name != "GS":
        assert closed_form_kl(same, prior).shape == (3,)
    if name in ("GS", "IGR_I", "IGSM", "GSP"):
        assert argmax_log_probs(distribution).shape == (3, CATEGORIES)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float64)], autograph=False)
    def dynamic(temperature):
        return relaxation(name).from_network(output, temperature, **given).draw(5, SEED).sample

    np.testing.assert_allclose(dynamic(tf.constant(temperatures, tf.float64)), draw.sample, rtol=1e-6, atol=1e-9)


def test_temperatures_widen_the_batch_as_in_tfp():
    two = tf.constant([0.1, 1.0])
    ours = GumbelSoftmax(tf.zeros([3]), two)
    theirs = tfp.distributions.ExpRelaxedOneHotCategorical(two, logits=tf.zeros([3]))
    log_sample = ours.draw(4, SEED).log_sample
    assert ours.batch_shape == theirs.batch_shape == (2,)
    np.testing.assert_allclose(ours.log_prob_of_log_sample(log_sample), theirs.log_prob(log_sample), rtol=1e-5)


def test_gumbel_softmax_density_is_tfps():
    """The density was TFP's; the same values to the last digit, without a mask."""
    logits = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 5)), tf.float32)
    distribution = GumbelSoftmax(logits, 0.3)
    log_sample = distribution.draw(7, SEED).log_sample
    theirs = tfp.distributions.ExpRelaxedOneHotCategorical(distribution.temperature, logits=logits).log_prob(log_sample)
    np.testing.assert_array_equal(distribution.log_prob_of_log_sample(log_sample), theirs)


@pytest.mark.parametrize("jit", [False, True])
def test_a_masked_category_leaves_the_distribution_of_the_others(jit):
    """Draws, densities, KLs, argmax and all gradients of logits [a, -inf, b, c] are those of [a, b, c]."""
    kept = np.array([0, 2, 3])
    logits = np.array([[0.3, -np.inf, -1.0, 2.0], [0.0, 1.0, 2.0, 3.0]])
    prior = np.array([0.0, -np.inf, 0.5, 0.0])

    @tf.function(jit_compile=jit, autograph=False)
    def measured(logits, prior_logits, temperature):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch((logits, prior_logits, temperature))
            distribution, prior = GumbelSoftmax(logits, temperature), GumbelSoftmax(prior_logits, 0.7)
            draw = distribution.draw(6, SEED)
            kl = sampled_kl(distribution, prior, draw)
            discrete = categorical_kl(argmax_log_probs(distribution), tf.nn.log_softmax(prior_logits))
            loss = tf.reduce_sum(kl) + tf.reduce_sum(tf.square(draw.sample)) + tf.reduce_sum(discrete)
        return draw, kl, discrete, tape.gradient(loss, (logits, prior_logits, temperature))

    temperature = tf.constant(0.4, tf.float64)
    draw, kl, discrete, gradients = measured(tf.constant(logits[:1]), tf.constant(prior), temperature)
    np.testing.assert_array_equal(draw.sample[..., 1], np.zeros([6, 1]))
    assert np.all(draw.log_sample[..., 1] == -np.inf)
    assert finite(kl, discrete, *gradients)
    np.testing.assert_array_equal(gradients[0][:, 1], [0.0])

    distribution, rest = GumbelSoftmax(logits[0], 0.4), GumbelSoftmax(logits[0][kept], 0.4)
    log_sample = draw.log_sample[:, 0]
    three_logs = tf.gather(log_sample, kept, axis=-1)
    dense = rest.log_prob_of_log_sample(three_logs)
    np.testing.assert_allclose(distribution.log_prob_of_log_sample(log_sample), dense, rtol=1e-12)
    np.testing.assert_allclose(distribution.log_prob(tf.exp(log_sample)), rest.log_prob(tf.exp(three_logs)), rtol=1e-9)
    wanted = dense - GumbelSoftmax(prior[kept], 0.7).log_prob_of_log_sample(three_logs)
    np.testing.assert_allclose(kl[:, 0], wanted, rtol=1e-10)
    wanted = categorical_kl(*(tf.nn.log_softmax(x[kept]) for x in (logits[0], prior)))
    np.testing.assert_allclose(discrete, [wanted], rtol=1e-10)

    # gradients: the three categories alone at the same noise, by hand
    with tf.GradientTape() as tape:
        three, three_prior = tf.constant(logits[0][kept]), tf.constant(prior[kept])
        tape.watch((three, three_prior, temperature))
        tempered = (three + tf.gather(draw.noise[:, 0], kept, axis=-1)) / temperature
        logs, distribution, distribution_prior = (
            tf.nn.log_softmax(tempered),
            GumbelSoftmax(three, temperature),
            GumbelSoftmax(three_prior, 0.7),
        )
        loss = tf.reduce_sum(
            distribution.log_prob_of_log_sample(logs) - distribution_prior.log_prob_of_log_sample(logs)
        )
        loss += tf.reduce_sum(tf.exp(2.0 * logs)) + categorical_kl(
            tf.nn.log_softmax(three), tf.nn.log_softmax(three_prior)
        )
    by_three = tape.gradient(loss, (three, three_prior, temperature))
    np.testing.assert_allclose(gradients[0][0].numpy()[kept], by_three[0], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(gradients[1].numpy()[kept], by_three[1], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(gradients[2], by_three[2], rtol=1e-8)

    # a batch of which one variable has a mask: the other's density is the plain one
    both = GumbelSoftmax(logits, 0.4).draw(3, SEED)
    wanted = GumbelSoftmax(logits[1], 0.4).log_prob_of_log_sample(both.log_sample[:, 1])
    np.testing.assert_allclose(GumbelSoftmax(logits, 0.4).log_prob_of(both)[:, 1], wanted)


def test_the_density_constant_counts_the_categories_that_are_left():
    """K = 5 of which 2 are masked, at the centre of the face: (K'-1)! tau^(K'-1) exp(sum a) / (sum exp a)^K'."""
    distribution = GumbelSoftmax([0.0, -np.inf, 0.0, 0.0, -np.inf], 0.5)
    log_sample = tf.constant([np.log(1 / 3), -np.inf, np.log(1 / 3), np.log(1 / 3), -np.inf], tf.float32)
    wanted = gammaln(3) + 2 * np.log(0.5) - 3 * np.log(3)
    assert float(distribution.log_prob_of_log_sample(log_sample)) == pytest.approx(wanted, rel=1e-6)


def test_densities_are_zero_off_their_face():
    """Mass on a masked category, or none on one that is not; and no NaN in the gradient."""
    logits = tf.Variable([0.0, -np.inf, 1.0])
    inside = np.log([0.2, 0.3, 0.5]).astype(np.float32)
    for log_sample in (inside, np.array([-np.inf, -np.inf, 0.0], np.float32)):
        with tf.GradientTape() as tape:
            value = GumbelSoftmax(logits, 0.5).log_prob_of_log_sample(log_sample)
        assert float(value) == -np.inf and finite(tape.gradient(value, logits))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_on_a_face_has_no_density(name):
    """-inf, and not NaN, for one category or all but one at exactly 0; by the density on the simplex too."""
    flow = {key: type(f)(*(w[:, 0] for w in f)) for key, f in options(name, tf.float32).items()}
    distribution = relaxation(name).from_network(network_output(name)[0, 0], 0.5, **flow)
    for sample in ([0.0, 0.2, 0.3, 0.5], [0.2, 0.3, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]):
        assert float(distribution.log_prob(tf.constant(sample))) == -np.inf
        assert float(distribution.log_prob_of_log_sample(tf.math.log(tf.constant(sample)))) == -np.inf


def test_categorical_kl_of_probabilities_that_are_zero():
    """Value and gradient with respect to logits: P_j (log P_j/p_j - KL); 0 for a category that neither distribution
    has."""
    logits, prior = tf.constant([[0.5, -np.inf, 1.0, -np.inf]]), tf.constant([0.3, 0.0, 0.2, -np.inf])
    for given in (None, tf.nn.log_softmax(prior)):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            kl = categorical_kl(tf.nn.log_softmax(logits), given)
        p = np.exp([0.5, 1.0]) / np.sum(np.exp([0.5, 1.0]))
        ratio = np.log(p) - (np.log(0.25) if given is None else given.numpy()[[0, 2]])
        np.testing.assert_allclose(kl, [p @ ratio], rtol=1e-5)
        gradient = tape.gradient(kl, logits).numpy()[0]
        np.testing.assert_allclose(gradient[[0, 2]], p * (ratio - p @ ratio), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(gradient[[1, 3]], [0.0, 0.0])
    assert float(categorical_kl(tf.math.log([0.5, 0.5]), tf.math.log([1.0, 0.0]))) == np.inf
    with pytest.raises(UserError, match="log_probs has a last axis of 4 and prior_log_probs one of 1"):
        categorical_kl(tf.zeros([2, 4]), tf.zeros([2, 1]))


def test_distributions_of_other_categories_do_not_broadcast():
    """A distribution of two categories has one Gaussian, which would broadcast against nine."""
    pairs = [(IGRI(tf.zeros([9]), tf.zeros([9]), 0.5), IGRI(tf.zeros([1]), tf.zeros([1]), 0.5))]
    pairs.append((GumbelSoftmax([0] * 9, 0.5), GumbelSoftmax([0], 0.5)))
    for ours, theirs in pairs:
        draw = ours.draw(1, SEED)
        calls = [lambda a=ours, b=theirs, d=draw: sampled_kl(a, b, d)]
        calls.append(lambda a=ours, b=theirs: monte_carlo_kl(a, b, 3, SEED))
        if isinstance(ours, IGRI):
            calls.append(lambda a=ours, b=theirs: tfp.distributions.kl_divergence(a, b))
        for call in calls:
            with pytest.raises(UserError, match="no KL between a"):
                call()
    with pytest.raises(UserError, match="posterior of float32 and a prior of float64"):
        monte_carlo_kl(GumbelSoftmax([0.0, 0.0], 0.5), GumbelSoftmax(np.zeros(2), 0.5), 3, SEED)
    with pytest.raises(UserError, match="loc has a last axis of 9 and prior_loc one of 1"):
        gaussian_kl(tf.zeros([9]), tf.zeros([9]), tf.zeros([1]), tf.zeros([1]))


SHARED = ["IGR_I", "IGR_SB_Finite", "IGR_SB", "IGR_SB_Log", "IGR_Planar"]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", SHARED)
def test_monte_carlo_kl_of_distributions_that_share_their_map(name, dtype):
    """18 sticks, 20 x 3 variables, 400 draws: finite, and the closed form within 6 standard errors (false alarm
    1e-7)."""
    size = 18
    given = options(name, dtype, size + 1)
    output = tf.cast(tf.random.stateless_normal([20, VARIABLES, 2 * size], [3, 4]), dtype)
    posterior = relaxation(name).from_network(output, 0.1, **given)
    prior = relaxation(name).uniform_prior(size + 1, 0.1, dtype, **given)
    estimate, exact = monte_carlo_kl(posterior, prior, 400, SEED).numpy(), closed_form_kl(posterior, prior).numpy()
    error = np.std(sampled_kl(posterior, prior, posterior.draw(400, SEED)), axis=0) / 20
    assert np.all(np.isfinite(estimate))
    assert np.max(np.abs(estimate - exact) / error) < 6.0
    density = posterior.log_prob_of(posterior.draw(400, SEED))
    assert finite(density, prior.log_prob_of(posterior.draw(400, SEED)))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize(
    ("temperature", "inside"), [(0.1, True), (0.0999, True), (0.03, True), (0.1 + 1e-6, False), (0.4, False)]
)
def test_stick_breaking_priors_at_another_temperature(dtype, temperature, inside):
    """log p of the posterior's draws against 60 digits; a prior at a higher temperature does not reach all of them."""
    loc = np.array([-3.0, 2.0, 8.0, -1.0])
    posterior = IGRSBFinite(tf.constant(loc, dtype), tf.zeros([4], dtype), 0.1)
    prior = IGRSBFinite(tf.zeros([4], dtype), tf.zeros([4], dtype), temperature)
    draw = posterior.draw(8, SEED)
    found = prior.log_prob_of_draw_from(posterior, draw).numpy()
    factor = Decimal(float(prior.temperature / posterior.temperature))  # as it is rounded
    with localcontext(prec=60):
        for kappa, value in zip(draw.preimage.numpy(), found):
            wanted = stick_density(kappa, factor, float(prior.temperature))
            assert (wanted > -np.inf) >= inside
            assert value == pytest.approx(wanted, rel=2e-3 if dtype == tf.float32 else 1e-8)


def stick_density(kappa, factor, temperature):
    """log density of log softmax++(factor eta(kappa) / temperature) under sticks N(0, 1), in decimals."""
    rest, pieces = Decimal(1), []
    for y in kappa:
        stick = 1 / (1 + (-Decimal(float(y))).exp())
        pieces.append(factor * rest * stick)
        rest *= 1 - stick
    if sum(pieces) >= 1:
        return -np.inf
    log_density, rest = len(kappa) * Decimal(temperature).ln(), Decimal(1)
    for piece in pieces:
        stick = piece / rest
        y = (stick / (1 - stick)).ln()
        log_density -= y * y / 2 + Decimal(2 * np.pi).ln() / 2 + (rest * stick * (1 - stick)).ln()
        rest -= piece
    return float(log_density)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_and_its_density_without_an_inversion(name):
    """TFP's `experimental_sample_and_log_prob` in float32: finite for every draw; a truncated sample has no density."""
    output = tf.random.stateless_normal([20, VARIABLES, network_output(name).shape[-1]], [3, 4])
    distribution = relaxation(name).from_network(output, 0.1, **options(name, tf.float32))
    if name == "IGR_SB":
        with pytest.raises(UserError, match="truncated sample"):
            distribution.experimental_sample_and_log_prob(3, seed=SEED)
        return
    sample, density = distribution.experimental_sample_and_log_prob([2, 3], seed=SEED)
    draw = distribution.draw([2, 3], SEED)
    np.testing.assert_array_equal(sample, draw.sample)
    wanted = distribution.log_prob_of(draw) - tf.reduce_sum(draw.log_sample, -1)
    np.testing.assert_allclose(density, wanted, rtol=1e-5, atol=1e-3)
    assert finite(density)


@pytest.mark.parametrize("posterior", NAMES)
def test_monte_carlo_kl_between_any_two_distributions_is_a_number(posterior):
    """Never NaN; infinite exactly where the prior is a stick-breaking distribution that does not reach the whole
    simplex."""
    ours = relaxation(posterior).from_network(network_output(posterior)[0], 0.3, **options(posterior, tf.float32))
    for name in NAMES:
        prior = relaxation(name).uniform_prior(CATEGORIES, 0.3, **options(name, tf.float32))
        kl = monte_carlo_kl(ours, prior, 200, SEED).numpy()
        bounded = {"IGR_SB", "IGR_SB_Finite"}
        if name in bounded and posterior not in bounded:
            assert np.all(kl == np.inf), name
        else:
            assert np.all(np.isfinite(kl)), name


def test_equal_temperatures_share_the_map_whatever_they_are():
    """A Python number, NumPy's and a constant of the same value; in float32 and in float64."""
    for dtype in (tf.float32, tf.float64):
        temperatures = (0.1, np.float64(0.1), tf.constant(0.1, dtype))
        distributions = [IGRSBLog(tf.zeros([3], dtype), tf.zeros([3], dtype), t) for t in temperatures]
        for ours in distributions:
            for theirs in distributions:
                assert float(closed_form_kl(ours, theirs)) == 0.0


def test_distance_to_a_vertex_has_a_gradient_at_the_vertex():
    sample = tf.Variable([[0.0, 1.0, 0.0], [0.2, 0.5, 0.3]])
    with tf.GradientTape() as tape:
        distance = distance_to_vertex(sample)
    np.testing.assert_allclose(distance, [0.0, np.sqrt(0.04 + 0.25 + 0.09)], rtol=1e-6)
    gradient = tape.gradient(distance, sample).numpy()
    np.testing.assert_array_equal(gradient[0], np.zeros(3))
    np.testing.assert_allclose(gradient[1], np.array([0.2, -0.5, 0.3]) / np.sqrt(0.38), rtol=1e-6)
    half = tf.constant([1e-4, 0.9999, 0.0], tf.float16)
    assert float(distance_to_vertex(half)) > 5e-5, "squares of float16 underflow"


def test_uniform_loc_at_temperatures_of_each_variable():
    np.testing.assert_allclose(
        uniform_loc(4, np.array([0.2, 0.7]), delta=0.3)[1], uniform_loc(4, 0.7, delta=0.3), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_noise(dtype):
    """Uniforms strictly inside (0, 1) with mean 1/2, near their float32 numbers; normals are float32's rounded."""
    ends = rounded_inside(unit_interval(tf.constant([0, 2**32 - 1], tf.uint32)), dtype)
    assert float(ends[0]) > 0.0 and float(ends[1]) < 1.0
    half, single = uniform([200_000], SEED, dtype), uniform([200_000], SEED).numpy().astype(np.float64)
    assert half.dtype == dtype
    half = tf.cast(half, tf.float64).numpy()
    assert np.max(np.abs(half / single - 1.0)) < 2.2 * DIGITS[dtype]
    assert abs(np.mean(half - single)) < 5 * np.std(half - single) / np.sqrt(2e5), "rounding is centred"
    assert half.min() > 0.0 and half.max() < 1.0
    for p in (0.001, 0.25, 0.9):
        assert abs(np.mean(half < p) - np.mean(single < p)) < DIGITS[dtype] * max(p, 0.01)
    eps = standard_normal([1000], SEED, dtype)
    np.testing.assert_array_equal(
        tf.cast(eps, tf.float32), tf.cast(tf.cast(standard_normal([1000], SEED), dtype), tf.float32)
    )
