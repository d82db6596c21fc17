"""Reading prepared point-view pairs for training (without labels) and for evaluation.

A prepared data set has the columns `points` (N, 3), `views` (a list of encoded images) and, where known, `label` and
`captions`; clouds are y-up. One view is decoded per object and training step, not all of them. Every draw is keyed by
(seed, epoch, object), so it does not matter which process, worker or batch reads an object.
"""

import hashlib
import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Array2D, ClassLabel, Dataset, Image, IterableDataset, LargeList, List, load_dataset
from datasets.distributed import split_dataset_by_node
from datasets.exceptions import DatasetGenerationError, DatasetsError
from PIL import Image as PILImage
from torch.utils.data import DataLoader

from .augmentation_crossmost import normalize_clouds
from .random_crossmost import Stream, keyed_bits, keyed_integers, keyed_order, object_keys, substream


ImageTransform = Callable[[PILImage.Image, int], torch.Tensor]
Item = dict[str, torch.Tensor]

# A file that cannot be read is told in our one sentence, not in a report of twenty lines.
logging.getLogger("datasets.packaged_modules").setLevel(logging.CRITICAL)

# Most likely first: Pillow tries them one after the other.
_IMAGE_FORMATS = ("WEBP", "JPEG", "PNG", "BMP", "GIF", "TIFF")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_REQUIRED_COLUMNS = ("points", "views")


# Loading


def load_pairs(
    dataset: str | Path, config: str | None = None, split: str = "train", streaming: bool = False
) -> Dataset | IterableDataset:
    """Load one split of prepared pairs and check that it is usable.

    Args:
        dataset: local folder or Hub id, whatever `datasets.load_dataset` reads.
        config: configuration of the data set, where it has several.
        split: name of the split; slices such as `train[:10]` work unless streaming.
        streaming: read the shards one after the other instead of preparing an indexed copy.

    Returns:
        The data set with all its columns.

    Raises:
        ValueError: nothing loadable there, an unknown configuration or split, no objects, or no `points` of shape
            (N, 3) or no list of `views`; one sentence each.
    """
    name = f"The data set {str(dataset)!r}" + (f" (configuration {config!r})" if config else "")
    path = Path(dataset).expanduser()
    if path.is_file() or not (path.is_dir() or _HUB_ID.fullmatch(str(dataset))):
        what = "is a file" if path.is_file() else "does not exist"
        raise ValueError(f"{name} {what}; give the folder that `dataset_scripts.prepare` wrote, or a Hub id.")
    source = str(path) if path.is_dir() else str(dataset)
    try:
        loaded = load_dataset(source, config, split=split, streaming=streaming)
    # Missing files, splits, configurations, permissions and connections: all of them are the caller's input.
    except (ValueError, OSError, DatasetsError) as error:
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) and error.__cause__ else error
        reason = " ".join(str(cause).split("\nExample")[0].split()).rstrip(".!")
        if "corresponds to no data" in reason:
            raise ValueError(f"{name}, split {split!r}, has no objects.") from error
        raise ValueError(f"{name} has no loadable split {split!r}: {reason or type(cause).__name__}.") from error
    check_pairs(loaded, f"{name}, split {split!r},")
    return loaded


def _is_image_list(feature: Any) -> bool:
    return isinstance(feature, List | LargeList) and isinstance(feature.feature, Image)


def _is_cloud(feature: Any) -> bool:
    if isinstance(feature, Array2D):
        return feature.shape[1] == 3 and str(feature.dtype).startswith("float")
    return isinstance(feature, List | LargeList) and isinstance(feature.feature, List | LargeList)


def check_pairs(dataset: Dataset | IterableDataset, name: str = "The data set") -> None:
    """Check that a data set has objects with clouds and views.

    Args:
        dataset: the data set.
        name: what the error calls it.

    Raises:
        ValueError: a missing or malformed column, or no objects.
    """
    features = dataset.features
    if features is None:
        # A stream of bare Parquet files knows its columns only after its first row.
        features = dataset._resolve_features().features or {}
    missing = [column for column in _REQUIRED_COLUMNS if column not in features]
    if missing:
        found = ", ".join(features) or "none"
        raise ValueError(f"{name} lacks the column {' and '.join(missing)}, it has {found}; prepare it as pairs first.")
    if not _is_cloud(features["points"]):
        raise ValueError(f"{name} has points of the type {features['points']}; it must be Array2D((N, 3), 'float32').")
    if not _is_image_list(features["views"]):
        raise ValueError(f"{name} has views of the type {features['views']}; it must be List(Image()).")
    if isinstance(dataset, Dataset):
        empty = len(dataset) == 0
    else:
        empty = next(iter(dataset.select_columns(["points"])), None) is None
    if empty:
        raise ValueError(f"{name} has no objects.")


