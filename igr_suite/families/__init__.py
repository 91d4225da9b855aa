"""The model families, one folder each; none of them imports another."""
