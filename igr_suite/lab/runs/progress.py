"""The progress display of a run: a bar on a terminal, a plain line every 30 s elsewhere, a small file for a runner."""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Self

from igr_suite import terminal
from igr_suite.lab.runs.files import encode
from igr_suite.lab.runs.reading import is_number, json_object

FILE = "progress.json"
WATCHED = "IGR_PROGRESS"  # set to "file" by the runner for its workers
FILE_EVERY, LINE_EVERY = 0.5, 30.0  # seconds


class Eta:
    """Estimates the time left from the pace since the first step of this process (a resumed run does not start at
    0)."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def left(self, step: int, total: int) -> float | None:
        """Returns the seconds left, None while there is no pace yet."""
        now = time.monotonic()
        if self._first is None:
            self._first = (step, now)
        first_step, since = self._first
        if step <= first_step:
            return None
        return (total - step) * (now - since) / (step - first_step)


def clock(seconds: float | None) -> str:
    """Returns '1:02:03', '2:03' or '-:--'."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show(scalars: dict[str, Any]) -> str:
    """Returns 'elbo -98.21  lr 0.0003'."""
    return "  ".join(
        f"{name} {value:.5g}" if isinstance(value, float) else f"{name} {value}" for name, value in scalars.items()
    )


def progress_line(name: str, step: int, total: int, left: float | None, scalars: dict[str, Any]) -> str:
    """Returns 'igr-i-s0-12ab34cd  120/400  30%  left 0:12  elbo -98.2'."""
    return f"{name}  {step}/{total}  {100 * step // max(total, 1)}%  left {clock(left)}  {show(scalars)}".rstrip()


class Progress:
    """Shows one run's progress; `update` may be called at any rate.

    Args:
      folder: the run's folder; its name is the label, and progress.json is written there for a runner.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(getattr(folder, "path", folder))
        self._eta = Eta()
        self._shown = -LINE_EVERY
        self._bar = None
        if os.environ.get(WATCHED) == "file":
            self._show, self._every = self._write, FILE_EVERY
        elif sys.stderr.isatty():
            self._show, self._every = self._draw, 0.1
        else:
            self._show, self._every = self._print, LINE_EVERY

    def update(self, step: int, total: int, **scalars: Any) -> None:
        """Reports that `step` of `total` is done; the display is renewed at fixed intervals and at the end."""
        left = self._eta.left(step, total)
        now = time.monotonic()
        if now - self._shown >= self._every or step >= total:
            self._shown = now
            self._show(step, total, left, {name: encode(value) for name, value in scalars.items()})

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _write(self, step: int, total: int, left: float | None, scalars: dict[str, Any]) -> None:
        temporary = self.folder / f".{FILE}.tmp"
        with contextlib.suppress(OSError):  # a missing display is no reason to stop the run
            temporary.write_bytes(json.dumps({"step": step, "total": total, "left": left, "scalars": scalars}).encode())
            temporary.replace(self.folder / FILE)

    def _print(self, step: int, total: int, left: float | None, scalars: dict[str, Any]) -> None:
        terminal.say(progress_line(self.folder.name, step, total, left, scalars), error=True)

    def _draw(self, step: int, total: int, left: float | None, scalars: dict[str, Any]) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bar

            name, numbers = "{task.description}", "{task.completed}/{task.total}  {task.fields[text]}"
            columns = TextColumn(name, markup=False), BarColumn(), TextColumn(numbers, markup=False)
            self._bar = Bar(*columns, console=terminal.console(), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self.folder.name, total=total, text="")
        self._bar.update(self._task, completed=step, total=total, text=f"left {clock(left)}  {show(scalars)}")


def read_progress(folder: Path) -> dict[str, Any] | None:
    """Returns what a worker last wrote: step, total, left (less the seconds since then), scalars; None when nothing is
    readable."""
    content = json_object(folder / FILE)
    try:
        age = time.time() - (folder / FILE).stat().st_mtime
    except OSError:
        return None
    scalars, left = content.get("scalars"), content.get("left")
    if not all(is_number(content.get(name)) for name in ("step", "total")) or not isinstance(scalars, dict):
        return None
    if not is_number(left):
        left = None
    elif age > FILE_EVERY:
        left = max(0.0, left - age)
    return {"step": content["step"], "total": content["total"], "left": left, "scalars": scalars}
