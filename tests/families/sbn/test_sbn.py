"""Identities of the sigmoid belief network: centring, REBAR at eta 0, what control variates leave alone, optimisers,
resuming."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import flat_gradient, images_of, tiny_model

from igr_suite import data
from igr_suite.discrete import baselines as sbn_baselines
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.sbn import train as train_sbn
from igr_suite.families.sbn.config import SBNConfig, SBNEvaluationConfig, TrainSBN
from igr_suite.families.sbn.methods import variable_names
from igr_suite.families.sbn.model import SBN
from igr_suite.families.sbn.networks import initial_weights
from igr_suite.families.sbn.passes import hard_pass
from igr_suite.families.sbn.steps import Shared
from igr_suite.lab.runs.interrupts import Interrupted, Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.networks.likelihoods import pixel_offset
from igr_suite.training import executor
from igr_suite.training.config_parts import BinaryDataConfig, StepScheduleConfig
from igr_suite.training.loop import Plan


def batch_and_noise(model, rows=6, seed=0):
    x = tf.constant(np.tile(images_of(model), (rows // 2, 1)))
    return x, model.uniforms(rows, tf.constant([seed, 1]))


def test_centring_leaves_one_out():
    """s - mean of the others = N/(N-1) (s - mean), which has mean zero."""
    model = tiny_model(estimator="reinforce")
    x, uniforms = batch_and_noise(model)
    _, _, scalars, logits = model.step_gradients(x, uniforms)
    hard = hard_pass(model.model, model.networks.observe(x, model.mean), uniforms)
    signal = (hard.value - tf.reduce_mean(hard.value)) * 6 / 5
    for found, score in zip(logits["reinforce"], hard.scores):
        np.testing.assert_allclose(found, score_term(signal, score), rtol=1e-12)
    assert abs(float(tf.reduce_mean(signal))) < 1e-12
    np.testing.assert_allclose(scalars["signal_rms"], np.sqrt(np.mean(signal.numpy() ** 2)))


@pytest.mark.parametrize("scope", ["variable", "network", "layer", "unit"])
def test_rebar_with_eta_zero_is_reinforce_with_its_baseline(scope):
    model = tiny_model(estimator="rebar", eta_scope=scope)
    x, uniforms = batch_and_noise(model)
    # 2 sigmoid(-800) is 0 in float64
    model.own["rebar"]["etas"].assign(np.full(model.own["rebar"]["etas"].shape, -800.0))
    gradients, *_ = model.step_gradients(x, uniforms)
    shared = Shared(model.model, model.networks.observe(x, model.mean), uniforms)
    baseline = sbn_baselines.evaluate([tf.convert_to_tensor(v) for v in model.baselines], x - model.mean).outputs[:, 0]
    plain = shared.vjp([score_term(shared.hard.value - baseline, score) for score in shared.hard.scores])
    for name in model.networks.recognition:
        for ours, theirs in zip(gradients["rebar"][name], plain[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_the_control_variate_leaves_the_generator_alone():
    """Its etas have no gradient, and the generator's gradient is the same at every eta."""
    model = tiny_model(estimator="dynamic_rebar")
    x, uniforms = batch_and_noise(model)
    before, by_controls, *_ = model.step_gradients(x, uniforms)
    by_eta = by_controls[len(model.baselines)].numpy()
    names = variable_names(model.networks)
    assert [name for name, g in zip(names, by_eta) if g != 0.0] == ["q_0_W", "q_0_b", "q_1_W", "q_1_b"]
    model.own["dynamic_rebar"]["etas"].assign_add(np.ones(len(names)))
    after, *_ = model.step_gradients(x, uniforms)
    for name in ("prior", "p_1", "p_0"):
        for a, b in zip(before["dynamic_rebar"][name], after["dynamic_rebar"][name]):
            np.testing.assert_array_equal(a, b)
    assert not np.allclose(before["dynamic_rebar"]["q_0"][0], after["dynamic_rebar"]["q_0"][0])


def test_one_layer_predicts_the_same_with_either_generator():
    models = [
        tiny_model(estimator="dynamic_rebar", layers=1, task="sp", sp_generator=name)
        for name in ("historical", "hierarchical")
    ]
    assert models[0].networks.shapes() == models[1].networks.shapes()
    x, uniforms = batch_and_noise(models[0])
    found = [flat_gradient(model, model.step_gradients(x, uniforms)[0]["dynamic_rebar"]) for model in models]
    np.testing.assert_array_equal(*found)


def test_samples_are_averaged_and_tiled_sample_major():
    model = tiny_model(estimator="nvil", samples=3)
    x = model.observations(tf.constant((images_of(model) * 255).astype(np.uint8)), tf.constant([1, 2]))
    np.testing.assert_array_equal(x, np.tile(images_of(model), (3, 1)))


