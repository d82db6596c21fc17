"""Preparation from and to addresses: a real S3 server on this machine, the same bytes as between folders."""

import os
import time
from pathlib import Path, PurePosixPath

import fsspec
import pytest
from datasets import load_dataset
from PIL import Image
from test_prepare import contents, make_tree, run

from dataset_scripts import fetching, writing
from dataset_scripts.addresses import cached_folder


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


class Killed(BaseException):
    """What nothing catches, like the death of the process."""


@pytest.mark.parametrize("put", ["put", "put_file"], ids=["before the first file", "before the last"])
def test_an_upload_that_was_killed_is_completed(bucket, tmp_path, monkeypatch, put):
    system, address = fsspec.filesystem("s3"), f"{bucket}/pairs"
    raw = make_tree(tmp_path / "meshes", NAMES)
    for limit in (2, 3):  # nothing at the address, then another data set
        with monkeypatch.context() as patch:
            patch.setattr(system, put, lambda *_, **__: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                run(raw, address, "--limit", str(limit))
        assert "preparation.json" not in at(address)
        assert run(raw, address, "--limit", str(limit)) == 0
        assert at(address) == contents(cached_folder(address, "outputs"))


# Parts on machines without a common folder: a cache of its own is a machine here


@pytest.fixture
def on_machine(monkeypatch, tmp_path):
    """Run `prepare` for a part, or for all without one, on a machine of that name."""

    def run_there(machine: str, source, output: str, *options: str) -> int:
        monkeypatch.setenv("CROSSMOST_CACHE", str(tmp_path / machine))
        return run(source, output, *options)

    return run_there


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """The shards that are made, on whichever machine."""
    stems: list[str] = []
    write_all = writing.write_shards

    def write(*arguments):
        for shard, stats in write_all(*arguments):
            stems.append(shard.stem)
            yield shard, stats

    monkeypatch.setattr(writing, "write_shards", write)
    return stems


def part(number: int, size: int) -> list[str]:
    return ["--rank", str(number), "--world-size", str(size)]


def test_parts_of_several_machines_meet_at_the_address(bucket, tmp_path, on_machine, small_shards, made):
    source, output = make_tree(tmp_path / "meshes", NAMES), f"{bucket}/parts/pairs"
    assert run(source, tmp_path / "whole") == 0
    made.clear()
    system = fsspec.filesystem("s3")
    system.pipe(f"{output}.partial/notes.txt", b"mine")
    for number in (2, 0):
        assert on_machine(f"node-{number}", source, output, *part(number, 3)) == 0
        assert not at(output)
    before = len(made)
    assert on_machine("node-2-anew", source, output, *part(2, 3)) == 0, "found at the address"
    assert len(made) == before
    assert on_machine("head", source, output) == 0
    assert len(made) == len(set(made)) == 4, "the assembly made what part 1 had not, and nothing twice"
    assert without_key(at(output)) == without_key(contents(tmp_path / "whole"))
    assert at(f"{output}.partial") == {"notes.txt": b"mine"}, "what is not ours stays"
    assert on_machine("node-0", source, output, *part(0, 3)) == 0, "a part that comes late finds everything complete"
    assert on_machine("node-3", source, output, *part(0, 3)) == 0
    assert len(made) == 4 and len(at(f"{output}.partial")) == 1


BOX = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 2) for z in (0, 3)) + "vt 0 0\nvt 1 0\nvt 1 1\n"
TRIANGLES = "".join(f"f {a}/1 {b}/2 {c}/3\n" for a, b, c in ((1, 2, 4), (1, 4, 3), (5, 8, 6), (5, 7, 8), (1, 5, 6)))


def write_textured(path: Path, color: tuple[int, int, int]) -> None:
    """A mesh with its material beside it, and a texture below."""
    make_picture(path.parent / "textures" / "wood.png", color)
    path.write_text(f"mtllib {path.stem}.mtl\nusemtl wood\n{BOX}{TRIANGLES}")
    path.with_suffix(".mtl").write_text("newmtl wood\nmap_Kd textures/wood.png\n")


def make_picture(path: Path, color: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8), color).save(path)


def copied(machine: Path) -> list[str]:
    """Names of the files of sources that a machine has copied."""
    files = [path for path in (machine / "sources").rglob("*") if path.is_file() and path.name != ".lock"]
    return sorted(str(PurePosixPath(*path.relative_to(machine).parts[3:])) for path in files)


