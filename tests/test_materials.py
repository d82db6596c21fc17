"""Colors of meshes: textures, factors and vertex colors as they are read, merged and rendered."""

import copy
import json
import struct
from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial, SimpleMaterial

from modeling_crossmost import materials_crossmost as materials
from modeling_crossmost.files_crossmost import as_content, load_file
from modeling_crossmost.geometry_crossmost import orient_geometry
from modeling_crossmost.materials_crossmost import COLORS_KEY, SurfaceColors, face_colors, surface_colors
from modeling_crossmost.rendering_crossmost import Camera, RenderStyle, render_mesh


FLAT = Camera(0.0, 0.0, 3.0, 0.0)
UNLIT = RenderStyle(ambient=1.0, diffuse=0.0, depth_cue=0.0, background_top=(0, 0, 0), background_bottom=(0, 0, 0))

RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
# As one reads it: red left and green right of the upper row, blue and white below.
FOUR = np.array([[RED, GREEN], [BLUE, WHITE]], dtype=np.uint8)
WHOLE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float)
SIZE = 34  # the pixels 8 and 25 have their centers at 1/4 and 3/4
SPOTS = np.ix_([8, 25], [8, 25])


def quad(uv=WHOLE, x: float = 0.0, **visuals) -> trimesh.Trimesh:
    """A square of side 2 around (x, 0, 0) that faces +z, corners from the lower left counter-clockwise."""
    vertices = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) + [x, 0, 0]
    mesh = trimesh.Trimesh(vertices, [[0, 1, 2], [0, 2, 3]], process=False)
    if visuals:
        mesh.visual = TextureVisuals(uv=uv, **visuals)
    return mesh


def picture(levels) -> Image.Image:
    return Image.fromarray(np.asarray(levels, dtype=np.uint8))


def plain(color) -> Image.Image:
    return picture(np.tile(np.uint8(color), (4, 4, 1)))


def front(mesh, size: int = SIZE, **options) -> np.ndarray:
    """The mesh from the front, edge to edge, without shading."""
    return render_mesh(mesh, [FLAT], size, UNLIT, fill=1.0, **options)[0]


def saved(mesh, path, **options):
    mesh.export(path, **options)
    return load_file(path).geometry


def rewritten(source, target, change):
    """Copy a glb file with a changed header."""
    data = source.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    header, rest = json.loads(data[20 : 20 + length]), data[20 + length :]
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    target.write_bytes(
        struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON") + text + rest
    )
    return target


# ------------------------------------------------------------------------------------------------------ textures


@pytest.mark.parametrize("kind", ["memory", "glb", "gltf", "obj"])
def test_a_texture_is_seen_upright_and_not_mirrored(kind, tmp_path):
    mesh = quad(image=picture(FOUR))
    mesh = mesh if kind == "memory" else saved(mesh, tmp_path / f"quad.{kind}")
    assert np.array_equal(front(mesh)[SPOTS], FOUR)
    # From behind, left and right are swapped.
    behind = render_mesh(mesh, [Camera(180.0, 0.0, 3.0, 0.0)], SIZE, UNLIT, fill=1.0)[0]
    assert np.array_equal(behind[SPOTS], FOUR[:, ::-1])


def test_texels_blend_linearly_between_their_centers():
    row = front(quad(image=picture([[[0, 0, 0], [200, 100, 40]]])), size=80)[40].astype(float)
    part = ((np.arange(80) + 0.5) / 80 * 2 - 0.5).clip(0, 1)
    inside = slice(20, 60)
    assert np.abs(row[inside] - part[inside, None] * [200, 100, 40]).max() <= 0.51


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-1e6, 5e5)])
def test_textures_repeat(shift):
    image = front(quad(uv=2 * WHOLE + shift, image=picture(FOUR)), size=2 * SIZE)
    for rows in (slice(0, SIZE), slice(SIZE, None)):
        for columns in (slice(0, SIZE), slice(SIZE, None)):
            assert np.abs(image[rows, columns][SPOTS].astype(int) - FOUR).max() <= 1


def test_a_mesh_that_is_read_back_looks_like_the_one_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    ball = trimesh.creation.icosphere(2)
    image = picture(rng.integers(0, 255, (16, 8, 3)))
    material = PBRMaterial(baseColorTexture=image, baseColorFactor=[200, 100, 255, 255])
    ball.visual = TextureVisuals(uv=rng.uniform(0, 1, (len(ball.vertices), 2)), material=material)
    read = saved(ball, tmp_path / "ball.glb")
    assert read.visual.kind == "face" and isinstance(read.metadata[COLORS_KEY], SurfaceColors)
    assert np.array_equal(front(read), front(ball))
    assert np.array_equal(front(as_content(trimesh.Scene(ball)).geometry), front(ball))


