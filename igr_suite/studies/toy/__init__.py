"""Toy problems with exact answers, on which gradient estimators are compared."""
