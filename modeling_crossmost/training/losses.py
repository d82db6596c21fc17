"""Pseudo-labels and losses of Cross-MoST (paper sections 3.1 and 3.2), one free function per term.

Every function follows the paper; `variant="official"` computes what the authors' published code does instead, so that
both can be tested. Shapes: B objects, C classes, D embedding width, P patches, G sub-clouds, T tokens, N values per
token.

With several processes, logits and embeddings are gathered (with gradient) before they get here, so that means and
negatives are global. The two masked terms and the global-local term see one process's part of the batch and take the
global count of masked tokens as `num_masked`; summed over processes, they give the global loss.

Logits and embeddings are cast to float32 first: softmax and the sums lose too much precision in bfloat16.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional as F


VARIANTS = ("paper", "official")


class PseudoLabels(NamedTuple):
    """Labels that the teacher assigns to a batch.

    Attributes:
        labels: (B,) int64 class indices, the most probable ones.
        confidence: (B,) score r_b of the modality that the label comes from.
        kept: (B,) bool, whether the confidence passes the threshold.
        from_image: (B,) bool, whether the label comes from the image (constant for the labels of one modality).
        probabilities: (B, C) of which `labels` are the most probable: soft labels.
    """

    labels: torch.Tensor
    confidence: torch.Tensor
    kept: torch.Tensor
    from_image: torch.Tensor
    probabilities: torch.Tensor


def _check_variant(variant: str) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}.")


@torch.no_grad()
def own_pseudo_labels(logits: torch.Tensor, threshold: float, from_image: bool, variant: str = "paper") -> PseudoLabels:
    """Label a batch from one modality alone (eq. 1): keep max softmax >= T; the official code keeps > T.

    Args:
        logits: (B, C) teacher logits of that modality.
        threshold: T.
        from_image: whether that modality is the image; copied into the result.
        variant: "paper" or "official".

    Returns:
        [`PseudoLabels`].

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    probabilities = logits.float().softmax(dim=-1)
    confidence, labels = probabilities.max(dim=-1)
    kept = confidence >= threshold if variant == "paper" else confidence > threshold
    return PseudoLabels(labels, confidence, kept, torch.full_like(kept, from_image), probabilities)


@torch.no_grad()
def joint_pseudo_labels(
    image_logits: torch.Tensor,
    point_logits: torch.Tensor,
    threshold: float,
    point_weight: float = 1.0,
    choose_image: torch.Tensor | None = None,
) -> PseudoLabels:
    """Label each pair from its more confident modality and keep it if that confidence r_b > T (eq. 2).

    The image wins ties. (The official code adds the two class indices in that case.)

    Args:
        image_logits: (B, C) teacher logits of the views.
        point_logits: (B, C) teacher logits of the clouds.
        threshold: T.
        point_weight: factor on the cloud's confidence, applied before comparison and threshold; the official recipes
            use 0.9 on some data sets, the paper has no such factor (1).
        choose_image: (B,) bool that overrides the choice, for the ablations of table 4 ("random", "image", "point").

    Returns:
        [`PseudoLabels`].
    """
    image, point = image_logits.float().softmax(dim=-1), point_logits.float().softmax(dim=-1)
    image_confidence, image_labels = image.max(dim=-1)
    point_confidence, point_labels = point.max(dim=-1)
    point_confidence = point_confidence * point_weight
    from_image = image_confidence >= point_confidence if choose_image is None else choose_image
    confidence = torch.where(from_image, image_confidence, point_confidence)
    labels = torch.where(from_image, image_labels, point_labels)
    probabilities = torch.where(from_image.unsqueeze(-1), image, point)
    return PseudoLabels(labels, confidence, confidence > threshold, from_image, probabilities)


@torch.no_grad()
def summed_pseudo_labels(image_logits: torch.Tensor, point_logits: torch.Tensor, threshold: float) -> PseudoLabels:
    """Label each pair from the sum of both modalities' logits, and keep it if softmax's maximum r_b > T.

    Its probabilities are the normalized product of both modalities', so that they count alike and agreement makes a
    label sure. It is not the paper's rule, which listens to one modality and forgets the other.

    Args:
        image_logits: (B, C) teacher logits of the views.
        point_logits: (B, C) teacher logits of the clouds.
        threshold: T.

    Returns:
        [`PseudoLabels`]; `from_image` says which modality is the more confident alone.
    """
    probabilities = (image_logits.float() + point_logits.float()).softmax(dim=-1)
    confidence, labels = probabilities.max(dim=-1)
    from_image = joint_pseudo_labels(image_logits, point_logits, threshold).from_image
    return PseudoLabels(labels, confidence, confidence > threshold, from_image, probabilities)


