"""Writing under a temporary name, then renaming: nobody ever sees half a file, and a failure leaves nothing behind.

Files reach the disk before they get their names, so that this also holds when the machine loses power. Only a killed
process leaves temporary names, which `remove_stale` finds.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that no other process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; do nothing where folders cannot be opened."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(temporary: Path, target: Path) -> None:
    """Give a complete file or folder its name, once all of it is on the disk."""
    if temporary.is_dir():
        for path in temporary.rglob("*"):
            _to_disk(path)
    _to_disk(temporary)
    os.replace(temporary, target)
    _to_disk(target.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder so that it is never there in part: it loses its name first."""
    hidden = _temporary(path.with_name(f"{path.name}.old"))
    shutil.rmtree(hidden, ignore_errors=True)
    os.replace(path, hidden)
    shutil.rmtree(hidden)


def remove_stale(folder: str | os.PathLike) -> None:
    """Remove what a killed process left in a folder under temporary names; call it where no other process writes."""
    for path in Path(folder).glob(".*.tmp"):
        if re.fullmatch(r"\.(.*\.)?\d+\.tmp", path.name):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary name; the file that the block wrote there becomes `path`, whose folder is made if needed."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    try:
        yield temporary
        _rename(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a new temporary folder, which becomes `path`; an existing folder of that name is replaced.

    Raises:
        OSError: `path` cannot be written.
    """
    target = Path(path)
    temporary = _temporary(target)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if target.is_dir():
            remove_folder(target)
        _rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: str | os.PathLike) -> None:
    """Raise ValueError where `path` exists and is not an empty folder."""
    target = Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} already exists: name a new folder.")


@contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Like [`atomic_folder`], but replaces an empty folder only.

    Raises:
        ValueError: `path` exists and is not an empty folder, or cannot be written.
    """
    check_new_folder(path)
    try:
        with atomic_folder(path) as temporary:
            yield temporary
            check_new_folder(path)  # what others wrote there meanwhile stays
    except OSError as error:
        raise ValueError(f"{Path(path)} cannot be written ({error.strerror or error}).") from error


@contextmanager
def atomic_files(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary folder inside `folder`; its files move to their places when all of them are complete."""
    target = Path(folder)
    temporary = target / f".{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for path in sorted(temporary.rglob("*")):
            if path.is_file():
                place = target / path.relative_to(temporary)
                place.parent.mkdir(parents=True, exist_ok=True)
                _rename(path, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