def check_view_sizes(dataset: Dataset | IterableDataset, image_size: int, name: str = "The data set") -> None:
    """Check on the first object that its views can be brought to the model's size.

    Args:
        dataset: prepared pairs.
        image_size: side of the model's square input in pixels; larger views are reduced, smaller ones enlarged.
        name: what the error calls the data set.

    Raises:
        ValueError: a view whose short side is less than half of `image_size`.
    """
    table = next(iter(_select_raw(dataset, ["views"])))
    views = _read_views(table, 0, "row 0")
    for view in range(len(views)):
        width, height = _decode_view(views, view, "row 0").size
        if min(width, height) * 2 < image_size:
            raise ValueError(
                f"{name} has views of {width} x {height} px, too small for this model's {image_size} px; "
                f"prepare the data with --image-size {image_size}."
            )


def class_names(dataset: Dataset | IterableDataset) -> list[str] | None:
    """Names of the classes in the order of the labels, or None where the data set has no named labels."""
    label = (dataset.features or {}).get("label")
    return list(label.names) if isinstance(label, ClassLabel) else None


def _select_raw(dataset: Dataset | IterableDataset, columns: Sequence[str]) -> Dataset | IterableDataset:
    """The given columns as Arrow tables, in which images stay encoded.

    (Casting to `Image(decode=False)` would do the same, but it rewrites the whole data set first.)
    """
    kept = dataset.select_columns([column for column in columns if column in dataset.column_names])
    return kept.with_format("arrow")


def training_dataset(dataset: Dataset | IterableDataset, captions: bool = False) -> Dataset | IterableDataset:
    """What training may see: clouds, encoded views and, on request, captions.

    The label is taken out here, and so is `object_id`, which often contains the class's name.

    Args:
        dataset: prepared pairs.
        captions: keep the captions, for contrastive pre-training.

    Returns:
        The data set without any other column, in Arrow format with encoded views.

    Raises:
        ValueError: captions are asked for and there are none.
    """
    if dataset.column_names is None:
        dataset = dataset._resolve_features()
    if captions and "captions" not in dataset.column_names:
        raise ValueError("The data set has no captions column; image-text-point pre-training needs one.")
    return _select_raw(dataset, [*_REQUIRED_COLUMNS, *(["captions"] if captions else [])])


# Reading one value of an Arrow table


def _read_cloud(table: pa.Table, row: int, name: str) -> torch.Tensor:
    """`(N, 3)` float32 of a row."""
    value = table.column("points")[row]
    value = value.value if isinstance(value, pa.ExtensionScalar) else value
    rows = value.values if value is not None else None
    if rows is None or len(rows) == 0:
        raise ValueError(f"The cloud of {name} is empty.")
    flat = np.array(rows.flatten().to_numpy(zero_copy_only=False), dtype=np.float32)
    if flat.size != 3 * len(rows):
        raise ValueError(f"The cloud of {name} has {flat.size} numbers in {len(rows)} rows; points have 3 coordinates.")
    if not np.isfinite(flat).all():
        raise ValueError(f"The cloud of {name} has coordinates that are not finite.")
    return torch.from_numpy(flat.reshape(-1, 3))


def _read_views(table: pa.Table, row: int, name: str) -> pa.Array:
    """The encoded views of a row, at least one."""
    views = table.column("views")[row].values
    if views is None or len(views) == 0:
        raise ValueError(f"The object of {name} has no views.")
    return views


