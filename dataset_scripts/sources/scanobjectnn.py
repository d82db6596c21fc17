"""ScanObjectNN in its three versions: objects cut out, with background, and the hardest perturbed variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .classes import SCANOBJECTNN
from .hdf5 import Hdf5Pairs
from .layout import require


# Version -> (folder of the archive, ending of its two files).
VERSIONS = {
    "scanobjectnn": ("main_split_nobg", ""),
    "scanobjectnn_withbg": ("main_split", ""),
    "scanobjectnn_hardest": ("main_split", "_augmentedrot_scale75"),
}
SPLIT_FILES = {"train": "training_objectdataset", "test": "test_objectdataset"}


@dataclass(frozen=True)
class ScanObjectNNPairs(Hdf5Pairs):
    """One version of ScanObjectNN: 2048 stored points and ten projected depth views of every object.

    Args:
        version: A key of `VERSIONS`.

    Raises:
        ValueError: As `Hdf5Pairs`.
    """

    version: str = "scanobjectnn"

    classes = file_classes = SCANOBJECTNN
    terms = "those of https://hkust-vgd.github.io/scanobjectnn"
    archive = "ScanObjectNN (h5_files)"

    @property
    def title(self) -> str:
        return {
            "scanobjectnn": "ScanObjectNN, objects only",
            "scanobjectnn_withbg": "ScanObjectNN, with background",
            "scanobjectnn_hardest": "ScanObjectNN, hardest (PB_T50_RS)",
        }[self.version]

    @property
    def markers(self) -> Sequence[str]:
        return (VERSIONS[self.version][0],)

    def files(self) -> dict[str, list[Path]]:
        name, ending = VERSIONS[self.version]
        folder = self.root / name
        return {split: [require(folder / f"{stem}{ending}.h5", self.title)] for split, stem in SPLIT_FILES.items()}
