"""How many threads a run gets, and how many runs go at once."""

import os
from collections.abc import Sequence

from igr_suite.errors import UserError
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.environment import cores

# Threads with which a run of a model family is fastest, measured (docs/performance.md); more of them gain nothing.
FAMILY_THREADS = {
    "default": 1,
    "discrete_vae": 1,
    "dni": 1,
    "dreg": 1,
    "fit_discrete": 1,
    "half_mnist": 1,
    "relax_vae": 1,
    "sbn": 1,
    "simplex_proximity": 1,
    "toy": 1,
    "structured_output": 1,
}

# Threads that a single run has use for when cores would be idle otherwise: its step falls into as many parts of whole operations.
SIDE_BY_SIDE = {"dreg": 2}


def share(configs: Sequence[RunConfig], jobs: int | None, threads: int | None, available: int | None = None) -> tuple[int, int]:
    """Divides the cores among runs.

    Args:
      configs: the runs to come.
      jobs: runs at once; None means as many as the cores allow.
      threads: threads a run; None means cores // jobs, at most what the family has use for, which is more when there are more cores
        than runs.
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
    most = max((FAMILY_THREADS.get(config.family, FAMILY_THREADS["default"]) for config in configs), default=1)
    if configs and len(configs) < available // most:
        alone = min(SIDE_BY_SIDE.get(config.family, most) for config in configs)
        most = max(most, min(alone, available // len(configs)))
    if threads is None:
        threads = min(most, max(1, available // jobs)) if jobs else min(most, available)
    return jobs or max(1, available // threads), threads


def thread_variables(threads: int) -> dict[str, str]:
    """Returns the environment that holds a process to so many threads; it must be set before TensorFlow is imported."""
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys((*libraries, "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "IGR_THREADS"), str(threads))


def one_operation_a_thread(family: str) -> None:
    """Gives each thread whole operations where a family's step falls into parts, instead of dividing every operation among all threads.

    It takes effect if TensorFlow's runtime has not started yet.
    """
    if family in SIDE_BY_SIDE:
        os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
