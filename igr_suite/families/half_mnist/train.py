"""Executes a `TrainHalfMNIST` config: data, model, loop, gradient study, pictures, summary."""

from dataclasses import dataclass, field

import numpy as np

from igr_suite.data.batching import steps_per_epoch
from igr_suite.families.half_mnist.config import TrainHalfMNIST
from igr_suite.families.half_mnist.gradients import GradientStudy
from igr_suite.families.half_mnist.model import HalfMNIST
from igr_suite.lab.analysis.epoch_means import epoch_means
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.metrics_log import MetricsLog
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.completions import store_pictures
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import Rows, Training, flat, load_images, split_evaluators, train, training_images
from igr_suite.training.loop import Plan


@dataclass(frozen=True)
class StoppingPlan(Plan):
    """A plan that ends with the first epoch whose mean training loss is `least_loss` or less, read from the run's own
    rows.

    With `least_loss` None it is the plain plan.
    """

    least_loss: float | None = None
    metrics: MetricsLog | None = field(default=None, compare=False)

    @property
    def steps(self) -> int:
        if self.least_loss is not None:
            for row in epoch_means(self.metrics.rows()):
                if row["train_nll"] <= self.least_loss:
                    return row["step"]
        return super().steps

    def evaluates(self, step: int) -> bool:
        return super().evaluates(step) or step == self.steps


def build_plan(config: TrainHalfMNIST, examples: int, folder: RunFolder) -> Plan:
    """Whole epochs of whole batches, until the config's loss is reached."""
    schedule = config.schedule
    counts = examples, schedule.batch_size, schedule.epochs, schedule.evaluate_every, config.seed
    return StoppingPlan(*counts, least_loss=schedule.least_loss, metrics=folder.metrics)


def execute(config: TrainHalfMNIST, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; continues from the folder's last checkpoint if there is one."""
    dataset = load_images(config)
    images = training_images(config, dataset)
    model = HalfMNIST(config, steps_per_epoch(len(images), config.schedule.batch_size))
    sites = ("validation", "test") if config.data.train_split == "train" else ("test",)
    evaluate = evaluation_function(split_evaluators(model, dataset, config.seed, sites))
    if config.evaluation.gradient_samples:
        evaluate = GradientStudy(model, flat(dataset.validation), config).beside(evaluate)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del interrupts
        if config.evaluation.pictures:
            store_pictures(
                model, np.where(dataset.test >= config.data.threshold, 255, 0).astype(np.uint8), config, folder
            )
        return {name: value for name, value in epoch_means(rows)[-1].items() if name != "step"}

    plan, meta = build_plan(config, len(images), folder), {"parameters": model.count_params()}
    if model.synthetic:
        meta["synthetic_parameters"] = model.synthetic.net.count_params()
    training = Training(
        model=model, rows=images, plan=plan, evaluate=evaluate, dataset=dataset, meta=meta, finish=finish
    )
    train(training, folder)
