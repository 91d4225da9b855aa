"""Monitors the gradients of a VAE while it trains: which of them vanish, and how noisy the bound's gradient is."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.families.vae.latents import LatentDraw
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.monitor_config import ORIGINAL_LIMIT, VANISHED_GRADIENT, VANISHED_JACOBIAN, MonitorConfig
from igr_suite.measuring.gradients import Moments, historical_norm, jacobian_norm
from igr_suite.randomness import at_step, run_seed

PERCENTILES = (10, 50, 90)


class GradientMonitor:
    """Measures gradients on a fixed batch of images, for a metrics row; equal weights give equal numbers, and training
    is not affected.

    Each norm is that of one image and one variable. `gradient` is d ELBO / d (all posterior parameters of the variable)
    with the KL that is trained on, `reconstruction` the part of it that comes through the decoder, and `jacobian` is
    |d code / d parameters|_F. All are taken at one draw of the noise, the same at every call. A row holds, for each of
    the three:

        monitor_<what>_p10, _p50, _p90
        monitor_<what>_vanished            share at most 1e-3 (jacobian), or at most 1e-3 of the untrained model's
                                           median (the others)
        monitor_<what>_below_1e-10         share at most 1e-10, the authors' limit

    It also holds variance and signal of the gradient of -ELBO across draws of the noise, with images and weights held
    fixed. <kl> is "sampled", "closed" where there is a closed form, or "none" for the reconstruction term alone. A
    closed KL adds no noise, so its variance is that of "none".

        monitor_parameters_variance_<kl>   gradient of an image's bound by its parameters: trace of the covariance, mean
                                           over images
        monitor_parameters_signal_<kl>     squared norm of its expectation (unbiased), mean over images
        monitor_weights_variance_<kl>      gradient of the batch's mean bound by the encoder's weights: trace of the
                                           covariance
        monitor_weights_signal_<kl>        squared norm of its expectation (unbiased)

    The historical metric gives monitor_historical_vanished, _p50 and _max, see `gradients.historical_norm`.

    Args:
      model: the model before training; `vanished` compares norms with its median norms.
      images: uint8 [N, D], training images; the first `config.images` are measured.
      config: what to measure.
      seed: seed of the run.
    Source: docs/papers/igr.md, section 3.8; the question is that of Potapczynski et al. (2020), figure 4.
    """

    def __init__(self, model: DiscreteVAE, images: np.ndarray, config: MonitorConfig, seed: int):
        self.model, self.config = model, config
        self.seed = run_seed(seed, "gradient monitor")
        self.images = model.observe(tf.constant(images[: config.images]), at_step(self.seed, tf.constant(1)))
        self._norms = tf.function(self.norms, autograph=False)
        self._historical = tf.function(self.historical, autograph=False)
        self._noise = tf.function(self.noise, autograph=False)
        self.start = (
            {name: float(np.median(values)) for name, values in self._norms().items()}
            if config.metric != "historical"
            else {}
        )

    def measure(self) -> dict[str, float]:
        """The numbers at the model's present weights, named as in the docstring of the class."""
        row = {}
        if self.config.metric != "historical":
            for name, norms in self._norms().items():
                limit = VANISHED_JACOBIAN if name == "jacobian" else VANISHED_GRADIENT * self.start[name]
                row |= _describe(name, norms.numpy(), limit)
            row |= {f"monitor_{name}": float(value) for name, value in self._noise().items()}
        if self.config.metric != "gradients":
            norms = self._historical().numpy()
            row |= {"monitor_historical_vanished": float(np.mean(norms <= ORIGINAL_LIMIT))}
            row |= {"monitor_historical_p50": float(np.median(norms)), "monitor_historical_max": float(norms.max())}
        return row

    def beside(self, evaluate: Callable[[int], dict[str, float]]) -> Callable[[int], dict[str, float]]:
        """Returns the loop's `evaluate` with these numbers added to its row."""
        return lambda step: evaluate(step) | self.measure()

    def norms(self) -> dict[str, tf.Tensor]:
        """Norms of one draw: {"gradient", "reconstruction", "jacobian"}, each [B, V]."""
        output, seed = self.model.encoder(self.images), at_step(self.seed, tf.constant(2))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(output)
            latent = self.model.latent.sample(output, self.model.samples, seed)
            reconstruction = tf.reduce_sum(self._reconstruction(latent))
            bound = reconstruction - tf.reduce_sum(self._kl(latent, self.model.config.kl))
        blocks = self._by_variable(output)

        def code_of(blocks: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(blocks, tf.shape(output))
            return self.model.latent.posterior(flat).draw((), at_step(self.seed, tf.constant(3))).sample

        return {
            "gradient": tf.norm(self._by_variable(tape.gradient(bound, output)), axis=-1),
            "reconstruction": tf.norm(self._by_variable(tape.gradient(reconstruction, output)), axis=-1),
            "jacobian": jacobian_norm(code_of, blocks),
        }

    def historical(self) -> tf.Tensor:
        """The authors' norms [B, V]: a plain softmax of the tempered scores, differentiated by the first block of
        parameters."""
        blocks = self._by_variable(self.model.encoder(self.images))
        latent, categories = self.model.latent, self.model.config.categories
        size = next(iter(latent.distribution.parameter_blocks(categories).values()))

        def logits_of(first: tf.Tensor) -> tf.Tensor:
            flat = tf.reshape(tf.concat([first, blocks[..., size:]], -1), (-1, latent.parameters))
            posterior = latent.posterior(flat)
            return posterior.draw((), at_step(self.seed, tf.constant(3))).scores / posterior.temperature

        return historical_norm(logits_of, blocks[..., :size])

    def noise(self) -> dict[str, tf.Tensor]:
        """Variance and signal of the gradients of -ELBO across draws, under their names without "monitor_"."""
        latent = self.model.latent.sample(self.model.encoder(self.images), 1, self.seed)
        closed = self.model.latent.closed_kl(latent) is not None
        moments = {}
        for kl in ("none", "sampled", *(["closed"] if closed else [])):
            parameters, weights = self._moments(kl)
            moments |= {
                f"parameters_variance_{kl}": tf.reduce_mean(parameters.variance(-1)),
                f"parameters_signal_{kl}": tf.reduce_mean(parameters.signal(-1)),
                f"weights_variance_{kl}": tf.add_n([m.variance() for m in weights]),
                f"weights_signal_{kl}": tf.add_n([m.signal() for m in weights]),
            }
        return moments

    def _moments(self, kl: str) -> tuple[Moments, list[Moments]]:
        weights = [variable.value for variable in self.model.encoder.trainable_variables]

        def gradients(draw: tf.Tensor) -> list[tf.Tensor]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                output = self.model.encoder(self.images)
                latent = self.model.latent.sample(output, self.model.samples, at_step(self.seed, 100 + draw))
                loss = -tf.reduce_sum(self._reconstruction(latent))
                if kl != "none":
                    loss += tf.reduce_sum(self._kl(latent, kl))
            by_output, *by_weights = tape.gradient(loss, [output, *weights])
            return [by_output, *(gradient / len(self.images) for gradient in by_weights)]

        def body(draw: tf.Tensor, *flat: Moments):
            return draw + 1, *(moments.add(value) for moments, value in zip(flat, gradients(draw)))

        shaped = [tf.zeros((len(self.images), self.model.latent.parameters)), *weights]
        start = [Moments.start(tensor) for tensor in shaped]
        loop = tf.while_loop(
            lambda draw, *_: draw < self.config.draws, body, (tf.constant(0), *start), parallel_iterations=1
        )
        return loop[1], list(loop[2:])

    def _reconstruction(self, latent: LatentDraw) -> tf.Tensor:
        return tf.reduce_mean(self.model.log_likelihood(latent.code, self.images), 0)

    def _kl(self, latent: LatentDraw, kl: str) -> tf.Tensor:
        if kl == "closed":
            return self.model.latent.closed_kl(latent)
        return tf.reduce_mean(self.model.latent.sampled_kl(latent, self.model.config.stick_the_landing), 0)

    def _by_variable(self, output: tf.Tensor) -> tf.Tensor:
        """[B, parameters] -> [B, V, P]."""
        variables = self.model.config.variables
        return tf.reshape(output, (-1, variables, self.model.latent.parameters // variables))


def _describe(name: str, norms: np.ndarray, limit: float) -> dict[str, float]:
    statistics = {f"p{p}": float(value) for p, value in zip(PERCENTILES, np.percentile(norms, PERCENTILES))}
    statistics |= {"vanished": float(np.mean(norms <= limit)), "below_1e-10": float(np.mean(norms <= ORIGINAL_LIMIT))}
    return {f"monitor_{name}_{key}": value for key, value in statistics.items()}
