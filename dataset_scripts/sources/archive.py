"""What the archives of public data sets have in common: a folder to find, objects in splits, facts for the card."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..builder import PairObject, PairSource, object_rng
from ..readers import read_geometry
from .layout import find_root


@dataclass(frozen=True)
class ArchivePairs(PairSource):
    """Pairs of a public data set, from its archive as people download it.

    Args:
        source: Folder of the archive, or one that it lies in.
        up_axis: Axis that points up in the files.

    Raises:
        ValueError: A missing or broken file.
    """

    source: str = ""
    up_axis: str = "y"

    license = "other"
    #: Terms of use, for the card.
    terms: ClassVar[str]
    #: Class names in label order.
    classes: ClassVar[Sequence[str]] = ()

    @property
    def archive(self) -> str:
        """What messages call the archive."""
        raise NotImplementedError

    @property
    def markers(self) -> Sequence[str]:
        """Files and folders of which the archive's folder holds at least one."""
        raise NotImplementedError

    def class_names(self) -> list[str]:
        return list(self.classes)

    @cached_property
    def root(self) -> Path:
        """The folder that holds the archive's files."""
        return find_root(self.source, self.markers, self.archive)

    @abc.abstractmethod
    def find(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        """Return what `objects` and what `unusable` return."""

    @cached_property
    def _found(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        return self.find()

    def objects(self) -> dict[str, list[PairObject]]:
        return self._found[0]

    def unusable(self) -> list[tuple[str, str]]:
        return self._found[1]

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud

        rng = object_rng(item.object_id, self.seed)
        geometry, notes = read_geometry(Path(item.path), self.up_axis)
        points = geometry_to_cloud(geometry, self.num_points, rng)
        return {"points": points, "views": self.views(item, rng), "notes": notes}

    def views(self, item: PairObject, rng: np.random.Generator) -> np.ndarray:
        """Return the views uint8 (V, R, R, 3) of an object.

        Raises:
            ValueError: One of its files cannot be used.
        """
        raise NotImplementedError

    def describe(self) -> dict[str, str]:
        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up",
            **self.facts(),
            "Terms": self.terms,
        }

    @abc.abstractmethod
    def facts(self) -> dict[str, str]:
        """Of `describe`, what the archives differ in."""
