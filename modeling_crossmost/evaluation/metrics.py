"""Accuracy, confusion, entropy and bias of predictions: plain functions, and one `evaluate.Metric` on top of them.

Columns are the four ways to classify an object: `image` (one view), `image_star` (all views), `point` (the cloud) and
`fused` (both together, see `CrossMoSTModel.fuse`). Shapes: N or B objects, C classes. Accuracies are percentages,
divergences are in nats.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..utils.extras import importing
from .tables import COLUMNS


with importing("train"):
    import datasets
    import evaluate


def top1(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Share of right predictions.

    Args:
        predictions: (N,) class indices.
        labels: (N,) class indices.

    Returns:
        Percent.

    Raises:
        ValueError: for no objects, different lengths, or anything but whole numbers in one dimension.
    """
    predicted, true = _class_pair(predictions, labels)
    return 100.0 * float(np.mean(predicted == true))


def confusion_matrix(predictions: ArrayLike, labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Return the counts of (true class, predicted class).

    Args:
        predictions: (N,) class indices in [0, C).
        labels: (N,) class indices in [0, C).
        num_classes: C.

    Returns:
        (C, C) int64; row = true class, column = predicted class.

    Raises:
        ValueError: as `top1`, and for an index outside [0, C).
    """
    predicted, true = _class_pair(predictions, labels)
    _check_range(predicted, num_classes, "prediction")
    _check_range(true, num_classes, "label")
    counts = np.bincount(true * num_classes + predicted, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes)  # (C * C,) -> (C, C)


def per_class_accuracy(predictions: ArrayLike, labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Recall of every class.

    Args:
        predictions: (N,) class indices in [0, C).
        labels: (N,) class indices in [0, C).
        num_classes: C.

    Returns:
        (C,) float64 percent; NaN for a class that no object has.

    Raises:
        ValueError: as `confusion_matrix`.
    """
    counts = confusion_matrix(predictions, labels, num_classes)
    objects = counts.sum(axis=1)  # (C,)
    return np.divide(100.0 * np.diag(counts), objects, out=np.full(num_classes, np.nan), where=objects > 0)


def predicted_classes(probabilities: ArrayLike) -> np.ndarray:
    """Most probable class of every object; of equal ones the first.

    Args:
        probabilities: (N, C) probabilities or logits.

    Returns:
        (N,) int64.

    Raises:
        ValueError: for anything but a non-empty (N, C) array, and for NaN.
    """
    values = np.asarray(probabilities)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"probabilities must be (objects, classes) with at least one of each, got shape {values.shape}."
        )
    if np.isnan(values).any():
        bad = int(np.isnan(values).any(axis=1).sum())
        raise ValueError(f"probabilities hold NaN in {bad} of {len(values)} rows; check the model.")
    return values.argmax(axis=1)


def prediction_scores(predictions: Mapping[str, ArrayLike], labels: ArrayLike, class_names: Sequence[str]) -> dict:
    """Accuracies and confusion matrices of every column.

    Args:
        predictions: column name of `COLUMNS` -> (N,) class indices; a model for clouds has `point` alone.
        labels: (N,) class indices.
        class_names: the C class names, in the order of the class indices.

    Returns:
        `{"image": .., "image_star": .., "point": .., "fused": .., "mean_class": A, "per_class": {name: A}, "confusion":
        {"class_names": [..], column: [[count, ..], ..]}}` with A = percent per column; classes that no object has are
        in neither `mean_class` nor `per_class`, and columns without predictions are `None` at the top and missing
        elsewhere. Rows of the matrices are true classes.

    Raises:
        ValueError: as `confusion_matrix`.
    """
    num_classes = len(class_names)
    columns = [column for column in COLUMNS if column in predictions]
    recalls = {column: per_class_accuracy(predictions[column], labels, num_classes) for column in columns}
    matrices = {column: confusion_matrix(predictions[column], labels, num_classes).tolist() for column in columns}
    return {
        **{column: top1(predictions[column], labels) if column in columns else None for column in COLUMNS},
        "mean_class": {column: float(np.nanmean(recall)) for column, recall in recalls.items()},
        "per_class": {
            name: {column: float(recall[index]) for column, recall in recalls.items()}
            for index, name in enumerate(class_names)
            if not np.isnan(recalls[columns[0]][index])
        },
        "confusion": {"class_names": list(class_names), **matrices},
    }


