"""Polygons to triangles (numpy only): fans where they are right, and ear clipping where they are not."""

from __future__ import annotations

import numpy as np

from .parts_crossmost import Refusal


# Corners of polygons of one size that are handled at once; bounds the memory for intermediate results.
_BLOCK = 1 << 18

# A triangle counts as turned over from this part of its polygon's area on. Coordinates in text files are rounded.
_TURNED = 1e-6

# Corners with a smaller turn, in units of the polygon's extent squared, count as straight.
_STRAIGHT = 1e-12

# Ear clipping takes O(n^2) steps for a polygon of n corners. Limit for all concave polygons of a call.
_MAX_STEPS = 50_000_000


def triangulate(vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut polygons into triangles, which keep their winding, and whose area is that of the polygons, concave or not.

    Polygons with fewer than three corners give no triangles, those with n corners n - 2. Polygons that cross themselves
    or are far from plane give triangles whose shape is not specified.

    Args:
        vertices: (V, 3).
        corners: int (C,), indices into `vertices` of the corners of all polygons, one polygon after another.
        sizes: int (P,), number of corners of each polygon, with sum C.

    Returns:
        The triangles int64 (F, 3) as positions in `corners`, and the polygon int64 (F,) of each, in ascending order.

    Raises:
        Refusal: if concave polygons have too many corners.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    triangles, owners = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)]
    steps = 0
    order = np.argsort(sizes, kind="stable")
    for polygons in np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1):
        size = int(sizes[polygons[0]]) if len(polygons) else 0
        if size < 3:
            continue
        for first in range(0, len(polygons), max(1, _BLOCK // size)):
            block = polygons[first : first + max(1, _BLOCK // size)]
            found = np.tile(_fan(size), (len(block), 1, 1))
            if size > 3:
                rings = vertices[corners[starts[block, None] + np.arange(size)]]
                steps = _mend(found, rings, steps)
            triangles.append((found + starts[block, None, None]).reshape(-1, 3))
            owners.append(np.repeat(block, size - 2))
    faces, polygon = np.concatenate(triangles), np.concatenate(owners)
    if (np.diff(polygon) >= 0).all():
        return faces, polygon
    order = np.argsort(polygon, kind="stable")
    return faces[order], polygon[order]


def _fan(size: int) -> np.ndarray:
    """Return the triangles (size - 2, 3) between the first corner of a polygon and its other edges."""
    places = np.arange(1, size - 1)
    return np.stack([np.zeros_like(places), places, places + 1], axis=1)


def _mend(triangles: np.ndarray, rings: np.ndarray, steps: int) -> int:
    """Replace those fans (P, n - 2, 3) of polygons (P, n, 3) that are wrong, in place.

    Args:
        triangles: corner numbers within each polygon.
        rings: the corners.
        steps: spent on ear clipping before.

    Returns:
        `steps` plus those of this call.
    """
    size = rings.shape[1]
    with np.errstate(all="ignore"):  # coordinates that are not finite make no fan wrong, and are the caller's to reject
        rings = rings - rings[:, :1]
        rings /= np.maximum(np.abs(rings).max(axis=(1, 2), keepdims=True), np.finfo(np.float64).tiny)
        normals, wrong = _check_fans(rings)
        left = np.flatnonzero(wrong)
        if len(left) == 0:
            return steps
        # The other diagonal is right for each concave quad, and often saves the ear clipping of others.
        triangles[left] = (_fan(size) + 1) % size
        left = left[_check_fans(np.roll(rings[left], -1, axis=1))[1]]
        if len(left) == 0:
            return steps
        steps += len(left) * size**2
        if steps > _MAX_STEPS:
            raise Refusal("its concave polygons have too many corners: export it with triangles.")
        triangles[left] = _clip_ears(_flatten(rings[left], normals[left]))
    return steps


def _check_fans(rings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Newell normals (P, 3) of polygons (P, n, 3), and whether triangles of their fans are turned over."""
    spokes = rings[:, 1:] - rings[:, :1]
    crosses = np.cross(spokes[:, :-1], spokes[:, 1:])
    normals = crosses.sum(axis=1)
    along = np.einsum("pij,pj->pi", crosses, normals)
    return normals, (along < -_TURNED * np.einsum("pj,pj->p", normals, normals)[:, None]).any(axis=1)


def _flatten(rings: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Project polygons (P, n, 3) along an axis to counterclockwise ones (P, n, 2)."""
    axis = np.abs(normals).argmax(axis=1)
    kept = (axis[:, None] + (1, 2)) % 3
    points = np.take_along_axis(rings, kept[:, None, :], axis=2)
    points[..., 0] *= np.sign(np.take_along_axis(normals, axis[:, None], axis=1))
    return points


def _clip_ears(points: np.ndarray) -> np.ndarray:
    """Return the triangles (P, n - 2, 3) of counterclockwise polygons (P, n, 2), each of which loses an ear a round."""
    count, size = points.shape[:2]
    names = np.tile(np.arange(size), (count, 1))
    ears = _rate_all(points)
    triangles = np.empty((count, size - 2, 3), dtype=np.int64)
    rows = np.arange(count)
    recounts = 8  # of polygons that touch themselves; others need none, since ears arise beside a clipped ear alone
    for number in range(size - 3):
        stuck = np.flatnonzero(~ears.any(axis=1))
        if len(stuck) and recounts:
            ears[stuck] = _rate_all(points[stuck])
            recounts -= 1
        chosen = ears.argmax(axis=1)
        stuck = np.flatnonzero(~ears.any(axis=1))
        chosen[stuck] = _turns(points[stuck]).argmax(axis=1)
        size = points.shape[1]
        triangles[:, number] = np.take_along_axis(names, (chosen[:, None] + (-1, 0, 1)) % size, axis=1)
        kept = np.ones((count, size), dtype=bool)
        kept[rows, chosen] = False
        points, names, ears = (a[kept].reshape(count, size - 1, *a.shape[2:]) for a in (points, names, ears))
        for place in ((chosen - 1) % (size - 1), chosen % (size - 1)):
            ears[rows, place] = _rate(points, place)
    triangles[:, -1] = names
    return triangles


def _rate_all(points: np.ndarray) -> np.ndarray:
    """Rate all corners of polygons (P, n, 2), see `_rate`; return uint8 (P, n)."""
    count, size = points.shape[:2]
    return np.stack([_rate(points, np.full(count, place)) for place in range(size)], axis=1)


def _rate(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return 2 if one corner (P,) of each polygon (P, n, 2) is straight, 1 if it is another ear, else 0, as uint8 (P,).

    Straight corners go first, because those at the end of a spike become senseless once the rest is gone.
    """
    ring = (places[:, None] + (-1, 0, 1)) % points.shape[1]
    a, b, c = (points[np.arange(len(points)), ring[:, place], None] for place in range(3))
    turn = _cross(b - a, c - b)[:, 0]
    inside = (_cross(b - a, points - a) >= 0) & (_cross(c - b, points - b) >= 0) & (_cross(a - c, points - c) >= 0)
    for corner in (a, b, c):  # also where another corner has the same place
        inside &= (points != corner).any(axis=2)
    return np.where(np.abs(turn) <= _STRAIGHT, 2, (turn > 0) & ~inside.any(axis=1)).astype(np.uint8)


def _turns(points: np.ndarray) -> np.ndarray:
    """Return the turn (P, n) at each corner of polygons (P, n, 2)."""
    before, after = np.roll(points, 1, axis=1), np.roll(points, -1, axis=1)
    return _cross(points - before, after - points)


def _cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
