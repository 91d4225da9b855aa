"""Importance-weighted autoencoders, trained with DReG and related estimators."""
