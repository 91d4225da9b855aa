"""Figures and tables of the VAE experiments."""
