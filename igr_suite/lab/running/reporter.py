"""Reports the progress of an invocation: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from pathlib import Path

from igr_suite import terminal
from igr_suite.lab.runs.progress import LINE_EVERY, clock, progress_line, read_progress, show

DRAW_EVERY = 0.5  # seconds


class Reporter:
    """Prints plain lines: one at each start and end of a run, and every 30 s an overview and one for each running
    run."""

    def __init__(self) -> None:
        self.total = self.skipped = self.ended_runs = self.failed = 0
        self.jobs = 1
        self._began = self._reported = time.monotonic()

    def begin(self, folder: Path, total: int, skipped: int, jobs: int, threads: int) -> None:
        """Reports what is about to be done."""
        self.total, self.skipped, self.jobs = total, skipped, jobs
        self._began = self._reported = time.monotonic()
        done = f", {skipped} already finished" if skipped else ""
        share = f"{jobs} at once with {threads} thread{'s' * (threads != 1)} each"
        self.say(f"{total} run{'s' * (total != 1)}{done}; {share}; results in {folder}")

    def say(self, line: str) -> None:
        """Prints a line."""
        terminal.say(line, error=True)

    def start(self, folder: Path) -> None:
        """Reports that a run starts or resumes."""
        resumes = (folder / "checkpoints").exists()
        self.say(f"{'resume' if resumes else 'start '}    {folder.name}")

    def ended(self, run_id: str, reason: str, message: str, seconds: float) -> None:
        """Reports that a run has ended."""
        self.ended_runs += 1
        self.failed += reason not in ("finished", "interrupted")
        word = {"finished": "finished ", "interrupted": "saved    "}.get(reason, "FAILED   ")
        tail = "" if reason in ("finished", "interrupted") else f": {message}"
        self.say(f"{word} {run_id}  {clock(seconds)}{tail}")

    def stopping(self, running: int) -> None:
        """Reports that the user asked to stop."""
        self.say(
            f"stopping: {running} run{'s' * (running != 1)} will save first; a second request stops at once and loses "
            f"what is not saved"
        )

    def look(self, running: list[Path], pending: int) -> None:
        """Reports on the running runs at intervals; called several times a second."""
        now = time.monotonic()
        if running and now - self._reported >= LINE_EVERY:
            self._reported = now
            self.say(self.overview(len(running), pending, running))
            for folder in running:
                progress = read_progress(folder)
                line = f"{folder.name}  starting" if progress is None else progress_line(folder.name, **progress)
                self.say(f"  {line}")

    def overview(self, running: int, pending: int, folders: list[Path]) -> str:
        """Returns '5/24 finished, 2 running, 1 failed, about 3:20 left'."""
        failed = f", {self.failed} failed" if self.failed else ""
        finished = self.skipped + self.ended_runs - self.failed
        return f"{finished}/{self.total} finished, {running} running{failed}{self._time_left(folders, pending)}"

    def _time_left(self, folders: list[Path], pending: int) -> str:
        left = [
            progress["left"]
            for folder in folders
            if (progress := read_progress(folder)) and progress.get("left") is not None
        ]
        if self.ended_runs:
            each = (time.monotonic() - self._began) * self.jobs / (self.ended_runs + len(folders) / 2)
        elif left and not pending:
            each = 0.0
        else:
            return ""
        rest = max(left, default=0.0) + pending * each / self.jobs
        return f", about {clock(rest)} left"

    def end(self) -> None:
        """Ends the report, when no run is left."""


class LiveReporter(Reporter):
    """Reports on a terminal: a line at each end of a run, and a live table of the running ones."""

    def __init__(self) -> None:
        super().__init__()
        from rich.live import Live

        self._console = terminal.console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def begin(self, folder: Path, total: int, skipped: int, jobs: int, threads: int) -> None:
        super().begin(folder, total, skipped, jobs, threads)
        if skipped < total:
            self._live.start()
            self._live.update("loading TensorFlow ...", refresh=True)

    def say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    def start(self, folder: Path) -> None:
        """Prints nothing: the table shows the run."""

    def look(self, running: list[Path], pending: int) -> None:
        now = time.monotonic()
        if now - self._reported >= DRAW_EVERY:
            self._reported = now
            self._live.update(self._table(running, pending), refresh=True)

    def _table(self, running: list[Path], pending: int):
        from rich.console import Group
        from rich.padding import Padding
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        lines = []
        for folder in running:
            progress = read_progress(folder) or {"step": 0, "total": 1, "left": None, "scalars": {}}
            bar = ProgressBar(total=max(progress["total"], 1), completed=progress["step"], width=16)
            numbers = Table.grid(padding=(0, 2))
            for width in (16, 10, None):
                numbers.add_column(no_wrap=True, min_width=width)
            numbers.add_row(bar, f"left {clock(progress['left'])}", show(progress["scalars"]))
            lines += [
                Text(terminal.line(folder.name), no_wrap=True, overflow="ellipsis"),
                Padding(numbers, (0, 0, 0, 2)),
            ]
        return Group(*lines, self.overview(len(running), pending, running))

    def end(self) -> None:
        self._live.stop()


def make_reporter() -> Reporter:
    """Returns a LiveReporter on a terminal, a plain one elsewhere."""
    return LiveReporter() if sys.stderr.isatty() else Reporter()
