"""A trained VAE of hard codes of one layer as a subject of `estimator_variance`."""

import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.errors import UserError
from igr_suite.families.hard_vae.codes import HardVAE, HardVAEChain
from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.families.hard_vae.train_codes import build_model
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.code_subject import CodeSubject
from igr_suite.measuring.estimator_variance import first_images
from igr_suite.randomness import run_seed
from igr_suite.training.executor import load_images, training_images
from igr_suite.training.loading import restored


class HardVAESubject(CodeSubject):
    """The bound of the model as it trains, with its prior; the KL is evaluated at samples.

    Args:
      model: trained, of one layer.
      x: observations [N, D].
    """

    def __init__(self, model: HardVAE, x: tf.Tensor):
        self.chain = HardVAEChain(model, x, sampled=True)
        super().__init__(model, x, model.config.support, lambda x: HardVAEChain(model, x).logits(0, None))

    def bound(self, code, logits):
        return self.chain.term(0, code, None, logits)


def load(folder: RunFolder, config: TrainHardVAE, images: int, seed: tf.Tensor) -> HardVAESubject:
    """The subject of a finished run, from its newest checkpoint and its first training images. `seed` is not used,
    since nothing is drawn.

    Raises:
      UserError: there is no checkpoint, there are too few images, or the codes have several layers.
    """
    del seed
    if config.model.layers > 1:
        raise UserError(
            f"gradients of VAEs of hard codes are measured for one layer, and model.layers={config.model.layers}; take a "
            f"belief network, or a run with one layer"
        )
    dataset = load_images(config)
    model = build_model(config, dataset)
    batch = tf.constant(first_images(training_images(config, dataset), images))
    restored(model, folder)
    seed = run_seed(config.seed, "estimator variance")
    return HardVAESubject(model, to_unit_interval(batch, model.binarisation, seed))
