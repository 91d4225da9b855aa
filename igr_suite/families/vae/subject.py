"""A trained VAE of relaxed discrete codes as a subject of `estimator_variance`."""

import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.train import build_model
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.code_subject import CodeSubject
from igr_suite.measuring.estimator_variance import first_images
from igr_suite.randomness import run_seed
from igr_suite.training.executor import load_images, training_images
from igr_suite.training.loading import restored


def load(folder: RunFolder, config: TrainVAE, images: int, seed: tf.Tensor) -> CodeSubject:
    """The subject of a finished run, from its newest checkpoint and its first training images. `seed` is not used,
    since nothing is drawn.

    Raises:
      UserError: the codes have no known distribution of the argmax, there is no checkpoint, or too few images.
    """
    del seed
    dataset = load_images(config)
    model = build_model(config, dataset)
    if config.model.joint or not model.latent.has_argmax_distribution:
        raise UserError(
            f"{config.model.name} has no distribution of one-hot codes alone, which estimators are compared on; "
            "take a run of GS_Dis or IGR_I_Dis"
        )
    batch = tf.constant(first_images(training_images(config, dataset), images))
    restored(model, folder)
    return subject_of(model, model.observe(batch, run_seed(config.seed, "estimator variance")))


def subject_of(model: DiscreteVAE, x: tf.Tensor) -> CodeSubject:
    """The subject of a model at observations [N, D]; q is the distribution of the argmax of its relaxed codes.

    Logits are the encoder's outputs; of Gaussian relaxations they are log q, by quadrature.
    """

    def logits_of(x: tf.Tensor) -> tf.Tensor:
        output = tf.cast(model.encoder(x), x.dtype)
        return model.latent.log_argmax_distribution(model.latent.sample(output, 1, run_seed(0, "unused")).posterior)

    return CodeSubject(model, x, "categorical", logits_of, flat=True)
