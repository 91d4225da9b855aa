"""Checkpoints with a fitting checksum that no run has saved: each is refused in a sentence, as a damaged one is, and
nothing of it is unpacked."""

import contextlib
import functools
import hashlib
import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.families.iwae.start import DReGStartConfig
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints
from igr_suite.training.checkpoints import State
from igr_suite.training.loop import restore, resume

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)
HOST = {"sums": {"elbo": 1.5}, "counted": 3, "metrics_bytes": 0}
MAGIC = b"igr-checkpoint 1\n"


class Model:
    """Weights and a step."""

    def __init__(self):
        self.w, self.step = tf.Variable(tf.zeros((2, 3))), tf.Variable(0)

    def state_variables(self):
        return [self.w, self.step]


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def host(**changes) -> bytes:
    return npy(np.frombuffer(json.dumps({"step": 20, **HOST, **changes}).encode(), np.uint8))


def good() -> dict[str, bytes]:
    return {"host.npy": host(), "a0000.npy": npy(WEIGHTS), "a0001.npy": npy(np.array(20, np.int32))}


def header(text: str, data: bytes = b"") -> bytes:
    """An .npy file with this header."""
    padded = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + data


def packed(members, compression=zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return file.getvalue()


def put(folder, body: bytes, name: str = "step_000000020.ckpt"):
    """Writes a file whose checksum fits."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    return folder / name


def altered(body: bytes, old: bytes, new: bytes) -> bytes:
    assert old in body
    return body.replace(old, new)


def twice(body: bytes) -> bytes:
    """The archive with a second entry of its directory that points to the first one's bytes: members that overlap."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        first, count = archive.infolist()[1], len(archive.infolist())
    start = body.rindex(b"PK\x05\x06")
    begin = int.from_bytes(body[start + 16 : start + 20], "little")
    entry = body.index(first.filename.encode(), begin) - 46
    size = 46 + len(first.filename) + int.from_bytes(body[entry + 30 : entry + 32], "little")
    copies = b"".join(body[entry : entry + size].replace(b"a0000", b"a%04d" % number) for number in range(2, 40))
    numbers = (count + 38).to_bytes(2, "little")
    end = (
        body[start : start + 8] + 2 * numbers + (start - begin + len(copies)).to_bytes(4, "little") + body[start + 16 :]
    )
    return body[:start] + copies + end


@functools.cache
def bodies() -> dict[str, tuple[bytes, str]]:
    """What is wrong -> (the archive, words of the sentence)."""
    members = good()
    many = np.full((2, 3), np.nan, np.float32)
    floats = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"

    def with_weights(content: bytes) -> bytes:
        return packed(members | {"a0000.npy": content})

    return {
        "step": (packed(members | {"host.npy": host(step=21)}), "it is of step 21"),
        "no step": (
            packed(members | {"host.npy": npy(np.frombuffer(b"{}", np.uint8))}),
            "does not say of which step it is",
        ),
        "step true": (packed(members | {"host.npy": host(step=True)}), "does not say of which step"),
        "step text": (packed(members | {"host.npy": host(step="20")}), "does not say of which step"),
        "step -1": (packed(members | {"host.npy": host(step=-1)}), "does not say of which step"),
        "host list": (
            packed(members | {"host.npy": npy(np.frombuffer(b"[20]", np.uint8))}),
            "does not say of which step",
        ),
        "host deep": (
            packed(members | {"host.npy": npy(np.frombuffer(b"[" * 100_000, np.uint8))}),
            "does not say of which step",
        ),
        "host floats": (packed(members | {"host.npy": npy(WEIGHTS)}), "does not say of which step"),
        "nan": (with_weights(npy(many)), "a0000.npy holds numbers that are not finite"),
        "inf": (with_weights(npy(np.array([[1, 2, 3], [4, -np.inf, 6]], np.float32))), "not finite"),
        "complex nan": (with_weights(npy(many.astype(np.complex64))), "not finite"),
        "bomb": (
            packed(members | {"a0000.npy": npy(np.zeros((5_000, 5_000), np.float32))}, zipfile.ZIP_DEFLATED),
            "would inflate from",
        ),
        "packed": (packed(members, zipfile.ZIP_DEFLATED), "would inflate"),
        "bzip2": (packed(members, zipfile.ZIP_BZIP2), "would inflate"),
        "overlap": (twice(packed(members | {"a0000.npy": npy(np.zeros(50_000, np.float32))})), "its members hold"),
        "large": (
            with_weights(header(floats % "1000000, 1000000", bytes(24))),
            "holds 24 bytes, and its header says float32",
        ),
        "huge": (with_weights(header(floats % ("9" * 100 + ","), bytes(24))), "holds 24 bytes, and its header says"),
        "small": (
            with_weights(header(floats % "2, 2", bytes(24))),
            "holds 24 bytes, and its header says float32 [2, 2]",
        ),
        "negative": (with_weights(header(floats % "-2, -3", bytes(24))), "is no array of numbers"),
        "objects": (with_weights(npy(np.array([print], object))), "a0000.npy is no array of numbers"),
        "text": (with_weights(npy(np.array(["a"]))), "is no array of numbers"),
        "record": (with_weights(npy(np.zeros(2, [("a", "f4")]))), "is no array of numbers"),
        "times": (with_weights(npy(np.zeros(2, "M8[s]"))), "is no array of numbers"),
        "float3": (
            with_weights(header("{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }", bytes(6))),
            "is no array of numbers",
        ),
        "code": (
            with_weights(header("{'descr': print(1), 'fortran_order': False, 'shape': (2,), }")),
            "is no array of numbers",
        ),
        "no npy": (with_weights(b"hello"), "is no array of numbers"),
        "empty member": (with_weights(b""), "is no array of numbers"),
        "cut header": (with_weights(npy(WEIGHTS)[:60]), "is no array of numbers"),
        "version": (with_weights(npy(WEIGHTS).replace(b"NUMPY\x01", b"NUMPY\x03")), "is no array of numbers"),
        "more": (packed(members | {"../../evil.npy": npy(WEIGHTS)}), "has other members than host and arrays"),
        "gap": (packed({"host.npy": host(), "a0001.npy": npy(WEIGHTS)}), "has other members than host and arrays"),
        "no host": (packed({"a0000.npy": npy(WEIGHTS)}), "has other members than host and arrays"),
        "nothing": (packed({}), "has other members than host and arrays"),
        "no archive": (b"hello", "its archive cannot be read"),
        "cut": (packed(members)[:-30], "its archive cannot be read"),
        "wrong sum": (
            altered(packed(members), WEIGHTS.tobytes(), WEIGHTS[::-1].tobytes()),
            "its archive cannot be read (Bad CRC-32",
        ),
        "encrypted": (
            altered(packed(members), b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            "its archive cannot be read",
        ),
    }


@pytest.mark.parametrize("fault", bodies())
def test_each_is_a_sentence_that_names_the_older_one(tmp_path, fault):
    body, words = bodies()[fault]
    older = checkpoints.save(tmp_path, State(10, [WEIGHTS, np.array(10, np.int32)], HOST))
    path = put(tmp_path, body)
    tracemalloc.start()
    with pytest.raises(UserError) as refused:
        checkpoints.latest(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(refused.value).startswith(f"the checkpoint {path} is not what a run saves: ") and words in str(
        refused.value
    )
    assert str(refused.value).endswith(f"move it away and run again: the run then goes on from {older.name}")
    assert peak < 20 * len(body) + 2_000_000, "nothing was unpacked"
    path.unlink()
    assert checkpoints.latest(tmp_path).step == 10


def test_what_a_run_saves_is_taken(tmp_path):
    """Every kind of array that models have, from the crafted archive and from `save`."""
    assert checkpoints.load(put(tmp_path, packed(good()))).host == HOST
    arrays = [
        WEIGHTS,
        np.asfortranarray(WEIGHTS),
        np.array(3),
        np.zeros((0, 4), np.float16),
        np.array([True]),
        np.array(1.5),
        WEIGHTS + 1j,
    ]
    arrays += [np.zeros((1,) * 5, np.uint8), np.array(2**40)]
    state = checkpoints.load(checkpoints.save(tmp_path, State(30, arrays, HOST)))
    for ours, theirs in zip(arrays, state.arrays, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape and theirs.flags.writeable
        np.testing.assert_array_equal(ours, theirs)
    other = put(tmp_path, packed(good()), "mine.ckpt")
    assert checkpoints.load(other).step == 20, "only names that say a step have to be right"


@pytest.mark.parametrize(
    "changes",
    [
        {"sums": None},
        {"sums": []},
        {"sums": {"elbo": "1"}},
        {"sums": {"elbo": float("nan")}},
        {"sums": {"elbo": True}},
        {"counted": None},
        {"counted": 1.5},
        {"counted": -1},
        {"counted": 21},
        {"metrics_bytes": -1},
        {"metrics_bytes": "0"},
    ],
)
def test_numbers_of_the_row_that_was_begun(tmp_path, changes):
    put(tmp_path / "checkpoints", packed(good() | {"host.npy": host(**changes)}))
    model = Model()
    with (
        contextlib.closing(RunFolder(tmp_path)) as folder,
        pytest.raises(UserError, match="lacks the sums of the row that was begun"),
    ):
        resume(model, folder)
    assert not model.w.numpy().any(), "nothing was put into the model"


@pytest.mark.parametrize(
    "arrays",
    [
        [WEIGHTS.astype(np.float64), np.array(20, np.int32)],
        [WEIGHTS.astype(">f4"), np.array(20, np.int32)],
        [WEIGHTS, np.array(20, np.int64)],
        [WEIGHTS, np.array(20.0, np.float32)],
        [WEIGHTS.T, np.array(20, np.int32)],
        [WEIGHTS],
        [WEIGHTS, np.array(20, np.int32), WEIGHTS],
    ],
)
def test_other_shapes_and_types_are_of_another_model(tmp_path, arrays):
    checkpoints.save(tmp_path / "checkpoints", State(20, arrays, HOST))
    model = Model()
    with contextlib.closing(RunFolder(tmp_path)) as folder:
        with pytest.raises(
            UserError, match="the checkpoint of step 20 in .* is of another model; delete the folder to run it again"
        ):
            resume(model, folder)
        assert not model.w.numpy().any() and int(model.step) == 0, "all or nothing"
        restore(model, State(20, [WEIGHTS, np.array(20, np.int32)]), folder)
    assert int(model.step) == 20


def test_a_start_from_weights_of_another_type_is_refused(tmp_path):
    path = checkpoints.save(tmp_path, State(20, [WEIGHTS.astype(np.float64)], HOST))
    with pytest.raises(
        UserError, match="is of another architecture: it has .2, 3, 'float64'. where the model has .2, 3."
    ):
        DReGStartConfig(checkpoint=str(path)).check([(2, 3)])
    DReGStartConfig(checkpoint=str(checkpoints.save(tmp_path, State(21, [WEIGHTS], HOST)))).check([(2, 3)])
