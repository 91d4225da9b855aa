"""What configs of half-and-half digits refuse, and the scripts' options in the suite's terms."""

import pytest

from igr_suite.errors import UserError
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.original import Beyond, config_of
from igr_suite.families.half_mnist.presets import PRESETS, half_mnist

REFUSED = [
    (
        {"model.estimator": "straight_through", "model.baseline": "cmr"},
        "model.baseline=cmr is not used by the estimator straight_through",
    ),
    ({"model.temperature": 0.5}, "not used by reinforce"),
    ({"model.estimator": "gumbel_softmax", "model.hard_rule": "corrected"}, "hard_rule"),
    ({"model.estimator": "gaussian", "model.clip_probs": True}, "clip_probs"),
    ({"model.baseline": "off", "model.baseline_activation": "relu"}, "read with model.baseline=cmr only"),
    ({"sg.kind": "lin"}, "read by model.estimator=sdni, not by reinforce"),
    ({"model.estimator": "sdni", "sg.inputs": "11111"}, "mask of seven characters"),
    ({"model.estimator": "sdni", "sg.inputs": "0000000"}, "not all 0"),
    ({"model.estimator": "sdni", "sg.kind": "lin", "sg.width": 10}, "sg.kind=lin has none"),
    ({"model.estimator": "sdni", "model.baseline": "mr", "sg.inputs": "1111110"}, "takes b(x)"),
    ({"model.estimator": "sdni", "sg.target": "straight_through"}, "set model.baseline=off"),
    (
        {"model.estimator": "sdni", "sg.update_every": 2, "sg.update_style": "decay"},
        "not used with sg.update_style=decay",
    ),
    ({"model.estimator": "sdni", "sg.applied": False, "sg.average_samples": 2}, "leave it out with sg.applied=false"),
    ({"model.estimator": "gumbel_softmax", "evaluation.gradient_samples": 5}, "hard codes"),
    ({"optimiser.slash_rate": 0.5}, "at least 1"),
    ({"schedule.batch_size": 1}, "at least 2"),
    ({"evaluation.pictures": 1, "data.evaluation_limit": 10}, "shows test image 52"),
    ({"data.name": "celeb_a"}, "28x28"),
]


