"""How belief networks train the own parameters of registered estimators (the group `estimation`), and the tracking of
registered estimators on one path."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import images_of

from igr_suite.discrete.config import ESTIMATION, EstimationConfig
from igr_suite.discrete.own import Own
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.errors import UserError
from igr_suite.estimators import get
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.families.sbn.config import SBNConfig, SBNOptimiserConfig, TrainSBN
from igr_suite.families.sbn.model import SBN

SEED = tf.constant([3, 5])


def model_of(estimator: str, estimation: EstimationConfig | None = None, hidden: int = 2, **settings) -> SBN:
    """A float64 model of 4 pixels and two layers, with weights of order 1."""
    estimation = (estimation or EstimationConfig()).resolved(ESTIMATION)
    config, mean = SBNConfig(hidden=hidden, estimator=estimator, **settings), np.linspace(0.3, 0.6, 4)
    model = SBN(config, SBNOptimiserConfig(), mean, seed=1, float_type=tf.float64, estimation=estimation)
    generator = np.random.default_rng(3)
    for variable in [*model.trained, *model.controls]:
        variable.assign(variable + 0.5 * generator.normal(size=variable.shape))
    return model


def step_of(model: SBN):
    x = tf.constant(np.tile(images_of(model), (4, 1)))
    return model.step_gradients(x, model.uniforms(len(x), SEED), SEED)


def test_tracked_estimators_share_their_first_sample():
    """DisARM is ARM's conditional mean given the pair: on common noise no sign differs, and by chance half would."""
    model = model_of("track", hidden=8, tracked=("disarm", "arm", "nvil"))
    gradients, _, _, logits = step_of(model)
    disarm, arm = (np.concatenate(logits[name]) for name in ("disarm", "arm"))
    differ = disarm != 0.0
    assert differ.sum() > 50
    np.testing.assert_array_equal(np.sign(disarm[differ]), np.sign(arm[differ]))
    assert list(gradients) == ["disarm", "arm", "nvil"] and model.followed == "disarm"
    assert {"variance_disarm", "variance_arm", "variance_nvil", "deviation_nvil"} <= set(model.scalars)


def test_a_tracked_estimator_has_the_gradient_that_it_has_alone():
    model = model_of("track", tracked=("nvil", "rloo"))
    gradients, *_ = step_of(model)
    x = tf.constant(np.tile(images_of(model), (4, 1)))
    chain, estimator = SBNChain(model.model, model.networks.observe(x, model.mean)), get("rloo")
    shapes = [(len(x), 2)] * 2
    noise = noise_of(estimator, shapes, SEED, x.dtype)
    uniforms = model.uniforms(len(x), SEED)
    noise = [{"u": tf.stack([first, *tf.unstack(layer["u"])[1:]])} for first, layer in zip(uniforms, noise)]
    step = estimate_step(chain, estimator, noise, Own(estimator, shapes, x.dtype))
    for name, group in chain.by_network([*step.recognition, *step.generator]).items():
        for ours, theirs in zip(gradients["rloo"][name], group):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"estimator": "nvil", "tracked": ("rloo",)}, "model.tracked is read by model.estimator=track only"),
        ({"estimator": "track", "tracked": ("rloo", "rloo")}, "names an estimator twice"),
        ({"estimator": "track", "tracked": ("track",)}, "track is none"),
        ({"estimator": "track", "tracked": ("carm",)}, "unknown model.estimator 'carm'"),
    ],
)
def test_what_cannot_be_tracked_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        SBNConfig(**settings)


def test_evaluations_of_tracked_estimators_share_one():
    config = SBNConfig(estimator="track", tracked=("rloo", "disarm", "vimco"))
    assert config.evaluations == 1 + (2 - 1) + (3 - 1) + (4 - 1)  # L = 2: DisARM 1 + L
    assert SBNConfig(estimator="track").evaluations == 6


@pytest.mark.parametrize(
    ("estimation", "networks", "own"),
    [
        ({}, 2, set()),
        ({"shared_baseline": True}, 1, set()),
        ({"baseline": "constant"}, 0, {"baseline_0", "baseline_1"}),
        ({"baseline": "constant", "shared_baseline": True}, 0, {"baseline"}),
        ({"baseline": "zero"}, 0, set()),
    ],
)
def test_baselines(estimation, networks, own):
    model = model_of("rebar", EstimationConfig(**estimation), estimator_options=("temperature=0.5",))
    method = model.methods["rebar"]
    assert method.baselines == networks
    assert {key for key in method.initial if key.startswith("baseline")} == own


