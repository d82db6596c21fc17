"""Meshes and point clouds: checks, up axes, sampling and normalization (numpy only).

Axis convention: right-handed, y up, as in glTF; `rotation_to_y_up` converts other conventions.
Clouds: (N, 3), float64 until they are *normalized*: float32, mean at the origin, largest norm 1.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from .materials_crossmost import attach_colors, surface_colors


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
UNKNOWN_COLOR = 0.4  # of each channel, where a cloud has none; what OpenShape, ULIP-2 and Uni3D take
MODEL_AXES = ("x", "y", "z")  # up axes of the clouds that a model takes

# Farthest point sampling takes O(count * N) time; larger clouds are first subsampled at random, keeping point 0.
MAX_POINTS_FOR_FARTHEST_SAMPLING = 200_000

# An array of a few rows with more columns than this is a transposed cloud, whatever else than x, y, z it holds.
MAX_COLUMNS = 64

# Larger coordinates would overflow when they are squared, even in float64.
MAX_COORDINATE = 1e100


# Packages whose modules have another name.
_PACKAGES = {"collada": "pycollada"}


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
        package = _PACKAGES.get(name, name.split(".")[0])
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
    """Apply `convert_up_axis` to a cloud or a mesh; a mesh is copied and keeps its colors as in `load_file`.

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
    """Validate a cloud and return it as contiguous float64 (N, 3), dropping further columns (normals, colors).

    Nothing is rounded to float32 before `normalize_points`: float32 has steps of half a meter at survey coordinates.

    Args:
        points: array-like (N, >= 3).
        name: what error messages call the cloud.

    Raises:
        ValueError: unless the input is a non-empty array of that shape whose coordinates are finite and at most
            `MAX_COORDINATE`.
    """
    try:
        if np.iscomplexobj(points):  # the conversion below would silently drop the imaginary part
            raise ValueError
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"The {name} is not an array of numbers: pass an array of shape (N, 3).") from None
    if array.ndim == 2 and _is_transposed(array.shape):
        raise ValueError(f"The {name} has shape {array.shape}: transpose it, a cloud is an array of shape (N, 3).")
    if array.ndim != 2 or array.shape[1] < 3:
        raise ValueError(f"The {name} has shape {array.shape}: pass an array of shape (N, 3).")
    if len(array) == 0:
        raise ValueError(f"The {name} is empty: pass at least one point.")
    array = np.ascontiguousarray(array[:, :3])
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise ValueError(f"The {name} has NaN or infinite coordinates in {bad} of {len(array)} points: remove them.")
    if np.abs(array).max() > MAX_COORDINATE:
        raise ValueError(f"The {name} has coordinates beyond {MAX_COORDINATE:g}: scale it down.")
    return array


def _is_transposed(shape: tuple[int, ...]) -> bool:
    """Whether an array holds coordinates in rows: three points with more than x, y, z are no object."""
    rows, columns = shape
    return (rows == 3 and columns > 3) or (rows < 10 and columns > MAX_COLUMNS)


def check_surface(corners: np.ndarray) -> float:
    """Check the corners (F, 3, 3) of a mesh's faces, F >= 1, and return the share of faces without an area.

    Raises:
        ValueError: unless they form a finite surface with an area; the message names no object.
    """
    if not np.isfinite(corners).all():
        raise ValueError("the mesh has NaN or infinite coordinates: remove those vertices.")
    if max(corners.max(), -corners.min()) > MAX_COORDINATE:
        raise ValueError(f"the mesh has coordinates beyond {MAX_COORDINATE:g}: scale it down.")
    if not np.ptp(corners, axis=1).any():
        raise ValueError("all faces have collapsed to points; if the file is compressed, export it uncompressed.")
    solid = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).any(axis=1)
    if not solid.any():
        raise ValueError("the mesh has no surface area.")
    return float(1.0 - solid.mean())


def normalize_points(points: np.ndarray) -> np.ndarray:
    """Center a cloud (N, 3) on its mean and scale it to a largest norm of 1; return float32 (N, 3).

    A cloud without extent (a single point, or copies of one) has no scale and becomes all zeros.
    """
    # In float64, since float32 loses the shape of a small object far from the origin.
    wide = np.asarray(points, dtype=np.float64)
    centered = wide - wide.mean(axis=0)
    radius = np.sqrt((centered**2).sum(axis=1).max())
    # The mean of identical points may differ from them by a few ulps, which must not be scaled up to 1.
    if radius <= 1e-12 * np.abs(wide).max():
        return np.zeros(wide.shape, dtype=np.float32)
    return (centered / radius).astype(np.float32)


def sample_surface(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sample points uniformly from the surface of a mesh (faces weighted by area).

    Args:
        mesh: any object with `vertices` (V, 3) and triangular `faces` (F, 3).
        count: number of points.
        rng: source of randomness.

    Returns:
        Points float64 (count, 3) in the mesh's units, and the index of each point's face, int64 (count,).

    Raises:
        ValueError: if `count` is below one or the mesh has no surface area.
    """
    points, face_index, _ = sample_places(mesh, count, rng)
    return points, face_index


def sample_places(mesh: Mesh, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample as [`sample_surface`], and also return where on their faces the points lie.

    Returns:
        Points float64 (count, 3), the index of each point's face, int64 (count,), and its barycentric coordinates,
        float64 (count, 3).

    Raises:
        ValueError: as [`sample_surface`].
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
    return points, face_index, np.concatenate([1.0 - weights.sum(axis=1, keepdims=True), weights], axis=1)


def farthest_points(points: np.ndarray, count: int) -> np.ndarray:
    """Return the indices int64 (count,) of farthest point sampling of a cloud (N, 3), count <= N, from index 0 on.

    Each further point is the one farthest from all points chosen so far; ties go to the lowest index.
    """
    # Three contiguous coordinate arrays vectorize far better than rows of (N, 3); float32 does from the first point on.
    x, y, z = (np.ascontiguousarray(points[:, axis] - points[0, axis], dtype=np.float32) for axis in range(3))
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
