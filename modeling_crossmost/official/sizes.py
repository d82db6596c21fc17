"""Infers configurations from official weights: every size that the tensors show is read from them."""

import math
import re

import torch

from ..configuration_crossmost import CrossMoSTConfig, CrossMoSTPointConfig, check_class_names
from .checkpoints import CheckpointError


PAPER_GROUPING = (64, 32)  # sub-clouds per object, points per sub-cloud
SLIP_GROUPING = (512, 32)  # of the public ULIP models, which were trained with SLIP


def infer_config(
    weights: dict[str, torch.Tensor],
    image_heads: int | None = None,
    point_heads: int | None = None,
    point_groups: int = PAPER_GROUPING[0],
    group_size: int = PAPER_GROUPING[1],
    image_size: int | None = None,
    class_names: list[str] | None = None,
    hidden_act: str = "quick_gelu",
) -> CrossMoSTConfig:
    """Infer the configuration of a model from its weights; a tower without weights is omitted.

    Args:
        weights: result of [`convert_state_dict`], with a classifier.
        image_heads, point_heads: attention heads; by default one per 64 channels, as in all official models.
        point_groups, group_size: grouping, which the weights do not show (64 of 32 in the self-training recipes).
        image_size: side of the views in pixels, only to check the size that the position embeddings show.
        class_names: class names in label order; by default "class 0", "class 1", ...
        hidden_act: activation of CLIP's towers, which the weights do not show.

    Raises:
        CheckpointError: if a required tensor is missing or malformed, or an option contradicts the tensors.
        ValueError: for unusable class names.
    """
    num_classes, projection_dim = _shape(weights, "classifier.weight", 2)
    vision, text = None, None
    if has_tower(weights, "vision_model"):
        vision = _vision_sizes(weights, image_heads, image_size)
        vision |= {"projection_dim": projection_dim, "hidden_act": hidden_act}
    if has_tower(weights, "text_model"):
        text = _text_sizes(weights) | {"projection_dim": projection_dim, "hidden_act": hidden_act}
    return CrossMoSTConfig(
        vision_config=vision,
        text_config=text,
        point_config=infer_point_config(weights, point_heads, point_groups, group_size),
        projection_dim=projection_dim,
        logit_scale_init_value=_scalar(weights, "logit_scale"),
        class_names=_names(class_names, num_classes),
        point_local_projection="point_local_projection.weight" in weights,
    )


def has_tower(weights: dict[str, torch.Tensor], tower: str) -> bool:
    """Whether any weight belongs to `tower` ("vision_model" or "text_model")."""
    return any(name.startswith(f"{tower}.") for name in weights)


def infer_point_config(
    weights: dict[str, torch.Tensor],
    point_heads: int | None = None,
    point_groups: int = PAPER_GROUPING[0],
    group_size: int = PAPER_GROUPING[1],
) -> CrossMoSTPointConfig:
    """Infer the configuration of the point tower; arguments and errors are those of [`infer_config`]."""
    if any(name.startswith("point_model.encoder.") for name in weights):
        return _infer_encoder_config(weights)
    width = _shape(weights, "point_model.embeddings.token_projection.weight", 2)[0]
    hidden = _shape(weights, "point_model.layers.0.mlp.fc1.weight", 2)[0]
    return CrossMoSTPointConfig(
        **_tokenizer_sizes(weights),
        num_groups=point_groups,
        group_size=group_size,
        position_hidden_size=_shape(weights, "point_model.embeddings.position_in.weight", 2)[0],
        hidden_size=width,
        num_hidden_layers=_count_blocks(weights, "point_model.layers."),
        num_attention_heads=_heads(point_heads, width, "--point-heads"),
        mlp_ratio=hidden / width,
        qkv_bias="point_model.layers.0.self_attn.qkv.bias" in weights,
    )


def _infer_encoder_config(weights: dict[str, torch.Tensor]) -> CrossMoSTPointConfig:
    """Infer which of PointNet++ and PointMLP it is, and how wide."""
    inside = "point_model.encoder."
    factor = _shape(weights, f"{inside}head.first.linear.weight", 2)[0] / 512
    if f"{inside}embedding.linear.weight" in weights:
        # Inside its residual layers, the elite version is narrower.
        hidden, width = _shape(weights, f"{inside}stages.0.neighbors.0.first.linear.weight", 2)
        return CrossMoSTPointConfig(tower="pointmlp" if hidden == width else "pointmlp_elite", width_factor=factor)
    channels = _shape(weights, f"{inside}stages.0.scales.0.0.linear.weight", 2)[1]
    if channels != 3:
        raise CheckpointError(
            f"The checkpoint's first layer takes {channels} channels, coordinates and normals: use a file that was "
            "trained without normals."
        )
    tower = "pointnet2_msg" if f"{inside}stages.0.scales.1.0.linear.weight" in weights else "pointnet2_ssg"
    return CrossMoSTPointConfig(tower=tower, width_factor=factor)


