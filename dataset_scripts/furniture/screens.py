"""Monitors: flat, boxed and tube screens on stands, feet, arms, poles, walls or nothing.

A screen is built with the middle of its front at the origin, facing +z; what carries it goes down from there.
"""

from collections import namedtuple
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from .maker import Builder, Color, Maker, counted
from .solids import rounded_path, rounded_rectangle, surface_grid


# `panel`: depth without what bulges behind; `tilt`: degrees that it leans back; `floor`: height of the floor.
Screen = namedtuple("Screen", "width height depth panel tilt floor")
_RATIOS = (1.25, 1.33, 1.33, 1.6, 1.6, 1.78, 1.78)  # width to height of usual screens
_BACKS = {"bulge": "a back that bulges", "step": "a stepped back", "cap": "a round cap behind", "ribs": "ribs behind"}


def _hull(m: Maker, rows, roundness: float, color: Color | None = None) -> None:
    """Add a solid through rounded rectangles, one row (z, width, height, middle y) each, from front to back."""
    outlines = [rounded_rectangle(w, h, roundness * min(w, h), 3) + (0, middle) for _, w, h, middle in rows[::-1]]
    rings = [np.insert(outline, 2, row[0], axis=1) for outline, row in zip(outlines, rows[::-1], strict=True)]
    m.loft(np.stack(rings), color=color)


def _front(m: Maker, w: float, h: float, depth: float, glass: Color) -> None:
    """Add a block whose front carries the glass: sunk behind a frame, flush, raised, or with a broad strip below."""
    side = min(w, h) * m.uniform(0.012, 0.11)
    top, bottom = side * m.uniform(0.7, 1.3), side * m.pick(1.0, 1.0, m.uniform(1.2, 3.0))
    side *= m.pick(1.0, 1.0, m.uniform(0.6, 1.8))
    inner, middle, low = (w - 2 * side, h - top - bottom), (bottom - top) / 2, (bottom - h) / 2
    if m.chance(0.4):
        m.rounded_box((w, h, depth), (0, 0, -depth / 2), m.pick(0.001, 0.001, min(0.3 * depth, side, top)))
        m.box((*inner, m.pick(0.004, 0.013)), (0, middle, 0), color=glass)
        m.say("a flat glass front")
        return
    lip = min(depth * m.uniform(0.15, 0.6), m.uniform(0.006, 0.04))
    m.box((w, h, depth - lip), (0, 0, -(depth + lip) / 2))
    m.box((*inner, 0.002), (0, middle, -lip), color=glass)
    m.box((w, top, lip), (0, (h - top) / 2, -lip / 2))
    m.box((w, bottom, lip), (0, low, -lip / 2))
    m.box((side, inner[1], lip), ((w - side) / 2, middle, -lip / 2), both="x")
    frame = "a broad frame around the glass" if side > 0.06 * min(w, h) else "a narrow frame"
    m.say(frame, "a broad strip below the glass" if bottom > 2 * top else "")
    if bottom > 0.02 and m.chance():
        size, count, color = bottom * m.uniform(0.25, 0.5), m.number(1, 6), m.pick(m.color, m.palette("metal"))
        start, wide = m.pick(0.0, 0.32 * w - count * size), size * m.pick(1.2, 0.8)
        for x in start + (np.arange(count) - (count - 1) / 2) * size * 1.8:
            m.box((wide, size * 0.7, 0.012), (x, low, 0), color=color)
        m.say("small buttons")


