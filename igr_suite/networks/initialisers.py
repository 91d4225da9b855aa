"""Initialisers of weights that Keras lacks."""

import keras


class SquareOrthogonal(keras.initializers.Initializer):
    """Orthogonal where a matrix is square, U(-.1, .1) elsewhere; the rule of docs/papers/half_mnist.md, section 1.2."""

    def __init__(self, seed: int):
        self.seed = seed

    def __call__(self, shape, dtype=None):
        square = len(shape) == 2 and shape[0] == shape[1]
        distribution = (
            keras.initializers.Orthogonal(seed=self.seed)
            if square
            else keras.initializers.RandomUniform(-0.1, 0.1, self.seed)
        )
        return distribution(shape, dtype=dtype)

    def get_config(self):
        return {"seed": self.seed}
