"""Beds: a mattress with or without bedding on a base, mostly with boards. The head is at -z, the foot at +z."""

from functools import partial

import numpy as np

from .cases import drawer_block, open_case
from .maker import Builder, Color, Maker, counted
from .seats import slats
from .solids import rounded_path, surface_grid
from .supports import arched_sheet, four_legs, leg, short_feet


_WIDTHS = ((0.8, 1.1), (1.2, 1.6), (1.5, 2.1))
_SIZES = {  # ranges of the width, the length, the mattress's upper side, its thickness and the head's height above it
    "usual": (_WIDTHS, (1.85, 2.2), (0.34, 0.72), (0.12, 0.32), (0.2, 0.85)),
    "low": (_WIDTHS, (1.85, 2.2), (0.26, 0.55), (0.12, 0.32), (0.15, 0.6)),
    "tall": (_WIDTHS, (1.85, 2.2), (0.34, 0.72), (0.12, 0.32), (0.35, 1.0)),
    "high": (_WIDTHS, (1.85, 2.2), (0.46, 0.94), (0.12, 0.32), (0.3, 0.7)),
    "day": (_WIDTHS[:1], (1.85, 2.1), (0.36, 0.55), (0.12, 0.22), (0.25, 0.5)),
    "child": (((0.55, 0.8),), (1.05, 1.6), (0.32, 0.65), (0.07, 0.14), (0.25, 0.6)),
    "loft": (((0.85, 1.3),), (1.85, 2.1), (1.0, 1.7), (0.1, 0.2), (0.0, 0.1)),
}


def _pillows(m: Maker, w: float, long: float, top: float, color: Color) -> str:
    """Add one or two rows of pillows at the head, lying or leaning; return a phrase."""
    count, rows, tip = 1 if w < 1.15 else m.pick(2, 2, 2, 3), m.pick(1, 1, 2), m.pick(0.0, m.uniform(15, 60))
    wide, deep, tall = w / count * m.uniform(0.7, 0.92), m.uniform(0.32, 0.5), m.uniform(0.1, 0.2)
    lift = 0.5 * (deep * np.sin(np.deg2rad(tip)) + tall * np.cos(np.deg2rad(tip)))
    for row in range(rows):
        share, shade = 0.75**row, m.palette("fabric") if row else color
        y, z = top + share * lift - 0.02, deep * (0.55 + 0.6 * row) - long / 2
        with m.repeated([(w * ((k + 0.5) / count - 0.5) * share, y, z) for k in range(count)]), m.turned("x", tip):
            m.cushion((wide * share, tall * share, deep * share), (0, 0, 0), m.uniform(0.25, 0.5), color=shade)
    return counted(count * rows, "pillow")


def _bedding(m: Maker, w: float, long: float, top: float, thick: float) -> list[str]:
    """Add a mattress whose upper side is at `top`, usually with pillows and a cover; return phrases."""
    linen, words = m.palette("fabric ceramic"), ["a mattress"]
    m.rounded_box((w, thick, long), (0, top - thick / 2, 0), m.uniform(0.1, 0.45) * thick, color=linen)
    if m.chance(0.2 if w > 0.7 else 0.6):
        return words
    if m.chance(0.9):
        words.append(_pillows(m, w, long, top, m.pick(linen, m.palette("ceramic"))))
    whole, half = m.chance(0.7), w / 2 + 0.02
    if whole or m.chance(0.3):
        start, drop = m.uniform(-0.3, 0.15) if whole else m.uniform(0.2, 0.35), thick * m.uniform(0.3, 1.2)
        x = np.array([-half, -half - 0.01, *np.linspace(-half, half, 7), half + 0.01, half])
        y = top + 0.012 - drop * np.array([1, 0.5, *np.zeros(7), 0.5, 1])
        folds = np.abs(m.rng.normal(0, m.uniform(0.0, 0.018), (10, 11)))
        folds[: m.number(1, 3)] += m.pick(0.0, 0.0, 0.035)  # turned down at its upper edge
        z = np.linspace(start * long, long / 2 + m.uniform(-0.02, 0.03), 10)[:, None] + 0 * folds
        m.sheet(np.stack([x + 0.5 * np.sign(x) * folds, y + folds, z], axis=2), 0.02, color=m.palette("fabric"))
        words.append("a blanket" if whole else "a folded blanket at the foot")
    return words


