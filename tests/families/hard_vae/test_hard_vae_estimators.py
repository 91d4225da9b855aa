"""Every registered estimator trains VAEs of hard codes with the gradient that enumeration gives."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from enumerated_targets import enumerated_target

from igr_suite.discrete.config import EstimationConfig
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.errors import UserError
from igr_suite.estimators import get, registered
from igr_suite.estimators.names import KNOWN
from igr_suite.families.hard_vae.codes import HardVAE, HardVAEChain
from igr_suite.families.hard_vae.codes_config import SUPPORT, HardVAEConfig, HardVAEOptimiserConfig, TrainHardVAE
from igr_suite.families.hard_vae.codes_subject import HardVAESubject
from igr_suite.measuring.estimator_variance import draw_groups, measure
from igr_suite.measuring.gradient_variance import moments_of
from igr_suite.randomness import at_step

REPLICATES, BLOCKS = 500, 100  # 5e4 draws of each of two images
IMAGES = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0]], np.float32)
SIZES = {
    "bernoulli": {"variables": 2},
    "categorical": {"variables": 2, "categories": 3},
    "gaussian_argmax": {"variables": 1, "categories": 3},
}
# ReinMax's bias is too small to be seen here at its usual temperature: these objectives are nearly quadratic.
WARMER = {"reinmax": {"temperature": 2.0}}


def tiny_model(estimator: str, codes: str, estimation: dict | None = None, **settings) -> HardVAE:
    """Linear networks of 2x2 images with weights of order 1; two samples where their number is an option."""
    options = {"samples": 2} if "samples" in registered()[estimator].__dataclass_fields__ else {}
    options |= WARMER.get(estimator, {})
    config = HardVAEConfig(
        estimator=estimator,
        estimator_options=tuple(f"{name}={value}" for name, value in options.items()),
        codes=codes,
        architecture="linear",
        **SIZES[codes],
        **settings,
    )
    built = get(estimator, **options)
    optimiser = HardVAEOptimiserConfig()
    shape = {"image_shape": (2, 2, 1), "likelihood": "bernoulli", "binarisation": "static"}
    estimation = TrainHardVAE(model=config, estimation=EstimationConfig(**(estimation or {}))).resolved_estimation
    model = HardVAE(config, built, **shape, optimiser=optimiser, estimation=estimation)
    generator = np.random.default_rng(3)
    for variable in [*model.trained, *model.own.trained]:
        variable.assign(variable + generator.normal(size=variable.shape) * (0.3 if variable.shape == () else 0.8))
    return model


def states(model: HardVAE) -> np.ndarray:
    """All codes of a layer, [S, D] or [S, V, C]."""
    options = [0, 1] if len(model.shape) == 1 else np.eye(model.shape[1])
    return np.array(list(itertools.product(options, repeat=model.shape[0])), np.float32)


def log_q_and_value(model: HardVAE) -> tuple[tf.Tensor, tf.Tensor]:
    """log q and F of every configuration of all layers, [configurations, images]."""
    chain, grid = HardVAEChain(model, tf.constant(IMAGES), sampled=True), states(model)
    log_q = value = 0.0
    layers = len(chain.kinds)
    choice = np.array(list(itertools.product(range(len(grid)), repeat=layers)))
    below = None
    for layer in range(layers):
        codes = tf.constant(np.repeat(grid[choice[:, layer]][:, np.newaxis], len(IMAGES), 1))
        logits = chain.logits(layer, below)
        log_q += tf.reduce_sum(model.kind.log_probability(logits, codes), -1)
        value += chain.term(layer, codes, below, logits)
        below = codes
    return log_q, value


def exact(model: HardVAE) -> np.ndarray:
    """The derivative of the enumerated target: recognition, generator."""
    with tf.GradientTape() as tape:
        target = enumerated_target(model.estimator, *log_q_and_value(model))
    return np.concatenate([g.numpy().ravel() for g in tape.gradient(target, model.trained)])


def z_scores(model: HardVAE) -> np.ndarray:
    """(mean - exact) / standard error of every weight, from means of blocks."""
    images = tf.constant(np.tile(IMAGES, (REPLICATES, 1)))

    @tf.function(autograph=False)
    def block(seed):
        step = model.step(images, seed)
        return tf.concat([tf.reshape(g, [-1]) for g in [*step.recognition, *step.generator]], 0)

    draws = np.array([block(at_step(tf.constant([7, 1]), tf.constant(i))) for i in range(BLOCKS)], np.float64)
    error = draws.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    return (draws.mean(axis=0) - exact(model)) / np.maximum(error, 1e-5)  # float32 rounds the analytic parts


UNBIASED = [
    (name, codes)
    for codes, support in SUPPORT.items()
    for name, cls in registered(support).items()
    if cls.facts.unbiased
]
# Of the argmax of a Gaussian, whose log-probabilities are slow to compile, REBAR, which needs most of them; all in the sweep.
ROUTES = ("rebar",)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        pytest.param(*case, marks=() if case[1] != "gaussian_argmax" or case[0] in ROUTES else pytest.mark.sweep)
        for case in UNBIASED
    ],
)
def test_the_mean_gradient_of_an_unbiased_estimator_is_the_enumerated_one(name, codes):
    """False alarm below 1e-4 a case (|z| < 5 for about 30 weights); detects a bias of 7 standard errors."""
    z = z_scores(tiny_model(name, codes))
    assert np.max(np.abs(z)) < 5.0, z


BIASED = [
    *((name, s) for s in ("bernoulli", "categorical") for name, cls in registered(s).items() if not cls.facts.unbiased),
    ("straight_through", "gaussian_argmax"),
]


@pytest.mark.parametrize(("name", "codes"), BIASED)
def test_the_bias_of_a_biased_estimator_shows(name, codes):
    assert np.max(np.abs(z_scores(tiny_model(name, codes)))) > 8.0


@pytest.mark.parametrize(
    ("name", "codes", "settings"),
    [
        ("rebar", "categorical", {"layers": 2, "prior": "trained"}),
        ("disarm_sb", "categorical", {"layers": 2, "generator_samples": "own"}),
        ("relax", "bernoulli", {"layers": 2}),
        ("vimco", "categorical", {"layers": 2}),
        ("rws", "bernoulli", {"layers": 2, "prior": "trained"}),
        ("tvo", "categorical", {"layers": 2, "prior": "trained"}),
        ("disarm", "bernoulli", {"kl": "analytic", "prior": "trained"}),
        ("rebar", "categorical", {"kl": "analytic", "prior": "trained"}),
        ("nvil", "gaussian_argmax", {"kl": "analytic", "baseline": "network"}),
        ("rloo", "bernoulli", {"generator_samples": "own"}),
        ("rebar", "categorical", {"variance_of": "weights", "eta": "weights"}),
        ("relax", "bernoulli", {"variance_of": "weights", "eta": "weights", "layers": 2}),
    ],
)
def test_settings_of_the_model_leave_the_gradient_unbiased(name, codes, settings):
    z = z_scores(tiny_model(name, codes, **settings))
    assert np.max(np.abs(z)) < 5.0, z


@pytest.mark.sweep
@pytest.mark.parametrize("settings", [{"layers": 2}, {"layers": 3, "prior": "trained"}], ids=["two", "three"])
@pytest.mark.parametrize(("name", "codes"), UNBIASED)
def test_more_layers_leave_the_gradient_unbiased(name, codes, settings):
    if codes != "categorical":
        settings = {**settings, "layers": 2}  # three of them are too many states to enumerate fast
    z = z_scores(tiny_model(name, codes, **settings))
    assert np.max(np.abs(z)) < 5.0, z


class CountingChain(HardVAEChain):
    """Notes the codes of all layers at which F is evaluated, for the first image."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.evaluated = set()

    def term(self, layer, values, below, logits):
        if layer == len(self.kinds) - 1:
            codes = [values] if below is None else [values, tf.broadcast_to(below, values.shape)]
            rows = np.concatenate([np.reshape(code[..., 0, :, :], (-1, self.model.code_size)) for code in codes], -1)
            self.evaluated |= {row.tobytes() for row in rows}
        return super().term(layer, values, below, logits)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", ["rloo", "carms", "disarm_sb", "disarm_tree", "ars", "arsm"])
