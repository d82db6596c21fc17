"""Monitors: flat, boxed and tube screens on stands, feet, arms, poles, walls or nothing.

A head (the screen with its case) is built with the middle of its front at the origin, facing +z, and then tilted,
lifted and joined to what carries it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import trimesh

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
    rounded_rectangle,
    sheet,
    tube,
)


__all__ = ["FUNCTIONS", "MONITOR"]

FUNCTIONS = {
    "monitor": [
        "something to watch films on",
        "a screen for a computer",
        "something to look at",
        "a device that shows pictures",
        "something to watch the news on",
        "a display for text and images",
        "something that shows what a computer does",
        "a place to see moving pictures",
        "an electronic device for viewing",
    ]
}

RATIOS = (1.25, 1.33, 1.33, 1.6, 1.6, 1.78, 1.78)  # width to height of usual screens
FEET = ("oval", "round", "rectangle", "rounded", "block", "u", "v", "cross", "ring", "dome", "bar", "tripod")
NECKS = ("post", "post", "plate", "rod", "twin", "lean", "bent", "wedge", "spine")


@dataclass
class Head:
    """A screen in its case, the middle of the front at the origin, facing +z.

    Args:
        parts: Its solids.
        size: Width, height and full depth (behind the front).
        details: True noun phrases.
        panel: Depth of the flat part, without what bulges behind it; 0 where the head is all one depth.
    """

    parts: list[Part]
    size: tuple[float, float, float]
    details: list[str] = field(default_factory=list)
    panel: float = 0.0


# ------------------------------------------------------------------------------------------------ heads


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Colours of the case and of the glass."""
    case = palette(rng, pick(rng, "plastic", "plastic", "metal", "any"))
    if chance(rng, 0.25):
        case = (value := rng.uniform(0.0, 0.15), value, value)
    # Pure black would hide every edge from a shaded view.
    red, green, blue = (0.1 + 0.9 * channel for channel in case)
    case = (red, green, blue)
    if chance(rng, 0.7):
        value = rng.uniform(0.03, 0.3)
        return case, (value, value, value * rng.uniform(1.0, 1.4))
    return case, pick(rng, palette(rng, "plastic"), (0.2, 0.45, 0.8), (0.75, 0.8, 0.85))


def _hull(sections: Sequence[Sequence[float]], roundness: float, colour: Colour) -> Part:
    """Closed solid through rounded rectangles, one row (z, width, height, middle y) each, given from front to back."""
    rings = []
    for z, width, height, middle in sections:
        outline = rounded_rectangle(width, height, roundness * min(width, height), 3)
        rings.append(np.column_stack([outline + (0, middle), np.full(len(outline), z)]))
    count, around = len(rings), len(rings[0])
    ring = np.arange(around)
    following = np.roll(ring, -1)
    faces = []
    for low in np.arange(count - 1) * around:
        faces.append(np.stack([ring + low, ring + low + around, following + low + around], axis=1))
        faces.append(np.stack([ring + low, following + low + around, following + low], axis=1))
    tip, last = count * around, (count - 1) * around
    faces.append(np.stack([np.full(around, tip), ring, following], axis=1))
    faces.append(np.stack([np.full(around, tip + 1), following + last, ring + last], axis=1))
    vertices = np.concatenate([*rings, [rings[0].mean(axis=0), rings[-1].mean(axis=0)]])
    return Part(trimesh.Trimesh(vertices, np.concatenate(faces), process=False, validate=False), colour)


