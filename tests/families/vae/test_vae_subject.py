"""Estimators compared at the weights of discrete VAEs: the enumerated variance of REINFORCE, biases, and who is
refused."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from sweeps import few

from igr_suite.cli.main import main
from igr_suite.errors import UserError
from igr_suite.families.hard_vae import subject as relax_subject
from igr_suite.families.hard_vae import train as train_relax
from igr_suite.families.hard_vae.config import RelaxModelConfig, TrainRelax
from igr_suite.families.vae import subject as vae_subject
from igr_suite.families.vae import train as train_vae
from igr_suite.families.vae.presets import default, g2
from igr_suite.lab.runs.config import replace_parts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring import estimator_variance
from igr_suite.training import checkpoints
from igr_suite.training.executor import flat, load_images

SEED = tf.constant([5, 7], tf.int32)
DRAWS = 4_000


def small(name):
    """2 variables of 3 categories on the smallest network."""
    config = default(name, limit=100, importance_samples=1)
    return replace_parts(config, model={"architecture": "linear", "variables": 2, "categories": 3})


def subject_of(config):
    family, subject = (train_relax, relax_subject) if isinstance(config, TrainRelax) else (train_vae, vae_subject)
    dataset = load_images(config)
    model = family.build_model(config, dataset)
    generator = np.random.default_rng(1)
    for variable in model.encoder.trainable_variables:
        variable.assign(variable + 0.2 * generator.normal(size=variable.shape))  # else q is nearly uniform
    return subject.subject_of(model, tf.constant((flat(dataset.train[:3]) >= 128).astype(np.float32)))


@functools.cache
def measured():
    subject = subject_of(small("GS_Dis"))
    names = ("reinforce", "rebar", "straight_through")
    return subject, {row["estimator"]: row for row in estimator_variance.measure(subject, names, DRAWS, DRAWS, SEED)}


def enumerated_reinforce(subject):
    """Variance of every entry of f(b) (b - theta), averaged over entries and images."""
    theta = tf.nn.softmax(subject.logits).numpy().astype(float)
    codes = np.array([np.eye(3)[[i, j]] for i in range(3) for j in range(3)])  # [9, 2, 3]
    # [9, 3]
    value = (
        subject.bound(tf.constant(np.repeat(codes[:, None], 3, 1), tf.float32), subject.logits).numpy().astype(float)
    )
    q = np.exp(np.einsum("svk,nvk->sn", codes, np.log(theta)))[..., None, None]
    gradient = value[..., None, None] * (codes[:, None] - theta)  # [9, 3, 2, 3]
    return float(np.mean((q * gradient**2).sum(0) - (q * gradient).sum(0) ** 2))


@pytest.mark.sweep
def test_variance_of_reinforce_is_the_enumerated_one():
    """95% intervals of 20 groups, taken five times as wide: a false alarm below 1e-6; a factor of 1.2 in the variance
    is detected."""
    subject, rows = measured()
    row, exact = rows["reinforce"], enumerated_reinforce(subject)
    half = row["logits_variance_high"] - row["logits_variance"]
    assert abs(row["logits_variance"] - exact) < 5 * half, (row["logits_variance"], exact)
    assert 5 * half < 0.2 * exact


def test_only_straight_through_is_called_biased():
    rows = measured()[1]
    assert {name: row["biased"] for name, row in rows.items()} == {
        "reinforce": False,
        "rebar": False,
        "straight_through": True,
    }
    assert all(row["parameters_variance"] > 0 for row in rows.values())


@pytest.mark.parametrize(
    "name",
    few(["Relax_GS_Dis", "Relax_Ber_Dis", "Relax_IGR", "IGR_I_Dis"], {"Relax_Ber_Dis", "IGR_I_Dis"}.__contains__),
)
def test_logits_are_those_of_the_distribution_and_the_bound_is_the_model_s(name):
    if name == "IGR_I_Dis":
        config = small(name)
    else:
        shape = {"variables": 2} | ({} if name == "Relax_Ber_Dis" else {"categories": 3})
        start = TrainRelax(model=RelaxModelConfig(name=name, architecture="linear", **shape))
        config = replace_parts(start, data={"train_limit": 100, "evaluation_limit": 100})
    subject = subject_of(config)
    bernoulli = name == "Relax_Ber_Dis"
    states = 2 if bernoulli else 3
    assert subject.logits.shape == ((3, 2) if bernoulli else (3, 2, 3))
    grid = [(i, j) for i in range(states) for j in range(states)]
    codes = np.array(grid, float) if bernoulli else np.array([np.eye(3)[list(pair)] for pair in grid])
    tiled = tf.constant(np.repeat(codes[:, None], 3, 1), tf.float32)
    bound = subject.bound(tiled, subject.logits)
    # -log q + V log(states), q's own total is 1
    likelihood_free = bound - subject.bound(tiled, tf.zeros_like(subject.logits))
    total = tf.reduce_sum(tf.exp(-likelihood_free - 2 * np.log(states)), 0)
    np.testing.assert_allclose(total, 1.0, rtol=1e-4)
    gradient = tf.ones_like(subject.logits) * tf.reshape(
        tf.range(float(subject.logits.shape.num_elements())), subject.logits.shape
    )
    pulled = subject.vjp(gradient)
    step, weights = 1e-2, subject.weights
    before = tf.reduce_sum(subject.logits * gradient)
    direction = [g / tf.linalg.global_norm(pulled) for g in pulled]
    for variable, towards in zip(subject.model.encoder.trainable_variables, direction):
        variable.assign_add(step * towards)
    subject.weights = [v.value for v in subject.model.encoder.trainable_variables]
    after = tf.reduce_sum(subject.logits_of(subject.x) * gradient)
    np.testing.assert_allclose(after - before, step * tf.linalg.global_norm(pulled), rtol=0.15)
    assert len(pulled) == len(weights)


def test_the_verb_takes_a_vae_and_refuses_distributions_without_an_argmax_distribution(tmp_path, capsys):
    def finished(config, name):
        model = train_vae.build_model(config, load_images(config))
        with RunFolder(tmp_path / name).open(config) as folder:  # as after a run, but untrained
            arrays = [np.asarray(variable) for variable in model.state_variables()]
            checkpoints.save(folder.checkpoints, checkpoints.State(0, arrays))
            folder.write_summary({})
        return str(folder.path)

    options = ["--estimators", "rloo,straight_through", "--draws", "40", "--reference", "40", "--images", "3"]
    assert main(["variance", finished(small("GS_Dis"), "gs"), *options]) == 0
    assert "| ST " in capsys.readouterr().out
    assert main(["variance", finished(small("IGR_SB_Finite_Dis"), "sb"), *options]) == 2
    assert "IGR_SB_Finite_Dis has no distribution of one-hot codes alone" in capsys.readouterr().err


def test_joint_models_are_refused(tmp_path):
    config = replace_parts(g2("GS", limit=256), data={"name": "mnist_5k"})
    with pytest.raises(UserError, match="GS has no distribution of one-hot codes alone"):
        vae_subject.load(RunFolder(tmp_path), config, 3, SEED)