def test_the_color_factor_multiplies_the_light_of_a_texture(tmp_path):
    material = PBRMaterial(baseColorTexture=plain([188, 255, 99]), baseColorFactor=[128, 51, 255, 255])
    # 188 of sRGB is 0.5029 of light, 255 is 1: times 128/255 and 51/255 they are encoded as 138 and 124.
    read = saved(quad(material=material), tmp_path / "quad.glb")
    assert np.array_equal(front(read)[8, 8], [138, 124, 99])
    assert np.array_equal(face_colors(read)[0], [138, 124, 99, 255])


def test_a_texture_with_few_hues_costs_nothing_per_ray():
    # All corners of a face at one place, as in palette textures, and a texture of one color.
    uv = np.tile([0.25, 0.75], (4, 1))
    for mesh, color in ((quad(uv=uv, image=picture(FOUR)), RED), (quad(image=plain([9, 8, 7])), [9, 8, 7])):
        assert not surface_colors(mesh).varying.any()
        assert np.array_equal(front(mesh)[8, 8], color)


def test_large_textures_are_reduced_and_keep_their_mean(monkeypatch):
    monkeypatch.setattr(materials, "MAX_TEXTURE_SIDE", 4)
    levels = np.random.default_rng(0).integers(0, 255, (8, 16, 3))
    mesh = quad(image=picture(levels))
    texture = surface_colors(mesh).textures[0]
    assert texture.shape == (2 + 2, 4 + 2, 4)
    assert np.abs(texture[1:-1, 1:-1, :3] - levels.reshape(2, 4, 4, 4, 3).mean(axis=(1, 3))).max() <= 1


def test_alpha_is_ignored():
    clear = np.dstack([FOUR, np.array([[0, 255], [0, 0]])])
    assert np.array_equal(front(quad(image=picture(clear)))[SPOTS], FOUR)


class TruncatedImage(Image.Image):
    """What a reader hands on for a damaged file: the size is known, the pixels are not."""

    def __init__(self):
        super().__init__()
        self._size, self._mode = (4, 4), "RGB"

    def load(self):
        raise OSError("image file is truncated")


def truncated_file() -> Image.Image:
    buffer = BytesIO()
    picture(np.random.default_rng(0).integers(0, 255, (64, 64, 3))).save(buffer, "PNG")
    return Image.open(BytesIO(buffer.getvalue()[:200]))


@pytest.mark.parametrize("image", [TruncatedImage, truncated_file, lambda: "no image", lambda: np.zeros((2, 2))])
def test_a_broken_image_leaves_the_materials_color(image):
    mesh = quad(material=PBRMaterial(baseColorTexture=image(), baseColorFactor=[0, 255, 0, 255]))
    assert np.array_equal(front(mesh)[8, 8], GREEN)
    assert np.array_equal(front(orient_geometry(mesh, "y", "x"))[8, 8], GREEN)
    assert surface_colors(quad(material=PBRMaterial(baseColorTexture=image()))) is None
    assert np.array_equal(face_colors(quad(material=SimpleMaterial(image=image(), diffuse=RED)))[0, :3], RED)


def test_a_huge_image_is_not_decoded(monkeypatch):
    monkeypatch.setattr(materials, "MAX_TEXTURE_PIXELS", 15)
    material = PBRMaterial(baseColorTexture=plain(RED), baseColorFactor=[0, 255, 0, 255])
    assert np.array_equal(face_colors(quad(material=material))[0, :3], GREEN)


@pytest.mark.parametrize("uv", [None, WHOLE[:3], np.zeros((4, 0))])
def test_a_texture_without_places_leaves_the_materials_color(uv):
    material = PBRMaterial(baseColorTexture=plain(RED), baseColorFactor=[0, 255, 0, 255])
    assert np.array_equal(front(quad(uv=uv, material=material))[8, 8], GREEN)


def test_places_that_are_not_finite_do_no_harm():
    mesh = quad(uv=np.where(WHOLE > 0, np.nan, np.inf), image=picture(FOUR))
    assert front(mesh).shape == (SIZE, SIZE, 3)


# -------------------------------------------------------------------------------------------------- vertex colors


