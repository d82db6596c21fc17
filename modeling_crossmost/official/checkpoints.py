"""Official checkpoint files: read without executing code, told apart, and taken out of their wrappers."""

from __future__ import annotations

import argparse
import os
import pickle
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..utils.command_line import first_line


if TYPE_CHECKING:
    import torch


KINDS = ("crossmost", "ulip", "dvae", "pointbert")
# Below "base_model": how the names of each kind that are used begin. A Point-BERT file also holds its tokenizer, as
# "dvae.encoder.", and the momentum twin "transformer_k.".
_USED = {"pointbert": ("transformer_q.", "base_model."), "dvae": ("encoder.",)}


class CheckpointError(ValueError):
    """A checkpoint that cannot be converted; the message is one sentence for the user."""


@dataclass(frozen=True)
class OfficialWeights:
    """The tensors of one network in a file.

    Attributes:
        tensors: by the names of CrossMoST's own files (`visual.*`, `point_encoder.*`, ...), whatever the kind.
        names: the same names -> what stands in the file, for reports.
    """

    tensors: dict[str, torch.Tensor]
    names: dict[str, str]


def load_official_checkpoint(path: str | os.PathLike) -> dict:
    """Reads a `.pth`/`.pt` file without unpickling code: tensors, plain containers and `argparse.Namespace` only.

    Raises:
        CheckpointError: no such file, not a checkpoint, truncated, or one that would execute code.
    """
    import torch  # here, so that the help of `crossmost convert` comes at once

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file {path}: give the path of an official .pth file.")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles of an unusual protocol; what matters is raised
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every kind of damage ends here, and none of it may look like our bug
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely ({_reason(error)}): "
            "download it again, or check that it is one of the official files."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of a dictionary of weights.")
    return content


def _reason(error: Exception) -> str:
    """A few words on why torch refused; its own message is a page of advice to switch the safety off."""
    refused = re.search(r"GLOBAL ([\w.]+)", str(error))
    if refused:
        return f"it asks for {refused[1]}, which is not data"
    if isinstance(error, pickle.UnpicklingError):
        return "it is not what torch.save writes"
    return f"{type(error).__name__}: {first_line(error).split('. ')[0]}"


def detect_kind(content: dict) -> str | None:
    """One of [`KINDS`] by the file's wrapper and, below `base_model`, its names; `None` for anything else."""
    if "model" in content or "model_ema" in content:
        return "crossmost"
    if "state_dict" in content:
        return "ulip"
    wrapped = content.get("base_model")
    names = [_strip(name) for name in wrapped if isinstance(name, str)] if isinstance(wrapped, dict) else []
    return next((kind for kind, prefixes in _USED.items() if any(name.startswith(prefixes) for name in names)), None)


def resolve_kind(content: dict, kind: str = "auto") -> str:
    """The file's kind, which has to be `kind` unless that is "auto".

    Raises:
        CheckpointError: no official kind, or another one.
    """
    found = detect_kind(content)
    if found is None:
        raise CheckpointError(
            f"The checkpoint is of no known kind (top level: {_top_level(content)}): official files hold 'model' "
            "(crossmost), 'state_dict' (ulip), or 'base_model' with encoder.* (dvae) or transformer_q.* (pointbert)."
        )
    if kind not in ("auto", found):
        raise CheckpointError(f"The checkpoint is of kind {found!r}, not {kind!r}: leave out --kind.")
    return found


def official_weights(content: dict, kind: str, weights: str = "model") -> OfficialWeights:
    """Takes the tensors out of a file of `kind`, without the prefixes that DDP and enclosing modules left.

    Args:
        content: result of [`load_official_checkpoint`].
        weights: where a file of kind "crossmost" has them: "model" or "model_ema".

    Raises:
        CheckpointError: there are none, or what is there is not all tensors.
    """
    wrapper = {"crossmost": weights, "ulip": "state_dict"}.get(kind, "base_model")
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
    """Names of a tokenizer or of a point tower alone as they stand in CrossMoST's own files."""
    if kind == "dvae":
        return re.sub(r"^encoder\.", "point_encoder.encoder.", name)
    if kind == "pointbert":
        return re.sub(r"^(transformer_q|base_model)\.", "point_encoder.", name)
    return name


def _top_level(content: dict[Any, Any]) -> str:
    return ", ".join(map(str, list(content)[:6]))
