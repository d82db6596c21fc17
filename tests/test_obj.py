"""OBJ files: every way of writing them, materials and textures, damaged and hostile files, trimesh as second method."""

import io
import re

import numpy as np
import pytest
import trimesh
from file_writers import damaged
from PIL import Image

from modeling_crossmost.obj_crossmost import read_obj
from modeling_crossmost.parts_crossmost import MissingFileError, Refusal, Source


SQUARE = b"v 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\n"
UV = b"vt 0.25 0.25\nvt 0.75 0.25\nvt 0.75 0.75\nvt 0.25 0.75\n"


def read(data: bytes, **limits):
    return read_obj(Source(data, **limits))


def read_with(data: bytes, files: dict[str, bytes]):
    """The reading, and the names that were asked for."""
    asked = []

    def open_other(name: str) -> bytes:
        asked.append(name)
        if name not in files:
            raise MissingFileError(name)
        return files[name]

    return read_obj(Source(data, open_other)), asked


def area(reading) -> float:
    total = 0.0
    for part in reading.parts:
        a, b, c = part.vertices[part.faces].transpose(1, 0, 2)
        total += np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return total


def png(color) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), color).save(file, "PNG")
    return file.getvalue()


# ---------------------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize(
    "data",
    [
        SQUARE + b"f 1 2 3 4",
        SQUARE + b"f 1/1 2/2 3/3 4/4\n",
        SQUARE + b"f 1//1 2//1 3//1 4//1\n",
        SQUARE + UV + b"f 1/1/1 2/2/1 3/3/1 4/4/1\n",
        SQUARE + b"f 1/ 2// 3/3 4//7\n",
        SQUARE + b"f -4 -3 -2 -1\nv 9 9 9\n",
        SQUARE + b"f -4/-4/-4 -3/-3 -2//-2 -1\n",
        SQUARE + b"f 1 2 3\nv 5 5 5\nf 1 3 -2\n",
        b"f 1 2 3 4\n" + SQUARE,
        SQUARE.replace(b" ", b"\t \t") + b" \tf\t1 2\t3 4 \t\n",
        SQUARE.replace(b"\n", b"\r\n") + b"f 1 2 3 4\r\n",
        SQUARE.replace(b"\n", b"\r") + b"f 1 2 3 4\r",
        b"\xef\xbb\xbf" + SQUARE + b"f 1 2 3 4",
        (SQUARE + b"f 1 2 3 4").decode().encode("utf-16"),
        SQUARE + b"f 1 2 \\\n3 \\\n 4\n",
        SQUARE + b"f 1 2 \\\r\n3 4\r\n",
        SQUARE.replace(b"\n", b" # h\xf6he, 1 2 3\n") + b"# C:\\dir\\\n#\nf 1 2 3 4 # f 1 2 3\n",
        b"o h\xf6he\ng f 1 2 3\ns off\ns 1\n" + SQUARE + b"\n \n\t\nvn 0 x 1\nf 1 2 3 4\nend\n",
        SQUARE.replace(b"0\n", b"0 1.0\n") + b"f 1 2 3 4\n",
        SQUARE.replace(b"0\n", b"0 1 1 1 1 1 1 1 1\n") + b"f 1 2 3 4\n",
        b"v 0e0 -.0 +0.\nv 2E0 0 0\nv +20.e-1 .2e+1 0\nv 0 2 0\nf 1 2 3 4",
        SQUARE + b"v nan inf -inf\nf 1 2 3 4\n",
        SQUARE + b"vp 1 2\nvt 0\nvt 0 1 0\nf 1 2 3 4\n",
    ],
)
def test_one_square_in_every_way_of_writing(data):
    reading = read(data)
    (part,) = reading.parts
    assert part.vertices.dtype == np.float64 and part.faces.dtype == np.int64 and part.point_colors is None
    assert part.vertices.tolist() == [[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]]
    assert len(part.faces) == 2 and area(reading) == 4 and reading.notes == []


def test_concave_polygons_and_unused_vertices():
    reading = read(b"v 9 9 9\n" + SQUARE + b"v 1 .2 0\nf 2 3 4 6 5\n")
    assert np.isclose(area(reading), 2.2) and len(reading.parts[0].vertices) == 5


def test_relative_indices_count_back_from_the_line_across_blocks(monkeypatch):
    monkeypatch.setattr("modeling_crossmost.obj_crossmost._BLOCK", 40)
    data = b"".join(SQUARE.replace(b" 0\n", b" %d\n" % level) + b"f -4 -3 -2 -1\n" for level in range(20))
    reading = read(data)
    assert area(reading) == 80 and len(reading.parts[0].vertices) == 80
    heights = reading.parts[0].vertices[reading.parts[0].faces][..., 2]
    assert (heights == np.repeat(np.arange(20), 2)[:, None]).all()
    with pytest.raises(ValueError, match="line 101: a face refers to vertex 81, but there are 80"):
        read(data + b"f 1 2 81")


