"""Executes a `TrainHardVAE` config: data, model, loop, final measurements, summary."""

from dataclasses import replace

from igr_suite import data
from igr_suite.discrete.config import build_estimator
from igr_suite.families.hard_vae.codes import HardVAE
from igr_suite.families.hard_vae.codes_config import TrainHardVAE
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.evaluation import evaluation_function
from igr_suite.training.executor import Rows, likelihoods, mean_image, prepare, split_evaluators, train, training_images


def build_model(config: TrainHardVAE, dataset: data.Dataset) -> HardVAE:
    """The untrained model of a config."""
    model, binarisation = config.model, config.data.binarisation
    mean = mean_image(training_images(config, dataset), grey=binarisation != "static") if model.centred else None
    return HardVAE(
        model,
        build_estimator(model.estimator, model.estimator_options, model.support),
        image_shape=dataset.image_shape,
        likelihood=config.likelihood,
        binarisation=binarisation,
        optimiser=config.optimiser,
        estimation=config.resolved_estimation,
        mean=mean,
        seed=config.seed,
    )


def execute(config: TrainHardVAE, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; goes on from the folder's last checkpoint if there is one."""
    training = prepare(config, build_model)
    sites = ("validation", "test") if config.evaluation.validation else ("test",)
    evaluators = split_evaluators(training.model, training.dataset, config.seed, sites)
    bounds, samples = evaluation_function(evaluators), config.evaluation.importance_samples

    def evaluate(step: int) -> dict[str, float]:
        measured = evaluators["test"].log_likelihoods(samples, "one_hot") if config.evaluation.every_time else {}
        return bounds(step) | measured

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows
        return likelihoods(evaluators["test"], [("one_hot", samples)], interrupts)

    train(replace(training, evaluate=evaluate, finish=finish), folder)
