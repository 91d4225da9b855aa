"""Datasets as uint8 arrays in memory, batching by (seed, epoch), and where the files come from.

    from igr_suite.data import load
    mnist = load("mnist_5k")            # needs no download
    mnist.train                         # uint8 [4000, 28, 28, 1]

Importing this package starts neither TensorFlow nor tensorflow-datasets; `igr_suite.data.binarisation` imports
TensorFlow.
"""

from igr_suite.data.batching import epoch_order, limit, steps_per_epoch
from igr_suite.data.dataset import BINARISATIONS, DISPLAY_INDICES, Dataset, check_binarisation
from igr_suite.data.loading import DatasetInfo, Status, available, fetch, load, require_prepared, status, verify
from igr_suite.data.sources import resolve_data_dir

__all__ = [
    "BINARISATIONS",
    "DISPLAY_INDICES",
    "Dataset",
    "DatasetInfo",
    "Status",
    "available",
    "check_binarisation",
    "epoch_order",
    "fetch",
    "limit",
    "load",
    "require_prepared",
    "resolve_data_dir",
    "status",
    "steps_per_epoch",
    "verify",
]
