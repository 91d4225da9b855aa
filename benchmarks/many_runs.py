"""Time and memory of the reading verbs on thousands of finished runs: `python benchmarks/many_runs.py [RUNS] [ROWS]`.

Writes an experiment of its own with RUNS finished runs (5,000) of ROWS metrics rows each (200) into a temporary folder,
and runs each verb three times in a process of its own: the first finds a fresh folder, the others use `.whole.json`.
Prints the medians of the seconds and of the largest resident memory.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = '''"""Many runs."""
from dataclasses import dataclass
from typing import ClassVar
from igr_suite.lab import Experiment
from igr_suite.lab.runs.config import RunConfig

@dataclass(frozen=True, kw_only=True)
class Dummy(RunConfig):
    """A run that was never run."""

    executor: ClassVar[str] = "reproductions.many.runs.run:execute"
    rate: float = 0.1
    seed: int = 0

    def slug(self):
        return f"dummy-s{self.seed}"

EXPERIMENT = Experiment(paper="many", item="runs", title="Many runs", runs=lambda scale: [Dummy(seed=seed) for seed in range(COUNT)])
'''
VERBS = (
    ("status", ("status", "many/runs", "--scale", "smoke")),
    ("export of summaries", ("export", "many/runs", "--scale", "smoke", "--out", "{out}")),
    ("export of metrics", ("export", "many/runs", "--scale", "smoke", "--what", "metrics", "--out", "{out}")),
    ("list", ("list",)),
)


def write(place: Path, runs: int, rows: int) -> None:
    """Writes the experiment and its finished runs."""
    from igr_suite.lab.running import discovery
    from igr_suite.lab.runs.config import config_to_json
    from igr_suite.lab.runs.wholeness import seal

    item = place / "reproductions/many/runs"
    item.mkdir(parents=True)
    (item / "run.py").write_bytes(RUN.replace("COUNT", str(runs)).encode())
    os.environ["IGR_REPRODUCTIONS"] = str(place / "reproductions")
    scale = place / "results/many/runs/smoke"
    for config in discovery.find("many/runs").stages[0]("smoke", None):
        folder = scale / config.run_id
        folder.mkdir(parents=True)
        (folder / "config.json").write_bytes(config_to_json(config).encode())
        lines = (
            json.dumps({"schema": 1, "step": step, "loss": 1.0 / step, "error": 0.5 / step}) + "\n"
            for step in range(1, rows + 1)
        )
        (folder / "metrics.jsonl").write_bytes("".join(lines).encode())
        (folder / "summary.json").write_bytes(json.dumps({"steps": rows, "loss": 1.0 / rows}).encode())
        meta = {"exit": {"reason": "finished", "message": ""}, "sealed": seal(folder)}
        (folder / "meta.json").write_bytes(json.dumps(meta).encode())


def measured(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and MB of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "igr_suite.cli.main", *words], env=environment, stdout=subprocess.DEVNULL
    )
    usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(usage[1]):
        raise SystemExit(f"igr {' '.join(words)} failed")
    return time.perf_counter() - began, usage[2].ru_maxrss / 1024


def main() -> None:
    """Prints one line a verb."""
    given = [int(word) for word in sys.argv[1:3]]
    runs, rows = [*given, *(5000, 200)[len(given) :]]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place, runs, rows)
        environment = os.environ | {
            "IGR_RESULTS": str(place / "results"),
            "IGR_REPRODUCTIONS": str(place / "reproductions"),
        }
        print(f"{runs} finished runs of {rows} rows")
        for name, words in VERBS:
            measurements = [
                measured([word.format(out=place / "out.csv") for word in words], environment) for _ in range(3)
            ]
            first, seconds, memory = (
                measurements[0][0],
                statistics.median(measurement[0] for measurement in measurements),
                statistics.median(measurement[1] for measurement in measurements),
            )
            print(f"{name:<20} {seconds:6.2f} s ({first:.2f} s the first time), {memory:5.0f} MB")


if __name__ == "__main__":
    main()
