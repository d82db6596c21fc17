"""Reads official checkpoint files without executing code, detects their kind, and extracts their weights."""

import argparse
import os
import pickle
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..utils.command_line import first_line


KINDS = (
    *("crossmost", "ulip", "ulip2", "pointllm", "openshape", "uni3d"),
    *("dvae", "pointbert", "pointnet2", "pointmlp"),
)
# Point-BERT on colored points, in a file with OpenCLIP's towers or without: PointLLM's has the layout of ULIP-2.
COLORED = ("ulip2", "pointllm")
_OPEN_CLIP = "open_clip_model."
# Where the weights of other point towers lie in their public files, and the beginning of a name that tells them.
_TOWERS = {
    "pointnet2": ("model_state_dict", "sa1."),
    "pointmlp": ("net", "local_grouper_list."),
    "uni3d": ("module", "point_encoder.trans2embed."),
}
# Prefixes of the weights to use under "base_model". A Point-BERT file also holds its tokenizer ("dvae.encoder.") and
# the momentum encoder of its contrastive loss ("transformer_k.").
_USED = {"pointbert": ("transformer_q.", "base_model."), "dvae": ("encoder.",)}


class CheckpointError(ValueError):
    """A checkpoint that cannot be converted; the message is one sentence addressed to the user."""


@dataclass(frozen=True)
class OfficialWeights:
    """The weights of a checkpoint under uniform names.

    Attributes:
        tensors: official name -> tensor, with the names of CrossMoST's own files (`visual.*`, `point_encoder.*`, ...)
            for every kind of file.
        names: official name -> name in the file, for reports.
    """

    tensors: dict[str, torch.Tensor]
    names: dict[str, str]


def load_official_checkpoint(path: str | os.PathLike) -> dict:
    """Read a `.pth` or `.pt` file, allowing only tensors, plain containers and `argparse.Namespace` (no code).

    Raises:
        CheckpointError: if the file does not exist, is not a checkpoint, is truncated, or would execute code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file {path}: give the path of an official .pth file.")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols; real problems are raised
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise nearly anything, which must not look like a bug of the converter
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely ({_reason(error)}): "
            "download it again, or check that it is one of the official files."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of a dictionary of weights.")
    return content


def _reason(error: Exception) -> str:
    """Say briefly why torch refused a file; its own message is a page of advice on disabling the safety check."""
    refused = re.search(r"GLOBAL ([\w.]+)", str(error))
    if refused:
        return f"it asks for {refused[1]}, which is not data"
    if isinstance(error, pickle.UnpicklingError):
        return "it was not written by torch.save"
    return f"{type(error).__name__}: {first_line(error).split('. ')[0]}"


def detect_kind(content: dict) -> str | None:
    """Return the kind of a file (one of [`KINDS`]) according to its top-level keys and weight names, or `None`."""
    if "model" in content or "model_ema" in content:
        return "crossmost"
    if "state_dict" in content and _begins(content["state_dict"], "ppat."):
        return "openshape"
    if "state_dict" in content:
        return COLORED[0] if _is_colored(content["state_dict"]) else "ulip"
    for kind, (wrapper, beginning) in _TOWERS.items():
        if _begins(content.get(wrapper), beginning):
            return kind
    wrapped = content.get("base_model")
    names = [_strip(name) for name in wrapped if isinstance(name, str)] if isinstance(wrapped, dict) else []
    return next((kind for kind, prefixes in _USED.items() if any(name.startswith(prefixes) for name in names)), None)


def _begins(weights: Any, beginning: str) -> bool:
    return isinstance(weights, dict) and any(isinstance(n, str) and _strip(n).startswith(beginning) for n in weights)


def _is_colored(weights: Any) -> bool:
    if not isinstance(weights, dict):
        return False
    held = {_strip(name): value for name, value in weights.items() if isinstance(name, str)}
    first = getattr(held.get("point_encoder.encoder.first_conv.0.weight"), "shape", ())
    return tuple(first[1:2]) == (6,) or any(name.startswith(_OPEN_CLIP) for name in held)


def resolve_kind(content: dict, kind: str = "auto") -> str:
    """Detect the kind of a file and check it against `kind` unless that is "auto".

    Returns:
        One of [`KINDS`].

    Raises:
        CheckpointError: if the file is of no official kind, or of another one than `kind`.
    """
    found = detect_kind(content)
    if found is None:
        raise CheckpointError(
            f"The checkpoint is of no known kind (top level: {_top_level(content)}): official files hold 'model' "
            "(crossmost), 'state_dict' (ulip, ulip2, pointllm, openshape), 'base_model' with encoder.* (dvae) or "
            "transformer_q.* (pointbert), 'model_state_dict' with sa1.* (pointnet2), 'net' with local_grouper_list.* "
            "(pointmlp), 'module' with point_encoder.trans2embed.* (uni3d)."
        )
    if kind in COLORED and found in COLORED:
        return kind
    if kind not in ("auto", found):
        raise CheckpointError(f"The checkpoint is of kind {found!r}, not {kind!r}: leave out --kind.")
    return found


def official_weights(content: dict, kind: str, weights: str = "model") -> OfficialWeights:
    """Extract the weights of a file, without the name prefixes added by DDP and enclosing modules.

    Args:
        content: result of [`load_official_checkpoint`].
        kind: kind of the file, one of [`KINDS`].
        weights: which weights to take from a file of kind "crossmost", "model" or "model_ema".

    Raises:
        CheckpointError: if there are no weights, some are not tensors, or two names stand for the same weight.
    """
    wrapped_so = dict.fromkeys(("ulip", "openshape", *COLORED), "state_dict")
    wrapper = {"crossmost": weights, **wrapped_so}.get(kind, "base_model")
    wrapper = _TOWERS[kind][0] if kind in _TOWERS else wrapper
    wrapped = content.get(wrapper)
    if not isinstance(wrapped, dict) or not wrapped:
        raise CheckpointError(
            f"The checkpoint has no weights under {wrapper!r} (top level: {_top_level(content)}): "
            f"it is not of kind {kind!r}."
        )
    tensors: dict[str, torch.Tensor] = {}
    names: dict[str, str] = {}
    for name, value in wrapped.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise CheckpointError(f"The checkpoint holds a {type(value).__name__} under {name!r} instead of a tensor.")
        official = _below_point_encoder(_strip(name), kind)
        if official in tensors:
            raise CheckpointError(f"The checkpoint holds both {names[official]} and {name}, which are the same weight.")
        tensors[official], names[official] = value, name
    return OfficialWeights(tensors, names)


def _strip(name: str) -> str:
    return re.sub(r"\bmodule\.", "", name)  # at any depth, as the official loaders do


def _below_point_encoder(name: str, kind: str) -> str:
    """Map names in a file that holds only a tokenizer or point tower to those in CrossMoST's own files."""
    if kind == "dvae":
        return re.sub(r"^encoder\.", "point_encoder.encoder.", name)
    if kind == "pointbert":
        return re.sub(r"^(transformer_q|base_model)\.", "point_encoder.", name)
    if kind == "uni3d":
        return re.sub(r"^point_encoder\.", "point_encoder.uni3d.", name)
    if kind in _TOWERS or kind == "openshape":
        return f"point_encoder.{name}"
    if kind in COLORED and name.startswith(_OPEN_CLIP) and name != f"{_OPEN_CLIP}logit_scale":
        inside = name.removeprefix(_OPEN_CLIP)  # OpenAI's names, but for one
        return "image_projection" if inside == "visual.proj" else inside
    return name


def _top_level(content: dict[Any, Any]) -> str:
    return ", ".join(map(str, list(content)[:6]))