def flat(m: Maker, w: float, h: float, glass: Color, thick) -> tuple[float, float]:
    """Add a panel, `thick` relative to its larger side, and what sits behind it; return depth and panel's depth."""
    panel, kind = max(w, h) * m.uniform(*thick), m.pick("none none bulge bulge step cap ribs")
    _front(m, w, h, panel, glass)
    m.say("a thin screen" if panel < 0.05 * w else "a flat screen" if panel < 0.1 * w else "a thick screen")
    if kind == "none":
        return panel, panel
    wide, high, small = w * m.uniform(0.4, 0.98), h * m.uniform(0.4, 0.98), m.uniform(0.5, 0.9)
    deep, y = m.uniform(0.15, 1.6) * float(np.clip(panel, 0.03, 0.12 * w)), m.uniform(-1, 1) * (h - high) / 2
    middle = (0, y, -panel - deep / 2)
    if kind == "bulge":
        steps = ((0.0, 1.0), (0.6, m.pick(0.6 + 0.4 * small, 0.4 + 0.6 * small)), (1.0, small))
        _hull(m, [(-panel - deep * z, wide * s, high * s, y) for z, s in steps], m.uniform(0.01, 0.3))
    elif kind == "step":
        m.box((wide, high, deep), middle)
    elif kind == "cap":
        m.cylinder(0.45 * min(wide, high), deep, middle, "z", 20)
    else:
        with m.repeated([(0, place * high, 0) for place in np.linspace(-0.4, 0.4, m.number(4, 9))]):
            m.box((wide, 0.04 * high, deep), middle)
    m.say(_BACKS[kind])
    return panel + deep, panel


def tube(m: Maker, w: float, h: float, glass: Color, thick, boxed=0.2, egg=False):
    """Add a picture tube's case: a straight front part and a rear part that narrows in steps or like an egg."""
    depth, box = w * m.uniform(*thick), m.chance(boxed)
    straight = depth * (m.uniform(0.6, 1.0) if box else 0.05 if egg else m.uniform(0.08, 0.45))
    _front(m, w, h, straight, glass)
    wide, high = (m.uniform(0.75, 0.98), m.uniform(0.7, 0.98)) if box else m.rng.uniform(0.35, 0.8, 2)
    steps = [(-0.02, 0.02), (m.uniform(0.3, 0.7), m.uniform(0.3, 0.8)), (1.0, 1.0)]
    steps = [(z, z**2.4) for z in np.linspace(0, 1, 6)] if egg else m.pick(steps, steps, steps[::2])
    neck, drop = m.pick(0.0, m.uniform(0.03, 0.1)), m.uniform(-1.0, 0.4) * (1 - high) * h / 2
    rows = [(straight + z * (depth - straight), 1 - s * (1 - wide), 1 - s * (1 - high), s * drop) for z, s in steps]
    if neck:
        rows += [(depth + end, share * wide, share * high, drop) for end, share in ((0.01, 0.75), (neck, 0.5))]
    _hull(m, [(-z, w * x, h * y, middle) for z, x, y, middle in rows], 0.28 if egg else m.uniform(0.01, 0.2))
    if egg or m.chance(0.35):  # the glass of a tube is a shallow dome
        scales = ((m.uniform(0.01, 0.03), 0.5), (0.008, 0.68), (0.0, 0.78), (-0.01, 0.8))
        _hull(m, [(z, w * scale, h * scale, 0.0) for z, scale in scales], 0.15, glass)
    m.say("a deep case", "a case like a box" if box else "a round back" if egg else "a back that narrows")
    return depth + neck, depth + neck


def curved(m: Maker, w: float, h: float, glass: Color, thick) -> tuple[float, float]:
    """Add a wide panel that bends around the viewer."""
    angle, t, edge = np.deg2rad(m.uniform(20, 75)), w * m.uniform(*thick), m.uniform(0.02, 0.1) * h
    u, v = surface_grid(2, 17, u=(-0.5, 0.5), v=(-0.5, 0.5))
    for behind, inset, color in ((t / 2, 0.0, m.color), (0.0, edge, glass)):
        turn, radius = u * angle * (1 - inset / w), w / angle + behind
        grid = np.stack([radius * np.sin(turn), v * (h - inset), w / angle - radius * np.cos(turn)], axis=2)
        m.sheet(grid, 2 * behind or 0.004, color=color)
    deep = t + m.uniform(0.02, 0.06)
    _hull(m, [(-t * 0.5, w * 0.4, h * 0.6, 0.0), (-deep, w * 0.3, h * 0.4, 0.0)], 0.1)
    m.say("a curved screen", "a wide screen")
    return t, t


# ------------------------------------------------------------------------------------------------ stands

