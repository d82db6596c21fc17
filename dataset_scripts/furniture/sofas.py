"""Sofas: an upholstered run of seats, several runs around corners, and cushions in a frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    counted,
    cushion,
    cylinder,
    extrude,
    mirror_all,
    move_all,
    palette,
    pick,
    rotate_all,
    rounded_box,
    rounded_path,
    sheet,
    tube,
)
from .seat_parts import arms, back, rolled_arm, slats
from .supports import corner_legs, four_legs, plinth, short_feet, sled


@dataclass(frozen=True)
class Upholstery:
    """Measures that all the runs of one sofa share; heights above the floor, `lean` in degrees."""

    depth: float
    foot: float
    top: float
    pad: float
    arm: float
    arm_top: float
    rest: float
    total: float
    soft: float
    lean: float
    arm_style: str
    loose_back: bool
    split_seat: bool
    cloth: Colour
    second: Colour


ARM_STYLES = ("box", "rolled", "sloped", "slim", "flared", "pillow")


def _upholstery(rng: np.random.Generator) -> Upholstery:
    top = rng.uniform(0.34, 0.5)
    cloth = palette(rng, "fabric")
    style = pick(rng, *ARM_STYLES, "box")
    arm = rng.uniform(0.05, 0.1) if style == "slim" else rng.uniform(0.1, 0.26)
    total = top + rng.uniform(0.22, 0.6)
    return Upholstery(
        depth=rng.uniform(0.72, 1.1),
        foot=rng.uniform(0.0, 0.06) if chance(rng, 0.4) else rng.uniform(0.06, 0.18),
        top=top,
        pad=rng.uniform(0.08, 0.2),
        arm=arm,
        arm_top=min(top + rng.uniform(0.08, 0.3), total),
        rest=rng.uniform(0.14, 0.3),
        total=total,
        soft=rng.uniform(0.008, 0.07),
        lean=rng.uniform(0, 14) if chance(rng, 0.6) else 0.0,
        arm_style=style,
        loose_back=chance(rng, 0.6),
        split_seat=chance(rng, 0.75),
        cloth=cloth,
        second=palette(rng, "fabric") if chance(rng, 0.3) else cloth,
    )


def _arm(look: Upholstery, side: int, x: float) -> list[Part]:
    """One arm whose middle is at `x`; `side` is -1 (left) or 1."""
    tall, level = look.arm_top - look.foot, (look.arm_top + look.foot) / 2
    if look.arm_style == "sloped":
        z = look.depth / 2
        front = look.top + 0.3 * (look.arm_top - look.top)
        outline = [(-z, look.foot), (z, look.foot), (z, front), (-z * 0.2, look.arm_top), (-z, look.arm_top)]
        return [extrude(outline, look.arm, (x, 0, 0), look.cloth, "zy")]
    if look.arm_style == "flared":
        lean = 5 + 50 * look.arm
        body = rounded_box((look.arm, tall, look.depth), (0, tall / 2, 0), look.soft, look.cloth)
        return [body.rotated("z", -side * lean).moved((x, look.foot, 0))]
    parts = [rounded_box((look.arm, tall, look.depth), (x, level, 0), look.soft, look.cloth)]
    if look.arm_style == "rolled":
        parts.append(
            rolled_arm(
                look.arm * 0.65, look.depth * 1.01, x + side * look.arm * 0.1, look.arm_top - look.arm * 0.2, look.cloth
            )
        )
    elif look.arm_style == "pillow":
        parts.append(cushion((look.arm * 1.2, 0.16, look.depth * 0.95), (x, look.arm_top + 0.02, 0), look.cloth, 0.3))
    return parts


def _run(
    rng: np.random.Generator,
    look: Upholstery,
    width: float,
    seats: int,
    left: bool = True,
    right: bool = True,
    rest: bool = True,
) -> list[Part]:
    """One straight run of `seats` over the whole `width` (arms included), centred on x = z = 0, without feet."""
    low, high = -width / 2 + look.arm * left, width / 2 - look.arm * right
    inner, middle = high - low, (low + high) / 2
    base = look.top - look.pad - look.foot
    parts = [box((inner, max(base, 0.03), look.depth), (middle, look.foot + base / 2, 0), look.cloth)]
    if left:
        parts += _arm(look, -1, (look.arm - width) / 2)
    if right:
        parts += _arm(look, 1, (width - look.arm) / 2)
    reach = look.depth - (look.rest * 0.7 if rest else 0.0)
    pieces = seats if look.split_seat else 1
    wide = inner / pieces
    for index in range(pieces):
        x = low + wide * (index + 0.5)
        spot = (x, look.top - look.pad / 2, (look.depth - reach) / 2)
        parts.append(rounded_box((wide * 0.985, look.pad, reach), spot, 0.35 * look.pad, look.second))
    if not rest:
        return parts
    tall = look.total - look.foot
    upright = [
        rounded_box(
            (inner, tall, look.rest * (0.6 if look.loose_back else 1.0)), (middle, tall / 2, 0), look.soft, look.cloth
        )
    ]
    if look.loose_back:
        height = (look.total - look.top) * rng.uniform(0.85, 1.15)
        for index in range(seats):
            x = low + inner / seats * (index + 0.5)
            size = (inner / seats * 0.97, height, look.rest * 0.8)
            upright.append(cushion(size, (x, look.top - look.foot + height / 2, look.rest * 0.5), look.second, 0.25))
    parts += move_all(rotate_all(upright, "x", -look.lean), (0, look.foot, look.rest / 2 - look.depth / 2))
    return parts


def _pillows(rng: np.random.Generator, width: float, top: float, z: float) -> list[Part]:
    """A few loose pillows that lean against the back."""
    parts = []
    for x in rng.uniform(-0.42, 0.42, size=int(rng.integers(1, 5))):
        side = rng.uniform(0.3, 0.46)
        pillow = cushion((side, side, 0.13), (0, side / 2, 0), palette(rng, "fabric"), 0.5)
        parts.append(pillow.rotated("x", -18).rotated("y", rng.uniform(-20, 20)).moved((x * width, top - 0.01, z)))
    return parts


def _finish(
    rng: np.random.Generator, look: Upholstery, width: float, parts: list[Part], family: str, details: list[str]
) -> Shape:
    """Feet and loose pillows for a straight sofa."""
    if look.foot > 0.015:
        builder = plinth if chance(rng, 0.25) else short_feet
        feet, phrase = builder(rng, width, look.depth, look.foot + 0.005, palette(rng, pick(rng, "wood", "metal")))
        parts = parts + feet
        details = [*details, phrase]
    if chance(rng, 0.3):
        parts = parts + _pillows(rng, width - 2 * look.arm, look.top, look.rest - look.depth / 2 + 0.1)
        details = [*details, "loose pillows"]
    return Shape(parts, family, details)


def _straight(rng: np.random.Generator, look: Upholstery, family: str, seats: int, width: float) -> Shape:
    details = [counted(seats, "seat"), f"two {look.arm_style} arms".replace("pillow arms", "cushioned arms")]
    if look.loose_back:
        details.append("loose back cushions")
    return _finish(rng, look, width, _run(rng, look, width, seats), family, details)


def box_sofa(rng: np.random.Generator) -> Shape:
    """Two to four seats between arms of any style."""
    look, seats = _upholstery(rng), int(rng.integers(2, 5))
    return _straight(
        rng,
        look,
        f"{['two', 'three', 'four'][seats - 2]} seat sofa",
        seats,
        seats * rng.uniform(0.55, 0.8) + 2 * look.arm,
    )


def love_seat(rng: np.random.Generator) -> Shape:
    """Compact sofa for two."""
    look = _upholstery(rng)
    return _straight(rng, look, "love seat", 2, rng.uniform(0.95, 1.3) + 2 * look.arm)


def wide_seat(rng: np.random.Generator) -> Shape:
    """One wide seat, built like the sofas."""
    look = _upholstery(rng)
    return _straight(rng, look, "wide single sofa", 1, rng.uniform(0.75, 1.0) + 2 * look.arm)


def long_sofa(rng: np.random.Generator) -> Shape:
    """Low, deep and very long."""
    look = replace(_upholstery(rng), top=rng.uniform(0.34, 0.42), depth=rng.uniform(0.85, 1.15))
    look = replace(look, total=look.top + rng.uniform(0.2, 0.4), arm_top=look.top + rng.uniform(0.05, 0.2))
    return _straight(rng, look, "long low sofa", int(rng.integers(3, 6)), rng.uniform(2.4, 3.4))


def chesterfield(rng: np.random.Generator) -> Shape:
    """Rolled arms as high as the rolled back."""
    look = _upholstery(rng)
    level = look.top + rng.uniform(0.18, 0.36)
    look = replace(
        look, arm_style="rolled", arm=rng.uniform(0.16, 0.26), arm_top=level, total=level, loose_back=False, lean=0.0
    )
    seats = int(rng.integers(2, 5))
    width = seats * rng.uniform(0.55, 0.75) + 2 * look.arm
    parts = _run(rng, look, width, seats)
    radius = look.arm * 0.65
    parts.append(
        cylinder(
            radius,
            width,
            (0, level - look.arm * 0.2, look.rest * 0.4 - look.depth / 2),
            look.cloth,
            axis="x",
            sections=14,
        )
    )
    return _finish(
        rng, look, width, parts, "chesterfield sofa", ["rolled arms as high as the back", counted(seats, "seat")]
    )


def camelback(rng: np.random.Generator) -> Shape:
    """Tight curved back between rolled arms on visible legs."""
    look = replace(
        _upholstery(rng),
        loose_back=False,
        lean=0.0,
        foot=rng.uniform(0.12, 0.24),
        split_seat=False,
        arm_style=pick(rng, "rolled", "sloped", "slim"),
    )
    width, humps = rng.uniform(1.4, 2.2), int(rng.integers(1, 4))
    parts = _run(rng, replace(look, total=look.top + 0.05), width, 1)
    x = np.linspace(-1, 1, 17)[::-1]
    rise = rng.uniform(0.3, 0.55)
    crown = look.top + rise * (0.65 + 0.35 * np.abs(np.sin(humps * np.pi * (x + 1) / 2)))
    edge = np.stack([x * width / 2, crown], axis=1)
    outline = np.concatenate([[(-width / 2, look.foot), (width / 2, look.foot)], edge])
    parts.append(extrude(outline, look.rest * 0.8, (0, 0, look.rest * 0.4 - look.depth / 2), look.cloth, "xy"))
    style = pick(rng, "tapered", "cabriole", "turned", "round tapered")
    legs, phrase = four_legs(width * 0.95, look.depth * 0.92, look.foot + 0.01, palette(rng, "wood"), style, 0.06)
    return Shape(parts + legs, "curved back sofa", ["a curved back", phrase, "a single seat cushion"])


def armless_sofa(rng: np.random.Generator) -> Shape:
    """Seats and back without arms."""
    look, seats = _upholstery(rng), int(rng.integers(2, 5))
    width = seats * rng.uniform(0.55, 0.75)
    parts = _run(rng, look, width, seats, False, False)
    return _finish(rng, replace(look, arm=0.0), width, parts, "sofa without arms", [counted(seats, "seat"), "no arms"])


def corner_sofa(rng: np.random.Generator) -> Shape:
    """Two runs that meet in a corner."""
    look = replace(_upholstery(rng), depth=rng.uniform(0.75, 1.0), lean=0.0)
    first, second = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    width = first * rng.uniform(0.6, 0.75) + look.depth
    reach = second * rng.uniform(0.6, 0.75) + look.arm
    parts = _run(rng, look, width, first + 1, left=False)
    wing = _run(rng, look, reach, second, left=chance(rng, 0.6), right=False)
    # The wing's back turns from -z to -x; it continues the corner seat forwards.
    wing = move_all(rotate_all(wing, "y", 90), ((look.depth - width) / 2, 0, (look.depth + reach) / 2))
    tall = look.total - look.foot
    rest = look.rest * (0.6 if look.loose_back else 1.0)
    wing.append(
        rounded_box((rest, tall, look.depth), ((rest - width) / 2, look.foot + tall / 2, 0), look.soft, look.cloth)
    )
    parts += wing + _corner_feet(rng, look, width, reach)
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(parts, "corner sofa", ["an L shape", counted(first + second + 1, "seat"), "a back on two sides"])


def _corner_feet(
    rng: np.random.Generator, look: Upholstery, width: float, reach: float, left: float = 0.0, wide: float | None = None
) -> list[Part]:
    """Feet below an L: the long run lies along x; a wing `wide` (default: the depth) goes forwards at its left end."""
    if look.foot <= 0.015:
        return []
    colour, size = palette(rng, pick(rng, "wood", "metal")), rng.uniform(0.04, 0.09)
    x, z = width / 2 - size, look.depth / 2 - size
    tip = (look.depth if wide is None else wide) - 2 * size
    spots = [(-x, -z), (x, -z), (x, z), (left - x, z + reach), (left - x + tip, z + reach)]
    return [box((size, look.foot, size), (a, look.foot / 2, b), colour) for a, b in spots]


def chaise_sofa(rng: np.random.Generator) -> Shape:
    """Straight sofa whose last seat reaches far forwards."""
    look, seats = _upholstery(rng), int(rng.integers(2, 5))
    width, reach = seats * rng.uniform(0.6, 0.8) + 2 * look.arm, rng.uniform(0.5, 0.95)
    parts = _run(rng, look, width, seats)
    wide = (width - 2 * look.arm) / seats + (look.arm if chance(rng, 0.5) else 0.0)
    x, z = look.arm - width / 2 + wide / 2, (look.depth + reach) / 2
    base = max(look.top - look.pad - look.foot, 0.03)
    parts.append(box((wide, base, reach), (x, look.foot + base / 2, z), look.cloth))
    parts.append(rounded_box((wide, look.pad, reach), (x, look.top - look.pad / 2, z), 0.35 * look.pad, look.second))
    parts += _corner_feet(rng, look, width, reach, look.arm, wide)
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(
        parts, "sofa with a chaise", ["one seat long enough for the legs", counted(seats, "seat"), "a back and arms"]
    )


def u_sofa(rng: np.random.Generator) -> Shape:
    """Three runs around a U."""
    look = replace(_upholstery(rng), depth=rng.uniform(0.75, 0.95), lean=0.0)
    seats, side = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    width, reach = seats * rng.uniform(0.6, 0.75) + 2 * look.depth, side * rng.uniform(0.6, 0.8)
    parts = _run(rng, look, width, seats + 2, False, False)
    with_back, with_arm = chance(rng, 0.7), chance(rng, 0.4)
    wing = _run(rng, look, reach, side, left=with_arm, right=False, rest=with_back)
    wing = move_all(rotate_all(wing, "y", 90), ((look.depth - width) / 2, 0, (look.depth + reach) / 2))
    if with_back:
        tall = look.total - look.foot
        rest = look.rest * (0.6 if look.loose_back else 1.0)
        wing.append(
            rounded_box((rest, tall, look.depth), ((rest - width) / 2, look.foot + tall / 2, 0), look.soft, look.cloth)
        )
    parts += wing + mirror_all(wing)
    feet = _corner_feet(rng, look, width, reach)
    return Shape(parts + feet + mirror_all(feet), "U shaped sofa", ["seats on three sides", "a U shape"])


def frame_sofa(rng: np.random.Generator) -> Shape:
    """Cushions in a cage of metal tubes or bars (grand comfort)."""
    metal, cloth = palette(rng, pick(rng, "metal", "wood")), palette(rng, "fabric")
    seats = int(rng.integers(1, 4))
    arm, radius = rng.uniform(0.1, 0.2), rng.uniform(0.012, 0.03)
    wide = rng.uniform(0.6, 0.75)
    width, depth = (wide if seats > 1 else wide * 1.4) * seats + 2 * arm, rng.uniform(0.68, 0.9)
    top, total = rng.uniform(0.38, 0.46), rng.uniform(0.6, 0.8)
    foot, pad = rng.uniform(0.1, 0.18), rng.uniform(0.12, 0.2)
    inner = width - 2 * arm
    parts: list[Part] = []
    for index in range(seats):
        x = inner / seats * (index + 0.5) - inner / 2
        size = inner / seats * 0.98
        parts.append(rounded_box((size, pad, depth - arm), (x, top - pad / 2, arm / 2), 0.04, cloth))
        parts.append(rounded_box((size, pad, depth - arm), (x, top - 1.5 * pad, arm / 2), 0.04, cloth))
        parts.append(rounded_box((size, total - foot, arm), (x, (total + foot) / 2, (arm - depth) / 2), 0.04, cloth))
    level = min(total, top + rng.uniform(0.12, 0.24))
    x, z = width / 2 + radius, depth / 2 + radius
    for s in (-1, 1):
        parts.append(
            rounded_box((arm, level - foot, depth), (s * (width - arm) / 2, (level + foot) / 2, 0), 0.04, cloth)
        )
        for end in (-z, z):
            parts.append(beam((s * x, 0, end), (s * x, level, end), 2 * radius, metal))
        parts.append(beam((s * x, level, -z), (s * x, level, z), 2 * radius, metal))
    for height in (foot, level):
        parts.append(beam((-x, height, -z), (x, height, -z), 2 * radius, metal))
    parts.append(beam((-x, foot, z), (x, foot, z), 2 * radius, metal))
    return Shape(parts, "sofa in a metal frame", ["thick cushions", "an outer frame of bars", counted(seats, "seat")])


def futon_sofa(rng: np.random.Generator) -> Shape:
    """Folded mattress on a slatted frame; it opens into a bed."""
    wood, cloth = palette(rng, pick(rng, "wood", "metal")), palette(rng, "fabric")
    width, depth, top = rng.uniform(1.5, 2.2), rng.uniform(0.7, 0.95), rng.uniform(0.32, 0.42)
    pad, height, lean = rng.uniform(0.1, 0.2), rng.uniform(0.45, 0.65), rng.uniform(10, 28)
    parts = move_all(slats(rng, width, depth, 0.02, wood, int(rng.integers(6, 12)), "z"), (0, top - pad, 0))
    parts.append(rounded_box((width, pad, depth), (0, top - pad / 2, 0), 0.4 * pad, cloth))
    rest = [rounded_box((width, height, pad), (0, height / 2, pad / 2), 0.4 * pad, cloth)]
    rest += [
        piece.rotated("x", 90) for piece in move_all(slats(rng, width, height, 0.02, wood, 9, "z"), (0, 0, -height / 2))
    ]
    parts += move_all(rotate_all(rest, "x", -lean), (0, top - pad * 0.5, -depth / 2))
    level, bar = top + rng.uniform(0.05, 0.25), rng.uniform(0.04, 0.08)
    kind = pick(rng, "arms", "legs", "plank")
    for s in (-1, 1):
        x = s * (width + bar) / 2
        if kind == "plank":
            parts.append(box((bar, level, depth), (x, level / 2, 0), wood))
        elif kind == "arms":
            parts.append(box((bar * 1.6, 0.03, depth + 0.05), (x, level, 0), wood))
            parts += [box((bar, level, bar), (x, level / 2, z), wood) for z in (-depth * 0.42, depth * 0.42)]
            parts.append(box((bar * 0.6, 0.05, depth), (x, top - pad - 0.03, 0), wood))
    phrase = "wooden arms"
    if kind == "legs":
        legs, phrase = corner_legs(rng, width * 0.95, depth * 0.9, top - pad, wood)
        parts += legs
    return Shape(parts, "futon sofa", ["a folded mattress", "a slatted frame", phrase])


def chaise_longue(rng: np.random.Generator) -> Shape:
    """Daybed sofa: a long seat with one raised, curved or rolled end, sometimes a partial back."""
    wood, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, depth = rng.uniform(1.4, 2.0), rng.uniform(0.6, 0.85)
    foot, top, pad = rng.uniform(0.08, 0.28), rng.uniform(0.36, 0.48), rng.uniform(0.08, 0.16)
    parts = [rounded_box((width, top - foot, depth), (0, (top + foot) / 2, 0), 0.4 * pad, cloth)]
    rise, lean = rng.uniform(0.2, 0.5), rng.uniform(5, 35)
    ends = (-1, 1) if chance(rng, 0.3) else (-1,)
    for s in ends:
        head = [rounded_box((pad * 1.2, rise + 0.1, depth), (0, rise / 2, 0), 0.04, cloth)]
        if chance(rng, 0.5):
            head.append(cylinder(pad * 0.8, depth, (s * pad * 0.3, rise, 0), cloth, axis="z", sections=14))
        parts += move_all(rotate_all(head, "z", -s * lean), (s * (width / 2 - pad * 0.4), top - 0.05, 0))
    details = ["a long seat to lie on", "a raised end" if len(ends) == 1 else "two raised ends"]
    if chance(rng, 0.6):
        share = rng.uniform(0.4, 1.0)
        x = np.linspace(0, 1, 7)
        low = rise * rng.uniform(0.2, 0.9)
        crest = np.stack([x * share * width - width / 2, top + rise - (rise - low) * x**1.5], axis=1)
        outline = np.concatenate([[(share * width - width / 2, foot), (-width / 2, foot)], crest])
        parts.append(extrude(outline, 0.1, (0, 0, 0.05 - depth / 2), cloth, "xy"))
        details.append("a back on one side")
    if chance(rng, 0.4):
        parts.append(cylinder(0.1, depth * 0.9, (-width / 2 + 0.25, top + 0.09, 0), cloth, axis="z", sections=12))
    legs, phrase = four_legs(
        width * 0.92,
        depth * 0.9,
        foot + 0.03,
        wood,
        pick(rng, "turned", "tapered", "cabriole", "square", "round tapered"),
        0.06,
    )
    parts = mirror_all(parts + legs) if chance(rng, 0.5) else parts + legs
    return Shape(parts, "chaise longue", [*details, phrase])


def curved_sofa(rng: np.random.Generator) -> Shape:
    """Seat and back along an arc, open to the front."""
    cloth, wood = palette(rng, "fabric"), palette(rng, "wood")
    radius, depth = rng.uniform(1.0, 2.4), rng.uniform(0.55, 0.85)
    reach = rng.uniform(0.7, 1.7) / radius * 1.1
    foot, top, total = rng.uniform(0.0, 0.16), rng.uniform(0.36, 0.46), rng.uniform(0.62, 0.95)
    rest = rng.uniform(0.12, 0.22)
    angle = np.linspace(-reach, reach, 15) - np.pi / 2

    def ring(inner: float, outer: float) -> np.ndarray:
        """(30, 2) outline of an arc's band around (0, radius), in (x, z)."""
        arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.concatenate([arc * outer, arc[::-1] * inner]) + (0, radius)

    parts = [extrude(ring(radius - depth, radius), top - foot, (0, (top + foot) / 2, 0), cloth, "xz")]
    start = foot if chance(rng, 0.7) else top
    parts.append(extrude(ring(radius - rest, radius + 0.02), total - start, (0, (total + start) / 2, 0), cloth, "xz"))
    for index in (1, 7, 13):
        for distance in (radius - 0.08, radius - depth + 0.08):
            spot = np.array([np.cos(angle[index]) * distance, foot / 2, np.sin(angle[index]) * distance + radius])
            parts += [cylinder(0.03, foot, spot, wood, sections=8)] if foot > 0.02 else []
    return Shape(parts, "curved sofa", ["a seat along an arc", "a curved back"])


