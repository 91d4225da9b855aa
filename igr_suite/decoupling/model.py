"""Decoupled neural interfaces: modules of a Keras model that learn from synthetic gradients instead of waiting for each
other."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from igr_suite.decoupling.checks import (
    build_chain,
    build_synthesisers,
    check_file,
    check_replicas,
    check_saving,
    context_width,
    only_tensor,
)
from igr_suite.decoupling.config import Decoupling
from igr_suite.decoupling.losses import (
    check_class_numbers,
    ignored_class,
    labels_for_synthesisers,
    losses_of_examples,
    mask_of_losses,
    mean,
    own_share_of_mean,
    sum_of,
    weighted,
)
from igr_suite.decoupling.optimisers import (
    OptimiserGroup,
    check_optimiser,
    check_updates,
    copy_for,
    for_replicas,
    loss_scale,
    within_scope,
)
from igr_suite.decoupling.passes import (
    Pass,
    agreement,
    count_of,
    forward,
    keep_state,
    mask_of,
    only_where,
    over_replicas,
    own_share,
    run,
    total,
    widened,
    with_mask,
)
from igr_suite.decoupling.split import split_model
from igr_suite.decoupling.synthetic_gradient import Synthesiser, with_context
from igr_suite.errors import UserError
from igr_suite.randomness import at_step, run_seed
from igr_suite.replicas import replica_count

__all__ = ["DecoupledModel", "split_model"]

MEASURES = ("sg_loss", "cosine", "scale", "relative_error", "sign")
Context = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@keras.saving.register_keras_serializable(package="igr_suite")
class DecoupledModel(keras.Model):
    """A chain of modules f_1 ... f_D in which f_i (i < D) is trained by a prediction of its output's gradient.

        h_0 = x,  h_i = f_i(h_(i-1)),  C = mean_n loss(y_n, h_D)
        s_i = M_i(h_i, c),  d_D = dC/dh_D,  d_(i-1) = J_f_i(h_(i-1))^T d'_i,  d'_i = s_i (i < D),  d'_D = d_D
        f_i learns from d'_i, M_i from |s_i - d_i|^2

    Everything is computed from one snapshot of the weights, which equals the sequence of 2 D - 1 updates in which each
    module is updated as soon as the data have passed it. M_i begin at zero, run in training only, and no gradient
    crosses an interface. The modules' layers are the caller's own: training this model trains the model they were cut
    from.

    It is a Keras model to Keras: callbacks, sample weights, mixed precision, distribution strategies, `save` and
    `load_model` work as usual. On several replicas a step is that of the whole batch. What a file holds of the
    synthesisers are their networks, not factories.

    Example:
      parts = split_model(model, ["dense", "dense_1"])
      decoupled = DecoupledModel(parts, linear(), labels=True)
      decoupled.compile(keras.optimizers.Adam(1e-3))
      decoupled.fit(x, y, batch_size=256, epochs=5)

    Args:
      modules: Keras layers or models; the first one knows its input's shape. One alone is ordinary back-propagation.
      synthesiser: factory of M_i, or one for each interface; None leaves the modules below the uppermost untrained.
      synthetic_inputs: factory of I_i(x, c), a prediction of h_i that f_(i+1) is run on in training (forward unlock);
        M_i then sits on it.
      context: (x, y) -> c [B, C], in place of one-hot labels.
      classes: width of one-hot labels; by default that of the uppermost module's output. Where it is 1, labels are
        shown as they are.
      seed: of dropped updates.
      **settings: of `Decoupling`.
    Raises:
      UserError: modules that do not fit, a layer on both sides of a cut or with state from batch to batch, or a network
        of the wrong width.
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
        super().__init__(name=name, dtype="float32" if half else None)  # every module casts what enters it
        self.settings, self.context, self.seed = Decoupling(**settings), context, seed
        self.parts = list(modules)
        shapes = build_chain(self.parts)
        self.input_size = shapes[0]
        self.width = shapes[-1][-1]
        self.classes = classes or self.width
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
        """Keras's compile; every module and every synthesiser gets an optimiser of its own that steps as this one
        would.

        `model.optimizer` stands for all of them (`OptimiserGroup`). They share the learning rate of the optimiser
        passed, be it a variable, a schedule or a function. A norm that `global_clipnorm` bounds is that of one
        network's gradients.

        Args:
          optimizer: name or Keras optimiser that belongs to no weights yet.
          loss: name of a Keras loss, Keras loss, or function (y, outputs) -> [B]; by default cross-entropy from logits,
            of class numbers or of one-hot labels.
          synthesiser_optimizer: of the synthesisers and input models; by default as `optimizer`, with which they then
            share the rate.
          loss_weights: refused; there is one output.
          metrics, weighted_metrics, run_eagerly, steps_per_execution: as in Keras.
          jit_compile: whether XLA compiles the step; by default unless there are convolutions, whose gradients XLA's
            CPU code is slow at, or several replicas, or the step runs eagerly.
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
        asked = {"metrics": metrics, "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly}
        asked |= {"steps_per_execution": steps_per_execution, "jit_compile": jit_compile}
        with strategy.scope():
            super().compile(optimizer=everyone, auto_scale_loss=False, **asked)
        asked |= {"loss": loss, "auto_scale_loss": auto_scale_loss}
        self._asked = lambda: asked | {"optimizer": main, "synthesiser_optimizer": None if other is main else other}

    def call(self, inputs, training=False, mask=None):
        """The modules one after the other: [B, ...] -> [B, ...]; no synthesiser is called."""
        inputs = with_mask(only_tensor(inputs, "inputs"), mask)
        for part in self.parts:
            inputs = run(part, inputs, training)
        return inputs

    def fit(self, x=None, y=None, *arguments, **options):
        """Keras's fit; the loss that it reports includes the modules' regularisers.

        Raises:
          UserError: labels are missing or are no classes, the model has not been compiled, or a callback would save
            what cannot be saved.
        """
        if not self.optimisers:
            raise UserError("the decoupled model has no optimisers yet; call compile first")
        if y is None and hasattr(x, "shape"):
            needed = (
                "its synthesisers see them and its loss needs them" if self.settings.labels else "its loss needs them"
            )
            raise UserError(f"fit got images without labels, and {needed}; pass y")
        default = self._asked()["loss"] is None
        if default or self.settings.labels:
            ignored = ignored_class(self._asked()["loss"])
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
        """An epoch's metrics are those of all replicas; Keras would take their mean because of what is reported beside
        them."""
        return {**logs, **self.get_metrics_result()} if isinstance(logs, dict) else logs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """On several replicas Keras builds metrics from the mean of their batches, which have to be of one size for
        that; from one here."""
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
        """What training minimises: the weighted mean (or sum) of the losses of all replicas' examples, and the modules'
        regularisers."""
        del training
        # first: sums over replicas let the other replicas run
        added = [loss for part in self.parts for loss in part.losses]
        losses, mask = self._weighted_losses(y, y_pred, sample_weight)
        return self._reduced(losses, mask) + self._penalty(added, y_pred if x is None else x, losses.dtype)

    def update(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        seed: tf.Tensor,
        measure: tf.Tensor | None = None,
        weights: tf.Tensor | None = None,
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """One step of all modules, synthesisers and input models.

        Args:
          x: [B, ...].
          y: labels [B, ...].
          seed: int32 [2], the step's; read where updates are dropped.
          measure: bool, whether the interfaces are measured in this step, which costs a tenth of a small network's
            step; by default yes.
          weights: of the examples' losses [B]; by default 1.
        Returns:
          ({"loss", and for each interface i the MEASURES as "cosine_<i>" and so on, 0 where not measured}, outputs [B,
          ...]): before the step.
        """
        return self._step(x, y, seed, measure, weights)[:2]

    def _step(self, x, y, seed, measure, weights) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        """`update`, and what it minimises: the reduced loss and the modules' regularisers."""
        x, y, settings, top = tf.convert_to_tensor(x), tf.convert_to_tensor(y), self.settings, len(self.parts) - 1
        context = self.context_of(x, y)
        guesses = [forward(network, with_context(x, context)) for network in self.input_models]
        passes = self.forward_passes(x, [guess.outputs for guess in guesses])
        loss, minimised, gradient = self._loss_and_gradient(y, passes[-1].outputs, weights)
        predictions = [
            self._predict(network, above, context)
            for network, above in zip(self.synthesisers, passes[1:], strict=False)
        ]
        true = true_gradients(passes, gradient, loss_scale(self.optimisers[top])) if settings.target == "true" else None
        active = (
            tf.random.stateless_uniform([top + 1], seed, alg="philox") < settings.p_update
            if settings.p_update < 1
            else None
        )
        scalars = {"loss": loss}
        for i in reversed(range(top + 1)):

            def update_group(i=i, gradient=gradient):
                return self._update_group(i, passes[i], gradient, predictions, guesses, true, measure)

            if active is None:
                measured, below = update_group()
            else:
                quiet = dict.fromkeys(MEASURES if i else (), tf.zeros((), loss.dtype))
                measured = tf.cond(active[i], lambda: update_group()[0], lambda: quiet)  # noqa: B023 run at once
                measured = {name: tf.math.divide_no_nan(value, settings.p_update) for name, value in measured.items()}
                below = None
            scalars |= {f"{name}_{i}": value for name, value in measured.items()}
            # nothing trains the modules below; their moving averages follow the data all the same
            if i and not self.synthesisers:
                for part, done in zip(self.parts[:i], passes):
                    keep_state(part, done)
                break
            if i:
                gradient = self._driving(_like(predictions[i - 1].outputs, passes[i].inputs), below)
        self.steps.assign_add(1)
        penalty = self._penalty([value for done in passes for value in done.losses], x, loss.dtype)
        return {name: scalars[name] for name in self.scalars}, passes[-1].outputs, minimised + penalty

    def forward_passes(self, x: tf.Tensor, synthetic: Sequence[tf.Tensor] = ()) -> list[Pass]:
        """Every module run once on what enters it: the module below, or the synthetic input where there is one."""
        passes: list[Pass] = []
        for i, part in enumerate(self.parts):
            layer_inputs = x if i == 0 else synthetic[i - 1] if synthetic else passes[-1].outputs
            passes.append(forward(part, layer_inputs, mask_of(layer_inputs)))
        return passes

    def _predict(self, network, above: Pass, context) -> Pass:
        """A synthesiser's pass over what enters the module above; where that is masked, the prediction is 0."""
        done = forward(network, with_context(above.inputs, context))
        mask = mask_of(above.inputs)
        if mask is None:
            return done
        with done.tape:
            return done._replace(outputs=only_where(mask, done.outputs))

    def loss_and_gradient(
        self, y: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(mean loss an example, gradient of the training loss with respect to the outputs, at least float32)."""
        loss, _, gradient = self._loss_and_gradient(y, outputs, weights)
        return loss, gradient

    def _loss_and_gradient(self, y, outputs, weights) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """(mean loss an example, the loss that is minimised, its gradient)."""
        outputs = with_mask(tf.stop_gradient(widened(outputs)), mask_of(outputs))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(outputs)
            losses, mask = self._weighted_losses(y, outputs, weights)
            trained = sum_of(losses, mask) if self.settings.reduction == "sum" else own_share_of_mean(losses, mask)
        gradient = tape.gradient(trained, outputs)
        if gradient is None:
            raise UserError(
                "the loss has no derivative with respect to the outputs; compute it by TensorFlow's or Keras's "
                "operations"
            )
        return mean(losses, mask), self._reduced(losses, mask), gradient

    def _weighted_losses(self, y, outputs, weights) -> tuple[tf.Tensor, tf.Tensor | None]:
        """(losses times weights [B, ...], which of them count)."""
        losses = self._losses_of(y, with_mask(widened(outputs), mask_of(outputs)))
        return weighted(losses, weights), mask_of_losses(losses, outputs)

    def _reduced(self, losses: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        """The losses of all replicas added up as the settings say."""
        return over_replicas(sum_of(losses, mask)) if self.settings.reduction == "sum" else mean(losses, mask)

    def _penalty(self, added: Sequence[tf.Tensor], x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """The sum of the modules' regularisers, which are means over a replica's examples or no function of them."""
        found = _sum(added, dtype)
        return found if not added or replica_count() == 1 else over_replicas(found * tf.cast(own_share(x), dtype))

    def context_of(self, x: tf.Tensor, y: tf.Tensor | None) -> tf.Tensor | None:
        """What synthesisers see beside h [B, C]: one-hot labels, the caller's function of (x, y), or nothing."""
        if self.context is not None:
            context = self.context(x, y)
            if len(context.shape) != 2 or context.shape[-1] not in (None, self.context_features):
                raise UserError(
                    f"context=... returned the shape {tuple(context.shape)} for labels of the shape {tuple(y.shape)}, "
                    f"and it was [B, "
                    f"{self.context_features}] for the labels that the synthesisers were built for; return that for "
                    f"all labels"
                )
            return context
        return labels_for_synthesisers(y, self.classes) if self.settings.labels else None

    def audit(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        """Synthetic gradients against back-propagation through all modules, at the present weights; nothing is changed.

        Args:
          x, y: a batch, [B, ...] each.
        Returns:
          for each interface i: "audit_cosine_<i>", "audit_scale_<i>", "audit_relative_error_<i>", "audit_sign_<i>" (see
            `agreement`).
        """
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        passes, context = self.forward_passes(x), self.context_of(x, y)
        true = true_gradients(passes, self.loss_and_gradient(y, passes[-1].outputs)[1])
        found = {}
        for i, network in enumerate(self.synthesisers):
            predicted = _like(self._predict(network, passes[i + 1], context).outputs, passes[i + 1].inputs)
            predicted = predicted / self._scale(predicted)
            found |= {f"audit_{name}_{i + 1}": value for name, value in agreement(predicted, true[i]).items()}
        return found

    def save(self, filepath, *arguments, **options):
        """Keras's save.

        Raises:
          UserError: a file of the format that Keras reads functional models from only.
        """
        check_file(filepath)
        return super().save(filepath, *arguments, **options)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **options):
        """Keras's export: the modules one after the other, at inference, by default for batches of any size."""
        example = self._no_data()
        self(example)
        signature = input_signature or [keras.InputSpec(shape=(None, *example.shape[1:]), dtype=example.dtype.name)]
        return super().export(filepath, format, verbose, signature, **options)

    def get_config(self) -> dict:
        """What a copy is built from: modules and networks, the context's function, the settings (Keras's
        serialisation)."""
        save = keras.saving.serialize_keras_object
        return {
            "modules": [save(part) for part in self.parts],
            "synthesiser": [save(network) for network in self.synthesisers] or None,
            "synthetic_inputs": [save(network) for network in self.input_models] or None,
            "context": save(self.context) if self.context is not None else None,
            "classes": self.classes,
            "seed": self.seed,
            "name": self.name,
            **dataclasses.asdict(self.settings),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "DecoupledModel":
        """A model of the same networks and settings, with new weights."""

        def load(saved):
            return keras.saving.deserialize_keras_object(saved, custom_objects=custom_objects)

        config = dict(config)
        modules, context = [load(saved) for saved in config.pop("modules")], load(config.pop("context"))
        for name in ("synthesiser", "synthetic_inputs"):
            networks = [load(saved) for saved in config[name] or ()]
            config[name] = [lambda inputs, outputs, network=network: network for network in networks] or None
        return cls(modules, context=context, **config)

    def save_own_variables(self, store) -> None:
        """The step, and the states of random layers, which Keras does not save: training goes on as it would have."""
        for i, variable in enumerate([self.steps, *self._random_states()]):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store) -> None:
        """What `save_own_variables` wrote."""
        for i, variable in enumerate([self.steps, *self._random_states()]):
            if str(i) in store:
                variable.assign(store[str(i)])

    def _no_data(self) -> tf.Tensor:
        """Zeros in the place of an example."""
        inputs = getattr(self.parts[0], "inputs", None)
        return tf.zeros((1, *self.input_size), inputs[0].dtype if inputs else self.parts[0].compute_dtype)

    def _random_states(self) -> list:
        saved = {id(v) for network in self.networks() for v in network.weights}
        return [v for network in self.networks() for v in network.variables if id(v) not in saved]

    def get_compile_config(self) -> dict:
        """What `compile` was given, as Keras serialises it."""
        if not self.optimisers:
            return {}
        return {name: keras.saving.serialize_keras_object(value) for name, value in self._asked().items()}

    def compile_from_config(self, config: dict) -> None:
        """`compile` with what `get_compile_config` returned."""
        if config:
            self.compile(**keras.saving.deserialize_keras_object(config))

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
        """The modules' variables, with those of synthesisers and input models or without: what a file of weights needs
        to hold."""
        return [v for network in (self.networks() if synthesisers else self.parts) for v in network.variables]

    def _update_group(
        self, i: int, done: Pass, gradient, predictions, guesses, true, measure
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor | None]:
        """Updates f_(i+1) from its output's gradient, M_i from its input's, and I_(i+1) from its output."""
        settings, scale = self.settings, loss_scale(self.optimisers[i])
        gradients, below = done.pull(gradient, to_inputs=i > 0 and bool(predictions), scale=scale)
        if settings.l2 or settings.l1:
            share = 1.0 / replica_count() if scale is None else scale / replica_count()
            gradients = [
                g + share * (settings.l2 * w + settings.l1 * tf.sign(w)) for g, w in zip(gradients, done.weights)
            ]
        if settings.warmup == "hold" and i < len(self.parts) - 1:
            tf.cond(self._warming(), lambda: None, lambda: self._apply(self.optimisers[i], gradients, self.parts[i]))
        else:
            self._apply(self.optimisers[i], gradients, self.parts[i])
        keep_state(self.parts[i], done)
        if i < len(guesses):
            outputs = widened(done.outputs)
            error = tf.cast(guesses[i].outputs, outputs.dtype) - outputs
            self._regress(self.input_optimisers[i], self.input_models[i], guesses[i], error)
        if i == 0 or not predictions:
            return {}, below
        predicted, received = predictions[i - 1], true[i - 1] if true else below
        values = _like(predicted.outputs, received)

        def compare():
            return values - received * self._scale(received)

        def measures():
            measured = agreement(values, received * self._scale(received))
            return {"sg_loss": total(tf.square(compare())) / count_of(received)} | measured

        self._regress(
            self.synthesiser_optimisers[i - 1], self.synthesisers[i - 1], predicted, settings.sg_weight * compare()
        )
        if measure is None:
            return measures(), below
        return tf.cond(measure, measures, lambda: dict.fromkeys(MEASURES, tf.zeros((), received.dtype))), below

    def _regress(self, optimiser, network, done: Pass, error: tf.Tensor) -> None:
        """A step on the mean square of the error, or on half of its sum."""
        factor = 1.0 if self.settings.reduction == "sum" else 2.0 / count_of(error)
        self._apply(optimiser, done.pull(factor * error, to_inputs=False, scale=loss_scale(optimiser))[0], network)
        keep_state(network, done)

    def _apply(self, optimiser, gradients, network):
        if gradients:
            optimiser.apply(for_replicas(optimiser, gradients), network.trainable_variables)

    def _driving(self, predicted: tf.Tensor, below: tf.Tensor | None) -> tf.Tensor:
        """What a module learns from: the prediction, mixed with the gradient from above where the settings say so."""
        settings = self.settings
        synthetic = settings.sg_use_factor / self._scale(predicted) * predicted
        if settings.warmup == "backprop":
            kept = tf.cast(self._warming(), predicted.dtype)
            share = tf.maximum(kept, settings.bp_lambda or 0.0)
        elif settings.target == "lambda":
            share = settings.bp_lambda
        else:
            return synthetic
        return share * below + (1.0 - share) * synthetic

    def _warming(self) -> tf.Tensor:
        return self.steps.value < self.settings.warmup_steps

    def _scale(self, values: tf.Tensor) -> tf.Tensor:
        """How many times larger M_i's output is than the gradient it stands for."""
        if self.settings.sg_scale != "example":
            return tf.ones((), values.dtype)
        return over_replicas(tf.cast(tf.shape(values)[0], values.dtype))

    def _unpacked(self, data) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if y is None:
            raise UserError("the data hold no labels, and the loss needs them; pass pairs (x, y)")
        weights = None if weights is None else only_tensor(weights, "sample weights")
        return only_tensor(x, "inputs"), only_tensor(y, "labels"), weights


def true_gradients(passes: Sequence[Pass], gradient: tf.Tensor, scale: tf.Tensor | None = None) -> list[tf.Tensor]:
    """Back-propagation through a chain of passes.

    Args:
      passes: of f_1 ... f_D.
      gradient: with respect to the last one's outputs.
      scale: of the loss on the way down.
    Returns:
      the gradients with respect to the inputs of f_2 ... f_D, unscaled and at least float32.
    """
    found = []
    for done in reversed(passes[1:]):
        if scale is not None:
            gradient = gradient * tf.cast(scale, gradient.dtype)
        gradient = widened(
            done.tape.gradient(done.outputs, done.inputs, output_gradients=tf.cast(gradient, done.outputs.dtype))
        )
        if scale is not None:
            gradient = gradient / tf.cast(scale, gradient.dtype)
        found.append(gradient)
    return found[::-1]


def has_convolutions(model: keras.Layer) -> bool:
    """Whether any layer in the model is a convolution."""
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


def _like(predicted: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """A prediction in the type in which the gradient at an interface is kept."""
    return tf.cast(predicted, tf.float32 if values.dtype in (tf.float16, tf.bfloat16) else values.dtype)


def _sum(losses: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    return tf.add_n([tf.zeros((), dtype), *(tf.cast(tf.reduce_sum(loss), dtype) for loss in losses)])
