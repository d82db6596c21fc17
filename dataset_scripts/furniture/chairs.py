"""Chairs: one seat, a back, something to stand on. Each family draws its own proportions and details."""

from functools import partial

import numpy as np

from . import supports
from .maker import Builder, Color, Maker
from .seats import ARMS, BACKS, SEATS, arms, back, seat, wall
from .solids import rounded_path, surface_grid
from .supports import corner_legs, crossed_legs, four_legs, pedestal, sled, star_base


_SIZE = (36, 58, 40, 52, 35, 65, 0, 16)  # lowest and highest width, seat height, back height (cm) and lean


def _chair(
    frame="wood wood metal", seats=SEATS, backs=BACKS, size=_SIZE, armed=0, rests=ARMS, bases=(corner_legs,), rest=back
) -> Builder:
    """Family of seat, back and base, `armed` with that probability; `size` is like _SIZE."""

    def build(m: Maker) -> None:
        m.color, cloth = m.palette(frame), m.palette("fabric")
        w, h, tall, lean = (m.uniform(*pair) for pair in np.reshape(size, (4, 2)) / [[100], [100], [100], [1]])
        d, tip = min(w, 0.7) * m.uniform(0.82, 1.12), 0.45 * max(lean - 12, 0)
        with m.turned("x", -tip, about=(0, h, 0)):  # a seat below a reclining back tips too
            thick, phrase = seat(m, m.pick(seats), w, d, h, cloth)
            wide, at = w * m.uniform(0.85, 1.02), (0, h - 0.02, 0.03 - d / 2)
            m.say(rest(m, m.pick(backs), wide, tall, cloth, lean - tip, at), phrase)
        level = h - 0.8 * thick - 0.45 * d * np.sin(np.deg2rad(tip))
        m.say(m.pick(bases)(m, 0.94 * w, 0.94 * d, level), "a very high back" if tall > 0.7 else "")
        if m.chance(armed):
            m.say(arms(m, m.pick(rests), w, d, h, m.uniform(0.16, 0.28), cloth))

    return build


def _splayed(m: Maker, w: float, d: float, h: float) -> str:
    """Four slim legs set well below the seat."""
    style, splay = m.pick("round", "round tapered", "tapered", "turned", "hairpin"), m.uniform(0.05, 0.28)
    return four_legs(m, 0.72 * w, 0.72 * d, h, style, 0.036, splay)


def _swivel(m: Maker, w: float, d: float, h: float) -> str:
    """Star base with the plate that carries the seat."""
    m.box((0.2, 0.03, 0.8 * d), (0, h - 0.015, 0))
    return star_base(m, m.uniform(0.25, 0.36), h, m.pick(5, 5, 5, 4))


def _column(m: Maker, w: float, d: float, h: float) -> str:
    """One central leg."""
    return pedestal(m, m.uniform(0.18, 0.3), h, m.pick("disc trumpet feet plate"))


def _bar_legs(m: Maker, w: float, d: float, h: float) -> str:
    """High legs with a foot rest all round."""
    bar, splay, level = m.uniform(0.025, 0.045), m.uniform(0, 0.1), m.uniform(0.18, 0.3)
    spread = 2 * splay * (h - level)
    supports.stretchers(m, w + spread, d + spread, level, bar)
    return four_legs(m, w, d, h, m.pick("square round tapered"), bar, splay)


def _rockers(m: Maker, w: float, d: float, h: float) -> str:
    """Short legs on two curved runners."""
    long, lift, bar = m.uniform(0.8, 1.1), m.uniform(0.04, 0.12), m.uniform(0.025, 0.045)
    share, x, style = np.linspace(-1, 1, 9), 0.48 * w, m.pick("square round")
    with m.both("x"):
        m.tube(np.stack([0 * share + x, lift * share**2 + bar / 2, share * long / 2 - 0.06], 1), bar / 2, sections=6)
        for z in (-0.44 * d, 0.44 * d):
            supports.leg(m, style, (x, h, z), (x, bar / 2 + lift * (2 * (z + 0.06) / long) ** 2, z), bar)
    return "two curved rockers"


def _school_base(m: Maker, w: float, d: float, h: float) -> str:
    """Metal legs, and a small writing board at one arm."""
    board, m.color = m.color, m.palette("metal")
    level, x, long, wide = h + m.uniform(0.23, 0.3), w / 2 + 0.06, m.uniform(0.22, 0.32), m.uniform(0.22, 0.32)
    path = [(w / 2, h - 0.03, -0.3 * d), (x, level, -0.25 * d), (x, level, 0.6 * d)]
    with m.mirrored() if m.chance() else m.at():
        m.box((wide, 0.016, long), (x + 0.05 - wide / 2, level + 0.015, 0.25 * d + long / 2), color=board)
        m.tube(rounded_path(path, 0.08), 0.011, sections=6)
    m.say("a small writing board")
    return m.pick(corner_legs, sled)(m, w, d, h)


