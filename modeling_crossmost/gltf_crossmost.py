"""Reader of glTF 2.0, as text (.gltf) and binary (.glb): surfaces and points in their default pose (numpy only).

The default scene is read, with morph weights, skins and instances applied, and with base colors: factors, textures and
vertex colors. Faces that alpha makes invisible are left out. Nothing in a file is trusted: accessors are views of its
bytes whose bounds are checked, other arrays are counted with `Source.spend` first, and nothing recurses.
"""

from __future__ import annotations

import base64
import json
import struct
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np

from .materials_crossmost import (
    SurfaceColors,
    decode_texture,
    encode_srgb,
    linear_light,
    material_colors,
    plain_colors,
)
from .parts_crossmost import MissingFileError, Part, Reading, Refusal, Source


# Numbers of an accessor: component type -> dtype, and type -> components per element.
_DTYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}

# Primitive modes without a surface (points, three kinds of lines), and with one.
_POINTS, _LINES, _TRIANGLES, _STRIP, _FAN = 0, (1, 2, 3), 4, 5, 6

# A primitive of a node costs about a kilobyte, even if it has no face.
_MAX_PARTS = 100_000

# Each takes up to 4 MB of memory, and about a second to decode.
_MAX_TEXTURES = 128

# Vertices that are skinned at once, to bound the memory for their matrices.
_BLOCK = 65_536

# Extensions that a file may require: read here, or without influence on shape and base color.
_KNOWN = {
    "KHR_mesh_quantization",
    "EXT_mesh_gpu_instancing",
    "KHR_texture_transform",
    "KHR_texture_basisu",
    "EXT_texture_webp",
    "EXT_texture_avif",
    "KHR_technique_webgl",
    "KHR_techniques_webgl",
    "MSFT_texture_dds",
    "KHR_lights_punctual",
    "EXT_lights_image_based",
    "KHR_animation_pointer",
    "KHR_xmp",
    "KHR_xmp_json_ld",
    "FB_ngon_encoding",
}
_KNOWN_START = "KHR_materials_"
_DRACO = "KHR_draco_mesh_compression"
_COMPRESSIONS = {_DRACO: "Draco", "EXT_meshopt_compression": "meshopt", "KHR_meshopt_compression": "meshopt"}
_SPLATS = "KHR_gaussian_splatting"

# trimesh gives materials that have a texture but no color this one, which would darken the texture, and writes sRGB
# levels as vertex colors of parts without a material.
_TRIMESH, _TRIMESH_GRAY = "mikedh/trimesh", 0.4

# Base color of a material, by preference: holder of the entries, color factor, texture.
_BASE_COLORS = (
    ("pbrMetallicRoughness", "baseColorFactor", "baseColorTexture"),
    ("KHR_materials_pbrSpecularGlossiness", "diffuseFactor", "diffuseTexture"),
)


@dataclass
class _Shape:
    """What a primitive of a mesh is in all its places.

    Attributes:
        attributes: accessor of each attribute.
        material: entry of the header; empty if the primitive has none.
        stored: number of values that each attribute has.
        rows: those of them that the primitive uses, int64 (V,); `None` for all.
        faces: int64 (F, 3), indices of the vertices used; `None` for points.
        visible: the faces that alpha does not make invisible, bool (F,); `None` for all.
    """

    attributes: dict
    material: dict
    stored: int
    rows: np.ndarray | None
    faces: np.ndarray | None
    visible: np.ndarray | None = None


@dataclass
class _Placed:
    """A shape with its vertices float64 (V, 3), to be transformed by each matrix float64 (n, 4, 4)."""

    shape: _Shape
    vertices: np.ndarray
    matrices: np.ndarray


def read_gltf(source: Source) -> Reading:
    """Read the default scene of a glTF 2.0 file, text or binary.

    Raises:
        Refusal: if the file is compressed, holds Gaussian splats, requires an unknown extension, or is too large.
        MissingFileError: if a buffer is in a file that cannot be opened; a texture may be missing.
        ValueError: if the file is damaged.
    """
    document = _Document(source)
    _check_extensions(document.header)
    with np.errstate(all="ignore"):  # coordinates that are not finite are rejected by whoever uses them
        placed = list(_placed(document))
        _drop_invisible(document, placed)
        parts = [_part(document, each) for each in placed]
    _whiten(parts)
    return Reading(parts, document.sentences())


def _check_extensions(header: dict) -> None:
    """Raise `Refusal` if the file needs an extension that is not implemented here."""
    required, used = ([str(name) for name in _list(header, key)] for key in ("extensionsRequired", "extensionsUsed"))
    for name in required + used:
        if name.startswith(_SPLATS):
            raise Refusal(f"it holds Gaussian splats ({name}), not a surface: export a mesh or a point cloud.")
    for name in required:
        if name in _COMPRESSIONS:
            raise _compressed(name)
        if name not in _KNOWN and not name.startswith(_KNOWN_START):
            raise Refusal(f"it requires the glTF extension {name[:60]}, which is not supported: export it without.")


