"""Training with labels: cross-entropy for clouds, views or both. It is the control of the methods without labels."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from ..data.augmentation import CloudAugmentation, strong_clouds
from ..data.keyed_random import Stream, keyed_integers
from ..modeling_crossmost import CrossMoSTModel
from .chunks import in_chunks
from .distances import POINT_DISTANCES
from .masking import tower_noise


MODALITIES = ("both", "point", "image")
CLIP = "clip"


@dataclass
class SupervisedOptions:
    """Options of training with labels alone; other methods ignore them.

    Args:
        modality: what `supervised` learns from: "both", "point" (clouds alone) or "image" (views alone).
        image_backbone: PointCMT's image teacher: "clip" for the model's own image tower, or the name of a timm model.
        image_pretrained: start a timm model from its pre-trained weights.
        image_teacher: folder `image_teacher` of an earlier PointCMT run, whose teacher is used instead of a new one.
        image_views: views per object and step of the image teacher's training; default all.
        image_epochs, image_learning_rate: of the image teacher (stage I); the base rate is per 256 objects.
        generator_epochs, generator_learning_rate: of the cross-modal point generator (stage II).
        generated_points: points per generated cloud (paper: 1024).
        point_distance: distance of clouds: "emd" (exact), "sinkhorn" (approximate, for a GPU) or "chamfer" (cheap).
        classifier_weight: weight of classifier enhancement (paper: 0.3).
        feature_weight: weight of feature enhancement, and of the generator's own loss (paper: 30).
    """

    _argument_group_name: ClassVar[str] = "with labels (--method supervised and pointcmt)"

    modality: str = "both"
    image_backbone: str = CLIP
    image_pretrained: bool = True
    image_teacher: str | None = None
    image_views: int | None = None
    image_epochs: int = 4
    image_learning_rate: float = 2.4e-3
    generator_epochs: int = 4
    generator_learning_rate: float = 8e-3
    generated_points: int = 256
    point_distance: str = "emd"
    classifier_weight: float = 0.3
    feature_weight: float = 30.0

    def __post_init__(self) -> None:
        if self.modality not in MODALITIES:
            raise ValueError(f"modality must be one of {', '.join(MODALITIES)}, got {self.modality!r}.")
        if self.point_distance not in POINT_DISTANCES:
            raise ValueError(
                f"point_distance must be one of {', '.join(POINT_DISTANCES)}, got {self.point_distance!r}."
            )
        names = ("image_epochs", "image_learning_rate", "generator_epochs", "generator_learning_rate")
        for name in (*names, "generated_points"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")
        for name in ("classifier_weight", "feature_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}.")
        if self.image_views is not None and self.image_views < 1:
            raise ValueError(f"image_views must be at least 1, got {self.image_views}.")


def cloud_inputs(
    model: CrossMoSTModel, points: torch.Tensor, keys: torch.Tensor, augmentation: CloudAugmentation
) -> dict[str, torch.Tensor]:
    """Augment clouds strongly and draw the rest of what the point tower takes.

    Args:
        model: whose configuration says what that is.
        points: (B, N, 3).
        keys: (B,) keys of the objects in this epoch.
        augmentation: strengths.

    Returns:
        Arguments of `model.get_point_features`.
    """
    clouds = strong_clouds(points, keys, up_axis=model.config.up_axis, augmentation=augmentation)
    inputs = {"point_values": clouds, "fps_start": keyed_integers(keys, clouds.shape[1], (), Stream.FPS_STRONG)}
    return inputs | tower_noise(model.config.point_config, keys)


def freeze_unlabeled_parts(model: CrossMoSTModel, modality: str, image: bool, tokenizer: bool) -> None:
    """Disable gradients of what the labels do not reach, or what the options freeze.

    Args:
        model: the model.
        modality: one of `MODALITIES`.
        image: whether the image tower is frozen all the same.
        tokenizer: whether the mini-PointNet of a Point-BERT tower is.
    """
    model.requires_grad_(True)
    frozen: list[nn.Module | None] = [model.text_model, model.text_projection]
    if modality == "point" or image:
        frozen += [model.vision_model, model.visual_projection]
    if modality == "image":
        frozen += [model.point_model, model.point_projection]
    elif tokenizer:
        frozen.append(model.point_model.tokenizer)
    for part in frozen:
        if part is not None:
            part.requires_grad_(False)


class SupervisedPass(nn.Module):
    """Logits of clouds and views in one forward pass, as DDP requires.

    Args:
        model: the model to train.
        chunk_size: objects per pass, see [`in_chunks`].
    """

    def __init__(self, model: CrossMoSTModel, chunk_size: int | None = None):
        super().__init__()
        self.model, self.chunk_size = model, chunk_size

    def forward(self, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """`pixel_values` (B, 3, H, W) and what [`cloud_inputs`] returns -> logits (B, C) under "image" and "point"."""
        return in_chunks(self._pass, len(next(iter(inputs.values()))), self.chunk_size, inputs)

    def _pass(self, pixel_values: torch.Tensor | None = None, **cloud: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = {}
        if pixel_values is not None:
            logits["image"] = self.model.classify(self.model.get_image_features(pixel_values))
        if cloud:
            logits["point"] = self.model.classify(self.model.get_point_features(**cloud))
        return logits


def supervised_step(
    wrapped: nn.Module,
    model: CrossMoSTModel,
    batch: dict[str, torch.Tensor],
    modality: str,
    augmentation: CloudAugmentation,
    label_smoothing: float,
) -> dict[str, torch.Tensor]:
    """Compute the mean of the modalities' cross-entropies with the labels.

    Args:
        wrapped: a [`SupervisedPass`], wrapped in DDP if there are several processes.
        model: the model inside it.
        batch: `label` and `key` (B,) and, depending on the modality, `points` (B, N, 3) and `strong_image`
            (B, 3, H, W).
        modality: one of `MODALITIES`.
        augmentation: of the clouds.
        label_smoothing: fraction of the target that is spread over all classes.

    Returns:
        "loss" (with gradient), its terms and the accuracy on this batch, as 0-dim tensors.
    """
    inputs = {} if modality == "point" else {"pixel_values": batch["strong_image"]}
    if modality != "image":
        inputs |= cloud_inputs(model, batch["points"], batch["key"], augmentation)
    logits = wrapped(**inputs)
    terms: dict[str, Any] = {}
    for name, values in logits.items():
        terms[f"loss_cls_{name}"] = F.cross_entropy(values.float(), batch["label"], label_smoothing=label_smoothing)
    for name, values in logits.items():
        terms[f"accuracy_{name}"] = batch_accuracy(values, batch["label"])
    losses = [terms[f"loss_cls_{name}"] for name in logits]
    return {"loss": torch.stack(losses).mean(), **terms}


@torch.no_grad()
def batch_accuracy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Share of a batch, 0 to 1, that logits (B, C) classify as labels (B,) say."""
    return (logits.argmax(-1) == labels).float().mean()
