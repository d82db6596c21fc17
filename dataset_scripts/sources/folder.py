"""Pairs from any tree of meshes and clouds; labels and splits are read from the names of the folders.

Known layouts: `<class>/<split>/file`, `<split>/<class>/file`, `<class>/file`, `<split>/file` and files without folders.
Deeper folders below these belong to the object's name. Pictures in a folder of the object's own are its real views.

Names are compared in Unicode's normal form C, so that a Mac's spelling of "Café" and that of other systems are one
class. Classes that differ only in case or hyphens stay apart and are reported: two classes become one by renaming a
folder, whereas labels that were merged by mistake cannot be told apart again.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..builder import PairObject, PairSource, object_rng
from ..frames import FRAME_ENDINGS, FRAME_FOLDERS, REAL_VIEWS, draw_frames, is_frame
from ..readers import AMBIGUOUS_ENDINGS, FOREIGN_ENDINGS, read_geometry, readable_endings, walk_files


# Folder name, lower case -> split. "val" is spelt out, as the Hub does.
SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
}
SPLIT_ORDER = ("train", "validation", "test")
# Pictures beside files of these types are their textures.
TEXTURED_ENDINGS = (".obj", ".gltf", ".dae")
# Ending of a file that a mesh consists of besides its own -> ending of the mesh.
PART_ENDINGS = {".mtl": ".obj", ".bin": ".gltf"}
TEXTURE_ENDINGS = FRAME_ENDINGS | {".dds", ".exr", ".gif", ".hdr", ".ktx2", ".tga", ".tif", ".tiff"}
# Folders of textures below the mesh's folder, or beside it as in downloads from Sketchfab and in ShapeNet.
TEXTURE_FOLDERS = frozenset(("images", "maps", "materials", "tex", "texture", "textures"))
# Most items that a remark lists.
LISTED = 20

_DOCUMENT = re.compile(
    r"readme([-_ .].*)?|read[-_ ]me|licen[cs]e|copying|changelog|notice|metadata|annotations?|index|categories"
    r"|labels?|class(es|[-_ ]?names)|splits?|(file[-_ ]?)?lists?"
    rf"|({'|'.join(SPLIT_FOLDERS)})([-_ ]?(files|ids|lists?|names|sets?|split)[-_ \d]*)?",
    re.IGNORECASE,
)


def is_document(path: PurePosixPath) -> bool:
    """Return whether a text or table is about the objects, judging by its name: README.txt, _annotations.csv."""
    return path.suffix.lower() in (".txt", ".csv") and _DOCUMENT.fullmatch(path.stem.strip("-_. ")) is not None


def clean_text(name: str) -> str:
    """Return a name as text that any file can hold, in Unicode's normal form C.

    Bytes of a file name that are no UTF-8 become the replacement sign.
    """
    return unicodedata.normalize("NFC", name.encode(errors="surrogateescape").decode(errors="replace"))


def spoken_name(folder_name: str) -> str:
    """Class name for prompts: "night_stand" -> "night stand"."""
    return " ".join(clean_text(folder_name).replace("_", " ").split())


def printable(path: PurePosixPath) -> str:
    """`path` as `clean_text`."""
    return clean_text(str(path))


def unique_ids(paths: Sequence[PurePosixPath]) -> list[str]:
    """Return an id for every file: its path without the ending, with it where files differ in their ending alone.

    Paths that differ only in their Unicode form are numbered in their order.
    """
    stems = Counter(printable(path.with_suffix("")) for path in paths)
    ids: dict[str, None] = {}
    for path in paths:
        short = printable(path.with_suffix(""))
        name = short if stems[short] == 1 else printable(path)
        numbered = (f"{name} ({number})" for number in count(2))
        ids[name if name not in ids else next(each for each in numbered if each not in ids)] = None
    return list(ids)


def split_level(path: PurePosixPath, classes: Collection[str] = ()) -> int | None:
    """Return the level, 0 or 1, of the folder that names the split of a file, or None; arguments as `place`."""
    folders = path.parts[:-1]
    if folders and folders[0].lower() in SPLIT_FOLDERS and folders[0] not in classes:
        return 0
    return 1 if len(folders) > 1 and folders[1].lower() in SPLIT_FOLDERS else None


def place(path: PurePosixPath, classes: Collection[str] = ()) -> tuple[str, str | None]:
    """(split, class folder or None) of a file by the folders above it; without a split folder it is "train".

    Args:
        path: below the source.
        classes: folders of the first level that are classes although they are named like a split.
    """
    folders = path.parts[:-1]
    level = split_level(path, classes)
    split = "train" if level is None else SPLIT_FOLDERS[folders[level].lower()]
    above = folders[1:] if level == 0 else folders
    return split, above[0] if above else None


@dataclass(frozen=True)
class FolderPairs(PairSource):
    """Pairs from a folder: meshes get shaded views, clouds realistic depth projections, objects with pictures those.

    An object's pictures lie in the folder `<object>` beside the file `<object>.<ending>`, or together with the only
    mesh or cloud of a folder, there or in a subfolder of `FRAME_FOLDERS`; that folder is the object's, not a class.

    Args:
        source: The folder.
        up_axis: Axis that points up in the files, "y" (glTF's convention) or another of `FILE_AXES`; pairs are y up.
        supersample: Rays along each side of a pixel of a shaded view; 1 is not anti-aliased and three times as fast.
        no_classes: Whether names of folders are no classes; the pairs then have no labels.

    Raises:
        ValueError: The folder is missing or holds no mesh and no cloud, or the axis is unknown.
    """

    source: str = ""
    up_axis: str = "y"
    supersample: int = 2
    no_classes: bool = False

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
        return list(walk_files(Path(self.source)))

    @cached_property
    def _candidates(self) -> list[PurePosixPath]:
        """Files that may be a mesh or a cloud, by their names."""
        kinds = readable_endings()
        found = [path for path in self._files if path.suffix.lower() in kinds and not is_document(path)]
        if not found:
            held = f", only {count_endings(self._files)}" if self._files else ""
            raise ValueError(
                f"The source {self.source!r} holds no mesh and no cloud{held}; these endings are read: "
                f"{', '.join(sorted(kinds))}."
            )
        return found

    @cached_property
    def _readable(self) -> list[PurePosixPath]:
        """`_candidates` without tables and arrays in the folder of a scan: camera poses among its real views."""
        sure = [path for path in self._candidates if path.suffix.lower() not in AMBIGUOUS_ENDINGS]
        owned = set(self._find_frame_folders(sure).values())
        return [path for path in self._candidates if not _lies_with_views(path, owned)]

    @cached_property
    def _frame_folders(self) -> dict[PurePosixPath, PurePosixPath]:
        """The folder of real views of every readable file that has one."""
        return self._find_frame_folders(self._readable)

    def _find_frame_folders(self, paths: Sequence[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
        pictured = {path.parent for path in self._files if is_frame(path.name)}
        neighbors = Counter(path.parent for path in paths)
        found = {}
        for path in paths:
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
        if self.no_classes or all(name.lower() in SPLIT_FOLDERS for name in first):
            return frozenset()
        return frozenset(path.parts[0] for path in self._readable if len(path.parts) == 2)

    def _named(self, path: PurePosixPath) -> PurePosixPath:
        """Return what names a file's split and class: its path, or its own folder, which is no class."""
        return path.parent if self._frame_folders.get(path) == path.parent else path

    def _place(self, path: PurePosixPath) -> tuple[str, str | None]:
        """`place` of a file; an object's own folder is no class."""
        split, folder = place(self._named(path), self._classes_named_like_splits)
        return split, None if self.no_classes else folder

    @cached_property
    def _usable(self) -> list[PurePosixPath]:
        """Readable files, without those outside of the class folders of a source that has classes."""
        labeled = [path for path in self._readable if self._place(path)[1] is not None]
        return labeled or self._readable

    def class_names(self) -> list[str] | None:
        folders = {self._place(path)[1] for path in self._usable}
        return sorted({spoken_name(folder) for folder in folders if folder is not None}) or None

    def objects(self) -> dict[str, list[PairObject]]:
        found: dict[str, list[PairObject]] = {split: [] for split in SPLIT_ORDER}
        for path, object_id in zip(self._usable, unique_ids(self._usable), strict=True):
            split, folder = self._place(path)
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

    @cached_property
    def _foreign(self) -> list[PurePosixPath]:
        kinds = FOREIGN_ENDINGS - readable_endings()
        return [path for path in self._files if path.suffix.lower() in kinds]

    def unusable(self) -> list[tuple[str, str]]:
        used = set(self._usable)
        outside = [path for path in self._readable if path not in used]
        unknown = "The file lies outside of the class folders, so its class is unknown."
        reasons = [(printable(path), unknown) for path in outside]
        reasons += [(printable(path), f"Files that end in {path.suffix} cannot be read.") for path in self._foreign]
        return sorted(reasons)

    def remarks(self) -> dict[str, str]:
        """Return how folders were understood, and the number of files by ending that no object is read from."""
        skipped = {*self._readable, *self._foreign}
        others = [path for path in self._files if path not in skipped]
        parts = self._parts_of_objects(others)
        counts = {
            "Formats that cannot be read": count_endings(self._foreign),
            "Belong to other files": count_endings(parts),
            "Passed over": count_endings(set(others) - parts),
        }
        return {**self._folder_remarks(), **{name: text for name, text in counts.items() if text}}

    def _folder_remarks(self) -> dict[str, str]:
        """Return which folders were taken as splits under another name, and which classes look wrong."""
        split_names: set[str] = set()
        classes: dict[str, list[str]] = defaultdict(list)
        for path in self._usable:
            named = self._named(path)
            level = split_level(named, self._classes_named_like_splits)
            if level is not None:
                split_names.add(named.parts[level])
            folder = self._place(path)[1]
            if folder is not None:
                classes[spoken_name(folder)].append(clean_text(folder))
        meanings = {name: SPLIT_FOLDERS[name.lower()] for name in sorted(split_names)}
        splits = [f"{name!r} is {split}" for name, split in meanings.items() if name != split]
        vehicles = [name for name in sorted(self._classes_named_like_splits) if name.lower() in SPLIT_FOLDERS]
        splits += [f"{name!r} is a class, since it holds files itself beside other classes" for name in vehicles]
        found = {"Split folders": listed(splits), **class_remarks(classes)}
        return {name: text for name, text in found.items() if text}

    def _parts_of_objects(self, paths: Iterable[PurePosixPath]) -> set[PurePosixPath]:
        """Return those of `paths` that belong to objects: real views, materials, buffers, textures."""
        framed = set(self._frame_folders.values())
        meshes: dict[str, set[PurePosixPath]] = defaultdict(set)
        for path in self._readable:
            meshes[path.suffix.lower()].add(path.parent)
        textured = {folder for ending in TEXTURED_ENDINGS for folder in meshes[ending]}
        around = textured | {folder.parent for folder in textured}

        def belongs(path: PurePosixPath) -> bool:
            ending, folder = path.suffix.lower(), path.parent
            if ending in PART_ENDINGS:
                return folder in meshes[PART_ENDINGS[ending]]
            in_texture_folder = folder.name.lower() in TEXTURE_FOLDERS and folder.parent in around
            is_texture = ending in TEXTURE_ENDINGS and (folder in textured or in_texture_folder)
            return is_texture or _lies_with_views(path, framed)

        return {path for path in paths if belongs(path)}

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud

        geometry, notes = read_geometry(Path(item.path), self.up_axis)
        rng = object_rng(item.object_id, self.seed)
        points = geometry_to_cloud(geometry, self.num_points, rng)
        if item.frames:
            views = draw_frames(Path(item.frames), self.num_views or REAL_VIEWS, self.image_size, rng)
        else:
            views = self._rendered(geometry)
        return {"points": points, "views": views, "notes": notes}

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
            **self._folder_remarks(),
        }


