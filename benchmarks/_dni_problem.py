"""The step that every engine of `dni_step.py` trains: sizes, rates, initial weights, images and labels. NumPy only."""

from functools import partial

import _problem
import numpy as np
from _problem import CHUNK, IMAGES, load_images  # noqa: F401  the engines read CHUNK here

BATCH, PIXELS, HIDDEN, CLASSES, WIDTH = 250, 1024, 256, 10, 1024
batch_indices = partial(_problem.batch_indices, batch=BATCH)
EPSILON_BN, MOMENTUM = 1e-5, 0.75
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
RATES = {"cdni": 1e-3, "dni": 1e-4, "bp": 1e-3}
LAYERS = ((PIXELS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, CLASSES))
SYNTHESISERS = {"cdni": ((HIDDEN + CLASSES, HIDDEN),), "dni": ((HIDDEN, WIDTH), (WIDTH, WIDTH), (WIDTH, HIDDEN))}


def padded_images() -> np.ndarray:
    """uint8 [50000, 1024] in 0..255, with a border of two pixels of zeros."""
    images = load_images().reshape(IMAGES, 28, 28) * 255
    return np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(IMAGES, PIXELS)


def labels() -> np.ndarray:
    """int32 [50000]: brightness of the upper left quarter in ten classes; labels do not matter for the speed."""
    light = padded_images().reshape(IMAGES, 32, 32)[:, :16, :16].mean((1, 2))
    return np.argsort(np.argsort(light, kind="stable"), kind="stable").astype(np.int32) * CLASSES // IMAGES


def scale() -> tuple[float, float]:
    """Mean and standard deviation of the pixels."""
    images = padded_images()
    return float(images.mean()), float(images.std())


def network_weights() -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) of every layer, U(+-.07)."""
    rng = np.random.default_rng(1)
    return [
        (rng.uniform(-0.07, 0.07, s).astype(np.float32), rng.uniform(-0.07, 0.07, s[1]).astype(np.float32))
        for s in LAYERS
    ]


def synthesiser_weights(kind: str, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) of every layer of one synthesiser: Glorot-uniform, the last layer zero."""
    rng, weights = np.random.default_rng(10 + number), []
    for i, (a, b) in enumerate(SYNTHESISERS[kind]):
        limit = 0.0 if i == len(SYNTHESISERS[kind]) - 1 else np.sqrt(6 / (a + b))
        weights.append((rng.uniform(-limit, limit, (a, b)).astype(np.float32), np.zeros(b, np.float32)))
    return weights
