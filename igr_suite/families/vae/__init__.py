"""Discrete and joint VAEs of relaxed codes."""
