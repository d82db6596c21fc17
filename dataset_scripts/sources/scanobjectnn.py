"""ScanObjectNN in its three versions: objects cut out, with background, and the hardest perturbed variant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .classes import SCANOBJECTNN
from .hdf5 import Hdf5Pairs
from .layout import find_root, require


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

    file_classes = SCANOBJECTNN

    @property
    def title(self) -> str:
        return {
            "scanobjectnn": "ScanObjectNN, objects only",
            "scanobjectnn_withbg": "ScanObjectNN, with background",
            "scanobjectnn_hardest": "ScanObjectNN, hardest (PB_T50_RS)",
        }[self.version]

    @property
    def licence(self) -> str:
        return "other"

    def describe(self) -> dict[str, str]:
        return {**super().describe(), "Terms": "those of https://hkust-vgd.github.io/scanobjectnn"}

    def files(self) -> dict[str, list[Path]]:
        folder, ending = VERSIONS[self.version]
        root = find_root(self.source, (folder,), "ScanObjectNN (h5_files)")
        return {
            split: [require(root / folder / f"{stem}{ending}.h5", self.title)] for split, stem in SPLIT_FILES.items()
        }
