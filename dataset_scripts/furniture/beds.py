"""Beds: a mattress with or without bedding on a frame. The head is at -z, the foot at +z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .bed_parts import BOARDS, bed_board, bed_pillows, bed_size, bedding, side_rails
from .casework import drawer_block, open_case
from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    cushion,
    cylinder,
    extrude,
    mirror_all,
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
from .seat_parts import slats
from .supports import four_legs, leg, short_feet


def _frame_bed(rng: np.random.Generator, family: str, heads: tuple[str, ...], feet: tuple[str, ...] | None) -> Shape:
    """Mattress on rails between a head board and, if `feet` is given, a foot board; else legs at the foot."""
    wood, cloth = palette(rng, pick(rng, "wood", "wood", "metal")), palette(rng, "fabric")
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    level = max(top - thick * rng.uniform(0.7, 1.0), 0.12)
    parts += side_rails(rng, width, length, level, wood)
    outer, kind = width + rng.uniform(0.06, 0.2), pick(rng, *heads)
    head, phrase = bed_board(rng, kind, outer, top + rng.uniform(0.2, 0.85), wood, cloth)
    parts += move_all(head, (0, 0, -length / 2 - 0.05))
    details.append(f"{phrase} at the head")
    if feet:
        same = kind in feet and chance(rng, 0.7)
        board, _ = bed_board(rng, kind if same else pick(rng, *feet), outer, top + rng.uniform(-0.1, 0.35), wood, cloth)
        parts += [part.mirrored("z").moved((0, 0, length / 2 + 0.05)) for part in board]
        details.append("a board at the foot")
    else:
        size, style = rng.uniform(0.05, 0.1), pick(rng, "square", "round", "tapered", "turned")
        for s in (-1, 1):
            x = s * (width - size) / 2
            parts += leg(style, (x, level, length / 2 - size), (x, 0, length / 2 - size), size, wood)
        parts.append(box((width, 0.1, 0.03), (0, level, length / 2 + 0.015), wood))
    return Shape(parts, family, details)


def headboard_bed(rng: np.random.Generator) -> Shape:
    """Any head board, nothing at the foot."""
    return _frame_bed(rng, "bed with a head board", BOARDS[:-1], None)


def framed_bed(rng: np.random.Generator) -> Shape:
    """Solid head and foot boards."""
    kinds = ("panel", "arched", "stepped", "framed", "upholstered")
    return _frame_bed(rng, "bed with head and foot boards", kinds, kinds)


def slatted_bed(rng: np.random.Generator) -> Shape:
    """Open head and foot boards of slats."""
    kinds = ("slats", "ladder", "framed")
    return _frame_bed(rng, "slatted wooden bed", kinds, kinds)


def metal_bed(rng: np.random.Generator) -> Shape:
    """Bars and hoops."""
    return _frame_bed(rng, "metal bed", ("hoop", "bars"), ("hoop", "bars"))


def sleigh_bed(rng: np.random.Generator) -> Shape:
    """Boards that roll outwards."""
    return _frame_bed(rng, "sleigh bed", ("rolled",), ("rolled",))


def box_bed(rng: np.random.Generator) -> Shape:
    """Divan: mattress on a box of its own size, closed to the floor or on low feet, with or without a head board."""
    cloth = palette(rng, pick(rng, "fabric", "wood"))
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    foot = rng.uniform(0.02, 0.15) if chance(rng, 0.5) else 0.0
    base = max(top - thick - foot, 0.06)
    parts.append(rounded_box((width, base, length), (0, foot + base / 2, 0), 0.02, cloth))
    if foot > 0:
        parts += short_feet(rng, width, length, foot + 0.005, palette(rng, "wood"))[0]
    details.append("a closed box below")
    if chance(rng, 0.55):
        board, phrase = bed_board(
            rng,
            pick(rng, "panel", "upholstered", "tufted", "arched"),
            width,
            top + rng.uniform(0.25, 0.8),
            cloth,
            cloth,
        )
        parts += move_all(board, (0, 0, -length / 2 - 0.04))
        details.append(f"{phrase} at the head")
    return Shape(parts, "box spring bed", details)


def platform_bed(rng: np.random.Generator) -> Shape:
    """Low wide platform with the mattress on it or let into it, often with a low or wide head board."""
    wood, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, length, _, thick = bed_size(rng)
    deck, margin = rng.uniform(0.14, 0.34), rng.uniform(0.05, 0.35)
    sink = rng.uniform(0.0, 0.5) * thick
    top = deck + thick - sink
    parts, details = bedding(rng, width, length, top, thick)
    board, wide, long = rng.uniform(0.04, 0.15), width + 2 * margin, length + margin
    parts.append(box((wide, board, long), (0, deck - board / 2, margin / 2), wood))
    style = pick(rng, "plinth", "legs", "blocks")
    tall = deck - board
    if style == "plinth" or tall < 0.04:
        parts.append(box((wide * 0.8, max(tall, 0.01), long * 0.85), (0, max(tall, 0.01) / 2, margin / 2), wood))
    elif style == "legs":
        legs = four_legs(
            wide * 0.96, long * 0.96, tall, wood, pick(rng, "square", "tapered", "round"), rng.uniform(0.05, 0.1)
        )[0]
        parts += move_all(legs, (0, 0, margin / 2))
    else:
        parts += [box((0.06, tall, long), (s * (wide / 2 - 0.1), tall / 2, margin / 2), wood) for s in (-1, 1)]
    details.append("a low platform")
    if chance(rng, 0.65):
        height = top + rng.uniform(0.15, 0.6)
        head, phrase = bed_board(
            rng, pick(rng, "panel", "upholstered", "tufted", "ladder", "framed"), wide, height, wood, cloth
        )
        lean = pick(rng, 0.0, rng.uniform(4, 14))
        parts += move_all(rotate_all(head, "x", -lean), (0, 0, -length / 2 - 0.05))
        details.append(f"{phrase} at the head")
    return Shape(parts, "platform bed", details)


def bare_mattress(rng: np.random.Generator) -> Shape:
    """Mattress on a plain low frame, on a second mattress or on slats: no boards at all."""
    wood = palette(rng, pick(rng, "wood", "metal"))
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    kind = pick(rng, "double", "legs", "slats")
    base = max(top - thick, 0.05)
    if kind == "double":
        foot = rng.uniform(0.0, 0.4) * base
        parts.append(rounded_box((width, base - foot, length), (0, (base + foot) / 2, 0), 0.03, palette(rng, "fabric")))
        if foot > 0.01:
            parts += four_legs(width * 0.95, length * 0.95, foot + 0.005, wood, "round", 0.05)[0]
    else:
        style = pick(rng, "square", "round", "tapered", "round tapered")
        board = min(rng.uniform(0.03, 0.16), 0.5 * base)
        parts += four_legs(
            width * rng.uniform(0.8, 1.0), length * 0.96, base - board, wood, style, rng.uniform(0.04, 0.09)
        )[0]
        if kind == "legs":
            parts.append(box((width * 1.01, board, length * 1.01), (0, base - board / 2, 0), wood))
        else:
            parts += move_all(
                slats(rng, width, length, board * 0.5, wood, int(rng.integers(8, 16))), (0, base - board * 0.25, 0)
            )
            parts += [
                box((0.05, board * 0.7, length), (s * width * 0.45, base - board * 0.6, 0), wood) for s in (-1, 1)
            ]
    return Shape(parts, "plain bed", [*details, "no head board"])


def poster_bed(rng: np.random.Generator) -> Shape:
    """Four tall posts, turned, round or square, with or without a frame between their tops."""
    wood, cloth = palette(rng, pick(rng, "wood", "wood", "metal")), palette(rng, "fabric")
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    parts += side_rails(rng, width, length, top - thick * 0.9, wood)
    total, size = rng.uniform(1.3, 2.2), rng.uniform(0.05, 0.11)
    x, z = width / 2 + size / 2, length / 2 + size / 2
    style = pick(rng, "square", "round", "turned", "tapered")
    for sx in (-1, 1):
        for sz in (-1, 1):
            parts += leg(style, (sx * x, 0, sz * z), (sx * x, total, sz * z), size, wood)
    if chance(rng, 0.55):
        for s in (-1, 1):
            parts.append(box((2 * x, size * 0.6, size * 0.6), (0, total, s * z), wood))
            parts.append(box((size * 0.6, size * 0.6, 2 * z), (s * x, total, 0), wood))
        details.append("a frame between the posts")
    head, phrase = bed_board(
        rng,
        pick(rng, "panel", "arched", "slats", "framed", "bars", "stepped"),
        width,
        top + rng.uniform(0.3, 0.7),
        wood,
        cloth,
    )
    parts += move_all(head, (0, 0, -z))
    if chance(rng, 0.5):
        parts.append(box((width, rng.uniform(0.1, 0.4), 0.04), (0, top - 0.05, z), wood))
    return Shape(parts, "four poster bed", ["four tall posts", f"{phrase} at the head", *details])


def canopy_bed(rng: np.random.Generator) -> Shape:
    """Four posts under a flat or domed cloth roof, often with curtains."""
    shape = poster_bed(rng)
    cloth = palette(rng, "fabric")
    low = np.min([part.mesh.bounds[0] for part in shape.parts], axis=0)
    high = np.max([part.mesh.bounds[1] for part in shape.parts], axis=0)
    width, length, total = high[0] - low[0], high[2] - low[2], high[1]
    middle = (low[2] + high[2]) / 2
    kind = pick(rng, "flat", "deep", "dome")
    parts = list(shape.parts)
    if kind == "dome":
        u, v = surface_grid(7, 7)
        rise = rng.uniform(0.1, 0.35) * (1 - np.maximum(u**2, v**2))
        grid = np.stack([u * width / 2, total + rise, middle + v * length / 2], axis=-1)
        parts.append(sheet(grid[:, ::-1], 0.02, cloth))
    else:
        thick = 0.03 if kind == "flat" else rng.uniform(0.1, 0.28)
        parts.append(box((width * 1.01, thick, length * 1.01), (0, total - thick / 2 + 0.02, middle), cloth))
    details = ["a cloth roof", "four tall posts"]
    if chance(rng, 0.6):
        for sx in (-1, 1):
            for sz in (-1, 1) if chance(rng, 0.7) else (-1,):
                curtain = rng.uniform(0.15, 0.4)
                wave = 0.02 * np.sin(np.arange(9) * np.pi / 1.5)
                z = middle + sz * (length / 2 - np.linspace(0, curtain, 9))
                grid = np.stack(
                    [np.stack([sx * width / 2 + wave, np.full(9, y), z], axis=1) for y in (0.1, total)], axis=0
                )
                parts.append(sheet(grid, 0.012, cloth))
        details.append("curtains at the posts")
    return Shape(parts, "canopy bed", details)


def bunk_bed(rng: np.random.Generator) -> Shape:
    """Two berths above each other with a ladder and guard rails; the lower one may be wider."""
    wood = palette(rng, pick(rng, "wood", "metal"))
    width, length = rng.uniform(0.75, 1.05), rng.uniform(1.85, 2.1)
    low, gap, thick = rng.uniform(0.3, 0.5), rng.uniform(0.8, 1.0), rng.uniform(0.1, 0.2)
    levels, post = (low, low + gap), rng.uniform(0.04, 0.09)
    total = low + gap + rng.uniform(0.2, 0.4)
    x, z = (width + post) / 2, (length + post) / 2
    parts: list[Part] = []
    for sx in (-1, 1):
        parts += [box((post, total, post), (sx * x, total / 2, s * z), wood) for s in (-1, 1)]
    for index, level in enumerate(levels):
        wide = width * (rng.uniform(1.2, 1.5) if index == 0 and chance(rng, 0.2) else 1.0)
        parts += move_all(bedding(rng, wide, length, level, thick)[0], ((wide - width) / 2, 0, 0))
        parts += [box((0.025, 0.12, length), (s * x, level - thick, 0), wood) for s in (-1, 1)]
        parts.append(box((width, 0.02, length), (0, level - thick - 0.02, 0), wood))
        ends = int(rng.integers(1, 4))
        for s in (-1, 1):
            parts += [box((width, 0.07, 0.025), (0, level - 0.05 + 0.14 * k, s * z), wood) for k in range(ends)]
    guard = levels[1] + rng.uniform(0.08, 0.2)
    parts += [
        box((0.02, 0.08, length * (1.0 if s < 0 else rng.uniform(0.5, 1.0))), (s * x, guard, 0), wood) for s in (-1, 1)
    ]
    details = ["two sleeping places above each other", "a guard rail"]
    if chance(rng, 0.9):
        parts += _ladder(rng, x, rng.uniform(-0.35, 0.35) * length, levels[1] + 0.1, wood)
        details.append("a ladder")
    return Shape(parts, "bunk bed", details)


def _ladder(rng: np.random.Generator, x: float, z: float, height: float, wood: Colour) -> list[Part]:
    """Ladder that leans at the side wall `x` of a bed around `z`."""
    lean, wide = rng.uniform(0.02, 0.35), rng.uniform(0.3, 0.42)
    parts = [
        beam((x + lean, 0, z + s * wide / 2), (x + 0.03, height, z + s * wide / 2), (0.03, 0.05), wood) for s in (-1, 1)
    ]
    count = int(rng.integers(3, 7))
    for share in (np.arange(count) + 0.7) / (count + 0.4):
        spot = x + lean + (0.03 - lean) * share
        parts.append(beam((spot, share * height, z - wide / 2), (spot, share * height, z + wide / 2), 0.03, wood))
    return parts


def loft_bed(rng: np.random.Generator) -> Shape:
    """One high berth on posts with a ladder; below it is free, holds a shelf or a table board."""
    wood = palette(rng, pick(rng, "wood", "metal"))
    width, length, thick = rng.uniform(0.85, 1.3), rng.uniform(1.85, 2.1), rng.uniform(0.1, 0.2)
    level, post = rng.uniform(1.0, 1.7), rng.uniform(0.05, 0.09)
    total = level + rng.uniform(0.15, 0.4)
    parts, details = bedding(rng, width, length, level, thick)
    x, z = (width + post) / 2, (length + post) / 2
    for sx in (-1, 1):
        parts += [box((post, total, post), (sx * x, total / 2, s * z), wood) for s in (-1, 1)]
        parts.append(box((0.025, 0.14, length), (sx * x, level - thick, 0), wood))
        parts.append(box((0.02, 0.07, length * (1.0 if sx < 0 else 0.7)), (sx * x, total - 0.05, 0), wood))
    for s in (-1, 1):
        parts += [box((width, 0.08, 0.025), (0, y, s * z), wood) for y in (level - thick, total - 0.05)]
    parts.append(box((width, 0.02, length), (0, level - thick - 0.02, 0), wood))
    parts += _ladder(rng, x, rng.uniform(-0.3, 0.3) * length, level + 0.1, wood)
    if chance(rng, 0.3):
        parts += open_case(
            rng,
            (width, level - thick - 0.1, 0.3),
            (0, (level - thick - 0.1) / 2, 0.15 - length / 2),
            wood,
            int(rng.integers(1, 4)),
        )
        details.append("shelves below")
    return Shape(parts, "loft bed", ["a high sleeping place", "a ladder", *details])


def day_bed(rng: np.random.Generator) -> Shape:
    """Single bed with boards on three sides, so that it serves as a sofa by day; also trundle beds."""
    wood, cloth = palette(rng, pick(rng, "wood", "metal")), palette(rng, "fabric")
    width, length, top, thick = (
        rng.uniform(0.8, 1.1),
        rng.uniform(1.85, 2.1),
        rng.uniform(0.38, 0.55),
        rng.uniform(0.12, 0.22),
    )
    parts, details = bedding(rng, width, length, top, thick)
    parts += side_rails(rng, width, length, top - thick * 0.9, wood)
    kind = pick(rng, "slats", "bars", "panel", "framed", "hoop", "arched", "upholstered")
    height = top + rng.uniform(0.25, 0.5)
    end, phrase = bed_board(rng, kind, width + 0.08, height, wood, cloth)
    parts += move_all(end, (0, 0, -length / 2 - 0.04)) + move_all(end, (0, 0, length / 2 + 0.04))
    if chance(rng, 0.75):
        side, _ = bed_board(rng, kind, length, height * rng.uniform(0.9, 1.15), wood, cloth)
        parts += move_all(rotate_all(side, "y", 90), (-width / 2 - 0.04, 0, 0))
        details.append("boards on three sides")
    else:
        details.append("two equal ends")
    if chance(rng, 0.3):
        parts.append(
            box(
                (width * 0.95, min(0.2, top - thick - 0.03), length * 0.95),
                (rng.uniform(0.0, 0.6) * width, 0.13, 0),
                wood,
            )
        )
        details.append("a second bed that rolls out below")
    return Shape(parts, "day bed", [*details, phrase])


def crib(rng: np.random.Generator) -> Shape:
    """Child's bed with bars or panels on all sides, on legs, casters or rockers."""
    wood, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, length, height = rng.uniform(0.55, 0.85), rng.uniform(1.05, 1.6), rng.uniform(0.7, 1.1)
    level, thick = rng.uniform(0.25, 0.55), rng.uniform(0.07, 0.14)
    parts = [rounded_box((width * 0.97, thick, length * 0.97), (0, level + thick / 2, 0), 0.03, cloth)]
    parts.append(box((width, 0.03, length), (0, level - 0.015, 0), wood))
    if chance(rng, 0.5):
        parts.append(
            cushion((width * 0.7, 0.08, 0.25), (0, level + thick + 0.03, -length * 0.36), palette(rng, "ceramic"))
        )
    post, x, z = rng.uniform(0.03, 0.06), width / 2, length / 2
    for sx in (-1, 1):
        parts += [box((post, height, post), (sx * x, height / 2, s * z), wood) for s in (-1, 1)]
    low, side = level - 0.05, height * rng.uniform(0.75, 1.0)
    radius, panel_ends = rng.uniform(0.006, 0.012), chance(rng, 0.5)
    count = int(rng.integers(8, 16))
    for s in (-1, 1):
        upper = side * (rng.uniform(0.7, 0.85) if s > 0 and chance(rng, 0.3) else 1.0)
        parts += [box((0.025, 0.05, length), (s * x, y, 0), wood) for y in (low, upper - 0.03)]
        parts += [
            rod((s * x, low, q), (s * x, upper - 0.03, q), radius, wood, sections=5)
            for q in np.linspace(-z, z, count + 2)[1:-1]
        ]
        if panel_ends:
            parts.append(box((width, height - low, 0.025), (0, (height + low) / 2, s * z), wood))
        else:
            parts += [box((width, 0.05, 0.025), (0, y, s * z), wood) for y in (low, height - 0.03)]
            parts += [
                rod((q, low, s * z), (q, height - 0.03, s * z), radius, wood, sections=5)
                for q in np.linspace(-x, x, count // 2 + 2)[1:-1]
            ]
    return Shape(parts, "child's bed with bars", ["bars on the sides", "a small mattress", "high sides"])


def futon_bed(rng: np.random.Generator) -> Shape:
    """Thick mattress on a low frame of slats that stick out, sometimes with a slanted back rest."""
    wood, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, length = rng.uniform(1.2, 1.9), rng.uniform(1.9, 2.1)
    level, thick = rng.uniform(0.12, 0.32), rng.uniform(0.1, 0.2)
    parts, details = bedding(rng, width, length, level + thick, thick)
    parts += move_all(
        slats(rng, width + 0.1, length + 0.1, 0.025, wood, int(rng.integers(9, 18))), (0, level - 0.013, 0)
    )
    for share in (-0.4, 0.0, 0.4):
        parts.append(box((0.06, max(level - 0.03, 0.05), length * 0.96), (share * width, level / 2 - 0.01, 0), wood))
    if chance(rng, 0.5):
        rest = [box((width + 0.1, 0.09, 0.025), (0, y, 0), wood) for y in np.linspace(0.1, rng.uniform(0.3, 0.6), 3)]
        rest += [box((0.05, 0.6, 0.03), (s * width * 0.45, 0.3, -0.02), wood) for s in (-1, 1)]
        parts += move_all(rotate_all(rest, "x", -rng.uniform(5, 22)), (0, level, -length / 2 - 0.05))
        details.append("a slanted back rest")
    if chance(rng, 0.3):
        parts.append(
            cylinder(0.09, width * 0.9, (0, level + thick + 0.08, -length * 0.42), cloth, axis="x", sections=12)
        )
    return Shape(parts, "futon bed", [*details, "a low slatted frame"])


def upholstered_bed(rng: np.random.Generator) -> Shape:
    """Padded frame and a padded head board, straight, tufted, curved or with wings."""
    cloth = palette(rng, "fabric")
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    pad, foot = rng.uniform(0.05, 0.14), rng.uniform(0.02, 0.16)
    side = min(max(top - thick * rng.uniform(0.3, 0.8), foot + 0.1), top)
    tall, level = side - foot, (side + foot) / 2
    parts += [
        rounded_box((pad, tall, length + pad), (s * (width + pad) / 2, level, pad / 2), 0.02, cloth) for s in (-1, 1)
    ]
    parts.append(rounded_box((width, tall, pad), (0, level, (length + pad) / 2), 0.02, cloth))
    parts.append(box((width, 0.03, length), (0, max(top - thick - 0.02, foot), 0), cloth))
    height, outer = top + rng.uniform(0.35, 1.0), width + 2 * pad
    kind = pick(rng, "upholstered", "tufted", "curved", "wings")
    if kind == "curved":
        x = np.linspace(-1, 1, 9)
        edge = np.stack([x * outer / 2, -0.2 * (1 - x**2)], axis=1)
        grid = np.stack(
            [np.column_stack([edge[:, 0], np.full(9, y), edge[:, 1]]) for y in (foot, height * 0.6, height)], axis=0
        )
        parts.append(sheet(grid, 0.09, cloth).moved((0, 0, -length / 2)))
    else:
        head = bed_board(rng, "tufted" if kind == "tufted" else "upholstered", outer, height, cloth, cloth)[0]
        parts += move_all(head, (0, 0, -length / 2 - 0.06))
    if kind == "wings":
        wing = rng.uniform(0.15, 0.35)
        spots = [(s * (outer / 2 - 0.03), (height + foot) / 2, wing / 2 - length / 2 - 0.05) for s in (-1, 1)]
        parts += [rounded_box((0.08, height - foot, wing), spot, 0.03, cloth) for spot in spots]
        details.append("wings at the head board")
    parts += short_feet(rng, width, length, foot + 0.01, palette(rng, "wood"))[0]
    return Shape(parts, "upholstered bed", [*details, "a padded frame", "a high padded head board"])


def storage_bed(rng: np.random.Generator) -> Shape:
    """Drawers or open compartments in the box below the mattress."""
    wood, metal, cloth = palette(rng, "wood"), palette(rng, "metal"), palette(rng, "fabric")
    width, length, _, thick = bed_size(rng)
    base = rng.uniform(0.26, 0.7)
    top = base + thick
    parts, details = bedding(rng, width, length, top, thick)
    parts.append(box((width, base, length), (0, base / 2, 0), wood))
    count, rows = int(rng.integers(2, 4)), 1 if base < 0.45 else 2
    wide = length / count
    for index in range(count):
        spot = (0, base / 2, 0)
        block, _ = drawer_block(rng, (wide * 0.96, base * 0.9, 0.06), spot, wood, metal, rows)
        turned = move_all(rotate_all(block, "y", 90), (width / 2, 0, wide * (index + 0.5) - length / 2))
        parts += turned
        if index % 2 == 0 or chance(rng, 0.5):
            parts += mirror_all(turned)
    details.append("drawers below the mattress")
    if chance(rng, 0.7):
        if chance(rng, 0.4):
            rise = rng.uniform(0.35, 0.6)
            parts += open_case(
                rng,
                (width + 0.04, top + rise, 0.26),
                (0, (top + rise) / 2, -length / 2 - 0.13),
                wood,
                int(rng.integers(1, 4)),
                int(rng.integers(0, 4)),
            )
            details.append("a head board with shelves")
        else:
            head, phrase = bed_board(
                rng,
                pick(rng, "panel", "arched", "framed", "slats"),
                width + 0.05,
                top + rng.uniform(0.3, 0.7),
                wood,
                cloth,
            )
            parts += move_all(head, (0, 0, -length / 2 - 0.05))
            details.append(f"{phrase} at the head")
    return Shape(parts, "storage bed", details)


def night_stand_bed(rng: np.random.Generator) -> Shape:
    """Bed with a small cabinet or shelf on one or both sides of the head, fixed to a wide head board or free."""
    base = pick(rng, headboard_bed, upholstered_bed, platform_bed, box_bed)(rng)
    wood, metal = palette(rng, "wood"), palette(rng, "metal")
    low = np.min([part.mesh.bounds[0] for part in base.parts], axis=0)
    high = np.max([part.mesh.bounds[1] for part in base.parts], axis=0)
    wide, tall, deep = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.45)
    gap, floating = rng.uniform(0.0, 0.12), rng.uniform(0.1, 0.25) if chance(rng, 0.3) else 0.0
    x, z = high[0] + gap + wide / 2, low[2] + deep / 2 + 0.06
    block, _ = drawer_block(rng, (wide, tall, deep), (x, floating + tall / 2, z), wood, metal)
    parts = base.parts + block
    both = chance(rng, 0.8)
    if both:
        parts += mirror_all(block)
    if chance(rng, 0.5) or floating:
        parts.append(
            box(
                (2 * (x + wide / 2) if both else high[0] - low[0], rng.uniform(0.5, 1.1), 0.05),
                (0, 0.5, low[2] + 0.02),
                wood,
            )
        )
    if chance(rng, 0.25):
        spot = np.array([x, floating + tall, z])
        lamp = [
            rod(spot, spot + (0, 0.22, 0), 0.015, metal),
            cylinder(0.1, 0.16, spot + (0, 0.3, 0), palette(rng, "ceramic")),
        ]
        parts += lamp + mirror_all(lamp) if both else lamp
    return Shape(
        parts,
        "bed with night stands",
        [*base.details, "a night stand on both sides" if both else "a night stand at one side"],
    )


