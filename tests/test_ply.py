"""PLY files built in memory: every encoding and feature, damaged and hostile ones; trimesh as a second reader."""

import io
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import trimesh
from PIL import Image

from modeling_crossmost.parts_crossmost import MissingFileError, Part, Reading, Refusal, Source
from modeling_crossmost.ply_crossmost import read_ply


ENCODINGS = ("ascii", "binary_little_endian", "binary_big_endian")
TYPES = {"char": "i1", "uchar": "u1", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4", "double": "f8"}
TYPES |= {"int8": "i1", "uint8": "u1", "int16": "i2", "uint32": "u4", "float32": "f4", "float64": "f8"}
XYZ = ["float x", "float y", "float z"]
FACE = ["list uchar int vertex_indices"]
SQUARE = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]
LATIN1 = b"comment erstellt von M\xfcller\nobj_info \xff\n"


def make_ply(*elements: tuple[str, list[str], list], encoding: str = "ascii", comments: bytes = b"") -> bytes:
    """A file of elements (name, properties, rows); a list in a row stands for a list property."""
    lines, data = [b"ply", b"format %s 1.0" % encoding.encode(), *comments.splitlines()], []
    for name, properties, rows in elements:
        lines.append(f"element {name} {len(rows)}".encode())
        lines += [f"property {entry}".encode() for entry in properties]
        kinds = [[word for word in entry.split()[:-1] if word != "list"] for entry in properties]
        for row in rows:
            words = []
            for value, types in zip(row, kinds, strict=True):
                words += [(len(value), types[0])] if isinstance(value, list) else []
                words += [(number, types[-1]) for number in (value if isinstance(value, list) else [value])]
            if encoding == "ascii":
                data.append(" ".join(str(number) for number, _ in words).encode() + b"\n")
            else:
                order = "<" if encoding == "binary_little_endian" else ">"
                data += [np.array(number, dtype=order + TYPES[kind]).tobytes() for number, kind in words]
    return b"\n".join([*lines, b"end_header", b""]) + b"".join(data)


def read(data: bytes, opener: Callable[[str], bytes] | None = None) -> Reading:
    return read_ply(Source(data) if opener is None else Source(data, opener))


def one(data: bytes) -> Part:
    (part,) = read(data).parts
    return part


def outcome(data: bytes) -> Reading | str:
    """What is read, or the message of the error."""
    try:
        return read(data)
    except ValueError as error:
        return str(error)


def square(faces: list, properties: list[str] = FACE, **options) -> bytes:
    return make_ply(("vertex", XYZ, SQUARE), ("face", properties, faces), **options)


def area(part: Part) -> float:
    a, b, c = part.vertices[part.faces].transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


# ------------------------------------------------------------------------------------------------- encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("length", ["uchar", "int8", "int16", "int", "uint32"])
def test_all_encodings_read_alike(encoding, length):
    # Lists of unequal lengths before, between and after numbers, in known and unknown elements, faces first.
    faces = [(7, [0, 1, 2], 0.5, []), (7, [0, 1, 2, 3], 0.5, [1.5]), (7, [2, 3, 0], 0.5, [1.5, 2.5])]
    kinds = ["ushort id", f"list {length} uint vertex_index", "double w", f"list {length} float extra"]
    data = make_ply(
        ("thing", ["uchar a", "double b"], [(1, 2.5)] * 3),
        ("face", kinds, faces),
        ("other", ["list uchar char v"], [([],), ([1, 2],)]),
        ("vertex", [*XYZ, "list uchar int view"], [(*xyz, [1] * i) for i, xyz in enumerate(SQUARE)]),
        encoding=encoding,
    )
    part = one(data)
    np.testing.assert_array_equal(part.vertices, SQUARE)
    assert len(part.faces) == 4 and area(part) == 2.0
    assert part.faces[0].tolist() == [0, 1, 2] and part.faces[-1].tolist() == [2, 3, 0]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_line_ends_and_comments_in_any_encoding(newline, encoding):
    data = make_ply(("vertex", ["int x", "int y", "int z"], [(10, 2, 3)] * 2), encoding=encoding, comments=LATIN1)
    head, mark, rows = data.partition(b"end_header\n")
    rows = rows.replace(b"\n", newline) if encoding == "ascii" else rows  # the data start with a byte 10: a line feed
    assert one((head + mark).replace(b"\n", newline) + rows).vertices.tolist() == [[10, 2, 3]] * 2


