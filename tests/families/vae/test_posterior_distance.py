"""Posterior distances: a checkpoint gives what the live model gives, settings reach the trained run, absent things are
sentences."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError
from igr_suite.families.vae import posterior_distance, presets
from igr_suite.families.vae import train as train_vae
from igr_suite.families.vae.config import ModelConfig
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.lab.runs.config import config_from_json, config_to_json, replace_parts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import at_step, run_seed
from igr_suite.relaxations import distance_to_vertex
from igr_suite.training.executor import flat, load_images

TRAINED = replace_parts(
    presets.default("IGR_Planar_Dis", epochs=2, importance_samples=1, limit=120, seed=4),
    model={"architecture": "linear", "variables": 3, "categories": 4, "temperature": 0.3},
    schedule={"batch_size": 40},
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(scale folder with the finished run, the live model at its end)."""
    place, models = tmp_path_factory.mktemp("scale"), []
    build = train_vae.build_model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_vae, "build_model", lambda *arguments: models.append(build(*arguments)) or models[-1])
        with RunFolder(place / TRAINED.run_id).open(TRAINED) as folder:
            train_vae.execute(TRAINED, folder)
    return place, models[0]


def measured(config: PosteriorDistance, place) -> dict:
    with RunFolder(place / config.run_id).open(config) as folder:
        posterior_distance.execute(config, folder)
    return folder.summary()


def test_a_checkpoint_gives_the_distances_of_the_live_model(trained, monkeypatch, golden):
    """Batches of 50 of 120 images, 7 samples, 3 variables: every percentile from numpy on the live model's draws."""
    place, model = trained
    monkeypatch.setattr(posterior_distance, "CODES_A_CALL", 50 * 7 * 3)
    config = PosteriorDistance(trained=TRAINED, samples=7)
    found = measured(config, place)
    golden("posterior_distance", RunFolder(place / TRAINED.run_id), RunFolder(place / config.run_id))
    images = flat(load_images(TRAINED).test)
    seed, parts = run_seed(4, "posterior distance/test"), []
    for number, begin in enumerate(range(0, 120, 50)):
        observed = to_unit_interval(
            tf.constant(images[begin : begin + 50]), "static", at_step(seed, tf.constant(2 * number))
        )
        draw = model.latent.sample(model.encoder(observed), 7, at_step(seed, tf.constant(2 * number + 1))).draw
        parts.append(distance_to_vertex(draw.sample).numpy())
    distances = np.concatenate(parts, axis=1)
    assert distances.shape == (7, 120, 3)
    assert (found["images"], found["codes"], found["trained_run"]) == (120, 7 * 120 * 3, TRAINED.run_id)
    over_images = np.median(distances.mean(-1), axis=0)
    for percentile in (5, 10, 20, 25, 50, 75, 90, 95):
        assert found["image"][f"p{percentile:02d}"] == pytest.approx(np.percentile(over_images, percentile), rel=1e-4)
        assert found["sample"][f"p{percentile:02d}"] == pytest.approx(
            np.percentile(distances, percentile), rel=1e-4, abs=1e-6
        )
    assert found["sample"]["below_0.2"] == pytest.approx(np.mean(distances < 0.2), abs=1e-3)
    assert "p50_se" in found["image"] and "p50_se" not in found["sample"], "codes of one image are not independent"


def test_the_untrained_model_has_other_distances(trained):
    """What would be measured if the checkpoint were not put into the model."""
    place, model = trained
    images = flat(load_images(TRAINED).validation)
    seed = run_seed(4, "posterior distance/validation")
    untrained = train_vae.build_model(TRAINED, load_images(TRAINED))
    first, second = (posterior_distance.distance_function(m, 20, seed)(images, 0).mean() for m in (model, untrained))
    found = measured(PosteriorDistance(trained=TRAINED, samples=20, split="validation"), place)
    assert found["sample"]["mean"] == pytest.approx(first, rel=1e-4)
    assert abs(first - second) > 1e-3


def test_settings_reach_the_trained_run():
    config = PosteriorDistance(trained=TRAINED)
    changed = config.with_values(
        {"model.temperature": "0.5", "samples": "9", "schedule.epochs": "3", "learning_rate": "0.01"}
    )
    assert changed.samples == 9
    assert changed.trained == TRAINED.with_values(
        {"model.temperature": "0.5", "schedule.epochs": "3", "learning_rate": "0.01"}
    )
    assert changed.run_id != config.run_id
    other = config.with_values({"model.name": "GS_Dis"}).trained
    assert other == TRAINED.with_values({"model.name": "GS_Dis"}) and other.model.delta is None
    assert config_from_json(config_to_json(changed)) == changed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model.temperatur": "1"}, "did you mean 'model.temperature'"),
        ({"samples": "0"}, "samples must be at least 1, got 0"),
        ({"split": "train"}, "split must be one of"),
        ({"model.name": "VAE"}, "is not used by VAE|for models whose names end in _Dis, not for VAE"),
    ],
)
def test_a_wrong_option_is_a_sentence(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        PosteriorDistance(trained=TRAINED).with_values(changes)


def test_gaussian_latents_have_no_vertices():
    with pytest.raises(UserError, match="names end in _Dis, not for VAE"):
        PosteriorDistance(trained=replace_parts(presets.default("VAE")))


def test_a_run_without_its_checkpoint_says_how_to_get_it(trained, tmp_path):
    place, _ = trained
    config = PosteriorDistance(trained=TRAINED)
    with pytest.raises(UserError, match="is to be measured and is not finished"):
        measured(config, tmp_path)
    shutil.copytree(place / TRAINED.run_id, tmp_path / TRAINED.run_id, ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(UserError, match=r"has no checkpoint .*copy that folder too, or delete .*trains it anew"):
        measured(config, tmp_path)
    shutil.copytree(place / TRAINED.run_id / "checkpoints", tmp_path / TRAINED.run_id / "checkpoints")
    for path in (tmp_path / TRAINED.run_id / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match="truncated or damaged"):
        measured(config, tmp_path)


def test_another_run_under_the_name_is_refused(trained, tmp_path):
    place, _ = trained
    shutil.copytree(place / TRAINED.run_id, tmp_path / "elsewhere")
    other = replace_parts(TRAINED, schedule={"epochs": 3})
    with pytest.raises(UserError, match="holds another run than"):
        posterior_distance.trained_model(other, tmp_path / "elsewhere")
    assert ModelConfig(name="GS_Dis") != TRAINED.model