def hospital_bed(rng: np.random.Generator) -> Shape:
    """Jointed mattress with a raised head, end boards, side rails, an under-frame on wheels."""
    metal, shade = palette(rng, pick(rng, "metal", "ceramic")), palette(rng, "plastic")
    width, length, level = rng.uniform(0.82, 1.0), rng.uniform(1.9, 2.15), rng.uniform(0.45, 0.75)
    thick, tip = rng.uniform(0.08, 0.16), pick(rng, 0.0, rng.uniform(15, 50))
    linen = palette(rng, "ceramic")
    joint = -length * 0.12
    flat = length / 2 - joint
    parts = [rounded_box((width, thick, flat), (0, level + thick / 2, joint + flat / 2), 0.03, linen)]
    head = [rounded_box((width, thick, length - flat), (0, thick / 2, -(length - flat) / 2), 0.03, linen)]
    head.append(cushion((width * 0.7, 0.11, 0.35), (0, thick + 0.04, -(length - flat) * 0.72), palette(rng, "ceramic")))
    parts += move_all(rotate_all(head, "x", tip), (0, level, joint))
    parts.append(box((width * 0.96, 0.06, length), (0, level - 0.04, 0), metal))
    for s in (-1, 1):
        tall = rng.uniform(0.3, 0.55)
        outline = rounded_rectangle(width, tall, 0.08)
        parts.append(extrude(outline, 0.03, (0, level + tall / 2 - 0.1, s * (length / 2 + 0.02)), shade, "xy"))
        rails = int(rng.integers(0, 3))
        for place in np.linspace(-0.22, 0.22, rails) * length:
            x, long, rise = s * (width / 2 + 0.03), length * 0.34, rng.uniform(0.22, 0.36)
            loop = [
                (x, level, place - long / 2),
                (x, level + rise, place - long / 2),
                (x, level + rise, place + long / 2),
                (x, level, place + long / 2),
            ]
            parts.append(tube(rounded_path(loop, 0.06), 0.014, metal, sections=6))
            parts += [
                rod((x, level, q), (x, level + rise, q), 0.008, metal, sections=5) for q in (place - 0.1, place + 0.1)
            ]
    z, steep = length * rng.uniform(0.3, 0.44), rng.uniform(0.5, 1.0)
    for end in (-z, z):
        for s in (-1, 1):
            parts.append(cylinder(0.06, 0.04, (s * width * 0.42, 0.06, end), metal, axis="x", sections=12))
            parts.append(
                beam(
                    (s * width * 0.42, 0.08, end),
                    (s * width * 0.36, level - 0.05, end * steep),
                    0.04,
                    metal,
                )
            )
        parts.append(box((width * 0.84, 0.04, 0.05), (0, 0.12, end), metal))
    parts += [box((0.05, 0.05, 2 * z), (s * width * 0.3, 0.16, 0), metal) for s in (-1, 1)]
    details = ["wheels below", "boards at both ends", "a raised back part" if tip else "a flat mattress"]
    return Shape(parts, "hospital bed", details)


