"""An LSTM on the copy task, whose windows of truncated back-propagation may be joined by synthetic gradients."""

import math

import keras
import tensorflow as tf

from igr_suite.decoupling.passes import agreement, forward, keep_state
from igr_suite.decoupling.synthetic_gradient import mlp
from igr_suite.families.dni.copy_rnn_config import CopyTaskConfig, TrainCopyRNN
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.adam import FusedAdam

EPISODES_AVERAGED = 0.9  # decay of the running mean that decides whether the next length is greater


class CopyRNN(keras.Model):
    """The state s_t = (h_t, c_t) is carried from window to window; a window of T steps learns from

        dL_w/dw + (ds_T/dw)^T d_T,   d_T = 0 (bptt, and where the episode ends),  d_T = factor M(s_T) (dni)
        M learns   |M(s_0) - (dL_w/ds_0 + (ds_T/ds_0)^T d_T)|^2

    L_w is the cross-entropy of the window's target bits, averaged over batch and bits of a step, summed over steps.
    Episodes begin with s = 0; all rows of a batch have the same length.

    Args:
      config: of the run.
    Source: Jaderberg et al. (2017), section 3.2; docs/papers/dni.md, section 2.3.
    """

    scalars = ("bits", "length", "cosine")
    jit_steps = True  # measured: unrolled steps are many tiny operations (docs/performance.md)

    def __init__(self, config: TrainCopyRNN):
        require_plain_keras()
        super().__init__(name="copy_rnn")
        self.config, self.task, batch, units = config, config.task, config.batch_size, config.model.units
        seed = 1000 * config.seed
        self.cell = keras.layers.LSTMCell(
            units,
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seed + 1),
        )
        self.reader = keras.layers.Dense(
            config.task.bits, kernel_initializer=keras.initializers.GlorotUniform(seed + 2)
        )
        self.cell.build((None, config.task.bits + 1))
        self.reader.build((None, units))
        self.trained = [*self.cell.trainable_variables, *self.reader.trainable_variables]
        self.optimiser = FusedAdam(config.learning_rate, epsilon=1e-8)
        self.optimiser.build(self.trained)
        self.synthesiser, self.synthesiser_optimiser = None, None
        if config.model.method == "dni":
            self.synthesiser = mlp(config.model.sg_hidden, batch_norm=False, seed=seed + 10)((2 * units,), (2 * units,))
            self.synthesiser.build((None, 2 * units))
            self.synthesiser_optimiser = FusedAdam(config.learning_rate, epsilon=1e-8)
            self.synthesiser_optimiser.build(self.synthesiser.trainable_variables)
        self.carried = self.add_weight(shape=(batch, 2 * units), initializer="zeros", trainable=False, name="carried")
        whole, real = {"dtype": "int32", "initializer": "zeros"}, {"initializer": "zeros"}
        self.position, self.episode, self.length = (
            self.add_weight(shape=(), trainable=False, name=name, **whole) for name in ("position", "episode", "length")
        )
        self.episode_loss, self.running = (
            self.add_weight(shape=(), trainable=False, name=name, **real) for name in ("loss", "running")
        )
        self.length.assign(1)
        self.running.assign(1.0)
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        optimisers = [self.optimiser, *([self.synthesiser_optimiser] if self.synthesiser else [])]
        own = [self.carried, self.position, self.episode, self.length, self.episode_loss, self.running]
        networks = [*self.trained, *(self.synthesiser.variables if self.synthesiser else [])]
        return [*networks, *(v for o in optimisers for v in o.variables), *own]

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One window.

        Args:
          batch: not read, since the sequences are drawn.
          seed: not read: an episode's bits follow from its number, because it may span several calls.
        Returns:
          "bits": cross-entropy of a target bit, running mean over episodes; "length": N of the episode; "cosine": of
            predicted and target gradient.
        """
        del batch, seed
        begin, length = self.position.value, self.length.value
        last = begin + self.config.model.window >= 2 * length + 1
        episode_seed = at_step(run_seed(self.config.seed, "copy"), self.episode.value)
        times = begin + tf.range(self.config.model.window)
        inputs, targets, counted = window_of(self.task, self.config.batch_size, times, length, episode_seed)
        weights = [v.value for v in self.trained]
        start = tf.convert_to_tensor(self.carried.value)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*weights, start])
            loss, end = self.run_window(start, inputs, targets, counted)
        arriving = tf.zeros_like(end)
        if self.synthesiser:
            used = self.config.model.sg_use_factor / self.config.batch_size * forward(self.synthesiser, end).outputs
            arriving = tf.where(last, arriving, used)
        *gradients, at_start = tape.gradient(
            [loss, end], [*weights, start], output_gradients=[tf.ones_like(loss), arriving]
        )
        cosine = self._learn_gradient(start, at_start) if self.synthesiser else tf.zeros(())
        self.optimiser.apply(gradients, self.trained)
        self._advance(last, loss, end)
        return {"bits": self.running.value + 0.0, "length": tf.cast(length, tf.float32), "cosine": cosine}

    def run_window(
        self, start: tf.Tensor, inputs: tf.Tensor, targets: tf.Tensor, counted: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The window's loss and its last state.

        Args:
          start: [B, 2 units].
          inputs: [T, B, bits + 1].
          targets: [T, B, bits].
          counted: [T], 1 at steps that have a target.
        Returns:
          Scalar, [B, 2 units].
        """
        state, loss = tf.split(start, 2, -1), 0.0
        for t in range(inputs.shape[0]):
            output, state = self.cell(inputs[t], state)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets[t], self.reader(output))
            loss += counted[t] * tf.reduce_mean(losses)
        return loss, tf.concat(state, -1)

    def _learn_gradient(self, start: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        """A step of the synthesiser at the window's first state; returns the cosine of prediction and target."""
        done, target = forward(self.synthesiser, start), gradient * self.config.batch_size
        error = 2.0 / tf.cast(tf.size(target), tf.float32) * (done.outputs - target)
        self.synthesiser_optimiser.apply(done.vjp(error, to_inputs=False)[0], self.synthesiser.trainable_variables)
        keep_state(self.synthesiser, done)
        return agreement(done.outputs, target)["cosine"]

    def _advance(self, last: tf.Tensor, loss: tf.Tensor, end: tf.Tensor) -> None:
        """Continues the episode, or ends it and begins another, which is longer where the running mean is below the
        threshold."""
        length = self.length.value
        total = self.episode_loss.value + loss
        bits = total / (tf.cast(length, tf.float32) * math.log(2.0))
        running = tf.where(
            last, EPISODES_AVERAGED * self.running.value + (1.0 - EPISODES_AVERAGED) * bits, self.running.value
        )
        longer = last & (running < self.task.threshold) & (length < self.task.longest)
        self.carried.assign(tf.where(last, tf.zeros_like(end), end))
        self.position.assign(tf.where(last, 0, self.position.value + self.config.model.window))
        self.episode.assign_add(tf.cast(last, tf.int32))
        self.episode_loss.assign(tf.where(last, 0.0, total))
        self.length.assign(length + tf.cast(longer, tf.int32))
        self.running.assign(tf.where(longer, 1.0, running))  # at a new length from 1 bit, the value of a random guess


def window_of(task: CopyTaskConfig, batch: int, times: tf.Tensor, length: tf.Tensor, seed: tf.Tensor):
    """Inputs and targets of some time steps of an episode.

    Steps 0 ... N - 1 show the bits, step N the delimiter, steps N + 1 ... 2 N ask for the bits in the same order.

    Args:
      task: sizes.
      batch: B.
      times: int32 [T], steps of the episode.
      length: N, int32 scalar.
      seed: int32 [2] of the episode.
    Returns:
      inputs [T, B, bits + 1], whose last bit is the delimiter, targets [T, B, bits], counted [T], 1 at steps that have
        a target.
    """
    bits = tf.cast(tf.random.stateless_uniform([task.longest, batch, task.bits], seed, alg="philox") < 0.5, tf.float32)
    shown, asked = times < length, (times > length) & (times <= 2 * length)
    flags = tf.cast(tf.stack([shown, times == length, asked]), tf.float32)[:, :, tf.newaxis, tf.newaxis]
    given = tf.gather(bits, tf.clip_by_value(times, 0, task.longest - 1)) * flags[0]
    delimiter = tf.broadcast_to(flags[1], [*given.shape[:2], 1])
    targets = tf.gather(bits, tf.clip_by_value(times - length - 1, 0, task.longest - 1))
    return tf.concat([given, delimiter], -1), targets, flags[2, :, 0, 0]
