"""Easy chairs: upholstered, low, reclining or massive seats for one person."""

from __future__ import annotations

import numpy as np

from .parts import (
    Part,
    Shape,
    beam,
    box,
    chance,
    cushion,
    cylinder,
    extrude,
    move_all,
    palette,
    pick,
    revolve,
    rotate_all,
    rounded_box,
    sheet,
    surface_grid,
    tube,
)
from .seat_parts import arms, back, frame_colour, seat, slats
from .supports import corner_legs, crossed_legs, four_legs, leg, pedestal, short_feet, sled, star_base, stretchers


def club_chair(rng: np.random.Generator) -> Shape:
    """Upholstered arm chair: body, two arms, back and a loose cushion on short feet."""
    cloth, wood = palette(rng, "fabric"), palette(rng, "wood")
    width, depth = rng.uniform(0.62, 0.95), rng.uniform(0.65, 0.9)
    foot, top = rng.uniform(0.02, 0.16), rng.uniform(0.36, 0.48)
    arm, rest = rng.uniform(0.08, 0.2), rng.uniform(0.14, 0.28)
    arm_top, total = top + rng.uniform(0.1, 0.28), top + rng.uniform(0.3, 0.55)
    pad = rng.uniform(0.1, 0.2)
    inner = width - 2 * arm
    soft = rng.uniform(0.01, 0.06)
    parts = [box((inner, top - pad - foot, depth), (0, (top - pad + foot) / 2, 0), cloth)]
    parts.append(rounded_box((inner, pad, depth - rest * 0.6), (0, top - pad / 2, rest * 0.3), 0.35 * pad, cloth))
    parts.append(
        rounded_box(
            (width if chance(rng, 0.5) else inner, total - foot, rest),
            (0, (total + foot) / 2, (rest - depth) / 2),
            soft,
            cloth,
        )
    )
    rolled = chance(rng, 0.35)
    for s in (-1, 1):
        x = s * (width - arm) / 2
        parts.append(rounded_box((arm, arm_top - foot, depth), (x, (arm_top + foot) / 2, 0), soft, cloth))
        if rolled:
            parts.append(cylinder(arm * 0.62, depth, (x, arm_top - arm * 0.2, 0), cloth, axis="z", sections=14))
    if chance(rng, 0.4):
        parts.append(
            cushion((inner * 0.95, total - top, 0.16), (0, (total + top) / 2 + 0.02, rest - depth / 2 + 0.04), cloth)
        )
    feet, phrase = short_feet(rng, width, depth, foot + 0.005, wood)
    return Shape(
        parts + feet,
        "upholstered armchair",
        ["rolled arms" if rolled else "thick padded arms", "a thick seat cushion", phrase],
    )


def wing_chair(rng: np.random.Generator) -> Shape:
    """High upholstered back with wings that reach forwards above the arms."""
    cloth, wood = palette(rng, "fabric"), palette(rng, "wood")
    width, depth, foot = rng.uniform(0.6, 0.82), rng.uniform(0.65, 0.85), rng.uniform(0.1, 0.24)
    top, total = rng.uniform(0.4, 0.5), rng.uniform(0.98, 1.25)
    arm, rest = rng.uniform(0.06, 0.14), rng.uniform(0.1, 0.18)
    parts = [rounded_box((width, top - foot, depth), (0, (top + foot) / 2, 0), 0.03, cloth)]
    lean = rng.uniform(2, 12)
    upright = [rounded_box((width, total - top + 0.05, rest), (0, (total - top) / 2, 0), 0.05, cloth)]
    wing, start = rng.uniform(0.14, 0.28), rng.uniform(0.12, 0.2)
    outline = [
        (0, start),
        (wing * 0.6, start),
        (wing, start + 0.15),
        (wing * 0.9, total - top - 0.08),
        (0, total - top),
    ]
    for s in (-1, 1):
        upright.append(extrude(outline, arm * 0.7, (s * (width - arm * 0.7) / 2, 0, 0), cloth, "zy"))
        parts.append(
            rounded_box((arm, start + 0.12, depth * 0.9), (s * (width - arm) / 2, top + start / 2, 0.02), 0.03, cloth)
        )
    parts += move_all(rotate_all(upright, "x", -lean), (0, top, rest / 2 - depth / 2))
    parts.append(cushion((width - 2 * arm, 0.14, depth - rest), (0, top + 0.05, rest / 2), cloth, 0.15))
    legs, phrase = four_legs(
        width * 0.92, depth * 0.92, foot, wood, pick(rng, "tapered", "cabriole", "turned", "square"), 0.05
    )
    return Shape(parts + legs, "wing chair", ["a high back with wings", "padded arms", phrase])


