"""glTF files: every feature with a right answer in closed form, hostile files, trimesh as second method, real ones."""

import base64
import copy
import io
import json
import re
import struct
import tracemalloc

import numpy as np
import pytest
import trimesh
from PIL import Image

from modeling_crossmost.gltf_crossmost import read_gltf
from modeling_crossmost.parts_crossmost import MissingFileError, Refusal, Source


TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
HALF_TURN = [0, 0, 1, 0]  # about z


# --------------------------------------------------------------------------------------------------- a writer


class Maker:
    """Builds a file: `add` packs an array and returns its accessor, `glb` and `gltf` return the bytes."""

    def __init__(self, **entries):
        self.header = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": []} | entries
        self.content = b""

    def view(self, data, **entries):
        self.content += bytes(-len(self.content) % 4)
        self.header["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.content), "byteLength": len(data)} | entries
        )
        self.content += data
        return len(self.header["bufferViews"]) - 1

    def add(self, values, view=True, **entries):
        values = np.asarray(values)
        values = values[:, None] if values.ndim == 1 else values
        found = {"componentType": CODES[values.dtype.str[1:]], "count": len(values), "type": TYPES[values.shape[1]]}
        if view:
            found["bufferView"] = self.view(values.tobytes())
        self.header["accessors"].append(found | entries)
        return len(self.header["accessors"]) - 1

    def scene(self, nodes, *primitives, **mesh):
        """One mesh of primitives, and nodes that all are at the top."""
        self.header |= {"nodes": nodes, "scenes": [{"nodes": list(range(len(nodes)))}]}
        self.header["meshes"] = [{"primitives": list(primitives)} | mesh]
        return self

    def gltf(self, uri=None):
        uri = uri or "data:application/octet-stream;base64," + base64.b64encode(self.content).decode()
        buffers = [{"byteLength": len(self.content), "uri": uri}]
        return json.dumps(self.header | {"buffers": buffers}).encode()

    def glb(self, version=2):
        text = json.dumps(self.header | {"buffers": [{"byteLength": len(self.content)}]}).encode()
        text += b" " * (-len(text) % 4)
        content = self.content + bytes(-len(self.content) % 4)
        body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(content), b"BIN\0") + content
        return struct.pack("<4sII", b"glTF", version, 12 + len(body)) + body


def simple(positions=TRIANGLE, node=None, primitive=None, material=None, **attributes):
    """A file with one primitive on one node, given its further attributes as arrays."""
    maker = Maker()
    found = {"POSITION": maker.add(positions)}
    for name, values in attributes.items():
        is_whole = np.asarray(values).dtype.kind in "iu"
        found[name] = maker.add(values, **({"normalized": True} if is_whole and "JOINTS" not in name else {}))
    if material is not None:
        maker.header["materials"] = [material]
        primitive = (primitive or {}) | {"material": 0}
    return maker.scene([{"mesh": 0} | (node or {})], {"attributes": found} | (primitive or {}))


def pbr(**entries):
    return {"pbrMetallicRoughness": entries}


def read(maker, **source):
    return read_gltf(Source(maker.glb() if isinstance(maker, Maker) else maker, **source))


def triangles(reading):
    return np.concatenate([part.vertices[part.faces] for part in reading.parts])


def only(maker):
    reading = read(maker)
    assert len(reading.parts) == 1
    return reading.parts[0]


def color_of(part):
    """The one color (3,) of a part."""
    levels = np.unique(part.colors.faces[:, :3], axis=0)
    assert len(levels) == 1
    return levels[0].tolist()


def srgb(linear):
    """A second method, by the standard's formula."""
    return round(255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


def png(*rows):
    """An image of RGB pixels by row."""
    data = io.BytesIO()
    Image.fromarray(np.array(rows, np.uint8)).save(data, "PNG")
    return data.getvalue()


RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]
FOUR = png([RED, GREEN], [BLUE, WHITE])  # red at the top left, where u and v are 0
SPOT = {"red": [0.25, 0.25], "green": [0.75, 0.25], "blue": [0.25, 0.75]}


def textured(uv, info=None, image=FOUR, texture=None, factor=None, **attributes):
    """A triangle with a texture and the same texture coordinates at each corner."""
    uv = np.tile(np.array(uv, getattr(uv, "dtype", np.float32)), (3, 1))
    pbr = {"baseColorTexture": {"index": 0} | (info or {})} | ({} if factor is None else {"baseColorFactor": factor})
    maker = simple(material={"pbrMetallicRoughness": pbr}, TEXCOORD_0=uv, **attributes)
    maker.header |= {"textures": [texture or {"source": 0}], "images": [{"bufferView": maker.view(image)}]}
    return maker


