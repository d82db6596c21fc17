"""Renders views of meshes (ray casting) and of clouds (realistic projection) on the CPU, without OpenGL.

World coordinates are right-handed, y up. A camera at azimuth 0 and elevation 0 is on the +z axis (the front in glTF)
and looks at the origin; azimuth increases toward +x, elevation toward +y. Images are uint8 RGB, row 0 at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .geometry_crossmost import Mesh, check_points, convert_up_axis, import_optional, orient_geometry
from .materials_crossmost import SurfaceColors, surface_colors


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the origin.

    Attributes:
        azimuth, elevation: direction from the origin to the camera, in degrees.
        distance: distance from the origin in object radii (objects are scaled into the unit sphere), more than 1.
        field_of_view: full angle of the square frame, in degrees. 0 is an orthographic camera, whose frame spans
            [-1, 1] and whose distance only offsets depth.

    Raises:
        ValueError: if the distance is at most 1 or the field of view is outside [0, 180).
    """

    azimuth: float
    elevation: float
    distance: float
    field_of_view: float

    def __post_init__(self):
        if not self.distance > 1.0:
            raise ValueError(f"A camera's distance must be more than 1 object radius, got {self.distance}.")
        if not 0.0 <= self.field_of_view < 180.0:
            raise ValueError(f"A camera's field of view must lie in [0, 180) degrees, got {self.field_of_view}.")


def camera_ring(
    count: int, elevation: float, distance: float, field_of_view: float, start_azimuth: float = 0.0
) -> list[Camera]:
    """Return `count` cameras at equal steps of azimuth around the up axis; angles in degrees, see `Camera`.

    Raises:
        ValueError: if `count` is below one.
    """
    if count < 1:
        raise ValueError(f"The number of views must be at least 1, got {count}.")
    step = 360.0 / count
    return [Camera(start_azimuth + step * i, elevation, distance, field_of_view) for i in range(count)]


# Cameras of the default views, which dataset cards document.
SHADED_CAMERA: dict[str, Any] = {
    "count": 12,
    "elevation": 30.0,
    "distance": 3.0,
    "field_of_view": 40.0,
    "start_azimuth": 0.0,
}
DEPTH_CAMERA: dict[str, Any] = {
    "count": 10,
    "elevation": 26.0,
    "distance": 3.0,
    "field_of_view": 40.0,
    "start_azimuth": 0.0,
}

# Fraction of the half frame that an object extends to in the default views.
DEFAULT_FILL = 0.95


@dataclass(frozen=True)
class RenderStyle:
    """Shading parameters of `render_mesh`. Colors are RGB in [0, 255].

    A face of color c gets c * (ambient + diffuse * ((1 - headlight) * max(0, n . light) + headlight * |n . v|)),
    where the unit normal n is turned toward the camera (both sides of a face are shaded alike) and v points from the
    face to the camera; the factor is clipped to 1. A depth cue q multiplies the result by 1 - q (1 - t), where t goes
    from 0 on the far side of the object's bounding sphere to 1 on the near side.

    Attributes:
        light: direction toward the light, of any length.
        light_frame: "camera" (x right, y up, z toward the viewer) or "world".
        ambient, diffuse: intensities of the ambient and the directional light.
        headlight: fraction in [0, 1] of the directional light that comes from the camera itself.
        depth_cue: how much darker the far side is than the near side, in [0, 1]; keeps depth readable in small images.
        base_color: color of meshes without colors.
        use_colors: whether to use the mesh's own colors (of faces, vertices, materials and textures).
        background_top, background_bottom: colors of the first and the last row, linearly interpolated between them.

    Raises:
        ValueError: for an unknown light frame, a light without direction, or a fraction outside [0, 1].
    """

    light: tuple[float, float, float] = (0.4, 0.7, 0.6)
    light_frame: str = "camera"
    ambient: float = 0.35
    diffuse: float = 0.75
    headlight: float = 0.6
    depth_cue: float = 0.75
    base_color: tuple[float, float, float] = (210.0, 210.0, 210.0)
    use_colors: bool = True
    background_top: tuple[float, float, float] = (24.0, 24.0, 24.0)
    background_bottom: tuple[float, float, float] = (24.0, 24.0, 24.0)

    def __post_init__(self):
        if self.light_frame not in ("camera", "world"):
            raise ValueError(f'The light frame must be "camera" or "world", got {self.light_frame!r}.')
        if not np.linalg.norm(self.light) > 0.0:
            raise ValueError("The light's direction must not be the zero vector.")
        if not 0.0 <= self.headlight <= 1.0:
            raise ValueError(f"The headlight must lie in [0, 1], got {self.headlight}.")
        if not 0.0 <= self.depth_cue <= 1.0:
            raise ValueError(f"The depth cue must lie in [0, 1], got {self.depth_cue}.")


