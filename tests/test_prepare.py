"""`dataset_scripts.prepare`: layouts, splits, columns, axes, bad input, resuming and loading of prepared data sets."""

import contextlib
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import trimesh
from datasets import load_dataset
from PIL import Image

from dataset_scripts import pool, prepare
from dataset_scripts.builder import PairObject, PointViewBuilder, Selection, arrange_splits, hold_out
from dataset_scripts.furniture.pairs import FurniturePairs, cached_furniture, scan_cameras
from dataset_scripts.prepare import main
from dataset_scripts.readers import encode_view
from dataset_scripts.sources.folder import FolderPairs
from modeling_crossmost.utils.limits import object_limits


ROOT = Path(__file__).resolve().parent.parent
MODELNET10 = Path(os.environ.get("CROSSMOST_SHARED", Path(__file__).parents[2] / "shared")) / "data" / "modelnet10"
SMALL = ["--image-size", "32", "--num-points", "64", "--num-views", "2", "--num-proc", "1"]

pytestmark = pytest.mark.usefixtures("own_cache")


def write_object(path: Path, seed: int = 0) -> None:
    """A random box: as mesh for mesh endings, as surface points for cloud endings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    box = trimesh.creation.box(rng.uniform(0.5, 2.0, 3))
    points = trimesh.sample.sample_surface(box, 200, seed=seed)[0]
    if path.suffix == ".npy":
        np.save(path, points)
    elif path.suffix == ".xyz":
        np.savetxt(path, points)
    elif path.suffix == ".ply":
        trimesh.PointCloud(points).export(path)
    else:
        box.export(path)


def make_tree(root: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        write_object(root / name, seed)
    return root


def run(source: Path, output: Path, *options: str) -> int:
    return main(["folder", "--source", str(source), "--output", str(output), *SMALL, *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("names", "splits", "classes"),
    [
        (["a_b/train/a.off", "a_b/test/b.off", "a/train/c.npy"], {"train": 2, "test": 1}, ["a", "a b"]),
        (
            ["train/bed/a.obj", "val/sofa/b.stl", "test/bed/c.glb"],
            {"train": 1, "validation": 1, "test": 1},
            ["bed", "sofa"],
        ),
        (["bed/a.obj", "sofa/deeper/b.xyz"], {"train": 2}, ["bed", "sofa"]),
        (["a.obj", "b.ply"], {"train": 2}, None),
        (["train/a.obj", "ship/b.ply", "ship/test/c.off"], {"train": 2, "test": 1}, ["ship", "train"]),
        (["train/train/a.obj", "ship/train/b.ply"], {"train": 2}, ["ship", "train"]),
        (["train/a.obj", "test/b.ply"], {"train": 1, "test": 1}, None),
    ],
)
def test_layouts(tmp_path, names, splits, classes):
    source = FolderPairs(source=str(make_tree(tmp_path / "raw", names)))
    assert {split: len(items) for split, items in source.objects().items()} == splits
    assert source.class_names() == classes
    assert ("label" in source.features()) == (classes is not None)
    ids = {item.object_id for items in source.objects().values() for item in items}
    assert ids == {name.rsplit(".", 1)[0] for name in names}


def test_prepared_folder_loads_in_every_way(tmp_path):
    names = [f"{name}/{split}/{i}.{kind}" for name in ("night_stand", "bed") for split in ("train", "test")
             for i, kind in enumerate(("off", "ply", "npy"))]  # fmt: skip
    output = tmp_path / "pairs"
    assert run(make_tree(tmp_path / "raw", names), output, "--preview") == 0
    data = load_dataset(str(output))
    assert {split: len(rows) for split, rows in data.items()} == {"train": 6, "test": 6}
    assert data["train"].features["label"].names == ["bed", "night stand"]
    for row in data["train"]:
        points = np.asarray(row["points"], dtype=np.float32)
        assert points.shape == (64, 3)
        assert np.abs(points.mean(axis=0)).max() < 1e-6
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.0, abs=1e-6)
        assert [view.size for view in row["views"]] == [(32, 32)] * 2
        assert row["object_id"].startswith(["bed", "night_stand"][row["label"]])
    streamed = list(load_dataset(str(output), split="train", streaming=True))
    assert [row["object_id"] for row in streamed] == data["train"]["object_id"][:]
    assert len(load_dataset(str(output), split="train[:4]")) == 4
    assert len(load_dataset(str(output), "default", split="test")) == 6
    assert (output / "preview.png").stat().st_size > 1000
    assert (output / "skipped.jsonl").read_text() == ""
    assert not list(tmp_path.glob("pairs.*"))


def test_views_are_lossless():
    import io

    view = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(encode_view(view))) as decoded:
        assert decoded.format == "WEBP"
        assert np.array_equal(np.asarray(decoded.convert("RGB")), view)


def test_an_axis_may_point_down():
    options = ["folder", "--source", "a", "--output", "b", "--up-axis=-y"]
    assert prepare.make_parser().parse_args(options).up_axis == "-y"


@pytest.mark.parametrize(("up_axis", "column"), [("x", 0), ("y", 1), ("z", 2), ("-y", 1)])
def test_up_axis_becomes_y(tmp_path, up_axis, column):
    """A cone of points stands on its base whichever axis was up: its wide end has the smaller y."""
    height = np.linspace(0, 2, 200)
    angle = np.arange(200) * 2.4
    cone = np.stack([(2 - height) * np.cos(angle), (2 - height) * np.sin(angle)], axis=1)
    points = np.insert(cone, column, -height if up_axis.startswith("-") else height, axis=1)
    (tmp_path / "raw").mkdir()
    np.save(tmp_path / "raw" / "cone.npy", points)
    source = FolderPairs(source=str(tmp_path / "raw"), up_axis=up_axis, num_points=200, image_size=32)
    pair = source.make_pair(source.objects()["train"][0])
    y, width = pair["points"][:, 1], np.hypot(pair["points"][:, 0], pair["points"][:, 2])
    assert np.corrcoef(y, width)[0, 1] < -0.9
    assert pair["views"].shape == (10, 32, 32, 3)


def test_bad_files_are_listed_and_strict_refuses_them(tmp_path, capsys):
    root = make_tree(tmp_path / "raw", ["bed/a.off", "bed/b.ply", "stray.obj"])
    (root / "bed" / "broken.ply").write_bytes(b"ply\nnothing more")
    (root / "bed" / "scan.fbx").write_text("; FBX")
    (root / "bed" / "readme.txt").write_text("passed over")
    (root / "bed" / ".hidden.off").write_text("passed over")
    assert run(root, tmp_path / "pairs") == 0
    lines = [json.loads(line) for line in (tmp_path / "pairs" / "skipped.jsonl").read_text().splitlines()]
    assert {line["object"] for line in lines} == {"bed/broken", "bed/scan.fbx", "stray.obj"}
    assert all(line["reason"] for line in lines)
    assert len(load_dataset(str(tmp_path / "pairs"), split="train")) == 2
    assert "3 objects skipped" in capsys.readouterr().out
    assert run(root, tmp_path / "strict", "--strict") == 2
    assert not list(tmp_path.glob("strict*"))


def test_symbolic_links_are_followed_and_loops_end(tmp_path):
    store = make_tree(tmp_path / "store", ["one.off", "more/two.off"])
    root = tmp_path / "raw"
    (root / "bed").mkdir(parents=True)
    (root / "bed" / "linked.off").symlink_to(store / "one.off")
    (root / "sofa").symlink_to(store / "more")
    (root / "sofa2").symlink_to(store / "more")
    (store / "more" / "again").symlink_to(root)
    ids = [item.object_id for item in FolderPairs(source=str(root)).objects()["train"]]
    assert {"bed/linked", "sofa/two", "sofa2/two"} <= set(ids)
    assert len(ids) < 20


def test_files_with_equal_stems_keep_distinct_ids(tmp_path):
    root = make_tree(tmp_path / "raw", ["bed/a.off", "bed/a.ply", "bed/b.off"])
    ids = [item.object_id for item in FolderPairs(source=str(root)).objects()["train"]]
    assert sorted(ids) == ["bed/a.off", "bed/a.ply", "bed/b"]


def write_pictures(folder: Path, count: int = 3, ending: str = "jpg") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", (64, 48), (60 + 40 * number, 0, 0)).save(folder / f"{number}.{ending}", quality=95)


def test_pictures_of_an_object_are_its_views(tmp_path):
    """Beside the file in a folder of its name, or with the only cloud of a folder; that folder is then no class."""
    root = make_tree(tmp_path / "raw", ["bed/a.npy", "bed/b.npy", "sofa/scan_1/cloud.ply", "sofa/scan_2/cloud.ply"])
    write_pictures(root / "bed" / "a", 30)
    write_pictures(root / "sofa" / "scan_1")
    write_pictures(root / "sofa" / "scan_2" / "images", ending="png")
    assert run(root, tmp_path / "pairs", "--num-views", "20") == 0
    rows = {row["object_id"]: row for row in load_dataset(str(tmp_path / "pairs"), split="train")}
    assert {name: len(row["views"]) for name, row in rows.items()} == {
        "bed/a": 20, "bed/b": 20, "sofa/scan_1/cloud": 3, "sofa/scan_2/cloud": 3,
    }  # fmt: skip
    assert [rows[name]["label"] for name in sorted(rows)] == [0, 0, 1, 1]
    for name in ("sofa/scan_1/cloud", "sofa/scan_2/cloud"):
        reds = [int(np.asarray(view)[16, 16, 0]) for view in rows[name]["views"]]
        assert np.abs(np.subtract(reds, [60, 100, 140])).max() < 4
        assert {view.size for view in rows[name]["views"]} == {(32, 32)}


def test_an_objects_own_folder_is_no_class(tmp_path):
    root = make_tree(tmp_path / "raw", ["scan_1/cloud.ply", "scan_2/cloud.ply"])
    assert FolderPairs(source=str(root)).class_names() == ["scan 1", "scan 2"]
    write_pictures(root / "scan_1")
    write_pictures(root / "scan_2" / "rgb")
    assert FolderPairs(source=str(root)).class_names() is None


def test_pictures_beside_a_material_are_textures(tmp_path):
    root = make_tree(tmp_path / "raw", ["bed/one/a.obj"])
    write_pictures(root / "bed" / "one")
    (item,) = FolderPairs(source=str(root)).objects()["train"]
    assert (item.frames, item.class_name) == ("", "bed")


def test_a_broken_picture_is_a_reason(tmp_path):
    root = make_tree(tmp_path / "raw", ["bed/a.npy", "bed/b.npy"])
    write_pictures(root / "bed" / "a")
    (root / "bed" / "a" / "9.jpg").write_bytes(b"no picture")
    assert run(root, tmp_path / "pairs", "--num-views", "20") == 0
    (line,) = map(json.loads, (tmp_path / "pairs" / "skipped.jsonl").read_text().splitlines())
    assert line["object"] == "bed/a" and "9.jpg" in line["reason"]


def test_an_object_that_never_ends_or_eats_memory_is_a_reason():
    def endless() -> None:
        while True:
            pass

    def stubborn() -> None:
        with contextlib.suppress(ValueError):
            endless()
        endless()

    for work in (endless, stubborn):
        with pytest.raises(ValueError, match=r"more than 0.2 s"), object_limits(seconds=0.2):
            work()
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(ValueError, match="more than 64 MiB"), object_limits(num_bytes=64 << 20):
        np.ones(512 << 20, dtype=np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with object_limits(seconds=0.05):
        time.sleep(0.1)  # waiting is no computing
    began = time.process_time()
    while time.process_time() < began + 0.1:
        pass  # the alarm is off


def test_holdout_takes_the_lowest_digests_of_every_class():
    objects = [PairObject(f"{name}/{i}", name) for name, count in (("bed", 10), ("sofa", 25)) for i in range(count)]
    kept, held = hold_out(objects, 0.2)
    assert {item.object_id for item in kept + held} == {item.object_id for item in objects}
    for name, count in (("bed", 2), ("sofa", 5)):
        ids = [item.object_id for item in objects if item.class_name == name]
        expected = sorted(ids, key=lambda text: hashlib.sha256(text.encode()).hexdigest())[:count]
        assert {item.object_id for item in held if item.class_name == name} == set(expected)


def test_selection_of_splits_holdout_and_limit():
    objects = {split: [PairObject(f"{split}/{i}") for i in range(20)] for split in ("train", "test")}
    arranged = arrange_splits(objects, Selection(splits=("train",), holdout=0.25, limit=4))
    assert {split: len(items) for split, items in arranged.items()} == {"train": 4, "holdout": 4}
    whole = arrange_splits(objects, Selection(holdout=0.25))
    assert {split: len(items) for split, items in whole.items()} == {"train": 15, "test": 20, "holdout": 5}
    assert arranged["train"] == whole["train"][:4]
    with pytest.raises(ValueError, match="no split 'dev'"):
        arrange_splits(objects, Selection(splits=("dev",)))


def test_rows_do_not_depend_on_the_other_objects(tmp_path):
    """The pair of an object is the same alone and among others: seeds come from its id."""
    root = make_tree(tmp_path / "raw", [f"bed/{i}.off" for i in range(4)])
    source = FolderPairs(source=str(root), num_points=32, image_size=32, num_views=1)
    items = source.objects()["train"]
    assert np.array_equal(source.make_pair(items[2])["points"], source.make_pair(items[2])["points"])
    other_seed = FolderPairs(source=str(root), num_points=32, image_size=32, num_views=1, seed=1)
    assert not np.array_equal(source.make_pair(items[2])["points"], other_seed.make_pair(items[2])["points"])


def test_number_of_processes_does_not_change_a_byte(tmp_path, small_shards):
    root = make_tree(tmp_path / "raw", [f"bed/{i}.off" for i in range(7)])
    assert run(root, tmp_path / "one") == 0
    assert run(root, tmp_path / "two", "--num-proc", "2") == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path, small_shards, monkeypatch):
    root = make_tree(tmp_path / "raw", [f"bed/{i}.off" for i in range(8)])
    assert run(root, tmp_path / "whole") == 0
    write, written = pool.write_shard, []

    def dying(shard, *rest):
        if written:
            raise KeyboardInterrupt
        written.append(shard)
        return write(shard, *rest)

    monkeypatch.setattr(pool, "write_shard", dying)
    assert run(root, tmp_path / "pairs") == 130
    assert not (tmp_path / "pairs").exists()
    monkeypatch.setattr(pool, "write_shard", lambda shard, *rest: (written.append(shard), write(shard, *rest))[1])
    assert run(root, tmp_path / "pairs") == 0
    assert [shard.index for shard in written] == [0, 1, 2]
    assert contents(tmp_path / "pairs") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_a_run_that_is_killed_ten_times_gives_the_same_bytes(tmp_path):
    """SIGKILL of the whole process group at random moments, then one run to the end, against an uninterrupted one."""
    rng = np.random.default_rng(0)
    root = tmp_path / "raw"
    for number in range(600):
        write_object(root / ["bed", "sofa"][number % 2] / f"{number:03d}.npy", number)
    (root / "bed" / "broken.ply").write_bytes(b"ply\nnothing more")
    options = ["--image-size", "32", "--num-points", "64", "--num-views", "2", "--num-proc", "2", "--preview"]

    def start(output: Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "dataset_scripts", "folder", "--source", str(root)]
        return subprocess.Popen(
            [*command, "--output", str(output), *options], cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL
        )

    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    seconds = time.monotonic() - began
    stopped = 0
    for moment in rng.uniform(0.3, 0.95, 10) * seconds:
        process = start(tmp_path / "parts")
        time.sleep(moment)
        stopped += process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert stopped > 0
    assert start(tmp_path / "parts").wait() == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "raw", "whole"]


def test_a_complete_data_set_is_kept_until_something_changes(tmp_path, capsys):
    root = make_tree(tmp_path / "raw", ["bed/a.off", "bed/b.off"])
    assert run(root, tmp_path / "pairs") == 0
    before = contents(tmp_path / "pairs")
    assert run(root, tmp_path / "pairs") == 0
    assert "found complete" in capsys.readouterr().out
    assert contents(tmp_path / "pairs") == before
    write_object(root / "bed" / "c.off", 5)
    assert run(root, tmp_path / "pairs") == 0
    assert len(load_dataset(str(tmp_path / "pairs"), split="train")) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense", "--output", "OUT"],
        ["folder", "--source", "RAW", "--output", "OUT", "--frobnicate"],
        ["folder", "--output", "OUT"],
        ["folder", "--source", "RAW"],
        ["folder", "--source", "MISSING", "--output", "OUT"],
        ["folder", "--source", "EMPTY", "--output", "OUT"],
        ["folder", "--source", "RAW", "--output", "OTHER"],
        ["folder", "--source", "RAW", "--output", "RAW/bed/a.off"],
        ["folder", "--source", "RAW", "--output", "OUT", "--up-axis", "w"],
        ["folder", "--source", "RAW", "--output", "OUT", "--num-points", "0"],
        ["folder", "--source", "RAW", "--output", "OUT", "--num-views", "0"],
        ["folder", "--source", "RAW", "--output", "OUT", "--image-size", "many"],
        ["folder", "--source", "RAW", "--output", "OUT", "--holdout", "1.5"],
        ["folder", "--source", "RAW", "--output", "OUT", "--split", "test"],
        ["folder", "--source", "RAW", "--output", "OUT", "--limit", "0"],
        ["folder", "--source", "RAW", "--output", "OUT", "--num-proc", "0"],
        ["folder", "--source", "RAW", "--output", "OUT", "--seed", "-1"],
        ["folder", "--source", "RAW", "--output", "OUT", "--objects-per-class", "3"],
        ["folder", "--source", "BROKEN", "--output", "OUT"],
        ["furniture", "--source", "RAW", "--output", "OUT"],
        ["furniture", "--output", "OUT", "--config", "dirty"],
        ["furniture", "--output", "OUT", "--objects-per-class", "0"],
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, capsys, monkeypatch, arguments):
    make_tree(tmp_path / "RAW", ["bed/a.off"])
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "a.off").write_text("OFF\nnothing")
    make_tree(tmp_path / "OTHER", ["notes.npy"])
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    message = captured.err.strip().splitlines()[-1]
    assert message.startswith("error: ") and message.endswith(".")
    assert "Traceback" not in captured.err
    if "BROKEN" not in arguments:  # only that run gets as far as a progress bar
        assert captured.err.count("\n") == 1
    assert contents(tmp_path) == before
    assert not (tmp_path / "OUT").exists() and not (tmp_path / "OUT.partial").exists()


def test_a_working_folder_that_is_not_ours_is_left_alone(tmp_path):
    root = make_tree(tmp_path / "raw", ["bed/a.off"])
    make_tree(tmp_path / "pairs.partial", ["precious.npy"])
    assert run(root, tmp_path / "pairs") == 2
    assert (tmp_path / "pairs.partial" / "precious.npy").exists()


def test_builder_downloads_and_streams(tmp_path):
    root = make_tree(tmp_path / "raw", ["bed/train/a.off", "bed/train/b.ply", "sofa/train/c.off", "sofa/test/d.off"])
    (root / "sofa" / "train" / "broken.off").write_text("OFF\nnothing")
    pairs = FolderPairs(source=str(root), num_points=32, image_size=32, num_views=2)
    builder = PointViewBuilder(pairs=pairs, cache_dir=str(tmp_path / "builder_cache"))
    streamed = list(builder.as_streaming_dataset(split="train"))
    builder.download_and_prepare(str(tmp_path / "out"), file_format="parquet")
    files = {"train": str(tmp_path / "out" / "*train*.parquet"), "test": str(tmp_path / "out" / "*test*.parquet")}
    stored = load_dataset("parquet", data_files=files)
    assert len(stored["train"]) == 3 and len(stored["test"]) == 1
    assert stored["train"].features == pairs.features()
    assert [row["object_id"] for row in streamed] == stored["train"]["object_id"][:]
    assert np.array_equal(streamed[0]["points"], stored["train"][0]["points"])


FURNITURE = ["furniture", "--objects-per-class", "2", "--test-per-class", "1", "--image-size", "32", "--num-proc", "1"]


def test_furniture_has_two_configurations(tmp_path):
    output = tmp_path / "furniture"
    assert main([*FURNITURE, "--output", str(output), "--num-points", "128"]) == 0
    clean, scan = load_dataset(str(output), "clean"), load_dataset(str(output), "scan")
    assert load_dataset(str(output))["train"]["object_id"][:] == scan["train"]["object_id"][:]
    for data, views in ((clean, 12), (scan, 3)):
        assert {split: len(rows) for split, rows in data.items()} == {"train": 20, "test": 10}
        assert sorted(data["test"]["label"]) == list(range(10))
        row = data["train"][0]
        points = np.asarray(row["points"], dtype=np.float32)
        assert points.shape == (128, 3)
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.0, abs=1e-6)
        assert [view.size for view in row["views"]] == [(32, 32)] * views
        assert row["object_id"].split("/")[2].replace("_", " ") == data["train"].features["label"].names[row["label"]]
    assert all(len(captions) == 5 and all(captions) for captions in clean["train"]["captions"])
    assert "captions" not in scan["train"].features


IMBALANCED = FurniturePairs(config_name="imbalanced", objects_per_class=16, test_per_class=8, num_points=64)


def test_an_imbalanced_target_has_rare_classes_and_objects_of_its_own():
    sizes = {split: Counter(item.class_name for item in items) for split, items in IMBALANCED.objects().items()}
    assert (sizes["train"]["dresser"], sizes["train"]["night stand"], sizes["train"]["sofa"]) == (16, 2, 8)
    assert (sizes["test"]["table"], sizes["test"]["desk"]) == (8, 1) and len(sizes["train"]) == 10
    seeds = [
        {item.seed for items in FurniturePairs(config_name=config, seed=seed).objects().values() for item in items}
        for config in ("clean", "scan", "imbalanced")
        for seed in (0, 1, 2)
    ]
    assert len(set().union(*seeds)) == sum(map(len, seeds))
    pair = IMBALANCED.make_pair(IMBALANCED.objects()["train"][0])
    assert set(pair) == {"points", "views"} and len(pair["views"]) == 3


def test_subsets_have_the_objects_of_the_whole_of_their_classes_alone():
    sizes = {"objects_per_class": 3, "test_per_class": 2, "num_points": 64}
    subsets = {name: FurniturePairs(config_name=name, **sizes) for name in ("seen", "medium", "hard")}
    assert set(subsets["seen"].class_names()).isdisjoint(subsets["medium"].class_names())
    assert set(subsets["hard"].class_names()) < set(subsets["medium"].class_names())
    assert len(subsets["seen"].class_names() + subsets["medium"].class_names()) == 10
    for name, whole in (("seen", "clean"), ("medium", "scan"), ("hard", "scan")):
        subset, full = subsets[name], FurniturePairs(config_name=whole, **sizes)
        names = subset.class_names()
        for split, items in full.objects().items():
            assert subset.objects()[split] == [item for item in items if item.class_name in names]
        item = subset.objects()["train"][-1]
        ours, theirs = subset.make_pair(item), full.make_pair(item)
        assert subset.has_captions == full.has_captions and subset.features().keys() == full.features().keys()
        np.testing.assert_array_equal(ours["points"], theirs["points"])
        np.testing.assert_array_equal(ours["views"], theirs["views"])
        assert f"those of {whole} of {len(names)} classes" in subset.describe()["Source"]


def test_scans_are_seen_from_one_side():
    azimuths = [camera.azimuth for camera in scan_cameras(3, np.random.default_rng(4))]
    assert [(later - first) % 360.0 for first, later in pairwise(azimuths)] == pytest.approx([40.0, 40.0])


def test_furniture_objects_never_repeat():
    """Seeds are disjoint over configurations, splits and seeds of the data set."""
    seeds = [
        item.seed
        for config in ("clean", "scan")
        for seed in (0, 1)
        for items in FurniturePairs(config_name=config, seed=seed).objects().values()
        for item in items
        if item.class_name == "chair"
    ]
    assert len(seeds) == 2 * (600 + 20 + 400 + 100) == len(set(seeds))


def test_depth_views_of_clean_furniture_show_its_own_cloud():
    """The first third of the views is gray on black, as projections are; the rest is rendered, on a plain gray."""
    source = FurniturePairs(config_name="clean", image_size=32, num_points=256, num_views=6)
    views = source.make_pair(source.objects()["train"][0])["views"]
    assert views.shape == (6, 32, 32, 3)
    assert (views[2:, 0, 0] > 0).all()
    for view in views[:2]:
        assert np.array_equal(view[..., 0], view[..., 1]) and np.array_equal(view[..., 0], view[..., 2])
        assert view[0, 0, 0] == 0 and view.max() > 200


def test_cached_furniture_is_made_once(tmp_path):
    sizes = {"objects_per_class": 1, "test_per_class": 0, "image_size": 32, "num_points": 64, "num_views": 2}
    folder = cached_furniture("scan", tmp_path, num_proc=1, **sizes)
    made = contents(Path(folder))
    assert len(load_dataset(folder, "scan", split="train")) == 10
    assert cached_furniture("scan", tmp_path, num_proc=1, **sizes) == folder
    assert contents(Path(folder)) == made
    assert [path.name for path in tmp_path.iterdir() if path.is_dir() and path.name.startswith("furniture")] == [
        Path(folder).name
    ]
    with pytest.raises(ValueError, match="no configuration 'dirty'"):
        cached_furniture("dirty", tmp_path)


@pytest.mark.skipif(not MODELNET10.is_dir(), reason="needs ModelNet10's training clouds in the shared data folder")
def test_modelnet10(tmp_path):
    output = tmp_path / "pairs"
    options = ["--up-axis", "z", "--holdout", "0.2", "--limit", "12"]
    assert run(MODELNET10, output, *options) == 0
    data = load_dataset(str(output))
    assert set(data) == {"train", "holdout"}
    assert data["train"].features["label"].names == [
        "bathtub", "bed", "chair", "desk", "dresser", "monitor", "night stand", "sofa", "table", "toilet",
    ]  # fmt: skip
    assert len(data["train"]) == len(data["holdout"]) == 12
    source = FolderPairs(source=str(MODELNET10), up_axis="z", selection=Selection(holdout=0.2))
    sizes = {split: len(items) for split, items in source.splits().items()}
    assert sum(sizes.values()) == 3991 and sizes["holdout"] == pytest.approx(798, abs=5)
