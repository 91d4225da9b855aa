"""Small models of half-and-half digits whose expectations can be enumerated."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.families.half_mnist.networks import holding_averages
from igr_suite.families.half_mnist.rows import SampleRows
from igr_suite.randomness import run_seed

SEED = run_seed(0, "test")


def some_images(count: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).integers(0, 256, (count, 784), dtype=np.uint8))


def a_model(estimator: str, batch: int = 4, latents: int = 3, uncoupled: bool = False, **settings) -> HalfMNIST:
    """Logits away from 0, so that probabilities differ; an uncoupled decoder is one layer, whose rows do not see each
    other."""
    config = TrainHalfMNIST().with_values(
        {"model.estimator": estimator, "model.latents": latents, "schedule.batch_size": batch, **settings}
    )
    model = HalfMNIST(config, steps_per_epoch=10)
    generator = np.random.default_rng(3)
    for network in (model.encoder, model.decoder):
        for v in network.trainable_variables:
            v.assign_add(generator.normal(0.0, 0.15, v.shape))
    if uncoupled:
        model.decoder = keras.Sequential(
            [keras.layers.Dense(392, kernel_initializer=keras.initializers.RandomNormal(seed=5))]
        )
        model.decoder.build((None, latents))
        model.trained["decoder"] = model.decoder.trainable_variables
        model.optimiser = type(model.optimiser)(2e-4, epsilon=1e-8)
        model.optimiser.build([v for group in model.trained.values() for v in group])
    return model


def rows_of(model: HalfMNIST, images: tf.Tensor, samples: int = 1) -> SampleRows:
    upper, lower = model.halves(images)
    with holding_averages(model.encoder):
        outputs = model.encoder(upper, training=True)
    return SampleRows(upper, lower, outputs, tf.zeros(upper.shape[0])).repeated(samples)


def first_noise(model: HalfMNIST, images: int, seed: tf.Tensor = SEED) -> tf.Tensor:
    """What `gradients` draws in a step with this seed."""
    config = model.config.model
    return model.latent.noise((images * config.samples, config.latents), seed)


def joint_codes(images: int, latents: int) -> np.ndarray:
    """All codes of all images together, float32 [2^(B L), B, L]."""
    bits = np.array(list(itertools.product((0.0, 1.0), repeat=images * latents)), np.float32)
    return bits.reshape(-1, images, latents)


def enumerated(model: HalfMNIST, rows: SampleRows) -> dict[str, np.ndarray]:
    """Over all joint codes: "codes" [S, B, L], "weights" [S], "losses" [S, B], "slopes" [S, B, L], in float64."""
    codes = joint_codes(*rows.outputs.shape)
    probabilities = tf.sigmoid(rows.outputs).numpy().astype(np.float64)
    weights = np.where(codes == 1, probabilities, 1 - probabilities).prod(axis=(1, 2))
    losses, slopes = [], []
    for code in tf.unstack(tf.constant(codes)):
        with holding_averages(model.decoder), tf.GradientTape() as tape:
            tape.watch(code)
            values = model.losses(code, rows.lower)
        losses.append(values.numpy())
        slopes.append(tape.gradient(values, code).numpy())
    return {
        "codes": codes.astype(np.float64),
        "weights": weights,
        "losses": np.array(losses, np.float64),
        "slopes": np.array(slopes, np.float64),
        "probabilities": probabilities,
    }


def true_gradient(found: dict[str, np.ndarray]) -> np.ndarray:
    """p (1 - p) (E[l_n | z_nd = 1] - E[l_n | z_nd = 0]), [B, L]."""
    p = found["probabilities"]
    ones = np.einsum("s,sn,snd->nd", found["weights"], found["losses"], found["codes"]) / p
    zeros = np.einsum("s,sn,snd->nd", found["weights"], found["losses"], 1 - found["codes"]) / (1 - p)
    return p * (1 - p) * (ones - zeros)
