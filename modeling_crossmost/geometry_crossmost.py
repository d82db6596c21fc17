"""Meshes and point clouds: file reading, up axes, sampling and normalization (numpy; trimesh only to read files).

Axis convention: right-handed, y up, as in glTF; `rotation_to_y_up` converts other conventions.
Clouds: float32 (N, 3); a *normalized* cloud has its mean at the origin and a largest norm of 1.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from .materials_crossmost import SurfaceColors, attach_colors, concatenate_colors, plain_colors, surface_colors
from .pcd_crossmost import read_pcd


# A `trimesh.Trimesh`. trimesh is optional, but transformers refuses to load code from the Hub unless every package that
# it imports is installed, even one imported under `TYPE_CHECKING`.
Mesh: TypeAlias = Any

# Up axis -> rotation to y up.
_TO_Y_UP = {
    "x": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "y": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "z": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
    "-x": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "-y": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "-z": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
}
FILE_AXES = tuple(_TO_Y_UP)  # up axes of files; scanners and cameras often have y pointing down, which is "-y" up
MODEL_AXES = ("x", "y", "z")  # up axes of the clouds that a model takes
MESH_TYPES = ("obj", "off", "ply", "stl", "glb", "gltf")
CLOUD_TYPES = ("ply", "xyz", "npy", "pcd")
FILE_TYPES = tuple(dict.fromkeys(MESH_TYPES + CLOUD_TYPES))

# Farthest point sampling takes O(count * N) time; larger clouds are first subsampled at random, keeping point 0.
MAX_POINTS_FOR_FARTHEST_SAMPLING = 200_000

# Limits per file. Every instance of a part counts, since a file of a few bytes can instantiate a part a million times.
MAX_FACES = 4_000_000
MAX_POINTS = 20_000_000

# A (3, N) array with more columns than this is a transposed cloud rather than three points with extra attributes.
MAX_COLUMNS = 64

# Gray level of uncolored parts in a file that has colored parts as well.
DEFAULT_GRAY = 200

# Magic bytes of an npy file.
_NPY_START = b"\x93NUMPY"

# glTF extensions for compressed geometry. Where trimesh cannot decode them, it returns zeros or fails obscurely.
_COMPRESSIONS = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")


def import_optional(name: str, purpose: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        name: full name of the module.
        purpose: the feature that needs it, which starts the error message, such as "Reading meshes".

    Raises:
        ImportError: if the package is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise ImportError(f"{purpose} needs the package {package}: run `pip install {package}`.") from error


def rotation_to_y_up(up_axis: str) -> np.ndarray:
    """Return the rotation (3, 3) from `up_axis` up to y up, to be applied as `points @ rotation.T`.

    x up: (x, y, z) -> (-y, x, z); z up: (x, y, z) -> (x, z, -y); y up: identity; -x up: (x, y, z) -> (y, -x, z);
    -y up: (x, y, z) -> (-x, -y, z); -z up: (x, y, z) -> (x, -z, y). All have determinant +1.

    Raises:
        ValueError: for any other axis.
    """
    if up_axis not in _TO_Y_UP:
        raise ValueError(f"The up axis must be one of {', '.join(FILE_AXES)}, got {up_axis!r}.")
    return np.array(_TO_Y_UP[up_axis])


def rotation_between_up_axes(source: str, target: str = "y") -> np.ndarray:
    """Return the rotation (3, 3) from `source` up to `target` up, to be applied as `points @ rotation.T`.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    return rotation_to_y_up(target).T @ rotation_to_y_up(source)


