"""Cases with drawers, doors and open shelves: dressers, night stands and the drawer blocks of other furniture.

A front is written in a small grammar, read by `layout`: rows from the top down between "/", columns between "|". A cell
is a letter (see `_KINDS`) or a front in parentheses, then perhaps how often it is repeated as a row, {n} or {a-b}, and
its relative size, :a-b. So "d/o:1-2.2" is a drawer over a larger open shelf, "(d|d)/d{2-4}" a chest whose uppermost row
is two small drawers. A case of `size` (width, height, depth) stands on y = 0, centered on x = z = 0.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .maker import Builder, Color, Maker, counted
from .supports import corner_legs, crossed_legs, panel_legs, pedestal, plinth, short_feet, sled


Range = tuple[float, float]
Size = tuple[float, float, float]  # width, height, depth or x, y, z, metres

HANDLES = "knob knob bar bar arc ring cup lip none"
_KINDS = {"d": "drawer", "D": "door", "L": "door left", "g": "glass", "o": "open", "p": "plain"}  # left: of its middle
_ITEM = re.compile(r"(.+?)(?:\{(\d+)(?:-(\d+))?\})?(?::([\d.]+)-([\d.]+))?")
# Look: (gap around a front, how far its face stands before the front plane), metres.
_LOOKS = {"proud": (0.006, 0.02), "grooves": (0.005, 0.004), "inset": (0.012, -0.006), "framed": (0.008, 0.008)}
_KNOB = np.array([(0.5, 0), (0.45, 1), (1, 1.3), (1, 2), (0.5, 2.4)])

# Shares of a width where a front bends, and how far it stands out there.
_X = np.linspace(-0.5, 0.5, 13)
BOWS = {
    "bow": (_X, 1 - (2 * _X) ** 2),
    "hollow": (_X, (2 * _X) ** 2),
    "serpentine": (_X, 0.5 + 0.5 * np.cos(4 * np.pi * _X)),
    "break": ([-0.5, -0.2, -0.18, 0.18, 0.2, 0.5], [0, 0, 1, 1, 0, 0]),
    "canted": ([-0.5, -0.4, 0.4, 0.5], [0, 1, 1, 0]),
}
# Shares of the height from the bottom up, and of the width and depth there.
BULGES = {
    "bombe": ([0, 0.2, 0.45, 0.65, 0.85, 1], [0.78, 0.84, 0.96, 1, 0.95, 0.88]),
    "belly": ([0, 0.25, 0.45, 0.7, 1], [0.8, 0.97, 1, 0.92, 0.8]),
    "narrow foot": ([0, 1], [0.7, 1]),
    "narrow top": ([0, 1], [1, 0.72]),
    "waist": ([0, 0.25, 0.5, 0.75, 1], [1, 0.9, 0.82, 0.88, 1]),
}


class Finish(NamedTuple):
    """How a case is made; the brush holds the color of its wood."""

    front: Color  # of drawers and doors
    metal: Color  # of the handles
    handle: str  # one of HANDLES
    look: str = "proud"  # one of _LOOKS
    hollow: bool = False  # panels instead of a solid block
    boxes: bool = False  # drawers of hollow cases are whole boxes, as in many CAD models
    pairs: bool = False  # two bars on a wide drawer


class Cell(NamedTuple):
    """Rectangle of a front around (x, y); `kind` is one of the values of `_KINDS`."""

    x: float
    y: float
    width: float
    height: float
    kind: str = "drawer"


Body = Callable[[Maker, str, Size, Finish], list[Cell]]


def new_finish(m: Maker, hollow: float = 0.45) -> Finish:
    """Draw a finish and set the brush to its wood; `hollow` is the probability that the case is made of panels."""
    # Pure black would hide every drawer from a shaded view.
    m.color = front = tuple(0.1 + 0.9 * value for value in m.palette("wood wood wood wood plastic metal"))
    if m.chance(0.35):
        front = m.palette("wood ceramic plastic")
    elif m.chance(0.6):
        front = tint(m, front)
    look = m.pick([*_LOOKS])
    return Finish(
        front, m.palette("metal metal wood"), m.pick(HANDLES), look, m.chance(hollow), m.chance(0.4), m.chance()
    )


def tint(m: Maker, color: Color) -> Color:
    """Make a color slightly darker or lighter."""
    shade = m.uniform(0.8, 1.15)
    return tuple(min(value * shade, 1.0) for value in color)


def drawer_block(m: Maker, extents: Size, center: Size, metal: Color, drawers: int | None = None) -> str:
    """Add drawers above each other in a case, or one door, or open shelves; return a phrase.

    `extents` include the fronts. `drawers` fixes their number; by default the content is drawn.
    """
    (w, h, d), (x, y, z) = extents, center
    content = "drawers" if drawers else m.pick("drawers drawers drawers door shelves")
    count = min(drawers or m.number(2, 4), 2 if h < 0.3 else 99)
    if content == "shelves":
        open_case(m, extents, center, max(count - 1, 1))
        return "open shelves"
    front = "D" if content == "door" else f"d{{{count}}}"
    finish = Finish(tint(m, m.color), metal, m.pick("knob bar bar cup none"), hollow=m.chance(0.4), pairs=m.chance(0.3))
    with m.at(x, y - h / 2, z - 0.01):
        build(m, (w, h, d - 0.02), layout(m, front, Cell(0, h / 2, w, h)), finish, pulled=0.0)
    return "a cupboard door" if content == "door" else counted(count, "drawer")


def open_case(
    m: Maker,
    extents: Size,
    center: Size,
    shelves: int = 1,
    dividers: int = 0,
    with_back: bool = True,
    with_floor: bool = True,
) -> None:
    """Add a bookcase that opens to +z: two sides, a top, `shelves`, upright `dividers`, perhaps a back and a floor."""
    w, h, d = extents
    board = min(m.uniform(0.012, 0.03), 0.15 * min(extents))
    inner, edge = w - 2 * board, (h - board) / 2
    levels = [edge, *(h * (np.arange(shelves) + 1) / (shelves + 1) - h / 2), *([-edge] if with_floor else [])]
    with m.at(*center):
        m.box((board, h, d), ((w - board) / 2, 0, 0), both="x")
        for level in levels:
            m.box((inner, board, d), (0, level, 0))
        for place in (np.arange(dividers) + 1) / (dividers + 1) - 0.5:
            m.box((board, h - board, d), (place * inner, -board / 2, 0))
        if with_back:
            m.box((inner, h, board * 0.6), (0, 0, board * 0.3 - d / 2))


# ------------------------------------------------------------------------------------------------ fronts


def layout(m: Maker, front: str, cell: Cell) -> list[Cell]:
    """Cut a cell as `front` says, see the grammar above."""
    mark = "|" if len(_cut(front, "|")) > 1 else "/"
    cores, sizes, cells = [], [], []
    for piece in _cut(front, mark):
        core, least, most, low, high = _ITEM.fullmatch(piece).groups()
        count = m.number(int(least), int(most or least)) if least else 1
        cores += [core] * count
        sizes += [m.uniform(float(low), float(high)) if low else 1.0] * count
    if mark == "/" and all("d" in core for core in cores) and m.chance(0.4):
        sizes *= np.linspace(1 - 2 * m.uniform(0.05, 0.2), 1, len(cores))  # lower drawers towards the top
    for core, (start, end) in zip(cores, pairwise(np.cumsum([0, *sizes]) / sum(sizes)), strict=True):
        middle, share = (start + end - 1) / 2, end - start
        if mark == "|":
            part = cell._replace(x=cell.x + middle * cell.width, width=share * cell.width)
        else:
            part = cell._replace(y=cell.y - middle * cell.height, height=share * cell.height)
        cells += layout(m, core[1:-1], part) if core[0] == "(" else [part._replace(kind=_KINDS[core])]
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


def build(m: Maker, size: Size, cells: list[Cell], finish: Finish, pulled: float = 0.06) -> None:
    """Add case and fronts; an open cell makes the case hollow, `pulled` is the probability of a pulled out drawer."""
    w, h, d = size
    has_open = any(cell.kind == "open" for cell in cells)
    finish = finish._replace(hollow=finish.hollow or has_open)
    if finish.hollow:
        open_case(m, size, (0, h / 2, 0), shelves=0)
    else:
        m.box(size, (0, h / 2, 0))
    if has_open or (finish.hollow and m.chance()):
        _boards(m, w, cells, m.uniform(0.011, 0.027), d - 0.02, -0.005)
    face = _LOOKS[finish.look][1] if finish.hollow else max(_LOOKS[finish.look][1], 0.004)
    out = m.pick(cells) if m.chance(pulled) else None
    for cell in cells:
        reach = m.uniform(0.1, 0.4) * d if cell is out and cell.kind == "drawer" else 0.0
        if cell.kind not in ("open", "plain"):
            with m.at(cell.x, cell.y, d / 2 + face + reach):
                _front(m, cell, d, finish)
    if finish.look == "framed":
        m.box((0.018, h, 0.03), (w / 2 - 0.009, h / 2, d / 2 + 0.008), both="x")
        _boards(m, w, cells, 0.018, 0.028, d / 2 + 0.008)


def _boards(m: Maker, width: float, cells: list[Cell], thickness: float, depth: float, z: float) -> None:
    """Add boards or rails on the lower edge and, between columns, on the left edge of every cell."""
    for x, y, w, h, _ in cells:
        if y - h / 2 > 0.005:
            m.box((w, thickness, depth), (x, y - h / 2, z))
        if x - w / 2 > 0.05 - width / 2:
            m.box((thickness, h, depth - 0.002), (x - w / 2, y, z))


def _front(m: Maker, cell: Cell, depth: float, finish: Finish) -> None:
    """Add a drawer or door, its face in the middle of z = 0."""
    gap = _LOOKS[finish.look][0]
    w, h = cell.width - gap, cell.height - gap
    if cell.kind != "drawer":
        return _door(m, cell.kind, w, h, finish)
    m.box((w, h, 0.02), (0, 0, -0.01), color=finish.front)
    if finish.hollow and finish.boxes:
        middle = -0.02 - 0.425 * depth
        m.box((0.92 * w, 0.008, 0.85 * depth), (0, -0.35 * h, middle))
        m.box((0.01, 0.7 * h, 0.85 * depth), (0.46 * w, 0, middle), both="x")
        m.box((0.92 * w, 0.7 * h, 0.01), (0, 0, -0.02 - 0.85 * depth))
    two = w >= 0.5 and finish.handle not in ("lip", "cup") and (finish.pairs or finish.handle != "bar")
    with m.both("x" if two else ""):
        handle(m, finish, (0.25 * w * two, 0, 0), min(w / (1 + two), 0.6), h)


def _door(m: Maker, kind: str, w: float, h: float, finish: Finish) -> None:
    """Add a door, plain or as four strips around a set back panel, with a handle at one edge."""
    rim = min(0.06, w * 0.2)
    m.box((w, h, 0.014), (0, 0, -0.011), color=(0.25, 0.3, 0.33) if kind == "glass" else finish.front)
    if kind == "glass" or finish.look in ("framed", "proud"):
        with m.painted(finish.front):
            m.box((rim, h, 0.022), ((w - rim) / 2, 0, -0.007), both="x")
            m.box((w - 2 * rim, rim, 0.022), (0, (h - rim) / 2, -0.007), both="y")
    x, y = (w / 2 - 0.03) * (1 if kind == "door left" else -1), 0.0 if h < 0.9 else -0.1 * h
    if finish.handle in ("bar", "arc", "lip"):
        half = min(0.25 * h, 0.15)
        m.rod((x, y - half, 0.025), (x, y + half, 0.025), 0.007, 6, color=finish.metal)
    elif finish.handle != "none":
        handle(m, finish._replace(handle="knob"), (x, y, 0), w, h)


def handle(m: Maker, finish: Finish, place: Size, width: float, height: float) -> None:
    """Add the handle of `finish` at a place of a front, for a drawer of `width` and `height`."""
    kind, reach, turn = finish.handle, min(0.3 * width, 0.16), np.linspace(0, np.pi, 8)
    with m.painted(finish.metal), m.at(*place):
        if kind == "knob":
            with m.turned("x", 90):
                m.revolve(_KNOB * min(0.018, 0.2 * height), sections=8)
        elif kind == "bar":
            m.rod((0.8 * reach, 0, 0), (0.8 * reach, 0, 0.025), 0.005, 6, both="x")
            m.rod((-reach, 0, 0.028), (reach, 0, 0.028), 0.007, 6)
        elif kind == "arc":
            m.tube(np.stack([-0.8 * reach * np.cos(turn), -0.01 * np.sin(turn), 0.035 * np.sin(turn)], 1), 0.006, 6)
        elif kind == "ring":
            size, turn = min(0.03, 0.3 * height), np.arange(8) * np.pi / 4
            ring = np.stack([size * np.cos(turn), size * (np.sin(turn) - 0.5), np.full(8, 0.012)], 1)
            m.tube(ring, 0.004, 5, closed=True)
            m.cylinder(0.012, 0.014, (0, size * 0.5, 0.007), "z", 8)
        elif kind == "cup":
            m.extrude(np.stack([0.5 * reach * np.cos(turn), 0.03 * np.sin(turn)], 1), 0.024, (0, 0, 0.012))
        elif kind == "lip":
            m.box((0.9 * width, 0.012, 0.02), (0, 0.45 * height, 0.01))


# ------------------------------------------------------------------------------------------------ bodies


def straight(m: Maker, front: str, size: Size, finish: Finish) -> list[Cell]:
    """Add a case with the given front; return its cells."""
    margin = min(0.02, 0.1 * size[1])
    cells = layout(m, front, Cell(0, size[1] / 2, size[0] - 2 * margin, size[1] - 2 * margin))
    build(m, size, cells, finish)
    return cells


def topped(m: Maker, front: str, size: Size, finish: Finish) -> list[Cell]:
    """Add a straight case, mostly under a board that is flush or wider."""
    if m.chance(0.7):
        over, thick = m.uniform(0, 0.07), m.uniform(0.012, 0.045)
        top = (size[0] + over, thick, size[2] + over + 0.02)
        m.box(top, (0, size[1] + thick / 2, 0.005), color=m.pick(m.color, m.color, finish.front))
    return straight(m, front, size, finish)


def posted(m: Maker, front: str, size: Size, finish: Finish) -> list[Cell]:
    """Add a case held by four corner posts, which are its feet too."""
    (w, h, d), lift, over = size, m.uniform(0.05, 0.26), m.pick(0.0, m.uniform(0.0, 0.08))
    thick, high = m.uniform(0.03, 0.06) * (1.3 if w > 0.65 else 1), lift + h + over
    m.box((thick, high, thick), (w / 2 - 0.3 * thick, high / 2, d / 2 - 0.3 * thick), both="xz")
    m.say("four corner posts")
    with m.at(0, lift, 0):
        return (straight if over else topped)(m, front, size, finish)


def _plan(m: Maker, kind: str, w: float, d: float) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the outline (x, z) of a case seen from above, the line along its front from left to right, a phrase."""
    if kind in BOWS:
        x, out = np.array(BOWS[kind])
        line = np.stack([x * w, d / 2 - (out.max() - out) * m.uniform(0.08, 0.3) * d], axis=1)
        return np.array([(-w / 2, -d / 2), (w / 2, -d / 2), *line[::-1]]), line * (0.93, 1), "a curved front"
    if kind == "half":
        turn = np.linspace(-np.pi / 2, np.pi / 2, 13)
        plan = np.stack([np.sin(turn) * w / 2, np.cos(turn) * d - d / 2], axis=1)
        return plan, plan[2:-2], "a half round case"
    sides = {"round": 24, "hexagon": 6, "octagon": 8}[kind]
    turn = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    plan = np.stack([np.sin(turn), np.cos(turn)], axis=1) * w / 2
    if kind != "round":
        return plan, plan[[-1, 0]] * (0.9, 1), f"a case with {'six' if sides == 6 else 'eight'} sides"
    half = m.number(3, 4)
    return plan, np.roll(plan, half, axis=0)[: 2 * half], "a round case"


