"""Bathtubs and toilets: closed vessels lofted from outlines that change with the height, and what is mounted on them.

A bathtub's long side is x and its free long side faces +z; a toilet's bowl faces +z and its tank or wall stands at -z.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from .parts import (
    Colour,
    Part,
    Shape,
    _loft,
    beam,
    box,
    chance,
    counted,
    cushion,
    cylinder,
    frustum,
    move_all,
    outline_points,
    palette,
    pick,
    revolve,
    rod,
    rotate_all,
    rounded_box,
    rounded_path,
    tube,
)


__all__ = ["BATHTUB", "FUNCTIONS", "TOILET"]

FUNCTIONS = {
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

_SECTIONS = 40  # Steps of nine degrees: the diagonals, where rectangles have their corners, are among them.

# (outline name, x from, x to, z from, z to, y)
Level = tuple[str, float, float, float, float, float]


@lru_cache(maxsize=32)
def _outline(name: str) -> np.ndarray:
    """(40, 2) points (x, z) in [-1, 1] at equal angles, running so that a loft in growing y is wound outwards.

    Besides those of `outline_points`: "sharp" (a rectangle), "hexagon", "octagon", "quarter" (quarter disc with its
    corner at -x, -z), "cut 1" and "cut 2" (a square that lost a small or a large corner at +x, +z), "end" (round at +x,
    square at -x), "taper" (rounded, narrower at +x), "waist" (narrow in the middle of x).
    """
    steps = np.linspace(0, 2 * np.pi, 144, endpoint=False)
    if name == "sharp":
        corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)], dtype=float)
    elif name in ("hexagon", "octagon"):
        count = 6 if name == "hexagon" else 8
        turn = np.arange(count) * 2 * np.pi / count + (0 if count == 6 else np.pi / 8)
        corners = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        corners = corners / np.abs(corners).max(axis=0)
    elif name == "quarter":
        turn = np.linspace(0, np.pi / 2, 19)
        corners = np.stack([2 * np.cos(turn) - 1, 2 * np.sin(turn) - 1], axis=1)
        corners = np.concatenate([corners, [(-1, -1)]])
    elif name in ("cut 1", "cut 2"):
        edge = np.tan(np.deg2rad(18 if name == "cut 1" else -18))
        corners = np.array([(1, edge), (edge, 1), (-1, 1), (-1, -1), (1, -1)])
    elif name == "end":
        corners = outline_points("dee", 72)[:, ::-1]
    elif name == "taper":
        corners = outline_points("rounded", 72)
        corners[:, 1] *= 0.85 - 0.15 * corners[:, 0]
    elif name == "waist":
        corners = np.stack([np.cos(steps), np.sin(steps) * (0.62 + 0.38 * np.abs(np.cos(steps)))], axis=1)
        corners[:, 1] /= np.abs(corners[:, 1]).max()
    else:
        corners = outline_points(name, 72)
    return _at_angles(corners)


def _at_angles(corners: np.ndarray) -> np.ndarray:
    """(40, 2) where rays from the origin at equal angles leave the polygon `corners` (K, 2), star shaped about it."""
    angle = -np.arange(_SECTIONS) * (2 * np.pi / _SECTIONS)
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None]
    start, edge = corners[None], (np.roll(corners, -1, axis=0) - corners)[None]
    across = rays[..., 0] * edge[..., 1] - rays[..., 1] * edge[..., 0]
    safe = np.where(np.abs(across) < 1e-12, np.inf, across)
    reach = (start[..., 0] * edge[..., 1] - start[..., 1] * edge[..., 0]) / safe
    along = (start[..., 0] * rays[..., 1] - start[..., 1] * rays[..., 0]) / safe
    valid = (along >= -1e-9) & (along <= 1 + 1e-9) & (reach > 0)
    return rays[:, 0] * np.where(valid, reach, 0).max(axis=1)[:, None]


def _skin(levels: Sequence[Level], colour: Colour, closed: bool = False) -> Part:
    """Solid through `levels` in the order bottom, outside, rim, inside, cavity's floor; `closed` makes a ring of it."""
    rings = np.empty((len(levels), _SECTIONS, 3))
    for ring, (name, x0, x1, z0, z1, y) in zip(rings, levels, strict=True):
        outline = _outline(name)
        ring[:, 0] = (x0 + x1) / 2 + (x1 - x0) / 2 * outline[:, 0]
        ring[:, 1] = y
        ring[:, 2] = (z0 + z1) / 2 + (z1 - z0) / 2 * outline[:, 1]
    return _loft(rings, colour, closed=closed)


def _white(rng: np.random.Generator) -> Colour:
    return palette(rng, pick(rng, "ceramic", "ceramic", "ceramic", "plastic", "metal"))


def _varied(rng: np.random.Generator, shape: Shape, spread: float) -> Shape:
    """The shape stretched by up to `spread` along every axis, independently."""
    factors = rng.uniform(1 - spread, 1 + spread, 3)
    return Shape([part.scaled(factors) for part in shape.parts], shape.family, shape.details)


# --------------------------------------------------------------------------------------------------- parts of a bathtub

_BASIN_WORDS = {
    "oval": "an oval basin",
    "rounded": "a basin with round corners",
    "rectangle": "a rectangular basin",
    "sharp": "a rectangular basin",
    "end": "a basin with one round end",
    "taper": "a tapered basin",
    "waist": "an hourglass basin",
    "quarter": "a quarter round basin",
    "cut 1": "a five sided basin",
    "cut 2": "a five sided basin",
    "hexagon": "a six sided basin",
    "octagon": "an eight sided basin",
}


def _inside(
    rng: np.random.Generator,
    name: str,
    spans: tuple[float, float, float, float],
    rim: float,
    floor: float,
    slopes: tuple[float, float] | None = None,
    lean: float = 0.0,
) -> list[Level]:
    """Levels of a cavity from its edge at height `rim`, over `spans` (x from, x to, z from, z to), down to `floor`.

    `slopes` are how far the two ends lean inwards, in lengths of the cavity, random where not given; all four sides
    lean at least by `lean`, as walls that taper downwards ask for.
    """
    x0, x1, z0, z1 = spans
    long, wide, deep = x1 - x0, z1 - z0, rim - floor
    first, last = slopes or (pick(rng, 0.03, 0.1, rng.uniform(0.1, 0.28)), rng.uniform(0.02, 0.12))
    side, bend = max(lean, rng.uniform(0.01, 0.1)), pick(rng, 0.02, 0.06, 0.14)
    first, last = max(first, lean), max(last, lean)
    levels = []
    for down, inset in ((0.0, 0.0), (0.35, 0.0), (0.75, 0.0), (0.92, 0.35), (1.0, 1.0)):
        ends = (long * (first * down + bend * inset), long * (last * down + bend * inset))
        sides = wide * (side * down + bend * inset)
        levels.append((name, x0 + ends[0], x1 - ends[1], z0 + sides, z1 - sides, rim - deep * down))
    return levels


def _centred(name: str, length: float, width: float, scale_x: float, scale_z: float, y: float) -> Level:
    return (name, -length / 2 * scale_x, length / 2 * scale_x, -width / 2 * scale_z, width / 2 * scale_z, y)


def _lifted(part: Part, height: float, length: float, ends: tuple[float, float], power: float = 2.0) -> Part:
    """Copy whose ends at -x and +x rise by `ends`; the rim most, the floor not at all."""
    points = np.array(part.mesh.vertices)
    place = np.clip(points[:, 0] / (length / 2), -1, 1)
    amount = np.where(place < 0, ends[0], ends[1]) * np.abs(place) ** power
    points[:, 1] += amount * np.clip(points[:, 1] / height, 0, 1) ** 2
    mesh = part.mesh.copy()
    mesh.vertices = points
    return Part(mesh, part.colour)


def _faucet(rng: np.random.Generator, place: Sequence[float], turn: float, size: float = 1.0) -> tuple[list[Part], str]:
    """Tap whose foot is at `place`, its spout along +x turned by `turn` degrees about y; solids and a phrase."""
    colour = palette(rng, "metal")
    kind = pick(rng, "arch", "arch", "block", "bridge", "slab", "low")
    tall, reach, thick = rng.uniform(0.1, 0.3) * size, rng.uniform(0.1, 0.2) * size, rng.uniform(0.01, 0.022) * size
    if kind in ("arch", "low"):
        tall *= 1.0 if kind == "arch" else 0.5
        path = rounded_path([(0, 0, 0), (0, tall, 0), (reach, tall, 0), (reach, tall * 0.7, 0)], reach * 0.5)
        parts = [tube(path, thick, colour)]
    elif kind == "block":
        parts = [box((reach, 0.05 * size, 0.06 * size), (reach / 2, 0.03 * size, 0), colour)]
    elif kind == "slab":
        parts = [box((0.03 * size, tall, 0.05 * size), (0, tall / 2, 0), colour)]
        parts.append(box((reach, 0.02 * size, 0.05 * size), (reach / 2, tall, 0), colour))
    else:
        parts = [rod((0, tall * 0.5, -0.1 * size), (0, tall * 0.5, 0.1 * size), thick, colour)]
        parts += [rod((0, 0, s * 0.08 * size), (0, tall * 0.5, s * 0.08 * size), thick, colour) for s in (-1, 1)]
        parts.append(rod((0, tall * 0.5, 0), (reach, tall * 0.35, 0), thick, colour))
    if chance(rng, 0.6):
        for s in (-1, 1):
            knob = frustum(0.022 * size, 0.03 * size, 0.05 * size, (0, 0.025 * size, s * 0.13 * size), colour, 10)
            parts.append(knob)
    return move_all(rotate_all(parts, "y", turn), place), "a faucet"


