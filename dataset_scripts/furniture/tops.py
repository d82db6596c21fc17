"""Table tops of many outlines, shared by tables and desks."""

from __future__ import annotations

import numpy as np

from .parts import Colour, Part, box, chance, counted, extrude, outline_points, pick, rounded_rectangle, tube


TOPS = ("rectangle", "rounded", "round", "oval", "polygon", "boat", "half round", "barrel", "soft", "bow")


def top_outline(rng: np.random.Generator, kind: str, width: float, depth: float) -> np.ndarray:
    """(K, 2) counter-clockwise outline (x, z) of a top within width x depth; `kind` is one of TOPS."""
    half = np.array([width / 2, depth / 2])
    if kind == "rectangle":
        return half * [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    if kind == "rounded":
        return rounded_rectangle(width, depth, rng.uniform(0.05, 0.45) * min(width, depth))
    if kind == "soft":
        return rounded_rectangle(width, depth, rng.uniform(0.02, 0.12) * min(width, depth), segments=2)
    if kind in ("round", "oval"):
        return half * outline_points("oval", 28)
    if kind == "polygon":
        corners = pick(rng, 5, 6, 8)
        angle = (np.arange(corners) + 0.5) * 2 * np.pi / corners
        return half * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.linspace(-1, 1, 9)
    if kind == "boat":
        narrow = rng.uniform(0.6, 0.9)
        edge = np.stack([x, narrow + (1 - narrow) * (1 - x**2)], axis=1)
        return half * np.concatenate([edge * (1, -1), edge[::-1]])
    if kind == "bow":
        edge = np.stack([x, rng.uniform(0.05, 0.16) * x**2 - 1], axis=1)
        return half * np.concatenate([edge, [(1, 1), (-1, 1)]])
    if kind == "barrel":
        edge = np.stack([1 - rng.uniform(0.1, 0.3) * x**2, x], axis=1)
        return half * np.concatenate([edge, -edge])
    if kind == "half round":
        angle = np.linspace(0, np.pi, 15)
        return half * np.stack([np.cos(angle), 2 * np.sin(angle) - 1], axis=1)
    raise ValueError(f"unknown top {kind!r}; use one of {TOPS}.")


def table_top(
    rng: np.random.Generator,
    kind: str,
    width: float,
    depth: float,
    height: float,
    colour: Colour,
    thickness: float | None = None,
) -> tuple[list[Part], float, str]:
    """Top with its upper side at `height`: solids, thickness, phrase; `kind` is one of TOPS."""
    thick = thickness or (rng.uniform(0.015, 0.05) if chance(rng, 0.8) else rng.uniform(0.05, 0.12))
    outline = top_outline(rng, kind, width, depth)
    parts = [extrude(outline, thick, (0, height - thick / 2, 0), colour, "xz")]
    if chance(rng, 0.12):
        # A second, smaller board below gives the step of a moulded edge.
        parts.append(extrude(outline * 0.94, thick * 0.8, (0, height - 1.3 * thick, 0), colour, "xz"))
        thick *= 1.7
    if kind == "rectangle":
        phrase = "a square top" if abs(width / depth - 1) < 0.06 else "a rectangular top"
    elif kind == "round":
        phrase = "a round top" if abs(width / depth - 1) < 0.06 else "an oval top"
    else:
        phrase = {
            "rounded": "a top with rounded corners",
            "soft": "a top with rounded corners",
            "bow": "a top with one curved edge",
            "oval": "an oval top",
            "polygon": f"a top with {counted(len(outline), 'corner')}",
            "boat": "a boat shaped top",
            "half round": "a half round top",
            "barrel": "a top with curved ends",
        }[kind]
    return parts, thick, phrase


def framed_glass(
    rng: np.random.Generator, kind: str, width: float, depth: float, height: float, glass: Colour, frame: Colour
) -> list[Part]:
    """Thin pane with a rim, a tube around round tops, four bars around rectangular ones; upper side at `height`."""
    if kind == "rectangle":
        bar = rng.uniform(0.02, 0.07)
        parts = [box((width, bar, bar), (0, height - bar / 2, s * (depth - bar) / 2), frame) for s in (-1, 1)]
        parts += [
            box((bar, bar, depth - 2 * bar), (s * (width - bar) / 2, height - bar / 2, 0), frame) for s in (-1, 1)
        ]
        return [*parts, box((width - 2 * bar, 0.01, depth - 2 * bar), (0, height - 0.01, 0), glass)]
    radius = rng.uniform(0.01, 0.025)
    outline = outline_points("oval", 28) * (width / 2 - radius, depth / 2 - radius)
    rim = np.stack([outline[:, 0], np.full(len(outline), height - radius), outline[:, 1]], axis=1)
    pane = extrude(outline, 0.01, (0, height - radius, 0), glass, "xz")
    return [pane, tube(rim, radius, frame, sections=6, closed=True)]
