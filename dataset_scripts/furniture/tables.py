"""Tables: a free surface on any base, low to high; the desks of the same group are in `desks`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .casework import drawer_block
from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    counted,
    cylinder,
    extrude,
    frustum,
    move_all,
    palette,
    pick,
    rod,
    rotate_all,
    rounded_path,
    tube,
)
from .supports import (
    LEG_STYLES,
    apron,
    corner_legs,
    crossed_legs,
    four_legs,
    leg,
    panel_legs,
    pedestal,
    sled,
    stretchers,
    trestle,
)
from .tops import TOPS, framed_glass, table_top


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of the top and of the base, equal half of the time."""
    first = palette(rng, pick(rng, "wood", "wood", "wood", "ceramic", "metal"))
    return first, first if chance(rng, 0.5) else palette(rng, pick(rng, "wood", "metal"))


def _height(rng: np.random.Generator) -> float:
    return rng.uniform(0.66, 0.82)


def _on_legs(rng: np.random.Generator, family: str, kind: str, width: float, depth: float, height: float) -> Shape:
    """Top of `kind` on four corner legs, with or without an apron or a shelf."""
    top_colour, base_colour = _colours(rng)
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    inset = rng.uniform(0.0, 0.08) if kind == "rectangle" else rng.uniform(0.18, 0.3)
    wide, deep = width * (1 - inset), depth * (1 - inset)
    legs, leg_phrase = corner_legs(rng, wide, deep, height - thick, base_colour)
    details = [phrase, leg_phrase]
    if chance(rng, 0.5):
        drop = min(rng.uniform(0.04, 0.14), 0.3 * height)
        legs += apron(wide * 0.97, deep * 0.97, height - thick, drop, base_colour)
    if chance(rng, 0.08):
        level = height * rng.uniform(0.15, 0.4)
        legs.append(box((wide * 0.95, 0.02, deep * 0.95), (0, level, 0), top_colour))
        details.append("a lower shelf")
    return Shape(parts + legs, family, details)


def dining_table(rng: np.random.Generator) -> Shape:
    """Rectangular top, four legs."""
    depth = rng.uniform(0.65, 1.2)
    return _on_legs(
        rng,
        "dining table",
        pick(rng, "rectangle", "rectangle", "rounded", "barrel", "boat"),
        depth * rng.uniform(1.2, 2.8),
        depth,
        _height(rng),
    )


def square_table(rng: np.random.Generator) -> Shape:
    """Square top, four legs."""
    side = rng.uniform(0.6, 1.4)
    return _on_legs(rng, "square table", pick(rng, "rectangle", "rounded"), side, side, _height(rng))


def round_leg_table(rng: np.random.Generator) -> Shape:
    """Round, oval or polygonal top on three to six legs around."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.6, 1.6), _height(rng) if chance(rng, 0.7) else rng.uniform(0.35, 0.6)
    depth = width * (rng.uniform(0.5, 0.85) if chance(rng, 0.35) else 1.0)
    parts, thick, phrase = table_top(rng, pick(rng, "round", "round", "polygon"), width, depth, height, top_colour)
    count, style = int(rng.integers(3, 7)), pick(rng, *LEG_STYLES)
    inset, splay, size = rng.uniform(0.55, 0.85), rng.uniform(-0.1, 0.25), rng.uniform(0.03, 0.08)
    for angle in np.arange(count) * 2 * np.pi / count + np.pi / 4:
        outward = np.array([np.cos(angle) * width / 2, 0, np.sin(angle) * depth / 2])
        parts += leg(style, outward * inset + (0, height - thick, 0), outward * (inset + splay), size, base_colour)
    if chance(rng, 0.4):
        ring = pick(rng, "rim", "shelf")
        level = height - thick - 0.04 if ring == "rim" else height * rng.uniform(0.15, 0.4)
        disc = cylinder(0.5, 0.08 if ring == "rim" else 0.02, (0, level, 0), base_colour, sections=24)
        parts.append(disc.scaled((width * inset, 1, depth * inset), (0, level, 0)))
    return Shape(parts, "round table" if depth == width else "oval table", [phrase, counted(count, "leg")])


def pedestal_table(rng: np.random.Generator) -> Shape:
    """One column under a round, square or polygonal top."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.55, 1.5), rng.uniform(0.6, 0.85)
    depth = width * (rng.uniform(0.55, 0.9) if chance(rng, 0.25) else 1.0)
    kind = pick(rng, "round", "round", "round", "rectangle", "polygon", "rounded")
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    base, base_phrase = pedestal(rng, min(width, depth) * rng.uniform(0.25, 0.45), height - thick, base_colour)
    return Shape(parts + base, "pedestal table", [phrase, base_phrase])


