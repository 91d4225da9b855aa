"""Executes a `TrainMixture` config: data, model, loop, final measurements, pictures, summary."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from igr_suite import data
from igr_suite.data.binarisation import to_unit_interval
from igr_suite.data.dataset import DISPLAY_INDICES
from igr_suite.families.mixture.config import TrainMixture
from igr_suite.families.mixture.model import MixtureVAE
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed, standard_normal
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import Rows, flat, likelihoods, prepare, split_evaluators, train

USED = 0.01  # a component with a larger mean weight counts as used
PRIOR_SAMPLES = 8  # pictured samples of each component's prior


def build_model(config: TrainMixture, dataset: data.Dataset) -> MixtureVAE:
    """The untrained model of a config."""
    return MixtureVAE(
        config.model,
        image_shape=dataset.image_shape,
        binarisation=config.data.binarisation,
        optimiser=config.optimiser,
        samples=config.schedule.samples,
        matmul_precision=config.schedule.matmul_precision,
        seed=config.seed,
    )


def usage(row: dict[str, float], components: int) -> dict[str, float]:
    """Usage of the components in an evaluation's row: the perplexity of their mean weights, and how many exceed 1%."""
    weights = np.array([row[f"test_weight_{k + 1}"] for k in range(components)])
    entropy = -np.sum(np.where(weights > 0, weights * np.log(np.maximum(weights, 1e-300)), 0.0))
    return {"test_components_effective": float(np.exp(entropy)), "test_components_used": int(np.sum(weights > USED))}


def execute(config: TrainMixture, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; goes on from the folder's last checkpoint if there is one."""
    training = prepare(config, build_model)
    model, dataset = training.model, training.dataset
    evaluators = split_evaluators(model, dataset, config.seed, ("validation",))
    evaluators |= split_evaluators(model, dataset, config.seed, ("test",), usage=True)
    elbos = evaluation_function(evaluators)

    def evaluate(step: int) -> dict[str, float]:
        row = elbos(step)
        return row | usage(row, config.model.components)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows
        wanted = [("mixture", config.evaluation.importance_samples)]
        log_likelihoods = likelihoods(evaluators["test"], wanted, interrupts)
        if config.evaluation.pictures:
            store_pictures(model, dataset, config, folder)
        return log_likelihoods

    train(replace(training, evaluate=evaluate, finish=finish), folder)


def store_pictures(model: MixtureVAE, dataset: data.Dataset, config: TrainMixture, folder: RunFolder) -> None:
    """Writes pictures.npz, whose images are uint8 means of pixels.

    Its arrays are `originals` and `reconstructions` [N, H, W, 1], the display images that the split has and their means
    under the component with the largest weight; `component` int32 [N], the number of that component; and `prior`
    [C, 8, H, W, 1], decoded samples z ~ N(m_k, I) with the same noise for every component.
    """
    shown = [index for index in DISPLAY_INDICES if index < len(dataset.test)]
    originals = dataset.test[shown]
    batch = tf.constant(flat(originals))
    seed = run_seed(config.seed, "pictures")
    draw = model.sample(to_unit_interval(batch, config.data.binarisation, seed), 1, seed)
    best = tf.argmax(draw.log_q[0], -1, output_type=tf.int32)
    chosen = tf.gather(draw.components.loc, best, batch_dims=1)
    noise = standard_normal((PRIOR_SAMPLES, config.model.dimensions), run_seed(config.seed, "pictures of the prior"))
    prior = model.prior_loc[:, tf.newaxis] + noise

    def means(z: tf.Tensor) -> np.ndarray:
        return picture_file.as_bytes(tf.sigmoid(model.decode(z)), z.shape[:-1], dataset.image_shape)

    arrays = {
        "originals": originals,
        "reconstructions": means(chosen),
        "component": best.numpy(),
        "prior": means(prior),
    }
    picture_file.save(folder.path, arrays)
