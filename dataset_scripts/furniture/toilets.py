"""Toilets: a bowl with or without a seat, a lid and a tank. The bowl faces +z, its back is at z = 0."""

from collections import namedtuple
from functools import partial

from .maker import Builder, Maker
from .solids import rounded_path
from .vessels import faucet, sanitary_color, skin


Bowl = namedtuple("Bowl", "outline w d top rim")  # width, depth from z = 0 on, height, width of its rim
_USUAL = "closed closed closed raised raised upright open none"
_SHAPES = {"sharp": "a square bowl", "rectangle": "a square bowl", "rounded": "a bowl with round corners"}
# Phrase and levels from the floor to just below the rim: outline unless it is the bowl's own ("foot" is drawn), width,
# z from, z to, share of the height left; a:b is a range, "=" the same as in the level below.
_FEET = {
    "pedestal": ("a pedestal",
        "foot .5:.85 -.25:.1 .55:.85 0 / foot = = = .06 / .4:.6 -.15:.1 .5:.75 .15 / = = = .13:.37 / .95 0 .96 .75"),
    "cone": ("a tapered pedestal", ".4:.75 .05 .55:.85 0 / .75:.95 0 .78:.92 .45:.7"),
    "skirt": ("closed sides down to the floor", ".7:.98 -.05 .7:.97 0 / .85:.99 -.05 .85:.99 .3:.6 / 1 -.02 .99 .7"),
    "hung": ("a bowl that hangs on the wall", ".45 0 .3:.55 .1:.5 / .6:.85 0 .7:.85 .3 / .96 0 .97 .6"),
    "drum": ("a round foot", "oval .6:.9 .1 .9 0 / oval .35:.6 .25 .75 .12 / oval = = = .26:.43 / .95 .02 .98 .4:.8"),
    "box": ("a square base", "sharp .75:1 0 .8:1 0 / sharp 1 0 1 .5"),
    "bench": ("a closed box below the seat", "sharp 1.3:2.4 -.15:-.1 1.05:1.15 0 / sharp = = = 1"),
}  # fmt: skip
_LIDS = {  # whether the seat and the lid stand up (None: there is none), and the phrase
    "closed": (0, 0, "a closed lid"), "raised": (0, 1, "a raised lid"), "upright": (1, 1, "a raised lid and seat"),
    "open": (0, None, "an open seat without a lid"), "none": (None, None, "no lid"),
}  # fmt: skip


def _body(m: Maker, bowl: Bowl, kind: str) -> str:
    """Add the bowl with its cavity on one of _FEET; return a phrase."""
    phrase, foot = _FEET[kind]
    names, y, rows, spans = {"foot": m.pick(bowl.outline, "rounded", "rectangle")}, 0.0, [], [0.0] * 4
    for words in map(str.split, foot.split(" / ")):
        name = words.pop(0) if words[0].isalpha() else bowl.outline
        for column, word in enumerate(words):
            if word != "=":
                spans[column] = m.uniform(*map(float, (word.split(":") * 2)[:2]))
        y += (1 - y) * spans[3]
        rows.append((names.get(name, name), *spans[:3], y))
    lip, floor, hole = bowl.rim * m.uniform(0.9, 1.2), m.uniform(0.35, 0.72), m.uniform(0.25, 0.5)
    near, far, wide, half = lip / bowl.d, 1 - lip / bowl.d, 1 - 2 * lip / bowl.w, bowl.w / 2
    inside = [(1, 0, 1, 0.93), (1, 0, 1, 1), (wide, near, far, 1), (wide * 0.95, near, far * 0.97, 0.88)]
    inside += [(wide * (hole + 0.3), near, far - 0.22, (1 + floor) / 2), (wide * hole, near + 0.05, near + hole, floor)]
    rows += [(bowl.outline, *row) for row in inside]
    skin(m, [(name, -half * x, half * x, a * bowl.d, b * bowl.d, y * bowl.top) for name, x, a, b, y in rows])
    return phrase


def _lid(m: Maker, bowl: Bowl, state: str) -> str:
    """Add seat and lid in one of the states of _LIDS; return its phrase."""
    seat, lid, phrase = _LIDS[state]
    thick, over, rim = m.uniform(0.012, 0.03), m.uniform(0.0, 0.015), bowl.rim * m.uniform(1.1, 1.7)
    half, back, front, angle = bowl.w / 2 + over, bowl.d * m.uniform(0.05, 0.14), bowl.d + over, m.uniform(72, 93)
    high, edge = thick * m.uniform(1.8, 2.6), 0.25 * thick
    outer = (bowl.outline, -half, half, back, front)
    hole = (bowl.outline, rim - half, half - rim, back + 1.2 * rim, front - rim)
    small = (bowl.outline, edge - half, half - edge, back + edge, front - edge)
    ring = [(*outer, 0), (*outer, thick), (*hole, thick), (*hole, 0)]
    cover = [(*outer, thick), (*outer, high - edge), (*small, high)]
    with m.painted(m.pick(m.color, m.palette("wood plastic ceramic"))), m.at(y=bowl.top):
        for up, levels in ((seat, ring), (lid, cover)):
            if up is not None:
                with m.turned("x", -angle * up, (0, thick / 2, back)):
                    skin(m, levels, closed=levels is ring)
    return phrase