def double_pedestal_table(rng: np.random.Generator) -> Shape:
    """Long top on two or three columns."""
    top_colour, base_colour = _colours(rng)
    depth, height = rng.uniform(0.8, 1.3), _height(rng)
    width = depth * rng.uniform(1.8, 3.5)
    parts, thick, phrase = table_top(
        rng, pick(rng, "rectangle", "oval", "boat", "rounded", "barrel"), width, depth, height, top_colour
    )
    kind = pick(rng, "disc", "trumpet", "feet", "cross", "plate", "drum", "turned")
    count = 2 if chance(rng, 0.75) else 3
    radius = depth * rng.uniform(0.25, 0.42)
    base, _ = pedestal(rng, radius, height - thick, base_colour, kind)
    reach = width * rng.uniform(0.26, 0.34)
    for place in np.linspace(-reach, reach, count):
        parts += move_all(base, (place, 0, 0))
    return Shape(parts, "double pedestal table", [phrase, f"{counted(count, 'pedestal')}"])


def trestle_table(rng: np.random.Generator) -> Shape:
    """Long top on two end frames."""
    top_colour, base_colour = _colours(rng)
    depth, height = rng.uniform(0.65, 1.1), _height(rng)
    width = depth * rng.uniform(1.4, 3.0)
    parts, thick, phrase = table_top(
        rng, pick(rng, "rectangle", "rectangle", "rounded", "oval", "boat"), width, depth, height, top_colour
    )
    base, base_phrase = trestle(rng, width, depth * 0.9, height - thick, base_colour)
    return Shape(parts + base, "trestle table", [phrase, base_phrase])


def crossed_table(rng: np.random.Generator) -> Shape:
    """Top on crossing bars."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.6, 2.0), rng.uniform(0.4, 0.82)
    depth = min(width * rng.uniform(0.4, 1.0), 1.3)
    kind = "round" if depth > 0.9 * width and chance(rng, 0.5) else pick(rng, "rectangle", "rounded")
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    shrink = 0.72 if kind == "round" else 0.92
    base, base_phrase = crossed_legs(rng, width * shrink, depth * shrink, height - thick, base_colour)
    return Shape(parts + base, "table with crossed legs", [phrase, base_phrase])


def sled_table(rng: np.random.Generator) -> Shape:
    """Top on two closed loops."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.6, 2.2), rng.uniform(0.35, 0.8)
    depth = min(width * rng.uniform(0.4, 1.0), 1.2)
    parts, thick, phrase = table_top(
        rng, pick(rng, "rectangle", "rectangle", "rounded"), width, depth, height, top_colour
    )
    base, base_phrase = sled(rng, width * rng.uniform(0.7, 1.0), depth * 0.95, height - thick, base_colour)
    return Shape(parts + base, "table on sled legs", [phrase, base_phrase])


