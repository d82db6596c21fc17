"""Axes, checks, sampling and normalization."""

import numpy as np
import pytest
import trimesh

from modeling_crossmost.geometry_crossmost import (
    FILE_AXES,
    check_points,
    convert_up_axis,
    farthest_points,
    geometry_to_cloud,
    normalize_points,
    object_cloud,
    orient_geometry,
    resample_points,
    rotation_between_up_axes,
    rotation_to_y_up,
    sample_surface,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------------------------------- axes


def up_of(axis: str) -> np.ndarray:
    """The direction (3,) that an axis of `FILE_AXES` means."""
    return np.eye(3, dtype=np.float32)["xyz".index(axis[-1])] * (-1 if axis.startswith("-") else 1)


@pytest.mark.parametrize("axis", FILE_AXES)
def test_rotation_brings_the_up_axis_to_y_without_mirroring(axis):
    rotation = rotation_to_y_up(axis)
    assert np.array_equal(rotation @ up_of(axis), [0, 1, 0])
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert np.array_equal(rotation @ rotation.T, np.eye(3))


def test_rotations_are_the_documented_ones():
    point = np.array([[1.0, 2.0, 3.0]])
    assert np.array_equal(convert_up_axis(point, "z"), [[1.0, 3.0, -2.0]])
    assert np.array_equal(convert_up_axis(point, "x"), [[-2.0, 1.0, 3.0]])
    assert np.array_equal(convert_up_axis(point, "-x"), [[2.0, -1.0, 3.0]])
    assert np.array_equal(convert_up_axis(point, "-y"), [[-1.0, -2.0, 3.0]])
    assert np.array_equal(convert_up_axis(point, "-z"), [[1.0, -3.0, 2.0]])
    assert convert_up_axis(point, "y") is point


@pytest.mark.parametrize("source", FILE_AXES)
@pytest.mark.parametrize("target", FILE_AXES)
def test_conversion_and_its_inverse_cancel(source, target, rng):
    points = rng.standard_normal((5, 3)).astype(np.float32)
    there = convert_up_axis(points, source, target)
    assert there.dtype == np.float32
    assert np.array_equal(there @ up_of(target), points @ up_of(source))
    assert np.array_equal(convert_up_axis(there, target, source), points)
    assert np.array_equal(rotation_between_up_axes(source, target), rotation_between_up_axes(target, source).T)


def test_an_unknown_axis_is_refused_even_when_both_are_equal():
    with pytest.raises(ValueError, match="one of x, y, z, -x, -y, -z, got 'up'"):
        convert_up_axis(np.zeros((1, 3)), "up", "up")


def test_orienting_a_mesh_leaves_the_original_alone():
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    turned = orient_geometry(box, "z")
    assert np.allclose(turned.extents, [1.0, 3.0, 2.0])
    assert np.allclose(box.extents, [1.0, 2.0, 3.0])


# --------------------------------------------------------------------------------------------- checking, scale


def test_check_points_drops_further_columns_and_keeps_values(rng):
    cloud = rng.standard_normal((4, 6))
    checked = check_points(cloud)
    assert checked.dtype == np.float64 and checked.flags.c_contiguous
    assert np.array_equal(checked, cloud[:, :3])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 3)), "is empty"),
        (np.zeros((4, 2)), r"has shape \(4, 2\)"),
        (np.zeros(3), r"has shape \(3,\)"),
        ([[0.0, 0.0, np.nan], [0.0, 0.0, 0.0]], "in 1 of 2 points"),
        ([[np.inf, 0.0, 0.0]], "NaN or infinite"),
        ([[1e300, 0.0, 0.0]], r"beyond 1e\+100: scale it down"),
        ([["a", "b", "c"]], "not an array of numbers"),
        (np.ones((2, 3), dtype=complex), "not an array of numbers"),
        (np.zeros((3, 1024)), r"has shape \(3, 1024\): transpose it, a cloud is an array of shape \(N, 3\)"),
        (np.zeros((3, 4)), r"has shape \(3, 4\): transpose it"),
        (np.zeros((6, 1024)), r"has shape \(6, 1024\): transpose it"),
        ([[1.0, 2.0, 3.0], [1.0]], "not an array of numbers"),
    ],
)
def test_check_points_refuses_in_one_sentence(points, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_points(points, "scan")
    assert str(caught.value).startswith("The scan") and "\n" not in str(caught.value)


def test_normalized_points_have_zero_mean_and_unit_radius(rng):
    cloud = rng.standard_normal((100, 3)) * [1, 20, 300] + [1e4, 0, -5]
    result = normalize_points(cloud)
    assert result.dtype == np.float32
    assert np.abs(result.mean(axis=0)).max() < 1e-6
    assert np.linalg.norm(result, axis=1).max() == pytest.approx(1.0, abs=1e-6)
    # A similarity moves nothing else: distances keep their ratios.
    ratio = np.linalg.norm(result[0] - result[1]) / np.linalg.norm(result[2] - result[3])
    assert ratio == pytest.approx(np.linalg.norm(cloud[0] - cloud[1]) / np.linalg.norm(cloud[2] - cloud[3]), rel=1e-4)


@pytest.mark.parametrize("offset", [0.0, 4.5e6, -1e7])
@pytest.mark.parametrize("radius", [1e-9, 1.0, 1e9])
def test_neither_size_nor_place_changes_a_normalized_cloud(rng, radius, offset):
    cloud = rng.standard_normal((300, 3))
    moved = object_cloud(radius * cloud + offset * radius, 100, 0)
    assert np.abs(moved - object_cloud(cloud, 100, 0)).max() < 1e-5


@pytest.mark.parametrize("radius", [1e-9, 1.0, 1e9])
def test_neither_size_nor_place_changes_a_normalized_mesh(radius):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    far = trimesh.Trimesh(radius * (box.vertices + 1e7), box.faces, process=False)
    assert np.abs(object_cloud(far, 100, 0) - object_cloud(box, 100, 0)).max() < 1e-5


@pytest.mark.parametrize("count", [1, 7])
def test_a_cloud_without_extent_becomes_zeros(count):
    assert np.array_equal(normalize_points(np.full((count, 3), 0.1)), np.zeros((count, 3)))


# ---------------------------------------------------------------------------------------------------- sampling


def two_triangles() -> trimesh.Trimesh:
    """Areas 1 (at z = 0) and 3 (at z = 1)."""
    vertices = [[0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 1], [0, 3, 1]]
    return trimesh.Trimesh(vertices=vertices, faces=[[0, 1, 2], [3, 4, 5]], process=False)


def test_surface_samples_follow_area_and_lie_inside(rng):
    points, faces = sample_surface(two_triangles(), 40_000, rng)
    assert points.shape == (40_000, 3) and points.dtype == np.float64
    assert np.array_equal(points[:, 2], faces)
    assert (faces == 1).mean() == pytest.approx(0.75, abs=0.01)
    assert points[:, :2].min() >= 0.0
    assert (points[:, 0] / 2 + points[:, 1] / np.where(faces == 1, 3, 1) <= 1 + 1e-6).all()
    # The mean of uniform samples is the triangle's centroid.
    assert np.allclose(points[faces == 1].mean(axis=0), [2 / 3, 1.0, 1.0], atol=0.02)


def test_surface_samples_repeat_with_the_seed_only():
    first, second, other = (sample_surface(two_triangles(), 50, np.random.default_rng(s))[0] for s in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_a_mesh_without_area_has_no_samples(rng):
    flat = trimesh.Trimesh(vertices=[[0, 0, 0], [1, 0, 0], [2, 0, 0]], faces=[[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="no surface area"):
        sample_surface(flat, 10, rng)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        sample_surface(two_triangles(), 0, rng)


def test_farthest_points_agree_with_the_definition(rng):
    cloud = rng.standard_normal((60, 3)).astype(np.float32)
    chosen = [0]
    distances = np.linalg.norm(cloud[:, None] - cloud[None], axis=-1)
    while len(chosen) < 20:
        chosen.append(int(distances[:, chosen].min(axis=1).argmax()))
    assert farthest_points(cloud, 20).tolist() == chosen


def test_farthest_points_of_duplicates_are_all_different():
    assert sorted(farthest_points(np.zeros((5, 3)), 5).tolist()) == [0, 1, 2, 3, 4]


def test_resampling_to_fewer_is_farthest_point_sampling(rng):
    cloud = rng.standard_normal((50, 3)).astype(np.float32)
    assert np.array_equal(resample_points(cloud, 8, rng), cloud[farthest_points(cloud, 8)])


def test_resampling_to_more_keeps_all_and_repeats_some(rng):
    cloud = rng.standard_normal((5, 3)).astype(np.float32)
    result = resample_points(cloud, 12, rng)
    assert result.shape == (12, 3)
    assert np.array_equal(result[:5], cloud)
    assert (result[5:, None] == cloud[None]).all(axis=-1).any(axis=1).all()
    assert np.array_equal(resample_points(cloud, 5, rng), cloud)


def test_resampling_thins_huge_clouds_first(rng, monkeypatch):
    monkeypatch.setattr("modeling_crossmost.geometry_crossmost.MAX_POINTS_FOR_FARTHEST_SAMPLING", 30)
    cloud = rng.standard_normal((500, 3)).astype(np.float32)
    result = resample_points(cloud, 10, rng)
    assert result.shape == (10, 3) and np.array_equal(result[0], cloud[0])
    assert (result[:, None] == cloud[None]).all(axis=-1).any(axis=1).all()


def test_geometry_to_cloud_takes_meshes_and_clouds(rng):
    for geometry in (trimesh.creation.icosphere(2), rng.standard_normal((30, 3))):
        cloud = geometry_to_cloud(geometry, 64, np.random.default_rng(0))
        assert cloud.shape == (64, 3) and cloud.dtype == np.float32
        assert np.linalg.norm(cloud, axis=1).max() == pytest.approx(1.0, abs=1e-6)


def test_a_models_cloud_depends_on_object_seed_and_axes_alone():
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    cloud = object_cloud(box, 50, 3, "z", "x")
    assert np.array_equal(cloud, object_cloud(box, 50, 3, "z", "x"))
    assert not np.array_equal(cloud, object_cloud(box, 50, 4, "z", "x"))
    upright = geometry_to_cloud(box, 50, np.random.default_rng(3))
    assert np.array_equal(cloud, convert_up_axis(upright, "z", "x"))