def shaped(m: Maker, front: str, size: Size, finish: Finish, kinds: str = " ".join(BOWS)) -> list[Cell]:
    """Add a case with a curved front, or a round, half round or many sided one, with drawers, a door or open."""
    w, h, d = size
    plan, line, phrase = _plan(m, m.pick(kinds), w, d)
    cells = layout(m, front, Cell(0, h / 2, w, h - 0.05))
    m.say(phrase)
    if cells[0].kind == "open":
        for level in np.linspace(0.015, h - 0.015, len(cells) + 1):
            m.extrude(plan, 0.03, (0, level, 0), "xz")
        if m.chance():
            with m.around(3, 60):
                m.box((0.04, h, 0.04), (0, h / 2, 0.38 * d))
        else:
            m.box((0.74 * w, h - 0.02, 0.02), (0, h / 2, -0.32 * d))
        return cells
    m.extrude(plan, h, (0, h / 2, 0), "xz")
    if m.chance(0.8):
        thick = m.uniform(0.015, 0.04)
        top = plan * m.uniform(1.01, 1.07)
        m.extrude(top, thick, (0, h + thick / 2, 0.005), "xz", color=m.pick(m.color, finish.front))
    band = [*(line + (0, 0.012)), *(line - (0, 0.02))[::-1]]
    for cell in cells:
        if cell.kind == "plain":
            continue
        m.extrude(band, cell.height - 0.012, (0, cell.y, 0), "xz", color=finish.front)
        door = cell.kind == "door"
        x = 0.2 * w if door else 0.26 * w if w > 0.55 else 0.0
        place = (x, cell.y, float(np.interp(x, *line.T)) + 0.012)
        with m.both("x" if x and not door else ""):
            handle(m, finish._replace(handle="knob") if door else finish, place, 0.3 * w, cell.height)
    return cells


