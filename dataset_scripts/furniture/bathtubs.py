"""Bathtubs: a shell or a block with a cavity, on the floor, on feet, in a deck, in a case. Long in x."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .maker import Builder, Maker
from .solids import Solid, rounded_path
from .vessels import Level, faucet, sanitary_color, skin, vessel_outline


Size = tuple[float, float, float]  # length x, height y, width z

_BASINS = {
    "oval": "an oval basin", "rounded": "a basin with round corners", "rectangle": "a rectangular basin",
    "sharp": "a rectangular basin", "end": "a basin with one round end", "taper": "a tapered basin",
    "waist": "an hourglass basin", "quarter": "a quarter round basin", "clipped": "a five sided basin",
    "cut": "a five sided basin", "hexagon": "a six sided basin", "octagon": "an eight sided basin",
}  # fmt: skip
_CUT = {"quarter": 0.22, "cut": 0.26, "clipped": 0.1}  # how far an oval keeps away from the missing corner
_OUT = np.array([-1, 1, -1, 1])  # x from, x to, z from, z to
_USUAL = ((1.25, 1.95), (0.36, 0.66), (0.4, 0.58))

# Blocks from (x, y, z) to (x, y, z) in shares of the tub's length, height and width; mirrored too where letters follow.
_STEPS = [[(-0.3, 0, 0.4, 0.3, 1 - i / (n + 1), 0.5 + 0.14 * i) for i in range(1, n + 1)] for n in range(4)]
_WALLS = [(-0.5, 1, -0.5, 0.5, 2.7, -0.47), (0.48, 1, -0.5, 0.5, 2.7, 0.5)]
_BLOCKS: dict[str, list[Any]] = {
    "a raised panel in front": [(-0.4, 0.2, 0.49, 0.4, 0.75, 0.515)],
    "a raised back edge": [(-0.5, 0.98, -0.5, 0.5, 1.15, -0.46)],
    "two end walls": [(0.49, 0, -0.5, 0.58, 1.2, 0.5, "x")],
    "upright boards in front": [(i / 8 - 0.5, 0.03, 0.49, i / 8 - 0.4, 0.92, 0.53) for i in range(8)],
    "a door in front": [(-0.05, 0.1, 0.48, 0.4, 0.88, 0.53), (0, 0.6, 0.5, 0.03, 0.7, 0.6)],
    "one step": _STEPS[1], "two steps": _STEPS[2], "three steps": _STEPS[3],
    "a seat inside": [(-0.46, 0.02, -0.38, -0.2, 0.42, 0.38)],
    "seats inside": [(0.2, 0.02, -0.38, 0.46, 0.45, 0.38, "x")],
    "a corner seat inside": [(-0.46, 0.02, -0.46, -0.14, 0.45, -0.14)],
    "a seat board inside": [(-0.44, 0.4, -0.25, -0.2, 0.47, 0.25)],
    "head rests": [(0.42, 0.85, -0.2, 0.48, 1.04, 0.2, "x")],
    "jets on both sides": [(x - 0.02, 0.5, 0.36, x + 0.02, 0.57, 0.42, "z") for x in (-0.25, 0, 0.25)],
    "two walls above": _WALLS, "walls around it": [*_WALLS, (-0.5, 1, -0.5, -0.48, 2.7, 0.5)],
    "a screen": [(0, 1, 0.43, 0.5, 2.7, 0.45)],
    "a base slab": [(-0.46, 0, -0.46, 0.46, 1, 0.46)],
    "two bars below": [(0.24, 0, -0.35, 0.28, 1.15, 0.35, "x")],
    "two blocks below": [(0.19, 0, -0.25, 0.31, 1.15, 0.25, "x")],
}  # fmt: skip
# Rings around the cavity or the body: (where, how much larger inside and outside, from y to y in shares of the height).
_RINGS = {
    "a rim board around": [("body", -0.02, 0.04, 0.96, 1.03)],
    "a raised rim around the basin": [("hole", 0.0, 0.06, 0.98, 1.08)],
    "a bench around inside": [("hole", -0.2, 0.01, 0.04, 0.52)],
    "a frame around the rim": [("body", -0.03, 0.05, 0.9, 1.02), ("body", -0.03, 0.05, 0.0, 0.12)],
    "two hoops": [("body", -0.01, 0.02, 0.22, 0.28), ("body", -0.01, 0.02, 0.72, 0.78)],
}


def _level(name: str, spans: np.ndarray, y: float, grow: float = 0.0) -> Level:
    """Make a level at height y, `grow` larger than the spans on all sides."""
    return (name, *(spans + grow * _OUT), y)


def _blocks(m: Maker, phrase: str, size: Size) -> None:
    """Add the blocks of a row of _BLOCKS, a little wider or narrower."""
    stretch = (m.uniform(0.85, 1.15), 1.0, m.uniform(0.85, 1.15))
    for row in _BLOCKS.get(phrase, ()):
        low, high = np.reshape(row[:6], (2, 3)) * size
        m.rounded_box((high - low) * stretch, (low + high) / 2, 0.015, both=row[6:])


def _rings(m: Maker, phrase: str, height: float, hole: tuple, body: tuple) -> None:
    """Add the rings of a row of _RINGS around (outline, spans at the top, size of the bottom relative to it)."""
    for where, inside, outside, low, high in _RINGS.get(phrase, ()):
        name, spans, taper = hole if where == "hole" else body
        rows = ((outside, low), (outside, high), (inside, high), (inside, low))
        spans = spans * (taper + (1 - taper) * low)
        skin(m, [_level(name, spans, y * height, grow) for grow, y in rows], closed=True)


def _cavity(m: Maker, name: str, hole: np.ndarray, rim: float, floor: float, lean: float, slope: float) -> list[Level]:
    """Draw a cavity's levels from its edge at `rim` down: all walls lean by `lean` or more, the ends by `slope`."""
    ends = (slope, slope) if slope else (m.pick(0.03, 0.1, m.uniform(0.1, 0.28)), m.uniform(0.02, 0.12))
    slopes, bend = np.maximum((*ends, *[m.uniform(0.01, 0.1)] * 2), lean), m.pick(0.02, 0.06, 0.14)
    inward = -_OUT * np.repeat((hole[1] - hole[0], hole[3] - hole[2]), 2)
    steps = ((0.0, 0.0), (0.35, 0.0), (0.75, 0.0), (0.92, 0.35), (1.0, 1.0))
    return [_level(name, hole + inward * (slopes * y + bend * inset), rim + (floor - rim) * y) for y, inset in steps]


