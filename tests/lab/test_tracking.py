"""Live tracking: what reaches TensorBoard, Weights & Biases and MLflow while runs go on, are stopped and resumed."""

import math
import sys

import pytest
from dummy_runs import Count

from igr_suite.errors import UserError
from igr_suite.lab.running import trackers
from igr_suite.lab.running.following import Following
from igr_suite.lab.runs.store import RunFolder

CONFIG = Count(until=3)
ABSENT = "it is not among the pinned packages; pip install 'igr-suite[track]' and run this file again"


class Recorder:
    """A tracker that remembers its calls and can fail."""

    where = "here"

    def __init__(self, folder=None, group=""):
        self.calls, self.fails = [], False

    def begin(self, run_id, config, resumed):
        self.calls.append(("begin", resumed))
        return resumed or "name-1"

    def log(self, run_id, step, values):
        if self.fails:
            raise ConnectionError("no network")
        self.calls.append((step, values))

    def end(self, run_id, step, values, reason):
        self.calls.append(("end", step, values, reason))


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setitem(trackers.TRACKERS, "recorder", lambda folder, group: recorder)
    return recorder


@pytest.fixture
def folder(tmp_path):
    with RunFolder(tmp_path / CONFIG.run_id).open(CONFIG) as folder:
        yield folder


def follow(folder, kind, said=None):
    following = Following(kind, folder.path.parent, "igr/counting smoke", (said if said is not None else []).append)
    following.begin(CONFIG.run_id, CONFIG)
    return following


def three_rows(folder):
    folder.metrics.append(1, elbo=-9.0, p=[0.5, 0.25])
    folder.metrics.append(1, test_elbo=-8.0)
    folder.metrics.append(2, elbo=-7.0)


def test_every_row_is_sent_once_in_spite_of_a_resume(folder, recorder):
    following = follow(folder, "recorder")
    folder.metrics.append(1, elbo=-9.0, p=[0.5, 0.25])
    following.look()
    following.look()
    with folder.metrics.path.open("ab") as file:
        file.write(b'{"schema": 1, "st')  # a row in the making
    following.look()
    folder.metrics.cut_after(0)  # stopped, and resumed from the beginning
    folder.metrics.append(1, elbo=-9.0, p=[0.5, 0.25])
    folder.metrics.append(1, test_elbo=-8.0)
    following.look()
    following.end(CONFIG.run_id, "interrupted")
    assert recorder.calls == [
        ("begin", ""),
        (1, {"elbo": -9.0, "p[0]": 0.5, "p[1]": 0.25}),
        (1, {"test_elbo": -8.0}),
        ("end", 1, {}, "interrupted"),
    ]
    recorder.calls.clear()
    later = follow(folder, "recorder")  # another process
    folder.metrics.append(2, elbo=-7.0)
    folder.write_summary({"elbo": -7.0, "data": {"train": 5}, "note": "text"})
    later.end(CONFIG.run_id, "finished")
    later.look()
    assert recorder.calls == [
        ("begin", "name-1"),
        (2, {"elbo": -7.0}),
        ("end", 2, {"elbo": -7.0, "data.train": 5.0}, "finished"),
    ]


def test_runs_go_on_when_the_tracker_fails(folder, recorder):
    said = []
    following = follow(folder, "recorder", said)
    recorder.fails = True
    three_rows(folder)
    following.look()
    following.look()
    following.end(CONFIG.run_id, "finished")
    assert said == ["tracking: here", "--track recorder ends here, the runs go on: ConnectionError: no network"]


def test_a_missing_package_and_a_wrong_name_are_sentences(tmp_path, monkeypatch):
    for name in ("wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(UserError, match=rf"--track {name} needs {name}, .*pip install 'igr-suite\[track\]'"):
            Following(name, tmp_path, "g", print)
    with pytest.raises(UserError, match="unknown --track 'tensorbord': did you mean 'tensorboard'"):
        Following("tensorbord", tmp_path, "g", print)
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_what_is_written_while_the_run_goes_on(folder):
    reason = "tensorboard, of the dev extra, is not installed here"
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=reason)
    said = []
    following = follow(folder, "tensorboard", said)
    place = folder.path.parent / "tracking" / "tensorboard" / CONFIG.run_id
    reader = accumulator.EventAccumulator(str(place))
    folder.metrics.append(1, elbo=-9.0)
    following.look()
    assert [(event.step, event.value) for event in reader.Reload().Scalars("elbo")] == [(1, -9.0)]
    folder.metrics.append(1, test_elbo=-8.5)
    folder.metrics.append(2, elbo=-7.0, ratio=math.inf)
    following.end(CONFIG.run_id, "interrupted")
    later = follow(folder, "tensorboard")
    folder.metrics.append(3, elbo=-6.0)
    folder.write_summary({"elbo": -6.0})
    later.end(CONFIG.run_id, "finished")
    events = reader.Reload().Scalars("elbo")
    assert [(event.step, event.value) for event in events] == [(1, -9.0), (2, -7.0), (3, -6.0)]
    assert all(event.wall_time > 1.7e9 for event in events)
    assert reader.Scalars("summary/elbo")[0].step == 3 and math.isinf(reader.Scalars("ratio")[0].value)
    assert said == [f"tracking: tensorboard --logdir {place.parent}"]


