"""Clouds as text in the many ways people write it, and as npz archives: one cloud each time, or a plain sentence."""

import io
import os
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from modeling_crossmost.parts_crossmost import Refusal, Source
from modeling_crossmost.text_clouds_crossmost import column_names, column_role, read_npz, read_text_cloud


CLOUD = np.array([[0.5, -1.25, 3.0], [2.75, 0.0, -0.125], [1e-3, 4.5, 1500.25], [-7.0, 8.5, 9.75]])
COLORS = np.array([[255, 0, 10], [0, 128, 20], [7, 8, 9], [1, 2, 3]])
WORDS = [[repr(float(value)) for value in point] for point in CLOUD]
WITH_COLORS = [[*point, *map(str, color)] for point, color in zip(WORDS, COLORS.tolist(), strict=True)]
CASES = Path(os.environ.get("CROSSMOST_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data" / "cases"


def rows(separator=" ", head="", end="\n", words=WORDS, tail=""):
    return head + "".join(separator.join(point) + tail + end for point in words)


def read(text, **limits):
    reading = read_text_cloud(Source(text if isinstance(text, bytes) else text.encode(), **limits))
    assert len(reading.parts) == 1 and len(reading.parts[0].faces) == 0
    assert reading.parts[0].vertices.dtype == np.float64 and reading.parts[0].vertices.flags.c_contiguous
    return reading.parts[0], reading.notes


def refused(text, **limits):
    with pytest.raises(Refusal) as error:
        read(text, **limits)
    assert "could not convert" not in str(error.value) and "usecols" not in str(error.value)
    assert str(error.value)[0].islower() and str(error.value).isprintable()
    return str(error.value)


def sentence(reader, data):
    """What a reader says of a file that it may read as well."""
    try:
        reader(Source(data))
    except ValueError as error:
        return str(error)
    return "read"


def decimal_commas(text):
    return text.replace(".", ",")


# ------------------------------------------------------------------------------------------ one cloud, many ways

PLAIN = {
    "blanks": rows(),
    "two blanks": rows("   "),
    "tabs": rows("\t"),
    "runs of tabs": rows("\t\t"),
    "commas": rows(","),
    "commas and blanks": rows(", "),
    "semicolons": rows(";"),
    "semicolons and blanks": rows(" ; "),
    "pipes": rows("|"),
    "trailing comma": rows(",", tail=","),
    "trailing semicolon": rows("; ", tail=";"),
    "trailing blank": rows(tail="  "),
    "trailing tab": rows("\t", tail="\t"),
    "leading blanks": rows(words=[["  " + a, b, c] for a, b, c in WORDS]),
    "CRLF": rows(end="\r\n"),
    "lone CR": rows(end="\r"),
    "CRLF, trailing comma": rows(",", end="\r\n", tail=","),
    "no last line end": rows().rstrip(),
    "blank lines": rows(end="\n\n", head="\n\n"),
    "lines of blanks": rows(",", end="\n  \n"),
    "UTF-8 mark": b"\xef\xbb\xbf" + rows().encode(),
    "UTF-16": rows(",").encode("utf-16"),
    "UTF-16 big endian": b"\xfe\xff" + rows().encode("utf-16-be"),
    "Latin-1 comment": "# Höhe über NN\n".encode("latin-1") + rows().encode(),
    "UTF-8 comment": rows(head="# Höhe über NN → z\n"),
    "end of file of DOS": rows().encode() + b"\x1a",
    "padding": rows().encode() + bytes(9),
    "# comments": rows(head="# made by hand, 12 3 4\n#\n", tail="  # here"),
    "// comments": rows(",", head="// made by hand\n", tail=" // 3 points"),
    "% comments": rows(head="% made by hand\n", tail=" % 5"),
    "; comments": rows(head="; made by hand\n;\n", end="\n; made\n"),
    "! comments": rows(head="! made by hand\n", tail="!"),
    "header": rows(head="x y z\n"),
    "capital header": rows(",", head="X,Y,Z\n"),
    "quoted header": rows(",", head='"X","Y","Z"\n'),
    "header with units": rows(";", head="X [m];Y [m];Z (m)\n"),
    "header of blanks over commas": rows(",", head="x y z\n"),
    "header of commas over blanks": rows(head="x, y, z\n"),
    "trailing comma in the header, too": rows(",", head="x,y,z,\n", tail=","),
    "CloudCompare": rows(head="//X Y Z\n4\n"),
    "commented header": rows(head="# x y z\n"),
    "coordinates": rows(",", head="x_coord,y_coord,z_coord\n"),
    "ParaView": rows(",", head='"Points:0","Points:1","Points:2"\n'),
    "surveyors": rows(",", head="Easting,Northing,Elevation\n"),
    "ArcGIS": rows(",", head="POINT_X,POINT_Y,Height\n"),
    "count first": rows(head="4\n"),
    "blocks of PTS": "1\n" + rows(words=WORDS[:1]) + "3\n" + rows(words=WORDS[1:]),
    "Fortran": rows(words=[[word.replace("e", "D") + "D+00" * ("e" not in word) for word in p] for p in WORDS]),
    "plus signs": rows(words=[[word if word[0] == "-" else "+" + word for word in point] for point in WORDS]),
    "quoted numbers": rows(",", words=[[f'"{word}"' for word in point] for point in WORDS]),
}


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_one_cloud_written_in_many_ways(text):
    part, notes = read(text)
    np.testing.assert_array_equal(part.vertices, CLOUD)
    assert notes == [] and part.point_colors is None


GUESSED = {
    "decimal commas; semicolons": (decimal_commas(rows(";")), "Commas were read as decimal points."),
    "decimal commas, blanks": (decimal_commas(rows()), "Commas were read as decimal points."),
    "decimal commas, tabs": (decimal_commas(rows("\t")), "Commas were read as decimal points."),
    "decimal commas, trailing": (decimal_commas(rows(";", tail=";")), "Commas were read as decimal points."),
    "decimal commas, comments": (decimal_commas(rows("|", tail="#")), "Commas were read as decimal points."),
    "order": (
        rows(",", "Z,X,Y\n", words=[[c, a, b] for a, b, c in WORDS]),
        "Read columns 2, 3 and 1 as x, y, z by their names.",
    ),
    "later columns": (
        rows(";", "id;x;y;z\n", words=[["7", *point] for point in WORDS]),
        "Read columns 2 to 4 as x, y, z by their names.",
    ),
    "pandas": (
        rows(",", ",x,y,z\n", words=[[str(i), *point] for i, point in enumerate(WORDS)]),
        "Read columns 2 to 4 as x, y, z by their names.",
    ),
    "numbered header": (rows(",", "0,1,2\n"), "Line 1 was skipped: it numbers the columns."),
    "other names": (rows(",", "a,b,c\n"), "The header 'a, b, c' does not name x, y and z: their places were guessed."),
    "title": (rows(head="Scan of a chair\n"), "does not name x, y and z"),
    "degrees": (rows(",", "lon,lat,alt\n"), "lon, lat may be degrees and not lengths: the shape would be distorted."),
    "more than announced": (rows(head="3\n"), "It announces 3 points, but holds 4, which were all read."),
    "unnamed column": (
        rows(words=[[*point, "0.5"] for point in WORDS]),
        "Column 4 was ignored: it is not named.",
    ),
    "unnamed normals": (
        rows(words=[[*point, "0", "0", "1"] for point in WORDS]),
        "Columns 4 to 6 were ignored: they are not named.",
    ),
    "named column": (
        rows(",", "x,y,z,Intensity\n", words=[[*point, "0.5"] for point in WORDS]),
        "Ignored the column named Intensity.",
    ),
    "words": (
        rows(",", "x,y,z,name,part\n", words=[[*point, "chair", "leg"] for point in WORDS]),
        "Ignored the columns named name, part.",
    ),
}


@pytest.mark.parametrize(("text", "note"), GUESSED.values(), ids=GUESSED)
def test_what_was_guessed_is_said(text, note):
    part, notes = read(text)
    np.testing.assert_array_equal(part.vertices, CLOUD)
    assert len(notes) == 1 and note in notes[0] and notes[0].endswith(".")
    assert part.point_colors is None


def test_named_normals_are_ignored_silently():
    part, notes = read(rows(head="x y z nx ny nz\n", words=[[*point, "0", "0", "1"] for point in WORDS]))
    np.testing.assert_array_equal(part.vertices, CLOUD)
    assert notes == []


def test_an_unnamed_column_that_counts_the_points_is_skipped():
    points = np.random.default_rng(0).normal(size=(20, 3))
    for start in (0, 1):
        text = "".join(f"{i},{x!r},{y!r},{z!r}\n" for i, (x, y, z) in enumerate(points.tolist(), start))
        part, notes = read(text)
        np.testing.assert_array_equal(part.vertices, points)
        assert notes == ["Column 1 was skipped: it numbers the points."]
    text = "".join(f"{i} {x!r} {y!r} {z!r} 200 100 {i}\n" for i, (x, y, z) in enumerate(points.tolist()))
    part, notes = read(text)
    np.testing.assert_array_equal(part.vertices, points)
    np.testing.assert_array_equal(part.point_colors[:, 2], np.arange(20))
    # Not consecutive, or without a column to spare: coordinates.
    assert read("".join(f"{2 * i} {x} {y} 1\n" for i, (x, y, _) in enumerate(points)))[0].vertices[3, 0] == 6
    assert read("".join(f"{i} {x} {y}\n" for i, (x, y, _) in enumerate(points)))[0].vertices[3, 0] == 3


# ------------------------------------------------------------------------------------------------- colors


@pytest.mark.parametrize(
    ("head", "scale", "says"),
    [
        ("x y z r g b\n", 1, None),
        ("//X Y Z R G B\n", 1, None),
        ("x,y,z,red,green,blue\n", 1, None),
        ("x y z diffuse_red diffuse_green diffuse_blue\n", 1, None),
        ("X Y Z Rf Gf Bf\n", 1 / 255, "from 0 to 1."),
        ("x y z r g b\n", 257, "from 0 to 65,535."),
        ("", 1, "Columns 4 to 6 were taken for colors"),
    ],
)
def test_colors(head, scale, says):
    words = [[*p, *(str(v * scale) for v in c)] for p, c in zip(WORDS, COLORS.tolist(), strict=True)]
    part, notes = read(rows("," if "," in head else " ", head, words=words))
    np.testing.assert_array_equal(part.vertices, CLOUD)
    np.testing.assert_array_equal(part.point_colors, COLORS)
    assert part.point_colors.dtype == np.uint8
    assert notes == [] if says is None else len(notes) == 1 and says in notes[0]


def test_colors_behind_an_intensity_as_in_pts():
    part, notes = read(rows(head="4\n", words=[[*row[:3], "-1500", *row[3:]] for row in WITH_COLORS]))
    np.testing.assert_array_equal(part.point_colors, COLORS)
    assert notes == [
        "Columns 5 to 7 were taken for colors: red, green, blue.",
        "Column 4 was ignored: it is not named.",
    ]


def test_colors_out_of_range_are_ignored():
    part, notes = read(rows(head="x y z r g b\n", words=[[*point, "-1", "2", "3"] for point in WORDS]))
    assert part.point_colors is None and notes == ["The colors were ignored: some are below 0 or above 65,535."]


# -------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("word", ["nan", "NaN", "-nan", "NULL", "", "1.#QNAN", "-1.#IND", "NA"])
def test_missing_numbers_are_nan(word):
    part, notes = read(f"1.5,2.5,3.5\n4.5,{word},6.5\n7.5,8.5,{word}\n0.5,1.5,2.5\n")
    expected = [[1.5, 2.5, 3.5], [4.5, np.nan, 6.5], [7.5, 8.5, np.nan], [0.5, 1.5, 2.5]]
    np.testing.assert_array_equal(part.vertices, expected)
    assert notes == []


def test_empty_fields_between_tabs_and_infinity():
    np.testing.assert_array_equal(read("1\t2\t3\n1\t\t3\n")[0].vertices, [[1, 2, 3], [1, np.nan, 3]])
    np.testing.assert_array_equal(read("1 2 inf\n1 -1.#INF 3\n")[0].vertices, [[1, 2, np.inf], [1, -np.inf, 3]])


def test_offsets_of_surveys_keep_their_precision():
    steps = np.arange(1000)
    text = "".join(f"{4_500_000 + step // 1000}.{step % 1000:03d} 512.25 -0.5\n" for step in steps)
    for written in (text, decimal_commas(text), text.replace(" ", ","), text.replace("\n", " # here\n")):
        vertices = read(written)[0].vertices
        np.testing.assert_allclose(vertices[:, 0] - 4.5e6, steps * 1e-3, rtol=0, atol=1e-9)
        assert (vertices[:, 1:] == [512.25, -0.5]).all()


def test_integers_with_commas_are_columns_where_nothing_else_fits():
    np.testing.assert_array_equal(read("1,2,3\n4,5,6\n")[0].vertices, [[1, 2, 3], [4, 5, 6]])
    # A fraction has no sign; points further down decide as well, and so does a header.
    np.testing.assert_array_equal(read("1,-5,2,0,3,25\n" * 2)[0].vertices, [[1, -5, 2]] * 2)
    assert read("1,5,2,0,3,25\n" * 500 + "1.5,2,3,4,5,6\n")[0].vertices.shape == (501, 3)
    np.testing.assert_array_equal(read("x,y,z,r,g,b\n1,5,2,0,3,25\n")[0].point_colors, [[0, 3, 25]])


# ----------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 2 3\n4 5 6 7\n", "its line 2 has 4 columns, but line 1 has 3"),
        ("0 0 0\n" + "1 2 3 10 20 30\n" * 5, "its line 2 has 6 columns, but line 1 has 3"),
        ("# x\n\n1,2,3\n1,2,3\n\n4,5\n", "its line 6 has 2 columns, but line 3 has 3"),
        ("1 2 3\n" * 5000 + "1\n", "its line 5,001 has 1 column, but line 1 has 3"),
        ("1 2 3\r\r4 5\r", "its line 3 has 2 columns, but line 1 has 3"),
        ("1 2\n3 4\n", "its line 1 has 2 columns: write x, y and z"),
        ("7\n8\n9\n", "its line 2 has 1 column"),
        ("x y z\n1 2 3\n1 2 three\n", "its line 3 has 'three' instead of a number"),
        ("C 0.5 0.5 0.5\n", "its line 1 has 'C' instead of a number"),
        ("1 2 3\n1 2 3" + "\x01\x9b" * 40 + "\n" + "1 2 3\n" * 5000, "its line 2 has '3????"),
        ("1 2 3\n1 2 " + "9" * 500_000 + "x\n", "its line 2 has '" + "9" * 40 + "'"),
        ("1 2 3\n1 2 1_000\n", "its line 2 has '1_000'"),
        ("1 2 3\n1 2 0x10\n", "its line 2 has '0x10'"),
        ("1.5 2 3\n1,5 2 3\n", "its line 2 has '1,5'"),
        ("1,5,2,0,3,25\n" * 3, "its commas may separate columns or decimals"),
        ('"1,5","2,0","3,25"\n', "its line 1 has '\"1' instead of a number"),
        ("x,y,intensity\n1,2,3\n", "its columns are named x, y, intensity, but none of them z"),
        ("# x y i\n1 2 3\n", "its columns are named x, y, i, but none of them z"),
        ("x,y,z,i\n1,2,3\n", "its line 2 has 3 columns, but the line of names has 4"),
        ("5\n1 2 3\n4 5 6\n", "it announces 5 points, but holds 2: it may be cut off"),
        ("2\n1 2 3\n4 5 6\n2\n7 8 9\n", "it announces 4 points, but holds 3: it may be cut off"),
        ("3\n1 2 3\n4 5 6\n2\n7 8 9\n", "its line 4 has 1 column, but line 2 has 3"),
        ("2\n1\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n1 2 3 0\n1 2 4 0\n", "PTX"),
        (" \n\n", "it has no line of numbers"),
        ("# only a comment\n", "it has no line of numbers"),
        ("Dear all,\nno points here.\n", "it has no line of numbers"),
        ("\n <!DOCTYPE html>\n<p>404</p>", "it is a web page or XML"),
        (b"1 2 3\n\x00\x01\x02\n4", "it is not text"),
        (bytes(range(1, 32)) * 9, "it is not text"),
        (b"\xff\xfe1 2 3", "it is not text"),
        ("1 2 3\n" + "1" * (1 << 20) + " 2 3\n", "its line 2 has more than 1,048,576 characters"),
        (" ".join(["0.5"] * 100) + "\n" + " ".join(["1.5"] * 100) + "\n", "transpose it"),
    ],
)
def test_refusals(text, says):
    assert says in refused(text)