def _compressed(name: str) -> Refusal:
    return Refusal(f"it is compressed with {_COMPRESSIONS[name]} ({name}): export it uncompressed.")


# ----------------------------------------------------------------------------------------------------- header


def _split(data: bytes) -> tuple[dict, memoryview | None]:
    """Return the header of a file, and the binary chunk of a .glb."""
    chunk = None
    text = data
    if data[:4] == b"glTF":
        text, chunk = _split_binary(data)
    try:
        header = json.loads(text.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its header is not JSON: {error.msg} in line {error.lineno}") from None
    except UnicodeDecodeError:
        raise ValueError("its header is not text in UTF-8") from None
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    asset = header.get("asset")
    # glTF 1 named its entries, where glTF 2 numbers them, and often had no version.
    is_old = isinstance(header.get("meshes"), dict)
    version = str(asset.get("version", "2.0")) if isinstance(asset, dict) else "2.0"
    _check_version("1" if is_old else version.split(".")[0])
    return header, chunk


def _split_binary(data: bytes) -> tuple[bytes, memoryview | None]:
    """Return the JSON and the binary chunk of a .glb file."""
    if len(data) < 20:
        raise ValueError("it is cut off within its first 20 bytes")
    version, length, size, kind = struct.unpack_from("<III4s", data, 4)
    _check_version(str(version))
    if length > len(data):
        raise ValueError(f"it is cut off: it has {len(data)} of {length} bytes")
    if kind != b"JSON":
        raise ValueError("its first chunk is not JSON")
    end = 20 + size
    if end > length:
        raise ValueError("its header chunk reaches beyond its end")
    if length < end + 8:
        return data[20:end], None
    size, kind = struct.unpack_from("<I4s", data, end)
    if end + 8 + size > length:
        raise ValueError("its binary chunk reaches beyond its end")
    return data[20:end], memoryview(data)[end + 8 : end + 8 + size] if kind == b"BIN\0" else None


def _check_version(version: str) -> None:
    if version in ("0", "1"):
        raise Refusal("it is glTF 1, which is outdated: convert it to glTF 2.")
    if version != "2":
        raise Refusal(f"it is glTF version {version[:20]}: export it as glTF 2.")


def _list(entry: dict, key: str) -> list:
    value = entry.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"its entry {key} is not a list")
    return value


def _dict(entry: dict, key: str) -> dict:
    value = entry.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"its entry {key} is not an object")
    return value


