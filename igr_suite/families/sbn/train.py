"""Executes a `TrainSBN` config: data, model, loop, bounds of validation and test images, summary."""

import numpy as np
import tensorflow as tf

from igr_suite import data
from igr_suite.families.sbn.config import TrainSBN
from igr_suite.families.sbn.model import SBN
from igr_suite.lab.analysis.epoch_means import epoch_means
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.measuring.gradient_variance import variance_function
from igr_suite.randomness import at_step, run_seed
from igr_suite.training.evaluation import Evaluator
from igr_suite.training.executor import (
    Rows,
    Training,
    filled_batches_plan,
    flat,
    likelihoods,
    load_images,
    mean_image,
    sampled_once,
    train,
)


def load_splits(config: TrainSBN) -> tuple[data.Dataset, dict[str, np.ndarray]]:
    """The data set, and its splits as uint8 [N, D], all in {0, 255} but the training images of "dynamic"."""
    dataset = load_images(config)
    splits = {name: flat(getattr(dataset, name)) for name in ("train", "validation", "test")}
    for number, name in enumerate(splits):
        if config.data.binarisation == "once" or (config.data.binarisation == "dynamic" and name != "train"):
            splits[name] = sampled_once(splits[name], number)
    return dataset, splits


def build_model(config: TrainSBN, train: np.ndarray) -> SBN:
    """The untrained model of a config; its mean image is that of the training images as they are stored."""
    dynamic = config.data.binarisation == "dynamic"
    mean = mean_image(train, grey=dynamic)
    rows = config.schedule.batch_size * config.model.samples
    binarisation, estimation = "dynamic" if dynamic else "static", config.resolved_estimation
    return SBN(config.model, config.optimiser, mean, binarisation, config.seed, rows=rows, estimation=estimation)


def execute(config: TrainSBN, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; continues from the folder's last checkpoint if there is one."""
    dataset, splits = load_splits(config)
    plan = filled_batches_plan(config, len(splits["train"]))
    model = build_model(config, splits["train"])
    evaluators = [Evaluator(model, splits[site], site, config.seed) for site in ("validation", "test")]
    noise = (
        frozen_variance(model, splits["train"][: config.schedule.batch_size], config)
        if config.evaluation.variance_draws
        else dict
    )

    def evaluate(step: int) -> dict[str, float]:
        del step  # every evaluation has the same noise, so that epochs differ by the model alone
        bounds = [evaluator.log_likelihoods(config.evaluation.importance_samples, "bound") for evaluator in evaluators]
        return bounds[0] | bounds[1] | noise()

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        most = config.evaluation.likelihood_samples
        longest = likelihoods(evaluators[1], [("bound", most)] if most else [], interrupts)
        return epoch_means(rows)[-1] | longest

    meta = {"parameters": model.count_params()}
    training = Training(
        model=model, rows=splits["train"], plan=plan, evaluate=evaluate, dataset=dataset, meta=meta, finish=finish
    )
    train(training, folder)


def frozen_variance(model: SBN, batch: np.ndarray, config: TrainSBN):
    """Returns a function that measures every method's gradient variance at the model's present weights, on this batch.

    It returns "frozen_variance_<method>", the mean over q's weights of the variance of the batch gradient across noise
    draws, and "frozen_logit_variance_<method>", the mean over images and units of the variance of each image's gradient
    by q's logits.
    """
    images, seed = tf.constant(batch), run_seed(config.seed, "frozen variance")

    def gradients(draw_seed: tf.Tensor):
        x = model.observations(images, seed)
        uniforms = model.uniforms(x.shape[0], draw_seed)
        return model.recognition_gradients(x, uniforms, at_step(draw_seed, tf.constant(3)))

    measure = variance_function(gradients, config.evaluation.variance_draws)
    return lambda: {name: float(value) for name, value in measure(seed).items()}
