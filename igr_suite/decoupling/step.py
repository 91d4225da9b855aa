"""The training step of a decoupled model: forward passes, synthetic gradients and the updates of all networks."""

from collections.abc import Sequence

import tensorflow as tf

from igr_suite.decoupling.contents import Contents
from igr_suite.decoupling.losses import (
    labels_for_synthesisers,
    mask_of_losses,
    mean,
    own_share_of_mean,
    sum_of,
    weighted,
)
from igr_suite.decoupling.optimisers import for_replicas, loss_scale
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
    total,
    widened,
    with_mask,
)
from igr_suite.decoupling.synthetic_gradient import with_context
from igr_suite.errors import UserError
from igr_suite.replicas import replica_count

MEASURES = ("sg_loss", "cosine", "scale", "relative_error", "sign")


class TrainingStep(Contents):
    """The part of `DecoupledModel` that trains its networks and measures its synthetic gradients."""

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
          seed: int32 [2], of this step; it matters only if updates are dropped.
          measure: bool, whether the interfaces are measured in this step, which costs a tenth of a small network's
            step; None measures them.
          weights: of the examples' losses [B]; by default 1.
        Returns:
          Values from before the step: {"loss", and for each interface i the MEASURES as "cosine_<i>" and so on, 0 where
          not measured}, and the outputs [B, ...].
        """
        return self._step(x, y, seed, measure, weights)[:2]

    def _step(self, x, y, seed, measure, weights) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        """The results of `update`, and the minimised loss: the reduced loss plus the modules' regularisers."""
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
            # Without synthesisers the modules below are not trained, but their moving averages still follow the data.
            if i and not self.synthesisers:
                for part, done in zip(self.parts[:i], passes):
                    keep_state(part, done)
                break
            if i:
                gradient = self._driving(_like(predictions[i - 1].outputs, passes[i].inputs), below)
        self.steps.assign_add(1)
        penalty = self._penalty([value for done in passes for value in done.losses], x, loss.dtype)
        return {name: scalars[name] for name in self.scalars}, passes[-1].outputs, minimised + penalty

    def _update_group(
        self, i: int, done: Pass, gradient, predictions, guesses, true, measure
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor | None]:
        """Updates f_(i+1) from the gradient of its output, M_i from that of its input, and I_(i+1) from its output."""
        settings, scale = self.settings, loss_scale(self.optimisers[i])
        gradients, below = done.vjp(gradient, to_inputs=i > 0 and bool(predictions), scale=scale)
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
        predicted = predictions[i - 1]
        received: tf.Tensor = true[i - 1] if true else below
        values = _like(predicted.outputs, received)

        def compare():
            return values - received * self._scale(received)

        def measures() -> dict[str, tf.Tensor]:
            measured = agreement(values, received * self._scale(received))
            return {"sg_loss": total(tf.square(compare())) / count_of(received)} | measured

        self._regress(
            self.synthesiser_optimisers[i - 1], self.synthesisers[i - 1], predicted, settings.sg_weight * compare()
        )
        if measure is None:
            return measures(), below
        return tf.cond(measure, measures, lambda: dict.fromkeys(MEASURES, tf.zeros((), received.dtype))), below

    def _regress(self, optimiser, network, done: Pass, error: tf.Tensor) -> None:
        """A step on the mean square of the error, or, for losses that are sums, on half the sum of squares."""
        factor = 1.0 if self.settings.reduction == "sum" else 2.0 / count_of(error)
        self._apply(optimiser, done.vjp(factor * error, to_inputs=False, scale=loss_scale(optimiser))[0], network)
        keep_state(network, done)

    def _apply(self, optimiser, gradients, network):
        if gradients:
            optimiser.apply(for_replicas(optimiser, gradients), network.trainable_variables)

    def _driving(self, predicted: tf.Tensor, below: tf.Tensor | None) -> tf.Tensor:
        """The gradient that trains a module: the prediction, mixed with the gradient from above if the settings say
        so."""
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
        """The ratio of M_i's output to the gradient that it predicts."""
        if self.settings.sg_scale != "example":
            return tf.ones((), values.dtype)
        return over_replicas(tf.cast(tf.shape(values)[0], values.dtype))

    def forward_passes(self, x: tf.Tensor, synthetic: Sequence[tf.Tensor] = ()) -> list[Pass]:
        """Runs every module once on its input: the output of the module below, or the synthetic input if there is
        one."""
        passes: list[Pass] = []
        for i, part in enumerate(self.parts):
            layer_inputs = x if i == 0 else synthetic[i - 1] if synthetic else passes[-1].outputs
            passes.append(forward(part, layer_inputs, mask_of(layer_inputs)))
        return passes

    def _predict(self, network, above: Pass, context) -> Pass:
        """A synthesiser's pass over the inputs of the module above; where these are masked, the prediction is 0."""
        done = forward(network, with_context(above.inputs, context))
        mask = mask_of(above.inputs)
        if mask is None:
            return done
        with done.tape:
            return done._replace(outputs=only_where(mask, done.outputs))

    def loss_and_gradient(
        self, y: tf.Tensor, outputs: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(mean loss of an example, gradient of the training loss with respect to the outputs, at least float32)."""
        loss, _, gradient = self._loss_and_gradient(y, outputs, weights)
        return loss, gradient

    def _loss_and_gradient(self, y, outputs, weights) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """(mean loss of an example, the minimised loss, its gradient with respect to the outputs)."""
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
        """(losses times weights [B, ...], mask of the losses that count)."""
        losses = self._losses_of(y, with_mask(widened(outputs), mask_of(outputs)))
        return weighted(losses, weights), mask_of_losses(losses, outputs)

    def _reduced(self, losses: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        """The mean or the sum of the losses of all replicas, as the settings say."""
        return over_replicas(sum_of(losses, mask)) if self.settings.reduction == "sum" else mean(losses, mask)

    def _penalty(self, added: Sequence[tf.Tensor], x: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """The sum of the modules' regularisers, which are means over a replica's examples or do not depend on them."""
        penalty = _sum(added, dtype)
        return penalty if not added or replica_count() == 1 else over_replicas(penalty * tf.cast(own_share(x), dtype))

    def context_of(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor | None:
        """What synthesisers see in addition to h, [B, C]: one-hot labels, the caller's function of (x, y), or None."""
        if self.context is not None:
            context = self.context(x, y)
            if len(context.shape) != 2 or context.shape[-1] not in (None, self.context_features):
                raise UserError(
                    f"context=... returned the shape {tuple(context.shape)} for labels of the shape {tuple(y.shape)}, "
                    f"and it was [B, {self.context_features}] for the labels that the synthesisers were built for; "
                    f"return that for all labels"
                )
            return context
        return labels_for_synthesisers(y, self.classes) if self.settings.labels else None

    def audit(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        """Compares synthetic gradients with back-propagation through all modules, at the present weights.

        Args:
          x, y: a batch, [B, ...] each.
        Returns:
          For each interface i "audit_cosine_<i>", "audit_scale_<i>", "audit_relative_error_<i>" and "audit_sign_<i>"
          (see `agreement`).
        """
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        passes, context = self.forward_passes(x), self.context_of(x, y)
        true = true_gradients(passes, self.loss_and_gradient(y, passes[-1].outputs)[1])
        measured: dict[str, tf.Tensor] = {}
        for i, network in enumerate(self.synthesisers):
            predicted = _like(self._predict(network, passes[i + 1], context).outputs, passes[i + 1].inputs)
            predicted = predicted / self._scale(predicted)
            measured |= {f"audit_{name}_{i + 1}": value for name, value in agreement(predicted, true[i]).items()}
        return measured


def true_gradients(passes: Sequence[Pass], gradient: tf.Tensor, scale: tf.Tensor | None = None) -> list[tf.Tensor]:
    """Back-propagation through a chain of passes.

    Args:
      passes: of f_1 ... f_D.
      gradient: with respect to the outputs of f_D.
      scale: factor of the loss during back-propagation.
    Returns:
      The gradients with respect to the inputs of f_2 ... f_D, unscaled and at least float32.
    """
    gradients = []
    for done in reversed(passes[1:]):
        if scale is not None:
            gradient = gradient * tf.cast(scale, gradient.dtype)
        gradient = widened(
            done.tape.gradient(done.outputs, done.inputs, output_gradients=tf.cast(gradient, done.outputs.dtype))
        )
        if scale is not None:
            gradient = gradient / tf.cast(scale, gradient.dtype)
        gradients.append(gradient)
    return gradients[::-1]


def _like(predicted: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Converts a prediction to the type of the gradient at its interface."""
    return tf.cast(predicted, tf.float32 if values.dtype in (tf.float16, tf.bfloat16) else values.dtype)


def _sum(losses: Sequence[tf.Tensor], dtype: tf.DType) -> tf.Tensor:
    return tf.add_n([tf.zeros((), dtype), *(tf.cast(tf.reduce_sum(loss), dtype) for loss in losses)])
