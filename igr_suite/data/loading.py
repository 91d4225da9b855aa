"""Load, list, check and fetch datasets. Nothing is downloaded unless `fetch` is called, and nothing is replaced by
other data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from igr_suite.data import cache, preprocessing
from igr_suite.data.catalogue import RECIPES, Recipe, recipe_of
from igr_suite.data.dataset import SPLITS, Dataset, array_checksum, build_dataset
from igr_suite.data.sources import Located, resolve_data_dir
from igr_suite.errors import UserError


@dataclass(frozen=True)
class DatasetInfo:
    """One line of `igr data list`."""

    name: str
    summary: str
    images: str
    needs: str


@dataclass(frozen=True)
class Status:
    """Whether a dataset can be loaded from a data folder; `where` is its file or folder, `note` says what is
    missing."""

    name: str
    prepared: bool
    where: Path | None
    note: str


def available() -> list[DatasetInfo]:
    """Returns every dataset of the suite, whether prepared or not, without touching the disk."""
    return [
        DatasetInfo(
            recipe.name, recipe.summary, f"{_counts(recipe.sizes)} of {_shape(recipe.image_shape)}", recipe.source.needs
        )
        for recipe in RECIPES.values()
    ]


def status(name: str, data_dir: str | Path | None = None) -> Status:
    """Returns whether the dataset's files are in the data folder; reads no image.

    Args:
      data_dir: folder to search; None means `$TFDS_DATA_DIR`, or else ~/tensorflow_datasets.
    Raises:
      UserError: unknown dataset.
    """
    recipe = recipe_of(name)
    try:
        located = recipe.source.locate(name, resolve_data_dir(data_dir))
    except UserError as error:
        return Status(name, False, None, str(error))
    return Status(name, True, located.path, located.source)


def require_prepared(name: str, data_dir: str | Path | None = None) -> None:
    """Raises a UserError that says how to get the dataset, if its files are not there; arguments as in `status`."""
    state = status(name, data_dir)
    if not state.prepared:
        raise UserError(state.note)


def load(name: str, data_dir: str | Path | None = None) -> Dataset:
    """Returns the dataset, from the cache when its source is unchanged, else decoded (seconds) and cached.

    Args:
      name: one of `available()`.
      data_dir: folder that holds prepared data; None means `$TFDS_DATA_DIR`, or else ~/tensorflow_datasets.
    Returns:
      Dataset with uint8 [N, H, W, C] images.
    Raises:
      UserError: unknown name, data not prepared (the message says how to get them), or files that are damaged or have
        other sizes.
    """
    recipe = recipe_of(name)
    located = recipe.source.locate(name, resolve_data_dir(data_dir))
    if not recipe.source.cached:
        return _decode(recipe, located)
    stored = cache.read(_cache_key(recipe, located))
    if stored is not None:
        arrays, checksum = stored
        return build_dataset(arrays, name=name, likelihood=recipe.likelihood, source=located.source, checksum=checksum)
    dataset = _decode(recipe, located)
    cache.write(_cache_key(recipe, located), dataset.arrays(), dataset.checksum)
    return dataset


def verify(name: str, data_dir: str | Path | None = None) -> str:
    """Decodes the source afresh, checks sizes, value range, the recorded checksum and the cached copy; returns a
    sentence with the result.

    Raises:
      UserError: the first check that fails.
    """
    recipe = recipe_of(name)
    located = recipe.source.locate(name, resolve_data_dir(data_dir))
    fresh = _decode(recipe, located)
    for split in SPLITS:
        _check_pixels(recipe, split, getattr(fresh, split))
    if recipe.checksum is not None and fresh.checksum != recipe.checksum:
        raise UserError(
            f"{name} at {located.path} has checksum {fresh.checksum}, not {recipe.checksum} as recorded: sizes are "
            f"right, but images, labels or their order differ; remove that folder and run `igr data fetch {name}`"
        )
    stored = cache.read(_cache_key(recipe, located)) if recipe.source.cached else None
    if stored is not None and not stored[1] == array_checksum(stored[0]) == fresh.checksum:
        raise UserError(
            f"{name}: the cached copy differs from {located.path}; remove "
            f"{cache.cache_folder()}/{_cache_key(recipe, located)}.npz"
        )
    known = "as recorded" if recipe.checksum else "with nothing recorded to compare it with"
    return (
        f"{name}: {_counts(recipe.sizes)} images of {_shape(recipe.image_shape)}, checksum {fresh.checksum} {known} "
        f"({located.source})"
    )


def fetch(name: str, data_dir: str | Path | None = None) -> Path:
    """Downloads and prepares a dataset unless it is there already; returns its file or folder.

    Raises:
      UserError: unknown name, no network, or a dataset that has to be copied by hand; the
        message says which files go where.
    """
    return recipe_of(name).source.fetch(name, resolve_data_dir(data_dir))


def _cache_key(recipe: Recipe, located: Located) -> str:
    return f"{recipe.name}-{located.fingerprint}-v{preprocessing.VERSION}"


def _decode(recipe: Recipe, located: Located) -> Dataset:
    """Reads a source, cuts the validation split where there is none, and checks shapes."""
    try:
        arrays = recipe.source.read(located)
    except Exception as error:  # TFDS, TensorFlow and scipy raise exceptions without a common base class
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{recipe.name} at {located.path} cannot be read ({type(error).__name__}: {reason}); remove it and get it "
            f"again: `igr data fetch {recipe.name}` does it or says how"
        ) from error
    if "validation" not in arrays:
        arrays = _cut_validation(arrays, recipe.sizes[1])
    for split, size in zip(SPLITS, recipe.sizes, strict=True):
        if arrays[split].shape != (size, *recipe.image_shape):
            raise UserError(
                f"{recipe.name} at {located.path} is not the whole dataset: {split} has {len(arrays[split])} images of "
                f"{_shape(arrays[split].shape[1:])}, expected {size} of {_shape(recipe.image_shape)} "
                f"(where the source has no validation split, it is cut from the end of train)"
            )
    return build_dataset(arrays, name=recipe.name, likelihood=recipe.likelihood, source=located.source)


def _cut_validation(arrays: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Moves the last `count` training images, and their labels, into a validation split."""
    cut = dict(arrays)
    for suffix in ("", "_labels"):
        if f"train{suffix}" in arrays:
            whole = arrays[f"train{suffix}"]
            start = max(len(whole) - count, 0)
            cut[f"train{suffix}"], cut[f"validation{suffix}"] = whole[:start], whole[start:]
    return cut


def _check_pixels(recipe: Recipe, split: str, images: np.ndarray) -> None:
    if images.min() != 0 or images.max() != 255:
        raise UserError(f"{recipe.name}: pixels of {split} span {images.min()} to {images.max()}, expected 0 to 255")
    if recipe.binary and np.any((images != 0) & (images != 255)):
        raise UserError(f"{recipe.name}: {split} holds grey pixels, expected only 0 and 255")


def _counts(sizes: tuple[int, int, int]) -> str:
    return " / ".join(f"{size:,}" for size in sizes)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in shape)
