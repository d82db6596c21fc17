"""Chairs: one seat, a back, something to stand on. Each family draws its own proportions and details."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .easy_chairs import (
    club_chair,
    deck_chair,
    egg_chair,
    lounge_chair,
    rocking_chair,
    sling_chair,
    throne,
    tub_chair,
    wing_chair,
)
from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    cushion,
    extrude,
    move_all,
    outline_points,
    palette,
    pick,
    rod,
    rotate_all,
    rounded_box,
    rounded_path,
    sheet,
    surface_grid,
    tube,
)
from .seat_parts import ARMS, BACKS, SEATS, arms, back, frame_colour, seat, slats
from .supports import corner_legs, four_legs, pedestal, sled, star_base, stretchers


def _assemble(
    rng: np.random.Generator,
    family: str,
    backs: tuple[str, ...] = BACKS,
    seats: tuple[str, ...] = SEATS,
    with_arms: float = 0.0,
    tall: tuple[float, float] = (0.35, 0.65),
) -> Shape:
    """Four-legged chair of separate seat, back and legs."""
    frame, cloth = frame_colour(rng), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.36, 0.58), rng.uniform(0.36, 0.55), rng.uniform(0.4, 0.52)
    parts, thick, seat_phrase = seat(rng, pick(rng, *seats), width, depth, top, frame, cloth)
    legs, leg_phrase = corner_legs(rng, width * 0.94, depth * 0.94, top - thick * 0.8, frame)
    height, lean = rng.uniform(*tall), rng.uniform(0, 16)
    rest, back_phrase = back(
        rng,
        pick(rng, *backs),
        width * rng.uniform(0.85, 1.02),
        height,
        frame,
        cloth,
        lean,
        (0, top - 0.02, 0.03 - depth / 2),
    )
    details = [back_phrase, seat_phrase, leg_phrase]
    if chance(rng, with_arms):
        added, phrase = arms(rng, pick(rng, *ARMS), width, depth, top, rng.uniform(0.16, 0.28), frame, cloth)
        rest += added
        details.append(phrase)
    return Shape(parts + legs + rest, family, details)


def dining_chair(rng: np.random.Generator) -> Shape:
    """Any back on any seat on four legs, no arms."""
    return _assemble(rng, "dining chair")


def carver_chair(rng: np.random.Generator) -> Shape:
    """Dining chair with arm rests."""
    return _assemble(rng, "dining chair with arms", with_arms=1.0)


def slatted_chair(rng: np.random.Generator) -> Shape:
    """Ladder, slat, spindle or hoop back of wood."""
    backs = ("ladder", "spindles", "slats", "hoop")
    return _assemble(rng, "slatted chair", backs, ("board", "dished", "slats", "round", "trapezoid"), 0.2, (0.42, 0.75))


def solid_chair(rng: np.random.Generator) -> Shape:
    """Parsons chair: upholstered or solid back that continues the seat, plain legs."""
    return _assemble(
        rng, "upholstered dining chair", ("solid", "padded", "framed"), ("upholstered", "padded", "board"), 0.15
    )


def office_chair(rng: np.random.Generator) -> Shape:
    """Swivel chair on a star base, task to executive size."""
    frame, cloth = palette(rng, pick(rng, "metal", "plastic")), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.42, 0.58), rng.uniform(0.4, 0.56), rng.uniform(0.4, 0.58)
    pad = rng.uniform(0.05, 0.13)
    if chance(rng, 0.5):
        parts = [rounded_box((width, pad, depth), (0, top - pad / 2, 0), 0.45 * pad, cloth)]
    else:
        parts = [cushion((width, pad, depth), (0, top - pad / 2, 0), cloth, rng.uniform(0.1, 0.4))]
    base, phrase = star_base(rng, rng.uniform(0.25, 0.36), top - pad, frame, pick(rng, 5, 5, 5, 4))
    parts += [*base, box((0.2, 0.03, 0.2), (0, top - pad - 0.015, 0), frame)]
    high = chance(rng, 0.45)
    tall = rng.uniform(0.6, 0.85) if high else rng.uniform(0.32, 0.55)
    gap = 0.0 if chance(rng, 0.4) else rng.uniform(0.05, 0.18)
    wide, thick, lean = width * rng.uniform(0.8, 1.02), rng.uniform(0.03, 0.12), rng.uniform(2, 16)
    rest: list[Part] = []
    if chance(rng, 0.4):
        rest.append(arched_back(rng, wide, tall, thick * 0.5, cloth).moved((0, gap, 0)))
    else:
        rest.append(rounded_box((wide, tall, thick), (0, gap + tall / 2, 0), 0.4 * thick, cloth))
    if high and chance(rng, 0.4):
        rest.append(rounded_box((wide * 0.6, 0.14, thick), (0, gap + tall + 0.1, 0.01), 0.03, cloth))
        rest.append(box((0.06, 0.12, 0.02), (0, gap + tall, 0), frame))
    rest.append(
        box((rng.uniform(0.05, 0.1), gap + tall * 0.5, 0.02), (0, (gap + tall * 0.5) / 2 - 0.03, -thick / 2), frame)
    )
    back_z = 0.02 - depth / 2
    parts += move_all(rotate_all(rest, "x", -lean), (0, top - pad * 0.5, back_z))
    parts.append(box((0.06, 0.02, depth / 2), (0, top - pad - 0.01, back_z / 2), frame))
    details = [phrase, "a high back" if high else "a low back", "a padded seat"]
    if chance(rng, 0.6):
        added, words = arms(
            rng, pick(rng, "tee", "loop", "tee", "swept"), width, depth, top, rng.uniform(0.15, 0.25), frame, cloth
        )
        parts += added
        details.append(words)
    return Shape(parts, "swivel office chair", details)


def arched_back(rng: np.random.Generator, width: float, height: float, thickness: float, colour: Colour) -> Part:
    """Curved shell with an S-shaped side view, y from 0 to `height`."""
    u, v = surface_grid(7, 7, v=(0, 1))
    narrow = 1 - rng.uniform(0, 0.35) * v**2
    depth = rng.uniform(0.02, 0.08) * u**2 + 0.03 * np.sin(v * np.pi * 1.5)
    return sheet(np.stack([u * narrow * width / 2, v * height, depth], axis=-1), max(thickness, 0.012), colour)


def cantilever_chair(rng: np.random.Generator) -> Shape:
    """One bent tube: floor loop, front uprights, seat and back without rear legs."""
    frame, cloth = palette(rng, "metal"), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.42, 0.56), rng.uniform(0.42, 0.55), rng.uniform(0.4, 0.48)
    height, lean = rng.uniform(0.35, 0.55), rng.uniform(0.03, 0.16)
    radius, x, z = rng.uniform(0.01, 0.018), width / 2, depth / 2
    side = [(radius, -z), (radius, z), (top, z - 0.02), (top - 0.02, -z + 0.02), (top + height, -z - lean)]
    left = [(-x, y, depth_) for y, depth_ in side]
    right = [(x, y, depth_) for y, depth_ in side]
    parts = [tube(rounded_path(left[::-1] + right, 0.07), radius, frame)]
    pad = rng.uniform(0.02, 0.07)
    parts.append(rounded_box((width * 0.98, pad, depth * 0.92), (0, top, 0), 0.3 * pad, cloth))
    tall = height * rng.uniform(0.4, 0.85)
    rest = rounded_box((width * 0.98, tall, pad * 0.8), (0, 0, 0), 0.3 * pad, cloth)
    tip = np.rad2deg(np.arctan2(lean, height))
    middle = 1 - tall / (2 * height)
    parts.append(rest.rotated("x", -tip).moved((0, top + height * middle, -z - lean * middle)))
    details = ["a bent metal tube frame", "no rear legs", "an upholstered seat"]
    if chance(rng, 0.45):
        rise = rng.uniform(0.17, 0.25)
        for s in (-x, x):
            path = [(s, top, z - 0.02), (s, top + rise, z - 0.06), (s, top + rise, -z - lean * 0.5)]
            parts.append(tube(rounded_path(path, 0.06), radius, frame, sections=6))
        details.append("two arm rests")
    return Shape(parts, "cantilever chair", details)


def folding_chair(rng: np.random.Generator) -> Shape:
    """Crossing legs, seen from the side, whose rear pair runs up into the back."""
    frame = palette(rng, pick(rng, "metal", "wood", "plastic"))
    cloth = palette(rng, pick(rng, "fabric", "wood"))
    width, depth, top = rng.uniform(0.38, 0.5), rng.uniform(0.36, 0.48), rng.uniform(0.4, 0.48)
    height, bar = rng.uniform(0.3, 0.45), rng.uniform(0.015, 0.035)
    x, z, lean = width / 2, depth / 2, rng.uniform(0.02, 0.12)
    parts: list[Part] = []
    for s in (-1, 1):
        # The long bar leads from the front foot through the seat's rear edge up to the back.
        parts.append(beam((s * x, 0, z), (s * x, top, -z * 0.7), bar, frame))
        parts.append(beam((s * x, top, -z * 0.7), (s * x, top + height, -z * 0.7 - lean), bar, frame))
        parts.append(beam((s * (x - bar), 0, -z), (s * (x - bar), top, z * 0.8), bar, frame))
    for level, place in ((0.1, -z * 0.78), (0.1, z * 0.78)):
        parts.append(beam((-x, level, place), (x, level, place), bar * 0.7, frame))
    if chance(rng, 0.5):
        parts.append(box((width, rng.uniform(0.015, 0.04), depth), (0, top, 0), cloth))
    else:
        parts += move_all(slats(rng, width, depth, 0.014, cloth, int(rng.integers(4, 8))), (0, top, 0))
    count, tall = int(rng.integers(1, 4)), height * 0.7
    for index in range(count):
        level = height - tall / count * (index + 0.5)
        board = box((width, tall / count * 0.75, 0.015), (0, top + level, -z * 0.7 - lean * level / height), cloth)
        parts.append(board)
    return Shape(parts, "folding chair", ["crossed legs", "a flat seat", "a folding frame"])


def shell_chair(rng: np.random.Generator) -> Shape:
    """Moulded one-piece shell on dowel, wire, pedestal, sled or star base."""
    colour, metal = palette(rng, pick(rng, "plastic", "wood", "fabric")), palette(rng, pick(rng, "metal", "wood"))
    width, depth, top = rng.uniform(0.42, 0.62), rng.uniform(0.4, 0.55), rng.uniform(0.36, 0.46)
    height, arm = rng.uniform(0.3, 0.55), rng.uniform(0.0, 0.2) if chance(rng, 0.6) else 0.0
    u, v = surface_grid(10, 9, v=(0, 1))
    # Along v the section goes from the front edge over the seat up the back.
    run = np.clip(v / 0.5, 0, 1)
    rise = np.clip((v - 0.42) / 0.58, 0, 1)
    z = depth * (0.5 - run * 0.92) - rise**2 * rng.uniform(0.06, 0.2)
    y = height * rise**1.2 - 0.03 * np.clip(0.2 - v, 0, 1) / 0.2 + 0.02
    lift = np.abs(u) ** 3 * (0.04 + arm * np.exp(-(((v - 0.5) / 0.22) ** 2)))
    x = u * width / 2 * (1 - 0.25 * rise**2 + 0.05 * np.sin(np.pi * v))
    z = z + 0.12 * rise * np.abs(u) ** 2.5
    parts = [sheet(np.stack([x, top + y + lift, z], axis=-1), rng.uniform(0.01, 0.03), colour)]
    kind = pick(rng, "legs", "legs", "pedestal", "star", "sled")
    if kind == "pedestal":
        base, phrase = pedestal(rng, rng.uniform(0.2, 0.3), top, metal, pick(rng, "trumpet", "disc", "feet"))
    elif kind == "star":
        base, phrase = star_base(rng, rng.uniform(0.24, 0.32), top, metal)
    elif kind == "sled":
        base, phrase = sled(rng, width * 0.7, depth * 0.9, top, metal)
    else:
        style = pick(rng, "round", "round tapered", "hairpin")
        base, phrase = four_legs(width * 0.55, depth * 0.6, top, metal, style, 0.035, rng.uniform(0.1, 0.3))
    return Shape(parts + base, "moulded shell chair", ["a moulded seat and back in one piece", phrase])


def bar_chair(rng: np.random.Generator) -> Shape:
    """High stool with a back and a foot rest."""
    frame, cloth = frame_colour(rng), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.34, 0.46), rng.uniform(0.33, 0.44), rng.uniform(0.58, 0.82)
    parts, thick, seat_phrase = seat(rng, pick(rng, *SEATS), width, depth, top, frame, cloth)
    details = ["a high seat", seat_phrase]
    if chance(rng, 0.6):
        style, bar = pick(rng, "square", "round", "tapered"), rng.uniform(0.025, 0.045)
        splay = rng.uniform(0, 0.1)
        legs, phrase = four_legs(width * 0.9, depth * 0.9, top - thick * 0.8, frame, style, bar, splay)
        level = rng.uniform(0.18, 0.3)
        spread = 2 * splay * (top - level)
        legs += stretchers(width * 0.9 + spread, depth * 0.9 + spread, level, bar, frame, "box")
    else:
        legs, phrase = pedestal(
            rng, rng.uniform(0.18, 0.26), top - thick * 0.8, frame, pick(rng, "disc", "trumpet", "feet", "plate")
        )
    rest, back_phrase = back(
        rng,
        pick(rng, *BACKS),
        width,
        rng.uniform(0.2, 0.5),
        frame,
        cloth,
        rng.uniform(0, 12),
        (0, top - 0.02, 0.03 - depth / 2),
    )
    return Shape(parts + legs + rest, "bar chair", [*details, back_phrase, phrase])


def monobloc_chair(rng: np.random.Generator) -> Shape:
    """Stackable plastic chair in one piece: curved back that runs into the arms, splayed sheet legs."""
    colour = palette(rng, pick(rng, "plastic", "ceramic"))
    width, depth, top = rng.uniform(0.46, 0.6), rng.uniform(0.42, 0.52), rng.uniform(0.38, 0.45)
    parts, thick, _ = seat(rng, "dished", width * 0.9, depth, top, colour, colour)
    height, arm = rng.uniform(0.35, 0.5), rng.uniform(0.18, 0.25)
    # One band around back and sides; it is high behind and low at the arms.
    reach = rng.uniform(1.65, 2.1)
    angle = np.linspace(-np.pi / 2 - reach, -np.pi / 2 + reach, 13)
    weight = np.clip(np.cos((angle + np.pi / 2) / reach * np.pi / 2), 0, 1) ** 0.7
    open_sides = chance(rng, 0.5)
    upper = arm + (height - arm) * weight
    share = np.linspace(0.75 if open_sides else 0.1, 1, 4)[:, None]
    low = share if open_sides else share * np.ones_like(weight)
    spread = 1 + 0.12 * low
    grid = np.stack(
        [np.cos(angle) * width / 2 * spread, top + low * upper, np.sin(angle) * depth / 2 * spread], axis=-1
    )
    parts.append(sheet(grid, 0.012, colour))
    if open_sides:
        for x in np.linspace(-0.5, 0.5, int(rng.integers(3, 6))) * width * 0.7:
            z = -np.sqrt(max(1 - (2 * x / width) ** 2, 0)) * depth / 2
            parts.append(beam((x, top, z), (x, top + height * 0.8, z * 1.09), (width * 0.1, 0.012), colour))
        x, z = np.sin(reach) * width / 2, -np.cos(reach) * depth / 2
        for s in (-1, 1):
            parts.append(beam((s * x, top - 0.02, z), (s * x * 1.1, top + arm * 0.9, z * 1.1), (0.03, 0.05), colour))
    legs, _ = four_legs(
        width * 0.9,
        depth * 0.92,
        top - thick * 0.5,
        colour,
        pick(rng, "tapered", "square", "blade"),
        0.045,
        rng.uniform(0.03, 0.1),
    )
    return Shape(parts + legs, "plastic garden chair", ["a curved back that becomes the arms", "four splayed legs"])


def tablet_chair(rng: np.random.Generator) -> Shape:
    """School chair with a small writing board at one arm."""
    metal, board = palette(rng, "metal"), palette(rng, pick(rng, "wood", "plastic"))
    width, depth, top = rng.uniform(0.38, 0.48), rng.uniform(0.38, 0.46), rng.uniform(0.4, 0.47)
    parts, thick, _ = seat(rng, pick(rng, "dished", "board", "rounded", "upholstered"), width, depth, top, board, board)
    rest, back_phrase = back(
        rng,
        pick(rng, "curved", "solid", "rails"),
        width,
        rng.uniform(0.32, 0.45),
        board,
        board,
        rng.uniform(3, 14),
        (0, top, 0.02 - depth / 2),
    )
    legs, phrase = pick(rng, corner_legs, sled)(rng, width, depth, top - thick * 0.8, metal)
    level, side = top + rng.uniform(0.2, 0.28), pick(rng, -1, 1)
    long, wide = rng.uniform(0.4, 0.6), rng.uniform(0.22, 0.32)
    outline = [
        (0.0, -long * 0.5),
        (0.1, -long * 0.5),
        (0.1, 0),
        (-wide + 0.1, 0.06),
        (-wide + 0.1, long * 0.5),
        (0.1, long * 0.5),
        (0.12, 0.0),
    ]
    if chance(rng, 0.5):
        outline = [
            (0.06, -long * 0.5),
            (0.12, -long * 0.5),
            (0.12, long * 0.5),
            (-wide + 0.1, long * 0.5),
            (-wide + 0.1, 0.0),
            (0.06, -0.06),
        ]
    else:
        outline = [(-wide + 0.1, -0.02), (0.12, -0.02), (0.12, long * 0.55), (-wide + 0.1, long * 0.55)]
    tablet = extrude(outline, 0.016, (width / 2 - 0.02, level, depth * 0.25), board, "xz")
    parts.append(tablet if side > 0 else tablet.mirrored("x"))
    x = side * (width / 2 + 0.06)
    path = rounded_path(
        [
            (side * width / 2, top - 0.03, -depth * 0.3),
            (x, level - 0.01, -depth * 0.25),
            (x, level - 0.01, depth * 0.6),
        ],
        0.08,
    )
    parts.append(tube(path, 0.011, metal, sections=6))
    return Shape(
        parts + rest + legs, "school chair with a writing board", ["a small writing board", back_phrase, phrase]
    )


def settle_chair(rng: np.random.Generator) -> Shape:
    """Wide wooden chair, bench-like, with plank sides or posts and arms."""
    wood = palette(rng, "wood")
    width, depth, top = rng.uniform(0.55, 0.85), rng.uniform(0.42, 0.58), rng.uniform(0.38, 0.48)
    parts, thick, seat_phrase = seat(
        rng, pick(rng, "board", "slats", "padded"), width, depth, top, wood, palette(rng, "fabric")
    )
    rest, back_phrase = back(
        rng,
        pick(rng, "solid", "ladder", "slats", "cross"),
        width,
        rng.uniform(0.38, 0.75),
        wood,
        wood,
        rng.uniform(0, 10),
        (0, top - 0.02, 0.02 - depth / 2),
    )
    if chance(rng, 0.5):
        rise = rng.uniform(0.15, 0.28)
        for s in (-1, 1):
            parts.append(box((0.03, top + rise, depth), (s * (width / 2 + 0.015), (top + rise) / 2, 0), wood))
        phrase = "closed plank sides"
    else:
        legs, phrase = corner_legs(rng, width, depth, top - thick * 0.8, wood)
        parts += legs
        if chance(rng, 0.8):
            rest += arms(rng, "posts", width, depth, top, rng.uniform(0.16, 0.25), wood, wood)[0]
    return Shape(parts + rest, "wide wooden chair", [back_phrase, seat_phrase, phrase])


def ribbon_chair(rng: np.random.Generator) -> Shape:
    """One folded or flowing sheet as seat, back and foot: zigzag and S-shaped chairs."""
    colour = palette(rng, pick(rng, "wood", "plastic"))
    width, depth, top, height = (
        rng.uniform(0.36, 0.52),
        rng.uniform(0.4, 0.52),
        rng.uniform(0.4, 0.47),
        rng.uniform(0.3, 0.5),
    )
    z, lean = depth / 2, rng.uniform(0.0, 0.14)
    kind = pick(rng, "zigzag", "wave", "cee", "box")
    corner = {"zigzag": 0.01, "wave": 0.2, "cee": 0.08, "box": 0.02}[kind]
    paths = {
        "zigzag": [(z, 0.02), (-z, 0.02), (z, top), (-z, top), (-z - lean, top + height)],
        "wave": [
            (z * 0.9, 0.02),
            (-z, 0.03),
            (z * 0.25, top * 0.55),
            (z, top),
            (-z * 0.8, top - 0.06),
            (-z - lean, top + height),
        ],
        "cee": [(-z, 0.02), (z, 0.02), (z, top), (-z, top - 0.02), (-z - lean, top + height)],
        "box": [(z, 0.0), (z, top), (-z, top), (-z - lean, top + height)],
    }
    path = rounded_path(paths[kind], corner, segments=4)
    grid = np.stack(
        [np.stack([np.full(len(path), s * width / 2), path[:, 1], path[:, 0]], axis=1) for s in (-1, 1)], axis=1
    )
    parts = [sheet(grid, rng.uniform(0.02, 0.05), colour)]
    if kind == "box":
        parts.append(box((width, top, 0.03), (0, top / 2, -z + 0.015), colour))
    return Shape(parts, "one piece chair", ["a single bent sheet", "no separate legs"])


def stacking_chair(rng: np.random.Generator) -> Shape:
    """Visitor chair: tube frame with sled or straight legs that carries a separate seat pad and back pad."""
    metal, cloth = palette(rng, "metal"), palette(rng, pick(rng, "fabric", "plastic", "wood"))
    width, depth, top = rng.uniform(0.42, 0.54), rng.uniform(0.4, 0.52), rng.uniform(0.41, 0.48)
    height, lean, radius = rng.uniform(0.34, 0.48), rng.uniform(0.03, 0.14), rng.uniform(0.008, 0.015)
    x, z = width / 2, depth / 2
    parts: list[Part] = []
    loops = chance(rng, 0.4)
    with_arms = chance(rng, 0.5)
    level = top + rng.uniform(0.17, 0.24) if with_arms else top - 0.02
    for s in (-x, x):
        rear = [(s, radius, -z), (s, top, -z * 0.9), (s, top + height, -z - lean)]
        front = [(s, level, -z), (s, level, z), (s, radius, z * 1.05)]
        path = front + rear if loops else rear
        parts.append(tube(rounded_path(path, 0.05), radius, metal, sections=6))
        if not loops:
            parts.append(tube(rounded_path(front, 0.05), radius, metal, sections=6))
    pad = rng.uniform(0.015, 0.07)
    parts.append(rounded_box((width, pad, depth * 0.95), (0, top, 0.02), 0.3 * pad, cloth))
    parts.append(rod((-x, top - 0.03, z * 0.8), (x, top - 0.03, z * 0.8), radius, metal, sections=6))
    tall = height * rng.uniform(0.4, 0.9)
    middle = 1 - tall / (2 * height)
    panel = arched_back(rng, width, tall, pad, cloth).moved((0, -tall / 2, 0))
    tip = np.rad2deg(np.arctan2(lean, height))
    parts.append(panel.rotated("x", -tip).moved((0, top + height * middle, -z - lean * middle)))
    details = ["a metal tube frame", "a separate seat and back", "two arm rests" if with_arms else "no arms"]
    return Shape(parts, "stacking chair", details)


def cube_chair(rng: np.random.Generator) -> Shape:
    """Blocky chair of planks or solid cubes: a seat block or box with straight back and sometimes sides."""
    colour = palette(rng, "any")
    width, depth, top = rng.uniform(0.4, 0.65), rng.uniform(0.42, 0.65), rng.uniform(0.35, 0.48)
    height, plank = rng.uniform(0.3, 0.65), rng.uniform(0.03, 0.1)
    parts = [box((width, plank, depth), (0, top - plank / 2, 0), colour)]
    total = top + height
    parts.append(box((width, total, plank), (0, total / 2, (plank - depth) / 2), colour))
    if chance(rng, 0.5):
        rise = rng.uniform(0.0, 0.3) if chance(rng, 0.7) else 0.0
        parts += [
            box((plank, top + rise, depth), (s * (width - plank) / 2, (top + rise) / 2, 0), colour) for s in (-1, 1)
        ]
        phrase = "two plank sides"
    elif chance(rng, 0.5):
        parts.append(box((width, top, plank), (0, top / 2, (depth - plank) / 2), colour))
        phrase = "a plank at the front"
    else:
        parts.append(box((width * 0.98, top, depth * 0.98), (0, top / 2, 0), colour))
        phrase = "a solid base"
    return Shape(parts, "block chair", ["a straight back", "a flat seat", phrase])


def seat_with_round_back(rng: np.random.Generator) -> Shape:
    """Captain's or bentwood chair: round seat, half-round top rail on spindles or posts, slim legs."""
    wood, cloth = frame_colour(rng), palette(rng, "fabric")
    radius, top = rng.uniform(0.2, 0.27), rng.uniform(0.42, 0.48)
    thick, rise = rng.uniform(0.02, 0.06), rng.uniform(0.2, 0.45)
    outline = outline_points(pick(rng, "oval", "egg"), 20) * radius
    parts = [extrude(outline, thick, (0, top - thick / 2, 0), pick(rng, wood, cloth), "xz")]
    reach = rng.uniform(1.1, 2.0)
    angle = np.linspace(-np.pi / 2 - reach, -np.pi / 2 + reach, 13)
    wide = radius * rng.uniform(1.05, 1.25)
    rail = np.stack([np.cos(angle) * wide, np.full(13, top + rise), np.sin(angle) * wide], axis=1)
    if chance(rng, 0.5):
        tall = rng.uniform(0.04, 0.14)
        band = np.stack([rail - (0, tall, 0), rail], axis=0)
        parts.append(sheet(band, 0.02, wood))
    else:
        parts.append(tube(rail, 0.018, wood, sections=6))
    for index in np.unique(np.linspace(1, 11, int(rng.integers(3, 10))).round().astype(int)):
        foot = rail[index] * (radius * 0.9 / wide, 0, radius * 0.9 / wide) + (0, top - 0.01, 0)
        parts.append(rod(foot, rail[index] - (0, 0.01, 0), 0.009, wood, sections=6))
    splay = rng.uniform(0.05, 0.2)
    legs, phrase = four_legs(
        radius * 1.4,
        radius * 1.4,
        top - thick,
        wood,
        pick(rng, "round", "round tapered", "turned", "tapered"),
        0.035,
        splay,
    )
    return Shape(parts + legs, "round back chair", ["a half round back rail", "a round seat", phrase])


CHAIR: dict[str, Callable[[np.random.Generator], Shape]] = {
    "dining chair": dining_chair,
    "carver chair": carver_chair,
    "slatted chair": slatted_chair,
    "solid chair": solid_chair,
    "office chair": office_chair,
    "cantilever chair": cantilever_chair,
    "folding chair": folding_chair,
    "club chair": club_chair,
    "wing chair": wing_chair,
    "shell chair": shell_chair,
    "bar chair": bar_chair,
    "rocking chair": rocking_chair,
    "deck chair": deck_chair,
    "sling chair": sling_chair,
    "monobloc chair": monobloc_chair,
    "throne": throne,
    "tablet chair": tablet_chair,
    "settle chair": settle_chair,
    "tub chair": tub_chair,
    "egg chair": egg_chair,
    "lounge chair": lounge_chair,
    "ribbon chair": ribbon_chair,
    "stacking chair": stacking_chair,
    "cube chair": cube_chair,
    "round back chair": seat_with_round_back,
}
