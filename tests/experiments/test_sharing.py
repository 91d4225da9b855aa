"""Runs that two experiments have in common are copied when finished, and only then."""

from dummy_runs import DummyRun
from igr_suite.experiments.experiment import Experiment, expand
from igr_suite.experiments.sharing import adopt
from igr_suite.experiments.store import RunFolder
