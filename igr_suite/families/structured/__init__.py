"""Structured output prediction with layers of binary units."""