DEFAULT_STYLE = RenderStyle()


def camera_rotations(cameras: Sequence[Camera]) -> np.ndarray:
    """Return world-to-camera rotations (V, 3, 3), whose rows are the camera's right, up and backward axes."""
    azimuth = np.radians([camera.azimuth for camera in cameras])
    elevation = np.radians([camera.elevation for camera in cameras])
    sin_a, cos_a, sin_e, cos_e = np.sin(azimuth), np.cos(azimuth), np.sin(elevation), np.cos(elevation)
    # `0 * sin_a` is an array of zeros, as all entries must have the same shape.
    rows = [[cos_a, 0 * sin_a, -sin_a], [-sin_e * sin_a, cos_e, -sin_e * cos_a], [cos_e * sin_a, sin_e, cos_e * cos_a]]
    return np.array(rows).transpose(2, 0, 1)


def fit_unit_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the center (3,) of the bounding box of points (N, 3) and their largest distance from it (1 if zero)."""
    center = (points.max(axis=0) + points.min(axis=0)) / 2.0
    radius = float(np.sqrt(((points - center) ** 2).sum(axis=1).max()))
    return center, radius if radius > 0.0 else 1.0


def _half_frame(camera: Camera) -> float:
    """Return half the width of the frame, at unit depth (perspective) or in world units (orthographic)."""
    return float(np.tan(np.radians(camera.field_of_view) / 2.0)) if camera.field_of_view > 0.0 else 1.0


def _project(points: np.ndarray, camera: Camera, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project points (N, 3) to frame coordinates x (right) and y (up), 1 at the frame's edge, and depth, each (N,)."""
    x, y, toward = rotation.astype(points.dtype) @ points.T
    depth = camera.distance - toward
    scale = _half_frame(camera) * (depth if camera.field_of_view > 0.0 else 1.0)
    return x / scale, y / scale, depth


# Half a turn is enough, since the frame is symmetric to its vertical axis.
_TURNS = np.radians(np.arange(0.0, 181.0, 22.5))


def frame_extent(points: np.ndarray, camera: Camera) -> float:
    """Return how far points (N, 3) extend in the frame (1: its edge), as the maximum over rotations about the up axis.

    The azimuth has no influence, so that all views of a ring, or a single one drawn from it, show an object at the same
    size.
    """
    rho, height = np.hypot(points[:, 0], points[:, 2]), points[:, 1]
    # Only the solid of revolution matters. It is bounded by the widest point of each of 64 horizontal slices, placed at
    # both the lower and the upper edge of its slice.
    low, high = height.min(), height.max()
    slices = np.minimum((height - low) * (64.0 / max(high - low, 1e-12)), 63.0).astype(np.int64)
    widest = np.full(64, -1.0)
    np.maximum.at(widest, slices, rho)
    used = widest >= 0.0
    edges = low + (high - low) / 64.0 * np.arange(64)[used]
    profile = np.concatenate([edges, edges + (high - low) / 64.0])
    widest = np.tile(widest[used], 2)
    ring = np.stack(
        [
            np.outer(np.sin(_TURNS), widest),
            np.broadcast_to(profile, (len(_TURNS), len(profile))),
            np.outer(np.cos(_TURNS), widest),
        ],
        axis=-1,
    ).reshape(-1, 3)
    level = Camera(0.0, camera.elevation, camera.distance, camera.field_of_view)
    x, y, _ = _project(ring, level, camera_rotations([level])[0])
    return float(max(np.abs(x).max(), np.abs(y).max()))


