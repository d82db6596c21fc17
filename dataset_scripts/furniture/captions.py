"""Captions of generated objects: name, function, parts and family, in plain lower-case words.

They describe what an object is for and what it is made of, not only its name, so that free class names such as
"something to sleep on" mean something to a text tower that learnt from them. Everything said is true of the object.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
import trimesh

from modeling_crossmost.materials_crossmost import face_colours

from .parts import Shape, chance, pick


# The plain name comes first: pre-training begins with it alone (`num_captions: 1`), because two towers that know
# nothing yet collapse where the same object is called many things.
CAPTION_KINDS = ("plain", "name", "function", "parts", "family")
CLASS_NAME_SHARE = 0.5  # how often an object is called by the name of its class, the rest are synonyms
ADJECTIVE_SHARE = 0.35  # how often a name is told with an adjective

# Words that hold for every object of a class; `_synonyms` adds those that hold for some.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "bathtub": ("tub", "bath", "bath tub"),
    "bed": ("bed frame", "sleeping place"),
    "chair": ("seat", "single seat"),
    "desk": ("writing table", "work table", "office table"),
    "dresser": ("bureau", "bedroom cabinet", "storage cabinet"),
    "monitor": ("screen", "display", "computer monitor"),
    "night stand": ("nightstand", "bedside table", "night table", "bedside stand"),
    "sofa": ("couch", "settee"),
    "table": ("free standing table",),
    "toilet": ("lavatory", "toilet bowl", "water closet"),
}

# What objects of a class are for.
FUNCTIONS: dict[str, list[str]] = {
    "bathtub": [
        "something to bathe in",
        "something to wash in",
        "a bathroom fixture",
        "something to fill with water",
        "a place to lie in warm water",
        "a large basin for the body",
        "something to soak in",
        "a fixture with a drain",
    ],
    "bed": [
        "something to sleep on",
        "something to lie on",
        "a place to sleep at night",
        "a place to rest",
        "a mattress on a frame",
        "furniture for a bedroom",
        "something to put pillows and a blanket on",
        "a place to take a nap",
    ],
    "chair": [
        "something to sit on",
        "a seat for one person",
        "a place to sit at a table",
        "a seat with a back",
        "something to lean back in",
        "a place to sit down and rest",
        "a single seat",
    ],
    "desk": [
        "something to put things on",
        "a place to write at",
        "a place to work at",
        "a surface for a computer",
        "a work place with storage",
        "a place to do homework",
        "something to sit at and read papers",
        "a work surface with drawers",
    ],
    "dresser": [
        "something to keep clothes in",
        "something to keep things in",
        "furniture with drawers",
        "a place for shirts and socks",
        "storage for a bedroom",
        "something to store clothes in",
        "a place to put folded clothes",
        "a large case for clothes",
        "a place to put clothes away",
    ],
    "monitor": [
        "something to watch films on",
        "a screen for a computer",
        "something to look at",
        "a device that shows pictures",
        "something to watch the news on",
        "a display for text and images",
        "something that shows what a computer does",
        "a place to see moving pictures",
        "an electronic device for viewing",
    ],
    "night stand": [
        "something to put beside a bed",
        "something to keep things in",
        "furniture with drawers",
        "a place for a lamp beside a bed",
        "a small piece of furniture beside a bed",
        "something to put a book on at night",
        "a place for an alarm clock",
        "a small table with a drawer",
        "a place for a glass of water at night",
    ],
    "sofa": [
        "something to sit on",
        "something to lie on",
        "a seat for two or more people",
        "a soft place to sit with others",
        "furniture for a living room",
        "a long upholstered seat",
        "a place to sit down and rest",
        "a place to watch television from",
    ],
    "table": [
        "something to put things on",
        "a surface to eat at",
        "a place for a meal",
        "a flat top on legs",
        "a place to sit around with others",
        "something to set plates and cups on",
        "a free surface for many uses",
        "a place to play games at",
    ],
    "toilet": [
        "something to sit on in a bathroom",
        "a bathroom fixture",
        "something that is flushed with water",
        "a bowl with a seat",
        "a fixture with a drain",
        "a seat in a bathroom",
        "a place to relieve oneself",
        "something with a bowl of water",
    ],
}

# Whole noun phrase {a} ("a chair", "two monitors") or the bare noun {n}; the prompt sets' frames come first.
FRAMES = (
    "a photo of {a}",
    "a photo of {a}.",
    "a 3d model of {a}",
    "a 3d model of {a}.",
    "a depth map of {a}",
    "a depth map of {a}.",
    "a point cloud model of {a}",
    "a point cloud model of {a}.",
    "a point cloud of {a}",
    "a picture of {a}",
    "a rendering of {a}",
    "a scan of {a}",
    "this is {a}",
    "there is {a} in the scene.",
    "{a}",
    "{a}",
    "{a}",
    "the {n}",
    "a photo of the {n}.",
)

OPENINGS = ("{a} with", "{a} with", "{a} that has", "the {n} has", "a thing with", "an object with", "something with")
FURNITURE_OPENING = "furniture with"
_FIXTURES = ("bathtub", "toilet", "monitor")  # classes that nobody calls furniture
_WOODEN = ("bed", "desk", "dresser", "night stand", "table")

# Usual diagonal of an object's box in the generator's metres: what "small" and "large" refer to.
USUAL_SIZE = {
    "bathtub": 2.08,
    "bed": 3.01,
    "chair": 1.27,
    "desk": 2.04,
    "dresser": 1.88,
    "monitor": 0.92,
    "night stand": 0.95,
    "sofa": 2.53,
    "table": 1.55,
    "toilet": 1.22,
}


def captions(
    class_name: str, shape: Shape, functions: Sequence[str], mesh: trimesh.Trimesh, rng: np.random.Generator
) -> list[str]:
    """One caption of each kind, in the order of `CAPTION_KINDS`.

    Args:
        class_name: Name of the class.
        shape: The object; its family and details are true of it.
        functions: What objects of the class are for.
        mesh: The object as it is shown, y up, front +z, with face colours: its proportions and colour.
        rng: Source of the choices.
    """
    name = _name(class_name, shape, rng)
    if chance(rng, ADJECTIVE_SHARE):
        words = adjectives(class_name, shape, mesh)
        if words:
            name = f"{pick(rng, *words)} {name}"
    return [
        f"{'an' if class_name[0] in 'aeiou' else 'a'} {class_name}",
        _framed(name, rng).lower(),
        pick(rng, *_true_functions(functions, shape.details)).lower(),
        _parts(class_name, shape, rng).lower(),
        _framed(shape.family, rng).lower(),
    ]


def adjectives(class_name: str, shape: Shape, mesh: trimesh.Trimesh) -> list[str]:
    """Adjectives that are true of an object: colour, material, size and proportions."""
    width, height, depth = np.ptp(np.asarray(mesh.vertices), axis=0)
    colour = colour_name(mesh)
    rules = {
        colour: True,
        "wooden": class_name in _WOODEN and colour in ("brown", "beige"),
        "metal": any("metal" in detail for detail in shape.details),
        "tall": height > 1.25 * max(width, depth),
        "low": height < 0.5 * max(width, depth),
        "wide": width > 1.6 * height and width > 1.3 * depth,
        "narrow": width < 0.55 * height,
        "long": max(width, depth) > 2.1 * min(width, depth) and max(width, depth) > height,
        "small": np.linalg.norm((width, height, depth)) < 0.8 * USUAL_SIZE[class_name],
        "large": np.linalg.norm((width, height, depth)) > 1.25 * USUAL_SIZE[class_name],
    }
    return [word for word, holds in rules.items() if holds and word not in shape.family]


def colour_name(mesh: trimesh.Trimesh) -> str:
    """English word for the colour that covers most of a mesh's surface.

    Raises:
        ValueError: The mesh has no colours.
    """
    painted = face_colours(mesh)
    if painted is None:
        raise ValueError("The mesh has no face colours to name; give one that Shape.merged() made.")
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    colours, index = np.unique(painted[:, :3], axis=0, return_inverse=True)
    red, green, blue = colours[np.bincount(index.ravel(), weights=area).argmax()] / 255.0
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.17:
        return "black"
    if saturation < 0.14:
        return "white" if value > 0.72 else "grey"
    degrees = 360.0 * hue
    if 15 <= degrees < 48:
        if saturation < 0.42 and value > 0.6:
            return "beige"
        return "brown" if value < 0.8 else "orange"
    bounds = ((15, "red"), (70, "yellow"), (165, "green"), (255, "blue"), (295, "purple"), (345, "pink"), (361, "red"))
    return next(word for bound, word in bounds if degrees < bound)


def _name(class_name: str, shape: Shape, rng: np.random.Generator) -> str:
    if chance(rng, CLASS_NAME_SHARE):
        return class_name
    return pick(rng, *SYNONYMS[class_name], *_synonyms(class_name, shape))


def _synonyms(class_name: str, shape: Shape) -> list[str]:
    """Other names that are true of this object only."""
    said = " ".join([shape.family, *shape.details])
    rules = {
        "chair": {"armchair": "arm" in said and "no arms" not in said, "stool": "bar chair" in said},
        "dresser": {
            "chest of drawers": "drawer" in said,
            "set of drawers": "drawer" in said,
            "cupboard": "door" in said,
            "dressing table": "mirror" in said,
        },
        "monitor": {"television": "television" in said, "tv": "television" in said, "computer screen": True},
        "night stand": {
            "bedside cabinet": "drawer" in said or "door" in said,
            "small cabinet": "drawer" in said or "door" in said,
        },
        "table": {"dining table": "dining" in said or "seats" in said, "coffee table": "low top" in said},
    }
    return [word for word, holds in rules.get(class_name, {}).items() if holds]


def _true_functions(functions: Sequence[str], details: Sequence[str]) -> list[str]:
    """Functions without those that speak of drawers where the object has none."""
    has_drawers = any("drawer" in detail for detail in details)
    return [phrase for phrase in functions if has_drawers or "drawer" not in phrase]


def with_article(noun: str) -> str:
    """The noun phrase with "a" or "an"; phrases that start with a number keep none."""
    if noun.startswith(("two ", "three ")):
        return noun
    first = noun[0].lower()
    # "an L shaped desk", but "a U shaped sofa" and "a one-piece toilet".
    vowel = first in "aeiou" and not noun.lower().startswith(("u shaped", "one"))
    return f"{'an' if vowel or noun.startswith('L ') else 'a'} {noun}"


def _framed(noun: str, rng: np.random.Generator) -> str:
    return pick(rng, *FRAMES).format(a=with_article(noun), n=noun)


def _parts(class_name: str, shape: Shape, rng: np.random.Generator) -> str:
    openings = OPENINGS if class_name in _FIXTURES else (*OPENINGS, FURNITURE_OPENING)
    name = _name(class_name, shape, rng)
    details = list(dict.fromkeys(shape.details))
    if not details:
        return f"{with_article(name)} without any extra parts"
    count = min(len(details), int(rng.integers(1, 4)))
    chosen = [details[index] for index in np.sort(rng.choice(len(details), count, replace=False))]
    listed = chosen[0] if count == 1 else ", ".join(chosen[:-1]) + " and " + chosen[-1]
    return f"{pick(rng, *openings).format(a=with_article(name), n=name)} {listed}"
