"""Figures and tables from results that were saved; imports numpy, pandas and matplotlib only, never TensorFlow."""
