"""PointCMT's first two stages, and what they leave for the student: image features, a generator, an image tower.

Each stage is a run of the loop in a folder of its own, with checkpoints, so that an interrupted command continues in
the stage that it was in. Image features are computed once and kept beside the teacher that they are of.
"""

import copy
import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from ..data.augmentation import EvalImageTransform, image_transform_options
from ..data.datasets import EvaluationDataset
from ..data.loaders import evaluation_loader
from ..data.pairs import select_raw
from ..modeling_crossmost import CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.atomic import atomic_files, remove_folder
from ..utils.extras import importing
from .arguments import Arguments
from .checkpoints import checkpoints_of, digest_of, find_checkpoint
from .distributed import global_sum
from .evaluator import Evaluator, load_split
from .methods import GeneratePoints, Method, PointCMT, TeachImages
from .pointcmt import ImageTeacher, PointGenerator
from .supervised import CLIP


with importing("train"):
    from accelerate import Accelerator
    from datasets import Dataset


IMAGE_TEACHER, GENERATOR = "image_teacher", "generator"
TEACHER_FILE = "teacher.safetensors"

# Trains a model with a method in a folder; returns the averaged weights, or `None` where the run was interrupted.
TrainStage = Callable[[Arguments, Method, nn.Module], Any]


def stage_arguments(arguments: Arguments, name: str, epochs: int, rate: float) -> Arguments:
    """Return the options of a stage: its own folder, epochs and rate, and a warm-up of at most a fifth of its epochs.

    A run that is resumed continues in the stage's newest checkpoint, if there is one.
    """
    stage, folder = copy.deepcopy(arguments), Path(arguments.train.output_dir) / name
    resume = arguments.train.resume_from_checkpoint
    if not _lies_in(resume, folder):
        resume = "latest" if resume is not None and checkpoints_of(folder) else None
    stage.train = dataclasses.replace(
        arguments.train,
        output_dir=str(folder),
        num_train_epochs=epochs,
        max_steps=-1,
        learning_rate=rate,
        warmup_epochs=min(arguments.train.warmup_epochs, epochs / 5),
        resume_from_checkpoint=resume,
        eval_steps=0,
    )
    return stage


def last_stage_arguments(arguments: Arguments, steps_before: int) -> Arguments:
    """Return the options of the student, after so many steps of the stages before it."""
    last, train = copy.deepcopy(arguments), arguments.train
    if train.stop_after_steps is not None:
        last.train.stop_after_steps = max(train.stop_after_steps - steps_before, 1)
    resume, folder = train.resume_from_checkpoint, Path(train.output_dir)
    if any(_lies_in(resume, folder / name) for name in (IMAGE_TEACHER, GENERATOR)):
        resume = "latest"
    if resume == "latest" and not checkpoints_of(folder):
        resume = None  # it was interrupted in an earlier stage
    last.train.resume_from_checkpoint = resume
    return last


def _lies_in(checkpoint: str | None, folder: Path) -> bool:
    return checkpoint not in (None, "latest") and Path(str(checkpoint)).resolve().is_relative_to(folder.resolve())


