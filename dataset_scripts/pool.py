"""Shards made by a pool of processes on this machine, which outlives the death of any of them."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from .plan import Shard
from .shards import ShardStats, Workplace, write_shard


OBJECTS_PER_PROCESS = 32  # at least: starting a process costs about a second
DEATHS_IN_A_ROW = 3  # without a finished shard in between: then something is wrong with the machine
POLL_SECONDS = 0.25

Written = tuple[Shard, list[ShardStats]]


def write_shards(
    shards: Sequence[Shard], place: Workplace, num_proc: int, advance: Callable[[int], Any], isolated: bool = False
) -> Iterator[Written]:
    """Yield shards with their stats as they are written, in any order.

    Args:
        shards: What to write.
        place: Where.
        num_proc: Largest number of processes; few objects are made in this one.
        advance: Called with the number of objects that were finished; a negative one takes some back.
        isolated: Whether few objects are made in another process too, which they may kill.

    Raises:
        ValueError: As [`write_shard`].
        OSError: Processes die again and again.
    """
    objects = sum(len(shard.items) for shard in shards)
    processes = min(num_proc, len(shards), -(-objects // OBJECTS_PER_PROCESS))
    if processes <= 1 and not isolated:
        for shard in shards:
            yield shard, write_shard(shard, place, lambda: advance(1))
        return
    missing, deaths = {shard.stem: shard for shard in shards}, 0
    while missing:
        try:
            for shard, stats in _one_pool(list(missing.values()), place, min(processes, len(missing)), advance):
                del missing[shard.stem]
                deaths = 0
                yield shard, stats
        except BrokenProcessPool:
            deaths += 1
            if deaths == DEATHS_IN_A_ROW:
                raise OSError("Processes die again and again, perhaps for lack of memory; run with fewer.") from None


def _one_pool(
    shards: Sequence[Shard], place: Workplace, processes: int, advance: Callable[[int], Any]
) -> Iterator[Written]:
    """Write shards until all are written or a process dies."""
    # Spawned, not forked: the caller may hold threads (torch, Arrow) that a fork would copy half-way.
    context = multiprocessing.get_context("spawn")
    # Finished objects of every shard, without a lock: a process that is killed would never release it.
    counts = context.RawArray("q", len(shards))
    shown = finished = 0
    with ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(place, counts)) as pool:
        running: dict[Future, Shard] = {
            pool.submit(_work_on, number, shard): shard for number, shard in enumerate(shards)
        }
        try:
            while running:
                done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                shown, before = sum(counts), shown
                advance(shown - before)
                for future in done:
                    shard = running.pop(future)
                    stats = future.result()
                    finished += len(shard.items)
                    yield shard, stats
        finally:
            advance(finished - shown)  # what unfinished shards had begins anew
            pool.shutdown(wait=True, cancel_futures=True)


_worker: dict[str, Any] = {}


def _start_worker(place: Workplace, counts: Any) -> None:
    """Give a worker process what all of its shards share, and end it when its parent is killed."""
    _worker.update(place=place, counts=counts)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    # An orphan would go on writing into a working folder that the next run may have given to another plan.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_on(number: int, shard: Shard) -> list[ShardStats]:
    def advance() -> None:
        _worker["counts"][number] += 1

    return write_shard(shard, _worker["place"], advance)
