"""Decides how many threads a run gets and how many runs go at once."""

import os
from collections.abc import Sequence

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.environment import cores


def share(
    configs: Sequence[RunConfig], jobs: int | None, threads: int | None, available: int | None = None
) -> tuple[int, int]:
    """Divides the cores among runs.

    Args:
      configs: the runs to come.
      jobs: runs at once; None means as many as the cores allow.
      threads: threads per run; None means cores // jobs, but no more than the family can use, which is a larger number
        when there are more cores than runs.
      available: cores; None means those that this process may use.
    Returns:
      (jobs, threads).
    Raises:
      UserError: a number below 1.
    """
    for option, value in (("--jobs", jobs), ("--threads", threads)):
        if value is not None and value < 1:
            raise UserError(f"{option} must be at least 1, got {value}")
    available = available or cores()
    most = max((config.useful_threads for config in configs), default=1)
    if configs and len(configs) < available // most:
        alone = min(max(config.parts_side_by_side, config.useful_threads) for config in configs)
        most = max(most, min(alone, available // len(configs)))
    if threads is None:
        threads = min(most, max(1, available // jobs)) if jobs else min(most, available)
    return jobs or max(1, available // threads), threads


def thread_variables(threads: int) -> dict[str, str]:
    """Returns the environment that limits a process to so many threads; it must be set before TensorFlow is
    imported."""
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys((*libraries, "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "IGR_THREADS"), str(threads))


def one_operation_a_thread(config: RunConfig) -> None:
    """Gives each thread whole operations where a run's step divides into parts, instead of dividing every operation
    among all threads.

    This takes effect only before TensorFlow's runtime starts.
    """
    if config.parts_side_by_side > 1:
        os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
