"""Cases with drawers, doors and open shelves: what dressers and night stands are assembled from.

Axes: y up, the fronts face +z, the case is centred on x = z = 0. Units are metre-like. Fronts are laid out as cells,
rectangles in the plane of the front.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    counted,
    cylinder,
    extrude,
    move_all,
    palette,
    pick,
    revolve,
    rod,
    tube,
)
from .supports import corner_legs, panel_legs, plinth, short_feet, sled


HANDLES = ("knob", "bar", "arc", "ring", "cup", "lip", "none")
LOOKS = ("proud", "grooves", "inset", "framed")
STANDS = ("none", "plinth", "feet", "brackets", "legs", "sled", "panels")

_STAND_HEIGHTS = {
    "plinth": (0.03, 0.12),
    "feet": (0.03, 0.12),
    "brackets": (0.06, 0.16),
    "legs": (0.12, 0.3),
    "sled": (0.1, 0.25),
    "panels": (0.06, 0.2),
}


@dataclass(frozen=True)
class Body:
    """Outer box of a case in metres: `width` along x, `height` along y from `bottom`, `depth` along z, at x = `x`."""

    width: float
    height: float
    depth: float
    bottom: float = 0.0
    x: float = 0.0

    @property
    def top(self) -> float:
        """Height of the upper face above the floor."""
        return self.bottom + self.height

    @property
    def front(self) -> float:
        """z of the front plane."""
        return self.depth / 2


@dataclass(frozen=True)
class Finish:
    """How a case is made.

    Args:
        wood: Colour of the case.
        front: Colour of drawers and doors.
        metal: Colour of the handles.
        look: One of LOOKS.
        handle: One of HANDLES.
        hollow: Panels instead of a solid block.
        boxes: Drawers are whole boxes, not only their fronts (seen only in hollow cases, as in many CAD models).
        thickness: Of the panels, metres.
    """

    wood: Colour
    front: Colour
    metal: Colour
    look: str
    handle: str
    hollow: bool
    boxes: bool
    thickness: float


@dataclass(frozen=True)
class Cell:
    """Rectangle of a front, metres; `kind` is "drawer", "door", "door left", "glass" or "open"."""

    left: float
    right: float
    low: float
    high: float
    kind: str = "drawer"

    @property
    def width(self) -> float:
        """Extent along x."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent along y."""
        return self.high - self.low

    @property
    def middle(self) -> tuple[float, float]:
        """(x, y) of the centre."""
        return (self.left + self.right) / 2, (self.low + self.high) / 2


def random_finish(rng: np.random.Generator, hollow: float = 0.45) -> Finish:
    """A finish; `hollow` is the probability that the case is made of panels."""
    red, green, blue = palette(rng, pick(rng, "wood", "wood", "wood", "wood", "plastic", "metal"))
    # Pure black would hide every drawer from a shaded view.
    wood = (0.1 + 0.9 * red, 0.1 + 0.9 * green, 0.1 + 0.9 * blue)
    front = wood
    if chance(rng, 0.35):
        front = palette(rng, pick(rng, "wood", "ceramic", "plastic"))
    elif chance(rng, 0.6):
        shade = rng.uniform(0.8, 1.15)
        front = (min(wood[0] * shade, 1.0), min(wood[1] * shade, 1.0), min(wood[2] * shade, 1.0))
    return Finish(
        wood=wood,
        front=front,
        metal=palette(rng, pick(rng, "metal", "metal", "wood")),
        look=pick(rng, *LOOKS),
        handle=pick(rng, *HANDLES, "knob", "bar"),
        hollow=chance(rng, hollow),
        boxes=chance(rng, 0.4),
        thickness=rng.uniform(0.012, 0.03),
    )


# ------------------------------------------------------------------------------------------------ layouts


def grid(
    body: Body, rows: Sequence[float], columns: Sequence[float], kind: str = "drawer", margin: float = 0.02
) -> list[Cell]:
    """Cells over the whole front; `rows` (from the bottom up) and `columns` are relative sizes."""
    x = body.x - body.width / 2 + margin + np.cumsum([0, *columns]) / sum(columns) * (body.width - 2 * margin)
    y = body.bottom + margin + np.cumsum([0, *rows]) / sum(rows) * (body.height - 2 * margin)
    return [Cell(left, right, low, high, kind) for low, high in pairwise(y) for left, right in pairwise(x)]


