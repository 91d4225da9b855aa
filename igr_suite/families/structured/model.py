"""Structured output prediction: the lower half of an image from the upper one, through layers of binary units."""

import math

import keras
import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.data.halves import HALF_PIXELS
from igr_suite.families.structured.config import StructuredModelConfig, StructuredOptimiserConfig
from igr_suite.families.structured.stochastic_binary import StochasticBinary, unit_noise
from igr_suite.networks.image_networks import computing_in, dense_stack
from igr_suite.networks.likelihoods import bernoulli_log_likelihood
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.adam import FusedAdam
from igr_suite.training.schedules import FlooredInverseTime

# samples of an evaluation that are computed at once for 500 images; 100 of them would take 100 MB an array
SAMPLES_A_CHUNK = 10


class StructuredOutput(keras.Model):
    """p(lower | upper) = E_z[p(lower | z_L)], z_1 from the upper half, z_(l+1) from z_l, each a layer of binary units.

        loss = -mean_b log (1/S) sum_s p(lower_b | z_bs)

    Args:
      config: distribution of the units, architecture.
      optimiser: settings and schedule of Adam.
      samples: number S of samples in a training step.
      evaluation_samples: number S of samples in `eval_step`.
      matmul_precision: "float32", or "bfloat16" for the networks in training steps only.
      seed: seed of the initial weights.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), structured output experiment; docs/papers/igr.md, section 4.
    """

    scalars = ("loss",)
    # measured on one thread: a step with S=50 takes 45 (GS), 57 (IGR_I), 73 ms (IGR_Planar); 56, 60 and 77 under XLA
    jit_steps = False

    def __init__(
        self,
        config: StructuredModelConfig,
        *,
        optimiser: StructuredOptimiserConfig,
        samples: int = 1,
        evaluation_samples: int = 100,
        matmul_precision: str = "float32",
        seed: int = 0,
    ):
        require_plain_keras()
        super().__init__(name="structured_output")
        self.config, self.matmul_precision = config, matmul_precision
        self.samples, self.evaluation_samples = samples, evaluation_samples
        count = config.shape.stochastic_layers
        self.binary = [
            StochasticBinary(config, at_step(run_seed(seed, "flow"), tf.constant(i)), f"binary_{i}")
            for i in range(count)
        ]
        hidden = (config.units,) if config.shape.hidden else ()
        inputs = [HALF_PIXELS, *[config.units] * count]
        outputs = [*(layer.parameters for layer in self.binary), HALF_PIXELS]
        self.mappings = [
            dense_stack(hidden, size, 1000 * seed + 100 * i, f"mapping_{i}", "tanh") for i, size in enumerate(outputs)
        ]
        for mapping, size in zip(self.mappings, inputs):
            mapping.build((None, size))
        rate = optimiser.learning_rate
        if optimiser.decay is not None:
            rate = FlooredInverseTime(rate, optimiser.decay, optimiser.least_learning_rate)
        self.optimiser = FusedAdam(rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        self.trained = [v for part in (*self.mappings, *self.binary) for v in part.trainable_variables]
        self.optimiser.build(self.trained)
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return [*self.trained, *self.optimiser.variables]

    def halves(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The upper and the lower half [B, 392] in {0, 1} of images uint8 [B, 784]."""
        return tuple(tf.split(to_unit_interval(batch, "static"), 2, axis=-1))

    def logits(self, upper: tf.Tensor, samples: int, seed: tf.Tensor, rounded: bool = False) -> tf.Tensor:
        """Logits of the lower half's pixels; the first mapping is computed once for all samples.

        Args:
          upper: [B, 392] in {0, 1}.
          samples: number S of samples.
          seed: int32 [2].
          rounded: whether units are rounded.
        Returns:
          [S, B, 392].
        """
        batch = upper.shape[0] or tf.shape(upper)[0]
        # One draw for all layers: seeds derived for layers could equal those derived for steps or chunks of samples.
        noise = tf.unstack(unit_noise(self.config, [len(self.binary), samples, batch, self.config.units], seed))
        parameters = tf.cast(self.mappings[0](upper), upper.dtype)
        for layer, mapping, own_noise in zip(self.binary, self.mappings[1:], noise):
            z = layer(parameters, own_noise, rounded=rounded)
            flat = mapping(tf.reshape(z, [samples * batch, layer.units]))  # all samples in one matrix product
            parameters = tf.reshape(tf.cast(flat, upper.dtype), [samples, batch, flat.shape[-1]])
        return parameters

    def loss_of(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The training loss, a scalar in nats per image; arguments as in `train_step`."""
        upper, lower = self.halves(batch)
        log_likelihood = bernoulli_log_likelihood(self.logits(upper, self.samples, seed), lower)
        return -tf.reduce_mean(tf.reduce_logsumexp(log_likelihood, axis=0)) + math.log(self.samples)

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of Adam.

        Args:
          batch: uint8 [B, 784].
          seed: int32 [2], the seed of the step.
        Returns:
          {"loss"}: before the step, nats per image.
        """
        weights = [v.value for v in self.trained]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            with computing_in(self.mappings, self.matmul_precision):
                loss = self.loss_of(batch, seed)
        self.optimiser.apply(tape.gradient(loss, weights), self.trained)
        return {"loss": loss}

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str) -> tf.Tensor:
        """log p(lower | z_s), whose log-mean-exp estimates log p(lower | upper) from below.

        Args:
          batch: uint8 [B, 784].
          samples: number S of samples.
          seed: int32 [2].
          estimator: "discrete" (rounded units) or "relaxed".
        Returns:
          [S, B] in nats per image.
        """
        upper, lower = self.halves(batch)
        return bernoulli_log_likelihood(self.logits(upper, samples, seed, rounded=estimator == "discrete"), lower)

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Negative log-likelihood bounds of each image with `evaluation_samples` samples.

        Args:
          batch: uint8 [B, 784].
          seed: int32 [2].
        Returns:
          {"nll_discrete", "nll_relaxed"}: [B], nats per image, rounded and relaxed units.
        """
        sizes = [SAMPLES_A_CHUNK] * (self.evaluation_samples // SAMPLES_A_CHUNK)
        if self.evaluation_samples % SAMPLES_A_CHUNK:
            sizes.append(self.evaluation_samples % SAMPLES_A_CHUNK)
        result = {}
        for estimator in ("discrete", "relaxed"):
            parts = [
                self.log_weights(batch, size, at_step(seed, tf.constant(100 + i)), estimator)
                for i, size in enumerate(sizes)
            ]
            result[f"nll_{estimator}"] = math.log(self.evaluation_samples) - tf.reduce_logsumexp(
                tf.concat(parts, 0), axis=0
            )
        return result
