"""Seats, back rests and arm rests that the chairs and wooden sofas are put together from.

A chair looks along +z: its back stands at -z. `width` is along x, `depth` along z.
"""

from __future__ import annotations

import numpy as np

from .parts import (
    Colour,
    Part,
    beam,
    box,
    chance,
    counted,
    cushion,
    cylinder,
    extrude,
    move_all,
    outline_points,
    palette,
    pick,
    rod,
    rotate_all,
    rounded_box,
    rounded_path,
    rounded_rectangle,
    sheet,
    surface_grid,
    tube,
)
from .supports import arched_sheet


SEATS = ("board", "padded", "upholstered", "round", "trapezoid", "slats", "dished", "rounded")
BACKS = (
    "solid",
    "padded",
    "ladder",
    "spindles",
    "splat",
    "hoop",
    "medallion",
    "cross",
    "curved",
    "slats",
    "framed",
    "rails",
)
ARMS = ("posts", "loop", "tee", "panel", "swept")


def frame_colour(rng: np.random.Generator) -> Colour:
    """Wood twice as often as metal."""
    return palette(rng, pick(rng, "wood", "wood", "metal"))


def seat(
    rng: np.random.Generator, kind: str, width: float, depth: float, top: float, frame: Colour, cloth: Colour
) -> tuple[list[Part], float, str]:
    """Seat with its upper side at `top`: solids, total thickness, phrase; `kind` is one of SEATS."""
    thick = rng.uniform(0.015, 0.05)
    level = top - thick / 2
    if kind == "board":
        return [box((width, thick, depth), (0, level, 0), frame)], thick, "a flat seat"
    if kind == "rounded":
        outline = rounded_rectangle(width, depth, 0.35 * min(width, depth))
        return [extrude(outline, thick, (0, level, 0), frame, "xz")], thick, "a seat with rounded corners"
    if kind == "round":
        outline = outline_points("oval", 20) * (width / 2, depth / 2)
        return [extrude(outline, thick, (0, level, 0), frame, "xz")], thick, "a round seat"
    if kind == "trapezoid":
        back = width / 2 * rng.uniform(0.72, 0.95)
        outline = np.array([(-back, -depth), (back, -depth), (width / 2, depth), (-width / 2, depth)]) * (1, 0.5)
        return [extrude(outline, thick, (0, level, 0), frame, "xz")], thick, "a seat that widens to the front"
    if kind == "slats":
        parts = slats(rng, width, depth, thick * 0.6, frame, int(rng.integers(4, 9)))
        return move_all(parts, (0, top - thick * 0.3, 0)), thick * 0.6, "a slatted seat"
    if kind == "dished":
        u, v = surface_grid(7, 7)
        dip = 0.03 * (u**2 + v**2) - 0.03 - 0.03 * np.clip(v - 0.3, 0, 1) ** 2
        grid = np.stack([u * width / 2, top + dip - thick / 2, v * depth / 2], axis=-1)
        return [sheet(grid, thick, frame)], thick + 0.03, "a moulded seat"
    pad = rng.uniform(0.04, 0.12)
    if kind == "upholstered":
        return [rounded_box((width, pad, depth), (0, top - pad / 2, 0), 0.4 * pad, cloth)], pad, "an upholstered seat"
    if kind == "padded":
        parts = [
            box((width, thick, depth), (0, top - 0.6 * pad - thick / 2, 0), frame),
            cushion((width * 0.95, pad, depth * 0.95), (0, top - pad / 2, 0), cloth, 0.2),
        ]
        return parts, 0.6 * pad + thick, "a padded seat"
    raise ValueError(f"unknown seat {kind!r}; use one of {SEATS}.")


def slats(
    rng: np.random.Generator, width: float, depth: float, thickness: float, colour: Colour, count: int, along: str = "x"
) -> list[Part]:
    """`count` level boards at y = 0 that fill width x depth with gaps and run along "x" or "z"."""
    share = rng.uniform(0.55, 0.9)
    span = depth if along == "x" else width
    places = (np.arange(count) + 0.5) * span / count - span / 2
    size = (width, thickness, share * span / count) if along == "x" else (share * span / count, thickness, depth)
    return [box(size, (0, 0, place) if along == "x" else (place, 0, 0), colour) for place in places]


