"""What one keeps things in: the families of dressers and night stands together, and what they are for."""

from __future__ import annotations

from .dressers import DRESSER
from .night_stands import NIGHT_STAND


__all__ = ["DRESSER", "FUNCTIONS", "NIGHT_STAND"]

FUNCTIONS = {
    "dresser": [
        "something to keep clothes in",
        "something to keep things in",
        "furniture with drawers",
        "a place for shirts and socks",
        "storage for a bedroom",
        "something to store clothes in",
        "a place to put folded clothes",
        "a large case for clothes",
        "a place to put clothes away",
    ],
    "night stand": [
        "something to put beside a bed",
        "something to keep things in",
        "furniture with drawers",
        "a place for a lamp beside a bed",
        "a small piece of furniture beside a bed",
        "something to put a book on at night",
        "a place for an alarm clock",
        "a small table with a drawer",
        "a place for a glass of water at night",
    ],
}
