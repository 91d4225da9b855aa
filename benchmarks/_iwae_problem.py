"""The step that every engine of `iwae_step.py` trains: sizes, initial weights, mean image. NumPy only; images and
chunks as in `_problem`."""

from functools import partial

import _problem
import numpy as np
from _problem import CHUNK, load_images  # noqa: F401  the engines read CHUNK here

BATCH, SAMPLES, PIXELS, LATENTS, HIDDEN = 32, 64, 784, 50, 200
batch_indices = partial(_problem.batch_indices, batch=BATCH)
LEARNING_RATE, BETA_1, BETA_2, EPSILON, SHIFT = 3e-4, 0.9, 0.999, 1e-8, 0.25
ENCODER = ((PIXELS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 2 * LATENTS))
DECODER = ((LATENTS, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, PIXELS))


def initial_weights() -> dict[str, list[np.ndarray]]:
    """Glorot-uniform kernels and zero biases of both networks, [W_1, b_1, W_2, ...]."""
    rng = np.random.default_rng(1)
    return {
        name: [array for shape in shapes for array in _layer(rng, shape)]
        for name, shapes in (("encoder", ENCODER), ("decoder", DECODER))
    }


def _layer(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    limit = np.sqrt(6.0 / sum(shape))
    return rng.uniform(-limit, limit, shape).astype(np.float32), np.zeros(shape[1], np.float32)


def grey_images() -> np.ndarray:
    """uint8 [50000, 784], the binary digits softened so that binarisation is random: 0 and 255 become 13 and
    242."""
    return (13 + 229 * load_images()).astype(np.uint8)


def mean_image() -> np.ndarray:
    """Mean of the grey images in [0, 1]."""
    return grey_images()[:5_000].mean(0) / 255.0


def offset() -> np.ndarray:
    """The decoder's constant logits."""
    clipped = np.clip(mean_image(), 1e-3, 1.0 - 1e-3)
    return np.log(clipped / (1.0 - clipped)).astype(np.float32)


def flop(samples: int) -> float:
    """Floating-point operations of a step's matrix products: forward, to the inputs, to the weights; no product to the
    images."""
    encoder, decoder = (2 * BATCH * sum(a * b for a, b in layers) for layers in (ENCODER, DECODER))
    return 3 * (encoder + samples * decoder) - 2 * BATCH * PIXELS * HIDDEN