def _decode_view(views: pa.Array, view: int, name: str) -> PILImage.Image:
    encoded = views[view].as_py() or {}
    content = encoded.get("bytes")
    try:
        source = io.BytesIO(content) if content is not None else encoded.get("path") or ""
        image = PILImage.open(source, formats=_IMAGE_FORMATS)
        image.load()
    # Pillow reports broken files of some formats with SyntaxError.
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"View {view} of {name} is not a readable image: {error}.") from error
    return image


def _content_number(cloud: torch.Tensor) -> int:
    """A number that identifies a cloud by its coordinates: a stream has no row numbers that all readers share."""
    digest = hashlib.blake2b(cloud.numpy().tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


# Training


class PairReader:
    """Turns rows into training items; map-style and streamed data sets share it.

    Args:
        weak_transform: makes the teacher's image from a drawn view and a seed; None leaves `weak_image` out.
        strong_transform: makes the student's image from the same view; None leaves `strong_image` out.
        seed: seed of the run.
        num_views: draw from the first `num_views` views of an object only; None means all.
        tokenizer: tokenizer for one drawn caption per object; None leaves captions out.
        max_caption_length: tokens to which captions are padded and cut; None means the tokenizer's own limit.
        num_captions: draw from the first `num_captions` captions of an object only; None means all.
        two_captions: also draw another caption of each object, `other_input_ids` and `other_attention_mask`.

    Raises:
        ValueError: `num_views` or `num_captions` is below 1.
    """

    def __init__(
        self,
        weak_transform: ImageTransform | None,
        strong_transform: ImageTransform | None,
        seed: int = 0,
        num_views: int | None = None,
        tokenizer: Any = None,
        max_caption_length: int | None = None,
        num_captions: int | None = None,
        two_captions: bool = False,
    ) -> None:
        if num_views is not None and num_views < 1:
            raise ValueError(f"num_views is {num_views}; draw from at least one view.")
        if num_captions is not None and num_captions < 1:
            raise ValueError(f"num_captions is {num_captions}; draw from at least one caption.")
        self.transforms = {"weak_image": weak_transform, "strong_image": strong_transform}
        self.seed = seed
        self.num_views = num_views
        self.tokenizer = tokenizer
        self.max_caption_length = max_caption_length
        self.num_captions = num_captions
        self.two_captions = two_captions

    def _images(self, views: pa.Array, view: int, seeds: dict[str, int], name: str) -> Item:
        image = _decode_view(views, view, name)
        return {
            kind: transform(image, seeds[kind]) for kind, transform in self.transforms.items() if transform is not None
        }

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
            padding="max_length",
            truncation=True,
            max_length=self.max_caption_length,
            return_tensors="pt",
        )
        fields = ("input_ids", "attention_mask")
        return [{field: tokens[field][row] for field in fields} for row in range(len(captions))]

    def read(self, table: pa.Table, epoch: int, indices: Sequence[int] | None = None) -> list[Item]:
        """Make the items of a table's rows.

        Args:
            table: rows of `training_dataset`.
            epoch: the epoch to draw for.
            indices: row numbers that identify the objects; None identifies them by their clouds.

        Returns:
            For each row `index` () int64, `key` () int64 for keyed draws, `points` (N, 3) float32, `weak_image` and
            `strong_image` (3, H, W) float32 of one drawn view, and with a tokenizer `input_ids` and `attention_mask`
            (L,) int64.

        Raises:
            ValueError: a cloud, view or caption is missing or broken; the sentence names the row.
        """
        labels = [f"row {index}" for index in indices] if indices is not None else ["a streamed row"] * table.num_rows
        clouds = [_read_cloud(table, row, name) for row, name in enumerate(labels)]
        index = torch.tensor(list(indices) if indices is not None else [_content_number(cloud) for cloud in clouds])
        keys = object_keys(self.seed, epoch, index)
        items = [{"index": index[row], "key": keys[row], "points": cloud} for row, cloud in enumerate(clouds)]
        if any(transform is not None for transform in self.transforms.values()):
            views = [_read_views(table, row, name) for row, name in enumerate(labels)]
            counts = torch.tensor([len(choices[: self.num_views]) for choices in views])
            drawn = keyed_integers(keys, counts, (), Stream.VIEW).tolist()
            weak = keyed_bits(keys, (), Stream.WEAK_IMAGE).tolist()
            strong = keyed_bits(keys, (), Stream.STRONG_IMAGE).tolist()
            for row, item in enumerate(items):
                seeds = {"weak_image": weak[row], "strong_image": strong[row]}
                item.update(self._images(views[row], drawn[row], seeds, labels[row]))
        if self.tokenizer is not None:
            for item, caption in zip(items, self._captions(table, keys, labels), strict=True):
                item.update(caption)
        return items