def _tub_extras(
    rng: np.random.Generator,
    length: float,
    width: float,
    rim: float,
    floor: float,
    margin: float,
    often: float = 0.5,
    standing: bool = True,
) -> tuple[list[Part], list[str]]:
    """Now and then a faucet on the rim or from the ground, a drain or handles; solids and phrases."""
    parts: list[Part] = []
    details: list[str] = []
    if chance(rng, often):
        place = pick(rng, "end", "end", "back", "standing" if standing else "end")
        if place == "end":
            tap, phrase = _faucet(rng, (length / 2 - margin / 2, rim - 0.005, 0), 180)
        elif place == "back":
            tap, phrase = _faucet(rng, (rng.uniform(-0.2, 0.2) * length, rim - 0.005, -width / 2 + margin / 2), -90)
        else:
            tall, colour = rim + rng.uniform(0.1, 0.4), palette(rng, "metal")
            x, z = length * rng.uniform(-0.3, 0.3), -width / 2 - 0.06
            path = rounded_path([(x, 0, z), (x, tall, z), (x, tall, z + 0.22), (x, tall - 0.08, z + 0.22)], 0.08)
            tap, phrase = [tube(path, 0.016, colour), cylinder(0.05, 0.02, (x, 0.01, z), colour)], "a standing faucet"
        parts += tap
        details.append(phrase)
    if chance(rng, 0.4):
        parts.append(cylinder(0.03, 0.01, (length * rng.uniform(-0.1, 0.3), floor + 0.004, 0), palette(rng, "metal")))
        details.append("a drain")
    if chance(rng, 0.1):
        colour, level = palette(rng, "metal"), rim + 0.06
        for s in (-1, 1):
            z, reach = s * (width / 2 - margin / 2), length * 0.1
            path = rounded_path(
                [(-reach, rim - 0.01, z), (-reach, level, z), (reach, level, z), (reach, rim - 0.01, z)], 0.04
            )
            parts.append(tube(path, 0.012, colour))
        details.append("two handles")
    return parts, details


def _feet(rng: np.random.Generator, length: float, width: float, tall: float) -> tuple[list[Part], str]:
    """Feet at the corners of `length` x `width` up to just above `tall`, in the tub's wall; solids and a phrase."""
    colour = palette(rng, pick(rng, "metal", "metal", "wood", "ceramic"))
    kind = pick(rng, "claw", "claw", "ball", "block", "peg", "splay")
    words = {
        "claw": "four claw feet",
        "ball": "four ball feet",
        "block": "four block feet",
        "peg": "four short legs",
        "splay": "four splayed legs",
    }
    size, reach = rng.uniform(0.03, 0.06), tall + 0.025
    parts = []
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z, way = sx * length / 2, sz * width / 2, np.array([sx * 0.5, 0, sz * 0.85])
            top, foot = np.array([x, reach, z]), np.array([x, 0, z]) + way * tall * 0.5
            if kind == "claw":
                knee = np.array([x, tall * 0.75, z]) + way * tall * 0.55
                bottom = np.array([x, size, z]) + way * tall * 0.3
                path = rounded_path([top, knee, bottom, bottom + way * size], tall * 0.4)
                parts.append(tube(path, np.linspace(size, size * 0.6, len(path)), colour))
                parts.append(cushion((size * 2.4, size * 2, size * 2.4), bottom + way * size, colour, 1.0))
            elif kind == "ball":
                parts.append(cushion((tall, reach, tall), (x, reach / 2, z), colour, 1.0))
            elif kind == "block":
                parts.append(box((size * 2.2, reach, size * 2.2), (x, reach / 2, z), colour))
            elif kind == "peg":
                parts.append(frustum(size * 0.6, size, reach, (x, reach / 2, z), colour, 10))
            else:
                parts.append(rod(top, foot, size * 0.8, colour, taper=0.5))
    return parts, words[kind]


def _shell(
    rng: np.random.Generator,
    name: str,
    size: tuple[float, float, float],
    base: float,
    colour: Colour,
    narrow: tuple[float, float] = (0.55, 0.95),
    rim: float | None = None,
) -> tuple[Part, float, float, str]:
    """Tub with curved walls, rim `size` = (x, y, z) with y the height of its rim, bottom at `base`.

    Gives its solid, the rim's width, the cavity's floor height and a phrase; `narrow` bounds how small the bottom
    is relative to the rim.
    """
    length, height, width = size
    rim, tall = rim or rng.uniform(0.025, 0.09), height - base
    ends, sides, belly = rng.uniform(*narrow), rng.uniform(*narrow), rng.uniform(0.3, 0.9)

    def wall(up: float, inset: float) -> Level:
        blend = up**belly
        half_x = max((length / 2 - 0.4 * rim) * (ends + (1 - ends) * blend) - inset, 0.1 * length)
        half_z = max((width / 2 - 0.4 * rim) * (sides + (1 - sides) * blend) - inset, 0.1 * width)
        return (name, -half_x, half_x, -half_z, half_z, base + tall * up)

    levels = [_centred(name, length, width, ends * 0.86, sides * 0.82, base)]
    levels += [wall(up, 0.0) for up in (0.06, 0.3, 0.6)]
    if chance(rng, 0.5):
        roll = min(rng.uniform(0.02, 0.06), 0.2 * tall)
        levels += [wall(1 - roll / tall, 0.0), _centred(name, length, width, 1, 1, height - roll * 0.7)]
    levels.append(_centred(name, length, width, 1, 1, height - 0.008))
    levels.append(_centred(name, length - 0.012, width - 0.012, 1, 1, height))
    bottom, bend = max(rng.uniform(0.06, 0.25), 0.035 / tall), pick(rng, 0.8, 0.9, 0.6)
    levels += [wall(1.0, 0.6 * rim), wall(0.95, 0.6 * rim), wall(0.6, 0.6 * rim), wall(bottom + 0.1, 0.65 * rim)]
    last = wall(bottom, 0.7 * rim)
    levels.append((name, *(bend * value for value in last[1:5]), last[5]))
    return _skin(levels, colour), rim, base + tall * bottom, _BASIN_WORDS[name]


def _block(
    rng: np.random.Generator,
    outer: str,
    inner: str,
    size: tuple[float, float, float],
    margins: tuple[float, float, float, float],
    depth: float,
    colour: Colour,
    base_scale: float = 1.0,
    slopes: tuple[float, float] | None = None,
) -> tuple[Part, float]:
    """Straight-sided tub of `size` (x, y, z) with a cavity of `depth` inside `margins` (-x, +x, -z, +z).

    The bottom is `base_scale` times the rim; gives the solid and the height of the cavity's floor.
    """
    length, height, width = size
    spans = (-length / 2 + margins[0], length / 2 - margins[1], -width / 2 + margins[2], width / 2 - margins[3])
    lean = max(0.0, 0.6 * (1 - base_scale))
    levels = [_centred(outer, length, width, base_scale, base_scale, 0.0)]
    if chance(rng, 0.3):
        lip, inset = rng.uniform(0.03, 0.07), rng.uniform(0.01, 0.03)
        levels += [
            _centred(outer, length - 2 * inset, width - 2 * inset, 1, 1, height - lip),
            _centred(outer, length, width, 1, 1, height - lip * 0.98),
        ]
    levels.append(_centred(outer, length, width, 1, 1, height))
    floor = max(height - depth, 0.03)
    return _skin(levels + _inside(rng, inner, spans, height, floor, slopes, lean), colour), floor


# ------------------------------------------------------------------------------------------------------------- bathtubs


def _sizes(rng: np.random.Generator) -> tuple[float, float, float]:
    """Length, width and height of a common tub."""
    length = rng.uniform(1.25, 1.95)
    return length, float(np.clip(length * rng.uniform(0.38, 0.6), 0.6, 1.0)), rng.uniform(0.36, 0.66)


def built_in_tub(rng: np.random.Generator) -> Shape:
    """Rectangular box with an apron and a cavity."""
    length, width, height = _sizes(rng)
    colour, margin = _white(rng), rng.uniform(0.04, 0.12)
    inner = pick(rng, "oval", "rounded", "rounded", "rectangle", "sharp", "end", "taper")
    margins = (margin, margin * rng.uniform(1, 2), margin * rng.uniform(0.7, 1.3), margin * rng.uniform(0.7, 1.3))
    outer = pick(rng, "sharp", "sharp", "rectangle")
    body, floor = _block(
        rng,
        outer,
        inner,
        (length, height, width),
        margins,
        height * rng.uniform(0.5, 0.93),
        colour,
        rng.uniform(0.92, 1.0),
    )
    parts, details = _tub_extras(rng, length, width, height, floor, margin)
    details = ["a flat apron", _BASIN_WORDS[inner], *details]
    if chance(rng, 0.2):
        parts.append(rounded_box((length * 0.8, height * 0.6, 0.03), (0, height * 0.5, width / 2), 0.01, colour))
        details.append("a raised panel in front")
    if chance(rng, 0.15):
        tall = rng.uniform(0.05, 0.15)
        parts.append(box((length, tall, 0.03), (0, height + tall / 2 - 0.002, -width / 2 + 0.015), colour))
        details.append("a raised back edge")
    return _varied(rng, Shape([body, *parts], "built-in bathtub", details), 0.1)


