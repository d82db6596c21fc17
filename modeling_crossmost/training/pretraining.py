"""Contrastive image-text-point pre-training, ULIP's objective (paper section 3.2: f^P, f^S, f^I and the point tower).

With `freeze_image` and `freeze_text` both CLIP towers stay fixed and only the point tower is trained; without them and
with `freeze_point` the same step trains a small CLIP. With `caption_contrast` the text tower alone is trained on pairs
of captions of the same object, so that it relates words to each other before it sees an image.
"""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from ..data.augmentation import CloudAugmentation, add_floor, normalize_clouds, occlude_clouds, strong_clouds
from ..data.keyed_random import Stream, keyed_integers, keyed_uniform
from ..modeling_crossmost import CrossMoSTModel, is_siglip, unit_length
from .chunks import in_chunks
from .distributed import gather_batch
from .masking import tower_noise


MAX_LOGIT_SCALE = 100.0  # CLIP's bound, which keeps training stable


@dataclass
class PretrainingOptions:
    """Options of pre-training alone; other methods ignore them.

    Args:
        freeze_text: keep the text tower fixed.
        freeze_point: keep the point tower fixed and leave the clouds out: image and text alone are trained.
        caption_contrast: train the text tower alone; two captions of an object are each other's positives, and views
            and clouds are not used.
        num_captions: draw only from the first `num_captions` captions of an object; default all.
        patch_dropout: fraction of each view's patches hidden from a trained image tower (FLIP, arXiv 2212.00794).
        occlusion: largest fraction of a cloud that is removed on one horizontal side, as if scanned from the other.
        floor: largest fraction of a cloud's points that is moved to the floor; a quarter of the clouds get no floor.
        room: probability of placing a rendered view in a room with random wall, floor and light.
        stretch: largest factor by which an axis of a cloud is stretched or squeezed; 1 keeps the proportions.
    """

    _argument_group_name: ClassVar[str] = "pre-training (--method pretrain)"

    freeze_text: bool = True
    freeze_point: bool = False
    caption_contrast: bool = False
    num_captions: int | None = None
    patch_dropout: float = 0.0
    occlusion: float = 0.0
    floor: float = 0.0
    room: float = 0.0
    stretch: float = 1.0

    def __post_init__(self) -> None:
        for name in ("patch_dropout", "occlusion", "floor"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in [0, 1), got {getattr(self, name)}.")
        if not 0.0 <= self.room <= 1.0:
            raise ValueError(f"room must lie between 0 and 1, got {self.room}.")
        if self.stretch < 1.0:
            raise ValueError(f"stretch must be at least 1, got {self.stretch}.")


@dataclass
class PretrainingArguments(PretrainingOptions):
    """Options of pre-training, including those shared with self-training.

    Args:
        freeze_image: keep the image tower fixed.
        freeze_point_tokenizer: keep the mini-PointNet fixed, its BatchNorm statistics included.
        clouds: strengths of the cloud augmentation.
        label_smoothing: fraction of the contrastive target that is spread over the whole batch.
    """

    freeze_image: bool = True
    freeze_point_tokenizer: bool = False
    clouds: CloudAugmentation = field(default_factory=CloudAugmentation)
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.freeze_image and self.freeze_text and self.freeze_point:
            raise ValueError("freeze_image, freeze_text and freeze_point leave nothing to train: drop one of them.")


class ContrastiveModel(nn.Module):
    """Embed all modalities in one forward pass, as DDP requires.

    Args:
        model: the model to train.
        arguments: which modalities take part.
        chunk_size: objects per pass, see [`in_chunks`].
    """

    def __init__(self, model: CrossMoSTModel, arguments: PretrainingArguments, chunk_size: int | None = None):
        super().__init__()
        self.model, self.chunk_size = model, chunk_size
        self.use_point = not arguments.freeze_point

    def forward(self, **inputs: Any) -> dict[str, torch.Tensor]:
        """Embed a batch; the arguments are those of [`embed`].

        Returns:
            As [`embed`], and the logit scale under "scale".
        """
        embeds = in_chunks(self.embed, len(inputs["input_ids"]), self.chunk_size, inputs)
        return embeds | {"scale": self.model.logit_scale.exp()}

    def embed(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        pixel_values: torch.Tensor | None = None,
        kept_patches: torch.Tensor | None = None,
        other_input_ids: torch.Tensor | None = None,
        other_attention_mask: torch.Tensor | None = None,
        point_values: torch.Tensor | None = None,
        fps_start: torch.Tensor | int = 0,
        dropout_noise: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Embed captions (B, T) and, if given, views (B, 3, H, W), other captions (B, T) and clouds (B, N, 3).

        `kept_patches` (B, K) are the patches that the image tower sees, by default all.

        Returns:
            Unit-length (B, D) each under "text", "image", "caption" and "point".

        Raises:
            ValueError: if there is no text tower, or no clouds although the point tower is trained.
        """
        embeds = {"text": self.model.get_text_features(input_ids, attention_mask)}
        if pixel_values is not None:
            if kept_patches is None:
                embeds["image"] = self.model.get_image_features(pixel_values)
            else:
                embeds["image"] = features_of_patches(self.model, pixel_values, kept_patches)
        if other_input_ids is not None:
            embeds["caption"] = self.model.get_text_features(other_input_ids, other_attention_mask)
        if self.use_point:
            if point_values is None:
                raise ValueError("The point tower is being trained: pass point_values.")
            embeds["point"] = self.model.get_point_features(
                point_values, fps_start=fps_start, dropout_noise=dropout_noise
            )
        return embeds


def features_of_patches(model: CrossMoSTModel, pixel_values: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Embed views from a subset of their patches, at a lower cost (FLIP, arXiv 2212.00794).

    Args:
        model: a model with an image tower.
        pixel_values: (B, 3, H, W).
        kept: (B, K) int64 indices of the patches that the tower sees. All P of them, in order, give the result of
            `get_image_features`.

    Returns:
        (B, D), unit length.
    """
    # CLIPVisionModel takes no subset of patches, so this repeats its forward pass. Position 0 is the class token's.
    tower, projection = model.vision_model, model.visual_projection
    assert tower is not None and projection is not None  # for the type checker
    if is_siglip(tower.config):
        raise ValueError(
            "seeing some patches alone needs CLIP's image tower, this one is SigLIP's: pass --patch_dropout 0."
        )
    embeddings, positions = tower.embeddings, tower.embeddings.position_embedding.weight
    patches = embeddings.patch_embedding(pixel_values).flatten(2).transpose(1, 2) + positions[1:]  # (B, P, H_v)
    patches = patches.gather(1, kept.unsqueeze(-1).expand(-1, -1, patches.shape[-1]))  # (B, K, H_v)
    class_token = (embeddings.class_embedding + positions[0]).expand(len(patches), 1, -1)
    hidden = tower.encoder(inputs_embeds=tower.pre_layrnorm(torch.cat([class_token, patches], dim=1)))
    return unit_length(projection(tower.post_layernorm(hidden.last_hidden_state[:, 0])))


def freeze_for_pretraining(model: CrossMoSTModel, arguments: PretrainingArguments) -> None:
    """Enable gradients only for what the arguments train and the objective reaches, and always for the logit scale."""
    model.requires_grad_(False)
    model.logit_scale.requires_grad_(True)
    if not arguments.freeze_image:
        model.vision_model.requires_grad_(True)
        model.visual_projection.requires_grad_(True)
    if not arguments.freeze_text:
        for part in (model.text_model, model.text_projection):
            if part is not None:
                part.requires_grad_(True)
    if not arguments.freeze_point:
        model.point_model.requires_grad_(True)
        model.point_projection.requires_grad_(True)
        if model.point_model.tokenizer is not None:
            model.point_model.tokenizer.requires_grad_(not arguments.freeze_point_tokenizer)


def pretraining_mode(model: CrossMoSTModel, arguments: PretrainingArguments) -> None:
    """Set training mode, but keep a frozen tokenizer in evaluation mode: its BatchNorm statistics are frozen too."""
    model.train()
    if arguments.freeze_point:
        model.point_model.eval()
    elif arguments.freeze_point_tokenizer and model.point_model.tokenizer is not None:
        model.point_model.tokenizer.eval()


@torch.no_grad()
def bound_logit_scale(model: CrossMoSTModel) -> None:
    """Put the logit scale back to CLIP's bound after a step.

    CLIP starts at the bound; clamping in the forward pass would leave it no gradient there, and it would never move.
    """
    model.logit_scale.clamp_(max=math.log(MAX_LOGIT_SCALE))


def contrastive_loss(
    queries: torch.Tensor,
    targets: torch.Tensor,
    scale: torch.Tensor | float,
    positives: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Compute the symmetric contrastive cross-entropy of CLIP and ULIP over a batch.

    Args:
        queries, targets: (B, D) unit-length embeddings; row i of both belongs to object i.
        scale: factor on the cosine similarities.
        positives: (B, B) bool, which targets match a query; the target mass is shared among them. By default only row i
            matches query i. Two objects with the same caption must not be each other's negatives.
        label_smoothing: fraction of the target mass that is spread evenly over the batch.
    """
    logits = scale * queries @ targets.T
    if positives is None:
        positives = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    weights = positives.float()
    both = ((logits, weights), (logits.T, weights.T))
    losses = [F.cross_entropy(x, w / w.sum(-1, keepdim=True), label_smoothing=label_smoothing) for x, w in both]
    return (losses[0] + losses[1]) / 2


def pretraining_clouds(points: torch.Tensor, keys: torch.Tensor, arguments: PretrainingArguments) -> torch.Tensor:
    """Degrade clouds like real scans: stretched, rotated, noisy, thinned, cropped, seen from one side, on a floor.

    Args:
        points: (B, N, 3), y up.
        keys: (B,) keys of the objects in this epoch.
        arguments: strengths.

    Returns:
        (B, N, 3), mean at the origin, largest norm 1.
    """
    if arguments.stretch > 1.0:
        # Uniform in the logarithm: stretching and squeezing by the same factor are equally likely.
        bound = torch.log(points.new_tensor(arguments.stretch))
        points = points * (bound * (2 * keyed_uniform(keys, (1, 3), Stream.PRETRAIN_CLOUD) - 1)).exp()
    clouds = strong_clouds(points, keys, augmentation=arguments.clouds)
    if arguments.occlusion > 0.0:
        clouds = occlude_clouds(clouds, keys, arguments.occlusion)
    if arguments.floor > 0.0:
        clouds = add_floor(clouds, keys, arguments.floor)
    return normalize_clouds(clouds)


def pretraining_step(
    wrapped: nn.Module,
    model: CrossMoSTModel,
    batch: dict[str, torch.Tensor],
    keys: torch.Tensor,
    arguments: PretrainingArguments,
) -> dict[str, torch.Tensor]:
    """Compute the contrastive losses of a batch between all pairs of modalities with at least one trained tower.

    Args:
        wrapped: a [`ContrastiveModel`], wrapped in DDP if there are several processes.
        model: the model inside it.
        batch: `input_ids` and `attention_mask` (B, T) and, depending on the arguments, `points` (B, N, 3),
            `strong_image` (B, 3, H, W), `other_input_ids` and `other_attention_mask` (B, T).
        keys: (B,) keys of the objects in this epoch.
        arguments: what is trained, and how.

    Returns:
        "loss" (with gradient), its terms, the in-batch retrieval accuracy and the logit scale, as 0-dim tensors.
    """
    fields = ["input_ids", "attention_mask"]
    fields += ["other_input_ids", "other_attention_mask"] if arguments.caption_contrast else []
    inputs = {name: batch[name] for name in fields}
    if not arguments.caption_contrast:
        inputs["pixel_values"] = batch["strong_image"]
        if arguments.patch_dropout > 0.0 and not arguments.freeze_image:
            vision = model.config.vision_config
            count = (vision.image_size // vision.patch_size) ** 2
            order = keyed_uniform(keys, (count,), Stream.PATCH_DROPOUT).argsort(dim=1)
            inputs["kept_patches"] = order[:, : max(1, round(count * (1.0 - arguments.patch_dropout)))]
    if not arguments.freeze_point:
        clouds = pretraining_clouds(batch["points"], keys, arguments)
        inputs |= {"point_values": clouds, "fps_start": keyed_integers(keys, clouds.shape[1], (), Stream.FPS_STRONG)}
        inputs |= tower_noise(model.config.point_config, keys)
    embeds = wrapped(**inputs)
    scale = embeds.pop("scale")
    embeds = {name: gather_batch(value) for name, value in embeds.items()}
    # Different objects often share a caption, such as the plain class name.
    prefix = "other_" if arguments.caption_contrast else ""
    tokens = batch[f"{prefix}input_ids"].masked_fill(batch[f"{prefix}attention_mask"] == 0, -1)
    # Batches are padded to their own longest caption, and processes have different ones.
    longest = model.config.text_config.max_position_embeddings
    tokens = gather_batch(F.pad(tokens, (0, longest - tokens.shape[1]), value=-1))
    same_caption = (tokens.unsqueeze(1) == tokens.unsqueeze(0)).all(-1)
    terms: dict[str, tuple[str, str, torch.Tensor | None]] = {}
    if arguments.caption_contrast:
        terms["loss_text_text"] = ("text", "caption", same_caption)
    elif not (arguments.freeze_image and arguments.freeze_text):
        terms["loss_image_text"] = ("image", "text", same_caption)
    if not arguments.freeze_point:
        terms["loss_point_text"] = ("point", "text", same_caption)
        terms["loss_point_image"] = ("point", "image", None)
    losses = {
        name: contrastive_loss(embeds[a], embeds[b], scale, positives, arguments.label_smoothing)
        for name, (a, b, positives) in terms.items()
    }
    # Retrieval is logged for the first pair of modalities; any object with the same caption counts as a hit.
    first, second, _ = next(iter(terms.values()))
    nearest = (embeds[first] @ embeds[second].T).argmax(-1)
    hit = same_caption.gather(1, nearest.unsqueeze(1)).float().mean()
    return {"loss": sum(losses.values()), **losses, "retrieval": hit.detach(), "logit_scale": scale.detach()}
