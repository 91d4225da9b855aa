"""Variables of Keras as those of TensorFlow, which a tape can watch."""

from collections.abc import Iterable

import keras
import tensorflow as tf


def watchable(variables: Iterable) -> list[tf.Variable]:
    """Returns the TensorFlow variables behind those of Keras, others as they are, in their order."""
    return [variable.value if isinstance(variable, keras.Variable) else variable for variable in variables]