def freestanding_tub(rng: np.random.Generator) -> Shape:
    """Curved walls down to the floor."""
    length, width, height = _sizes(rng)
    name = pick(rng, "oval", "oval", "oval", "rounded", "taper", "end", "waist")
    body, rim, floor, phrase = _shell(rng, name, (length, height, width), 0.0, _white(rng), (0.6, 0.98))
    parts, details = _tub_extras(rng, length, width, height, floor, rim, 0.35)
    return _varied(rng, Shape([body, *parts], "free-standing bathtub", [phrase, "curved walls", *details]), 0.12)


def clawfoot_tub(rng: np.random.Generator) -> Shape:
    """Curved shell with a rolled rim on four feet."""
    length, width, height = _sizes(rng)
    name, tall = pick(rng, "oval", "oval", "end", "rounded"), rng.uniform(0.07, 0.2)
    size = (length, height + 0.08, width)
    body, rim, floor, phrase = _shell(rng, name, size, tall, _white(rng), (0.6, 0.85), rng.uniform(0.02, 0.05))
    feet, foot_phrase = _feet(rng, length * 0.42, width * 0.38, tall)
    parts = [body, *feet]
    path = _outline(name)[::-1] * ((length - rim) / 2, (width - rim) / 2)
    bead = rng.uniform(0.6, 1.0) * rim
    parts.append(
        tube(np.stack([path[:, 0], np.full(len(path), height + 0.08), path[:, 1]], axis=1), bead, body.colour, 6, True)
    )
    extras, details = _tub_extras(rng, length, width, height + 0.08, floor, rim, 0.4)
    return _varied(
        rng, Shape(parts + extras, "clawfoot bathtub", [foot_phrase, phrase, "a rolled rim", *details]), 0.12
    )


def _slipper(rng: np.random.Generator, ends: tuple[float, float], family: str, words: str) -> Shape:
    """Tub whose ends rise by `ends`, on the floor, a plinth or feet."""
    length, width, height = _sizes(rng)
    name, stand = pick(rng, "oval", "oval", "rounded", "end"), pick(rng, "floor", "plinth", "feet", "feet")
    base = 0.0 if stand == "floor" else rng.uniform(0.06, 0.18)
    top = base + height * rng.uniform(0.8, 1.0)
    narrow = (0.7, 0.95) if stand != "feet" else (0.6, 0.85)
    body, rim, floor, phrase = _shell(rng, name, (length, top, width), base, _white(rng), narrow)
    parts = [_lifted(body, top, length, ends, rng.uniform(1.4, 3.0))]
    details = [words, phrase]
    if stand == "plinth":
        wide = rng.uniform(0.6, 0.8)
        base_name = pick(rng, name, "sharp")
        foot = [
            _centred(base_name, length, width, wide, wide, 0.0),
            _centred(base_name, length, width, wide * 0.9, wide * 0.9, base * 1.05),
        ]
        parts.append(_skin(foot, body.colour if chance(rng, 0.6) else palette(rng, "any")))
        details.append("a plinth")
    elif stand == "feet":
        feet, foot_phrase = _feet(rng, length * 0.42, width * 0.38, base)
        parts += feet
        details.append(foot_phrase)
    if chance(rng, 0.35):
        tap, tap_phrase = _faucet(rng, (0, top - 0.01, -width / 2 + rim / 2), -90)
        parts += tap
        details.append(tap_phrase)
    if chance(rng, 0.3):
        parts.append(cylinder(0.03, 0.01, (0, floor + 0.004, 0), palette(rng, "metal")))
        details.append("a drain")
    return _varied(rng, Shape(parts, family, details), 0.1)


def slipper_tub(rng: np.random.Generator) -> Shape:
    """One end rises to lean against."""
    rise = rng.uniform(0.12, 0.38)
    ends = (rise, rise * rng.uniform(0, 0.25))
    return _slipper(rng, ends if chance(rng, 0.5) else ends[::-1], "slipper bathtub", "one high end")


def double_slipper_tub(rng: np.random.Generator) -> Shape:
    """Both ends rise, the sides dip."""
    rise = rng.uniform(0.08, 0.3)
    return _slipper(rng, (rise, rise), "double slipper bathtub", "two high ends")


def pedestal_tub(rng: np.random.Generator) -> Shape:
    """Shell on a plinth, a drum, rails or a cradle."""
    length, width, height = _sizes(rng)
    base = rng.uniform(0.06, 0.2)
    name = pick(rng, "oval", "oval", "rounded", "end", "rectangle")
    top = height + base * 0.5
    body, rim, floor, phrase = _shell(rng, name, (length, top, width), base, _white(rng), (0.55, 0.85))
    colour = body.colour if chance(rng, 0.4) else palette(rng, pick(rng, "wood", "metal", "ceramic"))
    kind = pick(rng, "plinth", "plinth", "slab", "rails", "blocks")
    parts, reach = [body], base + 0.02
    if kind == "plinth":
        wide = rng.uniform(0.45, 0.8)
        foot = [
            _centred(name, length, width, wide * 1.08, wide * 1.08, 0),
            _centred(name, length, width, wide, wide, base * 0.3),
            _centred(name, length, width, wide * 0.9, wide * 0.85, reach),
        ]
        parts.append(_skin(foot, colour))
    elif kind == "slab":
        parts.append(
            box(
                (length * rng.uniform(0.7, 1.15), base * 1.02, width * rng.uniform(0.7, 1.15)),
                (0, base * 0.51, 0),
                colour,
            )
        )
    elif kind == "rails":
        for s in (-1, 1):
            parts.append(box((0.06, reach, width * 0.7), (s * length * 0.26, reach / 2, 0), colour))
    else:
        for s in (-1, 1):
            parts.append(box((length * 0.12, reach, width * 0.5), (s * length * 0.25, reach / 2, 0), colour))
    words = {"plinth": "a plinth", "slab": "a base slab", "rails": "two cross bars below", "blocks": "two blocks below"}
    extras, details = _tub_extras(rng, length, width, top, floor, rim, 0.4)
    return _varied(rng, Shape(parts + extras, "pedestal bathtub", [words[kind], phrase, *details]), 0.12)


def drop_in_tub(rng: np.random.Generator) -> Shape:
    """Only the thin shell with a flat rim around it, as it is before it is let into a frame."""
    length, width, height = _sizes(rng)
    colour, margin, thin = _white(rng), rng.uniform(0.05, 0.14), rng.uniform(0.008, 0.02)
    inner = pick(rng, "oval", "rounded", "rectangle", "end", "taper")
    outer = pick(rng, "sharp", "rectangle", inner)
    spans = (-length / 2 + margin, length / 2 - margin, -width / 2 + margin, width / 2 - margin)
    cavity = _inside(rng, inner, spans, height, thin)
    outside = [(n, x0 - thin, x1 + thin, z0 - thin, z1 + thin, y - thin) for n, x0, x1, z0, z1, y in cavity[::-1]]
    drop = thin if chance(rng, 0.6) else rng.uniform(0.03, 0.1)
    edge = [
        _centred(outer, length - 2 * thin, width - 2 * thin, 1, 1, height - thin),
        _centred(outer, length, width, 1, 1, height - drop),
    ]
    body = _skin([*outside, *edge, _centred(outer, length, width, 1, 1, height), *cavity], colour)
    extras, details = _tub_extras(rng, length, width, height, thin, margin, 0.3, standing=False)
    return _varied(
        rng,
        Shape([body, *extras], "drop-in bathtub", ["a thin shell", "a flat rim", _BASIN_WORDS[inner], *details]),
        0.12,
    )


def deck_tub(rng: np.random.Generator) -> Shape:
    """Wide deck with a smaller basin, often with steps."""
    length, height = rng.uniform(1.5, 2.5), rng.uniform(0.35, 0.65)
    width = length * rng.uniform(0.45, 0.9)
    colour = _white(rng)
    inner = pick(rng, "oval", "oval", "oval", "rounded", "rectangle", "octagon", "hexagon", "waist")
    margins = tuple(rng.uniform(0.08, 0.24) * (length if k < 2 else width) for k in range(4))
    outer = pick(rng, "sharp", "sharp", "rectangle", "octagon")
    body, _ = _block(rng, outer, inner, (length, height, width), margins, height * rng.uniform(0.5, 0.92), colour)
    parts, details = [body], ["a wide deck", _BASIN_WORDS[inner]]
    if chance(rng, 0.35):
        spans = (-length / 2 + margins[0], length / 2 - margins[1], -width / 2 + margins[2], width / 2 - margins[3])
        thick, lip = rng.uniform(0.02, 0.05), rng.uniform(0.04, 0.08)
        wide = (spans[0] - lip, spans[1] + lip, spans[2] - lip, spans[3] + lip)
        ring = [
            (inner, *wide, height - 0.01),
            (inner, *wide, height + thick),
            (inner, *spans, height + thick),
            (inner, *spans, height - 0.01),
        ]
        parts.append(_skin(ring, colour, closed=True))
        details.append("a raised rim around the basin")
    if chance(rng, 0.4):
        count, deep = int(rng.integers(1, 4)), rng.uniform(0.15, 0.3)
        wide = length * rng.uniform(0.35, 1.0)
        for step in range(count):
            tall, reach = height * (count - step) / (count + 1), deep * (step + 1)
            parts.append(box((wide, tall, reach), (0, tall / 2, width / 2 + reach / 2), colour))
        details.append(counted(count, "step"))
    if chance(rng, 0.5):
        tap, phrase = _faucet(rng, (length / 2 - margins[1] / 2, height - 0.005, 0), 180)
        parts += tap
        details.append(phrase)
    return _varied(rng, Shape(parts, "deck bathtub", details), 0.1)


