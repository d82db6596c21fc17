"""Every option of `train.py`: dataclass fields are the only schema of recipes and command line.

Precedence: method preset < YAML recipe < command line. All three travel through one parser, so a recipe is checked
exactly like the command line; an unknown key, an unknown flag or a value of the wrong type is one sentence.
"""

import argparse
import dataclasses
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from transformers import HfArgumentParser

from ..hub.push import check_repo_id
from .self_training import SelfTrainingArguments


METHODS = ("zero_shot", "baseline", "crossmost", "pretrain")

# What a method changes where neither recipe nor command line says otherwise.
METHOD_PRESETS: dict[str, dict[str, Any]] = {
    "zero_shot": {},
    "crossmost": {},
    # "We removed all cross-modal modules and cross-modal losses" (paper section 4.1).
    "baseline": {"pseudo_label": "own", "align": False, "output_dir": "outputs/quickstart/baseline"},
    # ULIP: the towers that are pre-trained already stay, the point tower with its tokenizer learns.
    "pretrain": {"freeze_image": True, "freeze_point_tokenizer": False, "output_dir": "outputs/pretrain"},
}


# No weight depends on these once a run is under way, so a resumed run may change them. The numbers of epochs, steps and
# objects do matter, but as the products that the loop compares.
FREE_ON_RESUME = {
    "checkpointing_steps",
    "checkpoints_total_limit",
    "dataloader_num_workers",
    "eval_only",
    "eval_split",
    "eval_steps",
    "hub_model_id",
    "logging_steps",
    "max_steps",
    "model_name_or_path",
    "num_train_epochs",
    "output_dir",
    "per_device_eval_batch_size",
    "per_device_train_batch_size",
    "pseudo_label_accuracy",
    "push_to_hub",
    "report_to",
    "resume_from_checkpoint",
    "stop_after_steps",
}


class ArgumentsError(ValueError):
    """Unusable options; the message is one sentence for the user."""


@dataclass
class DataArguments:
    """Model and data.

    Args:
        model_name_or_path: Hub id or folder of a saved model with its processor.
        attn_implementation: "sdpa" or "eager"; equal up to rounding. On a CPU the mini towers' short sequences train
            1.5 (point) to 1.9 (image) times as fast with "eager" under bf16.
        dataset: Hub id, local folder that `load_dataset` reads, or "furniture" (generated and cached on first use).
        dataset_config: configuration of the data set; for furniture "scan" ("clean" for pre-training).
        train_split: split whose pairs are trained on; its labels, if any, are dropped on loading.
        eval_split: split that is evaluated; with labels for accuracies.
        streaming: read the training split as a stream.
        num_views: views per object that training may draw from (table 5); default all.
        class_names: classes to train for; default the evaluation split's, else the model's.
        prompts: named prompt set for the classifier ("paper", "modelnet", ...); default the model's own templates.
        dataloader_num_workers: worker processes that decode and augment.
    """

    model_name_or_path: str = "assets/crossmost-mini"
    attn_implementation: str = field(default="sdpa", metadata={"choices": ("sdpa", "eager")})
    dataset: str = "furniture"
    dataset_config: str | None = None
    train_split: str = "train"
    eval_split: str = "test"
    streaming: bool = False
    num_views: int | None = None
    class_names: list[str] | None = None
    prompts: str | None = None
    dataloader_num_workers: int = 1