def split_top_row(cells: list[Cell]) -> list[Cell]:
    """The same cells with the highest, which must be one over the whole width, halved."""
    last = cells[-1]
    x, _ = last.middle
    return [
        *cells[:-1],
        Cell(last.left, x, last.low, last.high, last.kind),
        Cell(x, last.right, last.low, last.high, last.kind),
    ]


def graded(rng: np.random.Generator, count: int) -> list[float]:
    """Relative heights of `count` rows from the bottom up: equal, or lower towards the top."""
    step = rng.uniform(0.05, 0.2) if chance(rng, 0.4) else 0.0
    return [1.0 - step * index / max(count - 1, 1) * 2 for index in range(count)]


def double_doors(cell: Cell) -> list[Cell]:
    """Two doors side by side instead of one cell."""
    x, _ = cell.middle
    return [Cell(cell.left, x, cell.low, cell.high, "door left"), Cell(x, cell.right, cell.low, cell.high, "door")]


def describe(cells: Sequence[Cell]) -> list[str]:
    """Noun phrases for a layout, e.g. ["six drawers", "an open shelf"]."""
    kinds = Counter(cell.kind.split()[0] for cell in cells)
    phrases = [counted(kinds[kind], kind) for kind in ("drawer", "door") if kinds[kind]]
    if kinds["glass"]:
        phrases.append(counted(kinds["glass"], "glass door"))
    if kinds["open"]:
        phrases.append("an open shelf" if kinds["open"] == 1 else "open shelves")
    return phrases


# ------------------------------------------------------------------------------------------------ building


def carcass(body: Body, finish: Finish) -> list[Part]:
    """The case without its fronts: a block, or two sides, top, bottom and back."""
    middle = body.bottom + body.height / 2
    if not finish.hollow:
        return [box((body.width, body.height, body.depth), (body.x, middle, 0), finish.wood)]
    thick = finish.thickness
    inner = body.width - 2 * thick
    side = (body.width - thick) / 2
    parts = [box((thick, body.height, body.depth), (body.x + s * side, middle, 0), finish.wood) for s in (-1, 1)]
    for level in (body.bottom + thick / 2, body.top - thick / 2):
        parts.append(box((inner, thick, body.depth), (body.x, level, 0), finish.wood))
    back = box((inner, body.height - 2 * thick, 0.008), (body.x, middle, 0.004 - body.depth / 2), finish.wood)
    return [*parts, back]


def fill(rng: np.random.Generator, body: Body, cells: Sequence[Cell], finish: Finish) -> list[Part]:
    """Carcass and fronts of a case; an open cell makes the case hollow."""
    has_open = any(cell.kind == "open" for cell in cells)
    if has_open:
        finish = replace(finish, hollow=True)
    parts = carcass(body, finish)
    if has_open or (finish.hollow and chance(rng, 0.5)):
        parts += _dividers(body, cells, finish)
    pulled = int(rng.integers(len(cells))) if chance(rng, 0.06) else -1
    for index, cell in enumerate(cells):
        if cell.kind == "drawer":
            reach = rng.uniform(0.1, 0.4) * body.depth if index == pulled else 0.0
            parts += move_all(_drawer(cell, body, finish), (0, 0, reach))
        elif cell.kind != "open":
            parts += _door(cell, body, finish)
    if finish.look == "framed":
        parts += _frame_strips(body, cells, finish)
    return parts


def _dividers(body: Body, cells: Sequence[Cell], finish: Finish) -> list[Part]:
    """Boards on the lower edge and, between columns, on the left edge of every cell."""
    thick, deep = finish.thickness * 0.9, body.depth - 0.02
    parts = []
    for cell in cells:
        x, y = cell.middle
        if cell.low > body.bottom + 0.05:
            parts.append(box((cell.width, thick, deep), (x, cell.low, -0.005), finish.wood))
        if cell.left > body.x - body.width / 2 + 0.05:
            parts.append(box((thick, cell.height, deep), (cell.left, y, -0.005), finish.wood))
    return parts


