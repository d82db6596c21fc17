"""Raw layouts of the paper's data sets: splits, class order, axis, counts, views, captions, and what is missing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import raw_archives as raw
import toy
from datasets import load_dataset

import train
from dataset_scripts.builder import PointViewBuilder
from dataset_scripts.frames import choose, evenly, find_frames
from dataset_scripts.prepare import SOURCE_MAKERS, main
from dataset_scripts.sources.classes import (
    CO3D,
    MODELNET10,
    MODELNET40,
    MODELNET40_HARD,
    MODELNET40_MEDIUM,
    REDWOOD,
    SCANOBJECTNN,
)
from dataset_scripts.sources.modelnet import modelnet_sources


SMALL = ["--image-size", "32", "--num-proc", "1"]

pytestmark = pytest.mark.usefixtures("own_cache")


def prepare(name: str, source: Path, output: Path, *options: str) -> int:
    return main([name, "--source", str(source), "--output", str(output), *SMALL, *options])


# name, raw layout, rows per split, classes, points of a cloud, views of an object
CASES = [
    ("modelnet40", raw.modelnet, (40, 40), MODELNET40, 8192, 12),
    ("modelnet40", raw.modelnet_hdf5, (50, 40), MODELNET40, 2048, 10),
    ("modelnet10", raw.modelnet10, (20, 20), MODELNET10, 8192, 12),
    ("modelnet10", raw.modelnet_hdf5, (13, 10), MODELNET10, 2048, 10),
    ("modelnet40_depth", raw.modelnet_hdf5, (50, 40), MODELNET40, 2048, 10),
    ("modelnet40_depth", raw.modelnet, (40, 40), MODELNET40, 2048, 10),
    ("scanobjectnn", raw.scanobjectnn, (15, 5), SCANOBJECTNN, 2048, 10),
    ("scanobjectnn_withbg", raw.scanobjectnn, (16, 6), SCANOBJECTNN, 2048, 10),
    ("scanobjectnn_hardest", raw.scanobjectnn, (17, 7), SCANOBJECTNN, 2048, 10),
    ("redwood", raw.redwood, (36, 9), REDWOOD, 8192, 20),
    ("co3d", raw.co3d, (5, 3), tuple(CO3D.values()), 8192, 20),
    ("shapenet55", raw.shapenet55, (6, 3), ("airplane", "monitor", "ship"), 8192, 12),
]


@pytest.mark.parametrize(("name", "make", "rows", "classes", "points", "views"), CASES)
def test_every_archive_is_prepared(tmp_path, name, make, rows, classes, points, views):
    """From the raw layout, one folder above the archive's own, to a data set that loads in every way."""
    make(tmp_path / "download" / "archive")
    assert prepare(name, tmp_path / "download", tmp_path / "pairs", "--preview") == 0
    data = load_dataset(str(tmp_path / "pairs"))
    assert tuple(len(data[split]) for split in ("train", "test")) == rows
    assert tuple(data["train"].features["label"].names) == classes
    assert data["train"].features["points"].shape == (points, 3)
    for row in (data["train"][0], data["test"][0]):
        cloud = np.asarray(row["points"], dtype=np.float32)
        assert raw.stands(cloud)
        assert np.linalg.norm(cloud, axis=1).max() == pytest.approx(1.0, abs=1e-5)
        assert [view.size for view in row["views"]] == [(32, 32)] * views
        assert all(np.ptp(np.asarray(view)) > 20 for view in row["views"])
    ids = [row["object_id"] for split in data.values() for row in split.select_columns(["object_id"])]
    assert len(set(ids)) == sum(rows)
    streamed = load_dataset(str(tmp_path / "pairs"), split="train", streaming=True)
    assert next(iter(streamed))["object_id"] == data["train"][0]["object_id"]
    assert len(load_dataset(str(tmp_path / "pairs"), split="train[:3]")) == 3
    assert "Source axis" in (tmp_path / "pairs" / "README.md").read_text()


@pytest.fixture(scope="module")
def toy_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    toy.make_model(folder)
    return folder


