"""Any Keras model, trained in parts that do not wait for each other."""

from igr_suite.decoupling.model import DecoupledModel
from igr_suite.decoupling.split import split_model

__all__ = ["DecoupledModel", "split_model"]
