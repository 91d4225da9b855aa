"""Exact means and variances of estimators with one or two uniforms (or piecewise polynomial ones with more), by
Gauss-Legendre."""

import itertools

import numpy as np
import tensorflow as tf


def pieces(logits, nodes: int):
    """Nodes and weights on (0, 1) for one uniform, split where samples of these logits jump: at theta and 1 - theta of
    each unit."""
    theta = 1 / (1 + np.exp(-np.asarray(logits, float).ravel()))
    edges = np.unique(np.round(np.concatenate([[0.0, 1.0], theta, 1 - theta]), 15))
    x, w = np.polynomial.legendre.leggauss(nodes)
    places = [(low + (high - low) * (x + 1) / 2, (high - low) * w / 2) for low, high in itertools.pairwise(edges)]
    return (np.concatenate(parts) for parts in zip(*places))


def moments(estimator, objective, logits, nodes: int, parameters=None):
    """Mean and variance [D] of the gradient for one example's logits [D], with a tensor grid over all its uniforms."""
    logits = np.asarray(logits, float)
    keys = list(estimator.noise((1, len(logits)), tf.constant([0, 0])))
    copies = getattr(estimator, "samples", 1)
    grids = [
        list(zip(*pieces(logits[unit], nodes))) for _ in keys for _ in range(copies) for unit in range(len(logits))
    ]
    points = np.array(list(itertools.product(*[[place for place, _ in grid] for grid in grids])))
    weights = np.prod(np.array(list(itertools.product(*[[weight for _, weight in grid] for grid in grids]))), 1)
    shaped = points.reshape(len(points), len(keys), copies, len(logits)).transpose(1, 2, 0, 3)
    noise = {
        key: tf.constant(shaped[i] if hasattr(estimator, "samples") else shaped[i, 0]) for i, key in enumerate(keys)
    }
    batch = tf.constant(np.broadcast_to(logits, (len(points), len(logits))).copy())
    gradient = estimator.estimate(objective, batch, noise, parameters).gradient.numpy()
    mean = weights @ gradient
    return mean, weights @ gradient**2 - mean**2
