"""Measurements on distributions: how near samples come to the vertices of the simplex. Configs and statistics never
import TensorFlow."""
