"""Bathtubs: a shell or a block with a cavity, on the floor, on feet, in a deck or in a case.

The long side is x and the free long side faces +z.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .parts import (
    Shape,
    box,
    chance,
    counted,
    cushion,
    cylinder,
    frustum,
    palette,
    pick,
    rotate_all,
    rounded_box,
    rounded_path,
    tube,
)
from .tub_parts import (
    BASIN_WORDS,
    cavity_levels,
    centred,
    lifted,
    prism,
    tub_block,
    tub_extras,
    tub_feet,
    tub_shell,
    tub_sizes,
)
from .vessels import faucet, sanitary_colour, scaled_spans, skin, varied, vessel_outline


def built_in_tub(rng: np.random.Generator) -> Shape:
    """Rectangular box with an apron and a cavity."""
    length, width, height = tub_sizes(rng)
    colour, margin = sanitary_colour(rng), rng.uniform(0.04, 0.12)
    inner = pick(rng, "oval", "rounded", "rounded", "rectangle", "sharp", "end", "taper")
    margins = (margin, margin * rng.uniform(1, 2), margin * rng.uniform(0.7, 1.3), margin * rng.uniform(0.7, 1.3))
    outer = pick(rng, "sharp", "sharp", "rectangle")
    body, floor = tub_block(
        rng,
        outer,
        inner,
        (length, height, width),
        margins,
        height * rng.uniform(0.5, 0.93),
        colour,
        rng.uniform(0.92, 1.0),
    )
    parts, details = tub_extras(rng, length, width, height, floor, margin)
    details = ["a flat apron", BASIN_WORDS[inner], *details]
    if chance(rng, 0.2):
        parts.append(rounded_box((length * 0.8, height * 0.6, 0.03), (0, height * 0.5, width / 2), 0.01, colour))
        details.append("a raised panel in front")
    if chance(rng, 0.15):
        tall = rng.uniform(0.05, 0.15)
        parts.append(box((length, tall, 0.03), (0, height + tall / 2 - 0.002, -width / 2 + 0.015), colour))
        details.append("a raised back edge")
    return varied(rng, Shape([body, *parts], "built-in bathtub", details), 0.1)


def freestanding_tub(rng: np.random.Generator) -> Shape:
    """Curved walls down to the floor."""
    length, width, height = tub_sizes(rng)
    name = pick(rng, "oval", "oval", "oval", "rounded", "taper", "end", "waist")
    body, rim, floor, phrase = tub_shell(rng, name, (length, height, width), 0.0, sanitary_colour(rng), (0.6, 0.98))
    parts, details = tub_extras(rng, length, width, height, floor, rim, 0.35)
    return varied(rng, Shape([body, *parts], "free-standing bathtub", [phrase, "curved walls", *details]), 0.12)


def clawfoot_tub(rng: np.random.Generator) -> Shape:
    """Curved shell with a rolled rim on four feet."""
    length, width, height = tub_sizes(rng)
    name, tall = pick(rng, "oval", "oval", "end", "rounded"), rng.uniform(0.07, 0.2)
    size = (length, height + 0.08, width)
    colour = sanitary_colour(rng)
    body, rim, floor, phrase = tub_shell(rng, name, size, tall, colour, (0.6, 0.85), rng.uniform(0.02, 0.05))
    feet, foot_phrase = tub_feet(rng, length * 0.42, width * 0.38, tall)
    parts = [body, *feet]
    path = vessel_outline(name)[::-1] * ((length - rim) / 2, (width - rim) / 2)
    bead = rng.uniform(0.6, 1.0) * rim
    parts.append(
        tube(np.stack([path[:, 0], np.full(len(path), height + 0.08), path[:, 1]], axis=1), bead, body.colour, 6, True)
    )
    extras, details = tub_extras(rng, length, width, height + 0.08, floor, rim, 0.4)
    return varied(rng, Shape(parts + extras, "clawfoot bathtub", [foot_phrase, phrase, "a rolled rim", *details]), 0.12)


def _slipper(rng: np.random.Generator, ends: tuple[float, float], family: str, words: str) -> Shape:
    """Tub whose ends rise by `ends`, on the floor, a plinth or feet."""
    length, width, height = tub_sizes(rng)
    name, stand = pick(rng, "oval", "oval", "rounded", "end"), pick(rng, "floor", "plinth", "feet", "feet")
    base = 0.0 if stand == "floor" else rng.uniform(0.06, 0.18)
    top = base + height * rng.uniform(0.8, 1.0)
    narrow = (0.7, 0.95) if stand != "feet" else (0.6, 0.85)
    body, rim, floor, phrase = tub_shell(rng, name, (length, top, width), base, sanitary_colour(rng), narrow)
    parts = [lifted(body, top, length, ends, rng.uniform(1.4, 3.0))]
    details = [words, phrase]
    if stand == "plinth":
        wide = rng.uniform(0.6, 0.8)
        base_name = pick(rng, name, "sharp")
        foot = [
            centred(base_name, length, width, wide, wide, 0.0),
            centred(base_name, length, width, wide * 0.9, wide * 0.9, base * 1.05),
        ]
        parts.append(skin(foot, body.colour if chance(rng, 0.6) else palette(rng, "any")))
        details.append("a plinth")
    elif stand == "feet":
        feet, foot_phrase = tub_feet(rng, length * 0.42, width * 0.38, base)
        parts += feet
        details.append(foot_phrase)
    if chance(rng, 0.35):
        tap, tap_phrase = faucet(rng, (0, top - 0.01, -width / 2 + rim / 2), -90)
        parts += tap
        details.append(tap_phrase)
    if chance(rng, 0.3):
        parts.append(cylinder(0.03, 0.01, (0, floor + 0.004, 0), palette(rng, "metal")))
        details.append("a drain")
    return varied(rng, Shape(parts, family, details), 0.1)


def slipper_tub(rng: np.random.Generator) -> Shape:
    """One end rises to lean against."""
    rise = rng.uniform(0.12, 0.38)
    ends = (rise, rise * rng.uniform(0, 0.25))
    return _slipper(rng, ends if chance(rng, 0.5) else ends[::-1], "slipper bathtub", "one high end")


def double_slipper_tub(rng: np.random.Generator) -> Shape:
    """Both ends rise, the sides dip."""
    rise = rng.uniform(0.08, 0.3)
    return _slipper(rng, (rise, rise), "double slipper bathtub", "two high ends")


def pedestal_tub(rng: np.random.Generator) -> Shape:
    """Shell on a plinth, a drum, rails or a cradle."""
    length, width, height = tub_sizes(rng)
    base = rng.uniform(0.06, 0.2)
    name = pick(rng, "oval", "oval", "rounded", "end", "rectangle")
    top = height + base * 0.5
    body, rim, floor, phrase = tub_shell(rng, name, (length, top, width), base, sanitary_colour(rng), (0.55, 0.85))
    colour = body.colour if chance(rng, 0.4) else palette(rng, pick(rng, "wood", "metal", "ceramic"))
    kind = pick(rng, "plinth", "plinth", "slab", "rails", "blocks")
    parts, reach = [body], base + 0.02
    if kind == "plinth":
        wide = rng.uniform(0.45, 0.8)
        foot = [
            centred(name, length, width, wide * 1.08, wide * 1.08, 0),
            centred(name, length, width, wide, wide, base * 0.3),
            centred(name, length, width, wide * 0.9, wide * 0.85, reach),
        ]
        parts.append(skin(foot, colour))
    elif kind == "slab":
        parts.append(
            box(
                (length * rng.uniform(0.7, 1.15), base * 1.02, width * rng.uniform(0.7, 1.15)),
                (0, base * 0.51, 0),
                colour,
            )
        )
    elif kind == "rails":
        for s in (-1, 1):
            parts.append(box((0.06, reach, width * 0.7), (s * length * 0.26, reach / 2, 0), colour))
    else:
        for s in (-1, 1):
            parts.append(box((length * 0.12, reach, width * 0.5), (s * length * 0.25, reach / 2, 0), colour))
    words = {"plinth": "a plinth", "slab": "a base slab", "rails": "two cross bars below", "blocks": "two blocks below"}
    extras, details = tub_extras(rng, length, width, top, floor, rim, 0.4)
    return varied(rng, Shape(parts + extras, "pedestal bathtub", [words[kind], phrase, *details]), 0.12)


def drop_in_tub(rng: np.random.Generator) -> Shape:
    """Only the thin shell with a flat rim around it, as it is before it is let into a frame."""
    length, width, height = tub_sizes(rng)
    colour, margin, thin = sanitary_colour(rng), rng.uniform(0.05, 0.14), rng.uniform(0.008, 0.02)
    inner = pick(rng, "oval", "rounded", "rectangle", "end", "taper")
    outer = pick(rng, "sharp", "rectangle", inner)
    spans = (-length / 2 + margin, length / 2 - margin, -width / 2 + margin, width / 2 - margin)
    cavity = cavity_levels(rng, inner, spans, height, thin)
    outside = [(n, x0 - thin, x1 + thin, z0 - thin, z1 + thin, y - thin) for n, x0, x1, z0, z1, y in cavity[::-1]]
    drop = thin if chance(rng, 0.6) else rng.uniform(0.03, 0.1)
    edge = [
        centred(outer, length - 2 * thin, width - 2 * thin, 1, 1, height - thin),
        centred(outer, length, width, 1, 1, height - drop),
    ]
    body = skin([*outside, *edge, centred(outer, length, width, 1, 1, height), *cavity], colour)
    extras, details = tub_extras(rng, length, width, height, thin, margin, 0.3, standing=False)
    return varied(
        rng,
        Shape([body, *extras], "drop-in bathtub", ["a thin shell", "a flat rim", BASIN_WORDS[inner], *details]),
        0.12,
    )


def deck_tub(rng: np.random.Generator) -> Shape:
    """Wide deck with a smaller basin, often with steps."""
    length, height = rng.uniform(1.5, 2.5), rng.uniform(0.35, 0.65)
    width = length * rng.uniform(0.45, 0.9)
    colour = sanitary_colour(rng)
    inner = pick(rng, "oval", "oval", "oval", "rounded", "rectangle", "octagon", "hexagon", "waist")
    left, right, back, front = (rng.uniform(0.08, 0.24) * side for side in (length, length, width, width))
    outer = pick(rng, "sharp", "sharp", "rectangle", "octagon")
    body, _ = tub_block(
        rng, outer, inner, (length, height, width), (left, right, back, front), height * rng.uniform(0.5, 0.92), colour
    )
    parts, details = [body], ["a wide deck", BASIN_WORDS[inner]]
    if chance(rng, 0.35):
        spans = (-length / 2 + left, length / 2 - right, -width / 2 + back, width / 2 - front)
        thick, lip = rng.uniform(0.02, 0.05), rng.uniform(0.04, 0.08)
        over = (spans[0] - lip, spans[1] + lip, spans[2] - lip, spans[3] + lip)
        ring = [
            (inner, *over, height - 0.01),
            (inner, *over, height + thick),
            (inner, *spans, height + thick),
            (inner, *spans, height - 0.01),
        ]
        parts.append(skin(ring, colour, closed=True))
        details.append("a raised rim around the basin")
    if chance(rng, 0.4):
        count, deep = int(rng.integers(1, 4)), rng.uniform(0.15, 0.3)
        wide = length * rng.uniform(0.35, 1.0)
        for step in range(count):
            tall, reach = height * (count - step) / (count + 1), deep * (step + 1)
            parts.append(box((wide, tall, reach), (0, tall / 2, width / 2 + reach / 2), colour))
        details.append(counted(count, "step"))
    if chance(rng, 0.5):
        tap, phrase = faucet(rng, (length / 2 - right / 2, height - 0.005, 0), 180)
        parts += tap
        details.append(phrase)
    return varied(rng, Shape(parts, "deck bathtub", details), 0.1)


def corner_tub(rng: np.random.Generator) -> Shape:
    """Two straight sides along the walls, a round or cut front."""
    side, height = rng.uniform(1.1, 1.7), rng.uniform(0.4, 0.7)
    colour, margin = sanitary_colour(rng), rng.uniform(0.07, 0.18)
    outer = pick(rng, "quarter", "quarter", "cut 1", "cut 2", "cut 2")
    inner = pick(rng, outer, outer, "oval")
    width = side * (1.0 if chance(rng, 0.6) else rng.uniform(0.65, 0.95))
    margins = (margin,) * 4
    if inner == "oval":
        far = {"quarter": 0.22, "cut 2": 0.26, "cut 1": 0.1}[outer] + rng.uniform(0.0, 0.14)
        margins = (margin, side * far, margin, width * far)
    slopes = (rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.15))
    body, floor = tub_block(
        rng,
        outer,
        inner,
        (side, height, width),
        margins,
        height * rng.uniform(0.5, 0.9),
        colour,
        rng.uniform(0.9, 1.0),
        slopes,
    )
    parts, details = [body], ["a corner shape", BASIN_WORDS[inner]]
    if chance(rng, 0.4):
        seat = height * rng.uniform(0.35, 0.6)
        reach = side * rng.uniform(0.35, 0.5)
        block = np.array([(0, 0), (reach, 0), (0, reach)])
        middle = block - (side / 2 - margin * 0.8, width / 2 - margin * 0.8)
        parts.append(prism(middle, floor, max(seat, floor + 0.05), colour))
        details.append("a corner seat inside")
    if chance(rng, 0.5):
        spot = (-side / 2 + margin * 0.6, height - 0.005, -width / 2 + margin * 0.6)
        tap, phrase = faucet(rng, spot, -45)
        parts += tap
        details.append(phrase)
    parts = rotate_all(parts, "y", float(pick(rng, 0, -45, -45, 90)))
    return varied(rng, Shape(parts, "corner bathtub", details), 0.1)


def hot_tub(rng: np.random.Generator) -> Shape:
    """Round, eight-sided or square, deep, with a bench around."""
    across, height = rng.uniform(1.2, 2.3), rng.uniform(0.5, 1.0)
    name = pick(rng, "oval", "oval", "oval", "octagon", "hexagon", "rounded")
    colour, rim = palette(rng, pick(rng, "wood", "ceramic", "plastic")), rng.uniform(0.04, 0.2)
    lining = colour if chance(rng, 0.5) else sanitary_colour(rng)
    deep = across * (1.0 if chance(rng, 0.7) else rng.uniform(0.7, 0.95))
    flare = rng.uniform(0.82, 1.04)
    bottom = rng.uniform(0.05, 0.2)
    spans = (-across / 2 + rim, across / 2 - rim, -deep / 2 + rim, deep / 2 - rim)
    levels = [centred(name, across, deep, flare, flare, 0), centred(name, across, deep, 1, 1, height)]
    details = [BASIN_WORDS[name] if name != "oval" else "a round basin"]
    cavity = [(name, *spans, height)]
    if chance(rng, 0.55):
        level, bench = height * rng.uniform(0.4, 0.65), rng.uniform(0.2, 0.3) * min(across, deep) * 0.7
        low = (spans[0] + bench, spans[1] - bench, spans[2] + bench, spans[3] - bench)
        cavity += [(name, *spans, level), (name, *low, level), (name, *low, height * bottom)]
        details.append("a bench around inside")
    else:
        cavity.append((name, *scaled_spans(spans, 0.95), height * bottom))
    parts = [skin(levels + cavity, lining)]
    if chance(rng, 0.35):
        around = scaled_spans((-across / 2, across / 2, -deep / 2, deep / 2), 1.01)
        for share in (0.25, 0.75):
            inner, start = scaled_spans(around, flare + (1 - flare) * share), height * share - 0.02
            outer, end = scaled_spans(inner, 1.02), start + 0.04
            hoop = [(name, *inner, start), (name, *outer, start), (name, *outer, end), (name, *inner, end)]
            parts.append(skin(hoop, palette(rng, "metal"), closed=True))
        details.append("two hoops")
    if chance(rng, 0.35):
        count, wide = int(rng.integers(1, 4)), across * rng.uniform(0.3, 0.5)
        for step in range(count):
            tall, reach = height * (count - step) / (count + 1), 0.22 * (step + 1)
            parts.append(box((wide, tall, reach + 0.1), (0, tall / 2, deep / 2 + reach / 2 - 0.05), colour))
        details.append(counted(count, "step"))
    return varied(rng, Shape(parts, "hot tub", details), 0.08)


def whirlpool_tub(rng: np.random.Generator) -> Shape:
    """Wide tub with seats, head rests and jets inside."""
    length, width, height = rng.uniform(1.5, 2.0), rng.uniform(0.85, 1.5), rng.uniform(0.45, 0.7)
    colour, margin = sanitary_colour(rng), rng.uniform(0.07, 0.16)
    inner, outer = pick(rng, "rounded", "rounded", "rectangle", "oval"), pick(rng, "sharp", "rectangle", "rounded")
    body, floor = tub_block(
        rng,
        outer,
        inner,
        (length, height, width),
        (margin,) * 4,
        height * rng.uniform(0.6, 0.9),
        colour,
        slopes=(0.06, 0.06),
    )
    parts, details = [body], [BASIN_WORDS[inner]]
    room, clear = length - 2 * margin, width - 2 * margin
    shrink = 0.62 if inner == "oval" else 0.85
    ends = (-1, 1) if chance(rng, 0.5) else (pick(rng, -1, 1),)
    for s in ends:
        reach, tall = room * rng.uniform(0.18, 0.32), (height - floor) * rng.uniform(0.3, 0.6)
        parts.append(
            rounded_box(
                (reach, tall, clear * shrink), (s * (room * 0.46 - reach / 2), floor + tall / 2 - 0.01, 0), 0.05, colour
            )
        )
        parts.append(cushion((0.1, 0.12, clear * 0.4), (s * (room / 2), height * 0.97, 0), palette(rng, "any"), 0.5))
    details += ["seats inside", "head rests"] if len(ends) == 2 else ["a seat inside", "a head rest"]
    if chance(rng, 0.5):
        metal = palette(rng, "metal")
        for x in np.linspace(-0.28, 0.28, int(rng.integers(2, 5))) * length:
            for s in (-1, 1):
                parts.append(
                    cylinder(0.03, 0.05, (x, floor + (height - floor) * 0.5, s * clear * 0.47), metal, "z", 10)
                )
        details.append("jets on both sides")
    if chance(rng, 0.5):
        tap, phrase = faucet(rng, (rng.uniform(-0.2, 0.2) * length, height - 0.005, -width / 2 + margin / 2), -90)
        parts += tap
        details.append(phrase)
    return varied(rng, Shape(parts, "whirlpool bathtub", details), 0.1)


def walk_in_tub(rng: np.random.Generator) -> Shape:
    """Short and high with a door and a seat."""
    length, width, height = rng.uniform(0.95, 1.4), rng.uniform(0.65, 0.85), rng.uniform(0.8, 1.05)
    colour, margin = sanitary_colour(rng), rng.uniform(0.05, 0.09)
    body, floor = tub_block(
        rng,
        "sharp",
        pick(rng, "rounded", "rectangle"),
        (length, height, width),
        (margin,) * 4,
        height * 0.88,
        colour,
        slopes=(0.02, 0.02),
    )
    seat = length * rng.uniform(0.3, 0.42)
    tall = height * rng.uniform(0.38, 0.5)
    parts = [
        body,
        box(
            (seat, tall - floor, width - 2.4 * margin), (-length / 2 + margin + seat / 2, (tall + floor) / 2, 0), colour
        ),
    ]
    wide = length * rng.uniform(0.35, 0.5)
    parts.append(
        rounded_box((wide, height * 0.75, 0.03), (length * 0.18, height * 0.52, width / 2), 0.012, sanitary_colour(rng))
    )
    parts.append(
        box((0.03, 0.12, 0.06), (length * 0.18 - wide * 0.4, height * 0.6, width / 2 + 0.03), palette(rng, "metal"))
    )
    tap, phrase = faucet(rng, (length / 2 - margin / 2, height - 0.005, 0), 180)
    return varied(
        rng, Shape(parts + tap, "walk-in bathtub", ["a door in front", "a seat inside", phrase, "high walls"]), 0.08
    )


def soaking_tub(rng: np.random.Generator) -> Shape:
    """Short and deep, square or round, of boards or one block."""
    length, height = rng.uniform(0.8, 1.4), rng.uniform(0.55, 0.85)
    width = length * rng.uniform(0.55, 1.0)
    name = pick(rng, "sharp", "sharp", "rectangle", "oval", "octagon")
    colour, rim = palette(rng, pick(rng, "wood", "wood", "ceramic", "metal")), rng.uniform(0.025, 0.07)
    body, floor = tub_block(
        rng,
        name,
        name,
        (length, height, width),
        (rim,) * 4,
        height * rng.uniform(0.75, 0.93),
        colour,
        rng.uniform(0.85, 1.0),
        (0.03, 0.03),
    )
    parts, details = [body], ["deep walls", BASIN_WORDS[name]]
    if name == "sharp" and chance(rng, 0.5):
        parts.append(box((length * 1.06, 0.04, rim * 1.8), (0, height, width / 2 - rim / 2), colour))
        parts.append(box((length * 1.06, 0.04, rim * 1.8), (0, height, -width / 2 + rim / 2), colour))
        details.append("two long rim boards")
    if name in ("sharp", "rectangle") and chance(rng, 0.5):
        tall = height * rng.uniform(0.35, 0.55)
        parts.append(box((length * 0.28, 0.05, (width - 2 * rim) * 0.95), (-length * 0.3, tall, 0), colour))
        details.append("a seat board inside")
    extras, more = tub_extras(rng, length, width, height, floor, rim, 0.3)
    return varied(rng, Shape(parts + extras, "soaking tub", details + more), 0.12)


def stone_tub(rng: np.random.Generator) -> Shape:
    """Modern block with thick or thin walls, straight or tapered."""
    length, width, height = tub_sizes(rng)
    outer = pick(rng, "sharp", "rectangle", "rounded", "oval", "hexagon", "taper")
    inner = pick(rng, outer, outer, "oval", "rounded" if outer in ("sharp", "rectangle") else "oval")
    wall = rng.uniform(0.02 if inner == outer else 0.13, 0.2)
    base = rng.uniform(0.68, 1.12)
    body, floor = tub_block(
        rng,
        outer,
        inner,
        (length, height, width),
        (wall,) * 4,
        height * rng.uniform(0.45, 0.9),
        sanitary_colour(rng),
        base,
    )
    extras, details = tub_extras(rng, length, width, height, floor, wall, 0.25)
    wide = "thick walls" if wall > 0.1 else "thin walls"
    return varied(rng, Shape([body, *extras], "block bathtub", [wide, BASIN_WORDS[inner], *details]), 0.15)


def shower_tub(rng: np.random.Generator) -> Shape:
    """Built-in tub with walls, a screen, a curtain rail or a shower pipe above it."""
    length, width, height = tub_sizes(rng)
    colour, margin = sanitary_colour(rng), rng.uniform(0.05, 0.1)
    inner = pick(rng, "rounded", "oval", "rectangle", "end")
    body, _ = tub_block(
        rng, "sharp", inner, (length, height, width), (margin,) * 4, height * rng.uniform(0.6, 0.92), colour
    )
    parts, details = [body], [BASIN_WORDS[inner]]
    top = rng.uniform(0.9, 2.0)
    if chance(rng, 0.5):
        thick = rng.uniform(0.015, 0.04)
        parts.append(box((length, top - height, thick), (0, (top + height) / 2, -width / 2 + thick / 2), colour))
        for s in (-1, 1) if chance(rng, 0.5) else (1,):
            parts.append(box((thick, top - height, width), (s * (length - thick) / 2, (top + height) / 2, 0), colour))
        details.append("walls around it")
    elif chance(rng, 0.5):
        wide = length * rng.uniform(0.35, 0.6)
        parts.append(
            box(
                (wide, top - height, 0.015),
                (length / 2 - wide / 2, (top + height) / 2, width / 2 - margin / 2),
                palette(rng, "metal"),
            )
        )
        details.append("a screen")
    else:
        metal, x = palette(rng, "metal"), length / 2 - margin / 2
        path = rounded_path([(x, height - 0.01, 0), (x, top, 0), (x - 0.3, top, 0)], 0.1)
        parts += [tube(path, 0.013, metal), frustum(0.09, 0.02, 0.05, (x - 0.3, top - 0.02, 0), metal, 12)]
        details.append("a shower pipe")
    tap, phrase = faucet(rng, (length / 2 - margin / 2, height - 0.005, width * 0.12), 180)
    return varied(rng, Shape(parts + tap, "bathtub with a shower", [*details, phrase]), 0.08)


def cased_tub(rng: np.random.Generator) -> Shape:
    """Shell in a wooden case or between two end walls."""
    length, width, height = tub_sizes(rng)
    colour, wood = sanitary_colour(rng), palette(rng, pick(rng, "wood", "wood", "ceramic", "metal"))
    inner, margin = pick(rng, "oval", "rounded", "end", "rectangle"), rng.uniform(0.05, 0.12)
    body, floor = tub_block(
        rng, "sharp", inner, (length, height, width), (margin,) * 4, height * rng.uniform(0.55, 0.9), colour, 1.0
    )
    parts, kind = [body], pick(rng, "frame", "boards", "ends")
    if kind == "frame":
        thick, over = rng.uniform(0.03, 0.07), rng.uniform(0.02, 0.07)
        outer = (-length / 2 - over, length / 2 + over, -width / 2 - over, width / 2 + over)
        hole = scaled_spans((-length / 2, length / 2, -width / 2, width / 2), 0.94)
        parts.append(
            skin(
                [
                    ("sharp", *outer, height - thick),
                    ("sharp", *outer, height + 0.01),
                    ("sharp", *hole, height + 0.01),
                    ("sharp", *hole, height - thick),
                ],
                wood,
                closed=True,
            )
        )
        parts.append(box((length + 2 * over, 0.08, width + 2 * over), (0, 0.04, 0), wood))
    elif kind == "boards":
        count = int(rng.integers(4, 12))
        for x in (np.arange(count) + 0.5) / count * length - length / 2:
            parts.append(box((length / count * 0.85, height * 0.9, 0.025), (x, height * 0.46, width / 2 + 0.01), wood))
    else:
        tall, thick = height * rng.uniform(1.0, 1.5), rng.uniform(0.04, 0.2)
        for s in (-1, 1):
            parts.append(box((thick, tall, width), (s * (length + thick) / 2, tall / 2, 0), wood))
    words = {"frame": "a frame around the rim", "boards": "upright boards in front", "ends": "two end walls"}
    extras, details = tub_extras(rng, length, width, height + 0.01, floor, margin, 0.4)
    return varied(rng, Shape(parts + extras, "cased bathtub", [words[kind], BASIN_WORDS[inner], *details]), 0.1)


BATHTUB: dict[str, Callable[[np.random.Generator], Shape]] = {
    "built-in bathtub": built_in_tub,
    "free-standing bathtub": freestanding_tub,
    "clawfoot bathtub": clawfoot_tub,
    "slipper bathtub": slipper_tub,
    "double slipper bathtub": double_slipper_tub,
    "pedestal bathtub": pedestal_tub,
    "drop-in bathtub": drop_in_tub,
    "deck bathtub": deck_tub,
    "corner bathtub": corner_tub,
    "hot tub": hot_tub,
    "whirlpool bathtub": whirlpool_tub,
    "walk-in bathtub": walk_in_tub,
    "soaking tub": soaking_tub,
    "block bathtub": stone_tub,
    "bathtub with a shower": shower_tub,
    "cased bathtub": cased_tub,
}
