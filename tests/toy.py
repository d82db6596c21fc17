"""A toy data set (box, ball, tube with depth views) and a toy model, for tests of whole runs."""

import io
from pathlib import Path

import numpy as np
import torch
import trimesh
from datasets import Array2D, ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as PILImage
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from modeling_crossmost import CrossMoSTConfig, CrossMoSTModel, CrossMoSTProcessor
from modeling_crossmost.feature_extraction_crossmost import CrossMoSTFeatureExtractor
from modeling_crossmost.geometry_crossmost import normalize_points, sample_surface
from modeling_crossmost.rendering_crossmost import depth_views
from modeling_crossmost.training.mini import train_tokenizer


CLASSES = ["box", "ball", "tube"]
IMAGE_SIZE, PATCH_SIZE, NUM_POINTS, NUM_VIEWS, CONTEXT = 32, 8, 64, 3, 16
CAPTIONS = [caption for name in CLASSES for caption in (f"a {name}", f"something like a {name}")]

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
}


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
    """Writes rows as the Parquet shard of a split; columns that the rows lack are left out."""
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
    """A data set folder with labelled training and test splits."""
    write_split(folder, "train", toy_rows(train, 0))
    write_split(folder, "test", toy_rows(test, 1))
    return folder


def toy_config(tokenizer) -> CrossMoSTConfig:
    """Three towers of width 32 with two blocks; stochastic depth is on, so that its noise has to be right."""
    return CrossMoSTConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": IMAGE_SIZE,
            "patch_size": PATCH_SIZE,
            "projection_dim": 16,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": CONTEXT,
            "projection_dim": 16,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        point_config={
            "num_groups": 8,
            "group_size": 8,
            "tokenizer_dims": (8, 16, 32),
            "token_size": 32,
            "position_hidden_size": 16,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "drop_path_rate": 0.3,
        },
        projection_dim=16,
        class_names=CLASSES,
        prompt_templates=["a {}", "something like a {}"],
    )


def make_model(folder: Path | None = None, seed: int = 0) -> tuple[CrossMoSTModel, CrossMoSTProcessor]:
    """The untrained toy model and its processor, saved to `folder` where one is given."""
    tokenizer = train_tokenizer(CAPTIONS, vocab_size=600)
    tokenizer.model_max_length = CONTEXT
    torch.manual_seed(seed)
    model = CrossMoSTModel(toy_config(tokenizer)).eval()
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


def flags(**options) -> list[str]:
    """Command-line flags of [`COMMON`] with `options` over it; `None` leaves a flag out."""
    words = []
    for name, value in {**COMMON, **options}.items():
        if value is not None:
            words += [f"--{name}", *map(str, value if isinstance(value, list | tuple) else [value])]
    return words
