"""Redwood's object scans: reconstructed meshes with frames of the RGB video."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..builder import PairObject, PairSource, hold_out, object_rng
from ..frames import REAL_VIEWS, draw_frames, find_frames, read_zipped_frames
from ..readers import read_geometry
from .classes import REDWOOD
from .layout import find_root, read_lines, require, safe_name


SCAN_FOLDERS = ("mesh", "meshes")
SCAN_ENDINGS = (".ply", ".npy")
# Folders of frames below the root: a folder per scan, or a zip file per scan as the download gives it.
FRAME_ROOTS = ("rgb", "frames", "videoframes", "rgbd")
SPLIT_LISTS = {"train": "train_set80.txt", "test": "test_set80.txt"}
TEST_SHARE = 0.2  # where the lists are not at hand


@dataclass(frozen=True)
class RedwoodPairs(PairSource):
    """Redwood: 8192 points of every scan's surface and 20 frames drawn from its video.

    Scans that `categories.json` names under none of the nine classes, or that have no mesh, are left out; of those with
    several classes the first counts.

    Args:
        source: Folder of the archive.
        up_axis: Axis that points up in the files.

    Raises:
        ValueError: A missing or broken file.
    """

    num_points: int = 8192
    source: str = ""
    up_axis: str = "y"

    @property
    def title(self) -> str:
        return "Redwood object scans"

    @property
    def licence(self) -> str:
        return "other"

    def class_names(self) -> list[str]:
        return list(REDWOOD)

    @cached_property
    def _root(self) -> Path:
        return find_root(self.source, ("categories.json",), "the Redwood object scans")

    @cached_property
    def _scans(self) -> Path:
        for name in SCAN_FOLDERS:
            if (self._root / name).is_dir():
                return self._root / name
        raise ValueError(f"The source of {self.title} is incomplete: {self._root / SCAN_FOLDERS[0]} is missing.")

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Class of every scan that belongs to one."""
        path = self._root / "categories.json"
        try:
            categories = json.loads(path.read_text(encoding="utf-8"))
            listed = {name: [str(scan) for scan in categories.get(name, ())] for name in REDWOOD}
        except (ValueError, AttributeError, TypeError):
            raise ValueError(f'{path} must map every class to a list of scans: {{"chair": ["00033", ...]}}.') from None
        found: dict[str, str] = {}
        for name, scans in listed.items():
            for scan in scans:
                found.setdefault(safe_name(scan, path), name)
        return found

    def _scan_file(self, scan: str) -> Path | None:
        return next((p for ending in SCAN_ENDINGS if (p := self._scans / f"{scan}{ending}").is_file()), None)

    @cached_property
    def _usable(self) -> dict[str, PairObject]:
        found = {}
        for scan, name in sorted(self._listed.items()):
            path, frames = self._scan_file(scan), self._frames(scan)
            if path is not None and frames is not None:
                found[scan] = PairObject(f"{self._scans.name}/{scan}", name, str(path), frames=str(frames))
        if not found:
            raise ValueError(
                f"The source of {self.title} is incomplete: {self._scans} holds no scan of the nine classes that has "
                f"frames in {' or '.join(FRAME_ROOTS)}."
            )
        return found

    def _frames(self, scan: str) -> Path | None:
        for name in FRAME_ROOTS:
            folder = self._root / name / scan
            if find_frames(folder):
                return folder
            if folder.with_name(f"{scan}.zip").is_file():
                return folder.with_name(f"{scan}.zip")
        return None

    def objects(self) -> dict[str, list[PairObject]]:
        lists = {split: self._root / name for split, name in SPLIT_LISTS.items()}
        if not any(path.exists() for path in lists.values()):
            train, test = hold_out(list(self._usable.values()), TEST_SHARE)
            return {"train": train, "test": test}
        found = {}
        for split, path in lists.items():
            scans = read_lines(require(path, self.title))
            found[split] = [self._usable[scan] for scan in dict.fromkeys(scans) if scan in self._usable]
        return found

    def unusable(self) -> list[tuple[str, str]]:
        reasons = []
        for scan in sorted(set(self._listed) - set(self._usable)):
            # Most of Redwood's scans were never reconstructed; what has a mesh but no frames is worth a line.
            if self._scan_file(scan) is not None:
                reasons.append((scan, f"There are no frames of it in {' or '.join(FRAME_ROOTS)}."))
        return reasons

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud

        geometry = read_geometry(Path(item.path), self.up_axis)
        rng = object_rng(item.object_id, self.seed)
        points = geometry_to_cloud(geometry, self.num_points, rng)
        return {"points": points, "views": self._views(Path(item.frames), rng)}

    def _views(self, frames: Path, rng: np.random.Generator) -> np.ndarray:
        count = self.num_views or REAL_VIEWS
        if frames.suffix == ".zip":
            return read_zipped_frames(frames, "rgb", count, self.image_size, rng)
        return draw_frames(frames, count, self.image_size, rng)

    def describe(self) -> dict[str, str]:
        split = "the lists train_set80.txt and test_set80.txt" if self._has_lists() else "a fifth of every class"
        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up",
            "Clouds": f"{self.num_points} points of the scan's surface by area, mean at the origin, largest norm 1",
            "Views": f"{self.num_views or REAL_VIEWS} frames of the video, drawn without repeats; "
            f"short side {self.image_size} px, centre kept",
            "Test split": split,
            "Terms": "public domain, https://github.com/isl-org/redwood-3dscan",
        }

    def _has_lists(self) -> bool:
        return any((self._root / name).exists() for name in SPLIT_LISTS.values())
