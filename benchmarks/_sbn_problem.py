"""The step that every engine of `sbn_step.py` trains: sizes and initial weights. NumPy only; images and order of
batches as in `_problem`."""

from functools import partial

import _problem
import numpy as np
from _problem import CHUNK, load_images  # noqa: F401  the engines read CHUNK here

BATCH, HIDDEN, PIXELS, BASELINE = 24, 200, 784, 100
batch_indices = partial(_problem.batch_indices, batch=BATCH)
LEARNING_RATE, CONTROL_RATE, BETA_1, BETA_2, EPSILON, DECAY = 3e-4, 3e-3, 0.9, 0.99999, 1e-8, 0.999
SHAPES = {"q_0": (PIXELS, HIDDEN), "q_1": (HIDDEN, HIDDEN), "p_1": (HIDDEN, HIDDEN), "p_0": (HIDDEN, PIXELS)}


def initial_weights() -> dict[str, list[np.ndarray]]:
    """The model's weights: prior, and (kernel, bias) of each network."""
    rng = np.random.default_rng(1)
    kernels = {name: [_kernel(rng, shape), np.zeros(shape[1], np.float32)] for name, shape in SHAPES.items()}
    return {"prior": [np.zeros(HIDDEN, np.float32)], **kernels}


def baseline_weights() -> list[np.ndarray]:
    """One baseline: [W_1, b_1, W_2, b_2]."""
    rng = np.random.default_rng(2)
    return [
        _kernel(rng, (PIXELS, BASELINE)),
        np.zeros(BASELINE, np.float32),
        _kernel(rng, (BASELINE, 1)),
        np.zeros(1, np.float32),
    ]


def _kernel(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return (rng.normal(size=shape) * np.sqrt(2.0 / shape[0])).astype(np.float32)


def mean_image() -> np.ndarray:
    """Mean of the training images [PIXELS]."""
    return load_images().mean(0)
