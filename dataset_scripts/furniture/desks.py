"""Desks: a work surface with drawers, panels, shelves or a return. The user sits at +z; back panels stand at -z.

Most are rows of one list: sizes x bases x extras, each extra with its chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import supports
from .cases import drawer_block, open_case
from .maker import Builder, Color, Maker, counted


@dataclass
class _Desk:
    """Width, depth, height of a desk, the height below its top, color of metal, ends (x) of the room for the knees."""

    w: float
    d: float
    h: float
    tall: float
    metal: Color
    left: float
    right: float


def _desk(row: tuple, m: Maker) -> None:
    """Make the desk of a row of _ROWS; what is at its right may as well be at its left."""
    sizes, bases, extras, *words = row
    m.color, metal, base = m.palette("wood wood wood plastic metal"), m.palette("metal"), m.pick(bases)
    w, d, h = (m.uniform(*limits) for limits in sizes)
    top, thick = m.pick("rectangle rectangle rectangle rectangle soft bow"), m.uniform(0.018, 0.06)
    thick, _ = supports.table_top(m, top, w, d, h, thick + 0.02 if base == "massive" else thick)
    t = _Desk(w, d, h, h - thick, metal, -w / 2, w / 2)
    extra = {name for name, probability in extras.items() if m.chance(probability)}
    m.say(*words)
    with m.mirrored() if m.chance() else m.both(""):
        m.say(_BASES[base](m, t) if base in _BASES else _ends(m, t, *base.split("+")))
        _below(m, t, extra)
        _above(m, t, extra)
        if "wing" in extra:
            _wing(m, t, "bevel" in extra)
        with m.mirrored():
            if "other wing" in extra:
                _wing(m, t, "bevel" in extra)
    with m.at(m.uniform(-0.3, 0.3) * w, h, -d * 0.3):
        if m.chance(0.08):
            _clutter(m)


def _clutter(m: Maker) -> None:
    """Add a screen, a lamp or a row of books."""
    kind, dark = m.pick("screen lamp books"), (0.1, 0.1, 0.1)
    if kind == "screen":
        for size, level in (((0.5, 0.32, 0.03), 0.28), ((0.2, 0.02, 0.16), 0.01), ((0.04, 0.2, 0.03), 0.1)):
            m.box(size, (0, level, 0), color=dark)
    elif kind == "lamp":
        m.cylinder(0.07, 0.02, (0, 0.01, 0), color=dark)
        m.tube([(0, 0, 0), (0.08, 0.3, 0), (-0.1, 0.48, 0.05)], 0.01, color=dark)
        m.rod((-0.1, 0.48, 0.05), (-0.16, 0.4, 0.07), 0.06, color=(0.5, 0.2, 0.1))
    for x in 0.035 * np.arange(6) if kind == "books" else ():
        tall = m.uniform(0.18, 0.3)
        m.box((0.03, tall, 0.2), (x, tall / 2, 0), color=m.palette("fabric"))


def _shared(support: Callable[..., str], m: Maker, t: _Desk) -> str:
    """Stand on legs that tables have too, of wood or of metal."""
    with m.painted(m.pick(m.color, t.metal)):
        phrase = support(m, t.w * 0.97, t.d * 0.95, t.tall)
    if support is supports.panel_legs:
        t.left = float(m.parts[-1][0].bounds[1, 0])
        t.right = -t.left
    return phrase


def _drawers(m: Maker, t: _Desk) -> str:
    """Stand on four legs, with one to three drawers side by side below the top."""
    drop, count = m.uniform(0.08, 0.17), m.number(1, 3)
    wide, style = t.w * 0.94 / count, m.pick("tapered", "turned", "cabriole", "square", "round tapered")
    for x in (np.arange(count) - (count - 1) / 2) * wide:
        drawer_block(m, (wide * 0.99, drop, t.d * 0.9), (x, t.tall - drop / 2, 0), t.metal, 1)
    m.say(f"{counted(count, 'drawer')} below the top")
    return supports.four_legs(m, t.w * 0.96, t.d * 0.94, t.tall, style, m.uniform(0.035, 0.07))


def _massive(m: Maker, t: _Desk) -> str:
    """Stand on two drawer blocks with plinths, closed in front and perhaps paneled, below an overhanging top."""
    wide, over, panels = m.uniform(0.38, 0.6), m.uniform(0.01, 0.07), m.number(0, 4)
    deep, x, step = t.d - 2 * over, t.w / 2 - over - wide / 2, (t.w - 2 * over) / max(panels, 1)
    with m.both("x"):
        drawer_block(m, (wide, t.tall - 0.06, deep), (x, t.tall / 2 + 0.03, 0), t.metal, m.number(2, 4))
        m.box((wide + 0.02, 0.06, deep + 0.02), (x, 0.03, 0))
    t.left, t.right = wide / 2 - x, x - wide / 2
    back = m.uniform(0, 0.35) * t.d if m.chance(0.3) else 0.0
    m.box((2 * t.right + 0.02, t.tall, 0.03), (0, t.tall / 2, 0.015 - deep / 2 + back))
    for index in range(panels):
        place = (step * (index + 0.5) + over - t.w / 2, t.tall * 0.52, -deep / 2 - 0.006)
        m.box((step * 0.75, t.tall * 0.65, 0.014), place)
    m.say("a closed front", "a thick overhanging top")
    return "two drawer blocks"


def _columns(m: Maker, t: _Desk) -> str:
    """Stand on two telescopic columns on T or C shaped feet, joined by a beam."""
    x, z, foot = t.w * m.uniform(0.32, 0.44), m.pick(0.0, 0.0, -t.d * 0.28), t.d * m.uniform(0.8, 0.98)
    with m.painted(t.metal):
        m.box((0.07, 0.04, foot), (x, 0.02, 0), both="x")
        m.box((0.08, t.tall * 0.55, 0.06), (x, t.tall * 0.275, z), both="x")
        m.box((0.06, t.tall * 0.6, 0.045), (x, t.tall * 0.7, z), both="x")
        m.box((0.05, 0.03, t.d * 0.7), (x, t.tall - 0.015, 0), both="x")
        m.box((2 * x, 0.05, 0.03), (0, t.tall * m.uniform(0.7, 0.97), z))
    return "two T shaped feet"


_BASES = {
    "legs": partial(_shared, supports.corner_legs),
    "sled": partial(_shared, supports.sled),
    "panels": partial(_shared, supports.panel_legs),
    "trestle": partial(_shared, supports.trestle),
    "drawers": _drawers,
    "massive": _massive,
    "columns": _columns,
}


def _ends(m: Maker, t: _Desk, right: str, left: str) -> str:
    """Stand on a support at either end, see `_end`; left "same" mirrors the right one, "none" leaves it out."""
    with m.both("x" if left == "same" else ""):
        t.right, phrase = _end(m, right, t.w, t.d, t.tall, t.metal)
    with m.mirrored():
        inner, other = (t.right, "") if left in ("same", "none") else _end(m, left, t.w, t.d, t.tall, t.metal)
    t.left = -inner
    m.say(other, "room for the knees" if "block" in (left, right) else "")
    return phrase


def _end(m: Maker, kind: str, w: float, d: float, tall: float, metal: Color) -> tuple[float, str]:
    """Support the right end of a run by a "panel", "legs", "shelves", a "block" or a "bookcase"; inner x, phrase."""
    x, wide, deep = w / 2, min(m.uniform(0.28, 0.5), 0.6 * w), d * m.uniform(0.8, 0.98)
    middle, shelves, foot = x - wide / 2 - m.uniform(0, 0.04), m.number(1, 3), 0.0
    if kind == "panel":
        m.box((0.03, tall, d * 0.95), (x - 0.03, tall / 2, 0))
        return x - 0.045, "a side panel"
    if kind == "legs":
        size, style, color = m.uniform(0.03, 0.06), m.pick("square round tapered"), m.pick(m.color, metal)
        with m.painted(color), m.both("z"):
            supports.leg(m, style, (x - size, tall, d * 0.44), (x - size, 0, d * 0.44), size)
        return x - 0.1, "legs at one side"
    if kind == "bookcase":
        high, deep = m.uniform(1.0, 2.0), d * m.uniform(0.5, 1.0)
        middle = (x + wide / 2, high / 2, (deep - d) / 2)
        open_case(m, (wide, high, deep), middle, m.number(2, 5), with_back=m.chance())
        return x, "a tall bookcase"
    if kind == "shelves":
        open_case(m, (wide, tall, deep), (middle, tall / 2, 0), shelves, with_back=m.chance(0.4))
        return middle - wide / 2, "shelf units as legs"
    foot = m.pick(0.0, 0.0, m.uniform(0.02, 0.08), m.uniform(0.1, 0.25))
    if foot:
        with m.painted(metal), m.at(middle):
            supports.four_legs(m, wide * 0.96, deep * 0.94, foot, m.pick("square round"), 0.03)
    return middle - wide / 2, drawer_block(m, (wide, tall - foot, deep), (middle, (tall + foot) / 2, 0), metal)


def _below(m: Maker, t: _Desk, extra: set[str]) -> None:
    """Add the extras below the top."""
    room, middle = t.right - t.left, (t.left + t.right) / 2
    if "panel" in extra:
        drop = t.tall * (1.0 if m.chance(0.35) else m.uniform(0.3, 0.85))
        m.box((room + 0.02, drop, 0.02), (middle, t.tall - drop / 2, m.uniform(0.01, 0.25) * t.d - t.d / 2))
        m.say("a panel at the back")
    if "drawer" in extra:
        wide, high = min(m.uniform(0.35, 0.6) if m.chance() else 2.0, room * 0.98), m.uniform(0.08, 0.14)
        x = middle + m.uniform(-0.4, 0.4) * (room - wide)
        drawer_block(m, (wide, high, t.d * 0.75), (x, t.tall - high / 2, t.d * 0.08), t.metal, 1)
        m.say("a drawer below the top")
    if "unit" in extra:
        drawer_block(m, (0.4, 0.55, t.d * 0.7), (t.right - 0.45, 0.3, 0), t.metal, 3)
        m.say("a drawer unit below")
    if "shelf" in extra:
        m.box((room, 0.02, t.d * 0.35), (middle, t.tall * m.uniform(0.6, 0.85), -t.d * 0.25))
        m.say("a shelf below the top")
    if "tray" in extra:
        wide, z = t.w * m.uniform(0.5, 0.8), t.d * m.uniform(0.15, 0.4)
        m.box((wide, 0.018, t.d * 0.6), ((wide - t.w) * 0.35, t.tall - m.uniform(0.08, 0.14), z))
        m.say("a keyboard tray")
    if "stand" in extra:
        x = t.w / 2 - 0.16
        m.box((0.26, 0.02, t.d * 0.85), (x, m.uniform(0.06, 0.15), 0))
        m.box((0.02, t.tall, t.d * 0.85), (x - 0.13, t.tall / 2, 0))
        if m.chance(0.3):
            m.box((0.18, 0.42, t.d * 0.7), (x, 0.36, 0), color=(0.12, 0.12, 0.13))
        m.say("a stand for the computer")


def _above(m: Maker, t: _Desk, extra: set[str]) -> None:
    """Add the extras above the top."""
    if "edge" in extra:
        supports_depth, rise = t.d * 0.4, m.uniform(0.06, 0.25)
        m.box((t.w, rise, 0.02), (0, t.h + rise / 2, 0.01 - t.d / 2))
        m.box((0.02, rise, supports_depth), (t.w / 2 - 0.01, t.h + rise / 2, -t.d * 0.3), both="x")
        m.say("a raised edge at the back")
    if "riser" in extra:
        rise, deep = m.uniform(0.1, 0.6), m.uniform(0.18, 0.32)
        count, spot = 1 if rise < 0.25 else m.number(1, 3), (0, t.h + rise / 2, (deep - t.d) / 2)
        open_case(m, (t.w, rise, deep), spot, count - 1, with_back=m.chance(0.3), with_floor=False)
        m.say(counted(count, "raised shelf").replace("shelfs", "shelves"))
    if "board" in extra:
        m.box((t.w, 0.02, 0.25), (0, t.h + m.uniform(0.3, 0.7), 0.125 - t.d / 2))
        m.say("a shelf above the top")
    if "hutch" in extra:
        _hutch(m, t)
    if "screens" in extra:
        high, sides, deep = m.uniform(1.1, 1.6), m.pick(0, 1, 2, 2), t.d * m.uniform(0.8, 1.6)
        low = m.pick(0.0, t.h - 0.1)
        with m.painted(m.palette("fabric")), m.at(0, (low + high) / 2):
            m.box((t.w + 0.08, high - low, 0.04), (0, 0, -t.d / 2 - 0.02))
            if sides:
                place = (t.w / 2 + 0.02, 0, (deep - t.d) / 2)
                m.box((0.04, high - low, deep), place, both="x" if sides == 2 else "")
        if m.chance(0.4):
            open_case(m, (t.w * 0.95, 0.35, 0.3), (0, high - 0.2, 0.15 - t.d / 2), 0, m.number(0, 2))
        m.say("privacy screens", counted(sides + 1, "partition"))


def _hutch(m: Maker, t: _Desk) -> None:
    """Add shelves, at times with two doors, that stand on the rear edge, on the top or lifted above it."""
    rise, deep, lift = m.uniform(0.3, 0.95), m.uniform(0.2, 0.35), m.uniform(0.2, 0.4) if m.chance(0.4) else 0.0
    wide, shelves, dividers = t.w * min(1.0, m.uniform(0.5, 1.8)), m.number(1, 3), m.number(0, 3)
    middle, door = lift + rise / 2, wide / (dividers + 1)
    with m.at(0, t.h, (deep - t.d) / 2):
        open_case(m, (wide, rise, deep), (0, middle, 0), shelves, dividers, m.chance(0.7), lift > 0)
        if lift:
            m.box((0.03, lift, deep), (wide / 2 - 0.015, lift / 2, 0), both="x")
        if lift and m.chance():
            m.box((wide, lift, 0.015), (0, lift / 2, -deep / 2))
        if m.chance(0.4):
            with m.both("x" if dividers else ""):
                drawer_block(m, (door * 0.98, rise * 0.96, deep), ((wide - door) / 2, middle, 0.005), t.metal, 1)
    m.say("shelves above the top", counted(shelves + 1, "shelf").replace("shelfs", "shelves"))


def _wing(m: Maker, t: _Desk, bevel: bool) -> None:
    """Add a run towards the user at the right end, with a panel outside, perhaps with a beveled inner corner."""
    wide, reach, level = m.uniform(0.42, 0.7), m.uniform(0.5, 1.4), t.h - m.pick(0.0, 0.0, 0.08)
    thick, x, high = m.uniform(0.018, 0.05), t.w / 2, level * m.uniform(0.5, 1.0)
    with m.at(x - wide / 2, 0, t.d / 2 + reach / 2):
        m.box((wide, thick, reach), (0, level - thick / 2, 0))
        with m.turned("y", -90):
            _end(m, m.pick("block block panel legs"), reach, wide, level - thick, t.metal)
        m.box((0.02, high, reach + t.d * 0.5), (wide / 2 - 0.02, level - thick - high / 2, -t.d * 0.25))
    if bevel:
        cut = m.uniform(0.1, 0.35)
        corner = (x - wide, level - thick / 2, t.d / 2)
        m.extrude([(0, 0), (-cut, 0), (0, cut)], thick, corner, "xz")


_USUAL, _LARGE = ((1.0, 2.0), (0.5, 0.9), (0.68, 0.8)), ((1.2, 2.1), (0.55, 0.95), (0.7, 0.8))
# family: ranges of width, depth and height, bases (or the supports at right + left), extras with chances, words
_ROWS = {
    "writing desk": (((0.9, 1.6), (0.45, 0.75), (0.7, 0.8)), "drawers", {"edge": 0.35}),
    "plain desk": (_USUAL, "legs legs sled panels", {"panel": 0.45}, "a plain work surface"),
    "panel desk": (_USUAL, "panels", {"panel": 1, "shelf": 0.35}),
    "desk with one drawer block": (_USUAL, "block+panel block+legs", {"panel": 0.6, "drawer": 0.3}),
    "desk with two drawer blocks": (_LARGE, "block+same block+same block+block", {"panel": 0.6, "drawer": 0.5}),
    "executive desk": (((1.5, 2.5), (0.75, 1.2), (0.72, 0.82)), "massive", {}),
    "desk with a hutch": (_USUAL, "block+panel block+same panels drawers", {"panel": 0.4, "hutch": 1}),
    "trestle desk": (_USUAL, "trestle shelves+same", {"drawer": 0.8, "riser": 0.5}),
    "computer desk": (
        ((0.75, 1.4), (0.48, 0.7), (0.7, 0.8)), "panels sled legs",
        {"tray": 1, "stand": 0.7, "riser": 0.75, "panel": 0.6},
    ),
    "standing desk": (
        ((1.1, 2.0), (0.6, 0.9), (0.68, 1.15)), "columns",
        {"panel": 0.5, "unit": 0.3}, "a flat top of adjustable height",
    ),
    "desk with a bookcase": (
        ((1.0, 1.7), (0.45, 0.65), (0.7, 0.78)), "bookcase+legs bookcase+panel bookcase+block bookcase+same",
        {"board": 0.5, "panel": 0.5},
    ),
    "office work place": (
        ((1.1, 1.9), (0.6, 0.85), (0.7, 0.76)), "block+legs block+panel block+legs legs",
        {"screens": 1}, "a work surface",
    ),
    "desk with a return": (_LARGE, "block+same panel+block massive", {"wing": 1}, "a side table at a right angle"),
    "L shaped desk": (
        ((1.3, 2.3), (0.5, 0.85), (0.7, 0.78)), "legs+panel legs+block legs+block legs+legs",
        {"wing": 1, "bevel": 0.5, "panel": 0.75, "hutch": 0.3}, "an L shape", "a return at one side",
    ),
    "U shaped desk": (
        ((1.7, 2.6), (0.5, 0.8), (0.7, 0.78)), "panel+same",
        {"wing": 1, "other wing": 1, "panel": 1}, "a U shape", "a wing at both ends", "closed sides",
    ),
}  # fmt: skip


def secretary_desk(m: Maker) -> None:
    """Cabinet desk: drawers below, a fold-down writing board or a roll top with pigeonholes above."""
    m.color, metal = m.palette("wood"), m.palette("metal")
    w, d, h, rise = m.uniform(0.75, 1.5), m.uniform(0.42, 0.75), m.uniform(0.68, 0.8), m.uniform(0.35, 0.95)
    m.box((w, 0.03, d), (0, h - 0.015, 0))
    if m.chance(0.6):
        wide, count = w * m.uniform(0.24, 0.32), m.number(2, 4)
        with m.both("x"):
            drawer_block(m, (wide, h - 0.03, d * 0.95), ((w - wide) / 2, (h - 0.03) / 2, 0), metal, count)
        m.box((w, h * 0.8, 0.02), (0, h * 0.55, 0.02 - d / 2))
    else:
        drawer_block(m, (w * 0.98, h - 0.13, d * 0.96), (0, (h + 0.07) / 2, 0), metal, m.number(2, 3))
        supports.four_legs(m, w, d, 0.1, m.pick("square tapered"), 0.06)
    with m.at(0, h):
        if m.family == "roll top desk":
            rise = min(rise, 0.5)
            _roll_top(m, w, d, rise)
        else:
            deep = m.uniform(0.2, 0.35)
            open_case(m, (w, rise, deep), (0, rise / 2, (deep - d) / 2), m.number(1, 3), m.number(1, 4))
            place, turn = m.pick((d * 0.45, 0), (deep - d / 2, -70))
            with m.at(0, 0.02, place), m.turned("x", turn):
                m.box((w * 0.9, 0.02, d * 0.5), (0, 0, d * 0.25))
            m.say("a fold down writing board", "small compartments above")
        m.box((w * 0.97, rise, 0.02), (0, rise / 2, 0.01 - d / 2))
    m.say("drawers below")


def _roll_top(m: Maker, w: float, d: float, rise: float) -> None:
    """Add two curved sides and the shutter between them."""
    angle = np.linspace(m.pick(0.05, 0.05, np.pi / 4), np.pi / 2, 8)
    curve = np.stack([d * 0.92 * np.cos(angle) - d / 2, rise * np.sin(angle)], axis=1)
    outline = [(-d / 2, 0), (d * 0.42, 0), *curve, (-d / 2, rise)]
    m.extrude(outline, 0.025, ((w - 0.025) / 2, 0, 0), "zy", both="x")
    edges = [np.insert(curve[:, ::-1], 0, x, axis=1) for x in (-w * 0.48, w * 0.48)]
    m.sheet(np.stack(edges, axis=1), 0.015)
    m.box((w, 0.02, d * 0.15), (0, rise, -d * 0.43))
    m.say("a roll top")


def reception_desk(m: Maker) -> None:
    """Counter: a tall closed front with a shelf on it before the work surface; straight, L shaped or along an arc."""
    m.color, shade = m.palette("wood wood plastic"), m.palette("ceramic fabric metal plastic wood")
    w, d, h, front = m.uniform(1.5, 2.8), m.uniform(0.6, 0.9), m.uniform(0.7, 0.78), m.uniform(0.95, 1.2)
    m.say("a high closed front", "a counter above the work surface")
    if m.family == "curved reception desk":
        return _arc_counter(m, d, h, front, shade)
    side, sign, z = m.pick(h, front), m.pick(-1, 1), d / 2
    m.box((w, front, 0.04), (0, front / 2, 0.02 - z), color=shade)
    m.box((w * 0.98, 0.03, d), (0, h, 0))
    m.box((0.04, side, d), (w / 2 - 0.02, side / 2, 0), color=shade, both="x")
    m.box((w * 1.02, 0.03, m.uniform(0.2, 0.4)), (0, front, 0.08 - z))
    if m.chance(0.6):
        spot = (m.pick(-1, 1) * (w / 2 - 0.26), h / 2 - 0.03, 0.02)
        drawer_block(m, (0.42, h - 0.05, d * 0.85), spot, m.palette("metal"))
    if m.chance(0.45):
        reach, x = m.uniform(0.5, 1.2), sign * (w / 2 - 0.25)
        m.box((0.04, front, reach), (sign * (w / 2 - 0.02), front / 2, z + reach / 2), color=shade)
        m.box((0.5, 0.03, reach), (x, h, z + reach / 2))
        m.box((0.5, h, 0.03), (x, h / 2, z + reach), color=shade)
        m.say("an L shape")


def _arc_counter(m: Maker, d: float, h: float, front: float, shade: Color) -> None:
    """Add a counter along an arc."""
    radius, reach = m.uniform(1.0, 1.8), m.uniform(0.5, 1.1)
    angle = np.linspace(-reach, reach, 13)
    arc = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    rows = ((-0.04, 0.0, front, front / 2, shade), (-d, -0.03, 0.03, h, m.color), (-0.3, 0.06, 0.03, front, m.color))
    with m.at(0, 0, radius):
        for near, far, high, level, color in rows:
            band = np.concatenate([arc * (radius + far), arc[::-1] * (radius + near)])
            m.extrude(band, high, (0, level, 0), "xz", color=color)
        with m.both("x"):
            (x, z), share = arc[-1] * radius, 1 - d / radius
            m.beam((x * share, h / 2, z * share), (x, h / 2, z), (0.03, h), color=shade)


def school_desk(m: Maker) -> None:
    """Small pupil's desk with an open book box and often an attached seat or bench."""
    m.color, metal = m.palette("wood plastic"), m.palette("metal")
    w, d, h = m.uniform(0.55, 1.2), m.uniform(0.4, 0.55), m.uniform(0.62, 0.78)
    with m.at(0, h), m.turned("x", m.pick(0.0, 0.0, m.uniform(4, 12))):
        m.box((w, 0.02, d), (0, 0.01, 0))
        if m.chance(0.75):
            tall = m.uniform(0.09, 0.16)
            open_case(m, (w * 0.94, tall, d * 0.85), (0, -tall / 2, 0), shelves=0)
            m.say("a box for books below the top")
    build = m.pick(supports.corner_legs, supports.sled, supports.panel_legs)
    with m.painted(m.pick(m.color, metal)):
        m.say(build(m, w * 0.95, d * 0.9, h - 0.02))
    if m.chance():
        far, seat, x = d / 2 + m.uniform(0.25, 0.4), m.uniform(0.38, 0.45), w * 0.4
        m.box((w * 0.9, 0.025, 0.3), (0, seat, far))
        m.box((w * 0.9, m.uniform(0.12, 0.3), 0.02), (0, seat + 0.3, far + 0.18))
        with m.painted(metal), m.both("x"):
            m.beam((x, 0.04, -d * 0.3), (x, 0.04, far + 0.15), 0.03)
            m.beam((x, 0.04, far), (x, seat, far), 0.03)
            m.beam((x, seat, far + 0.1), (x, seat + 0.4, far + 0.18), 0.025)
        m.say("an attached bench")


