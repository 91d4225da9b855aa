"""The one path: a chain of discrete layers and a registered estimator make a training step."""
