"""Build the endless training batches of one process from the arguments, and count the steps of the run."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ..data.augmentation import StrongImageTransform, WeakImageTransform, image_transform_options
from ..data.datasets import PairDataset, PairReader
from ..data.loaders import EndlessBatches, GlobalBatchSampler, training_loader
from ..data.pairs import Rows
from ..data.parquet_rows import ParquetRows
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.extras import importing
from .arguments import Arguments
from .evaluator import known_classes, label_map, load_split
from .methods import Method


with importing("train"):
    from accelerate import Accelerator


@dataclass
class Batches:
    """Endless training batches that can start anywhere.

    Attributes:
        dataset: pairs, without labels unless the method learns from them.
        endless: draws the global batches.
        loader: yields this process's part of every batch.
        per_epoch: micro-batches per epoch.
        data: says which objects these are, wherever they lie.
    """

    dataset: PairDataset
    endless: EndlessBatches
    loader: torch.utils.data.DataLoader
    per_epoch: int
    data: str

    def start_at(self, micro_step: int) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the batches of the run from a micro-step on; nothing before them is read."""
        self.endless.micro_step = micro_step
        return iter(self.loader)


def make_batches(
    arguments: Arguments, accelerator: Accelerator, processor: CrossMoSTProcessor, method: Method
) -> Batches:
    """Build the training batches of this process.

    Labels are dropped on loading and never reach training, unless the method learns from them.

    Raises:
        ValueError: if the data cannot be used, has fewer objects than a global batch, or lacks labels that are needed.
    """
    data, train, options = arguments.data, arguments.train, image_transform_options(processor.image_processor)
    rand_augment = "" if arguments.method.rand_augment == "none" else arguments.method.rand_augment
    crop = arguments.method.image_crop()
    strong = StrongImageTransform(**options, scale=crop, rand_augment=rand_augment, room=arguments.pretraining.room)
    rows = load_split(arguments, data.train_split, streaming=data.streaming, image_size=options["image_size"])
    reader = PairReader(
        WeakImageTransform(**options) if method.needs_weak_views else None,
        strong if method.needs_strong_views else None,
        seed=train.seed,
        num_views=data.num_views,
        tokenizer=processor.tokenizer if method.needs_captions else None,
        num_captions=arguments.pretraining.num_captions,
        two_captions=method.needs_two_captions,
        weak_views=method.weak_views,
        views_per_item=method.views_per_item,
        label_map=_label_map(rows, method.taught, data.train_split),
    )
    if train.pseudo_label_accuracy and known_classes(rows) is None:
        raise ValueError("pseudo_label_accuracy needs a labeled training split; this one has no labels.")
    size, processes, rank = train.per_device_train_batch_size, accelerator.num_processes, accelerator.process_index
    workers, pin = data.dataloader_num_workers, accelerator.device.type == "cuda"
    pairs = PairDataset(rows, reader)
    groups = rows.group_sizes if isinstance(rows, ParquetRows) else None
    sampler = GlobalBatchSampler(len(pairs), size, processes, rank, seed=train.seed, group_sizes=groups)
    endless = EndlessBatches(sampler)
    loader = training_loader(pairs, endless, num_workers=workers, pin_memory=pin)
    return Batches(pairs, endless, loader, sampler.batches_per_epoch, _identity_of(rows))


def _identity_of(rows: Rows) -> str:
    """Return what a copy of the same data shares and other data hardly do."""
    content = rows._fingerprint if isinstance(rows, ParquetRows) else f"{rows.data.nbytes} bytes"
    return f"{len(rows)} objects ({content})"


def _label_map(rows: Rows, taught: list[str] | None, split: str) -> list[int] | None:
    """Map a split's labels to the model's; `None` for methods without labels."""
    return None if taught is None else label_map(labeled_classes(rows, split), taught, "training")


def labeled_classes(rows: Rows, split: str) -> list[str]:
    """Return the classes of a training split that has to have labels.

    Raises:
        ValueError: if it has none.
    """
    classes = known_classes(rows)
    if classes is None:
        raise ValueError(
            f"--method supervised and pointcmt learn from labels, and the split {split!r} has none: prepare the data "
            "with labels, or train without them (--method crossmost)."
        )
    return classes


def count_steps(arguments: Arguments, batches: Batches) -> tuple[int, int]:
    """Return the optimizer steps of the run and of its warm-up."""
    train = arguments.train
    per_epoch = max(batches.per_epoch // train.gradient_accumulation_steps, 1)
    total = train.max_steps if train.max_steps > 0 else train.num_train_epochs * per_epoch
    return total, min(round(train.warmup_epochs * per_epoch), total)
