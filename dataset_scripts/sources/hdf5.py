"""Clouds of fixed size with labels in HDF5 files, as ModelNet40's 2048-point layout and ScanObjectNN have them."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modeling_crossmost.utils.command_line import first_line

from ..builder import PairObject, object_rng
from .archive import ArchivePairs
from .folder import camera_text


@dataclass(frozen=True)
class Hdf5Pairs(ArchivePairs):
    """Pairs from HDF5 files with `data` (M, P, 3) and `label` (M,) or (M, 1); views are projected from the clouds.

    Raises:
        ValueError: A missing or broken file, a cloud or a label that is out of place.
    """

    num_points: int = 2048

    #: Names of the file's labels 0, 1, 2, ...
    file_classes: ClassVar[Sequence[str]] = ()

    @abc.abstractmethod
    def files(self) -> dict[str, list[Path]]:
        """Return the HDF5 files of every split."""

    def class_names(self) -> list[str]:
        return list(self.file_classes)

    def find(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        kept = set(self.class_names())
        found: dict[str, list[PairObject]] = {}
        for split, paths in self.files().items():
            found[split] = []
            for path in paths:
                for row, label in enumerate(read_labels(path, len(self.file_classes))):
                    name = self.file_classes[label]
                    if name in kept:
                        found[split].append(PairObject(f"{path.stem}/{row:05d}", name, str(path), row=row))
        return found, []

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import (
            check_points,
            convert_up_axis,
            geometry_to_cloud,
            normalize_points,
        )
        from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA, depth_views

        stored = open_file(Path(item.path))["data"][item.row]
        cloud = convert_up_axis(check_points(stored, f"cloud {item.object_id}"), self.up_axis)
        points = geometry_to_cloud(cloud, self.num_points, object_rng(item.object_id, self.seed))
        count = self.num_views or int(DEPTH_CAMERA["count"])
        return {"points": points, "views": depth_views(normalize_points(cloud), count, self.image_size)}

    def facts(self) -> dict[str, str]:
        from modeling_crossmost.rendering_crossmost import DEFAULT_FILL, DEPTH_CAMERA

        return {
            "Clouds": f"{self.num_points} points, mean at the origin, largest norm 1; farthest point sampling, or "
            "seeded repeats where the file has fewer",
            "Framing": f"every view is zoomed so that the object reaches {DEFAULT_FILL:.0%} of the half frame",
            "Views": f"realistic depth projection of the stored clouds, {camera_text(DEPTH_CAMERA, self.num_views)}",
        }


@lru_cache(maxsize=4)
def open_file(path: Path) -> Any:
    """Open an HDF5 file once per process.

    Raises:
        ValueError: It cannot be read, or lacks `data` (M, P, >= 3) and `label`.
    """
    import h5py

    try:
        opened = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} cannot be read as HDF5 ({first_line(error)}).") from None
    for name in ("data", "label"):
        if not isinstance(opened.get(name), h5py.Dataset):
            raise ValueError(f"{path} has no array {name!r}; it holds {', '.join(opened) or 'nothing'}.")
    shape = opened["data"].shape
    if len(shape) != 3 or shape[2] < 3 or len(opened["label"]) != shape[0]:
        raise ValueError(f"{path} has data of shape {shape} and {len(opened['label'])} labels; it must be (M, P, 3).")
    return opened


def read_labels(path: Path, num_classes: int) -> np.ndarray:
    """Labels int64 (M,) of a file.

    Raises:
        ValueError: As `open_file`, or a label that is not below `num_classes`.
    """
    labels = np.asarray(open_file(path)["label"]).astype(np.int64).reshape(len(open_file(path)["label"]), -1)[:, 0]
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(f"{path} has labels {labels.min()} to {labels.max()}; they must lie in 0..{num_classes - 1}.")
    return labels
