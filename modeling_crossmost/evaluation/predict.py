"""Deterministic evaluation: one fixed view, all views, the cloud, and both together (paper section 4.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader

from ..modeling_crossmost import CrossMoSTModel, unit_length
from .metrics import predicted_classes, prediction_scores
from .tables import COLUMNS


@dataclass
class Predictions:
    """What a model says about a split, in the split's order.

    Attributes:
        probabilities: per column an (N, C) array: `image` is the first view, `image_star` all views, `point` the
            cloud, `fused` the mean of `image_star` and `point`.
        labels: (N,) class indices of the model, or `None` where the split has none.
    """

    probabilities: dict[str, np.ndarray]
    labels: np.ndarray | None


@torch.no_grad()
def predict(
    model: CrossMoSTModel, loader: DataLoader, device: torch.device, label_map: list[int] | None = None
) -> Predictions:
    """Runs a model over an evaluation loader; point grouping starts at point 0, nothing is drawn.

    Args:
        model: any CrossMoST model; its mode is restored afterwards.
        loader: of `data.loaders.evaluation_loader`; with several processes, each its own part.
        device: where the model is.
        label_map: the model's class index of each of the data set's labels; default the same order.

    Returns:
        [`Predictions`] of the whole split, on every process.
    """
    was_training = model.training
    model.eval()
    parts = [_predict_batch(model, batch, device) for batch in loader]
    model.train(was_training)
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    merged = _gather(merged)
    order = np.argsort(merged["index"])
    labels = merged["label"][order] if "label" in merged else None
    if labels is not None and label_map is not None:
        labels = np.asarray(label_map)[labels]
    return Predictions({name: merged[name][order] for name in COLUMNS}, labels)


def _predict_batch(
    model: CrossMoSTModel, batch: dict[str, torch.Tensor], device: torch.device
) -> dict[str, np.ndarray]:
    views, mask = batch["views"].to(device), batch["view_mask"].to(device)
    flat = views[mask]  # (K, 3, H, W), the batch's views, object by object
    embeds = torch.cat([model.get_image_features(chunk) for chunk in flat.split(max(len(views), 64))])
    rows = torch.arange(len(views), device=device).unsqueeze(1).expand_as(mask)[mask]
    image_logits = model.classify(embeds)
    fused = torch.zeros(len(views), embeds.shape[-1], device=device, dtype=embeds.dtype)
    star = unit_length(fused.index_add(0, rows, embeds))  # the mean's direction is the sum's
    star_logits = model.classify(star)
    if model.config.image_star_from == "logits":
        summed = torch.zeros_like(star_logits).index_add(0, rows, image_logits)
        star_logits = summed / mask.sum(dim=1, keepdim=True)
    first = mask.flatten().cumsum(0).view_as(mask)[:, 0] - 1
    point_logits = model.classify(model.get_point_features(batch["points"].to(device)))
    probabilities = {
        "image": image_logits[first].float().softmax(-1),
        "image_star": star_logits.float().softmax(-1),
        "point": point_logits.float().softmax(-1),
    }
    probabilities["fused"] = (probabilities["image_star"] + probabilities["point"]) / 2
    kept = {name: batch[name].numpy() for name in ("index", "label") if name in batch}
    return kept | {name: values.cpu().numpy() for name, values in probabilities.items()}


def _gather(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return arrays
    parts: list[dict[str, np.ndarray]] = [{}] * dist.get_world_size()
    dist.all_gather_object(parts, arrays)
    parts = [part for part in parts if part]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summarize(predictions: Predictions, class_names: Sequence[str]) -> dict:
    """Accuracies of predictions, in percent.

    Returns:
        The four columns (each `None` without labels), and with labels `mean_class`, `per_class` and `confusion`
        (class x class counts per column).
    """
    if predictions.labels is None:
        return dict.fromkeys(COLUMNS)
    classes = {name: predicted_classes(values) for name, values in predictions.probabilities.items()}
    return prediction_scores(classes, predictions.labels, class_names)


def columns_of(summary: dict) -> dict[str, float | None]:
    """The four columns of a summary, rounded to two decimals."""
    return {name: None if summary[name] is None else round(float(summary[name]), 2) for name in COLUMNS}
