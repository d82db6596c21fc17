"""PointMLP (arXiv 2202.07123) as an encoder of clouds."""

import torch
from torch import nn

from .configuration_crossmost import CrossMoSTPointConfig


class CrossMoSTPointMLPEncoder(nn.Module):
    """PointMLP of `config.tower`."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        raise NotImplementedError

    def forward(
        self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0, dropout_noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(B, N, 3) -> (B, config.pooled_size)."""
        raise NotImplementedError
