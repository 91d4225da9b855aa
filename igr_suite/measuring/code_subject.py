"""A trained VAE of hard discrete codes as a subject of `estimator_variance`; the families pass the function that
computes its logits."""

import math
from collections.abc import Callable

import tensorflow as tf

from igr_suite.estimators.distributions import bernoulli, categorical
from igr_suite.keras_variables import watchable
from igr_suite.measuring.estimator_variance import Source
from igr_suite.measuring.registered_source import registered_names, registered_source

REFERENCES = {"bernoulli": "disarm", "categorical": "rebar"}


class CodeSubject:
    """The bound log p(x | b) + log p(b) - log q(b | x) of hard codes b, with p(b) uniform.

    Args:
      model: trained; has `encoder` and `log_likelihood(codes, x)`.
      x: observations [N, D].
      support: "bernoulli" or "categorical".
      logits_of: maps x to logits of q, [N, V] or [N, V, K]; it is differentiated with respect to the encoder's weights.
      flat: whether the decoder takes codes as [S, N, V K].
    """

    own_steps = 0
    jit = False  # measured: the decoder's products are slower under XLA (docs/performance.md)

    def __init__(
        self, model, x: tf.Tensor, support: str, logits_of: Callable[[tf.Tensor], tf.Tensor], flat: bool = False
    ):
        self.model, self.x, self.support, self.flat, self.logits_of = model, x, support, flat, logits_of
        self.weights = watchable(model.encoder.trainable_variables)
        self.names, self.reference = registered_names(support), REFERENCES[support]
        self.logits = tf.constant(logits_of(x))

    def source(self, name: str, fresh: bool = False) -> Source:
        """See `Subject`; there are no settings or parameters of the run, so `fresh` has no effect."""
        del fresh
        return registered_source(name, self.logits, self.bound, self.vjp, self.own_steps)

    def bound(self, code: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The bound [S, N] of codes [S, N, V] or [S, N, V, K], which may be relaxed, at logits of q."""
        if self.support == "bernoulli":
            log_q, states = tf.reduce_sum(bernoulli.log_probability(logits, code), -1), 2
            shaped = code[..., tf.newaxis]
        else:
            log_q, states = tf.reduce_sum(categorical.log_probability(logits, code), -1), code.shape[-1]
            shaped = code
        if self.flat:
            shaped = tf.reshape(code, (*code.shape[:2], -1))
        return self.model.log_likelihood(shaped, self.x) - logits.shape[1] * math.log(states) - log_q

    def vjp(self, gradient: tf.Tensor) -> list[tf.Tensor]:
        """Maps the gradient with respect to the logits to gradients with respect to the encoder's weights."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.weights)
            logits = self.logits_of(self.x)
        return tape.gradient(logits, self.weights, output_gradients=gradient, unconnected_gradients="zero")
