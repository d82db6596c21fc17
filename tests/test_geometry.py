"""Reading geometry, axes, sampling and normalization."""

import csv

import numpy as np
import pytest
import trimesh

from modeling_crossmost.geometry_crossmost import (
    FILE_AXES,
    MESH_TYPES,
    as_geometry,
    check_points,
    convert_up_axis,
    farthest_points,
    geometry_to_cloud,
    load_geometry,
    normalize_points,
    object_cloud,
    orient_geometry,
    read_geometry,
    resample_points,
    rotation_between_up_axes,
    rotation_to_y_up,
    sample_surface,
)
from modeling_crossmost.materials_crossmost import face_colors


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
    assert checked.dtype == np.float32 and checked.flags.c_contiguous
    assert np.array_equal(checked, cloud[:, :3].astype(np.float32))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 3)), "is empty"),
        (np.zeros((4, 2)), r"has shape \(4, 2\)"),
        (np.zeros(3), r"has shape \(3,\)"),
        ([[0.0, 0.0, np.nan], [0.0, 0.0, 0.0]], "in 1 of 2 points"),
        ([[np.inf, 0.0, 0.0]], "NaN or infinite"),
        ([[1e300, 0.0, 0.0]], "beyond the range of float32"),
        ([["a", "b", "c"]], "not an array of numbers"),
        (np.ones((2, 3), dtype=complex), "not an array of numbers"),
        (np.zeros((3, 1024)), r"has shape \(3, 1024\): pass an array of shape \(N, 3\)"),
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
    assert points.shape == (40_000, 3) and points.dtype == np.float32
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


# ----------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("kind", MESH_TYPES)
def test_every_mesh_type_is_read(kind, tmp_path):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    path = tmp_path / f"box.{kind}"
    box.export(path)
    mesh = load_geometry(path)
    assert len(mesh.faces) == 12
    assert np.allclose(mesh.extents, [1.0, 2.0, 3.0])


def test_an_off_header_may_be_glued_to_the_counts(tmp_path):
    path = tmp_path / "glued.off"
    path.write_text("OFF4 2 0\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 2\n3 0 2 3\n")
    mesh = load_geometry(path)
    assert len(mesh.vertices) == 4 and mesh.area == pytest.approx(1.0)


def test_clouds_are_read_from_every_type(tmp_path, rng):
    cloud = rng.standard_normal((20, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", cloud)
    np.savetxt(tmp_path / "a.xyz", cloud)
    trimesh.PointCloud(cloud).export(tmp_path / "a.ply")
    (tmp_path / "a.off").write_text("OFF\n20 0 0\n" + "\n".join(" ".join(map(str, row)) for row in cloud.tolist()))
    for kind in ("npy", "xyz", "ply", "off"):
        assert np.allclose(load_geometry(tmp_path / f"a.{kind}"), cloud, atol=1e-6), kind


def test_the_type_can_be_given_apart_from_the_name(tmp_path):
    trimesh.creation.box().export(tmp_path / "upload.stl")
    (tmp_path / "upload.stl").rename(tmp_path / "upload")
    assert len(load_geometry(tmp_path / "upload", file_type="STL").faces) == 12


def test_scenes_are_merged_where_their_nodes_place_them(tmp_path):
    scene = trimesh.Scene()
    box = trimesh.creation.box()
    for x in (0.0, 10.0):
        scene.add_geometry(box, transform=trimesh.transformations.translation_matrix([x, 0, 0]))
    scene.export(tmp_path / "two.glb")
    for merged in (load_geometry(tmp_path / "two.glb"), as_geometry(scene)):
        assert len(merged.faces) == 24
        assert np.allclose(merged.bounds, [[-0.5, -0.5, -0.5], [10.5, 0.5, 0.5]])


def test_a_small_file_of_countless_instances_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("modeling_crossmost.geometry_crossmost.MAX_FACES", 100)
    scene = trimesh.Scene()
    for index in range(9):
        scene.add_geometry(
            trimesh.creation.box(),
            geom_name="box",
            transform=trimesh.transformations.translation_matrix([2.0 * index, 0, 0]),
        )
    scene.export(tmp_path / "many.glb")
    with pytest.raises(ValueError, match=r"many\.glb: it has more than 100 faces"):
        load_geometry(tmp_path / "many.glb")


def test_face_colors_come_from_faces_vertices_and_materials(tmp_path):
    red = trimesh.creation.box()
    red.visual.face_colors = [255, 0, 0, 255]
    assert np.array_equal(np.unique(face_colors(red), axis=0), [[255, 0, 0, 255]])
    (tmp_path / "m.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    (tmp_path / "m.obj").write_text("mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl blue\nf 1 2 3\n")
    assert face_colors(load_geometry(tmp_path / "m.obj"))[0].tolist() == [0, 0, 255, 255]
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
    assert face_colors(load_geometry(tmp_path / "box.glb"))[0].tolist() == [128, 255, 0, 255]


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
        ("a.gltf", b"[]", "cannot be read as gltf .it is damaged: AttributeError."),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 nan\n0 1 0\n3 0 1 2\n", "NaN or infinite"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n", "no surface area"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n0 0 0\n0 0 0\n3 0 1 2\n", "collapsed to points"),
        (
            "a.gltf",
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "b.bin", "byteLength": 4}]}',
            "missing file b.b",
        ),
    ],
)
def test_unusable_files_give_one_sentence_with_the_name(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_geometry(tmp_path / name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and "\n" not in text and str(tmp_path) not in text


def test_a_missing_file_and_a_pickle_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a.obj: there is no such file"):
        load_geometry(tmp_path / "a.obj")
    np.save(tmp_path / "a.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"cannot be read as npy .it holds Python objects instead of numbers."):
        load_geometry(tmp_path / "a.npy")


@pytest.mark.parametrize("header", ["((", "__import__('os').abort()", "{'descr': '<f4', 'shape': (1, 3)}", "{1: 2}["])
def test_a_damaged_npy_header_is_one_sentence(header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with pytest.raises(ValueError, match=r"^a: the file cannot be read as npy \(.*\)\.$") as caught:
        read_geometry(content, "npy", "a")
    assert "0x" not in str(caught.value)


def test_a_mesh_in_memory_is_checked_like_a_file():
    broken = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, np.nan, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="object 3: the mesh has NaN"):
        as_geometry(broken, "object 3")
    cloud = trimesh.PointCloud([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    assert as_geometry(cloud).shape == (2, 3)


def test_coordinates_that_float32_cannot_hold_are_refused(tmp_path):
    box = trimesh.creation.box()
    box.vertices *= 1e39
    with pytest.raises(ValueError, match="object: the mesh has coordinates beyond the range of float32"):
        as_geometry(box)
    box.vertices *= 1e-2
    assert np.isfinite(geometry_to_cloud(as_geometry(box), 32, np.random.default_rng(0))).all()


def test_bytes_are_read_like_files(tmp_path, rng):
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    for kind in ("obj", "off", "ply", "stl", "glb"):
        box.export(tmp_path / f"a.{kind}")
    np.save(tmp_path / "a.npy", rng.standard_normal((5, 3)))
    np.savetxt(tmp_path / "a.xyz", rng.standard_normal((5, 3)))
    for path in sorted(tmp_path.glob("a.*")):
        expected, (found, left_out) = load_geometry(path), read_geometry(path.read_bytes(), path.suffix.upper())
        pair = [getattr(item, "vertices", item) for item in (expected, found)]
        assert np.array_equal(*pair) and left_out == [], path.suffix


def test_bytes_may_name_other_files_but_do_not_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.mtl").write_text("newmtl blue\nKd 0 0 1\n")
    content = b"mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl blue\nf 1 2 3\n"
    (tmp_path / "m.obj").write_bytes(content)
    mesh, left_out = read_geometry(content, "obj")
    assert left_out == ["m.mtl"] and face_colors(mesh) is None
    assert face_colors(load_geometry(tmp_path / "m.obj"))[0].tolist() == [0, 0, 255, 255]
    (tmp_path / "b.bin").write_bytes(bytes(4))
    content = b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "b.bin", "byteLength": 4}]}'
    with pytest.raises(ValueError, match=r"a.gltf: it needs the file 'b.bin', .* export it as one \.glb file\."):
        read_geometry(content, "gltf", "a.gltf")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", "obj", "a: the file is empty"),
        (b"x", "fbx", "files of type 'fbx' cannot be read"),
        (b"not JSON", "gltf", "cannot be read as gltf .its header is not JSON."),
        (b"PK\3\4", "npy", "cannot be read as npy .it does not start with the signature of npy files."),
        (b"\x80\x04K\x01.", "npy", "cannot be read as npy .it does not start with the signature of npy files."),
        (b"VERSION .7", "pcd", "a: the file cannot be read as pcd"),
    ],
)
def test_unusable_bytes_give_one_sentence_with_the_name(content, kind, message):
    with pytest.raises(ValueError, match=message):
        read_geometry(content, kind, "a")


