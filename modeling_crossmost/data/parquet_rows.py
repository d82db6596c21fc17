"""Rows of Parquet files that lie anywhere, read a row group at a time: what `--streaming` trains from.

The footers say where every row lies. Any row can then be had without those before it, so a stream is drawn from, shared
out among processes and continued like a data set on disk, and it holds no state that could be lost.
"""

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from ..utils.extras import importing
from .view_places import ViewPlaces, merged


with importing("data"):
    import fsspec
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features
    from fsspec.asyn import AsyncFileSystem

T = TypeVar("T")

TRIES, FIRST_PAUSE = 6, 0.5  # seconds; each pause is twice the one before
# Of a file's end, what holds most footers: so many bytes, and of a large file so much of it. One request then does.
TAIL, TAIL_SHARE = 1 << 14, 1 / 1024
MAGIC = b"PAR1"  # with which a Parquet file ends
READERS = 16  # footers that are read at a time
KEPT_GROUPS = 4  # in memory, of every process that reads: two neighboring batches share one


class ParquetRows:
    """The rows of some Parquet files by number; a small part of the interface of `datasets.Dataset`.

    Args:
        files: Paths, or addresses that fsspec opens (`hf://`, `s3://`, ...), in the order of the rows.
        features: Columns as `datasets` knows them; by default those that the first file describes.

    Raises:
        ValueError: A file is missing, or cannot be read after some tries.
    """

    def __init__(self, files: Sequence[str], features: Features | None = None):
        self.files = list(files)
        with ThreadPoolExecutor(READERS) as pool:
            footers = list(pool.map(_footer, self.files))
        self._footers = [footer for footer, _ in footers]
        # Of what the footers say, wherever the files lie: rows, sizes and extremes of columns, places of the views.
        self._fingerprint = _digest(*(content for _, content in footers))
        found = [
            (number, group, footer.row_group(group).num_rows)
            for number, footer in enumerate(self._footers)
            for group in range(footer.num_row_groups)
        ]
        self._groups = np.array(found, dtype=np.int64).reshape(-1, 3)
        self._ends = self._groups[:, 2].cumsum()
        self._file_ends = np.array([footer.num_rows for footer in self._footers], dtype=np.int64).cumsum()
        noted = [ViewPlaces.from_metadata(footer.metadata) for footer in self._footers]
        places = [each for each in noted if each is not None]
        # The places of the views, where every file has them noted.
        self._places = places if len(places) == len(noted) else None
        if features is None and self._footers:
            features = Features.from_arrow_schema(self._footers[0].schema.to_arrow_schema())
        self.features = features or Features()
        self._process, self._open, self._kept = -1, {}, OrderedDict()  # type: ignore[var-annotated]
        self._others: ParquetRows | None = None  # the same rows without their views
        self._chosen: np.ndarray | None = None  # numbers of the rows that are left, all by default

    @property
    def column_names(self) -> list[str]:
        """Names of the columns that are read."""
        return list(self.features)

    @property
    def group_sizes(self) -> list[int]:
        """Rows of every row group: rows that lie together and are read together."""
        return self._groups[:, 2].tolist()

    def __len__(self) -> int:
        if self._chosen is not None:
            return len(self._chosen)
        return int(self._ends[-1]) if len(self._ends) else 0

    def select_columns(self, names: Sequence[str]) -> "ParquetRows":
        """Return the same rows with some of their columns; only these are read from then on."""
        chosen = object.__new__(ParquetRows)
        chosen.__dict__ |= self.__getstate__()
        chosen.features = Features({name: self.features[name] for name in names})
        chosen._fingerprint = _digest(self._fingerprint.encode(), " ".join(names).encode())
        return chosen

    def select(self, rows: Sequence[int]) -> "ParquetRows":
        """Return some of the rows, to be read by number; batches of training need all."""
        chosen = self.select_columns(self.column_names)
        chosen._chosen = np.asarray(rows, dtype=np.int64) if self._chosen is None else self._chosen[rows]
        chosen._fingerprint = _digest(self._fingerprint.encode(), chosen._chosen.tobytes())
        return chosen

    def with_format(self, kind: str) -> "ParquetRows":
        """Rows are Arrow tables, which is the only format.

        Raises:
            ValueError: Another one.
        """
        if kind != "arrow":
            raise ValueError(f"Streamed rows are Arrow tables, not {kind!r}.")
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files out: every process opens its own."""
        return self.__dict__ | {"_process": -1, "_open": {}, "_kept": OrderedDict(), "_others": None}

    def __getitem__(self, rows: Sequence[int]) -> pa.Table:
        """Return rows by number, in the order in which they are asked for.

        Raises:
            ValueError: A file is missing, or cannot be read after some tries.
        """
        if self._process != os.getpid():  # a fork shares places in open files with its parent
            self._process, self._open, self._kept = os.getpid(), {}, OrderedDict()
        wanted = self._numbers(rows)
        groups = np.searchsorted(self._ends, wanted, side="right")
        inside = wanted - (self._ends - self._groups[:, 2])[groups]
        order = np.argsort(groups, kind="stable")
        parts = [self._group(group).take(inside[groups == group]) for group in np.unique(groups).tolist()]
        return pa.concat_tables(parts).take(np.argsort(order))

    def with_drawn_views(self, rows: Sequence[int], draw: Callable[[np.ndarray], list[list[int]]]) -> pa.Table:
        """Return rows as by `[rows]`, but with those of their views alone that are drawn; the others are null.

        Only the drawn views are read, where the files have noted the places of all; see `view_places`.

        Args:
            rows: Numbers of rows.
            draw: Takes the number of views of each and returns the views that are wanted of each.

        Raises:
            ValueError: A file is missing, or cannot be read after some tries.
        """
        if self._places is None or "views" not in self.features:
            return self[rows]
        wanted = self._numbers(rows)
        files = np.searchsorted(self._file_ends, wanted, side="right").tolist()
        inside = (wanted - np.append(0, self._file_ends)[files]).tolist()
        firsts = [self._places[file].firsts[row : row + 2].tolist() for file, row in zip(files, inside, strict=True)]
        counts = [end - start for start, end in firsts]
        drawn = [[v for v in chosen if v < n] for chosen, n in zip(draw(np.array(counts)), counts, strict=True)]
        asked: dict[int, set[int]] = {}
        for file, (first, _), chosen in zip(files, firsts, drawn, strict=True):
            asked.setdefault(file, set()).update(first + view for view in chosen)
        found = {file: self._views(file, sorted(numbers)) for file, numbers in asked.items()}
        column = [
            [{"bytes": found[file][first + view], "path": None} if view in chosen else None for view in range(count)]
            for file, (first, _), count, chosen in zip(files, firsts, counts, drawn, strict=True)
        ]
        kind = Features({"views": self.features["views"]}).arrow_schema.field("views").type
        views = _storage(column, kind)
        others = [name for name in self.features if name != "views"]
        if not others:  # a table without columns would have no rows
            return pa.table({"views": views})
        if self._others is None:
            self._others = self.select_columns(others)
        return self._others[rows].append_column("views", views)

    def with_first_views(self, rows: Sequence[int], count: int | None = None) -> pa.Table:
        """Return rows as by `[rows]`, but with their first `count` views alone, all by default.

        However few of a group's rows are asked for, no view of another one is read; see [`with_drawn_views`].

        Raises:
            ValueError: A file is missing, or cannot be read after some tries.
        """
        return self.with_drawn_views(rows, lambda counts: [list(range(number))[:count] for number in counts.tolist()])

    def _numbers(self, rows: Sequence[int]) -> np.ndarray:
        """Return numbers among all rows of numbers among those that were chosen."""
        wanted = np.asarray(rows, dtype=np.int64)
        return wanted if self._chosen is None else self._chosen[wanted]

    def _views(self, file: int, numbers: Sequence[int]) -> dict[int, bytes]:
        """Return views of a file by their number in it."""
        assert self._places is not None  # for the type checker
        _, offsets, sizes = self._places[file]
        places = {number: (int(offsets[number]), int(offsets[number] + sizes[number])) for number in numbers}
        ranges = merged(places.values())
        contents = _read_ranges(self.files[file], ranges)
        starts = [start for start, _ in ranges]
        views = {}
        for number, (start, end) in places.items():
            part = int(np.searchsorted(starts, start, side="right")) - 1
            views[number] = contents[part][start - starts[part] : end - starts[part]]
        return views

    def _group(self, number: int) -> pa.Table:
        if number not in self._kept:
            while len(self._kept) >= KEPT_GROUPS:
                self._kept.popitem(last=False)
            file, group, _ = self._groups[number].tolist()
            self._kept[number] = with_retries(self.files[file], lambda: self._read(file, group))
        self._kept.move_to_end(number)
        return self._kept[number]

    def _read(self, file: int, group: int) -> pa.Table:
        if file not in self._open:
            while len(self._open) >= KEPT_GROUPS:
                self._open.pop(next(iter(self._open))).close()
            # Column chunks that lie together are fetched in one request.
            self._open[file] = pq.ParquetFile(_opened(self.files[file]), metadata=self._footers[file], pre_buffer=True)
        try:
            return self._open[file].read_row_group(group, columns=self.column_names)
        except Exception:
            self._open.pop(file).close()  # the next try connects anew
            raise


def _storage(column: list, kind: pa.DataType) -> pa.Array:
    """Return an array of the type in which a list of images is stored, whether Arrow knows it as such or not."""
    plain = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    return pa.array(column, type=plain).cast(kind) if kind != plain else pa.array(column, type=plain)


def _read_ranges(path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return parts of a file, from `start` to before `end` each; those of a remote one are fetched side by side.

    Raises:
        ValueError: The file is missing or shorter, or cannot be read after some tries.
    """
    system, name = fsspec.core.url_to_fs(path)
    if isinstance(system, AsyncFileSystem):
        starts, ends = [start for start, _ in ranges], [end for _, end in ranges]

        def read_all() -> list[bytes]:
            contents = system.cat_ranges([name] * len(ranges), starts, ends, on_error="raise")
            return [_whole(content, place) for content, place in zip(contents, ranges, strict=True)]

        return with_retries(path, read_all)

    def read(place: tuple[int, int]) -> bytes:
        def once() -> bytes:
            with _opened(path) as file:
                file.seek(place[0])
                return _whole(file.read(place[1] - place[0]), place)

        return with_retries(path, once)

    if "://" not in path:
        return [read(place) for place in ranges]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(read, ranges))


