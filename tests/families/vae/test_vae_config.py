"""Configs refuse what a model would not read, and the presets are the settings of
docs/papers/igr.md, sections 3.4 and 5.1.
"""

import dataclasses

import pytest

from igr_suite.errors import UserError
from igr_suite.families.vae.config import ModelConfig, TrainVAE
from igr_suite.families.vae.presets import default, g2, g3
from igr_suite.training.config_parts import ScheduleConfig


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "GS_Dis", "delta": 0.1}, "model.delta=0.1 is not used by GS_Dis, only by IGR_I_Dis"),
        (
            {"name": "IGR_SB_Finite_Dis", "threshold": 0.9},
            "model.threshold=0.9 is not used by IGR_SB_Finite_Dis, only by IGR_SB_Dis",
        ),
        ({"name": "VAE", "temperature": 0.5}, "model.temperature=0.5 is not used by VAE"),
        ({"name": "IGR_I_Dis", "temperature": 0.0}, "temperature must be positive, got 0.0"),
        ({"name": "IGR_I_Dis", "temperature": -1.0}, "temperature must be positive, got -1.0"),
        ({"name": "GS_Dis", "prior_temperature": -0.5}, "prior_temperature must be positive"),
        ({"name": "IGR_SB_Dis", "threshold": 1.5}, "threshold must lie between 0 and 1, got 1.5"),
        ({"name": "IGR_SB_Dis", "quantile": 101.0}, "quantile is a percentile"),
        ({"name": "GS_Dis", "kl": "closed"}, "kl=closed does not exist for GS_Dis"),
        (
            {"name": "IGR_Planar_Dis", "kl": "closed", "planar_prior": "after_flow"},
            "needs model.planar_prior=shared_flow",
        ),
        ({"name": "IGR_I_Dis", "kl": "closed", "stick_the_landing": True}, "stick_the_landing needs model.kl=sampled"),
        ({"name": "GSP_Dis", "prior": "uniform"}, "model.prior=uniform is not used by GSP_Dis, only by IGR_I_Dis"),
        ({"name": "IGSM", "delta": 1.0}, "model.delta=1.0 is not used by IGSM, only by IGR_I_Dis"),
        ({"name": "IGR_I_Dis", "categories": 1}, "categories must be at least 2"),
    ],
)
def test_a_wrong_option_is_a_sentence(options, sentence):
    with pytest.raises(UserError, match=sentence):
        ModelConfig(**options)


def test_schedules_are_positive():
    with pytest.raises(UserError, match="schedule.epochs must be at least 1, got 0"):
        ScheduleConfig(epochs=0)


def test_unknown_models_keys_and_data_name_the_nearest():
    with pytest.raises(UserError, match="did you mean 'IGR_I_Dis'"):
        default().with_values({"model.name": "IGR_Dis"})
    with pytest.raises(UserError, match="did you mean 'model.temperature'"):
        default().with_values({"model.temperatur": "0.1"})
    with pytest.raises(UserError, match="unknown dataset 'mnits'.*mnist"):
        default(data="mnits")


def test_elu_outputs_need_a_gaussian_likelihood():
    with pytest.raises(UserError, match="read by the Gaussian likelihood only"):
        default().with_values({"model.output_activation": "elu"})


def test_the_historical_likelihood_needs_a_distribution_of_the_argmax():
    with pytest.raises(UserError, match="needs the distribution of the argmax, which is not known for IGR_SB_Dis"):
        default("IGR_SB_Dis").with_values({"evaluation.historical_likelihood": "true"})
    assert default("GS_Dis").with_values({"evaluation.historical_likelihood": "true"}).evaluation.historical_likelihood


def test_convolutional_networks_need_images_that_fit():
    with pytest.raises(UserError, match="side 32 or 64, and mnist_5k has 28x28; set data.resize=32"):
        default().with_values({"model.architecture": "conv_jointvae"})
    assert default().with_values({"model.architecture": "conv"}).model.architecture == "conv"
    with pytest.raises(
        UserError, match="conv takes square images of side 28, and mnist_5k has 32x32; set data.resize=28"
    ):
        default().with_values({"model.architecture": "conv", "data.resize": "32"})


def test_defaults_are_resolved_and_part_of_the_identity():
    config = default("IGR_I_Dis")
    assert (config.model.delta, config.model.temperature, config.model.variables, config.model.categories) == (
        1.0,
        0.15,
        20,
        10,
    )
    assert (
        config.run_id
        == dataclasses.replace(config, model=ModelConfig(name="IGR_I_Dis", temperature=0.15, delta=1.0)).run_id
    )
    assert config.run_id != config.with_values({"model.delta": "0.1"}).run_id
    assert TrainVAE.from_dict(config.to_dict()) == config


def test_another_model_takes_its_own_defaults_and_keeps_what_was_chosen():
    assert default("IGR_I_Dis").with_values({"model.name": "GS_Dis"}) == default("GS_Dis")
    assert default("GS_Dis").with_values({"model.name": "VAE", "model.latent_dim": "4"}).model.latent_dim == 4
    chosen = default("IGR_I_Dis", temperature=0.3).with_values({"model.name": "IGR_Planar_Dis"})
    assert chosen.model.temperature == 0.3
    with pytest.raises(UserError, match="model.delta=0.5 is not used by GS_Dis"):
        default("IGR_I_Dis").with_values({"model.delta": "0.5"}).with_values({"model.name": "GS_Dis"})


def test_the_presets_are_those_of_the_spec():
    igr, gs = g3("IGR_I_Dis"), g3("GS_Dis")
    assert (igr.model.architecture, igr.schedule.batch_size, igr.optimiser.learning_rate, igr.model.kl) == (
        "nonlinear",
        100,
        3e-4,
        "sampled",
    )
    assert (gs.model.temperature, gs.model.prior_temperature) == (0.67, 0.5)
    old = g2("IGR_I_Dis")
    assert (old.model.variables, old.model.delta, old.model.architecture, old.model.kl) == (
        30,
        0.1,
        "dense_g2",
        "closed",
    )
    assert (old.schedule.batch_size, old.optimiser.learning_rate, old.schedule.epochs) == (64, 1e-3, 100)
    assert g2("GS_Dis", data="fashion_mnist").data.binarisation == "none"
    assert g2("GS_Dis", data="fashion_mnist").model.output_activation == "elu"
    assert old.model.output_activation == "linear"
    assert g2("GS_Dis", data="celeb_a").model.architecture == "conv_jointvae"