def _front(rng: np.random.Generator, width: float, height: float, depth: float, colours: tuple[Colour, Colour]) -> Head:
    """Block of `depth` whose front carries the glass: sunk behind a frame, flush, raised, or with a broad chin."""
    case, glass = colours
    side = min(width, height) * rng.uniform(0.012, 0.11)
    top, bottom = side * rng.uniform(0.7, 1.3), side * pick(rng, 1.0, 1.0, rng.uniform(1.2, 3.0))
    side *= pick(rng, 1.0, 1.0, rng.uniform(0.6, 1.8))
    kind = pick(rng, "sunk", "sunk", "sunk", "flush", "raised")
    inner, middle = (width - 2 * side, height - top - bottom), (bottom - top) / 2
    if kind != "sunk":
        thick = 0.004 if kind == "flush" else rng.uniform(0.006, 0.02)
        solid = rounded_box if chance(rng, 0.3) else None
        extents, centre = (width, height, depth), (0, 0, -depth / 2)
        body = solid(extents, centre, min(depth * 0.3, side, top), case) if solid else box(extents, centre, case)
        return Head([body, box((*inner, thick), (0, middle, 0), glass)], (width, height, depth), ["a flat glass front"])
    lip = min(depth * rng.uniform(0.15, 0.6), rng.uniform(0.006, 0.04))
    parts = [
        box((width, height, depth - lip), (0, 0, -(depth + lip) / 2), case),
        box((*inner, 0.002), (0, middle, -lip), glass),
        box((width, top, lip), (0, (height - top) / 2, -lip / 2), case),
        box((width, bottom, lip), (0, (bottom - height) / 2, -lip / 2), case),
    ]
    parts += [box((side, inner[1], lip), (s * (width - side) / 2, middle, -lip / 2), case) for s in (-1, 1)]
    details = ["a broad frame around the glass" if side > 0.06 * min(width, height) else "a narrow frame"]
    if bottom > 2 * top:
        details.append("a broad strip below the glass")
    if bottom > 0.02 and chance(rng, 0.5):
        parts += _buttons(rng, width, (bottom - height) / 2, bottom, case)
        details.append("small buttons")
    return Head(parts, (width, height, depth), details)


def _buttons(rng: np.random.Generator, width: float, level: float, room: float, case: Colour) -> list[Part]:
    """Row of small buttons on the strip below the glass."""
    size, count = room * rng.uniform(0.25, 0.5), int(rng.integers(1, 7))
    start = pick(rng, 0.0, 0.32 * width - count * size)
    colour = pick(rng, palette(rng, "metal"), case)
    places = start + (np.arange(count) - (count - 1) / 2) * size * 1.8
    if chance(rng, 0.5):
        return [cylinder(size / 2, 0.012, (x, level, 0), colour, "z", 8) for x in places]
    return [box((size * 1.2, size * 0.7, 0.012), (x, level, 0), colour) for x in places]


def _back(rng: np.random.Generator, head: Head, case: Colour, kind: str | None = None) -> Head:
    """Adds what sits behind a flat panel: nothing, a bulge, a stepped box, a round cap or ribs."""
    width, height, depth = head.size
    kind = kind or pick(rng, "none", "none", "bulge", "bulge", "step", "cap", "ribs")
    if kind == "none":
        return head
    deep = rng.uniform(0.15, 1.6) * np.clip(depth, 0.03, 0.12 * width)
    wide, high = width * rng.uniform(0.4, 0.98), height * rng.uniform(0.4, 0.98)
    shift = rng.uniform(-1, 1) * (height - high) / 2
    if kind == "bulge":
        small = rng.uniform(0.5, 0.9)
        rows = [(-depth, wide, high, shift), (-depth - deep, wide * small, high * small, shift)]
        if chance(rng, 0.5):
            rows.insert(1, (-depth - 0.6 * deep, wide * (0.6 + 0.4 * small), high * (0.6 + 0.4 * small), shift))
        parts, phrase = [_hull(rows, rng.uniform(0.01, 0.3), case)], "a back that bulges"
    elif kind == "step":
        parts, phrase = [box((wide, high, deep), (0, shift, -depth - deep / 2), case)], "a stepped back"
    elif kind == "cap":
        deep = min(deep, 0.05)
        radius = 0.45 * min(wide, high)
        parts, phrase = [cylinder(radius, deep, (0, 0, -depth - deep / 2), case, "z", 20)], "a round cap at the back"
    else:
        deep = min(deep, 0.02)
        count = int(rng.integers(4, 10))
        levels = np.linspace(-0.4, 0.4, count) * high
        parts = [box((wide, 0.3 * high / count, deep), (0, y, -depth - deep / 2), case) for y in levels]
        phrase = "ribs at the back"
    return Head(head.parts + parts, (width, height, depth + deep), [*head.details, phrase], depth)


def _flat_head(
    rng: np.random.Generator,
    width: float,
    height: float,
    colours: tuple[Colour, Colour],
    thickness: tuple[float, float] = (0.012, 0.07),
) -> Head:
    """Thin panel with a random front and back; thickness is relative to the larger side."""
    depth = max(width, height) * rng.uniform(*thickness)
    head = _back(rng, _front(rng, width, height, depth, colours), colours[0])
    head.details.insert(0, "a thin screen" if head.size[2] < 0.09 * width else "a flat screen")
    return head


