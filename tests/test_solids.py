"""Solids that the generated furniture is made of: closed, wound outwards, as large as asked for."""

import numpy as np
import pytest
import trimesh

from dataset_scripts.furniture import solids


ORIGIN = (0, 0, 0)
ELL = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], dtype=float)
STAR = np.array(
    [((2 if k % 2 else 1) * np.cos(k * np.pi / 5), (2 if k % 2 else 1) * np.sin(k * np.pi / 5)) for k in range(10)]
)
CORNER = [(0, 0, 0), (0, 1, 0), (1, 1, 0)]
SQUARE = [(1, 0, 0), (0, 0, 1), (-1, 0, 0), (0, 0, -1)]


def polygon_area(polygon):
    """Shoelace formula."""
    x, y = np.asarray(polygon, dtype=float).T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def regular_area(radius, sections):
    """Area of a regular polygon with `sections` corners at `radius`."""
    return 0.5 * sections * radius**2 * np.sin(2 * np.pi / sections)


def mesh_of(solid):
    return trimesh.Trimesh(solid.vertices, solid.faces, process=False)


# Each solid with its volume where a formula gives it.
SOLIDS = {
    "box": (lambda: solids.box((1, 2, 3), (0, 1, 0)), 6.0),
    "rounded box": (lambda: solids.rounded_box((1, 2, 3), (0, 1, 0), 0.2), None),
    "cylinder x": (lambda: solids.cylinder(1, 2, (1, 2, 3), axis="x", sections=24), 2 * regular_area(1, 24)),
    "cylinder z": (lambda: solids.cylinder(1, 2, (1, 2, 3), axis="z", sections=24), 2 * regular_area(1, 24)),
    "cone": (lambda: solids.frustum(1, 0, 3, ORIGIN, sections=24), regular_area(1, 24)),
    "frustum": (lambda: solids.frustum(2, 1, 3, ORIGIN, sections=24), 7 * regular_area(1, 24)),
    "beam": (lambda: solids.beam(ORIGIN, (1, 1, 1), (0.1, 0.2)), 0.02 * np.sqrt(3)),
    "level beam": (lambda: solids.beam(ORIGIN, (0, 0, 2), (0.1, 0.2)), 0.04),
    "tapered beam": (lambda: solids.beam((0, 1, 0), ORIGIN, 1.0, taper=0.5), (1 + 0.5 + 0.25) / 3),
    "rod": (lambda: solids.rod(ORIGIN, (0, -3, 4), 0.1, sections=12), 5 * regular_area(0.1, 12)),
    "tapered rod": (lambda: solids.rod(ORIGIN, (0, 3, 0), 2, 12, taper=0.5), 7 * regular_area(1, 12)),
    "straight tube": (lambda: solids.tube([(0, 0, 0), (0, 1, 0), (0, 2, 0)], 0.1), 2 * regular_area(0.1, 8)),
    "bent tube": (lambda: solids.tube(solids.rounded_path(CORNER, 0.2), 0.05), None),
    "ring": (lambda: solids.tube(SQUARE, 0.1, closed=True), None),
    "revolved": (lambda: solids.revolve([(0.1, 0), (0.3, 0.2), (0.1, 0.5), (0, 1)]), None),
    "vessel": (lambda: solids.revolve([(0.3, 0), (0.3, 1), (0.2, 1), (0.2, 0.1)]), None),
    "ell xy": (lambda: solids.extrude(ELL, 0.5, plane="xy"), 1.5),
    "ell xz": (lambda: solids.extrude(ELL[::-1], 0.5, plane="xz"), 1.5),
    "ell zy": (lambda: solids.extrude(ELL, 0.5, plane="zy"), 1.5),
    "star": (lambda: solids.extrude(STAR, 2.0, plane="xz"), 2 * polygon_area(STAR)),
    "mirrored": (lambda: solids.extrude(ELL, 0.5).mirrored("x").scaled((1, 2, 1)), 3.0),
    "cushion": (lambda: solids.cushion((1, 0.3, 2), (0, 1, 0)), None),
    "upright cushion": (lambda: solids.cushion((1, 2, 0.3), (0, 1, 0), softness=1.0), None),
    "oval bowl": (lambda: solids.bowl((0.8, 0.6, 1.7), (0, 0.3, 0), "oval"), None),
    "egg bowl": (lambda: solids.bowl((0.8, 0.6, 1.7), (0, 0.3, 0), "egg"), None),
}


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_are_closed_wound_outwards_and_of_the_right_volume(name):
    build, volume = SOLIDS[name]
    mesh = mesh_of(build())
    assert np.isfinite(mesh.vertices).all()
    assert mesh.area_faces.min() > 1e-8
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0
    if volume is not None:
        assert mesh.volume == pytest.approx(volume, rel=1e-9)


