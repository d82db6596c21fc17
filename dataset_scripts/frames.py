"""Real views of an object: photographs or video frames in a folder or zip file next to its scan."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image


FRAME_ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp"))
FRAME_FOLDERS = ("images", "rgb", "color", "frames", "views")  # subfolders of an object's folder, tried in this order
REAL_VIEWS = 20  # drawn from an object's pictures, as in the paper
MAX_PIXELS = 64_000_000  # of one decoded frame


def is_frame(name: str) -> bool:
    """Return whether a file is a picture, judging by its name."""
    base = os.path.basename(name)
    return os.path.splitext(base)[1].lower() in FRAME_ENDINGS and not base.startswith(".")


def find_frames(folder: Path) -> list[Path]:
    """List the pictures in `folder`, or else in the first of its `FRAME_FOLDERS` that has any, sorted by name."""
    for place in (folder, *(folder / name for name in FRAME_FOLDERS)):
        if place.is_dir() and (found := sorted(place / name for name in os.listdir(place) if is_frame(name))):
            return found
    return []


def choose(count: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """Draw `wanted` of `count` indices without replacement, ascending; all of them if there are not more."""
    if count <= wanted:
        return list(range(count))
    return sorted(rng.choice(count, size=wanted, replace=False).tolist())


def evenly(count: int, wanted: int) -> list[int]:
    """Return `wanted` of `count` indices, evenly spaced from the first on; all of them if there are not more."""
    return [step * count // wanted for step in range(wanted)] if count > wanted else list(range(count))


def read_frames(paths: Sequence[Path], size: int) -> np.ndarray:
    """Read pictures as uint8 (V, size, size, 3), see `fit_frame`.

    Raises:
        ValueError: if there are none or one of them cannot be read.
    """
    if not paths:
        raise ValueError("There are no pictures of the object.")
    return np.stack([fit_frame(path, size, path.name) for path in paths])


def draw_frames(folder: Path, wanted: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `wanted` of the pictures that `find_frames` finds, in the order of their names: uint8 (V, R, R, 3).

    Raises:
        ValueError: as `read_frames`.
    """
    found = find_frames(folder)
    return read_frames([found[index] for index in choose(len(found), wanted, rng)], size)


def read_zipped_frames(archive: Path, folder: str, wanted: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `wanted` pictures from a zip file's `folder`, in the order of their names: uint8 (V, R, R, 3).

    Raises:
        ValueError: if the archive is broken or has no pictures in that folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(n for n in opened.namelist() if is_frame(n) and n.split("/")[-2:-1] == [folder])
            if not names:
                raise ValueError(f"The archive {archive.name} holds no pictures in a folder {folder!r}.")
            chosen = [names[index] for index in choose(len(names), wanted, rng)]
            views = []
            for name in chosen:
                with opened.open(name) as stream:
                    views.append(fit_frame(stream, size, name))
            return np.stack(views)
    except zipfile.BadZipFile as error:
        raise ValueError(f"The archive {archive.name} cannot be read: {error}.") from None


def fit_frame(source: Path | IO[bytes], size: int, name: str) -> np.ndarray:
    """Read one picture as uint8 (size, size, 3): short side resized to `size` (bicubic), center crop, EXIF rotation.

    Transparent parts become white.

    Raises:
        ValueError: if the picture cannot be read or has more than `MAX_PIXELS`.
    """
    from PIL import ImageOps

    try:
        with Image.open(source) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"it has {picture.width} x {picture.height} pixels, resize it")
            # JPEG can be decoded at 1/2, 1/4 or 1/8 of its size at no extra cost; other formats ignore this.
            picture.draft("RGB", (2 * size, 2 * size))
            upright = _opaque(ImageOps.exif_transpose(picture))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"The picture {name} cannot be used: {error}.") from None
    return np.asarray(ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC))


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
