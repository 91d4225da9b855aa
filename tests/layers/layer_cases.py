"""Inputs and small layers that the tests of igr_suite.layers share."""

import keras
import numpy as np
import tensorflow as tf

from igr_suite.layers import RelaxedCategorical
from igr_suite.relaxations import RELAXATIONS

NAMES = tuple(sorted(RELAXATIONS))
X = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16", "float64")
OWN_ARGMAX = ("GS", "GSP", "IGR_I", "IGSM")  # relaxations whose argmax has a known distribution


def categorical(relaxation: str, **options) -> RelaxedCategorical:
    """A layer of 2 variables with 3 categories whose inputs are parameters."""
    return RelaxedCategorical(2, 3, relaxation, **({"dense": False, "seed": 1} | options))


def parameters(layer: keras.layers.Layer, rows: int = 4, scale: float = 1.0) -> tf.Tensor:
    """Normal numbers in the shape of the layer's given parameters, [rows, ...]."""
    return tf.constant(np.random.default_rng(3).normal(size=(rows, *layer.given_shape)) * scale, layer.float_type)


def array(tensor) -> np.ndarray:
    """The tensor as a float64 array, of half precision too."""
    return tf.cast(tensor, tf.float64).numpy()
