"""The cache of fitted priors: fitted once, read back whole, refused in a sentence when it is damaged."""

import json

import numpy as np
import pytest

from igr_suite.errors import UserError
from igr_suite.studies.fits import fit as fitting
from igr_suite.studies.fits.priors import fitted_prior, uniform_prior_config

CONFIG = uniform_prior_config("IGR_I", 5, samples=50, iterations=10, delta=0.5, temperature=0.2)


@pytest.fixture
def cached(tmp_path):
    return tmp_path, fitted_prior(CONFIG, tmp_path), *sorted((tmp_path / "priors").iterdir())


def test_a_prior_is_fitted_once_and_read_back(cached, monkeypatch):
    root, prior, described, arrays = cached
    assert (arrays.suffix, described.suffix) == (".npz", ".json")
    monkeypatch.setattr(fitting, "fit", lambda config: pytest.fail("fitted again"))
    again = fitted_prior(CONFIG, root)
    assert again.metadata == prior.metadata
    for name in ("loc", "log_scale"):
        np.testing.assert_array_equal(again.values[name], prior.values[name])
        assert again.values[name].shape == (4,)


def test_the_metadata_say_what_it_is(cached):
    metadata = json.loads(cached[2].read_text())
    wanted = {
        "categories": 5,
        "delta": 0.5,
        "temperature": 0.2,
        "model": "IGR_I",
        "seed": 0,
        "loss": "squared",
        "target": "uniform",
    }
    assert wanted.items() <= metadata.items()
    assert 0 < metadata["final_loss"] < 1


def test_another_setting_is_another_entry(cached):
    other = fitted_prior(
        uniform_prior_config("IGR_I", 5, samples=50, iterations=10, delta=0.5, temperature=0.3), cached[0]
    )
    assert other.metadata["temperature"] == 0.3
    assert len(list((cached[0] / "priors").iterdir())) == 4


def test_averaging_is_for_exchangeable_distributions(cached):
    prior = cached[1]
    assert np.ptp(prior.averaged().values["loc"]) == 0
    assert prior.averaged().values["loc"][0] == pytest.approx(prior.values["loc"].mean())
    sticks = fitted_prior(uniform_prior_config("IGR_SB_Finite", 4, samples=20, iterations=10), cached[0])
    with pytest.raises(UserError, match="not for IGR_SB_Finite"):
        sticks.averaged()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda described, arrays: arrays.write_bytes(arrays.read_bytes()[:-7]), "is damaged .its checksum"),
        (lambda described, arrays: arrays.unlink(), "is absent while"),
        (lambda described, arrays: described.write_text("{"), "is damaged .not JSON"),
        (lambda described, arrays: described.write_text("[]"), "is not a prior of schema 1"),
        (
            lambda described, arrays: described.write_text(
                described.read_text().replace('"delta": 0.5', '"delta": 0.7')
            ),
            "delta is 0.7",
        ),
    ],
)
def test_damage_is_a_sentence_with_a_way_out(cached, damage, sentence):
    root, _, described, arrays = cached
    damage(described, arrays)
    with pytest.raises(UserError, match=sentence + ".*delete .* to fit it again"):
        fitted_prior(CONFIG, root)
