"""Converts uint8 images to the values that a Bernoulli or Gaussian likelihood observes, on the device and inside
compiled functions."""

import tensorflow as tf

from igr_suite.data.dataset import check_binarisation
from igr_suite.errors import UserError
from igr_suite.randomness import of_whole_batch


def to_unit_interval(
    images: tf.Tensor, binarisation: str, seed: tf.Tensor | None = None, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Maps uint8 images to [0, 1].

        none     x / 255
        static   [x / 255 >= 0.5], which for integers is [x >= 128]
        dynamic  b ~ Bernoulli(x / 255), a pure function of the seed (a different one under XLA)

    Args:
      images: uint8 of any shape, image-shaped or flattened.
      binarisation: one of `igr_suite.data.BINARISATIONS`.
      seed: int32 [2], needed by "dynamic" only.
      dtype: of the result.
    Returns:
      The same shape as `images`, of `dtype`.
    Raises:
      UserError: unknown binarisation, images that are not uint8, or "dynamic" without a seed.
    Source: static threshold, IGR code (docs/papers/igr.md, section 3.1); dynamic, DReG code (docs/papers/dreg.md).
    """
    check_binarisation(binarisation)
    images = tf.convert_to_tensor(images)
    if images.dtype != tf.uint8:
        raise UserError(
            f"images must be uint8 in 0..255, got {images.dtype.name}; values already in [0, 1] need no binarisation "
            f"step"
        )
    if binarisation == "static":
        return tf.cast(images >= 128, dtype)
    if binarisation == "none":
        return tf.cast(images, dtype) / 255
    if seed is None:
        raise UserError("binarisation 'dynamic' needs a seed (int32 [2]); 'static' and 'none' need none")
    # The uniform lies in [0, 1), so 255 is always on and 0 always off. The generator is named because under XLA on a
    # CPU the default one ("auto_select") gives the same numbers some 30 times more slowly (TF 2.21: 28 ms a draw of
    # 100 x 784 against 0.9 ms).
    uniform = of_whole_batch(
        lambda shape: tf.random.stateless_uniform(shape, seed, dtype=tf.float32, alg="philox"),
        tf.shape(images),
        batch_axis=0,
    )
    return tf.cast(uniform < tf.cast(images, tf.float32) / 255, dtype)
