"""ModelNet40 and ModelNet10: meshes with shaded views, or the HDF5 clouds; and ModelNet40-d, depth views of clouds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..builder import PairObject, PairSource, object_rng
from ..readers import read_geometry
from .classes import MODELNET10, MODELNET40, MODELNET40_HARD, MODELNET40_MEDIUM
from .folder import FolderPairs, camera_text, place, spoken_name
from .hdf5 import Hdf5Pairs
from .layout import find_root, read_lines, require


# Configuration -> its classes. The paper's class lists; `default` is the whole of ModelNet40.
MODELNET40_CONFIGS = {"default": MODELNET40, "medium": MODELNET40_MEDIUM, "hard": MODELNET40_HARD}
HDF5_LISTS = {"train": "train_files.txt", "test": "test_files.txt"}
TITLES = {"modelnet10": "ModelNet10", "modelnet40": "ModelNet40", "modelnet40_depth": "ModelNet40-d (depth)"}


def _class_list(name: str, config_name: str) -> tuple[str, ...]:
    return MODELNET10 if name == "modelnet10" else MODELNET40_CONFIGS[config_name]


@dataclass(frozen=True)
class _ModelNet:
    """One configuration of a ModelNet, whatever its layout.

    No `PairSource`: the fields of one would put their defaults over those of the layout that it is mixed into.

    Args:
        name: "modelnet10", "modelnet40" or "modelnet40_depth".
        config_name: A key of `MODELNET40_CONFIGS`.
    """

    name: str = "modelnet40"
    config_name: str = "default"

    license = "other"
    terms = "ModelNet, https://modelnet.cs.princeton.edu, for academic research"

    @property
    def title(self) -> str:
        return TITLES[self.name]

    def base(self) -> Any:
        return None if self.config_name == "default" else replace(self, config_name="default")

    def class_names(self) -> list[str]:
        return list(_class_list(self.name, self.config_name))


@dataclass(frozen=True)
class ModelNetMeshPairs(_ModelNet, FolderPairs):
    """ModelNet from `<class>/<split>/*.off`; of `modelnet40_depth`, clouds are projected instead of meshes shaded.

    Files of other types that `FolderPairs` reads are taken too (ModelNet is passed on as PLY clouds as well).

    Raises:
        ValueError: As `FolderPairs`, or a class without a folder in a split that other classes have.
    """

    num_points: int = 8192
    up_axis: str = "z"

    @cached_property
    def _usable(self) -> list:
        wanted = set(self.class_names())
        places = {path: place(path) for path in self._readable}
        found = [path for path in self._readable if spoken_name(places[path][1] or "") in wanted]
        filled = {(places[path][0], spoken_name(places[path][1] or "")) for path in found}
        for split in sorted({split for split, _ in filled}) or ["train"]:
            for name in self.class_names():
                if (split, name) not in filled:
                    where = Path(self.source) / name.replace(" ", "_") / split
                    raise ValueError(
                        f"The source of {self.title} is incomplete: {where} is missing or holds no mesh; see "
                        "dataset_scripts/README.md."
                    )
        return found

    def unusable(self) -> list[tuple[str, str]]:
        """Return what lies in no class folder or cannot be read; classes of other ModelNets are no faults."""
        known = {*MODELNET40, *MODELNET10}
        strays = [entry for entry in super().unusable() if spoken_name(entry[0].split("/")[0]) not in known]
        return strays if self.base() is None else []

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        if self.name != "modelnet40_depth":
            return super().make_pair(item)
        from modeling_crossmost.geometry_crossmost import geometry_to_cloud
        from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA, depth_views

        geometry, notes = read_geometry(Path(item.path), self.up_axis)
        points = geometry_to_cloud(geometry, self.num_points, object_rng(item.object_id, self.seed))
        return {
            "points": points,
            "views": depth_views(points, self.num_views or int(DEPTH_CAMERA["count"]), self.image_size),
            "notes": notes,
        }

    def describe(self) -> dict[str, str]:
        if self.name != "modelnet40_depth":
            return {**super().describe(), "Terms": self.terms}
        from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA

        return {
            "Source axis": f"{self.up_axis} up; the pairs are y up",
            "Clouds": f"{self.num_points} points sampled on the surface by area, mean at the origin, largest norm 1",
            "Views": f"realistic depth projection of these clouds, {camera_text(DEPTH_CAMERA, self.num_views)}",
            "Terms": self.terms,
        }


@dataclass(frozen=True)
class ModelNetHdf5Pairs(_ModelNet, Hdf5Pairs):
    """ModelNet from the HDF5 layout: `train_files.txt`, `test_files.txt` and the `ply_data_*.h5` that they list."""

    file_classes = MODELNET40
    markers = tuple(HDF5_LISTS.values())

    @property
    def title(self) -> str:
        return f"{super().title}, HDF5 clouds"

    @property
    def archive(self) -> str:
        return self.title

    def files(self) -> dict[str, list[Path]]:
        found = {}
        for split, name in HDF5_LISTS.items():
            listed = read_lines(require(self.root / name, self.title))
            # The lists name paths on their author's disk.
            found[split] = [require(self.root / Path(line).name, self.title) for line in listed]
        return found


def modelnet_sources(name: str, source: str, config: str | None = None, **options: Any) -> list[PairSource]:
    """Return the sources of a ModelNet, one per configuration; which layout it is shows in the folder.

    Args:
        name: "modelnet10", "modelnet40" or "modelnet40_depth".
        source: Folder of the archive, or the folder that it lies in.
        config: One configuration of ModelNet40 only.
        options: Of `PairSource`; those that are None keep the layout's own default.

    Raises:
        ValueError: Neither layout is there, or an unknown configuration.
    """
    configs = tuple(MODELNET40_CONFIGS) if name != "modelnet10" else ("default",)
    if config is not None and config not in configs:
        raise ValueError(f"{TITLES[name]} has no configuration {config!r}; choose one of {', '.join(configs)}.")
    first = _class_list(name, "default")[-1].replace(" ", "_")
    markers = (*HDF5_LISTS.values(), first, f"train/{first}", f"test/{first}")
    root = find_root(source, markers, f"{TITLES[name]} (class folders of meshes, or the HDF5 layout)")
    is_hdf5 = any((root / listed).exists() for listed in HDF5_LISTS.values())
    kind: Any = ModelNetHdf5Pairs if is_hdf5 else ModelNetMeshPairs
    if name == "modelnet40_depth" and options.get("num_points") is None:
        options["num_points"] = 2048
    given = {key: value for key, value in options.items() if value is not None}
    return [kind(name=name, source=str(root), config_name=each, **given) for each in ((config,) if config else configs)]
