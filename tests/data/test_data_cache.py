"""The cache saves decoding, and is never trusted when it is damaged, old or unwritable."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from igr_suite.data import cache, load
from igr_suite.data.tfds_source import TfdsSource


def test_second_load_comes_from_the_cache(tiny, monkeypatch):
    first = load("tiny")
    monkeypatch.setattr(TfdsSource, "read", lambda *_: pytest.fail("decoded again"))
    second = load("tiny")
    assert second.describe() == first.describe() and not second.train.flags.writeable
    for field, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[field])


def test_a_cached_load_does_not_import_tensorflow(tiny, printed):
    load("tiny")
    program = (
        "import sys; from igr_suite.data import catalogue, load; from igr_suite.data.tfds_source import TfdsSource;"
        "source = TfdsSource('tiny', '1.0.0', {'train': 'train', 'test': 'test'});"
        "catalogue.RECIPES['tiny'] = catalogue.Recipe('tiny', '', source, (8, 4, 3), (28, 28, 1), 'bernoulli');"
        "print(len(load('tiny').train), [m for m in ('tensorflow', 'tensorflow_datasets') if m in sys.modules])"
    )
    assert printed(program) == "8 []"


def test_a_changed_source_is_decoded_again(tiny, tmp_path, write_tfds, numbered):
    first = load("tiny")
    write_tfds(tiny.parent / "1.0.1", {"train": [numbered(100, 12)], "test": [numbered(20, 3)]})
    second = load("tiny")
    assert second.train_labels[0] == 100 and second.checksum != first.checksum
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.parametrize("damage", ["flipped bit", "truncated", "garbage", "empty"])
def test_a_damaged_cache_is_reported_and_rebuilt(tiny, tmp_path, caplog, damage):
    whole = load("tiny")
    (path,) = (tmp_path / "cache").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(
        {"flipped bit": bytes(content), "truncated": content[:-500], "garbage": b"PK\x03\x04 no", "empty": b""}[damage]
    )
    again = load("tiny")
    assert again.checksum == whole.checksum
    np.testing.assert_array_equal(again.train, whole.train)
    assert "is damaged or unreadable" in caplog.text
    caplog.clear()
    load("tiny")
    assert not caplog.text and [entry.name for entry in (tmp_path / "cache").iterdir()] == [path.name]


def test_an_unwritable_cache_is_not_used(tiny, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IGR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert load("tiny").sizes["train"] == 8
    assert "is not used" in caplog.text


def test_cache_lies_under_home_or_nowhere(monkeypatch, tiny):
    monkeypatch.delenv("IGR_CACHE_DIR")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(cache.cache_folder()) == "/home/somebody/.cache/igr_suite/data"

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert cache.cache_folder() is None and load("tiny").sizes["train"] == 8


def test_concurrent_writers_leave_one_whole_file(tiny, tmp_path):
    """Eight threads write and read one key; no reader meets a half-written file."""
    whole = load("tiny")
    (path,) = (tmp_path / "cache").iterdir()

    def write_and_read(_):
        cache.write(path.stem, whole.arrays(), whole.checksum)
        return cache.read(path.stem)[1]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write_and_read, range(64))) == {whole.checksum}
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == [path.name]