@pytest.mark.parametrize("kind", ["uchar", "int16", "int", "float32", "double"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_coordinates_of_any_type(kind, encoding):
    value = 100_000_000.125 if kind == "double" else 100
    names = [f"{kind} Z", f"{kind} X", f"{kind} y", "float nx"]
    part = one(make_ply(("vertex", names, [(value, 1, 2, 9)]), encoding=encoding))
    assert part.vertices.dtype == np.float64 and part.vertices.tolist() == [[1, 2, value]]


def test_ascii_rows_may_wrap_and_nan_stays():
    head = make_ply(("vertex", XYZ, [(0, 0, 0)] * 2)).partition(b"end_header\n")[0] + b"end_header\n"
    np.testing.assert_array_equal(one(head + b"1 2\n3 nan\r\n\n5\t6").vertices, [[1, 2, 3], [np.nan, 5, 6]])


@pytest.mark.parametrize("count", [3, 4, 5])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_polygons_keep_their_area(count, encoding):
    angles = np.arange(count) * 2 * np.pi / count
    rim = [(np.cos(a), np.sin(a), 0.0) for a in angles]
    part = one(make_ply(("vertex", XYZ, rim), ("face", FACE, [(list(range(count)),)]), encoding=encoding))
    assert len(part.faces) == count - 2
    assert area(part) == pytest.approx(count / 2 * np.sin(2 * np.pi / count), rel=1e-6)


@pytest.mark.parametrize("extra", [0, 4])
@pytest.mark.parametrize("mesh", [trimesh.creation.icosphere(2), trimesh.creation.box()])
@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_trimesh_reads_the_same(mesh, encoding, extra):
    mesh = mesh.copy()
    mesh.visual.vertex_colors = np.random.default_rng(0).integers(0, 256, (len(mesh.vertices), 4))
    data = mesh.export(file_type="ply", encoding=encoding)
    other = trimesh.load(io.BytesIO(data), file_type="ply", process=False)
    part = one(data + b"\n" * extra)
    np.testing.assert_allclose(part.vertices, other.vertices, atol=1e-6)
    np.testing.assert_array_equal(part.faces, other.faces)
    np.testing.assert_array_equal(part.colors.corners, other.visual.vertex_colors[other.faces, :3])


# ----------------------------------------------------------------------------------------------------- faces


def test_faces_without_area_are_dropped_with_their_attributes():
    faces = [([0, 1], 1, 2, 3), ([0, 1, 2, 3], 40, 50, 60), ([], 7, 8, 9), ([2, 3, 0], 70, 80, 90)]
    reading = read(square(faces, [*FACE, "uchar red", "uchar green", "uchar blue"]))
    assert reading.notes == ["2 faces with less than three corners were dropped."]
    assert reading.parts[0].colors.faces.tolist() == [[40, 50, 60, 255]] * 2 + [[70, 80, 90, 255]]


def test_other_names_of_the_index_list():
    reading = read(square([([0, 1, 2], 1)], ["list uchar int vertex_idx", "int flags"]))
    assert len(reading.parts[0].faces) == 1 and "vertex_idx" in reading.notes[0]
    for properties, face in (
        (["list uchar int a", "list uchar int b"], ([0, 1, 2], [0, 1, 2])),
        (["list uchar int a"], ([0, 1, 4],)),
        (["list uchar float a"], ([0, 1, 2],)),
        (["int vertex_indices"], (1,)),
    ):
        with pytest.raises(ValueError, match="no list of vertex indices"):
            read(square([face], properties))


@pytest.mark.parametrize("index", [4, -1])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_wrong_indices_name_the_face(encoding, index):
    with pytest.raises(ValueError, match=f"face 2 of 2 refers to vertex {index}, but there are 0 to 3"):
        read(square([([0, 1, 2],), ([0, 1, 2, index],)], encoding=encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_triangle_strips(encoding):
    strips = [([0, 1, 3, 2, -1, 0, 1, 2, 2, 3],), ([1, 2, 3],)]
    data = make_ply(("vertex", XYZ, SQUARE), ("tristrips", ["list int int vertex_indices"], strips), encoding=encoding)
    assert one(data).faces.tolist() == [[0, 1, 3], [3, 1, 2], [0, 1, 2], [1, 2, 3]]


def test_faces_and_strips_together():
    strip = ("tristrips", ["list int int vertex_indices"], [([0, 1, 3, 2],)])
    part = one(make_ply(("vertex", XYZ, SQUARE), ("face", FACE, [([0, 1, 2],)]), strip))
    assert part.faces.tolist() == [[0, 1, 2], [0, 1, 3], [3, 1, 2]]


def test_elements_that_are_not_surfaces():
    edges = ("edge", ["int vertex1", "int vertex2"], [(0, 1)] * 2)
    grid = ("range_grid", ["list uchar int vertex_indices"], [([0],), ([],)])
    reading = read(make_ply(("vertex", XYZ, SQUARE), edges, grid, ("face", FACE, [])))
    assert len(reading.parts[0].faces) == 0 and len(reading.parts[0].vertices) == 4
    assert reading.notes == ["Its 2 edges were ignored."]
    patches = read(make_ply(("vertex", XYZ, SQUARE), ("multi_patch", FACE, [([0, 1, 2],)])))
    assert patches.notes == ["Its element 'multi_patch' has lists of vertex indices, which were ignored."]


# ---------------------------------------------------------------------------------------------------- colors


@pytest.mark.parametrize(
    ("names", "kind", "values", "levels"),
    [
        (("red", "green", "blue"), "uchar", (0, 51, 255), (0, 51, 255)),
        (("r", "g", "b"), "ushort", (0, 13107, 65535), (0, 51, 255)),
        (("red", "green", "blue"), "ushort", (0, 51, 255), (0, 51, 255)),
        (("diffuse_red", "diffuse_green", "diffuse_blue"), "float", (0, 0.2, 1), (0, 51, 255)),
        (("red", "green", "blue"), "float", (0, 51, 255), (0, 51, 255)),
        (("red", "green", "blue"), "int", (-1, 51, 300), (0, 51, 255)),
    ],
)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_vertex_colors(encoding, names, kind, values, levels):
    vertices = ("vertex", [*XYZ, *(f"{kind} {name}" for name in names)], [(*xyz, *values) for xyz in SQUARE])
    assert one(make_ply(vertices, encoding=encoding)).point_colors.tolist() == [list(levels)] * 4
    mesh = one(make_ply(vertices, ("face", FACE, [([0, 1, 2],)]), encoding=encoding))
    assert mesh.colors.faces.tolist() == [[*levels, 255]] and mesh.colors.corners.tolist() == [[list(levels)] * 3]


@pytest.mark.parametrize(("per_face", "wanted"), [((9, 9), 20), ((8, 9), 8)])
def test_the_colors_that_differ_win_over_those_that_do_not(per_face, wanted):
    rgb = ["uchar red", "uchar green", "uchar blue"]
    vertices = ("vertex", [*XYZ, *rgb], [(*xyz, i * 20, 0, 0) for i, xyz in enumerate(SQUARE)])
    faces = [([0, 1, 2], per_face[0], 0, 0), ([0, 1, 2], per_face[1], 0, 0)]
    assert one(make_ply(vertices, ("face", [*FACE, *rgb], faces))).colors.faces[0, 0] == wanted


def picture(color: tuple[int, int, int], below: tuple[int, int, int]) -> bytes:
    image = Image.new("RGB", (8, 8), color)
    image.paste(below, (0, 4, 8, 8))
    buffer = io.BytesIO()
    image.save(buffer, format="png")
    return buffer.getvalue()


def shelf(**files: bytes) -> Callable[[str], bytes]:
    """Opens PNG files by name."""

    def open_other(name: str) -> bytes:
        if name.removesuffix(".png") not in files:
            raise MissingFileError(name)
        return files[name.removesuffix(".png")]

    return open_other


RED, BLUE, GREEN, GRAY = (255, 0, 0), (0, 0, 255), (0, 255, 0), (200, 200, 200)
LOW, HIGH = [0.5, 0.25] * 4, [0.5, 0.75] * 4


@pytest.mark.parametrize("names", [("s", "t"), ("u", "v"), ("texture_u", "texture_v")])
def test_texture_by_vertex_with_v_up(names):
    vertices = ("vertex", [*XYZ, *(f"float {name}" for name in names)], [(*xyz, 0.5, 0.25) for xyz in SQUARE])
    data = make_ply(vertices, ("face", FACE, [([0, 1, 2, 3],)]), comments=b"comment TextureFile  a.png \n")
    (part,) = read(data, shelf(a=picture(RED, BLUE))).parts
    assert part.colors.faces[:, :3].tolist() == [list(BLUE)] * 2
    assert one(data).colors is None  # the texture is missing
    broken = read(data, shelf(a=b"broken"))
    assert broken.parts[0].colors is None and broken.notes == ["Its texture 'a.png' cannot be decoded."]
    assert one(make_ply(vertices, ("face", FACE, [([0, 1, 2],)]))).colors is None  # no texture is named


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_textures_by_corner_and_number(encoding):
    kinds = [*FACE, "list uchar float texcoord", "int texnumber"]
    faces = [([0, 1, 2], LOW[:6], 1), ([0, 1, 2, 3], HIGH, 0), ([0, 1, 3], [], 0), ([1, 2, 3], LOW[:6], 2)]
    faces += [([0, 1, 3], LOW[:6], -1), ([0, 2, 3], LOW[:6], 9)]
    names = b"comment TextureFile a.png\ncomment TextureFile b.png\ncomment TextureFile gone.png\n"
    data = square(faces, kinds, encoding=encoding, comments=names)
    (part,) = read(data, shelf(a=picture(RED, BLUE), b=picture(GRAY, GREEN))).parts
    colors = [tuple(color) for color in part.colors.faces[:, :3].tolist()]
    assert colors == [RED, RED, GREEN, GRAY, GRAY, GRAY, GRAY]  # sorted by texture
    assert part.faces[2:].tolist() == [[0, 1, 2], [0, 1, 3], [1, 2, 3], [0, 1, 3], [0, 2, 3]]
    assert part.colors.triangles is part.faces
    assert part.colors.at(np.array([0]), np.array([[1, 0, 0]])).round().tolist() == [list(RED)]


# ---------------------------------------------------------------------------------------------------- splats


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_gaussian_splats_are_clouds_of_centers(encoding):
    names = [f"float {name}" for name in ("f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "rot_0")]
    splats = [(*xyz, 0, 10, -10, opacity, 0, 0) for xyz, opacity in zip(SQUARE, (5, 0, -9, 1), strict=True)]
    reading = read(make_ply(("vertex", XYZ + names, splats), encoding=encoding))
    assert reading.parts[0].vertices.tolist() == [list(SQUARE[i]) for i in (0, 1, 3)]
    assert reading.parts[0].point_colors.tolist() == [[128, 255, 0]] * 3
    assert reading.notes == [
        "It is a Gaussian splat, read as the cloud of its centers, without 1 that are nearly invisible."
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["uint packed_position", "uint packed_rotation"], "it is a compressed Gaussian splat: "),
        (["float x", "float y"], "its vertices have no x, y and z: "),
        (["float x", "float y", "list uchar float z"], "its vertices have no x, y and z: "),
    ],
)
def test_vertices_without_coordinates(names, message):
    row = tuple([1.0] if "list" in name else 1 for name in names)
    with pytest.raises(Refusal, match=message):
        read(make_ply(("chunk", ["float min_x"], [(0,)]), ("vertex", names, [row])))


# ------------------------------------------------------------------------------------------ damaged, hostile


GOOD = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("plyx\n", "does not start with a line 'ply'"),
        (GOOD, "no line 'end_header'"),
        ("ply\nelement vertex 1\nend_header\n", "no line that starts with 'format'"),
        ("ply\nformat ascii 2.0\n", "line 2 .*'format ascii 2.0': only version 1"),
        ("ply\nformat text 1.0\n", "line 2 .*only version 1"),
        ("ply\nformat ascii 1.0\nproperty float x\n", "line 3 .*before"),
        (GOOD + "property half w\n", "line 7 .*'half' is unknown"),
        (GOOD + "property float\n", "line 7 .*a type and a name"),
        (GOOD + "property list float int a\n", "line 7 .*whole number"),
        (GOOD + "property list int a\n", "line 7 .*a type and a name"),
        (GOOD + "element face -1\n", "line 7 .*whole number"),
        (GOOD + "element vertex 2\n", "line 7 .*second element"),
        (GOOD + "nonsense\n", "line 7 .*first word"),
        ("ply\nformat ascii 1.0\nend_header\n", "no element 'vertex'"),
    ],
)
def test_damaged_headers_name_the_line(header, message):
    with pytest.raises(ValueError, match=message):
        read(header.encode() + (b"end_header\n1 2 3" if header.startswith(GOOD) and header != GOOD else b""))


def test_the_first_of_two_properties_of_a_name_counts():
    assert one(make_ply(("vertex", [*XYZ, "double x"], [(1, 2, 3, 9)]))).vertices.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0 0 0\n1 0\n1 1 0\n0 1 0\n3 0 1 2\n", "row 2 of its element 'vertex' has 2 numbers instead of 3"),
        ("0 0 0\n1 x 0\n1 1 0\n0 1 0\n3 0 1 2\n", "row 2 of its element 'vertex' holds 'x', which is no number"),
        ("0 0 0\n1 0,5 0\n1 1 0\n0 1 0\n3 0 1 2\n", "row 2 of its element 'vertex' holds '0,5'"),
        ("0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2\n", "row 1 of its element 'face' has 4 numbers instead of 5"),
        ("0 0 0\n1 0 0\n1 1 0\n0 1 0\n-1 0 1 2\n", "row 1 of its element 'face'"),
        ("0 0 0\n1 0 0\n1 1 0\n0 1 0\n2.5 0 1 2\n", "row 1 of its element 'face'"),
        ("0 0 0\n1 0 0\n1 1 0\n0 1 0\nnan 0 1 2\n", "row 1 of its element 'face'"),
        ("0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 0 1 1.5\n", "face 1 of 1 refers to vertex 1.5"),
        ("0 0 0 1 0 0\n1 1 0\n0 1 0\n", "announces 13 numbers|it ends|instead"),
        ("0 0 0\n", "it ends before row 2 of its element 'vertex': it may be cut off"),
        ("", "its header announces 13 numbers, but 0 bytes follow"),
    ],
)
def test_wrong_numbers_in_ascii_name_the_row(rows, message):
    head = square([([0, 1, 2],)]).partition(b"end_header\n")[0]
    with pytest.raises(ValueError, match=message):
        read(head + b"end_header\n" + rows.encode())


