"""Where the encoded views of a Parquet file lie: a training step reads the view that it draws, not all of a row's.

Parquet has no way to ask for one element of a list. But encoded images are stored as they are, each behind its length
in four bytes, so their places can be noted in the file's footer when it is written, and read from there as ranges.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


KEY = b"crossmost.views"
HEAD = 32  # bytes of an image that, with its length, tell where it begins
# Bytes between two views that are fetched in vain: asking once more would take longer.
LARGEST_GAP = 8192


class ViewPlaces(NamedTuple):
    """Places of all views of a file, in the order of its rows.

    Attributes:
        firsts: (rows + 1,) int64, number of the first view of each row; the last entry is the number of views.
        offsets: (views,) int64, byte at which each begins.
        sizes: (views,) int64, its bytes.
    """

    firsts: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray

    def to_metadata(self) -> dict[bytes, bytes]:
        """Return an entry for the footer: sizes, and offsets only where a view does not follow the one before."""
        expected = np.concatenate([[-1], self.offsets[:-1] + self.sizes[:-1] + 4])
        jumps = np.flatnonzero(self.offsets != expected)
        content = {
            "counts": _packed(np.diff(self.firsts)),
            "sizes": _packed(self.sizes),
            "jumps": [[int(view), int(self.offsets[view])] for view in jumps],
        }
        return {KEY: json.dumps(content).encode()}

    @classmethod
    def from_metadata(cls, metadata: dict[bytes, bytes] | None) -> "ViewPlaces | None":
        """Return what [`to_metadata`] noted, or None where a file has no such entry."""
        if not metadata or KEY not in metadata:
            return None
        content = json.loads(metadata[KEY])
        counts, sizes = _unpacked(content["counts"]), _unpacked(content["sizes"])
        steps = np.concatenate([[0], sizes[:-1] + 4])  # from each view to the next, inside a page
        ends = steps.cumsum()
        jumps = np.array(content["jumps"], dtype=np.int64).reshape(-1, 2)
        shifts = jumps[:, 1] - ends[jumps[:, 0]]
        lengths = np.diff(np.append(jumps[:, 0], len(sizes)))
        return cls(np.concatenate([[0], counts.cumsum()]), ends + np.repeat(shifts, lengths), sizes)


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<u4").tobytes()).decode()


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<u4").astype(np.int64)


class ViewFinder:
    """Remembers the views that are written to a file, and finds them there."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.heads: list[tuple[int, bytes]] = []

    def add(self, views: Sequence[bytes]) -> None:
        """Remember the encoded views of the next row."""
        self.counts.append(len(views))
        self.heads += [(len(view), view[:HEAD]) for view in views]

    def find(self, content) -> ViewPlaces | None:
        """Look for the views in the bytes of a file (anything with `find`); None where they are not stored as such."""
        place, offsets = 0, []
        for size, head in self.heads:
            place = content.find(size.to_bytes(4, "little") + head, place)
            if place < 0:
                return None
            offsets.append(place + 4)
            place += 4 + size
        sizes = [size for size, _ in self.heads]
        firsts = np.concatenate([[0], np.cumsum(self.counts)])
        return ViewPlaces(firsts.astype(np.int64), np.array(offsets, np.int64), np.array(sizes, np.int64))


def merged(places: Iterable[tuple[int, int]], largest_gap: int = LARGEST_GAP) -> list[tuple[int, int]]:
    """Join ranges (start, end) that lie close together; the result is sorted."""
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if ranges and start - ranges[-1][1] <= largest_gap:
            ranges[-1] = ranges[-1][0], max(end, ranges[-1][1])
        else:
            ranges.append((start, end))
    return ranges
