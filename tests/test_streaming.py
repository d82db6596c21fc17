"""Rows of Parquet files wherever they lie: those of the plain data set, shuffled, shared out and continued exactly."""

import json
import os
import re
import shutil
from collections import Counter

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import toy
from fsspec.implementations.local import LocalFileSystem
from safetensors.torch import load_file
from test_data import OBJECTS, gray, make_pairs

import train
from modeling_crossmost.data import parquet_rows
from modeling_crossmost.data.datasets import PairDataset, PairReader
from modeling_crossmost.data.loaders import EndlessBatches, GlobalBatchSampler, training_loader
from modeling_crossmost.data.pairs import load_pairs
from modeling_crossmost.data.parquet_rows import ParquetRows


SIZES = (13, 2, 17, 8)  # rows of the shards: uneven, in groups of five

pytestmark = pytest.mark.usefixtures("own_cache")


class Watched(LocalFileSystem):
    """Local filesystem that counts the bytes it reads and fails on demand."""

    protocol = "watched"
    cachable = False
    read: Counter = Counter()
    failures = 0

    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(str(path).removeprefix("watched://"))

    def unstrip_protocol(self, name):
        return f"watched://{self._strip_protocol(name)}"

    def open(self, path, mode="rb", **options):
        options.pop("cache_type", None)
        file = super().open(path, mode, **options)
        read = file.f.read

        class Reader:
            def __getattr__(self, name):
                return getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *reason):
                file.close()

            def read(self, count=-1):
                if Watched.failures:
                    Watched.failures -= 1
                    raise ConnectionResetError("the connection was reset")
                content = read(count)
                Watched.read[str(path)] += len(content)
                return content

        return Reader()


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    fsspec.register_implementation("watched", Watched, clobber=True)
    monkeypatch.setattr(Watched, "read", Counter())
    monkeypatch.setattr(Watched, "failures", 0)
    monkeypatch.setattr(parquet_rows, "FIRST_PAUSE", 0.0)


@pytest.fixture(scope="module")
def pairs():
    return make_pairs()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pairs):
    root = tmp_path_factory.mktemp("streamed") / "pairs"
    (root / "data").mkdir(parents=True)
    start = 0
    for number, size in enumerate(SIZES):
        rows = pairs.select(range(start, start + size))
        rows.to_parquet(root / "data" / f"train-{number:05d}-of-{len(SIZES):05d}.parquet", batch_size=5)
        start += size
    assert start == OBJECTS
    return root


def loader_of(rows: ParquetRows, size: int, processes: int = 1, index: int = 0, workers: int = 0, micro_step: int = 0):
    sampler = GlobalBatchSampler(len(rows), size, processes, index, seed=3, group_sizes=rows.group_sizes)
    endless = EndlessBatches(sampler, micro_step)
    return training_loader(PairDataset(rows, PairReader(gray, gray, seed=3)), endless, num_workers=workers)


def first(loader, count: int) -> list[list[int]]:
    return [batch["index"].tolist() for batch, _ in zip(loader, range(count), strict=False)]


def joined(batches: list[list[int]]) -> list[int]:
    return [row for batch in batches for row in batch]


