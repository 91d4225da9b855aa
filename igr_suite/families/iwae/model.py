"""The Gaussian-latent VAE trained on K-sample objectives, with doubly reparameterised and other gradients."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from igr_suite import randomness
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.families.iwae import networks as nets
from igr_suite.families.iwae.config import DReGConfig, DReGOptimiserConfig, weight_shapes
from igr_suite.families.iwae.draws import Draws, log_ratio, posterior_gradients, prior_gradients
from igr_suite.measuring.gradient_ema import GradientEMA
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.objectives import registry
from igr_suite.objectives.base import Coefficients, Objective, effective_sample_size
from igr_suite.objectives.control_variate import SCALARS, ControlVariateDReG, scalar_gradients
from igr_suite.randomness import at_step, run_seed
from igr_suite.replicas import mean_over_replicas
from igr_suite.training.adam import FusedAdam

EMA_DECAY = 0.99  # as in the authors' code, whose averages start at 0 without correction


class DReGVAE(keras.Model):
    """One stochastic layer, with q(z | x) and p(x | z) of two hidden tanh layers each; optionally p(x | z, c) and
    p(z | c), where x and c are the halves of an image.

    Gradients of every objective are sums over samples of products of its coefficients (c, d, a) with three derivatives
    of log densities, which are the same for all objectives (`objectives`; docs/papers/dreg.md, section 2.1):

        g_phi = sum_k c_k v_k' dz_k/dphi + d_k dlog q(z_k)/dphi,   g_theta = sum_k a_k dlog p(x, z_k)/dtheta,
        v_k = dlog w_k / dz_k

    One forward and one backward pass of the decoder therefore give the gradients of all objectives; each objective adds
    one backward pass of the encoder (B rows).

    Args:
      config: networks, objective, number of samples.
      optimiser: settings of Adam.
      mean: mean of the grey training images [pixels].
      binarisation: "dynamic", a draw for each use of an image, or "static", images that are binary already.
      precision: "bfloat16" is the type of the operands of the decoder's products in training.
      track: names of objectives whose gradients are measured beside the trained one's.
      averages: whether training keeps moving averages of the gradients' variance.
      trains: "all", or "inference" for the encoder alone.
      seed: of the initial weights.
      float_type: float64 in tests.
    """

    # measured: products of this size are faster in oneDNN; only the likelihood is compiled (docs/performance.md)
    jit_steps = False

    def __init__(
        self,
        config: DReGConfig,
        optimiser: DReGOptimiserConfig,
        mean: np.ndarray,
        binarisation: str = "dynamic",
        precision: str = "float32",
        track: Sequence[str] = (),
        averages: bool = False,
        trains: str = "all",
        seed: int = 0,
        float_type: tf.DType = tf.float32,
    ):
        require_plain_keras()
        super().__init__(name="dreg_vae")
        self.config, self.binarisation, self.trains, self.float_type = config, binarisation, trains, float_type
        self.operand = tf.bfloat16 if precision == "bfloat16" else None
        self.halves = nets.Halves(mean, config.struct_layout, float_type)
        self.objectives: dict[str, Objective] = {
            name: registry.build(name, **config.options_of(name)) for name in dict.fromkeys((config.estimator, *track))
        }
        self.controls = []  # scalars of the one objective that has trained parameters of its own
        if config.estimator == ControlVariateDReG.facts.name:
            self.controls = [tf.Variable(tf.zeros((), float_type)) for _ in SCALARS]
            self.objectives[config.estimator] = ControlVariateDReG(**dict(zip(SCALARS, self.controls)))
        shapes = weight_shapes(config, len(mean))
        start = nets.initial_weights(shapes, run_seed(seed, "weights"), float_type)
        self.chains = {name: [tf.Variable(value) for value in chain] for name, chain in start.items()}
        self.encoder = self.chains["encoder"]
        self.generative = [v for name, chain in self.chains.items() if name != "encoder" for v in chain]
        self.weights_in_order = [*self.encoder, *self.generative]
        self.trained = [*(self.encoder if trains == "inference" else self.weights_in_order), *self.controls]
        self.optimiser = FusedAdam(
            optimiser.learning_rate, beta_1=optimiser.beta_1, beta_2=optimiser.beta_2, epsilon=optimiser.epsilon
        )
        self.optimiser.build(self.trained)
        self.averages = self._averages(averages)
        self.built = True

    def _averages(self, wanted: bool) -> dict[str, GradientEMA]:
        if not wanted:
            return {}
        groups = dict.fromkeys(self.objectives, self.encoder) | (
            {"generative": self.generative} if self.trains == "all" else {}
        )
        return {
            name: GradientEMA([v.shape for v in group], len(group), 1, False, self.float_type, decay=EMA_DECAY)
            for name, group in groups.items()
        }

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of what a training step returns."""
        tracked = [name for name in self.averages if name != "generative"]
        statistics = [f"{kind}_{name}" for name in tracked for kind in ("variance", "snr2")]
        return ("objective", "ess", *statistics, *(["variance_generative"] if "generative" in self.averages else []))

    def state_variables(self) -> list:
        """Everything that training changes, the weights first, in a fixed order."""
        averages = [v for group in self.averages.values() for v in group.variables]
        return [*self.weights_in_order, *self.optimiser.variables, *self.controls, *averages]

    def count_params(self) -> int:
        """Number of scalars of all networks."""
        return sum(v.shape.num_elements() for v in self.weights_in_order)

    def observations(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """uint8 [B, pixels] -> binary [B, pixels]."""
        return to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)), self.float_type)

    def noise(self, samples: int, batch: int, seed: tf.Tensor, antithetic: bool = False) -> tf.Tensor:
        """eps [K, B, D]; antithetic noise is the first half of the samples and its negative."""
        seed, latents = at_step(seed, tf.constant(2)), self.config.latents
        if not antithetic:
            return _standard_normal((samples, batch, latents), seed, self.float_type)
        half = _standard_normal((samples // 2, batch, latents), seed, self.float_type)
        return tf.concat([half, -half], 0)

    def draw(self, x: tf.Tensor, eps: tf.Tensor, operand: tf.DType | None = None) -> Draws:
        """K samples of every image, their log weights, and the decoder's derivatives.

        Args:
          x: binary [B, pixels].
          eps: [K, B, D].
          operand: bfloat16 for the decoder's products, or None.
        """
        observed = self.halves.observe(x)
        posterior = nets.gaussian(self.encoder, observed.centred, self.config.sigma_min)
        prior = None
        if observed.context is not None:
            prior = nets.gaussian(self.chains["prior"], observed.centred_context, self.config.sigma_min)
        z = posterior.loc + posterior.scale * eps
        decoded = nets.decode(self.chains["decoder"], self.halves.offset, z, observed, operand)
        return Draws(
            eps, posterior, prior, z, observed, decoded, decoded.log_likelihood + log_ratio(z, eps, posterior, prior)
        )

    def random_draws(self, images: tf.Tensor, batch: int, image_seed: tf.Tensor, noise_seed: tf.Tensor) -> Draws:
        """`draw` of a random batch, as in training.

        Args:
          images: uint8 [N, pixels].
          batch: B.
          image_seed: int32 [2], of the choice of images, with replacement, and of their binarisation.
          noise_seed: int32 [2], of eps.
        """
        shape, count = (batch,), images.shape[0]
        indices = tf.random.stateless_uniform(shape, image_seed, maxval=count, dtype=tf.int32, alg="philox")
        x = self.observations(tf.gather(images, indices), image_seed)
        return self.draw(x, self.noise(self.config.samples, batch, noise_seed, self.config.antithetic))

    def log_weights(self, x: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """log p(z) + log p(x | z) - log q(z | x) [K, B]; arguments as in `draw`."""
        return self.draw(x, eps).log_weights

    def reconstructions(self, x: tf.Tensor, eps: tf.Tensor) -> tf.Tensor:
        """The decoder's mean [B, pixels] at each image's sample of highest weight, joined with a half that was given;
        arguments as in `draw`."""
        draws = self.draw(x, eps)
        best = tf.gather(tf.transpose(draws.z, (1, 0, 2)), tf.argmax(draws.log_weights, 0), batch_dims=1)
        means = tf.sigmoid(nets.logits(self.chains["decoder"], self.halves.offset, best, draws.observed.context))
        return self.halves.join(means, draws.observed.context)

    def inference_gradients(self, draws: Draws, coefficients: Coefficients) -> list[tf.Tensor]:
        """Ascent gradient of the encoder's weights, mean over the batch; see the class.

        Args:
          draws: of `draw`.
          coefficients: of an objective at their log weights.
        """
        by_loc, by_scale = posterior_gradients(draws, coefficients)
        return nets.vjp(self.encoder, draws.posterior, by_loc, by_scale)

    def generative_gradients(self, draws: Draws, a: tf.Tensor) -> list[tf.Tensor]:
        """Ascent gradient of the decoder's (and the prior's) weights, mean over the batch; a [K, B]."""
        gradients = nets.decoder_gradients(draws.decoded, draws.observed, a / a.shape[1], self.operand)
        if draws.prior is None:
            return gradients
        by_loc, by_scale = prior_gradients(draws, a, doubly=self.config.prior_gradient == "gdreg")
        return [*gradients, *nets.vjp(self.chains["prior"], draws.prior, by_loc, by_scale)]

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of Adam.

        Args:
          batch: uint8 [B, pixels].
          seed: int32 [2], the step's.
        Returns:
          "objective" (the trained objective's own value, nats per image), "ess" (effective number of samples), and the
            statistics of the moving averages.
        """
        x = self.observations(batch, seed)
        eps = self.noise(self.config.samples, batch.shape[0], seed, self.config.antithetic)
        draws = self.draw(x, eps, self.operand)
        trained = self.config.estimator
        coefficients = {name: objective.coefficients(draws.log_weights) for name, objective in self.objectives.items()}
        # Averages and controls are made of squares of gradients, which have to be those of the whole batch.
        whole = mean_over_replicas if self.averages or self.controls else list
        inference = {name: whole(self.inference_gradients(draws, c)) for name, c in coefficients.items()}
        gradients = list(inference[trained])
        if self.trains == "all":
            generative = whole(self.generative_gradients(draws, coefficients[trained].generative))
            gradients += generative
        scalars = {
            "objective": tf.reduce_mean(self.objectives[trained].value(draws.log_weights)),
            "ess": tf.reduce_mean(effective_sample_size(draws.log_weights)),
        }
        for name, average in self.averages.items():
            measured = average.update([generative if name == "generative" else inference[name]], [])
            scalars[f"variance_{name}"] = measured["variance"][0]
            if name != "generative":
                scalars[f"snr2_{name}"] = tf.math.divide_no_nan(measured["mean_square"], measured["variance"][0])
        controls = []
        if self.controls:
            parts = [
                whole(self.inference_gradients(draws, direction.coefficients(draws.log_weights)))
                for direction in self.objectives[trained].directions()
            ]
            controls = scalar_gradients(inference[trained], parts)
        self.optimiser.apply([*(-g for g in gradients), *controls], self.trained)
        return {name: tf.cast(scalars[name], tf.float32) for name in self.scalars}


@tf.function(jit_compile=True, autograph=False)
def _normal_of(bits: tf.Tensor) -> tf.Tensor:
    return randomness.normal_of(randomness.unit_interval(bits))


def _standard_normal(shape: tuple[int, ...], seed: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """`randomness.standard_normal` [K, B, D] with the bits drawn outside XLA, which does not vectorise Philox: 5 ns a
    value in place of 27."""
    if dtype == tf.float64:
        return randomness.standard_normal(shape, seed, dtype, batch_axis=1)
    return _normal_of(randomness.random_bits(shape, seed, batch_axis=1))
