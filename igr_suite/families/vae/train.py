"""Executes a `TrainVAE` config: data, model, loop, final measurements, summary."""

from dataclasses import replace

from igr_suite import data
from igr_suite.families.vae.config import TrainVAE
from igr_suite.families.vae.gradient_monitor import GradientMonitor
from igr_suite.families.vae.model import DiscreteVAE
from igr_suite.families.vae.pictures import pictures
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.studies.fits.priors import vae_prior
from igr_suite.training.evaluation import Evaluator, evaluation_function
from igr_suite.training.executor import Rows, flat, likelihoods, prepare, train
from igr_suite.training.strategy import Replicas


def build_model(config: TrainVAE, dataset: data.Dataset) -> DiscreteVAE:
    """The untrained model of a config."""
    return DiscreteVAE(
        config.model,
        image_shape=dataset.image_shape,
        likelihood=dataset.likelihood,
        binarisation=config.data.binarisation,
        resize=config.data.resize,
        optimiser=config.optimiser,
        samples=config.schedule.samples,
        matmul_precision=config.schedule.matmul_precision,
        seed=config.seed,
    )


def execute(config: TrainVAE, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; goes on from the folder's last checkpoint if there is one."""
    if config.model.prior == "fitted" and Replicas.chosen().strategy is not None:
        # fitted before the model is built, since the weights of the fit must not be replicated
        vae_prior(config.model.distribution, config.model.categories, config.model.delta)
    training = prepare(config, build_model)
    model, dataset = training.model, training.dataset
    validation = Evaluator(model, flat(dataset.validation), "validation", config.seed, discrete=False)
    test = Evaluator(model, flat(dataset.test), "test", config.seed)
    test_in_training = test
    if config.evaluation.exact_one_hot == "last":
        test_in_training = Evaluator(model, flat(dataset.test), "test", config.seed, exact=False)
    evaluate = evaluation_function(
        {"validation": validation, "test": test_in_training}, training.plan.steps, {"test": test}
    )
    if config.monitor is not None:
        evaluate = GradientMonitor(model, training.rows, config.monitor, config.seed).beside(evaluate)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows
        estimators = model.weight_estimators(config.evaluation.historical_likelihood)
        wanted = [(name, config.evaluation.importance_samples) for name in estimators]
        log_likelihoods = likelihoods(test, wanted, interrupts)
        if config.evaluation.pictures:
            picture_file.save(folder.path, pictures(model, flat(dataset.test), config.seed))
        return log_likelihoods

    meta = {**training.meta, **model.latent.records}
    train(replace(training, evaluate=evaluate, meta=meta, finish=finish), folder)
