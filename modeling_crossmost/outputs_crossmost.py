"""Outputs of the models.

Shapes: B objects, G sub-clouds, P patches, C classes, D embedding width, H_p hidden width of the point tower.
"""

from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils import ModelOutput


@dataclass
class CrossMoSTPointModelOutput(ModelOutput):
    """Output of [`CrossMoSTPointModel`].

    Args:
        last_hidden_state (`torch.Tensor` of shape `(B, 1 + G, H_p)`): class token and sub-cloud tokens after
            the final layer norm.
        pooler_output (`torch.Tensor` of shape `(B, config.pooled_size)`): Point-BERT: class token concatenated with the
            maximum over the sub-cloud tokens, (B, 2 * H_p); PointNet++ and PointMLP: output of the head. These have no
            tokens, and nothing else is set.
        point_tokens (`torch.Tensor` of shape `(B, G, H_p)`): input tokens, before masking and position embeddings.
        hidden_states (`tuple[torch.Tensor]`, *optional*): input of the first block and output of every block.
        attentions (`tuple[torch.Tensor]`, *optional*): attention weights of every block (eager attention only).
    """

    last_hidden_state: torch.Tensor | None = None
    pooler_output: torch.Tensor | None = None
    point_tokens: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    attentions: tuple[torch.Tensor, ...] | None = None


@dataclass
class CrossMoSTOutput(ModelOutput):
    """Output of [`CrossMoSTModel`]; the fields of a modality that was not passed are `None`.

    Args:
        loss (`torch.Tensor`, *optional*): with labels, the mean cross-entropy of the modalities given.
        logits_per_point (`torch.Tensor` of shape `(B, C)`): logits of the cloud, its scaled cosine to every class.
        logits_per_image (`torch.Tensor` of shape `(B, C)`): logits of the views, fused as Image* (section 4.1).
        point_embeds (`torch.Tensor` of shape `(B, D)`): unit-length cloud embeddings.
        image_embeds (`torch.Tensor` of shape `(B, D)`): unit-length mean of the unit-length view embeddings.
        point_model_output, vision_model_output (`ModelOutput`, *optional*): outputs of the two towers.
    """

    loss: torch.Tensor | None = None
    logits_per_point: torch.Tensor | None = None
    logits_per_image: torch.Tensor | None = None
    point_embeds: torch.Tensor | None = None
    image_embeds: torch.Tensor | None = None
    point_model_output: ModelOutput | None = None
    vision_model_output: ModelOutput | None = None


# `ModelOutput` requires the default `None` for every field but the first, even for fields that are always set.
_ALWAYS_THERE: Any = None


@dataclass
class CrossMoSTSelfTrainingOutput(ModelOutput):
    """Output of [`CrossMoSTForSelfTraining`] for a batch of point-view pairs.

    Every field is set, but those of sub-clouds are `None` for point towers without tokens (PointNet++, PointMLP). The
    letters are those of the paper, section 3.2.

    Args:
        logits_per_point, logits_per_image (`torch.Tensor` of shape `(B, C)`): predictions of either modality.
        point_embeds, image_embeds (`torch.Tensor` of shape `(B, D)`): unit-length object embeddings.
        pixel_predictions (`torch.Tensor` of shape `(B, P, 3 * patch_size ** 2)`): g^I of every patch token, the pixels
            in the order (channel, row, column).
        token_predictions (`torch.Tensor` of shape `(B, G, H_p)`): w = g^P of every sub-cloud token.
        point_tokens (`torch.Tensor` of shape `(B, G, H_p)`): y, the input tokens before masking, targets of w.
        image_local_embeds (`torch.Tensor` of shape `(B, P, D)`): u, unit-length projected patch tokens.
        point_local_embeds (`torch.Tensor` of shape `(B, G, D)`): v, unit-length projected sub-cloud tokens.
        point_global_embeds (`torch.Tensor` of shape `(B, D)`): the embedding that v is aligned with: `point_embeds`, or
            the projected class token with `config.point_local_projection`.
    """

    logits_per_point: torch.Tensor = _ALWAYS_THERE
    logits_per_image: torch.Tensor = _ALWAYS_THERE
    point_embeds: torch.Tensor = _ALWAYS_THERE
    image_embeds: torch.Tensor = _ALWAYS_THERE
    pixel_predictions: torch.Tensor = _ALWAYS_THERE
    token_predictions: torch.Tensor = _ALWAYS_THERE
    point_tokens: torch.Tensor = _ALWAYS_THERE
    image_local_embeds: torch.Tensor = _ALWAYS_THERE
    point_local_embeds: torch.Tensor = _ALWAYS_THERE
    point_global_embeds: torch.Tensor = _ALWAYS_THERE


__all__ = ["CrossMoSTOutput", "CrossMoSTPointModelOutput", "CrossMoSTSelfTrainingOutput"]
