"""Comparisons of estimators beside a trained run: what is measured, own parameters that are trained, sentences, rows
and figure."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.estimators.base import registered
from igr_suite.families.sbn import train as train_sbn
from igr_suite.families.sbn.config import SBNConfig, TrainSBN
from igr_suite.families.sbn.model import SBN
from igr_suite.lab.running import discovery
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring import estimator_variance
from igr_suite.measuring.registered_source import registered_source
from igr_suite.plotting.estimators import label
from igr_suite.studies.comparison import train as compare_estimators
from igr_suite.studies.comparison.config import EstimatorCost, EstimatorVariance
from igr_suite.studies.comparison.rows import comparison_rows
from igr_suite.training import checkpoints
from igr_suite.training.config_parts import BinaryDataConfig

LIMITS = BinaryDataConfig(train_limit=30, evaluation_limit=10)
TRAINED = TrainSBN(model=SBNConfig(estimator="nvil", layers=1, hidden=3), data=LIMITS, seed=1)


class Subject:
    """f(b) = |b - c|^2 - 3 at logits of two images, whose logits are all that there is to differentiate."""

    names, reference, jit, own_steps = ("reinforce", "disarm", "relax"), "disarm", False, 0
    logits = tf.constant([[0.3, -1.0], [0.2, 0.8]])

    def source(self, name, fresh=False):
        def bound(h, at):
            return tf.reduce_sum(tf.square(h - 0.3), -1) - 3.0

        return registered_source(name, self.logits, bound, lambda gradient: [gradient], self.own_steps)


def test_training_lowers_the_variance_of_what_has_parameters():
    """RELAX with its net; REINFORCE has nothing to train and stays what it was."""

    def variance(name, steps):
        subject = Subject()
        subject.own_steps = steps
        (row,) = estimator_variance.measure(subject, [name], 600, 40, tf.constant([1, 2]))
        return row["logits_variance"]

    assert variance("reinforce", 100) == variance("reinforce", 0)
    assert variance("relax", 100) < 0.8 * variance("relax", 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A scale's folder with a finished run that was not trained."""
    place = tmp_path_factory.mktemp("scale")
    model = train_sbn.build_model(TRAINED, train_sbn.load_splits(TRAINED)[1]["train"])
    with RunFolder(place / TRAINED.run_id).open(TRAINED) as folder:
        checkpoints.save(folder.checkpoints, checkpoints.State(0, [np.asarray(v) for v in model.state_variables()]))
        folder.write_summary({})
    return place


def executed(config, place, execute):
    with RunFolder(place / config.run_id).open(config) as folder:
        execute(config, folder)
    return folder.summary()


def test_runs_measure_every_estimator_and_become_rows(place, monkeypatch):
    """Three of the estimators, in graph mode, because each is compiled."""
    monkeypatch.setattr(SBN, "jit_steps", False)
    few = {"estimators": ("reinforce", "nvil", "straight_through"), "images": 2}
    variance = EstimatorVariance(trained=TRAINED.run_id, **few, draws=40, reference=40, own_steps=0)
    cost = EstimatorCost(trained=TRAINED.run_id, **few, draws=2, rounds=3)
    measured = executed(variance, place, compare_estimators.measure_variance)
    timed = executed(cost, place, compare_estimators.measure_cost)
    assert measured["support"] == timed["support"] == "bernoulli"
    assert timed["estimators"]["reinforce"]["relative_cost"] == 1.0
    assert timed["estimators"]["nvil"]["processor_seconds"] > 0

    rows = comparison_rows(place, [TRAINED.run_id, variance.run_id, cost.run_id, "absent-1234"]).set_index("estimator")
    assert list(rows["variables"]) == ["bernoulli"] * 3
    ratio = (
        measured["estimators"]["reinforce"]["parameters_variance"]
        / measured["estimators"]["nvil"]["parameters_variance"]
    )
    assert rows.loc["reinforce", "relative_variance"] == pytest.approx(ratio)
    assert rows.loc["nvil", "relative_cost"] == timed["estimators"]["nvil"]["relative_cost"]
    alone = comparison_rows(place, [cost.run_id]).set_index("estimator")
    assert np.isnan(alone.loc["nvil", "relative_variance"]) and alone.loc["reinforce", "relative_cost"] == 1.0


def test_the_smoke_scale_of_the_training_comparison_measures_what_each_model_can_have():
    results = SimpleNamespace(altered=False, datasets=("mnist_5k",), require=lambda configs: None)
    measured = discovery.find("suite/training").stages[1]("smoke", results)
    for config, support in zip(measured, ("bernoulli", "categorical"), strict=True):
        assert len(config.estimators) > 1 and set(config.estimators) <= set(registered(support))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": 1}, "images must be at least 2, got 1"),
        ({"draws": 39}, "draws must be at least 40, got 39"),
        ({"own_steps": -1}, "own_steps must be at least 0, got -1"),
    ],
)
def test_a_wrong_number_is_a_sentence(change, sentence):
    with pytest.raises(UserError, match=sentence):
        EstimatorVariance(**{"trained": "a-run"} | change)


def test_another_estimator_is_a_sentence(place):
    config = EstimatorCost(trained=TRAINED.run_id, estimators=("disarn",), images=2)
    with (
        RunFolder(place / config.run_id).open(config) as folder,
        pytest.raises(UserError, match="did you mean 'disarm'"),
    ):
        compare_estimators.measure_cost(config, folder)


def test_an_absent_run_is_a_sentence(tmp_path):
    config = EstimatorCost(trained="sbn-12345678")
    with (
        RunFolder(tmp_path / config.run_id).open(config) as folder,
        pytest.raises(UserError, match="is to be measured and is not finished"),
    ):
        compare_estimators.measure_cost(config, folder)


def test_rows_are_drawn(tmp_path):
    """Two estimators of one kind, one of which is biased; what was not measured has a dash and no mark."""
    rows = [("reinforce", 2.0, 1.0, False), ("concrete", 0.02, 1.4, True), ("rebar", np.nan, 1.2, np.nan)]
    frame = pd.DataFrame(
        {
            "variables": "bernoulli",
            "estimator": name,
            "method": label(name),
            "relative_variance": variance,
            "relative_cost": cost,
            "parameters_relative_bias": 0.1 if biased == biased else np.nan,
            "parameters_p": 0.5 if biased == biased else np.nan,
            "biased": biased,
        }
        for name, variance, cost, biased in rows
    )
    module = discovery.plot_module("suite/estimators")
    drawn = {path.name for path in module.write(frame, tmp_path)}
    assert drawn >= {"figure.png", "figure.csv", "table.md"}
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [cell.strip() for cell in lines[3].split("|")[2:6]] == ["Concrete", "0.02", "1.4", "0.1 (p 0.5)*"]
    assert [cell.strip() for cell in lines[4].split("|")[2:6]] == ["REBAR", "-", "1.2", "-"]