def _board(m: Maker, kind: str, w: float, h: float, cloth: Color) -> str:
    """Add a head or foot board of `kind`, upright at z = 0 from the floor to `h`; return a phrase."""
    thick, x, u = m.uniform(0.025, 0.08), w / 2, np.linspace(1, -1, 13)
    if kind == "plain":
        m.box((w, h, thick), (0, h / 2, 0))
    elif kind in ("arched", "stepped"):
        curve = u**2 if kind == "arched" else np.clip((np.abs(u) - m.uniform(0.3, 0.7)) * 4, 0, 1)
        m.extrude([(-x, 0), (x, 0), *zip(u * x, h - m.uniform(0.1, 0.35) * h * curve, strict=True)], thick)
    elif kind == "upholstered":
        m.rounded_box((w, h, 2 * thick), (0, h / 2, 0), 0.8 * thick, color=cloth)
    elif kind == "tufted":
        columns, rows = max(int(w / m.uniform(0.22, 0.45)), 2), m.number(1, 3)
        wide, tall = w / columns, 0.6 * h / rows
        m.box((w, h, 0.04), (0, h / 2, -0.03), color=cloth)
        with m.repeated([(wide * (c + 0.5) - x, h - tall * (r + 0.5), 0) for r in range(rows) for c in range(columns)]):
            m.rounded_box((wide * 0.98, tall * 0.98, 0.1), (0, 0, 0.01), 0.03, color=cloth)
    elif kind == "curved":
        arched_sheet(m, w, h, m.uniform(0.1, 0.3), 0.0, 0.09)
    elif kind == "sleigh":  # rolls outwards at its top
        y, z = np.array([(0, 0), (0.35, 0), (0.6, 0.01), (0.8, 0.05), (0.93, 0.12), (0.97, 0.18), (0.92, 0.2)]).T
        z = -z * m.uniform(0.6, 1.4)
        m.sheet(np.stack([np.stack([0 * y + side, y * h, z], axis=1) for side in (-x, x)], axis=1), thick)
    elif kind == "bookcase":
        open_case(m, (w, h, 5 * thick), (0, h / 2, -2.5 * thick), m.number(1, 3), m.number(0, 3))
    else:
        _open_board(m, kind, w, h, cloth)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} board"


def _open_board(m: Maker, kind: str, w: float, h: float, cloth: Color) -> None:
    """Add a board of bars: "hooped", or between posts "slatted", "barred", "ladder" (level) or "framed" (a panel)."""
    post, low = m.uniform(0.04, 0.1) * (0.6 if kind == "barred" else 1), m.uniform(0.25, 0.5) * h
    rail = m.uniform(0.04, 0.12)
    clear, tall, x = w - 2 * post, h - low - rail, (w - post) / 2
    count = {"framed": 1, "ladder": m.number(1, 3)}.get(kind, int(clear / m.uniform(0.08, 0.2)) + 2)
    places, share, middle = (np.arange(count) + 0.5) / count - 0.5, m.uniform(0.35, 0.7), low + tall / 2
    if kind == "hooped":
        m.tube(rounded_path([(-x, 0, 0), (-x, h, 0), (x, h, 0), (x, 0, 0)], m.uniform(0.1, 0.6) * min(h, x), 5), 0.02)
        m.rod((-x, low, 0), (x, low, 0), 0.014, 6)
        for u in places * clear:
            m.rod((u, low, 0), (u, low + tall * (1 - 0.7 * (u / x) ** 4), 0), 0.009, 6)
        return
    m.box((post, h, post), (x, h / 2, 0), both="x")
    if m.chance(0.35):
        m.revolve([(post * 0.4, 0), (post * 0.65, 0.04), (post * 0.3, 0.08), (0, 0.1)], (x, h, 0), 8, both="x")
    with m.repeated([(0, low, 0), (0, h - rail / 2, 0)]):
        m.box((clear, rail, post * 0.6), (0, 0, 0))
    for u in places:
        if kind == "framed":
            m.box((clear, tall, post * 0.4), (0, middle, 0), color=m.pick(m.color, cloth))
        elif kind == "ladder":
            m.box((clear, tall / count * 0.6, 0.02), (0, middle + u * tall, 0))
        elif kind == "slatted":
            m.box((clear / count * share, tall, 0.018), (u * clear, middle, 0))
        else:
            m.rod((u * clear, low, 0), (u * clear, h - rail, 0), 0.011, 6)


