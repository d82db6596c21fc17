"""Ray-cast views of meshes and realistic projection of clouds."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from numpy.lib.stride_tricks import sliding_window_view

from modeling_crossmost.geometry_crossmost import sample_surface
from modeling_crossmost.rendering_crossmost import (
    DEPTH_CAMERA,
    SHADED_CAMERA,
    Camera,
    ProjectionStyle,
    RenderStyle,
    camera_ring,
    camera_rotations,
    depth_views,
    frame_extent,
    project_points,
    render_mesh,
    shaded_views,
)


FRONT = Camera(0.0, 0.0, 3.0, 40.0)
FLAT = Camera(0.0, 0.0, 3.0, 0.0)
UNLIT = RenderStyle(ambient=1.0, diffuse=0.0, depth_cue=0.0, background_top=(0, 0, 0), background_bottom=(0, 0, 0))
WHITE = RenderStyle(
    ambient=1.0,
    diffuse=0.0,
    depth_cue=0.0,
    base_color=(255, 255, 255),
    background_top=(0, 0, 0),
    background_bottom=(0, 0, 0),
)


def square(flip: bool = False, tilt: float = 0.0) -> trimesh.Trimesh:
    """A square of side 2 in the plane z = 0, turned about the x axis by `tilt` degrees."""
    faces = [[0, 1, 2], [0, 2, 3]]
    mesh = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], faces, process=False)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(np.radians(tilt), [1, 0, 0]))
    if flip:
        mesh.faces = mesh.faces[:, ::-1].copy()
    return mesh


def colored_box() -> trimesh.Trimesh:
    """Faces towards +x red, +y green, +z blue, the others gray."""
    box = trimesh.creation.box()
    colors = np.full((12, 4), 128, dtype=np.uint8)
    for axis in range(3):
        colors[box.face_normals[:, axis] > 0.5] = [*(255 * np.eye(3)[axis]), 255]
    box.visual.face_colors = colors
    return box


def chair() -> trimesh.Trimesh:
    """A seat, a back and four thin legs, y up, facing +z."""
    parts = [((1.0, 0.1, 1.0), (0, 0.5, 0)), ((1.0, 1.0, 0.1), (0, 1.0, -0.45))]
    parts += [((0.1, 1.0, 0.1), (x, 0.0, z)) for x in (-0.45, 0.45) for z in (-0.45, 0.45)]
    boxes = []
    for extents, center in parts:
        boxes.append(trimesh.creation.box(extents))
        boxes[-1].apply_translation(center)
    return trimesh.util.concatenate(boxes)


# ----------------------------------------------------------------------------------------------------- cameras


def test_camera_rotations_are_the_documented_frames():
    rotations = camera_rotations(
        [Camera(0, 0, 3, 40), Camera(90, 0, 3, 40), Camera(0, 90, 3, 40), Camera(33, 21, 3, 40)]
    )
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(rotations), 1.0)
    assert np.allclose(rotations[0], np.eye(3))
    # The backward axis points to where the camera stands.
    assert np.allclose(rotations[:3, 2], [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_a_ring_has_equal_steps():
    ring = camera_ring(12, 30.0, 3.0, 40.0)
    assert [camera.azimuth for camera in ring] == list(range(0, 360, 30))
    assert {camera.elevation for camera in ring} == {30.0}
    with pytest.raises(ValueError, match="number of views must be at least 1"):
        camera_ring(0, 30.0, 3.0, 40.0)


@pytest.mark.parametrize(("distance", "view"), [(1.0, 40.0), (float("nan"), 40.0), (3.0, 180.0), (3.0, -1.0)])
def test_impossible_cameras_are_refused(distance, view):
    with pytest.raises(ValueError, match="A camera's"):
        Camera(0.0, 0.0, distance, view)


# ------------------------------------------------------------------------------------------------------ meshes


@pytest.mark.parametrize(("azimuth", "elevation", "axis"), [(90, 0, 0), (0, 90, 1), (0, 0, 2)])
def test_each_camera_sees_the_side_it_stands_at(azimuth, elevation, axis):
    image = render_mesh(colored_box(), [Camera(azimuth, elevation, 3.0, 40.0)], 33, UNLIT)[0]
    assert image[16, 16].tolist() == [255 if i == axis else 0 for i in range(3)]


def test_right_and_up_in_the_world_are_right_and_up_in_the_image():
    small = trimesh.creation.box((0.1, 0.1, 0.1))
    small.apply_translation([1.0, 1.0, 0.0])
    other = trimesh.creation.box((0.1, 0.1, 0.1))
    other.apply_translation([-1.0, -1.0, 0.0])
    small.visual.face_colors = [255, 0, 0, 255]
    other.visual.face_colors = [0, 0, 255, 255]
    image = render_mesh(trimesh.util.concatenate([small, other]), [FRONT], 64, UNLIT)[0]
    rows, columns = np.nonzero(image[..., 0] > 100)
    assert rows.max() < 32 and columns.min() > 32
    rows, columns = np.nonzero(image[..., 2] > 100)
    assert rows.min() > 32 and columns.max() < 32


def test_brightness_is_lamberts_law():
    tilt = 35.0
    style = RenderStyle(
        light=(0, 0, 5), ambient=0.1, diffuse=0.8, headlight=0.0, depth_cue=0.0, base_color=(200, 100, 50)
    )
    image = render_mesh(square(tilt=tilt), [FLAT], 21, style)[0]
    expected = (0.1 + 0.8 * np.cos(np.radians(tilt))) * np.array([200, 100, 50])
    assert np.abs(image[10, 10] - expected).max() <= 0.5
    # A light from the side: its angle to the normal (0, -sin, cos) counts, the viewer's does not.
    style = RenderStyle(
        light=(0, -1, 0), ambient=0.0, diffuse=1.0, headlight=0.0, depth_cue=0.0, base_color=(200, 200, 200)
    )
    image = render_mesh(square(tilt=tilt), [FLAT], 21, style)[0]
    assert abs(int(image[10, 10, 0]) - 200 * np.sin(np.radians(tilt))) <= 0.5


@pytest.mark.parametrize("field_of_view", [0.0, 40.0])
def test_the_depth_cue_darkens_a_ball_as_its_depth_says(field_of_view):
    camera, size, cue = Camera(25.0, 10.0, 3.0, field_of_view), 65, 0.8
    style = replace(UNLIT, base_color=(250.0, 250.0, 250.0), use_colors=False, depth_cue=cue)
    ball = trimesh.creation.icosphere(subdivisions=5)
    image = render_mesh(ball, [camera], size, style, fill=None)[0, ..., 0].astype(float)
    # Where the ray from the camera (0, 0, d) through the pixel meets the unit sphere, in the camera's frame.
    step = (np.arange(size) + 0.5) * 2 / size - 1
    x, y = np.meshgrid(step, -step)
    if field_of_view == 0.0:
        z = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
        hit = x**2 + y**2 < 0.9
    else:
        square = (x**2 + y**2) * np.tan(np.radians(20.0)) ** 2
        inside = 9 - (1 + square) * 8
        z = 3 - (3 - np.sqrt(np.clip(inside, 0, None))) / (1 + square)
        hit = inside > 0.1
    assert np.abs(image - 250 * (1 - cue * (1 - (z + 1) / 2)))[hit].max() < 2
    assert hit.sum() > 1000 and np.ptp(image[hit]) > 40


def test_both_sides_of_a_face_look_alike():
    for style in (RenderStyle(), RenderStyle(light_frame="world", headlight=0.0)):
        views = [render_mesh(square(flip, tilt=20.0), camera_ring(3, 20, 3, 40), 24, style) for flip in (False, True)]
        assert np.array_equal(views[0], views[1])


def test_a_light_in_the_world_does_not_turn_with_the_camera():
    ring = camera_ring(2, 0.0, 3.0, 40.0)
    side = RenderStyle(light=(0, 0, 1), light_frame="world", ambient=0.2, diffuse=0.8, headlight=0.0, depth_cue=0.0)
    front, back = render_mesh(trimesh.creation.box(), ring, 17, side)[:, 8, 8, 0]
    assert front == pytest.approx(side.base_color[0], abs=1) and back == pytest.approx(0.2 * side.base_color[0], abs=1)
    attached = RenderStyle(light=(0, 0, 1), ambient=0.2, diffuse=0.8, headlight=0.0, depth_cue=0.0)
    front, back = render_mesh(trimesh.creation.box(), ring, 17, attached)[:, 8, 8, 0]
    assert front == back


def test_the_background_runs_from_top_to_bottom():
    style = RenderStyle(background_top=(200, 0, 0), background_bottom=(0, 0, 100))
    image = render_mesh(trimesh.creation.icosphere(1), [FRONT], 41, style, supersample=2, fill=0.3)[0]
    assert image[0, 5].tolist() == [200, 0, 0] and image[40, 5].tolist() == [0, 0, 100]
    assert image[20, 0].tolist() == [100, 0, 50]
    # Rays that miss inside the object's window see the same background.
    corner = render_mesh(trimesh.creation.icosphere(1), [FRONT], 41, style, supersample=2, fill=1.0)[0]
    assert np.array_equal(corner[3, 3], image[3, 3])


@pytest.mark.parametrize("supersample", [1, 3])
def test_a_spheres_silhouette_has_the_right_area(supersample):
    image = render_mesh(trimesh.creation.icosphere(4), [FLAT], 64, WHITE, supersample=supersample, fill=0.9)[0]
    assert image.mean() / 255.0 == pytest.approx(np.pi / 4 * 0.9**2, rel=0.01)
    soft = ((image > 0) & (image < 255)).any()
    assert soft == (supersample > 1)


def test_place_and_size_of_a_mesh_do_not_matter():
    mesh, moved = chair(), chair()
    moved.apply_scale(1000.0)
    moved.apply_translation([5e3, -1e3, 20.0])
    first, second = (shaded_views(item, count=2, image_size=48).astype(int) for item in (mesh, moved))
    assert (np.abs(first - second) > 2).mean() < 0.01


@pytest.mark.parametrize("elevation", [0.0, 30.0, 80.0])
@pytest.mark.parametrize("view", [0.0, 40.0])
def test_objects_fill_the_frame_and_are_not_cut(elevation, view):
    for mesh in (chair(), trimesh.creation.box((4, 1, 0.2)), trimesh.creation.icosphere(3)):
        images = render_mesh(mesh, camera_ring(8, elevation, 3.0, view), 64, WHITE, fill=0.9)
        covered = (images > 0).any(axis=(0, 3))
        edge = np.abs(np.argwhere(covered) + 0.5 - 32).max() / 32
        # The reach is that of the object turned in all ways: 8 views may miss its widest turn by a little.
        assert 0.8 <= edge <= 0.97


def test_the_size_of_an_object_does_not_depend_on_the_views_asked_for():
    ring = camera_ring(12, 30.0, 3.0, 40.0)
    together = render_mesh(chair(), ring, 40)
    alone = np.concatenate([render_mesh(chair(), [camera], 40) for camera in ring])
    assert np.array_equal(together, alone)


def test_frame_extent_of_a_sphere_is_its_tangent():
    points = trimesh.creation.icosphere(4).vertices
    # A unit sphere at distance 3 is seen under the half angle asin(1/3).
    expected = np.tan(np.arcsin(1 / 3)) / np.tan(np.radians(20))
    assert frame_extent(points, FRONT) == pytest.approx(expected, rel=0.03)
    assert frame_extent(points, FLAT) == pytest.approx(1.0, rel=0.03)


def test_views_come_in_the_asked_shape():
    assert shaded_views(chair(), image_size=16, supersample=1).shape == (SHADED_CAMERA["count"], 16, 16, 3)
    assert shaded_views(chair(), cameras=[FRONT], image_size=16).shape == (1, 16, 16, 3)
    assert shaded_views(chair(), count=3, image_size=16).dtype == np.uint8


def test_unusable_requests_are_refused():
    box = trimesh.creation.box()
    with pytest.raises(ValueError, match="no camera"):
        render_mesh(box, [], 16)
    with pytest.raises(ValueError, match="image size must be at least 1"):
        render_mesh(box, [FRONT], 0)
    with pytest.raises(ValueError, match="rays along a pixel's side"):
        render_mesh(box, [FRONT], 16, supersample=0)
    with pytest.raises(ValueError, match=r"lie in \(0, 1\], got 2"):
        render_mesh(box, [FRONT], 16, fill=2.0)
    with pytest.raises(ValueError, match="has no faces"):
        render_mesh(trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), dtype=int)), [FRONT], 16)
    broken = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="NaN or infinite"):
        render_mesh(broken, [FRONT], 16)
    for wrong in ({"light": (0, 0, 0)}, {"light_frame": "moon"}, {"headlight": 1.5}, {"depth_cue": -0.1}):
        with pytest.raises(ValueError, match=r"light|depth cue"):
            RenderStyle(**wrong)


# ------------------------------------------------------------------------------------------------------ clouds


def cloud_of(mesh: trimesh.Trimesh, count: int = 1024) -> np.ndarray:
    return sample_surface(mesh, count, np.random.default_rng(0))[0]


@pytest.mark.parametrize("size", [32, 64, 224])
@pytest.mark.parametrize(("count", "least"), [(512, 0.68), (1024, 0.72), (8192, 0.85)])
def test_projected_silhouettes_match_ray_cast_ones(size, count, least):
    ring = camera_ring(4, 26.0, 3.0, 40.0)
    for mesh in (chair(), trimesh.creation.box((1, 2, 1)), trimesh.creation.icosphere(3)):
        drawn = render_mesh(mesh, ring, size, WHITE, supersample=2)[..., 0] > 127
        projected = project_points(cloud_of(mesh, count), ring, size)[..., 0] > 25
        assert (drawn & projected).sum() / (drawn | projected).sum() > least


@pytest.mark.parametrize("size", [64, 224])
@pytest.mark.parametrize("count", [1024, 8192])
def test_surfaces_are_solid_and_gaps_stay_open(size, count):
    ring = camera_ring(4, 26.0, 3.0, 40.0)
    images = project_points(cloud_of(chair(), count), ring, size)[..., 0]
    drawn = render_mesh(chair(), ring, size, WHITE)[..., 0] > 0
    side = size // 11
    margin = (side // 2, (side - 1) // 2)
    around = sliding_window_view(np.pad(drawn, ((0, 0), margin, margin), mode="edge"), (side, side), axis=(1, 2))
    surface, gap = around.all(axis=(3, 4)), ~around.any(axis=(3, 4))
    assert surface.sum() > 0.05 * surface.size
    assert (images[surface] > 25).mean() > 0.995
    assert (images[gap] == 0).mean() > 0.995
    # Between the front legs, below the seat, one looks through.
    assert gap[0, int(0.86 * size), size // 2] and images[0, int(0.86 * size), size // 2] == 0
    assert images[0, int(0.86 * size)].max() > 25


def test_near_surfaces_hide_far_ones_and_are_brighter():
    rng = np.random.default_rng(0)
    near, far = rng.uniform(-0.5, 0.5, (2, 1500, 3))
    far[:, :2] *= 2.0
    near[:, 2], far[:, 2] = 0.5, -0.5
    image = project_points(np.concatenate([near, far]), [FLAT], 64)[0, ..., 0]
    inner, outer = image[24:40, 24:40], image[24:40, 6:10]
    assert inner.min() > 230
    assert outer.min() > 25 and outer.max() < 120


def test_depth_follows_distance_monotonically():
    slope = cloud_of(square(tilt=-70.0), 4096)
    column = project_points(slope, [FLAT], 64)[0, :, 32, 0].astype(int)
    inside = column[column > 0]
    # Tilted back: the lower edge is near. Edges are soft, so look inside.
    assert (np.diff(inside[2:-2]) >= 0).mean() > 0.8 and inside[-4] > inside[3] + 60


def test_channels_are_equal_the_background_is_black_and_inversion_inverts():
    cloud = cloud_of(chair())
    images = depth_views(cloud, image_size=32)
    assert images.shape == (DEPTH_CAMERA["count"], 32, 32, 3) and images.dtype == np.uint8
    assert (images == images[..., :1]).all()
    assert (images[:, 0] == 0).all()
    inverted = depth_views(cloud, image_size=32, style=ProjectionStyle(invert=True))
    assert np.array_equal(inverted, 255 - images)


def test_place_size_and_view_count_do_not_change_a_projection():
    cloud = cloud_of(chair())
    ring = camera_ring(10, 26.0, 3.0, 40.0)
    together = project_points(cloud, ring, 48)
    alone = np.concatenate([project_points(cloud, [camera], 48) for camera in ring])
    assert np.abs(together.astype(int) - alone).max() <= 1
    moved = project_points(cloud * 128.0 + 64.0, ring, 48).astype(int)
    assert (np.abs(moved - together) > 8).mean() < 0.02


@pytest.mark.parametrize("cloud", [np.zeros((1, 3)), np.ones((10, 3)), np.array([[0, 0, 0], [0, 1.0, 0]])])
def test_tiny_clouds_leave_something_to_see(cloud):
    images = depth_views(cloud, count=2, image_size=24)
    assert (images.max(axis=(1, 2, 3)) > 0).all()


def test_unusable_clouds_are_refused():
    with pytest.raises(ValueError, match="is empty"):
        depth_views(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="NaN"):
        depth_views(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="number of views"):
        depth_views(np.zeros((4, 3)), count=0)
