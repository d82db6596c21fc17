"""Closed solids from plain numpy arrays: the building blocks of the generated furniture.

Axes: y up, the front of an object faces +z, the floor is y = 0. Units are meter-like and become irrelevant once a cloud
is normalized. Every solid is closed, wound outwards and built without boolean operations in well under a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from modeling_crossmost.utils.extras import importing


with importing("data"):
    import mapbox_earcut


Range = tuple[float, float]

# Exponents of the superellipses in front (positive end of the second axis) and behind.
_OUTLINES = {"oval": (1, 1), "rounded": (0.45, 0.45), "rectangle": (0.12, 0.12), "egg": (1, 0.55), "dee": (1, 0.15)}
# Columns that carry (first, second, extrusion) coordinates of a polygon, and whether that order is left-handed.
_PLANES = {"xy": ((0, 1, 2), False), "xz": ((0, 2, 1), True), "zy": ((2, 1, 0), True)}


@dataclass(frozen=True)
class Solid:
    """One closed solid: `vertices` (V, 3) in meter-like units, y up, and `faces` (F, 3), wound outwards."""

    vertices: np.ndarray
    faces: np.ndarray

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest coordinates."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    def moved(self, offset: ArrayLike) -> Solid:
        """Copy shifted by `offset` (3,)."""
        return Solid(self.vertices + _floats(offset), self.faces)

    def rotated(self, axis: str | ArrayLike, degrees: float, about: ArrayLike = (0, 0, 0)) -> Solid:
        """Copy turned by `degrees` (right-hand rule) about the line through `about` (3,) along `axis`."""
        pivot, angle = _floats(about), np.deg2rad(degrees)
        x, y, z = _unit(np.eye(3)[_axis(axis)] if isinstance(axis, str) else _floats(axis))
        cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        matrix = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)  # Rodrigues' formula
        return Solid((self.vertices - pivot) @ matrix.T + pivot, self.faces)

    def scaled(self, factors: ArrayLike, about: ArrayLike = (0, 0, 0)) -> Solid:
        """Copy stretched by three positive `factors` around the point `about` (3,)."""
        pivot, stretch = _floats(about), _floats(factors)
        if stretch.shape != (3,) or stretch.min() <= 0:
            raise ValueError(f"factors must be three positive numbers, got {factors!r}; mirrored() flips a solid.")
        return Solid((self.vertices - pivot) * stretch + pivot, self.faces)

    def mirrored(self, axis: str = "x") -> Solid:
        """Copy reflected in the plane through the origin that is normal to `axis`; still wound outwards."""
        return Solid(self.vertices * (1.0 - 2.0 * np.eye(3)[_axis(axis)]), self.faces[:, ::-1])


# ------------------------------------------------------------------------------------------------ blocks


def box(extents: ArrayLike, center: ArrayLike) -> Solid:
    """Axis-aligned block with full side lengths `extents` (x, y, z) around `center` (3,)."""
    size = _positive(extents, "box extents")
    return Solid(_CUBE_VERTICES * (size / 2) + _floats(center), _CUBE_FACES)


def rounded_box(extents: ArrayLike, center: ArrayLike, radius: float) -> Solid:
    """Block whose edges and corners are rounded by `radius` (limited to just under half of the shortest side)."""
    size = _positive(extents, "rounded_box extents")
    limited = float(np.clip(radius, 1e-4, 0.49 * size.min()))
    half = size / 2 - limited
    rings = []
    for latitude, side in ((-89, -1), (-45, -1), (0, -1), (0, 1), (45, 1), (89, 1)):
        turn = np.deg2rad(latitude)
        corners = rounded_rectangle(1.0, 1.0, 0.499, segments=2)  # a circle whose quarters the sides pull apart
        ring = np.sign(corners) * half[[0, 2]] + 2 * corners * limited * np.cos(turn)
        level = np.full(len(ring), side * half[1] + limited * np.sin(turn))
        rings.append(np.stack([ring[:, 0], level, -ring[:, 1]], axis=1))
    return loft(np.stack(rings) + _floats(center))


def cylinder(radius: float, height: float, center: ArrayLike, axis: str = "y", sections: int = 16) -> Solid:
    """Cylinder of `height` along `axis`, `center` (3,) at half height."""
    _positive((radius, height), "cylinder radius and height")
    rings = _rings([(radius, -height / 2), (radius, height / 2)], sections)
    return loft(_along(rings, axis) + _floats(center))


def frustum(radius_bottom: float, radius_top: float, height: float, center: ArrayLike, sections: int = 16) -> Solid:
    """Upright truncated cone, `center` (3,) at half height; one of the radii may be 0 (a cone)."""
    _positive((height,), "frustum height")
    return revolve([(radius_bottom, -height / 2), (radius_top, height / 2)], center, sections)


def beam(start: ArrayLike, end: ArrayLike, thickness: ArrayLike, taper: float = 1.0) -> Solid:
    """Square or flat bar between the middles of its end faces `start` and `end` (3,).

    `thickness` is its side or (width, depth): steep bars have the width along x, others horizontally across the bar.
    `taper` is the size of the end face relative to that of the start face, positive.
    """
    first, last = _floats(start), _floats(end)
    side, front = _frame(_unit(last - first))
    width, depth = _positive(np.broadcast_to(thickness, (2,)), "beam thickness")
    at_end = _CUBE_VERTICES[:, 1:2] > 0
    scale = np.where(at_end, taper, 1.0)
    offsets = _CUBE_VERTICES[:, :1] * (width / 2) * side + _CUBE_VERTICES[:, 2:] * (depth / 2) * front
    return Solid(np.where(at_end, last, first) + scale * offsets, _CUBE_FACES)


def rod(start: ArrayLike, end: ArrayLike, radius: float, sections: int = 8, taper: float = 1.0) -> Solid:
    """Round bar from `start` (3,) to `end` (3,); the end's radius is `radius` x `taper`."""
    first, last = _floats(start), _floats(end)
    _positive((radius, taper), "rod radius and taper")
    side, front = _frame(_unit(last - first))
    circle = _circle(sections) @ np.stack([side, front])
    return loft(np.stack([first + radius * circle, last + radius * taper * circle]))


