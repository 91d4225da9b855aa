"""Names of data sets in figures and tables, and columns that are found by their names."""

from collections.abc import Iterable

import pandas as pd

DATA_NAMES = {
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "celeb_a": "CelebA",
    "mnist_5k": "MNIST-5k",
    "omniglot": "Omniglot",
    "omniglot_tfds": "TFDS's Omniglot",
    "omniglot_tfds_small": "TFDS's Omniglot, small splits",
    "binarized_mnist": "binarised MNIST",
    "cifar10": "CIFAR-10",
}


def data_names(names: Iterable[str]) -> str:
    """Returns the names of data sets in words, each once: 'MNIST, Omniglot'."""
    return ", ".join(DATA_NAMES.get(name, name) for name in dict.fromkeys(names))


def likelihood_columns(frame: pd.DataFrame, estimator: str) -> list[str]:
    """Returns the columns of the importance-weighted log-likelihood on the test split, by the number of samples."""
    prefix = f"test_iw_{estimator}_"
    columns = [c for c in frame.columns if c.startswith(prefix) and not c.endswith("_se")]
    return sorted(columns, key=lambda c: int(c.removeprefix(prefix)))
