"""Relaxations fitted to discrete distributions: targets, fits, their results, and priors from the cache (this file
imports no TensorFlow)."""
