"""Toy models, a toy tokenizer and toy inputs that several tests share."""

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from modeling_crossmost import CrossMoSTConfig, CrossMoSTModel


LETTERS = "abcdefghijklmnopqrstuvwxyz"
IMAGE_SIZE, PATCH_SIZE, NUM_POINTS = 16, 4, 40
NUM_PATCHES = (IMAGE_SIZE // PATCH_SIZE) ** 2

VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": IMAGE_SIZE,
    "patch_size": PATCH_SIZE,
    "projection_dim": 8,
}
POINT = {
    "num_groups": 6,
    "group_size": 4,
    "tokenizer_dims": (6, 8, 10),
    "token_size": 12,
    "position_hidden_size": 10,
    "hidden_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "mlp_ratio": 2.0,
}
TEXT = {
    "vocab_size": 2 * len(LETTERS) + 2,
    "hidden_size": 12,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 24,
    "projection_dim": 8,
    "bos_token_id": 2 * len(LETTERS),
    "eos_token_id": 2 * len(LETTERS) + 1,
    "pad_token_id": 2 * len(LETTERS) + 1,
}
CLASSES = ["chair", "table", "lamp"]


def tiny_config(text: bool = False, **fields) -> CrossMoSTConfig:
    """A configuration of a few thousand parameters; `fields` override."""
    defaults = {
        "vision_config": dict(VISION),
        "point_config": dict(POINT),
        "text_config": dict(TEXT) if text else None,
        "projection_dim": 8,
        "class_names": CLASSES,
    }
    return CrossMoSTConfig(**{**defaults, **fields})


def tiny_model(model_class: type[CrossMoSTModel] = CrossMoSTModel, seed: int = 0, **fields) -> CrossMoSTModel:
    """A randomly initialised toy in evaluation mode, its BatchNorm statistics and norms far from their defaults."""
    torch.manual_seed(seed)
    return roughen(model_class(tiny_config(**fields)), seed).eval()


def roughen(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Moves every parameter and floating buffer, so that nothing passes a test by still having its initial value."""
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("num_batches_tracked"):
                value.fill_(7)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 2.0, generator=generator)
            elif value.is_floating_point():
                value.add_(0.1 * torch.randn(value.shape, generator=generator))
    return model


def tiny_tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer that spells: one token a letter."""
    tokens = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=TEXT["max_position_embeddings"])


def tiny_clip(seed: int = 0) -> CLIPModel:
    """A randomly initialised `CLIPModel` with the towers of [`tiny_config`]."""
    torch.manual_seed(seed)
    config = CLIPConfig(vision_config=dict(VISION), text_config=dict(TEXT), projection_dim=8)
    return roughen(CLIPModel(config), seed).eval()


def tiny_clouds(batch: int = 3, points: int = NUM_POINTS, seed: int = 0) -> torch.Tensor:
    """(B, N, 3) clouds in the unit ball."""
    clouds = torch.randn(batch, points, 3, generator=torch.Generator().manual_seed(seed))
    clouds = clouds - clouds.mean(1, keepdim=True)
    return clouds / clouds.norm(dim=-1).amax(1)[:, None, None]


def tiny_views(*shape: int, seed: int = 0) -> torch.Tensor:
    """(*shape, 3, H, W) views."""
    return torch.randn(*shape, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(seed))
