"""Layers that PointNet++ and PointMLP share: a linear layer with BatchNorm, and the head on the feature of a cloud.

Layers work on the last axis, whatever stands before it: one matrix product over all rows, which is a convolution with
a kernel of 1.
"""

import torch
from torch import nn

from .configuration_crossmost import CrossMoSTPointConfig


class FanInLinear(nn.Linear):
    """Linear layer that starts uniform up to the root of 1 / C, torch's default, as PointNet++ and PointMLP do.

    With the small weights of transformers the variance before the first BatchNorm would be below its epsilon.
    """


class NormalizedLinear(nn.Module):
    """Linear layer and BatchNorm: (..., C) -> (..., D).

    The linear layer has no bias: BatchNorm would subtract it again.

    Args:
        size: C.
        width: D.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        self.linear = FanInLinear(size, width, bias=False)
        self.norm = nn.BatchNorm1d(width)

    def normalize(self, features: torch.Tensor, relu: bool = False) -> torch.Tensor:
        """BatchNorm over all rows, then ReLU if `relu`: (..., D) -> (..., D)."""
        rows = self.norm(features.flatten(0, -2))
        # In place on the rows: in place on a view of them, autograd would copy the gradient three times.
        return (rows.relu_() if relu else rows).view_as(features)

    def forward(self, features: torch.Tensor, relu: bool = False) -> torch.Tensor:
        """Apply both, then ReLU if `relu`."""
        return self.normalize(self.linear(features), relu)


class PointHead(nn.Module):
    """Two layers with ReLU and dropout on the feature of a cloud, without the classifier that follows elsewhere.

    Args:
        size: width of the feature.
        config: widths of the layers and rate of dropout.
    """

    def __init__(self, size: int, config: CrossMoSTPointConfig):
        super().__init__()
        first, second = config.head_sizes
        self.first, self.second = NormalizedLinear(size, first), NormalizedLinear(first, second)
        self.rate = config.head_dropout

    def forward(self, features: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """(B, C) -> (B, D); `noise` (B, width of both layers) are uniforms for dropout, `None` drops nothing."""
        widths = [self.first.norm.num_features, self.second.norm.num_features]
        first, second = (None, None) if noise is None else noise.split(widths, dim=-1)
        features = self._drop(self.first(features, relu=True), first)
        return self._drop(self.second(features, relu=True), second)

    def _drop(self, features: torch.Tensor, noise: torch.Tensor | None) -> torch.Tensor:
        if noise is None:
            return features
        return features * (noise >= self.rate) / (1.0 - self.rate)


def largest(features: torch.Tensor, dim: int) -> torch.Tensor:
    """Maximum along an axis: `max` where gradients are wanted, else `amax`, each of which is the faster one there.

    Where several are the largest, `max` gives the gradient to one of them.
    """
    return features.max(dim=dim).values if torch.is_grad_enabled() else features.amax(dim=dim)
