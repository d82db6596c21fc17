"""The two domains of the embedded furniture: `clean`, for pre-training, and `scan`, the unlabeled target.

How hard `scan` is stands in module constants and not in parameters, so that nobody can tune the gap. Meshes have y up
and the floor at y = 0; `count` is the number of points N, `rng` the source of everything random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from modeling_crossmost.geometry_crossmost import normalize_points, sample_surface
from modeling_crossmost.materials_crossmost import face_colors
from modeling_crossmost.rendering_crossmost import RenderStyle


UNSEEN_SHARE = (0.3, 0.5)  # of the surface, on the far side of a single scanner
SCANNER_ELEVATION = (0.0, 30.0)  # degrees above the horizon
NOISE = 0.01  # standard deviation, in units of the object's radius
FLOOR_SHARE = (0.05, 0.15)  # of the points, left on the floor around the object
FLOOR_REACH = 1.0  # radius of the floor patch, in units of the footprint's
AXIS_SCALE = (0.7, 1.4)  # factor per axis
LAMP_COLOR = (0.55, 1.0)  # of each of red, green and blue, before the strongest becomes 1
_CANDIDATES = 4  # surface samples per point that is kept, before visibility


@dataclass(frozen=True)
class Instance:
    """One object in one domain."""

    points: np.ndarray  # (N, 3) float32, y up, mean at the origin, largest norm 1
    mesh: trimesh.Trimesh  # what the views show, y up, with face colors


def turned(mesh: trimesh.Trimesh, yaw: float, scale: np.ndarray | float = 1.0) -> trimesh.Trimesh:
    """Copy of a mesh, scaled per axis (3,) and then turned by `yaw` (radians) about y."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    vertices = (np.asarray(mesh.vertices) * scale) @ rotation.T
    # `mesh.copy()` would compute the vertices' colors too, and needs scipy.
    return trimesh.Trimesh(vertices, mesh.faces, face_colors=face_colors(mesh), process=False, validate=False)


def clean_instance(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> Instance:
    """Return the object at any yaw, its whole surface sampled by area."""
    placed = turned(mesh, rng.uniform(0.0, 2.0 * np.pi))
    points, _ = sample_surface(placed, count, rng)
    return Instance(normalize_points(points.astype(np.float32)), placed)


def visible_first(mesh: trimesh.Trimesh, points: np.ndarray, normals: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the indices of surface samples from the best to the worst seen by a scanner far away in `direction`.

    Samples with a free line of sight come first, nearest to the scanner first; then the hidden ones, nearest first.

    Args:
        mesh: surface that hides.
        points, normals: (M, 3) samples and the unit normals of their faces.
        direction: (3,) unit vector towards the scanner.
    """
    facing = np.where(normals @ direction >= 0, 1.0, -1.0)[:, None] * normals
    origins = points + 1e-3 * mesh.scale * facing
    hidden = mesh.ray.intersects_any(origins, np.broadcast_to(direction, origins.shape))
    return np.lexsort((-(points @ direction), hidden))


def scan_instance(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> Instance:
    """Return the object as a scanner on one side leaves it: partial, noisy, on some floor, in other proportions."""
    placed = turned(mesh, rng.uniform(0.0, 2.0 * np.pi), rng.uniform(*AXIS_SCALE, size=3))
    num_floor = round(rng.uniform(*FLOOR_SHARE) * count)
    samples, faces = sample_surface(placed, _CANDIDATES * count, rng)
    candidates = samples.astype(np.float32)  # as in every set of furniture so far
    azimuth, elevation = rng.uniform(0.0, 2.0 * np.pi), np.deg2rad(rng.uniform(*SCANNER_ELEVATION))
    direction = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    order = visible_first(placed, candidates, placed.face_normals[faces], direction)
    seen = order[: round((1.0 - rng.uniform(*UNSEEN_SHARE)) * len(order))]
    surface = candidates[rng.choice(seen, count - num_floor, replace=False)]
    low, high = placed.bounds
    noise, center = NOISE * np.linalg.norm((high - low) / 2), (low + high) / 2
    surface = surface + rng.normal(0.0, noise, surface.shape)
    reach = FLOOR_REACH * np.hypot(*(high - low)[[0, 2]]) / 2
    floor = _disc(num_floor, reach, rng) + np.array([center[0], low[1], center[2]])
    floor = floor + rng.normal(0.0, noise, floor.shape)
    points = rng.permutation(np.concatenate([surface, floor]))
    return Instance(normalize_points(points), placed)


def _disc(count: int, radius: float, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) points spread evenly over a disc in the plane y = 0."""
    distance, angle = radius * np.sqrt(rng.random(count)), rng.uniform(0.0, 2.0 * np.pi, count)
    return np.stack([distance * np.cos(angle), np.zeros(count), distance * np.sin(angle)], axis=1)


def clean_view_style(rng: np.random.Generator) -> RenderStyle:
    """Look of the `clean` views: a dark studio, a lamp beside the camera, mostly unpainted objects.

    A small tower learns shape from these; light walls, dark objects and other lamps before that only hold it up.
    """
    background = (rng.uniform(4.0, 40.0),) * 3
    return RenderStyle(
        light=tuple(rng.normal((0.3, 0.7, 0.6), 0.2)),
        ambient=rng.uniform(0.3, 0.4),
        diffuse=rng.uniform(0.6, 0.8),
        headlight=rng.uniform(0.5, 0.8),
        depth_cue=rng.uniform(0.6, 0.9),
        use_colors=bool(rng.random() < 0.3),
        background_top=background,
        background_bottom=background,
    )


def scan_view_style(rng: np.random.Generator) -> RenderStyle:
    """Look of the `scan` views: bare objects under one colored lamp, before a colored wall."""
    wall, lamp, side = rng.uniform(20.0, 90.0, 3), rng.uniform(*LAMP_COLOR, 3), rng.uniform(0.0, 2.0 * np.pi)
    return RenderStyle(
        light=(float(np.cos(side)), rng.uniform(0.05, 0.5), float(np.sin(side))),
        light_frame="world",
        ambient=rng.uniform(0.3, 0.45),
        diffuse=rng.uniform(0.7, 1.0),
        headlight=0.6,
        depth_cue=0.7,
        base_color=tuple(210.0 * lamp / lamp.max()),
        use_colors=False,
        background_top=tuple(np.clip(wall + rng.uniform(-20.0, 20.0), 0, 255)),
        background_bottom=tuple(np.clip(wall + rng.uniform(-20.0, 20.0), 0, 255)),
    )