def _deck(m: Maker, bowl: Bowl, reach: float) -> None:
    """Add the block behind the rim that carries a tank, with the trap below it now and then."""
    wide, thick, top, front = bowl.w * m.uniform(0.6, 1.0), bowl.top * m.uniform(0.12, 0.4), bowl.top, bowl.d * 0.15
    deep, kind, y, z = front + reach, m.pick("none block pipe"), top * 0.6, -0.5 * reach
    m.rounded_box((wide, thick, deep), (0, top - thick / 2 - 0.002, front - deep / 2), 0.02)
    if kind == "block":
        m.box((wide * m.uniform(0.4, 0.8), top * 0.95, deep * 0.85), (0, top * 0.475, front - deep * 0.425))
    elif kind == "pipe":
        m.tube(rounded_path([(0, y / 2, 2 * front), (0, y, z), (0, 0, z)], 0.1), bowl.w * m.uniform(0.14, 0.22), 10)


def _tank(m: Maker, low: float, front: float, tall: float) -> tuple[float, str]:
    """Add a tank from `low` up with its front at z = `front`; return its thickness and a phrase."""
    x, d, top, over = m.uniform(0.16, 0.29), m.uniform(0.13, 0.25), low + tall, m.uniform(0.0, 0.03)
    outline, back = m.pick("sharp sharp rectangle rectangle rounded dee"), front - d
    foot = m.uniform(0.72, 0.96) if outline in ("rectangle", "dee") else 1.0
    skin(m, [(outline, -x * foot, x * foot, back, front - d * (1 - foot) / 2, low), (outline, -x, x, back, front, top)])
    if outline != "rounded" or m.chance(0.4):
        cap, thick = (outline, -x - over, x + over, back - 0.3 * over, front + over), m.uniform(0.015, 0.045)
        skin(m, [(*cap, top - 0.002), (*cap, top + thick)])
    button = ((0, top, front - d / 2), (0, top + 0.06, front - d / 2), 0.025)
    lever = ((-0.7 * x, top - 0.08, front + 0.02), (0.1 - 0.7 * x, top - 0.085, front + 0.02), 0.018)
    if m.chance(0.7):
        m.rod(*m.pick(button, lever), color=m.palette("metal"))
    sizes = {"wide": x > 0.235, "narrow": x < 0.19, "tall": tall > 0.36, "low": tall < 0.28, "plain": True}
    return d, next(f"a {size} tank" for size, fits in sizes.items() if fits)


def _with_tank(m: Maker, bowl: Bowl, kind: str) -> None:
    """Add a tank on the back of the bowl, "grown" from it, or "low" or "high" above it on a pipe."""
    top, gap, high = bowl.top, m.uniform(0.0, 0.06), kind == "high"
    lifts = {"tank": (-0.03, 0.0), "low": (0.12, 0.4), "high": (0.35, 1.25)}
    if kind == "grown":
        wide, tall, lean = bowl.w / 2 * m.uniform(0.85, 1.25), m.uniform(0.12, 0.36), m.uniform(0.01, 0.06)
        foot, back, front = bowl.w * m.uniform(0.35, 0.47), -m.uniform(0.14, 0.24), bowl.d * 0.1
        rows = [(foot, front * 3, 0), (foot, front * 2.5, 0.85 * top), (wide, front - lean / 3, top + 0.25 * tall)]
        rows += [(wide, front - lean, top + 0.93 * tall), (wide * 0.95, front - 1.2 * lean, top + tall)]
        skin(m, [("rounded", -half, half, back, z, y) for half, z, y in rows])
        m.say("one smooth body", "a low tank" if tall < 0.25 else "a tall tank")
        return
    low = top + m.uniform(*lifts[kind])
    deep, phrase = _tank(m, low, 0.02 - gap, m.uniform(0.2, 0.34 if high else 0.46))
    m.say("a high tank" if high else phrase)
    if kind == "tank":
        _deck(m, bowl, gap - 0.02 + deep * m.uniform(0.5, 1.0))
    else:
        z, y, metal = -gap - deep / 2, 0.82 * top, m.palette("metal ceramic")
        path = rounded_path([(0, low + 0.02, z), (0, y, z), (0, y, bowl.d * 0.1)], 0.07)
        m.tube(path, m.uniform(0.015, 0.035), 10, color=metal)
        m.say("a long flush pipe" if high else "a short flush pipe")