def test_limit_of_points():
    text = "1 2 3\n" * 100
    assert len(read(text, max_points=100)[0].vertices) == 100
    for written in (text + "4 5 6\n", text * 20):
        assert "in all its parts" in refused(written, max_points=100)
    assert len(read("# note\n" * 500 + text, max_points=100)[0].vertices) == 100


@pytest.mark.parametrize(
    "text",
    [
        "[" * (1 << 20) + "\n1 2 3\n",
        '"' * (1 << 20) + "\n1 2 3\n",
        "x," * (1 << 19) + "\n1 2 3\n",
        " " * (1 << 20 - 1) + ";\n1 2 3\n",
        "1 2 3\n" + "9" * 1_000_000 + "x 2 3\n",
        "1 2 3\n" + "," * 1_000_000 + "\n",
        "# \n" * 100_000 + "1 2 3\n",
    ],
)
def test_hostile_text_takes_no_time(text):
    start = time.process_time()
    assert len(sentence(read_text_cloud, text.encode())) < 600
    assert time.process_time() - start < 10


@pytest.mark.parametrize("seed", range(10))
def test_damaged_text_is_read_or_refused(seed):
    rng = np.random.default_rng(seed)
    original = rows(";", "x;y;z;r;g;b\n", words=WITH_COLORS * 5).encode()
    for _ in range(20):
        data = bytearray(original)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.choice(list(b"0123456789.,;|\t #/%!-+eDxn\r\n\"'\xff\x00"))
        says = sentence(read_text_cloud, bytes(data[: rng.integers(1, len(data))]))
        assert says == "read" or says.startswith(("it ", "its ", "any "))


