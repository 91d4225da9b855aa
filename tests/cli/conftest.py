"""The `igr` fixture: see igr_process.py."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

from igr_process import Igr  # noqa: E402


@pytest.fixture
def igr(tmp_path):
    return Igr(tmp_path)
