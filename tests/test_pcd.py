"""PCD files: every encoding by a writer of their own, damaged and hostile files, a real one."""

import re
import struct
import tracemalloc

import numpy as np
import pytest

from modeling_crossmost.files_crossmost import load_file
from modeling_crossmost.pcd_crossmost import decompress_lzf, read_pcd


ENCODINGS = ("ascii", "binary", "binary_compressed")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ------------------------------------------------------------------------------------------------------ a writer


def compress_lzf(data: bytes) -> bytes:
    """A greedy LZF compressor: the last place where the next three bytes stood, within reach."""
    packed, literals, places = bytearray(), bytearray(), {}

    def flush():
        for start in range(0, len(literals), 32):
            packed.append(len(literals[start : start + 32]) - 1)
            packed.extend(literals[start : start + 32])
        literals.clear()

    position = 0
    while position < len(data):
        key = data[position : position + 3]
        place = places.get(key, -1)
        places[key] = position
        if len(key) < 3 or place < 0 or position - place > 8192:
            literals.append(data[position])
            position += 1
            continue
        length = 3
        while length < 264 and position + length < len(data) and data[place + length] == data[position + length]:
            length += 1
        flush()
        back = position - place - 1
        packed.append(min(length - 2, 7) << 5 | back >> 8)
        if length >= 9:
            packed.append(length - 9)
        packed.append(back & 255)
        position += length
    flush()
    return bytes(packed)


def make_pcd(columns: dict[str, np.ndarray], encoding: str, newline: str = "\n", **entries: object) -> bytes:
    """A PCD file of columns (N,) or (N, COUNT); names ending in digits after `_` are padding. `entries` override."""
    names = [name if name.rstrip("0123456789") != "_" else "_" for name in columns]
    tables = [np.asarray(column).reshape(len(column), -1) for column in columns.values()]
    kinds = {"f": "F", "i": "I", "u": "U"}
    count = len(tables[0])
    header = {
        "VERSION": "0.7",
        "FIELDS": " ".join(names),
        "SIZE": " ".join(str(table.itemsize) for table in tables),
        "TYPE": " ".join(kinds[table.dtype.kind] for table in tables),
        "COUNT": " ".join(str(table.shape[1]) for table in tables),
        "WIDTH": count,
        "HEIGHT": 1,
        "VIEWPOINT": "1 2 3 0.5 0.5 0.5 0.5",
        "POINTS": count,
        "DATA": encoding,
    }
    header |= entries
    header["DATA"] = header.pop("DATA")  # the last one, whatever was added
    header = {key: value for key, value in header.items() if value is not None}
    text = newline.join(["# .PCD v0.7 - Point Cloud Data file format", *(f"{k} {v}" for k, v in header.items()), ""])
    if encoding == "ascii":
        rows = zip(*(table.tolist() for table in tables), strict=True)
        lines = [" ".join(repr(value) for cell in row for value in cell) for row in rows]
        return (text + newline.join(lines) + newline).encode()
    if encoding == "binary":
        rows = zip(*tables, strict=True)
        return text.encode() + b"".join(cell.tobytes() for row in rows for cell in row)
    blocks = b"".join(table.tobytes() for table in tables)
    packed = compress_lzf(blocks)
    return text.encode() + struct.pack("<II", len(packed), len(blocks)) + packed


def xyz(cloud: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip("xyz", cloud.T, strict=True))


@pytest.fixture
def read(tmp_path):
    def read(content: bytes) -> np.ndarray:
        (tmp_path / "a.pcd").write_bytes(content)
        return read_pcd(tmp_path / "a.pcd")

    return read


@pytest.fixture
def refusal(read, tmp_path):
    """The one sentence with which a file is refused."""

    def refusal(content: bytes) -> str:
        with pytest.raises(ValueError, match="cannot be read as pcd") as caught:
            read(content)
        text = str(caught.value)
        assert text.startswith("a.pcd: ") and text.endswith(").") and "\n" not in text and str(tmp_path) not in text
        assert len(text) < 300
        return text

    return refusal


