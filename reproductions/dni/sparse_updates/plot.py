"""DNI, sparse updates: test error against the probability of an update."""

from igr_suite.families.dni.plots import sparse_ours as ours
from igr_suite.families.dni.plots import sparse_plot as plot

__all__ = ["ours", "plot"]
