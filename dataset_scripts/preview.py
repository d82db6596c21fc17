"""Draw a contact sheet of a prepared data set, to check it before training: a row per object, its views and cloud."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from modeling_crossmost.utils.atomic import atomic_file

from .writing import Prepared


PREVIEW_FILE = "preview.png"
OBJECTS = 12
VIEWS = 6
TILE = 112  # pixels
LABEL_HEIGHT = 14  # pixels
VIEW_AZIMUTH, VIEW_ELEVATION = 30.0, 20.0  # degrees, from which the cloud is seen


def write_preview(folder: Path, prepared: Prepared, class_names: Sequence[Sequence[str] | None]) -> Path:
    """Write `preview.png` into the data set's `folder`, with about `OBJECTS` objects of every configuration.

    Args:
        folder: Root of the data set.
        prepared: Its splits.
        class_names: Class names of every configuration, or None.

    Returns:
        The picture's path.
    """
    strips = []
    for names, splits in zip(class_names, prepared.splits, strict=True):
        files = [folder / file for summary in splits.values() for file in summary.files[:1]]
        strips += [_strip(row, names) for row in _first_rows(files)]
    sheet = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    with atomic_file(folder / PREVIEW_FILE) as temporary:
        sheet.save(temporary, format="PNG")
    return folder / PREVIEW_FILE


def _first_rows(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield about `OBJECTS` rows, the same number from each file if it has enough."""
    import pyarrow.parquet as parquet

    share = -(-OBJECTS // max(len(files), 1))  # rounded up
    for file in files:
        batch = next(parquet.ParquetFile(file).iter_batches(batch_size=share), None)
        yield from batch.to_pylist() if batch is not None else ()


def _strip(row: dict[str, Any], class_names: Sequence[str] | None) -> Image.Image:
    """Draw one row: the object's name, evenly spaced views and the cloud."""
    chosen = np.unique(np.linspace(0, len(row["views"]) - 1, VIEWS).round().astype(int))
    tiles = [Image.open(io.BytesIO(row["views"][i]["bytes"])).convert("RGB").resize((TILE, TILE)) for i in chosen]
    tiles.append(draw_cloud(np.asarray(row["points"], dtype=np.float32), TILE))
    strip = Image.new("RGB", ((VIEWS + 1) * TILE, TILE + LABEL_HEIGHT), "white")
    text = row["object_id"]
    if class_names is not None and row.get("label") is not None:
        text += f"  ({class_names[row['label']]})"
    # Pillow's built-in font covers little more than ASCII.
    ImageDraw.Draw(strip).text((2, 1), text.encode("ascii", "replace").decode(), fill="black")
    for place, tile in enumerate(tiles):
        strip.paste(tile, (place * TILE, LABEL_HEIGHT))
    return strip


def draw_cloud(points: np.ndarray, size: int) -> Image.Image:
    """Draw an orthographic picture (size, size) of a cloud (N, 3), y up, in the unit sphere; near points are darker."""
    azimuth, elevation = np.radians([VIEW_AZIMUTH, VIEW_ELEVATION])
    across = points[:, 0] * np.cos(azimuth) - points[:, 2] * np.sin(azimuth)
    toward = points[:, 0] * np.sin(azimuth) + points[:, 2] * np.cos(azimuth)
    up = points[:, 1] * np.cos(elevation) - toward * np.sin(elevation)
    depth = points[:, 1] * np.sin(elevation) + toward * np.cos(elevation)
    pixels = np.full((size, size, 3), 255, dtype=np.uint8)
    columns = np.clip(((across + 1) / 2 * (size - 1)).round().astype(int), 0, size - 1)
    rows = np.clip(((1 - up) / 2 * (size - 1)).round().astype(int), 0, size - 1)
    order = np.argsort(depth)  # near points are drawn last
    gray = np.clip(110 - 90 * depth, 0, 220).astype(np.uint8)
    pixels[rows[order], columns[order]] = np.stack([gray // 2, gray, gray], axis=1)[order]
    return Image.fromarray(pixels)
