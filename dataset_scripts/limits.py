"""Bounds on the computing time and memory that one foreign file may cost, so that none of them ends a long run."""

from __future__ import annotations

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


@contextmanager
def object_limits(seconds: float = OBJECT_SECONDS, num_bytes: int = OBJECT_BYTES) -> Iterator[None]:
    """Turns an endless or greedy object into an exception.

    Memory is bounded where the system counts it (Linux), CPU time (a busy machine harms nobody) where signals reach the
    caller (the main thread of a process on Unix); elsewhere nothing is bounded. Import what the work needs before: an
    import that is cut short leaves a module in pieces.

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
    limit = used + num_bytes
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """Private writable memory of this process in bytes, as the limit counts it; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(sizes[0]) * 1024 if sizes else None
