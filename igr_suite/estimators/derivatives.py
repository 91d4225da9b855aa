"""Checks that a derivative exists: TensorFlow returns None for a missing one, or silently leaves it out of a sum."""

from collections.abc import Callable

import tensorflow as tf

from igr_suite.errors import UserError


class MissingDerivative(UserError):
    """TensorFlow has no derivative where an estimator needs one.

    Args:
      function: the function without a derivative, as the subject of a sentence.
    """

    def __init__(self, function: str):
        self.function = function
        super().__init__(
            f"{function} has no derivative in TensorFlow: it leaves TensorFlow (tf.numpy_function, .numpy()), rounds "
            "or compares its argument, or stops the gradient; write it with differentiable operations"
        )


class Traced:
    """A function that records whether a derivative has reached its arguments.

    The derivative of a sum exists as soon as one summand has one, so a gradient that exists does not show that this
    function took part in it; the record does. Three cases stay hidden, because TensorFlow reports a derivative for
    them: a function that is differentiable in part only (tf.round(b) + b), operations whose derivative is zero by
    definition (tf.sign), and a gradient that is stopped inside a loop of a traced function.

    Args:
      function: of tensors.
      name: as the subject of a sentence.
    """

    def __init__(self, function: Callable[..., tf.Tensor], name: str = "the objective"):
        self.function, self.name, self.reached = function, name, False

    def __call__(self, *tensors: tf.Tensor, **settings) -> tf.Tensor:
        """The function's value; derivatives with respect to the tensors are recorded."""
        return self.function(*(self._marked(tensor) for tensor in tensors), **settings)

    def require(self) -> None:
        """Raises MissingDerivative unless a derivative has reached the arguments."""
        if not self.reached:
            raise MissingDerivative(self.name)

    def _marked(self, tensor: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def identity(value):
            def gradient(upstream):
                # A scalar is what tf.py_function returns in place of a missing derivative.
                if not upstream.shape.is_compatible_with(value.shape):
                    raise MissingDerivative(self.name)
                self.reached = True
                return upstream if upstream.shape == value.shape else tf.ensure_shape(upstream, value.shape)

            return tf.identity(value), gradient

        return identity(tensor)


def derivative(
    tape: tf.GradientTape, value: tf.Tensor, source: tf.Tensor, function: str = "the objective"
) -> tf.Tensor:
    """d sum(value) / d source, which has to exist.

    Args:
      tape: has recorded the value and watches the source.
      value: of any shape.
      source: of any shape.
      function: the differentiated function, as the subject of a sentence.
    Returns:
      The source's shape.
    Raises:
      MissingDerivative: TensorFlow has none.
    """
    try:
        result = tape.gradient(value, source)
    except LookupError as error:
        if type(error) is not LookupError:  # a KeyError or IndexError of the function's own
            raise
        raise MissingDerivative(function) from error  # an operation without a registered gradient
    if result is None:
        raise MissingDerivative(function)
    return tf.convert_to_tensor(result)