def _rails(m: Maker, w, long, top, thick) -> float:
    """Carry a mattress, as every base does by its measures, here on rails and legs; return the width of the base."""
    level, board = max(top - thick * m.uniform(0.7, 1.0), 0.12), m.uniform(0.02, 0.05)
    tall, style = min(m.uniform(0.08, 0.26), level - 0.02), m.pick("square round tapered turned")
    m.box((board, tall, long), ((w + board) / 2, level - tall / 2 + 0.04, 0), both="x")
    m.box((w, 0.1, board), (0, level - 0.01, (long + board) / 2))
    four_legs(m, w, long * 0.97, level, style, m.uniform(0.05, 0.1) * min(w, 1))
    with m.at(y=level - 0.02):
        slats(m, w, long, 0.02, m.number(8, 14))
    return w + m.uniform(0.06, 0.2)


def _box(m: Maker, w, long, top, thick, drawers: bool = False, pad: float = 0.0) -> float:
    """Add a box below the mattress, with `drawers` or on low feet, or around it and up to `pad` thick."""
    pad, foot = pad * m.uniform(0.4, 1.0), 0.0 if drawers or m.chance(0.4) else m.uniform(0.02, 0.15)
    base = max(top - foot - thick * (m.uniform(0.3, 0.8) if pad else 1.0), 0.06)
    m.rounded_box((w + 2 * pad, base, long + pad), (0, foot + base / 2, pad / 2), 0.02)
    with m.painted(m.palette("wood")):
        short_feet(m, w, long, foot + 0.005)
    if drawers:
        count, metal = m.number(2, 3), m.palette("metal")
        places = [(w / 2, base / 2, long * ((k + 0.5) / count - 0.5)) for k in range(count)]
        with m.both(m.pick("x", "x", "")), m.repeated(places), m.turned("y", 90):
            drawer_block(m, (long / count * 0.96, base * 0.9, 0.06), (0, 0, 0), metal, 1 if base < 0.45 else 2)
    m.say("drawers below the mattress" if drawers else "a padded frame" if pad else "a closed box below")
    return w + 2 * pad


def _deck(m: Maker, w, long, top, thick, margin: float = 0.35, styles: str = "plinth beams legs") -> float:
    """Add a deck that is up to `margin` wider: one board on a "plinth", "beams" or "legs", or "slats" on beams."""
    under, edge, style = max(top - thick * m.uniform(0.6, 1.0), 0.06), margin * m.uniform(0.15, 1.0), m.pick(styles)
    board = min(m.uniform(0.03, 0.15), 0.6 * under)
    wide, deep, tall = w + 2 * edge, long + edge, under - board
    with m.at(z=edge / 2):
        if style == "slats":
            with m.at(y=under - board / 2):
                slats(m, wide, deep, board, m.number(8, 17))
        else:
            m.box((wide, board, deep), (0, under - board / 2, 0))
        if style == "plinth":
            m.box((wide * 0.8, tall, deep * 0.85), (0, tall / 2, 0))
        elif style == "legs":
            kind, size = m.pick("square", "tapered", "round", "round tapered"), m.uniform(0.04, 0.1)
            four_legs(m, wide * m.uniform(0.8, 0.98), deep * 0.96, tall, kind, size)
        elif style != "none":
            m.box((0.06, tall, deep * 0.96), (wide * 0.42, tall / 2, 0), both="x")
    m.say("a low platform" if margin > 0.1 else "a plain frame")
    return wide