@dataclass
class TrainArguments:
    """Optimiser and run. Defaults are the quick start's; the paper's values are in `recipes/paper.yaml`.

    Args:
        method: "zero_shot" (evaluate only), "baseline" (each modality alone), "crossmost", or "pretrain" (ULIP).
        output_dir: where everything is written.
        num_train_epochs: passes over the training split.
        max_steps: optimiser steps, instead of epochs where positive.
        per_device_train_batch_size: pairs per process and micro-step.
        per_device_eval_batch_size: objects per process in evaluation.
        gradient_accumulation_steps: micro-steps per optimiser step.
        learning_rate: base rate per 256 pairs; the peak is learning_rate x global batch / 256.
        min_learning_rate: base rate that the cosine ends at, per 256 pairs.
        warmup_epochs: linear warm-up, in epochs.
        weight_decay: of matrices; not of biases, norms, tokens, position embeddings, logit scale.
        layer_decay: factor per image block, from the last to the first.
        official_parameter_groups: decay everything that the official code decays, logit scale and tokens included.
        max_grad_norm: clip the gradient's norm; default no clipping, as the paper.
        ema_decay_start, ema_decay, ema_ramp_steps: mu rises linearly from the first to the second over these steps.
        freeze_text: pre-training only: leave the text tower (and the image-text loss) out.
        freeze_point: pre-training only: train image and text alone.
        caption_contrast: pre-training only: the text tower alone, by contrast between captions of the same object.
        label_smoothing: pre-training only: smoothing of the contrastive targets.
        patch_dropout: pre-training only: share of image patches left out of the image tower in each step (FLIP).
        num_captions: pre-training only: captions per object that are drawn from (the first ones); default all.
        occlusion: pre-training only: largest share of a cloud that is cut off on one side.
        floor: pre-training only: largest share of a cloud's points that lies on the floor; a quarter have none.
        room: pre-training only: probability of a random wall, floor and light around a rendered view.
        stretch: pre-training only: largest factor by which an axis of a cloud is stretched or squeezed.
        seed: of everything random.
        logging_steps: optimiser steps between lines of metrics.jsonl.
        eval_steps: optimiser steps between evaluations while training; default a quarter of the run, 0 never.
        pseudo_label_accuracy: also measure the teacher's labels on a labelled training split, in a separate pass
            after training that training never sees.
        checkpointing_steps: optimiser steps between checkpoints, or "epoch"; default none.
        checkpoints_total_limit: how many checkpoints to keep.
        resume_from_checkpoint: "latest" or a checkpoint folder.
        stop_after_steps: stop early after this many optimiser steps, as an interruption would, with a checkpoint.
        eval_only: only evaluate `model_name_or_path`.
        report_to: accelerate trackers, comma-separated ("tensorboard", "wandb", ...).
        push_to_hub, hub_model_id: upload the result to this repository of the Hub when the run is complete.
    """

    method: str = field(default="crossmost", metadata={"choices": METHODS})
    output_dir: str = "outputs/quickstart/crossmost"
    num_train_epochs: int = 8
    max_steps: int = -1
    per_device_train_batch_size: int = 32
    per_device_eval_batch_size: int = 64
    gradient_accumulation_steps: int = 1
    learning_rate: float = 3.2e-3
    min_learning_rate: float = 1e-5
    warmup_epochs: float = 1.0
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    official_parameter_groups: bool = False
    max_grad_norm: float | None = None
    ema_decay_start: float = 0.99
    ema_decay: float = 0.999
    ema_ramp_steps: int = 200
    freeze_text: bool = True
    freeze_point: bool = False
    caption_contrast: bool = False
    label_smoothing: float = 0.0
    patch_dropout: float = 0.0
    num_captions: int | None = None
    occlusion: float = 0.0
    floor: float = 0.0
    room: float = 0.0
    stretch: float = 1.0
    seed: int = 0
    logging_steps: int = 5
    eval_steps: int | None = None
    pseudo_label_accuracy: bool = False
    checkpointing_steps: str | None = None
    checkpoints_total_limit: int = 2
    resume_from_checkpoint: str | None = None
    stop_after_steps: int | None = None
    eval_only: bool = False
    report_to: str | None = None
    push_to_hub: bool = False
    hub_model_id: str | None = None

    def __post_init__(self) -> None:
        positive = (
            "num_train_epochs",
            "per_device_train_batch_size",
            "per_device_eval_batch_size",
            "gradient_accumulation_steps",
            "learning_rate",
            "logging_steps",
            "checkpoints_total_limit",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")
        for name in ("ema_decay_start", "ema_decay"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}.")
        if not 0.0 <= self.room <= 1.0:
            raise ValueError(f"room must lie between 0 and 1, got {self.room}.")
        steps = self.checkpointing_steps
        if steps is not None and steps != "epoch" and not (steps.isdigit() and int(steps) > 0):
            raise ValueError(f"checkpointing_steps must be a positive number or 'epoch', got {steps!r}.")
        if Path(self.output_dir).is_file():
            raise ValueError(f"output_dir {self.output_dir} is a file: give a folder.")
        if self.push_to_hub and not self.hub_model_id:
            raise ValueError("push_to_hub needs hub_model_id, such as your-name/crossmost-modelnet40.")
        if self.hub_model_id:
            check_repo_id(self.hub_model_id)


class _OneSentenceParser(HfArgumentParser):
    """argparse prints its usage with every error; here the sentence alone goes up to the caller."""

    def error(self, message: str):
        raise ArgumentsError(message)


@dataclass
class Arguments:
    """The resolved options of a run, by part.

    Attributes:
        source: what to load where that is not what `data.dataset` says: the folder of a set that was made for the run.
            It is no option, so `args.yaml` and a resumed run know the name alone.
    """

    data: DataArguments
    method: SelfTrainingArguments
    train: TrainArguments
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their command-line names, as written to `args.yaml`."""
        merged: dict[str, Any] = {}
        for part in (self.data, self.train, self.method):
            merged.update(dataclasses.asdict(part))
        return merged

    def resume_fingerprint(self) -> dict[str, Any]:
        """The fields that decide the weights: a run that is resumed must have the same."""
        return {name: value for name, value in self.to_dict().items() if name not in FREE_ON_RESUME}


def _fields() -> dict[str, dataclasses.Field]:
    parts = (DataArguments, TrainArguments, SelfTrainingArguments)
    return {item.name: item for part in parts for item in dataclasses.fields(part)}


def read_recipe(path: str | os.PathLike) -> dict[str, Any]:
    """Reads a YAML recipe.

    Raises:
        ArgumentsError: no such file, not YAML, not a mapping, an unknown key, or a list where one value goes.
    """
    try:
        recipe = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentsError(f"the recipe {path} cannot be read: give an existing YAML file.") from error
    except yaml.YAMLError as error:
        raise ArgumentsError(f"the recipe {path} is not YAML ({str(error).splitlines()[0]}).") from error
    recipe = {} if recipe is None else recipe
    if not isinstance(recipe, dict):
        raise ArgumentsError(f"the recipe {path} holds a {type(recipe).__name__}: write 'key: value' lines.")
    fields = _fields()
    unknown = sorted(set(map(str, recipe)) - set(fields))
    if unknown:
        raise ArgumentsError(f"the recipe {path} has unknown keys: {', '.join(unknown)}.")
    for name, value in recipe.items():
        takes_list = "list[" in str(fields[name].type)
        if isinstance(value, dict) or (isinstance(value, list) and not takes_list):
            raise ArgumentsError(f"{name} in the recipe {path} takes one value, got {value}.")
    return recipe


def _as_flags(values: dict[str, Any]) -> list[str]:
    """{"a": 1, "b": [2, 3]} -> ["--a=1", "--b", "2", "3"]; `None` keeps the default."""
    flags: list[str] = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            flags += [f"--{name}", *map(str, value)]
        elif value is not None:
            flags.append(f"--{name}={value}")  # one word, so that a value may begin with a dash
    return flags


def parse_arguments(argv: list[str]) -> Arguments:
    """Resolves preset, recipe and command line.

    Args:
        argv: arguments after the program's name; the first may be a recipe (`*.yaml`).

    Raises:
        ArgumentsError: anything unusable, in one sentence.
    """
    argv = list(argv)
    recipe = read_recipe(argv.pop(0)) if argv and not argv[0].startswith("-") else {}
    given = _only_method(argv) or recipe.get("method") or TrainArguments.method
    flags = _as_flags(METHOD_PRESETS.get(given, {})) + _as_flags(recipe) + argv
    parts = (DataArguments, TrainArguments, SelfTrainingArguments)
    # The parser's NewType for "a dataclass" accepts none.
    parser = _OneSentenceParser(parts, prog="train.py", allow_abbrev=False)  # type: ignore[arg-type]
    try:
        data, train, method, rest = parser.parse_args_into_dataclasses(
            flags, return_remaining_strings=True, look_for_args_file=False
        )
    except ArgumentsError:
        raise
    except (ValueError, TypeError) as error:
        raise ArgumentsError(str(error)) from error
    if rest:
        raise ArgumentsError(f"unknown option {rest[0]}: see train.py --help.")
    for name, value in Arguments(data, method, train).to_dict().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ArgumentsError(f"{name} must be a finite number, got {value}.")
    if train.method != "pretrain":
        _refuse_pretraining_fields(train)
    if data.dataset_config is None and data.dataset == "furniture":
        data.dataset_config = "clean" if train.method == "pretrain" else "scan"
    return Arguments(data, method, train)


def _only_method(argv: list[str]) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--method", nargs="?")
    return parser.parse_known_args(argv)[0].method


def _refuse_pretraining_fields(train: TrainArguments) -> None:
    for name in (
        "freeze_text",
        "freeze_point",
        "caption_contrast",
        "label_smoothing",
        "patch_dropout",
        "num_captions",
        "occlusion",
        "floor",
        "room",
        "stretch",
    ):
        if getattr(train, name) != TrainArguments.__dataclass_fields__[name].default:
            raise ArgumentsError(f"{name} belongs to --method pretrain; {train.method} always leaves it as it is.")
