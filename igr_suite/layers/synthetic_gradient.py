"""Networks that predict gradients, for decoupled models."""

from igr_suite.decoupling.synthetic_gradient import *  # noqa: F403