def round_bed(rng: np.random.Generator) -> Shape:
    """Round or oval mattress on a round base, often with a curved head board."""
    cloth, linen = palette(rng, "fabric"), palette(rng, "fabric")
    radius, base, thick = rng.uniform(0.95, 1.2), rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.3)
    outline = outline_points(pick(rng, "oval", "oval", "egg"), 28)
    grow = rng.uniform(0.9, 1.15)
    parts = [extrude(outline * radius * grow, base, (0, base / 2, 0), cloth, "xz")]
    parts.append(extrude(outline * radius, thick, (0, base + thick / 2, 0), linen, "xz"))
    parts += bed_pillows(rng, 1.1 * radius, 1.7 * radius, base + thick, palette(rng, "ceramic"))[0]
    details = ["a round mattress", "pillows"]
    if chance(rng, 0.75):
        reach, rise = rng.uniform(0.6, 1.5), rng.uniform(0.2, 0.6)
        angle = np.linspace(-reach, reach, 13) - np.pi / 2
        edge = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius * 1.12
        upper = base + thick + rise * np.cos((angle + np.pi / 2) / reach * np.pi / 2 * 0.9)
        share = np.linspace(0, 1, 3)[:, None]
        grid = np.stack([edge[:, 0] + 0 * share, upper * share, edge[:, 1] + 0 * share], axis=-1)
        parts.append(sheet(grid, rng.uniform(0.05, 0.14), cloth))
        details.append("a curved head board")
    return Shape(parts, "round bed", details)