def bulging(m: Maker, front: str, size: Size, finish: Finish) -> list[Cell]:
    """Add a chest of drawers whose width and depth change with the height."""
    (w, h, d), (share, scale) = size, np.array(m.pick([*BULGES.values()]))
    # A revolved solid of four sections is a square frustum; its corners come to the diagonals by an eighth of a turn.
    with m.scaled((w, h, d)), m.turned("y", 45):
        m.revolve(np.stack([scale * np.sqrt(0.5), share], axis=1), sections=4)
    m.box((w * scale[-1] + 0.03, 0.02, d * scale[-1] + 0.03), (0, h + 0.01, 0))
    m.say("sides that are not straight")
    cells = layout(m, front, Cell(0, h / 2, w, 0.94 * h))
    for cell in cells:
        low, high = cell.y - cell.height / 2 + 0.008 * h, cell.y + cell.height / 2 - 0.008 * h
        first, last = np.interp((low / h, high / h), share, scale)
        foot, head = np.array((0, low, first * d / 2)), np.array((0, high, last * d / 2))
        m.beam(foot, head, (0.9 * first * w, 0.02), taper=last / first, color=finish.front)
        x = 0.25 * w if w > 0.55 else 0.0
        with m.both("x" if x else ""):
            handle(m, finish, (foot + head) / 2 + (x, 0, 0.01), 0.3 * w, high - low)
    return cells


