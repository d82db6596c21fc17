"""Tables: a free surface on any base, low to high. Most are rows of one list: tops x sizes x bases."""

from collections.abc import Callable
from functools import partial

import numpy as np

from . import supports
from .cases import drawer_block
from .maker import Builder, Color, Maker, counted
from .solids import rounded_path


_GLASS = (0.6, 0.75, 0.75)
_SITTING = (0.66, 0.82)  # heights to sit at
_LOW = "rectangle rectangle rectangle rounded round oval polygon boat"
# Massive uprights as boxes (width, depth) in units of the depth of the table; 0 is the thickness of a board.
_UPRIGHTS = {"panel": [(0.0, 0.75)], "block": [(0.35, 0.65)], "blade": [(0.6, 0.0), (0.0, 0.7)]}
_SCULPTURES = {  # kind -> phrase, least and largest number
    "rods": ("a bundle of thin rods", 6, 14), "boards": ("upright boards in a star", 2, 4),
    "twist": ("twisted legs", 3, 5),
}  # fmt: skip


def _colors(m: Maker) -> tuple[Color, Color]:
    """Colors of the top and of the base, equal half of the time."""
    first = m.palette("wood wood wood ceramic metal")
    return first, first if m.chance() else m.palette("wood metal")


def _table(row: tuple, m: Maker) -> None:
    """Make the table of a row of _ROWS; the longer of its two sides is the width."""
    tops, side, ratio, height, bases = row
    top_color, m.color = _colors(m)
    kind, first, height = m.pick(tops), m.uniform(*side), m.uniform(*height)
    second = first * (1.0 if kind in ("round", "polygon") and ratio[0] < 1 else m.uniform(*ratio))
    width, depth = max(first, second), min(first, second)
    if m.family == "glass table":
        top_color, thick, phrase = _GLASS, 0.015, "a glass top"
        supports.framed_glass(m, kind, width, depth, height, _GLASS)
        m.say("a rim around the top")
    else:
        with m.painted(top_color):
            thick, phrase = supports.table_top(m, kind, width, depth, height)
    fit = m.uniform(0.92, 1.0) if kind == "rectangle" else m.uniform(0.68, 0.82)  # legs stay below round corners
    w, d = width * fit, depth * fit
    m.say("a low top" if height < 0.5 else "a high top" if height > 0.9 else "a small top" if width < 0.6 else "")
    m.say(phrase, "a long top" if width > 2.5 else "", _BASES[m.pick(bases)](m, w, d, height - thick))
    if m.chance(0.4 if m.family in _SHELVED else 0.06):
        m.box((w * 0.95, 0.02, d * 0.95), (0, height * m.uniform(0.15, 0.45), 0), color=top_color)
        m.say("a lower shelf")


def _legs(m: Maker, w: float, d: float, tall: float) -> str:
    """Four legs, often below an apron."""
    if m.chance(0.4):
        supports.apron(m, w * 0.97, d * 0.97, tall, min(m.uniform(0.04, 0.14), 0.3 * tall))
    return supports.corner_legs(m, w, d, tall)


def _legs_around(m: Maker, w: float, d: float, tall: float) -> str:
    """Three to six legs below the rim, often with a rim or a disc between them."""
    count, style, size = m.number(3, 6), m.pick(supports.LEG_STYLES), m.uniform(0.03, 0.08)
    inset, splay = m.uniform(0.7, 1.05), m.uniform(0.85, 1.4)
    for angle in 2 * np.pi / count * np.arange(count) + np.pi / 4:
        top = np.array([np.cos(angle) * w / 2 * inset, tall, np.sin(angle) * d / 2 * inset])
        supports.leg(m, style, top, top * (splay, 0, splay), size)
    if m.chance(0.4):
        thick, level = m.pick((0.08, tall - 0.04), (0.02, tall * m.uniform(0.15, 0.4)))
        with m.scaled((w * inset, 1, d * inset)):
            m.cylinder(0.5, thick, (0, level, 0), sections=24)
    m.family = "oval table" if d < w * 0.97 else m.family
    return counted(count, "leg")