def _fittings(m: Maker, size: Size, rim: float, floor: float, often: float, places: str) -> None:
    """Now and then a faucet on the rim or from the ground, a drain, handles."""
    (length, height, width), place = size, m.pick(places) if m.chance(often) else ""
    x, y, z = (length - rim) / 2, height - 0.005, (width - rim) / 2
    m.color = m.palette("metal")
    if place == "standing":
        tall = height + m.uniform(0.1, 0.4)
        with m.at(length * m.uniform(-0.3, 0.3), 0, -width / 2 - 0.06):
            m.tube(rounded_path([(0, 0, 0), (0, tall, 0), (0, tall, 0.22), (0, tall - 0.08, 0.22)], 0.08), 0.016)
            m.cylinder(0.05, 0.02, (0, 0.01, 0))
        m.say("a standing faucet")
    elif place == "shower":
        top = m.uniform(1.0, 2.0)
        m.tube(rounded_path([(x, y, 0), (x, top, 0), (x - 0.3, top, 0)], 0.1), 0.013)
        m.frustum(0.09, 0.02, 0.05, (x - 0.3, top - 0.02, 0), 12)
        m.say("a shower pipe")
    elif place:
        back = (m.uniform(-0.2, 0.2) * length, y, -z)
        m.say(faucet(m, *{"end": ((x, y, 0), 180), "back": (back, -90), "corner": ((-x, y, -z), -45)}[place]))
    if m.chance(0.4):
        m.cylinder(0.03, 0.01, (length * m.uniform(-0.1, 0.25), floor + 0.004, 0))
        m.say("a drain")
    if m.chance(0.1) and places != "corner":
        path = [(-0.15, y, z), (-0.15, y + 0.07, z), (0.15, y + 0.07, z), (0.15, y, z)]
        m.tube(rounded_path(path, 0.04), 0.012, both="z")
        m.say("two handles")


