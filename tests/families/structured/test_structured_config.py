"""Configs of structured output prediction: defaults by architecture, refused options, the original's keys."""

import pytest

from igr_suite.errors import UserError
from igr_suite.families.structured.config import StructuredModelConfig, StructuredOptimiserConfig, TrainStructured
from igr_suite.families.structured.presets import g2, g3
from igr_suite.training.config_parts import DataConfig


def test_architectures_decide_width_and_scale():
    old, new = StructuredModelConfig(architecture="g2_linear"), StructuredModelConfig()
    assert (old.units, old.scale) == (200, "learned")
    assert (new.units, new.scale) == (240, "unit")
    assert StructuredModelConfig(name="GS").scale is None
    assert StructuredModelConfig(name="GS").noise == "logistic"
    assert StructuredModelConfig(temperature_use="historical").temperature is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "GS", "scale": "unit"}, "model.scale=unit is not used by GS, only by IGR_I, IGR_Planar, IGR_SB"),
        ({"name": "IGR_I", "noise": "historical"}, "model.noise=historical is not used by IGR_I, only by GS"),
        ({"name": "IGR_I", "planar_norm": "squared"}, "only by IGR_Planar"),
        (
            {"temperature": 0.5, "temperature_use": "historical"},
            "model.temperature=0.5 is not used with model.temperature_use=historical",
        ),
        ({"temperature": 0.0}, "model.temperature must be positive, got 0.0"),
        ({"units": 0}, "model.units must be at least 1, got 0"),
    ],
)
def test_options_that_nothing_reads_are_errors(options, sentence):
    with pytest.raises(UserError, match=sentence):
        StructuredModelConfig(**options)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"data.name": "celeb_a"}, "takes 28x28 images of black and white pixels"),
        ({"data.binarisation": "dynamic"}, "both halves are thresholded"),
        ({"evaluation.pictures": 2, "data.evaluation_limit": 52}, "shows test image 52, and there are 52"),
        ({"evaluation.samples": 0}, "evaluation.samples must be at least 1"),
        ({"optimiser.decay": None}, "go together"),
        ({"optimiser.least_learning_rate": 0.0}, "optimiser.least_learning_rate must be positive"),
        ({"width_height": "28,28,1"}, "width_height must be"),
        ({"model_type": "IGR_Dis"}, "unknown model_type 'IGR_Dis'"),
        (
            {"temp": 0.3, "model.temperature": 0.5},
            "model.temperature is set twice, to 0.5 by model.temperature=0.5 and to 0.3 by temp=0.3",
        ),
        ({"sample_siz": 5}, "did you mean 'sample_size'"),
    ],
)
def test_bad_input_is_a_sentence(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainStructured().with_values(settings)


def test_the_originals_settings_are_understood():
    settings = {
        "model_type": "GS_Dis",
        "temp": "0.67",
        "sample_size": 5,
        "learning_rate": "3e-4",
        "batch_n": 64,
        "epochs": 50,
    }
    settings |= {
        "architecture": "double_linear",
        "width_height": "(14, 28, 1)",
        "seed": 5328,
        "sample_size_testing": "1000",
    }
    config = TrainStructured().with_values(settings)
    assert (config.model.name, config.model.temperature, config.model.noise) == ("GS", 0.67, "logistic")
    assert (config.schedule.samples, config.schedule.batch_size, config.schedule.epochs) == (5, 64, 50)
    assert (config.optimiser.learning_rate, config.seed, config.evaluation.samples) == (3e-4, 5328, 1000)


def test_another_distribution_or_architecture_takes_its_own_defaults():
    config = TrainStructured().with_values({"model.name": "GS", "model.architecture": "g2_linear"})
    assert (config.model.scale, config.model.noise, config.model.units) == (None, "logistic", 200)
    historical = TrainStructured().with_values({"model.temperature_use": "historical"})
    assert historical.model.temperature is None
    assert TrainStructured().with_values({"model.architecture": "g2_linear"}).model.scale == "learned"
    with pytest.raises(UserError, match=r"model.scale=unit is not used by GS"):
        TrainStructured().with_values({"model.name": "GS", "model.scale": "unit"})


def test_a_config_is_read_back_as_it_was_written():
    for config in (g2("IGR_Planar", seed=3), g3("GS", samples=50), g3("IGR_SB", architecture="nonlinear")):
        assert TrainStructured.from_dict(config.to_dict()) == config
    assert g2("GS").run_id != g3("GS").run_id


def test_presets_are_the_authors_settings():
    old, new = g2("IGR_I"), g3("IGR_I", samples=50)
    assert (old.model.units, old.model.temperature, old.schedule.batch_size, old.schedule.epochs) == (200, 0.5, 64, 50)
    assert old.optimiser == StructuredOptimiserConfig(learning_rate=3e-4, decay=None, least_learning_rate=None)
    assert (new.model.units, new.model.temperature, new.schedule.batch_size, new.schedule.epochs) == (
        240,
        1.0,
        100,
        100,
    )
    assert new.optimiser == StructuredOptimiserConfig(learning_rate=1e-3, decay=1e-3, least_learning_rate=1e-4)
    assert new.data == DataConfig(name="mnist")