# ---------------------------------------------------------------------------------------------------- well-formed


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_every_number_type_survives_every_encoding(encoding, dtype, read, rng):
    cloud = (rng.uniform(0, 100, (200, 3)) * (1 if dtype[0] == "u" else [1, -1, 1])).astype(dtype)
    points = read(make_pcd(xyz(cloud), encoding))
    assert points.dtype == (np.float64 if dtype in ("f8", "i4", "i8", "u4", "u8") else np.float32)
    assert np.array_equal(points, cloud.astype(np.float64))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_fields_come_in_any_order_among_others(encoding, newline, read, rng):
    cloud = rng.standard_normal((60, 3)).astype("f4")
    columns = {
        "descriptor": rng.standard_normal((60, 33)).astype("f4"),
        "z": cloud[:, 2],
        "_1": np.zeros((60, 7), "u1"),
        "rgb": rng.integers(0, 2**24, 60, dtype="u4"),
        "x": cloud[:, 0].astype("f8"),
        "label": rng.integers(-9, 9, 60, dtype="i2"),
        "y": cloud[:, 1],
        "_2": np.zeros((60, 4), "u1"),
        "curvature": rng.standard_normal(60),
    }
    assert np.array_equal(read(make_pcd(columns, encoding, newline)), cloud.astype("f8"))


def test_compressed_files_may_name_padding_without_storing_it(read, rng):
    cloud = rng.standard_normal((9, 3)).astype("f4")
    entries = {"FIELDS": "x _ y z", "SIZE": "4 1 4 4", "TYPE": "F U F F", "COUNT": "1 5 1 1"}
    assert np.array_equal(read(make_pcd(xyz(cloud), "binary_compressed", **entries)), cloud)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "entries",
    [
        {"WIDTH": 4, "HEIGHT": 3},
        {"POINTS": None},
        {"WIDTH": None, "HEIGHT": None},
        {"HEIGHT": None},
        {"VERSION": None, "VIEWPOINT": None},
        {"VERSION": ".5", "FIELDS": None, "COLUMNS": "x y z", "VIEWPOINT": None},
        {"VERSION": ".6", "COUNT": None},
        {"SIZE": None, "TYPE": None, "COUNT": None},
        {"VERSION": "0.7\n\n# a comment\n  \t# another"},
        {"POINTS": "\t 12 "},
    ],
    ids=str,
)
def test_headers_old_and_new(encoding, entries, read, rng):
    cloud = rng.standard_normal((12, 3)).astype("f4")
    assert np.array_equal(read(make_pcd(xyz(cloud), encoding, **entries)), cloud)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_points_without_measurement_are_kept_here_and_dropped_from_geometry(encoding, read, tmp_path, rng):
    cloud = rng.standard_normal((12, 3)).astype("f4")
    holes = cloud.copy()
    holes[[1, 5]] = np.nan
    holes[7, 2] = np.nan
    kept = np.delete(cloud, [1, 5, 7], axis=0)
    content = make_pcd(xyz(holes), encoding, WIDTH=4, HEIGHT=3)
    assert np.array_equal(read(content), holes, equal_nan=True)
    assert np.array_equal(load_file(tmp_path / "a.pcd").geometry, kept)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_infinite_points_are_kept_here_and_refused_as_geometry(encoding, read, tmp_path):
    cloud = np.array([[0, 1, 2], [3, np.inf, 4], [-np.inf, 5, 6]], "f4")
    assert np.array_equal(read(make_pcd(xyz(cloud), encoding)), cloud)
    with pytest.raises(ValueError, match=r"cloud in a.pcd has NaN or infinite coordinates in 2 of 3"):
        load_file(tmp_path / "a.pcd")


def test_spellings_of_ascii_numbers(read):
    header = "FIELDS x y z\nPOINTS 3\nDATA ascii\n"
    body = "  1\t-2.5 +3e2\n\nNAN -nan nan\r\n125e-3   .5 7."
    assert np.array_equal(
        read((header + body).encode()), [[1, -2.5, 300], [np.nan] * 3, [0.125, 0.5, 7]], equal_nan=True
    )


def test_bytes_behind_binary_data_are_ignored(read, rng):
    cloud = rng.standard_normal((20, 3)).astype("f4")
    for encoding in ENCODINGS[1:]:
        assert np.array_equal(read(make_pcd(xyz(cloud), encoding) + bytes(4096)), cloud)


