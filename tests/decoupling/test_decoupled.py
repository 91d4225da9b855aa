"""Oracles of decoupled training (docs/papers/dni.md, section 5, numbers 1-8)."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dni_problem import (
    BATCH,
    CLASSES,
    SEED,
    WIDTH,
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

from igr_suite.decoupling.model import DecoupledModel
from igr_suite.decoupling.passes import forward
from igr_suite.decoupling.synthetic_gradient import with_context

RATE = 0.375  # exact in the float32 that Keras keeps it in


def prescribed(gradients):
    """Factories of synthesisers that return given arrays whatever they see."""

    class Fixed(keras.layers.Layer):
        def __init__(self, array):
            super().__init__(dtype="float64")
            self.array = self.add_weight(shape=array.shape, initializer="zeros", trainable=False)
            self.array.assign(array)

        def call(self, inputs):
            return self.array + 0.0 * tf.reduce_sum(inputs)

        def compute_output_shape(self, input_shape):
            return (None, *self.array.shape[1:])

    return [lambda inputs, outputs, g=g: Fixed(g) for g in gradients]


@pytest.mark.parametrize("depth", [2, 3, 6])
@pytest.mark.parametrize("scale", ["example", "batch"])
def test_perfect_synthetic_gradients_are_back_propagation(depth, scale):
    """Oracle 1, with batch normalisation in training mode; the moving averages are those of one pass."""
    x, y = batch()
    reference = modules(depth)
    gradients, inner = backpropagation(reference, x, y)
    decoupled = DecoupledModel(
        modules(depth), prescribed([g * (BATCH if scale == "example" else 1) for g in inner]), sg_scale=scale
    )
    decoupled.compile(keras.optimizers.SGD(RATE), jit_compile=False)
    before = [weights(part) for part in decoupled.parts]
    scalars, outputs = decoupled.update(x, y, SEED)
    for part, old, wanted in zip(decoupled.parts, before, gradients):
        for new, w, g in zip(weights(part), old, wanted, strict=True):
            np.testing.assert_allclose(w - new, RATE * g, rtol=1e-10, atol=1e-14)
    for i in range(1, depth):
        assert float(scalars[f"cosine_{i}"]) == pytest.approx(1.0, abs=1e-12)
    hidden = x
    for part in reference:
        hidden = part(hidden, training=True)
    np.testing.assert_allclose(outputs, hidden, rtol=1e-12)
    for part, other in zip(decoupled.parts, reference):
        for ours, theirs in zip(part.non_trainable_variables, other.non_trainable_variables):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_bp_lambda_1_is_back_propagation_and_0_is_bootstrapping():
    """Oracle 2, whatever the synthesisers predict."""
    x, y = batch()
    gradients, _ = backpropagation(modules(4), x, y)
    full = model(4, synthesiser(zero=False), target="lambda", bp_lambda=1.0)
    before = [weights(part) for part in full.parts]
    full.update(x, y, SEED)
    for part, old, wanted in zip(full.parts, before, gradients):
        for new, w, g in zip(weights(part), old, wanted, strict=True):
            np.testing.assert_allclose(w - new, g, rtol=1e-10, atol=1e-14)
    none, boot = (
        model(4, synthesiser(zero=False), target="lambda", bp_lambda=0.0),
        model(4, synthesiser(zero=False)),
    )
    for one in (none, boot):
        one.update(x, y, SEED)
    for ours, theirs in zip(none.networks(), boot.networks(), strict=True):
        for a, b in zip(weights(ours), weights(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("optimiser", [keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.01)], ids=["sgd", "adam"])
@pytest.mark.parametrize("hidden", [pytest.param((), marks=pytest.mark.sweep), (7,)], ids=["linear", "one hidden"])
def test_zero_initialised_synthesisers_let_learning_begin_at_the_top(optimiser, hidden):
    """Oracle 3: f_i first changes at step D - i + 1, M_i at step D - i; a deep M changes in its last layer first."""
    depth, (x, y) = 5, batch()
    decoupled = model(depth, synthesiser(hidden), optimiser, target="bootstrap")
    update = tf.function(decoupled.update)
    start = [values(network) for network in decoupled.networks()]
    modules_at, synthesisers_at, first_layers_at = {}, {}, {}
    for step in range(1, depth + 1):
        update(x, y, SEED)
        for i, (part, old) in enumerate(zip(decoupled.parts, start), start=1):
            if changed(weights(part), weights_of(part, old)):
                modules_at.setdefault(i, step)
            if step == 1 and i < depth:
                now = [np.array(v.numpy()) for v in part.non_trainable_variables]
                assert changed(state(part, old), now), "moving averages move at once"
        for i, (network, old) in enumerate(zip(decoupled.synthesisers, start[depth:]), start=1):
            if changed(values(network)[-2:], old[-2:]):
                synthesisers_at.setdefault(i, step)
            if changed(values(network)[:-2], old[:-2]):
                first_layers_at.setdefault(i, step)
    assert modules_at == {i: depth - i + 1 for i in range(1, depth + 1)}
    assert synthesisers_at == {i: depth - i for i in range(1, depth)}
    if hidden:
        assert first_layers_at == {i: depth - i + 1 for i in range(1, depth)}


def weights_of(part, arrays):
    return [array for variable, array in zip(part.variables, arrays) if variable.trainable]


def state(part, arrays):
    return [array for variable, array in zip(part.variables, arrays) if not variable.trainable]


def test_true_targets_reach_every_synthesiser_at_once():
    x, y = batch()
    decoupled = model(5, target="true")
    start = [weights(network) for network in decoupled.networks()]
    decoupled.update(x, y, SEED)
    moved = [changed(weights(network), old) for network, old in zip(decoupled.networks(), start)]
    assert moved == [False] * 4 + [True] + [True] * 4, "all M and the uppermost f"
    decoupled.update(x, y, SEED)
    assert all(changed(weights(network), old) for network, old in zip(decoupled.networks(), start))


@pytest.mark.parametrize("depth", [3, 4])
def test_one_step_equals_the_sequence_of_2d_minus_1_updates(depth):
    """Oracle 4: the reference below goes through the modules in order and steps each network as soon as it can."""
    optimiser, sg_optimiser = keras.optimizers.Adam(0.02), keras.optimizers.Adam(0.05)
    together = model(depth, synthesiser((7,), zero=False), optimiser, sg_optimiser, labels=True, sg_scale="batch")
    apart = model(depth, synthesiser((7,), zero=False), optimiser, sg_optimiser, labels=True, sg_scale="batch")
    update = tf.function(together.update)
    for step in range(3):
        x, y = batch(step)
        update(x, y, SEED)
        updates = sequentially(apart, x, y)
        assert updates == 2 * depth - 1
        for ours, theirs in zip(together.networks(), apart.networks(), strict=True):
            for a, b in zip(values(ours), values(theirs), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def sequentially(decoupled, x, y) -> int:
    """The schedule of docs/papers/dni.md, section 2.2, in eager code of its own; returns the number of updates."""
    layer_inputs, context, waiting, updates = x, tf.one_hot(y, CLASSES, dtype=tf.float64), None, 0
    for i, part in enumerate(decoupled.parts):
        top = i == len(decoupled.parts) - 1
        with tf.GradientTape() as tape:
            tape.watch(layer_inputs)
            leaving = part(layer_inputs, training=True)
            if top:
                surrogate = loss(y, leaving)
            else:
                seen = tf.concat([tf.stop_gradient(leaving), context], -1)
                with tf.GradientTape() as sg_tape:
                    predicted = decoupled.synthesisers[i](seen, training=True)
                surrogate = tf.reduce_sum(tf.stop_gradient(predicted) * leaving)
        *gradients, below = tape.gradient(surrogate, [*(v.value for v in part.trainable_variables), layer_inputs])
        decoupled.optimisers[i].apply(gradients, part.trainable_variables)
        updates += 1
        if waiting is not None:
            network, old_tape, old_prediction, optimiser = waiting
            with old_tape:
                error = tf.reduce_mean(tf.square(old_prediction - tf.stop_gradient(below)))
            own = old_tape.gradient(error, [v.value for v in network.trainable_variables])
            optimiser.apply(own, network.trainable_variables)
            updates += 1
        if not top:
            waiting = (decoupled.synthesisers[i], sg_tape, predicted, decoupled.synthesiser_optimisers[i])
            layer_inputs = tf.stop_gradient(leaving)
    return updates


def test_no_gradient_crosses_an_interface():
    """Oracle 5: passes of f_i and M_i are constants for all other networks' weights."""
    x, y = batch()
    decoupled = model(3, synthesiser((7,), zero=False), labels=True)
    with tf.GradientTape(persistent=True) as tape:
        passes = decoupled.forward_passes(x)
        context = decoupled.context_of(x, y)
        predictions = [
            forward(m, with_context(above.inputs, context)) for m, above in zip(decoupled.synthesisers, passes[1:])
        ]
    networks = [*decoupled.parts, *decoupled.synthesisers]
    for i, done in enumerate([*passes, *predictions]):
        for j, network in enumerate(networks):
            found = tape.gradient(done.outputs, [v.value for v in network.trainable_variables])
            assert all(g is None for g in found) == (i != j), (i, j)