def panel_table(rng: np.random.Generator) -> Shape:
    """Top on two boards or bent down at both ends (waterfall)."""
    colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.7, 2.4), rng.uniform(0.35, 0.8)
    depth = min(width * rng.uniform(0.35, 0.9), 1.1)
    if chance(rng, 0.35):
        thick = rng.uniform(0.02, 0.09)
        parts = [box((width, thick, depth), (0, height - thick / 2, 0), colour)]
        parts += [
            box((thick, height - thick, depth), (s * (width - thick) / 2, (height - thick) / 2, 0), colour)
            for s in (-1, 1)
        ]
        return Shape(parts, "waterfall table", ["a rectangular top", "sides that run down to the floor"])
    parts, thick, phrase = table_top(
        rng, pick(rng, "rectangle", "rectangle", "oval", "rounded"), width, depth, height, colour
    )
    base, base_phrase = panel_legs(rng, width * 0.85, depth * 0.8, height - thick, base_colour)
    if chance(rng, 0.4):
        base.append(
            box(
                (2 * base[1].mesh.bounds[0, 0], 0.02, depth * 0.5), (0, height * rng.uniform(0.15, 0.4), 0), base_colour
            )
        )
        return Shape(parts + base, "panel leg table", [phrase, base_phrase, "a lower shelf"])
    return Shape(parts + base, "panel leg table", [phrase, base_phrase])


def coffee_table(rng: np.random.Generator) -> Shape:
    """Low table, any top, any base, often with a shelf."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.7, 1.5), rng.uniform(0.28, 0.5)
    kind = pick(rng, *TOPS[:6], "rectangle", "rectangle")
    depth = width if kind in ("round", "polygon") else width * rng.uniform(0.4, 1.0)
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    shrink = 0.93 if kind == "rectangle" else 0.7
    size = (width * shrink, depth * shrink, height - thick, base_colour)
    build = pick(rng, corner_legs, corner_legs, sled, panel_legs, crossed_legs)
    base, base_phrase = build(rng, *size)
    details = ["a low top", phrase, base_phrase]
    if chance(rng, 0.4):
        level = rng.uniform(0.15, 0.45) * height
        base.append(box((size[0] * 0.96, 0.018, size[1] * 0.96), (0, level, 0), top_colour))
        details.append("a lower shelf")
    return Shape(parts + base, "coffee table", details)


def console_table(rng: np.random.Generator) -> Shape:
    """Narrow and high, for a wall."""
    width, depth, height = rng.uniform(0.8, 1.8), rng.uniform(0.25, 0.45), rng.uniform(0.72, 0.95)
    kind = pick(rng, "rectangle", "rectangle", "half round")
    shape = _on_legs(rng, "console table", kind, width, depth, height)
    if chance(rng, 0.3) and kind == "rectangle":
        level = height * rng.uniform(0.12, 0.3)
        shape.parts.append(box((width * 0.88, 0.02, depth * 0.85), (0, level, 0), shape.parts[0].colour))
        shape.details.append("a lower shelf")
    return Shape(shape.parts, shape.family, ["a narrow top", *shape.details])


def side_table(rng: np.random.Generator) -> Shape:
    """Small: end table, stand, C-shaped table."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.32, 0.62), rng.uniform(0.42, 0.75)
    kind = pick(rng, "rectangle", "round", "round", "polygon", "rounded")
    depth = width * (rng.uniform(0.7, 1.0) if kind == "rectangle" else 1.0)
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    style = pick(rng, "legs", "pedestal", "cee", "crossed")
    shrink = 0.95 if kind in ("rectangle", "rounded") else 0.68
    if style == "pedestal":
        base, base_phrase = pedestal(rng, width * rng.uniform(0.3, 0.48), height - thick, base_colour)
    elif style == "cee":
        bar, x = 0.03, width * 0.45
        base = [box((0.9 * width, bar, depth * shrink), (0, bar / 2, 0), base_colour)]
        base += [
            box((bar, height - thick, bar), (-x, (height - thick) / 2, s * depth * 0.3), base_colour) for s in (-1, 1)
        ]
        base_phrase = "an open C shaped frame"
    elif style == "crossed":
        base, base_phrase = crossed_legs(rng, width * shrink, depth * shrink, height - thick, base_colour)
    else:
        base, base_phrase = corner_legs(rng, width * shrink, depth * shrink, height - thick, base_colour)
        if chance(rng, 0.35):
            base.append(
                box(
                    (width * shrink * 0.95, 0.018, depth * shrink * 0.95),
                    (0, height * rng.uniform(0.15, 0.5), 0),
                    top_colour,
                )
            )
    return Shape(parts + base, "side table", ["a small top", phrase, base_phrase])


