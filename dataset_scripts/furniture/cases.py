"""Cases with drawers, doors and open shelves: dressers, night stands and the drawer blocks of other furniture.

A front is written in a small grammar, read by `layout`: rows from the top down between "/", columns between "|". A cell
is a letter (see `_KINDS`) or a front in parentheses, then perhaps how often it is repeated as a row, {n} or {a-b}, and
its relative size, :a-b. So "d/o:1-2.2" is a drawer over a larger open shelf, "(d|d)/d{2-4}" a chest whose uppermost row
is two small drawers. A case of `size` (width, height, depth) stands on y = 0, centered on x = z = 0.
"""

import re
from collections import Counter
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .maker import Builder, Color, Maker, counted
from .supports import corner_legs, crossed_legs, panel_legs, pedestal, plinth, short_feet, sled


Range = tuple[float, float]
Size = tuple[float, float, float]  # width, height, depth or x, y, z, meters

STANDS = "none plinth feet brackets legs sled panels"
_KINDS = {"d": "drawer", "D": "door", "L": "door left", "g": "glass", "o": "open", "p": "plain"}  # left: of its middle
_ITEM = re.compile(r"(.+?)(?:\{(\d+)(?:-(\d+))?\})?(?::([\d.]+)-([\d.]+))?$")
# Look: (gap around a front, how far its face stands before the front plane), meters.
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
    handle: str  # one of those in `handle`
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


def new_finish(m: Maker) -> Finish:
    """Draw a finish and set the brush to its wood."""
    # Pure black would hide every drawer from a shaded view.
    m.color = wood = tuple(np.multiply(m.palette("wood wood wood wood plastic metal"), 0.9) + 0.1)
    shaded = tuple(np.multiply(wood, m.uniform(0.8, 1.15)))
    front = m.palette("wood ceramic plastic") if m.chance(0.35) else m.pick(wood, shaded, shaded)
    metal, look = m.palette("metal metal wood"), m.pick("proud grooves inset framed")
    handle = m.pick("knob knob bar bar arc ring cup lip none")
    return Finish(front, metal, handle, look, m.chance(0.45), m.chance(0.4), m.chance())


def drawer_block(m: Maker, extents: Size, center: Size, metal: Color, drawers: int | None = None) -> str:
    """Add drawers above each other in a case, or one door, or open shelves; return a phrase.

    `extents` include the fronts. `drawers` fixes their number; by default the content is drawn.
    """
    (w, h, d), (x, y, z) = extents, center
    count = min(drawers or m.number(2, 4), 2 if h < 0.3 else 99)
    stack = f"d{{{count}}}"
    front = stack if drawers else m.pick(stack, stack, stack, "D", f"o{{{count}}}")
    face, kind = tuple(np.multiply(m.color, m.uniform(0.8, 1.15))), m.pick("knob bar bar cup none")
    finish = Finish(face, metal, kind, hollow=m.chance(0.4), pairs=m.chance(0.3))
    with m.at(x, y - h / 2, z - 0.01):
        build(m, (w, h, d - 0.02), layout(m, front, Cell(0, h / 2, w, h)), finish, pulled=0.0)
    return {"d": counted(count, "drawer"), "D": "a cupboard door", "o": "open shelves"}[front[0]]


def open_case(m: Maker, extents: Size, center: Size, shelves=1, dividers=0, with_back=True, with_floor=True) -> None:
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


def layout(m: Maker, front: str, cell: Cell) -> list[Cell]:
    """Cut a cell as `front` says, see the grammar above."""
    for mark in "|/":
        pieces = re.split(rf"[{mark}](?![^(]*\))", front)  # not inside parentheses
        if len(pieces) > 1:
            break
    cores, sizes, cells = [], [], []
    for piece in pieces:
        core, least, most, low, high = _ITEM.findall(piece)[0]
        count = m.number(int(least), int(most or least)) if least else 1
        cores += [core] * count
        sizes += [m.uniform(float(low), float(high)) if low else 1.0] * count
    if mark == "/" and all("d" in core for core in cores) and m.chance(0.4):
        sizes *= np.linspace(1 - 2 * m.uniform(0.05, 0.2), 1, len(cores))  # lower drawers towards the top
    for core, (start, end) in zip(cores, pairwise(np.cumsum([0, *sizes]) / sum(sizes)), strict=True):
        x, y, w, h, _ = cell
        middle, share = (start + end - 1) / 2, end - start
        part = Cell(x + middle * w, y, share * w, h) if mark == "|" else Cell(x, y - middle * h, w, share * h)
        cells += layout(m, core[1:-1], part) if core[0] == "(" else [part._replace(kind=_KINDS[core])]
    return cells


