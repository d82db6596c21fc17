"""The plan of a prepared data set: which objects stand in which shard, and keys of everything that decides their bytes.

A plan depends on the sources and the options alone, so that every process makes the same one by itself, and the parts
that different processes, machines or engines make of it fit together byte for byte.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .addresses import cache_root
from .builder import PairObject, PairSource
from .fetching import file_state


OBJECTS_PER_SHARD = 128
# Code that decides what a pair looks like, below the root of the repository.
PAIR_CODE = (
    "dataset_scripts/sources/*.py",
    "dataset_scripts/builder.py",
    "dataset_scripts/frames.py",
    "dataset_scripts/readers.py",
    "dataset_scripts/shards.py",
    "dataset_scripts/furniture/*.py",
    "dataset_scripts/furniture/*.yaml",
    *(
        f"modeling_crossmost/{name}_crossmost.py"
        for name in ("files", "geometry", "gltf", "library_files", "materials", "obj", "parts", "pcd", "ply")
    ),
    *(f"modeling_crossmost/{name}_crossmost.py" for name in ("polygons", "stl_off", "text_clouds")),
    "modeling_crossmost/rendering_crossmost.py",
    "modeling_crossmost/utils/limits.py",
)


@dataclass(frozen=True)
class Shard:
    """One unit of work: consecutive rows of one split, written into one file per configuration that holds them.

    Args:
        source: Index of the source in the list that is prepared.
        split: Name of the split.
        index: Number of the shard within its split.
        items: Objects of the shard, in the order of the rows.
        parts: Indices of the sources that take the rows of their classes from here (see `PairSource.base`).
    """

    source: int
    split: str
    index: int
    items: tuple[PairObject, ...]
    parts: tuple[int, ...] = ()

    @property
    def stem(self) -> str:
        """File name without ending in the working folder."""
        return self.stem_of(self.source)

    def stem_of(self, source: int) -> str:
        """`stem` of the file for one of `sources`."""
        return f"{source}-{self.split}-{self.index:05d}"

    @property
    def sources(self) -> tuple[int, ...]:
        """Indices of all sources whose rows are written here; its own first."""
        return (self.source, *self.parts)


def code_key() -> str:
    """Key of `PAIR_CODE`: a changed generator or renderer makes another data set."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in (path for pattern in PAIR_CODE for path in sorted(root.glob(pattern))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def plan_shards(sources: Sequence[PairSource]) -> list[Shard]:
    """Cut the splits of all sources into shards; those that have their base among them take its rows."""
    shards = []
    parts: dict[int, list[int]] = {number: [] for number in range(len(sources))}
    for number, source in enumerate(sources):
        base = source.base()
        if base in sources:
            parts[sources.index(base)].append(number)
    derived = {number for numbers in parts.values() for number in numbers}
    for number, source in enumerate(sources):
        for split, items in source.splits().items() if number not in derived else ():
            for index, start in enumerate(range(0, len(items), OBJECTS_PER_SHARD)):
                rows = tuple(items[start : start + OBJECTS_PER_SHARD])
                shards.append(Shard(number, split, index, rows, tuple(parts[number])))
    return shards


def plan_key(sources: Sequence[PairSource], shards: Iterable[Shard], strict: bool) -> str:
    """Key of code, options and objects; the state of the files is in the keys of the shards that read them."""
    cache = str(cache_root() / "sources")  # which every machine may have elsewhere
    digest = hashlib.sha256(f"{code_key()} {strict}\n".encode())
    for source in sources:
        described = f"{type(source).__name__} {source!r} {source.class_names()} {source.unusable()}\n"
        digest.update(described.replace(cache, "").encode())
    for shard in shards:
        digest.update(f"{shard.stem} {shard.parts}\n".encode())
        for item in shard.items:
            digest.update(f"{item!r}\n".replace(cache, "").encode())
    return digest.hexdigest()


def shard_key(plan: str, shard: Shard) -> str:
    """Key of a shard: the plan's, with size and time of every file that the shard reads."""
    digest = hashlib.sha256(f"{plan} {shard.stem}\n".encode())
    for item in shard.items:
        if item.path:
            digest.update(f"{file_state(Path(item.path))}\n".encode())
    return digest.hexdigest()


def data_set_key(plan: str, shards: Iterable[Shard]) -> str:
    """Key of the whole: of the plan and of every file."""
    digest = hashlib.sha256(plan.encode())
    for shard in shards:
        digest.update(shard_key(plan, shard).encode())
    return digest.hexdigest()
