"""Mixture VAEs with stick-breaking weights."""