def self_training_loss(
    logits: torch.Tensor, labels: torch.Tensor, kept: torch.Tensor, variant: str = "paper"
) -> torch.Tensor:
    """Compute the cross-entropy with the kept pseudo-labels of one branch (eqs. 1 and 2; L_cls sums both branches).

    The paper divides by the batch size B, the official code by the number of kept samples. If none is kept, the loss is
    0 with a zero gradient; the official code gets NaN and stops.

    Args:
        logits: (B, C) student logits.
        labels: (B,) int64, or (B, C) probabilities, which are not the paper's.
        kept: (B,) bool.
        variant: "paper" or "official".

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    losses = F.cross_entropy(logits.float(), labels, reduction="none")
    total = torch.where(kept, losses, torch.zeros_like(losses)).sum()
    return total / (len(logits) if variant == "paper" else kept.sum().clamp(min=1))


def alignment_loss(
    image_embeds: torch.Tensor,
    point_embeds: torch.Tensor,
    temperature: torch.Tensor | float = 1.0,
    variant: str = "paper",
) -> torch.Tensor:
    """Compute cross-modal alignment (eq. 3): symmetric cross-entropy over the cosine similarities of a batch's pairs.

    The paper weights each direction by one half and divides similarities by tau; the official code sums the directions
    and has no temperature (1.0).

    Args:
        image_embeds: (B, D) embeddings of the views, normalized here.
        point_embeds: (B, D) embeddings of the clouds in the same order, normalized here.
        temperature: tau.
        variant: "paper" or "official".

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    image_embeds, point_embeds = F.normalize(image_embeds.float(), dim=-1), F.normalize(point_embeds.float(), dim=-1)
    similarity = image_embeds @ point_embeds.T / temperature  # (B images, B clouds)
    pairs = torch.arange(len(similarity), device=similarity.device)
    both = F.cross_entropy(similarity, pairs) + F.cross_entropy(similarity.T, pairs)
    return both / 2 if variant == "paper" else both


def fairness_loss(logits: torch.Tensor, shares: torch.Tensor | None = None) -> torch.Tensor:
    """Compute the fairness term of one branch (eq. 4; L_fair sums both branches): -sum_c s_c log(mean_b p_bc).

    The paper's shares s are 1/C: the minimum, log C, is reached when the batch's mean prediction is uniform. With other
    shares it is their entropy, where the mean prediction equals them. Computed in log space: a class without any
    predictions gives a large but finite loss.

    Args:
        logits: (B, C) student logits of the whole (global) batch.
        shares: (C,) of the classes, sum 1; uniform by default.
    """
    log_mean = F.log_softmax(logits.float(), dim=-1).logsumexp(dim=0) - math.log(len(logits))
    return -log_mean.mean() if shares is None else -(shares * log_mean).sum()


def patchify(pixel_values: torch.Tensor, patch_size: int) -> torch.Tensor:
    """Cut images into patches: (B, 3, H, W) -> (B, P, 3 * patch_size ** 2).

    Patches are in row-major order, their values in the order (channel, row, column).
    """
    batch, channels, height, width = pixel_values.shape
    rows, columns = height // patch_size, width // patch_size
    cells = pixel_values.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)  # unfold runs a kernel for each image


