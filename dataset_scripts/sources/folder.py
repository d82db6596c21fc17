"""Pairs from any tree of meshes and clouds; labels and splits are read from the names of the folders.

Known layouts: `<class>/<split>/file`, `<split>/<class>/file`, `<class>/file`, `<split>/file` and files without folders.
Deeper folders below these belong to the object's name. Pictures in a folder of the object's own are its real views.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..builder import PairObject, PairSource, object_rng
from ..frames import FRAME_FOLDERS, REAL_VIEWS, draw_frames, is_frame
from ..readers import FOREIGN_ENDINGS, read_geometry, readable_endings, walk_files


# Folder name, lower case -> split. "val" is spelt out, as the Hub does.
SPLIT_FOLDERS = {"train": "train", "test": "test", "val": "validation", "validation": "validation"}
SPLIT_ORDER = ("train", "validation", "test")
# Pictures beside files of these types are their textures.
TEXTURED_ENDINGS = (".obj", ".gltf")


def spoken_name(folder_name: str) -> str:
    """Class name for prompts: "night_stand" -> "night stand"."""
    return " ".join(folder_name.replace("_", " ").split())


def printable(path: PurePosixPath) -> str:
    """`path` as text that any file can hold: bytes of a file name that are no UTF-8 become the replacement sign."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def place(path: PurePosixPath, classes: frozenset[str] = frozenset()) -> tuple[str, str | None]:
    """(split, class folder or None) of a file by the folders above it; without a split folder it is "train".

    Args:
        path: below the source.
        classes: folders of the first level that are classes although they are named like a split.
    """
    folders = path.parts[:-1]
    if folders and folders[0].lower() in SPLIT_FOLDERS and folders[0] not in classes:
        return SPLIT_FOLDERS[folders[0].lower()], folders[1] if len(folders) > 1 else None
    if len(folders) > 1 and folders[1].lower() in SPLIT_FOLDERS:
        return SPLIT_FOLDERS[folders[1].lower()], folders[0]
    return "train", folders[0] if folders else None