def _posts(m: Maker, w, long, top, thick, roof: bool = False) -> float:
    """Add rails between four tall posts, a frame or a cloth roof with curtains on them."""
    _rails(m, w, long, top, thick)
    total, size, style = m.uniform(1.3, 2.2), m.uniform(0.05, 0.11), m.pick("square round turned tapered")
    x, z, bar = (w + size) / 2, (long + size) / 2, 0.6 * size
    with m.both("xz"):
        leg(m, style, (x, 0, z), (x, total, z), size)
    m.say("four tall posts", "a cloth roof" if roof else "")
    if m.chance(0.55):
        m.box((2 * x, bar, bar), (0, total, z), both="z")
        m.box((bar, bar, 2 * z), (x, total, 0), both="x")
        m.say("a frame between the posts")
    with m.painted(m.palette("fabric")):
        if roof:
            u, v = surface_grid(7, 7)
            rise = total + m.pick(0.0, 0.0, m.uniform(0.1, 0.35)) * (1 - np.maximum(u**2, v**2))
            m.sheet(np.stack([u * x, rise, v * z], axis=2)[:, ::-1], m.pick(0.03, m.uniform(0.1, 0.28)))
        if roof and m.chance(0.6):
            u, v = surface_grid(2, 9, u=(0, m.uniform(0.15, 0.4)), v=(0.1, total))
            wave = x + size / 2 + 0.02 * np.sin(np.arange(9) * np.pi / 1.5)
            m.sheet(np.stack([wave + 0 * u, v, u - z], axis=2), 0.012, both=m.pick("xz xz x"))
            m.say("curtains at the posts")
    return w


def _tower(m: Maker, w, long, top, thick, two: bool = False) -> float:
    """Add posts, guard rails and a ladder to a high berth, or to two berths above each other."""
    post, high = m.uniform(0.04, 0.09), top + (m.uniform(0.8, 1.0) if two else 0.0)
    x, z, total = (w + post) / 2, (long + post) / 2, high + m.uniform(0.2, 0.4)
    m.box((post, total, post), (x, total / 2, z), both="xz")
    if two:
        _bedding(m, w, long, high, thick)
    for y in sorted({top, high}):
        m.box((w, 0.02, long), (0, y - thick - 0.02, 0))
        m.box((0.025, 0.13, long), (x, y - thick, 0), both="x")
        m.box((w, m.uniform(0.07, 0.35), 0.025), (0, y, z), both="z")
    m.box((0.02, 0.08, long * m.uniform(0.6, 1.0)), (x, total - 0.1, 0), both="x")
    lean, wide, steps = m.uniform(0.02, 0.35), m.uniform(0.15, 0.21), m.number(3, 6)
    with m.at(x, 0, m.uniform(-0.33, 0.33) * long):
        m.beam((lean, 0, wide), (0.03, high + 0.1, wide), (0.03, 0.05), both="z")
        for u in (np.arange(steps) + 0.7) / (steps + 0.4):
            m.box((0.03, 0.03, 2 * wide), (lean + (0.03 - lean) * u, u * (high + 0.1), 0))
    m.say("two sleeping places above each other" if two else "a high sleeping place", "a ladder", "a guard rail")
    return w


def bed(m: Maker, heads="none", feet="", brush="wood wood metal", base=_rails, size="usual", sides=0) -> None:
    """Mattress of one of _SIZES on a base; `heads` and `feet` are kinds of boards; `sides` of them stand along it."""
    m.color = m.palette(brush)
    cloth = m.color if "fabric" in brush else m.palette("fabric")
    widths, *ranges = _SIZES[size]
    w, (long, top, thick, rise) = m.uniform(*m.pick(widths)), (m.uniform(*limits) for limits in ranges)
    m.say(*_bedding(m, w, long, top, thick))
    outer, head = base(m, w, long, top, thick), m.pick(heads)
    if head != "none":
        with m.at(z=-long / 2 - 0.05), m.turned("x", -m.uniform(4, 18) if size == "low" and m.chance() else 0.0):
            m.say(f"{_board(m, head, outer, top + rise, cloth)} at the head")
    if feet:
        foot = head if head in feet.split() and (sides or m.chance(0.7)) else m.pick(feet)
        with m.at(z=long / 2 + 0.05), m.mirrored("z"):
            _board(m, foot, outer, top + (rise if sides else m.uniform(-0.1, 0.35)), cloth)
    if sides:
        with m.both("x" if sides == 2 else ""), m.at(-outer / 2), m.turned("y", 90):
            _board(m, head if sides == 1 else "barred", long, top + rise * m.uniform(0.8, 1.15), cloth)
    m.say("a board at the foot" if feet else "", ("", "boards on three sides", "bars on the sides")[sides])


