"""Sofas: an upholstered run of seats with arms, several runs around corners, and cushions in a frame."""

from copy import copy
from functools import partial
from typing import Any

import numpy as np

from .maker import Builder, Maker, counted
from .seats import arms, back, slats, spread, wall
from .solids import outline_points, rounded_path
from .supports import corner_legs, four_legs, plinth, sled


class _Look:
    """Measures that all the runs of one sofa share; a word or range in `spans` replaces what is drawn by default."""

    def __init__(self, m: Maker, **spans: str | tuple[float, float]):
        self.feet = m.pick("plinth", "square", "square", "round", "round tapered", "tapered", "turned")
        self.style = m.pick("box box rolled sloped slim flared pillow")
        self.arm = m.uniform(0.05, 0.1) if self.style == "slim" else m.uniform(0.1, 0.26)
        self.foot = m.uniform(0.0, 0.06) if m.chance(0.4) else m.uniform(0.06, 0.18)
        self.top, self.depth, self.pad = m.uniform(0.34, 0.5), m.uniform(0.72, 1.1), m.uniform(0.08, 0.2)
        self.rise, self.side = m.uniform(0.22, 0.6), m.uniform(0.08, 0.3)  # of back and arms above the seat
        self.back, self.soft, self.lean = m.uniform(0.14, 0.3), m.uniform(0.008, 0.07), m.uniform(0, 14) * m.chance(0.6)
        self.loose, self.split = m.chance(0.6), m.chance(0.75)
        for name, span in spans.items():
            setattr(self, name, m.pick(span) if isinstance(span, str) else m.uniform(*span))
        self.total, self.level = self.top + self.rise, self.top + min(self.side, max(self.rise, 0.25))
        m.color = m.palette("fabric")
        self.wood, self.second = m.palette("wood metal"), m.palette("fabric") if m.chance(0.3) else m.color


def _arm(m: Maker, look: _Look, x: float) -> None:
    """Right arm whose middle is at `x`."""
    arm, depth, tall, z = look.arm, look.depth, look.level - look.foot, look.depth / 2
    if look.style == "sloped":
        front = look.top + 0.3 * (look.level - look.top)
        outline = [(-z, look.foot), (z, look.foot), (z, front), (-0.2 * z, look.level), (-z, look.level)]
        m.extrude(outline, arm, (x, 0, 0), "zy")
        return
    with m.at(x, look.foot), m.turned("z", -(5 + 50 * arm) * (look.style == "flared")):
        m.rounded_box((arm, tall, depth), (0, tall / 2, 0), look.soft)
    if look.style == "rolled":
        m.cylinder(0.65 * arm, 1.01 * depth, (x + 0.1 * arm, look.level - 0.2 * arm, 0), axis="z", sections=14)
    elif look.style == "pillow":
        m.cushion((1.2 * arm, 0.16, 0.95 * depth), (x, look.level + 0.02, 0), 0.3)


def _run(m: Maker, look: _Look, width: float, seats: int, left=True, right=True, rest=True) -> str:
    """One straight run of `seats` over the whole `width` (arms included), centered on x = z = 0; phrase of its feet."""
    low, high, x = look.arm * left - width / 2, width / 2 - look.arm * right, (width - look.arm) / 2
    inner, middle = high - low, (low + high) / 2
    base, reach = max(look.top - look.pad - look.foot, 0.03), look.depth - 0.7 * look.back * rest
    m.box((inner, base, look.depth), (middle, look.foot + base / 2, 0))
    for here, block in ((right, m.at()), (left, m.mirrored())):
        if here:
            with block:
                _arm(m, look, x)
    pieces = seats if look.split else 1
    size, place = (0.985 * inner / pieces, look.pad, reach), (look.top - look.pad / 2, (look.depth - reach) / 2)
    for x in middle + spread(pieces, inner):
        m.rounded_box(size, (x, *place), 0.35 * look.pad, color=look.second)
    tall, height = look.total - look.foot, look.rise * m.uniform(0.85, 1.15)
    with m.at(0, look.foot, (look.back - look.depth) / 2), m.turned("x", -look.lean):
        if rest:
            m.rounded_box((inner, tall, look.back * (0.6 if look.loose else 1.0)), (middle, tall / 2, 0), look.soft)
        for x in middle + spread(seats, inner) if rest and look.loose else ():
            spot = (x, look.top - look.foot + height / 2, look.back / 2)
            m.cushion((0.97 * inner / seats, height, 0.8 * look.back), spot, 0.25, color=look.second)
    if look.foot < 0.015 or look.feet == "none":
        return ""
    with m.painted(look.wood):
        if look.feet == "plinth":
            return plinth(m, width, look.depth, look.foot)
        return four_legs(m, 0.97 * width, 0.95 * look.depth, look.foot + 0.005, look.feet, 0.06)


