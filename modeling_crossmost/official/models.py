"""Builds models from the content of official checkpoint files: one function for each kind, and `convert` for any."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from ..configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig
from ..modeling_crossmost import CrossMoSTForSelfTraining, CrossMoSTModel, CrossMoSTPointModel, CrossMoSTPreTrainedModel
from .checkpoints import CheckpointError, OfficialWeights, official_weights, resolve_kind
from .names import convert_state_dict, our_names
from .sizes import (
    PAPER_GROUPING,
    SLIP_GROUPING,
    has_tower,
    infer_config,
    infer_point_config,
    infer_ppat_config,
    infer_tokenizer_config,
    infer_uni3d_config,
)


NO_CLASSIFIER = (
    "A ULIP file has no classifier, so it is zero and all logits are equal: create one with model.set_classes(names, "
    "tokenizer=...), or convert with --class-names and --tokenizer."
)
NO_TEXT = "The file has no classifier and no text tower to create one, so the classifier is zero: use point_embeds."
WITHOUT_OPENCLIP = (
    "The file has no towers of OpenCLIP, so the folder holds the point tower alone; its projection into their space "
    "is left out: from_backbones(clip, point=FOLDER) starts a projection that has to be trained (--method pretrain)."
)
OPENCLIP_ACTIVATION = (
    "OpenCLIP's towers are taken to have GELU, as its LAION models have; set hidden_act to quick_gelu in both "
    "configurations if the file was made with OpenAI's weights."
)
# The CLIP model of OpenShape's published files and the axis that points up in their clouds, by the embedding's width.
OPENSHAPE_SPACES = {
    1280: ("laion/CLIP-ViT-bigG-14-laion2B-39B-b160k", "z"),
    768: ("openai/clip-vit-large-patch14", "y"),
    512: ("openai/clip-vit-base-patch32", "y"),
}
# The CLIP model of Uni3D, which transformers cannot load, and the axis that points up in the clouds of its training.
UNI3D_SPACE, UNI3D_AXIS = "timm/eva02_enormous_patch14_plus_clip_224.laion2b_s9b_b144k", "z"
UNI3D_UNUSED = ("visual.patch_embed.", "visual.head.", "visual.cls_token", "visual.pos_embed")
OPENCLIP_HEADS = {1280: 16, 1664: 16}  # ViT-H/14 and ViT-bigG/14 by the width of their blocks
LAST_LAYER = (
    "The last layer, which knows the file's own classes, is left out: from_backbones(clip, point=FOLDER) starts a "
    "point projection that has to be trained (--method supervised, pointcmt or pretrain)."
)
MIXED_SPACES = (
    "This is the public ULIP layout: text tower, projections and logit scale belong to SLIP's embedding space, and "
    "SLIP's image tower (a timm ViT) does not fit into a CLIPVisionModel. The folder classifies clouds only; never "
    "combine CLIP's image tower with this text tower or these projections. from_backbones(clip, point=FOLDER) is safe: "
    "it takes only the point tower."
)


@dataclass
class KeyReport:
    """Report on the weights of a conversion.

    Attributes:
        missing: names of the model's weights for which the file has no tensor.
        unexpected: names in the file that do not belong to the model.
        warnings: what the user has to know before using the result.
        stored_prefix: only weights whose names start with this come from the file and should be saved.
    """

    missing: list[str]
    unexpected: list[str]
    warnings: list[str] = field(default_factory=list)
    stored_prefix: str = ""


def convert_crossmost(content: dict, weights: str = "model", **options) -> tuple[CrossMoSTForSelfTraining, KeyReport]:
    """Build a model from the content of a self-trained CrossMoST checkpoint (`checkpoint-*.pth`).

    Args:
        content: result of [`load_official_checkpoint`].
        weights: "model" (the student, used by the official evaluation) or "model_ema" (the teacher).
        options: see [`infer_config`].

    Returns:
        The model in evaluation mode and the report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "crossmost", weights)
    state = convert_state_dict(official.tensors)
    model = CrossMoSTForSelfTraining(infer_config(state, **options))
    return model, _fill(model, state, official)


