"""The `igr` fixture (see igr_process.py) and a one-node SLURM."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import one_node  # noqa: E402
from igr_process import Igr  # noqa: E402


@pytest.fixture
def igr(tmp_path):
    return Igr(tmp_path)


@pytest.fixture(scope="session")
def slurm():
    """Environment in which SLURM's commands work."""
    absent = one_node.absent()
    if absent:
        pytest.skip(
            f"SLURM is not installed ({', '.join(absent)} not found): apt-get install slurm-wlm munge, then this test "
            f"runs"
        )
    with one_node.slurm(cpus=4) as environment:
        yield environment
