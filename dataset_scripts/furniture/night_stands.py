"""Night stands: small cases, tables and drums beside a bed, with one to three drawers, a shelf or a door.

Once a cloud is normalised, only proportions, legs and the number of drawers tell a night stand from a dresser: few
drawers for its width, more legs, shelves and open fronts. y up, fronts face +z, the floor is y = 0, metre-like units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .cabinetry import (
    Body,
    Cell,
    Finish,
    case,
    corner_posts,
    describe,
    drawers,
    fill,
    grid,
    handle,
    random_finish,
    stand,
    top_board,
    top_of,
    top_rail,
)
from .curved_cases import BOWS, BULGES, bowed_case, bulging_case, drum_case, half_round_case
from .parts import Part, Shape, beam, box, chance, counted, cylinder, extrude, frustum, palette, pick, revolve, rod
from .supports import LEG_STYLES, four_legs, pedestal


def _small(rng: np.random.Generator) -> tuple[float, float, float]:
    """Width, height and depth of a small case."""
    return rng.uniform(0.38, 0.65), rng.uniform(0.35, 0.65), rng.uniform(0.33, 0.5)


# ------------------------------------------------------------------------------------------------ cases


def drawer_stand(rng: np.random.Generator) -> Shape:
    """Two or three drawers in a nearly cubic case."""
    return case(rng, "night stand with drawers", _small(rng), drawers(rng, pick(rng, 2, 2, 3)))


def long_leg_stand(rng: np.random.Generator) -> Shape:
    """One drawer, or two side by side, in a flat case on long legs."""
    size = (rng.uniform(0.38, 0.65), rng.uniform(0.1, 0.22), rng.uniform(0.33, 0.48))
    layout = drawers(rng, 1, pick(rng, 1, 1, 1, 2))
    return case(rng, "night stand on long legs", size, layout, ("legs", "legs", "sled"), rng.uniform(0.28, 0.5))


def leg_stand(rng: np.random.Generator) -> Shape:
    """One or two drawers on legs of medium length."""
    size = (rng.uniform(0.4, 0.6), rng.uniform(0.25, 0.4), rng.uniform(0.35, 0.48))
    return case(
        rng, "night stand on legs", size, drawers(rng, pick(rng, 1, 2)), ("legs", "panels"), rng.uniform(0.12, 0.3)
    )


def shelf_stand(rng: np.random.Generator) -> Shape:
    """A drawer over an open shelf, or the other way round, or two drawers and a shelf."""

    def layout(body: Body) -> list[Cell]:
        if chance(rng, 0.25):
            cells = grid(body, [1.0, 1.0, rng.uniform(0.7, 1.3)], [1.0])
            return [*cells[:2], replace(cells[2], kind="open")]
        low, high = grid(body, [rng.uniform(1.0, 2.2), 1.0], [1.0])
        kinds = ("drawer", "open") if chance(rng, 0.25) else ("open", "drawer")
        return [replace(cell, kind=kind) for cell, kind in zip((low, high), kinds, strict=True)]

    return case(rng, "night stand with a shelf", _small(rng), layout)


def open_stand(rng: np.random.Generator) -> Shape:
    """An open cube, sometimes with a middle shelf."""
    rows = [1.0] * int(rng.integers(1, 3))
    return case(rng, "open night stand", _small(rng), lambda body: grid(body, rows, [1.0], "open"))


def door_stand(rng: np.random.Generator) -> Shape:
    """A door, often below a drawer or an open shelf."""
    above = pick(rng, "none", "none", "drawer", "drawer", "open")
    door = pick(rng, "door", "door", "door left", "glass")

    def layout(body: Body) -> list[Cell]:
        if above == "none":
            return grid(body, [1.0], [1.0], door)
        low, high = grid(body, [rng.uniform(1.3, 2.5), 1.0], [1.0])
        return [replace(low, kind=door), replace(high, kind=above)]

    return case(rng, "night stand with a door", _small(rng), layout)


def tall_stand(rng: np.random.Generator) -> Shape:
    """Narrow and high, with a drawer over shelves or a few drawers."""
    size = (rng.uniform(0.3, 0.45), rng.uniform(0.55, 0.8), rng.uniform(0.3, 0.42))
    if chance(rng, 0.5):
        return case(rng, "tall night stand", size, drawers(rng, int(rng.integers(2, 4))))
    rows, kind = int(rng.integers(2, 4)), pick(rng, "open", "open", "door")

    def layout(body: Body) -> list[Cell]:
        cells = grid(body, [rng.uniform(0.8, 1.6)] * (rows - 1) + [0.7], [1.0], kind)
        return [*cells[:-1], replace(cells[-1], kind="drawer")]

    return case(rng, "tall night stand", size, layout)


def gallery_stand(rng: np.random.Generator) -> Shape:
    """A case whose top has a low rail on three or four sides."""
    size = _small(rng)
    shape = case(rng, "night stand with a rail", size, drawers(rng, int(rng.integers(1, 3))))
    rail = top_rail(rng, size[0], size[2], top_of(shape.parts), rng.uniform(0.03, 0.12), pick(rng, 3, 3, 4))
    return Shape(shape.parts + rail, shape.family, [*shape.details, "a rail around the top"])


def floating_stand(rng: np.random.Generator) -> Shape:
    """A low box for the wall: one drawer, or a drawer beside or under an open shelf, without any foot."""
    size = (rng.uniform(0.38, 0.65), rng.uniform(0.14, 0.3), rng.uniform(0.28, 0.42))
    kind = pick(rng, "drawer", "drawer", "beside", "under", "open")

    def layout(body: Body) -> list[Cell]:
        if kind == "beside":
            left, right = grid(body, [1.0], [1.0, rng.uniform(0.5, 1.5)])
            return [left, replace(right, kind="open")]
        if kind == "under":
            low, high = grid(body, [1.0, rng.uniform(0.6, 1.2)], [1.0])
            return [low, replace(high, kind="open")]
        return grid(body, [1.0], [1.0], kind)

    shape = case(rng, "night stand for the wall", size, layout, ("none",))
    if chance(rng, 0.3):
        high = rng.uniform(0.4, 0.7)
        panel = box(
            (size[0] * rng.uniform(1.0, 1.6), high, 0.02), (0, high * 0.3, -size[2] / 2 - 0.01), palette(rng, "wood")
        )
        return Shape([*shape.parts, panel], shape.family, [*shape.details, "a panel at the back"])
    return Shape(shape.parts, shape.family, [*shape.details, "no foot"])


def posted_stand(rng: np.random.Generator) -> Shape:
    """A drawer between four corner posts, with shelves or drawers below."""
    finish, lift = random_finish(rng), rng.uniform(0.05, 0.3)
    body = Body(rng.uniform(0.36, 0.6), rng.uniform(0.25, 0.5), rng.uniform(0.33, 0.48), lift)
    count = int(rng.integers(1, 4))
    kinds = pick(rng, ["drawer"] * count, ["open"] * (count - 1) + ["drawer"])
    cells = [replace(cell, kind=kind) for cell, kind in zip(grid(body, [1.0] * count, [1.0]), kinds, strict=True)]
    over = pick(rng, 0.0, 0.0, rng.uniform(0.01, 0.06))
    parts = fill(rng, body, cells, finish)
    parts += corner_posts(body, rng.uniform(0.03, 0.06), body.top + over, finish.wood)
    if not over:
        parts += top_board(rng, body, finish)
    return Shape(parts, "night stand with corner posts", [*describe(cells), "four corner posts"])


def curved_stand(rng: np.random.Generator) -> Shape:
    """A small case with a bowed front, or with sides that swell or narrow."""
    finish, rows = random_finish(rng), int(rng.integers(1, 4))
    width, height, depth = _small(rng)
    kind = pick(rng, "bow", "bulge")
    legs, phrases, raised = stand(rng, pick(rng, "none", "feet", "legs", "plinth"), width * 0.7, depth * 0.7, finish)
    body = Body(width, height, depth, raised)
    if kind == "bow":
        parts, phrase = bowed_case(rng, body, rows, pick(rng, *BOWS), finish), "a curved front"
    else:
        parts, phrase = bulging_case(body, rows, pick(rng, *BULGES), finish), "sides that are not straight"
    return Shape([*legs, *parts], "curved night stand", [counted(rows, "drawer"), *phrases, phrase])


def drum_stand(rng: np.random.Generator) -> Shape:
    """A round or many-sided case: closed, with a door, drawers, or open."""
    finish, size = random_finish(rng), rng.uniform(0.35, 0.6)
    kind = pick(rng, "none", "none", "plinth", "legs", "foot")
    if kind == "foot":
        raised = rng.uniform(0.08, 0.2)
        legs = [
            frustum(
                size * rng.uniform(0.3, 0.45), size * rng.uniform(0.15, 0.3), raised, (0, raised / 2, 0), finish.wood
            )
        ]
        phrases = ["a round foot"]
    else:
        spread = 0.66 if kind == "legs" else 0.6
        legs, phrases, raised = stand(rng, kind, size * spread, size * spread, finish)
    parts, details = drum_case(rng, Body(size, rng.uniform(0.32, 0.62), size, raised), finish)
    return Shape([*legs, *parts], "round night stand", [*details, *phrases])


def half_round_stand(rng: np.random.Generator) -> Shape:
    """Half a drum against the wall."""
    finish, width = random_finish(rng), rng.uniform(0.4, 0.65)
    depth = width * rng.uniform(0.5, 0.8)
    kind = pick(rng, "none", "legs", "legs", "feet")
    legs, phrases, raised = stand(rng, kind, width * 0.6, depth * 0.55, finish)
    body = Body(width, rng.uniform(0.3, 0.6), depth, raised)
    parts, details = half_round_case(rng, body, finish)
    return Shape(
        [*(leg.moved((0, 0, -0.18 * depth)) for leg in legs), *parts], "half round night stand", [*details, *phrases]
    )


# ------------------------------------------------------------------------------------------------ small tables


def _small_drawer(
    rng: np.random.Generator, width: float, depth: float, top: float, finish: Finish
) -> tuple[list[Part], str]:
    """A flat drawer box hanging below height `top`: solids and a phrase."""
    tall = rng.uniform(0.08, 0.2)
    body = Body(width, tall, depth, top - tall)
    cells = grid(body, [1.0], [1.0] * pick(rng, 1, 1, 1, 2), margin=0.012)
    return fill(rng, body, cells, finish), describe(cells)[0]


def table_stand(rng: np.random.Generator) -> Shape:
    """Four legs of any style from the top to the floor, a drawer under the top and often a shelf between the legs."""
    finish = random_finish(rng)
    width, depth, high = rng.uniform(0.36, 0.6), rng.uniform(0.33, 0.5), rng.uniform(0.48, 0.75)
    style, thick = pick(rng, "square", "square", *LEG_STYLES), rng.uniform(0.025, 0.055)
    legs, phrase = four_legs(width, depth, high, finish.wood, style, thick)
    over = pick(rng, 0.0, rng.uniform(0.0, 0.05))
    parts = [*legs, box((width + over, 0.025, depth + over), (0, high, 0), finish.wood)]
    box_parts, drawer = _small_drawer(rng, width - thick, depth - 0.5 * thick, high, finish)
    parts, details = parts + box_parts, [drawer, phrase]
    if chance(rng, 0.6):
        level = rng.uniform(0.08, 0.28)
        parts.append(box((width - thick, 0.02, depth - thick), (0, level, 0), finish.wood))
        details.append("a shelf between the legs")
    return Shape(parts, "bedside table with a drawer", details)


def tier_stand(rng: np.random.Generator) -> Shape:
    """Two or three boards between thin legs, posts of metal or side panels, without any drawer."""
    wood, frame = palette(rng, "wood"), palette(rng, pick(rng, "wood", "metal"))
    width, depth, high = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.48), rng.uniform(0.42, 0.7)
    count, sides = int(rng.integers(2, 4)), pick(rng, "legs", "legs", "panels", "frame")
    levels = np.linspace(rng.uniform(0.05, 0.2), high, count)
    parts = [box((width, 0.022, depth), (0, level, 0), wood) for level in levels]
    if sides == "legs":
        legs, phrase = four_legs(width, depth, high, frame, pick(rng, *LEG_STYLES), rng.uniform(0.02, 0.05))
        parts += legs
    elif sides == "panels":
        parts += [box((0.02, high, depth), (s * width / 2, high / 2, 0), frame) for s in (-1, 1)]
        phrase = "two side panels"
    else:
        x, z, bar = width / 2, depth / 2, rng.uniform(0.008, 0.016)
        corners = [(-x, -z), (x, -z), (x, z), (-x, z)]
        parts += [rod((a, 0, b), (a, high, b), bar, frame, 6) for a, b in corners]
        for level in (bar, high):
            for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1], strict=True):
                parts.append(rod((a, level, b), (c, level, d), bar, frame, 6))
        phrase = "a thin frame"
    return Shape(parts, "bedside table with shelves", ["open shelves", f"{counted(count, 'board')}", phrase])


def tray_stand(rng: np.random.Generator) -> Shape:
    """A tray with a rim on legs, a folding frame or a column, round or square."""
    colour, frame = palette(rng, "any"), palette(rng, pick(rng, "wood", "metal"))
    width, high, rim = rng.uniform(0.36, 0.55), rng.uniform(0.42, 0.65), rng.uniform(0.02, 0.08)
    round_tray = chance(rng, 0.5)
    depth = width if round_tray else width * rng.uniform(0.7, 1.0)
    if round_tray:
        half = width / 2
        profile = [(half * 0.97, 0), (half, rim), (half - 0.012, rim), (half - 0.02, 0.012)]
        parts: list[Part] = [revolve(profile, (0, high, 0), colour, 24)]
    else:
        parts = [box((width, 0.015, depth), (0, high, 0), colour)]
        parts += [box((0.012, rim, depth), (s * width / 2, high + rim / 2, 0), colour) for s in (-1, 1)]
        parts += [box((width, rim, 0.012), (0, high + rim / 2, s * depth / 2), colour) for s in (-1, 1)]
    spread = 0.68 if round_tray else 1.0
    kind = pick(rng, "legs", "column", "crossed")
    if kind == "column":
        legs, phrase = pedestal(rng, 0.4 * width, high, frame)
    elif kind == "legs":
        legs, phrase = four_legs(
            width * spread, depth * spread, high, frame, pick(rng, *LEG_STYLES), rng.uniform(0.02, 0.045)
        )
    else:
        x, z = 0.5 * spread * width, 0.45 * spread * depth
        legs = [beam((s * x, 0, t), (-s * x, high, t), 0.022, frame) for s in (-1, 1) for t in (-z, z)]
        phrase = "crossed legs"
    return Shape([*legs, *parts], "tray beside a bed", ["a rim around the top", phrase])


def column_stand(rng: np.random.Generator) -> Shape:
    """A small top with a drawer, round or square, on one column."""
    finish, width = random_finish(rng), rng.uniform(0.35, 0.55)
    high, tall = rng.uniform(0.4, 0.65), rng.uniform(0.08, 0.2)
    legs, phrase = pedestal(rng, width * rng.uniform(0.32, 0.48), high - tall, finish.wood)
    body = Body(width, tall, width * rng.uniform(0.75, 1.0), high - tall)
    if chance(rng, 0.4):
        parts = [cylinder(width / 2, tall, (0, high - tall / 2, 0), finish.wood, sections=24)]
        parts += handle(finish.handle, (0, high - tall / 2, width / 2), 0.4 * width, tall, finish.metal)
        return Shape([*legs, *parts], "bedside table on one leg", ["one drawer", "a round top", phrase])
    cells = grid(body, [1.0], [1.0], margin=0.012)
    parts = [*fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    return Shape([*legs, *parts], "bedside table on one leg", [*describe(cells), phrase])


def cantilever_stand(rng: np.random.Generator) -> Shape:
    """Boards bent like a C, S or U seen from the front, sometimes with a drawer."""
    finish, thick = random_finish(rng), rng.uniform(0.018, 0.05)
    width, depth, high = rng.uniform(0.38, 0.6), rng.uniform(0.3, 0.46), rng.uniform(0.42, 0.65)
    kind = pick(rng, "c", "s", "u")
    levels = {"c": (thick / 2, high), "s": (thick / 2, high / 2, high), "u": (high,)}[kind]
    parts = [box((width, thick, depth), (0, level, 0), finish.wood) for level in levels]
    x = (width - thick) / 2
    if kind == "c":
        parts.append(box((thick, high, depth), (-x, high / 2, 0), finish.wood))
    elif kind == "s":
        parts += [box((thick, high / 2, depth), (s * x, high / 2 + s * high / 4, 0), finish.wood) for s in (-1, 1)]
    else:
        parts += [box((thick, high, depth), (s * x, high / 2, 0), finish.wood) for s in (-1, 1)]
    details = {"c": ["an open side"], "s": ["boards like the letter s"], "u": ["two side panels"]}[kind]
    if chance(rng, 0.6):
        box_parts, drawer = _small_drawer(rng, width - 2 * thick, depth * 0.95, high - thick / 2, finish)
        parts, details = parts + box_parts, [drawer, *details]
    return Shape(parts, "night stand of bent boards", details)


def crossed_stand(rng: np.random.Generator) -> Shape:
    """A small case on legs that cross at the sides or at the front."""
    finish = random_finish(rng)
    width, depth, low = rng.uniform(0.4, 0.6), rng.uniform(0.35, 0.48), rng.uniform(0.28, 0.5)
    body = Body(width, rng.uniform(0.1, 0.25), depth, low)
    cells = grid(body, [1.0], [1.0])
    parts = [*fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    x, z, bar = width / 2 - 0.03, depth / 2 - 0.03, rng.uniform(0.02, 0.045)
    if chance(rng, 0.5):
        parts += [beam((s * x, 0, t * z), (s * x, low, -t * z), bar, finish.wood) for s in (-1, 1) for t in (-1, 1)]
    else:
        parts += [beam((s * x, 0, t * z), (-s * x, low, t * z), bar, finish.wood) for s in (-1, 1) for t in (-1, 1)]
    if chance(rng, 0.4):
        parts.append(box((2 * x, 0.018, 2 * z), (0, low * rng.uniform(0.2, 0.5), 0), finish.wood))
    return Shape(parts, "night stand on crossed legs", [*describe(cells), "crossed legs"])


def side_shelf_stand(rng: np.random.Generator) -> Shape:
    """A case with a lower open shelf at one side, or with a raised back."""
    finish, size = random_finish(rng), _small(rng)
    body = Body(*size, bottom=0.0)
    cells = grid(body, [1.0] * int(rng.integers(1, 4)), [1.0])
    parts = [*fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    if chance(rng, 0.5):
        wide, level, side = rng.uniform(0.15, 0.35), size[1] * rng.uniform(0.4, 0.9), pick(rng, -1, 1)
        middle = side * (size[0] + wide) / 2
        parts += [box((wide, 0.02, size[2]), (middle, y, 0), finish.wood) for y in (0.03, level)]
        parts.append(box((0.02, level, size[2]), (side * (size[0] / 2 + wide), level / 2, 0), finish.wood))
        return Shape(parts, "night stand with a side shelf", [*describe(cells), "an open shelf at one side"])
    half, rise = size[0] / 2, rng.uniform(0.08, 0.35)
    outline = [(-half, 0), (half, 0), (half, rise * 0.5), (half * 0.6, rise), (-half * 0.6, rise), (-half, rise * 0.5)]
    parts.append(extrude(outline, 0.02, (0, size[1], -size[2] / 2 + 0.01), finish.wood))
    return Shape(parts, "night stand with a back board", [*describe(cells), "a raised back"])


def lamp_stand(rng: np.random.Generator) -> Shape:
    """A night stand with a lamp on it."""
    shape = pick(rng, drawer_stand, shelf_stand, leg_stand, table_stand)(rng)
    top, high, metal = top_of(shape.parts), rng.uniform(0.2, 0.4), palette(rng, "metal")
    wide = rng.uniform(0.08, 0.15)
    lamp = [cylinder(rng.uniform(0.05, 0.08), 0.02, (0, top + 0.01, 0), metal)]
    lamp.append(rod((0, top, 0), (0, top + high * 0.65, 0), rng.uniform(0.01, 0.03), metal))
    lamp.append(
        frustum(wide, wide * rng.uniform(0.5, 0.9), high * 0.4, (0, top + high * 0.8, 0), palette(rng, "fabric"))
    )
    return Shape(shape.parts + lamp, "night stand with a lamp", [*shape.details, "a lamp on top"])


NIGHT_STAND: dict[str, Callable[[np.random.Generator], Shape]] = {
    "night stand with drawers": drawer_stand,
    "night stand on long legs": long_leg_stand,
    "night stand on legs": leg_stand,
    "night stand with a shelf": shelf_stand,
    "open night stand": open_stand,
    "night stand with a door": door_stand,
    "tall night stand": tall_stand,
    "night stand with a rail": gallery_stand,
    "night stand for the wall": floating_stand,
    "night stand with corner posts": posted_stand,
    "curved night stand": curved_stand,
    "round night stand": drum_stand,
    "half round night stand": half_round_stand,
    "bedside table with a drawer": table_stand,
    "bedside table with shelves": tier_stand,
    "tray beside a bed": tray_stand,
    "bedside table on one leg": column_stand,
    "night stand of bent boards": cantilever_stand,
    "night stand on crossed legs": crossed_stand,
    "night stand with a side shelf": side_shelf_stand,
    "night stand with a lamp": lamp_stand,
}
