"""A classifier of images as a run config describes it, trained by the suite's loop."""

import math

import keras
import tensorflow as tf

from igr_suite.decoupling import synthetic_gradient
from igr_suite.decoupling.model import DecoupledModel, has_convolutions
from igr_suite.errors import UserError
from igr_suite.families.dni.config import SYNTHETIC_METHODS, DNIOptimiserConfig, TrainDNI
from igr_suite.families.dni.networks import classifier_blocks
from igr_suite.networks.plain_keras import require_plain_keras
from igr_suite.randomness import site_number
from igr_suite.training.adam import FusedAdam, LegacyAdam
from igr_suite.training.schedules import FlooredInverseTime

MEASURE_EVERY = 10  # steps; measuring the interfaces at every step would cost a tenth of B-cdni's step


class DNIClassifier(keras.Model):
    """Maps rows of pixels and a label to classes, by a `DecoupledModel`.

    Args:
      config: of the run.
      image_shape: height, width and channels of the images as they enter the network.
      scales: split ("train", "validation", "test") -> (mean, deviation) of its pixels in 0..255; the network's input is
        (x - mean) / deviation.
    """

    def __init__(self, config: TrainDNI, image_shape: tuple[int, int, int], scales: dict[str, tuple[float, float]]):
        require_plain_keras()
        super().__init__(name="dni_classifier")
        self.scales, self.batch_statistics = scales, config.evaluation.batch_statistics
        self.net = build_network(config, image_shape)
        optimiser = config.optimiser
        self.net.compile(
            build_optimiser(optimiser, optimiser.learning_rate),
            synthesiser_optimizer=build_optimiser(optimiser, optimiser.sg_learning_rate or optimiser.learning_rate),
        )
        measures = [name for name in self.net.scalars if name != "loss"]
        self.scalars = ("error", *self.net.scalars, *(["measured"] if measures else []))
        self.counted_by = dict.fromkeys(measures, "measured")
        self.jit_steps = not has_convolutions(self.net)  # measured: docs/performance.md
        self.built = True

    def state_variables(self) -> list:
        """Everything that training changes, in a fixed order."""
        return self.net.state_variables()

    def pixels_and_labels(self, rows: tf.Tensor, split: str) -> tuple[tf.Tensor, tf.Tensor]:
        """(the network's input [B, D], labels int32 [B]) of rows uint8 [B, D + 1], whose last column is the label."""
        mean, deviation = self.scales[split]
        return (tf.cast(rows[:, :-1], tf.float32) - mean) * (1.0 / deviation), tf.cast(rows[:, -1], tf.int32)

    def train_step(self, batch: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """One step of all modules and synthesisers.

        Args:
          batch: uint8 [B, D + 1].
          seed: int32 [2], the step's.
        Returns:
          "loss", nats per image; "error", share of wrong images; at every MEASURE_EVERY-th step, for each interface,
            what `DecoupledModel.update` measures, and "measured", 1 at these steps and 0 at the others.
        """
        x, y = self.pixels_and_labels(batch, "train")
        measure = self.net.steps.value % MEASURE_EVERY == 0
        counted = {"measured": tf.cast(measure, tf.float32)} if self.counted_by else {}
        scalars, logits = self.net.update(x, y, seed, measure)
        return {"error": tf.reduce_mean(wrong(logits, y)), **scalars, **counted}

    def eval_step(self, batch: tf.Tensor, seed: tf.Tensor, split: str) -> dict[str, tf.Tensor]:
        """Loss and error of each image.

        Args:
          batch: uint8 [B, D + 1].
          seed: not read, inference is deterministic.
          split: whose scaling is applied.
        Returns:
          {"loss", "error"}: [B], nats and 0 or 1.
        """
        del seed
        x, y = self.pixels_and_labels(batch, split)
        logits = self.net.forward_passes(x)[-1].outputs if self.batch_statistics else self.net(x, training=False)
        return {"loss": tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits), "error": wrong(logits, y)}

    def audit(self, batch: tf.Tensor, split: str) -> dict[str, tf.Tensor]:
        """Synthetic gradients compared with back-propagated ones on a batch uint8 [B, D + 1]; see
        `DecoupledModel.audit`."""
        return self.net.audit(*self.pixels_and_labels(batch, split))


def wrong(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """1 where the largest logit is not the label's, else 0: [B]."""
    return tf.cast(tf.argmax(logits, -1, tf.int32) != labels, tf.float32)


def build_network(config: TrainDNI, image_shape: tuple[int, int, int]) -> DecoupledModel:
    """The untrained network of a config, cut into its modules."""
    blocks = classifier_blocks(config.model, image_shape, config.seed)
    ends = [*config.model.cut_layers, len(blocks)]
    groups = [sum(blocks[begin:end], []) for begin, end in zip([0, *ends], ends)]
    first = keras.Input((math.prod(image_shape),))
    modules = [
        keras.Sequential([*([first] if i == 0 else []), *group], name=f"module_{i + 1}")
        for i, group in enumerate(groups)
    ]
    settings = {name: getattr(config.decoupling, name) for name in config.decoupling.__dataclass_fields__}
    synthetic = config.model.method in SYNTHETIC_METHODS
    try:
        return DecoupledModel(
            modules,
            _factories(config, config.model.sg_hidden, "gradient") if synthetic else None,
            synthetic_inputs=_factories(config, config.model.input_hidden, "input")
            if config.model.synthetic_inputs
            else None,
            seed=config.seed,
            **settings,
        )
    except ValueError as error:
        raise UserError(f"the network cannot be built for images of {image_shape}: {error}") from None


def _factories(config: TrainDNI, hidden: tuple[int, ...], what: str) -> list[synthetic_gradient.Synthesiser]:
    """A factory for each interface, each with its own seed."""
    kind = synthetic_gradient.conv if config.model.network == "cnn" else synthetic_gradient.mlp
    first = site_number(f"{what} {config.seed}") % 2**30
    affine = config.model.batch_norm == "affine"
    return [kind(hidden, affine=affine, seed=first + 100 * i) for i in range(len(config.model.cut_layers))]


def build_optimiser(config: DNIOptimiserConfig, rate: float) -> keras.Optimizer:
    """A Keras optimiser with the config's schedule, whose first step size is `rate`."""
    if config.decay:
        rate = FlooredInverseTime(rate, config.decay, 0.0)
    elif config.drops:
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            list(config.drops), [rate / 10**i for i in range(len(config.drops) + 1)]
        )
    if config.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum)
    return (LegacyAdam if config.name == "legacy_adam" else FusedAdam)(rate, epsilon=config.epsilon)
