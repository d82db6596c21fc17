"""Reader of PCD files, the format of the Point Cloud Library (PCL): ascii, binary and LZF-compressed (numpy only).

Versions .5 to .7, little endian. Headers are not trusted: memory is allocated only after the announced amount of data
has been checked against the size of the file.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

import numpy as np


_KEYWORDS = ("VERSION", "FIELDS", "COLUMNS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
_NUMBERS = ("F2", "F4", "F8", "I1", "I2", "I4", "I8", "U1", "U2", "U4", "U8")
_AXES = ("x", "y", "z")

# Values of entries that old files omit: every field is a single float32.
_USUAL = {"SIZE": "4", "TYPE": "F", "COUNT": "1"}

# Maximum length of a line of header or ascii data, in bytes. Bounds the memory of the parser, with room for the longest
# feature descriptors of PCL.
_LONGEST_LINE = 1 << 18

# The highest compression ratio of LZF: a token of 3 bytes that repeats 264 bytes.
_LZF_TOKEN, _LZF_RUN = 3, 264


@dataclass(frozen=True)
class _Field:
    """One field of the header: `count` numbers of type `dtype` per point."""

    name: str
    dtype: np.dtype
    count: int

    @property
    def size(self) -> int:
        return self.dtype.itemsize * self.count


def read_pcd(source: str | Path | BinaryIO, name: str | None = None) -> np.ndarray:
    """Read the points of a PCD file, organized (image-like) or not, ignoring all fields but x, y and z.

    Points with NaN or infinite coordinates are kept; PCL marks pixels without a measurement by NaN. VIEWPOINT, the pose
    of the sensor, is ignored: points stay in the frame in which they are stored. Bytes after binary data are ignored as
    well, since PCL pads files to whole pages.

    Args:
        source: a path, or an open, seekable binary file.
        name: what error messages call the file; defaults to the file name.

    Returns:
        Cloud (N, 3), N >= 1: float32, or float64 if the file has doubles or integers that float32 cannot represent.

    Raises:
        ValueError: if the file is missing, malformed, truncated or inconsistent with its header.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            with path.open("rb") as handle:
                return read_pcd(handle, name or path.name)
        except OSError as error:
            raise _unreadable(name or path.name, error) from None
    try:
        size = source.seek(0, SEEK_END)
        source.seek(0)
        fields, count, encoding = _read_header(source)
        columns = _READERS[encoding](source, fields, count, size - source.tell())
        return np.stack(columns, axis=1, dtype=_common_type(fields))
    except (OSError, MemoryError, ValueError) as error:
        raise _unreadable(name or "upload", error) from None


def _unreadable(name: str, error: Exception) -> ValueError:
    return ValueError(f"{name}: the file cannot be read as pcd ({_reason(error)}).")


def _reason(error: Exception) -> str:
    """Describe an exception in one short line, without the path in the message of an `OSError`."""
    text = str(error.strerror if isinstance(error, OSError) else error)
    return " ".join(text.split()).rstrip(".")[:200] or type(error).__name__


def _lines(handle: BinaryIO) -> Iterator[bytes]:
    """Yield the lines from the handle's position on, leaving the handle after the line yielded last."""
    # Iterating over the handle itself would read ahead, past the header and into the data.
    while line := handle.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"it has a line of more than {_LONGEST_LINE} bytes")
        yield line


def _read_header(handle: BinaryIO) -> tuple[list[_Field], int, str]:
    """Return the fields, the number of points and the encoding, leaving the handle at the start of the data."""
    entries: dict[str, list[str]] = {}
    for line in _lines(handle):
        words = line.decode("latin-1").split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in _KEYWORDS:
            raise ValueError(f"its header has the unknown entry {words[0][:40]!r}")
        entries[words[0]] = words[1:]
        if words[0] == "DATA":
            break
    else:
        raise ValueError("its header has no entry DATA")
    encoding = " ".join(entries["DATA"])
    if encoding not in _READERS:
        raise ValueError(f"its header has DATA {encoding[:40]!r} instead of one of {', '.join(_READERS)}")
    return _header_fields(entries), _header_points(entries), encoding


def _header_fields(entries: dict[str, list[str]]) -> list[_Field]:
    """Return the fields in file order."""
    names = entries.get("FIELDS") or entries.get("COLUMNS") or []
    for axis in _AXES:
        if names.count(axis) != 1:
            raise ValueError(f"its header names the field {axis} {names.count(axis)} times in FIELDS instead of once")
    sizes, types, counts = (entries.get(key, [usual] * len(names)) for key, usual in _USUAL.items())
    if not len(names) == len(sizes) == len(types) == len(counts):
        raise ValueError(
            f"its header has {len(names)} FIELDS, but {len(sizes)} SIZE, {len(types)} TYPE and {len(counts)} COUNT"
        )
    fields = []
    for name, size, kind, count in zip(names, sizes, types, counts, strict=True):
        if kind + size not in _NUMBERS:
            raise ValueError(f"its field {name[:40]!r} has the unknown TYPE {kind[:10]!r} with SIZE {size[:10]!r}")
        field = _Field(name, np.dtype(f"<{kind.lower()}{size}"), _whole(count, "COUNT"))
        if name in _AXES and field.count != 1:
            raise ValueError(f"its field {name} has COUNT {field.count} instead of 1")
        fields.append(field)
    return fields


