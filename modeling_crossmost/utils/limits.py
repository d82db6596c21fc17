"""Bounds on what a foreign file may cost: for a while, in a process that goes on, or for good, in one that reads it.

Imports the standard library alone: the sandbox's child process loads it too.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

OBJECT_SECONDS = 60.0  # of CPU time to read, sample and render one object; the slowest honest ones take a few
OBJECT_BYTES = 1_400 * 1024 * 1024  # of memory beyond what the process already holds
MAX_CORES = 4  # beyond some, the address space of further threads costs more than they gain


def limit_process(memory: int) -> None:
    """Bound this process for good: `memory` bytes of address space, no file written, no core dump, few cores.

    Where the system is not a Unix, nothing is bounded here.
    """
    if resource is None:
        return
    limits = {"RLIMIT_AS": memory, "RLIMIT_DATA": memory, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, limit in limits.items():
        try:
            number = getattr(resource, name)
            allowed = _within(limit, resource.getrlimit(number)[1])
            resource.setrlimit(number, (allowed, allowed))
        except (AttributeError, OSError, ValueError):  # a Unix that does not know or not keep this one
            continue
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(cores, min(len(cores), MAX_CORES)))


@contextmanager
def object_limits(seconds: float = OBJECT_SECONDS, num_bytes: int = OBJECT_BYTES) -> Iterator[None]:
    """Turn an endless or greedy object into an exception.

    Memory is bounded where the system counts it (Linux), CPU time (what a busy machine spends on other work does not
    count) where signals reach the caller (the main thread of a process on Unix); elsewhere nothing is bounded. Import
    what the work needs before: an import that is cut short leaves a module in pieces.

    Raises:
        ValueError: the object took more than `seconds`, or asked for more than `num_bytes`.
    """
    try:
        with _bounded_memory(num_bytes), _bounded_time(seconds):
            yield
    except MemoryError:
        raise ValueError(f"It needs more than {num_bytes >> 20} MiB of memory: simplify it.") from None


@contextmanager
def _bounded_time(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise ValueError(f"It takes more than {seconds:g} s of computing to read and render: simplify it.")

    before = signal.signal(signal.SIGPROF, stop)
    # Again every second: a parser that catches everything would swallow a single one.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


@contextmanager
def _bounded_memory(num_bytes: int) -> Iterator[None]:
    used = _data_bytes()
    if resource is None or used is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_within(used + num_bytes, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _within(limit: int, hard: int) -> int:
    """Return the limit as far as the hard one allows it."""
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


def _data_bytes() -> int | None:
    """Private writable memory of this process in bytes, as the limit counts it; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(sizes[0]) * 1024 if sizes else None