def rocking_chair(rng: np.random.Generator) -> Shape:
    """Chair with arms on two curved runners."""
    frame, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.45, 0.6), rng.uniform(0.42, 0.55), rng.uniform(0.4, 0.48)
    parts, thick, _ = seat(rng, pick(rng, "board", "slats", "padded", "dished"), width, depth, top, frame, cloth)
    rest, back_phrase = back(
        rng,
        pick(rng, "ladder", "spindles", "slats", "padded", "splat", "solid"),
        width,
        rng.uniform(0.5, 0.8),
        frame,
        cloth,
        rng.uniform(8, 20),
        (0, top - 0.02, 0.03 - depth / 2),
    )
    long, lift, bar = rng.uniform(0.8, 1.1), rng.uniform(0.04, 0.12), rng.uniform(0.025, 0.045)
    share, style = np.linspace(-1, 1, 9), pick(rng, "square", "round")
    for s in (-1, 1):
        x = s * width * 0.46
        runner = np.stack([np.full(9, x), lift * share**2 + bar / 2, share * long / 2 - 0.06], axis=1)
        parts.append(tube(runner, bar / 2, frame, sections=6))
        for z in (-depth * 0.42, depth * 0.42):
            parts += leg(
                style,
                (x, top - thick * 0.8, z),
                (x, bar / 2 + lift * (2 * (z + 0.06) / long) ** 2, z),
                bar,
                frame,
            )
    added, phrase = arms(
        rng, pick(rng, "posts", "swept", "loop"), width, depth, top, rng.uniform(0.18, 0.25), frame, cloth
    )
    return Shape(parts + rest + added, "rocking chair", ["two curved rockers", back_phrase, phrase])


def deck_chair(rng: np.random.Generator) -> Shape:
    """Adirondack chair: low, reclining, slatted, with wide flat arms."""
    wood = palette(rng, pick(rng, "wood", "wood", "plastic"))
    width, depth = rng.uniform(0.5, 0.68), rng.uniform(0.5, 0.75)
    front, drop = rng.uniform(0.3, 0.42), rng.uniform(0.05, 0.18)
    tip = np.rad2deg(np.arctan2(drop, depth))
    parts = move_all(
        rotate_all(slats(rng, width, depth, 0.02, wood, int(rng.integers(5, 9))), "x", -tip), (0, front - drop / 2, 0)
    )
    count, height = int(rng.integers(4, 8)), rng.uniform(0.6, 0.85)
    crown = rng.uniform(0.0, 0.15)
    boards = []
    for x in (np.arange(count) + 0.5) / count * 2 - 1:
        tall = height - crown * x**2
        boards.append(box((width / count * 0.85, tall, 0.018), (x * width * 0.5, tall / 2, 0), wood))
    boards += [box((width, 0.06, 0.02), (0, height * level, -0.02), wood) for level in (0.2, 0.6)]
    parts += move_all(rotate_all(boards, "x", -rng.uniform(18, 36)), (0, front - drop, -depth / 2))
    level, wide = front + rng.uniform(0.14, 0.22), rng.uniform(0.08, 0.14)
    for s in (-1, 1):
        x = s * (width / 2 + 0.04)
        parts.append(box((wide, 0.02, depth + 0.15), (x, level, -0.02), wood))
        parts.append(box((0.03, level, 0.09), (x, level / 2, depth * 0.45), wood))
        parts.append(beam((x, front - 0.03, depth * 0.5), (x, 0.03, -depth * 0.75), (0.025, 0.1), wood))
        parts.append(beam((x, 0.0, -depth * 0.45), (x, level, -depth * 0.5), (0.03, 0.06), wood))
    return Shape(parts, "garden chair", ["a reclining slatted back", "a low slatted seat", "wide flat arms"])


