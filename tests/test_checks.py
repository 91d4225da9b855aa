"""What counts as a number where one is asked for."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.checks import check_count, check_fields, check_flag, check_integer, is_whole, number
from igr_suite.errors import UserError


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
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number_passes_no_comparison(value):
    assert not number(value) <= math.inf and not number(value) >= -math.inf


def test_whole_numbers():
    assert is_whole(3) and is_whole(np.int32(-3)) and is_whole(2, 2) and not is_whole(1, 2)
    assert not any(is_whole(value) for value in (True, np.bool_(True), 2.0, "2", None, [2], np.array([2])))


@dataclass(frozen=True)
class Settings:
    way: Literal["here", "there"] | None = "here"
    share: float = 0.5
    count: int = 1
    flag: bool = False

    def __post_init__(self):
        check_fields(self)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"way": "hier"}, "way must be 'here' or 'there' or None, got 'hier'"),
        ({"way": ["here"]}, r"way must be .*, got \['here'\]"),
        ({"share": "a"}, "share must be a finite number, got 'a'"),
        ({"share": math.nan}, "share must be a finite number, got nan"),
        ({"share": None}, "share must be a finite number, got None"),
        ({"share": True}, "share must be a finite number, got True"),
        ({"count": 1.0}, "count must be an integer, got 1.0"),
        ({"count": True}, "count must be an integer, got True"),
        ({"flag": 1}, "flag must be True or False, got 1"),
    ],
)
def test_fields_hold_what_their_types_say(given, sentence):
    with pytest.raises(UserError, match=sentence):
        Settings(**given)


def test_fields_that_are_right():
    Settings(way=None, share=1, count=np.int64(2), flag=True)
    Settings(way="there", share=np.float32(0.5))


def test_arguments_that_are_checked_one_by_one():
    assert check_count("samples", np.int64(3)) == 3 and check_integer("seed", -2) == -2
    assert check_flag("hard", np.bool_(True)) is True
    for call in (
        lambda: check_count("it", 0),
        lambda: check_count("it", 1, least=2),
        lambda: check_integer("it", 0.5),
        lambda: check_flag("it", 1),
    ):
        with pytest.raises(UserError, match="it must be"):
            call()
