"""Executes a `TrainRelax` config: data, model, loop, final measurements, summary."""

import tensorflow as tf

from igr_suite import data
from igr_suite.families.hard_vae.config import TrainRelax
from igr_suite.families.hard_vae.model import RelaxVAE
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.training.evaluation import Evaluator, evaluation_function
from igr_suite.training.executor import flat, load_images, training_images
from igr_suite.training.loop import Plan, fit


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
    dataset = load_images(config)
    images = training_images(config, dataset)
    plan = Plan(len(images), config.schedule.batch_size, config.schedule.epochs, config.schedule.evaluate_every, config.seed)
    model = build_model(config, dataset)
    folder.write_meta(data=dataset.describe(), parameters=model.count_params())
    evaluators = {site: Evaluator(model, flat(getattr(dataset, site)), site, config.seed) for site in ("validation", "test")}
    bounds = evaluation_function(evaluators)
    monitored = tf.constant(images[: config.evaluation.variance_images])
    variance = tf.function(model.gradient_variance, autograph=False)

    def evaluate(step: int) -> dict[str, float]:
        measured = variance(monitored, config.evaluation.variance_draws, run_seed(config.seed, "gradient variance"))
        return bounds(step) | {name: float(value) for name, value in measured.items()}

    with Interrupts() as interrupts:
        before = folder.meta().get("train_seconds", 0.0)
        seconds = fit(model, tf.constant(images), plan, folder, evaluate, interrupts)
        folder.write_meta(train_seconds=before + seconds)
        last = folder.metrics.rows()[-1]  # the loop ends with an evaluation
        summary = {"steps": last.pop("step"), "data": dataset.describe(), **last}
        summary |= evaluators["test"].log_likelihoods(config.evaluation.importance_samples, "one_hot")
    folder.write_summary(summary)