def _holds_frames(folder: PurePosixPath, pictured: set[PurePosixPath]) -> bool:
    return folder in pictured or any(folder / name in pictured for name in FRAME_FOLDERS)


def _lies_with_views(path: PurePosixPath, framed: Collection[PurePosixPath]) -> bool:
    """Whether a picture, table or array lies in one of the folders of real views, `framed`, or in their subfolders."""
    home = path.parent.parent if path.parent.name in FRAME_FOLDERS else path.parent
    kind = path.suffix.lower()
    return (kind in FRAME_ENDINGS or kind in AMBIGUOUS_ENDINGS) and (path.parent in framed or home in framed)


def listed(items: Sequence[str], separator: str = ", ") -> str:
    """Join items; of more than `LISTED`, name the first and count the rest."""
    rest = len(items) - LISTED
    return separator.join([*items[:LISTED], *([f"{rest} more"] if rest > 0 else [])])


def count_endings(paths: Iterable[PurePosixPath]) -> str:
    """Count files by their ending, the most frequent first: "12 .jpg, 3 .ptx, 1 without ending"."""
    counts = Counter(clean_text(path.suffix.lower()) or "without ending" for path in paths)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    named = [f"{number} {ending}" for ending, number in ranked[:LISTED]]
    rest = sum(number for _, number in ranked[LISTED:])
    return ", ".join([*named, *([f"{rest} with other endings"] if rest else [])])


def class_remarks(classes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Say which classes may be one class, two classes or no classes at all; "" where there is nothing to say.

    Args:
        classes: class name -> the folder name of every object of it.
    """
    merged: list[str] = []
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(classes):
        alike[" ".join(name.casefold().replace("-", " ").split())].append(repr(name))
        folders = sorted(set(classes[name]))
        if len(folders) > 1:
            merged.append(f"the folders {' and '.join(map(repr, folders))} are one class, {name!r}")
    twins = [
        f"{' and '.join(names)} differ only in case or hyphens and stay {len(names)} classes; rename their folders "
        "alike if they mean the same"
        for names in alike.values()
        if len(names) > 1
    ]
    scans = ""
    if len(classes) > 1 and all(len(folders) == 1 for folders in classes.values()):
        scans = (
            f"each of the {len(classes)} classes, such as {min(classes)!r}, has a single object; if these folders are "
            "scans rather than classes, put the objects of a class into one folder, or use --no-classes"
        )
    return {
        "Joined folders": listed(merged, "; "),
        "Similar classes": listed(twins, "; "),
        "One object per class": scans,
    }


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