def _in_a_row(kinds: str, m: Maker, w: float, d: float, tall: float) -> str:
    """Two or three uprights, at times joined by a spine, or columns."""
    kind, count, reach = m.pick(kinds), m.pick(2, 2, 2, 3), w * m.uniform(0.28, 0.39)
    with m.repeated([(x, 0, 0) for x in np.linspace(-reach, reach, count)]):
        for wide, deep in _UPRIGHTS.get(kind, []):
            m.box((wide * d or 0.055, tall, deep * d or 0.055), (0, tall / 2, 0))
        if kind not in _UPRIGHTS:
            supports.pedestal(m, d * m.uniform(0.3, 0.48), tall, kind)
    if kind in _UPRIGHTS and m.chance():
        m.box((2 * reach, tall * 0.5, 0.03), (0, tall * 0.6, 0))
    return counted(count, kind if kind in _UPRIGHTS else "pedestal")


def _cee(m: Maker, w: float, d: float, tall: float) -> str:
    """Add a plate on the floor and two posts at one side."""
    m.box((w, 0.03, d), (0, 0.015, 0))
    m.box((0.03, tall, 0.03), (-w * 0.48, tall / 2, d * 0.35), both="z")
    return "an open C shaped frame"


def _drawer(m: Maker, w: float, d: float, tall: float) -> str:
    """Four legs and a drawer between them below the top."""
    drop = m.uniform(0.08, 0.16)
    drawer_block(m, (w * 0.91, drop, d * 0.91), (0, tall - drop / 2, 0), m.palette("metal"), 1)
    m.say("one drawer below the top")
    return supports.four_legs(m, w, d, tall, m.pick("square turned tapered cabriole"), m.uniform(0.035, 0.08))


def _folding(m: Maker, w: float, d: float, tall: float) -> str:
    """Two loops of tube with braces."""
    radius, x, z = m.uniform(0.01, 0.018), w * 0.4, d * 0.42
    foot, brace = x + m.uniform(-0.02, 0.05), tall * 0.55
    path = [(x, tall, -z), (foot, radius, -z), (foot, radius, z), (x, tall, z)]
    with m.both("x"), m.painted(m.palette("metal")):
        m.tube(rounded_path(path, 0.06), radius, sections=6)
        m.rod((x, brace, 0), (x - w * 0.2, tall, 0), radius * 0.7, sections=6)
        m.rod((x, brace, -z), (x, brace, z), radius * 0.7, sections=6)
    return "folding legs of tube"


def _sculpture(m: Maker, w: float, d: float, tall: float) -> str:
    """Boards in a star, or leaning bars in a ring: a bundle of rods, twisted legs."""
    kind, reach, spin = m.pick(_SCULPTURES), 0.46 * d, np.deg2rad(m.uniform(40, 140))
    phrase, *counts = _SCULPTURES[kind]
    with m.around(m.number(*counts)):
        if kind == "boards":
            m.extrude([(0, 0), (reach, 0), (reach * m.uniform(0.4, 1.0), tall), (0, tall)], 0.03)
        else:
            tip = (reach * np.cos(spin), tall, reach * np.sin(spin))
            m.rod((reach, 0, 0), tip, 0.01 if kind == "rods" else 0.03, sections=6)
    return phrase


