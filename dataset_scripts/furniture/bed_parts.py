"""Mattresses, bedding, head and foot boards and rails that the beds are put together from. The head is at -z."""

from __future__ import annotations

import numpy as np

from .parts import (
    Colour,
    Part,
    box,
    chance,
    counted,
    cushion,
    extrude,
    move_all,
    palette,
    pick,
    revolve,
    rod,
    rounded_box,
    rounded_path,
    sheet,
    tube,
)
from .seat_parts import slats


BOARDS = ("panel", "arched", "stepped", "upholstered", "tufted", "slats", "bars", "framed", "ladder", "hoop", "rolled")


def bed_size(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Width, length, height of the mattress's upper side and its thickness: single to king size."""
    width = pick(rng, rng.uniform(0.8, 1.1), rng.uniform(1.2, 1.6), rng.uniform(1.5, 2.1))
    return width, rng.uniform(1.85, 2.2), rng.uniform(0.34, 0.72), rng.uniform(0.12, 0.32)


def bed_pillows(
    rng: np.random.Generator, width: float, length: float, top: float, colour: Colour
) -> tuple[list[Part], str]:
    """Pillows at the head, lying or leaning, one or two rows."""
    count = 1 if width < 1.15 else pick(rng, 2, 2, 2, 3)
    rows = 2 if chance(rng, 0.3) else 1
    wide, deep, tall = width / count * rng.uniform(0.7, 0.92), rng.uniform(0.32, 0.5), rng.uniform(0.1, 0.2)
    tip = pick(rng, 0.0, rng.uniform(15, 60))
    parts = []
    for row in range(rows):
        shade = colour if row == 0 else palette(rng, "fabric")
        share = 0.75**row
        lift = 0.5 * share * (deep * np.sin(np.deg2rad(tip)) + tall * np.cos(np.deg2rad(tip)))
        for index in range(count):
            x = width * ((index + 0.5) / count - 0.5) * share
            pillow = cushion((wide * share, tall * share, deep * share), (0, 0, 0), shade, rng.uniform(0.25, 0.5))
            spot = (x, top + lift - 0.02, -length / 2 + deep * (0.55 + 0.6 * row))
            parts.append(pillow.rotated("x", tip).moved(spot))
    return parts, counted(count * rows, "pillow")


def _quilt(
    rng: np.random.Generator, width: float, start: float, end: float, top: float, drop: float, colour: Colour
) -> Part:
    """Cover with folds that lies over the mattress from z = `start` to `end` and hangs down by `drop` at both sides."""
    half = width / 2 + 0.02
    across = np.array(
        [
            (-half, top - drop),
            (-half - 0.01, top - drop / 2),
            (-half, top),
            (half, top),
            (half + 0.01, top - drop / 2),
            (half, top - drop),
        ]
    )
    across = np.concatenate([across[:3], np.linspace(across[2], across[3], 7)[1:-1], across[3:]])
    along = np.linspace(start, end, 10)
    grid = np.empty((10, len(across), 3))
    grid[..., :2] = across
    grid[..., 2] = along[:, None]
    folds = rng.normal(0, rng.uniform(0.002, 0.018), size=(10, len(across)))
    grid[..., 1] += np.abs(folds) + 0.012
    grid[..., 0] += np.sign(grid[..., 0]) * np.abs(folds) * 0.5
    return sheet(grid, 0.02, colour)


def bedding(
    rng: np.random.Generator, width: float, length: float, top: float, thick: float
) -> tuple[list[Part], list[str]]:
    """Mattress whose upper side is at `top`, usually with pillows and a cover; solids and phrases."""
    linen, cover = palette(rng, pick(rng, "fabric", "ceramic")), palette(rng, "fabric")
    soft = rng.uniform(0.1, 0.45) * thick
    parts = [rounded_box((width, thick, length), (0, top - thick / 2, 0), soft, linen)]
    details = ["a mattress"]
    if chance(rng, 0.2):
        return parts, details
    if chance(rng, 0.9):
        pillows, phrase = bed_pillows(rng, width, length, top, palette(rng, "ceramic") if chance(rng, 0.5) else linen)
        parts += pillows
        details.append(phrase)
    if chance(rng, 0.7):
        start = -length / 2 + length * rng.uniform(0.2, 0.65)
        end, drop = length / 2 + rng.uniform(-0.02, 0.03), thick * rng.uniform(0.3, 1.2)
        if chance(rng, 0.6):
            parts.append(_quilt(rng, width, start, end, top, drop, cover))
        else:
            spot = (0, top + 0.02 - drop / 2, (start + end) / 2)
            parts.append(rounded_box((width + 0.05, drop + 0.03, end - start), spot, 0.03, cover))
        if chance(rng, 0.4):
            parts.append(
                rounded_box((width + 0.06, 0.05, rng.uniform(0.15, 0.35)), (0, top + 0.03, start + 0.1), 0.02, linen)
            )
        details.append("a blanket")
    elif chance(rng, 0.3):
        parts.append(
            rounded_box((width + 0.05, 0.04, rng.uniform(0.3, 0.6)), (0, top + 0.02, length * 0.28), 0.015, cover)
        )
        details.append("a folded blanket at the foot")
    return parts, details


def bed_board(
    rng: np.random.Generator, kind: str, width: float, height: float, wood: Colour, cloth: Colour
) -> tuple[list[Part], str]:
    """Head or foot board of `kind` (one of BOARDS), upright at z = 0 from the floor to `height`."""
    thick = rng.uniform(0.025, 0.08)
    x = np.linspace(-1, 1, 13)[::-1]
    if kind == "panel":
        return [box((width, height, thick), (0, height / 2, 0), wood)], "a plain board"
    if kind in ("arched", "stepped"):
        crown = rng.uniform(0.1, 0.35) * height
        curve = x**2 if kind == "arched" else np.clip((np.abs(x) - rng.uniform(0.3, 0.7)) * 4, 0, 1)
        edge = np.stack([x * width / 2, height - crown * curve], axis=1)
        return [
            extrude(np.concatenate([[(-width / 2, 0), (width / 2, 0)], edge]), thick, (0, 0, 0), wood, "xy")
        ], "an arched board"
    if kind == "upholstered":
        pad = rng.uniform(0.06, 0.16)
        return [rounded_box((width, height, pad), (0, height / 2, 0), 0.4 * pad, cloth)], "an upholstered board"
    if kind == "tufted":
        columns, rows = max(int(width / rng.uniform(0.22, 0.45)), 2), int(rng.integers(1, 4))
        parts = [box((width, height, 0.04), (0, height / 2, -0.03), cloth)]
        low = 0.4 * height
        size = (width / columns * 0.98, (height - low) / rows * 0.98, 0.1)
        for row in range(rows):
            for column in range(columns):
                spot = (width * ((column + 0.5) / columns - 0.5), low + (height - low) * (row + 0.5) / rows, 0.01)
                parts.append(rounded_box(size, spot, 0.03, cloth))
        return parts, "a board of padded squares"
    if kind == "rolled":
        z = np.concatenate([[0, 0, -0.01, -0.05, -0.12, -0.18], [-0.2]])
        y = height * np.array([0, 0.35, 0.6, 0.8, 0.93, 0.97, 0.92])
        bulge = rng.uniform(0.6, 1.4)
        grid = np.stack([np.stack([np.full(7, s * width / 2), y, z * bulge], axis=1) for s in (-1, 1)], axis=1)
        return [sheet(grid, thick, wood)], "a curved sleigh board"
    if kind == "hoop":
        path = rounded_path(
            [(-width / 2, 0, 0), (-width / 2, height, 0), (width / 2, height, 0), (width / 2, 0, 0)],
            rng.uniform(0.1, 0.6) * min(height, width / 2),
            segments=5,
        )
        parts = [
            tube(path, 0.02, wood),
            rod((-width / 2, 0.4 * height, 0), (width / 2, 0.4 * height, 0), 0.014, wood, sections=6),
        ]
        count = int(rng.integers(3, 10))
        for place in (np.arange(count) + 0.5) / count - 0.5:
            tall = height * (1 - 0.55 * (2 * place) ** 4)
            parts.append(rod((place * width, 0.4 * height, 0), (place * width, tall, 0), 0.009, wood, sections=6))
        return parts, "a bent metal board with bars"
    return _open_board(rng, kind, width, height, wood, cloth)


def _open_board(
    rng: np.random.Generator, kind: str, width: float, height: float, wood: Colour, cloth: Colour
) -> tuple[list[Part], str]:
    """Boards of posts and rails: "slats" or "bars" (upright), "ladder" (level) or "framed" (one panel)."""
    post, low, rail = rng.uniform(0.04, 0.1), rng.uniform(0.25, 0.5) * height, rng.uniform(0.04, 0.12)
    clear = width - 2 * post
    parts: list[Part] = []
    knob = chance(rng, 0.35)
    for s in (-1, 1):
        x = s * (width - post) / 2
        parts.append(box((post, height, post), (x, height / 2, 0), wood))
        if knob:
            profile = [(post * 0.4, 0), (post * 0.65, 0.04), (post * 0.3, 0.08), (0, 0.1)]
            parts.append(revolve(profile, (x, height, 0), wood, sections=8))
    parts += [box((clear, rail, post * 0.6), (0, y, 0), wood) for y in (low, height - rail / 2)]
    tall = height - low - rail
    middle = low + tall / 2 + rail / 4
    if kind == "framed":
        parts.append(box((clear, tall, post * 0.4), (0, middle, 0), pick(rng, wood, cloth)))
        return parts, "a framed board"
    if kind == "ladder":
        count = int(rng.integers(1, 4))
        step = tall / count
        parts += [box((clear, step * 0.6, 0.02), (0, low + step * (k + 0.5), 0), wood) for k in range(count)]
        return parts, "a board of level slats"
    count = int(rng.integers(4, 12))
    places = ((np.arange(count) + 0.5) / count - 0.5) * clear
    if kind == "bars":
        parts += [rod((x, low, 0), (x, height - rail, 0), 0.011, wood, sections=6) for x in places]
        return parts, "a board of upright bars"
    if kind == "slats":
        wide = clear / count * rng.uniform(0.35, 0.7)
        parts += [box((wide, tall, 0.018), (x, middle, 0), wood) for x in places]
        return parts, "a board of upright slats"
    raise ValueError(f"unknown bed board {kind!r}; use one of {BOARDS}.")


def side_rails(rng: np.random.Generator, width: float, length: float, level: float, wood: Colour) -> list[Part]:
    """Side rails (and a slatted or closed floor) whose upper edge is at height `level`."""
    tall, thick = min(rng.uniform(0.08, 0.26), level - 0.02), rng.uniform(0.02, 0.05)
    parts = [box((thick, tall, length), (s * (width + thick) / 2, level - tall / 2 + 0.04, 0), wood) for s in (-1, 1)]
    if chance(rng, 0.5):
        return parts + move_all(slats(rng, width, length, 0.02, wood, int(rng.integers(8, 15))), (0, level - 0.02, 0))
    return [*parts, box((width, 0.03, length), (0, level - 0.02, 0), wood)]
