"""Decoded arrays on disk, one .npz a dataset, so that a second process starts in a fraction of a second.

The source always takes precedence: a cache file with any defect is rebuilt from it, and a folder that cannot be written
is not used.
"""

import logging
import os
import uuid
import zipfile
import zlib
from pathlib import Path

import numpy as np

logger = logging.getLogger(__name__)

_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
)


def cache_folder() -> Path | None:
    """Returns `$IGR_CACHE_DIR` or `~/.cache/igr_suite/data`; None when there is no home folder."""
    chosen = os.environ.get("IGR_CACHE_DIR")
    try:
        return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "igr_suite" / "data"
    except RuntimeError:
        return None


def read(key: str) -> tuple[dict[str, np.ndarray], str] | None:
    """Returns the arrays and their checksum stored under a key, or None when there is no intact file.

    The zip format holds a CRC-32 of each array, which is checked while reading; a damaged file is reported and treated
    as absent.
    """
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / f"{key}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return arrays, str(arrays.pop("checksum"))
    except FileNotFoundError:
        return None
    except _UNREADABLE as error:
        logger.warning("cached data %s is damaged or unreadable (%s); decoding again", path, error)
        return None


def write(key: str, arrays: dict[str, np.ndarray], checksum: str) -> None:
    """Stores arrays under a key. The file is written under a temporary name and then renamed, so that readers and other
    writers see a complete file or none."""
    folder = cache_folder()
    if folder is None:
        return
    partial = folder / f".{key}.{os.getpid()}.{uuid.uuid4().hex}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as file:
                np.savez(file, checksum=np.array(checksum), **arrays)
            partial.replace(folder / f"{key}.npz")
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        logger.warning(
            "data cache %s is not used (%s); each run decodes again, set IGR_CACHE_DIR to a writable folder",
            folder,
            error,
        )
