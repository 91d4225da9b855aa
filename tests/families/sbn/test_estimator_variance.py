"""Estimators compared at frozen weights: variances and biases of an enumerable network, and the verb on a run of
seconds."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sbn_enumeration import images_of, joint_terms, states, tiny_model

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.families.sbn.subject import SBNSubject
from igr_suite.measuring import estimator_variance

SEED = tf.constant([3, 11], tf.int32)
DRAWS = 20_000


@functools.cache
def one_layer():
    model = tiny_model(layers=1, hidden=3, estimator="nvil")
    x = tf.constant(images_of(model))
    names = ("reinforce", "disarm", "rebar", "straight_through", "concrete")
    return (
        model,
        x,
        {
            row["estimator"]: row
            for row in estimator_variance.measure(SBNSubject(model, x, SEED), names, DRAWS, DRAWS, SEED)
        },
    )


def logits_of(model, x):
    weights, bias = model.weights_by_network["q_0"]
    return (x - model.mean) @ weights + bias


def test_variance_of_reinforce_is_the_enumerated_one():
    """95% intervals of 20 groups, taken five times as wide: a false alarm below 1e-6; a factor of 1.15 in the variance
    is detected."""
    model, x, rows = one_layer()
    log_q, value = (t.numpy() for t in joint_terms(model, x))
    scores = states(3)[:, None] - tf.sigmoid(logits_of(model, x)).numpy()
    gradient = value[..., None] * scores
    q = np.exp(log_q)[..., None]
    exact = float(np.mean((q * gradient**2).sum(0) - (q * gradient).sum(0) ** 2))
    row = rows["reinforce"]
    half = row["logits_variance_high"] - row["logits_variance"]
    assert abs(row["logits_variance"] - exact) < 5 * half, (row["logits_variance"], exact)
    assert 5 * half < 0.15 * exact


def test_variance_of_disarm_is_the_enumerated_one():
    """As above; each unit's pair (b, b') takes three values, docs/papers/rebar.md, section 8 (ii)."""
    model, x, rows = one_layer()
    theta = tf.sigmoid(logits_of(model, x)).numpy()
    _, value = (t.numpy() for t in joint_terms(model, x))
    index = {tuple(state): i for i, state in enumerate(states(3))}
    first, second = 0.0, 0.0
    for pairs in itertools.product(((1, 0), (0, 1), (0, 0), (1, 1)), repeat=3):
        b, other = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], float)
        low = np.minimum(theta, 1 - theta)
        by_unit = np.select(
            [b != other, (b == 0) & (theta < 0.5), (b == 1) & (theta >= 0.5)], [low, 1 - 2 * theta, 2 * theta - 1], 0.0
        )
        gap = 0.5 * (value[index[tuple(b)]] - value[index[tuple(other)]])[:, None]
        gradient = gap * (b != other) * (1 - 2 * other) * np.maximum(theta, 1 - theta)
        weight = by_unit.prod(-1)[:, None]
        first, second = first + weight * gradient, second + weight * gradient**2
    exact = float(np.mean(second - first**2))
    row = rows["disarm"]
    half = row["logits_variance_high"] - row["logits_variance"]
    assert abs(row["logits_variance"] - exact) < 5 * half, (row["logits_variance"], exact)
    assert 5 * half < 0.15 * exact


def test_only_biased_estimators_are_called_biased():
    """At p < 1e-3 each; the seed is fixed. Biases of straight-through and Concrete are of the gradient's own size
    here."""
    rows = one_layer()[2]
    assert {name: row["biased"] for name, row in rows.items()} == {
        "reinforce": False,
        "disarm": False,
        "rebar": False,
        "straight_through": True,
        "concrete": True,
    }


@pytest.mark.sweep
def test_historical_control_variate_of_two_layers_is_called_biased_and_nvil_is_not():
    model = tiny_model(layers=2, estimator="rebar", multilayer_cv="historical", temperature=0.5)
    x = tf.constant(images_of(model))
    rows = {
        row["estimator"]: row
        for row in estimator_variance.measure(SBNSubject(model, x, SEED), ("rebar", "nvil"), DRAWS, DRAWS, SEED)
    }
    assert rows["rebar"]["biased"]
    assert not rows["nvil"]["biased"]
    assert (rows["rebar"]["hard"], rows["rebar"]["relaxed"]) == (1, 2)


@pytest.mark.sweep
def test_registered_estimators_are_measured_on_two_layers_as_they_train():
    """Evaluations are those of the general path; the straight-through gradient is biased."""
    model = tiny_model(layers=2, estimator="disarm")
    x = tf.constant(images_of(model))
    names = ("disarm", "lax", "straight_through")
    subject = SBNSubject(model, x, SEED)
    assert set(names) <= set(subject.names)
    measured = estimator_variance.measure(subject, names, DRAWS // 4, DRAWS // 20, SEED, against="local_expectation")
    rows = {row["estimator"]: row for row in measured}
    assert {name: row["biased"] for name, row in rows.items()} == dict.fromkeys(names, False) | {
        "straight_through": True
    }
    evaluations = {name: (row["hard"], row["relaxed"]) for name, row in rows.items()}
    assert evaluations == {"disarm": (3, 0), "lax": (1, 2), "straight_through": (1, 0)}


def test_squared_norm_and_bias_of_known_vectors():
    """A shift of half a standard deviation in each of 50 dependent entries is found; the same vectors without it give a
    p above 0.01."""
    noise = np.random.default_rng(0).normal(size=(20, 50)) + np.random.default_rng(1).normal(size=(20, 1))
    shift = 0.5 * np.where(np.arange(50) % 2, 1.0, -1.0)
    assert estimator_variance.bias_test(noise, np.zeros_like(noise))["p"] > 0.01
    found = estimator_variance.bias_test(noise + shift, np.zeros_like(noise))
    assert found["p"] < 1e-3
    assert found["bias"] == pytest.approx(0.5 * np.sqrt(50), rel=0.3)
    constant = np.ones((20, 3))
    assert estimator_variance.squared_norm(constant) == pytest.approx(3.0)


def test_unknown_names_and_other_bounds_are_refused():
    model, x, _ = one_layer()
    with pytest.raises(UserError, match="vimco estimates the gradient of another target"):
        estimator_variance.measure(SBNSubject(model, x, SEED), ["vimco"], DRAWS, DRAWS, SEED)
    with pytest.raises(UserError, match="disarn is unknown.*disarm"):
        estimator_variance.measure(SBNSubject(model, x, SEED), ["disarn"], DRAWS, DRAWS, SEED)
    with pytest.raises(UserError, match="--against: disarn is unknown.*disarm"):
        estimator_variance.measure(SBNSubject(model, x, SEED), ["disarm"], DRAWS, DRAWS, SEED, against="disarn")
    with pytest.raises(UserError, match="--against: concrete is biased itself; take local_expectation"):
        estimator_variance.measure(SBNSubject(model, x, SEED), ["disarm"], DRAWS, DRAWS, SEED, against="concrete")


def test_the_verb_writes_table_and_figure(tmp_path, capsys):
    from igr_suite.families.sbn.config import SBNConfig, SBNEvaluationConfig, TrainSBN
    from igr_suite.families.sbn.train import build_model, load_splits
    from igr_suite.lab.runs.store import RunFolder
    from igr_suite.training import checkpoints
    from igr_suite.training.config_parts import BinaryDataConfig, StepScheduleConfig

    config = TrainSBN(
        model=SBNConfig(estimator="nvil", layers=1, hidden=4),
        data=BinaryDataConfig(name="mnist_5k", train_limit=48, evaluation_limit=24),
        schedule=StepScheduleConfig(epochs=1),
        evaluation=SBNEvaluationConfig(importance_samples=2),
    )
    # as after a run, but untrained: nothing has to be compiled for that
    with RunFolder(tmp_path / "run").open(config) as folder:
        model = build_model(config, load_splits(config)[1]["train"])
        arrays = [variable.numpy() for variable in model.state_variables()]
        checkpoints.save(folder.checkpoints, checkpoints.State(0, arrays))
        folder.write_summary({})
    assert (
        main(
            [
                "variance",
                str(folder.path),
                "--estimators",
                "disarm,nvil",
                "--draws",
                "40",
                "--reference",
                "40",
                "--images",
                "3",
            ]
        )
        == 0
    )
    shown = capsys.readouterr()
    assert "DisARM" in shown.out
    assert "nvil: 40 of 40 draws" in shown.err and "reference local_expectation: 40 of 40 draws" in shown.err
    assert "Biases: against local expectation." in shown.out
    rows = pd.read_csv(folder.path / "variance.csv").set_index("estimator")
    assert set(rows.index) == {"disarm", "nvil"}
    assert (rows["parameters_variance"] > 0).all()
    assert (folder.path / "variance.png").exists()
    assert main(["variance", str(tmp_path)]) == 2
    assert "no config.json" in capsys.readouterr().err
