"""What the models return. B objects, G sub-clouds, P patches, C classes, D embedding width, H_p the point tower's."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils import ModelOutput


@dataclass
class CrossMoSTPointModelOutput(ModelOutput):
    """Output of [`CrossMoSTPointModel`].

    Args:
        last_hidden_state (`torch.Tensor` of shape `(B, 1 + G, H_p)`): class token and sub-cloud tokens, normalised.
        pooler_output (`torch.Tensor` of shape `(B, 2 * H_p)`): class token beside the maximum over the other tokens.
        point_tokens (`torch.Tensor` of shape `(B, G, H_p)`): the tokens as they enter, before masking and positions.
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
    """Output of [`CrossMoSTModel`]; what belongs to a modality that was left out is `None`.

    Args:
        logits_per_point (`torch.Tensor` of shape `(B, C)`): scaled cosine to every class, from the cloud.
        logits_per_image (`torch.Tensor` of shape `(B, C)`): the same from the views, fused as Image* (section 4.1).
        point_embeds (`torch.Tensor` of shape `(B, D)`): unit-length cloud embeddings.
        image_embeds (`torch.Tensor` of shape `(B, D)`): unit-length view embeddings, averaged over the views.
        point_model_output, vision_model_output: the towers' own outputs, on request.
    """

    logits_per_point: torch.Tensor | None = None
    logits_per_image: torch.Tensor | None = None
    point_embeds: torch.Tensor | None = None
    image_embeds: torch.Tensor | None = None
    point_model_output: ModelOutput | None = None
    vision_model_output: ModelOutput | None = None


# `ModelOutput` wants `None` as the default of every field, also of one that is always there.
_ALWAYS_THERE: Any = None


@dataclass
class CrossMoSTSelfTrainingOutput(ModelOutput):
    """Output of [`CrossMoSTForSelfTraining`]: one masked pass over a batch of point-view pairs; every field is there.

    Args:
        logits_per_point, logits_per_image (`torch.Tensor` of shape `(B, C)`): student predictions.
        point_embeds, image_embeds (`torch.Tensor` of shape `(B, D)`): unit-length object embeddings.
        pixel_predictions (`torch.Tensor` of shape `(B, P, 3 * patch_size ** 2)`): g^I of every patch token, laid out
            as (channel, row, column).
        token_predictions (`torch.Tensor` of shape `(B, G, H_p)`): w = g^P of every sub-cloud token.
        point_tokens (`torch.Tensor` of shape `(B, G, H_p)`): y, the unmasked input tokens.
        image_local_embeds (`torch.Tensor` of shape `(B, P, D)`): u, unit-length projected patch tokens.
        point_local_embeds (`torch.Tensor` of shape `(B, G, D)`): v, unit-length projected sub-cloud tokens.
        point_global_embeds (`torch.Tensor` of shape `(B, D)`): the side that v is compared with.
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
