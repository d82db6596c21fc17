"""Seats, back rests and arm rests that the chairs and wooden sofas are put together from.

A chair looks along +z: its back stands at -z. `width` is along x, `depth` along z. The brush is the color of the frame.
"""

import numpy as np

from .maker import Color, Maker, counted
from .solids import outline_points, rounded_path, rounded_rectangle, surface_grid
from .supports import arched_sheet


def frame_color(m: Maker) -> Color:
    """Color of a frame: wood twice as often as metal."""
    return m.palette("wood wood metal")


# ------------------------------------------------------------------------------------------------ seats


def seat(m: Maker, kind: str, width: float, depth: float, top: float, cloth: Color) -> tuple[float, str]:
    """Make a seat (one of SEATS) with its upper side at `top`; return its total thickness and a phrase."""
    if kind not in SEATS:
        raise ValueError(f"unknown seat {kind!r}; use one of {SEATS}.")
    thick, pad, half = m.uniform(0.015, 0.05), m.uniform(0.04, 0.12), np.array([width, depth]) / 2
    level = top - thick / 2
    if kind in _OUTLINES:
        outline, phrase = _OUTLINES[kind]
        m.extrude(outline(m) * half, thick, (0, level, 0), "xz")
        return thick, phrase
    if kind == "slats":
        with m.at(0, top - 0.3 * thick):
            slats(m, width, depth, 0.6 * thick, m.number(4, 8))
        return 0.6 * thick, "a slatted seat"
    if kind == "dished":
        u, v = surface_grid(7, 7)
        dip = 0.03 * (u**2 + v**2) - 0.03 - 0.03 * np.clip(v - 0.3, 0, 1) ** 2
        m.sheet(np.stack([u * half[0], level + dip, v * half[1]], axis=-1), thick)
        return thick + 0.03, "a moulded seat"
    if kind == "upholstered":
        m.rounded_box((width, pad, depth), (0, top - pad / 2, 0), 0.4 * pad, color=cloth)
        return pad, "an upholstered seat"
    m.box((width, thick, depth), (0, level - 0.6 * pad, 0))
    m.cushion((0.95 * width, pad, 0.95 * depth), (0, top - pad / 2, 0), 0.2, color=cloth)
    return 0.6 * pad + thick, "a padded seat"


def _trapezoid(m: Maker) -> np.ndarray:
    """Outline in [-1, 1]^2 that is narrower at the back."""
    back = m.uniform(0.72, 0.95)
    return np.array([(-back, -1), (back, -1), (1, 1), (-1, 1)])


# Flat seats of one board: outline that fills [-1, 1]^2, phrase.
_OUTLINES = {
    "board": (lambda m: np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]), "a flat seat"),
    "round": (lambda m: outline_points("oval", 20), "a round seat"),
    "trapezoid": (_trapezoid, "a seat that widens to the front"),
    "rounded": (lambda m: rounded_rectangle(2, 2, 0.7), "a seat with rounded corners"),
}
SEATS = (*_OUTLINES, "padded", "upholstered", "slats", "dished")


def slats(m: Maker, width: float, depth: float, thickness: float, count: int, along: str = "x") -> None:
    """`count` level boards at y = 0 that fill width x depth with gaps and run along "x" or "z"."""
    share = m.uniform(0.55, 0.9)
    for place in _spread(count, depth if along == "x" else width):
        if along == "x":
            m.box((width, thickness, share * depth / count), (0, 0, place))
        else:
            m.box((share * width / count, thickness, depth), (place, 0, 0))


def _spread(count: int, span: float) -> np.ndarray:
    """Middles of `count` equal pieces of a `span` around 0."""
    return ((np.arange(count) + 0.5) / count - 0.5) * span


# ------------------------------------------------------------------------------------------------ backs


def back(m: Maker, kind: str, width: float, height: float, cloth: Color, lean: float, at: tuple) -> str:
    """Back rest (one of BACKS), `height` tall from the point `at`, tipped backwards by `lean` degrees; a phrase."""
    if kind not in BACKS:
        raise ValueError(f"unknown back {kind!r}; use one of {BACKS}.")
    with m.at(*at), m.turned("x", -lean):
        return _BACKS[kind](m, width, height, cloth)


def _posts(m: Maker, width: float, height: float) -> tuple[float, float]:
    """Two uprights; return their thickness and the clear width between them."""
    bar = m.uniform(0.02, 0.05)
    x = (width - bar) / 2
    if m.chance(0.3):
        m.rod((x, 0, 0), (x, height, 0), bar / 2, both="x")
    else:
        m.box((bar, height, bar), (x, height / 2, 0), both="x")
    return bar, width - 2 * bar


