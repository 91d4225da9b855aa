"""Settings of decoupling (docs/papers/dni.md, sections 2.3 and 5): dropped updates, warm-up, factors, unlocked inputs,
penalties, measures.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dni_problem import (
    BATCH,
    CLASSES,
    SEED,
    backpropagation,
    batch,
    changed,
    loss,
    model,
    modules,
    synthesiser,
    values,
    weights,
)

from igr_suite.decoupling.model import MEASURES, DecoupledModel

RATE = 0.375  # exact in the float32 that Keras keeps it in


def test_updates_that_are_dropped_leave_everything_as_it_was():
    """Oracle 8, p = 0 and p = 1."""
    x, y = batch()
    adam = keras.optimizers.Adam(0.01)
    never = model(4, synthesiser(zero=False), adam, p_update=0.0)
    before = [np.array(v.numpy()) for v in never.state_variables()[:-1]]  # the last one counts the steps
    update = tf.function(never.update)
    for _ in range(3):
        update(x, y, SEED)
    assert not changed(before, [np.array(v.numpy()) for v in never.state_variables()[:-1]])
    always = model(4, synthesiser(zero=False), adam, p_update=1.0 - 1e-9)  # masked, with a mask of ones in float32
    dense = model(4, synthesiser(zero=False), adam)
    for decoupled in (always, dense):
        update = tf.function(decoupled.update)
        for _ in range(3):
            update(x, y, SEED)
    for ours, theirs in zip(always.state_variables(), dense.state_variables(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_each_group_is_updated_with_its_probability_and_apart_from_the_others():
    """Oracle 8: 300 steps; 4 standard deviations, 4 counts and 3 pairs: false alarm below 5e-4, detects a probability
    off by .17 (99%)."""
    p, steps, (x, y) = 0.3, 300, batch()
    decoupled = model(4, synthesiser(zero=False), keras.optimizers.SGD(1e-3), p_update=p)
    step = tf.function(lambda i: decoupled.update(x, y, tf.stack([i, 77]))[0]["loss"])
    counts = np.zeros((steps, 7), int)
    for i in range(steps):
        step(tf.constant(i))
        counts[i] = [int(o.iterations.numpy()) for o in [*decoupled.optimisers, *decoupled.synthesiser_optimisers]]
    done = np.diff(counts, axis=0, prepend=0)
    assert np.all(np.abs(done[:, :4].sum(0) - steps * p) < 4 * np.sqrt(steps * p * (1 - p))), done.sum(0)
    np.testing.assert_array_equal(done[:, 1:4], done[:, 4:])  # f_i goes with the synthesiser below it
    for i in range(3):
        both = np.sum(done[:, i] * done[:, i + 1])
        assert abs(both - steps * p**2) < 4 * np.sqrt(steps * p**2 * (1 - p**2))


def test_warm_up_trains_synthesisers_without_using_them():
    x, y = batch()
    gradients, _ = backpropagation(modules(3), x, y)
    warm = model(3, synthesiser(zero=False), warmup_steps=1)
    held = model(3, synthesiser(zero=False), warmup_steps=1, warmup="hold")
    start = [weights(network) for network in warm.networks()]
    for decoupled in (warm, held):
        decoupled.update(x, y, SEED)
    for part, old, wanted in zip(warm.parts, start, gradients):
        for new, w, g in zip(weights(part), old, wanted):
            np.testing.assert_allclose(w - new, g, rtol=1e-10, atol=1e-14)
    assert [changed(weights(n), old) for n, old in zip(held.networks(), start)] == [False, False, True, True, True]
    held.update(x, y, SEED)
    assert all(changed(weights(n), old) for n, old in zip(held.networks(), start))


def test_factors_of_the_synthetic_gradient():
    """sg_use_factor multiplies what f_1 gets, sg_weight what M learns from."""
    x, y = batch()
    runs = {
        name: model(2, synthesiser(zero=False), **{name: 0.25} if name else {})
        for name in ("", "sg_use_factor", "sg_weight")
    }
    start = {name: [weights(network) for network in decoupled.networks()] for name, decoupled in runs.items()}
    for decoupled in runs.values():
        decoupled.update(x, y, SEED)
    moved = {
        name: [
            [a - b for a, b in zip(weights(network), old)] for network, old in zip(decoupled.networks(), start[name])
        ]
        for name, decoupled in runs.items()
    }
    for name, number in (("sg_use_factor", 0), ("sg_weight", 2)):
        for i in range(3):
            for ours, plain in zip(moved[name][i], moved[""][i]):
                np.testing.assert_allclose(ours, plain * (0.25 if i == number else 1.0), rtol=1e-9, atol=1e-13)


def test_synthetic_inputs_unlock_the_forward_pass():
    """f_(i+1) and M_i see I_i(x) in training, which learns h_i; the loss is that of the unlocked chain; inference sees
    neither."""
    x, y = batch()
    decoupled = model(3, synthesiser(zero=False), synthetic_inputs=synthesiser((7,), zero=False, seed=40), labels=True)
    seen = tf.concat([x, tf.one_hot(y, CLASSES, dtype=tf.float64)], -1)
    guesses = [network(seen) for network in decoupled.input_models]
    hidden = [decoupled.parts[0](x, training=True), decoupled.parts[1](guesses[0], training=True)]
    wanted = float(loss(y, decoupled.parts[2](guesses[1])))
    before, errors = [weights(network) for network in decoupled.input_models], []
    for network, h in zip(decoupled.input_models, hidden):
        with tf.GradientTape() as tape:
            error = tf.reduce_mean(tf.square(network(seen) - h))
        errors.append(tape.gradient(error, [v.value for v in network.trainable_variables]))
    inference = decoupled(x).numpy()
    scalars, _ = decoupled.update(x, y, SEED)
    assert float(scalars["loss"]) == pytest.approx(wanted, rel=1e-12)
    for network, old, gradients in zip(decoupled.input_models, before, errors):
        for new, w, g in zip(weights(network), old, gradients):
            np.testing.assert_allclose(w - new, g, rtol=1e-9, atol=1e-13)
    assert inference.shape == (BATCH, CLASSES)


def test_regularisers_of_layers_and_penalties_count():
    x, y = batch()
    plain, penalised = model(3), model(3, l2=0.5, l1=0.1)
    start = [weights(part) for part in plain.parts]
    for decoupled in (plain, penalised):
        decoupled.update(x, y, SEED)
    for a, b, old in zip(plain.parts, penalised.parts, start):
        for first, second, w in zip(weights(a), weights(b), old):
            np.testing.assert_allclose(first - second, 0.5 * w + 0.1 * np.sign(w), rtol=1e-9, atol=1e-13)


def test_an_audit_compares_with_back_propagation_and_changes_nothing():
    x, y = batch()
    _, inner = backpropagation(modules(4), x, y)
    decoupled = model(4, synthesiser(zero=False))
    before = [np.array(v.numpy()) for v in decoupled.state_variables()]
    hidden, audit = x, decoupled.audit(x, y)
    for i, true in enumerate(inner):
        hidden = decoupled.parts[i](hidden, training=True)
        predicted = decoupled.synthesisers[i](hidden).numpy() / BATCH
        cosine = np.sum(predicted * true) / np.linalg.norm(predicted) / np.linalg.norm(true)
        assert float(audit[f"audit_cosine_{i + 1}"]) == pytest.approx(cosine, rel=1e-9)
        assert float(audit[f"audit_scale_{i + 1}"]) == pytest.approx(
            np.linalg.norm(predicted) / np.linalg.norm(true), rel=1e-9
        )
        assert float(audit[f"audit_sign_{i + 1}"]) == pytest.approx(np.mean(np.sign(predicted) == np.sign(true)))
        error = np.sum((predicted - true) ** 2) / np.sum(true**2)
        assert float(audit[f"audit_relative_error_{i + 1}"]) == pytest.approx(error, rel=1e-9)
    again = model(4, synthesiser(zero=False))
    again.audit(x, y)
    assert not changed(before, [np.array(v.numpy()) for v in again.state_variables()])


def test_without_synthesisers_only_the_uppermost_module_learns():
    x, y = batch()
    decoupled = DecoupledModel(modules(3))
    decoupled.compile(keras.optimizers.SGD(1.0), jit_compile=False)
    start, everything = ([read(part) for part in decoupled.parts] for read in (weights, values))
    decoupled.update(x, y, SEED)
    assert [changed(weights(part), old) for part, old in zip(decoupled.parts, start)] == [False, False, True]
    assert all(changed(values(part), old) for part, old in zip(decoupled.parts, everything)), (
        "moving averages follow the data"
    )


@pytest.mark.parametrize("measured", [True, False])
def test_measuring_changes_no_update(measured):
    x, y = batch()
    results = []
    for measure in (None, tf.constant(measured)):
        decoupled = model(3, synthesiser(zero=False), keras.optimizers.SGD(RATE))
        results.append(
            (decoupled.update(x, y, SEED, measure)[0], [np.array(v.numpy()) for v in decoupled.state_variables()])
        )
    (plain, after), (chosen, also) = results
    assert not changed(after, also)
    for i in (1, 2):
        for name in MEASURES:
            assert float(plain[f"{name}_{i}"]) != 0
            assert float(chosen[f"{name}_{i}"]) == pytest.approx(float(plain[f"{name}_{i}"]) * measured, rel=1e-12)