class PointCMTStages:
    """The two stages before the student.

    Args:
        arguments: options of the run.
        accelerator: of the run.
        processor: of the model.
        model: the student at its start; the teacher begins with its image tower.
        names: the classes.
        evaluator: of the evaluation split, for the teacher's accuracy.
        train_stage: runs the loop.
    """

    def __init__(
        self,
        arguments: Arguments,
        accelerator: Accelerator,
        processor: CrossMoSTProcessor,
        model: CrossMoSTModel,
        names: list[str],
        evaluator: Evaluator | None,
        train_stage: TrainStage,
    ):
        if arguments.data.streaming:
            raise ValueError("pointcmt keeps an image feature for every row of the data: leave --streaming out.")
        self.arguments, self.options, self.accelerator = arguments, arguments.supervised, accelerator
        self.processor, self.model, self.names, self.evaluator = processor, model, names, evaluator
        self.train_stage = train_stage
        self._check_resume()
        self.rows = load_split(arguments, arguments.data.train_split)
        self.transform = EvalImageTransform(**image_transform_options(processor.image_processor))

    def _check_resume(self) -> None:
        """Find something to resume from, or forget the stages of an earlier run in the same folder."""
        train = self.arguments.train
        folders = [Path(train.output_dir) / name for name in (IMAGE_TEACHER, GENERATOR, "")]
        found = [checkpoint for folder in folders for checkpoint in checkpoints_of(folder)]
        if train.resume_from_checkpoint is None:
            for checkpoint in found if self.accelerator.is_main_process else []:
                remove_folder(checkpoint)
            self.accelerator.wait_for_everyone()
        elif train.resume_from_checkpoint != "latest" or not found:
            find_checkpoint(train.resume_from_checkpoint, train.output_dir)

    def run(self) -> tuple[CrossMoSTModel, PointCMT, dict] | None:
        """Train the image teacher and the generator.

        Returns:
            The student, its method, and what `results.json` says of the teacher; `None` where a stage was interrupted.
        """
        teacher = self._teacher()
        if teacher is None:
            return None
        folder = Path(self.options.image_teacher or Path(self.arguments.train.output_dir) / IMAGE_TEACHER)
        features = self._features(teacher, folder)
        found = self._evaluate(teacher)
        generator = self._generator(features)
        if generator is None:
            return None
        method = PointCMT(self.arguments, self.names, generator, features)
        return student_of(self.model, teacher, self.options.image_backbone), method, found

    def _teacher(self) -> ImageTeacher | None:
        """Stage I."""
        options, images = self.options, self.processor.image_processor
        torch.manual_seed(self.arguments.train.seed)  # whatever has been drawn before, in a resumed run or not
        teacher = ImageTeacher(
            self.model, options.image_backbone, options.image_pretrained, images.image_mean, images.image_std
        ).to(self.accelerator.device)
        if options.image_teacher is not None:
            return load_teacher(teacher, Path(options.image_teacher), self._about())
        views = options.image_views or self._views()
        arguments = stage_arguments(self.arguments, IMAGE_TEACHER, options.image_epochs, options.image_learning_rate)
        trained = self.train_stage(arguments, TeachImages(arguments, self.names, views), teacher)
        if trained is None:
            return None
        if self.accelerator.is_main_process:
            with atomic_files(Path(arguments.train.output_dir)) as temporary:
                save_file(trained.state_dict(), temporary / TEACHER_FILE, self._about())
        return trained.eval().requires_grad_(False)

    def _views(self) -> int:
        """Return how many views the first object has for training."""
        views = select_raw(self.rows, ["views"])[[0]].column("views")[0]
        return min(len(views), self.arguments.data.num_views or len(views))

    def _about(self) -> dict[str, str]:
        return {"image_backbone": self.options.image_backbone, "class_names": ", ".join(self.names)}

    def _features(self, teacher: ImageTeacher, folder: Path) -> torch.Tensor:
        """Image features of the training split (rows, D), from the cache or computed and cached now."""
        seen = f"{self.transform.image_size} {self.arguments.data.num_views}"
        parts = (digest_of(teacher.state_dict()), views_digest(self.rows), seen)
        key = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        path = folder / f"features_{key[:16]}.safetensors"
        try:
            with safe_open(path, "pt") as file:
                if file.metadata() == {"key": key}:
                    self.accelerator.print(f"image features from {path}")
                    return file.get_tensor("features").to(self.accelerator.device)
        except (OSError, SafetensorError):
            pass  # there is none yet, or a damaged one
        self.accelerator.print(f"computing the image features of {len(self.rows)} objects")
        views = self.arguments.data.num_views
        features = image_features(teacher, self.rows, self.transform, self.arguments, self.accelerator, views)
        if self.accelerator.is_main_process:
            with atomic_files(folder) as temporary:
                save_file({"features": features.cpu()}, temporary / path.name, {"key": key})
        return features

    def _evaluate(self, teacher: ImageTeacher) -> dict:
        """Measure the teacher's accuracy on the evaluation split, from the maximum over all views."""
        if self.evaluator is None or self.evaluator.label_map is None:
            return {}
        rows: Any = self.evaluator.rows
        features = image_features(teacher, rows, self.transform, self.arguments, self.accelerator)
        with torch.no_grad():
            predicted = teacher.classify(features).argmax(-1).cpu()
        labels = torch.tensor(self.evaluator.label_map)[torch.tensor(rows["label"])]
        accuracy = round(100 * (predicted == labels).float().mean().item(), 2)
        self.accelerator.print(f"image teacher: {accuracy} % of {len(rows)} objects, from the maximum over all views")
        return {"image_teacher": {"backbone": self.options.image_backbone, "accuracy": accuracy}}

    def _generator(self, features: torch.Tensor) -> PointGenerator | None:
        """Stage II."""
        options = self.options
        arguments = stage_arguments(
            self.arguments, GENERATOR, options.generator_epochs, options.generator_learning_rate
        )
        torch.manual_seed(self.arguments.train.seed)
        generator = PointGenerator(features.shape[1], options.generated_points).to(self.accelerator.device)
        return self.train_stage(arguments, GeneratePoints(arguments, features), generator)


