"""Deterministic evaluation on one fixed view, all views, the cloud, and both modalities together (section 4.1)."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..modeling_crossmost import CrossMoSTModel, unit_length
from .metrics import predicted_classes, prediction_scores
from .tables import COLUMNS


@dataclass
class Predictions:
    """A model's predictions on a split, in the split's order.

    Attributes:
        probabilities: per column an (N, C) array: `image` is the first view, `image_star` all views, `point` the
            cloud, `fused` both together (`model.fuse`). A model without an image tower has `point` alone.
        labels: (N,) class indices of the model, or `None` if the split has no labels.
    """

    probabilities: dict[str, np.ndarray]
    labels: np.ndarray | None


@torch.no_grad()
def predict(
    model: CrossMoSTModel,
    loader: DataLoader,
    device: torch.device,
    label_map: list[int] | None = None,
    autocast: Callable[[], AbstractContextManager] = nullcontext,
    before: Sequence[dict[str, np.ndarray]] = (),
    keep: Callable[[dict[str, np.ndarray]], object] = lambda part: None,
    title: str | None = None,
) -> Predictions:
    """Run a model over an evaluation loader; nothing is random, and point grouping starts at point 0.

    Args:
        model: any CrossMoST model; its mode is restored afterwards.
        loader: from `data.loaders.evaluation_loader`; with several processes, each iterates over its own part.
        device: the model's device.
        label_map: the model's class index for each of the data set's labels; by default they are the same.
        autocast: makes the context in which the towers run, such as `accelerator.autocast`.
        before: parts of an evaluation that was cut, whose objects the loader leaves out.
        keep: called with every new part, for such an evaluation to go on from.
        title: of a progress bar; without one there is none.

    Returns:
        [`Predictions`] of the whole split, on every process.
    """
    was_training = model.training
    model.eval()
    normalize = loader.dataset.transform.normalize  # type: ignore[attr-defined] # of an EvaluationDataset
    rows = _Rows(sum(len(part["index"]) for part in before) + len(loader.sampler))  # type: ignore[arg-type] # a range
    for part in before:
        rows.add(part)
    for batch in tqdm(loader, desc=title, unit="batch", disable=title is None, leave=False):
        part = _predict_batch(model, batch, device, autocast, normalize)
        rows.add(part)
        keep(part)
    model.train(was_training)
    merged = _gather(rows.columns)
    order = np.argsort(merged["index"])  # process r of P holds rows r, r + P, ...
    labels = merged["label"][order] if "label" in merged else None
    if labels is not None and label_map is not None:
        labels = np.asarray(label_map)[labels]
    return Predictions({name: merged[name][order] for name in COLUMNS if name in merged}, labels)


class _Rows:
    """Arrays of all objects, filled batch by batch: many small ones would keep the heap from being used again.

    Args:
        count: number of objects.
    """

    def __init__(self, count: int):
        self.count, self.filled = count, 0
        self.columns: dict[str, np.ndarray] = {}

    def add(self, part: dict[str, np.ndarray]) -> None:
        """Copy the next objects' values."""
        for name, values in part.items():
            if name not in self.columns:
                self.columns[name] = np.zeros((self.count, *values.shape[1:]), values.dtype)
            self.columns[name][self.filled : self.filled + len(values)] = values
        self.filled += len(part["index"])


def _predict_batch(
    model: CrossMoSTModel,
    batch: dict[str, torch.Tensor],
    device: torch.device,
    autocast: Callable[[], AbstractContextManager],
    normalize: Callable[[torch.Tensor], torch.Tensor],
) -> dict[str, np.ndarray]:
    kept = {name: batch[name].numpy() for name in ("index", "label") if name in batch}
    with autocast():
        point_embeds = model.get_point_features(batch["points"].to(device))
    probabilities = {"point": model.classify(point_embeds).float().softmax(-1)}
    if model.vision_model is not None:
        views, mask = batch["views"].to(device), batch["view_mask"].to(device)
        probabilities |= image_probabilities(model, views, mask, normalize, autocast)
        probabilities["fused"] = model.fuse(probabilities["image_star"], probabilities["point"])
    return kept | {name: values.cpu().numpy() for name, values in probabilities.items()}


def image_probabilities(
    model: CrossMoSTModel,
    views: torch.Tensor,
    mask: torch.Tensor,
    normalize: Callable[[torch.Tensor], torch.Tensor],
    autocast: Callable[[], AbstractContextManager] = nullcontext,
) -> dict[str, torch.Tensor]:
    """Columns "image" and "image_star" (B, C) of views (B, V, 3, H, W) uint8, those in `mask` (B, V).

    Args:
        model: with an image tower.
        views, mask: of `collate_evaluation`, on the model's device.
        normalize: of the [`EvalImageTransform`] that made the views.
        autocast: as of [`predict`].
    """
    device = views.device
    flat = views[mask]  # (K, 3, H, W) uint8, the batch's views, object by object
    # Objects may have many views: embedding them in chunks bounds the memory.
    with autocast():
        chunks = flat.split(max(len(views), 64))
        embeds = torch.cat([model.get_image_features(normalize(chunk)) for chunk in chunks])
    rows = torch.arange(len(views), device=device).unsqueeze(1).expand_as(mask)[mask]
    image_logits = model.classify(embeds)
    fused = torch.zeros(len(views), embeds.shape[-1], device=device, dtype=embeds.dtype)
    star = unit_length(fused.index_add(0, rows, embeds))  # the sum has the direction of the mean
    star_logits = model.classify(star)
    if model.config.image_star_from == "logits":
        summed = torch.zeros_like(star_logits).index_add(0, rows, image_logits)
        star_logits = summed / mask.sum(dim=1, keepdim=True)
    first = mask.flatten().cumsum(0).view_as(mask)[:, 0] - 1  # row of each object's first view in `flat`
    return {"image": image_logits[first].float().softmax(-1), "image_star": star_logits.float().softmax(-1)}


def _gather(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return arrays
    parts: list[dict[str, np.ndarray]] = [{}] * dist.get_world_size()
    dist.all_gather_object(parts, arrays)
    parts = [part for part in parts if part]  # a process may have no objects
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summarize(predictions: Predictions, class_names: Sequence[str]) -> dict:
    """Compute the accuracies of predictions, in percent.

    Returns:
        The four columns (each `None` without labels) and, with labels, `mean_class`, `per_class` and `confusion`
        (class x class counts per column).
    """
    if predictions.labels is None:
        return dict.fromkeys(COLUMNS)
    classes = {name: predicted_classes(values) for name, values in predictions.probabilities.items()}
    return prediction_scores(classes, predictions.labels, class_names)


def columns_of(summary: dict) -> dict[str, float | None]:
    """Return the four columns of a summary, rounded to two decimals."""
    return {name: None if summary[name] is None else round(float(summary[name]), 2) for name in COLUMNS}
