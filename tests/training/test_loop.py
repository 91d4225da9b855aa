"""The loop stops where the plan says, resumes bitwise and refuses what is not finite."""

import contextlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.lab.runs.interrupts import Interrupted, Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints, loop
from igr_suite.training.loop import Diverged, Plan, fit, means_of

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4), dtype=np.uint8)


class Noisy(keras.Model):
    """w <- 0.9 w + mean of the batch / 255 + noise: every step depends on batch, seed and all before."""

    scalars, jit_steps = ("elbo",), False

    def __init__(self, explode_at: int | None = None):
        super().__init__()
        self.w = tf.Variable(tf.zeros(4))
        self.step = tf.Variable(0)
        self.explode_at = -1 if explode_at is None else explode_at
        self.built = True

    def state_variables(self):
        return [self.w, self.step]

    def train_step(self, batch, seed):
        noise = tf.random.stateless_normal((4,), seed)
        self.w.assign(0.9 * self.w + tf.reduce_mean(tf.cast(batch, tf.float32), 0) / 255 + noise)
        bad = tf.where(tf.equal(self.step, self.explode_at), float("nan"), 0.0)
        self.step.assign_add(1)
        return {"elbo": tf.reduce_sum(self.w) + bad}


def a_plan(**changes) -> Plan:
    return Plan(**{"examples": 60, "batch_size": 10, "epochs": 5, "evaluate_every": 2, "seed": 3} | changes)


def run(path, model=None, interrupts=None, plan=None):
    folder = RunFolder(path)
    path.mkdir(exist_ok=True)
    model = model or Noisy()
    with contextlib.closing(folder):
        fit(
            model,
            tf.constant(IMAGES),
            plan or a_plan(),
            folder,
            lambda step: {"test_elbo": float(tf.reduce_sum(model.w))},
            interrupts or Interrupts(),
        )
    return model.w.numpy(), (path / "metrics.jsonl").read_bytes()


def test_the_plan_stops_at_rows_and_ends_of_epochs():
    plan = Plan(examples=50_000, batch_size=100, epochs=20, evaluate_every=5, seed=0)
    step, stops = 0, []
    while step < plan.steps:
        stop = plan.next_stop(step)
        assert step < stop <= step + loop.LONGEST_CALL
        assert step // 500 == (stop - 1) // 500, "a call stays within an epoch"
        assert len(np.unique(plan.orders(step, stop)[: stop - step])) == 100 * (stop - step), (
            "no image twice in an epoch"
        )
        assert not plan.orders(step, stop)[stop - step :].any()
        step = stop
        stops.append(step)
    assert step == 10_000
    assert 200 <= sum(map(plan.logs, stops)) <= 300
    assert [s // 500 for s in stops if plan.evaluates(s)] == [1, 5, 10, 15, 20]


def test_an_interrupted_run_goes_on_bitwise(tmp_path):
    weights, rows = run(tmp_path / "whole")

    class AfterCalls(Interrupts):
        calls = 0

        @property
        def requested(self):
            AfterCalls.calls += 1
            return AfterCalls.calls % 7 == 0  # property is read up to twice a call: stops land at differing places

        def stop(self):
            raise Interrupted(15)

    pieces = 0
    while True:
        try:
            again, rows_again = run(tmp_path / "pieces", interrupts=AfterCalls())
            break
        except Interrupted:
            pieces += 1
    assert pieces >= 2
    np.testing.assert_array_equal(again, weights)
    assert rows_again == rows


def test_rows_after_the_checkpoint_are_cut_on_resume(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    weights, rows = run(tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    run(tmp_path / "killed")
    newest = checkpoints.paths(tmp_path / "killed" / "checkpoints")[-1]
    newest.unlink()  # as if killed between the last rows and the last checkpoint
    with (tmp_path / "killed" / "metrics.jsonl").open("ab") as file:
        file.write(b'{"schema": 1, "st')
    again, rows_again = run(tmp_path / "killed")
    np.testing.assert_array_equal(again, weights)
    assert rows_again == rows


def test_rows_are_means_of_the_steps_between_them(tmp_path):
    _, rows = run(tmp_path / "run", plan=a_plan(epochs=1))
    rows = [json.loads(line) for line in rows.splitlines()]
    assert [r["step"] for r in rows if "train_elbo" in r] == [1, 2, 3, 4, 5, 6]
    assert [r["step"] for r in rows if "test_elbo" in r] == [6]
    assert rows[-1]["epoch"] == 1.0


def test_nan_stops_with_a_sentence_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(
        Diverged, match=r"train_elbo is nan between steps 12 and 13; the last good checkpoint is .*step_000000012.ckpt"
    ):
        run(tmp_path / "run", Noisy(explode_at=12))
    assert checkpoints.latest(tmp_path / "run" / "checkpoints").step == 12


def test_another_models_checkpoint_is_refused(tmp_path):
    run(tmp_path / "run")
    state = checkpoints.latest(tmp_path / "run" / "checkpoints")
    state.arrays[0] = np.zeros(3, np.float32)
    checkpoints.save(tmp_path / "run" / "checkpoints", state)
    with pytest.raises(UserError, match="is of another model"):
        run(tmp_path / "run")


def test_means_are_over_the_steps_in_which_a_scalar_was_measured():
    class Model:
        counted_by = {"cosine": "measured", "sign": "seen"}

    sums = {"loss": 6.0, "cosine": 1.0, "measured": 2.0, "sign": 0.0, "seen": 0.0}
    assert means_of(Model(), sums, 4) == {"loss": 1.5, "cosine": 0.5}
    assert means_of(object(), {"loss": 6.0}, 4) == {"loss": 1.5}