class PairDataset(torch.utils.data.Dataset):
    """Training pairs by row number, without labels, read in batches.

    Args:
        dataset: prepared pairs; columns that training may not see are dropped.
        weak_transform, strong_transform: see `PairReader`, also for the other options.

    Raises:
        ValueError: captions are wanted and there are none, or an option is out of range.
    """

    def __init__(
        self,
        dataset: Dataset,
        weak_transform: ImageTransform | None,
        strong_transform: ImageTransform | None,
        seed: int = 0,
        num_views: int | None = None,
        tokenizer: Any = None,
        max_caption_length: int | None = None,
        num_captions: int | None = None,
        two_captions: bool = False,
    ) -> None:
        self.reader = PairReader(
            weak_transform, strong_transform, seed, num_views, tokenizer, max_caption_length, num_captions, two_captions
        )
        self.dataset = training_dataset(dataset, captions=tokenizer is not None)
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw for another epoch from the next iterator of the loader on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """The items of a batch of row numbers; see `PairReader.read`."""
        indices = [int(index) for index in indices]
        return self.reader.read(self.dataset[indices], self.epoch, indices)


class StreamingPairDataset(torch.utils.data.IterableDataset):
    """Training pairs shard by shard, without labels; the same items as `PairDataset` gives.

    The shards' order is drawn by (seed, epoch); there is no shuffle buffer, which no resumed run could restore. Objects
    are identified by their clouds, because a stream has no row numbers; draws therefore differ from the map-style ones.
    Processes may get different numbers of objects: stop all of them after the same number of steps.

    Args:
        dataset: streamed pairs; columns that training may not see are dropped.
        weak_transform, strong_transform: see `PairReader`, also for the other options.
        num_processes, process_index: the stream is divided among processes here, once.

    Raises:
        ValueError: captions are wanted and there are none, or an option is out of range.
    """

    def __init__(
        self,
        dataset: IterableDataset,
        weak_transform: ImageTransform | None,
        strong_transform: ImageTransform | None,
        seed: int = 0,
        num_views: int | None = None,
        tokenizer: Any = None,
        max_caption_length: int | None = None,
        num_captions: int | None = None,
        two_captions: bool = False,
        num_processes: int = 1,
        process_index: int = 0,
    ) -> None:
        self.reader = PairReader(
            weak_transform, strong_transform, seed, num_views, tokenizer, max_caption_length, num_captions, two_captions
        )
        dataset = training_dataset(dataset, captions=tokenizer is not None)
        self.dataset = split_dataset_by_node(dataset, rank=process_index, world_size=num_processes)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw for another epoch, in another order of the shards, from the next iterator of the loader on."""
        self.epoch = epoch
        # `datasets` shuffles the shards by its epoch number, before it divides them, unless that is 0.
        key = object_keys(self.reader.seed, epoch, torch.zeros(1, dtype=torch.int64))
        self.dataset.set_epoch(1 + int(keyed_integers(key, 2**31 - 1, (), Stream.PERMUTATION)))

    def __iter__(self) -> Iterator[Item]:
        # The stream divides its shards among the loader's workers by itself.
        for table in self.dataset:
            yield from self.reader.read(table, self.epoch)


class TwoViewBatchSampler:
    """Batches of row numbers that are the same objects for any number of processes.

    The objects are permuted by (seed, epoch). The global batch b is the b-th slice of the permutation, and a process
    takes its slice of that. A run can be continued in mid-epoch with `start_batch`.

    Args:
        num_objects: objects in the data set.
        batch_size_per_process: objects that each process reads per batch.
        num_processes, process_index: the process's place among all of them.
        seed: seed of the run.
        epoch: first epoch.
        start_batch: number of batches of the epoch to leave out.
        drop_last: leave out an incomplete last batch; else it is completed from the beginning of the permutation.

    Raises:
        ValueError: a number out of range, or fewer objects than a global batch while incomplete ones are left out.
    """

    def __init__(
        self,
        num_objects: int,
        batch_size_per_process: int,
        num_processes: int = 1,
        process_index: int = 0,
        seed: int = 0,
        epoch: int = 0,
        start_batch: int = 0,
        drop_last: bool = True,
    ) -> None:
        if batch_size_per_process < 1 or num_processes < 1:
            raise ValueError(
                f"Batches of {batch_size_per_process} objects on {num_processes} processes; both must be positive."
            )
        if not 0 <= process_index < num_processes:
            raise ValueError(f"The process index is {process_index}; it must lie in 0 .. {num_processes - 1}.")
        self.global_batch_size = batch_size_per_process * num_processes
        if num_objects < (self.global_batch_size if drop_last else 1):
            raise ValueError(
                f"The training split has {num_objects} objects, fewer than one global batch of "
                f"{self.global_batch_size}; lower per_device_train_batch_size."
            )
        self.num_objects = num_objects
        self.batch_size_per_process = batch_size_per_process
        self.process_index = process_index
        self.seed = seed
        self.drop_last = drop_last
        self.set_epoch(epoch, start_batch)

    @property
    def batches_per_epoch(self) -> int:
        """Number of global batches of a whole epoch."""
        full, rest = divmod(self.num_objects, self.global_batch_size)
        return full + (0 if self.drop_last or rest == 0 else 1)

    def set_epoch(self, epoch: int, start_batch: int = 0) -> None:
        """Continue with another epoch, at its batch number `start_batch`.

        Raises:
            ValueError: `start_batch` lies outside the epoch.
        """
        if not 0 <= start_batch <= self.batches_per_epoch:
            raise ValueError(f"start_batch is {start_batch}; an epoch has {self.batches_per_epoch} batches.")
        self.epoch, self.start_batch = epoch, start_batch

    def __len__(self) -> int:
        return self.batches_per_epoch - self.start_batch

    def __iter__(self) -> Iterator[list[int]]:
        key = object_keys(self.seed, self.epoch, torch.zeros(1, dtype=torch.int64))
        order = keyed_order(key, self.num_objects, Stream.PERMUTATION)[0].numpy()
        order = np.resize(order, self.batches_per_epoch * self.global_batch_size)
        for batch in range(self.start_batch, self.batches_per_epoch):
            start = batch * self.global_batch_size + self.process_index * self.batch_size_per_process
            yield order[start : start + self.batch_size_per_process].tolist()


# Evaluation


class EvaluationDataset(torch.utils.data.Dataset):
    """All views and the cloud of every object, without any random draw.

    Args:
        dataset: prepared pairs; the label may be absent.
        transform: makes an image `(3, H, W)` from a view, usually `EvalImageTransform`.
        num_views: read the first `num_views` views of an object only; None means all.

    Raises:
        ValueError: `num_views` is below 1.
    """

    def __init__(self, dataset: Dataset, transform: ImageTransform, num_views: int | None = None) -> None:
        if num_views is not None and num_views < 1:
            raise ValueError(f"num_views is {num_views}; read at least one view.")
        self.dataset = _select_raw(dataset, [*_REQUIRED_COLUMNS, "label"])
        self.has_labels = "label" in dataset.column_names
        self.transform = transform
        self.num_views = num_views

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Items with `index` (), `points` (N, 3) normalised, `views` (V, 3, H, W) and, if known, `label` ()."""
        indices = [int(index) for index in indices]
        table = self.dataset[indices]
        items = []
        for row, index in enumerate(indices):
            name = f"row {index}"
            encoded = _read_views(table, row, name)[: self.num_views]
            views = [self.transform(_decode_view(encoded, view, name), 0) for view in range(len(encoded))]
            cloud = normalize_clouds(_read_cloud(table, row, name)[None])[0]
            item = {"index": torch.tensor(index), "points": cloud, "views": torch.stack(views)}
            if self.has_labels:
                item["label"] = torch.tensor(self._label(table, row, name))
            items.append(item)
        return items

    @staticmethod
    def _label(table: pa.Table, row: int, name: str) -> int:
        label = table.column("label")[row].as_py()
        if label is None or label < 0:  # -1 is how the Hub writes "not known"
            raise ValueError(f"The label of {name} is missing in a data set that has labels.")
        return label


