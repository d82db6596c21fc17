"""Desks: a work surface with drawers, panels, shelves or a return. The user sits at +z; back panels stand at -z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .casework import drawer_block, open_case
from .desk_parts import desk_board, desk_clutter, desk_colours, desk_size, modesty_panel, storage_block, wing_supports
from .parts import (
    Shape,
    beam,
    box,
    chance,
    counted,
    cylinder,
    extrude,
    mirror_all,
    move_all,
    palette,
    pick,
    rod,
    rotate_all,
    rounded_box,
    sheet,
)
from .supports import apron, corner_legs, four_legs, leg, panel_legs, sled, trestle
from .tops import table_top
from .workstations import angled_desk, corner_desk, cubicle_desk, reception_desk, u_desk


def writing_desk(rng: np.random.Generator) -> Shape:
    """Slim desk on legs with drawers in the apron, sometimes a small gallery at the back."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(0.9, 1.6), rng.uniform(0.45, 0.75), rng.uniform(0.7, 0.8)
    parts, thick = desk_board(rng, width, depth, height, wood)
    drop, count = rng.uniform(0.08, 0.17), int(rng.integers(1, 4))
    level, wide = height - thick - drop / 2, width * 0.94 / count
    for index in range(count):
        x = wide * (index + 0.5) - width * 0.47
        parts += drawer_block(rng, (wide * 0.99, drop, depth * 0.9), (x, level, 0), wood, metal, 1)[0]
    style = pick(rng, "tapered", "turned", "cabriole", "square", "round tapered")
    legs, phrase = four_legs(width * 0.96, depth * 0.94, height - thick, wood, style, rng.uniform(0.035, 0.07))
    details = [f"{counted(count, 'drawer')} below the top", phrase]
    if chance(rng, 0.35):
        rise = rng.uniform(0.06, 0.25)
        parts.append(box((width, rise, 0.02), (0, height + rise / 2, 0.01 - depth / 2), wood))
        parts += [
            box((0.02, rise, depth * 0.4), (s * (width / 2 - 0.01), height + rise / 2, -depth * 0.3), wood)
            for s in (-1, 1)
        ]
        details.append("a raised edge at the back")
    return Shape(parts + legs + desk_clutter(rng, width, depth, height), "writing desk", details)


def plain_desk(rng: np.random.Generator) -> Shape:
    """Bare work table: a rectangular top of desk size on legs, loops or panels, at times with a modesty panel."""
    wood, metal = desk_colours(rng)
    width, depth, height = desk_size(rng)
    parts, thick = desk_board(rng, width, depth, height, wood)
    build = pick(rng, corner_legs, corner_legs, sled, panel_legs)
    legs, phrase = build(rng, width * 0.97, depth * 0.95, height - thick, pick(rng, wood, metal))
    details = ["a plain work surface", phrase]
    if chance(rng, 0.45):
        parts += modesty_panel(rng, width * 0.9, depth * 0.9, height - thick, wood)
        details.append("a panel at the back")
    return Shape(parts + legs + desk_clutter(rng, width, depth, height), "plain desk", details)


def single_pedestal_desk(rng: np.random.Generator) -> Shape:
    """Drawer block at one side, legs or a panel at the other."""
    wood, metal = desk_colours(rng)
    width, depth, height = desk_size(rng)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall, wide = height - thick, rng.uniform(0.3, 0.48)
    x = width / 2 - wide / 2 - rng.uniform(0.0, 0.04)
    block, phrase = storage_block(rng, -x, wide, depth * rng.uniform(0.8, 0.98), tall, wood, metal)
    parts += block
    if chance(rng, 0.5):
        parts.append(box((0.03, tall, depth * 0.95), (width / 2 - 0.03, tall / 2, 0), wood))
        side = "a side panel"
    else:
        style, size = pick(rng, "square", "round", "tapered"), rng.uniform(0.03, 0.06)
        for z in (-depth * 0.44, depth * 0.44):
            parts += leg(style, (width / 2 - size, tall, z), (width / 2 - size, 0, z), size, pick(rng, wood, metal))
        side = "legs at one side"
    if chance(rng, 0.6):
        parts += modesty_panel(rng, width * 0.95, depth * 0.95, tall, wood)
    if chance(rng, 0.3):
        gap = width - wide - 0.1
        parts += drawer_block(rng, (gap, 0.1, depth * 0.7), (wide / 2, tall - 0.05, depth * 0.1), wood, metal, 1)[0]
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(
        parts + desk_clutter(rng, width, depth, height),
        "desk with one drawer block",
        [phrase, side, "room for the knees"],
    )


