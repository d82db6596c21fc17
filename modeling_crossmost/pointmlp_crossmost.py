"""PointMLP (arXiv 2202.07123) as an encoder of clouds: residual layers on neighbors and on centers, in four stages.

Sizes are those of its classifiers for 1024 points. Shapes: B objects, N points, G centers with S neighbors each,
C channels.
"""

from typing import NamedTuple

import torch
from torch import nn

from .configuration_crossmost import CrossMoSTPointConfig
from .point_layers_crossmost import NormalizedLinear, PointHead, largest
from .point_ops_crossmost import farthest_point_sample, gather_points, nearest_neighbors
from .pointnet2_crossmost import gather_rows


class Sizes(NamedTuple):
    """Sizes of a tower: width of the embedding, factor of each stage on the width, blocks of each stage, bottleneck."""

    embedding: int
    growth: tuple[int, ...]
    blocks: tuple[int, ...]
    bottleneck: float


_SIZES = {
    "pointmlp": Sizes(64, (2, 2, 2, 2), (2, 2, 2, 2), 1.0),
    "pointmlp_elite": Sizes(32, (2, 2, 2, 1), (1, 1, 2, 1), 0.25),
}
_CENTERS = (512, 256, 128, 64)
_NEIGHBORS = 24
_EPSILON = 1e-5


class ResidualLayer(nn.Module):
    """Two layers and a shortcut: (..., C) -> (..., C)."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.first, self.second = NormalizedLinear(width, hidden), NormalizedLinear(hidden, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        return (self.second(self.first(features, relu=True)) + features).relu_()


class Stage(nn.Module):
    """One stage: geometric affine of each center's neighbors, residual layers on them, maximum, and more layers.

    Args:
        size: channels C of the points.
        width: channels D of the centers.
        blocks: residual layers before and after the maximum.
        hidden: width inside a residual layer.
        centers: G.
    """

    def __init__(self, size: int, width: int, blocks: int, hidden: int, centers: int):
        super().__init__()
        self.centers = centers
        self.alpha, self.beta = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))
        self.transfer = NormalizedLinear(2 * size, width)
        self.neighbors = nn.Sequential(*(ResidualLayer(width, hidden) for _ in range(blocks)))
        self.pooled = nn.Sequential(*(ResidualLayer(width, hidden) for _ in range(blocks)))

    def forward(
        self, points: torch.Tensor, features: torch.Tensor, start: torch.Tensor | int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (B, N, 3) with features (B, N, C) -> centers (B, G, 3) with features (B, G, D)."""
        chosen = farthest_point_sample(points, self.centers, start)
        centers, anchors = gather_points(points, chosen), gather_points(features, chosen)  # (B, G, 3), (B, G, C)
        around = gather_rows(features, nearest_neighbors(points, centers, _NEIGHBORS))  # (B, G, S, C)
        around = self._affine(around - anchors.unsqueeze(2))
        hidden = torch.cat([around, anchors.unsqueeze(2).expand_as(around)], dim=-1)
        hidden = self.neighbors(self.transfer(hidden, relu=True))
        return centers, self.pooled(largest(hidden, dim=2))

    def _affine(self, differences: torch.Tensor) -> torch.Tensor:
        """Scale to unit deviation, then by a learned factor and offset per channel (section 3.3)."""
        # One deviation for each cloud. The official code takes it over the whole batch, so that what it says of an
        # object depends on the objects beside it.
        deviation = differences.float().flatten(1).std(dim=1).view(-1, 1, 1, 1)
        return self.alpha * (differences / (deviation + _EPSILON)).to(differences.dtype) + self.beta


class CrossMoSTPointMLPEncoder(nn.Module):
    """PointMLP of `config.tower`: an embedding, four stages, the maximum over the centers that are left, the head.

    Widths are those of the paper times `config.width_factor`.
    """

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        sizes = _SIZES[config.tower]
        width = round(sizes.embedding * config.width_factor)
        self.embedding = NormalizedLinear(3, width)
        self.stages = nn.ModuleList()
        centers = config.num_centers or _CENTERS
        for growth, blocks, count in zip(sizes.growth, sizes.blocks, centers, strict=True):
            size, width = width, growth * width
            self.stages.append(Stage(size, width, blocks, max(1, round(width * sizes.bottleneck)), count))
        self.head = PointHead(width, config)

    def forward(
        self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0, dropout_noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encode clouds.

        Args:
            point_values: (B, N, 3), largest norm 1.
            fps_start: index of the first stage's first center, one for all clouds or (B,).
            dropout_noise: uniforms (B, *config.dropout_shape) for the head; `None` drops nothing.

        Returns:
            (B, config.pooled_size).
        """
        points, features = point_values, self.embedding(point_values.to(self.embedding.norm.weight.dtype), relu=True)
        for number, stage in enumerate(self.stages):
            points, features = stage(points, features, fps_start if number == 0 else 0)
        return self.head(largest(features, dim=1), dropout_noise)