def _zooms(points: np.ndarray, cameras: Sequence[Camera], fill: float | None) -> list[float]:
    """Return for each camera the factor on frame coordinates with which the object extends to `fill`."""
    if fill is None:
        return [1.0] * len(cameras)
    if not 0.0 < fill <= 1.0:
        raise ValueError(f"The fraction of the frame to fill must lie in (0, 1], got {fill}.")
    # The cameras of a ring differ only in azimuth, and so share one extent.
    extents: dict[tuple[float, float, float], float] = {}
    for camera in cameras:
        key = (camera.elevation, camera.distance, camera.field_of_view)
        if key not in extents:
            extents[key] = frame_extent(points, camera)
    found = (extents[(c.elevation, c.distance, c.field_of_view)] for c in cameras)
    return [fill / extent if extent > 0.0 else 1.0 for extent in found]


def _check_request(cameras: Sequence[Camera], image_size: int) -> None:
    if len(cameras) == 0:
        raise ValueError("There is no camera: pass at least one.")
    if image_size < 1:
        raise ValueError(f"The image size must be at least 1 pixel, got {image_size}.")


# ----------------------------------------------------------------------------------------------------- meshes


def render_mesh(
    mesh: Mesh,
    cameras: Sequence[Camera],
    image_size: int,
    style: RenderStyle = DEFAULT_STYLE,
    supersample: int = 1,
    fill: float | None = DEFAULT_FILL,
) -> np.ndarray:
    """Render shaded views of a mesh by ray casting (Embree) with flat Lambert shading.

    The mesh is centered on its bounding box and scaled into the unit sphere. It keeps its own colors if it has any
    (`surface_colors`): vertex colors are interpolated and textures are looked up per ray. All surfaces are opaque.

    Args:
        mesh: y up, any units.
        cameras: V cameras.
        image_size: side R of the images, in pixels.
        style: light, colors and background.
        supersample: rays along each side of a pixel, which are averaged; 1 disables anti-aliasing.
        fill: fraction of the half frame that the object extends to, by zooming (`frame_extent`); `None` keeps the field
            of view of each camera.

    Returns:
        uint8 (V, R, R, 3).

    Raises:
        ValueError: for a mesh without faces or with coordinates that are not finite, no camera, or a size below one.
    """
    _check_request(cameras, image_size)
    if supersample < 1:
        raise ValueError(f"The number of rays along a pixel's side must be at least 1, got {supersample}.")
    if len(mesh.faces) == 0:
        raise ValueError("The mesh has no faces: render a cloud with project_points instead.")
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int32)
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    used = np.unique(faces)  # vertices without a face must not influence the scale
    if not np.isfinite(vertices[used]).all():
        raise ValueError("The mesh has NaN or infinite coordinates: remove them.")
    center, radius = fit_unit_sphere(vertices[used])
    vertices = (vertices - center) / radius
    scene = _embree_scene(vertices, faces)
    zooms = _zooms(vertices[used], cameras, fill)
    planes = _face_planes(vertices[faces])
    surface = surface_colors(mesh) if style.use_colors else None
    colors = _shaded_faces(surface, vertices[faces].mean(axis=1), planes[:, :3], cameras, style)
    background = np.linspace(style.background_top, style.background_bottom, image_size)
    images = np.empty((len(cameras), image_size, image_size, 3), dtype=np.uint8)
    images[...] = np.rint(background)[:, None]
    rotations = camera_rotations(cameras)
    for image, camera, rotation, zoom, table in zip(images, cameras, rotations, zooms, colors, strict=True):
        # Rays are cast only where the object may be; the background of the rest has been filled in above.
        rows, columns = _window(vertices[used], camera, rotation, zoom, image_size)
        origins, directions = _rays(camera, rotation, zoom, image_size, supersample, rows, columns)
        hits, samples = _cast(scene, origins, directions, table, surface)
        if style.depth_cue > 0.0:
            near = _nearness(hits, origins, directions, planes, camera)
            samples[..., :3] *= 1.0 - style.depth_cue * (1.0 - near[..., None])
        image[rows, columns] = _composite(samples, background[rows], supersample)
    return images


def _embree_scene(vertices: np.ndarray, faces: np.ndarray) -> Any:
    scene = import_optional("embreex.rtcore_scene", "Rendering meshes").EmbreeScene()
    construction = import_optional("embreex.mesh_construction", "Rendering meshes")
    construction.TriangleMesh(scene=scene, vertices=np.ascontiguousarray(vertices, dtype=np.float32), indices=faces)
    return scene


