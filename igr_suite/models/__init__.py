"""Public models for Keras users."""
