"""Executes a `TrainStructured` config: data, model, loop, final measurements, pictures, summary."""


import numpy as np
import tensorflow as tf

from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.completions import store_pictures
from igr_suite.training.evaluation import Evaluator, evaluation_function
from igr_suite.training.executor import flat, load_images, training_images
from igr_suite.training.loop import Plan, fit
from igr_suite.training.strategy import Replicas


def build_model(config: TrainStructured) -> StructuredOutput:
    """The untrained model of a config."""
    return StructuredOutput(
        config.model,
        optimiser=config.optimiser,
        samples=config.schedule.samples,
        evaluation_samples=config.evaluation.samples_while_training,
        matmul_precision=config.schedule.matmul_precision,
        seed=config.seed,
    )


def execute(config: TrainStructured, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; goes on from the folder's last checkpoint if there is one."""
    replicas = Replicas.chosen()
    dataset = load_images(config)
    images = training_images(config, dataset)
    plan = Plan(len(images), config.schedule.batch_size, config.schedule.epochs, config.schedule.evaluate_every, config.seed)
    with replicas.scope():
        model = build_model(config)
    folder.write_meta(data=dataset.describe(), parameters=model.count_params())
    evaluators = {site: Evaluator(model, flat(getattr(dataset, site)), site, config.seed) for site in ("validation", "test")}
    test = evaluators["test"]
    with Interrupts() as interrupts:
        before = folder.meta().get("train_seconds", 0.0)
        seconds = fit(model, tf.constant(images), plan, folder, evaluation_function(evaluators), interrupts, replicas)
        folder.write_meta(train_seconds=before + seconds)
        rows = folder.metrics.rows()
        last = rows[-1]  # the loop ends with an evaluation
        losses = [row["train_loss"] for row in rows if "train_loss" in row and row["epoch"] > plan.epochs - 1]
        summary = {"steps": last.pop("step"), "data": dataset.describe(), **last, "train_loss_last_epoch": float(np.mean(losses))}
        for estimator, samples in (("discrete", config.evaluation.samples), ("relaxed", config.evaluation.relaxed_samples)):
            summary |= test.log_likelihoods(samples, estimator)
            if interrupts.requested:
                interrupts.stop()
    if config.evaluation.pictures:
        store_pictures(model, dataset.test, config, folder)
    folder.write_summary(summary)