def say_content(m: Maker, cells: list[Cell]) -> None:
    """Say what the cells are, e.g. "six drawers", "an open shelf"."""
    kinds = Counter(cell.kind.split()[0] for cell in cells)
    nouns = {"drawer": "drawer", "door": "door", "glass": "glass door"}
    m.say(*(counted(kinds[kind], noun) for kind, noun in nouns.items() if kinds[kind]))
    m.say(["", "an open shelf", "open shelves"][min(kinds["open"], 2)])


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
    handle(m, finish, (0.25 * w * two, 0, 0), min(w / (1 + two), 0.6), h, two)


def _door(m: Maker, kind: str, w: float, h: float, finish: Finish) -> None:
    """Add a door, plain or as four strips around a set back panel, with a handle at one edge."""
    rim = min(0.06, w * 0.2)
    m.box((w, h, 0.014), (0, 0, -0.011), color=(0.25, 0.3, 0.33) if kind == "glass" else finish.front)
    if kind == "glass" or finish.look in ("framed", "proud"):
        with m.painted(finish.front):
            m.box((rim, h, 0.022), ((w - rim) / 2, 0, -0.007), both="x")
            m.box((w - 2 * rim, rim, 0.022), (0, (h - rim) / 2, -0.007), both="y")
    x, y = (w / 2 - 0.03) * (1 if kind == "door left" else -1), 0.0 if h < 0.9 else -0.1 * h
    upright = {"arc": "bar", "lip": "bar", "ring": "knob", "cup": "knob"}.get(finish.handle, finish.handle)
    with m.at(x, y), m.turned("z", 90):
        handle(m, finish._replace(handle=upright), (0, 0, 0), 0.8 * h, w)


def handle(m: Maker, finish: Finish, place: Size, width: float, height: float, two: bool = False) -> None:
    """Add the handle of `finish` at a place of a front, and its mirror image if `two`, for a drawer of such a size."""
    kind, reach, turn = finish.handle, min(0.3 * width, 0.16), np.linspace(0, np.pi, 8)
    with m.painted(finish.metal), m.both("x" if two else ""), m.at(*place):
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
            path = np.stack([size * np.cos(turn), size * (np.sin(turn) - 0.5), np.full(8, 0.012)], 1)
            m.tube(path, 0.004, 5, closed=True)
            m.cylinder(0.012, 0.014, (0, size * 0.5, 0.007), "z", 8)
        elif kind == "cup":
            m.extrude(np.stack([0.5 * reach * np.cos(turn), 0.03 * np.sin(turn)], 1), 0.024, (0, 0, 0.012))
        elif kind == "lip":
            m.box((0.9 * width, 0.012, 0.02), (0, 0.45 * height, 0.01))


def straight(m: Maker, front: str, size: Size, finish: Finish, board: float = 0.7) -> list[Cell]:
    """Add a case, with probability `board` under a board that is flush or wider; return its cells."""
    w, h, d = size
    if m.chance(board):
        over, thick, color = m.uniform(0, 0.07), m.uniform(0.012, 0.045), m.pick(m.color, m.color, finish.front)
        m.box((w + over, thick, d + over + 0.02), (0, h + thick / 2, 0.005), color=color)
    margin = min(0.02, 0.1 * h)
    cells = layout(m, front, Cell(0, h / 2, w - 2 * margin, h - 2 * margin))
    build(m, size, cells, finish)
    return cells


