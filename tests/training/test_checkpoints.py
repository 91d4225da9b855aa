"""Checkpoints are whole or refused."""

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.training import checkpoints
from igr_suite.training.checkpoints import State


def a_state(step: int) -> State:
    return State(
        step, [np.arange(5, dtype=np.float32) + step, np.array(step)], {"sums": {"elbo": 0.1 + 0.2}, "counted": 3}
    )


def test_what_is_read_is_what_was_written(tmp_path):
    checkpoints.save(tmp_path, a_state(7))
    state = checkpoints.latest(tmp_path)
    assert state.step == 7
    assert state.host == {"sums": {"elbo": 0.1 + 0.2}, "counted": 3}
    assert [a.dtype for a in state.arrays] == [np.float32, np.int64]
    np.testing.assert_array_equal(state.arrays[0], np.arange(5) + 7)


def test_the_newest_two_are_kept(tmp_path):
    for step in (1, 2, 30):
        checkpoints.save(tmp_path, a_state(step))
    assert [p.name for p in checkpoints.paths(tmp_path)] == ["step_000000002.ckpt", "step_000000030.ckpt"]
    assert not list(tmp_path.glob("*.part"))


def test_no_checkpoint_is_none(tmp_path):
    assert checkpoints.latest(tmp_path / "absent") is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_file_is_a_sentence_with_the_way_out(tmp_path, damage):
    checkpoints.save(tmp_path, a_state(10))
    path = checkpoints.save(tmp_path, a_state(20))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"truncate": path.read_bytes()[:-100], "flip": bytes(content), "empty": b""}[damage])
    with pytest.raises(
        UserError, match=r"step_000000020.ckpt is truncated or damaged.*goes on from step_000000010.ckpt"
    ):
        checkpoints.latest(tmp_path)
    assert path.exists()  # nothing is lost: the user moves it
    path.rename(tmp_path / "moved_away")
    assert checkpoints.latest(tmp_path).step == 10


def test_an_unwritable_folder_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match="cannot write the checkpoint"):
        checkpoints.save(tmp_path / "file", a_state(1))