def _face_planes(corners: np.ndarray) -> np.ndarray:
    """Return unit normals n and offsets n . p (F, 4) of faces with corners (F, 3, 3); zero for faces without area."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    return np.concatenate([normals, (normals * corners[:, 0]).sum(axis=1, keepdims=True)], axis=1)


def _shaded_faces(
    surface: SurfaceColors | None,
    centroids: np.ndarray,
    normals: np.ndarray,
    cameras: Sequence[Camera],
    style: RenderStyle,
) -> np.ndarray:
    """Return the shaded color and coverage uint8 (V, F + 1, 4) of every face as seen by every camera.

    The last row is the background, all zeros, which index -1 (no hit) selects. Faces whose color varies are shaded as
    if white, to be multiplied by the color where a ray hits them.

    Args:
        surface: colors of the faces, or `None`.
        centroids, normals: (F, 3), of the centered and scaled faces.
        cameras: V cameras.
        style: light and colors.
    """
    if surface is None:
        base = np.asarray(style.base_color)
    else:
        base = np.where(surface.varying[:, None], 255.0, surface.faces[:, :3])
    light = np.asarray(style.light) / np.linalg.norm(style.light)
    tables = np.zeros((len(cameras), len(normals) + 1, 4), dtype=np.uint8)
    for table, camera, rotation in zip(tables, cameras, camera_rotations(cameras), strict=True):
        if camera.field_of_view > 0.0:
            toward = rotation[2] * camera.distance - centroids
            toward /= np.linalg.norm(toward, axis=1, keepdims=True)
            facing = (normals * toward).sum(axis=1)
        else:
            facing = normals @ rotation[2]
        world_light = light @ rotation if style.light_frame == "camera" else light
        side = np.maximum((normals @ world_light) * np.where(facing < 0.0, -1.0, 1.0), 0.0)
        directional = (1.0 - style.headlight) * side + style.headlight * np.abs(facing)
        intensity = np.clip(style.ambient + style.diffuse * directional, 0.0, 1.0)
        table[:-1, :3] = np.rint(np.clip(intensity[:, None] * base, 0.0, 255.0))
        table[:-1, 3] = 1
    return tables


def _window(vertices: np.ndarray, camera: Camera, rotation: np.ndarray, zoom: float, size: int) -> tuple[slice, slice]:
    """Return the rows and columns of the image that the projected vertices span, clipped to the image."""
    x, y, _ = _project(vertices, camera, rotation)
    spans = []
    for low, high in ((-y.max(), -y.min()), (x.min(), x.max())):
        # One pixel of margin against rounding; a window is never empty, even if the object lies outside the frame.
        start = int(np.floor((low * zoom + 1.0) * size / 2.0)) - 1
        stop = int(np.ceil((high * zoom + 1.0) * size / 2.0)) + 1
        spans.append(slice(min(max(start, 0), size - 1), max(min(stop, size), 1)))
    return spans[0], spans[1]


def _rays(
    camera: Camera, rotation: np.ndarray, zoom: float, size: int, supersample: int, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Return origins and directions of a window's rays, each float32 (h * supersample, w * supersample, 3).

    Directions are not of unit length: their component along the view is 1, so that ray parameters are depths.
    """
    fine = size * supersample
    steps = (np.arange(fine, dtype=np.float32) + 0.5) * (2.0 / fine) - 1.0
    half = _half_frame(camera) / zoom
    x = steps[columns.start * supersample : columns.stop * supersample] * half
    y = -steps[rows.start * supersample : rows.stop * supersample] * half
    right, up, back = rotation.astype(np.float32)
    plane = x[None, :, None] * right + y[:, None, None] * up
    if camera.field_of_view > 0.0:
        directions = plane - back
        origins = np.broadcast_to(back * np.float32(camera.distance), directions.shape)
    else:
        origins = plane + back * np.float32(camera.distance)
        directions = np.broadcast_to(-back, origins.shape)
    return np.ascontiguousarray(origins), np.ascontiguousarray(directions)


