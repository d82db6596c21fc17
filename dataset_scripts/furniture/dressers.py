"""Dressers: chests in every proportion with drawers, doors, mirrors, hutches and rails, straight and curved.

Once a cloud is normalized, only proportions, legs and the number of drawers tell a dresser from a night stand: a
dresser is wide or tall and full of drawers. Most families are a row of fronts, sizes and stands, see `cases`.
"""

from functools import partial

import numpy as np

from . import cases
from .cases import Cell, Finish, Size, case, row, straight
from .maker import Builder, Maker
from .solids import outline_points


# Three columns, often with another width or doors in the middle.
_TRIPLE = "(d|d|d|d){2} " + " ".join(
    f"d{{{n}}}|({middle}):0.8-1.3|d{{{n}}}" for n in (2, 3, 4) for middle in (f"d{{{n}}}", f"d{{{n}}}", "L|D")
)


def many_drawers(m: Maker) -> None:
    """Make a field of small drawers, as pharmacists had."""
    rows, columns = m.number(3, 5), m.number(3, 5)
    sizes = f"{0.24 * columns}-{0.4 * columns} {0.18 * rows}-{0.3 * rows} 0.35-0.5"
    case(m, f"({'|'.join('d' * columns)}){{{rows}}}", sizes)


def mixed_dresser(m: Maker) -> None:
    """Make columns of different content: drawers, doors, a drawer over a door, open shelves; low or high."""
    columns = [m.pick("d{2-4} d{2-4} D d/D:1.5-3 o{1-3} g") for _ in range(m.number(1, 3))]
    columns.insert(m.number(0, len(columns)), "d{2-4}")
    case(m, "|".join(f"({column}):0.7-1.3" for column in columns), "1.1-2.1 0.55-1.1 0.38-0.58")


def stepped_dresser(m: Maker) -> None:
    """Make two or three cases of different height side by side."""
    finish, count, depth, left = cases.new_finish(m), m.number(2, 3), m.uniform(0.4, 0.55), 0.0
    sizes = [(m.uniform(0.45, 0.95), m.uniform(0.45, 1.25), depth) for _ in range(count)]
    if count == 3 and m.chance(0.6):
        sizes[2] = sizes[0]
    cells: list[Cell] = []
    for size in sizes:
        rows = max(int(size[1] / m.uniform(0.18, 0.3)), 2)
        with m.at(left + size[0] / 2):
            cells += straight(m, "L|D" if m.chance(0.2) else f"d{{{rows}}}", size, finish, 0.0)
        left += size[0]
    cases.say_content(m, cells)
    m.say("parts of different height")


def upper(m: Maker, size: Size, finish: Finish, fronts, wide, tall, deep, gable=0.0) -> list[Cell]:
    """Add a smaller case on top, `wide` and `deep` as shares, flush with the back; perhaps under a gable."""
    w, h, d = size[0] * m.uniform(*wide), m.uniform(*tall), size[2] * m.uniform(*deep)
    with m.at(0, size[1], (d - size[2]) / 2):
        cells = straight(m, m.pick(fronts), (w, h, d), finish, 0.0)
        if m.chance(gable):
            high, side = m.uniform(0.08, 0.22), m.pick(0.02, 0.3)
            outline = np.array([(-w / 2, 0), (w / 2, 0), (w / 2, side), (0, 1), (-w / 2, side)]) * (1, high)
            m.extrude(outline, 0.04, (0, h, d / 2 - 0.03))
            m.say("a gable on top")
    m.say("shelves above the top" if cells[0].kind == "open" else "a smaller case on top")
    return cells


_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
_ARCH = [(np.cos(turn), 0.4 + 0.6 * np.sin(turn)) for turn in np.linspace(0, np.pi, 10)]
_MIRRORS = {  # kind: outline that fills [-1, 1] x [-1, 1], phrase
    "plain": (_SQUARE, "a large mirror"),
    "oval": (outline_points("oval", 24), "an oval mirror"),
    "arched": (np.array([*_SQUARE[:2], *_ARCH]), "an arched mirror"),
    "folding": (_SQUARE, "a mirror with two wings"),
}


def mirror(m: Maker, size: Size, finish: Finish) -> None:
    """Add a framed mirror on the back edge: oval, arched, with wings, often hung between posts."""
    (w, top, d), m.color, glass = size, m.palette("wood"), m.pick((0.6, 0.68, 0.72), (0.8, 0.85, 0.88))
    kind = m.pick("plain plain oval arched folding")
    outline, phrase = _MIRRORS[kind]
    wide, high = m.uniform(0.4, 0.95) * w * (0.55 if kind == "folding" else 1), m.uniform(0.45, 1.1)
    lift, rim, half = m.pick(0.0, m.uniform(0.03, 0.2)), m.uniform(0.78, 0.95), np.array((wide, high)) / 2
    with m.at(0, top + lift, 0.03 - d / 2):
        m.extrude(outline * half, 0.03, (0, high / 2, 0.015))
        m.extrude(outline * half * rim, 0.012, (0, high / 2, 0.029), color=glass)
        if lift:
            x = wide / 2 + 0.02 if kind in ("oval", "plain") else 0.35 * wide
            m.rod((x, -lift, 0), (x, 0.6 * high, 0), 0.02, both="x")
        if kind == "folding":
            wing = wide * m.uniform(0.4, 0.6)
            x = (wide + wing) / 2
            with m.both("x"), m.turned("y", -m.uniform(15, 50), (wide / 2, 0, 0)):
                m.box((wing, high * 0.9, 0.025), (x, high * 0.45, 0.012))
                m.box((wing * 0.85, high * 0.8, 0.01), (x, high * 0.45, 0.027), color=glass)
    m.say(phrase)