def _without_tank(m: Maker, bowl: Bowl, kind: str) -> None:
    """Add what stands behind a bowl instead of a tank: a "wall", "case", "column", "valve", "seat" or "tap"."""
    top, w, tall, metal = bowl.top, bowl.w * m.uniform(1.0, 2.0), m.uniform(0.7, 1.15), m.palette("metal")
    m.say("a tank that stands on the floor" if kind == "column" else "no visible tank")
    if kind in ("seat", "tap", "valve"):
        _deck(m, bowl, m.uniform(0.05, 0.16))
    if kind == "column":
        m.box((0.65 * w, tall - 0.1, 0.16), (0, tall / 2 - 0.05, -0.06))
    elif kind in ("wall", "case"):
        d, z, shade = m.uniform(0.12, 0.3), -0.06 if kind == "wall" else 0.02, m.palette("wood metal ceramic plastic")
        m.box((0.9 * bowl.w, 0.6 * top, 0.12), (0, 0.698 * top, 0))
        if kind == "case" or m.chance(0.4):
            m.box((w, tall, d), (0, tall / 2, z - d / 2), color=shade)
            m.box((0.2, 0.13, 0.02), (0, tall * 0.85, z), color=metal)
            m.say("a wall panel" if kind == "wall" else "a boxed-in tank", "a flush plate")
    elif kind == "tap":
        m.say(faucet(m, (0, top - 0.01, bowl.d * 0.03), -90, 0.7))
    elif kind == "valve":
        z, r, high = -m.uniform(0.03, 0.1), m.uniform(0.014, 0.028), top + m.uniform(0.18, 0.45)
        m.color = metal
        m.tube(rounded_path([(0, top - 0.02, bowl.d * 0.06), (0, top + 0.05, z), (0, high, z)], 0.04), r)
        m.cylinder(2.2 * r, 0.09, (0, high - 0.03, z), sections=12)
        m.rod((0, high - 0.06, z), (0, high - 0.07, z + 0.13), r * 0.6)
        m.rod((0, high - 0.02, z), (-m.uniform(0.08, 0.2), high - 0.02, z), r)
        m.say("a flush valve")


def toilet(m: Maker, feet: str, behind="tank", outlines="egg egg oval dee rounded", lids=_USUAL, brush="") -> None:
    """Bowl on one of _FEET with its lid and what is behind; words are picked, every proportion varies."""
    m.color, w = m.palette(brush) if brush else sanitary_color(m), m.uniform(0.32, 0.44)
    bowl = Bowl(m.pick(outlines), w, w * m.uniform(1.0, 1.55), m.uniform(0.34, 0.48), m.uniform(0.03, 0.065))
    with m.scaled(m.rng.uniform(0.87, 1.13, 3)):
        m.say(_body(m, bowl, m.pick(feet)), _lid(m, bowl, m.pick(lids)))
        (_with_tank if behind in ("tank", "grown", "low", "high") else _without_tank)(m, bowl, behind)
    m.say(_SHAPES.get(bowl.outline, "an elongated bowl" if bowl.d > 1.3 * w else "a round bowl"))


FAMILIES: dict[str, Builder] = {
    "close-coupled toilet": partial(toilet, feet="pedestal pedestal pedestal cone skirt"),
    "open toilet": partial(toilet, feet="pedestal cone skirt drum", lids="raised upright"),
    "one-piece toilet": partial(toilet, feet="skirt skirt pedestal", behind="grown", outlines="egg dee oval"),
    "square toilet": partial(toilet, feet="box skirt cone", outlines="rectangle sharp rounded"),
    "plain toilet": partial(toilet, feet="drum cone", outlines="oval oval egg"),
    "wall-hung toilet": partial(toilet, feet="hung", behind="wall", outlines="egg dee dee rounded rectangle"),
    "high-tank toilet": partial(toilet, feet="pedestal drum cone", behind="high"),
    "low-level toilet": partial(toilet, feet="pedestal drum cone", behind="low"),
    "back-to-wall toilet": partial(toilet, feet="skirt", behind="case", outlines="dee egg rounded"),
    "tankless toilet": partial(toilet, feet="pedestal skirt cone drum", behind="seat"),
    "bidet toilet": partial(toilet, feet="pedestal skirt cone drum", behind="tap", lids="none"),
    "public toilet": partial(toilet, feet="pedestal pedestal hung cone", behind="valve", lids="open open none upright"),
    "box toilet": partial(toilet, feet="bench", behind="wall", outlines="oval egg", brush="wood wood metal ceramic"),
    "round toilet": partial(toilet, feet="drum", behind="column", outlines="oval", brush="metal plastic ceramic"),
}
WEIGHTS = {"tankless toilet": 0.7, "bidet toilet": 0.4, "box toilet": 0.3, "round toilet": 0.5}
