"""Which attention a run uses, and the one that bf16 on a CPU is fastest with."""

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


CPU_BF16 = "cpu_bf16"


def cpu_bf16_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Plain products in the inputs' precision: (B, heads, T, d) -> (B, T, heads, d), and the weights (B, heads, T, T).

    On a CPU, torch's fused kernel unpacks bf16 to fp32 and takes two to three times as long. transformers' "eager"
    keeps the weights for the backward pass in fp32 too; softmax computes in fp32 inside, whatever it returns.
    """
    # Heads are copied row by row; the product would copy transposed keys, at four times the price.
    weights = scaling * query @ key.contiguous().transpose(-1, -2)
    if attention_mask is not None:  # the text tower's
        weights = weights + attention_mask
    weights = weights.softmax(dim=-1)
    return (weights @ value).transpose(1, 2).contiguous(), weights


ALL_ATTENTION_FUNCTIONS.register(CPU_BF16, cpu_bf16_attention)
ALL_MASK_ATTENTION_FUNCTIONS.register(CPU_BF16, eager_mask)


def fastest_attention(device: torch.device, precision: str) -> str:
    """Return transformers' name of the attention that is the fastest one on a device.

    Args:
        device: where the towers are.
        precision: as Accelerate names it ("no", "bf16", "fp16").
    """
    return CPU_BF16 if device.type == "cpu" and precision == "bf16" else "sdpa"