# -------------------------------------------------------------------------------------------------- names


def test_column_names_and_roles():
    assert column_names('"X", "Y" ,"Z",\n', ",") == ["X", "Y", "Z"]
    assert column_names("//X Y Z R G B", None) == ["X", "Y", "Z", "R", "G", "B"]
    assert column_names(",x,y", ",") == ["", "x", "y"]
    roles = {"X": "x", "pos_y": "y", "Points:2": "z", "cartesianZ": "z", "Northing": "y", "Red": "r", "Bf": "b"}
    roles |= {"RGB:1": "g", "nx": "silent", "Normals:2": "silent", "point_id": "silent", "label": "", "vx": ""}
    assert {name: column_role(name) for name in roles} == roles


# ---------------------------------------------------------------------------------------------------- npz


def npz(compressed=True, **arrays):
    handle = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(handle, **arrays)
    return handle.getvalue()


def read_arrays(data, **limits):
    reading = read_npz(Source(data, **limits))
    assert reading.parts[0].vertices.dtype == np.float64
    return reading.parts[0], reading.notes


@pytest.mark.parametrize(
    ("arrays", "note"),
    [
        ({"points": CLOUD}, None),
        ({"XYZ": CLOUD, "label": np.array(3)}, None),
        ({"arr_0": CLOUD}, None),
        ({"anything": CLOUD, "label": np.arange(4)}, None),
        ({"pc": np.hstack([CLOUD, CLOUD])}, "Columns 4 to 6 of the array pc ignored."),
        ({"pos": CLOUD, "other": CLOUD + 1}, "Read the array pos, not other."),
        ({"points": CLOUD, "normals": CLOUD + 1}, None),
        ({"points": np.asfortranarray(CLOUD).astype(">f8")}, None),
    ],
)
def test_npz(arrays, note):
    for compressed in (True, False):
        part, notes = read_arrays(npz(compressed, **arrays))
        np.testing.assert_array_equal(part.vertices, CLOUD)
        assert notes == ([] if note is None else [note]) and part.point_colors is None