def test_evaluations_follow_from_facts_and_layers(name, layers):
    """20 variables of 5 categories, so that no two samples are equal by chance."""
    config = HardVAEConfig(estimator=name, architecture="linear", variables=20, categories=5, layers=layers)
    shape = {"image_shape": (2, 2, 1), "likelihood": "bernoulli", "binarisation": "static"}
    estimation = TrainHardVAE(model=config).resolved_estimation
    model = HardVAE(config, get(name), **shape, optimiser=HardVAEOptimiserConfig(), estimation=estimation)
    chain = CountingChain(model, tf.constant(IMAGES))
    noise = noise_of(model.estimator, model.logit_shapes(2), tf.constant([1, 2]), tf.float32)
    estimate_step(chain, model.estimator, noise, model.own)
    of_pass = 1 if name == "carms" else 0  # evaluated as long as nothing is compiled, and not used
    assert len(chain.evaluated) - of_pass == KNOWN[name].evaluations(layers, {}, model.shape)


def test_the_mean_elbo_with_the_analytic_kl_is_the_enumerated_one():
    for codes in SUPPORT:
        model = tiny_model("rloo", codes, kl="analytic", prior="trained")
        log_q, value = log_q_and_value(model)
        images = tf.constant(np.tile(IMAGES, (20_000, 1)))
        elbo = model.step(images, tf.constant([3, 4])).elbo.numpy().astype(np.float64).reshape(-1, 2)
        error = elbo.std(axis=0, ddof=1) / np.sqrt(len(elbo))
        exact_elbo = tf.reduce_sum(tf.exp(log_q) * value, 0).numpy()
        assert np.all(np.abs(elbo.mean(axis=0) - exact_elbo) < 5.0 * error + 1e-5)


