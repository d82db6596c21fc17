"""A streamed step reads the view that it draws, and sees what it would have seen had it read all of them."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image as PILImage
from test_prepare import run as prepare

from benchmarks.streaming import serve
from dataset_scripts.shards import ROWS_PER_GROUP
from modeling_crossmost.data import parquet_rows
from modeling_crossmost.data.datasets import PairDataset, PairReader
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.data.pairs import load_pairs
from modeling_crossmost.data.parquet_rows import ParquetRows
from modeling_crossmost.data.view_places import KEY, ViewFinder, ViewPlaces, merged


def pixels(image: PILImage.Image, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("RGB")))


def reader_of(**options) -> PairReader:
    return PairReader(weak_transform=pixels, strong_transform=pixels, seed=3, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """150 objects in two shards, whose 6 to 9 views of noise hardly compress: about 12 KB each."""
    root = tmp_path_factory.mktemp("views")
    rng = np.random.default_rng(0)
    for number in range(150):
        place = root / "raw" / ("bed" if number % 2 else "desk") / f"{number:03d}"
        place.mkdir(parents=True)
        np.save(place / "cloud.npy", rng.standard_normal((64, 3)))
        for view in range(6 + number % 4):
            noise = PILImage.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
            noise.save(place / f"{view}.png")
    options = ["--image-size", "64", "--num-points", "64", "--num-views", "9"]
    assert prepare(root / "raw", root / "pairs", *options) == 0
    return root / "pairs"


@pytest.mark.parametrize(
    "options", [{}, {"num_views": 4}, {"weak_views": 3}, {"views_per_item": 4}], ids=lambda options: str(options)
)
def test_items_are_those_of_the_data_set_on_disk(folder, options):
    streamed = PairDataset(load_pairs(folder, streaming=True), reader_of(**options))
    on_disk = PairDataset(load_pairs(folder), reader_of(**options))
    rows = [(2, row) for row in (149, 0, 77, 130, 64, 64, 1)]
    for ours, theirs in zip(streamed.__getitems__(rows), on_disk.__getitems__(rows), strict=True):
        assert ours.keys() == theirs.keys() and {"key", "points"} < ours.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_epoch_over_http_reads_little_more_than_the_drawn_views(folder):
    files = sorted((folder / "data").glob("train-*.parquet"))
    whole = sum(file.stat().st_size for file in files)
    with serve(folder / "data") as (address, sent):
        rows = ParquetRows([f"{address}/{file.name}" for file in files])
        footers = sent["bytes"]
        dataset, reader = PairDataset(rows, reader_of()), reader_of()
        seen = [item["index"].item() for start in range(0, 150, 30) for item in epoch_part(dataset, start)]
        assert seen == list(range(150))
    needed = 0
    for file in files:
        footer = pq.read_metadata(file)
        columns = [
            footer.row_group(g).column(c) for g in range(footer.num_row_groups) for c in range(footer.num_columns)
        ]
        wanted = [column for column in columns if column.path_in_schema.startswith("points")]
        needed += sum(column.total_compressed_size for column in wanted)
    table = load_pairs(folder).with_format("arrow")[:]
    sizes = [[len(view["bytes"]) for view in views] for views in table["views"].to_pylist()]
    keys = object_keys(reader.seed, 0, torch.arange(150))
    needed += sum(sizes[row][drawn[0]] for row, drawn in enumerate(reader.draw_views(keys, list(map(len, sizes)))))
    read = sent["bytes"] - footers
    assert needed <= read < 1.1 * needed < 0.25 * whole


def epoch_part(dataset: PairDataset, start: int) -> list[dict]:
    return dataset.__getitems__([(0, row) for row in range(start, start + 30)])


def test_files_without_places_are_read_whole(folder, tmp_path):
    for file in sorted((folder / "data").glob("*.parquet")):
        (tmp_path / "data").mkdir(exist_ok=True)
        pq.write_table(pq.read_table(file), tmp_path / "data" / file.name)  # compressed: nothing lies as it is
    assert ViewPlaces.from_metadata({b"other": b"x"}) is None and ViewPlaces.from_metadata(None) is None
    again = PairDataset(load_pairs(tmp_path, streaming=True), reader_of())
    dataset = PairDataset(load_pairs(folder, streaming=True), reader_of())
    for ours, theirs in zip(epoch_part(again, 60), epoch_part(dataset, 60), strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_noted_places_are_where_the_views_are(folder):
    count = 0
    for file in sorted((folder / "data").glob("train-*.parquet")):
        footer, content = pq.read_metadata(file), file.read_bytes()
        assert footer.num_row_groups == -(-footer.num_rows // ROWS_PER_GROUP)
        places = ViewPlaces.from_metadata(footer.metadata)
        stored = [view["bytes"] for views in pq.read_table(file)["views"].to_pylist() for view in views]
        assert len(stored) == len(places.sizes) == places.firsts[-1]
        for view, offset, size in zip(stored, places.offsets, places.sizes, strict=True):
            assert content[offset : offset + size] == view
        assert len(footer.metadata[KEY]) < 0.002 * len(content)
        count += footer.num_rows
    assert count == 150


def test_views_that_are_not_stored_as_they_are_have_no_places():
    finder = ViewFinder()
    finder.add([b"first", b"second"])
    assert finder.find(b"\x05\x00\x00\x00first") is None
    places = finder.find(b"head\x05\x00\x00\x00first..\x06\x00\x00\x00second")
    assert places.offsets.tolist() == [8, 19] and places.sizes.tolist() == [5, 6] and places.firsts.tolist() == [0, 2]
    again = ViewPlaces.from_metadata(places.to_metadata())
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(again, places, strict=True))


def test_near_ranges_are_read_as_one():
    assert merged([(50, 60), (0, 10), (18, 20), (60, 61)], largest_gap=8) == [(0, 20), (50, 61)]
    assert merged([], 8) == []


def test_an_image_that_is_broken_on_the_way_is_tried_again(folder, monkeypatch):
    monkeypatch.setattr(parquet_rows, "FIRST_PAUSE", 0.0)
    dataset, tries = PairDataset(load_pairs(folder, streaming=True), reader_of()), []

    def fails_once(path):
        tries.append(path)
        if len(tries) == 1:
            raise ConnectionResetError("the connection was reset")
        return opened(path)

    expected, opened = epoch_part(dataset, 0), parquet_rows._opened
    monkeypatch.setattr(parquet_rows, "_opened", fails_once)
    assert len(epoch_part(dataset, 0)) == len(expected) and len(tries) > 1