@pytest.mark.parametrize(("name", "make"), [case[:2] for case in CASES])
def test_a_training_step_runs_on_every_archive(tmp_path, monkeypatch, toy_model, name, make):
    """From the raw layout to a step of self-training with the data set's own classes, plain and streaming."""
    monkeypatch.setattr("modeling_crossmost.training.finish.plot_all", lambda folder: [])
    make(tmp_path / "raw")
    assert prepare(name, tmp_path / "raw", tmp_path / "pairs", "--num-points", "64", "--num-views", "2") == 0
    options = {"dataset": tmp_path / "pairs", "model_name_or_path": toy_model, "max_steps": 1}
    assert train.main(toy.flags(**options, output_dir=tmp_path / "run")) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["steps"] == 1
    classes = next(case[3] for case in CASES if case[0] == name)
    assert set(results["per_class"]) <= set(classes)
    stream = {**options, "streaming": True, "eval_split": "none", "class_names": ["chair", "table"]}
    assert train.main(toy.flags(**stream, output_dir=tmp_path / "stream")) == 0


def test_every_name_has_a_case():
    assert {case[0] for case in CASES} == set(SOURCE_MAKERS) - {"furniture", "folder"}


def test_labels_are_those_of_the_folders_and_of_the_files(tmp_path):
    raw.modelnet10(tmp_path / "meshes")
    assert prepare("modelnet10", tmp_path / "meshes", tmp_path / "pairs", "--num-views", "1", "--num-points", "64") == 0
    for row in load_dataset(str(tmp_path / "pairs"), split="train"):
        assert row["object_id"].split("/")[0].replace("_", " ") == MODELNET10[row["label"]]
    raw.modelnet_hdf5(tmp_path / "h5")
    assert prepare("modelnet10", tmp_path / "h5", tmp_path / "clouds", "--num-views", "1", "--num-points", "64") == 0
    for row in load_dataset(str(tmp_path / "clouds"), split="test"):
        # The fixture's row number is its label among the forty.
        assert MODELNET40[int(row["object_id"].split("/")[1])] == MODELNET10[row["label"]]


def test_modelnet40_has_its_class_subsets_as_configurations(tmp_path):
    raw.modelnet(tmp_path / "raw")
    output = tmp_path / "pairs"
    assert prepare("modelnet40", tmp_path / "raw", output, "--num-views", "1", "--num-points", "32") == 0
    whole = {row["object_id"]: row for row in load_dataset(str(output), "default", split="train")}
    for config, classes in (("medium", MODELNET40_MEDIUM), ("hard", MODELNET40_HARD)):
        part = load_dataset(str(output), config)
        assert {split: len(rows) for split, rows in part.items()} == {"train": len(classes), "test": len(classes)}
        assert tuple(part["train"].features["label"].names) == classes
        for row in part["train"]:
            same = whole[row["object_id"]]
            assert classes[row["label"]] == MODELNET40[same["label"]]
            assert row["points"] == same["points"]
    alone = tmp_path / "hard"
    options = ("--config", "hard", "--num-views", "1", "--num-points", "32")
    assert prepare("modelnet40", tmp_path / "raw", alone, *options) == 0
    assert len(load_dataset(str(alone), split="test")) == len(MODELNET40_HARD)


def test_a_configuration_that_is_built_alone_equals_the_prepared_one(tmp_path):
    raw.modelnet(tmp_path / "raw")
    sources = modelnet_sources("modelnet40", str(tmp_path / "raw"), num_points=32, num_views=1, image_size=32)
    assert [source.config_name for source in sources] == ["default", "medium", "hard"]
    builder = PointViewBuilder(config_name="hard", pairs=sources[2], cache_dir=str(tmp_path / "cache"))
    builder.download_and_prepare(str(tmp_path / "built"), file_format="parquet")
    built = load_dataset("parquet", data_files=str(tmp_path / "built" / "*train*.parquet"), split="train")
    options = ("--num-views", "1", "--num-points", "32")
    assert prepare("modelnet40", tmp_path / "raw", tmp_path / "pairs", *options) == 0
    prepared = load_dataset(str(tmp_path / "pairs"), "hard", split="train")
    assert built["points"][:] == prepared["points"][:]
    assert built["label"][:] == prepared["label"][:]
    stream = builder.as_streaming_dataset(split="train")
    assert [row["object_id"] for row in stream] == prepared["object_id"][:]