def corner_tub(rng: np.random.Generator) -> Shape:
    """Two straight sides along the walls, a round or cut front."""
    side, height = rng.uniform(1.1, 1.7), rng.uniform(0.4, 0.7)
    colour, margin = _white(rng), rng.uniform(0.07, 0.18)
    outer = pick(rng, "quarter", "quarter", "cut 1", "cut 2", "cut 2")
    inner = pick(rng, outer, outer, "oval")
    width = side * (1.0 if chance(rng, 0.6) else rng.uniform(0.65, 0.95))
    margins = (margin,) * 4
    if inner == "oval":
        far = {"quarter": 0.22, "cut 2": 0.26, "cut 1": 0.1}[outer] + rng.uniform(0.0, 0.14)
        margins = (margin, side * far, margin, width * far)
    slopes = (rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.15))
    body, floor = _block(
        rng,
        outer,
        inner,
        (side, height, width),
        margins,
        height * rng.uniform(0.5, 0.9),
        colour,
        rng.uniform(0.9, 1.0),
        slopes,
    )
    parts, details = [body], ["a corner shape", _BASIN_WORDS[inner]]
    if chance(rng, 0.4):
        seat = height * rng.uniform(0.35, 0.6)
        reach = side * rng.uniform(0.35, 0.5)
        block = np.array([(0, 0), (reach, 0), (0, reach)])
        middle = block - (side / 2 - margin * 0.8, width / 2 - margin * 0.8)
        parts.append(_prism(middle, floor, max(seat, floor + 0.05), colour))
        details.append("a corner seat inside")
    if chance(rng, 0.5):
        spot = (-side / 2 + margin * 0.6, height - 0.005, -width / 2 + margin * 0.6)
        tap, phrase = _faucet(rng, spot, -45)
        parts += tap
        details.append(phrase)
    parts = rotate_all(parts, "y", float(pick(rng, 0, -45, -45, 90)))
    return _varied(rng, Shape(parts, "corner bathtub", details), 0.1)


def _prism(corners: np.ndarray, bottom: float, top: float, colour: Colour) -> Part:
    """Upright prism over a convex polygon `corners` (K, 2) of (x, z), counter-clockwise, from `bottom` to `top`."""
    ring = np.stack([corners[::-1, 0], np.zeros(len(corners)), corners[::-1, 1]], axis=1)
    return _loft(np.stack([ring + (0, bottom, 0), ring + (0, top, 0)]), colour)


def hot_tub(rng: np.random.Generator) -> Shape:
    """Round, eight-sided or square, deep, with a bench around."""
    across, height = rng.uniform(1.2, 2.3), rng.uniform(0.5, 1.0)
    name = pick(rng, "oval", "oval", "oval", "octagon", "hexagon", "rounded")
    colour, rim = palette(rng, pick(rng, "wood", "ceramic", "plastic")), rng.uniform(0.04, 0.2)
    lining = colour if chance(rng, 0.5) else _white(rng)
    deep = across * (1.0 if chance(rng, 0.7) else rng.uniform(0.7, 0.95))
    flare = rng.uniform(0.82, 1.04)
    bottom = rng.uniform(0.05, 0.2)
    spans = (-across / 2 + rim, across / 2 - rim, -deep / 2 + rim, deep / 2 - rim)
    levels = [_centred(name, across, deep, flare, flare, 0), _centred(name, across, deep, 1, 1, height)]
    details = [_BASIN_WORDS[name] if name != "oval" else "a round basin"]
    cavity = [(name, *spans, height)]
    if chance(rng, 0.55):
        level, bench = height * rng.uniform(0.4, 0.65), rng.uniform(0.2, 0.3) * min(across, deep) * 0.7
        low = (spans[0] + bench, spans[1] - bench, spans[2] + bench, spans[3] - bench)
        cavity += [(name, *spans, level), (name, *low, level), (name, *low, height * bottom)]
        details.append("a bench around inside")
    else:
        cavity.append((name, *(0.95 * value for value in spans), height * bottom))
    parts = [_skin(levels + cavity, lining)]
    if chance(rng, 0.35):
        for level in (0.25, 0.75):
            ring = [
                (
                    name,
                    *(v * 1.01 * (flare + (1 - flare) * level) for v in (-across / 2, across / 2, -deep / 2, deep / 2)),
                    height * level - 0.02,
                )
            ]
            grow = tuple(v * 1.02 for v in ring[0][1:5])
            parts.append(
                _skin(
                    [
                        ring[0],
                        (name, *grow, ring[0][5]),
                        (name, *grow, ring[0][5] + 0.04),
                        (name, *ring[0][1:5], ring[0][5] + 0.04),
                    ],
                    palette(rng, "metal"),
                    closed=True,
                )
            )
        details.append("two hoops")
    if chance(rng, 0.35):
        count, wide = int(rng.integers(1, 4)), across * rng.uniform(0.3, 0.5)
        for step in range(count):
            tall, reach = height * (count - step) / (count + 1), 0.22 * (step + 1)
            parts.append(box((wide, tall, reach + 0.1), (0, tall / 2, deep / 2 + reach / 2 - 0.05), colour))
        details.append(counted(count, "step"))
    return _varied(rng, Shape(parts, "hot tub", details), 0.08)


def whirlpool_tub(rng: np.random.Generator) -> Shape:
    """Wide tub with seats, head rests and jets inside."""
    length, width, height = rng.uniform(1.5, 2.0), rng.uniform(0.85, 1.5), rng.uniform(0.45, 0.7)
    colour, margin = _white(rng), rng.uniform(0.07, 0.16)
    inner, outer = pick(rng, "rounded", "rounded", "rectangle", "oval"), pick(rng, "sharp", "rectangle", "rounded")
    body, floor = _block(
        rng,
        outer,
        inner,
        (length, height, width),
        (margin,) * 4,
        height * rng.uniform(0.6, 0.9),
        colour,
        slopes=(0.06, 0.06),
    )
    parts, details = [body], [_BASIN_WORDS[inner]]
    room, clear = length - 2 * margin, width - 2 * margin
    shrink = 0.62 if inner == "oval" else 0.85
    ends = (-1, 1) if chance(rng, 0.5) else (pick(rng, -1, 1),)
    for s in ends:
        reach, tall = room * rng.uniform(0.18, 0.32), (height - floor) * rng.uniform(0.3, 0.6)
        parts.append(
            rounded_box(
                (reach, tall, clear * shrink), (s * (room * 0.46 - reach / 2), floor + tall / 2 - 0.01, 0), 0.05, colour
            )
        )
        parts.append(cushion((0.1, 0.12, clear * 0.4), (s * (room / 2), height * 0.97, 0), palette(rng, "any"), 0.5))
    details += ["seats inside", "head rests"] if len(ends) == 2 else ["a seat inside", "a head rest"]
    if chance(rng, 0.5):
        metal = palette(rng, "metal")
        for x in np.linspace(-0.28, 0.28, int(rng.integers(2, 5))) * length:
            for s in (-1, 1):
                parts.append(
                    cylinder(0.03, 0.05, (x, floor + (height - floor) * 0.5, s * clear * 0.47), metal, "z", 10)
                )
        details.append("jets on both sides")
    if chance(rng, 0.5):
        tap, phrase = _faucet(rng, (rng.uniform(-0.2, 0.2) * length, height - 0.005, -width / 2 + margin / 2), -90)
        parts += tap
        details.append(phrase)
    return _varied(rng, Shape(parts, "whirlpool bathtub", details), 0.1)


def walk_in_tub(rng: np.random.Generator) -> Shape:
    """Short and high with a door and a seat."""
    length, width, height = rng.uniform(0.95, 1.4), rng.uniform(0.65, 0.85), rng.uniform(0.8, 1.05)
    colour, margin = _white(rng), rng.uniform(0.05, 0.09)
    body, floor = _block(
        rng,
        "sharp",
        pick(rng, "rounded", "rectangle"),
        (length, height, width),
        (margin,) * 4,
        height * 0.88,
        colour,
        slopes=(0.02, 0.02),
    )
    seat = length * rng.uniform(0.3, 0.42)
    tall = height * rng.uniform(0.38, 0.5)
    parts = [
        body,
        box(
            (seat, tall - floor, width - 2.4 * margin), (-length / 2 + margin + seat / 2, (tall + floor) / 2, 0), colour
        ),
    ]
    wide = length * rng.uniform(0.35, 0.5)
    parts.append(
        rounded_box((wide, height * 0.75, 0.03), (length * 0.18, height * 0.52, width / 2), 0.012, _white(rng))
    )
    parts.append(
        box((0.03, 0.12, 0.06), (length * 0.18 - wide * 0.4, height * 0.6, width / 2 + 0.03), palette(rng, "metal"))
    )
    tap, phrase = _faucet(rng, (length / 2 - margin / 2, height - 0.005, 0), 180)
    return _varied(
        rng, Shape(parts + tap, "walk-in bathtub", ["a door in front", "a seat inside", phrase, "high walls"]), 0.08
    )