def _mount(head: Head, level: float, reach: float, colour: Colour) -> Part:
    """Block behind the panel at height `level` above the head's middle that sticks out `reach` behind everything."""
    width, height, depth = head.size
    start, end = 0.7 * (head.panel or depth), depth + reach
    side = min(0.11, 0.25 * height, 0.25 * width)
    return box((side, side, end - start), (0, level, -(start + end) / 2), colour)


def _placed(head: Head, gap: float, tilt: float) -> list[Part]:
    """Head tilted back by `tilt` degrees with its lower edge at height `gap`."""
    return move_all(rotate_all(head.parts, "x", -tilt), (0, gap + head.size[1] / 2, 0))


# ------------------------------------------------------------------------------------------------ stands


def _foot(
    rng: np.random.Generator, kind: str, width: float, depth: float, colour: Colour
) -> tuple[list[Part], float, str]:
    """Foot of `kind` around the origin on the floor; also its height in the middle and its phrase."""
    thick = rng.uniform(0.008, 0.045)
    if kind in ("oval", "round"):
        deep = width if kind == "round" else depth
        top = rng.uniform(0.75, 1.0)
        part = frustum(0.5, 0.5 * top, thick, (0, thick / 2, 0), colour, 24).scaled((width, 1, deep))
        return [part], thick, f"{'an oval' if kind == 'oval' else 'a round'} foot"
    if kind in ("rectangle", "rounded"):
        if kind == "rectangle":
            return [box((width, thick, depth), (0, thick / 2, 0), colour)], thick, "a rectangular foot"
        outline = rounded_rectangle(width, depth, rng.uniform(0.15, 0.5) * min(width, depth), 4)
        return [extrude(outline, thick, (0, thick / 2, 0), colour, "xz")], thick, "a foot with round corners"
    if kind == "block":
        thick = rng.uniform(0.04, 0.09)
        part = beam((0, 0, 0), (0, thick, 0), (width, depth), colour, taper=rng.uniform(0.4, 1.0))
        return [part], thick, "a block as its foot"
    if kind == "dome":
        thick = min(rng.uniform(0.03, 0.12) * width / 0.3, 0.08)
        angle = np.linspace(0, np.pi / 2, 6)
        part = revolve(np.column_stack([np.cos(angle) * 0.5, np.sin(angle) * thick]), (0, 0, 0), colour, 24)
        return [part.scaled((width, 1, max(depth, 0.7 * width)))], 0.97 * thick, "a domed foot"
    return _open_foot(rng, kind, width, depth, thick, colour)


def _open_foot(
    rng: np.random.Generator, kind: str, width: float, depth: float, thick: float, colour: Colour
) -> tuple[list[Part], float, str]:
    """Feet made of bars: U, V, cross, ring, single bar, tripod."""
    bar = rng.uniform(0.02, 0.05)
    half, deep, level = width / 2, depth / 2, thick / 2
    if kind == "u":
        parts = [box((width, thick, bar), (0, level, bar / 2 - deep), colour)]
        parts += [box((bar, thick, depth), (s * (half - bar / 2), level, 0), colour) for s in (-1, 1)]
        return [part.moved((0, 0, deep - bar / 2)) for part in parts], thick, "a foot like the letter u"
    if kind == "v":
        parts = [beam((0, level, 0), (s * half, level, depth), (bar, thick), colour) for s in (-1, 1)]
        return [*parts, box((bar * 2, thick, bar * 2), (0, level, 0), colour)], thick, "a foot like the letter v"
    if kind == "cross":
        ends = [(half, deep), (-half, deep), (half, -deep), (-half, -deep)]
        return (
            [beam((0, level, 0), (x, level, z), (bar, thick), colour) for x, z in ends],
            thick,
            "a foot like a cross",
        )
    if kind == "ring":
        angle = np.arange(20) * (np.pi / 10)
        path = np.column_stack([half * np.cos(angle), np.full(20, level), deep * np.sin(angle) + deep])
        return [tube(path, level, colour, 6, closed=True)], thick, "a ring as its foot"
    if kind == "bar":
        return [box((width, thick, bar * 1.5), (0, level, 0), colour)], thick, "a bar as its foot"
    turn = np.deg2rad([90, 210, 330])
    high = thick + rng.uniform(0.0, 0.05)
    reach = max(half, deep)
    parts = [rod((0, high, 0), (reach * np.cos(a), 0.01, reach * np.sin(a)), 0.012, colour) for a in turn]
    return parts, high, "a foot with three toes"


