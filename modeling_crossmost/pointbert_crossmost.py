"""Point-BERT (paper section 3.2): sub-clouds as tokens of a mini-PointNet, and the blocks of the transformer.

Shapes: B objects, G sub-clouds of S points, T tokens, H_p hidden width.
"""

from collections.abc import Callable

import torch
from torch import nn
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_crossmost import CrossMoSTPointConfig
from .point_ops_crossmost import PointGroups


class CrossMoSTPointTokenizer(nn.Module):
    """Mini-PointNet of Point-BERT, which encodes a sub-cloud of S centered points as one token.

    Per point 3 (with color 6) -> d0 -> d1; the maximum over the sub-cloud is concatenated to each point; per point
    2 d1 -> d2 -> token_size; maximum over the sub-cloud.
    """

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        first, pooled, second = config.tokenizer_dims
        self.first_in = nn.Linear(config.in_channels, first)
        self.first_norm = nn.BatchNorm1d(first)
        self.first_out = nn.Linear(first, pooled)
        self.second_in = nn.Linear(2 * pooled, second)
        self.second_norm = nn.BatchNorm1d(second)
        self.second_out = nn.Linear(second, config.token_size)

    @staticmethod
    def _normalize(norm: nn.BatchNorm1d, features: torch.Tensor) -> torch.Tensor:
        return norm(features.flatten(0, -2)).view_as(features)

    def forward(self, neighborhoods: torch.Tensor) -> torch.Tensor:
        """(B, G, S, 3 or 6) centered neighborhoods -> (B, G, token_size)."""
        features = self._normalize(self.first_norm, self.first_in(neighborhoods)).relu()
        features = self.first_out(features)  # (B, G, S, d1)
        features = self._second_in(features.amax(dim=2, keepdim=True), features)
        features = self._normalize(self.second_norm, features).relu()
        return self.second_out(features).amax(dim=2)

    def _second_in(self, pooled: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """second_in(concat(pooled, features)): (B, G, 1, d1), (B, G, S, d1) -> (B, G, S, d2)."""
        if type(self.second_in) is not nn.Linear or hasattr(self.second_in, "_hf_hook"):
            # The weight is quantized, adapted or elsewhere (accelerate's offloading): only the module can use it.
            return self.second_in(torch.cat([pooled.expand_as(features), features], dim=-1))
        # The half for `pooled`, which is the same for all S points, is applied only once per sub-cloud.
        pooled_weight, point_weight = self.second_in.weight.chunk(2, dim=1)
        return features @ point_weight.T + nn.functional.linear(pooled, pooled_weight, self.second_in.bias)


class CrossMoSTPointEmbeddings(nn.Module):
    """Tokens and position embeddings of a grouped cloud: tokenizer, projection to H_p, and an MLP on the centers."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        self.tokenizer = CrossMoSTPointTokenizer(config)
        self.token_projection = nn.Linear(config.token_size, config.hidden_size)
        self.class_embedding = nn.Parameter(torch.zeros(config.hidden_size))
        self.class_position = nn.Parameter(torch.zeros(config.hidden_size))
        self.position_in = nn.Linear(3, config.position_hidden_size)
        self.position_activation = nn.GELU()
        self.position_out = nn.Linear(config.position_hidden_size, config.hidden_size)

    def forward(self, groups: PointGroups) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode groups.

        Returns:
            Class token (B, 1, H_p), tokens (B, G, H_p), and positions (B, 1 + G, H_p), the class token's first.
        """
        tokens = self.token_projection(self.tokenizer(groups.neighborhoods))
        positions = self.position_out(self.position_activation(self.position_in(groups.centers)))
        # Not len(tokens): it would make the batch size a constant of an exported model.
        class_token, class_position = (
            parameter.expand(tokens.shape[0], 1, -1) for parameter in (self.class_embedding, self.class_position)
        )
        return class_token, tokens, torch.cat([class_position, positions], dim=1)


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Plain attention over (B, heads, T, d); returns outputs (B, T, heads, d) and weights (B, heads, T, T)."""
    weights = query @ key.transpose(-1, -2) * scaling
    weights = weights.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), weights


class CrossMoSTPointAttention(nn.Module):
    """Multi-head self-attention with a fused projection for query, key and value."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        self.config = config
        self.num_heads = config.num_attention_heads
        self.head_dim = config.hidden_size // config.num_attention_heads
        self.scale = self.head_dim**-0.5
        self.is_causal = False
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.qkv_bias)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden_states: torch.Tensor, **kwargs) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, T, H_p) -> (B, T, H_p), and the attention weights if the attention implementation returns them."""
        batch, length, width = hidden_states.shape
        qkv = self.qkv(hidden_states).view(batch, length, 3, self.num_heads, self.head_dim)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, T, head_dim)
        attention: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation, eager_attention_forward
        )
        output, weights = attention(self, query, key, value, None, scaling=self.scale, dropout=0.0, **kwargs)
        return self.out_proj(output.reshape(batch, length, width)), weights


class CrossMoSTPointMLP(nn.Module):
    """Feed-forward network of a block."""

    def __init__(self, config: CrossMoSTPointConfig):
        super().__init__()
        # Not int(): the ratio of a converted checkpoint is a quotient of widths, and the product may fall just below.
        hidden = round(config.hidden_size * config.mlp_ratio)
        self.fc1 = nn.Linear(config.hidden_size, hidden)
        self.activation_fn = ACT2FN[config.hidden_act]
        self.fc2 = nn.Linear(hidden, config.hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, T, H_p) -> (B, T, H_p)."""
        return self.fc2(self.activation_fn(self.fc1(hidden_states)))


def drop_path(residual: torch.Tensor, rate: float, noise: torch.Tensor | None) -> torch.Tensor:
    """Stochastic depth that takes its random numbers as an argument.

    timm's DropPath draws from the global generator, so that an object's draw would depend on its batch and process.
    Here the caller passes uniforms that are keyed by object.

    Args:
        residual: (B, T, H).
        rate: probability of dropping the residual of an object.
        noise: (B,) uniforms in [0, 1), or `None` to drop nothing.

    Returns:
        (B, T, H), where residuals that are kept are divided by the probability of keeping them.
    """
    if noise is None or rate == 0.0:
        return residual
    keep = (noise >= rate).to(residual.dtype).view(-1, 1, 1)
    return residual * keep / (1.0 - rate)


class CrossMoSTPointLayer(GradientCheckpointingLayer):
    """Pre-norm block that adds the position embeddings to its input, including the class token (as in Point-BERT)."""

    def __init__(self, config: CrossMoSTPointConfig, drop_path_rate: float):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = CrossMoSTPointAttention(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = CrossMoSTPointMLP(config)
        self.drop_path_rate = drop_path_rate

    def forward(
        self,
        hidden_states: torch.Tensor,
        positions: torch.Tensor,
        dropout_noise: torch.Tensor | None = None,
        **kwargs,
    ) -> torch.Tensor:
        """(B, T, H_p) and positions of the same shape -> (B, T, H_p); `dropout_noise` is (B, 2)."""
        first, second = (None, None) if dropout_noise is None else dropout_noise.unbind(-1)
        hidden_states = hidden_states + positions
        attended, _ = self.self_attn(self.layer_norm1(hidden_states), **kwargs)
        hidden_states = hidden_states + drop_path(attended, self.drop_path_rate, first)
        expanded = self.mlp(self.layer_norm2(hidden_states))
        return hidden_states + drop_path(expanded, self.drop_path_rate, second)