# ------------------------------------------------------------------------------------------------ whole pieces


def bracket_feet(m: Maker, width: float, depth: float, height: float) -> str:
    """Add a skirt all round that is cut out between the corners, straight or curved; return the phrase."""
    cut, turn = m.uniform(0.35, 0.9) * height, m.pick(np.linspace(0, np.pi, 7)[1:-1], np.array([0, np.pi]))
    rise = cut * np.sin(turn) ** 0.7 if len(turn) > 2 else np.full(2, cut)
    for length, plane, place in (width, "xy", (0, 0, depth / 2 - 0.01)), (depth, "zy", (width / 2 - 0.01, 0, 0)):
        half, foot = length / 2, min(m.uniform(0.12, 0.25) * length, 0.2)
        arch = np.stack([-np.cos(turn) * (half - foot), rise], axis=1)
        inner = half - 0.8 * foot
        outline = [(-half, 0), (-inner, 0), *arch, (inner, 0), (half, 0), (half, height), (-half, height)]
        m.extrude(outline, 0.02, place, plane, both="z" if plane == "xy" else "x")
    return "bracket feet"


_STANDS = {  # kind: range of heights, what stands there
    "plinth": ((0.03, 0.12), plinth),
    "feet": ((0.03, 0.12), short_feet),
    "brackets": ((0.06, 0.16), bracket_feet),
    "legs": ((0.12, 0.3), corner_legs),
    "sled": ((0.1, 0.25), sled),
    "panels": ((0.06, 0.2), panel_legs),
    "crossed": ((0.28, 0.5), crossed_legs),
    "column": ((0.25, 0.5), lambda m, w, d, h: pedestal(m, m.uniform(0.32, 0.48) * w, h)),
    "drum": ((0.08, 0.2), lambda m, w, d, h: pedestal(m, m.uniform(0.5, 0.7) * w, h, "drum")),
}


