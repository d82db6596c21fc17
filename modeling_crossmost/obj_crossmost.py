"""Reader of Wavefront OBJ files with their MTL materials and textures (numpy only).

Polygons, vertex colors and base colors are read; normals, lines, points and free-form surfaces are not. Text is handled
in blocks of bytes with numpy, since a loop over lines would take several times as long.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .materials_crossmost import SurfaceColors, decode_texture, material_colors, plain_colors
from .parts_crossmost import MissingFileError, Part, Reading, Refusal, Source
from .polygons_crossmost import triangulate


# Bytes of text handled at once.
_BLOCK = 1 << 22

# Kinds of lines.
_OTHER, _VERTEX, _UV, _FACE, _IGNORED = range(5)

_NEWLINE, _CONTINUED, _HASH, _SLASH = b"\n\r#/"
_BLANK = ord(" ")  # and all control characters, which come before it

_CURVES = ("curv", "curv2", "surf")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf|infinity)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(rb"[+-]?\d*,\d+([eE][+-]?\d+)?")
_CORNER = re.compile(rb"[+-]?\d+(/([+-]?\d+)?)*")

# Options of texture statements, and how many words follow at most; numbers may be fewer.
_WORD_OPTIONS = {b"-blendu": 1, b"-blendv": 1, b"-cc": 1, b"-clamp": 1, b"-imfchan": 1, b"-type": 1, b"-colorspace": 1}
_NUMBER_OPTIONS = {b"-boost": 1, b"-mm": 2, b"-o": 3, b"-s": 3, b"-t": 3, b"-texres": 1, b"-bm": 1}

# Level of vertices without a color in a file where others have one.
_UNCOLORED = 200


def _blocks_of(width: int, kind: type = np.int64) -> list[np.ndarray]:
    """Return a list of arrays that can be concatenated even if nothing is added."""
    return [np.zeros((0, width) if width > 1 else 0, kind)]


@dataclass
class _Content:
    """What the lines of a file say, in lists of arrays with one entry per block.

    Corners are indices from zero on, with -1 in `corner_uv` where there are no texture coordinates. `lines` has the
    number of the line of each polygon, and `uses` the number of polygons before each change of the material.
    """

    vertices: list[np.ndarray] = field(default_factory=lambda: _blocks_of(3, np.float64))
    levels: list[np.ndarray] = field(default_factory=lambda: _blocks_of(3, np.float32))
    uv: list[np.ndarray] = field(default_factory=lambda: _blocks_of(2, np.float64))
    corners: list[np.ndarray] = field(default_factory=lambda: _blocks_of(1))
    corner_uv: list[np.ndarray] = field(default_factory=lambda: _blocks_of(1))
    sizes: list[np.ndarray] = field(default_factory=lambda: _blocks_of(1))
    lines: list[np.ndarray] = field(default_factory=lambda: _blocks_of(1))
    uses: list[tuple[int, bytes]] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    elements: Counter[str] = field(default_factory=Counter)
    num_vertices: int = 0
    num_uv: int = 0
    num_polygons: int = 0
    line: int = 1


@dataclass
class _Material:
    """The base color of a material: sRGB levels uint8 (3,), the name of a texture, and whether it is invisible."""

    color: np.ndarray | None = None
    texture: str | None = None
    invisible: bool = False


def read_obj(source: Source) -> Reading:
    """Read the faces of a Wavefront OBJ file as parts, by material, or its vertices as a cloud if it has no face.

    The color of a part is its material's texture (`map_Kd`), else the colors of the vertices unless they are all the
    same, else the material's color (`Kd`). Faces with an invisible material are left out unless all are.

    Raises:
        Refusal: for decimal commas, too many faces or points, and too large concave polygons.
        ValueError: for malformed lines and for indices without a vertex; the message starts with the line's number.
    """
    content = _Content()
    for block in _blocks(_plain_text(source.data)):
        _read_block(block, content, source)
    reading = Reading(notes=_element_notes(content.elements))
    vertices = np.concatenate(content.vertices)
    levels = vertex_levels(np.concatenate(content.levels))
    if content.num_polygons:
        _read_faces(content, vertices, levels, source, reading)
    elif len(vertices):
        reading.parts.append(Part(vertices, point_colors=levels))
    return reading


def _plain_text(data: bytes) -> bytes:
    r"""Return text with \n at the end of every line, and \r where a line goes on, so that both count lines."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\\\n" in data:
        # Not behind #: comments may end with the name of a folder.
        data = re.sub(rb"(?m)^([^#\n]*)\\\n", rb"\1 \r", data)
    return data if data.endswith(b"\n") else data + b"\n"