def infer_ppat_config(
    weights: dict[str, torch.Tensor],
    point_heads: int | None = None,
    point_groups: int | None = None,
    group_size: int | None = None,
) -> CrossMoSTPointConfig:
    """Infer the configuration of OpenShape's tower; grouping defaults to that of the published model of its size.

    Raises:
        CheckpointError: as [`infer_config`].
    """
    inside = "point_model.encoder."
    names = [f"{inside}balls.scales.0.{number}.linear.weight" for number in range(3)]
    (first, channels), (second, _), (third, _) = (_shape(weights, name, 2) for name in names)
    if channels - 3 not in (3, 6):
        raise CheckpointError(f"The checkpoint's first layer takes {channels} channels, neither 6 nor 9 with colors.")
    width, blocks = _shape(weights, f"{inside}class_embedding", 1)[0], _count_blocks(weights, f"{inside}layers.")
    groups, size, radius = _PPAT_GROUPING.get((width, blocks, third), (384, 64, 0.2))
    return CrossMoSTPointConfig(
        tower="ppat",
        in_channels=channels - 3,
        tokenizer_dims=(first, second, third),
        token_size=third,
        num_groups=groups if point_groups is None else point_groups,
        group_size=size if group_size is None else group_size,
        group_radius=radius,
        hidden_size=width,
        num_hidden_layers=blocks,
        num_attention_heads=_heads(point_heads, width, "--point-heads"),
        mlp_ratio=_shape(weights, f"{inside}layers.0.mlp.fc1.weight", 2)[0] / width,
        drop_path_rate=0.0,
    )


# Of OpenShape's scalings 1 to 6: (width, blocks, width of a token before it is lifted) -> sub-clouds, points, radius.
_PPAT_GROUPING = {
    (256, 6, 96): (64, 256, 0.4),
    (512, 6, 128): (64, 256, 0.4),
    (512, 12, 128): (128, 128, 0.35),
    (512, 12, 256): (384, 64, 0.2),
    (768, 12, 256): (512, 64, 0.2),
    (768, 24, 256): (512, 64, 0.2),
}


def infer_uni3d_config(
    weights: dict[str, torch.Tensor],
    point_heads: int | None = None,
    point_groups: int | None = None,
    group_size: int | None = None,
) -> CrossMoSTPointConfig:
    """Infer the configuration of Uni3D's tower; grouping and heads default to those of its published models.

    Raises:
        CheckpointError: as [`infer_config`].
    """
    inside = "point_model.encoder."
    width = _shape(weights, f"{inside}embeddings.token_projection.weight", 2)[0]
    hidden = _shape(weights, f"{inside}layers.0.mlp.fc1.weight", 2)[0]
    return CrossMoSTPointConfig(
        tower="uni3d",
        **_tokenizer_sizes(weights, inside),
        num_groups=512 if point_groups is None else point_groups,
        group_size=64 if group_size is None else group_size,
        position_hidden_size=_shape(weights, f"{inside}embeddings.position_in.weight", 2)[0],
        hidden_size=width,
        num_hidden_layers=_count_blocks(weights, f"{inside}layers."),
        num_attention_heads=_heads(
            _UNI3D_HEADS.get(width) if point_heads is None else point_heads, width, "--point-heads"
        ),
        mlp_ratio=hidden / width,
        qkv_bias=True,
        gated_mlp=f"{inside}layers.0.mlp.gate.weight" in weights,
        mlp_norm=f"{inside}layers.0.mlp.norm.weight" in weights,
        layer_norm_eps=1e-6,  # timm's
        drop_path_rate=0.0,
    )


_UNI3D_HEADS = {1408: 16}  # the giant's; all others have one per 64 channels


def infer_tokenizer_config(
    weights: dict[str, torch.Tensor],
    point_heads: int | None = None,
    point_groups: int = PAPER_GROUPING[0],
    group_size: int = PAPER_GROUPING[1],
) -> CrossMoSTPointConfig:
    """Like [`infer_point_config`] for a file with only a tokenizer; the transformer has the sizes of the paper."""
    config = CrossMoSTPointConfig(**_tokenizer_sizes(weights), num_groups=point_groups, group_size=group_size)
    config.num_attention_heads = _heads(point_heads, config.hidden_size, "--point-heads")
    return config