def convert_up_axis(points: np.ndarray, source: str, target: str = "y") -> np.ndarray:
    """Rotate points (..., 3) from `source` up to `target` up in their dtype; return the input itself for equal axes.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    rotation = rotation_between_up_axes(source, target)
    if source == target:
        return points
    points = np.asarray(points)
    return points @ rotation.T.astype(points.dtype)


def orient_geometry(geometry: Mesh | np.ndarray, source: str, target: str = "y") -> Mesh | np.ndarray:
    """Apply `convert_up_axis` to a cloud or a mesh; a mesh is copied and keeps its colors as in `load_geometry`.

    Raises:
        ValueError: for an axis that is none of `FILE_AXES`.
    """
    if source == target or isinstance(geometry, np.ndarray):
        return convert_up_axis(geometry, source, target)
    # Copying the colors with trimesh would decode texture images, and needs scipy for face colors.
    oriented = attach_colors(geometry.copy(include_visual=False), surface_colors(geometry))
    oriented.vertices = convert_up_axis(np.asarray(geometry.vertices), source, target)
    return oriented


def check_points(points: Any, name: str = "cloud") -> np.ndarray:
    """Validate a cloud and return it as contiguous float32 (N, 3), dropping further columns (normals, colors).

    Args:
        points: array-like (N, >= 3).
        name: what error messages call the cloud.

    Raises:
        ValueError: unless the input is a non-empty array of that shape whose coordinates are finite in float32.
    """
    try:
        if np.iscomplexobj(points):  # the conversion below would silently drop the imaginary part
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
    with np.errstate(over="ignore"):  # an overflow becomes infinity, which is reported below
        single = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(single).all():
        raise ValueError(f"The {name} has coordinates beyond the range of float32: scale it down.")
    return single


def normalize_points(points: np.ndarray) -> np.ndarray:
    """Center a cloud (N, 3) on its mean and scale it to a largest norm of 1; return float32 (N, 3).

    A cloud without extent (a single point, or copies of one) has no scale and becomes all zeros.
    """
    # In float64, since float32 loses the shape of a small object far from the origin.
    wide = np.asarray(points, dtype=np.float64)
    centerd = wide - wide.mean(axis=0)
    radius = np.sqrt((centerd**2).sum(axis=1).max())
    # The mean of identical points may differ from them by a few ulps, which must not be scaled up to 1.
    if radius <= 1e-12 * max(1.0, np.abs(wide).max()):
        return np.zeros(wide.shape, dtype=np.float32)
    return (centerd / radius).astype(np.float32)


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sample points uniformly from the surface of a mesh (faces weighted by area).

    Args:
        mesh: any object with `vertices` (V, 3) and triangular `faces` (F, 3).
        count: number of points.
        rng: source of randomness.

    Returns:
        Points float32 (count, 3) in the mesh's units, and the index of each point's face, int64 (count,).

    Raises:
        ValueError: if `count` is below one or the mesh has no surface area.
    """
    if count < 1:
        raise ValueError(f"The number of points must be at least 1, got {count}.")
    triangles = np.asarray(mesh.vertices, dtype=np.float64)[np.asarray(mesh.faces)]
    edge_a, edge_b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    cumulative = np.cumsum(np.linalg.norm(np.cross(edge_a, edge_b), axis=1))  # of twice the areas
    if len(cumulative) == 0 or not cumulative[-1] > 0.0:
        raise ValueError("The mesh has no surface area: all its faces are degenerate.")
    face_index = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    # The product may round up to the total, for which the search returns one past the last face.
    face_index = np.minimum(face_index, len(cumulative) - 1)
    weights = rng.random((count, 2))
    # Mirroring the upper half of the unit square onto the lower one gives uniform barycentric coordinates.
    outside = weights.sum(axis=1) > 1.0
    weights[outside] = 1.0 - weights[outside]
    points = triangles[face_index, 0] + weights[:, :1] * edge_a[face_index] + weights[:, 1:] * edge_b[face_index]
    return points.astype(np.float32), face_index


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """Return the indices int64 (count,) of farthest point sampling of a cloud (N, 3), count <= N, from index 0 on.

    Each further point is the one farthest from all points chosen so far; ties go to the lowest index.
    """
    # Three contiguous coordinate arrays vectorize far better than rows of (N, 3).
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
        nearest[current] = -1.0  # below any distance: no index is chosen twice, even among duplicate points
        current = int(nearest.argmax())
    return chosen


