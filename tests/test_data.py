"""Reading of prepared pairs: no labels in training, keyed draws, sampler, evaluation batches, errors."""

import io
import math
import platform
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from datasets import Array2D, ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as PILImage

from modeling_crossmost.data import pairs as pairs_module
from modeling_crossmost.data.augmentation import EvalImageTransform, StrongImageTransform, WeakImageTransform
from modeling_crossmost.data.datasets import EvaluationDataset, PairDataset, PairReader
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.data.loaders import (
    EndlessBatches,
    GlobalBatchSampler,
    collate_evaluation,
    collate_pairs,
    evaluation_loader,
    training_loader,
)
from modeling_crossmost.data.pairs import check_view_sizes, class_names, load_pairs, training_dataset
from modeling_crossmost.utils.machine import environment_with_packages


OBJECTS, POINTS, VIEWS, SIZE = 40, 16, 5, 12

pytestmark = pytest.mark.usefixtures("own_cache")


def encode(value: int, size: int = SIZE) -> dict:
    """A lossless image whose every pixel is `value`."""
    content = io.BytesIO()
    PILImage.new("RGB", (size, size), (value, value, value)).save(content, "WEBP", lossless=True, method=0, quality=0)
    return {"bytes": content.getvalue(), "path": None}


def make_pairs(count: int = OBJECTS, views: int = VIEWS, labels: bool = True, captions: bool = True) -> Dataset:
    """Objects whose views tell them apart: view v of object i has the gray value 6 i + v."""
    rng = np.random.default_rng(0)
    columns = {
        "object_id": [f"chair/{i}" for i in range(count)],
        "points": [rng.standard_normal((POINTS, 3)).astype(np.float32) for _ in range(count)],
        "views": [[encode((6 * i + v) % 256) for v in range(views)] for i in range(count)],
    }
    features = {
        "object_id": Value("string"),
        "points": Array2D((POINTS, 3), "float32"),
        "views": List(Image()),
    }
    if labels:
        columns["label"] = [i % 2 for i in range(count)]
        features["label"] = ClassLabel(names=["bed", "night stand"])
    if captions:
        columns["captions"] = [[f"{i} first", f"{i} second"] for i in range(count)]
        features["captions"] = List(Value("string"))
    return Dataset.from_dict(columns, features=Features(features))


def gray(image: PILImage.Image, seed: int) -> torch.Tensor:
    """A transform that returns the gray value and remembers the seed."""
    return torch.tensor([image.getpixel((0, 0))[0], seed % 1000003])


class FakeTokenizer:
    """Numbers of the object and of the caption, padded; stands in for a transformers tokenizer."""

    def __call__(self, texts, padding, truncation, max_length, return_tensors):
        ids = torch.zeros(len(texts), max_length, dtype=torch.int64)
        for row, text in enumerate(texts):
            number, which = text.split()
            ids[row, :2] = torch.tensor([int(number), ["first", "second"].index(which)])
        return {"input_ids": ids, "attention_mask": (ids >= 0).long()}


@pytest.fixture(scope="module")
def pairs() -> Dataset:
    return make_pairs()


@pytest.fixture
def folder(tmp_path, pairs):
    """Parquet shards as `prepare` writes them."""
    for shard in range(2):
        path = tmp_path / "pairs" / "data" / f"train-{shard:05d}-of-00002.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pairs.shard(2, shard, contiguous=True).to_parquet(path)
    return tmp_path / "pairs"


def write(dataset: Dataset, path) -> str:
    (path / "data").mkdir(parents=True)
    dataset.to_parquet(path / "data" / "train-00000-of-00001.parquet")
    return str(path)


