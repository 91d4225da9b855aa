"""Configs of joint models: refused options, names of earlier runs, and the preset of Table 2."""

import pytest

from igr_suite.errors import UserError
from igr_suite.families.vae.config import CapacityConfig, ModelConfig
from igr_suite.families.vae.presets import default, g2, with_ramp
from igr_suite.lab.runs.config import replace_parts


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda: ModelConfig(name="GS_Dis", capacity=CapacityConfig()),
            "needs continuous and discrete latents, and GS_Dis does not have both",
        ),
        (
            lambda: ModelConfig(name="VAE", capacity=CapacityConfig()),
            "needs continuous and discrete latents, and VAE does not have both",
        ),
        (
            lambda: ModelConfig(name="IGR_I_Dis", latent_dim=3),
            "model.latent_dim=3 is not used by IGR_I_Dis, only by VAE, GS",
        ),
        (
            lambda: ModelConfig(name="IGR_I_Dis", continuous_kl="closed"),
            "model.continuous_kl=closed is not used by IGR_I_Dis",
        ),
        (lambda: ModelConfig(name="GS", kl="closed"), "kl=closed does not exist for GS"),
        (lambda: CapacityConfig(gamma=0.0), "gamma must be positive, got 0.0"),
        (lambda: CapacityConfig(discrete=(0.0, 5.0, 1)), "model.capacity.discrete is .* got 0.0,5.0,1"),
        (lambda: default("GS").with_values({"model.capacity.gama": "1"}), "did you mean 'model.capacity.gamma'"),
        (lambda: default("GS").with_values({"data.resize": "28"}), "data.resize=28 is what mnist_5k has already"),
        (
            lambda: default("GS").with_values({"data.resize": "0"}),
            "data.resize is the side of an image in pixels, got 0",
        ),
        (
            lambda: default("GS").with_values({"data.resize": "16", "model.architecture": "conv_jointvae"}),
            "and mnist_5k has 16x16",
        ),
    ],
)
def test_a_wrong_option_is_a_sentence(change, sentence):
    with pytest.raises(UserError, match=sentence):
        change()


def test_names_of_published_runs_did_not_change():
    """The options that joint models brought are `added_later` ones."""
    assert default("IGR_I_Dis").run_id == "mnist_5k-IGR_I_Dis-t0.15-s0-6ebaf7f7"
    assert g2("GS_Dis").run_id == "mnist-GS_Dis-t1-s0-4a730896"


def test_the_preset_of_table_2_is_that_of_the_spec():
    config = g2("IGR_SB")
    assert (config.model.variables, config.model.categories, config.model.latent_dim, config.model.threshold) == (
        1,
        50,
        10,
        0.9,
    )
    assert (config.optimiser.learning_rate, config.schedule.batch_size, config.schedule.epochs) == (1e-3, 64, 50)
    assert config.model.capacity == CapacityConfig(
        gamma=30.0, continuous=(0.0, 5.0, 25_000), discrete=(0.0, 5.0, 25_000)
    )
    assert (config.data.image_shape, config.model.architecture, config.model.kl) == (
        (32, 32, 1),
        "conv_jointvae",
        "closed",
    )
    faces = g2("IGR_I", data="celeb_a")
    assert (faces.model.latent_dim, faces.model.categories, faces.model.prior, faces.data.resize) == (
        32,
        10,
        "standard",
        None,
    )
    assert faces.model.capacity == CapacityConfig(
        gamma=100.0, continuous=(0.0, 50.0, 100_000), discrete=(0.0, 10.0, 100_000)
    )
    assert with_ramp(faces, 9).model.capacity.continuous == (0.0, 50.0, 9)
    assert g2("IGR_SB").with_values({"model.capacity": "none"}) == replace_parts(g2("IGR_SB"), model={"capacity": None})


def test_a_capacity_that_was_absent_takes_its_defaults_when_one_of_its_keys_is_set():
    assert default("GS").with_values({"model.capacity.gamma": "7"}).model.capacity == CapacityConfig(gamma=7.0)