def posted(m: Maker, front: str, size: Size, finish: Finish) -> list[Cell]:
    """Add a case held by four corner posts, which are its feet too."""
    (w, h, d), lift, over = size, m.uniform(0.05, 0.26), m.pick(0.0, m.uniform(0.0, 0.08))
    thick, high = m.uniform(0.03, 0.06) * (1.3 if w > 0.65 else 1), lift + h + over
    m.box((thick, high, thick), (w / 2 - 0.3 * thick, high / 2, d / 2 - 0.3 * thick), both="xz")
    m.say("four corner posts")
    with m.at(0, lift, 0):
        return straight(m, front, size, finish, 0.0 if over else 0.7)


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
    phrase = "a round case" if kind == "round" else f"a case with {counted(sides, 'side')}"
    turn = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    plan, half = np.stack([np.sin(turn), np.cos(turn)], axis=1) * w / 2, m.number(3, 4) if sides > 8 else 1
    return plan, np.roll(plan, half, axis=0)[: 2 * half], phrase


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
        thick, top = m.uniform(0.015, 0.04), plan * m.uniform(1.01, 1.07)
        m.extrude(top, thick, (0, h + thick / 2, 0.005), "xz", color=m.pick(m.color, finish.front))
    band = [*(line + (0, 0.012)), *(line - (0, 0.02))[::-1]]
    for cell in [cell for cell in cells if cell.kind != "plain"]:
        m.extrude(band, cell.height - 0.012, (0, cell.y, 0), "xz", color=finish.front)
        door, two = cell.kind == "door", cell.kind != "door" and w > 0.55
        x = 0.2 * w if door else 0.26 * w * two
        place = (x, cell.y, float(np.interp(x, *line.T)) + 0.012)
        handle(m, finish._replace(handle="knob") if door else finish, place, 0.3 * w, cell.height, two)
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
        two = w > 0.55
        handle(m, finish, (foot + head) / 2 + (0.25 * w * two, 0, 0.01), 0.3 * w, high - low, two)
    return cells


def bracket_feet(m: Maker, width: float, depth: float, height: float) -> str:
    """Add a skirt all round that is cut out between the corners, straight or curved; return the phrase."""
    turn = np.linspace(0, np.pi, 7)[1:-1]
    rise = m.uniform(0.35, 0.9) * height * np.sin(turn) ** m.pick(0.7, 0.05)
    for length, plane, place in (width, "xy", (0, 0, depth / 2 - 0.01)), (depth, "zy", (width / 2 - 0.01, 0, 0)):
        half, foot = length / 2, min(m.uniform(0.12, 0.25) * length, 0.2)
        arch, inner = np.stack([-np.cos(turn) * (half - foot), rise], axis=1), half - 0.8 * foot
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


def case(m: Maker, fronts: str, sizes: str, stands=STANDS, wide="", body=straight, foot=1.0, extra=None) -> None:
    """Make a whole piece: a case of `sizes` (ranges of width, height and depth) on one of `stands` ("legs:0.2-0.4").

    Its front is one of `fronts`, or of `wide` where it is wider than 1.1. `body` makes it, on a stand `foot` times as
    large; `extra` adds more, told (m, (width, height of the top, depth), finish), and may return more cells.
    """
    finish = new_finish(m)
    size = w, _, d = [m.uniform(*map(float, limits.split("-"))) for limits in sizes.split()]
    kind, _, _, *lift = _ITEM.findall(m.pick(stands))[0]
    front, raised = m.pick(wide if wide and w > 1.1 else fronts), 0.0
    if kind != "none":
        usual, builder = _STANDS[kind]
        raised = m.uniform(*(map(float, lift) if lift[0] else usual))
        with m.painted(m.color if m.chance(0.6) else m.palette("metal wood")):
            m.say(builder(m, foot * w, foot * d, raised))
    with m.at(0, raised, 0):
        cells = body(m, front, size, finish)
    more = extra(m, (w, m.bounds()[1, 1], d), finish) if extra else None
    say_content(m, cells + (more or []))


def row(*arguments: Any, **options: Any) -> Builder:
    """Return a family that is a row of arguments of `case`."""
    return lambda m: case(m, *arguments, **options)


def rail(m: Maker, size: Size, finish: Finish, heights: Range, closed: float) -> None:
    """Add a rail at the back and both sides of the top, solid or of bars; at the front with probability `closed`."""
    (w, top, d), m.color, solid = size, m.palette("wood wood metal"), m.chance(0.65)
    thick, height, front = m.uniform(0.012, 0.025), m.uniform(*heights), "z" if m.chance(closed) else ""
    x, z, tall = (w - thick) / 2, (thick - d) / 2, height if solid else thick
    m.box((w, tall, thick), (0, top + height - tall / 2, z), both=front)
    m.box((thick, tall, d), (x, top + height - tall / 2, 0), both="x")
    for share in () if solid else np.linspace(-1, 1, max(int(w / 0.12), 3)):
        m.rod((share * x, top, z), (share * x, top + height, z), thick * 0.35, 5, both=front)
        m.rod((x, top, share * z), (x, top + height, share * z), thick * 0.35, 5, both="x")
    m.say("a rail around the top")
