"""The beginning of a run: the model that the method trains, and the classes it tells apart."""

import copy
import os
from datetime import timedelta

import torch
from torch import nn
from transformers import PreTrainedModel

from ..configuration_crossmost import CrossMoSTPointConfig, check_class_names
from ..evaluation.prompts import prompt_set
from ..hub import loading
from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel
from ..processing_crossmost import CrossMoSTProcessor
from ..utils.extras import importing
from . import sharding
from .arguments import LABELED, Arguments
from .attention import fastest_attention
from .evaluator import Evaluator


with importing("train"):
    from accelerate import Accelerator
    from accelerate.utils import DistributedType, InitProcessGroupKwargs


UNSUPPORTED = (DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)

# What self-training adds to a saved CrossMoSTModel; everything else has to be in the checkpoint.
_NEW_IN_SELF_TRAINING = (
    "image_mask_token",
    "point_mask_token",
    "patch_layernorm.",
    "pixel_decoder.",
    "token_decoder.",
    "point_local_projection.",
)


def make_accelerator(timeout: int, trackers: list[str] | None, project_dir: str) -> Accelerator:
    """Make the accelerator of a run: the launcher's devices and precision.

    Args:
        timeout: seconds that processes wait for each other.
        trackers: names of accelerate's trackers.
        project_dir: where trackers that write files do so.

    Raises:
        ValueError: if the launcher asks for an engine that divides the weights among processes.
    """
    accelerator = Accelerator(
        log_with=trackers,
        project_dir=project_dir if trackers else None,
        cpu=not torch.accelerator.is_available(),  # several processes without an accelerator meet over gloo
        kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(seconds=timeout))],
    )
    if accelerator.distributed_type in UNSUPPORTED:
        name = accelerator.distributed_type.value
        raise ValueError(
            f"train.py cannot run under {name}: launch it with --multi_gpu, or under FSDP with fsdp_version: 2, where "
            "fsdp_reshard_after_forward: false divides what ZeRO-2 does."
        )
    if sharding.asked_for():
        sharding.load_everywhere()
    return accelerator


def set_numerics(tf32: bool, deterministic: bool) -> None:
    """Set for the whole process whether fp32 products may use TF32, and whether kernels must be deterministic."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it is first used


def checkpoint_activations(model: nn.Module) -> None:
    """Let every block of the towers forget its activations and compute them again in the backward pass."""
    for part in [model] if isinstance(model, PreTrainedModel) else model.children():
        if isinstance(part, PreTrainedModel):
            # Newer versions of transformers warn of the old name.
            enable = getattr(part, "activation_checkpointing_enable", None) or part.gradient_checkpointing_enable
            enable()


def load_model_and_processor(
    arguments: Arguments, accelerator: Accelerator
) -> tuple[CrossMoSTModel, CrossMoSTProcessor]:
    """Load `model_name_or_path` as the class that the method trains; new parts start from the run's seed.

    Args:
        arguments: of the run.
        accelerator: whose device and precision choose the attention.

    Raises:
        ValueError: nothing loadable there, or weights that do not fit.
    """
    model_class = CrossMoSTModel if arguments.train.method in ("pretrain", *LABELED) else CrossMoSTForSelfTraining
    name, attention = arguments.data.model_name_or_path, arguments.data.attn_implementation
    if attention == "auto":
        attention = fastest_attention(accelerator.device, accelerator.mixed_precision)
    model, processor = loading.load_model_and_processor(
        name, model_class, _NEW_IN_SELF_TRAINING, attn_implementation=attention
    )
    tower = arguments.data.point_tower
    return (model if tower is None else with_new_point_tower(model, tower)), processor


def with_new_point_tower(model: CrossMoSTModel, tower: str) -> CrossMoSTModel:
    """Return a model with an untrained point tower and projection, of another kind at its authors' size.

    Args:
        model: whose other weights and configuration the result has.
        tower: one of `POINT_TOWERS`, or "new" for the model's own kind and size.
    """
    config = copy.deepcopy(model.config)
    if tower != "new":
        config.point_config = CrossMoSTPointConfig(tower=tower)
    new = type(model)._from_config(config, attn_implementation=model.config._attn_implementation)
    of_points = ("point_model.", "point_projection.", "point_mask_token", "token_decoder.", "point_local_projection.")
    kept = {name: value for name, value in model.state_dict().items() if not name.startswith(of_points)}
    new.load_state_dict(kept, strict=False)
    return new.eval()


def resolve_classes(
    arguments: Arguments,
    model: CrossMoSTModel,
    processor: CrossMoSTProcessor,
    evaluator: Evaluator | None,
    taught: list[str] | None = None,
) -> tuple[list[str], list[str]]:
    """Decide the classes and prompts of the run and bring the classifier and the label map into line.

    Order: `class_names` of the options, else those that labels teach, else the evaluation split's, else the model's. A
    model that already knows just these classes keeps its classifier (it may be trained) unless `prompts` asks for
    another one or it is zero, as the converter leaves it where a file has none.

    Returns:
        Class names in the model's order, and prompt templates.

    Raises:
        ValueError: unusable names, an unknown prompt set, or a classifier that needs a text tower that is not there.
    """
    data, config = arguments.data, model.config
    wanted = data.class_names or taught or (evaluator.labels if evaluator else None) or config.class_names
    wanted = check_class_names([name.strip().replace("_", " ") for name in wanted])
    templates = prompt_set(data.prompts) if data.prompts else list(config.prompt_templates)
    is_known = sorted(wanted) == sorted(config.class_names) and bool(model.classifier.weight.any())
    if not is_known or data.prompts:
        model.set_classes(wanted, templates, tokenizer=processor.tokenizer)
    names = list(model.config.class_names)
    if evaluator is not None:
        evaluator.map_labels(names)
    return names, templates
