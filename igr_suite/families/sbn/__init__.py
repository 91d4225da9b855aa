"""Sigmoid belief networks, trained with REBAR and related estimators."""
