"""A program for test_decoupled_replicas.py: with two logical CPU devices it trains decoupled models on one and on two
replicas, prints JSON.

python tests/decoupling/decoupled_two_devices.py [all]      # without `all` one of the cases
"""

import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # graphs that run three times

from keras_pairs import IDS, TAGS, WEIGHTS, X, Y, network, normal, tagger  # noqa: E402 devices come first

from igr_suite.decoupling.model import DecoupledModel, split_model  # noqa: E402
from igr_suite.decoupling.synthetic_gradient import linear, mlp  # noqa: E402
from igr_suite.errors import UserError  # noqa: E402
from igr_suite.networks.batch_norm import BatchNorm  # noqa: E402
from igr_suite.training.adam import FusedAdam  # noqa: E402

optimizers, callbacks, layers = keras.optimizers, keras.callbacks, keras.layers
SGD = optimizers.SGD


def small(inputs, outputs):
    return keras.Sequential([layers.Dense(outputs[-1], kernel_initializer=normal(7))])


def normalised(layer):
    return lambda: keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, name="a", kernel_initializer=normal(1)),
            layer(),
            layers.Dense(4, "tanh", name="b", kernel_initializer=normal(2)),
            layers.Dense(3, name="top", kernel_initializer=normal(3)),
        ]
    )


def halved():
    return [callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)]


CASES = {
    "examples of a network with everything": {
        "settings": {"sg_scale": "batch", "labels": True, "l2": 0.1, "l1": 0.01},
        "make": lambda: network(weights="l2", activities="l2"),
        "factory": mlp((4,)),
        "optimiser": lambda: SGD(0.1, momentum=0.5, clipnorm=0.2),
        "sizes": (15, 7),  # of 4 and 3, 4 and 3, 1 and 0
        "outside": True,
        "callbacks": halved,
    },
}
FEW = len(CASES)
CASES |= {
    "words that are masked, sums, a replica without any": {
        "settings": {"reduction": "sum", "target": "lambda"},
        "make": tagger,
        "optimiser": lambda: FusedAdam(0.02, global_clipnorm=0.5),
        "sizes": (17, 8),
    },
    "words, clipped": {
        "settings": {"reduction": "sum", "target": "lambda"},
        "make": tagger,
        "optimiser": lambda: SGD(0.02, global_clipnorm=0.5),
        "sizes": (17, 8),
    },
    "plain": {},
    "batch": {"settings": {"sg_scale": "batch"}, "sizes": (17, 8)},
    "sum": {"settings": {"reduction": "sum"}, "optimiser": lambda: SGD(0.01)},
    "true": {"settings": {"target": "true"}, "sizes": (20, 7)},
    "warm-up": {"settings": {"warmup_steps": 2}, "sizes": (20, 7)},
    "penalties": {"settings": {"l2": 0.1, "l1": 0.01}, "sizes": (20, 7)},
    "regularisers": {"make": lambda: network(weights="l2", activities="l1"), "sizes": (20, 7)},
    "synthetic inputs": {"settings": {"synthetic_inputs": small}, "sizes": (20, 7)},
    "Adam": {"optimiser": lambda: optimizers.AdamW(0.01, weight_decay=0.3), "sizes": (20, 7)},
    "fused": {"optimiser": lambda: FusedAdam(0.01), "settings": {"l2": 0.1}, "sizes": (20, 7)},
    "clipvalue": {"optimiser": lambda: SGD(0.1, clipvalue=0.01)},
    "global_clipnorm": {"optimiser": lambda: SGD(0.1, global_clipnorm=0.05)},
    "loss scale": {"optimiser": lambda: optimizers.LossScaleOptimizer(SGD(0.1, clipnorm=0.05)), "sizes": (20, 7)},
    "schedule": {"optimiser": lambda: SGD(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5))},
    "averages": {"optimiser": lambda: SGD(0.1, use_ema=True, ema_momentum=0.5), "outside": True},
    "batch norm": {"make": normalised(BatchNorm), "sizes": (17, 8)},
    "Keras's batch norm": {"make": normalised(lambda: layers.BatchNormalization(synchronized=True)), "sizes": (17, 8)},
}