def back(
    rng: np.random.Generator,
    kind: str,
    width: float,
    height: float,
    frame: Colour,
    cloth: Colour,
    lean: float,
    at: tuple[float, float, float],
) -> tuple[list[Part], str]:
    """Back rest of `kind` (one of BACKS), `height` tall from the point `at`, tipped backwards by `lean` degrees."""
    builders = {
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
    if kind not in builders:
        raise ValueError(f"unknown back {kind!r}; use one of {BACKS}.")
    parts, phrase = builders[kind](rng, width, height, frame, cloth)
    return move_all(rotate_all(parts, "x", -lean), at), phrase


def _posts(rng: np.random.Generator, width: float, height: float, colour: Colour) -> tuple[list[Part], float, float]:
    """Two uprights; also their thickness and the clear width between them."""
    bar = rng.uniform(0.02, 0.05)
    x = (width - bar) / 2
    if chance(rng, 0.3):
        return [rod((s * x, 0, 0), (s * x, height, 0), bar / 2, colour) for s in (-1, 1)], bar, width - 2 * bar
    return [box((bar, height, bar), (s * x, height / 2, 0), colour) for s in (-1, 1)], bar, width - 2 * bar


def _solid_back(rng, width, height, frame, cloth):
    thick = rng.uniform(0.012, 0.06)
    start = rng.uniform(0.0, 0.35) * height if chance(rng, 0.4) else 0.0
    crown = rng.uniform(0.0, 0.15) * height if chance(rng, 0.5) else 0.0
    x = np.linspace(-1, 1, 9)[::-1]
    upper = np.stack([x * width / 2, height - crown * x**2], axis=1)
    outline = np.concatenate([[(-width / 2, start), (width / 2, start)], upper])
    parts = [extrude(outline, thick, (0, 0, 0), frame, "xy")]
    if start > 0:
        bar = 0.03
        parts += [box((bar, start + 0.1, bar), (s * width * 0.36, start / 2, -thick / 2), frame) for s in (-1, 1)]
    return parts, "a solid back"


def _padded_back(rng, width, height, frame, cloth):
    thick = rng.uniform(0.04, 0.12)
    gap = rng.uniform(0.0, 0.3) * height if chance(rng, 0.4) else 0.0
    if chance(rng, 0.3):
        body = cushion((width, height - gap, thick), (0, (height + gap) / 2, 0), cloth, 0.25)
    else:
        body = rounded_box((width, height - gap, thick), (0, (height + gap) / 2, 0), 0.4 * thick, cloth)
    parts = [body]
    if gap > 0:
        parts += [box((0.03, gap * 1.3, 0.03), (s * width * 0.4, gap * 0.6, 0), frame) for s in (-1, 1)]
    return parts, "an upholstered back"


def _ladder_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height, frame)
    count = int(rng.integers(2, 7))
    start = rng.uniform(0.1, 0.4) * height
    pitch = (height - start) / count
    tall = pitch * rng.uniform(0.3, 0.75)
    bend = rng.uniform(0.01, 0.05) if chance(rng, 0.4) else 0.0
    for place in height - pitch * np.arange(count) - tall * 0.55:
        if bend:
            slat = arched_sheet(clear + bar, tall, bend, 0.0, 0.015, frame, columns=5).moved(
                (0, place - tall / 2, -bend)
            )
        else:
            slat = box((clear + bar, tall, 0.015), (0, place, 0), frame)
        parts.append(slat)
    return parts, f"a ladder back of {counted(count, 'slat')}"


