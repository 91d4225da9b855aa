"""Which examples form which batch: a pure function of (seed, epoch), so that a resumed run sees the same batches."""

import numpy as np

from igr_suite.checks import is_whole
from igr_suite.data.dataset import SPLITS, Dataset, build_dataset
from igr_suite.errors import UserError


def shuffled(seed: int, stream: int, examples: int) -> np.ndarray:
    """Returns a permutation of range(examples), int64 [examples], fixed for all NumPy versions.

    It sorts raw Philox words: NumPy promises the bit streams of its generators, but not what `Generator.permutation`
    makes of them.

    Args:
      seed, stream: non-negative; different pairs give independent permutations.
    """
    if not is_whole(seed, 0):
        raise UserError(f"seed must be an integer that is not negative, got {seed!r}")
    words = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream,))).random_raw(examples)
    return np.argsort(words, kind="stable")


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Returns the number of whole batches in an epoch; the remainder is dropped.

    Raises:
      UserError: batch_size below 1 or above the number of examples.
    """
    if not is_whole(batch_size, 1):
        raise UserError(f"batch size must be an integer of at least 1, got {batch_size!r}")
    if batch_size > examples:
        raise UserError(
            f"a batch of {batch_size} examples is larger than the split, which has {examples}; set the batch size "
            f"(schedule.batch_size of a run) to at most {examples}"
        )
    return examples // batch_size


def epoch_order(seed: int, epoch: int, examples: int, batch_size: int, fill: bool = False) -> np.ndarray:
    """Returns the example indices of every batch of one epoch, int32 [steps, batch_size].

    No index occurs twice; the remainder that does not fill a batch, a different one in each epoch, is dropped. With
    `fill` it is completed with the first images of the same shuffled epoch instead, which then occur twice.

    Raises:
      UserError: batch_size below 1 or above the number of examples, or a negative seed or epoch.
    """
    steps = steps_per_epoch(examples, batch_size)
    if not is_whole(epoch, 0):
        raise UserError(f"epoch must be an integer that is not negative, got {epoch!r}")
    order = shuffled(seed, epoch, examples)
    if fill and steps * batch_size < examples:
        steps += 1
        order = np.concatenate([order, order[: steps * batch_size - examples]])
    return order[: steps * batch_size].reshape(steps, batch_size).astype(np.int32)


def limit(
    dataset: Dataset, train: int | None = None, validation: int | None = None, test: int | None = None
) -> Dataset:
    """Returns the dataset with only the first images of each split that is given a number.

    Its name contains the numbers, as in `mnist[train=1000,test=200]`; its sizes and its checksum are those of the
    images that are left. A number equal to the split's size changes nothing.

    Raises:
      UserError: a number below 1 or above the split's size.
    """
    limits = {"train": train, "validation": validation, "test": test}
    kept = {}
    for split, count in limits.items():
        size = dataset.sizes[split]
        if count is not None and not (is_whole(count, 1) and count <= size):
            raise UserError(
                f"{dataset.name}: cannot keep {count} {split} images, the split has {size}; give a number from 1 to "
                f"{size}"
            )
        if count is not None and count < size:
            kept[split] = count
    if not kept:
        return dataset
    arrays = {field: array[: kept.get(field.removesuffix("_labels"))] for field, array in dataset.arrays().items()}
    changes = ",".join(f"{split}={kept[split]}" for split in SPLITS if split in kept)
    return build_dataset(
        arrays, name=f"{dataset.name}[{changes}]", likelihood=dataset.likelihood, source=dataset.source
    )
