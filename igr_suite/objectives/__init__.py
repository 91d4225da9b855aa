"""Importance-weighted objectives and their gradients; `names` does not import TensorFlow, `registry` has the
objectives themselves."""
