"""Classifiers and recurrent networks decoupled by synthetic gradients."""
