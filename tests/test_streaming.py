"""Rows of Parquet files wherever they lie: those of the plain data set, shuffled, shared out and continued exactly."""

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
    with pytest.raises(ValueError, match=r"cannot be read .*is it still there\?"):
        rows[[0]]
    with pytest.raises(ValueError, match="no loadable split 'train': there is no"):
        load_pairs(f"watched://{copy}", streaming=True)


def test_what_is_no_parquet_is_refused(tmp_path, pairs):
    pairs.remove_columns(["views", "points"]).to_json(tmp_path / "train.json")
    with pytest.raises(ValueError, match=r"streaming reads Parquet, and this is \.json"):
        load_pairs(tmp_path, streaming=True)


def test_a_split_that_is_not_there(folder):
    with pytest.raises(ValueError, match="no loadable split 'test': it has train"):
        load_pairs(folder, split="test", streaming=True)


def test_training_streams_from_s3(bucket, work, tmp_path):
    address = f"{bucket}/toy"
    fsspec.filesystem("s3").put(str(work / "data") + "/", f"{address}/", recursive=True)
    options = {"model_name_or_path": work / "model", "streaming": True, "eval_split": "none", "max_steps": 5}
    options |= {"num_train_epochs": 1, "class_names": ["box", "tube"], "dataloader_num_workers": 1}
    runs = {"remote": address, "local": work / "data"}
    for name, dataset in runs.items():
        assert train.main(toy.flags(**options, dataset=dataset, output_dir=tmp_path / name)) == 0
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in runs)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_files_of_any_group_size_are_read(tmp_path, pairs):
    (tmp_path / "data").mkdir()
    pairs.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert pq.ParquetFile(tmp_path / "data" / "train-00000-of-00001.parquet").metadata.num_row_groups == 1
    assert len(load_pairs(tmp_path, streaming=True)) == OBJECTS