def corner_desk(m: Maker) -> None:
    """Five-sided or curved corner work station between two walls, with panels along the walls."""
    m.color, metal = m.palette("wood wood wood plastic metal"), m.palette("metal")
    side, d, h, thick = m.uniform(1.0, 1.5), m.uniform(0.4, 0.6), m.uniform(0.7, 0.78), m.uniform(0.02, 0.04)
    tall, bend, share = h - thick, m.uniform(0.0, 0.5), np.linspace(0, 1, 7)[:, None]
    start, end = np.array([side, d]), np.array([d, side])
    corner = np.array([d, d]) * bend + (start + end) / 2 * (1 - bend)
    curve = (1 - share) ** 2 * start + 2 * share * (1 - share) * corner + share**2 * end
    with m.turned("y", m.pick(0, 0, -45, -45, -45)):  # the inner corner faces the user
        m.extrude([(0, 0), (side, 0), *curve, (0, side)], thick, (0, h - thick / 2, 0), "xz")
        m.box((side, tall * 0.6, 0.02), (side / 2, tall * 0.7, 0.02))
        m.box((0.02, tall * 0.6, side), (0.02, tall * 0.7, side / 2))
        m.box((0.025, tall, d * 0.95), (side - 0.015, tall / 2, d / 2))
        m.box((d * 0.95, tall, 0.025), (d / 2, tall / 2, side - 0.015))
        if m.chance():
            wide = m.uniform(0.3, 0.42)
            drawer_block(m, (wide, tall, d * 0.9), (side - wide / 2 - 0.03, tall / 2, d * 0.48), metal)
        if m.chance(0.4):
            rise = m.uniform(0.3, 0.6)
            open_case(m, (side, rise, 0.25), (side / 2, h + rise / 2, 0.125), m.number(1, 2), 1)
    m.say("a corner shape", "panels along two walls")