@pytest.mark.parametrize("colors", [b" 1 0 0.5", b" 255 0 128"])
def test_points_without_faces_are_a_cloud(colors):
    reading = read(SQUARE.replace(b"\n", colors + b"\n") + b"p 1 2\np 3\nl 1 2 3\ncstype bezier\ncurv 0 1 1 2\n")
    (part,) = reading.parts
    assert len(part.faces) == 0 and part.vertices.shape == (4, 3)
    assert np.array_equal(part.point_colors, np.tile(np.uint8([255, 0, 128]), (4, 1)))
    assert reading.notes == [
        "1 line was left out.",
        "2 point elements were left out.",
        "1 free-form curve or surface was left out.",
    ]


@pytest.mark.parametrize("data", [b"\n", b"#", b"o nothing\nusemtl", b"mtllib\nl 1 2\n"])
def test_nothing(data):
    assert read(data).parts == []


def test_faces_with_few_corners_are_counted():
    reading = read(SQUARE + b"f\nf 1 2\nf 1\nf 1 2 3\n")
    assert reading.notes == ["3 faces were left out, with fewer than three corners."] and area(reading) == 2


# ------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SQUARE + b"f 1 2 5\n", "line 5: a face refers to vertex 5, but there are 4 vertices"),
        (SQUARE + b"\nf 1 2 3\nf 0 1 2\n", "line 7: a face refers to vertex 0, but there are 4 vertices"),
        (b"f -1 -2 -3\n" + SQUARE, "line 1: a face refers to vertex -1, but there are 0 vertices"),
        (SQUARE + b"f 1 2 99999999999999999999\n", "line 5: a face refers to vertex"),
        (SQUARE + b"f 1 \\\n2 3\nf 1 2 7\n", "line 7: a face refers to vertex 7"),
        (SQUARE + b"f 1 2 3\nf 1 2 x\n", "line 6: a face is not a list of indices"),
        (SQUARE + b"f 1 2 3.0\n", "line 5: a face is not a list of indices"),
        (SQUARE + b"f 1 2 /3\n", "line 5: a face is not a list of indices"),
        (SQUARE + b"f 1-2-3\n", "line 5: a face is not a list of indices"),
        (b"v 1 2 3\nv 1 2\n", "line 2: a vertex has 2 numbers instead of at least 3"),
        (b"v 1 2 3\r\n\r\nv\r\n", "line 3: a vertex has 0 numbers"),
        (b"v 1 2 3\nv 1 2 3.1+e2\n", "line 2: '3.1+e2' is not a number"),
        (b"v 1 2 3\nv 1.5.5 2\n", "line 2: '1.5.5' is not a number"),
        (b"v 1,2,3 4 5\n", "line 1: '1,2,3' is not a number"),
        (b"v 1 2 \x00\xff\n", "line 1: "),
        (b"vt x\n", "line 1: 'x' is not a number"),
        (b"vt\n", "line 1: a texture coordinate has 0 numbers"),
    ],
)
def test_errors_name_the_line(data, message):
    with pytest.raises(ValueError, match=re.escape(message)) as info:
        read(data)
    assert not isinstance(info.value, Refusal)


@pytest.mark.parametrize("data", [b"v 0 0 0\nv 0,5 1,0 0,25\n", b"# x\nv 1 -,5e-3 2\n", SQUARE[:8] + b"vt 0,5 1\n"])
def test_decimal_commas_are_refused(data):
    with pytest.raises(Refusal, match=r"^line 2 has a decimal comma \([-0-9,e]+\): export it with decimal points\.$"):
        read(data)


def test_limits():
    data = SQUARE + b"f 1 2 3 4\n" * 3
    assert len(read(data, max_faces=6, max_points=4).parts[0].faces) == 6
    for limits in ({"max_faces": 5}, {"max_points": 3}):
        with pytest.raises(Refusal, match="simplify it"):
            read(data, **limits)


FULL = b"mtllib a.mtl\nv 0 0 0 1 1 1\n" + SQUARE + UV + b"usemtl x\nf 2/1/1 3/2 4//3 -1\nl 1 2\nf 2 3 \\\n4\n# end\n"


def test_cut_off_or_changed_anywhere_ends_in_a_reading_or_a_value_error():
    messages = []
    for data in damaged(FULL, b"0123456789/-., \\\nvtf#\x00\xff", 300):
        try:
            for part in read_with(data, {"a.mtl": data})[0].parts:
                assert part.faces.size == 0 or part.faces.max() < len(part.vertices)
        except ValueError as error:
            messages.append(str(error))
    assert messages and not re.search("fromstring|array|reshape|broadcast|concatenate|index ", " ".join(messages))


# ------------------------------------------------------------------------------------------------------ colors

MTL = b"""# materials
newmtl red
\tKd 1.0 0 0.0 # pure
newmtl dark green
Ka 1 1 1
Kd 0 0.5 0
d 1.0
newmtl image
Kd 0 0 1
map_Kd -s 1 1 1 -o 0.5 -clamp on textures\\my image.png
newmtl glass
Kd 1 1 1
d 0.0
newmtl old glass
Tr 1
newmtl opaque
Tr 1
d 1
newmtl bare
Kd spectral x.rfl
"""