@pytest.mark.parametrize("shared", [False, True])
def test_constant_baselines_are_those_of_the_general_path(shared):
    estimation = EstimationConfig(baseline="constant", shared_baseline=shared, variance_of="weights", eta="weights")
    model = model_of("rebar", estimation, estimator_options=("temperature=0.5",))
    gradients, own_gradients, *_ = step_of(model)
    x = tf.constant(np.tile(images_of(model), (4, 1)))
    chain, estimator = SBNChain(model.model, model.networks.observe(x, model.mean)), get("rebar", temperature=0.5)
    shapes = [(len(x), 2)] * 2
    own = Own(estimator, shapes, x.dtype, shared=shared, weights=len(chain.recognition))
    named = model.own["rebar"]
    for layer, parameters in enumerate(own.layers):
        parameters["baseline"].assign(named["baseline" if shared else f"baseline_{layer}"])
    for number, eta in enumerate(own.weight_etas):
        eta.assign(named[f"weight_eta_{number}"])
    step = estimate_step(chain, estimator, noise_of(estimator, shapes, SEED, x.dtype), own, "weights")
    for name, group in chain.by_network([*step.recognition, *step.generator]).items():
        for ours, theirs in zip(gradients["rebar"][name], group):
            np.testing.assert_allclose(ours, theirs, atol=1e-12)
    for ours, theirs in zip(own_gradients, step.own):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert any(np.any(g != 0.0) for g in own_gradients)


def test_weight_decay_is_that_of_the_kernels():
    options = {"estimator_options": ("eta_scope=unit",)}
    plain, decayed = (
        step_of(model_of("relax", EstimationConfig(net_decay=decay), **options))[1] for decay in (0.0, 0.25)
    )
    model = model_of("relax", **options)
    for name, value, before, after in zip(model.own["relax"], model.controls, plain, decayed):
        expected = 0.25 * value if "kernel" in name else tf.zeros_like(value)
        np.testing.assert_allclose(after - before, expected, atol=1e-12)
    assert sum("kernel" in name for name in model.own["relax"]) == 4


def test_networks_stand_still_during_the_warm_up():
    model = model_of("relax", EstimationConfig(warmup_steps=2), estimator_options=("eta_scope=unit",))
    batch, moved = tf.constant(np.tile(255 * images_of(model), (4, 1)).astype(np.uint8)), []
    for number in range(3):
        before = [tf.identity(v) for v in [*model.trained, *model.controls]]
        model.train_step(batch, tf.constant([1, number]))
        now = [np.any(a != b) for a, b in zip(before, [*model.trained, *model.controls])]
        moved.append((any(now[: len(model.trained)]), any(now[len(model.trained) :])))
    assert moved == [(False, True), (False, True), (True, True)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model.estimator": "disarm", "estimation.baseline": "network"}, "baseline=network is not used by disarm"),
        ({"model.estimator": "rloo", "estimation.warmup_steps": 3}, "which has no parameters of its own"),
        ({"model.estimator": "double_cv", "estimation.net_decay": 0.1}, "no network among its own parameters"),
        ({"model.estimator": "double_cv", "estimation.eta": "weights"}, "no control variate whose scale is trained"),
        ({"model.estimator": "nvil", "estimation.baseline": "zero"}, "has settings of its own in the group model"),
        ({"estimation.eta": "weights", "estimation.variance_of": "logits"}, "needs estimation.variance_of=weights"),
        ({"estimation.warmup_steps": -1}, "estimation.warmup_steps must not be negative, got -1"),
    ],
)
def test_what_an_estimator_does_not_have_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainSBN().with_values(settings).check_inputs(None)


def test_runs_without_these_settings_keep_their_name():
    config = TrainSBN()
    assert config.run_id == "mnist_5k-dynamic_rebar-L2-lr0.0003-s0-20d97f85"
    changed = config.with_values({"model.estimator": "disarm", "estimation.warmup_steps": "0"})
    assert changed.run_id == config.with_values({"model.estimator": "disarm"}).run_id