def test_lines_with_more_numbers_than_announced_keep_the_first_ones():
    head = square([([0, 1, 2],)]).partition(b"end_header\n")[0]
    reading = read(head + b"end_header\n0 0 0\n1 0 0 7\n1 1 0\n0 1 0\n3 0 1 2 9 9\n")
    assert reading.parts[0].vertices[1].tolist() == [1, 0, 0] and len(reading.parts[0].faces) == 1
    assert reading.notes == ["2 of its lines hold more numbers than announced, of which the first were read."]


@pytest.mark.parametrize("surplus", [b"1 2 3\n", b"what is this?\n"])
def test_lines_behind_ascii_data(surplus):
    reading = read(square([([0, 1, 2],)]) + surplus)
    assert len(reading.parts[0].faces) == 1
    assert reading.notes in ([], ["The lines behind its announced data were ignored."])


@pytest.mark.parametrize(("size", "notes"), [(1, []), (5000, ["5,000 bytes behind its data were ignored."])])
def test_bytes_behind_binary_data(size, notes):
    assert read(square([([0, 1, 2],)], encoding=ENCODINGS[1]) + bytes(size)).notes == notes


@pytest.mark.parametrize("encoding", ENCODINGS[1:])
def test_truncated_binary_data(encoding):
    data = square([([0, 1, 2],), ([0, 1, 2, 3],)], encoding=encoding)
    start = data.index(b"end_header\n") + 11
    with pytest.raises(ValueError, match="announces 48 bytes of 'vertex', but 47 follow: it may be cut off"):
        read(data[: start + 47])
    with pytest.raises(ValueError, match="it ends in row 2 of the 2 of its element 'face': it may be cut off"):
        read(data[:-1])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_cut_or_changed_byte_ends_in_a_reading_or_a_sentence(encoding):
    data = square([([0, 1, 2], [1]), ([0, 1, 2, 3], [])], [*FACE, "list int int16 extra"], encoding=encoding)
    rng = np.random.default_rng(0)
    for cut in range(len(data)):
        changed = bytearray(data)
        changed[cut] = rng.integers(256)
        for content in (data[:cut], bytes(changed), data[:cut] + data[cut + 1 :]):
            result = outcome(content)
            assert isinstance(result, Reading) or (result and "array" not in result and "buffer" not in result)


