"""The real data, where a folder prepared by TFDS is at hand: sizes, value range and the recorded checksums."""

import os
from pathlib import Path

import pytest

from igr_suite.data import status, verify

BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data" / "tfds"
FOLDER = Path(os.environ.get("TFDS_DATA_DIR") or BESIDE_THE_PROJECT)


# 4 s, the way of mnist
NAMES = ["mnist", "binarized_mnist", "omniglot_tfds_small", pytest.param("fashion_mnist", marks=pytest.mark.sweep)]


@pytest.mark.parametrize("name", NAMES)
def test_prepared_data_are_the_recorded_ones(name, monkeypatch, tmp_path):
    if not status(name, FOLDER).prepared:
        pytest.skip(
            f"{name} is not prepared in {FOLDER}; set TFDS_DATA_DIR to a folder that `igr data fetch {name}` has filled"
        )
    monkeypatch.setenv("IGR_CACHE_DIR", str(tmp_path))
    assert "as recorded" in verify(name, FOLDER)
