"""Files of meshes and clouds: which reader a file gets, what is done alike for all formats, and what is said about it.

The readers (`ply_crossmost`, `obj_crossmost`, ...) turn bytes into parts. Here parts become one object: a cloud without
its NaN points, or a mesh of every part, in float64, in the file's own units and axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from .geometry_crossmost import Mesh, check_points, check_surface, import_optional
from .gltf_crossmost import read_gltf
from .library_files_crossmost import read_3mf, read_dae, read_e57, read_las, scene_parts
from .materials_crossmost import attach_colors, concatenate_colors, plain_colors
from .obj_crossmost import read_obj
from .parts_crossmost import MAX_FACES, MissingFileError, Part, Reading, Refusal, Source
from .pcd_crossmost import read_pcd
from .ply_crossmost import read_ply
from .stl_off_crossmost import read_off, read_stl
from .text_clouds_crossmost import read_npz, read_text_cloud


# Gray level of uncolored parts in a file that has colored parts as well.
DEFAULT_GRAY = 200

# Files that a file refers to and that were not read; more are not listed.
_LISTED = 8

# From this share of faces without an area on it is said: a few are usual.
_EMPTY_SHARE = 0.1

# Formats that are not read, by ending, and what can be done.
_ADVICE = {
    "Export it as .glb or .ply.": ("3ds", "abc", "blend", "c4d", "ctm", "dxf", "ma", "max", "mb", "skp", "wrl", "x3d")
    + ("fbx", "usd", "usda", "usdc", "usdz", "vtk", "vtp", "vtu"),
    "It is a CAD format: export it as .stl, .obj or .glb.": ("f3d", "ifc", "iges", "igs", "sldasm", "sldprt")
    + ("step", "stp"),
    "Export the points as .ply, .xyz or .las.": ("ptx", "rcp", "rcs", "splat", "spz", "ksplat", "sog", "bag"),
    "Unpack it and pass the files in it.": ("7z", "bz2", "gz", "rar", "tar", "tgz", "xz", "zip"),
}

# What a file may be whatever its name says: the bytes that it starts with, what they mean, and the remedy.
_DISGUISES = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    (b"<!doctype html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
    (b"PK\x03\x04", "a zip archive", "unpack it and pass the files in it"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and pass the files in it"),
    (b"Rar!", "a rar archive", "unpack it and pass the files in it"),
    (b"BZh", "a bzip2 archive", "unpack it"),
    (b"\xfd7zXZ", "an xz archive", "unpack it"),
    (b"%PDF", "a PDF document", "pass the model itself"),
    (b"\x89PNG", "a picture", "pass a mesh or a cloud"),
    (b"\xff\xd8\xff", "a picture", "pass a mesh or a cloud"),
    (b"glTF", "a .glb file", "rename it"),
    (b"Kaydara FBX Binary", "an FBX file", "export it as .glb"),
    (b"PXR-USDC", "a USD file", "export it as .glb"),
    (b"ISO-10303-21", "a STEP file", "export it as .stl, .obj or .glb"),
    (b"LASF", "a LAS file", "rename it"),
    (b"ASTM-E57", "an E57 file", "rename it"),
    (b"\x93NUMPY", "a .npy file", "rename it"),
)

# The bytes that files of a type start with; of types that share them, the first is taken for files without a name.
_MAGICS: dict[str, tuple[bytes, ...]] = {
    "glb": (b"glTF",),
    "gltf": (b"{", b"glTF"),
    "ply": (b"ply\n", b"ply\r"),
    "npy": (b"\x93NUMPY",),
    "npz": (b"PK\x03\x04",),
    "3mf": (b"PK\x03\x04",),
    "pcd": (b"# .PCD", b"VERSION ", b"FIELDS "),
    "las": (b"LASF",),
    "laz": (b"LASF",),
    "e57": (b"ASTM-E57",),
    "off": (b"OFF", b"COFF", b"NOFF", b"STOFF"),
    "stl": (b"solid",),
    "dae": (b"<?xml", b"<COLLADA"),
}


@dataclass
class FileContent:
    """What is in a file.

    Attributes:
        geometry: a `trimesh.Trimesh` (vertices as stored: not merged, no normals), or a cloud float64 (N, 3).
        point_colors: uint8 (N, 3) of a cloud whose file has them.
        notes: sentences on what was left out, dropped or guessed.
        left_out: names of files that this one refers to and that were not read, 8 at most.
    """

    geometry: Mesh | np.ndarray
    point_colors: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def load_file(path: str | Path, file_type: str | None = None) -> FileContent:
    """Read a mesh or a cloud from a file, in its own units and axes; use `read_file` for untrusted files.

    Args:
        path: a file of one of `FILE_TYPES`. A scene is merged into one mesh with every part in its place. Files that it
            refers to in the same folder, or below it (materials, textures, buffers), are read as well.
        file_type: one of `FILE_TYPES`; defaults to the file name's extension.

    Returns:
        The content. A mesh has the mean colors of its faces from vertex colors, materials and textures. Colors that
        vary within a face are kept as well: get them with `surface_colors`.

    Raises:
        ValueError: if the file is missing, of an unknown type, unreadable or empty, has coordinates that are not
            finite or no extent, or exceeds `MAX_FACES` or `MAX_POINTS`.
    """
    path = Path(path)
    kind = check_file_type(file_type or path.suffix, path.name)
    if not path.is_file():
        raise ValueError(f"{path.name}: there is no such file.")
    neighbors = _Neighbors(path.parent)
    return _read(Source(path.read_bytes(), neighbors.open), kind, path.name, neighbors)


def read_file(data: bytes, file_type: str, name: str = "upload", max_faces: int | None = None) -> FileContent:
    """Read a mesh or a cloud from the bytes of an untrusted file; no file that it refers to is opened.

    Args:
        data: content of the file.
        file_type: one of `FILE_TYPES`.
        name: what error messages call the file.
        max_faces: overrides `MAX_FACES`.

    Raises:
        ValueError: as in `load_file`, and for a file that cannot be read without another one.
    """
    neighbors = _Neighbors(None)
    limit = MAX_FACES if max_faces is None else max_faces
    return _read(Source(data, neighbors.open, limit), check_file_type(file_type, name), name, neighbors)


def check_file_type(file_type: str, name: str = "upload") -> str:
    """Return the one of `FILE_TYPES` that a file extension stands for, in any case, with or without its dot.

    Raises:
        ValueError: for any other extension.
    """
    kind = file_type.lower().lstrip(".")
    if kind in FILE_TYPES:
        return kind
    for advice, kinds in _ADVICE.items():
        if kind in kinds:
            raise ValueError(f"{name}: files of type {kind!r} cannot be read. {advice}")
    raise ValueError(f"{name}: files of type {kind!r} cannot be read, use one of {', '.join(FILE_TYPES)}.")


def as_content(item: Any, name: str = "object") -> FileContent:
    """Load and validate one object.

    Args:
        item: a path, an open file or a stream of bytes, a `trimesh` mesh, scene or cloud, or an array (N, 3).
        name: what error messages call the object.

    Returns:
        A mesh with a finite surface, or a cloud float64 (N, 3), and what should be said about it.

    Raises:
        ValueError: for anything else, or an unusable mesh, cloud or file.
    """
    if isinstance(item, str | PathLike):
        return load_file(fspath(item))
    if hasattr(item, "read"):
        return _read_stream(item, name)
    if hasattr(item, "graph") and hasattr(item, "geometry"):
        return _content(Reading(scene_parts(item, Source(b""))), name)
    if hasattr(item, "vertices") and len(getattr(item, "faces", ())) > 0:
        _check_surface(np.asarray(item.vertices, dtype=np.float64)[np.asarray(item.faces)], name)
        return FileContent(item)
    return FileContent(check_points(getattr(item, "vertices", item), f"cloud of {name}"))


def _read_stream(stream: Any, name: str) -> FileContent:
    """Read an open file; its type is that of its name, or what its first bytes say."""
    data = stream.read()
    data = data.encode() if isinstance(data, str) else bytes(data)
    given = getattr(stream, "name", "")
    label = Path(given).name if isinstance(given, str | PathLike) and given else f"the stream of {name}"
    if not data:
        raise ValueError(f"{label}: there is nothing to read; after an earlier reading, call seek(0).")
    suffix = Path(label).suffix.lower().lstrip(".")
    return read_file(data, suffix if suffix in FILE_TYPES else sniff_type(data), label)


def sniff_type(data: bytes) -> str:
    """Return the one of `FILE_TYPES` that the content of a file looks like; "xyz" if it looks like none."""
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    for kind, magics in _MAGICS.items():
        if start.startswith(magics):
            return kind
    if len(data) >= 84 and len(data) == 84 + 50 * int.from_bytes(data[80:84], "little"):
        return "stl"
    lines = [line.split() for line in start.splitlines()]
    words = {line[0] for line in lines if line}
    return "obj" if words & {b"v", b"f", b"mtllib", b"usemtl", b"vn"} else "xyz"


# ------------------------------------------------------------------------------------------------- one file


class _Neighbors:
    """Opens the files beside one, in `folder` or below it, or none without a folder; remembers what it refused."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        self.refused: dict[str, None] = {}

    def open(self, name: str) -> bytes:
        """Return the content of a file by the name that another file gives it.

        Materials of other people's folders and drives ("C:\\\\textures\\\\wood.png") are looked for by their last part.

        Raises:
            MissingFileError: if it is not there, or may not be read.
        """
        given = PurePosixPath(name.replace("\\", "/"))
        for path in (given, PurePosixPath(given.name)):
            if self.folder is None or path.is_absolute() or ".." in path.parts:
                continue
            found = self.folder / path
            if found.is_file():
                return found.read_bytes()
        if len(self.refused) < _LISTED:
            self.refused[_shown(name)] = None
        raise MissingFileError(name)