def sling_chair(rng: np.random.Generator) -> Shape:
    """Director's chair or canvas chair: crossed legs with a cloth seat and a cloth back between posts."""
    wood, cloth = palette(rng, pick(rng, "wood", "metal")), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.5, 0.62), rng.uniform(0.4, 0.5), rng.uniform(0.42, 0.6)
    parts, _ = crossed_legs(rng, width, depth, top - 0.05, wood)
    u, v = surface_grid(3, 7)
    sag = rng.uniform(0.0, 0.025)
    parts.append(sheet(np.stack([u * width / 2, top - sag * (1 - u**2), v * depth / 2], axis=-1), 0.008, cloth))
    rise, height = rng.uniform(0.17, 0.24), rng.uniform(0.35, 0.5)
    for s in (-1, 1):
        x = s * width / 2
        parts.append(box((0.03, 0.03, depth), (x, top, 0), wood))
        parts.append(box((0.05, 0.02, depth + 0.04), (x, top + rise, 0), wood))
        parts.append(box((0.025, rise, 0.025), (x, top + rise / 2, depth * 0.4), wood))
        parts.append(box((0.025, height, 0.025), (x, top + height / 2, -depth * 0.45), wood))
    tall = rng.uniform(0.14, 0.22)
    parts.append(box((width, tall, 0.008), (0, top + height - tall / 2, -depth * 0.45), cloth))
    return Shape(parts, "canvas chair", ["a cloth seat and back", "crossed legs", "two arm rests"])


def throne(rng: np.random.Generator) -> Shape:
    """Tall massive chair with a high back, closed sides or strong arms, sometimes with finials."""
    wood, cloth = palette(rng, "wood"), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.55, 0.8), rng.uniform(0.5, 0.7), rng.uniform(0.42, 0.55)
    height = rng.uniform(0.75, 1.2)
    post = rng.uniform(0.05, 0.1)
    boxed = chance(rng, 0.4)
    parts: list[Part] = []
    if boxed:
        parts.append(box((width, top * 0.9, depth), (0, top * 0.45, 0), wood))
    rise = rng.uniform(0.2, 0.28)
    for s in (-1, 1):
        x = s * (width - post) / 2
        parts.append(box((post, top + height, post), (x, (top + height) / 2, (post - depth) / 2), wood))
        parts.append(box((post, top + rise, post), (x, (top + rise) / 2, (depth - post) / 2), wood))
        parts.append(box((post * 1.3, 0.05, depth), (x, top + rise, 0), wood))
        parts.append(
            revolve(
                [(post * 0.5, 0), (post * 0.6, 0.05), (post * 0.2, 0.1), (0, 0.13)],
                (x, top + height, (post - depth) / 2),
                wood,
                8,
            )
        )
    parts.append(rounded_box((width - post, 0.1, depth - post), (0, top - 0.03, 0), 0.03, cloth))
    crown = rng.uniform(0.0, 0.3)
    across = np.linspace(-1, 1, 9)[::-1]
    arch = np.stack(
        [across * width * 0.48, height * 0.92 + crown * (1 - np.abs(across) ** rng.uniform(1, 2.5))], axis=1
    )
    outline = np.concatenate([[(-width * 0.48, -0.1), (width * 0.48, -0.1)], arch])
    parts.append(extrude(outline, post * 0.6, (0, top, (post - depth) / 2), wood, "xy"))
    parts.append(
        rounded_box((width * 0.7, height * 0.7, 0.04), (0, top + height * 0.48, -depth / 2 + post * 0.85), 0.01, cloth)
    )
    if not boxed:
        parts += move_all(stretchers(width, depth, 0.1, post, wood, pick(rng, "box", "H", "sides")), (0, 0, 0))
    return Shape(parts, "throne", ["a very high back", "massive arms", "a padded seat"])


def tub_chair(rng: np.random.Generator) -> Shape:
    """Barrel chair: one curved upholstered wall around the seat."""
    cloth, wood = palette(rng, "fabric"), palette(rng, pick(rng, "wood", "metal"))
    radius, top = rng.uniform(0.3, 0.42), rng.uniform(0.36, 0.46)
    foot, total = rng.uniform(0.02, 0.2), rng.uniform(0.62, 0.95)
    thick = rng.uniform(0.05, 0.13)
    reach = rng.uniform(1.6, 2.4)
    angle = np.linspace(-np.pi / 2 - reach, -np.pi / 2 + reach, 15)
    front = rng.uniform(0.45, 1.0)
    upper = top + 0.05 + (total - top - 0.05) * (front + (1 - front) * np.cos((angle + np.pi / 2) / reach * np.pi / 2))
    share = np.linspace(0, 1, 4)[:, None]
    flare = 1 + rng.uniform(0, 0.15) * share
    start = foot if chance(rng, 0.6) else top - 0.12
    y = start + (upper - start) * share
    grid = np.stack([np.cos(angle) * radius * flare, y, np.sin(angle) * radius * flare], axis=-1)
    parts = [
        sheet(grid, thick, cloth),
        cylinder(radius * 0.98, top - foot - 0.1, (0, (top + foot - 0.1) / 2, 0), cloth, sections=20),
    ]
    parts.append(cushion((1.75 * radius, 0.16, 1.8 * radius), (0, top - 0.06, 0.02), cloth, 0.3))
    kind = pick(rng, "feet", "base", "star") if foot > 0.06 else "base"
    if kind == "star":
        base, phrase = star_base(rng, radius * 0.8, foot + 0.05, wood, 5)
    elif kind == "feet":
        base, phrase = four_legs(
            radius * 1.4, radius * 1.4, foot + 0.02, wood, pick(rng, "round tapered", "square", "round"), 0.04, 0.05
        )
    else:
        base, phrase = [cylinder(radius * 0.8, foot + 0.02, (0, foot / 2 + 0.01, 0), wood)], "a round base"
    return Shape(parts + base, "tub chair", ["a rounded back that wraps around the seat", "a thick cushion", phrase])


