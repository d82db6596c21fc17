"""Readers of clouds without a format of their own: text with a line per point, and arrays of NumPy in an npz archive.

Text of any separator, decimal mark and encoding goes through the same steps: the lines up to the first rows tell the
separator, the names and the number of columns; `np.loadtxt` reads the rest at once. Rows that it cannot take (comments
behind the data, empty fields, Fortran's exponents, mistakes) are read again one by one, which finds the line to blame.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO, TextIOWrapper
from itertools import islice
from operator import itemgetter
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from .parts_crossmost import Part, Reading, Refusal, Source


# Longer lines are refused, in characters.
_LONGEST_LINE = 1 << 20

# How much of a file tells its separator: rows, and characters in them. Of the lines before them, the last few can tell
# the names of columns.
_SAMPLE_ROWS, _SAMPLE_LENGTH, _HEADERS = 200, 1 << 18, 50

# Fewer consecutive integers in the first column may be coordinates; from here on they number the points.
_SHORTEST_INDEX = 8

# More columns than this in fewer than ten rows are coordinates in rows.
_MOST_COLUMNS = 64

# Not the "#" of 1.#QNAN. A semicolon is a comment at the start of a line, unless a number follows.
_COMMENT = re.compile(r"(?<![01]\.)#|//|%|!|^\s*;(?!\s*[-+.\d;])")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eEdD][-+]?\d+)?")
_WHOLE = re.compile(r"\d{1,18}")
_MISSING = {"", "null", "none", "na", "n/a", *(s + w for s in ("", "-", "+") for w in ("nan", "1.#qnan", "1.#ind"))}
_INFINITE = {s + w: float(s + "inf") for s in ("", "-", "+") for w in ("inf", "infinity", "1.#inf")}

# Names of columns, in lower case and without anything but letters and digits.
_ROLES = (
    re.compile(
        r"(?:coords?|coordinates?|pos|position|points?|cartesian|location)?(?P<axis>[xyz])"
        r"(?:coords?|coordinates?|pos|position|m|cm|mm)?"
    ),
    re.compile(r"(?:points|coordinates|position)(?P<axis>[012])"),
    re.compile(r"(?:diffuse|colou?rs?|rgb|vertex|scalar)?(?P<color>r|g|b|red|green|blue)f?"),
    re.compile(r"(?:rgb|colou?rs?)(?P<color>[012])"),
    re.compile(r"(?P<silent>n[xyz]|normals?[xyz012]|id|idx|index|pointid|vertexid|number|nr|no|)"),
)
_SYNONYMS = {
    **dict.fromkeys(("easting", "east", "lon", "long", "longitude", "rechtswert"), "x"),
    **dict.fromkeys(("northing", "north", "lat", "latitude", "hochwert"), "y"),
    **dict.fromkeys(("elevation", "elev", "height", "altitude", "alt", "h"), "z"),
}
_DEGREES = ("lon", "long", "longitude", "lat", "latitude")

# The columns of the ten first lines of PTX: the two sizes of a grid, four vectors, a matrix.
_PTX = [1, 1, 3, 3, 3, 3, 4, 4, 4, 4]

# What npz archives call their points and colors, in order of preference, and how much an archive may unpack to.
_POINT_ARRAYS: tuple[str, ...] = (
    "points",
    "xyz",
    "pos",
    "positions",
    "coords",
    "coord",
    "coordinates",
    "vertices",
    "pc",
    "pcd",
)
_POINT_ARRAYS += ("point_cloud", "pointcloud", "cloud", "data", "arr_0")
_COLOR_ARRAYS = ("colors", "rgb", "color", "colours", "colour")
_MAX_UNPACKED = 1 << 30


@dataclass(frozen=True)
class _Text:
    """A file's text; line ends are LF, CRLF or CR."""

    data: bytes
    encoding: str

    def lines(self) -> Iterator[str]:
        handle = TextIOWrapper(BytesIO(self.data), self.encoding, newline=None)
        for number, line in enumerate(iter(partial(handle.readline, _LONGEST_LINE + 1), ""), 1):
            if len(line) > _LONGEST_LINE:
                raise Refusal(
                    f"its line {number:,} has more than {_LONGEST_LINE:,} characters: write a line per point."
                )
            yield line


