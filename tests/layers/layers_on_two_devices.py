"""A program for test_layers_sweep.py: with two logical CPU devices it trains a model of all three layers on one and on
two replicas with the same global batch; prints JSON.

python tests/layers/layers_on_two_devices.py
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from layer_cases import X  # noqa: E402 devices come first

from igr_suite.layers import GaussianLatent, RelaxedBernoulli, RelaxedCategorical  # noqa: E402


def trained(scope) -> tuple[list[np.ndarray], list[float]]:
    """The weights and the losses after three steps on 4 rows."""
    keras.utils.set_random_seed(0)
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 6, 0.1)
    with scope:
        inputs = keras.Input((5,))
        codes = [
            keras.layers.Flatten()(RelaxedCategorical(2, 3, "IGR_Planar", samples=2, kl_weight=rising, seed=1)(inputs)),
            RelaxedBernoulli(3, kl_weight=0.1, seed=2)(inputs),
            GaussianLatent(3, kl_weight=0.1, seed=3)(inputs),
        ]
        model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Concatenate()(codes)))
        model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=False)
    losses = model.fit(X[:4], X[:4], batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    return [weight.numpy() for weight in model.weights], losses


weights, losses = trained(contextlib.nullcontext())
ours, our_losses = trained(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope())
apart = max(float(np.max(np.abs(a - b))) for a, b in zip(weights, ours, strict=True))
print(json.dumps({"apart": apart, "losses": float(np.max(np.abs(np.subtract(losses, our_losses))))}))
