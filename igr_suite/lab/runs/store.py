"""The folder of one run, with config.json, meta.json, metrics.jsonl, summary.json and checkpoints/: its lock, its files
and its state."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig, config_from_json, config_to_json
from igr_suite.lab.runs.files import decode, left_behind, read_json, sweep, write_atomically, write_json, writing
from igr_suite.lab.runs.lock import Lock, left_elsewhere, locked
from igr_suite.lab.runs.metrics_log import MetricsLog
from igr_suite.lab.runs.reading import ABSENT, LARGEST, is_number, json_object, parse_json, present, read_regular
from igr_suite.lab.runs.wholeness import CONTENT, WAY_OUT, fault_of

FAILURES = ("user_error", "diverged", "error", "killed")
# The types of values that are read from meta.json; a value of another type counts as absent.
META = {
    "exit": {"reason": str, "message": str},
    "git": {"commit": str, "dirty": bool},
    **dict.fromkeys(("versions", "sealed"), dict),
    **dict.fromkeys(("wall_seconds", "train_seconds", "peak_memory_mb", "parameters", "threads", "cores"), float),
    **dict.fromkeys(("python", "platform", "device", "started", "ended"), str),
}


class Status(NamedTuple):
    """The state of a run, "absent", "partial", "running", "failed" or "finished", and the step of its last metrics row.

    Whether the files of a finished run belong together is another question, see `RunFolder.fault`.
    """

    state: str
    step: int | None


class RunFolder:
    """One run's folder; opening it takes the lock that keeps a second process out.

    Example:
      with RunFolder(path).open(config) as folder:
          folder.metrics.append(step=100, elbo=-98.2)
          folder.write_summary({"test_elbo": -97.5})
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock = Lock(self.path)
        self.metrics = MetricsLog(self.path / "metrics.jsonl", self.check_lock)

    def open(self, config: RunConfig) -> Self:
        """Creates the folder, locks it, removes what killed writers left, and writes config.json or checks that the
        existing one is equal.

        Raises:
          UserError: the folder is not writable, another process writes it, or it belongs to another config.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        try:
            sweep(self.path)
            existing = self.config()
            if existing is None:
                write_atomically(self._file("config.json"), config_to_json(config).encode())
            elif existing.to_dict() != config.to_dict() or type(existing).__name__ != type(config).__name__:
                other = f"{existing.run_id}, not {config.run_id}"
                raise UserError(f"{self.path} holds another run ({other}); delete it or choose another --results")
        except BaseException:
            self.close()
            raise
        return self

    def tidy(self) -> None:
        """Removes what a writer left that was killed after the run had ended, unless another process holds the
        lock."""
        if left_behind(self.path) and not left_elsewhere(self.path):
            with contextlib.suppress(UserError):
                self._lock.take()
                try:
                    sweep(self.path)
                finally:
                    self._lock.release()

    def check_lock(self) -> None:
        """Checks, before a write, that this process may still write; does nothing in a folder that was not opened.

        Raises:
          TakenOver: another process has taken the run over, because this one's machine was suspended for minutes.
        """
        self._lock.check()

    def close(self) -> None:
        """Closes the metrics and lets other processes open the folder."""
        self.metrics.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, which the training loop creates."""
        return self.path / "checkpoints"

    def config(self) -> RunConfig | None:
        """Returns the config that the folder was opened with, None before that."""
        try:
            content = read_regular(self._file("config.json"), LARGEST)
            text = content.decode()
            parse_json(content)
        except ABSENT:
            return None
        except json.JSONDecodeError:
            pass  # `config_from_json` raises the error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"cannot read {self._file('config.json')}: {reason}") from error
        try:
            return config_from_json(text, str(self._file("config.json")))
        except CONTENT as error:
            way_out = "delete the run's folder to run it again"
            raise UserError(
                f"{self._file('config.json')} holds what no run has ({type(error).__name__} {error}); {way_out}"
            ) from error

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Writes summary.json, atomically; its presence means that the run is finished, so it comes last."""
        self.check_lock()
        write_json(self._file("summary.json"), summary)

    def summary(self) -> dict[str, Any] | None:
        """Returns the summary of a finished run, None before that.

        Raises:
          UserError: summary.json is damaged.
        """
        way_out = "delete it and run again: the run resumes from its last checkpoint"
        summary = read_json(self._file("summary.json"), way_out)
        if summary is None and not self.finished:
            return None
        if not isinstance(summary, dict):
            raise UserError(f"{self._file('summary.json')} is damaged (it is not a JSON object); {way_out}")
        return summary

    @property
    def finished(self) -> bool:
        """Whether summary.json exists; `whole` checks the other files too."""
        return present(self._file("summary.json"))

    @property
    def whole(self) -> bool:
        """Whether the run is finished and its files have no fault; see `wholeness.fault_of`."""
        return self.finished and not self.fault()

    def fault(self, thorough: bool = False, config: RunConfig | None = None, named: bool = True) -> str:
        """Returns the fault of a finished run's files, "" where there is none or the run is not finished; arguments as
        in `fault_of`."""
        return fault_of(self.path, thorough, config, named)

    def unfinished(self, named: bool = True) -> str:
        """Returns why the run's results cannot be used, as the end of a sentence: "is not finished", "is not whole:
        ..."; "" where they can be.

        Args:
          named: whether the folder must have the run's name.
        """
        if not self.finished:
            return "is not finished"
        fault = self.fault(named=named)
        return f"is not whole: {fault}; {WAY_OUT}" if fault else ""

    def write_meta(self, spare: Path | None = None, **values: Any) -> None:
        """Merges values into meta.json (versions, device, wall time, exit reason ...), atomically.

        Args:
          spare: a file that reserves space on the disk and becomes meta.json when the disk is full.
          **values: by name.
        """
        self.check_lock()
        write_json(self._file("meta.json"), {**self.meta(), **values}, spare)

    def meta(self) -> dict[str, Any]:
        """Returns the content of meta.json without values of a wrong type; empty when the file is absent or damaged."""
        return _fitting(decode(json_object(self._file("meta.json"))), META)

    @property
    def diverged(self) -> bool:
        """Whether the run ended because its training diverged, which it would do again."""
        return not self.finished and (self.meta().get("exit") or {}).get("reason") == "diverged"

    def status(self) -> Status:
        """Returns the state of the run and its last step, without opening the folder.

        Raises:
          UserError: the last metrics row is unreadable.
        """
        return Status(self.state, self.metrics.last_step())

    @property
    def state(self) -> str:
        """The state of the run, as in `Status`; reads no metrics."""
        if self.finished:
            return "finished"
        if not present(self._file("config.json")):
            return "absent"
        if not self._lock.held and locked(self.path):
            return "running"
        failed = (self.meta().get("exit") or {}).get("reason") in FAILURES
        return "failed" if failed else "partial"

    def _file(self, name: str) -> Path:
        return self.path / name


def _fitting(values: dict[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values without those of another type than `kinds` names."""
    fitting = {}
    for name, value in values.items():
        kind = kinds.get(name, object)
        if isinstance(kind, Mapping) and isinstance(value, dict):
            fitting[name] = _fitting(value, kind)
        elif value is None or (
            not isinstance(kind, Mapping) and (is_number(value) if kind is float else isinstance(value, kind))
        ):
            fitting[name] = value
    return fitting
