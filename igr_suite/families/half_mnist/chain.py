"""Half-and-half MNIST as a chain of one layer that any registered estimator trains."""

import tensorflow as tf

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.discrete.config import EstimationConfig
from igr_suite.discrete.own import Own
from igr_suite.discrete.step import Step, estimate_step, noise_of
from igr_suite.estimators.base import Estimator
from igr_suite.estimators.distributions import bernoulli
from igr_suite.families.half_mnist.networks import holding_averages
from igr_suite.networks.likelihoods import bernoulli_log_likelihood
from igr_suite.training.adam import FusedAdam

CONTROL_FACTOR = 10.0  # of the networks' step size
HALVES = 2 * HALF_PIXELS  # pixels that a baseline network reads


class HalfMNISTChain:
    """One batch; see `discrete.chain.Chain`. F is minus the loss of a row, the mean log-likelihood of a pixel.

    The decoder normalises by the statistics of all rows that are evaluated together. They count as constants, as in the
    gradients of the family's other estimators, and only the first evaluation, which is that of the samples that train
    the decoder, moves their averages.

    Args:
      encoder, decoder: functions of upper halves and of codes, in training mode.
      recognition, generator: their tensors.
      upper, lower: halves [B, 392] in {0, 1}.
    """

    def __init__(self, encoder, decoder, recognition, generator, upper: tf.Tensor, lower: tf.Tensor):
        self.encoder, self.decoder, self.upper, self.lower = encoder, decoder, upper, lower
        self.kinds, self.holds_log_q = [bernoulli], False
        self.recognition, self.generator = recognition, generator
        self.context = tf.concat([upper, lower], -1)
        self._moved = False

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """See `Chain.logits`."""
        del layer, below
        return self.encoder(self.upper)

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """See `Chain.term`; the bound has no log q, so the logits are not read."""
        del layer, below, logits
        moves, self._moved = not self._moved, True
        output = self.decoder(tf.reshape(values, (-1, values.shape[-1])), moves)
        output = tf.reshape(output, (*values.shape[:-1], output.shape[-1]))
        return bernoulli_log_likelihood(output, self.lower) / HALF_PIXELS

    def analytic(self, logits: list[tf.Tensor]) -> None:
        """See `Chain.analytic`: there is no such part."""


class GeneralEncoder:
    """A registered estimator with its own parameters and their optimiser, Adam with `CONTROL_FACTOR` times the step size
    of the networks.

    Args:
      estimator: any registered one for Bernoulli variables.
      latents: L.
      learning_rate: of the networks, at the start.
      estimation: how the own parameters are trained, with nothing left open.
      weights: number of the encoder's weight tensors.
      seed: of the initial weights of a baseline network.
    """

    def __init__(
        self,
        estimator: Estimator,
        latents: int,
        learning_rate: float,
        estimation: EstimationConfig,
        weights: int,
        seed: int,
    ):
        self.estimator, self.latents, self.estimation = estimator, latents, estimation
        self.own = Own(
            estimator,
            [(1, latents)],
            baseline=estimation.baseline if "baseline" in estimator.parameters((1, latents)) else "zero",
            context=HALVES,
            seed=seed,
            weights=weights if estimation.eta == "weights" else 0,
            decay=estimation.net_decay,
        )
        self.optimiser = FusedAdam(CONTROL_FACTOR * learning_rate, epsilon=1e-8)
        self.optimiser.build(self.own.trained)

    def state_variables(self) -> list:
        """Own parameters and the optimiser's state."""
        return [*self.own.trained, *self.optimiser.variables]

    def apply(self, gradients: list[tf.Tensor]) -> None:
        """One step of the own parameters along `Step.own`."""
        if self.own.trained:
            self.optimiser.apply(self.own.decayed(gradients), self.own.trained)

    def step(self, encoder, decoder, upper: tf.Tensor, lower: tf.Tensor, seed: tf.Tensor) -> Step:
        """Returns the ascent gradients of the mean of F by the networks' trainable weights.

        Args:
          encoder, decoder: Keras networks.
          upper, lower: halves [B, 392].
          seed: of the noise, int32 [2].
        """

        def decode(code: tf.Tensor, moves: bool) -> tf.Tensor:
            if moves:
                return decoder(code, training=True)
            with holding_averages(decoder):
                return decoder(code, training=True)

        recognition, generator = ([v.value for v in net.trainable_variables] for net in (encoder, decoder))
        return self._step(lambda x: encoder(x, training=True), decode, recognition, generator, upper, lower, seed)

    def step_at(self, outputs: tf.Tensor, decoder, upper: tf.Tensor, lower: tf.Tensor, seed: tf.Tensor) -> Step:
        """`step` at the encoder's outputs [B, L], which stand for its weights; no moving average moves.

        Args:
          outputs: logits of the codes.
          decoder: Keras network.
          upper, lower: halves [B, 392].
          seed: of the noise, int32 [2].
        """

        def decode(code: tf.Tensor, moves: bool) -> tf.Tensor:
            del moves
            with holding_averages(decoder):
                return decoder(code, training=True)

        outputs = tf.stop_gradient(outputs)
        return self._step(lambda x: outputs, decode, [outputs], [], upper, lower, seed)

    def _step(self, encode, decode, recognition: list, generator: list, upper, lower, seed: tf.Tensor) -> Step:
        chain = HalfMNISTChain(encode, decode, recognition, generator, upper, lower)
        noise = noise_of(self.estimator, [(upper.shape[0], self.latents)], seed, upper.dtype)
        variance_of, samples = self.estimation.variance_of, self.estimation.generator_samples
        return estimate_step(chain, self.estimator, noise, self.own, variance_of, samples)
