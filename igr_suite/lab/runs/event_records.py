"""TensorBoard's event files, without TensorFlow or TensorBoard.

An event file is a sequence of TFRecords, each a protocol buffer `Event`. Both formats are simple enough to be written
here: a record is its length, a masked CRC-32C of the length, the bytes and a masked CRC-32C of these; the messages
contain only numbers, text and nested messages.
"""

import math
import struct
from collections.abc import Iterable

VERSION = b"brain.Event:2"  # TensorBoard reads no file without it
_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5  # wire types


def begin(time: float = 0.0) -> bytes:
    """Returns the first record of a file; `time` in seconds since 1970."""
    return _event(_field(3, _BYTES, VERSION), time)


def scalars(step: int, values: Iterable[tuple[str, float]], time: float = 0.0) -> bytes:
    """Returns the record of a step's numbers by name, rounded to TensorBoard's float32."""
    parts = [_field(1, _BYTES, name.encode()) + _field(2, _FLOAT, _float32(value)) for name, value in values]
    # step = 2, summary = 5 of repeated value = 1 of (tag = 1, simple_value = 2)
    summary = b"".join(_field(1, _BYTES, part) for part in parts)
    return _event(_field(2, _VARINT, _varint(step)) + _field(5, _BYTES, summary), time)


def _event(content: bytes, time: float) -> bytes:
    return _record(_field(1, _DOUBLE, struct.pack("<d", time)) + content)


def _field(number: int, wire_type: int, content: bytes) -> bytes:
    length = _varint(len(content)) if wire_type == _BYTES else b""
    return _varint(number << 3 | wire_type) + length + content


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _float32(value: float) -> bytes:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked_crc(length) + content + _masked_crc(content)


def _masked_crc(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(content: bytes) -> int:
    """Returns the CRC with Castagnoli's polynomial, 0x1EDC6F41 (0x82F63B78 reflected)."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (0x82F63B78 if entry & 1 else 0)
        table.append(entry)
    return table


_TABLE = _table()
