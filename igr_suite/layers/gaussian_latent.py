"""A layer of Gaussian variables."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.layers.latent import LatentLayer
from igr_suite.layers.scheduled import Scheduled
from igr_suite.randomness import standard_normal


class DiagonalGaussian(NamedTuple):
    """loc and log_scale [B, ..., V]; the scale is the exponential."""

    loc: tf.Tensor
    log_scale: tf.Tensor


class GaussianDraw(NamedTuple):
    """sample = loc + exp(log_scale) * noise, both [B, ..., V] or [S, B, ..., V]."""

    sample: tf.Tensor
    noise: tf.Tensor


@keras.saving.register_keras_serializable(package="igr_suite")
class GaussianLatent(LatentLayer):
    """V Gaussian variables with independent components, drawn by reparameterisation.

        loc, log_scale = split(Dense(inputs)),  z = loc + exp(log_scale) eps,  eps ~ N(0, I)
        loss += kl_weight * mean_b sum_v KL(q || p)

    Training draws; at inference `inference` decides: "sample" draws as in training, "mean" returns loc.

    Args:
      variables: V.
      samples, kl_weight, seed: as in `RelaxedCategorical`.
      dense: whether parameters come from a Dense layer of the layer's own; if not, inputs are [loc, log_scale],
        [B, ..., 2 V].
      kl: "closed", or "sampled", log q - log p at the draw.
      prior: "standard", N(0, I); "learned", with weights that begin there; or {"loc": ..., "log_scale": ...}, numbers
        that broadcast to [V].
      inference: "sample" or "mean".
    Call arguments:
      inputs: [B, ..., F].
      mask: bool [B, ...]; it passes, and masked positions have no KL.
    Returns:
      codes [B, ..., V] or [B, S, ..., V] in the policy's type.
    Raises:
      UserError: an argument that is wrong.
    Source: Kingma & Welling (2014); Rezende, Mohamed & Wierstra (2014).
    """

    default_prior = "standard"
    inferences = ("sample", "mean")
    kls = ("closed", "sampled")

    def __init__(
        self,
        variables: int,
        *,
        samples: int | None = None,
        dense: bool = True,
        kl_weight: Scheduled = 0.0,
        kl: str = "closed",
        prior: str | Mapping[str, Any] = "standard",
        inference: str = "sample",
        seed: int | None = None,
        **keras_options,
    ):
        super().__init__(
            variables,
            samples=samples,
            dense=dense,
            kl_weight=kl_weight,
            kl=kl,
            prior=prior,
            inference=inference,
            seed=seed,
            **keras_options,
        )
        self.blocks = {"loc": self.latents, "log_scale": self.latents}
        self.given_shape, self.code_shape = (2 * self.latents,), (self.latents,)
        self.finish()

    def distribution(self, parameters: dict[str, tf.Tensor]) -> DiagonalGaussian:
        return DiagonalGaussian(**parameters)

    def prior_of(self, posterior: DiagonalGaussian) -> DiagonalGaussian:
        given = self.prior_parameters()
        if given is None:
            zeros = tf.zeros([self.latents], posterior.loc.dtype)
            return DiagonalGaussian(zeros, zeros)
        return DiagonalGaussian(**given)

    def initial_prior(self) -> dict[str, tf.Tensor]:
        return dict.fromkeys(self.blocks, tf.zeros([self.latents], self.float_type))

    def draw(self, posterior: DiagonalGaussian, seed: tf.Tensor | None = None) -> GaussianDraw:
        loc, log_scale = posterior
        samples = [] if self.samples is None else [self.samples]
        shape = tf.concat([tf.constant(samples, tf.int32), tf.shape(loc)], 0)
        noise = standard_normal(shape, self.next_seed() if seed is None else seed, loc.dtype, batch_axis=len(samples))
        return GaussianDraw(loc + tf.exp(log_scale) * noise, noise)

    def kl_divergence(self, posterior: DiagonalGaussian, draw: GaussianDraw | None = None) -> tf.Tensor:
        from igr_suite.relaxations.gaussian import normal_log_density
        from igr_suite.relaxations.kl import gaussian_kl

        prior = self.prior_of(posterior)
        if self.kl == "closed":
            return gaussian_kl(*posterior, *prior)
        if draw is None:
            raise UserError(f"the KL of {self.name} is sampled (kl='sampled'); give kl_divergence the draw, too")
        standard = (draw.sample - prior.loc) * tf.exp(-prior.log_scale)
        kl = normal_log_density(draw.noise, posterior.log_scale) - normal_log_density(standard, prior.log_scale)
        return kl if self.samples is None else tf.reduce_mean(kl, 0)

    def code(self, posterior: DiagonalGaussian, draw: GaussianDraw | None, way: str) -> tf.Tensor:
        if way == "mean":
            return posterior.loc
        assert draw is not None  # only the mean goes without a draw
        return draw.sample