def _solid_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """One board, sometimes with a crown, sometimes held above the seat."""
    thick = m.uniform(0.012, 0.06)
    start = m.uniform(0.0, 0.35) * height if m.chance(0.4) else 0.0
    crown = m.uniform(0.0, 0.15) * height if m.chance(0.5) else 0.0
    x = np.linspace(1, -1, 9)
    upper = np.stack([x * width / 2, height - crown * x**2], axis=1)
    m.extrude(np.concatenate([[(-width / 2, start), (width / 2, start)], upper]), thick)
    if start > 0:
        m.box((0.03, start + 0.1, 0.03), (0.36 * width, start / 2, -thick / 2), both="x")
    return "a solid back"


def _padded_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A padded block or a pillow, sometimes held above the seat."""
    thick = m.uniform(0.04, 0.12)
    gap = m.uniform(0.0, 0.3) * height if m.chance(0.4) else 0.0
    size, middle = (width, height - gap, thick), (0, (height + gap) / 2, 0)
    if m.chance(0.3):
        m.cushion(size, middle, 0.25, color=cloth)
    else:
        m.rounded_box(size, middle, 0.4 * thick, color=cloth)
    if gap > 0:
        m.box((0.03, 1.3 * gap, 0.03), (0.4 * width, 0.6 * gap, 0), both="x")
    return "an upholstered back"


def _ladder_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """Level slats, straight or bent, between two posts."""
    bar, clear = _posts(m, width, height)
    count, start = m.number(2, 6), m.uniform(0.1, 0.4) * height
    pitch = (height - start) / count
    tall, bend = pitch * m.uniform(0.3, 0.75), m.uniform(0.01, 0.05) if m.chance(0.4) else 0.0
    with m.repeated([(0, height - pitch * index - 1.05 * tall, -bend) for index in range(count)]):
        arched_sheet(m, clear + bar, tall, bend, 0.0, 0.015, columns=5 if bend else 2)
    return f"a ladder back of {counted(count, 'slat')}"


def _spindle_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """Thin round bars under a top rail."""
    bar, clear = _posts(m, width, 0.98 * height)
    low, rail = m.uniform(0.05, 0.2) * height if m.chance(0.6) else 0.0, m.uniform(0.03, 0.09)
    m.box((width, rail, 1.1 * bar), (0, height - rail / 2, 0))
    if low > 0:
        m.box((clear, 0.03, bar), (0, low, 0))
    radius = m.uniform(0.006, 0.012)
    for x in _spread(m.number(4, 9), clear):
        m.rod((x, low, 0), (x, height - rail, 0), radius, sections=6)
    return "a back of thin spindles"


def _slat_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """Upright slats between two rails."""
    bar, clear = _posts(m, width, height)
    count, low, rail = m.number(2, 6), m.uniform(0.0, 0.2) * height, m.uniform(0.03, 0.08)
    m.box((width, rail, 0.8 * bar), (0, height - rail / 2, 0))
    m.box((clear, 0.03, 0.8 * bar), (0, low + 0.015, 0))
    wide = clear / count * m.uniform(0.35, 0.7)
    for x in _spread(count, clear):
        m.box((wide, height - low - rail, 0.012), (x, (height + low - rail) / 2, 0))
    return f"a back of {counted(count, 'upright slat')}"


def _splat_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A vase shaped board under a curved top rail."""
    bar, _ = _posts(m, width, 0.95 * height)
    rail, x = m.uniform(0.04, 0.09), np.linspace(1, -1, 9)
    crest = np.stack([x * width * 0.53, height - 0.7 * rail * np.abs(x) ** 1.5], axis=1)
    lower = np.stack([-x * width * 0.5, np.full(9, height - 1.6 * rail)], axis=1)
    m.extrude(np.concatenate([lower, crest]), bar)
    share = np.linspace(0, 1, 9)
    swell = 1 + 0.45 * np.sin(share * 2 * np.pi * m.uniform(0.8, 1.6))
    right = np.stack([width * m.uniform(0.09, 0.17) * swell, share * (height - 1.5 * rail)], axis=1)
    m.extrude(np.concatenate([right, right[::-1] * (-1, 1)]), 0.014)
    return "a vase shaped splat in the back"


