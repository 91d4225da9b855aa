"""Experiments, their stages, the runner and its worker processes."""
