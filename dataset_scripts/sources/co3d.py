"""Co3D: SLAM clouds of real objects with frames of their videos."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..builder import PairObject, PairSource, object_rng
from ..frames import REAL_VIEWS, draw_frames, find_frames
from ..readers import read_geometry
from .classes import CO3D
from .layout import find_root, read_lines, require, safe_name


SPLIT_LISTS = {"train": "train_set_80.txt", "test": "test_set_80.txt"}
CLOUD_NAMES = ("pointcloud.ply", "pointcloud1.npy", "pointcloud.npy")


@dataclass(frozen=True)
class Co3dPairs(PairSource):
    """Co3D: the SLAM cloud of every sequence and 20 of its frames, for the paper's 42 categories.

    Categories that were not downloaded are left out; labels keep their places among the 42.

    Args:
        source: Folder that holds the category folders.
        up_axis: Axis that points up in the files. Co3D's axes are the principal axes of each cloud, so gravity is not
            defined; the official code takes x as up, and so do we.

    Raises:
        ValueError: A missing or broken file.
    """

    num_points: int = 8192
    source: str = ""
    up_axis: str = "x"

    @property
    def title(self) -> str:
        return "Co3D"

    @property
    def licence(self) -> str:
        return "cc-by-nc-4.0"

    def class_names(self) -> list[str]:
        return list(CO3D.values())

    @cached_property
    def _root(self) -> Path:
        return find_root(self.source, (*SPLIT_LISTS.values(), *CO3D), "Co3D (folders of categories)")

    @cached_property
    def _sequences(self) -> dict[str, list[str]]:
        """`category/sequence` of every split."""
        lists = {split: self._root / name for split, name in SPLIT_LISTS.items()}
        if any(path.exists() for path in lists.values()):
            return {
                split: [safe_name(line, path) for line in dict.fromkeys(read_lines(require(path, self.title)))]
                for split, path in lists.items()
            }
        found: dict[str, list[str]] = {"train": [], "test": []}
        for category in CO3D:
            if (self._root / category).is_dir():
                for split, sequences in read_set_lists(self._root / category).items():
                    found[split] += [f"{category}/{sequence}" for sequence in sequences]
        return found

    @cached_property
    def _checked(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        found: dict[str, list[PairObject]] = {split: [] for split in self._sequences}
        reasons = []
        for split, sequences in self._sequences.items():
            for sequence in sequences:
                name = CO3D.get(sequence.split("/")[0])
                if name is None:
                    continue  # one of the nine categories that the paper leaves out
                folder = self._root / sequence
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
                f"The source of {self.title} is incomplete: none of its {len(reasons)} sequences in {self._root} has "
                f"both {CLOUD_NAMES[0]} and images."
            )
        return {split: items for split, items in found.items() if items}, reasons

    def objects(self) -> dict[str, list[PairObject]]:
        return self._checked[0]

    def unusable(self) -> list[tuple[str, str]]:
        return self._checked[1]

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud

        rng = object_rng(item.object_id, self.seed)
        points = geometry_to_cloud(read_geometry(Path(item.path), self.up_axis), self.num_points, rng)
        views = draw_frames(Path(item.frames), self.num_views or REAL_VIEWS, self.image_size, rng)
        return {"points": points, "views": views}

    def describe(self) -> dict[str, str]:
        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up (Co3D itself does not define gravity)",
            "Clouds": f"{self.num_points} points of the SLAM cloud by farthest point sampling, or seeded repeats where "
            "it has fewer; mean at the origin, largest norm 1",
            "Views": f"{self.num_views or REAL_VIEWS} frames of the sequence, drawn without repeats; "
            f"short side {self.image_size} px, centre kept",
            "Terms": "CC BY-NC 4.0, https://github.com/facebookresearch/co3d",
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
