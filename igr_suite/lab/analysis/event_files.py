"""Writes TensorBoard's event files of finished runs."""

from collections.abc import Iterable
from pathlib import Path

from igr_suite.lab.analysis.export import Selected
from igr_suite.lab.runs import event_records
from igr_suite.lab.runs.files import write_atomically, writing
from igr_suite.lab.runs.metrics_log import numbers

NAME = "events.out.tfevents.0.igr"
ELSEWHERE = "choose another folder with --tensorboard"


def write_event_files(root: Path, runs: Iterable[Selected]) -> list[Path]:
    """Writes root/<experiment>/<scale>/<run_id>/ for every run: its metrics by step, and the numbers of its summary
    ("summary/...") at the end.

    All events have wall time 0, because metrics hold no times. Numbers are rounded to TensorBoard's float32.

    Raises:
      UserError: a folder cannot be written.
    """
    paths = []
    for run in runs:
        path = root / run.experiment / run.scale / run.folder.path.name / NAME
        with writing(path, ELSEWHERE):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, event_file(run), ELSEWHERE)
        paths.append(path)
    return paths


def event_file(run: Selected) -> bytes:
    """Returns the content of a run's event file."""
    rows, summary = run.folder.metrics.rows(), run.folder.summary()
    records, last = [event_records.begin()], 0
    for row in rows:
        last = row.pop("step")
        records.append(event_records.scalars(last, numbers(row)))
    last = summary.get("steps", last)
    records.append(event_records.scalars(last, ((f"summary/{name}", value) for name, value in numbers(summary))))
    return b"".join(records)