def modular_sofa(rng: np.random.Generator) -> Shape:
    """Separate square units side by side with gaps; some have backs or arms, one may be a stool or a table."""
    look = replace(_upholstery(rng), lean=0.0, split_seat=False, arm_style="box")
    count, size = int(rng.integers(2, 5)), rng.uniform(0.7, 0.95)
    look = replace(look, depth=size)
    parts: list[Part] = []
    for index in range(count):
        x = (index - (count - 1) / 2) * (size + 0.015)
        left, right = index == 0 and chance(rng, 0.6), index == count - 1 and chance(rng, 0.6)
        bare = index in (0, count - 1) and count > 2 and chance(rng, 0.25)
        unit = _run(rng, look, size, 1, left and not bare, right and not bare, rest=not bare)
        parts += move_all(unit, (x, 0, 0))
        if look.foot > 0.015:
            feet = four_legs(size * 0.9, size * 0.9, look.foot + 0.005, (0.1, 0.1, 0.1), "square", 0.04)[0]
            parts += move_all(feet, (x, 0, 0))
    if chance(rng, 0.4):
        stool = _run(rng, look, size, 1, False, False, rest=False)
        parts += move_all(stool, (pick(rng, -1, 1) * (count - 1) / 2 * size, 0, size * rng.uniform(1.02, 1.2)))
    return Shape(parts, "modular sofa", [counted(count, "separate unit"), "thick square cushions"])


