"""Belief networks at the neighbours of samples: rank-one changes of the first map give what evaluations at values
give."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import images_of, tiny_model

from igr_suite.discrete.chain import LocalObjective, hard_pass
from igr_suite.estimators.neighbours import Neighbours
from igr_suite.families.sbn.chain import SBNChain
from igr_suite.randomness import at_step, run_seed, uniform


@pytest.mark.parametrize(
    "network",
    [
        {"layers": 1},
        {"layers": 2},
        {"layers": 2, "nonlinear": True},
        {"layers": 2, "task": "sp"},
        {"layers": 2, "task": "sp", "sp_generator": "historical"},
    ],
    ids=str,
)
@pytest.mark.parametrize("whole", [False, True])
def test_neighbours_have_the_values_of_the_general_form(network, whole):
    """Every layer's local signal, and the whole bound; 1e-10."""
    model = tiny_model(estimator="reinforce", hidden=5, spread=0.5, **network)
    x = tf.constant(images_of(model))
    chain = SBNChain(model.model, model.networks.observe(x, model.mean))
    seed = run_seed(1, "neighbours")
    uniforms = [uniform((len(x), 5), at_step(seed, tf.constant(k)), tf.float64) for k in range(network["layers"])]
    hard = hard_pass(chain, uniforms)
    for layer, samples in enumerate(hard.samples):
        objective = LocalObjective(chain, layer, hard, uniforms, whole)
        neighbours = Neighbours(samples, tf.constant([0, 3, 4]))
        values = objective.at_neighbours(neighbours)
        assert values.shape == (3, 1, len(x)) and np.ptp(values) > 0.01
        np.testing.assert_allclose(values, objective(neighbours.values()), rtol=1e-10)
