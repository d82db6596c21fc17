"""Night stands: small cases, tables and drums beside a bed, with one to three drawers, a shelf or a door.

Once a cloud is normalized, only proportions, legs and the number of drawers tell a night stand from a dresser: few
drawers for its width, more legs, shelves and open fronts. Most families are a row of fronts, sizes and stands.
"""

from functools import partial

import numpy as np

from .cases import Finish, Size, bulging, new_finish, posted, rail, row, say_content, shaped, straight
from .maker import Builder, Maker, counted
from .supports import LEG_STYLES, crossed_legs, four_legs, pedestal


def wall_panel(m: Maker, size: Size, finish: Finish) -> None:
    """Sometimes add a panel behind a case for the wall."""
    m.say("no foot")
    if m.chance(0.3):
        high, wide = m.uniform(0.4, 0.7), size[0] * m.uniform(1.0, 1.6)
        m.box((wide, high, 0.02), (0, high * 0.3, -size[2] / 2 - 0.01), color=m.palette("wood"))
        m.say("a panel at the back")


def side_shelf(m: Maker, size: Size, finish: Finish) -> None:
    """Add a lower open shelf at one side, or a raised back."""
    w, top, d = size
    if m.chance():
        wide, level, side = m.uniform(0.15, 0.35), top * m.uniform(0.4, 0.9), m.pick(-1, 1)
        for y in (0.03, level):
            m.box((wide, 0.02, d), (side * (w + wide) / 2, y, 0))
        m.box((0.02, level, d), (side * (w / 2 + wide), level / 2, 0))
        m.say("an open shelf at one side")
        return
    outline = np.multiply([(-1, 0), (1, 0), (1, 0.5), (0.6, 1), (-0.6, 1), (-1, 0.5)], (w / 2, m.uniform(0.08, 0.35)))
    m.extrude(outline, 0.02, (0, top, 0.01 - d / 2))
    m.family = "night stand with a back board"
    m.say("a raised back")


def low_shelf(m: Maker, size: Size, finish: Finish) -> None:
    """Sometimes add a board between crossed legs."""
    if m.chance(0.4):
        m.box((size[0] - 0.06, 0.018, size[2] - 0.06), (0, size[1] * m.uniform(0.15, 0.35), 0))


def _drawer(m: Maker, w: float, d: float, top: float, finish: Finish) -> None:
    """Add a flat drawer box, or two side by side, hanging below height `top`."""
    tall = m.uniform(0.08, 0.2)
    with m.at(0, top - tall, 0):
        say_content(m, straight(m, m.pick("d d d d|d"), (w, tall, d), finish, 0.0))


def table_stand(m: Maker) -> None:
    """Make four legs of any style, a drawer under the top and often a shelf between the legs."""
    finish, w, d, high = new_finish(m), m.uniform(0.36, 0.6), m.uniform(0.33, 0.5), m.uniform(0.48, 0.75)
    thick, over = m.uniform(0.025, 0.055), m.pick(0.0, m.uniform(0.0, 0.05))
    m.say(four_legs(m, w, d, high, m.pick("square", "square", *LEG_STYLES), thick))
    m.box((w + over, 0.025, d + over), (0, high, 0))
    _drawer(m, w - thick, d - 0.5 * thick, high, finish)
    if m.chance(0.6):
        m.box((w - thick, 0.02, d - thick), (0, m.uniform(0.08, 0.28), 0))
        m.say("a shelf between the legs")