def _whole(value: Any, name: str) -> int:
    """Check that a value is a whole number of at least 0; some exporters write 3.0 for 3."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is {str(value)[:40]!r} instead of a whole number")
    return value


def _numbers(entry: dict, key: str, default: list[float] | None = None) -> np.ndarray:
    """Return a list of numbers as float64, as many as the default has."""
    value = entry.get(key, default)
    if not isinstance(value, list) or not all(type(number) in (int, float) for number in value):
        raise ValueError(f"its entry {key} is not a list of numbers")
    if default is not None and len(value) != len(default):
        raise ValueError(f"its entry {key} has {len(value)} numbers instead of {len(default)}")
    return np.array(value, dtype=np.float64)


def _number(entry: dict, key: str, default: float) -> float:
    return float(_numbers({key: [entry.get(key, default)]}, key, [default])[0])


class _Document:
    """The header of a file and the data behind it, each decoded when it is first asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.header, self._chunk = _split(source.data)
        self.is_by_trimesh = _TRIMESH in str(_dict(self.header, "asset").get("generator", ""))
        self._notes: dict[str, None] = {}
        self._counts: Counter[str] = Counter()
        self.images = 0  # that were asked for
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make` returns when a key is asked for the first time."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def note(self, sentence: str) -> None:
        """Add a sentence to the notes, once."""
        if len(self._notes) < 16:
            self._notes[sentence] = None

    def count(self, what: str, number: int = 1) -> None:
        """Add to the number in the note "`what`: number."."""
        self._counts[what] += number

    def sentences(self) -> list[str]:
        return [*self._notes, *(f"{what}: {number:,}." for what, number in self._counts.items() if number)]

    def item(self, key: str, index: Any) -> dict:
        """Return one entry of a list of the header."""
        items, place = _list(self.header, key), _whole(index, f"an index of {key}")
        if place >= len(items):
            raise ValueError(f"it refers to entry {place} of {key}, but has only {len(items)}")
        if not isinstance(items[place], dict):
            raise ValueError(f"entry {place} of {key} is not an object")
        return items[place]

    def resource(self, uri: Any) -> bytes:
        """Return what a URI refers to: data that it holds itself, or another file."""
        if not isinstance(uri, str):
            raise ValueError("a uri is not text")
        is_inline = uri[:5].lower() == "data:"
        return self.once(uri, lambda: _inline(uri) if is_inline else self.source.open_other(unquote(uri)))

    def view(self, index: Any) -> memoryview:
        """Return the bytes of a buffer view."""
        entry = self.item("bufferViews", index)
        buffer = self._buffer(entry.get("buffer"))
        start = _whole(entry.get("byteOffset", 0), "a byteOffset")
        end = start + _whole(entry.get("byteLength"), "a byteLength")
        if end > len(buffer):
            raise ValueError(f"buffer view {index} reaches beyond its buffer")
        return buffer[start:end]

    def _buffer(self, index: Any) -> memoryview:
        entry = self.item("buffers", index)
        if "uri" in entry:
            return memoryview(self.resource(entry["uri"]))
        for name in _dict(entry, "extensions"):
            if name in _COMPRESSIONS:
                raise _compressed(name)
        if index != 0 or self._chunk is None:
            raise ValueError(f"buffer {index} has no data")
        return self._chunk

    def accessor(self, index: Any, *types: str) -> np.ndarray:
        """Return the values of an accessor as they are stored, (count, components).

        Args:
            index: of the accessor.
            types: those of `_WIDTHS` that it may have.
        """
        entry = self.item("accessors", index)
        if entry.get("type") not in types:
            raise ValueError(f"accessor {index} is of type {str(entry.get('type'))[:20]}, not {' or '.join(types)}")
        return self.once(("accessor", index), lambda: self._decode(entry, f"accessor {index}", _WIDTHS[entry["type"]]))

    def floats(self, index: Any, *types: str, rows: np.ndarray | None = None, normalize: bool = False) -> np.ndarray:
        """Return the values of an accessor, or those of some rows (V,), as float64 (count or V, components).

        Integers become fractions of the largest one if the accessor or the caller (`normalize`) says so.
        """
        values = self.accessor(index, *types)
        values = values if rows is None else values[rows]
        if values.dtype.kind == "f" or not (normalize or self.item("accessors", index).get("normalized") is True):
            return values.astype(np.float64)
        return np.maximum(values / np.iinfo(values.dtype).max, -1.0)

    def _decode(self, entry: dict, name: str, width: int) -> np.ndarray:
        count = _whole(entry.get("count"), f"the count of {name}")
        sparse = entry.get("sparse")
        if "bufferView" in entry and sparse is None:
            return self._stored(entry, name, count, width)
        self.source.spend(0, count * width)
        if "bufferView" in entry:
            values = self._stored(entry, name, count, width).copy()
        else:
            values = np.zeros((count, width), _dtype(entry, name))
        if sparse is not None:
            changes = _whole(_dict(entry, "sparse").get("count"), f"the sparse count of {name}")
            places = self._stored(_dict(sparse, "indices"), f"the sparse part of {name}", changes, 1)
            new = _dict(sparse, "values") | {"componentType": entry.get("componentType")}
            if places.dtype.kind != "u" or (changes and places.max() >= count):
                raise ValueError(f"the sparse part of {name} refers to an element that does not exist")
            values[places[:, 0]] = self._stored(new, f"the sparse part of {name}", changes, width)
        return values

    def _stored(self, entry: dict, name: str, count: int, width: int) -> np.ndarray:
        """Return a view (count, width) of the bytes that an accessor, or a sparse part of one, refers to."""
        dtype = _dtype(entry, name)
        size = dtype.itemsize * width
        data = self.view(entry.get("bufferView"))
        start = _whole(entry.get("byteOffset", 0), f"the byteOffset of {name}")
        stride = _whole(self.item("bufferViews", entry["bufferView"]).get("byteStride", 0), "a byteStride") or size
        if stride < size:
            raise ValueError(f"the elements of {name} overlap")
        if count == 0:
            return np.zeros((0, width), dtype)
        if start + (count - 1) * stride + size > len(data):
            raise ValueError(f"{name} reaches beyond its buffer view")
        # The stride of a single element does not matter, and may be too large for numpy.
        return np.ndarray((count, width), dtype, data, start, (stride if count > 1 else size, dtype.itemsize))


def _inline(uri: str) -> bytes:
    """Return the bytes of a data URI."""
    head, comma, body = uri.partition(",")
    if not comma:
        raise ValueError("a data uri has no data")
    content = unquote_to_bytes(body)
    if not head.lower().endswith(";base64"):
        return content
    try:
        return base64.b64decode(content + b"==")  # padding is often missing, and too much of it is ignored
    except ValueError:
        raise ValueError("a data uri is not base64") from None


def _dtype(entry: dict, name: str) -> np.dtype:
    component = entry.get("componentType")
    if type(component) is not int or component not in _DTYPES:
        raise ValueError(f"{name} has the unknown component type {str(component)[:20]}")
    return np.dtype(_DTYPES[component])


# ------------------------------------------------------------------------------------------------------ scene


def _placed(document: _Document) -> Iterator[_Placed]:
    """Yield every primitive of the scene in its places."""
    world, visited = _scene(document)
    count = 0
    for number in visited:
        node = document.item("nodes", number)
        if "mesh" not in node:
            continue
        mesh = document.item("meshes", node["mesh"])
        primitives = _list(mesh, "primitives")
        weights = _weights(document, node, mesh)
        count += len(primitives)
        if count > _MAX_PARTS:
            raise Refusal(f"it has more than {_MAX_PARTS:,} parts: merge them.")
        matrices = _instances(document, node, world[number]) if primitives else world[number][None]
        for place, primitive in enumerate(primitives):
            if not isinstance(primitive, dict):
                raise ValueError("a primitive is not an object")
            key = (node["mesh"], place)
            faces, points = document.once(("size", *key), partial(_size, document, primitive))
            document.source.spend(faces * len(matrices), points * len(matrices))
            shape = document.once(("shape", *key), partial(_shape, document, primitive))
            if shape is None or len(matrices) == 0:
                continue
            make = partial(_vertices, document, primitive, shape, weights)
            vertices = document.once(("vertices", *key, *weights), make)
            if "skin" in node and {"JOINTS_0", "WEIGHTS_0"} <= shape.attributes.keys():
                # The joints alone place the vertices: the node of a skinned mesh does not matter.
                joints = document.once(("joints", node["skin"]), partial(_joints, document, node["skin"], world))
                yield _Placed(shape, _skinned(document, shape, vertices, joints), np.eye(4)[None])
            else:
                yield _Placed(shape, vertices, matrices)


def _weights(document: _Document, node: dict, mesh: dict) -> np.ndarray:
    """Return the default weights (T,) of the morph targets of a mesh, which its node may override."""
    owner = node if "weights" in node else mesh
    # Looking up the vertices for the weights takes time in each primitive.
    document.source.spend(0, len(_list(owner, "weights")) * len(_list(mesh, "primitives")))
    return _numbers(owner, "weights") if "weights" in owner else np.zeros(0)


def _scene(document: _Document) -> tuple[np.ndarray, list[int]]:
    """Return the matrices (N, 4, 4) from all nodes to the scene, and the nodes of the scene in depth-first order."""
    total = len(_list(document.header, "nodes"))
    nodes = [document.item("nodes", number) for number in range(total)]
    children = [[_whole(child, "a child") for child in _list(node, "children")] for node in nodes]
    with_parent: set[int] = set()
    for child in (child for some in children for child in some):
        if child >= total or child in with_parent:
            raise ValueError(f"node {child} {'does not exist' if child >= total else 'has more than one parent'}")
        with_parent.add(child)
    roots = [number for number in range(total) if number not in with_parent]
    world = _matrices(nodes)
    order = _descendants(roots, children)
    if len(order) < total:
        raise ValueError("its nodes are descendants of themselves")
    for number in order:
        for child in children[number]:
            world[child] = world[number] @ world[child]
    chosen = _scene_nodes(document, roots)
    if any(number >= total for number in chosen):
        raise ValueError("its scene has a node that does not exist")
    return world, _descendants(chosen, children)


def _scene_nodes(document: _Document, roots: list[int]) -> list[int]:
    """Return the topmost nodes of the default scene, which are all nodes without parent if there is no scene."""
    scenes = _list(document.header, "scenes")
    if not scenes:
        return roots
    index = document.header.get("scene", 0)
    scene = document.item("scenes", index)
    if len(scenes) > 1:
        document.note(f"It has {len(scenes)} scenes, of which only number {index + 1} was read.")
    return [_whole(number, "a node") for number in _list(scene, "nodes")]


def _descendants(roots: list[int], children: list[list[int]]) -> list[int]:
    """Return nodes and their descendants, each once, in depth-first order."""
    visited: dict[int, None] = {}
    waiting = roots[::-1]
    while waiting:
        number = waiting.pop()
        if number not in visited:
            visited[number] = None
            waiting.extend(children[number][::-1])
    return list(visited)


def _matrices(nodes: list[dict]) -> np.ndarray:
    """Return the matrices (N, 4, 4) of nodes relative to their parents."""
    defaults = {"translation": [0.0, 0.0, 0.0], "rotation": [0.0, 0.0, 0.0, 1.0], "scale": [1.0, 1.0, 1.0]}
    values = [
        np.array([_numbers(node, key, default) if key in node else default for node in nodes]).reshape(-1, len(default))
        for key, default in defaults.items()
    ]
    matrices = _compose(*values)
    for matrix, node in zip(matrices, nodes, strict=True):
        if "matrix" in node:
            matrix[:] = _numbers(node, "matrix", [0.0] * 16).reshape(4, 4).T
    return matrices


def _compose(translation: np.ndarray, rotation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return matrices (n, 4, 4) that scale (n, 3), then rotate by a quaternion xyzw (n, 4), then translate (n, 3)."""
    norm = np.linalg.norm(rotation, axis=1, keepdims=True)
    x, y, z, w = np.where(norm > 0.0, rotation / norm, (0.0, 0.0, 0.0, 1.0)).T
    matrices = np.zeros((len(rotation), 4, 4))
    matrices[:, 0, :3] = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], axis=1)
    matrices[:, 1, :3] = np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], axis=1)
    matrices[:, 2, :3] = np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], axis=1)
    matrices[:, :3, :3] *= scale[:, None]
    matrices[:, :3, 3] = translation
    matrices[:, 3, 3] = 1.0
    return matrices


def _instances(document: _Document, node: dict, world: np.ndarray) -> np.ndarray:
    """Return the matrices (n, 4, 4) that place the instances of a node's mesh, of which there is one as a rule."""
    extension = _dict(_dict(node, "extensions"), "EXT_mesh_gpu_instancing")
    attributes = _dict(extension, "attributes")
    kinds = {"TRANSLATION": ("VEC3", 0.0), "ROTATION": ("VEC4", 0.0), "SCALE": ("VEC3", 1.0)}
    counts = {len(document.accessor(attributes[name], kind)) for name, (kind, _) in kinds.items() if name in attributes}
    if not counts:
        return world[None]
    if len(counts) > 1:
        raise ValueError("the attributes of its instances differ in number")
    count = counts.pop()
    document.source.spend(0, count)
    # A rotation of zeros counts as none.
    values = [
        document.floats(attributes[name], kind, normalize=name == "ROTATION")
        if name in attributes
        else np.full((count, _WIDTHS[kind]), default)
        for name, (kind, default) in kinds.items()
    ]
    return world @ _compose(*values)


def _joints(document: _Document, index: Any, world: np.ndarray) -> np.ndarray:
    """Return the matrices float64 (J, 4, 4) from the bind pose of a skin to the pose of its joints."""
    skin = document.item("skins", index)
    nodes = [_whole(node, "a joint") for node in _list(skin, "joints")]
    if not nodes or max(nodes) >= len(world):
        raise ValueError(f"skin {index} has no joints, or some that do not exist")
    matrices = world[nodes]
    if "inverseBindMatrices" not in skin:
        return matrices
    inverse = document.floats(skin["inverseBindMatrices"], "MAT4")
    if len(inverse) < len(nodes):
        raise ValueError(f"skin {index} has {len(inverse)} matrices for {len(nodes)} joints")
    return matrices @ inverse[: len(nodes)].reshape(-1, 4, 4).transpose(0, 2, 1)


def _skinned(document: _Document, shape: _Shape, vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Return vertices (V, 3) moved by the weighted mean of the matrices (J, 4, 4) of their joints."""
    sets: list[list] = []
    while f"JOINTS_{len(sets)}" in shape.attributes and f"WEIGHTS_{len(sets)}" in shape.attributes:
        document.source.spend(0, len(vertices))
        sets.append([_attribute(document, shape, f"{kind}_{len(sets)}", "VEC4") for kind in ("JOINTS", "WEIGHTS")])
    if any(each is None for pair in sets for each in pair):
        raise ValueError("the weights of a skin are not as many as its vertices")
    weights = np.concatenate([pair[1] for pair in sets], axis=1)
    total = weights.sum(axis=1, keepdims=True)
    # Vertices without weights follow their first joint.
    weights = np.where(total > 0.0, weights / total, np.eye(1, weights.shape[1]))
    chosen = np.where(weights != 0.0, np.concatenate([pair[0] for pair in sets], axis=1), 0.0)
    if len(chosen) and not (chosen.min() >= 0 and chosen.max() < len(joints)):
        raise ValueError("a vertex refers to a joint that does not exist")
    moved = np.empty_like(vertices)
    for start in range(0, len(vertices), _BLOCK):
        block = slice(start, start + _BLOCK)
        mean = np.zeros((len(vertices[block]), 3, 4))
        for joint, weight in zip(chosen[block].astype(np.int64).T, weights[block].T, strict=True):
            mean += weight[:, None, None] * joints[joint, :3]
        moved[block] = np.einsum("vij,vj->vi", mean[:, :, :3], vertices[block]) + mean[:, :, 3]
    return moved


# -------------------------------------------------------------------------------------------------- primitives


def _corners(document: _Document, primitive: dict) -> tuple[int, int, np.ndarray | None]:
    """Return the mode of a primitive, its number of stored vertices, and the indices (C,) into them, if it has any."""
    _check_primitive(document, primitive)
    mode = _whole(primitive.get("mode", _TRIANGLES), "a mode")
    if mode > _FAN:
        raise ValueError(f"a primitive has the unknown mode {mode}")
    attributes = _dict(primitive, "attributes")
    stored = len(document.accessor(attributes["POSITION"], "VEC3")) if "POSITION" in attributes else 0
    if "indices" not in primitive:
        return mode, stored, None
    indices = document.accessor(primitive["indices"], "SCALAR")[:, 0]
    if indices.dtype.kind != "u":
        raise ValueError("the indices of a primitive are not whole numbers")
    return mode, stored, indices


def _check_primitive(document: _Document, primitive: dict) -> None:
    """Raise `Refusal` for splats, and for a compressed primitive without an uncompressed copy."""
    extensions = _dict(primitive, "extensions")
    if any(name.startswith(_SPLATS) for name in extensions):
        raise Refusal(f"it holds Gaussian splats ({_SPLATS}), not a surface: export a mesh or a point cloud.")
    if _DRACO in extensions:
        accessors = [_dict(primitive, "attributes").get("POSITION"), primitive.get("indices")]
        if not all("bufferView" in document.item("accessors", index) for index in accessors if index is not None):
            raise _compressed(_DRACO)


def _size(document: _Document, primitive: dict) -> tuple[int, int]:
    """Return an upper bound of the numbers of faces and vertices of a primitive."""
    mode, stored, indices = _corners(document, primitive)
    corners = stored if indices is None else len(indices)
    if stored == 0 or mode in _LINES:
        return 0, 0
    if mode == _POINTS:
        return 0, corners
    faces = corners // 3 if mode == _TRIANGLES else max(corners - 2, 0)
    return faces, min(stored, 3 * faces)


def _shape(document: _Document, primitive: dict) -> _Shape | None:
    mode, stored, indices = _corners(document, primitive)
    number = stored if indices is None else len(indices)
    if mode in _LINES or stored == 0 or number < (1 if mode == _POINTS else 3):
        document.count("Parts made of lines left out" if mode in _LINES else "Parts without vertices or faces left out")
        return None
    if indices is not None and indices.max() >= stored:
        raise ValueError(f"a primitive refers to vertex {indices.max()}, but has only {stored}")
    attributes = primitive["attributes"]
    material = document.item("materials", primitive["material"]) if "material" in primitive else {}
    corners = np.arange(stored) if indices is None else indices.astype(np.int64)
    if mode == _POINTS:
        return _Shape(attributes, material, stored, corners, None)
    if mode == _TRIANGLES and len(corners) % 3:
        document.count("Corners left over after the last triangle of a part", len(corners) % 3)
    faces = _faces(mode, corners)
    rows = None
    if stored > 3 * len(faces):  # parts often share one long list of vertices
        rows, faces = np.unique(faces, return_inverse=True)
        faces = faces.reshape(-1, 3)
    shape = _Shape(attributes, material, stored, rows, faces)
    return replace(shape, visible=_visible(document, shape, faces))


def _vertices(document: _Document, primitive: dict, shape: _Shape, weights: np.ndarray) -> np.ndarray:
    """Return the vertices float64 (V, 3) of a primitive with the given weights (T,) of its morph targets."""
    vertices = document.floats(shape.attributes["POSITION"], "VEC3", rows=shape.rows)
    for weight, target in zip(weights, _list(primitive, "targets"), strict=False):
        if weight and isinstance(target, dict) and "POSITION" in target:
            document.source.spend(0, len(vertices))
            if len(document.accessor(target["POSITION"], "VEC3")) != shape.stored:
                raise ValueError("a morph target has another number of vertices than its mesh")
            vertices += weight * document.floats(target["POSITION"], "VEC3", rows=shape.rows)
    return vertices


def _attribute(
    document: _Document, shape: _Shape, name: str, *types: str, normalize: bool = False
) -> np.ndarray | None:
    """Return an attribute float64 (V, components) of a shape's vertices, or `None` if it is missing or unusable."""
    if name not in shape.attributes:
        return None
    index = shape.attributes[name]
    if len(document.accessor(index, *types)) != shape.stored:
        document.count(f"Attributes {name[:20]} ignored, since their number of values is not that of the vertices")
        return None
    return document.floats(index, *types, rows=shape.rows, normalize=normalize)


def _faces(mode: int, corners: np.ndarray) -> np.ndarray:
    """Return the triangles (F, 3) that corners (C,) form in a list, strip or fan."""
    if mode == _TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    count = max(len(corners) - 2, 0)
    if mode == _FAN:
        return np.stack([corners[1 : count + 1], corners[2:], np.repeat(corners[:1], count)], axis=1)
    faces = np.stack([corners[:count], corners[1 : count + 1], corners[2:]], axis=1)
    faces[1::2, 1:] = faces[1::2, :0:-1]  # every other triangle of a strip runs the other way
    return faces


def _visible(document: _Document, shape: _Shape, faces: np.ndarray) -> np.ndarray | None:
    """Return which faces (F,) are not made invisible by the alpha of material and vertices; `None` for all."""
    mode = shape.material.get("alphaMode")
    if mode not in ("BLEND", "MASK"):
        return None
    factor, _ = _base_color(shape.material)
    alpha = np.full(len(faces), 1.0 if factor is None else factor[3])
    tint = _tint(document, shape)
    if tint is not None and tint.shape[1] == 4:
        alpha = alpha * tint[:, 3][faces].max(axis=1)
    return alpha > 0.0 if mode == "BLEND" else alpha >= _number(shape.material, "alphaCutoff", 0.5)


def _drop_invisible(document: _Document, placed: list[_Placed]) -> None:
    """Remove the invisible faces of shapes, unless nothing else is left."""
    shapes = list({id(each.shape): each.shape for each in placed}.values())
    hidden = {id(each): int((~each.visible).sum()) for each in shapes if each.visible is not None}
    if not sum(hidden.values()):
        return
    if all(each.faces is not None and hidden.get(id(each), 0) == len(each.faces) for each in shapes):
        document.note("All its faces are invisible (alpha 0), and were kept.")
        return
    document.count("Invisible faces (alpha 0) left out", sum(hidden.values()))
    for shape in shapes:
        if shape.faces is not None and shape.visible is not None:
            shape.faces = shape.faces[shape.visible]
    placed[:] = [each for each in placed if each.shape.faces is None or len(each.shape.faces)]


def _part(document: _Document, placed: _Placed) -> Part:
    """Return a shape in its n places as one part with n times its vertices and faces."""
    shape, count = placed.shape, len(placed.matrices)
    linear, offset = placed.matrices[:, :3, :3], placed.matrices[:, None, :3, 3]
    vertices = (placed.vertices @ linear.transpose(0, 2, 1) + offset).reshape(-1, 3)
    if shape.faces is None:
        levels = document.once(("colors", id(shape)), partial(_point_colors, document, shape))
        return Part(vertices, point_colors=None if levels is None else np.tile(levels, (count, 1)))
    colors = document.once(("colors", id(shape)), partial(_usable_colors, document, shape, shape.faces))
    if count == 1:
        return Part(vertices, shape.faces, colors)
    faces = (shape.faces + len(placed.vertices) * np.arange(count)[:, None, None]).reshape(-1, 3)
    return Part(vertices, faces, None if colors is None else _repeated(colors, faces, count))


# ------------------------------------------------------------------------------------------------------ colors


def _usable_colors(document: _Document, shape: _Shape, faces: np.ndarray) -> SurfaceColors | None:
    """Return `_face_colors`; `None`, and a note, if the file is wrong about them: a shape is usable without colors."""
    try:
        return _face_colors(document, shape, faces)
    except ValueError as error:
        document.note(f"The colors of a part could not be read ({error}).")
        return None


def _face_colors(document: _Document, shape: _Shape, faces: np.ndarray) -> SurfaceColors | None:
    """Return the colors of the faces (F, 3) of a shape, or `None` if the file says nothing about them."""
    factor, info = _base_color(shape.material)
    light = None if factor is None else factor[:3]
    tint = _tint(document, shape)
    if info and light is not None and document.is_by_trimesh and np.allclose(light, _TRIMESH_GRAY, atol=1e-3):
        light = None
    uv = _uv(document, shape, info) if info else None
    texture = None
    if info and uv is not None and len(faces):
        texture = _texture(document, info, light)
    return material_colors(faces, light, texture, uv, None if tint is None else tint[:, :3])


def _point_colors(document: _Document, shape: _Shape) -> np.ndarray | None:
    """Return the colors uint8 (V, 3) of points, or `None` if the file says nothing about them; textures are ignored."""
    factor, _ = _base_color(shape.material)
    tint = _tint(document, shape)
    if tint is None:
        count = 0 if shape.rows is None else len(shape.rows)
        return None if factor is None else np.tile(encode_srgb(factor[:3]), (count, 1))
    return encode_srgb(tint[:, :3] if factor is None else tint[:, :3] * factor[:3])


def _texture(document: _Document, info: dict, light: np.ndarray | None) -> np.ndarray | None:
    """Return the texture of a texture info times a linear-light factor (3,); `None`, and a note, if it is unusable."""
    try:
        entry = document.item("textures", info.get("index"))
        extensions = _dict(entry, "extensions")
        # Other extensions hold images that cannot be decoded.
        holders = [entry, _dict(extensions, "EXT_texture_webp")]
        source = next((holder["source"] for holder in holders if "source" in holder), None)
        if source is None:
            document.note(f"A texture has no image that can be decoded ({', '.join(extensions)[:80] or 'no source'}).")
            return None
        image = document.item("images", source)
    except ValueError as error:
        document.note(f"A texture could not be read ({error}).")
        return None
    key = ("image", source, (1.0, 1.0, 1.0) if light is None else tuple(light))
    return document.once(key, partial(_image, document, image, light))


def _image(document: _Document, image: dict, light: np.ndarray | None) -> np.ndarray | None:
    """Return an image times a linear-light factor (3,) as a texture; `None`, and a note, if it is unusable."""
    document.images += 1
    if document.images > _MAX_TEXTURES:
        document.note(f"It has more than {_MAX_TEXTURES} textures, of which the first ones were read.")
        return None
    try:
        data = document.resource(image["uri"]) if "uri" in image else bytes(document.view(image.get("bufferView")))
    except MissingFileError:
        return None  # whoever opens other files has its name
    except ValueError as error:
        document.note(f"A texture could not be read ({error}).")
        return None
    texture = decode_texture(data, light)
    if texture is None:
        document.note("A texture could not be decoded.")
    return texture


def _base_color(material: dict) -> tuple[np.ndarray | None, dict | None]:
    """Return the linear-light RGBA factor (4,) and the texture info of a material, as far as it has them."""
    for holder, color, texture in _BASE_COLORS:
        entries = _dict(material if holder in material else _dict(material, "extensions"), holder)
        if color in entries or texture in entries:
            factor = np.clip(_numbers(entries, color, [1.0] * 4), 0.0, 1.0) if color in entries else None
            return factor, _dict(entries, texture) or None
    return None, None


def _tint(document: _Document, shape: _Shape) -> np.ndarray | None:
    """Return the linear-light vertex colors (V, 3 or 4) in [0, 1] of a shape, or `None`."""
    values = _attribute(document, shape, "COLOR_0", "VEC3", "VEC4", normalize=True)
    if values is None:
        return None
    values = np.clip(np.nan_to_num(values, nan=1.0), 0.0, 1.0)
    if document.is_by_trimesh and not shape.material:
        values[:, :3] = linear_light(255.0 * values[:, :3])
    return values


def _uv(document: _Document, shape: _Shape, info: dict) -> np.ndarray | None:
    """Return the texture coordinates (V, 2) of a shape, v up, or `None` if it has none."""
    change = _dict(_dict(info, "extensions"), "KHR_texture_transform")
    number = _whole(change.get("texCoord", info.get("texCoord", 0)), "a texCoord")
    uv = _attribute(document, shape, f"TEXCOORD_{number}", "VEC2")
    if uv is None:
        return None
    if change:
        u, v = (uv * _numbers(change, "scale", [1.0, 1.0])).T
        angle = _number(change, "rotation", 0.0)
        sine, cosine = np.sin(angle), np.cos(angle)
        # Counterclockwise as seen, with v pointing down.
        uv = np.stack([cosine * u + sine * v, cosine * v - sine * u], axis=1)
        uv += _numbers(change, "offset", [0.0, 0.0])
    return np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1)


def _repeated(colors: SurfaceColors, faces: np.ndarray, count: int) -> SurfaceColors:
    """Return the colors of `count` copies of a mesh, given the faces (count * F, 3) of them all."""

    def tiled(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else np.tile(values, (count,) + (1,) * (values.ndim - 1))

    means = np.tile(colors.faces, (count, 1))
    corners, uv, index = tiled(colors.corners), tiled(colors.uv), tiled(colors.texture_index)
    return SurfaceColors(faces, means, corners, uv, index, colors.textures)


def _whiten(parts: list[Part]) -> None:
    """Make meshes and clouds without color white, as glTF demands, unless the whole file says nothing about colors."""
    if all(part.colors is None and part.point_colors is None for part in parts):
        return
    for part in parts:
        if len(part.faces) and part.colors is None:
            part.colors = plain_colors(part.faces, (255, 255, 255, 255))
        elif not len(part.faces) and part.point_colors is None:
            part.point_colors = np.full((len(part.vertices), 3), 255, np.uint8)
