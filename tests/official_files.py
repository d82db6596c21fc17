"""Official files of every kind, put together from the micro recordings that travel with the repository.

The recorded files share their weights (`test_convert_kinds.py` checks it where the originals are at hand), so one
checkpoint and the text tower that it lacks are enough for all.
"""

import argparse

import torch
from golden import FIXTURES
from safetensors.torch import load_file

from modeling_crossmost.official.checkpoints import load_official_checkpoint


# What no tensor of the micro files shows.
SIZES = {"image_heads": 2, "point_heads": 2, "point_groups": 8, "group_size": 4}
POINT_SIZES = {name: value for name, value in SIZES.items() if name != "image_heads"}


def flags(sizes: dict[str, int]) -> list[str]:
    """The command line's form of some sizes."""
    return [text for name, value in sizes.items() for text in (f"--{name.replace('_', '-')}", str(value))]


def crossmost_content() -> dict:
    """`checkpoint-best.pth`."""
    return load_official_checkpoint(FIXTURES / "checkpoint-best_micro.pth")


def official_tensors() -> dict[str, torch.Tensor]:
    """The student's tensors and the text tower's by the names of CrossMoST's own files, without the classifier."""
    tensors = {**crossmost_content()["model"], **load_file(FIXTURES / "ulip_text_micro.safetensors")}
    del tensors["classifier"]
    return tensors


def _wrapped(tensors: dict[str, torch.Tensor]) -> dict:
    return {
        "epoch": 250,
        "state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()},
        "optimizer": {},
        "scaler": {},
        "best_acc1": 0.0,
        "args": argparse.Namespace(model="ULIP_PointBERT", npoints=8192),
    }


def ulip_content() -> dict:
    """CrossMoST's own three-modal ULIP file."""
    return _wrapped(official_tensors())


def public_ulip_content() -> dict:
    """The public ULIP layout: a timm ViT below `visual.`, a point tower without the parts of masked modeling."""
    left_out = ("visual.", "point_encoder.mask_token", "point_encoder.lm_head", "point_encoder.proj")
    tensors = {name: tensor for name, tensor in official_tensors().items() if not name.startswith(left_out)}
    tensors["visual.cls_token"] = torch.zeros(1, 1, 16)
    tensors["visual.patch_embed.proj.weight"] = torch.zeros(16, 3, 8, 8)
    tensors["visual.blocks.0.attn.qkv.weight"] = torch.zeros(48, 16)
    return _wrapped(tensors)


def pointbert_content() -> dict:
    """Point-BERT pre-training: the query network, its momentum twin, the queue and the tokenizer's whole dVAE."""
    tower = {
        name.removeprefix("point_encoder."): tensor
        for name, tensor in official_tensors().items()
        if name.startswith("point_encoder.") and not name.startswith("point_encoder.proj")
    }
    model = {f"module.transformer_q.{name}": tensor for name, tensor in tower.items()}
    model |= {f"module.transformer_k.{name}": torch.zeros_like(tensor) for name, tensor in tower.items()}
    model["module.transformer_q.cls_head.0.weight"] = torch.zeros(4, 24)
    model["module.queue"] = torch.zeros(4, 8)
    model["module.dvae.encoder.first_conv.0.weight"] = torch.zeros(128, 3, 1)
    return {"base_model": model, "epoch": 300}


def dvae_content() -> dict:
    """Point-BERT's tokenizer inside its discrete VAE."""
    encoder = {
        name.removeprefix("point_encoder."): tensor
        for name, tensor in official_tensors().items()
        if name.startswith("point_encoder.encoder.")
    }
    others = {name: torch.zeros(1) for name in ("codebook", "dgcnn_1.layer1.0.weight", "decoder.mlp.0.weight")}
    model = {f"module.{name}": tensor for name, tensor in {**others, **encoder}.items()}
    return {"base_model": model, "optimizer": {}, "epoch": 299, "metrics": {}, "best_metrics": {}}


CONTENTS = {
    "crossmost": crossmost_content,
    "ulip": ulip_content,
    "public_ulip": public_ulip_content,
    "pointbert": pointbert_content,
    "dvae": dvae_content,
}
KIND_OF = {name: name.removeprefix("public_") for name in CONTENTS}
