"""Executes a `TrainDNI` config: labelled images, network, loop, errors, comparison of synthetic with true gradients,
summary."""

import numpy as np
import tensorflow as tf

from igr_suite import data
from igr_suite.data.batching import steps_per_epoch
from igr_suite.errors import UserError
from igr_suite.families.dni.config import CLASSES, TrainDNI
from igr_suite.families.dni.model import DNIClassifier
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.evaluation import Evaluator, evaluation_function
from igr_suite.training.executor import Training, flat, load_images, train
from igr_suite.training.loop import Plan

SPLITS = ("train", "validation", "test")


def load_rows(config: TrainDNI) -> tuple[data.Dataset, dict[str, np.ndarray]]:
    """The data set, and its splits as rows uint8 [N, D + 1]: pixels, then the label.

    Raises:
      UserError: the data set has no labels of ten classes.
    """
    dataset = load_images(config)
    rows = {}
    for name in SPLITS:
        images, labels = getattr(dataset, name), getattr(dataset, f"{name}_labels")
        if labels is None or labels.max(initial=0) >= CLASSES:
            raise UserError(
                f"{config.data.name} has no labels of {CLASSES} classes, which a classifier needs; take mnist"
            )
        if config.data.pad32:
            images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
        rows[name] = np.concatenate([flat(images), labels[:, np.newaxis].astype(np.uint8)], axis=1)
    if config.data.train_split == "all":
        rows["train"] = np.concatenate([rows["train"], rows["validation"]])
    return dataset, rows


def pixel_scales(rows: dict[str, np.ndarray], scaling: str) -> dict[str, tuple[float, float]]:
    """Split -> (mean, deviation) by which its pixels 0..255 are centred and divided; see `DNIDataConfig.scaling`."""
    if scaling in ("unit", "raw"):
        return dict.fromkeys(rows, (0.0, 255.0 if scaling == "unit" else 1.0))
    source = {name: rows[name if scaling == "separately" else "train"][:, :-1] for name in rows}
    return {
        name: (float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64)))
        for name, pixels in source.items()
    }


def build_model(config: TrainDNI, dataset: data.Dataset, rows: dict[str, np.ndarray]) -> DNIClassifier:
    """The untrained model of a config."""
    height, width, channels = dataset.image_shape
    pad = 4 if config.data.pad32 else 0
    return DNIClassifier(config, (height + pad, width + pad, channels), pixel_scales(rows, config.data.scaling))


def build_plan(config: TrainDNI, examples: int) -> Plan:
    """Whole epochs of whole batches."""
    schedule = config.schedule
    epochs = schedule.epochs or -(-schedule.steps // steps_per_epoch(examples, schedule.batch_size))
    return Plan(
        examples, schedule.batch_size, epochs, schedule.evaluate_every, config.seed, stored_order=config.data.file_order
    )


def execute(config: TrainDNI, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; continues from the folder's last checkpoint if there is one."""
    dataset, rows = load_rows(config)
    plan = build_plan(config, len(rows["train"]))
    model = build_model(config, dataset, rows)
    networks = {
        "modules": model.net.parts,
        "synthesisers": model.net.synthesisers,
        "input_models": model.net.input_models,
    }
    counts = {
        f"parameters_{name}": sum(network.count_params() for network in group) for name, group in networks.items()
    }
    errors = evaluation_function(
        {site: Evaluator(model, rows[site], site, config.seed, split=site) for site in ("validation", "test")}
    )
    audit = tf.function(lambda batch: model.audit(batch, "validation"), autograph=False)
    audited = tf.constant(rows["validation"][: config.evaluation.audit])

    def evaluate(step: int) -> dict[str, float]:
        agreement = audit(audited) if config.evaluation.audit and model.net.synthesisers else {}
        return errors(step) | {name: float(value) for name, value in agreement.items()}

    training = Training(model=model, rows=rows["train"], plan=plan, evaluate=evaluate, dataset=dataset, meta=counts)
    train(training, folder)
