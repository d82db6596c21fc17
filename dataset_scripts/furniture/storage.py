"""Dressers and night stands, assembled from the cases of `cabinetry.py`.

Once a cloud is normalised, only proportions, legs and the number of drawers tell the two apart: a night stand is small
and holds one to three drawers, a shelf or a door; a dresser is wide or tall and full of drawers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cabinetry import (
    STANDS,
    Body,
    Cell,
    Finish,
    describe,
    double_doors,
    fill,
    graded,
    grid,
    random_finish,
    split_top_row,
    stand,
    top_board,
)
from .parts import Part, Shape, beam, box, chance, cylinder, frustum, palette, pick, rod


FUNCTIONS = {
    "dresser": [
        "something to keep clothes in",
        "something to keep things in",
        "furniture with drawers",
        "a place for shirts and socks",
        "storage for a bedroom",
        "something to store clothes in",
        "a place to put folded clothes",
        "a wide case for clothes",
    ],
    "night stand": [
        "something to put beside a bed",
        "something to keep things in",
        "furniture with drawers",
        "a place for a lamp beside a bed",
        "a small case beside a bed",
        "something to put a book on at night",
        "a place for an alarm clock",
        "a small table with a drawer",
    ],
}


def _stand_on(rng: np.random.Generator, kind: str, body: Body, finish: Finish, height: float | None = None):
    """Legs or plinth for a case, the case on top of them, and phrases."""
    parts, phrases, raised = stand(rng, kind, body.width, body.depth, finish, height)
    return parts, phrases, Body(body.width, body.height, body.depth, raised)


def _case(
    rng: np.random.Generator,
    family: str,
    size: tuple[float, float, float],
    layout: Callable[[Body], list[Cell]],
    stands: tuple[str, ...],
    leg_height: float | None = None,
    hollow: float = 0.45,
) -> Shape:
    """A case of `size` (width, height, depth) in metres on one of `stands`, with the fronts that `layout` gives."""
    finish = random_finish(rng, hollow)
    legs, phrases, body = _stand_on(rng, pick(rng, *stands), Body(*size), finish, leg_height)
    cells = layout(body)
    parts = [*legs, *fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    return Shape(parts, family, [*describe(cells), *phrases])


def _drawers(rng: np.random.Generator, rows: int, columns: int) -> Callable[[Body], list[Cell]]:
    return lambda body: grid(body, graded(rng, rows), [1.0] * columns)


# ------------------------------------------------------------------------------------------------ dressers


def wide_dresser(rng: np.random.Generator) -> Shape:
    """Two columns of drawers, wider than high."""
    size = (rng.uniform(1.1, 1.9), rng.uniform(0.65, 0.95), rng.uniform(0.4, 0.6))
    return _case(rng, "wide dresser", size, _drawers(rng, int(rng.integers(2, 5)), 2), STANDS)


def triple_dresser(rng: np.random.Generator) -> Shape:
    """Three columns, low and long."""
    size = (rng.uniform(1.5, 2.3), rng.uniform(0.6, 0.95), rng.uniform(0.4, 0.6))
    return _case(rng, "triple dresser", size, _drawers(rng, int(rng.integers(2, 4)), 3), STANDS)


def chest(rng: np.random.Generator) -> Shape:
    """One column of four to six drawers, about as wide as high."""
    size = (rng.uniform(0.75, 1.15), rng.uniform(0.8, 1.2), rng.uniform(0.4, 0.6))
    return _case(rng, "chest of drawers", size, _drawers(rng, int(rng.integers(4, 7)), 1), STANDS)


def tall_chest(rng: np.random.Generator) -> Shape:
    """One column of five to eight drawers, higher than wide."""
    size = (rng.uniform(0.5, 0.95), rng.uniform(1.15, 1.7), rng.uniform(0.38, 0.55))
    return _case(rng, "tall chest of drawers", size, _drawers(rng, int(rng.integers(5, 9)), 1), STANDS)


def split_chest(rng: np.random.Generator) -> Shape:
    """A chest whose uppermost row is two small drawers."""
    size = (rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.25), rng.uniform(0.4, 0.6))
    rows = int(rng.integers(3, 6))
    return _case(rng, "chest with small drawers", size, lambda b: split_top_row(_drawers(rng, rows, 1)(b)), STANDS)


def mirror_dresser(rng: np.random.Generator) -> Shape:
    """A wide dresser with a mirror on its back edge."""
    size = (rng.uniform(1.0, 1.8), rng.uniform(0.65, 0.9), rng.uniform(0.42, 0.55))
    shape = _case(rng, "dresser with a mirror", size, _drawers(rng, int(rng.integers(2, 5)), 2), STANDS)
    top = max(part.mesh.bounds[1, 1] for part in shape.parts)
    wide, high = rng.uniform(0.5, 0.95) * size[0], rng.uniform(0.6, 1.1)
    frame, back = palette(rng, "wood"), -size[2] / 2 + 0.04
    lift = top + rng.uniform(0.0, 0.12)
    shape.parts.append(box((wide, high, 0.03), (0, lift + high / 2, back), frame))
    shape.parts.append(box((wide * 0.86, high * 0.86, 0.012), (0, lift + high / 2, back + 0.02), palette(rng, "metal")))
    if lift > top:
        for side in (-1, 1):
            x = side * wide * 0.45
            shape.parts.append(beam((x, top, back), (x, lift + high * 0.6, back), 0.05, frame))
    shape.details.append("a large mirror")
    return shape


def door_dresser(rng: np.random.Generator) -> Shape:
    """Drawers above doors, or doors beside drawers."""
    size = (rng.uniform(0.9, 1.7), rng.uniform(0.75, 1.2), rng.uniform(0.42, 0.6))

    def layout(body: Body) -> list[Cell]:
        if chance(rng, 0.5):
            cells = grid(body, [rng.uniform(1.5, 3.0), 1.0], [1.0])
            return [*double_doors(cells[0]), cells[1]] if chance(rng, 0.5) else split_top_row(
                [*double_doors(cells[0]), cells[1]]
            )
        columns = grid(body, [1.0], [1.0, 1.2, 1.0])
        rows = int(rng.integers(3, 5))
        edges = np.linspace(columns[1].low, columns[1].high, rows + 1)
        middle = [Cell(columns[1].left, columns[1].right, a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        return [Cell(**{**columns[0].__dict__, "kind": "door left"}), *middle, Cell(**{**columns[2].__dict__, "kind": "door"})]

    return _case(rng, "dresser with doors", size, layout, STANDS)


def armoire(rng: np.random.Generator) -> Shape:
    """Tall: doors over drawers."""
    size = (rng.uniform(0.8, 1.2), rng.uniform(1.4, 1.9), rng.uniform(0.45, 0.65))

    def layout(body: Body) -> list[Cell]:
        cells = grid(body, [1.0, 1.0, rng.uniform(2.0, 4.0)], [1.0])
        return [*cells[:2], *double_doors(cells[2])]

    return _case(rng, "tall dresser with doors", size, layout, STANDS)


def changing_dresser(rng: np.random.Generator) -> Shape:
    """A dresser whose top has rails around it."""
    size = (rng.uniform(0.9, 1.3), rng.uniform(0.8, 1.0), rng.uniform(0.45, 0.6))
    shape = _case(rng, "dresser with rails", size, _drawers(rng, 3, int(rng.integers(1, 3))), STANDS)
    top, colour, high = max(p.mesh.bounds[1, 1] for p in shape.parts), palette(rng, "wood"), rng.uniform(0.08, 0.16)
    w, d = size[0] / 2 - 0.01, size[2] / 2 - 0.01
    shape.parts += [
        box((2 * w, high, 0.02), (0, top + high / 2, -d), colour),
        box((0.02, high, 2 * d), (w, top + high / 2, 0), colour),
        box((0.02, high, 2 * d), (-w, top + high / 2, 0), colour),
    ]
    shape.details.append("a rail around the top")
    return shape


def plain_dresser(rng: np.random.Generator) -> Shape:
    """A block whose drawers are thin grooves, of any proportion."""
    size = (rng.uniform(0.6, 1.8), rng.uniform(0.7, 1.4), rng.uniform(0.4, 0.6))
    columns = 2 if size[0] > 1.1 else 1
    return _case(rng, "plain dresser", size, _drawers(rng, int(rng.integers(3, 7)), columns), ("none", "plinth"), hollow=0.1)


def hutch_dresser(rng: np.random.Generator) -> Shape:
    """Two cases: a narrower one on a wider one."""
    finish = random_finish(rng)
    wide, deep = rng.uniform(0.9, 1.5), rng.uniform(0.42, 0.55)
    legs, phrases, low = _stand_on(rng, pick(rng, *STANDS), Body(wide, rng.uniform(0.6, 0.9), deep), finish)
    share = rng.uniform(0.7, 1.0)
    high = Body(wide * share, rng.uniform(0.4, 0.8), deep * rng.uniform(0.6, 0.95), low.top)
    lower, upper = _drawers(rng, 3, 2)(low), _drawers(rng, int(rng.integers(2, 4)), 1)(high)
    parts = [*legs, *fill(rng, low, lower, finish), *fill(rng, high, upper, finish), *top_board(rng, high, finish)]
    return Shape(parts, "two part dresser", [*describe([*lower, *upper]), *phrases, "a smaller case on top"])


def legged_dresser(rng: np.random.Generator) -> Shape:
    """A wide case on visible legs."""
    size = (rng.uniform(1.0, 1.8), rng.uniform(0.5, 0.75), rng.uniform(0.4, 0.55))
    height = rng.uniform(0.15, 0.35)
    return _case(rng, "dresser on legs", size, _drawers(rng, int(rng.integers(2, 4)), int(rng.integers(2, 4))), ("legs",), height)


# ------------------------------------------------------------------------------------------------ night stands


def _small(rng: np.random.Generator) -> tuple[float, float, float]:
    return rng.uniform(0.38, 0.65), rng.uniform(0.35, 0.65), rng.uniform(0.33, 0.5)


def drawer_stand(rng: np.random.Generator) -> Shape:
    """Two or three drawers in a nearly cubic case."""
    return _case(rng, "night stand with drawers", _small(rng), _drawers(rng, int(rng.integers(2, 4)), 1), STANDS)


def one_drawer_stand(rng: np.random.Generator) -> Shape:
    """One drawer in a flat case on long legs."""
    size = (rng.uniform(0.38, 0.6), rng.uniform(0.12, 0.22), rng.uniform(0.33, 0.48))
    return _case(rng, "night stand on long legs", size, _drawers(rng, 1, 1), ("legs", "sled"), rng.uniform(0.3, 0.5))


def two_drawer_legs(rng: np.random.Generator) -> Shape:
    """One or two drawers on legs of medium length."""
    size = (rng.uniform(0.4, 0.6), rng.uniform(0.25, 0.4), rng.uniform(0.35, 0.48))
    legs = rng.uniform(0.12, 0.3)
    return _case(rng, "night stand on legs", size, _drawers(rng, int(rng.integers(1, 3)), 1), ("legs", "panels"), legs)


def shelf_stand(rng: np.random.Generator) -> Shape:
    """A drawer over an open shelf, or the other way round."""

    def layout(body: Body) -> list[Cell]:
        low, high = grid(body, [rng.uniform(1.0, 2.2), 1.0], [1.0])
        drawer_below = chance(rng, 0.2)
        kinds = ("drawer", "open") if drawer_below else ("open", "drawer")
        return [Cell(**{**cell.__dict__, "kind": kind}) for cell, kind in zip((low, high), kinds, strict=True)]

    return _case(rng, "night stand with a shelf", _small(rng), layout, STANDS)


def open_stand(rng: np.random.Generator) -> Shape:
    """An open cube, sometimes with a middle shelf."""
    rows = [1.0] * int(rng.integers(1, 3))
    return _case(rng, "open night stand", _small(rng), lambda b: grid(b, rows, [1.0], "open"), STANDS)


def door_stand(rng: np.random.Generator) -> Shape:
    """A door, often below a drawer."""

    def layout(body: Body) -> list[Cell]:
        if chance(rng, 0.4):
            return grid(body, [1.0], [1.0], "door")
        low, high = grid(body, [rng.uniform(1.5, 2.5), 1.0], [1.0])
        return [Cell(**{**low.__dict__, "kind": "door"}), high]

    return _case(rng, "night stand with a door", _small(rng), layout, STANDS)


def tall_stand(rng: np.random.Generator) -> Shape:
    """Narrow and high."""
    size = (rng.uniform(0.3, 0.45), rng.uniform(0.55, 0.8), rng.uniform(0.3, 0.42))
    return _case(rng, "tall night stand", size, _drawers(rng, int(rng.integers(2, 5)), 1), STANDS)


def table_stand(rng: np.random.Generator) -> Shape:
    """Four legs from top to floor, a drawer under the top and a shelf between the legs."""
    wood, front = palette(rng, "wood"), palette(rng, "wood")
    w, d, high = rng.uniform(0.36, 0.6), rng.uniform(0.33, 0.5), rng.uniform(0.5, 0.75)
    thick, box_high = rng.uniform(0.025, 0.05), rng.uniform(0.1, 0.22)
    parts = [box((w, 0.03, d), (0, high, 0), wood)]
    for x in (-1, 1):
        for z in (-1, 1):
            at = (x * (w / 2 - thick), z * (d / 2 - thick))
            parts.append(beam((at[0], 0, at[1]), (at[0], high, at[1]), thick, wood))
    parts.append(box((w - 2 * thick, box_high, d - 2 * thick), (0, high - box_high / 2 - 0.015, 0), wood))
    parts.append(box((w - 3 * thick, box_high * 0.8, 0.02), (0, high - box_high / 2 - 0.015, d / 2 - thick), front))
    details = ["one drawer", "four straight legs"]
    if chance(rng, 0.7):
        parts.append(box((w - thick, 0.02, d - thick), (0, rng.uniform(0.08, 0.25), 0), wood))
        details.append("a shelf between the legs")
    return Shape(parts, "bedside table with a shelf", details)


def drum_stand(rng: np.random.Generator) -> Shape:
    """A round case, closed or with an opening, on a foot or on the floor."""
    wood = palette(rng, pick(rng, "wood", "plastic", "metal"))
    radius, high = rng.uniform(0.2, 0.32), rng.uniform(0.4, 0.6)
    lift = rng.uniform(0.0, 0.15) if chance(rng, 0.6) else 0.0
    parts: list[Part] = [cylinder(radius, high - lift, (0, lift + (high - lift) / 2, 0), wood, sections=24)]
    parts.append(cylinder(radius * rng.uniform(1.0, 1.12), 0.03, (0, high, 0), palette(rng, "wood"), sections=24))
    parts.append(box((radius, (high - lift) * 0.35, 0.03), (0, high - (high - lift) * 0.3, radius), palette(rng, "wood")))
    if lift:
        parts.append(frustum(radius * 0.9, radius * 0.6, lift, (0, lift / 2, 0), wood))
    return Shape(parts, "round night stand", ["a round case", "one drawer"])


def gallery_stand(rng: np.random.Generator) -> Shape:
    """A case whose top has a low rail on three sides."""
    size = _small(rng)
    shape = _case(rng, "night stand with a rail", size, _drawers(rng, int(rng.integers(1, 4)), 1), STANDS)
    top, colour, high = max(p.mesh.bounds[1, 1] for p in shape.parts), palette(rng, "wood"), rng.uniform(0.04, 0.12)
    w, d = size[0] / 2 - 0.01, size[2] / 2 - 0.01
    shape.parts += [
        box((2 * w, high, 0.015), (0, top + high / 2, -d), colour),
        box((0.015, high, 2 * d), (w, top + high / 2, 0), colour),
        box((0.015, high, 2 * d), (-w, top + high / 2, 0), colour),
    ]
    shape.details.append("a rail around the top")
    return shape


def crossed_stand(rng: np.random.Generator) -> Shape:
    """A small case or tray on crossed legs."""
    finish = random_finish(rng)
    w, d, low = rng.uniform(0.4, 0.6), rng.uniform(0.35, 0.48), rng.uniform(0.3, 0.5)
    body = Body(w, rng.uniform(0.1, 0.25), d, low)
    cells = grid(body, [1.0], [1.0])
    parts = [*fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    for side in (-1, 1):
        x = side * (w / 2 - 0.03)
        parts.append(beam((x, 0, -d / 2 + 0.03), (x, low, d / 2 - 0.03), 0.03, finish.wood))
        parts.append(beam((x, 0, d / 2 - 0.03), (x, low, -d / 2 + 0.03), 0.03, finish.wood))
    return Shape(parts, "night stand on crossed legs", [*describe(cells), "crossed legs"])


def lamp_stand(rng: np.random.Generator) -> Shape:
    """A night stand with a lamp on it."""
    shape = (drawer_stand, shelf_stand, two_drawer_legs)[rng.integers(3)](rng)
    top, high = max(p.mesh.bounds[1, 1] for p in shape.parts), rng.uniform(0.2, 0.4)
    shape.parts.append(cylinder(rng.uniform(0.05, 0.08), 0.02, (0, top + 0.01, 0), palette(rng, "metal")))
    shape.parts.append(rod((0, top, 0), (0, top + high * 0.6, 0), 0.015, palette(rng, "metal")))
    wide = rng.uniform(0.08, 0.15)
    shape.parts.append(frustum(wide, wide * 0.6, high * 0.4, (0, top + high * 0.8, 0), palette(rng, "fabric")))
    return Shape(shape.parts, "night stand with a lamp", [*shape.details, "a lamp on top"])


DRESSER: dict[str, Callable[[np.random.Generator], Shape]] = {
    "wide dresser": wide_dresser,
    "triple dresser": triple_dresser,
    "chest of drawers": chest,
    "tall chest of drawers": tall_chest,
    "chest with small drawers": split_chest,
    "dresser with a mirror": mirror_dresser,
    "dresser with doors": door_dresser,
    "tall dresser with doors": armoire,
    "dresser with rails": changing_dresser,
    "plain dresser": plain_dresser,
    "two part dresser": hutch_dresser,
    "dresser on legs": legged_dresser,
}

NIGHT_STAND: dict[str, Callable[[np.random.Generator], Shape]] = {
    "night stand with drawers": drawer_stand,
    "night stand on long legs": one_drawer_stand,
    "night stand on legs": two_drawer_legs,
    "night stand with a shelf": shelf_stand,
    "open night stand": open_stand,
    "night stand with a door": door_stand,
    "tall night stand": tall_stand,
    "bedside table with a shelf": table_stand,
    "round night stand": drum_stand,
    "night stand with a rail": gallery_stand,
    "night stand on crossed legs": crossed_stand,
    "night stand with a lamp": lamp_stand,
}
