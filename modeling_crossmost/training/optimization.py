"""AdamW parameter groups with layer decay, and the learning-rate schedule (paper section 4).

timm's `param_groups_layer_decay` needs a timm model whose blocks it can enumerate. Here layer decay applies to one of
two towers and the official grouping must be reproduced by name, so the rule is spelled out.
"""

import math
import re

import torch
from torch import nn


SCALINGS = ("linear", "sqrt")

# Learned vectors that are added to tokens or replace them, and the position embeddings of both towers.
_TOKENS = re.compile(
    r"(class_embedding|class_position|image_mask_token|point_mask_token|position_embedding\.weight|"
    r"token_embedding\.weight)$"
)
# In the official code these are (1, 1, H) tensors, so that its rule "1-dim tensors do not decay" does not exempt them.
_OFFICIAL_THREE_DIM = re.compile(r"(image_mask_token|point_mask_token|point_model\.embeddings\.class_\w+)$")
_IMAGE_BLOCK = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.")
_IMAGE_STEM = re.compile(r"(vision_model\.embeddings\.|vision_model\.pre_layrnorm\.|image_mask_token$)")


def decays(name: str, parameter: nn.Parameter, official: bool = False) -> bool:
    """Return whether weight decay applies to a parameter.

    By default it applies to matrices and convolutions only: not to biases, norms, tokens, position embeddings or the
    logit scale. With `official=True` it applies to everything that is not 1-dimensional in the official code, tokens
    and the 0-dimensional logit scale included.
    """
    if official:
        return parameter.dim() != 1 or bool(_OFFICIAL_THREE_DIM.search(name))
    return parameter.dim() > 1 and not _TOKENS.search(name)


def layer_index(name: str, num_image_layers: int) -> int:
    """Return a parameter's depth for layer decay: 0 for the image stem, b + 1 for image block b.

    Everything else has depth `num_image_layers + 1` and the full learning rate.
    """
    if _IMAGE_STEM.match(name):
        return 0
    block = _IMAGE_BLOCK.match(name)
    return int(block.group(1)) + 1 if block else num_image_layers + 1


def count_image_layers(model: nn.Module) -> int:
    """Return the number of blocks of a model's CLIP image tower, 0 where there is none."""
    blocks = (_IMAGE_BLOCK.match(name) for name, _ in model.named_parameters())
    return max((int(block.group(1)) + 1 for block in blocks if block), default=0)


def parameter_groups(
    model: nn.Module,
    num_image_layers: int,
    weight_decay: float = 0.05,
    layer_decay: float = 0.65,
    official: bool = False,
) -> list[dict]:
    """Group the trainable parameters for AdamW.

    Args:
        model: a CrossMoST model; parameters without `requires_grad` are left out.
        num_image_layers: blocks of the image tower, the only part with layer decay.
        weight_decay: weight decay of the groups to which it applies.
        layer_decay: the learning rate is scaled by `layer_decay ** (num_image_layers + 1 - layer)`.
        official: choose the parameters with weight decay as the official code does, see [`decays`].

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
    """Return the learning rate of a step: linear warm-up from 0 to `peak` (both inclusive), then cosine to `minimum`.

    Args:
        step: optimizer step, counted from 0.
        total_steps: optimizer steps of the run.
        warmup_steps: steps of the warm-up; 0 skips it.
        peak: see [`scaled_learning_rate`].
        minimum: limit of the cosine; the last step is just above it.
    """
    if step < warmup_steps:
        return peak * step / max(warmup_steps - 1, 1) if warmup_steps > 1 else 0.0
    progress = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
    return minimum + 0.5 * (peak - minimum) * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def scaled_learning_rate(base: float, batch: int, reference: int, scaling: str = "linear") -> float:
    """Return the learning rate of a global batch.

    AdamW divides the gradient by its own size, whose noise falls with the square root of the batch. So a rate that was
    chosen for one batch and grows linearly is too large for a much larger one (arXiv 2205.10287).

    Args:
        base: learning rate per 256 pairs.
        batch: the run's global batch.
        reference: global batch that the rate was chosen for, where "sqrt" starts.
        scaling: "linear", base x batch / 256 as in the official code, or "sqrt".
    """
    return base * batch / 256 if scaling == "linear" else base * reference / 256 * math.sqrt(batch / reference)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set every group's learning rate to `rate x lr_scale`."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)
