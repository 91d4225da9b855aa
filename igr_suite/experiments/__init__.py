"""Run configs, results store, experiments and their runner; nothing here imports TensorFlow."""

from igr_suite.experiments.config import RunConfig
from igr_suite.experiments.entry import main
from igr_suite.experiments.experiment import Experiment, StageResults
from igr_suite.experiments.results import Results
from igr_suite.experiments.store import RunFolder

__all__ = ["Experiment", "Results", "RunConfig", "RunFolder", "StageResults", "main"]
