"""Configurations of docs/papers/dni.md, section 2.4, the scripts' options, and what is refused."""

import pytest

from igr_suite.decoupling.config import Decoupling
from igr_suite.errors import UserError
from igr_suite.families.dni.config import (
    DNIDataConfig,
    DNIEvaluationConfig,
    DNIModelConfig,
    DNIOptimiserConfig,
    DNIScheduleConfig,
    TrainDNI,
)
from igr_suite.families.dni.copy_rnn_config import CopyRNNConfig, CopyTaskConfig, TrainCopyRNN
from igr_suite.families.dni.original import SCRIPTS, config_of
from igr_suite.families.dni.presets import named, paper_network
from igr_suite.families.dni.sweeps import curve_runs, sparse_runs, table_runs


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_settings(script):
    """The table of docs/papers/dni.md, section 2.4, and that a config survives its JSON."""
    config = config_of(script, {"full": True, "data": "mnist_5k"})
    assert config.schedule.epochs == SCRIPTS[script]
    assert config.data.train_split == "all" and config.seed == 1
    if script.startswith("B"):
        assert config.data.pad32 and config.data.scaling == "separately" and config.schedule.batch_size == 250
        assert config.data.file_order == (script in ("B-simple", "B-relu"))
        assert config.evaluation.batch_statistics == (script == "B-relu")
        assert config.optimiser.learning_rate == {"B-dni": 1e-4, "B-cdni": 1e-3}.get(script, 0.05)
    else:
        assert config.data.scaling == "raw" and config.schedule.batch_size == 100
        assert (
            config.decoupling.reduction == "sum" and config.decoupling.l2 == 1.0 and config.decoupling.sg_scale is None
        )
    assert TrainDNI.from_dict(config.to_dict()) == config
    assert config.decoupling.labels == (script in ("B-cdni", "A-dni"))


def test_the_scripts_options():
    few = config_of(
        "B-dni",
        {
            "condition": True,
            "learningRate": 0.01,
            "batchSize": 10,
            "coefL2": 0.1,
            "historical": True,
            "data": "mnist_5k",
        },
    )
    assert few.model.method == "cdni" and few.model.sg_hidden == ()
    assert (few.data.train_limit, few.data.evaluation_limit, few.data.train_split) == (2000, 500, "train"), (
        "mnist_5k has 500"
    )
    assert config_of("B-dni", {}).data.evaluation_limit == 1000
    assert (few.optimiser.learning_rate, few.schedule.batch_size, few.decoupling.l2, few.decoupling.sg_scale) == (
        0.01,
        10,
        0.1,
        "batch",
    )
    assert config_of("B-dni", {"data": "mnist_5k"}).model.sg_hidden == (1024, 1024)
    assert config_of("A-dni", {"train_rou": "backprop", "data": "mnist_5k"}).model.method == "bp"
    assert config_of("B-simple", {"coefL1": 0.2, "momentum": 0.9, "data": "mnist_5k"}).optimiser.momentum == 0.9


def test_layers_count_the_output_layer_and_every_hidden_one_is_cut():
    config = paper_network(3, "cDNI", data="mnist_5k", seed=0, steps=10)
    assert config.model.hidden == (256, 256) and config.model.cut_layers == (1, 2) and config.model.sg_hidden == ()
    assert paper_network(6, "DNI", data="mnist_5k", seed=0, steps=10).model.sg_hidden == (1024, 1024)
    assert paper_network(4, "DNI", data="mnist_5k", seed=0, steps=10, unlocked=True).model.sg_hidden == (1024,)
    assert paper_network(3, "Bprop", data="mnist_5k", seed=0, steps=10).model.cut_layers == ()
    wide = paper_network(4, "DNI", data="cifar10", seed=0, steps=10).model
    assert wide.hidden == (1000,) * 3 and wide.sg_hidden == (4000,)
    maps = paper_network(4, "cDNI", data="cifar10", seed=0, steps=10, filters=128).model
    assert maps.hidden == (128,) * 3 and maps.sg_hidden == (128, 128) and maps.network == "cnn"


def test_runs_that_items_share_have_one_name():
    table, curves, sparse = (
        {run.run_id for run in runs("paper", ("mnist",))} for runs in (table_runs, curve_runs, sparse_runs)
    )
    assert curves < table
    assert len(table & sparse) == 9, "three methods with 4 layers at p = 1, three seeds"
    assert not {run.schedule.steps for run in curve_runs("quick", ("mnist",))} - {585}, (
        "the longer runs of cDNI are the table's alone"
    )
    assert not {run.model.network for run in curve_runs("quick", ("mnist",))} - {"fcn"}


def changed(**settings) -> TrainDNI:
    return named("B-cdni", data="mnist_5k", seed=0, epochs=1).with_values(settings)