def conference_table(rng: np.random.Generator) -> Shape:
    """Very long top for many people on panels, drums or a spine."""
    top_colour, base_colour = _colours(rng)
    depth, height = rng.uniform(0.9, 1.5), rng.uniform(0.7, 0.78)
    width = depth * rng.uniform(1.8, 4.0)
    parts, thick, phrase = table_top(
        rng, pick(rng, "boat", "boat", "oval", "rectangle", "rounded", "barrel"), width, depth, height, top_colour
    )
    tall, reach = height - thick, width * rng.uniform(0.25, 0.36)
    kind = pick(rng, "panels", "drums", "boxes", "blades")
    for place in np.linspace(-reach, reach, 2 if width < 3 else 3):
        if kind == "drums":
            parts.append(cylinder(depth * 0.22, tall, (place, tall / 2, 0), base_colour, sections=20))
        elif kind == "boxes":
            parts.append(box((depth * 0.3, tall, depth * 0.55), (place, tall / 2, 0), base_colour))
        elif kind == "blades":
            parts.append(box((depth * 0.5, tall, 0.05), (place, tall / 2, 0), base_colour))
            parts.append(box((0.05, tall, depth * 0.6), (place, tall / 2, 0), base_colour))
        else:
            parts.append(box((0.06, tall, depth * 0.65), (place, tall / 2, 0), base_colour))
    if chance(rng, 0.5):
        parts.append(box((2 * reach, tall * 0.5, 0.03), (0, tall * 0.6, 0), base_colour))
    return Shape(parts, "conference table", [phrase, "a long top", f"a base of {kind}"])


