"""The VAE with hard discrete codes whose encoder is trained by RELAX."""

import math

import keras
import tensorflow as tf

from igr_suite import relaxations
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.families.hard_vae.config import RelaxModelConfig
from igr_suite.families.hard_vae.distributions import Bernoulli, Categorical, CodeSample
from igr_suite.families.hard_vae.gaussian_argmax import GaussianArgmax, parameters_of
from igr_suite.families.hard_vae.gradients import (
    Control,
    evaluate_control,
    reinforce_gradient,
    relax_gradient,
    sampling_variance,
    variance_direction,
)
from igr_suite.keras_variables import watchable
from igr_suite.networks.image_networks import decoder, dense_stack, encoder
from igr_suite.networks.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step
from igr_suite.training.adam import FusedAdam
from igr_suite.training.config_parts import OptimiserConfig

DISTRIBUTION_POINTS = 64  # quadrature points of the distribution of all categories in evaluations


class RelaxVAE(keras.Model):
    """p(x, b) = p(b) p(x | b), p(b) uniform, q(b | x) discrete; trained on f(b) = -log p(x | b) + log q(b | x) - log
    p(b).

    The encoder's gradient is that of RELAX (`gradients.relax_gradient`) with c(z) = f(psi(z)) + net(2 psi(z) - 1), psi
    the relaxed code. The decoder's gradient is that of -log p(x | b). The net and the log-temperatures follow the
    gradient of the squared norm of the encoder's gradient.

    Args:
      config: distribution, networks, control variate.
      image_shape: (height, width, channels).
      likelihood: distribution of a pixel, "bernoulli" or "gaussian".
      binarisation: how batches of uint8 become observations.
      optimiser: settings of each of the three Adam optimisers.
      seed: seed of the initial weights.
    Source: Grathwohl et al. (2018), algorithm 1; docs/papers/igr.md, section 3.5.
    """

    scalars = ("elbo", "reconstruction", "kl", "squared_gradient")
    jit_steps = True  # measured: docs/performance.md

    def __init__(
        self,
        config: RelaxModelConfig,
        *,
        image_shape: tuple[int, int, int],
        likelihood: str,
        binarisation: str,
        optimiser: OptimiserConfig,
        seed: int = 0,
    ):
        require_plain_keras()
        super().__init__(name="relax_vae")
        self.config, self.binarisation, self.likelihood = config, binarisation, likelihood
        variables, categories = config.variables, config.categories or 1
        self.code_size = variables * categories
        if config.name == "Relax_GS_Dis":
            self.distribution, self.parameters, noise = Categorical(config.relaxation), categories, categories
        elif config.name == "Relax_Ber_Dis":
            self.distribution, self.parameters, noise = Bernoulli(), 1, 1
        else:
            self.distribution = GaussianArgmax(config.points)
            self.parameters, noise = 2 * (categories - 1), categories - 1
        self.log_prior = -variables * math.log(max(2, categories))
        self.sign = -1.0 if config.kl_sign == "historical" else 1.0
        self.estimator = config.estimator or "relax"
        self.coupling = "unrelated" if self.estimator == "historical" else config.coupling or "coupled"
        self.encoder = encoder(config.architecture, image_shape, variables * self.parameters, 1000 * seed)
        self.decoder = decoder(
            config.architecture, self.code_size, image_shape, 2 if likelihood == "gaussian" else 1, 1000 * seed + 500
        )
        self.net = dense_stack((config.control_units,), 1, 1000 * seed + 700, "control")
        self.net.build((None, self.code_size))
        self.log_temperature = tf.Variable(
            tf.fill([variables, noise], math.log(config.temperature)), name="log_temperature"
        )
        self.groups = (
            list(self.encoder.trainable_variables),
            list(self.decoder.trainable_variables),
            [*self.net.trainable_variables, self.log_temperature],
        )
        self.optimisers = [
            FusedAdam(optimiser.learning_rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
            for _ in self.groups
        ]
        for adam, group in zip(self.optimisers, self.groups):
            adam.build(group)
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return [v for adam, group in zip(self.optimisers, self.groups) for v in (*group, *adam.variables)]

    def encode(self, images: tf.Tensor) -> tf.Tensor:
        """Images [B, D] -> parameters of the distribution [B, V, P]."""
        output = tf.reshape(self.encoder(images), (-1, self.config.variables, self.parameters))
        if self.config.name != "Relax_IGR":
            return output
        if self.config.parameters == "bounded":
            loc, log_scale = tf.split(output, 2, axis=-1)
            return tf.concat([tf.tanh(loc), tf.math.log(0.5 + 0.5 * tf.sigmoid(log_scale))], -1)
        return tf.concat(parameters_of(output, self.config.categories), -1)

    def log_likelihood(self, code: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """log p(x | code): codes [S, B, V, K], images [B, D] -> [S, B]."""
        shape = tf.shape(code)
        parameters = self.decoder(tf.reshape(code, (-1, self.code_size)))
        parameters = tf.reshape(parameters, (shape[0], shape[1], self.decoder.output_shape[-1]))
        if self.likelihood == "gaussian":
            return gaussian_log_likelihood(
                parameters, images, "elu" if self.config.output_activation == "elu" else None
            )
        return bernoulli_log_likelihood(parameters, images)

    def control(self, draw: CodeSample, parameters: tf.Tensor, images: tf.Tensor) -> Control:
        """c = f(psi) + net(2 psi - 1) of each image, and its slope, at the draw's noise."""

        def function(z):
            relaxed = self.distribution.relaxed(z, tf.exp(self.log_temperature), parameters)
            kl = self.sign * (self.distribution.log_prob(relaxed, parameters) - self.log_prior)
            net = self.net(tf.reshape(2.0 * relaxed - 1.0, (-1, self.code_size)))
            return kl - self.log_likelihood(relaxed, images) + tf.reshape(net, tf.shape(kl))

        return evaluate_control(function, draw, self.coupling)

    def gradient(self, draw: CodeSample, value: tf.Tensor, control: Control) -> tf.Tensor:
        """RELAX's gradient of each image's loss [B, V, P]."""
        direct = 0.0 if self.config.stick_the_landing else self.sign
        return relax_gradient(self.distribution, draw, value, control, direct, self.estimator)

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of each of the three optimisers.

        Args:
          batch: uint8 [B, D].
          seed: int32 [2], the seed of the step.
        Returns:
          Means over the batch in nats per image, "elbo", "reconstruction" and "kl" at the hard codes; and
          "squared_gradient", the squared norm of the gradient with respect to the encoder's parameters.
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        size = tf.cast(tf.shape(images)[0], tf.float32)
        weights = [watchable(group) for group in self.groups]
        with tf.GradientTape(watch_accessed_variables=False) as encoder_tape:
            encoder_tape.watch(weights[0])
            parameters = self.encode(images)
        draw = self.distribution.draw(parameters, at_step(seed, tf.constant(2)), self.coupling)
        with tf.GradientTape(watch_accessed_variables=False) as decoder_tape:
            decoder_tape.watch(weights[1])
            reconstruction = self.log_likelihood(draw.code[tf.newaxis], images)[0]
            decoder_loss = -tf.reduce_mean(reconstruction)
        kl = draw.log_prob - self.log_prior
        with tf.GradientTape(watch_accessed_variables=False) as control_tape:
            control_tape.watch(weights[2])
            control = self.control(draw, parameters, images)
            per_image = self.gradient(draw, self.sign * kl - reconstruction, control) / size
            gradients = encoder_tape.gradient(parameters, weights[0], output_gradients=tf.stop_gradient(per_image))
            gradients = [tf.stop_gradient(g) for g in gradients]
            direction = self._direction(images, weights[0], gradients, per_image)
            loss = 2.0 * variance_direction(self.distribution, draw, control, direction, self.estimator) / size
        self.optimisers[0].apply(gradients, self.groups[0])
        self.optimisers[1].apply(decoder_tape.gradient(decoder_loss, weights[1]), self.groups[1])
        self.optimisers[2].apply(control_tape.gradient(loss, weights[2]), self.groups[2])
        reconstruction, kl = tf.reduce_mean(reconstruction), tf.reduce_mean(kl)
        squared = tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients])
        return {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl, "squared_gradient": squared}

    def _direction(self, images: tf.Tensor, weights: list, gradients: list, per_image: tf.Tensor) -> tf.Tensor:
        """Direction [B, V, P] of `variance_direction`: each image's gradient, or the change of the encoder's output
        along the gradient with respect to the encoder's parameters."""
        if self.config.control_objective == "outputs":
            return per_image
        with tf.autodiff.ForwardAccumulator(weights, gradients) as accumulator:
            parameters = self.encode(images)
        return accumulator.jvp(parameters)

    def log_distribution(self, parameters: tf.Tensor) -> tf.Tensor:
        """log q(b_v = k) [B, V, K]; for binary units [B, V, 2], off and on."""
        if self.config.name == "Relax_Ber_Dis":
            return tf.math.log_sigmoid(tf.concat([-parameters, parameters], -1))
        if self.config.name == "Relax_GS_Dis":
            return tf.nn.log_softmax(parameters)
        loc, log_scale = tf.split(parameters, 2, axis=-1)
        return tf.function(
            lambda: relaxations.gaussian_argmax_log_probs(loc, log_scale, points=DISTRIBUTION_POINTS),
            jit_compile=True,
            autograph=False,
        )()

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Bounds of each image from one hard code.

        Args:
          batch: uint8 [B, D].
          seed: int32 [2].
        Returns:
          Nats per image, each [B]: elbo_one_hot_exact (exact KL of the discrete distributions), and its parts
          reconstruction and discrete_kl.
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        parameters = self.encode(images)
        draw = self.distribution.draw(parameters, at_step(seed, tf.constant(2)), "coupled")
        reconstruction = self.log_likelihood(draw.code[tf.newaxis], images)[0]
        kl = tf.reduce_sum(relaxations.categorical_kl(self.log_distribution(parameters)), -1)
        return {"elbo_one_hot_exact": reconstruction - kl, "reconstruction": reconstruction, "discrete_kl": kl}

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str) -> tf.Tensor:
        """log p(x | b_s) + log p(b_s) - log q(b_s | x), whose log-mean-exp estimates log p(x).

        Args:
          batch: uint8 [B, D].
          samples: number S of samples.
          seed: int32 [2].
          estimator: "one_hot", the only one: hard codes with their exact probability.
        Returns:
          [S, B].
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        parameters = self.encode(images)
        log_distribution = self.log_distribution(parameters)
        repeated = tf.broadcast_to(parameters, tf.concat([[samples], tf.shape(parameters)], 0))
        code = self.distribution.hard(repeated, at_step(seed, tf.constant(2)))
        chosen = tf.concat([1.0 - code, code], -1) if self.config.name == "Relax_Ber_Dis" else code
        log_q = tf.reduce_sum(tf.math.multiply_no_nan(log_distribution, chosen), [-2, -1])
        return self.log_likelihood(code, images) + self.log_prior - log_q

    def gradient_variance(self, batch: tf.Tensor, draws: int, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Sampling variance of the gradient with respect to the encoder's output at the present weights.

            mean over images of sum_p Var over draws [g_p]

        Args:
          batch: uint8 [B, D].
          draws: number of draws of the noise for every image.
          seed: int32 [2].
        Returns:
          "gradient_variance" of the model's estimator, "reinforce_variance" of the score function on the same codes:
          scalars, nats^2.
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        parameters = tf.repeat(self.encode(images), draws, 0)
        images = tf.repeat(images, draws, 0)
        draw = self.distribution.draw(parameters, at_step(seed, tf.constant(2)), self.coupling)
        value = self.sign * (draw.log_prob - self.log_prior) - self.log_likelihood(draw.code[tf.newaxis], images)[0]
        relax = self.gradient(draw, value, self.control(draw, parameters, images))
        reinforce = reinforce_gradient(draw, value, 0.0 if self.config.stick_the_landing else self.sign)
        return {
            f"{name}_variance": sampling_variance(tf.transpose(tf.reshape(g, (-1, draws, *g.shape[1:])), (1, 0, 2, 3)))
            for name, g in (("gradient", relax), ("reinforce", reinforce))
        }
