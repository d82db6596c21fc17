"""Checkpoints of a run as safetensors and JSON: weights, EMA teacher, optimizer, step. Nothing is pickled.

All randomness of a run is a function of (seed, epoch, object), so there is no generator state to save: with these files
a resumed run equals an uninterrupted one bit for bit. The state file holds the SHA-256 of every file, itself included,
so that a damaged checkpoint is never mistaken for a sound one. Frozen parameters, which a resumed run has from the
model it starts from, are not written; of them, too, the state holds a SHA-256.
"""

import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..utils.atomic import atomic_folder, remove_folder, remove_stale
from ..utils.command_line import first_line
from .arguments import Arguments
from .self_training import EMATeacher
from .sharding import divided_like, local, part_of, whole


STATE_FILE = "trainer_state.json"
PARTS = ("model", "teacher", "optimizer")


class CheckpointFolderError(ValueError):
    """Raised for a checkpoint that cannot be resumed from; the message is one sentence for the user."""


def checkpoints_of(output_dir: str | os.PathLike) -> list[Path]:
    """List the complete checkpoints of a run, oldest first."""
    folder = Path(output_dir) / "checkpoints"
    found = [path for path in folder.glob("step_*") if path.name[5:].isdigit() and (path / STATE_FILE).is_file()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def find_checkpoint(
    resume: str, output_dir: str | os.PathLike, report: Callable[[str], object] = lambda sentence: None
) -> Path:
    """Return the checkpoint folder that `resume_from_checkpoint` refers to.

    Args:
        resume: "latest", the newest that is not damaged, or a path.
        output_dir: the run's folder, for "latest".
        report: gets a sentence for every damaged checkpoint that "latest" passes over.

    Raises:
        CheckpointFolderError: if there is none.
    """
    if resume == "latest":
        found = checkpoints_of(output_dir)
        if not found:
            raise CheckpointFolderError(
                f"There is no checkpoint under {Path(output_dir) / 'checkpoints'}: train with --checkpointing_steps "
                "first, or leave --resume_from_checkpoint out."
            )
        for folder in reversed(found):
            try:
                _check_files(folder, _read(folder))
            except CheckpointFolderError as error:
                if folder == found[0]:
                    raise
                report(f"warning: {error}")
            else:
                return folder
    path = Path(resume)
    if not (path / STATE_FILE).is_file():
        raise CheckpointFolderError(f"{path} is not a checkpoint folder (it has no {STATE_FILE}).")
    return path


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimizer.state_dict()["state"]
    parameters = _parameters(optimizer)
    return {
        f"{index}.{name}": _whole_slot(value, parameters[index])
        for index, slots in state.items()
        for name, value in slots.items()
    }


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _whole_slot(value: torch.Tensor, parameter: nn.Parameter) -> torch.Tensor:
    divided = getattr(parameter, "divided", None)  # where it is this process's part of a parameter
    return value if divided is None or value.dim() == 0 else part_of(value, divided)


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    content = optimizer.state_dict()
    content["state"] = {}
    parameters = [getattr(parameter, "divided", parameter) for parameter in _parameters(optimizer)]
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        index = int(number)
        # torch checks neither index nor shape: with other parts frozen, parameters would get each other's moments.
        if index >= len(parameters) or (value.dim() > 0 and value.shape != parameters[index].shape):
            raise RuntimeError("the optimizer's state belongs to other trained parameters")
        own = local(divided_like(value, parameters[index])) if value.dim() > 0 else value
        content["state"].setdefault(index, {})[name] = own
    optimizer.load_state_dict(content)


def _snapshot(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    # One copy: training goes on while it is written, and safetensors refuses tensors that share memory.
    return {name: whole(value.detach()).to("cpu", copy=True).contiguous() for name, value in state.items()}


def _frozen(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in model.named_parameters() if not value.requires_grad}


def digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _restore_weights(target: nn.Module, weights: dict[str, torch.Tensor], frozen: Collection[str]) -> None:
    present = target.state_dict()
    divided = {name: divided_like(value, present.get(name, value)) for name, value in weights.items()}
    missing, unexpected = target.load_state_dict(divided, strict=False)
    if strange := [*(name for name in missing if name not in frozen), *unexpected]:
        raise RuntimeError(f"{strange[0]} is in only one of the two")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sealed(content: dict) -> dict:
    """Add the digest of the state itself, as the last entry."""
    text = json.dumps(content, sort_keys=True)
    return content | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def save_checkpoint(
    output_dir: str | os.PathLike,
    step: int,
    model: nn.Module,
    teacher: EMATeacher,
    optimizer: torch.optim.Optimizer,
    run: dict,
    limit: int,
    progress: dict | None = None,
) -> Callable[[], Path]:
    """Take a copy of everything, now, and return the function that writes it.

    It writes `checkpoints/step_<n>` under a temporary name, renames it, and removes the oldest beyond `limit`.
    Checkpoints of later steps are removed too: they are left over from an earlier run in the same folder, and "latest"
    would pick them.

    Args:
        output_dir: the run's folder.
        step: optimizer steps done.
        model, teacher, optimizer: what to save; the model without any wrapper.
        run: JSON values that identify the run; they must be the same when it is resumed.
        limit: number of checkpoints to keep.
        progress: further JSON values, returned by [`read_state`].

    Returns:
        A function without arguments that may run in another thread. It returns the checkpoint's folder, and raises
        CheckpointFolderError if it cannot be written; older checkpoints are still there then.
    """
    folder = Path(output_dir) / "checkpoints" / f"step_{step}"
    frozen = _frozen(model)
    trained, averaged = (
        {name: value for name, value in module.state_dict().items() if name not in frozen}
        for module in (model, teacher.model)
    )
    tensors = (trained, averaged, _optimizer_tensors(optimizer))
    parts = {part: _snapshot(state) for part, state in zip(PARTS, tensors, strict=True)}
    # Through JSON and back: what is sealed must be what will be read, and it must not change any more.
    state = json.loads(json.dumps({"step": step, "run": run, "progress": progress}))

    def write() -> Path:
        try:
            remove_stale(folder.parent)
            with atomic_folder(folder) as temporary:
                digest = digest_of(frozen)  # here, beside the training: frozen values stand still
                files = {}
                for part in PARTS:
                    path = temporary / f"{part}.safetensors"
                    save_file(parts.pop(part), path)
                    files[path.name] = _sha256(path)
                sealed = _sealed(state | {"files": files, "frozen": digest})
                (temporary / STATE_FILE).write_text(json.dumps(sealed, indent=2))
        except (OSError, SafetensorError) as error:
            reason = first_line(error)
            raise CheckpointFolderError(
                f"{folder} cannot be written ({reason}): make room, then continue with --resume_from_checkpoint latest."
            ) from error
        kept = checkpoints_of(output_dir)
        kept = kept[: kept.index(folder) + 1][-limit:]
        for other in set(checkpoints_of(output_dir)) - set(kept):
            remove_folder(other)
        return folder

    return write


class CheckpointWriter:
    """Writes checkpoints beside the training, one at a time; as a context, none is being written when it is left."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, "checkpoint")
        self.pending: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        if self.pending is not None:
            futures.wait([self.pending])  # `wait` below tells whether it could be written

    def submit(self, write: Callable[[], Path]) -> None:
        """Write in the background what [`save_checkpoint`] returned, once the one before is on the disk.

        Raises:
            CheckpointFolderError: if the one before could not be written.
        """
        self.wait()
        self.pending = self.pool.submit(write)

    def wait(self) -> None:
        """Wait for what is being written.

        Raises:
            CheckpointFolderError: if it could not be.
        """
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()


def _read(folder: Path) -> dict:
    """Read the state file and check its digest; one without is from an earlier version.

    Raises:
        CheckpointFolderError: if it is damaged.
    """
    try:
        content = json.loads((folder / STATE_FILE).read_text())
        digest = content.pop("sha256", None)
        if digest is not None and _sealed(content)["sha256"] != digest:
            raise ValueError(f"{STATE_FILE} does not have the SHA-256 that it was written with")
        return content
    except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error


def _check_files(folder: Path, content: dict) -> None:
    """Compare the SHA-256 of every file with the state's.

    Raises:
        CheckpointFolderError: if one differs or is missing.
    """
    for name, digest in content.get("files", {}).items():
        try:
            if _sha256(folder / name) != digest:
                raise ValueError(f"{name} does not have the SHA-256 that it was written with")
        except (OSError, ValueError) as error:
            raise _damaged(folder, error) from error


def read_state(folder: Path, run: dict) -> dict:
    """Read the JSON part of a checkpoint and check that it belongs to this run; reads no weights.

    Args:
        folder: a checkpoint.
        run: the same values as on saving.

    Returns:
        "step", "run" and "progress", as they were saved, "files", the SHA-256 of each, and "frozen", that of the frozen
        parameters.

    Raises:
        CheckpointFolderError: if the file is damaged or belongs to a run with other options.
    """
    content = _read(folder)
    try:
        # Options that did not exist when the checkpoint was written had their default values, or what they had then.
        then = {"anchor": 0.0, "freeze_settled": False, "soft_labels": False, "fairness_target": "uniform"}
        before = Arguments().to_dict() | then | {"data": run.get("data")}
        saved, _, _ = before | content["run"], content["progress"], int(content["step"])
        differing = [name for name, value in run.items() if saved.get(name) != value]
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    if differing:
        name = differing[0]
        raise CheckpointFolderError(
            f"{folder} was made with {name} = {saved.get(name)!r}, this run has {run[name]!r}: "
            "resume with the same options, or start a new output_dir."
        )
    return content


def _damaged(folder: Path, error: Exception) -> CheckpointFolderError:
    reason = str(error).strip().split("\n")[-1].strip().rstrip(".")  # the last line of load_state_dict says what
    return CheckpointFolderError(
        f"The checkpoint {folder} is damaged or belongs to another model ({type(error).__name__}: {reason}): "
        "resume from an earlier one."
    )


def load_checkpoint(
    folder: Path, model: nn.Module, teacher: EMATeacher, optimizer: torch.optim.Optimizer, run: dict
) -> int:
    """Restore everything that [`save_checkpoint`] wrote.

    Args:
        folder: a checkpoint.
        model, teacher, optimizer: what to overwrite; the model without any wrapper.
        run: the same values as on saving.

    Returns:
        Optimizer steps done.

    Raises:
        CheckpointFolderError: if a file is damaged or missing, or belongs to another model or run, or the frozen
            parameters are not those of the run.
    """
    content = read_state(folder, run)
    _check_files(folder, content)
    frozen = _frozen(model)
    if content.get("frozen", digest := digest_of(frozen)) != digest:
        raise CheckpointFolderError(
            f"{folder} belongs to a run with other frozen weights: resume with the --model_name_or_path, the --seed "
            "and the --freeze_... options that it began with."
        )
    try:
        # All files are read before anything is overwritten.
        weights = [load_file(folder / f"{part}.safetensors") for part in PARTS]
        _restore_weights(model, weights[0], frozen)
        _restore_weights(teacher.model, weights[1], frozen)
        _restore_optimizer(optimizer, weights[2])
    except (OSError, SafetensorError, LookupError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return int(content["step"])
