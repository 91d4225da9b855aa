"""Runs an experiment on this machine: expands its stages, skips finished runs, and starts one process per run, several
at once."""

import contextlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from igr_suite import data
from igr_suite.errors import UserError
from igr_suite.lab.running.experiment import Expansion
from igr_suite.lab.running.following import Following
from igr_suite.lab.running.launch import ORPHANED, Launcher, Worker
from igr_suite.lab.running.order import Order
from igr_suite.lab.running.reporter import Reporter
from igr_suite.lab.running.worker import FULL, LOG
from igr_suite.lab.runs import compilers, strategies
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.files import ELSEWHERE
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.own_settings import ignored
from igr_suite.lab.runs.store import RunFolder
from igr_suite.lab.runs.threads import share
from igr_suite.lab.runs.wholeness import WAY_OUT

POLL = 0.1  # seconds between looks at the workers
FOLLOW_EVERY = 1.0  # seconds between looks at their metrics, where these are tracked
# seconds at which a signal is sent, because a worker that is being forked may miss the first; they count as one request
RESEND = (0.0, 0.3, 0.6)


@dataclass(frozen=True)
class Outcome:
    """How a run of this invocation ended: reason "finished", "interrupted", "user_error", "error" or "killed", and a
    sentence."""

    run_id: str
    reason: str
    message: str