@dataclass(frozen=True)
class _Dialect:
    """How a row is split: at a separator (`None`: any blanks), with or without decimal commas.

    With `trailing`, every row ends with a separator.
    """

    separator: str | None
    comma: bool = False
    trailing: bool = False

    def prepare(self, row: str) -> str:
        """Return a row with decimal points and no separator at its end."""
        if self.comma:
            row = row.replace(",", ".")
        return row.rstrip(" \r\n").removesuffix(self.separator or "") if self.trailing else row

    def split(self, row: str) -> list[str]:
        return self.prepare(row).split(self.separator)


@dataclass
class _Head:
    """What comes before the rows, and the first of them.

    Attributes:
        headers: lines of words, and whether each is a comment.
        announced: number of points that a line of its own gives.
        first: number of the first row's line, counted from 1.
        rows: a sample, without comments.
    """

    headers: deque[tuple[str, bool]] = field(default_factory=lambda: deque(maxlen=_HEADERS))
    announced: int | None = None
    first: int = 0
    rows: list[str] = field(default_factory=list)


@dataclass
class _Columns:
    """Which columns are read: counted from 0, `None` where nothing names them."""

    width: int
    xyz: tuple[int, ...] | None = None
    rgb: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)


def read_text_cloud(source: Source) -> Reading:
    """Read a cloud from text with a line per point: xyz, txt, asc, pts and csv files.

    Points with NaN coordinates are kept: a caller drops them for every format alike. Empty fields are NaN.

    Returns:
        One part without faces, with colors if there are columns of them, and notes on all that was guessed.

    Raises:
        Refusal: if it is not text, or a line is not like the others; the sentence gives the number of the line.
    """
    text = _decode(source.data)
    head = _read_head(text)
    dialect = _sniff(head.rows)
    notes = _drop_numbered_header(head, dialect)
    columns = _find_columns(head, dialect)
    if dialect.comma:
        notes.append("Commas were read as decimal points.")
    elif dialect.separator == "," and columns.xyz is None:
        _check_commas(text, head)
    _check_room(text, source)
    table = _read_rows(text, head, dialect, columns)
    source.spend(0, len(table))
    notes += _check_announced(head.announced, len(table)) + columns.notes
    return Reading([_make_part(table, columns, notes)], notes)


# ---------------------------------------------------------------------------------------------- lines and rows


def _decode(data: bytes) -> _Text:
    """Find out the encoding: UTF-8, UTF-16 with its mark, else Latin-1."""
    encoding = "utf-8-sig"
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            data = data.decode("utf-16").encode()
        data = data.rstrip(b"\0\x1a")  # padding, and the end of files of DOS
        if not data.isascii():
            data.decode(encoding)
    except UnicodeDecodeError as error:
        encoding = "latin-1" if error.encoding == "utf-8" else ""
    start = data[: 1 << 16]
    controls = len(start) - len(start.translate(None, bytes(code for code in range(32) if code not in b"\t\n\v\f\r")))
    if not encoding or b"\0" in data or controls > len(start) // 100:
        raise Refusal("it is not text, but has bytes of a binary file: give it the ending of its format.")
    if start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
        raise Refusal("it is a web page or XML, not text with a line per point: download the file itself.")
    return _Text(data, encoding)


def _read_head(text: _Text) -> _Head:
    """Read the lines before the first row, and a sample of rows."""
    head = _Head()
    room = _SAMPLE_LENGTH
    for number, line in enumerate(text.lines(), 1):
        row, *comment = _COMMENT.split(line, maxsplit=1)
        if not row.strip():
            head.headers.extend((words, True) for words in comment)
            continue
        words = [word for word in re.split(r"[\s,;|\"']+", row) if word]
        if not head.rows and not _is_row(words):
            head.headers.append((row, False))
        elif not head.rows and head.announced is None and len(words) == 1 and _WHOLE.fullmatch(words[0]):
            head.announced = int(words[0])
        else:
            head.first = head.first or number
            head.rows.append(row.strip(" \r\n"))
            room -= len(row)
            if len(head.rows) == _SAMPLE_ROWS or room < 0:
                break
    if not head.rows:
        raise Refusal("it has no line of numbers: write x, y and z of a point on each line.")
    if head.announced is not None and [1, *(len(row.split()) for row in head.rows[:9])] == _PTX:
        raise Refusal("it is a PTX scan, a grid with a position of the scanner: export it as XYZ, PLY or E57.")
    return head


def _is_row(words: list[str]) -> bool:
    """Whether a line holds a number, or nothing but marks of missing ones."""
    return any(_NUMBER.fullmatch(word) for word in words) or all(word.lower() in _MISSING for word in words)


