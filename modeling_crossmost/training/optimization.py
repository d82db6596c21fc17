"""AdamW parameter groups with layer decay, and the learning-rate schedule (paper section 4).

timm's `param_groups_layer_decay` expects a timm model whose blocks it can enumerate; here only one of two towers decays
and the official grouping has to be reproduced by name, so the rule is spelled out.
"""

import math
import re

import torch
from torch import nn


# Learned vectors that are added to or stand in for tokens; position embeddings of both towers.
_TOKENS = re.compile(
    r"(class_embedding|class_position|image_mask_token|point_mask_token|position_embedding\.weight|"
    r"token_embedding\.weight)$"
)
# The official tensors of these are (1, 1, H), so its rule "1-dim tensors do not decay" lets them decay.
_OFFICIAL_THREE_DIM = re.compile(r"(image_mask_token|point_mask_token|point_model\.embeddings\.class_\w+)$")
_IMAGE_BLOCK = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.")
_IMAGE_STEM = re.compile(r"(vision_model\.embeddings\.|vision_model\.pre_layrnorm\.|image_mask_token$)")


def decays(name: str, parameter: nn.Parameter, official: bool = False) -> bool:
    """Whether weight decay applies to a parameter.

    Default: matrices and convolutions only; no biases, norms, tokens, position embeddings or logit scale.
    `official=True`: everything that is not 1-dimensional in the official code, tokens and logit scale included.
    """
    if official:
        return parameter.dim() != 1 or bool(_OFFICIAL_THREE_DIM.search(name))
    return parameter.dim() > 1 and not _TOKENS.search(name)


def layer_index(name: str, num_image_layers: int) -> int:
    """Depth of a parameter for layer decay: 0 the image stem, b + 1 image block b, else `num_image_layers + 1`."""
    if _IMAGE_STEM.match(name):
        return 0
    block = _IMAGE_BLOCK.match(name)
    return int(block.group(1)) + 1 if block else num_image_layers + 1


def parameter_groups(
    model: nn.Module,
    num_image_layers: int,
    weight_decay: float = 0.05,
    layer_decay: float = 0.65,
    official: bool = False,
) -> list[dict]:
    """Groups the trainable parameters for AdamW.

    Args:
        model: a CrossMoST model; parameters without `requires_grad` are left out.
        num_image_layers: blocks of the image tower, the only part with layer decay.
        weight_decay: decay of the decaying groups.
        layer_decay: the learning rate is scaled by `layer_decay ** (num_image_layers + 1 - layer)`.
        official: the official code's choice of decaying parameters, see [`decays`].

    Returns:
        Groups with `params`, `weight_decay`, `lr_scale` and `name`, shallow layers first.
    """
    groups: dict[tuple[int, bool], dict] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        layer, decay = layer_index(name, num_image_layers), decays(name, parameter, official)
        group = groups.setdefault(
            (layer, decay),
            {
                "params": [],
                "weight_decay": weight_decay if decay else 0.0,
                "lr_scale": layer_decay ** (num_image_layers + 1 - layer),
                "name": f"layer_{layer}_{'decay' if decay else 'no_decay'}",
            },
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def learning_rate_at(step: int, total_steps: int, warmup_steps: int, peak: float, minimum: float = 0.0) -> float:
    """Linear warm-up from 0 to `peak` (both reached), then cosine to `minimum`.

    Args:
        step: 0 for the first optimiser step.
        total_steps: steps of the whole run.
        warmup_steps: steps of the warm-up; 0 leaves it out.
        peak: base learning rate x global batch / 256.
        minimum: rate that the cosine ends just above.
    """
    if step < warmup_steps:
        return peak * step / max(warmup_steps - 1, 1) if warmup_steps > 1 else 0.0
    progress = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
    return minimum + 0.5 * (peak - minimum) * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Gives every group its share `rate x lr_scale`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)
