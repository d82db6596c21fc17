"""Writing under a temporary name, then renaming: nobody ever sees half a file, and a failure leaves nothing behind."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _temporary(path: Path) -> Path:
    """A hidden name beside `path` that no other process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary name; the file that the block wrote there becomes `path`, whose folder is made if needed."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a UTF-8 text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a new temporary folder, which becomes `path`; an existing folder of that name is replaced.

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
            shutil.rmtree(target)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: str | os.PathLike) -> None:
    """Raises ValueError where `path` exists and is not an empty folder."""
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
    """Yields a temporary folder inside `folder`; its files move to their places when all of them are complete."""
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
                os.replace(path, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
