"""The networks of a trained run."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import keras

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, executor_of
from igr_suite.lab.runs.store import RunFolder
from igr_suite.training import checkpoints
from igr_suite.training.executor import Built, Training, only_building
from igr_suite.training.loop import restore


def load_run(folder: str | Path, data_dir: str | Path | None = None) -> keras.Model:
    """Builds the model of a run from its config, as training did, and gives it the weights of its last checkpoint.

    The model is the family's: a VAE has `encoder` and `decoder`, a belief network `layers`, and all have `eval_step`
    and `log_weights`, which take images as training does. The run's data set is read, since shapes and biases follow
    from it. Nothing in the folder is changed.

    Example:
      done = igr_suite.run(igr_suite.presets.vae("GS_Dis", epochs=1))
      model = igr_suite.load_run(done.folder)

    Args:
      folder: a run's folder, results/<paper>/<item>/<scale>/<run_id> or `FinishedRun.folder`.
      data_dir: folder of tensorflow-datasets; by default $TFDS_DATA_DIR, else ~/tensorflow_datasets.
    Returns:
      The model.
    Raises:
      UserError: the folder is no run's, the run trains no model or is not whole, or there is no checkpoint.
    """
    return loaded(folder, data_dir).model


def loaded(folder: str | Path, data_dir: str | Path | None = None) -> Training:
    """A run as it was after its last step; arguments and errors are those of `load_run`.

    Returns:
      The training, whose `evaluate` measures the loaded model as the run was measured.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise UserError(f"load_run takes a run's folder, a path, got {folder!r}")
    run = RunFolder(Path(folder).expanduser())
    config = run.config()
    if config is None:
        raise UserError(f"{run.path} is not a run's folder: it has no config.json")
    _check_fitted(config, run)
    if run.finished and (lacking := run.unfinished(named=False)):
        raise UserError(f"{run.path} {lacking}")
    with _looking_in(data_dir):
        training = untrained(config, run)
    restored(training.model, run)
    return training


def untrained(config: RunConfig, run: RunFolder) -> Training:
    """A run as it is before its first step; nothing is written to its folder, which need not be open.

    Raises:
      UserError: the run trains no model, or its executor does not use `training.executor.train`.
    """
    _check_fitted(config, run)
    try:
        with only_building():
            executor_of(config)(config, run)
    except Built as built:
        return built.training
    raise UserError(f"{config.executor} trains without `training.executor.train`, by which its model is built")


def _check_fitted(config: RunConfig, run: RunFolder) -> None:
    if not config.fitted:
        raise UserError(f"a {type(config).__name__} run trains no model, so {run.path} has no networks")


def restored(model: keras.Model, folder: RunFolder) -> keras.Model:
    """Returns the model, with the weights of the folder's newest checkpoint.

    Raises:
      UserError: there is no checkpoint, or it belongs to another model.
    """
    state = checkpoints.latest(folder.checkpoints)
    if state is None:
        raise UserError(f"{folder.path} has no checkpoint (results are often copied without them); run it again")
    restore(model, state, folder)
    return model


@contextlib.contextmanager
def _looking_in(data_dir: str | Path | None) -> Iterator[None]:
    """Sets TFDS_DATA_DIR for the block; None leaves it as it is."""
    before = os.environ.get("TFDS_DATA_DIR")
    if data_dir is not None:
        os.environ["TFDS_DATA_DIR"] = str(Path(data_dir).expanduser().resolve())
    try:
        yield
    finally:
        if data_dir is not None:
            os.environ.pop("TFDS_DATA_DIR")
            if before is not None:
                os.environ["TFDS_DATA_DIR"] = before
