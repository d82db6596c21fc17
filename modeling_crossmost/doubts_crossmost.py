"""Sentences that go with an answer where doubt is due: odd shapes, modalities that disagree, no likely class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


# Standard deviations along the second and third principal axis, relative to the first, below which an object counts as
# a line or as flat: a sheet of paper, but no screen or door.
_LINE, _FLAT = 0.01, 0.005

# The best class's probability below which no class is likely: this, or so many times chance if there are few classes.
_UNLIKELY, _ABOVE_CHANCE = 0.35, 1.25


def shape_doubts(points: np.ndarray) -> list[str]:
    """Return what is odd about the shape of a normalized cloud (N, 3)."""
    if len(points) < 3:
        return [f"The object has only {len(points)} points."]
    centered = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(centered.T @ centered)[::-1], 0.0))
    if spread[1] <= _LINE * spread[0]:
        return ["The object lies in one line: is something missing in the file?"]
    if spread[2] <= _FLAT * spread[0]:
        return ["The object is flat: is something missing in the file?"]
    return []


def opinion_doubts(
    names: Sequence[str], point: np.ndarray | None, image: np.ndarray | None, fused: np.ndarray | None = None
) -> list[str]:
    """Return what is doubtful about the probabilities (C,) that cloud and views give to the classes.

    Args:
        names: C class names.
        point, image: probabilities from the cloud and from the views; `None` where a modality was not used.
        fused: from both; by default their mean.
    """
    if fused is None:
        fused = np.mean([found for found in (point, image) if found is not None], axis=0)
    found = []
    if point is not None and image is not None and point.argmax() != image.argmax():
        said = names[int(point.argmax())], names[int(image.argmax())]
        found.append(f"The cloud says {said[0]}, the views say {said[1]}: the object may not stand upright.")
    if _is_unlikely(fused):
        found.append(f"No class is likely: the best, {names[int(fused.argmax())]}, has {fused.max():.0%}.")
    return found


def _is_unlikely(fused: np.ndarray) -> bool:
    """Whether none of the probabilities (C,) stands out."""
    return bool(fused.max() < max(_UNLIKELY, min(_ABOVE_CHANCE / len(fused), 0.99)))