def test_a_method_replaced_takes_its_own_options():
    assert changed(**{"model.method": "bp"}).model.sg_hidden is None
    assert changed(**{"model.method": "dni"}).decoupling.labels is False
    assert changed(**{"schedule.steps": "7"}).schedule.epochs is None


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: DNIModelConfig(cuts=(3,)), "names hidden layer 3, and there are 2"),
        (lambda: DNIModelConfig(cuts=(2, 1)), "must be in ascending order"),
        (lambda: DNIModelConfig(method="bp", cuts=(1,)), "which cuts nothing"),
        (
            lambda: DNIModelConfig(method="bp", sg_hidden=(3,)),
            r"model.sg_hidden=\(3,\) is read with model.method=dni or cdni only",
        ),
        (lambda: DNIModelConfig(input_hidden=(3,)), "is read with model.synthetic_inputs only"),
        (
            lambda: DNIModelConfig(method="bp", synthetic_inputs=True),
            "synthetic_inputs is read by model.method=dni and cdni only",
        ),
        (lambda: DNIModelConfig(network="cnn", synthetic_inputs=True), "take model.network=fcn"),
        (lambda: DNIModelConfig(hidden=()), "needs at least one width"),
        (lambda: DNIModelConfig(bn_momentum=1.0), r"must be in \[0, 1\), got 1.0"),
        (lambda: DNIModelConfig(initial_range=0.1), "is read by model.initial=uniform only"),
        (
            lambda: DNIDataConfig(name="cifar10", pad32=True),
            "pads images of 28x28 to 32x32, and those of cifar10 are 32x32",
        ),
        (lambda: DNIDataConfig(name="binarized_mnist"), "binarized_mnist has no labels, which a classifier needs"),
        (lambda: DNIOptimiserConfig(momentum=0.9), "optimiser.momentum=0.9 is not used by adam"),
        (lambda: DNIOptimiserConfig(name="sgd", epsilon=1e-8), "optimiser.epsilon=1e-08 is not used by sgd"),
        (lambda: DNIOptimiserConfig(learning_rate=0.0), "must be positive, got 0.0"),
        (lambda: DNIOptimiserConfig(decay=0.1, drops=(3,)), "two schedules of one rate"),
        (lambda: DNIScheduleConfig(epochs=1, steps=1), "exclude each other"),
        (lambda: DNIScheduleConfig(batch_size=0), "schedule.batch_size must be at least 1"),
        (lambda: DNIEvaluationConfig(audit=-1), "must not be negative"),
        (lambda: Decoupling(warmup="hold"), "is read with warmup_steps above 0 only"),
        (lambda: Decoupling(target="lambda", bp_lambda=2.0), "must be between 0"),
        (
            lambda: changed(**{"model.method": "bp", "decoupling.target": "true"}),
            "decoupling.target=true is read by model.method=dni and cdni",
        ),
        (
            lambda: changed(**{"model.batch_norm": "none", "evaluation.batch_statistics": "true"}),
            "networks with batch normalisation only",
        ),
        (lambda: changed(**{"model.network": "cnn"}), "data.pad32 is for the fully connected networks"),
        (lambda: changed(**{"decoupling.target": "tru"}), "one of 'bootstrap', 'true', 'lambda'"),
        (lambda: named("B-cdnni", data="mnist_5k", seed=0, epochs=1), "did you mean 'B-cdni'"),
        (lambda: config_of("B-relu", {"condition": True}), "--condition is an option of B-dni only"),
        (lambda: config_of("B-relu", {"coefL1": 0.1}), "--coefL1 is an option of B-simple only"),
        (lambda: config_of("A-dni", {"coefL2": 0.1}), "have their penalty fixed"),
        (lambda: config_of("B-dni", {"train_rou": "backprop"}), "--train_rou is an option of A-dni"),
        (lambda: config_of("A-bp", {"historical": True}), "--historical changes what synthesisers of B-dni"),
        (lambda: config_of("B-dni", {"momentum": 0.5}), "optimiser.momentum=0.5 is not used by adam"),
        (lambda: CopyRNNConfig(method="bptt", sg_use_factor=1.0), "is read by model.method=dni only"),
        (lambda: CopyRNNConfig(window=0), "model.window must be at least 1"),
        (lambda: CopyTaskConfig(threshold=1.0), "between 0 and 1 bit"),
        (lambda: TrainCopyRNN(windows=0), "windows must be at least 1"),
    ],
)
def test_bad_values_are_sentences(call, sentence):
    with pytest.raises(UserError, match=sentence):
        call()


def test_a_copy_run_without_synthetic_gradients_drops_their_options():
    assert TrainCopyRNN().with_values({"model.method": "bptt"}).model.sg_hidden is None
