"""Initial weights that Keras lacks."""

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


def initialise_as_torch(network: keras.Model, seed: int) -> None:
    """Draws kernels and biases of the dense layers of a built network from U(-n^-1/2, n^-1/2), n inputs of the layer.

    These are the initial weights of torch.nn.Linear.

    Args:
      network: its dense layers are not nested.
      seed: layer i takes seed + i for its kernel and seed + 50 + i for its bias.
    """
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    for number, layer in enumerate(dense):
        limit = layer.kernel.shape[0] ** -0.5
        for variable, own in ((layer.kernel, seed + number), (layer.bias, seed + 50 + number)):
            variable.assign(keras.initializers.RandomUniform(-limit, limit, own)(variable.shape, variable.dtype))
