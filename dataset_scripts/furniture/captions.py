"""Captions of generated objects: name, function, parts and family, in plain lower-case words.

They describe what an object is for and what it is made of, not only its name, so that free class names such as
"something to sleep on" mean something to a text tower that learned from them. Everything said is true of the object.
The words are in `captions.yaml`.
"""

import colorsys
from pathlib import Path

import numpy as np
import trimesh
import yaml

from modeling_crossmost.materials_crossmost import face_colors

from .maker import Maker


# The plain name comes first: pre-training begins with it alone (`num_captions: 1`), because two towers that know
# nothing yet collapse where the same object is called many things.
CAPTION_KINDS = ("plain", "name", "function", "parts", "family")
CLASS_NAME_SHARE = 0.5  # how often an object is called by the name of its class, the rest are synonyms
ADJECTIVE_SHARE = 0.35  # how often a name comes with an adjective
WORDS = yaml.safe_load((Path(__file__).parent / "captions.yaml").read_text(encoding="utf-8"))
FUNCTIONS: dict[str, list[str]] = WORDS["functions"]
SYNONYMS: dict[str, list[str]] = WORDS["synonyms"]
# Synonyms of some objects only: they hold where one of the words is said of the object.
_SYNONYMS_IF: dict[str, dict[str, tuple[str, ...]]] = {
    "dresser": {
        "chest of drawers": ("drawer",), "set of drawers": ("drawer",),
        "cupboard": ("door",), "dressing table": ("mirror",),
    },
    "monitor": {"television": ("television",), "tv": ("television",), "computer screen": ("",)},
    "night stand": {"bedside cabinet": ("drawer", "door"), "small cabinet": ("drawer", "door")},
    "table": {"dining table": ("dining", "seats"), "coffee table": ("low top",)},
    "chair": {"armchair": (" arms", " arm "), "stool": ("bar chair",)},
}  # fmt: skip
_HUES = ((15, "red"), (70, "yellow"), (165, "green"), (255, "blue"), (295, "purple"), (345, "pink"), (361, "red"))


def captions(class_name: str, made: Maker, mesh: trimesh.Trimesh, rng: np.random.Generator) -> list[str]:
    """One caption of each kind, in the order of `CAPTION_KINDS`.

    Args:
        class_name: Name of the class.
        made: The object; its family and details are true of it.
        mesh: The object as it is shown, y up, front +z, with face colors: its proportions and color.
        rng: Source of the choices.
    """
    choose = Maker(rng)
    name = _name(class_name, made, choose)
    if choose.chance(ADJECTIVE_SHARE) and (words := adjectives(class_name, made, mesh)):
        name = f"{choose.pick(words)} {name}"
    has_drawers = any("drawer" in detail for detail in made.details)
    functions = [phrase for phrase in FUNCTIONS[class_name] if has_drawers or "drawer" not in phrase]
    texts = [
        with_article(class_name),
        _framed(name, choose),
        choose.pick(functions),
        _parts(class_name, made, choose),
        _framed(made.family, choose),
    ]
    return [text.lower() for text in texts]


def adjectives(class_name: str, made: Maker, mesh: trimesh.Trimesh) -> list[str]:
    """Adjectives that are true of an object: color, material, size and proportions."""
    width, height, depth = np.ptp(np.asarray(mesh.vertices), axis=0)
    color = color_name(mesh)
    size = np.linalg.norm((width, height, depth)) / WORDS["usual_size"][class_name]
    rules = {
        color: True,
        "wooden": class_name in WORDS["wooden"] and color in ("brown", "beige"),
        "metal": any("metal" in detail for detail in made.details),
        "tall": height > 1.25 * max(width, depth),
        "low": height < 0.5 * max(width, depth),
        "wide": width > 1.6 * height and width > 1.3 * depth,
        "narrow": width < 0.55 * height,
        "long": max(width, depth) > 2.1 * min(width, depth) and max(width, depth) > height,
        "small": size < 0.8,
        "large": size > 1.25,
    }
    return [word for word, holds in rules.items() if holds and word not in made.family]


def color_name(mesh: trimesh.Trimesh) -> str:
    """English word for the color that covers most of a mesh's surface.

    Raises:
        ValueError: The mesh has no colors.
    """
    painted = face_colors(mesh)
    if painted is None:
        raise ValueError("The mesh has no face colors to name; give one that Maker.merged() made.")
    colors, index = np.unique(painted[:, :3], axis=0, return_inverse=True)
    red, green, blue = colors[np.bincount(index.ravel(), weights=mesh.area_faces).argmax()] / 255.0
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.17:
        return "black"
    if saturation < 0.14:
        return "white" if value > 0.72 else "gray"
    degrees = 360.0 * hue
    if 15 <= degrees < 48:
        if saturation < 0.42 and value > 0.6:
            return "beige"
        return "brown" if value < 0.8 else "orange"
    return next(word for bound, word in _HUES if degrees < bound)


def with_article(noun: str) -> str:
    """Return the noun phrase with "a" or "an"; phrases that start with a number keep none."""
    if noun.startswith(("two ", "three ")):
        return noun
    # "an L shaped desk", but "a U shaped sofa" and "a one-piece toilet".
    vowel = noun[0].lower() in "aeiou" and not noun.lower().startswith(("u shaped", "one"))
    return f"{'an' if vowel or noun.startswith('L ') else 'a'} {noun}"


def _name(class_name: str, made: Maker, choose: Maker) -> str:
    """Return the class name or a synonym that is true of the object."""
    if choose.chance(CLASS_NAME_SHARE):
        return class_name
    said = " ".join([made.family, *made.details])
    rules = _SYNONYMS_IF.get(class_name, {})
    fitting = [word for word, signs in rules.items() if any(sign in said for sign in signs)]
    return str(choose.pick([*SYNONYMS[class_name], *fitting]))


def _framed(noun: str, choose: Maker) -> str:
    return str(choose.pick(WORDS["frames"]).format(a=with_article(noun), n=noun))


def _parts(class_name: str, made: Maker, choose: Maker) -> str:
    """Up to three details of the object in one phrase."""
    openings = WORDS["openings"] + ([] if class_name in WORDS["fixtures"] else [WORDS["furniture_opening"]])
    name, details = _name(class_name, made, choose), list(dict.fromkeys(made.details))
    if not details:
        return f"{with_article(name)} without any extra parts"
    count = min(len(details), choose.number(1, 3))
    chosen = [details[index] for index in np.sort(choose.rng.choice(len(details), count, replace=False))]
    listed = chosen[0] if count == 1 else f"{', '.join(chosen[:-1])} and {chosen[-1]}"
    return f"{choose.pick(openings).format(a=with_article(name), n=name)} {listed}"