def changing_top(m: Maker, size: Size, finish: Finish) -> None:
    """Add a rail around the top, for changing a baby, often with a mat."""
    cases.rail(m, size, finish, (0.06, 0.18), 0.5)
    if m.chance(0.4):
        wide = size[0] * m.uniform(0.6, 0.9)
        m.cushion((wide, 0.06, size[2] * 0.85), (0, size[1] + 0.03, 0), 0.2, color=m.palette("fabric"))
        m.say("a soft mat on top")


_CHEST = "d{2-4} (d|d){2-4}"
_DOORS = "d/(L|D):1.5-3 (d|d)/(L|D):1.5-3 L|(d{3-4}):1.2-1.2|D L|(d{3-4}):1.2-1.2|D"
_WARDROBE = "(L|D):1.2-2.5/d (L|D):2.4-5/d/d (L|D):3.6-7.5/d/d/d"
_SHELF, _WIDE_SHELF = "o:0.7-1.6/d{2-4} d{2-4}/o:0.7-1.6", "(o|o):0.7-1.6/(d|d){2-4} (d|d){2-4}/(o|o):0.7-1.6"
_WIDE = "(d|d){2-4} (d|d){2-4} (d|d|d){2-4}"
_LEGS, _LOW = "legs:0.15-0.35 legs:0.15-0.35 panels:0.15-0.35 sled:0.15-0.35", "legs feet plinth none"
_HIGH_LEGS = "legs:0.2-0.45 legs:0.2-0.45 brackets:0.2-0.45"
_HIGH = partial(upper, fronts="(d|d)/d{2-4}", wide=(0.88, 0.97), tall=(0.6, 1.0), deep=(0.93, 0.93), gable=0.4)
_SECOND = partial(upper, fronts="d{2-3}", wide=(0.7, 1.0), tall=(0.4, 0.8), deep=(0.6, 0.95))
_HUTCH = partial(upper, fronts="o{1-3} (o|o){1-3} (o|o|o){1-3}", wide=(0.8, 1.0), tall=(0.4, 1.1), deep=(0.4, 0.7))

FAMILIES: dict[str, Builder] = {
    "wide dresser": row("(d|d){2-4}", "1.1-1.9 0.65-0.95 0.4-0.6"),
    "triple dresser": row(_TRIPLE, "1.5-2.3 0.6-0.95 0.4-0.6"),
    "chest of drawers": row("d{4-6}", "0.75-1.15 0.8-1.2 0.4-0.6"),
    "tall chest of drawers": row("d{5-8}", "0.42-0.95 1.1-1.6 0.36-0.55"),
    "chest with small drawers": row("(d|d)/d{2-4}", "0.8-1.3 0.8-1.25 0.4-0.6"),
    "plain dresser": row("d{3-6}", "0.6-1.8 0.7-1.4 0.4-0.6", "none plinth", "(d|d){3-6}"),
    "dresser on legs": row("(d|d){2-3} (d|d|d){2-3}", "1-1.8 0.5-0.75 0.4-0.55", _LEGS),
    "dresser with many small drawers": many_drawers,
    "dresser with corner posts": row("d{3-5}", "0.7-1.7 0.6-1.1 0.4-0.58", "none", "(d|d){3-5}", body=cases.posted),
    "dresser with a curved front": row("d{3-5}", "0.75-1.5 0.65-1.1 0.42-0.65", body=cases.shaped, foot=0.75),
    "dresser with curved sides": row("d{3-5}", "0.8-1.5 0.6-1 0.42-0.65", _LOW, body=cases.bulging, foot=0.75),
    "dresser with doors": row(_DOORS, "0.9-1.7 0.75-1.2 0.42-0.6"),
    "tall dresser with doors": row(_WARDROBE, "0.8-1.2 1.3-1.9 0.45-0.65"),
    "dresser with drawers and doors": mixed_dresser,
    "dresser with open shelves": row(_SHELF, "0.8-1.6 0.7-1.2 0.38-0.55", wide=_WIDE_SHELF),
    "two part dresser": row("(d|d){3}", "0.9-1.5 0.6-0.9 0.42-0.55", extra=_SECOND),
    "high chest of drawers": row("d{1-2}", "0.75-1.1 0.2-0.4 0.4-0.55", _HIGH_LEGS, extra=_HIGH),
    "dresser with shelves on top": row(f"{_CHEST} (d|d|d){{2-4}}", "0.9-1.7 0.65-0.95 0.42-0.58", extra=_HUTCH),
    "stepped dresser": stepped_dresser,
    "dresser with a mirror": row(_CHEST, "0.8-1.8 0.6-0.95 0.42-0.55", wide=_WIDE, extra=mirror),
    "dresser with rails": row(_CHEST, "0.8-1.3 0.7-1 0.45-0.65", extra=changing_top),
}
WEIGHTS = dict.fromkeys(["dresser with curved sides", "dresser with many small drawers"], 0.6)
WEIGHTS |= {"dresser with shelves on top": 0.7, "stepped dresser": 0.5}
