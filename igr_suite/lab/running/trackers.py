"""Where `--track` sends the metrics of runs: TensorBoard's event files, Weights & Biases, or MLflow.

A tracker has `begin(run_id, config, resumed)`, which returns a name by which the run is resumed, `log(run_id, step,
values)` and `end(run_id, step, values, reason)`.
"""

import os
import re
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from igr_suite.errors import UserError, nearest
from igr_suite.extras import require
from igr_suite.lab.runs import event_records
from igr_suite.lab.runs.config import flatten
from igr_suite.lab.runs.files import writing

PROJECT = "igr_suite"  # where neither WANDB_PROJECT nor MLFLOW_EXPERIMENT_NAME names another


class Tracker(Protocol):
    """Takes the metrics of several runs at once."""

    where: str

    def begin(self, run_id: str, config: Mapping[str, Any], resumed: str) -> str:
        """Begins to follow a run, or goes on with the one that an earlier call named; returns its name."""

    def log(self, run_id: str, step: int, values: Mapping[str, float]) -> None:
        """Takes a row of metrics."""

    def end(self, run_id: str, step: int, values: Mapping[str, float], reason: str) -> None:
        """Ends a run: the numbers of its summary, none where it did not finish, and how it ended."""


class TensorBoard:
    """Writes event files, a folder a run; what reads them is `tensorboard --logdir FOLDER`."""

    def __init__(self, folder: Path, group: str):
        del group
        self._folder, self._files = folder, {}
        self.where = f"tensorboard --logdir {folder}"

    def begin(self, run_id: str, config: Mapping[str, Any], resumed: str) -> str:
        """Opens a file of its own, which TensorBoard reads after those of earlier invocations."""
        place = self._folder / run_id
        with writing(place):
            place.mkdir(parents=True, exist_ok=True)
            name = f"events.out.tfevents.{time.time():017.6f}.igr"
            self._files[run_id] = (place / name).open("ab", buffering=0)
            self._files[run_id].write(event_records.begin(time.time()))
        return run_id

    def log(self, run_id: str, step: int, values: Mapping[str, float]) -> None:
        """Appends a record."""
        self._files[run_id].write(event_records.scalars(step, values.items(), time.time()))

    def end(self, run_id: str, step: int, values: Mapping[str, float], reason: str) -> None:
        """Appends the summary's numbers as "summary/..." and closes the file."""
        with self._files.pop(run_id) as file:
            if values:
                summary = ((f"summary/{name}", value) for name, value in values.items())
                file.write(event_records.scalars(step, summary, time.time()))


class WandB:
    """Weights & Biases, as its own environment variables say: WANDB_PROJECT, WANDB_MODE=offline, WANDB_DIR ..."""

    def __init__(self, folder: Path, group: str):
        self._wandb, self._folder, self._group = require("wandb"), folder, group
        self._runs: dict[str, Any] = {}
        self.where = f"Weights & Biases, project {os.environ.get('WANDB_PROJECT', PROJECT)}, group {group}"

    def begin(self, run_id: str, config: Mapping[str, Any], resumed: str) -> str:
        """Opens a run of its own, with the config's values under dotted names."""
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        name = resumed or uuid.uuid4().hex[:12]
        self._runs[run_id] = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            group=self._group,
            name=run_id,
            id=name,
            resume="allow",
            config=flatten(config),
            dir=os.environ.get("WANDB_DIR", str(self._folder)),
            reinit="create_new",
            settings=self._wandb.Settings(console="off", silent=True),
        )
        return name

    def log(self, run_id: str, step: int, values: Mapping[str, float]) -> None:
        """Logs a row at its step."""
        self._runs[run_id].log(dict(values), step=step)

    def end(self, run_id: str, step: int, values: Mapping[str, float], reason: str) -> None:
        """Sets the summary and ends the run, as failed unless it finished."""
        run = self._runs.pop(run_id)
        run.summary.update({f"summary/{name}": value for name, value in values.items()})
        run.finish(exit_code=0 if reason == "finished" else 1)


class MLflow:
    """MLflow, at MLFLOW_TRACKING_URI or in files below the results."""

    STATES = {"finished": "FINISHED", "interrupted": "KILLED", "killed": "KILLED"}

    def __init__(self, folder: Path, group: str):
        require("mlflow")
        self._tracking, self._entities = require("mlflow.tracking"), require("mlflow.entities")
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if not uri:
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer versions want to be asked for it
        self._folder, self._group, self._uri = folder, group, uri or folder.absolute().as_uri()
        self._client, self._ids = self._tracking.MlflowClient(tracking_uri=self._uri), {}
        self.where = f"mlflow ui --backend-store-uri {self._uri}"

    def begin(self, run_id: str, config: Mapping[str, Any], resumed: str) -> str:
        """Opens a run in the experiment of MLFLOW_EXPERIMENT_NAME, with the config's values as its parameters."""
        if resumed:
            self._client.update_run(resumed, status="RUNNING")
            self._ids[run_id] = resumed
            return resumed
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = self._client.get_experiment_by_name(name)
        place = self._client.create_experiment(name) if experiment is None else experiment.experiment_id
        run = self._client.create_run(place, run_name=run_id, tags={"group": self._group})
        self._ids[run_id] = run.info.run_id
        parameters = [self._entities.Param(key, str(value)) for key, value in flatten(config).items()]
        self._client.log_batch(run.info.run_id, params=parameters)
        return run.info.run_id

    def log(self, run_id: str, step: int, values: Mapping[str, float]) -> None:
        """Logs a row at its step; names lose the characters that MLflow refuses."""
        now = round(1000 * time.time())
        named = {re.sub(r"[^\w\-. /]", ".", name): value for name, value in values.items()}
        metrics = [self._entities.Metric(name, value, now, step) for name, value in named.items()]
        self._client.log_batch(self._ids[run_id], metrics=metrics)

    def end(self, run_id: str, step: int, values: Mapping[str, float], reason: str) -> None:
        """Logs the summary's numbers as "summary/..." and ends the run."""
        self.log(run_id, step, {f"summary/{name}": value for name, value in values.items()})
        self._client.set_terminated(self._ids.pop(run_id), self.STATES.get(reason, "FAILED"))


TRACKERS: dict[str, Callable[[Path, str], Tracker]] = {"tensorboard": TensorBoard, "wandb": WandB, "mlflow": MLflow}


def make(kind: str, folder: Path, group: str) -> Tracker:
    """Returns a tracker.

    Args:
      kind: of TRACKERS.
      folder: for what it writes on this machine.
      group: what the runs have in common, such as "igr/discrete_vae smoke".
    Raises:
      UserError: unknown kind, or its package is not installed.
    """
    if kind not in TRACKERS:
        raise UserError(f"unknown --track '{kind}': {nearest(kind, TRACKERS)}")
    return TRACKERS[kind](folder, group)
