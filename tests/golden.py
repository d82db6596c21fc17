"""Helpers of the golden tests: where the recorded numbers are and how official tensors map onto ours."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from modeling_crossmost.official.models import convert_crossmost
from modeling_crossmost.official.names import convert_state_dict
from modeling_crossmost.training.self_training import SelfTrainingArguments


FIXTURES = Path(__file__).parent / "fixtures"
REPOSITORY = Path(__file__).parent.parent


def shared_directory() -> Path:
    """`CROSSMOST_SHARED`, else `../shared` beside the checkout; skips the test with a reason where neither is there."""
    directory = Path(os.environ.get("CROSSMOST_SHARED", REPOSITORY.parent / "shared"))
    if not directory.is_dir():
        pytest.skip(f"recorded data not found at {directory}: set CROSSMOST_SHARED")
    return directory


class GoldenSet:
    """One recorded set: weights, inputs and outputs of the official code, of whatever size its manifest says."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.sizes = json.loads((directory / "manifest.json").read_text())["config"]
        self.options = {
            "image_heads": self.sizes["vh"],
            "point_heads": self.sizes["heads"],
            "point_groups": self.sizes["groups"],
            "group_size": self.sizes["gsize"],
        }

    def tensors(self, *names: str) -> dict[str, torch.Tensor]:
        """The tensors of one or more files, merged."""
        merged: dict[str, torch.Tensor] = {}
        for name in names:
            merged.update(load_file(self.directory / f"{name}.safetensors"))
        return merged

    def state(self, prefix: str) -> dict[str, torch.Tensor]:
        """Official weights (or weights after a step) of `prefix`."""
        return self.tensors(f"{prefix}_point_encoder", f"{prefix}_rest")

    def model(self, prefix: str):
        """Our model with the official weights of `prefix`, in evaluation mode."""
        return convert_crossmost({"model": self.state(prefix)}, **self.options)[0]

    def ours(self, official: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Official weights or gradients under our names and layouts."""
        return convert_state_dict(official)


# What the official recipes use (modelnet40_crossmost.yaml), with the official variants of all terms.
OFFICIAL = {
    "loss_variant": "official",
    "anchor": 0.0,
    "pseudo_label": "joint",
    "confidence_threshold": 0.84,
    "point_confidence_weight": 0.9,
    "align_temperature": 1.0,
    "align_weight": 1.0,
    "masked_image_weight": 1.0,
    "masked_point_weight": 1.0,
    "global_local_weight": 0.2,
}
RECIPES = {
    "modelnet40_crossmost": {},
    "co3d_crossmost": {},
    "scobj_crossmost": {"confidence_threshold": 0.82, "point_confidence_weight": 1.0},
    "redwood_crossmost": {"confidence_threshold": 0.82, "point_confidence_weight": 1.0},
    "modelnet40_baseline": {
        "pseudo_label": "own",
        "align": False,
        "confidence_threshold_image": 0.8,
        "confidence_threshold_point": 0.82,
    },
    "modelnet40depth_baseline": {"pseudo_label": "own", "align": False, "confidence_threshold": 0.84},
    "scobjhardest_baseline": {"pseudo_label": "own", "align": False, "confidence_threshold": 0.6},
}


def official_arguments(recipe: str = "modelnet40_crossmost", **overrides) -> SelfTrainingArguments:
    """The self-training arguments that reproduce an official recipe."""
    return SelfTrainingArguments(**{**OFFICIAL, **RECIPES[recipe], **overrides})
