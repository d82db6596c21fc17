"""Boards, panels, storage blocks and odds and ends that the desks are put together from. The user sits at +z."""

from __future__ import annotations

import numpy as np

from .casework import drawer_block
from .parts import (
    Colour,
    Part,
    box,
    chance,
    cylinder,
    move_all,
    palette,
    pick,
    rod,
)
from .supports import four_legs
from .tops import table_top


def desk_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of the wood and of the metal parts."""
    return palette(rng, pick(rng, "wood", "wood", "wood", "plastic", "metal")), palette(rng, "metal")


def desk_size(rng: np.random.Generator) -> tuple[float, float, float]:
    """Width, depth and height of an ordinary desk."""
    return rng.uniform(1.0, 2.0), rng.uniform(0.5, 0.9), rng.uniform(0.68, 0.8)


def desk_board(
    rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour
) -> tuple[list[Part], float]:
    """Work surface with its upper side at `height`, now and then with rounded or bowed outline."""
    kind = pick(rng, "rectangle", "rectangle", "rectangle", "rectangle", "soft", "bow")
    parts, thick, _ = table_top(rng, kind, width, depth, height, colour, rng.uniform(0.018, 0.06))
    return parts, thick


def modesty_panel(rng: np.random.Generator, width: float, depth: float, tall: float, colour: Colour) -> list[Part]:
    """Panel below the top at the far side; it ends anywhere between a third and the floor."""
    drop = tall * (1.0 if chance(rng, 0.35) else rng.uniform(0.3, 0.85))
    back = rng.uniform(0.01, 0.25) * depth
    return [box((width, drop, 0.02), (0, tall - drop / 2, back - depth / 2), colour)]


def storage_block(
    rng: np.random.Generator, x: float, width: float, depth: float, tall: float, colour: Colour, metal: Colour
) -> tuple[list[Part], str]:
    """Storage block around `x` from the floor (or on feet or casters, or hanging) up to `tall`."""
    foot = pick(rng, 0.0, 0.0, rng.uniform(0.02, 0.08), rng.uniform(0.1, 0.25))
    parts, phrase = drawer_block(rng, (width, tall - foot, depth), (x, (tall + foot) / 2, 0), colour, metal)
    if foot > 0:
        parts += move_all(
            four_legs(width * 0.96, depth * 0.94, foot, metal, pick(rng, "square", "round"), 0.03)[0], (x, 0, 0)
        )
    return parts, phrase


def desk_clutter(rng: np.random.Generator, width: float, depth: float, height: float) -> list[Part]:
    """Seldom something that stands on the desk: a screen, a lamp or a row of books."""
    if not chance(rng, 0.08):
        return []
    x = rng.uniform(-0.3, 0.3) * width
    kind = pick(rng, "screen", "lamp", "books")
    if kind == "screen":
        pane = box((0.5, 0.32, 0.03), (x, height + 0.28, -depth * 0.2), (0.05, 0.05, 0.06))
        foot = box((0.2, 0.02, 0.16), (x, height + 0.01, -depth * 0.2), (0.1, 0.1, 0.1))
        return [pane, foot, box((0.04, 0.2, 0.03), (x, height + 0.1, -depth * 0.23), (0.1, 0.1, 0.1))]
    if kind == "lamp":
        base = np.array([x, height, -depth * 0.3])
        joint, tip = base + (0.08, 0.3, 0), base + (-0.1, 0.48, 0.05)
        parts = [cylinder(0.07, 0.02, base + (0, 0.01, 0), (0.2, 0.2, 0.2)), rod(base, joint, 0.01, (0.2, 0.2, 0.2))]
        return [
            *parts,
            rod(joint, tip, 0.01, (0.2, 0.2, 0.2)),
            rod(tip, tip + (-0.06, -0.08, 0.02), 0.06, (0.5, 0.2, 0.1)),
        ]
    tall = rng.uniform(0.18, 0.3, size=6)
    spots = x + 0.035 * np.arange(6)
    return [
        box((0.03, h, 0.2), (s, height + h / 2, -depth * 0.3), palette(rng, "fabric"))
        for s, h in zip(spots, tall, strict=True)
    ]


def wing_supports(
    rng: np.random.Generator, width: float, depth: float, tall: float, wood: Colour, metal: Colour, end: str
) -> list[Part]:
    """Supports of one run (its far end at +x) below the top: "panel", "block" or "legs" at that end."""
    if end == "block":
        wide = min(rng.uniform(0.3, 0.45), 0.6 * width)
        return drawer_block(rng, (wide, tall, depth * 0.95), (width / 2 - wide / 2 - 0.01, tall / 2, 0), wood, metal)[0]
    if end == "panel":
        return [box((0.03, tall, depth * 0.95), (width / 2 - 0.03, tall / 2, 0), wood)]
    return [
        rod((width / 2 - 0.05, 0, z), (width / 2 - 0.05, tall, z), 0.025, metal) for z in (-depth * 0.42, depth * 0.42)
    ]
