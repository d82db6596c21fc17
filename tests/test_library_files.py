"""Files that optional libraries read: the cloud or scene that went in, or the command that installs what is missing."""

import io
import sys

import numpy as np
import pytest
import trimesh

from modeling_crossmost.files_crossmost import load_file, read_file
from modeling_crossmost.library_files_crossmost import read_las
from modeling_crossmost.parts_crossmost import Refusal, Source
from modeling_crossmost.serving.sandbox import Preparation, Sandbox, Upload, UploadError


@pytest.fixture
def cloud():
    return np.random.default_rng(0).uniform(-5.0, 5.0, (50, 3)) + [4.5e5, 5.3e6, 100.0]


def las(cloud: np.ndarray, kind: str) -> bytes:
    laspy = pytest.importorskip("laspy")
    header = laspy.LasHeader(point_format=3, version="1.2")
    header.offsets, header.scales = cloud.min(axis=0), [1e-4] * 3
    data = laspy.LasData(header)
    data.x, data.y, data.z = cloud.T
    data.red, data.green, data.blue = np.full((3, len(cloud)), [[65535], [256], [0]], dtype=np.uint16)
    buffer = io.BytesIO()
    data.write(buffer, do_compress=kind == "laz")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["las", "laz"])
def test_las_keeps_survey_coordinates_and_colors(kind, cloud):
    content = read_file(las(cloud, kind), kind)
    assert np.abs(content.geometry - cloud).max() <= 1e-4
    assert content.point_colors.tolist() == [[255, 1, 0]] * len(cloud)


def test_las_is_refused_before_more_points_are_read_than_the_limit(cloud):
    with pytest.raises(Refusal, match="or 10 points in all its parts"):
        read_las(Source(las(cloud, "las"), max_points=10))


def test_e57_scans_are_merged_in_their_places(cloud, tmp_path):
    pye57 = pytest.importorskip("pye57")
    path = tmp_path / "two.e57"
    file = pye57.E57(str(path), mode="w")
    for shift in (0.0, 100.0):
        columns = {f"cartesian{axis}": np.ascontiguousarray(cloud[:, index]) for index, axis in enumerate("XYZ")}
        file.write_scan_raw(columns, translation=np.array([shift, 0.0, 0.0]), rotation=np.array([1.0, 0.0, 0.0, 0.0]))
    file.close()
    content = load_file(path)
    assert np.allclose(content.geometry, np.concatenate([cloud, cloud + [100.0, 0.0, 0.0]]), atol=1e-6)
    assert content.notes == ["2 scans were merged, each in its place."]
    assert np.array_equal(read_file(path.read_bytes(), "e57").geometry, content.geometry)
    if sys.platform == "linux":
        with Sandbox() as sandbox, pytest.raises(UploadError, match="may not be written here: export it as"):
            sandbox.prepare(Upload("two.e57", path.read_bytes()), Preparation(num_views=0))


def test_3mf_is_read_with_every_part_in_its_place():
    for package in ("lxml", "networkx"):
        pytest.importorskip(package)
    scene = trimesh.Scene()
    for x in (0.0, 10.0):
        scene.add_geometry(trimesh.creation.box(), transform=trimesh.transformations.translation_matrix([x, 0, 0]))
    content = read_file(scene.export(file_type="3mf"), "3mf")
    assert len(content.geometry.faces) == 24
    assert np.allclose(content.geometry.bounds, [[-0.5, -0.5, -0.5], [10.5, 0.5, 0.5]])
    assert content.notes == ["In 3MF the z axis points up."]


DAE = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><created>2026-01-01T00:00:00</created><modified>2026-01-01T00:00:00</modified><up_axis>Z_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh>
<source id="p"><float_array id="a" count="9">0 0 0 1 0 0 0 1 0</float_array><technique_common>
<accessor source="#a" count="3" stride="3"><param name="X" type="float"/><param name="Y" type="float"/>
<param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="1"><input semantic="VERTEX" source="#v" offset="0"/><p>0 1 2</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node><instance_geometry url="#g"/></node>
<node><translate>10 0 0</translate><instance_geometry url="#g"/></node></visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


def test_collada_is_read_in_its_places_and_its_up_axis_is_told():
    pytest.importorskip("collada")
    content = read_file(DAE.encode(), "dae")
    assert len(content.geometry.faces) == 2
    assert np.allclose(content.geometry.bounds, [[0.0, 0.0, 0.0], [11.0, 1.0, 0.0]])
    assert content.notes == ["The file says that its z axis points up."]
    assert read_file(DAE.replace("Z_UP", "Y_UP").encode(), "dae").notes == []


@pytest.mark.parametrize(
    ("kind", "package", "content"),
    [
        ("las", "laspy", b"LASF" + bytes(300)),
        ("e57", "pye57", b"ASTM-E57" + bytes(300)),
        ("3mf", "lxml", b"PK\x03\x04" + bytes(30)),
        ("dae", "pycollada", b"<?xml version='1.0'?><COLLADA/>"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(kind, package, content, monkeypatch):
    monkeypatch.setitem(sys.modules, "collada" if package == "pycollada" else package, None)
    with pytest.raises(ValueError, match=rf"^a: .* needs the package {package}: run `pip install {package}`"):
        read_file(content, kind, "a")


@pytest.mark.parametrize("kind", ["las", "laz", "e57", "3mf", "dae"])
def test_damage_is_one_sentence(kind):
    starts = {"las": b"LASF", "laz": b"LASF", "e57": b"ASTM-E57", "3mf": b"PK\x03\x04", "dae": b"<?xml"}
    with pytest.raises(ValueError, match=r"^a: ") as caught:
        read_file(starts[kind] + bytes(range(200)), kind, "a")
    assert "\n" not in str(caught.value)
