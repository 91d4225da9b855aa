"""Executes a `TrainStructured` config: data, model, loop, final measurements, pictures, summary."""

from dataclasses import replace

import numpy as np

from igr_suite import data
from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.completions import store_pictures
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import Rows, likelihoods, prepare, split_evaluators, train


def build_model(config: TrainStructured, dataset: data.Dataset) -> StructuredOutput:
    """The untrained model of a config; all data sets of this family have images of one shape."""
    del dataset
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
    training = prepare(config, build_model)
    model, dataset = training.model, training.dataset
    evaluators = split_evaluators(model, dataset, config.seed)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        last = training.plan.epochs - 1
        losses = [row["train_loss"] for row in rows if "train_loss" in row and row["epoch"] > last]
        wanted = ("discrete", config.evaluation.samples), ("relaxed", config.evaluation.relaxed_samples)
        log_likelihoods = likelihoods(evaluators["test"], wanted, interrupts)
        if config.evaluation.pictures:
            store_pictures(model, dataset.test, config, folder)
        return {"train_loss_last_epoch": float(np.mean(losses)), **log_likelihoods}

    train(replace(training, evaluate=evaluation_function(evaluators), finish=finish), folder)
