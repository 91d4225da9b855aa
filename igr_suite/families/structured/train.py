"""Executes a `TrainStructured` config: data, model, loop, final measurements, pictures, summary."""

import numpy as np

from igr_suite.families.structured.config import TrainStructured
from igr_suite.families.structured.model import StructuredOutput
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.completions import store_pictures
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import (
    Rows,
    Training,
    likelihoods,
    load_images,
    plan_of,
    split_evaluators,
    train,
    training_images,
)
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
    plan = plan_of(config, len(images))
    with replicas.scope():
        model = build_model(config)
    evaluators = split_evaluators(model, dataset, config.seed)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        losses = [row["train_loss"] for row in rows if "train_loss" in row and row["epoch"] > plan.epochs - 1]
        wanted = ("discrete", config.evaluation.samples), ("relaxed", config.evaluation.relaxed_samples)
        found = {"train_loss_last_epoch": float(np.mean(losses))} | likelihoods(evaluators["test"], wanted, interrupts)
        if config.evaluation.pictures:
            store_pictures(model, dataset.test, config, folder)
        return found

    meta, evaluate = {"parameters": model.count_params()}, evaluation_function(evaluators)
    training = Training(
        model=model,
        rows=images,
        plan=plan,
        evaluate=evaluate,
        dataset=dataset,
        meta=meta,
        finish=finish,
        replicas=replicas,
    )
    train(training, folder)