def test_equal_states_and_seeds_give_equal_weights():
    """What a resume relies on: the state variables are all of the state, bitwise, own parameters and networks too."""
    for name, settings in (("relax", {}), ("nvil", {"baseline": "network"}), ("rebar", {"prior": "trained"})):
        model = tiny_model(name, "categorical", **settings)
        batch = tf.constant((IMAGES * 255).astype(np.uint8))
        begin, ends = [np.asarray(v).copy() for v in model.state_variables()], []
        for _ in range(2):
            for variable, value in zip(model.state_variables(), begin):
                variable.assign(value)
            for number in range(3):
                model.train_step(batch, at_step(tf.constant([5, 6]), tf.constant(number)))
            ends.append([np.asarray(v).copy() for v in model.state_variables()])
        assert all(np.array_equal(a, b) for a, b in zip(*ends))
        assert any(not np.array_equal(a, b) for a, b in zip(begin, ends[0]))


@pytest.mark.sweep
def test_a_subject_of_two_layers_finds_the_biased_estimators():
    """At p < 1e-3 each, the seed is fixed; 1,000 draws against 200 of the local expectation. Evaluations are those of
    training, and the mean of the reference is the enumerated gradient of the inference network."""
    model = tiny_model("rloo", "categorical", prior="trained", layers=2)
    subject = HardVAESubject(model, tf.constant(IMAGES))
    names = ("nvil", "rloo", "rebar", "straight_through")
    rows = {row["estimator"]: row for row in measure(subject, names, 1_000, 200, tf.constant([3, 4]))}
    assert {name for name, row in rows.items() if row["biased"]} == {"straight_through"}
    evaluations = {name: (row["hard"], row["relaxed"]) for name, row in rows.items()}
    assert evaluations == {"nvil": (1, 0), "rloo": (2, 0), "rebar": (1, 2), "straight_through": (1, 0)}
    groups, _ = draw_groups(subject.source("local_expectation"), 1_000, tf.constant([5, 6]), False, lambda done: None)
    means = groups["parameters"].means
    size = sum(variable.shape.num_elements() for variable in model.recognition_variables)
    error = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    assert (
        np.max(np.abs(means.mean(axis=0) - exact(model)[:size]) / np.maximum(error, 1e-5)) < 6.0
    )  # 19 degrees of freedom