def _blocks(text: bytes) -> Iterator[bytes]:
    """Cut text into blocks of whole lines."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


# ------------------------------------------------------------------------------------------- tables of numbers


def read_table(text: bytes) -> tuple[np.ndarray, np.ndarray] | int:
    """Read the numbers in lines of text.

    Args:
        text: lines that end with newlines, with comments behind #.

    Returns:
        All numbers float64 (N,) and the count int64 (L,) of those in each line, or the index of the first line that
        holds anything else.
    """
    bare = without_comments(text)
    symbols = np.frombuffer(bare, np.uint8)
    solid = symbols > _BLANK
    heads = solid.copy()
    heads[1:] &= ~solid[:-1]
    numbers = _parse(bare, np.float64)
    if numbers is None or len(numbers) != np.count_nonzero(heads):
        return _first_line(bare, _NUMBER)
    return numbers, _count_per_line(heads, symbols)


def without_comments(text: bytes) -> bytes:
    """Remove everything from # to the end of each line."""
    return re.sub(rb"#[^\n]*", b"", text) if b"#" in text else text


def _parse(text: bytes, kind: type) -> np.ndarray | None:
    """Return the numbers between blanks, or `None` if something else is there."""
    if not text.strip():
        return np.zeros(0, kind)
    with warnings.catch_warnings(action="error"):  # older numpy warns where newer raises
        try:
            return np.fromstring(text, kind, sep=" ")
        except (ValueError, DeprecationWarning):
            return None


