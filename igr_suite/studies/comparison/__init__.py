"""Variance and cost of gradient estimators side by side."""
