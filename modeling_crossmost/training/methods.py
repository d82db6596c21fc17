"""The training methods behind one small interface, so that the loop in `train.py` knows none of their maths.

A method says which inputs it needs, what is frozen, and how a batch becomes losses.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol
from weakref import WeakSet

import torch
from torch import nn

from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from .arguments import Arguments
from .distributed import synchronize_batch_norm
from .masking import image_patch_mask, random_point_mask
from .pretraining import (
    ContrastiveModel,
    PretrainingArguments,
    bound_logit_scale,
    freeze_for_pretraining,
    pretraining_mode,
    pretraining_step,
)
from .self_training import EMATeacher, StudentPass, freeze_for_self_training, self_training_step, train_mode


Batch = dict[str, torch.Tensor]


class Method(Protocol):
    """What the loop needs of a method."""

    needs_captions: bool
    needs_two_captions: bool
    needs_weak_views: bool
    needs_strong_views: bool

    def check(self, model: CrossMoSTModel) -> None:
        """Raise ValueError where the options do not fit the model, before anything is computed."""

    def freeze(self, model: CrossMoSTModel) -> None:
        """Leave gradients on what this method trains."""

    def train_mode(self, model: CrossMoSTModel) -> None:
        """Training mode, frozen parts excepted."""

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """Return the module whose forward pass is differentiated; it is what several processes wrap."""

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """ "loss" with gradient and everything to log."""

    def after_step(self, model: CrossMoSTModel) -> None:
        """Put back into bounds what the optimizer may have moved out of them."""

    def before_evaluation(self, model: CrossMoSTModel) -> None:
        """Bring the classifier up to date."""


def _student(model: CrossMoSTModel) -> CrossMoSTForSelfTraining:
    if not isinstance(model, CrossMoSTForSelfTraining):
        raise ValueError(f"Self-training needs CrossMoSTForSelfTraining, got a {type(model).__name__}: load it as one.")
    return model


class SelfTraining:
    """Cross-MoST and its baseline: `self_training.py`."""

    needs_captions = False
    needs_two_captions = False
    needs_weak_views = True
    needs_strong_views = True

    def __init__(self, arguments: Arguments):
        self.arguments = arguments.method
        self.chunk_size = arguments.train.per_device_train_batch_size

    def check(self, model: CrossMoSTModel) -> None:
        """Check on the masks of one object that unit and ratios fit."""
        options, vision, point = self.arguments, model.config.vision_config, model.config.point_config
        if options.masked_modeling:
            key = torch.zeros(1, dtype=torch.int64)
            image_patch_mask(
                key, vision.image_size, vision.patch_size, options.image_mask_unit, options.image_mask_ratio
            )
            random_point_mask(
                torch.zeros(1, point.num_groups, 3), key, options.point_mask_ratio_min, options.point_mask_ratio_max
            )

    def freeze(self, model: CrossMoSTModel) -> None:
        """See [`freeze_for_self_training`]."""
        freeze_for_self_training(_student(model), self.arguments)

    def train_mode(self, model: CrossMoSTModel) -> None:
        """See [`self_training.train_mode`]."""
        train_mode(_student(model), self.arguments)

    def trainable(self, model: CrossMoSTModel) -> nn.Module:
        """Return the student's pass up to what the losses need."""
        synchronize_batch_norm(model)
        return StudentPass(_student(model), self.arguments, self.chunk_size)

    def step(self, wrapped: nn.Module, model: CrossMoSTModel, teacher: EMATeacher, batch: Batch) -> Batch:
        """See [`self_training_step`]."""
        student = _student(model)
        return self_training_step(wrapped, student, teacher, batch, batch["key"], self.arguments, self.chunk_size)

    def after_step(self, model: CrossMoSTModel) -> None:
        """Nothing is bounded."""

    def before_evaluation(self, model: CrossMoSTModel) -> None:
        """Do nothing: the classifier is trained with everything else."""


class Pretraining:
    """ULIP, and the small CLIP before it: `pretraining.py`."""

    needs_captions = True
    needs_weak_views = False

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
        )
        self.needs_two_captions = self.arguments.caption_contrast
        self.needs_strong_views = not self.arguments.caption_contrast

    def check(self, model: CrossMoSTModel) -> None:
        """There are text and image towers, and something to train."""
        frozen = self.arguments
        if model.vision_model is None:
            raise ValueError("pretrain needs a model with an image tower; this one was saved without.")
        if model.text_model is None:
            raise ValueError("pretrain needs a model with a text tower; this one was saved without.")
        if frozen.caption_contrast and (frozen.freeze_text or not (frozen.freeze_image and frozen.freeze_point)):
            raise ValueError("caption_contrast trains the text tower alone: freeze image and point, not text.")

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