def _sniff(rows: list[str]) -> _Dialect:
    """Return the dialect in which most fields are numbers, among rows of equally many columns."""
    best, most = _Dialect(next((mark for mark in ";|\t," if mark in rows[0]), None)), 0
    for separator in (";", "|", "\t", ",", None):
        if separator is not None and separator not in rows[0]:
            continue
        trailing = separator is not None and all(row.endswith(separator) for row in rows)
        for comma in (False,) if separator == "," else (False, True):
            dialect = _Dialect(separator, comma, trailing)
            score = _score(dialect, rows)
            if score > most:
                best, most = dialect, score
    return best


def _score(dialect: _Dialect, rows: list[str]) -> int:
    if dialect.comma and any("." in row for row in rows):
        return 0
    table = [dialect.split(row) for row in rows]
    width = Counter(len(fields) for fields in table).most_common(1)[0][0]
    table = [fields for fields in table if len(fields) == width]
    if width < 3:
        return 0
    columns = zip(*table, strict=True)
    if dialect.separator == "\t" and any(not "".join(column).strip() for column in columns):
        return 0  # runs of tabs that line the columns up
    return sum(_NUMBER.fullmatch(_bare(word)) is not None for fields in table for word in fields)


def _check_commas(text: _Text, head: _Head) -> None:
    """Raise Refusal if commas may be decimal: 1,5,2,0,3,25 is three numbers or six."""
    fits = re.compile(r"\s*[-+]?\d+,\d+(?:,\s*[-+]?\d+,\d+){2,}\s*").fullmatch
    if all(fits(row) for row in head.rows) and all(
        fits(line) or not line.strip() for line in islice(text.lines(), head.first - 1, None)
    ):
        raise Refusal(
            "its commas may separate columns or decimals: write decimal points, or separate columns with semicolons."
        )


def _check_room(text: _Text, source: Source) -> None:
    """Raise Refusal before memory is allocated for more points than the limit allows."""
    if text.data.count(b"\n") + text.data.count(b"\r") > source.max_points:
        rows = sum(1 for line in text.lines() if _COMMENT.split(line, maxsplit=1)[0].strip())
        if rows > source.max_points + _HEADERS:
            source.spend(0, rows)


def _read_rows(text: _Text, head: _Head, dialect: _Dialect, columns: _Columns) -> np.ndarray:
    """Return the table (N, K) of the named columns x, y, z and maybe r, g, b; of all columns if none are named."""
    keep = list(range(columns.width)) if columns.xyz is None else [*columns.xyz, *(columns.rgb or ())]
    lines: Iterator[str] = islice(text.lines(), head.first - 1, None)
    if dialect.comma or dialect.trailing:
        lines = map(dialect.prepare, lines)
    try:
        table = np.loadtxt(lines, delimiter=dialect.separator, comments=None, ndmin=2)
        if table.shape[1] == columns.width:
            return table if keep == list(range(columns.width)) else table[:, keep]
    except Refusal:
        raise
    except ValueError:
        pass  # the next reader is more tolerant, and knows the line
    return _read_odd_rows(text, head, dialect, columns.width, keep)


def _read_odd_rows(text: _Text, head: _Head, dialect: _Dialect, width: int, keep: list[int]) -> np.ndarray:
    """Read the columns `keep` of rows one by one, with comments, repeated counts, empty fields and odd numbers."""
    table, rows = array("d"), 0
    pick = itemgetter(*keep)
    for number, line in islice(enumerate(text.lines(), 1), head.first - 1, None):
        row = _COMMENT.split(line, maxsplit=1)[0]
        if not row.strip():
            continue
        fields = dialect.split(row)
        if len(fields) != width:
            if head.announced == rows and _WHOLE.fullmatch(row.strip()):  # the next block of a PTS file
                head.announced += int(row)
                continue
            raise _uneven(f"its line {number:,}", len(fields), f"line {head.first:,}", width)
        words = pick(fields)
        try:
            if "_" in row:  # Python would read 1_000
                raise ValueError
            table.extend(list(map(float, words)))
        except ValueError:
            table.extend([_number(word, number) for word in words])
        rows += 1
    return np.frombuffer(table, dtype=np.float64).reshape(rows, len(keep))


