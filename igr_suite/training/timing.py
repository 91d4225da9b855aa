"""Compiled training steps timed in turn, so that other load of the machine affects all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

Program = Callable[[int], None]  # trains a number of steps and waits until they are done


@dataclass
class Windows:
    """Seconds a step of one program, an entry for each window, by the clock and of the processor."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def interleaved(programs: Mapping[str, Program], windows: int, seconds: float, most: int) -> dict[str, Windows]:
    """Times programs in windows that alternate: A B C A B C ...

    Args:
      programs: by name; the first call of each compiles and is not timed.
      windows: number of windows of each program.
      seconds: about how long one lasts.
      most: largest number of steps of a window, at least 1.
    Returns:
      The windows of each program.
    """
    for train in programs.values():
        train(1)
    counts = {}
    for name, train in programs.items():
        began = time.perf_counter()
        train(1)
        counts[name] = max(1, min(most, int(seconds / max(time.perf_counter() - began, 1e-9))))
    measured = {name: Windows() for name in programs}
    for _ in range(windows):
        for name, train in programs.items():
            began = time.perf_counter(), time.process_time()
            train(counts[name])
            measured[name].wall.append((time.perf_counter() - began[0]) / counts[name])
            measured[name].processor.append((time.process_time() - began[1]) / counts[name])
    return measured


def ratio(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Returns the median, the least and the largest of the ratios of windows that were neighbours."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return median(ratios), min(ratios), max(ratios)