def test_the_type_can_be_given_apart_from_the_name(tmp_path, rng):
    cloud = rng.standard_normal((5, 3)).astype("f4")
    (tmp_path / "upload").write_bytes(make_pcd(xyz(cloud), "binary"))
    points = load_file(tmp_path / "upload", file_type="PCD").geometry
    assert np.array_equal(points, cloud)


# ------------------------------------------------------------------------------------------------------------ LZF


@pytest.mark.parametrize(
    ("packed", "unpacked"),
    [
        (b"\x00a", b"a"),
        (b"\x02abc", b"abc"),
        (b"\x1f" + bytes(range(32)), bytes(range(32))),
        (b"\x02abc\x20\x02", b"abcabc"),  # 3 bytes, no overlap
        (b"\x03abcd\x40\x01", b"abcd" + b"cdcd"),  # 4 bytes from 2 back
        (b"\x00a\xe0\xff\x00", b"a" * 265),  # the longest run
        (b"\x01ab\xe0\x00\x01", b"ab" + b"ababababa"),  # the shortest long run, with a rest
        (b"\x02abc\xe0\x01\x02\x00d", b"abc" + b"abcabcabca" + b"d"),
        (b"\x00a\xc0\x00\x20\x07", b"a" * 9 + b"aaa"),
    ],
)
def test_hand_made_lzf_streams(packed, unpacked):
    assert decompress_lzf(packed, len(unpacked)) == unpacked
    for size in (len(unpacked) - 1, len(unpacked) + 1):
        with pytest.raises(ValueError, match="do not unpack"):
            decompress_lzf(packed, size)


def test_lzf_reaches_8192_bytes_back(rng):
    far = rng.bytes(8192)
    literals = b"".join(b"\x1f" + far[start : start + 32] for start in range(0, 8192, 32))
    assert decompress_lzf(literals + b"\xff\x05\xff", 8206) == far + far[:14]
    with pytest.raises(ValueError, match="8192 bytes back where there are 8160"):
        decompress_lzf(literals[33:] + b"\xff\x05\xff", 8174)


@pytest.mark.parametrize(
    "packed", [b"", b"\x01a", b"\x00a\x20", b"\x00a\xe0", b"\x00a\xe0\x05", b"\x20\x00", b"\x00a\x20\x01"]
)
def test_broken_lzf_streams_are_refused(packed):
    for size in (1, 2, 4, 15):
        with pytest.raises(ValueError, match="compressed data"):
            decompress_lzf(packed, size)


def test_lzf_undoes_a_compressor_on_data_of_every_kind(rng):
    for data in (
        rng.bytes(5000),
        bytes(20000),
        b"ab" * 9000,
        rng.integers(0, 3, 20000, "u1").tobytes(),
        rng.bytes(99) * 99,
    ):
        assert decompress_lzf(compress_lzf(data), len(data)) == data


