"""Shells, blocks, cavities, feet and fittings that the bathtubs are put together from. The long side is x."""

from __future__ import annotations

import numpy as np

from .parts import Colour, Part, box, chance, cushion, cylinder, frustum, loft, palette, pick, rod, rounded_path, tube
from .vessels import Level, Spans, faucet, scaled_spans, skin


BASIN_WORDS = {
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


def cavity_levels(
    rng: np.random.Generator,
    name: str,
    spans: Spans,
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


def centred(name: str, length: float, width: float, scale_x: float, scale_z: float, y: float) -> Level:
    """Level around x = z = 0: `length` x `width`, times the two scales, at height `y`."""
    return (name, -length / 2 * scale_x, length / 2 * scale_x, -width / 2 * scale_z, width / 2 * scale_z, y)


def lifted(part: Part, height: float, length: float, ends: tuple[float, float], power: float = 2.0) -> Part:
    """Copy whose ends at -x and +x rise by `ends`; the rim most, the floor not at all."""
    points = np.array(part.mesh.vertices)
    place = np.clip(points[:, 0] / (length / 2), -1, 1)
    amount = np.where(place < 0, ends[0], ends[1]) * np.abs(place) ** power
    points[:, 1] += amount * np.clip(points[:, 1] / height, 0, 1) ** 2
    mesh = part.mesh.copy()
    mesh.vertices = points
    return Part(mesh, part.colour)


def tub_extras(
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
            tap, phrase = faucet(rng, (length / 2 - margin / 2, rim - 0.005, 0), 180)
        elif place == "back":
            tap, phrase = faucet(rng, (rng.uniform(-0.2, 0.2) * length, rim - 0.005, -width / 2 + margin / 2), -90)
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


def tub_feet(rng: np.random.Generator, length: float, width: float, tall: float) -> tuple[list[Part], str]:
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


def tub_shell(
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

    levels = [centred(name, length, width, ends * 0.86, sides * 0.82, base)]
    levels += [wall(up, 0.0) for up in (0.06, 0.3, 0.6)]
    if chance(rng, 0.5):
        roll = min(rng.uniform(0.02, 0.06), 0.2 * tall)
        levels += [wall(1 - roll / tall, 0.0), centred(name, length, width, 1, 1, height - roll * 0.7)]
    levels.append(centred(name, length, width, 1, 1, height - 0.008))
    levels.append(centred(name, length - 0.012, width - 0.012, 1, 1, height))
    bottom, bend = max(rng.uniform(0.06, 0.25), 0.035 / tall), pick(rng, 0.8, 0.9, 0.6)
    levels += [wall(1.0, 0.6 * rim), wall(0.95, 0.6 * rim), wall(0.6, 0.6 * rim), wall(bottom + 0.1, 0.65 * rim)]
    last = wall(bottom, 0.7 * rim)
    levels.append((name, *scaled_spans(last[1:5], bend), last[5]))
    return skin(levels, colour), rim, base + tall * bottom, BASIN_WORDS[name]


def tub_block(
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
    levels = [centred(outer, length, width, base_scale, base_scale, 0.0)]
    if chance(rng, 0.3):
        lip, inset = rng.uniform(0.03, 0.07), rng.uniform(0.01, 0.03)
        levels += [
            centred(outer, length - 2 * inset, width - 2 * inset, 1, 1, height - lip),
            centred(outer, length, width, 1, 1, height - lip * 0.98),
        ]
    levels.append(centred(outer, length, width, 1, 1, height))
    floor = max(height - depth, 0.03)
    return skin(levels + cavity_levels(rng, inner, spans, height, floor, slopes, lean), colour), floor


def prism(corners: np.ndarray, bottom: float, top: float, colour: Colour) -> Part:
    """Upright prism over a convex polygon `corners` (K, 2) of (x, z), counter-clockwise, from `bottom` to `top`."""
    ring = np.stack([corners[::-1, 0], np.zeros(len(corners)), corners[::-1, 1]], axis=1)
    return loft(np.stack([ring + (0, bottom, 0), ring + (0, top, 0)]), colour)


def tub_sizes(rng: np.random.Generator) -> tuple[float, float, float]:
    """Length, width and height of a common tub."""
    length = rng.uniform(1.25, 1.95)
    return length, float(np.clip(length * rng.uniform(0.38, 0.6), 0.6, 1.0)), rng.uniform(0.36, 0.66)
