"""What the reader of a file format hands over: the parts of an object in place, and what should be said about them.

A reader is a function `read_<format>(source: Source) -> Reading` on the bytes of a file. It trusts nothing in them:
sizes are checked before memory is allocated, and indices before they are used. Two kinds of errors leave it: `Refusal`,
a whole sentence without the file's name ("it is compressed with Draco: export it uncompressed"), and any other
exception, whose message is put in brackets behind "cannot be read as <format>".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .materials_crossmost import SurfaceColors


# Limits per file. Every instance of a part counts, since a file of a few bytes can instantiate a part a million times.
MAX_FACES = 4_000_000
MAX_POINTS = 20_000_000


class Refusal(ValueError):
    """A file is understood but not read; the message is a sentence that starts in lower case and names a remedy."""


class MissingFileError(ValueError):
    """A file refers to another one that may not be read or does not exist; the message is its name."""


@dataclass
class Part:
    """A mesh, or a cloud where there are no faces.

    Attributes:
        vertices: float64 (V, 3), in the object's own units and axes, every transformation applied.
        faces: int64 (F, 3), indices into `vertices`; (0, 3) for a cloud.
        colors: of the faces; `None` if the file says nothing about them.
        point_colors: uint8 (V, 3), sRGB, of a cloud's points; `None` likewise.
    """

    vertices: np.ndarray
    faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    colors: SurfaceColors | None = None
    point_colors: np.ndarray | None = None


@dataclass
class Reading:
    """The content of a file.

    Attributes:
        parts: meshes and clouds, in file order.
        notes: sentences on what was left out or guessed, such as "12 faces with less than three corners were dropped."
    """

    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def no_other_file(name: str) -> bytes:
    """Refuse to open any file."""
    raise MissingFileError(name)


@dataclass
class Source:
    """The bytes of a file, and how to get at others.

    Attributes:
        data: the content.
        open_other: returns the content of a file that this one refers to by a relative name, as it is written there
            but percent-decoded; raises `MissingFileError`.
        max_faces, max_points: see `spend`.
    """

    data: bytes
    open_other: Callable[[str], bytes] = no_other_file
    max_faces: int = MAX_FACES
    max_points: int = MAX_POINTS
    _faces: int = 0
    _points: int = 0

    def spend(self, faces: int, points: int) -> None:
        """Count faces and points against the limits, before memory is allocated for them.

        Raises:
            Refusal: if there are more than the limits allow.
        """
        self._faces += faces
        self._points += points
        if self._faces > self.max_faces or self._points > self.max_points:
            limits = f"{self.max_faces:,} faces or {self.max_points:,} points"
            raise Refusal(f"it has more than {limits} in all its parts: simplify it.")