def _cast(
    scene: Any, origins: np.ndarray, directions: np.ndarray, table: np.ndarray, surface: SurfaceColors | None
) -> tuple[np.ndarray, np.ndarray]:
    """Cast rays; return the faces hit (h, w), -1 for none, and color and coverage float32 (h, w, 4).

    Args:
        scene: Embree scene.
        origins, directions: rays, float32 (h, w, 3).
        table: uint8 (F + 1, 4), one camera's part of `_shaded_faces`.
        surface: colors of the faces, for those whose color varies.
    """
    shape = origins.shape[:2]
    origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    if surface is None or not surface.varying.any():
        hits = scene.run(origins, directions).reshape(shape)
        return hits, _face_samples(hits, table)
    found = scene.run(origins, directions, output=True)
    hits = found["primID"]
    samples = _face_samples(hits, table)
    places = np.flatnonzero(surface.varying[hits] & (hits >= 0))
    # Embree's u and v are the barycentric coordinates of the second and third corner.
    second, third = found["u"][places], found["v"][places]
    weights = np.stack([1.0 - second - third, second, third], axis=1)
    colors = surface.at(hits[places], weights) / 255.0
    for channel in range(3):
        samples[places, channel] *= colors[:, channel]
    return hits.reshape(shape), samples.reshape(*shape, 4)


def _nearness(
    hits: np.ndarray, origins: np.ndarray, directions: np.ndarray, planes: np.ndarray, camera: Camera
) -> np.ndarray:
    """Return the nearness of hits, float32 (h, w): from 0 on the far side of the unit sphere to 1 on the near side.
    Args:
        hits: faces (h, w), -1 for none, which gets 0.
        origins, directions: rays, float32 (h, w, 3), of unit component along the view.
        planes: unit normals and offsets of the faces, (F, 4).
        camera: camera of the rays.
    """
    near = np.zeros(hits.shape, dtype=np.float32)
    hit = hits >= 0
    plane = planes.astype(np.float32)[hits[hit]]
    along = (plane[:, :3] * directions[hit]).sum(axis=1)
    gap = plane[:, 3] - (plane[:, :3] * origins[hit]).sum(axis=1)
    # A face seen exactly edge-on has no single depth; it gets that of the object's center.
    depth = np.divide(gap, along, out=np.full_like(gap, camera.distance), where=np.abs(along) > 1e-6)
    near[hit] = ((camera.distance + 1.0 - depth) / 2.0).clip(0.0, 1.0)
    return near