# --------------------------------------------------------------------------------------------------- placement


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, TRIANGLE),
        ({"translation": [1, 2, 3]}, TRIANGLE + [1, 2, 3]),
        ({"scale": [2, 3, 4], "rotation": HALF_TURN}, TRIANGLE * [-2, -3, 4]),
        ({"rotation": [0, 0, 2, 0]}, TRIANGLE * [-1, -1, 1]),  # not of unit length
        ({"matrix": [0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]}, TRIANGLE[:, [1, 0, 2]] * [3, 2, 1] + [5, 6, 7]),
    ],
)
def test_a_node_places_its_mesh(node, expected):
    for data in (simple(node=node).glb(), simple(node=node).gltf()):
        assert np.allclose(triangles(read(data))[0], expected)


def test_nodes_form_a_hierarchy_of_any_depth_and_share_meshes():
    deep = 2000  # above the limit of recursion
    maker = simple()
    maker.header["nodes"] = [{"translation": [1, 0, 0], "children": [i + 1]} for i in range(deep)] + [{"mesh": 0}]
    maker.header["nodes"] += [{"mesh": 0, "translation": [0, 0, 7]}]
    maker.header["scenes"] = [{"nodes": [0, deep + 1]}]
    first, second = read(maker).parts
    assert np.allclose(first.vertices, TRIANGLE + [deep, 0, 0]) and np.allclose(second.vertices, TRIANGLE + [0, 0, 7])
    assert first.vertices.dtype == np.float64 and first.faces.dtype == np.int64 and first.colors is None


@pytest.mark.parametrize(
    ("entries", "offsets", "notes"),
    [
        ({"scenes": [{"nodes": [0]}, {"nodes": [1]}], "scene": 1}, [1], 1),
        ({"scenes": [{"nodes": [0]}, {"nodes": [1]}]}, [0], 1),
        ({"scenes": [{"nodes": [1]}]}, [1], 0),
        ({"scenes": []}, [0, 1], 0),
        ({"scenes": [{}]}, [], 0),
    ],
)
def test_the_default_scene_is_read(entries, offsets, notes):
    maker = simple()
    maker.header |= {"nodes": [{"mesh": 0}, {"mesh": 0, "translation": [1, 0, 0]}]} | entries
    reading = read(maker)
    assert [part.vertices[0, 0] for part in reading.parts] == offsets
    assert len(reading.notes) == notes and all("2 scenes" in note for note in reading.notes)


@pytest.mark.parametrize("children", [[[1], [0]], [[0], []], [[1, 1], []], [[1], [], [1]], [[9], []]])
def test_nodes_that_are_no_tree_are_refused(children):
    maker = simple()
    maker.header["nodes"] = [{"mesh": 0, "children": some} for some in children]
    with pytest.raises(ValueError, match=r"descendants of themselves|more than one parent|does not exist"):
        read(maker)


