"""Weights, gradients and optimizer state divided among processes: FSDP2, `torch.distributed.fsdp.fully_shard`.

Only the blocks of the transformers that are trained are divided: they hold nearly all weights, and nothing enters them
but through their forward pass. Whatever else there is (stems, tokens, projections, classifier, logit scale, frozen
towers) is small or read in many places; it stays whole, and its gradients are averaged here. So `accelerator.prepare`,
which would divide everything and refuse the 0-dimensional logit scale, is not asked.

The optimizer gets each process's part as an ordinary parameter that remembers what it is a part of, in the attribute
`divided`.
"""

import copy
import os
import warnings
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from ..utils.extras import importing
from .distributed import world_size


with importing("train"):
    from accelerate import Accelerator
    from accelerate.utils import DynamoBackend, parse_flag_from_env


def asked_for() -> bool:
    """Return whether the launcher asks for FSDP; accelerate itself heeds it on accelerators alone, we on CPUs too."""
    return parse_flag_from_env("ACCELERATE_USE_FSDP") and world_size() > 1


def check_options(accelerator: Accelerator, method: str, accumulation: int) -> None:
    """Refuse what does not go together with divided weights.

    Raises:
        ValueError: names the option and what to do.
    """
    reason = None
    if os.environ.get("FSDP_VERSION", "1") != "2":
        reason = "it needs fsdp_version: 2"
    elif parse_flag_from_env("FSDP_OFFLOAD_PARAMS"):
        reason = "fsdp_offload_params has to be false"
    elif accelerator.mixed_precision not in ("no", "bf16"):
        reason = f"mixed_precision has to be bf16 or no, not {accelerator.mixed_precision}"
    elif accelerator.state.dynamo_plugin.backend != DynamoBackend.NO:
        reason = "it cannot be compiled: set dynamo_backend to no"
    elif method == "pointcmt":
        reason = "pointcmt trains small parts one after the other: launch it with --multi_gpu"
    elif accumulation > 1:
        reason = "gradient_accumulation_steps has to be 1: use more processes"
    if reason is not None:
        raise ValueError(f"train.py under FSDP: {reason}.")


def load_everywhere() -> None:
    """Let every process read the whole model, of which it keeps its parts; call it before the model is loaded.

    By default transformers leaves the weights of all processes but one to accelerate's preparation, which is not used.
    """
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"


def trained_blocks(model: nn.Module) -> list[str]:
    """Return the names of a model's transformer blocks that are trained.

    Raises:
        ValueError: if there are none.
    """
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, GradientCheckpointingLayer) and all(p.requires_grad for p in module.parameters())
    ]
    if not names:
        raise ValueError("FSDP divides transformer blocks, and this run trains none: launch it with --multi_gpu.")
    return names


def shard(model: nn.Module, blocks: Iterable[str], device_type: str) -> None:
    """Divide blocks of a model among all processes, in place.

    `fsdp_reshard_after_forward: false` in accelerate's configuration keeps a block whole between the forward and the
    backward pass: more memory, less traffic (ZeRO-2 instead of ZeRO-3).

    Args:
        model: the same on every process; called through `forward`, `get_image_features`, `get_point_features` and
            `get_text_features` alone.
        blocks: names of its modules.
        device_type: such as "cuda".
    """
    # Here, because a torch that was built without distributed has none of it.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    # The losses take views of the outputs, and write into none of them.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
    mesh = init_device_mesh(device_type, (world_size(),))
    again = os.environ.get("FSDP_RESHARD_AFTER_FORWARD", "true").lower() != "false"
    for name in blocks:
        fully_shard(model.get_submodule(name), mesh=mesh, reshard_after_forward=again)
    whole = {value for value in model.parameters() if not hasattr(value, "to_local")}
    fully_shard(model, mesh=mesh, reshard_after_forward=again, ignored_params=whole)
    for method in ("get_image_features", "get_point_features", "get_text_features"):
        register_fsdp_forward_method(model, method)


def local(value: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a divided tensor, which shares its memory; any other tensor itself."""
    return value.to_local() if hasattr(value, "to_local") else value


def whole(value: torch.Tensor) -> torch.Tensor:
    """Return a divided tensor as one, to be called by all processes alike; any other tensor itself."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def divided_like(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Divide a whole tensor, the same on every process, as another one is divided; nothing is sent."""
    if not hasattr(like, "full_tensor"):
        return value
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)  # for the type checker
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def part_of(value: torch.Tensor, divided: torch.Tensor) -> torch.Tensor:
    """Return the divided tensor of which `value` is this process's part, of the form of `divided`."""
    from torch.distributed.tensor import DTensor

    assert isinstance(divided, DTensor)  # for the type checker
    shape, stride = divided.shape, divided.stride()
    return DTensor.from_local(
        value, divided.device_mesh, divided.placements, run_check=False, shape=shape, stride=stride
    )


def localize(groups: list[dict]) -> list[dict]:
    """Return parameter groups with each process's parts in the place of divided parameters."""

    def part(parameter: nn.Parameter) -> nn.Parameter:
        if not hasattr(parameter, "to_local"):
            return parameter
        own = nn.Parameter(parameter.to_local().detach())  # in the same memory
        own.divided = parameter  # type: ignore[attr-defined]
        return own

    return [group | {"params": [part(parameter) for parameter in group["params"]]} for group in groups]


@torch.no_grad()
def share_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Give [`localize`]d parameters the gradients of a backward pass, averaged over processes."""
    replicated = []
    for parameter in parameters:
        divided = getattr(parameter, "divided", None)
        if divided is not None:  # averaged already
            parameter.grad, divided.grad = None if divided.grad is None else local(divided.grad), None
        elif parameter.grad is not None:
            replicated.append(parameter.grad)
    if replicated:
        flat = torch.cat([gradient.flatten() for gradient in replicated])
        dist.all_reduce(flat)
        flat /= world_size()
        parts = flat.split([gradient.numel() for gradient in replicated])
        torch._foreach_copy_(replicated, [part.view_as(g) for part, g in zip(parts, replicated, strict=True)])


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> torch.Tensor:
    """Clip the norm of the whole gradient, as `torch.nn.utils.clip_grad_norm_`, and return it (0-dim)."""
    found = [(p.grad, hasattr(p, "divided")) for p in parameters if p.grad is not None]
    gradients = [gradient for gradient, _ in found]
    squares = torch.stack(torch._foreach_norm(gradients)).square()
    is_part = squares.new_tensor([divided for _, divided in found])
    of_parts = (squares * is_part).sum()
    dist.all_reduce(of_parts)
    norm = (of_parts + (squares * (1 - is_part)).sum()).sqrt()
    torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


def whole_model(model: nn.Module) -> nn.Module:
    """Return an ordinary copy of a model whose blocks are divided, on every process; any other model itself."""
    if not any(hasattr(value, "full_tensor") for value in model.parameters()):
        return model
    assert isinstance(model, PreTrainedModel)  # for the type checker: only such have blocks
    kind: Any = next(base for base in type(model).__mro__ if not hasattr(base, "unshard"))  # FSDP's class is before it
    config = copy.deepcopy(model.config)
    plain = kind._from_config(config, attn_implementation=config._attn_implementation)
    plain.load_state_dict({name: whole(value).detach() for name, value in model.state_dict().items()})
    return plain.to(model.device).train(model.training)