def double_pedestal_desk(rng: np.random.Generator) -> Shape:
    """Storage blocks at both sides and often a drawer between them."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(1.2, 2.1), rng.uniform(0.55, 0.95), rng.uniform(0.7, 0.8)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall, wide = height - thick, rng.uniform(0.28, 0.46)
    deep, x = depth * rng.uniform(0.82, 0.98), width / 2 - wide / 2 - rng.uniform(0.0, 0.05)
    block, phrase = storage_block(rng, -x, wide, deep, tall, wood, metal)
    parts += block + (
        mirror_all(block) if chance(rng, 0.7) else storage_block(rng, x, wide, deep, tall, wood, metal)[0]
    )
    details = ["two storage blocks", phrase, "room for the knees"]
    if chance(rng, 0.5):
        gap = 2 * x - wide
        parts += drawer_block(
            rng, (gap * 0.98, rng.uniform(0.08, 0.15), deep * 0.9), (0, tall - 0.07, 0), wood, metal, 1
        )[0]
        details.append("a drawer in the middle")
    if chance(rng, 0.6):
        parts += modesty_panel(rng, 2 * x - wide + 0.02, deep, tall, wood)
    return Shape(parts + desk_clutter(rng, width, depth, height), "desk with two drawer blocks", details)


def executive_desk(rng: np.random.Generator) -> Shape:
    """Massive: closed front to the floor, overhanging top, plinths, moulded panels, sometimes a bowed front."""
    wood, metal = palette(rng, "wood"), palette(rng, "metal")
    width, depth, height = rng.uniform(1.5, 2.5), rng.uniform(0.75, 1.2), rng.uniform(0.72, 0.82)
    kind = pick(rng, "rectangle", "rectangle", "bow", "soft")
    parts, thick, _ = table_top(rng, kind, width, depth, height, wood, rng.uniform(0.03, 0.08))
    tall, wide = height - thick, rng.uniform(0.38, 0.6)
    over = rng.uniform(0.01, 0.07)
    deep, x = depth - 2 * over, width / 2 - over - wide / 2
    middle, count = (x, tall / 2 + 0.03, 0), int(rng.integers(2, 5))
    block = drawer_block(rng, (wide, tall - 0.06, deep), middle, wood, metal, count)[0]
    block.append(box((wide + 0.02, 0.06, deep + 0.02), (x, 0.03, 0), wood))
    parts += block + mirror_all(block)
    back = 0.015 - deep / 2 + (rng.uniform(0, 0.35) * depth if chance(rng, 0.3) else 0.0)
    parts.append(box((2 * x - wide + 0.02, tall, 0.03), (0, tall / 2, back), wood))
    panels = int(rng.integers(0, 5))
    for index in range(panels):
        step = (width - 2 * over) / panels
        place = (step * (index + 0.5) - width / 2 + over, tall * 0.52, -deep / 2 - 0.006)
        parts.append(box((step * 0.75, tall * 0.65, 0.014), place, wood))
    details = ["a closed front", "two drawer blocks", "a thick overhanging top"]
    return Shape(parts + desk_clutter(rng, width, depth, height), "executive desk", details)


def hutch_desk(rng: np.random.Generator) -> Shape:
    """Desk with shelves or cupboards standing on its rear edge."""
    base = pick(rng, single_pedestal_desk, double_pedestal_desk, panel_desk, writing_desk)(rng)
    wood, metal = base.parts[0].colour, palette(rng, "metal")
    low, high = base.parts[0].mesh.bounds
    width, depth, height = high[0] - low[0], high[2] - low[2], high[1]
    rise, deep = rng.uniform(0.3, 0.95), rng.uniform(0.2, 0.35)
    wide = width * (1.0 if chance(rng, 0.7) else rng.uniform(0.5, 0.9))
    lift = rng.uniform(0.2, 0.4) if chance(rng, 0.4) else 0.0
    z = (deep - depth) / 2
    parts = list(base.parts)
    shelves, dividers = int(rng.integers(1, 4)), int(rng.integers(0, 4))
    case = (wide, rise, deep)
    parts += open_case(rng, case, (0, height + lift + rise / 2, z), wood, shelves, dividers, chance(rng, 0.7), lift > 0)
    if lift > 0:
        parts += [box((0.03, lift, deep), (s * (wide / 2 - 0.015), height + lift / 2, z), wood) for s in (-1, 1)]
        parts += [box((wide, lift, 0.015), (0, height + lift / 2, z - deep / 2), wood)] if chance(rng, 0.5) else []
    if chance(rng, 0.4):
        door = wide / (dividers + 1)
        for s in (-1, 1):
            spot = (s * (wide - door) / 2, height + lift + rise / 2, z + 0.005)
            parts += drawer_block(rng, (door * 0.98, rise * 0.96, deep), spot, wood, metal, 1)[0]
    return Shape(
        parts,
        "desk with a hutch",
        ["shelves above the top", counted(shelves + 1, "shelf").replace("shelfs", "shelves"), *base.details],
    )


def panel_desk(rng: np.random.Generator) -> Shape:
    """Top on two side panels with a panel at the back."""
    wood, _ = desk_colours(rng)
    width, depth, height = desk_size(rng)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall = height - thick
    legs, phrase = panel_legs(rng, width, depth, tall, wood)
    clear = 2 * legs[1].mesh.bounds[0, 0]
    parts += legs + modesty_panel(rng, clear, depth * 0.7, tall, wood)
    details = [phrase, "a panel at the back"]
    if chance(rng, 0.35):
        parts.append(box((clear, 0.02, depth * 0.35), (0, tall * rng.uniform(0.6, 0.85), -depth * 0.25), wood))
        details.append("a shelf below the top")
    return Shape(parts + desk_clutter(rng, width, depth, height), "panel desk", details)


def secretary_desk(rng: np.random.Generator) -> Shape:
    """Cabinet desk: drawers below, a fold-down writing board or a roll top with pigeonholes above."""
    wood, metal = palette(rng, "wood"), palette(rng, "metal")
    width, depth = rng.uniform(0.75, 1.5), rng.uniform(0.42, 0.75)
    height, rise = rng.uniform(0.68, 0.8), rng.uniform(0.35, 0.95)
    rolled = chance(rng, 0.5)
    rise = min(rise, 0.5) if rolled else rise
    knees = chance(rng, 0.6)
    parts = [box((width, 0.03, depth), (0, height - 0.015, 0), wood)]
    if knees:
        wide = width * rng.uniform(0.24, 0.32)
        size, spot = (wide, height - 0.03, depth * 0.95), ((width - wide) / 2, (height - 0.03) / 2, 0)
        block = drawer_block(rng, size, spot, wood, metal, int(rng.integers(2, 5)))[0]
        parts += block + mirror_all(block)
        parts.append(box((width, height * 0.8, 0.02), (0, height * 0.55, 0.02 - depth / 2), wood))
    else:
        parts += drawer_block(
            rng,
            (width * 0.98, height - 0.13, depth * 0.96),
            (0, (height + 0.07) / 2, 0),
            wood,
            metal,
            int(rng.integers(2, 4)),
        )[0]
        parts += four_legs(width, depth, 0.1, wood, pick(rng, "square", "tapered"), 0.06)[0]
    if rolled:
        angle = np.linspace(0.05, np.pi / 2, 8) if chance(rng, 0.7) else np.linspace(np.pi / 4, np.pi / 2, 6)
        side = np.stack([depth * 0.92 * np.cos(angle) - depth / 2, rise * np.sin(angle)], axis=1)
        outline = np.concatenate([[(-depth / 2, 0), (depth * 0.42, 0)], side, [(-depth / 2, rise)]])
        parts += [extrude(outline, 0.025, (s * (width - 0.025) / 2, height, 0), wood, "zy") for s in (-1, 1)]
        grid = np.stack(
            [np.column_stack([np.full(len(side), s * width * 0.48), side[:, 1] + height, side[:, 0]]) for s in (-1, 1)],
            axis=1,
        )
        parts.append(sheet(grid, 0.015, wood))
        parts.append(box((width, 0.02, depth * 0.15), (0, height + rise, -depth * 0.43), wood))
        details = ["a roll top", "drawers below"]
    else:
        deep = rng.uniform(0.2, 0.35)
        z = (deep - depth) / 2
        parts += open_case(
            rng, (width, rise, deep), (0, height + rise / 2, z), wood, int(rng.integers(1, 4)), int(rng.integers(1, 5))
        )
        board = box((width * 0.9, 0.02, depth * 0.5), (0, 0, depth * 0.25), wood)
        parts.append(
            board.moved((0, height + 0.02, depth * 0.45))
            if chance(rng, 0.5)
            else board.rotated("x", -70).moved((0, height + 0.02, z + deep / 2))
        )
        details = ["a fold down writing board", "small compartments above", "drawers below"]
    parts.append(box((width * 0.97, rise, 0.02), (0, height + rise / 2, 0.01 - depth / 2), wood))
    return Shape(parts, "roll top desk" if rolled else "secretary desk", details)


def computer_desk(rng: np.random.Generator) -> Shape:
    """Keyboard tray, stand for the computer, riser or shelves above."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(0.75, 1.4), rng.uniform(0.48, 0.7), rng.uniform(0.7, 0.8)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall = height - thick
    legs, phrase = pick(rng, panel_legs, sled, corner_legs)(rng, width, depth, tall, pick(rng, wood, metal))
    parts += legs
    drop = rng.uniform(0.08, 0.14)
    side = pick(rng, -1, 1)
    tray = width * rng.uniform(0.5, 0.8)
    parts.append(
        box(
            (tray, 0.018, depth * 0.6),
            (side * (width - tray) * 0.35, tall - drop, depth * rng.uniform(0.15, 0.4)),
            wood,
        )
    )
    details = ["a keyboard tray", phrase]
    if chance(rng, 0.7):
        x = -side * (width / 2 - 0.16)
        parts.append(box((0.26, 0.02, depth * 0.85), (x, rng.uniform(0.06, 0.15), 0), wood))
        parts.append(box((0.02, tall, depth * 0.85), (x + side * 0.13, tall / 2, 0), wood))
        parts += [box((0.18, 0.42, depth * 0.7), (x, 0.36, 0), (0.12, 0.12, 0.13))] if chance(rng, 0.3) else []
        details.append("a stand for the computer")
    if chance(rng, 0.75):
        rise, deep = rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.32)
        count = 1 if rise < 0.25 else int(rng.integers(1, 4))
        z = (deep - depth) / 2
        parts += [box((width, 0.018, deep), (0, height + rise * (k + 1) / count, z), wood) for k in range(count)]
        parts += [box((0.02, rise, deep * 0.9), (s * (width / 2 - 0.01), height + rise / 2, z), wood) for s in (-1, 1)]
        details.append(f"{counted(count, 'raised shelf').replace('shelfs', 'shelves')}")
    if chance(rng, 0.6):
        parts += modesty_panel(rng, width * 0.95, depth, tall, wood)
    return Shape(parts, "computer desk", details)