def soaking_tub(rng: np.random.Generator) -> Shape:
    """Short and deep, square or round, of boards or one block."""
    length, height = rng.uniform(0.8, 1.4), rng.uniform(0.55, 0.85)
    width = length * rng.uniform(0.55, 1.0)
    name = pick(rng, "sharp", "sharp", "rectangle", "oval", "octagon")
    colour, rim = palette(rng, pick(rng, "wood", "wood", "ceramic", "metal")), rng.uniform(0.025, 0.07)
    body, floor = _block(
        rng,
        name,
        name,
        (length, height, width),
        (rim,) * 4,
        height * rng.uniform(0.75, 0.93),
        colour,
        rng.uniform(0.85, 1.0),
        (0.03, 0.03),
    )
    parts, details = [body], ["deep walls", _BASIN_WORDS[name]]
    if name == "sharp" and chance(rng, 0.5):
        parts.append(box((length * 1.06, 0.04, rim * 1.8), (0, height, width / 2 - rim / 2), colour))
        parts.append(box((length * 1.06, 0.04, rim * 1.8), (0, height, -width / 2 + rim / 2), colour))
        details.append("two long rim boards")
    if name in ("sharp", "rectangle") and chance(rng, 0.5):
        tall = height * rng.uniform(0.35, 0.55)
        parts.append(box((length * 0.28, 0.05, (width - 2 * rim) * 0.95), (-length * 0.3, tall, 0), colour))
        details.append("a seat board inside")
    extras, more = _tub_extras(rng, length, width, height, floor, rim, 0.3)
    return _varied(rng, Shape(parts + extras, "soaking tub", details + more), 0.12)


def stone_tub(rng: np.random.Generator) -> Shape:
    """Modern block with thick or thin walls, straight or tapered."""
    length, width, height = _sizes(rng)
    outer = pick(rng, "sharp", "rectangle", "rounded", "oval", "hexagon", "taper")
    inner = pick(rng, outer, outer, "oval", "rounded" if outer in ("sharp", "rectangle") else "oval")
    wall = rng.uniform(0.02 if inner == outer else 0.13, 0.2)
    base = rng.uniform(0.68, 1.12)
    body, floor = _block(
        rng,
        outer,
        inner,
        (length, height, width),
        (wall,) * 4,
        height * rng.uniform(0.45, 0.9),
        _white(rng),
        base,
    )
    extras, details = _tub_extras(rng, length, width, height, floor, wall, 0.25)
    wide = "thick walls" if wall > 0.1 else "thin walls"
    return _varied(rng, Shape([body, *extras], "block bathtub", [wide, _BASIN_WORDS[inner], *details]), 0.15)


def shower_tub(rng: np.random.Generator) -> Shape:
    """Built-in tub with walls, a screen, a curtain rail or a shower pipe above it."""
    length, width, height = _sizes(rng)
    colour, margin = _white(rng), rng.uniform(0.05, 0.1)
    inner = pick(rng, "rounded", "oval", "rectangle", "end")
    body, _ = _block(
        rng, "sharp", inner, (length, height, width), (margin,) * 4, height * rng.uniform(0.6, 0.92), colour
    )
    parts, details = [body], [_BASIN_WORDS[inner]]
    top = rng.uniform(0.9, 2.0)
    if chance(rng, 0.5):
        thick = rng.uniform(0.015, 0.04)
        parts.append(box((length, top - height, thick), (0, (top + height) / 2, -width / 2 + thick / 2), colour))
        for s in (-1, 1) if chance(rng, 0.5) else (1,):
            parts.append(box((thick, top - height, width), (s * (length - thick) / 2, (top + height) / 2, 0), colour))
        details.append("walls around it")
    elif chance(rng, 0.5):
        wide = length * rng.uniform(0.35, 0.6)
        parts.append(
            box(
                (wide, top - height, 0.015),
                (length / 2 - wide / 2, (top + height) / 2, width / 2 - margin / 2),
                palette(rng, "metal"),
            )
        )
        details.append("a screen")
    else:
        metal, x = palette(rng, "metal"), length / 2 - margin / 2
        path = rounded_path([(x, height - 0.01, 0), (x, top, 0), (x - 0.3, top, 0)], 0.1)
        parts += [tube(path, 0.013, metal), frustum(0.09, 0.02, 0.05, (x - 0.3, top - 0.02, 0), metal, 12)]
        details.append("a shower pipe")
    tap, phrase = _faucet(rng, (length / 2 - margin / 2, height - 0.005, width * 0.12), 180)
    return _varied(rng, Shape(parts + tap, "bathtub with a shower", [*details, phrase]), 0.08)


def cased_tub(rng: np.random.Generator) -> Shape:
    """Shell in a wooden case or between two end walls."""
    length, width, height = _sizes(rng)
    colour, wood = _white(rng), palette(rng, pick(rng, "wood", "wood", "ceramic", "metal"))
    inner, margin = pick(rng, "oval", "rounded", "end", "rectangle"), rng.uniform(0.05, 0.12)
    body, floor = _block(
        rng, "sharp", inner, (length, height, width), (margin,) * 4, height * rng.uniform(0.55, 0.9), colour, 1.0
    )
    parts, kind = [body], pick(rng, "frame", "boards", "ends")
    if kind == "frame":
        thick, over = rng.uniform(0.03, 0.07), rng.uniform(0.02, 0.07)
        outer = (-length / 2 - over, length / 2 + over, -width / 2 - over, width / 2 + over)
        hole = tuple(v * 0.94 for v in (-length / 2, length / 2, -width / 2, width / 2))
        parts.append(
            _skin(
                [
                    ("sharp", *outer, height - thick),
                    ("sharp", *outer, height + 0.01),
                    ("sharp", *hole, height + 0.01),
                    ("sharp", *hole, height - thick),
                ],
                wood,
                closed=True,
            )
        )
        parts.append(box((length + 2 * over, 0.08, width + 2 * over), (0, 0.04, 0), wood))
    elif kind == "boards":
        count = int(rng.integers(4, 12))
        for x in (np.arange(count) + 0.5) / count * length - length / 2:
            parts.append(box((length / count * 0.85, height * 0.9, 0.025), (x, height * 0.46, width / 2 + 0.01), wood))
    else:
        tall, thick = height * rng.uniform(1.0, 1.5), rng.uniform(0.04, 0.2)
        for s in (-1, 1):
            parts.append(box((thick, tall, width), (s * (length + thick) / 2, tall / 2, 0), wood))
    words = {"frame": "a frame around the rim", "boards": "upright boards in front", "ends": "two end walls"}
    extras, details = _tub_extras(rng, length, width, height + 0.01, floor, margin, 0.4)
    return _varied(rng, Shape(parts + extras, "cased bathtub", [words[kind], _BASIN_WORDS[inner], *details]), 0.1)


BATHTUB: dict[str, Callable[[np.random.Generator], Shape]] = {
    "built-in bathtub": built_in_tub,
    "free-standing bathtub": freestanding_tub,
    "clawfoot bathtub": clawfoot_tub,
    "slipper bathtub": slipper_tub,
    "double slipper bathtub": double_slipper_tub,
    "pedestal bathtub": pedestal_tub,
    "drop-in bathtub": drop_in_tub,
    "deck bathtub": deck_tub,
    "corner bathtub": corner_tub,
    "hot tub": hot_tub,
    "whirlpool bathtub": whirlpool_tub,
    "walk-in bathtub": walk_in_tub,
    "soaking tub": soaking_tub,
    "block bathtub": stone_tub,
    "bathtub with a shower": shower_tub,
    "cased bathtub": cased_tub,
}


# ---------------------------------------------------------------------------------------------------- parts of a toilet


class _Bowl:
    """Measures of a toilet bowl: its rim spans z from 0 (back) to `depth` (front), x over `width`, at height `top`."""

    def __init__(self, rng: np.random.Generator, outline: str | None = None):
        self.outline = outline or pick(rng, "egg", "egg", "oval", "dee", "rounded")
        self.width = rng.uniform(0.32, 0.44)
        self.depth = self.width * rng.uniform(1.0, 1.55)
        self.top = rng.uniform(0.34, 0.48)
        self.rim = rng.uniform(0.03, 0.065)
        self.colour = _white(rng)

    @property
    def words(self) -> str:
        """Phrase for its outline."""
        if self.outline in ("sharp", "rectangle", "rounded"):
            return "a bowl with round corners" if self.outline == "rounded" else "a square bowl"
        return "an elongated bowl" if self.depth > 1.3 * self.width else "a round bowl"