# -------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"POINTS": 10**12, "WIDTH": 10**12}, "header announces"),
        ({"POINTS": 10**12, "WIDTH": 10**6, "HEIGHT": 10**6}, "header announces"),
        ({"POINTS": None, "WIDTH": 10**17, "HEIGHT": 10**17}, "header announces"),
        ({"POINTS": "9" * 5000, "WIDTH": None}, "POINTS '999.*whole number"),
        ({"POINTS": 21, "WIDTH": 21}, "header announces"),
        ({"POINTS": 7}, "POINTS 7, but WIDTH x HEIGHT is 20"),
        ({"POINTS": 0, "WIDTH": 0}, "POINTS '0' instead of a whole number"),
        ({"POINTS": -20}, "POINTS '-20'"),
        ({"POINTS": "²"}, "POINTS"),
        ({"POINTS": "2_0"}, "POINTS '2_0'"),
        ({"POINTS": "2 0"}, "POINTS '2 0'"),
        ({"POINTS": ""}, "POINTS ''"),
        ({"POINTS": "1e3"}, "POINTS '1e3'"),
        ({"HEIGHT": 0}, "HEIGHT '0'"),
        ({"WIDTH": None, "POINTS": None}, "neither POINTS nor WIDTH"),
        ({"FIELDS": None}, "the field x 0 times"),
        ({"FIELDS": "x y w"}, "the field z 0 times"),
        ({"FIELDS": "x y z x"}, "the field x 2 times"),
        ({"FIELDS": "x y z w"}, "4 FIELDS, but 3 SIZE, 3 TYPE and 3 COUNT"),
        ({"SIZE": "4 4"}, "3 FIELDS, but 2 SIZE"),
        ({"SIZE": "4 4 3"}, "'z' has the unknown TYPE 'F' with SIZE '3'"),
        ({"SIZE": "4 4 -4"}, "unknown TYPE 'F' with SIZE '-4'"),
        ({"SIZE": "4 4 1"}, "unknown TYPE 'F' with SIZE '1'"),
        ({"TYPE": "F F O"}, "unknown TYPE 'O'"),
        ({"TYPE": "F F f"}, "unknown TYPE 'f'"),
        ({"COUNT": "1 1 0"}, "COUNT '0'"),
        ({"COUNT": "1 1 -1"}, "COUNT '-1'"),
        ({"COUNT": "1 1 2"}, "field z has COUNT 2"),
        ({"FIELDS": "x y z w", "SIZE": "4 4 4 8", "TYPE": "F F F U", "COUNT": f"1 1 1 {10**12}"}, "header announces"),
        ({"DATA": "ascii_compressed"}, "DATA 'ascii_compressed' instead of one of ascii, binary, binary_compressed"),
        ({"DATA": ""}, "DATA ''"),
        ({"VIEWPOINT": "0\nHELLO 1"}, "unknown entry 'HELLO'"),
        ({"VIEWPOINT": "0 " * 200_000}, "a line of more than 262144 bytes"),
    ],
    ids=str,
)
def test_hostile_headers_are_refused_without_memory(encoding, entries, message, refusal, rng):
    content = make_pcd(xyz(rng.standard_normal((20, 3)).astype("f4")), encoding, **entries)
    tracemalloc.start()
    text = refusal(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert re.search(message, text), text
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no entry DATA"),
        (b"# .PCD v0.7", "no entry DATA"),
        (b"FIELDS x y z\nPOINTS 1\n", "no entry DATA"),
        (b"solid cube\nfacet", "unknown entry 'solid'"),
        (bytes(300_000), "a line of more than"),
        (b"\xff\xfe\x00\n", "unknown entry"),
    ],
)
def test_what_is_no_pcd_is_refused(content, message, refusal):
    assert message in refusal(content)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_cut_is_refused(encoding, refusal, rng):
    content = make_pcd(xyz(rng.standard_normal((5, 3)).astype("f4")), encoding)
    begin = content.index(encoding.encode() + b"\n") + len(encoding) + 1
    # The last number of an ascii file may lose digits unnoticed.
    end = content.rindex(b" ") + 1 if encoding == "ascii" else len(content)
    for stop in range(begin, end):
        refusal(content[:stop])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1 2 3\n4 5 x\n", "could not convert string 'x'"),
        ("1 2 3\n4,0 5 6\n", "could not convert string '4,0'"),
        ("1 2 3\n4 5 6 7\n", "the number of columns changed from 3 to 4 at row 2)"),
        ("1 2 3\n4 5000\n", "number of columns"),
        ("1 2 3\n4 5", "announces at least 11 bytes of data, but 9 follow"),
        ("1 2\n3 4\n5 6", "holds 3 lines of 2 numbers, but its header announces 2 of 3"),
        ("1 2 3\n4 5 6\n7 8 9\n", "holds 3 lines of 3 numbers, but its header announces 2 of 3"),
        ("1 2 3 4 5 6\n", "holds 1 lines of 6"),
        (" \n" * 20, "holds 0 lines"),
        ("1 2 3\n4 5 \xb2\n", "could not convert"),
        ("1 2 3\n4 5 6j\n", "could not convert"),
        ("1 2 3\n4 5 0x6\n", "could not convert"),
        ("1 2 3\n4 5 1_0\n", "could not convert"),
        ("1 2 3\n4 5 \x00\n", "could not convert"),
        ("1 2 3\r4 5 6\n", "newline"),
        ("1 2 3\n4 5 " + "6" * 300_000 + "\n", "a line of more than"),
        ("1 2 3\n4 5 " + "x" * 200_000 + "\n", "could not convert"),
    ],
)
def test_ascii_data_that_are_no_table_of_numbers(body, message, refusal):
    assert message in refusal(b"FIELDS x y z\nPOINTS 2\nDATA ascii\n" + body.encode("latin-1"))