def _neck(
    rng: np.random.Generator,
    kind: str,
    bottom: Sequence[float],
    top: Sequence[float] | np.ndarray,
    wide: float,
    colour: Colour,
) -> tuple[list[Part], str]:
    """What joins the foot at `bottom` (3,) with the screen at `top` (3,); `wide` is the width it may use."""
    first, last = np.array(bottom, dtype=float), np.array(top, dtype=float)
    slim = rng.uniform(0.015, 0.05)
    if kind == "rod":
        return [rod(first, last, slim / 1.5, colour, 12)], "a round post"
    if kind == "plate":
        return [beam(first, last, (wide * rng.uniform(0.4, 1.0), slim * 0.6), colour)], "a wide flat post"
    if kind == "twin":
        apart = np.array([wide * rng.uniform(0.2, 0.5), 0, 0])
        return [rod(first + s * apart, last + s * apart, slim / 2.5, colour, 8) for s in (-1, 1)], "two thin posts"
    if kind == "bent":
        elbow = np.array([first[0], last[1], first[2]])
        path = rounded_path([first, elbow, last - (0, 0, 0.002)], 0.06, 4)
        return [tube(path, slim / 1.5, colour, 8)], "a bent post"
    if kind == "wedge":
        taper = rng.uniform(0.35, 0.8)
        return [beam(first, last, (wide * rng.uniform(0.4, 0.9), slim * 1.4), colour, taper)], "a tapered post"
    if kind == "spine":
        # A tall column behind the screen along which the height is adjusted.
        head = last + (0, rng.uniform(0.02, 0.12), 0)
        column = beam(first, (first[0], head[1], first[2]), (slim * 2, slim * 1.5), colour)
        return [column, beam((last[0], last[1], first[2]), last, slim * 1.5, colour)], "a column with a joint"
    return [beam(first, last, (slim * rng.uniform(1.0, 3.0), slim), colour)], "a post"


def _stand(
    rng: np.random.Generator, head: Head, gap: float, tilt: float, colour: Colour, foot: str | None = None
) -> tuple[list[Part], list[str]]:
    """Foot and neck in the middle of a head whose lower edge is at height `gap`."""
    width, height, depth = head.size
    size = rng.uniform(0.25, 0.75) * min(width, 2.2 * height)
    deep = size * rng.uniform(0.45, 1.0)
    foot_kind, neck_kind = foot or pick(rng, *FEET), pick(rng, *NECKS)
    lean = np.deg2rad(tilt)
    behind = chance(rng, 0.7) or neck_kind in ("bent", "spine")
    # Point that the neck reaches: on a block behind the panel, or inside the lower edge of the case.
    offset = height * (rng.uniform(0.12, 0.55) if behind else 0.01) - height / 2
    back = depth + 0.03 if behind else (head.panel or depth) * rng.uniform(0.5, 0.8)
    middle = gap + height / 2
    joint = np.array([0.0, middle + offset * np.cos(lean) - back * np.sin(lean), 0.0])
    joint[2] = -back * np.cos(lean) - offset * np.sin(lean)
    mount = rotate_all([_mount(head, offset, 0.03, colour)] if behind else [], "x", -tilt)
    parts, level, phrase = _foot(rng, foot_kind, size, deep, colour)
    ground = joint[2]
    if behind and neck_kind in ("lean", "bent", "spine", "wedge", "plate"):
        ground -= rng.uniform(0.02, 0.1)
    parts = move_all(
        parts,
        (
            0,
            0,
            ground + (rng.uniform(0.0, 0.25) * deep if foot_kind in ("oval", "round", "rectangle", "rounded") else 0),
        ),
    )
    joint[1] = max(joint[1], level + 0.02)
    start = (0, level * 0.9, ground)
    neck, neck_phrase = _neck(rng, neck_kind, start, joint, size * 0.5, colour)
    return parts + neck + move_all(mount, (0, middle, 0)), [phrase, neck_phrase]


