"""Dressers: chests in every proportion with drawers, doors, mirrors, hutches and rails, straight and curved.

Once a cloud is normalised, only proportions, legs and the number of drawers tell a dresser from a night stand: a
dresser is wide or tall and full of drawers. y up, fronts face +z, the floor is y = 0, metre-like units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from .cabinetry import (
    STANDS,
    Body,
    Cell,
    case,
    corner_posts,
    describe,
    double_doors,
    drawers,
    fill,
    graded,
    grid,
    random_finish,
    split_top_row,
    stand,
    top_board,
    top_of,
    top_rail,
)
from .curved_cases import BOWS, BULGES, bowed_case, bulging_case
from .parts import (
    Colour,
    Part,
    Shape,
    box,
    chance,
    counted,
    cushion,
    extrude,
    outline_points,
    palette,
    pick,
    rod,
    rotate_all,
)


# ------------------------------------------------------------------------------------------------ drawers only


def wide_dresser(rng: np.random.Generator) -> Shape:
    """Two columns of drawers, wider than high."""
    size = (rng.uniform(1.1, 1.9), rng.uniform(0.65, 0.95), rng.uniform(0.4, 0.6))
    return case(rng, "wide dresser", size, drawers(rng, int(rng.integers(2, 5)), 2))


def triple_dresser(rng: np.random.Generator) -> Shape:
    """Three or four columns, low and long, sometimes with doors in the middle."""
    size = (rng.uniform(1.5, 2.3), rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.6))
    rows, middle_doors = int(rng.integers(2, 5)), chance(rng, 0.3)

    def layout(body: Body) -> list[Cell]:
        left, middle, right = grid(body, [1.0], [1.0, rng.uniform(0.8, 1.3), 1.0])
        cells = _stack(left, graded(rng, rows)) + _stack(right, graded(rng, rows))
        return cells + (double_doors(middle) if middle_doors else _stack(middle, graded(rng, rows)))

    if rows == 2 and chance(rng, 0.3):
        return case(rng, "triple dresser", size, drawers(rng, 2, 4))
    return case(rng, "triple dresser", size, layout)


def chest(rng: np.random.Generator) -> Shape:
    """One column of four to six drawers, about as wide as high."""
    size = (rng.uniform(0.75, 1.15), rng.uniform(0.8, 1.2), rng.uniform(0.4, 0.6))
    return case(rng, "chest of drawers", size, drawers(rng, int(rng.integers(4, 7))))


def tall_chest(rng: np.random.Generator) -> Shape:
    """One column of five to eight drawers, higher than wide, down to a third as wide as high."""
    size = (rng.uniform(0.42, 0.95), rng.uniform(1.1, 1.6), rng.uniform(0.36, 0.55))
    return case(rng, "tall chest of drawers", size, drawers(rng, int(rng.integers(5, 9))))


def split_chest(rng: np.random.Generator) -> Shape:
    """A chest whose uppermost row is two small drawers."""
    size = (rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.25), rng.uniform(0.4, 0.6))
    layout = drawers(rng, int(rng.integers(3, 6)))
    return case(rng, "chest with small drawers", size, lambda body: split_top_row(layout(body)))


def plain_dresser(rng: np.random.Generator) -> Shape:
    """A block whose drawers are thin grooves, of any proportion."""
    size = (rng.uniform(0.6, 1.8), rng.uniform(0.7, 1.4), rng.uniform(0.4, 0.6))
    layout = drawers(rng, int(rng.integers(3, 7)), 2 if size[0] > 1.1 else 1)
    return case(rng, "plain dresser", size, layout, ("none", "plinth"), hollow=0.1)


def legged_dresser(rng: np.random.Generator) -> Shape:
    """A wide case on visible legs."""
    size = (rng.uniform(1.0, 1.8), rng.uniform(0.5, 0.75), rng.uniform(0.4, 0.55))
    height, rows, columns = rng.uniform(0.15, 0.35), int(rng.integers(2, 4)), int(rng.integers(2, 4))
    return case(rng, "dresser on legs", size, drawers(rng, rows, columns), ("legs", "legs", "panels", "sled"), height)


def many_drawers(rng: np.random.Generator) -> Shape:
    """A field of small drawers, as pharmacists had."""
    rows, columns = int(rng.integers(3, 6)), int(rng.integers(3, 6))
    size = (columns * rng.uniform(0.24, 0.4), rows * rng.uniform(0.18, 0.3), rng.uniform(0.35, 0.5))
    return case(rng, "dresser with many small drawers", size, drawers(rng, rows, columns))


def posted_dresser(rng: np.random.Generator) -> Shape:
    """A case held by four posts at its corners, which are its feet too."""
    finish, lift = random_finish(rng), rng.uniform(0.06, 0.22)
    body = Body(rng.uniform(0.7, 1.7), rng.uniform(0.6, 1.1), rng.uniform(0.4, 0.58), lift)
    columns = 2 if body.width > 1.1 else 1
    cells = grid(body, graded(rng, int(rng.integers(3, 6))), [1.0] * columns)
    parts = fill(rng, body, cells, finish)
    parts += corner_posts(body, rng.uniform(0.04, 0.08), body.top + pick(rng, 0.0, rng.uniform(0.0, 0.08)), finish.wood)
    parts += top_board(rng, body, finish)
    return Shape(parts, "dresser with corner posts", [*describe(cells), "four corner posts"])


def bowed_dresser(rng: np.random.Generator) -> Shape:
    """A chest with a bowed, waved or stepped front."""
    finish, kind = random_finish(rng), pick(rng, *BOWS)
    width, depth, rows = rng.uniform(0.75, 1.5), rng.uniform(0.42, 0.65), int(rng.integers(3, 6))
    legs, phrases, raised = stand(rng, pick(rng, *STANDS), width, depth * 0.75, finish)
    body = Body(width, rng.uniform(0.65, 1.1), depth, raised)
    parts = [*(part.moved((0, 0, -0.1 * depth)) for part in legs), *bowed_case(rng, body, rows, kind, finish)]
    return Shape(parts, "dresser with a curved front", [counted(rows, "drawer"), *phrases, "a curved front"])


def bulging_dresser(rng: np.random.Generator) -> Shape:
    """A chest that swells or narrows with its height."""
    finish, kind = random_finish(rng), pick(rng, "bombe", *BULGES)
    width, depth, rows = rng.uniform(0.8, 1.5), rng.uniform(0.42, 0.65), int(rng.integers(3, 6))
    foot = BULGES[kind][0][1]
    legs, phrases, raised = stand(rng, pick(rng, "legs", "feet", "plinth", "none"), width * foot, depth * foot, finish)
    body = Body(width, rng.uniform(0.6, 1.0), depth, raised)
    parts = [*legs, *bulging_case(body, rows, kind, finish)]
    return Shape(parts, "dresser with curved sides", [counted(rows, "drawer"), *phrases, "sides that are not straight"])


# ------------------------------------------------------------------------------------------------ doors and shelves


def _stack(cell: Cell, rows: list[float], kind: str = "drawer") -> list[Cell]:
    """The cell cut into rows from the bottom up."""
    edges = cell.low + np.cumsum([0.0, *rows]) / sum(rows) * cell.height
    return [Cell(cell.left, cell.right, a, b, kind) for a, b in pairwise(edges)]


def door_dresser(rng: np.random.Generator) -> Shape:
    """Drawers above doors, or doors beside drawers."""
    size = (rng.uniform(0.9, 1.7), rng.uniform(0.75, 1.2), rng.uniform(0.42, 0.6))

    def layout(body: Body) -> list[Cell]:
        if chance(rng, 0.5):
            low, high = grid(body, [rng.uniform(1.5, 3.0), 1.0], [1.0])
            cells = [*double_doors(low), high]
            return cells if chance(rng, 0.5) else split_top_row(cells)
        left, middle, right = grid(body, [1.0], [1.0, 1.2, 1.0])
        inner = _stack(middle, graded(rng, int(rng.integers(3, 5))))
        return [replace(left, kind="door left"), *inner, replace(right, kind="door")]

    return case(rng, "dresser with doors", size, layout)


def armoire(rng: np.random.Generator) -> Shape:
    """Tall: doors over drawers."""
    size = (rng.uniform(0.8, 1.2), rng.uniform(1.3, 1.9), rng.uniform(0.45, 0.65))
    count = int(rng.integers(1, 4))

    def layout(body: Body) -> list[Cell]:
        cells = grid(body, [*([1.0] * count), count * rng.uniform(1.2, 2.5)], [1.0])
        return [*cells[:-1], *double_doors(cells[-1])]

    return case(rng, "tall dresser with doors", size, layout)


def mixed_dresser(rng: np.random.Generator) -> Shape:
    """Columns of different content: drawers, doors, a drawer over a door, open shelves; low or high."""
    size = (rng.uniform(1.1, 2.1), rng.uniform(0.55, 1.1), rng.uniform(0.38, 0.58))
    columns = int(rng.integers(2, 5))
    kinds = ["drawers", *(pick(rng, "drawers", "door", "over", "open", "glass") for _ in range(columns - 1))]
    kinds = [kinds[index] for index in rng.permutation(columns)]

    def layout(body: Body) -> list[Cell]:
        cells = []
        for cell, kind in zip(grid(body, [1.0], list(rng.uniform(0.7, 1.3, columns))), kinds, strict=True):
            if kind == "drawers":
                cells += _stack(cell, graded(rng, int(rng.integers(2, 5))))
            elif kind == "over":
                low, high = _stack(cell, [rng.uniform(1.5, 3.0), 1.0])
                cells += [replace(low, kind="door"), high]
            elif kind == "open":
                cells += _stack(cell, [1.0] * int(rng.integers(1, 4)), "open")
            else:
                cells.append(replace(cell, kind=kind))
        return cells

    return case(rng, "dresser with drawers and doors", size, layout)


def shelf_dresser(rng: np.random.Generator) -> Shape:
    """Drawers with a row of open shelves above or below them."""
    size = (rng.uniform(0.8, 1.6), rng.uniform(0.7, 1.2), rng.uniform(0.38, 0.55))
    columns = 2 if size[0] > 1.1 else 1

    def layout(body: Body) -> list[Cell]:
        rows = [1.0] * int(rng.integers(2, 5))
        at = pick(rng, 0, len(rows))
        rows.insert(at, rng.uniform(0.7, 1.6))
        cells = grid(body, rows, [1.0] * columns)
        return [
            replace(cell, kind="open") if at * columns <= i < (at + 1) * columns else cell
            for i, cell in enumerate(cells)
        ]

    return case(rng, "dresser with open shelves", size, layout)


# ------------------------------------------------------------------------------------------------ more than one case


def two_part_dresser(rng: np.random.Generator) -> Shape:
    """Two cases: a narrower one on a wider one."""
    finish = random_finish(rng)
    wide, deep = rng.uniform(0.9, 1.5), rng.uniform(0.42, 0.55)
    legs, phrases, raised = stand(rng, pick(rng, *STANDS), wide, deep, finish)
    low = Body(wide, rng.uniform(0.6, 0.9), deep, raised)
    high = Body(wide * rng.uniform(0.7, 1.0), rng.uniform(0.4, 0.8), deep * rng.uniform(0.6, 0.95), low.top)
    lower, upper = drawers(rng, 3, 2)(low), drawers(rng, int(rng.integers(2, 4)))(high)
    parts = [*legs, *fill(rng, low, lower, finish), *fill(rng, high, upper, finish), *top_board(rng, high, finish)]
    return Shape(parts, "two part dresser", [*describe([*lower, *upper]), *phrases, "a smaller case on top"])


def high_chest(rng: np.random.Generator) -> Shape:
    """Many drawers high up on a low table with long legs, sometimes under a gable."""
    finish = random_finish(rng)
    wide, deep = rng.uniform(0.75, 1.1), rng.uniform(0.4, 0.55)
    legs, phrases, raised = stand(
        rng, pick(rng, "legs", "legs", "brackets"), wide, deep, finish, rng.uniform(0.2, 0.45)
    )
    low = Body(wide, rng.uniform(0.2, 0.4), deep, raised)
    high = Body(wide * rng.uniform(0.88, 0.97), rng.uniform(0.6, 1.0), deep * 0.93, low.top)
    lower, upper = drawers(rng, int(rng.integers(1, 3)))(low), drawers(rng, int(rng.integers(3, 6)))(high)
    parts = [*legs, *fill(rng, low, lower, finish), *fill(rng, high, split_top_row(upper), finish)]
    details = [*describe([*lower, *split_top_row(upper)]), *phrases]
    if chance(rng, 0.4):
        half, tall = high.width / 2, rng.uniform(0.08, 0.22)
        side = pick(rng, 0.02, 0.3) * tall
        outline = [(-half, 0), (half, 0), (half, side), (0, tall), (-half, side)]
        parts.append(extrude(outline, 0.04, (0, high.top, high.front - 0.03), finish.wood))
        details.append("a gable on top")
    else:
        parts += top_board(rng, high, finish)
    return Shape(parts, "high chest of drawers", details)


def hutch_dresser(rng: np.random.Generator) -> Shape:
    """A low case with open shelves above its back."""
    size = (rng.uniform(0.9, 1.7), rng.uniform(0.65, 0.95), rng.uniform(0.42, 0.58))
    shape = case(
        rng, "dresser with shelves on top", size, drawers(rng, int(rng.integers(2, 5)), int(rng.integers(1, 4)))
    )
    top, finish = top_of(shape.parts), random_finish(rng)
    depth = size[2] * rng.uniform(0.4, 0.7)
    shelf = Body(size[0] * rng.uniform(0.8, 1.0), rng.uniform(0.4, 1.1), depth)
    cells = grid(shelf, [1.0] * int(rng.integers(1, 4)), [1.0] * int(rng.integers(1, 4)), "open")
    upper = fill(rng, shelf, cells, replace(finish, look="inset"))
    parts = shape.parts + [part.moved((0, top, (depth - size[2]) / 2)) for part in upper]
    return Shape(parts, shape.family, [*shape.details, "shelves above the top"])


def stepped_dresser(rng: np.random.Generator) -> Shape:
    """Two or three cases of different height side by side."""
    finish, count = random_finish(rng), int(rng.integers(2, 4))
    widths = rng.uniform(0.45, 0.95, count)
    heights = rng.uniform(0.45, 1.25, count)
    if count == 3 and chance(rng, 0.6):
        widths[2], heights[2] = widths[0], heights[0]
    depth, left = rng.uniform(0.4, 0.55), 0.0
    parts: list[Part] = []
    all_cells: list[Cell] = []
    for width, height in zip(widths, heights, strict=True):
        body = Body(float(width), float(height), depth, x=left + float(width) / 2)
        rows = max(int(height / rng.uniform(0.18, 0.3)), 2)
        cells = double_doors(grid(body, [1.0], [1.0])[0]) if chance(rng, 0.2) else grid(body, [1.0] * rows, [1.0])
        parts += fill(rng, body, cells, finish)
        all_cells += cells
        left += float(width)
    return Shape(parts, "stepped dresser", [*describe(all_cells), "parts of different height"])


# ------------------------------------------------------------------------------------------------ things on top


def _mirror(rng: np.random.Generator, kind: str, width: float, height: float, frame: Colour) -> tuple[list[Part], str]:
    """Framed mirror from y = 0 up, facing +z from z = 0; and its phrase."""
    glass, middle = pick(rng, (0.6, 0.68, 0.72), (0.8, 0.85, 0.88)), (0, height / 2, 0.015)
    half = np.array([width / 2, height / 2])
    if kind == "oval":
        outline, phrase = outline_points("oval", 24) * half, "an oval mirror"
    elif kind == "arched":
        turn = np.linspace(0, np.pi, 10)
        arch = np.stack([np.cos(turn), 0.4 + 0.6 * np.sin(turn)], axis=1)
        outline, phrase = np.concatenate([[(-1, -1), (1, -1)], arch]) * half, "an arched mirror"
    else:
        outline, phrase = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half, "a large mirror"
    rim = rng.uniform(0.78, 0.95)
    parts = [extrude(outline, 0.03, middle, frame), extrude(outline * rim, 0.012, np.add(middle, (0, 0, 0.014)), glass)]
    if kind == "folding":
        wing = width * rng.uniform(0.4, 0.6)
        angle = rng.uniform(15, 50)
        for side in (-1, 1):
            x = side * (width + wing) / 2
            leaf = [box((wing, height * 0.9, 0.025), (x, height * 0.45, 0.012), frame)]
            leaf.append(box((wing * 0.85, height * 0.8, 0.01), (x, height * 0.45, 0.027), glass))
            parts += rotate_all(leaf, "y", -side * angle, (side * width / 2, 0, 0))
        phrase = "a mirror with two wings"
    return parts, phrase


def mirror_dresser(rng: np.random.Generator) -> Shape:
    """A dresser with a mirror on its back edge: framed, oval, arched, with wings, hung between posts."""
    size = (rng.uniform(0.8, 1.8), rng.uniform(0.6, 0.95), rng.uniform(0.42, 0.55))
    columns = pick(rng, 1, 2) if size[0] < 1.2 else pick(rng, 2, 2, 3)
    shape = case(rng, "dresser with a mirror", size, drawers(rng, int(rng.integers(2, 5)), columns))
    top, back, frame = top_of(shape.parts), -size[2] / 2 + 0.03, palette(rng, "wood")
    kind = pick(rng, "plain", "plain", "oval", "arched", "folding")
    wide, high = rng.uniform(0.4, 0.95) * size[0], rng.uniform(0.45, 1.1)
    if kind == "folding":
        wide *= 0.55
    lift = rng.uniform(0.03, 0.2) if chance(rng, 0.5) else 0.0
    glass, phrase = _mirror(rng, kind, wide, high, frame)
    parts = shape.parts + [part.moved((0, top + lift, back)) for part in glass]
    if lift:
        x = wide / 2 + 0.02 if kind in ("oval", "plain") else 0.35 * wide
        parts += [rod((s * x, top, back), (s * x, top + lift + 0.6 * high, back), 0.02, frame) for s in (-1, 1)]
    return Shape(parts, shape.family, [phrase, *shape.details])


def rail_dresser(rng: np.random.Generator) -> Shape:
    """A dresser whose top has rails around it, for changing a baby, often with a mat."""
    size = (rng.uniform(0.8, 1.3), rng.uniform(0.7, 1.0), rng.uniform(0.45, 0.65))
    shape = case(rng, "dresser with rails", size, drawers(rng, int(rng.integers(2, 5)), int(rng.integers(1, 3))))
    top = top_of(shape.parts)
    parts = shape.parts + top_rail(rng, size[0], size[2], top, rng.uniform(0.06, 0.18), pick(rng, 3, 4))
    details = [*shape.details, "a rail around the top"]
    if chance(rng, 0.4):
        mat = (size[0] * rng.uniform(0.6, 0.9), 0.06, size[2] * 0.85)
        parts.append(cushion(mat, (0, top + 0.03, 0), palette(rng, "fabric"), 0.2))
        details.append("a soft mat on top")
    return Shape(parts, shape.family, details)


DRESSER: dict[str, Callable[[np.random.Generator], Shape]] = {
    "wide dresser": wide_dresser,
    "triple dresser": triple_dresser,
    "chest of drawers": chest,
    "tall chest of drawers": tall_chest,
    "chest with small drawers": split_chest,
    "plain dresser": plain_dresser,
    "dresser on legs": legged_dresser,
    "dresser with many small drawers": many_drawers,
    "dresser with corner posts": posted_dresser,
    "dresser with a curved front": bowed_dresser,
    "dresser with curved sides": bulging_dresser,
    "dresser with doors": door_dresser,
    "tall dresser with doors": armoire,
    "dresser with drawers and doors": mixed_dresser,
    "dresser with open shelves": shelf_dresser,
    "two part dresser": two_part_dresser,
    "high chest of drawers": high_chest,
    "dresser with shelves on top": hutch_dresser,
    "stepped dresser": stepped_dresser,
    "dresser with a mirror": mirror_dresser,
    "dresser with rails": rail_dresser,
}
