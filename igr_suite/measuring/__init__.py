"""Measurements of gradients and of estimators (moments, moving averages, variances, biases), and of distances on the
simplex."""
