"""Seats, back rests and arm rests that the chairs and wooden sofas are put together from.

A chair looks along +z: its back stands at -z. `width` is along x, `depth` along z. The brush is the color of the frame.
"""

import numpy as np

from .maker import Color, Maker, counted
from .solids import outline_points, rounded_path, rounded_rectangle, surface_grid
from .supports import SQUARE, arched_sheet


# Flat seats of one board: outline that fills [-1, 1]^2, phrase.
_BOARDS = {
    "board": (lambda m: SQUARE, "a flat seat"),
    "round": (lambda m: outline_points("oval", 20), "a round seat"),
    "trapezoid": (lambda m: SQUARE * np.repeat([(m.uniform(0.72, 0.95), 1), (1, 1)], 2, axis=0),
                  "a seat that widens to the front"),
    "rounded": (lambda m: rounded_rectangle(2, 2, 0.7), "a seat with rounded corners"),
}  # fmt: skip
SEATS = (*_BOARDS, "padded", "upholstered", "slats", "dished")
_PANELS = {
    "solid": "a solid back", "padded": "an upholstered back", "curved": "a curved back", "medallion": "an oval back",
}  # fmt: skip
BACKS = (*_PANELS, "ladder", "rails", "spindles", "slats", "cross", "framed", "splat", "hoop")
ARMS = ("posts", "loop", "tee", "panel", "swept")


def seat(m: Maker, kind: str, width: float, depth: float, top: float, cloth: Color) -> tuple[float, str]:
    """Seat (one of SEATS) with its upper side at `top`; return its total thickness and a phrase."""
    if kind not in SEATS:
        raise ValueError(f"unknown seat {kind!r}; use one of {SEATS}.")
    thick, pad, half = m.uniform(0.015, 0.05), m.uniform(0.04, 0.12), np.array([width, depth]) / 2
    level = top - thick / 2
    if kind in _BOARDS:
        outline, phrase = _BOARDS[kind]
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


def slats(m: Maker, width: float, depth: float, thickness: float, count: int, along: str = "x") -> None:
    """`count` level boards at y = 0 that fill width x depth with gaps and run along "x" or "z"."""
    share = m.uniform(0.55, 0.9)
    for place in spread(count, depth if along == "x" else width):
        if along == "x":
            m.box((width, thickness, share * depth / count), (0, 0, place))
        else:
            m.box((share * width / count, thickness, depth), (place, 0, 0))


def spread(count: int, span: float) -> np.ndarray:
    """Middles of `count` equal pieces of a `span` around 0."""
    return ((np.arange(count) + 0.5) / count - 0.5) * span


def back(m: Maker, kind: str, width: float, height: float, cloth: Color, lean: float, at: tuple) -> str:
    """Back rest (one of BACKS), `height` tall from the point `at`, tipped backwards by `lean` degrees; a phrase."""
    if kind not in BACKS:
        raise ValueError(f"unknown back {kind!r}; use one of {BACKS}.")
    with m.at(*at), m.turned("x", -lean):
        if kind in _PANELS:
            return _panel_back(m, kind, width, height, cloth)
        return _hoop_back(m, width, height) if kind == "hoop" else _post_back(m, kind, width, height, cloth)


def _panel_back(m: Maker, kind: str, width: float, height: float, cloth: Color) -> str:
    """Add a board, pad, bent sheet or oval, often held above the seat by two struts."""
    held = kind in ("curved", "medallion") or m.chance(0.4)
    gap = m.uniform(0.0, 0.38) * height if held else 0.0
    tall, thick, middle = height - gap, m.uniform(0.012, 0.06), (0, (height + gap) / 2, 0)
    if kind == "solid":
        crown, x = tall * m.uniform(0.0, 0.2) * m.chance(), np.linspace(1, -1, 9)
        upper = np.stack([x * width / 2, height - crown * x**2], axis=1)
        m.extrude(np.concatenate([[(-width / 2, gap), (width / 2, gap)], upper]), thick)
    elif kind == "curved":
        bend, lean = m.uniform(0.03, 0.14), m.uniform(-0.02, 0.08)
        with m.at(0, gap, -0.4 * bend), m.painted(m.pick(m.color, cloth)):
            arched_sheet(m, width, tall, bend, lean, 0.7 * thick)
    elif kind == "medallion":
        rim = outline_points("oval", 18) * (width / 2, tall / 2)
        m.tube(np.column_stack([rim, np.zeros(18)]) + middle, 0.018, sections=6, closed=True)
        m.extrude(0.97 * rim, 0.03, middle, color=cloth)
    elif m.chance(0.3):
        m.cushion((width, tall, 2 * thick + 0.01), middle, 0.25, color=cloth)
    else:
        m.rounded_box((width, tall, 2 * thick + 0.01), middle, 0.8 * thick, color=cloth)
    if gap > 0:
        apart = width * (0.2 if kind == "medallion" else 0.38)
        m.box((0.03, gap + 0.08, 0.03), (apart, gap / 2, -thick / 3), both="x")
    return _PANELS[kind]


