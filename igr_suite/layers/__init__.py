"""Public layers for Keras users."""