def convert_ulip(
    content: dict,
    point_heads: int | None = None,
    point_groups: int | None = None,
    group_size: int | None = None,
    class_names: list[str] | None = None,
    **options,
) -> tuple[CrossMoSTModel, KeyReport]:
    """Build a model from the content of a ULIP file, either CrossMoST's own or a public one with PointBERT.

    ULIP files have no classes, so the classifier is zero until [`CrossMoSTModel.set_classes`] is called. The image
    tower of public files is a timm ViT, whose weights do not fit a `CLIPVisionModel`; the model then has none.

    Args:
        content: result of [`load_official_checkpoint`].
        point_heads: see [`infer_config`].
        point_groups, group_size: grouping; by default 64 sub-clouds of 32 points, or 512 of 32 for public files.
        class_names: value of `config.class_names`; by default the two placeholders of [`CrossMoSTConfig`].
        options: `image_heads` and `image_size` of [`infer_config`].

    Returns:
        The model in evaluation mode ([`CrossMoSTForSelfTraining`] if the file has its decoders) and the report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "ulip")
    state = convert_state_dict(official.tensors)
    if "point_projection.weight" not in state or state["point_projection.weight"].dim() != 2:
        raise CheckpointError(
            "The checkpoint has no matrix pc_projection: it is not a ULIP file with a PointBERT tower."
        )
    missing: dict[str, torch.Tensor] = {}
    if "classifier.weight" not in state:
        class_names = ["object", "other"] if class_names is None else class_names
        missing["classifier.weight"] = torch.zeros(len(class_names), len(state["point_projection.weight"]))

    has_images = has_tower(state, "vision_model")
    if "visual_projection.weight" in state and not any(name.startswith("visual.") for name in official.tensors):
        raise CheckpointError(
            "The checkpoint has an image_projection but no visual.*: its image tower was removed or renamed."
        )
    groups, size = PAPER_GROUPING if has_images else SLIP_GROUPING
    config = infer_config(
        state | missing,
        point_heads=point_heads,
        point_groups=groups if point_groups is None else point_groups,
        group_size=size if group_size is None else group_size,
        class_names=class_names,
        **options,
    )
    has_decoders = "image_mask_token" in state or "point_mask_token" in state
    model = CrossMoSTForSelfTraining(config) if has_images and has_decoders else CrossMoSTModel(config)
    report = _fill(model, state | missing, official)
    report.missing.extend(missing)
    if missing:
        report.warnings.append(NO_CLASSIFIER if model.text_model is not None else NO_TEXT)
    if not model.point_model.config.has_tokens and (point_heads, point_groups, group_size) != (None, None, None):
        report.warnings.append("--point-heads, --point-groups and --group-size have no effect on this point tower.")
    if not has_images:
        report.warnings.append(MIXED_SPACES)
        if options:
            report.warnings.append("--image-heads and --image-size have no effect without an image tower.")
    return model, report


def convert_colored(
    content: dict,
    kind: str,
    point_heads: int | None = None,
    point_groups: int | None = None,
    group_size: int | None = None,
    image_heads: int | None = None,
    class_names: list[str] | None = None,
    **options,
) -> tuple[CrossMoSTModel | CrossMoSTPointModel, KeyReport]:
    """Build a model from the content of a file of ULIP-2 or PointLLM: Point-BERT on colored points.

    Args:
        content: result of [`load_official_checkpoint`].
        kind: "ulip2" or "pointllm", whose layouts are the same.
        point_heads, image_heads: see [`infer_config`]; OpenCLIP's large image towers have fewer than one
            per 64 channels.
        point_groups, group_size: by default 512 sub-clouds of 32 points.
        class_names: value of `config.class_names`; by default the two placeholders of [`CrossMoSTConfig`].
        options: `image_size` of [`infer_config`].

    Returns:
        The model in evaluation mode, with OpenCLIP's towers if the file has them, else the point tower alone, and the
        report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, kind)
    state = convert_state_dict(official.tensors)
    grouping = {"point_groups": point_groups or SLIP_GROUPING[0], "group_size": group_size or SLIP_GROUPING[1]}
    if not has_tower(state, "text_model"):
        tower = CrossMoSTPointModel(infer_point_config(state, point_heads, **grouping))
        report = _fill(tower, state, official)
        report.warnings.append(WITHOUT_OPENCLIP)
        return tower, report
    names = ["object", "other"] if class_names is None else class_names
    width = state["point_projection.weight"].shape[0] if "point_projection.weight" in state else 0
    missing = {"classifier.weight": torch.zeros(len(names), width)}
    if image_heads is None and has_tower(state, "vision_model"):
        image_heads = OPENCLIP_HEADS.get(len(state.get("vision_model.embeddings.class_embedding", ())))
    config = infer_config(
        state | missing, image_heads, point_heads, class_names=names, hidden_act="gelu", **grouping, **options
    )
    model = CrossMoSTModel(config)
    report = _fill(model, state | missing, official)
    report.missing.extend(missing)
    report.warnings += [NO_CLASSIFIER, OPENCLIP_ACTIVATION]
    return model, report