def _ring(bowl: _Bowl, scale: float, back: float, front: float, y: float, outline: str | None = None) -> Level:
    """Level of a bowl: width relative to its own, z from and to in units of its depth, height in units of its top."""
    half = bowl.width / 2 * scale
    return (outline or bowl.outline, -half, half, back * bowl.depth, front * bowl.depth, y * bowl.top)


def _body(rng: np.random.Generator, bowl: _Bowl, kind: str) -> tuple[Part, str]:
    """Bowl with its cavity on its pedestal; `kind` is "pedestal", "cone", "skirt", "hung", "drum" or "box"."""
    uniform = rng.uniform
    if kind == "pedestal":
        wide, waist, reach = uniform(0.55, 0.85), uniform(0.4, 0.6), uniform(0.55, 0.85)
        foot = pick(rng, bowl.outline, "rounded", "rectangle")
        start, high = uniform(-0.25, 0.1), uniform(0.3, 0.5)
        levels = [_ring(bowl, wide, start, reach, 0, foot), _ring(bowl, wide, start, reach, 0.06, foot)]
        levels += [
            _ring(bowl, waist, start + 0.05, reach - 0.1, 0.2),
            _ring(bowl, waist, start + 0.08, reach - 0.1, high),
        ]
        levels += [_ring(bowl, 0.78, 0.02, 0.82, (high + 0.75) / 2 + 0.02), _ring(bowl, 0.95, 0.0, 0.96, 0.84)]
        words = "a narrow pedestal" if wide < 0.68 else "a wide pedestal"
    elif kind == "cone":
        wide, reach = uniform(0.4, 0.75), uniform(0.55, 0.85)
        levels = [
            _ring(bowl, wide, 0.05, reach, 0),
            _ring(bowl, uniform(0.75, 0.95), 0, (reach + 1) / 2, uniform(0.45, 0.7)),
        ]
        words = "a tapered pedestal"
    elif kind == "skirt":
        wide, reach = uniform(0.7, 0.98), uniform(0.7, 0.97)
        levels = [
            _ring(bowl, wide, -0.05, reach, 0),
            _ring(bowl, (wide + 1) / 2, -0.05, (reach + 1) / 2, uniform(0.3, 0.6)),
        ]
        levels.append(_ring(bowl, 1.0, -0.02, 0.99, 0.85))
        words = "smooth sides down to the floor"
    elif kind == "hung":
        low = uniform(0.1, 0.5)
        levels = [
            _ring(bowl, 0.45, 0.0, uniform(0.3, 0.55), low),
            _ring(bowl, uniform(0.6, 0.85), 0.0, uniform(0.7, 0.85), low + 0.3 * (1 - low)),
        ]
        levels.append(_ring(bowl, 0.96, 0.0, 0.97, low + 0.72 * (1 - low)))
        words = "a bowl that does not touch the floor"
    elif kind == "drum":
        waist = uniform(0.35, 0.6)
        levels = [_ring(bowl, uniform(0.6, 0.9), 0.1, 0.9, 0, "oval"), _ring(bowl, waist, 0.25, 0.75, 0.12, "oval")]
        levels += [
            _ring(bowl, waist, 0.25, 0.75, uniform(0.35, 0.5), "oval"),
            _ring(bowl, 0.95, 0.02, 0.98, uniform(0.65, 0.9)),
        ]
        words = "a round foot"
    else:
        levels = [_ring(bowl, uniform(0.75, 1.0), 0, uniform(0.8, 1.0), 0, "sharp"), _ring(bowl, 1, 0, 1, 0.5, "sharp")]
        words = "a square base"
    lip = bowl.rim * uniform(0.9, 1.2)
    floor, hole = uniform(0.35, 0.72), uniform(0.25, 0.5)
    near, far = lip / bowl.depth, 1 - lip / bowl.depth
    inside = 1 - 2 * lip / bowl.width
    levels += [_ring(bowl, 1, 0, 1, 0.93), _ring(bowl, 1, 0, 1, 1.0), _ring(bowl, inside, near, far, 1.0)]
    levels += [
        _ring(bowl, inside * 0.95, near, far * 0.97, 0.88),
        _ring(bowl, inside * (hole + 0.3), near, far - 0.22, (1 + floor) / 2),
    ]
    levels.append(_ring(bowl, inside * hole, near + 0.05, near + 0.05 + hole, floor))
    return _skin(levels, bowl.colour), words


def _back_deck(rng: np.random.Generator, bowl: _Bowl, reach: float) -> list[Part]:
    """Block that carries the tank behind the rim, with the trap below it now and then."""
    wide, thick = bowl.width * rng.uniform(0.6, 1.0), bowl.top * rng.uniform(0.12, 0.4)
    back, front = -reach, bowl.depth * 0.15
    parts = [
        rounded_box(
            (wide, thick, front - back), (0, bowl.top - thick / 2 - 0.002, (front + back) / 2), 0.02, bowl.colour
        )
    ]
    kind = pick(rng, "none", "block", "pipe")
    if kind == "block":
        slim, deep = wide * rng.uniform(0.4, 0.8), (front - back) * rng.uniform(0.7, 1.0)
        parts.append(box((slim, bowl.top * 0.95, deep), (0, bowl.top * 0.475, front - deep / 2), bowl.colour))
    elif kind == "pipe":
        path = [
            (0, bowl.top * 0.3, bowl.depth * 0.3),
            (0, bowl.top * 0.65, -reach * 0.2),
            (0, bowl.top * 0.6, -reach * 0.5),
            (0, 0.0, -reach * 0.5),
        ]
        parts.append(tube(rounded_path(path, 0.1), bowl.width * rng.uniform(0.14, 0.22), bowl.colour, 10))
    return parts


def _lid(rng: np.random.Generator, bowl: _Bowl, state: str) -> tuple[list[Part], str]:
    """Seat and lid; `state` is "closed", "lid up", "both up", "seat only" or "none"."""
    thick, over = rng.uniform(0.012, 0.03), rng.uniform(0.0, 0.015)
    colour = bowl.colour if chance(rng, 0.55) else palette(rng, pick(rng, "wood", "plastic", "ceramic"))
    half, back, front = bowl.width / 2 + over, bowl.depth * rng.uniform(0.05, 0.14), bowl.depth + over
    width = bowl.rim * rng.uniform(1.1, 1.7)
    outline = bowl.outline

    def ring(low: float, high: float) -> Part:
        outer, hole = (-half, half, back, front), (-half + width, half - width, back + width * 1.2, front - width)
        return _skin(
            [(outline, *outer, low), (outline, *outer, high), (outline, *hole, high), (outline, *hole, low)],
            colour,
            closed=True,
        )

    def cover(low: float, high: float) -> Part:
        rounding = min(0.4 * (high - low), 0.008)
        small = (-half + rounding, half - rounding, back + rounding, front - rounding)
        return _skin(
            [
                (outline, -half, half, back, front, low),
                (outline, -half, half, back, front, high - rounding),
                (outline, *small, high),
            ],
            colour,
        )

    top, hinge = bowl.top, (0.0, bowl.top + thick / 2, back)
    angle = -rng.uniform(72, 93)
    if state == "closed":
        return [ring(top, top + thick), cover(top + thick, top + thick * rng.uniform(1.8, 2.6))], "a closed lid"
    if state == "lid up":
        return [ring(top, top + thick), cover(top, top + thick).rotated("x", angle, hinge)], "a raised lid"
    if state == "both up":
        seat = ring(top + thick, top + 2 * thick).rotated("x", angle, hinge)
        return [seat, cover(top + 2 * thick, top + 3 * thick).rotated("x", angle, hinge)], "a raised lid and seat"
    if state == "seat only":
        return [ring(top, top + thick * 1.2)], "an open seat without a lid"
    return [], "no lid"


_STATES = ("closed", "closed", "closed", "lid up", "lid up", "both up", "seat only", "none")


def _tank(
    rng: np.random.Generator, bowl: _Bowl, bottom: float, back: float, tall: float | None = None
) -> tuple[list[Part], str, float]:
    """Tank from `bottom` up whose front stands at z = `back`: solids, phrase, its thickness."""
    wide, deep = rng.uniform(0.32, 0.58), rng.uniform(0.13, 0.25)
    tall = tall or rng.uniform(0.22, 0.46)
    kind = pick(rng, "box", "box", "taper", "taper", "soft", "bow")
    z, colour = back - deep / 2, bowl.colour
    if kind == "box":
        parts = [box((wide, tall, deep), (0, bottom + tall / 2, z), colour)]
    elif kind == "soft":
        parts = [rounded_box((wide, tall, deep), (0, bottom + tall / 2, z), rng.uniform(0.02, 0.07), colour)]
    else:
        outline, low = ("rectangle" if kind == "taper" else "dee"), rng.uniform(0.72, 0.96)
        spans = (-wide / 2, wide / 2, back - deep, back)
        small = (-wide / 2 * low, wide / 2 * low, back - deep, back - deep * (1 - low) * 0.5)
        parts = [_skin([(outline, *small, bottom), (outline, *spans, bottom + tall)], colour)]
    top = bottom + tall
    if kind != "soft" or chance(rng, 0.4):
        thick, over = rng.uniform(0.015, 0.045), rng.uniform(0.0, 0.03)
        cap = "dee" if kind == "bow" else "rectangle"
        spans = (-wide / 2 - over, wide / 2 + over, back - deep - over * 0.3, back + over)
        parts.append(_skin([(cap, *spans, top - 0.002), (cap, *spans, top + thick)], colour))
        top += thick
    metal = palette(rng, "metal")
    control = pick(rng, "button", "lever", "side", "none")
    if control == "button":
        parts.append(cylinder(0.025, 0.02, (0, top + 0.008, z), metal, sections=12))
    elif control == "lever":
        x = -wide * 0.36
        parts.append(rod((x, top - 0.08, back - deep * 0.15), (x, top - 0.08, back + 0.03), 0.01, metal))
        parts.append(beam((x - 0.01, top - 0.08, back + 0.03), (x + 0.09, top - 0.085, back + 0.03), 0.014, metal))
    elif control == "side":
        parts.append(rod((wide * 0.45, top - 0.08, z), (wide / 2 + 0.04, top - 0.08, z), 0.012, metal))
    size = (
        "a wide tank"
        if wide > 0.47
        else "a narrow tank"
        if wide < 0.38
        else "a tall tank"
        if tall > 0.36
        else "a low tank"
        if tall < 0.28
        else "a tank"
    )
    return parts, size, deep