def equal(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# Training items


def test_training_sees_neither_label_nor_object_id(pairs):
    assert training_dataset(pairs).column_names == ["points", "views"]
    assert training_dataset(pairs, captions=True).column_names == ["points", "views", "captions"]
    dataset = PairDataset(pairs, PairReader(gray, gray))
    assert dataset.rows.column_names == ["points", "views"]
    assert set(dataset[0]) == {"index", "key", "points", "weak_image", "strong_image"}


@pytest.mark.parametrize("wanted", [2, VIEWS, VIEWS + 2])
def test_the_teacher_gets_several_views_of_which_the_first_is_the_students(pairs, wanted):
    dataset = PairDataset(pairs, PairReader(gray, gray, seed=3, weak_views=wanted))
    items = dataset.__getitems__(range(OBJECTS))
    assert all(equal(*both) for both in zip(items, dataset.__getitems__(range(OBJECTS)), strict=True))
    orders = set()
    for number, item in enumerate(items):
        views = (item["weak_image"][:, 0] - 6 * number).tolist()
        assert len(views) == wanted and views[0] == int(item["strong_image"][0]) - 6 * number
        assert len(set(views[:VIEWS])) == min(wanted, VIEWS), "every view once before one repeats"
        assert views[VIEWS:] == views[: max(0, wanted - VIEWS)]
        assert len(set(item["weak_image"][:, 1].tolist())) == wanted, "each has its own crop"
        orders.add(tuple(views))
    assert len(orders) > 1
    alone = PairDataset(pairs, PairReader(gray, gray, seed=3)).__getitems__(range(OBJECTS))
    assert all(torch.equal(a["strong_image"], b["strong_image"]) for a, b in zip(items, alone, strict=True))


def test_permuted_labels_change_no_item(pairs):
    labels = pairs["label"][:]
    random.Random(0).shuffle(labels)
    permuted = pairs.remove_columns("label").add_column("label", labels)
    first, second = PairDataset(pairs, PairReader(gray, gray)), PairDataset(permuted, PairReader(gray, gray))
    assert all(equal(first[i], second[i]) for i in range(OBJECTS))


def test_items_hold_the_object(pairs):
    dataset = PairDataset(pairs, PairReader(WeakImageTransform(16), StrongImageTransform(16), seed=3))
    dataset.set_epoch(2)
    for i, item in zip([7, 3], dataset.__getitems__([7, 3]), strict=True):
        assert item["index"] == i and item["key"] == object_keys(3, 2, torch.tensor([i]))[0]
        np.testing.assert_array_equal(item["points"].numpy(), np.array(pairs[i]["points"], dtype=np.float32))
        assert item["weak_image"].shape == item["strong_image"].shape == (3, 16, 16)


def test_both_images_come_from_the_drawn_view(pairs):
    dataset = PairDataset(pairs, PairReader(gray, gray))
    drawn = []
    for epoch in range(20):
        dataset.set_epoch(epoch)
        for i, item in enumerate(dataset.__getitems__(range(OBJECTS))):
            assert item["weak_image"][0] == item["strong_image"][0]
            assert item["weak_image"][1] != item["strong_image"][1]
            drawn.append(int(item["weak_image"][0]) - 6 * i)
    counts = np.bincount(drawn, minlength=VIEWS)
    assert len(counts) == VIEWS and abs(counts - 160).max() < 5 * math.sqrt(160)


def test_num_views_draws_from_the_first_ones(pairs):
    dataset = PairDataset(pairs, PairReader(gray, None, num_views=2))
    drawn = {int(item["weak_image"][0]) - 6 * i for i, item in enumerate(dataset.__getitems__(range(OBJECTS)))}
    assert drawn == {0, 1}
    more = PairDataset(pairs, PairReader(gray, None, num_views=100))
    assert equal(more[5], PairDataset(pairs, PairReader(gray, None))[5])
    with pytest.raises(ValueError, match="at least one view"):
        PairReader(gray, None, num_views=0)


def test_items_do_not_depend_on_the_batch(pairs):
    dataset = PairDataset(pairs, PairReader(WeakImageTransform(16), StrongImageTransform(16), seed=1))
    whole = dataset.__getitems__(range(OBJECTS))
    for batch in ([3], [9, 3, 20], list(range(OBJECTS))[::-1]):
        assert all(equal(item, whole[i]) for i, item in zip(batch, dataset.__getitems__(batch), strict=True))
    dataset.set_epoch(1)
    assert not any(equal(item, whole[i]) for i, item in enumerate(dataset.__getitems__(range(OBJECTS))))
    dataset.set_epoch(0)
    assert equal(dataset[3], whole[3])


def test_only_one_view_is_decoded(pairs, monkeypatch):
    opened = []
    original = pairs_module.PILImage.open
    monkeypatch.setattr(pairs_module.PILImage, "open", lambda *a, **k: opened.append(1) or original(*a, **k))
    PairDataset(pairs, PairReader(gray, gray)).__getitems__(range(10))
    assert len(opened) == 10
    PairDataset(pairs, PairReader(None, None)).__getitems__(range(10))
    assert len(opened) == 10


def test_one_caption_is_drawn(pairs):
    dataset = PairDataset(pairs, PairReader(None, gray, tokenizer=FakeTokenizer(), max_caption_length=4))
    items = dataset.__getitems__(range(OBJECTS))
    assert [int(item["input_ids"][0]) for item in items] == list(range(OBJECTS))
    assert {int(item["input_ids"][1]) for item in items} == {0, 1}
    batch = collate_pairs(items)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (OBJECTS, 4)


def test_streamed_captions_of_different_lengths_are_padded(pairs):
    item = PairDataset(pairs, PairReader(None, None))[0]
    rows = [torch.tensor([5, 6, 7]), torch.tensor([8])]
    batch = collate_pairs([{**item, "input_ids": row, "attention_mask": torch.ones_like(row)} for row in rows])
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert "weak_image" not in batch
    with pytest.raises(ValueError, match="no captions column"):
        PairDataset(pairs.remove_columns("captions"), PairReader(None, gray, tokenizer=FakeTokenizer()))


def test_collated_pairs(pairs):
    dataset = PairDataset(pairs, PairReader(WeakImageTransform(16), StrongImageTransform(16)))
    batch = collate_pairs(dataset.__getitems__([4, 2, 0]))
    assert batch["index"].tolist() == [4, 2, 0] and batch["key"].dtype == torch.int64
    assert batch["points"].shape == (3, POINTS, 3) and batch["weak_image"].shape == (3, 3, 16, 16)
    with pytest.raises(ValueError, match="between 3 and 16 points"):
        collate_pairs([dataset[0], {**dataset[1], "points": torch.zeros(3, 3)}])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("points", [[float("nan")] * 3] * POINTS, "cloud of row 1 has coordinates that are not finite"),
        ("points", None, "cloud of row 1 is empty"),
        ("views", [], "row 1 has no views"),
        ("views", None, "row 1 has no views"),
        ("views", [{"bytes": b"no image", "path": None}], "View 0 of row 1 is not a readable image"),
        ("views", [{"bytes": encode(3)["bytes"][:30], "path": None}], "View 0 of row 1 is not a readable image"),
        ("views", [{"bytes": None, "path": "/nowhere/image.png"}], "View 0 of row 1 is not a readable image"),
    ],
)
def test_broken_rows_are_named(pairs, column, value, message):
    good = pairs.cast_column("views", List(Image(decode=False)))[:3]
    good["points"] = [np.asarray(cloud).tolist() for cloud in good["points"]]
    good[column] = [good[column][0], value, good[column][2]]
    broken = Dataset.from_dict(good, features=pairs.features)
    with pytest.raises(ValueError, match=message):
        PairDataset(broken, PairReader(gray, gray)).__getitems__([0, 1])


