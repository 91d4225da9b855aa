"""The Dataset: three splits of uint8 images with their labels, and a checksum that names them in results."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from igr_suite.errors import UserError, nearest

SPLITS = ("train", "validation", "test")

BINARISATIONS = MappingProxyType(
    {
        "none": "x / 255",
        "static": "x / 255 >= 0.5",
        "dynamic": "Bernoulli(x / 255), drawn anew from each seed",
    }
)

# The test images that the IGR authors' reconstruction plots show. Source: IGR code, docs/papers/igr.md, section 3.1.
# They index test splits of 10,000 images; a test split of fewer than 3,568 images does not have all of them.
DISPLAY_INDICES = (10, 25, 5, 29, 1, 35, 18, 30, 6, 19, 15, 23, 11, 21, 17, 26, 344, 3567, 9, 20)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images of three splits, held in memory and read-only.

    Attributes:
      name: dataset name, which contains the sizes of truncated splits (`mnist[train=1000]`).
      train, validation, test: uint8 [N, H, W, C]; ink or light is 255.
      train_labels, validation_labels, test_labels: int32 [N], or None where the source has none.
      likelihood: the observation model that the papers use with it, "bernoulli" or "gaussian".
      source: where the images came from, without machine-specific paths.
      checksum: first 16 hex digits of `array_checksum` of all splits.
    """

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None
    validation_labels: np.ndarray | None
    test_labels: np.ndarray | None
    likelihood: str
    source: str
    checksum: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.train.shape[1:]

    @property
    def sizes(self) -> dict[str, int]:
        """Number of images in each split."""
        return {split: len(getattr(self, split)) for split in SPLITS}

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays that exist, by field name: images of every split, then labels where the source has
        them."""
        fields = [*SPLITS, *(f"{split}_labels" for split in SPLITS)]
        return {field: getattr(self, field) for field in fields if getattr(self, field) is not None}

    def describe(self) -> dict[str, object]:
        """Returns the description of the data that results records hold, as JSON values."""
        return {
            "name": self.name,
            "sizes": self.sizes,
            "image_shape": list(self.image_shape),
            "likelihood": self.likelihood,
            "source": self.source,
            "checksum": self.checksum,
        }


def array_checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the first 16 hex digits of the SHA-256 over each array's name, dtype, shape and bytes, in the mapping's
    order."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name}:{array.dtype}:{array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def build_dataset(
    arrays: Mapping[str, np.ndarray], *, name: str, likelihood: str, source: str, checksum: str | None = None
) -> Dataset:
    """Returns a Dataset of the given arrays, which become read-only.

    Args:
      arrays: uint8 [N, H, W, C] under "train", "validation" and "test"; optionally int32 [N] under "<split>_labels".
      checksum: of exactly these arrays when it is known already; computed otherwise.
    """
    fields = [*SPLITS, *(f"{split}_labels" for split in SPLITS)]
    ordered = {field: arrays[field] for field in fields if field in arrays}
    for array in ordered.values():
        array.flags.writeable = False
    every_field = {field: ordered.get(field) for field in fields}
    return Dataset(
        name=name, likelihood=likelihood, source=source, checksum=checksum or array_checksum(ordered), **every_field
    )


def check_binarisation(binarisation: str) -> str:
    """Returns the name unchanged when it is a known binarisation.

    Raises:
      UserError: for any other name, with the nearest known one.
    """
    if binarisation not in BINARISATIONS:
        raise UserError(f"unknown binarisation '{binarisation}'; {nearest(binarisation, BINARISATIONS)}")
    return binarisation