def test_instances_are_transformed_before_their_node():
    maker = simple(node={"translation": [0, 0, 1]}, COLOR_0=np.array([[1, 0, 0]] * 3, np.float32))
    turn = np.array([[0, 0, 127, 0], [0, 0, 0, 127]], np.int8)
    attributes = {
        "TRANSLATION": maker.add(np.array([[5, 0, 0], [0, 6, 0]], np.float32)),
        "ROTATION": maker.add(turn, normalized=True),
        "SCALE": maker.add(np.array([[2, 2, 2], [3, 3, 3]], np.float32)),
    }
    maker.header["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": attributes}}
    maker.header["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    part = only(maker)
    expected = [TRIANGLE * [-2, -2, 2] + [5, 0, 1], TRIANGLE * 3 + [0, 6, 1]]
    assert np.allclose(part.vertices[part.faces], expected)
    assert color_of(part) == RED and np.array_equal(part.colors.triangles, part.faces)
    with pytest.raises(Refusal, match="in all its parts"):
        read(maker, max_faces=1)


# --------------------------------------------------------------------------------------------------- accessors


@pytest.mark.parametrize(
    ("dtype", "normalized", "factor"),
    [
        ("i1", True, 127),
        ("u1", True, 255),
        ("i2", True, 32767),
        ("u2", True, 65535),
        ("i2", False, 1),
        ("u2", False, 1),
        ("f4", False, 1),
    ],
)
def test_positions_of_every_type(dtype, normalized, factor):
    stored = np.array([[0, 0, 0], [100, 0, 0], [0, 100, 50]], dtype)
    maker = Maker(extensionsRequired=["KHR_mesh_quantization"])
    attributes = {"POSITION": maker.add(stored, normalized=normalized)}
    maker.scene([{"mesh": 0, "scale": [2, 2, 2]}], {"attributes": attributes})
    assert np.allclose(triangles(read(maker))[0], stored.astype(float) * 2 / factor, rtol=1e-12)


def test_interleaved_attributes_with_offsets():
    rows = np.zeros(3, [("position", "<f4", 3), ("color", "u1", 4)])
    rows["position"], rows["color"] = TRIANGLE, [0, 255, 0, 255]
    maker = Maker()
    view = maker.view(b"1234" + rows.tobytes(), byteStride=16)
    position = maker.add(TRIANGLE, view=False, bufferView=view, byteOffset=4)
    color = maker.add(rows["color"], view=False, bufferView=view, byteOffset=16, normalized=True)
    part = only(maker.scene([{"mesh": 0}], {"attributes": {"POSITION": position, "COLOR_0": color}}))
    assert np.array_equal(part.vertices, TRIANGLE) and color_of(part) == GREEN


@pytest.mark.parametrize("has_base", [True, False])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_sparse_accessors(has_base, dtype):
    maker = Maker()
    places = {
        "bufferView": maker.view(np.array([0, 2], dtype).tobytes()),
        "componentType": CODES[np.dtype(dtype).str[1:]],
    }
    values = {"bufferView": maker.view(np.array([[7, 0, 0], [0, 8, 0]], np.float32).tobytes())}
    position = maker.add(TRIANGLE, view=has_base, sparse={"count": 2, "indices": places, "values": values})
    maker.scene([{"mesh": 0}], {"attributes": {"POSITION": position}})
    middle = TRIANGLE[1] if has_base else [0, 0, 0]
    assert np.array_equal(triangles(read(maker))[0], [[7, 0, 0], middle, [0, 8, 0]])


@pytest.mark.parametrize("uri", ["a%20b.bin", "data:,%s", "DATA:;base64,%s"])
def test_buffers_outside_of_the_header(uri):
    maker = simple()
    quoted = "".join(f"%{byte:02x}" for byte in maker.content)
    inline = quoted if "base64" not in uri else base64.b64encode(maker.content).decode().rstrip("=")
    data = maker.gltf(uri % inline if "%s" in uri else uri)
    reading = read(data, open_other={"a b.bin": maker.content}.__getitem__)
    assert np.array_equal(triangles(reading)[0], TRIANGLE)


def test_a_missing_buffer_is_an_error_and_a_missing_texture_a_note():
    with pytest.raises(MissingFileError, match=r"^other\.bin$"):
        read(simple().gltf("other.bin"))
    maker = textured(SPOT["red"], factor=[1, 0, 0, 1])
    maker.header["images"] = [{"uri": "other.png"}]
    reading = read(maker)
    assert color_of(reading.parts[0]) == RED and reading.notes == []


# -------------------------------------------------------------------------------------------------- primitives


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("mode", "order", "expected"),
    [
        (4, [0, 1, 2, 2, 1, 3, 0], [[0, 1, 2], [2, 1, 3]]),
        (5, [0, 1, 2, 3], [[0, 1, 2], [1, 3, 2]]),
        (6, [0, 1, 3, 2], [[1, 3, 0], [3, 2, 0]]),
    ],
)
def test_triangles_strips_and_fans(mode, order, expected, indexed):
    maker = simple(SQUARE if indexed else SQUARE[order], primitive={"mode": mode})
    if indexed:
        maker.header["meshes"][0]["primitives"][0]["indices"] = maker.add(np.array(order, np.uint8))
    reading = read(maker)
    assert np.array_equal(triangles(reading), SQUARE[expected])
    assert reading.notes == (["Corners left over after the last triangle of a part: 1."] if mode == 4 else [])


