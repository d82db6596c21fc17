"""What one sits on: the families of chairs and sofas together, and what they are for."""

from __future__ import annotations

from .chairs import CHAIR
from .sofas import SOFA


__all__ = ["CHAIR", "FUNCTIONS", "SOFA"]

FUNCTIONS = {
    "chair": [
        "something to sit on",
        "a seat for one person",
        "a place to sit at a table",
        "a seat with a back",
        "something to lean back in",
        "a place to sit down and rest",
        "a single seat",
    ],
    "sofa": [
        "something to sit on",
        "something to lie on",
        "a seat for two or more people",
        "a soft place to sit with others",
        "furniture for a living room",
        "a long upholstered seat",
        "a place to sit down and rest",
        "a place to watch television from",
    ],
}
