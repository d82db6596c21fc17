"""Sources at addresses: copied into the cache, file by file, as far as they changed.

A folder of meshes is planned from its names alone. So in place of its files there are first links that lead nowhere and
carry size and time, for the keys of shards; whoever makes shards copies the files that their objects consist of.
Archives are copied whole, since their lists are read before anything is planned.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from tqdm import tqdm

from .addresses import cached_folder, open_address, reason_of
from .builder import PairObject
from .readers import AMBIGUOUS_ENDINGS, readable_endings


State = tuple[int, int]  # size in bytes, and time of the last change in ns

REFERRING_ENDINGS = frozenset((".obj", ".gltf", ".glb", ".dae", ".ply"))  # such files may refer to others
FILES_PER_LOCK = 128

_ABSENT = re.compile(r"not-copied-yet:(\d+):(\d+)")


def file_state(path: Path) -> State:
    """Return a file's size and time, also where it is not copied yet, or (0, 0) if it is missing."""
    try:
        state = path.stat()
    except OSError:
        return _absent_state(path) or (0, 0)
    return state.st_size, state.st_mtime_ns


def _absent_state(path: Path) -> State | None:
    try:
        found = _ABSENT.fullmatch(os.readlink(path))
    except OSError:
        return None
    return (int(found[1]), int(found[2])) if found else None


def fetch(address: str) -> str:
    """Copy a remote folder into the cache, as far as it is not there; return the copy.

    A file that has the size and the time of the one at the address is kept; files that are gone there are removed.

    Raises:
        ValueError: There is nothing at the address, or it cannot be read.
        OSError: One of its files cannot be read; those before it are kept.
    """
    folder, found = _prepared_copy(address)
    _copy(address, {name: state for name, state in found.items() if not _is_copied(folder / name, state)})
    return str(folder)


def outline(address: str) -> str:
    """List a remote folder in the cache: as [`fetch`], but files that are not there become links that lead nowhere.

    [`supply`] copies them.

    Raises:
        ValueError: As [`fetch`].
    """
    folder, found = _prepared_copy(address)
    try:
        with _lock(folder):
            for name, state in found.items():
                path = folder / name
                if file_state(path) != state:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.unlink(missing_ok=True)
                    path.symlink_to(f"not-copied-yet:{state[0]}:{state[1]}")
    except OSError:  # no links here
        return fetch(address)
    return str(folder)


def supply(address: str, items: Iterable[PairObject]) -> None:
    """Copy all files that some objects of an outlined folder consist of.

    Raises:
        OSError: As [`fetch`].
    """
    folder = cached_folder(address, "sources")
    needed = dict.fromkeys(_files_of(items))
    states = ((path.relative_to(folder).as_posix(), _absent_state(path)) for path in needed)
    _copy(address, {name: state for name, state in states if state is not None})


def _files_of(items: Iterable[PairObject]) -> Iterator[Path]:
    """Yield each object's file, its real views, and whatever its file may refer to: files beside it and below."""
    objects = readable_endings() - AMBIGUOUS_ENDINGS
    around: dict[Path, None] = {}
    for item in items:
        path = Path(item.path)
        yield path
        if item.frames:
            yield from _files_below(Path(item.frames))
        if path.suffix.lower() in REFERRING_ENDINGS:
            around[path.parent] = None
    for folder in around:
        yield from (path for path in _files_below(folder) if path.suffix.lower() not in objects)


def _files_below(folder: Path) -> Iterator[Path]:
    return (Path(root) / name for root, _, names in os.walk(folder) for name in names)


def _prepared_copy(address: str) -> tuple[Path, dict[str, State]]:
    """Return the folder of the copy, without files that are gone at the address, and the files there."""
    system, root = open_address(address)
    try:
        listed = system.find(root, detail=True)
        found = {
            os.path.relpath(name, root): (info["size"], _time(info))
            for name, info in listed.items()
            if info["type"] == "file"
        }
        if not found:
            raise FileNotFoundError("there are no files")
    except Exception as error:  # every file system has its own for what is missing or refused
        raise ValueError(f"The source {address!r} cannot be read: {reason_of(error)}.") from error
    folder = cached_folder(address, "sources")
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        for path in list(_files_below(folder)):
            if path.relative_to(folder).as_posix() not in found:
                path.unlink()
    return folder, found


def _time(info: dict[str, Any]) -> int:
    """Return when a file was changed, in ns; the same on every machine, as keys of shards need it."""
    moment = info.get("LastModified") or info.get("mtime") or info.get("last_modified") or 0.0
    return int(float(moment.timestamp() if hasattr(moment, "timestamp") else moment) * 1e6) * 1000


def _is_copied(path: Path, state: State) -> bool:
    return path.is_file() and file_state(path) == state


def _copy(address: str, states: dict[str, State]) -> None:
    """Copy files of an address into the cache; each gets its name when it is complete.

    Args:
        states: Size and time at the address, by name below it.

    Raises:
        OSError: A file cannot be read; those before it are kept.
    """
    system, root = open_address(address)
    folder = cached_folder(address, "sources")
    names = list(states)
    bar = tqdm(total=len(names), desc=f"Fetching {address}", unit=" files", dynamic_ncols=True, disable=not names)
    with bar:
        for start in range(0, len(names), FILES_PER_LOCK):
            batch = names[start : start + FILES_PER_LOCK]
            with _lock(folder), _new_folder(folder.with_name(".copying")) as temporary:
                # Others here may have copied them meanwhile.
                copies = {name: temporary / str(number) for number, name in enumerate(batch)}
                copies = {name: copy for name, copy in copies.items() if not _is_copied(folder / name, states[name])}
                try:
                    if copies:
                        system.get([f"{root}/{name}" for name in copies], [str(copy) for copy in copies.values()])
                except Exception as error:
                    raise OSError(
                        f"The source {address!r} cannot be read: {reason_of(error)}; the same command goes on."
                    ) from error
                for name, copy in copies.items():
                    os.utime(copy, ns=(states[name][1], states[name][1]))
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(copy, folder / name)
            bar.update(len(batch))


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    shutil.rmtree(path, ignore_errors=True)  # of a killed process
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _lock(folder: Path) -> FileLock:
    """Keep the copy to this process: several of one machine may make parts of the same source."""
    return FileLock(folder.with_name(".lock"))