def _face_samples(hits: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up color and coverage float32 (h, w, 4) of faces (h, w), -1 for none, in a table uint8 (F + 1, 4)."""
    # Viewing a row as one 32-bit word takes a single gather instead of one per channel.
    return np.take(table.view(np.uint32)[:, 0], hits).view(np.uint8).reshape(*hits.shape, 4).astype(np.float32)


def _composite(samples: np.ndarray, background: np.ndarray, supersample: int) -> np.ndarray:
    """Average the rays of each pixel and blend them over the background; return uint8 (h, w, 3).

    Args:
        samples: color and coverage float32 (h * supersample, w * supersample, 4), all 0 for rays without a hit.
        background: color of each row, float (h, 3).
        supersample: rays along each side of a pixel.
    """
    total = np.zeros((samples.shape[0] // supersample, samples.shape[1] // supersample, 4), dtype=np.float32)
    for row in range(supersample):
        for column in range(supersample):
            total += samples[row::supersample, column::supersample]
    total /= supersample**2
    empty = 1.0 - total[..., 3:]
    return np.rint(total[..., :3] + empty * background[:, None].astype(np.float32)).astype(np.uint8)


def shaded_views(
    mesh: Mesh,
    count: int = 12,
    image_size: int = 224,
    style: RenderStyle = DEFAULT_STYLE,
    supersample: int = 2,
    cameras: Sequence[Camera] | None = None,
) -> np.ndarray:
    """Call `render_mesh` with a ring of `count` cameras as in `SHADED_CAMERA`, or with `cameras`.

    Returns:
        uint8 (V, R, R, 3).

    Raises:
        ValueError: as in `render_mesh`.
    """
    if cameras is None:
        cameras = camera_ring(**{**SHADED_CAMERA, "count": count})
    return render_mesh(mesh, cameras, image_size, style=style, supersample=supersample)


# ----------------------------------------------------------------------------------------------------- clouds


@dataclass(frozen=True)
class ProjectionStyle:
    """Parameters of `project_points`. Lengths are multiples of the point spacing, the side of the frame / sqrt(N).

    Attributes:
        cells_per_spacing: resolution of the working grid, which has at least 16 cells per side and at most twice as
            many as the image has pixels.
        grow, shrink: radii of the silhouette's dilation and of the subsequent erosion. Their difference is the radius
            of a single point; gaps wider than twice `grow` stay open.
        depth_grow, depth_shrink: the same for the depth inside the silhouette. They are larger, so that a sparsely
            sampled surface still hides what is behind it.
        smooth: standard deviation of the final Gaussian.
        sharpness: slope of the silhouette's edge after smoothing; about 1 gives a soft edge.
        far: brightness of the farthest point; that of the nearest is 1, that of the background 0.
        invert: whether to draw dark objects on white, as PointCLIP V2 does, instead of bright objects on black.
    """

    cells_per_spacing: float = 3.0
    grow: float = 1.35
    shrink: float = 1.0
    depth_grow: float = 1.6
    depth_shrink: float = 1.1
    smooth: float = 0.4
    sharpness: float = 2.0
    far: float = 0.2
    invert: bool = False


DEFAULT_PROJECTION = ProjectionStyle()


def project_points(
    points: np.ndarray,
    cameras: Sequence[Camera],
    image_size: int,
    style: ProjectionStyle = DEFAULT_PROJECTION,
    fill: float | None = DEFAULT_FILL,
) -> np.ndarray:
    """Render a cloud as depth maps that look solid (realistic projection), near points bright on black.

    Follows PointCLIP V2 (quantize, densify, smooth, squeeze), which the paper uses for ModelNet40-d and ScanObjectNN,
    but with a z-buffer instead of its depth grid:

    1. Points are rasterized into a grid whose resolution follows the density of the cloud; the nearest point wins.
    2. A local maximum of nearness grows points into surfaces that hide what is behind them, and a local minimum undoes
       the growth. Windows are smaller for the silhouette than for the depth inside it, so that gaps stay open.
    3. A Gaussian smooths the grid while resampling it to the size of the image.
    4. Nearness, stretched in each view from `style.far` to 1, becomes the brightness of three equal channels.

    Args:
        points: (N, 3), y up, any units; they are centered on their bounding box and scaled into the unit sphere.
        cameras: V cameras.
        image_size: side R of the images, in pixels.
        style: window sizes and brightness.
        fill: as in `render_mesh`.

    Returns:
        uint8 (V, R, R, 3).

    Raises:
        ValueError: for an unusable cloud, no camera, or a size below one.
    """
    _check_request(cameras, image_size)
    points = check_points(points)
    center, radius = fit_unit_sphere(points)
    points = ((points - center) / radius).astype(np.float32)
    zooms = _zooms(points, cameras, fill)
    side = np.sqrt(len(points))
    cells = int(np.clip(round(style.cells_per_spacing * side), 16, max(16, 2 * image_size)))
    # The limit keeps the few points of a tiny cloud from growing over the whole frame.
    spacing = min(cells / side, cells / 8.0)
    # The margin lets shapes grow beyond the frame: cut off at its edge, they would not shrink back.
    margin = 1 + round(max(style.grow, style.depth_grow) * spacing)
    nearness = _z_buffers(points, cameras, zooms, cells, margin, style.far)
    silhouette = _close((nearness > 0.0).astype(np.float32), style.grow * spacing, style.shrink * spacing)
    surface = _close(nearness, style.depth_grow * spacing, style.depth_shrink * spacing) * silhouette
    silhouette, surface = (grid[:, margin:-margin, margin:-margin] for grid in (silhouette, surface))
    weights = _resampling(cells, image_size, style.smooth * spacing)
    cover = weights @ silhouette @ weights.T
    # Dividing by the coverage keeps the background from darkening the edges; the silhouette is applied afterwards.
    images = weights @ surface @ weights.T / np.maximum(cover, 1e-6)
    images *= np.clip((cover - 0.5) * style.sharpness + 0.5, 0.0, 1.0)
    levels = np.rint(images * 255.0).astype(np.uint8)
    if style.invert:
        levels = 255 - levels
    return np.repeat(levels[..., None], 3, axis=-1)


def _z_buffers(
    points: np.ndarray, cameras: Sequence[Camera], zooms: list[float], cells: int, margin: int, far: float
) -> np.ndarray:
    """Return the nearness float32 (V, G, G) of each cell's nearest point, from `far` to 1 in a view, 0 without points.

    The G cells per side are `cells`, which span the frame, plus `margin` on both sides.
    """
    side = cells + 2 * margin
    buffers = np.zeros((len(cameras), side * side), dtype=np.float32)
    for buffer, camera, rotation, zoom in zip(buffers, cameras, camera_rotations(cameras), zooms, strict=True):
        x, y, depth = _project(points, camera, rotation)
        column = np.floor((1.0 + x * zoom) * (cells / 2.0)).astype(np.int64) + margin
        row = np.floor((1.0 - y * zoom) * (cells / 2.0)).astype(np.int64) + margin
        inside = (column >= 0) & (column < side) & (row >= 0) & (row < side)
        nearest, span = depth.min(), np.ptp(depth)
        value = 1.0 - (1.0 - far) * (depth - nearest) / (span if span > 0.0 else 1.0)
        # Unbuffered, unlike indexed assignment: a cell with several points keeps the nearest.
        np.maximum.at(buffer, (row * side + column)[inside], value[inside].astype(np.float32))
    return buffers.reshape(len(cameras), side, side)


def _close(values: np.ndarray, grow: float, shrink: float) -> np.ndarray:
    """Grayscale dilation, then erosion, of (V, G, G) with square windows of radii in cells (rounded)."""
    for choose, radius in ((np.maximum, grow), (np.minimum, shrink)):
        for axis in (1, 2):
            values = _slide(values, choose, round(radius), axis)
    return values


def _slide(values: np.ndarray, choose: np.ufunc, radius: int, axis: int) -> np.ndarray:
    """Take the maximum or minimum over windows of 2 * radius + 1 values along an axis, clipped at its ends."""
    if radius == 0:
        return values
    window, width = 2 * radius + 1, 1
    ends = [(0, 0)] * values.ndim
    ends[axis] = (radius, radius)
    values = np.moveaxis(np.pad(values, ends, mode="edge"), axis, 0)
    while width < window:  # two overlapping windows of `width` cover one of `width + step`, so log2(window) steps do
        step = min(width, window - width)
        values, width = choose(values[:-step], values[step:]), width + step
    return np.moveaxis(values, 0, axis)


@lru_cache(maxsize=64)
def _resampling(cells: int, image_size: int, sigma: float) -> np.ndarray:
    """Return resampling weights (image_size, cells): Gaussians of `sigma` cells around pixel centers, with sum 1."""
    pixels = (np.arange(image_size) + 0.5) * (cells / image_size) - 0.5
    # A narrower kernel would alias if the grid is finer than the image, and show single cells if it is coarser.
    width = max(sigma, 0.4 * max(1.0, cells / image_size))
    kernel = np.exp(-0.5 * ((pixels[:, None] - np.arange(cells)) / width) ** 2)
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)


def depth_views(
    points: np.ndarray,
    count: int = 10,
    image_size: int = 224,
    style: ProjectionStyle = DEFAULT_PROJECTION,
    cameras: Sequence[Camera] | None = None,
) -> np.ndarray:
    """Call `project_points` with a ring of `count` cameras as in `DEPTH_CAMERA`, or with `cameras`.

    Returns:
        uint8 (V, R, R, 3).

    Raises:
        ValueError: as in `project_points`.
    """
    if cameras is None:
        cameras = camera_ring(**{**DEPTH_CAMERA, "count": count})
    return project_points(points, cameras, image_size, style=style)


# ---------------------------------------------------------------------------------------------------- objects


def object_views(
    geometry: Mesh | np.ndarray,
    cloud: np.ndarray,
    count: int,
    image_size: int,
    source_axis: str = "y",
    target_axis: str = "y",
) -> np.ndarray:
    """Render the views of an object that a model takes: shaded views of a mesh, or depth maps of a cloud.

    Args:
        geometry: mesh or cloud in its own units and axes.
        cloud: points (N, 3) of the object that the model takes (`object_cloud`); depth maps show these.
        count: number of views V.
        image_size: side R of the views, in pixels.
        source_axis, target_axis: the axis that points up in `geometry` and in `cloud`.

    Returns:
        uint8 (V, R, R, 3), y up.

    Raises:
        ValueError: as in `render_mesh` and `project_points`, and for an unknown axis.
    """
    if isinstance(geometry, np.ndarray):
        return depth_views(convert_up_axis(cloud, target_axis), count=count, image_size=image_size)
    return shaded_views(orient_geometry(geometry, source_axis), count=count, image_size=image_size)
