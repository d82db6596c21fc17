"""Files of every type: what is done alike for all of them, and what is said when one cannot be used."""

import csv
import io
import json

import numpy as np
import pytest
import trimesh

from modeling_crossmost.files_crossmost import as_content, load_file, read_file
from modeling_crossmost.geometry_crossmost import convert_up_axis, geometry_to_cloud, normalize_points
from modeling_crossmost.materials_crossmost import face_colors


# A glTF file of one point, whose coordinates are in another file.
WITH_A_BUFFER = json.dumps(
    {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": 0}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 1, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 12}],
        "buffers": [{"uri": "b.bin", "byteLength": 12}],
    }
).encode()

MESH_TYPES = ("obj", "off", "ply", "stl", "glb", "gltf")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", MESH_TYPES)
def test_every_mesh_type_is_read(kind, tmp_path):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    path = tmp_path / f"box.{kind}"
    box.export(path)
    mesh = load_file(path).geometry
    assert len(mesh.faces) == 12
    assert np.allclose(mesh.extents, [1.0, 2.0, 3.0])


def test_an_off_header_may_be_glued_to_the_counts(tmp_path):
    path = tmp_path / "glued.off"
    path.write_text("OFF4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n")
    mesh = load_file(path).geometry
    assert len(mesh.vertices) == 4 and mesh.area == pytest.approx(1.0)


