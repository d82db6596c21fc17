"""Reading of raw files: walking a tree, one mesh or cloud from one file, encoding of views.

Kept out of the builder's module, where `datasets` replaces `open` and `np.load` by versions for remote files.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image


if TYPE_CHECKING:
    import trimesh

# Endings of 3D formats that people have but that cannot be read: listed as skipped instead of passed over in silence.
FOREIGN_ENDINGS = frozenset(
    (".3ds", ".3mf", ".blend", ".ctm", ".dae", ".e57", ".fbx", ".igs", ".iges", ".las", ".laz", ".max", ".step")
    + (".stp", ".usd", ".usda", ".usdc", ".usdz", ".wrl", ".x3d", ".7z", ".gz", ".rar", ".tar", ".tgz", ".zip")
)

# What pairs are made with, some of it imported late because commands that make none need not wait for it.
LIBRARIES = ("embreex.mesh_construction", "embreex.rtcore_scene", "h5py", "trimesh.visual.color") + (
    "modeling_crossmost.rendering_crossmost",
)


def import_libraries() -> None:
    """Imports everything that makes pairs, before the bounds of a single object apply."""
    for name in LIBRARIES:
        import_module(name)


def readable_endings() -> frozenset[str]:
    """File endings, lower case with dot, that `read_geometry` reads."""
    from modeling_crossmost.geometry_crossmost import FILE_TYPES

    return frozenset(f".{kind}" for kind in FILE_TYPES)


def walk_files(root: Path) -> Iterator[PurePosixPath]:
    """Paths below `root` of all files, sorted, symbolic links followed; hidden entries and link loops are left out.

    Raises:
        ValueError: `root` is not a folder.
    """
    if not root.is_dir():
        raise ValueError(f"The source {str(root)!r} is not a folder; give the folder that holds the files.")
    yield from _walk(root, PurePosixPath(), (os.path.realpath(root),))


def _walk(root: Path, below: PurePosixPath, ancestors: tuple[str, ...]) -> Iterator[PurePosixPath]:
    for name in sorted(os.listdir(root / below)):
        if name.startswith((".", "__MACOSX")):
            continue
        path = below / name
        if not (root / path).is_dir():
            yield path
            continue
        target = os.path.realpath(root / path)
        # A link to a folder above would be walked for ever; two links to one folder are two folders.
        if target not in ancestors:
            yield from _walk(root, path, (*ancestors, target))


def read_geometry(path: Path, up_axis: str) -> trimesh.Trimesh | np.ndarray:
    """Reads a mesh or a cloud (P, 3) and turns it from `up_axis` up to y up.

    Raises:
        ValueError: The file cannot be read, is empty or holds numbers that are not finite.
    """
    from modeling_crossmost.geometry_crossmost import load_geometry, orient_geometry

    return orient_geometry(load_geometry(path), up_axis)


def file_state(path: Path) -> tuple[int, int]:
    """(size in bytes, time of the last change in ns) of a file, (0, 0) where it is missing."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def encode_view(view: np.ndarray) -> bytes:
    """Lossless WebP bytes of one view, uint8 (R, R, 3), at the fast effort: a tenth of the default effort's time."""
    buffer = io.BytesIO()
    Image.fromarray(view).save(buffer, format="WEBP", lossless=True, method=0, quality=0)
    return buffer.getvalue()
