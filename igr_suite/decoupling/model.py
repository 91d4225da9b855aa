"""Decoupled neural interfaces: modules of a Keras model that learn from synthetic gradients instead of waiting for each
other."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from igr_suite.checks import check_count, check_integer
from igr_suite.decoupling.checks import (
    build_chain,
    build_synthesisers,
    check_replicas,
    check_saving,
    context_width,
    list_of_modules,
    only_tensor,
    settings_of,
)
from igr_suite.decoupling.losses import check_class_numbers, ignored_class, losses_of_examples
from igr_suite.decoupling.optimisers import OptimiserGroup, check_optimiser, check_updates, copy_for, within_scope
from igr_suite.decoupling.passes import mask_of, run, with_mask
from igr_suite.decoupling.saving import Saving
from igr_suite.decoupling.split import split_model
from igr_suite.decoupling.step import MEASURES, TrainingStep
from igr_suite.decoupling.synthetic_gradient import Synthesiser
from igr_suite.errors import UserError
from igr_suite.randomness import at_step, run_seed

__all__ = ["DecoupledModel", "split_model"]

Context = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@keras.saving.register_keras_serializable(package="igr_suite")
class DecoupledModel(TrainingStep, Saving, keras.Model):
    """A chain of modules f_1 ... f_D in which f_i (i < D) is trained by a prediction of its output's gradient.

        h_0 = x,  h_i = f_i(h_(i-1)),  C = mean_n loss(y_n, h_D)
        s_i = M_i(h_i, c),  d_D = dC/dh_D,  d_(i-1) = J_f_i(h_(i-1))^T d'_i,  d'_i = s_i (i < D),  d'_D = d_D
        f_i learns from d'_i, M_i from |s_i - d_i|^2

    Everything is computed from one snapshot of the weights, which is equivalent to the sequence of 2 D - 1 updates in
    which each module is updated as soon as the data have passed it. The M_i start at zero and run only in training, and
    no gradient crosses an interface. The modules' layers are the caller's own: training this model trains the model
    from which they were cut.

    It is an ordinary Keras model: callbacks, sample weights, mixed precision, distribution strategies, `save` and
    `load_model` work as usual. On several replicas a step is that of the whole batch. A file holds the synthesisers'
    networks, not their factories.

    Example:
      parts = split_model(model, ["dense", "dense_1"])
      decoupled = DecoupledModel(parts, linear(), labels=True)
      decoupled.compile(keras.optimizers.Adam(1e-3))
      decoupled.fit(x, y, batch_size=256, epochs=5)

    Args:
      modules: Keras layers or models; the first one knows the shape of its input. A single module is trained by
        ordinary back-propagation.
      synthesiser: factory of all M_i, or one for each interface; None leaves the modules below the uppermost untrained.
      synthetic_inputs: factory of I_i(x, c), a prediction of h_i that is the input of f_(i+1) in training (forward
        unlock), and of M_i too.
      context: maps (x, y) to c [B, C], in place of one-hot labels.
      classes: width of one-hot labels; by default that of the uppermost module's output. If it is 1, synthesisers see
        the labels unchanged.
      seed: of dropped updates.
      **settings: of `Decoupling`.
    Raises:
      UserError: modules that do not fit, a layer that is on both sides of a cut or keeps state from batch to batch, or
        a network of the wrong width.
    Source: Jaderberg et al. (2017); docs/papers/dni.md, section 2.
    """

    def __init__(
        self,
        modules: Sequence[keras.Layer],
        synthesiser: Synthesiser | Sequence[Synthesiser] | None = None,
        *,
        synthetic_inputs: Synthesiser | None = None,
        context: Context | None = None,
        classes: int | None = None,
        seed: int = 0,
        name: str = "decoupled",
        **settings,
    ):
        half = keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16")
        super().__init__(name=name, dtype="float32" if half else None)  # every module casts its inputs
        self.settings, self.context, self.seed = settings_of(settings), context, check_integer("seed", seed)
        self.parts = list_of_modules(modules)
        shapes = build_chain(self.parts)
        self.input_size = shapes[0]
        self.width = shapes[-1][-1]
        self.classes = self.width if classes is None else check_count("classes", classes)
        width = context_width(context, self.settings.labels, self.classes, shapes[0])
        self.synthesisers = build_synthesisers(synthesiser, shapes[1:-1], shapes[1:-1], width, "synthesiser")
        self.input_models = build_synthesisers(
            synthetic_inputs, [shapes[0]] * (len(shapes) - 2), shapes[1:-1], width, "input model"
        )
        if self.settings.p_update < 1 and not self.synthesisers and len(self.parts) > 1:
            raise UserError(
                f"p_update={self.settings.p_update} needs synthesisers: without them the modules below are not updated "
                f"at all"
            )
        if self.input_models and any(mask_of(done.inputs) is not None for done in self.forward_passes(self._no_data())):
            raise UserError(
                "a mask passes from module to module, and what synthetic_inputs predict has none; leave "
                "synthetic_inputs out"
            )
        self.context_features = width
        whole = {"dtype": "int32", "initializer": "zeros", "aggregation": "only_first_replica"}
        self.steps = self.add_weight(shape=(), trainable=False, name="steps", **whole)
        names = [f"{measure}_{i + 1}" for i in range(len(self.synthesisers)) for measure in MEASURES]
        self.scalars = ("loss", *names)
        self.optimisers: list[keras.Optimizer] = []
        self.built = True

    def compile(
        self,
        optimizer="adam",
        loss=None,
        *,
        synthesiser_optimizer=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile=None,
        auto_scale_loss=True,
    ) -> None:
        """Keras's compile; every module and every synthesiser gets its own copy of the optimiser.

        `model.optimizer` is the group of them (`OptimiserGroup`). They share the learning rate of the given optimiser,
        whether it is a variable, a schedule or a function. `global_clipnorm` bounds the norm of one network's
        gradients.

        Args:
          optimizer: name or Keras optimiser that belongs to no weights yet.
          loss: name of a Keras loss, Keras loss, or function (y, outputs) -> [B]; by default cross-entropy from logits,
            of class numbers or of one-hot labels.
          synthesiser_optimizer: of the synthesisers and input models; by default that of the modules, with which they
            then share the learning rate.
          loss_weights: refused, since there is one output.
          metrics, weighted_metrics, run_eagerly, steps_per_execution: as in Keras.
          jit_compile: whether XLA compiles the step; by default it does, except with convolutions, whose gradients are
            slow in XLA's CPU code, with several replicas, or if the step runs eagerly.
          auto_scale_loss: whether networks of mixed precision with float16 get dynamic loss scaling, as in Keras.
        Raises:
          UserError: an optimiser or loss that cannot be used, or settings that several replicas do not allow.
        """
        if loss_weights is not None:
            raise UserError(
                f"loss_weights={loss_weights} weigh several outputs, and a decoupled model has one; leave them out"
            )
        main, other = check_optimiser(optimizer), check_optimiser(synthesiser_optimizer or optimizer)
        if synthesiser_optimizer is None:
            other = main
        self._losses_of = losses_of_examples(loss, self.width, self.settings.reduction)
        strategy = self.distribute_strategy
        check_replicas(self, strategy)
        check_updates(main, strategy)
        check_updates(other, strategy)
        with strategy.scope():
            same, main = other is main, within_scope(main)
            other = main if same else within_scope(other)
            self.optimisers = [copy_for(main, part, auto_scale_loss) for part in self.parts]
            self.synthesiser_optimisers = [copy_for(other, part, auto_scale_loss) for part in self.synthesisers]
            self.input_optimisers = [copy_for(other, part, auto_scale_loss) for part in self.input_models]
            everyone = OptimiserGroup(
                main, [*reversed(self.optimisers), *self.synthesiser_optimisers, *self.input_optimisers]
            )
        if jit_compile is True and strategy.num_replicas_in_sync > 1:
            raise UserError(
                f"XLA cannot add gradients up over {strategy.num_replicas_in_sync} replicas; leave jit_compile=True out"
            )
        if jit_compile in (None, "auto"):
            jit_compile = not (has_convolutions(self) or run_eagerly or strategy.num_replicas_in_sync > 1)
        arguments = {"metrics": metrics, "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly}
        arguments |= {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        with strategy.scope():
            super().compile(optimizer=everyone, auto_scale_loss=False, **arguments)
        arguments |= {"loss": loss, "auto_scale_loss": auto_scale_loss}
        self._compile_arguments = lambda: (
            arguments | {"optimizer": main, "synthesiser_optimizer": None if other is main else other}
        )

    def call(self, inputs, training=False, mask=None):
        """The modules one after the other: [B, ...] -> [B, ...]; no synthesiser is called."""
        inputs = with_mask(only_tensor(inputs, "inputs"), mask)
        for part in self.parts:
            inputs = run(part, inputs, training)
        return inputs

    def fit(self, x=None, y=None, *arguments, **options):
        """Keras's fit; the loss that it reports includes the modules' regularisers.

        Raises:
          UserError: labels are missing or are not classes, the model has not been compiled, or a callback would save a
            model that cannot be saved.
        """
        if not self.optimisers:
            raise UserError("the decoupled model has no optimisers yet; call compile first")
        if y is None and hasattr(x, "shape"):
            needed = (
                "its synthesisers see them and its loss needs them" if self.settings.labels else "its loss needs them"
            )
            raise UserError(f"fit got images without labels, and {needed}; pass y")
        default = self._compile_arguments()["loss"] is None
        if default or self.settings.labels:
            ignored = ignored_class(self._compile_arguments()["loss"])
            check_class_numbers(y, self.width if default else self.classes, negative=not default, ignored=ignored)
        check_saving(self, arguments[3] if len(arguments) > 3 else options.get("callbacks"))
        return super().fit(x, y, *arguments, **options)

    def train_step(self, data):
        x, y, weights = self._unpacked(data)
        seed = at_step(run_seed(self.seed, "decoupled"), self.steps.value)
        scalars, outputs, loss = self._step(x, y, seed, None, weights)
        del scalars["loss"]
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(x)[0])
        return {**self.compute_metrics(x, y, outputs, weights), **scalars}

    def _get_metrics_result_or_logs(self, logs):
        """Replaces an epoch's metrics by those of all replicas; because other values are reported with them, Keras
        would average the replicas' metrics."""
        return {**logs, **self.get_metrics_result()} if isinstance(logs, dict) else logs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds metrics from the batch of one replica; Keras would average the batches of all replicas, which need
        equal sizes for that."""
        if iterator is not None and self.distribute_strategy.num_replicas_in_sync > 1:
            of_all = next(iter(iterator))[-1]
            data_batch = keras.tree.map_structure(
                lambda v: self.distribute_strategy.experimental_local_results(v)[0], next(of_all)
            )
            iterator = None
        super()._maybe_symbolic_build(iterator, data_batch)

    def test_step(self, data):
        x, y, weights = self._unpacked(data)
        outputs = self(x, training=False)
        self._loss_tracker.update_state(
            self.compute_loss(x, y, outputs, weights, training=False), sample_weight=tf.shape(x)[0]
        )
        return self.compute_metrics(x, y, outputs, weights)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss that training minimises: the weighted mean (or sum) of the losses of all replicas' examples, plus
        the modules' regularisers."""
        del training
        # Read before any sum over replicas, which lets the other replicas run.
        added = [loss for part in self.parts for loss in part.losses]
        losses, mask = self._weighted_losses(y, y_pred, sample_weight)
        return self._reduced(losses, mask) + self._penalty(added, y_pred if x is None else x, losses.dtype)

    def _no_data(self) -> tf.Tensor:
        """An example of zeros."""
        inputs = getattr(self.parts[0], "inputs", None)
        return tf.zeros((1, *self.input_size), inputs[0].dtype if inputs else self.parts[0].compute_dtype)

    def networks(self) -> list[keras.Layer]:
        """Modules, synthesisers and input models, the order of `state_variables`."""
        return [*self.parts, *self.synthesisers, *self.input_models]

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        optimisers = [*self.optimisers, *self.synthesiser_optimisers, *self.input_optimisers]
        return [
            *(v for network in self.networks() for v in network.variables),
            *(v for o in optimisers for v in o.variables),
            self.steps,
        ]

    def weights_to_save(self, synthesisers: bool = True) -> list:
        """The variables that a file of weights needs: those of the modules, and of synthesisers and input models if
        `synthesisers`."""
        return [v for network in (self.networks() if synthesisers else self.parts) for v in network.variables]

    def _unpacked(self, data) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if y is None:
            raise UserError("the data hold no labels, and the loss needs them; pass pairs (x, y)")
        weights = None if weights is None else only_tensor(weights, "sample weights")
        return only_tensor(x, "inputs"), only_tensor(y, "labels"), weights


def has_convolutions(model: keras.Layer) -> bool:
    """Whether any layer in the model is a convolution."""
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())