def block_table(rng: np.random.Generator) -> Shape:
    """Closed base: cube, drum, barrel or a plinth below a larger top."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.4, 1.2), rng.uniform(0.3, 0.75)
    kind = pick(rng, "cube", "drum", "barrel", "plinth")
    if kind == "cube":
        depth = width * rng.uniform(0.6, 1.0)
        return Shape([box((width, height, depth), (0, height / 2, 0), base_colour)], "cube table", ["a solid block"])
    if kind in ("drum", "barrel"):
        radius = width / 2
        waist = rng.uniform(0.75, 1.2)
        half = height / 2
        parts = [
            frustum(radius, radius * waist, half, (0, half / 2, 0), base_colour, 24),
            frustum(radius * waist, radius, half, (0, 1.5 * half, 0), base_colour, 24),
        ]
        return Shape(parts, "drum table", ["a round top", "a solid drum base"])
    parts, thick, phrase = table_top(rng, pick(rng, *TOPS[:6]), width * 1.4, width, height, top_colour)
    share = rng.uniform(0.4, 0.8)
    parts.append(box((width * 1.4 * share, height - thick, width * share), (0, (height - thick) / 2, 0), base_colour))
    return Shape(parts, "plinth table", [phrase, "a closed base"])


def picnic_table(rng: np.random.Generator) -> Shape:
    """Planked top with a bench on either side, joined by A-frames."""
    wood = palette(rng, pick(rng, "wood", "wood", "plastic"))
    width, depth, height = rng.uniform(1.2, 2.2), rng.uniform(0.65, 0.85), rng.uniform(0.68, 0.78)
    planks, bar = int(rng.integers(3, 7)), 0.04
    parts: list[Part] = []
    for z in (np.arange(planks) + 0.5) * depth / planks - depth / 2:
        parts.append(box((width, bar, depth / planks * 0.9), (0, height - bar / 2, z), wood))
    bench, seat, wide = depth / 2 + rng.uniform(0.2, 0.32), rng.uniform(0.4, 0.46), rng.uniform(0.2, 0.3)
    parts += [box((width, bar, wide), (0, seat, s * bench), wood) for s in (-1, 1)]
    for x in (-width * 0.36, width * 0.36):
        parts.append(beam((x, seat - bar, -bench), (x, seat - bar, bench), (0.1, bar), wood))
        for s in (-1, 1):
            parts.append(
                beam((x + bar, 0, s * bench * 0.95), (x + bar, height - bar, s * depth * 0.25), (bar, 0.09), wood)
            )
    return Shape(parts, "picnic table", ["a planked top", "two attached benches", "slanted legs"])


def folding_table(rng: np.random.Generator) -> Shape:
    """Thin top on folding tube legs with braces."""
    top_colour, metal = palette(rng, pick(rng, "plastic", "wood")), palette(rng, "metal")
    width, depth, height = rng.uniform(0.8, 2.2), rng.uniform(0.5, 0.9), rng.uniform(0.6, 0.78)
    parts, thick, phrase = table_top(
        rng, pick(rng, "rectangle", "rounded"), width, depth, height, top_colour, rng.uniform(0.02, 0.05)
    )
    radius, z, tall = rng.uniform(0.01, 0.018), depth * 0.4, height - thick
    spread = rng.uniform(-0.02, 0.05)
    for s in (-1, 1):
        x, lean = s * width * 0.38, s * spread
        path = [(x, tall, -z), (x + lean, radius, -z), (x + lean, radius, z), (x, tall, z)]
        parts.append(tube(rounded_path(path, 0.06), radius, metal, sections=6))
        parts.append(rod((x, tall * 0.55, 0), (x - s * width * 0.2, tall, 0), radius * 0.7, metal, sections=6))
        parts.append(rod((x, tall * 0.55, -z), (x, tall * 0.55, z), radius * 0.7, metal, sections=6))
    return Shape(parts, "folding table", [phrase, "folding legs of tube"])


def drop_leaf_table(rng: np.random.Generator) -> Shape:
    """Middle part on legs with hanging or raised leaves at two sides."""
    wood = palette(rng, "wood")
    middle, depth, height = rng.uniform(0.3, 0.7), rng.uniform(0.7, 1.1), _height(rng)
    leaf, thick = rng.uniform(0.25, 0.45), rng.uniform(0.018, 0.03)
    parts = [box((middle, thick, depth), (0, height - thick / 2, 0), wood)]
    angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
    arc = np.stack([np.cos(angle) * leaf, np.sin(angle) * depth / 2], axis=1)
    outline = (
        arc if chance(rng, 0.5) else np.array([(0, -depth / 2), (leaf, -depth / 2), (leaf, depth / 2), (0, depth / 2)])
    )
    raised = [chance(rng, 0.35), chance(rng, 0.35)]
    for s, up in zip((-1, 1), raised, strict=True):
        board = extrude(outline, thick, (0, 0, 0), wood, "xz").rotated("z", 0.0 if up else -86.0)
        board = board.moved((middle / 2 + 0.004, height - thick / 2, 0))
        parts.append(board if s > 0 else board.mirrored("x"))
    legs, phrase = corner_legs(rng, middle * 0.94, depth * 0.85, height - thick, wood)
    parts += legs + apron(middle * 0.9, depth * 0.8, height - thick, 0.1, wood)
    return Shape(parts, "drop leaf table", ["two hinged leaves", phrase])


def glass_table(rng: np.random.Generator) -> Shape:
    """Framed pane or a bare pane above a visible frame."""
    glass, frame = (0.6, 0.75, 0.75), palette(rng, pick(rng, "metal", "wood"))
    width, height = rng.uniform(0.6, 1.9), rng.uniform(0.35, 0.8)
    depth = min(width * rng.uniform(0.45, 1.0), 1.2)
    kind = pick(rng, "rectangle", "rectangle", "round")
    parts = framed_glass(rng, kind, width, depth, height, glass, frame)
    shrink = 0.98 if kind == "rectangle" else 0.7
    style = pick(rng, "legs", "legs", "sled", "crossed")
    level = height - 0.015
    if style == "legs":
        thick = rng.uniform(0.02, 0.07)
        base, phrase = four_legs(width * shrink, depth * shrink, level, frame, pick(rng, "square", "round"), thick)
        if chance(rng, 0.5):
            base += stretchers(
                width * shrink,
                depth * shrink,
                height * rng.uniform(0.05, 0.3),
                thick,
                frame,
                pick(rng, "box", "X", "H"),
            )
    else:
        base, phrase = (sled if style == "sled" else crossed_legs)(rng, width * shrink, depth * shrink, level, frame)
    if chance(rng, 0.3):
        parts.append(
            box((width * shrink * 0.94, 0.01, depth * shrink * 0.94), (0, height * rng.uniform(0.2, 0.5), 0), glass)
        )
    return Shape(parts + base, "glass table", ["a glass top", "a rim around the top", phrase])


def nested_tables(rng: np.random.Generator) -> Shape:
    """Two or three small tables of falling size, one below the other."""
    top_colour, base_colour = _colours(rng)
    width, depth, height = rng.uniform(0.5, 0.75), rng.uniform(0.35, 0.5), rng.uniform(0.45, 0.6)
    count, style = int(rng.integers(2, 4)), pick(rng, "square", "round", "tapered")
    step = rng.uniform(0.0, 0.25)
    parts: list[Part] = []
    for index in range(count):
        share = 0.8**index
        tall = height - index * 0.07
        parts.append(box((width * share, 0.02, depth * 0.97**index), (0, tall - 0.01, index * step), top_colour))
        parts += move_all(
            four_legs(width * share, depth * 0.94**index, tall - 0.02, base_colour, style, 0.03)[0],
            (0, 0, index * step),
        )
    return Shape(parts, "set of nested tables", [counted(count, "small table"), "one table below the other"])


def bar_table(rng: np.random.Generator) -> Shape:
    """High and small, to stand at."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.5, 0.8), rng.uniform(0.95, 1.15)
    parts, thick, phrase = table_top(rng, pick(rng, "round", "round", "rectangle"), width, width, height, top_colour)
    if chance(rng, 0.7):
        base, base_phrase = pedestal(
            rng,
            width * rng.uniform(0.28, 0.45),
            height - thick,
            base_colour,
            pick(rng, "disc", "trumpet", "feet", "cross", "plate"),
        )
    else:
        base, base_phrase = corner_legs(rng, width * 0.7, width * 0.7, height - thick, base_colour)
    return Shape(parts + base, "bar table", ["a high top", phrase, base_phrase])


