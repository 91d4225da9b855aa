"""Thousands of runs and millions of rows: columns and blocks give what dictionaries of rows gave, in little memory."""

import json
import math
import tracemalloc

import pandas as pd
import pytest
from dummy_runs import Count, Pace

from igr_suite.lab.analysis import table_files
from igr_suite.lab.analysis.export import Selected, metrics, numbers
from igr_suite.lab.analysis.results import describe, finished_runs, metrics_frame
from igr_suite.lab.runs import wholeness
from igr_suite.lab.runs.config import config_to_json
from igr_suite.lab.runs.metrics_log import MetricsLog
from igr_suite.lab.runs.store import RunFolder

CONFIGS = [
    Count(seed=0),
    Count(seed=1, pace=Pace(seconds=0.5)),
    Count(seed=2, until=2, pace=Pace(name='a "quoted", name')),
]
ROWS = {
    0: [{"step": 1, "value": 1.5}, {"step": 2, "value": 2, "seed": 7}],
    1: [{"step": 1, "value": "NaN", "list": [1, 2.5]}, {"step": 3, "group": {"a": 1e-300}}],
    2: [{"step": 2, "other": -0.0, "flag": True}],
}


@pytest.fixture
def folder(tmp_path):
    """Finished runs whose rows hold different things."""
    for config in CONFIGS:
        place = tmp_path / config.run_id
        place.mkdir()
        (place / "config.json").write_text(config_to_json(config))
        (place / "metrics.jsonl").write_text(
            "".join(json.dumps({"schema": 1} | row) + "\n" for row in ROWS[config.seed])
        )
        (place / "summary.json").write_text(json.dumps({"steps": ROWS[config.seed][-1]["step"]}))
    return tmp_path


def test_a_frame_gathered_by_columns_is_that_of_the_rows(folder):
    rows = []
    for run in finished_runs(folder):
        description = describe(run)
        for row in run.metrics.rows():
            rows.append(
                description | {f"metrics.{name}" if name in description else name: value for name, value in row.items()}
            )
    assert len(rows) == 5
    pd.testing.assert_frame_equal(metrics_frame(folder), pd.DataFrame(rows))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_written_in_blocks_is_that_of_the_rows(folder, tmp_path, suffix):
    runs = []
    for run in finished_runs(folder):
        settings = describe(run)
        del settings["run_id"]
        runs.append(Selected("p/item", "quick", run, settings))
    differing = ["seed", "until", "pace.seconds", "pace.name"]
    assert {
        key for run in runs for key in run.settings if len({str(other.settings[key]) for other in runs}) > 1
    } == set(differing)
    rows = []
    for run in runs:
        beside = {key: run.settings[key] for key in run.settings if key in differing}
        for row in run.folder.metrics.rows():
            step = row.pop("step")
            rows += [
                run.place | beside | {"step": step, "quantity": name, "value": value} for name, value in numbers(row)
            ]
    table = metrics(runs)
    table_files.write_blocks(tmp_path / f"blocks{suffix}", table)
    table_files.write_table(tmp_path / f"rows{suffix}", rows)
    assert len(table) == len(rows) == 9
    if suffix == ".csv":
        assert (tmp_path / "blocks.csv").read_bytes() == (tmp_path / "rows.csv").read_bytes()
    else:
        frames = [pd.read_parquet(tmp_path / f"{name}{suffix}") for name in ("blocks", "rows")]
        pd.testing.assert_frame_equal(*frames)


def test_a_long_file_is_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(f'{{"schema": 1, "step": {step}, "value": {step / 7}}}\n' for step in range(100_000))
        + '{"schema": 1, "st'
    )
    size = path.stat().st_size
    tracemalloc.start()
    count = total = 0
    for rows in MetricsLog(path).blocks():
        count, total = count + len(rows), total + math.fsum(row["value"] for row in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 100_000 and total == pytest.approx(99_999 * 100_000 / 14)
    assert peak < size, f"{peak} bytes for a file of {size}"


def test_what_was_seen_of_a_run_is_kept_until_its_files_change(folder, monkeypatch):
    looks = []
    scan = wholeness.scan
    monkeypatch.setattr(wholeness, "scan", lambda path, *rest: looks.append(path.parent.name) or scan(path, *rest))

    def faults():
        looks.clear()
        wholeness._known.clear()  # a new process
        with wholeness.remembered(folder):
            return [RunFolder(folder / config.run_id).fault() for config in CONFIGS]

    assert faults() == ["", "", ""] and len(looks) == 3
    assert faults() == ["", "", ""] and not looks
    damaged = folder / CONFIGS[1].run_id / "metrics.jsonl"
    damaged.write_bytes(2 * damaged.read_bytes())
    found = faults()
    assert looks == [CONFIGS[1].run_id] and found[0] == found[2] == "" and "after step" in found[1]
    for content in (b"", b"[1]", b'{"a": 5}', b"\xff"):
        (folder / wholeness.INDEX).write_bytes(content)
        assert faults() == found


def test_what_was_seen_is_not_believed_of_a_copy(folder, tmp_path, monkeypatch):
    import shutil

    with wholeness.remembered(folder):
        assert not RunFolder(folder / CONFIGS[0].run_id).fault()
    copy = tmp_path / "copy"
    shutil.copytree(folder / CONFIGS[0].run_id, copy / CONFIGS[0].run_id)
    shutil.copy(folder / wholeness.INDEX, copy / wholeness.INDEX)
    looks = []
    scan = wholeness.scan
    monkeypatch.setattr(wholeness, "scan", lambda path, *rest: looks.append(path) or scan(path, *rest))
    with wholeness.remembered(copy):
        RunFolder(copy / CONFIGS[0].run_id).fault()
    assert len(looks) == 1
