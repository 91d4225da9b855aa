"""The stick-breaking mixture VAE (DLGMM): Gaussian components with stick-breaking weights between two networks."""

import keras
import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.families.mixture.bounds import (
    Bound,
    Components,
    historical_bound,
    joint_bound,
    log_importance_weight,
    mixture_bound,
)
from igr_suite.families.mixture.config import KUMARASWAMY, TRUNCATED, MixtureModelConfig
from igr_suite.families.mixture.sticks import (
    KumaraswamySticks,
    LogitNormalSticks,
    keep_first,
    kept_components,
    log_weights,
)
from igr_suite.networks.image_networks import computing_in, decoder, encoder
from igr_suite.networks.image_sides import CONVOLUTIONAL
from igr_suite.networks.likelihoods import bernoulli_log_likelihood
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step, run_seed, standard_normal, uniform
from igr_suite.training.adam import FusedAdam
from igr_suite.training.config_parts import OptimiserConfig

CLIP = 1e-4  # the authors clip sticks and weights to [1e-4, 0.9999]


def component_means(components: int, dimensions: int) -> tf.Tensor:
    """The prior's m_k [C, D]: m_1 = 0, entries of the others +-1/sqrt(D), the same in all runs. Source:
    docs/papers/igr.md, section 3.6.
    """
    signs = tf.sign(uniform((components - 1, dimensions), run_seed(0, "component means")) - 0.5)
    return tf.concat([tf.zeros((1, dimensions)), signs / dimensions**0.5], 0)


class MixtureDraw:
    """One draw of sticks and components for a batch.

    Attributes:
      sticks, logits: distribution of the sticks, and their logits [S, B, C-1].
      components: the draw of every component.
      kept: number of components that are kept [S, B].
      log_q, log_p: log weights of the posterior and of the prior [S, B, C].
    """

    def __init__(self, sticks, logits: tf.Tensor, components: Components, kept: tf.Tensor, log_q: tf.Tensor):
        self.sticks, self.logits, self.components, self.kept, self.log_q = sticks, logits, components, kept, log_q
        self.log_p = log_weights(logits)