def _whole(content: bytes, place: tuple[int, int]) -> bytes:
    """Return what was read of a file from one byte to before another, unless it ends there."""
    if len(content) < place[1] - place[0]:
        raise pa.ArrowInvalid(f"it ends before byte {place[1]}")
    return content


def _opened(path: str) -> Any:
    system, name = fsspec.core.url_to_fs(path)
    # Exactly the bytes that are asked for: reading ahead would fetch columns that nobody wants.
    return system.open(name, "rb") if "://" not in path else system.open(name, "rb", cache_type="none")


def _footer(path: str) -> tuple[pq.FileMetaData, bytes]:
    """Return a file's footer, read and as bytes; no more is fetched than its end, and again where that is too short."""

    def read() -> tuple[pq.FileMetaData, bytes]:
        with _opened(path) as file:
            size = file.seek(0, os.SEEK_END)
            end = _tail(file, size, 0, max(TAIL, int(TAIL_SHARE * size)))
            length = int.from_bytes(end[-8:-4], "little") + 8  # the footer, its length and the magic bytes
            # Of a file that was cut, no length stands there: it might be that of all the rest.
            if end.endswith(MAGIC) and len(end) < min(length, size):
                end = _tail(file, size, len(end), length) + end
        return pq.read_metadata(pa.BufferReader(end)), end[-length:]

    return with_retries(path, read)


def _tail(file: Any, size: int, behind: int, count: int) -> bytes:
    """Read what lies at most `count` and at least `behind` bytes before the end of a file."""
    start = max(size - count, 0)
    file.seek(start)
    return file.read(size - behind - start)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def with_retries(path: str, read: Callable[[], T]) -> T:
    """Read again, after longer and longer pauses, what may come back: networks and servers fail for moments.

    Raises:
        ValueError: The file is missing or no Parquet, or all tries failed.
    """
    for attempt in range(TRIES):
        try:
            return read()
        except (FileNotFoundError, PermissionError, pa.ArrowInvalid) as error:
            raise ValueError(f"{path!r} cannot be read ({_reason(error)}): is it still there, and whole?") from error
        except Exception as error:  # every file system has its own for a connection that is lost
            if attempt == TRIES - 1:
                raise ValueError(
                    f"{path!r} could not be read in {TRIES} tries ({_reason(error)}): check the connection; "
                    "--resume_from_checkpoint latest goes on from the last checkpoint."
                ) from error
            time.sleep(FIRST_PAUSE * 2**attempt)
    raise AssertionError("unreachable")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