def _projection_width(state: dict[str, torch.Tensor], name: str, kind: str) -> int:
    """Return the width of the space that the bias of a point projection shows; the file calls it `name`."""
    bias = state.get("point_projection.bias")
    if bias is None or bias.dim() != 1 or len(bias) == 0:
        raise CheckpointError(f"The checkpoint has no vector {name}: it is not {kind}.")
    return len(bias)


def convert_openshape(
    content: dict, class_names: list[str] | None = None, **options
) -> tuple[CrossMoSTModel, KeyReport]:
    """Build a model for clouds alone from the content of an OpenShape file with its PointBERT.

    Args:
        content: result of [`load_official_checkpoint`].
        class_names: value of `config.class_names`; by default the two placeholders of [`CrossMoSTConfig`].
        options: `point_heads`, `point_groups` and `group_size` of [`infer_ppat_config`].

    Returns:
        The model in evaluation mode, whose classifier is zero, and the report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "openshape")
    state = convert_state_dict(official.tensors)
    width = _projection_width(state, "proj.bias", "an OpenShape file with its PointBERT")
    space, axis = OPENSHAPE_SPACES.get(width, (None, "y"))
    point = infer_ppat_config(state, **options)
    model, report = _of_clouds(state, official, point, class_names, content.get("logit_scale"), space, axis)
    report.warnings.append(
        f"The tower is taken for that of OpenShape's {width} dimensions: {axis} up, in the space of "
        f"{space or 'an unknown CLIP model'}. from_backbones(that model, point=CrossMoSTModel.from_pretrained(FOLDER)) "
        "adds its image and text towers, which classes need."
    )
    return model, report


def convert_uni3d(content: dict, class_names: list[str] | None = None, **options) -> tuple[CrossMoSTModel, KeyReport]:
    """Build a model for clouds alone from the content of a Uni3D file.

    Args:
        content: result of [`load_official_checkpoint`].
        class_names: value of `config.class_names`; by default the two placeholders of [`CrossMoSTConfig`].
        options: `point_heads`, `point_groups` and `group_size` of [`infer_uni3d_config`].

    Returns:
        The model in evaluation mode, whose classifier is zero, and the report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the model.
    """
    official = official_weights(content, "uni3d")
    state = convert_state_dict(official.tensors)
    _projection_width(state, "trans2embed.bias", "a Uni3D file")
    state |= _joined_eva_layers(official.tensors)
    point = infer_uni3d_config(state, **options)
    scale = state.pop("logit_scale", None)
    model, report = _of_clouds(state, official, point, class_names, scale, UNI3D_SPACE, UNI3D_AXIS)
    report.unexpected = [name for name in report.unexpected if not any(part in name for part in UNI3D_UNUSED)]
    report.warnings.append(
        f"Uni3D's files do not say so: {UNI3D_AXIS} up, in the space of {UNI3D_SPACE}, which transformers cannot load: "
        "write embeddings of class names made with open_clip into model.classifier.weight."
    )
    return model, report


def _joined_eva_layers(official: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return under our names what timm's EVA blocks hold otherwise: queries, keys and values apart, gates with values.

    Keys have no bias there, which changes nothing: a softmax does not see it.
    """
    inside = "point_encoder.uni3d.visual.blocks."
    numbers = sorted({int(name.removeprefix(inside).split(".")[0]) for name in official if name.startswith(inside)})
    joined: dict[str, torch.Tensor] = {}
    for number in numbers:
        theirs, ours = f"{inside}{number}.", f"point_model.encoder.layers.{number}."
        parts = [official.get(f"{theirs}attn.{part}_proj.weight") for part in "qkv"]
        separate = all(part is not None for part in parts)
        names = [f"{theirs}attn.{part}_proj.bias" if separate else f"{theirs}attn.{part}_bias" for part in "qv"]
        query, value = (official.get(name) for name in names)
        if separate:
            joined[f"{ours}self_attn.qkv.weight"] = torch.cat([part for part in parts if part is not None])
        if query is not None and value is not None:
            joined[f"{ours}self_attn.qkv.bias"] = torch.cat([query, torch.zeros_like(query), value])
        first, second = official.get(f"{theirs}mlp.fc1.weight"), official.get(f"{theirs}mlp.fc2.weight")
        if first is not None and second is not None and len(first) == 2 * second.shape[-1]:
            # The small models hold gate and value in one layer.
            for kind in ("weight", "bias"):
                gate, inner = official[f"{theirs}mlp.fc1.{kind}"].chunk(2)
                joined |= {f"{ours}mlp.gate.{kind}": gate.clone(), f"{ours}mlp.fc1.{kind}": inner.clone()}
    return joined


