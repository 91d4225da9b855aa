"""Half-and-half MNIST: the lower half of a digit from the upper one through a layer of latent variables, and how the
encoder learns."""

import keras
import tensorflow as tf

from igr_suite.data.halves import HALF_PIXELS
from igr_suite.discrete.config import build_estimator
from igr_suite.discrete.step import Step
from igr_suite.estimators.reinforce import mean_of_others
from igr_suite.families.half_mnist import networks
from igr_suite.families.half_mnist.chain import GeneralEncoder
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.latents import Evaluated, StraightThroughLatents, latent_of
from igr_suite.families.half_mnist.rows import SampleRows, further, mean_over_samples
from igr_suite.families.half_mnist.synthetic import SyntheticGradient
from igr_suite.networks.likelihoods import bernoulli_log_likelihood
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import site_number
from igr_suite.training.adam import FusedAdam, LegacyAdam, apply_if
from igr_suite.training.schedules import StepDecay

LOWEST_RATE = 1e-7
TEST_TEMPERATURE = 0.5
SHORT_RUN = 3000  # number of steps


class HalfMNIST(keras.Model):
    """p(lower | upper) through a code z of the upper half.

        C = mean over rows and pixels of -log p(lower pixel | z)
        encoder: the gradient that the config's estimator gives at its outputs;   decoder: dC/dtheta;
        baseline: mean (b(x) - C_row)^2

    Args:
      config: of the run.
      steps_per_epoch: number of steps of an epoch of the schedules.
    Source: docs/papers/half_mnist.md, section 1.
    """

    def __init__(self, config: TrainHalfMNIST, steps_per_epoch: int):
        require_plain_keras()
        super().__init__(name="half_mnist")
        self.config, model, seed = config, config.model, site_number(f"half_mnist {config.seed}") % 2**30
        self.latent = latent_of(model)
        self.encoder = networks.encoder(self.latent.outputs, model.batch_norm, seed)
        self.decoder = networks.decoder(model.latents, model.batch_norm, seed + 10)
        self.baseline = networks.baseline(model.baseline_activation, seed + 20) if model.baseline == "cmr" else None
        self.synthetic = SyntheticGradient(config.sg, model.latents, steps_per_epoch, seed + 30) if config.sg else None
        self.trained = {
            "encoder": [] if model.estimator == "frozen" else self.encoder.trainable_variables,
            "decoder": self.decoder.trainable_variables,
            "baseline": self.baseline.trainable_variables if self.baseline else [],
        }
        kind = LegacyAdam if config.optimiser.name == "legacy_adam" else FusedAdam
        self.optimiser = kind(StepDecay.of(config.optimiser, steps_per_epoch, LOWEST_RATE), epsilon=1e-8)
        self.optimiser.build([v for group in self.trained.values() for v in group])
        self.general = self.wrapped = None
        if model.general or config.wrapped:
            names = config.wrapped or (model.estimator, model.estimator_options)
            estimator = build_estimator(*names[:2], "bernoulli")
            rate, weights = config.optimiser.learning_rate, len(self.encoder.trainable_variables)
            estimation = config.resolved_estimation
            registered = GeneralEncoder(estimator, model.latents, rate, estimation, weights, seed + 20)
            self.general, self.wrapped = (None, registered) if config.wrapped else (registered, None)
        self.steps = tf.Variable(0, dtype=tf.int32, trainable=False)
        # XLA takes 4 s of CPU time to compile and saves 0.9 of 2.1 ms a step (1.2 of 2.8 with a linear synthetic
        # gradient).
        self.jit_steps = config.schedule.epochs * steps_per_epoch >= SHORT_RUN
        self.built = True

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of what a training step returns."""
        return ("loss", "nll", "gradient_square", *(self.synthetic.scalars if self.synthetic else ()))

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        nets = [self.encoder, self.decoder, *([self.baseline] if self.baseline else [])]
        own = [*self.optimiser.variables, self.steps]
        return [
            *(v for net in nets for v in net.variables),
            *own,
            *(self.synthetic.state_variables() if self.synthetic else []),
            *(registered.state_variables() if (registered := self.general or self.wrapped) else []),
        ]

    def count_params(self) -> int:
        """Number of scalars of encoder, decoder and baseline."""
        return sum(net.count_params() for net in (self.encoder, self.decoder, self.baseline) if net)

    def halves(self, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Upper and lower half [B, 392] in {0, 1} of images uint8 [B, 784]."""
        return tuple(tf.split(tf.cast(batch >= self.config.data.threshold, tf.float32), 2, axis=-1))

    def temperature(self, training: bool) -> tf.Tensor | float:
        """Temperature of Gumbel-Softmax: max(.5, exp(-3e-5 t)), t the last multiple of 1,000 steps, and .5 in tests; or
        the config's constant."""
        if self.config.model.temperature is not None:
            return self.config.model.temperature
        if not training:
            return TEST_TEMPERATURE
        return tf.maximum(0.5, tf.exp(-3e-5 * tf.cast(self.steps // 1000 * 1000, tf.float32)))

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of the networks and one of the synthetic gradient.

        Args:
          batch: uint8 [B, 784].
          seed: int32 [2], the step's.
        Returns:
          "loss" and "nll" (C in nats per pixel and per image), "gradient_square" (mean square of dC/d encoder outputs),
            and the synthetic gradient's scalars.
        """
        if self.general:
            scalars, gradients, own = self._general_gradients(batch, seed)
            self.general.apply(own)
            warmup = self.general.estimation.warmup_steps
        else:
            scalars, gradients, synthetic = self.gradients(batch, seed)
            warmup = 0
            if self.wrapped:
                self.wrapped.apply(gradients["wrapped"])
        variables = [v for group in self.trained.values() for v in group]
        flat = [g for name in self.trained for g in gradients[name]]
        period = self.config.optimiser.update_every
        if period == 1 and not warmup:
            self.optimiser.apply(flat, variables)
        else:
            due = tf.equal(self.steps % period, 0) & (self.steps >= warmup)
            apply_if(due, lambda: self.optimiser.apply(flat, variables))
        if self.synthetic:
            self.synthetic.step(synthetic, self.steps)
        self.steps.assign_add(1)
        return {name: scalars[name] for name in self.scalars}

    def gradients(self, batch: tf.Tensor, seed: tf.Tensor):
        """The gradients that a step applies; arguments as in `train_step`.

        Returns:
          scalars, {"encoder", "decoder", "baseline": gradients}, what the step of the synthetic gradient takes (None
            without one).
        """
        config, size, samples = self.config.model, batch.shape[0], self.config.model.samples
        upper, lower = self.halves(batch)
        with tf.GradientTape(watch_accessed_variables=False) as encoding:
            encoding.watch([v.value for v in self.trained["encoder"]])
            outputs = self.encoder(upper, training=True)
        noise = self.latent.noise((size * samples, config.latents), seed)
        rows = SampleRows(upper, lower, outputs, None).repeated(samples)
        temperature = self.temperature(training=True)
        code = self.latent.code(rows.outputs, noise, temperature)
        weights = [v.value for v in self.trained["decoder"]]
        with tf.GradientTape(watch_accessed_variables=False) as decoding:
            decoding.watch([code, *weights])
            losses = self.losses(code, rows.lower)
        *by_weights, slope = decoding.gradient(losses, [*weights, code])
        gradients = {"decoder": [g / (size * samples) for g in by_weights]}
        rewards = self.rewards(losses)
        baseline, gradients["baseline"] = self._baseline(upper, lower, rewards)
        codes = Evaluated(code, noise, rewards - baseline, slope, temperature)
        images = SampleRows(upper, lower, outputs, baseline[::samples])
        of_wrapped = self._wrapped_gradient(images, seed) if self.wrapped else None
        own_loss, scalars, regression = self._encoder_gradient(
            rows._replace(baseline=baseline), codes, images, seed, of_wrapped
        )
        gradients["wrapped"] = of_wrapped.own if of_wrapped else []
        at_outputs = own_loss / size
        gradients["encoder"] = encoding.gradient(outputs, [v.value for v in self.trained["encoder"]], at_outputs)
        self._add_penalty(gradients)
        loss = tf.reduce_mean(losses)
        scalars |= {"loss": loss, "nll": HALF_PIXELS * loss, "gradient_square": tf.reduce_mean(at_outputs**2)}
        return scalars, gradients, regression

    def _general_gradients(self, batch: tf.Tensor, seed: tf.Tensor):
        """`gradients` of a registered estimator; the third result is what `GeneralEncoder.apply` takes."""
        upper, lower = self.halves(batch)
        step = self.general.step(self.encoder, self.decoder, upper, lower, seed)
        gradients = {"encoder": [-g for g in step.recognition], "decoder": [-g for g in step.generator], "baseline": []}
        self._add_penalty(gradients)
        loss, at_outputs = -tf.reduce_mean(step.elbo), step.cotangents[0] / batch.shape[0]
        square = tf.reduce_mean(at_outputs**2)
        return {"loss": loss, "nll": HALF_PIXELS * loss, "gradient_square": square}, gradients, step.own

    def _add_penalty(self, gradients: dict[str, list[tf.Tensor]]) -> None:
        """Adds the gradient of the squared weights of encoder and decoder."""
        if self.config.optimiser.l2:
            for name in ("encoder", "decoder"):
                gradients[name] = [
                    g + 2.0 * self.config.optimiser.l2 * v for g, v in zip(gradients[name], self.trained[name])
                ]

    def losses(self, code: tf.Tensor, lower: tf.Tensor) -> tf.Tensor:
        """Loss of each row [M] in nats per pixel, of codes [M, L]; a training pass of the decoder."""
        return -bernoulli_log_likelihood(self.decoder(code, training=True), lower) / HALF_PIXELS

    def rewards(self, losses: tf.Tensor) -> tf.Tensor:
        """The factors of REINFORCE's score: the losses, or -exp(-loss / T)."""
        temperature = self.config.sg.reward_temperature if self.config.sg else None
        return losses if temperature is None else -tf.exp(-losses / temperature)

    def evaluate_codes(self, rows: SampleRows, seed: tf.Tensor) -> Evaluated:
        """A pass of new codes that changes nothing: the decoder's moving averages are held."""
        temperature = self.temperature(training=True)
        noise = self.latent.noise((rows.outputs.shape[0], self.config.model.latents), seed)
        code = self.latent.code(rows.outputs, noise, temperature)
        with networks.holding_averages(self.decoder), tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(code)
            losses = self.losses(code, rows.lower)
        return Evaluated(code, noise, self.rewards(losses) - rows.baseline, tape.gradient(losses, code), temperature)

    def baseline_of(self, upper: tf.Tensor, lower: tf.Tensor, rewards: tf.Tensor) -> tf.Tensor:
        """b of each row [M], 0 without a baseline.

        Args:
          upper, lower: halves [B, 392].
          rewards: [M], the samples of an image together.
        """
        kind = self.config.model.baseline
        if kind == "mr":
            return tf.fill(rewards.shape, tf.reduce_mean(rewards))
        if kind == "loo":
            return mean_of_others(rewards)
        if kind != "cmr":
            return tf.zeros_like(rewards)
        # b(x) learns +exp(-loss / T)
        sign = -1.0 if self.config.sg and self.config.sg.reward_temperature is not None else 1.0
        values = sign * self.baseline(tf.concat([upper, lower], -1))[:, 0]
        return tf.repeat(values, rewards.shape[0] // values.shape[0], 0)

    def _baseline(self, upper: tf.Tensor, lower: tf.Tensor, rewards: tf.Tensor):
        """(baseline of each row as a constant, gradients of mean (rewards - b)^2 by the weights of b(x))."""
        if not self.baseline:
            return self.baseline_of(upper, lower, rewards), []
        weights = [v.value for v in self.baseline.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            values = self.baseline_of(upper, lower, rewards)
            loss = tf.reduce_mean((rewards - values) ** 2)
        return values, tape.gradient(loss, weights)

    def _wrapped_gradient(self, images: SampleRows, seed: tf.Tensor) -> Step:
        """A step of the registered estimator that is wrapped, at the encoder's outputs; an oracle takes further ones."""
        return self.wrapped.step_at(images.outputs, self.decoder, images.upper, images.lower, further(seed, 0))

    def _encoder_gradient(
        self, rows: SampleRows, codes: Evaluated, images: SampleRows, seed: tf.Tensor, of_wrapped: Step | None
    ):
        """(mean over samples of each image's own gradient at its outputs [B, P], scalars, argument of
        `SyntheticGradient.step`).

        Args:
          rows, codes: every sample with its code.
          images: one row per image.
          seed: int32 [2], the step's.
          of_wrapped: the step of a registered estimator whose gradients are learnt or averaged.
        """
        estimator, size = self.config.model.estimator, images.outputs.shape[0]
        if estimator == "frozen":
            return tf.zeros_like(images.outputs), {}, None
        if estimator == "oracle":
            return self.mean_gradient(images, self.config.model.oracle_samples, seed, of_wrapped), {}, None
        if self.synthetic is None:
            return mean_over_samples(self.latent.gradient(rows.outputs, codes), size), {}, None
        if of_wrapped is None:
            targets = mean_over_samples(self.target_rows(rows.outputs, codes), size)
        else:
            targets = -of_wrapped.cotangents[0]
        if not self.config.sg.applied:  # it learns from one sample of each image, the networks from all
            first = slice(None, None, self.config.model.samples)
            codes = Evaluated(*(value[first] for value in codes[:-1]), codes.temperature)
            given = self.given(images, codes, size)
            own_targets = self.target_rows(images.outputs, codes) if of_wrapped is None else targets
            _, scalars, regression = self.synthetic.regress(given, own_targets)
            return targets, scalars, regression
        if self.config.sg.average_samples > 1:
            rows = images.repeated(self.config.sg.average_samples)
            codes = self.evaluate_codes(rows, further(seed, 0))
        return self.synthetic.regress(self.given(rows, codes, size), targets)

    def given(self, rows: SampleRows, codes: Evaluated, size: int) -> tf.Tensor:
        """Inputs of the synthetic gradient for rows of `size` images."""
        return self.synthetic.given(rows, codes, self.latent.probabilities(rows.outputs), size)

    def mean_gradient(self, images: SampleRows, count: int, seed: tf.Tensor, first: Step | None = None) -> tf.Tensor:
        """Mean of the estimator's gradient over `count` new codes an image, with one pass of the decoder for each [B,
        P]; `first` is that of the registered estimator which is averaged, where there is one."""

        def gradient(i: tf.Tensor) -> tf.Tensor:
            if first is None:
                return self.latent.gradient(images.outputs, self.evaluate_codes(images, further(seed, i)))
            decoder, halves = self.decoder, (images.upper, images.lower)
            return -self.wrapped.step_at(images.outputs, decoder, *halves, further(seed, i)).cotangents[0]

        def body(i, total):
            return i + 1, total + gradient(i)

        start = (tf.constant(0), tf.zeros_like(images.outputs))
        if first is not None:
            start = (tf.constant(1), -first.cotangents[0])
        return tf.while_loop(lambda i, _: i < count, body, start, parallel_iterations=1)[1] / count

    def target_rows(self, outputs: tf.Tensor, codes: Evaluated) -> tf.Tensor:
        """Targets of the synthetic gradient: each row's REINFORCE or straight-through gradient [M, L]."""
        if self.config.sg.target == "straight_through":
            return StraightThroughLatents.gradient(self.latent, outputs, codes)
        return self.latent.gradient(outputs, codes)

    def logits(self, upper: tf.Tensor, samples: int, seed: tf.Tensor, rounded: bool = False) -> tf.Tensor:
        """Logits of the lower half's pixels [S, B, 392], given upper halves [B, 392], in test mode; the estimator
        determines the codes, so `rounded` is not read."""
        del rounded
        outputs = self.encoder(upper, training=False)
        rows = tf.tile(outputs, (samples, 1))
        noise = self.latent.noise((rows.shape[0], self.config.model.latents), seed)
        logits = self.decoder(self.latent.code(rows, noise, self.temperature(training=False)), training=False)
        return tf.reshape(logits, (samples, -1, HALF_PIXELS))

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Loss of each image with one code.

        Args:
          batch: uint8 [B, 784].
          seed: int32 [2].
        Returns:
          {"bce", "nll"}: [B], nats per pixel and per image.
        """
        upper, lower = self.halves(batch)
        nll = -bernoulli_log_likelihood(self.logits(upper, 1, seed)[0], lower)
        return {"bce": nll / HALF_PIXELS, "nll": nll}
