"""Every option of `train.py`: dataclass fields are the only schema of recipes and command line.

Precedence: defaults < preset < what the method changes < YAML recipe < command line. All travel through one parser, so
a recipe is checked exactly like the command line; an unknown key, an unknown flag or a value of the wrong type is one
sentence.
"""

import argparse
import dataclasses
import inspect
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml
from transformers import HfArgumentParser

from ..configuration_crossmost import POINT_TOWERS
from ..hub.push import check_repo_id
from ..utils.command_line import Parser, UsageError, first_line
from .optimization import SCALINGS
from .pretraining import PretrainingOptions
from .self_training import SelfTrainingArguments
from .supervised import SupervisedOptions


METHODS = ("zero_shot", "baseline", "crossmost", "pretrain", "supervised", "pointcmt")
FUSIONS = ("model", "label_free")
SELECTIONS = ("last", "label_free")
LABELED = ("supervised", "pointcmt")  # the methods that learn from labels

# Nothing learns from the averaged weights here. They follow the student over 100 steps, at first over fewer.
_LABELED_PRESET: dict[str, Any] = {
    "freeze_point_tokenizer": False,
    "label_smoothing": 0.2,
    "ema_decay_start": 0.0,
    "ema_decay": 0.99,
}

# `--preset paper`: section 4.1 and the official recipes, where the defaults suit the mini checkpoint instead. Rates are
# for ViT-B/16 and batches of 512, as `recipes/paper.yaml` makes them.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "num_train_epochs": 200,
        "reference_batch_size": 512,
        "learning_rate": 2e-5,
        "min_learning_rate": 1e-6,
        "layer_decay": 0.65,
        "ema_decay": 0.9998,
        "ema_ramp_steps": 400,
        "pseudo_label": "joint",
        "teacher_views": 1,
        "anchor": 0.0,
        "soft_labels": False,
        "fairness_target": "uniform",
        "freeze_settled": False,
        "fusion": "model",
        "select": "last",
        "confidence_threshold": 0.84,
        "image_mask_ratio": 0.3,
        "point_mask_ratio_min": 0.3,
        "point_mask_ratio_max": 0.4,
        "masked_image_weight": 1.0,
        "masked_point_weight": 1.0,
        "global_local_weight": 0.2,
        "strong_scale": [0.5, 2.0],
        "strong_shift": 0.5,
        "strong_jitter": 0.01,
        "strong_dropout": 0.875,
        "strong_crop": [0.6, 1.0],
        "strong_image_crop": [0.3, 1.0],
        "rand_augment": "rand-m9-mstd0.5-inc1",
    }
}
PRESET_METHODS = ("zero_shot", "crossmost", "baseline")

# What a method has where no preset says otherwise. The baseline's labels are the paper's: each modality's own, if sure.
_CROPPED = {"strong_image_crop": [0.8, 1.0]}  # parts of a view have the object's label or caption, whatever it is
METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    "crossmost": {"soft_labels": True, "select": "label_free"},
    "baseline": {
        "anchor": 0.0,
        "fairness_target": "uniform",
        "confidence_threshold": 0.6,
        "select": "label_free",
    },
    "pretrain": _CROPPED,
    "supervised": _CROPPED,
    "pointcmt": _CROPPED,
}

# What a method changes where neither recipe nor command line says otherwise.
METHOD_PRESETS: dict[str, dict[str, Any]] = {
    "zero_shot": {},
    "crossmost": {},
    # "We removed all cross-modal modules and cross-modal losses" (paper section 4.1).
    "baseline": {"pseudo_label": "own", "align": False, "output_dir": "outputs/quickstart/baseline"},
    # ULIP: the towers that are pre-trained already stay, the point tower with its tokenizer learns.
    "pretrain": {"freeze_image": True, "freeze_point_tokenizer": False, "output_dir": "outputs/pretrain"},
    "supervised": {**_LABELED_PRESET, "output_dir": "outputs/supervised"},
    "pointcmt": {**_LABELED_PRESET, "output_dir": "outputs/pointcmt"},
}


# No weight depends on these once a run is under way, so a resumed run may change them. The numbers of epochs, steps and
# objects do matter, but as the products that the loop compares.
FREE_ON_RESUME = {
    "checkpointing_steps",
    "checkpoints_total_limit",
    "dataloader_num_workers",
    "ddp_timeout",
    "eval_only",
    "eval_split",
    "eval_steps",
    "fusion",
    "gradient_checkpointing",
    "hub_model_id",
    "logging_steps",
    "max_nonfinite_steps",
    "max_steps",
    "model_name_or_path",
    "num_train_epochs",
    "output_dir",
    "per_device_eval_batch_size",
    "per_device_train_batch_size",
    "preset",
    "pseudo_label_accuracy",
    "push_to_hub",
    "report_to",
    "resume_from_checkpoint",
    "select",
    "stop_after_steps",
}


