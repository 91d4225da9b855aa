"""Relaxations fitted to discrete laws: targets, fits, what is kept of them, and priors from the cache (this file imports no TensorFlow)."""