def drawing_desk(m: Maker) -> None:
    """Tilted drawing board on a stand, with a ledge."""
    m.color, metal = m.palette("wood wood wood plastic metal"), m.palette("metal")
    w, d, h, tilt = m.uniform(0.8, 1.5), m.uniform(0.55, 0.85), m.uniform(0.75, 1.0), m.uniform(8, 40)
    with m.at(0, h), m.turned("x", tilt):
        m.rounded_box((w, 0.03, d), (0, 0, 0), 0.01)
        m.box((w * 0.9, 0.03, 0.04), (0, 0.03, d / 2 - 0.02))
    build = m.pick(supports.trestle, supports.sled, supports.corner_legs)
    with m.painted(m.pick(m.color, metal)):
        phrase = build(m, w * 0.8, d * 0.75, h - 0.04 - 0.4 * d * np.sin(np.deg2rad(tilt)))
    m.box((0.03, 0.35 * d, 0.03), (w * 0.36, h - 0.12, -d * 0.2), both="x", color=metal)
    m.say("a tilted drawing board", phrase)
    if m.chance():
        supports.apron(m, w * 0.75, d * 0.5, h * 0.5, 0.1)
        drawer_block(m, (0.35, h * 0.5, d * 0.5), (w * 0.25, h * 0.3, 0), metal, 3)
        m.say("three drawers")


FAMILIES: dict[str, Builder] = {
    **{family: partial(_desk, row) for family, row in _ROWS.items()},
    "secretary desk": secretary_desk,
    "roll top desk": secretary_desk,
    "reception desk": reception_desk,
    "curved reception desk": reception_desk,
    "school desk": school_desk,
    "corner desk": corner_desk,
    "drawing desk": drawing_desk,
}
# Families that share one place, and a few that real collections rarely hold.
WEIGHTS = {
    "secretary desk": 0.5, "roll top desk": 0.5, "reception desk": 0.65, "curved reception desk": 0.35,
    "desk with a bookcase": 0.6, "drawing desk": 0.6,
}  # fmt: skip
