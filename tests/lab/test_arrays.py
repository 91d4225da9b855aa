"""Archives of arrays: what numpy writes comes back, and nothing inflates or lies about its size. See
test_foreign_checkpoints.py too."""

import hashlib
import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.arrays import BadArchive, read_arrays
from igr_suite.studies.fits import priors

PICTURES = {
    "truth": np.arange(40, dtype=np.uint8).reshape(10, 4),
    "none": np.zeros((0, 3), np.float32),
    "one": np.array(1.5),
}


def packed(compression: int, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(("write", "room"), [(np.savez, 0), (np.savez, 1000), (np.savez_compressed, 10_000)])
def test_what_numpy_writes_comes_back(write, room):
    file = io.BytesIO()
    write(file, **PICTURES)
    found = read_arrays(file.getvalue(), room)
    assert list(found) == list(PICTURES)
    for name, array in PICTURES.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def lying() -> bytes:
    """A member that says it holds 200 bytes and inflates to a hundred thousand."""
    content = packed(zipfile.ZIP_DEFLATED, a=npy(np.zeros(100_000, np.uint8)))
    return content.replace((100_128).to_bytes(4, "little"), (200).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            packed(zipfile.ZIP_DEFLATED, a=npy(np.zeros(30_000_000, np.uint8))),
            "its members hold 30000128 bytes, the file",
        ),
        (packed(zipfile.ZIP_BZIP2, a=npy(np.zeros(10, np.uint8))), "would inflate"),
        (packed(zipfile.ZIP_LZMA, a=npy(np.zeros(10, np.uint8))), "would inflate"),
        (
            packed(zipfile.ZIP_DEFLATED, a=npy(np.zeros(10, np.uint8))[:-1]),
            "a.npy holds 9 bytes, and its header says uint8 [10]",
        ),
        (packed(zipfile.ZIP_DEFLATED, a=npy(np.array([None]))), "a.npy is no array of numbers"),
        (lying(), "its archive cannot be read"),
        (b"", "its archive cannot be read"),
    ],
)
def test_packed_members_have_the_room_that_they_are_given(content, words):
    tracemalloc.start()
    with pytest.raises(BadArchive, match=words.replace("[", r"\[")):
        read_arrays(content, room=1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 1_500_000 + 3 * len(content)
    tracemalloc.stop()


def test_one_name_twice():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(1)))
        archive.writestr("a", npy(np.zeros(1)))
    with pytest.raises(BadArchive, match="two of its members have the same name"):
        read_arrays(file.getvalue())


def test_pictures_of_a_run_folder(tmp_path, monkeypatch):
    """`igr pictures` and the plots that show pictures."""
    picture_file.save(tmp_path, PICTURES)
    assert set(picture_file.load(tmp_path)) == set(PICTURES)
    monkeypatch.setattr(picture_file, "ROOM", 100)
    with pytest.raises(
        UserError, match="pictures.npz is damaged .its members hold .* bytes, the file .*; delete it and make it again"
    ):
        picture_file.save(tmp_path, {"truth": np.zeros(1_000_000, np.uint8)})
        picture_file.load(tmp_path)


def test_a_cached_prior(tmp_path):
    """Of results/priors: an entry that fits its description and its checksum."""
    config = priors.uniform_prior_config("GS", 3)
    folder = tmp_path / "priors"
    folder.mkdir()
    weights = np.zeros(2, np.float32)

    def put(content: bytes) -> None:
        (folder / f"{config.run_id}.npz").write_bytes(content)
        described = {"schema": priors.SCHEMA, **config.to_dict(), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / f"{config.run_id}.json").write_text(json.dumps(described), encoding="utf-8")

    put(packed(zipfile.ZIP_STORED, loc=npy(weights)))
    np.testing.assert_array_equal(priors.fitted_prior(config, tmp_path).values["loc"], weights)
    for content in (
        packed(zipfile.ZIP_DEFLATED, loc=npy(np.zeros(10_000_000, np.float32))),
        packed(zipfile.ZIP_STORED, loc=b""),
    ):
        put(content)
        with pytest.raises(
            UserError, match="is not an archive of arrays .loc.npy (would inflate|is no array of numbers).*delete"
        ):
            priors.fitted_prior(config, tmp_path)
