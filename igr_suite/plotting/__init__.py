"""Figures and tables from saved results; imports numpy, pandas and matplotlib only, never TensorFlow."""
