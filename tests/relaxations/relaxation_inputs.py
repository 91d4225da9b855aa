"""Inputs for the tests of all relaxations: their names, options and network outputs."""

import numpy as np
import tensorflow as tf

from igr_suite.relaxations import RELAXATIONS, initial_planar_flow, relaxation

NAMES = sorted(RELAXATIONS)
SEED = tf.constant([1, 2])
CATEGORIES, VARIABLES, BATCH = 4, 3, 2


def options(name, dtype, categories=CATEGORIES):
    return {"flow": initial_planar_flow(categories, VARIABLES, [1, 2], dtype=dtype)} if name == "IGR_Planar" else {}


def network_output(name, dtype=tf.float32, batch=BATCH, categories=CATEGORIES):
    size = sum(relaxation(name).parameter_blocks(categories).values())
    return tf.cast(np.random.default_rng(0).normal(size=(batch, VARIABLES, size)), dtype)


def finite(*values):
    return all(np.all(np.isfinite(np.asarray(tf.cast(value, tf.float64)))) for value in values)