def test_views_may_be_files(tmp_path, pairs):
    path = tmp_path / "view.png"
    PILImage.new("RGB", (SIZE, SIZE), (77, 77, 77)).save(path)
    good = pairs.cast_column("views", List(Image(decode=False)))[:1]
    good["views"] = [[{"bytes": None, "path": str(path)}]]
    dataset = PairDataset(Dataset.from_dict(good, features=pairs.features), PairReader(gray, None))
    assert dataset[0]["weak_image"][0] == 77


# Sampler


def flat(batches) -> list[int]:
    return [row for batch in batches for row in batch]


def all_batches(**options) -> list[list[int]]:
    return list(GlobalBatchSampler(**options))


@pytest.mark.parametrize("processes", [2, 3, 4])
@pytest.mark.parametrize("drop_last", [True, False])
def test_processes_together_read_the_global_batches(processes, drop_last):
    options = {"num_objects": 100, "seed": 5, "epoch": 2, "drop_last": drop_last}
    single = all_batches(batch_size_per_process=12, **options)
    parts = [
        all_batches(batch_size_per_process=12 // processes, num_processes=processes, process_index=rank, **options)
        for rank in range(processes)
    ]
    assert [flat(slices) for slices in zip(*parts, strict=True)] == single


def test_sampler_reads_every_object_once_in_a_new_order_per_epoch():
    sampler = GlobalBatchSampler(96, 12, seed=1)
    first = list(sampler)
    assert len(first) == len(sampler) == 8 and sorted(flat(first)) == list(range(96))
    sampler.set_epoch(1)
    assert list(sampler) != first and sorted(flat(sampler)) == list(range(96))
    sampler.set_epoch(0)
    assert list(sampler) == first
    assert all_batches(num_objects=96, batch_size_per_process=12, seed=2) != first


def test_sampler_restarts_in_mid_epoch():
    options = {"num_objects": 100, "batch_size_per_process": 4, "num_processes": 2, "process_index": 1, "epoch": 3}
    whole = all_batches(**options)
    assert len(whole) == 12
    for start in (0, 1, 7, 12):
        tail = GlobalBatchSampler(**options, start_batch=start)
        assert list(tail) == whole[start:] and len(tail) == 12 - start


def test_sampler_completes_the_last_batch():
    batches = all_batches(num_objects=10, batch_size_per_process=4, drop_last=False)
    assert [len(batch) for batch in batches] == [4, 4, 4]
    rows = flat(batches)
    assert sorted(rows[:10]) == list(range(10)) and rows[10:] == rows[:2]
    assert len(flat(all_batches(num_objects=3, batch_size_per_process=8, drop_last=False))) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_objects": 7, "batch_size_per_process": 8}, "7 objects, fewer than one global batch of 8"),
        ({"num_objects": 0, "batch_size_per_process": 8, "drop_last": False}, "0 objects"),
        ({"num_objects": 9, "batch_size_per_process": 0}, "Batches of 0"),
        ({"num_objects": 9, "batch_size_per_process": 2, "process_index": 1}, "process index is 1"),
        ({"num_objects": 9, "batch_size_per_process": 2, "start_batch": 5}, "an epoch has 4 batches"),
    ],
)
def test_impossible_samplers(options, message):
    with pytest.raises(ValueError, match=message):
        GlobalBatchSampler(**options)