@dataclass(frozen=True)
class Report:
    """The result of an invocation: outcomes of its runs, ids of runs skipped because they were finished, the stage that
    still waits, and whether it was interrupted."""

    outcomes: list[Outcome]
    skipped: list[str]
    waiting: int | None
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0 all finished, 130 interrupted, 2 when a run ended with a UserError, 1 when one failed otherwise."""
        reasons = {outcome.reason for outcome in self.outcomes}
        if self.interrupted:
            return 130
        if "user_error" in reasons:
            return 2
        return 1 if reasons - {"finished"} else 0


def run(order: Order, reporter: Reporter) -> Report:
    """Runs what is unfinished. A failing run does not stop the others; SIGINT or SIGTERM lets all of them save first.

    Raises:
      UserError: the order cannot be carried out or its folder is not writable; raised before any run starts.
    """
    strategies.check_name(order.strategy)
    compilers.check(order.strategy)
    expansion, notes = order.expand_and_adopt()
    without = ignored()
    for note in [*(f"left out: {data.status(name, order.data_dir).note}" for name in expansion.left_out), *notes]:
        reporter.say(note)
    invocation = _Invocation(order, reporter, expansion)
    for config in invocation.pending().values():
        config.check_inputs(order.data_dir)
    strategies.check(invocation.pending().values(), order.strategy)
    if order.strategy == "multi_worker" and strategies.workers()[1] > 1:
        count = strategies.workers()[1]
        raise UserError(
            f"`igr run` starts one process and TF_CONFIG (or SLURM) speaks of {count}; use `igr submit --strategy "
            f"multi_worker "
            f"--nodes {count}`, or start the worker of a run on every machine as docs/devices.md shows"
        )
    if order.strategy is not None:
        among = strategies.STRATEGIES[order.strategy]
        reporter.say(
            f"strategy {order.strategy}: a run's batches are divided among {among}, and stay as large as they are"
        )
    for name, value in without.items():
        reporter.say(f"{name} ({value}) is not used, because only its config decides a run's result; see `igr doctor`")
    return invocation.run()


class _Invocation:
    """State of one `run`: what is running and what has ended."""

    def __init__(self, order: Order, reporter: Reporter, expansion: Expansion):
        self.order, self.reporter, self.expansion = order, reporter, expansion
        self.skipped: list[str] = []
        self.running: dict[str, tuple[Worker, float]] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.news = False  # a run has ended since the stages were expanded
        self.looked = time.monotonic()
        self._sort_finished()
        todo = self.pending()
        jobs = order.jobs if order.strategy is None else order.jobs or 1  # one run has all devices
        self.jobs, self.threads = share(list(todo.values()), jobs, order.threads)
        self.following = self._follow()
        self.launcher = Launcher(list(todo.values()), self.threads, order.data_dir, order.root, order.strategy)

    def pending(self) -> dict[str, RunConfig]:
        """Returns the runs that are neither finished, running nor ended in this invocation."""
        known = self.expansion.runs.items()
        return {
            run_id: config for run_id, config in known if run_id not in {*self.skipped, *self.running, *self.outcomes}
        }

    def run(self) -> Report:
        self.reporter.begin(self.order.folder, len(self.expansion.runs), len(self.skipped), self.jobs, self.threads)
        try:
            with Interrupts() as interrupts:
                self._loop(interrupts)
        finally:
            for worker, _ in self.running.values():
                worker.send(signal.SIGTERM)
            self.reporter.end()
        return Report(list(self.outcomes.values()), self.skipped, self.expansion.waiting, interrupts.requested)

    def _follow(self) -> Following | None:
        order = self.order
        if order.track is None:
            return None
        return Following(order.track, order.folder, f"{order.experiment.name} {order.folder.name}", self.reporter.say)

    def _loop(self, interrupts: Interrupts) -> None:
        stop_since, sent = None, 0
        while True:
            if not interrupts.requested:
                self._start_what_fits(interrupts)
            elif stop_since is None:
                stop_since = time.monotonic()
                self.reporter.stopping(len(self.running))
            if not self.running:
                return
            while stop_since is not None and sent < len(RESEND) and time.monotonic() - stop_since >= RESEND[sent]:
                sent += 1
                for worker, _ in self.running.values():
                    worker.send(interrupts.signal_number)
            time.sleep(POLL)
            self._collect()
            if self.following is not None and time.monotonic() - self.looked > FOLLOW_EVERY:
                self.looked = time.monotonic()
                self.following.look()
            self.reporter.look([self.order.folder / run_id for run_id in self.running], len(self.pending()))

    def _start_what_fits(self, interrupts: Interrupts) -> None:
        if self.expansion.waiting is not None and self.news:
            self.news = False
            self.expansion, notes = self.order.expand_and_adopt()
            for note in notes:
                self.reporter.say(note)
            self._sort_finished()
            self.reporter.total, self.reporter.skipped = len(self.expansion.runs), len(self.skipped)
        for run_id, config in self.pending().items():
            if len(self.running) >= self.jobs or interrupts.requested:
                return
            folder = self.order.folder / run_id
            try:
                RunFolder(folder).open(config).close()
            except UserError as error:
                self._note(Outcome(run_id, "user_error", str(error)), 0.0)
                continue
            self.reporter.start(folder)
            if self.following is not None:
                self.following.begin(run_id, config)
            try:
                self.running[run_id] = (self.launcher.start(folder), time.monotonic())
            except UserError as error:
                self._note(Outcome(run_id, "error", str(error)), 0.0)

    def _sort_finished(self) -> None:
        """Skips the whole runs of earlier invocations, and records an error for those that are not whole: they are
        neither finished nor to be overwritten."""
        for run_id, config in self.pending().items():
            folder = RunFolder(self.order.folder / run_id)
            if not folder.finished:
                continue
            if fault := folder.fault(config=config):
                self.outcomes[run_id] = Outcome(
                    run_id, "user_error", f"it is finished but not whole: {fault}; {WAY_OUT}"
                )
            else:
                folder.tidy()
                self.skipped.append(run_id)

    def _collect(self) -> None:
        for run_id, (worker, since) in list(self.running.items()):
            code = worker.exit_code()
            if code is not None:
                del self.running[run_id]
                self._note(_outcome(self.order.folder / run_id, code, self.launcher), time.monotonic() - since)

    def _note(self, outcome: Outcome, seconds: float) -> None:
        self.outcomes[outcome.run_id], self.news = outcome, True
        if self.following is not None:
            self.following.end(outcome.run_id, outcome.reason)
        self.reporter.ended(outcome.run_id, outcome.reason, outcome.message, seconds)


def _outcome(path: Path, code: int, launcher: Launcher) -> Outcome:
    """Returns how a worker ended, from its folder and its exit code; recorded here for a worker that was killed."""
    if RunFolder(path).whole:
        return Outcome(path.name, "finished", "")
    if not path.exists():
        return Outcome(
            path.name, "user_error", f"{path} was deleted while the run went on; start the same command again"
        )
    exit_note = RunFolder(path).meta().get("exit") or {}
    log = path / LOG
    if code < 0 or (code == ORPHANED and not exit_note):
        name = signal.Signals(-code).name if code < 0 else "SIGKILL"
        outcome = Outcome(
            path.name, "killed", f"ended by {name}" + (f" ({launcher.cause_of_kill})" if name == "SIGKILL" else "")
        )
        _write_down(path, outcome)
        return outcome
    if code == FULL:
        return Outcome(
            path.name, "user_error", f"cannot write {path}: No space left on device; free space, or {ELSEWHERE}"
        )
    if code in (130, 143):
        return Outcome(path.name, "interrupted", "interrupted")
    if code == 2:
        return Outcome(path.name, "user_error", exit_note.get("message") or _last_line(log))
    return Outcome(path.name, "error", exit_note.get("message") or _last_line(log))


def _write_down(path: Path, outcome: Outcome) -> None:
    """Records how a run ended in its meta.json, unless another process now writes the run or the disk is full."""
    folder = RunFolder(path)
    with contextlib.suppress(UserError):
        config = folder.config()
        if config is not None:
            with folder.open(config):
                folder.write_meta(exit={"reason": outcome.reason, "message": outcome.message})


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "the worker ended without a message"
