"""Predictions of the objects that a long evaluation has seen, on disk: one that was killed goes on behind them."""

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..utils.atomic import atomic_file, write_text


KEY_FILE = "key.json"
OUR_FILE = re.compile(r"key\.json|\d+-\d{6}\.safetensors|\..*\.tmp")
BATCHES_PER_FILE = 50


class KeptParts:
    """The parts of one process, in a folder that all processes share.

    Args:
        folder: made with the first file, emptied where it belongs to another evaluation.
        key: of everything that decides the predictions: weights, objects, number of processes.
        process_index: of this process; the first one empties the folder, before the others look.

    Attributes:
        discarded: whether there were parts of another evaluation.

    Raises:
        ValueError: the folder holds files that are no such parts.
    """

    def __init__(self, folder: Path, key: str, process_index: int = 0):
        self.folder, self.key, self.process_index = folder, key, process_index
        self.waiting: list[dict[str, np.ndarray]] = []
        self.count, self.discarded = 0, False
        if process_index == 0 and _stored_key(folder) != key:
            self.discarded = (folder / KEY_FILE).exists()
            _remove(folder)

    def load(self) -> list[dict[str, np.ndarray]]:
        """Return what this process had predicted before, in its order, up to a file that is missing or damaged."""
        found = []
        try:
            while self._next_file().is_file():
                found.append(load_file(self._next_file()))
                self.count += 1
        except SafetensorError:
            pass
        for path in self.folder.glob(f"{self.process_index}-*.safetensors"):
            if path.name >= self._next_file().name:  # what lies behind has to join what is made now
                path.unlink()
        return found

    def add(self, part: dict[str, np.ndarray]) -> None:
        """Note a batch; it is on disk with the next file."""
        self.waiting.append(part)
        if len(self.waiting) >= BATCHES_PER_FILE:
            self.flush()

    def flush(self) -> None:
        """Write what is not on disk yet."""
        if not self.waiting:
            return
        write_text(self.folder / KEY_FILE, json.dumps(self.key))
        merged = {name: np.concatenate([each[name] for each in self.waiting]) for name in self.waiting[0]}
        with atomic_file(self._next_file()) as temporary:
            save_file(merged, temporary)
        self.count, self.waiting = self.count + 1, []

    def _next_file(self) -> Path:
        return self.folder / f"{self.process_index}-{self.count:06d}.safetensors"


def remove_parts(folder: Path) -> None:
    """Remove the parts of all evaluations that kept theirs below a folder, and the folder if nothing else is in it."""
    with suppress(FileNotFoundError):  # another process removes them at the same time
        for key in folder.glob(f"*/{KEY_FILE}"):
            _remove(key.parent)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _stored_key(folder: Path) -> str | None:
    try:
        return json.loads((folder / KEY_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    strange = [path.name for path in folder.iterdir() if not OUR_FILE.fullmatch(path.name)]
    if strange:
        raise ValueError(
            f"{str(folder)!r} is where an evaluation keeps its parts, and holds {strange[0]!r}: move that, or give "
            "another --output_dir."
        )
    shutil.rmtree(folder)
