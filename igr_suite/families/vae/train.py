"""Executes a `TrainVAE` config: data, model, loop, final measurements, summary."""

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
from igr_suite.training.executor import Rows, Training, flat, likelihoods, load_images, plan_of, train, training_images
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
    replicas = Replicas.chosen()
    dataset = load_images(config)
    images = training_images(config, dataset)
    plan = plan_of(config, len(images))
    if replicas.strategy is not None and config.model.prior == "fitted":
        # now, since the fit's weights are nobody's replicas
        vae_prior(config.model.distribution, config.model.categories, config.model.delta)
    with replicas.scope():
        model = build_model(config, dataset)
    validation = Evaluator(model, flat(dataset.validation), "validation", config.seed, discrete=False)
    test = Evaluator(model, flat(dataset.test), "test", config.seed)
    often = test  # what measures the test split before the last step
    if config.evaluation.exact_one_hot == "last":
        often = Evaluator(model, flat(dataset.test), "test", config.seed, exact=False)
    evaluate = evaluation_function({"validation": validation, "test": often}, plan.steps, {"test": test})
    if config.monitor is not None:
        evaluate = GradientMonitor(model, images, config.monitor, config.seed).beside(evaluate)

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows
        estimators = model.weight_estimators(config.evaluation.historical_likelihood)
        found = likelihoods(test, [(name, config.evaluation.importance_samples) for name in estimators], interrupts)
        if config.evaluation.pictures:
            picture_file.save(folder.path, pictures(model, flat(dataset.test), config.seed))
        return found

    meta = {"parameters": model.count_params(), **model.latent.records}
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
