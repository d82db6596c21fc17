"""Maps names and layouts of the official weights to those of this package."""

import re

import torch

from .checkpoints import CheckpointError


def _clip_blocks(official: str, ours: str) -> tuple[tuple[str, str], ...]:
    """Return the renames of OpenAI's transformer blocks, which differ between the towers only in their prefix."""
    official, ours = rf"{official}\.resblocks\.(\d+)\.", rf"{ours}.encoder.layers.\1."
    return (
        (rf"{official}ln_([12])\.", rf"{ours}layer_norm\2."),
        (rf"{official}attn\.out_proj\.", f"{ours}self_attn.out_proj."),
        (rf"{official}attn\.in_proj_", f"{ours}self_attn.in_proj_"),
        (rf"{official}mlp\.c_fc\.", f"{ours}mlp.fc1."),
        (rf"{official}mlp\.c_proj\.", f"{ours}mlp.fc2."),
    )


_PARTS = {"convs": "linear", "bns": "norm", "conv_blocks": "linear", "bn_blocks": "norm", "0": "linear", "1": "norm"}


def _tower_layers() -> tuple[tuple[str, str], ...]:
    """Return the renames of PointNet++ and PointMLP, as their public PyTorch versions name their layers."""
    official, ours = r"point_encoder\.", "point_model.encoder."
    rules = [(rf"{official}embedding\.net\.{i}\.", f"{ours}embedding.{_PARTS[i]}.") for i in "01"]
    for part in ("convs", "bns"):
        layer = _PARTS[part]
        rules += [(rf"{official}sa3\.mlp_{part}\.(\d+)\.", rf"{ours}whole.\1.{layer}.")]
        rules += [
            (rf"{official}sa{stage + 1}\.mlp_{part}\.(\d+)\.", rf"{ours}stages.{stage}.scales.0.\1.{layer}.")
            for stage in (0, 1)
        ]
    for part in ("conv_blocks", "bn_blocks"):
        rules += [
            (
                rf"{official}sa{stage + 1}\.{part}\.(\d+)\.(\d+)\.",
                rf"{ours}stages.{stage}.scales.\1.\2.{_PARTS[part]}.",
            )
            for stage in (0, 1)
        ]
    for blocks, name in (("pre", "neighbors"), ("pos", "pooled")):
        for number, layer in (("1", "first"), ("2", "second")):
            rules += [
                (
                    rf"{official}{blocks}_blocks_list\.(\d+)\.operation\.(\d+)\.net{number}\.{i}\.",
                    rf"{ours}stages.\1.{name}.\2.{layer}.{_PARTS[i]}.",
                )
                for i in "01"
            ]
    rules += [
        (rf"{official}pre_blocks_list\.(\d+)\.transfer\.net\.{i}\.", rf"{ours}stages.\1.transfer.{_PARTS[i]}.")
        for i in "01"
    ]
    rules += [(rf"{official}local_grouper_list\.(\d+)\.affine_(alpha|beta)", rf"{ours}stages.\1.\2")]
    heads = {"fc1": "first.linear", "bn1": "first.norm", "fc2": "second.linear", "bn2": "second.norm"}
    heads |= {"classifier.0": "first.linear", "classifier.1": "first.norm"}
    heads |= {"classifier.4": "second.linear", "classifier.5": "second.norm"}
    rules += [(rf"{official}{re.escape(theirs)}\.", f"{ours}head.{name}.") for theirs, name in heads.items()]
    return tuple(rules)


def _ppat_blocks() -> tuple[tuple[str, str], ...]:
    """Return the renames of the blocks of OpenShape's transformer."""
    layers = {
        "0.norm": "layer_norm1",
        "0.fn.to_qkv": "self_attn.qkv",
        "0.fn.to_out.0": "self_attn.out_proj",
        "1.norm": "layer_norm2",
        "1.fn.net.0": "mlp.fc1",
        "1.fn.net.3": "mlp.fc2",
    }
    official, ours = r"point_encoder\.ppat\.transformer\.layers\.(\d+)\.", r"point_model.encoder.layers.\1."
    return tuple((rf"{official}{re.escape(theirs)}\.", f"{ours}{name}.") for theirs, name in layers.items())


