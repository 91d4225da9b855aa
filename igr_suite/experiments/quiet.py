"""What a process writes on its terminal: none of what TensorFlow prints while it is imported, and all characters in any locale."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences file descriptors 1 and 2, which C++ code writes to whatever TF_CPP_MIN_LOG_LEVEL says; only for imports."""
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


def show_all_characters() -> None:
    """Lets a character that the locale's encoding lacks be printed by its number: a plus-minus sign as \\xb1 in ASCII, not as an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
