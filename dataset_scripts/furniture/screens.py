"""Monitors: flat, boxed and tube screens on stands, feet, arms, poles, walls or nothing. They face +z."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

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
    mirror_all,
    move_all,
    palette,
    pick,
    revolve,
    rod,
    rotate_all,
    rounded_box,
    rounded_path,
    sheet,
)
from .screen_heads import Head, flat_front, flat_head, hull, mount_block, placed, screen_colours, tube_head, with_back
from .screen_stands import foot_and_neck, on_stand, stand_colour, stand_foot


RATIOS = (1.25, 1.33, 1.33, 1.6, 1.6, 1.78, 1.78)  # width to height of usual screens


def desktop_monitor(rng: np.random.Generator) -> Shape:
    """Thin panel of usual proportions on a central stand."""
    colours = screen_colours(rng)
    width = rng.uniform(0.35, 0.65)
    head = flat_head(rng, width, width / (pick(rng, *RATIOS) * rng.uniform(0.93, 1.07)), colours)
    return on_stand(rng, "desktop monitor", head, stand_colour(rng, colours[0]))


def thick_monitor(rng: np.random.Generator) -> Shape:
    """Early flat screen: a thick panel with a bulging or stepped back on a sturdy stand."""
    colours = screen_colours(rng)
    width = rng.uniform(0.35, 0.6)
    height = width / rng.uniform(1.15, 1.8)
    front = flat_front(rng, width, height, width * rng.uniform(0.06, 0.16), colours)
    head = with_back(rng, front, colours[0], pick(rng, "bulge", "bulge", "step", "none", "ribs"))
    head.details.insert(0, "a thick screen")
    return on_stand(rng, "thick monitor", head, stand_colour(rng, colours[0]), (0.0, 0.4))


def wide_monitor(rng: np.random.Generator) -> Shape:
    """Wide or very wide panel or television close above a broad foot."""
    colours = screen_colours(rng)
    width = rng.uniform(0.7, 1.5)
    head = flat_head(rng, width, width / rng.uniform(1.6, 2.8), colours, (0.012, 0.08))
    head.details.append("a wide screen")
    return on_stand(rng, "wide television", head, stand_colour(rng, colours[0]), (0.02, 0.25))


def two_feet_television(rng: np.random.Generator) -> Shape:
    """Wide panel on a foot under either side."""
    colours = screen_colours(rng)
    width = rng.uniform(0.7, 1.5)
    head = flat_head(rng, width, width / rng.uniform(1.4, 2.4), colours, (0.012, 0.09))
    colour, depth = stand_colour(rng, colours[0]), head.size[2]
    gap, reach = rng.uniform(0.03, 0.14), width * rng.uniform(0.2, 0.46)
    deep, kind = depth + rng.uniform(0.08, 0.3), pick(rng, "boards", "inverse v", "t", "angled")
    bar, middle = rng.uniform(0.012, 0.04), -depth / 2
    foot = []
    if kind == "boards":
        foot = [beam((reach, 0, middle), (reach, gap + 0.01, middle), (bar, deep), colour, rng.uniform(0.3, 1.0))]
    elif kind == "inverse v":
        foot = [rod((reach, gap + 0.02, middle), (reach, 0, middle + s * deep / 2), bar / 2, colour) for s in (-1, 1)]
    elif kind == "t":
        foot = [box((bar, 0.02, deep), (reach, 0.01, middle), colour)]
        foot.append(box((bar, gap + 0.02, min(bar, 0.9 * depth)), (reach, gap / 2 + 0.01, middle), colour))
    else:
        away = reach * rng.uniform(1.05, 1.25)
        foot = [beam((reach, gap + 0.02, middle), (away, 0.01, middle + s * deep / 2), bar, colour) for s in (-1, 1)]
    parts = placed(head, gap, 0.0) + foot + mirror_all(foot)
    return Shape(parts, "television on two feet", [*head.details, "a foot under each side", "a wide screen"])


def tube_monitor(rng: np.random.Generator) -> Shape:
    """Tube computer monitor with a tapering back on a swivel foot."""
    colours = screen_colours(rng)
    width = rng.uniform(0.32, 0.5)
    head = tube_head(
        rng, width, width / rng.uniform(1.0, 1.4), width * rng.uniform(0.55, 1.25), colours, chance(rng, 0.2)
    )
    gap, depth = rng.uniform(0.025, 0.09), head.size[2]
    middle, radius = -depth * rng.uniform(0.35, 0.6), min(width * rng.uniform(0.25, 0.45), 0.5 * depth)
    colour, thick = stand_colour(rng, colours[0]), rng.uniform(0.35, 0.6)
    kind = pick(rng, "round", "square", "block")
    if kind == "round":
        foot = [cylinder(radius, gap * thick, (0, gap * thick / 2, middle), colour, sections=24)]
    elif kind == "square":
        foot = [box((2 * radius, gap * thick, 1.8 * radius), (0, gap * thick / 2, middle), colour)]
    else:
        foot = [beam((0, 0, middle), (0, gap + 0.03, middle), (2 * radius, 1.7 * radius), colour, 0.8)]
    tall = gap * (1 - thick) + 0.1 * head.size[1]
    foot.append(frustum(radius * 0.6, radius * 0.85, tall, (0, gap * thick + tall / 2, middle), colour, 20))
    tilt = pick(rng, 0.0, rng.uniform(0, 10))
    parts = move_all(rotate_all(head.parts, "x", -tilt, (0, -head.size[1] / 2, middle)), (0, gap + head.size[1] / 2, 0))
    phrase = {"round": "a round swivel foot", "square": "a square swivel foot", "block": "a short block as its foot"}
    return Shape(parts + foot, "tube monitor", [*head.details, phrase[kind]])


def tube_television(rng: np.random.Generator) -> Shape:
    """Tube television that stands on its own case, on low feet or legs; knobs beside the glass, antennas."""
    colours = screen_colours(rng)
    width = rng.uniform(0.4, 0.9)
    height, depth = width / rng.uniform(0.95, 1.5), width * rng.uniform(0.5, 1.0)
    head = tube_head(rng, width, height, depth, colours, chance(rng, 0.6))
    parts, details = head.parts, head.details
    metal = palette(rng, "metal")
    if chance(rng, 0.45):
        panel = width * rng.uniform(0.18, 0.32)
        column = [box((panel, height, depth * 0.55), ((width + panel) / 2, 0, -depth * 0.275), colours[0])]
        for y in rng.uniform(0.05, 0.12) * height * np.arange(2) * 2 + 0.15 * height:
            column.append(cylinder(panel * 0.25, 0.03, ((width + panel) / 2, y, 0.015), metal, "z", 12))
        for y in np.linspace(-0.4, -0.05, 5) * height:
            column.append(box((panel * 0.7, 0.012, 0.01), ((width + panel) / 2, y, 0.002), metal))
        parts, details = parts + column, [*details, "round knobs beside the glass"]
    if chance(rng, 0.3):
        tip = (rng.uniform(0.1, 0.4) * width, height * rng.uniform(0.7, 1.1), -depth * 0.3)
        parts = parts + [
            rod((0, height * 0.48, -depth * 0.3), (s * tip[0], tip[1], tip[2]), 0.007, metal, 6) for s in (-1, 1)
        ]
        details = [*details, "two antennas on top"]
    if chance(rng, 0.4):
        drop = rng.uniform(0.02, 0.35)
        for s in (-1, 1):
            for z in (-0.08, -0.45):
                foot = (s * width * 0.4, -height / 2 - drop, z * depth)
                parts = [*parts, rod((s * width * 0.35, -height * 0.47, z * depth), foot, 0.018, metal, 8)]
        details = [*details, "four short legs"]
    return Shape(parts, "tube television", details)


def boxed_screen(rng: np.random.Generator) -> Shape:
    """Deep, boxed and wide screen: a block with glass on its front, on nothing, a plinth, feet or a stand."""
    colours = screen_colours(rng)
    width = rng.uniform(0.45, 1.1)
    height = width / rng.uniform(1.1, 2.4)
    depth = min(width, 1.4 * height) * rng.uniform(0.15, 0.85)
    front = flat_front(rng, width, height, depth, colours)
    head = Head(front.parts, front.size, [*front.details, "a deep case", "a case like a box"])
    if chance(rng, 0.4):
        head = with_back(rng, head, colours[0], pick(rng, "bulge", "step", "ribs"))
    colour, kind = stand_colour(rng, colours[0]), pick(rng, "none", "plinth", "feet", "stand", "swivel")
    if kind == "stand":
        return on_stand(rng, "boxed screen", head, colour, (0.0, 0.3))
    parts, gap = [], 0.0
    if kind in ("plinth", "swivel"):
        gap = rng.uniform(0.02, 0.1)
        size = (width * rng.uniform(0.4, 0.95), gap + 0.01, depth * rng.uniform(0.5, 1.1))
        centre = (0, gap / 2, -depth / 2)
        disc = cylinder(size[2] / 2, size[1], centre, colour, sections=24)
        parts = [box(size, centre, colour) if kind == "plinth" else disc]
        head.details.append("a plinth" if kind == "plinth" else "a round foot")
    elif kind == "feet":
        gap = rng.uniform(0.015, 0.06)
        for s in (-1, 1):
            parts += [cylinder(0.02, gap, (s * 0.42 * width, gap / 2, -z * depth), colour) for z in (0.12, 0.88)]
        head.details.append("four small feet")
    return Shape(placed(head, gap, 0.0) + parts, "boxed screen", head.details)


def projection_television(rng: np.random.Generator) -> Shape:
    """Large floor television: a screen above a shallower or deeper lower cabinet with a cloth front."""
    colours = screen_colours(rng)
    width = rng.uniform(0.9, 1.6)
    height, lower = width / rng.uniform(1.25, 1.8), width * rng.uniform(0.12, 0.45)
    depth = width * rng.uniform(0.3, 0.55)
    front = flat_front(rng, width, height, depth * rng.uniform(0.15, 0.4), colours)
    rows = [(-front.size[2], width * 0.97, height * 0.97, 0.0), (-depth, width * 0.75, height * 0.6, -0.18 * height)]
    parts = move_all([*front.parts, hull(rows, 0.02, colours[0])], (0, lower + height / 2, 0))
    inset = pick(rng, 0.0, rng.uniform(0.02, 0.08) * width)
    parts.append(box((width - 2 * inset, lower, depth - inset), (0, lower / 2, -depth / 2 - inset / 2), colours[0]))
    cloth = box((0.8 * width, 0.7 * lower, 0.02), (0, lower / 2, -inset), palette(rng, "fabric"))
    return Shape([*parts, cloth], "projection television", [*front.details, "a large screen", "a cabinet below"])


def arm_monitor(rng: np.random.Generator) -> Shape:
    """Panel on a jointed arm that is clamped to a desk edge or stands on a pole."""
    colours = screen_colours(rng)
    width = rng.uniform(0.4, 0.8)
    head = flat_head(rng, width, width / rng.uniform(1.3, 2.3), colours)
    colour, height, depth = palette(rng, "metal"), head.size[1], head.size[2]
    bar, centre = rng.uniform(0.025, 0.045), height / 2 + rng.uniform(0.0, 0.25)
    pole = -depth - rng.uniform(0.12, 0.3)
    side = rng.uniform(-0.25, 0.25) * width
    elbow = np.array([side + rng.uniform(-0.15, 0.15), centre + rng.uniform(-0.05, 0.05), (pole - depth) / 2])
    head.parts.append(mount_block(head, 0.0, 0.02, colour))
    parts = placed(head, centre - height / 2, rng.uniform(-5, 12))
    joints = np.array([(0.0, centre, -depth - 0.02), elbow, (side, centre - rng.uniform(0.0, 0.15), pole)])
    parts += [beam(first, last, bar, colour) for first, last in pairwise(joints)]
    parts += [cylinder(bar * 0.7, bar * 1.6, point, colour, sections=12) for point in joints[1:]]
    low = pick(rng, -0.02, rng.uniform(-0.15, 0.0))
    parts.append(rod((side, low, pole), (side, joints[2][1], pole), bar / 2, colour, 10))
    if chance(rng, 0.6):
        jaws = [box((0.08, 0.015, 0.12), (side, low + y, pole + 0.03), colour) for y in (0.0, -0.09)]
        parts += [*jaws, box((0.08, 0.1, 0.015), (side, low - 0.045, pole - 0.03), colour)]
        phrase = "a clamp for the desk"
    else:
        parts.append(cylinder(0.13, 0.02, (side, low, pole), colour, sections=20))
        phrase = "a round foot"
    return Shape(parts, "monitor on an arm", [*head.details, "a jointed arm", phrase])


def one_piece_computer(rng: np.random.Generator) -> Shape:
    """Computer behind the panel, on a bent sheet as its foot."""
    colours = screen_colours(rng)
    width = rng.uniform(0.45, 0.7)
    height = width / rng.uniform(1.25, 1.75)
    front = flat_front(rng, width, height, width * rng.uniform(0.02, 0.06), colours)
    head = with_back(rng, front, colours[0], pick(rng, "none", "bulge"))
    chin, depth = height * rng.uniform(0.0, 0.25), head.size[2]
    if chin > 0.05 * height:
        thick = front.size[2]
        head.parts.append(box((width, chin, thick), (0, -(height + chin) / 2, -thick / 2), colours[0]))
        head.details.append("a broad strip below the glass")
    gap, colour = chin + rng.uniform(0.05, 0.14), pick(rng, colours[0], palette(rng, "metal"))
    wide, reach = width * rng.uniform(0.25, 0.45), rng.uniform(0.14, 0.24)
    back = -depth - rng.uniform(0.02, 0.08)
    top = gap + height * rng.uniform(0.25, 0.5)
    bend = pick(rng, 0.01, rng.uniform(0.03, 0.08))
    path = rounded_path([(-0.8 * depth - 0.004, top), (back, gap * 0.9), (back, 0.006), (back + reach, 0.006)], bend, 4)
    grid = np.stack([np.column_stack([np.full(len(path), x), path[:, 1], path[:, 0]]) for x in (-wide / 2, wide / 2)])
    foot = sheet(grid, rng.uniform(0.006, 0.014), colour)
    turned = rotate_all(head.parts, "x", -rng.uniform(0, 8), (0, top - gap - height / 2, -depth))
    parts = move_all(turned, (0, gap + height / 2, 0))
    return Shape([*parts, foot], "all in one computer", [*head.details, "a bent sheet as its foot"])


def portrait_monitor(rng: np.random.Generator) -> Shape:
    """Panel that is taller than wide, or square, on a stand."""
    colours = screen_colours(rng)
    height = rng.uniform(0.4, 0.65)
    head = flat_head(rng, height / rng.uniform(1.0, 1.8), height, colours)
    head.details.append("an upright screen")
    return on_stand(rng, "portrait monitor", head, stand_colour(rng, colours[0]))


def curved_monitor(rng: np.random.Generator) -> Shape:
    """Wide panel that bends around the viewer."""
    case, glass = screen_colours(rng)
    width = rng.uniform(0.6, 1.2)
    height, angle = width / rng.uniform(1.7, 3.3), np.deg2rad(rng.uniform(20, 75))
    radius, thick = width / angle, width * rng.uniform(0.015, 0.05)
    edge = rng.uniform(0.01, 0.05) * height

    def arc(part: float, tall: float, behind: float) -> np.ndarray:
        """(2, 17, 3) bent strip of a part of the angle, `tall` high and `behind` the front."""
        turn = np.linspace(-0.5, 0.5, 17) * angle * part
        x, z = (radius + behind) * np.sin(turn), radius - (radius + behind) * np.cos(turn)
        return np.stack([np.column_stack([x, np.full(17, y), z]) for y in (-tall / 2, tall / 2)])

    parts = [sheet(arc(1.0, height, thick / 2), thick, case)]
    parts.append(sheet(arc(1 - 2 * edge / width, height - 2 * edge, 0.0), 0.004, glass))
    if chance(rng, 0.5):
        deep = thick + rng.uniform(0.02, 0.06)
        rows = [(-thick * 0.5, width * 0.4, height * 0.6, 0.0), (-deep, width * 0.3, height * 0.4, 0.0)]
        parts.append(hull(rows, 0.1, case))
    head = Head(parts, (width, height, thick), ["a curved screen", "a wide screen"])
    return on_stand(rng, "curved monitor", head, stand_colour(rng, case), (0.05, 0.5))


def several_monitors(rng: np.random.Generator) -> Shape:
    """Two or three equal screens side by side or one above the other."""
    colours = screen_colours(rng)
    width = rng.uniform(0.4, 0.6)
    height = width / pick(rng, *RATIOS)
    head = flat_head(rng, width, height, colours)
    colour, turn = stand_colour(rng, colours[0]), pick(rng, 0.0, rng.uniform(8, 30))
    kind = pick(rng, "own stands", "one bar", "one bar", "stacked")
    gap = rng.uniform(0.06, 0.25)
    if kind == "stacked":
        depth, level = head.size[2], gap + height + 0.01
        parts = placed(head, gap, 0) + placed(head, level, 0)
        post = -depth - 0.03
        parts += [rod((0, 0, post), (0, level + height * 0.7, post), 0.022, colour, 10)]
        parts += [box((0.12, 0.12, 0.05), (0, y + height / 2, -depth - 0.01), colour) for y in (gap, level)]
        foot, _, phrase = stand_foot(rng, pick(rng, "rectangle", "rounded", "oval"), 0.4, 0.28, colour)
        parts += move_all(foot, (0, 0, post))
        return Shape(parts, "two stacked monitors", [*head.details, "two screens one above the other", phrase])
    count = 2 if chance(rng, 0.7) else 3
    single = placed(head, gap, 0.0)
    details = [*head.details, f"{counted(count, 'screen')} side by side"]
    if kind == "own stands":
        stand, phrases = foot_and_neck(rng, head, gap, 0.0, colour)
        single, details = single + stand, details + phrases
    places = np.arange(count) - (count - 1) / 2
    parts = []
    for place in places:
        forward = abs(place) * width * np.sin(np.deg2rad(turn)) * 0.9
        parts += move_all(rotate_all(single, "y", -place * turn), (place * width * 1.03, 0, forward))
    if kind == "one bar":
        back, level = -head.size[2] - 0.04, gap + height / 2
        ends = [(x * width * 1.03, level, back + abs(x) * width * np.sin(np.deg2rad(turn)) * 0.9) for x in places]
        hub = (0, level, back)
        parts += [beam(hub, end, 0.03, colour) for end in ends if abs(end[0]) > 0]
        parts += [box((0.1, 0.1, 0.06), (x, y, z + 0.02), colour) for x, y, z in ends]
        foot, low, phrase = stand_foot(rng, pick(rng, "rectangle", "rounded", "oval", "u", "cross"), 0.45, 0.3, colour)
        parts += [*move_all(foot, (0, 0, back)), rod((0, low / 2, back), (0, level + 0.03, back), 0.022, colour, 10)]
        details += [phrase, "a bar that carries the screens"]
    return Shape(parts, f"{'two' if count == 2 else 'three'} monitors", details)


def wall_panel(rng: np.random.Generator) -> Shape:
    """Flat panel without a stand, bare or with a wall mount."""
    colours = screen_colours(rng)
    width = rng.uniform(0.5, 1.5)
    head = flat_head(rng, width, width / rng.uniform(1.2, 2.4), colours, (0.015, 0.1))
    parts, details = head.parts, [*head.details, "no foot"]
    if chance(rng, 0.4):
        metal, back = palette(rng, "metal"), head.size[2]
        away = rng.uniform(0.02, 0.15)
        parts = [*parts, box((0.3 * width, 0.3 * width, 0.015), (0, 0, -back - away), metal)]
        parts.append(beam((0, 0, -0.9 * back), (0, 0, -back - away), 0.08 * width, metal))
        details.append("a mount for the wall")
    return Shape(parts, "wall television", details)


def speaker_monitor(rng: np.random.Generator) -> Shape:
    """Screen with speakers at its sides, below it, or as a bar."""
    colours = screen_colours(rng)
    width = rng.uniform(0.4, 1.1)
    height = width / pick(rng, *RATIOS)
    head = flat_head(rng, width, height, colours, (0.02, 0.14))
    gap, kind = rng.uniform(0.04, 0.3) * height, pick(rng, "sides", "sides", "below", "loose")
    colour, thick = pick(rng, colours[0], palette(rng, "plastic")), head.size[2] * rng.uniform(0.6, 1.0)
    size, parts = width * rng.uniform(0.08, 0.2), []
    cloth = palette(rng, "fabric")
    if kind == "below":
        size = min(size, 0.7 * height)
        parts = [box((width * rng.uniform(0.7, 1.0), size, thick), (0, -(height + size) / 2, -thick / 2), colour)]
        parts += [
            box((0.28 * width, 0.6 * size, 0.01), (x * width, -(height + size) / 2, 0), cloth) for x in (-0.18, 0.18)
        ]
        gap += size
    else:
        tall = height * (rng.uniform(0.7, 1.0) if kind == "sides" else rng.uniform(0.4, 0.9))
        away = (width + size) / 2 + (0.0 if kind == "sides" else rng.uniform(0.02, 0.1))
        deep = thick if kind == "sides" else size * rng.uniform(0.8, 1.5)
        level = 0.0 if kind == "sides" else tall / 2 - height / 2 - gap
        one = [box((size, tall, deep), (away, level, -deep / 2), colour)]
        one += [cylinder(0.35 * size, 0.012, (away, level + y * tall, 0), cloth, "z", 14) for y in (-0.2, 0.22)]
        parts = one + mirror_all(one)
    stand, phrases = foot_and_neck(rng, head, gap, 0.0, stand_colour(rng, colours[0]))
    words = {"sides": "speakers at both sides", "below": "speakers below the glass", "loose": "two speakers beside it"}
    parts = move_all(head.parts + parts, (0, gap + height / 2, 0)) + stand
    return Shape(parts, "monitor with speakers", [*head.details, words[kind], *phrases])


def _keyboard(rng: np.random.Generator, width: float, colour: Colour) -> list[Part]:
    """Sloping board with rows of keys, its back edge at z = 0, on the floor."""
    depth, high, low = width * rng.uniform(0.3, 0.45), rng.uniform(0.02, 0.06), 0.015
    board = extrude([(0, 0), (depth, 0), (depth, low), (0, high)], width, (0, 0, 0), colour, "zy")
    keys, slope = palette(rng, "plastic"), np.array([low - high, depth]) / depth
    parts = [board]
    for place in np.linspace(0.18, 0.82, int(rng.integers(3, 6))) * depth:
        parts.append(box((0.9 * width, 0.012, 0.1 * depth), (0, high + slope[0] * place + 0.003, place), keys))
    return parts


def terminal(rng: np.random.Generator) -> Shape:
    """Retro computer: a tube case with a keyboard in front, joined to it or separate, and maybe a unit below."""
    colours = screen_colours(rng)
    width = rng.uniform(0.35, 0.5)
    depth = width * rng.uniform(0.6, 1.1)
    head = tube_head(rng, width, width / rng.uniform(0.95, 1.4), depth, colours, chance(rng, 0.6))
    gap, parts, details = rng.uniform(0.0, 0.05), [], [*head.details, "a keyboard in front"]
    if chance(rng, 0.5):
        gap = rng.uniform(0.06, 0.14)
        parts = [box((width * rng.uniform(0.95, 1.3), gap, depth), (0, gap / 2, -depth / 2), colours[0])]
        details.append("a computer below the screen")
    elif gap > 0.02:
        parts = [box((0.7 * width, gap + 0.01, 0.6 * depth), (0, gap / 2, -0.5 * depth), colours[0])]
    board = _keyboard(rng, width * rng.uniform(0.9, 1.2), colours[0])
    parts += move_all(board, (0, 0, pick(rng, -0.01, rng.uniform(0.03, 0.12))))
    return Shape(placed(head, gap, pick(rng, 0.0, 4.0)) + parts, "computer terminal", details)


def monitor_with_keyboard(rng: np.random.Generator) -> Shape:
    """Flat panel on a stand with a keyboard, and maybe a mouse, in front."""
    shape = desktop_monitor(rng)
    width = rng.uniform(0.3, 0.48)
    board = move_all(_keyboard(rng, width, palette(rng, "plastic")), (0, 0, rng.uniform(0.12, 0.25)))
    details = [*shape.details, "a keyboard in front"]
    if chance(rng, 0.5):
        board.append(rounded_box((0.06, 0.035, 0.1), (width / 2 + 0.09, 0.0175, 0.3), 0.015, palette(rng, "plastic")))
        details.append("a mouse beside the keyboard")
    return Shape(shape.parts + board, "monitor with a keyboard", details)


def pole_screen(rng: np.random.Generator) -> Shape:
    """Screen high on a pole: information kiosk, floor display, rolling television."""
    colours = screen_colours(rng)
    width = rng.uniform(0.4, 1.1)
    head = flat_head(rng, width, width / rng.uniform(0.6, 1.9), colours, (0.02, 0.1))
    colour, depth = palette(rng, "metal"), head.size[2]
    gap, tilt = rng.uniform(0.4, 1.3) * min(head.size[1], 1.2 * width), pick(rng, 0.0, 0.0, rng.uniform(5, 40))
    lean = np.deg2rad(tilt)
    joint = (0, gap + head.size[1] / 2 - (depth + 0.03) * np.sin(lean), -(depth + 0.03) * np.cos(lean))
    size = width * rng.uniform(0.5, 0.95)
    kind = pick(rng, "round", "rectangle", "rounded", "cross", "u", "block", "tripod")
    foot, level, phrase = stand_foot(rng, kind, size, size * rng.uniform(0.6, 1.0), colour)
    ground = joint[2] - rng.uniform(0.0, 0.06)
    head.parts.append(mount_block(head, 0.0, 0.03, colour))
    parts = placed(head, gap, tilt) + move_all(foot, (0, 0, ground))
    bar = rng.uniform(0.03, 0.08)
    start = (0, level * 0.8, ground)
    if chance(rng, 0.35):
        sides = [(s * 0.25 * size, 0, 0) for s in (-1, 1)]
        parts += [beam(np.add(start, side), np.add(joint, side), bar * 0.6, colour) for side in sides]
        parts.append(box((0.5 * size + bar, bar, 0.03), joint, colour))
        pole = "two poles"
        if kind not in ("rectangle", "rounded"):
            parts.append(box((0.5 * size + bar, bar * 0.6, bar), (0, level, ground), colour))
    else:
        parts.append(pick(rng, rod(start, joint, bar / 2, colour, 12), beam(start, joint, (bar * 2, bar), colour)))
        pole = "a tall pole"
    return Shape(parts, "screen on a pole", [*head.details, pole, phrase])


def strut_monitor(rng: np.random.Generator) -> Shape:
    """Panel that leans back on a strut behind it, or on a wedge: digital picture frame, tablet display."""
    colours = screen_colours(rng)
    width = rng.uniform(0.3, 0.6)
    head = flat_head(rng, width, width / rng.uniform(0.8, 1.9), colours, (0.015, 0.08))
    height, depth, tilt = head.size[1], head.size[2], rng.uniform(8, 30)
    lean = np.deg2rad(tilt)
    parts = move_all(rotate_all(head.parts, "x", -tilt, (0, -height / 2, 0)), (0, height / 2, 0))
    place = height * rng.uniform(0.4, 0.8)
    top = np.array([0, place * np.cos(lean), -place * np.sin(lean) - (head.panel or depth) * np.cos(lean) - 0.003])
    bottom = (0, 0.0, top[2] - height * rng.uniform(0.1, 0.4))
    colour = stand_colour(rng, colours[0])
    low = -depth * np.sin(lean)
    if chance(rng, 0.6):
        parts.append(beam(top, (bottom[0], low, bottom[2]), (width * rng.uniform(0.1, 0.6), 0.012), colour))
        phrase = "a strut behind the screen"
    else:
        outline = [(-0.5 * depth, low), (bottom[2], low), (top[2], top[1])]
        parts.append(extrude(outline, width * rng.uniform(0.3, 0.8), (0, 0, 0), colour, "zy"))
        phrase = "a wedge behind the screen"
    return Shape(parts, "leaning display", [*head.details, phrase])


def bubble_monitor(rng: np.random.Generator) -> Shape:
    """Rounded one-piece case like an egg, on short feet or a low foot."""
    case, glass = screen_colours(rng)
    width = rng.uniform(0.36, 0.55)
    height, depth = width * rng.uniform(0.75, 1.05), width * rng.uniform(0.7, 1.2)
    steps = np.linspace(0, 1, 7)
    shrink = np.sqrt(np.maximum(1 - (steps * rng.uniform(0.86, 0.97)) ** rng.uniform(2.0, 3.0), 0.05))
    sink = rng.uniform(-0.6, 0.2) * (1 - shrink) * height / 2
    rows = np.column_stack([-steps * depth, width * shrink, height * shrink, sink])
    inset = rng.uniform(0.7, 0.9)
    rim = [(0.012, width * 0.94, height * 0.94, 0.0), (0.0, width, height, 0.0)]
    parts = [hull([*rim, *rows[1:]], 0.28, case)]
    wide, high = width * inset, height * inset
    parts.append(hull([(0.028, wide * 0.9, high * 0.85, 0.0), (0.0, wide, high, 0.0)], 0.15, glass))
    gap, metal = rng.uniform(0.02, 0.06), stand_colour(rng, case)
    parts = move_all(parts, (0, height / 2 + gap, 0))
    if chance(rng, 0.5):
        parts.append(cylinder(0.3 * width, gap + 0.05, (0, gap / 2 + 0.025, -0.4 * depth), metal, sections=20))
        phrase = "a round foot"
    else:
        tall = gap + 0.1 * height
        parts += [rod((s * 0.33 * width, 0, -0.06), (s * 0.25 * width, tall, -0.08), 0.02, metal) for s in (-1, 1)]
        parts.append(rod((0, 0, -0.5 * depth), (0, gap + 0.2 * height, -0.45 * depth), 0.025, metal))
        phrase = "three short feet"
    return Shape(parts, "rounded tube monitor", ["a case with a round back", "a bulging glass", phrase])


def dome_arm_monitor(rng: np.random.Generator) -> Shape:
    """Panel on a bar that rises from a half ball or a box with the computer inside."""
    colours = screen_colours(rng)
    width = rng.uniform(0.36, 0.6)
    head = flat_head(rng, width, width / pick(rng, *RATIOS), colours, (0.012, 0.05))
    height, depth = head.size[1], head.size[2]
    radius, ground = rng.uniform(0.1, 0.18), -depth - rng.uniform(0.06, 0.16)
    if chance(rng, 0.6):
        angle = np.linspace(0, np.pi / 2, 7)
        tall = radius * rng.uniform(0.5, 1.0)
        profile = np.column_stack([np.cos(angle) * radius, np.sin(angle) * tall])
        base, phrase = revolve(profile, (0, 0, ground), colours[0], 24), "a foot like half a ball"
    else:
        tall = rng.uniform(0.05, 0.1)
        base = rounded_box((2.4 * radius, tall, 2 * radius), (0, tall / 2, ground), 0.02, colours[0])
        phrase = "a box as its foot"
    gap, colour = tall + rng.uniform(0.02, 0.12), palette(rng, "metal")
    joint = (0, gap + height * rng.uniform(0.4, 0.6), -depth - 0.02)
    head.parts.append(mount_block(head, joint[1] - gap - height / 2, 0.02, colour))
    parts = [*placed(head, gap, rng.uniform(-4, 10)), base, rod((0, tall * 0.8, ground), joint, 0.014, colour, 10)]
    return Shape(parts, "monitor on a thin bar", [*head.details, phrase, "a thin bar that carries the screen"])


MONITOR: dict[str, Callable[[np.random.Generator], Shape]] = {
    "desktop monitor": desktop_monitor,
    "thick monitor": thick_monitor,
    "wide monitor": wide_monitor,
    "two feet television": two_feet_television,
    "tube monitor": tube_monitor,
    "tube television": tube_television,
    "boxed screen": boxed_screen,
    "projection television": projection_television,
    "arm monitor": arm_monitor,
    "one piece computer": one_piece_computer,
    "portrait monitor": portrait_monitor,
    "curved monitor": curved_monitor,
    "several monitors": several_monitors,
    "wall panel": wall_panel,
    "speaker monitor": speaker_monitor,
    "terminal": terminal,
    "monitor with keyboard": monitor_with_keyboard,
    "pole screen": pole_screen,
    "strut monitor": strut_monitor,
    "bubble monitor": bubble_monitor,
    "dome arm monitor": dome_arm_monitor,
}
