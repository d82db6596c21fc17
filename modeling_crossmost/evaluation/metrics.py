"""Accuracy, confusion, entropy and bias of predictions: plain functions, and `evaluate.Metric` classes on top of them.

Columns are the four ways to classify an object: `image` (one view), `image_star` (all views), `point` (the cloud) and
`fused` (mean of image_star's and point's probabilities). Shapes: N or B objects, C classes. Accuracies are percentages,
divergences are in nats. The metric classes are used directly, `PointViewAccuracy(class_names)`, and need no network.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..utils.extras import importing


with importing("train"):
    import datasets
    import evaluate

from .tables import COLUMN_TITLES


COLUMNS = tuple(COLUMN_TITLES)


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
    """Counts of (true class, predicted class).

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


def mean_class_accuracy(predictions: ArrayLike, labels: ArrayLike, num_classes: int) -> float:
    """Mean of `per_class_accuracy` over the classes that occur among the labels, in percent."""
    return float(np.nanmean(per_class_accuracy(predictions, labels, num_classes)))


def predicted_classes(probabilities: ArrayLike, name: str = "probabilities") -> np.ndarray:
    """Most probable class of every object; of equal ones the first.

    Args:
        probabilities: (N, C) probabilities or logits.
        name: what error messages call them.

    Returns:
        (N,) int64.

    Raises:
        ValueError: for anything but a non-empty (N, C) array, and for NaN.
    """
    values = np.asarray(_on_host(probabilities))
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name} must be (objects, classes) with at least one of each, got shape {values.shape}.")
    if np.isnan(values).any():
        raise ValueError(
            f"{name} hold NaN in {int(np.isnan(values).any(axis=1).sum())} of {len(values)} rows; check the model."
        )
    return values.argmax(axis=1)


def accuracies(probabilities: Mapping[str, ArrayLike], labels: ArrayLike) -> dict[str, float]:
    """Top-1 of every column.

    Args:
        probabilities: column name (of `COLUMNS`) -> (N, C) probabilities; columns may be left out.
        labels: (N,) class indices in [0, C).

    Returns:
        Column name -> percent, in the order of `COLUMNS`.

    Raises:
        ValueError: for no or unknown columns, no objects, different numbers of objects, NaN, or a label outside [0, C).
    """
    _check_columns(probabilities)
    result = {}
    for column in COLUMNS:
        if column in probabilities:
            predictions = predicted_classes(probabilities[column], f"probabilities of {column!r}")
            _check_range(_class_indices(labels, "labels"), np.shape(probabilities[column])[1], "label")
            result[column] = top1(predictions, labels)
    return result


@overload
def kl_from_uniform(distribution: torch.Tensor) -> torch.Tensor: ...
@overload
def kl_from_uniform(distribution: ArrayLike) -> Any: ...
def kl_from_uniform(distribution: Any) -> Any:
    """KL(p || uniform) = sum_c p_c log(p_c C): 0 for an even distribution, log C for a certain one.

    Args:
        distribution: (..., C) probabilities along the last dimension; 0 log 0 counts as 0.

    Returns:
        (...) nats; a tensor on the same device for a tensor (no synchronisation), else NumPy.

    Raises:
        ValueError: where there is no last dimension or it is empty.
    """
    shape = np.shape(distribution)
    if not shape or shape[-1] == 0:
        raise ValueError(f"a distribution needs classes along its last dimension, got shape {tuple(shape)}.")
    if isinstance(distribution, torch.Tensor):
        # Half precision would round away the small probabilities that the logarithm makes matter.
        p = distribution.float()
        return torch.xlogy(p, p).sum(dim=-1) + math.log(shape[-1])
    values = np.asarray(distribution, dtype=np.float64)
    logarithms = np.log(values, out=np.zeros_like(values), where=values > 0)
    return (values * logarithms).sum(axis=-1) + math.log(shape[-1])


@overload
def prediction_entropy(probabilities: torch.Tensor) -> torch.Tensor: ...
@overload
def prediction_entropy(probabilities: ArrayLike) -> float: ...
def prediction_entropy(probabilities: Any) -> Any:
    """The paper's "prediction entropy" (figure 3): mean KL divergence of the predictions against uniform.

    It *rises* as predictions sharpen; the paper's name is kept for what is, strictly, log C minus the entropy.

    Args:
        probabilities: (B, C) softmax outputs.

    Returns:
        Nats between 0 and log C: a 0-dimensional tensor for a tensor, else a float.

    Raises:
        ValueError: for another shape or an empty batch.
    """
    shape = np.shape(probabilities)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"prediction_entropy needs (objects, classes) with at least one of each, got shape {tuple(shape)}."
        )
    divergence = kl_from_uniform(probabilities).mean()
    return divergence if isinstance(probabilities, torch.Tensor) else float(divergence)


