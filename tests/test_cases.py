"""Small files of kinds that go wrong in practice: the right object, or one true sentence; never another object."""

import numpy as np
import pytest
from file_writers import distance

from modeling_crossmost.files_crossmost import load_file
from modeling_crossmost.geometry_crossmost import object_cloud
from modeling_crossmost.materials_crossmost import face_colors


COUNT = 4096

# What becomes of a file: "chair" in these colors, or the sentence's words.
CHAIRS = {
    "utm.xyz": [],
    "neg_interleaved.obj": [],
    "quant_u2_norm.glb": [],
    "sparse.glb": [],
    "skin_node_rotated.glb": [],
    "gpu_instancing.glb": [],
    "xyz_comma.xyz": [],
    "xyz_count_header.xyz": [],
    "xyz_hash_header.xyz": [],
    "xyz_bom.xyz": [],
    "xyz_nan.xyz": ["300 of 1,500 points have NaN coordinates"],
    "ply_cloud_nan.ply": ["300 of 1,500 points have NaN coordinates"],
    "ply_bin_mixed_tri_quad.ply": [],
    "ply_vertex_list.ply": [],
    "ply_other_list_name.ply": [],
    "ply_trailing.ply": [],
    "ply_asc_latin1_comment.ply": [],
    "ply_tristrips.ply": [],
    "tabs.obj": [],
    "bin_tail.stl": [],
    "bin_cnt_ff.stl": [],
    "asc_nosolid.stl": [],
    "nohead.off": [],
    "fans.glb": [],
    "gltf_percent/ext bin.gltf": [],
    "tex_transform.glb": [],
    "uv_u2.glb": [],
    "c_u2_mat0.glb": [],
    "glass_box.glb": [],
}
REFUSED = {
    "xyz_first_short.xyz": r"line \d+",
    "xyz_ragged.xyz": r"line \d+",
    "ply_supersplat_compressed.ply": "compressed Gaussian splat",
    "decimal_comma.obj": "decimal comma",
    "n3x50.npy": "transpose it",
    "folder_ignored/chair/scan.txt": r"all its points \(1\) coincide",
    "folder_ignored/chair/scan.ptx": "'ptx' cannot be read",
    "folder_ignored/chair/scan.splat": "'splat' cannot be read",
    "folder_ignored/chair/scan.vtk": "'vtk' cannot be read",
    "folder_ignored/chair/scan.dxf": "'dxf' cannot be read",
}


@pytest.fixture
def reference(shared_data) -> np.ndarray:
    return object_cloud(load_file(shared_data / "cases" / "reference_chair.obj").geometry, COUNT, 1)


@pytest.mark.parametrize("name", CHAIRS)
def test_the_chair_is_the_chair(name, reference, shared_data):
    content = load_file(shared_data / "cases" / name)
    # Two samples of the chair itself are 0.02 apart; of 1,500 points of a scan, 0.03.
    assert distance(object_cloud(content.geometry, COUNT, 0), reference) < 0.04
    for words in CHAIRS[name]:
        assert any(words in note for note in content.notes), content.notes


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_true_sentence(name, shared_data):
    path = shared_data / "cases" / name
    with pytest.raises(ValueError, match=REFUSED[name]) as caught:
        load_file(path)
    assert str(caught.value).startswith(f"{path.name}: ") and "\n" not in str(caught.value)


def test_concave_polygons_keep_their_area(shared_data):
    mesh = load_file(shared_data / "cases" / "concave.obj").geometry
    assert mesh.area == pytest.approx(2.2)


def test_colors_are_those_of_the_file(shared_data):
    def colors(name: str) -> set[tuple]:
        mesh = load_file(shared_data / "cases" / name).geometry
        return {tuple(color[:3]) for color in face_colors(mesh).tolist()}

    assert colors("c_u2_mat0.glb") == {(231, 89, 89)}  # linear light 0.8, 0.1, 0.1
    assert len(load_file(shared_data / "cases" / "glass_box.glb").geometry.faces) == 72
