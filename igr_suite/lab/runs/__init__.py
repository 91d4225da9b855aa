"""One run: its config and options, its folder, lock, metrics and checks."""