def _number(word: str, line: int) -> float:
    word = _bare(word)
    key = word[:20].lower()
    if key in _MISSING:
        return np.nan
    if key in _INFINITE:
        return _INFINITE[key]
    if len(word) > 400 or not _NUMBER.fullmatch(word):
        raise Refusal(f"its line {line:,} has {_shown(word)!r} instead of a number: correct or remove it.")
    return float(word.lower().replace("d", "e"))


def _bare(word: str) -> str:
    """Strip blanks, and quotes at both ends: "1,5" split at its comma has one at each, and is no number."""
    word = word.strip()
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    return word[1:-1].strip() if quoted else word


def _shown(word: str) -> str:
    """Return at most 40 characters that can be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in word[:40])


def _uneven(here: str, count: int, there: str, other: int) -> Refusal:
    return Refusal(f"{here} has {_columns(count)}, but {there} has {other}: give every line the same columns.")


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count:,} columns"


def _check_announced(announced: int | None, count: int) -> list[str]:
    """Compare the numbers of points announced and found; more than announced are worth a note."""
    if announced is None or announced == count:
        return []
    if announced > count:
        raise Refusal(f"it announces {announced:,} points, but holds {count:,}: it may be cut off.")
    return [f"It announces {announced:,} points, but holds {count:,}, which were all read."]


# ------------------------------------------------------------------------------------------------ columns


def column_names(line: str, separator: str | None) -> list[str]:
    """Split a header line into the names of columns, without quotes, comment marks and units in brackets.

    A line without the separator of the rows is split at any.
    """
    line = re.sub(r"\[[^]]{0,20}\]|\([^)]{0,20}\)", "", line).strip(" \r\n").lstrip("/#")
    words = line.split(separator) if separator and separator in line else re.findall(r'"[^"]*"|[^\s,;|]+', line)
    if len(words) > 1 and not words[-1].strip():
        words.pop()
    return [word.strip().strip("\"'").strip() for word in words]


def column_role(name: str) -> str:
    """Return what a column holds by its name: "x", "y", "z", "r", "g", "b", "silent" (normals, indices) or ""."""
    key = re.sub(r"[\W_]", "", name[:60].lower())
    if key in _SYNONYMS:
        return _SYNONYMS[key]
    for pattern in _ROLES:
        if match := pattern.fullmatch(key):
            kind = match.lastgroup or ""
            value = match.group(kind)
            letters = {"axis": "xyz", "color": "rgb"}.get(kind)
            return kind if letters is None else letters[int(value)] if value.isdigit() else value[0]
    return ""


def _drop_numbered_header(head: _Head, dialect: _Dialect) -> list[str]:
    """Skip a first row 0, 1, 2, ..., the names that pandas gives to columns without names."""
    if dialect.separator is None or len(head.rows) < 2 or "." not in head.rows[1]:
        return []
    words = [word.strip(" \"'") for word in dialect.split(head.rows[0])]
    names = words[words[0] == "" :]
    if len(names) < 3 or names != [str(index) for index in range(len(names))]:
        return []
    note = f"Line {head.first:,} was skipped: it numbers the columns."
    head.first += 1
    head.rows.pop(0)
    return [note]


def _find_columns(head: _Head, dialect: _Dialect) -> _Columns:
    """Return the columns that a header names, the last one that names x, y and z.

    Raises:
        Refusal: if there are fewer than three columns, or names of all columns without x, y or z.
    """
    width = len(dialect.split(head.rows[0]))
    if width < 3:
        raise Refusal(f"its line {head.first:,} has {_columns(width)}: write x, y and z of a point on each line.")
    named = [(column_names(line, dialect.separator), comment) for line, comment in reversed(head.headers)]
    for names, comment in named:
        roles = [column_role(name) for name in names]
        if {"x", "y", "z"} <= set(roles) and not (comment and len(names) != width):
            if len(names) > width:
                raise _uneven(f"its line {head.first:,}", width, "the line of names", len(names))
            return _named_columns(names, roles, width)
        axes = [axis for axis in "xyz" if axis in roles]
        if len(names) == width and (axes == ["x", "y"] or (axes and not comment)):
            missing = " and ".join(axis for axis in "xyz" if axis not in axes)
            raise Refusal(f"its columns are named {_listed(names)}, but none of them {missing}: name x, y and z.")
    columns = _Columns(width)
    plain = [names for names, comment in named if not comment]
    if plain:
        columns.notes.append(f"The header {_listed(plain[0])!r} does not name x, y and z: their places were guessed.")
    return columns


def _named_columns(names: list[str], roles: list[str], width: int) -> _Columns:
    xyz = tuple(roles.index(axis) for axis in "xyz")
    rgb = tuple(roles.index(color) for color in "rgb") if {"r", "g", "b"} <= set(roles) else None
    columns = _Columns(width, xyz, rgb)
    if xyz != (0, 1, 2):
        columns.notes.append(f"Read {_places(xyz)} as x, y, z by their names.")
    degrees = [names[index] for index in xyz if names[index].lower() in _DEGREES]
    if degrees:
        columns.notes.append(f"{_listed(degrees)} may be degrees and not lengths: the shape would be distorted.")
    others = [name for i, name in enumerate(names) if i not in xyz + (rgb or ()) and roles[i] != "silent"]
    if others:
        columns.notes.append(
            f"Ignored the columns named {_listed(others)}."
            if len(others) > 1
            else f"Ignored the column named {_listed(others)}."
        )
    return columns


def _listed(names: Sequence[str]) -> str:
    return ", ".join(_shown(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")


def _places(indices: Sequence[int]) -> str:
    """Describe columns, counting from 1: "column 4", "columns 2 to 4", "columns 3, 1 and 2"."""
    first, last = indices[0] + 1, indices[-1] + 1
    if len(indices) == 1:
        return f"column {first}"
    if list(indices) == list(range(first - 1, last)):
        return f"columns {first} to {last}"
    return f"columns {', '.join(str(index + 1) for index in indices[:-1])} and {last}"


def _make_part(table: np.ndarray, columns: _Columns, notes: list[str]) -> Part:
    """Return the cloud of a table (N, K) and add notes on what was guessed."""
    if columns.xyz is not None:
        colors = None if columns.rgb is None else _color_levels(table[:, 3:], notes)
        return Part(np.ascontiguousarray(table[:, :3]), point_colors=colors)
    count, width = table.shape
    if count < 10 and width > _MOST_COLUMNS:
        raise Refusal(f"it has {count} lines of {width:,} numbers: transpose it, a line holds x, y and z of a point.")
    colored = width == 6 and _are_levels(table[:, 3:])
    start = int(not colored and _is_index(table))
    if start:
        notes.append("Column 1 was skipped: it numbers the points.")
    colored = colored or (width - start in (6, 7) and _are_levels(table[:, -3:]))
    ignored = range(start + 3, width - 3 if colored else width)
    if colored:
        notes.append(f"{_places(range(width - 3, width)).capitalize()} were taken for colors: red, green, blue.")
    if ignored:
        these = "it is" if len(ignored) == 1 else "they are"
        verb = "was" if len(ignored) == 1 else "were"
        notes.append(f"{_places(ignored).capitalize()} {verb} ignored: {these} not named.")
    colors = table[:, -3:].astype(np.uint8) if colored else None
    return Part(np.ascontiguousarray(table[:, start : start + 3]), point_colors=colors)


def _is_index(table: np.ndarray) -> bool:
    """Whether the first of at least four columns counts the rows, from 0 or 1."""
    count, width = table.shape
    if width < 4 or count < _SHORTEST_INDEX or table[0, 0] not in (0, 1):
        return False
    return bool((table[:, 0] == np.arange(count) + table[0, 0]).all())


def _are_levels(values: np.ndarray) -> bool:
    """Whether unnamed values (N, 3) are integers from 0 to 255; if none is above 1, they may be normals."""
    with np.errstate(invalid="ignore"):
        return bool(((values >= 0) & (values <= 255) & (values == np.rint(values))).all() and values.max() > 1)


def _color_levels(values: np.ndarray, notes: list[str]) -> np.ndarray | None:
    """Return colors (N, 3) as uint8, from 0 to 255, 0 to 1 or 0 to 65,535, whichever holds the largest."""
    values = np.where(np.isnan(values), 0, values)
    top = values.max(initial=0)
    if values.min(initial=0) < 0 or top > 65535:
        notes.append("The colors were ignored: some are below 0 or above 65,535.")
        return None
    if 0 < top <= 1 or top > 255:
        notes.append(f"The colors were taken as levels from 0 to {'1' if top <= 1 else '65,535'}.")
    scale = 255 if top <= 1 else 1 if top <= 255 else 255 / 65535
    return np.rint(values * scale).astype(np.uint8)


# ---------------------------------------------------------------------------------------------------- npz


@dataclass(frozen=True)
class _Member:
    """An array of an archive, not read yet."""

    name: str
    info: ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def is_cloud(self) -> bool:
        """Whether it has the shape (N, 3), or more columns, and holds numbers; not (3, N), coordinates in rows."""
        if len(self.shape) != 2 or self.dtype.kind not in "fiu":
            return False
        rows, columns = self.shape
        return 3 <= columns <= _MOST_COLUMNS and rows > 0 and not (rows == 3 and columns > 3)


def read_npz(source: Source) -> Reading:
    """Read a cloud from the array of an npz archive that is named points, xyz, pos, ... or the only one (N, 3).

    Of arrays with more columns, the first three are read. An array (N, 3) named colors or rgb gives colors.

    Raises:
        Refusal: if no array or several could be meant, or the archive unpacks to more than 1 GiB.
        ValueError: if it is damaged.
    """
    try:
        archive = ZipFile(BytesIO(source.data))
    except (BadZipFile, NotImplementedError, ValueError):
        raise ValueError("it is not a whole zip archive") from None
    with archive:
        infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if sum(info.file_size for info in infos) > _MAX_UNPACKED:
            raise Refusal("it unpacks to more than 1 GiB: keep its points alone, and fewer of them.")
        members = [_open_member(archive, info) for info in infos]
        member, notes = _choose(members)
        source.spend(0, member.shape[0])
        points = _read_member(archive, member)
        colors = _find_colors(archive, members, member, notes)
    if points.shape[1] > 3:
        notes.append(f"{_places(range(3, points.shape[1])).capitalize()} of the array {_shown(member.name)} ignored.")
    return Reading([Part(np.ascontiguousarray(points[:, :3], dtype=np.float64), point_colors=colors)], notes)


def _open_member(archive: ZipFile, info: ZipInfo) -> _Member:
    """Read the header of an array."""
    name = info.filename.removesuffix(".npy")
    readers: dict[Any, Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with archive.open(info) as handle:
            shape, _, dtype = readers[np.lib.format.read_magic(handle)](handle)
    except Exception:  # numpy evaluates the header as a Python literal, which can raise almost anything
        raise _damaged(name) from None
    return _Member(name, info, shape, dtype)


def _read_member(archive: ZipFile, member: _Member) -> np.ndarray:
    # numpy allocates all that the header announces before it reads.
    if member.dtype.itemsize * int(np.prod(member.shape, dtype=object)) > member.info.file_size:
        raise _damaged(member.name)
    try:
        with archive.open(member.info) as handle:
            return np.lib.format.read_array(handle, allow_pickle=False)
    except MemoryError:
        raise
    except Exception:  # zlib, zipfile and numpy raise errors of their own
        raise _damaged(member.name) from None


def _damaged(name: str) -> ValueError:
    return ValueError(f"its array {_shown(name)} is damaged")


def _choose(members: list[_Member]) -> tuple[_Member, list[str]]:
    """Return the array of points, and a note if there was a choice."""
    clouds = {member.name.lower(): member for member in members if member.is_cloud}
    for name in _POINT_ARRAYS:
        if name in clouds:
            others = [other for other in clouds if other not in (name, *_COLOR_ARRAYS, "normals")]
            return clouds[name], [f"Read the array {clouds[name].name}, not {_listed(others)}."] if others else []
    found = [clouds[name] for name in clouds if name not in (*_COLOR_ARRAYS, "normals", "normal")]
    if len(found) == 1:
        return found[0], []
    if found:
        names = _listed([member.name for member in found])
        raise Refusal(f"any of its arrays {names} may be the cloud: name that one points.")
    if any(member.dtype.hasobject for member in members):
        raise Refusal("it holds Python objects instead of numbers: save an array of shape (N, 3).")
    shapes = _listed([f"{member.name} {member.shape}" for member in members]) or "none"
    raise Refusal(f"it needs an array of shape (N, 3), but its arrays are: {shapes}.")


def _find_colors(archive: ZipFile, members: list[_Member], chosen: _Member, notes: list[str]) -> np.ndarray | None:
    """Return the colors uint8 (N, 3) of the points, from an array of as many rows."""
    for member in members:
        if member is chosen or member.name.lower() not in _COLOR_ARRAYS or not member.is_cloud:
            continue
        if member.shape[0] == chosen.shape[0]:
            colors = _read_member(archive, member)[:, :3]
            if colors.dtype == np.uint8:
                return np.ascontiguousarray(colors)
            return _color_levels(colors.astype(np.float64), notes)
    return None
