"""Meshes and clouds: reading files, the up axis, sampling and normalisation (numpy only, trimesh where a file is read).

Axis convention: right-handed, y up, as in glTF; `rotation_to_y_up` brings other conventions there.
Clouds: float32 (N, 3); a *normalised* cloud has its mean at the origin and its largest norm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from .materials_crossmost import SurfaceColours, attach_colours, concatenate_colours, plain_colours, surface_colours
from .pcd_crossmost import read_pcd


# A `trimesh.Trimesh`. trimesh is optional, and a plain import, even for type checkers only, would make loading this
# file from the Hub demand it.
Mesh: TypeAlias = Any

# The rotation to y up from every direction that may point up.
_TO_Y_UP = {
    "x": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "y": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "z": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "-x": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "-y": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "-z": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
}
FILE_AXES = tuple(_TO_Y_UP)  # of a file: scanners and cameras often have y down, "-y"
MODEL_AXES = ("x", "y", "z")  # of a model's clouds
MESH_TYPES = ("obj", "off", "ply", "stl", "glb", "gltf")
CLOUD_TYPES = ("ply", "xyz", "npy", "pcd")
FILE_TYPES = tuple(dict.fromkeys(MESH_TYPES + CLOUD_TYPES))

# Farthest point sampling costs count x N; clouds beyond this size are thinned first (seeded, point 0 kept).
MAX_POINTS_FOR_FARTHEST_SAMPLING = 200_000

# Faces and points of one file, instances counted each time: a file of some bytes can place a part a million times.
MAX_FACES = 4_000_000
MAX_POINTS = 20_000_000

# More columns than this are coordinates of a transposed cloud, not what is stored beside a point.
MAX_COLUMNS = 64

# Grey level of parts without colours in a file where other parts have them.
DEFAULT_GREY = 200

# The first bytes of an npy file.
_NPY_START = b"\x93NUMPY"

# Extensions of glTF that the reader leaves as zeros or stumbles over where it cannot decode them.
_COMPRESSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")


def import_optional(name: str, purpose: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
        name: the module.
        purpose: what needs it, the beginning of the message.

    Raises:
        ImportError: where the package is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise ImportError(f"{purpose} needs the package {package}: run `pip install {package}`.") from error


def rotation_to_y_up(up_axis: str) -> np.ndarray:
    """Rotation (3, 3), determinant +1, that brings data whose `up_axis` points up to y up: `points @ rotation.T`.

    x up: (x, y, z) -> (-y, x, z); z up: (x, y, z) -> (x, z, -y); y up: identity; -x up: (x, y, z) -> (y, -x, z);
    -y up: (x, y, z) -> (-x, -y, z); -z up: (x, y, z) -> (x, -z, y).

    Raises:
        ValueError: for an axis that is none of these.
    """
    if up_axis not in _TO_Y_UP:
        raise ValueError(f"The up axis must be one of {', '.join(FILE_AXES)}, got {up_axis!r}.")
    return np.array(_TO_Y_UP[up_axis])


def rotation_between_up_axes(source: str, target: str = "y") -> np.ndarray:
    """Rotation (3, 3) from data with `source` up to data with `target` up: `points @ rotation.T`.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    return rotation_to_y_up(target).T @ rotation_to_y_up(source)


def convert_up_axis(points: np.ndarray, source: str, target: str = "y") -> np.ndarray:
    """Rotates points (..., 3) from `source` up to `target` up; the dtype is kept, equal axes return the input itself.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    rotation = rotation_between_up_axes(source, target)
    if source == target:
        return points
    points = np.asarray(points)
    return points @ rotation.T.astype(points.dtype)


def orient_geometry(geometry: Mesh | np.ndarray, source: str, target: str = "y") -> Mesh | np.ndarray:
    """`convert_up_axis` for a mesh (a rotated copy, which keeps its colours as `load_geometry` does) or a cloud.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    if source == target or isinstance(geometry, np.ndarray):
        return convert_up_axis(geometry, source, target)
    # trimesh's own copy of the colours would decode a texture's image, and needs scipy where faces have colours.
    oriented = attach_colours(geometry.copy(include_visual=False), surface_colours(geometry))
    oriented.vertices = convert_up_axis(np.asarray(geometry.vertices), source, target)
    return oriented


