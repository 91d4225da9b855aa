"""Gradient estimation for latent-variable models: relaxations, models, training and reproductions."""

__version__ = "0.1.0"