def test_running_out_of_memory_is_not_the_files_fault(monkeypatch):
    def greedy(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(trimesh, "load_scene", greedy)
    with pytest.raises(MemoryError):
        read_geometry(b"OFF", "off")


def test_a_models_cloud_depends_on_object_seed_and_axes_alone():
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    cloud = object_cloud(box, 50, 3, "z", "x")
    assert np.array_equal(cloud, object_cloud(box, 50, 3, "z", "x"))
    assert not np.array_equal(cloud, object_cloud(box, 50, 4, "z", "x"))
    upright = geometry_to_cloud(box, 50, np.random.default_rng(3))
    assert np.array_equal(cloud, convert_up_axis(upright, "z", "x"))


# --------------------------------------------------------------------------------------------------- real files


def test_real_meshes_are_read_or_refused_in_one_sentence(shared_data):
    folder = shared_data / "meshes"
    with (folder / "index.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    outcome = {}
    for row in rows:
        try:
            geometry = load_geometry(folder / row["file"])
        except ValueError as error:
            outcome[row["file"]] = str(error)
            continue
        cloud = geometry_to_cloud(geometry, 32, np.random.default_rng(0))
        assert np.isfinite(cloud).all()
        outcome[row["file"]] = "mesh" if hasattr(geometry, "faces") else "cloud"
    assert not any("\n" in text for text in outcome.values())
    for name in outcome:
        if "draco" in name:
            assert "collapsed" in outcome[name], name
    assert outcome["clients/bathtub_0001.off"] == "mesh"
    assert outcome["trimesh/points_agisoft.xyz"] == "cloud"
    assert outcome["trimesh/nested.glb"] == "mesh"
    assert "NaN or infinite" in outcome["assimp/glTF2/BoxWithInfinites-glTF-Binary/BoxWithInfinites.glb"]
    assert sum(kind in ("mesh", "cloud") for kind in outcome.values()) >= 160


def test_real_clouds_are_binary_ply(shared_data):
    path = shared_data / "modelnet10" / "chair" / "train" / "chair_0001.ply"
    cloud = load_geometry(path)
    assert cloud.shape == (1024, 3) and cloud.dtype == np.float32
    # z is up: a chair is taller than it is deep or wide.
    upright = normalize_points(convert_up_axis(cloud, "z"))
    assert np.ptp(upright, axis=0).argmax() == 1
