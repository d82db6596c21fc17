"""Training pairs and evaluation objects, as PyTorch data sets; labels reach only methods that learn from them.

One view is decoded per object and training step, unless several are asked for. Every draw is keyed by (seed, epoch,
object), so it does not matter which process, worker or batch reads an object.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image as PILImage

from ..utils.extras import importing
from .augmentation import EvalImageTransform, normalize_clouds
from .keyed_random import Stream, keyed_bits, keyed_integers, keyed_order, object_keys, substream
from .pairs import (
    REQUIRED_COLUMNS,
    Rows,
    decode_view,
    read_cloud,
    read_label,
    read_views,
    select_raw,
    training_dataset,
)
from .parquet_rows import ParquetRows


with importing("data"):
    import pyarrow as pa


ImageTransform = Callable[[PILImage.Image, int], torch.Tensor]
Item = dict[str, torch.Tensor]


# Training


@dataclass
class PairReader:
    """Turn rows into training items.

    Args:
        weak_transform: makes the teacher's image from a drawn view and a seed; None leaves `weak_image` out.
        strong_transform: makes the student's image from the same view; None leaves `strong_image` out.
        seed: seed of the run.
        num_views: draw from the first `num_views` views of an object only; None means all.
        tokenizer: tokenizer for one drawn caption per object; None leaves captions out.
        max_caption_length: tokens to which captions are cut; None means the tokenizer's own limit. They are padded to
            the longest of a batch.
        num_captions: draw from the first `num_captions` captions of an object only; None means all.
        two_captions: also draw another caption of each object, `other_input_ids` and `other_attention_mask`.
        weak_views: views of an object in `weak_image`, which repeat where it has fewer; the first is the student's.
        views_per_item: make `views` of so many views of an object, which repeat where it has fewer, each with the
            strong transform, instead of one `strong_image`.
        label_map: the model's class index of each label of the data set; None leaves labels out.

    Raises:
        ValueError: `num_views`, `num_captions`, `weak_views` or `views_per_item` is below 1.
    """

    weak_transform: ImageTransform | None
    strong_transform: ImageTransform | None
    seed: int = 0
    num_views: int | None = None
    tokenizer: Any = None
    max_caption_length: int | None = None
    num_captions: int | None = None
    two_captions: bool = False
    weak_views: int = 1
    views_per_item: int | None = None
    label_map: Sequence[int] | None = None

    def __post_init__(self) -> None:
        for name in ("num_views", "weak_views", "views_per_item"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; draw from at least one view.")
        if self.num_captions is not None and self.num_captions < 1:
            raise ValueError(f"num_captions is {self.num_captions}; draw from at least one caption.")

    @property
    def transforms(self) -> dict[str, ImageTransform]:
        """What makes each image of an item from its drawn view."""
        weak = self.weak_transform if self.weak_views == 1 else None  # several are made by themselves
        named = {"weak_image": weak, "strong_image": self.strong_transform}
        return {name: transform for name, transform in named.items() if transform is not None}

    def visible(self, rows: Rows) -> Rows:
        """Return what it may read of prepared pairs: see `training_dataset`."""
        return training_dataset(rows, captions=self.tokenizer is not None, labels=self.label_map is not None)

    def draw_views(self, keys: torch.Tensor, counts: Sequence[int]) -> list[list[int]]:
        """Draw the views of some objects, by number.

        Args:
            keys: (B,) of the objects in an epoch.
            counts: views that each has.

        Returns:
            For each object the views that `views_per_item` or `weak_views` asks for, in order; the student sees the
            first. None where an item has no image.
        """
        if self.views_per_item is None and not self.transforms:
            return [[] for _ in counts]
        # An object without views is refused where it is read.
        seen = [max(1, min(count, self.num_views or count)) for count in counts]
        if self.views_per_item is not None:
            orders = [
                keyed_order(key[None], count, Stream.VIEW)[0].tolist() for key, count in zip(keys, seen, strict=True)
            ]
            return [[order[n % len(order)] for n in range(self.views_per_item)] for order in orders]
        firsts = keyed_integers(keys, torch.tensor(seen), (), Stream.VIEW).tolist()
        if self.weak_views == 1:
            return [[first] for first in firsts]
        drawn = []
        for key, count, first in zip(keys, seen, firsts, strict=True):
            others = keyed_order(key[None], count, substream(Stream.VIEW, 1))[0].tolist()
            order = [first, *(view for view in others if view != first)]
            drawn.append([order[number % count] for number in range(self.weak_views)])
        return drawn

    def _images(self, views: pa.Array, view: int, seeds: dict[str, int], name: str) -> Item:
        image = decode_view(views, view, name)
        return {kind: transform(image, seeds[kind]) for kind, transform in self.transforms.items()}

    def _weak_views(self, views: pa.Array, drawn: list[int], key: torch.Tensor, name: str) -> torch.Tensor:
        assert self.weak_transform is not None  # for the type checker
        seeds = keyed_bits(key[None], len(drawn), substream(Stream.WEAK_IMAGE, 1))[0].tolist()
        images = [decode_view(views, view, name) for view in drawn]
        return torch.stack([self.weak_transform(*pair) for pair in zip(images, seeds, strict=True)])

    def _several_views(self, views: pa.Array, drawn: list[int], key: torch.Tensor, name: str) -> torch.Tensor:
        assert self.strong_transform is not None  # for the type checker
        seeds = keyed_bits(key[None], len(drawn), Stream.STRONG_IMAGE)[0].tolist()
        images = [decode_view(views, view, name) for view in drawn]
        return torch.stack([self.strong_transform(*pair) for pair in zip(images, seeds, strict=True)])

    def _captions(self, table: pa.Table, keys: torch.Tensor, names: Sequence[str]) -> list[Item]:
        listed = [table.column("captions")[row].as_py() or [] for row in range(table.num_rows)]
        captions = [choices[: self.num_captions] for choices in listed]
        for choices, name in zip(captions, names, strict=True):
            if not choices:
                raise ValueError(f"The object of {name} has no captions.")
        counts = torch.tensor([len(choices) for choices in captions])
        drawn = keyed_integers(keys, counts, (), Stream.CAPTION)
        items = self._tokens(captions, drawn)
        if self.two_captions:
            step = 1 + keyed_integers(keys, (counts - 1).clamp(min=1), (), substream(Stream.CAPTION, 1))
            for item, other in zip(items, self._tokens(captions, (drawn + step) % counts), strict=True):
                item.update({f"other_{field}": value for field, value in other.items()})
        return items

    def _tokens(self, captions: Sequence[Sequence[str]], drawn: torch.Tensor) -> list[Item]:
        tokens = self.tokenizer(
            [choices[index] for choices, index in zip(captions, drawn.tolist(), strict=True)],
            padding="longest",  # to the tokenizer's limit would more than double the text tower's work
            truncation=True,
            max_length=self.max_caption_length,
            return_tensors="pt",
        )
        fields = ("input_ids", "attention_mask")
        return [{field: tokens[field][row] for field in fields} for row in range(len(captions))]

    def read(self, table: pa.Table, epoch: int, indices: Sequence[int]) -> list[Item]:
        """Make the items of a table's rows.

        Args:
            table: rows of `training_dataset`.
            epoch: the epoch to draw for.
            indices: row numbers, which identify the objects.

        Returns:
            For each row `index` () int64, `key` () int64 for keyed draws, `points` (N, 3) float32, `weak_image` and
            `strong_image` (3, H, W) float32 of one drawn view (`weak_image` (T, 3, H, W) of several weak views, or
            `views` (V, 3, H, W)), with a tokenizer `input_ids` and `attention_mask` (L,) int64, and with a label map
            `label` () int64.

        Raises:
            ValueError: a cloud, view or caption is missing or broken; the sentence names the row.
        """
        labels = [f"row {index}" for index in indices]
        clouds = [read_cloud(table, row, name) for row, name in enumerate(labels)]
        index = torch.tensor(list(indices))
        keys = object_keys(self.seed, epoch, index)
        items = [{"index": index[row], "key": keys[row], "points": cloud} for row, cloud in enumerate(clouds)]
        if self.label_map is not None:
            for row, item in enumerate(items):
                item["label"] = torch.tensor(self.label_map[read_label(table, row, labels[row])])
        if self.views_per_item is not None or self.transforms:
            views = [read_views(table, row, name) for row, name in enumerate(labels)]
            drawn = self.draw_views(keys, [len(choices) for choices in views])
            weak = keyed_bits(keys, (), Stream.WEAK_IMAGE).tolist()
            strong = keyed_bits(keys, (), Stream.STRONG_IMAGE).tolist()
            for row, item in enumerate(items):
                if self.views_per_item is not None:
                    item["views"] = self._several_views(views[row], drawn[row], keys[row], labels[row])
                    continue
                seeds = {"weak_image": weak[row], "strong_image": strong[row]}
                item.update(self._images(views[row], drawn[row][0], seeds, labels[row]))
                if self.weak_views > 1:
                    item["weak_image"] = self._weak_views(views[row], drawn[row], keys[row], labels[row])
        if self.tokenizer is not None:
            for item, caption in zip(items, self._captions(table, keys, labels), strict=True):
                item.update(caption)
        return items


class RowDataset(torch.utils.data.Dataset):
    """Items by row number; subclasses read them in batches, with `__getitems__`."""

    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Return the items of a batch of row numbers."""
        raise NotImplementedError


