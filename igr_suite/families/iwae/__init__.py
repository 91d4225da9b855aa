"""Importance-weighted autoencoders, trained with DReG and its relatives."""
