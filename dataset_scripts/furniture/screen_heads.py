"""Heads of monitors: the screen with its case, flat or with a tube.

A head is built with the middle of its front at the origin, facing +z, and then tilted, lifted and joined to what
carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import trimesh

from .parts import (
    Colour,
    Part,
    box,
    chance,
    cylinder,
    move_all,
    palette,
    pick,
    rotate_all,
    rounded_box,
    rounded_rectangle,
)


@dataclass
class Head:
    """A screen in its case, the middle of the front at the origin, facing +z.

    Args:
        parts: Its solids.
        size: Width, height and full depth (behind the front).
        details: True noun phrases.
        panel: Depth of the flat part, without what bulges behind it; 0 where the head is all one depth.
    """

    parts: list[Part]
    size: tuple[float, float, float]
    details: list[str] = field(default_factory=list)
    panel: float = 0.0


def screen_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of the case and of the glass."""
    case = palette(rng, pick(rng, "plastic", "plastic", "metal", "any"))
    if chance(rng, 0.25):
        case = (value := rng.uniform(0.0, 0.15), value, value)
    # Pure black would hide every edge from a shaded view.
    red, green, blue = (0.1 + 0.9 * channel for channel in case)
    case = (red, green, blue)
    if chance(rng, 0.7):
        value = rng.uniform(0.03, 0.3)
        return case, (value, value, value * rng.uniform(1.0, 1.4))
    return case, pick(rng, palette(rng, "plastic"), (0.2, 0.45, 0.8), (0.75, 0.8, 0.85))


def hull(sections: Sequence[Sequence[float]], roundness: float, colour: Colour) -> Part:
    """Closed solid through rounded rectangles, one row (z, width, height, middle y) each, given from front to back."""
    rings = []
    for z, width, height, middle in sections:
        outline = rounded_rectangle(width, height, roundness * min(width, height), 3)
        rings.append(np.column_stack([outline + (0, middle), np.full(len(outline), z)]))
    count, around = len(rings), len(rings[0])
    ring = np.arange(around)
    following = np.roll(ring, -1)
    faces = []
    for low in np.arange(count - 1) * around:
        faces.append(np.stack([ring + low, ring + low + around, following + low + around], axis=1))
        faces.append(np.stack([ring + low, following + low + around, following + low], axis=1))
    tip, last = count * around, (count - 1) * around
    faces.append(np.stack([np.full(around, tip), ring, following], axis=1))
    faces.append(np.stack([np.full(around, tip + 1), following + last, ring + last], axis=1))
    vertices = np.concatenate([*rings, [rings[0].mean(axis=0), rings[-1].mean(axis=0)]])
    return Part(trimesh.Trimesh(vertices, np.concatenate(faces), process=False, validate=False), colour)


def flat_front(
    rng: np.random.Generator, width: float, height: float, depth: float, colours: tuple[Colour, Colour]
) -> Head:
    """Block of `depth` whose front carries the glass: sunk behind a frame, flush, raised, or with a broad chin."""
    case, glass = colours
    side = min(width, height) * rng.uniform(0.012, 0.11)
    top, bottom = side * rng.uniform(0.7, 1.3), side * pick(rng, 1.0, 1.0, rng.uniform(1.2, 3.0))
    side *= pick(rng, 1.0, 1.0, rng.uniform(0.6, 1.8))
    kind = pick(rng, "sunk", "sunk", "sunk", "flush", "raised")
    inner, middle = (width - 2 * side, height - top - bottom), (bottom - top) / 2
    if kind != "sunk":
        thick = 0.004 if kind == "flush" else rng.uniform(0.006, 0.02)
        solid = rounded_box if chance(rng, 0.3) else None
        extents, centre = (width, height, depth), (0, 0, -depth / 2)
        body = solid(extents, centre, min(depth * 0.3, side, top), case) if solid else box(extents, centre, case)
        return Head([body, box((*inner, thick), (0, middle, 0), glass)], (width, height, depth), ["a flat glass front"])
    lip = min(depth * rng.uniform(0.15, 0.6), rng.uniform(0.006, 0.04))
    parts = [
        box((width, height, depth - lip), (0, 0, -(depth + lip) / 2), case),
        box((*inner, 0.002), (0, middle, -lip), glass),
        box((width, top, lip), (0, (height - top) / 2, -lip / 2), case),
        box((width, bottom, lip), (0, (bottom - height) / 2, -lip / 2), case),
    ]
    parts += [box((side, inner[1], lip), (s * (width - side) / 2, middle, -lip / 2), case) for s in (-1, 1)]
    details = ["a broad frame around the glass" if side > 0.06 * min(width, height) else "a narrow frame"]
    if bottom > 2 * top:
        details.append("a broad strip below the glass")
    if bottom > 0.02 and chance(rng, 0.5):
        parts += _buttons(rng, width, (bottom - height) / 2, bottom, case)
        details.append("small buttons")
    return Head(parts, (width, height, depth), details)


def _buttons(rng: np.random.Generator, width: float, level: float, room: float, case: Colour) -> list[Part]:
    """Row of small buttons on the strip below the glass."""
    size, count = room * rng.uniform(0.25, 0.5), int(rng.integers(1, 7))
    start = pick(rng, 0.0, 0.32 * width - count * size)
    colour = pick(rng, palette(rng, "metal"), case)
    places = start + (np.arange(count) - (count - 1) / 2) * size * 1.8
    if chance(rng, 0.5):
        return [cylinder(size / 2, 0.012, (x, level, 0), colour, "z", 8) for x in places]
    return [box((size * 1.2, size * 0.7, 0.012), (x, level, 0), colour) for x in places]


