"""TrainRelax: options of each model, refusals in a sentence, the original's keys."""

import pytest

from igr_suite.errors import UserError
from igr_suite.families.hard_vae.config import OPTIONS_OF_MODEL, RelaxModelConfig, TrainRelax


@pytest.mark.parametrize("name", OPTIONS_OF_MODEL)
def test_defaults_are_resolved_and_survive_a_round_trip(name):
    config = TrainRelax(model=RelaxModelConfig(name=name))
    assert {key: getattr(config.model, key) for key in OPTIONS_OF_MODEL[name]} == OPTIONS_OF_MODEL[name]
    assert TrainRelax.from_dict(config.to_dict()) == config


def test_another_model_takes_its_own_defaults():
    changed = TrainRelax().with_values({"model.name": "Relax_GS_Dis"})
    assert changed == TrainRelax(model=RelaxModelConfig(name="Relax_GS_Dis"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"model.coupling": "independent"},
            "model.coupling=independent is not used by Relax_IGR, only by Relax_GS_Dis, Relax_Ber_Dis",
        ),
        ({"model.name": "Relax_Ber_Dis", "model.categories": "3"}, "model.categories=3 is not used by Relax_Ber_Dis"),
        (
            {"model.name": "Relax_GS_Dis", "model.kl_sign": "historical"},
            "model.kl_sign=historical is not used by Relax_GS_Dis",
        ),
        ({"model.temperature": "0"}, "model.temperature must be positive, got 0.0"),
        ({"model.points": "2"}, "model.points must be at least 4, got 2"),
        ({"schedule.samples": "5"}, "schedule.samples must be 1 with RELAX, got 5"),
        ({"schedule.matmul_precision": "bfloat16"}, "is not supported with RELAX"),
        ({"data.resize": "32"}, "data.resize=32 is not supported with RELAX"),
        ({"model.output_activation": "elu"}, "is read by the Gaussian likelihood only"),
        ({"evaluation.variance_draws": "1"}, "evaluation.variance_draws must be at least 2, got 1"),
        ({"model_type": "GS_Dis"}, "model.name"),
        ({"architecture": "dens"}, "unknown architecture 'dens'"),
        ({"model_type": "Relax_Ber_Dis", "n_required": "9"}, "n_required must be 1 for Relax_Ber_Dis, got 9"),
        ({"n_required": "9", "latent_discrete_n": "9"}, "model.categories is set twice"),
        ({"temp": "0.2", "model.temperature": "0.3"}, "model.temperature is set twice"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, said):
    with pytest.raises(UserError) as refused:
        TrainRelax().with_values(settings)
    assert said in str(refused.value)


def test_the_originals_keys():
    config = TrainRelax().with_values(
        {
            "dataset_name": "fmnist",
            "model_type": "Relax_GS_Dis",
            "architecture": "dense_relax",
            "n_required": "12",
            "num_of_discrete_var": 7,
            "temp": "3.0",
            "batch_n": "50",
            "stick_the_landing": "true",
            "sample_size_testing": "30",
        }
    )
    assert (config.data.name, config.data.binarisation) == ("fashion_mnist", "none")
    assert (config.model.name, config.model.categories, config.model.variables, config.model.temperature) == (
        "Relax_GS_Dis",
        12,
        7,
        3.0,
    )
    assert (config.schedule.batch_size, config.model.stick_the_landing, config.evaluation.importance_samples) == (
        50,
        True,
        30,
    )
    assert TrainRelax().with_values({"n_required": "9"}).model.categories == 10  # IGR has one more
    assert TrainRelax().with_values({"model_type": "Relax_Ber_Dis", "n_required": "1"}).model.categories is None


def test_historical_forms_show_in_the_name():
    names = {
        TrainRelax(model=RelaxModelConfig(**options)).slug()
        for options in ({}, {"estimator": "historical"}, {"kl_sign": "historical"})
    }
    assert len(names) == 3
