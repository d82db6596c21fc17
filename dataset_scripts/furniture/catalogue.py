"""All classes and families of the generator, and the one function that makes an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import trimesh

from .bathtubs import BATHTUB
from .beds import BED
from .captions import FUNCTIONS, captions
from .chairs import CHAIR
from .desks import DESK
from .dressers import DRESSER
from .night_stands import NIGHT_STAND
from .parts import Shape
from .screens import MONITOR
from .sofas import SOFA
from .tables import TABLE
from .toilets import TOILET


Family = Callable[[np.random.Generator], Shape]

# ModelNet10's classes in their label order.
FAMILIES: dict[str, dict[str, Family]] = {
    "bathtub": BATHTUB,
    "bed": BED,
    "chair": CHAIR,
    "desk": DESK,
    "dresser": DRESSER,
    "monitor": MONITOR,
    "night stand": NIGHT_STAND,
    "sofa": SOFA,
    "table": TABLE,
    "toilet": TOILET,
}
CLASSES = tuple(FAMILIES)
# Families that are rarer than the others of their class (weight 1), because real collections hold few of them.
WEIGHTS: dict[str, dict[str, float]] = {
    "bed": {"night stand bed": 0.5, "round bed": 0.5, "shelf bed": 0.6},
    "chair": {"ribbon chair": 0.5, "settle chair": 0.6, "throne": 0.6, "egg chair": 0.6},
    "desk": {"bookcase desk": 0.6, "drafting desk": 0.6},
    "dresser": {
        "dresser with curved sides": 0.6,
        "dresser with many small drawers": 0.6,
        "dresser with shelves on top": 0.7,
        "stepped dresser": 0.5,
    },
    "monitor": {
        "bubble monitor": 0.6,
        "monitor with keyboard": 0.6,
        "pole screen": 0.5,
        "several monitors": 0.6,
        "strut monitor": 0.6,
        "terminal": 0.5,
    },
    "night stand": {
        "bedside table on one leg": 0.4,
        "bedside table with shelves": 0.5,
        "half round night stand": 0.5,
        "night stand for the wall": 0.5,
        "night stand of bent boards": 0.5,
        "night stand with a lamp": 0.5,
        "tray beside a bed": 0.25,
    },
    "sofa": {"chaise longue": 0.7, "shell sofa": 0.6},
    "table": {"game table": 0.6, "sculptural table": 0.6},
    "toilet": {"box toilet": 0.3, "round toilet": 0.5, "toilet with grab rails": 0.5},
}
STRETCH = (0.8, 1.25)  # factor per axis, on top of the families' own proportions


@dataclass(frozen=True)
class FurnitureObject:
    """One generated object.

    Attributes:
        mesh: y up, front facing +z, floor at y = 0, metre-like units, per-face colours.
        class_name: one of `CLASSES`.
        family: structural family, such as "round pedestal table".
        captions: one of each kind, see `captions.CAPTION_KINDS`.
    """

    mesh: trimesh.Trimesh
    class_name: str
    family: str
    captions: list[str]


def make_object(class_name: str, seed: int) -> FurnitureObject:
    """Makes the object of a class and a seed: always the same one.

    Families are drawn by their `WEIGHTS`; on top of a family's own proportions every axis is stretched by its own
    factor in `STRETCH`.

    Args:
        class_name: one of `CLASSES`.
        seed: any non-negative integer.

    Raises:
        ValueError: an unknown class.
    """
    if class_name not in FAMILIES:
        raise ValueError(f"There is no furniture class {class_name!r}: choose one of {', '.join(CLASSES)}.")
    rng = np.random.default_rng([CLASSES.index(class_name), seed])
    families = FAMILIES[class_name]
    weights = np.array([WEIGHTS.get(class_name, {}).get(family, 1.0) for family in families])
    shape = list(families.values())[rng.choice(len(families), p=weights / weights.sum())](rng)
    mesh = shape.merged()
    mesh.vertices = np.asarray(mesh.vertices) * rng.uniform(*STRETCH, size=3)
    texts = captions(class_name, shape, FUNCTIONS[class_name], mesh, rng)
    return FurnitureObject(mesh, class_name, shape.family, texts)