def trained(
    scope,
    settings=None,
    make=network,
    factory=small,
    optimiser=lambda: SGD(0.1),
    sizes=(20, 8),
    outside=False,
    callbacks=list,
):
    """State variables before and after two epochs of batches, the history, an evaluation."""
    metrics = [keras.metrics.SparseCategoricalAccuracy()] if outside else None
    made = optimiser() if outside else None
    with scope:
        decoupled = DecoupledModel(split_model(make(), ["a", "b"]), factory, **(settings or {}))
        made, metrics = made or optimiser(), metrics or ["accuracy"]
        if not outside:
            decoupled.compile(made, metrics=metrics, weighted_metrics=["accuracy"], jit_compile=False)
    if outside:
        decoupled.compile(made, metrics=metrics, weighted_metrics=["accuracy"], jit_compile=False)
    count, size = sizes
    x, y = (IDS, TAGS) if make is tagger else (X, Y)
    weights = WEIGHTS[:count, np.newaxis] * np.ones((1, 5)) if make is tagger else WEIGHTS[:count]
    start = state(decoupled)
    options = {"batch_size": size, "verbose": 0}
    history = decoupled.fit(
        x[:count], y[:count], sample_weight=weights, epochs=2, shuffle=False, callbacks=callbacks(), **options
    ).history
    return start, state(decoupled), history, decoupled.evaluate(x[:count], y[:count], **options)


def state(decoupled: DecoupledModel) -> list[np.ndarray]:
    return [np.array(v.numpy()) for v in decoupled.state_variables() if v.dtype.startswith("float")]


def apart(strategy: tf.distribute.Strategy, **case) -> dict[str, float]:
    """Largest distances."""
    start, one, history, number = trained(contextlib.nullcontext(), **case)
    _, two, other, again = trained(strategy.scope(), **case)
    return {
        "moved": largest(start, one),
        "state": largest(one, two),
        "history": largest([np.array(v) for v in history.values()], [np.array(other[name]) for name in history]),
        "evaluation": largest([np.array(number)], [np.array(again)]),
    }


def largest(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max(float(np.max(np.abs(a - b))) for a, b in zip(one, other, strict=True))


def refused(strategy: tf.distribute.Strategy) -> dict[str, str]:
    """What several replicas cannot do."""

    def compiled(optimiser="sgd", scope=None, settings=None, **options):
        inner = network() if scope else None
        with strategy.scope():
            decoupled = DecoupledModel(split_model(inner or network(), ["a"]), linear(), **(settings or {}))
            decoupled.compile(optimiser, **options)

    several = optimizers.OptimizerMap(default_optimizer=SGD(0.1))
    several["kernel"] = SGD(0.1, clipnorm=1.0)
    calls = {
        "accumulation": lambda: compiled(SGD(0.1, gradient_accumulation_steps=2)),
        "averages": lambda: compiled(SGD(0.1, use_ema=True, ema_overwrite_frequency=2)),
        "several that clip": lambda: compiled(optimizers.MultiOptimizer(several)),
        "XLA": lambda: compiled(jit_compile=True),
        "outside": lambda: compiled(scope=True),
        "dropped updates": lambda: compiled(settings={"p_update": 0.5}),
    }
    found = {}
    for name, call in calls.items():
        try:
            call()
        except UserError as error:
            found[name] = str(error)
    return found


def main(everything: bool) -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    names = list(CASES) if everything else list(CASES)[:FEW]
    print(json.dumps({"apart": {name: apart(strategy, **CASES[name]) for name in names}, "refused": refused(strategy)}))


if __name__ == "__main__":
    main(sys.argv[1:] == ["all"])