def log_records(content: bytes):
    """The records of a log in LevelDB's format: blocks of 32 KiB of parts with checksum, length and kind (whole, first,
    middle, last)."""
    for start in range(0, len(content), 1 << 15):
        block = content[start : start + (1 << 15)]
        while len(block) > 7:
            length, kind = int.from_bytes(block[4:6], "little"), block[6]
            if kind == 1:
                yield block[7 : 7 + length]
            block = block[7 + length :]


def test_wandb_gets_a_run_offline(folder, monkeypatch):
    wandb = pytest.importorskip("wandb", reason=ABSENT)
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    following = follow(folder, "wandb", said := [])
    three_rows(folder)
    folder.write_summary({"elbo": -7.0})
    following.end(CONFIG.run_id, "finished")
    wandb.teardown()  # ends the process that writes
    assert said == ["tracking: Weights & Biases, project igr_suite, group igr/counting smoke"]
    (file,) = (folder.path.parent / "tracking" / "wandb").glob("wandb/offline-run-*/run-*.wandb")
    history, summary = [], {}
    for content in log_records(file.read_bytes()[7:]):
        record = wandb_internal_pb2.Record.FromString(content)
        if record.HasField("history"):
            items = {item.key or ".".join(item.nested_key): item.value_json for item in record.history.item}
            history.append({name: float(text) for name, text in items.items()})
        for item in record.summary.update if record.HasField("summary") else ():
            summary[item.key or ".".join(item.nested_key)] = item.value_json
    assert [(row["_step"], row.get("elbo"), row.get("test_elbo")) for row in history] == [(1, -9, -8), (2, -7, None)]
    assert float(summary["summary/elbo"]) == -7


def test_mlflow_gets_a_run_in_a_file_store(folder, monkeypatch):
    tracking = pytest.importorskip("mlflow.tracking", reason=ABSENT)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    following = follow(folder, "mlflow")
    three_rows(folder)
    following.end(CONFIG.run_id, "interrupted")
    later = follow(folder, "mlflow")
    folder.metrics.append(3, elbo=-6.0)
    folder.write_summary({"elbo": -6.0})
    later.end(CONFIG.run_id, "finished")
    client = tracking.MlflowClient((folder.path.parent / "tracking" / "mlflow").as_uri())
    experiment = client.get_experiment_by_name("igr_suite")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.info.run_name == CONFIG.run_id
    assert run.data.params["until"] == "3" and run.data.params["pace.seconds"] == "0.0"
    history = client.get_metric_history(run.info.run_id, "elbo")
    assert [(metric.step, metric.value) for metric in history] == [(1, -9), (2, -7), (3, -6)]
    assert run.data.metrics["summary/elbo"] == -6 and run.data.metrics["p.0."] == 0.5


def test_igr_run_tracks_all_of_its_runs(igr):
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--track", "tensorboard", "--no-plot")
    place = igr.results / "igr" / "counting" / "smoke"
    assert code == 0 and f"tracking: tensorboard --logdir {place / 'tracking' / 'tensorboard'}" in err
    for run in (path.parent.name for path in place.glob("*/summary.json")):
        (file,) = (place / "tracking" / "tensorboard" / run).glob("events.out.tfevents.*")
        content = file.read_bytes()
        assert content.count(b"value") == 3 + (run.startswith("count-4")) and b"summary/total" in content
    assert igr("status", "igr/counting", "--scale", "smoke")[0] == 0
    code, out, err = igr("run", "igr/counting", "--scale", "smoke", "--track", "tensorbord")
    assert code == 2 and "did you mean 'tensorboard'" in err
