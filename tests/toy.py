"""The toy of all tests: three tiny towers, a tokenizer that spells, inputs for them, and a data set of three shapes.

The towers differ in their widths, so that one in another's place is an error.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from datasets import Array2D, ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as PILImage
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from modeling_crossmost import CrossMoSTConfig, CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.feature_extraction_crossmost import CrossMoSTFeatureExtractor
from modeling_crossmost.geometry_crossmost import normalize_points, sample_surface
from modeling_crossmost.rendering_crossmost import depth_views


CLASSES = ["box", "ball", "tube"]
CAPTIONS = [caption for name in CLASSES for caption in (f"a {name}", f"something like a {name}")]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
IMAGE_SIZE, PATCH_SIZE, NUM_POINTS, NUM_VIEWS = 32, 8, 64, 3
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
    "num_groups": 9,  # enough that the default mask hides some
    "group_size": 4,
    "tokenizer_dims": (6, 8, 10),
    "token_size": 12,
    "position_hidden_size": 10,
    "hidden_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "mlp_ratio": 2.0,
    "drop_path_rate": 0.3,  # its noise has to be right
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

# What runs on the toy need: no augmentation library, a mask that fits 32 px, labels that an untrained model keeps.
COMMON = {
    "rand_augment": "none",
    "image_mask_unit": 16,
    "confidence_threshold": 0.3,
    "per_device_train_batch_size": 4,
    "num_train_epochs": 2,
    "dataloader_num_workers": 0,
    "learning_rate": 0.02,
    "logging_steps": 1,
    "dataset_config": "default",
    "select": "last",
}


# ------------------------------------------------------------------------------------------------ model and inputs


def toy_config(text: bool = False, **fields) -> CrossMoSTConfig:
    """A configuration of a few thousand parameters; `fields` override."""
    defaults = {
        "vision_config": dict(VISION),
        "point_config": dict(POINT),
        "text_config": dict(TEXT) if text else None,
        "projection_dim": 8,
        "class_names": CLASSES,
        "prompt_templates": ["a {}", "something like a {}"],
    }
    return CrossMoSTConfig(**{**defaults, **fields})


def toy_model(model_class: type[CrossMoSTModel] = CrossMoSTModel, seed: int = 0, **fields) -> CrossMoSTModel:
    """A randomly initialized toy in evaluation mode, its BatchNorm statistics and norms far from their defaults."""
    torch.manual_seed(seed)
    return roughen(model_class(toy_config(**fields)), seed).eval()


def roughen(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Move every parameter and floating buffer, so that nothing passes a test by still having its initial value."""
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


def toy_tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer that spells: one token a letter."""
    tokens = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=TEXT["max_position_embeddings"])


def toy_clip(seed: int = 0) -> CLIPModel:
    """A randomly initialized `CLIPModel` with the towers of [`toy_config`]."""
    torch.manual_seed(seed)
    config = CLIPConfig(vision_config=dict(VISION), text_config=dict(TEXT), projection_dim=8)
    return roughen(CLIPModel(config), seed).eval()


def toy_clouds(batch: int = 3, points: int = NUM_POINTS, seed: int = 0) -> torch.Tensor:
    """(B, N, 3) clouds in the unit ball."""
    clouds = torch.randn(batch, points, 3, generator=torch.Generator().manual_seed(seed))
    clouds = clouds - clouds.mean(1, keepdim=True)
    return clouds / clouds.norm(dim=-1).amax(1)[:, None, None]


def toy_views(*shape: int, seed: int = 0) -> torch.Tensor:
    """(*shape, 3, H, W) views."""
    return torch.randn(*shape, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(seed))


def make_model(folder: Path | None = None, **fields) -> tuple[CrossMoSTModel, CrossMoSTProcessor]:
    """The untrained toy with a text tower and its processor, saved to `folder` if given; `fields` override."""
    torch.manual_seed(2)  # not every seed gives views and clouds of different objects different classes
    model, tokenizer = CrossMoSTModel(toy_config(text=True, **fields)).eval(), toy_tokenizer()
    # Initial weights of 0.02 give all objects nearly the same features; larger ones make predictions that differ.
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() > 1 and "position" not in name:
                value.mul_(4.0)
    model.set_classes(CLASSES, tokenizer=tokenizer)
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    images = CLIPImageProcessorPil(size={"shortest_edge": IMAGE_SIZE}, crop_size=size)
    processor = CrossMoSTProcessor(images, CrossMoSTFeatureExtractor(up_axis="y", num_points=NUM_POINTS), tokenizer)
    if folder is not None:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    return model, processor


def kept_bytes(forward: Callable[[], Any]) -> int:
    """Memory that a forward pass keeps for the backward pass, parameters not counted."""
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return sum(storage.nbytes() for storage in kept.values())


# ------------------------------------------------------------------------------------------------ data set and runs


def toy_rows(count: int, seed: int, image_size: int = IMAGE_SIZE, points: int = NUM_POINTS) -> list[dict]:
    """Rows of `count` objects, the classes in turn."""
    shapes = [trimesh.creation.box((1, 1, 1)), trimesh.creation.icosphere(1), trimesh.creation.cylinder(0.3, 2)]
    rows = []
    for index in range(count):
        rng, kind = np.random.default_rng([seed, index]), index % len(shapes)
        mesh = shapes[kind].copy()
        mesh.apply_scale(rng.uniform(0.6, 1.4, 3))
        cloud = normalize_points(sample_surface(mesh, points, rng)[0])
        rows.append(
            {
                "object_id": f"{CLASSES[kind]}/{index}",
                "points": cloud,
                "views": [encode(view) for view in depth_views(cloud, count=NUM_VIEWS, image_size=image_size)],
                "label": kind,
                "captions": CAPTIONS[2 * kind : 2 * kind + 2],
            }
        )
    return rows


def encode(pixels: np.ndarray) -> dict:
    """An image as `datasets.Image` stores it, without loss."""
    content = io.BytesIO()
    PILImage.fromarray(pixels).save(content, "WEBP", lossless=True, method=0, quality=0)
    return {"bytes": content.getvalue(), "path": None}


def write_split(folder: Path, split: str, rows: list[dict], class_names: list[str] | None = None) -> None:
    """Write rows as the Parquet shard of a split; columns that the rows lack are left out."""
    points = len(rows[0].get("points", range(NUM_POINTS))) if rows else NUM_POINTS
    features = {
        "object_id": Value("string"),
        "points": Array2D((points, 3), "float32"),
        "views": List(Image()),
        "label": ClassLabel(names=class_names or CLASSES),
        "captions": List(Value("string")),
    }
    if rows:
        features = {name: feature for name, feature in features.items() if name in rows[0]}
    columns = {name: [row[name] for row in rows] for name in features}
    folder.mkdir(parents=True, exist_ok=True)
    Dataset.from_dict(columns, Features(features)).to_parquet(folder / f"{split}-00000-of-00001.parquet")


def without(rows: list[dict], *columns: str) -> list[dict]:
    """The rows less some columns."""
    return [{name: value for name, value in row.items() if name not in columns} for row in rows]


def make_dataset(folder: Path, train: int = 14, test: int = 9) -> Path:
    """A data set folder with labeled training and test splits."""
    write_split(folder, "train", toy_rows(train, 0))
    write_split(folder, "test", toy_rows(test, 1))
    return folder


def flags(**options) -> list[str]:
    """Command-line flags of [`COMMON`] with `options` over it; `None` leaves a flag out."""
    words = []
    for name, value in {**COMMON, **options}.items():
        if value is not None:
            words += [f"--{name}", *map(str, value if isinstance(value, list | tuple) else [value])]
    return words
