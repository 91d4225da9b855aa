"""A variational autoencoder of any Keras encoder and decoder, with latents and gradient by name."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from igr_suite.checks import check_count, check_integer
from igr_suite.errors import UserError, nearest
from igr_suite.estimators.tape import Seed, stateless_seed
from igr_suite.layers.checks import check_name
from igr_suite.models.gaussian_latents import GaussianLatents
from igr_suite.models.gradient_choice import LATENTS, Choice, Latent, choose, described
from igr_suite.models.hard_codes import HardCodes
from igr_suite.models.likelihoods import check_output, likelihood_of
from igr_suite.models.relaxed_codes import RelaxedCodes
from igr_suite.models.training import Training
from igr_suite.models.vae_latent import VAELatent, flat_codes
from igr_suite.objectives import Objective
from igr_suite.randomness import at_step, run_seed

SAMPLES_AT_ONCE = 50  # of an importance-weighted bound


@keras.saving.register_keras_serializable("igr_suite")
class VAE(Training):
    """p(x, z) = p(z) p(x | z) with q(z | x), both of the user's networks.

    A Dense layer of the VAE's own maps the encoder's features to the parameters of q(z | x); the decoder reads a code
    [V], [V C] flattened or [D], and returns the parameters of p(x | z). Training ascends

        E[F], F = log p(x, z) - log q(z | x)     most estimators and the relaxations
        log mean_k exp F_k                       estimators of a bound, such as vimco, and objectives of K samples

    Example:
      vae = VAE(encoder, decoder, latent="bernoulli", gradient="disarm", variables=50)
      vae.compile(keras.optimizers.Adam(1e-3))
      vae.fit(x, epochs=10)

    Args:
      encoder: Keras model or layer, data [B, ...] -> features [B, ...].
      decoder: Keras model or layer, codes [N, size] -> parameters of the likelihood [N, ...]. It should treat examples
        alone, without batch normalisation.
      latent: "bernoulli", "categorical" or "gaussian".
      gradient: for Bernoulli and categorical latents a registered estimator (docs/estimators.md), for categorical ones
        also a relaxation, for Gaussian ones an objective (docs/objectives.md); its name, or the object (a relaxation:
        the class).
      variables: number of latent variables.
      categories: of each categorical variable.
      samples: K of each example, for objectives, relaxations, and estimators that have such a setting.
      options: settings of a gradient given by name, such as {"temperature": 0.3}.
      prior: "uniform" (of Gaussian latents: "standard"), "learned", or fixed parameters: logits [V] or [V, C], the
        parameters [V, P] of a relaxation, or the pair (mean [D], scale [D]).
      likelihood: "bernoulli", the decoder returns logits and data lie in [0, 1]; "gaussian", it returns means and raw
        scales (before a softplus) as the halves of its last axis; or a function (x [B, ...], output [S, B, ...]) ->
        log p(x | z) [S, B], registered with Keras if the model is saved.
      kl: "sampled", log q - log p at the samples, or "closed", for discrete latents and Gaussian relaxations.
      seed: of the initial weights that are the VAE's own, and of all noise in training and evaluation, which is a
        function of the optimiser's step.
      **options_of_keras: `name`, `dtype`.
    Raises:
      UserError: names, options or sizes that do not go together.
    """

    def __init__(
        self,
        encoder: keras.layers.Layer,
        decoder: keras.layers.Layer,
        latent: Latent,
        gradient,
        *,
        variables: int,
        categories: int | None = None,
        samples: int | None = None,
        options: Mapping[str, object] | None = None,
        prior=None,
        likelihood: str | Callable = "bernoulli",
        kl: str = "sampled",
        seed: int = 0,
        **options_of_keras,
    ):
        super().__init__(**options_of_keras)
        shape = _code_shape(latent, variables, categories)
        check_name("kl", kl, ("sampled", "closed"))
        for role, network in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(network, keras.layers.Layer):
                raise UserError(f"the {role} must be a Keras model or layer, got {network!r}")
        if not isinstance(options, (Mapping, type(None))):
            raise UserError(f"options must be a dictionary of the gradient's own settings, got {options!r}")
        seed = check_integer("seed", seed)
        self.settings: dict[str, Any] = {
            "latent": latent,
            "variables": variables,
            "categories": categories,
            "kl": kl,
            "seed": seed,
        }
        self.prior_choice, self.likelihood_choice = prior, likelihood
        self.choice = choose(latent, gradient, options or {}, samples)
        self.likelihood = likelihood_of(likelihood)
        self.encoder, self.decoder = encoder, decoder
        self.latent = _latent_of(self.choice, shape, prior, kl == "closed", seed, self.variable_dtype)
        self.data_shape: tuple[int, ...] = ()  # known when built
        self.begin_metrics()
        self._compiled_log_weights: Callable[..., tf.Tensor] | None = None
        if getattr(encoder, "built", False) and isinstance(getattr(encoder, "input_shape", None), tuple):
            self.build(encoder.input_shape)

    def build(self, input_shape) -> None:
        """Builds the networks for data [B, ...]; runs by itself at the first batch.

        Raises:
          UserError: networks that do not fit, or that share weights.
        """
        shape = tuple(input_shape[1:])
        if None in shape:
            raise UserError(f"the VAE needs data of a known size, got the shape {tuple(input_shape)}")
        features = self.encoder(keras.Input(shape))
        self.latent.build(tuple(features.shape))
        output = self.decoder(keras.Input((self.latent.size,)))
        check_output(self.likelihood, self.likelihood_choice, shape, tuple(output.shape[1:]))
        shared = {id(v) for v in self.encoder.variables} & {id(v) for v in self.decoder.variables}
        if shared:
            raise UserError("encoder and decoder share a weight, whose two gradients the estimators do not add up")
        self.data_shape, self.built = shape, True

    @property
    def recognition_variables(self) -> list[keras.Variable]:
        """Trained variables of q(z | x)."""
        return [*self.encoder.trainable_variables, *self.latent.recognition_variables]

    @property
    def generator_variables(self) -> list[keras.Variable]:
        """Trained variables of p(x, z)."""
        return [*self.decoder.trainable_variables, *self.latent.generative_variables]

    def posterior_parameters(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the parameters [B, P] of q(z | x): logits; a relaxation's; or means and raw scales."""
        return self.latent.posterior_parameters(self.encoder(x, training=training))

    def log_likelihood_of(self, x: tf.Tensor, codes: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns log p(x | z) [..., B] for codes [..., B, size]."""
        leading = codes.shape[:-1]
        output = tf.cast(self.decoder(tf.reshape(codes, [-1, self.latent.size]), training=training), codes.dtype)
        output = tf.reshape(output, tf.concat([[-1, tf.shape(x)[0]], output.shape[1:]], 0))
        value = self.likelihood.log_prob(x, output)
        return tf.ensure_shape(tf.reshape(value, tf.shape(codes)[:-1]), leading)

    def call(self, x, training: bool = False):
        """Returns the mean of p(x | z) for one draw of z from q(z | x), with the same noise at every call."""
        parameters = self.posterior_parameters(tf.cast(x, self.variable_dtype), training)
        return self._decoded(self.latent.codes(parameters, 1, run_seed(self.settings["seed"], "call"))[0], training)

    def encode(self, x, seed: Seed = 0) -> np.ndarray:
        """Draws a code for each example: [N, V], one-hot [N, V, C], points on the simplex [N, V, C], or [N, D].

        Args:
          x: [N, ...].
          seed: an int for the same codes at every call; None draws anew.
        """
        x = self._checked(x)
        return self.latent.codes(self.posterior_parameters(x), 1, stateless_seed(seed))[0].numpy()

    def reconstruct(self, x, seed: Seed = 0) -> np.ndarray:
        """Returns the mean of p(x | z) for a code of each example; arguments as in `encode`."""
        codes = tf.convert_to_tensor(self.encode(x, seed))
        return self._decoded(codes, False).numpy()

    def sample(self, count: int, seed: Seed = None) -> np.ndarray:
        """Returns the means of p(x | z) for codes from the prior, [count, ...]; `seed` as in `encode`."""
        self._require_built()
        count = check_count("count", count)
        return self._decoded(self.latent.prior_codes(count, stateless_seed(seed)), False).numpy()

    def log_likelihood(self, x, samples: int = 100, batch_size: int = 100, seed: Seed = 0) -> np.ndarray:
        """Estimates log p(x) of each example by its importance-weighted bound.

            log 1/S sum_s p(x, z_s) / q(z_s | x),   z_s ~ q(z | x);   a lower bound in expectation, tight for large S

        Args:
          x: [N, ...].
          samples: S.
          batch_size: examples at once.
          seed: as in `encode`.
        Returns:
          [N], nats.
        Raises:
          UserError: data of another shape, or `samples` or `batch_size` below 1.
        """
        samples, batch_size = check_count("samples", samples), check_count("batch_size", batch_size)
        x, seed, parts = self._checked(x), stateless_seed(seed), [np.zeros(0, self.variable_dtype)]
        if self._compiled_log_weights is None:
            self._compiled_log_weights = tf.function(
                lambda x, count, seed: tf.reduce_logsumexp(self.latent.log_weights(self, x, count, seed), 0),
                reduce_retracing=True,
            )
        log_weights = self._compiled_log_weights
        for start in range(0, len(x), batch_size):
            place = at_step(seed, tf.constant(start))
            sums = [
                log_weights(
                    x[start : start + batch_size],
                    min(SAMPLES_AT_ONCE, samples - done),
                    at_step(place, tf.constant(done + 1)),
                )
                for done in range(0, samples, SAMPLES_AT_ONCE)
            ]
            parts.append(np.logaddexp.reduce(np.stack(sums), axis=0) - math.log(samples))
        return np.concatenate(parts)

    def save(self, filepath, *arguments, **options):
        """Keras's save, which leaves a file of that name alone when the model cannot be saved.

        Raises:
          UserError: the gradient has no registered name, or a setting that is no JSON value.
        """
        self.get_config()  # Keras empties the file before it asks for this
        return super().save(filepath, *arguments, **options)

    def get_config(self) -> dict:
        """The configuration of a copy, serialised by Keras."""
        save, prior = keras.saving.serialize_keras_object, self.prior_choice
        return {
            **super().get_config(),
            **self.settings,
            **described(self.choice),
            "samples": self.choice.samples,
            "encoder": save(self.encoder),
            "decoder": save(self.decoder),
            "prior": prior if prior is None or isinstance(prior, str) else np.asarray(prior).tolist(),
            "likelihood": self.likelihood_choice
            if isinstance(self.likelihood_choice, str)
            else save(self.likelihood_choice),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "VAE":
        """A model with the same networks and settings and new weights."""
        config = dict(config)
        for name in ("encoder", "decoder", "likelihood"):
            if not isinstance(config[name], str):
                config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects=custom_objects)
        return cls(**config)

    def _decoded(self, codes: tf.Tensor, training: bool) -> tf.Tensor:
        """The mean of p(x | codes), in the shape of the data where it has their size."""
        axes = 2 if self.settings["latent"] == "categorical" else 1
        flat = flat_codes(codes, self.latent.size, axes)
        mean = self.likelihood.mean(tf.cast(self.decoder(flat, training=training), self.variable_dtype))
        same = math.prod(mean.shape[1:]) == math.prod(self.data_shape)
        return tf.reshape(mean, [-1, *self.data_shape]) if same else mean

    def _checked(self, x) -> tf.Tensor:
        """Data of a public method as a tensor."""
        self._require_built()
        x = self.observations((x,))
        if tuple(x.shape[1:]) != self.data_shape:
            raise UserError(f"x must be [N, {', '.join(map(str, self.data_shape))}], got the shape {tuple(x.shape)}")
        return x

    def _require_built(self) -> None:
        if not self.built:
            raise UserError("the VAE does not know the shape of its data; fit it, or call build((None, ...)) first")


def _code_shape(latent: str, variables: int, categories: int | None) -> tuple[int, ...]:
    """Shape of one example's code, as the estimators see it."""
    if latent not in LATENTS:
        raise UserError(f"unknown latent {latent!r}: {nearest(str(latent), LATENTS)}")
    for name, size, least in (("variables", variables, 1), ("categories", categories, 2)):
        if size is not None:
            check_count(name, size, least)
    if (latent == "categorical") != (categories is not None):
        needs = "needs categories, their number" if categories is None else "reads no categories"
        raise UserError(f"latent='{latent}' {needs}")
    return (variables,) if categories is None else (variables, categories)


def _latent_of(choice: Choice, shape: tuple[int, ...], prior, closed: bool, seed: int, dtype: str) -> VAELatent:
    if isinstance(choice.gradient, Objective):
        if closed:
            raise UserError("kl='closed' is for discrete latents; objectives of K samples hold log q at the samples")
        return GaussianLatents(
            choice.gradient, shape[0], choice.samples or 1, "standard" if prior is None else prior, seed, dtype
        )
    prior = "uniform" if prior is None else prior
    if isinstance(choice.gradient, type):
        return RelaxedCodes(
            choice.gradient, choice.options, (shape[0], shape[1]), choice.samples or 1, prior, closed, seed, dtype
        )
    return HardCodes(choice.gradient, shape, prior, closed, seed, dtype)
