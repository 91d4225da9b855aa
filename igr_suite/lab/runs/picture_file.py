"""Writes and reads `pictures.npz` of a run folder (never imports TensorFlow)."""

import io
from pathlib import Path

import numpy as np

from igr_suite.errors import UserError
from igr_suite.lab.runs.arrays import BadArchive, read_arrays
from igr_suite.lab.runs.files import write_atomically
from igr_suite.lab.runs.reading import read_regular

FILE = "pictures.npz"
ROOM = 1 << 28  # bytes that the unpacked pictures may take; those of any run so far take less than a hundredth
SIDE = 10  # prior samples form a square of this side; at most so many latents are traversed
# levels of the normal quantiles to which a continuous latent is set; docs/papers/igr.md, section 3.7
LEVELS = np.linspace(0.05, 0.95, 12)


def save(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Writes the file, compressed; equal arrays give equal files.

    Args:
      folder: the run's folder.
      arrays: uint8 images, as `families.vae.pictures.pictures` returns them.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(folder / FILE, buffer.getvalue())
    return folder / FILE


def load(folder: Path) -> dict[str, np.ndarray]:
    """Reads the file of a run folder.

    Raises:
      UserError: the file is absent or damaged.
    """
    path = folder / FILE
    try:
        return read_arrays(read_regular(path), room=ROOM)
    except FileNotFoundError:
        raise UserError(f"{path} is absent; make it with `igr pictures {folder}`") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except BadArchive as error:
        raise UserError(
            f"{path} is damaged ({error}); delete it and make it again with `igr pictures {folder}`"
        ) from None


def as_bytes(images: np.ndarray, leading: tuple[int, ...], image_shape: tuple[int, int, int]) -> np.ndarray:
    """Converts images [N, D] in [0, 1] to uint8 [*leading, H, W, C]."""
    return np.rint(255 * np.asarray(images)).astype(np.uint8).reshape(*leading, *image_shape)
