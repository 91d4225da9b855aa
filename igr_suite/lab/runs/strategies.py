"""The strategies by which a run's batches are divided among devices, and the runs that can use them (never imports
TensorFlow).

`training/strategy.py` implements them. Like threads, a strategy belongs to the machine: it is not part of a run's
config or name.
"""

import json
import os
from collections.abc import Iterable

from igr_suite.errors import UserError, nearest
from igr_suite.lab.runs.config import RunConfig

STRATEGIES = {
    "mirrored": "all devices of this machine",
    "multi_worker": "all devices of several machines, one process each",
}
VARIABLE = "IGR_STRATEGY"  # environment variable of a worker


def check_name(name: str | None) -> None:
    """Raises UserError unless this is the name of a strategy, or None, which means one device."""
    if name is not None and name not in STRATEGIES:
        raise UserError(f"unknown strategy '{name}': {nearest(name, STRATEGIES)}")


def check(configs: Iterable[RunConfig], name: str | None) -> None:
    """Raises UserError when one of these runs cannot be trained with a strategy."""
    check_name(name)
    for config in configs if name is not None else ():
        reason = config.data_parallel_obstacle()
        if reason is not None:
            raise UserError(f"{config.run_id} cannot be trained with the strategy {name}: {reason}")


def chosen() -> str | None:
    """Returns the strategy that this process was started with."""
    name = os.environ.get(VARIABLE) or None
    check_name(name)
    return name


def workers() -> tuple[int, int]:
    """Returns (number of this process, number of processes) that train a run together, from TF_CONFIG or from SLURM's
    step."""
    if os.environ.get("TF_CONFIG"):
        try:
            content = json.loads(os.environ["TF_CONFIG"])
            index, count = int(content["task"]["index"]), len(content["cluster"]["worker"])
        except (ValueError, KeyError, TypeError):
            raise UserError(
                'TF_CONFIG must be like {"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": '
                '"worker", "index": 0}}, '
                f"got {os.environ['TF_CONFIG']}"
            ) from None
        return index, count
    if "SLURM_PROCID" in os.environ and "SLURM_STEP_NUM_TASKS" in os.environ:
        return int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"])
    return 0, 1