@pytest.mark.parametrize("kind", ["memory", "ply", "glb"])
def test_vertex_colors_are_linear_across_a_face(kind, tmp_path):
    mesh = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [-1, 1, 0]], [[0, 1, 2]], process=False)
    mesh.visual.vertex_colors = [[10, 20, 30, 255], [210, 20, 30, 255], [10, 220, 130, 255]]
    mesh = mesh if kind == "memory" else saved(mesh, tmp_path / f"face.{kind}")
    image = front(mesh, size=40).astype(float)
    right, up = np.meshgrid((np.arange(40) + 0.5) / 40, 1 - (np.arange(40) + 0.5) / 40)
    expected = np.stack([10 + 200 * right, 20 + 200 * up, 30 + 100 * up], axis=-1)
    inside = right + up < 0.98
    assert np.abs(image - expected)[inside].max() <= 0.51
    assert np.abs(face_colors(mesh)[0, :3] - [230 / 3, 260 / 3, 190 / 3]).max() <= 1


def test_faces_with_equal_vertex_colors_cost_nothing_per_ray():
    box = trimesh.creation.box()
    box.visual.vertex_colors = [10, 20, 30, 255]
    assert not surface_colors(box).varying.any()
    assert np.array_equal(front(box)[8, 8], [10, 20, 30])


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_gltf_vertex_colors_multiply_the_material(dtype):
    corners = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]]) * (
        1 if dtype == np.float32 else np.iinfo(dtype).max
    )
    # 55 of light is 128 of sRGB.
    for material in (PBRMaterial(baseColorFactor=[55, 255, 255, 255]), PBRMaterial(baseColorTexture=plain([128] * 3))):
        mesh = quad(material=material)
        mesh.visual.vertex_attributes["color"] = corners.astype(dtype)
        top = 255 if material.baseColorTexture is None else 128
        image = front(mesh, size=40).astype(int)
        assert np.abs(image[..., 0] - 128).max() <= 1 and image[..., 2].max() == 0
        assert np.abs(image[[0, 39], 20, 1] - [top / 80, top * 79 / 80]).max() <= 1


def test_gltf_vertex_colors_beside_a_material_are_read(tmp_path):
    mesh = quad()
    mesh.visual.vertex_colors = [[255, 255, 0, 255], [255, 255, 0, 255], [255, 0, 0, 255], [255, 0, 0, 255]]
    mesh.export(tmp_path / "plain.glb")

    def with_material(header):
        header["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [0.2159, 1, 1, 1]}}]
        header["meshes"][0]["primitives"][0]["material"] = 0

    image = front(load_file(rewritten(tmp_path / "plain.glb", tmp_path / "both.glb", with_material)).geometry, size=40)
    assert np.abs(image[..., 0].astype(int) - 128).max() <= 1 and image[..., 2].max() == 0
    assert np.abs(image[[0, 39], 20, 1] - [255 / 80, 255 * 79 / 80]).max() <= 1


# ---------------------------------------------------------------------------------------------------------- scenes


def test_every_part_of_a_scene_keeps_its_own_colors(tmp_path):
    parts = [
        quad(x=-6, image=picture(FOUR)),
        quad(x=-3, material=PBRMaterial(baseColorFactor=[255, 0, 0, 255])),
        quad(x=0, image=picture(FOUR[::-1, ::-1])),
        quad(x=3),
        quad(x=6),
    ]
    parts[3].visual.vertex_colors = [[0, 0, 0, 255], [100, 0, 0, 255], [100, 0, 0, 255], [0, 0, 0, 255]]
    scene = trimesh.Scene(parts)
    scene.export(tmp_path / "scene.glb")
    seen = []
    # Beside colored parts, one without a color is white in glTF.
    for mesh, plain in ((as_content(scene).geometry, 200), (load_file(tmp_path / "scene.glb").geometry, 255)):
        # 14 units wide: a unit has 34 pixels.
        image = front(mesh, size=14 * SIZE)[6 * SIZE : 8 * SIZE]
        seen.append([image[:, start * SIZE : (start + 2) * SIZE] for start in (0, 3, 6, 9, 12)])
        spots = np.ix_([16, 50], [16, 50])
        assert np.abs(seen[-1][0][spots].astype(int) - FOUR).max() <= 8
        assert (seen[-1][1][spots] == RED).all()
        assert np.abs(seen[-1][2][spots].astype(int) - FOUR[::-1, ::-1]).max() <= 8
        assert np.abs(seen[-1][3][30, :, 0] - (np.arange(68) + 0.5) / 68 * 100).max() <= 1
        assert (seen[-1][4][spots] == plain).all()
        assert surface_colors(mesh).varying.sum() == 6
    assert np.array_equal(seen[0][:4], seen[1][:4])


def test_parts_that_share_an_image_share_its_texture(tmp_path):
    image = picture(FOUR)
    trimesh.Scene([quad(x=x, image=image) for x in (-2, 0, 2)]).export(tmp_path / "scene.glb")
    colors = surface_colors(load_file(tmp_path / "scene.glb").geometry)
    assert len(colors.textures) == 1 and colors.texture_index.tolist() == [0] * 6


@pytest.mark.parametrize("read", [False, True])
def test_a_turned_mesh_keeps_its_texture(read, tmp_path):
    mesh = quad(image=picture(FOUR))
    mesh = saved(mesh, tmp_path / "quad.glb") if read else mesh
    # Lying down, as a file with z up has it, and brought upright again.
    lying = orient_geometry(mesh, "y", "z")
    assert np.ptp(lying.vertices[:, 1]) == 0
    assert np.array_equal(front(orient_geometry(lying, "z"))[SPOTS], FOUR)
    assert mesh.visual.kind == ("face" if read else "texture")


def test_what_was_read_counts_until_faces_or_colors_change(tmp_path):
    mesh = saved(quad(image=picture(FOUR)), tmp_path / "quad.glb")
    kept = mesh.metadata[COLORS_KEY]
    assert surface_colors(mesh) is surface_colors(mesh.copy()) is kept
    assert copy.deepcopy(kept) is kept
    painted, turned = mesh.copy(), mesh.copy()
    painted.visual.face_colors = [1, 2, 3, 255]
    turned.invert()
    assert (front(painted) == [1, 2, 3]).all()
    dotted = mesh.copy()
    dotted.visual.face_colors[0] = [1, 2, 3, 255]
    assert face_colors(dotted)[0].tolist() == [1, 2, 3, 255] and surface_colors(mesh) is kept
    assert np.array_equal(np.unique(front(turned).reshape(-1, 3), axis=0), np.unique(kept.faces[:, :3], axis=0))
    mesh.update_faces([False, True])
    assert np.array_equal(face_colors(mesh), kept.faces[1:])


def test_a_mesh_that_was_read_can_be_written(tmp_path):
    mesh = saved(quad(image=picture(FOUR)), tmp_path / "quad.glb")
    for kind in ("glb", "ply", "obj", "off", "stl"):
        assert len(saved(mesh, tmp_path / f"again.{kind}").faces) == 2


def test_colors_at_points_are_weighted_means_of_corners():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 256, (5, 3, 3), dtype=np.uint8)
    colors = SurfaceColors(np.zeros((5, 3), int), np.zeros((5, 4), np.uint8), corners)
    faces, weights = rng.integers(0, 5, 40_000), rng.dirichlet([1, 1, 1], 40_000)
    expected = (weights[:, :, None] * corners[faces]).sum(axis=1)
    assert np.abs(colors.at(faces, weights) - expected).max() < 1e-3