def test_points_are_a_cloud_and_lines_are_left_out():
    colors = np.array([[0.5, 0, 0, 1]] * 4, np.float32)
    maker = simple(SQUARE, primitive={"mode": 0}, material=pbr(baseColorFactor=[0.5, 1, 1, 1]))
    points = maker.header["meshes"][0]["primitives"][0]
    colored = copy.deepcopy(points)
    colored["attributes"]["COLOR_0"] = maker.add(colors)
    colored["indices"] = maker.add(np.array([3, 1], np.uint16))
    maker.header["meshes"][0]["primitives"] += [colored] + [points | {"mode": mode} for mode in (1, 2, 3)]
    reading = read(maker)
    assert len(reading.parts) == 2 and reading.notes == ["Parts made of lines left out: 3."]
    assert np.array_equal(reading.parts[0].vertices, SQUARE) and len(reading.parts[0].faces) == 0
    assert reading.parts[0].point_colors.tolist() == [[srgb(0.5), 255, 255]] * 4
    assert np.array_equal(reading.parts[1].vertices, SQUARE[[3, 1]])
    assert reading.parts[1].point_colors.tolist() == [[srgb(0.25), 0, 0]] * 2
    with pytest.raises(Refusal, match="in all its parts"):
        read(maker, max_points=5)


def test_a_part_takes_only_the_vertices_that_it_uses():
    many = np.concatenate([np.full((1000, 3), 9, np.float32), TRIANGLE])
    maker = simple(many, COLOR_0=np.array([[0, 0, 0]] * 1000 + [[0, 0, 1]] * 3, np.float32))
    maker.header["meshes"][0]["primitives"][0]["indices"] = maker.add(np.array([1000, 1001, 1002], np.uint32))
    part = only(maker)
    assert np.array_equal(part.vertices, TRIANGLE) and color_of(part) == BLUE


def test_parts_without_vertices_are_skipped():
    maker = simple(np.zeros((0, 3), np.float32))
    maker.header["meshes"][0]["primitives"] += [{"attributes": {}}, {}]
    maker.header["nodes"] += [{}, {"camera": 0}]
    maker.header["scenes"][0]["nodes"] = [0, 1, 2]
    reading = read(maker)
    assert reading.parts == [] and reading.notes == ["Parts without vertices or faces left out: 3."]


