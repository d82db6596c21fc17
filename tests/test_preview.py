"""The small glTF that viewers get: sound, one object, colored, never large."""

import json
import struct

import numpy as np
import pytest
import trimesh
from PIL import Image

from modeling_crossmost.files_crossmost import read_file
from modeling_crossmost.materials_crossmost import face_colors, linear_light
from modeling_crossmost.serving import glb
from modeling_crossmost.serving.glb import MAX_FACES, MAX_POINTS, preview_glb
from modeling_crossmost.serving.sandbox import MAX_PREVIEW_BYTES


def read(content: bytes) -> trimesh.Trimesh:
    return read_file(content, "glb").geometry


def header_of(content: bytes) -> dict:
    magic, version, size, length, kind = struct.unpack("<4sII I4s", content[:20])
    assert (magic, version, size, kind) == (b"glTF", 2, len(content), b"JSON")
    return json.loads(content[20 : 20 + length])


def test_a_mesh_is_moved_into_the_unit_sphere_and_keeps_its_shape():
    box = trimesh.creation.box((2.0, 4.0, 4.0))
    box.apply_translation([100.0, 0.0, 0.0])
    seen = read(preview_glb(box))
    assert len(seen.faces) == 12
    assert np.allclose(seen.extents, np.array([2.0, 4.0, 4.0]) / 3.0, atol=1e-6)
    assert np.allclose(seen.bounds.sum(axis=0), 0.0, atol=1e-6)
    material = header_of(preview_glb(box))["materials"][0]
    assert material["doubleSided"] and material["pbrMetallicRoughness"]["metallicFactor"] == 0.0


def test_bounds_and_sizes_are_stated_as_the_format_demands():
    header = header_of(preview_glb(trimesh.creation.icosphere(1)))
    accessor = header["accessors"][0]
    assert accessor["count"] == 3 * 80 and len(accessor["min"]) == len(accessor["max"]) == 3
    assert sum(view["byteLength"] for view in header["bufferViews"]) == header["buffers"][0]["byteLength"]
    assert all(view["byteOffset"] % 4 == 0 for view in header["bufferViews"])


def test_colors_are_linear_light_at_the_corners():
    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    triangle.visual.vertex_colors = [[255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 64, 255]]
    content = preview_glb(triangle)
    view = header_of(content)["bufferViews"][1]
    start = len(content) - header_of(content)["buffers"][0]["byteLength"] + view["byteOffset"]
    levels = np.frombuffer(content[start : start + view["byteLength"]], np.uint8).reshape(3, 4)
    expected = np.rint(255 * linear_light(np.array([[255, 0, 0], [0, 128, 0], [0, 0, 64]])))
    assert np.array_equal(levels[:, :3], expected) and (levels[:, 3] == 255).all()
    # And read as glTF, the face has the mean again.
    assert np.abs(face_colors(read(content))[0, :3].astype(int) - [85, 43, 21]).max() <= 2


def test_textures_become_colors():
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    image = Image.new("RGB", (8, 8), (0, 200, 0))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=image)
    square.visual = trimesh.visual.TextureVisuals(uv=np.full((4, 2), 0.5), material=material)
    colors = face_colors(read(preview_glb(square)))
    assert np.abs(colors[:, :3].astype(int) - [0, 200, 0]).max() <= 2


def test_a_cloud_becomes_small_bodies_at_its_points():
    cloud = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    seen = read(preview_glb(cloud))
    assert len(seen.faces) == 16 and seen.bounds[1][0] - seen.bounds[0][0] == pytest.approx(2.0, abs=0.05)
    outward = (seen.face_normals * (seen.triangles_center - np.sign(seen.triangles_center[:, :1]) * [1, 0, 0])).sum(1)
    assert (outward > 0).all()


def test_a_clouds_colors_are_those_of_its_points():
    cloud = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    seen = read(preview_glb(cloud, np.array([[255, 0, 0], [0, 0, 200]], dtype=np.uint8)))
    found = face_colors(seen)[:, :3].astype(int)
    assert np.abs(found - ([[255, 0, 0]] * 8 + [[0, 0, 200]] * 8)).max() <= 2


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.full((5, 3), 7.0)])
def test_a_cloud_without_extent_can_be_shown(points):
    assert np.isfinite(read(preview_glb(points)).vertices).all()


def test_large_objects_are_made_smaller(monkeypatch):
    monkeypatch.setattr(glb, "MAX_FACES", 3_000)
    ball = trimesh.creation.icosphere(subdivisions=6)  # 81 920 faces, finer than the coarsest grid
    seen = read(preview_glb(ball))
    assert 500 < len(seen.faces) <= 3_000
    radii = np.linalg.norm(seen.vertices, axis=1)
    assert radii.min() > 0.95 and radii.max() < 1.05
    cloud = np.random.default_rng(0).standard_normal((50_000, 3))
    assert len(read(preview_glb(cloud)).faces) == 8 * MAX_POINTS
    # Faces that no grid merges are thinned.
    corners = np.random.default_rng(1).standard_normal((12_000, 3))
    soup = trimesh.Trimesh(corners, np.arange(12_000).reshape(-1, 3), process=False)
    assert len(read(preview_glb(soup)).faces) == 3_000


def test_the_largest_preview_fits_the_sandboxs_frame():
    assert MAX_FACES * 3 * 16 + 4096 < MAX_PREVIEW_BYTES and MAX_POINTS * 8 * 3 * 12 + 4096 < MAX_PREVIEW_BYTES