def _on_stand(
    rng: np.random.Generator, family: str, head: Head, colour: Colour, gaps: tuple[float, float] = (0.03, 0.5)
) -> Shape:
    """Head on a central stand; the gap below the screen is relative to its height."""
    gap = rng.uniform(*gaps) * min(head.size[1], 0.6 * head.size[0]) + 0.05
    tilt = 0.0 if chance(rng, 0.5) else rng.uniform(-3, 18)
    stand, phrases = _stand(rng, head, gap, tilt, colour)
    return Shape(_placed(head, gap, tilt) + stand, family, [*head.details, *phrases])


def _stand_colour(rng: np.random.Generator, case: Colour) -> Colour:
    """Colour of what carries the screen, mostly that of its case."""
    return case if chance(rng, 0.6) else palette(rng, pick(rng, "metal", "plastic"))


# ------------------------------------------------------------------------------------------------ families


def desktop_monitor(rng: np.random.Generator) -> Shape:
    """Thin panel of usual proportions on a central stand."""
    colours = _colours(rng)
    width = rng.uniform(0.35, 0.65)
    head = _flat_head(rng, width, width / (pick(rng, *RATIOS) * rng.uniform(0.93, 1.07)), colours)
    return _on_stand(rng, "desktop monitor", head, _stand_colour(rng, colours[0]))


def thick_monitor(rng: np.random.Generator) -> Shape:
    """Early flat screen: a thick panel with a bulging or stepped back on a sturdy stand."""
    colours = _colours(rng)
    width = rng.uniform(0.35, 0.6)
    height = width / rng.uniform(1.15, 1.8)
    front = _front(rng, width, height, width * rng.uniform(0.06, 0.16), colours)
    head = _back(rng, front, colours[0], pick(rng, "bulge", "bulge", "step", "none", "ribs"))
    head.details.insert(0, "a thick screen")
    return _on_stand(rng, "thick monitor", head, _stand_colour(rng, colours[0]), (0.0, 0.4))


def wide_monitor(rng: np.random.Generator) -> Shape:
    """Wide or very wide panel or television close above a broad foot."""
    colours = _colours(rng)
    width = rng.uniform(0.7, 1.5)
    head = _flat_head(rng, width, width / rng.uniform(1.6, 2.8), colours, (0.012, 0.08))
    head.details.append("a wide screen")
    return _on_stand(rng, "wide television", head, _stand_colour(rng, colours[0]), (0.02, 0.25))


def two_feet_television(rng: np.random.Generator) -> Shape:
    """Wide panel on a foot under either side."""
    colours = _colours(rng)
    width = rng.uniform(0.7, 1.5)
    head = _flat_head(rng, width, width / rng.uniform(1.4, 2.4), colours, (0.012, 0.09))
    colour, depth = _stand_colour(rng, colours[0]), head.size[2]
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
    parts = _placed(head, gap, 0.0) + foot + mirror_all(foot)
    return Shape(parts, "television on two feet", [*head.details, "a foot under each side", "a wide screen"])


def _tube_head(
    rng: np.random.Generator, width: float, height: float, depth: float, colours: tuple[Colour, Colour], boxed: bool
) -> Head:
    """Case of a picture tube: a straight front part and a rear part that narrows in one or two steps."""
    case, glass = colours
    straight = depth * (rng.uniform(0.6, 1.0) if boxed else rng.uniform(0.08, 0.45))
    front = _front(rng, width, height, straight, colours)
    wide, high = (rng.uniform(0.75, 0.98), rng.uniform(0.7, 0.98)) if boxed else rng.uniform(0.35, 0.8, 2)
    drop = rng.uniform(-1.0, 0.4) * (1 - high) * height / 2
    rows = [(-straight * 0.98, width * 0.985, height * 0.985, 0.0)]
    if chance(rng, 0.6):
        blend, part = rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.7)
        rows.append(
            (
                -straight - part * (depth - straight),
                width * (1 - blend * (1 - wide)),
                height * (1 - blend * (1 - high)),
                blend * drop,
            )
        )
    rows.append((-depth - 0.002, width * wide, height * high, drop))
    parts = [*front.parts, _hull(rows, rng.uniform(0.01, 0.2), case)]
    if chance(rng, 0.4):
        neck = rng.uniform(0.03, 0.1)
        end = (-depth - neck * 1.0, width * wide * 0.5, height * high * 0.5, drop)
        parts.append(_hull([(-depth, width * wide * 0.75, height * high * 0.75, drop), end], 0.1, case))
        depth += neck
    if chance(rng, 0.35):
        # The glass of a tube is a shallow dome.
        bulge = rng.uniform(0.01, 0.03)
        scales = [(bulge, 0.5), (0.7 * bulge, 0.68), (0.0, 0.78), (-0.01, 0.8)]
        parts.append(_hull([(z, width * scale, height * scale, 0.0) for z, scale in scales], 0.15, glass))
    details = [*front.details, "a deep case", "a back that narrows" if not boxed else "a case like a box"]
    return Head(parts, (width, height, depth), details)