def block_tub(
    m: Maker, outer: str, inner: str, *also: tuple, sides=_USUAL, rims=(0.05, 0.12), uneven=1.0, depth=(0.5, 0.92),
    base=(1.0, 1.0), slope=0.0, thin=False, often=0.4, taps="end end back standing", turns=(0,),
) -> None:  # fmt: skip
    """Build a block of an outline of `outer` with a cavity of one of `inner` ("same": that of the block).

    `sides` are ranges of the length, of the height and of the width relative to the length (above 1 is 1), `rims` that
    of the rim's width, `depth` and `base` those of the cavity's depth and of the bottom's size relative to the top.
    `also` is what is added: (probability, palette or "", phrases to pick from); `often` a tap at one of `taps`.
    """
    length, height, share = (m.uniform(*limits) for limits in sides)
    size = length, height, width = length, height, length * min(share, 1.0)
    outer = m.pick(outer)
    inner = m.pick(inner.replace("same", outer))
    rim, taper = m.uniform(*rims), m.uniform(*base)
    body = _OUT * np.repeat((length, width), 2) / 2
    hole = body - _OUT * rim * [m.uniform(1, uneven) for _ in range(4)]
    if inner == "oval":
        hole -= _CUT.get(outer, 0.0) * np.array((0, length, 0, width))
    floor = max(height * (1 - m.uniform(*depth)), 0.03)
    cavity = _cavity(m, inner, hole, height, floor, 0.6 * (1 - taper), slope)
    levels, lip = [_level(outer, body * taper, 0.0)], m.uniform(0.03, 0.07)
    if thin:
        wall = m.uniform(0.008, 0.02)
        levels = [_level(inner, np.array(level[1:5]), level[5] - wall, wall) for level in cavity[::-1]]
        levels += [_level(outer, body, height - wall, -wall), _level(outer, body, height - m.pick(wall, lip))]
    elif m.chance(0.3):
        levels += [_level(outer, body, height - lip, -0.02), _level(outer, body, height - lip * 0.98)]
    m.say(_BASINS[inner], "thick walls" if rim > 0.13 else "thin walls" if rim < 0.04 or thin else "")
    with m.turned("y", m.pick(turns)):
        skin(m, [*levels, _level(outer, body, height), *cavity])
        for probability, paint, *phrases in also:
            if m.chance(probability):
                phrase = m.pick(phrases)
                with m.painted(m.palette(paint) if paint else m.color):
                    _blocks(m, phrase, size)
                    _rings(m, phrase, height, (inner, hole, 1.0), (outer, body, taper))
                m.say(phrase)
        _fittings(m, size, rim, floor, often, taps)


def _shell(m: Maker, name: str, size: Size, base: float, least: float, rim: float) -> float:
    """Add a tub with curved walls whose bottom is `least` or more as large as the rim; return its floor's height."""
    (length, height, width), tall, belly = size, size[1] - base, m.uniform(0.3, 0.9)
    top, small = _OUT * np.repeat((length, width), 2) / 2, np.repeat(m.rng.uniform(least, least + 0.3, 2), 2)

    def wall(up: float, inset: float, scale: float = 1.0) -> Level:
        """Level at a share of the wall's height, `inset` rims inside."""
        spans = (top - 0.4 * rim * _OUT) * (small + (1 - small) * up**belly) - inset * rim * _OUT
        return _level(name, spans * scale, base + tall * up)

    levels = [_level(name, top * small * 0.85, base), *(wall(up, 0) for up in (0.06, 0.3, 0.6))]
    if m.chance(0.5):
        roll = min(m.uniform(0.02, 0.06), 0.2 * tall)
        levels += [wall(1 - roll / tall, 0), _level(name, top, height - roll * 0.7)]
    bottom = max(m.uniform(0.06, 0.25), 0.035 / tall)
    levels += [_level(name, top, height - 0.008), _level(name, top, height, -0.006), wall(1, 0.6), wall(0.95, 0.6)]
    skin(m, [*levels, wall(0.6, 0.6), wall(bottom + 0.1, 0.65), wall(bottom, 0.7, m.pick(0.8, 0.9, 0.6))])
    m.say(_BASINS[name])
    return base + tall * bottom


