"""Every registered estimator trains belief networks with the gradient that enumeration gives."""

import numpy as np
import pytest
import tensorflow as tf
from enumerated_targets import enumerated_target
from sbn_enumeration import images_of, joint_terms, tiny_model
from sweeps import few

from igr_suite.discrete import routes
from igr_suite.discrete.chain import Pass
from igr_suite.discrete.own import Own
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.estimators import get, rebar, registered
from igr_suite.estimators.names import KNOWN
from igr_suite.estimators.tvo import TVO
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.randomness import at_step

REPLICATES, BLOCKS = 500, 100  # 5e4 draws of each of two images
NETWORKS = {
    "one layer": {"layers": 1},
    "two layers": {"layers": 2},
    "prediction": {"layers": 2, "task": "sp"},
}
SAMPLES = {"samples": 2}


def estimator_of(name: str):
    """The estimator with two samples where their number is a setting, so that bounds can be enumerated."""
    known = registered("bernoulli")[name].__dataclass_fields__
    return get(name, **(SAMPLES if "samples" in known else {}))


def chain_of(model, x: tf.Tensor) -> SBNChain:
    return SBNChain(model.model, model.networks.observe(x, model.mean))


def exact(model, estimator) -> np.ndarray:
    """The derivative of the enumerated target: recognition, generator."""
    x = tf.constant(images_of(model))
    variables = model.weights_by_network
    with tf.GradientTape() as tape:
        target = enumerated_target(estimator, *joint_terms(model, x), model.networks.has_distribution)
    names = model.networks.recognition
    others = [name for name in variables if name not in names]
    order = [v for name in [*names, *others] for v in variables[name]]
    return np.concatenate([g.numpy().ravel() for g in tape.gradient(target, order)])


def z_scores(model, estimator, rows: int = REPLICATES, **settings) -> np.ndarray:
    """(mean - exact) / standard error of every weight, from means of blocks; recognition first."""
    x = tf.constant(np.tile(images_of(model), (rows, 1)))
    shapes = [(len(x), model.networks.hidden)] * model.networks.layers
    own = Own(estimator, shapes, tf.float64)
    generator = np.random.default_rng(5)
    for variable in own.trained:  # unbiased at all of their values
        variable.assign(variable + 0.3 * generator.normal(size=variable.shape))

    @tf.function(autograph=False)
    def block(seed):
        step = estimate_step(chain_of(model, x), estimator, noise_of(estimator, shapes, seed, x.dtype), own, **settings)
        return tf.concat([tf.reshape(g, [-1]) for g in [*step.recognition, *step.generator]], 0)

    draws = np.array([block(at_step(tf.constant([7, 1]), tf.constant(i))) for i in range(BLOCKS)])
    error = draws.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    differences = draws.mean(axis=0) - exact(model, estimator)
    return np.where(error > 1e-12, differences / np.maximum(error, 1e-12), np.where(abs(differences) > 1e-9, 1e3, 0.0))


# Two layers hold what one has; the other networks are met by one estimator of each route, and by all in the sweep.
ROUTES = ("rloo", "vimco", "local_disarm", "disarm", "rebar")
EVERYWHERE = [
    pytest.param(name, network, marks=() if network == "two layers" or name in ROUTES else pytest.mark.sweep)
    for network in NETWORKS
    for name, cls in registered("bernoulli").items()
    if cls.facts.unbiased
]


@pytest.mark.parametrize(("name", "network"), EVERYWHERE)
def test_the_mean_gradient_of_an_unbiased_estimator_is_the_enumerated_one(name, network):
    """False alarm below 1e-4 a case (|z| < 5 for about 40 weights); detects a bias of 7 standard errors."""
    model = tiny_model(estimator="reinforce", **NETWORKS[network])
    z = z_scores(model, estimator_of(name))
    assert np.max(np.abs(z)) < 5.0, z


@pytest.mark.parametrize("name", ["disarm", "rebar", "vimco", "local_disarm", "rws", "tvo"])
def test_a_chain_that_only_predicts_has_no_log_q(name):
    """The authors' generator for structured prediction: a target of two samples has no direct term there."""
    model = tiny_model(estimator="reinforce", layers=2, task="sp", sp_generator="historical")
    assert np.max(np.abs(z_scores(model, estimator_of(name)))) < 5.0


@pytest.mark.parametrize("name", [name for name, cls in registered("bernoulli").items() if not cls.facts.unbiased])
def test_the_bias_of_a_biased_estimator_shows(name):
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of(name)))) > 8.0


