"""Preparation from and to addresses: a real S3 server on this machine, the same bytes as between folders."""

import os
import time

import fsspec
import pytest
from datasets import load_dataset
from test_prepare import contents, make_tree, run

from dataset_scripts.remote import cached_folder


NAMES = [
    f"{kind}/{split}/{number}.off" for kind in ("bed", "sofa") for split in ("train", "test") for number in range(3)
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSMOST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


def at(address: str) -> dict[str, bytes]:
    system, root = fsspec.core.url_to_fs(address)
    system.invalidate_cache()
    return {name.removeprefix(f"{root}/"): system.cat_file(name) for name in system.find(root)}


def without_key(files: dict[str, bytes]) -> dict[str, bytes]:
    """All but the key of the plan, which knows where the files lay."""
    return {name: content for name, content in files.items() if name != "preparation.json"}


def test_from_s3_to_s3_are_the_bytes_of_folders(bucket, tmp_path, capsys):
    raw = make_tree(tmp_path / "meshes", NAMES)
    assert run(raw, tmp_path / "whole") == 0
    fsspec.filesystem("s3").put(f"{raw}/", f"{bucket}/both/meshes/", recursive=True)
    source, output = f"{bucket}/both/meshes", f"{bucket}/both/pairs"
    assert run(source, output) == 0
    assert without_key(at(output)) == without_key(contents(tmp_path / "whole"))
    address = {split: f"{output}/data/{split}-*.parquet" for split in ("train", "test")}
    loaded = load_dataset("parquet", data_files=address)
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 6, "test": 6}
    capsys.readouterr()
    assert run(source, output) == 0
    assert "found complete" in capsys.readouterr().out


def test_only_files_that_changed_are_fetched_and_a_smaller_set_leaves_nothing(bucket, tmp_path):
    system = fsspec.filesystem("s3")
    raw = make_tree(tmp_path / "meshes", NAMES)
    source, output = f"{bucket}/changed/meshes", f"{bucket}/changed/pairs"
    system.put(f"{raw}/", f"{source}/", recursive=True)
    assert run(source, output) == 0
    copy = cached_folder(source, "sources")
    before = {path: path.stat().st_ino for path in copy.rglob("*.off")}
    assert len(before) == len(NAMES)
    time.sleep(1.1)  # times on S3 are whole seconds
    make_tree(tmp_path / "more", ["x.off", "y.off"])
    system.put(str(tmp_path / "more" / "y.off"), f"{source}/bed/train/0.off")
    system.rm(f"{source}/sofa/test", recursive=True)
    system.invalidate_cache()
    assert run(source, output) == 0
    after = {path: path.read_bytes() for path in copy.rglob("*.off")}
    assert len(after) == len(NAMES) - 3
    assert after[copy / "bed" / "train" / "0.off"] == (tmp_path / "more" / "y.off").read_bytes()
    assert run(copy, tmp_path / "whole") == 0
    assert without_key(at(output)) == without_key(contents(tmp_path / "whole"))


def test_what_lies_at_the_address_is_not_written_over(bucket, tmp_path, capsys):
    fsspec.filesystem("s3").pipe(f"{bucket}/taken/precious.txt", b"mine")
    assert run(make_tree(tmp_path / "meshes", NAMES), f"{bucket}/taken") == 2
    assert "is not empty and not a data set that was prepared here" in capsys.readouterr().err
    assert at(f"{bucket}/taken") == {"precious.txt": b"mine"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("s3://pairs/nothing/here", "there are no files"),
        ("s3://no-such-bucket/x", "cannot be read"),
        ("what://x", "what"),
    ],
)
def test_sources_that_are_not_there_are_one_sentence(bucket, tmp_path, capsys, source, sentence):
    assert run(source, tmp_path / "pairs") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and sentence in error and source in error


def test_an_output_that_refuses_keeps_what_was_prepared(bucket, tmp_path, capsys, monkeypatch):
    raw = make_tree(tmp_path / "meshes", NAMES)
    assert run(raw, "s3://no-such-bucket/pairs") == 2
    assert "no-such-bucket" in capsys.readouterr().err
    folder = cached_folder("s3://no-such-bucket/pairs", "outputs")
    fsspec.filesystem("s3").mkdir("no-such-bucket")
    assert run(raw, "s3://no-such-bucket/pairs") == 0
    assert at("s3://no-such-bucket/pairs") == contents(folder)


def test_parts_need_a_folder(tmp_path, capsys):
    assert run(make_tree(tmp_path / "meshes", NAMES), "s3://pairs/x", "--rank", "0", "--world-size", "2") == 2
    assert "all of them see as a folder" in capsys.readouterr().err
    assert not os.path.exists(tmp_path / "cache")