def _round_rail(m: Maker, kind: str, width: float, height: float, cloth: Color, lean: float, at: tuple) -> str:
    """Half round rail on thin bars around the seat, in place of a back."""
    radius, reach, tall = 0.52 * width, m.uniform(1.1, 2.0), m.uniform(0.03, 0.14)
    wall(m, (1.15 * radius, 1.15 * radius), reach, at[1] + height - tall, tall, tall, 0.025)
    for angle in np.linspace(-0.95 * reach, 0.95 * reach, m.number(3, 9)):
        foot, head = np.array([np.sin(angle), 0, -np.cos(angle)]) * radius, height - 0.6 * tall
        m.rod(0.9 * foot + (0, at[1], 0), 1.15 * foot + (0, at[1] + head, 0), 0.009, sections=6)
    return "a half round back rail"


def _wrapped(m: Maker, kind: str, width: float, height: float, cloth: Color, lean: float, at: tuple) -> str:
    """Curved band that is high behind and becomes the arms, closed or above upright slats."""
    x, z, reach, arm, is_open = 0.53 * width, 0.05 - at[2], m.uniform(1.65, 2.1), m.uniform(0.18, 0.25), m.chance()
    wall(m, (x, z), reach, at[1], arm, height, 0.014, 0.72 if is_open else 0.05, 0.12)
    if is_open:
        for angle in np.linspace(-0.5, 0.5, m.number(3, 5)) * np.pi / 2:
            foot = np.array([np.sin(angle) * x, 0, -np.cos(angle) * z])
            m.beam(foot + (0, at[1], 0), 1.09 * foot + (0, at[1] + 0.8 * height, 0), (0.2 * x, 0.012))
        foot = np.array([np.sin(reach) * x, 0, -np.cos(reach) * z])
        m.beam(foot + (0, at[1], 0), 1.1 * foot + (0, at[1] + 0.9 * arm, 0), (0.03, 0.05), both="x")
    return "a curved back that becomes the arms"


def _tube_chair(m: Maker, cantilever: bool) -> None:
    """Seat and back between two bent tubes: without rear legs, or with four feet."""
    m.color, cloth = m.palette("metal"), m.palette("fabric fabric plastic wood")
    w, d, h, r = m.uniform(0.42, 0.55), m.uniform(0.4, 0.54), m.uniform(0.4, 0.48), m.uniform(0.008, 0.018)
    height, lean, z, armed = m.uniform(0.34, 0.55), m.uniform(0.03, 0.15), d / 2, m.chance()
    level = h + m.uniform(0.17, 0.24) if armed else h - 0.02
    upper = [(h - 0.02, -0.95 * z), (h + height, -z - lean)]
    front, rear, cross = [(level, -z), (level, z), (r, 1.05 * z)], [(r, -z), *upper], (h - 0.03, 0.8 * z)
    if cantilever:
        rear, cross = [(r, -z), (r, z), (h, z - 0.02), *upper], (r, -z)
        front = [(h, z - 0.02), (level, z - 0.06), (level, -z - lean / 2)]
    joined = [front + rear] if not cantilever and m.chance(0.4) else [rear, front]
    for side in joined[: 2 if armed or not cantilever else 1]:
        m.tube(rounded_path([(w / 2, *point) for point in side], 0.06), r, sections=6, both="x")
    m.rod((-w / 2, *cross), (w / 2, *cross), r)
    pad, tall = m.uniform(0.015, 0.07), height * m.uniform(0.4, 0.9)
    m.rounded_box((w, pad, 0.94 * d), (0, h, 0.01), 0.3 * pad, color=cloth)
    low = 1 - tall / height
    with m.at(0, h + height * low, -z - lean * low), m.turned("x", -np.rad2deg(lean / height)), m.painted(cloth):
        if m.chance():
            m.rounded_box((0.98 * w, tall, 0.8 * pad), (0, tall / 2, 0), 0.3 * pad)
        else:
            u, v = surface_grid(7, 7, v=(0, 1))
            bent = m.uniform(0.02, 0.08) * u**2 + 0.03 * np.sin(v * np.pi * 1.5)
            m.sheet(np.stack([u * (1 - m.uniform(0, 0.35) * v**2) * w / 2, v * tall, bent], -1), 0.4 * pad + 0.006)
    parts = "no rear legs" if cantilever else "a separate seat and back"
    m.say("a bent metal tube frame", parts, "two arm rests" if armed else "no arms")