def test_clouds_are_read_from_every_type(tmp_path, rng):
    cloud = rng.standard_normal((20, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", cloud)
    np.savetxt(tmp_path / "a.xyz", cloud)
    trimesh.PointCloud(cloud).export(tmp_path / "a.ply")
    (tmp_path / "a.off").write_text("OFF\n20 0 0\n" + "\n".join(" ".join(map(str, row)) for row in cloud.tolist()))
    for kind in ("npy", "xyz", "ply", "off"):
        assert np.allclose(load_file(tmp_path / f"a.{kind}").geometry, cloud, atol=1e-6), kind


def test_the_type_can_be_given_apart_from_the_name(tmp_path):
    trimesh.creation.box().export(tmp_path / "upload.stl")
    (tmp_path / "upload.stl").rename(tmp_path / "upload")
    assert len(load_file(tmp_path / "upload", file_type="STL").geometry.faces) == 12


def test_scenes_are_merged_where_their_nodes_place_them(tmp_path):
    scene = trimesh.Scene()
    box = trimesh.creation.box()
    for x in (0.0, 10.0):
        scene.add_geometry(box, transform=trimesh.transformations.translation_matrix([x, 0, 0]))
    scene.export(tmp_path / "two.glb")
    for merged in (load_file(tmp_path / "two.glb").geometry, as_content(scene).geometry):
        assert len(merged.faces) == 24
        assert np.allclose(merged.bounds, [[-0.5, -0.5, -0.5], [10.5, 0.5, 0.5]])


def test_a_small_file_of_countless_instances_is_refused():
    scene = trimesh.Scene()
    for index in range(9):
        scene.add_geometry(
            trimesh.creation.box(),
            geom_name="box",
            transform=trimesh.transformations.translation_matrix([2.0 * index, 0, 0]),
        )
    with pytest.raises(
        ValueError, match=r"many\.glb: it has more than 100 faces or 20,000,000 points in all its parts: simplify it"
    ):
        read_file(scene.export(file_type="glb"), "glb", "many.glb", max_faces=100)


def test_face_colors_come_from_faces_vertices_and_materials(tmp_path):
    red = trimesh.creation.box()
    red.visual.face_colors = [255, 0, 0, 255]
    assert np.array_equal(np.unique(face_colors(red), axis=0), [[255, 0, 0, 255]])
    (tmp_path / "m.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl blue\nf 1 2 3\n")
    assert face_colors(load_file(tmp_path / "m.obj").geometry)[0].tolist() == [0, 0, 255, 255]
    vertex = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    vertex.visual.vertex_colors = [[30, 0, 0, 255], [60, 0, 0, 255], [90, 0, 0, 255]]
    assert face_colors(vertex)[0].tolist() == [60, 0, 0, 255]
    assert face_colors(trimesh.creation.box()) is None


def test_gltf_color_factors_are_linear_light(tmp_path):
    box = trimesh.creation.box()
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[55, 255, 0, 255])
    box.visual = trimesh.visual.TextureVisuals(material=material)
    box.export(tmp_path / "box.glb")
    # sRGB encoding of 55 / 255 is 0.5019...: 128 of 255.
    assert face_colors(load_file(tmp_path / "box.glb").geometry)[0].tolist() == [128, 255, 0, 255]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.fbx", b"x", "files of type 'fbx' cannot be read"),
        ("a", b"x", "files of type '' cannot be read"),
        ("a.obj", b"", "the file is empty"),
        ("a.ply", b"garbage", "cannot be read as ply"),
        ("a.npy", b"garbage", "cannot be read as npy"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n", "cannot be read as off"),
        ("a.off", b"OFF\n0 0 0\n", "holds neither faces nor points"),
        ("a.off", b"OFF\n2 0 0\n1 1 1\n1 1 1\n", r"all its points \(2\) coincide"),
        ("a.xyz", b"1 1 1\n" * 9, r"all its points \(9\) coincide"),
        ("a.gltf", b"[]", "cannot be read as gltf"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 nan\n0 1 0\n3 0 1 2\n", "NaN or infinite"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n", "no surface area"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n0 0 0\n0 0 0\n3 0 1 2\n", "collapsed to points"),
        (
            "a.gltf",
            WITH_A_BUFFER,
            "it needs the file 'b.bin', which is not beside it",
        ),
    ],
)
def test_unusable_files_give_one_sentence_with_the_name(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_file(tmp_path / name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and "\n" not in text and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "obj",
            "a Git LFS pointer.*git lfs pull",
        ),
        (b"\n <!DOCTYPE html><html>Sign in</html>", "glb", "a web page under the name of a .glb file"),
        (b"<html><body>404</body></html>", "ply", "a web page"),
        (b"PK\3\4" + bytes(60), "stl", "a zip archive"),
        (b"\x1f\x8b\x08" + bytes(60), "ply", "a gzip archive"),
        (b"Rar!\x1a\x07" + bytes(60), "obj", "a rar archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "xyz", "a picture"),
        (b"glTF" + bytes(60), "obj", "a .glb file under the name of a .obj file: rename it"),
    ],
)
def test_something_else_under_a_meshs_name_is_told_as_what_it_is(content, kind, message):
    with pytest.raises(ValueError, match=rf"^a\.{kind}: it is {message}"):
        read_file(content, kind, f"a.{kind}")


@pytest.mark.parametrize("kind", ["fbx", "usdz", "step", "splat", "ptx", "blend", "zip", "vtk"])
def test_formats_that_are_not_read_say_what_to_export_instead(kind):
    with pytest.raises(ValueError, match=rf"^a: files of type '{kind}' cannot be read\. .*(xport|npack)"):
        read_file(b"x", kind, "a")


@pytest.mark.parametrize("kind", ["xyz", "ply", "npy", "pcd", "npz"])
def test_points_without_a_measurement_are_dropped_and_counted_in_every_format(kind, rng):
    cloud = rng.standard_normal((20, 3))
    holed = np.insert(cloud, 5, [np.nan, 1.0, 2.0], axis=0)
    rows = "".join(" ".join(map(repr, row)) + "\n" for row in holed.tolist())
    buffer = io.BytesIO()
    if kind == "npy":
        np.save(buffer, holed)
    elif kind == "npz":
        np.savez(buffer, points=holed)
    heads = {
        "ply": "ply\nformat ascii 1.0\nelement vertex 21\n"
        + "".join(f"property double {axis}\n" for axis in "xyz")
        + "end_header\n",
        "pcd": "VERSION .7\nFIELDS x y z\nSIZE 8 8 8\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 21\nHEIGHT 1\nDATA ascii\n",
    }
    found = read_file(buffer.getvalue() or (heads.get(kind, "") + rows).encode(), kind)
    assert np.array_equal(found.geometry, cloud)
    assert found.notes == ["1 of 21 points have NaN coordinates and were dropped."]


def test_many_faces_without_an_area_are_told():
    text = "OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n" + "3 0 1 2\n3 0 1 3\n3 0 2 3\n"
    assert read_file((text + "3 1 1 2\n").encode(), "off").notes == ["25% of its faces have no area."]
    assert read_file((text + "3 1 2 3\n").encode(), "off").notes == []


def test_infinite_points_of_an_array_are_told_as_what_they_are():
    buffer = io.BytesIO()
    np.save(buffer, np.array([[0.0, 0.0, np.inf], [1.0, np.nan, 0.0], [0.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="NaN or infinite coordinates in 1 of 3 points"):
        read_file(buffer.getvalue(), "npy", "a")


def test_a_cloud_of_nothing_but_nan_is_refused():
    with pytest.raises(ValueError, match=r"^a: all of its 2 points have NaN coordinates"):
        read_file(b"nan nan nan\nnan 0 0\n", "xyz", "a")


def test_a_stream_is_read_by_its_name_or_its_content(tmp_path):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    for kind in MESH_TYPES:
        box.export(tmp_path / f"box.{kind}")
    for kind in ("obj", "off", "ply", "stl", "glb"):
        data = (tmp_path / f"box.{kind}").read_bytes()
        assert np.allclose(as_content(io.BytesIO(data)).geometry.extents, [1.0, 2.0, 3.0]), kind
        with (tmp_path / f"box.{kind}").open("rb") as handle:
            assert np.allclose(as_content(handle).geometry.extents, [1.0, 2.0, 3.0]), kind
    assert as_content(io.StringIO("0 0 0\n1 0 0\n0 1 0\n0 0 1\n")).geometry.shape == (4, 3)
    used = io.BytesIO(data)
    used.read()
    with pytest.raises(ValueError, match=r"there is nothing to read; after an earlier reading, call seek\(0\)"):
        as_content(used)


def test_a_file_gets_those_beside_it_but_none_outside_of_its_folder(tmp_path):
    (tmp_path / "up.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    inside = tmp_path / "model"
    inside.mkdir()
    text = "mtllib {}\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl blue\nf 1 2 3\n"
    (inside / "m.obj").write_text(text.format("../up.mtl"))
    found = load_file(inside / "m.obj")
    assert found.left_out == ["../up.mtl"] and face_colors(found.geometry) is None
    (inside / "down.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    (inside / "m.obj").write_text(text.format("C:\\work\\down.mtl"))
    assert face_colors(load_file(inside / "m.obj").geometry)[0].tolist() == [0, 0, 255, 255]


def test_a_missing_file_and_a_pickle_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a.obj: there is no such file"):
        load_file(tmp_path / "a.obj")
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"cannot be read as npy .it holds Python objects instead of numbers."):
        load_file(tmp_path / "a.npy")


@pytest.mark.parametrize("header", ["((", "__import__('os').abort()", "{'descr': '<f4', 'shape': (1, 3)}", "{1: 2}["])
def test_a_damaged_npy_header_is_one_sentence(header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with pytest.raises(ValueError, match=r"^a: the file cannot be read as npy \(.*\)\.$") as caught:
        read_file(content, "npy", "a")
    assert "0x" not in str(caught.value)


def test_a_mesh_in_memory_is_checked_like_a_file():
    broken = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="object 3: the mesh has NaN"):
        as_content(broken, "object 3")
    cloud = trimesh.PointCloud([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    assert as_content(cloud).geometry.shape == (2, 3)


def test_coordinates_that_would_overflow_are_refused(tmp_path):
    box = trimesh.creation.box()
    box.vertices *= 1e101
    with pytest.raises(ValueError, match=r"object: the mesh has coordinates beyond 1e\+100"):
        as_content(box)
    box.vertices *= 1e-2
    assert np.isfinite(geometry_to_cloud(as_content(box).geometry, 32, np.random.default_rng(0))).all()


def test_bytes_are_read_like_files(tmp_path, rng):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    for kind in ("obj", "off", "ply", "stl", "glb"):
        box.export(tmp_path / f"a.{kind}")
    np.save(tmp_path / "a.npy", rng.standard_normal((5, 3)))
    np.savetxt(tmp_path / "a.xyz", rng.standard_normal((5, 3)))
    for path in sorted(tmp_path.glob("a.*")):
        expected, found = load_file(path).geometry, read_file(path.read_bytes(), path.suffix.upper())
        pair = [getattr(item, "vertices", item) for item in (expected, found.geometry)]
        assert np.array_equal(*pair) and found.left_out == found.notes == [], path.suffix


def test_bytes_may_name_other_files_but_do_not_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    content = b"mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl blue\nf 1 2 3\n"
    (tmp_path / "m.obj").write_bytes(content)
    found = read_file(content, "obj")
    assert found.left_out == ["m.mtl"] and face_colors(found.geometry) is None
    assert face_colors(load_file(tmp_path / "m.obj").geometry)[0].tolist() == [0, 0, 255, 255]
    (tmp_path / "b.bin").write_bytes(bytes(4))
    content = WITH_A_BUFFER
    with pytest.raises(ValueError, match=r"a.gltf: it needs the file 'b.bin', .* export it as one \.glb file\."):
        read_file(content, "gltf", "a.gltf")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", "obj", "a: the file is empty"),
        (b"x", "fbx", "files of type 'fbx' cannot be read"),
        (b"not JSON", "gltf", "cannot be read as gltf .its header is not JSON."),
        (b"PK\3\4", "npy", "a: it is a zip archive under the name of a .npy file: unpack it"),
        (b"\x80\x04K\x01.", "npy", "cannot be read as npy .it does not start with the signature of npy files."),
        (b"VERSION .7", "pcd", "a: the file cannot be read as pcd"),
    ],
)
def test_unusable_bytes_give_one_sentence_with_the_name(content, kind, message):
    with pytest.raises(ValueError, match=message):
        read_file(content, kind, "a")


def test_running_out_of_memory_is_not_the_files_fault(monkeypatch):
    def greedy(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("modeling_crossmost.stl_off_crossmost.triangulate", greedy)
    with pytest.raises(MemoryError):
        read_file(b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "off")


# --------------------------------------------------------------------------------------------------- real files


def test_real_meshes_are_read_or_refused_in_one_sentence(shared_data):
    folder = shared_data / "meshes"
    with (folder / "index.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    outcome = {}
    for row in rows:
        try:
            geometry = load_file(folder / row["file"]).geometry
        except ValueError as error:
            outcome[row["file"]] = str(error)
            continue
        cloud = geometry_to_cloud(geometry, 32, np.random.default_rng(0))
        assert np.isfinite(cloud).all()
        outcome[row["file"]] = "mesh" if hasattr(geometry, "faces") else "cloud"
    assert not any("\n" in text for text in outcome.values())
    for name in outcome:
        if "draco" in name:
            assert "Draco" in outcome[name], name
    assert outcome["clients/bathtub_0001.off"] == "mesh"
    assert outcome["trimesh/points_agisoft.xyz"] == "cloud"
    assert outcome["trimesh/nested.glb"] == "mesh"
    assert "NaN or infinite" in outcome["assimp/glTF2/BoxWithInfinites-glTF-Binary/BoxWithInfinites.glb"]
    assert sum(kind in ("mesh", "cloud") for kind in outcome.values()) >= 160


def test_real_clouds_are_binary_ply(shared_data):
    path = shared_data / "modelnet10" / "chair" / "train" / "chair_0001.ply"
    cloud = load_file(path).geometry
    assert cloud.shape == (1024, 3) and cloud.dtype == np.float64
    # z is up: a chair is taller than it is deep or wide.
    upright = normalize_points(convert_up_axis(cloud, "z"))
    assert np.ptp(upright, axis=0).argmax() == 1
