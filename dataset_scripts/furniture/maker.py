"""The workbench on which one object of the furniture is made: dice, brush, solids and words in one place.

A builder is a function of a `Maker`. It draws sizes (`uniform`, `number`, `pick`, `chance`), chooses colors, adds
solids and says what is true of the object::

    def stool(m: Maker) -> None:
        m.color = m.palette("wood wood metal")
        width, top = m.uniform(0.3, 0.4), m.uniform(0.4, 0.7)
        m.cylinder(width / 2, 0.04, (0, top, 0))
        m.beam((0.1, top, 0.1), (0.14, 0, 0.14), 0.03, both="xz")  # four legs
        m.say("four legs")

Blocks copy or move what is added inside them: `with m.both("x"):`, `with m.at(0, 0, -1):`, `with m.turned("x", -10):`.
Axes: y up, the front faces +z, the floor is y = 0, meter-like units.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial, reduce
from typing import Any

import numpy as np
import trimesh
from numpy.typing import ArrayLike

from . import solids
from .solids import Solid


Color = tuple[float, float, float]  # linear RGB, each in [0, 1]
Builder = Callable[["Maker"], None]
Block = AbstractContextManager[None]

# (hue, saturation, value) ranges, one group per typical tint.
_PALETTES = {
    "wood": (((0.05, 0.10), (0.35, 0.75), (0.25, 0.75)), ((0.03, 0.07), (0.45, 0.75), (0.12, 0.35)),
             ((0.08, 0.12), (0.08, 0.30), (0.65, 0.92))),
    "metal": (((0.55, 0.65), (0.00, 0.10), (0.45, 0.85)), ((0.00, 1.00), (0.00, 0.06), (0.04, 0.20)),
              ((0.10, 0.13), (0.35, 0.60), (0.50, 0.80))),
    "fabric": (((0.00, 1.00), (0.15, 0.75), (0.15, 0.75)), ((0.05, 0.12), (0.05, 0.35), (0.35, 0.85)),
               ((0.00, 1.00), (0.00, 0.08), (0.05, 0.80))),
    "ceramic": (((0.08, 0.16), (0.00, 0.10), (0.80, 0.97)), ((0.00, 1.00), (0.05, 0.25), (0.65, 0.90))),
    "plastic": (((0.00, 1.00), (0.00, 0.10), (0.03, 0.95)), ((0.00, 1.00), (0.40, 0.90), (0.30, 0.90))),
}  # fmt: skip
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def counted(count: int, noun: str) -> str:
    """Return the phrase "three drawers" for (3, "drawer"); above twelve "many drawers"."""
    return f"{_NUMBERS[count] if count < len(_NUMBERS) else 'many'} {noun}{'' if count == 1 else 's'}"


def _adds(solid: Callable[..., Solid]) -> Callable[..., None]:
    """Return a method that adds a solid: `color` replaces the brush, `both="xz"` adds its mirror images too."""

    def add(self: Maker, *args: Any, color: Color | None = None, both: str = "", **kwargs: Any) -> None:
        with self.both(both):
            self.parts.append((solid(*args, **kwargs), color or self.color))

    add.__doc__ = solid.__doc__
    return add


class Maker:
    """One object in the making.

    `rng` is the source of every choice and `family` the structural family in words, e.g. "round pedestal table"; a
    builder may make it more exact. `color` is the brush: the color of solids that are given none. `parts` are the
    solids made so far, each with its color, and `details` short noun phrases true of it ("three drawers").
    """

    def __init__(self, rng: np.random.Generator, family: str = ""):
        self.rng, self.family = rng, family
        self.color: Color = (0.5, 0.5, 0.5)
        self.parts: list[tuple[Solid, Color]] = []
        self.details: list[str] = []

    # -------------------------------------------------------------------------------------------- dice and words

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return float(self.rng.uniform(low, high))

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float = 0.5) -> bool:
        """Return True with `probability`."""
        return bool(self.rng.random() < probability)

    def pick(self, *options: Any) -> Any:
        """One of `options`, all equally likely; a single string offers its words, a repeated word is likelier."""
        if len(options) == 1:
            options = tuple(options[0].split() if isinstance(options[0], str) else options[0])
        return options[int(self.rng.integers(len(options)))]

    def palette(self, kinds: str) -> Color:
        """Random color of a material: one of the words "wood", "metal", "fabric", "ceramic", "plastic" in `kinds`."""
        kind = self.pick(kinds)
        if kind not in _PALETTES:
            raise ValueError(f"unknown palette {kind!r}; use one of {sorted(_PALETTES)}.")
        hue, saturation, value = (self.uniform(*limits) for limits in self.pick(_PALETTES[kind]))
        return colorsys.hsv_to_rgb(hue, saturation, value)

    def say(self, *phrases: str) -> None:
        """Note phrases that are true of the object; empty ones are passed over."""
        self.details += [phrase for phrase in phrases if phrase]

    # -------------------------------------------------------------------------------------------- solids

    box, rounded_box, cushion = _adds(solids.box), _adds(solids.rounded_box), _adds(solids.cushion)
    cylinder, frustum, revolve = _adds(solids.cylinder), _adds(solids.frustum), _adds(solids.revolve)
    beam, rod, tube = _adds(solids.beam), _adds(solids.rod), _adds(solids.tube)
    extrude, sheet, loft = _adds(solids.extrude), _adds(solids.sheet), _adds(solids.loft)

    # -------------------------------------------------------------------------------------------- blocks

    @contextmanager
    def painted(self, color: Color) -> Iterator[None]:
        """Another brush inside the block."""
        before, self.color = self.color, color
        try:
            yield
        finally:
            self.color = before

    @contextmanager
    def copied(self, transforms: Sequence[Callable[[Solid], Solid]]) -> Iterator[None]:
        """Repeat what the block adds, once for every transform."""
        start = len(self.parts)
        yield
        made = self.parts[start:]
        self.parts[start:] = [(transform(solid), color) for transform in transforms for solid, color in made]

    def at(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Block:
        """Shifted by (x, y, z)."""
        return self.repeated([(x, y, z)])

    def repeated(self, offsets: Iterable[ArrayLike]) -> Block:
        """Once at every offset (3,)."""
        return self.copied([partial(Solid.moved, offset=offset) for offset in offsets])

    def turned(self, axis: str | ArrayLike, degrees: float, about: ArrayLike = (0, 0, 0)) -> Block:
        """Turn what the block adds by `degrees` (right-hand rule) about the line through `about` along `axis`."""
        return self.copied([partial(Solid.rotated, axis=axis, degrees=degrees, about=about)])

    def around(self, count: int, start: float = 0.0) -> Block:
        """`count` times around the y axis, the first turned by `start` degrees."""
        angles = start + 360.0 / count * np.arange(count)
        return self.copied([partial(Solid.rotated, axis="y", degrees=angle) for angle in angles])

    def scaled(self, factors: ArrayLike, about: ArrayLike = (0, 0, 0)) -> Block:
        """Stretched by three positive factors around a point."""
        return self.copied([partial(Solid.scaled, factors=factors, about=about)])

    def mirrored(self, axis: str = "x") -> Block:
        """Only the mirror image in the plane x = 0 (y = 0, z = 0)."""
        return self.copied([partial(Solid.mirrored, axis=axis)])

    def both(self, axes: str = "x") -> Block:
        """As it is and mirrored: two for "x", four (all corners) for "xz", one for ""."""
        images = [""]
        for axis in axes:
            images += [image + axis for image in images]
        return self.copied([partial(reduce, Solid.mirrored, image) for image in images])

    # -------------------------------------------------------------------------------------------- result

    def bounds(self) -> np.ndarray:
        """(2, 3) lowest and highest coordinates of all parts."""
        boxes = np.stack([solid.bounds for solid, _ in self.parts])
        return np.stack([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])

    def merged(self) -> trimesh.Trimesh:
        """All parts as one mesh: 8-bit linear RGB per face, floor at y = 0, bounding box centered in x and z."""
        if not self.parts:
            raise ValueError(f"the object {self.family!r} has no parts; add at least one.")
        starts = np.cumsum([0] + [len(solid.vertices) for solid, _ in self.parts[:-1]])
        faces = np.concatenate([solid.faces + start for (solid, _), start in zip(self.parts, starts, strict=True)])
        low, high = self.bounds()
        points = np.concatenate([solid.vertices for solid, _ in self.parts])
        points = points - np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
        rgb = np.round(np.clip(np.array([color for _, color in self.parts]), 0.0, 1.0) * 255)
        rgba = np.concatenate([rgb, np.full((len(rgb), 1), 255.0)], axis=1).astype(np.uint8)
        colors = np.repeat(rgba, [len(solid.faces) for solid, _ in self.parts], axis=0)
        return trimesh.Trimesh(points, faces, face_colors=colors, process=False, validate=False)
