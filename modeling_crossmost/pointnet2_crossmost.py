"""PointNet++ (arXiv 1706.02413) as an encoder of clouds, with single- or multi-scale grouping (SSG, MSG).

Sizes are those of the classifiers in its section B.1, for 1024 points. Shapes: B objects, N points, G centers with S
neighbors each, C channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from .configuration_crossmost import CrossMoSTPointConfig
from .point_layers_crossmost import NormalizedLinear, PointHead, largest
from .point_ops_crossmost import ball_query, farthest_point_sample, gather_points, squared_distances


class Scale(NamedTuple):
    """A ball around a center: its radius, the points that are taken of it, and the widths of the layers on them."""

    radius: float
    neighbors: int
    widths: tuple[int, ...]


# For every tower: the scales of each of its two stages.
_SCALES = {
    "pointnet2_ssg": ((Scale(0.2, 32, (64, 64, 128)),), (Scale(0.4, 64, (128, 128, 256)),)),
    "pointnet2_msg": (
        (Scale(0.1, 16, (32, 32, 64)), Scale(0.2, 32, (64, 64, 128)), Scale(0.4, 128, (64, 96, 128))),
        (Scale(0.2, 32, (64, 64, 128)), Scale(0.4, 64, (128, 128, 256)), Scale(0.8, 128, (128, 128, 256))),
    ),
}
_CENTERS = (512, 128)
_GLOBAL_WIDTHS = (256, 512, 1024)


def _chain(size: int, widths: Sequence[int]) -> nn.ModuleList:
    sizes = [size, *widths]
    return nn.ModuleList(NormalizedLinear(before, after) for before, after in zip(sizes, widths, strict=False))


class SetAbstraction(nn.Module):
    """One stage: around centers, a small PointNet on the points within each scale's ball (section 3.2 and 3.3).

    The layers see a point's coordinates relative to its center, then its features.

    Args:
        size: channels C of the points' features, 0 for none.
        centers: G.
        scales: their results are concatenated.
    """

    def __init__(self, size: int, centers: int, scales: Sequence[Scale]):
        super().__init__()
        self.centers, self.balls = centers, tuple((scale.radius, scale.neighbors) for scale in scales)
        self.scales = nn.ModuleList(_chain(3 + size, scale.widths) for scale in scales)

    def forward(
        self, points: torch.Tensor, features: torch.Tensor | None, start: torch.Tensor | int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Points (B, N, 3) with features (B, N, C) -> centers (B, G, 3) with features (B, G, D).

        `start` is the index of the first center, one for all clouds or (B,).
        """
        centers = gather_points(points, farthest_point_sample(points, self.centers, start))
        distance = squared_distances(points, centers)
        pooled = [
            self._pool(layers, points, features, centers, ball_query(distance, *ball))
            for layers, ball in zip(self.scales, self.balls, strict=True)
        ]
        return centers, torch.cat(pooled, dim=-1)

    @staticmethod
    def _pool(
        layers: nn.Module,
        points: torch.Tensor,
        features: torch.Tensor | None,
        centers: torch.Tensor,
        neighbors: torch.Tensor,
    ) -> torch.Tensor:
        first: NormalizedLinear
        first, *others = layers.children()  # type: ignore[assignment]
        # The first layer is linear, W (x - c, f), so it is applied to the points and to the centers before the
        # neighbors are gathered, which are many times as many. Not in half precision, where the difference of two
        # coordinates of a small ball would be lost.
        with torch.autocast(points.device.type, enabled=False):
            dtype = first.norm.weight.dtype
            inputs = points if features is None else torch.cat([points, features], dim=-1)
            shifts = F.linear(-centers.to(dtype), first.linear.weight[:, :3])  # W (-c, 0)
            hidden = gather_rows(first.linear(inputs.to(dtype)), neighbors) + shifts.unsqueeze(2)
        if torch.is_autocast_enabled(points.device.type):  # the difference is small: from here on as all other layers
            hidden = hidden.to(torch.get_autocast_dtype(points.device.type))
        *others, last = others
        hidden = first.normalize(hidden, relu=True)  # (B, G, S, D)
        for layer in others:
            hidden = layer(hidden, relu=True)
        hidden = last(hidden)
        return largest(hidden, dim=2).relu()


def gather_rows(features: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Gather features of each cloud by index, row by row: (B, N, C), (B, G, S) -> (B, G, S, C).

    On a CPU it is several times faster than `gather_points`, which copies each number by itself.
    """
    batch, count, _ = features.shape
    offsets = torch.arange(batch, device=features.device).view(-1, 1, 1) * count
    return features.flatten(0, 1).index_select(0, (indices + offsets).flatten()).view(*indices.shape, -1)


class CrossMoSTPointNet2Encoder(nn.Module):
    """PointNet++ of `config.tower`: two stages, a PointNet on all centers that are left, and the head.

    Widths are those of the paper times `config.width_factor`.
    """

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()

        def scaled(widths: Sequence[int]) -> tuple[int, ...]:
            return tuple(round(width * config.width_factor) for width in widths)

        self.stages = nn.ModuleList()
        size = 0
        for centers, published in zip(config.num_centers or _CENTERS, _SCALES[config.tower], strict=True):
            scales = [scale._replace(widths=scaled(scale.widths)) for scale in published]
            self.stages.append(SetAbstraction(size, centers, scales))
            size = sum(scale.widths[-1] for scale in scales)
        widths = scaled(_GLOBAL_WIDTHS)
        self.whole = _chain(3 + size, widths)
        self.head = PointHead(widths[-1], config)

    def forward(
        self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0, dropout_noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encode clouds.

        Args:
            point_values: (B, N, 3), largest norm 1, which the radii count on.
            fps_start: index of the first stage's first center, one for all clouds or (B,).
            dropout_noise: uniforms (B, *config.dropout_shape) for the head; `None` drops nothing.

        Returns:
            (B, config.pooled_size).
        """
        first, second = self.stages
        points, features = second(*first(point_values, None, fps_start))
        hidden = torch.cat([points.to(features.dtype), features], dim=-1)
        for layer in self.whole:
            hidden = layer(hidden, relu=True)
        return self.head(largest(hidden, dim=1), dropout_noise)
