"""Presets of classifiers with synthetic gradients: the configurations of docs/papers/dni.md, section 2.4 (never imports
TensorFlow)."""

from igr_suite.decoupling.config import Decoupling
from igr_suite.errors import UserError, nearest
from igr_suite.families.dni.config import (
    DNIDataConfig,
    DNIEvaluationConfig,
    DNIModelConfig,
    DNIOptimiserConfig,
    DNIScheduleConfig,
    TrainDNI,
)

TORCH_DATA = {"pad32": True, "scaling": "separately", "train_split": "all"}
TORCH_SG = {"hidden": (256, 256), "batch_norm": "plain", "bn_momentum": 0.75, "initial": "uniform"}
# What configurations of one source share: (optimiser, data, decoupling, batch size)
TORCH_BP = (
    {"name": "sgd", "learning_rate": 0.05, "decay": 5e-7},
    {**TORCH_DATA, "file_order": True},
    {},
    250,
)
THEANO = (
    {"name": "legacy_adam", "learning_rate": 1e-3},
    {"scaling": "raw", "train_split": "all"},
    {"reduction": "sum", "l2": 1.0},
    100,
)
THEANO_NETWORK = {"hidden": (300, 150), "batch_norm": "none", "initial": "orthogonal"}
# name -> (model, optimiser, data, decoupling, batch size, tested by batches' statistics)
CONFIGURATIONS = {
    "B-simple": (
        {"hidden": (2048,), "activation": "tanh", "batch_norm": "none", "initial": "fan_in", "method": "bp"},
        *TORCH_BP,
        False,
    ),
    "B-relu": (
        {"hidden": (256, 256), "batch_norm": "plain", "bn_momentum": 0.9, "initial": "fan_in", "method": "bp"},
        *TORCH_BP,
        True,
    ),
    "B-dni": (
        {**TORCH_SG, "method": "dni", "sg_hidden": (1024, 1024)},
        {"name": "adam", "learning_rate": 1e-4},
        TORCH_DATA,
        {},
        250,
        False,
    ),
    "B-cdni": (
        {**TORCH_SG, "method": "cdni"},
        {"name": "adam", "learning_rate": 1e-3},
        TORCH_DATA,
        {},
        250,
        False,
    ),
    "A-dni": ({**THEANO_NETWORK, "method": "cdni"}, *THEANO, False),
    "A-bp": ({**THEANO_NETWORK, "method": "bp"}, *THEANO, False),
}


def named(
    name: str,
    *,
    data: str,
    seed: int,
    epochs: int,
    sg_scale: str | None = None,
    limit: int | None = None,
    evaluate_every: int = 1,
) -> TrainDNI:
    """One run of an original code's configuration at its settings.

    Args:
      name: of CONFIGURATIONS.
      data: name of the data set.
      seed: of the run.
      epochs: number of epochs.
      sg_scale: "batch" for the Torch code's; None is the default, and the only choice where losses are sums.
      limit: number of images of each split, for the smoke scale.
      evaluate_every: number of epochs between evaluations.
    Raises:
      UserError: an unknown name.
    """
    if name not in CONFIGURATIONS:
        raise UserError(f"unknown configuration '{name}': {nearest(name, CONFIGURATIONS)}")
    model, optimiser, images, decoupling, batch_size, batch_statistics = CONFIGURATIONS[name]
    return TrainDNI(
        model=DNIModelConfig(**model),
        decoupling=Decoupling(**decoupling, sg_scale=sg_scale),
        data=DNIDataConfig(name=data, train_limit=limit, evaluation_limit=limit, **images),
        optimiser=DNIOptimiserConfig(**optimiser),
        schedule=DNIScheduleConfig(epochs=epochs, batch_size=batch_size, evaluate_every=evaluate_every),
        evaluation=DNIEvaluationConfig(batch_statistics=batch_statistics),
        seed=seed,
    )


# The paper has Adam, 500,000 steps of batch 256, and a rate that is divided by 10 after 300,000 and 400,000
# (docs/papers/dni.md, section 2.4).
PAPER_STEPS, PAPER_DROPS, PAPER_RATE, PAPER_BATCH = 500_000, (300_000, 400_000), 3e-5, 256
METHOD_BY_LABEL = {"no Bprop": "no_bp", "Bprop": "bp", "DNI": "dni", "cDNI": "cdni"}
FILTERS = {"mnist": 64, "mnist_5k": 64, "cifar10": 128}


def paper_network(
    depth: int,
    method: str,
    *,
    data: str,
    seed: int,
    steps: int,
    learning_rate: float = PAPER_RATE,
    drops: tuple[int, ...] = (),
    p_update: float = 1.0,
    unlocked: bool = False,
    filters: int | None = None,
    evaluate_every: int = 1,
    limit: int | None = None,
) -> TrainDNI:
    """One run of the paper's networks, with `depth` layers that have weights, the output layer included, cut behind
    each hidden one.

    Args:
      depth: 3 to 6; with `filters` the number of layers of the convolutional network.
      method: of METHOD_BY_LABEL, in the paper's names.
      data: name of the data set; the pixels enter as x / 255.
      seed: of the run.
      steps: number of steps, rounded up to whole epochs.
      learning_rate, drops: the suite's choice where the steps are not the paper's.
      p_update: probability of an update of each layer.
      unlocked: whether inputs are synthetic too; synthesisers and input models then have one hidden layer.
      filters: number of filters of every convolution; None makes a fully connected network.
      evaluate_every: number of epochs between evaluations.
      limit: number of images of each split, for the smoke scale.
    """
    kind = METHOD_BY_LABEL[method]
    cifar = data.startswith("cifar")
    width, sg_width = (1000, 4000) if cifar else (256, 1024)
    if filters is not None:
        model = {"network": "cnn", "hidden": (filters,) * (depth - 1)}
        sg_hidden: tuple[int, ...] = (filters, filters)
    else:
        model = {"hidden": (width,) * (depth - 1)}
        sg_hidden = (sg_width,) if cifar or unlocked else (sg_width, sg_width) if kind == "dni" else ()
    synthetic = {"sg_hidden": sg_hidden, "synthetic_inputs": unlocked} if kind in ("dni", "cdni") else {}
    return TrainDNI(
        model=DNIModelConfig(**model, method=kind, **synthetic),
        decoupling=Decoupling(p_update=p_update),
        data=DNIDataConfig(name=data, train_limit=limit, evaluation_limit=limit),
        optimiser=DNIOptimiserConfig(learning_rate=learning_rate, drops=drops),
        schedule=DNIScheduleConfig(
            steps=steps, batch_size=min(PAPER_BATCH, limit or PAPER_BATCH), evaluate_every=evaluate_every
        ),
        seed=seed,
    )
