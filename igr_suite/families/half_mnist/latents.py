"""Codes of half-and-half MNIST and the gradient of the loss at the encoder's outputs, an estimator per class.

All take outputs [M, P], noise and codes [M, L], one row per sample, and give the gradient of each row's own loss with
respect to its outputs [M, P]; the model averages over samples and the batch. Formulas of Bernoulli variables are those
of igr_suite/estimators.
"""

from typing import NamedTuple

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli
from igr_suite.estimators.reinforce import score_term
from igr_suite.families.half_mnist.config import HalfMNISTModelConfig
from igr_suite.randomness import standard_normal, uniform

LOWEST = 1e-7  # lowest clipped probability


class Evaluated(NamedTuple):
    """Codes, and the results of their pass through the decoder.

    Attributes:
      code: [M, L].
      noise: [M, L], from which the code was computed.
      advantage: loss of the row minus its baseline [M].
      slope: d loss / d code [M, L], through the whole batch where the decoder's normalisation couples rows.
      temperature: scalar.
    """

    code: tf.Tensor
    noise: tf.Tensor
    advantage: tf.Tensor
    slope: tf.Tensor
    temperature: tf.Tensor | float


class HardLatents:
    """Bernoulli codes in {0, 1}, for all estimators that use them: b = [logits + logit(u) > 0]."""

    def __init__(self, config: HalfMNISTModelConfig):
        self.clipped, self.outputs = bool(config.clip_probs), config.latents

    def noise(self, shape, seed: tf.Tensor) -> tf.Tensor:
        """Uniform noise of this shape."""
        return uniform(shape, seed)

    def probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """theta = sigmoid(logits), clipped to [1e-7, 1 - 1e-7] where the config asks for it."""
        theta = bernoulli.mean(logits)
        return tf.clip_by_value(theta, LOWEST, 1.0 - LOWEST) if self.clipped else theta

    def code(self, logits: tf.Tensor, u: tf.Tensor, temperature) -> tf.Tensor:
        """Codes from the encoder's outputs and noise."""
        del temperature
        return bernoulli.hard_sample(logits, u)

    def gradient(self, logits: tf.Tensor, codes: Evaluated) -> tf.Tensor:
        """d loss / d outputs of each row; here REINFORCE, (l - b)(z - theta)."""
        return score_term(codes.advantage, codes.code - self.probabilities(logits))


class StraightThroughLatents(HardLatents):
    """Hard codes with the straight-through gradient, dC/dz theta (1 - theta)."""

    def gradient(self, logits, codes):
        return bernoulli.times_jacobian(self.probabilities(logits), codes.slope)


class GumbelSoftmaxLatents(HardLatents):
    """Relaxed codes y = sigmoid((h + logistic) / t)."""

    def relaxed(self, logits: tf.Tensor, u: tf.Tensor, temperature) -> tf.Tensor:
        """y [M, L]."""
        return bernoulli.relaxed_sample(logits, bernoulli.noisy_logits(logits, u), temperature, "concrete")

    def code(self, logits, u, temperature):
        return self.relaxed(logits, u, temperature)

    def gradient(self, logits, codes):
        return (
            bernoulli.times_jacobian(self.relaxed(logits, codes.noise, codes.temperature), codes.slope)
            / codes.temperature
        )


class HardGumbelSoftmaxLatents(GumbelSoftmaxLatents):
    """Codes [y > 1/2] with the relaxed code's Jacobian; "historical" codes are y + [y > 1/4], an error of the
    original."""

    def __init__(self, config: HalfMNISTModelConfig):
        super().__init__(config)
        self.historical = config.hard_rule == "historical"

    def code(self, logits, u, temperature):
        if not self.historical:
            return bernoulli.hard_sample(logits, u)
        y = self.relaxed(logits, u, temperature)
        return y + tf.cast(y > 0.25, y.dtype)


class GaussianLatents:
    """Gaussian codes m + s eps, where the outputs are m and r, and s = softplus(r); the gradient is the reparameterised
    one."""

    def __init__(self, config: HalfMNISTModelConfig):
        self.outputs = 2 * config.latents

    def noise(self, shape, seed):
        return standard_normal(shape, seed)

    def code(self, outputs, eps, temperature):
        del temperature
        location, raw = tf.split(outputs, 2, axis=-1)
        return location + tf.nn.softplus(raw) * eps

    def gradient(self, outputs, codes):
        return self._to_outputs(outputs, codes.slope, codes.slope * codes.noise)

    def _to_outputs(self, outputs: tf.Tensor, by_location: tf.Tensor, by_scale: tf.Tensor) -> tf.Tensor:
        _, raw = tf.split(outputs, 2, axis=-1)
        return tf.concat([by_location, by_scale * tf.sigmoid(raw)], axis=-1)


class GaussianReinforceLatents(GaussianLatents):
    """(l - b) times the score: eps / s by the mean, (eps^2 - 1) / s by the standard deviation."""

    def gradient(self, outputs, codes):
        scale = tf.nn.softplus(tf.split(outputs, 2, axis=-1)[1])
        return self._to_outputs(
            outputs,
            score_term(codes.advantage, codes.noise / scale),
            score_term(codes.advantage, (codes.noise**2 - 1.0) / scale),
        )


LATENTS = {
    "gaussian": GaussianLatents,
    "gaussian_reinforce": GaussianReinforceLatents,
    "straight_through": StraightThroughLatents,
    "gumbel_softmax": GumbelSoftmaxLatents,
    "gumbel_softmax_hard": HardGumbelSoftmaxLatents,
}  # all other estimators have hard codes and REINFORCE's gradient


def latent_of(config: HalfMNISTModelConfig):
    """The codes of a config's estimator."""
    return LATENTS.get(config.estimator, HardLatents)(config)