def test_a_part_copies_what_its_own_objects_consist_of(bucket, tmp_path, on_machine, small_shards, made):
    files = {
        name.rsplit(".")[0]: [name] for name in ("bed/1.off", "bed/2.glb", "bed/3.npy", "vase/1.stl", "vase/2.xyz")
    }
    raw = make_tree(tmp_path / "meshes", [name for names in files.values() for name in names])
    for name, color in (("a", (255, 0, 0)), ("b", (0, 255, 0)), ("c", (0, 0, 255))):
        write_textured(raw / "sofa" / name / f"{name}.obj", color)
        files[f"sofa/{name}/{name}"] = [
            f"sofa/{name}/{file}" for file in (f"{name}.obj", f"{name}.mtl", "textures/wood.png")
        ]
    make_picture(raw / "vase" / "2" / "0.png", (9, 99, 200))  # a real view
    files["vase/2"].append("vase/2/0.png")
    (raw / "readme.txt").write_text("about")
    source, output = f"{bucket}/lazy/meshes", f"{bucket}/lazy/pairs"
    fsspec.filesystem("s3").put(f"{raw}/", f"{source}/", recursive=True)
    assert run(raw, tmp_path / "whole") == 0
    made.clear()
    order = load_dataset(str(tmp_path / "whole"), split="train")["object_id"]
    assert sorted(order) == sorted(files)
    for number in range(3):
        assert on_machine(f"node-{number}", source, output, *part(number, 3)) == 0
        mine = order[3 * number : 3 * number + 3]
        assert copied(tmp_path / f"node-{number}") == sorted(file for name in mine for file in files[name])
    assert on_machine("head", source, output) == 0
    assert not copied(tmp_path / "head"), "all shards were made elsewhere"
    assert len(made) == len(set(made)) == 3, "caches in other places ask for no other shards"
    assert without_key(at(output)) == without_key(contents(tmp_path / "whole"))


def test_a_source_that_fails_costs_nothing_that_was_copied_or_made(
    bucket, tmp_path, on_machine, small_shards, made, capsys, monkeypatch
):
    raw, source = make_tree(tmp_path / "meshes", NAMES), f"{bucket}/failing/meshes"
    system = fsspec.filesystem("s3")
    system.put(f"{raw}/", f"{source}/", recursive=True)
    assert on_machine("node", source, tmp_path / "pairs", *part(0, 2)) == 0
    before = copied(tmp_path / "node")
    assert len(before) == 6 and len(made) == 2
    get, calls = system.get, []

    def fail_later(names, copies):
        calls.append(len(names))
        get(names[: 2 - len(calls)], copies)  # the second time nothing, as a store that is gone
        if len(calls) == 2:
            raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "FILES_PER_LOCK", 1)
        patch.setattr(system, "get", fail_later)
        assert on_machine("node", source, tmp_path / "pairs") == 2
    assert "cannot be read: gone; the same command goes on" in capsys.readouterr().err.splitlines()[-1]
    assert len(copied(tmp_path / "node")) == 7
    assert on_machine("node", source, tmp_path / "pairs") == 0
    assert len(made) == len(set(made)) == 4
    assert run(raw, tmp_path / "whole") == 0
    assert without_key(contents(tmp_path / "pairs")) == without_key(contents(tmp_path / "whole"))


def test_a_shard_that_the_address_refused_is_delivered_by_the_next_run(
    tmp_path, on_machine, small_shards, capsys, made
):
    source = make_tree(tmp_path / "meshes", NAMES)
    (tmp_path / "store").write_text("in the way")
    output = f"file://{tmp_path}/store/pairs"
    assert on_machine("node", source, output, *part(0, 1)) == 2
    assert "refused shard '0-train-00000'" in capsys.readouterr().err.splitlines()[-1]
    (tmp_path / "store").unlink()
    (tmp_path / "store").mkdir()
    assert on_machine("node", source, output, *part(0, 1)) == 0
    before = list(made)
    assert on_machine("head", source, output) == 0
    assert len(before) == len(set(before)) and made == before, "nothing is made twice, and the head found them all"
    assert run(source, tmp_path / "whole") == 0
    assert without_key(contents(tmp_path / "store" / "pairs")) == without_key(contents(tmp_path / "whole"))


def test_shards_of_other_files_are_made_anew_and_it_is_said(bucket, tmp_path, on_machine, small_shards, capsys):
    source, output = make_tree(tmp_path / "meshes", NAMES), f"{bucket}/stale/pairs"
    assert on_machine("node", source, output, *part(0, 1)) == 0
    changed = source / "bed" / "train" / "0.off"
    changed.write_bytes((source / "sofa" / "train" / "0.off").read_bytes())
    os.utime(changed, (1, 1))
    capsys.readouterr()
    assert on_machine("head", source, output) == 0
    assert "1 of 4 shards" in capsys.readouterr().err
    assert run(source, tmp_path / "whole") == 0
    assert without_key(at(output)) == without_key(contents(tmp_path / "whole"))


def test_parts_that_cannot_be_read_cost_nothing(bucket, tmp_path, on_machine, small_shards, capsys, made):
    source, output = make_tree(tmp_path / "meshes", NAMES), f"{bucket}/broken/pairs"
    assert on_machine("head", source, output, *part(0, 2)) == 0
    system = fsspec.filesystem("s3")
    broken = f"{output}.partial/0-train-00001.json"
    assert not system.exists(broken)
    system.pipe(broken, b"{")
    assert on_machine("head", source, output) == 2
    assert "cannot be read" in capsys.readouterr().err
    system.rm(broken)
    made.clear()
    assert on_machine("head", source, output) == 0
    assert len(made) == 2, "what the first part made is still there"


def test_parts_do_not_go_to_the_hub(tmp_path, capsys):
    source = make_tree(tmp_path / "meshes", NAMES)
    assert run(source, "hf://datasets/a/b", *part(0, 2)) == 2
    assert "would be a commit" in capsys.readouterr().err
    assert not os.path.exists(tmp_path / "cache")
