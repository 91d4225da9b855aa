"""Executes a `TrainDReG` config: data, model, loop, bounds of validation and test images, summary."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from igr_suite import data
from igr_suite.errors import UserError
from igr_suite.families.iwae.config import TrainDReG
from igr_suite.families.iwae.evaluation import Bounds
from igr_suite.families.iwae.model import DReGVAE
from igr_suite.families.iwae.statistics import GradientStatistics
from igr_suite.lab.runs import picture_file
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.picture_file import as_bytes
from igr_suite.lab.runs.store import RunFolder
from igr_suite.randomness import run_seed
from igr_suite.training.executor import Rows, Training, filled_batches_plan, flat, load_images, sampled_once, train
from igr_suite.training.loop import fit_into
from igr_suite.training.strategy import Replicas

PICTURED = 10  # number of test images


def load_splits(config: TrainDReG) -> tuple[data.Dataset, dict[str, np.ndarray], np.ndarray]:
    """The data set, its splits as uint8 [N, D] (in {0, 255} for "once" and "static" data), and the mean of the grey
    training images."""
    dataset = load_images(config)
    splits = {name: flat(getattr(dataset, name)) for name in ("train", "validation", "test")}
    mean = np.mean(splits["train"] / 255.0, axis=0)
    if config.data.binarisation == "once":
        splits = {name: sampled_once(images, number) for number, (name, images) in enumerate(splits.items())}
    return dataset, splits, mean


def build_model(config: TrainDReG, mean: np.ndarray) -> DReGVAE:
    """The untrained model of a config."""
    return DReGVAE(
        config.model,
        config.optimiser,
        mean,
        binarisation="dynamic" if config.data.binarisation == "dynamic" else "static",
        precision=config.schedule.precision,
        track=config.statistics.var_calc,
        averages=config.statistics.stats != "off",
        trains=config.start.train,
        seed=config.seed,
    )


def start_weights(model: DReGVAE, config: TrainDReG, neighbours: Path = Path("/")) -> None:
    """Assigns the weights of the config's checkpoint to the model, and Adam's state where the config keeps it.

    Args:
      model: the untrained model.
      config: of the run.
      neighbours: folder of the runs among which a checkpoint may be named.
    Raises:
      UserError: the checkpoint is absent, damaged or of another architecture, or holds the optimiser of other weights.
    """
    state = config.start.read([tuple(v.shape) for v in model.weights_in_order], neighbours)
    if state is None:
        return
    variables, arrays = list(model.weights_in_order), state.arrays
    if config.start.keep_optimizer:  # step, rate, then two averages a weight, the encoder's first
        slots = model.optimiser.variables
        held = arrays[len(variables) : len(variables) + len(slots)]
        if not fit_into(held, slots):
            raise UserError(
                f"the run of start.checkpoint={config.start.checkpoint} trained less than "
                f"start.train={config.start.train} and holds no optimiser of the rest; leave start.keep_optimizer out"
            )
        arrays = [*arrays[: len(variables)], held[0], *held[2:]]
        variables += [slots[0], *slots[2:]]  # the rate stays the config's
    for variable, array in zip(variables, arrays):
        variable.assign(array)


def execute(config: TrainDReG, folder: RunFolder) -> None:
    """Trains, measures and writes the summary; continues from the folder's last checkpoint if there is one."""
    replicas = Replicas.chosen()
    dataset, splits, mean = load_splits(config)
    plan = filled_batches_plan(config, len(splits["train"]))
    with replicas.scope():
        model = build_model(config, mean)
    start_weights(model, config, folder.path.parent)
    bounds = {site: Bounds(model, splits[site], site, config.seed) for site in ("validation", "test")}
    counts = sorted({config.model.samples, *config.evaluation.samples})
    exact = GradientStatistics(model, splits["train"], config) if config.statistics.stats == "exact" else dict

    def evaluate(step: int) -> dict[str, float]:
        del step  # every evaluation has the same noise, so that epochs differ by the model alone
        return {name: value for measure in bounds.values() for name, value in measure(counts).items()} | exact()

    def finish(rows: Rows, interrupts: Interrupts) -> dict[str, float]:
        del rows, interrupts
        bounds_at_end = likelihood(model, splits["test"], config) if config.evaluation.likelihood_samples else {}
        if config.evaluation.pictures:
            picture_file.save(folder.path, pictures(model, splits["test"][:PICTURED], dataset.image_shape, config.seed))
        return bounds_at_end

    training = Training(
        model=model,
        rows=splits["train"],
        plan=plan,
        evaluate=evaluate,
        dataset=dataset,
        meta={"parameters": model.count_params()},
        finish=finish,
        replicas=replicas,
    )
    train(training, folder)


def likelihood(model: DReGVAE, images: np.ndarray, config: TrainDReG) -> dict[str, float]:
    """The bounds with 1 and `likelihood_samples` samples of the first `likelihood_images` test images; names hold that
    number."""
    limit = config.evaluation.likelihood_images
    site = "test" if limit is None or limit >= len(images) else f"test{limit}"
    return Bounds(model, images[:limit], site, config.seed)([1, config.evaluation.likelihood_samples])


def pictures(model: DReGVAE, images: np.ndarray, image_shape: tuple[int, int, int], seed: int) -> dict[str, np.ndarray]:
    """Binary images ("truth" uint8 [N, H, W, C]) and the decoder's means at the sample of highest weight
    ("reconstructions").

    Where halves are predicted, the given half is kept.
    """
    own = run_seed(seed, "pictures")
    x = model.observations(tf.constant(images), own)
    means = model.reconstructions(x, model.noise(model.config.samples, len(images), own))
    return {
        name: as_bytes(value, (len(images),), image_shape) for name, value in (("truth", x), ("reconstructions", means))
    }
