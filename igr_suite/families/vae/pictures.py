"""Pictures of a trained VAE: reconstructions, prior samples and latent traversals, as arrays that can be drawn without
TensorFlow."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import ndtri

from igr_suite.data.dataset import DISPLAY_INDICES
from igr_suite.families.vae.latents import DiscreteLatent, GaussianLatent, JointLatent
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.lab.runs.picture_file import LEVELS, SIDE, as_bytes
from igr_suite.randomness import at_step, run_seed, standard_normal


class Layout(NamedTuple):
    """What a code consists of: `continuous` numbers, then `variables` blocks of `categories` each."""

    continuous: int
    variables: int
    categories: int


def parts(latent) -> tuple[GaussianLatent | None, DiscreteLatent | None]:
    """The continuous and the discrete part of a model's latents; None for a part that it does not have."""
    if isinstance(latent, JointLatent):
        return latent.continuous, latent.discrete
    return (latent, None) if isinstance(latent, GaussianLatent) else (None, latent)


def layout(latent) -> Layout:
    """How the codes of a model's latents are laid out."""
    continuous, discrete = parts(latent)
    counts = (0, 0) if discrete is None else (discrete.config.variables, discrete.config.categories)
    return Layout(0 if continuous is None else continuous.size, *counts)


def mean_images(model: DiscreteVAE, codes: tf.Tensor | np.ndarray) -> np.ndarray:
    """The decoder's mean at some codes.

    Args:
      model: the VAE.
      codes: [..., size].
    Returns:
      uint8 [..., H, W, C]; a mean of 1 is 255.
    """
    codes = np.asarray(codes, np.float32)
    parameters = model.decoder(codes.reshape(-1, codes.shape[-1]))
    if model.likelihood == "gaussian":
        parameters = tf.split(parameters, 2, axis=-1)[0]
        if model.config.output_activation == "elu":
            parameters = tf.nn.elu(parameters)
    return as_bytes(tf.sigmoid(parameters), codes.shape[:-1], model.image_shape)


def prior_codes(latent, count: int, seed: tf.Tensor) -> np.ndarray:
    """Codes of the model's prior: N(0, I) and, variable by variable, the relaxed prior; [count, size]."""
    continuous, discrete = parts(latent)
    codes = []
    if continuous is not None:
        codes.append(standard_normal((count, continuous.size), at_step(seed, tf.constant(1))))
    if discrete is not None:
        prior = discrete.prior()
        # a planar flow has weights for each variable
        variables = () if prior.batch_shape.rank else (discrete.config.variables,)
        draw = prior.draw((1, count, *variables), at_step(seed, tf.constant(2)))
        codes.append(tf.reshape(draw.sample, (count, discrete.size)))
    return np.concatenate(codes, axis=-1)


def one_hot_prior_codes(latent, count: int, seed: tf.Tensor) -> np.ndarray:
    """Codes of the discrete model's prior: N(0, I) and uniform one-hot variables; [count, size]."""
    shape = layout(latent)
    own = at_step(seed, tf.constant(3))
    categories = tf.random.stateless_uniform((count, shape.variables), own, maxval=shape.categories, dtype=tf.int32)
    codes = prior_codes(latent, count, seed)
    codes[:, shape.continuous :] = tf.reshape(tf.one_hot(categories, shape.categories), (count, -1))
    return codes


def continuous_traversal(code: np.ndarray, shape: Layout) -> np.ndarray:
    """Each continuous latent at normal quantiles, the rest as in `code`: [size] -> [D, len(LEVELS), size]."""
    codes = np.tile(code, (shape.continuous, len(LEVELS), 1))
    for i in range(len(codes)):
        codes[i, :, i] = ndtri(LEVELS)
    return codes


def discrete_traversal(code: np.ndarray, shape: Layout) -> np.ndarray:
    """Each variable in each of its categories, one-hot, the rest as in `code`: [size] -> [V, K, size]."""
    codes = np.tile(code, (shape.variables, shape.categories, 1))
    for v in range(len(codes)):
        begin = shape.continuous + v * shape.categories
        codes[v, :, begin : begin + shape.categories] = np.eye(shape.categories)
    return codes


def most_moving(images: np.ndarray) -> np.ndarray:
    """The latents that change the image most, at most SIDE of them, since many latents of a trained model change
    nothing.

    Args:
      images: uint8 [L, n, H, W, C], latent i moved through n values.
    Returns:
      int32 [min(L, SIDE)], ascending; chosen by the variance over the n images, averaged over pixels.
    """
    variance = images.astype(np.float64).var(axis=1).mean(axis=(1, 2, 3))
    return np.sort(np.argsort(-variance, kind="stable")[:SIDE]).astype(np.int32)


def pictures(model: DiscreteVAE, images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """All pictures of a model; equal models and seeds give equal pictures.

    Args:
      model: the trained model.
      images: uint8 [N, D], the test split, from which those of the authors' 20 display images are taken that it has.
      seed: seed of the run.
    Returns:
      uint8 images [..., H, W, C] by name; pictures that need latents which the model does not have are left out.
      indices: int32 [n], the numbers of the display images.
      originals: [n], as the model observes them.
      sampled: [n], the decoder's mean at a sample of the posterior.
      one_hot: [n], the decoder's mean at the argmax of that sample.
      prior, prior_one_hot: [SIDE, SIDE], the decoder's mean at samples of the relaxed prior and at uniform one-hot
        codes.
      traversal_continuous: [D, len(LEVELS)], traversal_discrete: [V', K], of the `most_moving` latents, whose numbers
        are int32 latents_continuous [D] and latents_discrete [V']. The other latents keep the one-hot code of the first
        display image.
    """
    indices = np.array([i for i in DISPLAY_INDICES if i < len(images)], np.int32)
    observed = model.observe(tf.constant(images[indices]), run_seed(seed, "pictures/observed"))
    latent, shape = model.latent, layout(model.latent)
    drawn = latent.sample(tf.cast(model.encoder(observed), tf.float32), 1, run_seed(seed, "pictures/posterior"))
    result = {
        "indices": indices,
        "originals": as_bytes(observed, (len(indices),), model.image_shape),
        "sampled": mean_images(model, drawn.code[0]),
        "prior": mean_images(
            model, prior_codes(latent, SIDE**2, run_seed(seed, "pictures/prior")).reshape(SIDE, SIDE, -1)
        ),
    }
    base = drawn.code[0, 0].numpy()
    if shape.variables:
        one_hot = latent.one_hot(drawn)[0].numpy()
        base = one_hot[0]
        uniform = one_hot_prior_codes(latent, SIDE**2, run_seed(seed, "pictures/uniform"))
        result["one_hot"] = mean_images(model, one_hot)
        result["prior_one_hot"] = mean_images(model, uniform.reshape(SIDE, SIDE, -1))
    for kind, count, codes in (
        ("discrete", shape.variables, discrete_traversal),
        ("continuous", shape.continuous, continuous_traversal),
    ):
        if count:
            moved = mean_images(model, codes(base, shape))
            result[f"latents_{kind}"] = most_moving(moved)
            result[f"traversal_{kind}"] = moved[result[f"latents_{kind}"]]
    return result