def tier_stand(m: Maker) -> None:
    """Make two or three boards between thin legs, posts of metal or side panels, without any drawer."""
    wood, m.color, count = m.palette("wood"), m.palette("wood metal"), m.number(2, 3)
    w, d, high = m.uniform(0.35, 0.6), m.uniform(0.3, 0.48), m.uniform(0.42, 0.7)
    for level in np.linspace(m.uniform(0.05, 0.2), high, count):
        m.box((w, 0.022, d), (0, level, 0), color=wood)
    kind, x, z, bar = m.pick("legs legs panels frame"), w / 2, d / 2, m.uniform(0.008, 0.016)
    if kind == "legs":
        m.say(four_legs(m, w, d, high, m.pick(LEG_STYLES), m.uniform(0.02, 0.05)))
    elif kind == "panels":
        m.box((0.02, high, d), (x, high / 2, 0), both="x")
        m.say("two side panels")
    else:
        m.rod((x, 0, z), (x, high, z), bar, 6, both="xz")
        with m.repeated([(0, bar, 0), (0, high, 0)]):
            m.rod((-x, 0, z), (x, 0, z), bar, 6, both="z")
            m.rod((x, 0, -z), (x, 0, z), bar, 6, both="x")
        m.say("a thin frame")
    m.say("open shelves", counted(count, "board"))


def tray_stand(m: Maker) -> None:
    """Make a tray with a rim on legs, a folding frame or a column, round or square."""
    color, m.color = m.palette("wood metal fabric ceramic plastic"), m.palette("wood metal")
    w, high, rim, is_round = m.uniform(0.36, 0.55), m.uniform(0.42, 0.65), m.uniform(0.02, 0.08), m.chance()
    d, spread = (w, 0.68) if is_round else (w * m.uniform(0.7, 1.0), 1.0)
    kind = m.pick("legs column crossed")
    if kind == "column":
        m.say(pedestal(m, 0.4 * w, high))
    elif kind == "legs":
        m.say(four_legs(m, w * spread, d * spread, high, m.pick(LEG_STYLES), m.uniform(0.02, 0.045)))
    else:
        m.say(crossed_legs(m, w * spread, d * spread, high))
    with m.painted(color), m.at(0, high, 0):
        if is_round:
            m.revolve([(w * 0.485, 0), (w / 2, rim), (w / 2 - 0.012, rim), (w / 2 - 0.02, 0.012)], sections=24)
        else:
            m.box((w, 0.015, d), (0, 0, 0))
            m.box((0.012, rim, d), (w / 2, rim / 2, 0), both="x")
            m.box((w, rim, 0.012), (0, rim / 2, d / 2), both="z")
    m.say("a rim around the top")


def cantilever_stand(m: Maker) -> None:
    """Make boards bent like a C, S or U seen from the front, sometimes with a drawer."""
    finish, thick = new_finish(m), m.uniform(0.018, 0.05)
    w, d, high = m.uniform(0.38, 0.6), m.uniform(0.3, 0.46), m.uniform(0.42, 0.65)
    x = (w - thick) / 2
    # Shares of the height: of the boards; of the lower and upper end of uprights at x.
    levels, uprights, phrase = m.pick(
        ((0, 1), [(-x, 0, 1)], "an open side"),
        ((0, 0.5, 1), [(-x, 0, 0.5), (x, 0.5, 1)], "boards like the letter s"),
        ((1,), [(-x, 0, 1), (x, 0, 1)], "two side panels"),
    )
    for level in levels:
        m.box((w, thick, d), (0, thick / 2 + level * (high - thick / 2), 0))
    for side, start, end in uprights:
        m.box((thick, (end - start) * high, d), (side, (start + end) / 2 * high, 0))
    if m.chance(0.6):
        _drawer(m, w - 2 * thick, d * 0.95, high - thick / 2, finish)
    m.say(phrase)


def lamp_stand(m: Maker) -> None:
    """Make a night stand with a lamp on it."""
    m.pick([FAMILIES[f"night stand {kind}"] for kind in ("with drawers", "with a shelf", "on legs")] + [table_stand])(m)
    top, high, wide = m.bounds()[1, 1], m.uniform(0.2, 0.4), m.uniform(0.08, 0.15)
    with m.painted(m.palette("metal")), m.at(0, top, 0):
        m.cylinder(m.uniform(0.05, 0.08), 0.02, (0, 0.01, 0))
        m.rod((0, 0, 0), (0, high * 0.65, 0), m.uniform(0.01, 0.03))
        m.frustum(wide, wide * m.uniform(0.5, 0.9), high * 0.4, (0, high * 0.8, 0), color=m.palette("fabric"))
    m.say("a lamp on top")


