"""Figures of the page: compressed, of known size, and linked to their full size."""

import base64
import gzip
import re
import struct
from pathlib import Path

from igr_suite.lab.runs.reading import read_regular
from igr_suite.report.markup import Html, fill

MIME = {".svg": "image/svg+xml", ".png": "image/png"}
PNG_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
LENGTH = re.compile(r'\b(width|height)="([\d.]+)(pt|px|)"')
PIXELS = {"pt": 4 / 3, "px": 1.0, "": 1.0}  # of CSS


def figure(path: Path, words: str, anchor: str, section: str) -> Html:
    """Returns the markup of a figure, whose image a script of the page unpacks.

    Args:
      path: an .svg or .png file.
      words: the caption.
      anchor: id of the figure; a link to it shows the figure at its full size.
      section: id of what is shown when the full size is closed.
    """
    content = read_regular(path)
    size = pixels(content)
    return fill(
        '<figure id="{}"><div class="wide"><a class="full" href="#{}" title="full size"><img alt="{}"{} data-type="{}" '
        'data-gzip="{}"></a></div><figcaption>{} <a class="close" href="#{}">close</a></figcaption></figure>',
        anchor,
        anchor,
        words,
        fill(' width="{}" height="{}"', *size) if size else Html(),
        MIME[path.suffix],
        base64.b64encode(gzip.compress(content, 9, mtime=0)).decode(),
        words,
        section,
    )


def pixels(content: bytes) -> tuple[int, int] | None:
    """Returns width and height of an image in CSS pixels; None where its first bytes do not say them."""
    if content.startswith(PNG_HEAD) and len(content) >= len(PNG_HEAD) + 8:
        return struct.unpack(">II", content[len(PNG_HEAD) : len(PNG_HEAD) + 8])
    root = re.search(r"<svg\b[^>]*>", content[:4096].decode(errors="replace"))
    sides = {name: float(number) * PIXELS[unit] for name, number, unit in LENGTH.findall(root[0])} if root else {}
    return (round(sides["width"]), round(sides["height"])) if len(sides) == 2 else None