def _frame_strips(body: Body, cells: Sequence[Cell], finish: Finish) -> list[Part]:
    """Rails between rows and stiles between columns that stand out in front of the fronts."""
    bar, z = 0.018, body.front + 0.008
    half = body.width / 2
    middle = body.bottom + body.height / 2
    parts = [box((bar, body.height, 0.03), (body.x + s * (half - bar / 2), middle, z), finish.wood) for s in (-1, 1)]
    for cell in cells:
        x, y = cell.middle
        parts.append(box((cell.width, bar, 0.028), (x, cell.low, z), finish.wood))
        if cell.left > body.x - half + 0.05:
            parts.append(box((bar, cell.height, 0.026), (cell.left, y, z), finish.wood))
    return parts


# Look: (gap around a front, how far its face stands before the front plane), metres.
_FRONTS = {"proud": (0.006, 0.02), "grooves": (0.005, 0.004), "inset": (0.012, -0.006), "framed": (0.008, 0.008)}


def _drawer(cell: Cell, body: Body, finish: Finish) -> list[Part]:
    gap, face = _FRONTS[finish.look]
    if not finish.hollow:
        face = max(face, 0.004)
    thick = 0.02
    x, y = cell.middle
    wide, tall = cell.width - gap, cell.height - gap
    z = body.front + face
    parts = [box((wide, tall, thick), (x, y, z - thick / 2), finish.front)]
    if finish.hollow and finish.boxes:
        deep = body.depth * 0.85
        back = z - thick - deep / 2
        inner_wide, inner_tall = wide * 0.92, tall * 0.7
        low = y - inner_tall / 2
        parts.append(box((inner_wide, 0.008, deep), (x, low, back), finish.wood))
        parts += [box((0.01, inner_tall, deep), (x + s * inner_wide / 2, y, back), finish.wood) for s in (-1, 1)]
        parts.append(box((inner_wide, inner_tall, 0.01), (x, y, z - thick - deep), finish.wood))
    spots = [x] if wide < 0.5 or finish.handle in ("lip", "cup") else [x - wide * 0.25, x + wide * 0.25]
    if finish.handle == "bar" and wide >= 0.5 and int(wide * 1000) % 2:
        spots = [x]
    for spot in spots:
        parts += handle(finish.handle, (spot, y, z), min(wide / len(spots), 0.6), tall, finish.metal)
    return parts


def _door(cell: Cell, body: Body, finish: Finish) -> list[Part]:
    gap, face = _FRONTS[finish.look]
    if not finish.hollow:
        face = max(face, 0.004)
    x, y = cell.middle
    wide, tall = cell.width - gap, cell.height - gap
    z = body.front + face
    rim = min(0.06, wide * 0.2)
    panel = (0.25, 0.3, 0.33) if cell.kind == "glass" else finish.front
    parts = [box((wide, tall, 0.014), (x, y, z - 0.011), panel)]
    if cell.kind == "glass" or finish.look in ("framed", "proud"):
        # A shaker door: four strips around a set back panel.
        parts += [box((rim, tall, 0.022), (x + s * (wide - rim) / 2, y, z - 0.007), finish.front) for s in (-1, 1)]
        for s in (-1, 1):
            parts.append(box((wide - 2 * rim, rim, 0.022), (x, y + s * (tall - rim) / 2, z - 0.007), finish.front))
    edge = x + (wide / 2 - 0.03) * (1 if cell.kind == "door left" else -1)
    level = y + tall * (0.0 if tall < 0.9 else -0.1)
    if finish.handle in ("bar", "arc", "lip"):
        length = min(0.5 * tall, 0.3)
        ends = (edge, level - length / 2, z + 0.025), (edge, level + length / 2, z + 0.025)
        parts.append(rod(*ends, 0.007, finish.metal, sections=6))
    elif finish.handle != "none":
        parts += handle("knob", (edge, level, z), wide, tall, finish.metal)
    return parts


