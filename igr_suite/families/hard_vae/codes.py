"""The VAE of hard codes, of one layer or several, that any registered estimator trains."""

import math

import keras
import numpy as np
import tensorflow as tf

from igr_suite import relaxations
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.discrete.chain import hard_pass
from igr_suite.discrete.config import EstimationConfig
from igr_suite.discrete.own import Own
from igr_suite.discrete.step import Step, estimate_step, noise_of
from igr_suite.estimators.base import Estimator
from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.estimators.neighbours import Neighbours
from igr_suite.families.hard_vae.codes_config import (
    HardVAEConfig,
    HardVAEOptimiserConfig,
    check_analytic,
    estimation_of,
)
from igr_suite.families.hard_vae.gaussian_argmax import parameters_of
from igr_suite.keras_variables import watchable
from igr_suite.networks.first_layer import first_affine
from igr_suite.networks.image_networks import decoder, dense_stack, encoder
from igr_suite.networks.initialisers import initialise_as_torch
from igr_suite.networks.likelihoods import bernoulli_log_likelihood, gaussian_log_likelihood, pixel_offset
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import at_step, uniform
from igr_suite.training.adam import FusedAdam, apply_after
from igr_suite.training.descent import PlainDescent
from igr_suite.training.radam import RAdam

UNITS = 200  # of the hidden layer of networks between codes
OPTIMISERS = {"adam": FusedAdam, "radam": RAdam}