def test_controls_learn_ten_times_as_fast():
    """After one step of Adam every weight has moved by its rate: 3e-4, and 3e-3 for baselines, scales and the
    temperature."""
    model = tiny_model(estimator="dynamic_rebar")
    before = [v.numpy() for v in (*model.trained, *model.controls)]
    model.train_step(tf.constant((images_of(model) * 255).astype(np.uint8)), tf.constant([1, 2]))
    steps = [np.abs(v.numpy() - b) for v, b in zip((*model.trained, *model.controls), before)]
    for change in steps[: len(model.trained)]:
        np.testing.assert_allclose(change[change > 0], 3e-4, rtol=1e-2)
    moved = np.concatenate([change.ravel() for change in steps[len(model.trained) :]])
    assert moved.max() <= 3.001e-3
    assert np.mean(moved[moved > 0] > 2.97e-3) > 0.9, "a few gradients are not much larger than Adam's epsilon"


def test_initial_kernels_have_the_cut_normal_distribution():
    """std 0.8796 sqrt(2.6 / inputs), nothing beyond two standard deviations; 100,000 draws, 5 standard errors are
    1.2%."""
    ((kernel, bias),) = initial_weights({"q": [(200, 500), (500,)]}, tf.constant([1, 2])).values()
    np.testing.assert_allclose(np.std(kernel), 0.87963 * np.sqrt(2.6 / 200), rtol=0.012)
    assert np.abs(kernel).max() <= 2.0001 * np.sqrt(2.6 / 200)
    assert not np.any(bias)


def test_zero_output_weights_score_as_the_mean_image():
    """With p_0 = 0 the reconstruction term is the mean-image model's: -206.146 nats a training image of fixed MNIST,
    elsewhere a sum."""
    name = "binarized_mnist" if data.status("binarized_mnist").prepared else "mnist_5k"
    images = data.load(name).train.reshape(-1, 784) >= 128
    mean = images.mean(0)
    offset = pixel_offset(mean)
    score = np.mean(images @ offset - np.logaddexp(0.0, offset).sum())
    clipped = np.clip(mean, 0.001, 0.999)
    np.testing.assert_allclose(score, np.sum(mean * np.log(clipped) + (1 - mean) * np.log1p(-clipped)), rtol=1e-10)
    if name == "binarized_mnist":
        np.testing.assert_allclose(score, -206.146, atol=5e-4)


def test_an_epoch_of_fixed_mnist_has_the_authors_steps():
    plan = Plan(50_000, 24, 2, 1, seed=3, fill=True)
    assert plan.steps_per_epoch == 2084
    last = plan.orders(2083, 2084)[0]
    first = plan.orders(0, 1)[0]
    np.testing.assert_array_equal(last[8:], first[:16])
    assert (
        len(np.unique(np.concatenate([plan.orders(i, i + 200)[:200].ravel() for i in range(0, 2000, 200)]))) == 48_000
    )
    assert Plan(50_000, 24, 2, 1, seed=3).steps_per_epoch == 2083


class Once(Interrupts):
    """Requests a stop from the third time on that it is asked."""

    looks = 0

    @property
    def requested(self):
        Once.looks += 1
        return Once.looks >= 3

    def stop(self):
        raise Interrupted(15)


def test_an_interrupted_run_goes_on_bitwise(tmp_path, monkeypatch, golden):
    monkeypatch.setattr(SBN, "jit_steps", False)  # compiles in a third of the time
    config = TrainSBN(
        model=SBNConfig(hidden=5, estimator="track"),
        data=BinaryDataConfig(train_limit=100, evaluation_limit=10, binarisation="once"),
        schedule=StepScheduleConfig(steps=6, evaluate_every=5),
        evaluation=SBNEvaluationConfig(importance_samples=5),
        seed=2,
    )

    def run(folder):
        with RunFolder(folder).open(config) as opened:
            train_sbn.execute(config, opened)

    run(tmp_path / "whole")
    golden("sbn", RunFolder(tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr(executor, "Interrupts", Once)
        with contextlib.suppress(Interrupted):
            run(tmp_path / "pieces")
    assert not (tmp_path / "pieces" / "summary.json").exists()
    run(tmp_path / "pieces")
    for file in ("metrics.jsonl", "summary.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "pieces" / file).read_bytes()
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    assert summary["steps"] == 10  # whole epochs of five steps
    assert summary["validation_iw_bound_5"] > summary["validation_iw_bound_1"]
    assert summary["train_variance_nvil"] > summary["train_variance_dynamic_rebar"] > 0


def test_a_run_with_a_target_of_several_samples_logs_its_value_and_ends_with_the_longest_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(SBN, "jit_steps", False)
    config = TrainSBN(
        model=SBNConfig(hidden=5, layers=1, estimator="rws", estimator_options=("samples=3",)),
        data=BinaryDataConfig(train_limit=100, evaluation_limit=10, binarisation="once"),
        schedule=StepScheduleConfig(epochs=1, evaluate_every=1),
        evaluation=SBNEvaluationConfig(importance_samples=5, likelihood_samples=20),
    )
    with RunFolder(tmp_path / "run").open(config) as opened:
        train_sbn.execute(config, opened)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["train_bound"] > summary["train_elbo"]
    assert summary["test_iw_bound_20"] > summary["test_iw_bound_1"] and "test_iw_bound_20_se" in summary
    assert "validation_iw_bound_20" not in summary
    assert config.run_id != replace(config, evaluation=SBNEvaluationConfig(importance_samples=5)).run_id
