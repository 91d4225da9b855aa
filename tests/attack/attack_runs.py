"""A run without TensorFlow that writes what training writes: a row a step, the suite's own checkpoints, a summary at
the end."""

import hashlib
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.interrupts import Interrupts
from igr_suite.lab.runs.progress import Progress
from igr_suite.training import checkpoints


@dataclass(frozen=True, kw_only=True)
class Climb(RunConfig):
    """Goes up a random stair; its weights are a chain of hashes, so that a step left out or done twice shows in all
    later rows."""

    executor: ClassVar[str] = "attack_runs:execute"
    extendable_by: ClassVar[tuple[str, ...]] = ("until",)
    until: int = 12
    seed: int = 0
    save_every: int = 3
    seconds: float = 0.0

    def slug(self) -> str:
        return f"climb-{self.until}-s{self.seed}"

    def validate(self) -> None:
        if self.until < 1:
            raise UserError(f"until must be positive, got {self.until}")


def execute(config: Climb, folder) -> None:
    """Climbs on from the newest checkpoint."""
    saved = checkpoints.latest(folder.checkpoints)
    if saved is None:
        folder.metrics.cut_after(0)
        step, weights = 0, np.frombuffer(hashlib.sha256(b"%d" % config.seed).digest(), np.uint8)
    else:
        folder.metrics.cut_to(saved.host["bytes"], saved.step)
        step, weights = saved.step, saved.arrays[0]
    with Interrupts() as interrupts, Progress(folder) as progress:
        while step < config.until:
            time.sleep(config.seconds)
            step += 1
            weights = np.frombuffer(hashlib.sha256(weights.tobytes()).digest(), np.uint8)
            folder.metrics.append(step=step, height=float(weights.mean()), where=weights[:3])
            progress.update(step, config.until, height=float(weights.mean()))
            if step % config.save_every == 0 or step == config.until or interrupts.requested:
                folder.check_lock()
                checkpoints.save(
                    folder.checkpoints, checkpoints.State(step, [weights], {"bytes": folder.metrics.size()})
                )
            if interrupts.requested:
                interrupts.stop()
    folder.write_summary({"steps": step, "height": float(weights.mean()), "weights": weights})
