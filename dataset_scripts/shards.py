"""Writing of a prepared data set: shards that are atomic and resumable, then one rename that makes all of it visible.

Everything is written below `<output>.partial`. A finished shard is a Parquet file and, written after it, a JSON file
with its counts; a run that was killed goes on with the shards that lack it. Objects, their order and their seeds do not
depend on the number of processes, so neither do the bytes.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from modeling_crossmost.utils.atomic import atomic_file, write_text

from .builder import ROWS_PER_GROUP, PairObject, PairSource, usable_records
from .readers import file_state


OBJECTS_PER_SHARD = 128
OBJECTS_PER_PROCESS = 32  # at least: starting a process costs about a second
PREPARATION_FILE = "preparation.json"  # marks a folder as a data set of ours, and says how it was made
SKIPPED_FILE, NOTES_FILE = "skipped.jsonl", "notes.jsonl"
POLL_SECONDS = 0.25
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


@dataclass
class SplitSummary:
    """One finished split: the counts of its shards added up, and its files below the data set's folder."""

    stats: ShardStats
    files: list[str]


@dataclass
class Prepared:
    """A finished data set.

    Args:
        splits: For every source, in order, its splits by name.
        skipped: (object_id, reason) of all objects that could not be used.
        notes: (object_id, sentence) of what was dropped or guessed when objects were read.
        reused: Whether it lay there already, made by the same code of the same files with the same options.
    """

    splits: list[dict[str, SplitSummary]]
    skipped: list[tuple[str, str]]
    notes: list[tuple[str, str]] = field(default_factory=list)
    reused: bool = False


def config_folder(source: PairSource) -> str:
    """Folder of a source's Parquet files below the data set's: "data" where there is one configuration only."""
    return "data" if source.config_name == "default" else source.config_name


def code_key() -> str:
    """Key of `PAIR_CODE`: a changed generator or renderer makes another data set."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in (path for pattern in PAIR_CODE for path in sorted(root.glob(pattern))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def write_shard(
    shard: Shard, sources: Sequence[PairSource], folder: Path, strict: bool, advance: Callable[[], None]
) -> list[ShardStats]:
    """Make and write the pairs of one shard; its files appear only when they are complete.

    Args:
        shard: What to write.
        sources: All sources.
        folder: Working folder.
        strict: Whether an object that cannot be used is an error.
        advance: Called after every object.

    Returns:
        The stats of `shard.sources`, in that order.

    Raises:
        ValueError: An object cannot be used, and `strict` is set.
    """
    skipped, notes = [], []

    def skip(item: PairObject, reason: str) -> None:
        skipped.append((item.object_id, reason))
        advance()

    def note(item: PairObject, sentence: str) -> None:
        notes.append((item.object_id, sentence))

    with ExitStack() as stack:
        files = []
        for number in shard.sources:
            partial = stack.enter_context(atomic_file(folder / f"{shard.stem_of(number)}.parquet"))
            files.append(stack.enter_context(_ShardFile(partial, sources[number])))
        for item, record in usable_records(sources[shard.source], shard.items, strict, skip, note):
            for file in files:
                file.write(item, record)
            advance()
        stats = [file.finish() for file in files]
    stats[0].skipped, stats[0].notes = skipped, notes
    write_text(folder / f"{shard.stem}.json", json.dumps([asdict(each) for each in stats]))
    return stats


class _ShardFile:
    """One Parquet file of a shard, for one source; takes the rows of the source's classes."""

    def __init__(self, path: Path, source: PairSource):
        from datasets.arrow_writer import ParquetWriter

        self.features = source.features()
        self.class_names = source.class_names()
        self.classes: Counter[str] = Counter()
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
        self.writer.write(self.features.encode_example(record))

    def finish(self) -> ShardStats:
        rows, num_bytes = self.writer.finalize()
        return ShardStats(rows, num_bytes, dict(sorted(self.classes.items())))


