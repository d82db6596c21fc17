"""Closed solids from plain numpy arrays: the building blocks of the generated furniture.

Axes: y up, the front of an object faces +z, the floor is y = 0. Units are metre-like and become irrelevant once a cloud
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


AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}

# Columns that carry (first, second, extrusion) coordinates of a polygon, and whether that order is left-handed.
_PLANES = {"xy": ((0, 1, 2), False), "xz": ((0, 2, 1), True), "zy": ((2, 1, 0), True)}


@dataclass(frozen=True)
class Solid:
    """One closed solid: `vertices` (V, 3) in metre-like units, y up, and `faces` (F, 3), wound outwards."""

    vertices: np.ndarray
    faces: np.ndarray

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest coordinates."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    def moved(self, offset: ArrayLike) -> Solid:
        """Copy shifted by `offset` (3,)."""
        return Solid(self.vertices + np.asarray(offset, dtype=float), self.faces)

    def rotated(self, axis: str | ArrayLike, degrees: float, about: ArrayLike = (0, 0, 0)) -> Solid:
        """Copy turned by `degrees` (right-hand rule) about the line through `about` (3,) along `axis`."""
        pivot = np.asarray(about, dtype=float)
        return Solid((self.vertices - pivot) @ rotation_matrix(axis, degrees).T + pivot, self.faces)

    def scaled(self, factors: ArrayLike, about: ArrayLike = (0, 0, 0)) -> Solid:
        """Copy stretched by three positive `factors` around the point `about` (3,)."""
        pivot, stretch = np.asarray(about, dtype=float), np.asarray(factors, dtype=float)
        if stretch.shape != (3,) or stretch.min() <= 0:
            raise ValueError(
                f"factors must be three positive numbers, got {factors!r}; use mirrored() to flip a solid."
            )
        return Solid((self.vertices - pivot) * stretch + pivot, self.faces)

    def mirrored(self, axis: str = "x") -> Solid:
        """Copy reflected in the plane through the origin that is normal to `axis`; still wound outwards."""
        return Solid(self.vertices * (1.0 - 2.0 * _axis(axis)), self.faces[:, ::-1])


def rotation_matrix(axis: str | ArrayLike, degrees: float) -> np.ndarray:
    """(3, 3) right-handed rotation by `degrees` about `axis` (a name or a non-zero (3,) vector); Rodrigues' formula."""
    unit = _unit(_axis(axis) if isinstance(axis, str) else np.asarray(axis, dtype=float))
    angle = np.deg2rad(degrees)
    cross = np.array([[0, -unit[2], unit[1]], [unit[2], 0, -unit[0]], [-unit[1], unit[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


# ------------------------------------------------------------------------------------------------ blocks


def box(extents: ArrayLike, center: ArrayLike) -> Solid:
    """Axis-aligned block with full side lengths `extents` (x, y, z) around `center` (3,)."""
    size = _positive(extents, "box extents")
    return Solid(_CUBE_VERTICES * (size / 2) + np.asarray(center, dtype=float), _CUBE_FACES)


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
    return loft(np.stack(rings) + np.asarray(center, dtype=float))


def cylinder(radius: float, height: float, center: ArrayLike, axis: str = "y", sections: int = 16) -> Solid:
    """Cylinder of `height` along `axis`, `center` (3,) at half height."""
    _positive((radius, height), "cylinder radius and height")
    rings = _rings([(radius, -height / 2), (radius, height / 2)], sections)
    return loft(_along(rings, axis) + np.asarray(center, dtype=float))


def frustum(radius_bottom: float, radius_top: float, height: float, center: ArrayLike, sections: int = 16) -> Solid:
    """Upright truncated cone, `center` (3,) at half height; one of the radii may be 0 (a cone)."""
    _positive((height,), "frustum height")
    return revolve([(radius_bottom, -height / 2), (radius_top, height / 2)], center, sections)


def beam(start: ArrayLike, end: ArrayLike, thickness: float | tuple[float, float], taper: float = 1.0) -> Solid:
    """Square or flat bar from `start` (3,) to `end` (3,).

    Args:
        start: Middle of the first end face.
        end: Middle of the second end face.
        thickness: Side, or (width, depth): steep bars have the width along x, others horizontally across the bar.
        taper: Size of the end face relative to that of the start face, positive.
    """
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    along = _unit(last - first)
    side, front = _frame(along)
    width, depth = _positive(np.broadcast_to(np.asarray(thickness, dtype=float), (2,)), "beam thickness")
    at_end = _CUBE_VERTICES[:, 1:2] > 0
    scale = np.where(at_end, taper, 1.0)
    offsets = _CUBE_VERTICES[:, :1] * (width / 2) * side + _CUBE_VERTICES[:, 2:] * (depth / 2) * front
    return Solid(np.where(at_end, last, first) + scale * offsets, _CUBE_FACES)


def rod(start: ArrayLike, end: ArrayLike, radius: float, sections: int = 8, taper: float = 1.0) -> Solid:
    """Round bar from `start` (3,) to `end` (3,); the end's radius is `radius` x `taper`."""
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    _positive((radius, taper), "rod radius and taper")
    side, front = _frame(_unit(last - first))
    circle = _circle(sections) @ np.stack([side, front])
    return loft(np.stack([first + radius * circle, last + radius * taper * circle]))


def tube(points: ArrayLike, radius: float | ArrayLike, sections: int = 8, closed: bool = False) -> Solid:
    """Bent round bar along a polyline `points` (K, 3), K >= 2; smooth its corners first with `rounded_path`.

    `radius` is one number or one per point (turned and curved legs). `closed` joins the last point to the first (do not
    repeat it). Neighbouring points must differ.
    """
    path = np.asarray(points, dtype=float)
    if path.ndim != 2 or path.shape[1] != 3 or len(path) < 2:
        raise ValueError(f"a tube needs points of shape (K, 3) with K >= 2, got {path.shape}.")
    radii = _positive(np.broadcast_to(np.asarray(radius, dtype=float), (len(path),)), "tube radius")
    steps = np.roll(path, -1, axis=0) - path
    steps = _unit(steps if closed else np.concatenate([steps[:-1], steps[-2:-1]]))
    if closed:
        tangents = _unit(steps + np.roll(steps, 1, axis=0) + 1e-9)
    else:
        tangents = np.concatenate([steps[:1], _unit(steps[:-2] + steps[1:-1] + 1e-9), steps[-2:-1]])
    side, _ = _frame(tangents[0])
    circle = _circle(sections)
    rings = np.empty((len(path), sections, 3))
    for index, tangent in enumerate(tangents):
        # Parallel transport: keep the previous side direction, made normal to the new tangent.
        side = _unit(side - (side @ tangent) * tangent)
        rings[index] = path[index] + radii[index] * circle @ np.stack([side, np.cross(side, tangent)])
    return loft(rings, closed=closed)


def revolve(profile: ArrayLike, center: ArrayLike = (0, 0, 0), sections: int = 20) -> Solid:
    """Solid of revolution about the vertical line through `center` (3,).

    Args:
        profile: (K, 2) pairs of [radius, height above the center], from the bottom end upwards along the outside (and
            then down the inside for a vessel). Radius 0 is allowed at the two ends only.
        center: Point at radius 0 and height 0.
        sections: Points around.
    """
    outline = _distinct(np.asarray(profile, dtype=float))
    if outline[:, 0].min() < 0 or (outline[1:-1, 0] <= 0).any():
        raise ValueError(
            "a revolve profile may reach radius 0 only at its two ends; keep the radii between them positive."
        )
    tips = [np.array([0.0, outline[index, 1], 0.0]) for index in (0, -1)]
    body = outline[int(outline[0, 0] == 0) : len(outline) - int(outline[-1, 0] == 0)]
    if len(body) == 0:
        raise ValueError("a revolve profile needs at least one positive radius.")
    shift = np.asarray(center, dtype=float)
    return loft(_rings(body, sections) + shift, first=tips[0] + shift, last=tips[1] + shift)


def extrude(polygon: ArrayLike, depth: float, center: ArrayLike = (0, 0, 0), plane: str = "xy") -> Solid:
    """Prism over a simple polygon.

    Args:
        polygon: (K, 2) corners in either direction, convex or not, without crossings or repeated corners.
        depth: Full thickness normal to the plane; half of it on either side of `center`.
        center: Where the polygon's own origin goes.
        plane: What the two columns are: "xy" (thick along z), "xz" (thick along y), "zy" (a side view, thick along x).
    """
    if plane not in _PLANES:
        raise ValueError(f"unknown plane {plane!r}; use one of {sorted(_PLANES)}.")
    _positive((depth,), "extrude depth")
    corners = _counter_clockwise(_distinct(np.asarray(polygon, dtype=float)))
    columns, left_handed = _PLANES[plane]
    count = len(corners)
    cap = triangulate(corners)
    ring = np.arange(count)
    following = np.roll(ring, -1)
    sides = np.concatenate(
        [np.stack([ring, following, following + count], 1), np.stack([ring, following + count, ring + count], 1)]
    )
    faces = np.concatenate([cap[:, ::-1], cap + count, sides])
    vertices = np.empty((2 * count, 3))
    vertices[:, columns[0]] = np.tile(corners[:, 0], 2)
    vertices[:, columns[1]] = np.tile(corners[:, 1], 2)
    vertices[:, columns[2]] = np.repeat([-depth / 2, depth / 2], count)
    return Solid(vertices + np.asarray(center, dtype=float), faces[:, ::-1] if left_handed else faces)


def sheet(grid: np.ndarray, thickness: float) -> Solid:
    """Closed shell of `thickness` around a curved surface `grid` (R, C, 3), R, C >= 2: curved backs, moulded seats."""
    points = np.asarray(grid, dtype=float)
    if points.ndim != 3 or min(points.shape[:2]) < 2 or points.shape[2] != 3:
        raise ValueError(f"a sheet needs a grid of shape (R, C, 3) with R, C >= 2, got {points.shape}.")
    _positive((thickness,), "sheet thickness")
    normals = _unit(np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1)))
    layers = np.concatenate([points + normals * thickness / 2, points - normals * thickness / 2])
    return Solid(layers.reshape(-1, 3), _sheet_faces(*points.shape[:2]))


def cushion(extents: ArrayLike, center: ArrayLike, softness: float = 0.4) -> Solid:
    """Pillow: a superellipsoid with full side lengths `extents`; softness 0 is nearly a block, 1 an ellipsoid."""
    size = _positive(extents, "cushion extents")
    around, upright = 0.12 + 0.88 * softness, 0.25 + 0.75 * softness
    latitude = np.deg2rad([-58.0, -28.0, 0.0, 28.0, 58.0])
    longitude = np.arange(16) * (np.pi / 8)
    radial = _power(np.cos(latitude), upright)
    rings = np.empty((5, 16, 3))
    rings[..., 0] = radial[:, None] * _power(np.cos(longitude), around)
    rings[..., 1] = _power(np.sin(latitude), upright)[:, None]
    rings[..., 2] = -radial[:, None] * _power(np.sin(longitude), around)
    # The poles lie along the shortest side, so that the corners are those of a pillow.
    order = {0: (1, 2, 0), 1: (0, 1, 2), 2: (2, 0, 1)}[int(np.argmin(size))]
    rings = rings[..., order]
    pole = np.zeros(3)
    pole[np.argmin(size)] = 1.0
    shift = np.asarray(center, dtype=float)
    return loft(rings * size / 2 + shift, first=shift - pole * size / 2, last=shift + pole * size / 2)


def bowl(
    extents: ArrayLike,
    center: ArrayLike,
    footprint: str | ArrayLike = "oval",
    rim: float = 0.05,
    floor: float = 0.05,
    outer: ArrayLike = ((0.8, 0.0), (1.0, 1.0)),
    inner: ArrayLike = ((1.0, 1.0), (0.92, 0.4), (0.8, 0.1), (0.6, 0.0)),
    sections: int = 32,
) -> Solid:
    """Closed solid with one cavity that opens upwards: tubs, sinks, toilet bowls.

    Args:
        extents: Full outer size (x, y, z).
        center: Middle of the outer bounding box.
        footprint: Outline seen from above: a name of `outline_points` (its second axis is z), or (K, 2) corners (x, z)
            in [-1, 1] around the origin.
        rim: Wall thickness at the top, in units of `extents`.
        floor: Thickness below the cavity, in units of `extents`.
        outer: (scale, height) rows from the bottom up; scale of the footprint, height 0 to 1 over the whole height.
        inner: (scale, height) rows from the rim down; scale of the cavity's footprint, height 1 at the rim, 0 at the
            cavity's floor.
        sections: Points around a named footprint.
    """
    size = _positive(extents, "bowl extents")
    if not 0 < floor < size[1] or not 0 < rim < min(size[0], size[2]) / 2:
        raise ValueError(f"bowl rim {rim} and floor {floor} leave no cavity in {tuple(size)}; make them smaller.")
    outline = outline_points(footprint, sections) if isinstance(footprint, str) else np.asarray(footprint, dtype=float)
    # Rings run with the same turning direction as a revolved profile.
    outline = _counter_clockwise(outline)[::-1]
    half = size[[0, 2]] / 2
    levels = [(half * scale, size[1] * (height - 0.5)) for scale, height in np.asarray(outer, dtype=float)]
    levels += [
        ((half - rim) * scale, (size[1] - floor) * height + floor - size[1] / 2)
        for scale, height in np.asarray(inner, dtype=float)
    ]
    rings = np.empty((len(levels), len(outline), 3))
    for ring, (spread, height) in zip(rings, levels, strict=True):
        ring[:, [0, 2]] = outline * spread
        ring[:, 1] = height
    return loft(rings + np.asarray(center, dtype=float))


def loft(
    rings: np.ndarray,
    first: np.ndarray | None = None,
    last: np.ndarray | None = None,
    closed: bool = False,
) -> Solid:
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
    angle = np.arange(sections) * (2 * np.pi / sections)
    cosine, sine = np.cos(angle), np.sin(angle)
    exponents = {
        "oval": (1.0, 1.0),
        "rounded": (0.45, 0.45),
        "rectangle": (0.12, 0.12),
        "egg": (1.0, 0.55),
        "dee": (1.0, 0.15),
    }
    if kind not in exponents:
        raise ValueError(f"unknown outline {kind!r}; use one of {sorted(exponents)}.")
    front, back = exponents[kind]
    exponent = np.where(sine >= 0, front, back)
    return np.stack([_power(cosine, exponent), _power(sine, exponent)], axis=1)


def surface_grid(
    rows: int, columns: int, u: tuple[float, float] = (-1, 1), v: tuple[float, float] = (-1, 1)
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters (rows, columns) of a `sheet`: u grows along the columns, v along the rows, each over its range."""
    row, column = np.linspace(*u, columns)[None, :], np.linspace(*v, rows)[:, None]
    return np.repeat(row, rows, axis=0), np.repeat(column, columns, axis=1)


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

    The reach is limited to 45 % of the neighbouring pieces. `closed` rounds the first and last corner too.
    """
    path = np.asarray(points, dtype=float)
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

    Raises:
        ValueError: The polygon crosses itself.
    """
    triangles = mapbox_earcut.triangulate_float64(polygon, np.array([len(polygon)], dtype=np.uint32)).reshape(-1, 3)
    a, b, c = (polygon[triangles[:, corner]] for corner in range(3))
    doubled = _cross(b - a, c - a)
    if not np.isclose(np.abs(doubled).sum(), _cross(polygon, np.roll(polygon, -1, axis=0)).sum(), rtol=1e-6):
        raise ValueError("the polygon crosses itself; give its corners in order around a simple outline.")
    return np.where((doubled < 0)[:, None], triangles[:, ::-1], triangles).astype(np.int64)


# ------------------------------------------------------------------------------------------------ private helpers

_CUBE_VERTICES = np.array([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
_CUBE_FACES = np.array(
    [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]
)  # fmt: skip


def _axis(name: str) -> np.ndarray:
    if name not in AXES:
        raise ValueError(f"unknown axis {name!r}; use 'x', 'y' or 'z'.")
    return np.array(AXES[name])


def _positive(values: ArrayLike, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
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


def _counter_clockwise(polygon: np.ndarray) -> np.ndarray:
    if len(polygon) < 3:
        raise ValueError(f"a polygon needs at least three corners, got {len(polygon)}.")
    return polygon if _cross(polygon, np.roll(polygon, -1, axis=0)).sum() > 0 else polygon[::-1]


def _frame(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (side, front), right-handed with `along` between; side is near x if steep, else level."""
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
    rows = np.asarray(profile, dtype=float)
    rings = np.empty((len(rows), sections, 3))
    rings[..., [0, 2]] = rows[:, None, :1] * _circle(sections)
    rings[..., 1] = rows[:, 1:]
    return rings


def _along(points: np.ndarray, axis: str) -> np.ndarray:
    """Turn what was built along y to lie along `axis`, by a cyclic change of coordinates."""
    order = {"x": [1, 2, 0], "y": [0, 1, 2], "z": [2, 0, 1]}
    if axis not in order:
        raise ValueError(f"unknown axis {axis!r}; use 'x', 'y' or 'z'.")
    return points[..., order[axis]]


@lru_cache(maxsize=256)
def _loft_faces(count: int, sections: int, closed: bool) -> np.ndarray:
    ring = np.arange(sections)
    following = np.roll(ring, -1)
    faces = []
    for row in range(count if closed else count - 1):
        low, high = row * sections, (row + 1) % count * sections
        faces.append(np.stack([ring + low, following + low, following + high], axis=1))
        faces.append(np.stack([ring + low, following + high, ring + high], axis=1))
    if not closed:
        tip, top = count * sections, (count - 1) * sections
        faces.append(np.stack([np.full(sections, tip), following, ring], axis=1))
        faces.append(np.stack([np.full(sections, tip + 1), ring + top, following + top], axis=1))
    return np.concatenate(faces)


@lru_cache(maxsize=64)
def _sheet_faces(rows: int, columns: int) -> np.ndarray:
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    front = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    border = np.concatenate([index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]])
    following, shift = np.roll(border, -1), rows * columns
    sides = np.concatenate(
        [
            np.stack([border, border + shift, following + shift], 1),
            np.stack([border, following + shift, following], 1),
        ]
    )
    return np.concatenate([front, front[:, ::-1] + shift, sides])
