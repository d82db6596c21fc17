"""Legs and bases that several classes of furniture stand on.

Every builder returns the solids between the floor (y = 0) and `height`, centred on x = z = 0, and a noun phrase for
captions. `width` is along x, `depth` along z, both measured at the top between the outer faces.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .parts import (
    Colour,
    Part,
    beam,
    box,
    chance,
    counted,
    cylinder,
    extrude,
    frustum,
    pick,
    revolve,
    rod,
    rounded_path,
    sheet,
    tube,
)


Support = tuple[list[Part], str]

LEG_STYLES = ("square", "round", "tapered", "round tapered", "turned", "cabriole", "hairpin", "blade")

PEDESTALS = ("disc", "trumpet", "feet", "cross", "plate", "drum", "cone", "turned")

# Outline of a turned leg from the top down: (share of the length, share of the radius).
_TURNED = np.array(
    [[0, 1.0], [0.2, 1.0], [0.24, 0.6], [0.3, 0.95], [0.4, 0.7], [0.7, 0.95], [0.84, 0.5], [0.9, 0.8], [1.0, 0.45]]
)
_CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def leg(style: str, top: ArrayLike, foot: ArrayLike, thickness: float, colour: Colour) -> list[Part]:
    """One leg of `style` (see LEG_STYLES) between two points (3,), `thickness` across at its strongest."""
    first, last = np.asarray(top, dtype=float), np.asarray(foot, dtype=float)
    if style == "square":
        return [beam(first, last, thickness, colour)]
    if style == "round":
        return [rod(first, last, thickness / 2, colour)]
    if style == "tapered":
        return [beam(first, last, thickness, colour, taper=0.5)]
    if style == "round tapered":
        return [rod(first, last, thickness / 2, colour, taper=0.5)]
    if style == "turned":
        points = first + _TURNED[:, :1] * (last - first)
        return [tube(points, _TURNED[:, 1] * thickness * 0.6, colour)]
    if style == "cabriole":
        outward = np.sign(np.array([first[0], 0.0, first[2]])) * thickness
        share = np.linspace(0, 1, 7)
        bulge = np.sin(np.minimum(share * 1.35, 1.0) * 2 * np.pi)[:, None] * outward * 0.5
        return [tube(first + share[:, None] * (last - first) + bulge, thickness * np.linspace(0.7, 0.3, 7), colour)]
    if style == "hairpin":
        side = np.array([np.sign(first[2]) * 1.4 * thickness, 0, np.sign(first[0]) * 1.4 * thickness])
        return [rod(first + shift, last, thickness * 0.14, colour, sections=6) for shift in (side, -side)]
    if style == "blade":
        return [beam(first, last, (thickness * 0.45, thickness * 1.5), colour)]
    raise ValueError(f"unknown leg style {style!r}; use one of {LEG_STYLES}.")


def four_legs(
    width: float,
    depth: float,
    height: float,
    colour: Colour,
    style: str = "square",
    thickness: float = 0.05,
    splay: float = 0.0,
) -> Support:
    """Legs at the corners; the feet stand `splay` x height further out than the tops."""
    parts = []
    for sx, sz in _CORNERS:
        x, z = sx * (width - thickness) / 2, sz * (depth - thickness) / 2
        foot = (x + sx * splay * height, 0.0, z + sz * splay * height)
        parts += leg(style, (x, height, z), foot, thickness, colour)
    return parts, f"four {'splayed' if splay > 0.05 else style} legs".replace("square", "straight")


def stretchers(
    width: float, depth: float, level: float, thickness: float, colour: Colour, kind: str = "box"
) -> list[Part]:
    """Bars between corner legs at height `level`: "box" (all round), "H", "X", "sides" or "back"."""
    x, z = (width - thickness) / 2, (depth - thickness) / 2
    ends = {
        "box": [((-x, -z), (x, -z)), ((-x, z), (x, z)), ((-x, -z), (-x, z)), ((x, -z), (x, z))],
        "H": [((-x, -z), (-x, z)), ((x, -z), (x, z)), ((-x, 0), (x, 0))],
        "X": [((-x, -z), (x, z)), ((x, -z), (-x, z))],
        "sides": [((-x, -z), (-x, z)), ((x, -z), (x, z))],
        "back": [((-x, -z), (x, -z))],
    }
    if kind not in ends:
        raise ValueError(f"unknown stretchers {kind!r}; use one of {sorted(ends)}.")
    bar = thickness * 0.6
    return [beam((a, level, b), (c, level, d), bar, colour) for (a, b), (c, d) in ends[kind]]


def apron(width: float, depth: float, top: float, drop: float, colour: Colour, thickness: float = 0.02) -> list[Part]:
    """Four boards under a top, hanging from height `top` down by `drop`."""
    level = top - drop / 2
    parts = [box((width, drop, thickness), (0, level, s * (depth - thickness) / 2), colour) for s in (-1, 1)]
    inner = depth - 2 * thickness
    return parts + [box((thickness, drop, inner), (s * (width - thickness) / 2, level, 0), colour) for s in (-1, 1)]


def corner_legs(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """Four legs of any style, thickness and splay, sometimes with stretchers."""
    style = pick(rng, *LEG_STYLES, "square", "tapered")
    thickness = rng.uniform(0.04, 0.11) * min(height, 0.8) + 0.01
    splay = rng.uniform(0.06, 0.22) if style in ("tapered", "round", "round tapered") and chance(rng, 0.4) else 0.0
    parts, phrase = four_legs(width, depth, height, colour, style, thickness, splay)
    if splay == 0 and style in ("square", "round", "turned") and chance(rng, 0.35):
        kind = pick(rng, "box", "H", "X", "sides")
        parts += stretchers(width, depth, height * rng.uniform(0.12, 0.4), thickness, colour, kind)
        return parts, f"{phrase} with stretchers"
    return parts, phrase


def pedestal(
    rng: np.random.Generator, radius: float, height: float, colour: Colour, kind: str | None = None
) -> Support:
    """One central column on a base that reaches `radius`; `kind` is one of PEDESTALS, drawn if None."""
    kind = kind or pick(rng, *PEDESTALS)
    thin = rng.uniform(0.08, 0.2) * radius + 0.015
    flat = rng.uniform(0.015, 0.05)
    column = cylinder(thin, height - flat / 2, (0, (height + flat / 2) / 2, 0), colour)
    if kind == "disc":
        return [
            column,
            cylinder(radius, flat, (0, flat / 2, 0), colour, sections=24),
        ], "one central leg on a round base"
    if kind == "plate":
        plate = box((1.7 * radius, flat, 1.7 * radius), (0, flat / 2, 0), colour)
        return [column, plate], "one central leg on a square base"
    if kind == "trumpet":
        share = np.linspace(0, 1, 8)
        waist = thin * 0.7 + (radius - thin * 0.7) * np.abs(1 - share * 1.45) ** 3 * np.where(share < 0.69, 1.0, 1.6)
        return [revolve(np.stack([waist, share * height], 1), (0, 0, 0), colour)], "one trumpet shaped central leg"
    if kind == "drum":
        narrow = rng.uniform(0.6, 1.1)
        return [frustum(radius, radius * narrow, height, (0, height / 2, 0), colour, 24)], "a solid drum base"
    if kind == "cone":
        return [frustum(radius, thin, height, (0, height / 2, 0), colour, 24)], "a cone shaped base"
    if kind == "turned":
        share = np.array([0, 0.06, 0.12, 0.2, 0.35, 0.5, 0.62, 0.7, 0.85, 1.0])
        bulge = np.array([2.4, 2.4, 1.2, 1.6, 2.2, 1.7, 1.0, 1.5, 1.1, 1.8])
        column = revolve(np.stack([bulge * thin * 0.7, share * height * 0.9 + 0.1 * height], 1), (0, 0, 0), colour)
        feet = _feet(int(rng.integers(3, 5)), radius, 0.35 * height, thin, colour)
        return [column, *feet], "one turned central leg on feet"
    count = 4 if kind == "cross" else int(rng.integers(3, 6))
    level = flat if kind == "cross" else rng.uniform(0.1, 0.3) * height
    return [
        column,
        *_feet(count, radius, level, thin, colour),
    ], f"one central leg on {counted(count, 'foot').replace('foots', 'feet')}"


def _feet(count: int, radius: float, level: float, thickness: float, colour: Colour) -> list[Part]:
    """Arms from the centre at height `level` out and down to the floor."""
    parts = []
    for angle in np.arange(count) * 2 * np.pi / count + np.pi / 4:
        outward = np.array([np.cos(angle), 0.0, np.sin(angle)])
        start, end = np.array([0, level, 0]), outward * radius + (0, thickness * 0.3, 0)
        parts.append(beam(start, end, (thickness * 0.7, thickness), colour, taper=0.6))
    return parts


def star_base(rng: np.random.Generator, radius: float, height: float, colour: Colour, arms: int = 5) -> Support:
    """Swivel base: a gas column on `arms` flat arms that end in casters or glides."""
    caster = min(rng.uniform(0.018, 0.035), 0.15 * height)
    hub = min(2 * caster + rng.uniform(0.02, 0.08), 0.6 * height)
    parts = [cylinder(0.035, 0.08, (0, hub, 0), colour), rod((0, hub, 0), (0, height, 0), 0.025, colour)]
    sleeve = rng.uniform(0.35, 0.7) * (height - hub)
    parts.append(cylinder(0.036, sleeve, (0, hub + sleeve / 2, 0), colour))
    on_wheels = chance(rng, 0.8)
    for angle in np.arange(arms) * 2 * np.pi / arms + np.pi / 2:
        outward = np.array([np.cos(angle), 0.0, np.sin(angle)])
        tip = outward * radius + (0, 2 * caster + 0.01, 0)
        parts.append(beam((0, hub, 0), tip, (0.045, 0.035), colour, taper=0.6))
        if on_wheels:
            wheel = cylinder(caster, caster * 1.5, (0, caster, 0), colour, axis="x", sections=10)
            parts.append(wheel.rotated("y", rng.uniform(0, 180)).moved(outward * radius))
        else:
            parts.append(frustum(caster, caster * 0.6, 2 * caster, outward * radius + (0, caster, 0), colour, 8))
    return parts, f"a {'five star ' if arms == 5 else ''}swivel base{' on wheels' if on_wheels else ''}"


def sled(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """Two loops, one on either side, as tubes or square bars, sometimes joined by cross bars."""
    bar = rng.uniform(0.012, 0.035)
    x, z = width / 2 - bar, depth / 2 - bar
    lean = rng.uniform(-0.1, 0.25) * z if chance(rng, 0.4) else 0.0
    loop = np.array([[0, bar, -z - lean], [0, bar, z + lean], [0, height - bar, z], [0, height - bar, -z]])
    parts: list[Part] = []
    round_bars = bar < 0.025 and chance(rng, 0.5)
    for side in (-x, x):
        if round_bars:
            parts.append(tube(rounded_path(loop + (side, 0, 0), 0.06, closed=True), bar, colour, closed=True))
        else:
            ends = zip(loop, np.roll(loop, -1, axis=0), strict=True)
            parts += [beam(a + (side, 0, 0), b + (side, 0, 0), 2 * bar, colour) for a, b in ends]
    for level, place in ((bar, -z), (height - bar, 0.0)):
        if chance(rng, 0.5):
            parts.append(beam((-x, level, place), (x, level, place), 1.6 * bar, colour))
    return parts, "two sled legs"


def panel_legs(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """Two upright boards at the sides, straight, leaning or narrowed."""
    thick = rng.uniform(0.02, 0.07)
    deep = depth * rng.uniform(0.7, 1.0)
    x = width / 2 - thick / 2 - rng.uniform(0, 0.12) * width
    narrow = rng.uniform(0.5, 1.0) if chance(rng, 0.3) else 1.0
    outline = [(-deep / 2, 0), (deep / 2, 0), (deep / 2 * narrow, height), (-deep / 2 * narrow, height)]
    return [extrude(outline, thick, (s * x, 0, 0), colour, "zy") for s in (-1, 1)], "two panel legs"


def trestle(
    rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour, kind: str | None = None
) -> Support:
    """Two end frames joined by a long bar: "A", "X", "T", "H" or "slab"."""
    kind = kind or pick(rng, "A", "X", "T", "H", "slab")
    bar = rng.uniform(0.04, 0.09)
    x, z = width / 2 - rng.uniform(0.05, 0.22) * width, depth / 2 * rng.uniform(0.75, 1.0)
    top = z * (rng.uniform(0.1, 0.35) if kind == "A" else -1.0)
    waist = rng.uniform(0.4, 0.8)
    parts: list[Part] = []
    for side in (-x, x):
        if kind in ("A", "X"):
            parts += [beam((side, 0, s * z), (side, height, s * top), (bar, bar), colour) for s in (-1, 1)]
            if kind == "A":
                mid = z - (z - top) * 0.35
                parts.append(beam((side, height * 0.35, -mid), (side, height * 0.35, mid), bar * 0.8, colour))
        elif kind == "slab":
            outline = [(-z, 0), (z, 0), (z * waist, height / 2), (z, height), (-z, height), (-z * waist, height / 2)]
            parts.append(extrude(outline, bar, (side, 0, 0), colour, "zy"))
        else:
            posts = (0.0,) if kind == "T" else (-0.35 * z, 0.35 * z)
            parts += [beam((side, 0, p), (side, height, p), (bar, bar * 1.4), colour) for p in posts]
            parts += [
                box((bar, bar, 2 * z * w), (side, y, 0), colour) for y, w in ((bar / 2, 1.0), (height - bar / 2, 0.85))
            ]
    if chance(rng, 0.8):
        level = height * rng.uniform(0.12, 0.6)
        parts.append(beam((-x, level, 0), (x, level, 0), (bar * 0.7, bar * 1.3), colour))
    return parts, "trestle legs"


def crossed_legs(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """Bars that cross like an X, seen from the front or from the side, or diagonally in the middle."""
    bar = rng.uniform(0.02, 0.06)
    x, z = width / 2 - bar, depth / 2 - bar
    mode = pick(rng, "front", "side", "diagonal")
    if mode == "diagonal":
        ends = [((sx * x, 0, sz * z), (-sx * x * 0.9, height, -sz * z * 0.9)) for sx, sz in _CORNERS]
    elif mode == "front":
        ends = [((s * x, 0, side), (-s * x, height, side)) for s in (-1, 1) for side in (-z, z)]
    else:
        ends = [((side, 0, s * z), (side, height, -s * z)) for s in (-1, 1) for side in (-x, x)]
    parts = [beam(a, b, bar, colour) for a, b in ends]
    if mode != "diagonal" and chance(rng, 0.6):
        a, b = (
            ((0, height / 2, -z), (0, height / 2, z)) if mode == "front" else ((-x, height / 2, 0), (x, height / 2, 0))
        )
        parts.append(beam(a, b, bar * 0.7, colour))
    return parts, "crossed legs"


def plinth(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """A closed base, flush or set back."""
    back = rng.uniform(0.0, 0.12) * min(width, depth)
    return [box((width - back, height, depth - back), (0, height / 2, 0), colour)], "a closed base"


def short_feet(rng: np.random.Generator, width: float, depth: float, height: float, colour: Colour) -> Support:
    """Low feet under a case or an upholstered body: blocks, discs, buns, tapered pins or metal loops."""
    kind = pick(rng, "block", "round", "bun", "pin", "loop")
    size = rng.uniform(0.04, 0.1)
    inset = size / 2 + rng.uniform(0.0, 0.06)
    spots = [(sx * (width / 2 - inset), sz * (depth / 2 - inset)) for sx, sz in _CORNERS]
    if kind == "loop":
        bar = size * 0.2
        parts = []
        for s in (-1, 1):
            x, z = s * (width / 2 - inset - 0.03), depth / 2 - inset
            path = rounded_path([(x, height, -z), (x, bar, -z), (x, bar, z), (x, height, z)], 0.04)
            parts.append(tube(path, bar, colour, sections=6))
        return parts, "two metal feet"
    if kind == "block":
        parts = [box((size, height, size), (x, height / 2, z), colour) for x, z in spots]
    elif kind == "round":
        parts = [cylinder(size / 2, height, (x, height / 2, z), colour, sections=10) for x, z in spots]
    elif kind == "bun":
        profile = [(size * 0.3, 0), (size * 0.55, height * 0.3), (size * 0.55, height * 0.7), (size * 0.3, height)]
        parts = [revolve(profile, (x, 0, z), colour, sections=10) for x, z in spots]
    else:
        parts = []
        for x, z in spots:
            parts += leg("round tapered", (x, height, z), (x * 1.03, 0, z * 1.03), size * 0.7, colour)
    return parts, "four short feet"


def arched_sheet(
    width: float, height: float, bend: float, lean: float, thickness: float, colour: Colour, columns: int = 7
) -> Part:
    """Board, y from 0 to `height`, that curves forwards at its sides by `bend` and leans back by `lean` at its top."""
    x = np.linspace(-width / 2, width / 2, columns)
    y = np.linspace(0, height, 4)
    grid = np.empty((4, columns, 3))
    grid[..., 0], grid[..., 1] = x, y[:, None]
    grid[..., 2] = bend * (2 * x / width) ** 2 - lean * y[:, None] / height
    return sheet(grid, thickness, colour)