def load_teacher(teacher: ImageTeacher, folder: Path, about: dict[str, str]) -> ImageTeacher:
    """Load the teacher of an earlier run.

    Args:
        teacher: of the same kind; its weights are overwritten.
        folder: `image_teacher` of that run.
        about: what the file has to say of itself: backbone and classes.

    Raises:
        ValueError: no such file, a damaged one, or a teacher of another kind.
    """
    path = folder / TEACHER_FILE
    try:
        with safe_open(path, "pt") as file:
            saved, weights = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"image_teacher {folder} holds no readable {TEACHER_FILE}: give the folder of a run."
        ) from error
    for name, value in about.items():
        if saved.get(name) != value:
            raise ValueError(
                f"the teacher in {folder} has {name} {saved.get(name)!r}, this run {value!r}: train a new one."
            )
    teacher.load_state_dict(weights)
    return teacher.eval().requires_grad_(False)


def views_digest(rows: Dataset) -> str:
    """Return the SHA-256 of all encoded views of a split, in order."""
    digest = hashlib.sha256()
    for start in range(0, len(rows), 256):
        table = select_raw(rows, ["views"])[range(start, min(start + 256, len(rows)))]
        for views in table.column("views"):
            for view in views.as_py():
                digest.update(view["bytes"] or str(view["path"]).encode())
            digest.update(b"|")
    return digest.hexdigest()


@torch.no_grad()
def image_features(
    teacher: ImageTeacher,
    rows: Dataset,
    transform: EvalImageTransform,
    arguments: Arguments,
    accelerator: Accelerator,
    num_views: int | None = None,
) -> torch.Tensor:
    """Compute features of all objects, the maximum over their views (the first `num_views`); processes share the work.

    Returns:
        (rows, D), unit length, on every process.
    """
    device = accelerator.device
    loader = evaluation_loader(
        EvaluationDataset(rows.select_columns(["points", "views"]), transform, num_views),
        arguments.train.per_device_eval_batch_size,
        num_workers=arguments.data.dataloader_num_workers,
        num_processes=accelerator.num_processes,
        process_index=accelerator.process_index,
    )
    features = torch.zeros(len(rows), teacher.classifier.in_features, device=device)
    for batch in loader:
        views, mask = batch["views"].to(device), batch["view_mask"].to(device)
        with accelerator.autocast():
            flat = torch.cat([teacher.embed(transform.normalize(chunk)) for chunk in views[mask].split(64)])
        single = torch.full((*mask.shape, flat.shape[-1]), -torch.inf, device=device)
        single[mask] = flat.float()
        features[batch["index"].to(device)] = nn.functional.normalize(single.amax(dim=1), dim=-1)
    return global_sum(features)


def student_of(model: CrossMoSTModel, teacher: ImageTeacher, backbone: str) -> CrossMoSTModel:
    """Give the student the teacher's classifier and, where both have the same kind, its image tower.

    Beside a timm teacher the student keeps no image and text towers: its classifier leaves their space.
    """
    if backbone == CLIP:
        assert model.vision_model is not None and model.visual_projection is not None  # the teacher has copies
        model.vision_model.load_state_dict(teacher.vision_model.state_dict())
        model.visual_projection.load_state_dict(teacher.visual_projection.state_dict())  # type: ignore[union-attr]
    else:
        config = copy.deepcopy(model.config)
        config.vision_config = config.text_config = None
        alone = CrossMoSTModel._from_config(config, attn_implementation=model.config._attn_implementation)
        alone.load_state_dict({name: model.state_dict()[name] for name in alone.state_dict()})
        model = alone.to(model.logit_scale.device)
    model.classifier.load_state_dict(teacher.classifier.state_dict())
    with torch.no_grad():
        model.logit_scale.copy_(teacher.logit_scale)
    return model
