"""The guide to the layers runs as it stands, and what it prints is so."""

import re

import guides
import keras
import numpy as np
import pytest


# Keras's files read variables in a way that NumPy 2 warns of
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_the_guide_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)  # it saves a model
    keras.utils.set_random_seed(0)
    scope = guides.run_python("use_a_layer.md")
    printed = capsys.readouterr().out
    before, after = map(float, re.search(r"loss ([\d.]+) -> ([\d.]+)", printed).groups())
    assert after < 0.8 * before
    bound, kl = re.search(r"ELBO (-\d+) nats, of which KL ([\d.]+)", printed).groups()
    assert -220 < float(bound) < -100 and 1 < float(kl) < 40
    steps, temperature = re.search(r"after (\d+) steps: temperature ([\d.]+)", printed).groups()
    assert int(steps) == 40 and float(temperature) == pytest.approx(1.0 - 0.8 * 40 / 60, abs=0.01)
    np.testing.assert_array_equal(np.sort(scope["codes"], -1)[..., -2:], np.broadcast_to([0.0, 1.0], (3, 10, 2)))