def resample_points(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Resample a cloud (N, 3) to `count` points.

    A larger cloud is reduced by farthest point sampling from index 0, after random subsampling to
    `MAX_POINTS_FOR_FARTHEST_SAMPLING` if it has more points than that. A smaller cloud keeps all its points in order,
    followed by repeats drawn with `rng`. A cloud of `count` points is returned as it is.

    Raises:
        ValueError: if `count` is below one or the cloud is empty.
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
    """Return a normalized cloud float32 (count, 3) sampled from the surface of a mesh or resampled from a cloud.

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
    """Return the cloud of an object that a model takes: sampled with a seed, normalized, and rotated.

    Args:
        geometry: mesh or cloud in its own units and axes.
        count: number of points N.
        seed: seed of the sampling, on which nothing else has an influence.
        source_axis, target_axis: the axis that points up in the geometry and in the result.

    Returns:
        float32 (N, 3), mean at the origin, largest norm 1.

    Raises:
        ValueError: for an unusable cloud or mesh, or an unknown axis.
    """
    cloud = geometry_to_cloud(geometry, count, np.random.default_rng(seed))
    return convert_up_axis(cloud, source_axis, target_axis)


def load_geometry(path: str | Path, file_type: str | None = None) -> Mesh | np.ndarray:
    """Read a mesh or a cloud from a file, in its own units and axes; use `read_geometry` for untrusted files.

    Args:
        path: a mesh (obj, off, ply, stl, glb or gltf; the "OFF" header may run into the counts, as in ModelNet40) or a
            cloud (ply, xyz, npy or pcd; NaN points of a pcd, which mean "no measurement", are dropped). A scene is
            merged into one mesh with every part in its place. Files that it refers to in the same folder (materials,
            textures, buffers) are read as well.
        file_type: one of `FILE_TYPES`; defaults to the file name's extension.

    Returns:
        A `trimesh.Trimesh` (vertices as stored: not merged, no normals), or a cloud (N, 3) if the file has no faces. A
        mesh has the mean colors of its faces from vertex colors, materials and textures. Colors that vary within a face
        are kept as well, as `SurfaceColors` in the metadata under `COLORS_KEY`; get them with `surface_colors`.

    Raises:
        ValueError: if the file is missing, of an unknown type, unreadable or empty, has coordinates that are not
            finite or no extent, or exceeds `MAX_FACES` or `MAX_POINTS`.
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
    # A path rather than a stream, because only then does trimesh find materials, textures and buffers next to it.
    return _merge_scene(_read_scene(str(path), kind, path.name), path.name, MAX_FACES)


def read_geometry(
    data: bytes, file_type: str, name: str = "upload", max_faces: int | None = None
) -> tuple[Mesh | np.ndarray, list[str]]:
    """Read a mesh or a cloud from the bytes of an untrusted file; no file that it refers to is opened.

    Args:
        data: content of the file.
        file_type: one of `FILE_TYPES`.
        name: what error messages call the file.
        max_faces: overrides `MAX_FACES`.

    Returns:
        The mesh or cloud, as from `load_geometry`, and the names of the files that were ignored (materials, textures).

    Raises:
        ValueError: as in `load_geometry`, and for a file that cannot be read without another one.
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
    """Return the one of `FILE_TYPES` that a file extension stands for, in any case, with or without its dot.

    Raises:
        ValueError: for any other extension.
    """
    kind = file_type.lower().lstrip(".")
    if kind not in FILE_TYPES:
        raise ValueError(f"{name}: files of type {kind!r} cannot be read, use one of {', '.join(FILE_TYPES)}.")
    return kind


def as_geometry(item: Any, name: str = "object") -> Mesh | np.ndarray:
    """Load and validate one object: a path, a `trimesh` mesh, scene or cloud, or an array (N, 3).

    Args:
        item: the object.
        name: what error messages call the object.

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
        # np.load takes other files for zip archives or pickles, and its message suggests allowing pickles.
        if handle.read(len(_NPY_START)) != _NPY_START:
            raise ValueError("it does not start with the signature of npy files")
        handle.seek(0)
        return np.load(handle, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # numpy evaluates the header as a Python literal, which can raise almost anything
        pickled = "allow_pickle" in str(error)
        reason = "it holds Python objects instead of numbers" if pickled else _reason(error)
        raise ValueError(f"{name}: the file cannot be read as npy ({reason}).") from None


# Cloud formats that trimesh does not read, or not with the same checks.
_CLOUD_READERS: dict[str, Callable[[BinaryIO, str], np.ndarray]] = {"npy": _read_npy, "pcd": read_pcd}


def _read_cloud(handle: BinaryIO, kind: str, name: str) -> np.ndarray:
    return _check_extent(check_points(_CLOUD_READERS[kind](handle, name), f"cloud in {name}"), name)


def _read_scene(source: str | BytesIO, kind: str, name: str, resolver: Any = None) -> Any:
    """Load a `trimesh.Scene` from a path, or from a stream with a resolver for the files that it refers to."""
    trimesh = import_optional("trimesh", "Reading meshes")
    try:
        return trimesh.load_scene(source, file_type=kind, resolver=resolver, process=False)
    except MemoryError:
        raise  # the file may be fine; only the caller knows the memory limit to report
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


# The name that trimesh asks the resolver for if a glTF file is not JSON, because it then takes the file for a folder.
_GLTF_IN_FOLDER = "model.gltf"


class _RefusedReference(ValueError):
    """A file refers to another file, which may not be read; the message is that file's name."""


class _NoOtherFiles:
    """A trimesh resolver that reads and writes nothing, and records the first 8 names that were asked for."""

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
    """Make a name from an untrusted file safe to print: at most 120 characters, all of them printable."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:120])


def _names_compression(source: str | BytesIO, kind: str) -> bool:
    """Whether a glTF file mentions one of `_COMPRESSIONS`."""
    if kind not in ("glb", "gltf"):
        return False
    content = Path(source).read_bytes() if isinstance(source, str) else source.getvalue()
    return any(name.encode() in content for name in _COMPRESSIONS)


# Exceptions that parsers raise by accident on broken files; their messages would mean nothing to a user.
_STUMBLES = (AssertionError, AttributeError, LookupError, SyntaxError, TypeError, RecursionError)


def _reason(error: Exception) -> str:
    """Describe an exception in one short line."""
    if isinstance(error, FileNotFoundError):
        return f"it needs the missing file {Path(error.filename or str(error)).name}"
    if isinstance(error, _STUMBLES) or " object at 0x" in str(error):
        return f"it is damaged: {type(error).__name__}"
    return _shown(" ".join(str(error).split()).rstrip(".")) or type(error).__name__


def _merge_scene(scene: Any, name: str, max_faces: int) -> Mesh | np.ndarray:
    """Merge all meshes of a scene into one, or all its clouds if it has no mesh."""
    meshes, clouds = _scene_parts(scene, name, max_faces)
    if meshes:
        return _merge_meshes(meshes, name)
    if clouds:
        return _check_extent(check_points(np.concatenate(clouds), f"cloud in {name}"), name)
    raise ValueError(f"{name}: it holds neither faces nor points.")


def _scene_parts(
    scene: Any, name: str, max_faces: int
) -> tuple[list[tuple[np.ndarray, np.ndarray, SurfaceColors | None]], list]:
    """Return the meshes (vertices (V, 3), faces (F, 3), colors or `None`) and clouds (N, 3) of a scene, in place."""
    trimesh = import_optional("trimesh", "Reading meshes")
    meshes, clouds = [], []
    colors: dict[str, SurfaceColors | None] = {}
    textures: dict = {}
    num_faces = num_points = 0
    for node in scene.graph.nodes_geometry:
        transform, key = scene.graph[node]
        part = scene.geometry[key]
        # Skip paths (lines of an obj or glTF file): their vertices are not samples of a surface.
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
        with np.errstate(invalid="ignore", over="ignore"):  # coordinates that are not finite are rejected later
            placed = vertices @ transform[:3, :3].T + transform[:3, 3]
        if not isinstance(part, trimesh.Trimesh) or len(part.faces) == 0:
            clouds.append(placed)
            continue
        if part.faces.min() < 0 or part.faces.max() >= len(vertices):
            raise ValueError(f"{name}: a face refers to a vertex that does not exist.")
        # trimesh returns compressed glTF that it does not decode with all vertices of a part in one place.
        if "from_gltf_primitive" in part.metadata and not np.ptp(vertices, axis=0).any():
            raise _collapsed(name, f" of its part {key!r}")
        if key not in colors:
            colors[key] = surface_colors(part, textures)
        meshes.append((placed, np.asarray(part.faces), colors[key]))
    return meshes, clouds


def _merge_meshes(parts: list[tuple[np.ndarray, np.ndarray, SurfaceColors | None]], name: str) -> Mesh:
    """Merge meshes into one, which must have a finite, non-degenerate surface."""
    trimesh = import_optional("trimesh", "Reading meshes")
    offsets = np.cumsum([0] + [len(vertices) for vertices, _, _ in parts[:-1]])
    vertices = np.concatenate([part[0] for part in parts])
    faces = np.concatenate([part[1] + offset for part, offset in zip(parts, offsets, strict=True)])
    _check_surface(vertices[faces], name)
    mesh = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
    if all(part[2] is None for part in parts):
        return mesh
    gray = (DEFAULT_GRAY, DEFAULT_GRAY, DEFAULT_GRAY, 255)
    colors = [plain_colors(f, gray) if c is None else c for _, f, c in parts]
    return attach_colors(mesh, concatenate_colors(colors, faces))


def _check_surface(corners: np.ndarray, name: str) -> None:
    """Raise ValueError unless faces (F, 3, 3) form a finite, non-degenerate surface."""
    if not np.isfinite(corners).all():
        raise ValueError(f"{name}: the mesh has NaN or infinite coordinates.")
    if max(corners.max(), -corners.min()) > np.finfo(np.float32).max:
        raise ValueError(f"{name}: the mesh has coordinates beyond the range of float32: scale it down.")
    if not np.ptp(corners, axis=1).any():
        raise _collapsed(name)
    if not np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).any():
        raise ValueError(f"{name}: the mesh has no surface area.")


def _check_extent(points: np.ndarray, name: str) -> np.ndarray:
    """Return the points (N, 3) of a file; raise ValueError if they all coincide."""
    if not np.ptp(points, axis=0).any():
        raise ValueError(f"{name}: all its points ({len(points):,}) coincide, so it has no shape.")
    return points


def _collapsed(name: str, where: str = "") -> ValueError:
    return ValueError(
        f"{name}: all faces{where} have collapsed to points; if the file is compressed (Draco), export it uncompressed."
    )
