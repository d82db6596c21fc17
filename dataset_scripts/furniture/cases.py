"""Cases with drawers, doors and open shelves: dressers, night stands and the drawer blocks of other furniture.

A front is written in a small grammar, read by `layout`: rows from the top down between "/", columns between "|". A cell
is a letter (d drawer, D door, L door with its handle at the right, g glass door, o open) or a front in parentheses, then
perhaps how often it is repeated as a row, {n} or {a-b}, and its relative size, :a-b. So "d/o:1-2.2" is a drawer over a
larger open shelf, "(d|d)/d{2-4}" a chest with two small drawers at the top.

A case of `size` (width, height, depth) stands on y = 0, centered on x = z = 0; its front faces +z.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .maker import Color, Maker, counted
from .supports import corner_legs, crossed_legs, panel_legs, plinth, short_feet, sled


Sizes = tuple[tuple[float, float], ...]  # ranges of width, height and depth, metres
Size = tuple[float, float, float]

STANDS = "none plinth feet brackets legs sled panels"
GLASS = (0.25, 0.3, 0.33)

# Look: (gap around a front, how far its face stands before the front plane), metres.
_LOOKS = {"proud": (0.006, 0.02), "grooves": (0.005, 0.004), "inset": (0.012, -0.006), "framed": (0.008, 0.008)}
_KINDS = {"d": "drawer", "D": "door", "L": "door left", "g": "glass", "o": "open"}
_ITEM = re.compile(r"(.+?)(?:\{(\d+)(?:-(\d+))?\})?(?::([\d.]+)-([\d.]+))?")


@dataclass(frozen=True)
class Finish:
    """How a case is made; the brush holds the color of its wood.

    Args:
        front: Color of drawers and doors.
        metal: Color of the handles.
        handle: Kind of `handle`.
        look: One of `_LOOKS`.
        hollow: Panels instead of a solid block.
        boxes: Drawers are whole boxes, not only their fronts (seen only in hollow cases, as in many CAD models).
        pairs: Wide drawers have two bars.
        thickness: Of the panels, metres.
    """

    front: Color
    metal: Color
    handle: str
    look: str = "proud"
    hollow: bool = False
    boxes: bool = False
    pairs: bool = False
    thickness: float = 0.02


@dataclass(frozen=True)
class Cell:
    """Rectangle of a front, metres; `kind` is one of the values of `_KINDS`."""

    left: float
    right: float
    low: float
    high: float
    kind: str = "drawer"


def new_finish(m: Maker, hollow: float = 0.45) -> Finish:
    """Draw a finish and set the brush to its wood; `hollow` is the probability that the case is made of panels."""
    # Pure black would hide every drawer from a shaded view.
    m.color = wood = tuple(0.1 + 0.9 * value for value in m.palette("wood wood wood wood plastic metal"))
    if m.chance(0.35):
        front = m.palette("wood ceramic plastic")
    else:
        front = tint(m, wood) if m.chance(0.6) else wood
    metal, handle, look = m.palette("metal metal wood"), m.pick(HANDLES), m.pick("proud grooves inset framed")
    return Finish(front, metal, handle, look, m.chance(hollow), m.chance(0.4), m.chance(), m.uniform(0.012, 0.03))


def tint(m: Maker, color: Color) -> Color:
    """Make a color slightly darker or lighter."""
    return tuple(np.clip(np.array(color) * m.uniform(0.8, 1.15), 0, 1).tolist())


# ------------------------------------------------------------------------------------------------ for other furniture


def drawer_block(m: Maker, extents: Size, center: Size, metal: Color, drawers: int | None = None) -> str:
    """Add drawers above each other in a case, or one door, or open shelves; return a phrase.

    `extents` include the fronts. `drawers` fixes their number; by default the content is drawn.
    """
    (width, height, depth), (x, y, z) = extents, center
    content = "drawers" if drawers else m.pick("drawers drawers drawers door shelves")
    count = drawers or m.number(2, 4)
    if height < 0.3:
        count = min(count, 2)
    if content == "shelves":
        open_case(m, extents, center, shelves=max(count - 1, 1))
        return "open shelves"
    board = min(m.uniform(0.012, 0.03), 0.2 * min(width, height))
    handle = m.pick("knob bar bar cup none")
    finish = Finish(tint(m, m.color), metal, handle, hollow=m.chance(0.4), pairs=m.chance(0.3), thickness=board)
    size = (width, height, depth - 0.02)
    cells = layout(m, "D" if content == "door" else f"d{{{count}}}", Cell(-width / 2, width / 2, 0, height))
    with m.at(x, y - height / 2, z - 0.01):
        build(m, size, cells, finish, pulled=0.0)
    return "a cupboard door" if content == "door" else counted(count, "drawer")


def open_case(
    m: Maker,
    extents: Size,
    center: Size,
    shelves: int = 1,
    dividers: int = 0,
    with_back: bool = True,
    with_floor: bool = True,
    board: float | None = None,
) -> None:
    """Add a bookcase that opens to +z: two sides, a top, `shelves`, upright `dividers`, perhaps a back and a floor."""
    width, height, depth = extents
    board = board or min(m.uniform(0.012, 0.03), 0.15 * min(extents))
    inner, edge = width - 2 * board, (height - board) / 2
    levels = [edge, *(height * (np.arange(shelves) + 1) / (shelves + 1) - height / 2), *([-edge] if with_floor else [])]
    with m.at(*center):
        m.box((board, height, depth), ((width - board) / 2, 0, 0), both="x")
        for level in levels:
            m.box((inner, board, depth), (0, level, 0))
        for place in (np.arange(dividers) + 1) / (dividers + 1) - 0.5:
            m.box((board, height - board, depth), (place * inner, -board / 2, 0))
        if with_back:
            m.box((inner, height, board * 0.6), (0, 0, board * 0.3 - depth / 2))


# ------------------------------------------------------------------------------------------------ layouts


def layout(m: Maker, front: str, cell: Cell) -> list[Cell]:
    """Cut a cell as `front` says, see the grammar above."""
    mark = "|" if len(_cut(front, "|")) > 1 else "/"
    cores, sizes = [], []
    for piece in _cut(front, mark):
        core, least, most, low, high = _ITEM.fullmatch(piece).groups()
        count = m.number(int(least), int(most or least)) if least else 1
        cores += [core] * count
        sizes += [m.uniform(float(low), float(high)) if low else 1.0] * count
    if mark == "/" and all("d" in core for core in cores) and m.chance(0.4):
        sizes *= np.linspace(1 - 2 * m.uniform(0.05, 0.2), 1, len(cores))  # lower drawers towards the top
    edges, cells = np.cumsum([0, *sizes]) / sum(sizes), []
    x, y = cell.left + edges * (cell.right - cell.left), cell.high - edges * (cell.high - cell.low)
    for index, core in enumerate(cores):
        if mark == "|":
            part = replace(cell, left=x[index], right=x[index + 1])
        else:
            part = replace(cell, high=y[index], low=y[index + 1])
        cells += layout(m, core[1:-1], part) if core[0] == "(" else [replace(part, kind=_KINDS[core])]
    return cells


def _cut(front: str, mark: str) -> list[str]:
    """Cut a text at every `mark` outside of parentheses."""
    depth = np.cumsum([(letter == "(") - (letter == ")") for letter in front])
    cuts = [index for index, letter in enumerate(front) if letter == mark and depth[index] == 0]
    return [front[first + 1 : last] for first, last in pairwise([-1, *cuts, len(front)])]


def say_content(m: Maker, cells: list[Cell]) -> None:
    """Say what the cells are, e.g. "six drawers", "an open shelf"."""
    kinds = Counter(cell.kind.split()[0] for cell in cells)
    nouns = {"drawer": "drawer", "door": "door", "glass": "glass door"}
    m.say(*(counted(kinds[kind], noun) for kind, noun in nouns.items() if kinds[kind]))
    if kinds["open"]:
        m.say("an open shelf" if kinds["open"] == 1 else "open shelves")


# ------------------------------------------------------------------------------------------------ building


def furnish(m: Maker, front: str, size: Size, finish: Finish, margin: float = 0.02) -> list[Cell]:
    """Add a case with the given front; return its cells."""
    half, height = size[0] / 2 - margin, size[1] - margin
    cells = layout(m, front, Cell(-half, half, margin, height))
    build(m, size, cells, finish)
    return cells


def build(m: Maker, size: Size, cells: list[Cell], finish: Finish, pulled: float = 0.06) -> None:
    """Add case and fronts; an open cell makes the case hollow, `pulled` is the probability of a pulled out drawer."""
    width, height, depth = size
    has_open = any(cell.kind == "open" for cell in cells)
    finish = replace(finish, hollow=finish.hollow or has_open)
    if finish.hollow:
        open_case(m, size, (0, height / 2, 0), shelves=0, board=finish.thickness)
    else:
        m.box(size, (0, height / 2, 0))
    if has_open or (finish.hollow and m.chance(0.5)):
        _boards(m, size, cells, finish.thickness * 0.9, depth - 0.02, -0.005)
    out = m.number(0, len(cells) - 1) if m.chance(pulled) else -1
    face = _LOOKS[finish.look][1] if finish.hollow else max(_LOOKS[finish.look][1], 0.004)
    for index, cell in enumerate(cells):
        reach = m.uniform(0.1, 0.4) * depth if index == out and cell.kind == "drawer" else 0.0
        if cell.kind != "open":
            with m.at((cell.left + cell.right) / 2, (cell.low + cell.high) / 2, depth / 2 + face + reach):
                _front(m, cell, depth, finish)
    if finish.look == "framed":
        m.box((0.018, height, 0.03), (width / 2 - 0.009, height / 2, depth / 2 + 0.008), both="x")
        _boards(m, size, cells, 0.018, 0.028, depth / 2 + 0.008)


def _boards(m: Maker, size: Size, cells: list[Cell], thickness: float, depth: float, z: float) -> None:
    """Add boards or rails on the lower edge and, between columns, on the left edge of every cell."""
    for cell in cells:
        wide, tall = cell.right - cell.left, cell.high - cell.low
        if cell.low > 0.01:
            m.box((wide, thickness, depth), (cell.left + wide / 2, cell.low, z))
        if cell.left > 0.05 - size[0] / 2:
            m.box((thickness, tall, depth - 0.002), (cell.left, cell.low + tall / 2, z))


def _front(m: Maker, cell: Cell, depth: float, finish: Finish) -> None:
    """Add a drawer or door, its face in the middle of z = 0."""
    gap = _LOOKS[finish.look][0]
    wide, tall = cell.right - cell.left - gap, cell.high - cell.low - gap
    if cell.kind != "drawer":
        _door(m, cell.kind, wide, tall, finish)
        return
    m.box((wide, tall, 0.02), (0, 0, -0.01), color=finish.front)
    if finish.hollow and finish.boxes:
        w, h, d = 0.92 * wide, 0.7 * tall, 0.85 * depth
        z = -0.02 - d / 2
        m.box((w, 0.008, d), (0, -h / 2, z))
        m.box((0.01, h, d), (w / 2, 0, z), both="x")
        m.box((w, h, 0.01), (0, 0, -0.02 - d))
    two = wide >= 0.5 and finish.handle not in ("lip", "cup") and (finish.pairs or finish.handle != "bar")
    with m.both("x" if two else ""):
        handle(m, finish, (0.25 * wide * two, 0, 0), min(wide / (1 + two), 0.6), tall)


def _door(m: Maker, kind: str, wide: float, tall: float, finish: Finish) -> None:
    """Add a door, plain or as four strips around a set back panel, with a handle at one edge."""
    rim = min(0.06, wide * 0.2)
    m.box((wide, tall, 0.014), (0, 0, -0.011), color=GLASS if kind == "glass" else finish.front)
    if kind == "glass" or finish.look in ("framed", "proud"):
        m.box((rim, tall, 0.022), ((wide - rim) / 2, 0, -0.007), color=finish.front, both="x")
        m.box((wide - 2 * rim, rim, 0.022), (0, (tall - rim) / 2, -0.007), color=finish.front, both="y")
    x, y = (wide / 2 - 0.03) * (1 if kind == "door left" else -1), 0.0 if tall < 0.9 else -0.1 * tall
    if finish.handle in ("bar", "arc", "lip"):
        half = min(0.25 * tall, 0.15)
        m.rod((x, y - half, 0.025), (x, y + half, 0.025), 0.007, 6, color=finish.metal)
    elif finish.handle != "none":
        handle(m, replace(finish, handle="knob"), (x, y, 0), wide, tall)


HANDLES = "knob knob bar bar arc ring cup lip none"
_KNOB = np.array([(0.5, 0), (0.45, 1), (1, 1.3), (1, 2), (0.5, 2.4)])


def handle(m: Maker, finish: Finish, place: Size, width: float, height: float) -> None:
    """Add the handle of `finish` (see HANDLES) at a place of a front, for a drawer of `width` and `height`."""
    reach, turn = min(0.3 * width, 0.16), np.linspace(0, np.pi, 8)
    with m.painted(finish.metal), m.at(*place):
        if finish.handle == "knob":
            with m.turned("x", 90):
                m.revolve(_KNOB * min(0.018, 0.2 * height), sections=8)
        elif finish.handle == "bar":
            m.rod((0.8 * reach, 0, 0), (0.8 * reach, 0, 0.025), 0.005, 6, both="x")
            m.rod((-reach, 0, 0.028), (reach, 0, 0.028), 0.007, 6)
        elif finish.handle == "arc":
            path = np.stack([-0.8 * reach * np.cos(turn), -0.01 * np.sin(turn), 0.035 * np.sin(turn)], axis=1)
            m.tube(path[[0, 1, 3, 4, 6, 7]], 0.006, sections=6)
        elif finish.handle == "ring":
            size, turn = min(0.03, 0.3 * height), np.arange(8) * np.pi / 4
            path = np.stack([size * np.cos(turn), size * (np.sin(turn) - 0.5), np.full(8, 0.012)], axis=1)
            m.tube(path, 0.004, sections=5, closed=True)
            m.cylinder(0.012, 0.014, (0, size * 0.5, 0.007), "z", 8)
        elif finish.handle == "cup":
            m.extrude(np.stack([0.5 * reach * np.cos(turn), 0.03 * np.sin(turn)], axis=1), 0.024, (0, 0, 0.012))
        elif finish.handle == "lip":
            m.box((0.9 * width, 0.012, 0.02), (0, 0.45 * height, 0.01))


# ------------------------------------------------------------------------------------------------ stands, whole pieces


def bracket_feet(m: Maker, width: float, depth: float, height: float) -> str:
    """Add a skirt all round that is cut out between the corners, straight or curved; return the phrase."""
    cut, curved = m.uniform(0.35, 0.9) * height, m.chance()
    turn = np.linspace(0, np.pi, 7)[1:-1] if curved else np.array([0, np.pi])
    rise = cut * np.sin(turn) ** 0.7 if curved else np.full(2, cut)
    for length, plane, place, axis in (
        (width, "xy", (0, 0, depth / 2 - 0.01), "z"),
        (depth, "zy", (width / 2 - 0.01, 0, 0), "x"),
    ):
        half, foot = length / 2, min(m.uniform(0.12, 0.25) * length, 0.2)
        arch = np.stack([-np.cos(turn) * (half - foot), rise], axis=1)
        inner = half - 0.8 * foot
        outline = [(-half, 0), (-inner, 0), *arch, (inner, 0), (half, 0), (half, height), (-half, height)]
        m.extrude(outline, 0.02, place, plane, both=axis)
    return "bracket feet"


# Kind of stand: range of heights, what stands there.
_STANDS = {
    "plinth": ((0.03, 0.12), plinth),
    "feet": ((0.03, 0.12), short_feet),
    "brackets": ((0.06, 0.16), bracket_feet),
    "legs": ((0.12, 0.3), corner_legs),
    "sled": ((0.1, 0.25), sled),
    "panels": ((0.06, 0.2), panel_legs),
    "crossed": ((0.28, 0.5), crossed_legs),
}


def stand(m: Maker, kinds: str, width: float, depth: float, lift: tuple[float, float] | None = None) -> float:
    """Add what a case stands on, one of STANDS, as high as `lift` or as usual; return its height."""
    kind = m.pick(kinds)
    if kind == "none":
        return 0.0
    usual, builder = _STANDS[kind]
    height = m.uniform(*(lift or usual))
    color = m.color if kind == "brackets" or m.chance(0.6) else m.palette("metal wood")
    with m.painted(color):
        m.say(builder(m, width, depth, height))
    return height