# Loaders


@pytest.mark.parametrize("workers", [0, 2])
def test_training_loader_follows_sampler_and_epoch(pairs, workers):
    dataset = PairDataset(pairs, PairReader(WeakImageTransform(16), StrongImageTransform(16)))
    sampler = GlobalBatchSampler(OBJECTS, 8)
    loader = training_loader(dataset, sampler, num_workers=workers)
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        sampler.set_epoch(epoch, start_batch=2)
        assert len(loader) == 3
        before = torch.get_rng_state()
        batches = list(loader)
        assert torch.equal(before, torch.get_rng_state())
        assert [batch["index"].tolist() for batch in batches] == list(sampler)
        for batch, rows in zip(batches, sampler, strict=True):
            assert equal(batch, collate_pairs(dataset.__getitems__(rows)))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_endless_loader_goes_through_all_epochs_with_the_same_workers(pairs, workers, monkeypatch):
    started = []
    original = torch.multiprocessing.Process.start
    monkeypatch.setattr("multiprocessing.context.Process.start", lambda self: started.append(self) or original(self))
    dataset = PairDataset(pairs, PairReader(WeakImageTransform(16), StrongImageTransform(16)))
    sampler = GlobalBatchSampler(OBJECTS, 8)
    batches = iter(training_loader(dataset, EndlessBatches(sampler, 2), num_workers=workers))
    for epoch in (0, 1, 2):
        dataset.set_epoch(epoch)
        for rows in list(GlobalBatchSampler(OBJECTS, 8, epoch=epoch, start_batch=0 if epoch else 2)):
            assert equal(next(batches), collate_pairs(dataset.__getitems__(rows)))
    assert len(started) == workers


INHERITANCE = """
import psutil, torch
from modeling_crossmost.data.loaders import training_loader
freed, between = [], []
for _ in range(8):  # what is kept in between leaves holes, not a free end
    freed.append(torch.ones(1 << 23)); between.append(torch.ones(1 << 10))
freed = None
before = psutil.Process().memory_info().rss
batches = iter(training_loader([0, 1], [[0], [1]], num_workers=1))
print((before - psutil.Process().memory_info().rss) >> 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="The C library gives freed memory back by itself.")
def test_workers_do_not_inherit_what_was_freed():
    """The Makefile's settings of malloc keep 256 MiB that nobody holds; what a fork gets its parent pays for twice."""
    settings = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}
    command = [sys.executable, "-c", INHERITANCE]
    environment = environment_with_packages() | settings
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 200


# Evaluation


def test_evaluation_reads_everything(pairs):
    items = EvaluationDataset(pairs, EvalImageTransform(SIZE, (0, 0, 0), (1, 1, 1))).__getitems__([2, 11])
    for i, item in zip([2, 11], items, strict=True):
        assert item["index"] == i and item["label"] == i % 2
        values = item["views"][:, 0, 0, 0].tolist()
        assert item["views"].dtype == torch.uint8
        assert values == [6 * i + v for v in range(VIEWS)] and item["views"].shape == (VIEWS, 3, SIZE, SIZE)
        assert abs(item["points"].norm(dim=1).max() - 1) < 1e-6 and item["points"].mean(0).abs().max() < 1e-6


def test_evaluation_without_labels_and_with_fewer_views():
    dataset = EvaluationDataset(make_pairs(4, labels=False, captions=False), EvalImageTransform(8), num_views=3)
    assert not dataset.has_labels
    batch = collate_evaluation([dataset[i] for i in range(4)])
    assert "label" not in batch and batch["views"].shape == (4, 3, 3, 8, 8) and batch["view_mask"].all()
    with pytest.raises(ValueError, match="at least one view"):
        EvaluationDataset(make_pairs(1), EvalImageTransform(8), num_views=0)


