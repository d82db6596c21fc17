"""Writing of a prepared data set: missing shards are made, then one rename makes all of them visible.

Everything is written below `<output>.partial`, where any number of processes on any number of machines may make parts
of one plan at the same time ([`write_part`]); one run at the end puts them together ([`write_dataset`]). Whatever was
killed goes on with the shards that are not complete. Objects, their order and their seeds do not depend on who makes
them, so neither do the bytes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from modeling_crossmost.utils.atomic import write_text

from .builder import PairSource
from .plan import Shard, data_set_key, plan_key, plan_shards, shard_key
from .pool import write_shards
from .shards import ShardStats, Workplace, read_stats


PREPARATION_FILE = "preparation.json"  # marks a folder as a data set of ours, and says how it was made
SKIPPED_FILE, NOTES_FILE = "skipped.jsonl", "notes.jsonl"
Planned = tuple[list[Shard], str]  # all shards, and the key of the plan
LOCK_SECONDS = 60  # for which a part waits for others that begin at the same moment


@dataclass(frozen=True)
class Transfers:
    """What is called around the making of shards where source or output lie elsewhere.

    Args:
        gather: With the shards that are not finished here: puts those that others finished into the working folder.
        supply: With the shards that are made now: brings the files that they read.
        deliver: With every shard that is finished here: puts it where others find it.
        isolated: Whether objects are read in processes of their own even where one is enough: what kills it is noted in
            the working folder, which no other machine sees.
    """

    gather: Callable[[Sequence[Shard], Workplace], Any] = lambda shards, place: None
    supply: Callable[[Sequence[Shard]], Any] = lambda shards: None
    deliver: Callable[[Shard, Workplace], Any] = lambda shard, place: None
    isolated: bool = False


NO_TRANSFERS = Transfers()


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
    planned: Planned | None = None,
    transfers: Transfers = NO_TRANSFERS,
) -> Prepared:
    """Prepare a data set with one configuration per source, or go on where a killed run or several parts stopped.

    Args:
        sources: Sources with different `config_name`.
        output: Folder of the data set; one that was prepared before is replaced when the new one is complete.
        num_proc: Number of processes. It does not change the result.
        strict: Whether an object that cannot be used is an error.
        finish: Called with the result and the folder before it becomes visible, to write the card and pictures.
        progress: Makes a progress bar from `total` and `initial` (both in objects), for example `tqdm.tqdm`.
        planned: What [`plan_of`] returned for the same sources; by default they are listed now.
        transfers: For a source or an output elsewhere.

    Raises:
        ValueError: Bad output folder, another run writes it at the moment, no usable object, or (with `strict`) one
            that is not usable. Nothing is left behind then but what earlier runs or parts made.
    """
    shards, plan = planned or plan_of(sources, output, strict)
    key = data_set_key(plan, shards)
    found = _read_prepared(output, key)
    if found is not None:
        return found
    work = _working_folder(output)
    ours = False
    try:
        with _alone(work, output):
            ours = _stored_plan(work) != plan
            _open_plan(work, plan)
            place = Workplace.of(sources, work, plan, strict)
            stats, _ = _write_missing(shards, place, num_proc, progress, transfers)
            prepared = _assemble(sources, shards, stats, work)
            _write_prepared(prepared, work / "dataset", plan, key)
            if finish is not None:
                finish(prepared, work / "dataset")
            _publish(work / "dataset", output)
    except ValueError:
        if ours:
            shutil.rmtree(work)
        raise
    shutil.rmtree(work)
    return prepared


def open_plan(planned: Planned, output: Path) -> bool:
    """Get the working folder ready for parts; return whether there is anything to make.

    Args:
        planned: What [`plan_of`] returned.
        output: As for [`write_dataset`].

    Raises:
        ValueError: As [`write_part`].
    """
    shards, plan = planned
    if _read_prepared(output, data_set_key(plan, shards)) is not None:
        return False
    with _beside_others(_working_folder(output), output, plan, "0-of-0"):
        return True


@dataclass
class Part:
    """What became of the shards of one rank.

    Args:
        shards, objects: How many there are in its part.
        made: Shards that were made now; the others were complete.
        skipped: (object_id, reason) of its objects that could not be used.
    """

    shards: int
    objects: int
    made: int
    skipped: list[tuple[str, str]]


def write_part(
    sources: Sequence[PairSource],
    output: Path,
    rank: int,
    world_size: int,
    *,
    num_proc: int = 1,
    strict: bool = False,
    progress: Callable[..., Any] | None = None,
    planned: Planned | None = None,
    transfers: Transfers = NO_TRANSFERS,
    complete: bool = False,
) -> Part:
    """Make every `world_size`-th shard of a data set, from `rank` on, beside other processes that make the others.

    The parts may be made in any order, at the same time or not, and again; [`write_dataset`] with the same sources
    puts them together. All parts need the same file system, with locks, or `transfers` to a place that all see.

    Args:
        sources, output, num_proc, strict, progress, planned, transfers: As [`write_dataset`].
        rank: From 0 to `world_size` - 1.
        world_size: Number of parts.
        complete: Whether all parts were put together elsewhere, so that there is nothing to do.

    Raises:
        ValueError: As [`write_dataset`]; what other parts made is left alone.
    """
    if world_size < 1:
        raise ValueError(f"--world-size must be at least 1, got {world_size}.")
    if not 0 <= rank < world_size:
        raise ValueError(f"--rank must lie in 0..{world_size - 1} for --world-size {world_size}, got {rank}.")
    shards, plan = planned or plan_of(sources, output, strict)
    mine = shards[rank::world_size]
    objects = sum(len(shard.items) for shard in mine)
    complete |= _is_of_plan(output, plan) and _read_prepared(output, data_set_key(plan, shards)) is not None
    if complete:
        return Part(len(mine), objects, 0, [])
    work = _working_folder(output)
    place = Workplace.of(sources, work, plan, strict)
    with _beside_others(work, output, plan, f"{rank}-of-{world_size}"):
        stats, made = _write_missing(mine, place, num_proc, progress, transfers)
    skipped = [entry for written in stats for part in written for entry in part.skipped]
    return Part(len(mine), objects, made, skipped)


def plan_of(sources: Sequence[PairSource], output: Path, strict: bool) -> Planned:
    """List the sources; return all shards and the key of the plan.

    Raises:
        ValueError: Bad output, or with `strict` something that cannot be used.
    """
    check_output(output)
    if strict and (unusable := next((entry for source in sources for entry in source.unusable()), None)):
        raise ValueError(f"{unusable[0]} cannot be used: {unusable[1]}")
    shards = plan_shards(sources)
    return shards, plan_key(sources, shards, strict)


# The working folder and who may write in it


def _working_folder(output: Path) -> Path:
    work = output.with_name(f"{output.name}.partial")
    if work.exists() and any(work.iterdir()) and not any((work / name).exists() for name in (".lock", "plan.txt")):
        raise ValueError(f"{str(work)!r} is in the way of the working folder and not one of ours; move it.")
    work.mkdir(parents=True, exist_ok=True)
    return work


@contextmanager
def _alone(work: Path, output: Path) -> Iterator[None]:
    """Hold the working folder for this process.

    Raises:
        ValueError: Another run or a part of one holds it.
    """
    with _lock(work / ".lock", 0, f"Another run is writing {str(output)!r} at the moment; wait for it or stop it."):
        _refuse_parts(work, output)
        yield


@contextmanager
def _beside_others(work: Path, output: Path, plan: str, part: str) -> Iterator[None]:
    """Hold one part of the working folder; others may hold other parts of the same plan.

    Raises:
        ValueError: Another run holds the folder, another process this part, or others parts of another plan.
    """
    busy = f"Another run is putting {str(output)!r} together at the moment; wait for it or stop it."
    twice = (
        f"Part {part.replace('-', ' ')} of {str(output)!r} is being made by another process; wait for it or stop it."
    )
    with ExitStack() as mine:
        with _lock(work / ".lock", LOCK_SECONDS, busy):
            if _stored_plan(work) != plan:
                _refuse_parts(work, output, " of other files or options")
            _open_plan(work, plan)
            mine.enter_context(_lock(work / f".part-{part}.lock", 0, twice))
        yield


def _refuse_parts(work: Path, output: Path, kind: str = "") -> None:
    for path in sorted(work.glob(".part-*.lock")):
        part = re.sub(r"\.part-(\d+)-of-(\d+)\.lock", r"\1 of \2", path.name)
        busy = f"Part {part} of {str(output)!r}{kind} is being made by another process; wait for it or stop it."
        with _lock(path, 0, busy):
            pass


@contextmanager
def _lock(path: Path, seconds: float, sentence: str) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise ValueError(sentence) from None
    try:
        yield
    finally:
        lock.release()


def _stored_plan(work: Path) -> str | None:
    path = work / "plan.txt"
    return path.read_text(encoding="utf-8") if path.exists() else None


def _open_plan(work: Path, plan: str) -> None:
    """Keep finished shards of the same plan; those of any other plan are deleted, and it is said."""
    if _stored_plan(work) == plan:
        return
    finished = len(list(work.glob("*-*-*.parquet")))
    if finished:
        sys.stderr.write(
            f"{finished} finished shards in {str(work)!r} are of other files, options or code and are removed.\n"
        )
    for entry in work.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.suffix != ".lock" and entry.name != ".lock":
            entry.unlink()
    write_text(work / "plan.txt", plan)


# Making and assembling


def _write_missing(
    shards: Sequence[Shard],
    place: Workplace,
    num_proc: int,
    progress: Callable[..., Any] | None,
    transfers: Transfers,
) -> tuple[list[list[ShardStats]], int]:
    """Write the shards that are not finished; return the stats of all of them in order, and how many were written."""
    stats = _finished(shards, place)
    for shard in shards:
        if shard.stem in stats:
            transfers.deliver(shard, place)  # of a run that was killed before it did
    missing = [shard for shard in shards if shard.stem not in stats]
    if missing:
        transfers.gather(missing, place)
        stats.update(_finished(missing, place))
        missing = [shard for shard in missing if shard.stem not in stats]
    if missing:
        transfers.supply(missing)
    total = sum(len(shard.items) for shard in shards)
    done = total - sum(len(shard.items) for shard in missing)
    bar = progress(total=total, initial=done) if progress else None
    advance = bar.update if bar is not None else lambda count=1: None
    try:
        for shard, written in write_shards(missing, place, num_proc, advance, transfers.isolated):
            stats[shard.stem] = written
            transfers.deliver(shard, place)
    finally:
        if bar is not None:
            bar.close()
    return [stats[shard.stem] for shard in shards], len(missing)


def _finished(shards: Sequence[Shard], place: Workplace) -> dict[str, list[ShardStats]]:
    """Return the stats of the shards that are finished, by stem."""
    found = ((shard, read_stats(shard, place.folder, shard_key(place.plan, shard))) for shard in shards)
    return {shard.stem: written for shard, written in found if written is not None}


def _assemble(
    sources: Sequence[PairSource], shards: Sequence[Shard], stats: Sequence[Sequence[ShardStats]], work: Path
) -> Prepared:
    """Give the shards their final names below `work/dataset`, beside those they have."""
    final = work / "dataset"
    shutil.rmtree(final, ignore_errors=True)  # of a run that was killed here
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
            _second_name(work / f"{shard.stem_of(number)}.parquet", final / summary.files[-1])
        splits[number][split] = summary
    return Prepared(splits, skipped, notes)


def _second_name(path: Path, name: Path) -> None:
    """Give a file another name and leave it the first one; copy it where the file system cannot."""
    try:
        os.link(path, name)
    except OSError:
        shutil.copyfile(path, name)


def _write_prepared(prepared: Prepared, folder: Path, plan: str, key: str) -> None:
    """Write `preparation.json` (what `_read_prepared` reads), `skipped.jsonl` and `notes.jsonl` (a line per object)."""
    _write_sentences(folder / SKIPPED_FILE, prepared.skipped, "reason")
    if prepared.notes:
        _write_sentences(folder / NOTES_FILE, prepared.notes, "note")
    splits = [{name: asdict(summary) for name, summary in found.items()} for found in prepared.splits]
    write_text(folder / PREPARATION_FILE, json.dumps({"plan": plan, "key": key, "splits": splits}, indent=2) + "\n")


def _read_prepared(folder: Path, key: str) -> Prepared | None:
    """Return the data set in `folder`, if it is whole and was prepared by the plan with this key."""
    stored = _read_mark(folder)
    if stored.get("key") != key:
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


def _is_of_plan(folder: Path, plan: str) -> bool:
    """Whether a data set lies there that this plan made, perhaps of other files: a cheap look before a dear one."""
    return _read_mark(folder).get("plan") == plan


def _read_mark(folder: Path) -> dict[str, Any]:
    """Return `preparation.json`, or nothing where there is none.

    Raises:
        ValueError: It is damaged.
    """
    path = folder / PREPARATION_FILE
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r} is damaged ({error}): remove the folder, and the same command makes it anew."
        ) from None


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