def _masked_l1(difference: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum the absolute differences (B, T, N) over the tokens marked in `mask` (B, T)."""
    return (difference.abs().sum(dim=-1) * mask).sum()


def _count(mask: torch.Tensor, num_masked: torch.Tensor | None) -> torch.Tensor:
    return (mask.sum() if num_masked is None else num_masked).clamp(min=1)


def masked_image_loss(
    predictions: torch.Tensor,
    pixel_values: torch.Tensor,
    mask: torch.Tensor,
    variant: str = "paper",
    num_masked: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute masked-image reconstruction L_mim: L1 over masked patches, divided by M N (N = 3 x pixels of a patch).

    The official code divides by the number of masked pixels and again by the number of tokens (P + 1), because it
    overwrites a variable.

    Args:
        predictions: (B, P, 3 * patch_size ** 2) reconstructed patches z.
        pixel_values: (B, 3, H, W) normalized view whose patches sigma are the targets.
        mask: (B, P) bool, true where masked. Without any masked patch the loss is 0.
        variant: "paper" or "official".
        num_masked: M of the whole batch, if `mask` covers only a part of it.

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    values = predictions.shape[-1]
    target = patchify(pixel_values, math.isqrt(values // pixel_values.shape[1]))
    total = _masked_l1(predictions.float() - target, mask) / _count(mask, num_masked)
    if variant == "paper":
        return total / values
    return total / (values // pixel_values.shape[1]) / (predictions.shape[1] + 1)


def masked_point_loss(
    predictions: torch.Tensor,
    targets: torch.Tensor,
    mask: torch.Tensor,
    variant: str = "paper",
    num_masked: torch.Tensor | None = None,
    batch_size: int | None = None,
) -> torch.Tensor:
    """Compute masked-point reconstruction L_mpm: L1 between w_m and the masked-out input token y_m, divided by M N.

    The official code compares with the mask token itself (pass it as `targets`; it receives a gradient) and divides by
    M and by the batch size.

    Args:
        predictions: (B, G, N) decoded tokens w.
        targets: (B, G, N) input tokens y, detached here; for the official variant, the expanded mask token.
        mask: (B, G) bool, true where masked. Without any masked token the loss is 0.
        variant: "paper" or "official".
        num_masked: M of the whole batch, if `mask` covers only a part of it.
        batch_size: B of the whole batch, if this is only a part of it (official variant only).

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    if variant == "paper":
        return (
            _masked_l1(predictions.float() - targets.detach(), mask) / _count(mask, num_masked) / predictions.shape[-1]
        )
    batch_size = len(predictions) if batch_size is None else batch_size
    return _masked_l1(predictions.float() - targets, mask) / _count(mask, num_masked) / batch_size


def global_local_loss(
    object_embeds: torch.Tensor,
    local_embeds: torch.Tensor,
    mask: torch.Tensor,
    num_masked: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute global-local alignment of one modality (L_lg-align sums both): the mean ||x - u_m||^2 of masked tokens.

    Both sides are unit vectors and both receive a gradient, as in the official code.

    Args:
        object_embeds: (B, D) object embeddings, unit length.
        local_embeds: (B, T, D) projected token outputs, unit length.
        mask: (B, T) bool, true where masked. Without any masked token the loss is 0.
        num_masked: M of the whole batch, if `mask` covers only a part of it.
    """
    distance = (object_embeds.float().unsqueeze(1) - local_embeds).square().sum(dim=-1)
    return (distance * mask).sum() / _count(mask, num_masked)


# --------------------------------------------------------------------------------------------------------------------
# PointCMT (arXiv 2210.04208)
# --------------------------------------------------------------------------------------------------------------------


def classifier_enhancement_loss(
    point_logits: torch.Tensor, image_logits: torch.Tensor, variant: str = "paper"
) -> torch.Tensor:
    """Compute classifier enhancement: KL(image || point) of what one classifier says of both features of an object.

    The image's side is a constant target, and the loss is the mean over the batch. The official code lets the gradient
    through the target too and sums over the batch.

    Args:
        point_logits: (B, C) of the student for the cloud.
        image_logits: (B, C) of the student's classifier for the teacher's image feature.
        variant: "paper" or "official".

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    point, image = F.log_softmax(point_logits.float(), dim=-1), F.log_softmax(image_logits.float(), dim=-1)
    if variant == "official":
        return F.kl_div(point, image, reduction="sum", log_target=True)
    return F.kl_div(point, image.detach(), reduction="batchmean", log_target=True)


def unit_box(clouds: torch.Tensor, variant: str = "paper") -> torch.Tensor:
    """Shift and scale each cloud (B, N, 3) into the unit box: longest side 1, center at the origin.

    The official code scales alike, but shifts by half of what it meant to, which leaves clouds off the center. A cloud
    that is a point (longest side below 1e-6) is only shifted.

    Raises:
        ValueError: if the variant is unknown.
    """
    _check_variant(variant)
    low, high = clouds.amin(dim=1, keepdim=True), clouds.amax(dim=1, keepdim=True)
    side = (high - low).amax(dim=-1, keepdim=True)  # (B, 1, 1)
    side = torch.where(side > 1e-6, side, torch.ones_like(side))
    if variant == "official":
        return (clouds - (low - (side - (high - low))) / 2) / side - 0.5
    return (clouds - (low + high) / 2) / side


def feature_enhancement_loss(
    point_clouds: torch.Tensor,
    image_clouds: torch.Tensor,
    distance: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    variant: str = "paper",
) -> torch.Tensor:
    """Compute the mean distance of pairs of clouds in the unit box.

    In feature enhancement both are generated, from an object's point and image features; the generator itself is
    trained with it against the object's own cloud.

    Args:
        point_clouds, image_clouds: (B, N, 3).
        distance: one of `distances.POINT_DISTANCES`.
        variant: "paper" or "official", see [`unit_box`].

    Raises:
        ValueError: if the variant is unknown.
    """
    return distance(unit_box(point_clouds.float(), variant), unit_box(image_clouds.float(), variant)).mean()
