"""Batches are a pure function of (seed, epoch); truncation is never silent."""

import numpy as np
import pytest

from igr_suite.data import DISPLAY_INDICES, epoch_order, limit, load, steps_per_epoch
from igr_suite.errors import UserError


def test_order_is_a_pure_function_of_seed_and_epoch():
    order = epoch_order(seed=3, epoch=7, examples=103, batch_size=10)
    assert order.shape == (10, 10) and order.dtype == np.int32
    np.testing.assert_array_equal(order, epoch_order(3, 7, 103, 10))
    assert not np.array_equal(order, epoch_order(3, 8, 103, 10))
    assert not np.array_equal(order, epoch_order(4, 7, 103, 10))
    assert not np.array_equal(epoch_order(1, 2, 103, 10), epoch_order(2, 1, 103, 10))


def test_order_does_not_depend_on_the_numpy_version():
    np.testing.assert_array_equal(epoch_order(0, 0, 6, 3), [[1, 4, 5], [2, 0, 3]])


def test_an_epoch_holds_no_index_twice_and_drops_another_remainder_each_time():
    dropped = set()
    for epoch in range(50):
        seen = epoch_order(0, epoch, 11, 5).ravel()
        assert len(np.unique(seen)) == 10 and seen.min() >= 0 and seen.max() <= 10
        dropped |= set(range(11)) - set(seen.tolist())
    assert len(dropped) > 5


def test_steps_are_whole_batches():
    assert steps_per_epoch(50_000, 64) == 781
    assert steps_per_epoch(64, 64) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 0, 10, 11), "a batch of 11 examples is larger than the split, which has 10; set the batch size"),
        ((0, 0, 10, 0), "batch size must be an integer of at least 1, got 0"),
        ((-1, 0, 10, 5), "seed must be an integer that is not negative, got -1"),
        ((0, -2, 10, 5), "epoch must be an integer that is not negative, got -2"),
        ((0, 0, 10, 2.5), "batch size must be an integer of at least 1, got 2.5"),
        ((0.5, 0, 10, 5), "seed must be an integer that is not negative, got 0.5"),
        ((0, "one", 10, 5), "epoch must be an integer that is not negative, got 'one'"),
    ],
)
def test_impossible_orders_are_sentences(arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        epoch_order(*arguments)


def test_limit_shows_in_the_name_sizes_and_checksum():
    whole = load("mnist_5k")
    small = limit(whole, train=100, test=20)
    assert small.name == "mnist_5k[train=100,test=20]"
    assert small.sizes == {"train": 100, "validation": 500, "test": 20}
    assert small.describe()["name"] == small.name and small.checksum != whole.checksum
    np.testing.assert_array_equal(small.train, whole.train[:100])
    np.testing.assert_array_equal(small.test_labels, whole.test_labels[:20])
    assert small.validation.shape == (500, 28, 28, 1)


def test_limit_to_the_whole_split_changes_nothing():
    whole = load("mnist_5k")
    assert limit(whole, train=4_000) is whole and limit(whole) is whole


@pytest.mark.parametrize("count", [0, -1, 501, 2.5, "all"])
def test_limit_beyond_the_split_is_a_sentence(count):
    with pytest.raises(
        UserError, match=f"mnist_5k: cannot keep {count} test images, the split has 500; give a number from 1 to 500"
    ):
        limit(load("mnist_5k"), test=count)


def test_there_are_twenty_display_images():
    assert len(set(DISPLAY_INDICES)) == 20 and max(DISPLAY_INDICES) < 10_000