def test_evaluation_pads_different_numbers_of_views(pairs):
    columns = pairs.cast_column("views", List(Image(decode=False)))[:3]
    columns["views"] = [columns["views"][0], columns["views"][1][:2], columns["views"][2][:1]]
    ragged = Dataset.from_dict(columns, features=pairs.features)
    dataset = EvaluationDataset(ragged, EvalImageTransform(8))
    batch = collate_evaluation([dataset[i] for i in range(3)])
    assert batch["view_mask"].sum(1).tolist() == [5, 2, 1]
    assert torch.equal(batch["views"][batch["view_mask"]], torch.cat([dataset[i]["views"] for i in range(3)]))
    assert not batch["views"][~batch["view_mask"]].any()


def test_evaluation_bounds_what_its_workers_have_ready(pairs):
    """12 views of 224 px are 1.8 MB an object; the default batch of 64 objects would need 230 MB for each worker."""
    dataset = EvaluationDataset(pairs, EvalImageTransform(224))
    each = sum(value.nbytes for value in dataset[0].values())
    for workers in (1, 2):
        size = evaluation_loader(dataset, 64, num_workers=workers).batch_size
        assert 1 <= size <= 64 and (size == 1 or size * each * workers * 2 <= 48 << 20)
    assert evaluation_loader(dataset, 64).batch_size == 64


def test_evaluation_loader_divides_rows_among_processes(pairs):
    dataset = EvaluationDataset(pairs.select(range(11)), EvalImageTransform(8))
    before = torch.get_rng_state()
    loaders = [evaluation_loader(dataset, 4, num_processes=3, process_index=rank) for rank in range(3)]
    rows = [flat(batch["index"].tolist() for batch in loader) for loader in loaders]
    assert torch.equal(before, torch.get_rng_state())
    assert rows == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]]


# Loading


def test_load_pairs(folder):
    loaded = load_pairs(folder)
    assert len(loaded) == OBJECTS and class_names(loaded) == ["bed", "night stand"]
    assert len(load_pairs(str(folder), split="train[:10]")) == 10
    assert class_names(load_pairs(folder, streaming=True)) == ["bed", "night stand"]
    assert class_names(make_pairs(1, labels=False)) is None
    # The data set stays an ordinary one.
    assert loaded[0]["views"][0].size == (SIZE, SIZE)


@pytest.mark.parametrize("streaming", [False, True])
def test_load_pairs_says_what_is_wrong(folder, tmp_path, streaming):
    pairs = make_pairs(2)
    cases = {
        "does not exist; give the folder": {"dataset": str(tmp_path / "nowhere")},
        "is a file": {"dataset": str(folder / "data" / "train-00000-of-00002.parquet")},
        "no loadable split 'tset'.*train": {"dataset": folder, "split": "tset"},
        "configuration 'odd'.*default": {"dataset": folder, "config": "odd"},
        "lacks the column points, it has": {"dataset": write(pairs.remove_columns("points"), tmp_path / "a")},
        "lacks the column views, it has": {"dataset": write(pairs.remove_columns("views"), tmp_path / "b")},
        "it must be List": {
            "dataset": write(pairs.remove_columns("views").add_column("views", ["x", "y"]), tmp_path / "c")
        },
        "has no objects": {"dataset": write(pairs.select([]), tmp_path / "d")},
        "it must be Array2D": {
            "dataset": write(pairs.remove_columns("points").add_column("points", [[1.0, 2.0, 3.0]] * 2), tmp_path / "e")
        },
    }
    (tmp_path / "f").mkdir()
    cases["no loadable split 'train'"] = {"dataset": tmp_path / "f"}
    for message, options in cases.items():
        with pytest.raises(ValueError, match=message) as caught:
            load_pairs(**options, streaming=streaming)
        assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("streaming", [False, True])
def test_views_too_small_for_the_model(folder, streaming):
    dataset = load_pairs(folder, streaming=streaming)
    check_view_sizes(dataset, 2 * SIZE)
    with pytest.raises(ValueError, match="views of 12 x 12 px, too small for this model's 25 px"):
        check_view_sizes(dataset, 2 * SIZE + 1)


def test_broken_parquet_is_one_sentence(tmp_path):
    (tmp_path / "pairs" / "data").mkdir(parents=True)
    (tmp_path / "pairs" / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 this is no table")
    with pytest.raises(ValueError, match="no loadable split 'train'") as caught:
        load_pairs(tmp_path / "pairs")
    assert "\n" not in str(caught.value)