def read_stats(path: Path) -> list[ShardStats] | None:
    """Return the stats of a finished shard, or None where it is not finished."""
    if not path.exists():
        return None
    stats = [ShardStats(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    for each in stats:
        each.skipped = [(name, reason) for name, reason in each.skipped]
        each.notes = [(name, sentence) for name, sentence in each.notes]
    return stats


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
    """Key of everything that decides the bytes: code, options, objects, and size and time of the files."""
    digest = hashlib.sha256(f"{code_key()} {strict}\n".encode())
    for source in sources:
        digest.update(f"{type(source).__name__} {source!r} {source.class_names()} {source.unusable()}\n".encode())
    for shard in shards:
        for item in shard.items:
            state = file_state(Path(item.path)) if item.path else None
            digest.update(f"{shard.stem} {item!r} {state}\n".encode())
    return digest.hexdigest()


def check_output(output: Path) -> None:
    """Refuse to write over what is not a data set of ours.

    Raises:
        ValueError: `output` is a file, or a folder with other content.
    """
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output {str(output)!r} is a file; give a folder.")
    if output.is_dir() and any(output.iterdir()) and not (output / PREPARATION_FILE).is_file():
        raise ValueError(
            f"The output {str(output)!r} is not empty and not a data set that was prepared here; give another folder."
        )


def write_dataset(
    sources: Sequence[PairSource],
    output: Path,
    *,
    num_proc: int = 1,
    strict: bool = False,
    finish: Callable[[Prepared, Path], None] | None = None,
    progress: Callable[..., Any] | None = None,
) -> Prepared:
    """Prepare a data set with one configuration per source, or go on where a killed run stopped.

    Args:
        sources: Sources with different `config_name`.
        output: Folder of the data set; one that was prepared before is replaced when the new one is complete.
        num_proc: Number of processes. It does not change the result.
        strict: Whether an object that cannot be used is an error.
        finish: Called with the result and the folder before it becomes visible, to write the card and pictures.
        progress: Makes a progress bar from `total` and `initial` (both in objects), for example `tqdm.tqdm`.

    Raises:
        ValueError: Bad output folder, another run writes it at the moment, no usable object, or (with `strict`) one
            that is not usable. Nothing is left behind then.
    """
    check_output(output)
    if strict and (unusable := next((entry for source in sources for entry in source.unusable()), None)):
        raise ValueError(f"{unusable[0]} cannot be used: {unusable[1]}")
    shards = plan_shards(sources)
    key = plan_key(sources, shards, strict)
    found = _read_prepared(output, key)
    if found is not None:
        return found
    work = output.with_name(f"{output.name}.partial")
    if work.exists() and any(work.iterdir()) and not any((work / name).exists() for name in (".lock", "plan.txt")):
        raise ValueError(f"{str(work)!r} is in the way of the working folder and not one of ours; move it.")
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(f"Another run is writing {str(output)!r} at the moment; wait for it or stop it.") from None
    try:
        _open_plan(work, key)
        stats = _write_missing(sources, shards, work, num_proc, strict, progress)
        prepared = _assemble(sources, shards, stats, work)
        _write_prepared(prepared, work / "dataset", key)
        if finish is not None:
            finish(prepared, work / "dataset")
        # Without a plan a run that is killed from here on starts afresh instead of missing the shards that moved away.
        (work / "plan.txt").unlink()
        _publish(work / "dataset", output)
    except ValueError:
        shutil.rmtree(work)
        raise
    finally:
        lock.release()
    shutil.rmtree(work)
    return prepared


def _open_plan(work: Path, key: str) -> None:
    """Keep finished shards of the same plan; those of any other plan are deleted."""
    plan = work / "plan.txt"
    if plan.exists() and plan.read_text(encoding="utf-8") == key:
        return
    for entry in work.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != ".lock":
            entry.unlink()
    write_text(plan, key)


def _write_missing(
    sources: Sequence[PairSource],
    shards: Sequence[Shard],
    work: Path,
    num_proc: int,
    strict: bool,
    progress: Callable[..., Any] | None,
) -> list[list[ShardStats]]:
    """Write the shards that are not finished; return the stats of all shards in order."""
    found = ((shard, read_stats(work / f"{shard.stem}.json")) for shard in shards)
    stats = {shard: written for shard, written in found if written is not None}
    missing = [shard for shard in shards if shard not in stats]
    done = sum(len(shard.items) for shard in stats)
    bar = progress(total=sum(len(shard.items) for shard in shards), initial=done) if progress else None
    advance = bar.update if bar is not None else lambda count=1: None
    try:
        objects = sum(len(shard.items) for shard in missing)
        processes = min(num_proc, len(missing), -(-objects // OBJECTS_PER_PROCESS))
        if processes > 1:
            written = _write_in_processes(sources, missing, work, processes, strict, advance)
        else:
            written = ((s, write_shard(s, sources, work, strict, advance)) for s in missing)
        stats.update(written)
    finally:
        if bar is not None:
            bar.close()
    return [stats[shard] for shard in shards]


def _write_in_processes(
    sources: Sequence[PairSource],
    shards: Sequence[Shard],
    work: Path,
    processes: int,
    strict: bool,
    advance: Callable[[int], Any],
) -> Iterator[tuple[Shard, list[ShardStats]]]:
    # Spawned, not forked: the caller may hold threads (torch, Arrow) that a fork would copy half-way.
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    shown = 0
    with ProcessPoolExecutor(
        processes, context, initializer=_start_worker, initargs=(list(sources), work, strict, counter)
    ) as pool:
        running: dict[Future, Shard] = {pool.submit(_work_on, shard): shard for shard in shards}
        try:
            while running:
                finished, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                shown, before = counter.value, shown
                if shown > before:
                    advance(shown - before)
                for future in finished:
                    yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise OSError("A process died, perhaps for lack of memory; run again with fewer processes.") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_worker: dict[str, Any] = {}


def _start_worker(sources: list[PairSource], work: Path, strict: bool, counter: Any) -> None:
    """Give a worker process what all of its shards share, and end it when its parent is killed."""
    _worker.update(sources=sources, work=work, strict=strict, counter=counter)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    # An orphan would go on writing into a working folder that the next run may have given to another plan.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_on(shard: Shard) -> list[ShardStats]:
    def advance() -> None:
        with _worker["counter"].get_lock():
            _worker["counter"].value += 1

    return write_shard(shard, _worker["sources"], _worker["work"], _worker["strict"], advance)


def _assemble(
    sources: Sequence[PairSource], shards: Sequence[Shard], stats: Sequence[Sequence[ShardStats]], work: Path
) -> Prepared:
    """Move the shards to their final names below `work/dataset`; may be repeated after a kill at any moment."""
    final = work / "dataset"
    filled: dict[tuple[int, str], list[tuple[Shard, ShardStats]]] = {}
    skipped = list(dict.fromkeys(entry for source in sources for entry in source.unusable()))
    notes: list[tuple[str, str]] = []
    for shard, written in zip(shards, stats, strict=True):
        for number, part in zip(shard.sources, written, strict=True):
            skipped += part.skipped
            notes += part.notes
            if part.rows:
                filled.setdefault((number, shard.split), []).append((shard, part))
    if not filled:
        first = f"; the first reason: {skipped[0][1]}" if skipped else "."
        raise ValueError(f"None of the {len(skipped)} objects can be used{first}")
    splits: list[dict[str, SplitSummary]] = [{} for _ in sources]
    for (number, split), members in filled.items():
        folder = config_folder(sources[number])
        (final / folder).mkdir(parents=True, exist_ok=True)
        summary = SplitSummary(_total([part for _, part in members]), [])
        for index, (shard, _) in enumerate(members):
            summary.files.append(f"{folder}/{split}-{index:05d}-of-{len(members):05d}.parquet")
            if not (final / summary.files[-1]).exists():
                os.replace(work / f"{shard.stem_of(number)}.parquet", final / summary.files[-1])
        splits[number][split] = summary
    return Prepared(splits, skipped, notes)


def _write_prepared(prepared: Prepared, folder: Path, key: str) -> None:
    """Write `preparation.json` (what `_read_prepared` reads), `skipped.jsonl` and `notes.jsonl` (a line per object)."""
    _write_sentences(folder / SKIPPED_FILE, prepared.skipped, "reason")
    if prepared.notes:
        _write_sentences(folder / NOTES_FILE, prepared.notes, "note")
    splits = [{name: asdict(summary) for name, summary in found.items()} for found in prepared.splits]
    write_text(folder / PREPARATION_FILE, json.dumps({"key": key, "splits": splits}, indent=2) + "\n")


def _read_prepared(folder: Path, key: str) -> Prepared | None:
    """Return the data set in `folder`, if it is whole and was prepared by the plan with this key."""
    if not (folder / PREPARATION_FILE).is_file():
        return None
    stored = json.loads((folder / PREPARATION_FILE).read_text(encoding="utf-8"))
    if stored["key"] != key:
        return None
    splits = [
        {name: SplitSummary(ShardStats(**summary["stats"]), summary["files"]) for name, summary in found.items()}
        for found in stored["splits"]
    ]
    files = [file for found in splits for summary in found.values() for file in summary.files]
    if not all((folder / file).is_file() for file in files):
        return None
    skipped = _read_sentences(folder / SKIPPED_FILE, "reason")
    notes = _read_sentences(folder / NOTES_FILE, "note") if (folder / NOTES_FILE).exists() else []
    return Prepared(splits, skipped, notes, reused=True)


def _write_sentences(path: Path, sentences: Iterable[tuple[str, str]], key: str) -> None:
    write_text(path, "".join(json.dumps({"object": name, key: text}) + "\n" for name, text in sentences))


def _read_sentences(path: Path, key: str) -> list[tuple[str, str]]:
    entries = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(entry["object"], entry[key]) for entry in entries]


def _total(parts: Iterable[ShardStats]) -> ShardStats:
    total = ShardStats()
    classes: Counter[str] = Counter()
    for part in parts:
        total.rows += part.rows
        total.num_bytes += part.num_bytes
        total.skipped += part.skipped
        classes.update(part.classes)
    total.classes = dict(sorted(classes.items()))
    return total


def _publish(folder: Path, output: Path) -> None:
    """Put `folder` in the place of `output`."""
    old = output.with_name(f"{output.name}.replaced-{os.getpid()}")
    if output.exists():
        os.replace(output, old)
    os.replace(folder, output)
    if old.exists():
        shutil.rmtree(old)
