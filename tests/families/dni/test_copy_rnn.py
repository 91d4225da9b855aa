"""The copy task and the joints between its windows."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.families.dni.copy_rnn import CopyRNN, window_of
from igr_suite.families.dni.copy_rnn_config import CopyRNNConfig, CopyTaskConfig, TrainCopyRNN
from igr_suite.randomness import at_step, run_seed

TASK = CopyTaskConfig(bits=2, longest=6)
SEED = tf.constant([1, 2], tf.int32)


def a_model(method: str = "dni", window: int = 3, **options) -> CopyRNN:
    model = CopyRNNConfig(
        units=4, window=window, method=method, **({"sg_hidden": (5,)} | options if method == "dni" else {})
    )
    return CopyRNN(TrainCopyRNN(model=model, task=TASK, batch_size=3, learning_rate=0.01))


def test_an_episode_shows_bits_a_delimiter_and_asks_for_the_bits():
    length = 4
    inputs, targets, counted = (a.numpy() for a in window_of(TASK, 3, tf.range(12), tf.constant(length), SEED))
    shown = inputs[:length, :, :2]
    assert set(np.unique(shown)) == {0.0, 1.0}
    assert not inputs[length:, :, :2].any() and inputs[length, :, 2].all() and inputs[:, :, 2].sum() == 3
    np.testing.assert_array_equal(counted, [0] * 5 + [1] * 4 + [0] * 3)
    np.testing.assert_array_equal(targets[length + 1 : 2 * length + 1], shown)
    later = window_of(TASK, 3, tf.range(5, 8), tf.constant(length), SEED)
    np.testing.assert_array_equal(later[1], targets[5:8], "windows of one episode see the same bits")


def test_a_window_learns_from_the_arriving_gradient():
    """BPTT over two windows equals a window whose arriving gradient is the true one of the next: the joint is the chain
    rule."""
    model = a_model("bptt")
    length, times = tf.constant(2), tf.range(6)
    inputs, targets, counted = window_of(TASK, 3, times, length, SEED)
    weights = [v.value for v in model.trained]
    start = tf.zeros((3, 8))
    with tf.GradientTape(persistent=True) as tape:
        first, middle = model.run_window(start, inputs[:3], targets[:3], counted[:3])
        carried = tf.identity(middle)
        second, _ = model.run_window(carried, inputs[3:], targets[3:], counted[3:])
        total = first + second
    whole = tape.gradient(total, weights)
    arriving = tape.gradient(second, carried)
    joined = tape.gradient([first, middle], weights, output_gradients=[tf.ones(()), arriving])
    with tf.GradientTape() as own:
        alone, _ = model.run_window(tf.stop_gradient(middle), inputs[3:], targets[3:], counted[3:])
    for w, a, b in zip(whole, joined, own.gradient(alone, weights)):
        np.testing.assert_allclose(w, a + b, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["bptt", "dni"])
def test_an_episode_ends_and_the_length_grows_when_it_is_mastered(method):
    model = a_model(method)
    step = tf.function(lambda: model.train_step(None, None))
    assert int(model.length.numpy()) == 1
    step()  # 2 * 1 + 1 = 3 steps: one window is an episode
    assert (int(model.position.numpy()), int(model.episode.numpy())) == (0, 1)
    assert not model.carried.numpy().any()
    model.running.assign(0.1)
    model.length.assign(2)
    step()
    assert (int(model.position.numpy()), int(model.length.numpy())) == (3, 2) and model.carried.numpy().any()
    step()
    assert int(model.position.numpy()) == 0 and int(model.episode.numpy()) == 2
    model.running.assign(0.0)
    model.length.assign(3)
    for _ in range(3):  # 7 steps
        scalars = step()
    assert int(model.length.numpy()) == 4, "the running mean is .1 of about a bit: below .15"
    assert float(scalars["bits"]) == 1.0, "a longer one begins from a coin's bit"


def test_synthetic_gradients_reach_the_weights_but_not_at_an_episodes_end():
    """With a synthesiser that predicts large gradients, the first of two windows moves the LSTM otherwise than BPTT,
    the last alike."""
    for length, differs in ((1, False), (3, True)):
        moved = {}
        for method in ("bptt", "dni"):
            model = a_model(method)
            model.length.assign(length)
            if method == "dni":
                last = model.synthesiser.layers[-1]
                last.bias.assign(10.0 * tf.ones_like(last.bias.value))
            before = [v.numpy().copy() for v in model.trained]
            model.train_step(None, None)
            moved[method] = np.concatenate([(v.numpy() - b).ravel() for v, b in zip(model.trained, before)])
        assert (np.max(np.abs(moved["dni"] - moved["bptt"])) > 1e-4) == differs


def test_the_synthesiser_learns_the_gradient_at_the_windows_beginning():
    model = a_model("dni", sg_use_factor=1.0)
    model.length.assign(3)
    model.train_step(None, None)
    start = model.carried.numpy()
    last = model.synthesiser.layers[-1]
    inputs, targets, counted = window_of(
        TASK, 3, tf.range(3, 6), tf.constant(3), at_step(run_seed(model.config.seed, "copy"), model.episode.value)
    )
    with tf.GradientTape() as tape:
        s = tf.constant(start)
        tape.watch(s)
        loss, end = model.run_window(s, inputs, targets, counted)
        arriving = model.synthesiser(end) / 3.0
        total = loss + tf.reduce_sum(tf.stop_gradient(arriving) * end)
    wanted = 3.0 * tape.gradient(total, s).numpy()
    predicted = model.synthesiser(start).numpy()
    gradient = 2.0 / wanted.size * np.sum(predicted - wanted, 0)
    before = last.bias.numpy().copy()
    averages = model.synthesiser_optimiser._momentums[-1].numpy().copy()
    model.train_step(None, None)
    assert not np.array_equal(before, last.bias.numpy())
    np.testing.assert_allclose(
        model.synthesiser_optimiser._momentums[-1].numpy() - 0.9 * averages, 0.1 * gradient, rtol=1e-3, atol=1e-7
    )