def check_points(points: Any, name: str = "cloud") -> np.ndarray:
    """Returns a cloud as contiguous float32 (N, 3); columns after the third (normals, colours) are dropped.

    Args:
        points: array-like (N, >= 3).
        name: what the messages call it.

    Raises:
        ValueError: for anything that is not a non-empty array of finite numbers of that shape.
    """
    try:
        if np.iscomplexobj(points):  # numpy would drop the imaginary part
            raise ValueError
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"The {name} is not an array of numbers: pass an array of shape (N, 3).") from None
    if array.ndim != 2 or array.shape[1] < 3 or (len(array) == 3 and array.shape[1] > MAX_COLUMNS):
        raise ValueError(f"The {name} has shape {array.shape}: pass an array of shape (N, 3).")
    if len(array) == 0:
        raise ValueError(f"The {name} is empty: pass at least one point.")
    array = array[:, :3]
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise ValueError(f"The {name} has NaN or infinite coordinates in {bad} of {len(array)} points: remove them.")
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(single).all():
        raise ValueError(f"The {name} has coordinates beyond the range of float32: scale it down.")
    return single


def normalize_points(points: np.ndarray) -> np.ndarray:
    """Moves the mean of a cloud (N, 3) to the origin and scales its largest norm to 1; returns float32 (N, 3).

    A cloud without extent (one point, or copies of one) becomes all zeros: it has no scale.
    """
    wide = np.asarray(points, dtype=np.float64)
    centred = wide - wide.mean(axis=0)
    radius = np.sqrt((centred**2).sum(axis=1).max())
    # Rounding leaves the mean of equal points a few ulps away from them: that is no extent.
    if radius <= 1e-12 * max(1.0, np.abs(wide).max()):
        return np.zeros(wide.shape, dtype=np.float32)
    return (centred / radius).astype(np.float32)


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws points uniformly from a mesh's surface (area weighted).

    Args:
        mesh: anything with `vertices` (V, 3) and triangular `faces` (F, 3).
        count: number of points.
        rng: source of randomness.

    Returns:
        points float32 (count, 3) in the mesh's units, and the face of each, int64 (count,).

    Raises:
        ValueError: where the count is below one, or the mesh has no surface area.
    """
    if count < 1:
        raise ValueError(f"The number of points must be at least 1, got {count}.")
    triangles = np.asarray(mesh.vertices, dtype=np.float64)[np.asarray(mesh.faces)]
    edge_a, edge_b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    cumulative = np.cumsum(np.linalg.norm(np.cross(edge_a, edge_b), axis=1))
    if len(cumulative) == 0 or not cumulative[-1] > 0.0:
        raise ValueError("The mesh has no surface area: all its faces are degenerate.")
    face_index = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    face_index = np.minimum(face_index, len(cumulative) - 1)
    weights = rng.random((count, 2))
    # Folding the unit square's upper half back gives uniform barycentric weights.
    outside = weights.sum(axis=1) > 1.0
    weights[outside] = 1.0 - weights[outside]
    points = triangles[face_index, 0] + weights[:, :1] * edge_a[face_index] + weights[:, 1:] * edge_b[face_index]
    return points.astype(np.float32), face_index


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """Indices int64 (count,) of farthest point sampling on a cloud (N, 3) with count <= N, started at index 0.

    Each next point is the one farthest from all chosen before; the lowest index wins a tie.
    """
    x, y, z = (np.ascontiguousarray(points[:, axis], dtype=np.float32) for axis in range(3))
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    chosen = np.zeros(count, dtype=np.int64)
    current = 0
    for step in range(count):
        chosen[step] = current
        distance = (x - x[current]) ** 2
        distance += (y - y[current]) ** 2
        distance += (z - z[current]) ** 2
        np.minimum(nearest, distance, out=nearest)
        nearest[current] = -1.0
        current = int(nearest.argmax())
    return chosen


def resample_points(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Brings a cloud (N, 3) to `count` points.

    More points than that: farthest point sampling from index 0 (clouds of more than
    `MAX_POINTS_FOR_FARTHEST_SAMPLING` points are thinned to that many at random first). Fewer: all of them, in order,
    then repeats drawn by `rng`. Equal: the input itself.

    Raises:
        ValueError: where the count is below one, or the cloud is empty.
    """
    if count < 1:
        raise ValueError(f"The number of points must be at least 1, got {count}.")
    if len(points) == 0:
        raise ValueError("The cloud is empty: pass at least one point.")
    if len(points) == count:
        return points
    if len(points) < count:
        repeats = rng.integers(0, len(points), size=count - len(points))
        return np.concatenate([points, points[repeats]])
    limit = max(MAX_POINTS_FOR_FARTHEST_SAMPLING, count)
    if len(points) > limit:
        kept = 1 + rng.choice(len(points) - 1, size=limit - 1, replace=False)
        points = points[np.concatenate([[0], np.sort(kept)])]
    return points[farthest_points(points, count)]