def _of_clouds(
    state: dict[str, torch.Tensor],
    official: OfficialWeights,
    point: CrossMoSTPointConfig,
    class_names: list[str] | None,
    scale: torch.Tensor | None,
    space: str | None,
    axis: str,
) -> tuple[CrossMoSTModel, KeyReport]:
    """Build a model for clouds alone, with a projection that has a bias and a classifier of zeros."""
    names, width = ["object", "other"] if class_names is None else class_names, len(state["point_projection.bias"])
    missing = {"classifier.weight": torch.zeros(len(names), width), "logit_scale": torch.tensor(math.log(100.0))}
    lacking = list(missing)
    if isinstance(scale, torch.Tensor) and scale.numel() == 1:
        missing["logit_scale"] = scale.detach().float().reshape(())
        lacking.remove("logit_scale")
    config = CrossMoSTConfig(
        vision_config=None,
        point_config=point,
        projection_dim=width,
        class_names=names,
        up_axis=axis,
        point_projection_bias=True,
        embedding_space=space,
    )
    model = CrossMoSTModel(config)
    report = _fill(model, state | missing, official)
    report.missing.extend(lacking)
    return model, report


def convert_pointbert(content: dict, **options) -> tuple[CrossMoSTPointModel, KeyReport]:
    """Build a point tower from the query network in the content of a Point-BERT pre-training file.

    Args:
        content: result of [`load_official_checkpoint`].
        options: see [`infer_point_config`].

    Returns:
        The tower in evaluation mode, for `CrossMoSTModel.from_backbones(clip, point=...)`, and the report.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the tower.
    """
    official = official_weights(content, "pointbert")
    state = convert_state_dict(official.tensors)
    model = CrossMoSTPointModel(infer_point_config(state, **options))
    return model, _fill(model, state, official)


def convert_tower(content: dict, kind: str) -> tuple[CrossMoSTPointModel, KeyReport]:
    """Build a point tower from the content of a public PointNet++ or PointMLP classifier.

    Args:
        content: result of [`load_official_checkpoint`].
        kind: "pointnet2" or "pointmlp".

    Returns:
        The tower in evaluation mode, for `CrossMoSTModel.from_backbones(clip, point=...)`, and the report, which lists
        the classifier's last layer as unexpected.

    Raises:
        CheckpointError: if the file is of another kind, was trained with normals, or lacks parameters of the tower.
    """
    official = official_weights(content, kind)
    state = convert_state_dict(official.tensors)
    model = CrossMoSTPointModel(infer_point_config(state))
    report = _fill(model, state, official)
    if report.unexpected:
        report.warnings.append(LAST_LAYER)
    return model, report


