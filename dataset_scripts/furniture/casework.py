"""Drawer blocks, open shelves and other boxes of boards, shared by desks, tables and beds. Fronts face +z."""

from __future__ import annotations

import numpy as np

from .parts import Colour, Part, box, chance, counted, cylinder, pick, rod


def drawer_block(
    rng: np.random.Generator,
    extents: tuple[float, float, float],
    center: tuple[float, float, float],
    colour: Colour,
    metal: Colour,
    drawers: int | None = None,
) -> tuple[list[Part], str]:
    """Case with drawers above each other, or one door, or open shelves; solids and a phrase.

    `extents` (x, y, z) include the fronts. `drawers` fixes their number; by default the content is drawn.
    """
    width, height, depth = extents
    content = "drawers" if drawers else pick(rng, "drawers", "drawers", "drawers", "door", "shelves")
    count = drawers or int(rng.integers(2, 5))
    if height < 0.3:
        count = min(count, 2)
    board = min(rng.uniform(0.012, 0.03), 0.2 * min(width, height))
    x, y, z = center
    if content == "shelves":
        return open_case(rng, extents, center, colour, shelves=max(count - 1, 1)), "open shelves"
    parts = _carcass(rng, (width, height, depth - 0.02), (x, y, z - 0.01), colour, board)
    rows = 1 if content == "door" else count
    heights = np.full(rows, 1.0)
    if rows > 1 and chance(rng, 0.35):
        heights[0] = 0.6
    heights *= height / heights.sum()
    gap = min(rng.uniform(0.004, 0.014), 0.1 * heights.min())
    shade = tuple(np.clip(np.array(colour) * rng.uniform(0.8, 1.15), 0, 1))
    level = y + height / 2
    handle = pick(rng, "knob", "bar", "bar", "cup", "none")
    for tall in heights:
        middle = (x, level - tall / 2, z + depth / 2 - 0.01)
        parts.append(box((width - 2 * gap, tall - gap, 0.02), middle, shade))
        parts += _handle(handle, middle, width, tall, metal, upright=content == "door")
        level -= tall
    return parts, "a cupboard door" if content == "door" else counted(rows, "drawer")


def _carcass(
    rng: np.random.Generator,
    extents: tuple[float, float, float],
    center: tuple[float, float, float],
    colour: Colour,
    board: float,
) -> list[Part]:
    """The case behind the fronts: a plain block, or hollow of boards as many CAD models are."""
    if chance(rng, 0.6):
        return [box(extents, center, colour)]
    width, height, depth = extents
    x, y, z = center
    parts = [box((board, height, depth), (x + s * (width - board) / 2, y, z), colour) for s in (-1, 1)]
    parts += [box((width - 2 * board, board, depth), (x, y + s * (height - board) / 2, z), colour) for s in (-1, 1)]
    return [*parts, box((width - 2 * board, height - 2 * board, board), (x, y, z - (depth - board) / 2), colour)]


def _handle(
    kind: str, middle: tuple[float, float, float], width: float, tall: float, metal: Colour, upright: bool
) -> list[Part]:
    x, y, z = middle[0], middle[1], middle[2] + 0.01
    if kind == "none":
        return []
    if upright:
        return [box((0.012, min(0.14, tall * 0.4), 0.02), (x + width * 0.38, y, z + 0.01), metal)]
    if kind == "knob":
        return [cylinder(min(0.018, tall * 0.2), 0.03, (x, y, z + 0.015), metal, axis="z", sections=8)]
    if kind == "cup":
        return [box((width * 0.22, min(0.03, tall * 0.3), 0.025), (x, y, z + 0.012), metal)]
    half = min(width * 0.3, 0.12)
    return [rod((x - half, y, z + 0.02), (x + half, y, z + 0.02), 0.006, metal, sections=6)]


def open_case(
    rng: np.random.Generator,
    extents: tuple[float, float, float],
    center: tuple[float, float, float],
    colour: Colour,
    shelves: int = 1,
    dividers: int = 0,
    with_back: bool = True,
    with_floor: bool = True,
) -> list[Part]:
    """Bookcase that opens to +z: two sides, a top, `shelves`, upright `dividers`, perhaps a back and a floor."""
    width, height, depth = extents
    x, y, z = center
    board = min(rng.uniform(0.012, 0.03), 0.15 * min(extents))
    inner = width - 2 * board
    parts = [box((board, height, depth), (x + s * (width - board) / 2, y, z), colour) for s in (-1, 1)]
    levels = list(y - height / 2 + height * (np.arange(shelves) + 1) / (shelves + 1)) + [y + (height - board) / 2]
    if with_floor:
        levels.append(y - (height - board) / 2)
    parts += [box((inner, board, depth), (x, level, z), colour) for level in levels]
    for place in (np.arange(dividers) + 1) / (dividers + 1) - 0.5:
        parts.append(box((board, height - board, depth), (x + place * inner, y - board / 2, z), colour))
    if with_back:
        parts.append(box((inner, height, board * 0.6), (x, y, z - depth / 2 + board * 0.3), colour))
    return parts