@overload
def prediction_bias(predictions: torch.Tensor, num_classes: int | None = None) -> torch.Tensor: ...
@overload
def prediction_bias(predictions: ArrayLike, num_classes: int | None = None) -> float: ...
def prediction_bias(predictions: Any, num_classes: int | None = None) -> Any:
    """The paper's "biasedness" (figure 3): KL divergence of the predictions' class distribution against uniform.

    From probabilities it is the label-free variant that is logged in training (mean prediction of a batch); from class
    indices over a balanced evaluation split it is the paper's.

    Args:
        predictions: (B, C) probabilities, or (B,) class indices in [0, C).
        num_classes: C; needed for class indices.

    Returns:
        Nats between 0 (every class predicted equally often) and log C (one class only): a 0-dimensional tensor for a
        tensor (no synchronisation), else a float.

    Raises:
        ValueError: for another shape, an empty batch, class indices without `num_classes`, or (NumPy) out of range.
    """
    shape = np.shape(predictions)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(
            f"prediction_bias needs (objects, classes) probabilities or (objects,) indices, got shape {tuple(shape)}."
        )
    is_tensor = isinstance(predictions, torch.Tensor)
    if len(shape) == 2:
        values = predictions.float() if is_tensor else np.asarray(predictions, dtype=np.float64)
        shares = values.mean(0)  # (B, C) -> (C,)
    elif num_classes is None:
        raise ValueError("prediction_bias of class indices needs num_classes, got None.")
    else:
        shares = (_tensor_shares if is_tensor else _array_shares)(predictions, num_classes)
    divergence = kl_from_uniform(shares)
    return divergence if is_tensor else float(divergence)


def _tensor_shares(indices: torch.Tensor, num_classes: int) -> torch.Tensor:
    """(B,) class indices -> (C,) share of each class; scatter_add_, because bincount waits for the device."""
    counts = torch.zeros(num_classes, dtype=torch.float32, device=indices.device)
    return counts.scatter_add_(0, indices.long(), torch.ones_like(indices, dtype=torch.float32)) / len(indices)


def _array_shares(predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """(B,) class indices -> (C,) share of each class."""
    indices = _class_indices(predictions, "predictions")
    _check_range(indices, num_classes, "prediction")
    return np.bincount(indices, minlength=num_classes) / len(indices)


def _on_host(values: Any) -> Any:
    """A tensor as a NumPy array (bfloat16, which NumPy lacks, as float32); anything else unchanged."""
    if not isinstance(values, torch.Tensor):
        return values
    values = values.detach().cpu()
    return (values.float() if values.is_floating_point() else values).numpy()


def _class_indices(values: ArrayLike, name: str) -> np.ndarray:
    """(N,) int64 or one clear error."""
    indices = np.asarray(_on_host(values))
    if indices.ndim != 1 or len(indices) == 0:
        raise ValueError(f"{name} must be (objects,) with at least one object, got shape {indices.shape}.")
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"{name} must be whole class indices, got {indices.dtype}; take the argmax of probabilities first."
        )
    return indices.astype(np.int64)


