"""Runs and sweeps as calls from Python."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from dummy_runs import Count, Pace

import igr_suite
from igr_suite.errors import UserError

SCRIPT = """
import igr_suite
from dummy_runs import Count

done = igr_suite.run(Count(until=3), results={place!r}, progress=False)  # no `if __name__ == "__main__"`
print(done["total"], len(igr_suite.sweep(Count(), {{"until": (3, 4)}}, results={place!r}, progress=False)))
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Workers import the dummy's module from the same places as this process."""
    monkeypatch.setenv("IGR_FRESH_WORKERS", "1")


def test_a_run_is_done_once_and_its_record_is_its_summary(tmp_path, capsys):
    config = Count(until=4, seed=2)
    done = igr_suite.run(config, results=tmp_path)
    assert dict(done) == done.summary == {"total": 12, "seed": 2} and "total" in done and len(done) == 2
    assert done.folder == tmp_path / config.run_id and done.config == config
    assert list(done.metrics["value"]) == [3, 6, 9, 12] and done.meta["exit"]["reason"] == "finished"
    started, ended = (datetime.fromisoformat(done.meta[name]) for name in ("started", "ended"))
    assert started <= ended <= datetime.now(UTC)
    assert "finished  count-4-s2" in capsys.readouterr().err
    written = (done.folder / "summary.json").stat().st_mtime_ns
    assert igr_suite.run(config, results=tmp_path, progress=False).summary == done.summary
    assert (done.folder / "summary.json").stat().st_mtime_ns == written and capsys.readouterr().err == ""


def test_a_script_needs_no_guard(tmp_path):
    """Workers are forked here from a process that imports nothing of the script."""
    places = {"PYTHONPATH": f"{Path(igr_suite.__file__).parents[1]}:{Path(__file__).parent}", "PATH": "/usr/bin:/bin"}
    (tmp_path / "script.py").write_text(SCRIPT.format(place=str(tmp_path / "results")))
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], env=places, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["3", "2"], done.stderr


def test_a_sweep_is_a_frame_with_what_was_varied(tmp_path):
    grid = {"until": np.array([3, 4]), "pace.marks": [(1,), (1, 2)], "seed": range(2)}
    frame = igr_suite.sweep(Count(), grid, results=tmp_path, progress=False)
    assert list(frame.columns[:5]) == ["run_id", "state", *grid]
    assert len(frame) == 8 and set(frame["state"]) == {"finished"}
    assert list(frame["total"]) == [3, 6, 3, 6, 4, 8, 4, 8] and frame["pace.marks"][2] == (1, 2)
    assert {path.parent.name for path in tmp_path.glob("*/summary.json")} == set(frame["run_id"])


def test_a_run_that_fails_is_a_row_without_results(tmp_path):
    config = Count(until=3)
    with pytest.warns(UserWarning, match="seed 13 brings bad luck"):
        frame = igr_suite.sweep(config, {"pace.fail": ("no", "user")}, results=tmp_path, progress=False)
    assert list(frame["state"]) == ["finished", "user_error"] and list(frame["pace.fail"]) == ["no", "user"]
    assert frame["total"][0] == 3 and np.isnan(frame["total"][1])
    with pytest.raises(UserError, match="count-3-s0.* failed: seed 13 brings bad luck"):
        igr_suite.sweep(config, {"pace.fail": ["user"]}, results=tmp_path, progress=False)
    with pytest.raises(RuntimeError, match="failed: ZeroDivisionError: a defect"):
        igr_suite.run(Count(pace=Pace(fail="bug")), results=tmp_path, progress=False)


def test_wrong_calls_are_sentences(tmp_path):
    for grid, sentence in (
        ({"untill": (1, 2)}, "did you mean 'until'"),
        ({"until": 3}, "'until' of a sweep takes a list of values"),
        ({"until": "3,4"}, "takes a list of values"),
        ({"until": ()}, "takes a list of values"),
        ({"until": (0, 1)}, "until must be positive"),
    ):
        with pytest.raises(UserError, match=sentence):
            igr_suite.sweep(Count(), grid, results=tmp_path)
    with pytest.raises(UserError, match="a run takes a run config"):
        igr_suite.run("GS_Dis", results=tmp_path)
    of_a_script = type("Own", (Count,), {"__module__": "__main__"})
    with pytest.raises(UserError, match="define it in a module of its own"):
        igr_suite.run(of_a_script(), results=tmp_path)
    assert not list(tmp_path.iterdir())
