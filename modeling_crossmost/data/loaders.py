"""Batches of prepared pairs: which objects a process reads, how their items are stacked, and the loaders.

A batch holds the same objects for any number of processes, which a training run with two processes relies on.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from ..utils.machine import return_free_memory
from .datasets import EvaluationDataset, Item, PairDataset
from .keyed_random import Stream, keyed_order, object_keys, substream


# Workers hand their batches over in shared memory, of which a container may have no more than 64 MB.
IN_FLIGHT = 48 << 20
PREFETCHED = 2  # batches that each worker has ready, torch's default


class GlobalBatchSampler:
    """Batches of row numbers that are the same objects for any number of processes.

    The objects are permuted by (seed, epoch). The global batch b is the b-th slice of the permutation, and a process
    takes its slice of that. A run can be continued in mid-epoch with `start_batch`. Objects that are read together, the
    row groups of a stream, stay together: the groups are permuted, and the rows within each.

    Args:
        num_objects: objects in the data set.
        batch_size_per_process: objects that each process reads per batch.
        num_processes, process_index: the process's place among all of them.
        seed: seed of the run.
        epoch: first epoch.
        start_batch: number of batches of the epoch to leave out.
        drop_last: leave out an incomplete last batch; else it is completed from the beginning of the permutation.
        group_sizes: numbers of consecutive objects that stay together; None lets all objects change places.

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
        group_sizes: Sequence[int] | None = None,
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
        # The group of every object, where they stay together.
        self.groups = None if group_sizes is None else np.repeat(np.arange(len(group_sizes)), group_sizes)
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
        if self.groups is not None:
            place = keyed_order(key, int(self.groups[-1]) + 1, substream(Stream.PERMUTATION, 1))[0].numpy()
            order = order[np.argsort(place[self.groups[order]], kind="stable")]
        order = np.resize(order, self.batches_per_epoch * self.global_batch_size)
        for batch in range(self.start_batch, self.batches_per_epoch):
            start = batch * self.global_batch_size + self.process_index * self.batch_size_per_process
            yield order[start : start + self.batch_size_per_process].tolist()


class EndlessBatches:
    """The batches of all epochs, one after another, as lists of (epoch, row number).

    A loader that draws from it never ends, so that its workers start once and read on across the ends of epochs.

    Args:
        sampler: makes the batches of each epoch.
        micro_step: number of batches to leave out.
    """

    def __init__(self, sampler: GlobalBatchSampler, micro_step: int = 0) -> None:
        self.sampler, self.micro_step = sampler, micro_step

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        first, start = divmod(self.micro_step, self.sampler.batches_per_epoch)
        for epoch in itertools.count(first):
            self.sampler.set_epoch(epoch, start if epoch == first else 0)
            for rows in self.sampler:
                yield [(epoch, row) for row in rows]


def _stack_clouds(items: Sequence[Item]) -> torch.Tensor:
    counts = {len(item["points"]) for item in items}
    if len(counts) > 1:
        raise ValueError(
            f"Clouds of one batch have between {min(counts)} and {max(counts)} points; prepare them with --num-points."
        )
    return torch.stack([item["points"] for item in items])


def _stack(values: list[torch.Tensor]) -> torch.Tensor:
    """Stack tensors; token rows of different lengths are padded with zeros."""
    return pad_sequence(values, batch_first=True) if values[0].dim() == 1 else torch.stack(values)


def collate_pairs(items: Sequence[Item]) -> Item:
    """Stack the items of `PairDataset`: `index`, `key` (B,), `points` (B, N, 3), images (B, 3, H, W), tokens (B, L).

    Raises:
        ValueError: clouds of different sizes.
    """
    batch = {name: _stack([item[name] for item in items]) for name in items[0] if name != "points"}
    return {**batch, "points": _stack_clouds(items)}


def join_batches(batches: Sequence[Item]) -> Item:
    """Concatenate batches of [`collate_pairs`], whose captions may be padded to different lengths."""
    joined = {}
    for name in batches[0]:
        parts = [batch[name] for batch in batches]
        if parts[0].dim() == 2:  # token rows
            longest = max(part.shape[1] for part in parts)
            parts = [F.pad(part, (0, longest - part.shape[1])) for part in parts]
        joined[name] = torch.cat(parts)
    return joined


def collate_evaluation(items: Sequence[Item]) -> Item:
    """Stack the items of `EvaluationDataset`, whose numbers of views may differ.

    Returns:
        `index` (B,), `points` (B, N, 3), `views` (B, V, 3, H, W) uint8 padded with zeros, `view_mask` (B, V) bool, true
        where there is a view, and `label` (B,) where it is known. `views[view_mask]` are all views, object by object.

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


class _Loader(DataLoader):
    """DataLoader that returns freed memory to the system before its workers fork."""

    def __iter__(self) -> Any:
        # A worker is a fork. It would hold all that its parent has freed but kept, ten gigabytes after an evaluation
        # under the Makefile's settings of malloc, which the parent then needs a second time.
        if self.num_workers > 0:
            return_free_memory()
        return super().__iter__()


def _loader(dataset: torch.utils.data.Dataset, **options: Any) -> DataLoader:
    # An own generator: iterators take their base seed from it, not from the global one that a resumed run restores.
    return _Loader(dataset, generator=torch.Generator(), **options)


def training_loader(
    dataset: PairDataset,
    batch_sampler: GlobalBatchSampler | EndlessBatches,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader:
    """Loader of training batches. It divides the data itself: do not let accelerate prepare (and divide) it again.

    Args:
        dataset: pairs, on disk or streamed.
        batch_sampler: batches of row numbers.
        num_workers: processes that read beside the training process.
        pin_memory: page-locked batches, for a GPU.
    """
    options: dict[str, Any] = {"num_workers": num_workers, "pin_memory": pin_memory}
    return _loader(dataset, batch_sampler=batch_sampler, collate_fn=collate_pairs, **options)


def evaluation_loader(
    dataset: EvaluationDataset,
    batch_size: int,
    num_workers: int = 0,
    num_processes: int = 1,
    process_index: int = 0,
    start: int = 0,
) -> DataLoader:
    """Loader of evaluation batches in the data set's order; process r of P reads the rows r, r + P, r + 2P, ...

    Args:
        dataset: objects with all views.
        batch_size: objects per batch; fewer where the batches that workers have ready would exceed `IN_FLIGHT`.
        num_workers: processes that read beside the main one.
        num_processes, process_index: the process's place among all of them.
        start: number of this process's objects to leave out.
    """
    rows = range(process_index, len(dataset), num_processes)[start:]
    if num_workers > 0 and len(rows) > 0:
        each = sum(value.nbytes for value in dataset[0].values())
        batch_size = min(batch_size, max(1, IN_FLIGHT // (each * num_workers * PREFETCHED)))
    return _loader(
        dataset,
        sampler=rows,
        batch_size=batch_size,
        collate_fn=collate_evaluation,
        num_workers=num_workers,
    )
