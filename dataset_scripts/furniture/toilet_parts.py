"""Bowls, seats, lids and tanks that the toilets are put together from. The bowl faces +z, its back is at z = 0."""

from __future__ import annotations

import numpy as np

from .parts import Part, beam, box, chance, cylinder, palette, pick, rod, rounded_box, rounded_path, tube
from .vessels import Level, sanitary_colour, skin


class Bowl:
    """Measures of a toilet bowl: its rim spans z from 0 (back) to `depth` (front), x over `width`, at height `top`.

    Args:
        rng: Source of the measures.
        outline: Name of its outline, see `vessels.vessel_outline`; drawn if None.
    """

    def __init__(self, rng: np.random.Generator, outline: str | None = None):
        self.outline = outline or pick(rng, "egg", "egg", "oval", "dee", "rounded")
        self.width = rng.uniform(0.32, 0.44)
        self.depth = self.width * rng.uniform(1.0, 1.55)
        self.top = rng.uniform(0.34, 0.48)
        self.rim = rng.uniform(0.03, 0.065)
        self.colour = sanitary_colour(rng)

    @property
    def words(self) -> str:
        """Phrase for its outline."""
        if self.outline in ("sharp", "rectangle", "rounded"):
            return "a bowl with round corners" if self.outline == "rounded" else "a square bowl"
        return "an elongated bowl" if self.depth > 1.3 * self.width else "a round bowl"


def bowl_ring(bowl: Bowl, scale: float, back: float, front: float, y: float, outline: str | None = None) -> Level:
    """Level of a bowl: width relative to its own, z from and to in units of its depth, height in units of its top."""
    half = bowl.width / 2 * scale
    return (outline or bowl.outline, -half, half, back * bowl.depth, front * bowl.depth, y * bowl.top)


def toilet_body(rng: np.random.Generator, bowl: Bowl, kind: str) -> tuple[Part, str]:
    """Bowl with its cavity on its pedestal; `kind` is "pedestal", "cone", "skirt", "hung", "drum" or "box"."""
    levels, words = _outside(rng, bowl, kind)
    lip = bowl.rim * rng.uniform(0.9, 1.2)
    floor, hole = rng.uniform(0.35, 0.72), rng.uniform(0.25, 0.5)
    near, far = lip / bowl.depth, 1 - lip / bowl.depth
    inside = 1 - 2 * lip / bowl.width
    levels += [bowl_ring(bowl, 1, 0, 1, 0.93), bowl_ring(bowl, 1, 0, 1, 1.0), bowl_ring(bowl, inside, near, far, 1.0)]
    levels += [
        bowl_ring(bowl, inside * 0.95, near, far * 0.97, 0.88),
        bowl_ring(bowl, inside * (hole + 0.3), near, far - 0.22, (1 + floor) / 2),
    ]
    levels.append(bowl_ring(bowl, inside * hole, near + 0.05, near + 0.05 + hole, floor))
    return skin(levels, bowl.colour), words


