"""What a screen in the middle stands on: foot, neck and the joint behind or below the case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .parts import (
    Colour,
    Part,
    Shape,
    beam,
    box,
    chance,
    extrude,
    frustum,
    move_all,
    palette,
    pick,
    revolve,
    rod,
    rotate_all,
    rounded_path,
    rounded_rectangle,
    tube,
)
from .screen_heads import Head, mount_block, placed


FEET = ("oval", "round", "rectangle", "rounded", "block", "u", "v", "cross", "ring", "dome", "bar", "tripod")


NECKS = ("post", "post", "plate", "rod", "twin", "lean", "bent", "wedge", "spine")


def stand_foot(
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


def stand_neck(
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


def foot_and_neck(
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
    mount = rotate_all([mount_block(head, offset, 0.03, colour)] if behind else [], "x", -tilt)
    parts, level, phrase = stand_foot(rng, foot_kind, size, deep, colour)
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
    neck, neck_phrase = stand_neck(rng, neck_kind, start, joint, size * 0.5, colour)
    return parts + neck + move_all(mount, (0, middle, 0)), [phrase, neck_phrase]


def on_stand(
    rng: np.random.Generator, family: str, head: Head, colour: Colour, gaps: tuple[float, float] = (0.03, 0.5)
) -> Shape:
    """Head on a central stand; the gap below the screen is relative to its height."""
    gap = rng.uniform(*gaps) * min(head.size[1], 0.6 * head.size[0]) + 0.05
    tilt = 0.0 if chance(rng, 0.5) else rng.uniform(-3, 18)
    stand, phrases = foot_and_neck(rng, head, gap, tilt, colour)
    return Shape(placed(head, gap, tilt) + stand, family, [*head.details, *phrases])


def stand_colour(rng: np.random.Generator, case: Colour) -> Colour:
    """Colour of what carries the screen, mostly that of its case."""
    return case if chance(rng, 0.6) else palette(rng, pick(rng, "metal", "plastic"))