@pytest.mark.parametrize(("mesh", "node", "expected"), [([1, 0], None, 1), ([1, 0], [0.5, 2], 4.5), (None, None, 0)])
def test_default_weights_of_morph_targets(mesh, node, expected):
    maker = simple()
    first = maker.add(np.array([[1, 0, 0]] * 3, np.float32))
    places = {"bufferView": maker.view(bytes([0, 1, 2])), "componentType": 5121}
    values = {"bufferView": maker.view(np.array([[2, 0, 0]] * 3, np.float32).tobytes())}
    second = maker.add(TRIANGLE, view=False, sparse={"count": 3, "indices": places, "values": values})
    maker.header["meshes"][0]["primitives"][0]["targets"] = [{"POSITION": first}, {"POSITION": second, "NORMAL": 0}]
    maker.header["meshes"][0] |= {"weights": mesh} if mesh else {}
    maker.header["nodes"][0] |= {"weights": node} if node else {}
    assert np.allclose(triangles(read(maker))[0], TRIANGLE + [expected, 0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_skins_move_vertices_with_their_joints(dtype):
    """Joint 0 moves by 10 and joint 1 by 20 along x, after its inverse bind matrix doubles; the node does not count."""
    one = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    maker = simple(
        node={"skin": 0, "translation": [100, 100, 100]},
        JOINTS_0=np.array([[0, 9, 9, 9], [1, 9, 9, 9], [0, 1, 0, 0]], np.uint8),
        WEIGHTS_0=np.array([[one, 0, 0, 0], [one, 0, 0, 0], [one // 5, one // 5, 0, 0]], dtype)
        if dtype != np.float32
        else np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0.2, 0.2, 0, 0]], np.float32),
        JOINTS_1=np.array([[0] * 4, [0] * 4, [1, 0, 0, 0]], np.uint16),
        WEIGHTS_1=np.array([[0] * 4, [0] * 4, [one // 5 * 2 if dtype != np.float32 else 0.4, 0, 0, 0]], dtype),
    )
    double = np.diag([2, 2, 2, 1]).astype(np.float32)
    inverse = maker.add(np.stack([np.eye(4, dtype=np.float32), double]).transpose(0, 2, 1).reshape(2, 16))
    maker.header["nodes"] += [{"translation": [10, 0, 0], "children": [2]}, {"translation": [10, 0, 0]}]
    maker.header["scenes"] = [{"nodes": [0, 1]}]
    maker.header["skins"] = [{"joints": [1, 2], "inverseBindMatrices": inverse}]
    # Weights of 1/5 and 3/5 are renormalized to 1/4 and 3/4: the doubled (0, 2) counts three times as much as (0, 1).
    assert np.allclose(triangles(read(maker))[0], [[10, 0, 0], [22, 0, 0], [17.5, 1.75, 0]], atol=1e-6)
    del maker.header["skins"][0]["inverseBindMatrices"]
    assert np.allclose(triangles(read(maker))[0][1], [21, 0, 0])


# ------------------------------------------------------------------------------------------------------ colors


@pytest.mark.parametrize("with_material", [True, False])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["f4", "u1", "u2"])
def test_vertex_colors_are_linear_and_multiply_the_material(dtype, channels, with_material):
    whole = 1 if dtype == "f4" else np.iinfo(dtype).max
    colors = (np.array([[0.6, 0.2, 0, 1][:channels]] * 3) * whole).astype(dtype)
    part = only(simple(COLOR_0=colors, material=pbr(baseColorFactor=[0.5, 1, 1, 1]) if with_material else None))
    assert np.allclose(color_of(part), [srgb(0.3 if with_material else 0.6), srgb(0.2), 0], atol=1)


def test_materials_without_a_color_are_white_beside_colored_ones():
    maker = simple(material=pbr())
    assert only(maker).colors is None
    maker.header["materials"].append(pbr(baseColorFactor=[0, 0.5, 0, 1]))
    first = maker.header["meshes"][0]["primitives"][0]
    maker.header["meshes"][0]["primitives"].append(first | {"material": 1})
    assert [color_of(part) for part in read(maker).parts] == [WHITE, [0, srgb(0.5), 0]]


@pytest.mark.parametrize(
    ("uv", "info", "expected"),
    [
        (SPOT["red"], {}, RED),
        (SPOT["green"], {}, GREEN),
        (SPOT["blue"], {}, BLUE),
        (SPOT["red"], {"offset": [0.5, 0]}, GREEN),
        (SPOT["red"], {"offset": [0, 0.5]}, BLUE),
        ([0.75, 0.75], {"scale": [1, 1 / 3]}, GREEN),
        (SPOT["green"], {"rotation": np.pi / 2, "offset": [0, 1]}, RED),  # (u, v) -> (v, 1 - u)
        ([0.5, 0.75], {"rotation": np.pi / 2, "offset": [0, 1], "scale": [0.5, 1]}, WHITE),  # scaled first
        ([0.9, 0.9], {"texCoord": 1}, BLUE),
    ],
)
def test_textures_and_their_transforms(uv, info, expected):
    maker = textured(uv, {"extensions": {"KHR_texture_transform": info}} if info else None)
    second = maker.add(np.tile(np.array(SPOT["blue"], np.float32), (3, 1)))
    maker.header["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_1"] = second
    assert color_of(only(maker)) == expected


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_normalized_texture_coordinates_and_a_second_set(dtype):
    whole = np.iinfo(dtype).max
    maker = textured((np.array(SPOT["green"]) * whole).astype(dtype))
    assert np.allclose(color_of(only(maker)), GREEN, atol=3)  # 8 bits miss the center of the texel
    maker.header["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] = 1
    attributes = maker.header["meshes"][0]["primitives"][0]["attributes"]
    attributes["TEXCOORD_1"] = maker.add(np.tile(np.array(SPOT["blue"], np.float32), (3, 1)))
    assert color_of(only(maker)) == BLUE


def test_factor_texture_and_vertex_colors_are_multiplied():
    colors = np.array([[0.5, 1, 1]] * 3, np.float32)
    maker = textured([0.75, 0.75], factor=[0.5, 1, 0, 1], COLOR_0=colors)
    assert np.allclose(color_of(only(maker)), [srgb(0.25), 255, 0], atol=3)  # levels are multiplied, not light


@pytest.mark.parametrize("source", ["data", "file", "webp", "basisu", "broken", "none"])
def test_where_images_come_from(source):
    maker = textured(SPOT["green"], factor=[1, 1, 0, 1])
    images, textures = maker.header["images"], maker.header["textures"]
    if source == "data":
        images[0] = {"uri": "data:image/png;base64," + base64.b64encode(FOUR).decode()}
    elif source == "file":
        images[0] = {"uri": "a%20b.png"}
    elif source in ("webp", "basisu"):
        name = {"webp": "EXT_texture_webp", "basisu": "KHR_texture_basisu"}[source]
        textures[0] = {"extensions": {name: {"source": 0}}}
        maker.header["extensionsRequired"] = [name]
    elif source == "broken":
        images[0] = {"bufferView": maker.view(FOUR[:50])}
    else:
        textures[0] = {}
    reading = read(maker, open_other={"a b.png": FOUR}.__getitem__)
    is_read = source in ("data", "file", "webp")
    assert color_of(reading.parts[0]) == (GREEN if is_read else [255, 255, 0])
    assert len(reading.notes) == (0 if is_read else 1)


def test_specular_glossiness_counts_without_a_metallic_color():
    old = {"KHR_materials_pbrSpecularGlossiness": {"diffuseFactor": [0, 0, 0.5, 1]}}
    assert color_of(only(simple(material={"extensions": old} | pbr(metallicFactor=0)))) == [0, 0, srgb(0.5)]
    assert color_of(only(simple(material={"extensions": old} | pbr(baseColorFactor=[1, 0, 0, 1])))) == RED


@pytest.mark.parametrize(
    ("material", "alpha", "kept"),
    [
        ({"alphaMode": "BLEND"} | pbr(baseColorFactor=[1, 1, 1, 0]), [1] * 6, 0),
        ({"alphaMode": "BLEND"} | pbr(baseColorFactor=[1, 1, 1, 0.01]), [1] * 6, 2),
        ({"alphaMode": "BLEND"}, [0, 0, 0, 0, 0, 0.5], 1),
        ({"alphaMode": "MASK"}, [0.4, 0.4, 0.4, 0.4, 0.4, 0.5], 1),
        ({"alphaMode": "MASK", "alphaCutoff": 0.3}, [0.4] * 6, 2),
        ({"alphaMode": "OPAQUE"} | pbr(baseColorFactor=[1, 1, 1, 0]), [0] * 6, 2),
        (pbr(baseColorFactor=[1, 1, 1, 0]), [0] * 6, 2),
    ],
)
def test_invisible_faces_are_left_out_unless_all_are(material, alpha, kept):
    colors = np.ones((6, 4), np.float32)
    colors[:, 3] = alpha
    maker = simple(np.concatenate([TRIANGLE, TRIANGLE + 5]), material=material, COLOR_0=colors)
    alone = read(maker)
    assert sum(len(part.faces) for part in alone.parts) == (kept or 2) and len(alone.notes) == (kept < 2)
    other = {"attributes": {"POSITION": maker.add(TRIANGLE + 9)}}
    maker.header["meshes"][0]["primitives"].append(other)
    reading = read(maker)
    assert sum(len(part.faces) for part in reading.parts) == kept + 1
    assert reading.notes == ([f"Invisible faces (alpha 0) left out: {2 - kept}."] if kept < 2 else [])
    if kept == 1:
        assert np.array_equal(triangles(reading)[0], TRIANGLE + 5) and len(reading.parts[0].colors.faces) == 1


# --------------------------------------------------------------------------------------------------- extensions


@pytest.mark.parametrize(
    ("required", "words"),
    [
        ("KHR_draco_mesh_compression", "compressed with Draco (KHR_draco_mesh_compression): export it uncompressed"),
        ("EXT_meshopt_compression", "compressed with meshopt"),
        ("KHR_gaussian_splatting", "Gaussian splats"),
        ("ACME_cubes", "requires the glTF extension ACME_cubes"),
    ],
)
def test_extensions_that_are_refused(required, words):
    maker = simple()
    maker.header["extensionsRequired"] = [required]
    with pytest.raises(Refusal) as raised:
        read(maker)
    assert words in str(raised.value) and str(raised.value)[0].islower() and str(raised.value).endswith(".")


def test_extensions_that_do_not_matter():
    maker = simple()
    maker.header["extensionsRequired"] = ["KHR_materials_unlit", "KHR_texture_transform", "KHR_lights_punctual"]
    maker.header["extensionsUsed"] = ["ACME_cubes"]
    assert np.array_equal(triangles(read(maker))[0], TRIANGLE)


def test_compression_that_is_not_required_is_read_if_there_is_a_copy():
    maker = simple()
    maker.header["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    assert np.array_equal(triangles(read(maker))[0], TRIANGLE)
    del maker.header["accessors"][0]["bufferView"]
    with pytest.raises(Refusal, match="Draco"):
        read(maker)


# ------------------------------------------------------------------------------------------------ hostile files


def changed(path, value):
    """A file with one entry changed, or removed for `...`."""
    maker = simple(primitive={"indices": 0}, material=pbr(baseColorFactor=[1, 1, 1, 1]))
    maker.header["meshes"][0]["primitives"][0]["indices"] = maker.add(np.array([0, 1, 2], np.uint16))
    entry = maker.header
    for step in path[:-1]:
        entry = entry[step]
    if value is ...:
        del entry[path[-1]]
    else:
        entry[path[-1]] = value
    return maker


def check_or_error(data):
    """Read a damaged file: any exception will do, but indices must be right."""
    try:
        parts = read(data).parts
    except Exception as error:
        return type(error)
    for part in parts:
        assert len(part.faces) == 0 or 0 <= part.faces.min() <= part.faces.max() < len(part.vertices)
    return None


BAD = ["x", -1, 1.5, None, True, 10**30, [], {}, [[]], float("nan")]
PLACES = [
    ("accessors", 0, "count"),
    ("accessors", 0, "componentType"),
    ("accessors", 0, "type"),
    ("accessors", 0, "byteOffset"),
    ("accessors", 0, "bufferView"),
    ("bufferViews", 0, "byteLength"),
    ("bufferViews", 0, "byteStride"),
    ("bufferViews", 0, "buffer"),
    ("meshes", 0, "primitives"),
    ("meshes", 0, "primitives", 0, "attributes", "POSITION"),
    ("meshes", 0, "primitives", 0, "mode"),
    ("meshes", 0, "primitives", 0, "material"),
    ("meshes", 0, "primitives", 0, "indices"),
    ("materials", 0, "pbrMetallicRoughness"),
    ("nodes", 0, "mesh"),
    ("nodes", 0, "translation"),
    ("nodes", 0, "children"),
    ("scenes", 0, "nodes"),
    ("meshes",),
    ("nodes",),
    ("accessors",),
]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_wrong_values_are_errors_without_large_arrays(path):
    tracemalloc.start()
    for value in BAD:
        assert check_or_error(changed(path, value).glb()) is not MemoryError
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("accessors", 0, "count"), 4, "accessor 0 reaches beyond its buffer view"),
        (("accessors", 0, "count"), 10**9, "accessor 0 reaches beyond its buffer view"),
        (("bufferViews", 0, "byteLength"), 10**9, "buffer view 0 reaches beyond its buffer"),
        (("bufferViews", 0, "byteStride"), 4, "the elements of accessor 0 overlap"),
        (("accessors", 0, "count"), 2, "a primitive refers to vertex 2, but has only 2"),
        (("accessors", 1, "componentType"), 5122, "the indices of a primitive are not whole numbers"),
        (("accessors", 0, "type"), "VEC2", "accessor 0 is of type VEC2, not VEC3"),
        (("scene",), 3, "it refers to entry 3 of scenes, but has only 1"),
        (("nodes", 0, "mesh"), "a", "an index of meshes is 'a' instead of a whole number"),
    ],
)
def test_what_is_wrong_is_said(path, value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read(changed(path, value))


@pytest.mark.parametrize("width", [3, 16])
def test_announced_numbers_are_counted_before_memory_is_allocated(width):
    maker = Maker()
    maker.add(np.zeros((1, width), np.float32), view=False, count=10**9)
    maker.scene([{"mesh": 0}], {"attributes": {"POSITION": 0}})
    with pytest.raises(ValueError, match=r"in all its parts|is of type"):
        read(maker)


def test_every_place_of_a_mesh_counts():
    maker = simple()
    maker.header["nodes"] = [{"mesh": 0}] * 11
    maker.header["scenes"] = [{"nodes": list(range(11))}]
    assert len(read(maker, max_faces=11, max_points=33).parts) == 11
    for limits in ({"max_faces": 10}, {"max_points": 32}):
        with pytest.raises(Refusal, match="in all its parts"):
            read(maker, **limits)


def test_places_of_parts_without_faces_are_bounded(monkeypatch):
    monkeypatch.setattr("modeling_crossmost.gltf_crossmost._MAX_PARTS", 99)
    maker = Maker().scene([{"mesh": 0}] * 10, *[{}] * 10)
    with pytest.raises(Refusal, match="more than 99 parts"):
        read(maker)


GLB = simple().glb()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GLB[:15], "cut off within"),
        (GLB[:-8], "cut off: it has"),
        (GLB[:12] + struct.pack("<I", 10**9) + GLB[16:], "header chunk reaches"),
        (GLB[:16] + b"XXXX" + GLB[20:], "first chunk"),
        (simple().glb(version=1), "glTF 1"),
        (simple().glb(version=3), "glTF version 3"),
        (b'{"asset": {"version": "1.0"}}', "glTF 1"),
        (b'{"meshes": {"a": {}}}', "glTF 1"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b"{,", "not JSON"),
        (b"\xff\xfe{", "not text"),
        (b"", "not JSON"),
    ],
)
def test_damaged_containers(data, message):
    with pytest.raises(ValueError, match=message):
        read(data)


def test_a_binary_chunk_that_is_too_long():
    size = struct.unpack_from("<I", GLB, 12)[0]
    with pytest.raises(ValueError, match="binary chunk reaches"):
        read(GLB[: 20 + size] + struct.pack("<I", 10**9) + GLB[24 + size :])


@pytest.mark.parametrize("seed", range(3))
def test_random_damage_is_an_error_or_a_finite_reading(seed):
    rng = np.random.default_rng(seed)
    data = textured(SPOT["green"], factor=[1, 1, 0, 1]).glb()
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(12, len(data), 3):
            damaged[place] = rng.integers(256)
        assert check_or_error(bytes(damaged)) is not MemoryError


# ------------------------------------------------------------------------------------------------ second method


@pytest.mark.parametrize("kind", ["glb", "gltf"])
def test_a_scene_written_by_trimesh_is_where_trimesh_puts_it(kind):
    scene = trimesh.Scene()
    rng = np.random.default_rng(0)
    parent = None
    for number, mesh in enumerate((trimesh.creation.box(), trimesh.creation.icosphere(2), trimesh.creation.cone(1, 2))):
        matrix = trimesh.transformations.random_rotation_matrix(rng.random(3))
        matrix[:3, 3] = rng.random(3)
        matrix[:3, :3] *= 1 + number
        parent = scene.add_geometry(mesh, parent_node_name=parent, transform=matrix)
    exported = scene.export(file_type=kind)
    files = exported if kind == "gltf" else {"model.gltf": exported}
    parts = read(files["model.gltf"], open_other=files.__getitem__).parts
    expected = scene.to_geometry().triangles
    found = np.concatenate([part.vertices[part.faces] for part in parts])
    assert len(parts) == 3 and found.shape == expected.shape
    centers = [np.sort(each.mean(axis=1).round(4), axis=0) for each in (found, expected)]
    assert np.allclose(*centers, atol=1e-3)
    assert np.isclose(trimesh.triangles.area(found).sum(), trimesh.triangles.area(expected).sum(), rtol=1e-5)


# ---------------------------------------------------------------------------------------------------- real files


def normalized_samples(corners, seed, count=1000):
    """Points on triangles (F, 3, 3), mean 0 and largest norm 1."""
    rng = np.random.default_rng(seed)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(corners), count, p=areas / areas.sum())]
    points = (chosen * rng.dirichlet([1, 1, 1], count)[:, :, None]).sum(axis=1)
    points -= points.mean(axis=0)
    return points / np.linalg.norm(points, axis=1).max()


