"""A trained VAE of hard codes, of one layer or several, as a subject of `estimator_variance`."""

import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.estimators.names import REFERENCE
from igr_suite.families.hard_vae.codes import HardVAE, HardVAEChain
from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.families.hard_vae.train_codes import build_model
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.estimator_variance import Source, first_images
from igr_suite.measuring.registered_source import chain_source, registered_names
from igr_suite.randomness import run_seed
from igr_suite.training.executor import load_images, training_images
from igr_suite.training.loading import restored


class HardVAESubject:
    """The bound of the model as it trains, with its prior; the KL is evaluated at samples.

    Args:
      model: trained.
      x: observations [N, D].
    """

    own_steps = 0
    jit = False  # measured: the decoder's products are slower under XLA (docs/performance.md)
    reference = REFERENCE

    def __init__(self, model: HardVAE, x: tf.Tensor):
        self.chain, self.shapes = HardVAEChain(model, x, sampled=True), model.logit_shapes(x.shape[0])
        self.support = model.config.support
        self.names = registered_names(self.support)

    def source(self, name: str, fresh: bool = False) -> Source:
        """See `Subject`; settings and parameters of the run are not taken, so `fresh` has no effect."""
        del fresh
        return chain_source(name, self.chain, self.shapes, self.chain.images.dtype, self.own_steps)


def load(folder: RunFolder, config: TrainHardVAE, images: int, seed: tf.Tensor) -> HardVAESubject:
    """The subject of a finished run, from its newest checkpoint and its first training images. `seed` is not used,
    since nothing is drawn.

    Raises:
      UserError: there is no checkpoint, or there are too few images.
    """
    del seed
    dataset = load_images(config)
    model = build_model(config, dataset)
    batch = tf.constant(first_images(training_images(config, dataset), images))
    restored(model, folder)
    seed = run_seed(config.seed, "estimator variance")
    return HardVAESubject(model, to_unit_interval(batch, model.binarisation, seed))
