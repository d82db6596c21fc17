"""Files that well-kept libraries read, each an optional package: LAS, LAZ and E57 scans, 3MF and COLLADA scenes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np

from .geometry_crossmost import import_optional
from .materials_crossmost import surface_colors
from .parts_crossmost import Part, Reading, Refusal, Source


def read_las(source: Source) -> Reading:
    """Read the points of a LAS or LAZ file with laspy; colors have 16 bits, or 8 where a writer did not scale them.

    Raises:
        ImportError: without laspy, or for LAZ without lazrs.
        Refusal: if the file announces more points than the limits allow.
    """
    laspy = import_optional("laspy", "Reading LAS and LAZ files")
    with laspy.open(BytesIO(source.data)) as reader:
        if reader.header.are_points_compressed:
            import_optional("lazrs", "Reading LAZ files")
        source.spend(0, reader.header.point_count)
        cloud = reader.read()
    points = np.stack([np.asarray(axis, dtype=np.float64) for axis in (cloud.x, cloud.y, cloud.z)], axis=1)
    names = set(cloud.point_format.dimension_names)
    if not {"red", "green", "blue"} <= names:
        return Reading([Part(points)])
    levels = np.stack([np.asarray(cloud[name]) for name in ("red", "green", "blue")], axis=1)
    if not levels.any():  # the format has room for colors, the scan has none
        return Reading([Part(points)])
    return Reading([Part(points, point_colors=(levels >> 8 if levels.max() > 255 else levels).astype(np.uint8))])


def read_e57(source: Source) -> Reading:
    """Read all scans of an E57 file, each in its place, with pye57.

    Raises:
        ImportError: without pye57.
        Refusal: if it holds no scan, or more points than the limits allow, or no file may be written.
    """
    pye57 = import_optional("pye57", "Reading E57 files")
    parts = []
    with _as_path(source.data, ".e57") as path:
        file = pye57.E57(path)
        try:
            for index in range(file.scan_count):
                source.spend(0, file.get_header(index).point_count)
                scan = file.read_scan(index, colors=True, ignore_missing_fields=True)
                parts.append(_scan_part(scan))
        finally:
            file.close()
    if not parts:
        raise Refusal("it holds no scan.")
    return Reading(parts, [] if len(parts) == 1 else [f"{len(parts)} scans were merged, each in its place."])


def _scan_part(scan: dict[str, np.ndarray]) -> Part:
    points = np.stack([np.asarray(scan[f"cartesian{axis}"], dtype=np.float64) for axis in "XYZ"], axis=1)
    if not all(f"color{name}" in scan for name in ("Red", "Green", "Blue")):
        return Part(points)
    levels = np.stack([scan[f"color{name}"] for name in ("Red", "Green", "Blue")], axis=1)
    return Part(points, point_colors=np.clip(levels, 0, 255).astype(np.uint8))


@contextmanager
def _as_path(data: bytes, ending: str) -> Iterator[str]:
    """Give bytes a path for a library that opens files itself; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create(f"crossmost{ending}")
        try:
            try:
                with os.fdopen(os.dup(descriptor), "wb") as file:
                    file.write(data)
            except OSError:  # a sandbox allows not even that
                raise Refusal(
                    "its format needs a file to read from, which may not be written here: export it as .laz or .ply, "
                    "or read it with the pipeline or crossmost-prepare."
                ) from None
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"file{ending}")
        with open(path, "wb") as file:
            file.write(data)
        yield path


def read_3mf(source: Source) -> Reading:
    """Read a 3MF file with trimesh, lxml and networkx.

    Raises:
        ImportError: without one of them.
        Refusal: if it has more than the limits allow.
    """
    for package in ("lxml", "networkx"):
        import_optional(package, "Reading 3MF files")
    return Reading(_scene(source, "3mf"), ["In 3MF the z axis points up."])


def read_dae(source: Source) -> Reading:
    """Read a COLLADA file with trimesh and pycollada.

    Raises:
        ImportError: without one of them.
        Refusal: if it has more than the limits allow.
    """
    import_optional("collada", "Reading COLLADA files")
    notes = [f"The file says that its {axis.lower()} axis points up." for axis in "XZ" if _up(source.data) == axis]
    return Reading(_scene(source, "dae"), notes)


def _up(data: bytes) -> str:
    """Return the up axis "X", "Y" or "Z" that a COLLADA file names; Y is the default."""
    found = data.partition(b"<up_axis>")[2][:8].strip()
    return found[:1].decode("ascii", "replace") if found[1:4] == b"_UP" else "Y"


def _scene(source: Source, kind: str) -> list[Part]:
    trimesh = import_optional("trimesh", "Reading meshes")
    scene = trimesh.load_scene(BytesIO(source.data), file_type=kind, process=False, resolver=_Resolver(source))
    return scene_parts(scene, source)


class _Resolver:
    """What trimesh asks for the files that a file refers to."""

    def __init__(self, source: Source):
        self.source = source

    def get(self, key: Any) -> bytes:
        return self.source.open_other(str(key))

    __getitem__ = get

    def namespaced(self, namespace: str) -> _Resolver:
        return self

    def keys(self) -> tuple[str, ...]:
        return ()


def scene_parts(scene: Any, source: Source) -> list[Part]:
    """Return the meshes and clouds of a `trimesh.Scene`, in place.

    Raises:
        Refusal: if it has more than `source` allows, or a face without its vertices.
    """
    trimesh = import_optional("trimesh", "Reading meshes")
    parts = []
    colors: dict = {}
    textures: dict = {}
    for node in scene.graph.nodes_geometry:
        transform, key = scene.graph[node]
        part = scene.geometry[key]
        # Skip paths: their vertices are not samples of a surface.
        if not isinstance(part, trimesh.Trimesh | trimesh.PointCloud) or len(part.vertices) == 0:
            continue
        faces = np.asarray(getattr(part, "faces", np.zeros((0, 3))), dtype=np.int64)
        source.spend(len(faces), len(part.vertices))
        if len(faces) > 0 and (faces.min() < 0 or faces.max() >= len(part.vertices)):
            raise Refusal("a face refers to a vertex that does not exist.")
        if key not in colors:
            colors[key] = surface_colors(part, textures) if len(faces) > 0 else None
        with np.errstate(invalid="ignore", over="ignore"):  # coordinates that are not finite are rejected later
            placed = np.asarray(part.vertices, dtype=np.float64) @ transform[:3, :3].T + transform[:3, 3]
        parts.append(Part(placed, faces, colors[key]))
    return parts
