"""One HTML page of all results: no server, no network, no TensorFlow."""