def wooden_sofa(rng: np.random.Generator) -> Shape:
    """Open wooden or metal bench frame with cushions: settee, garden sofa, waiting bench."""
    wood, cloth = palette(rng, pick(rng, "wood", "wood", "metal")), palette(rng, "fabric")
    seats = int(rng.integers(2, 5))
    width, depth, top = seats * rng.uniform(0.5, 0.7), rng.uniform(0.55, 0.8), rng.uniform(0.38, 0.46)
    pad = rng.uniform(0.04, 0.14)
    board = rng.uniform(0.03, 0.08)
    parts = [box((width, board, depth), (0, top - pad - board / 2, 0), wood)]
    pieces = seats if chance(rng, 0.7) else 1
    height, lean = rng.uniform(0.35, 0.55), rng.uniform(4, 20)
    rest, phrase = back(
        rng,
        pick(rng, "slats", "ladder", "spindles", "solid", "framed"),
        width,
        height,
        wood,
        cloth,
        lean,
        (0, top - pad, 0.02 - depth / 2),
    )
    loose = []
    for index in range(pieces):
        x = width / pieces * (index + 0.5) - width / 2
        parts.append(
            rounded_box((width / pieces * 0.98, pad, depth * 0.97), (x, top - pad / 2, 0.01), 0.35 * pad, cloth)
        )
        if pieces == seats or chance(rng, 0.5):
            loose.append(
                rounded_box((width / pieces * 0.96, height * 0.9, 0.09), (x, height * 0.45 + pad, 0.08), 0.04, cloth)
            )
    parts += rest + move_all(rotate_all(loose, "x", -lean), (0, top - pad, 0.02 - depth / 2))
    parts += arms(
        rng,
        pick(rng, "posts", "panel", "posts", "loop"),
        width,
        depth,
        top - pad,
        pad + rng.uniform(0.12, 0.22),
        wood,
        cloth,
    )[0]
    build = sled if chance(rng, 0.2) else corner_legs
    legs, leg_phrase = build(rng, width * 0.98, depth * 0.95, top - pad - board, wood)
    return Shape(parts + legs, "wooden frame sofa", ["an open frame", "flat cushions", phrase, leg_phrase])