def _feet(m: Maker, x: float, z: float, tall: float) -> None:
    """Add four feet at (x, z) and its mirror images up to just above `tall`, in the tub's wall."""
    kind = m.pick("claw feet", "claw feet", "ball feet", "block feet", "short legs", "splayed legs")
    thick, top, away = m.uniform(0.03, 0.06), np.array([0, tall + 0.025, 0]), np.array([0.5, 0, 0.85])
    with m.painted(m.palette("metal metal wood ceramic")), m.both("xz"), m.at(x, 0, z):
        if kind == "claw feet":
            knee, toe = away * tall * 0.55 + (0, tall * 0.75, 0), away * tall * 0.3 + (0, thick, 0)
            path = rounded_path([top, knee, toe, toe + away * thick], tall * 0.4)
            m.tube(path, np.linspace(thick, thick * 0.6, len(path)))
            m.cushion((thick * 2.4, thick * 2, thick * 2.4), toe + away * thick, 1.0)
        elif kind == "ball feet":
            m.cushion((tall, top[1], tall), top / 2, 1.0)
        else:
            add = m.beam if kind == "block feet" else m.rod
            add(top, away * tall * (0.5 if kind == "splayed legs" else 0.0), thick, taper=0.7)
    m.say(f"four {kind}")


def _lifted(solid: Solid, height: float, length: float, ends: np.ndarray, power: float) -> Solid:
    """Raise the ends at -x and +x by `ends`: the rim most, the floor not at all."""
    x, y = solid.vertices[:, 0] / (length / 2), solid.vertices[:, 1]
    lift = np.where(x < 0, *ends) * np.minimum(np.abs(x), 1) ** power * np.clip(y / height, 0, 1) ** 2
    return Solid(solid.vertices + lift[:, None] * (0, 1, 0), solid.faces)


def shell_tub(m: Maker, names: str, *stands: str, rise=(0.0, 0.0), equal=0.0, bead=False) -> None:
    """Build curved walls on the floor ("") or a stand; the ends may rise, one by `equal` times the other (0: drawn)."""
    length, height, width = m.uniform(1.25, 1.95), m.uniform(0.36, 0.66), m.uniform(0.6, 1.0)
    name, stand = m.pick(names), m.pick(stands)
    base, rim = m.uniform(0.06, 0.2) if stand else 0.0, m.uniform(0.02, 0.05 if bead else 0.09)
    size = length, top, width = length, height + base / 2, width
    ends = np.array([1.0, equal or m.uniform(0, 0.25)])[:: m.pick(1, -1)] * m.uniform(*rise)
    power = m.uniform(1.4, 3.0)
    with m.copied([lambda solid: _lifted(solid, top, length, ends, power)]):
        floor = _shell(m, name, size, base, 0.57 if stand else 0.66, rim)
    if bead:
        x, z = vessel_outline(name)[::-1].T / 2
        path = np.stack([x * (length - rim), np.full(len(x), top), z * (width - rim)], axis=1)
        m.tube(path, m.uniform(0.6, 1.0) * rim, 6, closed=True)
    with m.painted(m.pick(m.color, m.palette("wood metal ceramic"))):
        if stand == "feet":
            _feet(m, length * 0.21, width * 0.19, base)
        elif stand == "a plinth":
            foot = m.uniform(0.45, 0.8) * _OUT * np.repeat((length, width), 2) / 2
            rows, outline = ((1.08, 0.0), (1.0, base * 0.3), (0.88, base + 0.02)), m.pick(name, name, "sharp")
            skin(m, [_level(outline, foot * scale, y) for scale, y in rows])
        elif stand:
            _blocks(m, stand, (length, base, width))
    lifts = "" if not rise[1] else "two high ends" if equal else "one high end"
    m.say("" if stand == "feet" else stand or "curved walls", "a rolled rim" if bead else "", lifts)
    _fittings(m, size, rim, floor, 0.38, "back" if rise[1] else "end end back standing")


def _family(build: Callable[..., None], *arguments: Any, colors: str = "", **options: Any) -> Builder:
    """Return a family of tubs in such colors (mostly sanitary if ""), stretched a little along every axis."""

    def make(m: Maker) -> None:
        m.color = m.palette(colors) if colors else sanitary_color(m)
        with m.scaled(m.rng.uniform(0.9, 1.1, 3)):
            build(m, *arguments, **options)

    return make


