"""The same object written in every format and in the variants that programs write; `draw` chooses among them.

A writer takes `draw(options)`, which returns one of a sequence, and the object: vertices float64 (V, 3) and quads
(Q, 4). It returns the file's bytes. Cloud writers take points (N, 3) alone.
"""

from __future__ import annotations

import base64
import io
import json
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


Draw = Callable[[Sequence], Any]


def chair() -> tuple[np.ndarray, np.ndarray]:
    """A chair of six boxes: vertices (48, 3), y up, and quads (36, 4)."""
    legs = [((x, 0.0, z), (x + 0.05, 0.45, z + 0.05)) for x in (0.0, 0.45) for z in (0.0, 0.45)]
    boxes = [*legs, ((0.0, 0.45, 0.0), (0.5, 0.5, 0.5)), ((0.0, 0.5, 0.0), (0.5, 1.0, 0.05))]
    corners = np.array([[(i >> 2) & 1, (i >> 1) & 1, i & 1] for i in range(8)])
    sides = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    vertices = [np.where(corners, high, low) for low, high in boxes]
    return np.concatenate(vertices), np.concatenate([sides + 8 * number for number in range(len(boxes))])


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Symmetric chamfer distance of clouds (N, 3)."""
    squared = (ours**2).sum(1)[:, None] + (theirs**2).sum(1)[None] - 2.0 * ours @ theirs.T
    apart = np.sqrt(np.maximum(squared, 0.0))
    return float((apart.min(0).mean() + apart.min(1).mean()) / 2)


def damaged(data: bytes, letters: bytes, count: int) -> list[bytes]:
    """A file cut off at every byte, and `count` copies with a few bytes changed to some of `letters`."""
    rng = random.Random(0)
    changed = []
    for _ in range(count):
        content = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.choice(letters)
        changed.append(bytes(content))
    return [data[:end] for end in range(len(data))] + changed


def triangles_of(quads: np.ndarray) -> np.ndarray:
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


def _numbers(values: np.ndarray) -> list[str]:
    return [repr(float(value)) for value in values]


def _faces(draw: Draw, quads: np.ndarray) -> list[np.ndarray]:
    """Quads, triangles, or both."""
    kind = draw(["quads", "triangles", "mixed"])
    if kind == "quads":
        return list(quads)
    if kind == "triangles":
        return list(triangles_of(quads))
    return [*quads[: len(quads) // 2], *triangles_of(quads[len(quads) // 2 :])]


# ------------------------------------------------------------------------------------------------------ meshes


def obj(draw: Draw, vertices: np.ndarray, quads: np.ndarray) -> bytes:
    space, end = draw([" ", "  ", "\t"]), draw(["\n", "\r\n"])
    style, relative = draw(["{0}", "{0}/{0}", "{0}//{0}", "{0}/{0}/{0}"]), draw([False, True])
    colored = draw([False, True])
    lines = ["# caf\xe9", "o chair", *draw([[], ["mtllib none.mtl", "usemtl wood"], ["s off", "g seat back"]])]
    blocks = len(vertices) // 8 if draw([False, True]) else 1  # a block of vertices before its faces, as CAD writes
    for block in range(blocks):
        size, count = len(vertices) // blocks, len(quads) // blocks
        last = (block + 1) * size
        for vertex in vertices[block * size : last]:
            lines.append(space.join(["v", *_numbers(vertex), *(["0.5", "0.25", "1.0"] if colored else [])]))
            lines += ["vt 0.5 0.5", "vn 0 1 0"]
        for face in _faces(draw, quads[block * count : (block + 1) * count]):
            names = [style.format(index - last if relative else index + 1) for index in face]
            cut = " \\" + end if draw([False, False, True]) else space
            lines.append(space.join(["f", *names[:-1]]) + cut + names[-1])
    return end.join([*lines, ""]).encode("latin-1")


def off(draw: Draw, vertices: np.ndarray, quads: np.ndarray) -> bytes:
    faces, color = _faces(draw, quads), draw(["", " 255 0 0", " 0.5 0.5 0.5", " 7"])
    prefix = draw(["OFF\n", "OFF ", "OFF", "", "# made by hand\nOFF\n", "COFF\n"])
    tint = " 10 20 30 255" if prefix == "COFF\n" else ""
    lines = [f"{prefix}{len(vertices)} {len(faces)} 0", draw(["", "# a comment"])]
    lines += [" ".join(_numbers(vertex)) + tint for vertex in vertices]
    lines += [f"{len(face)} {' '.join(map(str, face))}{color}" for face in faces]
    return draw(["\n", "\r\n"]).join([*lines, ""]).encode()


def stl(draw: Draw, vertices: np.ndarray, quads: np.ndarray) -> bytes:
    corners = vertices[triangles_of(quads)]
    if draw([False, True]):
        table = np.zeros(len(corners), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
        table["corners"] = corners
        head = draw([b"made by a program", b"solid but binary"]).ljust(80, draw([b"\0", b" "]))
        return head + struct.pack("<I", len(table)) + table.tobytes() + draw([b"", b"\0", b"tail of some bytes"])
    lines = [draw(["solid chair", "solid", "SOLID x"])]
    for face in corners:
        points = [f"vertex {' '.join(_numbers(corner))}" for corner in face]
        lines += ["facet normal 0 0 0", "outer loop", *points, "endloop", "endfacet"]
    text = draw(["\n", "\r\n", "\n   "]).join([*lines, "endsolid chair", ""])
    return (text.upper().replace("E", "E") if draw([False, True]) else text).encode()


def ply(draw: Draw, vertices: np.ndarray, quads: np.ndarray) -> bytes:
    faces, encoding = _faces(draw, quads), draw(["ascii", "binary_little_endian", "binary_big_endian"])
    order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[encoding]
    real, count, index = draw([("double", "f8"), ("float64", "f8")]), draw(["uchar", "ushort"]), draw(["int", "uint"])
    codes = {"uchar": "u1", "ushort": "u2", "int": "i4", "uint": "u4"}
    normals, listed, colored = draw([False, True]), draw([False, True]), draw([False, True])
    end = draw(["\n", "\r\n"])
    lines = ["ply", f"format {encoding} 1.0", "comment caf\xe9", f"element vertex {len(vertices)}"]
    lines += [f"property {real[0]} {axis}" for axis in ("x", "y", "z")]
    lines += [f"property float {name}" for name in ("nx", "ny", "nz") if normals]
    lines += [f"property uchar {name}" for name in ("red", "green", "blue") if colored]
    lines += ["property list uchar int seen"] if listed else []
    lines += [f"element face {len(faces)}"]
    lines += [f"property list {count} {index} {draw(['vertex_indices', 'vertex_index'])}"]
    lines += ["element edge 1", "property int vertex1", "property int vertex2", "end_header", ""]
    rows: list[list[tuple[str, Any]]] = []
    for vertex in vertices:
        row = [(real[1], value) for value in vertex] + [("f4", 0.0)] * (3 * normals) + [("u1", 9)] * (3 * colored)
        rows.append(row + ([("u1", 2), ("i4", 1), ("i4", 5)] if listed else []))
    rows += [[(codes[count], len(face)), *((codes[index], int(value)) for value in face)] for face in faces]
    rows.append([("i4", 0), ("i4", 1)])
    if encoding == "ascii":
        body = end.join(" ".join(repr(float(v)) if c[0] == "f" else str(v) for c, v in row) for row in rows) + end
        return end.join(lines).encode("latin-1") + body.encode()
    body_bytes = b"".join(np.array(value, dtype=order + code).tobytes() for row in rows for code, value in row)
    return end.join(lines).encode("latin-1") + body_bytes + draw([b"", b"\n"])


def gltf(draw: Draw, vertices: np.ndarray, quads: np.ndarray) -> bytes:
    faces = triangles_of(quads)
    offset = np.ptp(vertices) * np.array([3.0, -2.0, 1.0])
    turned = np.array([0.5, 0.5, 0.5, 0.5])  # x -> y -> z -> x
    inner = vertices[:, [1, 2, 0]] if (rotated := draw([False, True])) else vertices
    scale, placed = draw([1.0, 0.01, 1000.0]), draw([False, True])
    inner = inner / scale - (offset / scale if placed and not rotated else 0.0)
    node: dict[str, Any] = {"mesh": 0, "scale": [scale] * 3}
    if rotated:
        node["rotation"] = turned.tolist()
    elif placed:
        node["translation"] = offset.tolist()
    index = draw([("<u1", 5121), ("<u2", 5123), ("<u4", 5125)])
    position, stride = inner.astype("<f4"), 12
    data = position.tobytes()
    if draw([False, True]):  # interleaved with a normal
        data, stride = np.concatenate([position, position], axis=1).tobytes(), 24
    indices = faces.astype(index[0]).tobytes()
    views = [{"buffer": 0, "byteLength": len(data), "byteStride": stride}]
    data += b"\0" * (-len(data) % 4)
    views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(indices)})
    data += indices + b"\0" * (-len(indices) % 4)
    bounds = {"min": position.min(axis=0).tolist(), "max": position.max(axis=0).tolist()}
    accessors: list[dict] = [{"bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3"} | bounds]
    accessors.append({"bufferView": 1, "componentType": index[1], "count": faces.size, "type": "SCALAR"})
    nodes: list[dict] = [node]
    if draw([False, True]):
        nodes.append({"children": [0], "matrix": np.eye(4).reshape(-1).tolist()})
    header: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "nodes": nodes,
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": accessors,
        "bufferViews": views,
    }
    if draw([False, True]):
        header |= {"scene": 0, "scenes": [{"nodes": [len(nodes) - 1]}]}
    if draw([False, True]):
        uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
        return json.dumps(header | {"buffers": [{"byteLength": len(data), "uri": uri}]}).encode()
    text = json.dumps(header | {"buffers": [{"byteLength": len(data)}]}).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


# ------------------------------------------------------------------------------------------------------ clouds


def text_cloud(draw: Draw, points: np.ndarray) -> bytes:
    separator = draw([" ", "\t", ",", ";", ", ", "   "])
    decimal_comma = draw([False, True]) and separator in (" ", "\t", ";")
    order = list(draw([(0, 1, 2), (2, 0, 1)]))
    named = order != [0, 1, 2] or draw([False, True])
    extra = draw(["", "intensity"]) if named else ""
    lines = draw([[], ["# made by a scanner"], ["", "// made by hand"]])
    names = [*(draw(["xyz", "XYZ"])[axis] for axis in order), *([extra] if extra else [])]
    if named:
        lines = [*lines, draw(["", "# ", "//"]) + separator.join(names)]
    elif draw([False, True]):
        lines = [*lines, str(len(points))]
    for point in points:
        row = [*_numbers(point[order]), *(["0.5"] if extra else [])]
        line = separator.join(row)
        lines.append(line.replace(".", ",") if decimal_comma else line)
    text = draw(["\n", "\r\n"]).join([*lines, ""])
    return text.encode(draw(["utf-8", "utf-8-sig"]))


def npy(draw: Draw, points: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    wide = np.concatenate([points, np.ones((len(points), 3))], axis=1) if draw([False, True]) else points
    np.save(buffer, np.asarray(wide.astype(draw(["<f8", ">f8"])), order=draw(["C", "F"])))
    return buffer.getvalue()


def npz(draw: Draw, points: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    writer = draw([np.savez, np.savez_compressed])
    others = draw([{}, {"label": np.array(3)}, {"colors": np.zeros((len(points), 3), np.uint8)}])
    writer(buffer, **{draw(["points", "xyz", "cloud"]): points}, **others)
    return buffer.getvalue()


def pcd(draw: Draw, points: np.ndarray) -> bytes:
    binary, extra = draw([False, True]), draw([False, True])
    fields, sizes = ("x y z rgb", "8 8 8 4") if extra else ("x y z", "8 8 8")
    kinds, ones = ("F F F F", "1 1 1 1") if extra else ("F F F", "1 1 1")
    head = f"VERSION .7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\nCOUNT {ones}\nWIDTH {len(points)}\nHEIGHT 1\n"
    head += f"POINTS {len(points)}\nDATA {'binary' if binary else 'ascii'}\n"
    if not binary:
        tail = " 0" if extra else ""
        return (head + "".join(" ".join(_numbers(point)) + tail + "\n" for point in points)).encode()
    table = np.zeros(len(points), dtype=[("xyz", "<f8", 3), *([("rgb", "<f4")] if extra else [])])
    table["xyz"] = points
    return head.encode() + table.tobytes()


def ply_cloud(draw: Draw, points: np.ndarray) -> bytes:
    return ply(draw, points, np.zeros((0, 4), np.int64)).replace(b"element face 0", b"element face 0")


MESH_WRITERS = {"obj": obj, "off": off, "stl": stl, "ply": ply, "glb": gltf, "gltf": gltf}
CLOUD_WRITERS = {"xyz": text_cloud, "txt": text_cloud, "csv": text_cloud, "npy": npy, "npz": npz, "pcd": pcd} | {
    "ply": ply_cloud
}