def test_limit_and_holdout_hold_for_class_subsets_too(tmp_path):
    raw.modelnet(tmp_path / "raw", per_split=2)
    options = ("--num-views", "1", "--num-points", "32", "--split", "train", "--holdout", "0.5", "--limit", "10")
    assert prepare("modelnet40", tmp_path / "raw", tmp_path / "pairs", *options) == 0
    whole = load_dataset(str(tmp_path / "pairs"))
    hard = load_dataset(str(tmp_path / "pairs"), "hard")
    assert {split: len(rows) for split, rows in whole.items()} == {"train": 10, "holdout": 10}
    for split, rows in hard.items():
        assert set(rows["object_id"][:]) <= set(whole[split]["object_id"][:])


def test_redwood_takes_the_published_lists(tmp_path):
    raw.redwood(tmp_path / "raw")
    (tmp_path / "raw" / "train_set80.txt").write_text("00000\n01001\n")
    (tmp_path / "raw" / "test_set80.txt").write_text("00001\n99999\n")
    assert prepare("redwood", tmp_path / "raw", tmp_path / "pairs", "--num-points", "64") == 0
    data = load_dataset(str(tmp_path / "pairs"))
    assert sorted(data["train"]["object_id"][:]) == ["mesh/00000", "mesh/01001"]
    assert data["test"]["object_id"][:] == ["mesh/00001"]
    skipped = [json.loads(line) for line in (tmp_path / "pairs" / "skipped.jsonl").read_text().splitlines()]
    assert [entry["object"] for entry in skipped] == ["00009"]


def test_real_views_are_frames_of_the_video(tmp_path):
    """Each frame's red level is five times its number; twenty different ones come in order, from folder and zip."""
    raw.redwood(tmp_path / "raw")
    assert prepare("redwood", tmp_path / "raw", tmp_path / "pairs", "--num-points", "64") == 0
    for split in load_dataset(str(tmp_path / "pairs")).values():
        for row in split:
            reds = [np.asarray(view)[16, 16, 0] / 5.0 for view in row["views"]]
            assert (np.diff(reds) > 0.5).all()
            assert reds[-1] < (31 if row["object_id"].endswith("4") else 26)


def test_co3d_takes_the_published_lists_before_its_own(tmp_path):
    raw.co3d(tmp_path / "raw")
    (tmp_path / "raw" / "train_set_80.txt").write_text("apple/110_13051_23610\nhotdog/110_13051_23610\n")
    (tmp_path / "raw" / "test_set_80.txt").write_text("teddybear/110_13051_23613\n")
    assert prepare("co3d", tmp_path / "raw", tmp_path / "pairs", "--num-points", "64", "--num-views", "2") == 0
    data = load_dataset(str(tmp_path / "pairs"))
    assert data["train"]["object_id"][:] == ["apple/110_13051_23610/pointcloud"]
    assert [data["test"].features["label"].names[label] for label in data["test"]["label"]] == ["teddy bear"]


def test_shapenet_captions_and_views(tmp_path):
    raw.shapenet55(tmp_path / "raw")
    assert prepare("shapenet55", tmp_path / "raw", tmp_path / "pairs", "--num-points", "64", "--num-views", "5") == 0
    for row in load_dataset(str(tmp_path / "pairs"), split="train"):
        plane = row["object_id"].startswith("shapenet_pc/02691156")
        assert row["captions"][0] == ("airplane" if plane else "monitor")
        assert ("a photo of a aeroplane" if plane else "a 3D model of a video display") in row["captions"]
        # Color views at 0, 72, 144, ... degrees, never the depth pictures (red level 255).
        assert [np.asarray(view)[0, 0, 0] for view in row["views"]] == [0, 36, 72, 108, 144]


def without(*names: str):
    def damage(root: Path) -> None:
        for name in names:
            path = root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def overwrite(name: str, content: bytes):
    return lambda root: (root / name).write_bytes(content)


