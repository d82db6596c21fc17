"""OpenShape's point patch transformer (arXiv 2305.10764, "PointBERT" there) as an encoder of clouds.

Unlike Point-BERT it makes tokens of balls with one stage of PointNet++, and positions enter once, with the tokens. Its
transformer's blocks are those of Point-BERT without positions. Shapes: B objects, N points, G sub-clouds.
"""

import torch
from torch import nn

from .configuration_crossmost import CrossMoSTPointConfig
from .pointbert_crossmost import CrossMoSTPointLayer
from .pointnet2_crossmost import Scale, SetAbstraction


class CrossMoSTPPATEncoder(nn.Module):
    """Balls around centers -> tokens -> transformer -> class token."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        width = config.hidden_size
        scale = Scale(config.group_radius, config.group_size, (*config.tokenizer_dims[:2], config.token_size))
        # A point's features are its coordinates, once more, and its color.
        self.balls = SetAbstraction(config.in_channels, config.num_groups, [scale])
        self.lift = nn.Linear(3 + config.token_size, width)
        self.lift_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(CrossMoSTPointLayer(config, 0.0) for _ in range(config.num_hidden_layers))

    def forward(
        self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0, dropout_noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encode clouds.

        Args:
            point_values: (B, N, 3 or 6), largest norm of the coordinates 1, which the radius counts on.
            fps_start: index of the first center, one for all clouds or (B,).
            dropout_noise: ignored; the tower drops nothing.

        Returns:
            (B, config.pooled_size).
        """
        centers, tokens = self.balls(point_values[..., :3], point_values, fps_start)
        tokens = torch.cat([centers.to(tokens.dtype), tokens], dim=-1)
        tokens = self.lift_norm(self.lift(tokens))
        hidden = torch.cat([self.class_embedding.expand(tokens.shape[0], 1, -1).to(tokens.dtype), tokens], dim=1)
        nowhere = torch.zeros_like(hidden)
        for layer in self.layers:
            hidden = layer(hidden, nowhere)
        return hidden[:, 0]