@dataclass
class DataArguments:
    """Model and data.

    Args:
        model_name_or_path: Hub id or folder of a saved model with its processor.
        point_tower: replace the model's point tower by an untrained one of this kind at its authors' size, or of the
            same kind and size ("new").
        attn_implementation: "sdpa" or "eager"; equal up to rounding. "auto" is "sdpa", but plain products under bf16 on
            a CPU, where torch's fused kernel takes two to three times as long.
        dataset: Hub id, local folder that `load_dataset` reads, or "furniture" (generated and cached on first use).
        dataset_config: configuration of the data set; for furniture "scan" ("clean" for pre-training).
        train_split: split whose pairs are trained on; its labels, if any, are dropped on loading, except by
            `supervised` and `pointcmt`.
        eval_split: split that is evaluated; with labels for accuracies.
        streaming: read the training split as a stream.
        num_views: views per object that training may draw from (table 5); default all.
        class_names: classes to train for; default the evaluation split's, else the model's.
        prompts: named prompt set for the classifier ("paper", "modelnet", ...); default the model's own templates.
        dataloader_num_workers: worker processes that decode and augment.
    """

    _argument_group_name: ClassVar[str] = "model and data"

    model_name_or_path: str = "assets/crossmost-mini"
    point_tower: str | None = field(default=None, metadata={"choices": (*POINT_TOWERS, "new")})
    attn_implementation: str = field(default="auto", metadata={"choices": ("auto", "sdpa", "eager")})
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
    """Optimiser and run. Defaults are the quick start's; `--preset paper` has the paper's values.

    Args:
        preset: "paper" for the paper's values of everything that it states, instead of those that suit the mini
            checkpoint; recipe and command line win over it.
        method: without labels "zero_shot" (evaluate only), "baseline" (each modality alone), "crossmost", and
            "pretrain" (ULIP); with labels "supervised" and "pointcmt" (images teach the point tower).
        output_dir: where everything is written.
        num_train_epochs: passes over the training split.
        max_steps: optimizer steps, instead of epochs where positive.
        per_device_train_batch_size: pairs per process and micro-step.
        per_device_eval_batch_size: objects per process in evaluation.
        gradient_accumulation_steps: micro-batches per optimizer step; the loss is that of the whole batch, whose
            forward passes are repeated in the backward pass.
        gradient_checkpointing: keep only the inputs of the towers' blocks and compute the rest again in the backward
            pass.
        learning_rate: base rate per 256 pairs; the peak is learning_rate x global batch / 256.
        min_learning_rate: base rate that the cosine ends at, per 256 pairs.
        learning_rate_scaling: "linear" in the global batch, or "sqrt" from `reference_batch_size` on, which suits AdamW
            better where the batch is much larger.
        reference_batch_size: global batch that the teacher's decays are meant for. A batch that is k times as large has
            decays to the power of k, on a ramp of 1 / k as many steps.
        warmup_epochs: linear warm-up, in epochs.
        weight_decay: of matrices; not of biases, norms, tokens, position embeddings, logit scale.
        layer_decay: factor per image block, from the last to the first.
        official_parameter_groups: decay everything that the official code decays, logit scale and tokens included.
        label_smoothing: fraction of the target that is spread over all classes, or in pre-training over the whole
            batch; default 0.2 with labels, as PointCMT, else 0.
        max_grad_norm: clip the gradient's norm; default no clipping, as the paper.
        max_nonfinite_steps: stop after so many steps in a row whose loss or gradient is not finite; each is left out.
        ema_decay_start, ema_decay, ema_ramp_steps: mu rises linearly from `ema_decay_start` to `ema_decay` over so many
            steps.
        seed: of everything random.
        deterministic: ask torch for deterministic kernels alone; on a CPU runs repeat bit for bit without it.
        tf32: let fp32 matrix products and convolutions use TF32 on a GPU; grouping and logits never do.
        ddp_timeout: seconds that processes wait for each other, for instance while one prepares the data.
        logging_steps: optimizer steps between lines of metrics.jsonl.
        eval_steps: optimizer steps between evaluations while training; default a quarter of the run, 0 never.
        pseudo_label_accuracy: also measure the teacher's labels on a labeled training split, in a separate pass
            after training that training never sees.
        checkpointing_steps: optimizer steps between checkpoints, or "epoch"; default none.
        checkpoints_total_limit: how many checkpoints to keep.
        resume_from_checkpoint: "latest" or a checkpoint folder.
        stop_after_steps: stop early after this many optimizer steps, as an interruption would, with a checkpoint.
        eval_only: only evaluate `model_name_or_path`.
        fusion: how views and cloud are fused: "model" (as its configuration says, at first the mean of probabilities)
            or "label_free" (a weight from unlabeled training objects, which is saved in the configuration).
        select: which weights are saved: "last" (the teacher's at the end), or "label_free", the default of `crossmost`
            and `baseline` (those from before training instead, where unlabeled training objects say that self-training
            did harm; the reasons are reported).
        report_to: accelerate trackers, comma-separated ("tensorboard", "wandb", ...).
        push_to_hub, hub_model_id: upload the result to this repository of the Hub when the run is complete.
    """

    _argument_group_name: ClassVar[str] = "training"

    method: str = field(default="crossmost", metadata={"choices": METHODS})
    preset: str | None = field(default=None, metadata={"choices": tuple(PRESETS)})
    output_dir: str = "outputs/quickstart/crossmost"
    num_train_epochs: int = 5
    max_steps: int = -1
    per_device_train_batch_size: int = 32
    per_device_eval_batch_size: int = 64
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = False
    learning_rate: float = 2.4e-3
    min_learning_rate: float = 1e-5
    learning_rate_scaling: str = field(default="linear", metadata={"choices": SCALINGS})
    reference_batch_size: int = 32
    warmup_epochs: float = 1.0
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    official_parameter_groups: bool = False
    label_smoothing: float = 0.0
    max_grad_norm: float | None = None
    max_nonfinite_steps: int = 20
    ema_decay_start: float = 0.99
    ema_decay: float = 0.999
    ema_ramp_steps: int = 200
    seed: int = 0
    deterministic: bool = False
    tf32: bool = False
    ddp_timeout: int = 4 * 3600
    logging_steps: int = 5
    eval_steps: int | None = None
    pseudo_label_accuracy: bool = False
    checkpointing_steps: str | None = None
    checkpoints_total_limit: int = 2
    resume_from_checkpoint: str | None = None
    stop_after_steps: int | None = None
    eval_only: bool = False
    fusion: str = field(default="model", metadata={"choices": FUSIONS})
    select: str = field(default="last", metadata={"choices": SELECTIONS})
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
            "reference_batch_size",
            "logging_steps",
            "checkpoints_total_limit",
            "max_nonfinite_steps",
            "ddp_timeout",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ValueError(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}.")
        for name in ("ema_decay_start", "ema_decay"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}.")
        steps = self.checkpointing_steps
        if steps is not None and steps != "epoch" and not (steps.isdigit() and int(steps) > 0):
            raise ValueError(f"checkpointing_steps must be a positive number or 'epoch', got {steps!r}.")
        if Path(self.output_dir).is_file():
            raise ValueError(f"output_dir {self.output_dir} is a file: give a folder.")
        if self.push_to_hub and not self.hub_model_id:
            raise ValueError("push_to_hub needs hub_model_id, such as your-name/crossmost-modelnet40.")
        if self.hub_model_id:
            check_repo_id(self.hub_model_id)