def tube_monitor(rng: np.random.Generator) -> Shape:
    """Tube computer monitor with a tapering back on a swivel foot."""
    colours = _colours(rng)
    width = rng.uniform(0.32, 0.5)
    head = _tube_head(
        rng, width, width / rng.uniform(1.0, 1.4), width * rng.uniform(0.55, 1.25), colours, chance(rng, 0.2)
    )
    gap, depth = rng.uniform(0.025, 0.09), head.size[2]
    middle, radius = -depth * rng.uniform(0.35, 0.6), min(width * rng.uniform(0.25, 0.45), 0.5 * depth)
    colour, thick = _stand_colour(rng, colours[0]), rng.uniform(0.35, 0.6)
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
    colours = _colours(rng)
    width = rng.uniform(0.4, 0.9)
    height, depth = width / rng.uniform(0.95, 1.5), width * rng.uniform(0.5, 1.0)
    head = _tube_head(rng, width, height, depth, colours, chance(rng, 0.6))
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
    colours = _colours(rng)
    width = rng.uniform(0.45, 1.1)
    height = width / rng.uniform(1.1, 2.4)
    depth = min(width, 1.4 * height) * rng.uniform(0.15, 0.85)
    front = _front(rng, width, height, depth, colours)
    head = Head(front.parts, front.size, [*front.details, "a deep case", "a case like a box"])
    if chance(rng, 0.4):
        head = _back(rng, head, colours[0], pick(rng, "bulge", "step", "ribs"))
    colour, kind = _stand_colour(rng, colours[0]), pick(rng, "none", "plinth", "feet", "stand", "swivel")
    if kind == "stand":
        return _on_stand(rng, "boxed screen", head, colour, (0.0, 0.3))
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
    return Shape(_placed(head, gap, 0.0) + parts, "boxed screen", head.details)


def projection_television(rng: np.random.Generator) -> Shape:
    """Large floor television: a screen above a shallower or deeper lower cabinet with a cloth front."""
    colours = _colours(rng)
    width = rng.uniform(0.9, 1.6)
    height, lower = width / rng.uniform(1.25, 1.8), width * rng.uniform(0.12, 0.45)
    depth = width * rng.uniform(0.3, 0.55)
    front = _front(rng, width, height, depth * rng.uniform(0.15, 0.4), colours)
    rows = [(-front.size[2], width * 0.97, height * 0.97, 0.0), (-depth, width * 0.75, height * 0.6, -0.18 * height)]
    parts = move_all([*front.parts, _hull(rows, 0.02, colours[0])], (0, lower + height / 2, 0))
    inset = pick(rng, 0.0, rng.uniform(0.02, 0.08) * width)
    parts.append(box((width - 2 * inset, lower, depth - inset), (0, lower / 2, -depth / 2 - inset / 2), colours[0]))
    cloth = box((0.8 * width, 0.7 * lower, 0.02), (0, lower / 2, -inset), palette(rng, "fabric"))
    return Shape([*parts, cloth], "projection television", [*front.details, "a large screen", "a cabinet below"])


