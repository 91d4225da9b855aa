"""The closed-form derivatives of V = |g|^2 / P by the control variate's parameters are those of V at fixed noise."""

import numpy as np
import pytest
import tensorflow as tf
from sbn_enumeration import flat_gradient, tiny_model
from sweeps import few

STEP = 1e-5


@pytest.mark.parametrize(
    ("layers", "nonlinear", "eta_scope", "task", "multilayer_cv"),
    few(
        [
            (1, True, "network", "sp", "corrected"),
            (2, False, "variable", "density", "corrected"),
            (2, False, "variable", "density", "historical"),
            (2, True, "variable", "density", "historical"),
            (2, True, "layer", "sp", "corrected"),
            (3, False, "unit", "density", "historical"),
            (3, True, "variable", "density", "joint"),
        ],
        lambda case: case[2] in ("network", "layer"),
    ),
)
def test_derivatives_of_the_variance_objective(layers, nonlinear, eta_scope, task, multilayer_cv):
    """Every eta and the temperature, and six entries of each baseline tensor, against central differences; rel 1e-5."""
    model = tiny_model(
        pixels=6,
        hidden=3,
        layers=layers,
        nonlinear=nonlinear,
        eta_scope=eta_scope,
        task=task,
        multilayer_cv=multilayer_cv,
        spread=0.7,
    )
    generator = np.random.default_rng(5)
    x = tf.constant(generator.integers(0, 2, (4, 6)).astype(float))
    uniforms = [tf.constant(generator.uniform(0.02, 0.98, (4, 3))) for _ in range(layers)]

    @tf.function(autograph=False)
    def objective():
        gradients, by_controls, *_ = model.step_gradients(x, uniforms)
        return tf.reduce_mean(tf.square(flat_gradient(model, gradients["dynamic_rebar"]))), by_controls

    analytic = [np.asarray(g) for g in objective()[1]]
    checked = 0
    for variable, gradient in zip(model.controls, analytic, strict=True):
        value = variable.numpy()
        entries = list(np.ndindex(value.shape))
        for entry in (
            entries if len(entries) <= 30 else [entries[i] for i in generator.choice(len(entries), 6, replace=False)]
        ):
            moved = []
            for sign in (1, -1):
                step = np.zeros_like(value)
                step[entry] = sign * STEP
                variable.assign(value + step)
                moved.append(float(objective()[0]))
            variable.assign(value)
            numeric = (moved[0] - moved[1]) / (2 * STEP)
            np.testing.assert_allclose(
                gradient[entry], numeric, rtol=1e-5, atol=1e-8 * max(1.0, moved[0]), err_msg=f"{variable.shape} {entry}"
            )
            checked += abs(gradient[entry]) > 1e-4
    assert checked >= 3, "the derivatives must not be all zero"
