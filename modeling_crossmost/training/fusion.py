"""How much views and cloud count in the answer of both, chosen without labels (`--fusion label_free`)."""

import numpy as np

from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.extras import importing
from .arguments import Arguments
from .evaluator import Evaluator
from .methods import Method


with importing("train"):
    from accelerate import Accelerator


FUSION_OBJECTS = 512


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


class FusionChooser:
    """Sets `fusion_weight` of models from objects of the training split, whose labels are not read.

    Args:
        arguments: options of the run.
        accelerator: of the run.
        processor: of the models.

    Raises:
        ValueError: a training split that is streamed, or that [`Evaluator.load`] refuses.
    """

    def __init__(self, arguments: Arguments, accelerator: Accelerator, processor: CrossMoSTProcessor):
        if arguments.data.streaming:
            raise ValueError("--fusion label_free looks at training objects again: leave --streaming out.")
        self.accelerator = accelerator
        self.objects = Evaluator.load(arguments, accelerator, processor, arguments.data.train_split)
        count = min(FUSION_OBJECTS, len(self.objects.rows))
        rows = np.linspace(0, len(self.objects.rows) - 1, count).round().astype(int)  # of all classes, if it is sorted
        self.objects.rows = self.objects.rows.select(rows).select_columns(["points", "views"])

    def __call__(self, method: Method, model: CrossMoSTModel) -> None:
        """Choose a model's weight; one without an image tower has none."""
        if model.vision_model is None:
            return
        found = self.objects.predict(method, model).probabilities
        model.config.fusion_weight = round(label_free_fusion_weight(found["image_star"], found["point"]), 3)
        self.accelerator.print(
            f"fusion: the views count {model.config.fusion_weight:.0%}, the cloud the rest, as "
            f"{len(self.objects.rows)} unlabeled training objects suggest"
        )
