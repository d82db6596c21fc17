"""Pairs of the embedded procedural furniture, and a cache that makes them on first use.

`clean` is labeled by construction and captioned, for pre-training; `scan` is the degraded, unlabeled target. How far
they are apart is decided in `domains.py`. `imbalanced` is a target like `scan` whose classes are not equally frequent.
`seen`, `medium` and `hard` are the objects of `clean` and `scan` of some classes, for the paper's table 7.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from modeling_crossmost.rendering_crossmost import DEPTH_CAMERA, SHADED_CAMERA, Camera, depth_views, shaded_views
from modeling_crossmost.utils.machine import environment_with_packages

from ..addresses import cache_root
from ..builder import PairObject, PairSource, object_rng
from ..plan import code_key
from ..writing import PREPARATION_FILE


# Of which other configuration one has the objects, and of which classes alone. A point tower pre-trained on `seen` has
# met no class of `medium`, and nothing that looks like those of `hard`: what ULIP's lists of ModelNet40 are for.
SUBSETS = {
    "seen": ("clean", ("bed", "chair", "desk", "dresser", "table")),
    "medium": ("scan", ("bathtub", "monitor", "night stand", "sofa", "toilet")),
    "hard": ("scan", ("bathtub", "monitor", "toilet")),
}
CONFIG_NAMES = ("clean", "scan", "imbalanced", *SUBSETS)
DEFAULT_CONFIG = "scan"
SPLITS = ("train", "test")
OBJECTS_PER_CLASS = {"clean": 600, "scan": 400, "imbalanced": 400}
TEST_PER_CLASS = {"clean": 20, "scan": 100, "imbalanced": 200}
# Sizes of the classes of `imbalanced`, the largest being 1. Of classes that are taken for each other (dresser and night
# stand, table and desk, sofa and bed) one is rare. Self-training follows the frequent one, which equal sizes hide.
IMBALANCE = {
    "dresser": 1.0,
    "table": 1.0,
    "chair": 1.0,
    "sofa": 0.5,
    "monitor": 0.5,
    "toilet": 0.25,
    "bathtub": 0.25,
    "bed": 0.125,
    "desk": 0.125,
    "night stand": 0.125,
}
# Of `clean` the first third is projected (depth), the rest shaded, which is harder to learn; `scan` is all shaded.
NUM_VIEWS = {"clean": 12, "scan": 3, "imbalanced": 3}
IMAGE_SIZE = 64
SHADED_ELEVATION = (10.0, 45.0)  # degrees
SCAN_STEP = 40.0  # degrees of azimuth between the views of a scan: nobody walked around the object
SEEDS_PER_BLOCK = 10_000_000  # objects of one class, configuration, split and seed: blocks never meet
FIRST_IMBALANCED = 2**32  # beyond the blocks of the other two, whose seeds take turns


@dataclass(frozen=True)
class FurniturePairs(PairSource):
    """One configuration of the furniture.

    Args:
        config_name: one of `CONFIG_NAMES`.
        objects_per_class: Training objects of each class, of the largest in "imbalanced"; None takes
            `OBJECTS_PER_CLASS`.
        test_per_class: Test objects of each class, 0 for no test split; None takes `TEST_PER_CLASS`.

    Raises:
        ValueError: Unknown configuration, or a size out of range.
    """

    image_size: int = IMAGE_SIZE
    config_name: str = DEFAULT_CONFIG
    objects_per_class: int | None = None
    test_per_class: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.config_name not in CONFIG_NAMES:
            choices = ", ".join(CONFIG_NAMES)
            raise ValueError(f"The furniture has no configuration {self.config_name!r}; choose {choices}.")
        for name, smallest in (("objects_per_class", 1), ("test_per_class", 0)):
            value = getattr(self, name)
            if value is not None and not smallest <= value < SEEDS_PER_BLOCK:
                raise ValueError(f"{name} must be at least {smallest} and below {SEEDS_PER_BLOCK}, got {value}.")

    @property
    def whole(self) -> str:
        """The configuration whose objects these are: "clean", "scan" or "imbalanced"."""
        return SUBSETS.get(self.config_name, (self.config_name, ()))[0]

    @property
    def title(self) -> str:
        return "Procedural furniture"

    @property
    def license(self) -> str:
        return "apache-2.0"

    @property
    def has_captions(self) -> bool:
        return self.whole == "clean"

    def class_names(self) -> list[str]:
        from .catalogue import CLASSES

        return list(SUBSETS.get(self.config_name, (self.whole, CLASSES))[1])

    def objects(self) -> dict[str, list[PairObject]]:
        sizes = (
            OBJECTS_PER_CLASS[self.whole] if self.objects_per_class is None else self.objects_per_class,
            TEST_PER_CLASS[self.whole] if self.test_per_class is None else self.test_per_class,
        )
        block = (2 * self.seed + CONFIG_NAMES.index(self.whole)) * len(SPLITS)
        if self.whole == "imbalanced":
            block = (FIRST_IMBALANCED + self.seed) * len(SPLITS)
        found = {}
        for number, (split, size) in enumerate(zip(SPLITS, sizes, strict=True), block):
            folder, first = f"{self.whole}/{split}", number * SEEDS_PER_BLOCK
            found[split] = [
                PairObject(f"{folder}/{name.replace(' ', '_')}/{index:05d}", name, seed=first + index)
                for name in self.class_names()
                for index in range(self._class_size(name, size))
            ]
        return {split: items for split, items in found.items() if items}

    def _class_size(self, name: str, largest: int) -> int:
        if self.whole != "imbalanced" or largest == 0:
            return largest
        return max(1, round(IMBALANCE[name] * largest))

    def make_pair(self, item: PairObject) -> dict[str, Any]:
        from . import domains
        from .catalogue import make_object

        if item.class_name is None:
            raise ValueError(f"The furniture object {item.object_id!r} has no class; take objects from objects().")
        made, rng = make_object(item.class_name, item.seed), object_rng(item.object_id, self.seed)
        depth: list[Camera] = []
        count = self.num_views or NUM_VIEWS[self.whole]
        if self.whole != "clean":
            instance = domains.scan_instance(made.mesh, self.num_points, rng)
            shaded, style = scan_cameras(count, rng), domains.scan_view_style(rng)
        else:
            instance = domains.clean_instance(made.mesh, self.num_points, rng)
            (depth, shaded), style = _clean_cameras(count, rng), domains.clean_view_style(rng)
        views = shaded_views(instance.mesh, image_size=self.image_size, style=style, cameras=shaded)
        if depth:
            flat = depth_views(instance.points, image_size=self.image_size, cameras=depth)
            views = np.concatenate([flat, views])
        pair = {"points": instance.points, "views": views}
        return {**pair, "captions": made.captions} if self.has_captions else pair

    def describe(self) -> dict[str, str]:
        count = self.num_views or NUM_VIEWS[self.whole]
        tilt = "elevation random in {:g} to {:g} degrees".format(*SHADED_ELEVATION)
        lens = f"distance {SHADED_CAMERA['distance']:g} radii, field of view {SHADED_CAMERA['field_of_view']:g} degrees"
        if self.whole != "clean":
            clouds = "seen from one side, with noise and floor remains, axes scaled, any yaw"
            views = f"{count} azimuths, {SCAN_STEP:g} degrees apart, from a random one; {tilt}"
        else:
            clouds = "the whole surface, any yaw"
            views = (
                f"first {count // 3} projected from the cloud: random azimuths, elevation "
                f"{DEPTH_CAMERA['elevation']:g} degrees; then {count - count // 3} shaded: random azimuths, {tilt}"
            )
        source = "generated; every object has its own seed, and no object is in two configurations or splits"
        if self.whole != self.config_name:
            source += f", but that these are those of {self.whole} of {len(self.class_names())} classes"
        return {
            "Source": source,
            "Clouds": f"{self.num_points} points, mean at the origin, largest norm 1, y up; {clouds}",
            "Views": f"{views}; {lens}; shaded views by ray casting (Embree)",
        }


def _camera(azimuth: float, elevation: float, usual: dict[str, Any]) -> Camera:
    return Camera(azimuth, elevation, usual["distance"], usual["field_of_view"])


def scan_cameras(count: int, rng: np.random.Generator) -> list[Camera]:
    """Cameras of the views of a scan: on one side of it, a step apart, at the same random elevation."""
    elevation, start = rng.uniform(*SHADED_ELEVATION), rng.uniform(0.0, 360.0)
    return [_camera((start + SCAN_STEP * view) % 360.0, elevation, SHADED_CAMERA) for view in range(count)]


def _clean_cameras(count: int, rng: np.random.Generator) -> tuple[list[Camera], list[Camera]]:
    """Cameras of the projected and of the shaded views, all at random azimuths."""
    flat, rest = count // 3, count - count // 3
    depth = [_camera(turn, DEPTH_CAMERA["elevation"], DEPTH_CAMERA) for turn in rng.uniform(0.0, 360.0, flat)]
    turns = rng.uniform(0.0, 360.0, rest)
    return depth, [_camera(turn, rng.uniform(*SHADED_ELEVATION), SHADED_CAMERA) for turn in turns]


def cached_furniture(
    config: str = DEFAULT_CONFIG, cache_dir: str | Path | None = None, *, num_proc: int | None = None, **sizes: Any
) -> str:
    """Folder of a configuration of the furniture for `load_dataset(folder, config)`, made on first use.

    A changed generator or renderer, or other sizes, make another folder. Processes that ask at the same time wait for
    the one that makes it.

    Args:
        config: one of `CONFIG_NAMES`.
        cache_dir: Where such folders lie; by default `$CROSSMOST_CACHE`, else the cache of `datasets`.
        num_proc: Number of processes; by default all cores.
        sizes: `objects_per_class`, `test_per_class`, `num_points`, `num_views`, `image_size` or `seed`.

    Raises:
        ValueError: Unknown configuration or bad sizes, or the data set could not be made.
    """
    FurniturePairs(config_name=config, **sizes)  # checks the arguments
    key = hashlib.sha256(f"{code_key()} {sorted(sizes.items())}".encode()).hexdigest()[:16]
    root = cache_root() if cache_dir is None else Path(cache_dir).expanduser()
    folder = root / f"furniture-{config}-{key}"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / PREPARATION_FILE).is_file():
            _generate(folder, config, num_proc, sizes)
    return str(folder)


def resolve_dataset(dataset: str, config: str | None) -> str:
    """Return what `load_dataset` reads for a run's `dataset`: "furniture" means its cached folder, all else itself.

    Raises:
        ValueError: As `cached_furniture`.
    """
    return cached_furniture(config or DEFAULT_CONFIG) if dataset == "furniture" else dataset


def _generate(folder: Path, config: str, num_proc: int | None, sizes: dict[str, Any]) -> None:
    # A process of its own keeps the renderer's memory and threads out of the training process.
    command = [
        sys.executable,
        "-m",
        "dataset_scripts.prepare",
        "furniture",
        "--config",
        config,
        "--output",
        str(folder),
    ]
    options = sizes if num_proc is None else {**sizes, "num_proc": num_proc}
    command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    done = subprocess.run(command, env=environment_with_packages(), stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ValueError(f"The furniture could not be made in {str(folder)!r}; the message above says why.")
