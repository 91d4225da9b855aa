"""A program for test_own_vae.py: with two logical CPU devices it fits a VAE on one and on two replicas, and prints how
far apart losses and weights are.

python tests/models/own_vae_two_devices.py GRADIENT
"""

import contextlib
import sys

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from igr_suite.models import VAE  # noqa: E402 devices come first

X = (np.random.default_rng(0).uniform(size=(16, 6)) > 0.5).astype(np.float32)
CASES = {
    "relax": {"latent": "categorical", "variables": 2, "categories": 3, "prior": "learned"},
    "vimco": {"latent": "bernoulli", "variables": 3, "samples": 3},
    "IGR_I": {"latent": "categorical", "variables": 2, "categories": 3},
    "dreg": {"latent": "gaussian", "variables": 2, "samples": 4},
}


def fitted(gradient: str, settings: dict, scope) -> tuple[list, list]:
    """Losses, with those of the validation, and weights after four steps."""
    with scope:
        keras.utils.set_random_seed(2)
        first = keras.layers.Dense(4, "tanh", kernel_regularizer=keras.regularizers.L2(0.01))
        encoder = keras.Sequential([keras.Input((6,)), first])
        vae = VAE(encoder, keras.layers.Dense(6), gradient=gradient, **settings)
        vae.compile(keras.optimizers.SGD(0.1, momentum=0.9), jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices(X).batch(8)
    history = vae.fit(data, epochs=2, validation_data=data, verbose=0).history
    return [history["loss"], history["bound"]], [np.asarray(weight) for weight in vae.weights]


gradient = sys.argv[1]
one = fitted(gradient, CASES[gradient], contextlib.nullcontext())
two = fitted(gradient, CASES[gradient], tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope())
print(max(np.max(np.abs(np.subtract(a, b))) for a, b in zip(one[0] + one[1], two[0] + two[1])))