def _spindle_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height * 0.98, frame)
    count = int(rng.integers(4, 10))
    low = rng.uniform(0.05, 0.2) * height if chance(rng, 0.6) else 0.0
    rail = rng.uniform(0.03, 0.09)
    parts.append(box((width, rail, bar * 1.1), (0, height - rail / 2, 0), frame))
    if low > 0:
        parts.append(box((clear, 0.03, bar), (0, low, 0), frame))
    radius = rng.uniform(0.006, 0.012)
    for x in (np.arange(count) + 0.5) * clear / count - clear / 2:
        parts.append(rod((x, low, 0), (x, height - rail, 0), radius, frame, sections=6))
    return parts, "a back of thin spindles"


def _slat_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height, frame)
    count = int(rng.integers(2, 7))
    low, rail = rng.uniform(0.0, 0.2) * height, rng.uniform(0.03, 0.08)
    parts.append(box((width, rail, bar * 0.8), (0, height - rail / 2, 0), frame))
    parts.append(box((clear, 0.03, bar * 0.8), (0, low + 0.015, 0), frame))
    wide = clear / count * rng.uniform(0.35, 0.7)
    for x in (np.arange(count) + 0.5) * clear / count - clear / 2:
        parts.append(box((wide, height - low - rail, 0.012), (x, (height + low - rail) / 2, 0), frame))
    return parts, f"a back of {counted(count, 'upright slat')}"


def _splat_back(rng, width, height, frame, cloth):
    parts, bar, _ = _posts(rng, width, height * 0.95, frame)
    rail = rng.uniform(0.04, 0.09)
    x = np.linspace(-1, 1, 9)[::-1]
    crest = np.stack([x * width * 0.53, height - rail * 0.7 * np.abs(x) ** 1.5], axis=1)
    lower = np.stack([x[::-1] * width * 0.5, np.full(9, height - 1.6 * rail)], axis=1)
    parts.append(extrude(np.concatenate([lower, crest]), bar, (0, 0, 0), frame, "xy"))
    share = np.linspace(0, 1, 9)
    half = width * rng.uniform(0.09, 0.17) * (1 + 0.45 * np.sin(share * 2 * np.pi * rng.uniform(0.8, 1.6)))
    rise = share * (height - 1.5 * rail)
    outline = np.concatenate([np.stack([half, rise], 1), np.stack([-half, rise], 1)[::-1]])
    parts.append(extrude(outline, 0.014, (0, 0, 0), frame, "xy"))
    return parts, "a vase shaped splat in the back"


def _hoop_back(rng, width, height, frame, cloth):
    angle = np.linspace(0, np.pi, 11)
    hoop = np.stack([-np.cos(angle) * width / 2, height * np.sin(angle) ** 0.6, 0 * angle], axis=1)
    hoop[[0, -1], 1] = 0.0
    parts = [tube(hoop, rng.uniform(0.01, 0.02), frame, sections=6)]
    count = int(rng.integers(4, 9))
    for share in (np.arange(count) + 0.5) / count * 2 - 1:
        x = share * width / 2
        top = height * np.sqrt(1 - share**2) ** 0.6
        parts.append(rod((x * 0.8, 0, 0), (x, top, 0), 0.007, frame, sections=6))
    return parts, "a hoop back with spindles"


def _medallion_back(rng, width, height, frame, cloth):
    tall = height * rng.uniform(0.6, 0.85)
    middle = (0, height - tall / 2, 0)
    rim = outline_points("oval", 18) * (width / 2, tall / 2)
    ring = np.column_stack([rim, np.zeros(len(rim))]) + middle
    parts = [tube(ring, 0.018, frame, sections=6, closed=True)]
    parts.append(extrude(rim * 0.97, 0.03, middle, cloth, "xy"))
    parts += [
        box((0.03, height - tall + 0.06, 0.03), (s * width * 0.2, (height - tall) / 2, 0), frame) for s in (-1, 1)
    ]
    return parts, "an oval back"


def _cross_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height, frame)
    low = rng.uniform(0.05, 0.2) * height
    rail = rng.uniform(0.03, 0.06)
    for y in (low, height - rail / 2):
        parts.append(box((clear + bar, rail, bar * 0.8), (0, y, 0), frame))
    for s in (-1, 1):
        parts.append(beam((s * clear / 2, low, 0), (-s * clear / 2, height - rail, 0), (0.02, 0.02), frame))
    return parts, "a crossed back"


