"""The training methods behind one small interface, so that the loop in `train.py` knows none of their maths.

A method says which inputs it needs, what is frozen, and how a batch becomes losses.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from .arguments import Arguments
from .distributed import synchronize_batch_norm
from .masking import image_patch_mask, random_point_mask
from .pointcmt import (
    ImageTeacherPass,
    PointGenerator,
    PointStudentPass,
    generator_step,
    image_teacher_step,
    pointcmt_step,
)
from .pretraining import (
    ContrastiveModel,
    PretrainingArguments,
    bound_logit_scale,
    freeze_for_pretraining,
    pretraining_mode,
    pretraining_step,
)
from .self_training import (
    EMATeacher,
    Settled,
    StudentPass,
    class_shares,
    freeze_for_self_training,
    self_training_step,
    settled_modality,
    train_mode,
)
from .supervised import SupervisedPass, freeze_unlabeled_parts, supervised_step


Batch = dict[str, torch.Tensor]


class Method:
    """What the loop needs of a method; `model` is a [`CrossMoSTModel`], but for two stages of PointCMT."""

    needs_captions = False
    needs_two_captions = False
    needs_weak_views = False
    needs_strong_views = False
    weak_views = 1  # of each object
    views_per_item: int | None = None  # where several views of an object make one item
    taught: list[str] | None = None  # the classes that labels teach; without, labels are not even read
    settled: Settled | None = None  # the modality that has nothing to learn, if there is one
    shares: torch.Tensor | None = None  # (C,) of the classes, that fairness draws to; uniform by default

    def check(self, model: Any) -> list[str]:
        """Raise ValueError where the options do not fit the model, before anything is computed.

        Returns:
            Sentences on options that have no effect on this model.
        """
        return []

    def freeze(self, model: Any) -> None:
        """Leave gradients on what this method trains."""

    def train_mode(self, model: Any) -> None:
        """Set training mode, frozen parts excepted."""
        model.train()

    def trainable(self, model: Any) -> nn.Module:
        """Return the module whose forward pass is differentiated; it is what several processes wrap."""
        raise NotImplementedError

    def step(self, wrapped: nn.Module, model: Any, teacher: EMATeacher, batch: Batch) -> Batch:
        """Return "loss" with gradient and everything to log."""
        raise NotImplementedError

    def after_step(self, model: Any) -> None:
        """Put back into bounds what the optimizer may have moved out of them."""

    def before_evaluation(self, model: Any) -> None:
        """Bring the classifier up to date."""

    def before_training(self, look: Callable[[], torch.Tensor]) -> None:
        """Heed what the untrained model says of the training split, which `look` computes, if it matters.

        It is called before `freeze`.
        """


def _student(model: CrossMoSTModel) -> CrossMoSTForSelfTraining:
    if not isinstance(model, CrossMoSTForSelfTraining):
        raise ValueError(f"Self-training needs CrossMoSTForSelfTraining, got a {type(model).__name__}: load it as one.")
    return model


class SelfTraining(Method):
    """Cross-MoST and its baseline: `self_training.py`."""

    needs_weak_views = True
    needs_strong_views = True

    def __init__(self, arguments: Arguments):
        self.arguments = arguments.method
        self.weak_views = arguments.method.teacher_views
        self.anchors: torch.Tensor | None = None
        self.chunk_size = arguments.train.per_device_train_batch_size

    def check(self, model: CrossMoSTModel) -> list[str]:
        """Check on the masks of one object that unit and ratios fit."""
        options, vision, point = self.arguments, model.config.vision_config, model.config.point_config
        if not options.masked_modeling:
            return []
        key = torch.zeros(1, dtype=torch.int64)
        image_patch_mask(key, vision.image_size, vision.patch_size, options.image_mask_unit, options.image_mask_ratio)
        if not point.has_tokens:
            return [f"masked point modeling is off: a {point.tower} tower has no tokens that could be masked."]
        centers = torch.zeros(1, point.num_groups, 3)
        random_point_mask(centers, key, options.point_mask_ratio_min, options.point_mask_ratio_max)
        return []

    def freeze(self, model: CrossMoSTModel) -> None:
        """See [`freeze_for_self_training`]."""
        freeze_for_self_training(_student(model), self.arguments, self._settled_name())

    def train_mode(self, model: CrossMoSTModel) -> None:
        """See [`self_training.train_mode`]."""
        train_mode(_student(model), self.arguments, self._settled_name())

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """Return the student's pass up to what the losses need."""
        synchronize_batch_norm(model)
        return StudentPass(_student(model), self.arguments, self.chunk_size)

    def before_training(self, look: Callable[[], torch.Tensor]) -> None:
        """Keep the anchors of the labels and the classes' shares where they are asked for, and see who is settled."""
        options = self.arguments
        counts = options.fairness and options.fairness_target != "uniform"
        if options.anchor or counts:
            self.anchors = look()
            self.shares = class_shares(self.anchors, options.fairness_target) if counts else None
            if options.anchor and options.freeze_settled and options.pseudo_label in ("joint", "sum"):
                self.settled = settled_modality(self.anchors)

    def _settled_name(self) -> str | None:
        return None if self.settled is None else self.settled.modality

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`self_training_step`]."""
        anchors = None if self.anchors is None else self.anchors[batch["index"]]
        return self_training_step(
            wrapped,
            _student(model),
            teacher,
            batch,
            batch["key"],
            self.arguments,
            self.chunk_size,
            anchors,
            self._settled_name(),
            self.shares,
        )


class Pretraining(Method):
    """ULIP, and the small CLIP before it: `pretraining.py`."""

    needs_captions = True

    def __init__(self, arguments: Arguments, set_classes: Callable[[CrossMoSTModel], object]):
        method = arguments.method
        self.chunk_size = arguments.train.per_device_train_batch_size
        self.set_classes = set_classes
        self.with_classes: WeakSet[CrossMoSTModel] = WeakSet()
        self.arguments = PretrainingArguments(
            **asdict(arguments.pretraining),
            freeze_image=method.freeze_image,
            freeze_point_tokenizer=method.freeze_point_tokenizer,
            clouds=method.cloud_augmentation(),
            label_smoothing=arguments.train.label_smoothing,
        )
        self.needs_two_captions = self.arguments.caption_contrast
        self.needs_strong_views = not self.arguments.caption_contrast

    def check(self, model: CrossMoSTModel) -> list[str]:
        """There are text and image towers, and something to train."""
        frozen = self.arguments
        if model.vision_model is None:
            raise ValueError("pretrain needs a model with an image tower; this one was saved without.")
        if model.text_model is None:
            raise ValueError("pretrain needs a model with a text tower; this one was saved without.")
        if frozen.caption_contrast and (frozen.freeze_text or not (frozen.freeze_image and frozen.freeze_point)):
            raise ValueError("caption_contrast trains the text tower alone: freeze image and point, not text.")
        return []

    def freeze(self, model: CrossMoSTModel) -> None:
        """See [`freeze_for_pretraining`]."""
        freeze_for_pretraining(model, self.arguments)

    def train_mode(self, model: CrossMoSTModel) -> None:
        """See [`pretraining_mode`]."""
        pretraining_mode(model, self.arguments)

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """All three towers in one forward pass."""
        synchronize_batch_norm(model)
        return ContrastiveModel(model, self.arguments, self.chunk_size)

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`pretraining_step`]."""
        return pretraining_step(wrapped, model, batch, batch["key"], self.arguments)

    def after_step(self, model: CrossMoSTModel) -> None:
        """See [`bound_logit_scale`]."""
        bound_logit_scale(model)

    def before_evaluation(self, model: CrossMoSTModel) -> None:
        """Make the classifier anew from the class names, wherever the text tower has moved or it was never made."""
        if not self.arguments.freeze_text or model not in self.with_classes:
            self.set_classes(model)
            self.with_classes.add(model)


