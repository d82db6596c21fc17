"""Vessels lofted from outlines that change with the height, their colours and taps: shared by bathtubs and toilets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .parts import (
    Colour,
    Part,
    Shape,
    box,
    chance,
    frustum,
    loft,
    move_all,
    outline_points,
    palette,
    pick,
    rod,
    rotate_all,
    rounded_path,
    tube,
)


# x from, x to, z from, z to
Spans = tuple[float, float, float, float]
# outline name, spans, y
Level = tuple[str, float, float, float, float, float]

_SECTIONS = 40  # Steps of nine degrees: the diagonals, where rectangles have their corners, are among them.


@lru_cache(maxsize=32)
def vessel_outline(name: str) -> np.ndarray:
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


def skin(levels: Sequence[Level], colour: Colour, closed: bool = False) -> Part:
    """Solid through `levels` in the order bottom, outside, rim, inside, cavity's floor; `closed` makes a ring of it."""
    rings = np.empty((len(levels), _SECTIONS, 3))
    for ring, (name, x0, x1, z0, z1, y) in zip(rings, levels, strict=True):
        outline = vessel_outline(name)
        ring[:, 0] = (x0 + x1) / 2 + (x1 - x0) / 2 * outline[:, 0]
        ring[:, 1] = y
        ring[:, 2] = (z0 + z1) / 2 + (z1 - z0) / 2 * outline[:, 1]
    return loft(rings, colour, closed=closed)


def scaled_spans(spans: Spans, factor: float) -> Spans:
    """The spans scaled about x = z = 0."""
    x0, x1, z0, z1 = spans
    return factor * x0, factor * x1, factor * z0, factor * z1


def sanitary_colour(rng: np.random.Generator) -> Colour:
    """Colour of bathroom fixtures: mostly white ceramic, else plastic or metal."""
    return palette(rng, pick(rng, "ceramic", "ceramic", "ceramic", "plastic", "metal"))


def varied(rng: np.random.Generator, shape: Shape, spread: float) -> Shape:
    """The shape stretched by up to `spread` along every axis, independently."""
    factors = rng.uniform(1 - spread, 1 + spread, 3)
    return Shape([part.scaled(factors) for part in shape.parts], shape.family, shape.details)


def faucet(rng: np.random.Generator, place: Sequence[float], turn: float, size: float = 1.0) -> tuple[list[Part], str]:
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