def case(
    m: Maker,
    fronts: str,
    width: Range,
    height: Range,
    depth: Range,
    stands: str = "none plinth feet brackets legs sled panels",
    lift: Range | None = None,
    hollow: float = 0.45,
    wide: str = "",
    body: Body = topped,
    foot: Size = (1, 1, 0),
    extra: Callable[[Maker, Size, Finish], list[Cell] | None] | None = None,
) -> None:
    """Make a whole piece: a case on a stand.

    Args:
        m: The maker.
        fronts: Fronts to choose from, see the grammar above.
        width: Range of the case's width.
        height: Of its height, without the stand.
        depth: Of its depth.
        stands: Kinds to choose from, see `_STANDS`.
        lift: Range of the stand's height; by default what is usual for the kind.
        hollow: Probability that the case is made of panels.
        wide: Fronts for a case wider than 1.1.
        body: What makes the case.
        foot: Width and depth of the stand as shares of the case's, and how many depths it is shifted along z.
        extra: Adds more to a case, told (m, (width, height of the top, depth), finish); may return more cells.
    """
    finish = new_finish(m, hollow)
    size = w, _, d = m.uniform(*width), m.uniform(*height), m.uniform(*depth)
    front, kind, raised = m.pick(wide if wide and w > 1.1 else fronts), m.pick(stands), 0.0
    if kind != "none":
        usual, builder = _STANDS[kind]
        raised = m.uniform(*(lift or usual))
        with m.painted(m.color if m.chance(0.6) else m.palette("metal wood")), m.at(0, 0, foot[2] * d):
            m.say(builder(m, foot[0] * w, foot[1] * d, raised))
    with m.at(0, raised, 0):
        cells = body(m, front, size, finish)
    if extra:
        cells += extra(m, (w, m.bounds()[1, 1], d), finish) or []
    say_content(m, cells)


