"""The authors' --hparams string, and the options that a config refuses."""

import pytest

from igr_suite.cli.rebar_train import epoch_line
from igr_suite.errors import UserError
from igr_suite.families.sbn.config import SBNConfig, TrainSBN
from igr_suite.families.sbn.original import config_of
from igr_suite.lab.analysis.epoch_means import epoch_means
from igr_suite.training.config_parts import BinaryDataConfig, StepScheduleConfig


def test_the_readme_string_is_taken_as_it_is():
    config = config_of("model=SBNDynamicRebar,learning_rate=0.0003,n_layer=2,task=sbn")
    assert (config.model.estimator, config.model.layers, config.optimiser.learning_rate) == ("dynamic_rebar", 2, 3e-4)
    assert (config.model.temperature, config.model.relaxation, config.model.multilayer_cv) == (
        0.5,
        "improved",
        "corrected",
    )
    assert (config.data.name, config.data.binarisation, config.schedule.batch_size, config.seed) == (
        "binarized_mnist",
        "static",
        24,
        1,
    )
    assert (config.optimiser.beta_2, config.optimiser.control_factor, config.model.ema_debias) == (0.99999, 10.0, True)


def test_historical_takes_every_defect():
    config = config_of("model=SBNRebar,task=sp,n_layer=2", historical=True)
    assert (config.model.multilayer_cv, config.model.sp_generator, config.model.ema_debias) == (
        "historical",
        "historical",
        False,
    )


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("task=omni", "data.name", "omniglot"),
        ("task=omni", "data.binarisation", "once"),
        ("dynamic_b=True", "data.binarisation", "dynamic"),
        ("model=SBNRebar,quadratic=False", "model.multilayer_cv", "joint"),
        ("muprop_relaxation=False", "model.relaxation", "concrete"),
        ("n_samples=5,batch_size=10,trial=3", "model.samples", 5),
        ("model=SBNNVIL,nonlinear=true", "model.nonlinear", True),
        ("", "model.estimator", "concrete"),
    ],
)
def test_hparams_reach_their_places(text, path, value):
    group, name = path.split(".")
    assert getattr(getattr(config_of(text), group), name) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rat=1e-3", "unknown hparam 'learning_rat': did you mean 'learning_rate'"),
        ("model=SBNDynamicRebr", "unknown model 'SBNDynamicRebr' in --hparams: did you mean 'SBNDynamicRebar'"),
        ("task=mnist", "unknown task 'mnist'"),
        ("n_layer", "name=value pairs"),
        ("n_layer=two", "hparam n_layer must be an integer"),
        ("n_layer=2,n_layer=3", "set twice"),
        ("n_input=100", "must be 784"),
        ("model=SBNNVIL,temperature=0.1", "not read by SBNNVIL, only by SBNRebar"),
        ("n_layer=4", "model.layers must be 1, 2 or 3"),
    ],
)
def test_wrong_hparams_are_refused_in_a_sentence(text, message):
    with pytest.raises(UserError, match=message):
        config_of(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SBNConfig(estimator="nvil", temperature=0.3), "not used by the estimator nvil"),
        (lambda: SBNConfig(sp_generator="historical"), "read by model.task=sp only"),
        (lambda: BinaryDataConfig(name="binarized_mnist", binarisation="dynamic"), "is binary"),
        (lambda: BinaryDataConfig(name="celeb_a"), "binary pixels are modelled here"),
        (lambda: StepScheduleConfig(epochs=2, steps=4), "exclude each other"),
    ],
)
def test_options_that_do_not_go_together(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_another_estimator_takes_its_own_options():
    config = TrainSBN().with_values({"model.estimator": "nvil", "schedule.steps": "100"})
    assert (config.model.temperature, config.model.multilayer_cv, config.schedule.epochs) == (None, None, None)
    back = config.with_values({"model.estimator": "rebar", "schedule.epochs": "3"})
    assert (back.model.temperature, back.model.multilayer_cv, back.schedule.steps) == (0.5, "corrected", None)
    assert TrainSBN.from_dict(config.to_dict()) == config


def test_epoch_means_weigh_rows_by_their_steps():
    rows = [
        {"step": 3, "epoch": 0.75, "train_elbo": -4.0, "train_variance": 1.0},
        {"step": 4, "epoch": 1.0, "train_elbo": -8.0, "train_variance": 5.0},
        {"step": 4, "epoch": 1.0, "test_elbo": -3.0},
        {"step": 6, "epoch": 1.5, "train_elbo": -1.0, "train_variance": 1.0},
    ]
    (mean,) = epoch_means(rows)
    assert (mean["step"], mean["epoch"], mean["train_elbo"], mean["train_variance"]) == (4, 1, -5.0, 2.0)
    assert mean["log_train_variance"] == pytest.approx(0.693147, abs=1e-6)
    assert epoch_line(mean) == "Step 4: elbo -5, log variance 0.693"
