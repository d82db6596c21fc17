"""What a run writes beside its weights: args.yaml, metrics.jsonl, eval_history.jsonl, results.json."""

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml

from ..utils.atomic import write_text
from .distributed import global_sum, world_size


VERSIONED = ("torch", "transformers", "datasets", "accelerate", "timm", "numpy")


def write_json(path: Path, content: Any) -> None:
    """Write readable JSON atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write the resolved options atomically."""
    write_text(path, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))


def versions() -> dict[str, str]:
    """Versions of the libraries that numbers depend on."""
    return {name: version(name) for name in VERSIONED}


class JsonLines:
    """An append-only file of JSON lines that starts anew, or after `keep_until` where a run is resumed.

    Args:
        path: the file.
        keep_until: lines with a larger `step` are dropped; `None` starts an empty file.
        active: `False` writes nothing (other processes).
    """

    def __init__(self, path: Path, keep_until: int | None = None, active: bool = True):
        self.path, self.active = path, active
        if not active:
            return
        kept: list[str] = []
        if keep_until is not None and path.is_file():
            kept = [line for line in path.read_text().splitlines() if self._step(line) <= keep_until]
        write_text(path, "".join(line + "\n" for line in kept))

    @staticmethod
    def _step(line: str) -> float:
        try:
            return json.loads(line)["step"]
        except ValueError:
            return math.inf  # the half line that a killed run may leave at the end

    def append(self, line: Mapping[str, Any]) -> None:
        """Add one line; numbers that are not finite become null, as JSON knows none."""
        if not self.active:
            return
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in line.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(clean) + "\n")


def _mean_over_processes(values: torch.Tensor) -> torch.Tensor:
    return global_sum(values) / world_size()


class RunningMeans:
    """Means of 0-dim tensors between two logging steps, kept on the device: no host sync until `pop`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.total: torch.Tensor | None = None
        self.count = 0

    def add(self, terms: Mapping[str, torch.Tensor]) -> None:
        """Add one step's terms (always the same names)."""
        self.names = list(terms)
        values = torch.stack([value.detach().float().reshape(()) for value in terms.values()])
        self.total = values if self.total is None else self.total + values
        self.count += 1

    def pop(self) -> dict[str, float]:
        """Return the means over all processes since the last call, and start anew."""
        if self.total is None:
            return {}
        means = (_mean_over_processes(self.total) / self.count).tolist()
        self.total, self.count = None, 0
        return dict(zip(self.names, means, strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Return what was added since the last `pop`, as JSON values; all processes have to call it."""
        if self.total is None:
            return {"totals": {}, "count": 0}
        totals = _mean_over_processes(self.total).tolist()
        return {"totals": dict(zip(self.names, totals, strict=True)), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Continue from a [`state_dict`]; the float32 totals come back exactly."""
        self.names, self.count = list(state["totals"]), state["count"]
        self.total = torch.tensor(list(state["totals"].values()), device=device) if self.count else None
