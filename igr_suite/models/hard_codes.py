"""Bernoulli and categorical latents of a VAE, trained by any gradient estimator on the one path."""

import math
from collections.abc import Sequence
from types import ModuleType

import keras
import numpy as np
import tensorflow as tf

from igr_suite.discrete.chain import hard_pass
from igr_suite.discrete.step import estimate_step, noise_of
from igr_suite.errors import UserError
from igr_suite.estimators.base import Estimator, Parameters
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.estimators.formulas import log_mean_exp
from igr_suite.keras_variables import watchable
from igr_suite.models.vae_latent import Gradients, VAELatent, flat_codes, prior_values
from igr_suite.randomness import uniform


class HardCodes(VAELatent):
    """V Bernoulli variables, or V categorical ones of C categories, as hard codes.

    Args:
      estimator: for such variables.
      shape: of one example's logits, (V,) or (V, C).
      prior: "uniform", "learned", or fixed logits of this shape.
      closed: whether -KL(q || p) is added in closed form, and its gradient without noise.
      seed, dtype: as in `VAELatent`.
    Raises:
      UserError: the closed form beside a bound of several samples, which has none.
    """

    def __init__(self, estimator: Estimator, shape: tuple[int, ...], prior, closed: bool, seed: int, dtype: str):
        super().__init__(math.prod(shape), math.prod(shape), seed, dtype)
        self.estimator, self.code_shape, self.closed = estimator, shape, closed
        if closed and self.several:
            raise UserError(
                f"kl='closed' does not go with {estimator.facts.name}: a bound of several samples holds log q at the "
                "samples; leave kl out"
            )
        self.kind: ModuleType = bernoulli if len(shape) == 1 else categorical
        initial = prior_values(prior, shape, np.zeros(shape))
        self.prior = self.add_weight(
            name="prior",
            shape=shape,
            initializer=keras.initializers.Constant(initial),
            trainable=isinstance(prior, str) and prior == "learned",
        )
        self.own = estimator.trainable(shape, dtype)

    @property
    def several(self) -> bool:
        """Whether the target is one of several samples together, such as a bound."""
        return self.estimator.facts.target != "expectation"

    @property
    def generative_variables(self) -> list[keras.Variable]:
        return [self.prior] if self.prior.trainable else []

    def step(self, model, x, seed):
        chain = CodesChain(self, model, x, training=True)
        shape = tf.concat([tf.shape(x)[:1], self.code_shape], 0)
        noise = noise_of(self.estimator, [shape], seed, tf.as_dtype(self.variable_dtype))
        step = estimate_step(chain, self.estimator, noise, OwnVariables(self.estimator, self.code_shape, self.own))
        weights = [*model.recognition_variables, *model.generator_variables]
        pairs = [(weight, -g) for weight, g in zip(weights, [*step.recognition, *step.generator])]
        return Gradients(step.value, [*pairs, *zip(self.own, step.own)])

    def log_weights(self, model, x, samples, seed):
        shape = [samples, tf.shape(x)[0], *self.code_shape]
        u = uniform(shape, seed, tf.as_dtype(self.variable_dtype), batch_axis=1)
        return hard_pass(CodesChain(self, model, x, training=False), [u]).value

    def bound(self, model, x, seed):
        values = self.log_weights(model, x, getattr(self.estimator, "samples", 1), seed)
        return log_mean_exp(values) if self.several else tf.reduce_mean(values, 0)

    def codes(self, parameters, samples, seed):
        shape = [samples, tf.shape(parameters)[0], *self.code_shape]
        u = uniform(shape, seed, parameters.dtype, batch_axis=1)
        return self.kind.hard_sample(self.logits(parameters), u)

    def prior_codes(self, count, seed):
        u = uniform([count, *self.code_shape], seed, tf.as_dtype(self.variable_dtype))
        return self.kind.hard_sample(tf.convert_to_tensor(self.prior), u)

    def logits(self, parameters: tf.Tensor) -> tf.Tensor:
        """Parameters [B, P] as logits [B, V] or [B, V, C]."""
        return tf.reshape(parameters, [-1, *self.code_shape])


class OwnVariables:
    """The estimator's own parameters as variables of Keras; see `discrete.own.Own`."""

    weight_etas: Sequence[tf.Tensor] = ()

    def __init__(self, estimator: Estimator, shape: tuple[int, ...], variables: list[keras.Variable]):
        self.names = list(estimator.parameters((1, *shape)))
        self.trained = watchable(variables)

    def parameters(self, context: tf.Tensor) -> list[Parameters]:
        """Returns the present parameters of the one layer."""
        del context
        return [dict(zip(self.names, self.trained))]


class CodesChain:
    """One batch of a VAE with one layer of hard codes; see `discrete.chain.Chain`."""

    def __init__(self, latent: HardCodes, model, x: tf.Tensor, training: bool):
        self.latent, self.model, self.context, self.training = latent, model, x, training
        self.sampled = not (latent.closed and training)  # evaluations are of log-weights
        self.kinds: Sequence[ModuleType] = [latent.kind]
        self.holds_log_q: bool = self.sampled
        self.recognition: Sequence[tf.Tensor] = watchable(model.recognition_variables)
        self.generator: Sequence[tf.Tensor] = watchable(model.generator_variables)

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """Returns those of the batch [B, V] or [B, V, C]."""
        return self.latent.logits(self.model.posterior_parameters(self.context, self.training))

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """Returns log p(x | values), and log p(values) - log q(values) where the KL is not in closed form."""
        kind, axes = self.latent.kind, len(self.latent.code_shape)
        codes = flat_codes(values, self.latent.size, axes)
        value = self.model.log_likelihood_of(self.context, codes, self.training)
        if self.sampled:
            prior = tf.convert_to_tensor(self.latent.prior)
            value += tf.reduce_sum(kind.log_probability(prior, values) - kind.log_probability(logits, values), -1)
        return value

    def analytic(self, logits: Sequence[tf.Tensor]) -> tf.Tensor | None:
        """Returns -KL(q || p) [B] where the terms leave it out."""
        if self.sampled:
            return None
        return -tf.reduce_sum(self.latent.kind.divergence(logits[0], tf.convert_to_tensor(self.latent.prior)), -1)