def tube(points: ArrayLike, radius: float | ArrayLike, sections: int = 8, closed: bool = False) -> Solid:
    """Bent round bar along a polyline `points` (K, 3), K >= 2; smooth its corners first with `rounded_path`.

    `radius` is one number or one per point. `closed` joins the last point to the first (do not repeat it). Neighboring
    points must differ.
    """
    path = _floats(points)
    if path.ndim != 2 or path.shape[1] != 3 or len(path) < 2:
        raise ValueError(f"a tube needs points of shape (K, 3) with K >= 2, got {path.shape}.")
    radii = _positive(np.broadcast_to(radius, (len(path),)), "tube radius")
    steps = np.roll(path, -1, axis=0) - path
    if not closed:
        steps[-1] = steps[-2]
    steps = _unit(steps)
    tangents = _unit(steps + np.roll(steps, 1, axis=0) + 1e-9)
    if not closed:
        tangents[[0, -1]] = steps[[0, -1]]
    side, _ = _frame(tangents[0])
    circle = _circle(sections)
    rings = np.empty((len(path), sections, 3))
    for index, tangent in enumerate(tangents):
        # Parallel transport: keep the previous side direction, made normal to the new tangent.
        side = _unit(side - (side @ tangent) * tangent)
        rings[index] = path[index] + radii[index] * circle @ np.stack([side, np.cross(side, tangent)])
    return loft(rings, closed=closed)


