"""Pictures of digits whose lower half a model completes."""

import numpy as np
import tensorflow as tf

from igr_suite.data.halves import HALF_PIXELS, PICTURED
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.training.executor import flat


def store_pictures(model, images: np.ndarray, config: RunConfig, folder: RunFolder) -> None:
    """Writes pictures.npz: `truth` uint8 [10, 28, 28, 1] in {0, 255}, and `completions` uint8 [R, 10, 28, 28, 1] with
    the true upper halves.

    A completion is round(sigmoid(logits)) after one draw of rounded units.

    Args:
      model: has `halves(x)` and `logits(upper, draws, seed, rounded)`.
      images: uint8 [N, 28, 28, 1], of which those at `PICTURED` are used.
      config: of the run; `evaluation.pictures` is R.
      folder: of the run.
    """
    upper, lower = model.halves(tf.constant(flat(images[list(PICTURED)])))
    logits = model.logits(upper, config.evaluation.pictures, run_seed(config.seed, "pictures"), rounded=True)
    completed = tf.cast(logits >= 0.0, upper.dtype)
    given = tf.broadcast_to(upper, [config.evaluation.pictures, len(PICTURED), HALF_PIXELS])
    pictures = {"truth": tf.concat([upper, lower], -1), "completions": tf.concat([given, completed], -1)}
    arrays = {
        name: (255 * value.numpy()).astype(np.uint8).reshape(*value.shape[:-1], 28, 28, 1)
        for name, value in pictures.items()
    }
    picture_file.save(folder.path, arrays)
