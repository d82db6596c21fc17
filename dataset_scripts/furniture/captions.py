"""Captions of generated objects: name, function, parts and family, in plain lower-case words.

They describe what an object is for and what it is made of, not only its name, so that free class names such as
"something to sleep on" mean something to a text tower that learnt from them.
"""

from __future__ import annotations

import numpy as np

from .parts import Shape


CAPTION_KINDS = ("name", "function", "parts", "family")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "bathtub": ("bathtub", "bathtub", "bathtub", "tub", "bath"),
    "bed": ("bed", "bed", "bed", "bed frame", "sleeping place"),
    "chair": ("chair", "chair", "chair", "seat", "single seat"),
    "desk": ("desk", "desk", "desk", "writing table", "work table"),
    "dresser": ("dresser", "dresser", "dresser", "chest of drawers", "drawer cabinet", "cupboard"),
    "monitor": ("monitor", "monitor", "monitor", "screen", "display", "television", "tv"),
    "night stand": ("night stand", "night stand", "night stand", "nightstand", "bedside table", "bedside cabinet"),
    "sofa": ("sofa", "sofa", "sofa", "couch", "settee"),
    "table": ("table", "table", "table", "dining table", "table top on legs"),
    "toilet": ("toilet", "toilet", "toilet", "lavatory", "toilet bowl"),
}

FRAMES = (
    "a {}",
    "a {}",
    "a photo of a {}",
    "a photo of a {}.",
    "a 3D model of a {}",
    "a 3D model of a {}.",
    "a depth map of a {}",
    "a depth map of a {}.",
    "a point cloud model of a {}",
    "a point cloud model of a {}.",
    "a picture of a {}",
    "a rendering of a {}",
    "a scan of a {}",
    "the {}",
    "one {}",
    "this is a {}",
)

OPENINGS = ("a {} with", "the {} has", "a {} made with", "furniture with", "an object with")


def captions(class_name: str, shape: Shape, functions: list[str], rng: np.random.Generator) -> list[str]:
    """One caption of each kind, in the order of `CAPTION_KINDS`.

    Args:
        class_name: name of the class.
        shape: the object; its family and details are true of it.
        functions: what such objects are for.
        rng: source of the choices.
    """
    name = str(rng.choice(SYNONYMS[class_name]))
    frame = FRAMES[rng.integers(len(FRAMES))]
    function = functions[rng.integers(len(functions))]
    return [
        frame.format(name).lower(),
        function.lower(),
        _parts(class_name, shape.details, rng).lower(),
        FRAMES[rng.integers(len(FRAMES))].format(_without_article(shape.family)).lower(),
    ]


def _without_article(phrase: str) -> str:
    return phrase.removeprefix("a ").removeprefix("an ")


def _parts(class_name: str, details: list[str], rng: np.random.Generator) -> str:
    opening = OPENINGS[rng.integers(len(OPENINGS))].format(class_name)
    if not details:
        return f"a {class_name} without any extra parts"
    count = min(len(details), int(rng.integers(1, 4)))
    chosen = [details[i] for i in np.sort(rng.choice(len(details), count, replace=False))]
    listed = chosen[0] if count == 1 else ", ".join(chosen[:-1]) + " and " + chosen[-1]
    return f"{opening} {listed}"
