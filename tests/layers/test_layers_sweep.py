"""Every relaxation under every policy in a model that is fitted under XLA, saved and loaded; and two replicas."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from layer_cases import NAMES, POLICIES

from igr_suite.layers import RelaxedCategorical

# Keras's files read variables in a way that NumPy 2 warns of
pytestmark = [
    pytest.mark.sweep,
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]
HERE = Path(__file__).parent


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_and_is_loaded(name, policy, tmp_path):
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        rng = np.random.default_rng(0)
        x = (rng.normal(size=(200, 4)) @ rng.normal(size=(4, 30)) > 0).astype(np.float32)
        inputs = keras.Input((30,))
        code = RelaxedCategorical(4, 5, name, kl_weight=1 / 30, seed=0, name="code")(inputs)
        hidden = keras.layers.Dense(16, "relu")(keras.layers.Flatten()(code))
        model = keras.Model(inputs, keras.layers.Dense(30, dtype="float32")(hidden))
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
        losses = model.fit(x, x, batch_size=50, epochs=8, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
        assert again.evaluate(x, x, verbose=0) == pytest.approx(model.evaluate(x, x, verbose=0), abs=1e-3)
        codes = keras.Model(inputs, model.get_layer("code").output).predict(x[:2], verbose=0)
        assert codes.shape == (2, 4, 5) and np.max(np.abs(codes.astype(float).sum(-1) - 1)) < 2e-2
    finally:
        keras.config.set_dtype_policy(before)


def test_two_replicas_draw_the_rows_of_the_whole_batch():
    """Weights and losses of all three layers after three steps."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    program = [sys.executable, "-W", "ignore", str(HERE / "layers_on_two_devices.py")]
    done = subprocess.run(program, capture_output=True, text=True, env=variables, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    apart = json.loads(done.stdout.splitlines()[-1])
    assert apart["apart"] < 1e-5 and apart["losses"] < 1e-5, apart