def handle(kind: str, place: Sequence[float] | np.ndarray, width: float, height: float, colour: Colour) -> list[Part]:
    """Handle of `kind` (see HANDLES) on the front at `place` (3,), for a drawer `width` x `height`."""
    x, y, z = place
    reach = min(0.3 * width, 0.16)
    if kind == "knob":
        size = min(0.018, 0.2 * height)
        profile = [
            (size * 0.5, 0),
            (size * 0.45, size),
            (size, size * 1.3),
            (size, size * 2.0),
            (size * 0.5, size * 2.4),
        ]
        return [revolve(profile, (0, 0, 0), colour, sections=8).rotated("x", 90).moved((x, y, z))]
    if kind == "bar":
        posts = [
            rod((x + s * reach * 0.8, y, z), (x + s * reach * 0.8, y, z + 0.025), 0.005, colour, 6) for s in (-1, 1)
        ]
        return [*posts, rod((x - reach, y, z + 0.028), (x + reach, y, z + 0.028), 0.007, colour, 6)]
    if kind == "arc":
        angle = np.linspace(0, np.pi, 6)
        path = np.stack([x - reach * 0.8 * np.cos(angle), y - 0.01 * np.sin(angle), z + 0.035 * np.sin(angle)], axis=1)
        return [tube(path, 0.006, colour, sections=6)]
    if kind == "ring":
        angle = np.arange(8) * np.pi / 4
        size = min(0.03, 0.3 * height)
        path = np.stack(
            [x + size * np.cos(angle), y - size * 0.5 + size * np.sin(angle), np.full(8, z + 0.012)], axis=1
        )
        return [
            tube(path, 0.004, colour, sections=5, closed=True),
            cylinder(0.012, 0.014, (x, y + size * 0.5, z + 0.007), colour, "z", 8),
        ]
    if kind == "cup":
        angle = np.linspace(0, np.pi, 8)
        outline = np.stack([0.5 * reach * np.cos(angle), 0.03 * np.sin(angle)], axis=1)
        return [extrude(outline, 0.024, (x, y, z + 0.012), colour)]
    if kind == "lip":
        return [box((0.9 * width, 0.012, 0.02), (x, y + 0.45 * height, z + 0.01), colour)]
    if kind == "none":
        return []
    raise ValueError(f"unknown handle {kind!r}; use one of {HANDLES}.")


def top_board(rng: np.random.Generator, body: Body, finish: Finish) -> list[Part]:
    """Sometimes nothing, else a board that lies over the case, flush or wider."""
    if chance(rng, 0.3):
        return []
    over = 2 * rng.uniform(0.0, 0.035)
    thick = rng.uniform(0.012, 0.045)
    size = (body.width + over, thick, body.depth + over + 0.02)
    return [box(size, (body.x, body.top + thick / 2, 0.005), pick(rng, finish.wood, finish.wood, finish.front))]


def stand(
    rng: np.random.Generator, kind: str, width: float, depth: float, finish: Finish, height: float | None = None
) -> tuple[list[Part], list[str], float]:
    """What a case stands on: (solids from the floor up, phrases, height); `kind` is one of STANDS."""
    if kind == "none":
        return [], [], 0.0
    if kind not in _STAND_HEIGHTS:
        raise ValueError(f"unknown stand {kind!r}; use one of {STANDS}.")
    height = rng.uniform(*_STAND_HEIGHTS[kind]) if height is None else height
    colour = finish.wood if chance(rng, 0.6) else palette(rng, pick(rng, "metal", "wood"))
    if kind == "brackets":
        return bracket_feet(rng, width, depth, height, finish.wood), ["bracket feet"], height
    builders: dict[str, Callable] = {
        "plinth": plinth, "feet": short_feet, "legs": corner_legs, "sled": sled, "panels": panel_legs,
    }  # fmt: skip
    parts, phrase = builders[kind](rng, width, depth, height, colour)
    return parts, [] if kind == "plinth" else [phrase], height


Layout = Callable[[Body], list[Cell]]


def drawers(rng: np.random.Generator, rows: int, columns: int = 1) -> Layout:
    """Layout of `rows` x `columns` drawers over the whole front."""
    return lambda body: grid(body, graded(rng, rows), [1.0] * columns)


