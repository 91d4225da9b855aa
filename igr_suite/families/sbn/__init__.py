"""Sigmoid belief networks, trained with REBAR and its relatives."""