_RING = [(np.cos(a), 1 + np.sin(a)) for a in np.arange(13) * np.pi / 6]
# Feet of bars through points (x, z), in half sizes.
_BARS: dict[str, list[Any]] = {
    "a foot like the letter u": [[(-1, 1), (-1, -1), (1, -1), (1, 1)]],
    "a foot like the letter v": [[(-1, 2), (0, 0), (1, 2)]],
    "a foot like a cross": [[(-1, -1), (1, 1)], [(-1, 1), (1, -1)]],
    "a ring as its foot": [_RING],
    "a bar as its foot": [[(-1, 0), (1, 0)]],
    "a foot with three toes": [[(0, 0), (0, 1)], [(0, 0), (0.9, -0.5)], [(0, 0), (-0.9, -0.5)]],
}
_FULL = ("an oval foot", "a round foot", "a rectangular foot", "a block as its foot", "a rounded foot", "a domed foot")
_FEET = (*_BARS, *_FULL)
_STRAIGHT = ("a post", "a post", "a wide flat post", "a round post", "two thin posts")
_NECKS = (*_STRAIGHT, "a bent post", "a tapered post", "a column with a joint")
_BEHIND = ("a bent post", "a column with a joint", "a bent sheet", "a jointed arm", "a strut behind the screen")


def _foot(m: Maker, kind: str, w: float, d: float) -> float:
    """Add a foot on the floor around the origin; return its height in the middle."""
    t, bar = m.uniform(0.008, 0.045), m.uniform(0.02, 0.05)
    if kind in _BARS:
        for path in _BARS[kind]:
            for a, b in pairwise(np.insert(np.array(path) * (w / 2, d / 2), 1, t / 2, axis=1)):
                m.beam(a, b, (bar, t))
    elif kind == "a rounded foot":
        m.extrude(rounded_rectangle(w, d, m.uniform(0.15, 0.5) * d), t, (0, t / 2, 0), "xz")
    elif kind in ("a rectangular foot", "a block as its foot"):
        t, top = (t, 1.0) if kind == "a rectangular foot" else (2 * t, m.uniform(0.4, 1.0))
        m.beam((0, 0, 0), (0, t, 0), (w, d), top)
    else:
        t, top = (0.06, 0.3) if kind == "a domed foot" else (t, m.uniform(0.75, 1.0))
        with m.scaled((w, 1, d if kind == "an oval foot" else w)):
            m.revolve([(0.5, 0), (0.25 + 0.25 * top, 0.7 * t), (0.5 * top, t)], sections=24)
    m.say(kind)
    return t


def _neck(m: Maker, kind: str, a: np.ndarray, b: np.ndarray, wide: float) -> None:
    """Add what joins the foot at a with the screen at b."""
    slim, up = m.uniform(0.015, 0.05), np.array([a[0], b[1], a[2]])
    if kind == "a round post":
        m.rod(a, b, slim / 1.5, 12)
    elif kind == "two thin posts":
        m.rod(a + (wide / 3, 0, 0), b + (wide / 3, 0, 0), slim / 2, both="x")
    elif kind == "a bent post":
        m.tube(rounded_path([a, up, b - (0, 0, 0.002)], 0.06, 4), slim / 1.5)
    elif kind == "a column with a joint":
        m.beam(a, up + (0, m.uniform(0.02, 0.12), 0), (slim * 2, slim * 1.5))
        m.beam(up, b, slim * 1.5)
    elif kind == "a bent sheet":
        path = rounded_path([b, a, a + (0, 0, m.uniform(0.14, 0.24))], m.uniform(0.01, 0.08), 4)
        m.sheet(np.stack([path - (wide / 2, 0, 0), path + (wide / 2, 0, 0)]), m.uniform(0.006, 0.014))
    elif kind == "a jointed arm":
        elbow = (up + b) / 2 + m.rng.uniform(-0.1, 0.1, 3)
        for start, end in ((a, up), (up, elbow), (elbow, b)):
            m.beam(start, end, 0.035)
            m.cylinder(0.025, 0.055, end)
    else:
        width = slim * m.uniform(1.0, 3.0) if kind == "a post" else wide * m.uniform(0.4, 1.0)
        m.beam(a, b, (width, slim), m.uniform(0.4, 0.8) if kind == "a tapered post" else 1.0)
    m.say(kind)