def revolve(profile: ArrayLike, center: ArrayLike = (0, 0, 0), sections: int = 20) -> Solid:
    """Solid of revolution about the vertical line through `center` (3,), where radius and height are 0.

    `profile` holds (K, 2) pairs of [radius, height], from the bottom end upwards along the outside (and then down the
    inside for a vessel). Radius 0 is allowed at the two ends only.
    """
    outline, shift = _distinct(_floats(profile)), _floats(center)
    if outline[:, 0].min() < 0 or (outline[1:-1, 0] <= 0).any():
        raise ValueError("a revolve profile may reach radius 0 only at its two ends; keep the radii between positive.")
    first, last = (shift + (0.0, outline[index, 1], 0.0) for index in (0, -1))
    body = outline[int(outline[0, 0] == 0) : len(outline) - int(outline[-1, 0] == 0)]
    if len(body) == 0:
        raise ValueError("a revolve profile needs at least one positive radius.")
    return loft(_rings(body, sections) + shift, first, last)


def extrude(polygon: ArrayLike, depth: float, center: ArrayLike = (0, 0, 0), plane: str = "xy") -> Solid:
    """Prism of full thickness `depth` over a simple polygon whose own origin is put at `center`, at half the thickness.

    `polygon` has (K, 2) corners in either direction, convex or not, without crossings or repeated corners; `plane` says
    what its columns are: "xy" (thick along z), "xz" (thick along y) or "zy" (a side view, thick along x).
    """
    if plane not in _PLANES:
        raise ValueError(f"unknown plane {plane!r}; use one of {sorted(_PLANES)}.")
    _positive((depth,), "extrude depth")
    corners = _distinct(_floats(polygon))
    if len(corners) < 3:
        raise ValueError(f"a polygon needs at least three corners, got {len(corners)}.")
    if _cross(corners, np.roll(corners, -1, axis=0)).sum() <= 0:
        corners = corners[::-1]
    (first, second, normal), left_handed = _PLANES[plane]
    cap, count = triangulate(corners), len(corners)
    ring = np.arange(count)
    following = np.roll(ring, -1)
    faces = np.concatenate([cap[:, ::-1], cap + count, _quads(ring, following, following + count, ring + count)])
    vertices = np.empty((2 * count, 3))
    vertices[:, [first, second]] = np.tile(corners, (2, 1))
    vertices[:, normal] = np.repeat([-depth / 2, depth / 2], count)
    return Solid(vertices + _floats(center), faces[:, ::-1] if left_handed else faces)


def sheet(grid: np.ndarray, thickness: float) -> Solid:
    """Build a closed shell of `thickness` around a curved surface `grid` (R, C, 3), R, C >= 2: backs, molded seats."""
    points = _floats(grid)
    if points.ndim != 3 or min(points.shape[:2]) < 2 or points.shape[2] != 3:
        raise ValueError(f"a sheet needs a grid of shape (R, C, 3) with R, C >= 2, got {points.shape}.")
    _positive((thickness,), "sheet thickness")
    normals = _unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1)))
    layers = np.concatenate([points + normals * thickness / 2, points - normals * thickness / 2])
    return Solid(layers.reshape(-1, 3), _sheet_faces(*points.shape[:2]))


def cushion(extents: ArrayLike, center: ArrayLike, softness: float = 0.4) -> Solid:
    """Pillow: a superellipsoid with full side lengths `extents`; softness 0 is nearly a block, 1 an ellipsoid."""
    size, middle = _positive(extents, "cushion extents"), _floats(center)
    around, upright = 0.12 + 0.88 * softness, 0.25 + 0.75 * softness
    latitude = np.deg2rad([-58.0, -28.0, 0.0, 28.0, 58.0])[:, None]
    longitude = np.arange(16) * (np.pi / 8)
    radial = _power(np.cos(latitude), upright)
    rings = np.empty((5, 16, 3))
    rings[..., 0] = radial * _power(np.cos(longitude), around)
    rings[..., 1] = _power(np.sin(latitude), upright)
    rings[..., 2] = -radial * _power(np.sin(longitude), around)
    # The poles lie along the shortest side, so that the corners are those of a pillow.
    shortest = int(np.argmin(size))
    pole = np.eye(3)[shortest] * size / 2
    return loft(_along(rings, "xyz"[shortest]) * size / 2 + middle, middle - pole, middle + pole)


