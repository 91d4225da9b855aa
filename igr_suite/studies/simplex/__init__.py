"""Distances of relaxed samples from the vertices of the simplex."""