def center(m: Maker, s: Screen, gaps=(0.2, 0.72), feet=_FEET, necks=_NECKS, away=(0.0, 0.1)) -> float:
    """Add foot and neck in the middle, the gap below the screen relative to its height; return the floor's height."""
    gap = m.uniform(*gaps) * min(s.height, 0.6 * s.width)
    size, floor = m.uniform(0.25, 0.75) * min(s.width, 2.2 * s.height), -gap - s.height / 2
    foot, neck, deep = m.pick(feet), m.pick(necks), size * m.uniform(0.45, 1.0)
    behind, lean = neck in _BEHIND or m.chance(0.7), np.deg2rad(s.tilt)
    # The neck reaches a block behind the panel or the inside of the case's lower edge.
    y = s.height * (m.uniform(0.12, 0.55) if behind else 0.01) - s.height / 2
    z = -s.depth - 0.03 if behind else -s.panel * m.uniform(0.5, 0.8)
    joint = np.array([0, y * np.cos(lean) + z * np.sin(lean), z * np.cos(lean) - y * np.sin(lean)])
    if behind:
        side = min(0.11, 0.25 * s.height, 0.25 * s.width)
        with m.turned("x", -s.tilt):
            m.box((side, side, -z - 0.7 * s.panel), (0, y, (z - 0.7 * s.panel) / 2))
    ground, level = joint[2] - (m.uniform(*away) if behind else 0.0), 0.01
    if foot:
        with m.at(0, floor, ground + (m.uniform(0.0, 0.25) * deep if foot in _FULL else 0.0)):
            level = _foot(m, foot, size, deep)
    joint[1] = max(joint[1], floor + level + 0.02)
    _neck(m, neck, np.array([0, floor + level * 0.9, ground]), joint, size * 0.5)
    return floor


_LEGS = {"four small feet": (0.0, 0.0), "four short legs": (0.0, 0.05), "a split foot under each side": (0.05, 0.15)}


def low(m: Maker, s: Screen, kinds: tuple[str, ...]) -> float:
    """Add what a case stands on: a swivel foot, a block, a plinth, small feet, legs or nothing."""
    kind, gap = m.pick(kinds), m.uniform(0.025, 0.09)
    r, z = min(s.width * m.uniform(0.25, 0.45), 0.5 * s.depth), -s.depth * m.uniform(0.35, 0.6)
    gap *= {"": 0.0, "a mount for the wall": 0.0, "four short legs": 3.0, "a cabinet below": 6.0}.get(kind, 1.0)
    with m.at(0, -gap - s.height / 2, 0):
        if kind == "a swivel foot":
            m.frustum(r * 0.6, r * 0.85, gap / 2 + 0.1 * s.height, (0, gap * 0.75 + 0.05 * s.height, z))
            if m.chance():
                m.beam((0, 0, z), (0, gap / 2, z), (2 * r, 1.8 * r))
            else:
                m.cylinder(r, gap / 2, (0, gap / 4, z))
        elif kind == "a block as its foot":
            m.beam((0, 0, z), (0, gap + 0.03, z), (2 * r, 1.7 * r), 0.8)
        elif kind == "a board under each side":
            foot = (m.uniform(0.2, 0.45) * s.width, 0, -s.depth / 2)
            m.beam(foot, foot + np.array([0, gap + 0.01, 0]), (0.025, s.depth + 0.2), m.uniform(0.3, 1.0), both="x")
        elif kind in _LEGS:
            x, out = m.uniform(0.25, 0.38) * s.width, m.uniform(*_LEGS[kind])
            for z, front in ((-0.15 * s.depth, out), (-0.8 * s.depth, -out)):
                m.rod((x, gap + 0.02, z), (x + 0.02, 0.005, z + front), 0.018, both="x")
        elif kind == "a mount for the wall":
            m.beam((0, s.height / 2, -0.9 * s.depth), (0, s.height / 2, -s.depth - 0.05), 0.08 * s.width)
            m.box((0.3 * s.width, 0.3 * s.width, 0.015), (0, s.height / 2, -s.depth - 0.05))
        elif kind:
            wide = m.uniform(0.4, 0.95) if kind == "a plinth" else 0.98
            m.box((s.width * wide, gap + 0.01, s.depth * m.uniform(0.6, 1.05)), (0, gap / 2, -s.depth / 2))
    m.say(kind)
    return -gap - s.height / 2


