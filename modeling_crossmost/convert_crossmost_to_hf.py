"""Converts official checkpoints (`.pth` pickles) to `save_pretrained` folders, without executing code from the file.

    python -m modeling_crossmost.convert_crossmost_to_hf checkpoint-best.pth --output crossmost-modelnet40

Sizes are read from the tensors; options exist only for what no tensor shows (heads, grouping, class names).
"""

import argparse
import os
import re
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from .configuration_crossmost import CrossMoSTConfig, check_class_names
from .modeling_crossmost import CrossMoSTForSelfTraining


KINDS = ("crossmost",)

# Official name (regular expression) -> our name. `\1` is the block number.
_RENAMES = (
    (r"visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"visual\.mask_token_embedding", "image_mask_token"),
    (r"visual\.conv1\.weight", "vision_model.embeddings.patch_embedding.weight"),
    (r"visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"visual\.ln_patch\.", "patch_layernorm."),
    (r"visual\.decoder\.0\.", "pixel_decoder."),
    (r"visual\.transformer\.resblocks\.(\d+)\.ln_([12])\.", r"vision_model.encoder.layers.\1.layer_norm\2."),
    (r"visual\.transformer\.resblocks\.(\d+)\.attn\.out_proj\.", r"vision_model.encoder.layers.\1.self_attn.out_proj."),
    (r"visual\.transformer\.resblocks\.(\d+)\.attn\.in_proj_", r"vision_model.encoder.layers.\1.self_attn.in_proj_"),
    (r"visual\.transformer\.resblocks\.(\d+)\.mlp\.c_fc\.", r"vision_model.encoder.layers.\1.mlp.fc1."),
    (r"visual\.transformer\.resblocks\.(\d+)\.mlp\.c_proj\.", r"vision_model.encoder.layers.\1.mlp.fc2."),
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
    (r"image_projection$", "visual_projection.weight"),
    (r"pc_projection$", "point_projection.weight"),
    (r"classifier$", "classifier.weight"),
)
# Stored as (in, out) for right multiplication; nn.Linear keeps (out, in).
_TRANSPOSED = {
    "visual_projection.weight",
    "point_projection.weight",
    "classifier.weight",
    "point_local_projection.weight",
}
_VECTORS = {
    "image_mask_token",
    "point_mask_token",
    "point_model.embeddings.class_embedding",
    "point_model.embeddings.class_position",
}


class CheckpointError(ValueError):
    """A checkpoint that cannot be converted; the message is one sentence for the user."""


@dataclass
class KeyReport:
    """What a conversion did not find and did not use.

    Attributes:
        missing: our parameter names that the file has no tensor for.
        unexpected: official names in the file that have no place in the model.
    """

    missing: list[str]
    unexpected: list[str]


def load_official_checkpoint(path: str | os.PathLike) -> dict:
    """Reads a `.pth`/`.pt` file without unpickling code: tensors, plain containers and `argparse.Namespace` only.

    Raises:
        CheckpointError: no such file, not a checkpoint, truncated, or one that would execute code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint file {path}: give the path of an official .pth file.")
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on pickles of an unusual protocol; what matters is raised
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every kind of damage ends here, and none of it may look like our bug
        reason = str(error).strip().split("\n")[0].split(". ")[0]
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely ({type(error).__name__}: {reason}): "
            "download it again, or check that it is one of the official files."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__} instead of a dictionary of weights.")
    return content


def rename_official_key(name: str) -> str:
    """The official parameter's name in our model; unknown names come back unchanged."""
    for pattern, replacement in _RENAMES:
        if re.match(pattern, name):
            return re.sub("^" + pattern, replacement, name)
    return name


def convert_state_dict(official: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Official CrossMoST weights under our names and in our layouts: in_proj split, 1x1 convolutions as matrices.

    Args:
        official: `model` or `model_ema` of a checkpoint.

    Returns:
        Tensors for [`CrossMoSTForSelfTraining`]; unknown names are kept as they are.
    """
    converted = {}
    for name, tensor in official.items():
        ours = rename_official_key(name)
        if ".self_attn.in_proj_" in ours:
            prefix, kind = ours.split("in_proj_")
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                converted[f"{prefix}{part}_proj.{kind}"] = piece.clone()
            continue
        if ours in _TRANSPOSED and tensor.dim() == 2:
            tensor = tensor.T.contiguous()
        elif ours in _VECTORS:
            tensor = tensor.flatten()
        elif tensor.dim() > 2 and "patch_embedding" not in ours and ours != name:
            tensor = tensor.flatten(1)  # (out, in, 1[, 1]) -> (out, in)
        converted[ours] = tensor
    return converted


@dataclass(frozen=True)
class _Sizes:
    """What the tensors show of a model's sizes; `grid` is the number of patches along a side of a view."""

    image_width: int
    image_mlp: int
    patch_size: int
    grid: int
    point_width: int
    point_mlp: int
    tokenizer_dims: tuple[int, int, int]
    token_size: int
    position_width: int
    num_classes: int
    projection_dim: int
    logit_scale: float


def _read_sizes(weights: dict[str, torch.Tensor]) -> _Sizes:
    try:
        patch = weights["vision_model.embeddings.patch_embedding.weight"]
        positions = weights["vision_model.embeddings.position_embedding.weight"]
        first_in, first_out, second_in, second_out = (
            weights[f"point_model.embeddings.tokenizer.{name}.weight"].shape[0]
            for name in ("first_in", "first_out", "second_in", "second_out")
        )
        point_width = weights["point_model.embeddings.token_projection.weight"].shape[0]
        position_in = weights["point_model.embeddings.position_in.weight"]
        num_classes, projection_dim = weights["classifier.weight"].shape
        return _Sizes(
            image_width=patch.shape[0],
            image_mlp=weights["vision_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
            patch_size=patch.shape[-1],
            grid=round((positions.shape[0] - 1) ** 0.5),
            point_width=point_width,
            point_mlp=weights["point_model.layers.0.mlp.fc1.weight"].shape[0],
            tokenizer_dims=(first_in, first_out, second_in),
            token_size=second_out,
            position_width=position_in.shape[0],
            num_classes=num_classes,
            projection_dim=projection_dim,
            logit_scale=float(weights["logit_scale"]),
        )
    except KeyError as missing:
        raise CheckpointError(
            f"The checkpoint has no tensor for {missing.args[0]}: it is not an official CrossMoST model file."
        ) from missing
    except (IndexError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"The checkpoint's tensors do not have the shapes of an official CrossMoST model file ({error})."
        ) from error


def infer_config(
    weights: dict[str, torch.Tensor],
    image_heads: int | None = None,
    point_heads: int | None = None,
    point_groups: int = 64,
    group_size: int = 32,
    image_size: int | None = None,
    class_names: list[str] | None = None,
) -> CrossMoSTConfig:
    """Reads every size that the tensors show.

    Args:
        weights: result of [`convert_state_dict`].
        image_heads, point_heads: attention heads; default one per 64 channels, as all official models have.
        point_groups, group_size: grouping, invisible in the weights (64 of 32 in the self-training recipes).
        image_size: side of the views in pixels; default from the position embeddings, which it has to agree with.
        class_names: the classes in label order; default "class 0", "class 1", ...

    Raises:
        CheckpointError: a tensor that a size is read from is missing, or an option contradicts the tensors.
    """
    sizes = _read_sizes(weights)
    shown_size = sizes.grid * sizes.patch_size
    if image_size is not None and image_size != shown_size:
        raise CheckpointError(
            f"--image-size {image_size} contradicts the checkpoint, whose position embeddings are for {shown_size} px: "
            "leave the option out."
        )
    class_names = _names(class_names, sizes.num_classes)
    return CrossMoSTConfig(
        vision_config={
            "hidden_size": sizes.image_width,
            "intermediate_size": sizes.image_mlp,
            "projection_dim": sizes.projection_dim,
            "num_hidden_layers": _count_blocks(weights, r"vision_model\.encoder\.layers\.(\d+)\."),
            "num_attention_heads": _heads(image_heads, sizes.image_width, "--image-heads"),
            "image_size": shown_size,
            "patch_size": sizes.patch_size,
            "hidden_act": "quick_gelu",
        },
        point_config={
            "num_groups": point_groups,
            "group_size": group_size,
            "tokenizer_dims": sizes.tokenizer_dims,
            "token_size": sizes.token_size,
            "position_hidden_size": sizes.position_width,
            "hidden_size": sizes.point_width,
            "num_hidden_layers": _count_blocks(weights, r"point_model\.layers\.(\d+)\."),
            "num_attention_heads": _heads(point_heads, sizes.point_width, "--point-heads"),
            "mlp_ratio": sizes.point_mlp / sizes.point_width,
            "qkv_bias": "point_model.layers.0.self_attn.qkv.bias" in weights,
        },
        projection_dim=sizes.projection_dim,
        logit_scale_init_value=sizes.logit_scale,
        class_names=class_names,
        point_local_projection="point_local_projection.weight" in weights,
    )


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


def _count_blocks(weights: dict[str, torch.Tensor], pattern: str) -> int:
    return 1 + max(int(match.group(1)) for match in (re.match(pattern, name) for name in weights) if match)


def convert_crossmost(content: dict, weights: str = "model", **options) -> tuple[CrossMoSTForSelfTraining, KeyReport]:
    """Builds our model from the content of an official `checkpoint-*.pth`.

    Args:
        content: result of [`load_official_checkpoint`].
        weights: "model" (student, what the official evaluation uses) or "model_ema" (teacher).
        options: see [`infer_config`].

    Returns:
        The model in evaluation mode and the report of unused names.

    Raises:
        CheckpointError: the file is of another kind, or lacks parameters of the model.
    """
    official = content.get(weights)
    if not isinstance(official, dict) or not official:
        found = ", ".join(map(str, list(content)[:6]))
        raise CheckpointError(
            f"The checkpoint has no weights under {weights!r} (top level: {found}): it is not of kind 'crossmost'."
        )
    for name, value in official.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise CheckpointError(f"The checkpoint holds a {type(value).__name__} under {name!r} instead of a tensor.")
    state = convert_state_dict(official)
    model = CrossMoSTForSelfTraining(infer_config(state, **options))
    try:
        result = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        detail = str(error).strip().split("\n")[-1].strip()
        raise CheckpointError(f"The checkpoint's tensors do not fit together ({detail}).") from error
    report = KeyReport(list(result.missing_keys), list(result.unexpected_keys))
    if report.missing:
        raise CheckpointError(
            f"The checkpoint lacks {len(report.missing)} parameters of the model, such as {report.missing[0]}: "
            f"missing {', '.join(report.missing)}."
        )
    return model.eval(), report


def write_atomically(model: CrossMoSTForSelfTraining, output: str | os.PathLike) -> None:
    """Saves into a folder beside `output` and renames it, so that a failure leaves nothing half-written.

    Raises:
        CheckpointError: `output` exists and is not empty.
    """
    output = Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(f"--output {output} already exists: name a new folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    try:
        model.save_pretrained(temporary)
        if output.is_dir():
            output.rmdir()
        os.replace(temporary, output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _OneSentenceParser(argparse.ArgumentParser):
    """argparse prints its usage with every error; one sentence is enough."""

    def error(self, message: str):
        self.exit(2, f"error: {message}\n")


def _parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _OneSentenceParser(
        prog="python -m modeling_crossmost.convert_crossmost_to_hf", description=__doc__.split("\n")[0]
    )
    parser.add_argument("checkpoint", help="official .pth file")
    parser.add_argument("--output", required=True, help="new folder for save_pretrained")
    parser.add_argument("--kind", choices=(*KINDS, "auto"), default="auto", help="what the file is")
    parser.add_argument("--weights", choices=("model", "model_ema"), default="model", help="student or EMA teacher")
    parser.add_argument("--image-heads", type=int, help="attention heads of the image tower (default: width / 64)")
    parser.add_argument("--point-heads", type=int, help="attention heads of the point tower (default: width / 64)")
    parser.add_argument("--point-groups", type=int, default=64, help="sub-clouds per object")
    parser.add_argument("--group-size", type=int, default=32, help="points per sub-cloud")
    parser.add_argument("--image-size", type=int, help="side of the views in pixels, checked against the file")
    parser.add_argument(
        "--class-names", type=lambda text: [n.strip() for n in text.split(",")], help="a,b,c in label order"
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (2 with one sentence on stderr for anything that is wrong)."""
    arguments = _parse_arguments(argv)
    try:
        model, report = convert_crossmost(
            load_official_checkpoint(arguments.checkpoint),
            weights=arguments.weights,
            image_heads=arguments.image_heads,
            point_heads=arguments.point_heads,
            point_groups=arguments.point_groups,
            group_size=arguments.group_size,
            image_size=arguments.image_size,
            class_names=arguments.class_names,
        )
        write_atomically(model, arguments.output)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: --output {arguments.output} cannot be written ({error.strerror}).", file=sys.stderr)
        return 2
    print(f"missing: {', '.join(report.missing) or 'none'}")
    print(f"unexpected: {', '.join(report.unexpected) or 'none'}")
    print(f"wrote {arguments.output} ({sum(p.numel() for p in model.parameters()):,} parameters)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