def _uni3d_layers() -> tuple[tuple[str, str], ...]:
    """Return the renames of Uni3D, whose blocks are those of timm's EVA; what stands in three parts gets one name."""
    official, ours = r"point_encoder\.uni3d\.", "point_model.encoder."
    parts = {"0": "in", "1": "norm", "3": "out"}
    rules = [
        (rf"{official}encoder\.(first|second)_conv\.{i}\.", rf"{ours}embeddings.tokenizer.\1_{part}.")
        for i, part in parts.items()
    ]
    layers = {
        "norm1": "layer_norm1",
        "norm2": "layer_norm2",
        "attn.proj": "self_attn.out_proj",
        "attn.qkv": "self_attn.qkv",
        "mlp.fc1_g": "mlp.gate",
        "mlp.fc1_x": "mlp.fc1",
        "mlp.norm": "mlp.norm",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }
    blocks, layer = rf"{official}visual\.blocks\.(\d+)\.", rf"{ours}layers.\1."
    rules += [(rf"{blocks}{re.escape(theirs)}\.", f"{layer}{name}.") for theirs, name in layers.items()]
    rules += [(rf"{blocks}attn\.[qkv]_proj\.", f"{layer}self_attn.qkv.")]
    rules += [(rf"{blocks}attn\.[qv]_bias$", f"{layer}self_attn.qkv.bias")]
    whole = {
        r"cls_token": "embeddings.class_embedding",
        r"cls_pos": "embeddings.class_position",
        r"encoder2trans\.": "embeddings.token_projection.",
        r"pos_embed\.0\.": "embeddings.position_in.",
        r"pos_embed\.2\.": "embeddings.position_out.",
        r"visual\.(?:fc_)?norm\.": "layernorm.",
    }
    rules += [(f"{official}{theirs}", f"{ours}{name}") for theirs, name in whole.items()]
    return (*rules, (rf"{official}trans2embed\.", "point_projection."))