def _curved_back(rng, width, height, frame, cloth):
    start = rng.uniform(0.0, 0.5) * height
    bend, lean = rng.uniform(0.03, 0.14), rng.uniform(-0.02, 0.08)
    thick = rng.uniform(0.01, 0.04)
    colour = pick(rng, frame, cloth)
    parts = [arched_sheet(width, height - start, bend, lean, thick, colour).moved((0, start, -bend * 0.4))]
    if start > 0:
        ends = [((s * width * 0.4, 0, 0), (s * width * 0.42, start + 0.1, 0)) for s in (-1, 1)]
        parts += [rod(a, b, 0.012, frame) for a, b in ends]
    return parts, "a curved back"


def _framed_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height, frame)
    low = rng.uniform(0.05, 0.3) * height
    for y in (low, height - bar / 2):
        parts.append(box((clear, bar, bar), (0, y, 0), frame))
    tall = height - low - bar
    parts.append(rounded_box((clear, tall, bar * rng.uniform(0.6, 1.6)), (0, low + tall / 2, 0), 0.01, cloth))
    return parts, "a framed back with a panel"


def _rail_back(rng, width, height, frame, cloth):
    parts, bar, clear = _posts(rng, width, height, frame)
    rail = rng.uniform(0.06, 0.2)
    bend = rng.uniform(0.0, 0.06)
    parts.append(arched_sheet(width, rail, bend, 0.0, 0.018, frame).moved((0, height - rail, -bend * 0.6)))
    if chance(rng, 0.5):
        parts.append(box((clear, 0.03, bar * 0.8), (0, height * rng.uniform(0.2, 0.45), 0), frame))
    return parts, "an open back with a top rail"


def arms(
    rng: np.random.Generator, kind: str, width: float, depth: float, top: float, rise: float, frame: Colour, pad: Colour
) -> tuple[list[Part], str]:
    """Two arm rests of `kind` (one of ARMS), `rise` above a seat whose upper side is at `top`."""
    parts: list[Part] = []
    wide = rng.uniform(0.03, 0.08)
    for side in (-1, 1):
        x, level = side * (width / 2 + wide * 0.3), top + rise
        if kind == "posts":
            parts.append(box((wide, 0.025, depth), (x, level, 0), frame))
            parts.append(box((0.03, rise + 0.04, 0.03), (x, top + rise / 2 - 0.02, depth * 0.4), frame))
        elif kind == "loop":
            path = [
                (x, top - 0.02, depth * 0.35),
                (x, level, depth * 0.4),
                (x, level, -depth * 0.4),
                (x, top - 0.02, -depth * 0.3),
            ]
            parts.append(tube(rounded_path(path, 0.08), 0.014, frame, sections=6))
        elif kind == "tee":
            parts.append(rounded_box((wide + 0.02, 0.03, depth * 0.6), (x, level, 0), 0.012, pad))
            parts.append(box((0.03, rise, 0.06), (x, top + rise / 2, 0), frame))
            parts.append(box((wide + 0.06, 0.02, 0.06), (x - side * 0.03, top - 0.02, 0), frame))
        elif kind == "panel":
            parts.append(box((wide, rise + 0.08, depth), (x, top + rise / 2 - 0.04, 0), frame))
        elif kind == "swept":
            path = [
                (x, level + 0.08, -depth / 2),
                (x, level, -depth * 0.1),
                (x, level, depth * 0.3),
                (x, top - 0.02, depth * 0.35),
            ]
            parts.append(tube(rounded_path(path, 0.1), wide * 0.35 + 0.004, frame, sections=6))
        else:
            raise ValueError(f"unknown arms {kind!r}; use one of {ARMS}.")
    return parts, "two arm rests"


def rolled_arm(radius: float, length: float, x: float, y: float, colour: Colour, z: float = 0.0) -> Part:
    """Rolled arm: a cylinder that lies along z."""
    return cylinder(radius, length, (x, y, z), colour, axis="z", sections=14)
