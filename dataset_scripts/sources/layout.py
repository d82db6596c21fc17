"""Finding one's way in a source: the folder that holds an archive's files, and one sentence where one is missing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


def find_root(source: str, markers: Sequence[str], title: str) -> Path:
    """Return the folder that holds one of `markers` (paths): `source` or a folder up to two levels below it.

    Archives unpack into a folder of their own, and people give either.

    Raises:
        ValueError: `source` is no folder, or no such folder holds a marker.
    """
    root = Path(source).expanduser()
    if not root.is_dir():
        raise ValueError(f"The source {source!r} is not a folder; give the folder that {title} was unpacked into.")
    for folder in _levels(root, 2):
        if any((folder / marker).exists() for marker in markers):
            return folder
    wanted = " or ".join(markers)
    raise ValueError(f"The source {source!r} is not {title}: {wanted} is missing there; see dataset_scripts/README.md.")


def _levels(root: Path, depth: int) -> Iterable[Path]:
    level = [root]
    for _ in range(depth + 1):
        yield from level
        level = [Path(entry) for folder in level for entry in _folders(folder)]


def _folders(folder: Path) -> list[str]:
    return sorted(entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def require(path: Path, title: str) -> Path:
    """`path`, if it exists.

    Raises:
        ValueError: It does not; the sentence names it.
    """
    if not path.exists():
        raise ValueError(f"The source of {title} is incomplete: {path} is missing; see dataset_scripts/README.md.")
    return path


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without spaces around them; empty ones are left out.

    Raises:
        ValueError: The file is not UTF-8 text.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file.") from None


def safe_name(name: str, path: Path) -> str:
    """`name`, a line of the list `path`, if it names something below the source.

    Raises:
        ValueError: It is absolute or climbs out of the source.
    """
    if not name or name.startswith(("/", "\\")) or ".." in Path(name).parts:
        raise ValueError(f"{path} lists {name!r}, which lies outside of the source.")
    return name


def has_lists(root: Path, names: Mapping[str, str]) -> bool:
    """Whether any of the lists of splits (split -> file name) is there."""
    return any((root / name).exists() for name in names.values())


def read_lists(root: Path, names: Mapping[str, str], title: str) -> dict[str, list[str]]:
    """Entries of every split's list, each once, in their order.

    Args:
        root: Folder of the lists.
        names: Split -> file name.
        title: What a message calls the data set.

    Raises:
        ValueError: A list is missing or no text, or names something outside of the source.
    """
    paths = {split: require(root / name, title) for split, name in names.items()}
    return {split: [safe_name(line, path) for line in dict.fromkeys(read_lines(path))] for split, path in paths.items()}
