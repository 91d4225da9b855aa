"""Figures and tables of runs of K-sample objectives."""