block, shell = partial(_family, block_tub), partial(_family, shell_tub)
_ROUND, _ANY = "oval oval rounded end", "wood metal fabric ceramic plastic"
_SLIPPER = (_ROUND, "", "a plinth", "feet", "feet")
_SEATS = (1, "", "a seat inside", "seats inside")
_STEPPED = (0.35, "", "one step", "two steps", "three steps")
FAMILIES: dict[str, Builder] = {
    "built-in bathtub": block("sharp sharp rectangle", "oval rounded rounded rectangle sharp end taper",
        (1, "", "a flat apron"), (0.2, "", "a raised panel in front"), (0.15, "", "a raised back edge"), uneven=1.5,
        base=(0.92, 1.0)),
    "free-standing bathtub": shell("oval oval oval rounded taper end waist", ""),
    "clawfoot bathtub": shell(_ROUND, "feet", bead=True),
    "slipper bathtub": shell(*_SLIPPER, rise=(0.12, 0.38)),
    "double slipper bathtub": shell(*_SLIPPER, rise=(0.08, 0.3), equal=1.0),
    "pedestal bathtub": shell("oval rectangle rounded end", *["a plinth"] * 2, "a base slab", "two bars below",
        "two blocks below"),
    "drop-in bathtub": block("sharp rectangle", "oval rounded rectangle end taper", (1, "", "a flat rim"),
        rims=(0.05, 0.14), depth=(0.85, 0.98), thin=True, often=0.3, taps="end end back"),
    "deck bathtub": block("sharp sharp rectangle octagon", "oval oval oval rounded rectangle octagon hexagon waist",
        (1, "", "a wide deck"), (0.35, "", "a raised rim around the basin"), _STEPPED,
        sides=((1.5, 2.5), (0.35, 0.65), (0.45, 0.9)), rims=(0.12, 0.2), uneven=2.2, often=0.5, taps="end"),
    "corner bathtub": block("quarter quarter clipped cut cut", "same same oval", (1, "", "a corner shape"),
        (0.4, "", "a corner seat inside"), sides=((1.1, 1.7), (0.4, 0.7), (0.65, 1.6)), rims=(0.07, 0.18),
        base=(0.9, 1.0), often=0.5, taps="corner", turns=(0, -45, -45, 90)),
    "hot tub": block("oval oval oval octagon hexagon rounded", "same", (0.55, "", "a bench around inside"),
        (0.35, "metal", "two hoops"), _STEPPED, sides=((1.2, 2.3), (0.5, 1.0), (0.7, 1.7)), rims=(0.04, 0.2),
        depth=(0.8, 0.95), base=(0.82, 1.04), slope=0.02, often=0.0,
        colors="wood ceramic plastic ceramic plastic metal"),
    "whirlpool bathtub": block("sharp rectangle rounded", "rounded rounded rectangle oval", _SEATS,
        (0.6, _ANY, "head rests"), (0.5, "metal", "jets on both sides"), sides=((1.5, 2.0), (0.45, 0.7), (0.5, 0.85)),
        rims=(0.07, 0.16), depth=(0.6, 0.9), slope=0.06, often=0.5, taps="back"),
    "walk-in bathtub": block("sharp", "rounded rectangle", (1, "ceramic metal", "a door in front"),
        (1, "", "a seat inside"), (1, "", "high walls"), sides=((0.95, 1.4), (0.8, 1.05), (0.55, 0.72)),
        rims=(0.05, 0.09), depth=(0.85, 0.9), slope=0.02, often=1.0, taps="end"),
    "soaking tub": block("sharp sharp rectangle oval octagon", "same", (1, "", "deep walls"),
        (0.3, "", "a rim board around"), (0.3, "", "a seat board inside"),
        sides=((0.8, 1.4), (0.55, 0.85), (0.55, 1.0)), rims=(0.025, 0.07), depth=(0.75, 0.93), base=(0.85, 1.0),
        slope=0.03, colors="wood wood ceramic metal"),
    "block bathtub": block("sharp rectangle rounded oval octagon taper", "same same oval", rims=(0.02, 0.2),
        base=(0.68, 1.12)),
    "bathtub with a shower": block("sharp", "rounded oval rectangle end",
        (0.75, "", "two walls above", "walls around it", "a screen"), often=1.0, taps="shower"),
    "cased bathtub": block("sharp", "oval rounded end rectangle",
        (1, "wood wood ceramic metal", "a frame around the rim", "upright boards in front", "two end walls")),
}  # fmt: skip
