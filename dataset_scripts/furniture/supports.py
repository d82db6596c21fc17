"""Legs, bases and tops that several classes of furniture share, drawn with the brush.

Supports stand between the floor (y = 0) and `height`, centered on x = z = 0; `width` is along x, `depth` along z, both
measured at the top between the outer faces. They return a noun phrase for captions.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .maker import Color, Maker, counted
from .solids import outline_points, rounded_path, rounded_rectangle, surface_grid


LEG_STYLES = ("square", "round", "tapered", "round tapered", "turned", "cabriole", "hairpin", "blade")
PEDESTALS = {
    "disc": "one central leg on a round base", "plate": "one central leg on a square base",
    "feet": "one central leg on {feet}", "cross": "one central leg on {feet}", "drum": "a solid drum base",
    "cone": "a cone shaped base", "trumpet": "one trumpet shaped central leg", "turned": "one turned leg on feet",
}  # fmt: skip
SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
TOPS: dict[str, tuple[str, Callable[[Maker], np.ndarray] | tuple[float, float]]] = {
    # kind -> phrase and outline in [-1, 1]^2, or how much of the depth rounded corners take
    "rectangle": ("a rectangular top", lambda m: SQUARE),
    "rounded": ("a top with rounded corners", (0.05, 0.45)),
    "round": ("a round top", lambda m: outline_points("oval", 28)),
    "oval": ("an oval top", lambda m: outline_points("oval", 28)),
    "polygon": ("a top with {corners}", lambda m: outline_points("oval", 2 * m.pick(5, 6, 8))[1::2]),
    "boat": ("a boat shaped top", lambda m: _bulged(m.uniform(0.1, 0.4))),
    "half round": ("a half round top", lambda m: outline_points("oval", 28)[:15] * (1, 2) - (0, 1)),
    "barrel": ("a top with curved ends", lambda m: _bulged(m.uniform(0.1, 0.3))[:, ::-1]),
    "soft": ("a top with rounded corners", (0.02, 0.12)),
    "bow": ("a top with one curved edge", lambda m: _bulged(m.uniform(0.05, 0.16), upper=0)),
}
# A turned leg from the top down: shares of the length, of the radius; a turned column upwards: of the radius, height.
_LEG = (0, 0.2, 0.24, 0.3, 0.4, 0.7, 0.84, 0.9, 1), (1, 1, 0.6, 0.95, 0.7, 0.95, 0.5, 0.8, 0.45)
_COLUMN = (2.4, 2.4, 1.2, 1.6, 2.2, 1.7, 1, 1.5, 1.1, 1.8), (0, 0.06, 0.12, 0.2, 0.35, 0.5, 0.62, 0.7, 0.85, 1)
_FEET = {"round": ((1, 1), (0, 1)), "pin": ((0.35, 0.7), (0, 1)), "bun": ((0.6, 1.1, 1.1, 0.6), (0, 0.3, 0.7, 1))}
# Bars between legs: (x, z) of one end and (x, z) of the other, in units of the half width and depth.
_SIDES, _BACK = ((-1, -1, -1, 1), (1, -1, 1, 1)), (-1, -1, 1, -1)
_STRETCHERS = {"sides": _SIDES, "back": (_BACK,), "H": (*_SIDES, (-1, 0, 1, 0)), "box": (*_SIDES, _BACK, (-1, 1, 1, 1))}
_STRETCHERS["X"] = ((-1, -1, 1, 1), (1, -1, -1, 1))


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
        share, radius = np.array(_LEG)
        m.tube(first + share[:, None] * (last - first), radius * thickness * 0.6)
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


def four_legs(m: Maker, width, depth, height, style="square", thickness=0.05, splay=0.0) -> str:
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
    style, thickness = m.pick(*LEG_STYLES, "square", "tapered"), m.uniform(0.04, 0.11) * min(height, 0.8) + 0.01
    splay = m.uniform(0.06, 0.22) if style in ("tapered", "round", "round tapered") and m.chance(0.4) else 0.0
    phrase = four_legs(m, width, depth, height, style, thickness, splay)
    if splay or style not in ("square", "round", "turned") or m.chance(0.65):
        return phrase
    stretchers(m, width, depth, height * m.uniform(0.12, 0.4), thickness, m.pick("box H X sides"))
    return f"{phrase} with stretchers"


def pedestal(m: Maker, radius: float, height: float, kind: str | None = None) -> str:
    """Add one central column on a base that reaches `radius`; `kind` is one of PEDESTALS, drawn if None."""
    kind, count = kind or m.pick(PEDESTALS), m.number(3, 5)
    thin, flat, level = m.uniform(0.08, 0.2) * radius + 0.015, m.uniform(0.015, 0.05), m.uniform(0.1, 0.3) * height
    if kind == "trumpet":
        share = np.linspace(0, 1, 8)
        flare = np.abs(1 - share * 1.45) ** 3 * np.where(share < 0.69, 1.0, 1.6)
        m.revolve(np.stack([thin * 0.7 + (radius - thin * 0.7) * flare, share * height], axis=1))
    elif kind in ("drum", "cone"):
        m.frustum(radius, thin if kind == "cone" else radius * m.uniform(0.6, 1.1), height, (0, height / 2, 0), 24)
    elif kind == "turned":
        count, level = m.number(3, 4), 0.35 * height
        m.revolve(np.transpose(_COLUMN) * (0.7 * thin, 0.9 * height) + (0, 0.1 * height))
    else:
        m.cylinder(thin, height - flat / 2, (0, (height + flat / 2) / 2, 0))
    if kind == "disc":
        m.cylinder(radius, flat, (0, flat / 2, 0), sections=24)
    elif kind == "plate":
        m.box((1.7 * radius, flat, 1.7 * radius), (0, flat / 2, 0))
    elif kind in ("feet", "cross", "turned"):
        count, level = (4, flat) if kind == "cross" else (count, level)
        with m.around(count, 45):
            m.beam((0, level, 0), (radius, thin * 0.3, 0), (thin * 0.7, thin), taper=0.6)
    return PEDESTALS[kind].format(feet=counted(count, "foot").replace("foots", "feet"))


def star_base(m: Maker, radius: float, height: float, arms: int = 5) -> str:
    """Add a swivel base: a gas column on `arms` flat arms that end in casters or glides."""
    caster = min(m.uniform(0.018, 0.035), 0.15 * height)
    hub = min(2 * caster + m.uniform(0.02, 0.08), 0.6 * height)
    sleeve, on_wheels = m.uniform(0.35, 0.7) * (height - hub), m.chance(0.8)
    m.cylinder(0.035, 0.08, (0, hub, 0))
    m.rod((0, hub, 0), (0, height, 0), 0.025)
    m.cylinder(0.036, sleeve, (0, hub + sleeve / 2, 0))
    for turn in 90 + 360 / arms * np.arange(arms):
        with m.turned("y", turn), m.at(radius, caster), m.turned("y", m.uniform(0, 180)):
            if on_wheels:
                m.cylinder(caster, caster * 1.5, (0, 0, 0), axis="x", sections=10)
            else:
                m.frustum(caster, caster * 0.6, 2 * caster, (0, 0, 0), sections=8)
    with m.around(arms, 90):
        m.beam((0, hub, 0), (radius, 2 * caster + 0.01, 0), (0.045, 0.035), taper=0.6)
    return f"a {'five star ' if arms == 5 else ''}swivel base{' on wheels' if on_wheels else ''}"


def sled(m: Maker, width: float, depth: float, height: float) -> str:
    """Add two loops, one on either side, as tubes or square bars, sometimes joined by cross bars."""
    bar = m.uniform(0.012, 0.035)
    x, z, high = width / 2 - bar, depth / 2 - bar, height - bar
    out = z * (m.uniform(0.9, 1.25) if m.chance(0.4) else 1.0)
    loop = np.array([(x, bar, -out), (x, bar, out), (x, high, z), (x, high, -z)])
    with m.both("x"):
        if bar < 0.025 and m.chance():
            m.tube(rounded_path(loop, 0.06, closed=True), bar, closed=True)
        else:
            for start, end in zip(loop, np.roll(loop, -1, axis=0), strict=True):
                m.beam(start, end, 2 * bar)
    for level, place in ((bar, -z), (high, 0.0)):
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


def trestle(m: Maker, width: float, depth: float, height: float) -> str:
    """Add two end frames, shaped like an A, X, T or H or waisted boards, and join them by a long bar."""
    kind, bar = m.pick("A X T H slab"), m.uniform(0.04, 0.09)
    x, z = width / 2 - m.uniform(0.05, 0.22) * width, depth / 2 * m.uniform(0.75, 1.0)
    with m.both("x"):
        if kind == "slab":
            half = np.array([(z, 0), (z * m.uniform(0.4, 0.8), height / 2), (z, height)])
            m.extrude(np.concatenate([half, half[::-1] * (-1, 1)]), bar, (x, 0, 0), "zy")
        elif kind in ("A", "X"):
            top = z * (m.uniform(0.1, 0.35) if kind == "A" else -1.0)
            m.beam((x, 0, z), (x, height, top), bar, both="z")
            if kind == "A":
                m.box((bar * 0.8, bar * 0.8, 1.3 * z + 0.7 * top), (x, height * 0.35, 0))
        else:
            post = 0.0 if kind == "T" else 0.35 * z
            m.beam((x, 0, post), (x, height, post), (bar, bar * 1.4), both="z" if post else "")
            m.box((bar, bar, 2 * z), (x, bar / 2, 0))
            m.box((bar, bar, 1.7 * z), (x, height - bar / 2, 0))
    if m.chance(0.8):
        m.box((2 * x, bar * 1.3, bar * 0.7), (0, height * m.uniform(0.12, 0.6), 0))
    return "trestle legs"


def crossed_legs(m: Maker, width: float, depth: float, height: float) -> str:
    """Add bars that cross like an X, seen from the front or from the side, or diagonally in the middle."""
    bar, mode = m.uniform(0.02, 0.06), m.pick("front side diagonal")
    x, z = width / 2 - bar, depth / 2 - bar
    sx, sz = {"front": (-1, 1), "side": (1, -1), "diagonal": (-0.9, -0.9)}[mode]
    m.beam((x, 0, z), (sx * x, height, sz * z), bar, both="xz")
    if mode != "diagonal" and m.chance(0.6):
        m.box((bar * 0.7, bar * 0.7, 2 * z) if mode == "front" else (2 * x, bar * 0.7, bar * 0.7), (0, height / 2, 0))
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
    x, z, bar = width / 2 - inset, depth / 2 - inset, size * 0.2
    if kind == "loop":
        path = [(x - 0.03, height, -z), (x - 0.03, bar, -z), (x - 0.03, bar, z), (x - 0.03, height, z)]
        m.tube(rounded_path(path, 0.04), bar, sections=6, both="x")
        return "two metal feet"
    if kind == "block":
        m.box((size, height, size), (x, height / 2, z), both="xz")
    else:
        m.revolve(np.transpose(_FEET[kind]) * (size / 2, height), (x, 0, z), sections=10, both="xz")
    return "four short feet"


def arched_sheet(m: Maker, width, height, bend, lean, thickness, columns=7) -> None:
    """Add a board, y from 0 to `height`, that curves forwards at its sides by `bend` and leans back by `lean`."""
    u, v = surface_grid(4, columns, v=(0, 1))
    m.sheet(np.stack([u * width / 2, v * height, bend * u**2 - lean * v], axis=2), thickness)


def top_outline(m: Maker, kind: str, width: float, depth: float) -> np.ndarray:
    """Outline (K, 2) in (x, z) of a top within width x depth; `kind` is one of TOPS."""
    _, outline = TOPS[kind]
    if callable(outline):
        return outline(m) * (width / 2, depth / 2)
    return rounded_rectangle(width, depth, m.uniform(*outline) * min(width, depth), 4 if kind == "rounded" else 2)


def _bulged(rise: float, upper: float = 1.0) -> np.ndarray:
    """Outline (18, 2) in [-1, 1]^2 whose lower edge bulges by `rise` and whose upper one by `upper` x rise."""
    x = np.linspace(-1, 1, 9)
    return np.concatenate([np.stack([x, rise * x**2 - 1], 1), np.stack([-x, 1 - upper * rise * x**2], 1)])


def table_top(m: Maker, kind: str, width, depth, height, thickness=None) -> tuple[float, str]:
    """Add a top with its upper side at `height`, return (thickness, phrase); `kind` is one of TOPS."""
    thick = thickness or (m.uniform(0.015, 0.05) if m.chance(0.8) else m.uniform(0.05, 0.12))
    outline, even = top_outline(m, kind, width, depth), abs(width / depth - 1) < 0.06
    m.extrude(outline, thick, (0, height - thick / 2, 0), "xz")
    if m.chance(0.12):  # a second, smaller board below gives the step of a molded edge
        m.extrude(outline * 0.94, thick * 0.8, (0, height - 1.3 * thick, 0), "xz")
        thick *= 1.7
    exact = {("rectangle", True): "a square top", ("round", False): "an oval top"}
    return thick, exact.get((kind, even), TOPS[kind][0]).format(corners=counted(len(outline), "corner"))


def framed_glass(m: Maker, kind: str, width: float, depth: float, height: float, glass_color: Color) -> None:
    """Add a pane with a rim, a tube around round tops, bars around rectangular ones; upper side at `height`."""
    bar = m.uniform(0.02, 0.06)
    outline = top_outline(m, kind, width - bar, depth - bar)
    m.extrude(outline, 0.01, (0, height - bar / 2, 0), "xz", color=glass_color)
    if kind == "rectangle":
        apron(m, width, depth, height, bar, bar)
    else:
        m.tube(np.insert(outline, 1, height - bar / 2, axis=1), bar / 2, sections=6, closed=True)