# -------------------------------------------------------------------------------------------------------------- toilets


def _with_tank(rng: np.random.Generator, bowl: _Bowl, kind: str, state: str, family: str) -> Shape:
    """Bowl, seat and a tank that stands on the back of the bowl."""
    body, base_words = _body(rng, bowl, kind)
    gap = rng.uniform(-0.02, 0.06)
    tank, tank_words, deep = _tank(rng, bowl, bowl.top - rng.uniform(0.0, 0.03), -gap)
    lid, lid_words = _lid(rng, bowl, state)
    parts = [body, *_back_deck(rng, bowl, gap + deep * rng.uniform(0.5, 1.0)), *tank, *lid]
    details = [tank_words, lid_words, bowl.words, base_words]
    return _varied(rng, Shape(parts, family, details), 0.14)


def close_coupled_toilet(rng: np.random.Generator) -> Shape:
    """Bowl on a pedestal, tank on its back."""
    kind = pick(rng, "pedestal", "pedestal", "pedestal", "cone", "skirt")
    return _with_tank(rng, _Bowl(rng), kind, pick(rng, *_STATES), "close-coupled toilet")


def raised_lid_toilet(rng: np.random.Generator) -> Shape:
    """Lid, or lid and seat, up against the tank."""
    bowl = _Bowl(rng)
    return _with_tank(
        rng, bowl, pick(rng, "pedestal", "cone", "skirt", "drum"), pick(rng, "lid up", "both up"), "open toilet"
    )


def square_toilet(rng: np.random.Generator) -> Shape:
    """Squared bowl and tank."""
    bowl = _Bowl(rng, pick(rng, "rectangle", "sharp", "rounded"))
    return _with_tank(rng, bowl, pick(rng, "box", "skirt", "cone"), pick(rng, *_STATES), "square toilet")


def drum_toilet(rng: np.random.Generator) -> Shape:
    """Plain model: round foot, bowl, box for a tank."""
    bowl = _Bowl(rng, pick(rng, "oval", "oval", "egg"))
    return _with_tank(rng, bowl, pick(rng, "drum", "cone"), pick(rng, *_STATES), "plain toilet")


def one_piece_toilet(rng: np.random.Generator) -> Shape:
    """Bowl and low tank grown together, smooth."""
    bowl = _Bowl(rng, pick(rng, "egg", "dee", "oval"))
    body, base_words = _body(rng, bowl, pick(rng, "skirt", "skirt", "pedestal"))
    wide, deep, tall = bowl.width * rng.uniform(0.85, 1.25), rng.uniform(0.14, 0.24), rng.uniform(0.12, 0.36)
    z0, z1, top = -deep, bowl.depth * 0.1, bowl.top
    lean = rng.uniform(0.3, 1.0)
    spread = bowl.width * rng.uniform(0.7, 0.95)
    levels = [("rounded", -spread / 2, spread / 2, z0 + 0.02, z1 + bowl.depth * 0.25, 0.0)]
    levels.append(("rounded", -spread / 2, spread / 2, z0, z1 + bowl.depth * 0.15, top * 0.85))
    levels.append(("rounded", -wide / 2, wide / 2, z0, z1 - 0.02 * lean, top + tall * 0.25))
    levels.append(("rounded", -wide / 2, wide / 2, z0, z1 - 0.06 * lean, top + tall * 0.93))
    levels.append(("rounded", -wide / 2 * 0.95, wide / 2 * 0.95, z0 + 0.01, z1 - 0.07 * lean, top + tall))
    state = pick(rng, "closed", "closed", "lid up", "seat only")
    lid, lid_words = _lid(rng, bowl, state)
    parts = [body, _skin(levels, bowl.colour), *move_all(lid, (0, 0, bowl.depth * 0.1))]
    details = ["one smooth body", "a low tank" if tall < 0.25 else "a tall tank", lid_words, base_words]
    return _varied(rng, Shape(parts, "one-piece toilet", details), 0.14)


def wall_hung_toilet(rng: np.random.Generator) -> Shape:
    """Bowl without a foot, alone, or on a wall panel with a flush plate."""
    bowl = _Bowl(rng, pick(rng, "egg", "dee", "dee", "rounded", "rectangle"))
    body, words = _body(rng, bowl, "hung")
    lid, lid_words = _lid(rng, bowl, pick(rng, "closed", "closed", "lid up", "seat only", "none"))
    parts, details = [body, *lid], [words, "no tank", lid_words, bowl.words]
    block = bowl.top * rng.uniform(0.4, 0.75)
    parts.append(
        box((bowl.width * rng.uniform(0.8, 1.0), block, 0.12), (0, bowl.top - block / 2 - 0.002, 0.0), bowl.colour)
    )
    if chance(rng, 0.4):
        wide, tall, thick = bowl.width * rng.uniform(1.2, 2.4), rng.uniform(0.8, 1.2), rng.uniform(0.03, 0.2)
        parts.append(box((wide, tall, thick), (0, tall / 2, -0.06 - thick / 2), palette(rng, "any")))
        parts.append(box((0.22, 0.15, 0.02), (0, tall * 0.85, -0.055), palette(rng, "metal")))
        details += ["a wall panel", "a flush plate"]
    return _varied(rng, Shape(parts, "wall-hung toilet", details), 0.14)


def high_tank_toilet(rng: np.random.Generator) -> Shape:
    """Tank high up on a pipe."""
    bowl = _Bowl(rng)
    body, base_words = _body(rng, bowl, pick(rng, "pedestal", "drum", "cone"))
    lid, lid_words = _lid(rng, bowl, pick(rng, *_STATES))
    high = rng.uniform(0.75, 1.7)
    gap = rng.uniform(0.0, 0.06)
    tank, _, deep = _tank(rng, bowl, high, -gap, rng.uniform(0.18, 0.34))
    radius, metal = rng.uniform(0.015, 0.035), palette(rng, pick(rng, "metal", "ceramic"))
    back = -gap - deep * 0.5
    path = rounded_path(
        [(0, high + 0.02, back), (0, bowl.top * 0.85, back), (0, bowl.top * 0.85, bowl.depth * 0.1)], 0.06
    )
    parts = [body, *lid, *tank, tube(path, radius, metal, 10)]
    details = ["a high tank", "a long flush pipe", lid_words, base_words]
    if chance(rng, 0.5):
        x = 0.16 * pick(rng, -1, 1)
        parts.append(rod((x, high + 0.1, back), (x, high - rng.uniform(0.2, 0.5), back), 0.006, metal, 6))
        details.append("a pull chain")
    return _varied(rng, Shape(parts, "high-tank toilet", details), 0.12)


def back_to_wall_toilet(rng: np.random.Generator) -> Shape:
    """Skirted bowl straight to a wall or a boxed-in tank."""
    bowl = _Bowl(rng, pick(rng, "dee", "egg", "rounded"))
    body, base_words = _body(rng, bowl, "skirt")
    lid, lid_words = _lid(rng, bowl, pick(rng, "closed", "closed", "lid up", "both up", "seat only"))
    wide, deep = bowl.width * rng.uniform(1.0, 1.9), rng.uniform(0.15, 0.3)
    tall = rng.uniform(0.7, 1.1)
    case = palette(rng, pick(rng, "wood", "ceramic", "any"))
    parts = [body, *lid, box((wide, tall, deep), (0, tall / 2, -deep / 2 + 0.01), case)]
    if chance(rng, 0.6):
        parts.append(box((wide * 1.04, 0.03, deep * 1.06), (0, tall + 0.013, -deep / 2 + 0.01), palette(rng, "any")))
    parts.append(cylinder(0.035, 0.03, (0, tall * 0.85, 0.015), palette(rng, "metal"), "z", 12))
    return _varied(
        rng, Shape(parts, "back-to-wall toilet", ["a boxed-in tank", lid_words, base_words, bowl.words]), 0.12
    )