def _sofa(seats: tuple, wide: tuple, armed: bool = True, trim: Any = lambda *_: None, **spans: Any) -> Builder:
    """Family of straight sofas: least and most of the seats and of their width, what `trim` adds, look."""

    def build(m: Maker) -> None:
        look, count = _Look(m, **spans), m.number(*seats)
        width = count * m.uniform(*wide) + 2 * look.arm * armed
        feet = _run(m, look, width, count, armed, armed)
        style = "cushioned" if look.style == "pillow" else look.style
        m.say(counted(count, "seat"), f"two {style} arms" if armed else "no arms", feet)
        m.say("loose back cushions" if look.loose else "")
        for _ in range(m.number(1, 4) if m.chance(0.3) else 0):
            side, x = m.uniform(0.3, 0.46), m.uniform(-0.42, 0.42) * (width - 2 * look.arm)
            turn, z = m.turned("y", m.uniform(-20, 20)), look.back - look.depth / 2 + 0.1
            with m.at(x, look.top - 0.01, z), turn, m.turned("x", -18):
                m.cushion((side, side, 0.13), (0, side / 2, 0), 0.5, color=m.palette("fabric"))
        trim(m, look, width)

    return build


def _rolled_back(m: Maker, look: _Look, width: float) -> None:
    """Roll along the top of the back."""
    place = (0, look.total - 0.2 * look.arm, 0.4 * look.back - look.depth / 2)
    m.cylinder(0.65 * look.arm, width, place, axis="x", sections=14)
    m.say("rolled arms as high as the back")


def _humps(m: Maker, look: _Look, width: float) -> None:
    """Tight back with a curved upper edge."""
    humps, rise, x = m.number(1, 3), m.uniform(0.3, 0.55), np.linspace(1, -1, 17)
    crown = look.top + rise * (0.65 + 0.35 * np.abs(np.sin(humps * np.pi * (x + 1) / 2)))
    edge = np.stack([x * width / 2, crown], axis=1)
    outline = np.concatenate([[(-width / 2, look.foot), (width / 2, look.foot)], edge])
    m.extrude(outline, 0.8 * look.back, (0, 0, 0.4 * look.back - look.depth / 2))
    m.say("a curved back")


def _extension(m: Maker, look: _Look, width: float, stool: bool) -> None:
    """Seat in front without a back: a chaise at one end, or a loose foot stool."""
    part, wide, gap = copy(look), m.uniform(0.5, 1.0), m.uniform(0.02, 0.25) * stool
    part.depth, end = m.uniform(0.45, 0.95), (width - wide) / 2 - look.arm * m.pick(0, 1)
    with m.at(m.pick(-1, 1) * end * (m.uniform(0, 1) if stool else 1), 0, look.depth / 2 + gap + part.depth / 2):
        _run(m, part, wide, 1, False, False, False)
    m.say("a foot stool in front" if stool else "one seat long enough for the legs")