def loft(rings: np.ndarray, first: ArrayLike | None = None, last: ArrayLike | None = None, closed=False) -> Solid:
    """Solid through `rings` (R, S, 3), upwards and each turning from +x to -z; other axes by rotation.

    Capped by fans to `first` and `last` (3,) (default: the rings' means), or `closed` from the last ring to the first.
    """
    count, sections = rings.shape[:2]
    body = rings.reshape(-1, 3)
    if closed:
        return Solid(body, _loft_faces(count, sections, True))
    tips = [rings[0].mean(axis=0) if first is None else first, rings[-1].mean(axis=0) if last is None else last]
    return Solid(np.concatenate([body, tips]), _loft_faces(count, sections, False))


# ------------------------------------------------------------------------------------------------ outlines and paths


def outline_points(kind: str, sections: int = 32) -> np.ndarray:
    """(K, 2) counter-clockwise outline that fills [-1, 1]^2.

    `kind` is "oval", "rounded" (a rectangle with large corners), "rectangle", "egg" (round at the positive end of the
    second axis, blunt at the other) or "dee" (half round at the positive end, square at the other).
    """
    cosine, sine = (_circle(sections) * (1, -1)).T
    if kind not in _OUTLINES:
        raise ValueError(f"unknown outline {kind!r}; use one of {sorted(_OUTLINES)}.")
    exponent = np.where(sine >= 0, *_OUTLINES[kind])
    return np.stack([_power(cosine, exponent), _power(sine, exponent)], axis=1)


