"""Follows the metrics of running runs and sends them to a tracker (`--track`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from igr_suite.errors import UserError
from igr_suite.lab.running.trackers import Tracker, make
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.files import write_json
from igr_suite.lab.runs.metrics_log import numbers
from igr_suite.lab.runs.reading import json_object
from igr_suite.lab.runs.store import RunFolder

FOLDER = "tracking"  # beside the run folders
SENT = "sent.json"


class Following:
    """Sends what runs append to their metrics.jsonl, and their summaries, to a tracker.

    Each row is sent once, also when a run is stopped and resumed: a resumed run writes rows again that were sent, bit
    by bit the same. Runs go on when the tracker fails.

    Args:
      kind: of `trackers.TRACKERS`.
      folder: that of the run folders.
      group: what the runs have in common.
      say: prints a sentence.
    Raises:
      UserError: unknown kind, or its package is not installed.
    """

    def __init__(self, kind: str, folder: Path, group: str, say: Callable[[str], None]):
        self._folder, self._say, self._kind = folder, say, kind
        self._place = folder / FOLDER / kind
        self._tracker: Tracker | None = make(kind, self._place, group)
        self._followed: dict[str, _Followed] = {}
        say(f"tracking: {self._tracker.where}")

    def begin(self, run_id: str, config: RunConfig) -> None:
        """Begins to follow a run."""
        followed = _Followed(RunFolder(self._folder / run_id), self._place / run_id / SENT)

        def start(tracker: Tracker) -> None:
            followed.name = tracker.begin(run_id, config.to_dict(), followed.name)
            self._followed[run_id] = followed
            followed.remember()

        self._try(start)

    def look(self) -> None:
        """Sends the rows that are new."""
        for run_id in list(self._followed):
            self._send(run_id)

    def end(self, run_id: str, reason: str) -> None:
        """Sends the last rows and the summary of a run that has ended.

        Args:
          run_id: of the run.
          reason: "finished", "interrupted", "killed" ...
        """
        if run_id not in self._followed:
            return
        self._send(run_id)
        followed = self._followed.pop(run_id)
        summary = dict(numbers(followed.folder.summary() or {})) if reason == "finished" else {}
        self._try(lambda tracker: tracker.end(run_id, max(followed.step, 0), summary, reason))

    def _send(self, run_id: str) -> None:
        followed = self._followed[run_id]

        def send(tracker: Tracker) -> None:
            for step, values in followed.new():
                tracker.log(run_id, step, values)
            followed.remember()

        self._try(send)

    def _try(self, action: Callable[[Tracker], Any]) -> None:
        """Does something with the tracker, which is given up when that fails: it may need a network."""
        if self._tracker is None:
            return
        try:
            action(self._tracker)
        except Exception as error:  # trackers share no base class of errors
            self._tracker, self._followed = None, {}
            sentence = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            self._say(f"--track {self._kind} ends here, the runs go on: {' '.join(sentence.split())}")


class _Followed:
    """What has been sent of one run; kept in a file, so that a later invocation sends only what is new.

    Attributes:
      folder: the run's.
      step: of the last row that was sent, -1 before the first.
      name: the tracker's name of the run, "" before it has one.
    """

    def __init__(self, folder: RunFolder, path: Path):
        self.folder, self._path, self._offset = folder, path, 0
        sent = json_object(path)
        step, names, name = sent.get("step"), sent.get("names"), sent.get("name")
        self.step: int = step if type(step) is int else -1
        self._names = {text for text in names if isinstance(text, str)} if isinstance(names, list) else set()
        self.name: str = name if isinstance(name, str) else ""
        self._remembered = (self.step, len(self._names), self.name)

    def new(self) -> list[tuple[int, dict[str, float]]]:
        """Returns step and numbers of the rows that have not been sent; rows of one step measure different things."""
        rows, self._offset = self.folder.metrics.rows_from(self._offset)
        unsent = []
        for row in rows:
            step = row.pop("step")
            values = {name: value for name, value in numbers(row) if step > self.step or name not in self._names}
            if step < self.step or not values:
                continue
            self._names = self._names | set(values) if step == self.step else set(values)
            self.step = step
            unsent.append((step, values))
        return unsent

    def remember(self) -> None:
        """Writes down what has been sent, if that has changed."""
        now = (self.step, len(self._names), self.name)
        if now != self._remembered:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, {"step": self.step, "names": sorted(self._names), "name": self.name})
            self._remembered = now
