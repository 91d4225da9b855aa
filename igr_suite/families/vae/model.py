"""The VAE of the IGR experiments: any relaxed discrete distribution, Gaussian latents, or both, between two
networks."""

import keras
import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.data.resizing import resize
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.joint_objective import jointvae_objective
from igr_suite.families.vae.latents import JointDraw, LatentDraw, latent_of
from igr_suite.keras_variables import watchable
from igr_suite.networks.image_networks import computing_in, decoder, encoder
from igr_suite.networks.image_sides import CONVOLUTIONAL
from igr_suite.networks.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step
from igr_suite.training.adam import FusedAdam
from igr_suite.training.config_parts import OptimiserConfig


class DiscreteVAE(keras.Model):
    """p(x, z) = p(z) p(x | z), q(z | x) a relaxed distribution; trained on the negative ELBO or, with a capacity, on
    the JointVAE loss.

        ELBO = mean_s [log p(x | z_s) - KL],  z_s ~ q(z | x)

    KL is log q - log p at the sample ("sampled") or the Gaussians' closed form ("closed").

    Args:
      config: latent distribution, networks, KL.
      image_shape: (height, width, channels) of the data.
      likelihood: distribution of a pixel, "bernoulli" or "gaussian".
      binarisation: how batches of uint8 become observations.
      resize: side of the square that binarised images are resized to; None leaves their size.
      optimiser: settings of Adam.
      samples: number S of samples in a training step.
      matmul_precision: "float32", or "bfloat16" for the networks in training steps only.
      seed: seed of the initial weights.
    Source: Potapczynski, Loaiza-Ganem & Cunningham (2020), section 5; docs/papers/igr.md, section 3.3.
    """

    scalars = ("elbo", "reconstruction", "kl")

    def __init__(
        self,
        config: ModelConfig,
        *,
        image_shape: tuple[int, int, int],
        likelihood: str,
        binarisation: str,
        resize: int | None = None,
        optimiser: OptimiserConfig,
        samples: int = 1,
        matmul_precision: str = "float32",
        seed: int = 0,
    ):
        require_plain_keras()
        super().__init__(name="discrete_vae")
        self.config, self.binarisation, self.likelihood, self.samples = config, binarisation, likelihood, samples
        self.matmul_precision = matmul_precision
        # measured: XLA's bfloat16 products and its convolutions are slow on a CPU (docs/performance.md)
        self.jit_steps = matmul_precision == "float32" and config.architecture not in CONVOLUTIONAL
        self.data_shape, self.resize = image_shape, resize
        self.image_shape = image_shape if resize is None else (resize, resize, image_shape[2])
        self.objective = "elbo" if config.capacity is None else "jointvae"  # the scalar that training maximises
        if config.joint:
            self.scalars += "kl_continuous", "kl_discrete"
        if config.capacity is not None:
            self.scalars += ("jointvae",)
        self.latent = latent_of(config, seed)
        pixel_parameters = 2 if likelihood == "gaussian" else 1
        self.encoder = encoder(config.architecture, self.image_shape, self.latent.parameters, 1000 * seed)
        self.decoder = decoder(
            config.architecture, self.latent.size, self.image_shape, pixel_parameters, 1000 * seed + 500
        )
        self.optimiser = FusedAdam(optimiser.learning_rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        self.trained = [*self.encoder.trainable_variables, *self.decoder.trainable_variables, *self.latent.variables]
        self.optimiser.build(self.trained)
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return [*self.trained, *self.optimiser.variables]

    def observe(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Binarises and resizes uint8 images [B, D of the data] to observations [B, D] in [0, 1]; the binarisation
        "dynamic" reads `seed`."""
        images = to_unit_interval(batch, self.binarisation, seed)
        return images if self.resize is None else resize(images, self.data_shape, self.resize)

    def _encode(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.encoder(images), images.dtype)

    def log_likelihood(self, code: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """log p(x | z): codes [S, B, size], images [B, D] -> [S, B]."""
        shape = tf.shape(code)
        parameters = tf.cast(self.decoder(tf.reshape(code, (-1, self.latent.size))), code.dtype)
        parameters = tf.reshape(parameters, (shape[0], shape[1], self.decoder.output_shape[-1]))
        if self.likelihood == "gaussian":
            return gaussian_log_likelihood(
                parameters, images, "elu" if self.config.output_activation == "elu" else None
            )
        return bernoulli_log_likelihood(parameters, images)

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of Adam on the negative ELBO or the JointVAE loss.

        Args:
          batch: uint8 [B, D].
          seed: int32 [2], the seed of the step.
        Returns:
          {"elbo", "reconstruction", "kl"}: means over batch and samples, nats per image. A joint model adds
          "kl_continuous" and "kl_discrete", one with a capacity "jointvae", the negated JointVAE loss at the step's
          capacity.
        """
        weights = watchable(self.trained)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            with computing_in([self.encoder, self.decoder], self.matmul_precision):
                bounds = self.bounds(batch, seed)
            loss = -bounds[self.objective]
        self.optimiser.apply(tape.gradient(loss, weights), self.trained)
        return bounds

    def bounds(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """The training bound and its two parts; arguments and result as in `train_step`."""
        images = self.observe(batch, at_step(seed, tf.constant(1)))
        latent = self.latent.sample(self._encode(images), self.samples, at_step(seed, tf.constant(2)))
        log_likelihood = self.log_likelihood(latent.code, images)
        if self.config.joint:
            return self._joint_bounds(log_likelihood, latent)
        reconstruction = tf.reduce_mean(log_likelihood)
        kl = tf.reduce_mean(self._kl(latent))
        return {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def _joint_bounds(self, log_likelihood: tf.Tensor, latent: JointDraw) -> dict[str, tf.Tensor]:
        kinds = self.config.continuous_kl, self.config.kl
        kls = [
            part.closed_kl(draw) if kind == "closed" else part.sampled_kl(draw, self.config.stick_the_landing)
            for kind, (part, draw) in zip(kinds, self.latent.parts(latent))
        ]
        reconstruction, continuous, discrete = (tf.reduce_mean(term) for term in (log_likelihood, *kls))
        kl = continuous + discrete
        bounds = {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
        bounds |= {"kl_continuous": continuous, "kl_discrete": discrete}
        if self.config.capacity is not None:
            objective = jointvae_objective(log_likelihood, *kls, self.config.capacity, self.optimiser.iterations)
            bounds["jointvae"] = tf.reduce_mean(objective)
        return bounds

    def _kl(self, latent: LatentDraw) -> tf.Tensor:
        if self.config.kl == "closed":
            return self.latent.closed_kl(latent)
        return self.latent.sampled_kl(latent, self.config.stick_the_landing)

    def eval_step(
        self, batch: tf.Tensor, seed: tf.Tensor, discrete: bool = True, exact: bool = True
    ) -> dict[str, tf.Tensor]:
        """Bounds of each image from one sample.

        Args:
          batch: uint8 [B, D].
          seed: int32 [2].
          discrete: whether to measure one-hot codes too.
          exact: whether to measure them with the exact distribution of the argmax too, where it is known.
        Returns:
          Nats per image, each [B]:
          elbo_relaxed: relaxed code, sampled KL; a bound of the relaxed model.
          elbo_relaxed_closed: the same with the closed-form KL, where there is one.
          elbo_one_hot: one-hot code, relaxed KL (sampled). The KL of the relaxed distributions is at least that of
            their argmax, so this is a bound of the model whose prior is the argmax of the relaxed prior.
          elbo_one_hot_exact: one-hot code, KL of the exact distribution of the argmax to the uniform distribution (GS,
            IGR-I).
          n_required, never_exceeds: number of sticks that the truncation keeps, and share of draws that it never cuts
            (IGR-SB; not in nats).
          relaxed_code_discrete_kl: relaxed code with the KL of elbo_one_hot_exact, as the authors report it; this mixes
            two models and bounds neither (GS, IGR-I).
          kl_continuous, kl_discrete: the first in closed form, the second sampled (joint models).
          jointvae, jointvae_closed: JointVAE objective of the relaxed code at the capacities reached so far, higher is
            better, with sampled KLs and, where the discrete part has one, with closed ones. The authors print it as
            TeJV and TeJVC.
        """
        images = self.observe(batch, at_step(seed, tf.constant(1)))
        latent = self.latent.sample(self._encode(images), 1, at_step(seed, tf.constant(2)))
        relaxed, kl = self.log_likelihood(latent.code, images)[0], self.latent.sampled_kl(latent)[0]
        result = {"elbo_relaxed": relaxed - kl}
        closed = self.latent.closed_kl(latent)
        if closed is not None:
            result["elbo_relaxed_closed"] = relaxed - closed
        if self.config.joint:
            result |= self._joint_measurements(relaxed, latent)
        if self.config.name == "VAE" or not discrete:
            return result
        result |= {name: tf.fill(tf.shape(kl), value) for name, value in latent.draw.info.items()}
        one_hot = self.log_likelihood(self.latent.one_hot(latent), images)[0]
        result["elbo_one_hot"] = one_hot - kl
        if exact and self.latent.has_argmax_distribution:
            discrete_kl = self.latent.discrete_kl(latent)
            result |= {"elbo_one_hot_exact": one_hot - discrete_kl, "relaxed_code_discrete_kl": relaxed - discrete_kl}
        return result

    def _joint_measurements(self, relaxed: tf.Tensor, latent: JointDraw) -> dict[str, tf.Tensor]:
        """What `eval_step` measures of joint models only."""
        parts = self.latent.parts(latent)
        sampled = [part.sampled_kl(draw)[0] for part, draw in parts]
        closed = [part.closed_kl(draw) for part, draw in parts]
        result = {"kl_continuous": closed[0], "kl_discrete": sampled[1]}
        if self.config.capacity is not None:
            capacity, step = self.config.capacity, self.optimiser.iterations
            result["jointvae"] = jointvae_objective(relaxed, *sampled, capacity, step)
            if closed[1] is not None:
                result["jointvae_closed"] = jointvae_objective(relaxed, *closed, capacity, step)
        return result

    def weight_estimators(self, historical: bool = False) -> list[str]:
        """The importance-weighted estimators that this model has, see `log_weights`."""
        if not self.latent.has_argmax_distribution:
            return ["relaxed"]
        return ["relaxed", "one_hot", *(["historical"] if historical else [])]

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str) -> tf.Tensor:
        """Log importance weights whose log-mean-exp estimates log p(x).

            relaxed:     log p(x | psi_s) + log p(psi_s) - log q(psi_s)
            one_hot:     log p(x | z_s) - V log K - log q(z_s),  z_s = argmax psi_s, q its exact distribution;
                         for a joint model with continuous samples beside z_s and + log p - log q of these
            historical:  log p(x | z_s) - KL(q(z) || p(z)); the authors' estimator, no bound: it can exceed log p(x)

        Args:
          batch: uint8 [B, D].
          samples: number S of samples.
          seed: int32 [2].
          estimator: one of `weight_estimators`.
        Returns:
          [S, B].
        Source: Burda et al. (2016), eq. 8; docs/papers/igr.md, section 3.3.
        """
        images = self.observe(batch, at_step(seed, tf.constant(1)))
        latent = self.latent.sample(self._encode(images), samples, at_step(seed, tf.constant(2)))
        if estimator == "relaxed":
            return self.log_likelihood(latent.code, images) - self.latent.sampled_kl(latent)
        log_likelihood = self.log_likelihood(self.latent.one_hot(latent), images)
        if estimator == "historical":
            return log_likelihood - self.latent.discrete_kl(latent)
        return log_likelihood + self.latent.log_one_hot_ratio(
            latent, self.latent.log_argmax_distribution(latent.posterior)
        )