@pytest.mark.parametrize("kind", ["vertex 1000000000000", "face 1000000000000", "void 999999999999999999"])
@pytest.mark.parametrize("properties", ["property float w\n", "property list uint int w\n", ""])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_huge_counts_take_no_memory(encoding, kind, properties):
    vertex = "" if kind.startswith("vertex") else "element vertex 1\n"
    xyz = "".join(f"property float {axis}\n" for axis in "xyz")
    parts = f"{vertex}{xyz if vertex else ''}element {kind}\n{'' if vertex else xyz}{properties}"
    header = f"ply\nformat {encoding} 1.0\n{parts}end_header\n".encode()
    tracemalloc.start()
    result = outcome(header + b"1 2 3\n" + bytes(60 if encoding != "ascii" else 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if kind.startswith("void") and not properties:
        assert isinstance(result, Reading) and len(result.parts) == 1  # rows of nothing
    else:
        assert "cut off" in result or "in all its parts" in result
    assert peak < 1_000_000


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("limits", [{"max_points": 3}, {"max_faces": 1}])
def test_limits_count_triangles(encoding, limits):
    with pytest.raises(Refusal, match="in all its parts: simplify it"):
        read_ply(Source(square([([0, 1, 2, 3],)], encoding=encoding), **limits))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lists_longer_than_the_file(encoding):
    data = square([([0, 1, 2],)], ["list uint int vertex_indices"], encoding=encoding)
    if encoding == "ascii":
        wrong = data.replace(b"3 0 1 2", b"4000000000 0 1 2")
    else:
        wrong = data[:-16] + b"\xff\xff\xff\xf0" + data[-12:]
    with pytest.raises(ValueError, match=r"cut off|instead of"):
        read(wrong)


# ------------------------------------------------------------------------------------------------- real files


CHAIRS = ("bin_mixed_tri_quad", "other_list_name", "trailing", "asc_latin1_comment", "tristrips")


@pytest.mark.parametrize("name", CHAIRS)
def test_chairs_of_other_writers(shared_data, name):
    part = one((shared_data / "cases" / f"ply_{name}.ply").read_bytes())
    assert part.vertices.shape == (48, 3) and part.faces.shape == (72, 3)
    wanted = trimesh.load(shared_data / "cases" / "reference_chair.obj", process=False)
    np.testing.assert_allclose(np.sort(np.ptp(part.vertices, axis=0)), np.sort(np.ptp(wanted.vertices, axis=0)), 1e-4)


def test_clouds_of_other_writers(shared_data):
    part = one((shared_data / "cases" / "ply_vertex_list.ply").read_bytes())
    assert part.vertices.shape == (1500, 3) and np.isfinite(part.vertices).all()
    assert np.isnan(one((shared_data / "cases" / "ply_cloud_nan.ply").read_bytes()).vertices).any()
    with pytest.raises(Refusal, match="compressed Gaussian splat"):
        read((shared_data / "cases" / "ply_supersplat_compressed.ply").read_bytes())