def bed_with_stands(m: Maker) -> None:
    """Bed with a small cabinet on one or both sides of the head, fixed to a wide head board or free."""
    FAMILIES[m.pick("bed with a head board", "upholstered bed", "platform bed", "box spring bed")](m)
    (low, high), m.color, metal = m.bounds(), m.palette("wood"), m.palette("metal")
    w, h, d, foot = m.uniform(0.35, 0.6), m.uniform(0.3, 0.6), m.uniform(0.3, 0.45), m.pick(0, 0, m.uniform(0.1, 0.2))
    x, z, both = high[0] + m.uniform(0.0, 0.12) + w / 2, low[2] + d / 2 + 0.06, m.pick("x", "x", "x", "x", "")
    with m.both(both), m.at(x, foot, z):
        drawer_block(m, (w, h, d), (0, h / 2, 0), metal)
    if foot or m.chance():
        m.box((2 * x + w, m.uniform(0.5, 1.1), 0.05), (0, 0.5, low[2] + 0.02))
    m.say("a night stand on both sides" if both else "a night stand at one side")


_SOLID, _OPEN, _METAL = "plain arched stepped framed upholstered", "slatted ladder framed", "hooped barred"
_SOFT, _SOME, _BARS = "upholstered tufted curved", "none none plain upholstered tufted arched framed", "barred framed"
_ANY = f"{_SOLID} {_OPEN} {_METAL} tufted"
_BOARD = partial(_deck, margin=0.02, styles="none")
FAMILIES: dict[str, Builder] = {
    "bed with a head board": partial(bed, heads=_ANY),
    "bed with head and foot boards": partial(bed, heads=_SOLID, feet=_SOLID),
    "slatted wooden bed": partial(bed, heads=_OPEN, feet=_OPEN),
    "metal bed": partial(bed, heads=_METAL, feet=_METAL),
    "sleigh bed": partial(bed, heads="sleigh", feet="sleigh"),
    "box spring bed": partial(bed, heads=f"none {_SOME}", brush="fabric wood", base=_box),
    "platform bed": partial(bed, heads=f"{_SOME} ladder", brush="wood", base=_deck, size="low"),
    "plain bed": partial(bed, brush="wood metal", base=partial(_deck, margin=0.02, styles="legs legs slats")),
    "four poster bed": partial(bed, heads=_ANY, base=_posts),
    "canopy bed": partial(bed, heads=_ANY, base=partial(_posts, roof=True)),
    "bunk bed": partial(bed, brush="wood metal", base=partial(_tower, two=True), size="day"),
    "loft bed": partial(bed, brush="wood metal", base=_tower, size="loft"),
    "day bed": partial(bed, heads=_ANY, feet=_ANY, brush="wood metal", size="day", sides=1),
    "child's bed with bars": partial(bed, heads=_BARS, feet=_BARS, brush="wood", base=_BOARD, size="child", sides=2),
    "futon bed": partial(bed, heads="none ladder", base=partial(_deck, margin=0.05, styles="slats"), size="low"),
    "upholstered bed": partial(bed, heads=_SOFT, brush="fabric", base=partial(_box, pad=0.14), size="tall"),
    "storage bed": partial(bed, heads=f"{_SOME} bookcase", brush="wood", base=partial(_box, drawers=True), size="high"),
    "bed with night stands": bed_with_stands,
    "bed with a bookcase": partial(bed, heads="bookcase", brush="wood"),
}
WEIGHTS = {"bed with night stands": 0.5, "bed with a bookcase": 0.6}
