"""Desks: a work surface with drawers, panels, shelves or a return. The user sits at +z; back panels stand at -z.

Most are rows of one list: sizes x bases x extras, each extra with its chance.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from . import supports
from .cases import drawer_block, open_case
from .maker import Builder, Color, Maker, counted
from .solids import rounded_path


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
    extra = [name for name, probability in extras.items() if m.chance(probability)]
    m.say(*words, *(f"a {name}" for name in extra))
    with m.mirrored() if m.chance() else m.both(""):
        if base in _LEGS:
            with m.painted(m.pick(m.color, metal)):
                m.say(_LEGS[base](m, w * 0.97, d * 0.95, t.tall))
        else:
            m.say(_BASES[base](m, t) if base in _BASES else _ends(m, t, *base.split("+")))
        _below(m, t, extra)
        _above(m, t, extra)
        for wing, side in (("wing", m.both("")), ("second wing", m.mirrored())):
            if wing in extra:
                with side:
                    _wing(m, t)


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
    x, z, tall = t.w * m.uniform(0.32, 0.44), m.pick(0.0, 0.0, -t.d * 0.28), t.tall
    with m.painted(t.metal), m.both("x"):
        m.box((0.07, 0.04, t.d * m.uniform(0.8, 0.98)), (x, 0.02, 0))
        m.box((0.08, tall * 0.55, 0.06), (x, tall * 0.275, z))
        m.box((0.06, tall * 0.6, 0.045), (x, tall * 0.7, z))
        m.box((0.05, 0.03, t.d * 0.7), (x, tall - 0.015, 0))
    m.box((2 * x, 0.05, 0.03), (0, tall * m.uniform(0.7, 0.97), z), color=t.metal)
    m.say("a flat top of adjustable height")
    return "two T shaped feet"


def _chest(m: Maker, t: _Desk) -> str:
    """Stand on drawers over the whole width and four short legs."""
    drawer_block(m, (t.w * 0.98, t.tall - 0.1, t.d * 0.96), (0, t.tall / 2 + 0.05, 0), t.metal, m.number(2, 3))
    return supports.four_legs(m, t.w, t.d, 0.1, m.pick("square tapered"), 0.06)


_LEGS = {"legs": supports.corner_legs, "sled": supports.sled, "trestle": supports.trestle}
_BASES = {"drawers": _drawers, "massive": _massive, "columns": _columns, "chest": _chest}


def _ends(m: Maker, t: _Desk, right: str, left: str) -> str:
    """Stand on a support at either end, see `_end`; left "same" mirrors the right one."""
    with m.both("x" if left == "same" else ""):
        t.right, phrase = _end(m, right, t.w, t.d, t.tall, t.metal)
    t.left = -t.right
    if left != "same":
        with m.mirrored():
            inner, other = _end(m, left, t.w, t.d, t.tall, t.metal)
        t.left = -inner
        m.say(other if other != phrase else "")
    return phrase


def _end(m: Maker, kind: str, w: float, d: float, tall: float, metal: Color) -> tuple[float, str]:
    """Support the right end of a run by a "panel", "legs", "shelves", a "block" or a "bookcase"; inner x, phrase."""
    x, wide, deep, color = w / 2, min(m.uniform(0.28, 0.5), 0.4 * w), d * m.uniform(0.75, 0.98), m.pick(m.color, metal)
    if kind == "panel":
        x -= m.uniform(0.02, 0.06) + m.pick(0, 0, 0.08) * w
        m.box((m.uniform(0.02, 0.07), tall, deep), (x, tall / 2, 0))
        return x, "a side panel"
    if kind == "legs":
        size, style = m.uniform(0.03, 0.06), m.pick("square round tapered")
        with m.painted(color), m.both("z"):
            supports.leg(m, style, (x - size, tall, d * 0.44), (x - size, 0, d * 0.44), size)
        return x - 2 * size, "legs at one side"
    if kind == "bookcase":
        high, spot = m.uniform(1.0, 2.0), (x + wide / 2, (deep - d) / 2)
        open_case(m, (wide, high, deep), (spot[0], high / 2, spot[1]), m.number(2, 5), with_back=m.chance())
        return x, "a tall bookcase"
    middle = x - wide / 2 - m.uniform(0, 0.04)
    if kind == "shelves":
        open_case(m, (wide, tall, deep), (middle, tall / 2, 0), m.number(1, 3), with_back=m.chance(0.4))
        return middle - wide / 2, "shelf units as legs"
    foot = m.pick(0.0, 0.0, m.uniform(0.02, 0.08), m.uniform(0.1, 0.25))
    if foot:
        with m.painted(metal), m.at(middle):
            supports.four_legs(m, wide * 0.96, deep * 0.94, foot, m.pick("square round"), 0.03)
    return middle - wide / 2, drawer_block(m, (wide, tall - foot, deep), (middle, (tall + foot) / 2, 0), metal)


def _below(m: Maker, t: _Desk, extra: list[str]) -> None:
    """Add the extras below the top."""
    room, middle = t.right - t.left, (t.left + t.right) / 2
    if "panel at the back" in extra:
        drop = t.tall * (1.0 if m.chance(0.35) else m.uniform(0.3, 0.85))
        m.box((room + 0.02, drop, 0.02), (middle, t.tall - drop / 2, m.uniform(0.01, 0.25) * t.d - t.d / 2))
    if "drawer below the top" in extra:
        wide, high = min(m.uniform(0.35, 0.6) if m.chance() else 2.0, room * 0.98), m.uniform(0.08, 0.14)
        x = middle + m.uniform(-0.4, 0.4) * (room - wide)
        drawer_block(m, (wide, high, t.d * 0.75), (x, t.tall - high / 2, t.d * 0.08), t.metal, 1)
    if "keyboard tray" in extra:
        wide, z = t.w * m.uniform(0.5, 0.8), t.d * m.uniform(0.15, 0.4)
        m.box((wide, 0.018, t.d * 0.6), ((wide - t.w) * 0.35, t.tall - m.uniform(0.08, 0.14), z))
    if "box for books" in extra:
        high = m.uniform(0.09, 0.16)
        open_case(m, (room * 0.96, high, t.d * 0.85), (middle, t.tall - high / 2, 0), shelves=0)
    if "bench" in extra:
        far, seat, x = t.d / 2 + m.uniform(0.25, 0.4), m.uniform(0.38, 0.45), t.w * 0.4
        m.box((t.w * 0.9, 0.025, 0.3), (0, seat, far))
        m.box((t.w * 0.9, m.uniform(0.12, 0.3), 0.02), (0, seat + 0.3, far + 0.18))
        with m.painted(t.metal), m.both("x"):
            m.beam((x, 0.04, -t.d * 0.3), (x, 0.04, far + 0.15), 0.03)
            m.beam((x, 0.04, far), (x, seat, far), 0.03)
            m.beam((x, seat, far + 0.1), (x, seat + 0.4, far + 0.18), 0.025)
    if "computer stand" in extra:
        x = t.w / 2 - 0.16
        m.box((0.26, 0.02, t.d * 0.85), (x, m.uniform(0.06, 0.15), 0))
        m.box((0.02, t.tall, t.d * 0.85), (x - 0.13, t.tall / 2, 0))
        if m.chance(0.3):
            m.box((0.18, 0.42, t.d * 0.7), (x, 0.36, 0), color=(0.12, 0.12, 0.13))


def _above(m: Maker, t: _Desk, extra: list[str]) -> None:
    """Add the extras above the top."""
    if "raised edge" in extra:
        rise = m.uniform(0.06, 0.25)
        m.box((t.w, rise, 0.02), (0, t.h + rise / 2, 0.01 - t.d / 2))
        m.box((0.02, rise, t.d * 0.4), (t.w / 2 - 0.01, t.h + rise / 2, -t.d * 0.3), both="x")
    if "raised shelf" in extra:
        rise, deep = m.uniform(0.1, 0.6), m.uniform(0.18, 0.32)
        shelves, spot = 0 if rise < 0.25 else m.number(0, 2), (0, t.h + rise / 2, (deep - t.d) / 2)
        open_case(m, (t.w, rise, deep), spot, shelves, with_back=m.chance(0.3), with_floor=False)
    if "shelf above" in extra:
        m.box((t.w, 0.02, 0.25), (0, t.h + m.uniform(0.3, 0.7), 0.125 - t.d / 2))
    if "hutch" in extra:
        _hutch(m, t)
    if "fold down writing board" in extra:
        place, turn = m.pick((t.d * 0.45, 0), (0.28 - t.d / 2, -70))
        with m.at(0, t.h + 0.02, place), m.turned("x", turn):
            m.box((t.w * 0.9, 0.02, t.d * 0.5), (0, 0, t.d * 0.25))
    if "high counter" in extra:
        front, side = m.uniform(0.95, 1.2), m.uniform(0.8, 1.0) * t.d
        with m.painted(m.palette("ceramic fabric metal plastic wood")):
            m.box((t.w, front, 0.04), (0, front / 2, 0.02 - t.d / 2))
            if m.chance():
                m.box((0.04, front, side), (t.w / 2 + 0.01, front / 2, (side - t.d) / 2), both="x")
        m.box((t.w * 1.04, 0.03, m.uniform(0.2, 0.4)), (0, front, 0.08 - t.d / 2))
    if "privacy screen" in extra:
        _screens(m, t)


def _screens(m: Maker, t: _Desk) -> None:
    """Add one to three partitions, from the floor or from the top, at times with a cupboard."""
    high, sides, deep = m.uniform(1.1, 1.6), m.pick(0, 1, 2, 2), t.d * m.uniform(0.8, 1.6)
    low, place = m.pick(0.0, 0.0, t.h - 0.1), (t.w / 2 + 0.02, 0, (deep - t.d) / 2)
    with m.painted(m.palette("fabric")), m.at(0, (low + high) / 2):
        m.box((t.w + 0.08, high - low, 0.04), (0, 0, -t.d / 2 - 0.02))
        if sides:
            m.box((0.04, high - low, deep), place, both="x" if sides == 2 else "")
    if m.chance(0.4):
        open_case(m, (t.w * 0.95, 0.35, 0.3), (0, high - 0.2, 0.15 - t.d / 2), 0, m.number(0, 2))
    m.say(counted(sides + 1, "partition"))


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
    m.say(counted(shelves + 1, "shelf").replace("shelfs", "shelves"))


def _wing(m: Maker, t: _Desk) -> None:
    """Add a run towards the user at the right end, with a panel outside, at times with a beveled inner corner."""
    wide, reach, level = m.uniform(0.42, 0.7), m.uniform(0.5, 1.4), t.h - m.pick(0.0, 0.0, 0.08)
    thick, high = m.uniform(0.018, 0.05), level * m.uniform(0.5, 1.0)
    with m.at(t.w / 2 - wide / 2, level - thick, t.d / 2):
        m.box((wide, thick, reach), (0, thick / 2, reach / 2))
        m.box((0.02, high, reach + t.d * 0.5), (wide / 2 - 0.02, -high / 2, reach / 2 - t.d / 4))
        if m.chance(0.35):
            cut = m.uniform(0.1, 0.35)
            m.extrude([(0, 0), (-cut, 0), (0, cut)], thick, (-wide / 2, thick / 2, 0), "xz")
    with m.at(t.w / 2 - wide / 2, 0, t.d / 2 + reach / 2), m.turned("y", -90):
        _end(m, m.pick("block block panel legs"), reach, wide, level - thick, t.metal)


# Ranges of width, depth and height.
_SMALL, _USUAL = ((0.75, 1.6), (0.45, 0.75), (0.7, 0.8)), ((1.0, 2.0), (0.5, 0.9), (0.68, 0.8))
_LARGE, _HUGE = ((1.2, 2.2), (0.5, 0.95), (0.7, 0.8)), ((1.5, 2.6), (0.6, 1.2), (0.7, 0.82))
_PUPIL, _PANEL = ((0.55, 1.2), (0.4, 0.55), (0.62, 0.78)), "panel at the back"
_BOOKCASES = "bookcase+legs bookcase+panel bookcase+block bookcase+same"
# family: sizes, bases (shared legs, bases of their own or the supports right+left), extras with chances, words
_ROWS = {
    "writing desk": (_SMALL, "drawers", {"raised edge": 0.35}),
    "plain desk": (_USUAL, "legs legs sled panel+same", {_PANEL: 0.45}, "a plain work surface"),
    "panel desk": (_USUAL, "panel+same", {_PANEL: 1}),
    "desk with one drawer block": (_USUAL, "block+panel block+legs", {_PANEL: 0.6, "drawer below the top": 0.3}),
    "desk with two drawer blocks": (_LARGE, "block+same block+block", {_PANEL: 0.6, "drawer below the top": 0.5}),
    "executive desk": (_HUGE, "massive", {}),
    "desk with a hutch": (_USUAL, "block+panel block+same panel+same drawers", {_PANEL: 0.4, "hutch": 1}),
    "trestle desk": (_USUAL, "trestle shelves+same", {"drawer below the top": 0.8, "raised shelf": 0.5}),
    "computer desk": (_SMALL, "panel+same sled legs",
        {"keyboard tray": 1, "computer stand": 0.7, "raised shelf": 0.75, _PANEL: 0.6}),
    "standing desk": (((1.1, 2), (0.6, 0.9), (0.68, 1.15)), "columns", {_PANEL: 0.5, "drawer below the top": 0.3}),
    "desk with a bookcase": (_SMALL, _BOOKCASES, {"shelf above": 0.5, _PANEL: 0.5}),
    "office work place": (_USUAL, "block+legs block+panel legs", {"privacy screen": 1}, "a work surface"),
    "desk with a return": (_LARGE, "block+same panel+block massive", {"wing": 1}, "a side table at a right angle"),
    "L shaped desk": (_LARGE, "legs+panel legs+block legs+legs", {"wing": 1, _PANEL: 0.7, "hutch": 0.3}, "an L shape"),
    "U shaped desk": (_HUGE, "panel+same", {"wing": 1, "second wing": 1, _PANEL: 1}, "a U shape"),
    "secretary desk": (_SMALL, "block+same chest", {"fold down writing board": 1, "hutch": 1, _PANEL: 0.8}),
    "reception desk": (_HUGE, "panel+same block+panel", {"high counter": 1, "wing": 0.4}),
    "school desk": (_PUPIL, "legs sled panel+same", {"box for books": 0.75, "bench": 0.5}),
}  # fmt: skip


def corner_desk(m: Maker) -> None:
    """Five-sided or curved corner work station between two walls, with panels along the walls."""
    m.color, metal = m.palette("wood wood wood plastic metal"), m.palette("metal")
    side, d, h, thick = m.uniform(1.0, 1.5), m.uniform(0.4, 0.6), m.uniform(0.7, 0.78), m.uniform(0.02, 0.04)
    tall, bend = h - thick, m.uniform(d, (side + d) / 2)
    curve = rounded_path([(side, d), (bend, bend), (d, side)], 1.0, 6)
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


FAMILIES: dict[str, Builder] = {
    **{family: partial(_desk, row) for family, row in _ROWS.items()},
    "corner desk": corner_desk,
}
# Families that share one place, and a few that real collections rarely hold.
WEIGHTS = {"secretary desk": 0.5, "desk with a bookcase": 0.6}
