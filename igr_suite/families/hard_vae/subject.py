"""A trained VAE of hard codes as a subject of `estimator_variance`."""

import tensorflow as tf

from igr_suite.data.binarisation import to_unit_interval
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.families.hard_vae.train import build_model
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.code_subject import CodeSubject
from igr_suite.measuring.estimator_variance import first_images
from igr_suite.randomness import run_seed
from igr_suite.training.executor import load_images, training_images
from igr_suite.training.loading import restored


def load(folder: RunFolder, config: TrainRelax, images: int, seed: tf.Tensor) -> CodeSubject:
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
    return subject_of(model, to_unit_interval(batch, model.binarisation, run_seed(config.seed, "estimator variance")))


def subject_of(model: RelaxVAE, x: tf.Tensor) -> CodeSubject:
    """The subject of a model at observations [N, D]; of Gaussian codes the logits are log q of their argmax, by
    quadrature."""
    support = "bernoulli" if model.config.name == "Relax_Ber_Dis" else "categorical"

    def logits_of(x: tf.Tensor) -> tf.Tensor:
        parameters = model.encode(x)
        if support == "bernoulli":
            return parameters[..., 0]
        return parameters if model.config.name == "Relax_GS_Dis" else model.log_distribution(parameters)

    return CodeSubject(model, x, support, logits_of)
