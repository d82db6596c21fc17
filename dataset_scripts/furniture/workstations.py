"""Large desks: L and U shapes, counters, cubicles and corner work stations. The user sits at +z."""

from __future__ import annotations

import numpy as np

from .casework import drawer_block, open_case
from .desk_parts import desk_board, desk_colours, storage_block, wing_supports
from .parts import Shape, beam, box, chance, counted, extrude, mirror_all, move_all, palette, pick, rod, rotate_all
from .supports import corner_legs


def corner_desk(rng: np.random.Generator) -> Shape:
    """L shape: a main run and a return at its left end, possibly with a bevelled inner corner and a hutch."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(1.3, 2.3), rng.uniform(0.5, 0.85), rng.uniform(0.7, 0.78)
    reach, wide, thick = rng.uniform(0.5, 1.5), rng.uniform(0.45, 0.75), rng.uniform(0.018, 0.05)
    x, z = width / 2, depth / 2
    bevel = rng.uniform(0.1, 0.35) if chance(rng, 0.5) else 0.001
    inner = [(x, z), (wide - x + bevel, z), (wide - x, z + bevel), (wide - x, z + reach)]
    parts = [extrude([(-x, -z), (x, -z), *inner, (-x, z + reach)], thick, (0, height - thick / 2, 0), wood, "xz")]
    tall = height - thick
    parts += wing_supports(rng, width, depth, tall, wood, metal, pick(rng, "panel", "block", "block", "legs"))
    wing = wing_supports(rng, reach, wide, tall, wood, metal, pick(rng, "panel", "block", "legs"))
    parts += move_all(rotate_all(wing, "y", -90), (wide / 2 - x, 0, z + reach / 2))
    if chance(rng, 0.75):
        drop = tall * rng.uniform(0.4, 1.0)
        parts.append(box((width * 0.97, drop, 0.02), (0, tall - drop / 2, 0.02 - z), wood))
        parts.append(box((0.02, tall, reach + depth * 0.9), (0.02 - x, tall / 2, reach / 2), wood))
    else:
        parts.append(rod((0.05 - x, 0, 0.05 - z), (0.05 - x, tall, 0.05 - z), 0.025, metal))
    details = ["an L shape", "a return at one side"]
    if chance(rng, 0.3):
        rise = rng.uniform(0.3, 0.7)
        shelves, dividers = int(rng.integers(1, 3)), int(rng.integers(1, 4))
        parts += open_case(rng, (width * 0.95, rise, 0.28), (0, height + rise / 2, 0.14 - z), wood, shelves, dividers)
        details.append("shelves above the top")
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(parts, "L shaped desk", details)


def u_desk(rng: np.random.Generator) -> Shape:
    """U shape: a run with wings at both ends."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(1.7, 2.6), rng.uniform(0.5, 0.8), rng.uniform(0.7, 0.78)
    wide, thick = rng.uniform(0.45, 0.65), rng.uniform(0.02, 0.05)
    x, z, tall = width / 2, depth / 2, height - thick
    parts = [box((width, thick, depth), (0, height - thick / 2, 0), wood)]
    for s in (-1, 1):
        reach = rng.uniform(0.5, 1.4)
        parts.append(box((wide, thick, reach), (s * (x - wide / 2), height - thick / 2, z + reach / 2), wood))
        wing = wing_supports(rng, reach, wide, tall, wood, metal, pick(rng, "panel", "block", "block"))
        parts += move_all(rotate_all(wing, "y", -90), (s * (x - wide / 2), 0, z + reach / 2))
        parts.append(box((0.025, tall, reach + depth), (s * (x - 0.02), tall / 2, reach / 2), wood))
    parts.append(box((width, tall * rng.uniform(0.5, 1.0), 0.02), (0, tall * 0.5, 0.02 - z), wood))
    return Shape(parts, "U shaped desk", ["a U shape", "a wing at both ends", "closed sides"])


def reception_desk(rng: np.random.Generator) -> Shape:
    """Counter: a tall closed front with a transaction shelf in front of the work surface; straight or L shaped."""
    if chance(rng, 0.35):
        return _curved_reception(rng)
    wood, metal = desk_colours(rng)
    shade = palette(rng, "any")
    width, depth = rng.uniform(1.5, 2.8), rng.uniform(0.6, 0.9)
    height, front = rng.uniform(0.7, 0.78), rng.uniform(0.95, 1.2)
    z = depth / 2
    parts = [box((width, front, 0.04), (0, front / 2, 0.02 - z), shade)]
    parts.append(box((width * 0.98, 0.03, depth), (0, height, 0), wood))
    side = height if chance(rng, 0.5) else front
    parts += [box((0.04, side, depth), (s * (width / 2 - 0.02), side / 2, 0), shade) for s in (-1, 1)]
    parts.append(box((width * 1.02, 0.03, rng.uniform(0.2, 0.4)), (0, front, 0.08 - z), wood))
    details = ["a high closed front", "a counter above the work surface"]
    if chance(rng, 0.6):
        spot = (pick(rng, -1, 1) * (width / 2 - 0.26), height / 2 - 0.03, 0.02)
        parts += drawer_block(rng, (0.42, height - 0.05, depth * 0.85), spot, wood, metal)[0]
    if chance(rng, 0.45):
        reach, s = rng.uniform(0.5, 1.2), pick(rng, -1, 1)
        parts.append(box((0.04, front, reach), (s * (width / 2 - 0.02), front / 2, z + reach / 2), shade))
        parts.append(box((0.5, 0.03, reach), (s * (width / 2 - 0.25), height, z + reach / 2), wood))
        parts.append(box((0.5, height, 0.03), (s * (width / 2 - 0.25), height / 2, z + reach), shade))
        details.append("an L shape")
    return Shape(parts, "reception desk", details)


