"""A run that counts, checkpoints, and can fail, wait or be killed; stands in for training in the tests."""

import time
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The pace of a count, and whether and how it fails."""

    seconds: float = 0.0
    fail: Literal["no", "user", "bug"] = "no"
    marks: tuple[int, ...] = ()
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Count(RunConfig):
    """Counts to `until`."""

    executor: ClassVar[str] = "dummy_runs:execute"
    until: int = 3
    seed: int = 0
    pace: Pace = field(default_factory=Pace)

    def slug(self) -> str:
        return f"count-{self.until}-s{self.seed}"

    def validate(self) -> None:
        if self.until < 1:
            raise UserError(f"until must be positive, got {self.until}")


def execute(config: Count, folder) -> None:
    """Counts on from the checkpoint."""
    folder.checkpoints.mkdir(exist_ok=True)
    state = folder.checkpoints / "state"
    step = int(state.read_text()) if state.exists() else 0
    folder.metrics.cut_after(step)
    print("counting from", step, flush=True)
    with Interrupts() as interrupts, Progress(folder) as progress:
        while step < config.until:
            time.sleep(config.pace.seconds)
            step += 1
            folder.metrics.append(step, value=step * (config.seed + 1))
            state.write_text(str(step))
            progress.update(step, config.until, value=float(step))
            if interrupts.requested:
                interrupts.stop()
            if config.pace.fail == "user":
                raise UserError("seed 13 brings bad luck; take another")
            if config.pace.fail == "bug":
                raise ZeroDivisionError("a defect")
    folder.write_summary({"total": step * (config.seed + 1), "seed": config.seed})
