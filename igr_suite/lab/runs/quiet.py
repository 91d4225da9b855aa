"""Silences what TensorFlow prints when it is imported."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences file descriptors 1 and 2, to which C++ code writes regardless of TF_CPP_MIN_LOG_LEVEL; for imports
    only."""
    silence = os.open(os.devnull, os.O_WRONLY)
    streams = [(number, os.dup(number)) for number in (1, 2)]
    try:
        for number, _ in streams:
            os.dup2(silence, number)
        yield
    finally:
        for number, saved in streams:
            os.dup2(saved, number)
            os.close(saved)
        os.close(silence)