@pytest.mark.parametrize("colors", [COLORS.astype(np.uint8), COLORS, COLORS / 255, COLORS.astype(np.uint16) * 257])
def test_npz_colors(colors):
    part, _ = read_arrays(npz(points=CLOUD, colors=colors))
    np.testing.assert_array_equal(part.point_colors, COLORS)
    assert part.point_colors.dtype == np.uint8
    assert read_arrays(npz(points=CLOUD, colors=colors[:2]))[0].point_colors is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (npz(a=CLOUD, b=CLOUD), "any of its arrays a, b may be the cloud: name that one points"),
        (npz(points=CLOUD.T), "it needs an array of shape (N, 3), but its arrays are: points (3, 4)"),
        (npz(), "its arrays are: none"),
        (npz(points=np.array(["a", "b", "c"])), "it needs an array of shape (N, 3)"),
        (npz(points=np.array([[None] * 3] * 4)), "it holds Python objects instead of numbers"),
    ],
)
def test_npz_refusals(data, says):
    with pytest.raises(Refusal, match=re.escape(says)):
        read_npz(Source(data))


def test_npz_limits():
    with pytest.raises(Refusal, match="in all its parts"):
        read_arrays(npz(points=CLOUD), max_points=3)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("points.npy", b"")
        archive.infolist()[0].file_size = 1 << 31
    with pytest.raises(Refusal, match="unpacks to more than 1 GiB"):
        read_npz(Source(bomb.getvalue()))