# Batches


def _stack_clouds(items: Sequence[Item]) -> torch.Tensor:
    counts = {len(item["points"]) for item in items}
    if len(counts) > 1:
        raise ValueError(
            f"Clouds of one batch have between {min(counts)} and {max(counts)} points; prepare them with --num-points."
        )
    return torch.stack([item["points"] for item in items])


def collate_pairs(items: Sequence[Item]) -> Item:
    """Stack the items of `PairDataset`: `index`, `key` (B,), `points` (B, N, 3), images (B, 3, H, W), tokens (B, L).

    Raises:
        ValueError: clouds of different sizes.
    """
    batch = {name: torch.stack([item[name] for item in items]) for name in items[0] if name != "points"}
    return {**batch, "points": _stack_clouds(items)}


def collate_evaluation(items: Sequence[Item]) -> Item:
    """Stack the items of `EvaluationDataset`, whose numbers of views may differ.

    Returns:
        `index` (B,), `points` (B, N, 3), `views` (B, V, 3, H, W) padded with zeros, `view_mask` (B, V) bool, true where
        there is a view, and `label` (B,) where it is known. `views[view_mask]` are all views, object by object.

    Raises:
        ValueError: clouds of different sizes.
    """
    batch: Item = {"index": torch.stack([item["index"] for item in items])}
    if "label" in items[0]:
        batch["label"] = torch.stack([item["label"] for item in items])
    counts = torch.tensor([len(item["views"]) for item in items])
    view_mask = torch.arange(int(counts.max())) < counts[:, None]
    views = items[0]["views"].new_zeros(*view_mask.shape, *items[0]["views"].shape[1:])
    for row, item in enumerate(items):
        views[row, : len(item["views"])] = item["views"]
    return {**batch, "points": _stack_clouds(items), "views": views, "view_mask": view_mask}


