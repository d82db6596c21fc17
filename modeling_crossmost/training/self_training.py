"""One self-training step: EMA teacher, pseudo-labels, masked student pass, losses (paper section 3.2, figure 2).

All randomness of a step comes from keys of (seed, epoch, object), and all means and negatives are over the global
batch. Two processes therefore compute exactly what one process computes with the same batch.
"""

import contextlib
import copy
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import nn

from ..data.augmentation import CloudAugmentation, strong_clouds, weak_clouds
from ..data.keyed_random import Stream, keyed_integers, keyed_uniform
from ..evaluation.metrics import kl_from_uniform, prediction_bias, prediction_entropy
from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTSelfTrainingOutput
from ..point_ops_crossmost import PointGroups
from .chunks import in_chunks
from .distributed import gather_batch, gather_batches, global_sum, world_size
from .losses import (
    VARIANTS,
    PseudoLabels,
    alignment_loss,
    fairness_loss,
    global_local_loss,
    joint_pseudo_labels,
    masked_image_loss,
    masked_point_loss,
    own_pseudo_labels,
    self_training_loss,
    summed_pseudo_labels,
)
from .masking import image_patch_mask, random_point_mask, tower_noise
from .sharding import local


PSEUDO_LABELS = ("joint", "sum", "image", "point", "random", "own")

FAIRNESS_TARGETS = ("auto", "start", "uniform")

# KL divergence from uniform, in nats, up to which the shares that a model finds say nothing against balanced classes:
# furniture `scan`, which is balanced, has 0.009 before training, `imbalanced` 0.12.
BALANCED = 0.03

MODALITIES = {"image": "the views", "point": "the clouds"}

# Above this share of objects on which one modality says before training what both say together, it has too little to
# learn: two of the runs in this folder's README lay above (0.95), and training it did harm. Where the other one does so
# of less than the second share, only its own certainty speaks for the first, which may be sure of nonsense.
SETTLED, SUPPORTED = 0.9, 0.5