def _curved_reception(rng: np.random.Generator) -> Shape:
    """Counter along an arc."""
    wood, shade = palette(rng, "wood"), palette(rng, "any")
    depth, height, front = rng.uniform(0.6, 0.9), rng.uniform(0.7, 0.78), rng.uniform(0.95, 1.2)
    radius, reach = rng.uniform(1.0, 1.8), rng.uniform(0.5, 1.1)
    angle = np.linspace(-reach, reach, 13) - np.pi / 2
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def band(near: float, far: float) -> np.ndarray:
        """(26, 2) outline of the arc between two radii, in (x, z)."""
        return np.concatenate([arc * far, arc[::-1] * near]) + (0, radius)

    parts = [
        extrude(band(radius - 0.04, radius), front, (0, front / 2, 0), shade, "xz"),
        extrude(band(radius - depth, radius - 0.03), 0.03, (0, height, 0), wood, "xz"),
        extrude(band(radius - 0.3, radius + 0.06), 0.03, (0, front, 0), wood, "xz"),
    ]
    for index in (0, -1):
        near, far = arc[index] * (radius - depth) + (0, radius), arc[index] * radius + (0, radius)
        start, end = (near[0], height / 2, near[1]), (far[0], height / 2, far[1])
        parts.append(beam(start, end, (0.03, height), shade))
    return Shape(parts, "curved reception desk", ["a high closed front", "a counter above the work surface"])


def cubicle_desk(rng: np.random.Generator) -> Shape:
    """Work place with privacy screens on one to three sides."""
    wood, metal = desk_colours(rng)
    cloth = palette(rng, "fabric")
    width, depth, height = rng.uniform(1.1, 1.9), rng.uniform(0.6, 0.85), rng.uniform(0.7, 0.76)
    parts, thick = desk_board(rng, width, depth, height, wood)
    full = chance(rng, 0.6)
    total = rng.uniform(1.1, 1.6)
    start = 0.0 if full else height - 0.1
    tall = total - start
    parts.append(box((width + 0.08, tall, 0.04), (0, start + tall / 2, -depth / 2 - 0.02), cloth))
    sides: tuple[int, ...] = pick(rng, (-1, 1), (-1, 1), (1,), ())
    deep = depth * rng.uniform(0.8, 1.6)
    for s in sides:
        parts.append(box((0.04, tall, deep), (s * (width / 2 + 0.02), start + tall / 2, (deep - depth) / 2), cloth))
    if chance(rng, 0.7):
        x = pick(rng, -1, 1) * (width / 2 - 0.24)
        parts += storage_block(rng, x, 0.42, depth * 0.9, height - thick, wood, metal)[0]
    if not full or chance(rng, 0.5):
        parts += corner_legs(rng, width * 0.96, depth * 0.9, height - thick, metal)[0]
    if chance(rng, 0.4):
        spot = (0, total - 0.2, 0.15 - depth / 2)
        parts += open_case(rng, (width * 0.95, 0.35, 0.3), spot, wood, 0, int(rng.integers(0, 3)))
    details = ["privacy screens", counted(len(sides) + 1, "partition"), "a work surface"]
    return Shape(parts, "office work place", details)


def angled_desk(rng: np.random.Generator) -> Shape:
    """Five-sided or curved corner work station between two walls, with panels along the walls."""
    wood, metal = desk_colours(rng)
    side, depth, height = rng.uniform(1.0, 1.5), rng.uniform(0.4, 0.6), rng.uniform(0.7, 0.78)
    thick = rng.uniform(0.02, 0.04)
    bend = rng.uniform(0.0, 0.5)
    share = np.linspace(0, 1, 7)[:, None]
    start, end = np.array([side, depth]), np.array([depth, side])
    corner = np.array([depth, depth]) * bend + (start + end) / 2 * (1 - bend)
    curve = (1 - share) ** 2 * start + 2 * share * (1 - share) * corner + share**2 * end
    outline = np.concatenate([[(0, 0), (side, 0)], curve, [(0, side)]])
    tall = height - thick
    parts = [extrude(outline, thick, (0, height - thick / 2, 0), wood, "xz")]
    parts.append(box((side, tall * 0.6, 0.02), (side / 2, tall * 0.7, 0.02), wood))
    parts.append(box((0.02, tall * 0.6, side), (0.02, tall * 0.7, side / 2), wood))
    parts.append(box((0.025, tall, depth * 0.95), (side - 0.015, tall / 2, depth / 2), wood))
    parts.append(box((depth * 0.95, tall, 0.025), (depth / 2, tall / 2, side - 0.015), wood))
    if chance(rng, 0.5):
        wide = rng.uniform(0.3, 0.42)
        spot = (side - wide / 2 - 0.03, tall / 2, depth * 0.48)
        parts += drawer_block(rng, (wide, tall, depth * 0.9), spot, wood, metal)[0]
    if chance(rng, 0.4):
        rise = rng.uniform(0.3, 0.6)
        spot = (side / 2, height + rise / 2, 0.125)
        parts += open_case(rng, (side, rise, 0.25), spot, wood, int(rng.integers(1, 3)), 1)
    # The inner corner faces the user: turn the walls to the far left and right.
    parts = rotate_all(parts, "y", -45) if chance(rng, 0.6) else parts
    return Shape(parts, "corner desk", ["a corner shape", "panels along two walls"])
