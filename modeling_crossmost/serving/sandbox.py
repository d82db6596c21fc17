"""Turn untrusted files into clouds and views in a child process with limits: no file can harm or stall the caller.

    with Sandbox() as sandbox:
        prepared = sandbox.prepare(read_upload("chair.glb"), Preparation(num_views=12))

A file is sent as bytes and parsed in memory: there are no temporary files, and no paths that a parser could follow. The
child (`sandbox_worker.py`) is reused for the next file and replaced when it dies or has to be killed. Outside Unix only
the limits on time and size apply. This module imports neither torch nor transformers.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..files_crossmost import check_file_type
from ..geometry_crossmost import rotation_to_y_up
from .sandbox_worker import read_frame, write_frame


# A child that takes longer to start will never be ready.
START_SECONDS = 60.0

MAX_VIEWS = 64

# A preview has at most 100,000 faces with three corners of 16 bytes each.
MAX_PREVIEW_BYTES = 8 << 20

# Environment variables that a child inherits; tokens and keys are not among them.
_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
)

# One thread per library and few memory pools, because each reserves address space, which is limited.
_THREAD_LIMITS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class UploadError(ValueError):
    """Raised for a file that cannot be used; the message is one sentence for the user."""


class SandboxError(RuntimeError):
    """Raised if the child process cannot be started, which is a fault of the installation and not of a file."""


@dataclass(frozen=True)
class Limits:
    """Limits for reading one file.

    Args:
        max_bytes: largest file size in bytes.
        max_faces: largest number of faces in all parts; every instance of a part counts.
        memory: address space of the child in bytes, of which its libraries take about 300 MB.
        seconds: time from sending the file to its result. The default leaves room for starting a command and running
            the model within 20 s; the slowest legitimate files of 25 MB take 9 s.
    """

    max_bytes: int = 25 << 20
    max_faces: int = 2_000_000
    memory: int = 1536 << 20
    seconds: float = 12.0


@dataclass(frozen=True)
class Upload:
    """One untrusted file.

    Args:
        name: name for messages; control characters are replaced.
        data: the file's content.
        file_type: one of `FILE_TYPES`; by default the name's extension.

    Raises:
        UploadError: if the type cannot be read.
    """

    name: str
    data: bytes = field(repr=False)
    file_type: str = ""

    def __post_init__(self):
        object.__setattr__(self, "name", display_name(self.name))
        object.__setattr__(self, "file_type", _checked_type(self.file_type or Path(self.name).suffix, self.name))


@dataclass(frozen=True)
class Preparation:
    """What to make of a file; the defaults are the processor's.

    Args:
        num_points: number N of points in the cloud.
        seed: seed of the sampling.
        up_axis: axis that points up in the file.
        model_axis: axis that points up in the cloud.
        num_views: number V of views; 0 renders none.
        image_size: side R of the views, in pixels.
        preview: whether to make a binary glTF for a viewer too.

    Raises:
        ValueError: if a number is out of range or an axis is unknown.
    """

    num_points: int = 1024
    seed: int = 0
    up_axis: str = "y"
    model_axis: str = "y"
    num_views: int = 12
    image_size: int = 224
    preview: bool = False

    def __post_init__(self):
        rotation_to_y_up(self.up_axis)  # raises for an unknown axis
        rotation_to_y_up(self.model_axis)
        if not 0 <= self.num_views <= MAX_VIEWS:
            raise ValueError(f"The number of views must lie between 0 and {MAX_VIEWS}, got {self.num_views}.")
        for name in ("num_points", "image_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")


@dataclass(frozen=True)
class Prepared:
    """What the sandbox made of a file.

    Attributes:
        points: float32 (N, 3), mean at the origin, largest norm 1.
        views: uint8 (V, R, R, 3), y up, or `None`.
        preview: binary glTF, y up, or `None`.
        num_faces: number of faces in the file, 0 for a cloud.
        num_vertices: number of vertices or points in the file.
        left_out: names of other files that it refers to, none of which was read.
        notes: sentences on what was dropped or guessed when the file was read, and on an odd shape.
        seconds: time taken.
    """

    points: np.ndarray
    views: np.ndarray | None
    preview: bytes | None
    num_faces: int
    num_vertices: int
    left_out: list[str]
    notes: list[str]
    seconds: float


def display_name(name: str | os.PathLike) -> str:
    """Return the last part of a path in a form fit for messages: no control characters, at most 80 letters."""
    path = os.fsdecode(name)
    last = os.path.basename(path) or path
    text = _printable(last)
    return text if len(text) <= 80 else f"{text[:38]}...{text[-39:]}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _checked_type(file_type: str, name: str) -> str:
    try:
        return check_file_type(file_type, name)
    except ValueError as error:
        raise UploadError(str(error)) from None


def read_upload(path: str | os.PathLike, max_bytes: int = Limits.max_bytes) -> Upload:
    """Read a file from a path given by a user, if it is a regular file of a known type and not too large.

    Raises:
        UploadError: for anything else; pipes and devices are not even opened.
    """
    name = display_name(path)
    kind = _checked_type(Path(path).suffix, name)
    try:
        _check_ordinary(os.stat(path), name, max_bytes)
        # The path may point elsewhere by now: without O_NONBLOCK, opening a pipe would wait for its writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as handle:
            _check_ordinary(os.fstat(handle.fileno()), name, max_bytes)
            data = handle.read(max_bytes + 1)
    except FileNotFoundError:
        raise UploadError(f"{name}: there is no such file.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, UploadError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise UploadError(f"{name}: the file cannot be opened ({reason}).") from None
    _check_size(len(data), name, max_bytes)
    return Upload(name, data, kind)


def _check_ordinary(state: os.stat_result, name: str, max_bytes: int) -> None:
    if stat.S_ISDIR(state.st_mode):
        raise UploadError(f"{name}: it is a folder, pass the files in it.")
    if not stat.S_ISREG(state.st_mode):
        raise UploadError(f"{name}: it is not a regular file.")
    if state.st_size == 0:  # includes the files of /proc, which are generated while they are read
        raise UploadError(f"{name}: the file is empty.")
    _check_size(state.st_size, name, max_bytes)


def _check_size(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise UploadError(
            f"{name}: the file has {size / (1 << 20):.1f} MB, and {max_bytes / (1 << 20):g} are allowed: simplify it."
        )


# ------------------------------------------------------------------------------------------------ the children


class _ChildDied(Exception):
    """Raised if the child ended, or was killed, before it answered."""


class _NotReceived(Exception):
    """Raised if the child ended before it had the whole request, which is no fault of the file."""


class _Child:
    """One child process, for one caller at a time."""

    def __init__(self, limits: Limits):
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _THREAD_LIMITS
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sandbox_worker.py")
        # -P keeps the script's folder off sys.path, where its modules would be importable under top-level names.
        self.process = subprocess.Popen(
            [sys.executable, "-P", script, json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("CROSSMOST_TRACEBACK") else subprocess.DEVNULL,
            env=environment,
            cwd=os.sep,
            start_new_session=True,  # Ctrl-C goes to the parent alone; the child ends when its stdin closes
        )
        self.is_ready = False
        self.timed_out = False

    def is_alive(self) -> bool:
        return not self.timed_out and self.process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait for the child's first frame.

        Raises:
            _ChildDied: if it does not start.
        """
        if not self.is_ready:
            self._exchange(None, b"", START_SECONDS, 0)
            self.is_ready = True

    def ask(self, request: dict[str, Any], data: bytes, seconds: float, max_payload: int) -> tuple[dict, bytes]:
        """Send a request and return the answer's header and payload.

        Raises:
            _ChildDied: if the child ended, took more than `seconds` (`timed_out`), or broke the protocol.
            _NotReceived: if the child ended before it had read the request.
        """
        return self._exchange(request, data, seconds, max_payload)

    def _exchange(self, request: dict | None, data: bytes, seconds: float, max_payload: int) -> tuple[dict, bytes]:
        assert self.process.stdin is not None and self.process.stdout is not None
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        received = request is None
        try:
            if request is not None:
                write_frame(self.process.stdin, request, [data])
                read_frame(self.process.stdout, 0)
                received = True
            return read_frame(self.process.stdout, max_payload)
        except (OSError, EOFError, ValueError):
            self._end()
            raise (_ChildDied if received or self.timed_out else _NotReceived) from None
        except BaseException:  # after Ctrl-C, the pending answer would be mistaken for that of the next request
            self.close()
            raise
        finally:
            timer.cancel()
            timer.join()  # it may just have fired; `timed_out` is final from here on

    def _time_out(self) -> None:
        self.timed_out = True
        self.process.kill()  # closes the pipes, which ends the blocking reads and writes of `_exchange`

    def _end(self) -> None:
        """Give the child a moment to exit by itself, so that its exit code tells what happened; then kill it."""
        try:
            self.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """Kill the child and close its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:  # closing flushes what was not written yet, into a broken pipe
                continue

    def how_it_died(self) -> str:
        """Return a clause for the error message."""
        code = self.process.returncode
        if code is not None and code < 0:
            try:
                return f"reading it was ended by {signal.Signals(-code).name}"
            except ValueError:
                pass
        return "reading it failed"


class Sandbox:
    """A pool of child processes that turn untrusted files into model inputs.

    It may be called from any number of threads; each call has a child to itself. The children end with `close`, or at
    the latest with this process.

    Args:
        limits: limits for reading one file.
        processes: number of children, and thus of simultaneous calls.

    Raises:
        ValueError: if `processes` is below 1.
        SandboxError: if no child can be started.
    """

    def __init__(self, limits: Limits | None = None, processes: int = 1):
        if processes < 1:
            raise ValueError(f"The number of processes must be at least 1, got {processes}.")
        self.limits = limits or Limits()
        self.processes = processes
        self._all: set[_Child] = set()
        # Last in, first out: a child that is warm is preferred to one that is still starting.
        self._free: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._finalizer = weakref.finalize(self, _close_all, self._all)
        for _ in range(processes):
            self._free.put(self._start())

    def prepare(self, upload: Upload, preparation: Preparation) -> Prepared:
        """Read a file in a child; wait if all children are busy.

        Raises:
            UploadError: one sentence that begins with the file's name: the file is too large, broken or empty, refers
                to other files, takes too long, needs too much memory or crashed its reader.
            SandboxError: if no child can be started or the sandbox is closed.
        """
        _check_size(len(upload.data), upload.name, self.limits.max_bytes)
        child = self._free.get()
        try:
            for _ in range(3):
                child = self._awake(child)
                try:
                    return self._ask(child, upload, preparation)
                except _NotReceived:  # killed before it began: another child gets the file
                    continue
            raise UploadError(self._failure_message(child, upload.name))
        finally:
            self._free.put(self._successor(child))

    def close(self) -> None:
        """End all children; later calls fail."""
        self._finalizer()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self) -> _Child:
        try:
            child = _Child(self.limits)
        except OSError as error:
            raise SandboxError(f"The process that reads files cannot be started ({error.strerror}).") from None
        self._all.add(child)
        return child

    def _replace(self, child: _Child) -> _Child:
        self._all.discard(child)
        child.close()
        return self._start()

    def _successor(self, child: _Child) -> _Child:
        """Return the child for the next file; a replacement starts in the background."""
        if child.is_alive() or self._is_closed:
            return child
        try:
            return self._replace(child)
        except SandboxError:  # left to the next caller, who tries again
            return child

    def _awake(self, child: _Child) -> _Child:
        """Return the child, or a replacement if it has died in the meantime, ready for a request."""
        for _ in range(3):  # a child may die again, for instance while memory is short
            if self._is_closed:
                break
            if not child.is_alive():
                child = self._replace(child)
            try:
                child.wait_until_ready()
                return child
            except _ChildDied:
                continue
        self._check_open()
        raise SandboxError("The process that reads files does not start: set CROSSMOST_TRACEBACK=1 to see why.")

    @property
    def _is_closed(self) -> bool:
        return not self._finalizer.alive

    def _check_open(self) -> None:
        if self._is_closed:
            raise SandboxError("The sandbox is closed: make a new one.")

    def _ask(self, child: _Child, upload: Upload, wanted: Preparation) -> Prepared:
        began = time.perf_counter()
        request = asdict(wanted) | {"name": upload.name, "file_type": upload.file_type}
        request["max_faces"] = self.limits.max_faces
        cloud_bytes = wanted.num_points * 12
        view_bytes = wanted.num_views * wanted.image_size**2 * 3
        try:
            header, payload = child.ask(
                request, upload.data, self.limits.seconds, cloud_bytes + view_bytes + MAX_PREVIEW_BYTES
            )
        except _ChildDied:
            self._check_open()
            raise UploadError(self._failure_message(child, upload.name)) from None
        if "error" in header:
            raise UploadError(" ".join(str(header["error"]).split()))
        try:
            return _unpack(header, payload, wanted, cloud_bytes, view_bytes, time.perf_counter() - began)
        except (KeyError, ValueError, TypeError):
            child.close()  # our own program never answers like this: a file may have taken it over
            raise UploadError(f"{upload.name}: reading it failed: the file is damaged.") from None

    def _failure_message(self, child: _Child, name: str) -> str:
        if child.timed_out:
            return f"{name}: reading it takes more than {self.limits.seconds:g} s: simplify it."
        memory = self.limits.memory >> 20
        return f"{name}: {child.how_it_died()}: the file is damaged or needs more than {memory} MiB of memory."


def _unpack(
    header: dict[str, Any], payload: bytes, wanted: Preparation, cloud_bytes: int, view_bytes: int, seconds: float
) -> Prepared:
    size = wanted.image_size
    points = np.frombuffer(payload, np.float32, wanted.num_points * 3).reshape(-1, 3).copy()
    views = np.frombuffer(payload, np.uint8, view_bytes, cloud_bytes).reshape(wanted.num_views, size, size, 3).copy()
    if not np.isfinite(points).all():
        raise ValueError("the points are not finite")
    return Prepared(
        points=points,
        views=views if wanted.num_views > 0 else None,
        preview=payload[cloud_bytes + view_bytes :] if wanted.preview else None,
        num_faces=int(header["num_faces"]),
        num_vertices=int(header["num_vertices"]),
        left_out=[display_name(str(name)) for name in header["left_out"]],
        notes=[_printable(str(note)) for note in header["notes"]],
        seconds=seconds,
    )


def _close_all(children: set[_Child]) -> None:
    for child in children.copy():
        child.close()
    children.clear()