_SMALL = "0.38-0.65 0.35-0.65 0.33-0.5"
_LONG, _LOW = "legs:0.28-0.5 legs:0.28-0.5 sled:0.28-0.5", "none feet legs plinth"
_SHELF = "o:0.7-1.3/d/d " + 2 * "d/o:1-2.2 " + "o/d:1-2.2"
_DOOR = "D D g L D D d/D:1.3-2.5 d/D:1.3-2.5 d/D:1.3-2.5 d/L:1.3-2.5 d/g:1.3-2.5 o/D:1.3-2.5 o/g:1.3-2.5"
_TALL = "d{2-3} d{2-3} d{2-3} d:0.7-0.7/o{1-2}:0.8-1.6 d:0.7-0.7/o{1-2}:0.8-1.6 d:0.7-0.7/D{1-2}:0.8-1.6"
_DRUM = {"body": partial(shaped, kinds="round round round hexagon octagon"), "foot": 0.66}
_HALF = {"body": partial(shaped, kinds="half"), "foot": 0.55}
_WALL, _POSTED = "d d d|o:0.5-1.5 o:0.6-1.2/d o", "d{1-3} d d/o d/o{2}"
_RAIL = partial(rail, heights=(0.03, 0.12), closed=0.33)

FAMILIES: dict[str, Builder] = {
    "night stand with drawers": row("d{2} d{2} d{3}", _SMALL),
    "night stand on long legs": row("d d d d|d", "0.38-0.65 0.1-0.22 0.33-0.48", _LONG),
    "night stand on legs": row("d{1-2}", "0.4-0.6 0.25-0.4 0.35-0.48", "legs:0.12-0.3 panels:0.12-0.3"),
    "night stand with a shelf": row(_SHELF, _SMALL),
    "open night stand": row("o{1-2}", _SMALL),
    "night stand with a door": row(_DOOR, _SMALL),
    "tall night stand": row(_TALL, "0.3-0.45 0.55-0.8 0.3-0.42"),
    "night stand with a rail": row("d{1-2}", _SMALL, extra=_RAIL),
    "night stand for the wall": row(_WALL, "0.38-0.65 0.14-0.3 0.28-0.42", "none", extra=wall_panel),
    "night stand with corner posts": row(_POSTED, "0.36-0.6 0.25-0.5 0.33-0.48", "none", body=posted),
    "night stand with a curved front": row("d{1-3}", _SMALL, _LOW, body=shaped, foot=0.7),
    "night stand with curved sides": row("d{1-3}", _SMALL, _LOW, body=bulging, foot=0.7),
    "round night stand": row("d{1-3} D o{1-2} p", "0.35-0.6 0.32-0.62 0.5-0.5", "none none plinth legs drum", **_DRUM),
    "half round night stand": row("d d/p d/p:1-3 o{1-2}", "0.4-0.65 0.3-0.6 0.24-0.45", "none legs legs feet", **_HALF),
    "bedside table with a drawer": table_stand,
    "bedside table with shelves": tier_stand,
    "tray beside a bed": tray_stand,
    "bedside table on one leg": row("d", "0.35-0.55 0.08-0.2 0.3-0.5", "column"),
    "round bedside table on one leg": row("d d p", "0.35-0.55 0.08-0.2 0.35-0.55", "column", **_DRUM),
    "night stand of bent boards": cantilever_stand,
    "night stand on crossed legs": row("d", "0.4-0.6 0.1-0.25 0.35-0.48", "crossed", extra=low_shelf),
    "night stand with a side shelf": row("d{1-3}", _SMALL, "none", extra=side_shelf),
    "night stand with a lamp": lamp_stand,
}
_RARE = ["for the wall", "with a curved front", "with curved sides", "of bent boards", "with a lamp"]
WEIGHTS = {f"night stand {kind}": 0.5 for kind in _RARE} | {"half round night stand": 0.5}
WEIGHTS |= {"bedside table with shelves": 0.5, "tray beside a bed": 0.25}
WEIGHTS |= {"bedside table on one leg": 0.24, "round bedside table on one leg": 0.16}
