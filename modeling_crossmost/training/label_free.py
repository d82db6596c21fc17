"""What a run can say of itself without labels: how to weigh the modalities, and whether self-training helped.

Everything here is measured on objects of the training split, whose labels are not read.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..evaluation.metrics import prediction_bias, prediction_entropy
from ..evaluation.predict import Predictions
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.extras import importing
from .arguments import Arguments
from .evaluator import Evaluator, kept_folder
from .methods import Method
from .self_training import MODALITIES, SETTLED, Settled


with importing("train"):
    import torch
    from accelerate import Accelerator


LABEL_FREE_OBJECTS = 512


def label_free_fusion_weight(image: np.ndarray, point: np.ndarray) -> float:
    """Return the share of the views in the fused answer, 0 to 1, from what both modalities say of the same objects.

    A modality counts in proportion to how much the other one surprises it: with the cross-entropies H(p, q) = mean of
    -sum p log q, w = H(point, image) / (H(point, image) + H(image, point)). Where one is sure and the other hedges, the
    sure one counts more; where both are alike, the share is one half. It trusts their confidences: a modality that is
    sure of wrong answers gets too much.

    Args:
        image, point: (N, C) probabilities.
    """
    tiny = np.finfo(np.float32).tiny
    image, point = image.astype(np.float64), point.astype(np.float64)
    of_image = -(point * np.log(image.clip(min=tiny))).sum(-1).mean()
    of_point = -(image * np.log(point.clip(min=tiny))).sum(-1).mean()
    total = of_image + of_point
    return float(of_image / total) if total > 0 else 0.5


class Report(NamedTuple):
    """Label-free measures of a model on unlabeled objects; shares and confidences from 0 to 1.

    Attributes:
        confidence_image, confidence_point: mean of the largest probability, of all views and of the cloud.
        agreement: share of objects of which views and cloud name the same class.
        entropy: the paper's "prediction entropy" of the fused prediction, in nats: it rises as predictions sharpen.
        bias: KL divergence of the mean fused prediction against uniform, in nats; classes that are not balanced have
            some of it by right.
        starved_classes: share of the classes that the fused answer names less than half as often as balance would.
        same_as_before: share of objects that the fused answer classifies as it did before training.
        image_as_both, point_as_both: share of objects of which all views, or the cloud, name the class that the sum of
            both modalities' log-probabilities named before training.
    """

    confidence_image: float
    confidence_point: float
    agreement: float
    entropy: float
    bias: float
    starved_classes: float
    same_as_before: float
    image_as_both: float
    point_as_both: float


def report_of(found: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> Report:
    """Measure a model.

    Args:
        found: its probabilities (N, C) under "image_star", "point" and "fused".
        before: those of the model before training, on the same objects.
    """
    image, point, fused = found["image_star"], found["point"], found["fused"]
    named = fused.argmax(-1)
    tiny = np.finfo(np.float32).tiny
    both = sum(np.log(before[name].clip(min=tiny)) for name in ("image_star", "point")).argmax(-1)
    counts = np.bincount(named, minlength=fused.shape[1])
    values = (
        image.max(-1).mean(),
        point.max(-1).mean(),
        (image.argmax(-1) == point.argmax(-1)).mean(),
        prediction_entropy(torch.from_numpy(fused)).item(),
        prediction_bias(torch.from_numpy(fused)).item(),
        (counts < 0.5 * len(fused) / fused.shape[1]).mean(),
        (named == before["fused"].argmax(-1)).mean(),
        (image.argmax(-1) == both).mean(),
        (point.argmax(-1) == both).mean(),
    )
    return Report(*(round(float(value), 4) for value in values))


def doubt_before_training(before: Report, frozen: Settled | None = None) -> str | None:
    """Say why training is likely to harm a modality, `None` if it is not; see [`self_training.settled_modality`].

    Args:
        before: of the model before training.
        frozen: the modality that will not be trained.
    """
    shares = {"image": before.image_as_both, "point": before.point_as_both}
    settled = max(share for name, share in shares.items() if frozen is None or name != frozen.modality)
    if settled > SETTLED:
        return f"one modality alone names what both do of {settled:.0%} of the objects: there is too little to learn"
    return None


def doubt_about_training(before: Report, after: Report, frozen: Settled | None = None) -> str | None:
    """Say why the weights before training should be kept, `None` if training seems to have helped.

    The labels come from what both modalities say. Whoever learned them comes nearer to what both said at first, which
    is better than what either did; whoever drifts away was harmed, by a rate that is too large for example.
    """
    if (doubt := doubt_before_training(before, frozen)) is not None:
        return doubt
    for modality, name in MODALITIES.items():
        first, last = (getattr(report, f"{modality}_as_both") for report in (before, after))
        if last < first:
            return f"{name} agree less with what both said before training ({last:.1%} instead of {first:.1%})"
    return None


def opinions(
    arguments: Arguments,
    accelerator: Accelerator,
    processor: CrossMoSTProcessor,
    method: Method,
    model: CrossMoSTModel,
) -> torch.Tensor:
    """Return what a model says of the training split: log-probabilities (N, 2, C) of all views and of the cloud.

    Raises:
        ValueError: a training split that [`Evaluator.load`] refuses.
    """
    objects = Evaluator.load(
        arguments, accelerator, processor, arguments.data.train_split, streaming=arguments.data.streaming
    )
    accelerator.print(f"anchor: looking at all views of {len(objects.rows)} training objects, once")
    views, folder = arguments.data.num_views, kept_folder(arguments, "anchor")
    found = objects.predict(method, model, views, folder, title="anchor").probabilities
    tiny = np.finfo(np.float32).tiny
    stacked = np.stack([found["image_star"], found["point"]], axis=1).clip(min=tiny)
    return torch.from_numpy(np.log(stacked)).to(accelerator.device)


class LabelFree:
    """Looks at the same unlabeled objects with any model.

    Args:
        arguments: options of the run.
        accelerator: of the run.
        processor: of the models.

    Raises:
        ValueError: a training split that [`Evaluator.load`] refuses.
    """

    def __init__(self, arguments: Arguments, accelerator: Accelerator, processor: CrossMoSTProcessor):
        self.accelerator = accelerator
        self.objects = Evaluator.load(
            arguments, accelerator, processor, arguments.data.train_split, streaming=arguments.data.streaming
        )
        count = min(LABEL_FREE_OBJECTS, len(self.objects.rows))
        spread = np.linspace(0, len(self.objects.rows) - 1, count).round()  # of all classes, where rows are sorted
        rows = spread.astype(int).tolist()
        self.objects.rows = self.objects.rows.select(rows).select_columns(["points", "views"])

    def look(self, method: Method, model: CrossMoSTModel, folder: Path | None = None) -> dict[str, np.ndarray]:
        """Return a model's probabilities (N, C) by column, kept in a folder; see [`Evaluator.predict`]."""
        found: Predictions = self.objects.predict(method, model, folder=folder)
        return found.probabilities

    def choose_fusion(self, model: CrossMoSTModel, found: dict[str, np.ndarray]) -> None:
        """Set a model's `fusion_weight` from what it said; one without an image tower has none."""
        if model.vision_model is None:
            return
        weight = round(label_free_fusion_weight(found["image_star"], found["point"]), 3)
        model.config.fusion_weight = weight
        image, point = torch.from_numpy(found["image_star"]), torch.from_numpy(found["point"])
        found["fused"] = model.fuse(image, point).numpy()
        self.accelerator.print(
            f"fusion: the views count {weight:.0%}, the cloud the rest, as {len(image)} unlabeled training objects "
            "suggest"
        )

    def warn(self, before: Report, frozen: Settled | None) -> None:
        """Say at the start what [`choose_weights`] will decide by the model before training alone."""
        if (doubt := doubt_before_training(before, frozen)) is not None:
            self.accelerator.print(
                f"note: {doubt}. The weights of before training will be kept; --select last keeps the trained ones."
            )

    def choose_weights(self, before: Report, after: Report, frozen: Settled | None) -> str | None:
        """Print both reports and the choice; return why the weights of before training are kept, `None` if not."""
        width = max(map(len, Report._fields))
        lines = [f"{'without labels':<{width}}   before   after"]
        for name, first, last in zip(Report._fields, before, after, strict=True):
            lines.append(f"{name:<{width}}   {first:6.3f}  {last:6.3f}")
        doubt = doubt_about_training(before, after, frozen)
        verdict = (
            "training helped, as far as this shows"
            if doubt is None
            else f"the weights before training are kept: {doubt}"
        )
        self.accelerator.print("\n".join(["", *lines, verdict]))
        return doubt
