"""A wrong fit is refused in a sentence before anything starts, and unused options are errors."""

import subprocess
import sys

import pytest

from igr_suite.errors import UserError
from igr_suite.studies.fits.config import FitDiscrete


def config(**changes):
    return FitDiscrete(**({"target": "poisson", "model": "IGR_SB", "categories": 40} | changes))


def test_resolved_defaults_are_the_papers():
    sticks, gs = config(), config(model="GS")
    assert (sticks.temperature, sticks.loss, sticks.threshold, sticks.quantile) == (0.01, "squared", 0.9, 70.0)
    assert (gs.temperature, gs.loss, gs.threshold, gs.delta) == (0.1, "kl", None, None)
    assert config(target="binomial").trials == 40
    assert FitDiscrete.from_dict(sticks.to_dict()) == sticks
    assert config(threshold=0.9).run_id == sticks.run_id, "a default that is given is no other run"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "GS", "threshold": 0.9}, "threshold=0.9 is not used by GS, only by IGR_SB; leave it out"),
        ({"model": "IGR_SB_Log", "delta": 1.0}, "delta=1.0 is not used by IGR_SB_Log"),
        ({"trials": 12}, "trials=12 is not used by the target poisson"),
        ({"temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"iterations": 15}, "iterations must be a multiple of 10"),
        ({"samples": 0}, "samples must be at least 1, got 0"),
        ({"threshold": 1.0}, "threshold must lie between 0 and 1"),
        ({"quantile": 101.0}, "quantile is a percentile"),
        ({"tolerance": -1.0}, "tolerance must not be negative"),
        ({"target": "discrete", "categories": 9}, "categories must be at least 10 for the target discrete"),
        ({"target": "discrete", "model": "GS", "categories": 11}, "loss=kl is infinite here"),
        ({"target": "poison"}, "poison"),
        ({"model": "IGR_SBB"}, "IGR_SBB"),
    ],
)
def test_errors_are_sentences(changes, sentence):
    with pytest.raises(UserError, match=sentence.replace("(", r"\(")):
        config(**changes)


def test_configs_and_cached_priors_import_neither_tensorflow_nor_scipys_distributions():
    code = (
        "import sys, igr_suite.studies.fits.priors as p; p.uniform_prior_config('GS', 10, loss='kl'); "
        "sys.exit('tensorflow' in sys.modules or 'scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
