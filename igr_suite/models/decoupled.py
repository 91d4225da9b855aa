"""Decoupled neural interfaces: modules of a Keras model that learn from synthetic gradients instead of waiting for each other."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.layers.synthetic_gradient import Synthesiser, with_context
from igr_suite.models.decoupled_checks import build_chain, build_synthesisers, check_optimiser
from igr_suite.models.decoupled_passes import Pass, agreement, forward, in_mode, keep_state, total
from igr_suite.models.decoupled_split import split_model
from igr_suite.models.decoupling_config import Decoupling
from igr_suite.training.seeds import at_step, run_seed

__all__ = ["DecoupledModel", "split_model"]

MEASURES = ("sg_loss", "cosine", "scale", "relative_error", "sign")
Context = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class DecoupledModel(keras.Model):
    """A chain of modules f_1 ... f_D in which f_i (i < D) is trained by a prediction of its output's gradient.

        h_0 = x,  h_i = f_i(h_(i-1)),  C = mean_n loss(y_n, h_D)
        s_i = M_i(h_i, c),  d_D = dC/dh_D,  d_(i-1) = J_f_i(h_(i-1))^T d'_i,  d'_i = s_i (i < D),  d'_D = d_D
        f_i learns from d'_i, M_i from |s_i - d_i|^2

    Everything is computed from one snapshot of the weights, which equals the sequence of 2 D - 1 updates in which each module is updated
    as soon as the data have passed it. M_i begin at zero, run in training only, and no gradient crosses an interface. The modules' layers
    are the caller's own: training this model trains the model they were cut from.

    Example:
      parts = split_model(model, ["dense", "dense_1"])
      decoupled = DecoupledModel(parts, linear(), labels=True)
      decoupled.compile(keras.optimizers.Adam(1e-3))
      decoupled.fit(x, y, batch_size=256, epochs=5)

    Args:
      modules: Keras layers or models; the first one knows its input's shape. One alone is ordinary back-propagation.
      synthesiser: factory of M_i, or one for each interface; None leaves the modules below the uppermost untrained.
      synthetic_inputs: factory of I_i(x, c), a prediction of h_i that f_(i+1) is run on in training (forward unlock); M_i then sits on it.
      context: (x, y) -> c [B, C], in place of one-hot labels.
      classes: width of one-hot labels; by default that of the uppermost module's output.
      seed: of dropped updates.
      **settings: of `Decoupling`.
    Raises:
      UserError: modules that do not fit, a layer on both sides of a cut or with state from batch to batch, or a network of the wrong width.
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
        super().__init__(name=name)
        self.settings, self.context, self.seed = Decoupling(**settings), context, seed
        self.parts = list(modules)
        shapes = build_chain(self.parts)
        self.classes = classes or shapes[-1][-1]
        width = self._context_width(shapes)
        self.synthesisers = build_synthesisers(synthesiser, shapes[1:-1], shapes[1:-1], width, "synthesiser")
        self.input_models = build_synthesisers(synthetic_inputs, [shapes[0]] * (len(shapes) - 2), shapes[1:-1], width, "input model")
        if self.settings.p_update < 1 and not self.synthesisers and len(self.parts) > 1:
            raise UserError(f"p_update={self.settings.p_update} needs synthesisers: without them the modules below are not updated at all")
        self.steps = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="steps")
        names = [f"{measure}_{i + 1}" for i in range(len(self.synthesisers)) for measure in MEASURES]
        self.scalars = ("loss", *names)
        self.optimisers: list[keras.Optimizer] = []
        self.built = True

    def compile(self, optimizer="adam", loss=None, *, synthesiser_optimizer=None, metrics=None, jit_compile=None, **options) -> None:
        """Keras's compile; every module and every synthesiser gets an optimiser of its own, of this one's kind and settings.

        Args:
          optimizer: name or Keras optimiser; schedules of its rate belong into it.
          loss: Keras loss, or function (y, outputs) -> [B]; by default cross-entropy of integer labels from logits.
          synthesiser_optimizer: of the synthesisers and input models; by default as `optimizer`.
          metrics: as in Keras.
          jit_compile: whether XLA compiles the step; by default unless there are convolutions, whose gradients XLA's CPU code is slow at.
        """
        main, other = check_optimiser(optimizer), check_optimiser(synthesiser_optimizer or optimizer)
        self.optimisers = [_clone(main, part) for part in self.parts]
        self.synthesiser_optimisers = [_clone(other, part) for part in self.synthesisers]
        self.input_optimisers = [_clone(other, part) for part in self.input_models]
        self._loss_of = _loss_function(loss)
        jit_compile = not has_convolutions(self) if jit_compile is None else jit_compile
        super().compile(
            optimizer=self.optimisers[-1], loss=lambda y, out: self._loss_of(y, out), metrics=metrics, jit_compile=jit_compile, **options
        )

    def call(self, inputs, training=False):
        """The modules one after the other: [B, ...] -> [B, ...]; no synthesiser is called."""
        for part in self.parts:
            inputs = part(inputs, **in_mode(part, training))
        return inputs

    def fit(self, x=None, y=None, **options):
        """Keras's fit.

        Raises:
          UserError: labels are missing, or the model has not been compiled.
        """
        if not self.optimisers:
            raise UserError("the decoupled model has no optimisers yet; call compile first")
        if y is None and hasattr(x, "shape"):
            needed = "its synthesisers see them and its loss needs them" if self.settings.labels else "its loss needs them"
            raise UserError(f"fit got images without labels, and {needed}; pass y")
        return super().fit(x, y, **options)

    def train_step(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if y is None:
            raise UserError("the data hold no labels, and the loss needs them; pass pairs (x, y)")
        if weights is not None:
            raise UserError("a decoupled model takes no sample weights; leave sample_weight and class_weight out")
        scalars, outputs = self.update(x, y, at_step(run_seed(self.seed, "decoupled"), self.steps.value))
        self._loss_tracker.update_state(scalars.pop("loss"))
        return {**self.compute_metrics(x, y, outputs), **scalars}

    def update(
        self, x: tf.Tensor, y: tf.Tensor, seed: tf.Tensor, measure: tf.Tensor | None = None
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """One step of all modules, synthesisers and input models.

        Args:
          x: [B, ...].
          y: labels [B, ...].
          seed: int32 [2], the step's; read where updates are dropped.
          measure: bool, whether the interfaces are measured in this step, which costs a tenth of a small network's step; by default yes.
        Returns:
          ({"loss", and for each interface i the MEASURES as "cosine_<i>" and so on, 0 where not measured}, outputs [B, ...]): before the
          step.
        """
        settings, top = self.settings, len(self.parts) - 1
        context = self.context_of(x, y)
        guesses = [forward(network, with_context(x, context)) for network in self.input_models]
        passes = self.forward_passes(x, [guess.outputs for guess in guesses])
        loss, gradient = self.loss_and_gradient(y, passes[-1].outputs)
        predictions = [
            forward(network, with_context(above.inputs, context)) for network, above in zip(self.synthesisers, passes[1:], strict=False)
        ]
        true = true_gradients(passes, gradient) if settings.target == "true" else None
        active = tf.random.stateless_uniform([top + 1], seed, alg="philox") < settings.p_update if settings.p_update < 1 else None
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
            if i and not self.synthesisers:  # nothing trains the modules below; their moving averages follow the data all the same
                for part, done in zip(self.parts[:i], passes):
                    keep_state(part, done)
                break
            if i:
                gradient = self._driving(predictions[i - 1].outputs, below)
        self.steps.assign_add(1)
        return {name: scalars[name] for name in self.scalars}, passes[-1].outputs

    def forward_passes(self, x: tf.Tensor, synthetic: Sequence[tf.Tensor] = ()) -> list[Pass]:
        """Every module run once on what enters it: the module below, or the synthetic input where there is one."""
        passes: list[Pass] = []
        for i, part in enumerate(self.parts):
            entering = x if i == 0 else synthetic[i - 1] if synthetic else passes[-1].outputs
            passes.append(forward(part, entering))
        return passes

    def loss_and_gradient(self, y: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(mean loss an example, gradient of the training loss with respect to the outputs)."""
        outputs = tf.stop_gradient(outputs)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(outputs)
            losses = self._loss_of(y, outputs)
            total = tf.reduce_sum(losses) if self.settings.reduction == "sum" else tf.reduce_mean(losses)
        return tf.reduce_mean(losses), tape.gradient(total, outputs)

    def context_of(self, x: tf.Tensor, y: tf.Tensor | None) -> tf.Tensor | None:
        """What synthesisers see beside h [B, C]: one-hot labels, the caller's function of (x, y), or nothing."""
        if self.context is not None:
            return self.context(x, y)
        return tf.one_hot(tf.reshape(y, [-1]), self.classes) if self.settings.labels else None

    def audit(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        """Synthetic gradients against back-propagation through all modules, at the present weights; nothing is changed.

        Args:
          x, y: a batch, [B, ...] each.
        Returns:
          for each interface i: "audit_cosine_<i>", "audit_scale_<i>", "audit_relative_error_<i>", "audit_sign_<i>" (see `agreement`).
        """
        passes, context = self.forward_passes(x), self.context_of(x, y)
        true = true_gradients(passes, self.loss_and_gradient(y, passes[-1].outputs)[1])
        found = {}
        for i, network in enumerate(self.synthesisers):
            predicted = forward(network, with_context(passes[i + 1].inputs, context)).outputs / self._scale(x)
            found |= {f"audit_{name}_{i + 1}": value for name, value in agreement(predicted, true[i]).items()}
        return found

    def networks(self) -> list[keras.Layer]:
        """Modules, synthesisers and input models, the order of `state_variables`."""
        return [*self.parts, *self.synthesisers, *self.input_models]

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        optimisers = [*self.optimisers, *self.synthesiser_optimisers, *self.input_optimisers]
        return [*(v for network in self.networks() for v in network.variables), *(v for o in optimisers for v in o.variables), self.steps]

    def weights_to_save(self, synthesisers: bool = True) -> list:
        """The modules' variables, with those of synthesisers and input models or without: what a file of weights needs to hold."""
        return [v for network in (self.networks() if synthesisers else self.parts) for v in network.variables]

    def _update_group(
        self, i: int, done: Pass, gradient, predictions, guesses, true, measure
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor | None]:
        """Updates f_(i+1) from its output's gradient, M_i from its input's, and I_(i+1) from its output."""
        settings = self.settings
        gradients, below = done.pull(gradient, to_inputs=i > 0 and bool(predictions))
        if settings.l2 or settings.l1:
            gradients = [g + settings.l2 * w + settings.l1 * tf.sign(w) for g, w in zip(gradients, done.weights)]
        if settings.warmup == "hold" and i < len(self.parts) - 1:
            tf.cond(self._warming(), tf.no_op, lambda: self._apply(self.optimisers[i], gradients, self.parts[i]))
        else:
            self._apply(self.optimisers[i], gradients, self.parts[i])
        keep_state(self.parts[i], done)
        if i < len(guesses):
            error = guesses[i].outputs - done.outputs
            self._regress(self.input_optimisers[i], self.input_models[i], guesses[i], error)
        if i == 0 or not predictions:
            return {}, below
        predicted, received = predictions[i - 1], true[i - 1] if true else below

        def compare():
            return predicted.outputs - received * self._scale(received)

        def measures():
            measured = agreement(predicted.outputs, received * self._scale(received))
            return {"sg_loss": total(tf.square(compare())) / tf.cast(tf.size(received), received.dtype)} | measured

        self._regress(self.synthesiser_optimisers[i - 1], self.synthesisers[i - 1], predicted, settings.sg_weight * compare())
        if measure is None:
            return measures(), below
        return tf.cond(measure, measures, lambda: dict.fromkeys(MEASURES, tf.zeros((), received.dtype))), below

    def _regress(self, optimiser, network, done: Pass, error: tf.Tensor) -> None:
        """A step on the mean square of the error, or on half of its sum."""
        factor = 1.0 if self.settings.reduction == "sum" else 2.0 / tf.cast(tf.size(error), error.dtype)
        self._apply(optimiser, done.pull(factor * error, to_inputs=False)[0], network)
        keep_state(network, done)

    def _apply(self, optimiser, gradients, network):
        if gradients:
            optimiser.apply(gradients, network.trainable_variables)

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
        return tf.cast(tf.shape(values)[0] if self.settings.sg_scale == "example" else 1, values.dtype)

    def _context_width(self, shapes) -> int:
        if self.context is None:
            return self.classes if self.settings.labels else 0
        if self.settings.labels:
            raise UserError("labels=True and context=... both say what synthesisers see; leave one of them out")
        return self.context(tf.zeros((1, *shapes[0])), tf.zeros((1,), tf.int32)).shape[-1]


def true_gradients(passes: Sequence[Pass], gradient: tf.Tensor) -> list[tf.Tensor]:
    """Back-propagation through a chain of passes.

    Args:
      passes: of f_1 ... f_D.
      gradient: with respect to the last one's outputs.
    Returns:
      the gradients with respect to the inputs of f_2 ... f_D.
    """
    found = []
    for done in reversed(passes[1:]):
        gradient = done.tape.gradient(done.outputs, done.inputs, output_gradients=gradient)
        found.append(gradient)
    return found[::-1]


def has_convolutions(model: keras.Layer) -> bool:
    """Whether any layer in the model is a convolution."""
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


def _clone(optimiser: keras.Optimizer, network: keras.Layer) -> keras.Optimizer:
    config = optimiser.get_config()
    if isinstance(optimiser._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        config["learning_rate"] = optimiser._learning_rate  # a caller's own class need not be registered with Keras
    own = type(optimiser).from_config(config)
    own.build(network.trainable_variables)
    return own


def _loss_function(loss):
    if loss is None:
        return lambda y, logits: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(tf.reshape(y, [-1]), tf.int32), logits)
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    return loss.call if isinstance(loss, keras.Loss) else loss
