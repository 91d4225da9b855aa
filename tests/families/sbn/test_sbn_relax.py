"""RELAX of sigmoid belief networks: identities, its variance objective, warm-up, and what its options refuse."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import images_of, tiny_model

from igr_suite.errors import UserError
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn import relax as sbn_relax
from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.families.sbn.model import SBN
from igr_suite.families.sbn.steps import Shared

STEP = 1e-5


@pytest.fixture(autouse=True)
def small_nets(monkeypatch):
    """Nets with 5 units a layer in place of 200."""
    monkeypatch.setattr(sbn_relax, "UNITS", 5)


def batch_and_noise(model, rows=6):
    return tf.constant(np.tile(images_of(model), (rows // 2, 1))), model.uniforms(rows, tf.constant([0, 1]))


def objective(logits, model):
    """V of docs/papers/rebar.md, section 2.8, from the gradients by the logits, and the decay of the kernels."""
    gradients = np.stack(logits)  # [layers, N, hidden]
    kernels = [v.numpy() for key, v in model.own["relax"].items() if key.startswith("net_") and v.shape.rank == 2]
    decay = (model.config.net_decay or 0.0) / 2.0 * sum(np.sum(np.square(kernel)) for kernel in kernels)
    return np.mean(np.square(gradients / gradients.shape[1])) + decay


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("silenced", ["eta", "net"])
def test_relax_without_a_control_variate_is_reinforce(silenced, layers):
    """At eta = 0, and for a net whose output is 0 and no F beside it: bit for bit (b - theta) F."""
    model = tiny_model(estimator="relax", layers=layers, net_layers=2, surrogate="add" if silenced == "eta" else "net")
    own = model.own["relax"]
    for key in ["etas"] if silenced == "eta" else [f"net_{k}_{j}" for k in range(layers) for j in (4, 5)]:
        own[key].assign(tf.zeros_like(own[key]))
    x, uniforms = batch_and_noise(model)
    gradients, _, _, logits = model.step_gradients(x, uniforms)
    shared = Shared(model.model, model.networks.observe(x, model.mean), uniforms)
    expected = [score_term(shared.hard.value, score) for score in shared.hard.scores]
    np.testing.assert_array_equal(np.stack(logits["relax"]), np.stack(expected))
    plain = shared.vjp(expected)
    for name in model.networks.recognition:
        for ours, theirs in zip(gradients["relax"][name], plain[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_relaxed_surrogate_is_concrete_rebar_with_an_eta_a_layer():
    """RELAX's own REBAR at eta = 1 and temperature .5 is the suite's with the plain relaxation, up to the baseline."""
    x, uniforms, found = None, None, []
    for settings in (
        {"estimator": "relax", "surrogate": "relaxed"},
        {"estimator": "rebar", "relaxation": "concrete", "eta_scope": "layer"},
    ):
        model = tiny_model(**settings)
        own = model.own[settings["estimator"]]
        own["etas"].assign(
            tf.ones_like(own["etas"]) if settings["estimator"] == "relax" else tf.zeros_like(own["etas"])
        )
        if "log_temperatures" in own:
            own["log_temperatures"].assign(np.full(2, np.log(0.5)))
        for variable in model.baselines:
            variable.assign(tf.zeros_like(variable))
        x, uniforms = (x, uniforms) if x is not None else batch_and_noise(model)
        found.append(np.stack(model.step_gradients(x, uniforms)[3][settings["estimator"]]))
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize(
    "settings",
    [
        {"layers": 1, "surrogate": "add"},
        {"layers": 2, "surrogate": "add", "nonlinear": True},
        {"layers": 2, "surrogate": "net", "task": "sp"},
        {"layers": 3, "surrogate": "relaxed"},
    ],
    ids=lambda s: "-".join(str(v) for v in s.values()),
)
def test_derivatives_of_the_variance_objective(settings):
    """Every eta and temperature and six entries of each tensor of the nets, against central differences; rel 1e-5."""
    nets = {} if settings["surrogate"] == "relaxed" else {"net_layers": 2, "net_decay": 0.02}
    model = tiny_model(pixels=6, hidden=3, estimator="relax", spread=0.7, **nets, **settings)
    generator = np.random.default_rng(5)
    x = tf.constant(generator.integers(0, 2, (4, 6)).astype(float))
    uniforms = [tf.constant(generator.uniform(0.02, 0.98, (4, 3))) for _ in range(settings["layers"])]

    @tf.function(autograph=False)
    def evaluate():
        _, by_controls, _, logits = model.step_gradients(x, uniforms)
        return logits["relax"], by_controls

    analytic = [np.asarray(g) for g in evaluate()[1]]
    for variable, gradient in zip(model.controls, analytic, strict=True):
        value = variable.numpy()
        entries = list(np.ndindex(value.shape))
        for entry in (
            entries if len(entries) <= 6 else [entries[i] for i in generator.choice(len(entries), 6, replace=False)]
        ):
            moved = []
            for sign in (1, -1):
                step = np.zeros_like(value)
                step[entry] = sign * STEP
                variable.assign(value + step)
                moved.append(objective(evaluate()[0], model))
            variable.assign(value)
            numeric = (moved[0] - moved[1]) / (2 * STEP)
            np.testing.assert_allclose(
                gradient[entry], numeric, rtol=1e-5, atol=1e-9 * max(1.0, moved[0]), err_msg=f"{entry}"
            )
    assert all(np.max(np.abs(gradient)) > 1e-6 for gradient in analytic[:2]), "the derivatives must not be all zero"


def test_the_first_steps_train_the_control_variate_alone():
    """With two warm-up steps the networks move at the third step and the nets at each; Adam's first step is the
    learning rate."""
    config = SBNConfig(estimator="relax", hidden=2, net_layers=1, warmup_steps=2)
    model = SBN(config, SBNOptimiserConfig(control_factor=1.0), np.linspace(0.3, 0.6, 3), seed=1, float_type=tf.float64)
    batch = tf.constant((images_of(model) * 255).astype(np.uint8))
    step = tf.function(model.train_step, autograph=False, jit_compile=True)
    moved = []
    for i in range(3):
        before = [v.numpy() for v in (*model.trained, *model.controls)]
        step(batch, tf.constant([1, i]))
        moved.append([np.max(np.abs(v.numpy() - b)) for v, b in zip((*model.trained, *model.controls), before)])
    networks, controls = (
        [change[: len(model.trained)] for change in moved],
        [change[len(model.trained) :] for change in moved],
    )
    assert np.max(networks[:2]) == 0.0
    np.testing.assert_allclose(np.max(networks[2]), 3e-4, rtol=1e-2)
    assert all(np.max(change) > 1e-5 for change in controls)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"estimator": "rebar", "surrogate": "net"},
            "model.surrogate=net is not used by the estimator rebar, only by relax",
        ),
        ({"surrogate": "net", "temperature": 0.3}, "model.temperature=0.3 is not used by model.surrogate=net"),
        ({"surrogate": "relaxed", "net_layers": 2}, "model.net_layers=2 is not used by model.surrogate=relaxed"),
        ({"relaxation": "improved"}, "model.relaxation=improved is not used by the estimator relax"),
        ({"net_layers": 0}, "model.net_layers must be at least 1"),
        ({"warmup_steps": -1}, "model.warmup_steps must not be negative"),
    ],
)
def test_options_of_relax(settings, message):
    with pytest.raises(UserError, match=message):
        SBNConfig(**{"estimator": "relax", **settings})


def test_switching_estimators_takes_their_defaults():
    config = TrainSBN().with_values({"model.estimator": "relax"})
    assert (config.model.surrogate, config.model.net_layers, config.model.temperature, config.model.relaxation) == (
        "add",
        4,
        0.5,
        None,
    )
    alone = config.with_values({"model.surrogate": "net"})
    assert (alone.model.temperature, alone.model.net_layers) == (None, 4)
    assert config.with_values({"model.estimator": "dynamic_rebar"}).run_id == TrainSBN().run_id
    assert TrainSBN().run_id == "mnist_5k-dynamic_rebar-L2-lr0.0003-s0-20d97f85", (
        "names of earlier runs must not change"
    )