def arm_monitor(rng: np.random.Generator) -> Shape:
    """Panel on a jointed arm that is clamped to a desk edge or stands on a pole."""
    colours = _colours(rng)
    width = rng.uniform(0.4, 0.8)
    head = _flat_head(rng, width, width / rng.uniform(1.3, 2.3), colours)
    colour, height, depth = palette(rng, "metal"), head.size[1], head.size[2]
    bar, centre = rng.uniform(0.025, 0.045), height / 2 + rng.uniform(0.0, 0.25)
    pole = -depth - rng.uniform(0.12, 0.3)
    side = rng.uniform(-0.25, 0.25) * width
    elbow = np.array([side + rng.uniform(-0.15, 0.15), centre + rng.uniform(-0.05, 0.05), (pole - depth) / 2])
    head.parts.append(_mount(head, 0.0, 0.02, colour))
    parts = _placed(head, centre - height / 2, rng.uniform(-5, 12))
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
    colours = _colours(rng)
    width = rng.uniform(0.45, 0.7)
    height = width / rng.uniform(1.25, 1.75)
    front = _front(rng, width, height, width * rng.uniform(0.02, 0.06), colours)
    head = _back(rng, front, colours[0], pick(rng, "none", "bulge"))
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
    colours = _colours(rng)
    height = rng.uniform(0.4, 0.65)
    head = _flat_head(rng, height / rng.uniform(1.0, 1.8), height, colours)
    head.details.append("an upright screen")
    return _on_stand(rng, "portrait monitor", head, _stand_colour(rng, colours[0]))


def curved_monitor(rng: np.random.Generator) -> Shape:
    """Wide panel that bends around the viewer."""
    case, glass = _colours(rng)
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
        parts.append(_hull(rows, 0.1, case))
    head = Head(parts, (width, height, thick), ["a curved screen", "a wide screen"])
    return _on_stand(rng, "curved monitor", head, _stand_colour(rng, case), (0.05, 0.5))


def several_monitors(rng: np.random.Generator) -> Shape:
    """Two or three equal screens side by side or one above the other."""
    colours = _colours(rng)
    width = rng.uniform(0.4, 0.6)
    height = width / pick(rng, *RATIOS)
    head = _flat_head(rng, width, height, colours)
    colour, turn = _stand_colour(rng, colours[0]), pick(rng, 0.0, rng.uniform(8, 30))
    kind = pick(rng, "own stands", "one bar", "one bar", "stacked")
    gap = rng.uniform(0.06, 0.25)
    if kind == "stacked":
        depth, level = head.size[2], gap + height + 0.01
        parts = _placed(head, gap, 0) + _placed(head, level, 0)
        post = -depth - 0.03
        parts += [rod((0, 0, post), (0, level + height * 0.7, post), 0.022, colour, 10)]
        parts += [box((0.12, 0.12, 0.05), (0, y + height / 2, -depth - 0.01), colour) for y in (gap, level)]
        foot, _, phrase = _foot(rng, pick(rng, "rectangle", "rounded", "oval"), 0.4, 0.28, colour)
        parts += move_all(foot, (0, 0, post))
        return Shape(parts, "two stacked monitors", [*head.details, "two screens one above the other", phrase])
    count = 2 if chance(rng, 0.7) else 3
    single = _placed(head, gap, 0.0)
    details = [*head.details, f"{counted(count, 'screen')} side by side"]
    if kind == "own stands":
        stand, phrases = _stand(rng, head, gap, 0.0, colour)
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
        foot, low, phrase = _foot(rng, pick(rng, "rectangle", "rounded", "oval", "u", "cross"), 0.45, 0.3, colour)
        parts += [*move_all(foot, (0, 0, back)), rod((0, low / 2, back), (0, level + 0.03, back), 0.022, colour, 10)]
        details += [phrase, "a bar that carries the screens"]
    return Shape(parts, f"{'two' if count == 2 else 'three'} monitors", details)


