"""Gaussian latents of a VAE, trained by any K-sample objective."""

import keras
import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.models.vae_latent import Gradients, VAELatent, prior_numbers
from igr_suite.objectives.base import Objective
from igr_suite.objectives.leaf import Sampled, leaf_gradients
from igr_suite.randomness import standard_normal
from igr_suite.relaxations.gaussian import normal_log_density

LEAST_SCALE = 1e-6


class GaussianLatents(VAELatent):
    """z ~ N(loc, diag scale^2), scale the softplus of the second half of the head's output.

    Args:
      objective: of K samples.
      size: D.
      samples: K.
      prior: "standard", N(0, I); "learned", a Gaussian with trained mean and scale; or the fixed pair (mean [D], scale
        [D]).
      seed, dtype: as in `VAELatent`.
    Raises:
      UserError: another prior.
    """

    def __init__(self, objective: Objective, size: int, samples: int, prior, seed: int, dtype: str):
        super().__init__(2 * size, size, seed, dtype)
        self.objective, self.samples = objective, samples
        loc, scale = _prior_values(prior, size)
        trained = isinstance(prior, str) and prior == "learned"
        self.prior = [
            self.add_weight(
                name=f"prior_{name}", shape=(size,), initializer=keras.initializers.Constant(value), trainable=trained
            )
            for name, value in (("loc", loc), ("log_scale", np.log(scale)))
        ]

    @property
    def generative_variables(self) -> list[keras.Variable]:
        return [variable for variable in self.prior if variable.trainable]

    def step(self, model, x, seed):
        noise = self.noise(x, self.samples, seed)

        def sample() -> Sampled:
            loc, scale = self._posterior(model.posterior_parameters(x, True))
            return Sampled(loc + scale * noise, lambda z: _log_density(z, loc, scale))

        recognition, generator = model.recognition_variables, model.generator_variables
        gradients = leaf_gradients(
            [self.objective], sample, lambda z: self._log_joint(model, x, z, True), recognition, generator
        )
        ascent = [*gradients.inference[0], *gradients.generative]
        pairs = [(variable, -gradient) for variable, gradient in zip([*recognition, *generator], ascent)]
        return Gradients(gradients.values[0], pairs)

    def log_weights(self, model, x, samples, seed):
        loc, scale = self._posterior(model.posterior_parameters(x, False))
        z = loc + scale * self.noise(x, samples, seed)
        return sum(self._log_joint(model, x, z, False)) - _log_density(z, loc, scale)

    def bound(self, model, x, seed):
        return self.objective.value(self.log_weights(model, x, self.samples, seed))

    def codes(self, parameters, samples, seed):
        loc, scale = self._posterior(parameters)
        return loc + scale * self.noise(parameters, samples, seed)

    def prior_codes(self, count, seed):
        loc, log_scale = (tf.convert_to_tensor(variable) for variable in self.prior)
        return loc + tf.exp(log_scale) * standard_normal([count, self.size], seed, loc.dtype)

    def _posterior(self, parameters: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loc, raw = tf.split(parameters, 2, -1)
        return loc, tf.maximum(tf.nn.softplus(raw), LEAST_SCALE)

    def _log_joint(self, model, x: tf.Tensor, z: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """[log p(x | z), log p(z)], each [K, B]; two terms, so that a decoder without a derivative is seen."""
        loc, log_scale = (tf.convert_to_tensor(variable) for variable in self.prior)
        return [model.log_likelihood_of(x, z, training), _log_density(z, loc, tf.exp(log_scale))]

    def noise(self, x: tf.Tensor, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns standard normal noise [K, B, D] for a batch x [B, ...]."""
        shape = [samples, tf.shape(x)[0], self.size]
        return standard_normal(shape, seed, tf.as_dtype(self.variable_dtype), batch_axis=1)


def _log_density(z: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    return normal_log_density((z - loc) / scale, tf.math.log(scale))


def _prior_values(prior, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of the prior at the beginning."""
    wanted = f"prior must be 'standard', 'learned' or the pair (mean [{size}], scale [{size}])"
    if isinstance(prior, str):
        if prior not in ("standard", "learned"):
            raise UserError(f"{wanted}, got '{prior}'")
        return np.zeros(size), np.ones(size)
    loc, scale = prior_numbers(prior, (2, size), f"{wanted} with positive scales")
    if not (scale > 0.0).all():
        raise UserError(f"{wanted} with positive scales, got the scale {scale.min()}")
    return loc, scale
