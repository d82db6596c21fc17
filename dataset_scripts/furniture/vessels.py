"""Vessels lofted from outlines that change with the height, their color and tap: shared by bathtubs and toilets."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .maker import Color, Maker
from .solids import outline_points, rounded_path


Level = tuple[str, float, float, float, float, float]  # outline name, x from, x to, z from, z to, y

_ANGLES = -np.arange(40) * np.pi / 20  # Steps of nine degrees: rectangles have corners on the diagonals, among them.


def _circle(angles: np.ndarray) -> np.ndarray:
    """Give the (K, 2) points of the unit circle at the angles."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


_ROUND, _RECTANGLE = _circle(np.arange(144) * np.pi / 72), outline_points("rounded", 72)
_CORNERS = {
    "sharp": np.array([(1.0, 1.0), (-1, 1), (-1, -1), (1, -1)]),
    "hexagon": _circle(np.arange(6) * np.pi / 3) / (1, np.sqrt(0.75)),
    "octagon": _circle((np.arange(8) + 0.5) * np.pi / 4) / np.cos(np.pi / 8),
    "quarter": np.concatenate([2 * _circle(np.linspace(0, np.pi / 2, 19)) - 1, [(-1, -1)]]),
    "clipped": np.array([(1, 0.325), (0.325, 1), (-1, 1), (-1, -1), (1, -1)]),
    "cut": np.array([(1, -0.325), (-0.325, 1), (-1, 1), (-1, -1), (1, -1)]),
    "end": outline_points("dee", 72)[:, ::-1],
    "taper": _RECTANGLE * np.insert(0.85 - 0.15 * _RECTANGLE[:, :1], 0, 1, axis=1),
    "waist": _ROUND * np.insert(0.876 + 0.537 * np.abs(_ROUND[:, :1]), 0, 1, axis=1),
}


@lru_cache(maxsize=32)
def vessel_outline(name: str) -> np.ndarray:
    """(40, 2) points (x, z) in [-1, 1] at equal angles, running so that a loft in growing y is wound outwards.

    Besides those of `outline_points`: "sharp" (a rectangle), "hexagon", "octagon", "quarter" (of a disc), "clipped" and
    "cut" (a square less a small or large corner at +x, +z), "end" (round at +x), "taper" (narrow at +x), "waist".
    """
    corners = _CORNERS[name] if name in _CORNERS else outline_points(name, 72)
    x, z = np.concatenate(np.linspace(corners, np.roll(corners, -1, axis=0), 50, endpoint=False)).T
    return np.interp(_ANGLES, np.arctan2(z, x), np.hypot(x, z), period=2 * np.pi)[:, None] * _circle(_ANGLES)


def skin(m: Maker, levels: Sequence[Level], closed: bool = False) -> None:
    """Add a solid through `levels` in the order bottom, outside, rim, inside, cavity's floor; a ring if `closed`."""
    x, z = np.stack([vessel_outline(level[0]) for level in levels]).transpose(2, 0, 1)
    x0, x1, z0, z1, y = np.array([level[1:] for level in levels]).T[..., None]
    rings = ((x0 + x1 + (x1 - x0) * x) / 2, np.broadcast_to(y, x.shape), (z0 + z1 + (z1 - z0) * z) / 2)
    m.loft(np.stack(rings, axis=2), closed=closed)


def sanitary_color(m: Maker) -> Color:
    """Draw the color of a bathroom fixture: mostly white ceramic, else plastic or metal."""
    return m.palette("ceramic ceramic ceramic plastic metal")


def faucet(m: Maker, place: Sequence[float], turn: float, size: float = 1.0) -> str:
    """Add a tap whose foot is at `place`, its spout along +x turned by `turn` degrees about y; return its phrase."""
    kind, color = m.pick("arch arch arch block bridge slab"), m.palette("metal")
    tall, reach, thick = m.uniform(0.1, 0.3), m.uniform(0.1, 0.2), m.uniform(0.01, 0.022)
    with m.painted(color), m.at(*place), m.turned("y", turn), m.scaled((size, size, size)):
        if kind == "arch":
            tall *= m.pick(1.0, 1.0, 0.5)
            path = [(0, 0, 0), (0, tall, 0), (reach, tall, 0), (reach, tall * 0.7, 0)]
            m.tube(rounded_path(path, reach * 0.5), thick)
        elif kind == "block":
            m.box((reach, 0.05, 0.06), (reach / 2, 0.03, 0))
        elif kind == "slab":
            m.box((0.03, tall, 0.05), (0, tall / 2, 0))
            m.box((reach, 0.02, 0.05), (reach / 2, tall, 0))
        else:
            m.rod((0, tall * 0.5, -0.1), (0, tall * 0.5, 0.1), thick)
            m.rod((0, 0, 0.08), (0, tall * 0.5, 0.08), thick, both="z")
            m.rod((0, tall * 0.5, 0), (reach, tall * 0.35, 0), thick)
        if m.chance(0.6):
            m.frustum(0.022, 0.03, 0.05, (0, 0.025, 0.13), 10, both="z")
    return "a faucet"