def keyboard(m: Maker, s: Screen) -> None:
    """Add a sloping board with rows of keys, and maybe a mouse, in front."""
    width, high, keys = m.uniform(0.3, 0.48), m.uniform(0.02, 0.06), m.palette("plastic")
    deep = width * m.uniform(0.3, 0.45)
    with m.at(0, s.floor, m.uniform(0.03, 0.2)):
        m.extrude([(0, 0), (deep, 0), (deep, 0.015), (0, high)], width, (0, 0, 0), "zy")
        for place in np.linspace(0.18, 0.82, m.number(3, 5)):
            spot = (0, high + (0.015 - high) * place + 0.003, place * deep)
            m.box((0.9 * width, 0.012, 0.1 * deep), spot, color=keys)
        if mouse := m.chance(0.4):
            m.rounded_box((0.06, 0.035, 0.1), (width / 2 + 0.09, 0.0175, 0.1), 0.015, color=keys)
    m.say("a keyboard in front", "a mouse beside the keyboard" if mouse else "")


def _glass(m: Maker) -> Color:
    """Set the brush to a case's color and return that of its glass."""
    gray = (m.uniform(0.0, 0.15),) * 3
    case = m.palette("plastic plastic plastic metal metal wood fabric ceramic") if m.chance(0.75) else gray
    m.color = tuple(np.multiply(case, 0.9) + 0.1)  # pure black would hide every edge from a shaded view
    value = m.uniform(0.03, 0.3)
    dark = (value, value, value * m.uniform(1.0, 1.4))
    return m.pick(m.palette("plastic"), (0.2, 0.45, 0.8), (0.75, 0.8, 0.85)) if m.chance(0.3) else dark


def screen(
    m: Maker, stand, widths, ratios, *extras, head=flat, thick=(0.012, 0.07), words=(), metal=0.3, tilts=(-3, 18),
    counts=(1,), **options,
) -> None:  # fmt: skip
    """Build a screen of drawn width and ratio to its height with what carries it, and add the extras."""
    glass, width, count = _glass(m), m.uniform(*widths), m.pick(counts)
    height = width / (m.uniform(*ratios) if len(ratios) == 2 else m.pick(ratios) * m.uniform(0.95, 1.05))
    tilt, turn, stacked = m.pick(0.0, m.uniform(*tilts)), m.pick(0.0, m.uniform(8, 30)), count > 1 and m.chance(0.25)
    step = 1.03 * np.array((0, height, 0) if stacked else (width, 0, 0))
    turn, forward = (0.0, 0.0) if stacked else (turn, 0.0155 * turn * width)
    places = np.arange(count) - (count - 1) / 2
    moves = [lambda part, p=p: part.rotated("y", -p * turn).moved(step * p + (0, 0, abs(p) * forward)) for p in places]
    with m.copied(moves), m.turned("x", -tilt):
        depth, panel = head(m, width, height, glass, thick)
    m.color = m.palette("metal plastic") if m.chance(metal) else m.color
    if count > 1:
        m.family, end = counted(count, "monitor"), step * places[-1] - (0, 0, depth + 0.03 - places[-1] * forward)
        m.beam((0, 0, -depth - 0.03), end, 0.04, both="y" if stacked else "x")
        m.say(f"{counted(count, 'screen')} {'one above the other' if stacked else 'side by side'}")
    s = Screen(width, height * count if stacked else height, depth, panel, tilt, 0.0)
    s = s._replace(floor=stand(m, s, **options))
    m.say(*words)
    for extra in extras:
        extra(m, s)


