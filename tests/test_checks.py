"""What counts as a number where one is asked for."""

import math

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.checks import is_whole, number


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5), tf.constant(0.5), np.float64(0.5)])
def test_numbers(value):
    assert number(value) == 0.5


def test_integers_and_what_no_float_holds():
    assert number(3) == 3.0 == number(np.int64(3)) and number(math.inf) == math.inf
    assert number(10**400) == math.inf and number(-(10**400)) == -math.inf


@pytest.mark.parametrize(
    "value",
    [None, True, np.bool_(True), tf.constant(True), "0.5", b"1", [0.5], np.array([0.5]), tf.constant([0.5]), {}, 1j]
    + [object(), tf.TensorShape(None), float("nan")],
    ids=repr,
)
def test_what_is_no_number_passes_no_comparison(value):
    assert not number(value) <= math.inf and not number(value) >= -math.inf


def test_whole_numbers():
    assert is_whole(3) and is_whole(np.int32(-3)) and is_whole(2, 2) and not is_whole(1, 2)
    assert not any(is_whole(value) for value in (True, np.bool_(True), 2.0, "2", None, [2], np.array([2])))