_BASES: dict[str, Callable[..., str]] = {
    "legs": _legs, "around": _legs_around, "cee": _cee,
    "pedestals": partial(_in_a_row, "disc trumpet feet cross plate drum turned"),
    "uprights": partial(_in_a_row, "panel block blade drum"),
    "drawer": _drawer, "folding": _folding, "sculpture": _sculpture, "trestle": supports.trestle,
    "crossed": supports.crossed_legs, "sled": supports.sled, "panels": supports.panel_legs,
    "pedestal": lambda m, w, d, tall: supports.pedestal(m, min(w, d) * m.uniform(0.33, 0.55), tall),
    "block": lambda m, w, d, tall: supports.plinth(m, w * m.uniform(0.5, 0.95), d * m.uniform(0.5, 0.95), tall),
}  # fmt: skip
# family: tops, ranges of one side, of its ratio to the other (x side = other side) and of the height, bases
_ROWS = {
    "dining table": ("rectangle rectangle rounded barrel boat", (0.65, 1.2), (1.2, 2.8), _SITTING, "legs"),
    "square table": ("rectangle rounded", (0.6, 1.4), (1, 1), _SITTING, "legs"),
    "round table": ("round round oval polygon", (0.6, 1.6), (0.5, 0.85), (0.42, 0.82), "around"),
    "pedestal table": ("round round oval rectangle polygon rounded", (0.55, 1.5), (0.6, 1), (0.6, 0.85), "pedestal"),
    "double pedestal table": ("rectangle oval boat rounded barrel", (0.8, 1.3), (1.8, 3.5), _SITTING, "pedestals"),
    "trestle table": ("rectangle rectangle rounded oval boat", (0.65, 1.1), (1.4, 3), _SITTING, "trestle"),
    "table with crossed legs": ("rectangle rounded round", (0.6, 1.8), (0.4, 0.9), (0.4, 0.82), "crossed"),
    "table on sled legs": ("rectangle rectangle rounded", (0.6, 2.0), (0.4, 0.9), (0.35, 0.8), "sled"),
    "panel leg table": ("rectangle rectangle oval rounded", (0.7, 2.2), (0.35, 0.8), (0.35, 0.8), "panels"),
    "coffee table": (_LOW, (0.7, 1.5), (0.4, 0.95), (0.28, 0.5), "legs legs sled panels crossed"),
    "console table": (("rectangle", "half round"), (0.25, 0.45), (2.5, 4.8), (0.72, 0.95), "legs"),
    "side table": ("rectangle round polygon", (0.32, 0.62), (0.7, 1), (0.42, 0.75), "legs pedestal cee crossed"),
    "conference table": ("boat oval rectangle rounded barrel", (0.9, 1.5), (1.8, 4), (0.7, 0.78), "uprights"),
    "plinth table": ("rectangle rounded round oval polygon boat", (0.4, 1.2), (1.4, 1.4), (0.3, 0.75), "block"),
    "folding table": ("rectangle rounded", (0.5, 0.9), (1.2, 2.6), (0.6, 0.78), "folding"),
    "glass table": ("rectangle rectangle round", (0.6, 1.8), (0.45, 0.9), (0.35, 0.8), "legs legs sled crossed"),
    "bar table": ("round round rectangle", (0.5, 0.8), (0.9, 1), (0.95, 1.15), "pedestal pedestal legs"),
    "table with a drawer": ("rectangle", (0.5, 1.4), (0.45, 0.9), (0.38, 0.8), "drawer"),
    "designer table": ("round rectangle oval polygon", (0.6, 1.6), (0.5, 1), (0.35, 0.78), "sculpture"),
}
_SHELVED = ("panel leg table", "coffee table", "console table", "glass table", "table with a drawer")


def solid_table(m: Maker) -> None:
    """Build a block, a drum, waisted or bulging, or a top bent down at both ends (waterfall)."""
    m.color, width, height = _colors(m)[1], m.uniform(0.4, 1.2), m.uniform(0.3, 0.75)
    if m.family == "cube table":
        m.box((width, height, width * m.uniform(0.6, 1.0)), (0, height / 2, 0))
        m.say("a solid block")
    elif m.family == "drum table":
        waist = width / 2 * m.uniform(0.75, 1.2)
        m.revolve([(width / 2, 0), (waist, height / 2), (width / 2, height)], sections=24)
        m.say("a round top", "a solid drum base")
    else:
        width, thick = 2 * width, m.uniform(0.02, 0.09)
        depth, side = min(width * m.uniform(0.35, 0.9), 1.1), height - thick
        m.box((width, thick, depth), (0, height - thick / 2, 0))
        m.box((thick, side, depth), ((width - thick) / 2, side / 2, 0), both="x")
        m.say("a rectangular top", "sides that run down to the floor")