class Supervised(Method):
    """Cross-entropy with labels: `supervised.py`."""

    def __init__(self, arguments: Arguments, names: list[str]):
        self.modality, self.method = arguments.supervised.modality, arguments.method
        self.train, self.taught = arguments.train, names
        self.needs_strong_views = self.modality != "point"

    def check(self, model: CrossMoSTModel) -> list[str]:
        """Look for the towers that are to be trained."""
        if self.modality != "point" and model.vision_model is None:
            raise ValueError("modality needs an image tower, and this model was saved without: pass --modality point.")
        return []

    def freeze(self, model: CrossMoSTModel) -> None:
        """See [`freeze_unlabeled_parts`]."""
        freeze_unlabeled_parts(model, self.modality, self.method.freeze_image, self.method.freeze_point_tokenizer)

    def train_mode(self, model: CrossMoSTModel) -> None:
        """Set training mode, but keep the statistics of whatever is frozen."""
        model.train()
        if self.modality == "image":
            model.point_model.eval()
        elif self.method.freeze_point_tokenizer and model.point_model.tokenizer is not None:
            model.point_model.tokenizer.eval()

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """Logits of both modalities in one forward pass."""
        synchronize_batch_norm(model)
        return SupervisedPass(model, self.train.per_device_train_batch_size)

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`supervised_step`]."""
        augmentation = self.method.cloud_augmentation()
        return supervised_step(wrapped, model, batch, self.modality, augmentation, self.train.label_smoothing)

    def after_step(self, model: CrossMoSTModel) -> None:
        """See [`bound_logit_scale`]."""
        bound_logit_scale(model)


class TeachImages(Method):
    """Stage I of PointCMT: the image teacher; `model` is an `ImageTeacher`."""

    needs_strong_views = True

    def __init__(self, arguments: Arguments, names: list[str], views: int):
        self.train, self.taught, self.views_per_item = arguments.train, names, views

    def trainable(self, model: Any) -> nn.Module:
        """Return the teacher's logits."""
        synchronize_batch_norm(model)
        return ImageTeacherPass(model, self.train.per_device_train_batch_size)

    def step(self, wrapped: nn.Module, model: Any, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`image_teacher_step`]."""
        return image_teacher_step(wrapped, batch, self.train.label_smoothing)

    def after_step(self, model: Any) -> None:
        """See [`bound_logit_scale`]."""
        bound_logit_scale(model)


class GeneratePoints(Method):
    """Stage II of PointCMT: the cross-modal point generator; `model` is a `PointGenerator`."""

    def __init__(self, arguments: Arguments, features: torch.Tensor):
        self.arguments, self.features = arguments, features

    def trainable(self, model: Any) -> nn.Module:
        """Return the generator itself."""
        return model

    def step(self, wrapped: nn.Module, model: Any, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`generator_step`]."""
        options, variant = self.arguments.supervised, self.arguments.method.loss_variant
        return generator_step(wrapped, self.features[batch["index"]], batch, options, variant)


class PointCMT(Supervised):
    """Stage III of PointCMT: the student; `pointcmt.py`.

    Args:
        arguments: options of the run.
        names: the model's classes.
        generator: of stage II.
        features: (rows of the training split, D) image features.
    """

    def __init__(self, arguments: Arguments, names: list[str], generator: PointGenerator, features: torch.Tensor):
        super().__init__(arguments, names)
        self.options, self.modality, self.needs_strong_views = arguments.supervised, "point", False
        self.generator, self.features = generator.eval().requires_grad_(False), features

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """Return the student's features and its classifier's logits of both modalities."""
        synchronize_batch_norm(model)
        return PointStudentPass(model, self.train.per_device_train_batch_size)

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`pointcmt_step`]."""
        return pointcmt_step(
            wrapped,
            model,
            self.generator,
            self.features[batch["index"]],
            batch,
            self.options,
            self.method.cloud_augmentation(),
            self.train.label_smoothing,
            self.method.loss_variant,
        )
