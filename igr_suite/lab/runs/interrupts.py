"""Ctrl-C and SIGTERM as a request that a loop polls, so that it can save before it stops."""

import os
import signal
import threading
import time
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_REQUEST = 1.0  # seconds within which signals count as one request, which a terminal, a runner and SLURM may repeat


class Interrupted(BaseException):
    """The run was asked to stop and has saved what it needs to continue later."""

    def __init__(self, signal_number: int = signal.SIGINT):
        super().__init__(f"interrupted by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """128 + signal, as shells have it: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.signal_number


class Interrupts:
    """Turns the first SIGINT or SIGTERM into a flag; a second one, a second or more later, stops the process at once.

    Example:
      with Interrupts() as interrupts:
          while step < total:
              step = train(step)
              if interrupts.requested:
                  save(step)
                  interrupts.stop()        # raises Interrupted
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._since = 0.0
        self._previous: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        """Whether the run should save and stop."""
        return self.signal_number is not None

    def stop(self) -> None:
        """Raises Interrupted; to be called once everything is saved."""
        raise Interrupted(self.signal_number or signal.SIGINT)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal_number is None:
            self.signal_number, self._since = number, now
        elif now - self._since > SAME_REQUEST:
            os._exit(128 + number)


def raise_on_signals() -> None:
    """Makes SIGINT and SIGTERM raise Interrupted wherever the process is, for phases in which there is nothing to
    save."""

    def receive(number: int, frame: FrameType | None) -> None:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # the same request often comes twice
        raise Interrupted(number)

    for number in SIGNALS:
        signal.signal(number, receive)