def _frame(m: Maker, look: _Look, width: float, kind: str) -> None:
    """Frame around cushions: bent tubes ("tube") or a cage of bars ("metal") at the sides, or legs, slats and arms."""
    m.color, low, r = look.wood, look.foot, m.uniform(0.012, 0.028)
    level, x, z = look.top + m.uniform(0.1, 0.24), width / 2 + r, look.depth / 2 + r
    m.beam((-x, low, 0.8 * z), (x, low, 0.8 * z), 2 * r, both="z")
    if kind == "tube":
        loop = [(x, r, -z), (x, r, z), (x, level, z), (x, level, -z)]
        m.tube(rounded_path(loop, m.uniform(0.04, 0.2), closed=True), r, closed=True, both="x")
        m.say("two bent tubes at the sides")
    elif kind == "metal":
        m.beam((x, 0, z), (x, level, z), 2 * r, both="xz")
        m.beam((x, level, -z), (x, level, z), 2 * r, both="x")
        m.beam((-x, level, -z), (x, level, -z), 2 * r)
        m.say("an outer frame of bars")
    else:
        with m.at(0, low - 0.01):
            slats(m, width, look.depth, 0.03, m.number(5, 11), m.pick("x z"))
        rails, at = m.pick("slats ladder spindles solid framed"), (0, low, -look.depth / 2)
        m.say("an open frame", back(m, rails, width, look.total - low + 0.05, look.second, look.lean, at))
        arms(m, m.pick("posts panel posts loop"), width, look.depth, low, level - low, look.second)
        m.say(m.pick(corner_legs, corner_legs, corner_legs, sled)(m, 0.98 * width, 0.95 * look.depth, low))


def _corner_sofa(m: Maker, wings: int) -> None:
    """Two runs that meet in a corner, or three around a U."""
    look = _Look(m, depth=(0.75, 1.0), lean=(0, 0))
    seats, more = m.number(2, 5 - wings), m.number(1, 4 - wings)
    width, reach = seats * m.uniform(0.6, 0.75) + wings * look.depth, more * m.uniform(0.6, 0.78) + look.arm
    rest, tall, thick = wings == 1 or m.chance(0.7), look.total - look.foot, look.back * (0.6 if look.loose else 1.0)
    x, z = width / 2, look.depth / 2
    with m.mirrored() if m.chance() else m.at():
        feet = _run(m, look, width, seats + wings, False, wings == 1)
        with m.both("x" if wings == 2 else ""):
            # The wing's back turns from -z to -x; it continues the corner seat forwards.
            with m.at(z - x, 0, z + reach / 2), m.turned("y", 90):
                _run(m, look, reach, more, m.chance(), False, rest)
            if rest:
                m.rounded_box((thick, tall, look.depth), (thick / 2 - x, look.foot + tall / 2, 0), look.soft)
    shape = ("an L shape", "a back on two sides") if wings == 1 else ("a U shape", "seats on three sides")
    m.say(*shape, counted(seats + wings * (more + 1), "seat"), feet)


def _modular_sofa(m: Maker) -> None:
    """Separate square units side by side with gaps; some have backs or arms, one may be a stool."""
    size, count = m.uniform(0.7, 0.95), m.number(2, 4)
    look = _Look(m, lean=(0, 0), split=(0, 0), style="box", depth=(size, size))
    for index, x in enumerate(spread(count, count * (size + 0.015))):
        left, right = index == 0 and m.chance(0.6), index == count - 1 and m.chance(0.6)
        with m.at(x):
            _run(m, look, size, 1, left, right, left or right or m.chance(0.85))
    if m.chance(0.4):
        with m.at(m.pick(-1, 1) * (count - 1) / 2 * size, 0, size * m.uniform(1.02, 1.2)):
            _run(m, look, size, 1, False, False, False)
    m.say(counted(count, "separate unit"), "thick square cushions")


def _chaise_longue(m: Maker) -> None:
    """Daybed sofa: a long seat with one or two raised ends, sometimes a partial back."""
    look = _Look(m, depth=(0.6, 0.85), side=(0.2, 0.5), rise=(0.6, 0.6), split=(0, 0), foot=(0.08, 0.28))
    width, two = m.uniform(1.4, 2.0), m.chance(0.3)
    with m.mirrored() if m.chance() else m.at():
        m.say(_run(m, look, width, 1, True, two, False), "two raised ends" if two else "a raised end")
        if m.chance(0.6):
            x, share, rise = np.linspace(0, 1, 7), m.uniform(0.4, 1.0), look.level - look.top
            edge = np.stack([x * share - 0.5, look.level - rise * m.uniform(0.1, 0.8) * x**1.5], axis=1) * (width, 1)
            outline = np.concatenate([[(edge[-1, 0], look.foot), (-width / 2, look.foot)], edge])
            m.extrude(outline, 0.1, (0, 0, 0.05 - look.depth / 2))
            m.say("a back on one side")
        if m.chance(0.4):
            m.cylinder(0.1, 0.9 * look.depth, (look.arm + 0.1 - width / 2, look.top + 0.09, 0), axis="z", sections=12)
    m.say("a long seat to lie on")