@pytest.mark.parametrize(("settings", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_config_says_what_does_not_go_together(settings, sentence):
    with pytest.raises(UserError) as error:
        TrainHalfMNIST().with_values(settings)
    assert sentence in str(error.value)


def test_another_estimator_takes_its_own_options():
    start = TrainHalfMNIST().with_values({"model.estimator": "sdni"})
    assert start.sg is not None and start.sg.width == 1024
    moved = start.with_values({"model.estimator": "gaussian"})
    assert moved.sg is None and moved.model.baseline is None and moved.model.clip_probs is None
    assert start.with_values({"sg.kind": "lin"}).sg.width is None


def test_presets_are_all_different_runs_at_the_originals_settings():
    runs = {name: half_mnist(name, data="mnist_5k", seed=1, epochs=1) for name in PRESETS}
    assert len({config.run_id for config in runs.values()}) == len(PRESETS)
    for config in runs.values():
        assert (
            config.model.latents == 50
            and config.optimiser.name == "legacy_adam"
            and config.optimiser.learning_rate == 2e-4
        )
        assert config.data.train_split == "all" and config.schedule.batch_size == 100


BASELINES = [
    ({}, "reinforce", "cmr"),
    ({"var_red": "none"}, "reinforce", "off"),
    ({"latent_type": "cont"}, "gaussian_reinforce", "off"),
    ({"latent_type": "cont", "var_red": "mr"}, "gaussian_reinforce", "mr"),
    ({"estimator": "PD", "latent_type": "cont"}, "gaussian", None),
    ({"estimator": "PD"}, "gumbel_softmax", None),
    ({"estimator": "PD", "sample_style": 1}, "gumbel_softmax_hard", None),
    ({"estimator": "ST", "repeat": 3}, "straight_through", None),
]


@pytest.mark.parametrize(("options", "estimator", "baseline"), BASELINES)
def test_the_baselines_script(options, estimator, baseline):
    config = config_of("baselines", options, Beyond())
    assert (config.model.estimator, config.model.baseline) == (estimator, baseline)
    assert (config.schedule.epochs, config.seed, config.optimiser.learning_rate, config.model.latents) == (
        1000,
        42,
        2e-4,
        50,
    )
    assert config.model.samples == options.get("repeat", 1)


def test_every_option_of_the_sdni_script_arrives():
    options = {
        "repeat": 2,
        "bn_type": 0,
        "clip_probs": 1,
        "target": "REINFORCE",
        "sg_type": "deep",
        "sg_inp": "1110010",
        "max_grad": 2.0,
        "main_update_freq": 3,
        "sub_update_freq": 4,
        "use_exp_reward": 1,
        "exptemp": 50.0,
        "sg_learning_rate": 0.01,
        "sg_slash_rate": 3.0,
        "slash_rate": 2.0,
        "epoch_rate": 7,
        "sg_epoch_rate": 8,
        "learning_rate": 0.002,
        "batch_size": 50,
        "num_epochs": 9,
        "term_condition": "mincost",
        "min_cost": 70.0,
        "random_seed": 5,
    }
    config = config_of("sdni", options, Beyond(data="mnist_5k", latents=10, historical=True))
    model, sg = config.model, config.sg
    assert (model.samples, model.batch_norm, model.clip_probs, model.baseline, model.baseline_activation) == (
        2,
        "input",
        True,
        "cmr",
        "relu",
    )
    assert (sg.kind, sg.inputs, sg.max_grad, sg.update_every, sg.reward_temperature) == (
        "deep",
        "1110010",
        2.0,
        4,
        50.0,
    )
    assert (sg.learning_rate, sg.slash_rate, sg.slash_every, sg.scale, sg.target) == (
        0.01,
        3.0,
        8,
        "batch",
        "reinforce",
    )
    found = config.optimiser
    assert (found.learning_rate, found.slash_rate, found.slash_every, found.update_every, found.name) == (
        0.002,
        2.0,
        7,
        3,
        "legacy_adam",
    )
    assert (config.schedule.batch_size, config.schedule.epochs, config.schedule.least_loss, config.seed) == (
        50,
        9,
        70.0,
        5,
    )
    assert (config.data.name, config.data.train_split, model.latents) == ("mnist_5k", "all", 10)
    plain = config_of("sdni", {"target": "ST", "update_style": "decay"}, Beyond())
    assert (plain.sg.target, plain.model.baseline, plain.sg.update_style, plain.sg.scale) == (
        "straight_through",
        "off",
        "decay",
        "example",
    )
    assert plain.schedule.epochs == 100 and plain.optimiser.name == "adam"


def test_the_comparison_script_trains_beside_and_measures():
    config = config_of("comparison", {"sg_type": "lin"}, Beyond())
    assert not config.sg.applied and config.model.samples == 250 and config.evaluation.gradient_samples == 250
    assert config.optimiser.learning_rate == config.sg.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("script", "options", "sentence"),
    [
        ("baselines", {"estimator": "ST", "latent_type": "cont"}, "there is no such estimator"),
        ("baselines", {"estimator": "ST", "var_red": "mr"}, "read with --estimator SF only"),
        ("baselines", {"estimator": "PD", "repeat": 2}, "read with --estimator SF or ST only"),
        ("baselines", {"min_cost": 60.0}, "--term_condition mincost only"),
        ("baselines", {"latent_type": "cont", "clip_probs": 1}, "clips Bernoulli probabilities"),
        ("sdni", {"exptemp": 50.0}, "--use_exp_reward 1 only"),
        ("sdni", {"target": "ST", "var_red": "mr"}, "not read with --target ST"),
    ],
)
def test_options_without_a_reader_are_refused(script, options, sentence):
    with pytest.raises(UserError) as error:
        config_of(script, options, Beyond())
    assert sentence in str(error.value)