@dataclass(frozen=True)
class FolderPairs(PairSource):
    """Pairs from a folder: meshes get shaded views, clouds realistic depth projections, objects with pictures those.

    An object's pictures lie in the folder `<object>` beside the file `<object>.<ending>`, or together with the only
    mesh or cloud of a folder, there or in a subfolder of `FRAME_FOLDERS`; that folder is the object's, not a class.

    Args:
        source: The folder.
        up_axis: Axis that points up in the files, "y" (glTF's convention) or another of `FILE_AXES`; pairs are y up.
        supersample: Rays along each side of a pixel of a shaded view; 1 is not anti-aliased and three times as fast.

    Raises:
        ValueError: The folder is missing or holds no mesh and no cloud, or the axis is unknown.
    """

    source: str = ""
    up_axis: str = "y"
    supersample: int = 2

    def __post_init__(self):
        from modeling_crossmost.geometry_crossmost import rotation_to_y_up

        super().__post_init__()
        if not 1 <= self.supersample <= 8:
            raise ValueError(f"The number of rays along a pixel's side must lie in 1..8, got {self.supersample}.")
        rotation_to_y_up(self.up_axis)

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
    def _frame_folders(self) -> dict[PurePosixPath, PurePosixPath]:
        """The folder of real views of every readable file that has one."""
        pictured = {path.parent for path in self._files if is_frame(path.name)}
        neighbors = Counter(path.parent for path in self._readable)
        found = {}
        for path in self._readable:
            own = path.with_suffix("")
            if _holds_frames(own, pictured):
                found[path] = own
            elif path.suffix.lower() in TEXTURED_ENDINGS or neighbors[path.parent] > 1:
                continue
            elif _holds_frames(path.parent, pictured):
                found[path] = path.parent
        return found

    @cached_property
    def _classes_named_like_splits(self) -> frozenset[str]:
        """ "train" (the vehicle) among other classes: it holds files itself, and not all its neighbors are splits."""
        first = {path.parts[0] for path in self._readable if len(path.parts) > 1}
        if all(name.lower() in SPLIT_FOLDERS for name in first):
            return frozenset()
        return frozenset(path.parts[0] for path in self._readable if len(path.parts) == 2)

    def _place(self, path: PurePosixPath) -> tuple[str, str | None]:
        """`place` of a file; an object's own folder is no class."""
        own = self._frame_folders.get(path) == path.parent
        return place(path.parent if own else path, self._classes_named_like_splits)

    @cached_property
    def _usable(self) -> list[PurePosixPath]:
        """Readable files, without those outside of the class folders of a source that has classes."""
        labeled = [path for path in self._readable if self._place(path)[1] is not None]
        return labeled or self._readable

    def class_names(self) -> list[str] | None:
        folders = {self._place(path)[1] for path in self._usable}
        return sorted({spoken_name(folder) for folder in folders if folder is not None}) or None

    def objects(self) -> dict[str, list[PairObject]]:
        stems = Counter(path.with_suffix("") for path in self._usable)
        found: dict[str, list[PairObject]] = {split: [] for split in SPLIT_ORDER}
        for path in self._usable:
            split, folder = self._place(path)
            # Files that differ in their ending alone keep it: ids are unique.
            object_id = printable(path if stems[path.with_suffix("")] > 1 else path.with_suffix(""))
            name = None if folder is None else spoken_name(folder)
            frames = self._frame_folders.get(path)
            found[split].append(
                PairObject(
                    object_id,
                    name,
                    str(Path(self.source) / path),
                    frames="" if frames is None else str(Path(self.source) / frames),
                )
            )
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
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud

        geometry = read_geometry(Path(item.path), self.up_axis)
        rng = object_rng(item.object_id, self.seed)
        points = geometry_to_cloud(geometry, self.num_points, rng)
        if item.frames:
            views = draw_frames(Path(item.frames), self.num_views or REAL_VIEWS, self.image_size, rng)
            return {"points": points, "views": views}
        return {"points": points, "views": self._rendered(geometry)}

    def _rendered(self, geometry: Any) -> np.ndarray:
        from modeling_crossmost.geometry_crossmost import normalize_points
        from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA, SHADED_CAMERA, depth_views, shaded_views

        if hasattr(geometry, "faces"):
            count = self.num_views or int(SHADED_CAMERA["count"])
            return shaded_views(geometry, count, self.image_size, supersample=self.supersample)
        # All points of the file, not only the sampled ones: a denser cloud projects to a better surface.
        count = self.num_views or int(DEPTH_CAMERA["count"])
        return depth_views(normalize_points(geometry), count, self.image_size)

    def describe(self) -> dict[str, str]:
        from modeling_crossmost.rendering_crossmost import DEFAULT_FILL, DEFAULT_STYLE, DEPTH_CAMERA, SHADED_CAMERA

        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up",
            "Clouds": f"{self.num_points} points, mean at the origin, largest norm 1; meshes: area-weighted sampling, "
            "clouds: farthest point sampling, or seeded repeats where there are fewer points",
            "Framing": f"every view is zoomed so that the object reaches {DEFAULT_FILL:.0%} of the half frame",
            "Views of meshes": f"ray casting (Embree), {self.supersample} x {self.supersample} rays a pixel, "
            f"{camera_text(SHADED_CAMERA, self.num_views)}",
            "Light": style_text(DEFAULT_STYLE),
            "Views of clouds": f"realistic depth projection, {camera_text(DEPTH_CAMERA, self.num_views)}",
            "Real views": f"where an object has pictures: {self.num_views or REAL_VIEWS} of them, drawn without "
            f"repeats; short side {self.image_size} px, center kept",
        }


def _holds_frames(folder: PurePosixPath, pictured: set[PurePosixPath]) -> bool:
    return folder in pictured or any(folder / name in pictured for name in FRAME_FOLDERS)


def style_text(style: Any) -> str:
    """One line about a `RenderStyle`."""
    light = " ".join(f"{value:g}" for value in style.light)
    return (
        f"directional from ({light}) in the {style.light_frame}'s frame, ambient {style.ambient:g}, diffuse "
        f"{style.diffuse:g}, of which {style.headlight:g} from the camera, depth cue {style.depth_cue:g}; background "
        f"{style.background_top[0]:g} of 255"
    )


def camera_text(table: dict[str, float], num_views: int | None) -> str:
    """One line about a ring of cameras: `table` holds count, elevation, distance, field_of_view and start_azimuth."""
    return (
        f"{num_views or table['count']} azimuths at equal steps from {table['start_azimuth']:g} degrees, "
        f"elevation {table['elevation']:g} degrees, distance {table['distance']:g} radii, "
        f"field of view {table['field_of_view']:g} degrees"
    )