def test_a_subject_takes_the_best_baselines_of_every_layer():
    """NVIL with them has less variance than REINFORCE without, in each of two layers."""
    subject = HardVAESubject(tiny_model("nvil", "bernoulli", layers=2), tf.constant(IMAGES))
    variances = {}
    for name in ("reinforce", "nvil"):
        moments = tf.function(moments_of, autograph=False)(subject.source(name).gradients, 400, tf.constant([1, 2]))
        variances[name] = np.array([moment.variance() for moment in moments["logits"]])
    assert variances["nvil"].shape == (2,) and np.all(variances["nvil"] < 0.8 * variances["reinforce"])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"estimator": "disarm", "codes": "categorical"},
            "disarm is for bernoulli variables, not for categorical ones",
        ),
        ({"estimator": "rlo"}, "unknown model.estimator 'rlo': did you mean 'rloo'"),
        ({"estimator": "rloo", "estimator_options": ("sample=3",)}, "did you mean 'samples'"),
        ({"estimator": "rloo", "estimator_options": ("samples=x",)}, "model.options.samples must be an integer"),
        ({"kl": "analytic", "layers": 2}, "model.kl=analytic is for one layer"),
        *(
            ({"kl": "analytic", "estimator": name}, f"model.estimator={name} .* needs model.kl=sampled")
            for name in ("vimco", "ovis", "ovis_mc", "rws", "tvo")
        ),
        ({"eta": "weights"}, "model.eta=weights needs model.variance_of=weights"),
        ({"layers": 4}, "model.layers must be 1, 2 or 3"),
        ({"codes": "bernoulli", "categories": 3}, "model.categories=3 is not used by bernoulli"),
        ({"estimator": "a b"}, "is not a name"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        HardVAEConfig(**settings)


def test_scales_of_weights_need_a_control_variate():
    with pytest.raises(UserError, match="rloo has no control variate"):
        tiny_model("rloo", "categorical", variance_of="weights", eta="weights")


def test_options_are_set_one_by_one_and_go_with_their_estimator():
    config = TrainHardVAE().with_values({"model.options.samples": "4"})
    assert config.model.estimator_options == ("samples=4",) and "rloo-samples4" in config.run_id
    assert config.evaluations_per_step == 400
    centred = config.with_values({"model.estimator": "reinforce", "model.options.baseline": "batch"})
    assert centred.evaluations_per_step == 100
    assert config.with_values({"model.options.samples": 3}).model.estimator_options == ("samples=3",)
    other = config.with_values({"model.estimator": "rebar", "model.options.temperature": 0.1})
    assert other.model.estimator_options == ("temperature=0.1",)
    assert config.with_values({"model.estimator": "nvil"}).model.estimator_options == ()
    assert TrainHardVAE.from_dict(other.to_dict()) == other


def test_own_parameters_warm_up_and_kernels_of_their_network_decay():
    model = tiny_model("relax", "categorical", estimation={"warmup_steps": 1, "net_decay": 0.5})
    batch, moved = tf.constant([[0, 255, 255, 0], [255, 0, 0, 0]], tf.uint8), []
    for number in range(2):
        before = [v.numpy() for v in model.trained]
        model.train_step(batch, tf.constant([1, number]))
        moved.append(any(np.any(a != b) for a, b in zip(before, model.trained)))
    assert moved == [False, True]
    gradients = [tf.ones_like(v) for v in model.own.trained]
    kernels = {id(v) for layer in model.own.layers for name, v in layer.items() if "kernel" in name}
    assert len(kernels) == 2
    for value, gradient in zip(model.own.trained, model.own.decayed(gradients)):
        np.testing.assert_allclose(gradient, 1.0 + (0.5 * value if id(value) in kernels else 0.0 * value), rtol=1e-6)


def test_settings_of_the_group_model_are_not_set_twice():
    with pytest.raises(UserError, match="estimation.baseline is set by model.baseline"):
        TrainHardVAE().with_values({"estimation.baseline": "constant"})
    assert TrainHardVAE(model=HardVAEConfig(baseline="none")).resolved_estimation.baseline == "zero"


@pytest.mark.parametrize(
    ("codes", "logits", "prior"),
    [
        ("bernoulli", (0.7,), [0.331812228, 0.668187772]),
        ("categorical", (0.0, 1.0, -1.0), [0.244728, 0.665241, 0.090031]),
    ],
)
def test_the_terms_of_a_fixed_prior(codes, logits, prior):
    """F less that of the uniform prior is log p(b) - log 1/C, summed over the two variables; its gradient is exact."""
    fixed = tiny_model("rloo", codes, prior="fixed", prior_logits=logits)
    uniform = tiny_model("rloo", codes)
    assert not fixed.prior.trainable and len(fixed.trained) == len(uniform.trained)
    difference = log_q_and_value(fixed)[1] - log_q_and_value(uniform)[1]
    each = np.log(np.array(prior) * len(prior))
    expected = (each[:, np.newaxis] + each).reshape(-1, 1)
    np.testing.assert_allclose(difference, np.repeat(expected, len(IMAGES), 1), atol=1e-5)
    analytic = tiny_model("rloo", codes, prior="fixed", prior_logits=logits, kl="analytic")
    for model in (fixed, analytic):
        assert np.max(np.abs(z_scores(model))) < 5.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prior_logits": (0.1,) * 10}, "model.prior_logits is not read with model.prior=uniform"),
        ({"prior": "fixed"}, "model.prior=fixed needs model.prior_logits"),
        (
            {"prior": "fixed", "prior_logits": (0.1, 0.2)},
            "model.prior_logits must be 10 numbers for these codes, got 2",
        ),
        ({"codes": "bernoulli", "prior": "trained", "prior_logits": (0.1, 0.2)}, "must be 1 number for these codes"),
    ],
)
def test_priors_that_do_not_fit_are_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        HardVAEConfig(**settings)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            {"estimator": "rloo", "baseline": "network"},
            "model.baseline=network is not used by rloo, which has no baseline",
        ),
        ({"estimator": "rloo", "eta": "weights", "variance_of": "weights"}, "model.eta=weights is not used by rloo"),
    ],
)
def test_own_parameters_that_are_not_there_are_a_sentence_before_anything_runs(model, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainHardVAE(model=HardVAEConfig(**model)).check_inputs(None)
    TrainHardVAE(model=HardVAEConfig(estimator="nvil", baseline="network")).check_inputs(None)