def chamfer(first, second):
    squares = ((first[:, None] - second) ** 2).sum(axis=2)
    return np.sqrt(squares.min(axis=0)).mean() + np.sqrt(squares.min(axis=1)).mean()


@pytest.mark.parametrize(
    ("name", "color"),
    [
        ("sparse.glb", None),
        ("skin_node_rotated.glb", None),
        ("gpu_instancing.glb", None),
        ("quant_u2_norm.glb", None),
        ("fans.glb", None),
        ("glass_box.glb", None),
        ("gltf_percent/ext bin.gltf", None),
        ("uv_u2.glb", "red"),
        ("c_u2_mat0.glb", "red"),
        ("tex_transform.glb", "blue"),
    ],
)
def test_files_that_went_wrong_are_the_chair(shared_data, name, color):
    path = shared_data / "cases" / name
    if not path.is_file():
        pytest.skip("the cases are absent")
    reading = read(path.read_bytes(), open_other=lambda other: (path.parent / other).read_bytes())
    chair = trimesh.load(shared_data / "cases" / "reference_chair.obj", force="mesh", process=False)
    assert chamfer(normalized_samples(triangles(reading), 0), normalized_samples(chair.triangles, 1)) < 0.12
    if color is None:
        assert all(part.colors is None for part in reading.parts)
    else:
        mean = np.concatenate([part.colors.faces for part in reading.parts]).mean(axis=0)[:3]
        assert mean.argmax() == {"red": 0, "blue": 2}[color] and mean.max() > 2 * np.sort(mean)[1]
    assert len(reading.notes) == (name == "glass_box.glb")
