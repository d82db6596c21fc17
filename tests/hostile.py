"""Files that nobody should be able to hurt us with, made by the tests."""

import io
import json
import struct
import zipfile

import numpy as np
import trimesh
from PIL import Image


BOX = trimesh.creation.box()


def pack_glb(header: dict, content: bytes = b"") -> bytes:
    """Binary glTF of a header and one buffer."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    content += bytes(-len(content) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    if content:
        body += struct.pack("<I4s", len(content), b"BIN\0") + content
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def box_header(instances: int = 1) -> tuple[dict, bytes]:
    """Header and buffer of a box, placed `instances` times."""
    positions, faces = BOX.vertices.astype("<f4").tobytes(), BOX.faces.astype("<u4").tobytes()
    places = [{"mesh": 0, "translation": [i % 100, i // 100 % 100, i // 10_000]} for i in range(instances)]
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": list(range(instances))}],
        "nodes": places,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5125, "count": 36, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(positions)},
            {"buffer": 0, "byteOffset": len(positions), "byteLength": len(faces)},
        ],
        "buffers": [{"byteLength": len(positions) + len(faces)}],
    }
    return header, positions + faces


def instances(count: int) -> bytes:
    """A box that is placed many times."""
    return pack_glb(*box_header(count))


def with_image(image: bytes | None = None, uri: str | None = None) -> bytes:
    """A textured box, the image embedded or referred to."""
    header, content = box_header()
    uv = np.tile([[0.25, 0.25], [0.75, 0.75]], (4, 1)).astype("<f4").tobytes()
    header["meshes"][0]["primitives"][0] |= {"material": 0}
    header["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = 2
    header["accessors"].append({"bufferView": 2, "componentType": 5126, "count": 8, "type": "VEC2"})
    header["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    header["textures"] = [{"source": 0}]
    header["images"] = [{"bufferView": 3, "mimeType": "image/png"} if image is not None else {"uri": uri}]
    for part in (uv, image or b""):
        header["bufferViews"].append({"buffer": 0, "byteOffset": len(content), "byteLength": len(part)})
        content += part
    header["buffers"] = [{"byteLength": len(content)}]
    return pack_glb(header, content)


def with_buffer(uri: str) -> bytes:
    """A glTF box whose buffer is another file."""
    header, content = box_header()
    header["buffers"] = [{"uri": uri, "byteLength": len(content)}]
    return json.dumps(header).encode()


def png(side: int) -> bytes:
    """A red image, small as a file."""
    stream = io.BytesIO()
    Image.new("RGB", (side, side), (200, 10, 10)).save(stream, "PNG")
    return stream.getvalue()


def draco() -> bytes:
    """A compressed box as a reader without a decoder gets it: accessors without data."""
    header, content = box_header()
    header["accessors"] = [{k: v for k, v in entry.items() if k != "bufferView"} for entry in header["accessors"]]
    name = "KHR_draco_mesh_compression"
    header["meshes"][0]["primitives"][0]["extensions"] = {name: {"bufferView": 0, "attributes": {"POSITION": 0}}}
    header["extensionsUsed"] = header["extensionsRequired"] = [name]
    return pack_glb(header, content)


def huge_accessor(**changes) -> bytes:
    """A box whose header claims more vertices than any file holds."""
    header, content = box_header()
    header["accessors"][0] |= {"count": 1 << 33} | changes
    if "bufferView" in changes:
        del header["accessors"][0]["bufferView"]
    return pack_glb(header, content)


def zip_bomb(unpacked: int) -> bytes:
    """An archive of a mesh that unpacks to so many bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.obj", b"v 0 0 0\n" * (unpacked // 8))
    return stream.getvalue()


def npy_header(shape: tuple[int, ...]) -> bytes:
    """The start of an array of that shape, and nothing of the array."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(64)


def endless() -> bytes:
    """One polygon that goes round the same four points a million times: rays meet all of it everywhere."""
    corners = b"OFF\n4 1 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n"
    return corners + b"1000000 " + b"0 1 2 3 " * 250_000


def comb(count: int) -> bytes:
    """An OBJ polygon of so many corners, a comb: cutting it into triangles takes quadratic time."""
    corners = [f"v {i} {1 + i % 2 * 9} 0" for i in range(count - 2)] + [f"v {count} 0 0", "v -1 0 0"]
    return "\n".join([*corners, "f " + " ".join(str(i + 1) for i in range(count)), ""]).encode()


def off(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    """A mesh as text."""
    lines = ["OFF", f"{len(vertices)} {len(faces)} 0"]
    lines += [" ".join(repr(float(x)) for x in row) for row in vertices]
    lines += ["3 " + " ".join(map(str, row)) for row in np.asarray(faces)]
    return "\n".join(lines).encode()