def _armchair(m: Maker, winged: bool) -> None:
    """Upholstered body with two arms, back and thick cushion; the back may be high and have wings."""
    m.color, wood = m.palette("fabric"), m.palette("wood")
    w, d, h = m.uniform(0.6, 0.82 if winged else 0.95), m.uniform(0.65, 0.88), m.uniform(0.37, 0.49)
    arm, deep = m.uniform(0.07, 0.14 if winged else 0.2), m.uniform(0.1, 0.18 if winged else 0.28)
    foot = m.uniform(0.1, 0.24) if winged else m.uniform(0.02, 0.16)
    height = m.uniform(0.52, 0.78) if winged else m.uniform(0.3, 0.55)
    pad, rise = min(m.uniform(0.1, 0.2), h - foot - 0.04), m.uniform(0.1, 0.28)
    soft, rolled = m.uniform(0.01, 0.06), m.chance(0.35)
    inner, tall = w - 2 * arm, h + rise - foot
    m.box((inner, h - pad - foot, d), (0, (h - pad + foot) / 2, 0))
    m.rounded_box((inner, pad, d - 0.6 * deep), (0, h - pad / 2, 0.3 * deep), 0.35 * pad)
    with m.both("x"), m.at((w - arm) / 2):
        m.rounded_box((arm, tall, d), (0, foot + tall / 2, 0), soft)
        if rolled:
            m.cylinder(0.62 * arm, d, (0, h + rise - 0.2 * arm, 0), axis="z", sections=14)
    with m.at(0, foot, (deep - d) / 2), m.turned("x", -m.uniform(2, 10) * winged):
        tall = h + height - foot
        m.rounded_box((w if winged or m.chance() else inner, tall, deep), (0, tall / 2, 0), soft)
        if winged:
            reach, low = m.uniform(0.18, 0.34), h + rise - foot - 0.05
            outline = [(0, low), (0.6 * reach, low), (reach, low + 0.15), (0.9 * reach, tall - 0.08), (0, tall)]
            m.extrude(outline, 0.7 * arm, ((w - 0.7 * arm) / 2, 0, 0), "zy", both="x")
        if m.chance(0.3):
            m.cushion((0.95 * inner, height, 0.16), (0, tall - 0.45 * height, deep / 2 + 0.04))
    m.say("a high back with wings" if winged else "", "rolled arms" if rolled else "thick padded arms")
    with m.painted(wood):
        style = m.pick("tapered cabriole turned square")
        m.say(four_legs(m, w, d, foot, style) if winged else supports.short_feet(m, w, d, foot + 0.005))


def _shell_chair(m: Maker) -> None:
    """Moulded one-piece shell, flat or lifted at the arms, on any light base."""
    m.color, metal = m.palette("plastic wood fabric"), m.palette("metal wood")
    w, d, h = m.uniform(0.42, 0.62), m.uniform(0.4, 0.55), m.uniform(0.36, 0.46)
    height, arm = m.uniform(0.3, 0.55), m.uniform(0.0, 0.2) if m.chance(0.6) else 0.0
    u, v = surface_grid(10, 9, v=(0, 1))
    # Along v the section goes from the front edge over the seat up the back.
    run, rise = np.clip(v / 0.5, 0, 1), np.clip((v - 0.42) / 0.58, 0, 1)
    lift = np.abs(u) ** 3 * (0.04 + arm * np.exp(-(((v - 0.5) / 0.22) ** 2)))
    x = u * w / 2 * (1 - 0.25 * rise**2 + 0.05 * np.sin(np.pi * v))
    y = h + 0.02 + height * rise**1.2 - 0.15 * np.clip(0.2 - v, 0, 1) + lift
    z = d * (0.5 - 0.92 * run) - m.uniform(0.06, 0.2) * rise**2 + 0.12 * rise * np.abs(u) ** 2.5
    m.sheet(np.stack([x, y, z], axis=-1), m.uniform(0.01, 0.03))
    m.color = metal
    base = m.pick(_splayed, _splayed, _column, _swivel, sled)
    m.say("a moulded seat and back in one piece", base(m, 0.75 * w, 0.8 * d, h))