def with_back(rng: np.random.Generator, head: Head, case: Colour, kind: str | None = None) -> Head:
    """Adds what sits behind a flat panel: nothing, a bulge, a stepped box, a round cap or ribs."""
    width, height, depth = head.size
    kind = kind or pick(rng, "none", "none", "bulge", "bulge", "step", "cap", "ribs")
    if kind == "none":
        return head
    deep = rng.uniform(0.15, 1.6) * np.clip(depth, 0.03, 0.12 * width)
    wide, high = width * rng.uniform(0.4, 0.98), height * rng.uniform(0.4, 0.98)
    shift = rng.uniform(-1, 1) * (height - high) / 2
    if kind == "bulge":
        small = rng.uniform(0.5, 0.9)
        rows = [(-depth, wide, high, shift), (-depth - deep, wide * small, high * small, shift)]
        if chance(rng, 0.5):
            rows.insert(1, (-depth - 0.6 * deep, wide * (0.6 + 0.4 * small), high * (0.6 + 0.4 * small), shift))
        parts, phrase = [hull(rows, rng.uniform(0.01, 0.3), case)], "a back that bulges"
    elif kind == "step":
        parts, phrase = [box((wide, high, deep), (0, shift, -depth - deep / 2), case)], "a stepped back"
    elif kind == "cap":
        deep = min(deep, 0.05)
        radius = 0.45 * min(wide, high)
        parts, phrase = [cylinder(radius, deep, (0, 0, -depth - deep / 2), case, "z", 20)], "a round cap at the back"
    else:
        deep = min(deep, 0.02)
        count = int(rng.integers(4, 10))
        levels = np.linspace(-0.4, 0.4, count) * high
        parts = [box((wide, 0.3 * high / count, deep), (0, y, -depth - deep / 2), case) for y in levels]
        phrase = "ribs at the back"
    return Head(head.parts + parts, (width, height, depth + deep), [*head.details, phrase], depth)


def flat_head(
    rng: np.random.Generator,
    width: float,
    height: float,
    colours: tuple[Colour, Colour],
    thickness: tuple[float, float] = (0.012, 0.07),
) -> Head:
    """Thin panel with a random front and back; thickness is relative to the larger side."""
    depth = max(width, height) * rng.uniform(*thickness)
    head = with_back(rng, flat_front(rng, width, height, depth, colours), colours[0])
    head.details.insert(0, "a thin screen" if head.size[2] < 0.09 * width else "a flat screen")
    return head


def tube_head(
    rng: np.random.Generator, width: float, height: float, depth: float, colours: tuple[Colour, Colour], boxed: bool
) -> Head:
    """Case of a picture tube: a straight front part and a rear part that narrows in one or two steps."""
    case, glass = colours
    straight = depth * (rng.uniform(0.6, 1.0) if boxed else rng.uniform(0.08, 0.45))
    front = flat_front(rng, width, height, straight, colours)
    wide, high = (rng.uniform(0.75, 0.98), rng.uniform(0.7, 0.98)) if boxed else rng.uniform(0.35, 0.8, 2)
    drop = rng.uniform(-1.0, 0.4) * (1 - high) * height / 2
    rows = [(-straight * 0.98, width * 0.985, height * 0.985, 0.0)]
    if chance(rng, 0.6):
        blend, part = rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.7)
        rows.append(
            (
                -straight - part * (depth - straight),
                width * (1 - blend * (1 - wide)),
                height * (1 - blend * (1 - high)),
                blend * drop,
            )
        )
    rows.append((-depth - 0.002, width * wide, height * high, drop))
    parts = [*front.parts, hull(rows, rng.uniform(0.01, 0.2), case)]
    if chance(rng, 0.4):
        neck = rng.uniform(0.03, 0.1)
        end = (-depth - neck * 1.0, width * wide * 0.5, height * high * 0.5, drop)
        parts.append(hull([(-depth, width * wide * 0.75, height * high * 0.75, drop), end], 0.1, case))
        depth += neck
    if chance(rng, 0.35):
        # The glass of a tube is a shallow dome.
        bulge = rng.uniform(0.01, 0.03)
        scales = [(bulge, 0.5), (0.7 * bulge, 0.68), (0.0, 0.78), (-0.01, 0.8)]
        parts.append(hull([(z, width * scale, height * scale, 0.0) for z, scale in scales], 0.15, glass))
    details = [*front.details, "a deep case", "a back that narrows" if not boxed else "a case like a box"]
    return Head(parts, (width, height, depth), details)


def mount_block(head: Head, level: float, reach: float, colour: Colour) -> Part:
    """Block behind the panel at height `level` above the head's middle that sticks out `reach` behind everything."""
    width, height, depth = head.size
    start, end = 0.7 * (head.panel or depth), depth + reach
    side = min(0.11, 0.25 * height, 0.25 * width)
    return box((side, side, end - start), (0, level, -(start + end) / 2), colour)


def placed(head: Head, gap: float, tilt: float) -> list[Part]:
    """Head tilted back by `tilt` degrees with its lower edge at height `gap`."""
    return move_all(rotate_all(head.parts, "x", -tilt), (0, gap + head.size[1] / 2, 0))