def egg_chair(rng: np.random.Generator) -> Shape:
    """Deep shell around the sitter, as an egg or an open ball, on a swivel foot."""
    colour, metal, cloth = palette(rng, "plastic"), palette(rng, "metal"), palette(rng, "fabric")
    radius, foot = rng.uniform(0.36, 0.5), rng.uniform(0.12, 0.3)
    tall = rng.uniform(0.9, 1.35)
    azimuth = np.linspace(-1, 1, 13)[None, :] * rng.uniform(1.7, 2.2)
    polar = np.linspace(0.08, rng.uniform(0.62, 0.9), 9)[:, None] * np.pi
    opening = 1 - 0.25 * (1 - np.cos(azimuth)) / 2 * (1 - np.cos(polar)) / 2
    x = radius * np.sin(polar) * np.sin(azimuth)
    z = -radius * np.sin(polar) * np.cos(azimuth) * opening
    y = foot + radius * tall * (1 - np.cos(polar)) * np.ones_like(azimuth)
    parts = [sheet(np.stack([x, y, z], axis=-1), 0.03, colour)]
    parts.append(cushion((1.3 * radius, 0.16, 1.2 * radius), (0, foot + radius * 0.45, 0.05), cloth, 0.5))
    base, phrase = pedestal(
        rng, rng.uniform(0.22, 0.34), foot + 0.04, metal, pick(rng, "disc", "trumpet", "feet", "cross")
    )
    return Shape(parts + base, "egg shaped chair", ["a deep round shell", "a soft seat cushion", phrase])


def lounge_chair(rng: np.random.Generator) -> Shape:
    """Low easy chair: two flat cushions, seat and back, leaning, on legs, crossed bars, loops or a swivel foot."""
    frame, cloth = frame_colour(rng), palette(rng, "fabric")
    width, depth, top = rng.uniform(0.52, 0.8), rng.uniform(0.55, 0.75), rng.uniform(0.32, 0.44)
    pad, tip, lean = rng.uniform(0.05, 0.14), rng.uniform(2, 14), rng.uniform(12, 34)
    height = rng.uniform(0.45, 0.85)
    bed = rounded_box((width, pad, depth), (0, 0, 0), 0.3 * pad, cloth).rotated("x", -tip)
    rear = top - pad / 2 - np.sin(np.deg2rad(tip)) * depth / 2
    rest = [rounded_box((width, height, pad), (0, height / 2, 0), 0.3 * pad, cloth)]
    if chance(rng, 0.3):
        rest.append(cushion((width * 0.7, 0.16, 0.1), (0, height - 0.1, pad * 0.6), cloth))
    parts = [bed.moved((0, top - pad / 2, 0)), *move_all(rotate_all(rest, "x", -lean), (0, rear, -depth / 2))]
    kind = pick(rng, "legs", "crossed", "star", "sled", "frame")
    level = rear - pad * 0.3
    details = ["a reclining back", "a low seat"]
    if kind == "legs":
        base, phrase = corner_legs(rng, width * 0.9, depth * 0.85, level, frame)
    elif kind == "crossed":
        base, phrase = crossed_legs(rng, width * 0.9, depth * 0.9, level, frame)
    elif kind == "star":
        base, phrase = star_base(rng, rng.uniform(0.26, 0.36), level, frame, pick(rng, 4, 5))
    elif kind == "sled":
        base, phrase = sled(rng, width, depth, level, frame)
    else:
        base, phrase = sled(rng, width + 0.08, depth * 1.05, top + rng.uniform(0.14, 0.24), frame)
        details.append("two arm rests")
    return Shape(parts + base, "lounge chair", [*details, phrase])