def sofa_with_ottoman(rng: np.random.Generator) -> Shape:
    """Straight sofa with a matching foot stool in front."""
    shape = pick(rng, box_sofa, love_seat, long_sofa)(rng)
    cloth = shape.parts[0].colour
    depth = max(part.mesh.bounds[1][2] for part in shape.parts)
    width, long, top = rng.uniform(0.5, 1.0), rng.uniform(0.45, 0.7), rng.uniform(0.34, 0.44)
    spot = (rng.uniform(-0.5, 0.5), top / 2 + 0.03, depth + long / 2 + rng.uniform(0.02, 0.25))
    stool = rounded_box((width, top - 0.06, long), spot, 0.05, cloth)
    feet = move_all(short_feet(rng, width, long, 0.07, palette(rng, "wood"))[0], (spot[0], 0, spot[2]))
    return Shape([*shape.parts, stool, *feet], "sofa with a foot stool", [*shape.details, "a foot stool in front"])


def shell_sofa(rng: np.random.Generator) -> Shape:
    """Designer sofa: one bent sheet or thick slab as back and arms around low cushions, on thin legs or a sled."""
    cloth, metal = palette(rng, "fabric"), palette(rng, pick(rng, "metal", "wood"))
    width, depth, top = rng.uniform(1.4, 2.4), rng.uniform(0.7, 0.95), rng.uniform(0.36, 0.44)
    foot, total, thick = rng.uniform(0.1, 0.22), rng.uniform(0.6, 0.95), rng.uniform(0.03, 0.1)
    x, z = width / 2, depth / 2
    corner = rng.uniform(0.1, 0.4)
    path = rounded_path([(-x, z), (-x, -z), (x, -z), (x, z)], corner, segments=5)
    share = np.linspace(0, 1, 4)[:, None]
    front = rng.uniform(0.4, 1.0)
    rise = foot + (total - foot) * (front + (1 - front) * np.clip((z - path[:, 1]) / depth, 0, 1))
    flare = 1 + rng.uniform(0, 0.12) * share
    y = foot + (rise - foot) * share
    grid = np.stack([path[:, 0] * flare, y, path[:, 1] * flare], axis=-1)
    parts = [
        sheet(grid, thick, cloth),
        rounded_box((width * 0.97, top - foot, depth * 0.95), (0, (top + foot) / 2, 0), 0.05, cloth),
    ]
    legs, phrase = pick(rng, corner_legs, sled)(rng, width * 0.85, depth * 0.8, foot + 0.02, metal)
    return Shape(parts + legs, "shell sofa", ["a back that bends into the arms", "a single seat cushion", phrase])