class HardVAE(keras.Model):
    """p(x | h_0) p(h_0 | h_1) ... p(h_{L-1}) with discrete codes h_k and q(h_0 | x) q(h_1 | h_0) ....

        F = log p(x | h_0) + sum_k log p(h_{k-1} | h_k) + log p(h_{L-1}) - sum_k log q(h_k | h_{k-1})

    Adam or RAdam moves the weights along the estimator's gradient of E[F], or of its other target, such as the
    multi-sample bound. With the analytic KL the estimator sees log p(x | h_0) alone, and the gradient of
    -KL(q(h_0 | x) || p(h_0)) is added.

    Args:
      config: codes, networks, estimator.
      estimator: of the config.
      image_shape: (height, width, channels).
      likelihood: "bernoulli" or "gaussian", of a pixel.
      binarisation: how batches of uint8 become observations.
      optimiser: which one and its settings, and those of the prior's descent.
      estimation: how the own parameters are trained, with nothing left open; by default as the config says.
      mean: of the training images [D], where the config's networks are centred.
      seed: of the initial weights.
    """

    jit_steps = True

    def __init__(
        self,
        config: HardVAEConfig,
        estimator: Estimator,
        *,
        image_shape: tuple[int, int, int],
        likelihood: str,
        binarisation: str,
        optimiser: HardVAEOptimiserConfig,
        estimation: EstimationConfig | None = None,
        mean: np.ndarray | None = None,
        seed: int = 0,
    ):
        require_plain_keras()
        super().__init__(name="hard_vae")
        if config.kl == "analytic":
            check_analytic(config.estimator, estimator.facts.target)
        self.config, self.estimator = config, estimator
        estimation = estimation or EstimationConfig().resolved(estimation_of(config))
        self.estimation = estimation
        self.binarisation, self.likelihood = binarisation, likelihood
        if config.centred:
            self.mean, self.offset = (tf.constant(x, tf.float32) for x in (mean, pixel_offset(mean)))
        self.kind = bernoulli if config.support == "bernoulli" else categorical
        self.shape = config.shape
        self.code_size = math.prod(self.shape)
        parameters = {"bernoulli": 1, "categorical": config.categories}.get(config.codes)
        self.parameters = parameters or 2 * (config.categories - 1)
        outputs, parts = config.variables * self.parameters, 2 if likelihood == "gaussian" else 1
        self.encoder = encoder(config.architecture, image_shape, outputs, 1000 * seed)
        self.decoder = decoder(config.architecture, self.code_size, image_shape, parts, 1000 * seed + 500)
        hidden = () if config.architecture == "linear" else (UNITS,)
        self.upward = [dense_stack(hidden, outputs, 1000 * seed + 100 * k, f"q_{k}") for k in range(1, config.layers)]
        self.downward = [
            dense_stack(hidden, self.code_size, 1000 * seed + 500 + 100 * k, f"p_{k}") for k in range(1, config.layers)
        ]
        for network in [*self.upward, *self.downward]:
            network.build((None, self.code_size))
        if config.initialisation == "torch_linear":
            for half, networks in enumerate(([self.encoder, *self.upward], [self.decoder, *self.downward])):
                for k, network in enumerate(networks):
                    initialise_as_torch(network, 1000 * seed + 500 * half + 100 * k)
        start = tf.broadcast_to(tf.constant(config.prior_logits or (0.0,), tf.float32), self.shape)
        self.prior = tf.Variable(start, trainable=config.prior == "trained", name="prior")
        self.recognition_variables = [
            v for network in [self.encoder, *self.upward] for v in network.trainable_variables
        ]
        generator = [v for network in [self.decoder, *self.downward] for v in network.trainable_variables]
        self.generator_variables = [*generator, *([self.prior] if config.prior == "trained" else [])]
        self.trained = [*self.recognition_variables, *self.generator_variables]
        self.own = Own(
            estimator,
            self.logit_shapes(1),
            baseline=estimation.baseline,
            shared=estimation.shared_baseline,
            context=math.prod(image_shape),
            seed=seed,
            weights=len(self.recognition_variables) if estimation.eta == "weights" else 0,
            decay=estimation.net_decay,
        )
        rule, settings = OPTIMISERS[optimiser.name], (optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        apart = optimiser.prior_learning_rate is not None
        self.moved_together = self.trained[:-1] if apart else self.trained  # the prior comes last
        self.weights_optimiser = rule(optimiser.learning_rate, *settings)
        self.weights_optimiser.build(self.moved_together)
        self.prior_optimiser = PlainDescent(optimiser.prior_learning_rate) if apart else None
        if apart:
            self.prior_optimiser.build([self.prior])
        self.own_optimiser = rule(optimiser.learning_rate * optimiser.control_factor, *settings)
        self.own_optimiser.build(self.own.trained)
        self.built = True

    @property
    def bound(self) -> bool:
        """Whether the estimator's target is one of several samples together, such as a multi-sample bound."""
        return self.estimator.facts.target != "expectation"

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of what a training step returns."""
        return ("elbo", "squared_gradient", *(["bound"] if self.bound else []))

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        own, optimisers = self.own.trained, [self.weights_optimiser]
        optimisers += [self.own_optimiser] if own else []
        optimisers += [self.prior_optimiser] if self.prior_optimiser else []
        return [*self.trained, *own, *(variable for optimiser in optimisers for variable in optimiser.variables)]

    def logit_shapes(self, rows: int) -> list[tuple[int, ...]]:
        """Shape of every layer's logits."""
        return [(rows, *self.shape)] * self.config.layers

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of all optimisers.

        Args:
          batch: uint8 [B, D].
          seed: int32 [2], the seed of the step.
        Returns:
          "elbo" and, of a target of several samples together, "bound", its estimate: means over the batch in nats per
          image; and "squared_gradient", the squared norm of the gradient of the recognition weights.
        """
        step = self.step(self._observations(batch, seed), at_step(seed, tf.constant(2)))
        descent = [-g for g in [*step.recognition, *step.generator]]
        apply_after(self.estimation.warmup_steps, self.own_optimiser, lambda: self._descend(descent))
        if self.own.trained:
            self.own_optimiser.apply(self.own.decayed(step.own), self.own.trained)
        scalars = {
            "elbo": tf.reduce_mean(step.elbo),
            "squared_gradient": tf.add_n([tf.reduce_sum(tf.square(g)) for g in step.recognition]),
            "bound": tf.reduce_mean(step.value),
        }
        return {name: scalars[name] for name in self.scalars}

    def _descend(self, gradients: list[tf.Tensor]) -> None:
        """A step of the networks and the prior along the negative gradients."""
        self.weights_optimiser.apply(gradients[: len(self.moved_together)], self.moved_together)
        if self.prior_optimiser:
            self.prior_optimiser.apply(gradients[-1:], [self.prior])

    def step(self, images: tf.Tensor, seed: tf.Tensor) -> Step:
        """Returns the gradients of a batch [B, D]; `seed` is of the noise."""
        noise = noise_of(self.estimator, self.logit_shapes(images.shape[0]), seed, images.dtype)
        variance_of, samples = self.estimation.variance_of, self.estimation.generator_samples
        return estimate_step(HardVAEChain(self, images), self.estimator, noise, self.own, variance_of, samples)

    def log_likelihood(self, code: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """log p(x | code): codes [..., B, V] or [..., B, V, C], images [B, D] -> [..., B]."""
        flat = tf.reshape(code, (-1, self.code_size))
        output = self.decoder(2.0 * flat - 1.0 if self.config.centred else flat)
        output = tf.reshape(output, (*_sizes(code, code.shape.rank - len(self.shape)), self.decoder.output_shape[-1]))
        return self.log_likelihood_of(output, images)

    def log_likelihood_of(self, output: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        """log p(x | code) for the decoder's outputs [..., B, outputs], images [B, D] -> [..., B]."""
        if self.config.centred:
            output += self.offset
        if self.likelihood == "gaussian":
            return gaussian_log_likelihood(output, images)
        return bernoulli_log_likelihood(output, images)

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns {"elbo": F of one draw for each image [B]}, nats, with the KL as the config says; arguments as in
        `log_weights`."""
        chain = HardVAEChain(self, self._observations(batch, seed))
        hard = hard_pass(chain, self._uniforms(chain, 1, seed))
        analytic = chain.analytic(hard.logits)
        return {"elbo": hard.value[0] if analytic is None else hard.value[0] + analytic}

    def log_weights(self, batch: tf.Tensor, samples: int, seed: tf.Tensor, estimator: str = "one_hot") -> tf.Tensor:
        """F of `samples` draws of hard codes for each image, with the KL at the sample; the log-mean-exp estimates
        log p(x).

        Args:
          batch: uint8 [B, D].
          samples: S.
          seed: int32 [2].
          estimator: there is one, "one_hot".
        Returns:
          [S, B].
        """
        chain = HardVAEChain(self, self._observations(batch, seed), sampled=True)
        return hard_pass(chain, self._uniforms(chain, samples, seed)).value

    def _observations(self, batch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return to_unit_interval(batch, self.binarisation, at_step(seed, tf.constant(1)))

    def _uniforms(self, chain: "HardVAEChain", samples: int, seed: tf.Tensor) -> list[tf.Tensor]:
        """Uniforms of each layer's codes, [S, B, ...]."""
        shape = [samples, tf.shape(chain.images)[0], *self.shape]
        return [uniform(shape, at_step(seed, tf.constant(2 + k))) for k in range(self.config.layers)]


class HardVAEChain:
    """One batch of a VAE of hard codes; see `discrete.chain.Chain`.

    Args:
      model: its networks.
      images: observations [B, D].
      sampled: whether the KL is evaluated at samples; by default as the model's config says.
    """

    def __init__(self, model: HardVAE, images: tf.Tensor, sampled: bool | None = None):
        self.model, self.images = model, images
        self.sampled = model.config.kl == "sampled" if sampled is None else sampled
        self.kinds = [model.kind] * model.config.layers
        self.recognition, self.generator = watchable(model.recognition_variables), watchable(model.generator_variables)
        self.context, self.holds_log_q = images, self.sampled

    def logits(self, layer: int, below: tf.Tensor | None) -> tf.Tensor:
        """See `Chain.logits`; of the argmax of a Gaussian they are the log-probabilities of the categories."""
        model = self.model
        if below is None:
            observed = self.images - model.mean if model.config.centred else self.images
            output, leading = model.encoder(observed), (tf.shape(self.images)[0],)
        else:
            flat = tf.reshape(below, (-1, model.code_size))
            output, leading = (
                model.upward[layer - 1](2.0 * flat - 1.0),
                _sizes(below, below.shape.rank - len(model.shape)),
            )
        if model.config.codes != "gaussian_argmax":
            return tf.reshape(output, (*leading, *model.shape))
        output = tf.reshape(output, (*leading, model.config.variables, model.parameters))
        loc, log_scale = parameters_of(output, model.config.categories)
        return relaxations.gaussian_argmax_log_probs(loc, log_scale, points=model.config.points)

    def term(self, layer: int, values: tf.Tensor, below: tf.Tensor | None, logits: tf.Tensor) -> tf.Tensor:
        """See `Chain.term`."""
        model = self.model
        if layer == 0:
            value = model.log_likelihood(values, self.images)
        else:
            flat = tf.reshape(values, (-1, model.code_size))
            output = model.downward[layer - 1](2.0 * flat - 1.0)
            output = tf.reshape(output, (*_sizes(values, values.shape.rank - len(model.shape)), *model.shape))
            value = self._log_probability(output, below)
        if not self.sampled:
            return value
        value -= self._log_probability(logits, values)
        if self._uppermost(layer):
            value += self._log_probability(tf.convert_to_tensor(model.prior), values)
        return value

    def term_at_neighbours(
        self, layer: int, neighbours: Neighbours, below: tf.Tensor | None, logits: tf.Tensor
    ) -> tf.Tensor:
        """See `Chain`."""
        model = self.model
        network = model.downward[layer - 1] if layer else model.decoder
        scale, shift = (2.0, -1.0) if layer or model.config.centred else (1.0, 0.0)
        first = first_affine(network)
        if first is None:
            return self.term(layer, neighbours.values(), below, logits)
        inputs = {"scale": first.scale * scale, "offset": first.scale * shift + first.offset}
        affine = neighbours.affine(first.kernel, first.bias, **inputs)
        output = first.rest(tf.reshape(affine, (-1, affine.shape[-1])))
        shape = model.shape if layer else (network.output_shape[-1],)
        output = tf.reshape(output, (*_sizes(affine, 3), *shape))
        value = self._log_probability(output, below) if layer else model.log_likelihood_of(output, self.images)
        if not self.sampled:
            return value
        log_probability = model.kind.log_probability
        value -= neighbours.sums(lambda values: log_probability(logits, values))
        if self._uppermost(layer):
            value += neighbours.sums(lambda values: log_probability(tf.convert_to_tensor(model.prior), values))
        return value

    def _uppermost(self, layer: int) -> bool:
        return layer == self.model.config.layers - 1

    def analytic(self, logits: list[tf.Tensor]) -> tf.Tensor | None:
        """-KL(q(h_0 | x) || p(h_0)) of each image [B], where the terms leave it out."""
        if self.sampled:
            return None
        return -tf.reduce_sum(self.model.kind.divergence(logits[0], tf.convert_to_tensor(self.model.prior)), -1)

    def _log_probability(self, logits: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """log of the probability of a whole code [..., B]."""
        kind = self.model.kind
        return tf.reduce_sum(kind.log_probability(logits, values), -1)


def _sizes(x: tf.Tensor, axes: int) -> list:
    """The sizes of the first axes, numbers where they are known."""
    return [size if size is not None else tf.shape(x)[axis] for axis, size in enumerate(x.shape[:axes])]