def test_rows_are_those_of_the_plain_data_set(folder, pairs):
    rows = load_pairs(folder, streaming=True)
    assert len(rows) == OBJECTS and sum(rows.group_sizes) == OBJECTS and max(rows.group_sizes) == 5
    assert rows.features == pairs.features
    plain = PairDataset(pairs, PairReader(gray, gray, seed=1))
    streamed = PairDataset(rows, PairReader(gray, gray, seed=1))
    asked = [39, 0, 14, 15, 3, 12, 13, 14]
    for one, other in zip(plain.__getitems__(asked), streamed.__getitems__(asked), strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_epoch_shuffles_groups_and_rows_within(folder):
    rows = load_pairs(folder, streaming=True)
    group = np.repeat(np.arange(len(rows.group_sizes)), rows.group_sizes)
    loader = loader_of(rows, 4)
    epochs = [joined(first(loader, 10)) for loader in [loader, loader_of(rows, 4, micro_step=10)]]
    for seen in epochs:
        assert sorted(seen) == list(range(OBJECTS))
        changes = np.flatnonzero(np.diff(group[seen])) + 1
        assert len(changes) == len(rows.group_sizes) - 1, "rows of a group stay together"
    assert epochs[0] != epochs[1]
    assert epochs[0] == joined(first(loader_of(rows, 4), 10))
    inside = [row for row in epochs[0] if group[row] == 0]
    assert inside != sorted(inside)


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_and_workers_share_the_batches_of_one(folder, workers):
    rows = load_pairs(folder, streaming=True)
    size = 6
    whole = first(loader_of(rows, 2 * size), 5)
    parts = [first(loader_of(rows, size, 2, index, workers), 5) for index in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole
    in_epoch = joined(whole[: OBJECTS // (2 * size)])
    assert len(set(in_epoch)) == len(in_epoch) == OBJECTS // (2 * size) * 2 * size


def test_resuming_reads_nothing_of_what_came_before(folder):
    address = f"watched://{folder}"
    rows = load_pairs(address, streaming=True)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    Watched.read.clear()
    whole = first(loader_of(rows, 4), 10)
    everything = Watched.read.total()
    assert 0.5 * size < everything <= size
    rows = load_pairs(address, streaming=True)
    Watched.read.clear()
    assert first(loader_of(rows, 4, micro_step=9), 1) == whole[9:]
    assert Watched.read.total() < 0.3 * everything  # a batch of four rows: at most two groups of five, of forty rows


def test_only_the_columns_that_are_wanted_are_read(folder):
    rows = load_pairs(f"watched://{folder}", streaming=True)
    Watched.read.clear()
    rows.select_columns(["label"])[list(range(OBJECTS))]
    assert Watched.read.total() < 4000


def test_lost_connections_are_tried_again(folder):
    rows = load_pairs(f"watched://{folder}", streaming=True)
    Watched.failures = parquet_rows.TRIES - 1
    assert first(loader_of(rows, 4), 1) == first(loader_of(load_pairs(folder, streaming=True), 4), 1)
    Watched.failures = 10**6
    rows = load_pairs(folder, streaming=True)
    broken = ParquetRows.__new__(ParquetRows)
    broken.__dict__ |= rows.__getstate__() | {"files": [f"watched://{file}" for file in rows.files]}
    with pytest.raises(ValueError, match=r"could not be read in 6 tries \(the connection was reset\).*latest"):
        broken[[0]]


def test_a_source_that_is_gone_is_one_sentence(folder, tmp_path):
    copy = tmp_path / "copy"
    (copy / "data").mkdir(parents=True)
    for path in folder.rglob("*.parquet"):
        (copy / "data" / path.name).write_bytes(path.read_bytes())
    rows = load_pairs(f"watched://{copy}", streaming=True)
    for path in copy.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(ValueError, match=r"cannot be read .*is it still there, and whole\?"):
        rows[[0]]
    with pytest.raises(ValueError, match="no loadable split 'train': there is no"):
        load_pairs(f"watched://{copy}", streaming=True)


def test_a_file_that_was_cut_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    rows = load_pairs(copy, streaming=True)
    first_file = min(copy.rglob("*.parquet"))
    os.truncate(first_file, 100)
    start, end = 90, 120
    with pytest.raises(ValueError, match=rf"{first_file.name}' cannot be read \(it ends before byte {end}\)"):
        parquet_rows._read_ranges(rows.files[0], [(start, end)])
    with pytest.raises(ValueError, match=f"{first_file.name}' could not be read"):
        rows[[0]]


def test_a_server_that_is_not_there_is_one_sentence(monkeypatch, tmp_path, work, capfd):
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setattr(s3fs.S3FileSystem, "cachable", False)  # whoever has connected to another server before or will
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setattr(parquet_rows, "TRIES", 2)
    options = {"dataset": "s3://bucket/pairs", "streaming": True, "model_name_or_path": work / "model"}
    assert train.main(toy.flags(**options, output_dir=tmp_path / "run")) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and "could not be read in 2 tries" in error.splitlines()[0]


def test_footers_are_read_and_nothing_more(folder, monkeypatch):
    footers = {str(path): pq.read_metadata(path).serialized_size + 8 for path in folder.rglob("*.parquet")}
    found = set()
    for tail in (8, 100, min(footers.values()) + 1, parquet_rows.TAIL):  # what the first read does not hold is added
        monkeypatch.setattr(parquet_rows, "TAIL", tail)
        Watched.read.clear()
        found.add(load_pairs(f"watched://{folder}", streaming=True)._fingerprint)
        assert all(Watched.read[path] <= max(tail, size) for path, size in footers.items())
    assert len(found) == 1


def test_the_fingerprint_is_of_the_rows_and_not_of_their_place(folder, tmp_path, pairs):
    rows = load_pairs(folder, streaming=True)
    copy = load_pairs(shutil.copytree(folder, tmp_path / "copy"), streaming=True)
    assert copy._fingerprint == rows._fingerprint
    last = max((tmp_path / "copy").rglob("*.parquet"))
    pairs.select(range(8)).to_parquet(last, batch_size=5)
    changed = load_pairs(tmp_path / "copy", streaming=True)
    assert len(changed) == len(rows)
    seen = {each._fingerprint for each in (rows, changed, rows.select_columns(["points"]), rows.select([1, 2]))}
    assert len(seen) == 4


@pytest.mark.parametrize("streaming", [True, False])
def test_a_resumed_run_of_other_data_is_refused(streaming, work, tmp_path, capsys):
    data = shutil.copytree(work / "data", tmp_path / "data")
    options = {"model_name_or_path": work / "model", "dataset": data, "streaming": streaming, "eval_split": "none"}
    options |= {"class_names": ["box", "tube"], "output_dir": tmp_path / "run", "max_steps": 4}
    assert train.main(toy.flags(**options, stop_after_steps=2)) == 0
    shutil.rmtree(data)
    toy.write_split(data, "train", toy.toy_rows(11, 5))
    assert train.main(toy.flags(**options, resume_from_checkpoint="latest")) == 2
    assert "with data = '14 objects" in capsys.readouterr().err
    shutil.rmtree(data)
    shutil.copytree(work / "data", data)
    assert train.main(toy.flags(**options, resume_from_checkpoint="latest")) == 0


def test_what_is_no_parquet_is_refused(tmp_path, pairs):
    pairs.remove_columns(["views", "points"]).to_json(tmp_path / "train.json")
    with pytest.raises(ValueError, match=r"streaming reads Parquet, and this is \.json"):
        load_pairs(tmp_path, streaming=True)


def test_a_split_that_is_not_there(folder):
    for split, sentence in {"test": "it has train", "train[:10]": "it has train; slices are not for streaming"}.items():
        with pytest.raises(ValueError, match=re.escape(f"no loadable split {split!r}: {sentence}")):
            load_pairs(folder, split=split, streaming=True)


def test_an_address_needs_streaming(bucket):
    with pytest.raises(ValueError, match="is an address: rows are read there with --streaming true"):
        load_pairs(f"{bucket}/toy")


def test_training_streams_from_s3(bucket, work, tmp_path):
    address = f"{bucket}/toy"
    fsspec.filesystem("s3").put(str(work / "data") + "/", f"{address}/", recursive=True)
    options = {"model_name_or_path": work / "model", "streaming": True, "max_steps": 5}
    options |= {"num_train_epochs": 1, "dataloader_num_workers": 1}
    runs = {"remote": address, "local": work / "data"}
    for name, dataset in runs.items():
        assert train.main(toy.flags(**options, dataset=dataset, output_dir=tmp_path / name)) == 0
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)
    there, here = (json.loads((tmp_path / name / "results.json").read_text()) for name in runs)
    assert there["teacher"] == here["teacher"] and there["num_objects"] == 9


@pytest.mark.parametrize("withheld", [True, False])
def test_streamed_evaluation_equals_that_of_a_copy(withheld, work, tmp_path):
    rows = load_pairs(work / "data", split="test")
    if withheld:  # as the Hub does
        rows = rows.map(lambda row: {"label": -1}, features=rows.features)
    (tmp_path / "pairs" / "data").mkdir(parents=True)
    rows.to_parquet(tmp_path / "pairs" / "data" / "test-00000-of-00001.parquet", batch_size=4)
    options = {"model_name_or_path": work / "model", "dataset": tmp_path / "pairs", "eval_only": True}
    found = []
    for streaming in (True, False):
        assert train.main(toy.flags(**options, streaming=streaming, output_dir=tmp_path / str(streaming))) == 0
        found.append(json.loads((tmp_path / str(streaming) / "results.json").read_text())["zero_shot"])
    assert found[0] == found[1] and (found[0] is None or withheld == (found[0]["fused"] is None))


def test_files_of_any_group_size_are_read(tmp_path, pairs):
    (tmp_path / "data").mkdir()
    pairs.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert pq.ParquetFile(tmp_path / "data" / "train-00000-of-00001.parquet").metadata.num_row_groups == 1
    assert len(load_pairs(tmp_path, streaming=True)) == OBJECTS
