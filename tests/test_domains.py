"""The two domains of the furniture: whole clean objects, and scans that are partial, noisy and on a floor."""

import numpy as np
import pytest
import trimesh

from dataset_scripts.furniture import domains
from dataset_scripts.furniture.catalogue import CLASSES, make_object


@pytest.fixture(scope="module")
def ball():
    return trimesh.creation.icosphere(subdivisions=4)


def raw_scan(monkeypatch, mesh, count, seed, noise=0.0, scale=(1.0, 1.0)):
    """Points of a scan before normalization, with the other disturbances fixed."""
    monkeypatch.setattr(domains, "normalize_points", lambda points: points)
    monkeypatch.setattr(domains, "NOISE", noise)
    monkeypatch.setattr(domains, "AXIS_SCALE", scale)
    return domains.scan_instance(mesh, count, np.random.default_rng(seed)).points


def test_how_hard_the_scan_is_cannot_be_tuned():
    assert (domains.UNSEEN_SHARE, domains.NOISE) == ((0.3, 0.5), 0.01)
    assert (domains.FLOOR_SHARE, domains.AXIS_SCALE) == ((0.05, 0.15), (0.7, 1.4))


def test_a_scanner_misses_30_to_50_percent_of_a_ball(monkeypatch, ball):
    shares = []
    for seed in range(12):
        points = raw_scan(monkeypatch, ball, 3000, seed)
        surface = points[points[:, 1] > points[:, 1].min() + 1e-6]
        surface = surface[np.abs(np.linalg.norm(surface, axis=1) - 1) < 0.02]
        # A scanner sees a cap; the area of a cap down to the height t along its axis is (1 - t) / 2 of the ball.
        axis = surface.mean(axis=0) / np.linalg.norm(surface.mean(axis=0))
        shares.append((1 + (surface @ axis).min()) / 2)
    assert min(shares) > 0.27
    assert max(shares) < 0.52
    assert np.ptp(shares) > 0.08


def test_visible_samples_come_before_hidden_ones():
    mesh = make_object("chair", 3).mesh
    rng = np.random.default_rng(0)
    points, faces = trimesh.sample.sample_surface(mesh, 150, seed=1)
    direction = rng.normal(size=3) * (1, 0.2, 1)
    direction /= np.linalg.norm(direction)
    normals = mesh.face_normals[faces]
    order = domains.visible_first(mesh, points, normals, direction)
    assert sorted(order) == list(range(150))
    starts = points + 1e-3 * mesh.scale * normals * np.where(normals @ direction >= 0, 1, -1)[:, None]
    hidden = hits_any(mesh.triangles, starts, direction)
    count = int((~hidden).sum())
    assert 10 < count < 140
    agree = (~hidden[order[:count]]).mean()
    assert agree > 0.97
    along = points[order[:count]] @ direction
    assert (np.diff(along) <= 1e-9).all()


def hits_any(triangles, starts, direction):
    """Moeller and Trumbore's test of every ray against every triangle."""
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    cross = np.cross(direction, second)
    determinant = (first * cross).sum(axis=1)
    usable = np.abs(determinant) > 1e-14
    inverse = 1.0 / np.where(usable, determinant, 1.0)
    result = np.zeros(len(starts), dtype=bool)
    for index, start in enumerate(starts):
        away = start - triangles[:, 0]
        u = (away * cross).sum(axis=1) * inverse
        turned = np.cross(away, first)
        v, distance = turned @ direction * inverse, (second * turned).sum(axis=1) * inverse
        result[index] = (usable & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 1e-9)).any()
    return result


def test_5_to_15_percent_of_the_points_lie_on_the_floor(monkeypatch, ball):
    shares = []
    for seed in range(20):
        points = raw_scan(monkeypatch, ball, 1000, seed)
        on_floor = points[:, 1] <= points[:, 1].min() + 1e-9
        shares.append(on_floor.mean())
        reach = np.linalg.norm(points[on_floor][:, [0, 2]], axis=1).max()
        assert 1.0 < reach <= 1.2 * np.sqrt(2) + 1e-3
    assert min(shares) >= 0.0495
    assert max(shares) <= 0.1505
    assert np.ptp(shares) > 0.05


def test_noise_is_a_hundredth_of_the_radius(monkeypatch, ball):
    points = raw_scan(monkeypatch, ball, 4000, 0, noise=domains.NOISE)
    off = np.linalg.norm(points, axis=1) - 1
    surface = off[(points[:, 1] > -0.6) & (np.abs(off) < 0.2)]
    assert surface.std() == pytest.approx(0.01 * np.sqrt(3), rel=0.1)


def test_both_domains_give_normalized_clouds_and_finite_meshes():
    for class_name in CLASSES:
        made = make_object(class_name, 1)
        for build in (domains.clean_instance, domains.scan_instance):
            instance = build(made.mesh, 512, np.random.default_rng(2))
            assert instance.points.shape == (512, 3) and instance.points.dtype == np.float32
            assert np.abs(instance.points.mean(axis=0)).max() < 1e-5
            assert np.linalg.norm(instance.points, axis=1).max() == pytest.approx(1.0, abs=1e-5)
            assert np.isfinite(instance.mesh.vertices).all()
            assert instance.mesh.visual.face_colors.shape == (len(instance.mesh.faces), 4)
            again = build(made.mesh, 512, np.random.default_rng(2))
            assert np.array_equal(instance.points, again.points)


def test_clean_keeps_the_shape_at_any_yaw(monkeypatch):
    mesh = make_object("sofa", 0).mesh
    placed = [domains.clean_instance(mesh, 64, np.random.default_rng(seed)).mesh for seed in range(3)]
    for copy in placed:
        assert np.allclose(copy.edges_unique_length, mesh.edges_unique_length)
        assert np.allclose(copy.vertices[:, 1], mesh.vertices[:, 1])
    assert not np.allclose(placed[0].vertices, placed[1].vertices)


def test_the_scan_is_lit_from_a_lamp_in_the_room_before_a_wall():
    styles = [domains.scan_view_style(np.random.default_rng(seed)) for seed in range(20)]
    clean = [domains.clean_view_style(np.random.default_rng(seed)) for seed in range(20)]
    assert {style.light_frame for style in styles} == {"world"} != {style.light_frame for style in clean}
    assert len({style.background_top for style in styles}) == len({style.base_color for style in styles}) == 20
    assert not any(style.use_colors for style in styles) and any(style.use_colors for style in clean)
    assert all(
        max(style.base_color) == pytest.approx(210.0) and min(style.base_color) >= 0.55 * 210.0 for style in styles
    )
    assert all(style.background_top != style.background_bottom for style in styles)
    assert all(style.background_top == style.background_bottom for style in clean)