@pytest.mark.parametrize(
    ("solid", "tolerance"),
    [
        (solids.box((1, 2, 3), (4, 5, 6)), 1e-9),
        (solids.rounded_box((1, 2, 3), (4, 5, 6), 0.3), 1e-4),  # its caps end at 89 degrees
        (solids.cushion((1, 2, 3), (4, 5, 6)), 1e-9),
        (solids.bowl((1, 2, 3), (4, 5, 6)), 1e-9),
    ],
)
def test_extents_and_centers_are_as_asked_for(solid, tolerance):
    np.testing.assert_allclose(solid.bounds, [[3.5, 4, 4.5], [4.5, 6, 7.5]], atol=tolerance, rtol=0)


def test_a_sheet_has_the_volume_of_its_area_times_its_thickness():
    u, v = solids.surface_grid(4, 5, u=(0, 1), v=(0, 2))
    mesh = mesh_of(solids.sheet(np.stack([u, 0.5 * u, v], axis=-1), 0.1))
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(2 * np.sqrt(1.25) * 0.1)


def test_a_bowl_is_open_above_its_cavity():
    tub = mesh_of(solids.bowl((1, 1, 2), (0, 0.5, 0), "rectangle", rim=0.1, floor=0.2, outer=((1, 0), (1, 1))))
    centroids, normals = np.asarray(tub.triangles_center), np.asarray(tub.face_normals)
    middle = (np.abs(centroids[:, 0]) < 0.1) & (np.abs(centroids[:, 2]) < 0.2) & (normals[:, 1] > 0.9)
    assert centroids[middle, 1] == pytest.approx(0.2)


@pytest.mark.parametrize("polygon", [ELL, STAR, solids.rounded_rectangle(2, 1, 0.2), solids.outline_points("egg")])
def test_triangulation_covers_the_polygon_once(polygon):
    corners = polygon[solids.triangulate(polygon)]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    assert len(areas) == len(polygon) - 2
    assert areas.min() > 0
    assert areas.sum() == pytest.approx(polygon_area(polygon))


def test_rotation_follows_the_right_hand_rule():
    np.testing.assert_allclose(solids.rotation_matrix("y", 90) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(solids.rotation_matrix("x", 90) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(solids.rotation_matrix((1, 1, 1), 120) @ [1, 2, 3], [3, 1, 2], atol=1e-12)
    turned = solids.box((1, 1, 1), (2, 0, 0)).rotated("y", 180, about=(1, 0, 0))
    np.testing.assert_allclose(turned.bounds.mean(axis=0), 0, atol=1e-12)


def test_solids_are_not_changed_by_moving_them():
    solid = solids.box((1, 1, 1), ORIGIN)
    np.testing.assert_allclose(solid.moved((1, 2, 3)).bounds.mean(axis=0), [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(solid.bounds.mean(axis=0), 0, atol=1e-12)


def test_scaling_keeps_the_point_that_it_is_about():
    solid = solids.box((2, 2, 2), (1, 1, 1)).scaled((1, 2, 3), about=(2, 2, 2))
    np.testing.assert_allclose(solid.bounds, [[0, -2, -4], [2, 2, 2]])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: solids.box((1, 0, 1), ORIGIN), "box extents must be positive"),
        (lambda: solids.box((1, np.nan, 1), ORIGIN), "box extents must be positive"),
        (lambda: solids.box((1, 1, 1), ORIGIN).scaled((1, -1, 1)), r"use mirrored\(\)"),
        (lambda: solids.box((1, 1, 1), ORIGIN).mirrored("w"), "unknown axis 'w'"),
        (lambda: solids.cylinder(1, 1, ORIGIN, axis="w"), "unknown axis 'w'"),
        (lambda: solids.beam(ORIGIN, ORIGIN, 0.1), "two different points"),
        (lambda: solids.extrude(ELL, 1, plane="yx"), "unknown plane 'yx'"),
        (lambda: solids.extrude([(0, 0), (1, 0)], 1), "at least three corners"),
        (lambda: solids.extrude([(0, 0), (3, 3), (0, 3), (2, 0)], 1), "crosses itself"),
        (lambda: solids.revolve([(1, 0), (0, 1), (1, 2)]), "two ends"),
        (lambda: solids.bowl((1, 1, 1), ORIGIN, rim=0.6), "leave no cavity"),
        (lambda: solids.tube([(0, 0, 0)], 0.1), "K >= 2"),
        (lambda: solids.sheet(np.zeros((1, 3, 3)), 0.1), "grid of shape"),
        (lambda: solids.outline_points("heart"), "unknown outline 'heart'"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build()
    assert "\n" not in str(error.value)