def _loader(dataset: torch.utils.data.Dataset, **options: Any) -> DataLoader:
    # An own generator: iterators take their base seed from it, not from the global one that a resumed run restores.
    # Workers end with their epoch, because they keep the epoch number that they started with.
    return DataLoader(dataset, generator=torch.Generator(), persistent_workers=False, **options)


def training_loader(
    dataset: PairDataset | StreamingPairDataset,
    batch_sampler: TwoViewBatchSampler | None = None,
    batch_size: int = 1,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader:
    """Loader of training batches. It divides the data itself: do not let accelerate prepare (and divide) it again.

    Args:
        dataset: map-style or streamed pairs.
        batch_sampler: batches of row numbers, for map-style pairs.
        batch_size: objects per batch and process, for streamed pairs; an incomplete last batch is left out.
        num_workers: processes that read beside the training process.
        pin_memory: page-locked batches, for a GPU.

    Raises:
        ValueError: map-style pairs without a sampler, or streamed ones with it.
    """
    streamed = isinstance(dataset, StreamingPairDataset)
    if streamed == (batch_sampler is not None):
        raise ValueError("Map-style pairs need a batch sampler, and streamed pairs take a batch size instead.")
    order = {"batch_size": batch_size, "drop_last": True} if streamed else {"batch_sampler": batch_sampler}
    return _loader(dataset, collate_fn=collate_pairs, num_workers=num_workers, pin_memory=pin_memory, **order)


def evaluation_loader(
    dataset: EvaluationDataset,
    batch_size: int,
    num_workers: int = 0,
    pin_memory: bool = False,
    num_processes: int = 1,
    process_index: int = 0,
) -> DataLoader:
    """Loader of evaluation batches in the data set's order; process r of P reads the rows r, r + P, r + 2P, ...

    Args:
        dataset: objects with all views.
        batch_size: objects per batch.
        num_workers: processes that read beside the main one.
        pin_memory: page-locked batches, for a GPU.
        num_processes, process_index: the process's place among all of them.
    """
    rows = range(process_index, len(dataset), num_processes)
    return _loader(
        dataset,
        sampler=rows,
        batch_size=batch_size,
        collate_fn=collate_evaluation,
        num_workers=num_workers,
        pin_memory=pin_memory,
    )
