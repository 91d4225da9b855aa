"""The latent part of a VAE: from the encoder's output to codes for the decoder, and the KL terms of the bounds."""

import math
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from igr_suite import relaxations
from igr_suite.models.vae_config import ModelConfig

LOGISTIC_LOG_SCALE = 0.541325  # log(e - 1), G2's initial log scale (spec/igr.md section 2.1)


class LatentDraw(NamedTuple):
    """Codes [S, B, size] for the decoder, the posterior they come from, and the law's own draw."""

    code: tf.Tensor
    posterior: object
    draw: object


class Latent(Protocol):
    """What a VAE asks of its latent variables."""

    size: int  # of a code
    parameters: int  # of the encoder's output

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> LatentDraw:
        """Encoder output [B, parameters] -> codes [samples, B, size]."""

    def sampled_kl(self, latent: LatentDraw, stick_the_landing: bool = False) -> tf.Tensor:
        """log q - log p at the draw, summed over variables: [S, B]."""

    def closed_kl(self, latent: LatentDraw) -> tf.Tensor | None:
        """KL(q || p) in closed form, [B]; None where there is none."""


class GaussianLatent:
    """z ~ N(m, diag s^2) with prior N(0, I); the encoder gives m and log s."""

    def __init__(self, size: int):
        self.size, self.parameters = size, 2 * size

    def sample(self, output: tf.Tensor, samples: int, seed: tf.Tensor) -> LatentDraw:
        """See Latent."""
        loc, log_scale = tf.split(output, 2, axis=-1)
        noise = tf.random.stateless_normal((samples, tf.shape(output)[0], self.size), seed, dtype=output.dtype)
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


def latent_of(config: ModelConfig, seed: int, dtype: tf.DType = tf.float32) -> tuple[Latent, list[tf.Variable]]:
    """Returns the latent part that a config names, and the variables it owns (a planar flow's weights)."""
    if config.name == "VAE":
        return GaussianLatent(config.latent_dim), []
    latent = DiscreteLatent(config, seed, dtype)
    return latent, latent.variables
