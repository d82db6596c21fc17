"""`FolderPairs`: which folders are splits and classes, which files are objects, what the summary says of the rest."""

import json
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from datasets import load_dataset
from PIL import Image

from dataset_scripts.prepare import main
from dataset_scripts.readers import readable_endings
from dataset_scripts.sources.folder import FolderPairs, is_document, unique_ids


TETRAHEDRON = "OFF\n4 4 6\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"
NFC, NFD = (unicodedata.normalize(form, "Café table") for form in ("NFC", "NFD"))

pytestmark = pytest.mark.usefixtures("own_cache")


def folder(root: Path, *names: str, **options) -> FolderPairs:
    """Return the source of a folder of the named files: tetrahedra, small pictures, and text in everything else."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".jpg":
            Image.new("RGB", (16, 16)).save(path)
        else:
            path.write_text(TETRAHEDRON if path.suffix == ".off" else "nothing to read\n")
    return FolderPairs(source=str(root), **options)


def ids(source: FolderPairs) -> dict[str, list[str]]:
    return {split: [item.object_id for item in items] for split, items in source.objects().items()}


def can_hold(root: Path, *names: str) -> bool:
    """Whether the file system keeps these names apart; those of Macs and Windows may not."""
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
    return len(list(root.iterdir())) == len(names)


@pytest.mark.parametrize("layout", ["{split}/bed/a.off", "bed/{split}/a.off"])
@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("training", "train"),
        ("Train", "train"),
        ("testing", "test"),
        ("TEST", "test"),
        ("val", "validation"),
        ("valid", "validation"),
        ("Validation", "validation"),
        ("DEV", "validation"),
    ],
)
def test_aliases_of_splits(tmp_path, layout, name, split):
    source = folder(tmp_path, layout.format(split=name), layout.format(split=name).replace("a.off", "b.off"))
    assert list(source.objects()) == [split]
    assert source.class_names() == ["bed"]
    assert source.remarks() == {"Split folders": f"{name!r} is {split}"}


@pytest.mark.parametrize("name", ["eval", "trained", "tests", "set"])
def test_other_names_are_classes(tmp_path, name):
    assert folder(tmp_path, f"{name}/a.off", "bed/b.off").class_names() == sorted([name, "bed"])


@pytest.mark.parametrize("name", ["train", "dev", "Testing"])
def test_a_class_may_be_named_like_a_split(tmp_path, name):
    source = folder(tmp_path, f"{name}/a.off", f"{name}/b.off", "ship/c.off", "ship/valid/d.off")
    assert source.class_names() == sorted([name, "ship"])
    assert {split: len(items) for split, items in source.objects().items()} == {"train": 3, "validation": 1}
    said = source.remarks()["Split folders"]
    assert "'valid' is validation" in said and f"{name!r} is a class" in said


def test_one_name_in_two_unicode_forms_is_one_class(tmp_path):
    if not can_hold(tmp_path / "raw" / "train", NFC, NFD):
        pytest.skip("the file system does not tell the Unicode forms apart")
    names = [f"train/{form}/{stem}.off" for form in (NFC, NFD) for stem in "ab"]
    source = folder(tmp_path / "raw", *names, f"test/{NFD}/c.off")
    assert source.class_names() == [NFC]
    assert source.remarks() == {}
    train = ids(source)["train"]
    assert len(set(train)) == 4 and all(unicodedata.is_normalized("NFC", name) for name in train)
    assert ids(source)["test"] == [f"test/{NFC}/c"]
    assert ids(FolderPairs(source=str(tmp_path / "raw"))) == ids(source)
    files = {item.object_id: item.path for item in source.objects()["train"]}
    assert len(set(files.values())) == 4


def test_ids_are_unique_whatever_the_names():
    paths = [
        PurePosixPath(name)
        for name in ("a.off.obj", "a.off", "a.ply", f"{NFC}.off", f"{NFD}.off", f"{NFC}.off (2).ply")
    ]
    found = unique_ids(paths)
    assert found == unique_ids(paths) and len(set(found)) == len(paths)
    assert found[:3] == ["a.off", "a.off (2)", "a.ply"]


def test_names_that_are_no_utf_8_are_told_apart(tmp_path):
    try:
        source = folder(tmp_path, "bed/x\udcff.off", "bed/x\udcfe.off", "caf\udce9/a.off")
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    assert source.class_names() == ["bed", "caf\ufffd"]
    assert len(set(ids(source)["train"])) == 3
    "".join(ids(source)["train"]).encode()


def test_classes_that_differ_in_case_stay_apart_and_are_reported(tmp_path):
    if not can_hold(tmp_path / "raw", "Chair", "chair", "arm-chair", "arm_chair"):
        pytest.skip("the file system does not tell cases apart")
    names = [f"{name}/{stem}.off" for name in ("Chair", "chair", "arm-chair", "arm_chair") for stem in "ab"]
    source = folder(tmp_path / "raw", *names)
    assert source.class_names() == ["Chair", "arm chair", "arm-chair", "chair"]
    said = source.remarks()["Similar classes"]
    assert "'Chair' and 'chair'" in said and "'arm chair' and 'arm-chair'" in said and "rename" in said
    assert source.describe()["Similar classes"] == said


def test_folders_that_become_one_class_are_reported(tmp_path):
    source = folder(tmp_path, "night_stand/a.off", "night stand/b.off")
    assert source.class_names() == ["night stand"]
    assert source.remarks() == {
        "Joined folders": "the folders 'night stand' and 'night_stand' are one class, 'night stand'"
    }


def test_a_folder_per_scan_is_no_class(tmp_path):
    names = ["scan_1/a.off", "scan_2/mesh.off", "scan_3/test/b.off"]
    source = folder(tmp_path, *names)
    assert source.class_names() == ["scan 1", "scan 2", "scan 3"]
    said = source.remarks()["One object per class"]
    assert "3 classes" in said and "'scan 1'" in said and "--no-classes" in said
    assert "One object per class" not in folder(tmp_path, "scan_3/more.off").remarks()
    bare = folder(tmp_path, no_classes=True)
    assert bare.class_names() is None and "label" not in bare.features()
    assert {split: len(items) for split, items in bare.objects().items()} == {"train": 3, "test": 1}
    assert bare.remarks() == {} and bare.unusable() == []


def test_without_classes_every_file_is_an_object(tmp_path):
    source = folder(tmp_path, "stray.off", "ship/a.off", "test/b.off", no_classes=True)
    assert ids(source) == {"train": ["ship/a", "stray"], "test": ["test/b"]}


def test_one_class_with_one_object_is_no_doubt(tmp_path):
    assert folder(tmp_path, "bed/a.off").remarks() == {}


def test_every_file_is_counted_by_its_ending(tmp_path):
    source = folder(
        tmp_path,
        *("bed/a.off", "bed/b.off", "bed/Photo.JPG", "bed/c.bin", "bed/d.mtl", "bed/NOTES", "bed/deeper/e.Md"),
        *("bed/f.splat", "bed/g.PTX", "bed/h.ptx", "bed/README.txt", "bed/Labels.csv"),
        *("bed/Thumbs.db", "bed/desktop.ini", "bed/.DS_Store", "bed/.hidden.jpg", "__MACOSX/bed/a.off"),
    )
    assert source.remarks() == {
        "Formats that cannot be read": "2 .ptx, 1 .splat",
        "Passed over": "1 .bin, 1 .csv, 1 .jpg, 1 .md, 1 .mtl, 1 .txt, 1 without ending",
    }
    assert [name for name, _ in source.unusable()] == ["bed/f.splat", "bed/g.PTX", "bed/h.ptx"]
    assert ids(source) == {"train": ["bed/a", "bed/b"]}


def test_parts_of_objects_are_counted_apart(tmp_path):
    source = folder(
        tmp_path,
        *("bed/a.obj", "bed/a.mtl", "bed/wood.jpg", "bed/textures/oak.tga", "bed/stray.bin"),
        *("sofa/source/b.gltf", "sofa/source/b.bin", "sofa/textures/c.jpg", "sofa/other/d.jpg"),
        *("desk/e.off", "desk/f.off", "desk/e/0.jpg", "desk/e/poses.csv", "desk/f/rgb/1.jpg", "desk/f/depth/1.jpg"),
    )
    assert source.remarks()["Belong to other files"] == "4 .jpg, 1 .bin, 1 .csv, 1 .mtl, 1 .tga"
    assert source.remarks()["Passed over"] == "2 .jpg, 1 .bin"
    assert source.class_names() == ["bed", "desk", "sofa"]


@pytest.mark.parametrize("name", ["poses.txt", "images/poses.csv", "cameras.npz"])
def test_tables_in_the_folder_of_a_scan_change_nothing(tmp_path, monkeypatch, name):
    """They stay tables where their endings are those of clouds: the scan keeps its real views."""
    kinds = readable_endings() | {".txt", ".csv", ".npz"}
    monkeypatch.setattr("dataset_scripts.sources.folder.readable_endings", lambda: kinds)
    source = folder(tmp_path, "bed/scan/cloud.off", "bed/scan/images/0.jpg", f"bed/scan/{name}")
    (item,) = source.objects()["train"]
    assert item.frames == str(tmp_path / "bed" / "scan")
    assert source.remarks() == {"Belong to other files": ", ".join(sorted(("1 .jpg", f"1 {Path(name).suffix}")))}


@pytest.mark.parametrize(
    "name",
    ["README.txt", "readme_first.txt", "LICENSE.TXT", "licence.txt", "Changelog.txt", "_annotations.csv", "labels.csv"]
    + ["classes.txt", "class_names.txt", "metadata.csv", "index.csv", "splits.txt", "train.txt", "Test_list.txt"]
    + ["val-files.txt", "train_set80.txt", "filelist.txt"],
)
def test_documents(name):
    assert is_document(PurePosixPath("bed") / name)


@pytest.mark.parametrize(
    "name",
    ["chair.txt", "license_plate_01.txt", "train_01.txt", "test 2.csv", "readmesh.txt", "train.xyz", "index.npy"],
)
def test_clouds_are_no_documents(name):
    assert not is_document(PurePosixPath("train") / name)


def test_documents_are_no_objects_where_texts_are_read(tmp_path, monkeypatch):
    kinds = readable_endings() | {".txt", ".csv"}
    monkeypatch.setattr("dataset_scripts.sources.folder.readable_endings", lambda: kinds)
    source = folder(tmp_path, "bed/a.off", "bed/b.txt", "bed/README.txt", "bed/labels.csv", "train.txt")
    assert ids(source) == {"train": ["bed/a", "bed/b"]}
    assert source.unusable() == []
    assert source.remarks() == {"Passed over": "2 .txt, 1 .csv"}


def test_a_source_without_objects_says_what_it_holds(tmp_path):
    source = folder(tmp_path, "bed/a.jpg", "bed/b.jpg", "bed/README.txt")
    with pytest.raises(ValueError, match=r"no mesh and no cloud, only 2 \.jpg, 1 \.txt; these endings"):
        source.objects()


def test_the_summary_says_it_all(tmp_path, capsys):
    root = tmp_path / "raw"
    folder(root, "valid/scan_1/a.off", "training/scan_2/b.off", "training/scan_2/c.dxf", "training/scan_2/d.pdf")
    options = ["--image-size", "32", "--num-points", "64", "--num-views", "1", "--num-proc", "1"]
    command = ["folder", "--source", str(root), "--output", str(tmp_path / "pairs"), *options]
    for _ in range(2):  # prepared, then found complete
        assert main(command) == 0
        said = capsys.readouterr().out
        assert "Split folders: 'training' is train, 'valid' is validation.\n" in said
        assert "One object per class: each of the 2 classes, such as 'scan 1', has a single object;" in said
        assert "Formats that cannot be read: 1 .dxf.\nPassed over: 1 .pdf.\n" in said
        assert "1 objects skipped; see skipped.jsonl." in said
    (line,) = map(json.loads, (tmp_path / "pairs" / "skipped.jsonl").read_text().splitlines())
    assert line["object"] == "training/scan_2/c.dxf"
    card = (tmp_path / "pairs" / "README.md").read_text()
    assert "Split folders: 'training' is train" in card and "One object per class" in card
    assert "Passed over" not in card  # a picture more or less leaves a complete data set as it is
    assert main([*command, "--no-classes"]) == 0
    assert "One object per class" not in capsys.readouterr().out
    assert "label" not in load_dataset(str(tmp_path / "pairs"), split="train").features


def test_archives_take_no_such_option(tmp_path, capsys):
    assert main(["redwood", "--source", str(tmp_path), "--output", str(tmp_path / "out"), "--no-classes"]) == 2
    assert "takes no --no-classes" in capsys.readouterr().err


@pytest.fixture
def cases(shared_data):
    if not (shared_data / "cases").is_dir():
        pytest.skip("the shared data has no folder of cases")
    return shared_data / "cases"


def test_case_of_splits(cases):
    source = FolderPairs(source=str(cases / "folder_splits"))
    assert {split: len(items) for split, items in source.objects().items()} == {"train": 2, "validation": 2, "test": 2}
    assert source.class_names() == ["chair", "table"]
    assert "'valid' is validation" in source.remarks()["Split folders"]


def test_case_of_names(cases):
    source = FolderPairs(source=str(cases / "folder_names"))
    assert source.class_names() == [NFC, "Chair", "chair"]
    assert "'Chair' and 'chair'" in source.remarks()["Similar classes"]


def test_case_of_ignored_files(cases):
    """Every file is an object or counted, whichever of the formats are read."""
    source = FolderPairs(source=str(cases / "folder_ignored"))
    files = sorted((cases / "folder_ignored" / "chair").iterdir())
    read = [Path(item.path) for items in source.objects().values() for item in items]
    assert {path.suffix for path in read} == {path.suffix for path in files} & readable_endings()
    said = ", ".join(source.remarks().values())
    assert all((path in read) != (f"1 {path.suffix}" in said) for path in files)