def _tokenizer_sizes(weights: dict[str, torch.Tensor], inside: str = "point_model.") -> dict:
    first_in, first_out, second_in, second_out = (
        _shape(weights, f"{inside}embeddings.tokenizer.{name}.weight", 2)[0]
        for name in ("first_in", "first_out", "second_in", "second_out")
    )
    channels = _shape(weights, f"{inside}embeddings.tokenizer.first_in.weight", 2)[1]
    if channels not in (3, 6):
        raise CheckpointError(f"The checkpoint's tokenizer takes {channels} channels, neither 3 nor 6 with colors.")
    return {"tokenizer_dims": (first_in, first_out, second_in), "token_size": second_out, "in_channels": channels}


def _vision_sizes(weights: dict[str, torch.Tensor], heads: int | None, image_size: int | None) -> dict:
    width, _, _, patch_size = _shape(weights, "vision_model.embeddings.patch_embedding.weight", 4)
    tokens, _ = _shape(weights, "vision_model.embeddings.position_embedding.weight", 2)
    grid = math.isqrt(tokens - 1)  # patches per side; one position belongs to the class token
    if grid * grid != tokens - 1 or grid == 0:
        raise CheckpointError(f"The checkpoint has position embeddings for {tokens - 1} patches, not a square number.")
    shown = grid * patch_size
    if image_size is not None and image_size != shown:
        raise CheckpointError(
            f"--image-size {image_size} contradicts the checkpoint, whose position embeddings are for {shown} px: "
            "omit the option."
        )
    return {
        "hidden_size": width,
        "intermediate_size": _shape(weights, "vision_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": _count_blocks(weights, "vision_model.encoder.layers."),
        "num_attention_heads": _heads(heads, width, "--image-heads"),
        "image_size": shown,
        "patch_size": patch_size,
    }


def _text_sizes(weights: dict[str, torch.Tensor]) -> dict:
    vocabulary, width = _shape(weights, "text_model.embeddings.token_embedding.weight", 2)
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": _shape(weights, "text_model.encoder.layers.0.mlp.fc1.weight", 2)[0],
        "num_hidden_layers": _count_blocks(weights, "text_model.encoder.layers."),
        "num_attention_heads": _heads(None, width, "the text tower's number of heads"),
        "max_position_embeddings": _shape(weights, "text_model.embeddings.position_embedding.weight", 2)[0],
        # CLIP's tokenizer gives its two special tokens the largest ids. With an end id of 2, CLIPTextModel pools at the
        # position of the largest id in a prompt, as the official code does.
        "bos_token_id": vocabulary - 2,
        "pad_token_id": vocabulary - 1,
        "eos_token_id": 2,
    }


def _tensor(weights: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in weights:
        raise CheckpointError(f"The checkpoint has no tensor for {name}: it is not an official file of this kind.")
    return weights[name]


def _shape(weights: dict[str, torch.Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    """Return the shape of a tensor, which must have `dimensions` axes, none of them empty."""
    shape = tuple(_tensor(weights, name).shape)
    if len(shape) != dimensions or 0 in shape:
        raise CheckpointError(f"The checkpoint's tensors do not have the shapes of an official file ({name}: {shape}).")
    return shape


def _scalar(weights: dict[str, torch.Tensor], name: str) -> float:
    tensor = _tensor(weights, name)
    if tensor.numel() != 1:
        shape = tuple(tensor.shape)
        raise CheckpointError(f"The checkpoint's tensors do not have the shapes of an official file ({name}: {shape}).")
    return float(tensor)


def _names(names: list[str] | None, count: int) -> list[str]:
    names = check_class_names([f"class {index}" for index in range(count)] if names is None else names)
    if len(names) != count:
        raise CheckpointError(f"--class-names has {len(names)} names, but the classifier has {count} classes.")
    return names


def _heads(heads: int | None, width: int, option: str) -> int:
    heads = max(width // 64, 1) if heads is None else heads
    if heads < 1 or width % heads:
        raise CheckpointError(f"{option} {heads} does not divide the width {width} of the checkpoint's blocks.")
    return heads


def _count_blocks(weights: dict[str, torch.Tensor], prefix: str) -> int:
    matches = [re.match(re.escape(prefix) + r"(\d+)\.", name) for name in weights]
    numbers = {int(match[1]) for match in matches if match}
    if numbers != set(range(len(numbers))):
        raise CheckpointError(
            f"The checkpoint's blocks {prefix}* are not numbered from 0 without a gap "
            f"({len(numbers)} blocks, the last one {max(numbers)})."
        )
    return len(numbers)
