"""Decoupled training of any Keras model by synthetic gradients."""
