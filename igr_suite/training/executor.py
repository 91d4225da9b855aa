"""The executor that all families share, from a run's first step to its summary, and the images that a config names.

A family builds a `Training` (data, model, plan, measurements) and passes it to `train`.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from igr_suite import data
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training.evaluation import Evaluator
from igr_suite.training.loop import Plan, fit
from igr_suite.training.strategy import Replicas

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Training:
    """A run that is ready to start.

    Attributes:
      model: untrained, or with the weights from which the run starts; see `loop.fit`.
      rows: uint8 [N, D], the training set.
      plan: epochs, batches, metrics rows and evaluations.
      evaluate: maps a step to the measurements at that step.
      dataset: its description goes into meta.json and summary.json; None for a task without a data set.
      meta: further entries of meta.json.
      finish: maps (rows of the metrics, interrupts) to the entries of the summary in addition to the last row. It runs
        after the last step and may take long; it checks `interrupts` between its parts.
      replicas: the devices among which batches are divided; the model was built in their scope.
    """

    model: keras.Model
    rows: np.ndarray | tf.Tensor
    plan: Plan
    evaluate: Callable[[int], dict[str, float]] = lambda step: {}
    dataset: data.Dataset | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[Rows, Interrupts], Mapping[str, Any]] = lambda rows, interrupts: {}
    replicas: Replicas = field(default_factory=Replicas)


class Built(BaseException):
    """Ends an executor where its training would start; only `only_building` lets it happen."""

    def __init__(self, training: Training):
        super().__init__()
        self.training = training


_only_building: ContextVar[bool] = ContextVar("only_building", default=False)


@contextlib.contextmanager
def only_building() -> Iterator[None]:
    """Makes `train` raise `Built` with its training in the block, for callers that want a run's model."""
    token = _only_building.set(True)
    try:
        yield
    finally:
        _only_building.reset(token)


def train(training: Training, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; resumes from the folder's last checkpoint if there is one.

    The summary has `steps`, the data set, the last metrics row, which is that of the last evaluation, and the further
    entries that `finish` returns.

    Args:
      training: the run.
      folder: the run's open folder.
    """
    if _only_building.get():
        raise Built(training)
    described = {} if training.dataset is None else {"data": training.dataset.describe()}
    folder.write_meta(**described, **training.meta)
    with Interrupts() as interrupts:
        before = folder.meta().get("train_seconds", 0.0)
        images = tf.constant(training.rows)
        seconds = fit(training.model, images, training.plan, folder, training.evaluate, interrupts, training.replicas)
        folder.write_meta(train_seconds=before + seconds)
        rows = folder.metrics.rows()
        finished = training.finish(rows, interrupts)
    last = dict(rows[-1])
    summary = {"steps": last.pop("step"), **described, **last}
    folder.write_summary({**summary, **{name: value for name, value in finished.items() if name not in summary}})


def likelihoods(evaluator: Evaluator, wanted: Iterable[tuple[str, int]], interrupts: Interrupts) -> dict[str, float]:
    """Importance-weighted log-likelihoods of a split for a summary; stops early if an interrupt is requested.

    Args:
      evaluator: of the split.
      wanted: pairs (estimator, number of samples).
      interrupts: of the run.
    """
    values: dict[str, float] = {}
    for estimator, samples in wanted:
        values |= evaluator.log_likelihoods(samples, estimator)
        if interrupts.requested:
            interrupts.stop()
    return values


def split_evaluators(
    model: keras.Model, dataset: data.Dataset, seed: int, sites: Sequence[str] = ("validation", "test"), **options: bool
) -> dict[str, Evaluator]:
    """Each split's evaluator, on the images as they are stored; `options` are those of the model's `eval_step`."""
    return {site: Evaluator(model, flat(getattr(dataset, site)), site, seed, **options) for site in sites}


def whole_batches_plan(config: RunConfig, examples: int) -> Plan:
    """A plan of whole epochs of whole batches, from the config's schedule."""
    return Plan(
        examples, config.schedule.batch_size, config.schedule.epochs, config.schedule.evaluate_every, config.seed
    )


def load_images(config: RunConfig) -> data.Dataset:
    """The config's data set, truncated to the config's limits, which its name then contains."""
    images = data.load(config.data.name)
    limits = config.data.train_limit, config.data.evaluation_limit
    return data.limit(images, train=limits[0], validation=limits[1], test=limits[1]) if any(limits) else images


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> [N, H W C]."""
    return images.reshape(len(images), -1)


def training_images(config: RunConfig, dataset: data.Dataset) -> np.ndarray:
    """The training images, uint8 [N, H W C]: the training split, followed by the validation split if the config says
    so."""
    parts = [dataset.train] if config.data.train_split == "train" else [dataset.train, dataset.validation]
    return flat(np.concatenate(parts))


def mean_image(images: np.ndarray, grey: bool) -> np.ndarray:
    """Returns the mean [D] of uint8 [N, D] in [0, 1]: of grey levels, or of the binary pixels x >= 128."""
    return np.mean(images / 255.0 if grey else images >= 128, axis=0)


# One draw of the grey data sets for all runs, so that runs with different seeds measure the same images.
BINARISATION_SEED = 5


def sampled_once(images: np.ndarray, split: int) -> np.ndarray:
    """Maps uint8 [N, D] in 0..255 to one Bernoulli(x / 255) draw in {0, 255}; splits have different draws."""
    words = np.random.Philox(np.random.SeedSequence(BINARISATION_SEED, spawn_key=(split,))).random_raw(images.size)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.where(uniform.reshape(images.shape) < images / 255.0, 255, 0).astype(np.uint8)


def filled_batches_plan(config: RunConfig, examples: int) -> Plan:
    """A plan of whole epochs whose last batches are filled up: 2,084 steps for 50,000 images in batches of 24, as in
    the authors' code."""
    plan = Plan(examples, config.schedule.batch_size, 1, config.schedule.evaluate_every, config.seed, fill=True)
    epochs = config.schedule.epochs or -(-config.schedule.steps // plan.steps_per_epoch)
    return Plan(examples, config.schedule.batch_size, epochs, config.schedule.evaluate_every, config.seed, fill=True)


def prepare(config: RunConfig, build_model: Callable[[RunConfig, data.Dataset], keras.Model]) -> Training:
    """Returns the training of a new model on the config's images; the family adds what is measured
    (`dataclasses.replace`).

    Args:
      config: of the run.
      build_model: (config, data set) -> the untrained model; called in the scope of the replicas.
    """
    replicas, dataset = Replicas.chosen(), load_images(config)
    images = training_images(config, dataset)
    with replicas.scope():
        model = build_model(config, dataset)
    return Training(
        model=model,
        rows=images,
        plan=whole_batches_plan(config, len(images)),
        dataset=dataset,
        meta={"parameters": model.count_params()},
        replicas=replicas,
    )
