"""Reader of PLY files: ascii and binary, meshes, clouds, range scans and Gaussian splats (numpy only).

All data are read alike. An ascii file is first turned into an array of float64 numbers, which is then read as a binary
file whose values and list lengths all are of that type.
"""

from __future__ import annotations

import re
import struct
import warnings
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .materials_crossmost import SurfaceColors, concatenate_colors, decode_texture, material_colors, plain_colors
from .parts_crossmost import MissingFileError, Part, Reading, Refusal, Source
from .polygons_crossmost import triangulate


_TYPES = {"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"}
_TYPES |= {"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"}
_TYPES |= {f"{sign}int{8 * size}": f"{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)}

# Byte orders of the encodings.
_ENCODINGS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}

_AXES = ("x", "y", "z")
_INDEX_LISTS = ("vertex_indices", "vertex_index")
_COLORS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
_UV = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))
_SPLAT = ("f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "rot_0")

# Logarithmic odds of an opacity of 5 %, and the constant that turns spherical harmonics of degree 0 into colors.
_LEAST_OPACITY = -2.944
_DEGREE_0 = 0.28209479

# Textures per file; faces with the others stay gray. The gray level of faces without color beside colored ones.
_MAX_TEXTURES = 64
_GRAY = 200

# Bytes behind binary data that nobody needs to hear about: padding, line ends.
_PADDING = 16

# Where something is in each row of an element: byte offsets, a range if they are equally spaced.
_Places = range | np.ndarray


# ---------------------------------------------------------------------------------------------------- header


@dataclass(frozen=True)
class _Property:
    """A number per row, or a list of them behind its length.

    `kind` is the type in the header; `stored` and `length` are those in the data.
    """

    name: str
    kind: np.dtype
    stored: np.dtype
    length: np.dtype
    is_list: bool


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    def __str__(self) -> str:
        return repr(self.name[:30])

    @property
    def lists(self) -> list[_Property]:
        return [entry for entry in self.properties if entry.is_list]

    @property
    def gaps(self) -> list[int]:
        """Bytes of the numbers before each list, and of those after the last one."""
        gaps = [0]
        for entry in self.properties:
            if entry.is_list:
                gaps.append(0)
            else:
                gaps[-1] += entry.stored.itemsize
        return gaps

    @property
    def least_row(self) -> int:
        """Bytes of a row whose lists are empty."""
        return sum(self.gaps) + sum(entry.length.itemsize for entry in self.lists)


@dataclass
class _Header:
    order: str | None = None
    elements: dict[str, _Element] = field(default_factory=dict)
    textures: list[str] = field(default_factory=list)
    start: int = 0


def _read_header(data: bytes) -> _Header:
    """Read the header; `start` is where the data begin."""
    header = _Header()
    for number, line, end in _header_lines(data):
        words = line.split()
        if not words or number == 1:
            continue
        if words == ["end_header"]:
            if header.order is None:
                raise ValueError("its header has no line that starts with 'format'")
            header.start = end
            return header
        try:
            _read_entry(header, words, line)
        except ValueError as error:
            raise ValueError(f"line {number} of its header is {line.strip()[:50]!r}: {error}") from None
    raise ValueError("its header has no line 'end_header'")


def _header_lines(data: bytes) -> Iterator[tuple[int, str, int]]:
    """Yield the number, the text and the end of each line."""
    magic = re.match(rb"ply[ \t]*(\r?\n|\r)", data)
    if magic is None:
        raise ValueError("it does not start with a line 'ply'")
    # Other lines may end differently: the first byte of binary data must not be taken for the second half of "\r\n".
    newline = b"\r" if magic.group(1) == b"\r" else b"\n"
    start, number = 0, 0
    while start < len(data):
        stop = data.find(newline, start)
        stop = len(data) if stop < 0 else stop
        line, number = data[start:stop], number + 1
        start = min(stop + 1, len(data))
        try:
            yield number, line.decode(), start
        except UnicodeDecodeError:
            yield number, line.decode("latin-1"), start


def _read_entry(header: _Header, words: list[str], line: str) -> None:
    """Add one line to the header."""
    keyword = words[0]
    if keyword in ("comment", "obj_info"):
        texture = re.match(r"\s*comment\s+texturefile\s+(.*\S)", line, re.IGNORECASE)
        header.textures += [texture.group(1)] if texture else []
    elif keyword == "format":
        if len(words) != 3 or words[1] not in _ENCODINGS or not re.fullmatch(r"1(\.\d+)?", words[2]):
            raise ValueError(f"only version 1.0 of {', '.join(_ENCODINGS)} is known")
        header.order = _ENCODINGS[words[1]]
    elif keyword == "element":
        # 18 digits fit into 64 bits.
        if len(words) != 3 or not re.fullmatch("[0-9]{1,18}", words[2]):
            raise ValueError("a name and a whole number should follow")
        if words[1].lower() in header.elements:
            raise ValueError("it is the second element of this name")
        header.elements[words[1].lower()] = _Element(words[1].lower(), int(words[2]))
    elif keyword == "property":
        if not header.elements or header.order is None:
            raise ValueError("it stands before the format or the first element")
        list(header.elements.values())[-1].properties.append(_read_property(words[1:], header.order))
    else:
        raise ValueError("its first word is unknown")


def _read_property(words: list[str], order: str) -> _Property:
    is_list = words[:1] == ["list"]
    if len(words) != (4 if is_list else 2):
        raise ValueError("a type and a name should follow")
    types = [word.lower() for word in words[is_list:-1]]
    for name in types:
        if name not in _TYPES:
            raise ValueError(f"the type {name[:20]!r} is unknown")
    kinds = [np.dtype(_TYPES[name]) for name in types]
    if is_list and kinds[0].kind == "f":
        raise ValueError("the length of a list is a whole number")
    stored = [np.dtype(order + _TYPES[name]) if order else np.dtype(np.float64) for name in types]
    return _Property(words[-1].lower(), kinds[-1], stored[-1], stored[0], is_list)


# ------------------------------------------------------------------------------------------------------ data


@dataclass
class _Stream:
    """The data of a file; `unit` is the number of bytes of what error messages count, which is called `what`."""

    data: bytes | memoryview
    position: int = 0
    unit: int = 1
    what: str = "bytes"

    @property
    def left(self) -> int:
        return len(self.data) - self.position


class _Table:
    """The rows of an element.

    Args:
        element: as in the header.
        data: of the file.
        anchors: where the rows start, and where each of their lists ends.
        lengths: of each list, int64 (rows,), or one number if all rows agree.
    """

    def __init__(self, element: _Element, data: bytes | memoryview, anchors: list[_Places], lengths: list):
        self.element, self.data = element, data
        self._spots: dict[str, tuple[_Property, _Places, Any]] = {}
        segment = offset = 0
        for entry in element.properties:
            # The numbers of a list start behind its length. Of properties that share a name, the first one counts.
            start = offset + entry.length.itemsize if entry.is_list else offset
            sizes = lengths[segment] if entry.is_list else None
            self._spots.setdefault(entry.name, (entry, _shift(anchors[segment], start), sizes))
            segment, offset = (segment + 1, 0) if entry.is_list else (segment, offset + entry.stored.itemsize)

    def numbers(self, *names: str) -> list[np.ndarray] | None:
        """Return columns (rows,) of numbers, or `None` if one of them is missing."""
        found = [self._spots[name] for name in names if name in self._spots and not self._spots[name][0].is_list]
        if len(found) < len(names):
            return None
        return [_take(self.data, entry.stored, places) for entry, places, _ in found]

    def kind(self, name: str) -> np.dtype:
        """Return the type that the header gives to a property."""
        return self._spots[name][0].kind

    def lists(self, kinds: str = "iuf") -> list[str]:
        """Return the names of the lists of some kinds of numbers, such as "iu" for whole ones."""
        return [name for name, (entry, _, _) in self._spots.items() if entry.is_list and entry.kind.kind in kinds]

    def sizes(self, name: str) -> np.ndarray:
        """Return the lengths int64 (rows,) of a list."""
        return np.broadcast_to(np.asarray(self._spots[name][2], dtype=np.int64), (self.element.count,))

    def values(self, name: str) -> np.ndarray:
        """Return the numbers (sum of lengths,) of all rows of a list."""
        entry, places, sizes = self._spots[name]
        size = entry.stored.itemsize
        if isinstance(places, range):
            strides = (places.step, size)
            return np.ndarray((len(places), sizes), entry.stored, self.data, places.start, strides).reshape(-1)
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return _take(self.data, entry.stored, np.repeat(places, sizes) + within * size)


def _shift(places: _Places, offset: int) -> _Places:
    if isinstance(places, range):
        return range(places.start + offset, places.stop + offset, places.step)
    return places + offset


def _take(data: bytes | memoryview, kind: np.dtype, places: _Places) -> np.ndarray:
    """Return the numbers at some places."""
    if len(places) == 0:
        return np.zeros(0, kind)
    if isinstance(places, range):
        return np.ndarray((len(places),), kind, data, places.start, (places.step,))
    everywhere = np.ndarray((len(data) - kind.itemsize + 1,), kind, data, 0, (1,))
    return everywhere[places]


def _read_tables(data: bytes, header: _Header, notes: list[str]) -> dict[str, _Table]:
    elements = list(header.elements.values())
    if header.order == "":
        return _read_text(data[header.start :], elements, notes)
    stream = _Stream(data, header.start)
    tables = {element.name: _read_table(stream, element) for element in elements}
    if stream.left > _PADDING:
        notes.append(f"{stream.left:,} bytes behind its data were ignored.")
    return tables


def _read_text(text: bytes, elements: list[_Element], notes: list[str]) -> dict[str, _Table]:
    """Read ascii data, in which rows may be wrapped as long as there are as many numbers as announced."""
    try:
        tables, surplus = _read_numbers(text, elements)
        if surplus == 0:
            return tables
        reason = f"it holds {surplus:,} numbers more than announced"
    except ValueError as error:
        reason = str(error)
    rows, end, long = _rows_by_line(text, elements, reason)
    if long:
        notes.append(f"{long:,} of its lines hold more numbers than announced, of which the first were read.")
    elif not text[end:].strip():
        raise ValueError(reason)
    if text[end:].strip():
        notes.append("The lines behind its announced data were ignored.")
    return _read_numbers(b"\n".join(rows), elements)[0]


def _read_numbers(text: bytes, elements: list[_Element]) -> tuple[dict[str, _Table], int]:
    """Return the tables in ascii data, and how many more numbers there are."""
    least = sum(element.count * element.least_row for element in elements) // 8
    # A number takes at least a digit and a separator, except for the last one.
    if 2 * least - 1 > len(text):
        raise ValueError(f"its header announces {least:,} numbers, but {len(text):,} bytes follow: it may be cut off")
    text = text.strip()
    try:
        with warnings.catch_warnings(action="error", category=DeprecationWarning):  # old numpy only warns
            # numpy makes a number of no text at all.
            numbers = np.fromstring(text, dtype=np.float64, sep=" ") if text else np.zeros(0)
    except (ValueError, DeprecationWarning):
        raise ValueError("its data hold something that is no number") from None
    stream = _Stream(numbers.view(np.uint8).data, 0, numbers.itemsize, "numbers")
    return {element.name: _read_table(stream, element) for element in elements}, stream.left // stream.unit


def _rows_by_line(text: bytes, elements: list[_Element], reason: str) -> tuple[list[bytes], int, int]:
    """Take one announced row from each line of ascii data that is not as announced, for some reason.

    Returns:
        The rows, where the last one ends in the text, and how many lines hold more numbers than their row has.

    Raises:
        ValueError: on the first line that holds no row.
    """
    matches = re.finditer(rb"[^\r\n]+", text)
    lines = ((match.end(), words) for match in matches if (words := match.group().split()))
    rows, end, long = [], 0, 0
    for element in elements:
        for row in range(1, element.count + 1 if element.properties else 0):
            where = f"row {row:,} of its element {element}"
            end, words = next(lines, (-1, []))
            if end < 0:
                raise ValueError(f"it ends before {where}: it may be cut off" if row > 1 else reason)
            needed = _numbers_of_row(words, element, where)
            long += needed < len(words)
            rows.append(b" ".join(words[:needed]))
    return rows, end, long


def _numbers_of_row(words: list[bytes], element: _Element, where: str) -> int:
    """Return how many of the words of a line belong to the row of an element.

    Raises:
        ValueError: if there are fewer, or one is no number.
    """
    numbers: list[float] = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            shown = word[:20].decode("latin-1")
            raise ValueError(f"{where} holds {shown!r}, which is no number") from None
    needed = 0
    for entry in element.properties:
        if entry.is_list:
            needed += int(np.clip(np.nan_to_num(numbers[needed]), 0, 1e15)) if needed < len(numbers) else 0
        needed += 1
    if needed > len(numbers):
        raise ValueError(f"{where} has {len(numbers):,} numbers instead of {needed:,}")
    return needed


def _read_table(stream: _Stream, element: _Element) -> _Table:
    """Read the rows of an element, which leaves the stream behind them."""
    least, lists = element.count * element.least_row, element.lists
    if least > stream.left:
        raise ValueError(
            f"its header announces {'at least ' if lists else ''}{least // stream.unit:,} {stream.what} of {element}, "
            f"but {stream.left // stream.unit:,} follow: it may be cut off"
        )
    if element.count == 0:
        return _Table(element, stream.data, [range(0)] * (len(lists) + 1), [0] * len(lists))
    if lists:
        return _Table(element, stream.data, *(_equal_rows(stream, element) or _walk(stream, element, element.count)))
    start, step = stream.position, max(element.least_row, 1)
    stream.position += least
    return _Table(element, stream.data, [range(start, start + step * element.count, step)], [])


def _equal_rows(stream: _Stream, element: _Element) -> tuple[list[_Places], list] | None:
    """Return the anchors and lengths of rows whose lists are all as long as those of the first row, else `None`."""
    start = stream.position
    anchors, lengths = _walk(stream, element, 1)
    row, stream.position = stream.position - start, start
    if row * element.count > stream.left:
        return None
    ranges = [range(int(first[0]), int(first[0]) + row * element.count, row) for first in anchors]
    for entry, places, gap, length in zip(element.lists, ranges, element.gaps, lengths, strict=False):
        if (_take(stream.data, entry.length, _shift(places, gap)) != length).any():
            return None
    stream.position += row * element.count
    return list(ranges), [int(length[0]) for length in lengths]


def _walk(stream: _Stream, element: _Element, rows: int) -> tuple[list, list]:
    """Step from list to list, and return the anchors and lengths of the first rows."""
    lists, (*gaps, tail) = element.lists, element.gaps
    readers = [_length_reader(stream.data, entry.length) for entry in lists]
    widths = [(entry.length.itemsize, entry.stored.itemsize) for entry in lists]
    steps = [(gap, reader, *width) for gap, reader, width in zip(gaps, readers, widths, strict=True)]
    position, end, row = stream.position, len(stream.data), 0
    found = array("q")
    try:
        for row in range(rows):
            for gap, read, length_width, width in steps:
                position += gap
                length = read(position)
                if length < 0:
                    raise ValueError(f"row {row + 1:,} of its element {element} has a list of an impossible length")
                if length > end:
                    raise IndexError
                found.append(position)
                position += length_width + length * width
            position += tail
        if position > end:
            raise IndexError
    except (IndexError, struct.error):
        row_name = f"row {row + 1:,} of the {element.count:,} of its element {element}"
        raise ValueError(f"it ends in {row_name}: it may be cut off") from None
    stream.position = position
    places = np.frombuffer(found, dtype=np.int64).reshape(rows, len(lists)).T
    lengths = [_take(stream.data, e.length, p).astype(np.int64) for e, p in zip(lists, places, strict=True)]
    ends = [p + w[0] + n * w[1] for p, w, n in zip(places, widths, lengths, strict=True)]
    return [places[0] - gaps[0], *ends], lengths


def _length_reader(data: bytes | memoryview, kind: np.dtype) -> Callable[[int], int]:
    """Return a function from a place to the list length there, -1 if it is not a whole number."""
    if kind == np.uint8:
        return data.__getitem__
    if kind.kind == "f":
        cells = memoryview(data).cast("d")

        def read_cell(place: int) -> int:
            number = cells[place >> 3]
            return int(number) if number.is_integer() else -1

        return read_cell
    code = {1: "b", 2: "h", 4: "i", 8: "q"}[kind.itemsize]
    unpack = struct.Struct(kind.str[0].replace("|", "<") + (code.upper() if kind.kind == "u" else code)).unpack_from
    return lambda place: unpack(data, place)[0]


# --------------------------------------------------------------------------------------------------- content


@np.errstate(all="ignore")  # of numbers that the caller drops or refuses: NaN, infinity
def read_ply(source: Source) -> Reading:
    """Read a mesh, or a cloud if there are no faces.

    Faces are the elements `face` and `tristrips`; edges, normals, range grids and unknown elements are ignored. Colors
    are those of a texture, else of the faces, else of the vertices, unless only the latter differ from each other.

    Raises:
        Refusal: for vertices without x, y and z, such as those of compressed Gaussian splats, and too many of them.
        ValueError: for a file that is malformed, truncated or inconsistent with its header.
    """
    header = _read_header(source.data)
    rows = {name: header.elements[name].count for name in ("vertex", "face") if name in header.elements}
    _check_vertices(header)
    source.spend(rows.get("face", 0), rows["vertex"])
    reading = Reading()
    tables = _read_tables(source.data, header, reading.notes)
    points = tables["vertex"]
    vertices = np.stack(points.numbers(*_AXES) or [], axis=1).astype(np.float64)
    _note_ignored(tables, reading.notes)
    corners, sizes = _polygons(tables, len(vertices), source, reading.notes)
    if (sizes >= 3).any():
        textures = _Textures(header.textures, source, reading.notes)
        reading.parts.append(_mesh(vertices, corners, sizes, tables, textures))
    elif len(vertices) > 0:
        reading.parts.append(_cloud(vertices, points, reading.notes))
    return reading


def _check_vertices(header: _Header) -> None:
    """Refuse a file whose vertices have no x, y and z."""
    vertex = header.elements.get("vertex")
    if vertex is None:
        raise ValueError("its header has no element 'vertex'")
    names = {entry.name for entry in vertex.properties if not entry.is_list}
    if "packed_position" in names:
        raise Refusal("it is a compressed Gaussian splat: export it as an uncompressed one.")
    if not names.issuperset(_AXES):
        raise Refusal("its vertices have no x, y and z: export them with coordinates.")


def _note_ignored(tables: dict[str, _Table], notes: list[str]) -> None:
    for name, table in tables.items():
        if table.element.count == 0 or name in ("face", "tristrips", "range_grid"):
            continue
        if name == "edge":
            notes.append(f"Its {table.element.count:,} edges were ignored.")
        elif set(table.lists("iu")) & set(_INDEX_LISTS):
            notes.append(f"Its element {name[:30]!r} has lists of vertex indices, which were ignored.")


def _cloud(vertices: np.ndarray, points: _Table, notes: list[str]) -> Part:
    """Return the cloud of vertices (V, 3)."""
    colors = _levels(points)
    splat = points.numbers(*_SPLAT)
    if splat is None:
        return Part(vertices, point_colors=colors)
    if colors is None:
        colors = _to_levels(0.5 + _DEGREE_0 * np.stack(splat[:3], axis=1).astype(np.float64))
    visible = ~(splat[3] < _LEAST_OPACITY)
    if not visible.any():
        visible[:] = True
    hidden = len(vertices) - np.count_nonzero(visible)
    without = f", without {hidden:,} that are nearly invisible" if hidden else ""
    notes.append(f"It is a Gaussian splat, read as the cloud of its centers{without}.")
    return Part(vertices[visible], point_colors=colors[visible])


# ----------------------------------------------------------------------------------------------------- faces


def _polygons(tables: dict[str, _Table], count: int, source: Source, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners int64 (sum of sizes,) and sizes (P,) of the polygons, those of strips last."""
    corners, sizes = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if "face" in tables and tables["face"].element.count > 0:
        table = tables["face"]
        name = _index_list(table, count, notes)
        sizes = table.sizes(name)
        # As many faces as rows have been counted before.
        source.spend(max(int(np.maximum(sizes - 2, 0).sum()) - len(sizes), 0), 0)
        corners = _indices(table.values(name), sizes, 0, count, "face")
    if "tristrips" in tables and tables["tristrips"].element.count > 0:
        strips = _strip_triangles(tables["tristrips"], count, source, notes)
        sizes = np.concatenate([sizes, np.full(len(strips), 3)])
        corners = np.concatenate([corners, strips.reshape(-1)])
    dropped = np.count_nonzero(sizes < 3)
    if dropped:
        notes.append(f"{dropped:,} faces with less than three corners were dropped.")
    return corners, sizes


def _index_list(table: _Table, count: int, notes: list[str]) -> str:
    """Return the name of the list of vertex indices, which are less than a count."""
    names = table.lists()
    for name in _INDEX_LISTS:
        if name in names:
            return name
    names = table.lists("iu")
    if len(names) == 1:
        values = table.values(names[0])
        if ((values >= 0) & (values < count)).all():
            notes.append(f"The list {names[0][:30]!r} of its faces was taken for their vertices.")
            return names[0]
    raise ValueError("its faces have no list of vertex indices")


def _indices(values: np.ndarray, sizes: np.ndarray, least: int, count: int, what: str) -> np.ndarray:
    """Return the values (sum of sizes,) of lists as vertex indices, which must be from `least` to less than `count`."""
    wrong = ~((values >= least) & (values < count))
    if values.dtype.kind == "f":
        wrong |= values % 1.0 != 0.0
    if wrong.any():
        place = int(wrong.argmax())
        row = int(np.searchsorted(np.cumsum(sizes), place, side="right")) + 1
        value = f"{values[place].item():.15g}"
        raise ValueError(f"{what} {row:,} of {len(sizes):,} refers to vertex {value}, but there are 0 to {count - 1:,}")
    return values.astype(np.int64)


def _strip_triangles(table: _Table, count: int, source: Source, notes: list[str]) -> np.ndarray:
    """Return the triangles (F, 3) of strips, in which -1 starts a new strip and triangles alternate their winding."""
    name = _index_list(table, count, notes)
    sizes = table.sizes(name)
    source.spend(int(np.maximum(sizes - 2, 0).sum()), 0)
    values = _indices(table.values(name), sizes, -1, count, "strip")
    values = np.insert(values, np.cumsum(sizes)[:-1], -1)
    triples = np.stack([values[:-2], values[1:-1], values[2:]], axis=1)
    first, second, third = triples.T
    # Repeated indices only steer the strip.
    solid = (triples >= 0).all(axis=1) & (first != second) & (second != third) & (third != first)
    place = np.arange(len(triples))
    start = np.maximum.accumulate(np.where(first < 0, place + 1, 0))
    odd = (place - start) % 2 == 1
    triples[odd] = triples[odd][:, [1, 0, 2]]
    return triples[solid]


def _mesh(
    vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray, tables: dict[str, _Table], textures: _Textures
) -> Part:
    """Return the mesh of polygons with flat `corners` and their `sizes`."""
    positions, polygon = _triangles(vertices, corners, sizes)
    faces = corners[positions]
    # Attributes of faces are of no use where some triangles come from strips.
    table = tables["face"] if "face" in tables and tables["face"].element.count == len(sizes) else None
    colors = _plain_surface(faces, polygon, tables["vertex"], table)
    uv = _corner_uv(faces, positions, sizes, tables["vertex"], table) if textures.names else None
    if uv is None:
        return Part(vertices, faces, colors)
    found = None if table is None else table.numbers("texnumber")
    given = np.zeros(len(faces)) if found is None else found[0][polygon]
    has_texture = (given >= 0) & (given < min(len(textures.names), _MAX_TEXTURES)) & ~np.isnan(uv).any(axis=(1, 2))
    return Part(vertices, *_textured(faces, colors, uv, np.where(has_texture, given, -1).astype(np.int64), textures))


def _triangles(vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split polygons with three or more corners; return positions (F, 3) in `corners`, and polygon numbers (F,)."""
    if (sizes == 3).all():
        return np.arange(len(corners)).reshape(-1, 3), np.arange(len(sizes))
    kept = np.flatnonzero(sizes >= 3)
    places = np.flatnonzero(np.repeat(sizes >= 3, sizes))
    positions, polygon = triangulate(vertices, corners[places], sizes[kept])
    return places[positions], kept[polygon]


# ---------------------------------------------------------------------------------------------------- colors


def _levels(table: _Table) -> np.ndarray | None:
    """Return the colors uint8 (rows, 3) of the rows of an element, or `None`."""
    for names in _COLORS:
        columns = table.numbers(*names)
        if columns is not None:
            break
    else:
        return None
    if len(columns[0]) == 0:
        return None
    colors, kind = np.stack(columns, axis=1), table.kind(names[0])
    # Some writers store levels up to 255 as larger integers or as floats.
    most = 255.0
    if kind.kind == "f" and not colors.max() > 1.0:
        most = 1.0
    elif kind == np.uint16 and colors.max() > 255:
        most = 65535.0
    return _to_levels(colors / most)


def _to_levels(colors: np.ndarray) -> np.ndarray:
    """Convert colors in [0, 1] to levels uint8."""
    return np.rint(np.clip(np.nan_to_num(colors), 0.0, 1.0) * 255.0).astype(np.uint8)


def _plain_surface(
    faces: np.ndarray, polygon: np.ndarray, points: _Table, table: _Table | None
) -> SurfaceColors | None:
    """Return the colors of faces (F, 3) that are given per polygon or per vertex, or `None`."""
    per_polygon = None if table is None else _levels(table)
    per_vertex = _levels(points)
    if per_polygon is not None and (per_vertex is None or not _is_one(per_polygon) or _is_one(per_vertex)):
        return SurfaceColors(faces, np.pad(per_polygon[polygon], ((0, 0), (0, 1)), constant_values=255))
    if per_vertex is None:
        return None
    corners = per_vertex[faces]
    mean = np.rint(corners.mean(axis=1)).astype(np.uint8)
    return SurfaceColors(faces, np.pad(mean, ((0, 0), (0, 1)), constant_values=255), corners)


def _is_one(levels: np.ndarray) -> bool:
    return bool((levels == levels[:1]).all())


def _corner_uv(
    faces: np.ndarray, positions: np.ndarray, sizes: np.ndarray, points: _Table, table: _Table | None
) -> np.ndarray | None:
    """Return the texture coordinates float64 (F, 3, 2), NaN where a polygon has none, or `None`."""
    if table is not None and "texcoord" in table.lists():
        lengths = table.sizes("texcoord")
        right = lengths == 2 * sizes
        uv = np.full((int(sizes.sum()), 2), np.nan)
        uv[np.repeat(right, sizes)] = table.values("texcoord")[np.repeat(right, lengths)].reshape(-1, 2)
        return uv[positions]
    for names in _UV:
        columns = points.numbers(*names)
        if columns is not None:
            return np.stack(columns, axis=1).astype(np.float64)[faces]
    return None


@dataclass
class _Textures:
    """The textures of a file by their numbers."""

    names: list[str]
    source: Source
    notes: list[str]

    def open(self, number: int) -> np.ndarray | None:
        """Return a texture as `SurfaceColors` stores it, or `None`."""
        try:
            texture = decode_texture(self.source.open_other(self.names[number]))
        except MissingFileError:
            return None
        if texture is None:
            self.notes.append(f"Its texture {self.names[number][:60]!r} cannot be decoded.")
        return texture


def _textured(
    faces: np.ndarray, base: SurfaceColors | None, uv: np.ndarray, numbers: np.ndarray, textures: _Textures
) -> tuple[np.ndarray, SurfaceColors | None]:
    """Return the faces (F, 3), sorted by texture, and their colors.

    Args:
        faces: in any order.
        base: colors of faces without texture.
        uv: texture coordinates (F, 3, 2).
        numbers: of the textures, int64 (F,), or -1.
        textures: of the file.
    """
    order, parts, rest = [], [], numbers < 0
    for number in np.unique(numbers[numbers >= 0]):
        chosen = np.flatnonzero(numbers == number)
        triangles = np.arange(3 * len(chosen)).reshape(-1, 3)
        colors = material_colors(triangles, texture=textures.open(number), uv=uv[chosen].reshape(-1, 2))
        if colors is None:
            rest[chosen] = True
        else:
            order.append(chosen)
            parts.append(colors)
    if not parts:
        return faces, base
    if rest.any():
        order.append(np.flatnonzero(rest))
        base = plain_colors(faces, (_GRAY, _GRAY, _GRAY, 255)) if base is None else base
        corners = None if base.corners is None else base.corners[rest]
        parts.append(SurfaceColors(faces[rest], base.faces[rest], corners))
    faces = faces[np.concatenate(order)]
    return faces, concatenate_colors(parts, faces)