def surface_grid(rows: int, columns: int, u: Range = (-1, 1), v: Range = (-1, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Parameters (rows, columns) of a `sheet`: u grows along the columns, v along the rows, each over its range."""
    across, up = np.meshgrid(np.linspace(*u, columns), np.linspace(*v, rows))
    return across, up


def rounded_rectangle(width: float, depth: float, radius: float, segments: int = 4) -> np.ndarray:
    """(4 (segments + 1), 2) counter-clockwise outline of a rectangle around the origin with corners of `radius`."""
    limited = float(np.clip(radius, 1e-4, 0.499 * min(width, depth)))
    quarter = np.linspace(0, np.pi / 2, segments + 1)
    corners = []
    for turn, (sx, sz) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = quarter + turn * np.pi / 2
        middle = np.array([sx * (width / 2 - limited), sz * (depth / 2 - limited)])
        corners.append(middle + limited * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(corners)


def rounded_path(points: ArrayLike, radius: float, segments: int = 3, closed: bool = False) -> np.ndarray:
    """Polyline (K, D) with each inner corner replaced by a curve of `segments` pieces that starts `radius` before it.

    The reach is limited to 45 % of the neighboring pieces. `closed` rounds the first and last corner too.
    """
    path = _floats(points)
    before, after = np.roll(path, 1, axis=0) - path, np.roll(path, -1, axis=0) - path
    blend = np.linspace(0, 1, segments + 1)[:, None]
    pieces = []
    for index, corner in enumerate(path):
        if not closed and index in (0, len(path) - 1):
            pieces.append(corner[None])
            continue
        lengths = np.linalg.norm(before[index]), np.linalg.norm(after[index])
        reach = min(radius, 0.45 * min(lengths))
        entry, leave = corner + before[index] / lengths[0] * reach, corner + after[index] / lengths[1] * reach
        # Quadratic Bezier curve with the corner as its control point.
        pieces.append((1 - blend) ** 2 * entry + 2 * blend * (1 - blend) * corner + blend**2 * leave)
    return np.concatenate(pieces)


def triangulate(polygon: np.ndarray) -> np.ndarray:
    """(T, 3) corner indices of a counter-clockwise simple polygon (K, 2), turning the same way.

    A polygon that crosses itself raises a ValueError.
    """
    triangles = mapbox_earcut.triangulate_float64(polygon, np.array([len(polygon)], dtype=np.uint32)).reshape(-1, 3)
    a, b, c = (polygon[triangles[:, corner]] for corner in range(3))
    doubled = _cross(b - a, c - a)
    if not np.isclose(np.abs(doubled).sum(), _cross(polygon, np.roll(polygon, -1, axis=0)).sum(), rtol=1e-6):
        raise ValueError("the polygon crosses itself; give its corners in order around a simple outline.")
    return np.where((doubled < 0)[:, None], triangles[:, ::-1], triangles).astype(np.int64)


# ------------------------------------------------------------------------------------------------ private helpers

_CUBE_VERTICES = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
_CUBE_FACES = np.array([
    [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
    [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
])  # fmt: skip


def _floats(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=float)


def _axis(name: str) -> int:
    if name not in ("x", "y", "z"):
        raise ValueError(f"unknown axis {name!r}; use 'x', 'y' or 'z'.")
    return "xyz".index(name)


def _positive(values: ArrayLike, name: str) -> np.ndarray:
    numbers = _floats(values)
    if not (np.isfinite(numbers).all() and (numbers > 0).all()):
        raise ValueError(f"{name} must be positive and finite, got {tuple(numbers.tolist())}.")
    return numbers


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    if not (length > 0).all():
        raise ValueError("a direction of length 0 has no orientation; give two different points.")
    return vectors / length


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def _power(values: np.ndarray, exponent: float | np.ndarray) -> np.ndarray:
    # Rounding keeps cos(90 degrees) at exactly 0, which a small exponent would otherwise blow up.
    values = np.round(values, 12)
    return np.sign(values) * np.abs(values) ** exponent


def _distinct(points: np.ndarray) -> np.ndarray:
    """Without points that repeat the one before; at least two must remain."""
    keep = np.concatenate([[True], np.abs(np.diff(points, axis=0)).max(axis=1) > 1e-9])
    if keep.sum() < 2:
        raise ValueError(f"a path or outline needs at least two different points, got {len(points)} equal ones.")
    return points[keep]


def _frame(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors (side, front), right-handed with `along` between; side is near x if steep, else level."""
    if abs(along[1]) > 0.7:
        side = _unit(np.array([1.0, 0.0, 0.0]) - along[0] * along)
    else:
        side = _unit(np.array([along[2], 0.0, -along[0]]))
    return side, np.cross(side, along)


@lru_cache(maxsize=32)
def _circle(sections: int) -> np.ndarray:
    """(sections, 2) points of the unit circle in (side, front) coordinates, turning with y as the axis."""
    angle = np.arange(sections) * (2 * np.pi / sections)
    return np.stack([np.cos(angle), -np.sin(angle)], axis=1)


def _rings(profile: ArrayLike, sections: int) -> np.ndarray:
    """(K, sections, 3) circles about the y axis with [radius, height] rows."""
    rows = _floats(profile)
    return np.insert(rows[:, None, :1] * _circle(sections), 1, rows[:, 1:], axis=2)


def _along(points: np.ndarray, axis: str) -> np.ndarray:
    """Turn what was built along y to lie along `axis`, by a cyclic change of coordinates."""
    return points[..., np.roll([0, 1, 2], _axis(axis) - 1)]


def _quads(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """(2 N, 3) triangles of N quadrilaterals whose corners turn from `a` (N,) to `d`."""
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


@lru_cache(maxsize=256)
def _loft_faces(count: int, sections: int, closed: bool) -> np.ndarray:
    ring = np.arange(sections)
    following = np.roll(ring, -1)
    faces = []
    for row in range(count if closed else count - 1):
        low, high = row * sections, (row + 1) % count * sections
        faces.append(_quads(ring + low, following + low, following + high, ring + high))
    if not closed:
        tip, top = count * sections, (count - 1) * sections
        faces.append(np.stack([np.full(sections, tip), following, ring], axis=1))
        faces.append(np.stack([np.full(sections, tip + 1), ring + top, following + top], axis=1))
    return np.concatenate(faces)


@lru_cache(maxsize=64)
def _sheet_faces(rows: int, columns: int) -> np.ndarray:
    index = np.arange(rows * columns).reshape(rows, columns)
    front = _quads(*(part.ravel() for part in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])))
    border = np.concatenate([index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]])
    following, shift = np.roll(border, -1), rows * columns
    sides = _quads(border, border + shift, following + shift, following)
    return np.concatenate([front, front[:, ::-1] + shift, sides])