@pytest.mark.parametrize(
    ("packed", "size", "data", "message"),
    [
        (2**32 - 1, 24, b"\x00a", "announces at least 4294967303 bytes of data, but 10 follow"),
        (2, 2**32 - 1, b"\x00a", "unpack to 4294967295 bytes, but its header announces 24"),
        (2, 0, b"\x00a", "unpack to 0 bytes"),
        (0, 24, b"", "its 0 bytes of data cannot unpack to 24"),
        (2, 24, b"\x00a", "damaged"),
        (5, 24, b"\x00a\xe0\xff\x00", "damaged"),  # a bomb in small: 265 bytes
        (5, 24, b"\x00a\xe0\x0e\x00", None),
        (4, 24, b"\x00a\xe0\x0e\x00", "damaged"),  # cut within the token
    ],
)
def test_compressed_sizes_are_checked(packed, size, data, message, read, refusal):
    content = b"FIELDS x y z\nPOINTS 2\nDATA binary_compressed\n" + struct.pack("<II", packed, size) + data
    if message is None:
        assert read(content).shape == (2, 3)
    else:
        assert message in refusal(content)


def test_a_bomb_is_refused_before_and_while_it_unpacks(refusal):
    bomb = b"\x00a" + b"\xe0\xff\x00" * 10_000
    header = b"FIELDS x y z\nPOINTS %d\nDATA binary_compressed\n"
    for count, message in ((10**7, "cannot unpack to 120000000"), (100, "damaged")):
        tracemalloc.start()
        assert message in refusal(header % count + struct.pack("<II", len(bomb), 12 * count) + bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


def test_memory_stays_near_the_size_of_the_file(tmp_path, rng):
    cloud = rng.standard_normal((20_000, 3)).astype("f4")
    digits = rng.integers(0, 10, (20_000, 3), dtype="u1")
    for name, content in {
        "binary": make_pcd(xyz(cloud), "binary"),
        "compressed": make_pcd(xyz(cloud), "binary_compressed"),
        "ascii": make_pcd(xyz(cloud), "ascii"),
        "digits": make_pcd(xyz(digits), "ascii"),
        "wide digits": make_pcd(xyz(digits.astype("u8")), "ascii"),
        "bytes": make_pcd(xyz(digits), "binary"),
    }.items():
        (tmp_path / "a.pcd").write_bytes(content)
        tracemalloc.start()
        read_pcd(tmp_path / "a.pcd")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 9 * len(content) + 1_000_000, name


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_random_damage_gives_points_or_one_sentence(encoding, read, rng):
    content = bytearray(make_pcd(xyz(rng.standard_normal((30, 3)).round(1).astype("f4")), encoding))
    refused = 0
    for _ in range(300):
        damaged = content.copy()
        for place in rng.integers(0, len(damaged), rng.integers(1, 6)):
            damaged[place] = rng.choice(np.frombuffer(b"\x00\n 0159-.xyzFIU\xe0\xff", "u1"))
        try:
            points = read(bytes(damaged))
        except ValueError:
            refused += 1
            continue
        assert points.ndim == 2 and points.shape[1] == 3 and len(points) > 0
    assert 50 < refused < 300


def test_a_missing_file_and_a_folder_are_refused_without_their_place(tmp_path):
    (tmp_path / "b.pcd").mkdir()
    for name in ("a.pcd", "b.pcd"):
        with pytest.raises(ValueError, match=rf"^{name}: the file cannot be read as pcd \([\w ]+\)\.$"):
            read_pcd(tmp_path / name)


# ------------------------------------------------------------------------------------------------------ a real file


def test_a_real_file_equals_the_same_cloud_as_ply(shared_data):
    cloud = load_file(shared_data / "meshes" / "clients" / "modelnet10_chair_0001.pcd").geometry
    assert cloud.shape == (1024, 3)
    assert np.array_equal(cloud, load_file(shared_data / "modelnet10" / "chair" / "train" / "chair_0001.ply").geometry)