def convert_dvae(content: dict, **options) -> tuple[CrossMoSTPointModel, KeyReport]:
    """Build a point tower with the tokenizer in the content of a `dVAE.pth` and an untrained transformer.

    Args:
        content: result of [`load_official_checkpoint`].
        options: see [`infer_tokenizer_config`].

    Returns:
        The tower in evaluation mode and the report, which lists everything but the tokenizer as missing.

    Raises:
        CheckpointError: if the file is of another kind, or lacks parameters of the tokenizer.
    """
    official = official_weights(content, "dvae")
    state = convert_state_dict(official.tensors)
    model = CrossMoSTPointModel(infer_tokenizer_config(state, **options))
    report = _fill(model, state, official, required="embeddings.tokenizer.")
    report.warnings.append(
        "A dVAE file holds only the tokenizer: CrossMoSTPointModel.from_pretrained and from_backbones(clip, "
        "point=FOLDER) initialize the transformer at random, and it has to be trained (--method pretrain)."
    )
    return model, report


def _fill(
    model: CrossMoSTPreTrainedModel, state: dict[str, torch.Tensor], official: OfficialWeights, required: str = ""
) -> KeyReport:
    """Load converted weights into a model and set it to evaluation mode.

    Raises:
        CheckpointError: if shapes do not match, or a weight whose name starts with `required` is missing.
    """
    # Converted names are those of the full model. In a stand-alone point tower they lack this prefix.
    inside = "point_model." if isinstance(model, CrossMoSTPointModel) else ""
    own = {f"{inside}{name}" for name in model.state_dict()}
    try:
        result = model.load_state_dict({n[len(inside) :]: t for n, t in state.items() if n in own}, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().split("\n")[-1].strip()  # one mismatch is enough: torch lists them all
        raise CheckpointError(f"The checkpoint's tensors do not fit together ({detail}).") from error
    lacking = [name for name in result.missing_keys if name.startswith(required)]
    if lacking:
        raise CheckpointError(
            f"The checkpoint lacks {len(lacking)} parameters of the model, such as {lacking[0]}: "
            f"missing {', '.join(lacking)}."
        )
    model.eval()
    unexpected = [official.names[name] for name in official.tensors if not own.issuperset(our_names(name))]
    return KeyReport(list(result.missing_keys), unexpected, stored_prefix=required)


_POINT_OPTIONS = {"point_heads", "point_groups", "group_size"}
_MODEL_OPTIONS = _POINT_OPTIONS | {"image_heads", "image_size", "class_names"}
_CONVERTERS: dict[str, tuple[Callable, set[str]]] = {
    "crossmost": (convert_crossmost, _MODEL_OPTIONS | {"weights"}),
    "ulip": (convert_ulip, _MODEL_OPTIONS),
    "ulip2": (partial(convert_colored, kind="ulip2"), _MODEL_OPTIONS),
    "pointllm": (partial(convert_colored, kind="pointllm"), _MODEL_OPTIONS),
    "openshape": (convert_openshape, _POINT_OPTIONS | {"class_names"}),
    "uni3d": (convert_uni3d, _POINT_OPTIONS | {"class_names"}),
    "dvae": (convert_dvae, _POINT_OPTIONS),
    "pointbert": (convert_pointbert, _POINT_OPTIONS),
    "pointnet2": (partial(convert_tower, kind="pointnet2"), set()),
    "pointmlp": (partial(convert_tower, kind="pointmlp"), set()),
}


def convert(content: dict, kind: str = "auto", **options) -> tuple[CrossMoSTPreTrainedModel, KeyReport]:
    """Build a model from the content of an official file of any kind.

    Args:
        content: result of [`load_official_checkpoint`].
        kind: one of [`KINDS`], or "auto".
        options: options of the command line, where `None` is the default. The report warns of options that have no
            effect on the kind of file.

    Returns:
        The model in evaluation mode and the report of missing and unexpected names.

    Raises:
        CheckpointError: if the file is of another or an unknown kind or lacks parameters, or an option contradicts it.
    """
    kind = resolve_kind(content, kind)
    converter, known = _CONVERTERS[kind]
    given = {name: value for name, value in options.items() if value is not None}
    unused = [f"--{name.replace('_', '-')}" for name in given if name not in known]
    if "--weights" in unused and given["weights"] != "model":
        raise CheckpointError(f"--weights {given['weights']} needs a file of kind 'crossmost'; this one is {kind!r}.")
    model, report = converter(content, **{name: value for name, value in given.items() if name in known})
    if unused:
        report.warnings.append(f"{', '.join(unused)} had no effect on a file of kind {kind!r}.")
    return model, report