def _count_per_line(marks: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """Count the marks, bool (bytes,), in each line."""
    ends = np.flatnonzero(symbols == _NEWLINE)
    if len(ends) == 0:
        return np.zeros(0, np.int64)
    return np.add.reduceat(marks, np.append(0, ends[:-1] + 1), dtype=np.int64)


def _first_line(text: bytes, pattern: re.Pattern[bytes]) -> int:
    """Return the index of the first line with a word unlike a pattern; the last line if there is none."""
    lines = text.split(b"\n")[:-1]
    bad = (index for index, line in enumerate(lines) if not all(map(pattern.fullmatch, line.split())))
    return next(bad, len(lines) - 1)


def vertex_levels(colors: np.ndarray) -> np.ndarray | None:
    """Convert colors (N, 3), in [0, 1] or in [0, 255], to levels uint8; `None` if there are none.

    Colors are NaN where there is none; these become gray.
    """
    known = np.isfinite(colors).all(axis=1)
    found = colors[known]
    if len(found) == 0 or found.min() < 0 or found.max() > 255:
        return None
    levels = np.full(colors.shape, _UNCOLORED, np.uint8)
    levels[known] = np.rint(found * 255.0 if found.max() <= 1 else found)
    return levels


def corner_colors(triangles: np.ndarray, levels: np.ndarray) -> SurfaceColors:
    """Return the colors of triangles (F, 3) between vertices with levels uint8 (V, 3)."""
    corners = levels[triangles]
    mean = np.rint(corners.mean(axis=1)).astype(np.uint8)
    return SurfaceColors(triangles, np.pad(mean, ((0, 0), (0, 1)), constant_values=255), corners)


# ------------------------------------------------------------------------------------------------------- lines


@dataclass
class _Lines:
    """The lines of a block: start and end (behind the newline) in the text, kind, and number in the file, each (L,)."""

    text: bytearray
    starts: np.ndarray
    ends: np.ndarray
    kinds: np.ndarray
    numbers: np.ndarray

    def gather(self, kind: int) -> tuple[bytes, np.ndarray]:
        """Return the text of the lines of a kind, and their indices."""
        chosen = np.flatnonzero(self.kinds == kind)
        if len(chosen) == 0:
            return b"", chosen
        breaks = np.flatnonzero(np.diff(chosen) > 1)
        firsts = self.starts[chosen[np.append(0, breaks + 1)]].tolist()
        lasts = self.ends[chosen[np.append(breaks, len(chosen) - 1)]].tolist()
        return b"".join([self.text[first:last] for first, last in zip(firsts, lasts, strict=True)]), chosen


def _read_block(block: bytes, content: _Content, source: Source) -> None:
    """Add what the lines of a block say."""
    lines = _split_lines(block, content.line)
    # How many there are up to each line: relative indices count back from it.
    vertices, uv, faces = (np.cumsum(lines.kinds == kind) for kind in (_VERTEX, _UV, _FACE))
    source.spend(0, int(vertices[-1]))
    _read_others(lines, faces, content)
    _read_vertices(lines, content)
    _read_uv(lines, content)
    _read_polygons(lines, content.num_vertices + vertices, content.num_uv + uv, content)
    content.num_vertices += int(vertices[-1])
    content.num_uv += int(uv[-1])
    content.num_polygons += int(faces[-1])
    content.line += block.count(b"\n") + block.count(b"\r")


def _split_lines(block: bytes, number: int) -> _Lines:
    """Find the lines of a block, which starts with line `number`; overwrite keywords before numbers with blanks."""
    text = bytearray(block)
    symbols = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(symbols == _NEWLINE) + 1
    words = starts = np.append(0, ends[:-1])
    if (symbols[starts] <= _BLANK).any():  # a blank or indented line
        solid = np.append(np.flatnonzero(symbols > _BLANK), len(text))
        words = np.minimum(solid[np.searchsorted(solid, starts)], ends - 1)
    first, second, third = (symbols[np.minimum(words + step, ends - 1)] for step in range(3))
    is_v = first == ord("v")
    kinds = np.full(len(starts), _OTHER, np.uint8)
    kinds[(first <= _BLANK) | (first == _HASH)] = _IGNORED
    kinds[is_v & (second <= _BLANK)] = _VERTEX
    kinds[is_v & (second == ord("t")) & (third <= _BLANK)] = _UV
    kinds[is_v & (second == ord("n")) & (third <= _BLANK)] = _IGNORED
    kinds[(first == ord("f")) & (second <= _BLANK)] = _FACE
    symbols[words[(kinds != _OTHER) & (kinds != _IGNORED)]] = _BLANK
    symbols[words[kinds == _UV] + 1] = _BLANK
    numbers = number + np.arange(len(starts))
    if b"\r" in block:
        numbers += np.searchsorted(np.flatnonzero(symbols == _CONTINUED), words)
    return _Lines(text, starts, ends, kinds, numbers)


def _read_others(lines: _Lines, faces: np.ndarray, content: _Content) -> None:
    """Read the lines that are no table of numbers, given the number of faces (L,) up to each line."""
    for index in np.flatnonzero(lines.kinds == _OTHER).tolist():
        words = bytes(lines.text[lines.starts[index] : lines.ends[index]]).split(None, 1)
        key, rest = words[0], words[1].strip() if len(words) > 1 else b""
        if key == b"usemtl":
            content.uses.append((content.num_polygons + int(faces[index]), rest))
        elif key == b"mtllib":
            # Several names, each of which may have spaces.
            names = re.findall(rb"\S.*?\.mtl(?=\s|$)", rest, re.IGNORECASE) or ([rest] if rest else [])
            content.libraries += [_file_name(name) for name in names]
        elif key.decode("latin-1") in ("l", "p", *_CURVES):
            content.elements[key.decode()] += 1


def _file_name(name: bytes) -> str:
    """Decode the name of a file that another one refers to, with slashes."""
    name = name.strip().strip(b'"')
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return text.replace("\\", "/")


def _table(lines: _Lines, kind: int, width: int, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers (N,) in the lines of a kind, the start of each line's (L,), and its count (L,) >= width."""
    text, chosen = lines.gather(kind)
    found = read_table(text)
    if isinstance(found, int):
        raise _line_error(text, found, int(lines.numbers[chosen[found]]))
    numbers, counts = found
    short = np.flatnonzero(counts < width)
    if len(short):
        number = lines.numbers[chosen[short[0]]]
        raise ValueError(f"line {number}: {what} has {counts[short[0]]} numbers instead of at least {width}")
    return numbers, np.cumsum(counts) - counts, counts


def _line_error(text: bytes, index: int, number: int) -> Exception:
    """Say which word in the line with an index is no number."""
    words = without_comments(text).split(b"\n")[index].split()
    word = next((word for word in words if not _NUMBER.fullmatch(word)), b"")
    shown = word.decode("latin-1")[:40]
    if _DECIMAL_COMMA.fullmatch(word):
        return Refusal(f"line {number} has a decimal comma ({shown}): export it with decimal points.")
    return ValueError(f"line {number}: {shown!r} is not a number")


def _read_vertices(lines: _Lines, content: _Content) -> None:
    """Read lines of x, y, z, perhaps a weight, or red, green, blue."""
    numbers, begins, counts = _table(lines, _VERTEX, 3, "a vertex")
    content.vertices.append(numbers[begins[:, None] + np.arange(3)])
    levels = np.full((len(begins), 3), np.nan, np.float32)
    colored = counts >= 6
    levels[colored] = numbers[begins[colored, None] + np.arange(3, 6)]
    content.levels.append(levels)


def _read_uv(lines: _Lines, content: _Content) -> None:
    """Read lines of u, perhaps v, perhaps w."""
    numbers, begins, counts = _table(lines, _UV, 1, "a texture coordinate")
    uv = np.stack([numbers[begins], np.zeros(len(begins))], axis=1)
    uv[counts > 1, 1] = numbers[begins[counts > 1] + 1]
    content.uv.append(uv)


def _read_polygons(lines: _Lines, vertices: np.ndarray, uv: np.ndarray, content: _Content) -> None:
    """Read the faces of a block, given the number of vertices and texture coordinates (L,) up to each line."""
    text, chosen = lines.gather(_FACE)
    if len(chosen) == 0:
        return
    numbers = lines.numbers[chosen]
    found = _corner_indices(text)
    if isinstance(found, int):
        raise ValueError(f"line {numbers[found]}: a face is not a list of indices, such as f 1 2 3 or f 1/1 2/2 3/3")
    corners, corner_uv, sizes = found
    before, before_uv = (np.repeat(counts[chosen], sizes) for counts in (vertices, uv))
    resolved = np.where(corners > 0, corners - 1, before + corners)
    wrong = np.flatnonzero((corners == 0) | (resolved < 0))
    if len(wrong):
        raise _no_vertex(corners[wrong[0]], np.repeat(numbers, sizes)[wrong[0]], before[wrong[0]])
    content.corners.append(resolved)
    resolved = np.where(corner_uv > 0, corner_uv - 1, before_uv + corner_uv)
    content.corner_uv.append(np.where(corner_uv == 0, -1, np.maximum(resolved, -1)))
    content.sizes.append(sizes)
    content.lines.append(numbers)


def _no_vertex(index: int, line: int, count: int) -> ValueError:
    return ValueError(f"line {line}: a face refers to vertex {index}, but there are {count:,} vertices")


def _corner_indices(text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray] | int:
    """Read lines of corners, written v, v/vt, v//vn or v/vt/vn.

    Returns:
        The indices v and vt of the corners as written, int64 (C,), 0 for a missing vt, and the number of corners (L,)
        in each line; or the index of the first line that holds anything else.
    """
    text = without_comments(text).replace(b"//", b"/0/")
    symbols = np.frombuffer(text, np.uint8)
    solid, slash = symbols > _BLANK, symbols == _SLASH
    heads = solid.copy()
    heads[1:] &= ~solid[:-1]  # where a corner starts
    digit = solid & ~slash
    starts = digit.copy()
    starts[1:] &= ~digit[:-1]  # where a number starts
    numbers = _parse(text.replace(b"/", b" "), np.int64)
    places = np.flatnonzero(starts)
    if numbers is None or len(numbers) != len(places) or (heads & slash).any():
        return _first_line(text, _CORNER)
    is_head = np.append(heads[places], True)
    firsts = np.flatnonzero(is_head[:-1])
    has_uv = ~is_head[firsts + 1]
    uv = np.zeros(len(firsts), np.int64)
    uv[has_uv] = numbers[firsts[has_uv] + 1]
    return numbers[firsts], uv, _count_per_line(heads, symbols)


def _element_notes(elements: Counter[str]) -> list[str]:
    """Say which elements were left out."""
    counts = {
        ("line", "lines"): elements["l"],
        ("point element", "point elements"): elements["p"],
        ("free-form curve or surface", "free-form curves or surfaces"): sum(elements[key] for key in _CURVES),
    }
    return [f"{_were(int(count), *names)} left out." for names, count in counts.items() if count]


def _were(count: int, one: str, many: str) -> str:
    return f"1 {one} was" if count == 1 else f"{count:,} {many} were"


# ------------------------------------------------------------------------------------------------------- faces


def _read_faces(
    content: _Content, vertices: np.ndarray, levels: np.ndarray | None, source: Source, reading: Reading
) -> None:
    """Add the parts of the faces, and notes on those that were left out."""
    corners, sizes = np.concatenate(content.corners), np.concatenate(content.sizes)
    wrong = np.flatnonzero(corners >= len(vertices))
    if len(wrong):
        line = np.repeat(np.concatenate(content.lines), sizes)[wrong[0]]
        raise _no_vertex(corners[wrong[0]] + 1, line, len(vertices))
    source.spend(int(np.maximum(sizes - 2, 0).sum()), 0)
    few = np.count_nonzero(sizes < 3)
    if few:
        reading.notes.append(f"{_were(int(few), 'face', 'faces')} left out, with fewer than three corners.")
    places, polygon = triangulate(vertices, corners, sizes)
    materials, material = _materials_of_polygons(content, len(sizes), source)
    material = material[polygon]
    hidden = np.array([found.invisible for found in materials])[material]
    if hidden.any() and not hidden.all():
        count = int(np.count_nonzero(hidden))
        reading.notes.append(f"{_were(count, 'triangle', 'triangles')} left out, with an invisible material.")
        places, material = places[~hidden], material[~hidden]
    uv, corner_uv = np.concatenate(content.uv), np.concatenate(content.corner_uv)
    corner_uv[corner_uv >= len(uv)] = -1
    order = np.argsort(material, kind="stable")
    textures: dict[str, np.ndarray | None] = {}
    for group in np.split(order, np.flatnonzero(np.diff(material[order])) + 1):
        if len(group):
            found, chosen = materials[material[group[0]]], places[group]
            texture = _texture(found.texture, textures, source) if found.texture and len(uv) else None
            faces, faces_uv = corners[chosen], corner_uv[chosen]
            textured = (faces_uv >= 0).all(axis=1) & (texture is not None)
            reading.parts += _textured_parts(vertices, uv, faces[textured], faces_uv[textured], texture)
            reading.parts += _plain_parts(vertices, levels, faces[~textured], found.color)


def _materials_of_polygons(content: _Content, count: int, source: Source) -> tuple[list[_Material], np.ndarray]:
    """Return the materials in the order of their first use, and the index (count,) of that of each polygon."""
    uses = [(0, b""), *content.uses]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for _, name in uses))}
    lengths = np.diff([begin for begin, _ in uses] + [count])
    library = _read_libraries(content.libraries, source)
    materials = [library.get(name, _Material()) for name in numbers]
    return materials, np.repeat([numbers[name] for _, name in uses], lengths)


