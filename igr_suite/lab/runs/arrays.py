"""Reads archives of arrays (.npz) from untrusted sources: numbers only, and no more bytes than the archive declares
before it is unpacked."""

import io
import math
import re
import struct
import zipfile
import zlib

import numpy as np

# numpy's header of an array of bools, integers, floats or complex numbers; everything else is refused, objects above
# all
HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[<>|][biufc]\d{1,2})', 'fortran_order': (?P<order>True|False), 'shape': \((?P<shape>[0-9, ]{0,200})\), \} *\n"
)
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, struct.error)


class BadArchive(ValueError):
    """An archive that is not read; the message is the end of a sentence."""


def read_arrays(content: bytes, room: int = 0) -> dict[str, np.ndarray]:
    """Returns the arrays of an archive that `numpy.savez` or `numpy.savez_compressed` wrote, by name.

    Args:
      content: the bytes of the file.
      room: the largest total size in bytes of the arrays when members are compressed; 0 refuses compressed members.
    Raises:
      BadArchive: the content is no such archive, or a member is too large or has another size than its header says.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_sizes(members, len(content), room)
            return {
                member.filename.removesuffix(".npy"): _array(archive.read(member), member.filename)
                for member in members
            }
    except BadArchive:
        raise
    except UNREADABLE as error:
        raise BadArchive(f"its archive cannot be read ({error})") from None


def _check_sizes(members: list[zipfile.ZipInfo], size: int, room: int) -> None:
    for member in members:
        packed = member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size
        if packed and (not room or member.compress_type != zipfile.ZIP_DEFLATED):
            raise BadArchive(f"{member.filename} would inflate from {member.compress_size} to {member.file_size} bytes")
    if len({member.filename.removesuffix(".npy") for member in members}) != len(members):
        raise BadArchive("two of its members have the same name")
    total = sum(member.file_size for member in members)
    if total > max(size, room):
        raise BadArchive(f"its members hold {total} bytes, the file {size}")


def _array(content: bytes, name: str) -> np.ndarray:
    length = int.from_bytes(content[8:10], "little")
    header = HEADER.fullmatch(content[10 : 10 + length])
    if content[:8] != b"\x93NUMPY\x01\x00" or header is None:
        raise BadArchive(f"{name} is no array of numbers")
    try:
        dtype = np.dtype(header["dtype"].decode())
        shape = tuple(int(number) for number in header["shape"].replace(b",", b" ").split())
    except (TypeError, ValueError):
        raise BadArchive(f"{name} is no array of numbers") from None
    size = len(content) - 10 - length
    if math.prod(shape) * dtype.itemsize != size:
        raise BadArchive(f"{name} holds {size} bytes, and its header says {dtype.name} {list(shape)}")
    return (
        np.frombuffer(content[10 + length :], dtype)
        .reshape(shape, order="F" if header["order"] == b"True" else "C")
        .copy()
    )