def tankless_toilet(rng: np.random.Generator) -> Shape:
    """Bowl on the floor without a tank, with a plain seat, a washing seat or as a bidet."""
    bowl = _Bowl(rng)
    body, base_words = _body(rng, bowl, pick(rng, "pedestal", "skirt", "cone", "drum"))
    kind = pick(rng, "seat", "wash", "bidet")
    parts, details = [body, *_back_deck(rng, bowl, rng.uniform(0.05, 0.16))], ["no tank", bowl.words, base_words]
    if kind == "bidet":
        tap, phrase = _faucet(rng, (0, bowl.top - 0.01, bowl.depth * 0.03), -90, 0.7)
        parts += tap
        details.append(phrase)
        return _varied(rng, Shape(parts, "bidet toilet", details), 0.14)
    lid, lid_words = _lid(rng, bowl, pick(rng, *_STATES[:7]))
    parts += lid
    details.append(lid_words)
    if kind == "wash":
        tall = rng.uniform(0.06, 0.14)
        parts.append(rounded_box((bowl.width, tall, 0.16), (0, bowl.top + tall / 2 - 0.01, -0.04), 0.03, bowl.colour))
        details.append("a washing unit behind the seat")
    return _varied(rng, Shape(parts, "tankless toilet", details), 0.14)


def flush_valve_toilet(rng: np.random.Generator) -> Shape:
    """Public toilet: open seat and a valve pipe instead of a tank."""
    bowl = _Bowl(rng, pick(rng, "egg", "oval"))
    body, base_words = _body(rng, bowl, pick(rng, "pedestal", "pedestal", "hung", "cone"))
    lid, lid_words = _lid(rng, bowl, pick(rng, "seat only", "seat only", "none", "both up"))
    metal, tall, z = palette(rng, "metal"), bowl.top + rng.uniform(0.18, 0.45), -rng.uniform(0.03, 0.1)
    radius = rng.uniform(0.014, 0.028)
    path = rounded_path([(0, bowl.top - 0.02, bowl.depth * 0.06), (0, bowl.top + 0.05, z), (0, tall, z)], 0.04)
    parts = [body, *lid, *_back_deck(rng, bowl, rng.uniform(0.05, 0.14)), tube(path, radius, metal)]
    parts.append(cylinder(radius * 2.2, 0.09, (0, tall - 0.03, z), metal, sections=12))
    parts.append(rod((0, tall - 0.06, z), (0, tall - 0.07, z + 0.13), radius * 0.6, metal))
    parts.append(rod((0, tall - 0.02, z), (-rng.uniform(0.08, 0.2), tall - 0.02, z), radius, metal))
    return _varied(rng, Shape(parts, "public toilet", ["a flush valve", lid_words, base_words, bowl.words]), 0.12)


def low_pipe_toilet(rng: np.random.Generator) -> Shape:
    """Separate low tank behind the bowl, joined by a short bent pipe."""
    bowl = _Bowl(rng)
    body, base_words = _body(rng, bowl, pick(rng, "pedestal", "drum", "cone"))
    lid, lid_words = _lid(rng, bowl, pick(rng, *_STATES))
    low, gap = bowl.top + rng.uniform(0.12, 0.4), rng.uniform(0.03, 0.12)
    tank, tank_words, deep = _tank(rng, bowl, low, -gap)
    back = -gap - deep / 2
    path = rounded_path([(0, low + 0.02, back), (0, bowl.top * 0.8, back), (0, bowl.top * 0.8, bowl.depth * 0.1)], 0.08)
    parts = [body, *lid, *tank, tube(path, rng.uniform(0.02, 0.04), palette(rng, "ceramic"), 10)]
    return _varied(
        rng, Shape(parts, "low-level toilet", [tank_words, "a short flush pipe", lid_words, base_words]), 0.12
    )


def railed_toilet(rng: np.random.Generator) -> Shape:
    """Toilet between two grab rails."""
    bowl = _Bowl(rng)
    shape = _with_tank(
        rng, bowl, pick(rng, "pedestal", "skirt"), pick(rng, "closed", "lid up", "seat only"), "toilet with grab rails"
    )
    metal, x, tall = (
        palette(rng, pick(rng, "metal", "plastic")),
        bowl.width / 2 * 1.2 + rng.uniform(0.06, 0.14),
        bowl.top * 1.15 + rng.uniform(0.14, 0.3),
    )
    back, front = -rng.uniform(0.1, 0.2), bowl.depth * rng.uniform(0.75, 1.05)
    grounded = chance(rng, 0.5)
    for s in (-1, 1):
        low = 0.0 if grounded else tall - 0.15
        path = rounded_path([(s * x, low, back), (s * x, tall, back), (s * x, tall, front), (s * x, low, front)], 0.06)
        shape.parts.append(tube(path, 0.016, metal))
        if not grounded:
            shape.parts.append(rod((s * x, low, front), (s * x, low, back), 0.014, metal))
    return Shape(shape.parts, shape.family, ["two grab rails", *shape.details])


def throne_toilet(rng: np.random.Generator) -> Shape:
    """Bench or box with a hole and a lid, as in a cabin, or a stone seat."""
    wide, deep, tall = rng.uniform(0.45, 1.0), rng.uniform(0.45, 0.65), rng.uniform(0.36, 0.5)
    colour = palette(rng, pick(rng, "wood", "wood", "metal", "ceramic"))
    bowl = _Bowl(rng, pick(rng, "oval", "egg"))
    bowl.top, bowl.rim = tall, 0.05
    bowl.depth, bowl.width = min(bowl.depth, deep * 0.85), min(bowl.width, wide * 0.8)
    z0 = bowl.depth / 2 - deep / 2
    hole = (-bowl.width * 0.32, bowl.width * 0.32, bowl.depth * 0.18, bowl.depth * 0.85)
    block = ("sharp", -wide / 2, wide / 2, z0, z0 + deep)
    deepest = tall * rng.uniform(0.2, 0.6)
    parts = [
        _skin(
            [(*block, 0.0), (*block, tall), ("oval", *hole, tall), ("oval", *(0.8 * value for value in hole), deepest)],
            colour,
        )
    ]
    lid, lid_words = _lid(rng, bowl, pick(rng, "closed", "lid up", "lid up", "seat only"))
    parts += lid
    details = ["a closed box below the seat", lid_words, "no tank"]
    if chance(rng, 0.45):
        high = tall + rng.uniform(0.25, 0.6)
        thick = rng.uniform(0.03, 0.1)
        parts.append(box((wide, high, thick), (0, high / 2, z0 - thick / 2), colour))
        details.append("a back board")
    return _varied(rng, Shape(parts, "box toilet", details), 0.12)


def train_toilet(rng: np.random.Generator) -> Shape:
    """Plain steel or travelling kind: a revolved body with a ring seat, with or without a column tank."""
    colour, radius, tall = (
        palette(rng, pick(rng, "metal", "plastic", "ceramic")),
        rng.uniform(0.17, 0.23),
        rng.uniform(0.36, 0.48),
    )
    foot, waist = radius * rng.uniform(0.6, 1.05), radius * rng.uniform(0.45, 0.9)
    hole = radius * rng.uniform(0.6, 0.8)
    profile = [
        (foot, 0),
        (waist, tall * rng.uniform(0.2, 0.4)),
        (radius * 0.95, tall * rng.uniform(0.65, 0.85)),
        (radius, tall),
    ]
    profile += [(hole, tall), (hole * 0.85, tall * 0.75), (hole * 0.3, tall * 0.45)]
    parts, details = [revolve(profile, (0, 0, 0), colour, 24)], ["a round body"]
    wide, deep, high = radius * rng.uniform(1.5, 2.6), rng.uniform(0.12, 0.22), tall + rng.uniform(0.2, 0.5)
    z = -radius * 0.75 - deep / 2
    parts.append(box((wide, high, deep), (0, high / 2, z), colour))
    details.append("a tank that stands on the floor")
    disc, thick = palette(rng, "any"), rng.uniform(0.012, 0.03)
    outer, inner = radius * 1.06, hole * 0.95
    rim = [("oval", -outer, outer, -outer, outer, tall), ("oval", -outer, outer, -outer, outer, tall + thick)]
    rim += [("oval", -inner, inner, -inner, inner, tall + thick), ("oval", -inner, inner, -inner, inner, tall)]
    parts.append(_skin(rim, disc, closed=True))
    if chance(rng, 0.5):
        lid = cylinder(outer, thick, (0, tall + thick * 1.5, 0), disc, sections=24)
        up = chance(rng, 0.5)
        parts.append(lid.rotated("x", -rng.uniform(80, 90), (0, tall + thick, -radius * 0.72)) if up else lid)
        details.append("a raised lid" if up else "a closed lid")
    return _varied(rng, Shape(parts, "round toilet", details), 0.14)


TOILET: dict[str, Callable[[np.random.Generator], Shape]] = {
    "close-coupled toilet": close_coupled_toilet,
    "open toilet": raised_lid_toilet,
    "one-piece toilet": one_piece_toilet,
    "square toilet": square_toilet,
    "plain toilet": drum_toilet,
    "wall-hung toilet": wall_hung_toilet,
    "high-tank toilet": high_tank_toilet,
    "low-level toilet": low_pipe_toilet,
    "back-to-wall toilet": back_to_wall_toilet,
    "tankless toilet": tankless_toilet,
    "public toilet": flush_valve_toilet,
    "toilet with grab rails": railed_toilet,
    "box toilet": throne_toilet,
    "round toilet": train_toilet,
}
