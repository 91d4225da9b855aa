"""Output to terminals and logs, as text only: names and messages that come from files cannot move the cursor or hide a
line.

Every process that prints (`igr`, workers, processes that draw) calls `guard` once; in everything printed after it,
including argparse's and Python's own messages, control characters are shown by their numbers. Bars and live tables
draw with control characters of their own: they go through `console`, which escapes the texts that it is given, or are
drawn in a block of `drawing`.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

# C0 with ESC, DEL, C1; separators that some terminals take for line ends; marks that reorder or hide text for writing
# from right to left; and single surrogates, which stand for bytes in names that are not text.
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
IN_A_LINE = re.compile(f"[{_CONTROL}]")
IN_A_TEXT = re.compile(f"(?![\n\t])[{_CONTROL}]")


def line(text: object) -> str:
    """Returns a name or sentence as one line: every control character, including line ends and tabs, is shown as \\x1b or
    \\u202e."""
    return IN_A_LINE.sub(_number, str(text))


def shown(text: object) -> str:
    """Returns a text of several lines in which all other control characters are shown by their numbers."""
    return IN_A_TEXT.sub(_number, str(text))


def say(text: object, error: bool = False) -> None:
    """Prints one line on stdout, or on stderr for an `error`; line ends in names and messages are escaped."""
    print(line(text), file=sys.stderr if error else sys.stdout, flush=True)


def _number(match: re.Match) -> str:
    code = ord(match[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


class Guarded:
    """A text stream that writes `shown` texts to another stream, and otherwise behaves like it.

    Args:
      stream: the other stream.
    """

    def __init__(self, stream: TextIO):
        self.behind = stream

    def write(self, text: str) -> int:
        """Writes a text; returns its number of characters."""
        self.behind.write(shown(text))
        return len(text)

    def writelines(self, lines) -> None:
        """Writes several texts."""
        for text in lines:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.behind)


def guard() -> None:
    """Replaces stdout and stderr by `Guarded` streams, once; characters that the locale's encoding lacks are shown by
    their numbers too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, Guarded):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Guarded(stream))


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Lets a library draw its own bars: stdout and stderr are unguarded in the block, which must print nothing from a
    results folder."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(unguarded, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unguarded(stream: TextIO) -> TextIO:
    """Returns the stream behind a guarded one."""
    return stream.behind if isinstance(stream, Guarded) else stream


def console():
    """Returns rich's console on stderr: its own control codes reach the terminal, those in the texts that it shows do
    not."""
    from rich.console import Console
    from rich.segment import Segment
    from rich.text import Text

    class Escaping(Console):
        def render_str(self, text: str, **options: Any) -> Text:  # before the layout, so that widths are right
            return super().render_str(line(text), **options)

        def render(self, renderable, options=None):  # for everything that did not come as a str
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(shown(segment.text), segment.style)

    return Escaping(file=unguarded(sys.stderr), highlight=False, markup=False, emoji=False)
