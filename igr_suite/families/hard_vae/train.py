"""Executes a `TrainRelax` config: data, model, loop, final measurements, summary."""

from dataclasses import replace

import tensorflow as tf

from igr_suite import data
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import Rows, likelihoods, prepare, split_evaluators, train


def build_model(config: TrainRelax, dataset: data.Dataset) -> RelaxVAE:
    """The untrained model of a config."""
    return RelaxVAE(
        config.model,
        image_shape=dataset.image_shape,
        likelihood=dataset.likelihood,
        binarisation=config.data.binarisation,
        optimiser=config.optimiser,
        seed=config.seed,
    )


def execute(config: TrainRelax, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; goes on from the folder's last checkpoint if there is one."""
    training = prepare(config, build_model)
    model = training.model
    evaluators = split_evaluators(model, training.dataset, config.seed)
    bounds = evaluation_function(evaluators)
    monitored = tf.constant(training.rows[: config.evaluation.variance_images])
    variance = tf.function(model.gradient_variance, autograph=False)

    def evaluate(step: int) -> dict[str, float]:
        measured = variance(monitored, config.evaluation.variance_draws, run_seed(config.seed, "gradient variance"))
        return bounds(step) | {name: float(value) for name, value in measured.items()}

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows
        return likelihoods(evaluators["test"], [("one_hot", config.evaluation.importance_samples)], interrupts)

    train(replace(training, evaluate=evaluate, finish=finish), folder)