# ------------------------------------------------------------------------------------------------------ compressed


def with_draco(header):
    """Take the arrays of the second mesh away, as a compressed one has them in a place that only Draco knows."""
    primitive = header["meshes"][1]["primitives"][0]
    for index in (primitive["indices"], *primitive["attributes"].values()):
        header["accessors"][index] = {
            key: value for key, value in header["accessors"][index].items() if key not in ("bufferView", "byteOffset")
        }
    primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}}
    header["extensionsUsed"] = header["extensionsRequired"] = ["KHR_draco_mesh_compression"]


def with_meshopt(header):
    """Points all arrays to a second buffer that only a decoder could fill."""
    name = "EXT_meshopt_compression"
    header["buffers"].append(
        {"byteLength": header["buffers"][0]["byteLength"], "extensions": {name: {"fallback": True}}}
    )
    for view in header["bufferViews"]:
        view |= {"buffer": 1, "extensions": {name: {"buffer": 0, "byteLength": 8, "byteStride": 4, "count": 4}}}
    header["extensionsUsed"] = header["extensionsRequired"] = [name]


@pytest.mark.parametrize(
    ("change", "message"), [(with_draco, "compressed with Draco"), (with_meshopt, "compressed with meshopt")]
)
def test_a_file_with_a_compressed_part_is_refused(change, message, tmp_path):
    trimesh.Scene([trimesh.creation.box(), trimesh.creation.icosphere(1)]).export(tmp_path / "two.glb")
    path = rewritten(tmp_path / "two.glb", tmp_path / "packed.glb", change)
    with pytest.raises(ValueError, match=message) as caught:
        load_file(path)
    assert str(caught.value).startswith("packed.glb: ") and "export it uncompressed" in str(caught.value)


def test_a_collapsed_part_of_another_format_does_no_harm(tmp_path):
    box = trimesh.creation.box().export(file_type="obj")
    (tmp_path / "a.mtl").write_text("newmtl one\nKd 1 0 0\nnewmtl two\nKd 0 1 0\n")
    (tmp_path / "a.obj").write_text("mtllib a.mtl\nusemtl one\n" + box + "\nusemtl two\nf 1 1 1\n")
    assert len(load_file(tmp_path / "a.obj").geometry.faces) == 13
