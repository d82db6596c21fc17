"""All classes and families of the generator, and the one function that makes an object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import trimesh

from . import bathroom, beds, screens, seating, storage, tables
from .bathroom import BATHTUB, TOILET
from .beds import BED
from .captions import captions
from .desks import DESK
from .parts import Shape
from .screens import MONITOR
from .seating import CHAIR, SOFA
from .storage import DRESSER, NIGHT_STAND
from .tables import TABLE


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
FUNCTIONS: dict[str, list[str]] = {
    name: phrases
    for module in (bathroom, beds, screens, seating, storage, tables)
    for name, phrases in module.FUNCTIONS.items()
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

    Families are equally likely.

    Args:
        class_name: one of `CLASSES`.
        seed: any non-negative integer.

    Raises:
        ValueError: an unknown class.
    """
    if class_name not in FAMILIES:
        raise ValueError(f"There is no furniture class {class_name!r}: choose one of {', '.join(CLASSES)}.")
    rng = np.random.default_rng([CLASSES.index(class_name), seed])
    families = list(FAMILIES[class_name].values())
    shape = families[rng.integers(len(families))](rng)
    mesh = shape.merged()
    mesh.vertices = np.asarray(mesh.vertices) * rng.uniform(*STRETCH, size=3)
    return FurnitureObject(mesh, class_name, shape.family, captions(class_name, shape, FUNCTIONS[class_name], rng))
