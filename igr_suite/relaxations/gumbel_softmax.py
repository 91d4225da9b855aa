"""Gumbel-Softmax (Concrete) law, with its density in log space."""

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite.relaxations.base import Draw, Relaxation, check_seed, sample_axes, with_sample_shape
from igr_suite.relaxations.noise import uniform
from igr_suite.relaxations.registry import register

tfd = tfp.distributions


@register("GS")
class GumbelSoftmax(Relaxation):
    """psi = softmax((logits + g) / temperature), g ~ Gumbel(0, 1); argmax psi ~ Categorical(logits) at every temperature.

        log p(log psi) = log Gamma(K) + (K-1) log tau + sum_k a_k - K logsumexp_k a_k,   a_k = logits_k - tau log psi_k

    Args:
      logits: [B, V, K]; an additive constant does not matter.
      temperature: positive; number or tensor broadcasting against [B, V].
    Raises:
      UserError: temperature is a number and not positive.
    Source: Jang, Gu & Poole (2017); Maddison, Mnih & Teh (2017), eq. 10 and section C.3.
    """

    def __init__(self, logits, temperature, name: str = "GumbelSoftmax"):
        parameters = dict(locals())
        self.logits = tf.convert_to_tensor(logits)
        super().__init__(temperature, self.logits.dtype, parameters, name)

    @classmethod
    def parameter_blocks(cls, categories: int) -> dict[str, int]:
        return {"logits": categories}

    @classmethod
    def uniform_prior(cls, categories: int, temperature, dtype: tf.DType = tf.float32) -> "GumbelSoftmax":
        """Equal logits.

        Args:
          categories: K.
          temperature: the prior's own, which need not be the posterior's; the KL depends on both.
          dtype: of the parameters.
        Returns:
          law with logits [K].
        """
        return cls(tf.zeros([categories], dtype), temperature)

    def draw(self, sample_shape, seed: tf.Tensor) -> Draw:
        shape = with_sample_shape(sample_shape, tf.shape(self.logits))
        gumbel = -tf.math.log(-tf.math.log(uniform(shape, check_seed(seed), self.dtype, sample_axes(sample_shape))))
        preimage = self.logits + gumbel
        tempered = preimage / self.temperature[..., tf.newaxis]
        return Draw(tf.nn.softmax(tempered), tf.nn.log_softmax(tempered), gumbel, preimage, preimage, {})

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        return self.log_prob_of_log_sample(draw.log_sample)

    def log_prob_of_log_sample(self, log_sample: tf.Tensor) -> tf.Tensor:
        return tfd.ExpRelaxedOneHotCategorical(self.temperature, logits=self.logits).log_prob(log_sample)

    def _event_shape(self):
        return self.logits.shape[-1:]

    def _event_shape_tensor(self):
        return tf.shape(self.logits)[-1:]

    def _batch_shape(self):
        return self.logits.shape[:-1]

    def _batch_shape_tensor(self):
        return tf.shape(self.logits)[:-1]
