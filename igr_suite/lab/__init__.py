"""Run configs, results store, experiments and their runner; nothing here imports TensorFlow."""

from igr_suite.lab.analysis.results import Results
from igr_suite.lab.running.experiment import Experiment, StageResults
from igr_suite.lab.runs.config import RunConfig
from igr_suite.lab.runs.store import RunFolder

__all__ = ["Experiment", "Results", "RunConfig", "RunFolder", "StageResults"]