def case(
    rng: np.random.Generator,
    family: str,
    size: tuple[float, float, float],
    layout: Layout,
    stands: Sequence[str] = STANDS,
    stand_height: float | None = None,
    hollow: float = 0.45,
) -> Shape:
    """A whole piece: a case of `size` (width, height, depth) on one of `stands`, with the fronts that `layout` gives.

    Args:
        rng: Source of everything that is not given.
        family: Its structural family in words.
        size: Of the case alone, metres.
        layout: Cells of its front.
        stands: Kinds to choose from, see STANDS.
        stand_height: Metres; by default what is usual for the kind.
        hollow: Probability that the case is made of panels.
    """
    finish = random_finish(rng, hollow)
    legs, phrases, raised = stand(rng, pick(rng, *stands), size[0], size[2], finish, stand_height)
    body = Body(*size, bottom=raised)
    cells = layout(body)
    parts = [*legs, *fill(rng, body, cells, finish), *top_board(rng, body, finish)]
    return Shape(parts, family, [*describe(cells), *phrases])


def top_of(parts: Sequence[Part]) -> float:
    """Height of the highest point of `parts`."""
    return max(float(part.mesh.vertices[:, 1].max()) for part in parts)


def top_rail(
    rng: np.random.Generator, width: float, depth: float, level: float, height: float, sides: int
) -> list[Part]:
    """Rail around a top at height `level`, at the back and two sides (`sides` 3) or all round (4), solid or of bars."""
    colour, thick = palette(rng, pick(rng, "wood", "wood", "metal")), rng.uniform(0.012, 0.025)
    x, z = (width - thick) / 2, (depth - thick) / 2
    runs = [((-x, -z), (x, -z)), ((-x, -z), (-x, z)), ((x, -z), (x, z)), ((-x, z), (x, z))][:sides]
    if chance(rng, 0.65):
        middle = level + height / 2
        return [beam((a, middle, b), (c, middle, d), (thick, height), colour) for (a, b), (c, d) in runs]
    parts = []
    for (a, b), (c, d) in runs:
        parts.append(beam((a, level + height, b), (c, level + height, d), thick, colour))
        for share in np.linspace(0, 1, max(int(np.hypot(c - a, d - b) / 0.12), 2)):
            place = (a + share * (c - a), level, b + share * (d - b))
            parts.append(rod(place, (place[0], level + height, place[2]), thick * 0.35, colour, 5))
    return parts


def corner_posts(body: Body, thickness: float, height: float, colour: Colour) -> list[Part]:
    """Four square posts from the floor to `height` that stand out a little at the corners of a case."""
    x, z = body.width / 2 - 0.3 * thickness, body.depth / 2 - 0.3 * thickness
    return [box((thickness, height, thickness), (s * x, height / 2, t * z), colour) for s in (-1, 1) for t in (-1, 1)]


def bracket_feet(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> list[Part]:
    """A skirt all round that is cut out between the corners, straight or curved."""
    parts = []
    cut = rng.uniform(0.35, 0.9) * height
    steps = 7 if chance(rng, 0.5) else 2
    for length, plane, at in ((width, "xy", depth / 2), (depth, "zy", width / 2)):
        foot = min(rng.uniform(0.12, 0.25) * length, 0.2)
        share = np.linspace(0, np.pi, steps)
        x = -np.cos(share) * (length / 2 - foot)
        arch = np.stack([x, cut * (np.sin(share) ** 0.7 if steps > 2 else np.ones(2))], axis=1)
        half = length / 2
        outline = [
            (-half, 0),
            (-half + foot * 0.8, 0),
            *arch[int(steps > 2) : steps - int(steps > 2)],
            (half - foot * 0.8, 0),
            (half, 0),
            (half, height),
            (-half, height),
        ]
        for s in (-1, 1):
            place = (0, 0, s * (at - 0.01)) if plane == "xy" else (s * (at - 0.01), 0, 0)
            parts.append(extrude(outline, 0.02, place, colour, plane))
    return parts
