"""Times what a pair costs before the towers: `python -m benchmarks data`.

Rendering and projecting twelve views of 224 px, reading single-view rows of 8192 points, and the weak and strong
augmentation of a pair.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
import torch
import trimesh
from datasets import Array2D, Dataset, Features, Image, List, load_dataset
from PIL import Image as PILImage

from modeling_crossmost.data.augmentation import StrongImageTransform, WeakImageTransform, strong_clouds, weak_clouds
from modeling_crossmost.data.datasets import PairDataset, PairReader
from modeling_crossmost.data.keyed_random import object_keys
from modeling_crossmost.rendering_crossmost import depth_views, shaded_views

from .common import make_parser, milliseconds, parse, print_table, randn
from .machine import write_figures


POINTS, SIZE, VIEWS, BATCH = 8192, 224, 12, 16


def a_mesh() -> trimesh.Trimesh:
    """Return an ellipsoid of 5120 faces."""
    ball = trimesh.creation.icosphere(subdivisions=4)
    ball.vertices *= (1.0, 0.5, 0.7)
    return ball


def pairs_on_disk(folder: Path, views: np.ndarray, rows: int = 64, points: int = POINTS) -> Dataset:
    """Return a data set of `rows` pairs with the views (V, R, R, 3) as lossless WebP, loaded from Parquet."""
    encoded = []
    for view in views:
        content = io.BytesIO()
        PILImage.fromarray(view).save(content, "WEBP", lossless=True, method=0, quality=0)
        encoded.append({"bytes": content.getvalue(), "path": None})
    features = Features({"points": Array2D((points, 3), "float32"), "views": List(Image())})
    rng = np.random.default_rng(0)
    clouds = [rng.standard_normal((points, 3)).astype(np.float32) for _ in range(rows)]
    written = Dataset.from_dict({"points": clouds, "views": [encoded] * rows}, features=features)
    (folder / "data").mkdir(parents=True)
    written.to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    return load_dataset(str(folder), split="train", cache_dir=str(folder / "cache"))


def main(argv: list[str] | None = None) -> int:
    """Print a table of milliseconds per object."""
    options = parse(make_parser(__doc__, repeats=5), argv)
    mesh = a_mesh()
    cloud = mesh.sample(1024)
    points = randn(BATCH, POINTS, 3)
    keys = object_keys(0, 0, torch.arange(BATCH))
    views = shaded_views(mesh, VIEWS, SIZE)
    picture = PILImage.fromarray(views[0])
    weak, strong = WeakImageTransform(SIZE), StrongImageTransform(SIZE)

    def augment() -> None:
        weak_clouds(points, keys)
        strong_clouds(points, keys)
        for seed in range(BATCH):
            weak(picture, seed)
            strong(picture, seed)

    with tempfile.TemporaryDirectory() as folder:
        data = PairDataset(pairs_on_disk(Path(folder) / "pairs", views), PairReader(lambda view, seed: view, None))
        order = np.random.default_rng(0).permutation(64).tolist()
        rows = {
            f"{VIEWS} shaded views, {len(mesh.faces)} faces": (lambda: shaded_views(mesh, VIEWS, SIZE), 1),
            f"{VIEWS} shaded views, no supersampling": (lambda: shaded_views(mesh, VIEWS, SIZE, supersample=1), 1),
            "10 depth views of 1024 points": (lambda: depth_views(cloud, image_size=SIZE), 1),
            "reading a row with one view": (lambda: [data.__getitems__(order[i : i + 32]) for i in (0, 32)], 64),
            "weak and strong augmentation": (augment, BATCH),
        }
        print(f"milliseconds per object, {options.threads} thread, median")
        taken = {name: milliseconds(function, options.repeats) / objects for name, (function, objects) in rows.items()}
        print_table({name: f"{value:7.2f} ms" for name, value in taken.items()})
    figures = {name: {"milliseconds": value} for name, value in taken.items()}
    write_figures(options.output, figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
