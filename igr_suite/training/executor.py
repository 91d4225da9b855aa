"""What the families' executors share: images of a config, and the run from its first step to its summary."""

import numpy as np

from igr_suite import data
from igr_suite.families.vae.config import TrainVAE


def load_images(config: TrainVAE) -> data.Dataset:
    """The config's data set, cut to the config's limits; a cut one carries them in its name."""
    images = data.load(config.data.name)
    limits = config.data.train_limit, config.data.evaluation_limit
    return data.limit(images, train=limits[0], validation=limits[1], test=limits[1]) if any(limits) else images


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> [N, H W C]."""
    return images.reshape(len(images), -1)


def training_images(config: TrainVAE, dataset: data.Dataset) -> np.ndarray:
    """uint8 [N, H W C]: the training split, with the validation split behind it where the config says so."""
    parts = [dataset.train] if config.data.train_split == "train" else [dataset.train, dataset.validation]
    return flat(np.concatenate(parts))
