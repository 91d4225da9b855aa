"""The monitor in a run: it changes nothing of the training, and a resumed run repeats the uninterrupted one's rows
bitwise."""

import dataclasses

import pytest

from igr_suite.families.vae import presets
from igr_suite.families.vae import train as train_vae
from igr_suite.families.vae.gradient_monitor import GradientMonitor
from igr_suite.families.vae.monitor_config import MonitorConfig
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints, loop

PLAIN = replace_parts(
    presets.default("IGR_SB_Finite_Dis", epochs=3, evaluate_every=1, importance_samples=1, limit=60, seed=4),
    model={"architecture": "linear", "variables": 2, "categories": 3},
    schedule={"batch_size": 30},
)
WATCHED = dataclasses.replace(PLAIN, monitor=MonitorConfig(metric="both", images=4, draws=2))


def executed(config, place):
    with RunFolder(place / config.run_id).open(config) as folder:
        train_vae.execute(config, folder)
    return folder


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    return executed(WATCHED, tmp_path_factory.mktemp("watched"))


def test_training_is_the_same_without_it(watched, tmp_path):
    plain = executed(PLAIN, tmp_path)
    rows = [
        {name: value for name, value in row.items() if not name.startswith("monitor_")}
        for row in watched.metrics.rows()
    ]
    assert rows == plain.metrics.rows()
    states = [checkpoints.latest(folder.checkpoints).arrays for folder in (watched, plain)]
    assert all(one.tobytes() == other.tobytes() for one, other in zip(*states))


def test_golden_values(golden, watched):
    # counts derivatives that round to zero, which other instruction sets do elsewhere
    name = "monitor_historical_vanished"
    golden("gradient_monitor", watched, leave_out=(f"summary.{name}", f"last.{name}"))


def test_every_evaluation_and_the_summary_have_its_numbers(watched):
    evaluated = [row for row in watched.metrics.rows() if "test_elbo_relaxed" in row]
    assert [row["epoch"] for row in evaluated] == [1.0, 2.0, 3.0]
    for row in evaluated:
        assert {"monitor_jacobian_p50", "monitor_weights_variance_closed", "monitor_historical_vanished"} <= set(row)
    assert watched.summary()["monitor_jacobian_p50"] == evaluated[-1]["monitor_jacobian_p50"]


@pytest.mark.sweep
def test_a_resumed_run_repeats_the_rows(watched, tmp_path, monkeypatch):
    """Stopped at the second evaluation, with a checkpoint of the first epoch's end."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    calls, measure = [], GradientMonitor.measure

    def stops(self):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(self)

    monkeypatch.setattr(GradientMonitor, "measure", stops)
    with pytest.raises(KeyboardInterrupt):
        executed(WATCHED, tmp_path)
    again = executed(WATCHED, tmp_path)
    assert again.metrics.path.read_bytes() == watched.metrics.path.read_bytes()
    assert again.summary() == watched.summary()