class MixtureVAE(keras.Model):
    """A mixture VAE, trained on one of the bounds of `bounds.py`.

        p:  v_j ~ Beta(1, 1),  k ~ Cat(pi(v)),  z ~ N(m_k, I),  x ~ p(x | z)
        q:  sticks v, component weights w(v) and components N(z; loc_k, scale_k) from x
        pi_k = v_k prod_{j<k} (1 - v_j), the last one the remainder
        w = pi, or pi cut behind the threshold and renormalised

    Args:
      config: distributions, sizes, objective.
      image_shape: (height, width, channels).
      binarisation: how batches of uint8 become observations.
      optimiser: settings of Adam.
      samples: number S of samples in a training step.
      matmul_precision: "float32", or "bfloat16" for the networks in training steps only.
      seed: seed of the initial weights.
    Source: Nalisnick, Hertel & Smyth (2016), deep latent Gaussian mixtures; Potapczynski et al. (2020);
    docs/papers/igr.md, section 3.6.
    """

    scalars = ("elbo", "reconstruction", "kl_components", "kl_sticks")

    def __init__(
        self,
        config: MixtureModelConfig,
        *,
        image_shape: tuple[int, int, int],
        binarisation: str,
        optimiser: OptimiserConfig,
        samples: int = 1,
        matmul_precision: str = "float32",
        seed: int = 0,
    ):
        require_plain_keras()
        super().__init__(name="mixture_vae")
        self.config, self.binarisation = config, binarisation
        self.samples, self.matmul_precision = samples, matmul_precision
        # as for the other VAEs: XLA's bfloat16 products and its convolutions are slow on a CPU (docs/performance.md)
        self.jit_steps = matmul_precision == "float32" and config.architecture not in CONVOLUTIONAL
        self.decoded_a_sample = config.components
        self.sizes = [2 * (config.components - 1), *[config.components * config.dimensions] * 2]
        self.prior_loc = component_means(config.components, config.dimensions)
        self.encoder = encoder(config.architecture, image_shape, sum(self.sizes), 1000 * seed)
        self.decoder = decoder(config.architecture, config.dimensions, image_shape, 1, 1000 * seed + 500)
        self.optimiser = FusedAdam(optimiser.learning_rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        self.trained = [*self.encoder.trainable_variables, *self.decoder.trainable_variables]
        self.optimiser.build(self.trained)
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return [*self.trained, *self.optimiser.variables]

    def decode(self, z: tf.Tensor) -> tf.Tensor:
        """Logits of the pixels: [..., D] -> [..., pixels]."""
        flat = tf.cast(self.decoder(tf.reshape(z, (-1, self.config.dimensions))), z.dtype)
        return tf.reshape(flat, tf.concat([tf.shape(z)[:-1], [self.decoder.output_shape[-1]]], 0))

    def log_likelihood(self, z: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """log p(x | z_k): z [S, B, C, D], images [B, pixels] -> [S, B, C]."""
        return bernoulli_log_likelihood(self.decode(z), images[:, tf.newaxis])

    def sample(self, images: tf.Tensor, samples: int, seed: tf.Tensor) -> MixtureDraw:
        """Draws sticks and all components of q given images [B, pixels] in [0, 1]."""
        parameters, loc, log_variance = tf.split(tf.cast(self.encoder(images), images.dtype), self.sizes, -1)
        shape = (-1, self.config.components, self.config.dimensions)
        loc, log_scale = tf.reshape(loc, shape), 0.5 * tf.reshape(log_variance, shape)
        noise_shape = samples, tf.shape(images)[0], *shape[1:]
        noise = standard_normal(noise_shape, at_step(seed, tf.constant(1)), images.dtype, batch_axis=1)
        components = Components(loc + tf.exp(log_scale) * noise, loc, log_scale, tf.cast(self.prior_loc, images.dtype))
        sticks = (KumaraswamySticks if self.config.name in KUMARASWAMY else LogitNormalSticks)(parameters)
        logits = sticks.logits(samples, at_step(seed, tf.constant(2)))
        # the authors' slip: a stick is taken for the logit of one
        sigmoid_twice = self.config.objective == "historical" and self.config.name == "DLGMM_Var"
        pieces = tf.sigmoid(logits) if sigmoid_twice else logits
        weights = log_weights(pieces)
        if self.config.name not in TRUNCATED:
            kept = tf.fill(tf.shape(weights)[:2], self.config.components)
            return MixtureDraw(sticks, logits, components, kept, weights)
        kept = tf.broadcast_to(kept_components(pieces, *self._truncation), tf.shape(weights)[:2])
        return MixtureDraw(sticks, logits, components, kept, keep_first(weights, kept))

    @property
    def _truncation(self) -> tuple:
        config = self.config
        return config.threshold, config.truncation, config.quantile, config.objective != "historical"

    def bound(
        self, draw: MixtureDraw, log_likelihood: tf.Tensor, objective: str, stick_the_landing: bool = False
    ) -> Bound:
        """The parts [S, B] of one of the objectives at a draw."""
        components = draw.components.held() if stick_the_landing else draw.components
        if objective == "historical":
            clipped = tf.clip_by_value(tf.sigmoid(draw.logits), CLIP, 1 - CLIP)
            logits = tf.math.log(clipped) - tf.math.log1p(-clipped)
            pieces = clipped if self.config.name == "DLGMM_Var" else logits
            weights = tf.math.log(tf.clip_by_value(tf.exp(log_weights(pieces)), CLIP, 1 - CLIP))
            if self.config.name in TRUNCATED:
                weights = keep_first(weights, kept_components(pieces, *self._truncation), renormalise=False)
            return historical_bound(
                log_likelihood, components, weights, draw.sticks.log_density(logits, stick_the_landing)
            )
        kl_sticks = draw.sticks.log_density(draw.logits, stick_the_landing)
        function = mixture_bound if objective == "mixture" else joint_bound
        return function(log_likelihood, components, draw.log_p, draw.log_q, kl_sticks)

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of Adam on the negative objective.

        Args:
          batch: uint8 [B, pixels].
          seed: int32 [2], the seed of the step.
        Returns:
          {"elbo", "reconstruction", "kl_components", "kl_sticks"} of the config's objective: means over batch and
          samples, nats per image.
        """
        weights = [v.value for v in self.trained]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            with computing_in([self.encoder, self.decoder], self.matmul_precision):
                images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
                draw = self.sample(images, self.samples, at_step(seed, tf.constant(2)))
                log_likelihood = self.log_likelihood(draw.components.z, images)
            bound = self.bound(draw, log_likelihood, self.config.objective, self.config.stick_the_landing)
            scalars = {name: tf.reduce_mean(getattr(bound, name)) for name in self.scalars}
            loss = -scalars["elbo"]
        self.optimiser.apply(tape.gradient(loss, weights), self.trained)
        return scalars

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor, usage: bool = False) -> dict[str, tf.Tensor]:
        """Bounds of each image from one draw of all components.

        Args:
          batch: uint8 [B, pixels].
          seed: int32 [2].
          usage: whether to return the weights of the components too.
        Returns:
          Nats per image, each [B]:
          elbo, reconstruction, kl_components, kl_sticks: the mixture bound and its parts, whatever the objective of
            training.
          elbo_joint: the joint bound.
          objective_historical: the authors' objective, where the model is trained on it; not a bound.
          components_an_image: perplexity of the image's own weights.
          kept, cut_share: number of components that are kept and share of those that are cut (truncated models).
          weight_1, ...: the posterior's weight of each component. These and the three before are not in nats.
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        draw = self.sample(images, 1, at_step(seed, tf.constant(2)))
        log_likelihood = self.log_likelihood(draw.components.z, images)
        bound = self.bound(draw, log_likelihood, "mixture")
        result = {name: getattr(bound, name)[0] for name in self.scalars}
        result["elbo_joint"] = self.bound(draw, log_likelihood, "joint").elbo[0]
        if self.config.objective == "historical":
            result["objective_historical"] = self.bound(draw, log_likelihood, "historical").elbo[0]
        weights = tf.exp(draw.log_q[0])
        result["components_an_image"] = tf.exp(-tf.reduce_sum(weights * draw.log_q[0], -1))
        if self.config.name in TRUNCATED:
            kept = tf.cast(draw.kept[0], weights.dtype)
            result |= {"kept": kept, "cut_share": 1.0 - kept / self.config.components}
        if usage:
            result |= {f"weight_{k + 1}": weights[:, k] for k in range(self.config.components)}
        return result

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str = "mixture") -> tf.Tensor:
        """Log importance weights whose log-mean-exp estimates log p(x); one sample decodes all components.

        Args:
          batch: uint8 [B, pixels].
          samples: number S of samples.
          seed: int32 [2].
          estimator: "mixture", the only one; the authors' code has none for mixtures.
        Returns:
          [S, B].
        Source: Burda et al. (2016), eq. 8, with the component summed out.
        """
        images = to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))
        draw = self.sample(images, samples, at_step(seed, tf.constant(2)))
        log_likelihood = self.log_likelihood(draw.components.z, images)
        return log_importance_weight(
            log_likelihood, draw.components, draw.log_p, draw.log_q, draw.sticks.log_density(draw.logits)
        )
