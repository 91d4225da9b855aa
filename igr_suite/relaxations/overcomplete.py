"""K Gaussians for K categories: distributions whose map to the simplex loses one direction, so that it has no
inverse."""

import tensorflow as tf

from igr_suite.relaxations.base import Draw, check_categories
from igr_suite.relaxations.gaussian import GaussianNoise


class Overcomplete(GaussianNoise):
    """psi = softmax(a(kappa / temperature)), kappa = loc + exp(log_scale) eps in R^K, a increasing and the same for
    every category.

    The argmax of psi is that of kappa. `closed_form_kl` and `sampled_kl` are those of the Gaussians in R^K, as in the
    authors' first code: psi is a function of kappa that is not a bijection, so the KL on the simplex is at most theirs
    (the data-processing inequality), and an ELBO with theirs is still a bound, but a looser one. The same holds for
    importance weights.

    Args:
      loc: [B, V, K].
      log_scale: [B, V, K]; the scale is its exponential.
      temperature: positive; number or tensor broadcasting against [B, V].
      parameters: of the distribution's own constructor.
    Raises:
      UserError: temperature not positive.
    Source: docs/papers/igr.md, section 1.8.
    """

    @classmethod
    def uniform_prior(  # type: ignore[override]  # no options
        cls, categories: int, temperature, dtype: tf.DType = tf.float32
    ) -> "Overcomplete":
        """N(0, I), whose argmax is uniform.

        Args:
          categories: K.
          temperature: as for the posterior; they must be equal for a closed-form KL.
          dtype: of the parameters.
        Returns:
          distribution with parameters [K].
        """
        blocks = cls.parameter_blocks(check_categories(categories))
        return cls(**{name: tf.zeros([size], dtype) for name, size in blocks.items()}, temperature=temperature)

    @staticmethod
    def activation(tempered: tf.Tensor) -> tf.Tensor:
        """a: the logits of the softmax, [..., K] -> [..., K]."""
        raise NotImplementedError

    def _image(self, noise: tf.Tensor, kappa: tf.Tensor) -> Draw:
        logits = self.activation(kappa / self.temperature[..., tf.newaxis])
        return Draw(tf.nn.softmax(logits), tf.nn.log_softmax(logits), noise, kappa, kappa, {})

    def log_prob_of(self, draw: Draw) -> tf.Tensor:
        return self.log_prob_of_log_sample(draw.log_sample)
