"""Parameter gradients of every estimator against the derivative of the enumerated bound, and the bounds' order."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import exact_gradient, flat_gradient, images_of, log_marginal, tiny_model
from sweeps import few

from igr_suite.estimators.distributions import bernoulli
from igr_suite.families.sbn import relax as sbn_relax
from igr_suite.training.evaluation import log_mean_exp

REPLICATES, BLOCKS = 1000, 150  # 3e5 samples in all, of two images


def z_scores(model, name):
    """(mean - exact) / standard error of every weight, from means of blocks."""
    x = tf.constant(np.tile(images_of(model), (REPLICATES, 1)))

    @tf.function(autograph=False)
    def block(seed):
        gradients, *_ = model.step_gradients(x, model.uniforms(len(x), seed))
        return flat_gradient(model, gradients[name])

    draws = np.array([block(tf.constant([7, i])) for i in range(BLOCKS)])
    exact = np.concatenate([g.ravel() for g in exact_gradient(model, tf.constant(images_of(model)))])
    error = draws.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    assert np.all(error > 0)
    return (draws.mean(axis=0) - exact) / error


def by_network(model, values):
    ends = np.cumsum([sum(int(np.prod(s)) for s in shapes) for shapes in model.networks.shapes().values()])
    return dict(zip(model.networks.shapes(), np.split(values, ends[:-1])))


CASES = [
    {"estimator": "reinforce"},
    {"estimator": "nvil"},
    {"estimator": "simple_muprop"},
    {"estimator": "muprop"},
    {"estimator": "muprop", "nonlinear": True, "layers": 3},
    {"estimator": "rebar"},
    {"estimator": "dynamic_rebar", "layers": 1},
    {"estimator": "dynamic_rebar", "layers": 3, "eta_scope": "unit"},
    {"estimator": "dynamic_rebar", "nonlinear": True},
    {"estimator": "rebar", "relaxation": "concrete", "multilayer_cv": "joint"},
    {"estimator": "dynamic_rebar", "task": "sp"},
    {"estimator": "dynamic_rebar", "task": "sp", "sp_generator": "historical"},
    {"estimator": "relax", "layers": 1},
    {"estimator": "relax", "net_layers": 2},
    {"estimator": "relax", "surrogate": "net", "net_layers": 2},
    {"estimator": "relax", "surrogate": "relaxed"},
    {"estimator": "relax", "net_layers": 2, "layers": 3, "nonlinear": True},
    {"estimator": "relax", "net_layers": 2, "task": "sp"},
]


@pytest.fixture(autouse=True)
def small_nets(monkeypatch):
    """RELAX's nets with 5 units a layer: 200 take minutes."""
    monkeypatch.setattr(sbn_relax, "UNITS", 5)


@pytest.mark.parametrize(
    "settings",
    few(
        CASES,
        lambda settings: (
            settings.get("layers") != 3
            and "sp_generator" not in settings
            and (settings["estimator"] != "relax" or settings.get("net_layers") == 2 and len(settings) == 2)
        ),
    ),
    ids=lambda s: "-".join(str(v) for v in s.values()),
)
def test_the_mean_gradient_is_the_enumerated_bounds(settings):
    """False alarm below 1e-4 a case (|z| < 5 for about 40 weights, z of block means); detects a bias of 6 standard
    errors, about 0.01."""
    model = tiny_model(**settings)
    z = z_scores(model, settings["estimator"])
    assert np.max(np.abs(z)) < 5.0, by_network(model, z)


def test_the_historical_control_variate_is_biased_above_the_first_layer():
    """Negative control: the authors' multilayer form fails where and only where it should; detected with |z| of
    tens."""
    model = tiny_model(estimator="rebar", multilayer_cv="historical")
    z = by_network(model, z_scores(model, "rebar"))
    assert np.max(np.abs(z["q_1"])) > 10.0
    assert max(np.max(np.abs(z[name])) for name in ("q_0", "p_0", "p_1", "prior")) < 5.0


@pytest.mark.parametrize("layers", [1, 2])
def test_relax_without_the_coupled_noise_is_biased(layers, monkeypatch):
    """Negative control: conditional noise that does not follow the logits (r = 1 in place of the gap), detected with
    |z| of tens."""
    monkeypatch.setattr(bernoulli, "reparameterisation_gap", lambda logits, samples, u: tf.ones_like(u))
    model = tiny_model(estimator="relax", layers=layers, net_layers=2)
    z = by_network(model, z_scores(model, "relax"))
    assert all(np.max(np.abs(z[name])) > 10.0 for name in model.networks.recognition)


def test_concrete_is_biased():
    model = tiny_model(estimator="concrete")
    assert np.max(np.abs(z_scores(model, "concrete"))) > 10.0


@pytest.mark.parametrize("settings", [{"layers": 2}, {"layers": 2, "task": "sp"}, {"layers": 1, "task": "sp"}], ids=str)
def test_bounds_rise_with_samples_to_the_likelihood(settings):
    """ELBO <= L_2 <= L_10 <= log p(x); 20,000 draws an image put every gap of these weights at more than 5 standard
    errors."""
    model = tiny_model(estimator="nvil", **settings)
    images = (images_of(model) * 255).astype(np.uint8)
    weights = model.log_weights(tf.constant(images), 20_000, tf.constant([1, 2])).numpy()
    means = [float(log_mean_exp(weights.reshape(k, -1, len(images))).mean()) for k in (1, 2, 10)]
    if model.networks.has_distribution:
        assert means[0] < means[1] < means[2] < log_marginal(model, tf.constant(images_of(model))).mean() + 0.02
        np.testing.assert_allclose(
            log_mean_exp(weights).mean(), log_marginal(model, tf.constant(images_of(model))).mean(), atol=0.05
        )
    else:
        assert means[0] < means[1] < means[2]
