"""Prediction of one half of a digit from the other, with stochastic synthetic gradients."""