@dataclass
class SelfTrainingArguments:
    """The method: pseudo-labels, loss terms, and which parts are trained.

    Labels, threshold and the views' crop default to what does best on generated data; strengths, masks and weights to
    values that suit the bundled mini checkpoint, which is small and was not pre-trained with masks. `--preset paper`
    has the paper's values.

    Args:
        pseudo_label: "sum" (from the sum of both modalities' logits), "joint" (from the more confident modality, the
            paper's), "image", "point" or "random" (table 4), or "own" (each modality labels itself, the baseline).
        teacher_views: views of an object that the teacher labels it from, as Image* (paper: 1); where the data has
            fewer, they repeat.
        anchor: share of what the model said of all views and of the cloud before training in the logits that labels are
            made of (paper: 0). It is computed once and does not move, so that errors cannot feed on themselves.
        soft_labels: learn the probabilities that a label is the most probable of, and not the label (paper: false;
            default true with --method crossmost).
        freeze_settled: with joint or summed labels, where the anchors show that one modality alone names what both do
            of more than 90 % of the objects, and the other of more than half, keep the first as it is, and the
            classifier with it: it could only lose, the other one learns.
        confidence_threshold: T of eqs. 1 and 2; 0 keeps all labels.
        confidence_threshold_image, confidence_threshold_point: thresholds for "own"; default `confidence_threshold`.
        point_confidence_weight: factor on the cloud's confidence in joint labels (official recipes: 0.9 or 1).
        align: use cross-modal feature alignment (eq. 3).
        align_temperature: tau; default 1 / exp(logit_scale), detached. The official code has 1.0.
        fairness: use fairness regularization (eq. 4).
        fairness_target: what the mean prediction is drawn to: "start", the shares of the classes in what the model says
            of all objects before training, "uniform" (paper), which takes classes to be alike in number, or "auto":
            the first where these shares are clearly not uniform, else the second.
        masked_modeling: use masked image and point modeling with global-local alignment.
        loss_variant: "paper", or "official" for what the published code computes.
        align_weight, fairness_weight, masked_image_weight, masked_point_weight, global_local_weight: weights of the
            loss terms.
        point_loss_weight: weight of the loss terms that involve the cloud alone.
        image_mask_ratio, image_mask_unit: fraction of masked squares and their side in pixels (default: a seventh of
            the view's side, as in the paper).
        point_mask_ratio_min, point_mask_ratio_max: range of the fraction of masked sub-clouds.
        freeze_image: keep the image tower and its projection fixed; also used in pre-training.
        freeze_point_tokenizer: keep the mini-PointNet and its BatchNorm statistics fixed; also used in pre-training.
        strong_scale: range of the scale factor of the student's clouds.
        strong_turn: largest rotation of the student's cloud about the up axis, in degrees; uniform from 0.
        strong_shift: largest translation along each axis, as a fraction of the extent.
        strong_jitter: standard deviation of the noise on every coordinate, as a fraction of the radius.
        strong_dropout: largest fraction of dropped points.
        strong_crop: range of the crop box's edges, as fractions of the extents.
        strong_image_crop: range of the area of the student's random resized crop, as fractions of the view's; 1 1 keeps
            the whole view, and with it the proportions that tell a night stand from a dresser.
        rand_augment: timm's RandAugment specification for the student's view, or "none".
    """

    _argument_group_name: ClassVar[str] = "self-training (--method crossmost and baseline)"

    pseudo_label: str = "sum"
    teacher_views: int = 1
    anchor: float = 0.5
    soft_labels: bool = False
    freeze_settled: bool = True
    confidence_threshold: float = 0.0
    confidence_threshold_image: float | None = None
    confidence_threshold_point: float | None = None
    point_confidence_weight: float = 1.0
    align: bool = True
    align_temperature: float | None = None
    fairness: bool = True
    fairness_target: str = "auto"
    masked_modeling: bool = True
    loss_variant: str = "paper"
    align_weight: float = 1.0
    fairness_weight: float = 1.0
    masked_image_weight: float = 0.1
    masked_point_weight: float = 0.1
    global_local_weight: float = 0.02
    point_loss_weight: float = 1.0
    image_mask_ratio: float = 0.1
    image_mask_unit: int | None = None
    point_mask_ratio_min: float = 0.05
    point_mask_ratio_max: float = 0.15
    freeze_image: bool = False
    freeze_point_tokenizer: bool = True
    strong_scale: list[float] = field(default_factory=lambda: [1.0, 1.0])
    strong_turn: float = 360.0
    strong_shift: float = 0.0
    strong_jitter: float = 0.01
    strong_dropout: float = 0.3
    strong_crop: list[float] = field(default_factory=lambda: [0.9, 1.0])
    strong_image_crop: list[float] = field(default_factory=lambda: [1.0, 1.0])
    rand_augment: str = "none"

    def __post_init__(self) -> None:
        self.cloud_augmentation(), self.image_crop()  # called for their checks alone
        if self.loss_variant not in VARIANTS:
            raise ValueError(f"loss_variant must be one of {', '.join(VARIANTS)}, got {self.loss_variant!r}.")
        if self.pseudo_label not in PSEUDO_LABELS:
            raise ValueError(f"pseudo_label must be one of {', '.join(PSEUDO_LABELS)}, got {self.pseudo_label!r}.")
        if self.fairness_target not in FAIRNESS_TARGETS:
            raise ValueError(
                f"fairness_target must be one of {', '.join(FAIRNESS_TARGETS)}, got {self.fairness_target!r}."
            )
        if self.teacher_views < 1:
            raise ValueError(f"teacher_views must be at least 1, got {self.teacher_views}.")
        for name in ("anchor", "confidence_threshold", "confidence_threshold_image", "confidence_threshold_point"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must lie between 0 and 1, got {value}.")
        if not 0.0 <= self.image_mask_ratio <= 1.0:
            raise ValueError(f"image_mask_ratio must lie between 0 and 1, got {self.image_mask_ratio}.")
        low, high = self.point_mask_ratio_min, self.point_mask_ratio_max
        if not 0.0 <= low <= high <= 1.0:
            raise ValueError(f"point_mask_ratio_min and _max must be 0 <= min <= max <= 1, got {low} and {high}.")
        if self.align_temperature is not None and self.align_temperature <= 0:
            raise ValueError(f"align_temperature must be positive, got {self.align_temperature}.")

    def cloud_augmentation(self) -> CloudAugmentation:
        """Return the strengths of weak and strong clouds.

        Raises:
            ValueError: if a strength is out of bounds.
        """
        return CloudAugmentation(
            strong_scale=_both_ends("strong_scale", self.strong_scale),
            strong_turn=math.radians(self.strong_turn),
            strong_shift=self.strong_shift,
            jitter_std=self.strong_jitter,
            dropout=self.strong_dropout,
            crop_size=_both_ends("strong_crop", self.strong_crop),
        )

    def image_crop(self) -> tuple[float, float]:
        """Return the smallest and largest area of the strong image crop, as fractions of the view's.

        Raises:
            ValueError: if `strong_image_crop` does not hold two numbers.
        """
        return _both_ends("strong_image_crop", self.strong_image_crop)


def _both_ends(name: str, values: list[float]) -> tuple[float, float]:
    """Check a range from the command line, where a list may have any length."""
    if len(values) != 2:
        raise ValueError(f"{name} is {values}; give two positive numbers, the smaller one first.")
    return values[0], values[1]


# --------------------------------------------------------------------------------------------------------------------
# Teacher
# --------------------------------------------------------------------------------------------------------------------


def ema_decay_at(
    step: int, start: float = 0.99, end: float = 0.9998, ramp_steps: int = 400, batch_ratio: float = 1.0
) -> float:
    """Return mu of Delta = mu Delta + (1 - mu) theta: linear from `start` to `end` over `ramp_steps` steps.

    Args:
        step: optimizer step, counted from 0.
        start, end, ramp_steps: as chosen for the reference batch.
        batch_ratio: k, the batch in units of the reference batch. A step then stands for k of the reference's, and the
            teacher forgets as much as in k of them (EMA scaling rule, arXiv 2307.13813): mu to the power of k.
    """
    progress = min(1.0, step * batch_ratio / ramp_steps) if ramp_steps > 0 else 1.0
    return (start + (end - start) * progress) ** batch_ratio


class EMATeacher:
    """Exponential moving average of a student, always in evaluation mode and without gradient (section 3.2).

    Frozen parameters are copied once. Floating-point buffers are averaged like weights, as in the official code;
    integer buffers are copied (the official code averages and truncates them).

    Args:
        student: the model to follow; it is copied. `embed` needs a [`CrossMoSTModel`].
        autocast: makes the context in which the towers run, such as `accelerator.autocast`.
        model: a copy of the student to use, where it cannot be copied because its weights are divided, as the copy's.
    """

    def __init__(
        self,
        student: nn.Module,
        autocast: Callable[[], AbstractContextManager] = contextlib.nullcontext,
        model: nn.Module | None = None,
    ):
        copied = copy.deepcopy(student) if model is None else model
        self.model: Any = copied.eval().requires_grad_(False)
        self.autocast = autocast
        self._follow(student)

    def embed(self, views: torch.Tensor, clouds: torch.Tensor, start: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the embeddings "image" and "point", (B, D) each.

        Args:
            views: (B, 3, H, W), normalized, or (B, V, 3, H, W) for the embeddings "image" (B, V, D) of several.
            clouds: (B, N, 3).
            start: (B,) indices of the points that grouping starts at.
        """
        with self.autocast():
            return self._embed(views, clouds, start)

    def _embed(self, views: torch.Tensor, clouds: torch.Tensor, start: torch.Tensor) -> dict[str, torch.Tensor]:
        image = self.model.get_image_features(views if views.dim() == 4 else views.flatten(0, 1))
        if views.dim() == 5:
            image = image.unflatten(0, views.shape[:2])
        return {"image": image, "point": self.model.get_point_features(clouds, fps_start=start)}

    def compile(self, **options: Any) -> None:
        """Compile what a step runs, with options of `torch.compile`; evaluation, whose batches vary, stays as it is."""
        self._embed = torch.compile(self._embed, **options)  # type: ignore[method-assign]

    @torch.no_grad()
    def _follow(self, student: nn.Module) -> None:
        """List once what every update reads and writes: walking through both models takes longer than averaging."""
        self._student = student
        ours, theirs = (
            {name: local(value) for name, value in [*module.named_parameters(), *module.named_buffers()]}
            for module in (self.model, student)
        )
        frozen = {name for name, value in student.named_parameters() if not value.requires_grad}
        for name in frozen:
            ours[name].copy_(theirs[name])
        averaged = [name for name, value in ours.items() if name not in frozen and value.is_floating_point()]
        copied = [name for name, value in ours.items() if not value.is_floating_point()]
        self._averaged = [ours[name] for name in averaged], [theirs[name] for name in averaged]
        self._copied = [ours[name] for name in copied], [theirs[name] for name in copied]

    @torch.no_grad()
    def update(self, student: nn.Module, decay: float) -> None:
        """Update the average: Delta = mu Delta + (1 - mu) theta.

        Args:
            student: the unwrapped student, same structure as the teacher; its parameters may not be replaced by others.
            decay: mu.
        """
        if student is not self._student:
            self._follow(student)
        torch._foreach_lerp_(*self._averaged, 1.0 - decay)
        if self._copied[0]:  # which a model without BatchNorm has none of
            torch._foreach_copy_(*self._copied)


def class_shares(anchors: torch.Tensor, target: str = "start") -> torch.Tensor | None:
    """Return the shares (C,) of the classes in what a model says of all objects: the mean of its probabilities.

    Args:
        anchors: (N, 2, C) log-probabilities of all views and of the cloud.
        target: one of `FAIRNESS_TARGETS`.

    Returns:
        `None` where fairness is to draw to uniform shares.
    """
    shares = anchors.sum(dim=1).softmax(dim=-1).mean(dim=0)
    # Mean divergence of so few objects, drawn of balanced classes.
    by_chance = (len(shares) - 1) / (2 * len(anchors))
    if target == "uniform" or (target == "auto" and kl_from_uniform(shares) <= BALANCED + by_chance):
        return None
    return shares


class Settled(NamedTuple):
    """A modality that has nothing to learn: "image" or "point", and the share of the objects that shows it."""

    modality: str
    share: float

    def __str__(self) -> str:
        who = MODALITIES[self.modality]
        return (
            f"{who} alone name what both do of {self.share:.0%} of the objects: they have nothing to learn, and stay "
            "as they are with the classifier"
        )


def settled_modality(anchors: torch.Tensor) -> Settled | None:
    """Find a modality that already says what both do.

    What a modality learns are the labels of both, on the objects where it says something else. Where there are few of
    these, it learns next to nothing, and pays with what fine-tuning costs.

    Args:
        anchors: (N, 2, C) log-probabilities of all views and of the cloud before training.

    Returns:
        `None` where both have something to learn, where neither has, and where they hardly agree on anything.
    """
    both = anchors.sum(dim=1).argmax(dim=-1)
    shares = (anchors.argmax(dim=-1) == both[:, None]).float().mean(dim=0).tolist()
    share, name = max(zip(shares, MODALITIES, strict=True))
    return Settled(name, round(share, 4)) if share > SETTLED >= min(shares) > SUPPORTED else None


def freeze_for_self_training(
    model: CrossMoSTForSelfTraining, arguments: SelfTrainingArguments, settled: str | None = None
) -> None:
    """Disable gradients of everything that the arguments freeze or that no loss term reaches.

    Args:
        model: the student.
        arguments: the method.
        settled: the modality, "image" or "point", that stays as it is, and with it classifier and logit scale.
    """
    model.requires_grad_(True)
    # Text embeddings only define the classifier. DDP waits for every parameter's gradient, so none may be left over.
    frozen: list[nn.Module | nn.Parameter | None] = [model.text_model, model.text_projection]
    if settled is not None:
        frozen += [model.classifier, model.logit_scale]
    if settled == "image":
        frozen += [model.vision_model, model.visual_projection]
        frozen += [model.image_mask_token, model.patch_layernorm, model.pixel_decoder]
    elif settled == "point":
        frozen += [model.point_model, model.point_projection]
        frozen += [model.point_mask_token, model.token_decoder, model.point_local_projection]
    if arguments.freeze_point_tokenizer:
        frozen.append(model.point_model.tokenizer)
    if arguments.freeze_image:
        frozen += [model.vision_model, model.visual_projection]
    if not arguments.masked_modeling:
        frozen += [model.image_mask_token, model.point_mask_token, model.patch_layernorm]
        frozen += [model.pixel_decoder, model.token_decoder, model.point_local_projection]
    for part in frozen:
        if part is not None:
            part.requires_grad_(False)


def train_mode(model: CrossMoSTForSelfTraining, arguments: SelfTrainingArguments, settled: str | None = None) -> None:
    """Set training mode, but keep what is frozen in evaluation mode: its BatchNorm statistics are frozen too."""
    model.train()
    if settled is not None:
        (model.vision_model if settled == "image" else model.point_model).eval()
    if arguments.freeze_point_tokenizer and model.point_model.tokenizer is not None:
        model.point_model.tokenizer.eval()


# --------------------------------------------------------------------------------------------------------------------
# Step
# --------------------------------------------------------------------------------------------------------------------


@dataclass
class StudentInputs:
    """The student's inputs: strong clouds, strong views, masks and noise (see `CrossMoSTForSelfTraining.forward`).

    Clouds are grouped already where the tower makes tokens of sub-clouds, which the mask refers to.
    """

    pixel_values: torch.Tensor
    groups: PointGroups | None = None
    point_values: torch.Tensor | None = None
    fps_start: torch.Tensor | int = 0
    bool_masked_pos: torch.Tensor | None = None
    point_bool_masked_pos: torch.Tensor | None = None
    dropout_noise: torch.Tensor | None = None


class MaskCounts(NamedTuple):
    """Numbers of masked tokens in the global batch and of its objects, by which the masked terms are divided."""

    image: torch.Tensor
    point: torch.Tensor
    batch_size: int


class StudentPass(nn.Module):
    """The student's forward pass up to what the losses of the whole batch need; several processes wrap this.

    The losses of masked tokens belong to one object each. They are computed here, so that predictions of all tokens of
    a large batch need not be kept.

    Args:
        model: the student.
        arguments: the method.
        chunk_size: objects per pass, see [`in_chunks`].
    """

    def __init__(
        self, model: CrossMoSTForSelfTraining, arguments: SelfTrainingArguments, chunk_size: int | None = None
    ):
        super().__init__()
        self.model, self.arguments, self.chunk_size = model, arguments, chunk_size

    def forward(self, counts: MaskCounts | None, **inputs: Any) -> dict[str, torch.Tensor]:
        """Run the student on the fields of [`StudentInputs`].

        Returns:
            As [`reduce_output`].
        """
        return in_chunks(self._pass, len(inputs["pixel_values"]), self.chunk_size, inputs | {"counts": counts})

    def _pass(self, counts: MaskCounts | None, **inputs: Any) -> dict[str, torch.Tensor]:
        return reduce_output(self.model, self.model(**inputs), StudentInputs(**inputs), self.arguments, counts)


def student_inputs(
    model: CrossMoSTForSelfTraining,
    batch: dict[str, torch.Tensor],
    keys: torch.Tensor,
    arguments: SelfTrainingArguments,
    chunk_size: int | None = None,
) -> StudentInputs:
    """Augment a batch strongly, group its clouds and draw its masks.

    Args:
        model: the unwrapped student, used for its configuration and grouping only.
        batch: `points` (B, N, 3) and `strong_image` (B, 3, H, W).
        keys: (B,) keys of the objects in this epoch.
        arguments: strengths and masks.
        chunk_size: clouds to group at a time.
    """
    clouds = strong_clouds(
        batch["points"], keys, up_axis=model.config.up_axis, augmentation=arguments.cloud_augmentation()
    )
    start = keyed_integers(keys, clouds.shape[1], (), Stream.FPS_STRONG)
    noise = tower_noise(model.config.point_config, keys).get("dropout_noise")
    inputs = StudentInputs(batch["strong_image"], dropout_noise=noise)
    if arguments.masked_modeling:
        vision = model.config.vision_config
        inputs.bool_masked_pos = image_patch_mask(
            keys, vision.image_size, vision.patch_size, arguments.image_mask_unit, arguments.image_mask_ratio
        )
    if not model.config.point_config.has_tokens:
        inputs.point_values, inputs.fps_start = clouds, start
        return inputs
    size = chunk_size or len(clouds)
    parts = [model.point_model.group(*part) for part in zip(clouds.split(size), start.split(size), strict=True)]
    inputs.groups = PointGroups(*(torch.cat(values) for values in zip(*parts, strict=True)))
    if arguments.masked_modeling:
        inputs.point_bool_masked_pos = random_point_mask(
            inputs.groups.centers, keys, arguments.point_mask_ratio_min, arguments.point_mask_ratio_max
        )
    return inputs


@torch.no_grad()
def teacher_logits(
    teacher: EMATeacher, batch: dict[str, torch.Tensor], keys: torch.Tensor, chunk_size: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the teacher's logits q_img and q_pcl, (B, C) each, for weakly augmented views and clouds.

    Several views of an object are fused as Image*.
    """
    clouds = weak_clouds(batch["points"], keys)
    start = keyed_integers(keys, clouds.shape[1], (), Stream.FPS_WEAK)
    inputs = {"views": batch["weak_image"], "clouds": clouds, "start": start}
    embeds = in_chunks(teacher.embed, len(clouds), chunk_size, inputs)
    image = embeds["image"]
    logits = teacher.model.classify(image) if image.dim() == 2 else teacher.model.fuse_views(image)[1]
    return logits, teacher.model.classify(embeds["point"])


@torch.no_grad()
def anchored(
    image_logits: torch.Tensor,
    point_logits: torch.Tensor,
    anchors: torch.Tensor | None,
    share: float,
    settled: str | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits that labels are made of: (1 - share) of the teacher's and `share` of the start's.

    Args:
        image_logits, point_logits: (B, C) teacher logits of the whole batch.
        anchors: (B, 2, C) log-probabilities before training.
        share: 0 to 1; with 0 the anchors are not needed.
        settled: the modality that is not trained: all of its logits are the start's, which saw all views.
    """
    if share == 0:
        return image_logits, point_logits
    assert anchors is not None  # for the type checker: `SelfTraining.step` has them
    start = anchors.unbind(1)
    shares = (1.0 if name == settled else share for name in MODALITIES)
    teachers = (image_logits, point_logits)
    image, point = (torch.lerp(x.float(), y, s) for x, y, s in zip(teachers, start, shares, strict=True))
    return image, point


@torch.no_grad()
def make_pseudo_labels(
    image_logits: torch.Tensor, point_logits: torch.Tensor, keys: torch.Tensor | None, arguments: SelfTrainingArguments
) -> tuple[PseudoLabels, PseudoLabels]:
    """Return the pseudo-labels of the image and of the point branch; the same object unless `pseudo_label` is "own".

    Args:
        image_logits, point_logits: (B, C) teacher logits.
        keys: (B,) keys of the objects; only "random" needs them.
        arguments: kind of label, thresholds and weights.
    """
    if arguments.pseudo_label == "own":
        image, point = arguments.confidence_threshold_image, arguments.confidence_threshold_point
        image = arguments.confidence_threshold if image is None else image
        point = arguments.confidence_threshold if point is None else point
        return (
            own_pseudo_labels(image_logits, image, True, arguments.loss_variant),
            own_pseudo_labels(point_logits, point, False, arguments.loss_variant),
        )
    if arguments.pseudo_label == "sum":
        labels = summed_pseudo_labels(image_logits, point_logits, arguments.confidence_threshold)
        return labels, labels
    choose = None
    if arguments.pseudo_label == "random":
        assert keys is not None  # for the type checker
        choose = keyed_uniform(keys, (), Stream.PSEUDO_LABEL) < 0.5
    elif arguments.pseudo_label != "joint":
        choose = torch.full_like(image_logits[:, 0], arguments.pseudo_label == "image", dtype=torch.bool)
    labels = joint_pseudo_labels(
        image_logits, point_logits, arguments.confidence_threshold, arguments.point_confidence_weight, choose
    )
    return labels, labels


def reduce_output(
    model: CrossMoSTForSelfTraining,
    output: CrossMoSTSelfTrainingOutput,
    inputs: StudentInputs,
    arguments: SelfTrainingArguments,
    counts: MaskCounts | None = None,
) -> dict[str, torch.Tensor]:
    """Return what the losses of the whole batch need of a pass.

    Args:
        model: the unwrapped student.
        output: its output for a part of the batch.
        inputs: the inputs that gave this output.
        arguments: the method.
        counts: of the whole batch; by default the inputs are this process's whole part of it.

    Returns:
        `logits_per_image` and `logits_per_point` (B, C), `image_embeds` and `point_embeds` (B, D), and `masked` (4,),
        the terms of [`masked_losses`], zero without masked modeling.
    """
    shared = ("logits_per_image", "logits_per_point", "image_embeds", "point_embeds")
    masked = output.image_embeds.new_zeros(4)
    if arguments.masked_modeling:
        masked = torch.stack(masked_losses(model, output, inputs, arguments.loss_variant, counts))
    return {name: output[name] for name in shared} | {"masked": masked}


def student_losses(
    model: CrossMoSTForSelfTraining,
    output: dict[str, torch.Tensor],
    labels: tuple[PseudoLabels, PseudoLabels],
    arguments: SelfTrainingArguments,
    shares: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Compute all loss terms of a step, unweighted, under their log names, and their weighted sum under "loss".

    Args:
        model: the unwrapped student.
        output: of [`reduce_output`], for this process's part of the batch.
        labels: pseudo-labels of the whole batch for the image branch and the point branch.
        arguments: terms, weights and variant.
        shares: (C,) of the classes, for the fairness term; uniform by default.
    """
    variant = arguments.loss_variant
    names = ("logits_per_image", "logits_per_point", "image_embeds", "point_embeds")
    image_logits, point_logits, image_embeds, point_embeds = gather_batches(*(output[name] for name in names))
    zero = image_logits.new_zeros(())
    targets = [label.probabilities if arguments.soft_labels else label.labels for label in labels]
    terms = {
        "loss_cls_image": self_training_loss(image_logits, targets[0], labels[0].kept, variant),
        "loss_cls_point": self_training_loss(point_logits, targets[1], labels[1].kept, variant),
    }
    total = terms["loss_cls_image"] + arguments.point_loss_weight * terms["loss_cls_point"]
    terms["loss_fair"] = terms["loss_align"] = zero
    if arguments.fairness:
        image_fair, point_fair = fairness_loss(image_logits, shares), fairness_loss(point_logits, shares)
        terms["loss_fair"] = image_fair + point_fair
        total = total + arguments.fairness_weight * (image_fair + arguments.point_loss_weight * point_fair)
    if arguments.align:
        temperature: torch.Tensor | float | None = arguments.align_temperature
        if temperature is None:
            # Detached: the scale learns from the classification losses, not from making alignment easier.
            temperature = (-model.logit_scale.detach()).exp()
        terms["loss_align"] = alignment_loss(image_embeds, point_embeds, temperature, variant)
        total = total + arguments.align_weight * terms["loss_align"]
    mim, mpm, image_local, point_local = output["masked"].unbind()
    terms["loss_mim"], terms["loss_mpm"], terms["loss_global_local"] = mim, mpm, image_local + point_local
    total = total + arguments.masked_image_weight * mim + arguments.global_local_weight * image_local
    total = total + arguments.point_loss_weight * (
        arguments.masked_point_weight * mpm + arguments.global_local_weight * point_local
    )
    return {"loss": total, **terms}


def count_masks(inputs: StudentInputs) -> MaskCounts:
    """Count the masked tokens and the objects of the global batch, of which `inputs` are this process's part.

    Raises:
        ValueError: if the inputs were made without masks.
    """
    if inputs.bool_masked_pos is None or (inputs.groups is not None and inputs.point_bool_masked_pos is None):
        raise ValueError("masked_losses needs the masks of both modalities: make the inputs with masked_modeling.")
    masks = (inputs.bool_masked_pos, inputs.point_bool_masked_pos)
    image, *point = global_sum(torch.stack([mask.sum() for mask in masks if mask is not None]))
    return MaskCounts(image, point[0] if point else image.new_zeros(()), len(inputs.pixel_values) * world_size())


def masked_losses(
    model: CrossMoSTForSelfTraining,
    output: CrossMoSTSelfTrainingOutput,
    inputs: StudentInputs,
    variant: str,
    counts: MaskCounts | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute L_mim, L_mpm and the global-local terms of the image and of the cloud, 0 for a tower without tokens.

    Each value is this part's share of the global mean, times the number of processes: the mean over processes, which
    both DDP's gradient and the log take, is then the global value.

    Raises:
        ValueError: if the inputs were made without masks.
    """
    counts = count_masks(inputs) if counts is None else counts
    image_mask, point_mask = inputs.bool_masked_pos, inputs.point_bool_masked_pos
    assert image_mask is not None  # for the type checker: they were counted
    processes = world_size()
    mim = masked_image_loss(output.pixel_predictions, inputs.pixel_values, image_mask, variant, counts.image)
    image_local = global_local_loss(output.image_embeds, output.image_local_embeds, image_mask, counts.image)
    if point_mask is None:
        zero = mim.new_zeros(())
        return mim * processes, zero, image_local * processes, zero
    targets = output.point_tokens
    if variant == "official":
        targets = model.point_mask_token.expand_as(targets)
    mpm = masked_point_loss(output.token_predictions, targets, point_mask, variant, counts.point, counts.batch_size)
    point_local = global_local_loss(output.point_global_embeds, output.point_local_embeds, point_mask, counts.point)
    return mim * processes, mpm * processes, image_local * processes, point_local * processes


@torch.no_grad()
def step_statistics(
    image_logits: torch.Tensor, point_logits: torch.Tensor, labels: tuple[PseudoLabels, PseudoLabels]
) -> dict[str, torch.Tensor]:
    """Compute label-free metrics of the teacher on the whole batch (figures 3 and 4), as 0-dim tensors.

    Args:
        image_logits, point_logits: (B, C) teacher logits of the whole batch.
        labels: pseudo-labels of both branches.
    """
    image, point = image_logits.float().softmax(-1), point_logits.float().softmax(-1)
    kept = torch.stack([labels[0].kept, labels[1].kept]).float()
    return {
        "confident_fraction": kept.mean(),
        "modality_agreement": (image.argmax(-1) == point.argmax(-1)).float().mean(),
        "image_share": labels[0].from_image.float().mean() if labels[0] is labels[1] else kept.new_tensor(math.nan),
        "entropy_image": prediction_entropy(image),
        "entropy_point": prediction_entropy(point),
        "bias_image": prediction_bias(image),
        "bias_point": prediction_bias(point),
    }


def self_training_step(
    student: nn.Module,
    unwrapped: CrossMoSTForSelfTraining,
    teacher: EMATeacher,
    batch: dict[str, torch.Tensor],
    keys: torch.Tensor,
    arguments: SelfTrainingArguments,
    chunk_size: int | None = None,
    anchors: torch.Tensor | None = None,
    settled: str | None = None,
    shares: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """Run the teacher and the student and compute the losses; backward, optimizer and EMA update are the caller's.

    Args:
        student: the [`StudentPass`], wrapped in DDP if there are several processes.
        unwrapped: the student itself.
        teacher: the EMA teacher.
        batch: `points` (B, N, 3), `weak_image` (B[, V], 3, H, W) and `strong_image` (B, 3, H, W); no labels.
        keys: (B,) keys of the objects in this epoch.
        arguments: the method.
        chunk_size: objects per forward pass of the teacher.
        anchors: (B, 2, C) log-probabilities of views and cloud before training; needed where `arguments.anchor` is not
            0.
        settled: the modality that is not trained; see [`settled_modality`].
        shares: (C,) of the classes, see [`class_shares`]; uniform by default.

    Returns:
        "loss" (with gradient) and every term and statistic under its name in `metrics.jsonl`, as 0-dim tensors.
    """
    logits = teacher_logits(teacher, batch, keys, chunk_size)
    image_logits, point_logits, *start = gather_batches(*logits, *(() if anchors is None else (anchors,)))
    all_keys = gather_batch(keys) if arguments.pseudo_label == "random" else None
    opinions = anchored(image_logits, point_logits, start[0] if start else None, arguments.anchor, settled)
    labels = make_pseudo_labels(*opinions, all_keys, arguments)
    inputs = student_inputs(unwrapped, batch, keys, arguments, chunk_size)
    counts = count_masks(inputs) if arguments.masked_modeling else None
    output = student(counts=counts, **vars(inputs))
    terms = student_losses(unwrapped, output, labels, arguments, shares)
    return {**terms, **step_statistics(image_logits, point_logits, labels)}