def test_labels_matter_in_training_and_never_at_inference():
    """Oracle 5, second half."""
    x, y = batch()
    one, other = (model(3, synthesiser(zero=False), labels=True) for _ in range(2))
    inference = one(x).numpy()
    np.testing.assert_array_equal(one.predict(x.numpy(), verbose=0), inference)
    one.update(x, y, SEED)
    other.update(x, (y + 1) % CLASSES, SEED)
    assert changed(weights(one.parts[0]), weights(other.parts[0]))


def test_a_linear_synthesiser_is_exact_for_squared_error_under_a_linear_head():
    """Oracle 6: A = W W^T / N, C = -W^T / N, bias b W^T / N; it is found by fitting, and h alone gets the regression on
    h."""
    rng = np.random.default_rng(0)
    x, y = tf.constant(rng.normal(size=(BATCH * 10, WIDTH))), tf.constant(rng.normal(size=(BATCH * 10, CLASSES)))
    body, head = modules(2, batch_norm=False)
    body = keras.Sequential(
        [keras.Input((WIDTH,), dtype="float64"), keras.layers.Activation("linear", dtype="float64")]
    )

    def half_square(y, out):
        return 0.5 * tf.reduce_sum(tf.square(out - y), -1)

    def built(context):
        found = DecoupledModel([body, head], synthesiser(), context=context)
        found.compile(
            keras.optimizers.SGD(0.0), half_square, synthesiser_optimizer=keras.optimizers.SGD(1.5), jit_compile=False
        )
        return found

    w, b = weights(head)
    conditional = built(lambda x, y: tf.cast(y, tf.float64) if len(y.shape) == 2 else tf.zeros((1, CLASSES)))
    exact = [np.concatenate([w @ w.T, -w.T], axis=0), b @ w.T]  # times N, by which the default scale divides
    for variable, array in zip(conditional.synthesisers[0].trainable_variables, exact):
        variable.assign(array)
    assert conditional.audit(x, y)["audit_relative_error_1"] < 1e-20
    for variable in conditional.synthesisers[0].trainable_variables:
        variable.assign(tf.zeros_like(variable.value))
    plain = built(None)
    for one in (conditional, plain):
        step = tf.function(one.update)
        for _ in range(400):
            step(x, y, SEED)
    for variable, array in zip(conditional.synthesisers[0].trainable_variables, exact):
        np.testing.assert_allclose(variable, array, atol=1e-4)
    target = (x @ w + b - y) @ w.T
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    regression = np.linalg.lstsq(design, target.numpy(), rcond=None)[0]
    np.testing.assert_allclose(plain.synthesisers[0].trainable_variables[0], regression[:-1], atol=1e-4)
    np.testing.assert_allclose(plain.synthesisers[0].trainable_variables[1], regression[-1], atol=1e-4)


def test_scales_differ_by_the_batch_size_only():
    """Oracle 7: M for examples and M / N for the batch move the modules equally."""
    x, y = batch()
    example, by_batch = (model(3, synthesiser(zero=False), sg_scale=scale) for scale in ("example", "batch"))
    for network in by_batch.synthesisers:
        for variable in network.trainable_variables:
            variable.assign(variable.value / BATCH)
    found = [one.update(x, y, SEED)[0] for one in (example, by_batch)]
    for ours, theirs in zip(example.parts, by_batch.parts):
        for a, b in zip(weights(ours), weights(theirs)):
            np.testing.assert_allclose(a, b, rtol=1e-12)
    for i in (1, 2):
        assert float(found[0][f"cosine_{i}"]) == pytest.approx(float(found[1][f"cosine_{i}"]), abs=1e-12)
        assert float(found[0][f"sg_loss_{i}"]) == pytest.approx(float(found[1][f"sg_loss_{i}"]) * BATCH**2, rel=1e-10)