def drawer_table(rng: np.random.Generator) -> Shape:
    """Coffee, side or kitchen table whose apron holds a drawer or whose base holds shelves on all sides."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.5, 1.4), rng.uniform(0.38, 0.8)
    depth = width * rng.uniform(0.45, 0.9)
    parts, thick, phrase = table_top(rng, "rectangle", width, depth, height, top_colour)
    drop = rng.uniform(0.08, 0.16)
    drawer, _ = drawer_block(
        rng,
        (width * 0.86, drop, depth * 0.86),
        (0, height - thick - drop / 2, 0),
        base_colour,
        palette(rng, "metal"),
        1,
    )
    legs, leg_phrase = four_legs(
        width * 0.94,
        depth * 0.94,
        height - thick,
        base_colour,
        pick(rng, "square", "turned", "tapered", "cabriole"),
        rng.uniform(0.035, 0.08),
    )
    details = [phrase, "one drawer below the top", leg_phrase]
    if chance(rng, 0.6):
        legs.append(box((width * 0.9, 0.02, depth * 0.9), (0, height * rng.uniform(0.1, 0.3), 0), base_colour))
        details.append("a lower shelf")
    return Shape(parts + drawer + legs, "table with a drawer", details)


def game_table(rng: np.random.Generator) -> Shape:
    """Billiard table with raised rails, or table tennis table with a net."""
    wood, cloth = palette(rng, "wood"), (0.05, 0.4, 0.15)
    if chance(rng, 0.5):
        width, depth, height = rng.uniform(2.0, 2.8), rng.uniform(1.1, 1.5), rng.uniform(0.75, 0.85)
        body, rail = rng.uniform(0.15, 0.3), rng.uniform(0.08, 0.14)
        parts = [
            box((width, body, depth), (0, height - body / 2, 0), wood),
            box((width - rail, 0.01, depth - rail), (0, height + 0.005, 0), cloth),
        ]
        parts += [box((width, 0.05, rail), (0, height + 0.02, s * (depth - rail) / 2), wood) for s in (-1, 1)]
        parts += [box((rail, 0.05, depth), (s * (width - rail) / 2, height + 0.02, 0), wood) for s in (-1, 1)]
        parts += four_legs(
            width * 0.9, depth * 0.85, height - body, wood, pick(rng, "square", "turned", "tapered"), 0.15
        )[0]
        return Shape(parts, "billiard table", ["raised rails around the top", "strong legs"])
    parts = [box((2.7, 0.03, 1.5), (0, 0.75, 0), cloth), box((0.01, 0.15, 1.7), (0, 0.84, 0), (0.8, 0.8, 0.8))]
    legs, _ = pick(rng, sled, corner_legs)(rng, 0.6, 1.2, 0.735, palette(rng, "metal"))
    parts += move_all(legs, (-0.8, 0, 0)) + move_all(legs, (0.8, 0, 0))
    return Shape(parts, "table tennis table", ["a net across the top", "a long top"])


def sculptural_table(rng: np.random.Generator) -> Shape:
    """Designer base: tilted planes, a spiral of bars, a tripod of boards, a bundle of rods."""
    top_colour, base_colour = _colours(rng)
    width, height = rng.uniform(0.6, 1.6), rng.uniform(0.35, 0.78)
    kind = pick(rng, "round", "rectangle", "oval", "polygon")
    depth = width * (1.0 if kind in ("round", "polygon") else rng.uniform(0.5, 1.0))
    parts, thick, phrase = table_top(rng, kind, width, depth, height, top_colour)
    tall, reach = height - thick, 0.38 * depth
    style = pick(rng, "rods", "boards", "twist")
    count = {"rods": int(rng.integers(6, 15)), "boards": int(rng.integers(2, 5)), "twist": int(rng.integers(3, 6))}[
        style
    ]
    spin = rng.uniform(40, 140)
    for angle in np.arange(count) * 360 / count:
        if style == "boards":
            outline = [(0, 0), (reach, 0), (reach * rng.uniform(0.4, 1.0), tall), (0, tall)]
            piece = extrude(outline, 0.03, (0, 0, 0), base_colour, "xy")
        else:
            turn = np.deg2rad(spin)
            thick_bar = 0.01 if style == "rods" else 0.03
            piece = rod(
                (reach, 0, 0), (reach * np.cos(turn), tall, reach * np.sin(turn)), thick_bar, base_colour, sections=6
            )
        parts += rotate_all([piece], "y", angle)
    words = {"rods": "a bundle of thin rods", "boards": "upright boards in a star", "twist": "twisted legs"}
    return Shape(parts, "designer table", [phrase, words[style]])


TABLE: dict[str, Callable[[np.random.Generator], Shape]] = {
    "dining table": dining_table,
    "square table": square_table,
    "round leg table": round_leg_table,
    "pedestal table": pedestal_table,
    "double pedestal table": double_pedestal_table,
    "trestle table": trestle_table,
    "crossed table": crossed_table,
    "sled table": sled_table,
    "panel table": panel_table,
    "coffee table": coffee_table,
    "console table": console_table,
    "side table": side_table,
    "conference table": conference_table,
    "block table": block_table,
    "picnic table": picnic_table,
    "folding table": folding_table,
    "drop leaf table": drop_leaf_table,
    "glass table": glass_table,
    "nested tables": nested_tables,
    "bar table": bar_table,
    "drawer table": drawer_table,
    "game table": game_table,
    "sculptural table": sculptural_table,
}