def _outside(rng: np.random.Generator, bowl: Bowl, kind: str) -> tuple[list[Level], str]:
    """Levels from the foot up to just below the rim, and a phrase for what the bowl stands on."""
    uniform = rng.uniform
    if kind == "pedestal":
        wide, waist, reach = uniform(0.55, 0.85), uniform(0.4, 0.6), uniform(0.55, 0.85)
        foot = pick(rng, bowl.outline, "rounded", "rectangle")
        start, high = uniform(-0.25, 0.1), uniform(0.3, 0.5)
        levels = [bowl_ring(bowl, wide, start, reach, 0, foot), bowl_ring(bowl, wide, start, reach, 0.06, foot)]
        levels += [
            bowl_ring(bowl, waist, start + 0.05, reach - 0.1, 0.2),
            bowl_ring(bowl, waist, start + 0.08, reach - 0.1, high),
        ]
        levels += [bowl_ring(bowl, 0.78, 0.02, 0.82, (high + 0.75) / 2 + 0.02), bowl_ring(bowl, 0.95, 0.0, 0.96, 0.84)]
        words = "a narrow pedestal" if wide < 0.68 else "a wide pedestal"
    elif kind == "cone":
        wide, reach = uniform(0.4, 0.75), uniform(0.55, 0.85)
        levels = [
            bowl_ring(bowl, wide, 0.05, reach, 0),
            bowl_ring(bowl, uniform(0.75, 0.95), 0, (reach + 1) / 2, uniform(0.45, 0.7)),
        ]
        words = "a tapered pedestal"
    elif kind == "skirt":
        wide, reach = uniform(0.7, 0.98), uniform(0.7, 0.97)
        levels = [
            bowl_ring(bowl, wide, -0.05, reach, 0),
            bowl_ring(bowl, (wide + 1) / 2, -0.05, (reach + 1) / 2, uniform(0.3, 0.6)),
        ]
        levels.append(bowl_ring(bowl, 1.0, -0.02, 0.99, 0.85))
        words = "smooth sides down to the floor"
    elif kind == "hung":
        low = uniform(0.1, 0.5)
        levels = [
            bowl_ring(bowl, 0.45, 0.0, uniform(0.3, 0.55), low),
            bowl_ring(bowl, uniform(0.6, 0.85), 0.0, uniform(0.7, 0.85), low + 0.3 * (1 - low)),
        ]
        levels.append(bowl_ring(bowl, 0.96, 0.0, 0.97, low + 0.72 * (1 - low)))
        words = "a bowl that does not touch the floor"
    elif kind == "drum":
        waist = uniform(0.35, 0.6)
        levels = [
            bowl_ring(bowl, uniform(0.6, 0.9), 0.1, 0.9, 0, "oval"),
            bowl_ring(bowl, waist, 0.25, 0.75, 0.12, "oval"),
            bowl_ring(bowl, waist, 0.25, 0.75, uniform(0.35, 0.5), "oval"),
            bowl_ring(bowl, 0.95, 0.02, 0.98, uniform(0.65, 0.9)),
        ]
        words = "a round foot"
    else:
        levels = [
            bowl_ring(bowl, uniform(0.75, 1.0), 0, uniform(0.8, 1.0), 0, "sharp"),
            bowl_ring(bowl, 1, 0, 1, 0.5, "sharp"),
        ]
        words = "a square base"
    return levels, words


def back_deck(rng: np.random.Generator, bowl: Bowl, reach: float) -> list[Part]:
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


def seat_and_lid(rng: np.random.Generator, bowl: Bowl, state: str) -> tuple[list[Part], str]:
    """Seat and lid; `state` is "closed", "lid up", "both up", "seat only" or "none"."""
    thick, over = rng.uniform(0.012, 0.03), rng.uniform(0.0, 0.015)
    colour = bowl.colour if chance(rng, 0.55) else palette(rng, pick(rng, "wood", "plastic", "ceramic"))
    half, back, front = bowl.width / 2 + over, bowl.depth * rng.uniform(0.05, 0.14), bowl.depth + over
    width = bowl.rim * rng.uniform(1.1, 1.7)
    outline = bowl.outline

    def ring(low: float, high: float) -> Part:
        outer, hole = (-half, half, back, front), (-half + width, half - width, back + width * 1.2, front - width)
        return skin(
            [(outline, *outer, low), (outline, *outer, high), (outline, *hole, high), (outline, *hole, low)],
            colour,
            closed=True,
        )

    def cover(low: float, high: float) -> Part:
        rounding = min(0.4 * (high - low), 0.008)
        small = (-half + rounding, half - rounding, back + rounding, front - rounding)
        return skin(
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


LID_STATES = ("closed", "closed", "closed", "lid up", "lid up", "both up", "seat only", "none")


def toilet_tank(
    rng: np.random.Generator, bowl: Bowl, bottom: float, back: float, tall: float | None = None
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
        parts = [skin([(outline, *small, bottom), (outline, *spans, bottom + tall)], colour)]
    top = bottom + tall
    if kind != "soft" or chance(rng, 0.4):
        thick, over = rng.uniform(0.015, 0.045), rng.uniform(0.0, 0.03)
        cap = "dee" if kind == "bow" else "rectangle"
        spans = (-wide / 2 - over, wide / 2 + over, back - deep - over * 0.3, back + over)
        parts.append(skin([(cap, *spans, top - 0.002), (cap, *spans, top + thick)], colour))
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