# Official name (regular expression, matched from the start) -> our name, where `\1` is usually the number of a block.
# The misspelled `pre_layrnorm` is the name in transformers.
_RENAMES = (
    (r"visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"visual\.mask_token_embedding", "image_mask_token"),
    (r"visual\.conv1\.weight", "vision_model.embeddings.patch_embedding.weight"),
    (r"visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"visual\.ln_patch\.", "patch_layernorm."),
    (r"visual\.decoder\.0\.", "pixel_decoder."),
    *_clip_blocks(r"visual\.transformer", "vision_model"),
    (r"token_embedding\.weight$", "text_model.embeddings.token_embedding.weight"),
    (r"positional_embedding$", "text_model.embeddings.position_embedding.weight"),
    *_clip_blocks("transformer", "text_model"),
    (r"ln_final\.", "text_model.final_layer_norm."),
    (r"point_encoder\.cls_token", "point_model.embeddings.class_embedding"),
    (r"point_encoder\.cls_pos", "point_model.embeddings.class_position"),
    (r"point_encoder\.mask_token", "point_mask_token"),
    (r"point_encoder\.proj$", "point_local_projection.weight"),
    (r"point_encoder\.lm_head\.", "token_decoder."),
    (r"point_encoder\.encoder\.(first|second)_conv\.0\.", r"point_model.embeddings.tokenizer.\1_in."),
    (r"point_encoder\.encoder\.(first|second)_conv\.1\.", r"point_model.embeddings.tokenizer.\1_norm."),
    (r"point_encoder\.encoder\.(first|second)_conv\.3\.", r"point_model.embeddings.tokenizer.\1_out."),
    (r"point_encoder\.reduce_dim\.", "point_model.embeddings.token_projection."),
    (r"point_encoder\.pos_embed\.0\.", "point_model.embeddings.position_in."),
    (r"point_encoder\.pos_embed\.2\.", "point_model.embeddings.position_out."),
    (r"point_encoder\.blocks\.blocks\.(\d+)\.norm([12])\.", r"point_model.layers.\1.layer_norm\2."),
    (r"point_encoder\.blocks\.blocks\.(\d+)\.attn\.qkv\.", r"point_model.layers.\1.self_attn.qkv."),
    (r"point_encoder\.blocks\.blocks\.(\d+)\.attn\.proj\.", r"point_model.layers.\1.self_attn.out_proj."),
    (r"point_encoder\.blocks\.blocks\.(\d+)\.mlp\.", r"point_model.layers.\1.mlp."),
    (r"point_encoder\.norm\.", "point_model.layernorm."),
    *_tower_layers(),
    (r"point_encoder\.ppat\.sa\.mlp_convs\.(\d+)\.", r"point_model.encoder.balls.scales.0.\1.linear."),
    (r"point_encoder\.ppat\.sa\.mlp_bns\.(\d+)\.", r"point_model.encoder.balls.scales.0.\1.norm."),
    (r"point_encoder\.ppat\.lift\.0\.", "point_model.encoder.lift."),
    (r"point_encoder\.ppat\.lift\.2\.", "point_model.encoder.lift_norm."),
    (r"point_encoder\.ppat\.cls_token", "point_model.encoder.class_embedding"),
    *_ppat_blocks(),
    *_uni3d_layers(),
    (r"point_encoder\.proj\.(weight|bias)$", r"point_projection.\1"),
    (r"image_projection$", "visual_projection.weight"),
    (r"text_projection$", "text_projection.weight"),
    (r"pc_projection$", "point_projection.weight"),
    (r"classifier$", "classifier.weight"),
)
# Official files store these as (in, out), for multiplication from the right; nn.Linear has (out, in).
_TRANSPOSED = {
    "visual_projection.weight",
    "text_projection.weight",
    "point_projection.weight",
    "classifier.weight",
    "point_local_projection.weight",
}
# Official files may store these with leading axes of size 1; here they have shape (width,).
_VECTORS = {
    "image_mask_token",
    "point_mask_token",
    "point_model.embeddings.class_embedding",
    "point_model.embeddings.class_position",
    "point_model.encoder.embeddings.class_embedding",
    "point_model.encoder.embeddings.class_position",
}


_ENCODER, _BIAS, _MEAN = "point_model.encoder.", ".linear.bias", ".norm.running_mean"


def rename_official_key(name: str) -> str:
    """Return our name of an official parameter, or the name itself if it is unknown."""
    for pattern, replacement in _RENAMES:
        if re.match(pattern, name):
            return re.sub("^" + pattern, replacement, name)
    return name


def our_names(official: str) -> list[str]:
    """Return our names for an official tensor: one, or three for a fused query, key and value projection.

    A bias before a BatchNorm has no name of its own; its place is the BatchNorm's mean.
    """
    name = rename_official_key(official)
    if name.startswith(_ENCODER) and name.endswith(_BIAS):
        return [name.removesuffix(_BIAS) + _MEAN]
    if ".self_attn.in_proj_" not in name:
        return [name]
    prefix, kind = name.split("in_proj_")
    return [f"{prefix}{part}_proj.{kind}" for part in "qkv"]


def convert_state_dict(official: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Convert official weights to our names and layouts.

    It splits in_proj, flattens 1x1 convolutions, and takes a bias before a BatchNorm off the BatchNorm's mean.

    Args:
        official: official name -> tensor, as in [`OfficialWeights.tensors`].

    Returns:
        State dict for [`CrossMoSTForSelfTraining`]; tensors with unknown names are kept unchanged.

    Raises:
        CheckpointError: if a fused query, key and value projection cannot be split into three equal parts, or a bias
            does not fit its BatchNorm.
    """
    converted: dict[str, torch.Tensor] = {}
    biases: dict[str, torch.Tensor] = {}
    for name, tensor in official.items():
        ours = our_names(name)
        if ours[0].endswith(_MEAN) and not name.endswith("running_mean"):
            biases[ours[0]] = tensor
        elif len(ours) == 3:
            if tensor.dim() == 0 or len(tensor) % 3:
                raise CheckpointError(
                    f"The checkpoint's {name} of shape {tuple(tensor.shape)} cannot be split into three equal parts."
                )
            # Copies: chunks would share memory, which safetensors refuses to save.
            converted.update((part, piece.clone()) for part, piece in zip(ours, tensor.chunk(3), strict=True))
        else:
            converted[ours[0]] = _in_our_layout(tensor, ours[0], name)
            if tensor.dim() > 1 and re.search(r"\.conv_blocks\.\d+\.0\.weight$", name):
                # With several scales, the public PointNet++ has a point's coordinates behind its features.
                converted[ours[0]] = converted[ours[0]].roll(3, dims=1)
    for name, bias in biases.items():
        mean = converted.get(name, bias)
        if mean.shape != bias.shape:
            raise CheckpointError(
                f"The checkpoint's tensors do not fit together: {name} has shape {tuple(mean.shape)}, the bias before "
                f"it {tuple(bias.shape)}."
            )
        if name in converted:
            converted[name] = mean - bias
    return converted


def _in_our_layout(tensor: torch.Tensor, ours: str, official: str) -> torch.Tensor:
    # OpenShape's projection is a layer, with a weight as ours.
    if ours in _TRANSPOSED and not official.endswith(".weight") and tensor.dim() == 2:
        return tensor.T.contiguous()
    if ours in _VECTORS or ours.endswith((".alpha", ".beta")):
        return tensor.flatten()
    if tensor.dim() > 2 and "patch_embedding" not in ours and ours != official:
        return tensor.flatten(1)  # (out, in, 1[, 1]) -> (out, in)
    return tensor
