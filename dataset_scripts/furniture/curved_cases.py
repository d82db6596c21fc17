"""Cases that are no plain boxes: bowed and bulging chests, drums and half rounds, for dressers and night stands.

Axes: y up, the fronts face +z, a case is centred on x = z = 0 above `Body.bottom`, metre-like units.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .cabinetry import Body, Finish, handle
from .parts import Colour, Part, beam, box, chance, cylinder, extrude, pick, revolve


BOWS = ("bow", "serpentine", "break", "hollow", "canted")

# Rows of (share of the height, share of the width and depth) from the bottom up.
BULGES = {
    "bombe": ((0.0, 0.78), (0.2, 0.84), (0.45, 0.96), (0.65, 1.0), (0.85, 0.95), (1.0, 0.88)),
    "belly": ((0.0, 0.8), (0.25, 0.97), (0.45, 1.0), (0.7, 0.92), (1.0, 0.8)),
    "narrow foot": ((0.0, 0.7), (1.0, 1.0)),
    "narrow top": ((0.0, 1.0), (1.0, 0.72)),
    "waist": ((0.0, 1.0), (0.25, 0.9), (0.5, 0.82), (0.75, 0.88), (1.0, 1.0)),
}


def front_line(kind: str, width: float, bulge: float) -> np.ndarray:
    """(K, 2) rows of x from left to right and how far the front stands out there (0 to `bulge`), both in metres."""
    if kind == "break":
        x, out = np.array([-0.5, -0.2, -0.18, 0.18, 0.2, 0.5]), np.array([0, 0, 1, 1, 0, 0])
    elif kind == "canted":
        x, out = np.array([-0.5, -0.4, 0.4, 0.5]), np.array([0, 1, 1, 0])
    elif kind in BOWS:
        x = np.linspace(-0.5, 0.5, 13)
        waves = {"bow": 1 - (2 * x) ** 2, "hollow": (2 * x) ** 2, "serpentine": 0.5 + 0.5 * np.cos(4 * np.pi * x)}
        out = waves[kind]
    else:
        raise ValueError(f"unknown front {kind!r}; use one of {BOWS}.")
    return np.stack([x * width, out * bulge], axis=1)


def bowed_case(rng: np.random.Generator, body: Body, rows: int, kind: str, finish: Finish) -> list[Part]:
    """Chest of `rows` drawers whose front follows a line of `kind` (see BOWS), with a top board of the same outline."""
    line = front_line(kind, body.width, rng.uniform(0.08, 0.3) * body.depth)
    line[:, 1] += body.depth / 2 - line[:, 1].max()
    back = -body.depth / 2
    plan = [(-body.width / 2, back), (body.width / 2, back), *line[::-1]]
    parts = [extrude(plan, body.height, (0, body.bottom + body.height / 2, 0), finish.wood, "xz")]
    thick = rng.uniform(0.015, 0.04)
    parts.append(extrude(np.multiply(plan, 1.04), thick, (0, body.top + thick / 2, 0.01), finish.wood, "xz"))
    inside = line * (0.93, 1.0)
    face, gap = 0.012, 0.012
    band = [*(inside + (0, face)), *(inside - (0, 0.02))[::-1]]
    edges = body.bottom + 0.03 + np.linspace(0, 1, rows + 1) * (body.height - 0.06)
    for low, high in pairwise(edges):
        middle = (low + high) / 2
        parts.append(extrude(band, high - low - gap, (0, middle, 0), finish.front, "xz"))
        for x in (0.0,) if body.width < 0.55 else (-0.26 * body.width, 0.26 * body.width):
            z = float(np.interp(x, line[:, 0], line[:, 1])) + face
            parts += handle(finish.handle, (x, middle, z), 0.3 * body.width, high - low, finish.metal)
    return parts


def bulging_case(
    body: Body, rows: int, kind: str, finish: Finish, bulge: Sequence[Sequence[float]] | None = None
) -> list[Part]:
    """Chest of `rows` drawers whose width and depth change with the height, see BULGES."""
    share, scale = np.array(BULGES[kind] if bulge is None else bulge).T
    # A revolved solid of four sections is a square frustum; its corners come to the diagonals by an eighth of a turn.
    profile = np.stack([scale * np.sqrt(0.5), share * body.height + body.bottom], axis=1)
    solid = revolve(profile, (0, 0, 0), finish.wood, sections=4).rotated("y", 45)
    parts = [solid.scaled((body.width, 1, body.depth))]
    thick, wide = 0.02, float(scale[-1])
    lid = (body.width * wide + 0.03, thick, body.depth * wide + 0.03)
    parts.append(box(lid, (0, body.top + thick / 2, 0), finish.wood))
    edges = np.linspace(0.03, 0.97, rows + 1)
    for low, high in zip(edges[:-1] + 0.008, edges[1:] - 0.008, strict=True):
        first, last = (float(np.interp(y, share, scale)) for y in (low, high))
        foot = np.array((0, body.bottom + low * body.height, first * body.depth / 2))
        head = np.array((0, body.bottom + high * body.height, last * body.depth / 2))
        parts.append(beam(foot, head, (0.9 * first * body.width, 0.02), finish.front, taper=last / first))
        place = (foot + head) / 2 + (0, 0, 0.01)
        for x in (0.0,) if body.width < 0.55 else (-0.25 * body.width, 0.25 * body.width):
            tall = (high - low) * body.height
            parts += handle(finish.handle, place + (x, 0, 0), 0.3 * body.width, tall, finish.metal)
    return parts


def arc(radius: float, half_angle: float, thickness: float, segments: int = 8) -> np.ndarray:
    """(K, 2) outline (x, z) of a band around the front of a circle: `half_angle` degrees on either side of +z."""
    angle = np.deg2rad(np.linspace(-half_angle, half_angle, segments + 1))
    line = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return np.concatenate([line * (radius + thickness), line[::-1] * radius])


def drum_case(rng: np.random.Generator, body: Body, finish: Finish) -> tuple[list[Part], list[str]]:
    """Round or many-sided case as wide as `body`, with drawers or a door around its front, or open; and its phrases."""
    sections = pick(rng, 24, 24, 24, 6, 8)
    radius, middle = body.width / 2, body.bottom + body.height / 2
    name = "a round case" if sections == 24 else f"a case with {'six' if sections == 6 else 'eight'} sides"
    content = pick(rng, "drawers", "door", "open", "plain")
    if content == "open":
        levels = [body.bottom + 0.015, middle, body.top - 0.015][:: pick(rng, 1, 2)]
        parts = [cylinder(radius, 0.03, (0, level, 0), finish.wood, sections=sections) for level in levels]
        if chance(rng, 0.5):
            turn = np.deg2rad(pick(rng, [60, 180, 300], [45, 135, 225, 315]))
            posts = np.stack([np.sin(turn), np.zeros(len(turn)), np.cos(turn)], axis=1) * radius * 0.85
            return parts + [box((0.04, body.height, 0.04), post + (0, middle, 0), finish.wood) for post in posts], [
                "round shelves on posts"
            ]
        shell = arc(radius * 0.97, rng.uniform(90, 140), 0.015, 18) * (1, -1)
        return [*parts, extrude(shell, body.height - 0.02, (0, middle, 0), finish.wood, "xz")], [name, "an open front"]
    parts = [cylinder(radius, body.height, (0, middle, 0), finish.wood, sections=sections)]
    if chance(rng, 0.6):
        lid = radius * rng.uniform(1.02, 1.1)
        parts.append(cylinder(lid, 0.025, (0, body.top + 0.012, 0), finish.front, sections=sections))
    if content == "plain":
        return parts, [name]
    rows = int(rng.integers(1, 4)) if content == "drawers" else 1
    edges = body.bottom + 0.02 + np.linspace(0, 1, rows + 1) * (body.height - 0.04)
    if sections == 24:
        band = arc(radius - 0.005, rng.uniform(35, 60), 0.018)
    else:
        # Turn one flat side to the front and lay a flat panel on it.
        parts = [part.rotated("y", 90 - 180 / sections) for part in parts]
        flat, half = radius * np.cos(np.pi / sections), 0.9 * radius * np.sin(np.pi / sections)
        band = np.array([(-half, flat - 0.005), (half, flat - 0.005), (half, flat + 0.013), (-half, flat + 0.013)])
    for low, high in pairwise(edges):
        level, tall = (low + high) / 2, high - low
        parts.append(extrude(band, tall - 0.012, (0, level, 0), finish.front, "xz"))
        side = 0.0 if content == "drawers" else 0.35 * radius
        z = float(band[:, 1].max()) - (0.0 if sections != 24 else radius - np.sqrt(radius**2 - side**2))
        parts += handle(
            "knob" if content == "door" else finish.handle, (side, level, z), 0.7 * radius, tall, finish.metal
        )
    return parts, [
        name,
        "one door" if content == "door" else "one drawer" if rows == 1 else f"{('two', 'three')[rows - 2]} drawers",
    ]


def half_round_case(rng: np.random.Generator, body: Body, finish: Finish) -> tuple[list[Part], list[str]]:
    """Half a drum with its flat side at the back, with a drawer band or open shelves; and its phrases."""
    angle = np.linspace(0, np.pi, 13)
    plan = np.stack([np.cos(angle) * body.width / 2, np.sin(angle) * body.depth - body.depth / 2], axis=1)

    def slab(colour: Colour, low: float, high: float, spread: float = 1.0) -> Part:
        return extrude(plan * spread, high - low, (0, (low + high) / 2, 0), colour, "xz")

    if chance(rng, 0.4):
        levels = np.linspace(body.bottom, body.top - 0.025, int(rng.integers(2, 4)))
        back = box(
            (0.8 * body.width, body.height, 0.02),
            (0, body.bottom + body.height / 2, 0.01 - body.depth / 2),
            finish.wood,
        )
        return [slab(finish.wood, level, level + 0.025) for level in levels] + [back], ["half round shelves"]
    parts = [slab(finish.wood, body.bottom, body.top), slab(finish.front, body.top, body.top + 0.025, 1.05)]
    parts.append(slab(finish.front, body.top - rng.uniform(0.12, 0.6) * body.height, body.top - 0.015, 1.02))
    parts += handle(
        finish.handle, (0, body.top - 0.1 * body.height, 0.51 * body.depth), 0.4 * body.width, 0.1, finish.metal
    )
    return parts, ["a half round case", "one drawer"]
