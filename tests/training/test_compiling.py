"""IGR_COMPILER decides how a run's steps are compiled, for the whole of the run, and is never silently ignored."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.lab.running.discovery import find
from igr_suite.lab.running.experiment import expand
from igr_suite.lab.runs.compilers import CHOICES, VARIABLE, check, chosen
from igr_suite.lab.runs.interrupts import Interrupted, Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import standard_normal
from igr_suite.training import checkpoints, compiling, loop, timing
from igr_suite.training.loading import untrained
from igr_suite.training.loop import Plan, fit

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4), dtype=np.uint8)
PLAN = Plan(examples=60, batch_size=10, epochs=4, evaluate_every=2, seed=3)


class Compiled(keras.Model):
    """w <- 0.9 w + mean of the batch / 255 + noise, which is the same for both compilers."""

    scalars = ("elbo",)

    def __init__(self, jit_steps: bool = False):
        super().__init__()
        self.jit_steps, self.w = jit_steps, tf.Variable(tf.zeros(4))
        self.built = True

    def state_variables(self):
        return [self.w]

    def train_step(self, batch, seed):
        mean = tf.reduce_mean(tf.cast(batch, tf.float32), 0) / 255
        self.w.assign(0.9 * self.w + mean + standard_normal((4,), seed))
        return {"elbo": tf.reduce_sum(self.w)}


@pytest.fixture
def compiled(monkeypatch):
    """Whether XLA compiles, of every loop that is made."""
    made, real = [], loop.tf.function

    def function(*arguments, **options):
        made.append(bool(options["jit_compile"]))
        return real(*arguments, **options)

    monkeypatch.setattr(loop.tf, "function", function)
    return made


def run(path, model=None, interrupts=None):
    path.mkdir(exist_ok=True)
    model, folder = model or Compiled(), RunFolder(path)
    with contextlib.closing(folder):
        fit(model, tf.constant(IMAGES), PLAN, folder, lambda step: {}, interrupts or Interrupts())
    return model.w.numpy(), (path / "metrics.jsonl").read_bytes(), folder.meta().get(compiling.NOTE)


class AtTheSecondCall(Interrupts):
    """Asks for a stop once."""

    calls = 0

    @property
    def requested(self):
        self.calls += 1
        return self.calls == 2

    def stop(self):
        raise Interrupted(15)


@pytest.mark.parametrize("jit_steps", [False, True])
@pytest.mark.parametrize("asked", ["xla", "graph"])
def test_the_variable_decides_and_the_record_says_so(tmp_path, monkeypatch, compiled, asked, jit_steps):
    default, _, none = run(tmp_path / "default", Compiled(jit_steps))
    assert compiled == [jit_steps] and none is None
    monkeypatch.setenv(VARIABLE, asked)
    weights, _, note = run(tmp_path / "run", Compiled(jit_steps))
    assert compiled[1:] == [asked == "xla"] and note == {"asked": asked, "chosen": asked}
    np.testing.assert_allclose(weights, default, rtol=1e-5)


def test_measuring_takes_the_faster_and_leaves_the_run_as_it_was(tmp_path, monkeypatch, compiled, capsys):
    monkeypatch.setattr(compiling, "SECONDS", 0.002)
    monkeypatch.setenv(VARIABLE, "measure")
    weights, rows, note = run(tmp_path / "measured")
    rates = note["steps_per_second"]
    assert set(rates) == {"xla", "graph"} and min(rates.values()) > 0
    assert note["asked"] == "measure" and rates[note["chosen"]] == max(rates.values())
    assert compiled == [True, False, note["chosen"] == "xla"]
    assert f"the run takes {note['chosen']}" in capsys.readouterr().err
    monkeypatch.setenv(VARIABLE, note["chosen"])
    again, rows_again, _ = run(tmp_path / "asked")
    np.testing.assert_array_equal(again, weights)
    assert rows_again == rows


@pytest.mark.parametrize("slow", ["xla", "graph"])
def test_the_slower_program_is_not_taken(monkeypatch, slow):
    model, took = Compiled(), {"xla": 1.0, "graph": 1.0} | {slow: 3.0}
    now = [0.0]

    def program(name):
        def steps(orders, count, first, seed):
            model.w.assign_add(tf.ones(4))
            now[0] += took[name] * count
            return {"elbo": tf.constant(0.0)}

        return steps

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    rates = compiling.steps_per_second(
        model, {name: program(name) for name in took}, np.zeros((5, 2), np.int32), 5, tf.constant([1, 2])
    )
    assert rates == {name: round(1 / seconds, 3) for name, seconds in took.items()}
    np.testing.assert_array_equal(model.w.numpy(), np.zeros(4))


@pytest.mark.parametrize(("first", "then"), [("graph", "xla"), ("xla", None), (None, "xla")])
def test_a_run_that_goes_on_keeps_the_one_with_which_it_began(tmp_path, monkeypatch, compiled, first, then):
    def asking(name):
        monkeypatch.setenv(VARIABLE, name) if name else monkeypatch.delenv(VARIABLE, raising=False)

    asking(first)
    whole, rows, _ = run(tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(tmp_path / "pieces", interrupts=AtTheSecondCall())
    asking(then)
    again, rows_again, note = run(tmp_path / "pieces")
    assert compiled == [first == "xla"] * 3
    assert note == (first and {"asked": first, "chosen": first})
    np.testing.assert_array_equal(again, whole)
    assert rows_again == rows


def test_a_run_that_begins_with_the_checkpoint_of_another_says_which_one_it_has(tmp_path, monkeypatch, compiled):
    monkeypatch.setenv(VARIABLE, "xla")
    with pytest.raises(Interrupted):
        run(tmp_path / "short", interrupts=AtTheSecondCall())
    monkeypatch.delenv(VARIABLE)
    shutil.copytree(tmp_path / "short", tmp_path / "long", ignore=shutil.ignore_patterns("meta.json", "lock*"))
    assert run(tmp_path / "long")[2] == {"asked": None, "chosen": "xla"} and compiled == [True, True]


def test_without_the_variable_checkpoints_are_what_they_were(tmp_path):
    run(tmp_path / "run")
    assert set(checkpoints.latest(tmp_path / "run" / "checkpoints").host) == {"sums", "counted", "metrics_bytes"}


def test_a_checkpoint_that_names_no_compiler_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "graph")
    run(tmp_path / "run")
    state = checkpoints.latest(tmp_path / "run" / "checkpoints")
    assert state.host["xla"] is False
    wrong = checkpoints.State(state.step, state.arrays, state.host | {"xla": "no"})
    checkpoints.save(tmp_path / "run" / "checkpoints", wrong)
    with pytest.raises(UserError, match="not what a run saves"):
        run(tmp_path / "run")


def test_a_note_of_a_start_that_saved_nothing_is_removed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "meta.json").write_text(json.dumps({compiling.NOTE: {"asked": "xla", "chosen": "xla"}}))
    assert run(tmp_path / "run")[2] is None


def test_the_choices():
    assert chosen({}) is None is chosen({VARIABLE: ""})
    assert [chosen({VARIABLE: name}) for name in CHOICES] == list(CHOICES)
    with pytest.raises(UserError, match=r"IGR_COMPILER is 'XLA': .*known: graph, measure, xla"):
        chosen({VARIABLE: "XLA"})
    check("mirrored", {VARIABLE: "graph"})
    check(None, {VARIABLE: "measure"})
    for name in ("xla", "measure"):
        with pytest.raises(
            UserError, match=f"IGR_COMPILER is '{name}', and XLA compiles the steps for one device only"
        ):
            check("mirrored", {VARIABLE: name})


@pytest.mark.sweep
def test_the_workers_of_a_run_know_the_choice(tmp_path):
    command = [sys.executable, "-m", "igr_suite", "run", "dni/table_1", "--scale", "smoke", "--only", "bp"]
    command += ["--no-plot", "--results", str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {VARIABLE: "measure"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    notes = [json.loads(path.read_text())[compiling.NOTE] for path in tmp_path.glob("dni/table_1/smoke/*/meta.json")]
    assert notes and all(note["asked"] == "measure" and len(note["steps_per_second"]) == 2 for note in notes)


KINDS = {
    "TrainVAE": "igr/discrete_vae",
    "TrainMixture": "igr/neurips_table_dlgmm",
    "TrainStructured": "igr/table_3_structured_output",
    "TrainSBN": "rebar/tracking",
    "TrainRelax": "igr/neurips_table_relax",
    "TrainHardVAE": "suite/training",
    "TrainDReG": "dreg/figure_2_mnist",
    "TrainDNI": "dni/table_1",
    "TrainCopyRNN": "dni/rnn_copy",
    "TrainHalfMNIST": "half_mnist/estimator_comparison",
}


@pytest.mark.sweep
@pytest.mark.parametrize("kind", KINDS)
def test_both_compilers_make_the_same_first_step(tmp_path, kind):
    """But for dynamic binarisation, whose uniform numbers each makes of random bits in its own way."""
    expansion = expand(find(KINDS[kind]), "smoke", tmp_path)
    config = next(config for config in expansion.runs.values() if type(config).__name__ == kind)
    if kind == "TrainDReG":
        config = config.with_values({"data.binarisation": "static"})
    scalars = {}
    for xla in (False, True):
        training = untrained(config, RunFolder(tmp_path / str(xla)))
        steps = loop.compiled_steps(training.model, tf.constant(training.rows), training.plan.batch_size, xla=xla)
        scalars[xla] = steps(training.plan.orders(0, 1), 1, 0, tf.constant([3, 4]))
    assert scalars[True].keys() == scalars[False].keys()
    for name, value in scalars[True].items():
        assert value.numpy() == pytest.approx(scalars[False][name].numpy(), rel=1e-3, abs=1e-5), name
