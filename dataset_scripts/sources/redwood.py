"""Redwood's object scans: reconstructed meshes with frames of the RGB video."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..builder import PairObject, hold_out
from ..frames import REAL_VIEWS, draw_frames, find_frames, read_zipped_frames
from .archive import ArchivePairs
from .classes import REDWOOD
from .layout import has_lists, read_lists, safe_name


SCAN_FOLDERS = ("mesh", "meshes")
SCAN_ENDINGS = (".ply", ".npy")
# Folders of frames below the root: a folder per scan, or a zip file per scan as the download gives it.
FRAME_ROOTS = ("rgb", "frames", "videoframes", "rgbd")
SPLIT_LISTS = {"train": "train_set80.txt", "test": "test_set80.txt"}
TEST_SHARE = 0.2  # where there are no lists


@dataclass(frozen=True)
class RedwoodPairs(ArchivePairs):
    """Redwood: 8192 points of every scan's surface and 20 frames drawn from its video.

    Scans that `categories.json` names under none of the nine classes, or that have no mesh, are left out; of those with
    several classes the first counts.
    """

    num_points: int = 8192

    title = "Redwood object scans"
    terms = "public domain, https://github.com/isl-org/redwood-3dscan"
    classes = REDWOOD
    archive = "the Redwood object scans"
    markers = ("categories.json",)

    @cached_property
    def _scans(self) -> Path:
        for name in SCAN_FOLDERS:
            if (self.root / name).is_dir():
                return self.root / name
        raise ValueError(f"The source of {self.title} is incomplete: {self.root / SCAN_FOLDERS[0]} is missing.")

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Class of every scan that belongs to one."""
        path = self.root / "categories.json"
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
            folder = self.root / name / scan
            if find_frames(folder):
                return folder
            if folder.with_name(f"{scan}.zip").is_file():
                return folder.with_name(f"{scan}.zip")
        return None

    def find(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        # Most of Redwood's scans were never reconstructed; what has a mesh but no frames is worth a line.
        lacking = [scan for scan in sorted(set(self._listed) - set(self._usable)) if self._scan_file(scan) is not None]
        reasons = [(scan, f"There are no frames of it in {' or '.join(FRAME_ROOTS)}.") for scan in lacking]
        if not has_lists(self.root, SPLIT_LISTS):
            train, test = hold_out(list(self._usable.values()), TEST_SHARE)
            return {"train": train, "test": test}, reasons
        lists = read_lists(self.root, SPLIT_LISTS, self.title).items()
        usable = self._usable
        return {split: [usable[scan] for scan in scans if scan in usable] for split, scans in lists}, reasons

    def views(self, item: PairObject, rng: np.random.Generator) -> np.ndarray:
        frames, count = Path(item.frames), self.num_views or REAL_VIEWS
        if frames.suffix == ".zip":
            return read_zipped_frames(frames, "rgb", count, self.image_size, rng)
        return draw_frames(frames, count, self.image_size, rng)

    def facts(self) -> dict[str, str]:
        listed = has_lists(self.root, SPLIT_LISTS)
        return {
            "Clouds": f"{self.num_points} points of the scan's surface by area, mean at the origin, largest norm 1",
            "Views": f"{self.num_views or REAL_VIEWS} frames of the video, drawn without repeats; "
            f"short side {self.image_size} px, center kept",
            "Test split": f"the lists {' and '.join(SPLIT_LISTS.values())}" if listed else "a fifth of every class",
        }