def _read(source: Source, kind: str, name: str, neighbors: _Neighbors) -> FileContent:
    """Read a file with the reader of its kind and make one object of its parts."""
    if len(source.data) == 0:
        raise ValueError(f"{name}: the file is empty.")
    _check_disguise(source.data, kind, name)
    try:
        reading = _READERS[kind](source)
    except MemoryError:
        raise  # the file may be fine; only the caller knows the memory limit to report
    except Refusal as error:
        raise ValueError(f"{name}: {error}") from None
    except MissingFileError as error:
        raise ValueError(_needs(name, _shown(str(error)), neighbors.folder is not None)) from None
    except ImportError as error:
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:  # the parsers raise nearly every kind of exception on broken files
        raise ValueError(f"{name}: the file cannot be read as {kind} ({_reason(error)}).") from None
    content = _content(reading, name)
    content.left_out = list(neighbors.refused)
    return content


def _needs(name: str, other: str, may_be_read: bool) -> str:
    if may_be_read:
        return f"{name}: it needs the file {other!r}, which is not beside it: put it there, or export one .glb file."
    return (
        f"{name}: it needs the file {other!r}, but only files that hold everything are read here: "
        "export it as one .glb file."
    )


def _check_disguise(data: bytes, kind: str, name: str) -> None:
    """Raise ValueError if the content is something else than the name says."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, what, remedy in _DISGUISES:
        if start.lower().startswith(magic.lower()) and magic not in _MAGICS.get(kind, ()):
            raise ValueError(f"{name}: it is {what} under the name of a .{kind} file: {remedy}.")


def _content(reading: Reading, name: str) -> FileContent:
    """Merge the meshes of a file into one, or all its clouds if it has no mesh."""
    meshes = [part for part in reading.parts if len(part.faces) > 0]
    clouds = [part for part in reading.parts if len(part.faces) == 0 and len(part.vertices) > 0]
    if meshes:
        if clouds:
            count = sum(len(part.vertices) for part in clouds)
            reading.notes.append(f"{count:,} loose points beside the faces were left out.")
        return FileContent(_merge_meshes(meshes, name, reading.notes), notes=reading.notes)
    if clouds:
        return _merge_clouds(clouds, name, reading.notes)
    found = f" ({' '.join(reading.notes)})" if reading.notes else ""
    raise ValueError(f"{name}: it holds neither faces nor points{found}.")


def _merge_clouds(parts: list[Part], name: str, notes: list[str]) -> FileContent:
    """Merge clouds into one, without points that have NaN coordinates, which stand for "no measurement"."""
    points = np.concatenate([part.vertices for part in parts])
    colors = None
    if all(part.point_colors is not None for part in parts):
        colors = np.concatenate([part.point_colors for part in parts if part.point_colors is not None])
    measured = ~np.isnan(points).any(axis=1)
    if not measured.all():
        if not measured.any():
            raise ValueError(f"{name}: all of its {len(points):,} points have NaN coordinates.")
        notes.append(f"{(~measured).sum():,} of {len(points):,} points have NaN coordinates and were dropped.")
        points = points[measured]
        colors = None if colors is None else colors[measured]
    points = check_points(points, f"cloud in {name}")
    if not np.ptp(points, axis=0).any():
        raise ValueError(f"{name}: all its points ({len(points):,}) coincide, so it has no shape.")
    return FileContent(points, colors, notes)


def _merge_meshes(parts: list[Part], name: str, notes: list[str]) -> Mesh:
    """Merge meshes into one, which must have a finite, non-degenerate surface; add a note on many empty faces."""
    trimesh = import_optional("trimesh", "Reading meshes")
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    vertices = np.concatenate([part.vertices for part in parts])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)])
    empty = _check_surface(vertices[faces], name)
    if empty > _EMPTY_SHARE:
        notes.append(f"{empty:.0%} of its faces have no area.")
    mesh = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
    if all(part.colors is None for part in parts):
        return mesh
    gray = (DEFAULT_GRAY, DEFAULT_GRAY, DEFAULT_GRAY, 255)
    colors = [plain_colors(part.faces, gray) if part.colors is None else part.colors for part in parts]
    return attach_colors(mesh, concatenate_colors(colors, faces))


def _check_surface(corners: np.ndarray, name: str) -> float:
    try:
        return check_surface(corners)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


# ---------------------------------------------------------------------------------------------- other readers


def _read_npy(source: Source) -> Reading:
    # np.load takes other files for zip archives or pickles, and its message suggests allowing pickles.
    if not source.data.startswith(b"\x93NUMPY"):
        raise ValueError("it does not start with the signature of npy files")
    try:
        array = np.load(BytesIO(source.data), allow_pickle=False)
    except ValueError as error:
        pickled = "allow_pickle" in str(error)
        raise ValueError("it holds Python objects instead of numbers" if pickled else _reason(error)) from None
    return Reading([Part(_as_rows(array))])


def _as_rows(array: np.ndarray) -> np.ndarray:
    """Return the coordinates (N, 3) of an array that may hold NaN.

    Raises:
        Refusal: if the array is no cloud; the sentence is that of `check_points`.
    """
    try:
        check_points(np.nan_to_num(array, posinf=np.inf, neginf=-np.inf) if array.dtype.kind == "f" else array, "array")
    except ValueError as error:
        raise Refusal(str(error)[0].lower() + str(error)[1:]) from None
    return np.ascontiguousarray(array[:, :3], dtype=np.float64)


def _read_pcd(source: Source) -> Reading:
    return Reading([Part(read_pcd(BytesIO(source.data)))])


_READERS: dict[str, Callable[[Source], Reading]] = {
    "obj": read_obj,
    "off": read_off,
    "ply": read_ply,
    "stl": read_stl,
    "glb": read_gltf,
    "gltf": read_gltf,
    "3mf": read_3mf,
    "dae": read_dae,
    **dict.fromkeys(("xyz", "txt", "asc", "pts", "csv"), read_text_cloud),
    "npy": _read_npy,
    "npz": read_npz,
    "pcd": _read_pcd,
    "las": read_las,
    "laz": read_las,
    "e57": read_e57,
}
FILE_TYPES = tuple(_READERS)


# --------------------------------------------------------------------------------------------------- messages


def _shown(text: str) -> str:
    """Make a name from an untrusted file safe to print: at most 120 characters, all of them printable."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:120])


# Exceptions that parsers raise by accident on broken files; their messages would mean nothing to a user.
_STUMBLES = (AssertionError, AttributeError, LookupError, SyntaxError, TypeError, RecursionError)


def _reason(error: Exception) -> str:
    """Describe an exception in one short line."""
    if isinstance(error, _STUMBLES) or " object at 0x" in str(error):
        return f"it is damaged: {type(error).__name__}"
    return _shown(" ".join(str(error).split()).rstrip(".")) or type(error).__name__