def _hoop_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A bent bar over spindles."""
    angle = np.linspace(0, np.pi, 11)
    hoop = np.stack([-np.cos(angle) * width / 2, height * np.sin(angle).clip(0) ** 0.6, 0 * angle], axis=1)
    m.tube(hoop, m.uniform(0.01, 0.02), sections=6)
    for share in _spread(m.number(4, 8), 2):
        x, top = share * width / 2, height * (1 - share**2) ** 0.3
        m.rod((0.8 * x, 0, 0), (x, top, 0), 0.007, sections=6)
    return "a hoop back with spindles"


def _medallion_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """An upholstered oval in a rim."""
    tall = height * m.uniform(0.6, 0.85)
    middle, gap = (0, height - tall / 2, 0), height - tall
    rim = outline_points("oval", 18) * (width / 2, tall / 2)
    m.tube(np.column_stack([rim, np.zeros(len(rim))]) + middle, 0.018, sections=6, closed=True)
    m.extrude(0.97 * rim, 0.03, middle, color=cloth)
    m.box((0.03, gap + 0.06, 0.03), (0.2 * width, gap / 2, 0), both="x")
    return "an oval back"


def _cross_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """Two crossed bars between two rails."""
    bar, clear = _posts(m, width, height)
    low, rail = m.uniform(0.05, 0.2) * height, m.uniform(0.03, 0.06)
    for y in (low, height - rail / 2):
        m.box((clear + bar, rail, 0.8 * bar), (0, y, 0))
    m.beam((clear / 2, low, 0), (-clear / 2, height - rail, 0), 0.02, both="x")
    return "a crossed back"


def _curved_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A bent board or pad, from the seat on or held above it."""
    start, bend, lean = m.uniform(0.0, 0.5) * height, m.uniform(0.03, 0.14), m.uniform(-0.02, 0.08)
    with m.at(0, start, -0.4 * bend), m.painted(m.pick(m.color, cloth)):
        arched_sheet(m, width, height - start, bend, lean, m.uniform(0.01, 0.04))
    m.rod((0.4 * width, 0, 0), (0.42 * width, start + 0.1, 0), 0.012, both="x")
    return "a curved back"


def _framed_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A panel in a frame of bars."""
    bar, clear = _posts(m, width, height)
    low = m.uniform(0.05, 0.3) * height
    for y in (low, height - bar / 2):
        m.box((clear, bar, bar), (0, y, 0))
    tall = height - low - bar
    m.rounded_box((clear, tall, bar * m.uniform(0.6, 1.6)), (0, low + tall / 2, 0), 0.01, color=cloth)
    return "a framed back with a panel"


def _rail_back(m: Maker, width: float, height: float, cloth: Color) -> str:
    """A top rail, sometimes a second one, between two posts."""
    bar, clear = _posts(m, width, height)
    rail, bend = m.uniform(0.06, 0.2), m.uniform(0.0, 0.06)
    with m.at(0, height - rail, -0.6 * bend):
        arched_sheet(m, width, rail, bend, 0.0, 0.018)
    if m.chance(0.5):
        m.box((clear, 0.03, 0.8 * bar), (0, height * m.uniform(0.2, 0.45), 0))
    return "an open back with a top rail"


_BACKS = {
    "solid": _solid_back,
    "padded": _padded_back,
    "ladder": _ladder_back,
    "spindles": _spindle_back,
    "splat": _splat_back,
    "hoop": _hoop_back,
    "medallion": _medallion_back,
    "cross": _cross_back,
    "curved": _curved_back,
    "slats": _slat_back,
    "framed": _framed_back,
    "rails": _rail_back,
}
BACKS = tuple(_BACKS)


# ------------------------------------------------------------------------------------------------ arms

ARMS = ("posts", "loop", "tee", "panel", "swept")


def arms(m: Maker, kind: str, width: float, depth: float, top: float, rise: float, cloth: Color) -> str:
    """Two arm rests (one of ARMS), `rise` above a seat whose upper side is at `top`; a phrase."""
    if kind not in ARMS:
        raise ValueError(f"unknown arms {kind!r}; use one of {ARMS}.")
    wide, level, d = m.uniform(0.03, 0.08), top + rise, depth
    with m.both("x"), m.at(width / 2 + 0.3 * wide):
        if kind == "posts":
            m.box((wide, 0.025, d), (0, level, 0))
            m.box((0.03, rise + 0.04, 0.03), (0, top + rise / 2 - 0.02, 0.4 * d))
        elif kind == "loop":
            low = top - 0.02
            path = [(0, low, 0.35 * d), (0, level, 0.4 * d), (0, level, -0.4 * d), (0, low, -0.3 * d)]
            m.tube(rounded_path(path, 0.08), 0.014, sections=6)
        elif kind == "tee":
            m.rounded_box((wide + 0.02, 0.03, 0.6 * d), (0, level, 0), 0.012, color=cloth)
            m.box((0.03, rise, 0.06), (0, top + rise / 2, 0))
            m.box((wide + 0.06, 0.02, 0.06), (-0.03, top - 0.02, 0))
        elif kind == "panel":
            m.box((wide, rise + 0.08, d), (0, top + rise / 2 - 0.04, 0))
        else:
            path = [(0, level + 0.08, -d / 2), (0, level, -0.1 * d), (0, level, 0.3 * d), (0, top - 0.02, 0.35 * d)]
            m.tube(rounded_path(path, 0.1), 0.35 * wide + 0.004, sections=6)
    return "two arm rests"


def rolled_arm(m: Maker, radius: float, length: float, x: float, y: float, z: float = 0.0) -> None:
    """Rolled arm: a cylinder that lies along z."""
    m.cylinder(radius, length, (x, y, z), axis="z", sections=14)
