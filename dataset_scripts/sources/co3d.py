"""Co3D: SLAM clouds of real objects with frames of their videos."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..builder import PairObject
from ..frames import REAL_VIEWS, draw_frames, find_frames
from .archive import ArchivePairs
from .classes import CO3D
from .layout import has_lists, read_lists, require, safe_name


SPLIT_LISTS = {"train": "train_set_80.txt", "test": "test_set_80.txt"}
CLOUD_NAMES = ("pointcloud.ply", "pointcloud1.npy", "pointcloud.npy")


@dataclass(frozen=True)
class Co3dPairs(ArchivePairs):
    """Co3D: the SLAM cloud of every sequence and 20 of its frames, for the paper's 42 categories.

    Categories that were not downloaded are left out; labels keep their places among the 42.

    Args:
        source: Folder that holds the category folders, or one that it lies in.
        up_axis: Axis that points up in the files. Co3D's axes are the principal axes of each cloud, so gravity is not
            defined; the official code takes x as up, and so do we.

    Raises:
        ValueError: A missing or broken file.
    """

    num_points: int = 8192
    up_axis: str = "x"

    title = "Co3D"
    license = "cc-by-nc-4.0"
    terms = "CC BY-NC 4.0, https://github.com/facebookresearch/co3d"
    classes = tuple(CO3D.values())
    archive = "Co3D (folders of categories)"
    markers = (*SPLIT_LISTS.values(), *CO3D)

    def _sequences(self) -> dict[str, list[str]]:
        """`category/sequence` of every split."""
        if has_lists(self.root, SPLIT_LISTS):
            return read_lists(self.root, SPLIT_LISTS, self.title)
        found: dict[str, list[str]] = {"train": [], "test": []}
        for category in CO3D:
            if (self.root / category).is_dir():
                for split, sequences in read_set_lists(self.root / category).items():
                    found[split] += [f"{category}/{sequence}" for sequence in sequences]
        return found

    def find(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        listed = self._sequences()
        found: dict[str, list[PairObject]] = {split: [] for split in listed}
        reasons = []
        for split, sequences in listed.items():
            for sequence in sequences:
                name = CO3D.get(sequence.split("/")[0])
                if name is None:
                    continue  # one of the nine categories that the paper leaves out
                folder = self.root / sequence
                cloud = next((folder / each for each in CLOUD_NAMES if (folder / each).is_file()), None)
                if cloud is None:
                    reasons.append((sequence, f"The sequence has no {CLOUD_NAMES[0]}."))
                elif not find_frames(folder):
                    reasons.append((sequence, "The sequence has no images."))
                else:
                    item = PairObject(f"{sequence}/{cloud.stem}", name, str(cloud), frames=str(folder))
                    found[split].append(item)
        if not any(found.values()):
            raise ValueError(
                f"The source of {self.title} is incomplete: none of its {len(reasons)} sequences in {self.root} has "
                f"both {CLOUD_NAMES[0]} and images."
            )
        return {split: items for split, items in found.items() if items}, reasons

    def views(self, item: PairObject, rng: np.random.Generator) -> np.ndarray:
        return draw_frames(Path(item.frames), self.num_views or REAL_VIEWS, self.image_size, rng)

    def describe(self) -> dict[str, str]:
        axis = f"{self.up_axis} up; the pairs are y up (Co3D itself does not define gravity)"
        return {**super().describe(), "Source axis": axis}

    def facts(self) -> dict[str, str]:
        return {
            "Clouds": f"{self.num_points} points of the SLAM cloud by farthest point sampling, or seeded repeats where "
            "it has fewer; mean at the origin, largest norm 1",
            "Views": f"{self.num_views or REAL_VIEWS} frames of the sequence, drawn without repeats; "
            f"short side {self.image_size} px, center kept",
        }


def read_set_lists(category: Path) -> dict[str, list[str]]:
    """Sequences of a category by split, from `set_lists.json` or `set_lists/*.json` (first and second release).

    A sequence that any list trains on is "train"; the others are "test".

    Raises:
        ValueError: There is no list, or one of them is broken.
    """
    folder = category / "set_lists"
    paths = sorted(folder.glob("set_lists_*.json")) if folder.is_dir() else []
    if not paths:
        paths = [category / "set_lists.json"]
    train: dict[str, None] = {}
    known: dict[str, None] = {}
    for path in paths:
        try:
            lists = json.loads(require(path, "Co3D").read_text(encoding="utf-8"))
            for name, frames in lists.items():
                sequences = {safe_name(str(frame[0]), path): None for frame in frames}
                known.update(sequences)
                if name.startswith("train"):
                    train.update(sequences)
        except (AttributeError, IndexError, TypeError, KeyError, UnicodeDecodeError, json.JSONDecodeError):
            raise ValueError(f'{path} must map splits to frames: {{"train": [[sequence, number, path]]}}.') from None
    return {"train": list(train), "test": [sequence for sequence in known if sequence not in train]}
