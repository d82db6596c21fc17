"""Predictions of the objects that a long evaluation has seen, on disk: one that was killed goes on behind them."""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from ..utils.atomic import atomic_file, write_text


KEY_FILE = "key.json"
BATCHES_PER_FILE = 50


class KeptParts:
    """The parts of one process, in a folder that all processes share.

    Args:
        folder: made where it is missing, emptied where it belongs to another evaluation.
        key: of everything that decides the predictions: weights, objects, number of processes.
        process_index: of this process; the first one makes the folder, before the others look.
    """

    def __init__(self, folder: Path, key: str, process_index: int = 0):
        self.folder, self.process_index = folder, process_index
        self.waiting: list[dict[str, np.ndarray]] = []
        about = folder / KEY_FILE
        if process_index == 0 and (not about.is_file() or json.loads(about.read_text(encoding="utf-8")) != key):
            shutil.rmtree(folder, ignore_errors=True)
            write_text(about, json.dumps(key))

    def load(self) -> list[dict[str, np.ndarray]]:
        """Return what this process had predicted before, in its order."""
        found = sorted(self.folder.glob(f"{self.process_index}-*.safetensors"))
        self.count = len(found)
        return [load_file(path) for path in found]

    def add(self, part: dict[str, np.ndarray]) -> None:
        """Note a batch; it is on disk with the next file."""
        self.waiting.append(part)
        if len(self.waiting) >= BATCHES_PER_FILE:
            merged = {name: np.concatenate([each[name] for each in self.waiting]) for name in part}
            with atomic_file(self.folder / f"{self.process_index}-{self.count:06d}.safetensors") as temporary:
                save_file(merged, temporary)
            self.count, self.waiting = self.count + 1, []

    def remove(self) -> None:
        """Remove the folder: the evaluation is complete."""
        if self.process_index == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
