"""The attributes of a decoupled model that its parts share."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from igr_suite.decoupling.config import Decoupling


class Contents(keras.Model):
    """A Keras model with the attributes that `DecoupledModel` sets and its parts `TrainingStep` and `Saving` read.

    Attributes:
      parts: the modules f_1 ... f_D.
      synthesisers, input_models: M_i and I_i of the interfaces; empty where there are none.
      optimisers, synthesiser_optimisers, input_optimisers: of these networks, in the same order.
      settings, context, context_features, classes, seed: as `DecoupledModel` was given them, or by default.
      scalars: names of the values that a step returns.
      steps: number of training steps so far.
    """

    parts: list[keras.Layer]
    synthesisers: list[keras.Layer]
    input_models: list[keras.Layer]
    optimisers: list[keras.Optimizer]
    synthesiser_optimisers: list[keras.Optimizer]
    input_optimisers: list[keras.Optimizer]
    settings: Decoupling
    context: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None
    context_features: int
    classes: int
    seed: int
    scalars: tuple[str, ...]
    steps: keras.Variable
    _losses_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    _compile_arguments: Callable[[], dict[str, Any]]