def standing_desk(rng: np.random.Generator) -> Shape:
    """Adjustable desk on two T or C feet with telescopic columns and a cross beam."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(1.1, 2.0), rng.uniform(0.6, 0.9), rng.uniform(0.68, 1.15)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall, x = height - thick, width * rng.uniform(0.32, 0.44)
    z, foot = pick(rng, 0.0, 0.0, -depth * 0.28), depth * rng.uniform(0.8, 0.98)
    for s in (-1, 1):
        parts.append(box((0.07, 0.04, foot), (s * x, 0.02, 0), metal))
        parts.append(box((0.08, tall * 0.55, 0.06), (s * x, tall * 0.275, z), metal))
        parts.append(box((0.06, tall * 0.6, 0.045), (s * x, tall * 0.7, z), metal))
        parts.append(box((0.05, 0.03, depth * 0.7), (s * x, tall - 0.015, 0), metal))
    parts.append(box((2 * x, 0.05, 0.03), (0, tall - rng.uniform(0.03, 0.3) * tall, z), metal))
    details = ["two T shaped feet", "a flat top of adjustable height"]
    if chance(rng, 0.5):
        parts += modesty_panel(rng, 2 * x, depth, tall, wood)
        details.append("a panel at the back")
    if chance(rng, 0.3):
        parts += drawer_block(rng, (0.4, 0.55, depth * 0.7), (pick(rng, -1, 1) * (x - 0.28), 0.3, 0), wood, metal, 3)[0]
        details.append("a drawer unit below")
    return Shape(parts + desk_clutter(rng, width, depth, height), "standing desk", details)


def trestle_desk(rng: np.random.Generator) -> Shape:
    """Board on trestles or shelf units, with a drawer tray, pin board or small shelf to tell it from a table."""
    wood, metal = desk_colours(rng)
    width, depth, height = desk_size(rng)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall = height - thick
    if chance(rng, 0.5):
        base, phrase = trestle(rng, width, depth, tall, pick(rng, wood, metal))
        parts += base
    else:
        wide, phrase = rng.uniform(0.3, 0.5), "shelf units as legs"
        size, spot = (wide, tall, depth * 0.9), ((width - wide) / 2 * 0.96, tall / 2, 0)
        case = open_case(rng, size, spot, wood, int(rng.integers(1, 4)), with_back=chance(rng, 0.4))
        parts += case + mirror_all(case)
    details = [phrase]
    if chance(rng, 0.8):
        parts += drawer_block(
            rng,
            (rng.uniform(0.35, 0.6), 0.12, depth * 0.7),
            (rng.uniform(-0.15, 0.15) * width, tall - 0.06, 0.08),
            wood,
            metal,
            1,
        )[0]
        details.append("a drawer below the top")
    if chance(rng, 0.5):
        rise = rng.uniform(0.12, 0.5)
        parts.append(box((width, rise, 0.02), (0, height + rise / 2, 0.01 - depth / 2), wood))
        parts.append(box((width, 0.02, 0.18), (0, height + rise * 0.8, 0.1 - depth / 2), wood))
        details.append("a small shelf above the top")
    return Shape(parts + desk_clutter(rng, width, depth, height), "trestle desk", details)


def school_desk(rng: np.random.Generator) -> Shape:
    """Small pupil's desk with an open book box and often an attached seat or bench."""
    wood, metal = palette(rng, pick(rng, "wood", "plastic")), palette(rng, "metal")
    width, depth, height = rng.uniform(0.55, 1.2), rng.uniform(0.4, 0.55), rng.uniform(0.62, 0.78)
    tilt = pick(rng, 0.0, 0.0, rng.uniform(4, 12))
    top = [box((width, 0.02, depth), (0, 0.01, 0), wood)]
    if chance(rng, 0.75):
        tall = rng.uniform(0.09, 0.16)
        top += open_case(rng, (width * 0.94, tall, depth * 0.85), (0, -tall / 2, 0), wood, shelves=0)
    parts = move_all(rotate_all(top, "x", tilt), (0, height, 0))
    build = pick(rng, corner_legs, sled, panel_legs)
    legs, phrase = build(rng, width * 0.95, depth * 0.9, height - 0.02, pick(rng, wood, metal))
    parts += legs
    details = ["a box for books below the top", phrase]
    if chance(rng, 0.5):
        far, seat = depth / 2 + rng.uniform(0.25, 0.4), rng.uniform(0.38, 0.45)
        parts.append(box((width * 0.9, 0.025, 0.3), (0, seat, far), wood))
        parts.append(box((width * 0.9, rng.uniform(0.12, 0.3), 0.02), (0, seat + 0.3, far + 0.18), wood))
        for s in (-1, 1):
            x = s * width * 0.4
            parts.append(beam((x, 0.04, -depth * 0.3), (x, 0.04, far + 0.15), 0.03, metal))
            parts.append(beam((x, 0.04, far), (x, seat, far), 0.03, metal))
            parts.append(beam((x, seat, far + 0.1), (x, seat + 0.4, far + 0.18), 0.025, metal))
        details.append("an attached bench")
    return Shape(parts, "school desk", details)


