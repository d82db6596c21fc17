"""Readers of STL files (binary and ASCII) and OFF files (numpy only)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .materials_crossmost import SurfaceColors
from .obj_crossmost import corner_colors, read_table, vertex_levels, without_comments
from .parts_crossmost import Part, Reading, Refusal, Source
from .polygons_crossmost import triangulate


# Binary STL: a header, the number of triangles, and records of normal, three vertices and attribute.
_HEADER, _DATA = 80, 84
_RECORD = np.dtype([("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])

# What the start of an ASCII file holds, and never: no binary STL goes without control characters for so long.
_STL_WORDS = re.compile(rb"\b(solid|facet|loop|vertex)\b", re.IGNORECASE)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_STL_START = 4096

# In lower case; patterns that start with a fixed letter are found several times as fast.
_VERTEX = re.compile(rb"\n[ \t]*vertex\b([^\n]*)")
_LOOP = re.compile(rb"outer[ \t]+loop\b")

_OFF_HEADER = re.compile(rb"\s*(ST)?(C)?(N)?(4)?(n)?OFF(\s+BINARY\b)?")
_OFF_COUNTS = re.compile(rb"\s*(\d+)[ \t]+(\d+)([ \t]+[+-]?\d+)?[ \t]*(\n|$)")


def read_stl(source: Source) -> Reading:
    """Read an STL file, binary or ASCII as its content tells, as one part with three vertices of its own per face.

    Raises:
        Refusal: for too many faces.
        ValueError: for a binary file whose length disagrees with its header, or malformed text; the message then has
            the number of the line.
    """
    data = source.data
    fits = len(data) >= _DATA and len(data) == _DATA + _RECORD.itemsize * _announced(data)
    start = data[:_STL_START].removeprefix(b"\xef\xbb\xbf")
    if not fits and _STL_WORDS.search(start) and not _CONTROLS.search(start):
        return _read_ascii_stl(source)
    if len(data) < _DATA:
        raise ValueError("it is cut off, or neither binary nor ASCII STL")
    return _read_binary_stl(source)


def _announced(data: bytes) -> int:
    return int.from_bytes(data[_HEADER:_DATA], "little")


def _read_binary_stl(source: Source) -> Reading:
    """Read a binary STL file, whose header may lie about the number of triangles."""
    count, notes = _binary_count(source.data)
    source.spend(count, 3 * count)
    records = np.frombuffer(source.data, _RECORD, count, _DATA)
    if count == 0:
        return Reading(notes=notes)
    faces = np.arange(3 * count).reshape(-1, 3)
    colors = _binary_colors(source.data[:_HEADER], records["attribute"], faces)
    return Reading([Part(records["vertices"].reshape(-1, 3).astype(np.float64), faces, colors)], notes)


def _binary_count(data: bytes) -> tuple[int, list[str]]:
    """Return how many triangles to read, and notes on what disagrees."""
    announced = _announced(data)
    held, rest = divmod(len(data) - _DATA, _RECORD.itemsize)
    if announced == held:
        return held, [f"{rest} bytes behind the triangles were ignored."] if rest else []
    said = f"its length disagrees with its header: {announced:,} triangles are announced"
    if rest == 0 and (announced > held or _continues(np.frombuffer(data, _RECORD, held, _DATA), announced)):
        if held == 0:
            raise ValueError(f"{said}, but none follow")
        return held, [f"The header announces {announced:,} triangles, but {held:,} follow; all of them were read."]
    if announced > held or announced == 0:
        raise ValueError(f"{said}, but {len(data) - _DATA:,} bytes follow, enough for {held:,}")
    left = len(data) - _DATA - announced * _RECORD.itemsize
    return announced, [f"{left:,} bytes behind the {announced:,} announced triangles were ignored."]


def _continues(records: np.ndarray, announced: int) -> bool:
    """Whether the records behind the announced ones are triangles of a similar place, rather than other data."""
    vertices = records["vertices"].astype(np.float64)
    known, more = vertices[:announced].reshape(-1, 3), vertices[announced:]
    if not np.isfinite(vertices).all() or not np.ptp(more, axis=1).any(axis=1).all():
        return False
    if announced == 0:
        return bool(np.abs(more).max() < 1e20)
    low, high = known.min(axis=0), known.max(axis=0)
    margin = np.linalg.norm(high - low)
    return bool(((more >= low - margin) & (more <= high + margin)).all())


def _binary_colors(header: bytes, attributes: np.ndarray, faces: np.ndarray) -> SurfaceColors | None:
    """Return the colors that Materialise Magics writes: a default in the header, and 5 bits per channel of faces."""
    place = header.find(b"COLOR=")
    if place < 0 or place + 10 > _HEADER:
        return None
    levels = np.stack([(attributes >> shift) & 31 for shift in (0, 5, 10)], axis=1) * 255 // 31
    levels[attributes >> 15 == 1] = np.frombuffer(header, np.uint8, 3, place + 6)
    return SurfaceColors(faces, np.pad(levels.astype(np.uint8), ((0, 0), (0, 1)), constant_values=255))


def _read_ascii_stl(source: Source) -> Reading:
    """Read an ASCII STL file by its lines of vertices; three make a face, whatever stands between them."""
    text = b"\n" + _plain_lines(source.data).lower()
    rows = _VERTEX.findall(text)
    source.spend(len(rows) // 3, len(rows))
    found = read_table(b"\n".join(rows) + b"\n" if rows else b"")
    if isinstance(found, int):
        raise ValueError(f"line {_vertex_line(text, found)}: a vertex is not three numbers")
    numbers, counts = found
    wrong = np.flatnonzero(counts != 3)
    if len(wrong):
        line = _vertex_line(text, int(wrong[0]))
        raise ValueError(f"line {line}: a vertex has {counts[wrong[0]]} numbers instead of 3")
    loops = len(_LOOP.findall(text))
    if len(rows) % 3 or (loops and 3 * loops != len(rows)):
        line = _vertex_line(text, len(rows) - 1) if rows else text.count(b"\n")
        raise ValueError(f"line {line}: the vertices up to here, {len(rows)}, do not make whole triangles")
    if not rows:
        return Reading()
    return Reading([Part(numbers.reshape(-1, 3), np.arange(len(rows)).reshape(-1, 3))])


def _plain_lines(data: bytes) -> bytes:
    """Return text whose lines end with \\n."""
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _vertex_line(text: bytes, index: int) -> int:
    """Return the number of the line of a vertex."""
    for number, match in enumerate(_VERTEX.finditer(text)):
        if number == index:
            return text.count(b"\n", 0, match.start() + 1)
    return text.count(b"\n")


# --------------------------------------------------------------------------------------------------------- OFF


@dataclass
class _Off:
    """An OFF file: what its header says of vertices, and the lines of vertices and faces."""

    has_colors: bool
    has_normals: bool
    has_uv: bool
    num_vertices: int
    num_faces: int
    numbers: np.ndarray
    counts: np.ndarray

    @property
    def begins(self) -> np.ndarray:
        """Where the numbers of each line begin."""
        return np.cumsum(self.counts) - self.counts


def read_off(source: Source) -> Reading:
    """Read an OFF file, with or without its header, as one mesh, or as a cloud if it has no faces.

    Colors of faces count more than those of vertices; indices into a color map say nothing and are ignored.

    Raises:
        Refusal: for binary files, dimensions other than three, too many faces or points, and too large concave
            polygons.
        ValueError: for malformed content, or content that disagrees with the announced counts.
    """
    off = _read_off_lines(source)
    begins = off.begins[: off.num_vertices]
    vertices = off.numbers[begins[:, None] + np.arange(3)]
    levels = _off_vertex_colors(off)
    if off.num_faces == 0:
        return Reading([Part(vertices, point_colors=levels)] if len(vertices) else [])
    corners, sizes, face_levels = _off_faces(off)
    source.spend(int(np.maximum(sizes - 2, 0).sum()), 0)
    places, polygon = triangulate(vertices, corners, sizes)
    faces = corners[places]
    colors = None
    if face_levels is not None:
        colors = SurfaceColors(faces, np.pad(face_levels[polygon], ((0, 0), (0, 1)), constant_values=255))
    elif levels is not None:
        colors = corner_colors(faces, levels)
    few = np.count_nonzero(sizes < 3)
    verb = "face was" if few == 1 else "faces were"
    notes = [f"{few:,} {verb} left out, with fewer than three corners."] if few else []
    return Reading([Part(vertices, faces, colors)], notes)


def _read_off_lines(source: Source) -> _Off:
    """Read the header and all numbers, and check the counts against the lines that follow."""
    text = without_comments(_plain_lines(source.data))
    off, place = _read_off_header(text)
    body = text[place:] + b"\n"
    table = read_table(body)
    if isinstance(table, int):
        line = sum(not row.isspace() for row in body.split(b"\n")[:table] if row)
        raise ValueError(f"{_off_line(line, off.num_vertices)} has something other than numbers")
    off.numbers, counts = table
    off.counts = counts[counts > 0]  # not of blank lines
    if off.num_vertices + off.num_faces != len(off.counts):
        raise ValueError(
            f"it announces {off.num_vertices:,} vertices and {off.num_faces:,} faces, "
            f"but {len(off.counts):,} lines follow"
        )
    source.spend(0, off.num_vertices)
    short = np.flatnonzero(off.counts[: off.num_vertices] < 3)
    if len(short):
        line = int(short[0])
        raise ValueError(f"{_off_line(line, off.num_vertices)} has {off.counts[line]} numbers instead of 3")
    return off


def _read_off_header(text: bytes) -> tuple[_Off, int]:
    """Return what the header says, without the numbers, and where it ends."""
    header = _OFF_HEADER.match(text)
    uv, colors, normals, four, dimension, binary = header.groups() if header else (None,) * 6
    if binary:
        raise Refusal("it is a binary OFF file: export it as text.")
    place = header.end() if header else 0
    space = re.compile(rb"\s*(\d+)").match(text, place) if dimension else None
    if four or (space and int(space[1][:9]) != 3):
        raise Refusal("its points do not have three dimensions: export it as plain OFF.")
    found = _OFF_COUNTS.match(text, space.end() if space else place)
    if not found:
        raise ValueError("it does not start with OFF and the numbers of vertices and faces")
    num_vertices, num_faces = (int(count[:18]) for count in found.groups()[:2])
    empty = np.zeros(0, np.int64)
    return _Off(bool(colors), bool(normals), bool(uv), num_vertices, num_faces, empty, empty), found.end()


def _off_line(index: int, num_vertices: int) -> str:
    """Name a line behind the counts, counting from one as people do."""
    return f"vertex {index + 1}" if index < num_vertices else f"face {index - num_vertices + 1}"


def _off_vertex_colors(off: _Off) -> np.ndarray | None:
    """Return levels uint8 (V, 3), or `None` if there are none."""
    if not off.has_colors or off.num_vertices == 0:
        return None
    first = 6 if off.has_normals else 3
    counts = off.counts[: off.num_vertices] - 2 * off.has_uv
    colored = counts >= first + 3
    colors = np.full((off.num_vertices, 3), np.nan)
    colors[colored] = off.numbers[off.begins[: off.num_vertices][colored, None] + first + np.arange(3)]
    return vertex_levels(colors)


def _off_faces(off: _Off) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the corners int64 (C,), the number of corners (P,) of each face, and levels uint8 (P, 3) or `None`."""
    begins, counts = off.begins[off.num_vertices :], off.counts[off.num_vertices :]
    announced = off.numbers[begins]
    # Negated, so that NaN is wrong as well.
    wrong = np.flatnonzero(~((announced >= 0) & (announced <= counts - 1) & (announced % 1 == 0)))
    if len(wrong):
        raise ValueError(f"face {wrong[0] + 1} has {counts[wrong[0]] - 1} numbers behind {announced[wrong[0]]:.9g}")
    sizes = announced.astype(np.int64)
    ends = np.cumsum(sizes)
    places = np.arange(sizes.sum()) + np.repeat(begins + 1 - (ends - sizes), sizes)
    corners = off.numbers[places]
    wrong = np.flatnonzero(~((corners >= 0) & (corners < off.num_vertices) & (corners % 1 == 0)))
    if len(wrong):
        face = np.searchsorted(ends, wrong[0], side="right") + 1
        raise ValueError(f"face {face} refers to vertex {corners[wrong[0]]:.9g}, but there are {off.num_vertices:,}")
    colored = counts - 1 - sizes >= 3
    colors = np.full((len(sizes), 3), np.nan)
    colors[colored] = off.numbers[(begins + 1 + sizes)[colored, None] + np.arange(3)]
    return corners.astype(np.int64), sizes, vertex_levels(colors)