def use(*names: str) -> bytes:
    """A file with the square once per material."""
    faces = [b"usemtl %s\nf 1/1 2/2 3/3 4/4\n" % name.encode() for name in names]
    return b"mtllib my materials.mtl second.MTL\n" + SQUARE + UV + b"".join(faces)


def test_materials_make_parts_in_the_order_of_their_use():
    files = {"my materials.mtl": MTL, "textures/my image.png": png((10, 200, 30))}
    reading, asked = read_with(use("image", "red", "dark green", "red", "bare", "unknown"), files)
    assert asked == ["my materials.mtl", "second.MTL", "textures/my image.png"]
    image, red, green, bare, unknown = reading.parts
    assert [len(part.faces) for part in reading.parts] == [2, 4, 2, 2, 2]
    assert bare.colors is unknown.colors is None
    assert red.colors.faces.tolist() == [[255, 0, 0, 255]] * 4
    assert green.colors.faces.tolist() == [[0, 128, 0, 255]] * 2
    assert image.colors.faces.tolist() == [[10, 200, 30, 255]] * 2
    assert all(np.array_equal(part.colors.triangles, part.faces) for part in (image, red, green))


@pytest.mark.parametrize(
    "files", [{}, {"my materials.mtl": MTL}, {"my materials.mtl": MTL, "textures/my image.png": b"?"}]
)
def test_missing_files_and_broken_textures_leave_the_base_color(files):
    (part,) = read_with(use("image"), files)[0].parts
    assert part.colors is None if not files else part.colors.faces.tolist() == [[0, 0, 255, 255]] * 2


def test_texture_coordinates_belong_to_corners():
    file = io.BytesIO()
    Image.fromarray(np.uint8([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]])).save(file, "PNG")
    files = {"m.mtl": b"newmtl m\nmap_Kd t.png\nKd 0.2 0.2 0.2\n", "t.png": file.getvalue()}
    faces = b"f 1/1 2/1 3/1\nf 1/4 3/4 4/4\nf 1/-4 2/2 3/3\nf 1 2 3\nf 1/9 2/1 3/1\n"
    textured, plain = read_with(b"mtllib m.mtl\nusemtl m\n" + SQUARE + UV + faces, files)[0].parts
    # v points up: the first row of the image is at its top.
    assert textured.colors.faces[:2, :3].tolist() == [[0, 0, 255], [255, 0, 0]]
    assert textured.colors.varying.tolist() == [False, False, True] and len(textured.vertices) == 8
    assert plain.colors.faces.tolist() == [[51, 51, 51, 255]] * 2


def test_invisible_faces_are_left_out_unless_all_are():
    files = {"my materials.mtl": MTL}
    reading, _ = read_with(use("red", "glass", "old glass", "opaque"), files)
    assert [len(part.faces) for part in reading.parts] == [2, 2]
    assert reading.notes == ["4 triangles were left out, with an invisible material."]
    reading, _ = read_with(use("glass", "old glass"), files)
    assert [len(part.faces) for part in reading.parts] == [2, 2] and reading.notes == []


def test_vertex_colors_count_more_than_a_base_color_unless_they_are_all_the_same():
    files = {"my materials.mtl": MTL}
    colored = use("red").replace(b"v 0 0 0", b"v 0 0 0 0 0 1").replace(b"v 2 0 0", b"v 2 0 0 0 1 0")
    (part,) = read_with(colored, files)[0].parts
    assert part.colors.corners[0].tolist() == [[0, 0, 255], [0, 255, 0], [200, 200, 200]]
    white = use("red").replace(b"0\nv", b"0 1 1 1\nv").replace(b"2 0\n", b"2 0 1 1 1\n")
    assert read_with(white, files)[0].parts[0].colors.faces.tolist() == [[255, 0, 0, 255]] * 2
    assert read(white).parts[0].colors.faces.tolist() == [[255] * 4] * 2


@pytest.mark.parametrize("color", [b" -1 0 0", b" 256 0 0", b" nan nan nan"])
def test_other_numbers_behind_a_vertex_are_no_colors(color):
    assert read(SQUARE.replace(b"\n", color + b"\n") + b"f 1 2 3\n").parts[0].colors is None


# ---------------------------------------------------------------------------------------- trimesh and real files


@pytest.mark.parametrize("mesh", [trimesh.creation.icosphere(2), trimesh.creation.torus(2.0, 0.5)])
def test_same_as_trimesh(mesh):
    data = trimesh.exchange.obj.export_obj(mesh, include_normals=True, digits=12).encode()
    (part,) = read(data).parts
    second = trimesh.load_mesh(io.BytesIO(data), "obj", process=False)
    assert np.array_equal(part.vertices[part.faces], second.vertices[second.faces])


@pytest.mark.parametrize("name", ["reference_chair", "neg_interleaved", "tabs", "concave", "decimal_comma"])
def test_shared_cases(shared_data, name):
    data = (shared_data / "cases" / f"{name}.obj").read_bytes()
    if name == "decimal_comma":
        with pytest.raises(Refusal, match="export it with decimal points"):
            read(data)
    else:
        assert np.isclose(area(read(data)), 2.2 if name == "concave" else 1.494)
