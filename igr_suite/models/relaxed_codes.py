"""Categorical latents of a VAE relaxed to points on the simplex, trained on the relaxed model's own ELBO."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from igr_suite import relaxations
from igr_suite.errors import UserError, nearest
from igr_suite.keras_variables import watchable
from igr_suite.models.vae_latent import Gradients, VAELatent, flat_codes, prior_values
from igr_suite.randomness import run_seed
from igr_suite.relaxations.gaussian import GaussianNoise

TEMPERATURE = 0.5  # where none is given


def check_options(cls: type[relaxations.Relaxation], options: Mapping[str, object]) -> None:
    """Raises UserError for an option that the distribution's constructor does not read."""
    known = cls.constructor_options()
    for option in options:
        if option not in known:
            raise UserError(f"{cls.__name__} has no option '{option}': {nearest(option, known)}")


class RelaxedCodes(VAELatent):
    """V variables of C categories, each a point on the simplex.

        ELBO = mean over samples of log p(x | psi) - KL(q(psi | x) || p(psi))

    Args:
      distribution: class of the relaxation.
      options: of its constructor; the temperature is 0.5 where it is not given.
      shape: (V, C).
      samples: S, of each example.
      prior: "uniform", "learned", or fixed parameters [V, P] in the order of the network's output.
      closed: whether the KL is the Gaussians' closed form, in place of log q - log p at the sample.
      seed, dtype: as in `VAELatent`.
    Raises:
      UserError: an option that the distribution does not read, or a closed form that it does not have.
    """

    def __init__(
        self,
        distribution: type[relaxations.Relaxation],
        options: Mapping[str, object],
        shape: tuple[int, int],
        samples: int,
        prior,
        closed: bool,
        seed: int,
        dtype: str,
    ):
        variables, categories = shape
        blocks = distribution.parameter_blocks(categories)
        super().__init__(variables * sum(blocks.values()), variables * categories, seed, dtype)
        check_options(distribution, options)
        if closed and not issubclass(distribution, GaussianNoise):
            raise UserError(f"the KL of {distribution.__name__} has no closed form; leave kl='closed' out")
        self.distribution, self.code_shape, self.samples, self.closed = distribution, shape, samples, closed
        self.options = {"temperature": TEMPERATURE, **options}
        self.flow = []
        if distribution.has_flow():
            initial = relaxations.initial_planar_flow(
                categories, variables, run_seed(seed, "planar flow"), dtype=tf.as_dtype(dtype)
            )
            self.flow = [keras.Variable(value, name=f"flow_{name}") for name, value in zip(initial._fields, initial)]
        self.prior = None
        if not (isinstance(prior, str) and prior == "uniform"):
            wide = (variables, sum(blocks.values()))
            even = self._uniform_prior()
            parts = [np.broadcast_to(getattr(even, block), (variables, size)) for block, size in blocks.items()]
            self.prior = self.add_weight(
                name="prior",
                shape=wide,
                initializer=keras.initializers.Constant(prior_values(prior, wide, np.concatenate(parts, -1))),
                trainable=isinstance(prior, str),
            )

    @property
    def recognition_variables(self) -> list[keras.Variable]:
        return [*super().recognition_variables, *self.flow]

    @property
    def generative_variables(self) -> list[keras.Variable]:
        return [self.prior] if self.prior is not None and self.prior.trainable else []

    def step(self, model, x, seed):
        variables = [*model.recognition_variables, *model.generator_variables]
        weights = watchable(variables)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            bound = self._elbo(model, x, self.samples, seed, training=True)
            loss = -tf.reduce_mean(bound)
        return Gradients(bound, list(zip(variables, tape.gradient(loss, weights))))

    def log_weights(self, model, x, samples, seed):
        posterior, prior = self._posterior(model, x, training=False), self.prior_distribution()
        draw = posterior.draw(samples, seed)
        kl = tf.reduce_sum(relaxations.sampled_kl(posterior, prior, draw), -1)
        return self._log_likelihood(model, x, draw, training=False) - kl

    def bound(self, model, x, seed):
        return self._elbo(model, x, self.samples, seed, training=False)

    def codes(self, parameters, samples, seed):
        return self._from_parameters(parameters).draw(samples, seed).sample

    def prior_codes(self, count, seed):
        prior = self.prior_distribution()
        copies = [count] if prior.batch_shape.rank else [count, self.code_shape[0]]
        return prior.draw(copies, seed).sample

    def prior_distribution(self) -> relaxations.Relaxation:
        """The prior; its parameters broadcast against [B, V, ...]."""
        if self.prior is None:
            return self._uniform_prior()
        return self.distribution.from_network(tf.convert_to_tensor(self.prior), **self._constructor_options())

    def _uniform_prior(self) -> relaxations.Relaxation:
        options = self._constructor_options()
        temperature, dtype = options.pop("temperature"), tf.as_dtype(self.variable_dtype)
        return self.distribution.uniform_prior(self.code_shape[1], temperature, dtype, **options)

    def _constructor_options(self) -> dict[str, object]:
        flow = {"flow": relaxations.PlanarFlow(*watchable(self.flow))} if self.flow else {}
        return {**self.options, **flow}

    def _from_parameters(self, parameters: tf.Tensor) -> relaxations.Relaxation:
        blocks = tf.reshape(parameters, [-1, self.code_shape[0], parameters.shape[-1] // self.code_shape[0]])
        return self.distribution.from_network(blocks, **self._constructor_options())

    def _posterior(self, model, x: tf.Tensor, training: bool) -> relaxations.Relaxation:
        return self._from_parameters(model.posterior_parameters(x, training))

    def _log_likelihood(self, model, x: tf.Tensor, draw: relaxations.Draw, training: bool) -> tf.Tensor:
        return model.log_likelihood_of(x, flat_codes(draw.sample, self.size, 2), training)

    def _elbo(self, model, x: tf.Tensor, samples: int, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """[B]."""
        posterior, prior = self._posterior(model, x, training), self.prior_distribution()
        draw = posterior.draw(samples, seed)
        if self.closed:
            kl = relaxations.closed_form_kl(posterior, prior)
        else:
            kl = tf.reduce_mean(relaxations.sampled_kl(posterior, prior, draw), 0)
        return tf.reduce_mean(self._log_likelihood(model, x, draw, training), 0) - tf.reduce_sum(kl, -1)