@pytest.mark.parametrize("variance_of", ["logits", "weights"])
@pytest.mark.parametrize("name", ["rebar", "relax", "double_cv", "rodeo"])
def test_what_trains_the_parameters_does_not_bias_the_gradient(name, variance_of):
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of(name), variance_of=variance_of))) < 5.0


@pytest.mark.parametrize("name", ["rloo", "disarm", "arms"])
def test_one_chain_for_the_generator_does_not_bias_it(name):
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of(name), generator_samples="own"))) < 5.0


def test_hard_samples_above_a_relaxed_layer_bias_its_control_variate(monkeypatch):
    """Negative control: the layer below has a control variate with a mean; the uppermost one has not."""
    monkeypatch.setattr(rebar, "relaxed_above", lambda temperature, relaxation: None)
    model = tiny_model(estimator="reinforce", layers=2)
    z = z_scores(model, estimator_of("rebar"))
    size = sum(int(np.prod(shape)) for shape in model.networks.shapes()["q_0"])
    assert np.max(np.abs(z[:size])) > 10.0 and np.max(np.abs(z[size:])) < 5.0


@pytest.mark.parametrize("name", ["vimco", "local_disarm", "ovis", "ovis_mc", "tvo"])
def test_a_bound_without_its_direct_term_is_biased(name, monkeypatch):
    """Negative control: log q in the log-weights depends on the logits."""
    monkeypatch.setattr(routes, "direct_weights", lambda chain, estimator, weights: tf.zeros_like(weights))
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of(name)))) > 10.0


def test_the_posterior_with_a_direct_term_is_biased(monkeypatch):
    """Negative control: the distribution that rws follows does not depend on the logits."""
    monkeypatch.setattr(routes, "direct_weights", lambda chain, estimator, weights: weights)
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of("rws")))) > 10.0


def test_the_path_with_the_bounds_weights_is_biased(monkeypatch):
    """Negative control: the derivatives of the thermodynamic sum are not the normalised weights."""
    weigh = TVO.weigh
    monkeypatch.setattr(TVO, "weigh", lambda *arguments: weigh(*arguments)._replace(weights=None))
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of("tvo")))) > 10.0


@pytest.mark.parametrize("name", ["reinforce", "rloo"])
def test_a_local_signal_that_forgets_a_layer_is_biased(name, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(Pass, "local_value", lambda self, layer: self.terms[layer])
    model = tiny_model(estimator="reinforce", layers=2)
    assert np.max(np.abs(z_scores(model, estimator_of(name)))) > 10.0


class CountingChain(SBNChain):
    """Notes what the uppermost layer's term is evaluated at, for the first example."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.evaluated = []

    def term(self, layer, values, below, logits):
        self.note(layer, values, below, logits)
        return super().term(layer, values, below, logits)

    def term_at_neighbours(self, layer, neighbours, below, logits):
        self.note(layer, neighbours.values(), below, logits)
        return super().term_at_neighbours(layer, neighbours, below, logits)

    def note(self, layer, values, below, logits):
        if layer == len(self.kinds) - 1:
            below = logits if below is None else below
            below = tf.broadcast_to(below, (*values.shape[:-1], below.shape[-1]))
            rows = tf.reshape(tf.concat([values, below], -1)[..., 0, :], (-1, values.shape[-1] + below.shape[-1]))
            self.evaluated.append({row.tobytes() for row in rows.numpy()})


@pytest.mark.parametrize("layers", few([1, 2], lambda layers: layers == 2))
@pytest.mark.parametrize("name", registered("bernoulli"))
def test_evaluations_follow_from_facts_and_layers(name, layers):
    """30 units, so that no two samples are equal by chance."""
    model = tiny_model(estimator="reinforce", layers=layers, hidden=30, spread=0.3)
    x = tf.constant(images_of(model))
    chain, estimator = CountingChain(model.model, model.networks.observe(x, model.mean)), estimator_of(name)
    shapes = [(len(x), model.networks.hidden)] * layers
    noise = noise_of(estimator, shapes, tf.constant([1, 2]), x.dtype)
    estimate_step(chain, estimator, noise, Own(estimator, shapes, x.dtype))
    settings = {key: getattr(estimator, key) for key in ("samples", "auxiliary") if hasattr(estimator, key)}
    of_pass = 1 if name == "arms" else 0  # evaluated as long as nothing is compiled, and not used
    assert len(set().union(*chain.evaluated[of_pass:])) == KNOWN[name].evaluations(layers, settings, shapes[0][1:])
