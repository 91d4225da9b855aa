"""Relaxations fitted to discrete distributions: targets, fits, what is kept of them, and priors from the cache (this
file imports no TensorFlow)."""
