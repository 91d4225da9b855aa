"""Executes a `PosteriorDistance` config: rebuilds a trained VAE from its checkpoint and measures how near its codes are
to vertices."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from igr_suite.errors import UserError
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.posterior_config import PosteriorDistance
from igr_suite.families.vae.train import build_model
from igr_suite.lab.runs.progress import Progress
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.wholeness import WAY_OUT
from igr_suite.measuring.distances import describe_distances
from igr_suite.randomness import at_step, run_seed
from igr_suite.relaxations import distance_to_vertex
from igr_suite.training import checkpoints
from igr_suite.training.executor import flat, load_images
from igr_suite.training.loop import restore

CODES_A_CALL = 120_000  # images x samples x variables; each is K numbers, of which memory holds a few copies


def trained_model(config: TrainVAE, path: Path) -> DiscreteVAE:
    """The model of a finished run, with the state of its newest checkpoint.

    Args:
      config: config of the run.
      path: folder of the run.
    Raises:
      UserError: the run is not finished, the folder holds another run, or the checkpoint is absent, damaged or of
        another model.
    """
    folder = RunFolder(path)
    if not folder.finished:
        raise UserError(f"{path.name} is to be measured and is not finished; run it first, or leave --only out")
    stored = folder.config()
    if stored is not None and stored.to_dict() != config.to_dict():
        raise UserError(f"{path} holds another run than {config.run_id}; delete it and start the command again")
    state = checkpoints.latest(folder.checkpoints)
    if state is None:
        raise UserError(
            f"{folder.checkpoints} has no checkpoint (results are often copied without them); copy that folder too, "
            f"or delete {path} and start the same command again, which trains it anew"
        )
    model = build_model(config, load_images(config))
    restore(model, state, folder)
    return model


def distance_function(model: DiscreteVAE, samples: int, seed: tf.Tensor) -> Callable[[np.ndarray, int], np.ndarray]:
    """Returns a compiled function that draws posterior samples and measures their distances.

    Args:
      model: the trained model.
      samples: number S of samples for each image and variable.
      seed: int32 [2]; the noise of batch i follows from (seed, i).
    Returns:
      (images uint8 [B, D], i) -> distance to the nearest vertex, float32 [S, B, V].
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def distances(batch: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        images = model.observe(batch, at_step(seed, 2 * number))
        draw = model.latent.sample(model.encoder(images), samples, at_step(seed, 2 * number + 1)).draw
        return distance_to_vertex(draw.sample)

    return lambda batch, number: distances(tf.constant(batch), tf.constant(number)).numpy()


def execute(config: PosteriorDistance, folder: RunFolder) -> None:
    """Measures all images of the split.

    The summary holds two results of `describe_distances`: `image`, over images, of the median over samples of the mean
    over variables (as in the original's figure); and `sample`, over all images, samples and variables (the "_20"
    criterion reads its p75).
    """
    trained, trained_folder = config.trained, folder.path.parent / config.trained.run_id
    if fault := RunFolder(trained_folder).fault(config=trained):
        raise UserError(f"{trained.run_id} is to be measured and is not whole: {fault}; {WAY_OUT}")
    model = trained_model(trained, trained_folder)
    images = flat(getattr(load_images(trained), config.split))
    measure = distance_function(model, config.samples, run_seed(trained.seed, f"posterior distance/{config.split}"))
    size = max(1, CODES_A_CALL // (config.samples * trained.model.variables))
    medians, distances = [], []
    with Progress(folder) as progress:
        for number, begin in enumerate(range(0, len(images), size)):
            of_batch = measure(images[begin : begin + size], number)
            medians.append(np.median(of_batch.mean(axis=2), axis=0))
            distances.append(of_batch.ravel())
            progress.update(begin + size, len(images))
    counts = {"images": len(images), "codes": int(sum(map(len, distances)))}
    over_images, over_codes = (describe_distances(np.concatenate(parts)) for parts in (medians, distances))
    # without standard errors, since the codes of an image are not independent
    over_codes = {name: value for name, value in over_codes.items() if not name.endswith("_se")}
    folder.write_summary({**counts, "trained_run": trained.run_id, "image": over_images, "sample": over_codes})
