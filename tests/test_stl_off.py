"""STL and OFF files: every kind of each, headers that lie, damaged and hostile files, trimesh as second method."""

import io
import re
import struct

import numpy as np
import pytest
import trimesh
from file_writers import damaged

from modeling_crossmost.parts_crossmost import Refusal, Source
from modeling_crossmost.stl_off_crossmost import read_off, read_stl


BALL = trimesh.creation.icosphere(1)
TRIANGLE = np.array([[[0, 0, 0], [2, 0, 0], [0, 2, 0]]], float)


def area(reading) -> float:
    total = 0.0
    for part in reading.parts:
        a, b, c = part.vertices[part.faces].transpose(1, 0, 2)
        total += np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return total


# --------------------------------------------------------------------------------------------------------- STL


def binary(triangles: np.ndarray, count: int | None = None, header: bytes = b"", attributes=0) -> bytes:
    """A binary STL file of triangles (F, 3, 3)."""
    records = np.zeros(len(triangles), [("normal", "<f4", 3), ("vertices", "<f4", (3, 3)), ("attribute", "<u2")])
    records["vertices"], records["attribute"] = triangles, attributes
    return header.ljust(80, b"\0") + struct.pack("<I", len(records) if count is None else count) + records.tobytes()


def text(triangles: np.ndarray, name: str = "x") -> str:
    """An ASCII STL file of triangles (F, 3, 3)."""
    lines = [f"solid {name}"]
    for triangle in triangles:
        lines += [" facet normal 0 0 1", "  outer loop"]
        lines += ["   vertex " + " ".join(f"{number:.9g}" for number in vertex) for vertex in triangle]
        lines += ["  endloop", " endfacet"]
    return "\n".join([*lines, f"endsolid {name}", ""])


@pytest.mark.parametrize("header", [b"", b"solid facet normal\nvertex 1 2 3\n"])
def test_binary(header):
    triangles = BALL.triangles.astype(np.float32)
    reading = read_stl(Source(binary(triangles, header=header)))
    (part,) = reading.parts
    assert np.array_equal(part.vertices[part.faces], triangles) and part.vertices.dtype == np.float64
    assert part.colors is None and reading.notes == []


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.upper(),
        lambda t: t.partition("\n")[2],
        lambda t: t.partition("\n")[2].rpartition("endsolid")[0].rstrip(),
        lambda t: t.replace("vertex ", "vertex\t "),
        lambda t: "\ufeff" + t,
        lambda t: t.replace("solid x", "solid vertex 1 h\xf6he"),
        lambda t: "solid empty\nendsolid empty\n" + t,
        lambda t: t.replace("endloop", "endloop # vertex"),
    ],
)
def test_ascii_in_every_way_of_writing(change):
    content = change(text(BALL.triangles))
    data = content.encode("utf-8" if content[0] == "\ufeff" else "latin-1")
    (part,) = read_stl(Source(data)).parts
    assert np.allclose(part.vertices[part.faces], BALL.triangles, atol=1e-8)


def test_several_solids_and_none():
    assert np.isclose(area(read_stl(Source((text(TRIANGLE) + text(TRIANGLE + 1, "y")).encode()))), 4)
    for data in (b"solid Empty\nendsolid Empty", binary(TRIANGLE[:0])):
        assert read_stl(Source(data)).parts == []


