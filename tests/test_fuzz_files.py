"""The same object in every format, byte order, number type, index style and header variant is the same cloud."""

from __future__ import annotations

import file_writers
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeling_crossmost.files_crossmost import read_file
from modeling_crossmost.geometry_crossmost import object_cloud


COUNT = 2048
QUICK = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

CHAIR = file_writers.chair()


def area(vertices: np.ndarray, quads: np.ndarray) -> float:
    """Area of rectangles."""
    corners = vertices[quads]
    sides = np.linalg.norm(corners[:, 1:3] - corners[:, 0:2], axis=2)
    return float(sides.prod(axis=1).sum())


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    class Mesh:
        vertices, faces = CHAIR[0], file_writers.triangles_of(CHAIR[1])

    return object_cloud(Mesh, COUNT, 1)


def is_single_precision(kind: str) -> bool:
    return kind in ("stl", "glb", "gltf")


@pytest.mark.parametrize("kind", sorted(file_writers.MESH_WRITERS))
@QUICK
@given(data=st.data())
def test_a_mesh_is_the_same_in_every_variant(kind, reference, data):
    def draw(options):
        return data.draw(st.sampled_from(list(options)))

    scale = draw([1.0, 1e-9, 1e9, 25.4])
    offset = draw([0.0, 4.5e6, -1e7]) * scale * (not is_single_precision(kind))
    vertices = CHAIR[0] * scale + offset
    written = file_writers.MESH_WRITERS[kind](draw, vertices, CHAIR[1])
    content = read_file(written, kind)
    assert len(content.geometry.faces) == 72
    assert content.geometry.area == pytest.approx(scale**2 * area(*CHAIR), rel=1e-5)
    assert file_writers.distance(object_cloud(content.geometry, COUNT, 0), reference) < 0.03


@pytest.mark.parametrize("kind", sorted(file_writers.CLOUD_WRITERS))
@QUICK
@given(data=st.data())
def test_a_cloud_is_the_same_in_every_variant(kind, data):
    def draw(options):
        return data.draw(st.sampled_from(list(options)))

    points = np.random.default_rng(3).standard_normal((60, 3)) * draw([1.0, 1e-9, 1e9]) + draw([0.0, 5e6])
    content = read_file(file_writers.CLOUD_WRITERS[kind](draw, points), kind)
    assert content.geometry.dtype == np.float64
    assert np.array_equal(content.geometry, points)
