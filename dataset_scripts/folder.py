"""Pairs from any tree of meshes and clouds; labels and splits are read from the names of the folders.

Known layouts: `<class>/<split>/file`, `<split>/<class>/file`, `<class>/file`, `<split>/file` and files without folders.
Deeper folders below these belong to the object's name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from .builder import PairObject, PairSource, object_rng
from .readers import FOREIGN_ENDINGS, read_geometry, readable_endings, walk_files


# Folder name, lower case -> split. "val" is spelt out, as the Hub does.
SPLIT_FOLDERS = {"train": "train", "test": "test", "val": "validation", "validation": "validation"}
SPLIT_ORDER = ("train", "validation", "test")


def spoken_name(folder_name: str) -> str:
    """Class name for prompts: "night_stand" -> "night stand"."""
    return " ".join(folder_name.replace("_", " ").split())


def printable(path: PurePosixPath) -> str:
    """`path` as text that any file can hold: bytes of a file name that are no UTF-8 become the replacement sign."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def place(path: PurePosixPath) -> tuple[str, str | None]:
    """(split, class folder or None) of a file by the folders above it; without a split folder it is "train"."""
    folders = path.parts[:-1]
    if folders and folders[0].lower() in SPLIT_FOLDERS:
        return SPLIT_FOLDERS[folders[0].lower()], folders[1] if len(folders) > 1 else None
    if len(folders) > 1 and folders[1].lower() in SPLIT_FOLDERS:
        return SPLIT_FOLDERS[folders[1].lower()], folders[0]
    return "train", folders[0] if folders else None


@dataclass(frozen=True)
class FolderPairs(PairSource):
    """Pairs from a folder: meshes get shaded views, clouds realistic depth projections.

    Args:
        source: The folder.
        up_axis: Axis that points up in the files, "x", "y" (glTF's convention) or "z"; pairs are y up.

    Raises:
        ValueError: The folder is missing or holds no mesh and no cloud, or the axis is unknown.
    """

    source: str = ""
    up_axis: str = "y"

    def __post_init__(self):
        from modeling_crossmost.geometry_crossmost import UP_AXES

        super().__post_init__()
        if self.up_axis not in UP_AXES:
            raise ValueError(f"The up axis must be one of {', '.join(UP_AXES)}, got {self.up_axis!r}.")

    @property
    def title(self) -> str:
        return Path(self.source).resolve().name

    @cached_property
    def _files(self) -> list[PurePosixPath]:
        found = list(walk_files(Path(self.source)))
        if not any(path.suffix.lower() in readable_endings() for path in found):
            kinds = ", ".join(sorted(readable_endings()))
            raise ValueError(f"The source {self.source!r} holds no mesh and no cloud; these endings are read: {kinds}.")
        return found

    @cached_property
    def _readable(self) -> list[PurePosixPath]:
        return [path for path in self._files if path.suffix.lower() in readable_endings()]

    @cached_property
    def _usable(self) -> list[PurePosixPath]:
        """Readable files, without those outside of the class folders of a source that has classes."""
        labelled = [path for path in self._readable if place(path)[1] is not None]
        return labelled or self._readable

    def class_names(self) -> list[str] | None:
        folders = {place(path)[1] for path in self._usable}
        return sorted({spoken_name(folder) for folder in folders if folder is not None}) or None

    def objects(self) -> dict[str, list[PairObject]]:
        stems = Counter(path.with_suffix("") for path in self._usable)
        found: dict[str, list[PairObject]] = {split: [] for split in SPLIT_ORDER}
        for path in self._usable:
            split, folder = place(path)
            # Files that differ in their ending alone keep it: ids are unique.
            object_id = printable(path if stems[path.with_suffix("")] > 1 else path.with_suffix(""))
            name = None if folder is None else spoken_name(folder)
            found[split].append(PairObject(object_id, name, str(Path(self.source) / path)))
        return {split: items for split, items in found.items() if items}

    def unusable(self) -> list[tuple[str, str]]:
        used = set(self._usable)
        outside = [path for path in self._readable if path not in used]
        foreign = [path for path in self._files if path.suffix.lower() in FOREIGN_ENDINGS]
        unknown = "The file lies outside of the class folders, so its class is unknown."
        reasons = [(printable(path), unknown) for path in outside]
        reasons += [(printable(path), f"Files that end in {path.suffix} cannot be read.") for path in foreign]
        return sorted(reasons)

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud, normalize_points
        from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA, SHADED_CAMERA, depth_views, shaded_views

        geometry = read_geometry(Path(item.path), self.up_axis)
        points = geometry_to_cloud(geometry, self.num_points, object_rng(item.object_id, self.seed))
        if hasattr(geometry, "faces"):
            views = shaded_views(geometry, self.num_views or int(SHADED_CAMERA["count"]), self.image_size)
        else:
            # All points of the file, not only the sampled ones: a denser cloud projects to a better surface.
            views = depth_views(
                normalize_points(geometry), self.num_views or int(DEPTH_CAMERA["count"]), self.image_size
            )
        return {"points": points, "views": views}

    def describe(self) -> dict[str, str]:
        from modeling_crossmost.rendering_crossmost import DEFAULT_FILL, DEPTH_CAMERA, SHADED_CAMERA

        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up",
            "Clouds": f"{self.num_points} points, mean at the origin, largest norm 1; meshes: area-weighted sampling, "
            "clouds: farthest point sampling, or seeded repeats where there are fewer points",
            "Framing": f"every view is zoomed so that the object reaches {DEFAULT_FILL:.0%} of the half frame",
            "Views of meshes": f"ray casting (Embree), {camera_text(SHADED_CAMERA, self.num_views)}",
            "Views of clouds": f"realistic depth projection, {camera_text(DEPTH_CAMERA, self.num_views)}",
        }


def camera_text(table: dict[str, float], num_views: int | None) -> str:
    """One line about a ring of cameras: `table` holds count, elevation, distance, field_of_view and start_azimuth."""
    return (
        f"{num_views or table['count']} azimuths at equal steps from {table['start_azimuth']:g} degrees, "
        f"elevation {table['elevation']:g} degrees, distance {table['distance']:g} radii, "
        f"field of view {table['field_of_view']:g} degrees"
    )
