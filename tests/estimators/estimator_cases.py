"""Every estimator on each of its supports, and one estimate of a small problem."""

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.estimators import get, registered
from igr_suite.estimators.conformance import enumerable_problem, perturbed
from igr_suite.randomness import run_seed

CASES = [
    pytest.param(name, support, id=f"{name}-{support}")
    for name, cls in registered().items()
    for support in cls.facts.support
]
SEED = run_seed(7, "inputs")
BATCH = 4


def batch_of(support: str, dtype=tf.float32):
    problem = enumerable_problem(support)
    scales = np.linspace(-1.5, 1.5, BATCH).reshape(BATCH, *[1] * problem.logits.ndim)
    return problem.objective, tf.cast(scales * problem.logits, dtype)


def estimated(name, objective, logits, shape=None, noise_dtype=None, **settings):
    """One estimate with perturbed parameters."""
    estimator = get(name, **settings)
    noise = estimator.noise(
        np.shape(logits) if shape is None else shape, SEED, noise_dtype or getattr(logits, "dtype", tf.float32)
    )
    return estimator.estimate(objective, logits, noise, perturbed(estimator, np.shape(logits)))
