"""Quality of the gradients at the encoder of half-and-half MNIST: bias, variance and direction against the mean of many
samples."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.latents import HardLatents, StraightThroughLatents
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.families.half_mnist.networks import holding_averages
from igr_suite.families.half_mnist.rows import SampleRows
from igr_suite.measuring.gradients import Moments
from igr_suite.randomness import at_step, run_seed


class GradientStudy:
    """Measures gradients on a fixed batch of images at the present weights, for a metrics row; the training is not
    changed.

    Gradients are those of the batch's mean loss C at the encoder's logits, with one code for each image. T is the mean
    of R REINFORCE gradients; R further codes, independent of them, give for each estimator (reinforce,
    straight_through, and synthetic where there is one)

        gradient_true_square           sum_n |T_n|^2
        gradient_<name>_square         sum_n |mean_r g_nr|^2
        gradient_<name>_bias_square    sum_n |mean_r g_nr - T_n|^2
        gradient_<name>_variance       sum_n 1/(R - 1) sum_r |g_nr - mean_r g_nr|^2
        gradient_<name>_agreement      share of (n, r) with <g_nr, T_n> > 0
        gradient_<name>_cosine         of mean_r g_nr and T_n, over all images at once; 0 where a squared norm is not
                                       above 0
        gradient_<name>_snr            root of (square / variance); left out where there is no variance

    The squares are unbiased: the variance of R samples' mean is subtracted, so they may be negative where there is
    nothing but noise. The cosine takes its norms from them. The agreement is not corrected: noise in T moves it towards
    1/2.

    Args:
      model: with hard Bernoulli codes.
      images: uint8 [N, 784]; the first `gradient_images` are measured.
      config: of the run.
    Source: docs/papers/half_mnist.md, section 1.8; there T and the estimators share their samples, which hides
    REINFORCE's noise in T.
    """

    def __init__(self, model: HalfMNIST, images: np.ndarray, config: TrainHalfMNIST):
        self.model, self.samples = model, config.evaluation.gradient_samples
        self.images = tf.constant(images[: config.evaluation.gradient_images])
        self.seed = run_seed(config.seed, "gradient study")
        self._measure = tf.function(self.measure, autograph=False, jit_compile=model.jit_steps)

    def beside(self, evaluate: Callable[[int], dict[str, float]]) -> Callable[[int], dict[str, float]]:
        """The loop's `evaluate` with this study's numbers in the same row."""

        def both(step: int) -> dict[str, float]:
            numbers = {name: float(value) for name, value in self._measure().items()}
            for name, variance in list(numbers.items()):
                if name.endswith("_variance") and variance > 0:
                    square = numbers[name.replace("_variance", "_square")]
                    numbers[name.replace("_variance", "_snr")] = max(0.0, square / variance) ** 0.5
            return evaluate(step) | numbers

        return both

    def rows(self) -> SampleRows:
        """The measured images at the present weights, with the baseline of an extra draw of codes."""
        upper, lower = self.model.halves(self.images)
        with holding_averages(self.model.encoder):
            outputs = self.model.encoder(upper, training=True)
        rows = SampleRows(upper, lower, outputs, tf.zeros(upper.shape[0]))
        rewards = self.model.evaluate_codes(rows, at_step(self.seed, tf.constant(-1))).advantage
        return rows._replace(baseline=self.model.baseline_of(upper, lower, rewards))

    def measure(self) -> dict[str, tf.Tensor]:
        """The numbers named above, without the signal-to-noise ratios."""
        rows = self.rows()
        size = rows.upper.shape[0]

        def reference(i, moments):
            codes = self.model.evaluate_codes(rows, at_step(self.seed, i))
            return i + 1, moments.add(HardLatents.gradient(self.model.latent, rows.outputs, codes) / size)

        start = Moments.start(rows.outputs)
        loop = {"parallel_iterations": 1}
        truth = tf.while_loop(lambda i, _: i < self.samples, reference, (tf.constant(0), start), **loop)[1]

        def estimators(i, moments, agreed):
            gradients = self.gradients(rows, at_step(self.seed, self.samples + i))
            signs = {name: tf.cast(tf.reduce_sum(g * truth.mean, -1) > 0, tf.float32) for name, g in gradients.items()}
            return (
                i + 1,
                {name: moments[name].add(gradients[name]) for name in moments},
                {name: agreed[name] + tf.reduce_mean(signs[name]) for name in agreed},
            )

        names = ("reinforce", "straight_through", *(("synthetic",) if self.model.synthetic else ()))
        begin = (tf.constant(0), dict.fromkeys(names, start), {name: tf.zeros(()) for name in names})
        _, moments, agreed = tf.while_loop(lambda i, *_: i < self.samples, estimators, begin, **loop)
        result = {"gradient_true_square": truth.signal()}
        for name in names:
            own = moments[name]
            noise = (own.variance() + truth.variance()) / self.samples
            product = tf.reduce_sum(own.mean * truth.mean)
            squares = tf.nn.relu(own.signal()) * tf.nn.relu(truth.signal())
            result |= {
                f"gradient_{name}_square": own.signal(),
                f"gradient_{name}_bias_square": tf.reduce_sum((own.mean - truth.mean) ** 2) - noise,
                f"gradient_{name}_variance": own.variance(),
                f"gradient_{name}_agreement": agreed[name] / self.samples,
                f"gradient_{name}_cosine": tf.math.divide_no_nan(product, tf.sqrt(squares)),
            }
        return result

    def gradients(self, rows: SampleRows, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Gradients [N, L] of C by every estimator, from one draw of codes that all of them share."""
        size, latent = rows.upper.shape[0], self.model.latent
        codes = self.model.evaluate_codes(rows, seed)
        gradients = {
            "reinforce": HardLatents.gradient(latent, rows.outputs, codes),
            "straight_through": StraightThroughLatents.gradient(latent, rows.outputs, codes),
        }
        if self.model.synthetic:
            scale = self.model.synthetic.scales(self.model.config.schedule.batch_size, size)[0]
            gradients["synthetic"] = self.model.synthetic.predict(self.model.given(rows, codes, size)) / scale
        return {name: gradient / size for name, gradient in gradients.items()}
