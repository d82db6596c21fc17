"""Legs, bases and tops that several classes of furniture share.

Everything is drawn with the brush. Supports stand between the floor (y = 0) and `height`, centered on x = z = 0;
`width` is along x, `depth` along z, both measured at the top between the outer faces. They return a noun phrase for
captions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .maker import Color, Maker, counted
from .solids import outline_points, rounded_path, rounded_rectangle, surface_grid


LEG_STYLES = ("square", "round", "tapered", "round tapered", "turned", "cabriole", "hairpin", "blade")
PEDESTALS = ("disc", "trumpet", "feet", "cross", "plate", "drum", "cone", "turned")
TOPS = {  # kind -> phrase; the first six look alike from all sides
    "rectangle": "a rectangular top",
    "rounded": "a top with rounded corners",
    "round": "a round top",
    "oval": "an oval top",
    "polygon": "a top with many corners",
    "boat": "a boat shaped top",
    "half round": "a half round top",
    "barrel": "a top with curved ends",
    "soft": "a top with rounded corners",
    "bow": "a top with one curved edge",
}
# Outline of a turned leg from the top down: (share of the length, share of the radius).
_TURNED_LEG = np.array(
    [(0, 1), (0.2, 1), (0.24, 0.6), (0.3, 0.95), (0.4, 0.7), (0.7, 0.95), (0.84, 0.5), (0.9, 0.8), (1, 0.45)]
)
# Outline of a turned column from the bottom up: (radius in units of its waist, share of the height).
_TURNED_COLUMN = np.array(
    [
        (2.4, 0),
        (2.4, 0.06),
        (1.2, 0.12),
        (1.6, 0.2),
        (2.2, 0.35),
        (1.7, 0.5),
        (1, 0.62),
        (1.5, 0.7),
        (1.1, 0.85),
        (1.8, 1),
    ]
)
# Bars between legs: (x, z) of one end and (x, z) of the other, in units of the half width and depth.
_LEFT, _RIGHT, _BACK, _FRONT = (-1, -1, -1, 1), (1, -1, 1, 1), (-1, -1, 1, -1), (-1, 1, 1, 1)
_STRETCHERS = {
    "box": (_LEFT, _RIGHT, _BACK, _FRONT),
    "H": (_LEFT, _RIGHT, (-1, 0, 1, 0)),
    "X": ((-1, -1, 1, 1), (1, -1, -1, 1)),
    "sides": (_LEFT, _RIGHT),
    "back": (_BACK,),
}


# ------------------------------------------------------------------------------------------------ legs


def leg(m: Maker, style: str, top: ArrayLike, foot: ArrayLike, thickness: float) -> None:
    """Add one leg of `style` (see LEG_STYLES) between two points (3,), `thickness` across at its strongest."""
    first, last = np.asarray(top, dtype=float), np.asarray(foot, dtype=float)
    taper = 0.5 if "tapered" in style else 1.0
    if style in ("square", "tapered"):
        m.beam(first, last, thickness, taper=taper)
    elif style in ("round", "round tapered"):
        m.rod(first, last, thickness / 2, taper=taper)
    elif style == "blade":
        m.beam(first, last, (thickness * 0.45, thickness * 1.5))
    elif style == "turned":
        m.tube(first + _TURNED_LEG[:, :1] * (last - first), _TURNED_LEG[:, 1] * thickness * 0.6)
    elif style == "cabriole":
        outward, share = np.sign(first * (1, 0, 1)) * thickness, np.linspace(0, 1, 7)[:, None]
        bulge = np.sin(np.minimum(share * 1.35, 1.0) * 2 * np.pi) * outward * 0.5
        m.tube(first + share * (last - first) + bulge, thickness * np.linspace(0.7, 0.3, 7))
    elif style == "hairpin":
        side = np.sign(first[::-1]) * (1.4 * thickness, 0, 1.4 * thickness)
        for shift in (side, -side):
            m.rod(first + shift, last, thickness * 0.14, sections=6)
    else:
        raise ValueError(f"unknown leg style {style!r}; use one of {LEG_STYLES}.")


def four_legs(
    m: Maker,
    width: float,
    depth: float,
    height: float,
    style: str = "square",
    thickness: float = 0.05,
    splay: float = 0.0,
) -> str:
    """Add legs at the corners; the feet stand `splay` x height further out than the tops."""
    x, z, out = (width - thickness) / 2, (depth - thickness) / 2, splay * height
    with m.both("xz"):
        leg(m, style, (x, height, z), (x + out, 0, z + out), thickness)
    return f"four {'splayed' if splay > 0.05 else style} legs".replace("square", "straight")


def stretchers(m: Maker, width: float, depth: float, level: float, thickness: float, kind: str = "box") -> None:
    """Add bars between corner legs at height `level`: "box" (all round), "H", "X", "sides" or "back"."""
    x, z = (width - thickness) / 2, (depth - thickness) / 2
    for a, b, c, d in _STRETCHERS[kind]:
        m.beam((a * x, level, b * z), (c * x, level, d * z), thickness * 0.6)


def apron(m: Maker, width: float, depth: float, top: float, drop: float, thickness: float = 0.02) -> None:
    """Add four boards under a top, hanging from height `top` down by `drop`."""
    level = top - drop / 2
    m.box((width, drop, thickness), (0, level, (depth - thickness) / 2), both="z")
    m.box((thickness, drop, depth - 2 * thickness), ((width - thickness) / 2, level, 0), both="x")


def corner_legs(m: Maker, width: float, depth: float, height: float) -> str:
    """Add four legs of any style, thickness and splay, sometimes with stretchers."""
    style = m.pick(*LEG_STYLES, "square", "tapered")
    thickness = m.uniform(0.04, 0.11) * min(height, 0.8) + 0.01
    splay = m.uniform(0.06, 0.22) if style in ("tapered", "round", "round tapered") and m.chance(0.4) else 0.0
    phrase = four_legs(m, width, depth, height, style, thickness, splay)
    if splay or style not in ("square", "round", "turned") or m.chance(0.65):
        return phrase
    stretchers(m, width, depth, height * m.uniform(0.12, 0.4), thickness, m.pick("box H X sides"))
    return f"{phrase} with stretchers"


# ------------------------------------------------------------------------------------------------ bases


def pedestal(m: Maker, radius: float, height: float, kind: str | None = None) -> str:
    """Add one central column on a base that reaches `radius`; `kind` is one of PEDESTALS, drawn if None."""
    kind = kind or m.pick(PEDESTALS)
    thin, flat = m.uniform(0.08, 0.2) * radius + 0.015, m.uniform(0.015, 0.05)
    if kind == "trumpet":
        share = np.linspace(0, 1, 8)
        flare = np.abs(1 - share * 1.45) ** 3 * np.where(share < 0.69, 1.0, 1.6)
        m.revolve(np.stack([thin * 0.7 + (radius - thin * 0.7) * flare, share * height], axis=1))
        return "one trumpet shaped central leg"
    if kind in ("drum", "cone"):
        m.frustum(radius, radius * m.uniform(0.6, 1.1) if kind == "drum" else thin, height, (0, height / 2, 0), 24)
        return "a solid drum base" if kind == "drum" else "a cone shaped base"
    if kind == "turned":
        m.revolve(_TURNED_COLUMN * (0.7 * thin, 0.9 * height) + (0, 0.1 * height))
        _feet(m, m.number(3, 4), radius, 0.35 * height, thin)
        return "one turned central leg on feet"
    m.cylinder(thin, height - flat / 2, (0, (height + flat / 2) / 2, 0))
    if kind == "disc":
        m.cylinder(radius, flat, (0, flat / 2, 0), sections=24)
        return "one central leg on a round base"
    if kind == "plate":
        m.box((1.7 * radius, flat, 1.7 * radius), (0, flat / 2, 0))
        return "one central leg on a square base"
    count, level = (4, flat) if kind == "cross" else (m.number(3, 5), m.uniform(0.1, 0.3) * height)
    _feet(m, count, radius, level, thin)
    return f"one central leg on {counted(count, 'foot').replace('foots', 'feet')}"


def _feet(m: Maker, count: int, radius: float, level: float, thickness: float) -> None:
    """Add arms from the center at height `level` out and down to the floor."""
    with m.around(count, 45):
        m.beam((0, level, 0), (radius, thickness * 0.3, 0), (thickness * 0.7, thickness), taper=0.6)


def star_base(m: Maker, radius: float, height: float, arms: int = 5) -> str:
    """Add a swivel base: a gas column on `arms` flat arms that end in casters or glides."""
    caster = min(m.uniform(0.018, 0.035), 0.15 * height)
    hub = min(2 * caster + m.uniform(0.02, 0.08), 0.6 * height)
    sleeve, on_wheels = m.uniform(0.35, 0.7) * (height - hub), m.chance(0.8)
    m.cylinder(0.035, 0.08, (0, hub, 0))
    m.rod((0, hub, 0), (0, height, 0), 0.025)
    m.cylinder(0.036, sleeve, (0, hub + sleeve / 2, 0))
    with m.around(arms, 90):
        m.beam((0, hub, 0), (radius, 2 * caster + 0.01, 0), (0.045, 0.035), taper=0.6)
        if not on_wheels:
            m.frustum(caster, caster * 0.6, 2 * caster, (radius, caster, 0), sections=8)
    for turn in 90 + 360 / arms * np.arange(arms) if on_wheels else ():
        with m.turned("y", turn), m.at(radius, caster, 0), m.turned("y", m.uniform(0, 180)):
            m.cylinder(caster, caster * 1.5, (0, 0, 0), axis="x", sections=10)
    return f"a {'five star ' if arms == 5 else ''}swivel base{' on wheels' if on_wheels else ''}"


def sled(m: Maker, width: float, depth: float, height: float) -> str:
    """Add two loops, one on either side, as tubes or square bars, sometimes joined by cross bars."""
    bar = m.uniform(0.012, 0.035)
    x, z, low, high = width / 2 - bar, depth / 2 - bar, bar, height - bar
    lean = m.uniform(-0.1, 0.25) * z if m.chance(0.4) else 0.0
    loop = np.array([(x, low, -z - lean), (x, low, z + lean), (x, high, z), (x, high, -z)])
    with m.both("x"):
        if bar < 0.025 and m.chance():
            m.tube(rounded_path(loop, 0.06, closed=True), bar, closed=True)
        else:
            for start, end in zip(loop, np.roll(loop, -1, axis=0), strict=True):
                m.beam(start, end, 2 * bar)
    for level, place in ((low, -z), (high, 0.0)):
        if m.chance():
            m.beam((-x, level, place), (x, level, place), 1.6 * bar)
    return "two sled legs"


def panel_legs(m: Maker, width: float, depth: float, height: float) -> str:
    """Add two upright boards at the sides, straight or narrowed."""
    thick, half = m.uniform(0.02, 0.07), depth / 2 * m.uniform(0.7, 1.0)
    x = width / 2 - thick / 2 - m.uniform(0, 0.12) * width
    upper = half * (m.uniform(0.5, 1.0) if m.chance(0.3) else 1.0)
    m.extrude([(-half, 0), (half, 0), (upper, height), (-upper, height)], thick, (x, 0, 0), "zy", both="x")
    return "two panel legs"


def trestle(m: Maker, width: float, depth: float, height: float, kind: str | None = None) -> str:
    """Add two end frames joined by a long bar: "A", "X", "T", "H" or "slab"."""
    kind, bar = kind or m.pick("A X T H slab"), m.uniform(0.04, 0.09)
    x, z = width / 2 - m.uniform(0.05, 0.22) * width, depth / 2 * m.uniform(0.75, 1.0)
    if kind in ("A", "X"):
        top = z * (m.uniform(0.1, 0.35) if kind == "A" else -1.0)
        m.beam((x, 0, z), (x, height, top), bar, both="xz")
        if kind == "A":
            middle = z - (z - top) * 0.35
            m.beam((x, height * 0.35, -middle), (x, height * 0.35, middle), bar * 0.8, both="x")
    elif kind == "slab":
        waist = z * m.uniform(0.4, 0.8)
        outline = [(-z, 0), (z, 0), (waist, height / 2), (z, height), (-z, height), (-waist, height / 2)]
        m.extrude(outline, bar, (x, 0, 0), "zy", both="x")
    else:
        place = 0.0 if kind == "T" else 0.35 * z
        m.beam((x, 0, place), (x, height, place), (bar, bar * 1.4), both="x" if kind == "T" else "xz")
        m.box((bar, bar, 2 * z), (x, bar / 2, 0), both="x")
        m.box((bar, bar, 1.7 * z), (x, height - bar / 2, 0), both="x")
    if m.chance(0.8):
        level = height * m.uniform(0.12, 0.6)
        m.beam((-x, level, 0), (x, level, 0), (bar * 0.7, bar * 1.3))
    return "trestle legs"


def crossed_legs(m: Maker, width: float, depth: float, height: float) -> str:
    """Add bars that cross like an X, seen from the front or from the side, or diagonally in the middle."""
    bar, mode = m.uniform(0.02, 0.06), m.pick("front side diagonal")
    x, z = width / 2 - bar, depth / 2 - bar
    sx, sz = {"front": (-1, 1), "side": (1, -1), "diagonal": (-0.9, -0.9)}[mode]
    m.beam((x, 0, z), (sx * x, height, sz * z), bar, both="xz")
    if mode != "diagonal" and m.chance(0.6):
        tip = np.array((0, 0, z) if mode == "front" else (x, 0, 0))
        m.beam((0, height / 2, 0) - tip, (0, height / 2, 0) + tip, bar * 0.7)
    return "crossed legs"


def plinth(m: Maker, width: float, depth: float, height: float) -> str:
    """Add a closed base, flush or set back."""
    back = m.uniform(0.0, 0.12) * min(width, depth)
    m.box((width - back, height, depth - back), (0, height / 2, 0))
    return "a closed base"


def short_feet(m: Maker, width: float, depth: float, height: float) -> str:
    """Add low feet under a case or an upholstered body: blocks, discs, buns, tapered pins or metal loops."""
    kind, size = m.pick("block round bun pin loop"), m.uniform(0.04, 0.1)
    inset = size / 2 + m.uniform(0.0, 0.06)
    x, z = width / 2 - inset, depth / 2 - inset
    if kind == "loop":
        bar, x = size * 0.2, x - 0.03
        path = rounded_path([(x, height, -z), (x, bar, -z), (x, bar, z), (x, height, z)], 0.04)
        m.tube(path, bar, sections=6, both="x")
        return "two metal feet"
    if kind == "block":
        m.box((size, height, size), (x, height / 2, z), both="xz")
    elif kind == "round":
        m.cylinder(size / 2, height, (x, height / 2, z), sections=10, both="xz")
    elif kind == "bun":
        profile = np.array([(0.3, 0), (0.55, 0.3), (0.55, 0.7), (0.3, 1)]) * (size, height)
        m.revolve(profile, (x, 0, z), sections=10, both="xz")
    else:
        m.rod((x, height, z), (x * 1.03, 0, z * 1.03), size * 0.35, taper=0.5, both="xz")
    return "four short feet"


def arched_sheet(
    m: Maker, width: float, height: float, bend: float, lean: float, thickness: float, columns: int = 7
) -> None:
    """Add a board, y from 0 to `height`, that curves forwards at its sides by `bend` and leans back by `lean`."""
    u, v = surface_grid(4, columns, v=(0, 1))
    m.sheet(np.stack([u * width / 2, v * height, bend * u**2 - lean * v], axis=2), thickness)


# ------------------------------------------------------------------------------------------------ tops


def top_outline(m: Maker, kind: str, width: float, depth: float) -> np.ndarray:
    """(K, 2) counter-clockwise outline (x, z) of a top within width x depth; `kind` is one of TOPS."""
    if kind in ("rounded", "soft"):
        low, high, segments = (0.05, 0.45, 4) if kind == "rounded" else (0.02, 0.12, 2)
        return rounded_rectangle(width, depth, m.uniform(low, high) * min(width, depth), segments)
    x = np.linspace(-1, 1, 9)
    if kind == "rectangle":
        unit = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    elif kind in ("round", "oval"):
        unit = outline_points("oval", 28)
    elif kind == "polygon":
        corners = m.pick(5, 6, 8)
        angle = (np.arange(corners) + 0.5) * 2 * np.pi / corners
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    elif kind == "boat":
        edge = np.stack([x, 1 - (1 - m.uniform(0.6, 0.9)) * x**2], axis=1)
        unit = np.concatenate([edge * (1, -1), edge[::-1]])
    elif kind == "bow":
        unit = np.concatenate([np.stack([x, m.uniform(0.05, 0.16) * x**2 - 1], axis=1), [(1, 1), (-1, 1)]])
    elif kind == "barrel":
        edge = np.stack([1 - m.uniform(0.1, 0.3) * x**2, x], axis=1)
        unit = np.concatenate([edge, -edge])
    elif kind == "half round":
        angle = np.linspace(0, np.pi, 15)
        unit = np.stack([np.cos(angle), 2 * np.sin(angle) - 1], axis=1)
    else:
        raise ValueError(f"unknown top {kind!r}; use one of {tuple(TOPS)}.")
    return unit * (width / 2, depth / 2)


def table_top(
    m: Maker, kind: str, width: float, depth: float, height: float, thickness: float | None = None
) -> tuple[float, str]:
    """Add a top with its upper side at `height`, return (thickness, phrase); `kind` is one of TOPS."""
    thick = thickness or (m.uniform(0.015, 0.05) if m.chance(0.8) else m.uniform(0.05, 0.12))
    outline, even = top_outline(m, kind, width, depth), abs(width / depth - 1) < 0.06
    m.extrude(outline, thick, (0, height - thick / 2, 0), "xz")
    phrase = {("rectangle", True): "a square top", ("round", False): "an oval top"}.get((kind, even), TOPS[kind])
    if kind == "polygon":
        phrase = f"a top with {counted(len(outline), 'corner')}"
    if m.chance(0.12):  # a second, smaller board below gives the step of a molded edge
        m.extrude(outline * 0.94, thick * 0.8, (0, height - 1.3 * thick, 0), "xz")
        thick *= 1.7
    return thick, phrase


def framed_glass(m: Maker, kind: str, width: float, depth: float, height: float, glass_color: Color) -> None:
    """Add a pane with a rim, a tube around round tops, bars around rectangular ones; upper side at `height`."""
    if kind == "rectangle":
        bar = m.uniform(0.02, 0.07)
        apron(m, width, depth, height, bar, bar)
        m.box((width - 2 * bar, 0.01, depth - 2 * bar), (0, height - 0.01, 0), color=glass_color)
        return
    radius = m.uniform(0.01, 0.025)
    outline = outline_points("oval", 28) * (width / 2 - radius, depth / 2 - radius)
    m.extrude(outline, 0.01, (0, height - radius, 0), "xz", color=glass_color)
    m.tube(np.insert(outline, 1, height - radius, axis=1), radius, sections=6, closed=True)