def picnic_table(m: Maker) -> None:
    """Planked top with a bench on either side, joined by A-frames."""
    m.color, planks, bar = m.palette("wood wood plastic"), m.number(3, 6), 0.04
    width, depth, height = m.uniform(1.2, 2.2), m.uniform(0.65, 0.85), m.uniform(0.68, 0.78)
    bench, seat, x = depth / 2 + m.uniform(0.2, 0.32), m.uniform(0.4, 0.46), width * 0.36
    for z in (np.arange(planks) + 0.5) * depth / planks - depth / 2:
        m.box((width, bar, depth / planks * 0.9), (0, height - bar / 2, z))
    m.box((width, bar, m.uniform(0.2, 0.3)), (0, seat, bench), both="z")
    m.beam((x, seat - bar, -bench), (x, seat - bar, bench), (0.1, bar), both="x")
    m.beam((x + bar, 0, bench * 0.95), (x + bar, height - bar, depth * 0.25), (bar, 0.09), both="xz")
    m.say("a planked top", "two attached benches", "slanted legs")


def drop_leaf_table(m: Maker) -> None:
    """Middle part on legs with hanging or raised leaves at two sides."""
    m.color, thick = m.palette("wood"), m.uniform(0.018, 0.03)
    width, depth, height = m.uniform(0.3, 0.7), m.uniform(0.7, 1.1), m.uniform(*_SITTING)
    leaf, tall = m.uniform(0.25, 0.45), height - thick
    m.box((width, thick, depth), (0, height - thick / 2, 0))
    outline = supports.top_outline(m, m.pick("round rectangle"), 2 * leaf, depth).clip((0, -9))
    for side in (m.both(""), m.mirrored()):
        with side, m.at(width / 2 + 0.004, height - thick / 2, 0), m.turned("z", 0 if m.chance(0.35) else -86):
            m.extrude(outline, thick, plane="xz")
    m.say("two hinged leaves", supports.corner_legs(m, width * 0.94, depth * 0.85, tall))
    supports.apron(m, width * 0.9, depth * 0.8, tall, 0.1)


def nested_tables(m: Maker) -> None:
    """Two or three small tables of falling size, one below the other."""
    top_color, m.color = _colors(m)
    width, depth, height = m.uniform(0.5, 0.75), m.uniform(0.35, 0.5), m.uniform(0.45, 0.6)
    count, style, step = m.number(2, 3), m.pick("square round tapered"), m.uniform(0.0, 0.25)
    for index in range(count):
        wide, tall = width * 0.8**index, height - index * 0.07
        with m.at(0, 0, index * step):
            m.box((wide, 0.02, depth * 0.97**index), (0, tall - 0.01, 0), color=top_color)
            supports.four_legs(m, wide, depth * 0.94**index, tall - 0.02, style, 0.03)
    m.say(counted(count, "small table"), "one table below the other")


FAMILIES: dict[str, Builder] = {
    **{family: partial(_table, row) for family, row in _ROWS.items()},
    **dict.fromkeys(("waterfall table", "cube table", "drum table"), solid_table),
    "picnic table": picnic_table,
    "drop leaf table": drop_leaf_table,
    "set of nested tables": nested_tables,
}
# Families that share one place, and a few that real collections rarely hold.
WEIGHTS = {
    "panel leg table": 0.65, "waterfall table": 0.35, "cube table": 0.25, "drum table": 0.5, "plinth table": 0.25,
    "designer table": 0.6,
}  # fmt: skip