def _header_points(entries: dict[str, list[str]]) -> int:
    """Return the number of points, given by POINTS, by WIDTH x HEIGHT or by both."""
    given = {key: _whole(" ".join(entries[key]), key) for key in ("POINTS", "WIDTH", "HEIGHT") if key in entries}
    grid = given["WIDTH"] * given.get("HEIGHT", 1) if "WIDTH" in given else None
    count = given.get("POINTS", grid)
    if count is None:
        raise ValueError("its header has neither POINTS nor WIDTH")
    if grid not in (None, count):
        raise ValueError(f"its header has POINTS {count}, but WIDTH x HEIGHT is {grid}")
    return count


def _whole(word: str, key: str) -> int:
    # 18 digits fit into 64 bits; products of such numbers are Python integers and cannot overflow.
    if not (word.isascii() and word.isdigit() and len(word) <= 18 and int(word) > 0):
        raise ValueError(f"its header has {key} {word[:40]!r} instead of a whole number above 0")
    return int(word)


def _row_size(fields: list[_Field]) -> int:
    return sum(field.size for field in fields)


def _find(fields: list[_Field], name: str) -> tuple[list[_Field], _Field]:
    """Return the fields before the one called `name`, and that field."""
    index = [field.name for field in fields].index(name)
    return fields[:index], fields[index]


def _common_type(fields: list[_Field]) -> np.dtype:
    """Return float32, or float64 if any of x, y and z is a double or an integer of 4 bytes or more."""
    return np.result_type(np.float32, *(_find(fields, axis)[1].dtype for axis in _AXES))


def _check_room(needed: int, left: int) -> None:
    if needed > left:
        raise ValueError(f"its header announces at least {needed} bytes of data, but {left} follow: it may be cut off")


def _read_ascii(handle: BinaryIO, fields: list[_Field], count: int, left: int) -> list[np.ndarray]:
    """Return the columns x, y and z, each (count,), of text with one line of numbers per point."""
    width = sum(field.count for field in fields)
    # A number takes at least a digit and a separator, except that the last line may have no newline.
    _check_room(2 * width * count - 1, left)
    with warnings.catch_warnings(action="ignore"):  # numpy warns of blank data, which the shape check rejects
        try:
            table = np.loadtxt(_lines(handle), dtype=_common_type(fields), comments=None, ndmin=2)
        except ValueError as error:
            raise ValueError(str(error).partition("; use `usecols`")[0]) from None  # drop advice meant for programmers
    if table.shape != (count, width):
        raise ValueError(
            f"it holds {table.shape[0]} lines of {table.shape[1]} numbers, but its header announces {count} of {width}"
        )
    before = [_find(fields, axis)[0] for axis in _AXES]
    return [table[:, sum(field.count for field in some)] for some in before]


def _read_binary(handle: BinaryIO, fields: list[_Field], count: int, left: int) -> list[np.ndarray]:
    """Return the columns x, y and z, each (count,), of binary data with one row of bytes per point."""
    row = _row_size(fields)
    _check_room(count * row, left)
    table = np.frombuffer(handle.read(count * row), dtype=np.uint8).reshape(count, row)
    columns = []
    for axis in _AXES:
        before, field = _find(fields, axis)
        start = _row_size(before)
        columns.append(table[:, start : start + field.size].view(field.dtype)[:, 0])
    return columns


def _read_compressed(handle: BinaryIO, fields: list[_Field], count: int, left: int) -> list[np.ndarray]:
    """Return the columns x, y and z, each (count,), of compressed data with one block per field."""
    _check_room(8, left)
    packed_size, size = struct.unpack("<II", handle.read(8))
    _check_room(8 + packed_size, left)
    # PCL omits the blocks of padding fields (named "_"), other writers do not: the unpacked size tells which it is.
    for stored in (fields, [field for field in fields if field.name != "_"]):
        if size == count * _row_size(stored):
            break
    else:
        raise ValueError(f"its data unpack to {size} bytes, but its header announces {count * _row_size(fields)}")
    if size * _LZF_TOKEN > packed_size * _LZF_RUN:
        raise ValueError(f"its {packed_size} bytes of data cannot unpack to {size}")
    data = decompress_lzf(handle.read(packed_size), size)
    columns = []
    for axis in _AXES:
        before, field = _find(stored, axis)
        columns.append(np.frombuffer(data, dtype=field.dtype, count=count, offset=count * _row_size(before)))
    return columns


def decompress_lzf(data: bytes, size: int) -> bytearray:
    """Decompress LZF data to `size` bytes.

    A token is either `000nnnnn` followed by n + 1 literal bytes, or `nnnooooo oooooooo`, which repeats n + 2 bytes from
    o + 1 bytes back. For n = 7 there is another byte between the two, to be added to n.

    Raises:
        ValueError: for data that end within a token, refer back too far or do not unpack to `size` bytes.
    """
    unpacked = bytearray()
    position, end = 0, len(data)
    data += b"\0\0\0"  # so that reading a truncated token cannot fail; the position is checked at the end
    while position < end and len(unpacked) <= size:
        length, back = data[position] >> 5, (data[position] & 31) << 8
        position += 1
        if length == 0:
            stop = position + (back >> 8) + 1
            unpacked += data[position:stop]
            position = stop
            continue
        if length == 7:
            length += data[position]
            position += 1
        back += data[position] + 1
        position += 1
        length += 2
        start = len(unpacked) - back
        if start < 0:
            raise ValueError(f"its compressed data refer to {back} bytes back where there are {len(unpacked)}")
        if length <= back:
            unpacked += unpacked[start : start + length]
        else:  # the source overlaps the output: repeat the last `back` bytes
            unpacked += (unpacked[start:] * (length // back + 1))[:length]
    if position != end or len(unpacked) != size:
        raise ValueError(f"its compressed data are damaged: they do not unpack to the announced {size} bytes")
    return unpacked


_READERS = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
