"""ShapeNet55 as ULIP packs it: clouds, rendered views and class synonyms, for image-text-point pre-training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from modeling_crossmost.evaluation.prompts import PROMPT_SETS

from ..builder import PairObject
from ..frames import evenly, find_frames, read_frames
from .archive import ArchivePairs
from .layout import read_lists, require


SPLIT_LISTS = {"train": "train.txt", "test": "test.txt"}
# ULIP's names where the taxonomy's first synonym is not the everyday word.
EVERYDAY = {"display": "monitor", "vessel": "ship", "ashcan": "trash can"}


@dataclass(frozen=True)
class ShapeNet55Pairs(ArchivePairs):
    """ShapeNet55: 8192 stored points, rendered color views at equal steps, captions from the taxonomy's synonyms."""

    num_points: int = 8192

    title = "ShapeNet55"
    terms = "ShapeNet's, https://shapenet.org, non-commercial research"
    archive = "ShapeNet55 (ULIP's shapenet-55)"
    markers = ("taxonomy.json",)
    default_views: ClassVar[int] = 12

    @property
    def has_captions(self) -> bool:
        return True

    @cached_property
    def _synonyms(self) -> dict[str, list[str]]:
        """Names of every synset of the taxonomy, everyday word first."""
        path = self.root / "taxonomy.json"
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            named = {str(entry["synsetId"]): str(entry["name"]).split(",") for entry in entries}
        except (ValueError, KeyError, TypeError):
            raise ValueError(f'{path} must be a list of {{"synsetId": ..., "name": ...}}.') from None
        found = {}
        for synset, names in named.items():
            spoken = [" ".join(name.replace("_", " ").split()) for name in names]
            spoken = [name for name in spoken if name]
            if spoken and spoken[0] in EVERYDAY:
                spoken.insert(0, EVERYDAY[spoken[0]])
            found[synset] = list(dict.fromkeys(spoken))
        return found

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        return read_lists(self.root, SPLIT_LISTS, self.title)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Class name of every synset that the lists hold, in the order of the synsets; names are unique."""
        found: dict[str, str] = {}
        for synset in sorted({line.split("-")[0] for lines in self._lines.values() for line in lines}):
            if not self._synonyms.get(synset):
                raise ValueError(f"{self.root / 'taxonomy.json'} does not name the synset {synset!r} of the lists.")
            free = [name for name in self._synonyms[synset] if name not in found.values()]
            found[synset] = free[0] if free else f"{self._synonyms[synset][0]} {synset}"
        return found

    def class_names(self) -> list[str]:
        return list(self._names.values())

    def find(self) -> tuple[dict[str, list[PairObject]], list[tuple[str, str]]]:
        clouds = require(self.root / "shapenet_pc", self.title)
        renderings = require(self.root / "rendered_images", self.title)
        found: dict[str, list[PairObject]] = {split: [] for split in self._lines}
        reasons = []
        for split, lines in self._lines.items():
            for line in lines:
                stem = line.removesuffix(".npy")
                if not (clouds / f"{stem}.npy").is_file():
                    reasons.append((stem, f"shapenet_pc/{stem}.npy is missing."))
                elif not (renderings / stem).is_dir():
                    reasons.append((stem, f"rendered_images/{stem} is missing."))
                else:
                    item = PairObject(
                        f"shapenet_pc/{stem}",
                        self._names[stem.split("-")[0]],
                        str(clouds / f"{stem}.npy"),
                        frames=str(renderings / stem),
                    )
                    found[split].append(item)
        if not any(found.values()):
            raise ValueError(f"The source of {self.title} is incomplete: {reasons[0][1] if reasons else 'empty lists'}")
        return {split: items for split, items in found.items() if items}, reasons

    def captions(self, class_name: str) -> list[str]:
        """Plain name first, then the paper's prompts of every synonym."""
        synset = next(key for key, name in self._names.items() if name == class_name)
        names = dict.fromkeys((class_name, *self._synonyms[synset]))
        return [class_name] + [prompt.format(name) for name in names for prompt in PROMPT_SETS["paper"]]

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        return {**super().make_pair(item), "captions": self.captions(item.class_name or "")}

    def views(self, item: PairObject, rng: np.random.Generator) -> np.ndarray:
        # `*_depth0001.png` beside them is the same view as depth.
        frames = [path for path in find_frames(Path(item.frames)) if "_depth" not in path.stem]
        chosen = evenly(len(frames), self.num_views or self.default_views)
        return read_frames([frames[index] for index in chosen], self.image_size)

    def facts(self) -> dict[str, str]:
        return {
            "Clouds": f"{self.num_points} of the stored points by farthest point sampling, or seeded repeats where "
            "there are fewer; mean at the origin, largest norm 1",
            "Views": f"{self.num_views or self.default_views} of ULIP's rendered color views at equal steps",
            "Captions": "class name, then 'a photo of a ...' and 'a 3D model of a ...' of every synonym",
        }