@pytest.mark.parametrize(
    ("data", "faces", "note"),
    [
        (binary(BALL.triangles) + b"abc", 80, "3 bytes behind the triangles were ignored."),
        (binary(BALL.triangles) + b"\0" * 500, 80, "500 bytes behind the 80 announced triangles were ignored."),
        (binary(BALL.triangles) + b"\xff" * 120, 80, "120 bytes behind the 80 announced triangles were ignored."),
        (binary(BALL.triangles, 2**32 - 1), 80, "The header announces 4,294,967,295 triangles, but 80 follow; all "),
        (binary(BALL.triangles, 81), 80, "The header announces 81 triangles, but 80 follow; all of them were read."),
        (binary(BALL.triangles, 79), 80, "The header announces 79 triangles, but 80 follow; all of them were read."),
        (binary(BALL.triangles, 0), 80, "The header announces 0 triangles, but 80 follow; all of them were read."),
    ],
)
def test_binary_files_that_disagree_with_their_header(data, faces, note):
    reading = read_stl(Source(data))
    assert len(reading.parts[0].faces) == faces and reading.notes[0].startswith(note) and len(reading.notes) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (binary(BALL.triangles)[:-1], "its length disagrees with its header: 80 triangles are announced"),
        (binary(BALL.triangles, 2**32 - 1) + b"x", "its length disagrees with its header: 4,294,967,295"),
        (binary(BALL.triangles, 0) + b"x", "its length disagrees with its header: 0 triangles"),
        (binary(TRIANGLE[:0], 5), "its length disagrees with its header: 5 triangles are announced, but none follow"),
        (binary(TRIANGLE)[:50], "it is cut off"),
        (b"what", "it is cut off, or neither binary nor ASCII STL"),
        (text(TRIANGLE).replace("vertex 0 2 0", "").encode(), "line 5: the vertices up to here, 2, do not make"),
        (text(TRIANGLE).replace("vertex 0 2 0", "vertex 0 2 x").encode(), "line 6: a vertex is not three numbers"),
        (text(TRIANGLE).replace("vertex 0 2 0", "vertex 0 2").encode(), "line 6: a vertex has 2 numbers"),
        (text(TRIANGLE).replace("vertex 0 2 0", "vertex 0 2 0,5").encode(), "line 6: a vertex is not three numbers"),
        (text(TRIANGLE[[0] * 3]).replace("endloop\n endfacet", "", 1).replace("outer loop", "", 1).encode(), "line 19"),
    ],
)
def test_stl_errors(data, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_stl(Source(data))


def test_colors_of_magics():
    header = b"COLOR=" + bytes([10, 20, 30, 255])
    attributes = np.array([31 | 0 << 5 | 31 << 10, 1 << 15])
    (part,) = read_stl(Source(binary(TRIANGLE[[0, 0]], header=header, attributes=attributes))).parts
    assert part.colors.faces.tolist() == [[255, 0, 255, 255], [10, 20, 30, 255]]


# --------------------------------------------------------------------------------------------------------- OFF

SQUARE = "0 0 0\n2 0 0\n2 2 0\n0 2 0\n"


@pytest.mark.parametrize(
    "content",
    [
        "OFF\n4 1 4\n" + SQUARE + "4 0 1 2 3",
        "OFF 4 1 4\n" + SQUARE + "4 0 1 2 3\n",
        "OFF4 1 0\n" + SQUARE + "4 0 1 2 3\n",
        "4 1 0\n" + SQUARE + "4 0 1 2 3\n",
        "\n# x\nOFF # y\n\n# z\n 4 1 # w\n" + SQUARE.replace("\n", " # v\n\n") + "#\n4\t0 1 2  3 # f\n\n#\n",
        ("OFF\n4 1 4\n" + SQUARE + "4 0 1 2 3\n").replace("\n", "\r\n"),
        ("OFF\n4 1 4\n" + SQUARE + "4 0 1 2 3\n").replace("\n", "\r"),
        "\ufeffOFF\n4 1 4\n" + SQUARE + "4 0 1 2 3\n",
        "OFF\n4 2 4\n" + SQUARE + "3 0 1 2 7\n3 0 2 3\n",
        "NOFF\n4 1 4\n" + SQUARE.replace("0\n", "0 0 0 1\n") + "4 0 1 2 3\n",
        "STOFF\n4 1 4\n" + SQUARE.replace("0\n", "0 0.5 0.5\n") + "4 0 1 2 3\n",
        "nOFF\n3\n4 1 4\n" + SQUARE + "4 0 1 2 3\n",
    ],
)
def test_one_square_in_every_way_of_writing(content):
    reading = read_off(Source(content.encode()))
    (part,) = reading.parts
    assert part.vertices.tolist() == [[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]] and part.vertices.dtype == np.float64
    assert len(part.faces) == 2 and area(reading) == 4 and part.colors is None and reading.notes == []


def test_concave_and_small_faces():
    content = "OFF\n5 4 0\n" + SQUARE + "1 .2 0\n5 0 1 2 4 3\n2 0 1\n0\n3 0 1 2\n"
    reading = read_off(Source(content.encode()))
    assert np.isclose(area(reading), 2.2 + 2)
    assert reading.notes == ["2 faces were left out, with fewer than three corners."]


@pytest.mark.parametrize("colors", ["1.0 0.0 0.5", "1 0 0.5 1", "255 0 128", "255 0 128 0"])
def test_face_colors(colors):
    content = f"OFF\n4 2 0\n{SQUARE}4 0 1 2 3 {colors}\n3 0 1 2 5\n"
    (part,) = read_off(Source(content.encode())).parts
    assert part.colors.faces.tolist() == [[255, 0, 128, 255]] * 2 + [[200, 200, 200, 255]]
    assert np.array_equal(part.colors.triangles, part.faces)


@pytest.mark.parametrize("kind", ["COFF", "CNOFF", "STCOFF"])
@pytest.mark.parametrize("colors", ["1.0 0.0 0.5 1.0", "255 0 128 255", "255 0 128"])
def test_vertex_colors(kind, colors):
    rest = ("0 0 1 " if "N" in kind else "") + colors + (" 0.1 0.2" if "ST" in kind else "")
    vertices = SQUARE.replace("0\n", f"0 {rest}\n")
    (part,) = read_off(Source(f"{kind}\n4 1 0\n{vertices}4 0 1 2 3\n".encode())).parts
    assert part.colors.corners.tolist() == [[[255, 0, 128]] * 3] * 2
    (part,) = read_off(Source(f"{kind}\n4 0 0\n{vertices}".encode())).parts
    assert part.point_colors.tolist() == [[255, 0, 128]] * 4 and len(part.faces) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("OFF BINARY\n\0\0\0\4", "it is a binary OFF file: export it as text."),
        ("4OFF\n4 1 0\n", "its points do not have three dimensions"),
        ("nOFF 5\n4 1 0\n", "its points do not have three dimensions"),
        ("4nOFF\n3\n4 1 0\n", "its points do not have three dimensions"),
    ],
)
def test_other_kinds_of_off_are_refused(content, message):
    with pytest.raises(Refusal, match=re.escape(message)):
        read_off(Source(content.encode()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("OFF\n4 2 0\n" + SQUARE + "4 0 1 2 3\n", "it announces 4 vertices and 2 faces, but 5 lines follow"),
        ("OFF\n4 1 0\n" + SQUARE + "3 0 1 2\n3 0 1 2\n", "it announces 4 vertices and 1 faces, but 6 lines follow"),
        ("OFF\n353535235358 6 0\n" + SQUARE, "it announces 353,535,235,358 vertices and 6 faces, but 4 lines follow"),
        ("OFF\n" + "9" * 9999 + " 6 0\n" + SQUARE, "vertices and 6 faces, but 4 lines follow"),
        ("OFF\n-1 6 0\n", "it does not start with OFF and the numbers of vertices and faces"),
        ("PLY\n", "it does not start with OFF"),
        ("OFF\n4 2 0\n" + SQUARE + "3 0 1 2\n4 0 1 2 4\n", "face 2 refers to vertex 4, but there are 4"),
        ("OFF\n4 2 0\n" + SQUARE + "3 0 1 2\n3 0 1 -1\n", "face 2 refers to vertex -1"),
        ("OFF\n4 1 0\n" + SQUARE + "3 0 1 1.5\n", "face 1 refers to vertex 1.5"),
        ("OFF\n4 1 0\n" + SQUARE + "3 0 1 nan\n", "face 1 refers to vertex nan"),
        ("OFF\n4 1 0\n" + SQUARE + "5 0 1 2\n", "face 1 has 3 numbers behind 5"),
        ("OFF\n4 1 0\n" + SQUARE + "-3 0 1 2\n", "face 1 has 3 numbers behind -3"),
        ("OFF\n4 1 0\n" + SQUARE + "nan 0 1 2\n", "face 1 has 3 numbers behind nan"),
        ("OFF\n4 1 0\n" + SQUARE.replace("2 2 0", "2 2") + "3 0 1 2\n", "vertex 3 has 2 numbers instead of 3"),
        ("OFF\n4 1 0\n" + SQUARE.replace("2 2 0", "2 2 x") + "3 0 1 2\n", "vertex 3 has something other than numbers"),
        ("OFF\n4 1 0\n" + SQUARE + "3 0 1 0x2\n", "face 1 has something other than numbers"),
    ],
)
def test_off_errors(content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_off(Source(content.encode()))


# -------------------------------------------------------------------------------------------------------- both

OFF = f"COFF\n5 3 0\n{SQUARE}1 .2 0 1 0 0\n5 0 1 2 4 3\n3 0 1 2 255 0 0\n2 0 1\n".encode()


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_stl, text(TRIANGLE).encode()),
        (read_stl, binary(BALL.triangles[:3], header=b"COLOR=abcd")),
        (read_off, OFF),
    ],
)
def test_cut_off_or_changed_anywhere_ends_in_a_reading_or_a_value_error(read, data):
    messages = []
    for content in damaged(data, b"0123456789-., \n#\x00\xff", 200):
        try:
            for part in read(Source(content)).parts:
                assert part.faces.size == 0 or part.faces.max() < len(part.vertices)
        except ValueError as error:
            messages.append(str(error))
    assert messages and not re.search("fromstring|array|reshape|broadcast|concatenate|index ", " ".join(messages))


