"""Figures and tables of half-and-half MNIST."""