PARTS = (DataArguments, TrainArguments, SelfTrainingArguments, PretrainingOptions, SupervisedOptions)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Leave out the second spelling of an option, `--max-steps` beside `--max_steps`."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        return " ".join(
            [action.option_strings[0], *([self._format_args(action, "VALUE")] if action.nargs != 0 else [])]
        )


class TrainParser(HfArgumentParser, Parser):
    """Options of `train.py`: a group for each dataclass, explained by its docstring."""

    def __init__(self) -> None:
        super().__init__(
            PARTS,  # type: ignore[arg-type] # its NewType for "a dataclass" accepts none
            command="train.py",
            description="Trains and evaluates. A recipe holds `field: value` lines; the command line wins over it.",
            example="accelerate launch train.py recipes/modelnet10.yaml --dataset pairs/mine --output_dir outputs/mine",
            usage="accelerate launch train.py [RECIPE.yaml] [--field VALUE ...]",
            formatter_class=_Help,
        )
        explained = {name: text for part in PARTS for name, text in _explanations(part).items()}
        for action in self._actions:
            if action.dest in explained:
                default = "" if action.default is None else " (%(default)s)"
                action.help = argparse.SUPPRESS if action.nargs == 0 else explained[action.dest] + default


def _explanations(part: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says about each field."""
    section = inspect.cleandoc(part.__doc__ or "").partition("Args:\n")[2]
    entries = re.findall(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", section, re.M)
    return {name: " ".join(text.split()).replace("%", "%%") for names, text in entries for name in names.split(", ")}


@dataclass
class Arguments:
    """The resolved options of a run, by part.

    Attributes:
        source: what to load where that is not what `data.dataset` says: the folder of a set that was made for the run.
            It is no option, so `args.yaml` and a resumed run know the name alone.
    """

    data: DataArguments = field(default_factory=DataArguments)
    method: SelfTrainingArguments = field(default_factory=SelfTrainingArguments)
    train: TrainArguments = field(default_factory=TrainArguments)
    pretraining: PretrainingOptions = field(default_factory=PretrainingOptions)
    supervised: SupervisedOptions = field(default_factory=SupervisedOptions)
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """All fields under their command-line names, as written to `args.yaml`."""
        merged: dict[str, Any] = {}
        for part in (self.data, self.train, self.method, self.pretraining, self.supervised):
            merged.update(dataclasses.asdict(part))
        return merged

    def resume_fingerprint(self) -> dict[str, Any]:
        """Return the fields that decide the weights: a run that is resumed must have the same."""
        return {name: value for name, value in self.to_dict().items() if name not in FREE_ON_RESUME}


def _fields() -> dict[str, dataclasses.Field]:
    return {item.name: item for part in PARTS for item in dataclasses.fields(part)}


def read_recipe(path: str | os.PathLike) -> dict[str, Any]:
    """Read a YAML recipe.

    Raises:
        UsageError: no such file, not YAML, not a mapping, an unknown key, or a list where one value goes.
    """
    try:
        recipe = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the recipe {path} cannot be read: give an existing YAML file.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"the recipe {path} is not YAML ({first_line(error)}).") from error
    recipe = {} if recipe is None else recipe
    if not isinstance(recipe, dict):
        raise UsageError(f"the recipe {path} holds a {type(recipe).__name__}: write 'key: value' lines.")
    fields = _fields()
    unknown = sorted(set(map(str, recipe)) - set(fields))
    if unknown:
        raise UsageError(f"the recipe {path} has unknown keys: {', '.join(unknown)}.")
    for name, value in recipe.items():
        takes_list = "list[" in str(fields[name].type)
        if isinstance(value, dict) or (isinstance(value, list) and not takes_list):
            raise UsageError(f"{name} in the recipe {path} takes one value, got {value}.")
    return recipe


def _as_flags(values: dict[str, Any]) -> list[str]:
    """Convert {"a": 1, "b": [2, 3]} to ["--a=1", "--b", "2", "3"]; `None` keeps the default."""
    flags: list[str] = []
    for name, value in values.items():
        if isinstance(value, (list, tuple)):
            flags += [f"--{name}", *map(str, value)]
        elif value is not None:
            flags.append(f"--{name}={value}")  # one word, so that a value may begin with a dash
    return flags


def parse_arguments(argv: list[str]) -> Arguments:
    """Resolve presets, recipe and command line, each of which wins over those before it.

    Args:
        argv: arguments after the program's name; the first may be a recipe (`*.yaml`).

    Raises:
        UsageError: anything unusable, in one sentence.
    """
    argv = list(argv)
    recipe = read_recipe(argv.pop(0)) if argv and not argv[0].startswith("-") else {}
    method = _only(argv, "method") or recipe.get("method") or TrainArguments.method
    preset = _only(argv, "preset") or recipe.get("preset")
    if preset is not None and method not in PRESET_METHODS:
        raise UsageError(f"--preset {preset} belongs to --method {', '.join(PRESET_METHODS)}, not to {method}.")
    layers = (METHOD_DEFAULTS.get(method, {}), PRESETS.get(preset or "", {}), METHOD_PRESETS.get(method, {}), recipe)
    flags = [flag for layer in layers for flag in _as_flags(layer)] + argv
    try:
        *parts, rest = TrainParser().parse_args_into_dataclasses(
            flags, return_remaining_strings=True, look_for_args_file=False
        )
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from error
    data, train, method, pretraining, supervised = parts
    arguments = Arguments(data, method, train, pretraining, supervised)
    if rest:
        raise UsageError(f"unknown option {rest[0]}: see train.py --help.")
    for name, value in arguments.to_dict().items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{name} must be a finite number, got {value}.")
    _refuse_options_of_other_methods(arguments)
    if data.dataset_config is None and data.dataset == "furniture":
        data.dataset_config = "clean" if train.method == "pretrain" else "scan"
    return arguments


def _only(argv: list[str], name: str) -> str | None:
    """Return what the command line gives for one option."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{name}", nargs="?")
    return getattr(parser.parse_known_args(argv)[0], name)


def _refuse_options_of_other_methods(arguments: Arguments) -> None:
    method = arguments.train.method
    for part, owners in ((arguments.pretraining, ("pretrain",)), (arguments.supervised, LABELED)):
        for item in dataclasses.fields(part):
            if method not in owners and getattr(part, item.name) != item.default:
                belongs = " and ".join(owners)
                raise UsageError(f"{item.name} belongs to --method {belongs}; {method} always leaves it as it is.")
    if arguments.train.select == "label_free" and method not in ("crossmost", "baseline"):
        raise UsageError(f"--select label_free belongs to --method crossmost and baseline, not to {method}.")
    if arguments.train.label_smoothing and method not in ("pretrain", *LABELED):
        raise UsageError(f"label_smoothing belongs to --method pretrain and those with labels; {method} has none.")