def _textured_parts(
    vertices: np.ndarray, uv: np.ndarray, faces: np.ndarray, faces_uv: np.ndarray, texture: np.ndarray | None
) -> list[Part]:
    """Return the part of faces (F, 3) with texture coordinates (F, 3), or nothing if there are none."""
    if len(faces) == 0:
        return []
    pairs, triangles = np.unique(faces * len(uv) + faces_uv, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    colors = material_colors(triangles, texture=texture, uv=uv[pairs % len(uv)])
    return [Part(vertices[pairs // len(uv)], triangles, colors)]


def _plain_parts(
    vertices: np.ndarray, levels: np.ndarray | None, faces: np.ndarray, color: np.ndarray | None
) -> list[Part]:
    """Return the part of faces (F, 3) with the colors of vertices (V, 3) or a material, or nothing without faces."""
    if len(faces) == 0:
        return []
    used, triangles = _compact(faces)
    colors = None if color is None else plain_colors(triangles, np.append(color, 255))
    # Some programs write white for every vertex, which should not hide the material.
    if levels is not None and (color is None or (levels != levels[0]).any()):
        colors = corner_colors(triangles, levels[used])
    return [Part(vertices[used], triangles, colors)]


def _compact(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices that faces (F, 3) use, in ascending order, and the faces as positions in them."""
    low, span = faces.min(), np.ptp(faces) + 1
    if span > 8 * faces.size:
        used, triangles = np.unique(faces, return_inverse=True)
        return used, triangles.reshape(-1, 3)
    mask = np.zeros(span, bool)  # as `np.unique`, but without sorting
    mask[faces - low] = True
    return np.flatnonzero(mask) + low, (np.cumsum(mask) - 1)[faces - low]


# --------------------------------------------------------------------------------------------------- materials


def _read_libraries(names: list[str], source: Source) -> dict[bytes, _Material]:
    """Read the materials of those MTL files that can be opened; the first definition of a name counts."""
    library: dict[bytes, _Material] = {}
    for name in dict.fromkeys(names):
        try:
            data = source.open_other(name)
        except MissingFileError:
            continue
        library = _read_materials(data) | library
    return library


def _read_materials(data: bytes) -> dict[bytes, _Material]:
    """Read the content of an MTL file; statements that make no sense are ignored."""
    library: dict[bytes, _Material] = {}
    material, has_d = _Material(), False
    for line in _plain_text(data).split(b"\n"):
        key, _, rest = line.strip().replace(b"\t", b" ").partition(b" ")
        words = rest.partition(b"#")[0].split()
        number = float(words[-1]) if words and _NUMBER.fullmatch(words[-1]) else None
        if key == b"newmtl":
            material, has_d = library.setdefault(rest.strip(), _Material()), False
        elif key == b"Kd" and len(words) in (1, 3) and all(map(_NUMBER.fullmatch, words)):
            shades = np.nan_to_num([float(word) for word in words])
            material.color = np.resize(np.rint(np.clip(shades, 0, 1) * 255), 3).astype(np.uint8)
        elif key.lower() == b"map_kd":
            material.texture = _texture_name(rest) or material.texture
        elif key == b"d" and number is not None:
            material.invisible, has_d = number == 0, True
        elif key == b"Tr" and number is not None and not has_d:  # some programs mean the opposite, so d is surer
            material.invisible = number == 1
    return library


def _texture_name(rest: bytes) -> str:
    """Return the file name in a texture statement, which may have spaces, behind its options."""
    words = re.findall(rb"\S+", rest)
    while words and (key := words[0].lower()) in (*_WORD_OPTIONS, *_NUMBER_OPTIONS):
        count = 1 + _WORD_OPTIONS.get(key, 0)
        while count < len(words) and count <= _NUMBER_OPTIONS.get(key, 0) and _NUMBER.fullmatch(words[count]):
            count += 1
        words = words[count:]
    return _file_name(b" ".join(words))


def _texture(name: str, textures: dict[str, np.ndarray | None], source: Source) -> np.ndarray | None:
    """Return a texture, or `None` if it cannot be read; `textures` has those of earlier calls."""
    if name not in textures:
        try:
            textures[name] = decode_texture(source.open_other(name))
        except MissingFileError:
            textures[name] = None
    return textures[name]