def high_back_sofa(rng: np.random.Generator) -> Shape:
    """Sofa with a tall back and high sides, as in lobbies, or a settle with wings."""
    look = _upholstery(rng)
    total = rng.uniform(1.0, 1.4)
    look = replace(
        look,
        total=total,
        arm_top=total * rng.uniform(0.6, 1.0),
        arm_style=pick(rng, "box", "slim"),
        loose_back=chance(rng, 0.3),
        lean=0.0,
    )
    seats = int(rng.integers(2, 4))
    return _straight(rng, look, "high back sofa", seats, seats * rng.uniform(0.55, 0.75) + 2 * look.arm)


def tube_sofa(rng: np.random.Generator) -> Shape:
    """Low lounge sofa: cushions between two bent tube or bar sides."""
    metal, cloth = palette(rng, "metal"), palette(rng, "fabric")
    width, depth, top = rng.uniform(1.2, 2.3), rng.uniform(0.68, 0.9), rng.uniform(0.36, 0.44)
    pad, height, lean = rng.uniform(0.08, 0.18), rng.uniform(0.35, 0.5), rng.uniform(6, 22)
    parts = [rounded_box((width, pad, depth), (0, top - pad / 2, 0), 0.3 * pad, cloth)]
    rest = rounded_box((width, height, pad), (0, height / 2, pad / 2), 0.3 * pad, cloth)
    parts.append(rest.rotated("x", -lean).moved((0, top - pad * 0.4, -depth / 2)))
    level, z, radius = top + rng.uniform(0.08, 0.24), depth / 2, rng.uniform(0.012, 0.025)
    corner = rng.uniform(0.04, 0.2)
    for s in (-1, 1):
        x = s * (width / 2 + radius)
        loop = [(x, radius, -z), (x, radius, z), (x, level, z), (x, level, -z)]
        parts.append(tube(rounded_path(loop, corner, closed=True), radius, metal, closed=True))
    parts += [beam((-width / 2, top - pad, z_), (width / 2, top - pad, z_), 0.03, metal) for z_ in (-z * 0.7, z * 0.7)]
    return Shape(parts, "tube frame sofa", ["two bent metal sides", "a long seat cushion", "a reclining back"])


SOFA: dict[str, Callable[[np.random.Generator], Shape]] = {
    "box sofa": box_sofa,
    "love seat": love_seat,
    "wide seat": wide_seat,
    "long sofa": long_sofa,
    "chesterfield": chesterfield,
    "camelback": camelback,
    "armless sofa": armless_sofa,
    "corner sofa": corner_sofa,
    "chaise sofa": chaise_sofa,
    "u sofa": u_sofa,
    "frame sofa": frame_sofa,
    "futon sofa": futon_sofa,
    "chaise longue": chaise_longue,
    "curved sofa": curved_sofa,
    "modular sofa": modular_sofa,
    "wooden sofa": wooden_sofa,
    "sofa with ottoman": sofa_with_ottoman,
    "shell sofa": shell_sofa,
    "high back sofa": high_back_sofa,
    "tube sofa": tube_sofa,
}
