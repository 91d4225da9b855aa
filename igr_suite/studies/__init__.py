"""Runs that train no model of a family: toy problems, fits of distributions, comparisons of estimators."""
