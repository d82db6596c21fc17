"""Toilets: a bowl with or without a seat, a lid and a tank. The bowl faces +z, its tank or wall stands at -z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .parts import Shape, box, chance, cylinder, move_all, palette, pick, revolve, rod, rounded_box, rounded_path, tube
from .toilet_parts import LID_STATES, Bowl, back_deck, seat_and_lid, toilet_body, toilet_tank
from .vessels import faucet, scaled_spans, skin, varied


def _with_tank(rng: np.random.Generator, bowl: Bowl, kind: str, state: str, family: str) -> Shape:
    """Bowl, seat and a tank that stands on the back of the bowl."""
    body, base_words = toilet_body(rng, bowl, kind)
    gap = rng.uniform(-0.02, 0.06)
    tank, tank_words, deep = toilet_tank(rng, bowl, bowl.top - rng.uniform(0.0, 0.03), -gap)
    lid, lid_words = seat_and_lid(rng, bowl, state)
    parts = [body, *back_deck(rng, bowl, gap + deep * rng.uniform(0.5, 1.0)), *tank, *lid]
    details = [tank_words, lid_words, bowl.words, base_words]
    return varied(rng, Shape(parts, family, details), 0.14)


def close_coupled_toilet(rng: np.random.Generator) -> Shape:
    """Bowl on a pedestal, tank on its back."""
    kind = pick(rng, "pedestal", "pedestal", "pedestal", "cone", "skirt")
    return _with_tank(rng, Bowl(rng), kind, pick(rng, *LID_STATES), "close-coupled toilet")


def raised_lid_toilet(rng: np.random.Generator) -> Shape:
    """Lid, or lid and seat, up against the tank."""
    bowl = Bowl(rng)
    return _with_tank(
        rng, bowl, pick(rng, "pedestal", "cone", "skirt", "drum"), pick(rng, "lid up", "both up"), "open toilet"
    )


def square_toilet(rng: np.random.Generator) -> Shape:
    """Squared bowl and tank."""
    bowl = Bowl(rng, pick(rng, "rectangle", "sharp", "rounded"))
    return _with_tank(rng, bowl, pick(rng, "box", "skirt", "cone"), pick(rng, *LID_STATES), "square toilet")


def drum_toilet(rng: np.random.Generator) -> Shape:
    """Plain model: round foot, bowl, box for a tank."""
    bowl = Bowl(rng, pick(rng, "oval", "oval", "egg"))
    return _with_tank(rng, bowl, pick(rng, "drum", "cone"), pick(rng, *LID_STATES), "plain toilet")


def one_piece_toilet(rng: np.random.Generator) -> Shape:
    """Bowl and low tank grown together, smooth."""
    bowl = Bowl(rng, pick(rng, "egg", "dee", "oval"))
    body, base_words = toilet_body(rng, bowl, pick(rng, "skirt", "skirt", "pedestal"))
    wide, deep, tall = bowl.width * rng.uniform(0.85, 1.25), rng.uniform(0.14, 0.24), rng.uniform(0.12, 0.36)
    z0, z1, top = -deep, bowl.depth * 0.1, bowl.top
    lean = rng.uniform(0.3, 1.0)
    spread = bowl.width * rng.uniform(0.7, 0.95)
    levels = [("rounded", -spread / 2, spread / 2, z0 + 0.02, z1 + bowl.depth * 0.25, 0.0)]
    levels.append(("rounded", -spread / 2, spread / 2, z0, z1 + bowl.depth * 0.15, top * 0.85))
    levels.append(("rounded", -wide / 2, wide / 2, z0, z1 - 0.02 * lean, top + tall * 0.25))
    levels.append(("rounded", -wide / 2, wide / 2, z0, z1 - 0.06 * lean, top + tall * 0.93))
    levels.append(("rounded", -wide / 2 * 0.95, wide / 2 * 0.95, z0 + 0.01, z1 - 0.07 * lean, top + tall))
    state = pick(rng, "closed", "closed", "lid up", "seat only")
    lid, lid_words = seat_and_lid(rng, bowl, state)
    parts = [body, skin(levels, bowl.colour), *move_all(lid, (0, 0, bowl.depth * 0.1))]
    details = ["one smooth body", "a low tank" if tall < 0.25 else "a tall tank", lid_words, base_words]
    return varied(rng, Shape(parts, "one-piece toilet", details), 0.14)


def wall_hung_toilet(rng: np.random.Generator) -> Shape:
    """Bowl without a foot, alone, or on a wall panel with a flush plate."""
    bowl = Bowl(rng, pick(rng, "egg", "dee", "dee", "rounded", "rectangle"))
    body, words = toilet_body(rng, bowl, "hung")
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, "closed", "closed", "lid up", "seat only", "none"))
    parts, details = [body, *lid], [words, "no tank", lid_words, bowl.words]
    block = bowl.top * rng.uniform(0.4, 0.75)
    parts.append(
        box((bowl.width * rng.uniform(0.8, 1.0), block, 0.12), (0, bowl.top - block / 2 - 0.002, 0.0), bowl.colour)
    )
    if chance(rng, 0.4):
        wide, tall, thick = bowl.width * rng.uniform(1.2, 2.4), rng.uniform(0.8, 1.2), rng.uniform(0.03, 0.2)
        parts.append(box((wide, tall, thick), (0, tall / 2, -0.06 - thick / 2), palette(rng, "any")))
        parts.append(box((0.22, 0.15, 0.02), (0, tall * 0.85, -0.055), palette(rng, "metal")))
        details += ["a wall panel", "a flush plate"]
    return varied(rng, Shape(parts, "wall-hung toilet", details), 0.14)


def high_tank_toilet(rng: np.random.Generator) -> Shape:
    """Tank high up on a pipe."""
    bowl = Bowl(rng)
    body, base_words = toilet_body(rng, bowl, pick(rng, "pedestal", "drum", "cone"))
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, *LID_STATES))
    high = rng.uniform(0.75, 1.7)
    gap = rng.uniform(0.0, 0.06)
    tank, _, deep = toilet_tank(rng, bowl, high, -gap, rng.uniform(0.18, 0.34))
    radius, metal = rng.uniform(0.015, 0.035), palette(rng, pick(rng, "metal", "ceramic"))
    back = -gap - deep * 0.5
    path = rounded_path(
        [(0, high + 0.02, back), (0, bowl.top * 0.85, back), (0, bowl.top * 0.85, bowl.depth * 0.1)], 0.06
    )
    parts = [body, *lid, *tank, tube(path, radius, metal, 10)]
    details = ["a high tank", "a long flush pipe", lid_words, base_words]
    if chance(rng, 0.5):
        x = 0.16 * pick(rng, -1, 1)
        parts.append(rod((x, high + 0.1, back), (x, high - rng.uniform(0.2, 0.5), back), 0.006, metal, 6))
        details.append("a pull chain")
    return varied(rng, Shape(parts, "high-tank toilet", details), 0.12)


def back_to_wall_toilet(rng: np.random.Generator) -> Shape:
    """Skirted bowl straight to a wall or a boxed-in tank."""
    bowl = Bowl(rng, pick(rng, "dee", "egg", "rounded"))
    body, base_words = toilet_body(rng, bowl, "skirt")
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, "closed", "closed", "lid up", "both up", "seat only"))
    wide, deep = bowl.width * rng.uniform(1.0, 1.9), rng.uniform(0.15, 0.3)
    tall = rng.uniform(0.7, 1.1)
    case = palette(rng, pick(rng, "wood", "ceramic", "any"))
    parts = [body, *lid, box((wide, tall, deep), (0, tall / 2, -deep / 2 + 0.01), case)]
    if chance(rng, 0.6):
        parts.append(box((wide * 1.04, 0.03, deep * 1.06), (0, tall + 0.013, -deep / 2 + 0.01), palette(rng, "any")))
    parts.append(cylinder(0.035, 0.03, (0, tall * 0.85, 0.015), palette(rng, "metal"), "z", 12))
    return varied(
        rng, Shape(parts, "back-to-wall toilet", ["a boxed-in tank", lid_words, base_words, bowl.words]), 0.12
    )


def tankless_toilet(rng: np.random.Generator) -> Shape:
    """Bowl on the floor without a tank, with a plain seat, a washing seat or as a bidet."""
    bowl = Bowl(rng)
    body, base_words = toilet_body(rng, bowl, pick(rng, "pedestal", "skirt", "cone", "drum"))
    kind = pick(rng, "seat", "wash", "bidet")
    parts, details = [body, *back_deck(rng, bowl, rng.uniform(0.05, 0.16))], ["no tank", bowl.words, base_words]
    if kind == "bidet":
        tap, phrase = faucet(rng, (0, bowl.top - 0.01, bowl.depth * 0.03), -90, 0.7)
        parts += tap
        details.append(phrase)
        return varied(rng, Shape(parts, "bidet toilet", details), 0.14)
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, *LID_STATES[:7]))
    parts += lid
    details.append(lid_words)
    if kind == "wash":
        tall = rng.uniform(0.06, 0.14)
        parts.append(rounded_box((bowl.width, tall, 0.16), (0, bowl.top + tall / 2 - 0.01, -0.04), 0.03, bowl.colour))
        details.append("a washing unit behind the seat")
    return varied(rng, Shape(parts, "tankless toilet", details), 0.14)


def flush_valve_toilet(rng: np.random.Generator) -> Shape:
    """Public toilet: open seat and a valve pipe instead of a tank."""
    bowl = Bowl(rng, pick(rng, "egg", "oval"))
    body, base_words = toilet_body(rng, bowl, pick(rng, "pedestal", "pedestal", "hung", "cone"))
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, "seat only", "seat only", "none", "both up"))
    metal, tall, z = palette(rng, "metal"), bowl.top + rng.uniform(0.18, 0.45), -rng.uniform(0.03, 0.1)
    radius = rng.uniform(0.014, 0.028)
    path = rounded_path([(0, bowl.top - 0.02, bowl.depth * 0.06), (0, bowl.top + 0.05, z), (0, tall, z)], 0.04)
    parts = [body, *lid, *back_deck(rng, bowl, rng.uniform(0.05, 0.14)), tube(path, radius, metal)]
    parts.append(cylinder(radius * 2.2, 0.09, (0, tall - 0.03, z), metal, sections=12))
    parts.append(rod((0, tall - 0.06, z), (0, tall - 0.07, z + 0.13), radius * 0.6, metal))
    parts.append(rod((0, tall - 0.02, z), (-rng.uniform(0.08, 0.2), tall - 0.02, z), radius, metal))
    return varied(rng, Shape(parts, "public toilet", ["a flush valve", lid_words, base_words, bowl.words]), 0.12)


def low_pipe_toilet(rng: np.random.Generator) -> Shape:
    """Separate low tank behind the bowl, joined by a short bent pipe."""
    bowl = Bowl(rng)
    body, base_words = toilet_body(rng, bowl, pick(rng, "pedestal", "drum", "cone"))
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, *LID_STATES))
    low, gap = bowl.top + rng.uniform(0.12, 0.4), rng.uniform(0.03, 0.12)
    tank, tank_words, deep = toilet_tank(rng, bowl, low, -gap)
    back = -gap - deep / 2
    path = rounded_path([(0, low + 0.02, back), (0, bowl.top * 0.8, back), (0, bowl.top * 0.8, bowl.depth * 0.1)], 0.08)
    parts = [body, *lid, *tank, tube(path, rng.uniform(0.02, 0.04), palette(rng, "ceramic"), 10)]
    return varied(
        rng, Shape(parts, "low-level toilet", [tank_words, "a short flush pipe", lid_words, base_words]), 0.12
    )


def railed_toilet(rng: np.random.Generator) -> Shape:
    """Toilet between two grab rails."""
    bowl = Bowl(rng)
    shape = _with_tank(
        rng, bowl, pick(rng, "pedestal", "skirt"), pick(rng, "closed", "lid up", "seat only"), "toilet with grab rails"
    )
    metal, x, tall = (
        palette(rng, pick(rng, "metal", "plastic")),
        bowl.width / 2 * 1.2 + rng.uniform(0.06, 0.14),
        bowl.top * 1.15 + rng.uniform(0.14, 0.3),
    )
    back, front = -rng.uniform(0.1, 0.2), bowl.depth * rng.uniform(0.75, 1.05)
    grounded = chance(rng, 0.5)
    for s in (-1, 1):
        low = 0.0 if grounded else tall - 0.15
        path = rounded_path([(s * x, low, back), (s * x, tall, back), (s * x, tall, front), (s * x, low, front)], 0.06)
        shape.parts.append(tube(path, 0.016, metal))
        if not grounded:
            shape.parts.append(rod((s * x, low, front), (s * x, low, back), 0.014, metal))
    return Shape(shape.parts, shape.family, ["two grab rails", *shape.details])


def throne_toilet(rng: np.random.Generator) -> Shape:
    """Bench or box with a hole and a lid, as in a cabin, or a stone seat."""
    wide, deep, tall = rng.uniform(0.45, 1.0), rng.uniform(0.45, 0.65), rng.uniform(0.36, 0.5)
    colour = palette(rng, pick(rng, "wood", "wood", "metal", "ceramic"))
    bowl = Bowl(rng, pick(rng, "oval", "egg"))
    bowl.top, bowl.rim = tall, 0.05
    bowl.depth, bowl.width = min(bowl.depth, deep * 0.85), min(bowl.width, wide * 0.8)
    z0 = bowl.depth / 2 - deep / 2
    hole = (-bowl.width * 0.32, bowl.width * 0.32, bowl.depth * 0.18, bowl.depth * 0.85)
    block = ("sharp", -wide / 2, wide / 2, z0, z0 + deep)
    deepest = tall * rng.uniform(0.2, 0.6)
    parts = [
        skin(
            [(*block, 0.0), (*block, tall), ("oval", *hole, tall), ("oval", *scaled_spans(hole, 0.8), deepest)],
            colour,
        )
    ]
    lid, lid_words = seat_and_lid(rng, bowl, pick(rng, "closed", "lid up", "lid up", "seat only"))
    parts += lid
    details = ["a closed box below the seat", lid_words, "no tank"]
    if chance(rng, 0.45):
        high = tall + rng.uniform(0.25, 0.6)
        thick = rng.uniform(0.03, 0.1)
        parts.append(box((wide, high, thick), (0, high / 2, z0 - thick / 2), colour))
        details.append("a back board")
    return varied(rng, Shape(parts, "box toilet", details), 0.12)


def train_toilet(rng: np.random.Generator) -> Shape:
    """Plain steel or travelling kind: a revolved body with a ring seat, with or without a column tank."""
    colour, radius, tall = (
        palette(rng, pick(rng, "metal", "plastic", "ceramic")),
        rng.uniform(0.17, 0.23),
        rng.uniform(0.36, 0.48),
    )
    foot, waist = radius * rng.uniform(0.6, 1.05), radius * rng.uniform(0.45, 0.9)
    hole = radius * rng.uniform(0.6, 0.8)
    profile = [
        (foot, 0),
        (waist, tall * rng.uniform(0.2, 0.4)),
        (radius * 0.95, tall * rng.uniform(0.65, 0.85)),
        (radius, tall),
    ]
    profile += [(hole, tall), (hole * 0.85, tall * 0.75), (hole * 0.3, tall * 0.45)]
    parts, details = [revolve(profile, (0, 0, 0), colour, 24)], ["a round body"]
    wide, deep, high = radius * rng.uniform(1.5, 2.6), rng.uniform(0.12, 0.22), tall + rng.uniform(0.2, 0.5)
    z = -radius * 0.75 - deep / 2
    parts.append(box((wide, high, deep), (0, high / 2, z), colour))
    details.append("a tank that stands on the floor")
    disc, thick = palette(rng, "any"), rng.uniform(0.012, 0.03)
    outer, inner = radius * 1.06, hole * 0.95
    rim = [("oval", -outer, outer, -outer, outer, tall), ("oval", -outer, outer, -outer, outer, tall + thick)]
    rim += [("oval", -inner, inner, -inner, inner, tall + thick), ("oval", -inner, inner, -inner, inner, tall)]
    parts.append(skin(rim, disc, closed=True))
    if chance(rng, 0.5):
        lid = cylinder(outer, thick, (0, tall + thick * 1.5, 0), disc, sections=24)
        up = chance(rng, 0.5)
        parts.append(lid.rotated("x", -rng.uniform(80, 90), (0, tall + thick, -radius * 0.72)) if up else lid)
        details.append("a raised lid" if up else "a closed lid")
    return varied(rng, Shape(parts, "round toilet", details), 0.14)


TOILET: dict[str, Callable[[np.random.Generator], Shape]] = {
    "close-coupled toilet": close_coupled_toilet,
    "open toilet": raised_lid_toilet,
    "one-piece toilet": one_piece_toilet,
    "square toilet": square_toilet,
    "plain toilet": drum_toilet,
    "wall-hung toilet": wall_hung_toilet,
    "high-tank toilet": high_tank_toilet,
    "low-level toilet": low_pipe_toilet,
    "back-to-wall toilet": back_to_wall_toilet,
    "tankless toilet": tankless_toilet,
    "public toilet": flush_valve_toilet,
    "toilet with grab rails": railed_toilet,
    "box toilet": throne_toilet,
    "round toilet": train_toilet,
}
