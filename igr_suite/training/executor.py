"""What the families' executors share: images of a config, and the run from its first step to its summary."""

import numpy as np

from igr_suite import data
from igr_suite.lab.runs.config import RunConfig
from igr_suite.training.loop import Plan


def load_images(config: RunConfig) -> data.Dataset:
    """The config's data set, cut to the config's limits; a cut one carries them in its name."""
    images = data.load(config.data.name)
    limits = config.data.train_limit, config.data.evaluation_limit
    return data.limit(images, train=limits[0], validation=limits[1], test=limits[1]) if any(limits) else images


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> [N, H W C]."""
    return images.reshape(len(images), -1)


def training_images(config: RunConfig, dataset: data.Dataset) -> np.ndarray:
    """uint8 [N, H W C]: the training split, with the validation split behind it where the config says so."""
    parts = [dataset.train] if config.data.train_split == "train" else [dataset.train, dataset.validation]
    return flat(np.concatenate(parts))


# One draw of the grey data sets for all runs, so that runs with different seeds measure the same images.
BINARISATION_SEED = 5


def sampled_once(images: np.ndarray, split: int) -> np.ndarray:
    """uint8 [N, D] in 0..255 -> one Bernoulli(x / 255) draw in {0, 255}; `split` tells the splits' draws apart."""
    words = np.random.Philox(np.random.SeedSequence(BINARISATION_SEED, spawn_key=(split,))).random_raw(images.size)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.where(uniform.reshape(images.shape) < images / 255.0, 255, 0).astype(np.uint8)


def build_plan(config: RunConfig, examples: int) -> Plan:
    """Whole epochs; the last batch of each is filled up, which makes 2,084 steps of 50,000 images in batches of 24, as the authors'."""
    plan = Plan(examples, config.schedule.batch_size, 1, config.schedule.evaluate_every, config.seed, fill=True)
    epochs = config.schedule.epochs or -(-config.schedule.steps // plan.steps_per_epoch)
    return Plan(examples, config.schedule.batch_size, epochs, config.schedule.evaluate_every, config.seed, fill=True)