def bookcase_desk(rng: np.random.Generator) -> Shape:
    """Top between a tall bookcase and a leg, block or a second bookcase; or a surface in a ladder shelf."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(1.0, 1.7), rng.uniform(0.45, 0.65), rng.uniform(0.7, 0.78)
    wide, total = rng.uniform(0.3, 0.55), rng.uniform(1.0, 2.0)
    parts, thick = desk_board(rng, width, depth, height, wood)
    tall, x = height - thick, width / 2
    deep = depth * rng.uniform(0.5, 1.0)
    case = open_case(
        rng,
        (wide, total, deep),
        (x + wide / 2, total / 2, (deep - depth) / 2),
        wood,
        int(rng.integers(2, 6)),
        with_back=chance(rng, 0.5),
    )
    parts += case
    details = ["a tall bookcase at one side"]
    other = pick(rng, "legs", "panel", "block", "bookcase")
    if other == "bookcase":
        parts += mirror_all(case)
        details = ["a bookcase at both sides"]
    else:
        parts += mirror_all(wing_supports(rng, width, depth, tall, wood, metal, other))
    if chance(rng, 0.5):
        parts.append(box((width, 0.02, 0.25), (0, height + rng.uniform(0.3, 0.7), 0.125 - depth / 2), wood))
        details.append("a shelf above the top")
    if chance(rng, 0.5):
        parts += modesty_panel(rng, width * 0.97, depth, tall, wood)
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(parts, "desk with a bookcase", details)


def return_desk(rng: np.random.Generator) -> Shape:
    """Main desk with a lower, narrower side table joined at a right angle, or a round meeting end."""
    base = pick(rng, single_pedestal_desk, double_pedestal_desk, executive_desk)(rng)
    wood, metal = base.parts[0].colour, palette(rng, "metal")
    _, (x, height, z) = base.parts[0].mesh.bounds
    if chance(rng, 0.3):
        radius = z * rng.uniform(0.8, 1.2)
        end = cylinder(radius, 0.03, (x + radius * 0.5, height - 0.015, 0), wood, sections=24)
        post = rod((x + radius * 0.7, 0, 0), (x + radius * 0.7, height, 0), 0.04, metal)
        details = ["a round end for visitors", *base.details]
        return Shape([*base.parts, end, post], "desk with a meeting end", details)
    level, wide, reach = height - pick(rng, 0.0, 0.08), rng.uniform(0.4, 0.55), rng.uniform(0.7, 1.2)
    parts = [box((wide, 0.03, reach), (x - wide / 2, level - 0.015, z + reach / 2), wood)]
    ends = wing_supports(rng, reach, wide, level - 0.03, wood, metal, pick(rng, "block", "block", "panel"))
    parts += move_all(rotate_all(ends, "y", -90), (x - wide / 2, 0, z + reach / 2))
    parts.append(box((0.02, level * 0.7, reach), (x - 0.02, level * 0.6, z + reach / 2), wood))
    parts = mirror_all(parts) if chance(rng, 0.5) else parts
    return Shape(base.parts + parts, "desk with a return", ["a side table at a right angle", *base.details])


def drafting_desk(rng: np.random.Generator) -> Shape:
    """Tilted drawing board on a stand, with a ledge."""
    wood, metal = desk_colours(rng)
    width, depth, height = rng.uniform(0.8, 1.5), rng.uniform(0.55, 0.85), rng.uniform(0.75, 1.0)
    tilt = rng.uniform(8, 40)
    board = [
        rounded_box((width, 0.03, depth), (0, 0, 0), 0.01, wood),
        box((width * 0.9, 0.03, 0.04), (0, 0.03, depth / 2 - 0.02), wood),
    ]
    parts = move_all(rotate_all(board, "x", tilt), (0, height, 0))
    legs, phrase = pick(rng, trestle, sled, corner_legs)(
        rng, width * 0.8, depth * 0.75, height - 0.04 - 0.4 * depth * np.sin(np.deg2rad(tilt)), pick(rng, wood, metal)
    )
    parts += legs
    for s in (-1, 1):
        parts.append(box((0.03, 0.35 * depth, 0.03), (s * width * 0.36, height - 0.12, -depth * 0.2), metal))
    details = ["a tilted drawing board", phrase]
    if chance(rng, 0.5):
        parts += apron(width * 0.75, depth * 0.5, height * 0.5, 0.1, wood)
        parts += drawer_block(rng, (0.35, height * 0.5, depth * 0.5), (width * 0.25, height * 0.3, 0), wood, metal, 3)[
            0
        ]
        details.append("three drawers")
    return Shape(parts, "drawing desk", details)


DESK: dict[str, Callable[[np.random.Generator], Shape]] = {
    "writing desk": writing_desk,
    "plain desk": plain_desk,
    "single pedestal desk": single_pedestal_desk,
    "double pedestal desk": double_pedestal_desk,
    "executive desk": executive_desk,
    "hutch desk": hutch_desk,
    "panel desk": panel_desk,
    "corner desk": corner_desk,
    "u desk": u_desk,
    "secretary desk": secretary_desk,
    "computer desk": computer_desk,
    "standing desk": standing_desk,
    "reception desk": reception_desk,
    "trestle desk": trestle_desk,
    "return desk": return_desk,
    "school desk": school_desk,
    "cubicle desk": cubicle_desk,
    "bookcase desk": bookcase_desk,
    "angled desk": angled_desk,
    "drafting desk": drafting_desk,
}