def _post_back(m: Maker, kind: str, width: float, height: float, cloth: Color) -> str:
    """Two posts and what is between them: slats, thin bars, a cross, a panel, a vase shaped board or only rails."""
    bar, low, rail = m.uniform(0.02, 0.05), m.uniform(0.0, 0.25) * height, m.uniform(0.03, 0.09)
    x, clear, count = (width - bar) / 2, width - 2 * bar, m.number(2, 6)
    if m.chance(0.3):
        m.rod((x, 0, 0), (x, height, 0), bar / 2, both="x")
    else:
        m.box((bar, height, bar), (x, height / 2, 0), both="x")
    if kind == "ladder":
        pitch = m.uniform(0.6, 0.9) * height / count
        tall, bend = m.uniform(0.3, 0.75) * pitch, m.uniform(0.01, 0.05) * m.chance(0.4)
        with m.repeated([(0, height - pitch * index - tall, -bend) for index in range(count)]):
            arched_sheet(m, width - bar, tall, bend, 0.0, 0.015, columns=5)
        return f"a ladder back of {counted(count, 'slat')}"
    # The top rail of an open back is taller and bent; a lower one is left out now and then.
    crest, bend = (2 * rail, m.uniform(0.0, 0.06)) if kind == "rails" else (rail, 0.0)
    with m.at(0, height - crest, -0.6 * bend):
        arched_sheet(m, width * (1.06 if kind == "splat" else 1.0), crest, bend, 0.0, 0.9 * bar)
    if m.chance(0.5 if kind in ("rails", "spindles", "splat") else 1.0):
        m.box((clear, 0.03, 0.8 * bar), (0, low + 0.015, 0))
    if kind == "rails":
        return "an open back with a top rail"
    return _filling(m, kind, clear, low, height - crest, count, cloth)


def _filling(m: Maker, kind: str, clear: float, low: float, high: float, count: int, cloth: Color) -> str:
    """Add what a back with posts holds between its rails at heights `low` and `high`."""
    tall, middle = high - low, (high + low) / 2
    if kind == "framed":
        m.rounded_box((clear, tall, m.uniform(0.015, 0.07)), (0, middle, 0), 0.01, color=cloth)
        return "a framed back with a panel"
    if kind == "cross":
        m.beam((clear / 2, low, 0), (-clear / 2, high, 0), 0.02, both="x")
        return "a crossed back"
    if kind == "splat":
        share = np.linspace(0, 1, 9)
        swell = 1 + 0.45 * np.sin(share * 2 * np.pi * m.uniform(0.8, 1.6))
        right = np.stack([clear * m.uniform(0.1, 0.19) * swell, share * high], axis=1)
        m.extrude(np.concatenate([right, right[::-1] * (-1, 1)]), 0.014)
        return "a vase shaped splat in the back"
    if kind == "spindles":
        radius = m.uniform(0.006, 0.012)
        for x in spread(m.number(4, 9), clear):
            m.rod((x, low, 0), (x, high, 0), radius, sections=6)
        return "a back of thin spindles"
    wide = clear / count * m.uniform(0.35, 0.7)
    for x in spread(count, clear):
        m.box((wide, tall, 0.012), (x, middle, 0))
    return f"a back of {counted(count, 'upright slat')}"


def _hoop_back(m: Maker, width: float, height: float) -> str:
    """Add a bent bar over spindles."""
    x = -np.cos(np.linspace(0, np.pi, 11))
    hoop = np.stack([x * width / 2, height * (1 - x**2) ** 0.3, 0 * x], axis=1)
    m.tube(hoop, m.uniform(0.01, 0.02), sections=6)
    for x in spread(m.number(4, 8), width):
        m.rod((0.8 * x, 0, 0), (x, height * (1 - (2 * x / width) ** 2) ** 0.3, 0), 0.007, sections=6)
    return "a hoop back with spindles"


def arms(m: Maker, kind: str, width: float, depth: float, top: float, rise: float, cloth: Color) -> str:
    """Two arm rests (one of ARMS), `rise` above a seat whose upper side is at `top`; a phrase."""
    wide, level, low, d = m.uniform(0.03, 0.08), top + rise, top - 0.02, depth
    with m.both("x"), m.at(width / 2 + 0.3 * wide):
        if kind == "posts":
            m.box((wide, 0.025, d), (0, level, 0))
            m.box((0.03, rise + 0.04, 0.03), (0, top + rise / 2 - 0.02, 0.4 * d))
        elif kind == "loop":
            path = [(0, low, 0.35 * d), (0, level, 0.4 * d), (0, level, -0.4 * d), (0, low, -0.3 * d)]
            m.tube(rounded_path(path, 0.08), 0.014, sections=6)
        elif kind == "tee":
            m.rounded_box((wide + 0.02, 0.03, 0.6 * d), (0, level, 0), 0.012, color=cloth)
            m.box((0.03, rise, 0.06), (0, top + rise / 2, 0))
            m.box((wide + 0.06, 0.02, 0.06), (-0.03, low, 0))
        elif kind == "panel":
            m.box((wide, rise + 0.08, d), (0, top + rise / 2 - 0.04, 0))
        elif kind == "swept":
            path = [(0, level + 0.08, -d / 2), (0, level, -0.1 * d), (0, level, 0.3 * d), (0, low, 0.35 * d)]
            m.tube(rounded_path(path, 0.1), 0.35 * wide + 0.004, sections=6)
        else:
            raise ValueError(f"unknown arms {kind!r}; use one of {ARMS}.")
    return "two arm rests"


def wall(m: Maker, radii: tuple, reach: float, y: float, front: float, rear: float, thick: float, low=0.0, flare=0.0):
    """Curved wall around the back of a seat, `rear` tall behind and `front` at its ends, from the share `low` up."""
    angle, share = np.linspace(-reach, reach, 15), np.linspace(low, 1, 4)[:, None]
    tall = front + (rear - front) * np.cos(angle / reach * np.pi / 2).clip(0) ** 0.8
    out = 1 + flare * share
    x, z = np.sin(angle) * radii[0] * out, -np.cos(angle) * radii[1] * out
    m.sheet(np.stack([x, y + tall * share, z], axis=-1), thick)