def row(*arguments: Any, **options: Any) -> Builder:
    """Return a family that is a row of arguments of `screen`."""
    return lambda m: screen(m, *arguments, **options)


stood, cased = partial(row, center), partial(row, low, tilts=(0, 0))
tubes = partial(cased, head=tube, thick=(0.55, 1.25))
boxes = partial(cased, head=partial(tube, boxed=0.6), thick=(0.5, 1.0))
_CASE = ("", "", "a plinth", "a swivel foot", "four small feet")
FAMILIES: dict[str, Builder] = {
    "desktop monitor": stood((0.35, 0.65), _RATIOS),
    "thick monitor": stood((0.35, 0.6), (1.15, 1.8), thick=(0.06, 0.16), gaps=(0.1, 0.55)),
    "wide television": stood((0.7, 1.5), (1.6, 2.8), thick=(0.012, 0.08), gaps=(0.12, 0.35), words=("a wide screen",)),
    "television on two feet": cased((0.7, 1.5), (1.4, 2.4), thick=(0.012, 0.09), words=("a wide screen",),
        kinds=("a board under each side", "a split foot under each side")),
    "tube monitor": tubes((0.32, 0.5), (1.0, 1.4), kinds=("a swivel foot", "a swivel foot", "a block as its foot")),
    "tube television": boxes((0.4, 0.9), (0.95, 1.5), kinds=("", "", "four small feet", "four short legs")),
    "boxed screen": cased((0.45, 1.1), (1.1, 2.4), kinds=_CASE, thick=(0.15, 0.6), words=("a case like a box",)),
    "projection television": cased((0.9, 1.6), (1.25, 1.8), kinds=("a cabinet below",), thick=(0.15, 0.35)),
    "monitor on an arm": stood((0.4, 0.8), (1.3, 2.3), tilts=(-5, 12), gaps=(0.2, 1.0),
        feet=("a round foot", "a rounded foot"), necks=("a jointed arm",), away=(0.12, 0.3), metal=0.8),
    "all in one computer": stood((0.45, 0.7), (1.1, 1.6), thick=(0.02, 0.06), tilts=(0, 8), gaps=(0.15, 0.4),
        feet=("",), necks=("a bent sheet",), away=(0.02, 0.08)),
    "portrait monitor": stood((0.25, 0.5), (0.55, 1.0), words=("an upright screen",)),
    "curved monitor": stood((0.6, 1.2), (1.7, 3.3), head=curved, thick=(0.015, 0.05)),
    "several monitors": stood((0.4, 0.6), _RATIOS, counts=(2, 2, 3), tilts=(0, 0)),
    "wall television": cased((0.5, 1.5), (1.2, 2.4), kinds=("", "", "a mount for the wall"), thick=(0.015, 0.1),
        words=("no foot",)),
    "computer terminal": boxes((0.35, 0.5), (0.9, 1.3), keyboard, kinds=("", "a plinth", "a computer below")),
    "monitor with a keyboard": stood((0.35, 0.65), _RATIOS, keyboard),
    "screen on a pole": stood((0.4, 1.1), (0.6, 1.9), thick=(0.02, 0.1), gaps=(0.6, 1.7), necks=_STRAIGHT,
        tilts=(0, 30)),
    "leaning display": stood((0.3, 0.6), (0.8, 1.9), thick=(0.015, 0.08), tilts=(8, 30), gaps=(0, 0), feet=("",),
        necks=("a strut behind the screen",), away=(0.1, 0.25)),
    "rounded tube monitor": tubes((0.36, 0.55), (0.95, 1.3), kinds=("a swivel foot", "four small feet"),
        head=partial(tube, boxed=0.0, egg=True)),
    "monitor on a thin bar": stood((0.36, 0.6), _RATIOS, thick=(0.012, 0.05),
        feet=("a domed foot", "a block as its foot"), necks=("a round post",), away=(0.06, 0.16)),
}  # fmt: skip
_RARE = ("rounded tube monitor", "monitor with a keyboard", "several monitors", "leaning display")
WEIGHTS = {**dict.fromkeys(_RARE, 0.6), "screen on a pole": 0.5, "computer terminal": 0.5}
