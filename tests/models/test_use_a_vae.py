"""The guide to `igr_suite.models.VAE` runs as it stands, and what it prints is so."""

import re

import guides
import keras
import numpy as np
import pytest


@pytest.mark.sweep  # half a minute; tests/docs runs a shorter VAE, of the site's first page
# Keras's files read variables in a way that NumPy 2 warns of
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_the_guide_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)  # it saves a model
    keras.utils.set_random_seed(0)
    scope = guides.run_python("use_a_vae.md")
    printed = capsys.readouterr().out
    first, last, test = map(float, re.search(r"bound (-\d+) -> (-\d+) nats, test (-\d+)", printed).groups())
    assert first + 50 < last and abs(last - test) < 40
    others = [tuple(map(float, pair)) for pair in re.findall(r"^(-\d+) -> (-\d+) nats", printed, re.M)]
    assert len(others) == 4 and all(before + 20 < after for before, after in others), others
    assert scope["likelihoods"].shape == (200,) and scope["likelihoods"].mean() > scope["before"]
    assert scope["codes"].shape == (200, 30) and set(np.unique(scope["codes"])) == {0.0, 1.0}
    assert scope["images"].shape == (16, 784) and scope["copies"].shape == scope["same"].shape == (200, 784)