class PairDataset(RowDataset):
    """Training pairs by row number, without labels, read in batches.

    Args:
        rows: prepared pairs, on disk or streamed; columns that training may not see are dropped.
        reader: makes the items.

    Raises:
        ValueError: captions are wanted and there are none.
    """

    def __init__(self, rows: Rows, reader: PairReader) -> None:
        self.rows = reader.visible(rows)
        self.reader = reader
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw row numbers that come without an epoch for another one."""
        self.epoch = epoch

    def __getitems__(self, indices: Sequence[int | tuple[int, int]]) -> list[Item]:
        """Return the items of row numbers, or of pairs of one epoch and row numbers; see `PairReader.read`."""
        drawn = [index if isinstance(index, tuple) else (self.epoch, int(index)) for index in indices]
        rows, epoch = [row for _, row in drawn], drawn[0][0]
        if isinstance(self.rows, ParquetRows):
            keys = object_keys(self.reader.seed, epoch, torch.tensor(rows))
            table = self.rows.with_drawn_views(rows, lambda counts: self.reader.draw_views(keys, counts.tolist()))
        else:
            table = self.rows[rows]
        return self.reader.read(table, epoch, rows)


# Evaluation


class EvaluationDataset(RowDataset):
    """All views and the cloud of every object, without any random draw.

    Args:
        rows: prepared pairs; the label may be absent.
        transform: resizes and crops the views, and normalizes them later, on the model's device.
        num_views: read the first `num_views` views of an object only; None means all.

    Raises:
        ValueError: `num_views` is below 1.
    """

    def __init__(self, rows: Rows, transform: EvalImageTransform, num_views: int | None = None) -> None:
        if num_views is not None and num_views < 1:
            raise ValueError(f"num_views is {num_views}; read at least one view.")
        self.rows = select_raw(rows, [*REQUIRED_COLUMNS, "label"])
        self.has_labels = "label" in rows.column_names
        self.transform = transform
        self.num_views = num_views

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Items with `index` (), `points` (N, 3) normalized, `views` (V, 3, H, W) uint8 and, if known, `label` ()."""
        indices = [int(index) for index in indices]
        if isinstance(self.rows, ParquetRows):  # processes and workers share groups, which each would read whole
            table = self.rows.with_first_views(indices, self.num_views)
        else:
            table = self.rows[indices]
        items = []
        for row, index in enumerate(indices):
            name = f"row {index}"
            encoded = read_views(table, row, name)[: self.num_views]
            views = [self.transform.pixels(decode_view(encoded, view, name)) for view in range(len(encoded))]
            cloud = normalize_clouds(read_cloud(table, row, name)[None])[0]
            item = {"index": torch.tensor(index), "points": cloud, "views": torch.stack(views)}
            if self.has_labels:
                item["label"] = torch.tensor(read_label(table, row, name))
            items.append(item)
        return items