def test_damaged_npz():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (10000000, 3), }\n"
    contents = [b"", b"junk", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(24)]
    for content in contents:
        handle = io.BytesIO()
        with zipfile.ZipFile(handle, "w") as archive:
            archive.writestr("points.npy", content)
        with pytest.raises(ValueError, match=r"^its array points is damaged$"):
            read_npz(Source(handle.getvalue()))
    for data in (b"1 2 3\n", npz(points=CLOUD)[:-30]):
        with pytest.raises(ValueError, match=r"^it is not a whole zip archive$"):
            read_npz(Source(data))
    whole = npz(points=np.random.default_rng(0).normal(size=(50, 3)))
    for place in range(0, len(whole), 7):
        data = bytearray(whole)
        data[place] ^= 0x55
        says = sentence(read_npz, bytes(data))
        assert says == "read" or says.startswith(("it ", "its "))


# --------------------------------------------------------------------------------------------- case files


@pytest.mark.skipif(not CASES.is_dir(), reason="the case files are absent: set CROSSMOST_SHARED")
def test_case_files():
    plain = read((CASES / "xyz_comma.xyz").read_bytes())[0].vertices
    assert plain.shape == (1500, 3)
    for name in ("xyz_bom", "xyz_count_header", "xyz_hash_header"):
        part, notes = read((CASES / f"{name}.xyz").read_bytes())
        np.testing.assert_array_equal(part.vertices, plain)
        assert notes == []
    measured = ~np.isnan(read((CASES / "xyz_nan.xyz").read_bytes())[0].vertices).any(axis=1)
    assert 0 < measured.sum() < 1500
    utm = read((CASES / "utm.xyz").read_bytes())[0].vertices
    offset = np.array([utm[0, 0] - plain[0, 0], utm[0, 1] - plain[0, 1]])
    np.testing.assert_allclose(utm[:, :1] - offset[0], plain[:, :1], rtol=0, atol=1e-9)
    for name, says in {
        "xyz_first_short": "its line 2 has 6 columns, but line 1 has 3",
        "xyz_ragged": "its line 2 has 3 columns, but line 1 has 4",
    }.items():
        assert says in refused((CASES / f"{name}.xyz").read_bytes())
    for name in ("asc", "csv", "pts", "txt"):
        file = CASES / "folder_ignored" / "chair" / f"scan.{name}"
        np.testing.assert_array_equal(read(file.read_bytes())[0].vertices, [[1, 2, 3]])