def row(fronts: str, width: Range, height: Range, depth: Range, **options: Any) -> Builder:
    """Return a family that differs from others by its row of arguments of `case`."""
    return partial(case, fronts=fronts, width=width, height=height, depth=depth, **options)


def rail(m: Maker, size: Size, finish: Finish, heights: Range, sides: str) -> None:
    """Add a rail around the top, at the back and two sides (`sides` 3) or all round (4), solid or of bars."""
    (w, top, d), solid, m.color = size, m.chance(0.65), m.palette("wood wood metal")
    thick, height = m.uniform(0.012, 0.025), m.uniform(*heights)
    x, z = (w - thick) / 2, (d - thick) / 2
    runs = ((-x, -z), (x, -z)), ((-x, -z), (-x, z)), ((x, -z), (x, z)), ((-x, z), (x, z))
    for start, end in np.array(runs[: int(m.pick(sides))]):
        level, bar = (top + height / 2, (thick, height)) if solid else (top + height, thick)
        m.beam((start[0], level, start[1]), (end[0], level, end[1]), bar)
        for share in [] if solid else np.linspace(0, 1, max(int(np.linalg.norm(end - start) / 0.12), 2)):
            a, b = start + share * (end - start)
            m.rod((a, top, b), (a, top + height, b), thick * 0.35, 5)
    m.say("a rail around the top")