def geometry_to_cloud(geometry: Mesh | np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Normalised cloud float32 (count, 3) of a mesh (surface samples) or of a cloud (resampled).

    Raises:
        ValueError: for an unusable cloud or mesh.
    """
    if hasattr(geometry, "faces"):
        points, _ = sample_surface(geometry, count, rng)
    else:
        points = resample_points(check_points(geometry), count, rng)
    return normalize_points(points)


def object_cloud(
    geometry: Mesh | np.ndarray, count: int, seed: int, source_axis: str = "y", target_axis: str = "y"
) -> np.ndarray:
    """The cloud that a model is given of an object: `geometry_to_cloud` with a seed, turned to the model's up axis.

    Args:
        geometry: mesh or cloud in its own units and axes.
        count: number of points N.
        seed: of the draws, so that they depend on nothing else.
        source_axis, target_axis: what points up in the geometry, and what in the result.

    Returns:
        float32 (N, 3), mean at the origin, largest norm 1.

    Raises:
        ValueError: for an unusable cloud or mesh, or an unknown axis.
    """
    cloud = geometry_to_cloud(geometry, count, np.random.default_rng(seed))
    return convert_up_axis(cloud, source_axis, target_axis)


def load_geometry(path: str | Path, file_type: str | None = None) -> Mesh | np.ndarray:
    """Reads a mesh or a cloud from a file, in the file's own units and axes; for foreign files see `read_geometry`.

    Args:
        path: obj, off (the header may be glued to the counts), ply, stl, glb or gltf for meshes, ply, xyz, npy or pcd
            (its NaN points, "no measurement", are dropped) for clouds. Scenes are merged, each part by its place in the
            scene. Files in the same folder that it names (materials, textures, buffers) are read too.
        file_type: one of `FILE_TYPES`; the file's ending by default.

    Returns:
        A `trimesh.Trimesh` (vertices as stored: not merged, no normals), or for files without faces a cloud (N, 3). Its
        face colours are the mean ones of its colours, materials and textures; those that vary within a face are kept
        beside them, as `SurfaceColours` in the metadata under `COLOURS_KEY`, where `surface_colours` finds them.

    Raises:
        ValueError: for a file that is missing, of another type, unreadable, empty, not finite, without extent or larger
            than `MAX_FACES` and `MAX_POINTS`.
    """
    path = Path(path)
    kind = check_file_type(file_type or path.suffix, path.name)
    if not path.is_file():
        raise ValueError(f"{path.name}: there is no such file.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path.name}: the file is empty.")
    if kind in _CLOUD_READERS:
        with path.open("rb") as handle:
            return _read_cloud(handle, kind, path.name)
    # trimesh looks for other files beside a path, but beside nothing where it is given a stream.
    return _merge_scene(_read_scene(str(path), kind, path.name), path.name, MAX_FACES)


def read_geometry(
    data: bytes, file_type: str, name: str = "upload", max_faces: int | None = None
) -> tuple[Mesh | np.ndarray, list[str]]:
    """`load_geometry` for the bytes of one foreign file; other files that it names are not read, wherever they are.

    Args:
        data: the whole file.
        file_type: one of `FILE_TYPES`.
        name: what the messages call it.
        max_faces: limit in place of `MAX_FACES`.

    Returns:
        The mesh or cloud, and the names of the files that it goes without (materials and textures).

    Raises:
        ValueError: as `load_geometry`, and for a file that cannot do without another one.
    """
    kind = check_file_type(file_type, name)
    if len(data) == 0:
        raise ValueError(f"{name}: the file is empty.")
    if kind in _CLOUD_READERS:
        return _read_cloud(BytesIO(data), kind, name), []
    resolver = _NoOtherFiles()
    scene = _read_scene(BytesIO(data), kind, name, resolver)
    return _merge_scene(scene, name, MAX_FACES if max_faces is None else max_faces), list(resolver.refused)


def check_file_type(file_type: str, name: str = "upload") -> str:
    """One of `FILE_TYPES` from an ending in any case, with or without dot.

    Raises:
        ValueError: for any other ending.
    """
    kind = file_type.lower().lstrip(".")
    if kind not in FILE_TYPES:
        raise ValueError(f"{name}: files of type {kind!r} cannot be read, use one of {', '.join(FILE_TYPES)}.")
    return kind


def as_geometry(item: Any, name: str = "object") -> Mesh | np.ndarray:
    """What a caller may pass for one object, checked: a path, a `trimesh` mesh, scene or cloud, or an array (N, 3).

    Returns:
        A mesh with a finite surface, or a cloud float32 (N, 3).

    Raises:
        ValueError: for anything else, or an unusable mesh, cloud or file.
    """
    if isinstance(item, str | Path):
        return load_geometry(item)
    if hasattr(item, "faces") and hasattr(item, "vertices"):
        if len(item.faces) == 0:
            return check_points(item.vertices, f"cloud of {name}")
        _check_surface(np.asarray(item.vertices, dtype=np.float64)[np.asarray(item.faces)], name)
        return item
    if hasattr(item, "graph") and hasattr(item, "geometry"):
        return _merge_scene(item, name, MAX_FACES)
    if hasattr(item, "vertices"):
        return check_points(item.vertices, f"cloud of {name}")
    return check_points(item, f"cloud of {name}")


def _read_npy(handle: BinaryIO, name: str) -> np.ndarray:
    try:
        # numpy would take other files for archives or pickles, and advise to trust those.
        if handle.read(len(_NPY_START)) != _NPY_START:
            raise ValueError("it does not begin like one")
        handle.seek(0)
        return np.load(handle, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # the header is a Python literal, which breaks in its own ways
        pickled = "allow_pickle" in str(error)
        reason = "it holds Python objects instead of numbers" if pickled else _reason(error)
        raise ValueError(f"{name}: the file cannot be read as npy ({reason}).") from None


# Types of clouds that trimesh does not read, or not as carefully.
_CLOUD_READERS: dict[str, Callable[[BinaryIO, str], np.ndarray]] = {"npy": _read_npy, "pcd": read_pcd}


def _read_cloud(handle: BinaryIO, kind: str, name: str) -> np.ndarray:
    return _check_extent(check_points(_CLOUD_READERS[kind](handle, name), f"cloud in {name}"), name)


def _read_scene(source: str | BytesIO, kind: str, name: str, resolver: Any = None) -> Any:
    """A `trimesh.Scene` of a path, or of a stream with a resolver of the names in it."""
    trimesh = import_optional("trimesh", "Reading meshes")
    try:
        return trimesh.load_scene(source, file_type=kind, resolver=resolver, process=False)
    except MemoryError:
        raise  # the file may be sound: it is for the caller to say how much there was
    except _RefusedReference as error:
        if str(error) == _GLTF_IN_FOLDER:
            raise ValueError(f"{name}: the file cannot be read as gltf (its header is not JSON).") from None
        raise ValueError(
            f"{name}: it needs the file {_shown(str(error))!r}, but only files that hold everything are read here: "
            "export it as one .glb file."
        ) from None
    except Exception as error:  # the parsers raise nearly every kind of exception on broken files
        if not isinstance(error, FileNotFoundError) and _names_compression(source, kind):
            raise ValueError(f"{name}: the file is compressed (Draco, meshopt), export it uncompressed.") from None
        raise ValueError(f"{name}: the file cannot be read as {kind} ({_reason(error)}).") from None


# What trimesh asks for where a file of glTF is not JSON: it takes it for a folder.
_GLTF_IN_FOLDER = "model.gltf"


class _RefusedReference(ValueError):
    """A file names another one, which is not read; the message is that name."""


class _NoOtherFiles:
    """Stands for trimesh's resolver: reads and writes nothing, and remembers the first names that were asked for."""

    def __init__(self) -> None:
        self.refused: dict[str, None] = {}

    def get(self, key: Any) -> bytes:
        if len(self.refused) < 8:
            self.refused[_shown(str(key))] = None
        raise _RefusedReference(str(key))

    __getitem__ = get

    def write(self, key: Any, data: Any) -> None:
        raise _RefusedReference(str(key))

    def namespaced(self, namespace: str) -> _NoOtherFiles:
        return self

    def keys(self) -> tuple[str, ...]:
        return ()


def _shown(text: str) -> str:
    """A foreign name as it can stand in a sentence."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:120])


def _names_compression(source: str | BytesIO, kind: str) -> bool:
    """Whether a file of glTF names one of `_COMPRESSIONS`."""
    if kind not in ("glb", "gltf"):
        return False
    content = Path(source).read_bytes() if isinstance(source, str) else source.getvalue()
    return any(name.encode() in content for name in _COMPRESSIONS)


# What broken files make parsers say to their authors and to nobody else.
_STUMBLES = (AssertionError, AttributeError, LookupError, SyntaxError, TypeError, RecursionError)


def _reason(error: Exception) -> str:
    """An exception in one short line."""
    if isinstance(error, FileNotFoundError):
        return f"it needs the missing file {Path(error.filename or str(error)).name}"
    if isinstance(error, _STUMBLES) or " object at 0x" in str(error):
        return f"it is damaged: {type(error).__name__}"
    return _shown(" ".join(str(error).split()).rstrip(".")) or type(error).__name__


def _merge_scene(scene: Any, name: str, max_faces: int) -> Mesh | np.ndarray:
    """One mesh of all meshes of a scene, or where it has none, one cloud."""
    meshes, clouds = _scene_parts(scene, name, max_faces)
    if meshes:
        return _merge_meshes(meshes, name)
    if clouds:
        return _check_extent(check_points(np.concatenate(clouds), f"cloud in {name}"), name)
    raise ValueError(f"{name}: it holds neither faces nor points.")


def _scene_parts(
    scene: Any, name: str, max_faces: int
) -> tuple[list[tuple[np.ndarray, np.ndarray, SurfaceColours | None]], list]:
    """Splits a scene into placed meshes (vertices (V, 3), faces (F, 3), colours | None) and clouds (N, 3)."""
    trimesh = import_optional("trimesh", "Reading meshes")
    meshes, clouds = [], []
    colours: dict[str, SurfaceColours | None] = {}
    textures: dict = {}
    num_faces = num_points = 0
    for node in scene.graph.nodes_geometry:
        transform, key = scene.graph[node]
        part = scene.geometry[key]
        # Paths (lines of an obj or glTF) have no surface, and their vertices are no samples of one.
        if not isinstance(part, trimesh.Trimesh | trimesh.PointCloud) or len(part.vertices) == 0:
            continue
        vertices = np.asarray(part.vertices, dtype=np.float64)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            continue
        num_points += len(vertices)
        num_faces += len(getattr(part, "faces", ()))
        if num_faces > max_faces or num_points > MAX_POINTS:
            raise ValueError(
                f"{name}: it has more than {max_faces:,} faces or {MAX_POINTS:,} points in all its parts: simplify it."
            )
        with np.errstate(invalid="ignore", over="ignore"):  # coordinates that are not finite are refused below
            placed = vertices @ transform[:3, :3].T + transform[:3, 3]
        if not isinstance(part, trimesh.Trimesh) or len(part.faces) == 0:
            clouds.append(placed)
            continue
        if part.faces.min() < 0 or part.faces.max() >= len(vertices):
            raise ValueError(f"{name}: a face names a vertex that the file does not hold.")
        # Compressed glTF that the reader does not decode arrives with every vertex of a part in one place.
        if "from_gltf_primitive" in part.metadata and not np.ptp(vertices, axis=0).any():
            raise _collapsed(name, f" of its part {key!r}")
        if key not in colours:
            colours[key] = surface_colours(part, textures)
        meshes.append((placed, np.asarray(part.faces), colours[key]))
    return meshes, clouds


def _merge_meshes(parts: list[tuple[np.ndarray, np.ndarray, SurfaceColours | None]], name: str) -> Mesh:
    """One mesh of all placed parts; refuses what has no finite, non-degenerate surface."""
    trimesh = import_optional("trimesh", "Reading meshes")
    offsets = np.cumsum([0] + [len(vertices) for vertices, _, _ in parts[:-1]])
    vertices = np.concatenate([part[0] for part in parts])
    faces = np.concatenate([part[1] + offset for part, offset in zip(parts, offsets, strict=True)])
    _check_surface(vertices[faces], name)
    mesh = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
    if all(part[2] is None for part in parts):
        return mesh
    grey = (DEFAULT_GREY, DEFAULT_GREY, DEFAULT_GREY, 255)
    colours = [plain_colours(f, grey) if c is None else c for _, f, c in parts]
    return attach_colours(mesh, concatenate_colours(colours, faces))


def _check_surface(corners: np.ndarray, name: str) -> None:
    """Refuses faces (F, 3, 3) without a finite, non-degenerate surface."""
    if not np.isfinite(corners).all():
        raise ValueError(f"{name}: the mesh has NaN or infinite coordinates.")
    if max(corners.max(), -corners.min()) > np.finfo(np.float32).max:
        raise ValueError(f"{name}: the mesh has coordinates beyond the range of float32: scale it down.")
    if not np.ptp(corners, axis=1).any():
        raise _collapsed(name)
    if not np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).any():
        raise ValueError(f"{name}: the mesh has no surface area.")


def _check_extent(points: np.ndarray, name: str) -> np.ndarray:
    """The points (N, 3) of a file, unless they are one and the same: that is no object."""
    if not np.ptp(points, axis=0).any():
        raise ValueError(f"{name}: all its points ({len(points):,}) lie in one place, which is no shape.")
    return points


def _collapsed(name: str, where: str = "") -> ValueError:
    return ValueError(
        f"{name}: all faces{where} have collapsed to points; if the file is compressed (Draco), export it uncompressed."
    )
