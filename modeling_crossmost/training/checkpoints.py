"""Checkpoints of a run as safetensors and JSON: weights, EMA teacher, optimiser, step. Nothing is pickled.

All randomness of a run is a function of (seed, epoch, object), so there is no generator state to save; what is here
makes a resumed run equal an uninterrupted one bit for bit.
"""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..utils.atomic import atomic_folder
from .arguments import Arguments
from .self_training import EMATeacher


STATE_FILE = "trainer_state.json"


class CheckpointFolderError(ValueError):
    """A checkpoint that cannot be resumed from; the message is one sentence for the user."""


def checkpoints_of(output_dir: str | os.PathLike) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    folder = Path(output_dir) / "checkpoints"
    found = [path for path in folder.glob("step_*") if path.name[5:].isdigit() and (path / STATE_FILE).is_file()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def find_checkpoint(resume: str, output_dir: str | os.PathLike) -> Path:
    """The folder that `resume_from_checkpoint` means.

    Args:
        resume: "latest" or a path.
        output_dir: the run's folder, for "latest".

    Raises:
        CheckpointFolderError: there is none.
    """
    if resume == "latest":
        found = checkpoints_of(output_dir)
        if not found:
            raise CheckpointFolderError(
                f"There is no checkpoint under {Path(output_dir) / 'checkpoints'}: train with --checkpointing_steps "
                "first, or leave --resume_from_checkpoint out."
            )
        return found[-1]
    path = Path(resume)
    if not (path / STATE_FILE).is_file():
        raise CheckpointFolderError(f"{path} is not a checkpoint folder (it has no {STATE_FILE}).")
    return path


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, slots in state.items() for name, value in slots.items()}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    content = optimizer.state_dict()
    content["state"] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        index = int(number)
        # torch checks neither, and a run with other frozen parts would take its neighbours' moments
        if index >= len(parameters) or (value.dim() > 0 and value.shape != parameters[index].shape):
            raise RuntimeError("the optimiser's state is of other trained parameters")
        content["state"].setdefault(index, {})[name] = value
    optimizer.load_state_dict(content)


def _contiguous(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}


def save_checkpoint(
    output_dir: str | os.PathLike,
    step: int,
    model: nn.Module,
    teacher: EMATeacher,
    optimizer: torch.optim.Optimizer,
    run: dict,
    limit: int,
    progress: dict | None = None,
) -> Path:
    """Writes `checkpoints/step_<n>` under a temporary name, renames it, and removes the oldest beyond `limit`.

    Checkpoints of later steps are removed too: they are what an earlier run in the same folder left, and "latest" would
    mean them.

    Args:
        output_dir: the run's folder.
        step: optimiser steps done.
        model, teacher, optimizer: what is saved; the model without any wrapper.
        run: JSON values that identify the run and must agree on resuming.
        limit: checkpoints to keep.
        progress: further JSON values to find again in [`read_state`].

    Returns:
        The folder.
    """
    folder = Path(output_dir) / "checkpoints" / f"step_{step}"
    with atomic_folder(folder) as temporary:
        save_file(_contiguous(model.state_dict()), temporary / "model.safetensors")
        save_file(_contiguous(teacher.state_dict()), temporary / "teacher.safetensors")
        save_file(_contiguous(_optimizer_tensors(optimizer)), temporary / "optimizer.safetensors")
        (temporary / STATE_FILE).write_text(json.dumps({"step": step, "run": run, "progress": progress}, indent=2))
    kept = checkpoints_of(output_dir)
    kept = kept[: kept.index(folder) + 1][-limit:]
    for other in set(checkpoints_of(output_dir)) - set(kept):
        shutil.rmtree(other)
    return folder


def read_state(folder: Path, run: dict) -> dict:
    """The JSON part of a checkpoint, checked to belong to this run; reads no weights.

    Args:
        folder: a checkpoint.
        run: the same values as on saving.

    Returns:
        "step", "run" and "progress", as they were saved.

    Raises:
        CheckpointFolderError: the file is damaged, or belongs to a run with other options.
    """
    try:
        content = json.loads((folder / STATE_FILE).read_text())
        # An option that did not exist when the checkpoint was written stood for its default.
        saved, _, _ = Arguments().to_dict() | content["run"], content["progress"], int(content["step"])
        differing = [name for name, value in run.items() if saved.get(name) != value]
    except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    if differing:
        name = differing[0]
        raise CheckpointFolderError(
            f"{folder} was made with {name} = {saved.get(name)!r}, this run has {run[name]!r}: "
            "resume with the same options, or start a new output_dir."
        )
    return content


def _damaged(folder: Path, error: Exception) -> CheckpointFolderError:
    reason = str(error).strip().split("\n")[-1].strip().rstrip(".")
    return CheckpointFolderError(
        f"The checkpoint {folder} is damaged or of another model ({type(error).__name__}: {reason}): "
        "resume from an earlier one."
    )


def load_checkpoint(
    folder: Path, model: nn.Module, teacher: EMATeacher, optimizer: torch.optim.Optimizer, run: dict
) -> int:
    """Restores everything that [`save_checkpoint`] wrote.

    Args:
        folder: a checkpoint.
        model, teacher, optimizer: what is overwritten; the model without any wrapper.
        run: the same values as on saving.

    Returns:
        Optimiser steps done.

    Raises:
        CheckpointFolderError: a file is damaged or missing, or belongs to another model or run.
    """
    content = read_state(folder, run)
    try:
        weights = [load_file(folder / f"{part}.safetensors") for part in ("model", "teacher", "optimizer")]
        model.load_state_dict(weights[0])
        teacher.load_state_dict(weights[1])
        _restore_optimizer(optimizer, weights[2])
    except (OSError, SafetensorError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return int(content["step"])
