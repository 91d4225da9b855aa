"""The latent part of a VAE: from the encoder's output to codes for the decoder, and the KL terms of the bounds."""

import math
from typing import NamedTuple, Protocol

import tensorflow as tf
import tensorflow_probability as tfp

from igr_suite import relaxations
from igr_suite.families.vae.config import EXACT_ARGMAX, ModelConfig
from igr_suite.randomness import at_step, run_seed, standard_normal
from igr_suite.studies.fits.priors import vae_prior

tfd = tfp.distributions

LOGISTIC_LOG_SCALE = 0.541325  # log(e - 1), G2's initial log scale (docs/papers/igr.md, section 2.1)


class LatentDraw(NamedTuple):
    """Codes [S, B, size] for the decoder, the posterior they come from, and the distribution's own draw."""

    code: tf.Tensor
    posterior: object
    draw: object


class JointDraw(NamedTuple):
    """Codes [S, B, continuous size + V K] and the two draws that they are made of; `posterior` and `draw` are those of
    the discrete part."""

    code: tf.Tensor
    continuous: LatentDraw
    discrete: LatentDraw

    @property
    def posterior(self) -> relaxations.Relaxation:
        """Distribution of the discrete part."""
        return self.discrete.posterior

    @property
    def draw(self) -> relaxations.Draw:
        """Draw of the discrete part."""
        return self.discrete.draw


class Latent(Protocol):
    """What a VAE needs of its latent variables."""

    size: int  # length of a code
    parameters: int  # length of the encoder's output

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> LatentDraw:
        """Encoder output [B, parameters] -> codes [samples, B, size]."""

    def sampled_kl(self, latent: LatentDraw, stick_the_landing: bool = False) -> tf.Tensor:
        """log q - log p at the draw, summed over variables: [S, B]."""

    def closed_kl(self, latent: LatentDraw) -> tf.Tensor | None:
        """KL(q || p) in closed form, [B]; None where there is none."""


class GaussianLatent:
    """z ~ N(m, diag s^2) with prior N(0, I); the encoder gives m and log s."""

    has_argmax_distribution = False
    records = {}  # a run has nothing to record beside its config

    def __init__(self, size: int):
        self.size, self.parameters = size, 2 * size

    @property
    def variables(self) -> list[tf.Variable]:
        """Trained variables of the latents: none."""
        return []

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> LatentDraw:
        """See Latent."""
        loc, log_scale = tf.split(output, 2, axis=-1)
        noise = standard_normal((samples, tf.shape(output)[0], self.size), seed, output.dtype, batch_axis=1)
        return LatentDraw(loc + tf.exp(log_scale) * noise, (loc, log_scale), noise)

    def sampled_kl(self, latent: LatentDraw, stick_the_landing: bool = False) -> tf.Tensor:
        """See Latent."""
        loc, log_scale = latent.posterior
        noise = latent.draw
        if stick_the_landing:
            loc, log_scale = tf.stop_gradient(loc), tf.stop_gradient(log_scale)
            noise = (latent.code - loc) * tf.exp(-log_scale)
        return 0.5 * tf.reduce_sum(latent.code**2 - noise**2 - 2 * log_scale, -1)

    def closed_kl(self, latent: LatentDraw) -> tf.Tensor:
        """See Latent."""
        loc, log_scale = latent.posterior
        return 0.5 * tf.reduce_sum(tf.exp(2 * log_scale) + loc**2 - 1 - 2 * log_scale, -1)