@pytest.mark.parametrize(
    ("name", "make", "damage", "said"),
    [
        ("modelnet40", raw.modelnet, without("xbox/test"), "xbox/test is missing"),
        ("modelnet10", raw.modelnet10, without("night_stand"), "night_stand/test is missing"),
        ("modelnet40", raw.modelnet_hdf5, without("test_files.txt"), "test_files.txt is missing"),
        ("modelnet40_depth", raw.modelnet_hdf5, without("ply_data_train1.h5"), "ply_data_train1.h5 is missing"),
        ("modelnet40", raw.modelnet_hdf5, overwrite("ply_data_test0.h5", b"no"), "cannot be read as HDF5"),
        ("modelnet40", raw.scanobjectnn, without(), "train_files.txt"),
        ("scanobjectnn", raw.modelnet10, without(), "main_split_nobg"),
        (
            "scanobjectnn_hardest", raw.scanobjectnn,
            without("h5_files/main_split/test_objectdataset_augmentedrot_scale75.h5"),
            "test_objectdataset_augmentedrot_scale75.h5 is missing",
        ),
        ("redwood", raw.redwood, without("categories.json"), "categories.json is missing"),
        ("redwood", raw.redwood, without("mesh"), "mesh is missing"),
        ("redwood", raw.redwood, without("rgbd"), "frames"),
        ("redwood", raw.redwood, overwrite("categories.json", b"[1]"), "must map every class"),
        ("redwood", raw.redwood, overwrite("categories.json", b'{"chair": ["../../etc"]}'), "outside of the source"),
        ("redwood", raw.redwood, overwrite("train_set80.txt", b"00000"), "test_set80.txt is missing"),
        ("co3d", raw.co3d, without("apple/set_lists.json"), "apple/set_lists.json is missing"),
        ("co3d", raw.co3d, overwrite("apple/set_lists.json", b"{"), "must map splits to frames"),
        ("co3d", raw.co3d, without("apple", "teddybear"), "is not Co3D"),
        ("shapenet55", raw.shapenet55, without("taxonomy.json"), "taxonomy.json is missing"),
        ("shapenet55", raw.shapenet55, without("shapenet_pc"), "shapenet_pc is missing"),
        ("shapenet55", raw.shapenet55, without("test.txt"), "test.txt is missing"),
        ("shapenet55", raw.shapenet55, overwrite("taxonomy.json", b"[]"), "does not name the synset"),
    ],
)  # fmt: skip
def test_an_incomplete_source_is_told_by_the_missing_file(tmp_path, capsys, name, make, damage, said):
    root = make(tmp_path / "raw")
    damage(root)
    assert prepare(name, root, tmp_path / "pairs", "--limit", "1") == 2
    sentence = capsys.readouterr().err
    assert len(sentence.strip().splitlines()) == 1
    assert said in sentence
    assert not list(tmp_path.glob("pairs*"))


def test_missing_files_of_single_objects_are_listed(tmp_path):
    raw.shapenet55(tmp_path / "raw")
    (tmp_path / "raw" / "shapenet_pc" / "02691156-0000abcd.npy").unlink()
    shutil.rmtree(tmp_path / "raw" / "rendered_images" / "02691156-0001abcd")
    assert prepare("shapenet55", tmp_path / "raw", tmp_path / "pairs", "--num-points", "64", "--num-views", "1") == 0
    skipped = [json.loads(line) for line in (tmp_path / "pairs" / "skipped.jsonl").read_text().splitlines()]
    assert [entry["object"] for entry in skipped] == ["02691156-0000abcd", "02691156-0001abcd"]
    strict = ("--strict", "--num-points", "64", "--num-views", "1")
    assert prepare("shapenet55", tmp_path / "raw", tmp_path / "strict", *strict) == 2


@pytest.mark.parametrize(
    "options",
    [["scanobjectnn", "--config", "hard"], ["modelnet40", "--config", "easy"], ["co3d", "--supersample", "1"],
     ["redwood"], ["modelnet10", "--objects-per-class", "3"]],
)  # fmt: skip
def test_options_that_do_not_fit_are_one_sentence(tmp_path, capsys, options):
    source = [] if options == ["redwood"] else ["--source", str(raw.modelnet10(tmp_path / "raw"))]
    assert main([*options, *source, "--output", str(tmp_path / "pairs")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_frames_are_drawn_without_repeats_and_evenly(tmp_path):
    rng = np.random.default_rng(0)
    drawn = choose(100, 20, rng)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 20
    assert choose(3, 20, rng) == [0, 1, 2]
    assert evenly(30, 12) == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27]
    assert evenly(3, 12) == [0, 1, 2]
    assert find_frames(tmp_path) == []
