"""One shard of a prepared data set: its rows become a Parquet file, and a JSON file beside it says that it is complete.

While a shard is made, a third file names the object that is being read. Where a process died in it (broken files crash
libraries written in C), the next one that makes the shard tries that object in a process of its own, and lists it as
unusable if that dies too: it is never met again, and whoever was killed for other reasons loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modeling_crossmost.data.view_places import ViewFinder
from modeling_crossmost.utils.atomic import atomic_file, write_text
from modeling_crossmost.utils.machine import environment_with_packages

from .builder import ROWS_PER_GROUP, PairObject, PairSource, usable_records
from .plan import Shard, shard_key


if TYPE_CHECKING:
    from datasets import Features

PROBE_SECONDS = 600  # an object has a limit of its own, far below


@dataclass
class ShardStats:
    """What became of a shard.

    Args:
        rows: Number of pairs in the file.
        num_bytes: Size of the pairs in memory (Arrow), in bytes.
        classes: Number of pairs per class name.
        skipped: (object_id, reason) of the objects that could not be used.
        notes: (object_id, sentence) of what was dropped or guessed when objects were read.
    """

    rows: int = 0
    num_bytes: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Workplace:
    """What all shards of a data set share; small, and the same for every process.

    Args:
        sources: All sources, without what they remember of their listing: a process needs its own objects only.
        classes: The class names of each, in label order, or None.
        features: The columns of each.
        folder: Working folder.
        plan: Key of the plan.
        strict: Whether an object that cannot be used is an error.
    """

    sources: tuple[PairSource, ...]
    classes: tuple[list[str] | None, ...]
    features: tuple[Features, ...]
    folder: Path
    plan: str
    strict: bool

    @classmethod
    def of(cls, sources: Sequence[PairSource], folder: Path, plan: str, strict: bool) -> Workplace:
        """Return the working place of some sources."""
        bare = tuple(dataclasses.replace(source) for source in sources)
        names = tuple(source.class_names() for source in sources)
        return cls(bare, names, tuple(source.features() for source in sources), folder, plan, strict)


def write_shard(shard: Shard, place: Workplace, advance: Callable[[], None]) -> list[ShardStats]:
    """Make and write the pairs of one shard; its files appear only when they are complete.

    Args:
        shard: What to write.
        place: Where, and from which sources.
        advance: Called after every object.

    Returns:
        The stats of `shard.sources`, in that order.

    Raises:
        ValueError: An object cannot be used, and `place.strict` is set.
    """
    key = shard_key(place.plan, shard)  # before reading: a file that changes meanwhile makes the shard anew
    skipped, notes = [], []
    source = place.sources[shard.source]

    def skip(item: PairObject, reason: str) -> None:
        skipped.append((item.object_id, reason))
        advance()

    def note(item: PairObject, sentence: str) -> None:
        notes.append((item.object_id, sentence))

    with ExitStack() as stack:
        journal = stack.enter_context(_journal(shard, place, source))
        files = []
        for number in shard.sources:
            partial = stack.enter_context(atomic_file(place.folder / f"{shard.stem_of(number)}.parquet"))
            files.append(stack.enter_context(_ShardFile(partial, place.features[number], place.classes[number])))
        items = journal.items(shard.items, place.strict, skip)
        for item, record in usable_records(source, items, place.strict, skip, note):
            for file in files:
                file.write(item, record)
            advance()
        stats = [file.finish() for file in files]
    stats[0].skipped, stats[0].notes = skipped, notes
    content = {"key": key, "stats": [asdict(each) for each in stats]}
    write_text(place.folder / f"{shard.stem}.json", json.dumps(content))
    return stats


def read_stats(shard: Shard, folder: Path, key: str) -> list[ShardStats] | None:
    """Return the stats of a shard, or None where it is not finished or made of other files than those of `key`."""
    try:
        found = json.loads((folder / f"{shard.stem}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # damaged: it is made again
        return None
    if found["key"] != key or not all((folder / f"{shard.stem_of(n)}.parquet").exists() for n in shard.sources):
        return None
    stats = [ShardStats(**each) for each in found["stats"]]
    for each in stats:
        each.skipped = [(name, reason) for name, reason in each.skipped]
        each.notes = [(name, sentence) for name, sentence in each.notes]
    return stats


# What kills a process


class _Journal:
    """The object of a shard that is being read, on disk, and those that killed the process which read them.

    Args:
        reading: File with the index of the object.
        fatal: Reasons by object.
    """

    def __init__(self, reading: Path, fatal: dict[str, str]):
        self.reading, self.fatal = reading, fatal

    def items(
        self, items: Sequence[PairObject], strict: bool, skip: Callable[[PairObject, str], None]
    ) -> Iterator[PairObject]:
        """Yield the objects that may be read, each written down before; the others are skipped.

        Raises:
            ValueError: There are others, and `strict` is set.
        """
        with self.reading.open("wb", buffering=0) as file:
            for index, item in enumerate(items):
                if item.object_id not in self.fatal:
                    file.seek(0)
                    file.write(b"%8d" % index)
                    yield item
                elif strict:
                    raise ValueError(f"{item.object_id} cannot be used: {self.fatal[item.object_id]}")
                else:
                    skip(item, self.fatal[item.object_id])


@contextmanager
def _journal(shard: Shard, place: Workplace, source: PairSource) -> Iterator[_Journal]:
    reading, listed = (place.folder / f"{shard.stem}.{kind}" for kind in ("reading", "fatal.json"))
    fatal = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else {}
    if reading.exists() and (index := reading.read_bytes()).strip():  # whoever read it did not come to its end
        item = shard.items[int(index)]
        reason = cause_of_death(source, item)
        if reason is not None:
            fatal[item.object_id] = reason
            write_text(listed, json.dumps(fatal))
    yield _Journal(reading, fatal)
    # Not after an exception: what a signal turned into one may be found anew, at the price of one trial.
    reading.unlink(missing_ok=True)


def cause_of_death(source: PairSource, item: PairObject) -> str | None:
    """Read one object in a process of its own; say what that process died of, or return None if it did not."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dataset_scripts.shards"],
            input=pickle.dumps((source, item)),
            env=environment_with_packages(),
            timeout=PROBE_SECONDS,
            check=False,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"The process that reads it does not end within {PROBE_SECONDS} seconds."
    if done.returncode >= 0:
        return f"The process that reads it ends with code {done.returncode}." if done.returncode else None
    return f"The process that reads it dies of {signal.Signals(-done.returncode).name}."