class DiscreteLatent:
    """V categorical variables relaxed by one of the distributions of `igr_suite.relaxations`; codes are [V K], variable
    by variable.

    Args:
      config: the model's config: distribution, temperature, prior and the distribution's own options.
      seed: seed of the initial weights of a planar flow.
    """

    def __init__(self, config: ModelConfig, seed: int):
        self.config = config
        self.distribution = relaxations.relaxation(config.distribution)
        self.parameters = config.variables * sum(self.distribution.parameter_blocks(config.categories).values())
        self.size = config.variables * config.categories
        names = ("delta", "threshold", "quantile", "truncation")
        self.options = {name: getattr(config, name) for name in names if getattr(config, name) is not None}
        self.flow = None
        if config.distribution == "IGR_Planar":
            weights = relaxations.initial_planar_flow(
                config.categories, config.variables, run_seed(seed, "planar flow")
            )
            self.flow = relaxations.PlanarFlow(
                *(tf.Variable(w, name=f"flow_{n}") for n, w in zip(weights._fields, weights))
            )
            self.options |= {"flow": self.flow, "norm": config.planar_norm}
        # Fitted here, before anything is traced. For a planar flow, which is trained, it is the Gaussian that the fit
        # of IGR-I gave.
        self.fitted = (
            vae_prior(config.distribution, config.categories, config.delta) if config.prior == "fitted" else None
        )

    @property
    def records(self) -> dict[str, object]:
        """What a run records about its latents beside its config: the fitted prior that it used."""
        return {} if self.fitted is None else {"prior": self.fitted.record}

    @property
    def variables(self) -> list[tf.Variable]:
        """Trained variables of the latents: the weights of a planar flow; other distributions have none."""
        return [] if self.flow is None else list(self.flow)

    def posterior(self, output: tf.Tensor) -> relaxations.Relaxation:
        """The distribution of the encoder's output [B, parameters], batch shape [B, V]."""
        blocks = tf.reshape(output, (-1, self.config.variables, self.parameters // self.config.variables))
        return self.distribution.from_network(blocks, self.config.temperature, **self.options)

    def prior(self) -> relaxations.Relaxation:
        """The prior, whose parameters broadcast against [B, V, ...]; behind a planar flow it is IGR-I's. Distributions
        without a choice of priors have their uniform one."""
        config, options = self.config, dict(self.options)
        if config.distribution == "GS":
            temperature = config.temperature if config.prior_temperature == "posterior" else config.prior_temperature
            return self.distribution.uniform_prior(config.categories, temperature)
        distribution = self.distribution
        if config.planar_prior == "after_flow":
            distribution, options = relaxations.relaxation("IGR_I"), {"delta": config.delta}
        if config.prior in ("uniform", None):
            return distribution.uniform_prior(config.categories, config.temperature, **options)
        if self.fitted is not None:
            return distribution(
                self.fitted.values["loc"], self.fitted.values["log_scale"], config.temperature, **options
            )
        loc, log_scale = {"standard": (0.0, 0.0), "logistic": (-math.log(config.categories - 1), LOGISTIC_LOG_SCALE)}[
            config.prior
        ]
        return distribution(
            tf.fill([config.categories - 1], loc),
            tf.fill([config.categories - 1], log_scale),
            config.temperature,
            **options,
        )

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> LatentDraw:
        """See Latent."""
        posterior = self.posterior(output)
        draw = posterior.draw(samples, seed)
        return LatentDraw(self._code(draw.sample), posterior, draw)

    def sampled_kl(self, latent: LatentDraw, stick_the_landing: bool = False) -> tf.Tensor:
        """See Latent."""
        options = {"prior_after_flow": True} if self.config.planar_prior == "after_flow" else {}
        kl = relaxations.sampled_kl(
            latent.posterior, self.prior(), latent.draw, stick_the_landing=stick_the_landing, **options
        )
        return tf.reduce_sum(kl, -1)

    def closed_kl(self, latent: LatentDraw) -> tf.Tensor | None:
        """See Latent."""
        if self.config.distribution == "GS" or self.config.planar_prior == "after_flow":
            return None
        return tf.reduce_sum(tfd.kl_divergence(latent.posterior, self.prior()), -1)

    def one_hot(self, latent: LatentDraw) -> tf.Tensor:
        """Codes of the argmax of every variable: [S, B, size]."""
        return self._code(relaxations.nearest_vertex(latent.draw.sample))

    @property
    def has_argmax_distribution(self) -> bool:
        """Whether the distribution of the argmax is known in closed form or by quadrature."""
        return self.config.name in EXACT_ARGMAX

    def log_argmax_distribution(self, posterior: relaxations.Relaxation) -> tf.Tensor:
        """log P(argmax = k) of every variable: [B, V, K]; for distributions with `has_argmax_distribution`."""
        return tf.function(
            lambda: relaxations.argmax_log_probs(posterior, points=64), jit_compile=True, autograph=False
        )()  # compiled, it is 5 times faster

    def discrete_kl(self, latent: LatentDraw) -> tf.Tensor:
        """KL of the argmax's distribution to the uniform one, summed over variables: sum_v [log K + sum_k p log p],
        [B]."""
        return tf.reduce_sum(relaxations.categorical_kl(self.log_argmax_distribution(latent.posterior)), -1)

    def log_one_hot_ratio(self, latent: LatentDraw, log_distribution: tf.Tensor) -> tf.Tensor:
        """log p(z) - log q(z) at the argmax z of a draw, p uniform: [S, B].

        Args:
          latent: a draw.
          log_distribution: `log_argmax_distribution` of the draw's posterior [B, V, K].
        """
        chosen = relaxations.nearest_vertex(latent.draw.sample)
        log_q = tf.reduce_sum(tf.math.multiply_no_nan(log_distribution, chosen), [-2, -1])
        return -self.config.variables * math.log(self.config.categories) - log_q

    def _code(self, sample: tf.Tensor) -> tf.Tensor:
        """[S, B, V, K] -> [S, B, V K]."""
        return tf.reshape(sample, tf.concat([tf.shape(sample)[:2], [self.size]], 0))


class JointLatent:
    """Continuous and discrete latents side by side: parameters and codes are [continuous, discrete], KLs are the sums
    of the two parts.

    Args:
      config: the model's config, of a joint model.
      seed: seed of the initial weights of a planar flow.
    """

    def __init__(self, config: ModelConfig, seed: int):
        self.continuous, self.discrete = GaussianLatent(config.latent_dim), DiscreteLatent(config, seed)
        self.size = self.continuous.size + self.discrete.size
        self.parameters = self.continuous.parameters + self.discrete.parameters

    @property
    def variables(self) -> list[tf.Variable]:
        """Trained variables of the discrete part."""
        return self.discrete.variables

    @property
    def records(self) -> dict[str, object]:
        """What a run records about the discrete part beside its config."""
        return self.discrete.records

    @property
    def has_argmax_distribution(self) -> bool:
        """Whether the distribution of the argmax of the discrete part is known."""
        return self.discrete.has_argmax_distribution

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> JointDraw:
        """See Latent; the two parts are independent given the image."""
        continuous, discrete = tf.split(output, [self.continuous.parameters, self.discrete.parameters], axis=-1)
        first = self.continuous.sample(continuous, samples, at_step(seed, tf.constant(101)))
        second = self.discrete.sample(discrete, samples, at_step(seed, tf.constant(102)))
        return JointDraw(tf.concat([first.code, second.code], -1), first, second)

    def sampled_kl(self, latent: JointDraw, stick_the_landing: bool = False) -> tf.Tensor:
        """See Latent."""
        return sum(part.sampled_kl(draw, stick_the_landing) for part, draw in self.parts(latent))

    def closed_kl(self, latent: JointDraw) -> tf.Tensor | None:
        """See Latent."""
        continuous, discrete = (part.closed_kl(draw) for part, draw in self.parts(latent))
        return None if discrete is None else continuous + discrete

    def parts(self, latent: JointDraw) -> tuple[tuple[GaussianLatent, LatentDraw], tuple[DiscreteLatent, LatentDraw]]:
        """The continuous and the discrete part, each with its draw, for KLs of the parts one by one."""
        return (self.continuous, latent.continuous), (self.discrete, latent.discrete)

    def one_hot(self, latent: JointDraw) -> tf.Tensor:
        """Continuous codes beside those of the argmax of every variable: [S, B, size]."""
        return tf.concat([latent.continuous.code, self.discrete.one_hot(latent.discrete)], -1)

    def log_argmax_distribution(self, posterior: relaxations.Relaxation) -> tf.Tensor:
        """log P(argmax = k) of every discrete variable: [B, V, K]."""
        return self.discrete.log_argmax_distribution(posterior)

    def discrete_kl(self, latent: JointDraw) -> tf.Tensor:
        """KL with the argmax's distribution in place of the relaxed one: closed form of the continuous part + sum_v
        [log K + sum_k p log p], [B]."""
        return self.continuous.closed_kl(latent.continuous) + self.discrete.discrete_kl(latent.discrete)

    def log_one_hot_ratio(self, latent: JointDraw, log_distribution: tf.Tensor) -> tf.Tensor:
        """log p(z) - log q(z) at the continuous sample and the argmax: [S, B]; `log_distribution` as in
        DiscreteLatent."""
        return self.discrete.log_one_hot_ratio(latent.discrete, log_distribution) - self.continuous.sampled_kl(
            latent.continuous
        )


def latent_of(config: ModelConfig, seed: int) -> GaussianLatent | DiscreteLatent | JointLatent:
    """The latent part that a config names."""
    if config.name == "VAE":
        return GaussianLatent(config.latent_dim)
    return JointLatent(config, seed) if config.joint else DiscreteLatent(config, seed)
