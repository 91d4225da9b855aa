"""Importance-weighted objectives and their gradients; `names` is free of TensorFlow, `registry` holds the objectives
themselves."""