@pytest.mark.parametrize(
    ("read", "data"), [(read_stl, binary(BALL.triangles)), (read_stl, text(BALL.triangles).encode()), (read_off, OFF)]
)
def test_limits(read, data):
    for limits in ({"max_faces": 3}, {"max_points": 4}):
        with pytest.raises(Refusal, match="simplify it"):
            read(Source(data, **limits))


@pytest.mark.parametrize(
    ("read", "kind", "export"),
    [
        (read_stl, "stl", trimesh.exchange.stl.export_stl),
        (read_stl, "stl", trimesh.exchange.stl.export_stl_ascii),
        (read_off, "off", trimesh.exchange.off.export_off),
    ],
)
def test_same_as_trimesh(read, kind, export):
    data = export(trimesh.creation.torus(2.0, 0.5))
    data = data if isinstance(data, bytes) else data.encode()
    (part,) = read(Source(data)).parts
    second = trimesh.load_mesh(io.BytesIO(data), kind, process=False)
    assert np.array_equal(part.vertices[part.faces], second.vertices[second.faces])


@pytest.mark.parametrize("name", ["bin_tail.stl", "bin_cnt_ff.stl", "asc_nosolid.stl", "nohead.off"])
def test_shared_cases(shared_data, name):
    reading = (read_stl if name.endswith("stl") else read_off)(Source((shared_data / "cases" / name).read_bytes()))
    assert np.isclose(area(reading), 1.494) and len(reading.notes) == name.startswith("bin")