def _shell_sofa(m: Maker) -> None:
    """Curved slab as back and arms around a deep seat, on thin legs or a sled."""
    m.color, metal, w, d = m.palette("fabric"), m.palette("metal wood"), m.uniform(1.4, 2.4), m.uniform(0.7, 1.0)
    foot, top, tall, front = m.uniform(0.05, 0.22), m.uniform(0.36, 0.44), m.uniform(0.46, 0.8), m.uniform(0.4, 1.0)
    outline = outline_points(m.pick("oval", "rounded", "dee"))[::-1] * (0.97 * w / 2, -d / 2)
    m.extrude(outline, top - foot, (0, (top + foot) / 2, 0), "xz")
    wall(m, (w / 2, d / 2), m.uniform(1.5, 2.0), foot, front * tall, tall, m.uniform(0.03, 0.1), 0, m.uniform(0, 0.12))
    m.color = metal
    m.say("a back that bends into the arms", m.pick(corner_legs, sled)(m, 0.6 * w, 0.6 * d, foot + 0.02))


_NO = (0, 0)
_CUSHIONS: dict[str, Any] = {"style": "box", "feet": "none", "depth": (0.68, 0.9), "foot": (0.15, 0.28)}
FAMILIES: dict[str, Builder] = {
    "straight sofa": _sofa((2, 4), (0.55, 0.8)),
    "love seat": _sofa((2, 2), (0.48, 0.65)),
    "wide single sofa": _sofa((1, 1), (0.75, 1.0)),
    "long low sofa": _sofa((3, 5), (0.6, 0.8), top=(0.34, 0.42), depth=(0.85, 1.15), rise=(0.2, 0.4), side=(0.05, 0.2)),
    "sofa without arms": _sofa((2, 4), (0.55, 0.75), False),
    "high back sofa": _sofa((2, 3), (0.55, 0.75), rise=(0.6, 0.95), side=(0.25, 0.95), style="box slim", lean=_NO),
    "chesterfield sofa": _sofa((2, 4), (0.55, 0.75), trim=_rolled_back, style="rolled", rise=(0.2, 0.36),
        side=(0.4, 0.4), loose=_NO, lean=_NO),
    "curved back sofa": _sofa((2, 3), (0.6, 0.75), trim=_humps, style="rolled sloped slim", rise=(0.05, 0.05),
        foot=(0.12, 0.24), loose=_NO),
    "sofa with a foot stool": _sofa((2, 4), (0.5, 0.85), trim=partial(_extension, stool=True)),
    "sofa with a chaise": _sofa((2, 4), (0.6, 0.8), trim=partial(_extension, stool=False)),
    "sofa in a metal frame": _sofa((1, 3), (0.6, 0.9), trim=partial(_frame, kind="metal"), **_CUSHIONS),
    "tube frame sofa": _sofa((1, 3), (0.6, 0.8), False, partial(_frame, kind="tube"), lean=(5, 20), **_CUSHIONS),
    "wooden frame sofa": _sofa((2, 4), (0.5, 0.7), False, partial(_frame, kind="wood"), lean=(5, 20), **_CUSHIONS),
    "futon sofa": _sofa((2, 3), (0.7, 0.8), False, partial(_frame, kind="wood"), lean=(10, 25), split=_NO, **_CUSHIONS),
    "corner sofa": partial(_corner_sofa, wings=1),
    "U shaped sofa": partial(_corner_sofa, wings=2),
    "modular sofa": _modular_sofa,
    "chaise longue": _chaise_longue,
    "shell sofa": _shell_sofa,
}  # fmt: skip
WEIGHTS = {"chaise longue": 0.7, "shell sofa": 0.6}