def shelf_bed(rng: np.random.Generator) -> Shape:
    """Bookcase as head board, or a bed built into a wall of cupboards and shelves."""
    wood, metal = palette(rng, "wood"), palette(rng, "metal")
    width, length, top, thick = bed_size(rng)
    parts, details = bedding(rng, width, length, top, thick)
    parts += side_rails(rng, width, length, max(top - thick * 0.9, 0.12), wood)
    foot = rng.uniform(0.0, 0.3)
    parts.append(
        box(
            (width + 0.06, max(top - thick + 0.1, 0.1) + foot * 0.5, 0.04),
            (0, (top - thick + 0.1 + foot * 0.5) / 2, length / 2 + 0.02),
            wood,
        )
    )
    deep, rise = rng.uniform(0.2, 0.4), rng.uniform(0.35, 0.7)
    z = -length / 2 - deep / 2
    if chance(rng, 0.7):
        size = (width + 0.06, top + rise, deep)
        parts += open_case(rng, size, (0, size[1] / 2, z), wood, int(rng.integers(1, 4)), int(rng.integers(0, 4)))
        return Shape(parts, "bed with a bookcase", [*details, "a head board with shelves"])
    total, wide = rng.uniform(1.6, 2.2), rng.uniform(0.4, 0.6)
    for s in (-1, 1):
        parts += drawer_block(
            rng, (wide, total, deep + 0.1), (s * (width + wide) / 2 * 1.02, total / 2, z + 0.05), wood, metal
        )[0]
    parts.append(box((width + 0.04, rng.uniform(0.3, 0.5), deep), (0, total - 0.2, z), wood))
    parts.append(box((width + 0.04, total, 0.03), (0, total / 2, z - deep / 2), wood))
    return Shape(parts, "built in bed", [*details, "cupboards beside and above the head"])


BED: dict[str, Callable[[np.random.Generator], Shape]] = {
    "headboard bed": headboard_bed,
    "framed bed": framed_bed,
    "slatted bed": slatted_bed,
    "metal bed": metal_bed,
    "sleigh bed": sleigh_bed,
    "box bed": box_bed,
    "platform bed": platform_bed,
    "bare mattress": bare_mattress,
    "poster bed": poster_bed,
    "canopy bed": canopy_bed,
    "bunk bed": bunk_bed,
    "loft bed": loft_bed,
    "day bed": day_bed,
    "crib": crib,
    "futon bed": futon_bed,
    "upholstered bed": upholstered_bed,
    "storage bed": storage_bed,
    "night stand bed": night_stand_bed,
    "hospital bed": hospital_bed,
    "round bed": round_bed,
    "shelf bed": shelf_bed,
}
