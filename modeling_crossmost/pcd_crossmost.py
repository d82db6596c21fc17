"""Clouds in PCD files, the format of the Point Cloud Library: ascii, binary and LZF-compressed (numpy only).

Versions .5 to .7, little endian. Nothing is allocated that the file's size does not vouch for: a header is a claim.
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

# What the entries mean that old files lack.
_USUAL = {"SIZE": "4", "TYPE": "F", "COUNT": "1"}

# Bytes of a line of header or ascii data: bounds what a parser allocates, with room for PCL's longest descriptors.
_LONGEST_LINE = 1 << 18

# The best that LZF can do: 3 bytes that repeat 264.
_LZF_TOKEN, _LZF_RUN = 3, 264


@dataclass(frozen=True)
class _Field:
    """One entry of the header's FIELDS: `count` numbers of type `dtype` per point."""

    name: str
    dtype: np.dtype
    count: int

    @property
    def size(self) -> int:
        return self.dtype.itemsize * self.count


def read_pcd(source: str | Path | BinaryIO, name: str | None = None) -> np.ndarray:
    """Reads the points of a PCD file, organised or not; all fields but x, y and z are passed over.

    Points with a NaN coordinate are dropped: that is how PCL marks pixels without a measurement. Infinite coordinates
    stay. VIEWPOINT, where the sensor stood, is ignored: the points are returned in the frame they are stored in. Bytes
    behind binary data are ignored too: PCL pads files to whole pages.

    Args:
        source: a path, or an open file that can be searched.
        name: what the messages call it; by default the path's last part.

    Returns:
        Cloud (N, 3), N >= 1: float32, or float64 where the file has doubles or integers that float32 cannot hold.

    Raises:
        ValueError: for a file that is missing, malformed, cut off or at odds with its header, or without any point.
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
        points = np.stack(columns, axis=1, dtype=_common_type(fields))
        measured = ~np.isnan(points).any(axis=1)
        if not measured.any():
            raise ValueError(f"none of its {count} points was measured: all have NaN coordinates")
        return points if measured.all() else points[measured]
    except (OSError, MemoryError, ValueError) as error:
        raise _unreadable(name or "upload", error) from None


def _unreadable(name: str, error: Exception) -> ValueError:
    return ValueError(f"{name}: the file cannot be read as pcd ({_reason(error)}).")


def _reason(error: Exception) -> str:
    """An exception in one short line, without the path that an `OSError` names."""
    text = str(error.strerror if isinstance(error, OSError) else error)
    return " ".join(text.split()).rstrip(".")[:200] or type(error).__name__


def _lines(handle: BinaryIO) -> Iterator[bytes]:
    """Lines from the handle's position on; the handle always stands behind the line yielded last."""
    while line := handle.readline(_LONGEST_LINE + 1):
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"it has a line of more than {_LONGEST_LINE} bytes")
        yield line


def _read_header(handle: BinaryIO) -> tuple[list[_Field], int, str]:
    """Fields of a point, number of points and encoding; the handle is left where the data begin."""
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
    """The fields in the order of the file."""
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
    """Number of points by POINTS, by WIDTH x HEIGHT or by both."""
    given = {key: _whole(" ".join(entries[key]), key) for key in ("POINTS", "WIDTH", "HEIGHT") if key in entries}
    grid = given["WIDTH"] * given.get("HEIGHT", 1) if "WIDTH" in given else None
    count = given.get("POINTS", grid)
    if count is None:
        raise ValueError("its header has neither POINTS nor WIDTH")
    if grid not in (None, count):
        raise ValueError(f"its header has POINTS {count}, but WIDTH x HEIGHT is {grid}")
    return count


def _whole(word: str, key: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 18 and int(word) > 0):
        raise ValueError(f"its header has {key} {word[:40]!r} instead of a whole number above 0")
    return int(word)


def _row_size(fields: list[_Field]) -> int:
    return sum(field.size for field in fields)


def _find(fields: list[_Field], name: str) -> tuple[list[_Field], _Field]:
    """The fields before the one called `name`, and that one."""
    index = [field.name for field in fields].index(name)
    return fields[:index], fields[index]


def _common_type(fields: list[_Field]) -> np.dtype:
    """float32, or float64 where x, y or z are doubles or integers of 4 bytes and more."""
    return np.result_type(np.float32, *(_find(fields, axis)[1].dtype for axis in _AXES))


def _check_room(needed: int, left: int) -> None:
    if needed > left:
        raise ValueError(f"its header announces at least {needed} bytes of data, but {left} follow: it may be cut off")


def _read_ascii(handle: BinaryIO, fields: list[_Field], count: int, left: int) -> list[np.ndarray]:
    """The columns x, y and z, (count,), of lines of numbers, one line per point."""
    width = sum(field.count for field in fields)
    # A number takes a digit and a separator at least; the last line may lack its end.
    _check_room(2 * width * count - 1, left)
    with warnings.catch_warnings(action="ignore"):  # of data that are all blank, refused below
        try:
            table = np.loadtxt(_lines(handle), dtype=_common_type(fields), comments=None, ndmin=2)
        except ValueError as error:
            raise ValueError(str(error).partition("; use `usecols`")[0]) from None  # numpy's remedy is for its callers
    if table.shape != (count, width):
        raise ValueError(
            f"it holds {table.shape[0]} lines of {table.shape[1]} numbers, but its header announces {count} of {width}"
        )
    before = [_find(fields, axis)[0] for axis in _AXES]
    return [table[:, sum(field.count for field in some)] for some in before]


def _read_binary(handle: BinaryIO, fields: list[_Field], count: int, left: int) -> list[np.ndarray]:
    """The columns x, y and z, (count,), of rows of bytes, one row per point."""
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
    """The columns x, y and z, (count,), of compressed blocks, one block per field."""
    _check_room(8, left)
    packed_size, size = struct.unpack("<II", handle.read(8))
    _check_room(8 + packed_size, left)
    # PCL leaves out the blocks of padding, other writers do not.
    for stored in (fields, [field for field in fields if field.name != "_"]):
        if size == count * _row_size(stored):
            break
    else:
        raise ValueError(f"its data unpack to {size} bytes, but its header announces {count * _row_size(fields)}")
    if size * _LZF_TOKEN > packed_size * _LZF_RUN:
        raise ValueError(f"its {packed_size} bytes of data cannot unpack to {size}")
    data = _decompress_lzf(handle.read(packed_size), size)
    columns = []
    for axis in _AXES:
        before, field = _find(stored, axis)
        columns.append(np.frombuffer(data, dtype=field.dtype, count=count, offset=count * _row_size(before)))
    return columns


def _decompress_lzf(data: bytes, size: int) -> bytearray:
    """Undoes LZF; the result has `size` bytes.

    A token is `000nnnnn` and n + 1 bytes to copy, or `nnnooooo oooooooo`: repeat n + 2 bytes from o + 1 bytes back.
    n = 7 announces another byte between the two, to be added to n.

    Raises:
        ValueError: for data that end within a token, reach back too far or have another size.
    """
    unpacked = bytearray()
    position, end = 0, len(data)
    data += b"\0\0\0"  # a token may be read in full before the end is checked
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
        else:  # the run overlaps what it makes: the last `back` bytes, over and over
            unpacked += (unpacked[start:] * (length // back + 1))[:length]
    if position != end or len(unpacked) != size:
        raise ValueError(f"its compressed data are damaged: they do not unpack to the announced {size} bytes")
    return unpacked


_READERS = {"ascii": _read_ascii, "binary": _read_binary, "binary_compressed": _read_compressed}