def _read_alone() -> None:
    """Read the object that `cause_of_death` sends; whether it can be used does not matter here."""
    source, item = pickle.load(sys.stdin.buffer)
    list(usable_records(source, [item], False, lambda *_: None, lambda *_: None))


class _ShardFile:
    """One Parquet file of a shard, for one source; takes the rows of the source's classes."""

    def __init__(self, path: Path, features: Features, class_names: list[str] | None):
        from datasets.arrow_writer import ParquetWriter

        self.features, self.class_names = features, class_names
        self.classes: Counter[str] = Counter()
        self.path, self.views = path, ViewFinder()
        self.writer = ParquetWriter(features=self.features, path=str(path), writer_batch_size=ROWS_PER_GROUP)

    def __enter__(self) -> _ShardFile:
        self.writer.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self.writer.__exit__(*reason)

    def write(self, item: PairObject, record: dict[str, Any]) -> None:
        if item.class_name is not None:
            if self.class_names is None or item.class_name not in self.class_names:
                return
            self.classes[item.class_name] += 1
        self.views.add([view["bytes"] for view in record["views"]])
        self.writer.write(self.features.encode_example(record))

    def finish(self) -> ShardStats:
        """Complete the file, with the places of its views in the footer: streaming reads single ones by them."""
        self.writer.write_examples_on_file()
        if self.views.heads:
            self.writer.stream.flush()
            with self.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                places = self.views.find(content)
            if places is not None:
                self.writer.pa_writer.add_key_value_metadata(places.to_metadata())
        rows, num_bytes = self.writer.finalize()
        return ShardStats(rows, num_bytes, dict(sorted(self.classes.items())))


if __name__ == "__main__":
    _read_alone()