def _class_pair(predictions: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Checked (N,) predictions and (N,) labels."""
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


def _check_columns(columns: Mapping[str, Any] | Sequence[str]) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or not columns:
        raise ValueError(f"columns must be one or more of {', '.join(COLUMNS)}, got {', '.join(unknown) or 'none'}.")


class PointViewMetric(evaluate.Metric):
    """What the metrics of this module share: one input of class indices per column, kept in memory.

    Args:
        class_names: the C class names, in the order of the class indices.
        columns: which of `COLUMNS` will be given.
        num_process, process_id, experiment_id, cache_dir: as for `evaluate.Metric`. One process keeps its predictions
            in memory and writes no file; several meet through files, so that `num_process > 1` needs `experiment_id`
            and a shared `cache_dir`.

    Raises:
        ValueError: for no class names, unknown columns, or several processes without `experiment_id` and `cache_dir`.
    """

    description = ""
    has_references = True

    def __init__(
        self,
        class_names: Sequence[str],
        columns: Sequence[str] = COLUMNS,
        *,
        num_process: int = 1,
        process_id: int = 0,
        experiment_id: str | None = None,
        cache_dir: str | None = None,
    ):
        _check_columns(columns)
        if not class_names:
            raise ValueError("class_names must hold at least one name, got none.")
        if num_process > 1 and (experiment_id is None or cache_dir is None):
            raise ValueError(f"num_process={num_process} needs experiment_id and a shared cache_dir to meet in.")
        self.class_names = list(class_names)
        self.columns = tuple(column for column in COLUMNS if column in columns)
        # The base class makes its cache directory even where everything stays in memory; a private one, gone at once,
        # keeps concurrent runs apart and the user's cache clean.
        with tempfile.TemporaryDirectory(prefix="crossmost_metric_") as unused:
            super().__init__(
                keep_in_memory=num_process == 1,
                cache_dir=unused if num_process == 1 else cache_dir,
                num_process=num_process,
                process_id=process_id,
                experiment_id=experiment_id,
                seed=0,
            )

    def _info(self) -> evaluate.MetricInfo:
        inputs = [*self.columns, *(["references"] if self.has_references else [])]
        return evaluate.MetricInfo(
            description=self.description,
            citation="",
            inputs_description="Class indices: one keyword argument per column, and `references` for the labels.",
            features=datasets.Features({name: datasets.Value("int64") for name in inputs}),
        )

    def _finalize(self) -> None:
        # Without this the base class fails on an empty buffer with an AttributeError.
        if self.keep_in_memory and self.writer is None:
            raise ValueError("the metric has no predictions; call add_batch at least once before compute.")
        super()._finalize()


class PointViewAccuracy(PointViewMetric):
    """Top-1, mean class accuracy and per-class accuracy of every column, in percent.

    `compute()` returns `{"image": .., "image_star": .., "point": .., "fused": .., "mean_class": A, "per_class":
    {name: A}}` with A = percent per column; classes that no object has are in neither the mean nor `per_class`.

    Example:
        >>> metric = PointViewAccuracy(["chair", "table"], columns=["point"])
        >>> metric.add_batch(point=[0, 1, 1], references=[0, 1, 0])
        >>> metric.compute()["mean_class"]
        {'point': 75.0}
    """

    description = "Top-1, mean class and per-class accuracy of an object's image, all its views, its cloud and both."

    def _compute(self, references: ArrayLike, **predictions: ArrayLike) -> dict[str, Any]:
        num_classes = len(self.class_names)
        recalls = {column: per_class_accuracy(predictions[column], references, num_classes) for column in self.columns}
        present = [i for i, recall in enumerate(recalls[self.columns[0]]) if not np.isnan(recall)]
        return {
            **{column: top1(predictions[column], references) for column in self.columns},
            "mean_class": {column: float(np.nanmean(recall)) for column, recall in recalls.items()},
            "per_class": {
                self.class_names[i]: {column: float(recall[i]) for column, recall in recalls.items()} for i in present
            },
        }


class PointViewConfusion(PointViewMetric):
    """Confusion matrix of every column: what `confusion.json` holds and `plots.py` draws.

    `compute()` returns `{"class_names": [..], column: [[count, ..], ..]}`; row = true class, column = predicted class.
    """

    description = "Confusion matrices (rows: true class, columns: predicted class) of every column."

    def _compute(self, references: ArrayLike, **predictions: ArrayLike) -> dict[str, Any]:
        matrices = {c: confusion_matrix(predictions[c], references, len(self.class_names)) for c in self.columns}
        return {"class_names": self.class_names, **{column: matrix.tolist() for column, matrix in matrices.items()}}


class PointViewBias(PointViewMetric):
    """`prediction_bias` of every column from class indices, in nats; it needs no labels.

    The paper measures it on a class-balanced split; on another the data's own imbalance is part of the number.
    """

    description = "KL divergence between the class distribution of the predictions and the uniform distribution."
    has_references = False

    def _compute(self, **predictions: ArrayLike) -> dict[str, float]:
        return {c: prediction_bias(np.asarray(predictions[c]), len(self.class_names)) for c in self.columns}
