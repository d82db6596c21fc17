"""Write any mesh or cloud as a small binary glTF for viewers in a browser, with NumPy alone."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from ..geometry_crossmost import Mesh
from ..materials_crossmost import linear_light, surface_colors


# Meshes with more faces are merged to a coarser one.
MAX_FACES = 100_000

# Clouds with more points are thinned.
MAX_POINTS = 4_096

# Points become octahedra of this radius, because viewers draw glTF points only one pixel wide.
_POINT_RADIUS = 0.012

_GRAY = 200

# Constants of the glTF 2.0 specification (OpenGL enumerations).
_FLOAT, _UNSIGNED_BYTE = 5126, 5121
_ARRAY_BUFFER = 34962


def preview_glb(geometry: Mesh | np.ndarray, point_colors: np.ndarray | None = None) -> bytes:
    """Write a glTF file of one matte, double-sided object in the unit sphere.

    Args:
        geometry: a mesh, or a cloud (N, 3), y up. Colors of a mesh, textures included, are sampled at the corners of
            its faces.
        point_colors: sRGB uint8 (N, 3) of a cloud's points.

    Returns:
        Binary glTF without external references; at most `MAX_FACES` faces, or `MAX_POINTS` points.
    """
    if isinstance(geometry, np.ndarray):
        kept = _spread(len(geometry), MAX_POINTS)
        corners = _octahedra(geometry[kept])
        # Eight faces of three corners around every point.
        colors = None if point_colors is None else np.repeat(_vertex_levels(point_colors[kept]), 24, axis=0)
    else:
        corners, colors = _corners(geometry)
    return _pack(corners.reshape(-1, 3), colors)


def _spread(count: int, limit: int) -> np.ndarray:
    """Return at most `limit` of `count` indices, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64))


def _corners(mesh: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return corners (F, 3, 3) in the unit sphere, F <= `MAX_FACES`, and linear colors uint8 (3 F, 4) or `None`."""
    faces = np.asarray(mesh.faces)
    vertices, kept = _coarsened(_in_unit_sphere(np.asarray(mesh.vertices, dtype=np.float64), faces), faces)
    surface = surface_colors(mesh)
    if surface is None:
        return vertices[faces[kept]], None
    # One sample per corner: the unit vectors are the barycentric coordinates of a face's three corners.
    levels = surface.at(np.repeat(kept, 3), np.tile(np.eye(3, dtype=np.float32), (len(kept), 1)))
    return vertices[faces[kept]], _vertex_levels(levels)


def _vertex_levels(levels: np.ndarray) -> np.ndarray:
    """Convert sRGB levels (P, 3) to opaque vertex colors uint8 (P, 4), which are linear light in glTF."""
    linear = np.rint(255.0 * linear_light(levels))
    return np.pad(linear, ((0, 0), (0, 1)), constant_values=255).astype(np.uint8)


def _coarsened(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge vertices (V, 3) within the cells of a grid if there are too many faces.

    Returns:
        The vertices, each moved to the mean of its cell, and the indices of the faces that did not collapse.
    """
    if len(faces) <= MAX_FACES:
        return vertices, np.arange(len(faces))
    # Each grid has about half the faces of the one before it.
    for cells in (256, 180, 128, 90, 64):
        places = np.rint(vertices * (cells / 2)).astype(np.int64) @ [1, 1 << 20, 1 << 40]  # one number per cell
        _, cell, sizes = np.unique(places, return_inverse=True, return_counts=True)
        first, second, third = cell[faces].T
        solid = np.flatnonzero((first != second) & (second != third) & (third != first))
        if 0 < len(solid) <= MAX_FACES:
            means = np.stack([np.bincount(cell, axis) / sizes for axis in vertices.T], axis=1)
            return means[cell], solid
    # Faces that do not merge, such as a soup of loose triangles, are thinned.
    return vertices, _spread(len(faces), MAX_FACES)


def _in_unit_sphere(points: np.ndarray, faces: np.ndarray | None = None) -> np.ndarray:
    used = points if faces is None else points[np.unique(faces)]
    center = (used.max(axis=0) + used.min(axis=0)) / 2.0
    radius = np.linalg.norm(used - center, axis=1).max()
    return (points - center) / (radius if radius > 0.0 else 1.0)


def _octahedra(cloud: np.ndarray) -> np.ndarray:
    """Return the face corners (8 N, 3, 3) of an octahedron around every point."""
    axes = np.concatenate([np.eye(3), -np.eye(3)]) * _POINT_RADIUS
    sides = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    centers = _in_unit_sphere(np.asarray(cloud, dtype=np.float64))
    return (centers[:, None, None] + axes[np.array(sides)]).reshape(-1, 3, 3)


def _pack(corners: np.ndarray, colors: np.ndarray | None) -> bytes:
    """Pack corners (3 F, 3), three per face, and their linear colors uint8 (3 F, 4) as binary glTF.

    Corners are not shared between faces, so that viewers shade every face flat.
    """
    positions = corners.astype("<f4")
    bounds = {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}
    arrays: list[tuple[str, np.ndarray, str, int, dict]] = [("POSITION", positions, "VEC3", _FLOAT, bounds)]
    if colors is not None:
        arrays.append(("COLOR_0", colors, "VEC4", _UNSIGNED_BYTE, {"normalized": True}))
    views, accessors, offset = [], [], 0
    for index, (_, array, kind, component, extra) in enumerate(arrays):
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": _ARRAY_BUFFER})
        entry = {"bufferView": index, "componentType": component, "count": len(array), "type": kind}
        accessors.append(entry | extra)
        offset += array.nbytes
    gray = [1.0, 1.0, 1.0, 1.0]
    if colors is None:
        # Base colors are linear in glTF.
        gray[:3] = [float(linear_light(np.array(_GRAY)))] * 3
    surface = {"baseColorFactor": gray, "metallicFactor": 0.0, "roughnessFactor": 0.9}
    attributes = {name: index for index, (name, *_) in enumerate(arrays)}
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": surface, "doubleSided": True}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": offset}],
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)  # chunks are aligned to four bytes; all arrays already are
    parts = [struct.pack("<I4s", len(text), b"JSON"), text, struct.pack("<I4s", offset, b"BIN\0")]
    parts += [array.tobytes() for _, array, *_ in arrays]
    size = 12 + sum(map(len, parts))
    return b"".join([struct.pack("<4sII", b"glTF", 2, size), *parts])