def _tub_chair(m: Maker) -> None:
    """Barrel chair: one curved upholstered wall around the seat."""
    m.color, wood = m.palette("fabric"), m.palette("wood metal")
    radius, h, foot, total = m.uniform(0.3, 0.42), m.uniform(0.36, 0.46), m.uniform(0.02, 0.2), m.uniform(0.62, 0.95)
    start, front = foot if m.chance(0.6) else h - 0.12, m.uniform(0.45, 1.0)
    low, high = h + 0.05 + front * (total - h - 0.05) - start, total - start
    wall(m, (radius, radius), m.uniform(1.6, 2.4), start, low, high, m.uniform(0.05, 0.13), 0, m.uniform(0, 0.15))
    m.cylinder(0.98 * radius, h - foot - 0.1, (0, (h + foot - 0.1) / 2, 0), sections=20)
    m.cushion((1.75 * radius, 0.16, 1.8 * radius), (0, h - 0.06, 0.02), 0.3)
    m.color = wood
    base, wide = m.pick(_splayed, _swivel, None) if foot > 0.06 else None, 2 * radius
    phrase = base(m, wide, wide, foot + 0.03) if base else pedestal(m, 0.4 * wide, foot + 0.02, "drum")
    m.say("a rounded back that wraps around the seat", "a thick cushion", phrase)


def _block_chair(m: Maker) -> None:
    """Planks or solid blocks: a seat with a straight back on sides, a front or a solid base."""
    m.color, plank = m.palette("wood metal fabric ceramic plastic"), m.uniform(0.03, 0.1)
    w, d, h, height = m.uniform(0.4, 0.65), m.uniform(0.42, 0.65), m.uniform(0.35, 0.48), m.uniform(0.3, 0.65)
    kind = m.pick("two plank sides", "two plank sides", "a plank at the front", "a solid base")
    m.box((w, plank, d), (0, h - plank / 2, 0))
    m.box((w, h + height, plank), (0, (h + height) / 2, (plank - d) / 2))
    if kind == "two plank sides":
        tall = h + m.pick(0, 1, 1) * m.uniform(0.0, 0.3)
        m.box((plank, tall, d), ((w - plank) / 2, tall / 2, 0), both="x")
    else:
        deep = plank if kind == "a plank at the front" else 0.98 * d
        m.box((0.98 * w, h, deep), (0, h / 2, (0.99 * d - deep) / 2))
    m.say("a straight back", "a flat seat", kind)


_LOUNGE = (corner_legs, crossed_legs, _swivel, sled)
_HEAVY = (supports.plinth, supports.panel_legs, corner_legs)
FAMILIES: dict[str, Builder] = {
    "dining chair": _chair(),
    "dining chair with arms": _chair(armed=1.0),
    "slatted chair": _chair(
        "wood metal", "board dished slats round", "ladder spindles slats hoop", (36, 58, 40, 52, 42, 75, 0, 16), 0.2),
    "upholstered dining chair": _chair(seats="upholstered padded board", backs="solid padded framed", armed=0.15),
    "swivel office chair": _chair("metal plastic", "upholstered padded", "padded curved",
        (42, 58, 40, 58, 32, 90, 2, 16), 0.6, "tee tee loop swept", (_swivel,)),
    "bar chair": _chair(size=(34, 46, 58, 82, 20, 50, 0, 12), bases=(_bar_legs, _bar_legs, _column)),
    "rocking chair": _chair(
        "wood", SEATS, BACKS, (45, 60, 40, 48, 50, 80, 8, 20), 1.0, "posts swept loop", (_rockers,)),
    "folding chair": _chair(
        "metal wood plastic", "board slats", "rails ladder solid", armed=0.3, rests="posts", bases=(crossed_legs,)),
    "school chair with a writing board": _chair(
        "wood plastic", "dished board rounded", "curved solid rails", bases=(_school_base,)),
    "lounge chair": _chair(
        "wood metal", "upholstered", "padded", (52, 80, 34, 46, 45, 85, 12, 36), 0.35, "posts loop panel", _LOUNGE),
    "garden chair": _chair("wood", "slats", "slats", (50, 68, 30, 42, 60, 85, 16, 36), armed=1.0, rests="posts"),
    "throne": _chair("wood", "padded upholstered", "solid framed splat",
        (55, 80, 42, 55, 75, 120, 0, 3), 1.0, "posts panel", _HEAVY),
    "wide wooden chair": _chair("wood", "board slats padded", "solid ladder slats cross",
        (55, 85, 38, 48, 38, 75, 0, 10), 0.7, "posts", _HEAVY),
    "round back chair": _chair(seats="round", size=(40, 54, 42, 48, 20, 45, 0, 1), bases=(_splayed,), rest=_round_rail),
    "plastic garden chair": _chair("plastic ceramic", "dished", bases=(_splayed,), rest=_wrapped),
    "cantilever chair": partial(_tube_chair, cantilever=True),
    "stacking chair": partial(_tube_chair, cantilever=False),
    "upholstered armchair": partial(_armchair, winged=False),
    "wing chair": partial(_armchair, winged=True),
    "moulded shell chair": _shell_chair,
    "tub chair": _tub_chair,
    "block chair": _block_chair,
}  # fmt: skip
WEIGHTS = {"wide wooden chair": 0.6, "throne": 0.6}
