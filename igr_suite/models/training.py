"""The part of `VAE` that Keras calls in training and evaluation."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.networks.gradients import times
from igr_suite.randomness import at_step, run_seed
from igr_suite.replicas import replica_count


class Training(keras.Model):
    """Compiling, steps and metrics of a VAE.

    All noise is a function of the VAE's seed and of the optimiser's step, so that training that goes on from a file
    makes the steps that it would have made; in an evaluation it is a function of the number of examples seen before.

    Attributes:
      latent: the layer of the latents, `VAELatent`.
      settings: of the VAE, by name; "seed" among them.
    """

    latent: Any
    settings: dict[str, Any]

    def begin_metrics(self) -> None:
        """Creates the metrics; the constructor calls it."""
        self.loss_metric, self.bound_metric = keras.metrics.Mean("loss"), keras.metrics.Mean("bound")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """ "loss", what training descends, and "bound", nats per example."""
        return [self.loss_metric, self.bound_metric]

    def compile(self, optimizer="adam", loss=None, metrics=None, weighted_metrics=None, loss_weights=None, **options):
        """Keras's compile; the loss is minus the bound, and no other can be given.

        Args:
          optimizer: of all weights, the estimator's own parameters too.
          loss, metrics, weighted_metrics, loss_weights: None.
          **options: `run_eagerly`, `steps_per_execution`, `jit_compile`, `auto_scale_loss`.
        Raises:
          UserError: a loss or a metric is given.
        """
        given = {"loss": loss, "metrics": metrics, "weighted_metrics": weighted_metrics, "loss_weights": loss_weights}
        for name, value in given.items():
            if value is not None:
                raise UserError(f"a VAE is trained on its own bound, so compile takes no {name}; got {value!r}")
        super().compile(optimizer=optimizer, **options)

    def compile_from_config(self, config: dict) -> None:
        """Compiles as the saved model was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *arguments, **options):
        """Keras's fit, on data without targets and weights."""
        _refuse(y, options)
        return super().fit(x, y, *arguments, **options)

    def evaluate(self, x=None, y=None, *arguments, **options):
        """Keras's evaluate, on data without targets and weights."""
        _refuse(y, options)
        return super().evaluate(x, y, *arguments, **options)

    def make_train_function(self, force: bool = False):
        """Keras's; made again where a first attempt ended before all variables were there."""
        complete = self.built and self.optimizer.built
        if self.built and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force or not complete)

    def make_test_function(self, force: bool = False):
        """Keras's; made again as in `make_train_function`."""
        return super().make_test_function(force or not self.built)

    def train_step(self, data) -> dict[str, tf.Tensor]:
        """One step of the optimiser on a batch x [B, ...]."""
        x = self.observations(data)
        gradients = self.latent.step(self, x, self._seed("train", self.optimizer.iterations))
        penalty, penalties = self._regularisation()
        share = _share_of_batch(x)
        descent = {
            id(variable): times(gradient, share) for variable, gradient in gradients.pairs if gradient is not None
        }
        for variable, gradient in penalties:
            present = descent.get(id(variable), 0.0)
            descent[id(variable)] = gradient / replica_count() + tf.convert_to_tensor(present)
        scale = self.optimizer.scale_loss(tf.ones([]))  # of a LossScaleOptimizer, which divides by it
        ordered = [descent.get(id(variable)) for variable in self.trainable_variables]
        self.optimizer.apply([None if g is None else times(g, scale) for g in ordered], self.trainable_variables)
        return self._report(gradients.bound, penalty)

    def test_step(self, data) -> dict[str, tf.Tensor]:
        """The bound of a batch x [B, ...]."""
        x = self.observations(data)
        bound = self.latent.bound(self, x, self._seed("evaluate", self.bound_metric.count))
        return self._report(bound, self._regularisation()[0])

    def observations(self, data) -> tf.Tensor:
        """Returns the batch [B, ...] of what Keras passes to a step.

        Raises:
          UserError: targets or weights beside the data, or data that are no floats.
        """
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        _refuse(y, {"sample_weight": weights})
        try:
            x = tf.convert_to_tensor(x)
        except (TypeError, ValueError):
            raise UserError(f"x must be an array or a tensor of floats, got {type(x).__name__}") from None
        if not x.dtype.is_floating:
            raise UserError(f"x is {x.dtype.name}; make it floats, for images with values between 0 and 1: x / 255.0")
        if not self.built:
            self.build(x.shape)
        return tf.cast(x, self.variable_dtype)

    def _seed(self, site: str, step) -> tf.Tensor:
        return at_step(run_seed(self.settings["seed"], site), tf.cast(tf.convert_to_tensor(step), tf.int32))

    def _report(self, bound: tf.Tensor, penalty: tf.Tensor) -> dict[str, tf.Tensor]:
        self.bound_metric.update_state(bound)
        self.loss_metric.update_state(penalty - bound)
        return {metric.name: metric.result() for metric in self.metrics}

    def _regularisation(self) -> tuple[tf.Tensor, list[tuple[keras.Variable, tf.Tensor]]]:
        """The sum of the weights' regularisers, and (weight, gradient) of each.

        Raises:
          UserError: a layer adds a loss of its activations.
        """
        weights = [variable for variable in self.trainable_variables if variable.regularizer is not None]
        if len(self.losses) > len(weights):
            raise UserError(
                "a layer adds a loss of its activations (activity_regularizer, add_loss), which a gradient estimator "
                "evaluates several times; only regularisers of weights are supported"
            )
        values = [tf.convert_to_tensor(variable) for variable in weights]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            losses = [variable.regularizer(value) for variable, value in zip(weights, values)]
            penalty = tf.add_n(losses) if losses else tf.zeros([], self.variable_dtype)
        return penalty, list(zip(weights, tape.gradient(penalty, values) if values else []))


def _refuse(y, options: Mapping[str, object]) -> None:
    """Raises UserError for targets and weights, which Keras would drop where there are no targets."""
    for name, value in (("y", y), *((name, options.get(name)) for name in ("sample_weight", "class_weight"))):
        if value is not None:
            raise UserError(f"a VAE is trained on x alone, got {name} as well; pass x, or a data set of x")


def _share_of_batch(x: tf.Tensor) -> tf.Tensor:
    """The share of this replica's examples in the batch; gradients of all replicas are added up."""
    if replica_count() == 1:
        return tf.ones([])
    rows = tf.cast(tf.shape(x)[0], tf.float32)
    return rows / tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, rows)
