"""Networks that predict gradients, for decoupled models."""

from igr_suite.decoupling.synthetic_gradient import conv, linear, mlp

__all__ = ["conv", "linear", "mlp"]
