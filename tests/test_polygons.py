"""Polygons to triangles: areas in closed form, random concave shapes, degenerate and hostile input."""

import numpy as np
import pytest

from modeling_crossmost import polygons_crossmost
from modeling_crossmost.parts_crossmost import Refusal
from modeling_crossmost.polygons_crossmost import triangulate


SHAPES = {
    "triangle": ([(0, 0), (2, 0), (0, 2)], 2),
    "square": ([(0, 0), (2, 0), (2, 2), (0, 2)], 4),
    "dart": ([(0, 0), (2, 1), (0, 2), (1, 1)], 1),
    "L": ([(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)], 5),
    "U": ([(0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)], 7),
    "C": ([(3, 0), (3, 1), (1, 1), (1, 2), (3, 2), (3, 3), (0, 3), (0, 0)], 7),
    "comb": ([(0, 0), (7, 0), (7, 3), (6, 3), (6, 1), (5, 1), (5, 3), (4, 3), (4, 1), (1, 1), (1, 3), (0, 3)], 13),
    "straight corners": ([(0, 0), (1, 0), (2, 0), (3, 0), (3, 3), (2, 1), (1, 3), (0.5, 3), (0, 3), (0, 1)], 7),
    "repeated corners": ([(0, 0), (0, 0), (3, 0), (3, 3), (2, 1), (2, 1), (2, 1), (1, 3), (0, 3), (0, 0)], 7),
    "keyhole": ([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)], 12),
    "touching": ([(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)], 8),
    "spike": ([(0, 0), (4, 0), (4, 4), (2, 1), (2, 3), (2, 1), (0, 4)], 10),
}


def star(points: int, inner: float) -> tuple[np.ndarray, float]:
    """A star and its area: 2 n triangles with sides 1 and `inner` and the angle pi / n between them."""
    angle = np.arange(2 * points) * np.pi / points
    radius = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), points * inner * np.sin(np.pi / points)


def cut(*polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vector areas (F, 3), polygon (F,) and corner points (F, 3, 3) of the triangles of polygons (n, 3)."""
    vertices = np.concatenate(polygons)[::-1]  # so that corners are not their own positions
    corners = np.arange(len(vertices))[::-1]
    triangles, owner = triangulate(vertices, corners, np.array([len(polygon) for polygon in polygons]))
    assert triangles.dtype == owner.dtype == np.int64
    points = vertices[corners[triangles]]
    return np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]) / 2, owner, points


def turned(outline, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A plane outline (n, 2) anywhere in space, (n, 3), and its normal."""
    frame, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return np.asarray(outline, float) @ frame[:, :2].T * 7 + (100, -30, 5), np.cross(frame[:, 0], frame[:, 1])


@pytest.mark.parametrize("name", [*SHAPES, "star 5", "star 40"])
@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("step", [1, -1])
def test_triangles_cover_a_polygon_once_with_its_winding(name, first, step):
    outline, area = star(int(name[5:]), 0.2) if name.startswith("star") else SHAPES[name]
    polygon, normal = turned(np.roll(outline, first, axis=0)[::step], first)
    areas, owner, _ = cut(polygon)
    assert len(areas) == len(outline) - 2 and not owner.any()
    signed = areas @ normal * step / 49
    assert signed.min() > -1e-9 and np.allclose(signed.sum(), area)


@pytest.mark.parametrize("size", [5, 8, 13, 60])
def test_random_outlines_are_cut_together(size):
    rng = np.random.default_rng(size)
    polygons, totals, gaps = [], [], []
    for _ in range(40):
        angle = np.sort(rng.uniform(0, 2 * np.pi, size))
        outline = np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.05, 1, (size, 1))
        before = np.roll(outline, 1, axis=0)
        gaps.append(np.diff(angle, append=angle[0] + 2 * np.pi).max())
        totals.append(np.sum(before[:, 0] * outline[:, 1] - before[:, 1] * outline[:, 0]) / 2)
        polygons.append(np.pad(outline, ((0, 0), (0, 1))))
    areas, owner, _ = cut(*polygons)
    got = np.bincount(owner, np.linalg.norm(areas, axis=1))
    simple = np.array(gaps) < np.pi  # else the outline does not go around the origin, and may cross itself
    assert simple.sum() > 5 and np.allclose(got[simple], np.array(totals)[simple])


def test_long_spiral():
    angle = np.linspace(0, 12 * np.pi, 300)
    outer, inner = (radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1) for radius in (angle + 2, angle + 1))
    outline = np.concatenate([outer, inner[::-1]])
    before = np.roll(outline, 1, axis=0)
    area = np.sum(before[:, 0] * outline[:, 1] - before[:, 1] * outline[:, 0]) / 2
    areas, _, _ = cut(np.pad(outline, ((0, 0), (0, 1))))
    assert np.allclose(areas[:, 2].sum(), area) and areas[:, 2].min() > -1e-9


def test_sizes_mix_and_keep_their_order():
    square, dart, ell = (np.pad(np.array(SHAPES[n][0], float), ((0, 0), (0, 1))) for n in ("square", "dart", "L"))
    areas, owner, _ = cut(ell, square[:2], square, square[:3], square[:1], dart, ell)
    assert owner.tolist() == [0] * 4 + [2] * 2 + [3] + [5] * 2 + [6] * 4
    assert np.allclose(np.bincount(owner, areas[:, 2]), [5, 0, 4, 2, 0, 1, 5])


@pytest.mark.parametrize("sizes", [[], [2], [0, 1, 2]])
def test_fewer_than_three_corners_give_nothing(sizes):
    triangles, owner = triangulate(np.zeros((1, 3)), np.zeros(sum(sizes), int), np.array(sizes, int))
    assert triangles.shape == (0, 3) and owner.shape == (0,)


@pytest.mark.parametrize(
    "polygon",
    [
        np.zeros((7, 3)),
        np.eye(3)[[0, 1, 0, 1, 0, 1]],
        np.full((5, 3), np.nan),
        np.random.default_rng(0).normal(size=(50, 3)),
        np.random.default_rng(1).integers(0, 3, (90, 3)).astype(float),
        np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0.0]]),
        np.array([[0, 0, 0], [1e300, 0, 0], [1e300, 1e300, 0], [1e299, 1e200, 0], [0, 1e300, 0]]),
        np.array([[0, 0, 0], [np.inf, 0, 0], [1, 1, 0], [0, 1, 0.0]]),
    ],
)
def test_senseless_polygons_end(polygon):
    _, owner, points = cut(polygon)
    assert len(owner) == len(polygon) - 2 and points.shape == (len(polygon) - 2, 3, 3)


def test_saddle_quads_are_fans():
    areas, _, points = cut(np.array([[0, 0, 0], [1, 0, 1], [1, 1, 0], [0, 1, 1.0]]))
    assert len(areas) == 2 and (areas[:, 2] > 0).all() and np.allclose(areas[:, 2].sum(), 1)
    assert (points[:, 0] == 0).all()


def test_work_is_bounded(monkeypatch):
    monkeypatch.setattr(polygons_crossmost, "_MAX_STEPS", 99)
    outline, _ = star(5, 0.2)
    with pytest.raises(Refusal, match="export it with triangles"):
        cut(np.pad(outline, ((0, 0), (0, 1))))