class PointViewMetric(evaluate.Metric):
    """`prediction_scores` for those who collect predictions with `evaluate`: used directly, without any network.

    Args:
        class_names: the C class names, in the order of the class indices.
        options: of `evaluate.Metric`, such as `num_process` and `experiment_id`.

    Example:
        >>> metric = PointViewMetric(["chair", "table"])
        >>> metric.add_batch(image=[0, 1], image_star=[0, 1], point=[0, 0], fused=[0, 1], references=[0, 1])
        >>> metric.compute()["point"]
        50.0
    """

    def __init__(self, class_names: Sequence[str], **options: Any):
        self.class_names = list(class_names)
        super().__init__(**options)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracies and confusion matrices of an object's image, all its views, its cloud and both.",
            citation="",
            inputs_description="Class indices: one keyword argument per column, and `references` for the labels.",
            features=datasets.Features(dict.fromkeys((*COLUMNS, "references"), datasets.Value("int64"))),
        )

    def _compute(self, references: ArrayLike, **predictions: ArrayLike) -> dict[str, Any]:
        return prediction_scores(predictions, references, self.class_names)


def kl_from_uniform(distribution: torch.Tensor) -> torch.Tensor:
    """KL(p || uniform) = sum_c p_c log(p_c C): 0 for an even distribution, log C for a certain one.

    Args:
        distribution: (..., C) probabilities along the last dimension; 0 log 0 counts as 0.

    Returns:
        (...) nats, on the same device, without waiting for it.
    """
    # Half precision would round away the small probabilities that the logarithm makes matter.
    p = distribution.float()
    return torch.xlogy(p, p).sum(dim=-1) + math.log(distribution.shape[-1])


def prediction_entropy(probabilities: torch.Tensor) -> torch.Tensor:
    """Compute the paper's "prediction entropy" (figure 3): mean KL divergence of the predictions against uniform.

    It *rises* as predictions sharpen; the paper's name is kept for what is, strictly, log C minus the entropy.

    Args:
        probabilities: (B, C) softmax outputs.

    Returns:
        0-dimensional, nats between 0 and log C.
    """
    return kl_from_uniform(probabilities).mean()


def prediction_bias(probabilities: torch.Tensor) -> torch.Tensor:
    """Compute the paper's "biasedness" (figure 3): KL divergence of the distribution of classes against uniform.

    From the mean prediction of a batch, which needs no labels; the paper counts classes over a balanced split.

    Args:
        probabilities: (B, C) softmax outputs.

    Returns:
        0-dimensional, nats between 0 (every class predicted equally often) and log C (one class only).
    """
    return kl_from_uniform(probabilities.float().mean(0))


def _class_indices(values: ArrayLike, name: str) -> np.ndarray:
    """(N,) int64 or one clear error."""
    indices = np.asarray(values)
    if indices.ndim != 1 or len(indices) == 0:
        raise ValueError(f"{name} must be (objects,) with at least one object, got shape {indices.shape}.")
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"{name} must be whole class indices, got {indices.dtype}; take the argmax of probabilities first."
        )
    return indices.astype(np.int64)


def _class_pair(predictions: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return checked (N,) predictions and (N,) labels."""
    predicted, true = _class_indices(predictions, "predictions"), _class_indices(labels, "labels")
    if len(predicted) != len(true):
        raise ValueError(f"there are {len(predicted)} predictions for {len(true)} labels; give one of each per object.")
    return predicted, true


def _check_range(indices: np.ndarray, num_classes: int, name: str) -> None:
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}.")
    wrong = indices[(indices < 0) | (indices >= num_classes)]
    if len(wrong):
        raise ValueError(f"{name} {wrong[0]} lies outside the {num_classes} classes 0 to {num_classes - 1}.")
