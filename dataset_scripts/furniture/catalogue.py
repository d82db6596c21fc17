"""All classes and families of the generator, and the one function that makes an object."""

from dataclasses import dataclass

import numpy as np
import trimesh

from . import bathtubs, beds, chairs, desks, dressers, night_stands, screens, sofas, tables, toilets
from .captions import captions
from .maker import Builder, Maker


# ModelNet10's classes in their label order.
_MODULES = {
    "bathtub": bathtubs, "bed": beds, "chair": chairs, "desk": desks, "dresser": dressers,
    "monitor": screens, "night stand": night_stands, "sofa": sofas, "table": tables, "toilet": toilets,
}  # fmt: skip
CLASSES = tuple(_MODULES)
FAMILIES: dict[str, dict[str, Builder]] = {name: module.FAMILIES for name, module in _MODULES.items()}
# Families that are rarer than the others of their class (weight 1), because real collections hold few of them.
WEIGHTS: dict[str, dict[str, float]] = {name: getattr(module, "WEIGHTS", {}) for name, module in _MODULES.items()}
STRETCH = (0.8, 1.25)  # factor per axis, on top of the families' own proportions


@dataclass(frozen=True)
class FurnitureObject:
    """One generated object."""

    mesh: trimesh.Trimesh  # y up, front facing +z, floor at y = 0, meter-like units, colors per face
    class_name: str  # one of `CLASSES`
    family: str  # structural family, such as "round pedestal table"
    captions: list[str]  # one of each kind, see `captions.CAPTION_KINDS`


def make_object(class_name: str, seed: int) -> FurnitureObject:
    """Make the object of one of `CLASSES` and a seed, any non-negative integer: always the same one.

    Families are drawn by their `WEIGHTS`; every axis is stretched by its own factor in `STRETCH`.

    Raises:
        ValueError: An unknown class.
    """
    if class_name not in FAMILIES:
        raise ValueError(f"There is no furniture class {class_name!r}: choose one of {', '.join(CLASSES)}.")
    rng = np.random.default_rng([CLASSES.index(class_name), seed])
    families = list(FAMILIES[class_name])
    weights = np.array([WEIGHTS[class_name].get(family, 1.0) for family in families])
    family = families[rng.choice(len(families), p=weights / weights.sum())]
    made = Maker(rng, family)
    FAMILIES[class_name][family](made)
    mesh = made.merged()
    mesh.vertices = np.asarray(mesh.vertices) * rng.uniform(*STRETCH, size=3)
    return FurnitureObject(mesh, class_name, made.family, captions(class_name, made, mesh, rng))