def wall_panel(rng: np.random.Generator) -> Shape:
    """Flat panel without a stand, bare or with a wall mount."""
    colours = _colours(rng)
    width = rng.uniform(0.5, 1.5)
    head = _flat_head(rng, width, width / rng.uniform(1.2, 2.4), colours, (0.015, 0.1))
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
    colours = _colours(rng)
    width = rng.uniform(0.4, 1.1)
    height = width / pick(rng, *RATIOS)
    head = _flat_head(rng, width, height, colours, (0.02, 0.14))
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
    stand, phrases = _stand(rng, head, gap, 0.0, _stand_colour(rng, colours[0]))
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
    colours = _colours(rng)
    width = rng.uniform(0.35, 0.5)
    depth = width * rng.uniform(0.6, 1.1)
    head = _tube_head(rng, width, width / rng.uniform(0.95, 1.4), depth, colours, chance(rng, 0.6))
    gap, parts, details = rng.uniform(0.0, 0.05), [], [*head.details, "a keyboard in front"]
    if chance(rng, 0.5):
        gap = rng.uniform(0.06, 0.14)
        parts = [box((width * rng.uniform(0.95, 1.3), gap, depth), (0, gap / 2, -depth / 2), colours[0])]
        details.append("a computer below the screen")
    elif gap > 0.02:
        parts = [box((0.7 * width, gap + 0.01, 0.6 * depth), (0, gap / 2, -0.5 * depth), colours[0])]
    board = _keyboard(rng, width * rng.uniform(0.9, 1.2), colours[0])
    parts += move_all(board, (0, 0, pick(rng, -0.01, rng.uniform(0.03, 0.12))))
    return Shape(_placed(head, gap, pick(rng, 0.0, 4.0)) + parts, "computer terminal", details)


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
    colours = _colours(rng)
    width = rng.uniform(0.4, 1.1)
    head = _flat_head(rng, width, width / rng.uniform(0.6, 1.9), colours, (0.02, 0.1))
    colour, depth = palette(rng, "metal"), head.size[2]
    gap, tilt = rng.uniform(0.4, 1.3) * min(head.size[1], 1.2 * width), pick(rng, 0.0, 0.0, rng.uniform(5, 40))
    lean = np.deg2rad(tilt)
    joint = (0, gap + head.size[1] / 2 - (depth + 0.03) * np.sin(lean), -(depth + 0.03) * np.cos(lean))
    size = width * rng.uniform(0.5, 0.95)
    kind = pick(rng, "round", "rectangle", "rounded", "cross", "u", "block", "tripod")
    foot, level, phrase = _foot(rng, kind, size, size * rng.uniform(0.6, 1.0), colour)
    ground = joint[2] - rng.uniform(0.0, 0.06)
    head.parts.append(_mount(head, 0.0, 0.03, colour))
    parts = _placed(head, gap, tilt) + move_all(foot, (0, 0, ground))
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
    colours = _colours(rng)
    width = rng.uniform(0.3, 0.6)
    head = _flat_head(rng, width, width / rng.uniform(0.8, 1.9), colours, (0.015, 0.08))
    height, depth, tilt = head.size[1], head.size[2], rng.uniform(8, 30)
    lean = np.deg2rad(tilt)
    parts = move_all(rotate_all(head.parts, "x", -tilt, (0, -height / 2, 0)), (0, height / 2, 0))
    place = height * rng.uniform(0.4, 0.8)
    top = np.array([0, place * np.cos(lean), -place * np.sin(lean) - (head.panel or depth) * np.cos(lean) - 0.003])
    bottom = (0, 0.0, top[2] - height * rng.uniform(0.1, 0.4))
    colour = _stand_colour(rng, colours[0])
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
    case, glass = _colours(rng)
    width = rng.uniform(0.36, 0.55)
    height, depth = width * rng.uniform(0.75, 1.05), width * rng.uniform(0.7, 1.2)
    steps = np.linspace(0, 1, 7)
    shrink = np.sqrt(np.maximum(1 - (steps * rng.uniform(0.86, 0.97)) ** rng.uniform(2.0, 3.0), 0.05))
    sink = rng.uniform(-0.6, 0.2) * (1 - shrink) * height / 2
    rows = np.column_stack([-steps * depth, width * shrink, height * shrink, sink])
    inset = rng.uniform(0.7, 0.9)
    rim = [(0.012, width * 0.94, height * 0.94, 0.0), (0.0, width, height, 0.0)]
    parts = [_hull([*rim, *rows[1:]], 0.28, case)]
    wide, high = width * inset, height * inset
    parts.append(_hull([(0.028, wide * 0.9, high * 0.85, 0.0), (0.0, wide, high, 0.0)], 0.15, glass))
    gap, metal = rng.uniform(0.02, 0.06), _stand_colour(rng, case)
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
    colours = _colours(rng)
    width = rng.uniform(0.36, 0.6)
    head = _flat_head(rng, width, width / pick(rng, *RATIOS), colours, (0.012, 0.05))
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
    head.parts.append(_mount(head, joint[1] - gap - height / 2, 0.02, colour))
    parts = [*_placed(head, gap, rng.uniform(-4, 10)), base, rod((0, tall * 0.8, ground), joint, 0.014, colour, 10)]
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
