"""Uni3D (arXiv 2310.06773) as an encoder of clouds: tokens of sub-clouds in a ViT of timm's EVA family.

Sub-clouds, mini-PointNet and positions are those of Point-BERT, but positions enter once, with the tokens, and only the
class token is pooled. Shapes: B objects, N points, G sub-clouds, H_p width.
"""

import torch
from torch import nn

from .configuration_crossmost import CrossMoSTPointConfig
from .point_ops_crossmost import group_points
from .pointbert_crossmost import CrossMoSTPointEmbeddings, CrossMoSTPointLayer


class GatedMLP(nn.Module):
    """Feed-forward network of EVA-02: SwiGLU, with a LayerNorm before its last layer in the larger ones."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        hidden = round(config.hidden_size * config.mlp_ratio)
        self.gate = nn.Linear(config.hidden_size, hidden)
        self.fc1 = nn.Linear(config.hidden_size, hidden)
        self.norm = nn.LayerNorm(hidden, eps=config.layer_norm_eps) if config.mlp_norm else nn.Identity()
        self.fc2 = nn.Linear(hidden, config.hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, T, H_p) -> (B, T, H_p)."""
        gated = nn.functional.silu(self.gate(hidden_states)) * self.fc1(hidden_states)
        return self.fc2(self.norm(gated))


class Uni3DLayer(CrossMoSTPointLayer):
    """Block of EVA-02 (`config.gated_mlp`) or of EVA, which is that of Point-BERT."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__(config, 0.0)
        if config.gated_mlp:
            self.mlp = GatedMLP(config)  # type: ignore[assignment] # of the same form


class CrossMoSTUni3DEncoder(nn.Module):
    """Sub-clouds -> tokens -> transformer -> class token."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        self.groups, self.size = config.num_groups, config.group_size
        self.embeddings = CrossMoSTPointEmbeddings(config)
        self.layers = nn.ModuleList(Uni3DLayer(config) for _ in range(config.num_hidden_layers))
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(
        self, point_values: torch.Tensor, fps_start: torch.Tensor | int = 0, dropout_noise: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Encode clouds.

        Args:
            point_values: (B, N, 3 or 6).
            fps_start: index of the first center, one for all clouds or (B,).
            dropout_noise: ignored; the tower drops nothing.

        Returns:
            (B, config.pooled_size).
        """
        groups = group_points(point_values, self.groups, self.size, fps_start)
        dtype = self.layernorm.weight.dtype  # cast after grouping: rounded coordinates have other neighbors
        class_token, tokens, positions = self.embeddings(type(groups)(*(part.to(dtype) for part in groups)))
        hidden = torch.cat([class_token, tokens], dim=1) + positions
        nowhere = torch.zeros_like(hidden)
        for layer in self.layers:
            hidden = layer(hidden, nowhere)
        return self.layernorm(hidden[:, 0])
